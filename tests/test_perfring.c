/* SPDX-License-Identifier: MIT */
#include "../analyze/perfring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void put(struct buf *b, bool big, uint64_t v, int n)
{
	for (int i = 0; i < n; i++) {
		uint8_t x = (uint8_t)(v >> 8 * (big ? n - 1 - i : i));

		buf_put(b, &x, 1);
	}
}

static void head(struct buf *b, bool big, uint32_t type, uint16_t size)
{
	put(b, big, type, 4);
	put(b, big, 0, 2);
	put(b, big, size, 2);
}

static void sample(struct buf *b, bool big, uint64_t ts, uint64_t what)
{
	head(b, big, 9, 8 + 8 + 8 + 8 + 4 + 12);
	put(b, big, 7, 4);
	put(b, big, 7, 4);
	put(b, big, ts, 8);
	put(b, big, 1, 4);
	put(b, big, 0, 4);
	put(b, big, 12, 4);
	put(b, big, what, 8);
	put(b, big, 0, 4);
}

static void lost(struct buf *b, bool big, uint64_t n)
{
	head(b, big, 2, 24);
	put(b, big, 3, 8);
	put(b, big, n, 8);
}

static struct perf_layout layout;

static int add(struct perfring *p, const struct buf *records, bool *bad)
{
	struct buf b = { 0 };
	int rc;

	buf_put(&b, records->data, records->len);
	rc = perfring_add(p, &layout, &b, bad);
	buf_free(&b);
	return rc;
}

static void layout_of(bool big)
{
	perf_layout_free(&layout);
	assert_int_equal(perf_layout_tape(&layout, big), 0);
}

static void gives(struct perfring *p, bool all, uint64_t ts, uint64_t n)
{
	struct kbuf_event ev;
	uint64_t l;

	assert_int_equal(perfring_next(p, &layout, all, &ev, &l), 1);
	assert_int_equal(ev.ts, ts);
	assert_int_equal(ev.len, 12);
	assert_int_equal(l, n);
}

static void nothing(struct perfring *p, bool all)
{
	struct kbuf_event ev;
	uint64_t l;

	assert_int_equal(perfring_next(p, &layout, all, &ev, &l), 0);
}

/* An interrupt's samples stand in front of the one that it interrupted, also where a member ends
 * between them. */
static void order(void **state)
{
	(void)state;
	for (int big = 0; big < 2; big++) {
		const uint64_t ms = 1000000;
		struct perfring p = { 0 };
		struct buf b = { 0 };
		bool bad;

		layout_of(big);
		sample(&b, big, 12 * ms, 1);
		sample(&b, big, 10 * ms, 2);
		lost(&b, big, 5);
		sample(&b, big, 300 * ms, 3);
		assert_int_equal(add(&p, &b, &bad), 0);
		assert_false(bad);
		gives(&p, false, 10 * ms, 0);
		gives(&p, false, 12 * ms, 0);
		nothing(&p, false);
		b.len = 0;
		sample(&b, big, 299 * ms, 4);
		sample(&b, big, 500 * ms, 5);
		assert_int_equal(add(&p, &b, &bad), 0);
		gives(&p, false, 299 * ms, 0);
		gives(&p, false, 300 * ms, 5);
		nothing(&p, false);
		gives(&p, true, 500 * ms, 0);
		nothing(&p, true);
		perfring_free(&p);
		buf_free(&b);
	}
}

/* Lengths that are not there. */
static void claims(void **state)
{
	static const struct {
		size_t at;
		uint8_t v;
	} cases[] = { { 6, 0 }, { 6, 7 }, { 7, 0xff }, { 32, 0xff }, { 35, 0xff }, { 23, 0x80 } };

	(void)state;
	layout_of(false);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct perfring p = { 0 };
		struct buf b = { 0 };
		bool bad;

		sample(&b, false, 1, 1);
		b.data[cases[i].at] = cases[i].v;
		assert_int_equal(add(&p, &b, &bad), 0);
		assert_true(bad);
		nothing(&p, true);
		perfring_free(&p);
		buf_free(&b);
	}
}

static void random_bytes(void **state)
{
	(void)state;
	srand(1);
	layout_of(false);
	for (int i = 0; i < 3000; i++) {
		struct perfring p = { 0 };
		struct kbuf_event ev;
		struct buf b = { 0 };
		uint64_t l, last = 0, n = 0;
		bool bad;

		for (int k = 0; k < 8; k++)
			if (rand() % 4)
				sample(&b, false, (uint64_t)rand(), 1);
			else
				lost(&b, false, (uint64_t)rand());
		for (int k = rand() % 6; k > 0; k--)
			b.data[(size_t)rand() % b.len] = (uint8_t)rand();
		assert_int_equal(add(&p, &b, &bad), 0);
		while (perfring_next(&p, &layout, true, &ev, &l)) {
			assert_true(ev.ts >= last && ev.data >= p.member.data &&
				    ev.data + ev.len <= p.member.data + p.member.len);
			last = ev.ts;
			n++;
		}
		assert_true(n <= 8 * 6);
		perfring_free(&p);
		buf_free(&b);
	}
}

/* In any order, over members of any size: as sorted, those of equal time as they came. */
static void any_order(void **state)
{
	(void)state;
	srand(2);
	layout_of(false);
	layout.wait_ns = INT64_MAX;
	for (int i = 0; i < 50; i++) {
		static int sent[1000];
		int count = 1 + rand() % 400, spread = 1 + rand() % 600, got = 0, last = -1;
		struct perfring p = { 0 };
		struct kbuf_event ev;
		struct buf b = { 0 };
		uint64_t l;
		bool bad;

		memset(sent, 0, sizeof(sent));
		for (int k = 0; k < count; k++) {
			int ts = k + rand() % spread;

			sent[ts]++;
			sample(&b, false, (uint64_t)ts, (uint64_t)k << 32 | (uint32_t)ts);
			if (k + 1 < count && rand() % 50)
				continue;
			assert_int_equal(add(&p, &b, &bad), 0);
			assert_false(bad);
			b.len = 0;
		}
		for (int ts = 0; ts < 1000; ts++) {
			last = -1;
			for (; sent[ts]; sent[ts]--, got++) {
				struct rd r;
				uint64_t v;

				assert_int_equal(perfring_next(&p, &layout, true, &ev, &l), 1);
				assert_int_equal(ev.ts, ts);
				rd_init(&r, ev.data, ev.len);
				v = rd_le64(&r);
				assert_int_equal((uint32_t)v, ts);
				assert_true((int)(v >> 32) > last);
				last = (int)(v >> 32);
			}
		}
		assert_int_equal(got, count);
		nothing(&p, true);
		perfring_free(&p);
		buf_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(order),
		cmocka_unit_test(claims),
		cmocka_unit_test(random_bytes),
		cmocka_unit_test(any_order),
	};

	int rc = cmocka_run_group_tests(tests, NULL, NULL);

	perf_layout_free(&layout);
	return rc;
}
