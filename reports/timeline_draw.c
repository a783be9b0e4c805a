/* SPDX-License-Identifier: MIT */
/* The panel of the timeline: a picture and the same numbers as a table. */
#include "page.h"
#include "svg.h"
#include "timeline.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define TABLE_ROWS 20

#define STACK_HEIGHT 78
#define STRIP_HEIGHT 13
#define STRIP_STEP   17
#define LINE_STEP    14 /* of text below text */
#define PANE_GAP     20
#define AXIS_HEIGHT  24

/* The picture in two shapes: names in a gutter beside the plots, and for a phone above them. */
struct look {
	const char *css;
	int width, gutter;
	int ticks;  /* at most */
	int legend; /* names in a line */
	size_t columns;
};

static const struct look looks[] = {
	{ "wide", 1120, 224, 8, 1, 31 },
	{ "narrow", 344, 0, 4, 2, 48 },
};

static int plot_width(const struct look *k)
{
	return k->gutter ? k->width - k->gutter - 8 : k->width;
}

static void plot_begin(const struct timeline *t, FILE *f, const struct look *k, int y, int height)
{
	fprintf(f,
		"<rect class=\"plot-bg\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>"
		"<svg class=\"plot\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d "
		"%d\" preserveAspectRatio=\"none\">",
		k->gutter, y, plot_width(k), height, k->gutter, y, plot_width(k), height, t->n,
		height);
}

static void label(FILE *f, int x, int y, const char *css, const char *name, size_t max)
{
	size_t n;

	fprintf(f, "<text class=\"%s\" x=\"%d\" y=\"%d\">", css, x, y);
	svg_text(f, name, max);
	if (text_columns(name, max, &n) > max) {
		fputs("<title>", f);
		text_html(f, name);
		fputs("</title>", f);
	}
	fputs("</text>", f);
}

static int used_tracks(const struct timeline *t, enum pane pane)
{
	int n = 0;

	for (int i = 0; i < t->tracks; i++)
		n += t->track[i].pane == pane && t->track[i].sum;
	return n;
}

/* How far below its names a pane's plot begins. */
static int legend_height(const struct timeline *t, const struct look *k, enum pane pane)
{
	return k->gutter ? 0 : (used_tracks(t, pane) + k->legend - 1) / k->legend * LINE_STEP;
}

/* A strip's name stands beside it or above it. */
static int strip_top(const struct look *k)
{
	return k->gutter ? 0 : LINE_STEP;
}

/* Names of a pane's tracks with their marks; sums where they mean something. */
static void draw_legend(const struct timeline *t, FILE *f, const struct look *k, enum pane pane,
			int y)
{
	bool lines = timeline_panes[pane].shape == SHAPE_LINES;
	int nth = 0;

	for (int i = 0; i < t->tracks; i++) {
		const struct track *tr = &t->track[i];
		int x = nth % k->legend * (k->width / k->legend);
		int at = y + (k->gutter ? 12 : 10) + nth / k->legend * LINE_STEP;

		if (tr->pane != pane || !tr->sum)
			continue;
		if (lines)
			fprintf(f, "<path class=\"line %s\" d=\"M%d %dh10\"/>", tr->css, x, at - 4);
		else
			fprintf(f,
				"<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"9\" height=\"9\"/>",
				tr->css, x, at - 8);
		fprintf(f, "<text class=\"t-row\" x=\"%d\" y=\"%d\">", x + 14, at);
		svg_text(f, tr->name, lines ? 32 : 20);
		if (!lines)
			fprintf(f, " %s", text_short(tr->sum).s);
		fputs("</text>", f);
		nth++;
	}
}

/* A scale's number: in the gutter, or on the plot where there is none. */
static void draw_scale(FILE *f, const struct look *k, int y, const char *text)
{
	fprintf(f, "<text class=\"t-scale%s\" x=\"%d\" y=\"%d\">%s</text>",
		k->gutter ? "" : " t-over", k->gutter ? k->gutter - 6 : k->width - 3, y, text);
}

/* Bars of one pane upon each other, the first track at the bottom. */
static void draw_stack(const struct timeline *t, FILE *f, const struct look *k, enum pane pane,
		       int y)
{
	int64_t top = 0, base[MAX_BUCKETS] = { 0 };

	for (int b = 0; b < t->n; b++) {
		int64_t sum = 0;

		for (int i = 0; i < t->tracks; i++)
			if (t->track[i].pane == pane)
				sum += t->track[i].v[b];
		top = sum > top ? sum : top;
	}
	draw_legend(t, f, k, pane, y);
	y += legend_height(t, k, pane);
	plot_begin(t, f, k, y, STACK_HEIGHT);
	for (int i = 0; i < t->tracks; i++) {
		const struct track *tr = &t->track[i];

		if (tr->pane != pane || !tr->sum)
			continue;
		fprintf(f, "<path class=\"%s\" d=\"", tr->css);
		for (int b = 0; b < t->n; b++) {
			double h, from;

			if (!tr->v[b])
				continue;
			h = (double)tr->v[b] * (STACK_HEIGHT - 4) / (double)top;
			h = h < 0.6 ? 0.6 : h;
			from = STACK_HEIGHT - (double)base[b] * (STACK_HEIGHT - 4) / (double)top;
			fprintf(f, "M%d %.1fh1v-%.1fh-1z", b, from, h);
			base[b] += tr->v[b];
		}
		fputs("\"/>", f);
	}
	fputs("</svg>", f);
	if (top)
		draw_scale(f, k, y + 10, text_short(top).s);
}

static void draw_lines(const struct timeline *t, FILE *f, const struct look *k, enum pane pane,
		       int y)
{
	double top = 1e4, scale;

	for (int i = 0; i < t->tracks; i++)
		if (t->track[i].pane == pane && (double)t->track[i].max > top)
			top = (double)t->track[i].max;
	top = pow(10, ceil(log10(top) - 1e-9));
	scale = STACK_HEIGHT / log10(top / 1e3);
	draw_legend(t, f, k, pane, y);
	y += legend_height(t, k, pane);
	plot_begin(t, f, k, y, STACK_HEIGHT);
	for (double v = 1e4; v < top * 0.99; v *= 10)
		fprintf(f, "<path class=\"r-grid\" d=\"M0 %.1fH%d\"/>",
			STACK_HEIGHT - scale * log10(v / 1e3), t->n);
	for (int i = 0; i < t->tracks; i++) {
		const struct track *tr = &t->track[i];
		bool on = false;

		if (tr->pane != pane || !tr->sum)
			continue;
		fprintf(f, "<path class=\"line %s\" d=\"", tr->css);
		for (int b = 0; b < t->n; b++) {
			double v = (double)tr->v[b] < 1e3 ? 1e3 : (double)tr->v[b];
			double at = STACK_HEIGHT - scale * log10(v / 1e3);

			if (tr->v[b] && on)
				fprintf(f, "V%.1fh1", at);
			else if (tr->v[b])
				fprintf(f, "M%d %.1fh1", b, at);
			on = tr->v[b] != 0;
		}
		fputs("\"/>", f);
	}
	fputs("</svg>", f);
	for (double v = 1e4; v <= top * 1.01; v *= 100) {
		int at = (int)(y + STACK_HEIGHT - scale * log10(v / 1e3));

		draw_scale(f, k, at < y + 9 ? y + 9 : at + 3, text_duration((int64_t)v).s);
	}
}

/* 1 to 5; the square root keeps small numbers visible beside large ones. */
static int strength(const struct timeline *t, const struct track *tr, int64_t v)
{
	double share = tr->pane == PANE_SOFTIRQ ? (double)v / (double)t->bucket_ns
						: (double)v / (double)tr->max;
	int level = (int)ceil(5 * sqrt(share) - 1e-9);

	return level > 5 ? 5 : level < 1 ? 1 : level;
}

static void draw_strips(const struct timeline *t, FILE *f, const struct look *k, enum pane pane,
			int y)
{
	for (int i = 0; i < t->tracks; i++) {
		const struct track *tr = &t->track[i];

		if (tr->pane != pane || !tr->sum)
			continue;
		label(f, 0, y + 10, "t-row", tr->name, k->columns);
		y += strip_top(k);
		plot_begin(t, f, k, y, STRIP_HEIGHT);
		for (int b = 0; b < t->n;) {
			int from = b, level;

			if (!tr->v[b]) {
				b++;
				continue;
			}
			level = strength(t, tr, tr->v[b]);
			while (b < t->n && tr->v[b] && strength(t, tr, tr->v[b]) == level)
				b++;
			fprintf(f, "<path class=\"%s s%d\" d=\"M%d 0h%dv%dH%dz\"/>", tr->css, level,
				from, b - from, STRIP_HEIGHT, from);
		}
		fputs("</svg>", f);
		y += STRIP_STEP;
	}
}

static void draw_bands(const struct timeline *t, FILE *f, const struct look *k, int y)
{
	double end = (double)t->bucket_ns * t->n;

	for (int i = 0; i < t->bands; i++) {
		const struct band *b = &t->band[i];
		double from = (double)b->from_ns * t->n / end, to = (double)b->to_ns * t->n / end;
		char name[200];

		from = from < 0 ? 0 : from > t->n ? t->n : from;
		to = to > t->n ? t->n : to < from ? from : to;
		if (to - from < 0.5)
			to = from + 0.5;
		if (b->id) {
			svg_icon_at(f, b->severity, 0, y, 13);
			snprintf(name, sizeof(name), "%" PRId64 ". %s", b->id, b->label);
		} else {
			snprintf(name, sizeof(name), _("not seen: %s"), b->label);
		}
		label(f, b->id ? 18 : 0, y + 10, "t-row", name, k->columns - (b->id ? 3 : 0));
		y += strip_top(k);
		plot_begin(t, f, k, y, STRIP_HEIGHT);
		fprintf(f, "<path class=\"band %s%s\" d=\"M%.2f 2H%.2fv%dH%.2fz\"/></svg>",
			b->id ? "band-" : "band-gap",
			!b->id				   ? ""
			: !strcmp(b->severity, "critical") ? "critical"
			: !strcmp(b->severity, "warning")  ? "warning"
							   : "info",
			from, to, STRIP_HEIGHT - 4, from);
		y += STRIP_STEP;
	}
}

/* Height of @n strips, without the room below the last. */
static int strips_height(const struct look *k, int n)
{
	return n * (STRIP_STEP + strip_top(k)) - (STRIP_STEP - STRIP_HEIGHT);
}

/* Height of a pane below its title; 0: nothing to show */
static int pane_height(const struct timeline *t, const struct look *k, enum pane pane)
{
	int n = used_tracks(t, pane);

	if (!n)
		return 0;
	return timeline_panes[pane].shape == SHAPE_STRIPS
		       ? strips_height(k, n)
		       : STACK_HEIGHT + legend_height(t, k, pane);
}

static int picture_height(const struct timeline *t, const struct look *k)
{
	int h = AXIS_HEIGHT;

	if (t->bands)
		h += strips_height(k, t->bands) + 2 * PANE_GAP;
	for (int p = 0; p < PANE_COUNT; p++) {
		int pane = pane_height(t, k, (enum pane)p);

		h += pane ? pane + 2 * PANE_GAP : 0;
	}
	return h;
}

/* Lines at round times; the script draws others when it zooms. */
static void draw_axis(const struct timeline *t, FILE *f, const struct look *k, int y, int height)
{
	double span = (double)t->bucket_ns * t->n, step = pow(10, floor(log10(span)));

	while (span / step > k->ticks)
		step *= 2;
	while (span / step < k->ticks / 2)
		step /= 2;
	fprintf(f, "<g class=\"axis\" data-y=\"%d\" data-height=\"%d\" data-ticks=\"%d\">", y,
		height, k->ticks);
	for (int i = 0; i * step <= span * 1.0001 && i <= k->ticks; i++) {
		double x = k->gutter + plot_width(k) * (i * step) / span;

		fprintf(f, "<path class=\"tick\" d=\"M%.1f %dV%d\"/>", x, y + 4, height);
		fprintf(f,
			"<text class=\"t-tick\" x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%s</text>",
			x, y,
			!i		    ? "start"
			: x > k->width - 40 ? "end"
					    : "middle",
			i ? text_duration((int64_t)(i * step)).s : _("start"));
	}
	fputs("</g>", f);
}

static void draw(const struct timeline *t, FILE *f, const struct look *k)
{
	int height = picture_height(t, k), y = AXIS_HEIGHT;

	fprintf(f,
		"<svg class=\"timeline %s\" role=\"img\" "
		"aria-label=\"%s\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" data-x=\"%d\" "
		"data-w=\"%d\">",
		k->css, _("Timeline of the recording; the table below holds the same numbers"),
		k->width, height, k->width, height, k->gutter, plot_width(k));
	draw_axis(t, f, k, 12, height);
	if (t->bands) {
		label(f, 0, y + 10, "t-pane", _("Findings and gaps"), 40);
		draw_bands(t, f, k, y + PANE_GAP);
		y += strips_height(k, t->bands) + 2 * PANE_GAP;
	}
	for (int i = 0; i < PANE_COUNT; i++) {
		enum pane pane = (enum pane)i;

		if (!used_tracks(t, pane))
			continue;
		label(f, 0, y + 10, "t-pane", _(timeline_panes[pane].title), 40);
		y += PANE_GAP;
		if (timeline_panes[pane].shape == SHAPE_STACK)
			draw_stack(t, f, k, pane, y);
		else if (timeline_panes[pane].shape == SHAPE_LINES)
			draw_lines(t, f, k, pane, y);
		else
			draw_strips(t, f, k, pane, y);
		y += pane_height(t, k, pane) + PANE_GAP;
	}
	fputs("<path class=\"cursor\" d=\"\"/></svg>", f);
}

static int64_t sum_of(const struct timeline *t, enum pane pane, int from, int to, bool harmful)
{
	int64_t sum = 0;

	for (int i = 0; i < t->tracks; i++) {
		const struct track *tr = &t->track[i];

		if (tr->pane != pane || (harmful && strcmp(tr->css, "c-loss") &&
					 strcmp(tr->css, "c-policy") && strcmp(tr->css, "c-error")))
			continue;
		for (int b = from; b < to; b++)
			sum += tr->v[b];
	}
	return sum;
}

static int64_t max_of(const struct timeline *t, enum pane pane, int nth, int from, int to)
{
	int64_t max = 0;

	for (int i = 0; i < t->tracks; i++) {
		if (t->track[i].pane != pane || nth-- != 0)
			continue;
		for (int b = from; b < to; b++)
			max = t->track[i].v[b] > max ? t->track[i].v[b] : max;
	}
	return max;
}

static void write_table(struct page *p, const struct timeline *t)
{
	static const struct head heads[] = { { N_("From"), true },
					     { N_("Packets"), true },
					     { N_("Drops: loss, policy, error"), true },
					     { N_("All drops"), true },
					     { N_("NET_RX wait"), true },
					     { N_("Reader wait"), true },
					     { N_("Softirq time"), true } };
	int step = (t->n + TABLE_ROWS - 1) / TABLE_ROWS;

	page_fold(p, N_("The timeline as a table"));
	page_table(
		p,
		N_("The timeline in numbers; waits are the largest 99th percentile inside the row"),
		heads, ARRAY_SIZE(heads));
	for (int b = 0; b < t->n; b += step) {
		int to = b + step < t->n ? b + step : t->n;

		page_row(p);
		page_td_time(p, t->start_ns + b * t->bucket_ns);
		page_td_num(p, sum_of(t, PANE_PACKETS, b, to, false));
		page_td_num(p, sum_of(t, PANE_DROPS, b, to, true));
		page_td_num(p, sum_of(t, PANE_DROPS, b, to, false));
		page_td_dur(p, max_of(t, PANE_DELAYS, 0, b, to));
		page_td_dur(p, max_of(t, PANE_DELAYS, 1, b, to));
		page_td_dur(p, sum_of(t, PANE_SOFTIRQ, b, to, false));
		page_row_end(p);
	}
	page_table_end(p);
	fputs("</details>\n", p->f);
}

void panel_timeline(struct page *p)
{
	const struct timeline *t = p->timeline;

	if (!t) {
		page_none(p,
			  N_("The start and the end of this recording are not known, so there is "
			     "no timeline."));
		return;
	}
	fputs("<p class=\"hint\">", p->f);
	fprintf(p->f, _("One column is %s."), text_duration(t->bucket_ns).s);
	fprintf(p->f, " <span class=\"js\" hidden>%s</span></p>\n",
		_("Move over the picture for numbers, drag to zoom, double-click to see all again. "
		  "With the "
		  "keyboard: arrows, plus, minus, Escape."));
	fprintf(p->f,
		"<div class=\"tools js\" hidden role=\"group\" aria-label=\"%s\"><button "
		"type=\"button\" "
		"data-zoom=\"in\">%s</button> <button type=\"button\" "
		"data-zoom=\"out\">%s</button> <button "
		"type=\"button\" data-zoom=\"back\" aria-label=\"%s\">←</button> <button "
		"type=\"button\" "
		"data-zoom=\"on\" aria-label=\"%s\">→</button> <button type=\"button\" "
		"data-zoom=\"all\">%s</button></div>\n",
		_("Zoom of the timeline"), _("Zoom in"), _("Zoom out"), _("Earlier"), _("Later"),
		_("All"));
	fprintf(p->f,
		"<div class=\"scroll wide\" role=\"region\" tabindex=\"0\" aria-label=\"%s\">",
		_("The timeline as a picture"));
	draw(t, p->f, &looks[0]);
	fputs("</div>\n", p->f);
	draw(t, p->f, &looks[1]);
	fputs("<div id=\"timeline-readout\" class=\"readout js\" hidden></div>\n", p->f);
	if (t->cpus > MAX_CPUS) {
		fputs("<p class=\"more\">", p->f);
		fprintf(p->f, _("The %1$d CPUs with the most softirq time of %2$s are drawn."),
			MAX_CPUS, text_count(t->cpus).s);
		fputs("</p>\n", p->f);
	}
	page_more(p, MAX_COUNTERS, MAX_COUNTERS + t->counters_left_out, N_("counters of trouble"),
		  "SELECT * FROM ledger");
	write_table(p, t);
}
