/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * A rule file is SQL whose comments carry the rest. The parser goes line by
 * line: "-- key: value" starts a field, "--   more" (two blanks or a tab behind
 * the dashes) continues it, any other line that is no comment is SQL and belongs
 * to the main query or, behind the first section, to the section it follows. A
 * comment that looks like a field but has no known key is an error, so that a
 * slip of the pen does not silently drop a part of a rule. A file that is no
 * good becomes a rule with a problem, never an error of the program.
 */
#include "rules.h"
#include "embed.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define RULE_FILES_MAX 512
#define RULE_BYTES_MAX (256 * KIB)
#define RULE_ITEMS_MAX 64

struct rules {
	struct rule *v;
	size_t n;
	struct rule_cause *cause;
	size_t causes;
};

static const char *const tested_name[] = {
	[RULE_UNTESTED] = "no",
	[RULE_TESTED_REPLAY] = "replay",
	[RULE_TESTED_LIVE] = "live",
};
static_assert(ARRAY_SIZE(tested_name) == RULE_TESTED_COUNT, "a name for each");

static const char *const uses_name[] = { "events", "frames",  "counters",
					 "config", "sockets", "sched" };

static char *span_dup(struct span s)
{
	char *p = malloc(s.n + 1);

	if (p)
		span_copy(s, p, s.n + 1);
	return p;
}

/* ---- vocabulary ---- */

static int causes_load(struct rules *r)
{
	struct span text = embed_find("analyze/causes.tsv"), line;

	span_line(&text, &line); /* column names */
	while (span_line(&text, &line)) {
		struct rule_cause *p = realloc(r->cause, (r->causes + 1) * sizeof(*p));
		struct span f[4] = { { 0 } };

		if (!p)
			return -ENOMEM;
		r->cause = p;
		for (size_t i = 0; i < ARRAY_SIZE(f); i++)
			span_field(&line, '\t', &f[i]);
		p = &r->cause[r->causes++];
		*p = (struct rule_cause){ span_dup(f[0]), span_dup(f[1]), span_dup(f[2]),
					  span_dup(f[3]) };
		if (!p->word || !p->layer || !p->kind || !p->meaning)
			return -ENOMEM;
	}
	return 0;
}

static const struct rule_cause *cause_find(const struct rules *r, struct span word)
{
	for (size_t i = 0; i < r->causes; i++)
		if (span_is(word, r->cause[i].word))
			return &r->cause[i];
	return NULL;
}

/* ---- one file ---- */

enum key {
	KEY_CAUSE,
	KEY_SEVERITY,
	KEY_TITLE,
	KEY_SUMMARY,
	KEY_HOW,
	KEY_TESTED,
	KEY_USES,
	KEY_NEEDS,
	KEY_PARTIAL,
	KEY_CONFIDENCE,
	KEY_SYMPTOM_OF,
	KEY_ORDER,
	KEY_EVIDENCE,
	KEY_EVIDENCE_OPT,
	KEY_ADVICE,
	KEY_COMMAND,
	KEY_UNDO,
	KEY_RULED_OUT,
	KEY_WHEN,
	KEY_PACKETS,
	KEY_COUNT
};

static const char *const key_name[] = {
	[KEY_CAUSE] = "cause",
	[KEY_SEVERITY] = "severity",
	[KEY_TITLE] = "title",
	[KEY_SUMMARY] = "summary",
	[KEY_HOW] = "how",
	[KEY_TESTED] = "tested",
	[KEY_USES] = "uses",
	[KEY_NEEDS] = "needs",
	[KEY_PARTIAL] = "partial",
	[KEY_CONFIDENCE] = "confidence",
	[KEY_SYMPTOM_OF] = "symptom-of",
	[KEY_ORDER] = "order",
	[KEY_EVIDENCE] = "evidence",
	[KEY_EVIDENCE_OPT] = "evidence?",
	[KEY_ADVICE] = "advice",
	[KEY_COMMAND] = "command",
	[KEY_UNDO] = "undo",
	[KEY_RULED_OUT] = "ruled-out",
	[KEY_WHEN] = "when",
	[KEY_PACKETS] = "packets",
};
static_assert(ARRAY_SIZE(key_name) == KEY_COUNT, "a name for each");

struct parse {
	const struct rules *all;
	struct rule *r;
	char *tested, *uses, *confidence, *cause, *order, *partial; /* raw values of the header */
	int line;
};

/* The key of "-- key: value". Return: KEY_COUNT: no field at all, -1: unknown key. */
static int field_key(struct span c, struct span *value)
{
	size_t n = 0;

	while (n < c.n && ((c.p[n] >= 'a' && c.p[n] <= 'z') || c.p[n] == '-' || c.p[n] == '?'))
		n++;
	if (!n || n == c.n || c.p[n] != ':')
		return KEY_COUNT;
	*value = span_trim((struct span){ c.p + n + 1, c.n - n - 1 });
	for (int k = 0; k < KEY_COUNT; k++)
		if (span_is((struct span){ c.p, n }, key_name[k]))
			return k;
	return -1;
}

static void problem(struct parse *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void problem(struct parse *p, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	int n = 0;

	if (p->r->problem)
		return;
	if (p->line)
		n = snprintf(text, sizeof(text), "line %d: ", p->line);
	va_start(ap, fmt);
	vsnprintf(text + n, sizeof(text) - (size_t)n, fmt, ap);
	va_end(ap);
	p->r->problem = strdup(text);
}

/* Append @s behind @sep to a text. */
static int text_add(char **text, const char *sep, struct span s)
{
	size_t old = *text ? strlen(*text) : 0, gap = old ? strlen(sep) : 0;
	char *p = realloc(*text, old + gap + s.n + 1);

	if (!p)
		return -ENOMEM;
	*text = p;
	memcpy(p + old, sep, gap);
	span_copy(s, p + old + gap, s.n + 1);
	return 0;
}

static struct rule_item *item_new(struct parse *p, enum rule_item_kind kind)
{
	struct rule *r = p->r;
	struct rule_item *v;

	if (r->items >= RULE_ITEMS_MAX) {
		problem(p, "more than %d sections", RULE_ITEMS_MAX);
		return NULL;
	}
	v = realloc(r->item, (r->items + 1) * sizeof(*v));
	if (!v)
		return NULL;
	r->item = v;
	v[r->items] = (struct rule_item){ .kind = kind };
	return &v[r->items++];
}

static struct rule_item *item_last(struct rule *r)
{
	return r->items ? &r->item[r->items - 1] : NULL;
}

/* Where the text of a field goes; NULL where it may not stand here (or no memory is left). */
static char **field_target(struct parse *p, enum key k)
{
	struct rule *r = p->r;
	struct rule_item *it = item_last(r);

	switch (k) {
	case KEY_CAUSE:
		return &p->cause;
	case KEY_SEVERITY:
		return &r->severity;
	case KEY_TITLE:
		return &r->title;
	case KEY_SUMMARY:
		return &r->summary;
	case KEY_HOW:
		return &r->how;
	case KEY_TESTED:
		return &p->tested;
	case KEY_USES:
		return &p->uses;
	case KEY_NEEDS:
		return &r->needs;
	case KEY_PARTIAL:
		return &p->partial;
	case KEY_CONFIDENCE:
		return &p->confidence;
	case KEY_SYMPTOM_OF:
		return &r->symptom_of;
	case KEY_ORDER:
		return &p->order;
	case KEY_EVIDENCE:
	case KEY_EVIDENCE_OPT:
		it = item_new(p, RULE_EVIDENCE);
		if (it)
			it->optional = k == KEY_EVIDENCE_OPT;
		return it ? &it->text : NULL;
	case KEY_ADVICE:
		it = item_new(p, RULE_ADVICE);
		return it ? &it->text : NULL;
	case KEY_RULED_OUT:
		it = item_new(p, RULE_RULED_OUT);
		return it ? &it->text : NULL;
	case KEY_PACKETS:
		it = item_new(p, RULE_PACKETS);
		return it ? &it->text : NULL;
	case KEY_COMMAND:
	case KEY_UNDO:
		if (!it || it->kind != RULE_ADVICE)
			break;
		return k == KEY_COMMAND ? &it->command : &it->undo;
	case KEY_WHEN:
		if (!it || (it->kind != RULE_ADVICE && it->kind != RULE_RULED_OUT))
			break;
		return &it->sql;
	case KEY_COUNT:
		break;
	}
	problem(p, "'%s' does not belong here: it follows the section it is part of", key_name[k]);
	return NULL;
}

/* A line of SQL: of the main query, or of the evidence or packets section it stands in. */
static int sql_line(struct parse *p, struct span line)
{
	struct rule_item *it = item_last(p->r);

	if (it && it->kind != RULE_EVIDENCE && it->kind != RULE_PACKETS) {
		problem(p, "SQL behind a section that has none");
		return 0;
	}
	return text_add(it ? &it->sql : &p->r->sql, "\n", line);
}

static int rule_lines(struct parse *p, struct span text)
{
	struct span line, value;
	int at = -1; /* the field that a continuation belongs to is *cur */
	char **cur = NULL;
	int rc = 0;

	while (!rc && !p->r->problem && span_line(&text, &line)) {
		struct span t = span_trim(line);

		p->line++;
		if (t.n && t.p[t.n - 1] == '\r')
			t.n--;
		if (!t.n)
			continue;
		if (!span_starts(t, "--")) {
			cur = NULL;
			rc = sql_line(p, t);
			continue;
		}
		value = (struct span){ t.p + 2, t.n - 2 };
		if (cur && (span_starts(value, "  ") || span_starts(value, "\t"))) {
			rc = text_add(cur, " ", span_trim(value));
			continue;
		}
		cur = NULL;
		at = field_key(span_trim(value), &value);
		if (at < 0) {
			problem(p, "unknown key in '%.*s'", (int)(t.n < 60 ? t.n : 60), t.p);
		} else if (at < KEY_COUNT) {
			cur = field_target(p, (enum key)at);
			if (!cur && !p->r->problem)
				return -ENOMEM;
			if (cur && *cur)
				problem(p, "'%s' stands twice", key_name[at]);
			else if (cur)
				rc = text_add(cur, "", value);
		}
	}
	return rc;
}

/* Cut white space and one semicolon off the end. */
static void sql_trim(char *sql)
{
	size_t n = sql ? strlen(sql) : 0;

	while (n && strchr(" \t\r\n;", sql[n - 1]))
		sql[--n] = '\0';
}

static void uses_parse(struct parse *p)
{
	struct span list = { p->uses, strlen(p->uses) }, f;

	while (span_field(&list, ',', &f)) {
		size_t i;

		f = span_trim(f);
		for (i = 0; i < ARRAY_SIZE(uses_name); i++)
			if (span_is(f, uses_name[i]))
				break;
		if (i == ARRAY_SIZE(uses_name))
			problem(p,
				"uses: '%.*s' is not one of events, frames, counters, config, "
				"sockets, sched",
				(int)(f.n < 40 ? f.n : 40), f.p);
		else
			p->r->uses |= 1u << i;
	}
}

/* The step of the recorder up to which a rule may run, as quality names it (detail.c); yes: all. */
static bool partial_parse(const char *text, enum detail_level *level)
{
	static const struct {
		const char *text;
		enum detail_level level;
	} known[] = { { "path", DETAIL_NO_SCHED }, { "no-pcap", DETAIL_NO_PCAP }, { "yes", DETAIL_DROPS } };

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (!strcmp(text, known[i].text)) {
			*level = known[i].level;
			return true;
		}
	}
	return false;
}

/* What a rule must have, and what its values may be. */
static void rule_check(struct parse *p)
{
	struct rule *r = p->r;
	size_t i;

	p->line = 0;
	if (!p->cause || !r->severity || !r->title || !r->summary || !r->how || !p->tested ||
	    !p->uses || !r->sql) {
		problem(p,
			"it needs cause, severity, title, summary, how, tested, uses and a query");
		return;
	}
	if (p->partial && !partial_parse(p->partial, &r->partial))
		problem(p, "partial '%.20s' is not path, no-pcap or yes", p->partial);
	r->cause = cause_find(p->all, (struct span){ p->cause, strlen(p->cause) });
	if (!r->cause)
		problem(p, "unknown cause '%.60s': it must be a word of causes.tsv", p->cause);
	if (strcmp(r->severity, "critical") && strcmp(r->severity, "warning") &&
	    strcmp(r->severity, "info"))
		problem(p, "severity '%.20s' is not critical, warning or info", r->severity);
	for (i = 0; i < RULE_TESTED_COUNT; i++)
		if (!strcmp(p->tested, tested_name[i]))
			r->tested = (enum rule_tested)i;
	if (strcmp(p->tested, tested_name[r->tested]))
		problem(p, "tested '%.20s' is not live, replay or no", p->tested);
	uses_parse(p);
	r->last = p->order && !strcmp(p->order, "last");
	if (p->order && !r->last)
		problem(p, "order '%.20s' is not last", p->order);
	r->confidence = 0.9;
	if (p->confidence) {
		char *end;

		r->confidence = strtod(p->confidence, &end);
		if (end == p->confidence || *end || !(r->confidence >= 0 && r->confidence <= 1))
			problem(p, "confidence '%.20s' is not a number from 0 to 1", p->confidence);
	}
	sql_trim(r->sql);
	for (i = 0; i < r->items; i++) {
		struct rule_item *it = &r->item[i];

		sql_trim(it->sql);
		if ((it->optional || it->kind == RULE_PACKETS) && !(it->sql && *it->sql))
			problem(p, "section %zu has no query", i + 1);
	}
}

/* Parse one file into @r. Return: 0 (with a problem or without), -ENOMEM. */
static int rule_parse(const struct rules *all, struct rule *r, const char *name, bool embedded,
		      struct span text)
{
	struct parse p = { .all = all, .r = r };
	int rc;

	r->name = strdup(name);
	r->embedded = embedded;
	if (!r->name)
		return -ENOMEM;
	rc = rule_lines(&p, text);
	if (!rc && !r->problem)
		rule_check(&p);
	free(p.cause);
	free(p.tested);
	free(p.uses);
	free(p.confidence);
	free(p.order);
	free(p.partial);
	return rc;
}

static void rule_free(struct rule *r)
{
	for (size_t i = 0; i < r->items; i++) {
		free(r->item[i].text);
		free(r->item[i].sql);
		free(r->item[i].command);
		free(r->item[i].undo);
	}
	free(r->item);
	free(r->name);
	free(r->problem);
	free(r->severity);
	free(r->title);
	free(r->summary);
	free(r->how);
	free(r->needs);
	free(r->symptom_of);
	free(r->sql);
	*r = (struct rule){ 0 };
}

/* ---- all files ---- */

static int rule_add(struct rules *r, const char *name, bool embedded, struct span text)
{
	struct rule *v;

	for (size_t i = 0; i < r->n; i++)
		if (!strcmp(r->v[i].name, name)) { /* the user's goes before ours */
			rule_free(&r->v[i]);
			return rule_parse(r, &r->v[i], name, embedded, text);
		}
	v = realloc(r->v, (r->n + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	r->v = v;
	v[r->n] = (struct rule){ 0 };
	return rule_parse(r, &v[r->n++], name, embedded, text);
}

/* A file of the user's folder that cannot be read is a rule with that problem. */
static int file_add(struct rules *r, int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct buf b = { 0 };
	char why[128] = "";
	ssize_t n = -1;
	int rc = 0;

	while (fd >= 0 && b.len <= RULE_BYTES_MAX) {
		rc = buf_reserve(&b, 16 * KIB);
		if (rc)
			goto out;
		n = read(fd, b.data + b.len, 16 * KIB);
		if (n <= 0)
			break;
		b.len += (size_t)n;
	}
	if (fd < 0 || n < 0)
		snprintf(why, sizeof(why), "cannot be read: %s", strerror(errno));
	else if (b.len > RULE_BYTES_MAX)
		snprintf(why, sizeof(why), "larger than %d bytes", (int)RULE_BYTES_MAX);
	else if (memchr(b.data, '\0', b.len))
		snprintf(why, sizeof(why), "not text");
	rc = rule_add(r, name, false,
		      (struct span){ b.data ? (const char *)b.data : "", why[0] ? 0 : b.len });
	for (size_t i = 0; !rc && why[0] && i < r->n; i++)
		if (!strcmp(r->v[i].name, name)) {
			free(r->v[i].problem);
			r->v[i].problem = strdup(why);
		}
out:
	if (fd >= 0)
		close(fd);
	buf_free(&b);
	return rc;
}

static int dir_add(struct rules *r, const char *path, struct err *e)
{
	DIR *d = opendir(path);
	struct dirent *de;
	size_t files = 0;
	int rc = 0;

	if (!d)
		return err_sys(e, "cannot open the folder of rules %s", path);
	while (!rc && (de = readdir(d))) {
		size_t n = strlen(de->d_name);

		if (n < 5 || strcmp(de->d_name + n - 4, ".sql"))
			continue;
		if (++files > RULE_FILES_MAX)
			rc = err_set(e, -E2BIG, "%s: more than %d rule files", path,
				     RULE_FILES_MAX);
		else
			rc = file_add(r, dirfd(d), de->d_name);
	}
	closedir(d);
	return rc;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct rule *)a)->name, ((const struct rule *)b)->name);
}

int rules_load(struct rules **out, const char *dir, struct err *e)
{
	static const char prefix[] = "analyze/rules/";
	struct rules *r = calloc(1, sizeof(*r));
	int rc = r ? causes_load(r) : -ENOMEM;

	for (size_t i = 0; !rc && embed_at(i); i++) {
		const struct embed *m = embed_at(i);

		if (!strncmp(m->name, prefix, sizeof(prefix) - 1))
			rc = rule_add(r, m->name + sizeof(prefix) - 1, true,
				      (struct span){ (const char *)m->data, m->size });
	}
	if (rc == -ENOMEM)
		err_set(e, rc, "out of memory");
	if (!rc && dir)
		rc = dir_add(r, dir, e);
	if (rc) {
		rules_free(r);
		return rc;
	}
	if (r->n)
		qsort(r->v, r->n, sizeof(*r->v), by_name);
	*out = r;
	return 0;
}

void rules_free(struct rules *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		rule_free(&r->v[i]);
	free(r->v);
	for (size_t i = 0; i < r->causes; i++) {
		free(r->cause[i].word);
		free(r->cause[i].layer);
		free(r->cause[i].kind);
		free(r->cause[i].meaning);
	}
	free(r->cause);
	free(r);
}

size_t rules_count(const struct rules *r)
{
	return r->n;
}

const struct rule *rules_at(const struct rules *r, size_t i)
{
	return &r->v[i];
}

const struct rule_cause *rules_cause(const struct rules *r, size_t i)
{
	return i < r->causes ? &r->cause[i] : NULL;
}

/* ---- listing ---- */

/* @text as lines of at most 100 columns, the first behind @indent, the others as deep. */
static int put_wrapped(struct buf *out, const char *indent, const char *text)
{
	struct span line = { text, strlen(text) }, word;
	size_t depth = strlen(indent), col = 0;
	int rc = buf_put(out, indent, depth);

	while (!rc && span_word(&line, &word)) {
		if (col && depth + col + 1 + word.n > 100) {
			rc = buf_printf(out, "\n%*s", (int)depth, "");
			col = 0;
		}
		if (!rc)
			rc = buf_printf(out, "%s%.*s", col ? " " : "", (int)word.n, word.p);
		col += (col ? 1 : 0) + word.n;
	}
	return rc ? rc : buf_put(out, "\n", 1);
}

static int list_rule(struct buf *out, const struct rule *r)
{
	const char *sep = "    evidence: ";
	int rc = buf_printf(out, "  %s: %s, tested: %s%s\n", r->name, r->severity,
			    tested_name[r->tested], r->embedded ? "" : ", not built in");

	if (!rc)
		rc = put_wrapped(out, "    ", r->how);
	for (size_t i = 0; !rc && i < ARRAY_SIZE(uses_name); i++)
		if (r->uses & 1u << i) {
			rc = buf_printf(out, "%s%s", sep, uses_name[i]);
			sep = ", ";
		}
	if (!rc)
		rc = buf_put(out, "\n", 1);
	for (size_t i = 0; !rc && i < r->items; i++)
		if (r->item[i].kind == RULE_EVIDENCE)
			rc = put_wrapped(out, "      - ", r->item[i].text);
	return rc;
}

static int list_all(struct buf *out, const struct rules *r)
{
	struct buf without = { 0 };
	int rc = 0;

	for (size_t c = 0; !rc && c < r->causes; c++) {
		const struct rule_cause *cause = &r->cause[c];
		bool any = false;

		for (size_t i = 0; !rc && i < r->n; i++) {
			if (r->v[i].problem || r->v[i].cause != cause)
				continue;
			if (!any)
				rc = buf_printf(out, "%s (%s, %s)\n", cause->word, cause->layer,
						cause->kind);
			if (!rc && !any)
				rc = put_wrapped(out, "  ", cause->meaning);
			any = true;
			if (!rc)
				rc = list_rule(out, &r->v[i]);
		}
		if (!rc)
			rc = any ? buf_put(out, "\n", 1) : buf_printf(&without, "%s ", cause->word);
	}
	if (!rc && without.len) {
		rc = buf_put(&without, "", 1);
		if (!rc)
			rc = buf_printf(out, "Causes of the vocabulary that no rule finds yet:\n");
		if (!rc)
			rc = put_wrapped(out, "  ", (const char *)without.data);
	}
	for (size_t i = 0; !rc && i < r->n; i++)
		if (r->v[i].problem)
			rc = buf_printf(out, "%s: not usable: %s\n", r->v[i].name, r->v[i].problem);
	buf_free(&without);
	return rc;
}

int rules_list(struct buf *out, const char *dir, struct err *e)
{
	struct rules *r = NULL;
	int rc = rules_load(&r, dir, e);

	if (rc)
		return rc;
	rc = list_all(out, r);
	rules_free(r);
	return rc ? err_set(e, rc, "out of memory") : 0;
}
