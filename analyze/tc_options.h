/* SPDX-License-Identifier: MIT */
/* tc_options: what queueing disciplines and classes are set to, and their own statistics. */
#ifndef SKBTAPE_TC_OPTIONS_H
#define SKBTAPE_TC_OPTIONS_H

#include "nldump.h"

/* What all kinds have in common; -1: has none. */
struct tc_limits {
	int64_t limit_packets, limit_bytes, rate_bps, burst_bytes;
};

/**
 * tc_options() - read TCA_OPTIONS and the kind's own statistics
 * @kind:   fq_codel, tbf, ...
 * @class:  of a class, not of a qdisc
 * @opt:    TCA_OPTIONS, may be NULL
 * @xstats: TCA_XSTATS or TCA_STATS_APP, may be NULL
 * @j:      an open object that gets the rest, by the words of tc(8)
 * Return: whether the attributes' lengths hold.
 */
bool tc_options(struct span kind, bool class, const struct nlattr *opt, const struct nlattr *xstats,
		struct tc_limits *lim, struct json *j);

#endif
