/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * Times go into histograms (series.h), so the memory is bounded whatever the
 * number of packets: one for each pair of stages (whose shape goes into table
 * latency_hist), and in bounded number for each
 * pair on each device and each CPU. A pair keeps its ten slowest, too.
 *
 * A packet's hops form a chain; each stage is measured from the one before it,
 * with one exception. net_dev_xmit is the end of a call, not a station on the
 * way: on veth and loopback the receiving side starts inside that call. So it is
 * measured from its own net_dev_start_xmit, and the chain goes on from it only
 * when nothing of the receiving side came in between. netif_rx to
 * netif_receive_skb then is the wait in the backlog, as it should be.
 *
 * Besides, parts of the whole way are measured from end to end, see enum way.
 */
#include "delays.h"
#include "flow_delays.h"
#include "moves.h"
#include "series.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SLOWEST	  10
#define PARTS_MAX 4096 /* pairs on one device or one CPU */

struct slow {
	struct delays_who who;
	uint64_t ns;
};

struct pair {
	struct hist h;
	struct slow slow[SLOWEST]; /* slowest first, of equals the earlier one */
	int slow_n;
};

/* Parts of a packet's way from end to end. */
enum way {
	WAY_NONE,
	WAY_RX_DRIVER, /* first sign on the receiving side -> the stack has it: GRO, RPS, backlog */
	WAY_RX_STACK,  /* the stack has it -> its socket was told */
	WAY_RX_SOCKET, /* its socket was told -> read */
	WAY_RX_TOTAL,  /* first sign -> read */
	WAY_TX_QUEUE,  /* net_dev_queue -> net_dev_start_xmit of the same device */
	WAY_TX_DRIVER, /* net_dev_start_xmit -> freed by the driver */
	WAY_TX_TOTAL,  /* first net_dev_queue -> freed by the driver */
	WAY_FORWARD,   /* first sign on the receiving side -> last net_dev_start_xmit */
	WAY_COUNT
};

static const char *const way_names[] = { "",	      "rx-driver", "rx-stack",
					 "rx-socket", "rx-total",  "tx-queue",
					 "tx-driver", "tx-total",  "forward-total" };
static_assert(ARRAY_SIZE(way_names) == WAY_COUNT, "way_names");

struct delays {
	struct db *db;
	struct pair *pair[STAGE_COUNT][STAGE_COUNT];
	struct pair *way[WAY_COUNT][STAGE_COUNT][STAGE_COUNT];
	struct series_set *parts;
	struct flow_delays *flows;
	struct moves *moves;
	struct move_dev *dev; /* by the number in struct hop */
	size_t dev_n;
	sqlite3_stmt *ins_lock;
};

static const char *const stage_names[] = {
	[STAGE_NONE] = "",
	[STAGE_NAPI_GRO_RECEIVE_ENTRY] = "napi_gro_receive_entry",
	[STAGE_NAPI_GRO_FRAGS_ENTRY] = "napi_gro_frags_entry",
	[STAGE_NETIF_RECEIVE_SKB_ENTRY] = "netif_receive_skb_entry",
	[STAGE_NETIF_RECEIVE_SKB_LIST_ENTRY] = "netif_receive_skb_list_entry",
	[STAGE_NETIF_RX_ENTRY] = "netif_rx_entry",
	[STAGE_NETIF_RX] = "netif_rx",
	[STAGE_NETIF_RECEIVE_SKB] = "netif_receive_skb",
	[STAGE_TCP_PROBE] = "tcp_probe",
	[STAGE_SK_DATA_READY] = "sk_data_ready",
	[STAGE_SKB_COPY] = "skb_copy_datagram_iovec",
	[STAGE_SOCK_RECV_LENGTH] = "sock_recv_length",
	[STAGE_NET_DEV_QUEUE] = "net_dev_queue",
	[STAGE_QDISC_ENQUEUE] = "qdisc_enqueue",
	[STAGE_QDISC_DEQUEUE] = "qdisc_dequeue",
	[STAGE_NET_DEV_START_XMIT] = "net_dev_start_xmit",
	[STAGE_NET_DEV_XMIT] = "net_dev_xmit",
	[STAGE_CONSUME_SKB] = "consume_skb",
	[STAGE_KFREE_SKB] = "kfree_skb",
	[STAGE_SOFTIRQ_RAISE] = "softirq_raise",
	[STAGE_SOFTIRQ_ENTRY] = "softirq_entry",
	[STAGE_SCHED_WAKING] = "sched_waking",
	[STAGE_SCHED_SWITCH] = "sched_switch",
};
static_assert(ARRAY_SIZE(stage_names) == STAGE_COUNT, "stage_names");

const char *stage_name(enum stage s)
{
	return s < STAGE_COUNT ? stage_names[s] : "";
}

bool stage_receives(enum stage s)
{
	return s >= STAGE_NAPI_GRO_RECEIVE_ENTRY && s <= STAGE_SOCK_RECV_LENGTH;
}

int delays_open(struct delays **out, struct db *db, bool packets)
{
	struct delays *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->db = db;
	if (series_open(&d->parts, PARTS_MAX) ||
	    (packets && (flow_delays_open(&d->flows, db) || moves_open(&d->moves, db)))) {
		delays_close(d);
		return -ENOMEM;
	}
	d->ins_lock = db_prepare(db, "INSERT INTO socket_lock(packet_id, start_ns, ns, from_cpu, "
				     "cpu, pid) VALUES(?, ?, ?, ?, ?, ?)");
	*out = d;
	return 0;
}

static void pair_free(struct pair *p)
{
	if (p)
		hist_free(&p->h);
	free(p);
}

void delays_close(struct delays *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < STAGE_COUNT; i++) {
		for (size_t k = 0; k < STAGE_COUNT; k++) {
			pair_free(d->pair[i][k]);
			for (size_t w = 0; w < WAY_COUNT; w++)
				pair_free(d->way[w][i][k]);
		}
	}
	series_close(d->parts);
	flow_delays_close(d->flows);
	moves_close(d->moves);
	free(d->dev);
	free(d);
}

static void slow_add(struct pair *p, uint64_t ns, const struct delays_who *who)
{
	int i = p->slow_n;

	if (i == SLOWEST) {
		if (ns <= p->slow[SLOWEST - 1].ns)
			return;
		i--;
	} else {
		p->slow_n++;
	}
	for (; i && p->slow[i - 1].ns < ns; i--)
		p->slow[i] = p->slow[i - 1];
	p->slow[i] = (struct slow){ *who, ns };
}

static int pair_add(struct pair **at, uint64_t ns, const struct delays_who *who)
{
	if (!*at) {
		*at = calloc(1, sizeof(**at));
		if (!*at)
			return -ENOMEM;
	}
	slow_add(*at, ns < INT64_MAX ? ns : INT64_MAX, who);
	return hist_add(&(*at)->h, ns);
}

enum part { PART_DEVICE, PART_CPU };

static uint64_t part_key(enum part part, unsigned int at, enum stage from, enum stage to)
{
	return (uint64_t)part << 32 | (uint64_t)from << 24 | (uint64_t)to << 16 | at;
}

int delays_add(struct delays *d, enum stage from, enum stage to, uint64_t ns,
	       const struct delays_who *who)
{
	int rc;

	assert(from < STAGE_COUNT && to < STAGE_COUNT);
	rc = pair_add(&d->pair[from][to], ns, who);
	return rc ? rc : series_add(d->parts, part_key(PART_CPU, who->cpu, from, to), ns);
}

static int way_add(struct delays *d, enum way way, const struct delays_point *from,
		   const struct delays_walk *w, const struct hop *to)
{
	struct delays_who who = { to->ts_ns, w->packet_id, -1, to->cpu };

	if (!from->stage || to->ts < from->ts)
		return 0;
	return pair_add(&d->way[way][from->stage][to->stage], to->ts - from->ts, &who);
}

static struct delays_point point(const struct hop *h)
{
	return (struct delays_point){ h->ts, h->ts_ns, h->dev, h->cpu, h->stage };
}

/* The parts of the whole way that end with @h. */
static int ways(struct delays *d, struct delays_walk *w, const struct hop *h)
{
	int rc = 0;

	switch ((enum stage)h->stage) {
	case STAGE_NAPI_GRO_RECEIVE_ENTRY:
	case STAGE_NAPI_GRO_FRAGS_ENTRY:
	case STAGE_NETIF_RECEIVE_SKB_ENTRY:
	case STAGE_NETIF_RECEIVE_SKB_LIST_ENTRY:
	case STAGE_NETIF_RX_ENTRY:
	case STAGE_NETIF_RX:
		if (!w->rx.stage)
			w->rx = point(h);
		w->sent.stage = w->tx.stage = w->queue.stage = 0;
		return 0;
	case STAGE_NETIF_RECEIVE_SKB:
		w->sent.stage = w->tx.stage = w->queue.stage = 0;
		if (!w->rx.stage)
			w->rx = point(h);
		else if (!w->stack.stage)
			rc = way_add(d, WAY_RX_DRIVER, &w->rx, w, h);
		if (!w->stack.stage)
			w->stack = point(h);
		return rc;
	case STAGE_SK_DATA_READY:
		if (!w->ready.stage) {
			w->ready = point(h);
			rc = way_add(d, WAY_RX_STACK, &w->stack, w, h);
		}
		return rc;
	case STAGE_SKB_COPY:
	case STAGE_SOCK_RECV_LENGTH:
		if (w->read.stage)
			return 0;
		w->read = point(h);
		w->read_cpu = h->cpu;
		rc = way_add(d, WAY_RX_SOCKET, &w->ready, w, h);
		return rc ? rc : way_add(d, WAY_RX_TOTAL, &w->rx, w, h);
	case STAGE_NET_DEV_QUEUE:
		w->queue = point(h);
		if (!w->tx.stage)
			w->tx = w->queue;
		return 0;
	case STAGE_NET_DEV_START_XMIT:
		w->sent = point(h);
		if (w->queue.stage && w->queue.dev == h->dev)
			rc = way_add(d, WAY_TX_QUEUE, &w->queue, w, h);
		w->queue.stage = 0;
		return rc;
	case STAGE_CONSUME_SKB:
		if (!w->sent.stage)
			return 0;
		rc = way_add(d, WAY_TX_DRIVER, &w->sent, w, h);
		return rc ? rc : way_add(d, WAY_TX_TOTAL, &w->tx, w, h);
	default:
		return 0;
	}
}

/* The device of a number, known from its first hop on. */
static int dev_get(struct delays *d, uint16_t dev, int64_t name_id, int64_t netns_id)
{
	if (dev >= d->dev_n) {
		struct move_dev *v = realloc(d->dev, ((size_t)dev + 1) * sizeof(*v));

		if (!v)
			return -ENOMEM;
		memset(v + d->dev_n, 0, (dev + 1 - d->dev_n) * sizeof(*v));
		d->dev = v;
		d->dev_n = (size_t)dev + 1;
	}
	if (!d->dev[dev].name_id && name_id) {
		d->dev[dev] = (struct move_dev){ .name_id = name_id, .netns_id = netns_id };
		moves_settings(d->moves, &d->dev[dev]);
	}
	return 0;
}

static int moves_flush(struct delays *d, struct delays_walk *w)
{
	int rc = 0;

	for (int i = 0; i < w->move_n && !rc; i++) {
		const struct delays_move *x = &w->move[i];
		struct delays_moved row = { .seq = x->seq, .from_seq = x->from_seq };
		enum move_kind kind;

		rc = moves_add(d->moves, x, &d->dev[x->dev], w->read.stage ? w->read_cpu : -1, &kind);
		row.kind = (uint8_t)kind;
		if (!rc)
			rc = buf_put(w->moved, &row, sizeof(row));
	}
	w->move_n = 0;
	return rc;
}

/* The time from @a to @b, the next hop of the chain or the end of the driver's call. */
static int step(struct delays *d, const struct delays_walk *w, const struct hop *a,
		const struct hop *b)
{
	struct delays_who who = { b->ts_ns, w->packet_id, -1, b->cpu };
	uint64_t ns = b->ts - a->ts;
	int rc = delays_add(d, a->stage, b->stage, ns, &who);

	if (!rc && b->dev)
		rc = series_add(d->parts, part_key(PART_DEVICE, b->dev, a->stage, b->stage), ns);
	return rc ? rc
		  : flow_delays_add(d->flows, w->packet_id, (enum stage)a->stage,
				    (enum stage)b->stage, ns);
}

/* A softirq that finds the socket locked by its owner leaves the packet in the backlog, which the
 * owner works off when it unlocks (release_sock() in net/core/sock.c): the socket's own events then
 * come in its context. */
static int lock_add(struct delays *d, const struct delays_walk *w, const struct hop *h)
{
	sqlite3_stmt *st = d->ins_lock;

	db_bind_int(st, 1, w->packet_id);
	db_bind_int(st, 2, w->last.ts_ns);
	db_bind_int(st, 3, (int64_t)(h->ts - w->last.ts));
	db_bind_int(st, 4, w->last.cpu);
	db_bind_int(st, 5, h->cpu);
	db_bind_int(st, 6, h->pid);
	return db_run(d->db, st);
}

static int move_add(struct delays *d, struct delays_walk *w, const struct hop *h)
{
	int rc = w->move_n == DELAYS_MOVES ? moves_flush(d, w) : 0;

	w->cpu_hops++;
	w->move[w->move_n++] = (struct delays_move){
		.ns = h->ts >= w->last.ts ? h->ts - w->last.ts : 0,
		.seq = w->seq,
		.from_seq = w->last_seq,
		.from = w->last.cpu,
		.to = h->cpu,
		.dev = h->dev,
		.kind = (uint8_t)moves_kind(&w->last, h),
	};
	return rc;
}

static int hop_step(struct delays *d, struct delays_walk *w, const struct hop *h)
{
	int rc = 0;

	if (h->stage == STAGE_NET_DEV_XMIT) {
		if (w->start.stage && h->ts >= w->start.ts)
			rc = step(d, w, &w->start, h);
		w->start.stage = STAGE_NONE;
		if (w->last.stage == STAGE_NET_DEV_START_XMIT) {
			w->last = *h;
			w->last_seq = w->seq;
		}
		return rc;
	}
	if (w->last.stage && h->ts >= w->last.ts)
		rc = step(d, w, &w->last, h);
	if (!rc && w->last.stage && w->last.cpu != h->cpu)
		rc = move_add(d, w, h);
	if (!rc && w->last.stage == STAGE_NETIF_RECEIVE_SKB && w->last.context == 2 &&
	    h->context == 1 && h->ts >= w->last.ts &&
	    (h->stage == STAGE_TCP_PROBE || h->stage == STAGE_SK_DATA_READY))
		rc = lock_add(d, w, h);
	if (!rc)
		rc = ways(d, w, h);
	w->last = *h;
	w->last_seq = w->seq;
	if (h->stage == STAGE_NET_DEV_START_XMIT)
		w->start = *h;
	return rc;
}

int delays_hop(struct delays *d, struct delays_walk *w, const struct hop *h, int64_t name_id,
	       int64_t netns_id)
{
	int rc = dev_get(d, h->dev, name_id, netns_id);

	if (!rc && !h->deferred)
		rc = hop_step(d, w, h);
	w->seq++;
	return rc;
}

int delays_end(struct delays *d, struct delays_walk *w)
{
	int rc = moves_flush(d, w);

	if (!rc && w->rx.stage && w->sent.stage) {
		const struct delays_point *p = &w->sent;
		struct hop end = {
			.ts = p->ts, .ts_ns = p->ts_ns, .cpu = p->cpu, .stage = p->stage
		};

		rc = way_add(d, WAY_FORWARD, &w->rx, w, &end);
	}
	return rc;
}

/* --- the tables --- */

static void bind_hist(sqlite3_stmt *st, int i, const struct hist *h)
{
	db_bind_int(st, i, (int64_t)h->count);
	db_bind_int(st, i + 1, (int64_t)hist_at(h, 500));
	db_bind_int(st, i + 2, (int64_t)hist_at(h, 900));
	db_bind_int(st, i + 3, (int64_t)hist_at(h, 990));
	db_bind_int(st, i + 4, (int64_t)h->max);
}

static int slow_write(struct delays *d, sqlite3_stmt *st, enum way way, int from, int to,
		      const struct pair *p)
{
	int rc = 0;

	for (int i = 0; i < p->slow_n && !rc; i++) {
		const struct slow *s = &p->slow[i];

		db_bind_text(st, 1, way ? way_names[way] : NULL);
		db_bind_text(st, 2, stage_names[from]);
		db_bind_text(st, 3, stage_names[to]);
		db_bind_int(st, 4, i + 1);
		db_bind_int(st, 5, (int64_t)s->ns);
		db_bind_int(st, 6, s->who.ts_ns);
		db_bind_opt(st, 7, s->who.packet_id, 0);
		db_bind_opt(st, 8, s->who.pid, -1);
		db_bind_int(st, 9, s->who.cpu);
		rc = db_run(d->db, st);
	}
	return rc;
}

static int hist_write(struct delays *d, sqlite3_stmt *st, enum way way, int from, int to,
		      const struct hist *h)
{
	struct hist_step step[HIST_STEPS];
	size_t n = hist_steps(h, step);
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++) {
		db_bind_text(st, 1, way ? way_names[way] : NULL);
		db_bind_text(st, 2, stage_names[from]);
		db_bind_text(st, 3, stage_names[to]);
		db_bind_int(st, 4, (int64_t)step[i].from);
		db_bind_int(st, 5, (int64_t)step[i].to);
		db_bind_int(st, 6, (int64_t)step[i].count);
		rc = db_run(d->db, st);
	}
	return rc;
}

static int pairs_write(struct delays *d)
{
	sqlite3_stmt *hist = db_prepare(
		d->db, "INSERT INTO latency_hist(way, stage_from, stage_to, from_ns, to_ns, "
		       "count) VALUES(?, ?, ?, ?, ?, ?)");
	sqlite3_stmt *pair = db_prepare(
		d->db, "INSERT INTO latency(stage_from, stage_to, count, p50_ns, p90_ns, p99_ns, "
		       "max_ns) VALUES(?2, ?3, ?4, ?5, ?6, ?7, ?8)");
	sqlite3_stmt *total = db_prepare(
		d->db, "INSERT INTO latency_total(way, stage_from, stage_to, count, p50_ns, "
		       "p90_ns, p99_ns, max_ns) VALUES(?, ?, ?, ?, ?, ?, ?, ?)");
	sqlite3_stmt *slow = db_prepare(
		d->db, "INSERT INTO latency_slow(way, stage_from, stage_to, rank, ns, end_ns, "
		       "packet_id, pid, cpu) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)");
	int rc = 0;

	for (int i = 0; i < WAY_COUNT * STAGE_COUNT * STAGE_COUNT && !rc; i++) {
		int to = i % STAGE_COUNT, from = i / STAGE_COUNT % STAGE_COUNT;
		enum way way = (enum way)(i / (STAGE_COUNT * STAGE_COUNT));
		const struct pair *p = way ? d->way[way][from][to] : d->pair[from][to];
		sqlite3_stmt *st = way ? total : pair;

		if (!p)
			continue;
		if (way)
			db_bind_text(st, 1, way_names[way]);
		db_bind_text(st, 2, stage_names[from]);
		db_bind_text(st, 3, stage_names[to]);
		bind_hist(st, 4, &p->h);
		rc = db_run(d->db, st);
		if (!rc)
			rc = slow_write(d, slow, way, from, to, p);
		if (!rc)
			rc = hist_write(d, hist, way, from, to, &p->h);
	}
	return rc;
}

static int parts_write(struct delays *d)
{
	sqlite3_stmt *st = db_prepare(
		d->db, "INSERT INTO latency_part(part, netns, dev, cpu, stage_from, stage_to, "
		       "count, p50_ns, p90_ns, p99_ns, max_ns) VALUES(?1, (SELECT name FROM netns "
		       "WHERE id = ?2), (SELECT text FROM _name WHERE id = ?3), ?4, ?5, ?6, ?7, "
		       "?8, ?9, ?10, ?11)");
	size_t n;
	struct series *const *v = series_sorted(d->parts, &n);
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++) {
		uint64_t key = v[i]->key;
		size_t at = key & UINT16_MAX;
		bool device = key >> 32 == PART_DEVICE;

		db_bind_text(st, 1, device ? "device" : "cpu");
		if (device && at < d->dev_n) {
			db_bind_int(st, 2, d->dev[at].netns_id);
			db_bind_int(st, 3, d->dev[at].name_id);
		}
		db_bind_opt(st, 4, device ? -1 : (int64_t)at, -1);
		db_bind_text(st, 5, stage_names[key >> 24 & 0xff]);
		db_bind_text(st, 6, stage_names[key >> 16 & 0xff]);
		bind_hist(st, 7, &v[i]->h);
		rc = db_run(d->db, st);
	}
	if (!rc && series_left_out(d->parts))
		db_quality(d->db,
			   &(struct quality){ "limit", "latency_part", -1, NULL, -1, -1,
					      (int64_t)series_left_out(d->parts) },
			   "times of packets are missing in the table latency_part: it keeps at "
			   "most %d pairs of stages on one device or CPU; the table latency has "
			   "them all",
			   PARTS_MAX);
	return rc;
}

int delays_finish(struct delays *d)
{
	int rc = pairs_write(d);

	if (!rc)
		rc = parts_write(d);
	if (!rc && d->flows)
		rc = flow_delays_finish(d->flows);
	return rc || !d->moves ? rc : moves_finish(d->moves, d->dev, d->dev_n);
}
