/* SPDX-License-Identifier: MIT */
/*
 * rep: what all reports share: the database they read, rows of it, and the file
 * they write.
 *
 * Errors of reading are kept in the handle (the first one counts) and a query
 * that failed has no rows, so a report asks once, at its end.
 */
#ifndef SKBTAPE_REP_H
#define SKBTAPE_REP_H

#include "../analyze/db.h"
#include "../analyze/only.h"
#include <stdio.h>

/* What the command line names: a database, or a tape and what stands beside it (analyze/beside.h). */
struct inputs {
	char *const *path;
	size_t n; /* 1 or more */
};

struct rep {
	struct db *db;
	struct inputs in;
	bool from_tape;	 /* the argument was a tape, not a database */
	bool incomplete; /* cut, damaged, or a source is missing: exit status 3 */
	char why[256];	 /* in words */
	int rc;		 /* first error of reading */
	struct err err;
	int64_t start_ns, end_ns; /* of the recording; 0: not known */
};

/**
 * rep_open() - open a database, or load a tape into one that leaves nothing behind
 * @in: its first is a tape or a database, told apart by their first bytes; must outlive @r
 * Return: 0; or what db_open() or load_tapes() gave, or -errno of reading, -EINVAL (something beside a database).
 */
int rep_open(struct rep *r, const struct inputs *in, struct err *e);
void rep_close(struct rep *r);

/**
 * rep_tape() - the tape that a report's bytes stand on
 * @given: of --tape, NULL: none; then a database names it: by its path, or that name beside the database
 * Return: 0, freed by tape_close(); -ENOENT, -EINVAL (another tape by its hash: the message names both), ...
 */
int rep_tape(struct rep *r, const char *given, struct tape **t, struct err *e);
/**
 * rep_only() - see only what matches a pcap-filter(7) expression, as only_apply()
 * @command: whose, for what is said on stderr
 * Return: 0, or as rep_tape() where @given is not its tape, or as only_apply().
 */
int rep_only(struct rep *r, const char *given, const char *expr, const char *command, struct err *e);
/* rep_error() - the first error of reading since rep_open(), 0: none. */
int rep_error(const struct rep *r, struct err *e);

/* rep_query() - prepare @sql (ours). Return: a statement for rep_row(); NULL after an error. */
sqlite3_stmt *rep_query(struct rep *r, const char *sql);
/* rep_row() - next row. Return: false at the end; the statement is then gone and *@st NULL. */
bool rep_row(struct rep *r, sqlite3_stmt **st);
/* rep_done() - give a statement back before its end. */
void rep_done(sqlite3_stmt **st);
/* rep_int() - first column of the first row, @dflt where there is none or it is NULL. */
int64_t rep_int(struct rep *r, const char *sql, int64_t dflt);
/* rep_int_of() - rep_int() with one number bound. */
int64_t rep_int_of(struct rep *r, const char *sql, int64_t arg, int64_t dflt);
/* rep_fact() - a value of the table tape, "" where it is not known; cut to @size. */
void rep_fact(struct rep *r, const char *key, char *out, size_t size);
int64_t rep_fact_int(struct rep *r, const char *key, int64_t dflt);

/**
 * rep_unnamed_drops() - drops of class loss, policy and error that the verdict on an incomplete tape must not pass over
 * On a whole tape the rules have weighed them (a port scan is no incident); on a cut one, and where there are events
 * alone, they may lack what they go by. Return: their number; 0 on a whole tape, and below REP_DROPS_FEW, as a few happen on every host.
 */
#define REP_DROPS_FEW 5
int64_t rep_unnamed_drops(struct rep *r);

/* What there is to judge by. */
enum rep_basis {
	BASIS_RECORDING, /* packets' events, and how counters grew beside them */
	BASIS_EVENTS,	 /* packets' events alone */
	BASIS_COUNTERS,	 /* how counters grew, without any event or frame */
	BASIS_POINT,	 /* one snapshot: totals since the boot, and what was full at that moment */
	BASIS_FRAMES,	 /* captured frames alone */
	BASIS_NOTHING,
};
enum rep_basis rep_basis(struct rep *r);

/* rep_dated() - whether times are dates. Those of a clock that nothing ties to real time begin at the boot. */
static inline bool rep_dated(const struct rep *r)
{
	return r->start_ns >= 10LL * 365 * 86400 * NSEC_PER_SEC;
}

/* rep_events() - whether there were events at all: without them no drop could be seen. */
bool rep_events(struct rep *r);

/* rep_sees_drops() - whether the kernel's drops were among them */
bool rep_sees_drops(struct rep *r);

/* REP_FLOWS - the flows of most frames, of a capture alone: text, frames, bytes */
#define REP_FLOWS                                                                                  \
	"SELECT proto || ' ' || CASE WHEN src LIKE '%:%' AND sport NOTNULL THEN '[' || src || ']' ELSE src END || coalesce(':' || "    \
	"sport, '') || ' > ' || CASE WHEN dst LIKE '%:%' AND dport NOTNULL THEN '[' || dst || ']' ELSE dst END || coalesce(':' || " \
	"dport, ''), frames, bytes FROM flow WHERE frames > 0 ORDER BY frames DESC, id LIMIT 10"

/* rep_lost_percent() - share of the kernel's events that the recording lost, where that is much (REP_LOST_MUCH percent or
 * more): then "nothing wrong was seen" tells less than it seems to. Else 0. */
#define REP_LOST_MUCH 1.0
double rep_lost_percent(struct rep *r);

/* Columns of the present row. */
const char *col_text(sqlite3_stmt *st, int i); /* "" for NULL */
const char *col_opt(sqlite3_stmt *st, int i);  /* NULL for NULL */
int64_t col_int(sqlite3_stmt *st, int i);
bool col_null(sqlite3_stmt *st, int i);
/* col_int_or() - @dflt for NULL */
int64_t col_int_or(sqlite3_stmt *st, int i, int64_t dflt);

/* ns_diff() - @a - @b, at the limit where it does not fit: times of a tape can be anything. */
static inline int64_t ns_diff(int64_t a, int64_t b)
{
	int64_t d;

	return __builtin_sub_overflow(a, b, &d) ? a < b ? INT64_MIN : INT64_MAX : d;
}

/* A file that appears under its name only when it is whole. */
struct out {
	FILE *f;
	char *path; /* NULL: standard output */
	char *tmp;  /* NULL: written in place (a pipe, a device) */
};

/**
 * out_open() - start a file
 * @path:  "-" or NULL: standard output
 * @input: what is being read, which must not be overwritten; may be NULL
 * Return: 0, -EINVAL (@path is @input), or -errno.
 */
int out_open(struct out *o, const char *path, const char *input, struct err *e);
/* out_commit() - flush, close, rename. Return: 0 or -errno; the temporary file is gone in both
 * cases. */
int out_commit(struct out *o, struct err *e);
/* out_abort() - forget it. */
void out_abort(struct out *o);

#endif
