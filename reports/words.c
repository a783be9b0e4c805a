/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * A finding's English is written when its rule finds something; beside it stand
 * the rule's template and the values that the template names (tables
 * finding_text, finding_value). The template is the key of its translation, which
 * is filled with the same values. Databases of older programs lack these tables,
 * rules of the user's own lack translations: their findings stay English.
 */
#include "words.h"
#include "../analyze/rule_text.h"

#include <stdlib.h>
#include <string.h>

#define VALUES_MAX 40

/* The translation of the template, NULL: none. */
static const char *template_of(struct rep *r, int64_t id, const char *part, int64_t seq)
{
	const char *s = NULL;
	sqlite3_stmt *st = rep_query(
		r,
		"SELECT template FROM finding_text WHERE finding_id = ? AND part = ? AND seq = ?");

	if (st) {
		sqlite3_bind_int64(st, 1, id);
		sqlite3_bind_text(st, 2, part, -1, SQLITE_STATIC);
		sqlite3_bind_int64(st, 3, seq);
	}
	while (rep_row(r, &st))
		s = lang_find(col_text(st, 0));
	return s;
}

/* Phrases that a rule's query makes (columns v_...) are in the catalog; names of things are no
 * phrases. */
static sqlite3_value *value_of(struct rep *r, sqlite3_stmt *st)
{
	struct buf words = { 0 };
	const char *en = col_text(st, 1), *s;
	sqlite3_stmt *text = NULL;
	sqlite3_value *v;

	if (sqlite3_column_type(st, 1) != SQLITE_TEXT || strncmp(col_text(st, 0), "v_", 2))
		return sqlite3_value_dup(sqlite3_column_value(st, 1));
	s = lang_note(en, &words);
	text = rep_query(r, "SELECT ?");
	if (text) {
		sqlite3_bind_text(text, 1, s, -1, SQLITE_TRANSIENT);
		sqlite3_step(text);
	}
	v = text ? sqlite3_value_dup(sqlite3_column_value(text, 0)) : NULL;
	sqlite3_finalize(text);
	buf_free(&words);
	return v;
}

static int take_values(struct rep *r, int64_t id, const char *part, int64_t seq,
		       struct rule_row *row)
{
	sqlite3_stmt *st =
		rep_query(r, "SELECT name, value FROM finding_value WHERE finding_id = ? "
			     "AND part = ? AND seq = ? ORDER BY name LIMIT 40");
	int rc = 0;

	if (st) {
		sqlite3_bind_int64(st, 1, id);
		sqlite3_bind_text(st, 2, part, -1, SQLITE_STATIC);
		sqlite3_bind_int64(st, 3, seq);
	}
	row->name = calloc(VALUES_MAX, sizeof(*row->name));
	row->value = calloc(VALUES_MAX, sizeof(*row->value));
	if (!row->name || !row->value)
		rc = -1;
	while (rep_row(r, &st)) {
		if (rc || row->n == VALUES_MAX)
			continue;
		row->name[row->n] = strdup(col_text(st, 0));
		row->value[row->n] = value_of(r, st);
		if (!row->name[row->n] || !row->value[row->n])
			rc = -1;
		row->n++;
	}
	return rc;
}

const char *words_finding(struct rep *r, int64_t id, const char *part, int64_t seq, const char *en,
			  struct buf *out)
{
	struct rule_row row = { 0 }, none = { 0 };
	struct err e = { "" };
	const char *boot = N_("Since the boot: "); /* analyze/findings.c puts it before any title */
	const char *template;
	bool known;

	if (lang_is_english() ||
	    rep_int(r,
		    "SELECT count(*) FROM sqlite_master WHERE name IN ('finding_text', "
		    "'finding_value')",
		    0) != 2)
		return en;
	template = template_of(r, id, part, seq);
	if (!template)
		return en;
	buf_reset(out);
	boot = !strcmp(part, "title") && !strncmp(en, boot, strlen(boot)) ? lang_text(boot) : "";
	known = !buf_put(out, boot, strlen(boot)) && !take_values(r, id, part, seq, &row) &&
		!rule_render(template, RULE_TEXT_PLAIN, &row, &none, NULL, out, &e) &&
		!buf_put(out, "", 1);
	rule_row_free(&row);
	return known ? (const char *)out->data : en;
}

const char *words_word(const char *en)
{
	static const char *const words[] = {
		/* classes of drops */
		N_("loss"),
		N_("policy"),
		N_("error"),
		N_("protocol"),
		N_("noise"),
		N_("teardown"),
		/* kinds and outcomes of packets */
		N_("rx"),
		N_("tx"),
		N_("forward"),
		N_("local"),
		N_("delivered"),
		N_("transmitted"),
		N_("forwarded"),
		N_("dropped"),
		N_("consumed"),
		N_("merged"),
		N_("unknown"),
		N_("gso"),
		N_("gro"),
		N_("clone"),
		N_("copy"),
		N_("fragment"),
		N_("reassembly"),
		N_("retransmit"),
		/* certainty, contexts, severity */
		N_("certain"),
		N_("high"),
		N_("medium"),
		N_("low"),
		N_("task"),
		N_("softirq"),
		N_("hardirq"),
		N_("critical"),
		N_("warning"),
		N_("info"),
		/* layers */
		N_("application"),
		N_("bpf"),
		N_("capture"),
		N_("device"),
		N_("ip"),
		N_("link"),
		N_("memory"),
		N_("neighbour"),
		N_("netfilter"),
		N_("nic"),
		N_("socket"),
		N_("softnet"),
		N_("tc"),
		N_("transport"),
		N_("tunnel"),
		N_("xdp"),
		/* changes of CPU */
		N_("rps"),
		N_("rfs"),
		N_("wakeup"),
		N_("qdisc"),
		N_("completion"),
		N_("migration"),
		N_("other"),
		/* kinds of what was not seen */
		N_("note"),
		N_("limit"),
		N_("format"),
		N_("undecoded"),
		N_("permission"),
		N_("source-missing"),
		N_("events-lost"),
		N_("frames-lost"),
		N_("detail-lowered"),
		N_("tape-cut"),
		N_("tape-damaged"),
		N_("clock-step"),
		N_("rule-failed"),
		N_("event-missing"),
		N_("event-absent"),
		N_("slow-source"),
		N_("filter"),
		/* who polled, what a softirq used up, why a task waited */
		N_("ksoftirqd"),
		N_("thread"),
		N_("budget"),
		N_("time"),
		N_("runnable"),
		N_("preempted"),
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(words[i], en))
			return lang_text(words[i]);
	return en;
}
