/* SPDX-License-Identifier: MIT */
/*
 * Records of one of perf's rings (perf/CPU/SEQ), member by member. The first byte of the input
 * tells the byte order, the second how long the members are.
 */
#include "fuzz.h"
#include "../../analyze/perfring.h"

/* Return: bytes handed out. */
static size_t drain(struct perfring *p, const struct perf_layout *l, bool all, size_t *events)
{
	struct kbuf_event ev;
	uint64_t lost, last = 0;
	size_t bytes = 0;

	while (perfring_next(p, l, all, &ev, &lost)) {
		HOLDS(ev.ts >= last && (all || ev.ts + l->wait_ns <= p->newest));
		HOLDS(fuzz_inside(ev.data, ev.len, p->held.data, p->held.len) ||
		      fuzz_inside(ev.data, ev.len, p->member.data, p->member.len));
		last = ev.ts;
		bytes += ev.len;
		for (uint32_t i = 0; i < ev.len; i++)
			lost += ev.data[i]; /* each byte can be read */
		++*events;
	}
	return bytes;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct perf_layout layout = { 0 };
	struct perfring p = { 0 };
	size_t bytes = 0, events = 0, member;
	struct buf b = { 0 };
	bool bad;

	if (n < 2)
		return 0;
	HOLDS(!perf_layout_tape(&layout, data[0] & 1));
	member = data[1] ? (size_t)data[1] * 8 : n;
	for (size_t at = 2; at < n; at += member) {
		buf_reset(&b);
		HOLDS(!buf_put(&b, data + at, n - at < member ? n - at : member));
		HOLDS(!perfring_add(&p, &layout, &b, &bad));
		HOLDS(p.gone <= p.held.len && p.next <= p.n && p.n <= p.cap && p.n_late <= p.cap_late);
		bytes += drain(&p, &layout, false, &events);
	}
	bytes += drain(&p, &layout, true, &events);
	/* a sample is 36 bytes and what it carries */
	HOLDS(p.next == p.n && !p.n_late && p.gone == p.held.len && bytes + 36 * events <= n);
	perfring_free(&p);
	perf_layout_free(&layout);
	buf_free(&b);
	return 0;
}
