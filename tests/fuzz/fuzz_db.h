/* SPDX-License-Identifier: MIT */
/* fuzz_db: a database for one input after the other. */
#ifndef SKBTAPE_TESTS_FUZZ_DB_H
#define SKBTAPE_TESTS_FUZZ_DB_H

#include "../../analyze/db.h"

/* fuzz_db() - a database without rows, as db_create() makes it; good until the next call, which
 * takes it back. To make one costs a thousand times more than most inputs. */
struct db *fuzz_db(void);

#endif
