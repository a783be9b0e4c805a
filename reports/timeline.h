/* SPDX-License-Identifier: MIT */
/* timeline: what happened when, in buckets that an eye can tell apart. */
#ifndef SKBTAPE_TIMELINE_H
#define SKBTAPE_TIMELINE_H

#include "rep.h"
#include "../schema/json.h"

struct timeline;

/* timeline_make() - count everything into buckets. Return: NULL when the time of the recording is not known, or out of memory. */
struct timeline *timeline_make(struct rep *r);
void timeline_free(struct timeline *t);
/* timeline_json() - the member "timeline" for the page's script; null without one. */
void timeline_json(const struct timeline *t, struct json *j);

#endif
