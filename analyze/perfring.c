/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * A sample takes its time before it reserves its place in the ring
 * (perf_prepare_sample() and perf_output_begin(), kernel/events/core.c). An interrupt between
 * both leaves its own samples first, later ones though. So samples stand in a heap, the
 * earliest one on top, and the newest ones of a member wait until the next one has come: no
 * interrupt and its softirqs last longer than WAIT_NS. However many wait, one more member costs
 * what is in it: the bytes are moved only when most of them were handed out.
 */
#include "perfring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_NS (100 * 1000000ULL)
#define LOST	2 /* PERF_RECORD_LOST, include/uapi/linux/perf_event.h */
#define SAMPLE	9 /* PERF_RECORD_SAMPLE */

static uint64_t get(struct rd *r, bool big_endian, int bytes)
{
	const uint8_t *p = rd_bytes(r, (size_t)bytes);
	uint64_t v = 0;

	for (int i = 0; p && i < bytes; i++)
		v |= (uint64_t)p[i] << 8 * (big_endian ? bytes - 1 - i : i);
	return v;
}

/* Equal times: as they stood in the ring. */
static bool earlier(const struct perfring_sample *a, const struct perfring_sample *b)
{
	return a->ts != b->ts ? a->ts < b->ts : a->seq < b->seq;
}

static int push(struct perfring *p, const struct perfring_sample *s)
{
	size_t i;

	if (p->n == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 1024;
		struct perfring_sample *v = realloc(p->sample, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		p->sample = v;
		p->cap = cap;
	}
	for (i = p->n++; i && earlier(s, &p->sample[(i - 1) / 2]); i = (i - 1) / 2)
		p->sample[i] = p->sample[(i - 1) / 2];
	p->sample[i] = *s;
	return 0;
}

static void pop(struct perfring *p)
{
	const struct perfring_sample last = p->sample[--p->n];
	size_t i = 0;

	for (size_t kid; (kid = 2 * i + 1) < p->n; i = kid) {
		if (kid + 1 < p->n && earlier(&p->sample[kid + 1], &p->sample[kid]))
			kid++;
		if (!earlier(&p->sample[kid], &last))
			break;
		p->sample[i] = p->sample[kid];
	}
	p->sample[i] = last;
}

static int add_sample(struct perfring *p, struct rd r, bool big_endian, bool *bad)
{
	struct perfring_sample s = { .at = p->raw.len, .lost = p->lost, .seq = p->seq };
	const uint8_t *raw;

	rd_bytes(&r, 8); /* pid and tid */
	s.ts = get(&r, big_endian, 8);
	rd_bytes(&r, 8); /* CPU, and 0 */
	s.len = (uint32_t)get(&r, big_endian, 4);
	raw = rd_bytes(&r, s.len);
	if (!raw || r.bad || s.ts > INT64_MAX) {
		*bad = true;
		return 0;
	}
	/* one byte more: there are bytes to point at where no sample has any */
	if (buf_reserve(&p->raw, (size_t)s.len + 1) || buf_put(&p->raw, raw, s.len) || push(p, &s))
		return -ENOMEM;
	p->lost = 0;
	p->seq++;
	if (s.ts > p->newest)
		p->newest = s.ts;
	return 0;
}

/* Forget the bytes that were handed out. */
static int compact(struct perfring *p)
{
	struct buf raw = { 0 };

	if (p->gone <= p->raw.len / 2)
		return 0;
	if (buf_reserve(&raw, p->raw.len - p->gone + 1))
		return -ENOMEM;
	for (size_t i = 0; i < p->n; i++) {
		struct perfring_sample *s = &p->sample[i];
		size_t at = raw.len;

		if (buf_put(&raw, p->raw.data + s->at, s->len)) {
			buf_free(&raw);
			return -ENOMEM;
		}
		s->at = at;
	}
	buf_free(&p->raw);
	p->raw = raw;
	p->gone = 0;
	return 0;
}

int perfring_add(struct perfring *p, const void *data, size_t n, bool big_endian, bool *bad)
{
	int rc = compact(p);
	struct rd r;

	*bad = false;
	rd_init(&r, data, n);
	while (!rc && !*bad && r.left >= 8) {
		struct rd head = r, body;
		uint32_t type = (uint32_t)get(&head, big_endian, 4);
		uint16_t size;

		get(&head, big_endian, 2);
		size = (uint16_t)get(&head, big_endian, 2);
		if (size < 8 || size > r.left)
			break;
		body = rd_sub(&r, size);
		rd_bytes(&body, 8);
		if (type == SAMPLE) {
			rc = add_sample(p, body, big_endian, bad);
		} else if (type == LOST) {
			uint64_t lost;

			rd_bytes(&body, 8); /* the event's number */
			lost = get(&body, big_endian, 8);
			p->lost = sat_add_u64(p->lost, body.bad ? UINT64_MAX : lost);
		}
	}
	*bad |= r.left > 0;
	return rc;
}

int perfring_next(struct perfring *p, bool all, struct kbuf_event *ev, uint64_t *lost)
{
	struct perfring_sample s;

	if (!p->n || (!all && p->sample[0].ts + WAIT_NS > p->newest))
		return 0;
	s = p->sample[0];
	pop(p);
	p->gone += s.len;
	*ev = (struct kbuf_event){ .ts = s.ts, .data = p->raw.data + s.at, .len = s.len };
	*lost = s.lost;
	return 1;
}

uint64_t perfring_bytes(const struct perfring *p)
{
	return p->cap * sizeof(*p->sample) + p->raw.cap;
}

void perfring_free(struct perfring *p)
{
	free(p->sample);
	buf_free(&p->raw);
	*p = (struct perfring){ 0 };
}
