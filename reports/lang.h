/* SPDX-License-Identifier: MIT */
/*
 * lang: the reader's language.
 *
 * English text stands in the code and in the rules, marked with _() where it is
 * written and N_() where it stands in a table, and is its own key. All of another
 * language stands in one file, reports/lang/NAME.po, in the format of gettext's
 * catalogs, so that the usual editors and msgfmt(1) work on it. What a catalog
 * lacks stays English; tests/test_lang.c names it.
 *
 * One process writes one report, so the language is the process's.
 */
#ifndef SKBTAPE_LANG_H
#define SKBTAPE_LANG_H

#include "../schema/base.h"

/**
 * lang_set() - choose the language of all that follows
 * @name: "en", or that of a catalog: "zh"
 * Return: 0, -EINVAL (no such language; @e names those that there are), -ENOMEM.
 */
int lang_set(const char *name, struct err *e);
/* lang_free() - back to English. */
void lang_free(void);
/* lang_tag() - for HTML's attribute lang (BCP 47) */
const char *lang_tag(void);
/* lang_is_english() - nothing needs to be looked up */
bool lang_is_english(void);

/* lang_text() - @en in the language, @en itself where the catalog lacks it. */
const char *lang_text(const char *en) __attribute__((format_arg(1), returns_nonnull));
/* lang_find() - as lang_text(), NULL where the catalog lacks it. */
const char *lang_find(const char *en);
/* lang_many() - @one for 1, else @many; a catalog may give both the same text. */
const char *lang_many(int64_t n, const char *one, const char *many)
	__attribute__((format_arg(2), format_arg(3), returns_nonnull));

/**
 * lang_note() - a finished sentence of the database
 *
 * Notes of quality and explanations of the ledger are made when a tape is
 * analyzed. A key may have holes {1} to {9} for what was filled in; its
 * translation puts them where it wants: {1} as it is, {t1} looked up itself, {l1} a
 * list of numbers with words ("3 before, 4 after"), whose words are looked up.
 *
 * @out: used where there is something to fill in; its old content goes
 * Return: the translation (a catalog's text, or @out's), or @en.
 */
const char *lang_note(const char *en, struct buf *out);

#define _(s)  lang_text(s)
#define N_(s) (s)

#endif
