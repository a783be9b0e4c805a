/* SPDX-License-Identifier: MIT */
/* The last panels: what was not seen, how it was recorded. */
#include "page.h"
#include "words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NOTES  120
#define MAX_EVENTS 60

static void write_quality(struct page *p)
{
	static const struct head heads[] = {
		{ N_("Kind"), false }, { N_("About"), false }, { N_("What it means"), false },
		{ N_("Count"), true }, { N_("CPU"), true },    { N_("Device"), false },
		{ N_("From"), true },  { N_("To"), true }
	};
	int64_t all = rep_int(p->r, "SELECT count(*) FROM quality", 0), shown = 0;
	sqlite3_stmt *st;

	if (!all) {
		page_none(p, N_("Nothing is known to be missing."));
		return;
	}
	page_table(p, N_("What was not seen or is not certain"), heads, ARRAY_SIZE(heads));
	st = rep_query(p->r,
		       "SELECT kind, source, cpu, dev, from_ns, to_ns, count, note FROM quality "
		       "ORDER BY kind NOT IN ('tape-cut', 'tape-damaged'), "
		       "kind NOT IN ('events-lost', 'frames-lost', 'detail-lowered'), kind = "
		       "'note', id LIMIT 120");
	while (rep_row(p->r, &st)) {
		shown++;
		page_row(p);
		page_td_name(p, words_word(col_text(st, 0)));
		page_td_code(p, col_text(st, 1));
		fputs("<td class=\"words\">", p->f);
		page_text(p, page_note(p, col_text(st, 7)));
		fputs("</td>", p->f);
		page_td_num_opt(p, st, 6);
		page_td_num_opt(p, st, 2);
		page_td(p, col_text(st, 3));
		for (int i = 4; i < 6; i++) {
			if (col_null(st, i))
				page_td_num_dash(p);
			else
				page_td_time(p, col_int(st, i));
		}
		page_row_end(p);
	}
	page_table_end(p);
	page_more(p, shown, all, N_("notes"), "SELECT * FROM quality");
}

void panel_unseen(struct page *p)
{
	write_quality(p);
	page_h3(p, N_("Frames and events that do not meet"));
	panel_gaps(p);
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);

	return n >= k && !strcmp(s + n - k, end);
}

/* A fact in the unit that its name tells. */
static void td_fact(struct page *p, const char *key, const char *value)
{
	int64_t v;

	if (span_i64((struct span){ value, strlen(value) }, &v)) {
		page_td(p, value);
		return;
	}
	fputs("<td>", p->f);
	if (ends_with(key, "real_ns") || ((!strcmp(key, "start_ns") || !strcmp(key, "end_ns")) && rep_dated(p->r)))
		fputs(text_utc(v).s, p->f);
	else if (!strcmp(key, "start_ns") || !strcmp(key, "end_ns"))
		fprintf(p->f, _("%s of the clock it was recorded by"), text_since(v).s);
	else if (ends_with(key, "_ns"))
		fputs(text_duration(v).s, p->f);
	else if (ends_with(key, "_bytes") || strstr(key, "bytes_"))
		fputs(text_bytes(v).s, p->f);
	else if (!strncmp(key, "events_", 7) || !strncmp(key, "frames", 6) ||
		 !strncmp(key, "end.", 4))
		fputs(text_count(v).s, p->f);
	else
		fprintf(p->f, "%" PRId64, v);
	fputs("</td>", p->f);
}

/* Facts that a reader asks for, in words; the key NULL: command_line() */
static const struct {
	const char *label, *key;
} told[] = {
	{ N_("Host"), "host" },
	{ N_("Kernel"), "kernel" },
	{ N_("Architecture"), "arch" },
	{ N_("CPUs"), "cpus_online" },
	{ N_("Start"), "start_ns" },
	{ N_("End"), "end_ns" },
	{ N_("Profile"), "options.profile" },
	{ N_("Command line"), NULL },
	{ N_("Filter"), "options.filter" },
	{ N_("Redaction"), "redaction" },
	{ N_("Why it ended"), "end.reason_text" },
	{ N_("Trace events"), "events_recorded" },
	{ N_("Lost events"), "events_lost" },
	{ N_("Captured frames"), "frames" },
	{ N_("Lost frames"), "frames_lost" },
	{ N_("Clocks agree to"), "clock_error_ns" },
	{ N_("Size of the tape"), "tape_bytes" },
	{ N_("SHA-256 of the tape"), "tape_sha256" },
	{ N_("Version of the recorder"), "tool_version" },
};

/* The recorder's command line; "" where it is not known */
static void command_line(struct page *p, struct buf *out)
{
	sqlite3_stmt *st =
		rep_query(p->r, "SELECT value FROM tape WHERE key GLOB 'options.argv[[]*' ORDER BY "
				"CAST(substr(key, 14) AS INTEGER), key LIMIT 64");

	while (rep_row(p->r, &st))
		buf_printf(out, "%s%.200s", out->len ? " " : "", col_text(st, 0));
}

static void write_told(struct page *p)
{
	static const struct head heads[] = { { N_("Fact"), false }, { N_("Value"), false } };
	struct buf line = { 0 };

	page_table(p, N_("The recording"), heads, ARRAY_SIZE(heads));
	command_line(p, &line);
	for (size_t i = 0; i < ARRAY_SIZE(told); i++) {
		char value[256] = "";

		if (told[i].key)
			rep_fact(p->r, told[i].key, value, sizeof(value));
		if (told[i].key ? !*value : !line.len)
			continue;
		page_row(p);
		page_td_name(p, _(told[i].label));
		if (told[i].key)
			td_fact(p, told[i].key, value);
		else
			page_td_code(p, (const char *)line.data);
		page_row_end(p);
	}
	page_table_end(p);
	buf_free(&line);
}

static void write_facts(struct page *p)
{
	static const struct head heads[] = { { N_("Fact"), false }, { N_("Value"), false } };
	int64_t all = rep_int(p->r,
			      "SELECT count(*) FROM tape WHERE value IS NOT NULL AND key NOT IN "
			      "('tape_path')",
			      0),
		shown = 0;
	sqlite3_stmt *st;

	if (!all) {
		page_none(p, N_("Nothing is known about the recording."));
		return;
	}
	write_told(p);
	page_fold(p, N_("All that the tape says about itself"));
	page_table(p, N_("All that the tape says about itself"), heads, ARRAY_SIZE(heads));
	/* where the tape lay on this machine is nobody's business who reads the report */
	st = rep_query(p->r, "SELECT key, value FROM tape WHERE value IS NOT NULL AND key NOT IN "
			     "('tape_path') ORDER BY key GLOB 'end.*', key LIMIT 140");
	while (rep_row(p->r, &st)) {
		shown++;
		page_row(p);
		page_td_name(p, col_text(st, 0));
		td_fact(p, col_text(st, 0), col_text(st, 1));
		page_row_end(p);
	}
	page_table_end(p);
	page_more(p, shown, all, N_("facts"), "SELECT * FROM tape");
	fputs("</details>\n", p->f);
}

static void write_cost(struct page *p)
{
	int64_t span = ns_diff(p->r->end_ns, p->r->start_ns);
	int64_t user = rep_fact_int(p->r, "end.cpu_user_ns", -1),
		sys = rep_fact_int(p->r, "end.cpu_system_ns", -1);
	int64_t rss = rep_fact_int(p->r, "end.max_rss_bytes", -1), total;

	if (user < 0 || sys < 0 || span <= 0)
		return;
	total = (int64_t)sat_add_u64((uint64_t)user, (uint64_t)sys) & INT64_MAX;
	fputs("<p>", p->f);
	fprintf(p->f,
		_("Recording cost %1$s of CPU time (%2$s of one CPU), not counting what the kernel "
		  "spends "
		  "inside each event."),
		text_duration(total).s, text_percent(total, span).s);
	if (rss >= 0) {
		putc(' ', p->f);
		fprintf(p->f, _("It took at most %s of memory."), text_bytes(rss).s);
	}
	fputs("</p>\n", p->f);
}

static void write_events(struct page *p)
{
	static const struct head heads[] = { { N_("Event"), false },
					     { N_("Decoded"), true },
					     { N_("In the ring buffer"), true },
					     { N_("Share of the bytes"), false } };
	int64_t all = rep_int(p->r, "SELECT count(*) FROM event_type", 0),
		bytes = rep_int(p->r, "SELECT sum(bytes) FROM event_type", 0), shown = 0;
	sqlite3_stmt *st;

	if (!all)
		return;
	page_fold(p, N_("Recorded events"));
	page_table(p, N_("Recorded trace events"), heads, ARRAY_SIZE(heads));
	st = rep_query(p->r, "SELECT system, name, count, bytes FROM event_type ORDER BY count "
			     "DESC, system, name LIMIT 60");
	while (rep_row(p->r, &st)) {
		shown++;
		page_row(p);
		fputs("<th scope=\"row\"><code>", p->f);
		page_textf(p, "%s:%s", col_text(st, 0), col_text(st, 1));
		fputs("</code></th>", p->f);
		page_td_num(p, col_int(st, 2));
		page_td_bytes_opt(p, st, 3);
		page_td_bar(p, col_int(st, 3), bytes);
		page_row_end(p);
	}
	page_table_end(p);
	page_more(p, shown, all, N_("events"), "SELECT * FROM event_type");
	fputs("</details>\n", p->f);
}

static void write_netns(struct page *p)
{
	static const struct head heads[] = { { N_("Namespace"), false },
					     { N_("Inode"), true },
					     { N_("Names"), false },
					     { N_("A process in it"), true },
					     { N_("Recorded"), false } };
	int64_t all = rep_int(p->r, "SELECT count(*) FROM netns", 0), shown = 0;
	sqlite3_stmt *st;

	if (!all)
		return;
	page_fold(p, N_("Network namespaces"));
	page_table(p, N_("Network namespaces"), heads, ARRAY_SIZE(heads));
	st = rep_query(p->r, "SELECT name, inum, names, pid, seen FROM netns ORDER BY id LIMIT 60");
	while (rep_row(p->r, &st)) {
		shown++;
		page_row(p);
		page_td_name(p, col_text(st, 0));
		fprintf(p->f, "<td class=\"n\">%" PRId64 "</td>", col_int(st, 1));
		page_td(p, col_text(st, 2));
		if (col_null(st, 3))
			page_td_num_dash(p);
		else
			fprintf(p->f, "<td class=\"n\">%" PRId64 "</td>", col_int(st, 3));
		page_td(p, col_int(st, 4) ? _("yes") : _("no, beyond the limit"));
		page_row_end(p);
	}
	page_table_end(p);
	page_more(p, shown, all, N_("namespaces"), "SELECT * FROM netns");
	fputs("</details>\n", p->f);
}

void panel_recording(struct page *p)
{
	write_cost(p);
	write_facts(p);
	write_events(p);
	write_netns(p);
}
