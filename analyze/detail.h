/* SPDX-License-Identifier: MIT */
/* detail: what the recorder turned off while it ran, because it took too much of the CPU (detail/SEQ). */
#ifndef SKBTAPE_DETAIL_H
#define SKBTAPE_DETAIL_H

#include "clocks.h"

#define DETAIL_MAX 8

/* What is gone from then on. Each includes those before it. */
enum detail_level {
	DETAIL_ALL,
	DETAIL_NO_SCHED, /* scheduling, softirqs, NAPI: as with -e path */
	DETAIL_NO_PCAP,	 /* frames */
	DETAIL_DROPS,	 /* packets' ways: as with -e drops */
};

struct detail_step {
	int64_t mono_ns, at_ns; /* at_ns: CLOCK_REALTIME */
	enum detail_level level;
	char used[16], limit[16]; /* percent of a CPU */
	char *events;		  /* that were turned off: "SYSTEM:EVENT", blanks between them */
};

struct detail {
	struct detail_step step[DETAIL_MAX]; /* by time */
	size_t n;
};

/* detail_load() - the steps that a tape tells of. Return: 0, -ENOMEM, or the tape's error. */
int detail_load(struct detail *x, struct tape *t, const struct clocks *c, struct err *e);
void detail_free(struct detail *x);

/* detail_off() - whether the step turned that event off. */
bool detail_off(const struct detail_step *s, const char *system, const char *event);

/* detail_name() - as the tape names it. detail_lacks() - what is gone, in words. Of the levels that are steps. */
const char *detail_name(enum detail_level level);
const char *detail_lacks(enum detail_level level);

#endif
