/* SPDX-License-Identifier: MIT */
#include "page.h"
#include "svg.h"

#include <inttypes.h>
#include <string.h>

#define MAX_CARDS 30

static void tile(struct page *p, const char *value, const char *label)
{
	fputs("<div><dt>", p->f);
	page_text(p, label);
	fputs("</dt><dd>", p->f);
	page_text(p, value);
	fputs("</dd></div>", p->f);
}

/* What was looked at: the numbers that say how much the verdict rests on. */
static void write_tiles(struct page *p)
{
	struct rep *r = p->r;
	int64_t lost = rep_fact_int(r, "events_lost", -1);

	fputs("<dl class=\"tiles\">", p->f);
	tile(p, text_count(rep_int(r, "SELECT count(*) FROM _packet", 0)).s, "packets followed");
	tile(p,
	     text_count(rep_int(r,
				"SELECT count(*) FROM packet_drop WHERE class IN ('loss', "
				"'policy', 'error')",
				0))
		     .s,
	     "drops: loss, policy or error");
	tile(p,
	     text_count(rep_int(r,
				"SELECT count(*) FROM packet_drop WHERE class NOT IN ('loss', "
				"'policy', 'error')",
				0))
		     .s,
	     "drops: noise, teardown, protocol");
	tile(p, text_count(rep_int(r, "SELECT count(*) FROM _frame", 0)).s, "captured frames");
	tile(p, text_count(rep_fact_int(r, "events_recorded", 0)).s, "trace events");
	tile(p, lost < 0 ? "unknown" : text_count(lost).s, "events lost");
	tile(p, text_count(rep_int(r, "SELECT count(*) FROM ledger", 0)).s, "counters that moved");
	tile(p, text_count(rep_int(r, "SELECT count(*) FROM snapshot", 0)).s, "snapshots");
	fputs("</dl>\n", p->f);
}

static void fact(struct page *p, const char *label, const char *value)
{
	if (!*value)
		return;
	fputs("<div><dt>", p->f);
	page_text(p, label);
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

static void write_where(struct page *p, sqlite3_stmt *st)
{
	char text[320];

	fputs("<dl class=\"where\">", p->f);
	fact(p, "Cause", col_text(st, F_CAUSE));
	fact(p, "Layer", col_text(st, F_LAYER));
	fact(p, "Namespace", col_text(st, F_NETNS));
	fact(p, "Device", col_text(st, F_DEV));
	fact(p, "Function", col_text(st, F_FUNCTION));
	fact(p, "Reason", col_text(st, F_REASON));
	if (!col_null(st, F_SRC) || !col_null(st, F_DST))
		fact(p, "Flow",
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
		fact(p, "Process", text);
	}
	if (!col_null(st, F_CPU))
		fact(p, "CPU", text_count(col_int(st, F_CPU)).s);
	if (!col_null(st, F_FROM) && p->r->start_ns) {
		snprintf(text, sizeof(text), "%s to %s",
			 text_since(ns_diff(col_int(st, F_FROM), p->r->start_ns)).s,
			 col_null(st, F_TO)
				 ? "?"
				 : text_since(ns_diff(col_int(st, F_TO), p->r->start_ns)).s);
		fact(p, "Time", text);
	}
	fputs("</dl>\n", p->f);
}

static void write_impact(struct page *p, sqlite3_stmt *st)
{
	if (col_null(st, F_PACKETS) && col_null(st, F_BYTES) && col_null(st, F_FLOWS) &&
	    col_null(st, F_DELAY))
		return;
	fputs("<dl class=\"impact\" aria-label=\"Impact\">", p->f);
	if (!col_null(st, F_PACKETS))
		fact(p, col_int(st, F_PACKETS) == 1 ? "packet" : "packets",
		     text_count(col_int(st, F_PACKETS)).s);
	if (!col_null(st, F_BYTES))
		fact(p, "of data", text_bytes(col_int(st, F_BYTES)).s);
	if (!col_null(st, F_FLOWS))
		fact(p, col_int(st, F_FLOWS) == 1 ? "flow" : "flows",
		     text_count(col_int(st, F_FLOWS)).s);
	if (!col_null(st, F_DELAY))
		fact(p, "delay", text_duration(col_int(st, F_DELAY)).s);
	fputs("</dl>\n", p->f);
}

static sqlite3_stmt *of_finding(struct page *p, const char *sql, int64_t id)
{
	sqlite3_stmt *st = rep_query(p->r, sql);

	if (st)
		sqlite3_bind_int64(st, 1, id);
	return st;
}

static void write_advice(struct page *p, int64_t id)
{
	sqlite3_stmt *st = of_finding(p,
				      "SELECT text, command, undo FROM finding_advice WHERE "
				      "finding_id = ? ORDER BY seq LIMIT 20",
				      id);
	bool any = false;

	for (; rep_row(p->r, &st); any = true) {
		fputs(any ? "<li>" : "<h4>What to do</h4>\n<ol class=\"advice\"><li>", p->f);
		fputs("<p>", p->f);
		page_text(p, col_text(st, 0));
		fputs("</p>", p->f);
		if (!col_null(st, 1))
			page_command(p, col_text(st, 1));
		if (!col_null(st, 2)) {
			fputs("<p class=\"undo\">To undo it:</p>", p->f);
			page_command(p, col_text(st, 2));
		}
		fputs("</li>\n", p->f);
	}
	if (any)
		fputs("</ol>\n", p->f);
}

static void write_evidence(struct page *p, int64_t id)
{
	sqlite3_stmt *st = of_finding(
		p,
		"SELECT text, sql FROM finding_evidence WHERE finding_id = ? ORDER BY seq LIMIT 40",
		id);
	bool any = false;

	for (; rep_row(p->r, &st); any = true) {
		fputs(any ? "<li>" : "<h4>Evidence</h4>\n<ol class=\"evidence\"><li>", p->f);
		page_text(p, col_text(st, 0));
		if (!col_null(st, 1))
			page_sql(p, "SQL", col_text(st, 1));
		fputs("</li>\n", p->f);
	}
	if (any)
		fputs("</ol>\n", p->f);
}

static void write_ruled_out(struct page *p, int64_t id)
{
	sqlite3_stmt *st = of_finding(
		p, "SELECT text FROM finding_ruled_out WHERE finding_id = ? ORDER BY seq LIMIT 20",
		id);
	bool any = false;

	for (; rep_row(p->r, &st); any = true) {
		fputs(any ? "<li>" : "<h4>What it is not</h4>\n<ul class=\"ruled\"><li>", p->f);
		page_text(p, col_text(st, 0));
		fputs("</li>\n", p->f);
	}
	if (any)
		fputs("</ul>\n", p->f);
}

static void write_packets(struct page *p, int64_t id)
{
	int64_t all =
		rep_int_of(p->r, "SELECT count(*) FROM finding_packet WHERE finding_id = ?", id, 0);

	if (all)
		fprintf(p->f,
			"<p class=\"hint\">%s packet%s to look at <a href=\"#packets\">below</a>, "
			"marked “finding %" PRId64 "”.</p>\n",
			text_count(all).s, all == 1 ? "" : "s", id);
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
	fprintf(p->f, "<span class=\"conf\">confidence %.0f %%</span></div>\n",
		100 * sqlite3_column_double(st, F_CONFIDENCE));
	fprintf(p->f, "<h3><span class=\"num\">%" PRId64 ".</span> ", id);
	page_text(p, col_text(st, F_TITLE));
	fputs("</h3>\n<p class=\"summary\">", p->f);
	page_text(p, col_text(st, F_SUMMARY));
	fputs("</p>\n", p->f);
	if (!col_null(st, F_SYMPTOM))
		fprintf(p->f,
			"<p class=\"hint\">Follows from <a href=\"#finding-%" PRId64
			"\">finding %" PRId64 "</a>.</p>\n",
			col_int(st, F_SYMPTOM), col_int(st, F_SYMPTOM));
	write_impact(p, st);
	write_where(p, st);
	write_advice(p, id);
	write_evidence(p, id);
	write_ruled_out(p, id);
	write_packets(p, id);
	fputs("</article>\n", p->f);
}

static void write_summary(struct page *p, int64_t critical, int64_t warning, int64_t infos)
{
	sqlite3_stmt *st;

	if (!critical && !warning &&
	    rep_int(p->r,
		    "SELECT (SELECT count(*) FROM _packet) = 0 AND (SELECT count(*) FROM snapshot) "
		    "< 2",
		    0)) {
		fputs("<div class=\"hero hero-warning\">", p->f);
		svg_icon(p->f, "warning");
		fputs("<div><p class=\"big\">Nothing can be said.</p><p>The recording holds no "
		      "packet events and fewer than two snapshots: "
		      "there is nothing to judge by. Why stands under <a href=\"#unseen\">What was "
		      "not seen</a>.</p></div></div>\n",
		      p->f);
		return;
	}
	if (!critical && !warning && rep_unnamed_drops(p->r)) {
		fputs("<div class=\"hero hero-warning\">", p->f);
		svg_icon(p->f, "warning");
		fprintf(p->f,
			"<div><p class=\"big\">No cause could be named.</p><p>%s packets were dropped (loss, policy or "
			"error), see <a href=\"#drops\">Drops by place and reason</a>, but the evidence is not enough to say "
			"why. What could not be seen stands under <a href=\"#unseen\">What was not seen</a>.</p></div></div>\n",
			text_count(rep_unnamed_drops(p->r)).s);
		return;
	}
	if (!critical && !warning) {
		fputs("<div class=\"hero hero-ok\">", p->f);
		svg_icon(p->f, "ok");
		fputs("<div><p class=\"big\">Nothing wrong was seen.</p><p>Looked at every packet, "
		      "drop, counter, queue and setting that the "
		      "recording holds, against every cause that skbtape can name",
		      p->f);
		if (infos)
			fprintf(p->f, "; %s note%s below", text_count(infos).s,
				infos == 1 ? "" : "s");
		fputs(". What could not be seen stands under <a href=\"#unseen\">What was not "
		      "seen</a>.</p></div></div>\n",
		      p->f);
		return;
	}
	fprintf(p->f, "<div class=\"hero hero-%s\">", critical ? "critical" : "warning");
	svg_icon(p->f, critical ? "critical" : "warning");
	fputs("<div><p class=\"big\">", p->f);
	if (critical)
		fprintf(p->f, "%s critical cause%s", text_count(critical).s,
			critical == 1 ? "" : "s");
	if (warning)
		fprintf(p->f, "%s%s warning%s", critical ? ", " : "", text_count(warning).s,
			warning == 1 ? "" : "s");
	fputs("</p>\n<ol class=\"toc\">", p->f);
	st = rep_query(p->r, "SELECT id, title, severity FROM finding WHERE severity <> 'info' "
			     "ORDER BY id LIMIT 12");
	while (rep_row(p->r, &st)) {
		fprintf(p->f, "<li value=\"%" PRId64 "\"><a href=\"#finding-%" PRId64 "\">",
			col_int(st, 0), col_int(st, 0));
		page_text(p, col_text(st, 1));
		fputs("</a></li>", p->f);
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
	write_tiles(p);
	st = rep_query(r, finding_sql);
	while (rep_row(r, &st))
		write_card(p, st);
	page_more(p, MAX_CARDS, all, "findings", "SELECT * FROM finding");
}
