/* SPDX-License-Identifier: MIT */
/*
 * lives_fake: made-up events, devices, frames and symbols for the tests of
 * lives, ties, drops and spans, in the place of trace.c, host.c, frames.c,
 * symbols.c and clocks.c.
 */
#ifndef SKBTAPE_LIVES_FAKE_H
#define SKBTAPE_LIVES_FAKE_H

#include "../analyze/frames.h"
#include "../analyze/trace.h"

/* What an event holds. */
struct fake_fields {
	bool has[F_COUNT];
	uint64_t num[F_COUNT];
	const char *text[F_COUNT];
};

/* Where and when it happens; the builders below take it from here. */
struct fake_now {
	uint64_t ts; /* ns; ts_ns is FAKE_EPOCH later */
	int cpu;
	int pid;
	uint8_t flags;
};

#define FAKE_EPOCH 1700000000000000000LL

/* fake_event() - an event of @kind with fields given as F_X, value pairs up to F_COUNT; text fields
 * take a const char *. */
struct event fake_event(const struct fake_now *now, enum ev_kind kind, struct fake_fields *room,
			...);

/* Kinds that trace_has() denies. */
void fake_trace_without(enum ev_kind kind);
/* Drop reasons that the format names: NULL-terminated, value is the place in the list. */
void fake_trace_reasons(const char *const *names);

/* fake_symbol() - an address inside @function, the same for the same name. */
uint64_t fake_symbol(const char *function);

/* Devices. */
struct host *fake_host(void);
int64_t fake_host_dev(struct host *h, int64_t netns_id, const char *name, const char *kind);
void fake_host_pair(struct host *h, int64_t a, int64_t b);
void fake_host_master(struct host *h, int64_t id, int master_ifindex);

/* Frames. */
struct frames *fake_frames(void);
struct frame_ref *fake_frame(struct frames *f, int64_t netns_id, const char *dev, int direction,
			     uint64_t ts, uint32_t len);
void fake_frames_loss(int64_t from_ns, int64_t to_ns);
void fake_clocks_error(int64_t ns);

/* fake_reset() - forget all of the above; frees hosts and frames. */
void fake_reset(void);

#endif
