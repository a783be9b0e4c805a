/* SPDX-License-Identifier: MIT */
/* The panel of the stack: the picture in two shapes (wide, and for a phone), and as a table. */
#include "stack.h"
#include "svg.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *box_class(const struct box *b)
{
	return b->finding
		       ? !strcmp(b->severity, "critical") ? "box box-critical" : "box box-warning"
	       : b->harmful ? "box box-drops"
			    : "box";
}

/* A box's outline, and hatching where packets were lost: a mark that needs no colour. */
static void draw_outline(FILE *f, const struct box *b, double x, double y, double w, double h,
			 const char *id)
{
	fprintf(f,
		"<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
		"rx=\"6\"/>",
		box_class(b), x, y, w, h);
	if (b->harmful)
		fprintf(f,
			"<rect class=\"box-hatch\" fill=\"url(#%s)\" x=\"%.1f\" y=\"%.1f\" "
			"width=\"%.1f\" height=\"5\"/>",
			id, x + 1, y + h - 6, w - 2);
}

/* Why a place has no number. */
static const char *unseen(enum place p, const struct box *b)
{
	if (p == RX_NIC || p == TX_NIC)
		return _("no hardware");
	/* that it dropped is known from the drop, not from an event of its own */
	return b->harmful || b->other ? _("only drops") : _("no event");
}

static void text_begin(FILE *f, const char *css, const char *anchor, double x, double y)
{
	fprintf(f, "<text class=\"%s\" text-anchor=\"%s\" x=\"%.1f\" y=\"%.1f\">", css, anchor, x,
		y);
}

/* A row's drops: those that hurt; where there are none, the others. */
static void draw_drops(FILE *f, const struct box *b, double x, double y)
{
	if (!b->harmful && !b->other)
		return;
	text_begin(f, b->harmful ? "b-drop" : "b-unit", "end", x, y);
	if (b->harmful)
		fprintf(f, lang_many(b->harmful, N_("%s drop"), N_("%s drops")),
			text_short(b->harmful).s);
	else
		fprintf(f, _("%s harmless"), text_short(b->other).s);
	fputs("</text>", f);
}

/* The same in two lines, as a box is narrow. */
static void draw_box_drops(FILE *f, const struct box *b, double x, double y)
{
	if (!b->harmful && !b->other)
		return;
	text_begin(f, b->harmful ? "b-drop" : "b-unit", "start", x, y);
	fprintf(f, "%s</text>", text_short(b->harmful ? b->harmful : b->other).s);
	text_begin(f, "b-unit", "start", x, y + 13);
	fprintf(f, "%s</text>",
		b->harmful ? lang_many(b->harmful, N_("drop"), N_("drops")) : _("harmless"));
}

#define WIDE	1120.0
#define WIDE_H	364
#define BOX_H	124.0
#define NARROW	344.0
#define ROW_H	46.0
#define ROW_GAP 10.0

static void draw_wide_box(FILE *f, enum place p, const struct box *b, double x, double y, double w,
			  const char *hatch)
{
	double at = y + 35;

	draw_outline(f, b, x, y, w, BOX_H, hatch);
	fprintf(f, "<text class=\"b-name\" x=\"%.1f\" y=\"%.1f\">%s</text>", x + 8, y + 19,
		_(stack_places[p].name));
	if (b->finding) {
		svg_icon_at(f, b->severity, x + w - 20, y - 11, 18);
		fprintf(f, "<text class=\"b-find\" x=\"%.1f\" y=\"%.1f\">%" PRId64 "</text>",
			x + w - 24, y + 2, b->finding);
	}
	if (b->packets >= 0)
		fprintf(f,
			"<text class=\"b-num\" x=\"%.1f\" y=\"%.1f\">%s</text><text "
			"class=\"b-unit\" x=\"%.1f\" y=\"%.1f\">%s</text>",
			x + 8, at + 2, text_short(b->packets).s, x + 8, at + 14,
			stack_places[p].unit ? _(stack_places[p].unit) : "");
	else
		fprintf(f, "<text class=\"b-unit\" x=\"%.1f\" y=\"%.1f\">%s</text>", x + 8, at + 2,
			unseen(p, b));
	at += 32;
	if (b->count) {
		fprintf(f, "<text class=\"b-unit\" x=\"%.1f\" y=\"%.1f\">p50 %s</text>", x + 8, at,
			text_duration(b->p50_ns).s);
		fprintf(f, "<text class=\"b-unit\" x=\"%.1f\" y=\"%.1f\">p99 %s</text>", x + 8,
			at + 12, text_duration(b->p99_ns).s);
	}
	draw_box_drops(f, b, x + 8, y + 96);
}

static void draw_hatch(FILE *f, const char *id)
{
	fprintf(f,
		"<defs><pattern id=\"%s\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" "
		"patternTransform=\"rotate(45)\">"
		"<path class=\"hatch-hurt\" d=\"M0 0v6\"/></pattern></defs>",
		id);
}

/* A picture's name for those who cannot see it. @way: "" for both */
static void begin_picture(const struct stack *s, FILE *f, const char *css, const char *way)
{
	fprintf(f, "<svg class=\"stack %s\" role=\"img\" aria-label=\"", css);
	if (s->dev[0] || s->netns[0]) {
		text_html(f, _("The network stack as a picture, for"));
		fputs(" ", f);
		text_html(f, s->netns);
		fputs(s->dev[0] ? " " : "", f);
		text_html(f, s->dev);
	} else {
		text_html(f, _("The network stack as a picture; the table below holds the same "
			       "numbers"));
	}
	fprintf(f, "%s%s\"", *way ? ": " : "", way);
}

static void draw_wide(const struct stack *s, FILE *f, size_t nth)
{
	char hatch[32];
	double rx_w = (WIDE - 4 - (RX_PLACES - 1) * 10) / RX_PLACES,
	       tx_w = (WIDE - 4 - (TX_PLACES - 1) * 10) / TX_PLACES;
	double rx_y = 30, tx_y = 226, x, rx_ip = 0, tx_ip = 0;

	snprintf(hatch, sizeof(hatch), "hurt-w%zu", nth);
	begin_picture(s, f, "wide", "");
	fprintf(f, " viewBox=\"0 0 %.0f %d\" width=\"%.0f\" height=\"%d\">", WIDE, WIDE_H, WIDE,
		WIDE_H);
	draw_hatch(f, hatch);
	fprintf(f, "<text class=\"b-lane\" x=\"2\" y=\"16\">%s →</text>",
		_("Receive: from the wire to the application"));
	fprintf(f, "<text class=\"b-lane\" x=\"%.0f\" y=\"212\" text-anchor=\"end\">← %s</text>",
		WIDE - 30, _("Send: from the application to the wire"));
	for (int p = 0; p < RX_PLACES; p++) {
		x = 2 + p * (rx_w + 10);
		if (p == RX_IP)
			rx_ip = x + rx_w / 2;
		if (p)
			fprintf(f, "<path class=\"flow\" d=\"M%.1f %.1fh5l-3-3m3 3l-3 3\"/>", x - 8,
				rx_y + BOX_H / 2);
		draw_wide_box(f, (enum place)p, &s->box[p], x, rx_y, rx_w, hatch);
	}
	for (int i = 0; i < TX_PLACES; i++) {
		enum place p = (enum place)(RX_PLACES + i);

		x = WIDE - 2 - tx_w - i * (tx_w + 10);
		if (p == TX_IP)
			tx_ip = x + tx_w / 2;
		if (i)
			fprintf(f, "<path class=\"flow\" d=\"M%.1f %.1fh-5l3-3m-3 3l3 3\"/>",
				x + tx_w + 8, tx_y + BOX_H / 2);
		draw_wide_box(f, p, &s->box[p], x, tx_y, tx_w, hatch);
	}
	fprintf(f, "<path class=\"flow\" d=\"M%.1f %.1fV%.1fl-3-3m3 3l3-3\"/>", WIDE - 14,
		rx_y + BOX_H + 2, tx_y - 3);
	if (s->forwarded) {
		double mid = (rx_y + BOX_H + tx_y) / 2;

		fprintf(f,
			"<path class=\"flow dash\" d=\"M%.1f %.1fV%.1fH%.1fV%.1fl-3-3m3 3l3-3\"/>",
			rx_ip, rx_y + BOX_H + 2, mid, tx_ip, tx_y - 3);
		text_begin(f, "b-unit", "end", (rx_ip < tx_ip ? rx_ip : tx_ip) - 8, mid + 4);
		fprintf(f, _("%s forwarded"), text_short(s->forwarded).s);
		fputs("</text>", f);
	}
	fputs("</svg>\n", f);
}

static void draw_row(FILE *f, enum place p, const struct box *b, double y, const char *hatch)
{
	draw_outline(f, b, 1, y, NARROW - 2, ROW_H, hatch);
	fprintf(f, "<text class=\"b-name\" x=\"12\" y=\"%.0f\">%s</text>", y + 18,
		_(stack_places[p].name));
	if (b->finding) {
		svg_icon_at(f, b->severity, 118, y + 5, 17);
		fprintf(f, "<text class=\"b-unit\" x=\"139\" y=\"%.0f\">%s %" PRId64 "</text>",
			y + 18, _("finding"), b->finding);
	}
	if (b->packets >= 0)
		fprintf(f,
			"<text class=\"b-num\" text-anchor=\"end\" x=\"%.0f\" y=\"%.0f\">%s <tspan "
			"class=\"b-unit\">%s</tspan></text>",
			NARROW - 12, y + 18, text_short(b->packets).s,
			stack_places[p].unit ? _(stack_places[p].unit) : "");
	else
		fprintf(f,
			"<text class=\"b-unit\" text-anchor=\"end\" x=\"%.0f\" "
			"y=\"%.0f\">%s</text>",
			NARROW - 12, y + 18, unseen(p, b));
	if (b->count) {
		fprintf(f, "<text class=\"b-unit\" x=\"12\" y=\"%.0f\">p50 %s", y + 35,
			text_duration(b->p50_ns).s);
		fprintf(f, " · p99 %s</text>", text_duration(b->p99_ns).s);
	}
	draw_drops(f, b, NARROW - 12, y + 35);
}

/* The same for a phone and for paper: one place below the other, a picture for each way. */
static void draw_way(const struct stack *s, FILE *f, size_t nth, bool tx)
{
	int first = tx ? RX_PLACES : 0, end = tx ? PLACE_COUNT : RX_PLACES;
	const char *way = tx ? _("Send") : _("Receive");
	double height = 24 + (end - first) * (ROW_H + ROW_GAP), y = 24;
	char hatch[32];

	snprintf(hatch, sizeof(hatch), "hurt-%c%zu", tx ? 's' : 'r', nth);
	begin_picture(s, f, "narrow", way);
	fprintf(f, " viewBox=\"0 0 %.0f %.0f\" width=\"%.0f\" height=\"%.0f\">", NARROW, height,
		NARROW, height);
	draw_hatch(f, hatch);
	fprintf(f, "<text class=\"b-lane\" x=\"1\" y=\"14\">%s ↓</text>", way);
	for (int p = first; p < end; p++) {
		if (p != first)
			fprintf(f, "<path class=\"flow\" d=\"M26 %.0fv6l-3-3m3 3l3-3\"/>",
				y - ROW_GAP + 1);
		draw_row(f, (enum place)p, &s->box[p], y, hatch);
		y += ROW_H + ROW_GAP;
	}
	fputs("</svg>\n", f);
}

static void write_table(struct page *p, const struct stack *s)
{
	static const struct head heads[] = { { N_("Place"), false },
					     { N_("Way"), false },
					     { N_("What it is"), false },
					     { N_("Seen"), true },
					     { N_("Drops: loss, policy, error"), true },
					     { N_("Other drops"), true },
					     { N_("Delay from"), false },
					     { N_("p50"), true },
					     { N_("p99"), true },
					     { N_("Finding"), true } };

	page_fold(p, N_("The stack as a table"));
	page_table(p, N_("The stack in numbers"), heads, ARRAY_SIZE(heads));
	for (int i = 0; i < PLACE_COUNT; i++) {
		const struct box *b = &s->box[i];

		page_row(p);
		page_td_name(p, _(stack_places[i].name));
		page_td(p, i < RX_PLACES ? _("receive") : _("send"));
		page_td(p, _(stack_places[i].what));
		if (b->packets >= 0)
			page_td_num(p, b->packets);
		else
			fprintf(p->f, "<td class=\"n none\">%s</td>", unseen((enum place)i, b));
		page_td_num(p, b->harmful);
		page_td_num(p, b->other);
		page_td_code(p, b->from);
		if (b->count) {
			page_td_dur(p, b->p50_ns);
			page_td_dur(p, b->p99_ns);
		} else {
			page_td_num_dash(p);
			page_td_num_dash(p);
		}
		if (b->finding)
			fprintf(p->f,
				"<td class=\"n\"><a href=\"#finding-%" PRId64 "\">%" PRId64
				"</a>%s</td>",
				b->finding, b->finding, b->findings > 1 ? _(" and more") : "");
		else
			page_td_num_dash(p);
		page_row_end(p);
	}
	page_table_end(p);
	fputs("</details>\n", p->f);
}

static void write_pictures(struct page *p, const struct stack *s, size_t nth)
{
	fputs("<div class=\"scroll plain wide\" role=\"region\" tabindex=\"0\" aria-label=\"",
	      p->f);
	page_text(p, _("The stack as a picture"));
	if (nth)
		page_textf(p, " %s %s", s->netns, s->dev);
	fputs("\">", p->f);
	draw_wide(s, p->f, nth);
	fputs("</div>\n", p->f);
	fputs("<div class=\"ways\">", p->f);
	draw_way(s, p->f, nth, false);
	draw_way(s, p->f, nth, true);
	fputs("</div>\n", p->f);
}

/* A name that is too long is cut: it stands in full elsewhere. */
static void write_scope_name(struct page *p, const struct stack *s)
{
	if (s->dev[0])
		page_textf(p, "%.60s: %s", s->netns, s->dev);
	else
		page_textf(p, "%.60s", s->netns);
}

static void write_scope(struct page *p, const struct stack *s, size_t nth)
{
	fprintf(p->f, "<details class=\"scope\" id=\"stack-%zu\"><summary><span class=\"name\">",
		nth);
	write_scope_name(p, s);
	fputs("</span> <span class=\"hint\">", p->f);
	fprintf(p->f, _("packets: %1$s, drops: %2$s"), text_count(s->packets).s,
		text_count(s->drops).s);
	fputs("</span></summary>\n", p->f);
	write_pictures(p, s, nth);
	fputs("</details>\n", p->f);
}

void panel_stack(struct page *p)
{
	struct stacks *s = stacks_read(p->r, &p->hops);

	if (!s)
		return;
	if (s->n > 1)
		fprintf(p->f,
			"<p class=\"choose js\" hidden><label for=\"stack-choice\">%s</label> "
			"<select "
			"id=\"stack-choice\"><option value=\"\">%s</option></select></p>\n",
			_("Show"), _("the whole host"));
	fputs("<div id=\"stack-host\">\n", p->f);
	write_pictures(p, &s->v[0], 0);
	fputs("</div>\n", p->f);
	page_hint(p, N_("Hatched foot: drops of class loss, policy or error. Icon: a finding, with its number. "
			"\"No event\": nothing tells how many passed there. Delays are from the stage before that "
			"was seen most often."));
	if (s->n > 1) {
		fprintf(p->f, "<div id=\"stack-scopes\">\n<h3>%s</h3>\n",
			_("One namespace or device at a time"));
		page_hint(p, N_("What an event does not place in a namespace counts for the whole host only."));
		for (size_t i = 1; i < s->n; i++)
			write_scope(p, &s->v[i], i);
		fputs("</div>\n", p->f);
	}
	page_more(p, (int64_t)s->n - 1, (int64_t)s->n - 1 + s->left_out,
		  N_("namespaces and devices"),
		  "SELECT netns, dev, count(*) FROM frame GROUP BY 1, 2");
	if (s->no_direction) {
		fputs("<p class=\"more\">", p->f);
		fprintf(p->f,
			_("%s captured frames are not counted at the taps: nothing tells whether "
			  "they came or went."),
			text_count(s->no_direction).s);
		fputs("</p>\n", p->f);
	}
	if (s->uncounted) {
		fputs("<p class=\"more\">", p->f);
		fprintf(p->f,
			_("%s frames and stages are not counted here: they were of too many "
			  "devices."),
			text_count(s->uncounted).s);
		fputs("</p>\n", p->f);
	}
	if (s->v[0].unplaced) {
		fputs("<p class=\"more\">", p->f);
		fprintf(p->f,
			_("%s drops belong to no place of the picture; the table of drops has "
			  "them."),
			text_count(s->v[0].unplaced).s);
		fputs("</p>\n", p->f);
	}
	write_table(p, &s->v[0]);
	free(s);
}
