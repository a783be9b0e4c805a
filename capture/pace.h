/* SPDX-License-Identifier: MIT */
/*
 * pace: how often each source of the periodic snapshots is read, so that
 * watching never becomes a load of its own.
 *
 * A source starts at one reading per second. Its cost is the time that one
 * reading took, over all namespaces: that includes waiting for locks, which
 * others then wait for too, but not for a CPU that others had. One reading can
 * be long by chance, so the smaller of the last two costs counts (of the first
 * one alone none), unless the last one is far too long. Where that is more than
 * 1 % of the interval, the interval is doubled until it fits; where both costs
 * would fit twice over into half the interval, it is halved again. All sources
 * together may take PACE_TOTAL_PPM.
 */
#ifndef SKBTAPE_CAPTURE_PACE_H
#define SKBTAPE_CAPTURE_PACE_H

#include "../schema/base.h"

#define PACE_FIRST_NS  NSEC_PER_SEC
#define PACE_LAST_NS   (256 * NSEC_PER_SEC)
#define PACE_SLACK_NS  (NSEC_PER_SEC / 4) /* ticks come a little early or late */
#define PACE_SHARE     100		  /* one source: 1/100 of its interval */
#define PACE_TOTAL_PPM 50000		  /* all sources: 5 % of one CPU */

struct pace {
	int64_t interval_ns; /* 0: never read, taken as PACE_FIRST_NS */
	int64_t next_ns;     /* CLOCK_MONOTONIC, when it is due again */
	int64_t cost_ns;     /* of the reading of this round */
	int64_t before_ns;   /* of the one before */
	bool read;	     /* in this round */
	bool said;	     /* that it is slow */
};

static inline bool pace_due(const struct pace *p, int64_t now_ns)
{
	return now_ns + PACE_SLACK_NS >= p->next_ns;
}

/* pace_add() - a part of this round's reading took @cost_ns; pace_open() came before */
static inline void pace_add(struct pace *p, int64_t cost_ns)
{
	p->cost_ns += cost_ns > 0 ? cost_ns : 0;
}

/* The cost that counts, see above. */
static inline int64_t pace_judge(const struct pace *p)
{
	if (p->cost_ns > p->interval_ns / 10 || p->cost_ns < p->before_ns)
		return p->cost_ns;
	return p->before_ns;
}

static inline int64_t pace_ppm(const struct pace *p)
{
	return p->interval_ns ? pace_judge(p) * 1000 / (p->interval_ns / 1000) : 0;
}

/**
 * pace_settle() - set the intervals anew after a round
 * @p:	    the @n sources
 * @now_ns: when the round began
 * pace_start() begins the next round.
 */
static inline void pace_settle(struct pace *p, size_t n, int64_t now_ns)
{
	int64_t total = 0;

	for (size_t i = 0; i < n; i++) {
		if (p[i].read) {
			if (!p[i].interval_ns)
				p[i].interval_ns = PACE_FIRST_NS;
			while (pace_judge(&p[i]) > p[i].interval_ns / PACE_SHARE &&
			       p[i].interval_ns < PACE_LAST_NS)
				p[i].interval_ns *= 2;
		}
		total += pace_ppm(&p[i]);
	}
	for (size_t i = 0; i < n; i++) {
		int64_t ppm = pace_ppm(&p[i]);
		int64_t most = p[i].cost_ns > p[i].before_ns ? p[i].cost_ns : p[i].before_ns;

		if (p[i].read && p[i].interval_ns > PACE_FIRST_NS &&
		    most < p[i].interval_ns / 4 / PACE_SHARE &&
		    total + ppm < PACE_TOTAL_PPM * 3 / 4) {
			p[i].interval_ns /= 2;
			total += ppm;
		}
	}
	/* each turn doubles one interval, and all of them end at PACE_LAST_NS */
	while (total > PACE_TOTAL_PPM) {
		struct pace *most = NULL;

		for (size_t i = 0; i < n; i++)
			if (p[i].interval_ns && p[i].interval_ns < PACE_LAST_NS &&
			    (!most || pace_ppm(&p[i]) > pace_ppm(most)))
				most = &p[i];
		if (!most)
			break;
		total -= pace_ppm(most);
		most->interval_ns *= 2;
		total += pace_ppm(most);
	}
	for (size_t i = 0; i < n; i++)
		if (p[i].read)
			p[i].next_ns = now_ns + p[i].interval_ns;
}

/* pace_start() - a round begins: forget what was read in the last one */
static inline void pace_start(struct pace *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i].read = false;
}

/* pace_open() - the source is going to be read in this round */
static inline void pace_open(struct pace *p)
{
	if (p->read)
		return;
	p->read = true;
	p->before_ns = p->interval_ns ? p->cost_ns : 0;
	p->cost_ns = 0;
}

#endif
