/* SPDX-License-Identifier: MIT */
/* load: from a tape to a database, all stages in order. */
#ifndef SKBTAPE_LOAD_H
#define SKBTAPE_LOAD_H

#include "db.h"

struct load_result {
	bool incomplete; /* the tape is cut, damaged or lacks a source: exit status 3 */
	char why[256];	 /* in words, "" when whole */
};

/**
 * load_tapes() - analyze a tape
 * @paths:     a tape, and what stands beside it, @n of them (beside.h)
 * @db_path:   where the database goes when all went well; NULL: an unnamed one that db_close() forgets
 * @rules_dir: more rules, NULL: only the embedded ones
 * @out:       the committed database, read only; the caller's to close
 *
 * Return: 0 (then @r says how whole the tape is), -EINVAL (no tape), -ENOMEM, -EIO ...
 */
int load_tapes(char *const *paths, size_t n, const char *db_path, const char *rules_dir, struct db **out,
	       struct load_result *r, struct err *e);

#endif
