/* SPDX-License-Identifier: MIT */
/*
 * perfring: the records of one of perf's ring buffers as they stand on a tape (perf/CPU/SEQ,
 * schema/TAPE.md), in order of time. Untrusted input: no length is believed.
 */
#ifndef SKBTAPE_PERFRING_H
#define SKBTAPE_PERFRING_H

#include "kbuf.h"

struct perfring_sample {
	uint64_t ts, lost; /* events lost before it */
	uint64_t seq;
	size_t at; /* of its bytes in raw */
	uint32_t len;
};

/* Zeroed is empty. */
struct perfring {
	struct perfring_sample *sample; /* a heap of those that were not handed out */
	size_t n, cap;
	struct buf raw;
	size_t gone;	 /* bytes of it that were */
	uint64_t seq;	 /* of the next sample */
	uint64_t newest; /* time */
	uint64_t lost;	 /* before the sample that comes next */
};

/**
 * perfring_add() - the records of one more member
 * @bad: set where a record is no use; what is behind it is not looked at
 * What perfring_next() gave before is no longer valid.
 * Return: 0, -ENOMEM.
 */
int perfring_add(struct perfring *p, const void *data, size_t n, bool big_endian, bool *bad);

/**
 * perfring_next() - the next sample
 * @all: nothing more is to be added; else the newest samples wait for an earlier one that may stand
 * behind them
 * @lost: events lost before it
 * Return: 1, or 0 when there is none.
 */
int perfring_next(struct perfring *p, bool all, struct kbuf_event *ev, uint64_t *lost);

/* perfring_bytes() - memory that it holds. */
uint64_t perfring_bytes(const struct perfring *p);
void perfring_free(struct perfring *p);

#endif
