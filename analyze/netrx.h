/* SPDX-License-Identifier: MIT */
/*
 * netrx: runs of the NET_RX softirq and their polls: tables napi_poll, napi_cpu
 * and squeeze.
 */
#ifndef SKBTAPE_NETRX_H
#define SKBTAPE_NETRX_H

#include "db.h"
#include "trace.h"

/* A CPU's present run. Zero-initialised: there is none. */
struct netrx_cpu {
	uint64_t entered; /* trace clock, ns; 0: no run */
	uint64_t polled;  /* end of its last poll */
	uint64_t polls, work;
	bool more; /* NET_RX was raised again since its last poll */
	bool work_known;
};

struct netrx;

/* netrx_open() - the snapshots' sysctls must be in the database. Return: 0, -ENOMEM. Freed by
 * netrx_close(). */
int netrx_open(struct netrx **n, struct db *d);
void netrx_close(struct netrx *n);

void netrx_entry(struct netrx_cpu *c, uint64_t ts);
void netrx_raise(struct netrx_cpu *c);
/* netrx_poll() - a napi_poll event. @from_ns: the poll began after that, -1: not known. Return: 0,
 * -ENOMEM, or the database's error. */
int netrx_poll(struct netrx *n, struct netrx_cpu *c, const struct event *ev, int64_t from_ns);
int netrx_exit(struct netrx *n, struct netrx_cpu *c, const struct event *ev);
/* netrx_finish() - write napi_cpu. */
int netrx_finish(struct netrx *n);

#endif
