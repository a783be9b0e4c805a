/* SPDX-License-Identifier: MIT */
/* stack: what is known of each place that a packet passes, of the whole host or a part of it. */
#ifndef SKBTAPE_STACK_H
#define SKBTAPE_STACK_H

#include "hops.h"
#include "page.h"

enum place {
	RX_NIC,
	RX_IRQ,
	RX_NAPI,
	RX_GRO,
	RX_CORE,
	RX_TAP,
	RX_TC,
	RX_FILTER,
	RX_IP,
	RX_TRANSPORT,
	RX_SOCKET,
	RX_READER,
	TX_WRITE,
	TX_TRANSPORT,
	TX_IP,
	TX_FILTER,
	TX_NEIGH,
	TX_QDISC,
	TX_TAP,
	TX_DRIVER,
	TX_NIC,
	PLACE_COUNT,
};

#define RX_PLACES TX_WRITE
#define TX_PLACES (PLACE_COUNT - RX_PLACES)

struct place_info {
	const char *name;
	const char *what;      /* for the table */
	const char *stages[3]; /* hops that mean a packet came here */
	const char *unit;
};

extern const struct place_info stack_places[PLACE_COUNT];

struct box {
	int64_t packets; /* -1: nothing tells */
	int64_t harmful, other;
	int64_t p50_ns, p99_ns, count; /* count 0: no delay known */
	char from[48];		       /* stage that the delay is from */
	int64_t finding;	       /* best one here, 0: none */
	char severity[16];
	int findings;
};

struct stack {
	char netns[160], dev[48]; /* "": all */
	struct box box[PLACE_COUNT];
	int64_t unplaced;
	int64_t forwarded; /* of the whole host */
	int64_t packets, drops;
};

#define MAX_SCOPES 20

/* The whole host first, then its busiest namespaces and devices. */
struct stacks {
	size_t n;
	struct stack v[1 + MAX_SCOPES];
	int64_t left_out;     /* namespaces and devices */
	int64_t no_direction; /* frames of which nothing tells whether they came or went */
	int64_t uncounted;    /* frames and stages of more devices than are counted */
};

/* stack_counts() - whether hops of @stage are numbers of the picture. */
bool stack_counts(const char *stage);
/* stacks_read() - Return: NULL when out of memory; freed by free(). */
struct stacks *stacks_read(struct rep *r, const struct hops *hops);

#endif
