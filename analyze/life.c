/* SPDX-License-Identifier: MIT */
#include "life.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Hops of one life that are kept. A packet that a driver refuses again and again makes two per try.
 */
#define HOPS_MAX 1024
/* Open lives. Kernels hold far fewer skbs; a made-up trace could name a new address with every
 * event. */
#define LIVES_MAX (1U << 20)

#define HOPS_PER_BLOCK	6
#define BLOCKS_PER_SLAB 512
#define LIVES_PER_SLAB	512

struct hop_block {
	struct hop_block *next;
	uint32_t n;
	struct hop v[HOPS_PER_BLOCK];
};

/* Memory comes in slabs and goes back all at once. */
struct slab {
	struct slab *next;
	union {
		struct life lives[LIVES_PER_SLAB];
		struct hop_block blocks[BLOCKS_PER_SLAB];
	} u;
};

struct life_store {
	struct db *db;
	struct delays *delays;
	struct life_dev *const *devs;
	struct life **bucket; /* a power of two */
	size_t bucket_n, count;
	struct life *newest, *oldest;
	struct life *free_lives;
	struct hop_block *free_blocks;
	struct slab *slabs;
	int64_t last_id;
	sqlite3_stmt *ins_packet, *ins_hop;
};

int life_open(struct life_store **out, struct db *db, struct life_dev *const *devs)
{
	struct life_store *s = calloc(1, sizeof(*s));
	sqlite3_stmt *st;

	if (!s)
		return -ENOMEM;
	s->db = db;
	s->devs = devs;
	s->bucket_n = 4096;
	s->bucket = calloc(s->bucket_n, sizeof(struct life *));
	if (!s->bucket || delays_open(&s->delays, db, true)) {
		life_close(s);
		return -ENOMEM;
	}
	s->ins_packet = db_prepare(
		db, "INSERT INTO _packet(id, first_ns, last_ns, kind, netns_in_id, netns_out_id, "
		    "dev_in_id, dev_out_id, len_bytes, protocol, outcome, drop_id, cpu_hops, "
		    "parent_id, link, flags, confidence) "
		    "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	s->ins_hop = db_prepare(
		db, "INSERT INTO _hop(packet_id, seq, ts_ns, stage, cpu, dev_id, context, pid, "
		    "confidence) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)");
	st = db_prepare(db, "INSERT INTO _stage(id, name) VALUES(?, ?)");
	for (int i = STAGE_NONE + 1; i < STAGE_COUNT; i++) {
		db_bind_int(st, 1, i);
		db_bind_text(st, 2, stage_name((enum stage)i));
		db_run(db, st);
	}
	*out = s;
	return 0;
}

void life_close(struct life_store *s)
{
	struct slab *next;

	if (!s)
		return;
	for (struct slab *b = s->slabs; b; b = next) {
		next = b->next;
		free(b);
	}
	delays_close(s->delays);
	free(s->bucket);
	free(s);
}

static struct slab *slab_add(struct life_store *s)
{
	struct slab *b = calloc(1, sizeof(*b));

	if (b) {
		b->next = s->slabs;
		s->slabs = b;
	}
	return b;
}

static struct life *life_alloc(struct life_store *s)
{
	struct life *l = s->free_lives;

	if (!l) {
		struct slab *b = slab_add(s);

		if (!b)
			return NULL;
		for (size_t i = 0; i < LIVES_PER_SLAB; i++) {
			b->u.lives[i].chain = s->free_lives;
			s->free_lives = &b->u.lives[i];
		}
		l = s->free_lives;
	}
	s->free_lives = l->chain;
	return l;
}

static struct hop_block *block_alloc(struct life_store *s)
{
	struct hop_block *h = s->free_blocks;

	if (!h) {
		struct slab *b = slab_add(s);

		if (!b)
			return NULL;
		for (size_t i = 0; i < BLOCKS_PER_SLAB; i++) {
			b->u.blocks[i].next = s->free_blocks;
			s->free_blocks = &b->u.blocks[i];
		}
		h = s->free_blocks;
	}
	s->free_blocks = h->next;
	h->next = NULL;
	h->n = 0;
	return h;
}

/* skbs lie 256 bytes apart in pages: the low bits tell nothing. */
static size_t bucket_of(uint64_t addr, size_t n)
{
	return (size_t)((addr * 0x9e3779b97f4a7c15ULL) >> 32) & (n - 1);
}

static void buckets_grow(struct life_store *s)
{
	size_t n = s->bucket_n * 2;
	struct life **v = calloc(n, sizeof(struct life *));

	if (!v)
		return; /* slower, not wrong */
	for (size_t i = 0; i < s->bucket_n; i++) {
		struct life *next;

		for (struct life *l = s->bucket[i]; l; l = next) {
			size_t k = bucket_of(l->addr, n);

			next = l->chain;
			l->chain = v[k];
			v[k] = l;
		}
	}
	free(s->bucket);
	s->bucket = v;
	s->bucket_n = n;
}

struct life *life_find(const struct life_store *s, uint64_t addr)
{
	struct life *l = s->bucket[bucket_of(addr, s->bucket_n)];

	while (l && l->addr != addr)
		l = l->chain;
	return l;
}

static void order_remove(struct life_store *s, struct life *l)
{
	*(l->newer ? &l->newer->older : &s->newest) = l->older;
	*(l->older ? &l->older->newer : &s->oldest) = l->newer;
}

static void order_add(struct life_store *s, struct life *l)
{
	l->newer = NULL;
	l->older = s->newest;
	*(s->newest ? &s->newest->newer : &s->oldest) = l;
	s->newest = l;
}

void life_touch(struct life_store *s, struct life *l)
{
	if (s->newest == l || l->state == LIFE_DEAD)
		return;
	order_remove(s, l);
	order_add(s, l);
}

struct life *life_new(struct life_store *s, uint64_t addr)
{
	struct life *l = life_alloc(s);
	size_t i;

	if (!l)
		return NULL;
	if (s->count >= s->bucket_n)
		buckets_grow(s);
	i = bucket_of(addr, s->bucket_n);
	*l = (struct life){ .addr = addr,
			    .id = ++s->last_id,
			    .chain = s->bucket[i],
			    .protocol = -1,
			    .confidence = CERTAIN,
			    .outcome = OUTCOME_UNKNOWN };
	s->bucket[i] = l;
	s->count++;
	order_add(s, l);
	return l;
}

struct life *life_oldest(const struct life_store *s)
{
	return s->count > LIVES_MAX ? s->oldest : NULL;
}

struct life *life_any(const struct life_store *s)
{
	return s->oldest;
}

int life_hop(struct life_store *s, struct life *l, const struct hop *h)
{
	if (h->confidence > l->confidence)
		l->confidence = h->confidence;
	if (l->hops >= HOPS_MAX)
		return 0;
	if (!l->last || l->last->n == HOPS_PER_BLOCK) {
		struct hop_block *b = block_alloc(s);

		if (!b)
			return -ENOMEM;
		*(l->last ? &l->last->next : &l->first) = b;
		l->last = b;
	}
	l->last->v[l->last->n++] = *h;
	l->hops++;
	return 0;
}

static const struct life_dev *dev_of(const struct life_store *s, uint16_t dev)
{
	static const struct life_dev none;

	return dev ? &(*s->devs)[dev] : &none;
}

/* rx, tx, forward, local: see schema/20_packets.sql. */
static int life_kind(const struct life *l)
{
	if (l->forwarded)
		return 3;
	if (l->born_tx)
		return l->received ? 4 : 2;
	return 1;
}

static int packet_write(struct life_store *s, const struct life *l, int cpu_hops)
{
	int kind = life_kind(l);
	/* where it came in and where it went out; a crossing inside the host is told by its
	 * outermost ends */
	const struct life_dev *in = dev_of(s, kind == 4 ? l->dev_rx_last : l->dev_rx_first);
	const struct life_dev *out = dev_of(s, kind == 4 ? l->dev_tx_first : l->dev_tx_last);
	sqlite3_stmt *st = s->ins_packet;

	db_bind_int(st, 1, l->id);
	db_bind_int(st, 2, l->first_ns);
	db_bind_int(st, 3, l->last_ns);
	db_bind_int(st, 4, kind);
	db_bind_opt(st, 5, in->netns_id, 0);
	db_bind_opt(st, 6, out->netns_id, 0);
	db_bind_opt(st, 7, in->name_id, 0);
	db_bind_opt(st, 8, out->name_id, 0);
	db_bind_opt(st, 9, l->len, 0);
	db_bind_opt(st, 10, l->protocol, -1);
	db_bind_int(st, 11, l->outcome);
	db_bind_opt(st, 12, l->drop_id, 0);
	db_bind_int(st, 13, cpu_hops);
	db_bind_opt(st, 14, l->parent_id, 0);
	db_bind_opt(st, 15, l->link, 0);
	db_bind_int(st, 16, l->flags);
	db_bind_int(st, 17, l->confidence);
	return db_run(s->db, st);
}

/* Writes a life and gives its memory back. */
static int life_write(struct life_store *s, struct life *l)
{
	struct delays_walk w = { .packet_id = l->id };
	struct hop_block *next;
	int64_t seq = 0;
	int rc = 0;

	for (struct hop_block *b = l->first; b; b = next) {
		for (uint32_t i = 0; i < b->n && !rc; i++) {
			const struct hop *h = &b->v[i];
			sqlite3_stmt *st = s->ins_hop;

			db_bind_int(st, 1, l->id);
			db_bind_int(st, 2, seq++);
			db_bind_int(st, 3, h->ts_ns);
			db_bind_int(st, 4, h->stage);
			db_bind_int(st, 5, h->cpu);
			db_bind_opt(st, 6, dev_of(s, h->dev)->name_id, 0);
			db_bind_int(st, 7, h->context);
			db_bind_int(st, 8, h->pid);
			db_bind_int(st, 9, h->confidence);
			rc = db_run(s->db, st);
			if (!rc)
				rc = delays_hop(s->delays, &w, h, dev_of(s, h->dev)->name_id,
						dev_of(s, h->dev)->netns_id);
		}
		next = b->next;
		b->next = s->free_blocks;
		s->free_blocks = b;
	}
	if (!rc)
		rc = delays_end(s->delays, &w);
	if (!rc)
		rc = packet_write(s, l, w.cpu_hops);
	l->id = 0;
	l->first = l->last = NULL;
	l->chain = s->free_lives;
	s->free_lives = l;
	return rc;
}

int life_end(struct life_store *s, struct life *l)
{
	struct life **at = &s->bucket[bucket_of(l->addr, s->bucket_n)];

	assert(l->state != LIFE_DEAD);
	while (*at != l)
		at = &(*at)->chain;
	*at = l->chain;
	s->count--;
	order_remove(s, l);
	l->state = LIFE_DEAD;
	return l->holds ? 0 : life_write(s, l);
}

void life_hold(struct life *l)
{
	l->holds++;
}

int life_release(struct life_store *s, struct life *l)
{
	assert(l->holds);
	return --l->holds || l->state != LIFE_DEAD ? 0 : life_write(s, l);
}

int life_finish(struct life_store *s)
{
	assert(!s->count);
	return delays_finish(s->delays);
}
