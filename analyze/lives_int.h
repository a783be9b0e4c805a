/* SPDX-License-Identifier: MIT */
/* lives_int: what lives.c, lives_path.c and lives_end.c share. */
#ifndef SKBTAPE_LIVES_INT_H
#define SKBTAPE_LIVES_INT_H

#include "drops.h"
#include "life.h"
#include "lives.h"
#include "ties.h"

#define LIVES_CPUS_MAX 4096
#define DEVS_MAX       65535
#define NEST_MAX       16 /* XMIT_RECURSION_LIMIT is 8 (include/linux/netdevice.h) */
#define GRO_NEST_MAX   4
#define HELD_MAX       16
#define SENT_RING      16    /* last births by net_dev_queue on a CPU */
#define SENT_BEFORE    65536 /* last births by address */
#define QUEUE_SPLITS   256   /* packets cut by a queue whose segments are still in it */

/* Gaps, ns (measured, see the comments where they are used). */
#define GAP_SHORT  1000000
#define GAP_QUEUED 100000000 /* a CPU that was held between two events of one call */
#define GAP_STAMP  50000 /* from a stamp to its event, where no event bounds it */

/* The last event of a CPU that moved a packet. */
enum net_last {
	NET_NONE,
	NET_ENTRY,   /* handed to the stack */
	NET_RECEIVE, /* netif_receive_skb */
	NET_READY,   /* its socket was told */
	NET_QUEUE,   /* net_dev_queue, qdisc_enqueue */
	NET_DEQUEUE,
	NET_SPLIT, /* a packet was segmented */
	NET_START, /* net_dev_start_xmit */
	NET_XMIT,  /* net_dev_xmit */
	NET_FREE,
};

/* An open call of a driver. */
struct nest {
	struct life *l; /* held */
	uint64_t addr;
	uint16_t dev;
};

/* A birth on the sending side. */
struct sent {
	uint64_t addr, ts;
	int64_t id;
	int64_t before; /* the packet that had this address before, 0: none */
};

struct lives_cpu {
	uint32_t run;	/* changes with every softirq run and every switch of tasks */
	uint32_t batch; /* changes with every row of netif_receive_skb without another net event
			   between */
	uint32_t batch_n;
	uint32_t batch_next; /* those before this one have gone on or ended, as seen */
	uint32_t rx_n;	     /* netif_receive_skb since the poll or softirq began */
	uint32_t list_n;     /* of these, by a list */
	bool rx_open;	     /* the receiving call of the last one may go on */
	enum net_last last;
	enum net_last before; /* what it was at a free */
	struct nest nest[NEST_MAX];
	int nest_n;
	struct life_ref gro[GRO_NEST_MAX]; /* entries whose exit has not come */
	int gro_n;
	struct life_ref held[HELD_MAX]; /* packets that GRO keeps to merge others into */
	int held_n;
	bool held_more;		  /* there were more */
	struct life_ref entry;	  /* the stack stamps it before this CPU's next event */
	struct life_ref received; /* last netif_receive_skb */
	int64_t freed;		  /* the event before this one freed that reassembled packet */
	int rx_group;		  /* the last netif_receive_skb among the ties, -1: none */
	int64_t rx_index;
	int64_t tx_lo_ns; /* when the present transmission can have begun at the earliest */
	uint64_t tx_lo_addr; /* what was queued or dequeued then; another may have been sent since */
	int64_t before_ns; /* of the CPU's event before this one, interrupts left out; 0: not known */
	int64_t tap_ns;	  /* the event before this one freed a tap's clone then, 0: it did not */
	/* a packet that was segmented: its segments are the next ones that start here */
	bool split, split_sure;
	int split_nest;
	uint16_t split_dev;
	struct life split_parent; /* a copy, as it was when it ended */
	struct life_ref forward; /* taken for forwarded, last */
	/* last net_dev_queue */
	struct life_ref queued;
	uint64_t queue_addr;
	uint16_t queue_dev;
	struct sent sent[SENT_RING];
	unsigned int sent_n;
	uint64_t ready_sk; /* the event before this one told that socket */
	/* a consume_skb without location that may be a tap's clone: the next event tells */
	struct life_ref consumed;
	struct event consumed_ev;
};

enum pairing {
	PAIR_NO,
	PAIR_YES,
	PAIR_SURE, /* all devices of these names are */
	PAIR_UNKNOWN,
};

/* A device by name; number 0 stands for none. */
struct lives_dev {
	int rx_group, tx_group; /* of ties, -1 none */
	uint64_t rx_bare, tx_bare; /* packets that passed its taps where there is none */
	bool loopback, tunnel, ifb, veth;
	bool copies; /* a tunnel that may hand over copies of what it received */
	bool forwards; /* a packet may leave by it that came in by it */
	/* answers of last time, about another device: is it the other end, can it be in the same
	 * namespace */
	uint16_t peer, together, apart;
	enum pairing pairing;
	uint16_t bridged, unbridged; /* ports of one bridge, or not */
};

/* A packet that a queue cut into segments, which come out of it in order. */
struct queue_split {
	int64_t id; /* 0: free */
	uint32_t len, segment,
		left; /* bytes; of its first segment, 0: none yet; segments to come */
	uint16_t dev, dev_rx_first, dev_rx_last, dev_tx_first;
	bool born_tx, received, forwarded;
	bool in_order; /* the queue is one row */
};

struct lives_read;

/* A drop whose namespace a tie may tell, or, where the namespace is known, the device above. */
struct place {
	int64_t drop_id, packet_id, dev_id, netns_id;
	bool received; /* its packet was received, and nothing else happened to it since */
};

/* A drop while a neighbour was being resolved, of what may be a forwarded packet: the ties tell. */
struct wait {
	int64_t drop_id, packet_id;
};

/* A hop that is certain if the frames tell that TCP cannot have absorbed the packet. */
struct claim {
	int64_t packet_id, dev_id; /* received by that device (of _name) */
	uint32_t seq;
	bool drop;
};

struct lives {
	struct db *db;
	struct host *host;
	struct life_store *store;
	struct drops *drops;
	struct ties *ties;
	struct life_dev *dev; /* 1 .. dev_n; one more allocated than used */
	struct lives_dev *dev_more;
	size_t dev_n, dev_cap;
	uint32_t *dev_slot; /* by name: open addressing, a power of two */
	size_t dev_slots;
	bool all_netns; /* every namespace of the host was recorded: a device name that is known
			   once is unique */
	bool has_gro_exit, has_xmit, has_start, has_entries, has_queue, has_softirq, has_switch;
	bool has_retransmit, has_consume;
	bool has_location; /* consume_skb tells where */
	bool has_nfqueue;  /* rules hand packets to processes, who keep them or change them */
	bool has_lite;	   /* a UDP-Lite socket was told of something */
	int64_t ready_id;  /* the packet that the last sk_data_ready was about, 0: not known */
	bool whole;	   /* every event that begins, moves or ends a packet is recorded */
	struct lives_cpu *cpu;
	int cpu_n;
	uint32_t losses;
	struct ties_gap *loss;
	size_t loss_n, loss_cap;
	struct place *place;
	size_t place_n, place_cap;
	int8_t has_upper; /* the host has a device that lies above others: 1, -1 no, 0 not asked yet */
	struct wait *wait;
	size_t wait_n, wait_cap;
	struct claim *claim;
	size_t claim_n, claim_cap;
	int64_t first_ns, last_ns; /* of the events */
	struct sent *before;	   /* last birth on the sending side, by address */
	struct queue_split queue_split[QUEUE_SPLITS]; /* eldest first, from queue_split_at on */
	unsigned int queue_split_at, queue_split_n;
	struct lives_read *read;
	sqlite3_stmt *get_forwarding;
	uint64_t clone_delta; /* from a queued skb to its clone, 0: not known yet */
	sqlite3_stmt *set_doubt; /* once the rows are in the database */
};

/* lives.c */
uint16_t lives_dev(struct lives *v, const struct event *ev);
bool lives_same_netns(const struct lives *v, uint16_t a, uint16_t b);
int lives_hop(struct lives *v, struct life *l, const struct event *ev, enum stage stage,
	      int confidence);
const struct tie *lives_first_tie(const struct tie *t, size_t n, int64_t packet_id);
int lives_late_hop(struct lives *v, struct life *l, const struct event *ev, enum stage stage,
		   int confidence);
int lives_birth(struct lives *v, uint64_t addr, struct life **l);
int lives_aside(struct lives *v, struct life *l, const struct event *ev, enum stage stage,
		int confidence);
bool lives_same_run(const struct lives *v, const struct life *l, const struct event *ev);

/* lives_sure.c: what is certain */
bool lives_held(const struct lives *v, const struct life *l);
int lives_confidence(const struct lives *v, const struct life *l, const struct event *ev,
		     bool verified);
bool lives_at(const struct lives *v, const struct life *l, const struct event *ev);
bool lives_probed_surely(struct lives *v, const struct life *l, const struct event *ev);
bool lives_is_next(const struct lives *v, const struct life *l, const struct event *ev);
void lives_receiving(struct lives *v, struct life *l, const struct event *ev, bool queued,
		     bool crossed);
void lives_calls_over(struct lives_cpu *c);
bool lives_announced(const struct lives *v, const struct life *l, const struct event *ev);
bool lives_forwards_surely(struct lives *v, struct life *l, uint16_t dev,
			   const struct event *ev);
int lives_forward_doubt(struct lives *v, const struct event *ev);
bool lives_claim(struct lives *v, const struct life *l, bool drop);
int lives_claims_settle(struct lives *v);
int lives_absorbed(struct lives *v);
int lives_doubt_places(struct lives *v);
int lives_place_drops(struct lives *v);
/* lives_height() - how high a device of that kind can lie above others whose packets it receives without an event, 0: it does not. */
int lives_height(const char *kind);

/* lives_path.c: events of packets that go on */
int lives_entry(struct lives *v, const struct event *ev, enum stage stage);
int lives_receive(struct lives *v, const struct event *ev);
int lives_queue(struct lives *v, const struct event *ev);
int lives_qdisc(struct lives *v, const struct event *ev, enum stage stage);
int lives_start(struct lives *v, const struct event *ev);
int lives_xmit(struct lives *v, const struct event *ev);
int lives_copy(struct lives *v, const struct event *ev);
int lives_probe(struct lives *v, const struct event *ev);
int lives_ready(struct lives *v, const struct event *ev);
int lives_retransmit(struct lives *v, const struct event *ev);

/* lives_parts.c: what packets are cut into */
void lives_queue_split(struct lives *v, const struct life *l, bool in_order);
void lives_queue_child(struct lives *v, struct life *l, uint32_t len);
void lives_queue_forget(struct lives *v, uint16_t dev);
int lives_fragments(struct lives *v, const struct life *l, const struct event *ev);

/* lives_read.c: what readers get from their sockets */
int lives_read_open(struct lives *v);
void lives_read_close(struct lives *v);
int lives_read_queued(struct lives *v, struct life *l, const struct event *ev);
int lives_read_woken(struct lives *v, uint64_t sk, const struct event *ev);
void lives_read_task(struct lives *v, const struct event *ev);
int lives_read(struct lives *v, const struct event *ev);
int lives_read_finish(struct lives *v);

/* lives_end.c: events that end a life, and ends without one */
int lives_gro_exit(struct lives *v, const struct event *ev);
int lives_consume(struct lives *v, const struct event *ev);
int lives_consume_settle(struct lives *v, struct lives_cpu *c, const struct event *next);
int lives_kfree(struct lives *v, const struct event *ev);
int lives_end_inferred(struct lives *v, struct life *l, bool at_end);
int lives_nest_clear(struct lives *v, struct lives_cpu *c, int down_to);

#endif
