/* SPDX-License-Identifier: MIT */
#include "fuzz_db.h"
#include "fuzz.h"

#define INPUTS	   256 /* with one database: readers leave their statements in it */
#define TABLES_MAX 256

struct db *fuzz_db(void)
{
	static sqlite3_stmt *empty[TABLES_MAX];
	static size_t tables;
	static struct db *d;
	static int inputs;
	struct err e = { "" };
	sqlite3_stmt *st;

	if (d && ++inputs < INPUTS) {
		for (size_t i = 0; i < tables; i++)
			HOLDS(!db_run(d, empty[i]));
		return d;
	}
	db_close(d);
	inputs = 0;
	tables = 0;
	HOLDS(!db_create(&d, NULL, &e));
	/* the database knows by heart what is in _name; nothing else outlives an input */
	st = db_prepare(d, "SELECT printf('DELETE FROM \"%w\"', name) FROM sqlite_schema "
			   "WHERE type = 'table' AND name <> '_name' ORDER BY name");
	while (sqlite3_step(st) == SQLITE_ROW) {
		HOLDS(tables < TABLES_MAX);
		empty[tables++] = db_prepare(d, (const char *)sqlite3_column_text(st, 0));
	}
	sqlite3_reset(st);
	return d;
}
