/* SPDX-License-Identifier: MIT */
#include "coverage.h"

#include <string.h>

#define STEPS_MIN  2000LL   /* a rule may take so many units, and one more for */
#define STEPS_EACH 50	    /* so many events and frames, */
#define STEPS_MAX  200000LL /* but never more than that */

double coverage_kept(struct db *d, const char *total, const char *lost, const char *kind)
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

bool coverage_whole(struct db *d)
{
	sqlite3_stmt *st = db_prepare(
		d, "SELECT count(*) FROM quality WHERE kind IN ('tape-cut', 'tape-damaged')");
	bool whole = sqlite3_step(st) == SQLITE_ROW && !sqlite3_column_int(st, 0);

	sqlite3_reset(st);
	return whole;
}

bool coverage_from_boot(struct db *d)
{
	sqlite3_stmt *st = db_prepare(d, "SELECT count(*) FROM tape WHERE key = 'since_boot_ns'");
	bool yes = sqlite3_step(st) == SQLITE_ROW && sqlite3_column_int(st, 0);

	sqlite3_reset(st);
	return yes;
}

long long coverage_steps(struct db *d)
{
	sqlite3_stmt *st = db_prepare(d, "SELECT total(CAST(value AS REAL)) FROM tape WHERE key "
					 "IN ('events_recorded', 'frames')");
	double n = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_double(st, 0) : 0;

	sqlite3_reset(st);
	n = STEPS_MIN + (n > 0 ? n / STEPS_EACH : 0);
	return n < STEPS_MAX ? (long long)n : STEPS_MAX;
}

enum detail_level coverage_level(struct db *d)
{
	sqlite3_stmt *st = db_prepare(
		d, "SELECT count(*) FROM quality WHERE kind = 'detail-lowered' AND source = ?");
	enum detail_level level = DETAIL_DROPS;

	for (; level > DETAIL_ALL; level--) {
		bool found;

		db_bind_text(st, 1, detail_name(level));
		found = sqlite3_step(st) == SQLITE_ROW && sqlite3_column_int(st, 0);
		sqlite3_reset(st);
		if (found)
			break;
	}
	return level;
}

/* Tables, or columns of one, that tell only of the time in which the recorder still had what they are made of. */
static const struct {
	const char *table;
	enum detail_level ends; /* where it does */
	const char *column; /* NULL: all */
} parts[] = {
	{ "softirq", DETAIL_NO_SCHED, NULL },
	{ "irq", DETAIL_NO_SCHED, NULL },
	{ "napi_poll", DETAIL_NO_SCHED, NULL },
	{ "wakeup", DETAIL_NO_SCHED, NULL },
	{ "run", DETAIL_NO_SCHED, NULL },
	{ "latency", DETAIL_NO_SCHED, NULL },
	{ "latency_part", DETAIL_NO_SCHED, NULL },
	{ "latency_hist", DETAIL_NO_SCHED, NULL },
	{ "latency_total", DETAIL_NO_SCHED, NULL },
	{ "latency_slow", DETAIL_NO_SCHED, NULL },
	{ "socket_lock", DETAIL_NO_SCHED, NULL },
	{ "_softirq_delay", DETAIL_NO_SCHED, NULL },
	{ "softirq_cpu", DETAIL_NO_SCHED, NULL },
	{ "napi_cpu", DETAIL_NO_SCHED, NULL },
	{ "squeeze", DETAIL_NO_SCHED, NULL },
	{ "wakeup_delay", DETAIL_NO_SCHED, NULL },
	{ "_woken", DETAIL_NO_SCHED, NULL },
	{ "_flow_task", DETAIL_NO_SCHED, NULL },
	{ "_event", DETAIL_NO_SCHED, NULL },
	{ "_frame", DETAIL_NO_PCAP, NULL },
	{ "_flow_seen", DETAIL_NO_PCAP, NULL },
	{ "_tie_gap", DETAIL_NO_PCAP, NULL },
	{ "_drop_target", DETAIL_NO_PCAP, "syns" },
	{ "_packet", DETAIL_DROPS, NULL },
	{ "_hop", DETAIL_DROPS, NULL },
	{ "_cpu_hop", DETAIL_DROPS, NULL },
	{ "cpu_hop", DETAIL_DROPS, NULL },
	{ "_reader", DETAIL_DROPS, NULL },
};

bool coverage_ends(enum detail_level level, const char *table, const char *column)
{
	for (size_t i = 0; level > DETAIL_ALL && i < ARRAY_SIZE(parts); i++)
		if (level >= parts[i].ends && !strcmp(parts[i].table, table) && (!parts[i].column || !strcmp(parts[i].column, column)))
			return true;
	return false;
}
