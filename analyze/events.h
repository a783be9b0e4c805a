/* SPDX-License-Identifier: MIT */
/* events: trace events that have no table of their own, as rows of _event, and the table event_type. */
#ifndef SKBTAPE_EVENTS_H
#define SKBTAPE_EVENTS_H

#include "db.h"
#include "trace.h"

struct events;

int events_open(struct events **v, struct db *d, const struct trace *t, const struct symbols *s);
/* events_event() - store @ev if it is for this table. Return: 0, -ENOMEM, or the database's error. */
int events_event(struct events *v, const struct event *ev);
/* events_finish() - table event_type. */
int events_finish(struct events *v, struct err *e);
void events_close(struct events *v);

#endif
