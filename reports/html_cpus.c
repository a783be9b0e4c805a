/* SPDX-License-Identifier: MIT */
/* The panels about time and CPUs: latency per stage, CPUs. */
#include "page.h"
#include "svg.h"
#include "words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LATENCY 80
#define MAX_MATRIX  24
#define MAX_CPUS    64

void panel_latency(struct page *p)
{
	static const struct head heads[] = {
		{ N_("From"), false },	 { N_("To"), false },
		{ N_("Packets"), true }, { N_("p50"), true },
		{ N_("p90"), true },	 { N_("p99"), true },
		{ N_("Longest"), true }, { N_("100 ns to the longest, logarithmic"), false }
	};
	int64_t all = rep_int(p->r, "SELECT count(*) FROM latency", 0),
		top = rep_int(p->r, "SELECT max(max_ns) FROM latency", 0);
	int64_t shown = 0;
	sqlite3_stmt *st;

	if (!all) {
		page_none(p, N_("No two stages of one packet were seen, so there is no latency to "
				"tell."));
		return;
	}
	page_table(p, N_("Latency between two stages"), heads, ARRAY_SIZE(heads));
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
	page_hint(p, N_("Dot: median. Box: to the 99th percentile. Line: to the longest. Pairs "
			"that cost most in "
			"all stand first."));
	page_more(p, shown, all, N_("stage pairs"), "SELECT * FROM latency");
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
	fprintf(p->f,
		"<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"%s\"><table "
		"class=\"matrix\"><caption>%s</caption><thead><tr><td></td>",
		_("Changes of CPU"), _("Changes of CPU: from the row to the column"));
	for (int i = 0; i < n; i++)
		fprintf(p->f, "<th scope=\"col\" class=\"n\">%s %" PRId64 "</th>", _("to"), cpu[i]);
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
	page_more(p, n, all, N_("CPUs"), "SELECT * FROM cpu_hop");
}

static void write_hops(struct page *p)
{
	static const struct head heads[] = { { N_("Kind"), false },
					     { N_("Changes"), true },
					     { N_("Share"), false },
					     { N_("Largest"), false } };
	int64_t all = rep_int(p->r, "SELECT sum(count) FROM cpu_hop", 0);
	sqlite3_stmt *st;

	if (!all) {
		page_none(p, N_("No packet was seen to change CPU."));
		return;
	}
	write_matrix(p);
	page_table(p, N_("Why packets changed CPU"), heads, ARRAY_SIZE(heads));
	st = rep_query(p->r, "SELECT kind, sum(n), max(n), from_cpu, to_cpu FROM (SELECT kind, "
			     "from_cpu, to_cpu, sum(count) AS n FROM cpu_hop GROUP BY kind, "
			     "from_cpu, to_cpu) GROUP BY kind ORDER BY 2 DESC, 1");
	while (rep_row(p->r, &st)) {
		page_row(p);
		page_td_name(p, words_word(col_text(st, 0)));
		page_td_num(p, col_int(st, 1));
		page_td_bar(p, col_int(st, 1), all);
		fputs("<td>", p->f);
		page_textf(p, "CPU %" PRId64 " → CPU %" PRId64 ": ", col_int(st, 3),
			   col_int(st, 4));
		fprintf(p->f, "%s</td>", text_count(col_int(st, 2)).s);
		page_row_end(p);
	}
	page_table_end(p);
}

static void write_softirqs(struct page *p)
{
	static const struct head heads[] = { { N_("CPU"), true },
					     { N_("NET_RX runs"), true },
					     { N_("NET_TX runs"), true },
					     { N_("Time in both"), true },
					     { N_("Share of the recording"), false },
					     { N_("Share"), true },
					     { N_("Wait p50"), true },
					     { N_("Wait p99"), true },
					     { N_("Longest wait"), true },
					     { N_("Waits over 1 ms"), true } };
	int64_t span = ns_diff(p->r->end_ns, p->r->start_ns), shown = 0, all;
	sqlite3_stmt *st;

	all = rep_int(p->r, "SELECT count(DISTINCT cpu) FROM softirq WHERE vec IN (2, 3)", 0);
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
	page_more(p, shown, all, N_("CPUs"),
		  "SELECT cpu, count(*), sum(end_ns - start_ns) FROM softirq WHERE vec IN (2, 3) "
		  "GROUP BY cpu");
}

static void write_napi(struct page *p)
{
	static const struct head heads[] = { { N_("CPU"), true },
					     { N_("Device"), false },
					     { N_("Polls"), true },
					     { N_("Packets"), true },
					     { N_("Packets per poll"), true },
					     { N_("Polls at their budget"), true },
					     { N_("Longest poll"), true } };
	int64_t all = rep_int(p->r,
			      "SELECT count(*) FROM (SELECT 1 FROM napi_poll GROUP BY cpu, dev)",
			      0),
		shown = 0;
	sqlite3_stmt *st;

	if (!all)
		return;
	page_table(p, N_("NAPI polls per CPU and device; (no_device) is the CPU's backlog"), heads,
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
	page_more(p, shown, all, N_("rows"),
		  "SELECT cpu, dev, count(*), sum(work) FROM napi_poll GROUP BY 1, 2");
}

#define STEERING                                                                                   \
	"('rps_cpus', 'rps_flow_cnt', 'xps_cpus', 'xps_rxqs', 'threaded', 'gro_flush_timeout', "   \
	"'napi_defer_hard_irqs')"

static void write_steering(struct page *p)
{
	static const struct head queue_heads[] = { { N_("Namespace"), false },
						   { N_("Device"), false },
						   { N_("Queue"), false },
						   { N_("Setting"), false },
						   { N_("Value"), false } };
	static const struct head irq_heads[] = { { N_("IRQ"), true },
						 { N_("Name"), false },
						 { N_("Allowed CPUs"), false },
						 { N_("Effective"), false },
						 { N_("Seen in the recording"), true } };
	int64_t all = rep_int(p->r, "SELECT count(*) FROM queue_setting WHERE name IN " STEERING,
			      0),
		shown = 0;
	sqlite3_stmt *st;

	if (all) {
		/* settings that differ from the kernel's default first */
		page_table(p, N_("Packet steering (RPS, RFS, XPS) and queue settings"), queue_heads,
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
		page_more(p, shown, all, N_("settings"), "SELECT * FROM queue_setting");
	} else {
		page_none(p, N_("No queue settings (RPS, RFS, XPS) were recorded."));
	}
	all = rep_int(p->r, "SELECT count(*) FROM irq_affinity", 0);
	if (!all)
		return;
	shown = 0;
	page_table(p, N_("Interrupts and the CPUs they may use"), irq_heads, ARRAY_SIZE(irq_heads));
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
	page_more(p, shown, all, N_("interrupts"), "SELECT * FROM irq_affinity");
}

static void write_quotas(struct page *p)
{
	static const struct head heads[] = { { N_("Control group"), false },
					     { N_("Quota"), true },
					     { N_("Period"), true },
					     { N_("Throttled periods"), true },
					     { N_("Throttled time"), true } };
	sqlite3_stmt *st = rep_query(p->r, "SELECT path, max(quota_us) * 1000, max(period_us) * "
					   "1000, max(nr_throttled) - min(nr_throttled), "
					   "max(throttled_ns) - min(throttled_ns) FROM "
					   "cgroup_quota WHERE quota_us > 0 GROUP BY path "
					   "ORDER BY 5 DESC, 1 LIMIT 30");
	bool any = false;

	for (; rep_row(p->r, &st); any = true) {
		if (!any)
			page_table(p, N_("CPU quotas during the recording"), heads,
				   ARRAY_SIZE(heads));
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
	page_h3(p, N_("Changes of CPU"));
	write_hops(p);
	page_h3(p, N_("Softirqs and NAPI"));
	write_softirqs(p);
	write_napi(p);
	page_h3(p, N_("Steering and interrupts"));
	write_steering(p);
	write_quotas(p);
}
