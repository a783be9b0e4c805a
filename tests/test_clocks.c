/* SPDX-License-Identifier: MIT */
#include "../analyze/clocks.h"
#include "tape_make.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SEC   NSEC_PER_SEC
#define EPOCH 1700000000000000000LL

static const char boot_json[] = "{\"format_version\":1,\"trace_clock\":\"boot\",\"start_real_ns\":"
				"1700000000000000000,\"start_mono_ns\":1000000000}";

struct made {
	struct tape *t;
	struct clocks *c;
	struct buf tape;
};

static struct made load(const char *json, const char *clock0, const char *clock1)
{
	struct tape_make *m = tape_make_open(json);
	const char *path = tape_make_path("c.skbtape");
	struct made x;
	struct err e = { 0 };

	if (clock0)
		tape_make_text(m, "clock/000000", clock0);
	tape_make_frame(m);
	if (clock1)
		tape_make_text(m, "clock/000001", clock1);
	x.tape = tape_make_close(m, true, path);
	assert_int_equal(tape_open(&x.t, path, &e), 0);
	assert_int_equal(clocks_load(&x.c, x.t, &e), 0);
	return x;
}

static void unload(struct made *x)
{
	clocks_free(x->c);
	tape_close(x->t);
	buf_free(&x->tape);
}

static void line(struct buf *b, int64_t mono, int64_t real, int64_t boot, int64_t window)
{
	buf_printf(b, "%" PRId64 "\t%" PRId64 "\t%" PRId64 "\t0\t0\t%" PRId64 "\n", mono, real,
		   boot, window);
}

static const char *text(struct buf *b)
{
	buf_put(b, "", 1);
	return (const char *)b->data;
}

static void no_pairs(void **state)
{
	struct made x = load(NULL, NULL, NULL);
	int64_t a, b;

	(void)state;
	assert_int_equal(clocks_count(x.c), 0);
	assert_true(clocks_error_ns(x.c) == INT64_MAX);
	assert_true(clocks_mono_real(x.c, 2 * SEC) == EPOCH + SEC);
	assert_true(clocks_trace_real(x.c, 2 * SEC) == EPOCH + SEC);
	assert_false(clocks_step(x.c, 0, &a, &b));
	unload(&x);
	x = load("{\"format_version\":1,\"start_real_ns\":-5,\"start_mono_ns\":\"x\"}",
		 "junk\n1\t2\n\n", NULL);
	assert_int_equal(clocks_count(x.c), 0);
	assert_true(clocks_mono_real(x.c, 7) == 7);
	unload(&x);
	clocks_free(NULL);
}

static void constant(void **state)
{
	struct buf b = { 0 };
	struct made x;
	int64_t at, size;

	(void)state;
	/* jitter of a few ns, and one pairing that was disturbed */
	for (int i = 0; i < 60; i++)
		line(&b, i * SEC, EPOCH + i * SEC + i % 5 - 2, i * SEC, 50 + i % 7);
	line(&b, 60 * SEC, EPOCH + 60 * SEC + 3000, 60 * SEC, 9000);
	x = load(NULL, text(&b), NULL);
	assert_int_equal(clocks_count(x.c), 61);
	assert_false(clocks_step(x.c, 0, &at, &size));
	assert_true(clocks_mono_real(x.c, 30 * SEC) == EPOCH + 30 * SEC);
	assert_true(clocks_trace_real(x.c, 500) == EPOCH + 500);
	assert_true(clocks_error_ns(x.c) >= 28 && clocks_error_ns(x.c) <= 32);
	unload(&x);
	buf_free(&b);
}

static void steps(void **state)
{
	struct buf b = { 0 }, d = { 0 };
	struct made x;
	int64_t at, size;

	(void)state;
	for (int i = 1; i <= 10; i++)
		line(&b, i * SEC, EPOCH + i * SEC, i * SEC, 60);
	for (int i = 11; i <= 20; i++) /* set back by half a second */
		line(&d, i * SEC, EPOCH + i * SEC - SEC / 2, i * SEC, 60);
	for (int i = 21; i <= 30; i++) /* 2 us forward of that */
		line(&d, i * SEC, EPOCH + i * SEC - SEC / 2 + 2000, i * SEC, 60);
	x = load(NULL, text(&b), text(&d));
	assert_true(clocks_step(x.c, 0, &at, &size));
	assert_true(at == 10 * SEC + SEC / 2 && size == -SEC / 2);
	assert_true(clocks_step(x.c, 1, &at, &size));
	assert_true(at == 20 * SEC + SEC / 2 && size == 2000);
	assert_false(clocks_step(x.c, 2, &at, &size));
	assert_true(clocks_mono_real(x.c, 0) == EPOCH);
	assert_true(clocks_mono_real(x.c, 10 * SEC) == EPOCH + 10 * SEC);
	/* steps are no part of the timeline */
	assert_true(clocks_trace_real(x.c, 11 * SEC) == EPOCH + 11 * SEC);
	assert_true(clocks_trace_real(x.c, 99 * SEC) == EPOCH + 99 * SEC);
	assert_true(clocks_error_ns(x.c) == 30);
	unload(&x);
	buf_free(&b);
	buf_free(&d);
}

/* Stamps of REALTIME around a step come to where the other times are; a step that was noticed at once is placed there. */
static void stamps(void **state)
{
	struct buf b = { 0 };
	struct made x;
	int64_t at, size, t = 2 * SEC + SEC / 10;

	(void)state;
	line(&b, SEC, EPOCH + SEC, SEC, 60);
	line(&b, 2 * SEC, EPOCH + 2 * SEC, 2 * SEC, 60);
	line(&b, 3 * SEC, EPOCH + 3 * SEC + 3600 * SEC, 3 * SEC, 60); /* seen at the next reading */
	line(&b, 4 * SEC, EPOCH + 4 * SEC + 3600 * SEC, 4 * SEC, 60);
	line(&b, 4 * SEC + SEC / 4, EPOCH + 4 * SEC + SEC / 4 + SEC / 2, 4 * SEC + SEC / 4, 60);
	b.len--;
	buf_put(&b, "\t1\n", 3); /* noticed */
	line(&b, 5 * SEC, EPOCH + 5 * SEC + SEC / 2, 5 * SEC, 60);
	x = load(NULL, text(&b), NULL);
	assert_true(clocks_stamp(x.c, EPOCH + SEC) == EPOCH + SEC);
	/* between two readings: after the step already, or not yet */
	assert_true(clocks_stamp(x.c, EPOCH + t + 3600 * SEC) == clocks_mono_real(x.c, t));
	assert_true(clocks_stamp(x.c, EPOCH + t + SEC / 2) == clocks_mono_real(x.c, t + SEC / 2));
	assert_true(clocks_stamp(x.c, EPOCH + 3 * SEC + 3600 * SEC) == EPOCH + 3 * SEC);
	assert_true(clocks_step(x.c, 1, &at, &size));
	assert_true(size == SEC / 2 - 3600 * SEC && at > 4 * SEC + SEC / 4 - SEC / 1000 && at < 4 * SEC + SEC / 4);
	/* a time that no stretch has stays as it is */
	assert_true(clocks_stamp(x.c, EPOCH + 100 * 3600 * SEC) == EPOCH + 100 * 3600 * SEC);
	assert_true(clocks_stamp(x.c, INT64_MAX) == INT64_MAX);
	unload(&x);
	buf_free(&b);
}

/* MONOTONIC stands still while the machine sleeps, BOOTTIME does not: REALTIME was not set. */
static void sleep_and_boot(void **state)
{
	struct buf b = { 0 };
	struct made x;
	int64_t at, size;

	(void)state;
	for (int i = 1; i <= 5; i++)
		line(&b, i * SEC, EPOCH + i * SEC, i * SEC + 7 * SEC, 60);
	for (int i = 6; i <= 10; i++)
		line(&b, i * SEC, EPOCH + (i + 100) * SEC, (i + 107) * SEC, 60);
	x = load(boot_json, text(&b), NULL);
	assert_false(clocks_step(x.c, 0, &at, &size));
	assert_true(clocks_mono_real(x.c, 5 * SEC) == EPOCH + 5 * SEC);
	assert_true(clocks_mono_real(x.c, 6 * SEC) == EPOCH + 106 * SEC);
	assert_true(clocks_trace_real(x.c, 7 * SEC) == EPOCH);
	assert_true(clocks_trace_real(x.c, 117 * SEC) == EPOCH + 110 * SEC);
	unload(&x);
	buf_free(&b);
}

static void hostile(void **state)
{
	struct buf b = { 0 };
	struct made x;
	int64_t at, size, last = INT64_MIN;

	(void)state;
	srand(1);
	for (int i = 0; i < 3000; i++)
		line(&b, (int64_t)rand() << (rand() % 31), (int64_t)rand() << (rand() % 31),
		     (int64_t)rand() << (rand() % 31), rand() % 2000000000);
	buf_printf(&b, "-1\t2\t3\t4\t5\t6\n9223372036854775807\t0\t0\t0\t0\t0\n1\t2\t3\t4\t5\n");
	line(&b, 1LL << 61, 0, 1LL << 61, 0);
	line(&b, 0, 1LL << 61, 0, 0);
	x = load(boot_json, text(&b), NULL);
	assert_true(clocks_count(x.c) > 1000);
	for (size_t i = 0; clocks_step(x.c, i, &at, &size); i++) {
		assert_true(at >= last);
		last = at;
	}
	clocks_trace_real(x.c, UINT64_MAX);
	clocks_trace_real(x.c, 0);
	clocks_mono_real(x.c, INT64_MAX);
	clocks_mono_real(x.c, INT64_MIN);
	unload(&x);
	buf_free(&b);
}

static int clean(void **state)
{
	(void)state;
	tape_make_clean();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_pairs), cmocka_unit_test(constant),
		cmocka_unit_test(steps),
		cmocka_unit_test(stamps),    cmocka_unit_test(sleep_and_boot),
		cmocka_unit_test(hostile),
	};

	return cmocka_run_group_tests(tests, NULL, clean);
}
