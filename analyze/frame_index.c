/* SPDX-License-Identifier: MIT */
#include "frame_index.h"

#include <errno.h>
#include <stdlib.h>

#define BITS  8
#define WIDTH (1U << BITS)

/* One pass of a radix sort, which keeps the order of equals: numbers of frames by a byte of their key. */
static void pass(const uint32_t *key, const uint32_t *from, uint32_t *to, size_t n, unsigned int shift, const size_t *count)
{
	size_t at[WIDTH];

	at[0] = 0;
	for (size_t i = 1; i < WIDTH; i++)
		at[i] = at[i - 1] + count[i - 1];
	for (size_t i = 0; i < n; i++)
		to[at[key[from[i]] >> shift & (WIDTH - 1)]++] = from[i];
}

/* Sort @order, with @room for as many; the result is in what is returned, one of both. */
static uint32_t *sort(const uint32_t *key, uint32_t *order, uint32_t *room, size_t n)
{
	for (unsigned int shift = 0; shift < 32; shift += BITS) {
		size_t count[WIDTH] = { 0 };
		uint32_t *t;

		for (size_t i = 0; i < n; i++)
			count[key[i] >> shift & (WIDTH - 1)]++;
		if (n && count[key[0] >> shift & (WIDTH - 1)] == n)
			continue; /* all have the same */
		pass(key, order, room, n, shift, count);
		t = order;
		order = room;
		room = t;
	}
	return order;
}

int frame_index_write(struct rows *r, const uint32_t *key, size_t n, bool nulls)
{
	uint32_t *a = calloc(n + 1, sizeof(*a)), *b = calloc(n + 1, sizeof(*b)), *order;
	int rc = a && b ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < n; i++)
		a[i] = (uint32_t)i;
	order = rc ? NULL : sort(key, a, b, n);
	for (size_t i = 0; !rc && i < n; i++) {
		if (!key[order[i]] && !nulls)
			continue;
		rows_begin(r, 0);
		rows_opt(r, key[order[i]], 0);
		rows_int(r, (int64_t)order[i] + 1);
		rc = rows_end(r);
	}
	free(a);
	free(b);
	return rc;
}
