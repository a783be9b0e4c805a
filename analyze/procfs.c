/* SPDX-License-Identifier: MIT */
#include "procfs.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define COLUMN_MAX 64 /* of a table in /proc/net/stat; they have up to 20 */

static void put(struct sample_sink *s, const char *source, struct span name, struct span dev,
		int cpu, int64_t v)
{
	s->put(s, &(struct sample){
			  .source = source, .name = name, .dev = dev, .cpu = cpu, .value = v });
}

static void put_plain(struct sample_sink *s, const char *source, struct span name, int64_t v)
{
	put(s, source, name, (struct span){ 0 }, -1, v);
}

/* A number that may be unsigned beyond int64 (byte counters of old kernels on bad days). */
static int number(struct span w, int64_t *v)
{
	uint64_t u;

	if (w.n && w.p[0] == '-')
		return span_i64(w, v);
	if (span_u64(w, &u))
		return -EINVAL;
	*v = counter_i64(u);
	return 0;
}

/* 'PREFIX.NAME' in @out */
static struct span dotted(struct span prefix, struct span name, char *out, size_t size)
{
	size_t n = 0;

	if (prefix.n + 1 + name.n > size)
		return (struct span){ 0 };
	memcpy(out, prefix.p, prefix.n);
	n = prefix.n;
	out[n++] = '.';
	memcpy(out + n, name.p, name.n);
	return (struct span){ out, n + name.n };
}

/* Cut 'PREFIX:' off a line. */
static bool cut_prefix(struct span *line, struct span *prefix)
{
	if (!span_word(line, prefix) || prefix->n < 2 || prefix->p[prefix->n - 1] != ':')
		return false;
	prefix->n--;
	return true;
}

uint64_t procfs_snmp(struct span text, const char *source, struct sample_sink *s)
{
	struct span names, values, p1, p2, name, word;
	uint64_t bad = 0;
	char buf[128];
	int64_t v;

	while (span_line(&text, &names)) {
		if (!span_line(&text, &values)) {
			bad++;
			break;
		}
		if (!cut_prefix(&names, &p1) || !cut_prefix(&values, &p2) || p1.n != p2.n ||
		    memcmp(p1.p, p2.p, p1.n)) {
			bad++;
			continue;
		}
		while (span_word(&names, &name) && span_word(&values, &word)) {
			struct span full = dotted(p1, name, buf, sizeof(buf));

			if (!full.p || number(word, &v))
				bad++;
			else
				put_plain(s, source, full, v);
		}
	}
	return bad;
}

uint64_t procfs_pairs(struct span text, const char *source, struct sample_sink *s)
{
	struct span line, name, word;
	uint64_t bad = 0;
	int64_t v;

	while (span_line(&text, &line)) {
		if (!span_word(&line, &name) || name.n > 64 || !span_word(&line, &word) ||
		    number(word, &v))
			bad++;
		else
			put_plain(s, source, name, v);
	}
	return bad;
}

uint64_t procfs_sockstat(struct span text, struct sample_sink *s)
{
	struct span line, prefix, name, word;
	uint64_t bad = 0;
	char buf[128];
	int64_t v;

	while (span_line(&text, &line)) {
		if (!cut_prefix(&line, &prefix)) {
			bad++;
			continue;
		}
		while (span_word(&line, &name)) {
			struct span full = dotted(prefix, name, buf, sizeof(buf));

			if (!full.p || !span_word(&line, &word) || number(word, &v))
				bad++;
			else
				put_plain(s, "sockstat", full, v);
		}
	}
	return bad;
}

uint64_t procfs_dev(struct span text, struct sample_sink *s)
{
	/* net/core/net-procfs.c, dev_seq_printf_stats(); NULL: a sum that no single field of
	 * IFLA_STATS64 holds */
	static const char *const field[16] = {
		"rx_bytes",	  "rx_packets",	    "rx_errors",
		"rx_dropped",	  "rx_fifo_errors", NULL,
		"rx_compressed",  "multicast",	    "tx_bytes",
		"tx_packets",	  "tx_errors",	    "tx_dropped",
		"tx_fifo_errors", "collisions",	    NULL,
		"tx_compressed",
	};
	struct span line, dev, word;
	uint64_t bad = 0;
	int64_t v;

	/* two lines of headings */
	span_line(&text, &line);
	span_line(&text, &line);
	while (span_line(&text, &line)) {
		const char *colon = line.n ? memrchr(line.p, ':', line.n)
					   : NULL; /* a name may hold one (an alias) */

		if (!colon) {
			bad++;
			continue;
		}
		dev = span_trim((struct span){ line.p, (size_t)(colon - line.p) });
		line.n -= (size_t)(colon + 1 - line.p);
		line.p = colon + 1;
		for (size_t i = 0; i < ARRAY_SIZE(field) && span_word(&line, &word); i++) {
			if (number(word, &v))
				bad++;
			else if (field[i])
				put(s, "dev", (struct span){ field[i], strlen(field[i]) }, dev, -1,
				    v);
		}
	}
	return bad;
}

/* 'cpuN' -> N, -1 otherwise */
static int cpu_number(struct span w)
{
	uint64_t n;

	if (!span_starts(w, "cpu") || span_u64((struct span){ w.p + 3, w.n - 3 }, &n) ||
	    n >= PROCFS_CPU_MAX)
		return -1;
	return (int)n;
}

uint64_t procfs_stat(struct span text, struct procfs_cpus *cpus, struct sample_sink *s)
{
	static const char *const field[] = { "user",   "nice", "system",  "idle",
					     "iowait", "irq",  "softirq", "steal" };
	struct span line, word;
	uint64_t bad = 0;
	int64_t v;

	cpus->n = 0;
	while (span_line(&text, &line)) {
		int cpu;

		if (!span_word(&line, &word) || (cpu = cpu_number(word)) < 0)
			continue; /* the sum of all CPUs and other statistics */
		if (cpus->n < PROCFS_CPU_MAX)
			cpus->id[cpus->n++] = (int16_t)cpu;
		for (size_t i = 0; i < ARRAY_SIZE(field) && span_word(&line, &word); i++) {
			if (number(word, &v))
				bad++;
			else
				put(s, "stat", (struct span){ field[i], strlen(field[i]) },
				    (struct span){ 0 }, cpu, v);
		}
	}
	return bad;
}

uint64_t procfs_schedstat(struct span text, struct sample_sink *s)
{
	struct span line, word;
	uint64_t bad = 0;
	int64_t v;

	while (span_line(&text, &line)) {
		int cpu;

		if (!span_word(&line, &word) || (cpu = cpu_number(word)) < 0)
			continue; /* version, timestamp, domains */
		/* kernel/sched/stats.c, show_schedstat(): the last three of nine */
		for (int i = 0; i < 9 && span_word(&line, &word); i++) {
			if (number(word, &v)) {
				bad++;
				break;
			}
			if (i >= 6)
				put(s, "schedstat",
				    i == 6   ? SPAN_LIT("run_time_ns")
				    : i == 7 ? SPAN_LIT("run_delay_ns")
					     : SPAN_LIT("timeslices"),
				    (struct span){ 0 }, cpu, v);
		}
	}
	return bad;
}

uint64_t procfs_softnet(struct span text, const struct procfs_cpus *cpus, struct sample_sink *s)
{
	/* net/core/net-procfs.c, softnet_seq_show(): 10 columns up to 4.17, 11 up to 5.9, 13 up
	 * to 6.5, 15 since */
	static const char *const field[15] = {
		[0] = "processed",    [1] = "dropped",		 [2] = "time_squeeze",
		[9] = "received_rps", [10] = "flow_limit_count", [11] = "backlog_len",
		[13] = "input_qlen",  [14] = "process_qlen",
	};
	struct span line, word;
	uint64_t bad = 0;

	for (size_t row = 0; span_line(&text, &line); row++) {
		uint64_t v[ARRAY_SIZE(field)];
		size_t n = 0;
		int cpu = cpus && row < cpus->n ? cpus->id[row] : (int)(row % INT_MAX);

		while (n < ARRAY_SIZE(field) && span_word(&line, &word) && !span_hex(word, &v[n]))
			n++;
		if (n < 9) {
			bad++;
			continue;
		}
		if (n >= 13)
			cpu = v[12] < PROCFS_CPU_MAX ? (int)v[12] : -1;
		for (size_t i = 0; i < n; i++)
			if (field[i])
				s->put(s, &(struct sample){ .source = "softnet_stat",
							    .name = { field[i], strlen(field[i]) },
							    .cpu = cpu,
							    .machine = true,
							    .value = counter_i64(v[i]) });
	}
	return bad;
}

/* A heading of CPU numbers (CPU0 CPU1 ...). Return: how many. */
static size_t cpu_heading(struct span line, struct procfs_cpus *cpus)
{
	struct span word;
	uint64_t n;

	cpus->n = 0;
	while (cpus->n < PROCFS_CPU_MAX && span_word(&line, &word) && span_starts(word, "CPU") &&
	       !span_u64((struct span){ word.p + 3, word.n - 3 }, &n) && n < PROCFS_CPU_MAX)
		cpus->id[cpus->n++] = (int16_t)n;
	return cpus->n;
}

uint64_t procfs_softirqs(struct span text, struct sample_sink *s)
{
	struct procfs_cpus cpus;
	struct span line, name, word;
	uint64_t bad = 0;
	int64_t v;

	if (!span_line(&text, &line) || !cpu_heading(line, &cpus))
		return 1;
	while (span_line(&text, &line)) {
		if (!cut_prefix(&line, &name)) {
			bad++;
			continue;
		}
		for (size_t i = 0; i < cpus.n && span_word(&line, &word); i++) {
			if (number(word, &v))
				bad++;
			else
				put(s, "softirqs", name, (struct span){ 0 }, cpus.id[i], v);
		}
	}
	return bad;
}

/* What the actions of a numbered interrupt are called: behind the last two blanks
 * (kernel/irq/proc.c, show_interrupts()). */
static struct span irq_actions(struct span rest)
{
	rest = span_trim(rest);
	for (size_t i = rest.n; i > 1; i--)
		if (rest.p[i - 1] == ' ' && rest.p[i - 2] == ' ')
			return (struct span){ rest.p + i, rest.n - i };
	return (struct span){ 0 };
}

uint64_t procfs_interrupts(struct span text, struct sample_sink *s)
{
	struct procfs_cpus cpus;
	struct span line, name, word;
	uint64_t bad = 0, irq;

	if (!span_line(&text, &line) || !cpu_heading(line, &cpus))
		return 1;
	while (span_line(&text, &line)) {
		int64_t value[PROCFS_CPU_MAX];
		struct span full, acts;
		char buf[96];
		size_t n = 0;

		if (!cut_prefix(&line, &name)) {
			bad++;
			continue;
		}
		while (n < cpus.n) {
			struct span before = line;

			if (!span_word(&line, &word) || number(word, &value[n])) {
				line = before;
				break;
			}
			n++;
		}
		if (n < cpus.n)
			continue; /* ERR and MIS: one number for all CPUs */
		full = name;
		acts = irq_actions(line);
		if (!span_u64(name, &irq) && acts.n) {
			int len = snprintf(buf, sizeof(buf), "%.*s %.*s",
					   (int)(name.n > 12 ? 12 : name.n), name.p,
					   (int)(acts.n > 64 ? 64 : acts.n), acts.p);

			full = (struct span){ buf, (size_t)len };
		}
		for (size_t i = 0; i < n; i++)
			s->put(s, &(struct sample){ .source = "interrupts",
						    .name = full,
						    .cpu = cpus.id[i],
						    .sparse = true,
						    .value = value[i] });
	}
	return bad;
}

/* Names of nf_conntrack's file that ctnetlink calls otherwise (nf_conntrack_standalone.c,
 * ct_cpu_seq_show()). */
static struct span conntrack_name(struct span name)
{
	if (span_is(name, "clashres"))
		return SPAN_LIT("clash_resolve");
	if (span_is(name, "icmp_error"))
		return SPAN_LIT("error");
	if (span_is(name, "chainlength"))
		return SPAN_LIT("chain_toolong");
	return name;
}

uint64_t procfs_stat_table(struct span text, const char *source, bool machine,
			   struct sample_sink *s)
{
	struct span line, word, name[COLUMN_MAX];
	uint64_t sum[COLUMN_MAX] = { 0 }, bad = 0, v;
	size_t names = 0, rows = 0;

	if (!span_line(&text, &line))
		return 1;
	while (names < COLUMN_MAX && span_word(&line, &word))
		name[names++] = word;
	while (span_line(&text, &line)) {
		size_t i = 0;

		for (; i < names && span_word(&line, &word) && !span_hex(word, &v); i++)
			/* entries are those of the table, the same in each row */
			sum[i] = span_is(name[i], "entries") ? v : sat_add_u64(sum[i], v);
		bad += i < names;
		rows++;
	}
	for (size_t i = 0; rows && i < names; i++)
		s->put(s, &(struct sample){ .source = source,
					    .name = !strcmp(source, "conntrack")
							    ? conntrack_name(name[i])
							    : name[i],
					    .cpu = -1,
					    .machine = machine,
					    .value = counter_i64(sum[i]) });
	return bad;
}

struct span procfs_unescape(struct span in, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < in.n && n < size; i++) {
		const char *p = in.p + i;

		if (p[0] == '\\' && in.n - i >= 4 && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' &&
		    p[2] <= '7' && p[3] >= '0' && p[3] <= '7') {
			out[n++] = (char)((p[1] - '0') << 6 | (p[2] - '0') << 3 | (p[3] - '0'));
			i += 3;
		} else {
			out[n++] = p[0];
		}
	}
	return (struct span){ out, n };
}

int procfs_kmsg(struct span *text, struct kmsg *k)
{
	struct span line, head, prio_s, seq_s, usec_s;
	uint64_t prio, seq, usec;

	do {
		if (!span_line(text, &line))
			return 0;
	} while (!line.n || line.p[0] == ' '); /* ' KEY=value' lines belong to the record before */
	if (!span_field(&line, ';', &head) || !span_field(&head, ',', &prio_s) ||
	    !span_field(&head, ',', &seq_s) || !span_field(&head, ',', &usec_s) ||
	    span_u64(prio_s, &prio) || span_u64(seq_s, &seq) || span_u64(usec_s, &usec))
		return -EINVAL;
	k->level = (int)(prio & 7); /* the rest is the facility (syslog(2)) */
	k->usec = usec;
	k->text = line;
	return 1;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct span procfs_kmsg_text(struct span in, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < in.n && n < size; i++) {
		const char *p = in.p + i;

		if (in.n - i >= 4 && p[0] == '\\' && p[1] == 'x' && hex_digit(p[2]) >= 0 &&
		    hex_digit(p[3]) >= 0) {
			out[n++] = (char)(hex_digit(p[2]) << 4 | hex_digit(p[3]));
			i += 3;
		} else {
			out[n++] = p[0];
		}
	}
	return (struct span){ out, n };
}
