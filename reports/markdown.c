/* SPDX-License-Identifier: MIT */
#include "formats.h"
#include "text.h"

#include <string.h>

#define MAX_FINDINGS 12
#define MAX_DROPS    12
#define MAX_QUALITY  12

static void put_verdict(struct rep *r, FILE *f)
{
	int64_t critical =
		rep_int(r, "SELECT count(*) FROM finding WHERE severity = 'critical'", 0);
	int64_t warning = rep_int(r, "SELECT count(*) FROM finding WHERE severity = 'warning'", 0);
	char host[256], kernel[256];
	sqlite3_stmt *st;

	rep_fact(r, "host", host, sizeof(host));
	rep_fact(r, "kernel", kernel, sizeof(kernel));
	fputs("## skbtape: ", f);
	text_markdown(f, host[0] ? host : "unknown host");
	fputs("\n\n", f);
	if (!critical && !warning &&
	    rep_int(r,
		    "SELECT (SELECT count(*) FROM _packet) = 0 AND (SELECT count(*) FROM snapshot) "
		    "< 2",
		    0)) {
		fputs("**Nothing can be said:** the recording holds no packet events and fewer "
		      "than two snapshots.",
		      f);
	} else if (!critical && !warning) {
		int64_t drops = rep_unnamed_drops(r);

		if (drops)
			fprintf(f, "**No cause could be named**, but %s packets were dropped, see below. Looked at ",
				text_count(drops).s);
		else
			fputs("**Nothing wrong was seen.** Looked at ", f);
		fprintf(f, "%s packets and %s frames",
			text_count(rep_int(r, "SELECT count(*) FROM _packet", 0)).s,
			text_count(rep_int(r, "SELECT count(*) FROM _frame", 0)).s);
		fprintf(f, " in %s.", text_duration(ns_diff(r->end_ns, r->start_ns)).s);
	} else {
		st = rep_query(r, "SELECT title, confidence FROM finding WHERE severity <> 'info' "
				  "ORDER BY id LIMIT 1");
		while (rep_row(r, &st)) {
			fputs("**", f);
			text_markdown(f, col_text(st, 0));
			fprintf(f, "** (confidence %.0f %%)", 100 * sqlite3_column_double(st, 1));
		}
		fprintf(f, " · %s critical, %s warning%s.", text_count(critical).s,
			text_count(warning).s, warning == 1 ? "" : "s");
	}
	fputs("\nKernel ", f);
	text_markdown(f, kernel[0] ? kernel : "unknown");
	if (r->start_ns)
		fprintf(f, ", from %s for %s.", text_utc(r->start_ns).s,
			text_duration(ns_diff(r->end_ns, r->start_ns)).s);
	fputs("\n\n", f);
	if (r->incomplete) {
		fputs("> **The tape is incomplete:** ", f);
		text_markdown(f, r->why);
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
	static const char *const label[] = { "netns", "dev", "in", "reason", "process" };
	bool any = false;

	fputs(" | ", f);
	for (int i = 0; i < (int)ARRAY_SIZE(label); i++) {
		if (!*col_text(st, first + i))
			continue;
		fprintf(f, "%s%s ", any ? ", " : "", label[i]);
		text_markdown(f, col_text(st, first + i));
		any = true;
	}
	if (!any)
		fputs("-", f);
}

static void put_findings(struct rep *r, FILE *f)
{
	int64_t total = rep_int(r, "SELECT count(*) FROM finding", 0);
	sqlite3_stmt *st;

	if (!total)
		return;
	fputs("| # | Severity | Cause | Finding | Where | Packets | Flows | Delay | Confidence |\n"
	      "|--:|---|---|---|---|--:|--:|--:|--:|\n",
	      f);
	st = rep_query(r, "SELECT id, severity, cause, title, netns, dev, function, reason, "
			  "process, packets, flows, "
			  "delay_ns, confidence FROM finding ORDER BY id LIMIT 12");
	while (rep_row(r, &st)) {
		fprintf(f, "| %s", text_count(col_int(st, 0)).s);
		cell(f, col_text(st, 1));
		cell(f, col_text(st, 2));
		cell(f, col_text(st, 3));
		put_where(f, st, 4);
		fprintf(f, " | %s", col_null(st, 9) ? "-" : text_count(col_int(st, 9)).s);
		fprintf(f, " | %s", col_null(st, 10) ? "-" : text_count(col_int(st, 10)).s);
		fprintf(f, " | %s", col_null(st, 11) ? "-" : text_duration(col_int(st, 11)).s);
		fprintf(f, " | %.0f %% |\n", 100 * sqlite3_column_double(st, 12));
	}
	if (total > MAX_FINDINGS)
		fprintf(f, "\n%s more findings are in the HTML and JSON reports.\n",
			text_count(total - MAX_FINDINGS).s);
	putc('\n', f);
}

static void put_advice(struct rep *r, FILE *f, int64_t id)
{
	sqlite3_stmt *st =
		rep_query(r, "SELECT text, command, undo FROM finding_advice WHERE finding_id = ? "
			     "ORDER BY seq LIMIT 3");

	if (st)
		sqlite3_bind_int64(st, 1, id);
	for (bool first = true; rep_row(r, &st); first = false) {
		fputs(first ? "\nWhat to do:\n\n- " : "- ", f);
		text_markdown(f, col_text(st, 0));
		putc('\n', f);
		if (!col_null(st, 1))
			text_fence(f, "  ", col_text(st, 1));
		if (!col_null(st, 2)) {
			fputs("\n  To undo it:\n", f);
			text_fence(f, "  ", col_text(st, 2));
		}
	}
}

static void put_details(struct rep *r, FILE *f)
{
	sqlite3_stmt *st = rep_query(r, "SELECT id, title, summary FROM finding WHERE severity <> "
					"'info' ORDER BY id LIMIT 3");

	while (rep_row(r, &st)) {
		sqlite3_stmt *ev = rep_query(r, "SELECT text FROM finding_evidence WHERE "
						"finding_id = ? ORDER BY seq LIMIT 5");

		fprintf(f, "### %s. ", text_count(col_int(st, 0)).s);
		text_markdown(f, col_text(st, 1));
		fputs("\n\n", f);
		text_markdown(f, col_text(st, 2));
		fputs("\n", f);
		if (ev)
			sqlite3_bind_int64(ev, 1, col_int(st, 0));
		for (bool first = true; rep_row(r, &ev); first = false) {
			fputs(first ? "\nEvidence:\n\n- " : "- ", f);
			text_markdown(f, col_text(ev, 0));
			putc('\n', f);
		}
		put_advice(r, f, col_int(st, 0));
		putc('\n', f);
	}
}

static void put_drops(struct rep *r, FILE *f)
{
	int64_t kinds = 0, shown = 0;
	sqlite3_stmt *st = rep_query(
		r, "SELECT class, reason, function, layer, dev, netns, count(*) FROM packet_drop "
		   "WHERE class NOT IN ('noise', 'teardown') GROUP BY 1, 2, 3, 4, 5, 6 "
		   "ORDER BY 7 DESC, 1, 2, 3, 4, 5, 6");

	while (rep_row(r, &st)) {
		if (kinds++ >= MAX_DROPS)
			continue;
		if (!shown++)
			fputs("### Drops\n\n| Count | Class | Reason | Function | Layer | Device | "
			      "Namespace |\n"
			      "|--:|---|---|---|---|---|---|\n",
			      f);
		fprintf(f, "| %s", text_count(col_int(st, 6)).s);
		for (int i = 0; i < 6; i++)
			cell(f, *col_text(st, i) ? col_text(st, i) : "-");
		fputs(" |\n", f);
	}
	if (kinds > shown)
		fprintf(f, "\n%s more kinds of drops are in the HTML and JSON reports.\n",
			text_count(kinds - shown).s);
	if (!kinds)
		fputs("No drop of class loss, policy or error was seen.\n", f);
	putc('\n', f);
}

static void put_quality(struct rep *r, FILE *f)
{
	int64_t total = rep_int(r, "SELECT count(*) FROM quality", 0);
	sqlite3_stmt *st =
		rep_query(r, "SELECT kind, source, count, note FROM quality ORDER BY id LIMIT 12");

	fputs("### What was not seen\n\n", f);
	if (!total)
		fputs("- Nothing is known to be missing.\n", f);
	while (rep_row(r, &st)) {
		fputs("- ", f);
		text_markdown(f, col_text(st, 0));
		fputs(", ", f);
		text_markdown(f, col_text(st, 1));
		if (!col_null(st, 2))
			fprintf(f, " (%s)", text_count(col_int(st, 2)).s);
		fputs(": ", f);
		text_markdown(f, col_text(st, 3));
		putc('\n', f);
	}
	if (total > MAX_QUALITY)
		fprintf(f, "- %s more notes are in the HTML and JSON reports.\n",
			text_count(total - MAX_QUALITY).s);
	putc('\n', f);
}

static void put_recording(struct rep *r, FILE *f)
{
	static const char *const labels[] = { "profile", "namespaces", "filter", "events recorded",
					      "decoded", "lost",       "frames", "lost",
					      "skbtape", "ended by" };
	static const char *const keys[] = { "options.profile", "options.netns",	 "options.filter",
					    "events_recorded", "events_decoded", "events_lost",
					    "frames",	       "frames_lost",	 "tool_version",
					    "end.reason" };
	bool any = false;

	fputs("### How it was recorded\n\n", f);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		char value[256];

		rep_fact(r, keys[i], value, sizeof(value));
		if (!value[0])
			continue;
		fputs(any ? " · " : "", f);
		fprintf(f, "%s ", labels[i]);
		text_markdown(f, value);
		any = true;
	}
	fputs(any ? "\n" : "Not known.\n", f);
}

void markdown_write(struct rep *r, FILE *f)
{
	put_verdict(r, f);
	put_findings(r, f);
	put_details(r, f);
	put_drops(r, f);
	put_quality(r, f);
	put_recording(r, f);
}
