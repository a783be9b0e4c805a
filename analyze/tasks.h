/* SPDX-License-Identifier: MIT */
/* tasks: names of tasks that only the events show (short-lived ones, between the two task lists of a tape). */
#ifndef SKBTAPE_TASKS_H
#define SKBTAPE_TASKS_H

#include "db.h"
#include "trace.h"

struct tasks;

int tasks_open(struct tasks **t, struct db *d);
/* tasks_event() - look at a sched_switch. Return: 0, -ENOMEM. */
int tasks_event(struct tasks *t, const struct event *ev);
/* tasks_finish() - rows of table task for those that it does not have yet. */
int tasks_finish(struct tasks *t, struct err *e);
void tasks_close(struct tasks *t);

#endif
