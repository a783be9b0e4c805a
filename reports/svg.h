/* SPDX-License-Identifier: MIT */
/* svg: small pictures inside HTML. Colours come from classes, so that dark mode and print can
 * change them. */
#ifndef SKBTAPE_SVG_H
#define SKBTAPE_SVG_H

#include "../schema/base.h"
#include <stdio.h>

/* svg_icon() - a severity's icon: octagon, triangle, circle; "ok" is a check mark. */
void svg_icon(FILE *f, const char *severity);
/* svg_icon_at() - the same inside a picture, @size units wide, upper left corner at @x, @y. */
void svg_icon_at(FILE *f, const char *severity, double x, double y, double size);
/* svg_bar() - a bar that is @part of @whole long. */
void svg_bar(FILE *f, int64_t part, int64_t whole);
/* Where times lie. */
struct range {
	int64_t p50_ns, p90_ns, p99_ns, max_ns;
};

/* svg_range() - a range on a logarithmic scale from 100 ns to @top_ns */
void svg_range(FILE *f, const struct range *r, int64_t top_ns);
/* How many times lie from from_ns up to to_ns. */
struct hist_bar {
	int64_t from_ns, to_ns, count;
};

/* svg_hist() - a histogram on the scale of svg_range(), p50 and p99 marked, with a text for those
 * who do not see it. @bar: in order; their heights go by the fullest. */
void svg_hist(FILE *f, const struct hist_bar *bar, size_t n, const struct range *r, int64_t top_ns);
/* svg_scale() - the scale of svg_range() */
void svg_scale(FILE *f, int64_t top_ns);
/* svg_parts() - a bar of several parts of @whole, each in its own shade */
void svg_parts(FILE *f, const int64_t *part, size_t n, int64_t whole);
/* svg_text() - escaped text, cut to @max columns (CJK takes two) with an ellipsis. */
void svg_text(FILE *f, const char *s, size_t max);
/* svg_drop_class() - @drop_class if it is a known one, else "other": for class names of ours. */
const char *svg_drop_class(const char *drop_class);

#endif
