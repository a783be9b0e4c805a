/* SPDX-License-Identifier: MIT */
#include "clock.h"

#include <inttypes.h>
#include <time.h>

static int64_t read_ns(clockid_t id)
{
	struct timespec ts;

	if (clock_gettime(id, &ts))
		return 0; /* the kernel does not have it: CLOCK_TAI before 3.10 */
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

int64_t clock_mono_ns(void)
{
	return read_ns(CLOCK_MONOTONIC);
}

int64_t clock_real_ns(void)
{
	return read_ns(CLOCK_REALTIME);
}

/* REALTIME, the one that all times of a report hang on, is read in the middle: whatever interrupts
 * a try widens its window, and the narrowest window wins. */
static struct clock_pair read_once(void)
{
	struct clock_pair p;
	int64_t begin, end;

	begin = read_ns(CLOCK_MONOTONIC);
	p.mono_raw_ns = read_ns(CLOCK_MONOTONIC_RAW);
	p.boot_ns = read_ns(CLOCK_BOOTTIME);
	p.real_ns = read_ns(CLOCK_REALTIME);
	p.tai_ns = read_ns(CLOCK_TAI);
	end = read_ns(CLOCK_MONOTONIC);
	p.mono_ns = begin + (end - begin) / 2;
	p.window_ns = end - begin;
	p.just_set = false;
	return p;
}

void clock_pair_read(struct clock_pair *p, int tries)
{
	*p = read_once();
	while (--tries > 0) {
		struct clock_pair x = read_once();

		if (x.window_ns < p->window_ns)
			*p = x;
	}
}

int clock_pair_line(const struct clock_pair *p, struct buf *b)
{
	return buf_printf(
		b, "%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t%d\n",
		p->mono_ns, p->real_ns, p->boot_ns, p->mono_raw_ns, p->tai_ns, p->window_ns,
		p->just_set);
}
