/* SPDX-License-Identifier: MIT */
/*
 * perfring: the samples of one CPU, from members that hold perf's records as they stood in its ring
 * buffer (perf/CPU/SEQ, schema/TAPE.md), in order of time. Untrusted input: no length is believed.
 */
#ifndef SKBTAPE_PERFRING_H
#define SKBTAPE_PERFRING_H

#include "kbuf.h"
#include "perf_sample.h"

struct perfring_sample {
	uint64_t ts, lost; /* events lost before it */
	uint64_t seq;	   /* in which order they stood */
	size_t at;	   /* of its bytes in member or held */
	uint32_t len;
	bool held;
};

/* Zeroed is empty. */
struct perfring {
	struct perfring_sample *sample; /* by time; those before next were handed out */
	size_t n, cap, next;
	struct perfring_sample *late; /* a heap of those that came too late for a place in there */
	size_t n_late, cap_late;
	struct buf member; /* the last one */
	bool in_member;	   /* samples have their bytes in there */
	struct buf held;   /* bytes of samples of earlier ones that wait */
	size_t gone;	   /* bytes of it that were handed out */
	uint64_t seq;	   /* of the next sample */
	uint64_t newest;   /* time */
	uint64_t lost;	   /* before the sample that comes next */
};

/**
 * perfring_add() - the records of one more member
 * @member: its bytes; what it has after that is to be thrown away
 * @bad: set where a record is no use; what is behind it is not looked at
 * What perfring_next() gave before is no longer valid.
 * Return: 0, -ENOMEM.
 */
int perfring_add(struct perfring *p, const struct perf_layout *l, struct buf *member, bool *bad);

/**
 * perfring_next() - the next sample
 * @all: nothing more is to be added; else the newest samples wait for an earlier one that may stand
 * behind them
 * @lost: events lost before it
 * Return: 1, or 0 when there is none.
 */
int perfring_next(struct perfring *p, const struct perf_layout *l, bool all, struct kbuf_event *ev, uint64_t *lost);

/* perfring_bytes() - memory that it holds. */
uint64_t perfring_bytes(const struct perfring *p);
void perfring_free(struct perfring *p);

#endif
