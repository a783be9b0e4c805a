/* SPDX-License-Identifier: MIT */
/*
 * flow_many: the packets of flows that have many, counted once, so that a question about such a flow
 * need not go through all of them (_flow_many, _flow_took).
 */
#ifndef SKBTAPE_FLOW_MANY_H
#define SKBTAPE_FLOW_MANY_H

#include "db.h"

/* flow_many_write() - once packets are as they stay, with _packet_flow made; the frames of these flows are in _flow_many already.
 * Return: 0, -ENOMEM, or as db_exec(). */
int flow_many_write(struct db *d, struct err *e);

#endif
