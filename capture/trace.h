/* SPDX-License-Identifier: MIT */
/*
 * trace: our own tracefs instance: made, armed, drained, counted, removed.
 */
#ifndef SKBTAPE_CAPTURE_TRACE_H
#define SKBTAPE_CAPTURE_TRACE_H

#include "tape_write.h"

enum trace_profile { PROFILE_DROPS, PROFILE_PATH, PROFILE_STANDARD, PROFILE_FULL, PROFILE_COUNT };

/* trace_profile_parse() - by name. Return: 0, -EINVAL. */
int trace_profile_parse(const char *name, enum trace_profile *p);
const char *trace_profile_name(enum trace_profile p);

struct trace_totals {
	uint64_t read; /* the kernel's "read events", all CPUs */
	uint64_t overrun, commit_overrun, dropped;
	uint64_t pages; /* written */
};

struct trace;

/**
 * trace_open() - find tracefs, remove instances of recorders that are gone, make ours
 * @buffer_bytes: per CPU; 0: chosen from free memory
 *
 * tracefs is taken where it is mounted, else reached through a private mount that
 * no one else sees (fsopen(2)). An instance skbtape-PID is stale when no recorder holds the lock on
 * it any more; see instance.c. Call it before any thread is started.
 * Return: 0; -EPERM, -ENOENT ... with what is missing and how to get it.
 */
int trace_open(struct trace **t, enum trace_profile p, uint64_t buffer_bytes, struct err *e);
/* What tape.json needs to know. */
const char *trace_clock_name(const struct trace *t); /* "mono" or "boot" */
uint32_t trace_page_bytes(const struct trace *t);
uint64_t trace_buffer_bytes(const struct trace *t); /* per CPU */

/* trace_arm() - formats, filters and the first stats to the tape, then the events on. Events of the
 * profile that this kernel does not have are noted in quality. Return: 0, -errno. */
int trace_arm(struct trace *t, struct tape_writer *w, struct err *e);
/* trace_run() - the thread's body: drain all CPUs until trace_stop(), poll the stats, write
 * anchors; then stop tracing and take the tail. Return: 0, or the tape writer's error. */
int trace_run(struct trace *t);
/* trace_stop() - ask trace_run() to end. Async-signal-safe. */
void trace_stop(struct trace *t);
/**
 * trace_lower() - turn off all events that profile @p does not have, while trace_run() goes on
 * @off: gets their names, "SYSTEM:EVENT", blanks between them
 * Return: how many.
 */
size_t trace_lower(struct trace *t, enum trace_profile p, struct buf *off);
void trace_totals(const struct trace *t, struct trace_totals *x);
/* trace_close() - remove the instance; also after a failure half-way. Return: 0; -EBUSY when
 * something else still reads in it, with the message. */
int trace_close(struct trace *t, struct err *e);

/* trace_remove_stale() - remove what dead recorders left. Return: number removed, or -errno. */
int trace_remove_stale(struct err *e);

/* For doctor, too. */
/* trace_memory_available() - bytes, MemAvailable of /proc/meminfo; 0: not known. */
uint64_t trace_memory_available(void);
/* trace_buffer_choose() - bytes per CPU that trace_open() takes when it is not told. */
uint64_t trace_buffer_choose(void);

#endif
