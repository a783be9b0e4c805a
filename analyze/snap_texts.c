/* SPDX-License-Identifier: MIT */
#include "snap_texts.h"
#include "keymap.h"
#include "procfs.h"

#include <stdio.h>

#define FIELD_MAX                                                                                  \
	8192 /* longest field after unescaping; what is longer is cut (PATH_MAX is 4096) */
#define FIELDS_MAX  8
#define KMSG_MAX    100000
#define CGROUP_MAX  200000
#define MISSING_MAX 1000

/* Something that was asked for and not given, in however many namespaces and snapshots. */
struct missing {
	uint64_t text; /* hash of the three */
	char source[80];
	char error[24];
	char note[200];
	int64_t count;
};

struct snap_texts {
	const struct nl_env *env;
	const struct clocks *clocks;
	struct keymap missing;
	uint64_t kmsg_rows, kmsg_refused, cgroup_rows, cgroup_refused, program_rows, program_refused;
	char buf[FIELDS_MAX][FIELD_MAX];
	sqlite3_stmt *sysctl, *queue, *irq, *cgroup, *program, *task, *kmsg;
};

int snap_texts_open(struct snap_texts **out, const struct nl_env *env, const struct clocks *c)
{
	struct snap_texts *x = calloc(1, sizeof(*x));

	if (!x)
		return -ENOMEM;
	x->env = env;
	x->clocks = c;
	keymap_init(&x->missing, offsetof(struct missing, source), sizeof(struct missing),
		    MISSING_MAX);
	x->sysctl = db_prepare(
		env->d, "INSERT INTO sysctl(netns_id, netns, name, value) VALUES(?, ?, ?, ?) "
			"ON CONFLICT(netns_id, name) DO UPDATE SET value_end = "
			"nullif(excluded.value, value)");
	x->queue = db_prepare(
		env->d,
		"INSERT OR REPLACE INTO queue_setting(netns_id, netns, dev, queue, name, value) "
		"VALUES(?, ?, ?, ?, ?, ?)");
	x->irq = db_prepare(env->d, "INSERT OR REPLACE INTO irq_affinity(irq, affinity, effective, "
				    "actions) VALUES(?, ?, ?, ?)");
	x->cgroup = db_prepare(
		env->d,
		"INSERT INTO cgroup_quota(snap_ns, path, version, quota_us, period_us, nr_periods, "
		"nr_throttled, throttled_ns) VALUES(?, ?, ?, ?, ?, ?, ?, ?)");
	x->program = db_prepare(
		env->d, "INSERT INTO cgroup_program(path, ingress, egress) VALUES(?1, ?2, ?3) ON CONFLICT(path) DO UPDATE SET "
			"ingress = coalesce(excluded.ingress, ingress), egress = coalesce(excluded.egress, egress)");
	x->task = db_prepare(env->d, "INSERT OR REPLACE INTO task(pid, tgid, comm, netns_id, "
				     "cgroup) VALUES(?, ?, ?, ?, ?)");
	x->kmsg = db_prepare(env->d, "INSERT INTO kmsg(ts_ns, level, text) VALUES(?, ?, ?)");
	*out = x;
	return 0;
}

void snap_texts_free(struct snap_texts *x)
{
	if (!x)
		return;
	keymap_free(&x->missing);
	free(x);
}

/* Cut a line into at most @n fields and unescape them. Return: how many there are. */
static size_t split(struct snap_texts *x, struct span line, struct span *field, size_t n)
{
	struct span raw;
	size_t i = 0;

	while (i < n && span_field(&line, '\t', &raw)) {
		field[i] = procfs_unescape(raw, x->buf[i], FIELD_MAX);
		i++;
	}
	for (size_t k = i; k < n; k++)
		field[k] = SPAN_LIT("");
	return i;
}

/* name below net, value */
uint64_t snap_texts_sysctl(struct snap_texts *x, struct span text, const struct snap_at *at)
{
	struct span line, f[2];
	char name[512];
	uint64_t bad = 0;

	while (span_line(&text, &line)) {
		if (!split(x, line, f, 2) || !f[0].n || f[0].n > sizeof(name) - 8) {
			bad++;
			continue;
		}
		snprintf(name, sizeof(name), "net.%.*s", (int)f[0].n, f[0].p);
		db_bind_int(x->sysctl, 1, at->netns_id);
		db_bind_text(x->sysctl, 2, at->netns);
		db_bind_text(x->sysctl, 3, name);
		db_bind_span(x->sysctl, 4, f[1]);
		db_run(x->env->d, x->sysctl);
	}
	return bad;
}

/* DEV/NAME or DEV/queues/QUEUE/NAME, value */
uint64_t snap_texts_sysfs(struct snap_texts *x, struct span text, const struct snap_at *at)
{
	struct span line, f[2], dev, queue, part;
	uint64_t bad = 0;

	while (span_line(&text, &line)) {
		if (split(x, line, f, 2) < 1 || !span_field(&f[0], '/', &dev) || !dev.n ||
		    !f[0].n) {
			bad++;
			continue;
		}
		queue = SPAN_LIT("");
		if (span_starts(f[0], "queues/")) {
			span_field(&f[0], '/', &part);
			span_field(&f[0], '/', &queue);
		}
		db_bind_int(x->queue, 1, at->netns_id);
		db_bind_text(x->queue, 2, at->netns);
		db_bind_span(x->queue, 3, dev);
		db_bind_span(x->queue, 4, queue);
		db_bind_span(x->queue, 5, f[0]);
		db_bind_span(x->queue, 6, f[1]);
		db_run(x->env->d, x->queue);
	}
	return bad;
}

/* number, affinity, effective affinity, actions */
uint64_t snap_texts_irq(struct snap_texts *x, struct span text, const struct snap_at *at)
{
	struct span line, f[4];
	uint64_t bad = 0, irq;

	(void)at;
	while (span_line(&text, &line)) {
		if (split(x, line, f, 4) < 2 || span_u64(f[0], &irq) || irq > INT32_MAX) {
			bad++;
			continue;
		}
		db_bind_int(x->irq, 1, (int64_t)irq);
		db_bind_span(x->irq, 2, f[1]);
		db_bind_span(x->irq, 3, f[2].n ? f[2] : (struct span){ 0 });
		db_bind_span(x->irq, 4, f[3].n ? f[3] : (struct span){ 0 });
		db_run(x->env->d, x->irq);
	}
	return bad;
}

/* path, version, quota, period, then name=value of cpu.stat (v1: throttled_time in ns, v2:
 * throttled_usec) */
uint64_t snap_texts_cgroups(struct snap_texts *x, struct span text, const struct snap_at *at)
{
	struct span line, f[4], pair, name;
	uint64_t bad = 0, version, value;
	int64_t quota, period;

	while (span_line(&text, &line)) {
		int64_t periods = -1, throttled = -1, throttled_ns = -1;
		bool ok = true;

		for (size_t i = 0; i < ARRAY_SIZE(f); i++) {
			ok = ok && span_field(&line, '\t', &pair);
			f[i] = ok ? procfs_unescape(pair, x->buf[i], FIELD_MAX) : SPAN_LIT("");
		}
		if (!ok || span_u64(f[1], &version) || version > 2 || span_i64(f[2], &quota) ||
		    span_i64(f[3], &period)) {
			bad++;
			continue;
		}
		while (span_field(&line, '\t', &pair)) {
			if (!span_field(&pair, '=', &name) || span_u64(pair, &value))
				continue;
			if (span_is(name, "nr_periods"))
				periods = counter_i64(value);
			else if (span_is(name, "nr_throttled"))
				throttled = counter_i64(value);
			else if (span_is(name, "throttled_time"))
				throttled_ns = counter_i64(value);
			else if (span_is(name, "throttled_usec"))
				throttled_ns = value > INT64_MAX / 1000 ? INT64_MAX
									: (int64_t)value * 1000;
		}
		if (x->cgroup_rows++ >= CGROUP_MAX) {
			x->cgroup_refused++;
			continue;
		}
		db_bind_int(x->cgroup, 1, at->ns);
		db_bind_span(x->cgroup, 2, f[0]);
		db_bind_int(x->cgroup, 3, (int64_t)version);
		db_bind_int(x->cgroup, 4, quota);
		db_bind_int(x->cgroup, 5, period);
		db_bind_opt(x->cgroup, 6, periods, -1);
		db_bind_opt(x->cgroup, 7, throttled, -1);
		db_bind_opt(x->cgroup, 8, throttled_ns, -1);
		db_run(x->env->d, x->cgroup);
	}
	return bad;
}

/* path, program ids on ingress, on egress, each separated by commas */
uint64_t snap_texts_cgroup_bpf(struct snap_texts *x, struct span text, const struct snap_at *at)
{
	struct span line, f[3];
	uint64_t bad = 0;

	(void)at;
	while (span_line(&text, &line)) {
		if (split(x, line, f, 3) < 2 || !f[0].n) {
			bad++;
			continue;
		}
		if (x->program_rows++ >= CGROUP_MAX) {
			x->program_refused++;
			continue;
		}
		db_bind_span(x->program, 1, f[0]);
		db_bind_span(x->program, 2, f[1].n ? f[1] : (struct span){ 0 });
		db_bind_span(x->program, 3, f[2].n ? f[2] : (struct span){ 0 });
		db_run(x->env->d, x->program);
	}
	return bad;
}

/* source, errno name, note */
uint64_t snap_texts_missing(struct snap_texts *x, struct span text, const struct snap_at *at)
{
	struct span line, f[3];
	uint64_t bad = 0;

	(void)at;
	while (span_line(&text, &line)) {
		struct missing key = { .text = keymap_text(line) }, *m;
		bool fresh;

		if (!split(x, line, f, 3) || !f[0].n) {
			bad++;
			continue;
		}
		m = keymap_get(&x->missing, &key, &fresh);
		if (!m)
			continue;
		m->count++;
		span_copy(f[0], m->source, sizeof(m->source));
		span_copy(f[1], m->error, sizeof(m->error));
		span_copy(f[2], m->note, sizeof(m->note));
	}
	return bad;
}

/* pid, tgid, comm, netns inode, cgroup, start time, state; a later text replaces an earlier one */
uint64_t snap_texts_tasks(struct snap_texts *x, struct span text)
{
	struct span line, f[7];
	uint64_t bad = 0, pid, tgid, inum;

	while (span_line(&text, &line)) {
		const struct host_netns *ns = NULL;

		if (split(x, line, f, 7) < 3 || span_u64(f[0], &pid) || pid > INT32_MAX ||
		    span_u64(f[1], &tgid) || tgid > INT32_MAX) {
			bad++;
			continue;
		}
		if (!span_u64(f[3], &inum) && inum)
			ns = host_netns_newest(x->env->h, inum);
		db_bind_int(x->task, 1, (int64_t)pid);
		db_bind_int(x->task, 2, (int64_t)tgid);
		db_bind_span(x->task, 3, f[2]);
		db_bind_opt(x->task, 4, ns ? ns->id : 0, 0);
		db_bind_span(x->task, 5, f[4].n ? f[4] : (struct span){ 0 });
		db_run(x->env->d, x->task);
	}
	return bad;
}

uint64_t snap_texts_kmsg(struct snap_texts *x, struct span text)
{
	uint64_t bad = 0;
	struct kmsg k;
	int rc;

	while ((rc = procfs_kmsg(&text, &k))) {
		int64_t mono;

		if (rc < 0) {
			bad++;
			continue;
		}
		if (x->kmsg_rows++ >= KMSG_MAX) {
			x->kmsg_refused++;
			continue;
		}
		/* stamped by local_clock(), which is MONOTONIC but for small differences between
		 * CPUs */
		mono = k.usec > INT64_MAX / 1000 ? INT64_MAX : (int64_t)k.usec * 1000;
		db_bind_int(x->kmsg, 1, clocks_mono_real(x->clocks, mono));
		db_bind_int(x->kmsg, 2, k.level);
		db_bind_span(x->kmsg, 3, procfs_kmsg_text(k.text, x->buf[0], FIELD_MAX));
		db_run(x->env->d, x->kmsg);
	}
	return bad;
}

/* What kind of quality row an error makes: not being there or being left alone is no loss. */
static const char *missing_kind(const char *error)
{
	static const char *const absent[] = {
		"",	    "-",      "ENOENT",		 "EOPNOTSUPP",
		"ENOTSUPP", "ENODEV", "EPROTONOSUPPORT", "EAFNOSUPPORT"
	};

	if (!strcmp(error, "EPERM") || !strcmp(error, "EACCES"))
		return "permission";
	for (size_t i = 0; i < ARRAY_SIZE(absent); i++)
		if (!strcmp(error, absent[i]))
			return "note";
	return "source-missing";
}

int snap_texts_finish(struct snap_texts *x)
{
	for (size_t i = 0; i < x->missing.count; i++) {
		const struct missing *m = keymap_at(&x->missing, i);

		db_quality(x->env->d,
			   &(struct quality){ missing_kind(m->error), m->source, -1, NULL, -1, -1,
					      m->count },
			   "%s%s%s", m->error, m->error[0] && m->note[0] ? ": " : "",
			   m->note[0]	 ? m->note
			   : m->error[0] ? ""
					 : "not there");
	}
	nl_limit(x->env->d, "missing", x->missing.refused, MISSING_MAX);
	nl_limit(x->env->d, "kmsg", x->kmsg_refused, KMSG_MAX);
	nl_limit(x->env->d, "cgroups", x->cgroup_refused, CGROUP_MAX);
	nl_limit(x->env->d, "cgroup-bpf", x->program_refused, CGROUP_MAX);
	return x->missing.nomem ? -ENOMEM : 0;
}
