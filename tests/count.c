/* SPDX-License-Identifier: MIT */
/*
 * count: skbtape for valgrind, which knows neither landlock nor what seccomp leaves of it. With
 * READ_ONLY=1 in the environment the ledger and the findings are left out: what remains is reading
 * the tape.
 */
#include "../analyze/confine.h"
#include "../analyze/findings.h"
#include "../analyze/ledger.h"

#include <stdlib.h>

int __real_findings_run(struct db *d, const char *rules_dir, struct err *e);
int __real_ledger_build(struct db *d, struct err *e);
int __wrap_confine_start(int argc, char **argv);
int __wrap_findings_run(struct db *d, const char *rules_dir, struct err *e);
int __wrap_ledger_build(struct db *d, struct err *e);

int __wrap_confine_start(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

int __wrap_findings_run(struct db *d, const char *rules_dir, struct err *e)
{
	return getenv("READ_ONLY") ? 0 : __real_findings_run(d, rules_dir, e);
}

int __wrap_ledger_build(struct db *d, struct err *e)
{
	return getenv("READ_ONLY") ? 0 : __real_ledger_build(d, e);
}
