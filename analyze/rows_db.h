/* SPDX-License-Identifier: MIT */
/* rows_db: what rows.c needs of db.c, and the reverse. */
#ifndef SKBTAPE_ROWS_DB_H
#define SKBTAPE_ROWS_DB_H

#include "db.h"

#define DB_PAGE_BYTES 16384

struct rows_set;

/* Of a database that was made by db_create(): */

/* db_rows() - where rows.c keeps what it has of it; rows_set_free() frees that. */
struct rows_set **db_rows(struct db *d);
void rows_set_free(struct rows_set *s);
/* db_file() - the name it was made under, NULL: it has none any more. db_fd() - the file, for reading and writing. */
const char *db_file(const struct db *d);
int db_fd(const struct db *d);
/* db_failed() - keep @rc as the first error if there was none. Return: the first error. */
int db_failed(struct db *d, int rc);
/* db_let_go() - commit, and hold no lock. db_go_on() - the next transaction. Return: as db_run(). */
int db_let_go(struct db *d);
int db_go_on(struct db *d);
/* db_text_fix() - copy @s, as valid UTF-8 of the same length. */
void db_text_fix(struct span s, char *out);

#endif
