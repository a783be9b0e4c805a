/* SPDX-License-Identifier: MIT */
#include "budget.h"

#include <unistd.h>

bool budget_over(struct budget *b, int64_t now_ns, int64_t cpu_ns, double *used)
{
	unsigned int last = (b->first + b->n + BUDGET_POINTS - 1) % BUDGET_POINTS;
	double share;

	while (b->n > 1 && now_ns - b->point[b->first].at_ns > BUDGET_WINDOW_NS) {
		b->first = (b->first + 1) % BUDGET_POINTS;
		b->n--;
	}
	if (!b->n || now_ns - b->point[last].at_ns >= BUDGET_STEP_NS) {
		if (b->n == BUDGET_POINTS) {
			b->first = (b->first + 1) % BUDGET_POINTS;
			b->n--;
		}
		last = (b->first + b->n++) % BUDGET_POINTS;
		b->point[last].at_ns = now_ns;
		b->point[last].cpu_ns = cpu_ns;
	}
	share = (double)(cpu_ns - b->point[b->first].cpu_ns) * 100 / BUDGET_WINDOW_NS;
	if (b->percent <= 0 || share <= b->percent)
		return false;
	*used = share;
	return true;
}

void budget_again(struct budget *b)
{
	b->first = b->n = 0;
}

double budget_default(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	return cpus > 2 ? (double)cpus * 50 : 100;
}
