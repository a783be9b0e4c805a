/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * A packet's times are kept in a log of eight bytes each, behind a head that
 * names the packet, in a spill until the ties have told the flows. Then the packets of each
 * flow are counted, and one pass over the log puts the times of the flows with
 * the most packets into histograms. The log has a bound: of a longer recording
 * the packets that ended first are in it.
 */
#include "flow_delays.h"
#include "rows_db.h"
#include "series.h"
#include "spill.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FLOWS_MAX  128
#define SERIES_MAX 4096
#define BLOCK	   (SPILL_PIECE_MAX / sizeof(uint64_t)) /* words */
#define BLOCKS_MAX 2048	      /* 128 MiB */
#define IDS_MAX	   (1U << 28) /* packets */
#define HEAD	   (1ULL << 63)
#define NS_BITS	   47 /* 39 hours */
#define NS_MAX	   ((1ULL << NS_BITS) - 1)

static_assert(STAGE_COUNT <= 256, "a stage has 8 bits");

struct flow_delays {
	struct db *db;
	struct spill *log; /* whole blocks */
	size_t blocks, used; /* words of the last block */
	int64_t packet_id;   /* of the last head */
	uint64_t left_out;
	uint64_t word[BLOCK]; /* the last block */
};

int flow_delays_open(struct flow_delays **out, struct db *db)
{
	struct flow_delays *f = calloc(1, sizeof(*f));

	if (!f || spill_open(&f->log, db_file(db))) {
		free(f);
		return -ENOMEM;
	}
	f->db = db;
	*out = f;
	return 0;
}

void flow_delays_close(struct flow_delays *f)
{
	if (!f)
		return;
	spill_close(f->log);
	free(f);
}

static int put(struct flow_delays *f, uint64_t word)
{
	if (f->used == BLOCK) {
		uint64_t at;
		int rc = spill_put(f->log, f->word, sizeof(f->word), &at);

		if (rc)
			return db_failed(f->db, rc);
		f->blocks++;
		f->used = 0;
	}
	f->word[f->used++] = word;
	return 0;
}

int flow_delays_add(struct flow_delays *f, int64_t packet_id, enum stage from, enum stage to,
		    uint64_t ns)
{
	int rc = 0;

	/* two words fit into the last block, or no more are made */
	if (packet_id >= IDS_MAX || (f->blocks == BLOCKS_MAX - 1 && f->used > BLOCK - 2)) {
		f->left_out++;
		return 0;
	}
	if (f->packet_id != packet_id)
		rc = put(f, HEAD | (uint64_t)packet_id);
	f->packet_id = packet_id;
	if (ns > NS_MAX)
		ns = NS_MAX;
	return rc ? rc : put(f, (uint64_t)from << 55 | (uint64_t)to << NS_BITS | ns);
}

struct top {
	int64_t flow_id;
	uint32_t packets;
};

static int by_packets(const void *a, const void *b)
{
	const struct top *x = a, *y = b;

	if (x->packets != y->packets)
		return x->packets < y->packets ? 1 : -1;
	return (x->flow_id > y->flow_id) - (x->flow_id < y->flow_id);
}

/* How many rows an array by id needs. */
static size_t ids_of(struct db *db, const char *sql)
{
	sqlite3_stmt *st = db_prepare(db, sql);
	int64_t id = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;

	sqlite3_reset(st);
	return id < 0 ? 1 : id < IDS_MAX ? (size_t)id + 1 : IDS_MAX;
}

/* The flow of each packet, 0: none; and how many packets each flow has. */
static void flows_count(struct flow_delays *f, uint32_t *flow_of, size_t ids, struct top *top,
			size_t flows)
{
	sqlite3_stmt *st =
		db_prepare(f->db, "SELECT id, flow_id FROM _packet WHERE flow_id IS NOT NULL");

	while (sqlite3_step(st) == SQLITE_ROW) {
		int64_t id = sqlite3_column_int64(st, 0), flow = sqlite3_column_int64(st, 1);

		if (id <= 0 || (uint64_t)id >= ids || flow <= 0 || (uint64_t)flow >= flows)
			continue;
		flow_of[id] = (uint32_t)flow;
		top[flow].flow_id = flow;
		top[flow].packets++;
	}
	sqlite3_reset(st);
}

/* The flows with the most packets into @best, and the place of each packet's flow among them, from
 * 1, into *@out. */
static int flows_read(struct flow_delays *f, struct top *best, uint8_t **out, size_t *out_n)
{
	size_t ids = ids_of(f->db, "SELECT id FROM _packet ORDER BY id DESC LIMIT 1");
	size_t flows = ids_of(f->db, "SELECT id FROM flow ORDER BY id DESC LIMIT 1");
	uint32_t *flow_of = calloc(ids, sizeof(*flow_of));
	struct top *top = calloc(flows, sizeof(*top));
	uint8_t *place = calloc(flows, 1), *by_id = calloc(ids, 1);
	size_t n = 0;

	if (flow_of && top && place && by_id) {
		flows_count(f, flow_of, ids, top, flows);
		for (size_t i = 1; i < flows; i++)
			if (top[i].packets)
				top[n++] = top[i];
		qsort(top, n, sizeof(*top), by_packets);
		for (size_t i = 0; i < n && i < FLOWS_MAX; i++) {
			best[i] = top[i];
			place[top[i].flow_id] = (uint8_t)(i + 1);
		}
		for (size_t i = 0; i < ids; i++)
			by_id[i] = place[flow_of[i]];
		*out = by_id;
		*out_n = ids;
		by_id = NULL;
	}
	free(flow_of);
	free(top);
	free(place);
	free(by_id);
	if (n > FLOWS_MAX)
		db_quality(f->db,
			   &(struct quality){ "limit", "latency_part", -1, NULL, -1, -1,
					      (int64_t)(n - FLOWS_MAX) },
			   "flows have no times of their own in the table latency_part: it has the "
			   "%d flows with the most packets",
			   FLOWS_MAX);
	return *out ? 0 : -ENOMEM;
}

static_assert(FLOWS_MAX < 256, "a place has a byte");

static int log_read(struct flow_delays *f, const uint8_t *place, size_t ids, struct series_set *set)
{
	unsigned int flow = 0;
	int rc = 0;

	for (size_t b = 0; b <= f->blocks && !rc; b++) {
		const uint8_t *p = (const uint8_t *)f->word;
		size_t n = b == f->blocks ? f->used : BLOCK;

		if (b < f->blocks)
			rc = spill_get(f->log, b * sizeof(f->word), sizeof(f->word), &p);
		for (size_t i = 0; i < n && !rc; i++) {
			uint64_t w;

			memcpy(&w, p + i * sizeof(w), sizeof(w));
			if (w & HEAD)
				flow = (w & ~HEAD) < ids ? place[w & ~HEAD] : 0;
			else if (flow)
				rc = series_add(set, (uint64_t)flow << 16 | w >> NS_BITS,
						w & NS_MAX);
		}
	}
	return rc;
}

static int flows_write(struct flow_delays *f, struct series_set *set, const struct top *top)
{
	sqlite3_stmt *st = db_prepare(
		f->db, "INSERT INTO latency_part(part, flow_id, stage_from, stage_to, count, "
		       "p50_ns, p90_ns, p99_ns, max_ns) VALUES('flow', ?, ?, ?, ?, ?, ?, ?, ?)");
	size_t n;
	struct series *const *v = series_sorted(set, &n);
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++) {
		const struct hist *h = &v[i]->h;

		db_bind_int(st, 1, top[(v[i]->key >> 16) - 1].flow_id);
		db_bind_text(st, 2, stage_name((enum stage)(v[i]->key >> 8 & 0xff)));
		db_bind_text(st, 3, stage_name((enum stage)(v[i]->key & 0xff)));
		db_bind_int(st, 4, (int64_t)h->count);
		db_bind_int(st, 5, (int64_t)hist_at(h, 500));
		db_bind_int(st, 6, (int64_t)hist_at(h, 900));
		db_bind_int(st, 7, (int64_t)hist_at(h, 990));
		db_bind_int(st, 8, (int64_t)h->max);
		rc = db_run(f->db, st);
	}
	return rc;
}

int flow_delays_finish(struct flow_delays *f)
{
	struct series_set *set = NULL;
	struct top top[FLOWS_MAX] = { 0 };
	uint8_t *place = NULL;
	size_t ids = 0;
	int rc = flows_read(f, top, &place, &ids);

	if (!rc)
		rc = series_open(&set, SERIES_MAX);
	if (!rc)
		rc = log_read(f, place, ids, set);
	if (!rc)
		rc = flows_write(f, set, top);
	if (!rc && (f->left_out || series_left_out(set)))
		db_quality(f->db,
			   &(struct quality){ "limit", "latency_part", -1, NULL, -1, -1,
					      (int64_t)(f->left_out + series_left_out(set)) },
			   "times of packets are missing in the rows of flows of the table "
			   "latency_part: it was full; the table latency has them all");
	series_close(set);
	free(place);
	spill_close(f->log);
	f->log = NULL;
	return rc;
}
