/* SPDX-License-Identifier: MIT */
/* The panel of CPUs, its part about softirqs: what they cost, NAPI, squeezes, and late ones. */
#include "page.h"
#include "tally.h"
#include "svg.h"
#include "words.h"

#include <inttypes.h>

#define MAX_LATE 20

static void write_softirqs(struct page *p)
{
	static const struct head heads[] = {
		{ N_("CPU"), true },	      { N_("NET_RX runs"), true },
		{ N_("NET_TX runs"), true },  { N_("Time in both"), true },
		{ N_("Share"), true },	      { N_("Longest run"), true },
		{ N_("Wait p50"), true },     { N_("Wait p99"), true },
		{ N_("Longest wait"), true }, { N_("Waits over 1 ms"), true },
		{ N_("Squeezes"), true }
	};
	int64_t span = ns_diff(p->r->end_ns, p->r->start_ns), shown = 0, all;
	sqlite3_stmt *st;

	all = rep_int(p->r, "SELECT count(DISTINCT cpu) FROM softirq_cpu WHERE vec IN (2, 3)", 0);
	if (!all) {
		page_none(p, N_("No softirq was recorded (the profile has none, or the kernel's "
				"events were not there)."));
		return;
	}
	page_table(p,
		   N_("Network softirqs per CPU; a wait is the time from raised to run, of NET_RX"),
		   heads, ARRAY_SIZE(heads));
	st = rep_query(
		p->r,
		"SELECT cpu, sum(CASE vec WHEN 3 THEN runs ELSE 0 END), sum(CASE vec WHEN 2 "
		"THEN runs ELSE 0 END), total(handler_ns), max(handler_max_ns), max(CASE vec "
		"WHEN 3 THEN delay_p50_ns END), max(CASE vec WHEN 3 THEN delay_p99_ns END), "
		"max(CASE vec WHEN 3 THEN delay_max_ns END), sum(CASE vec WHEN 3 THEN "
		"over_1ms ELSE 0 END), (SELECT count(*) FROM squeeze q WHERE q.cpu = "
		"softirq_cpu.cpu) FROM softirq_cpu WHERE vec IN (2, 3) GROUP BY cpu ORDER BY 4 "
		"DESC, 1 LIMIT 64");
	while (rep_row(p->r, &st)) {
		shown++;
		page_row(p);
		for (int i = 0; i < 3; i++)
			page_td_num(p, col_int(st, i));
		page_td_dur(p, col_int(st, 3));
		fprintf(p->f, "<td class=\"n\">%s</td>", text_percent(col_int(st, 3), span).s);
		for (int i = 4; i < 8; i++)
			page_td_dur_opt(p, st, i);
		page_td_num(p, col_int(st, 8));
		page_td_num(p, col_int(st, 9));
		page_row_end(p);
	}
	page_table_end(p);
	page_more(p, shown, all, N_("CPUs"), "SELECT * FROM softirq_cpu WHERE vec IN (2, 3)");
}

static void write_napi(struct page *p)
{
	static const struct head heads[] = { { N_("CPU"), true },
					     { N_("Device"), false },
					     { N_("Polls"), true },
					     { N_("Packets"), true },
					     { N_("Packets per poll"), true },
					     { N_("Polls at their budget"), true },
					     { N_("in a task"), true },
					     { N_("p50"), true },
					     { N_("p99"), true },
					     { N_("Longest poll"), true } };
	int64_t all = rep_int(p->r, "SELECT count(*) FROM napi_cpu", 0), shown = 0;
	sqlite3_stmt *st;

	if (!all)
		return;
	page_table(p, N_("NAPI polls per CPU and device; (no_device) is the CPU's backlog"), heads,
		   ARRAY_SIZE(heads));
	st = rep_query(p->r,
		       "SELECT cpu, dev, polls, work, full_polls, task_polls, poll_p50_ns, "
		       "poll_p99_ns, poll_max_ns FROM napi_cpu ORDER BY work DESC, polls DESC, "
		       "cpu, dev LIMIT 64");
	while (rep_row(p->r, &st)) {
		int64_t polls = col_int(st, 2);

		shown++;
		page_row(p);
		page_td_num(p, col_int(st, 0));
		page_td(p, col_text(st, 1));
		page_td_num(p, polls);
		page_td_num_opt(p, st, 3);
		if (col_null(st, 3))
			page_td_num_dash(p);
		else
			fprintf(p->f, "<td class=\"n\">%.1f</td>",
				polls ? (double)col_int(st, 3) / (double)polls : 0);
		page_td_num_opt(p, st, 4);
		page_td_num(p, col_int(st, 5));
		for (int i = 6; i < 9; i++)
			page_td_dur_opt(p, st, i);
		page_row_end(p);
	}
	page_table_end(p);
	page_more(p, shown, all, N_("rows"), "SELECT * FROM napi_cpu");
}

/* Who polled, and whether the kernel's own threads got a CPU for it. */
static void write_pollers(struct page *p)
{
	static const struct head heads[] = { { N_("CPU"), true },
					     { N_("Polled by"), false },
					     { N_("Polls"), true },
					     { N_("Packets"), true } };
	static const struct head thread_heads[] = { { N_("Thread"), false },
						    { N_("Wakeups"), true },
						    { N_("Mean wait"), true },
						    { N_("Longest wait"), true },
						    { N_("Waits over 1 ms"), true } };
	struct tally polls;
	struct buf json = { 0 };
	sqlite3_stmt *st;
	int64_t left_out;
	bool any = false;

	/* what the view napi_share shows, without its sort of all polls */
	tally_read(&polls, p->r, "SELECT cpu, context, pid, work FROM napi_poll");
	tally_json(&polls, &json);
	left_out = polls.left_out;
	tally_free(&polls);
	st = rep_query(p->r,
		       "WITH p AS (SELECT json_extract(value, '$[0]') AS cpu, json_extract(value, "
		       "'$[1]') AS context, json_extract(value, '$[2]') AS pid, "
		       "json_extract(value, '$[3]') AS polls, json_extract(value, '$[4]') AS work "
		       "FROM json_each(?1)) SELECT p.cpu, w.who, sum(p.polls), CASE WHEN EXISTS "
		       "(SELECT 1 FROM napi_poll WHERE work IS NOT NULL) THEN sum(p.work) END FROM "
		       "p JOIN _poller w ON w.context = p.context AND w.pid IS (SELECT pid FROM "
		       "task WHERE pid = p.pid) GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 LIMIT 64");
	if (st)
		sqlite3_bind_text(st, 1, (const char *)json.data, (int)json.len, SQLITE_STATIC);
	for (; rep_row(p->r, &st); any = true) {
		if (!any)
			page_table(p,
				   N_("Who polled: the softirq of an interrupted task, ksoftirqd, "
				      "a NAPI thread, a task that polls itself"),
				   heads, ARRAY_SIZE(heads));
		page_row(p);
		page_td_num(p, col_int(st, 0));
		page_td_word(p, col_text(st, 1));
		page_td_num(p, col_int(st, 2));
		page_td_num_opt(p, st, 3);
		page_row_end(p);
	}
	if (any)
		page_table_end(p);
	if (left_out) {
		fputs("<p class=\"more\">", p->f);
		fprintf(p->f, _("%s polls are not counted here: they were of too many tasks."),
			text_count(left_out).s);
		fputs("</p>\n", p->f);
	}
	buf_free(&json);
	any = false;
	st = rep_query(p->r, "SELECT pid, comm, wakeups, mean_ns, max_ns, over_1ms FROM net_thread "
			     "ORDER BY max_ns DESC, pid LIMIT 40");
	for (; rep_row(p->r, &st); any = true) {
		if (!any)
			page_table(p, N_("The kernel's network threads and their wait for a CPU"),
				   thread_heads, ARRAY_SIZE(thread_heads));
		page_row(p);
		page_td_task(p, col_text(st, 1), col_int(st, 0));
		page_td_num(p, col_int(st, 2));
		page_td_dur_opt(p, st, 3);
		page_td_dur_opt(p, st, 4);
		page_td_num_opt(p, st, 5);
		page_row_end(p);
	}
	if (any)
		page_table_end(p);
}

static void write_setting(struct page *p, const char *name)
{
	sqlite3_stmt *st = rep_query(p->r, "SELECT coalesce(value_end, value) FROM sysctl WHERE "
					   "name = ? ORDER BY netns_id LIMIT 1");
	char value[32] = "";

	if (st)
		sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	while (rep_row(p->r, &st))
		snprintf(value, sizeof(value), "%s", col_text(st, 0));
	fprintf(p->f, "<code>%s</code> ", name);
	page_text(p, value[0] ? value : _("not known"));
}

static void write_squeezes(struct page *p)
{
	static const struct head heads[] = {
		{ N_("CPU"), true },	  { N_("Used up"), false },	{ N_("Times"), true },
		{ N_("Certain"), true },  { N_("Most packets"), true }, { N_("Longest run"), true },
		{ N_("Work left"), true }
	};
	sqlite3_stmt *st =
		rep_query(p->r, "SELECT cpu, kind, count(*), sum(certain), max(work), "
				"max(ns), sum(more) FROM squeeze GROUP BY cpu, kind ORDER "
				"BY 3 DESC, cpu, kind LIMIT 40");
	bool any = false;

	for (; rep_row(p->r, &st); any = true) {
		if (!any)
			page_table(p,
				   N_("NET_RX stopped because its budget or its time was used up"),
				   heads, ARRAY_SIZE(heads));
		page_row(p);
		page_td_num(p, col_int(st, 0));
		page_td_word(p, col_text(st, 1));
		for (int i = 2; i < 5; i++)
			page_td_num(p, col_int(st, i));
		page_td_dur(p, col_int(st, 5));
		page_td_num(p, col_int(st, 6));
		page_row_end(p);
	}
	if (any)
		page_table_end(p);
	else
		page_none(p, N_("No NET_RX softirq stopped because its budget or its time was used "
				"up."));
	fprintf(p->f, "<p class=\"hint\">%s ", _("What it may use up:"));
	write_setting(p, "net.core.netdev_budget");
	fprintf(p->f, " (%s), ", _("packets"));
	write_setting(p, "net.core.netdev_budget_usecs");
	fputs(" (µs)</p>\n", p->f);
}

static const char *const vecs[] = { "HI",	"TIMER",   "NET_TX", "NET_RX",	"BLOCK",
				    "IRQ_POLL", "TASKLET", "SCHED",  "HRTIMER", "RCU" };

static const char *vec_name(sqlite3_stmt *st, int i)
{
	int64_t v = col_int(st, i);

	return !col_null(st, i) && v >= 0 && v < (int64_t)ARRAY_SIZE(vecs) ? vecs[v] : "";
}

/* In the order of the bar's parts. */
static void write_legend(struct page *p)
{
	static const char *const names[] = { N_("interrupts"), N_("softirqs"), N_("tasks"),
					     N_("idle"), N_("unknown") };

	fputs("<p class=\"hint legend\">", p->f);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		fprintf(p->f,
			"<span><svg viewBox=\"0 0 10 10\" width=\"10\" height=\"10\" "
			"aria-hidden=\"true\"><rect class=\"part%zu\" width=\"10\" "
			"height=\"10\"/></svg> %s</span> ",
			i, _(names[i]));
	fputs("</p>\n", p->f);
}

/* What the CPU did for most of the time, in words. */
static void td_meanwhile(struct page *p, const int64_t *part, sqlite3_stmt *st, int vec, int comm)
{
	static const char *const texts[] = { N_("interrupt handlers"), N_("softirqs"), N_("tasks"),
					     N_("idle: interrupts off, asleep, or the hypervisor"),
					     N_("not seen") };
	size_t most = 0;
	int64_t ns;

	for (size_t i = 1; i < ARRAY_SIZE(texts); i++)
		if (part[i] > part[most])
			most = i;
	ns = part[most];
	fputs("<td>", p->f);
	if (most == 1 && *vec_name(st, vec)) {
		page_text(p, vec_name(st, vec));
	} else if (most == 2 && !col_null(st, comm + 1)) {
		page_textf(p, "%.60s %" PRId64, col_text(st, comm), col_int(st, comm + 1));
		ns = col_int_or(st, comm + 2, ns);
	} else {
		page_text(p, _(texts[most]));
	}
	fprintf(p->f, " <small>%s</small></td>", text_duration(ns).s);
}

static void write_late(struct page *p)
{
	static const struct head heads[] = {
		{ N_("Raised"), true }, { N_("CPU"), true },	    { N_("Softirq"), false },
		{ N_("Waited"), true }, { N_("Meanwhile"), false }, { N_("most of it"), false },
		{ N_("Run by"), false }
	};
	int64_t all = rep_int(p->r, "SELECT count(*) FROM _softirq_delay WHERE vec IN (2, 3)", 0);
	int64_t shown = 0;
	sqlite3_stmt *st;

	if (!all) {
		page_none(p, N_("No NET_RX or NET_TX softirq waited 100 µs or longer."));
		return;
	}
	page_table(p, N_("The latest NET_RX and NET_TX softirqs, and what their CPU did instead"),
		   heads, ARRAY_SIZE(heads));
	st = rep_query(
		p->r, "SELECT d.start_ns, d.cpu, d.vec, d.latency_ns, d.irq_ns, d.softirq_ns, "
		      "d.task_ns, d.idle_ns, d.unknown_ns, d.softirq_vec, t.comm, d.pid, d.pid_ns, "
		      "d.by_ksoftirqd FROM softirq_delay d LEFT JOIN task t ON t.pid = d.pid "
		      "WHERE d.vec IN (2, 3) ORDER BY d.latency_ns DESC, d.start_ns, d.cpu LIMIT "
		      "20");
	while (rep_row(p->r, &st)) {
		int64_t part[5];

		shown++;
		page_row(p);
		page_td_time(p, col_int(st, 0));
		page_td_num(p, col_int(st, 1));
		page_td(p, vec_name(st, 2));
		page_td_dur(p, col_int(st, 3));
		for (int i = 0; i < 5; i++)
			part[i] = col_int(st, 4 + i);
		fputs("<td class=\"bar\">", p->f);
		svg_parts(p->f, part, ARRAY_SIZE(part), col_int(st, 3));
		fputs("</td>", p->f);
		td_meanwhile(p, part, st, 9, 10);
		page_td(p, col_int(st, 13) ? "ksoftirqd" : _("interrupted task"));
		page_row_end(p);
	}
	page_table_end(p);
	write_legend(p);
	page_more(p, shown, all, N_("late softirqs"),
		  "SELECT * FROM softirq_delay WHERE vec IN (2, 3) ORDER BY latency_ns DESC");
}

void panel_softirqs(struct page *p)
{
	page_h3(p, N_("Softirqs and NAPI"));
	write_softirqs(p);
	write_napi(p);
	write_pollers(p);
	if (!rep_int(p->r, "SELECT count(*) FROM softirq_cpu WHERE vec IN (2, 3)", 0))
		return;
	page_h3(p, N_("Budget and late softirqs"));
	write_squeezes(p);
	write_late(p);
}
