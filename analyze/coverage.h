/* SPDX-License-Identifier: MIT */
/* coverage: how much of what happened a database can tell of, for those who conclude from what is not there. */
#ifndef SKBTAPE_COVERAGE_H
#define SKBTAPE_COVERAGE_H

#include "db.h"
#include "detail.h"

#define COVERAGE_STEP_UNIT 100000 /* virtual machine instructions */

/**
 * coverage_kept() - share of the events or frames that reached the tape, at least one half: counters
 * and configuration still tell the rest
 * @total, @lost: keys of table tape; @kind: of quality
 */
double coverage_kept(struct db *d, const char *total, const char *lost, const char *kind);
/* coverage_whole() - whether the tape was neither cut nor damaged. */
bool coverage_whole(struct db *d);
/* coverage_from_boot() - whether counters are totals since the boot: all there is was taken at one point in time. */
bool coverage_from_boot(struct db *d);
/* coverage_steps() - how many units of SQLite's virtual machine steps a rule may take: more for a longer tape,
 * within bounds, for it may lie about its size */
long long coverage_steps(struct db *d);
/* coverage_level() - how little the recorder came down to while it ran. */
enum detail_level coverage_level(struct db *d);
/* coverage_ends() - whether the table's column tells only of the time before a recording came down to @level. */
bool coverage_ends(enum detail_level level, const char *table, const char *column);

#endif
