/* SPDX-License-Identifier: MIT */
/*
 * counters: where every number of the snapshots goes that is read again and
 * again. Rows of _counter come only where a value is new, changed or last; one
 * row of _counter_delta for each counter.
 */
#ifndef SKBTAPE_COUNTERS_H
#define SKBTAPE_COUNTERS_H

#include "db.h"

/* One reading. Texts need to live only until the call returns. */
struct sample {
	const char *source; /* a string constant */
	struct span name;
	struct span dev; /* p == NULL: of no device */
	int cpu;	 /* -1: of no CPU */
	int64_t value;
	bool sparse; /* not kept while 0; when it appears after the first snapshot it grew from 0 */
	bool machine; /* of the whole machine, wherever it was read */
};

/* Where parsers put what they read: counters, or a test's own. */
struct sample_sink {
	void (*put)(struct sample_sink *s, const struct sample *x);
};

struct counters;

/**
 * counters_open() - an empty set
 * @max: bound of the number of counters
 * Return: 0, -ENOMEM. Freed by counters_free().
 */
int counters_open(struct counters **c, struct db *d, size_t max);
void counters_free(struct counters *c);

/**
 * counters_at() - time and place of the samples that follow
 * @netns_id: of table netns, 0: the whole machine
 * @first: whether this is the first snapshot of that place
 */
void counters_at(struct counters *c, int64_t snap_ns, int64_t netns_id, bool first);
/* counters_sink() - for parsers; lives as long as @c. */
struct sample_sink *counters_sink(struct counters *c);
/* counters_from_boot() - there is one snapshot alone: counters grew from 0, at the boot, to what it has. */
void counters_from_boot(struct counters *c);
/* counters_put() - one sample at the present time and place. */
void counters_put(struct counters *c, const struct sample *x);
size_t counters_count(const struct counters *c);

/* counters_finish() - last values and differences. Return: 0, -ENOMEM, or the database's error. */
int counters_finish(struct counters *c);

/* int64_t of what the kernel counts unsigned */
static inline int64_t counter_i64(uint64_t v)
{
	return v > INT64_MAX ? INT64_MAX : (int64_t)v;
}

#endif
