/* SPDX-License-Identifier: MIT */
#include "../capture/budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#define MS 1000000LL

/* So many ms at so many thousandths of a CPU, a look each @every ms. Return: ms until it was over, -1: never. */
static int64_t run(struct budget *b, int64_t *now, int64_t *cpu, int64_t ms, int64_t every,
		   int64_t thousandths)
{
	double used = 0;

	for (int64_t i = 0; i < ms; i += every) {
		*now += every * MS;
		*cpu += every * MS * thousandths / 1000;
		if (budget_over(b, *now, *cpu, &used)) {
			assert_true(used > b->percent);
			return i + every;
		}
	}
	return -1;
}

static void holds(void **state)
{
	struct budget b = { .percent = 5 };
	int64_t now = 77 * MS, cpu = 3000 * MS; /* what was used before it began */
	double used;

	(void)state;
	assert_false(budget_over(&b, now, cpu, &used));
	assert_int_equal(run(&b, &now, &cpu, 60000, 250, 50), -1);
	/* a peak of 0.4 s of CPU, then nothing */
	budget_again(&b);
	assert_int_equal(run(&b, &now, &cpu, 400, 100, 1000), -1);
	assert_int_equal(run(&b, &now, &cpu, 60000, 250, 0), -1);
	/* looks of any distance */
	assert_int_equal(run(&b, &now, &cpu, 60000, 1, 45), -1);
	assert_int_equal(run(&b, &now, &cpu, 600000, 30000, 16), -1);
}

static void finds(void **state)
{
	struct budget b = { .percent = 5 };
	int64_t now = 0, cpu = 0, ms;
	double used;

	(void)state;
	assert_false(budget_over(&b, now, cpu, &used));
	/* ten times too much: the window's 500 ms are used up after one second */
	ms = run(&b, &now, &cpu, 10000, 50, 500);
	assert_in_range(ms, 1000, 1100);
	/* again as much is allowed then */
	budget_again(&b);
	ms = run(&b, &now, &cpu, 10000, 50, 500);
	assert_in_range(ms, 1000, 1400);
	/* a little too much: within a window and a half */
	budget_again(&b);
	ms = run(&b, &now, &cpu, 60000, 250, 60);
	assert_in_range(ms, 8000, 15000);
	/* a quiet time before saves nothing up */
	budget_again(&b);
	assert_int_equal(run(&b, &now, &cpu, 100000, 250, 1), -1);
	ms = run(&b, &now, &cpu, 60000, 250, 200);
	assert_in_range(ms, 2000, 2800);
}

static void no_limit(void **state)
{
	struct budget b = { 0 };
	int64_t now = 0, cpu = 0;

	(void)state;
	assert_int_equal(run(&b, &now, &cpu, 100000, 250, 4000), -1);
	assert_true(budget_default() >= 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds),
		cmocka_unit_test(finds),
		cmocka_unit_test(no_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
