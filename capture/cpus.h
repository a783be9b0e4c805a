/* SPDX-License-Identifier: MIT */
/* cpus: which CPUs there are, Documentation/admin-guide/cputopology.rst. */
#ifndef SKBTAPE_CPUS_H
#define SKBTAPE_CPUS_H

#include "../schema/base.h"

#define CPUS_TEXT 256

/* cpus_possible() - one more than the highest number that a CPU can have here; at least 1. */
int cpus_possible(void);
/* cpus_online() - those that are online now, as a list like "0-3,8". */
void cpus_online(char list[CPUS_TEXT]);
/* cpus_in_list() - whether @cpu is in such a list. */
bool cpus_in_list(const char *list, int cpu);

#endif
