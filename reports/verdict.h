/* SPDX-License-Identifier: MIT */
/* verdict: what a report says where no finding is above info: what was looked at, and what that cannot tell. */
#ifndef SKBTAPE_VERDICT_H
#define SKBTAPE_VERDICT_H

#include "rep.h"

enum verdict {
	VERDICT_NOTHING,  /* nothing to judge by */
	VERDICT_COUNTERS, /* the rep_basis of that name */
	VERDICT_POINT,
	VERDICT_FRAMES,
	VERDICT_UNNAMED, /* packets were dropped, and the tape is too incomplete to say why */
	VERDICT_LOST,	 /* nothing wrong, but the recording lost events */
	VERDICT_BLIND,	 /* nothing wrong, but counters, events or drops were not recorded at all */
	VERDICT_GOOD,
};

/* verdict_of() - what can be said of a recording without a finding above info */
enum verdict verdict_of(struct rep *r);
/* verdict_head() - the verdict in a few words, with its stop */
const char *verdict_head(enum verdict v);
/* verdict_put() - its sentences, which rest on numbers of @r; plain words of ours, nothing in them needs to be escaped */
void verdict_put(enum verdict v, struct rep *r, FILE *f);

#endif
