/* SPDX-License-Identifier: MIT */
/*
 * track: a Perfetto trace of track events. Tracks form a tree; slices and instants stand on them with arguments, and
 * flows join slices by arrows.
 */
#ifndef SKBTAPE_TRACK_H
#define SKBTAPE_TRACK_H

#include "../schema/base.h"
#include <stdio.h>

struct tracks;

/**
 * tracks_open() - begin a trace
 * @start_ns: CLOCK_REALTIME of its begin; all times of events are of that clock
 * Return: 0, -ENOMEM. Freed by tracks_close().
 */
int tracks_open(struct tracks **out, FILE *f, int64_t start_ns);
/* tracks_close() - Return: 0, -ENOMEM, -EIO: the first error of writing. */
int tracks_close(struct tracks *t);

/**
 * track_add() - a track
 * @parent: 0: none
 * @rank:   its place among its siblings; those of one name and parent are shown as one
 * @unit:   NULL: of slices; else of a counter, in that unit
 * Return: its number.
 */
uint64_t track_add(struct tracks *t, uint64_t parent, const char *name, int rank, const char *unit);

/*
 * An event: one of these, then its arguments and flows, then track_event_end(). Slices of one track must be written in
 * the order of their begins, each one ended before the next that does not lie in it.
 */
void track_slice(struct tracks *t, uint64_t track, int64_t ts_ns, const char *name);
void track_instant(struct tracks *t, uint64_t track, int64_t ts_ns, const char *name);
/* track_slice_no() - a slice with a name of its own, "@name @no" */
void track_slice_no(struct tracks *t, uint64_t track, int64_t ts_ns, const char *name, int64_t no);
void track_int(struct tracks *t, const char *key, int64_t v);
void track_real(struct tracks *t, const char *key, double v);
void track_text(struct tracks *t, const char *key, const char *v);
/* track_flow() - an arrow from the event of that number before it in time, and to the next one */
void track_flow(struct tracks *t, uint64_t id);
void track_event_end(struct tracks *t);

/* track_slice_end() - end the innermost open slice of a track. */
void track_slice_end(struct tracks *t, uint64_t track, int64_t ts_ns);
/* track_counter() - a value of a counter, until the next one. */
void track_counter(struct tracks *t, uint64_t track, int64_t ts_ns, double v);

#endif
