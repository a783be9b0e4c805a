/* SPDX-License-Identifier: MIT */
/* rule_text: the texts with placeholders that rules are made of, and the rows that fill them. */
#ifndef SKBTAPE_RULE_TEXT_H
#define SKBTAPE_RULE_TEXT_H

#include "../schema/base.h"
#include <sqlite3.h>

/* Named values that templates are filled with: a row of a query. */
struct rule_row {
	size_t n;
	char **name;
	sqlite3_value **value;
};

/* rule_row_take() - copy the statement's present row. Return: 0, -ENOMEM. */
int rule_row_take(struct rule_row *row, sqlite3_stmt *st);
void rule_row_free(struct rule_row *row);
/* rule_row_get() - NULL: no such column, or its value is NULL. */
sqlite3_value *rule_row_get(const struct rule_row *row, const char *name);
/* rule_row_find() - the value that rule_render() takes for @name. Return: false: none is called so. */
bool rule_row_find(const struct rule_row *row, const struct rule_row *more, struct span name,
		   sqlite3_value **value);

enum rule_text {
	RULE_TEXT_PLAIN, /* for people */
	RULE_TEXT_SQL,	 /* values become literals */
	RULE_TEXT_SHELL, /* values are quoted for sh(1) where they need it, in '...' for that of a sh -c, too */
};

/* What runs a command in a network namespace. */
struct rule_ns {
	/* put() - append the prefix for @netns, NULL: where the finding is. Return: 0, -ENOMEM. */
	int (*put)(void *ctx, const char *netns, struct buf *out);
	void *ctx;
};

/**
 * rule_render() - fill a template
 * @mode: how values are written
 * @row:  values of the finding
 * @more: values of the section's own query, looked at first; may be NULL
 * @ns:   what {ns} and {NAME:ns} become; NULL: nothing
 * @out:  appended to
 *
 * Return: 0, -EINVAL (the template names a value that does not exist; @e says which), -ENOMEM.
 */
int rule_render(const char *text, enum rule_text mode, const struct rule_row *row,
		const struct rule_row *more, const struct rule_ns *ns, struct buf *out,
		struct err *e);

/* rule_text_name() - cut the text before and with the next placeholder off @text. Return: false: none is left. */
bool rule_text_name(struct span *text, struct span *name);

#endif
