/* SPDX-License-Identifier: MIT */
/*
 * snap_texts: the texts of a tape that the recorder makes itself, a record per
 * line with fields between tabs, and the kernel log.
 */
#ifndef SKBTAPE_SNAP_TEXTS_H
#define SKBTAPE_SNAP_TEXTS_H

#include "clocks.h"
#include "nl.h"

struct snap_texts;

/* snap_texts_open() - Return: 0, -ENOMEM. Freed by snap_texts_free(). */
int snap_texts_open(struct snap_texts **x, const struct nl_env *env, const struct clocks *c);
void snap_texts_free(struct snap_texts *x);

/* Each reads a whole member and returns how many of its lines it had to skip. */
uint64_t snap_texts_sysctl(struct snap_texts *x, struct span text, const struct snap_at *at);
uint64_t snap_texts_sysfs(struct snap_texts *x, struct span text, const struct snap_at *at);
uint64_t snap_texts_irq(struct snap_texts *x, struct span text, const struct snap_at *at);
uint64_t snap_texts_cgroup_bpf(struct snap_texts *x, struct span text, const struct snap_at *at);
uint64_t snap_texts_cgroups(struct snap_texts *x, struct span text, const struct snap_at *at);
uint64_t snap_texts_missing(struct snap_texts *x, struct span text, const struct snap_at *at);
uint64_t snap_texts_tasks(struct snap_texts *x, struct span text);
uint64_t snap_texts_kmsg(struct snap_texts *x, struct span text);

/* snap_texts_finish() - what was missing, into quality. Return: 0, -ENOMEM. */
int snap_texts_finish(struct snap_texts *x);

#endif
