/* SPDX-License-Identifier: MIT */
/* source: where trace events come from: a tracefs instance (trace.c) or perf's ring buffers
 * (perf.c). */
#ifndef SKBTAPE_SOURCE_H
#define SKBTAPE_SOURCE_H

#include "trace.h"

enum backend { BACKEND_AUTO, BACKEND_TRACEFS, BACKEND_PERF, BACKEND_COUNT };

/* backend_parse() - by name. Return: 0, -EINVAL. */
int backend_parse(const char *name, enum backend *b);
const char *backend_name(enum backend b);

struct source;

/**
 * source_open() - open a source of trace events, all of them off
 * @b:	     BACKEND_AUTO: tracefs, and perf where that cannot be had
 * @formats: see perf_open(); NULL: the event formats are read from tracefs
 * The rest, and those below, as the functions of trace.h.
 * Return: 0; -errno: the message says what is missing, of each backend that was tried.
 */
int source_open(struct source **s, enum backend b, enum trace_profile p, uint64_t buffer_bytes,
		const char *formats, struct err *e);
/* source_backend() - BACKEND_TRACEFS or BACKEND_PERF. */
enum backend source_backend(const struct source *s);
const char *source_clock_name(const struct source *s);
/* source_page_bytes() - 0: it does not come in pages. */
uint32_t source_page_bytes(const struct source *s);
uint64_t source_buffer_bytes(const struct source *s);
int source_arm(struct source *s, struct tape_writer *w, struct err *e);
int source_run(struct source *s);
void source_stop(struct source *s);
size_t source_lower(struct source *s, enum trace_profile p, struct buf *off);
void source_totals(const struct source *s, struct trace_totals *x);
int source_close(struct source *s, struct err *e);

#endif
