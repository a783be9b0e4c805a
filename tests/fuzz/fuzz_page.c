/* SPDX-License-Identifier: MIT */
/*
 * A ring-buffer page, and its events by the formats of a real kernel: all numbers,
 * texts and the JSON. The first byte of the input picks the kernel and the layout of
 * the page's head, the rest is the page.
 */
#include "fuzz.h"
#include "../../analyze/fields.h"
#include "../../analyze/kbuf.h"

#include <string.h>

#define FORMATS_MAX 512

struct set {
	struct ev_format *f[FORMATS_MAX];
	size_t n;
};

static const char *const kernels[] = { "5.10.0", "6.1.0", "6.12.117", "6.18.44" };
static struct symbols *symbols;

static void load_set(struct set *set, const char *kernel)
{
	char path[64], system[32], event[64];
	struct span all, left, name, word, text;

	snprintf(path, sizeof(path), "fixtures/formats/%s.txt", kernel);
	all = fuzz_slurp(path);
	if (!all.p) {
		fprintf(stderr, "%s: not found; run in the top folder\n", path);
		exit(1);
	}
	left = all;
	while (set->n < FORMATS_MAX && fuzz_part(&left, &name, &text)) {
		HOLDS(span_word(&name, &word));
		span_copy(word, system, sizeof(system));
		HOLDS(span_word(&name, &word));
		span_copy(word, event, sizeof(event));
		if (strcmp(system, "-"))
			HOLDS(!format_parse(&set->f[set->n++], system, event, text, false, 8));
	}
	free((char *)all.p);
	HOLDS(set->n);
}

static void decode(const struct set *set, struct event *ev)
{
	struct buf json = { 0 };
	uint64_t v;
	struct span s;
	int id;

	if (ev->len < 2)
		return;
	id = ev->data[0] | ev->data[1] << 8;
	for (size_t i = 0; i < set->n; i++) {
		if (set->f[i]->type.id != id || ev->len < set->f[i]->min_len)
			continue;
		ev->type = &set->f[i]->type;
		for (int f = 0; f < F_COUNT; f++) {
			event_u64(ev, (enum ev_field)f, &v);
			if (event_text(ev, (enum ev_field)f, &s))
				HOLDS(fuzz_inside(s.p, s.n, ev->data, ev->len) &&
				      (!s.n || !memchr(s.p, 0, s.n)));
		}
		HOLDS(!trace_fields_json(NULL, ev, symbols, &json));
		HOLDS(json.len >= 2 && json.data[0] == '{' && json.data[json.len - 1] == '}');
		for (size_t k = 0; k < json.len; k++)
			HOLDS(json.data[k] >= 0x20);
		buf_reset(&json);
	}
	buf_free(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const char kallsyms[] = "ffffffff81000000 T tcp_v4_rcv\nffffffff81001000 T last\n";
	static struct set sets[ARRAY_SIZE(kernels)];
	struct kbuf_layout l = { 8, 8, 16, false };
	struct kbuf_event ke;
	const struct set *set;
	struct kbuf k;
	size_t walked = 0;
	int rc;

	if (!symbols) {
		struct err e;

		for (size_t i = 0; i < ARRAY_SIZE(kernels); i++)
			load_set(&sets[i], kernels[i]);
		HOLDS(!symbols_load(&symbols, SPAN_LIT(kallsyms), &e));
	}
	if (!n)
		return 0;
	set = &sets[data[0] & 3];
	if (data[0] & 4)
		l = (struct kbuf_layout){ 8, 4, 12, false };
	l.big_endian = data[0] & 8;
	if (kbuf_page(&k, &l, data + 1, n - 1)) {
		HOLDS(k.bad);
		return 0;
	}
	while ((rc = kbuf_next(&k, &ke)) > 0) {
		struct event ev = { .data = ke.data, .len = ke.len, .ts = ke.ts };

		HOLDS(fuzz_inside(ke.data, ke.len, data + 1, n - 1));
		walked += ke.len + 4;
		HOLDS(walked < n);
		if (!l.big_endian)
			decode(set, &ev);
	}
	HOLDS(!rc == !k.bad);
	return 0;
}
