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
 * Few stand out of order and not far, so each is put into its place at once; one that would
 * have to go far goes into a heap of such. Bytes stay where they were loaded; those of samples that
 * still wait when the next member comes are copied then, or at once where the member is small
 * beside what waits. So one more member costs what is in it, however many samples wait.
 */
#include "perfring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FAR	     64 /* places */
#define SAMPLE_BYTES 32 /* a record with one has more */

/* Equal times: as they stood in the ring. */
static bool earlier(const struct perfring_sample *a, const struct perfring_sample *b)
{
	return a->ts != b->ts ? a->ts < b->ts : a->seq < b->seq;
}

static int grow(struct perfring_sample **v, size_t *cap)
{
	size_t more = *cap ? *cap * 2 : 1024;
	struct perfring_sample *x = realloc(*v, more * sizeof(*x));

	if (!x)
		return -ENOMEM;
	*v = x;
	*cap = more;
	return 0;
}

static int push_late(struct perfring *p, const struct perfring_sample *s)
{
	size_t i;

	if (p->n_late == p->cap_late && grow(&p->late, &p->cap_late))
		return -ENOMEM;
	for (i = p->n_late++; i && earlier(s, &p->late[(i - 1) / 2]); i = (i - 1) / 2)
		p->late[i] = p->late[(i - 1) / 2];
	p->late[i] = *s;
	return 0;
}

static void pop_late(struct perfring *p)
{
	const struct perfring_sample last = p->late[--p->n_late];
	size_t i = 0;

	for (size_t kid; (kid = 2 * i + 1) < p->n_late; i = kid) {
		if (kid + 1 < p->n_late && earlier(&p->late[kid + 1], &p->late[kid]))
			kid++;
		if (!earlier(&p->late[kid], &last))
			break;
		p->late[i] = p->late[kid];
	}
	p->late[i] = last;
}

/* One byte more: there are bytes to point at where no sample has any. */
static int put_held(struct buf *held, const uint8_t *data, size_t n)
{
	return buf_reserve(held, n + 1) || (n && buf_put(held, data, n)) ? -ENOMEM : 0;
}

/* @copy: its bytes do not stay in the member. */
static int add_sample(struct perfring *p, const struct perf_sample *x, bool copy)
{
	struct perfring_sample s = { .ts = x->ts, .lost = p->lost, .seq = p->seq++, .len = x->len, .held = copy };
	size_t i = p->n, end = p->n - p->next > FAR ? p->n - FAR : p->next;

	s.at = copy ? p->held.len : (size_t)(x->raw - p->member.data);
	if (copy && put_held(&p->held, x->raw, x->len))
		return -ENOMEM;
	p->lost = 0;
	if (s.ts > p->newest)
		p->newest = s.ts;
	if (p->n == p->cap && grow(&p->sample, &p->cap))
		return -ENOMEM;
	if (end > p->next && earlier(&s, &p->sample[end]))
		return push_late(p, &s);
	for (; i > end && earlier(&s, &p->sample[i - 1]); i--)
		p->sample[i] = p->sample[i - 1];
	p->sample[i] = s;
	p->n++;
	return 0;
}

static int hold(struct buf *held, const struct perfring *p, struct perfring_sample *s)
{
	const uint8_t *data = s->held ? p->held.data : p->member.data;
	size_t at = held->len;

	if (put_held(held, data + s->at, s->len))
		return -ENOMEM;
	s->at = at;
	s->held = true;
	return 0;
}

/* Take what waits out of the member, and forget what was handed out. */
static int compact(struct perfring *p)
{
	struct buf held = { 0 };
	int rc = 0;

	if (p->next > p->n / 2) {
		p->n -= p->next;
		memmove(p->sample, p->sample + p->next, p->n * sizeof(*p->sample));
		p->next = 0;
	}
	if (!p->in_member && p->gone <= p->held.len / 2)
		return 0;
	for (size_t i = p->next; i < p->n && !rc; i++)
		rc = hold(&held, p, &p->sample[i]);
	for (size_t i = 0; i < p->n_late && !rc; i++)
		rc = hold(&held, p, &p->late[i]);
	if (rc) {
		buf_free(&held);
		return rc;
	}
	buf_free(&p->held);
	p->held = held;
	p->gone = 0;
	p->in_member = false;
	return 0;
}

int perfring_add(struct perfring *p, const struct perf_layout *l, struct buf *member, bool *bad)
{
	int rc = compact(p), more = 0;
	struct buf before = p->member;
	struct perf_record rec;
	struct rd r;

	if (rc)
		return rc;
	p->member = *member;
	*member = before;
	p->in_member = p->member.len >= p->held.len + (p->n - p->next + p->n_late) * SAMPLE_BYTES;
	*bad = false;
	rd_init(&r, p->member.data, p->member.len);
	while (!rc && !*bad && (more = perf_record_next(&r, l->big_endian, &rec)) > 0) {
		if (rec.type == PERF_SAMPLE) {
			struct perf_sample s;
			int is = perf_sample_parse(l, rec.body, &s);

			*bad = is < 0;
			if (is > 0)
				rc = add_sample(p, &s, !p->in_member);
		} else if (rec.type == PERF_LOST) {
			uint32_t cpu;

			p->lost = sat_add_u64(p->lost, perf_lost_parse(l, &rec, &cpu));
		}
	}
	*bad |= r.left > 0;
	return rc;
}

int perfring_next(struct perfring *p, const struct perf_layout *l, bool all, struct kbuf_event *ev, uint64_t *lost)
{
	bool is_late = p->n_late && (p->next == p->n || earlier(&p->late[0], &p->sample[p->next]));
	struct perfring_sample s;

	if (!is_late && p->next == p->n)
		return 0;
	s = is_late ? p->late[0] : p->sample[p->next];
	if (!all && s.ts + l->wait_ns > p->newest)
		return 0;
	if (is_late)
		pop_late(p);
	else
		p->next++;
	p->gone += s.held ? s.len : 0;
	*ev = (struct kbuf_event){ .ts = s.ts, .data = (s.held ? p->held.data : p->member.data) + s.at, .len = s.len };
	*lost = s.lost;
	return 1;
}

uint64_t perfring_bytes(const struct perfring *p)
{
	return (p->cap + p->cap_late) * sizeof(*p->sample) + p->member.cap + p->held.cap;
}

void perfring_free(struct perfring *p)
{
	free(p->sample);
	free(p->late);
	buf_free(&p->member);
	buf_free(&p->held);
	*p = (struct perfring){ 0 };
}
