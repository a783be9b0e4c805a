/* SPDX-License-Identifier: MIT */
/*
 * lives: follows each skb through the events of the merged trace: tables
 * _packet, _hop, _stage, _drop, _drop_reason, symbol, latency and cpu_hop, and
 * the ties of captured frames.
 */
#ifndef SKBTAPE_LIVES_H
#define SKBTAPE_LIVES_H

#include "clocks.h"
#include "frames.h"
#include "host.h"
#include "symbols.h"
#include "trace.h"

struct lives;

/**
 * lives_open() - start following
 * @h: namespaces and devices, complete
 * @t: for the tape's formats; NULL: every event may come
 * @f: captured frames, NULL: none. Their ties are set by lives_finish()
 *
 * All of these must outlive the lives. Return: 0, -ENOMEM, -EIO (database).
 */
int lives_open(struct lives **l, struct db *d, struct host *h, const struct trace *t,
	       const struct symbols *s, struct frames *f, const struct clocks *c, struct err *e);

/* lives_event() - every event of the merged stream, in order, EV_LOST too. Return: 0, -ENOMEM, or
 * the database's error. */
int lives_event(struct lives *l, const struct event *ev);

/* lives_lowered() - behind an EV_LOST that says so: what @t no longer has is not waited for. Return: as
 * lives_event(). */
int lives_lowered(struct lives *l, const struct trace *t);

/* lives_finish() - write what is open, tie the frames, and what follows from both. Return: as
 * lives_event(). */
int lives_finish(struct lives *l);

/* lives_reassembled() - ends of the parts of datagrams that were put together again, once the frames'
 * ties are in the database. Return: 0, or the database's error. */
int lives_reassembled(struct lives *l);

/* lives_told() - flows of packets without a frame that events tell, once all events are in the
 * database. Return: 0, or the database's error. */
int lives_told(struct lives *l);

void lives_close(struct lives *l);

#endif
