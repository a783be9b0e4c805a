/* SPDX-License-Identifier: MIT */
#include "svg.h"
#include "lang.h"
#include "text.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* Shapes in a box of 16 by 16; the sign inside is drawn in the background's colour. */
static void icon_shape(FILE *f, const char *severity)
{
	if (!strcmp(severity, "critical"))
		fputs("<path class=\"shape\" d=\"M5 1h6l4 4v6l-4 4H5l-4-4V5z\"/><path "
		      "class=\"sign\" d=\"M7 4h2v5H7zM7 10.5h2v2H7z\"/>",
		      f);
	else if (!strcmp(severity, "warning"))
		fputs("<path class=\"shape\" d=\"M8 1l7.5 14H.5z\"/><path class=\"sign\" d=\"M7 "
		      "6h2v4.5H7zM7 11.5h2v2H7z\"/>",
		      f);
	else if (!strcmp(severity, "ok"))
		fputs("<circle class=\"shape\" cx=\"8\" cy=\"8\" r=\"7\"/><path class=\"sign\" "
		      "d=\"M6.9 11.6L3.6 8.3l1.3-1.3 2 2 4.2-4.2 1.3 1.3z\"/>",
		      f);
	else
		fputs("<circle class=\"shape\" cx=\"8\" cy=\"8\" r=\"7\"/><path class=\"sign\" "
		      "d=\"M7 7h2v5H7zM7 4h2v2H7z\"/>",
		      f);
}

void svg_icon(FILE *f, const char *severity)
{
	fputs("<svg class=\"icon\" viewBox=\"0 0 16 16\" width=\"16\" height=\"16\" "
	      "aria-hidden=\"true\">",
	      f);
	icon_shape(f, severity);
	fputs("</svg>", f);
}

void svg_icon_at(FILE *f, const char *severity, double x, double y, double size)
{
	bool known = !strcmp(severity, "critical") || !strcmp(severity, "warning");

	fprintf(f,
		"<svg class=\"icon sev-%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
		"viewBox=\"0 0 16 16\">",
		known ? severity : "info", x, y, size, size);
	icon_shape(f, severity);
	fputs("</svg>", f);
}

void svg_bar(FILE *f, int64_t part, int64_t whole)
{
	double w = whole > 0 && part > 0 ? 100.0 * (double)part / (double)whole : 0;

	w = w > 100 ? 100 : w > 0 && w < 1 ? 1 : w;
	fprintf(f,
		"<svg class=\"meter\" viewBox=\"0 0 100 8\" width=\"72\" height=\"8\" "
		"preserveAspectRatio=\"none\" aria-hidden=\"true\">"
		"<rect class=\"m-bg\" width=\"100\" height=\"8\"/><rect class=\"m-fg\" "
		"width=\"%.1f\" height=\"8\"/></svg>",
		w);
}

#define RANGE_WIDTH 190.0
#define RANGE_FROM  100.0 /* ns */

static double range_x(int64_t ns, double top)
{
	double v = (double)ns < RANGE_FROM ? RANGE_FROM : (double)ns > top ? top : (double)ns;

	return RANGE_WIDTH * log10(v / RANGE_FROM) / log10(top / RANGE_FROM);
}

static double range_top(int64_t top_ns)
{
	return top_ns > 10000 ? (double)top_ns : 10000;
}

static void draw_grid(FILE *f, double top, int from, int to)
{
	for (double v = RANGE_FROM; v <= top * 1.0001; v *= 10)
		fprintf(f, "<path class=\"r-grid\" d=\"M%.1f %dV%d\"/>",
			RANGE_WIDTH * log10(v / RANGE_FROM) / log10(top / RANGE_FROM), from, to);
}

static void begin_range(FILE *f, int height)
{
	fprintf(f,
		"<svg class=\"range\" viewBox=\"-4 0 %.0f %d\" width=\"%.0f\" height=\"%d\" "
		"aria-hidden=\"true\">",
		RANGE_WIDTH + 8, height, RANGE_WIDTH + 8, height);
}

void svg_range(FILE *f, const struct range *r, int64_t top_ns)
{
	double top = range_top(top_ns), a = range_x(r->p50_ns, top), b = range_x(r->p90_ns, top);
	double c = range_x(r->p99_ns, top), d = range_x(r->max_ns, top);

	begin_range(f, 16);
	draw_grid(f, top, 0, 16);
	fprintf(f,
		"<path class=\"r-line\" d=\"M%.1f 8H%.1f\"/><path class=\"r-max\" d=\"M%.1f "
		"4v8\"/>",
		a, d, d);
	fprintf(f,
		"<rect class=\"r-tail\" x=\"%.1f\" y=\"5.5\" width=\"%.1f\" height=\"5\"/><rect "
		"class=\"r-box\" x=\"%.1f\" y=\"3\" width=\"%.1f\" height=\"10\"/>",
		b, c > b ? c - b : 0, a, b - a < 1 ? 1 : b - a);
	fprintf(f, "<circle class=\"r-mid\" cx=\"%.1f\" cy=\"8\" r=\"3.5\"/></svg>", a);
}

#define HIST_BASE 38 /* y of the axis */
#define HIST_HIGH 32

static void hist_words(FILE *f, const struct hist_bar *bar, size_t n, const struct range *r)
{
	const struct hist_bar *most = bar;
	int64_t all = 0;
	char words[512];

	for (size_t i = 0; i < n; i++) {
		all += bar[i].count;
		if (bar[i].count > most->count)
			most = &bar[i];
	}
	snprintf(words, sizeof(words),
		 _("Histogram of %s times: most often, %.0f %% of them, %s to %s; median %s, p99 %s, "
		   "longest %s"),
		 text_count(all).s, all ? 100.0 * (double)most->count / (double)all : 0,
		 text_duration(most->from_ns).s, text_duration(most->to_ns).s,
		 text_duration(r->p50_ns).s, text_duration(r->p99_ns).s, text_duration(r->max_ns).s);
	text_html(f, words);
}

/* p50 by a line with a dot, p99 by a dashed one with a triangle: told apart without colour. */
static void hist_marks(FILE *f, const struct range *r, double top)
{
	double a = range_x(r->p50_ns, top), b = range_x(r->p99_ns, top);

	fprintf(f,
		"<path class=\"h-p99\" d=\"M%.1f 5V%d\"/><path class=\"h-tip\" d=\"M%.1f 1h6l-3 "
		"5z\"/>",
		b, HIST_BASE, b - 3);
	fprintf(f,
		"<path class=\"h-p50\" d=\"M%.1f 5V%d\"/><circle class=\"h-tip\" cx=\"%.1f\" "
		"cy=\"3.5\" r=\"2.6\"/>",
		a, HIST_BASE, a);
}

void svg_hist(FILE *f, const struct hist_bar *bar, size_t n, const struct range *r, int64_t top_ns)
{
	double top = range_top(top_ns), end = -1;
	int64_t most = 1;

	for (size_t i = 0; i < n; i++)
		most = bar[i].count > most ? bar[i].count : most;
	fprintf(f,
		"<svg class=\"range hist\" viewBox=\"-4 0 %.0f %d\" width=\"%.0f\" height=\"%d\" "
		"role=\"img\" aria-label=\"",
		RANGE_WIDTH + 8, HIST_BASE + 2, RANGE_WIDTH + 8, HIST_BASE + 2);
	hist_words(f, bar, n, r);
	fputs("\">", f);
	draw_grid(f, top, 7, HIST_BASE);
	fprintf(f, "<path class=\"h-axis\" d=\"M0 %dH%.0f\"/><path class=\"h-bar\" d=\"",
		HIST_BASE, RANGE_WIDTH);
	for (size_t i = 0; i < n; i++) {
		double x = range_x(bar[i].from_ns, top), x1 = range_x(bar[i].to_ns, top);
		double h = HIST_HIGH * (double)bar[i].count / (double)most;

		/* what is rare is still seen; what is below the scale stands at its edge */
		h = h < 1.2 ? 1.2 : h;
		x1 = x1 - x < 1.4 ? x + 1.4 : x1;
		if (x < end - 0.05 && x1 <= end)
			continue;
		end = x1;
		fprintf(f, "M%.1f %dV%.1fH%.1fV%dz", x, HIST_BASE, HIST_BASE - h, x1, HIST_BASE);
	}
	fputs("\"/>", f);
	hist_marks(f, r, top);
	fputs("</svg>", f);
}

/* Each power of ten is named where there is room, else every third. */
void svg_scale(FILE *f, int64_t top_ns)
{
	static const char *const names[] = { "100 ns", "1 µs",	 "10 µs", "100 µs", "1 ms",
					     "10 ms",  "100 ms", "1 s",	  "10 s",   "100 s" };
	double top = range_top(top_ns), decades = log10(top / RANGE_FROM);
	size_t step = decades > 5 ? 3 : 1;

	begin_range(f, 14);
	for (size_t i = 1; i < ARRAY_SIZE(names) && (double)i <= decades; i += step) {
		double x = RANGE_WIDTH * (double)i / decades;

		fprintf(f, "<text class=\"t-gap\" x=\"%.1f\" y=\"11\" text-anchor=\"%s\">%s</text>",
			x, x > RANGE_WIDTH - 16 ? "end" : "middle", names[i]);
	}
	fputs("</svg>", f);
}

void svg_parts(FILE *f, const int64_t *part, size_t n, int64_t whole)
{
	double x = 0;

	fputs("<svg class=\"meter\" viewBox=\"0 0 100 8\" width=\"120\" height=\"8\" "
	      "preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect class=\"m-bg\" "
	      "width=\"100\" height=\"8\"/>",
	      f);
	for (size_t i = 0; i < n; i++) {
		double w = whole > 0 && part[i] > 0 ? 100.0 * (double)part[i] / (double)whole : 0;

		w = w > 100 - x ? 100 - x : w;
		if (w > 0)
			fprintf(f,
				"<rect class=\"part%zu\" x=\"%.1f\" width=\"%.1f\" "
				"height=\"8\"/>",
				i, x, w);
		x += w;
	}
	fputs("</svg>", f);
}

void svg_text(FILE *f, const char *s, size_t max)
{
	char cut[512];
	size_t n;

	if (text_columns(s, max, &n) <= max) {
		text_html(f, s);
		return;
	}
	text_columns(s, max - 1, &n);
	if (n > sizeof(cut) - 1)
		n = sizeof(cut) - 1;
	memcpy(cut, s, n);
	cut[n] = '\0';
	text_html(f, cut);
	fputs("…", f);
}

const char *svg_drop_class(const char *drop_class)
{
	static const char *const known[] = { "loss",	 "policy", "error",
					     "protocol", "noise",  "teardown" };

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(known[i], drop_class))
			return known[i];
	return "other";
}
