/* SPDX-License-Identifier: MIT */
#include "page.h"
#include "packets.h"
#include "svg.h"
#include "words.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#define MAX_LINE 44 /* characters of a cell that is not broken into lines */

/*
 * The lists are bounded by their rows; so that rows of monstrous texts cannot
 * make the page large either, text has a budget: findings come first and use it
 * first, and what comes when it is spent is cut short.
 */
#define TEXT_BUDGET (700 * KIB)
#define TEXT_MAX    8000 /* characters of one text */
#define TEXT_SHORT  10	 /* when the budget is spent */
#define TEXT_CELL   400	 /* characters of a table's cell; the page's foot says so */

static void text_upto(struct page *p, const char *s, size_t max)
{
	p->text_bytes += text_html_max(p->f, s, p->text_bytes < TEXT_BUDGET ? max : TEXT_SHORT);
}

void page_text(struct page *p, const char *s)
{
	text_upto(p, s, TEXT_MAX);
}

void page_textf(struct page *p, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	text_html(p->f, text);
}

void page_hint(struct page *p, const char *text)
{
	fputs("<p class=\"hint\">", p->f);
	page_text(p, _(text));
	fputs("</p>\n", p->f);
}

void page_h3(struct page *p, const char *text)
{
	fprintf(p->f, "<h3>%s</h3>\n", _(text));
}

void page_fold(struct page *p, const char *summary)
{
	fprintf(p->f, "<details><summary>%s</summary>\n", _(summary));
}

const char *page_finding(struct page *p, int64_t id, const char *part, int64_t seq, const char *en)
{
	return words_finding(p->r, id, part, seq, en, &p->words);
}

const char *page_note(struct page *p, const char *en)
{
	return lang_note(en, &p->words);
}

void page_td_word(struct page *p, const char *word)
{
	page_td(p, words_word(word));
}

void page_table(struct page *p, const char *caption, const struct head *heads, size_t n)
{
	/* a region that scrolls must be reachable by keyboard and have a name (WCAG 2.1.1, 4.1.2)
	 */
	fputs("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"", p->f);
	page_text(p, _(caption));
	fputs("\"><table><caption><span>", p->f);
	page_text(p, _(caption));
	fputs("</span></caption><thead><tr>", p->f);
	for (size_t i = 0; i < n; i++) {
		fprintf(p->f, "<th scope=\"col\"%s>",
			heads[i].number == true ? " class=\"n\"" : "");
		page_text(p, _(heads[i].text));
		if (heads[i].number == HEAD_RANGE)
			svg_scale(p->f, p->range_ns);
		fputs("</th>", p->f);
	}
	fputs("</tr></thead><tbody>\n", p->f);
}

void page_table_end(struct page *p)
{
	fputs("</tbody></table></div>\n", p->f);
}

void page_cards(struct page *p, const char *kind, const char *caption, const struct head *heads, size_t n)
{
	fprintf(p->f, "<div class=\"cards %s\">", kind);
	page_table(p, caption, heads, n);
}

void page_cards_end(struct page *p)
{
	page_table_end(p);
	fputs("</div>\n", p->f);
}

void page_row(struct page *p)
{
	fputs("<tr>", p->f);
}

void page_row_end(struct page *p)
{
	fputs("</tr>\n", p->f);
}

void page_td_dash(struct page *p)
{
	fputs("<td class=\"none\">–</td>", p->f);
}

void page_td_num_dash(struct page *p)
{
	fputs("<td class=\"n none\">–</td>", p->f);
}

void page_td(struct page *p, const char *s)
{
	if (!*s) {
		page_td_dash(p);
		return;
	}
	/* short cells stay on one line */
	fputs(text_width(s) > MAX_LINE ? "<td class=\"words\">" : "<td>", p->f);
	text_upto(p, s, TEXT_CELL);
	fputs("</td>", p->f);
}

void page_td_name(struct page *p, const char *s)
{
	fputs(text_width(s) > MAX_LINE ? "<th scope=\"row\" class=\"words\">"
				       : "<th scope=\"row\">",
	      p->f);
	text_upto(p, *s ? s : "–", TEXT_CELL);
	fputs("</th>", p->f);
}

void page_td_code(struct page *p, const char *s)
{
	if (!*s) {
		page_td_dash(p);
		return;
	}
	fputs(text_width(s) > MAX_LINE ? "<td class=\"words\"><code>" : "<td><code>", p->f);
	text_upto(p, s, TEXT_CELL);
	fputs("</code></td>", p->f);
}

void page_td_num(struct page *p, int64_t n)
{
	fprintf(p->f, "<td class=\"n\" data-v=\"%" PRId64 "\">%s</td>", n, text_count(n).s);
}

void page_td_num_opt(struct page *p, sqlite3_stmt *st, int i)
{
	if (col_null(st, i))
		page_td_num_dash(p);
	else
		page_td_num(p, col_int(st, i));
}

void page_td_dur(struct page *p, int64_t ns)
{
	fprintf(p->f, "<td class=\"n\" data-v=\"%" PRId64 "\">%s</td>", ns, text_duration(ns).s);
}

void page_td_dur_opt(struct page *p, sqlite3_stmt *st, int i)
{
	if (col_null(st, i))
		page_td_num_dash(p);
	else
		page_td_dur(p, col_int(st, i));
}

void page_td_bytes_opt(struct page *p, sqlite3_stmt *st, int i)
{
	if (col_null(st, i))
		page_td_num_dash(p);
	else
		fprintf(p->f, "<td class=\"n\" data-v=\"%" PRId64 "\">%s</td>", col_int(st, i),
			text_bytes(col_int(st, i)).s);
}

void page_td_time(struct page *p, int64_t ns)
{
	fprintf(p->f, "<td class=\"n\" data-v=\"%" PRId64 "\"", ns);
	if (rep_dated(p->r))
		fprintf(p->f, " title=\"%s\"", text_utc(ns).s);
	putc('>', p->f);
	if (p->r->start_ns)
		fprintf(p->f, "%s</td>", text_since(ns_diff(ns, p->r->start_ns)).s);
	else
		fprintf(p->f, "%s</td>", text_utc(ns).s);
}

void page_td_task(struct page *p, const char *comm, int64_t pid)
{
	fputs("<td>", p->f);
	page_textf(p, *comm ? "%.60s %" PRId64 : "%.60s%" PRId64, comm, pid);
	fputs("</td>", p->f);
}

void page_td_place(struct page *p, const char *netns, const char *dev)
{
	char text[256];

	snprintf(text, sizeof(text), "%.120s%s%.120s", netns, *netns && *dev ? ": " : "", dev);
	page_td(p, text);
}

void page_td_packet(struct page *p, int64_t id)
{
	if (!id)
		page_td_num_dash(p);
	else if (packets_chosen(p->chosen, id))
		fprintf(p->f,
			"<td class=\"n\"><a href=\"#packet-%" PRId64 "\">%" PRId64 "</a></td>", id,
			id);
	else
		fprintf(p->f, "<td class=\"n\">%" PRId64 "</td>", id);
}

void page_more(struct page *p, int64_t shown, int64_t total, const char *what, const char *sql)
{
	if (shown >= total)
		return;
	fputs("<p class=\"more\">", p->f);
	fprintf(p->f, _("%1$s of %2$s %3$s are shown. All of them:"), text_count(shown).s,
		text_count(total).s, _(what));
	putc(' ', p->f);
	fputs("<code>skbtape query DB &quot;", p->f);
	page_text(p, sql);
	fputs("&quot;</code></p>\n", p->f);
}

void page_none(struct page *p, const char *text)
{
	fputs("<p class=\"nothing\">", p->f);
	page_text(p, _(text));
	fputs("</p>\n", p->f);
}

/* The button works with scripts only and is shown by them. */
static void copy_button(struct page *p, const char *what)
{
	fprintf(p->f,
		"<button type=\"button\" class=\"copy\" hidden>%s<span class=\"vh\"> "
		"%s</span></button>",
		_("Copy"), _(what));
}

void page_sql(struct page *p, const char *label, const char *sql)
{
	fputs("<details class=\"sql\"><summary>", p->f);
	page_text(p, _(label));
	fputs("</summary><div class=\"cmd\"><pre><code>", p->f);
	page_text(p, sql);
	fputs("</code></pre>", p->f);
	copy_button(p, N_("this SQL"));
	fputs("</div></details>", p->f);
}

void page_command(struct page *p, const char *command)
{
	fputs("<div class=\"cmd\"><pre><code>", p->f);
	page_text(p, command);
	fputs("</code></pre>", p->f);
	copy_button(p, N_("this command"));
	fputs("</div>", p->f);
}

void page_severity(struct page *p, const char *severity)
{
	static const char *const words[][2] = { { "critical", N_("Critical") },
						{ "warning", N_("Warning") },
						{ "info", N_("Info") } };
	size_t i = 0;

	while (i < ARRAY_SIZE(words) - 1 && strcmp(severity, words[i][0]))
		i++;
	fprintf(p->f, "<span class=\"sev sev-%s\">", words[i][0]);
	svg_icon(p->f, severity);
	fprintf(p->f, "%s</span>", _(words[i][1]));
}

void page_td_class(struct page *p, const char *drop_class)
{
	fprintf(p->f, "<td><span class=\"tag tag-%s\">", svg_drop_class(drop_class));
	page_text(p, *drop_class ? words_word(drop_class) : "?");
	fputs("</span></td>", p->f);
}

void page_td_bar(struct page *p, int64_t part, int64_t whole)
{
	fputs("<td class=\"bar\">", p->f);
	svg_bar(p->f, part, whole);
	fputs("</td>", p->f);
}
