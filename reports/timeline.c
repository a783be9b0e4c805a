/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * The recording is cut into at most MAX_BUCKETS buckets of a round length.
 * A track is one number per bucket; a pane is a strip of the picture that shows
 * tracks of one kind. Everything is counted once, then drawn, listed as a table
 * and given to the script from the same tracks.
 *
 * Each pane's drawing stands in a nested <svg> whose unit is one bucket, so that
 * the script zooms by changing its viewBox alone.
 */
#include "timeline.h"
#include "page.h"
#include "svg.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_BUCKETS  300
#define MAX_TRACKS   72
#define MAX_REASONS  6
#define MAX_CPUS     16
#define MAX_COUNTERS 8
#define MAX_BANDS    8
#define TABLE_ROWS   20

enum pane {
	PANE_PACKETS,
	PANE_DROPS,
	PANE_REASONS,
	PANE_DELAYS,
	PANE_SOFTIRQ,
	PANE_EVENTS,
	PANE_COUNTERS,
	PANE_COUNT,
};

enum shape {
	SHAPE_STACK, /* bars upon each other */
	SHAPE_LINES, /* steps on a logarithmic scale of time */
	SHAPE_STRIPS, /* a row per track, darker is more */
};

static const struct {
	const char *title;
	enum shape shape;
} pane_info[] = {
	[PANE_PACKETS] = { "Packets", SHAPE_STACK },
	[PANE_DROPS] = { "Drops by class", SHAPE_STACK },
	[PANE_REASONS] = { "Harmful drops by reason", SHAPE_STRIPS },
	[PANE_DELAYS] = { "Delays, 99th percentile", SHAPE_LINES },
	[PANE_SOFTIRQ] = { "Network softirqs: share of each CPU", SHAPE_STRIPS },
	[PANE_EVENTS] = { "Telling events", SHAPE_STRIPS },
	[PANE_COUNTERS] = { "Counters of trouble", SHAPE_STRIPS },
};

_Static_assert(ARRAY_SIZE(pane_info) == PANE_COUNT, "one entry per pane");

enum unit {
	UNIT_COUNT,
	UNIT_NS,
};

struct track {
	char name[96]; /* may be text of the tape */
	enum pane pane;
	enum unit unit;
	const char *css; /* fill class */
	int64_t sum, max;
	int64_t v[MAX_BUCKETS];
};

/* A span of time with a label: a finding, or a gap in what was seen. */
struct band {
	char label[160];
	char severity[16]; /* "" for a gap */
	int64_t id;	   /* of the finding, 0 for a gap */
	int64_t from_ns, to_ns; /* since the start */
};

struct timeline {
	int64_t start_ns, bucket_ns;
	int n;
	struct track *track;
	int tracks;
	struct band band[2 * MAX_BANDS];
	int bands;
	int64_t cpus; /* with softirqs; more than MAX_CPUS are not drawn */
	int64_t counters_left_out;
};

static struct track *add_track(struct timeline *t, enum pane pane, enum unit unit, const char *css, const char *name)
{
	struct track *tr;

	if (t->tracks == MAX_TRACKS)
		return NULL;
	tr = &t->track[t->tracks++];
	tr->pane = pane;
	tr->unit = unit;
	tr->css = css;
	snprintf(tr->name, sizeof(tr->name), "%s", name);
	return tr;
}

static void add(struct timeline *t, struct track *tr, int64_t bucket, int64_t v)
{
	if (!tr || bucket < 0 || bucket >= t->n || v <= 0)
		return;
	tr->v[bucket] = (int64_t)sat_add_u64((uint64_t)tr->v[bucket], (uint64_t)v) & INT64_MAX;
	tr->sum = (int64_t)sat_add_u64((uint64_t)tr->sum, (uint64_t)v) & INT64_MAX;
	if (tr->v[bucket] > tr->max)
		tr->max = tr->v[bucket];
}

/* Run @sql with ?1 the start and ?2 the bucket's length; its columns are bucket and value. */
static void fill(struct rep *r, struct timeline *t, struct track *tr, sqlite3_stmt *st)
{
	if (st) {
		sqlite3_bind_int64(st, 1, t->start_ns);
		sqlite3_bind_int64(st, 2, t->bucket_ns);
	}
	while (rep_row(r, &st))
		add(t, tr, col_int_or(st, 0, -1), col_int(st, 1));
}

static void fill_sql(struct rep *r, struct timeline *t, struct track *tr, const char *sql)
{
	fill(r, t, tr, rep_query(r, sql));
}

static void make_packets(struct rep *r, struct timeline *t)
{
	static const struct {
		const char *name, *css;
		int kind;
	} kinds[] = { { "received", "c-rx", 1 }, { "sent", "c-tx", 2 }, { "forwarded", "c-fwd", 3 }, { "local", "c-local", 4 } };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct track *tr = add_track(t, PANE_PACKETS, UNIT_COUNT, kinds[i].css, kinds[i].name);
		sqlite3_stmt *st = rep_query(r, "SELECT (first_ns - ?1) / ?2, count(*) FROM _packet "
						"WHERE kind = ?3 AND first_ns >= ?1 GROUP BY 1");

		if (st)
			sqlite3_bind_int(st, 3, kinds[i].kind);
		fill(r, t, tr, st);
	}
}

static void make_drops(struct rep *r, struct timeline *t)
{
	static const char *const classes[][2] = { { "loss", "c-loss" },	      { "policy", "c-policy" },	  { "error", "c-error" },
						  { "protocol", "c-protocol" }, { "noise", "c-noise" },	  { "teardown", "c-teardown" } };
	sqlite3_stmt *top;

	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		struct track *tr = add_track(t, PANE_DROPS, UNIT_COUNT, classes[i][1], classes[i][0]);
		sqlite3_stmt *st = rep_query(r, "SELECT (ts_ns - ?1) / ?2, count(*) FROM packet_drop "
						"WHERE class = ?3 AND ts_ns >= ?1 GROUP BY 1");

		if (st)
			sqlite3_bind_text(st, 3, classes[i][0], -1, SQLITE_STATIC);
		fill(r, t, tr, st);
	}
	top = rep_query(r, "SELECT reason, function, count(*) FROM packet_drop WHERE class IN ('loss', 'policy', 'error') "
			   "GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 6");
	while (rep_row(r, &top)) {
		char name[128];
		struct track *tr;
		sqlite3_stmt *st;

		snprintf(name, sizeof(name), "%.50s %.60s", col_text(top, 0), col_text(top, 1));
		tr = add_track(t, PANE_REASONS, UNIT_COUNT, "c-loss", name);
		st = rep_query(r, "SELECT (ts_ns - ?1) / ?2, count(*) FROM packet_drop WHERE reason IS ?3 AND function IS ?4 "
				  "AND class IN ('loss', 'policy', 'error') AND ts_ns >= ?1 GROUP BY 1");
		if (st) {
			sqlite3_bind_value(st, 3, sqlite3_column_value(top, 0));
			sqlite3_bind_value(st, 4, sqlite3_column_value(top, 1));
		}
		fill(r, t, tr, st);
	}
}

/* 99th percentile per bucket: the smallest value that 99 % of the values do not exceed. */
#define P99_OF(from)                                                                                                    \
	"SELECT b, max(CASE WHEN k = (n * 99 + 99) / 100 THEN l END) FROM ("                                             \
	"SELECT b, l, row_number() OVER (PARTITION BY b ORDER BY l) AS k, count(*) OVER (PARTITION BY b) AS n FROM (" from \
	")) GROUP BY b"

static void make_delays(struct rep *r, struct timeline *t)
{
	fill_sql(r, t, add_track(t, PANE_DELAYS, UNIT_NS, "l-a", "NET_RX softirq: raised to run"),
		 P99_OF("SELECT (start_ns - ?1) / ?2 AS b, latency_ns AS l FROM softirq "
			"WHERE vec = 3 AND latency_ns IS NOT NULL AND start_ns >= ?1"));
	fill_sql(r, t, add_track(t, PANE_DELAYS, UNIT_NS, "l-b", "reader: woken to run"),
		 P99_OF("SELECT (start_ns - ?1) / ?2 AS b, latency_ns AS l FROM wakeup "
			"WHERE context = 2 AND latency_ns IS NOT NULL AND start_ns >= ?1"));
	fill_sql(r, t, add_track(t, PANE_DELAYS, UNIT_NS, "l-c", "received packet: whole way"),
		 P99_OF("SELECT (first_ns - ?1) / ?2 AS b, last_ns - first_ns AS l FROM _packet "
			"WHERE kind IN (1, 4) AND outcome = 1 AND flags & 22 = 0 AND first_ns >= ?1"));
}

/* A span's time goes to every bucket that it crosses. */
static void spread(struct timeline *t, struct track *tr, int64_t from_ns, int64_t to_ns)
{
	from_ns = from_ns < 0 ? 0 : from_ns;
	for (int64_t b = from_ns / t->bucket_ns; b < t->n && from_ns < to_ns; b++) {
		int64_t end = (b + 1) * t->bucket_ns;

		end = end < to_ns ? end : to_ns;
		add(t, tr, b, end - from_ns);
		from_ns = end;
	}
}

static void make_softirq(struct rep *r, struct timeline *t)
{
	struct track *of_cpu[MAX_CPUS];
	int64_t cpu[MAX_CPUS];
	int n = 0;
	sqlite3_stmt *st = rep_query(r, "SELECT cpu FROM (SELECT cpu, sum(end_ns - start_ns) AS ns FROM softirq "
					"WHERE vec IN (2, 3) AND end_ns IS NOT NULL GROUP BY cpu ORDER BY ns DESC, cpu LIMIT 16) "
					"ORDER BY cpu");

	t->cpus = rep_int(r, "SELECT count(DISTINCT cpu) FROM softirq WHERE vec IN (2, 3)", 0);
	while (rep_row(r, &st)) {
		char name[32];

		if (n == MAX_CPUS)
			continue;
		cpu[n] = col_int(st, 0);
		snprintf(name, sizeof(name), "CPU %" PRId64, cpu[n]);
		of_cpu[n] = add_track(t, PANE_SOFTIRQ, UNIT_NS, "c-cpu", name);
		n++;
	}
	st = rep_query(r, "SELECT cpu, start_ns - ?1, end_ns - ?1 FROM softirq WHERE vec IN (2, 3) AND end_ns IS NOT NULL");
	if (st)
		sqlite3_bind_int64(st, 1, t->start_ns);
	while (rep_row(r, &st))
		for (int i = 0; i < n; i++)
			if (cpu[i] == col_int(st, 0))
				spread(t, of_cpu[i], col_int(st, 1), col_int(st, 2));
}

static void make_events(struct rep *r, struct timeline *t)
{
	/* events that mean trouble whenever they come, whatever their number */
	static const char *const names[] = { "tcp_retransmit_skb", "tcp_send_reset",	"tcp_receive_reset",   "udp_fail_queue_rcv_skb",
					     "sock_rcvqueue_full", "sock_exceed_buf_limit", "tcp_bad_csum",	"net_dev_xmit_timeout",
					     "xdp_exception",	   "icmp_send",		"inet_sk_error_report", "tcp_retransmit_synack" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct track *tr;
		sqlite3_stmt *st = rep_query(r, "SELECT count(*) FROM event WHERE name = ?");
		int64_t n = 0;

		if (st)
			sqlite3_bind_text(st, 1, names[i], -1, SQLITE_STATIC);
		while (rep_row(r, &st))
			n = col_int(st, 0);
		if (!n)
			continue;
		tr = add_track(t, PANE_EVENTS, UNIT_COUNT, "c-event", names[i]);
		st = rep_query(r, "SELECT (ts_ns - ?1) / ?2, count(*) FROM event WHERE name = ?3 AND ts_ns >= ?1 GROUP BY 1");
		if (st)
			sqlite3_bind_text(st, 3, names[i], -1, SQLITE_STATIC);
		fill(r, t, tr, st);
	}
	if (rep_int(r, "SELECT count(*) FROM kmsg", 0))
		fill_sql(r, t, add_track(t, PANE_EVENTS, UNIT_COUNT, "c-event", "kernel log"),
			 "SELECT (ts_ns - ?1) / ?2, count(*) FROM kmsg WHERE ts_ns >= ?1 GROUP BY 1");
}

/* Names of counters that move when something goes wrong. */
#define TROUBLE                                                                                                        \
	"(lower(name) GLOB '*drop*' OR lower(name) GLOB '*err*' OR lower(name) GLOB '*overflow*' OR "                   \
	"lower(name) GLOB '*fail*' OR lower(name) GLOB '*retrans*' OR lower(name) GLOB '*discard*' OR "                 \
	"lower(name) GLOB '*squeeze*' OR lower(name) GLOB '*timeout*' OR lower(name) GLOB '*missed*' OR "               \
	"lower(name) GLOB '*full*' OR lower(name) GLOB '*noport*' OR lower(name) GLOB '*prune*' OR "                    \
	"lower(name) GLOB '*zerowindow*' OR lower(name) GLOB '*noroute*')"

static void make_counters(struct rep *r, struct timeline *t)
{
	sqlite3_stmt *st = rep_query(r, "SELECT netns, source, name, dev, cpu FROM ledger WHERE delta > 0 AND " TROUBLE
					" ORDER BY delta DESC, id LIMIT 8");
	int64_t all = rep_int(r, "SELECT count(*) FROM ledger WHERE delta > 0 AND " TROUBLE, 0);

	t->counters_left_out = all > MAX_COUNTERS ? all - MAX_COUNTERS : 0;
	while (rep_row(r, &st)) {
		char name[128];
		struct track *tr;
		sqlite3_stmt *v;
		int64_t last = 0;

		snprintf(name, sizeof(name), "%.50s %.20s %.20s", col_text(st, 2), col_text(st, 3), col_text(st, 0));
		tr = add_track(t, PANE_COUNTERS, UNIT_COUNT, "c-counter", name);
		v = rep_query(r, "SELECT (snap_ns - 1 - ?1) / ?2, value FROM counter WHERE netns IS ?3 AND source IS ?4 AND "
				 "name IS ?5 AND dev IS ?6 AND cpu IS ?7 ORDER BY snap_ns");
		if (v) {
			sqlite3_bind_int64(v, 1, t->start_ns);
			sqlite3_bind_int64(v, 2, t->bucket_ns);
			for (int i = 0; i < 5; i++)
				sqlite3_bind_value(v, 3 + i, sqlite3_column_value(st, i));
		}
		for (bool first = true; rep_row(r, &v); first = false) {
			int64_t b = col_int(v, 0), now = col_int(v, 1), d;

			if (!first && !__builtin_sub_overflow(now, last, &d))
				add(t, tr, b >= t->n ? t->n - 1 : b, d);
			last = now;
		}
	}
}

static void make_bands(struct rep *r, struct timeline *t)
{
	sqlite3_stmt *st = rep_query(r, "SELECT id, severity, title, from_ns - ?1, to_ns - ?1 FROM finding "
					"WHERE from_ns IS NOT NULL AND to_ns IS NOT NULL AND to_ns >= from_ns ORDER BY id LIMIT 8");

	if (st)
		sqlite3_bind_int64(st, 1, t->start_ns);
	while (rep_row(r, &st)) {
		struct band *b = &t->band[t->bands++];

		b->id = col_int(st, 0);
		snprintf(b->severity, sizeof(b->severity), "%s", col_text(st, 1));
		snprintf(b->label, sizeof(b->label), "%s", col_text(st, 2));
		b->from_ns = col_int(st, 3);
		b->to_ns = col_int(st, 4);
	}
	st = rep_query(r, "SELECT kind, source, from_ns - ?1, to_ns - ?1 FROM quality WHERE from_ns IS NOT NULL AND "
			  "to_ns IS NOT NULL AND to_ns >= from_ns AND kind IN ('events-lost', 'frames-lost', 'tape-damaged') "
			  "ORDER BY to_ns - from_ns DESC, id LIMIT 8");
	if (st)
		sqlite3_bind_int64(st, 1, t->start_ns);
	while (rep_row(r, &st)) {
		struct band *b = &t->band[t->bands++];

		snprintf(b->label, sizeof(b->label), "%.40s %.100s", col_text(st, 0), col_text(st, 1));
		b->from_ns = col_int(st, 2);
		b->to_ns = col_int(st, 3);
	}
}

static int64_t round_bucket(int64_t span_ns)
{
	static const int64_t steps[] = { 1, 2, 5 };

	for (int64_t unit = 1; unit <= INT64_MAX / 50; unit *= 10)
		for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
			if ((span_ns - 1) / (unit * steps[i]) < MAX_BUCKETS)
				return unit * steps[i];
	return INT64_MAX;
}

struct timeline *timeline_make(struct rep *r)
{
	struct timeline *t;
	int64_t span;

	if (__builtin_sub_overflow(r->end_ns, r->start_ns, &span) || span <= 0 || r->start_ns <= 0)
		return NULL;
	t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->track = calloc(MAX_TRACKS, sizeof(*t->track));
	if (!t->track) {
		free(t);
		return NULL;
	}
	t->start_ns = r->start_ns;
	t->bucket_ns = round_bucket(span);
	t->n = (int)((span - 1) / t->bucket_ns + 1);
	make_packets(r, t);
	make_drops(r, t);
	make_delays(r, t);
	make_softirq(r, t);
	make_events(r, t);
	make_counters(r, t);
	make_bands(r, t);
	return t;
}

void timeline_free(struct timeline *t)
{
	if (!t)
		return;
	free(t->track);
	free(t);
}

void timeline_json(const struct timeline *t, struct json *j)
{
	if (!t) {
		json_null(j, "timeline");
		return;
	}
	json_open_object(j, "timeline");
	json_int(j, "bucket_ns", t->bucket_ns);
	json_int(j, "n", t->n);
	json_open_array(j, "tracks");
	for (int i = 0; i < t->tracks; i++) {
		const struct track *tr = &t->track[i];

		if (!tr->sum)
			continue;
		json_open_object(j, NULL);
		json_text(j, "name", tr->name);
		json_text(j, "pane", pane_info[tr->pane].title);
		json_text(j, "unit", tr->unit == UNIT_NS ? "ns" : "count");
		json_open_array(j, "v");
		for (int b = 0; b < t->n; b++)
			json_int(j, NULL, tr->v[b]);
		json_close_array(j);
		json_close_object(j);
	}
	json_close_array(j);
	json_close_object(j);
}

/* The picture: a gutter for labels, then the plots. */
#define WIDTH	     1120
#define GUTTER	     224
#define PLOT	     (WIDTH - GUTTER - 8)
#define STACK_HEIGHT 78
#define STRIP_HEIGHT 13
#define STRIP_STEP   17
#define PANE_GAP     20
#define TICKS	     5

static void plot_begin(const struct timeline *t, FILE *f, int y, int height)
{
	fprintf(f,
		"<rect class=\"plot-bg\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>"
		"<svg class=\"plot\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" preserveAspectRatio=\"none\">",
		GUTTER, y, PLOT, height, GUTTER, y, PLOT, height, t->n, height);
}

static void label(FILE *f, int y, const char *css, const char *name, size_t max)
{
	fprintf(f, "<text class=\"%s\" x=\"0\" y=\"%d\">", css, y);
	svg_text(f, name, max);
	if (text_width(name) > max) {
		fputs("<title>", f);
		text_html(f, name);
		fputs("</title>", f);
	}
	fputs("</text>", f);
}

/* Bars of one pane upon each other, the first track at the bottom. */
static int draw_stack(const struct timeline *t, FILE *f, enum pane pane, int y)
{
	int64_t top = 0, base[MAX_BUCKETS] = { 0 };
	int line = y + 12;

	for (int b = 0; b < t->n; b++) {
		int64_t sum = 0;

		for (int i = 0; i < t->tracks; i++)
			if (t->track[i].pane == pane)
				sum += t->track[i].v[b];
		top = sum > top ? sum : top;
	}
	plot_begin(t, f, y, STACK_HEIGHT);
	for (int i = 0; i < t->tracks; i++) {
		const struct track *tr = &t->track[i];

		if (tr->pane != pane || !tr->sum)
			continue;
		fprintf(f, "<path class=\"%s\" d=\"", tr->css);
		for (int b = 0; b < t->n; b++) {
			double h, from;

			if (!tr->v[b])
				continue;
			h = (double)tr->v[b] * (STACK_HEIGHT - 4) / (double)top;
			h = h < 0.6 ? 0.6 : h;
			from = STACK_HEIGHT - (double)base[b] * (STACK_HEIGHT - 4) / (double)top;
			fprintf(f, "M%d %.1fh1v-%.1fh-1z", b, from, h);
			base[b] += tr->v[b];
		}
		fputs("\"/>", f);
	}
	fputs("</svg>", f);
	for (int i = 0; i < t->tracks; i++) {
		const struct track *tr = &t->track[i];

		if (tr->pane != pane || !tr->sum)
			continue;
		fprintf(f, "<rect class=\"%s\" x=\"0\" y=\"%d\" width=\"9\" height=\"9\"/><text class=\"t-row\" x=\"14\" y=\"%d\">", tr->css,
			line - 8, line);
		svg_text(f, tr->name, 20);
		fprintf(f, " %s</text>", text_short(tr->sum).s);
		line += 13;
	}
	if (top)
		fprintf(f, "<text class=\"t-scale\" x=\"%d\" y=\"%d\">%s</text>", GUTTER - 6, y + 10, text_short(top).s);
	return y + STACK_HEIGHT;
}

static int draw_lines(const struct timeline *t, FILE *f, enum pane pane, int y)
{
	double top = 1e4, scale;
	int line = y + 12;

	for (int i = 0; i < t->tracks; i++)
		if (t->track[i].pane == pane && (double)t->track[i].max > top)
			top = (double)t->track[i].max;
	top = pow(10, ceil(log10(top) - 1e-9));
	scale = STACK_HEIGHT / log10(top / 1e3);
	plot_begin(t, f, y, STACK_HEIGHT);
	for (double v = 1e4; v < top * 0.99; v *= 10)
		fprintf(f, "<path class=\"r-grid\" d=\"M0 %.1fH%d\"/>", STACK_HEIGHT - scale * log10(v / 1e3), t->n);
	for (int i = 0; i < t->tracks; i++) {
		const struct track *tr = &t->track[i];
		bool on = false;

		if (tr->pane != pane || !tr->sum)
			continue;
		fprintf(f, "<path class=\"line %s\" d=\"", tr->css);
		for (int b = 0; b < t->n; b++) {
			double v = (double)tr->v[b] < 1e3 ? 1e3 : (double)tr->v[b];
			double at = STACK_HEIGHT - scale * log10(v / 1e3);

			if (tr->v[b] && on)
				fprintf(f, "V%.1fh1", at);
			else if (tr->v[b])
				fprintf(f, "M%d %.1fh1", b, at);
			on = tr->v[b] != 0;
		}
		fputs("\"/>", f);
	}
	fputs("</svg>", f);
	for (int i = 0; i < t->tracks; i++) {
		const struct track *tr = &t->track[i];

		if (tr->pane != pane || !tr->sum)
			continue;
		fprintf(f, "<path class=\"line %s\" d=\"M0 %dh10\"/>", tr->css, line - 4);
		fprintf(f, "<text class=\"t-row\" x=\"14\" y=\"%d\">%s</text>", line, tr->name);
		line += 14;
	}
	for (double v = 1e4; v <= top * 1.01; v *= 100) {
		int at = (int)(y + STACK_HEIGHT - scale * log10(v / 1e3));

		fprintf(f, "<text class=\"t-scale\" x=\"%d\" y=\"%d\">%s</text>", GUTTER - 6, at < y + 9 ? y + 9 : at + 3,
			text_duration((int64_t)v).s);
	}
	return y + STACK_HEIGHT;
}

/* 1 to 5; the square root keeps small numbers visible beside large ones. */
static int strength(const struct timeline *t, const struct track *tr, int64_t v)
{
	double share = tr->pane == PANE_SOFTIRQ ? (double)v / (double)t->bucket_ns : (double)v / (double)tr->max;
	int level = (int)ceil(5 * sqrt(share) - 1e-9);

	return level > 5 ? 5 : level < 1 ? 1 : level;
}

static int draw_strips(const struct timeline *t, FILE *f, enum pane pane, int y)
{
	for (int i = 0; i < t->tracks; i++) {
		const struct track *tr = &t->track[i];

		if (tr->pane != pane || !tr->sum)
			continue;
		label(f, y + 10, "t-row", tr->name, 32);
		plot_begin(t, f, y, STRIP_HEIGHT);
		for (int b = 0; b < t->n;) {
			int from = b, level;

			if (!tr->v[b]) {
				b++;
				continue;
			}
			level = strength(t, tr, tr->v[b]);
			while (b < t->n && tr->v[b] && strength(t, tr, tr->v[b]) == level)
				b++;
			fprintf(f, "<path class=\"%s s%d\" d=\"M%d 0h%dv%dH%dz\"/>", tr->css, level, from, b - from, STRIP_HEIGHT, from);
		}
		fputs("</svg>", f);
		y += STRIP_STEP;
	}
	return y - (STRIP_STEP - STRIP_HEIGHT);
}

static int draw_bands(const struct timeline *t, FILE *f, int y)
{
	double end = (double)t->bucket_ns * t->n;

	label(f, y + 10, "t-pane", "Findings and gaps", 40);
	y += PANE_GAP;
	for (int i = 0; i < t->bands; i++) {
		const struct band *b = &t->band[i];
		double from = (double)b->from_ns * t->n / end, to = (double)b->to_ns * t->n / end;
		char name[200];

		from = from < 0 ? 0 : from > t->n ? t->n : from;
		to = to > t->n ? t->n : to < from ? from : to;
		if (to - from < 0.5)
			to = from + 0.5;
		if (b->id) {
			svg_icon_at(f, b->severity, 0, y, 13);
			snprintf(name, sizeof(name), "%" PRId64 ". %s", b->id, b->label);
		} else {
			snprintf(name, sizeof(name), "not seen: %s", b->label);
		}
		fprintf(f, "<svg x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\">", b->id ? 18 : 0, y, GUTTER - 20, STRIP_HEIGHT + 3);
		label(f, 10, "t-row", name, b->id ? 30 : 33);
		fputs("</svg>", f);
		plot_begin(t, f, y, STRIP_HEIGHT);
		fprintf(f, "<path class=\"band %s%s\" d=\"M%.2f 2H%.2fv%dH%.2fz\"/></svg>", b->id ? "band-" : "band-gap",
			!b->id				    ? "" :
			!strcmp(b->severity, "critical") ? "critical" :
			!strcmp(b->severity, "warning")  ? "warning" :
							   "info",
			from, to, STRIP_HEIGHT - 4, from);
		y += STRIP_STEP;
	}
	return y - (STRIP_STEP - STRIP_HEIGHT);
}

static bool pane_used(const struct timeline *t, enum pane pane)
{
	for (int i = 0; i < t->tracks; i++)
		if (t->track[i].pane == pane && t->track[i].sum)
			return true;
	return false;
}

static int picture_height(const struct timeline *t)
{
	int h = 24;

	if (t->bands)
		h += PANE_GAP + t->bands * STRIP_STEP + PANE_GAP;
	for (int p = 0; p < PANE_COUNT; p++) {
		if (!pane_used(t, (enum pane)p))
			continue;
		h += 2 * PANE_GAP;
		if (pane_info[p].shape != SHAPE_STRIPS) {
			h += STACK_HEIGHT;
			continue;
		}
		for (int i = 0; i < t->tracks; i++)
			h += t->track[i].pane == (enum pane)p && t->track[i].sum ? STRIP_STEP : 0;
	}
	return h;
}

static void draw_axis(const struct timeline *t, FILE *f, int y, int height)
{
	fprintf(f, "<g class=\"axis\">");
	for (int i = 0; i <= TICKS; i++) {
		int x = GUTTER + PLOT * i / TICKS;
		int64_t ns = (int64_t)((double)t->bucket_ns * t->n * i / TICKS);

		fprintf(f, "<path class=\"tick\" d=\"M%d %dV%d\"/>", x, y + 4, height);
		fprintf(f, "<text class=\"t-tick\" x=\"%d\" y=\"%d\" text-anchor=\"%s\">%s</text>", x, y,
			!i ? "start" : i == TICKS ? "end" : "middle", ns ? text_duration(ns).s : "start");
	}
	fputs("</g>", f);
}

static void draw(const struct timeline *t, FILE *f)
{
	int height = picture_height(t), y = 24;

	fprintf(f,
		"<svg id=\"timeline-picture\" class=\"timeline\" role=\"img\" aria-label=\"Timeline of the recording; the table below holds the "
		"same numbers\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" data-x=\"%d\" data-w=\"%d\">",
		WIDTH, height, WIDTH, height, GUTTER, PLOT);
	/* for gaps: seen in print and without colours too */
	fputs("<defs><pattern id=\"gap\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">"
	      "<path class=\"hatch\" d=\"M0 0v6\"/></pattern></defs>",
	      f);
	draw_axis(t, f, 12, height);
	if (t->bands)
		y = draw_bands(t, f, y) + PANE_GAP;
	for (int p = 0; p < PANE_COUNT; p++) {
		if (!pane_used(t, (enum pane)p))
			continue;
		label(f, y + 10, "t-pane", pane_info[p].title, 40);
		y += PANE_GAP;
		if (pane_info[p].shape == SHAPE_STACK)
			y = draw_stack(t, f, (enum pane)p, y);
		else if (pane_info[p].shape == SHAPE_LINES)
			y = draw_lines(t, f, (enum pane)p, y);
		else
			y = draw_strips(t, f, (enum pane)p, y);
		y += PANE_GAP;
	}
	fputs("<path id=\"timeline-cursor\" class=\"cursor\" d=\"\"/></svg>", f);
}

static int64_t sum_of(const struct timeline *t, enum pane pane, int from, int to, bool harmful)
{
	int64_t sum = 0;

	for (int i = 0; i < t->tracks; i++) {
		const struct track *tr = &t->track[i];

		if (tr->pane != pane || (harmful && strcmp(tr->name, "loss") && strcmp(tr->name, "policy") && strcmp(tr->name, "error")))
			continue;
		for (int b = from; b < to; b++)
			sum += tr->v[b];
	}
	return sum;
}

static int64_t max_of(const struct timeline *t, enum pane pane, int nth, int from, int to)
{
	int64_t max = 0;

	for (int i = 0; i < t->tracks; i++) {
		if (t->track[i].pane != pane || nth-- != 0)
			continue;
		for (int b = from; b < to; b++)
			max = t->track[i].v[b] > max ? t->track[i].v[b] : max;
	}
	return max;
}

static void write_table(struct page *p, const struct timeline *t)
{
	static const struct head heads[] = { { "From", true },	     { "Packets", true },      { "Harmful drops", true },
					     { "All drops", true }, { "NET_RX wait", true }, { "Reader wait", true },
					     { "Softirq time", true } };
	int step = (t->n + TABLE_ROWS - 1) / TABLE_ROWS;

	fputs("<details><summary>The timeline as a table</summary>\n", p->f);
	page_table(p, "The timeline in numbers; waits are the largest 99th percentile inside the row", heads, ARRAY_SIZE(heads));
	for (int b = 0; b < t->n; b += step) {
		int to = b + step < t->n ? b + step : t->n;

		page_row(p);
		page_td_time(p, t->start_ns + b * t->bucket_ns);
		page_td_num(p, sum_of(t, PANE_PACKETS, b, to, false));
		page_td_num(p, sum_of(t, PANE_DROPS, b, to, true));
		page_td_num(p, sum_of(t, PANE_DROPS, b, to, false));
		page_td_dur(p, max_of(t, PANE_DELAYS, 0, b, to));
		page_td_dur(p, max_of(t, PANE_DELAYS, 1, b, to));
		page_td_dur(p, sum_of(t, PANE_SOFTIRQ, b, to, false));
		page_row_end(p);
	}
	page_table_end(p);
	fputs("</details>\n", p->f);
}

void panel_timeline(struct page *p)
{
	const struct timeline *t = p->timeline;

	if (!t) {
		page_none(p, "The start and the end of this recording are not known, so there is no timeline.");
		return;
	}
	fprintf(p->f, "<p class=\"hint\">One column is %s. <span class=\"js\" hidden>Move over the picture for numbers, drag to zoom, "
		      "double-click to see all again.</span></p>\n",
		text_duration(t->bucket_ns).s);
	fputs("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Timeline\">", p->f);
	draw(t, p->f);
	fputs("</div>\n<div id=\"timeline-readout\" class=\"readout js\" hidden></div>\n", p->f);
	if (t->cpus > MAX_CPUS)
		fprintf(p->f, "<p class=\"more\">The %d CPUs with the most softirq time of %s are drawn.</p>\n", MAX_CPUS,
			text_count(t->cpus).s);
	page_more(p, MAX_COUNTERS, MAX_COUNTERS + t->counters_left_out, "counters of trouble", "SELECT * FROM ledger");
	write_table(p, t);
}
