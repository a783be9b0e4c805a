/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * A catalog is a list of pairs msgid, msgstr, each one or several strings in
 * C's notation (gettext manual, "The Format of PO Files"). It is read once into
 * an arena and sorted by msgid. Keys with holes stand also in the same list; as
 * they are few, lang_note() tries them one by one.
 *
 * The catalog is ours, and tests/test_lang.c checks that a translation takes the
 * same printf arguments as its key; the texts looked up may be anyone's.
 */
#include "lang.h"
#include "../analyze/embed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HOLES_MAX 9

struct entry {
	const char *id, *str; /* str "": not translated */
};

static const struct {
	const char *name, *tag, *file;
} catalogs[] = {
	{ "zh", "zh-CN", "reports/lang/zh.po" },
};

static struct {
	const char *tag; /* NULL: English */
	char *arena;
	struct entry *v;
	size_t n;
} lang;

/* Append what stands between the quotes of @line to @out. Return: its end. */
static char *take_string(struct span line, char *out)
{
	size_t i = 0;

	while (i < line.n && line.p[i] != '"')
		i++;
	for (i++; i < line.n && line.p[i] != '"'; i++) {
		char c = line.p[i];

		if (c == '\\' && i + 1 < line.n) {
			c = line.p[++i];
			c = c == 'n' ? '\n' : c == 't' ? '\t' : c;
		}
		*out++ = c;
	}
	return out;
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->id, ((const struct entry *)b)->id);
}

/* The arena is as large as the file: strings only get shorter, and each has a line's quotes for its
 * NUL. */
static int catalog_read(struct span file)
{
	struct span text = file, line;
	char *out, *arena = malloc(file.n + 1);
	size_t n = 0, keys = 1;
	struct entry *v;
	bool open = false;

	while (span_line(&text, &line))
		keys += span_starts(line, "msgid ");
	v = calloc(keys, sizeof(*v));
	if (!arena || !v) {
		free(arena);
		free(v);
		return -ENOMEM;
	}
	out = arena;
	for (text = file; span_line(&text, &line);) {
		bool id = span_starts(line, "msgid "), str = span_starts(line, "msgstr ");

		if (open && !span_starts(line, "\"")) {
			*out++ = '\0';
			open = false;
		}
		if (id)
			v[n++] = (struct entry){ .id = out, .str = "" };
		else if (str && n)
			v[n - 1].str = out;
		if (id || (str && n)) {
			out = take_string(line, out);
			open = true;
		} else if (open) {
			out = take_string(line, out);
		}
	}
	*out = '\0';
	qsort(v, n, sizeof(*v), by_id);
	lang.arena = arena;
	lang.v = v;
	lang.n = n;
	return 0;
}

void lang_free(void)
{
	free(lang.arena);
	free(lang.v);
	memset(&lang, 0, sizeof(lang));
}

int lang_set(const char *name, struct err *e)
{
	int rc;

	lang_free();
	if (!strcmp(name, "en"))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(catalogs); i++) {
		if (strcmp(name, catalogs[i].name))
			continue;
		rc = catalog_read(embed_find(catalogs[i].file));
		if (rc)
			return err_set(e, rc, "out of memory");
		lang.tag = catalogs[i].tag;
		return 0;
	}
	return err_set(e, -EINVAL, "no language '%s': expected en or zh", name);
}

const char *lang_tag(void)
{
	return lang.tag ? lang.tag : "en";
}

bool lang_is_english(void)
{
	return !lang.tag;
}

const char *lang_find(const char *en)
{
	struct entry key = { .id = en };
	const struct entry *found;

	if (!lang.n || !*en) /* the empty key holds the catalog's own header */
		return NULL;
	found = bsearch(&key, lang.v, lang.n, sizeof(*lang.v), by_id);
	return found && found->str[0] ? found->str : NULL;
}

const char *lang_text(const char *en)
{
	const char *s = lang_find(en);

	return s ? s : en;
}

const char *lang_many(int64_t n, const char *one, const char *many)
{
	return lang_text(n == 1 ? one : many);
}

/* "{1}" at @s. Return: 1 to 9, 0: none. */
static int hole(const char *s)
{
	return s[0] == '{' && s[1] >= '1' && s[1] <= '9' && s[2] == '}' ? s[1] - '0' : 0;
}

/* Whether @text is @key with its holes filled; each is as short as the text behind it allows. */
static bool fits(const char *key, const char *text, struct span *fill)
{
	while (*key) {
		int h = hole(key);
		size_t n = strcspn(key += h ? 3 : 0, "{");
		const char *at;

		while (key[n] && !hole(key + n))
			n += 1 + strcspn(key + n + 1, "{");
		if (!h) {
			if (strncmp(key, text, n))
				return false;
			text += n;
		} else {
			if (!n)
				at = text + strlen(text);
			else if (!key[n]) /* the last words must be the end */
				at = strlen(text) >= n ? text + strlen(text) - n : NULL;
			else
				at = memmem(text, strlen(text), key, n);
			if (!at || strncmp(at, key, n))
				return false;
			fill[h] = (struct span){ text, (size_t)(at - text) };
			text = at + n;
		}
		key += n;
	}
	return !*text;
}

/* "3 these, 4 those": the words of each item looked up. */
static int put_list(struct buf *out, struct span list)
{
	const char *stop = lang_text(", ");
	int rc = 0;

	while (!rc && list.p && list.n) {
		const char *comma = memmem(list.p, list.n, ", ", 2);
		struct span item = { list.p, comma ? (size_t)(comma - list.p) : list.n };
		const char *blank = memchr(item.p, ' ', item.n);
		size_t number = blank ? (size_t)(blank - item.p) + 1 : 0, step = item.n + (comma ? 2 : 0);
		char word[512];

		span_copy((struct span){ item.p + number, item.n - number }, word, sizeof(word));
		rc = buf_put(out, item.p, number);
		if (!rc)
			rc = buf_put(out, lang_text(word), strlen(lang_text(word)));
		if (!rc && comma)
			rc = buf_put(out, stop, strlen(stop));
		list = (struct span){ list.p + step, list.n - step };
	}
	return rc;
}

static int put_filled(struct buf *out, const char *str, const struct span *fill)
{
	int rc = 0;

	for (; !rc && *str; str++) {
		bool again = str[0] == '{' && (str[1] == 't' || str[1] == 'l') && str[2] >= '1' && str[2] <= '9' &&
			     str[3] == '}';
		int h = again ? str[2] - '0' : hole(str);
		char word[512];

		if (!h) {
			rc = buf_put(out, str, 1);
			continue;
		}
		if (again && str[1] == 'l') {
			rc = put_list(out, fill[h]);
		} else if (again && fill[h].n < sizeof(word)) {
			const char *s;

			span_copy(fill[h], word, sizeof(word));
			s = lang_text(word);
			rc = buf_put(out, s, strlen(s));
		} else {
			rc = buf_put(out, fill[h].p, fill[h].n);
		}
		str += again ? 3 : 2;
	}
	return rc ? rc : buf_put(out, "", 1);
}

const char *lang_note(const char *en, struct buf *out)
{
	struct span fill[HOLES_MAX + 1], best_fill[HOLES_MAX + 1];
	const struct entry *best = NULL;
	const char *s = lang_find(en);

	if (s || lang_is_english())
		return s ? s : en;
	/* of several keys that fit the longest says most */
	for (size_t i = 0; i < lang.n; i++) {
		const struct entry *v = &lang.v[i];

		if (!strstr(v->id, "{1}") || !v->str[0] ||
		    (best && strlen(v->id) <= strlen(best->id)))
			continue;
		for (int k = 0; k <= HOLES_MAX; k++)
			fill[k] = (struct span){ "", 0 };
		if (!fits(v->id, en, fill))
			continue;
		best = v;
		memcpy(best_fill, fill, sizeof(fill));
	}
	if (!best)
		return en;
	buf_reset(out);
	return put_filled(out, best->str, best_fill) ? en : (const char *)out->data;
}
