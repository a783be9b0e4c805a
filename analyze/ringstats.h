/* SPDX-License-Identifier: MIT */
/*
 * ringstats: what the kernel says of its ring buffers (ftrace/stats/SEQ; of perf's perf/stats/SEQ): how
 * many events there were, how many it lost, on which CPU and between which polls.
 */
#ifndef SKBTAPE_RINGSTATS_H
#define SKBTAPE_RINGSTATS_H

#include "clocks.h"
#include "db.h"
#include "trace.h"

/**
 * ringstats_load() - facts events_recorded and events_lost, and a quality row for each stretch of loss
 * @seen: what the pages gave; of a file of another program, fewer events than the kernel counted, without a word of the pages, are damage
 * events_recorded counts what was written to the buffers since the recorder's were armed, lost ones included:
 * "read events" + "entries" + "overrun" + "commit overrun" + "dropped events"
 * of the last poll; on a cut tape, which lacks that, at least what the pages hold.
 * Return: 0, -ENOMEM, -EIO.
 */
int ringstats_load(struct tape *t, struct db *d, const struct clocks *c, const struct trace_state *seen, struct err *e);

#endif
