/* SPDX-License-Identifier: MIT */
#include "json.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

static void put_string(struct json *j, struct span s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t left = s.n;

	putc('"', j->f);
	while (left) {
		size_t n = utf8_length(p, left);

		if (!n) {
			fputs("\\ufffd", j->f);
			n = 1;
		} else if (p[0] == '"' || p[0] == '\\') {
			fprintf(j->f, "\\%c", p[0]);
		} else if (p[0] == '\n') {
			fputs("\\n", j->f);
		} else if (p[0] == '\t') {
			fputs("\\t", j->f);
		} else if (p[0] < 0x20 || p[0] == 0x7f || p[0] == '<' || p[0] == '>' || p[0] == '&') {
			fprintf(j->f, "\\u%04x", p[0]);
		} else {
			fwrite(p, 1, n, j->f);
		}
		p += n;
		left -= n;
	}
	putc('"', j->f);
}

static void newline(struct json *j)
{
	if (!j->pretty)
		return;
	putc('\n', j->f);
	for (int i = 0; i < j->depth; i++)
		fputs("  ", j->f);
}

static void before(struct json *j, const char *key)
{
	if (j->depth) {
		if (!j->first[j->depth])
			putc(',', j->f);
		j->first[j->depth] = false;
		newline(j);
	}
	if (key) {
		put_string(j, (struct span){ key, strlen(key) });
		fputs(j->pretty ? ": " : ":", j->f);
	}
}

static void open_any(struct json *j, const char *key, char c)
{
	before(j, key);
	putc(c, j->f);
	j->depth++;
	assert(j->depth < JSON_MAX_DEPTH);
	j->first[j->depth] = true;
}

static void close_any(struct json *j, char c)
{
	bool empty = j->first[j->depth];

	assert(j->depth > 0);
	j->depth--;
	if (!empty)
		newline(j);
	putc(c, j->f);
}

void json_begin(struct json *j, FILE *f, bool pretty)
{
	*j = (struct json){ .f = f, .pretty = pretty };
}

void json_end(struct json *j)
{
	assert(j->depth == 0);
	putc('\n', j->f);
}

void json_open_object(struct json *j, const char *key)
{
	open_any(j, key, '{');
}

void json_open_array(struct json *j, const char *key)
{
	open_any(j, key, '[');
}

void json_close_object(struct json *j)
{
	close_any(j, '}');
}

void json_close_array(struct json *j)
{
	close_any(j, ']');
}

void json_span(struct json *j, const char *key, struct span value)
{
	before(j, key);
	put_string(j, value);
}

void json_text(struct json *j, const char *key, const char *value)
{
	if (value)
		json_span(j, key, (struct span){ value, strlen(value) });
	else
		json_null(j, key);
}

void json_int(struct json *j, const char *key, int64_t value)
{
	before(j, key);
	fprintf(j->f, "%" PRId64, value);
}

void json_uint(struct json *j, const char *key, uint64_t value)
{
	before(j, key);
	fprintf(j->f, "%" PRIu64, value);
}

void json_real(struct json *j, const char *key, double value)
{
	if (!isfinite(value)) {
		json_null(j, key);
		return;
	}
	before(j, key);
	fprintf(j->f, "%.6g", value);
}

void json_bool(struct json *j, const char *key, bool value)
{
	before(j, key);
	fputs(value ? "true" : "false", j->f);
}

void json_null(struct json *j, const char *key)
{
	before(j, key);
	fputs("null", j->f);
}
