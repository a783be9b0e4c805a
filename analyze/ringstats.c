/* SPDX-License-Identifier: MIT */
#include "ringstats.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct cpu_stats {
	bool seen;
	int64_t mono_ns;
	uint64_t entries, overrun, commit_overrun, dropped, read;
};

struct ring {
	struct db *d;
	const struct clocks *c;
	struct cpu_stats *cpu; /* the last poll of each */
	struct cpu_stats *loss; /* where a stretch of loss began: the poll before it; seen: one is open */
	size_t n;
	bool perf;
};

#define CPUS_MAX 8192

static uint64_t lost(const struct cpu_stats *s)
{
	return sat_add_u64(sat_add_u64(s->overrun, s->commit_overrun), s->dropped);
}

/* A stretch of polls that each lost something ends: one row for it. */
static void loss_close(struct ring *r, size_t cpu, const struct cpu_stats *end)
{
	struct cpu_stats *from = &r->loss[cpu];

	if (!from->seen)
		return;
	from->seen = false;
	db_quality(r->d,
		   &(struct quality){ "events-lost", "ring buffer", (int)cpu, NULL,
				      clocks_mono_real(r->c, from->mono_ns), clocks_mono_real(r->c, end->mono_ns),
				      (int64_t)((lost(end) - lost(from)) & INT64_MAX) },
		   r->perf ? "the kernel counted events of CPU %zu in this time that did not come through perf's buffer: drops "
			     "and packets of then can be missing here, counters are not affected" :
			     "the kernel's buffer of CPU %zu was full and lost events in this time: drops and packets of then can "
			     "be missing here, counters are not affected", cpu);
}

static int ring_poll(struct ring *r, size_t cpu, const struct cpu_stats *now)
{
	struct cpu_stats *last;

	if (cpu >= CPUS_MAX)
		return 0;
	if (cpu >= r->n) {
		size_t n = cpu + 64;
		struct cpu_stats *a = realloc(r->cpu, n * sizeof(*a)), *b;

		if (!a)
			return -ENOMEM;
		r->cpu = a;
		b = realloc(r->loss, n * sizeof(*b));
		if (!b)
			return -ENOMEM;
		r->loss = b;
		memset(a + r->n, 0, (n - r->n) * sizeof(*a));
		memset(b + r->n, 0, (n - r->n) * sizeof(*b));
		r->n = n;
	}
	last = &r->cpu[cpu];
	if (last->seen && lost(now) > lost(last)) {
		if (!r->loss[cpu].seen)
			r->loss[cpu] = *last;
	} else if (last->seen) {
		loss_close(r, cpu, last);
	}
	*last = *now;
	return 0;
}

/* One text: for each CPU "cpuN MONO_NS" and the lines of per_cpu/cpuN/stats behind it. */
static int stats_text(struct ring *r, struct span text)
{
	struct cpu_stats now = { 0 };
	struct span line;
	uint64_t cpu = 0, v;
	int rc = 0;

	while (!rc && span_line(&text, &line)) {
		struct span key, value;

		if (span_starts(line, "cpu") && memchr(line.p, ' ', line.n) && !memchr(line.p, ':', line.n)) {
			if (now.seen)
				rc = ring_poll(r, cpu, &now);
			now = (struct cpu_stats){ .seen = true };
			span_word(&line, &key);
			key.p += 3, key.n -= 3;
			if (span_u64(key, &cpu) || span_u64(span_trim(line), &v) || v > INT64_MAX)
				now.seen = false;
			else
				now.mono_ns = (int64_t)v;
			continue;
		}
		if (!span_field(&line, ':', &key) || span_u64(span_trim(line), &v))
			continue;
		value = span_trim(key);
		if (span_is(value, "entries"))
			now.entries = v;
		else if (span_is(value, "overrun"))
			now.overrun = v;
		else if (span_is(value, "commit overrun"))
			now.commit_overrun = v;
		else if (span_is(value, "dropped events"))
			now.dropped = v;
		else if (span_is(value, "read events"))
			now.read = v;
	}
	if (!rc && now.seen)
		rc = ring_poll(r, cpu, &now);
	return rc;
}

int ringstats_load(struct tape *t, struct db *d, const struct clocks *c, const struct trace_state *seen, struct err *e)
{
	uint64_t decoded = seen->events;
	struct ring r = { .d = d, .c = c };
	uint64_t recorded = 0, lost_sum = 0;
	struct buf b = { 0 };
	bool any = false;
	int rc = 0;

	for (size_t i = 0; !rc && i < tape_member_count(t); i++) {
		const char *name = tape_member(t, i)->name;

		if (strncmp(name, "ftrace/stats/", 13) && strncmp(name, "perf/stats/", 11))
			continue;
		any = true;
		r.perf = *name == 'p';
		rc = tape_load(t, i, &b, e);
		if (!rc && stats_text(&r, (struct span){ (const char *)b.data, b.len }))
			rc = err_set(e, -ENOMEM, "out of memory while reading %s", name);
	}
	for (size_t cpu = 0; !rc && cpu < r.n; cpu++) {
		const struct cpu_stats *s = &r.cpu[cpu];

		loss_close(&r, cpu, s);
		lost_sum = sat_add_u64(lost_sum, lost(s));
		recorded = sat_add_u64(recorded, sat_add_u64(sat_add_u64(s->read, s->entries), lost(s)));
	}
	/* a cut tape lacks the last poll: there were at least those that it holds */
	if (tape_state(t)->cut && recorded < sat_add_u64(decoded, lost_sum))
		recorded = sat_add_u64(decoded, lost_sum);
	db_fact_int(d, "events_decoded", (int64_t)(decoded & INT64_MAX));
	db_fact(d, "events_recorded", NULL);
	db_fact(d, "events_lost", NULL);
	if (any) {
		db_fact_int(d, "events_recorded", (int64_t)(recorded & INT64_MAX));
		db_fact_int(d, "events_lost", (int64_t)(lost_sum & INT64_MAX));
	}
	/* our tapes have sums of their own and may end with events unread (--max-size); of others, what has no format
	 * is known to be there, and the rest is gone or other bytes than were recorded */
	if (any && !tape_state(t)->cut && decoded + lost_sum != recorded)
		db_quality(d, &(struct quality){ tape_state(t)->foreign && sat_add_u64(decoded + lost_sum, seen->undecoded) < recorded ?
							 "tape-damaged" :
							 "undecoded",
						 "ring buffer", -1, NULL, -1, -1, -1 },
			   "the kernel counted %" PRIu64 " recorded events and %" PRIu64 " lost ones; %" PRIu64
			   " were decoded", recorded, lost_sum, decoded);
	free(r.cpu);
	free(r.loss);
	buf_free(&b);
	return rc ? rc : db_error(d, e);
}
