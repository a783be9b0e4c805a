/* SPDX-License-Identifier: MIT */
/*
 * lang_list LANG: what a catalog lacks or has wrong, one a line:
 * KIND, WHERE and TEXT with tabs between. Kinds:
 *   missing  a text without translation
 *   differs  a translation that takes other arguments or names other values than its text
 *   stale    a translation of a text that is nowhere any more
 * Texts: those marked in reports/ and those of page.js, of the rules, and of the
 * dictionaries. Run in the source tree.
 */
#include "../analyze/embed.h"
#include "../analyze/rule_text.h"
#include "../analyze/rules.h"
#include "../reports/lang.h"

#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_MAX 4096
#define ARGS_MAX 9

static char *keys[KEYS_MAX];
static size_t keys_n;

static void print(const char *kind, const char *where, const char *text)
{
	printf("%s\t%s\t", kind, where);
	for (; *text; text++)
		if (*text == '\n')
			fputs("\\n", stdout);
		else
			putchar(*text);
	putchar('\n');
}

/* The printf(3) conversions of @s by the argument that they take. Return: false: not a format of
 * ours. */
static bool args_of(const char *s, char args[ARGS_MAX][8])
{
	int next = 0;

	memset(args, 0, ARGS_MAX * sizeof(args[0]));
	for (; *s; s++) {
		char *end;
		int at = next;
		size_t n = 0;

		if (*s != '%')
			continue;
		if (s[1] == '%') {
			s++;
			continue;
		}
		if (strtol(s + 1, &end, 10) > 0 && *end == '$') {
			at = atoi(s + 1) - 1;
			s = end;
		} else {
			next++;
		}
		s += 1 + strspn(s + 1, "0123456789.+-#");
		if (at < 0 || at >= ARGS_MAX)
			return false;
		while (n < 6 && strchr("hlzjt", *s) && *s)
			args[at][n++] = *s++;
		if (!*s || !strchr("sdiuxfgc", *s))
			return false;
		args[at][n] = *s;
	}
	return true;
}

static bool same_args(const char *en, const char *other)
{
	char a[ARGS_MAX][8], b[ARGS_MAX][8];

	return !args_of(en, a) || (args_of(other, b) && !memcmp(a, b, sizeof(a)));
}

/* Every value that the translation names must be one that the template names: others are not kept.
 */
static bool same_values(const char *en, const char *other)
{
	struct span text = { other, strlen(other) }, name;
	int open = 0;

	while (rule_text_name(&text, &name)) {
		struct span have = { en, strlen(en) }, known;
		bool found = false;

		while (!found && rule_text_name(&have, &known))
			found = known.n == name.n && !memcmp(known.p, name.p, name.n);
		if (!found)
			return false;
	}
	for (const char *p = other; *p; p++) {
		open += !strncmp(p, "[[", 2) - (!strncmp(p, "]]", 2) && p[2] != ']');
		if (open < 0 || open > 1)
			return false;
	}
	return !open;
}

static void look(const char *where, const char *text, bool template)
{
	const char *s = lang_find(text);

	if (keys_n < KEYS_MAX)
		keys[keys_n++] = strdup(text);
	if (!*text)
		return;
	if (!s)
		print("missing", where, text);
	else if (template ? !same_values(text, s) : !same_args(text, s))
		print("differs", where, text);
}

/* The string literals from @p on, put together. Return: where they end; @out "": there is none. */
static const char *literals(const char *p, char *out, size_t size)
{
	size_t n = 0;

	for (;;) {
		p += strspn(p, " \t\n");
		if (*p != '"')
			break;
		for (p++; *p && *p != '"'; p++) {
			char c = *p;

			if (c == '\\' && p[1]) {
				c = *++p;
				c = c == 'n' ? '\n' : c == 't' ? '\t' : c;
			}
			if (n + 1 < size)
				out[n++] = c;
		}
		p += *p == '"';
	}
	out[n] = '\0';
	return p;
}

static void look_in_source(const char *path, const char *const *marks)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 1 << 20), out[4096];

	if (!f || !text || !fread(text, 1, (1 << 20) - 1, f)) {
		fprintf(stderr, "lang_list: cannot read %s\n", path);
		exit(1);
	}
	fclose(f);
	for (const char *p = text; *p; p++)
		for (int i = 0; marks[i]; i++) {
			size_t n = strlen(marks[i]);

			if (strncmp(p, marks[i], n) ||
			    (p > text && (isalnum((unsigned char)p[-1]) || p[-1] == '_')))
				continue;
			literals(p + n, out, sizeof(out));
			if (out[0])
				look(path, out, false);
		}
	free(text);
}

static void look_in_sources(void)
{
	static const char *const c[] = { "_(", "N_(", NULL }, *const js[] = { "T(", NULL };
	glob_t g;

	if (glob("reports/*.c", 0, NULL, &g)) {
		fprintf(stderr, "lang_list: no reports/*.c here\n");
		exit(1);
	}
	for (size_t i = 0; i < g.gl_pathc; i++)
		look_in_source(g.gl_pathv[i], c);
	globfree(&g);
	look_in_source("reports/page.js", js);
}

static void look_in_rules(void)
{
	struct rules *rules = NULL;
	struct err e = { "" };

	if (rules_load(&rules, NULL, &e)) {
		fprintf(stderr, "lang_list: %s\n", e.text);
		exit(1);
	}
	for (size_t i = 0; i < rules_count(rules); i++) {
		const struct rule *r = rules_at(rules, i);

		if (r->problem)
			continue;
		look(r->name, r->title, true);
		look(r->name, r->summary, true);
		for (size_t k = 0; k < r->items; k++)
			if (r->item[k].kind != RULE_PACKETS)
				look(r->name, r->item[k].text, true);
	}
	rules_free(rules);
}

/* Fields @first to @last of every line of a dictionary. */
static void look_in_dictionary(const char *file, int first, int last)
{
	struct span text = embed_find(file), line, field;

	while (span_line(&text, &line)) {
		if (!line.n || line.p[0] == '#')
			continue;
		for (int i = 1; i <= last && span_field(&line, '\t', &field); i++) {
			char out[1024];

			span_copy(field, out, sizeof(out));
			if (i >= first && strcmp(out, "-"))
				look(file, out, false);
		}
	}
}

/* Keys of the catalog that nothing asks for. Behind the notes stand also keys with holes and phrases
 * of rules, which cannot be found by name: there only what names a value is a template. */
static void look_for_stale(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[8192], out[4096];
	bool notes = false;

	while (f && fgets(line, sizeof(line), f)) {
		struct span text, name;
		bool known = false;

		notes |= !strncmp(line, "# notes", 7);
		if (strncmp(line, "msgid ", 6))
			continue;
		literals(line + 6, out, sizeof(out));
		text = (struct span){ out, strlen(out) };
		if (notes && (!rule_text_name(&text, &name) || isdigit((unsigned char)name.p[0])))
			continue;
		for (size_t i = 0; i < keys_n && !known; i++)
			known = !strcmp(keys[i], out);
		if (!known && out[0])
			print("stale", path, out);
	}
	if (f)
		fclose(f);
}

int main(int argc, char **argv)
{
	struct err e = { "" };
	char path[64];

	if (argc != 2 || lang_set(argv[1], &e)) {
		fprintf(stderr, "usage: lang_list LANG %s\n", e.text);
		return 2;
	}
	look_in_sources();
	look_in_rules();
	look_in_dictionary("analyze/drop_reasons.tsv", 4, 4);
	look_in_dictionary("analyze/ledger.tsv", 8, 9);
	snprintf(path, sizeof(path), "reports/lang/%s.po", argv[1]);
	look_for_stale(path);
	for (size_t i = 0; i < keys_n; i++)
		free(keys[i]);
	lang_free();
	return 0;
}
