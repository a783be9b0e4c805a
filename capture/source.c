/* SPDX-License-Identifier: MIT */
#include "source.h"
#include "perf.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct source {
	enum backend backend;
	/* one of them */
	struct trace *trace;
	struct perf *perf;
};

static const char *const names[] = {
	[BACKEND_AUTO] = "auto",
	[BACKEND_TRACEFS] = "tracefs",
	[BACKEND_PERF] = "perf",
};

static_assert(ARRAY_SIZE(names) == BACKEND_COUNT, "one name for each backend");

int backend_parse(const char *name, enum backend *b)
{
	for (unsigned int i = 0; i < BACKEND_COUNT; i++) {
		if (!strcmp(name, names[i])) {
			*b = (enum backend)i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *backend_name(enum backend b)
{
	return names[b];
}

int source_open(struct source **out, enum backend b, enum trace_profile p, uint64_t buffer_bytes,
		const char *formats, struct err *e)
{
	struct source *s = calloc(1, sizeof(*s));
	struct err not_trace = { "" }, not_perf = { "" };
	int rc = -ENOMEM;

	if (!s)
		return err_set(e, rc, "no memory for a source of trace events");
	if (b != BACKEND_PERF) {
		s->backend = BACKEND_TRACEFS;
		rc = trace_open(&s->trace, p, buffer_bytes, &not_trace);
	}
	if (b != BACKEND_TRACEFS && rc) {
		s->backend = BACKEND_PERF;
		rc = perf_open(&s->perf, p, buffer_bytes, formats, &not_perf);
	}
	if (!rc) {
		*out = s;
		return 0;
	}
	free(s);
	if (b == BACKEND_AUTO)
		return err_set(e, rc, "%.480s; perf cannot take its place: %.480s", not_trace.text,
			       not_perf.text);
	return err_set(e, rc, "%s", b == BACKEND_PERF ? not_perf.text : not_trace.text);
}

enum backend source_backend(const struct source *s)
{
	return s->backend;
}

const char *source_clock_name(const struct source *s)
{
	return s->trace ? trace_clock_name(s->trace) : "mono";
}

uint32_t source_page_bytes(const struct source *s)
{
	return s->trace ? trace_page_bytes(s->trace) : 0;
}

uint64_t source_buffer_bytes(const struct source *s)
{
	return s->trace ? trace_buffer_bytes(s->trace) : perf_buffer_bytes(s->perf);
}

int source_arm(struct source *s, struct tape_writer *w, struct err *e)
{
	return s->trace ? trace_arm(s->trace, w, e) : perf_arm(s->perf, w, e);
}

int source_run(struct source *s)
{
	return s->trace ? trace_run(s->trace) : perf_run(s->perf);
}

void source_stop(struct source *s)
{
	if (s->trace)
		trace_stop(s->trace);
	else
		perf_stop(s->perf);
}

size_t source_lower(struct source *s, enum trace_profile p, struct buf *off)
{
	return s->trace ? trace_lower(s->trace, p, off) : perf_lower(s->perf, p, off);
}

void source_totals(const struct source *s, struct trace_totals *x)
{
	if (s->trace)
		trace_totals(s->trace, x);
	else
		perf_totals(s->perf, x);
}

int source_close(struct source *s, struct err *e)
{
	int rc;

	if (!s)
		return 0;
	rc = trace_close(s->trace, e);
	perf_close(s->perf);
	free(s);
	return rc;
}
