/* SPDX-License-Identifier: MIT */
/* snap_load: a made tape read as far as the snapshots, for the tests of these. What fails ends the
 * test. */
#ifndef SKBTAPE_TESTS_SNAP_LOAD_H
#define SKBTAPE_TESTS_SNAP_LOAD_H

#include "../analyze/snapshots.h"
#include "tape_make.h"

#define SNAP_DATA  "tests/data/nl"	 /* see its README */
#define SNAP_EPOCH 1700000000000000000LL /* MONOTONIC 1 s, see tape_make.h */

struct loaded {
	struct tape *t;
	struct db *d;
	struct clocks *c;
	struct host *h;
};

/* snap_load() - end the tape, open it, load namespaces and snapshots into a database in memory. */
struct loaded snap_load(struct tape_make *m, bool whole);
void snap_unload(struct loaded *x);
/* snap_file() - a file's bytes; the caller's to buf_free(). */
struct buf snap_file(const char *path);
/* snap_rows() - all rows of a query, columns by '|', rows by a newline; static text. */
const char *snap_rows(struct db *d, const char *sql);
/* snap_rnd() - the next number of a fixed sequence */
uint64_t snap_rnd(void);

#define check(d, sql, want) assert_string_equal(snap_rows(d, sql), want)

#endif
