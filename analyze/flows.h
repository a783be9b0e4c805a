/* SPDX-License-Identifier: MIT */
/* flows: directed 5-tuples, numbered as they are first seen; the table flow. */
#ifndef SKBTAPE_FLOWS_H
#define SKBTAPE_FLOWS_H

#include "db.h"
#include "dissect.h"
#include "host.h"

struct flows;

int flows_open(struct flows **f);
/* flows_add() - count a frame in the flow of @ip. Return: the flow's id, 0 where @ip is none or memory is out. */
int32_t flows_add(struct flows *f, int64_t netns_id, const struct dissect_ip *ip, uint32_t len_bytes,
		  int64_t ts_ns);
/* flows_write() - the rows of table flow, reverse_id filled in. */
int flows_write(struct flows *f, struct db *d, const struct host *h, struct err *e);
void flows_free(struct flows *f);

#endif
