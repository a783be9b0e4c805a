/* SPDX-License-Identifier: MIT */
#include "formats.h"
#include "text.h"
#include "verdict.h"
#include "words.h"

#include <string.h>

#define MAX_FINDINGS 12
#define MAX_DROPS    12
#define MAX_QUALITY  12

/* The verdict where no finding is above info. */
static void put_nothing(struct rep *r, FILE *f)
{
	enum verdict v = verdict_of(r);

	fprintf(f, "**%s** ", verdict_head(v));
	verdict_put(v, r, f);
}

static void put_verdict(struct rep *r, FILE *f, struct buf *words)
{
	int64_t critical =
		rep_int(r, "SELECT count(*) FROM finding WHERE severity = 'critical'", 0);
	int64_t warning = rep_int(r, "SELECT count(*) FROM finding WHERE severity = 'warning'", 0);
	char host[256], kernel[256];
	sqlite3_stmt *st;

	rep_fact(r, "host", host, sizeof(host));
	rep_fact(r, "kernel", kernel, sizeof(kernel));
	fputs("## skbtape: ", f);
	text_markdown(f, host[0] ? host : _("unknown host"));
	fputs("\n\n", f);
	if (!critical && !warning) {
		put_nothing(r, f);
	} else {
		st = rep_query(r,
			       "SELECT title, confidence, id FROM finding WHERE severity <> 'info' "
			       "ORDER BY id LIMIT 1");
		while (rep_row(r, &st)) {
			fputs("**", f);
			text_markdown(f, words_finding(r, col_int(st, 2), "title", 0,
						       col_text(st, 0), words));
			fputs("** ", f);
			fprintf(f, _("(confidence %.0f %%)"), 100 * sqlite3_column_double(st, 1));
		}
		fputs(" · ", f);
		fprintf(f, _("critical: %1$s, warnings: %2$s."), text_count(critical).s,
			text_count(warning).s);
	}
	putc('\n', f);
	fprintf(f, "%s ", _("Kernel"));
	text_markdown(f, kernel[0] ? kernel : _("unknown"));
	if (rep_dated(r) && r->end_ns > r->start_ns) {
		fprintf(f, _(", from %1$s for %2$s."), text_utc(r->start_ns).s,
			text_duration(ns_diff(r->end_ns, r->start_ns)).s);
	} else if (rep_dated(r)) {
		fprintf(f, ", %s", text_utc(r->start_ns).s);
	} else if (r->end_ns > r->start_ns) {
		fputs(", ", f);
		fprintf(f, _("%s long"), text_duration(ns_diff(r->end_ns, r->start_ns)).s);
	}
	fputs("\n\n", f);
	if (r->incomplete) {
		fprintf(f, "> **%s** ", _("The tape is incomplete."));
		text_markdown(f, lang_note(r->why, words));
		fputs("\n\n", f);
	}
}

static void cell(FILE *f, const char *s)
{
	fputs(" | ", f);
	text_markdown(f, s);
}

static void put_where(FILE *f, sqlite3_stmt *st, int first)
{
	static const char *const label[] = { N_("netns"), N_("dev"), N_("in"), N_("reason"),
					     N_("process") };
	bool any = false;

	fputs(" | ", f);
	for (int i = 0; i < (int)ARRAY_SIZE(label); i++) {
		if (!*col_text(st, first + i))
			continue;
		fprintf(f, "%s%s ", any ? ", " : "", _(label[i]));
		text_markdown(f, col_text(st, first + i));
		any = true;
	}
	if (!any)
		fputs("-", f);
}

static void put_findings(struct rep *r, FILE *f, struct buf *words)
{
	int64_t total = rep_int(r, "SELECT count(*) FROM finding", 0);
	sqlite3_stmt *st;

	if (!total)
		return;
	fprintf(f, "%s\n|--:|---|---|---|---|--:|--:|--:|--:|\n",
		_("| # | Severity | Cause | Finding | Where | Packets | Flows | Delay | Confidence "
		  "|"));
	st = rep_query(r, "SELECT id, severity, cause, title, netns, dev, function, reason, "
			  "process, packets, flows, "
			  "delay_ns, confidence, symptom_of FROM finding ORDER BY id LIMIT 12");
	while (rep_row(r, &st)) {
		fprintf(f, "| %s", text_count(col_int(st, 0)).s);
		cell(f, words_word(col_text(st, 1)));
		cell(f, col_text(st, 2));
		cell(f, words_finding(r, col_int(st, 0), "title", 0, col_text(st, 3), words));
		if (!col_null(st, 13)) {
			fputs(" (", f);
			fprintf(f, _("follows from %s"), text_count(col_int(st, 13)).s);
			putc(')', f);
		}
		put_where(f, st, 4);
		fprintf(f, " | %s", col_null(st, 9) ? "-" : text_count(col_int(st, 9)).s);
		fprintf(f, " | %s", col_null(st, 10) ? "-" : text_count(col_int(st, 10)).s);
		fprintf(f, " | %s", col_null(st, 11) ? "-" : text_duration(col_int(st, 11)).s);
		fprintf(f, " | %.0f %% |\n", 100 * sqlite3_column_double(st, 12));
	}
	if (total > MAX_FINDINGS)
		fprintf(f, _("\n%s more findings are in the HTML and JSON reports.\n"),
			text_count(total - MAX_FINDINGS).s);
	putc('\n', f);
}

static void put_advice(struct rep *r, FILE *f, struct buf *words, int64_t id)
{
	sqlite3_stmt *st = rep_query(
		r, "SELECT text, command, undo, seq FROM finding_advice WHERE finding_id = ? "
		   "ORDER BY seq LIMIT 3");

	if (st)
		sqlite3_bind_int64(st, 1, id);
	for (bool first = true; rep_row(r, &st); first = false) {
		if (first)
			fprintf(f, "\n%s\n\n", _("What to do:"));
		fputs("- ", f);
		text_markdown(
			f, words_finding(r, id, "advice", col_int(st, 3), col_text(st, 0), words));
		putc('\n', f);
		if (!col_null(st, 1))
			text_fence(f, "  ", col_text(st, 1));
		if (!col_null(st, 2)) {
			fprintf(f, "\n  %s\n", _("To undo it:"));
			text_fence(f, "  ", col_text(st, 2));
		}
	}
}

/* A list of @part of a finding; @sql: text and seq of each item, ?1 is the finding. */
static void put_list(struct rep *r, FILE *f, struct buf *words, int64_t id, const char *title,
		     const char *part, const char *sql)
{
	sqlite3_stmt *st = rep_query(r, sql);

	if (st)
		sqlite3_bind_int64(st, 1, id);
	for (bool first = true; rep_row(r, &st); first = false) {
		if (first)
			fprintf(f, "\n%s\n\n", title);
		fputs("- ", f);
		text_markdown(f,
			      words_finding(r, id, part, col_int(st, 1), col_text(st, 0), words));
		putc('\n', f);
	}
}

static void put_details(struct rep *r, FILE *f, struct buf *words)
{
	sqlite3_stmt *st = rep_query(r, "SELECT id, title, summary, symptom_of FROM finding WHERE severity <> "
					"'info' ORDER BY id LIMIT 3");

	while (rep_row(r, &st)) {
		int64_t id = col_int(st, 0);

		fprintf(f, "### %s. ", text_count(id).s);
		text_markdown(f, words_finding(r, id, "title", 0, col_text(st, 1), words));
		fputs("\n\n", f);
		if (!col_null(st, 3)) {
			fprintf(f, _("Not a cause of its own: it follows from finding %s."), text_count(col_int(st, 3)).s);
			putc(' ', f);
		}
		text_markdown(f, words_finding(r, id, "summary", 0, col_text(st, 2), words));
		fputs("\n", f);
		put_list(r, f, words, id, _("Evidence:"), "evidence",
			 "SELECT text, seq FROM finding_evidence WHERE finding_id = ? ORDER BY seq "
			 "LIMIT 5");
		put_list(r, f, words, id, _("What it is not:"), "ruled_out",
			 "SELECT text, seq FROM finding_ruled_out WHERE finding_id = ? ORDER BY "
			 "seq LIMIT 3");
		put_advice(r, f, words, id);
		putc('\n', f);
	}
}

static void put_drops(struct rep *r, FILE *f)
{
	int64_t kinds = 0, shown = 0;
	bool none;
	sqlite3_stmt *st = rep_query(
		r, "SELECT class, reason, function, layer, dev, netns, count(*) FROM packet_drop "
		   "WHERE class NOT IN ('noise', 'teardown') GROUP BY 1, 2, 3, 4, 5, 6 "
		   "ORDER BY 7 DESC, 1, 2, 3, 4, 5, 6");

	while (rep_row(r, &st)) {
		if (kinds++ >= MAX_DROPS)
			continue;
		if (!shown++)
			fprintf(f, "### %s\n\n%s\n|--:|---|---|---|---|---|---|\n", _("Drops"),
				_("| Count | Class | Reason | Function | Layer | Device | "
				  "Namespace |"));
		fprintf(f, "| %s", text_count(col_int(st, 6)).s);
		for (int i = 0; i < 6; i++)
			cell(f, *col_text(st, i) ? i == 0 || i == 3 ? words_word(col_text(st, i))
								    : col_text(st, i)
						 : "-");
		fputs(" |\n", f);
	}
	if (kinds > shown)
		fprintf(f, _("\n%s more kinds of drops are in the HTML and JSON reports.\n"),
			text_count(kinds - shown).s);
	none = !kinds && rep_sees_drops(r) && rep_basis(r) != BASIS_NOTHING;
	if (none)
		fprintf(f, "%s\n", _("No drop of class loss, policy or error was seen."));
	if (kinds || none)
		putc('\n', f);
}

/* What a capture alone has to tell. */
static void put_flows(struct rep *r, FILE *f)
{
	sqlite3_stmt *st;

	if (rep_basis(r) != BASIS_FRAMES)
		return;
	st = rep_query(r, REP_FLOWS);
	for (bool first = true; rep_row(r, &st); first = false) {
		if (first)
			fprintf(f, "### %s\n\n%s\n|--:|--:|---|\n", _("Flows of most frames"), _("| Frames | Bytes | Flow |"));
		fprintf(f, "| %s | %s", text_count(col_int(st, 1)).s, text_bytes(col_int(st, 2)).s);
		cell(f, col_text(st, 0));
		fputs(" |\n", f);
	}
	putc('\n', f);
}

static void put_quality(struct rep *r, FILE *f, struct buf *words)
{
	int64_t total = rep_int(r, "SELECT count(*) FROM quality", 0);
	sqlite3_stmt *st =
		rep_query(r, "SELECT kind, source, count, note FROM quality ORDER BY id LIMIT 12");

	fprintf(f, "### %s\n\n", _("What was not seen"));
	if (!total)
		fprintf(f, "- %s\n", _("Nothing is known to be missing."));
	while (rep_row(r, &st)) {
		fputs("- ", f);
		text_markdown(f, words_word(col_text(st, 0)));
		fputs(", ", f);
		text_markdown(f, col_text(st, 1));
		if (!col_null(st, 2))
			fprintf(f, " (%s)", text_count(col_int(st, 2)).s);
		fputs(": ", f);
		text_markdown(f, lang_note(col_text(st, 3), words));
		putc('\n', f);
	}
	if (total > MAX_QUALITY)
		fprintf(f, _("\n%s more notes are in the HTML and JSON reports.\n"),
			text_count(total - MAX_QUALITY).s);
	putc('\n', f);
}

static void put_recording(struct rep *r, FILE *f)
{
	static const char *const labels[] = { N_("profile"),	     N_("namespaces"), N_("filter"),
					      N_("events recorded"), N_("decoded"),    N_("lost"),
					      N_("frames"),	     N_("lost"),       "skbtape",
					      N_("ended by") };
	static const char *const keys[] = { "options.profile", "options.netns",	 "options.filter",
					    "events_recorded", "events_decoded", "events_lost",
					    "frames",	       "frames_lost",	 "tool_version",
					    "end.reason" };
	bool any = false;

	fprintf(f, "### %s\n\n", _("How it was recorded"));
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		char value[256];

		rep_fact(r, keys[i], value, sizeof(value));
		if (!value[0])
			continue;
		fputs(any ? " · " : "", f);
		fprintf(f, "%s ", _(labels[i]));
		text_markdown(f, value);
		any = true;
	}
	fprintf(f, "%s\n", any ? "" : _("Not known."));
}

void markdown_write(struct rep *r, FILE *f)
{
	struct buf words = { 0 };

	put_verdict(r, f, &words);
	put_findings(r, f, &words);
	put_details(r, f, &words);
	put_drops(r, f);
	put_flows(r, f);
	put_quality(r, f, &words);
	put_recording(r, f);
	buf_free(&words);
}
