/* SPDX-License-Identifier: MIT */
#include "../analyze/kbuf.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <kbuffer.h>

#define PAGES "fixtures/pages"

static const struct kbuf_layout le64 = { 8, 8, 16, false };
static const struct kbuf_layout le32 = { 8, 4, 12, false };
static const struct kbuf_layout be64 = { 8, 8, 16, true };
static const struct kbuf_layout be32 = { 8, 4, 12, true };

/* ---- making pages ---- */

static void put(struct buf *b, const struct kbuf_layout *l, uint64_t v, int n)
{
	uint8_t x[8];

	for (int i = 0; i < n; i++)
		x[l->big_endian ? n - 1 - i : i] = (uint8_t)(v >> 8 * i);
	buf_put(b, x, (size_t)n);
}

static void head(struct buf *b, const struct kbuf_layout *l, unsigned int type, uint32_t delta)
{
	put(b, l, l->big_endian ? type << 27 | delta : type | delta << 5, 4);
}

static void words(struct buf *b, const struct kbuf_layout *l, int n)
{
	for (int i = 0; i < n; i++)
		put(b, l, 0xa5a50000U + (uint32_t)i, 4);
}

/* A page of 4096 bytes with @data; what is left behind it begins with @extra. */
static uint8_t *page_of(const struct kbuf_layout *l, uint64_t ts, uint64_t flags,
			const struct buf *data, uint64_t extra)
{
	struct buf b = { 0 };

	put(&b, l, ts, 8);
	put(&b, l, flags | data->len, (int)l->commit_size);
	buf_put(&b, data->data, data->len);
	put(&b, l, extra, (int)l->commit_size);
	assert_true(b.len <= 4096);
	buf_reserve(&b, 4096 - b.len);
	memset(b.data + b.len, 0xee, 4096 - b.len);
	return b.data;
}

/* ---- tests ---- */

static bool same_layout(const struct kbuf_layout *a, const struct kbuf_layout *b)
{
	return a->commit_offset == b->commit_offset && a->commit_size == b->commit_size &&
	       a->data_offset == b->data_offset && a->big_endian == b->big_endian;
}

static void layouts(void **state)
{
	static const char text64[] = "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
				     "\tfield: local_t commit;\toffset:8;\tsize:8;\tsigned:1;\n"
				     "\tfield: int overwrite;\toffset:8;\tsize:1;\tsigned:1;\n"
				     "\tfield: char data;\toffset:16;\tsize:4080;\tsigned:0;\n";
	static const char text32[] = "\tfield: u64 timestamp;\toffset:0;\tsize:8;\tsigned:0;\n"
				     "\tfield: local_t commit;\toffset:8;\tsize:4;\tsigned:1;\n"
				     "\tfield: char data;\toffset:12;\tsize:4084;\tsigned:1;\n";
	static const char *const bad[] = {
		"",
		"field: u64 timestamp; offset:0; size:8;\nfield: local_t commit; offset:8; "
		"size:8;\n",
		"field: u64 timestamp; offset:0; size:8;\nfield: local_t commit; offset:4; "
		"size:8;\n"
		"field: char data; offset:16; size:1;\n",
		"field: u64 timestamp; offset:0; size:8;\nfield: local_t commit; offset:8; "
		"size:8;\n"
		"field: char data; offset:12; size:1;\n",
		"field: u64 timestamp; offset:0; size:8;\nfield: local_t commit; offset:8; "
		"size:3;\n"
		"field: char data; offset:16; size:1;\n",
		"field: u64 timestamp; offset:0; size:8;\nfield: local_t commit; offset:8; "
		"size:8;\n"
		"field: char data; offset:99999999999999999999; size:1;\n",
	};
	struct kbuf_layout l;

	(void)state;
	assert_int_equal(kbuf_layout_parse(&l, SPAN_LIT(text64), false), 0);
	assert_true(same_layout(&l, &le64));
	assert_int_equal(kbuf_layout_parse(&l, SPAN_LIT(text32), true), 0);
	assert_true(same_layout(&l, &be32));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(
			kbuf_layout_parse(&l, (struct span){ bad[i], strlen(bad[i]) }, false),
			-EINVAL);
}

static void all_types(void **state)
{
	static const struct kbuf_layout *const all[] = { &le64, &le32, &be64, &be32 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		const struct kbuf_layout *l = all[i];
		uint64_t ts = (5ULL << 59) + 1000;
		struct buf d = { 0 };
		struct kbuf_event ev;
		struct kbuf k;
		uint8_t *p;

		head(&d, l, 2, 10); /* 8 bytes */
		words(&d, l, 2);
		head(&d, l, 0, 5); /* 120 bytes, the length says so */
		put(&d, l, 124, 4);
		words(&d, l, 30);
		head(&d, l, 29, 7); /* discarded: its time counts */
		put(&d, l, 12, 4);
		words(&d, l, 2);
		head(&d, l, 30, 3); /* 2^27 * 2 + 3 later */
		put(&d, l, 2, 4);
		head(&d, l, 28, 0);
		words(&d, l, 28);
		head(&d, l, 31, 1); /* absolute, the top bits are those before */
		put(&d, l, 0x10, 4);
		head(&d, l, 1, 1);
		words(&d, l, 1);
		head(&d, l, 29, 0); /* padding to the end */
		words(&d, l, 50);
		p = page_of(l, ts, 0, &d, 0);
		assert_int_equal(kbuf_page(&k, l, p, 4096), 0);
		assert_int_equal(k.missed, 0);
		assert_int_equal(kbuf_next(&k, &ev), 1);
		assert_true(ev.ts == ts + 10);
		assert_int_equal(ev.len, 8);
		assert_ptr_equal(ev.data, p + l->data_offset + 4);
		assert_int_equal(kbuf_next(&k, &ev), 1);
		assert_true(ev.ts == ts + 15);
		assert_int_equal(ev.len, 120);
		assert_ptr_equal(ev.data, p + l->data_offset + 20);
		assert_int_equal(kbuf_next(&k, &ev), 1);
		assert_true(ev.ts == ts + 22 + (2U << 27) + 3);
		assert_int_equal(ev.len, 112);
		assert_int_equal(kbuf_next(&k, &ev), 1);
		/* 0x10 << 27 | 1 is later than 1000 and the extension: no wrap */
		assert_true(ev.ts == (5ULL << 59) + (0x10ULL << 27) + 2);
		assert_int_equal(kbuf_next(&k, &ev), 0);
		assert_int_equal(kbuf_next(&k, &ev), 0);
		assert_false(k.bad);
		free(p);
		buf_free(&d);
	}
}

static void absolute_wraps(void **state)
{
	uint64_t ts = (6ULL << 59) - 100;
	struct buf d = { 0 };
	struct kbuf_event ev;
	struct kbuf k;
	uint8_t *p;

	(void)state;
	head(&d, &le64, 31, 50); /* the 59 bits started again */
	put(&d, &le64, 0, 4);
	head(&d, &le64, 1, 0);
	words(&d, &le64, 1);
	p = page_of(&le64, ts, 0, &d, 0);
	assert_int_equal(kbuf_page(&k, &le64, p, 4096), 0);
	assert_int_equal(kbuf_next(&k, &ev), 1);
	assert_true(ev.ts == (6ULL << 59) + 50);
	free(p);
	buf_free(&d);
}

static void missed(void **state)
{
	static const struct {
		uint64_t flags, extra, expect;
	} cases[] = {
		{ 0, 77, 0 },
		{ 1U << 30, 77, 0 }, /* stored what was not missed */
		{ 1U << 31, 77, UINT64_MAX },
		{ 3U << 30, 77, 77 },
		{ 3U << 30, 0, UINT64_MAX },
		{ 0xffffffffc0000000, 649, 649 }, /* as x86-64 has it */
	};
	struct buf d = { 0 }, full = { 0 };
	struct kbuf k;
	uint8_t *p;

	(void)state;
	head(&d, &le64, 1, 0);
	words(&d, &le64, 1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		p = page_of(&le64, 1, cases[i].flags, &d, cases[i].extra);
		assert_int_equal(kbuf_page(&k, &le64, p, 4096), 0);
		assert_true(k.missed == cases[i].expect);
		free(p);
	}
	/* no room behind the data for the number */
	words(&full, &le64, 1019);
	p = page_of(&le64, 1, 3U << 30, &d, 5);
	memcpy(p + 16, full.data, full.len);
	p[8] = (uint8_t)full.len;
	p[9] = (uint8_t)(full.len >> 8);
	assert_int_equal(kbuf_page(&k, &le64, p, 4096), 0);
	assert_true(k.missed == UINT64_MAX);
	free(p);
	buf_free(&d);
	buf_free(&full);
}

/* A page that claims more than it has. */
static void claims(void **state)
{
	struct buf d = { 0 };
	struct kbuf_event ev;
	struct kbuf k;
	uint8_t *p;

	(void)state;
	/* commit beyond the page */
	p = page_of(&le64, 1, 0x10000, &d, 0);
	assert_int_equal(kbuf_page(&k, &le64, p, 4096), -EINVAL);
	assert_true(k.bad);
	assert_int_equal(kbuf_next(&k, &ev), 0);
	assert_int_equal(kbuf_page(&k, &le64, p, 15), -EINVAL);
	assert_int_equal(kbuf_page(&k, &le64, p, 0), -EINVAL);
	free(p);
	/* events beyond the data: short, long, padding, the two words cut */
	for (int i = 0; i < 6; i++) {
		buf_reset(&d);
		head(&d, &le64, 1, 0);
		words(&d, &le64, 1);
		switch (i) {
		case 0:
			head(&d, &le64, 5, 0);
			words(&d, &le64, 4);
			break;
		case 1:
			head(&d, &le64, 0, 0);
			put(&d, &le64, 0xffffffff, 4);
			break;
		case 2:
			head(&d, &le64, 29, 1);
			put(&d, &le64, 4096, 4);
			break;
		case 3:
			head(&d, &le64, 30, 1);
			break;
		case 4:
			head(&d, &le64, 0, 0);
			put(&d, &le64, 3, 4); /* less than its own word */
			break;
		case 5:
			put(&d, &le64, 0, 2);
			break;
		}
		p = page_of(&le64, 1, 0, &d, 0);
		assert_int_equal(kbuf_page(&k, &le64, p, 4096), 0);
		assert_int_equal(kbuf_next(&k, &ev), 1);
		assert_int_equal(kbuf_next(&k, &ev), -EINVAL);
		assert_true(k.bad);
		assert_int_equal(kbuf_next(&k, &ev), 0);
		free(p);
	}
	buf_free(&d);
}

/* Pages that kernels made: the same events as libtraceevent sees. */
static void as_kbuffer(const char *file)
{
	struct kbuffer *kb = kbuffer_alloc(KBUFFER_LSIZE_8, KBUFFER_ENDIAN_LITTLE);
	uint8_t page[4096];
	unsigned long long ts;
	struct kbuf_event ev;
	struct kbuf k;
	void *theirs;
	FILE *f = fopen(file, "rb");
	int n = 0;

	assert_non_null(f);
	assert_non_null(kb);
	while (fread(page, sizeof(page), 1, f) == 1) {
		uint64_t lost;

		assert_int_equal(kbuffer_load_subbuffer(kb, page), 0);
		assert_int_equal(kbuf_page(&k, &le64, page, sizeof(page)), 0);
		lost = k.missed == UINT64_MAX ? (uint64_t)-1 : k.missed;
		assert_true((uint64_t)(int64_t)kbuffer_missed_events(kb) == lost);
		theirs = kbuffer_read_event(kb, &ts);
		while (theirs) {
			assert_int_equal(kbuf_next(&k, &ev), 1);
			assert_ptr_equal(ev.data, theirs);
			assert_true(ev.ts == ts);
			assert_int_equal(ev.len, kbuffer_event_size(kb));
			theirs = kbuffer_next_event(kb, &ts);
			n++;
		}
		assert_int_equal(kbuf_next(&k, &ev), 0);
		assert_false(k.bad);
	}
	assert_true(n > 0);
	fclose(f);
	kbuffer_free(kb);
}

static void corpus(void **state)
{
	DIR *d = opendir(PAGES);
	struct dirent *de;
	int n = 0;

	(void)state;
	assert_non_null(d);
	while ((de = readdir(d))) {
		char path[sizeof(PAGES) + sizeof(de->d_name)];

		if (de->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", PAGES, de->d_name);
		as_kbuffer(path);
		n++;
	}
	closedir(d);
	assert_true(n >= 10);
}

/* Whatever a page holds: events lie inside it, one behind the other, and the walk ends. */
static void walk(const struct kbuf_layout *l, const uint8_t *page, size_t n)
{
	const uint8_t *after = page;
	struct kbuf_event ev;
	struct kbuf k;
	size_t events = 0;
	int rc;

	if (kbuf_page(&k, l, page, n)) {
		assert_true(k.bad);
		return;
	}
	while ((rc = kbuf_next(&k, &ev)) == 1) {
		assert_true(ev.data >= after + 4);
		assert_true(ev.len <= (size_t)(page + n - ev.data));
		after = ev.data + ev.len;
		assert_true(++events <= n / 4);
	}
	assert_int_equal(k.bad, rc < 0);
	assert_int_equal(kbuf_next(&k, &ev), 0);
}

static void random_pages(void **state)
{
	static const struct kbuf_layout *const all[] = { &le64, &le32, &be64, &be32 };
	uint8_t page[4096], *exact;
	struct dirent *de;
	DIR *d;

	(void)state;
	srand(1);
	for (int i = 0; i < 20000; i++) {
		const struct kbuf_layout *l = all[i % 4];
		size_t n = (size_t)rand() % 512;

		/* exactly as long as it says, so that ASan sees a byte too many */
		exact = malloc(n ? n : 1);
		assert_non_null(exact);
		for (size_t k = 0; k < n; k++)
			exact[k] = (uint8_t)(rand() >> 7);
		if (n > 16) {
			memset(exact + 8, 0, l->commit_size);
			exact[l->big_endian ? 8 + l->commit_size - 1 : 8] =
				(uint8_t)(n - l->data_offset);
			exact[l->big_endian ? 8 + l->commit_size - 2 : 9] =
				(uint8_t)((n - l->data_offset) >> 8);
		}
		walk(l, exact, n);
		free(exact);
	}
	/* real ones with some bytes changed */
	d = opendir(PAGES);
	assert_non_null(d);
	while ((de = readdir(d))) {
		char path[sizeof(PAGES) + sizeof(de->d_name)];
		FILE *f;

		if (de->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", PAGES, de->d_name);
		f = fopen(path, "rb");
		assert_non_null(f);
		assert_int_equal(fread(page, sizeof(page), 1, f), 1);
		fclose(f);
		exact = malloc(sizeof(page));
		assert_non_null(exact);
		for (int i = 0; i < 2000; i++) {
			memcpy(exact, page, sizeof(page));
			for (int k = rand() % 8; k >= 0; k--)
				exact[(size_t)rand() % sizeof(page)] = (uint8_t)rand();
			walk(&le64, exact, sizeof(page));
		}
		free(exact);
	}
	closedir(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(layouts),	  cmocka_unit_test(all_types),
		cmocka_unit_test(absolute_wraps), cmocka_unit_test(missed),
		cmocka_unit_test(claims),	  cmocka_unit_test(corpus),
		cmocka_unit_test(random_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
