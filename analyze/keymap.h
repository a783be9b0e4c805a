/* SPDX-License-Identifier: MIT */
/*
 * keymap: a bounded map from a fixed-size key to an item that starts with it.
 * Items stand in one array in the order in which they came, so that a walk over
 * them gives the same result for the same tape; an index of open addressing
 * finds them. An item's padding is zero, and so must the key's be.
 */
#ifndef SKBTAPE_KEYMAP_H
#define SKBTAPE_KEYMAP_H

#include "../schema/base.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct keymap {
	size_t key_bytes;  /* a multiple of 8 */
	size_t item_bytes; /* key included */
	size_t max;	   /* no more items than this */
	uint8_t *items;
	size_t count, cap;
	uint32_t *slot;	  /* 0: empty, else index of the item plus 1 */
	size_t slots;	  /* a power of two */
	uint64_t refused; /* new keys that found no room */
	bool nomem;
};

/* The multiply-and-fold step of wyhash-like mixers; the constants are odd and arbitrary. */
static inline uint64_t keymap_mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15ULL;
	return h ^ h >> 29;
}

static inline uint64_t keymap_hash(const void *key, size_t n)
{
	uint64_t h = 0x51ed270b0a1f39c1ULL, v;

	for (size_t i = 0; i + 8 <= n; i += 8) {
		memcpy(&v, (const uint8_t *)key + i, 8);
		h = keymap_mix(h, v);
	}
	return keymap_mix(h, n);
}

/* keymap_text() - 64 bits that stand for a text inside a key */
static inline uint64_t keymap_text(struct span s)
{
	uint64_t h = 0xcbf29ce484222325ULL; /* FNV-1a */

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (uint8_t)s.p[i]) * 0x100000001b3ULL;
	return h;
}

static inline void keymap_init(struct keymap *m, size_t key_bytes, size_t item_bytes, size_t max)
{
	*m = (struct keymap){ .key_bytes = key_bytes, .item_bytes = item_bytes, .max = max };
}

static inline void keymap_free(struct keymap *m)
{
	free(m->items);
	free(m->slot);
	m->items = NULL;
	m->slot = NULL;
	m->count = m->cap = m->slots = 0;
}

static inline void *keymap_at(const struct keymap *m, size_t i)
{
	return m->items + i * m->item_bytes;
}

/* Slot of @key: where it is, or the empty one where it would go. */
static inline size_t keymap_slot(const struct keymap *m, const void *key)
{
	size_t k = keymap_hash(key, m->key_bytes) & (m->slots - 1);

	while (m->slot[k] && memcmp(keymap_at(m, m->slot[k] - 1), key, m->key_bytes))
		k = (k + 1) & (m->slots - 1);
	return k;
}

static inline void *keymap_find(const struct keymap *m, const void *key)
{
	size_t k = m->slots ? keymap_slot(m, key) : 0;

	return m->slots && m->slot[k] ? keymap_at(m, m->slot[k] - 1) : NULL;
}

static inline int keymap_grow(struct keymap *m)
{
	if (m->count == m->cap) {
		size_t cap = m->cap ? m->cap * 2 : 64;
		void *p = realloc(m->items, cap * m->item_bytes);

		if (!p)
			return -ENOMEM;
		m->items = p;
		m->cap = cap;
	}
	if (m->count * 4 >= m->slots * 3) {
		size_t slots = m->slots ? m->slots * 2 : 128;
		uint32_t *slot = calloc(slots, sizeof(*slot));

		if (!slot)
			return -ENOMEM;
		free(m->slot);
		m->slot = slot;
		m->slots = slots;
		for (size_t i = 0; i < m->count; i++)
			m->slot[keymap_slot(m, keymap_at(m, i))] = (uint32_t)i + 1;
	}
	return 0;
}

/**
 * keymap_get() - the item of @key, a new zeroed one where there is none
 * @fresh: set to whether it is new
 * Return: the item, valid until the next new one; NULL when the map is full
 * (counted in refused) or memory is out (nomem is set).
 */
static inline void *keymap_get(struct keymap *m, const void *key, bool *fresh)
{
	uint8_t *item = keymap_find(m, key);

	*fresh = !item;
	if (item)
		return item;
	if (m->count >= m->max) {
		m->refused++;
		return NULL;
	}
	if (keymap_grow(m)) {
		m->nomem = true;
		return NULL;
	}
	item = keymap_at(m, m->count);
	memset(item, 0, m->item_bytes);
	memcpy(item, key, m->key_bytes);
	m->slot[keymap_slot(m, key)] = (uint32_t)++m->count;
	return item;
}

#endif
