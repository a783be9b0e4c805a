/* SPDX-License-Identifier: MIT */
/*
 * text: numbers, times and flows as people read them, and the escaping of
 * hostile text for each place it is written to.
 *
 * All of it is independent of locale and time zone, so the same database gives
 * the same bytes everywhere.
 */
#ifndef SKBTAPE_REPORT_TEXT_H
#define SKBTAPE_REPORT_TEXT_H

#include "../schema/base.h"
#include <stdio.h>

/* Short text, handed back by value: text_count(n).s lives to the end of the full expression. */
struct text {
	char s[128];
};

struct text text_count(int64_t n);		       /* 1,234,567 */
struct text text_short(int64_t n);		       /* 1.23 M; at most six characters */
struct text text_bytes(int64_t bytes);		       /* 1.5 MiB */
struct text text_duration(int64_t ns);		       /* 12.3 µs */
struct text text_utc(int64_t ns);		       /* 2026-01-31 12:00:00.123456 UTC */
struct text text_since(int64_t ns);		       /* +1.234567 s, of a difference */
struct text text_percent(int64_t part, int64_t whole); /* 12.3 %; "-" where whole is 0 */

/**
 * text_flow() - a flow as the command why reads it: "udp 10.0.0.1:53 > 10.0.0.2:4444"
 * @sport: -1: none
 * @dport: -1: none
 */
struct text text_flow(const char *proto, const char *src, int64_t sport, const char *dst,
		      int64_t dport);

/**
 * text_next() - decode one character of untrusted UTF-8
 * @s:  NUL terminated; moved on
 * @cp: the character; U+FFFD for what is malformed or must not be shown as it is:
 *      control characters and the ones that change the direction of text (a name
 *      must not be able to reorder the words around it). Newline and tab are kept.
 * Return: false at the end.
 */
bool text_next(const char **s, uint32_t *cp);
/* text_put() - write one character as UTF-8. */
void text_put(FILE *f, uint32_t cp);
/* text_width() - characters that text_term() writes for @s */
size_t text_width(const char *s);

/* text_columns() - columns of a fixed-width font that @s takes; @bytes: of it that fit into @max columns */
size_t text_columns(const char *s, size_t max, size_t *bytes);

/* text_html() - for HTML text and for quoted attribute values. */
void text_html(FILE *f, const char *s);
/* text_html_max() - at most @max characters, then an ellipsis. Return: bytes written. */
size_t text_html_max(FILE *f, const char *s, size_t max);
/* text_markdown() - one line of GitHub/Jira Markdown: no markup, link, mention or issue reference
 * survives. */
void text_markdown(FILE *f, const char *s);
/* text_fence() - @s as a fenced block whose fence is longer than any in it, each line behind
 * @indent. */
void text_fence(FILE *f, const char *indent, const char *s);
/* text_term() - one line for a terminal: no control character gets through. */
void text_term(FILE *f, const char *s);
/* text_lines() - as text_term(), but newlines stay, each line behind @indent blanks. */
void text_lines(FILE *f, int indent, const char *s);

#endif
