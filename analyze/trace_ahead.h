/* SPDX-License-Identifier: MIT */
/* trace_ahead: a stream of events that is decoded in a thread of its own, while its reader uses the ones before. */
#ifndef SKBTAPE_TRACE_AHEAD_H
#define SKBTAPE_TRACE_AHEAD_H

#include "trace.h"

struct trace_ahead;

/* trace_ahead_open() - @next: as trace_next(), called from the thread alone until the end or trace_ahead_close(). Return: NULL where there
 * can be no thread. */
struct trace_ahead *trace_ahead_open(int (*next)(struct trace *t, struct event *ev, struct err *e), struct trace *t);
/* trace_ahead_next() - as trace_next(). Once it has returned 0 or an error, the thread has ended. */
int trace_ahead_next(struct trace_ahead *a, struct event *ev, struct err *e);
void trace_ahead_close(struct trace_ahead *a);

#endif
