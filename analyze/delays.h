/* SPDX-License-Identifier: MIT */
/*
 * delays: the stages of a packet's way, the time between two of them (tables
 * latency*) and the changes of CPU between them (moves.h).
 */
#ifndef SKBTAPE_DELAYS_H
#define SKBTAPE_DELAYS_H

#include "db.h"

/* A stage is named like the tracepoint that shows it. The numbers are those of table _stage. */
enum stage {
	STAGE_NONE,
	STAGE_NAPI_GRO_RECEIVE_ENTRY,
	STAGE_NAPI_GRO_FRAGS_ENTRY,
	STAGE_NETIF_RECEIVE_SKB_ENTRY,
	STAGE_NETIF_RECEIVE_SKB_LIST_ENTRY,
	STAGE_NETIF_RX_ENTRY,
	STAGE_NETIF_RX,
	STAGE_NETIF_RECEIVE_SKB,
	STAGE_TCP_PROBE,
	STAGE_SK_DATA_READY,
	STAGE_SKB_COPY,
	STAGE_SOCK_RECV_LENGTH,
	STAGE_NET_DEV_QUEUE,
	STAGE_QDISC_ENQUEUE,
	STAGE_QDISC_DEQUEUE,
	STAGE_NET_DEV_START_XMIT,
	STAGE_NET_DEV_XMIT,
	STAGE_CONSUME_SKB,
	STAGE_KFREE_SKB,
	/* not of a packet */
	STAGE_SOFTIRQ_RAISE,
	STAGE_SOFTIRQ_ENTRY,
	STAGE_SCHED_WAKING,
	STAGE_SCHED_SWITCH,
	STAGE_COUNT
};

/* stage_name() - the tracepoint's name; "" for STAGE_NONE. */
const char *stage_name(enum stage s);
/* stage_receives() - a stage between the driver and the socket, on the receiving side. */
bool stage_receives(enum stage s);

/* One passed stage. */
struct hop {
	uint64_t ts;   /* trace clock, ns: differences are taken here, it knows no clock steps */
	int64_t ts_ns; /* CLOCK_REALTIME, ns */
	int32_t pid;
	uint16_t dev; /* number of the device in struct lives, 0 none */
	uint16_t cpu;
	uint8_t stage;	    /* enum stage */
	uint8_t context;    /* 1 task, 2 softirq, 3 hardirq */
	uint8_t confidence; /* 1 certain .. 4 low */
	bool deferred; /* the event comes later than what it tells of: no time and no CPU is taken
			  from it */
};

struct delays;

/* delays_open() - @packets: for packets, else for other times alone. Return: 0, -ENOMEM. Freed by
 * delays_close(). */
int delays_open(struct delays **d, struct db *db, bool packets);
void delays_close(struct delays *d);

/* Whose time it is, and when it ended. */
struct delays_who {
	int64_t ts_ns;
	int64_t packet_id; /* 0: no packet */
	int32_t pid;	   /* -1: no task */
	uint16_t cpu;
};

/* delays_add() - a time between two stages that are not of a packet, ns. Return: 0, -ENOMEM. */
int delays_add(struct delays *d, enum stage from, enum stage to, uint64_t ns,
	       const struct delays_who *who);

/* What a packet's whole way is measured from: a stage, its time; stage 0: not seen. */
struct delays_point {
	uint64_t ts;
	int64_t ts_ns;
	uint16_t dev, cpu;
	uint8_t stage;
};

/* A change of CPU that waits for the end of the packet, which tells its kind. */
struct delays_move {
	uint64_t ns;
	uint32_t seq, from_seq;
	uint16_t from, to, dev;
	uint8_t kind; /* enum move_kind */
};

#define DELAYS_MOVES 8

/* A row of _cpu_hop. */
struct delays_moved {
	uint32_t seq, from_seq;
	uint8_t kind; /* enum move_kind */
};

/* A walk over one packet's hops, in order. Zero-initialised at the first. */
struct delays_walk {
	int64_t packet_id;
	struct buf *moved; /* gets a struct delays_moved for each change of CPU, in order */
	struct hop last;  /* what the next stage is measured from */
	struct hop start; /* the open net_dev_start_xmit */
	uint32_t seq, last_seq;
	int cpu_hops;
	struct delays_point rx, stack, ready, read, queue, sent, tx;
	uint16_t read_cpu;
	uint8_t move_n;
	struct delays_move move[DELAYS_MOVES];
};

/* delays_hop() - the next hop of a packet. @name_id, @netns_id: of its device, 0 where not known.
 * Return: 0, -ENOMEM, or the database's error. */
int delays_hop(struct delays *d, struct delays_walk *w, const struct hop *h, int64_t name_id,
	       int64_t netns_id);
/* delays_end() - there are no more hops of that packet. Return: as delays_hop(). */
int delays_end(struct delays *d, struct delays_walk *w);

/* delays_finish() - write what this instance has gathered: latency, latency_part, latency_slow,
 * latency_hist, latency_total, cpu_hop. Flows of packets must be in _packet. Return: as db_run(). */
int delays_finish(struct delays *d);

#endif
