/* SPDX-License-Identifier: MIT */
/*
 * db: the SQLite file that analyze writes and everything else reads.
 */
#ifndef SKBTAPE_DB_H
#define SKBTAPE_DB_H

#include "../schema/base.h"
#include <sqlite3.h>

#define DB_APPLICATION_ID 0x534B4254 /* "SKBT" */
#define DB_USER_VERSION	  1

struct db;

/**
 * db_create() - a new database under a temporary name beside @path, schema in place, in one open transaction
 * @path: where db_commit() will put it; NULL: in memory or an unnamed temporary file
 * Return: 0, or -EIO and the like with SQLite's text.
 */
int db_create(struct db **d, const char *path, struct err *e);
/* db_commit() - commit, and rename to the final name. The database stays open (read only from then on). */
int db_commit(struct db *d, struct err *e);
/* db_open() - an existing database, read only. Return: 0; -EINVAL when it is none of ours, or a newer one. */
int db_open(struct db **d, const char *path, struct err *e);
/* db_has_name() - whether that is a table or view of ours. */
bool db_has_name(const char *name);
/* db_close() - close; a database that was created and not committed is removed. */
void db_close(struct db *d);

sqlite3 *db_handle(struct db *d);

/**
 * db_prepare() - a statement that db_close() finalizes
 * Return: the statement; on a mistake in the SQL (a bug of ours) prints it and aborts.
 */
sqlite3_stmt *db_prepare(struct db *d, const char *sql);
/**
 * db_prepare_made() - a statement that was put together, for the caller to finalize
 * @sql: its text, which is freed; @rc: how putting it there went
 * @file, @entry: what it was made of, for the message
 * Return: 0, -ENOMEM, -EIO (SQLite does not take it).
 */
int db_prepare_made(struct db *d, struct buf *sql, int rc, const char *file, struct span entry, sqlite3_stmt **st,
		    struct err *e);
/* db_run() - step a statement that gives no rows, reset it, clear its bindings. Return: 0, or -EIO with the text in the db. */
int db_run(struct db *d, sqlite3_stmt *st);
/* db_exec() - SQL text of ours, one statement or more. */
int db_exec(struct db *d, const char *sql, struct err *e);
/* db_error() - first error since db_create(), 0 when there was none; db_run() callers need not check each row. */
int db_error(struct db *d, struct err *e);

/* Binding by position, from 1; each binds NULL where it says so. */
void db_bind_span(sqlite3_stmt *st, int i, struct span s);		   /* NULL for s.p == NULL; made valid UTF-8 */
void db_bind_text(sqlite3_stmt *st, int i, const char *s);		   /* NULL for NULL; made valid UTF-8 */
void db_bind_int(sqlite3_stmt *st, int i, int64_t v);
void db_bind_opt(sqlite3_stmt *st, int i, int64_t v, int64_t null_value); /* NULL where v == null_value */

/* db_name() - id of an interned text in _name, made when new. */
int64_t db_name(struct db *d, struct span s);
int64_t db_name_text(struct db *d, const char *s);

/* db_fact()/db_fact_int() - set a row of the table tape. */
void db_fact(struct db *d, const char *key, const char *value);
void db_fact_int(struct db *d, const char *key, int64_t value);

/* A row of the table quality; -1 in cpu, from_ns, to_ns, count and NULL in dev mean NULL. */
struct quality {
	const char *kind;
	const char *source;
	int cpu;
	const char *dev;
	int64_t from_ns, to_ns;
	int64_t count;
};

void db_quality(struct db *d, const struct quality *q, const char *note_fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
