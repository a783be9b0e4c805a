/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * GROUP BY sorts all rows first, however few the groups are. Here each row is
 * counted in a map of the groups when it is written: memory by flows, not by rows.
 *
 * Some packets get their flow only when all are written: from what they were made
 * of or merged into. Reads of these wait; there are few, for what is read is mostly
 * what was captured.
 */
#include "flow_seen.h"
#include "keymap.h"

#include <errno.h>
#include <stdlib.h>

#define GROUPS_MAX (1U << 20) /* 96 MiB; flows times places, or flows times readers */
#define MANY	   4096 /* frames; fewer are counted again in a few ms */
#define LATER_MAX  (1U << 20) /* 16 MiB */

/* A flow at one place of capture. */
struct place {
	int64_t key[4]; /* flow, namespace, device, direction */
	int64_t frames, bytes, syns, closed;
	int64_t tied[4]; /* by tie, 0: to no packet */
};

/* A flow and a task that reads it. */
struct reading {
	int64_t key[2];	   /* flow, task */
	int64_t packet_id;    /* the last one */
	int64_t packets;
};

/* A read of a packet that has no flow yet. */
struct later {
	int64_t packet_id;
	int32_t pid;
};

struct flow_seen {
	struct keymap places, readings;
	struct place *last; /* most frames follow one of the same flow and place */
	struct buf later;   /* struct later */
};

int flow_seen_open(struct flow_seen **out)
{
	struct flow_seen *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	keymap_init(&s->places, offsetof(struct place, frames), sizeof(struct place), GROUPS_MAX);
	keymap_init(&s->readings, offsetof(struct reading, packet_id), sizeof(struct reading), GROUPS_MAX);
	*out = s;
	return 0;
}

void flow_seen_close(struct flow_seen *s)
{
	if (!s)
		return;
	keymap_free(&s->places);
	keymap_free(&s->readings);
	buf_free(&s->later);
	free(s);
}

static int by_key(const int64_t *a, const int64_t *b, int n)
{
	for (int i = 0; i < n; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

/* By flow, the place with the most frames first. */
static int by_frames(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->key[0] == y->key[0] && x->frames != y->frames)
		return x->frames > y->frames ? -1 : 1;
	return by_key(x->key, y->key, 4);
}

static int by_packets(const void *a, const void *b)
{
	const struct reading *x = a, *y = b;

	if (x->key[0] == y->key[0] && x->packets != y->packets)
		return x->packets > y->packets ? -1 : 1;
	return by_key(x->key, y->key, 2);
}

static void note_refused(struct db *d, const struct keymap *m, const char *table, const char *what)
{
	if (m->refused)
		db_quality(d, &(struct quality){ "limit", table, -1, NULL, -1, -1, (int64_t)m->refused },
			   "%s are not counted in the table %s: it is made of at most %u pairs", what, table, GROUPS_MAX);
}

/* ---- _flow_seen ---- */

int flow_seen_frame(struct flow_seen *s, const struct flow_frame *f)
{
	struct place key = { .key = { f->flow_id, f->netns_id, f->dev_id, f->direction } }, *p = s->last;
	bool fresh;

	if (!p || by_key(p->key, key.key, 4))
		p = keymap_get(&s->places, &key, &fresh);
	s->last = p;
	if (!p)
		return s->places.nomem ? -ENOMEM : 0;
	p->frames++;
	p->bytes += f->len_bytes;
	p->tied[f->tie & 3]++;
	if (f->tcp) {
		p->syns += (f->tcp_flags & 18) == 2; /* SYN without ACK */
		p->closed += !(f->tcp_flags & 6) && !f->tcp_window;
	}
	return 0;
}

int flow_seen_write(struct flow_seen *s, struct db *d)
{
	sqlite3_stmt *st = db_prepare(d, "INSERT INTO _flow_seen(flow_id, frames, bytes, syns, closed) VALUES(?, ?, ?, ?, ?)");
	struct keymap *m = &s->places;
	sqlite3_stmt *many = db_prepare(d, "INSERT INTO _flow_many(flow_id, frames_none, frames_unique, frames_ordered, frames_ambiguous) "
					   "VALUES(?, ?, ?, ?, ?)");
	const struct place *v = m->count ? keymap_at(m, 0) : NULL;
	int rc = 0;

	if (m->count)
		qsort(m->items, m->count, m->item_bytes, by_frames);
	for (size_t i = 0, next; i < m->count && !rc; i = next) {
		int64_t closed = 0, frames = 0, tied[4] = { 0 };

		for (next = i; next < m->count && v[next].key[0] == v[i].key[0]; next++) {
			closed += v[next].closed;
			frames += v[next].frames;
			for (int k = 0; k < 4; k++)
				tied[k] += v[next].tied[k];
		}
		db_bind_int(st, 1, v[i].key[0]);
		db_bind_int(st, 2, v[i].frames);
		db_bind_int(st, 3, v[i].bytes);
		db_bind_int(st, 4, v[i].syns);
		db_bind_int(st, 5, closed);
		rc = db_run(d, st);
		/* what was refused may be of any flow */
		if (rc || frames < MANY || m->refused)
			continue;
		db_bind_int(many, 1, v[i].key[0]);
		for (int k = 0; k < 4; k++)
			db_bind_int(many, 2 + k, tied[k]);
		rc = db_run(d, many);
	}
	note_refused(d, m, "_flow_seen", "frames");
	keymap_free(m);
	s->last = NULL;
	return rc;
}

/* ---- _reader ---- */

static int count_read(struct flow_seen *s, int64_t packet_id, int64_t flow_id, int32_t pid)
{
	struct reading key = { .key = { flow_id, pid } }, *x;
	bool fresh;

	x = keymap_get(&s->readings, &key, &fresh);
	if (!x)
		return s->readings.nomem ? -ENOMEM : 0;
	x->packets += fresh || x->packet_id != packet_id;
	x->packet_id = packet_id;
	return 0;
}

int flow_seen_read(struct flow_seen *s, int64_t packet_id, int64_t flow_id, int32_t pid)
{
	struct later x = { .packet_id = packet_id, .pid = pid };

	if (flow_id)
		return count_read(s, packet_id, flow_id, pid);
	return s->later.len < LATER_MAX * sizeof(x) ? buf_put(&s->later, &x, sizeof(x)) : 0;
}

static int read_later(struct flow_seen *s, struct db *d)
{
	sqlite3_stmt *st = db_prepare(d, "SELECT flow_id FROM _packet WHERE id = ? AND flow_id IS NOT NULL");
	int rc = 0;

	for (size_t i = 0; i < s->later.len && !rc; i += sizeof(struct later)) {
		struct later x;

		memcpy(&x, s->later.data + i, sizeof(x));
		db_bind_int(st, 1, x.packet_id);
		if (sqlite3_step(st) == SQLITE_ROW)
			rc = count_read(s, x.packet_id, sqlite3_column_int64(st, 0), x.pid);
		sqlite3_reset(st);
	}
	return rc;
}

int flow_seen_readers(struct flow_seen *s, struct db *d)
{
	sqlite3_stmt *st = db_prepare(d, "INSERT INTO _reader(flow_id, netns, proto, dst, dport, pid, reads) "
					 "SELECT id, netns, proto, dst, dport, ?2, ?3 FROM flow WHERE id = ?1");
	struct keymap *m = &s->readings;
	int rc = read_later(s, d);
	const struct reading *v = m->count ? keymap_at(m, 0) : NULL;

	if (m->count)
		qsort(m->items, m->count, m->item_bytes, by_packets);
	for (size_t i = 0; i < m->count && !rc; i++) {
		if (i && v[i - 1].key[0] == v[i].key[0])
			continue;
		db_bind_int(st, 1, v[i].key[0]);
		db_bind_int(st, 2, v[i].key[1]);
		db_bind_int(st, 3, v[i].packets);
		rc = db_run(d, st);
	}
	note_refused(d, m, "_reader", "reads");
	keymap_free(m);
	return rc;
}
