/* SPDX-License-Identifier: MIT */
/*
 * Records of one of perf's rings (perf/CPU/SEQ), member by member. The first byte of the input
 * tells the byte order, the second how long the members are.
 */
#include "fuzz.h"
#include "../../analyze/perfring.h"

#define WAIT_NS 100000000ULL

/* Return: bytes handed out. */
static size_t drain(struct perfring *p, bool all, size_t *events)
{
	struct kbuf_event ev;
	uint64_t lost, last = 0;
	size_t bytes = 0;

	while (perfring_next(p, all, &ev, &lost)) {
		HOLDS(ev.ts >= last && (all || ev.ts + WAIT_NS <= p->newest));
		HOLDS(fuzz_inside(ev.data, ev.len, p->raw.data, p->raw.len));
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
	struct perfring p = { 0 };
	size_t bytes = 0, events = 0, member;
	bool big_endian, bad;

	if (n < 2)
		return 0;
	big_endian = data[0] & 1;
	member = data[1] ? (size_t)data[1] * 8 : n;
	for (size_t at = 2; at < n; at += member) {
		HOLDS(!perfring_add(&p, data + at, n - at < member ? n - at : member, big_endian, &bad));
		HOLDS(p.gone <= p.raw.len && p.n <= p.cap && perfring_bytes(&p) >= p.raw.len);
		bytes += drain(&p, false, &events);
	}
	bytes += drain(&p, true, &events);
	/* a sample is 36 bytes and what it carries */
	HOLDS(!p.n && p.gone == p.raw.len && bytes + 36 * events <= n);
	perfring_free(&p);
	return 0;
}
