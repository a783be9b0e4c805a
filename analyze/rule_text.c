/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * Templates hold {name} or {name:format}. A part between [[ and ]] is left out
 * where a value in it is NULL. Values come from the tape and are hostile: in SQL
 * they become literals, in commands they are quoted for the shell.
 */
#include "rule_text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int rule_row_take(struct rule_row *row, sqlite3_stmt *st)
{
	struct rule_row t = { .n = (size_t)sqlite3_column_count(st) };

	t.name = calloc(t.n + 1, sizeof(*t.name));
	t.value = calloc(t.n + 1, sizeof(*t.value));
	if (!t.name || !t.value)
		goto nomem;
	for (size_t i = 0; i < t.n; i++) {
		const char *name = sqlite3_column_name(st, (int)i);

		t.name[i] = strdup(name ? name : "");
		t.value[i] = sqlite3_value_dup(sqlite3_column_value(st, (int)i));
		if (!t.name[i] || !t.value[i])
			goto nomem;
	}
	*row = t;
	return 0;
nomem:
	rule_row_free(&t);
	return -ENOMEM;
}

void rule_row_free(struct rule_row *row)
{
	for (size_t i = 0; i < row->n; i++) {
		if (row->name)
			free(row->name[i]);
		if (row->value)
			sqlite3_value_free(row->value[i]);
	}
	free(row->name);
	free(row->value);
	*row = (struct rule_row){ 0 };
}

/* Return: index of a column, or -1. */
static long row_column(const struct rule_row *row, struct span name)
{
	for (size_t i = 0; row && i < row->n; i++)
		if (span_is(name, row->name[i]))
			return (long)i;
	return -1;
}

static sqlite3_value *not_null(sqlite3_value *v)
{
	return v && sqlite3_value_type(v) != SQLITE_NULL ? v : NULL;
}

sqlite3_value *rule_row_get(const struct rule_row *row, const char *name)
{
	long i = row_column(row, (struct span){ name, strlen(name) });

	return i < 0 ? NULL : not_null(row->value[i]);
}

/* Functions are "?" where the tape names no symbol: a sentence does without the place then. */
static bool no_place(struct span name, sqlite3_value *v)
{
	return (span_is(name, "function") || span_is(name, "functions")) &&
	       sqlite3_value_type(v) == SQLITE_TEXT &&
	       !strcmp((const char *)sqlite3_value_text(v), "?");
}

bool rule_row_find(const struct rule_row *row, const struct rule_row *more, struct span name,
		   sqlite3_value **value)
{
	long i;

	if (more && more->n && span_is(name, "result")) {
		*value = more->value[0];
		return true;
	}
	i = row_column(more, name);
	if (i >= 0) {
		*value = more->value[i];
		return true;
	}
	i = row_column(row, name);
	if (i >= 0)
		*value = row->value[i];
	return i >= 0;
}

static int put_duration(struct buf *out, double ns)
{
	double a = ns < 0 ? -ns : ns;

	if (a < 1e3)
		return buf_printf(out, "%.0f ns", ns);
	if (a < 1e6)
		return buf_printf(out, "%.1f us", ns / 1e3);
	if (a < 1e9)
		return buf_printf(out, "%.1f ms", ns / 1e6);
	return buf_printf(out, "%.2f s", ns / 1e9);
}

static int put_size(struct buf *out, int64_t bytes)
{
	if (bytes < (int64_t)(10 * MIB))
		return buf_printf(out, "%" PRId64 " bytes", bytes);
	return buf_printf(out, "%.0f MiB", (double)bytes / (double)MIB);
}

/* Text of a value for sh(1): as it is where it is harmless, else in single quotes; a tab, which
 * separates the numbers of a sysctl, becomes a blank, other control characters '?'. */
static int put_shell(struct buf *out, const char *s, size_t n)
{
	static const char harmless[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:@%+,=-";
	int rc;

	if (n && strspn(s, harmless) == n && s[0] != '-')
		return buf_put(out, s, n);
	rc = buf_put(out, "'", 1);
	for (size_t i = 0; !rc && i < n; i++) {
		if (s[i] == '\'')
			rc = buf_put(out, "'\\''", 4);
		else if (s[i] == '\t')
			rc = buf_put(out, " ", 1);
		else if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			rc = buf_put(out, "?", 1);
		else
			rc = buf_put(out, &s[i], 1);
	}
	return rc ? rc : buf_put(out, "'", 1);
}

/* The same where the template is between single quotes, the command of a sh -c: what is quoted for
 * that shell is quoted once more for the one that starts it. */
static int put_inner_shell(struct buf *out, const char *s, size_t n)
{
	struct buf inner = { 0 };
	int rc = put_shell(&inner, s, n);

	for (size_t i = 0; !rc && i < inner.len; i++) {
		if (inner.data[i] == '\'')
			rc = buf_put(out, "'\\''", 4);
		else
			rc = buf_put(out, &inner.data[i], 1);
	}
	buf_free(&inner);
	return rc;
}

static int put_sql(struct buf *out, sqlite3_value *v)
{
	char *q = NULL;
	int rc;

	switch (v ? sqlite3_value_type(v) : SQLITE_NULL) {
	case SQLITE_INTEGER:
		return buf_printf(out, "%" PRId64, (int64_t)sqlite3_value_int64(v));
	case SQLITE_FLOAT:
		return buf_printf(out, "%.17g", sqlite3_value_double(v));
	case SQLITE_TEXT:
		q = sqlite3_mprintf("%Q", sqlite3_value_text(v));
		rc = q ? buf_put(out, q, strlen(q)) : -ENOMEM;
		sqlite3_free(q);
		return rc;
	default:
		return buf_put(out, "NULL", 4);
	}
}

static int put_ns(struct buf *out, const struct rule_ns *ns, const char *netns)
{
	return ns ? ns->put(ns->ctx, netns, out) : 0;
}

/* A value in a text: @fmt is time, size, pct, ns, or 'n WORD' for a counted noun. @quoted: between
 * single quotes of a command. */
static int put_value(struct buf *out, enum rule_text mode, bool quoted, sqlite3_value *v,
		     struct span fmt, const struct rule_ns *ns, struct err *e)
{
	const char *text;

	if (mode == RULE_TEXT_SQL)
		return put_sql(out, v);
	if (!v)
		return buf_put(out, "unknown", 7);
	if (span_is(fmt, "time"))
		return put_duration(out, sqlite3_value_double(v));
	if (span_is(fmt, "size"))
		return put_size(out, sqlite3_value_int64(v));
	if (span_is(fmt, "pct"))
		return buf_printf(out, "%.3g %%", 100 * sqlite3_value_double(v));
	if (span_starts(fmt, "n ")) {
		int64_t n = sqlite3_value_int64(v);

		return buf_printf(out, "%" PRId64 " %.*s%s", n, (int)(fmt.n - 2), fmt.p + 2,
				  n == 1 ? "" : "s");
	}
	if (span_is(fmt, "ns")) {
		text = (const char *)sqlite3_value_text(v);
		return text ? put_ns(out, ns, text) : -ENOMEM;
	}
	if (fmt.n)
		return err_set(e, -EINVAL, "unknown format '%.*s'", (int)fmt.n, fmt.p);
	if (sqlite3_value_type(v) == SQLITE_FLOAT) {
		double x = sqlite3_value_double(v);
		bool whole = x > -1e15 && x < 1e15 &&
			     x == (double)(int64_t)x; /* sums by total() are counts */

		return whole ? buf_printf(out, "%" PRId64, (int64_t)x) : buf_printf(out, "%.3g", x);
	}
	text = (const char *)sqlite3_value_text(v);
	if (!text)
		return -ENOMEM;
	if (mode != RULE_TEXT_SHELL)
		return buf_put(out, text, strlen(text));
	return quoted ? put_inner_shell(out, text, strlen(text))
		      : put_shell(out, text, strlen(text));
}

/* {name} or {name:format} at the start of @s. Return: its length, 0: no placeholder. */
static size_t placeholder(struct span s, struct span *name, struct span *fmt)
{
	size_t n = 1, at;

	if (s.n < 3 || s.p[0] != '{' || !(s.p[1] >= 'a' && s.p[1] <= 'z'))
		return 0;
	while (n < s.n && ((s.p[n] >= 'a' && s.p[n] <= 'z') || (s.p[n] >= '0' && s.p[n] <= '9') ||
			   s.p[n] == '_'))
		n++;
	*name = (struct span){ s.p + 1, n - 1 };
	*fmt = (struct span){ "", 0 };
	if (n < s.n && s.p[n] == ':') {
		at = ++n;
		while (n < s.n &&
		       ((s.p[n] >= 'a' && s.p[n] <= 'z') || s.p[n] == ' ' || s.p[n] == '-'))
			n++;
		*fmt = (struct span){ s.p + at, n - at };
	}
	return n < s.n && s.p[n] == '}' ? n + 1 : 0;
}

bool rule_text_name(struct span *text, struct span *name)
{
	struct span fmt;
	size_t n = 0;

	for (; text->n && !n; text->p += n ? n : 1, text->n -= n ? n : 1)
		n = placeholder(*text, name, &fmt);
	return n > 0;
}

int rule_render(const char *text, enum rule_text mode, const struct rule_row *row,
		const struct rule_row *more, const struct rule_ns *ns, struct buf *out,
		struct err *e)
{
	struct span s = { text, strlen(text) }, name, fmt;
	size_t optional = SIZE_MAX; /* where the part in [[ ]] began in @out */
	bool missing = false, quoted = false;
	int rc = 0;

	while (!rc && s.n) {
		size_t n = placeholder(s, &name, &fmt);
		sqlite3_value *v;

		if (!n) {
			n = 1;
			if (mode != RULE_TEXT_SQL && span_starts(s, "[[") && optional == SIZE_MAX) {
				optional = out->len;
				missing = false;
				n = 2;
			} else if (optional != SIZE_MAX && span_starts(s, "]]")) {
				if (missing)
					out->len = optional;
				optional = SIZE_MAX;
				n = 2;
			} else {
				quoted ^= s.p[0] == '\'';
				rc = buf_put(out, s.p, 1);
			}
		} else if (span_is(name, "ns")) {
			rc = put_ns(out, ns, NULL);
		} else if (rule_row_find(row, more, name, &v)) {
			v = not_null(v);
			if (v && mode == RULE_TEXT_PLAIN && no_place(name, v))
				v = NULL;
			missing |= !v;
			rc = put_value(out, mode, quoted, v, fmt, ns, e);
		} else if (more && !more->n) { /* the query gave no row: its values are unknown */
			missing = true;
			rc = put_value(out, mode, quoted, NULL, fmt, ns, e);
		} else {
			rc = err_set(e, -EINVAL, "no value is called {%.*s}", (int)name.n, name.p);
		}
		s.p += n;
		s.n -= n;
	}
	return rc;
}
