/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * A histogram's values below HIST_SUB have a bucket each; above, the leading bit
 * chooses a page and the HIST_SUB_BITS behind it a bucket. Times of one kind lie
 * within a few powers of two, so most of a page's neighbours are never made.
 *
 * A set is a table of open addressing over an array of series, both of which
 * double up to the bound.
 */
#include "series.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct series_set {
	struct series **slot; /* a power of two, at most half of it used */
	size_t slots, n, max;
	struct series **sorted;
	struct series *last; /* most values follow one of the same key */
	uint64_t left_out;
};

static size_t bucket_of(uint64_t v)
{
	unsigned int shift;

	if (v < HIST_SUB)
		return v;
	shift = 63 - (unsigned int)__builtin_clzll(v) - HIST_SUB_BITS;
	return (size_t)(shift + 1) * HIST_SUB + ((v >> shift) & (HIST_SUB - 1));
}

/* Middle of a bucket. */
static uint64_t bucket_value(size_t page, size_t i)
{
	unsigned int shift;

	if (!page)
		return i;
	shift = (unsigned int)page - 1;
	return ((uint64_t)(HIST_SUB + i) << shift) + ((1ULL << shift) >> 1);
}

int hist_add(struct hist *h, uint64_t ns)
{
	uint32_t **page;
	size_t i;

	if (ns > INT64_MAX)
		ns = INT64_MAX;
	i = bucket_of(ns);
	page = &h->page[i / HIST_SUB];
	if (!*page) {
		*page = calloc(HIST_SUB, sizeof(**page));
		if (!*page)
			return -ENOMEM;
	}
	if ((*page)[i % HIST_SUB] < UINT32_MAX)
		(*page)[i % HIST_SUB]++;
	h->count++;
	h->sum += ns;
	if (ns > h->max)
		h->max = ns;
	return 0;
}

uint64_t hist_at(const struct hist *h, unsigned int permille)
{
	uint64_t want = h->count / 1000 * permille + (h->count % 1000 * permille + 999) / 1000;
	uint64_t seen = 0, v;

	for (size_t p = 0; p < HIST_PAGES; p++) {
		for (size_t i = 0; h->page[p] && i < HIST_SUB; i++) {
			seen += h->page[p][i];
			if (seen >= want) {
				v = bucket_value(p, i);
				return v < h->max ? v : h->max;
			}
		}
	}
	return h->max;
}

/* The step of a value: its two bits behind the leading one. Below 4 each value has one. */
static void step_of(uint64_t v, struct hist_step *s)
{
	unsigned int shift = v < 4 ? 0 : 61 - (unsigned int)__builtin_clzll(v);

	s->from = v >> shift << shift;
	s->to = s->from + (1ULL << shift);
	if (s->to > INT64_MAX)
		s->to = INT64_MAX;
}

size_t hist_steps(const struct hist *h, struct hist_step out[HIST_STEPS])
{
	size_t n = 0;

	for (size_t p = 0; p < HIST_PAGES; p++) {
		for (size_t i = 0; h->page[p] && i < HIST_SUB; i++) {
			struct hist_step s = { 0 };

			if (!h->page[p][i])
				continue;
			step_of(p ? (uint64_t)(HIST_SUB + i) << (p - 1) : i, &s);
			if (!n || out[n - 1].from != s.from)
				out[n++] = s;
			out[n - 1].count += h->page[p][i];
		}
	}
	return n;
}

bool hist_next(const struct hist *h, size_t *at, uint64_t *ns, uint64_t *count)
{
	for (; *at < (size_t)HIST_PAGES * HIST_SUB; ++*at) {
		size_t p = *at / HIST_SUB, i = *at % HIST_SUB;

		if (!h->page[p] || !h->page[p][i])
			continue;
		*ns = *at == bucket_of(h->max) ? h->max : bucket_value(p, i);
		*count = h->page[p][i];
		++*at;
		return true;
	}
	return false;
}

void hist_free(struct hist *h)
{
	for (size_t i = 0; i < HIST_PAGES; i++)
		free(h->page[i]);
}

int series_open(struct series_set **out, size_t max)
{
	struct series_set *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->max = max;
	s->slots = 64;
	s->slot = calloc(s->slots, sizeof(struct series *));
	if (!s->slot) {
		free(s);
		return -ENOMEM;
	}
	*out = s;
	return 0;
}

void series_close(struct series_set *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->slots; i++) {
		if (s->slot[i])
			hist_free(&s->slot[i]->h);
		free(s->slot[i]);
	}
	free(s->slot);
	free(s->sorted);
	free(s);
}

static size_t slot_of(struct series *const *slot, size_t slots, uint64_t key)
{
	size_t i = (size_t)(key * 0x9e3779b97f4a7c15ULL >> 32) & (slots - 1);

	while (slot[i] && slot[i]->key != key)
		i = (i + 1) & (slots - 1);
	return i;
}

static int set_grow(struct series_set *s)
{
	struct series **v = calloc(s->slots * 2, sizeof(struct series *));

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < s->slots; i++)
		if (s->slot[i])
			v[slot_of(v, s->slots * 2, s->slot[i]->key)] = s->slot[i];
	free(s->slot);
	s->slot = v;
	s->slots *= 2;
	return 0;
}

int series_get(struct series_set *s, uint64_t key, struct series **out)
{
	struct series *x = s->last;
	size_t i;

	if (x && x->key == key) {
		*out = x;
		return 0;
	}
	i = slot_of(s->slot, s->slots, key);
	if (!s->slot[i]) {
		*out = NULL;
		if (s->n >= s->max)
			return 0;
		if (s->n >= s->slots / 2) {
			if (set_grow(s))
				return -ENOMEM;
			i = slot_of(s->slot, s->slots, key);
		}
		s->slot[i] = calloc(1, sizeof(*x));
		if (!s->slot[i])
			return -ENOMEM;
		s->slot[i]->key = key;
		s->n++;
	}
	*out = s->last = s->slot[i];
	return 0;
}

int series_add(struct series_set *s, uint64_t key, uint64_t ns)
{
	struct series *x;
	int rc = series_get(s, key, &x);

	if (rc)
		return rc;
	if (!x) {
		s->left_out++;
		return 0;
	}
	return hist_add(&x->h, ns);
}

uint64_t series_left_out(const struct series_set *s)
{
	return s->left_out;
}

static int by_key(const void *a, const void *b)
{
	const struct series *x = *(struct series *const *)a, *y = *(struct series *const *)b;

	return (x->key > y->key) - (x->key < y->key);
}

struct series *const *series_sorted(struct series_set *s, size_t *n)
{
	size_t k = 0;

	*n = 0;
	free(s->sorted);
	s->sorted = s->n ? calloc(s->n, sizeof(struct series *)) : NULL;
	if (!s->sorted)
		return NULL;
	for (size_t i = 0; i < s->slots; i++)
		if (s->slot[i])
			s->sorted[k++] = s->slot[i];
	qsort(s->sorted, k, sizeof(struct series *), by_key);
	*n = k;
	return s->sorted;
}
