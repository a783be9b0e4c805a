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
#include "words.h"
#include "../analyze/series.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const struct pane_info timeline_panes[PANE_COUNT] = {
	[PANE_PACKETS] = { N_("Packets"), SHAPE_STACK },
	[PANE_DROPS] = { N_("Drops by class"), SHAPE_STACK },
	[PANE_REASONS] = { N_("Drops by reason: loss, policy, error"), SHAPE_STRIPS },
	[PANE_DELAYS] = { N_("Delays, 99th percentile"), SHAPE_LINES },
	[PANE_SOFTIRQ] = { N_("Network softirqs: share of each CPU"), SHAPE_STRIPS },
	[PANE_EVENTS] = { N_("Telling events"), SHAPE_STRIPS },
	[PANE_COUNTERS] = { N_("Counters of trouble"), SHAPE_STRIPS },
};

static struct track *add_track(struct timeline *t, enum pane pane, enum unit unit, const char *css,
			       const char *name)
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

enum { DELAY_RAISED, DELAY_WOKEN, DELAY_WAY, DELAYS };

/* The pane of delays: where tables are walked anyway, their delays are taken along. */
struct delays {
	struct track *track[DELAYS];
	struct hist *of[DELAYS];
};

/* Out of memory: delays less in the picture. */
static void delays_begin(const struct timeline *t, struct delays *d)
{
	for (int i = 0; i < DELAYS; i++)
		d->of[i] = calloc((size_t)t->n, sizeof(struct hist));
}

static void delays_add(const struct timeline *t, struct delays *d, int which, int64_t bucket,
		       int64_t ns)
{
	if (d->of[which] && bucket >= 0 && bucket < t->n && ns > 0)
		hist_add(&d->of[which][bucket], (uint64_t)ns);
}

/* The 99th percentile of each bucket, to within 1 %. */
static void delays_end(struct timeline *t, struct delays *d)
{
	for (int i = 0; i < DELAYS; i++) {
		for (int b = 0; d->of[i] && b < t->n; b++) {
			add(t, d->track[i], b, (int64_t)hist_at(&d->of[i][b], 990));
			hist_free(&d->of[i][b]);
		}
		free(d->of[i]);
	}
}

/* Packets by kind, and how long those took that reached a socket. */
static void make_packets(struct rep *r, struct timeline *t, struct delays *d)
{
	static const struct {
		const char *name, *css;
	} kinds[] = { { N_("received"), "c-rx" }, /* in the order of _packet.kind, from 1 */
		      { N_("sent"), "c-tx" },
		      { N_("forwarded"), "c-fwd" },
		      { N_("local"), "c-local" } };

	struct track *of_kind[ARRAY_SIZE(kinds)];
	sqlite3_stmt *st;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		of_kind[i] = add_track(t, PANE_PACKETS, UNIT_COUNT, kinds[i].css, _(kinds[i].name));
	st = rep_query(r, "SELECT (first_ns - ?1) / ?2, kind, CASE WHEN kind IN (1, 4) AND outcome "
			  "= 1 AND flags & 22 = 0 THEN last_ns - first_ns END FROM _packet WHERE "
			  "first_ns >= ?1");
	if (st) {
		sqlite3_bind_int64(st, 1, t->start_ns);
		sqlite3_bind_int64(st, 2, t->bucket_ns);
	}
	while (rep_row(r, &st)) {
		int64_t b = col_int_or(st, 0, -1);

		if (col_int(st, 1) >= 1 && col_int(st, 1) <= (int64_t)ARRAY_SIZE(kinds))
			add(t, of_kind[col_int(st, 1) - 1], b, 1);
		delays_add(t, d, DELAY_WAY, b, col_int(st, 2));
	}
}

static void make_drops(struct rep *r, struct timeline *t)
{
	static const char *const classes[][2] = {
		{ "loss", "c-loss" },	      { "policy", "c-policy" }, { "error", "c-error" },
		{ "protocol", "c-protocol" }, { "noise", "c-noise" },	{ "teardown", "c-teardown" }
	};
	sqlite3_stmt *top;

	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		struct track *tr = add_track(t, PANE_DROPS, UNIT_COUNT, classes[i][1],
					     words_word(classes[i][0]));
		sqlite3_stmt *st =
			rep_query(r, "SELECT (ts_ns - ?1) / ?2, count(*) FROM packet_drop "
				     "WHERE class = ?3 AND ts_ns >= ?1 GROUP BY 1");

		if (st)
			sqlite3_bind_text(st, 3, classes[i][0], -1, SQLITE_STATIC);
		fill(r, t, tr, st);
	}
	top = rep_query(r, "SELECT reason, function, count(*) FROM packet_drop WHERE class IN "
			   "('loss', 'policy', 'error') "
			   "GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 6");
	while (rep_row(r, &top)) {
		char name[128];
		struct track *tr;
		sqlite3_stmt *st;

		snprintf(name, sizeof(name), "%.50s %.60s", col_text(top, 0), col_text(top, 1));
		tr = add_track(t, PANE_REASONS, UNIT_COUNT, "c-loss", name);
		st = rep_query(
			r, "SELECT (ts_ns - ?1) / ?2, count(*) FROM packet_drop WHERE reason IS ?3 "
			   "AND function IS ?4 "
			   "AND class IN ('loss', 'policy', 'error') AND ts_ns >= ?1 GROUP BY 1");
		if (st) {
			sqlite3_bind_value(st, 3, sqlite3_column_value(top, 0));
			sqlite3_bind_value(st, 4, sqlite3_column_value(top, 1));
		}
		fill(r, t, tr, st);
	}
}

static void add_delay_tracks(struct timeline *t, struct delays *d)
{
	static const struct {
		const char *css, *name;
	} line[DELAYS] = { [DELAY_RAISED] = { "l-a", N_("NET_RX: raised to run") },
			   [DELAY_WOKEN] = { "l-b", N_("reader: woken to run") },
			   [DELAY_WAY] = { "l-c", N_("received: whole way") } };

	for (int i = 0; i < DELAYS; i++)
		d->track[i] = add_track(t, PANE_DELAYS, UNIT_NS, line[i].css, _(line[i].name));
}

/* Readers are the tasks that copied a packet's data, and those that findings name. */
static void make_woken(struct rep *r, struct timeline *t, const struct hops *hops, struct delays *d)
{
	struct buf readers = { 0 };
	sqlite3_stmt *st;

	st = rep_query(r,
		       "SELECT (start_ns - ?1) / ?2, latency_ns FROM wakeup WHERE latency_ns IS "
		       "NOT NULL AND start_ns >= ?1 AND pid IN (SELECT json_extract(value, "
		       "'$[0]') FROM json_each(?3) UNION SELECT pid FROM finding WHERE pid > 0)");
	tally_json(&hops->reader, &readers);
	if (st) {
		sqlite3_bind_int64(st, 1, t->start_ns);
		sqlite3_bind_int64(st, 2, t->bucket_ns);
		sqlite3_bind_text(st, 3, (const char *)readers.data, (int)readers.len,
				  SQLITE_STATIC);
	}
	while (rep_row(r, &st))
		delays_add(t, d, DELAY_WOKEN, col_int_or(st, 0, -1), col_int(st, 1));
	buf_free(&readers);
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

/* Time in the network's softirqs; and how long those of NET_RX had waited. */
static void make_softirq(struct rep *r, struct timeline *t, struct delays *d)
{
	struct track *of_cpu[MAX_CPUS];
	int64_t cpu[MAX_CPUS];
	int n = 0;
	sqlite3_stmt *st = rep_query(
		r, "SELECT cpu FROM (SELECT cpu, total(handler_ns) AS ns FROM softirq_cpu WHERE "
		   "vec IN (2, 3) GROUP BY cpu ORDER BY ns DESC, cpu LIMIT 16) ORDER BY cpu");

	t->cpus = rep_int(r, "SELECT count(DISTINCT cpu) FROM softirq_cpu WHERE vec IN (2, 3)", 0);
	while (rep_row(r, &st)) {
		char name[32];

		if (n == MAX_CPUS)
			continue;
		cpu[n] = col_int(st, 0);
		snprintf(name, sizeof(name), "CPU %" PRId64, cpu[n]);
		of_cpu[n] = add_track(t, PANE_SOFTIRQ, UNIT_NS, "c-cpu", name);
		n++;
	}
	st = rep_query(r, "SELECT cpu, start_ns - ?1, end_ns - ?1, CASE vec WHEN 3 THEN latency_ns "
			  "END FROM softirq WHERE vec IN (2, 3)");
	if (st)
		sqlite3_bind_int64(st, 1, t->start_ns);
	while (rep_row(r, &st)) {
		int64_t from = col_int(st, 1);

		if (from >= 0)
			delays_add(t, d, DELAY_RAISED, from / t->bucket_ns, col_int(st, 3));
		if (col_null(st, 2))
			continue;
		for (int i = 0; i < n; i++)
			if (cpu[i] == col_int(st, 0))
				spread(t, of_cpu[i], from, col_int(st, 2));
	}
}

static void make_events(struct rep *r, struct timeline *t)
{
	/* events that mean trouble whenever they come, whatever their number */
	static const char *const names[] = { "tcp_retransmit_skb",   "tcp_send_reset",
					     "tcp_receive_reset",    "udp_fail_queue_rcv_skb",
					     "sock_rcvqueue_full",   "sock_exceed_buf_limit",
					     "tcp_bad_csum",	     "net_dev_xmit_timeout",
					     "xdp_exception",	     "icmp_send",
					     "inet_sk_error_report", "tcp_retransmit_synack" };

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
		st = rep_query(r, "SELECT (ts_ns - ?1) / ?2, count(*) FROM event WHERE name = ?3 "
				  "AND ts_ns >= ?1 GROUP BY 1");
		if (st)
			sqlite3_bind_text(st, 3, names[i], -1, SQLITE_STATIC);
		fill(r, t, tr, st);
	}
	if (rep_int(r, "SELECT count(*) FROM kmsg", 0))
		fill_sql(r, t, add_track(t, PANE_EVENTS, UNIT_COUNT, "c-event", _("kernel log")),
			 "SELECT (ts_ns - ?1) / ?2, count(*) FROM kmsg WHERE ts_ns >= ?1 GROUP BY "
			 "1");
}

/* Names of counters that move when something goes wrong. */
#define TROUBLE                                                                                    \
	"(lower(name) GLOB '*drop*' OR lower(name) GLOB '*err*' OR lower(name) GLOB '*overflow*' " \
	"OR "                                                                                      \
	"lower(name) GLOB '*fail*' OR lower(name) GLOB '*retrans*' OR lower(name) GLOB "           \
	"'*discard*' OR "                                                                          \
	"lower(name) GLOB '*squeeze*' OR lower(name) GLOB '*timeout*' OR lower(name) GLOB "        \
	"'*missed*' OR "                                                                           \
	"lower(name) GLOB '*full*' OR lower(name) GLOB '*noport*' OR lower(name) GLOB '*prune*' "  \
	"OR "                                                                                      \
	"lower(name) GLOB '*zerowindow*' OR lower(name) GLOB '*noroute*')"

static void make_counters(struct rep *r, struct timeline *t)
{
	sqlite3_stmt *st = rep_query(
		r, "SELECT netns, source, name, dev, cpu FROM ledger WHERE delta > 0 AND class NOT IN ('normal', 'traffic') AND " TROUBLE
		   " ORDER BY delta DESC, id LIMIT 8");
	int64_t all = rep_int(r, "SELECT count(*) FROM ledger WHERE delta > 0 AND class NOT IN ('normal', 'traffic') AND " TROUBLE, 0);

	t->counters_left_out = all > MAX_COUNTERS ? all - MAX_COUNTERS : 0;
	while (rep_row(r, &st)) {
		char name[128];
		struct track *tr;
		sqlite3_stmt *v;
		int64_t last = 0;

		snprintf(name, sizeof(name), "%.50s %.20s %.20s", col_text(st, 2), col_text(st, 3),
			 col_text(st, 0));
		tr = add_track(t, PANE_COUNTERS, UNIT_COUNT, "c-counter", name);
		v = rep_query(r, "SELECT (snap_ns - 1 - ?1) / ?2, value FROM counter WHERE netns "
				 "IS ?3 AND source IS ?4 AND "
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
	struct buf title = { 0 };
	sqlite3_stmt *st =
		rep_query(r, "SELECT id, severity, title, from_ns - ?1, to_ns - ?1 FROM finding "
			     "WHERE from_ns IS NOT NULL AND to_ns IS NOT NULL AND to_ns >= from_ns "
			     "ORDER BY id LIMIT 8");

	if (st)
		sqlite3_bind_int64(st, 1, t->start_ns);
	while (rep_row(r, &st)) {
		struct band *b = &t->band[t->bands++];

		b->id = col_int(st, 0);
		snprintf(b->severity, sizeof(b->severity), "%s", col_text(st, 1));
		snprintf(b->label, sizeof(b->label), "%s",
			 words_finding(r, b->id, "title", 0, col_text(st, 2), &title));
		b->from_ns = col_int(st, 3);
		b->to_ns = col_int(st, 4);
	}
	st = rep_query(r, "SELECT kind, source, from_ns - ?1, to_ns - ?1 FROM quality WHERE "
			  "from_ns IS NOT NULL AND "
			  "to_ns IS NOT NULL AND to_ns >= from_ns AND kind IN ('events-lost', "
			  "'frames-lost', 'tape-damaged') "
			  "ORDER BY to_ns - from_ns DESC, id LIMIT 8");
	if (st)
		sqlite3_bind_int64(st, 1, t->start_ns);
	while (rep_row(r, &st)) {
		struct band *b = &t->band[t->bands++];

		snprintf(b->label, sizeof(b->label), "%.40s %.100s", words_word(col_text(st, 0)),
			 col_text(st, 1));
		b->from_ns = col_int(st, 2);
		b->to_ns = col_int(st, 3);
	}
	buf_free(&title);
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

struct timeline *timeline_make(struct rep *r, const struct hops *hops)
{
	struct delays d;
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
	delays_begin(t, &d);
	make_packets(r, t, &d);
	make_drops(r, t);
	add_delay_tracks(t, &d); /* the order of tracks is the reader's */
	make_woken(r, t, hops, &d);
	make_softirq(r, t, &d);
	delays_end(t, &d);
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
		json_text(j, "pane", _(timeline_panes[tr->pane].title));
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
