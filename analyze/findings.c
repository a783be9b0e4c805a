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
 * Of a host at one point in time (a copy of /proc), counters are totals since the
 * boot. What a rule concludes from how they grew happened, but nothing says when: it
 * is an info with at most half of the confidence, and its title begins with "Since the
 * boot". Rules of what is nearly reached (CAUSE-near) tell of that point, and stay.
 *
 * Confidence: the rule's, times the share of events (frames) that were not lost
 * where it rests on them, times 0.95 where the tape is not whole; at most 0.9 for
 * a rule that was never tried on a recording, at most 0.5 for an untested one.
 */
#include "findings.h"
#include "claims.h"
#include "coverage.h"
#include "found.h"
#include "rule_text.h"
#include "rules.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX    25  /* findings of one rule: more than anyone reads */
#define LOST_NS     1e8 /* of waiting do the harm of a lost packet */

/* How much of what a rule reads was recorded. */
enum judged { JUDGED_ALL, JUDGED_PART, JUDGED_NOT };

struct run {
	struct db *d;
	struct rules *rules;
	struct found *v;
	size_t n;
	bool confined;
	long long steps, steps_max;	 /* of the present rule */
	double events_kept, frames_kept; /* share that was not lost */
	bool tape_whole;
	bool from_boot; /* counters are totals since the boot */
	enum detail_level lowered;
	bool blind; /* the statement that was prepared last reads what was not recorded to the end */
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
		r->blind |= a && coverage_ends(r->lowered, a, b ? b : "");
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

static double row_number(const struct rule_row *row, const char *name, double otherwise)
{
	sqlite3_value *v = rule_row_get(row, name);

	return v ? sqlite3_value_double(v) : otherwise;
}

struct texts {
	struct run *r;
	struct found *f;
	const char *netns;
	bool astray; /* where it is, is not known, and there is more than one namespace: no command
			then */
};

/* Whether nothing tells the host's namespaces: those of other programs' traces and captures have the names of files. */
static bool made_up_netns(struct db *d)
{
	sqlite3_stmt *st = db_prepare(d, "SELECT EXISTS (SELECT 1 FROM quality WHERE kind = 'source-missing' AND source = "
					 "'namespaces') AND NOT EXISTS (SELECT 1 FROM snapshot)");
	bool yes = sqlite3_step(st) == SQLITE_ROW && sqlite3_column_int(st, 0);

	sqlite3_reset(st);
	return yes;
}

struct prefix {
	const struct texts *t;
	bool sysfs; /* the command writes to /sys */
	bool lost;  /* a namespace has neither a name nor a process: no command then */
};

/*
 * The prefix that runs a command in a namespace: a name of ip-netns(8), else a process in it. Of namespaces that
 * had one name ("web", "web#2") it belongs to the last one now. ip-netns(8) mounts a /sys of that namespace;
 * nsenter(1) does not, and the process's own one is read-only in a container, so that a command for /sys gets one.
 */
static int ns_prefix(void *ctx, const char *netns, struct buf *out)
{
	static const char sql[] = "WITH n AS (SELECT id, pid, names, CASE WHEN names <> '' THEN substr(names, 1, instr(names || ' ', ' ') - 1) "
				  "WHEN instr(name, ':[') = 0 THEN name END AS result FROM netns WHERE name = ? ORDER BY id LIMIT 1) "
				  "SELECT result, pid, result IS NULL OR EXISTS (SELECT 1 FROM netns l WHERE l.id > n.id AND "
				  "instr(' ' || l.names || ' ', ' ' || n.result || ' ')) FROM n";
	struct prefix *p = ctx;
	struct db *d = p->t->r->d;
	struct rule_row none = { 0 }, more = { 0 };
	bool nameless;
	sqlite3_stmt *st;
	int pid = 0, rc;

	if (!netns)
		netns = p->t->netns;
	if (!netns || !strcmp(netns, "init") || made_up_netns(d))
		return 0;
	st = db_prepare(d, sql);
	db_bind_text(st, 1, netns);
	if (sqlite3_step(st) != SQLITE_ROW) { /* of a tape that lists no namespaces */
		sqlite3_reset(st);
		st = db_prepare(d, "SELECT ?1 AS result, NULL, 0");
		db_bind_text(st, 1, netns);
		sqlite3_step(st);
	}
	pid = sqlite3_column_int(st, 1);
	nameless = sqlite3_column_int(st, 2);
	rc = nameless ? 0 : rule_row_take(&more, st);
	sqlite3_reset(st);
	p->lost |= nameless && pid <= 0;
	if (nameless)
		return buf_printf(out, "nsenter -t %d -n %s", pid,
				  p->sysfs ? "unshare -m sh -c 'mount -t sysfs sysfs /sys && exec "
					     "\"$@\"' sh "
					   : "");
	if (!rc)
		rc = rule_render("ip netns exec {result} ", RULE_TEXT_SHELL, &none, &more, NULL,
				 out, NULL);
	rule_row_free(&more);
	return rc;
}

/* Fill a template into a string of its own; NULL: a command whose namespace cannot be entered. Return:
 * 0; -EINVAL with the reason in @e; -ENOMEM. */
static int fill(const struct texts *t, const char *text, enum rule_text mode,
		const struct rule_row *more, char **out, struct err *e)
{
	struct prefix p = { .t = t, .sysfs = strstr(text, "/sys/") };
	struct rule_ns ns = { ns_prefix, &p };
	struct buf b = { 0 };
	int rc = rule_render(text, mode, &t->f->row, more, &ns, &b, e);

	if (!rc)
		rc = buf_put(&b, "", 1);
	if (rc) {
		buf_free(&b);
		return rc;
	}
	if (p.lost)
		buf_free(&b);
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
	while ((rc = sqlite3_step(st)) == SQLITE_ROW && f->packets < FOUND_PACKETS_MAX) {
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

/* Whether a rule's finding may be of any time since the boot. */
static bool any_time(const struct run *r, const struct rule *rule)
{
	static const char near[] = "-near.sql";
	size_t n = strlen(rule->name), m = sizeof(near) - 1;

	return r->from_boot && rule->uses & RULE_USES_COUNTERS && (n < m || strcmp(rule->name + n - m, near));
}

static const char *severity_of(const struct rule *rule, const struct rule_row *row)
{
	static const char *const known[] = { "critical", "warning", "info" };
	const char *s = found_text(row, "severity");

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
	if (any_time(r, rule))
		c *= 0.5;
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

/* What the title of a finding of any time begins with, beside its template (reports/words.c). Return: 0, -ENOMEM. */
static int put_boot(struct found *f)
{
	char *title;

	if (asprintf(&title, "Since the boot: %s", f->title) < 0)
		return -ENOMEM;
	free(f->title);
	f->title = title;
	return 0;
}

/* The present row of @st becomes a finding. Return: 0, -EINVAL (the rule's texts are wrong, reason
 * in @e), -ENOMEM. */
static int found_add(struct run *r, const struct rule *rule, sqlite3_stmt *st, struct err *e)
{
	struct found f = { .rule = rule, .order = r->n, .symptom_of = SIZE_MAX }, *v;
	struct texts t = { .r = r, .f = &f };
	const char *own;
	int rc = rule_row_take(&f.row, st);

	if (rc)
		goto out;
	t.netns = found_text(&f.row, "netns");
	t.astray = !t.netns && many_netns(r);
	f.severity = any_time(r, rule) ? "info" : severity_of(rule, &f.row);
	f.confidence = confidence_of(r, rule, &f.row);
	f.rank = rank_of(&f);
	own = found_text(&f.row, "title");
	f.title_template = own ? "{title}" : rule->title;
	rc = fill(&t, f.title_template, RULE_TEXT_PLAIN, NULL, &f.title, e);
	if (!rc && any_time(r, rule))
		rc = put_boot(&f);
	own = found_text(&f.row, "summary");
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

/* *judged: JUDGED_PART or JUDGED_NOT where it reads what was not recorded to the end. Return: 0 (also
 * where the rule fails), -ENOMEM. */
static int rule_run(struct run *r, const struct rule *rule, enum judged *judged)
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
	if (r->blind) {
		*judged = r->lowered <= rule->partial ? JUDGED_PART : JUDGED_NOT;
		if (*judged == JUDGED_NOT) {
			r->confined = false;
			sqlite3_finalize(st);
			return 0;
		}
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

/* The causes of rules that were judged like that, because the recorder lowered its detail: as many rows as they need. */
static void note_lowered(struct run *r, const enum judged *judged, enum judged which, const char *note)
{
	char causes[800] = "";

	for (size_t i = 0; i <= rules_count(r->rules); i++) {
		bool end = i == rules_count(r->rules);
		const char *word = end ? "" : rules_at(r->rules, i)->cause->word;
		size_t n = strlen(causes);

		if (!end && judged[i] != which)
			continue;
		if (n && (end || n + strlen(word) + 3 > sizeof(causes))) {
			db_quality(r->d, &(struct quality){ "note", "detail", -1, NULL, -1, -1, -1 }, "%s: %s", note, causes);
			n = 0;
		}
		snprintf(causes + n, sizeof(causes) - n, "%s%s", n ? ", " : "", word);
	}
}

static int rules_run(struct run *r)
{
	size_t n = rules_count(r->rules);
	struct span *lacking = calloc(n + 1, sizeof(*lacking));
	enum judged *judged = calloc(n + 1, sizeof(*judged));
	int rc = lacking && judged ? 0 : -ENOMEM;

	for (int last = 0; !rc && last < 2; last++) {
		if (last)
			claims_write(r->d, r->rules, r->v, r->n);
		for (size_t i = 0; !rc && i < n; i++) {
			const struct rule *rule = rules_at(r->rules, i);

			if (rule->last != last)
				continue;
			if (rule->problem)
				rule_failed(r, rule, "", rule->problem);
			else if (needs_met(r, rule, &lacking[i]))
				rc = rule_run(r, rule, &judged[i]);
		}
	}
	if (!rc) {
		note_lacking(r, lacking);
		note_lowered(r, judged, JUDGED_NOT, "the recorder lowered its detail, so these causes could not be looked for");
		note_lowered(r, judged, JUDGED_PART,
			     "the recorder lowered its detail, so these causes were looked for only in what was still recorded");
	}
	free(lacking);
	free(judged);
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
		     "source LIKE '%.sql') OR (kind = 'note' AND (source = 'detail' OR note LIKE '%could not be looked "
		     "for:%'))",
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
	r.from_boot = coverage_from_boot(d);
	r.lowered = coverage_level(d);
	r.steps_max = coverage_steps(d);
	sqlite3_set_authorizer(db_handle(d), authorize, &r);
	sqlite3_progress_handler(db_handle(d), COVERAGE_STEP_UNIT, progress, &r);
	rc = rules_run(&r);
	sqlite3_progress_handler(db_handle(d), 0, NULL, NULL);
	sqlite3_set_authorizer(db_handle(d), NULL, NULL);
	if (!rc) {
		found_link(r.v, r.n);
		rc = found_write(d, r.v, r.n, e);
	}
	for (size_t i = 0; i < r.n; i++)
		found_free(&r.v[i]);
	free(r.v);
	rules_free(r.rules);
	if (rc == -ENOMEM)
		err_set(e, rc, "out of memory");
	return rc ? rc : db_error(d, e);
}
