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

static void gives(struct perfring *p, bool all, uint64_t ts, uint64_t n)
{
	struct kbuf_event ev;
	uint64_t l;

	assert_int_equal(perfring_next(p, all, &ev, &l), 1);
	assert_int_equal(ev.ts, ts);
	assert_int_equal(ev.len, 12);
	assert_int_equal(l, n);
}

static void nothing(struct perfring *p, bool all)
{
	struct kbuf_event ev;
	uint64_t l;

	assert_int_equal(perfring_next(p, all, &ev, &l), 0);
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

		sample(&b, big, 12 * ms, 1);
		sample(&b, big, 10 * ms, 2);
		lost(&b, big, 5);
		sample(&b, big, 300 * ms, 3);
		assert_int_equal(perfring_add(&p, b.data, b.len, big, &bad), 0);
		assert_false(bad);
		gives(&p, false, 10 * ms, 0);
		gives(&p, false, 12 * ms, 0);
		nothing(&p, false);
		b.len = 0;
		sample(&b, big, 299 * ms, 4);
		sample(&b, big, 500 * ms, 5);
		assert_int_equal(perfring_add(&p, b.data, b.len, big, &bad), 0);
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
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct perfring p = { 0 };
		struct buf b = { 0 };
		bool bad;

		sample(&b, false, 1, 1);
		b.data[cases[i].at] = cases[i].v;
		assert_int_equal(perfring_add(&p, b.data, b.len, false, &bad), 0);
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
		assert_int_equal(perfring_add(&p, b.data, b.len, false, &bad), 0);
		while (perfring_next(&p, true, &ev, &l)) {
			assert_true(ev.ts >= last && ev.data >= p.raw.data &&
				    ev.data + ev.len <= p.raw.data + p.raw.len);
			last = ev.ts;
			n++;
		}
		assert_true(n <= 8 * 6);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
