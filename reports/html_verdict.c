/* SPDX-License-Identifier: MIT */
#include "page.h"
#include "packets.h"
#include "svg.h"
#include "verdict.h"
#include "words.h"

#include <inttypes.h>
#include <string.h>

#define MAX_CARDS   30
#define MAX_LINKS   8 /* packets named in a card */
#define MAX_ANSWERS 4 /* findings told in full at the top */

static void tile(struct page *p, const char *value, const char *label)
{
	fputs("<div><dt>", p->f);
	page_text(p, _(label));
	fputs("</dt><dd>", p->f);
	page_text(p, value);
	fputs("</dd></div>", p->f);
}

/* What was looked at: the numbers that say how much the verdict rests on. */
static void write_tiles(struct page *p)
{
	struct rep *r = p->r;
	int64_t lost = rep_fact_int(r, "events_lost", -1);
	/* other programs' traces do not tell how many there were */
	int64_t events = rep_fact_int(r, "events_recorded", rep_fact_int(r, "events_decoded", -1));

	fputs("<dl class=\"tiles\">", p->f);
	tile(p, text_count(rep_int(r, "SELECT count(*) FROM _packet", 0)).s,
	     N_("packets followed"));
	tile(p,
	     text_count(rep_int(r,
				"SELECT count(*) FROM packet_drop WHERE class IN ('loss', "
				"'policy', 'error')",
				0))
		     .s,
	     N_("drops: loss, policy or error"));
	tile(p,
	     text_count(rep_int(r,
				"SELECT count(*) FROM packet_drop WHERE class NOT IN ('loss', "
				"'policy', 'error')",
				0))
		     .s,
	     N_("drops: noise, teardown, protocol"));
	tile(p, text_count(rep_int(r, "SELECT count(*) FROM _frame", 0)).s, N_("captured frames"));
	tile(p, events < 0 ? _("unknown") : text_count(events).s, N_("trace events"));
	tile(p, lost < 0 ? _("unknown") : text_count(lost).s, N_("events lost"));
	tile(p, text_count(rep_int(r, "SELECT count(*) FROM ledger", 0)).s,
	     N_("counters that moved"));
	tile(p, text_count(rep_int(r, "SELECT count(*) FROM snapshot", 0)).s, N_("snapshots"));
	fputs("</dl>\n", p->f);
}

static void fact(struct page *p, const char *label, const char *value)
{
	if (!*value)
		return;
	fputs("<div><dt>", p->f);
	page_text(p, _(label));
	fputs("</dt><dd>", p->f);
	page_text(p, value);
	fputs("</dd></div>", p->f);
}

enum {
	F_ID,
	F_SEVERITY,
	F_CONFIDENCE,
	F_TITLE,
	F_SUMMARY,
	F_LAYER,
	F_NETNS,
	F_DEV,
	F_FUNCTION,
	F_REASON,
	F_PROTO,
	F_SRC,
	F_SPORT,
	F_DST,
	F_DPORT,
	F_PROCESS,
	F_PID,
	F_CPU,
	F_FROM,
	F_TO,
	F_PACKETS,
	F_BYTES,
	F_FLOWS,
	F_DELAY,
	F_SYMPTOM,
	F_CAUSE,
};

static const char finding_sql[] = "SELECT id, severity, confidence, title, summary, layer, netns, "
				  "dev, function, reason, flow_proto, flow_src, flow_sport, "
				  "flow_dst, flow_dport, process, pid, cpu, from_ns, to_ns, "
				  "packets, bytes, flows, delay_ns, symptom_of, cause "
				  "FROM finding ORDER BY id LIMIT 30";

/* @to: -1: not known */
static void time_of(const struct rep *r, int64_t from, int64_t to, char *out, size_t size)
{
	size_t n;

	if (to < from)
		snprintf(out, size, _("from %s"), text_since(ns_diff(from, r->start_ns)).s);
	else if (to == from)
		snprintf(out, size, "%s", text_since(ns_diff(from, r->start_ns)).s);
	else
		snprintf(out, size, _("%1$s to %2$s (%3$s)"), text_since(ns_diff(from, r->start_ns)).s,
			 text_since(ns_diff(to, r->start_ns)).s, text_duration(ns_diff(to, from)).s);
	n = strlen(out);
	if (rep_dated(r))
		snprintf(out + n, size - n, "%s%s", _(", "), text_utc(from).s);
}

static void write_where(struct page *p, sqlite3_stmt *st)
{
	char text[320];

	fputs("<dl class=\"where\">", p->f);
	fact(p, N_("Cause"), col_text(st, F_CAUSE));
	fact(p, N_("Layer"), words_word(col_text(st, F_LAYER)));
	fact(p, N_("Namespace"), col_text(st, F_NETNS));
	fact(p, N_("Device"), col_text(st, F_DEV));
	fact(p, N_("Function"), col_text(st, F_FUNCTION));
	fact(p, N_("Reason"), col_text(st, F_REASON));
	if (!col_null(st, F_SRC) || !col_null(st, F_DST))
		fact(p, N_("Flow"),
		     text_flow(col_text(st, F_PROTO), col_text(st, F_SRC),
			       col_int_or(st, F_SPORT, -1), col_text(st, F_DST),
			       col_int_or(st, F_DPORT, -1))
			     .s);
	if (!col_null(st, F_PROCESS) || !col_null(st, F_PID)) {
		if (col_null(st, F_PID))
			snprintf(text, sizeof(text), "%s", col_text(st, F_PROCESS));
		else
			snprintf(text, sizeof(text), "%.200s%spid %" PRId64 "%s",
				 col_text(st, F_PROCESS), *col_text(st, F_PROCESS) ? " (" : "",
				 col_int(st, F_PID), *col_text(st, F_PROCESS) ? ")" : "");
		fact(p, N_("Process"), text);
	}
	if (!col_null(st, F_CPU))
		fact(p, N_("CPU"), text_count(col_int(st, F_CPU)).s);
	if (!col_null(st, F_FROM) && p->r->start_ns) {
		time_of(p->r, col_int(st, F_FROM), col_int_or(st, F_TO, -1), text, sizeof(text));
		fact(p, N_("Time"), text);
	}
	fputs("</dl>\n", p->f);
}

static void write_impact(struct page *p, sqlite3_stmt *st)
{
	if (col_null(st, F_PACKETS) && col_null(st, F_BYTES) && col_null(st, F_FLOWS) &&
	    col_null(st, F_DELAY))
		return;
	fputs("<dl class=\"impact\">", p->f);
	if (!col_null(st, F_PACKETS))
		fact(p, col_int(st, F_PACKETS) == 1 ? N_("packet") : N_("packets"),
		     text_count(col_int(st, F_PACKETS)).s);
	if (!col_null(st, F_BYTES))
		fact(p, N_("of data"), text_bytes(col_int(st, F_BYTES)).s);
	if (!col_null(st, F_FLOWS))
		fact(p, col_int(st, F_FLOWS) == 1 ? N_("flow") : N_("flows"),
		     text_count(col_int(st, F_FLOWS)).s);
	if (!col_null(st, F_DELAY))
		fact(p, N_("delay"), text_duration(col_int(st, F_DELAY)).s);
	fputs("</dl>\n", p->f);
}

static sqlite3_stmt *of_finding(struct page *p, const char *sql, int64_t id)
{
	sqlite3_stmt *st = rep_query(p->r, sql);

	if (st)
		sqlite3_bind_int64(st, 1, id);
	return st;
}

static void begin_item(struct page *p, bool any, const char *title, const char *list,
		       const char *css)
{
	if (any)
		fputs("<li>", p->f);
	else
		fprintf(p->f, "<h4>%s</h4>\n<%s class=\"%s\"><li>", _(title), list, css);
}

static void write_advice(struct page *p, int64_t id)
{
	sqlite3_stmt *st = of_finding(p,
				      "SELECT text, command, undo, seq FROM finding_advice WHERE "
				      "finding_id = ? ORDER BY seq LIMIT 20",
				      id);
	bool any = false;

	for (; rep_row(p->r, &st); any = true) {
		begin_item(p, any, N_("What to do"), "ol", "advice");
		fputs("<p>", p->f);
		page_text(p, page_finding(p, id, "advice", col_int(st, 3), col_text(st, 0)));
		fputs("</p>", p->f);
		if (!col_null(st, 1))
			page_command(p, col_text(st, 1));
		if (!col_null(st, 2)) {
			fprintf(p->f, "<p class=\"undo\">%s</p>", _("To undo it:"));
			page_command(p, col_text(st, 2));
		}
		fputs("</li>\n", p->f);
	}
	if (any)
		fputs("</ol>\n", p->f);
}

static void write_evidence(struct page *p, int64_t id)
{
	sqlite3_stmt *st = of_finding(p,
				      "SELECT text, sql, seq FROM finding_evidence WHERE "
				      "finding_id = ? ORDER BY seq LIMIT 40",
				      id);
	bool any = false;

	for (; rep_row(p->r, &st); any = true) {
		begin_item(p, any, N_("Evidence"), "ol", "evidence");
		page_text(p, page_finding(p, id, "evidence", col_int(st, 2), col_text(st, 0)));
		if (!col_null(st, 1))
			page_sql(p, "SQL", col_text(st, 1));
		fputs("</li>\n", p->f);
	}
	if (any)
		fputs("</ol>\n", p->f);
}

static void write_ruled_out(struct page *p, int64_t id)
{
	sqlite3_stmt *st = of_finding(p,
				      "SELECT text, seq FROM finding_ruled_out WHERE finding_id = "
				      "? ORDER BY seq LIMIT 20",
				      id);
	bool any = false;

	for (; rep_row(p->r, &st); any = true) {
		begin_item(p, any, N_("What it is not"), "ul", "ruled");
		page_text(p, page_finding(p, id, "ruled_out", col_int(st, 1), col_text(st, 0)));
		fputs("</li>\n", p->f);
	}
	if (any)
		fputs("</ul>\n", p->f);
}

static void write_packets(struct page *p, int64_t id)
{
	sqlite3_stmt *st = of_finding(
		p, "SELECT packet_id FROM finding_packet WHERE finding_id = ? ORDER BY packet_id",
		id);
	int64_t all =
		rep_int_of(p->r, "SELECT count(*) FROM finding_packet WHERE finding_id = ?", id, 0);
	int shown = 0;

	if (all) {
		fputs("<p class=\"hint\">", p->f);
		fputs(lang_many(all, N_("A packet to look at:"), N_("Packets to look at:")), p->f);
	}
	while (rep_row(p->r, &st)) {
		int64_t packet = col_int(st, 0);

		if (shown >= MAX_LINKS || !packets_chosen(p->chosen, packet))
			continue;
		fprintf(p->f, "%s<a href=\"#packet-%" PRId64 "\">%" PRId64 "</a>",
			shown ? ", " : " ", packet, packet);
		shown++;
	}
	if (all)
		fprintf(p->f, "%s</p>\n", shown < all ? " …" : "");
}

static void write_card(struct page *p, sqlite3_stmt *st)
{
	const char *severity = col_text(st, F_SEVERITY);
	int64_t id = col_int(st, F_ID);
	bool bad = strcmp(severity, "info") != 0;

	fprintf(p->f,
		"<article class=\"finding finding-%s\" id=\"finding-%" PRId64
		"\">\n<div class=\"head\">",
		!strcmp(severity, "critical") ? "critical"
		: bad			      ? "warning"
					      : "info",
		id);
	page_severity(p, severity);
	fputs("<span class=\"conf\">", p->f);
	fprintf(p->f, _("confidence %.0f %%"), 100 * sqlite3_column_double(st, F_CONFIDENCE));
	fputs("</span></div>\n", p->f);
	fprintf(p->f, "<h3><a class=\"num\" href=\"#finding-%" PRId64 "\">%" PRId64 ".</a> ", id,
		id);
	page_text(p, page_finding(p, id, "title", 0, col_text(st, F_TITLE)));
	fputs("</h3>\n<p class=\"summary\">", p->f);
	page_text(p, page_finding(p, id, "summary", 0, col_text(st, F_SUMMARY)));
	fputs("</p>\n", p->f);
	if (!col_null(st, F_SYMPTOM))
		fprintf(p->f,
			"<p class=\"hint\">%s <a href=\"#finding-%" PRId64 "\">%s %" PRId64
			"</a></p>\n",
			_("Follows from"), col_int(st, F_SYMPTOM), _("finding"),
			col_int(st, F_SYMPTOM));
	write_impact(p, st);
	write_where(p, st);
	fputs("<div class=\"cols\"><div>\n", p->f);
	write_advice(p, id);
	fputs("</div><div>\n", p->f);
	write_evidence(p, id);
	write_ruled_out(p, id);
	write_packets(p, id);
	fputs("</div></div>\n</article>\n", p->f);
}

static void hero_begin(struct page *p, const char *kind, const char *icon)
{
	fprintf(p->f, "<div class=\"hero hero-%s\">", kind);
	svg_icon(p->f, icon);
	fputs("<div><p class=\"big\">", p->f);
}

/* Tables of delays that keep the busiest only hide nothing from the rules. */
#define BLINDS "kind <> 'format' AND NOT (kind = 'limit' AND source IN ('latency_part', 'cpu_hop'))"

/* What a verdict of "nothing wrong" does not cover, in a few lines. */
static void write_limits(struct page *p)
{
	int64_t all = rep_int(
		p->r,
		"SELECT count(*) FROM (SELECT DISTINCT source, note FROM quality WHERE " BLINDS ")",
		0);
	sqlite3_stmt *st = rep_query(
		p->r,
		"SELECT source, note, count(*) FROM quality WHERE " BLINDS
		" GROUP BY source, note ORDER BY min(kind NOT IN ('tape-cut', 'tape-damaged')), "
		"min(kind NOT IN ('events-lost', 'frames-lost', 'detail-lowered')), min(kind NOT "
		"IN "
		"('source-missing', 'permission')), min(id) LIMIT 4");
	bool any = false;

	for (; rep_row(p->r, &st); any = true) {
		if (!any)
			fprintf(p->f, "<p>%s</p>\n<ul class=\"limits\">",
				_("What could not be seen:"));
		fputs("<li><code>", p->f);
		page_text(p, col_text(st, 0));
		fputs("</code>: ", p->f);
		page_text(p, page_note(p, col_text(st, 1)));
		if (col_int(st, 2) > 1)
			page_textf(p, " (× %s)", text_count(col_int(st, 2)).s);
		fputs("</li>\n", p->f);
	}
	if (any)
		fputs("</ul>\n", p->f);
	fputs("<p>", p->f);
	if (all > 4)
		fprintf(p->f, _("%s more stand under <a href=\"#unseen\">What was not seen</a>."),
			text_count(all - 4).s);
	else if (any)
		fputs(_("More about it stands under <a href=\"#unseen\">What was not seen</a>."),
		      p->f);
	else
		fputs(_("Nothing is known to be missing."), p->f);
	fputs("</p>\n", p->f);
}

static void write_notes(struct page *p, int64_t infos)
{
	if (!infos)
		return;
	putc(' ', p->f);
	fprintf(p->f, lang_many(infos, N_("%s note stands below."), N_("%s notes stand below.")), text_count(infos).s);
}

/* What a capture alone has to tell. */
static void write_flows(struct page *p)
{
	sqlite3_stmt *st = rep_query(p->r, REP_FLOWS);
	bool any = false;

	for (; rep_row(p->r, &st); any = true) {
		if (!any)
			fprintf(p->f, "<p>%s</p>\n<ul class=\"limits\">", _("Flows of most frames"));
		fputs("<li><code>", p->f);
		page_text(p, col_text(st, 0));
		fprintf(p->f, "</code>: %s %s, %s</li>\n", text_count(col_int(st, 1)).s, _("frames"), text_bytes(col_int(st, 2)).s);
	}
	if (any)
		fputs("</ul>\n", p->f);
}

static void write_nothing(struct page *p, int64_t infos)
{
	enum verdict v = verdict_of(p->r);
	const char *look = v == VERDICT_GOOD ? "ok" : "warning";

	hero_begin(p, look, look);
	fprintf(p->f, "%s</p><p>", verdict_head(v));
	verdict_put(v, p->r, p->f);
	if (v == VERDICT_UNNAMED)
		fprintf(p->f, " <a href=\"#drops\">%s</a>.", _("Drops by place and reason"));
	write_notes(p, infos);
	fputs("</p>", p->f);
	if (v == VERDICT_FRAMES)
		write_flows(p);
	write_limits(p);
	fputs("</div></div>\n", p->f);
}

/* How bad it is, in one number: packets, else a delay. */
static void write_extent(struct page *p, sqlite3_stmt *st)
{
	int64_t packets = col_int(st, 6);

	if (!col_null(st, 6) && packets > 0)
		fprintf(p->f, "<span class=\"much\">%s %s</span> ", text_count(packets).s,
			packets == 1 ? _("packet") : _("packets"));
	else if (!col_null(st, 7))
		fprintf(p->f, "<span class=\"much\">%s %s</span> ", _("delay"),
			text_duration(col_int(st, 7)).s);
}

/* How bad, how sure, where, and what to do: what a reader wants to know first. */
static void write_answer(struct page *p, sqlite3_stmt *st)
{
	static const int place[] = { 3, 4, 5 };
	int64_t id = col_int(st, 0);
	sqlite3_stmt *advice = of_finding(p,
					  "SELECT text, seq FROM finding_advice WHERE finding_id = "
					  "? ORDER BY seq LIMIT 1",
					  id);

	fputs("<p class=\"how\">", p->f);
	write_extent(p, st);
	fputs("<span>", p->f);
	fprintf(p->f, _("confidence %.0f %%"), 100 * sqlite3_column_double(st, 2));
	fputs("</span>", p->f);
	for (size_t i = 0; i < ARRAY_SIZE(place); i++) {
		if (col_null(st, place[i]))
			continue;
		fputs(" <span>", p->f);
		page_text(p, col_text(st, place[i]));
		fputs("</span>", p->f);
	}
	fputs("</p>", p->f);
	while (rep_row(p->r, &advice)) {
		fprintf(p->f, "<p class=\"do\"><strong>%s:</strong> ", _("What to do"));
		page_text(p,
			  page_finding(p, id, "advice", col_int(advice, 1), col_text(advice, 0)));
		fputs("</p>", p->f);
	}
}

static void write_summary(struct page *p, int64_t critical, int64_t warning, int64_t infos)
{
	sqlite3_stmt *st;

	if (!critical && !warning) {
		write_nothing(p, infos);
		return;
	}
	hero_begin(p, critical ? "critical" : "warning", critical ? "critical" : "warning");
	if (critical)
		fprintf(p->f,
			lang_many(critical, N_("%s critical cause"), N_("%s critical causes")),
			text_count(critical).s);
	if (critical && warning)
		fputs(_(", "), p->f);
	if (warning)
		fprintf(p->f, lang_many(warning, N_("%s warning"), N_("%s warnings")),
			text_count(warning).s);
	fputs("</p>\n<ol class=\"toc\">", p->f);
	st = rep_query(p->r, "SELECT id, title, confidence, netns, dev, process, packets, "
			     "delay_ns FROM finding WHERE severity <> 'info' ORDER BY id LIMIT 12");
	for (int n = 0; rep_row(p->r, &st); n++) {
		fprintf(p->f, "<li value=\"%" PRId64 "\"><a href=\"#finding-%" PRId64 "\">",
			col_int(st, 0), col_int(st, 0));
		page_text(p, page_finding(p, col_int(st, 0), "title", 0, col_text(st, 1)));
		fputs("</a>", p->f);
		if (n < MAX_ANSWERS)
			write_answer(p, st);
		fputs("</li>\n", p->f);
	}
	fputs("</ol></div></div>\n", p->f);
}

void panel_verdict(struct page *p)
{
	struct rep *r = p->r;
	int64_t critical =
		rep_int(r, "SELECT count(*) FROM finding WHERE severity = 'critical'", 0);
	int64_t warning = rep_int(r, "SELECT count(*) FROM finding WHERE severity = 'warning'", 0);
	int64_t all = rep_int(r, "SELECT count(*) FROM finding", 0);
	sqlite3_stmt *st;

	write_summary(p, critical, warning, all - critical - warning);
	if (!critical && !warning)
		write_tiles(p);
	st = rep_query(r, finding_sql);
	while (rep_row(r, &st))
		write_card(p, st);
	page_more(p, MAX_CARDS, all, N_("findings"), "SELECT * FROM finding");
	if (critical || warning)
		write_tiles(p);
}
