/* SPDX-License-Identifier: MIT */
/*
 * spans: what the CPUs did around the packets: tables softirq, irq, napi_poll,
 * wakeup, _woken and run, and the latencies from raise to run and from waking to run.
 */
#ifndef SKBTAPE_SPANS_H
#define SKBTAPE_SPANS_H

#include "db.h"
#include "trace.h"

struct spans;

/* spans_open() - Return: 0, -ENOMEM. */
int spans_open(struct spans **s, struct db *d, const struct trace *t, struct err *e);
/* spans_event() - every event of the merged stream, EV_LOST too. Return: 0, -ENOMEM, or the
 * database's error. */
int spans_event(struct spans *s, const struct event *ev);
/* spans_ready() - a socket was told of a packet: the next task that is woken on that CPU right behind waited for it. */
void spans_ready(struct spans *s, int cpu, int64_t ts_ns, int64_t packet_id);
/* spans_lowered() - behind an EV_LOST that says so: what @t no longer has is not waited for. */
void spans_lowered(struct spans *s, const struct trace *t);
/* spans_finish() - write what is still open. */
int spans_finish(struct spans *s);
void spans_close(struct spans *s);

#endif
