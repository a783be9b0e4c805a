/* SPDX-License-Identifier: MIT */
#include "evidence_state.h"

#define STEPS_MIN  2000LL   /* a rule may take so many units, and one more for */
#define STEPS_EACH 50	    /* so many events and frames, */
#define STEPS_MAX  200000LL /* but never more than that */

/* Share of the events or frames that reached the tape, at least one half: counters and
 * configuration still tell the rest. */
static double kept(struct db *d, const char *total, const char *lost, const char *kind)
{
	sqlite3_stmt *st = db_prepare(
		d, "SELECT coalesce((SELECT CAST(value AS REAL) FROM tape WHERE key = ?1), 0), "
		   "max(coalesce((SELECT CAST(value AS REAL) FROM tape WHERE key = ?2), 0), "
		   "(SELECT coalesce(sum(count), 0) FROM quality WHERE kind = ?3)), "
		   "(SELECT count(*) FROM quality WHERE kind = ?3 AND count IS NULL)");
	double n, gone, share = 1;

	db_bind_text(st, 1, total);
	db_bind_text(st, 2, lost);
	db_bind_text(st, 3, kind);
	if (sqlite3_step(st) == SQLITE_ROW) {
		n = sqlite3_column_double(st, 0);
		gone = sqlite3_column_double(st, 1);
		if (gone > 0 && n + gone > 0)
			share = n / (n + gone);
		if (sqlite3_column_int(st, 2))
			share *= 0.9; /* some were lost, how many is not known */
	}
	sqlite3_reset(st);
	return share < 0.5 ? 0.5 : share;
}

/* How long a rule may take grows with the tape, which may lie about its size. */
static long long steps_allowed(struct db *d)
{
	sqlite3_stmt *st = db_prepare(d, "SELECT total(CAST(value AS REAL)) FROM tape WHERE key "
					 "IN ('events_recorded', 'frames')");
	double n = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_double(st, 0) : 0;

	sqlite3_reset(st);
	n = STEPS_MIN + (n > 0 ? n / STEPS_EACH : 0);
	return n < STEPS_MAX ? (long long)n : STEPS_MAX;
}

static bool tape_is_whole(struct db *d)
{
	sqlite3_stmt *st = db_prepare(
		d, "SELECT count(*) FROM quality WHERE kind IN ('tape-cut', 'tape-damaged')");
	bool whole = sqlite3_step(st) == SQLITE_ROW && !sqlite3_column_int(st, 0);

	sqlite3_reset(st);
	return whole;
}

void evidence_state(struct db *d, struct evidence_state *out)
{
	out->events_kept = kept(d, "events_recorded", "events_lost", "events-lost");
	out->frames_kept = kept(d, "frames", "frames_lost", "frames-lost");
	out->tape_whole = tape_is_whole(d);
	out->steps_max = steps_allowed(d);
}
