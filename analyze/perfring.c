/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * A sample takes its time before it reserves its place in the ring
 * (perf_prepare_sample() and perf_output_begin(), kernel/events/core.c). An interrupt between
 * both leaves its own samples first, later ones though. So samples are sorted by time, and the
 * newest ones of a member wait until the next one has come. How long is the layout's: for a tape
 * longer than any interrupt with its softirqs, for a perf.data what was measured there.
 *
 * Bytes stay where they were loaded; only those of samples that wait are copied when the next
 * member comes. Few stand out of order and not far, so each is put into its place at once;
 * where one would have to go far, all are sorted in the end.
 */
#include "perfring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FAR 64 /* places */

static int add_sample(struct perfring *p, const struct perf_sample *x, bool *sort)
{
	struct perfring_sample s = { .ts = x->ts, .lost = p->lost, .data = x->raw, .len = x->len, .place = (uint32_t)p->n };
	size_t i = p->n, end = p->n - p->next > FAR ? p->n - FAR : p->next;

	if (p->n == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 1024;
		struct perfring_sample *v = realloc(p->sample, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		p->sample = v;
		p->cap = cap;
	}
	for (; i > end && p->sample[i - 1].ts > s.ts; i--)
		p->sample[i] = p->sample[i - 1];
	*sort |= i > p->next && p->sample[i - 1].ts > s.ts;
	p->sample[i] = s;
	p->n++;
	p->lost = 0;
	if (s.ts > p->newest)
		p->newest = s.ts;
	return 0;
}

/* Equal times: as they stood in the ring. */
static int by_time(const void *a, const void *b)
{
	const struct perfring_sample *x = a, *y = b;

	if (x->ts != y->ts)
		return x->ts < y->ts ? -1 : 1;
	return x->place < y->place ? -1 : x->place > y->place;
}

/* Forget what was handed out, and keep the rest apart from the member. */
static int compact(struct perfring *p)
{
	size_t bytes = 0, n = p->n - p->next;
	struct buf b;

	for (size_t i = p->next; i < p->n; i++)
		bytes += p->sample[i].len;
	buf_reset(&p->spare);
	if (buf_reserve(&p->spare, bytes))
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct perfring_sample *s = &p->sample[i];

		*s = p->sample[p->next + i];
		s->place = (uint32_t)i;
		if (s->len)
			memcpy(p->spare.data + p->spare.len, s->data, s->len);
		s->data = p->spare.data + p->spare.len;
		p->spare.len += s->len;
	}
	b = p->held;
	p->held = p->spare;
	p->spare = b;
	p->n = n;
	p->next = 0;
	return 0;
}

int perfring_add(struct perfring *p, const struct perf_layout *l, struct buf *member, bool *bad)
{
	int rc = compact(p), more = 0;
	struct buf before = p->member;
	struct perf_record rec;
	bool sort = false;
	struct rd r;

	if (rc)
		return rc;
	p->member = *member;
	*member = before;
	*bad = false;
	rd_init(&r, p->member.data, p->member.len);
	while (!rc && !*bad && (more = perf_record_next(&r, l->big_endian, &rec)) > 0) {
		if (rec.type == PERF_SAMPLE) {
			struct perf_sample s;
			int is = perf_sample_parse(l, rec.body, &s);

			*bad = is < 0;
			if (is > 0)
				rc = add_sample(p, &s, &sort);
		} else if (rec.type == PERF_LOST) {
			uint32_t cpu;

			p->lost = sat_add_u64(p->lost, perf_lost_parse(l, &rec, &cpu));
		}
	}
	*bad |= r.left > 0;
	if (sort)
		qsort(p->sample, p->n, sizeof(*p->sample), by_time);
	return rc;
}

int perfring_next(struct perfring *p, const struct perf_layout *l, bool all, struct kbuf_event *ev, uint64_t *lost)
{
	const struct perfring_sample *s = p->sample + p->next;

	if (p->next == p->n || (!all && s->ts + l->wait_ns > p->newest))
		return 0;
	p->next++;
	*ev = (struct kbuf_event){ .ts = s->ts, .data = s->data, .len = s->len };
	*lost = s->lost;
	return 1;
}

uint64_t perfring_bytes(const struct perfring *p)
{
	return p->cap * sizeof(*p->sample) + p->member.cap + p->held.cap + p->spare.cap;
}

void perfring_free(struct perfring *p)
{
	free(p->sample);
	buf_free(&p->member);
	buf_free(&p->held);
	buf_free(&p->spare);
	*p = (struct perfring){ 0 };
}
