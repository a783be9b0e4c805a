/* SPDX-License-Identifier: MIT */
/* The panel of delays: whole ways, each pair of stages, and where they are slowest. */
#include "page.h"
#include "packets.h"
#include "svg.h"
#include "words.h"

#include <inttypes.h>
#include <string.h>

#define MAX_PAIRS 60
#define MAX_PARTS 60

/* In the order in which a packet goes; the ways of latency_total. */
static const struct {
	const char *way, *text;
} ways[] = {
	{ "rx-driver", N_("Receive: driver to the stack, with RPS and backlog") },
	{ "rx-stack", N_("Receive: the stack, to the socket's queue") },
	{ "rx-socket", N_("Receive: in the socket's queue, to the first read") },
	{ "rx-total", N_("Receive: the whole way, driver to read") },
	{ "tx-queue", N_("Send: in the qdisc, to the driver") },
	{ "tx-driver", N_("Send: driver to completion") },
	{ "tx-total", N_("Send: the whole way, qdisc to completion") },
	{ "forward-total", N_("Forward: the whole way, in to out") },
};

static const char *way_text(const char *way)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++)
		if (!strcmp(ways[i].way, way))
			return _(ways[i].text);
	return way;
}

/* The slowest packets of a way (NULL: of two successive stages) that are in the page. */
static void td_slowest(struct page *p, const char *way, const char *from, const char *to)
{
	sqlite3_stmt *st = rep_query(
		p->r, "SELECT packet_id FROM latency_slow WHERE way IS ? AND stage_from = ? AND "
		      "stage_to = ? AND packet_id IS NOT NULL ORDER BY rank");
	int shown = 0;

	if (st) {
		sqlite3_bind_text(st, 1, way, -1, SQLITE_TRANSIENT);
		sqlite3_bind_text(st, 2, from, -1, SQLITE_TRANSIENT);
		sqlite3_bind_text(st, 3, to, -1, SQLITE_TRANSIENT);
	}
	fputs("<td>", p->f);
	while (rep_row(p->r, &st)) {
		int64_t id = col_int(st, 0);

		if (shown == SLOW_LINKS || !packets_chosen(p->chosen, id))
			continue;
		fprintf(p->f, "%s<a href=\"#packet-%" PRId64 "\">%" PRId64 "</a>",
			shown++ ? ", " : "", id, id);
	}
	fputs(shown ? "</td>" : "–</td>", p->f);
}

#define BARS_MAX 256

/* The histogram of a row of latency (@way NULL) or latency_total; of the few sums that have none,
 * the range. @r: its percentiles. */
static void put_hist(struct page *p, const char *way, const char *from, const char *to,
		     const struct range *r)
{
	sqlite3_stmt *st = rep_query(p->r, "SELECT from_ns, to_ns, count FROM latency_hist WHERE "
					   "way IS ? AND stage_from = ? AND stage_to = ? ORDER BY "
					   "from_ns");
	struct hist_bar bar[BARS_MAX];
	size_t n = 0;

	if (st) {
		sqlite3_bind_text(st, 1, way, -1, SQLITE_TRANSIENT);
		sqlite3_bind_text(st, 2, from, -1, SQLITE_TRANSIENT);
		sqlite3_bind_text(st, 3, to, -1, SQLITE_TRANSIENT);
	}
	while (rep_row(p->r, &st)) {
		struct hist_bar b = { col_int(st, 0), col_int(st, 1), col_int(st, 2) };

		if (n < BARS_MAX && b.from_ns >= 0 && b.to_ns > b.from_ns && b.count > 0)
			bar[n++] = b;
	}
	if (n)
		svg_hist(p->f, bar, n, r, p->range_ns);
	else
		svg_range(p->f, r, p->range_ns);
}

/* Columns @i to @i + 4: count, p50, p90, p99, longest. */
static struct range range_of(sqlite3_stmt *st, int i)
{
	return (struct range){ col_int(st, i + 1), col_int(st, i + 2), col_int(st, i + 3),
			       col_int(st, i + 4) };
}

/* The times in the order that matters where the screen ends: after the shape. */
static void td_times(struct page *p, sqlite3_stmt *st, int i)
{
	for (int k = 1; k < 5; k++)
		page_td_dur(p, col_int(st, i + k));
	page_td_num(p, col_int(st, i));
}

#define TIME_HEADS                                                                                 \
	{ N_("p50"), true }, { N_("p90"), true }, { N_("p99"), true }, { N_("Longest"), true },    \
	{                                                                                          \
		N_("Packets"), true                                                                \
	}

/* Begin the row's heading: its name (may be NULL), the stages; the picture follows, and the end is
 * dist_end(). */
static void dist_begin(struct page *p, const char *name, const char *from, const char *to)
{
	fputs("<th scope=\"row\"><div class=\"dist\"><div class=\"stages\">", p->f);
	if (name) {
		fputs("<b>", p->f);
		page_text(p, name);
		fputs("</b><br>", p->f);
	}
	fputs("<code>", p->f);
	page_text(p, from);
	fputs("</code> → <code>", p->f);
	page_text(p, to);
	fputs("</code></div>", p->f);
}

static void dist_end(struct page *p)
{
	fputs("</div></th>", p->f);
}

static void write_ways(struct page *p)
{
	static const struct head heads[] = { { N_("Way"), HEAD_RANGE },
					     TIME_HEADS,
					     { N_("Slowest packets"), false } };
	sqlite3_stmt *st;

	if (!rep_int(p->r, "SELECT count(*) FROM latency_total", 0)) {
		page_none(p, N_("No packet was seen at both ends of a way."));
		return;
	}
	page_cards(p, "ranges", N_("Time of a part of the way, from end to end"), heads, ARRAY_SIZE(heads));
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		st = rep_query(p->r, "SELECT count, p50_ns, p90_ns, p99_ns, max_ns, stage_from, "
				     "stage_to FROM latency_total WHERE way = ? ORDER BY count "
				     "DESC, stage_from, stage_to LIMIT 12");
		if (st)
			sqlite3_bind_text(st, 1, ways[i].way, -1, SQLITE_STATIC);
		while (rep_row(p->r, &st)) {
			struct range r = range_of(st, 0);

			page_row(p);
			dist_begin(p, way_text(ways[i].way), col_text(st, 5), col_text(st, 6));
			put_hist(p, ways[i].way, col_text(st, 5), col_text(st, 6), &r);
			dist_end(p);
			td_times(p, st, 0);
			td_slowest(p, ways[i].way, col_text(st, 5), col_text(st, 6));
			page_row_end(p);
		}
	}
	page_cards_end(p);
}

static void write_pairs(struct page *p)
{
	static const struct head heads[] = { { N_("Stages"), HEAD_RANGE },
					     TIME_HEADS,
					     { N_("Slowest packets"), false } };
	int64_t all = rep_int(p->r, "SELECT count(*) FROM latency", 0), shown = 0;
	sqlite3_stmt *st;

	page_cards(p, "ranges", N_("Latency between two stages"), heads, ARRAY_SIZE(heads));
	st = rep_query(
		p->r,
		"SELECT stage_from, stage_to, count, p50_ns, p90_ns, p99_ns, max_ns FROM latency "
		"ORDER BY 1.0 * p99_ns * count DESC, stage_from, stage_to LIMIT 60");
	while (rep_row(p->r, &st)) {
		struct range r = range_of(st, 2);

		shown++;
		page_row(p);
		dist_begin(p, NULL, col_text(st, 0), col_text(st, 1));
		put_hist(p, NULL, col_text(st, 0), col_text(st, 1), &r);
		dist_end(p);
		td_times(p, st, 2);
		td_slowest(p, NULL, col_text(st, 0), col_text(st, 1));
		page_row_end(p);
	}
	page_cards_end(p);
	page_hint(p, N_("Histograms: time goes to the right, each line ten times the one before; a "
			"bar's height tells how many, against the fullest bar. Line with a dot: "
			"median. Dashed line with a triangle: 99th percentile. Pairs that cost "
			"most in all stand first."));
	page_more(p, shown, all, N_("stage pairs"), "SELECT * FROM latency");
	page_sql(p, N_("SQL of the histograms"),
		 "SELECT * FROM latency_hist ORDER BY way, stage_from, stage_to, from_ns");
}

/* The pairs of one device, CPU or flow that cost most; those that hardly happened say little. */
static void write_parts(struct page *p, const char *part, const char *caption, const char *name)
{
	const struct head heads[] = { { name, HEAD_RANGE }, TIME_HEADS };
	int64_t all = 0, shown = 0;
	sqlite3_stmt *st = rep_query(p->r, "SELECT count(*) FROM latency_part WHERE part = ?");

	if (st)
		sqlite3_bind_text(st, 1, part, -1, SQLITE_STATIC);
	while (rep_row(p->r, &st))
		all = col_int(st, 0);
	if (!all)
		return;
	page_fold(p, caption);
	page_table(p, caption, heads, ARRAY_SIZE(heads));
	st = rep_query(p->r, "SELECT l.cpu, l.netns, l.dev, f.proto, f.src, f.sport, f.dst, "
			     "f.dport, l.stage_from, l.stage_to, l.count, l.p50_ns, l.p90_ns, "
			     "l.p99_ns, l.max_ns FROM latency_part l LEFT JOIN flow f ON f.id = "
			     "l.flow_id WHERE l.part = ? ORDER BY 1.0 * l.p99_ns * l.count DESC, "
			     "l.cpu, l.netns, l.dev, l.flow_id, l.stage_from, l.stage_to LIMIT "
			     "60");
	if (st)
		sqlite3_bind_text(st, 1, part, -1, SQLITE_STATIC);
	while (rep_row(p->r, &st)) {
		struct range r = range_of(st, 10);
		char who[200];

		shown++;
		page_row(p);
		if (!col_null(st, 0))
			snprintf(who, sizeof(who), "CPU %" PRId64, col_int(st, 0));
		else if (!col_null(st, 3))
			snprintf(who, sizeof(who), "%s",
				 text_flow(col_text(st, 3), col_text(st, 4), col_int_or(st, 5, -1),
					   col_text(st, 6), col_int_or(st, 7, -1))
					 .s);
		else
			snprintf(who, sizeof(who), "%.60s%s%.60s", col_text(st, 1),
				 col_null(st, 1) ? "" : ": ", col_text(st, 2));
		dist_begin(p, who, col_text(st, 8), col_text(st, 9));
		svg_range(p->f, &r, p->range_ns);
		dist_end(p);
		td_times(p, st, 10);
		page_row_end(p);
	}
	page_table_end(p);
	page_hint(p, N_("Dot: median. Thick bar: to the 90th percentile. Thin bar: to the 99th. "
			"Line: to the longest."));
	page_more(p, shown, all, N_("rows"), "SELECT * FROM latency_part");
	fputs("</details>\n", p->f);
}

void panel_latency(struct page *p)
{
	p->range_ns = rep_int(p->r,
			      "SELECT max(m) FROM (SELECT max(max_ns) AS m FROM latency UNION ALL "
			      "SELECT max(max_ns) FROM latency_total)",
			      0);

	if (!rep_int(p->r, "SELECT count(*) FROM latency", 0)) {
		page_none(p, N_("No two stages of one packet were seen, so there is no latency to "
				"tell."));
		return;
	}
	page_h3(p, N_("Whole ways"));
	write_ways(p);
	page_h3(p, N_("Stage by stage"));
	write_pairs(p);
	write_parts(p, "device", N_("By device of the later stage"), N_("Device"));
	write_parts(p, "cpu", N_("By CPU of the later stage"), N_("CPU"));
	write_parts(p, "flow", N_("By flow, those with the most packets"), N_("Flow"));
}
