/* SPDX-License-Identifier: MIT */
#include "claims.h"

#include <string.h>

int claims_clear(struct db *d, struct err *e)
{
	return db_exec(d, "DELETE FROM _ruled; DELETE FROM _claim;", e);
}

static void words_of(struct db *d, sqlite3_stmt *st, const char *sql)
{
	for (const char *p = sql, *end; (p = strchr(p, '\'')) && (end = strchr(p + 1, '\''));
	     p = end + 1) {
		db_bind_span(st, 1, (struct span){ p + 1, (size_t)(end - p - 1) });
		db_run(d, st);
	}
}

void claims_words(struct db *d, const struct rules *rules)
{
	sqlite3_stmt *st = db_prepare(d, "INSERT OR IGNORE INTO _ruled(word) VALUES(?)");

	for (size_t i = 0; i < rules_count(rules); i++) {
		const struct rule *rule = rules_at(rules, i);

		if (!rule->problem && !rule->last)
			words_of(d, st, rule->sql);
	}
}

void claims_add(struct db *d, const struct claim *c)
{
	sqlite3_stmt *st =
		db_prepare(d, "INSERT INTO _claim(cause, layer, netns, dev, function, reason) "
			      "VALUES(?, ?, ?, ?, ?, ?)");

	db_bind_text(st, 1, c->cause->word);
	db_bind_text(st, 2, c->cause->layer);
	db_bind_text(st, 3, c->netns);
	db_bind_text(st, 4, c->dev);
	db_bind_text(st, 5, c->function);
	db_bind_text(st, 6, c->reason);
	db_run(d, st);
}
