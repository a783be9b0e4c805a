/* SPDX-License-Identifier: MIT */
/*
 * series: histograms of times, and sets of them by key, in bounded memory.
 */
#ifndef SKBTAPE_SERIES_H
#define SKBTAPE_SERIES_H

#include "../schema/base.h"

#define HIST_SUB_BITS 7 /* steps per power of two: a percentile is off by less than 1 % */
#define HIST_SUB      (1U << HIST_SUB_BITS)
#define HIST_PAGES    (64 - HIST_SUB_BITS + 1)

/* Log-linear: a page per power of two, there when a value fell into it. Zero-initialised. */
struct hist {
	uint64_t count, max, sum;
	uint32_t *page[HIST_PAGES]; /* HIST_SUB each */
};

/* hist_add() - one value; beyond INT64_MAX it counts as that. Return: 0, -ENOMEM. */
int hist_add(struct hist *h, uint64_t ns);
/* hist_at() - the smallest value that at least @permille of the values do not exceed, to within
 * 1 %. 0 where there is none. */
uint64_t hist_at(const struct hist *h, unsigned int permille);

/* What fell between two times, four steps per power of two. */
struct hist_step {
	uint64_t from, to; /* ns; to is the next step's from */
	uint64_t count;
};

#define HIST_STEPS 256

/* hist_steps() - the steps that hold a value, in order. Return: how many, at most HIST_STEPS. */
size_t hist_steps(const struct hist *h, struct hist_step out[HIST_STEPS]);
/* hist_next() - the values one by one, to within 1 %, the largest exactly. @at: 0 at first. Return: false at the end. */
bool hist_next(const struct hist *h, size_t *at, uint64_t *ns, uint64_t *count);
void hist_free(struct hist *h);

/* A histogram with a key, and what else its owner counts. */
struct series {
	uint64_t key;
	uint64_t extra[4];
	struct hist h;
};

struct series_set;

/* series_open() - @max: how many keys are kept. Return: 0, -ENOMEM. Freed by series_close(). */
int series_open(struct series_set **s, size_t max);
void series_close(struct series_set *s);

/* series_get() - the series of @key, made when new. Return: 0, with *@out NULL when there are
 * already as many as may be; -ENOMEM. */
int series_get(struct series_set *s, uint64_t key, struct series **out);
/* series_add() - one value of @key; counted as left out where there is no room. Return: 0,
 * -ENOMEM. */
int series_add(struct series_set *s, uint64_t key, uint64_t ns);
/* series_left_out() - how many values had no room. */
uint64_t series_left_out(const struct series_set *s);
/* series_sorted() - all of them by key; valid until the next series_get(). Return: NULL when out of
 * memory, or there is none. */
struct series *const *series_sorted(struct series_set *s, size_t *n);

#endif
