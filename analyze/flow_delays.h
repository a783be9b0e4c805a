/* SPDX-License-Identifier: MIT */
/*
 * flow_delays: times between stages by flow, which is known only when the
 * packets are tied to frames: the rows of latency_part with part 'flow'.
 */
#ifndef SKBTAPE_FLOW_DELAYS_H
#define SKBTAPE_FLOW_DELAYS_H

#include "delays.h"

struct flow_delays;

/* flow_delays_open() - Return: 0, -ENOMEM. Freed by flow_delays_close(). */
int flow_delays_open(struct flow_delays **f, struct db *db);
void flow_delays_close(struct flow_delays *f);

/* flow_delays_add() - a time of a packet, whose times come one after the other. Return: 0,
 * -ENOMEM. */
int flow_delays_add(struct flow_delays *f, int64_t packet_id, enum stage from, enum stage to,
		    uint64_t ns);

/* flow_delays_finish() - write latency_part. Return: 0, -ENOMEM, or the database's error. */
int flow_delays_finish(struct flow_delays *f);

#endif
