/* SPDX-License-Identifier: MIT */
/*
 * drops: where skbs are freed, and what that means: the dictionary of drop
 * reasons and locations, tables _drop, _drop_reason and symbol.
 *
 * Classes: loss (should have gone on), policy (a rule said so), error (it was
 * malformed), protocol (the protocol has no use for it: a duplicate, a reset),
 * noise (no one is hurt), teardown (a socket, queue or device went away).
 */
#ifndef SKBTAPE_DROPS_H
#define SKBTAPE_DROPS_H

#include "db.h"
#include "symbols.h"
#include "trace.h"

/* On which part of an skb's way a function frees: what the skb must have done before. */
enum site_path {
	PATH_ANY,
	PATH_RX,    /* in the receiving call itself */
	PATH_LATE,  /* received before: socket queues, reassembly, backlogs */
	PATH_TX,    /* between socket and driver, or forwarding */
	PATH_DONE,  /* after the driver */
	PATH_TAP,   /* a copy for a packet socket */
	PATH_OTHER, /* no network packet at all: AF_UNIX, netlink ... */
	PATH_COUNT
};

/* What a consume_skb there tells. */
enum site_use {
	USE_UNKNOWN,
	USE_STACK,	/* a protocol is done with it */
	USE_READ,	/* a process has read it */
	USE_DEFERRED,	/* freed later than it ended */
	USE_SPLIT,	/* software segmentation: its children go on */
	USE_QUEUE,	/* segmentation within a queue: its children come out of that in order */
	USE_SHUFFLE,	/* segmentation within a queue that has an order of its own */
	USE_FRAGMENT,	/* its fragments have gone on */
	USE_REASSEMBLY, /* what it held is in the fragment that came last */
	USE_MEMBER,	/* it was in the list of the packet that is freed */
};

struct dict_row;

/* A place that frees skbs. Valid until drops_close(). */
struct site {
	uint64_t addr;
	struct symbol_name name;
	int64_t symbol_id;	    /* of table symbol, 0: no drop there yet */
	const struct dict_row *row; /* NULL: not in the dictionary */
	enum site_path path;
	enum site_use use;
	bool known; /* the dictionary names it itself, not by a pattern */
};

/* One kfree_skb. */
struct drop {
	const struct site *site;
	int64_t packet_id; /* 0: none */
	int64_t ts_ns;
	int64_t reason;	  /* -1: the kernel has none */
	int64_t dev_id;	  /* of _name, 0: not known */
	int64_t netns_id; /* 0: not known */
	int32_t protocol; /* ethertype, -1: not told */
	int32_t pid;
	int cpu;
	int context;	 /* 1 task, 2 softirq, 3 hardirq */
	int has_socket;	 /* 1, 0, -1: the kernel does not tell */
	bool completion; /* the driver is done with a packet that it sent: nothing was lost */
};

struct drops;

/* drops_open() - parse the dictionary, fill _drop_reason from the tape's format of kfree_skb.
 * Return: 0, -ENOMEM, -EIO. */
int drops_open(struct drops **d, struct db *db, const struct trace *t, const struct symbols *s);
void drops_close(struct drops *d);

/* drops_site() - the place of a location address, 0: the kernel does not tell. Return: NULL when
 * out of memory. */
struct site *drops_site(struct drops *d, uint64_t addr);

/**
 * drops_judge() - what a drop is
 * @reason: as in struct drop
 * @layer, @class: texts, never NULL in p
 *
 * The reason goes first; without one, or where it says nothing or is newer than
 * the dictionary, the location; a pair of both that the dictionary lists goes
 * before either. A free that neither names is 'loss' when the kernel did give a
 * reason, else 'error' of layer 'unknown': it is shown, but not counted as loss.
 */
void drops_judge(const struct drops *d, const struct site *s, int64_t reason, struct span *layer,
		 struct span *class);

/* drops_add() - a row of _drop. @id: its number, @noise: whether it is of that class. Return: 0,
 * -ENOMEM, -EIO. */
int drops_add(struct drops *d, const struct drop *x, int64_t *id, bool *noise);

#endif
