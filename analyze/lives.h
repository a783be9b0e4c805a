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
 * @f: captured frames, NULL: none. Their ties are set by lives_end()
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
/* lives_ready_id() - the packet of the sk_data_ready that lives_event() got last, 0: not known. */
int64_t lives_ready_id(const struct lives *l);
/*
 * What comes behind the last event: lives_end() ends what is open and ties the frames; then, between rows_pause() and
 * rows_finish(), lives_rows() writes _packet, _hop and _cpu_hop; lives_finish() is what follows from these. Return: as
 * lives_event().
 */
int lives_end(struct lives *l);
int lives_rows(struct lives *l);
int lives_finish(struct lives *l);

/* lives_reassembled() - ends of the parts of datagrams that were put together again, once the frames'
 * ties are in the database. Return: 0, or the database's error. */
int lives_reassembled(struct lives *l);

/* lives_told() - flows of packets without a frame that events tell, once all events are in the
 * database. Return: 0, or the database's error. */
int lives_told(struct lives *l);

void lives_close(struct lives *l);

#endif
