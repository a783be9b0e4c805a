/* SPDX-License-Identifier: MIT */
/* crash: stands in the place of a stage (the linker's --wrap) and ends the program as a bug would.
 */
#include "../analyze/ledger.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int __wrap_ledger_build(struct db *d, struct err *e);
int __real_ledger_build(struct db *d, struct err *e);

static volatile uintptr_t nowhere = 8;

/* Each call needs a page of stack; there is no such number of pages. */
static size_t deep(size_t calls)
{
	volatile char here[4096];

	here[0] = (char)calls;
	return calls ? deep(calls - 1) + (size_t)here[0] : 0;
}

int __wrap_ledger_build(struct db *d, struct err *e)
{
	const char *how = getenv("CRASH");

	if (how && !strcmp(how, "abort"))
		abort();
	if (how && !strcmp(how, "null"))
		*(volatile char *)nowhere = 1;
	if (how && !strcmp(how, "stack"))
		return (int)deep(SIZE_MAX);
	if (how && !strcmp(how, "term"))
		raise(SIGTERM);
	return __real_ledger_build(d, e);
}
