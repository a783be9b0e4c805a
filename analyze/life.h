/* SPDX-License-Identifier: MIT */
/*
 * life: one skb's life in memory, and the store of all that are open: pools, the
 * table by address, the order of use, the rows of _packet and _hop. Which event
 * belongs to which life is decided in lives.c.
 */
#ifndef SKBTAPE_LIFE_H
#define SKBTAPE_LIFE_H

#include "delays.h"

/*
 * Where an skb is, by its last event.
 *
 *   RXQ    the driver or a virtual device handed it to the stack (gro, netif_rx, *_entry), not yet
 * processed
 *          -> RX, ended (merged by GRO, dropped from the backlog)
 *   RX     netif_receive_skb: the receiving side of the stack has it, then perhaps a socket
 *          -> RXQ or RX (bridge, tunnel: again on an upper device), READ, TXQ (forwarded), ended
 *   READ   copied to a process
 *          -> READ (the next part), ended
 *   TXQ    net_dev_queue -> QDISC, DRV, TXQ (stacked device), ended (dropped, segmented)
 *   QDISC  enqueued or dequeued -> QDISC, DRV, ended
 *   DRV    net_dev_start_xmit: the driver has it
 *          -> SENT or QDISC (by net_dev_xmit), TXQ (stacked device), RXQ or RX (veth, loopback),
 * ended SENT   the driver took it -> RXQ or RX (veth with NAPI), ended (completion) DEAD   its end
 * was seen or inferred; only a net_dev_xmit that is still to come may be added
 */
enum life_state {
	LIFE_RXQ,
	LIFE_RX,
	LIFE_READ,
	LIFE_TXQ,
	LIFE_QDISC,
	LIFE_DRV,
	LIFE_SENT,
	LIFE_DEAD,
};

enum { CERTAIN = 1, HIGH, MEDIUM, LOW }; /* confidence, as in the database */

enum outcome {
	OUTCOME_DELIVERED = 1,
	OUTCOME_TRANSMITTED,
	OUTCOME_FORWARDED,
	OUTCOME_DROPPED,
	OUTCOME_CONSUMED,
	OUTCOME_MERGED,
	OUTCOME_UNKNOWN,
};

enum {
	LINK_GSO = 1,
	LINK_GRO,
	LINK_CLONE,
	LINK_COPY,
	LINK_FRAGMENT,
	LINK_REASSEMBLY,
	LINK_RETRANSMIT
};

enum {
	FLAG_HEAD_MISSING = 1,
	FLAG_OPEN_AT_END = 2,
	FLAG_END_BOUND = 4,    /* its end is no later than last_ns */
	FLAG_END_INFERRED = 8, /* no event showed its end */
	FLAG_LOSS = 16,	       /* events were lost during its life */
};

/* What napi_gro_receive() did with it. */
enum gro_kept {
	GRO_UNTOLD,
	GRO_PASSED, /* GRO_NORMAL: on with this poll */
	GRO_HELD,   /* waits for others */
};

struct hop_block;

struct life {
	uint64_t addr;
	int64_t id;		    /* of _packet, from 1; 0: unused memory */
	struct life *chain;	    /* same bucket; in a free one: the next free one */
	struct life *newer, *older; /* by last use */
	struct hop_block *first, *last;
	uint64_t first_ts, last_ts;
	int64_t first_ns, last_ns;
	int64_t parent_id, drop_id;
	int64_t stamp_lo_ns, stamp_hi_ns; /* when the stack stamped it on receive, if it did so on
					     entry; 0: not known */
	uint32_t len;			  /* bytes, of the first event that tells one */
	uint32_t l3_len;		  /* bytes that netif_receive_skb shows or should show */
	uint32_t tx_len;		  /* bytes at the last net_dev_start_xmit */
	uint32_t run;			  /* number of its CPU's softirq run at netif_receive_skb */
	uint32_t batch;			  /* number of its CPU's batch of netif_receive_skb */
	uint32_t batch_pos;		  /* its place in it, from 0 */
	uint32_t losses;		  /* how many losses were known at its last event */
	uint32_t hops;
	int32_t protocol; /* ethertype, -1 not told */
	int32_t pid;
	uint16_t dev; /* of its last event */
	uint16_t dev_rx_first, dev_rx_last, dev_tx_first, dev_tx_last;
	uint16_t cpu;
	uint16_t rx_cpu; /* of its last netif_receive_skb */
	uint8_t entry;	 /* enum stage that handed it to the stack last */
	uint8_t kept;	 /* enum gro_kept */
	uint8_t read;	 /* confidence that a process copied it, 0: none did */
	uint8_t state;
	uint8_t confidence;
	uint8_t flags;
	uint8_t outcome;
	uint8_t link;
	uint32_t holds; /* open net_dev_start_xmit calls: the row waits for their ends */
	uint8_t context;
	bool born_tx;	/* its first event was one of the sending side */
	bool gro;	/* came through GRO */
	bool received;	/* was on the receiving side at least once */
	bool forwarded; /* was on the sending side after that */
	bool taken;	/* the driver returned success */
	bool ready;	/* its socket was told */
	bool probed;	/* tcp_probe: an established connection has it */
	bool alone;	/* its receiving call is no part of a list or of another call */
	bool doubt;	/* something at its address went on as it would itself */
	bool udp;	/* that is a UDP socket, and it is in its queue */
	bool grown;	/* the other fragments of a datagram were put into it */
	bool deferred;	/* its next hop tells of something earlier */
};

/* A life that may have ended and whose memory may have another meanwhile. */
struct life_ref {
	struct life *l;
	int64_t id;
};

static inline struct life_ref life_ref(struct life *l)
{
	return (struct life_ref){ l, l ? l->id : 0 };
}

/* life_deref() - the life, or NULL when its row is written. */
static inline struct life *life_deref(struct life_ref r)
{
	return r.l && r.l->id == r.id ? r.l : NULL;
}

/* A row of _packet; ids are 0 where there is none. */
struct packet_row {
	int64_t id;
	int64_t first_ns, last_ns;
	int64_t drop_id, parent_id;
	int32_t netns_in_id, netns_out_id;
	int32_t dev_in_id, dev_out_id;
	int32_t flow_id;
	uint32_t len_bytes;
	int32_t protocol; /* -1 not told */
	int32_t cpu_hops;
	uint8_t kind, outcome, link, flags, confidence;
};

/* A row of _hop, but for what the packet tells. */
struct __attribute__((packed)) hop_row {
	int64_t ts_ns;
	int32_t pid;
	uint16_t dev, cpu;
	uint8_t stage;
	uint8_t context : 4;
	uint8_t confidence : 4;
};

/* Places of a device, as struct lives numbers them, in the database; 0 where not known. */
struct life_dev {
	char name[16];
	int64_t name_id;
	int64_t netns_id; /* where only one namespace of the host has a device of that name, else 0
			   */
};

struct life_store;

/* life_open() - Return: 0, -ENOMEM. @devs: table that dev numbers index, read when a life is
 * written. */
int life_open(struct life_store **s, struct db *db, struct life_dev *const *devs);
void life_close(struct life_store *s);

/* life_find() - the open life of an address, or NULL. */
struct life *life_find(const struct life_store *s, uint64_t addr);

/* life_new() - a life at @addr, which must have none. Return: NULL when out of memory. */
struct life *life_new(struct life_store *s, uint64_t addr);

/* life_hop() - one more stage. Hops beyond a bound are not kept. Return: 0, -ENOMEM. */
int life_hop(struct life_store *s, struct life *l, const struct hop *h);

/* life_touch() - it was used last. */
void life_touch(struct life_store *s, struct life *l);

/* life_oldest() - the life that was not used for longest when there are too many, else NULL. */
struct life *life_oldest(const struct life_store *s);

/* life_any() - one that is still open, the eldest first; NULL: none is left. */
struct life *life_any(const struct life_store *s);

/* life_end() - take it out of the table; written (that is: kept for life_rows()) at once unless something holds it. Return: 0 or an
 * error of life_write(). */
int life_end(struct life_store *s, struct life *l);

/* life_hold(), life_release() - keep a life's row open for an event that is still to come. */
void life_hold(struct life *l);
int life_release(struct life_store *s, struct life *l);

/* life_set_link(), life_set_doubt() - of a life that was written: what it is of; that it is no better than 'high'. Return: 0,
 * or the database's error. */
int life_set_link(struct life_store *s, int64_t id, int link, int64_t parent_id);
int life_set_doubt(struct life_store *s, int64_t id);

/* What may still change in a packet's rows before they are in the database. */
typedef void life_amend(void *ctx, struct packet_row *p, struct hop_row *h, size_t hops);

/* life_rows() - _packet, _hop and _cpu_hop, in order of packets, as rows_end() wants them. Every life must be ended and
 * released. Return: 0, or the database's error. */
int life_rows(struct life_store *s, life_amend *amend, void *ctx);

/* life_finish() - latency and cpu_hop, once the rows are in the database. */
int life_finish(struct life_store *s);

#endif
