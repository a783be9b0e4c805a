/* SPDX-License-Identifier: MIT */
/*
 * rows: tables of many rows, written as SQLite's own b-tree pages instead of by
 * INSERT: ten times as fast. Rows come in the order of their key and are final.
 */
#ifndef SKBTAPE_ROWS_H
#define SKBTAPE_ROWS_H

#include "db.h"

#define ROWS_COLUMNS_MAX 40
#define ROWS_TEXT_MAX	 255 /* bytes of one text; the rest is cut off */

struct rows;

/**
 * rows_open() - begin with table @name, which must be empty and have no index
 * @keyed: it is WITHOUT ROWID; its key is its first columns, and rows come in order of these
 * Return: 0, -ENOMEM. The database frees it. Nothing else may write to the table until rows_finish().
 */
int rows_open(struct rows **r, struct db *d, const char *name, bool keyed);

/* rows_begin() - the next row. @rowid: above that of the row before, 0: the next number. */
void rows_begin(struct rows *r, int64_t rowid);
/* Its columns, in the order of the table. */
void rows_null(struct rows *r);
void rows_int(struct rows *r, int64_t v);
void rows_opt(struct rows *r, int64_t v, int64_t null_value); /* NULL where v == null_value */
void rows_span(struct rows *r, struct span s);		      /* as db_bind_span() */
void rows_text(struct rows *r, const char *s);		      /* as db_bind_text() */
/* rows_end() - the row is whole. Return: 0, or as db_run(). */
int rows_end(struct rows *r);

/**
 * rows_pause() - SQLite lets go of the database: commits what is there, nothing but rows_end() and rows_finish() may follow
 * What comes between does not go to a temporary file first. Return: 0, or as db_run().
 */
int rows_pause(struct db *d);
/* rows_finish() - put all tables into the database and go on with it. Return: 0, or as db_run(). */
int rows_finish(struct db *d);

#endif
