/* SPDX-License-Identifier: MIT */
/* claims: what rules whose order is last may know of the others. */
#ifndef SKBTAPE_CLAIMS_H
#define SKBTAPE_CLAIMS_H

#include "db.h"
#include "rules.h"

/* Where a finding is, NULL: it does not say. */
struct claim {
	const struct rule_cause *cause;
	const char *netns, *dev, *function, *reason;
};

/* claims_clear() - forget those of an earlier run. Return: 0, or -EIO. */
int claims_clear(struct db *d, struct err *e);
/* claims_words() - the words in quotes in the queries go into _ruled: whoever names a reason or function has judged it. */
void claims_words(struct db *d, const struct rules *rules);
/* claims_add() - a row of _claim */
void claims_add(struct db *d, const struct claim *c);

#endif
