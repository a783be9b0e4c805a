/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * Lives end in another order than they begin, and what frames tell of them comes
 * when all are read. So a life that is over is kept as a record in a spill: its
 * row of _packet, those of _hop and _cpu_hop, in compact form; and the place of
 * each packet's record, in four bytes. life_rows() then goes through them by
 * number, which is nearly the order of the records, too, and makes rows in order
 * of their keys: so they can be written as rows.c does.
 */
#include "life.h"
#include "rows.h"
#include "flow_seen.h"
#include "rows_db.h"
#include "spill.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
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
	struct spill *spill;
	uint32_t *place; /* by id - 1: of the record, in units of RECORD_UNIT, plus 1; 0: none */
	size_t place_cap;
	struct buf record, moved;
	struct rows *packets, *hops, *moves;
	struct flow_seen *seen;
};

#define RECORD_UNIT 16

/* Begin of a record; its hops and moves follow. */
struct record {
	struct packet_row p;
	uint32_t hops, moves;
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
	if (!s->bucket || flow_seen_open(&s->seen) || delays_open(&s->delays, db, true) || spill_open(&s->spill, db_file(db)) ||
	    rows_open(&s->packets, db, "_packet", false) || rows_open(&s->hops, db, "_hop", true) ||
	    rows_open(&s->moves, db, "_cpu_hop", true)) {
		life_close(s);
		return -ENOMEM;
	}
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
	spill_close(s->spill);
	flow_seen_close(s->seen);
	buf_free(&s->record);
	buf_free(&s->moved);
	free(s->place);
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

static struct packet_row packet_row(const struct life_store *s, const struct life *l, int cpu_hops)
{
	int kind = life_kind(l);
	/* where it came in and where it went out; a crossing inside the host is told by its
	 * outermost ends */
	const struct life_dev *in = dev_of(s, kind == 4 ? l->dev_rx_last : l->dev_rx_first);
	const struct life_dev *out = dev_of(s, kind == 4 ? l->dev_tx_first : l->dev_tx_last);

	return (struct packet_row){
		.id = l->id,
		.first_ns = l->first_ns,
		.last_ns = l->last_ns,
		.drop_id = l->drop_id,
		.parent_id = l->parent_id,
		.netns_in_id = (int32_t)in->netns_id,
		.netns_out_id = (int32_t)out->netns_id,
		.dev_in_id = (int32_t)in->name_id,
		.dev_out_id = (int32_t)out->name_id,
		.len_bytes = l->len,
		.protocol = l->protocol,
		.cpu_hops = cpu_hops,
		.kind = (uint8_t)kind,
		.outcome = l->outcome,
		.link = l->link,
		.flags = l->flags,
		.confidence = l->confidence,
	};
}

/* Keeps the record of packet @id. */
static int record_put(struct life_store *s, int64_t id)
{
	static const uint8_t zero[RECORD_UNIT];
	uint64_t at;
	int rc = 0;

	if ((uint64_t)id > s->place_cap) {
		size_t cap = s->place_cap ? s->place_cap * 2 : 65536;
		uint32_t *v;

		while (cap < (uint64_t)id)
			cap *= 2;
		v = realloc(s->place, cap * sizeof(*v));
		if (!v)
			return -ENOMEM;
		memset(v + s->place_cap, 0, (cap - s->place_cap) * sizeof(*v));
		s->place = v;
		s->place_cap = cap;
	}
	if (s->record.len % RECORD_UNIT)
		rc = buf_put(&s->record, zero, RECORD_UNIT - s->record.len % RECORD_UNIT);
	if (!rc)
		rc = spill_put(s->spill, s->record.data, s->record.len, &at);
	if (!rc && at / RECORD_UNIT >= UINT32_MAX)
		rc = -EFBIG;
	if (rc)
		return db_failed(s->db, rc);
	s->place[id - 1] = (uint32_t)(at / RECORD_UNIT) + 1;
	return 0;
}

/* Writes a life and gives its memory back. */
static int life_write(struct life_store *s, struct life *l)
{
	struct delays_walk w = { .packet_id = l->id, .moved = &s->moved };
	struct record head = { .hops = l->hops };
	struct hop_block *next;
	int rc;

	buf_reset(&s->moved);
	buf_reset(&s->record);
	rc = buf_reserve(&s->record, sizeof(head) + l->hops * sizeof(struct hop_row));
	s->record.len = rc ? 0 : sizeof(head);
	for (struct hop_block *b = l->first; b; b = next) {
		for (uint32_t i = 0; i < b->n && !rc; i++) {
			const struct hop *h = &b->v[i];
			struct hop_row row = {
				.ts_ns = h->ts_ns,
				.pid = h->pid,
				.dev = h->dev,
				.cpu = h->cpu,
				.stage = h->stage,
				.context = h->context & 0xf,
				.confidence = h->confidence & 0xf,
			};

			memcpy(s->record.data + s->record.len, &row, sizeof(row));
			s->record.len += sizeof(row);
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
		rc = buf_put(&s->record, s->moved.data, s->moved.len);
	if (!rc) {
		head.p = packet_row(s, l, w.cpu_hops);
		head.moves = (uint32_t)(s->moved.len / sizeof(struct delays_moved));
		memcpy(s->record.data, &head, sizeof(head));
		rc = record_put(s, l->id);
	}
	l->id = 0;
	l->first = l->last = NULL;
	l->chain = s->free_lives;
	s->free_lives = l;
	return rc;
}

/* The place of a record. Return: false: none was written. */
static bool record_at(const struct life_store *s, int64_t id, uint64_t *at)
{
	if (id <= 0 || (uint64_t)id > s->place_cap || !s->place[id - 1])
		return false;
	*at = (uint64_t)(s->place[id - 1] - 1) * RECORD_UNIT;
	return true;
}

int life_set_link(struct life_store *s, int64_t id, int link, int64_t parent_id)
{
	uint8_t byte = (uint8_t)link;
	uint64_t at;
	int rc;

	if (!record_at(s, id, &at))
		return 0;
	rc = spill_patch(s->spill, at + offsetof(struct record, p.link), &byte, 1);
	if (!rc)
		rc = spill_patch(s->spill, at + offsetof(struct record, p.parent_id), &parent_id, sizeof(parent_id));
	return rc ? db_failed(s->db, rc) : 0;
}

int life_set_doubt(struct life_store *s, int64_t id)
{
	uint8_t doubt = HIGH;
	const uint8_t *p;
	uint64_t at;
	int rc;

	if (!record_at(s, id, &at))
		return 0;
	at += offsetof(struct record, p.confidence);
	rc = spill_get(s->spill, at, 1, &p);
	if (!rc && *p < HIGH)
		rc = spill_patch(s->spill, at, &doubt, 1);
	return rc ? db_failed(s->db, rc) : 0;
}

static int packet_write(struct rows *r, const struct packet_row *p)
{
	rows_begin(r, p->id);
	rows_null(r); /* id */
	rows_int(r, p->first_ns);
	rows_int(r, p->last_ns);
	rows_int(r, p->kind);
	rows_opt(r, p->netns_in_id, 0);
	rows_opt(r, p->netns_out_id, 0);
	rows_opt(r, p->dev_in_id, 0);
	rows_opt(r, p->dev_out_id, 0);
	rows_opt(r, p->len_bytes, 0);
	rows_opt(r, p->protocol, -1);
	rows_opt(r, p->flow_id, 0);
	rows_int(r, p->outcome);
	rows_opt(r, p->drop_id, 0);
	rows_int(r, p->cpu_hops);
	rows_opt(r, p->parent_id, 0);
	rows_opt(r, p->link, 0);
	rows_int(r, p->flags);
	rows_int(r, p->confidence);
	return rows_end(r);
}

static int hop_write(struct life_store *s, int64_t id, int64_t seq, const struct hop_row *h)
{
	struct rows *r = s->hops;

	rows_begin(r, 0);
	rows_int(r, id);
	rows_int(r, seq);
	rows_int(r, h->ts_ns);
	rows_int(r, h->stage);
	rows_int(r, h->cpu);
	rows_opt(r, dev_of(s, h->dev)->name_id, 0);
	rows_int(r, h->context);
	rows_int(r, h->pid);
	rows_int(r, h->confidence);
	return rows_end(r);
}

static int move_write(struct rows *r, int64_t id, const struct delays_moved *m)
{
	rows_begin(r, 0);
	rows_int(r, id);
	rows_int(r, m->seq);
	rows_int(r, m->from_seq);
	rows_int(r, m->kind);
	return rows_end(r);
}

static int record_write(struct life_store *s, struct record *head, struct hop_row *hop, const uint8_t *moves)
{
	int64_t id = head->p.id;
	int rc = packet_write(s->packets, &head->p);

	for (uint32_t i = 0; i < head->hops && !rc; i++) {
		rc = hop_write(s, id, i, &hop[i]);
		if (!rc && (hop[i].stage == STAGE_SKB_COPY || hop[i].stage == STAGE_SOCK_RECV_LENGTH) && hop[i].context == 1 &&
		    hop[i].pid > 0 && flow_seen_read(s->seen, id, head->p.flow_id, hop[i].pid))
			rc = db_failed(s->db, -ENOMEM);
	}
	for (uint32_t i = 0; i < head->moves && !rc; i++) {
		struct delays_moved m;

		memcpy(&m, moves + i * sizeof(m), sizeof(m));
		rc = move_write(s->moves, id, &m);
	}
	return rc;
}

int life_rows(struct life_store *s, life_amend *amend, void *ctx)
{
	struct hop_row *hop = calloc(HOPS_MAX, sizeof(*hop));
	int rc = hop ? 0 : db_failed(s->db, -ENOMEM);

	assert(!s->count);
	for (int64_t id = 1; id <= s->last_id && !rc; id++) {
		struct record head;
		const uint8_t *p;
		size_t hops;
		uint64_t at;

		if (!record_at(s, id, &at))
			continue;
		rc = spill_get(s->spill, at, sizeof(head), &p);
		if (!rc) {
			memcpy(&head, p, sizeof(head));
			hops = head.hops * sizeof(*hop);
			rc = spill_get(s->spill, at, sizeof(head) + hops + head.moves * sizeof(struct delays_moved), &p);
		}
		if (rc) {
			rc = db_failed(s->db, rc);
			break;
		}
		memcpy(hop, p + sizeof(head), hops);
		amend(ctx, &head.p, hop, head.hops);
		rc = record_write(s, &head, hop, p + sizeof(head) + hops);
	}
	free(hop);
	spill_close(s->spill);
	s->spill = NULL;
	free(s->place);
	s->place = NULL;
	s->place_cap = 0;
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
	int rc;

	assert(!s->count);
	rc = flow_seen_readers(s->seen, s->db);
	return rc ? rc : delays_finish(s->delays);
}
