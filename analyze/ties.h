/* SPDX-License-Identifier: MIT */
/*
 * ties: which captured frame is which packet. Events that stand beside a tap are
 * noted while the trace is read, each with the time in which the tap must have
 * stamped it; frames are matched to them afterwards.
 */
#ifndef SKBTAPE_TIES_H
#define SKBTAPE_TIES_H

#include "clocks.h"
#include "frames.h"

/* An event beside a tap: net_dev_start_xmit (out) or netif_receive_skb (in). Times are
 * CLOCK_REALTIME, ns. */
struct tie_event {
	int64_t packet_id;
	int64_t ts_ns;
	int64_t lo_ns, hi_ns; /* stamped between these, both <= ts_ns */
	uint32_t len_bytes;   /* out: with link header, in: from the network header on */
	int cpu;
};

/* What a frame told of a packet. */
struct tie {
	int64_t ts_ns;
	uint32_t packet_id;
	int32_t netns_id;
	int32_t dev_id;	 /* of _name */
	int32_t flow_id;   /* 0: none */
	uint8_t kind;	   /* 1 unique, 2 ordered, 3 ambiguous */
	uint8_t direction; /* 0 in, 1 out */
};

/* Why a frame is tied to no packet, or a packet that passed a tap has no frame (table tie_gap). */
enum ties_why {
	WHY_NONE,
	/* frames */
	WHY_EVENTS_LOST,
	WHY_BEFORE_EVENTS,
	WHY_AFTER_EVENTS,
	WHY_CLOCK,	   /* the clocks of frames and events are not tied well enough */
	WHY_DEVICE_SILENT, /* the device has no event of that direction at all */
	WHY_UPPER_DEVICE,  /* nor does what is below it, as far as that is known */
	WHY_NO_LENGTH,	   /* its network header is not known */
	WHY_NO_EVENT,	   /* none of that length at that time */
	WHY_CONTESTED,	   /* other frames have the events that it could be; or the reverse */
	/* events */
	WHY_FILTER,	  /* a capture filter was in force */
	WHY_NOT_CAPTURED, /* no frame of a device of that name and direction was captured */
	WHY_FRAMES_LOST,  /* the capture's ring overran */
	WHY_XDP,	  /* a generic XDP program, between event and tap, may have dropped it */
	WHY_BEFORE_FRAMES,
	WHY_AFTER_FRAMES,
	WHY_UNKNOWN,
	WHY_COUNT,
};

/* ties_why_name() - the word of table tie_gap. */
const char *ties_why_name(enum ties_why w);

struct ties;

/* ties_open() - @f: NULL where nothing was captured. Return: 0, -ENOMEM. */
int ties_open(struct ties **t, struct db *d, struct frames *f, const struct clocks *c);
void ties_close(struct ties *t);

/* ties_group() - where events of a device and direction (0 in, 1 out) go. Return: -1 when no frame
 * of such a device was captured. */
int ties_group(const struct ties *t, const char *dev, int direction);

/* ties_add() - note an event, in order of time. Return: its number in the group, or -ENOMEM. */
int64_t ties_add(struct ties *t, int group, const struct tie_event *e);

/* ties_bound() - when the CPU did something else after event @i of @group: it was stamped before
 * that. */
void ties_bound(struct ties *t, int group, int64_t i, int64_t ts_ns);

/* A time in which events were lost, CLOCK_REALTIME, ns. */
struct ties_gap {
	int64_t from_ns, to_ns;
};

/* What of the time the events cover. */
struct ties_seen {
	int64_t first_ns, last_ns;   /* of all events */
	const struct ties_gap *gaps; /* in order, none overlaps another */
	size_t gaps_n;
};

/* ties_match() - match, mark the frames of the index, and say in quality what has no counterpart
 * and why. Return: 0, -ENOMEM. */
int ties_match(struct ties *t, const struct ties_seen *seen);

/* ties_bare() - @n packets passed the tap of a device of which no frame was captured. */
int ties_bare(struct ties *t, int64_t dev_id, int direction, uint64_t n);

/* ties_list() - the result, by packet, then the best first, then by time. */
const struct tie *ties_list(const struct ties *t, size_t *n);

struct packet_row;

/* ties_apply() - flow and namespaces of a packet by its ties. Packets come in order of their ids. */
void ties_apply(struct ties *t, struct packet_row *p);

#endif
