/* SPDX-License-Identifier: MIT */
/* The panel of drops: which function freed packets, why, whose they were, and which counter shows
 * it. */
#include "page.h"
#include "svg.h"
#include "words.h"
#include "../analyze/embed.h"

#include <inttypes.h>
#include <string.h>

#define MAX_DROPS 120

#define KIND "class, reason, function, layer, netns, dev"

/* The task that made most of a kind's drops in its own calls; in softirq it only was interrupted.
 */
static const char drops_sql[] =
	"WITH k AS (SELECT " KIND
	", count(*) AS n, count(DISTINCT flow_id) AS flows, min(ts_ns) AS "
	"first, max(ts_ns) AS last FROM packet_drop GROUP BY " KIND "), "
	"t AS (SELECT " KIND ", pid, max(n) FROM (SELECT " KIND
	", pid, count(*) AS n FROM packet_drop "
	"WHERE context = 'task' GROUP BY " KIND ", pid ORDER BY pid) GROUP BY " KIND ") "
	"SELECT k.class, k.reason, k.function, k.layer, k.netns, k.dev, k.n, k.flows, k.first, "
	"k.last, "
	"(SELECT r.meaning FROM _drop_reason r WHERE r.name = k.reason), t.pid, c.comm FROM k "
	"LEFT JOIN t ON t.class = k.class AND t.reason IS k.reason AND t.function = k.function AND "
	"t.layer = k.layer AND t.netns IS k.netns AND t.dev IS k.dev LEFT JOIN task c ON c.pid = "
	"t.pid "
	"ORDER BY k.class NOT IN ('loss', 'policy', 'error'), k.n DESC, k.reason, k.function, "
	"k.layer, "
	"k.netns, k.dev";

enum {
	D_CLASS,
	D_REASON,
	D_FUNCTION,
	D_LAYER,
	D_NETNS,
	D_DEV,
	D_COUNT,
	D_FLOWS,
	D_FIRST,
	D_LAST,
	D_MEANING,
	D_PID,
	D_COMM,
};

/* Field @nth of the line of a dictionary that begins with @key. Return: false: there is none. */
static bool dictionary(const char *file, const char *key, int nth, struct span *out)
{
	struct span text = embed_find(file), line;

	while (span_line(&text, &line)) {
		if (!span_field(&line, '\t', out) || !span_is(*out, key))
			continue;
		for (int i = 1; i < nth; i++)
			if (!span_field(&line, '\t', out))
				return false;
		return !span_is(*out, "-");
	}
	return false;
}

/* The counter that a drop of this kind moves, as the dictionaries of reasons and functions tell. */
static void td_counter(struct page *p, sqlite3_stmt *st)
{
	struct span s;
	char name[160];

	if (!dictionary("analyze/drop_reasons.tsv", col_text(st, D_REASON), 7, &s) &&
	    !dictionary("analyze/drop_locations.tsv", col_text(st, D_FUNCTION), 9, &s)) {
		page_td_dash(p);
		return;
	}
	span_copy(s, name, sizeof(name));
	page_td(p, name);
}

static void bind_kind(sqlite3_stmt *to, sqlite3_stmt *from)
{
	static const int column[] = { D_REASON, D_FUNCTION, D_CLASS, D_DEV };

	for (int i = 0; to && i < (int)ARRAY_SIZE(column); i++)
		sqlite3_bind_value(to, i + 1, sqlite3_column_value(from, column[i]));
}

#define SAME_KIND "g.reason IS ?1 AND g.function = ?2 AND g.class = ?3 AND g.dev IS ?4"

static void td_flows(struct page *p, sqlite3_stmt *kind)
{
	sqlite3_stmt *st =
		rep_query(p->r, "SELECT g.proto, g.src, g.sport, g.dst, g.dport FROM "
				"_drop_group g WHERE " SAME_KIND " AND g.proto IS NOT NULL "
				"ORDER BY g.drops DESC, g.id LIMIT 1");

	fprintf(p->f, "<td data-v=\"%" PRId64 "\">%s", col_int(kind, D_FLOWS),
		col_int(kind, D_FLOWS) ? text_count(col_int(kind, D_FLOWS)).s : _("not captured"));
	bind_kind(st, kind);
	while (rep_row(p->r, &st)) {
		fprintf(p->f, "<br><small>%s ", col_int(kind, D_FLOWS) > 1 ? _("most:") : "");
		page_text(p, text_flow(col_text(st, 0), col_text(st, 1), col_int_or(st, 2, -1),
				       col_text(st, 3), col_int_or(st, 4, -1))
				     .s);
		fputs("</small>", p->f);
	}
	fputs("</td>", p->f);
}

/* Who reads the flows that were dropped; else in whose call it happened. */
static void td_process(struct page *p, sqlite3_stmt *kind)
{
	bool reader = false;
	sqlite3_stmt *st = rep_query(
		p->r,
		"SELECT x.comm, x.pid FROM _drop_group g JOIN _reader x ON x.flow_id = g.flow_id "
		"WHERE " SAME_KIND " GROUP BY x.pid ORDER BY sum(g.drops) DESC, x.pid LIMIT 1");

	bind_kind(st, kind);
	fputs("<td>", p->f);
	while (rep_row(p->r, &st)) {
		page_textf(p, "%s ", col_text(st, 0));
		fprintf(p->f, "(%" PRId64 ")<br><small>%s</small>", col_int(st, 1),
			_("the reader"));
		reader = true;
	}
	if (!reader && !col_null(kind, D_PID)) {
		page_textf(p, "%s ", col_text(kind, D_COMM));
		fprintf(p->f, "(%" PRId64 ")<br><small>%s</small>", col_int(kind, D_PID),
			_("in its call"));
	} else if (!reader) {
		fputs("–", p->f);
	}
	fputs("</td>", p->f);
}

static void td_reason(struct page *p, sqlite3_stmt *st)
{
	fputs("<td class=\"words\"><code>", p->f);
	page_text(p, col_null(st, D_REASON) ? _("no reason") : col_text(st, D_REASON));
	fputs("</code>", p->f);
	if (!col_null(st, D_MEANING)) {
		fputs("<br><small>", p->f);
		page_text(p, page_note(p, col_text(st, D_MEANING)));
		fputs("</small>", p->f);
	}
	fputs("</td>", p->f);
}

static void td_count(struct page *p, int64_t n, int64_t all)
{
	fprintf(p->f, "<td class=\"n\" data-v=\"%" PRId64 "\">%s", n, text_count(n).s);
	svg_bar(p->f, n, all);
	fputs("</td>", p->f);
}

/* A cell's second line, and its end. */
static void td_second(struct page *p, const char *s)
{
	if (*s) {
		fputs("<br><small>", p->f);
		page_text(p, s);
		fputs("</small>", p->f);
	}
	fputs("</td>", p->f);
}

static void write_when(struct page *p, int64_t ns)
{
	fputs("<span", p->f);
	if (rep_dated(p->r))
		fprintf(p->f, " title=\"%s\"", text_utc(ns).s);
	putc('>', p->f);
	fprintf(p->f, "%s</span>",
		p->r->start_ns ? text_since(ns_diff(ns, p->r->start_ns)).s : text_utc(ns).s);
}

static void td_when(struct page *p, int64_t first_ns, int64_t last_ns)
{
	fprintf(p->f, "<td class=\"n\" data-v=\"%" PRId64 "\">", first_ns);
	write_when(p, first_ns);
	if (last_ns != first_ns) {
		fputs("<br>", p->f);
		write_when(p, last_ns);
	}
	fputs("</td>", p->f);
}

void panel_drops(struct page *p)
{
	static const struct head heads[] = { { N_("Count"), true },
					     { N_("Class"), false },
					     { N_("Reason and what it means"), false },
					     { N_("Function"), false },
					     { N_("Where"), false },
					     { N_("Flows"), false },
					     { N_("Process"), false },
					     { N_("Counter"), false },
					     { N_("First, last"), true } };
	int64_t all = rep_int(p->r, "SELECT count(*) FROM packet_drop", 0), shown = 0, kinds = 0;
	sqlite3_stmt *st;

	if (!all) {
		page_none(p, rep_sees_drops(p->r) ? N_("No drop was seen.")
						  : N_("Drops (skb:kfree_skb) were not recorded: none could be seen."));
		return;
	}
	fputs("<p class=\"hint\">", p->f);
	fprintf(p->f,
		_("%s drops. Losses, policy and errors come first; <em>noise</em>, "
		  "<em>teardown</em> and "
		  "<em>protocol</em> are part of normal work and harm no one."),
		text_count(all).s);
	fputs("</p>\n", p->f);
	page_cards(p, "drops", N_("Drops by class, reason and function"), heads, ARRAY_SIZE(heads));
	st = rep_query(p->r, drops_sql);
	while (rep_row(p->r, &st)) {
		if (kinds++ >= MAX_DROPS)
			continue;
		shown++;
		page_row(p);
		td_count(p, col_int(st, D_COUNT), all);
		page_td_class(p, col_text(st, D_CLASS));
		td_reason(p, st);
		fputs("<td><code>", p->f);
		page_text(p, col_text(st, D_FUNCTION));
		fputs("</code>", p->f);
		td_second(p, words_word(col_text(st, D_LAYER)));
		fputs("<td>", p->f);
		page_text(p, col_null(st, D_NETNS) ? "–" : col_text(st, D_NETNS));
		td_second(p, col_text(st, D_DEV));
		td_flows(p, st);
		td_process(p, st);
		td_counter(p, st);
		td_when(p, col_int(st, D_FIRST), col_int(st, D_LAST));
		page_row_end(p);
	}
	page_cards_end(p);
	page_more(p, shown, kinds, N_("kinds of drops"),
		  "SELECT class, reason, function, layer, netns, dev, count(*) FROM packet_drop "
		  "GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY 7 DESC");
}
