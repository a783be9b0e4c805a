/* SPDX-License-Identifier: MIT */
/* progress: one line on a terminal about what takes long; nothing where standard error is none. */
#ifndef SKBTAPE_PROGRESS_H
#define SKBTAPE_PROGRESS_H

#include "../schema/base.h"

/* progress_off() - say nothing from now on (-q). */
void progress_off(void);
/* progress_at() - @what is being done, @done of @all of it (@all 0: not known). Written at most ten times a second. */
void progress_at(const char *what, int64_t done, int64_t all);
/* progress_end() - take the line away, so that something else can be said. */
void progress_end(void);

#endif
