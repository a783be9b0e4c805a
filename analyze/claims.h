/* SPDX-License-Identifier: MIT */
/* claims: what rules whose order is last may know of the others. */
#ifndef SKBTAPE_CLAIMS_H
#define SKBTAPE_CLAIMS_H

#include "found.h"

/* claims_clear() - forget those of an earlier run. Return: 0, or -EIO. */
int claims_clear(struct db *d, struct err *e);
/* claims_write() - into _ruled the words in quotes in the queries, for whoever names a reason or function has judged it; into _claim
 * where the @n findings so far are. */
void claims_write(struct db *d, const struct rules *rules, const struct found *v, size_t n);

#endif
