/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * Rules run one after the other, sorted by file name, those whose order is last
 * when the others have (table _claim holds what these found), each confined: an
 * authorizer lets them read and nothing else, and the number of SQLite's virtual
 * machine steps is bounded, so that a rule (a user's too) can neither change the
 * evidence nor hang the program; steps, not time, so that the same tape gives the
 * same findings. What a rule's rows become is kept in memory with all its texts
 * until every rule has run. Then symptoms are linked to their causes, all is
 * ranked, and written in that order: ids begin with 1 for the best.
 *
 * Rank: 2000 for critical, 1000 for warning, 0 for info, and below 1000 the
 * logarithm of the harm times the confidence; a symptom stands right behind its
 * cause at best. Harm is counted in lost packets: the rule's column harm, else
 * packets plus one for each 100 ms of delay, see docs/RULES.md.
 *
 * Confidence: the rule's, times the share of events (frames) that were not lost
 * where it rests on them, times 0.95 where the tape is not whole; at most 0.9 for
 * a rule that was never tried on a recording, at most 0.5 for an untested one.
 */
#include "findings.h"
#include "claims.h"
#include "coverage.h"
#include "rule_text.h"
#include "rules.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX    25  /* findings of one rule: more than anyone reads */
#define PACKETS_MAX 20  /* packets of one finding */
#define LOST_NS     1e8 /* of waiting do the harm of a lost packet */

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
	const char *title_template, *summary_template;
	struct part *part;
	size_t parts;
	int64_t packet[PACKETS_MAX];
	size_t packets;
	size_t symptom_of; /* index, SIZE_MAX: none */
	bool linked;
};

struct run {
	struct db *d;
	struct rules *rules;
	struct found *v;
	size_t n;
	bool confined;
	long long steps, steps_max;	 /* of the present rule */
	double events_kept, frames_kept; /* share that was not lost */
	bool tape_whole;
	enum detail_level lowered;
	bool blind; /* the statement that was prepared last reads what was not recorded to the end */
	sqlite3_stmt *put_text, *put_value;
	struct err *e;
};

/* ---- confinement ---- */

static int authorize(void *ctx, int action, const char *a, const char *b, const char *db,
		     const char *trigger)
{
	struct run *r = ctx;

	(void)db;
	(void)trigger;
	if (!r->confined)
		return SQLITE_OK;
	if (action == SQLITE_READ)
		r->blind |= a && coverage_ends(r->lowered, a);
	if (action == SQLITE_SELECT || action == SQLITE_READ || action == SQLITE_RECURSIVE)
		return SQLITE_OK;
	if (action == SQLITE_FUNCTION)
		return b && !strcmp(b, "load_extension") ? SQLITE_DENY : SQLITE_OK;
	return SQLITE_DENY;
}

static int progress(void *ctx)
{
	struct run *r = ctx;

	return r->confined && ++r->steps > r->steps_max;
}

static void rule_failed(struct run *r, const struct rule *rule, const char *what, const char *why)
{
	bool confined = r->confined;

	r->confined = false;
	db_quality(r->d, &(struct quality){ "rule-failed", rule->name, -1, NULL, -1, -1, -1 },
		   "the rule %s is not (wholly) used: %s%s%s", rule->name, what, *what ? ": " : "",
		   why);
	r->confined = confined;
}

/* Prepare one read-only statement of a rule. Return: NULL with the reason in @why. */
static sqlite3_stmt *rule_prepare(struct run *r, const char *sql, char *why, size_t size)
{
	sqlite3_stmt *st = NULL;
	const char *tail = NULL;

	r->blind = false;
	if (sqlite3_prepare_v2(db_handle(r->d), sql, -1, &st, &tail) != SQLITE_OK || !st) {
		snprintf(why, size, "%s",
			 st || sqlite3_errcode(db_handle(r->d)) != SQLITE_OK
				 ? sqlite3_errmsg(db_handle(r->d))
				 : "an empty query");
		return NULL;
	}
	if (!sqlite3_column_count(st) || (tail && tail[strspn(tail, " \t\r\n;")])) {
		snprintf(why, size, "%s",
			 sqlite3_column_count(st) ? "more than one statement" : "no query");
		sqlite3_finalize(st);
		return NULL;
	}
	return st;
}

/* ---- one finding ---- */

static const char *row_text(const struct rule_row *row, const char *name)
{
	sqlite3_value *v = rule_row_get(row, name);

	return v ? (const char *)sqlite3_value_text(v) : NULL;
}

static double row_number(const struct rule_row *row, const char *name, double otherwise)
{
	sqlite3_value *v = rule_row_get(row, name);

	return v ? sqlite3_value_double(v) : otherwise;
}

/* The prefix that runs a command in the finding's namespace: a name of ip-netns(8), else a process
 * in it. */
static int ns_prefix(struct run *r, const char *netns, struct buf *out)
{
	sqlite3_stmt *st;
	int rc = 0;

	if (!netns || !strcmp(netns, "init"))
		return buf_put(out, "", 1);
	st = db_prepare(
		r->d,
		"SELECT pid, instr(name, ':[') FROM netns WHERE name = ? ORDER BY id LIMIT 1");
	db_bind_text(st, 1, netns);
	if (sqlite3_step(st) != SQLITE_ROW || !sqlite3_column_int(st, 1)) {
		struct rule_row row = { 0 };
		struct rule_row more = { 0 };
		sqlite3_stmt *q = db_prepare(r->d, "SELECT ?1 AS result");

		db_bind_text(q, 1, netns);
		sqlite3_step(q);
		rc = rule_row_take(&more, q);
		sqlite3_reset(q);
		if (!rc)
			rc = rule_render("ip netns exec {result} ", RULE_TEXT_SHELL, &row, &more,
					 "", out, NULL);
		rule_row_free(&more);
	} else if (sqlite3_column_type(st, 0) != SQLITE_NULL) {
		rc = buf_printf(out, "nsenter -t %d -n ", sqlite3_column_int(st, 0));
	}
	sqlite3_reset(st);
	return rc ? rc : buf_put(out, "", 1);
}

struct texts {
	struct run *r;
	struct found *f;
	const char *ns;
	bool astray; /* where it is, is not known, and there is more than one namespace: no command
			then */
};

/* Fill a template into a string of its own. Return: 0; -EINVAL with the reason in @e; -ENOMEM. */
static int fill(const struct texts *t, const char *text, enum rule_text mode,
		const struct rule_row *more, char **out, struct err *e)
{
	struct buf b = { 0 };
	int rc = rule_render(text, mode, &t->f->row, more, t->ns, &b, e);

	if (!rc)
		rc = buf_put(&b, "", 1);
	if (rc) {
		buf_free(&b);
		return rc;
	}
	*out = (char *)b.data;
	return 0;
}

/*
 * Run a section's query for its first row. Return: 1: @more holds it; 0: it gives no row; -EINVAL:
 * it fails, the reason is in @e; -ENOMEM.
 */
static int section_row(const struct texts *t, const char *sql, struct rule_row *more, struct err *e)
{
	char why[256];
	sqlite3_stmt *st;
	int rc;

	st = rule_prepare(t->r, sql, why, sizeof(why));
	if (!st)
		return err_set(e, -EINVAL, "%s", why);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		rc = rule_row_take(more, st) ? -ENOMEM : 1;
	else
		rc = rc == SQLITE_DONE
			     ? 0
			     : err_set(e, -EINVAL, "%s", sqlite3_errmsg(db_handle(t->r->d)));
	sqlite3_finalize(st);
	return rc;
}

static int packets_section(const struct texts *t, const char *sql, struct err *e)
{
	struct found *f = t->f;
	char why[256];
	sqlite3_stmt *st = rule_prepare(t->r, sql, why, sizeof(why));
	int rc;

	if (!st)
		return err_set(e, -EINVAL, "%s", why);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW && f->packets < PACKETS_MAX) {
		int64_t id = sqlite3_column_int64(st, 0);
		bool known = sqlite3_column_type(st, 0) == SQLITE_NULL;

		for (size_t i = 0; !known && i < f->packets; i++)
			known = f->packet[i] == id;
		if (!known)
			f->packet[f->packets++] = id;
	}
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		rc = err_set(e, -EINVAL, "%s", sqlite3_errmsg(db_handle(t->r->d)));
	else
		rc = 0;
	sqlite3_finalize(st);
	return rc;
}

static void part_free(struct part *p)
{
	free(p->text);
	free(p->sql);
	free(p->command);
	free(p->undo);
	rule_row_free(&p->more);
}

/* One section of a rule for one finding. Return: 0, -EINVAL (this section cannot be used), -ENOMEM.
 */
static int section(const struct texts *t, const struct rule_item *it, struct err *e)
{
	struct part p = { .kind = it->kind }, *v;
	struct rule_row more = { 0 };
	char *sql = NULL;
	bool wanted = true;
	int rc = 0;

	if (it->sql)
		rc = fill(t, it->sql, RULE_TEXT_SQL, NULL, &sql, e);
	if (!rc && it->kind == RULE_PACKETS) {
		rc = packets_section(t, sql, e);
		goto out;
	}
	if (!rc && sql) {
		rc = section_row(t, sql, &more, e);
		if (it->optional || it->kind != RULE_EVIDENCE)
			wanted = rc > 0 && sqlite3_value_type(more.value[0]) != SQLITE_NULL &&
				 (sqlite3_value_type(more.value[0]) == SQLITE_TEXT ||
				  sqlite3_value_double(more.value[0]) != 0);
		/* what was not recorded rules nothing out, and asks for no advice */
		wanted = wanted && !(t->r->blind && it->kind != RULE_EVIDENCE);
		rc = rc > 0 ? 0 : rc;
	}
	if (rc || !wanted)
		goto out;
	rc = fill(t, it->text, RULE_TEXT_PLAIN, sql ? &more : NULL, &p.text, e);
	if (!rc && it->command && !(t->astray && strstr(it->command, "{ns}")))
		rc = fill(t, it->command, RULE_TEXT_SHELL, sql ? &more : NULL, &p.command, e);
	if (!rc && it->undo && p.command)
		rc = fill(t, it->undo, RULE_TEXT_SHELL, sql ? &more : NULL, &p.undo, e);
	if (rc)
		goto out;
	v = realloc(t->f->part, (t->f->parts + 1) * sizeof(*v));
	if (!v) {
		rc = -ENOMEM;
		goto out;
	}
	t->f->part = v;
	p.sql = sql;
	sql = NULL;
	p.template = it->text;
	p.more = more;
	more = (struct rule_row){ 0 };
	v[t->f->parts++] = p;
	p = (struct part){ 0 };
out:
	part_free(&p);
	free(sql);
	rule_row_free(&more);
	return rc;
}

static const char *severity_of(const struct rule *rule, const struct rule_row *row)
{
	static const char *const known[] = { "critical", "warning", "info" };
	const char *s = row_text(row, "severity");

	for (size_t i = 0; s && i < ARRAY_SIZE(known); i++)
		if (!strcmp(s, known[i]))
			return known[i];
	return rule->severity;
}

static double confidence_of(const struct run *r, const struct rule *rule,
			    const struct rule_row *row)
{
	double c = row_number(row, "confidence", rule->confidence);

	if (rule->uses & RULE_USES_EVENTS)
		c *= r->events_kept;
	if (rule->uses & RULE_USES_FRAMES)
		c *= r->frames_kept;
	if (!r->tape_whole)
		c *= 0.95;
	if (rule->tested == RULE_UNTESTED && c > 0.5)
		c = 0.5;
	if (rule->tested == RULE_TESTED_REPLAY && c > 0.9)
		c = 0.9;
	return c < 0 || c != c ? 0 : c > 1 ? 1 : round(c * 100) / 100;
}

static double rank_of(const struct found *f)
{
	double base = !strcmp(f->severity, "critical")	? 2000
		      : !strcmp(f->severity, "warning") ? 1000
							: 0;
	double harm = row_number(&f->row, "harm",
				 row_number(&f->row, "packets", 0) +
					 row_number(&f->row, "delay_ns", 0) / LOST_NS);
	double score = harm > 0 ? 90 * log10(1 + harm) * f->confidence : 0;

	return base + (score < 999 ? score : 999);
}

static void found_free(struct found *f)
{
	for (size_t i = 0; i < f->parts; i++)
		part_free(&f->part[i]);
	free(f->part);
	free(f->title);
	free(f->summary);
	rule_row_free(&f->row);
}

/* Whether the tape has more than one network namespace. */
static bool many_netns(struct run *r)
{
	sqlite3_stmt *st = db_prepare(r->d, "SELECT count(*) FROM netns");
	bool many = sqlite3_step(st) == SQLITE_ROW && sqlite3_column_int64(st, 0) > 1;

	sqlite3_reset(st);
	return many;
}

/* The present row of @st becomes a finding. Return: 0, -EINVAL (the rule's texts are wrong, reason
 * in @e), -ENOMEM. */
static int found_add(struct run *r, const struct rule *rule, sqlite3_stmt *st, struct err *e)
{
	struct found f = { .rule = rule, .order = r->n, .symptom_of = SIZE_MAX }, *v;
	struct texts t = { .r = r, .f = &f };
	struct buf ns = { 0 };
	const char *own;
	int rc = rule_row_take(&f.row, st);

	if (!rc)
		rc = ns_prefix(r, row_text(&f.row, "netns"), &ns);
	if (rc)
		goto out;
	t.ns = (const char *)ns.data;
	t.astray = !row_text(&f.row, "netns") && many_netns(r);
	f.severity = severity_of(rule, &f.row);
	f.confidence = confidence_of(r, rule, &f.row);
	f.rank = rank_of(&f);
	own = row_text(&f.row, "title");
	f.title_template = own ? "{title}" : rule->title;
	rc = fill(&t, f.title_template, RULE_TEXT_PLAIN, NULL, &f.title, e);
	own = row_text(&f.row, "summary");
	f.summary_template = own ? "{summary}" : rule->summary;
	if (!rc)
		rc = fill(&t, f.summary_template, RULE_TEXT_PLAIN, NULL, &f.summary, e);
	for (size_t i = 0; !rc && i < rule->items; i++) {
		rc = section(&t, &rule->item[i], e);
		if (rc == -EINVAL) { /* the finding stands without that section */
			rule_failed(r, rule, "a section was left out", e->text);
			rc = 0;
		}
	}
	if (rc)
		goto out;
	v = realloc(r->v, (r->n + 1) * sizeof(*v));
	if (!v) {
		rc = -ENOMEM;
		goto out;
	}
	r->v = v;
	v[r->n++] = f;
	f = (struct found){ 0 };
out:
	buf_free(&ns);
	found_free(&f);
	return rc;
}

/* ---- one rule ---- */

/* Whether the tape has what a rule needs: "event NAME", "counter SOURCE" or "frames", separated by
 * commas, alternatives by |.
 * @lacking: the first one that it does not have. */
static bool needs_met(struct run *r, const struct rule *rule, struct span *lacking)
{
	struct span list = { rule->needs, rule->needs ? strlen(rule->needs) : 0 }, need, one;
	sqlite3_stmt *st = db_prepare(
		r->d, "SELECT CASE ?1 "
		      "WHEN 'event' THEN EXISTS(SELECT 1 FROM event_type WHERE name = ?2) "
		      "WHEN 'counter' THEN EXISTS(SELECT 1 FROM counter_delta WHERE source = ?2) "
		      "WHEN 'frames' THEN EXISTS(SELECT 1 FROM _frame) END");

	while (span_field(&list, ',', &need)) {
		struct span all = need = span_trim(need);
		bool met = false;

		while (!met && span_field(&all, '|', &one)) {
			struct span kind = { "", 0 }, name = { "", 0 };

			span_word(&one, &kind);
			span_word(&one, &name);
			db_bind_span(st, 1, kind);
			db_bind_span(st, 2, name);
			met = sqlite3_step(st) == SQLITE_ROW && sqlite3_column_int(st, 0);
			sqlite3_reset(st);
		}
		if (!met) {
			*lacking = need;
			return false;
		}
	}
	return true;
}

/* @blind: set where it was not run, because it reads what was not recorded to the end. Return: 0 (also
 * where the rule fails), -ENOMEM. */
static int rule_run(struct run *r, const struct rule *rule, bool *blind)
{
	char why[512];
	struct err e = { "" };
	sqlite3_stmt *st;
	size_t rows = 0;
	int step, rc = 0;

	r->steps = 0;
	r->confined = true;
	st = rule_prepare(r, rule->sql, why, sizeof(why));
	if (!st) {
		r->confined = false;
		rule_failed(r, rule, "its query", why);
		return 0;
	}
	if (r->blind && !rule->partial) {
		r->confined = false;
		*blind = true;
		sqlite3_finalize(st);
		return 0;
	}
	while (!rc && (step = sqlite3_step(st)) == SQLITE_ROW && rows < ROWS_MAX) {
		rows++;
		rc = found_add(r, rule, st, &e);
	}
	r->confined = false;
	if (rc == -EINVAL) {
		rule_failed(r, rule, "its texts", e.text);
		rc = 0;
	} else if (!rc && step != SQLITE_DONE && step != SQLITE_ROW) {
		rule_failed(r, rule, "its query",
			    step == SQLITE_INTERRUPT ? "it takes too long"
						     : sqlite3_errmsg(db_handle(r->d)));
	} else if (!rc && step == SQLITE_ROW) {
		db_quality(r->d, &(struct quality){ "limit", rule->name, -1, NULL, -1, -1, -1 },
			   "the rule %s finds more than %d places; the first %d are shown",
			   rule->name, ROWS_MAX, ROWS_MAX);
	}
	sqlite3_finalize(st);
	return rc;
}

/* One row of quality for each need that the tape does not meet, with all the causes that could not
 * be looked for. */
static void note_lacking(struct run *r, const struct span *lacking)
{
	for (size_t i = 0; i < rules_count(r->rules); i++) {
		char source[128], causes[512] = "";
		bool seen = !lacking[i].p;

		for (size_t k = 0; !seen && k < i; k++)
			seen = lacking[k].p && lacking[k].n == lacking[i].n &&
			       !memcmp(lacking[k].p, lacking[i].p, lacking[i].n);
		if (seen)
			continue;
		for (size_t k = i; k < rules_count(r->rules); k++) {
			size_t n = strlen(causes);

			if (lacking[k].p && lacking[k].n == lacking[i].n &&
			    !memcmp(lacking[k].p, lacking[i].p, lacking[i].n))
				snprintf(causes + n, sizeof(causes) - n, "%s%s", n ? ", " : "",
					 rules_at(r->rules, k)->cause->word);
		}
		span_copy(lacking[i], source, sizeof(source));
		db_quality(r->d, &(struct quality){ "note", source, -1, NULL, -1, -1, -1 },
			   "the tape has none of this, so these causes could not be looked for: %s",
			   causes);
	}
}

/* What the rules so far speak of, and what they found. */
static void claims_write(struct run *r)
{
	claims_words(r->d, r->rules);
	for (size_t i = 0; i < r->n; i++) {
		const struct rule_row *row = &r->v[i].row;

		claims_add(r->d,
			   &(struct claim){ r->v[i].rule->cause, row_text(row, "netns"),
					    row_text(row, "dev"), row_text(row, "function"),
					    row_text(row, "reason") });
	}
}

/* The causes of rules that were not run, because the recorder lowered its detail. */
static void note_blind(struct run *r, const bool *blind)
{
	char causes[800] = "";

	for (size_t i = 0; i < rules_count(r->rules); i++) {
		size_t n = strlen(causes);

		if (blind[i])
			snprintf(causes + n, sizeof(causes) - n, "%s%s", n ? ", " : "",
				 rules_at(r->rules, i)->cause->word);
	}
	if (*causes)
		db_quality(r->d, &(struct quality){ "note", "detail", -1, NULL, -1, -1, -1 },
			   "the recorder lowered its detail, so these causes could not be looked for: %s",
			   causes);
}

static int rules_run(struct run *r)
{
	size_t n = rules_count(r->rules);
	struct span *lacking = calloc(n + 1, sizeof(*lacking));
	bool *blind = calloc(n + 1, sizeof(*blind));
	int rc = lacking && blind ? 0 : -ENOMEM;

	for (int last = 0; !rc && last < 2; last++) {
		if (last)
			claims_write(r);
		for (size_t i = 0; !rc && i < n; i++) {
			const struct rule *rule = rules_at(r->rules, i);

			if (rule->last != last)
				continue;
			if (rule->problem)
				rule_failed(r, rule, "", rule->problem);
			else if (needs_met(r, rule, &lacking[i]))
				rc = rule_run(r, rule, &blind[i]);
		}
	}
	if (!rc) {
		note_lacking(r, lacking);
		note_blind(r, blind);
	}
	free(lacking);
	free(blind);
	return rc;
}

/* ---- symptoms and rank ---- */

static bool same_text(const struct found *a, const struct found *b, const char *column)
{
	const char *x = row_text(&a->row, column), *y = row_text(&b->row, column);

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
static bool follows(const struct run *r, size_t i, size_t of)
{
	for (size_t n = 0; n <= r->n && i != SIZE_MAX; n++) {
		if (i == of)
			return true;
		i = r->v[i].symptom_of;
	}
	return false;
}

/* The highest ranked finding that explains @i by its rule's list "cause[/scope], ..."; scope is
 * netns where it is not said. */
static void symptom_link(struct run *r, size_t i)
{
	const char *spec = r->v[i].rule->symptom_of;
	struct span list = { spec, spec ? strlen(spec) : 0 }, f, word;
	size_t best = SIZE_MAX;

	while (span_field(&list, ',', &f)) {
		struct span scope;

		f = span_trim(f);
		span_field(&f, '/', &word);
		if (!span_field(&f, '/', &scope))
			scope = (struct span)SPAN_LIT("netns");
		for (size_t k = 0; k < r->n; k++) {
			const struct found *c = &r->v[k];

			if (k == i || !span_is(word, c->rule->cause->word) ||
			    !in_scope(&r->v[i], c, scope) || follows(r, k, i))
				continue;
			if (best == SIZE_MAX || c->rank > r->v[best].rank)
				best = k;
		}
	}
	r->v[i].symptom_of = best;
}

static void symptoms_link(struct run *r)
{
	for (size_t i = 0; i < r->n; i++)
		symptom_link(r, i);
	/* a chain of n symptoms settles in n rounds */
	for (size_t round = 0; round < r->n; round++) {
		bool moved = false;

		for (size_t i = 0; i < r->n; i++) {
			double limit;

			if (r->v[i].symptom_of == SIZE_MAX)
				continue;
			limit = r->v[r->v[i].symptom_of].rank - 0.001;
			if (r->v[i].rank > limit) {
				r->v[i].rank = limit;
				moved = true;
			}
		}
		if (!moved)
			break;
	}
}

static int by_rank(const void *a, const void *b, void *found)
{
	const struct found *x = (const struct found *)found + *(const size_t *)a;
	const struct found *y = (const struct found *)found + *(const size_t *)b;

	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* ---- writing ---- */

static void bind_row(sqlite3_stmt *st, int i, const struct rule_row *row, const char *name)
{
	sqlite3_value *v = rule_row_get(row, name);

	if (v)
		sqlite3_bind_value(st, i, v);
	else
		sqlite3_bind_null(st, i);
}

/* Columns that are integers in the table: a rule's text there would break the STRICT table. */
static void bind_row_int(sqlite3_stmt *st, int i, const struct rule_row *row, const char *name)
{
	sqlite3_value *v = rule_row_get(row, name);
	int type = v ? sqlite3_value_type(v) : SQLITE_NULL;

	if (type == SQLITE_INTEGER || type == SQLITE_FLOAT)
		db_bind_int(st, i, sqlite3_value_int64(v));
	else
		sqlite3_bind_null(st, i);
}

static void bind_row_text(sqlite3_stmt *st, int i, const struct rule_row *row, const char *name)
{
	sqlite3_value *v = rule_row_get(row, name);

	if (v && sqlite3_value_type(v) == SQLITE_TEXT)
		bind_row(st, i, row, name);
	else
		db_bind_text(st, i, v ? (const char *)sqlite3_value_text(v) : NULL);
}

/* What a report in another language needs: the template and the values that it names. */
static void write_template(struct run *r, const struct found *f, int64_t id, const char *part,
			   int64_t seq, const char *template, const struct rule_row *more)
{
	struct span text = { template, strlen(template) }, name;
	sqlite3_value *v;

	db_bind_int(r->put_text, 1, id);
	db_bind_text(r->put_text, 2, part);
	db_bind_int(r->put_text, 3, seq);
	db_bind_text(r->put_text, 4, template);
	db_run(r->d, r->put_text);
	while (rule_text_name(&text, &name)) {
		if (!rule_row_find(&f->row, more, name, &v))
			continue;
		db_bind_int(r->put_value, 1, id);
		db_bind_text(r->put_value, 2, part);
		db_bind_int(r->put_value, 3, seq);
		db_bind_span(r->put_value, 4, name);
		if (v && sqlite3_value_type(v) == SQLITE_TEXT)
			db_bind_text(r->put_value, 5, (const char *)sqlite3_value_text(v));
		else if (v)
			sqlite3_bind_value(r->put_value, 5, v);
		else
			sqlite3_bind_null(r->put_value, 5);
		db_run(r->d, r->put_value);
	}
}

static void write_parts(struct run *r, const struct found *f, int64_t id)
{
	static const char *const part_name[] = { [RULE_EVIDENCE] = "evidence",
						 [RULE_ADVICE] = "advice",
						 [RULE_RULED_OUT] = "ruled_out" };
	static const char *const sql[] = {
		[RULE_EVIDENCE] = "INSERT INTO finding_evidence(finding_id, seq, text, sql) "
				  "VALUES(?, ?, ?, ?)",
		[RULE_ADVICE] = "INSERT INTO finding_advice(finding_id, seq, text, command, undo) "
				"VALUES(?, ?, ?, ?, ?)",
		[RULE_RULED_OUT] =
			"INSERT INTO finding_ruled_out(finding_id, seq, text) VALUES(?, ?, ?)",
	};

	for (size_t kind = 0; kind < ARRAY_SIZE(sql); kind++) {
		sqlite3_stmt *st = db_prepare(r->d, sql[kind]);
		int64_t seq = 0;

		for (size_t i = 0; i < f->parts; i++) {
			const struct part *p = &f->part[i];

			if (p->kind != kind)
				continue;
			db_bind_int(st, 1, id);
			db_bind_int(st, 2, ++seq);
			db_bind_text(st, 3, p->text);
			if (kind == RULE_EVIDENCE)
				db_bind_text(st, 4, p->sql);
			if (kind == RULE_ADVICE) {
				db_bind_text(st, 4, p->command);
				db_bind_text(st, 5, p->undo);
			}
			db_run(r->d, st);
			write_template(r, f, id, part_name[kind], seq, p->template, &p->more);
		}
	}
}

/* Columns of finding behind symptom_of that come from the rule's row as they are. */
static const char *const text_column[] = { "netns",	 "dev",	     "function", "reason",
					   "flow_proto", "flow_src", "flow_dst", "process" };
static const char *const int_column[] = { "flow_id", "flow_sport", "flow_dport", "pid",
					  "cpu",     "from_ns",	   "to_ns",	 "packets",
					  "bytes",   "flows",	   "delay_ns" };

static int write_all(struct run *r)
{
	sqlite3_stmt *st = db_prepare(
		r->d, "INSERT INTO finding(id, rank, rule, cause, severity, confidence, title, "
		      "summary, layer, symptom_of, "
		      "netns, dev, function, reason, flow_proto, flow_src, flow_dst, process, "
		      "flow_id, flow_sport, flow_dport, pid, cpu, from_ns, to_ns, packets, bytes, "
		      "flows, delay_ns) "
		      "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, "
		      "?16, ?17, ?18, "
		      "?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29)");
	sqlite3_stmt *pk = db_prepare(
		r->d, "INSERT OR IGNORE INTO finding_packet(finding_id, packet_id) VALUES(?, ?)");
	size_t *order = calloc(r->n + 1, sizeof(*order)), *id = calloc(r->n + 1, sizeof(*id));
	int rc = order && id ? 0 : -ENOMEM;

	r->put_text = db_prepare(
		r->d,
		"INSERT INTO finding_text(finding_id, part, seq, template) VALUES(?, ?, ?, ?)");
	r->put_value =
		db_prepare(r->d, "INSERT OR IGNORE INTO finding_value(finding_id, part, seq, "
				 "name, value) VALUES(?, ?, ?, ?, ?)");
	for (size_t i = 0; !rc && i < r->n; i++)
		order[i] = i;
	if (!rc && r->n)
		qsort_r(order, r->n, sizeof(*order), by_rank, r->v);
	for (size_t i = 0; !rc && i < r->n; i++)
		id[order[i]] = i + 1;
	for (size_t i = 0; !rc && i < r->n; i++) {
		const struct found *f = &r->v[order[i]];
		const char *own;
		int at = 11;

		db_bind_int(st, 1, (int64_t)i + 1);
		sqlite3_bind_double(st, 2, f->rank);
		db_bind_text(st, 3, f->rule->name);
		db_bind_text(st, 4, f->rule->cause->word);
		db_bind_text(st, 5, f->severity);
		sqlite3_bind_double(st, 6, f->confidence);
		db_bind_text(st, 7, f->title);
		db_bind_text(st, 8, f->summary);
		own = row_text(&f->row, "layer");
		db_bind_text(st, 9, own ? own : f->rule->cause->layer);
		db_bind_opt(st, 10, f->symptom_of == SIZE_MAX ? 0 : (int64_t)id[f->symptom_of], 0);
		for (size_t k = 0; k < ARRAY_SIZE(text_column); k++)
			bind_row_text(st, at++, &f->row, text_column[k]);
		for (size_t k = 0; k < ARRAY_SIZE(int_column); k++)
			bind_row_int(st, at++, &f->row, int_column[k]);
		db_run(r->d, st);
		write_template(r, f, (int64_t)i + 1, "title", 0, f->title_template, NULL);
		write_template(r, f, (int64_t)i + 1, "summary", 0, f->summary_template, NULL);
		write_parts(r, f, (int64_t)i + 1);
		for (size_t k = 0; k < f->packets; k++) {
			db_bind_int(pk, 1, (int64_t)i + 1);
			db_bind_int(pk, 2, f->packet[k]);
			db_run(r->d, pk);
		}
		rc = db_error(r->d, r->e);
	}
	free(order);
	free(id);
	return rc;
}

int findings_run(struct db *d, const char *rules_dir, struct err *e)
{
	struct run r = { .d = d, .e = e };
	int rc;

	rc = db_exec(d,
		     "DELETE FROM finding_value; DELETE "
		     "FROM finding_text; DELETE FROM finding_packet;"
		     "DELETE FROM finding_ruled_out; DELETE FROM finding_advice; DELETE FROM "
		     "finding_evidence;"
		     "DELETE FROM finding; DELETE FROM quality WHERE kind = 'rule-failed' OR (kind "
		     "= 'limit' AND "
		     "source LIKE '%.sql') OR (kind = 'note' AND note LIKE '%could not be looked "
		     "for:%')",
		     e);
	if (!rc)
		rc = claims_clear(d, e);
	if (!rc)
		rc = rules_load(&r.rules, rules_dir, e);
	if (rc)
		return rc;
	r.events_kept = coverage_kept(d, "events_recorded", "events_lost", "events-lost");
	r.frames_kept = coverage_kept(d, "frames", "frames_lost", "frames-lost");
	r.tape_whole = coverage_whole(d);
	r.lowered = coverage_level(d);
	r.steps_max = coverage_steps(d);
	sqlite3_set_authorizer(db_handle(d), authorize, &r);
	sqlite3_progress_handler(db_handle(d), COVERAGE_STEP_UNIT, progress, &r);
	rc = rules_run(&r);
	sqlite3_progress_handler(db_handle(d), 0, NULL, NULL);
	sqlite3_set_authorizer(db_handle(d), NULL, NULL);
	if (!rc) {
		symptoms_link(&r);
		rc = write_all(&r);
	}
	for (size_t i = 0; i < r.n; i++)
		found_free(&r.v[i]);
	free(r.v);
	rules_free(r.rules);
	if (rc == -ENOMEM)
		err_set(e, rc, "out of memory");
	return rc ? rc : db_error(d, e);
}
