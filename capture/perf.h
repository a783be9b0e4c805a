/* SPDX-License-Identifier: MIT */
/*
 * perf: the same tracepoints as trace.h, through perf's ring buffers, for where no
 * tracing instance can be made: an ordinary container, a user with CAP_PERFMON alone.
 */
#ifndef SKBTAPE_PERF_H
#define SKBTAPE_PERF_H

#include "trace.h"

struct perf;

/**
 * perf_open() - find the event formats, make a ring for each CPU that is online
 * @buffer_bytes: per CPU, rounded up to a power of two; 0: chosen from free memory
 * @formats: NULL: tracefs, which must be readable; else a folder that holds a copy of its folder
 * "events" and of /proc/sys/kernel/random/boot_id: the numbers of events are those of one boot
 *
 * Return: 0; -EACCES, -ENOENT, -ESTALE (formats of another boot) ... with what is missing and how
 * to get it.
 */
int perf_open(struct perf **p, enum trace_profile profile, uint64_t buffer_bytes,
	      const char *formats, struct err *e);
uint64_t perf_buffer_bytes(const struct perf *p); /* per CPU */
/* perf_arm() - open the profile's events on each CPU, formats and filters to the tape, then all on.
 * What cannot be opened is noted in quality. Return: 0, -errno. */
int perf_arm(struct perf *p, struct tape_writer *w, struct err *e);
/* perf_lower() - as trace_lower() */
size_t perf_lower(struct perf *p, enum trace_profile to, struct buf *off);
/* perf_run(), perf_stop(), perf_totals() - as those of trace.h; what a full ring lost counts as
 * overrun, what the kernel counted but never handed out as dropped. */
int perf_run(struct perf *p);
void perf_stop(struct perf *p);
void perf_totals(const struct perf *p, struct trace_totals *x);
void perf_close(struct perf *p);

/* perf_permitted() - for doctor: whether perf_event_open(2) would record a tracepoint, whatever can be
 * read of them. Return: 0; -EACCES, -EPERM, -ENOSYS ... with what is missing. */
int perf_permitted(struct err *e);
/* perf_allowed() - for doctor: whether perf_open() with @formats would succeed. Return: as that. */
int perf_allowed(const char *formats, struct err *e);

#endif
