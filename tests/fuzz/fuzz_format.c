/* SPDX-License-Identifier: MIT */
/*
 * The text of a format file, or of header_page. What was accepted must be good for
 * an event of any bytes that is as long as the format demands.
 */
#include "fuzz.h"
#include "../../analyze/fields.h"
#include "../../analyze/kbuf.h"

#include <string.h>

static void check_ref(const struct ev_format *f, const struct field_ref *r)
{
	HOLDS(r->how <= FIELD_REST);
	if (r->how == FIELD_NONE)
		return;
	HOLDS(r->offset + (r->how == FIELD_REST ? 0U : r->size) <= f->min_len);
	if (r->how == FIELD_UINT || r->how == FIELD_INT)
		HOLDS(r->size == 1 || r->size == 2 || r->size == 4 || r->size == 8);
}

/* An event of @len bytes, in memory of that length. */
static void decode(const struct ev_format *f, uint32_t len, unsigned int step)
{
	uint8_t *data = malloc(len ? len : 1);
	struct event ev = { .type = &f->type, .data = data, .len = len };
	struct buf json = { 0 };
	struct span s;
	uint64_t v;

	HOLDS(data);
	for (uint32_t i = 0; i < len; i++)
		data[i] = (uint8_t)(i * step);
	for (int x = 0; x < F_COUNT; x++) {
		event_u64(&ev, (enum ev_field)x, &v);
		if (event_text(&ev, (enum ev_field)x, &s))
			HOLDS(fuzz_inside(s.p, s.n, data, len));
	}
	HOLDS(!trace_fields_json(NULL, &ev, NULL, &json));
	buf_free(&json);
	free(data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span text = { (const char *)data, n }, line = { 0 }, rest = text;
	struct kbuf_layout l;
	struct ev_format *f;
	char name[64];

	for (int big = 0; big < 2; big++)
		if (!kbuf_layout_parse(&l, text, big))
			HOLDS((l.commit_size == 4 || l.commit_size == 8) && l.commit_offset >= 8 &&
			      l.data_offset >= l.commit_offset + l.commit_size);
	span_line(&rest, &line);
	if (!span_starts(line, "name: "))
		return 0;
	span_copy((struct span){ line.p + 6, line.n - 6 }, name, sizeof(name));
	for (int big = 0; big < 2; big++) {
		if (format_parse(&f, "skb", name, text, big, big ? 4 : 8))
			continue;
		HOLDS(!strcmp(f->type.name, name) && f->min_len <= UINT16_MAX * 2U);
		for (int x = 0; x < F_COUNT; x++)
			check_ref(f, &f->ref[x]);
		for (size_t i = 0; i < f->n_fields; i++) {
			HOLDS(fuzz_cstr(f->fields[i].name, sizeof(f->fields[i].name)));
			check_ref(f, &f->fields[i].ref);
			for (size_t s = 0; s < f->fields[i].n_symbols; s++)
				HOLDS(f->fields[i].symbols[s].name);
		}
		decode(f, f->min_len, 0);
		decode(f, f->min_len, 37);
		decode(f, f->min_len + 9, 1);
		format_free(f);
	}
	return 0;
}
