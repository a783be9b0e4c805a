/* SPDX-License-Identifier: MIT */
/*
 * json: a writer that makes one JSON document on a FILE, commas and escapes
 * right by construction. '<', '>' and '&' are written as \u escapes, so that a
 * document may stand inside an HTML script element (the HTML standard, 4.12.1.3);
 * bytes that are no UTF-8 become U+FFFD.
 */
#ifndef SKBTAPE_JSON_H
#define SKBTAPE_JSON_H

#include "base.h"
#include <stdio.h>

#define JSON_MAX_DEPTH 32

struct json {
	FILE *f;
	int depth;
	bool first[JSON_MAX_DEPTH]; /* nothing written yet at this depth */
	bool pretty;		    /* a line per value, two blanks per depth */
};

/* json_begin() - start a document on @f, which stays the caller's. */
void json_begin(struct json *j, FILE *f, bool pretty);
/* json_end() - newline at the end of a pretty document; asserts that all is closed. */
void json_end(struct json *j);

/* In each of these @key names the member inside an object, and is NULL inside an
 * array or for the document itself. */
void json_open_object(struct json *j, const char *key);
void json_open_array(struct json *j, const char *key);
void json_close_object(struct json *j);
void json_close_array(struct json *j);
void json_text(struct json *j, const char *key, const char *value); /* NULL: null */
void json_span(struct json *j, const char *key, struct span value);
void json_int(struct json *j, const char *key, int64_t value);
void json_uint(struct json *j, const char *key, uint64_t value);
void json_real(struct json *j, const char *key, double value); /* 6 significant digits */
void json_bool(struct json *j, const char *key, bool value);
void json_null(struct json *j, const char *key);

#endif
