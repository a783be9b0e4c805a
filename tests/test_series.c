/* SPDX-License-Identifier: MIT */
#include "../analyze/series.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void test_percentiles(void **state)
{
	struct hist h = { 0 };

	(void)state;
	assert_int_equal(hist_at(&h, 500), 0);
	for (uint64_t i = 1; i <= 100000; i++)
		assert_int_equal(hist_add(&h, i), 0);
	assert_int_equal(h.count, 100000);
	assert_int_equal(h.max, 100000);
	assert_int_equal(h.sum, 100000ULL * 100001 / 2);
	for (unsigned int p = 1; p <= 999; p += 7) {
		uint64_t want = p * 100, got = hist_at(&h, p);

		assert_in_range(got, want - want / 100 - 1, want + want / 100 + 1);
	}
	assert_int_equal(hist_at(&h, 1000), 100000);
	hist_free(&h);
}

static void test_extremes(void **state)
{
	struct hist h = { 0 };

	(void)state;
	hist_add(&h, 0);
	assert_int_equal(hist_at(&h, 1000), 0);
	hist_add(&h, HIST_SUB - 1);
	hist_add(&h, HIST_SUB);
	assert_int_equal(hist_at(&h, 500), HIST_SUB - 1);
	hist_add(&h, UINT64_MAX);
	assert_int_equal(h.max, INT64_MAX);
	/* the middle of its step */
	assert_in_range(hist_at(&h, 1000), INT64_MAX - INT64_MAX / 100, INT64_MAX);
	hist_free(&h);
}

/* Every value stands in the one step around it, and the steps are in order. */
static void test_steps(void **state)
{
	static const uint64_t values[] = { 0, 3, 4, 127, 128, 159, 160, 1000, 1000000, INT64_MAX };
	struct hist h = { 0 };
	struct hist_step s[HIST_STEPS];
	uint64_t all = 0;
	size_t n;

	(void)state;
	assert_int_equal(hist_steps(&h, s), 0);
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		struct hist one = { 0 };

		hist_add(&one, values[i]);
		assert_int_equal(hist_steps(&one, s), 1);
		assert_true(s[0].from <= values[i]);
		assert_true(values[i] < s[0].to || values[i] == INT64_MAX);
		assert_true(s[0].to - s[0].from <= (s[0].from < 4 ? 1 : s[0].from / 4));
		hist_free(&one);
	}
	for (uint64_t v = 1; v < INT64_MAX / 3; v += 1 + v / 9)
		hist_add(&h, v);
	n = hist_steps(&h, s);
	assert_in_range(n, 100, HIST_STEPS);
	for (size_t i = 0; i < n; i++) {
		assert_true(s[i].from < s[i].to && s[i].count);
		assert_true(!i || s[i - 1].to <= s[i].from);
		all += s[i].count;
	}
	assert_int_equal(all, h.count);
	hist_free(&h);
}

static void test_set(void **state)
{
	struct series_set *s;
	struct series *x;
	struct series *const *v;
	size_t n;

	(void)state;
	assert_int_equal(series_open(&s, 1000), 0);
	v = series_sorted(s, &n);
	assert_null(v);
	assert_int_equal(n, 0);
	for (uint64_t k = 2000; k > 0; k--)
		for (uint64_t i = 0; i <= k % 3; i++)
			assert_int_equal(series_add(s, k, k), 0);
	/* the first thousand keys have room, 2000 down to 1001; of the others each value is counted
	 */
	v = series_sorted(s, &n);
	assert_int_equal(n, 1000);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(v[i]->key, 1001 + i);
		assert_int_equal(v[i]->h.count, 1 + (1001 + i) % 3);
		assert_int_equal(v[i]->h.max, 1001 + i);
	}
	assert_int_equal(series_left_out(s), 1000 + 333 * 2 + 334);
	assert_int_equal(series_get(s, 5, &x), 0);
	assert_null(x);
	assert_int_equal(series_get(s, 1500, &x), 0);
	assert_int_equal(x->h.count, 1);
	series_close(s);
	series_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_percentiles),
		cmocka_unit_test(test_extremes),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
