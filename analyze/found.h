/* SPDX-License-Identifier: MIT */
/* found: what rules found, in memory: which is whose symptom, and into the tables behind finding. */
#ifndef SKBTAPE_FOUND_H
#define SKBTAPE_FOUND_H

#include "db.h"
#include "rule_text.h"
#include "rules.h"

#define FOUND_PACKETS_MAX 20 /* packets of one finding */

/* A text with its SQL or command, as it goes into the tables behind finding. */
struct part {
	enum rule_item_kind kind;
	char *text, *sql, *command, *undo;
	const char *template; /* of the text, the rule's */
	struct rule_row more; /* values of the section's own query */
};

struct found {
	const struct rule *rule;
	size_t order; /* in which it was found: breaks ties */
	struct rule_row row;
	const char *severity;
	double confidence, rank;
	char *title, *summary;
	const char *title_template, *summary_template; /* of the title NULL: it has none */
	struct part *part;
	size_t parts;
	int64_t packet[FOUND_PACKETS_MAX];
	size_t packets;
	size_t symptom_of; /* index, SIZE_MAX: none */
};

/* found_text() - a column of a rule's row as text, NULL: none, or NULL in it. */
const char *found_text(const struct rule_row *row, const char *name);
/* found_link() - symptoms to their causes; a symptom's rank comes behind that of its cause. */
void found_link(struct found *v, size_t n);
/* found_write() - all of them, best first. Return: 0, -ENOMEM, -EIO. */
int found_write(struct db *d, const struct found *v, size_t n, struct err *e);

#endif
