/* SPDX-License-Identifier: MIT */
/*
 * cpu_time: what a CPU spends its time on, and which task ran there longest
 * between two moments.
 */
#ifndef SKBTAPE_CPU_TIME_H
#define SKBTAPE_CPU_TIME_H

#include "../schema/base.h"

#define CPU_TIME_VECS 10 /* NR_SOFTIRQS */

/* What it does, the innermost: an irq in a softirq in a task is an irq. */
enum cpu_what {
	CPU_UNKNOWN,
	CPU_IDLE,
	CPU_TASK,
	CPU_IRQ,
	CPU_SOFTIRQ, /* vector 0; the others follow */
	CPU_WHATS = CPU_SOFTIRQ + CPU_TIME_VECS
};

/* A task's time on the CPU. */
struct cpu_slice {
	uint64_t from, to;   /* trace clock, ns */
	uint64_t own0, own1; /* CPU_TASK of the CPU then: interrupts are not in it */
	int32_t pid;
};

/* Zero-initialised: nothing is known. */
struct cpu_time {
	uint64_t since; /* ns[] is true for this time; 0: no event yet */
	uint64_t ns[CPU_WHATS];
	enum cpu_what what;
	struct cpu_slice open; /* from 0: no task runs, or it is not known */
	struct cpu_slice *ring;
	unsigned int n;	     /* slices so far */
	uint64_t known_from; /* slices since then are all there but those that left the ring */
};

void cpu_time_free(struct cpu_time *t);
/* cpu_time_reset() - events were lost. */
void cpu_time_reset(struct cpu_time *t);
/* cpu_time_to() - it did the same until @ts. */
void cpu_time_to(struct cpu_time *t, uint64_t ts);
/* cpu_time_task() - from @ts on @pid runs; 0: none. Return: 0, -ENOMEM. */
int cpu_time_task(struct cpu_time *t, uint64_t ts, int32_t pid);

/**
 * cpu_time_longest() - the task that ran longest since @from, but for @not_pid
 * @own_from: ns[CPU_TASK] at @from, UINT64_MAX: not known
 * @pid: 0: none ran
 * Return: false: it is not known, outputs untouched.
 */
bool cpu_time_longest(const struct cpu_time *t, uint64_t from, uint64_t own_from, int32_t not_pid,
		      int32_t *pid, uint64_t *ns);

#endif
