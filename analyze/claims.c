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

void claims_write(struct db *d, const struct rules *rules, const struct found *v, size_t n)
{
	static const char *const columns[] = { "netns", "dev", "function", "reason" };
	sqlite3_stmt *word = db_prepare(d, "INSERT OR IGNORE INTO _ruled(word) VALUES(?)");
	sqlite3_stmt *claim =
		db_prepare(d, "INSERT INTO _claim(cause, layer, netns, dev, function, reason) "
			      "VALUES(?, ?, ?, ?, ?, ?)");

	for (size_t i = 0; i < rules_count(rules); i++) {
		const struct rule *rule = rules_at(rules, i);

		if (!rule->problem && !rule->last)
			words_of(d, word, rule->sql);
	}
	for (size_t i = 0; i < n; i++) {
		db_bind_text(claim, 1, v[i].rule->cause->word);
		db_bind_text(claim, 2, v[i].rule->cause->layer);
		for (size_t k = 0; k < ARRAY_SIZE(columns); k++)
			db_bind_text(claim, 3 + (int)k, found_text(&v[i].row, columns[k]));
		db_run(d, claim);
	}
}
