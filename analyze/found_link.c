/* SPDX-License-Identifier: MIT */
#include "found.h"

#include <string.h>

const char *found_text(const struct rule_row *row, const char *name)
{
	sqlite3_value *v = rule_row_get(row, name);

	return v ? (const char *)sqlite3_value_text(v) : NULL;
}

static bool same_text(const struct found *a, const struct found *b, const char *column)
{
	const char *x = found_text(&a->row, column), *y = found_text(&b->row, column);

	return x && y && !strcmp(x, y);
}

/* @scope: any, netns, dev, flow (same protocol, destination and port). */
static bool in_scope(const struct found *a, const struct found *b, struct span scope)
{
	if (span_is(scope, "any"))
		return true;
	if (span_is(scope, "flow"))
		return same_text(a, b, "flow_proto") && same_text(a, b, "flow_dst") &&
		       same_text(a, b, "flow_dport");
	if (!same_text(a, b, "netns"))
		return false;
	return !span_is(scope, "dev") || same_text(a, b, "dev");
}

/* Whether @i is @of itself or, by way of others, a symptom of it. */
static bool follows(const struct found *v, size_t n, size_t i, size_t of)
{
	for (size_t k = 0; k <= n && i != SIZE_MAX; k++) {
		if (i == of)
			return true;
		i = v[i].symptom_of;
	}
	return false;
}

/* The highest ranked finding that explains @i by its rule's list "cause[/scope], ..."; scope is
 * netns where it is not said. */
static void link_one(struct found *v, size_t n, size_t i)
{
	const char *spec = v[i].rule->symptom_of;
	struct span list = { spec, spec ? strlen(spec) : 0 }, f, word;
	size_t best = SIZE_MAX;

	while (span_field(&list, ',', &f)) {
		struct span scope;

		f = span_trim(f);
		span_field(&f, '/', &word);
		if (!span_field(&f, '/', &scope))
			scope = (struct span)SPAN_LIT("netns");
		for (size_t k = 0; k < n; k++) {
			const struct found *c = &v[k];

			if (k == i || !span_is(word, c->rule->cause->word) ||
			    !in_scope(&v[i], c, scope) || follows(v, n, k, i))
				continue;
			if (best == SIZE_MAX || c->rank > v[best].rank)
				best = k;
		}
	}
	v[i].symptom_of = best;
}

void found_link(struct found *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		link_one(v, n, i);
	/* a chain of n symptoms settles in n rounds */
	for (size_t round = 0; round < n; round++) {
		bool moved = false;

		for (size_t i = 0; i < n; i++) {
			double limit;

			if (v[i].symptom_of == SIZE_MAX)
				continue;
			limit = v[v[i].symptom_of].rank - 0.001;
			if (v[i].rank > limit) {
				v[i].rank = limit;
				moved = true;
			}
		}
		if (!moved)
			break;
	}
}
