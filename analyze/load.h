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
 * load_tape() - analyze a tape
 * @tape_path: a tape
 * @db_path:   where the database goes when all went well; NULL: an unnamed one that db_close() forgets
 * @rules_dir: more rules, NULL: only the embedded ones
 * @out:       the committed database, read only; the caller's to close
 *
 * Return: 0 (then @r says how whole the tape is), -EINVAL (no tape), -ENOMEM, -EIO ...
 */
int load_tape(const char *tape_path, const char *db_path, const char *rules_dir, struct db **out,
	      struct load_result *r, struct err *e);

/* load_tape_with() - the same with more files of the same host and time behind it (beside.h). */
int load_tape_with(const char *tape_path, char *const *beside, size_t n_beside, const char *db_path, const char *rules_dir,
		   struct db **out, struct load_result *r, struct err *e);

#endif
