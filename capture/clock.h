/* SPDX-License-Identifier: MIT */
/* clock: paired readings of the host's clocks. */
#ifndef SKBTAPE_CLOCK_H
#define SKBTAPE_CLOCK_H

#include "../schema/base.h"

/* One pairing, all ns. MONOTONIC is read before and after the others; mono_ns is the middle. */
struct clock_pair {
	int64_t mono_ns, real_ns, boot_ns, mono_raw_ns, tai_ns;
	int64_t window_ns; /* distance of the two readings of MONOTONIC */
	bool just_set;	   /* read because REALTIME had just been set */
};

/* clock_pair_read() - the best (smallest window) of @tries pairings. */
void clock_pair_read(struct clock_pair *p, int tries);
/* clock_pair_line() - the line of clock/SEQ for it. */
int clock_pair_line(const struct clock_pair *p, struct buf *b);

int64_t clock_mono_ns(void);
int64_t clock_real_ns(void);

#endif
