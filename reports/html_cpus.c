/* SPDX-License-Identifier: MIT */
/* The panel of CPUs: changes of CPU, steering, interrupts, quotas; html_softirq.c has the softirqs.
 */
#include "page.h"
#include "svg.h"
#include "words.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAX_MATRIX 24

/* Hops between two CPUs as a matrix: all kinds in one number, and the kind that is most of it. */
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
		_("Changes of CPU"),
		_("Changes of CPU: from the row to the column, and what most of them are"));
	for (int i = 0; i < n; i++)
		fprintf(p->f, "<th scope=\"col\" class=\"n\">%s %" PRId64 "</th>", _("to"), cpu[i]);
	fputs("</tr></thead><tbody>\n", p->f);
	for (int i = 0; i < n; i++) {
		fprintf(p->f, "<tr><th scope=\"row\">CPU %" PRId64 "</th>", cpu[i]);
		for (int k = 0; k < n; k++) {
			int64_t v = 0;
			char kind[48] = "";

			st = rep_query(p->r,
				       "SELECT sum(n) OVER (), kind FROM (SELECT kind, "
				       "sum(count) AS n FROM cpu_hop WHERE from_cpu = ? AND "
				       "to_cpu = ? GROUP BY kind) ORDER BY n DESC, kind LIMIT 1");
			if (st) {
				sqlite3_bind_int64(st, 1, cpu[i]);
				sqlite3_bind_int64(st, 2, cpu[k]);
			}
			while (rep_row(p->r, &st)) {
				v = col_int(st, 0);
				snprintf(kind, sizeof(kind), "%s", words_word(col_text(st, 1)));
			}
			if (!v) {
				fputs("<td class=\"n none\">·</td>", p->f);
				continue;
			}
			fprintf(p->f, "<td class=\"n heat%d\">%s <small>",
				top <= 0 ? 0 : (int)(1 + 4.0 * (double)v / (double)top),
				text_count(v).s);
			page_text(p, kind);
			fputs("</small></td>", p->f);
		}
		fputs("</tr>\n", p->f);
	}
	fputs("</tbody></table></div>\n", p->f);
	page_more(p, n, all, N_("CPUs"), "SELECT * FROM cpu_hop");
}

/* What a kind means, as the schema has it. */
static const char *kind_text(const char *kind)
{
	static const char *const texts[][2] = {
		{ "rps", N_("into another CPU's backlog, by its flow's hash (RPS)") },
		{ "rfs", N_("to the CPU where its reader ran (RFS), or into another CPU's backlog "
			    "without RPS") },
		{ "qdisc", N_("another CPU ran the queue of the device") },
		{ "completion", N_("the driver freed it on another CPU") },
		{ "wakeup", N_("its reader ran on another CPU") },
		{ "migration", N_("the task that was reading it moved") },
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (!strcmp(texts[i][0], kind))
			return _(texts[i][1]);
	return "";
}

static void write_kinds(struct page *p, int64_t all)
{
	static const struct head heads[] = { { N_("Kind"), false },
					     { N_("What it means"), false },
					     { N_("Changes"), true },
					     { N_("Share"), false } };
	sqlite3_stmt *st;

	page_table(p, N_("Why packets changed CPU"), heads, ARRAY_SIZE(heads));
	st = rep_query(p->r, "SELECT kind, sum(count) FROM cpu_hop GROUP BY kind ORDER BY 2 DESC, "
			     "1 LIMIT 20");
	while (rep_row(p->r, &st)) {
		page_row(p);
		page_td_name(p, words_word(col_text(st, 0)));
		page_td(p, kind_text(col_text(st, 0)));
		page_td_num(p, col_int(st, 1));
		page_td_bar(p, col_int(st, 1), all);
		page_row_end(p);
	}
	page_table_end(p);
}

static void write_hops(struct page *p)
{
	int64_t all = rep_int(p->r, "SELECT sum(count) FROM cpu_hop", 0), rows, shown = 0;
	static const struct head heads[] = { { N_("CPU"), false },
					     { N_("Kind"), false },
					     { N_("Device"), false },
					     { N_("Changes"), true },
					     { N_("p50"), true },
					     { N_("p99"), true },
					     { N_("Longest"), true },
					     { N_("Spread"), HEAD_RANGE },
					     { N_("What makes it so"), false } };
	sqlite3_stmt *st;

	if (!all) {
		page_none(p, N_("No packet was seen to change CPU."));
		return;
	}
	write_matrix(p);
	write_kinds(p, all);
	p->range_ns = rep_int(p->r, "SELECT max(max_ns) FROM cpu_hop", 0);
	rows = rep_int(p->r, "SELECT count(*) FROM cpu_hop", 0);
	page_table(p, N_("Changes of CPU by device, and what they cost"), heads, ARRAY_SIZE(heads));
	st = rep_query(p->r, "SELECT from_cpu, to_cpu, kind, netns, dev, count, p50_ns, p99_ns, "
			     "max_ns, setting FROM cpu_hop ORDER BY count DESC, kind, from_cpu, "
			     "to_cpu, netns, dev LIMIT 40");
	while (rep_row(p->r, &st)) {
		shown++;
		page_row(p);
		fprintf(p->f, "<th scope=\"row\">%" PRId64 " → %" PRId64 "</th>", col_int(st, 0),
			col_int(st, 1));
		page_td_word(p, col_text(st, 2));
		page_td_place(p, col_text(st, 3), col_text(st, 4));
		page_td_num(p, col_int(st, 5));
		for (int i = 6; i < 9; i++)
			page_td_dur(p, col_int(st, i));
		fputs("<td class=\"bar\">", p->f);
		svg_range(p->f,
			  &(struct range){ col_int(st, 6), col_int(st, 6), col_int(st, 7),
					   col_int(st, 8) },
			  p->range_ns);
		fputs("</td>", p->f);
		page_td_code(p, col_text(st, 9));
		page_row_end(p);
	}
	page_table_end(p);
	page_more(p, shown, rows, N_("rows"), "SELECT * FROM cpu_hop");
}

/* Calls of functions on other CPUs: what an RPS hop waits for first. */
static void write_calls(struct page *p)
{
	static const struct head heads[] = { { N_("CPU"), false },  { N_("Function"), false },
					     { N_("Calls"), true }, { N_("p50"), true },
					     { N_("p99"), true },   { N_("Longest"), true } };
	sqlite3_stmt *st;
	bool any = false;

	/* the view reads every event: not where there are none of these */
	if (!rep_int(p->r, "SELECT count(*) FROM event_type WHERE system = 'csd'", 0))
		return;
	st = rep_query(p->r, "SELECT from_cpu, to_cpu, function, count, p50_ns, p99_ns, max_ns "
			     "FROM ipi_delay ORDER BY count DESC, function, from_cpu, to_cpu LIMIT "
			     "30");
	for (; rep_row(p->r, &st); any = true) {
		if (!any)
			page_table(p, N_("Calls to another CPU (IPI), until they begin there"),
				   heads, ARRAY_SIZE(heads));
		page_row(p);
		fprintf(p->f, "<th scope=\"row\">%" PRId64 " → %" PRId64 "</th>", col_int(st, 0),
			col_int(st, 1));
		page_td_code(p, col_text(st, 2));
		page_td_num(p, col_int(st, 3));
		for (int i = 4; i < 7; i++)
			page_td_dur(p, col_int(st, i));
		page_row_end(p);
	}
	if (any)
		page_table_end(p);
}

#define STEERING                                                                                   \
	"('rps_cpus', 'rps_flow_cnt', 'xps_cpus', 'xps_rxqs', 'threaded', 'gro_flush_timeout', "   \
	"'napi_defer_hard_irqs')"
/* not the kernel's default */
#define IS_SET "trim(value, '0,') <> ''"

static void write_steering(struct page *p)
{
	static const struct head heads[] = { { N_("Device"), false },
					     { N_("Queue"), false },
					     { N_("Setting"), false },
					     { N_("Value"), false } };
	int64_t all =
		rep_int(p->r, "SELECT count(*) FROM queue_setting WHERE name IN " STEERING, 0);
	int64_t set = rep_int(
		p->r, "SELECT count(*) FROM queue_setting WHERE name IN " STEERING " AND " IS_SET,
		0);
	int64_t shown = 0;
	sqlite3_stmt *st;

	if (!all) {
		page_none(p, N_("No queue settings (RPS, RFS, XPS) were recorded."));
		return;
	}
	if (!set) {
		page_none(p, N_("No device has RPS, RFS, XPS, threaded NAPI or deferred interrupts "
				"set: each packet stays on the CPU that its interrupt or sender "
				"chose."));
		return;
	}
	page_table(p, N_("Packet steering (RPS, RFS, XPS) and queue settings that are set"), heads,
		   ARRAY_SIZE(heads));
	st = rep_query(p->r,
		       "SELECT netns, dev, queue, name, value FROM queue_setting WHERE name "
		       "IN " STEERING " AND " IS_SET " ORDER BY netns, dev, queue, name LIMIT "
		       "80");
	while (rep_row(p->r, &st)) {
		shown++;
		page_row(p);
		page_td_place(p, col_text(st, 0), col_text(st, 1));
		page_td(p, col_text(st, 2));
		page_td(p, col_text(st, 3));
		page_td_code(p, col_text(st, 4));
		page_row_end(p);
	}
	page_table_end(p);
	page_more(p, shown, set, N_("settings"), "SELECT * FROM queue_setting");
}

static void write_irqs(struct page *p)
{
	static const struct head heads[] = {
		{ N_("IRQ"), true },	       { N_("Name"), false },
		{ N_("CPU"), true },	       { N_("Seen in the recording"), true },
		{ N_("Time in it"), true },    { N_("Longest"), true },
		{ N_("Allowed CPUs"), false }, { N_("Effective"), false }
	};
	int64_t all = rep_int(p->r, "SELECT count(*) FROM irq_cpu", 0), shown = 0;
	sqlite3_stmt *st;

	if (!all) {
		page_none(p, N_("No interrupt was recorded: none of a device came, or their events "
				"were not asked for."));
		return;
	}
	page_table(p, N_("Interrupts, and the CPUs they may use"), heads, ARRAY_SIZE(heads));
	st = rep_query(p->r, "SELECT c.irq, c.name, c.cpu, c.count, c.total_ns, c.max_ns, "
			     "a.affinity, a.effective FROM irq_cpu c LEFT JOIN irq_affinity a ON "
			     "a.irq = c.irq ORDER BY c.count DESC, c.irq, c.name, c.cpu LIMIT 40");
	while (rep_row(p->r, &st)) {
		shown++;
		page_row(p);
		fprintf(p->f, "<td class=\"n\">%" PRId64 "</td>", col_int(st, 0));
		page_td(p, col_text(st, 1));
		page_td_num(p, col_int(st, 2));
		page_td_num(p, col_int(st, 3));
		page_td_dur_opt(p, st, 4);
		page_td_dur_opt(p, st, 5);
		page_td_code(p, col_text(st, 6));
		page_td_code(p, col_text(st, 7));
		page_row_end(p);
	}
	page_table_end(p);
	page_more(p, shown, all, N_("interrupts"), "SELECT * FROM irq_cpu");
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
	write_calls(p);
	panel_softirqs(p);
	page_h3(p, N_("Steering and interrupts"));
	write_steering(p);
	write_irqs(p);
	write_quotas(p);
}
