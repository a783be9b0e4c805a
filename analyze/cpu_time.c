/* SPDX-License-Identifier: MIT */
#include "cpu_time.h"

#include <errno.h>
#include <stdlib.h>

#define SLICES	  256 /* a power of two */
#define TASKS_MAX 32  /* that are told apart */

void cpu_time_free(struct cpu_time *t)
{
	free(t->ring);
	t->ring = NULL;
}

void cpu_time_reset(struct cpu_time *t)
{
	*t = (struct cpu_time){ .ring = t->ring };
}

void cpu_time_to(struct cpu_time *t, uint64_t ts)
{
	if (t->since && ts > t->since)
		t->ns[t->what] += ts - t->since;
	if (ts > t->since)
		t->since = ts;
}

int cpu_time_task(struct cpu_time *t, uint64_t ts, int32_t pid)
{
	cpu_time_to(t, ts);
	if (!t->ring) {
		t->ring = calloc(SLICES, sizeof(*t->ring));
		if (!t->ring)
			return -ENOMEM;
	}
	if (t->open.from) {
		t->open.to = ts;
		t->open.own1 = t->ns[CPU_TASK];
		t->ring[t->n++ % SLICES] = t->open;
	}
	if (!t->known_from)
		t->known_from = ts;
	t->open = (struct cpu_slice){ pid ? ts : 0, 0, t->ns[CPU_TASK], 0, pid };
	return 0;
}

struct task_sum {
	uint64_t ns;
	int32_t pid;
};

/* What @s has of the time since @from. */
static uint64_t own_since(const struct cpu_slice *s, uint64_t from, uint64_t own_from)
{
	uint64_t own = s->own1 - s->own0;

	if (s->from >= from)
		return own;
	if (own_from != UINT64_MAX)
		return s->own1 > own_from ? s->own1 - own_from : 0;
	return own < s->to - from ? own : s->to - from;
}

static bool sum_add(struct task_sum *sum, size_t *n, int32_t pid, uint64_t ns)
{
	size_t i = 0;

	while (i < *n && sum[i].pid != pid)
		i++;
	if (i == TASKS_MAX)
		return false;
	if (i == *n)
		sum[(*n)++] = (struct task_sum){ 0, pid };
	sum[i].ns += ns;
	return true;
}

bool cpu_time_longest(const struct cpu_time *t, uint64_t from, uint64_t own_from, int32_t not_pid,
		      int32_t *pid, uint64_t *ns)
{
	struct task_sum sum[TASKS_MAX], best = { 0, 0 };
	struct cpu_slice now = t->open;
	unsigned int back = 0;
	size_t n = 0;

	if (!t->known_from || t->known_from > from)
		return false;
	now.to = t->since;
	now.own1 = t->ns[CPU_TASK];
	if (now.from && now.pid != not_pid)
		sum_add(sum, &n, now.pid, own_since(&now, from, own_from));
	for (; back < SLICES && back < t->n; back++) {
		const struct cpu_slice *s = &t->ring[(t->n - 1 - back) % SLICES];

		if (s->to <= from)
			break;
		if (s->pid != not_pid && !sum_add(sum, &n, s->pid, own_since(s, from, own_from)))
			return false;
	}
	if (back == SLICES)
		return false; /* what is before has left the ring */
	for (size_t i = 0; i < n; i++)
		if (sum[i].ns > best.ns)
			best = sum[i];
	*pid = best.pid;
	*ns = best.ns;
	return true;
}
