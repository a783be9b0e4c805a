/* SPDX-License-Identifier: MIT */
#include "svg.h"
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

#define RANGE_WIDTH 240.0
#define RANGE_FROM  100.0 /* ns */

static double range_x(int64_t ns, double top)
{
	double v = (double)ns < RANGE_FROM ? RANGE_FROM : (double)ns > top ? top : (double)ns;

	return RANGE_WIDTH * log10(v / RANGE_FROM) / log10(top / RANGE_FROM);
}

void svg_range(FILE *f, int64_t p50_ns, int64_t p99_ns, int64_t max_ns, int64_t top_ns)
{
	double top = top_ns > 10000 ? (double)top_ns : 10000;
	double a = range_x(p50_ns, top), b = range_x(p99_ns, top), c = range_x(max_ns, top);

	fprintf(f,
		"<svg class=\"range\" viewBox=\"-4 0 %.0f 16\" width=\"%.0f\" height=\"16\" "
		"aria-hidden=\"true\">",
		RANGE_WIDTH + 8, RANGE_WIDTH + 8);
	for (double v = RANGE_FROM; v <= top * 1.0001; v *= 10)
		fprintf(f, "<path class=\"r-grid\" d=\"M%.1f 0v16\"/>",
			RANGE_WIDTH * log10(v / RANGE_FROM) / log10(top / RANGE_FROM));
	fprintf(f,
		"<path class=\"r-line\" d=\"M%.1f 8H%.1f\"/><rect class=\"r-box\" x=\"%.1f\" "
		"y=\"4\" width=\"%.1f\" height=\"8\"/>",
		a, c, a, b - a < 1 ? 1 : b - a);
	fprintf(f,
		"<path class=\"r-max\" d=\"M%.1f 3v10\"/><circle class=\"r-mid\" cx=\"%.1f\" "
		"cy=\"8\" r=\"3.5\"/></svg>",
		c, a);
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
