/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * GROUP BY sorts all rows first, however few the groups are. Here each table is
 * read once, in its own order, and counted in a map of the groups: time by rows,
 * memory by flows. Hops and packets are both in order of the packet, so they are
 * read side by side.
 */
#include "flow_seen.h"
#include "keymap.h"

#include <errno.h>
#include <stdlib.h>

#define GROUPS_MAX (1U << 20) /* 64 MiB; flows times places, or flows times readers */

/* A flow at one place of capture. */
struct place {
	int64_t flow_id, netns_id, dev_id, direction; /* key; direction -1: not known */
	int64_t frames, bytes, syns, closed;
};

/* A flow and a task that reads it. */
struct reading {
	int64_t flow_id, pid; /* key */
	int64_t packet_id;    /* the last one */
	int64_t packets;
};

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

	if (x->flow_id == y->flow_id && x->frames != y->frames)
		return x->frames > y->frames ? -1 : 1;
	return by_key(&x->flow_id, &y->flow_id, 4);
}

static int by_packets(const void *a, const void *b)
{
	const struct reading *x = a, *y = b;

	if (x->flow_id == y->flow_id && x->packets != y->packets)
		return x->packets > y->packets ? -1 : 1;
	return by_key(&x->flow_id, &y->flow_id, 2);
}

static void note_refused(struct db *d, const struct keymap *m, const char *table, const char *what)
{
	if (m->refused)
		db_quality(d, &(struct quality){ "limit", table, -1, NULL, -1, -1, (int64_t)m->refused },
			   "%s are not counted in the table %s: it is made of at most %u pairs", what, table, GROUPS_MAX);
}

/* The next row of @st. Return: 1, 0: none, -EIO. */
static int row(struct db *d, sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);

	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE)
		return 0;
	return db_run(d, st); /* again, and the error is kept */
}

/* ---- _flow_seen ---- */

static void count_frame(struct place *p, sqlite3_stmt *st)
{
	p->frames++;
	p->bytes += sqlite3_column_int64(st, 4);
	if (sqlite3_column_type(st, 5) != SQLITE_NULL) {
		int64_t flags = sqlite3_column_int64(st, 5);

		p->syns += (flags & 18) == 2; /* SYN without ACK */
		p->closed += !(flags & 6) && sqlite3_column_type(st, 6) == SQLITE_INTEGER && !sqlite3_column_int64(st, 6);
	}
}

static int read_frames(struct db *d, struct keymap *m)
{
	/* in the order of the table: an index of it would mean a search for each row */
	sqlite3_stmt *st = db_prepare(d, "SELECT flow_id, netns_id, dev_id, direction, len_bytes, tcp_flags, tcp_window "
					 "FROM _frame NOT INDEXED WHERE flow_id IS NOT NULL");
	int rc;

	while ((rc = row(d, st)) > 0) {
		struct place key = { .flow_id = sqlite3_column_int64(st, 0),
				     .netns_id = sqlite3_column_int64(st, 1),
				     .dev_id = sqlite3_column_int64(st, 2),
				     .direction = sqlite3_column_type(st, 3) == SQLITE_NULL ? -1 : sqlite3_column_int64(st, 3) };
		bool fresh;
		struct place *p = keymap_get(m, &key, &fresh);

		if (p)
			count_frame(p, st);
		else if (m->nomem)
			break;
	}
	sqlite3_reset(st);
	return m->nomem ? -ENOMEM : rc;
}

static int write_seen(struct db *d, const struct keymap *m)
{
	sqlite3_stmt *st = db_prepare(d, "INSERT INTO _flow_seen(flow_id, frames, bytes, syns, closed) VALUES(?, ?, ?, ?, ?)");
	int rc = 0;

	for (size_t i = 0, next; i < m->count && !rc; i = next) {
		const struct place *p = keymap_at(m, i);
		int64_t closed = 0;

		for (next = i; next < m->count && ((struct place *)keymap_at(m, next))->flow_id == p->flow_id; next++)
			closed += ((struct place *)keymap_at(m, next))->closed;
		db_bind_int(st, 1, p->flow_id);
		db_bind_int(st, 2, p->frames);
		db_bind_int(st, 3, p->bytes);
		db_bind_int(st, 4, p->syns);
		db_bind_int(st, 5, closed);
		rc = db_run(d, st);
	}
	return rc;
}

static int build_seen(struct db *d)
{
	struct keymap m;
	int rc;

	keymap_init(&m, offsetof(struct place, frames), sizeof(struct place), GROUPS_MAX);
	rc = read_frames(d, &m);
	if (!rc && m.count) {
		qsort(m.items, m.count, m.item_bytes, by_frames);
		rc = write_seen(d, &m);
	}
	note_refused(d, &m, "_flow_seen", "frames");
	keymap_free(&m);
	return rc;
}

/* ---- _reader ---- */

/* The flow of packet @id, 0: none. @st walks over the packets of flows, @at is where it stands. */
static int flow_of(struct db *d, sqlite3_stmt *st, int64_t id, int64_t *at, int64_t *flow_id)
{
	int rc = 1;

	while (*at < id && (rc = row(d, st)) > 0)
		*at = sqlite3_column_int64(st, 0);
	if (!rc)
		*at = INT64_MAX; /* there are no more */
	*flow_id = *at == id ? sqlite3_column_int64(st, 1) : 0;
	return rc < 0 ? rc : 0;
}

static int64_t stage_id(struct db *d, const char *name)
{
	sqlite3_stmt *st = db_prepare(d, "SELECT id FROM _stage WHERE name = ?");
	int64_t id;

	db_bind_text(st, 1, name);
	id = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;
	sqlite3_reset(st);
	return id;
}

static int read_reads(struct db *d, struct keymap *m)
{
	sqlite3_stmt *hop = db_prepare(d, "SELECT packet_id, pid FROM _hop WHERE stage IN (?1, ?2) AND context = 1 AND pid > 0 "
					  "ORDER BY packet_id, seq");
	sqlite3_stmt *packet = db_prepare(d, "SELECT id, flow_id FROM _packet NOT INDEXED WHERE flow_id IS NOT NULL ORDER BY id");
	int64_t at = INT64_MIN;
	int rc;

	db_bind_int(hop, 1, stage_id(d, "skb_copy_datagram_iovec"));
	db_bind_int(hop, 2, stage_id(d, "sock_recv_length"));
	while ((rc = row(d, hop)) > 0) {
		struct reading key = { .pid = sqlite3_column_int64(hop, 1) }, *x;
		int64_t packet_id = sqlite3_column_int64(hop, 0);
		bool fresh;

		rc = flow_of(d, packet, packet_id, &at, &key.flow_id);
		if (rc || m->nomem)
			break;
		x = key.flow_id ? keymap_get(m, &key, &fresh) : NULL;
		if (!x || (!fresh && x->packet_id == packet_id))
			continue;
		x->packet_id = packet_id;
		x->packets++;
	}
	sqlite3_reset(hop);
	sqlite3_reset(packet);
	return m->nomem ? -ENOMEM : rc;
}

static int write_readers(struct db *d, const struct keymap *m)
{
	sqlite3_stmt *st = db_prepare(d, "INSERT INTO _reader(flow_id, netns, proto, dst, dport, pid, comm, reads) "
					 "SELECT id, netns, proto, dst, dport, ?2, (SELECT comm FROM task t WHERE t.pid = ?2), ?3 "
					 "FROM flow WHERE id = ?1");
	int64_t before = 0;
	int rc = 0;

	for (size_t i = 0; i < m->count && !rc; i++) {
		const struct reading *x = keymap_at(m, i);

		if (x->flow_id == before)
			continue;
		before = x->flow_id;
		db_bind_int(st, 1, x->flow_id);
		db_bind_int(st, 2, x->pid);
		db_bind_int(st, 3, x->packets);
		rc = db_run(d, st);
	}
	return rc;
}

static int build_readers(struct db *d)
{
	struct keymap m;
	int rc;

	keymap_init(&m, offsetof(struct reading, packet_id), sizeof(struct reading), GROUPS_MAX);
	rc = read_reads(d, &m);
	if (!rc && m.count) {
		qsort(m.items, m.count, m.item_bytes, by_packets);
		rc = write_readers(d, &m);
	}
	note_refused(d, &m, "_reader", "packets");
	keymap_free(&m);
	return rc;
}

int flow_seen_build(struct db *d)
{
	int rc = build_seen(d);

	return rc ? rc : build_readers(d);
}
