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
/* svg_range() - median, 99th percentile and maximum on a logarithmic scale from 100 ns to @top_ns.
 */
void svg_range(FILE *f, int64_t p50_ns, int64_t p99_ns, int64_t max_ns, int64_t top_ns);
/* svg_text() - escaped text, cut to @max columns (CJK takes two) with an ellipsis. */
void svg_text(FILE *f, const char *s, size_t max);
/* svg_drop_class() - @drop_class if it is a known one, else "other": for class names of ours. */
const char *svg_drop_class(const char *drop_class);

#endif
