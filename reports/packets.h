/* SPDX-License-Identifier: MIT */
/* packets: the packets that a report shows one by one. */
#ifndef SKBTAPE_PACKETS_H
#define SKBTAPE_PACKETS_H

#include "page.h"

/* slowest packets of each way and pair of stages that the page has and links to */
#define SLOW_LINKS	3
#define SLOW_LINKS_TEXT "3"

/* packets_choose() - those of the findings, of each kind of drop, the slowest, typical ones.
 * Return: NULL when out of memory. */
struct chosen *packets_choose(struct rep *r);
/* packets_chosen() - whether the report has a packet, and so a place #packet-ID */
bool packets_chosen(const struct chosen *c, int64_t id);
void packets_free(struct chosen *c);
/* packets_json() - the member "packets" for the page's script */
void packets_json(struct page *p, struct json *j);

#endif
