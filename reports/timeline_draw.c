/* SPDX-License-Identifier: MIT */
/* The panel of the timeline: a picture and the same numbers as a table. */
#include "page.h"
#include "svg.h"
#include "timeline.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define TABLE_ROWS 20

/* The picture: a gutter for labels, then the plots. */
#define WIDTH	     1120
#define GUTTER	     224
#define PLOT	     (WIDTH - GUTTER - 8)
#define STACK_HEIGHT 78
#define STRIP_HEIGHT 13
#define STRIP_STEP   17
#define PANE_GAP     20
#define MAX_TICKS    8

static void plot_begin(const struct timeline *t, FILE *f, int y, int height)
{
	fprintf(f,
		"<rect class=\"plot-bg\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>"
		"<svg class=\"plot\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d "
		"%d\" preserveAspectRatio=\"none\">",
		GUTTER, y, PLOT, height, GUTTER, y, PLOT, height, t->n, height);
}

static void label(FILE *f, int y, const char *css, const char *name, size_t max)
{
	size_t n;

	fprintf(f, "<text class=\"%s\" x=\"0\" y=\"%d\">", css, y);
	svg_text(f, name, max);
	if (text_columns(name, max, &n) > max) {
		fputs("<title>", f);
		text_html(f, name);
		fputs("</title>", f);
	}
	fputs("</text>", f);
}

/* Bars of one pane upon each other, the first track at the bottom. */
static int draw_stack(const struct timeline *t, FILE *f, enum pane pane, int y)
{
	int64_t top = 0, base[MAX_BUCKETS] = { 0 };
	int line = y + 12;

	for (int b = 0; b < t->n; b++) {
		int64_t sum = 0;

		for (int i = 0; i < t->tracks; i++)
			if (t->track[i].pane == pane)
				sum += t->track[i].v[b];
		top = sum > top ? sum : top;
	}
	plot_begin(t, f, y, STACK_HEIGHT);
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
	for (int i = 0; i < t->tracks; i++) {
		const struct track *tr = &t->track[i];

		if (tr->pane != pane || !tr->sum)
			continue;
		fprintf(f,
			"<rect class=\"%s\" x=\"0\" y=\"%d\" width=\"9\" height=\"9\"/><text "
			"class=\"t-row\" x=\"14\" y=\"%d\">",
			tr->css, line - 8, line);
		svg_text(f, tr->name, 20);
		fprintf(f, " %s</text>", text_short(tr->sum).s);
		line += 13;
	}
	if (top)
		fprintf(f, "<text class=\"t-scale\" x=\"%d\" y=\"%d\">%s</text>", GUTTER - 6,
			y + 10, text_short(top).s);
	return y + STACK_HEIGHT;
}

static int draw_lines(const struct timeline *t, FILE *f, enum pane pane, int y)
{
	double top = 1e4, scale;
	int line = y + 12;

	for (int i = 0; i < t->tracks; i++)
		if (t->track[i].pane == pane && (double)t->track[i].max > top)
			top = (double)t->track[i].max;
	top = pow(10, ceil(log10(top) - 1e-9));
	scale = STACK_HEIGHT / log10(top / 1e3);
	plot_begin(t, f, y, STACK_HEIGHT);
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
	for (int i = 0; i < t->tracks; i++) {
		const struct track *tr = &t->track[i];

		if (tr->pane != pane || !tr->sum)
			continue;
		fprintf(f, "<path class=\"line %s\" d=\"M0 %dh10\"/>", tr->css, line - 4);
		fprintf(f, "<text class=\"t-row\" x=\"14\" y=\"%d\">%s</text>", line, tr->name);
		line += 14;
	}
	for (double v = 1e4; v <= top * 1.01; v *= 100) {
		int at = (int)(y + STACK_HEIGHT - scale * log10(v / 1e3));

		fprintf(f, "<text class=\"t-scale\" x=\"%d\" y=\"%d\">%s</text>", GUTTER - 6,
			at < y + 9 ? y + 9 : at + 3, text_duration((int64_t)v).s);
	}
	return y + STACK_HEIGHT;
}

/* 1 to 5; the square root keeps small numbers visible beside large ones. */
static int strength(const struct timeline *t, const struct track *tr, int64_t v)
{
	double share = tr->pane == PANE_SOFTIRQ ? (double)v / (double)t->bucket_ns
						: (double)v / (double)tr->max;
	int level = (int)ceil(5 * sqrt(share) - 1e-9);

	return level > 5 ? 5 : level < 1 ? 1 : level;
}

static int draw_strips(const struct timeline *t, FILE *f, enum pane pane, int y)
{
	for (int i = 0; i < t->tracks; i++) {
		const struct track *tr = &t->track[i];

		if (tr->pane != pane || !tr->sum)
			continue;
		label(f, y + 10, "t-row", tr->name, 31);
		plot_begin(t, f, y, STRIP_HEIGHT);
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
	return y - (STRIP_STEP - STRIP_HEIGHT);
}

static int draw_bands(const struct timeline *t, FILE *f, int y)
{
	double end = (double)t->bucket_ns * t->n;

	label(f, y + 10, "t-pane", _("Findings and gaps"), 40);
	y += PANE_GAP;
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
		fprintf(f, "<svg x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\">", b->id ? 18 : 0, y,
			GUTTER - 20, STRIP_HEIGHT + 3);
		label(f, 10, "t-row", name, b->id ? 30 : 33);
		fputs("</svg>", f);
		plot_begin(t, f, y, STRIP_HEIGHT);
		fprintf(f, "<path class=\"band %s%s\" d=\"M%.2f 2H%.2fv%dH%.2fz\"/></svg>",
			b->id ? "band-" : "band-gap",
			!b->id				   ? ""
			: !strcmp(b->severity, "critical") ? "critical"
			: !strcmp(b->severity, "warning")  ? "warning"
							   : "info",
			from, to, STRIP_HEIGHT - 4, from);
		y += STRIP_STEP;
	}
	return y - (STRIP_STEP - STRIP_HEIGHT);
}

static bool pane_used(const struct timeline *t, enum pane pane)
{
	for (int i = 0; i < t->tracks; i++)
		if (t->track[i].pane == pane && t->track[i].sum)
			return true;
	return false;
}

static int picture_height(const struct timeline *t)
{
	int h = 24;

	if (t->bands)
		h += PANE_GAP + t->bands * STRIP_STEP + PANE_GAP;
	for (int p = 0; p < PANE_COUNT; p++) {
		if (!pane_used(t, (enum pane)p))
			continue;
		h += 2 * PANE_GAP;
		if (timeline_panes[p].shape != SHAPE_STRIPS) {
			h += STACK_HEIGHT;
			continue;
		}
		for (int i = 0; i < t->tracks; i++)
			h += t->track[i].pane == (enum pane)p && t->track[i].sum ? STRIP_STEP : 0;
	}
	return h;
}

/* Lines at round times; the script draws others when it zooms. */
static void draw_axis(const struct timeline *t, FILE *f, int y, int height)
{
	double span = (double)t->bucket_ns * t->n, step = pow(10, floor(log10(span)));

	while (span / step > MAX_TICKS)
		step *= 2;
	while (span / step < MAX_TICKS / 2)
		step /= 2;
	fprintf(f, "<g id=\"timeline-axis\" data-y=\"%d\" data-height=\"%d\">", y, height);
	for (int i = 0; i * step <= span * 1.0001 && i <= MAX_TICKS; i++) {
		double x = GUTTER + PLOT * (i * step) / span;

		fprintf(f, "<path class=\"tick\" d=\"M%.1f %dV%d\"/>", x, y + 4, height);
		fprintf(f,
			"<text class=\"t-tick\" x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%s</text>",
			x, y,
			!i		 ? "start"
			: x > WIDTH - 40 ? "end"
					 : "middle",
			i ? text_duration((int64_t)(i * step)).s : _("start"));
	}
	fputs("</g>", f);
}

static void draw(const struct timeline *t, FILE *f)
{
	int height = picture_height(t), y = 24;

	fprintf(f,
		"<svg id=\"timeline-picture\" class=\"timeline\" role=\"img\" "
		"aria-label=\"%s\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" data-x=\"%d\" "
		"data-w=\"%d\">",
		_("Timeline of the recording; the table below holds the same numbers"), WIDTH,
		height, WIDTH, height, GUTTER, PLOT);
	draw_axis(t, f, 12, height);
	if (t->bands)
		y = draw_bands(t, f, y) + PANE_GAP;
	for (int p = 0; p < PANE_COUNT; p++) {
		if (!pane_used(t, (enum pane)p))
			continue;
		label(f, y + 10, "t-pane", _(timeline_panes[p].title), 40);
		y += PANE_GAP;
		if (timeline_panes[p].shape == SHAPE_STACK)
			y = draw_stack(t, f, (enum pane)p, y);
		else if (timeline_panes[p].shape == SHAPE_LINES)
			y = draw_lines(t, f, (enum pane)p, y);
		else
			y = draw_strips(t, f, (enum pane)p, y);
		y += PANE_GAP;
	}
	fputs("<path id=\"timeline-cursor\" class=\"cursor\" d=\"\"/></svg>", f);
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
	fprintf(p->f, "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"%s\">",
		_("The timeline as a picture"));
	draw(t, p->f);
	fputs("</div>\n<div id=\"timeline-readout\" class=\"readout js\" hidden></div>\n", p->f);
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
