/* SPDX-License-Identifier: MIT */
/*
 * frames: captured frames of all pcapng members: tables _frame and flow, and a
 * compact index in memory that ties works on.
 */
#ifndef SKBTAPE_FRAMES_H
#define SKBTAPE_FRAMES_H

#include "clocks.h"
#include "host.h"

/* One frame as far as a tie needs it. */
struct frame_ref {
	int64_t ts_ns;
	uint32_t no;	    /* of table _frame, 1-based */
	uint32_t len_bytes; /* original length on the device, VLAN tag included */
	uint32_t l3_bytes;  /* original length from the network header on (= netif_receive_skb.len); 0: unknown */
	int32_t flow_id;    /* 0: none */
	uint16_t ethertype; /* behind VLAN tags, 0: unknown */
	uint16_t vlan_tci;  /* of a tag that was put back, 0: none */
	uint32_t packet_id; /* set by ties, 0: none */
	uint32_t key;	    /* of what its innermost headers carry from tap to tap, 0: nothing known */
	uint8_t ip_proto;
	uint8_t untied;	     /* set by ties: enum ties_why, 0: tied */
	uint8_t tie : 2;	     /* 0 none, 1 unique, 2 ordered, 3 ambiguous */
	uint8_t direction : 1;  /* 0 in, 1 out */
	uint8_t late_stamp : 1; /* stamped behind netif_receive_skb, not before it */
};

/* All frames of one device and direction, in file order (the order of the kernel's ring). */
struct frame_stream {
	int64_t netns_id;
	int ifindex;
	char dev[16];
	int64_t dev_id; /* of that name, in _name */
	int direction;	/* 0 in, 1 out */
	struct frame_ref *v;
	size_t n, cap;
};

/* A time in which a capture's ring lost frames, CLOCK_MONOTONIC, ns. */
struct frames_loss {
	int64_t from_ns, to_ns; /* from_ns 0: since the capture's begin */
};

struct frames;

/**
 * frames_begin() - decode every pcap member, stamps on the timeline of @c; in a thread of its own where that can be
 * @h: namespaces, complete; until frames_end() nothing may be added to the tape
 * frames_end() - wait for that, then the database gets flows and what is damaged. Every frames_begin() needs one, or frames_free().
 * Return: 0, -ENOMEM, -EIO (database).
 */
int frames_begin(struct frames **f, struct tape *t, struct db *d, struct host *h, const struct clocks *c, struct err *e);
int frames_end(struct frames *f, struct err *e);
/* frames_write() - the rows of _frame and of its indexes, with packet_id, tie and untied of the index, which is gone then; before rows_finish(). Return: 0, or as db_run(). */
int frames_write(struct frames *f, struct db *d);
/* frames_finish() - _flow_seen; behind rows_finish(). Return: as db_run(). */
int frames_finish(struct frames *f, struct db *d);
void frames_free(struct frames *f);

uint64_t frames_total(const struct frames *f);
size_t frames_stream_count(const struct frames *f);
struct frame_stream *frames_stream_at(struct frames *f, size_t i);
/* frames_losses() - of all rings, in no order. */
const struct frames_loss *frames_losses(const struct frames *f, size_t *n);

#endif
