/* SPDX-License-Identifier: MIT */
/* The panels about places and CPUs: drops, latency per stage, CPUs. */
#include "page.h"
#include "svg.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DROPS   120
#define MAX_LATENCY 80
#define MAX_MATRIX  24
#define MAX_CPUS    64

static const char drops_sql[] = "SELECT class, reason, function, layer, netns, dev, count(*) AS n, "
				"count(DISTINCT flow_id) AS flows, min(ts_ns) AS first, "
				"max(ts_ns) AS last, (SELECT r.meaning FROM _drop_reason r WHERE "
				"r.name = reason) AS meaning FROM packet_drop "
				"GROUP BY class, reason, function, layer, netns, dev "
				"ORDER BY class NOT IN ('loss', 'policy', 'error'), n DESC, "
				"reason, function, layer, netns, dev";

void panel_drops(struct page *p)
{
	static const struct head heads[] = {
		{ "Count", true },	{ "Share", false },
		{ "Class", false },	{ "Reason and what it means", false },
		{ "Function", false },	{ "Layer", false },
		{ "Namespace", false }, { "Device", false },
		{ "Flows", true },	{ "First", true },
		{ "Last", true }
	};
	int64_t all = rep_int(p->r, "SELECT count(*) FROM packet_drop", 0), shown = 0, kinds = 0;
	sqlite3_stmt *st;

	if (!all) {
		page_none(p, "No drop was seen.");
		return;
	}
	fprintf(p->f,
		"<p class=\"hint\">%s drops. Losses, policy and errors come first; <em>noise</em>, "
		"<em>teardown</em> and "
		"<em>protocol</em> are part of normal work and harm no one.</p>\n",
		text_count(all).s);
	page_table(p, "Drops by class, reason and function", heads, ARRAY_SIZE(heads));
	st = rep_query(p->r, drops_sql);
	while (rep_row(p->r, &st)) {
		if (kinds++ >= MAX_DROPS)
			continue;
		shown++;
		page_row(p);
		page_td_num(p, col_int(st, 6));
		page_td_bar(p, col_int(st, 6), all);
		page_td_class(p, col_text(st, 0));
		fputs("<td class=\"words\"><code>", p->f);
		page_text(p, col_null(st, 1) ? "no reason" : col_text(st, 1));
		fputs("</code>", p->f);
		if (!col_null(st, 10)) {
			fputs("<br><small>", p->f);
			page_text(p, col_text(st, 10));
			fputs("</small>", p->f);
		}
		fputs("</td>", p->f);
		page_td_code(p, col_text(st, 2));
		for (int i = 3; i < 6; i++)
			page_td(p, col_text(st, i));
		page_td_num(p, col_int(st, 7));
		page_td_time(p, col_int(st, 8));
		page_td_time(p, col_int(st, 9));
		page_row_end(p);
	}
	page_table_end(p);
	page_more(p, shown, kinds, "kinds of drops",
		  "SELECT class, reason, function, layer, netns, dev, count(*) FROM packet_drop "
		  "GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 7 DESC");
}

void panel_latency(struct page *p)
{
	static const struct head heads[] = {
		{ "From", false },   { "To", false },
		{ "Packets", true }, { "p50", true },
		{ "p90", true },     { "p99", true },
		{ "Longest", true }, { "100 ns to the longest, logarithmic", false }
	};
	int64_t all = rep_int(p->r, "SELECT count(*) FROM latency", 0),
		top = rep_int(p->r, "SELECT max(max_ns) FROM latency", 0);
	int64_t shown = 0;
	sqlite3_stmt *st;

	if (!all) {
		page_none(p,
			  "No two stages of one packet were seen, so there is no latency to tell.");
		return;
	}
	page_table(p, "Latency between two stages", heads, ARRAY_SIZE(heads));
	st = rep_query(
		p->r,
		"SELECT stage_from, stage_to, count, p50_ns, p90_ns, p99_ns, max_ns FROM latency "
		"ORDER BY p99_ns * count DESC, stage_from, stage_to LIMIT 80");
	while (rep_row(p->r, &st)) {
		shown++;
		page_row(p);
		page_td_code(p, col_text(st, 0));
		page_td_code(p, col_text(st, 1));
		page_td_num(p, col_int(st, 2));
		for (int i = 3; i < 7; i++)
			page_td_dur(p, col_int(st, i));
		fputs("<td class=\"bar\">", p->f);
		svg_range(p->f, col_int(st, 3), col_int(st, 5), col_int(st, 6), top);
		fputs("</td>", p->f);
		page_row_end(p);
	}
	page_table_end(p);
	fputs("<p class=\"hint\">Dot: median. Box: to the 99th percentile. Line: to the longest. "
	      "Pairs that cost most in all stand first.</p>\n",
	      p->f);
	page_more(p, shown, all, "stage pairs", "SELECT * FROM latency");
}

/* All kinds of hops between two CPUs in one number, as a matrix. */
static void write_matrix(struct page *p)
{
	int64_t cpu[MAX_MATRIX], all = rep_int(p->r,
					       "SELECT count(*) FROM (SELECT from_cpu FROM cpu_hop "
					       "UNION SELECT to_cpu FROM cpu_hop)",
					       0);
	int64_t top = rep_int(p->r,
			      "SELECT max(n) FROM (SELECT sum(count) AS n FROM cpu_hop GROUP BY "
			      "from_cpu, to_cpu)",
			      0);
	int n = 0;
	sqlite3_stmt *st;

	st = rep_query(p->r, "SELECT cpu FROM (SELECT cpu, sum(n) AS n FROM (SELECT from_cpu AS "
			     "cpu, count AS n FROM cpu_hop UNION ALL "
			     "SELECT to_cpu, count FROM cpu_hop) GROUP BY cpu ORDER BY n DESC, cpu "
			     "LIMIT 24) ORDER BY cpu");
	while (rep_row(p->r, &st))
		if (n < MAX_MATRIX)
			cpu[n++] = col_int(st, 0);
	fputs("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"CPU "
	      "changes\"><table class=\"matrix\"><caption>Changes of CPU: from the row "
	      "to the column</caption><thead><tr><td></td>",
	      p->f);
	for (int i = 0; i < n; i++)
		fprintf(p->f, "<th scope=\"col\" class=\"n\">to %" PRId64 "</th>", cpu[i]);
	fputs("</tr></thead><tbody>\n", p->f);
	for (int i = 0; i < n; i++) {
		fprintf(p->f, "<tr><th scope=\"row\">CPU %" PRId64 "</th>", cpu[i]);
		for (int k = 0; k < n; k++) {
			int64_t v = 0;

			st = rep_query(
				p->r,
				"SELECT sum(count) FROM cpu_hop WHERE from_cpu = ? AND to_cpu = ?");
			if (st) {
				sqlite3_bind_int64(st, 1, cpu[i]);
				sqlite3_bind_int64(st, 2, cpu[k]);
			}
			while (rep_row(p->r, &st))
				v = col_int(st, 0);
			if (i == k && !v)
				fputs("<td class=\"n none\">·</td>", p->f);
			else
				fprintf(p->f, "<td class=\"n heat%d\">%s</td>",
					!v || top <= 0 ? 0
						       : (int)(1 + 4.0 * (double)v / (double)top),
					text_count(v).s);
		}
		fputs("</tr>\n", p->f);
	}
	fputs("</tbody></table></div>\n", p->f);
	page_more(p, n, all, "CPUs", "SELECT * FROM cpu_hop");
}

static void write_hops(struct page *p)
{
	static const struct head heads[] = {
		{ "Kind", false }, { "Changes", true }, { "Share", false }, { "Largest", false }
	};
	int64_t all = rep_int(p->r, "SELECT sum(count) FROM cpu_hop", 0);
	sqlite3_stmt *st;

	if (!all) {
		page_none(p, "No packet was seen to change CPU.");
		return;
	}
	write_matrix(p);
	page_table(p, "Why packets changed CPU", heads, ARRAY_SIZE(heads));
	st = rep_query(p->r, "SELECT kind, sum(n), max(n), from_cpu, to_cpu FROM (SELECT kind, "
			     "from_cpu, to_cpu, sum(count) AS n FROM cpu_hop GROUP BY kind, "
			     "from_cpu, to_cpu) GROUP BY kind ORDER BY 2 DESC, 1");
	while (rep_row(p->r, &st)) {
		page_row(p);
		page_td_name(p, col_text(st, 0));
		page_td_num(p, col_int(st, 1));
		page_td_bar(p, col_int(st, 1), all);
		fputs("<td>", p->f);
		page_textf(p, "CPU %" PRId64 " to %" PRId64 ": ", col_int(st, 3), col_int(st, 4));
		fprintf(p->f, "%s</td>", text_count(col_int(st, 2)).s);
		page_row_end(p);
	}
	page_table_end(p);
}

static void write_softirqs(struct page *p)
{
	static const struct head heads[] = { { "CPU", true },
					     { "NET_RX runs", true },
					     { "NET_TX runs", true },
					     { "Time in both", true },
					     { "Share of the recording", false },
					     { "", true },
					     { "Wait p50", true },
					     { "Wait p99", true },
					     { "Longest wait", true },
					     { "Waits over 1 ms", true } };
	int64_t span = ns_diff(p->r->end_ns, p->r->start_ns), shown = 0, all;
	sqlite3_stmt *st;

	all = rep_int(p->r, "SELECT count(DISTINCT cpu) FROM softirq WHERE vec IN (2, 3)", 0);
	if (!all) {
		page_none(p, "No softirq was recorded (the profile has none, or the kernel's "
			     "events were not there).");
		return;
	}
	page_table(p, "Network softirqs per CPU; a wait is the time from raised to run, of NET_RX",
		   heads, ARRAY_SIZE(heads));
	st = rep_query(
		p->r,
		"SELECT cpu, sum(vec = 3), sum(vec = 2), sum(coalesce(end_ns - start_ns, 0)), "
		"max(CASE WHEN vec = 3 AND k = (n * 50 + 99) / 100 THEN latency_ns END), "
		"max(CASE WHEN vec = 3 AND k = (n * 99 + 99) / 100 THEN latency_ns END), max(CASE "
		"WHEN vec = 3 THEN latency_ns END), "
		"sum(vec = 3 AND coalesce(latency_ns, 0) > 1000000) FROM ("
		"SELECT cpu, vec, start_ns, end_ns, latency_ns, row_number() OVER w AS k, "
		"count(latency_ns) OVER "
		"(PARTITION BY cpu, vec) AS n FROM softirq WHERE vec IN (2, 3) WINDOW w AS "
		"(PARTITION BY cpu, vec "
		"ORDER BY latency_ns IS NULL, latency_ns)) GROUP BY cpu ORDER BY 4 DESC, 1 LIMIT "
		"64");
	while (rep_row(p->r, &st)) {
		shown++;
		page_row(p);
		for (int i = 0; i < 3; i++)
			page_td_num(p, col_int(st, i));
		page_td_dur(p, col_int(st, 3));
		page_td_bar(p, col_int(st, 3), span);
		fprintf(p->f, "<td class=\"n\">%s</td>", text_percent(col_int(st, 3), span).s);
		for (int i = 4; i < 7; i++)
			page_td_dur_opt(p, st, i);
		page_td_num(p, col_int(st, 7));
		page_row_end(p);
	}
	page_table_end(p);
	page_more(p, shown, all, "CPUs",
		  "SELECT cpu, count(*), sum(end_ns - start_ns) FROM softirq WHERE vec IN (2, 3) "
		  "GROUP BY cpu");
}

static void write_napi(struct page *p)
{
	static const struct head heads[] = { { "CPU", true },
					     { "Device", false },
					     { "Polls", true },
					     { "Packets", true },
					     { "Packets per poll", true },
					     { "Polls at their budget", true },
					     { "Longest poll", true } };
	int64_t all = rep_int(p->r,
			      "SELECT count(*) FROM (SELECT 1 FROM napi_poll GROUP BY cpu, dev)",
			      0),
		shown = 0;
	sqlite3_stmt *st;

	if (!all)
		return;
	page_table(p, "NAPI polls per CPU and device; (no_device) is the CPU's backlog", heads,
		   ARRAY_SIZE(heads));
	st = rep_query(p->r, "SELECT cpu, dev, count(*), sum(work), sum(work >= budget AND budget "
			     "> 0), max(end_ns - start_ns) FROM napi_poll "
			     "GROUP BY cpu, dev ORDER BY 4 DESC, 3 DESC, 1, 2 LIMIT 64");
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
		page_td_dur_opt(p, st, 5);
		page_row_end(p);
	}
	page_table_end(p);
	page_more(p, shown, all, "rows",
		  "SELECT cpu, dev, count(*), sum(work) FROM napi_poll GROUP BY 1, 2");
}

#define STEERING                                                                                   \
	"('rps_cpus', 'rps_flow_cnt', 'xps_cpus', 'xps_rxqs', 'threaded', 'gro_flush_timeout', "   \
	"'napi_defer_hard_irqs')"

static void write_steering(struct page *p)
{
	static const struct head queue_heads[] = { { "Namespace", false },
						   { "Device", false },
						   { "Queue", false },
						   { "Setting", false },
						   { "Value", false } };
	static const struct head irq_heads[] = { { "IRQ", true },
						 { "Name", false },
						 { "Allowed CPUs", false },
						 { "Effective", false },
						 { "Seen in the recording", true } };
	int64_t all = rep_int(p->r, "SELECT count(*) FROM queue_setting WHERE name IN " STEERING,
			      0),
		shown = 0;
	sqlite3_stmt *st;

	if (all) {
		/* settings that differ from the kernel's default first */
		page_table(p, "Packet steering (RPS, RFS, XPS) and queue settings", queue_heads,
			   ARRAY_SIZE(queue_heads));
		st = rep_query(p->r, "SELECT netns, dev, queue, name, value FROM queue_setting "
				     "WHERE name IN " STEERING " ORDER BY "
				     "replace(replace(value, '0', ''), ',', '') = '', netns, dev, "
				     "queue, name LIMIT 80");
		while (rep_row(p->r, &st)) {
			shown++;
			page_row(p);
			for (int i = 0; i < 4; i++)
				page_td(p, col_text(st, i));
			page_td_code(p, col_text(st, 4));
			page_row_end(p);
		}
		page_table_end(p);
		page_more(p, shown, all, "settings", "SELECT * FROM queue_setting");
	} else {
		page_none(p, "No queue settings (RPS, RFS, XPS) were recorded.");
	}
	all = rep_int(p->r, "SELECT count(*) FROM irq_affinity", 0);
	if (!all)
		return;
	shown = 0;
	page_table(p, "Interrupts and the CPUs they may use", irq_heads, ARRAY_SIZE(irq_heads));
	st = rep_query(p->r, "SELECT a.irq, a.actions, a.affinity, a.effective, coalesce(i.n, 0) "
			     "FROM irq_affinity a LEFT JOIN "
			     "(SELECT irq, count(*) AS n FROM irq GROUP BY irq) i ON i.irq = a.irq "
			     "ORDER BY 5 DESC, 1 LIMIT 40");
	while (rep_row(p->r, &st)) {
		shown++;
		page_row(p);
		fprintf(p->f, "<td class=\"n\">%" PRId64 "</td>", col_int(st, 0));
		page_td(p, col_text(st, 1));
		page_td_code(p, col_text(st, 2));
		page_td_code(p, col_text(st, 3));
		page_td_num(p, col_int(st, 4));
		page_row_end(p);
	}
	page_table_end(p);
	page_more(p, shown, all, "interrupts", "SELECT * FROM irq_affinity");
}

static void write_quotas(struct page *p)
{
	static const struct head heads[] = { { "Control group", false },
					     { "Quota", true },
					     { "Period", true },
					     { "Throttled periods", true },
					     { "Throttled time", true } };
	sqlite3_stmt *st = rep_query(p->r, "SELECT path, max(quota_us) * 1000, max(period_us) * "
					   "1000, max(nr_throttled) - min(nr_throttled), "
					   "max(throttled_ns) - min(throttled_ns) FROM "
					   "cgroup_quota WHERE quota_us > 0 GROUP BY path "
					   "ORDER BY 5 DESC, 1 LIMIT 30");
	bool any = false;

	for (; rep_row(p->r, &st); any = true) {
		if (!any)
			page_table(p, "CPU quotas during the recording", heads, ARRAY_SIZE(heads));
		page_row(p);
		page_td_name(p, col_text(st, 0));
		page_td_dur(p, col_int(st, 1));
		page_td_dur(p, col_int(st, 2));
		page_td_num_opt(p, st, 3);
		page_td_dur_opt(p, st, 4);
		page_row_end(p);
	}
	if (any)
		page_table_end(p);
}

void panel_cpus(struct page *p)
{
	fputs("<h3>Changes of CPU</h3>\n", p->f);
	write_hops(p);
	fputs("<h3>Softirqs and NAPI</h3>\n", p->f);
	write_softirqs(p);
	write_napi(p);
	fputs("<h3>Steering and interrupts</h3>\n", p->f);
	write_steering(p);
	write_quotas(p);
}
