/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * Times go into log-linear histograms: 128 steps per power of two, so a
 * percentile is off by less than 1 %, and the memory is bounded whatever the
 * number of packets. A pair of stages gets its histogram when it first occurs.
 *
 * A packet's hops form a chain; each stage is measured from the one before it,
 * with one exception. net_dev_xmit is the end of a call, not a station on the
 * way: on veth and loopback the receiving side starts inside that call. So it is
 * measured from its own net_dev_start_xmit, and the chain goes on from it only
 * when nothing of the receiving side came in between. netif_rx to
 * netif_receive_skb then is the wait in the backlog, as it should be.
 */
#include "delays.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SUB_BITS 7
#define SUB	 (1U << SUB_BITS)
#define BUCKETS	 ((64 - SUB_BITS + 1) * SUB)

struct histogram {
	uint64_t count;
	uint64_t max;
	uint64_t v[BUCKETS];
};

enum hop_kind {
	HOP_RPS,
	HOP_WAKEUP,
	HOP_QDISC,
	HOP_COMPLETION,
	HOP_MIGRATION,
	HOP_OTHER,
	HOP_COUNT
};

static const char *const hop_names[] = { "rps",	       "wakeup",    "qdisc",
					 "completion", "migration", "other" };
static_assert(ARRAY_SIZE(hop_names) == HOP_COUNT, "hop_names");

struct hop_count {
	uint64_t count; /* 0: free slot */
	uint16_t from, to;
	uint8_t kind;
};

struct delays {
	struct db *db;
	bool packets; /* these are told */
	struct histogram *h[STAGE_COUNT][STAGE_COUNT];
	struct hop_count *hop; /* open addressing, a power of two */
	size_t hop_n, hop_cap;
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

/* Values below SUB have a bucket each; above, the leading bit and the SUB_BITS behind it choose
 * one. */
static size_t bucket_of(uint64_t v)
{
	unsigned int shift;

	if (v < SUB)
		return v;
	shift = 63 - (unsigned int)__builtin_clzll(v) - SUB_BITS;
	return (size_t)(shift + 1) * SUB + ((v >> shift) & (SUB - 1));
}

/* Middle of a bucket. */
static uint64_t bucket_value(size_t i)
{
	unsigned int shift;

	if (i < SUB)
		return i;
	shift = (unsigned int)(i / SUB) - 1;
	return ((uint64_t)(SUB + i % SUB) << shift) + ((1ULL << shift) >> 1);
}

/* The smallest value that at least @permille of the values do not exceed. */
static uint64_t percentile(const struct histogram *h, unsigned int permille)
{
	uint64_t want = h->count / 1000 * permille + (h->count % 1000 * permille + 999) / 1000;
	uint64_t seen = 0, v;

	for (size_t i = 0; i < BUCKETS; i++) {
		seen += h->v[i];
		if (seen >= want) {
			v = bucket_value(i);
			return v < h->max ? v : h->max;
		}
	}
	return h->max;
}

int delays_open(struct delays **out, struct db *db, bool packets)
{
	struct delays *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->db = db;
	d->packets = packets;
	d->hop_cap = 256;
	d->hop = calloc(d->hop_cap, sizeof(*d->hop));
	if (!d->hop) {
		free(d);
		return -ENOMEM;
	}
	*out = d;
	return 0;
}

void delays_close(struct delays *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < STAGE_COUNT; i++)
		for (size_t k = 0; k < STAGE_COUNT; k++)
			free(d->h[i][k]);
	free(d->hop);
	free(d);
}

int delays_add(struct delays *d, enum stage from, enum stage to, uint64_t ns)
{
	struct histogram *h;

	assert(from < STAGE_COUNT && to < STAGE_COUNT);
	h = d->h[from][to];
	if (!h) {
		h = d->h[from][to] = calloc(1, sizeof(*h));
		if (!h)
			return -ENOMEM;
	}
	if (ns > INT64_MAX)
		ns = INT64_MAX;
	h->count++;
	h->v[bucket_of(ns)]++;
	if (ns > h->max)
		h->max = ns;
	return 0;
}

static size_t hop_slot(const struct hop_count *v, size_t cap, uint16_t from, uint16_t to,
		       uint8_t kind)
{
	size_t i = (((size_t)from << 20) ^ ((size_t)to << 4) ^ kind) * 0x9e3779b97f4a7c15ULL >> 20;

	for (i &= cap - 1;; i = (i + 1) & (cap - 1))
		if (!v[i].count || (v[i].from == from && v[i].to == to && v[i].kind == kind))
			return i;
}

static int hop_grow(struct delays *d)
{
	size_t cap = d->hop_cap * 2;
	struct hop_count *v = calloc(cap, sizeof(*v));

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < d->hop_cap; i++) {
		const struct hop_count *o = &d->hop[i];

		if (o->count)
			v[hop_slot(v, cap, o->from, o->to, o->kind)] = *o;
	}
	free(d->hop);
	d->hop = v;
	d->hop_cap = cap;
	return 0;
}

static int hop_add(struct delays *d, uint16_t from, uint16_t to, enum hop_kind kind)
{
	struct hop_count *c;

	if (d->hop_n >= d->hop_cap / 2 && hop_grow(d))
		return -ENOMEM;
	c = &d->hop[hop_slot(d->hop, d->hop_cap, from, to, kind)];
	if (!c->count) {
		*c = (struct hop_count){ .from = from, .to = to, .kind = kind };
		d->hop_n++;
	}
	c->count++;
	return 0;
}

/* What moved the packet, as far as the two stages tell. */
static enum hop_kind hop_kind(const struct hop *a, const struct hop *b)
{
	switch (b->stage) {
	case STAGE_NETIF_RECEIVE_SKB:
		return stage_receives(a->stage) && a->stage < STAGE_NETIF_RECEIVE_SKB ? HOP_RPS
										      : HOP_OTHER;
	case STAGE_SKB_COPY:
	case STAGE_SOCK_RECV_LENGTH:
		if (a->stage == STAGE_SKB_COPY ||
		    (a->stage == STAGE_CONSUME_SKB && a->context == 1))
			return HOP_MIGRATION;
		return b->context == 1 && stage_receives(a->stage) ? HOP_WAKEUP : HOP_OTHER;
	case STAGE_QDISC_DEQUEUE:
	case STAGE_NET_DEV_START_XMIT:
		return a->stage >= STAGE_NET_DEV_QUEUE && a->stage <= STAGE_NET_DEV_XMIT
			       ? HOP_QDISC
			       : HOP_OTHER;
	case STAGE_CONSUME_SKB:
	case STAGE_KFREE_SKB:
		if (a->stage == STAGE_NET_DEV_START_XMIT || a->stage == STAGE_NET_DEV_XMIT)
			return HOP_COMPLETION;
		if (b->context == 1 && b->stage == STAGE_CONSUME_SKB && stage_receives(a->stage))
			return a->context == 1 ? HOP_MIGRATION : HOP_WAKEUP;
		return HOP_OTHER;
	default:
		return HOP_OTHER;
	}
}

int delays_end(struct delays *d, struct delays_walk *w)
{
	assert(d->packets);
	w->last.stage = STAGE_NONE;
	return 0;
}

int delays_hop(struct delays *d, struct delays_walk *w, const struct hop *h, int64_t name_id,
	       int64_t netns_id)
{
	int rc = 0;

	(void)name_id;
	(void)netns_id;

	if (h->deferred)
		return 0;
	if (h->stage == STAGE_NET_DEV_XMIT) {
		if (w->start.stage && h->ts >= w->start.ts)
			rc = delays_add(d, STAGE_NET_DEV_START_XMIT, STAGE_NET_DEV_XMIT,
					h->ts - w->start.ts);
		w->start.stage = STAGE_NONE;
		if (w->last.stage == STAGE_NET_DEV_START_XMIT)
			w->last = *h;
		return rc;
	}
	if (w->last.stage && h->ts >= w->last.ts)
		rc = delays_add(d, w->last.stage, h->stage, h->ts - w->last.ts);
	if (!rc && w->last.stage && w->last.cpu != h->cpu) {
		w->cpu_hops++;
		rc = hop_add(d, w->last.cpu, h->cpu, hop_kind(&w->last, h));
	}
	w->last = *h;
	if (h->stage == STAGE_NET_DEV_START_XMIT)
		w->start = *h;
	return rc;
}

int delays_finish(struct delays *d)
{
	sqlite3_stmt *st = db_prepare(
		d->db, "INSERT INTO latency(stage_from, stage_to, count, p50_ns, p90_ns, p99_ns, "
		       "max_ns) VALUES(?, ?, ?, ?, ?, ?, ?)");
	int rc = 0;

	for (int i = 0; i < STAGE_COUNT * STAGE_COUNT && !rc; i++) {
		const struct histogram *h = d->h[i / STAGE_COUNT][i % STAGE_COUNT];

		if (!h)
			continue;
		db_bind_text(st, 1, stage_names[i / STAGE_COUNT]);
		db_bind_text(st, 2, stage_names[i % STAGE_COUNT]);
		db_bind_int(st, 3, (int64_t)h->count);
		db_bind_int(st, 4, (int64_t)percentile(h, 500));
		db_bind_int(st, 5, (int64_t)percentile(h, 900));
		db_bind_int(st, 6, (int64_t)percentile(h, 990));
		db_bind_int(st, 7, (int64_t)h->max);
		rc = db_run(d->db, st);
	}
	st = db_prepare(d->db,
			"INSERT INTO cpu_hop(from_cpu, to_cpu, kind, count) VALUES(?, ?, ?, ?)");
	for (size_t i = 0; i < d->hop_cap && !rc; i++) {
		const struct hop_count *c = &d->hop[i];

		if (!c->count)
			continue;
		db_bind_int(st, 1, c->from);
		db_bind_int(st, 2, c->to);
		db_bind_text(st, 3, hop_names[c->kind]);
		db_bind_int(st, 4, (int64_t)c->count);
		rc = db_run(d->db, st);
	}
	return rc;
}
