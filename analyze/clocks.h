/* SPDX-License-Identifier: MIT */
/*
 * clocks: from the trace clock (mono or boot) of a tape to the timeline of the database: CLOCK_REALTIME as it
 * ran at the begin, without steps; by the paired readings in clock/SEQ.
 */
#ifndef SKBTAPE_CLOCKS_H
#define SKBTAPE_CLOCKS_H

#include "tape_read.h"

struct clocks;

/**
 * clocks_load() - read all pairings of a tape
 * Return: 0 (also with no pairing at all: clocks_error_ns() is then INT64_MAX and the
 * offset that of tape.json), -ENOMEM.
 */
int clocks_load(struct clocks **c, struct tape *t, struct err *e);
void clocks_free(struct clocks *c);

/* clocks_mono_real() - CLOCK_MONOTONIC ns to the timeline, ns. */
int64_t clocks_mono_real(const struct clocks *c, int64_t mono_ns);
/* clocks_trace_real() - trace clock (tape.json's trace_clock) ns to the timeline, ns. */
int64_t clocks_trace_real(const struct clocks *c, uint64_t trace_ns);
/*
 * clocks_stamp() - a time that the kernel read from CLOCK_REALTIME itself, on the timeline of the others: around
 * a step it is not known which of them came before. Return: @real_ns where there was no step.
 */
int64_t clocks_stamp(const struct clocks *c, int64_t real_ns);
/* clocks_error_ns() - half of the widest window plus the largest residual of the pairings in use (the narrow ones of each
 * stretch between two steps). */
int64_t clocks_error_ns(const struct clocks *c);
/* clocks_step() - the @i-th detected step of CLOCK_REALTIME, in order; its time is the middle between the two pairings
 * around it. Return: false when there is none. */
bool clocks_step(const struct clocks *c, size_t i, int64_t *mono_ns, int64_t *step_ns);
size_t clocks_count(const struct clocks *c); /* pairings read */

#endif
