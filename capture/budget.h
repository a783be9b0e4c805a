/* SPDX-License-Identifier: MIT */
/* budget: the recorder's own CPU time against what it may use of it (--max-cpu). */
#ifndef SKBTAPE_BUDGET_H
#define SKBTAPE_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#define BUDGET_WINDOW_NS (10 * 1000000000LL)
#define BUDGET_STEP_NS	 (250 * 1000000LL)
#define BUDGET_POINTS	 (BUDGET_WINDOW_NS / BUDGET_STEP_NS + 1)

struct budget {
	double percent; /* of one CPU, 0: no limit */
	struct {
		int64_t at_ns, cpu_ns;
	} point[BUDGET_POINTS]; /* a ring, at least BUDGET_STEP_NS apart */
	unsigned int first, n;
};

/**
 * budget_over() - whether more was used than ten seconds allow
 * @now_ns: CLOCK_MONOTONIC; call it some times a second
 * @cpu_ns: CPU time of all threads since the start
 * @used:   out, when it is so: percent of ten seconds of one CPU
 *
 * The allowance is that of a whole window, and is used up within any ten seconds: what takes
 * ten times too much is found after one second, and a short peak is no excess.
 */
bool budget_over(struct budget *b, int64_t now_ns, int64_t cpu_ns, double *used);
/* budget_again() - what was used so far no longer counts. */
void budget_again(struct budget *b);

/* budget_default() - percent that a recording may use when it is not told: half of the machine, at
 * least one CPU. */
double budget_default(void);

#endif
