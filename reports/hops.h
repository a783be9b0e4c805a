/* SPDX-License-Identifier: MIT */
/* hops: what the report counts of all stages of all packets, in one walk over them. */
#ifndef SKBTAPE_HOPS_H
#define SKBTAPE_HOPS_H

#include "tally.h"

struct hops {
	struct tally at; /* key: namespace and device, 0 where not known, and stage, of _stage */
	struct tally reader; /* key: task that copied a packet's data, 0, 0 */
};

/* hops_read() - count. Freed by hops_free(). */
void hops_read(struct hops *h, struct rep *r);
void hops_free(struct hops *h);

#endif
