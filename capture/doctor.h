/* SPDX-License-Identifier: MIT */
/* doctor: what this host allows to record, what is missing, and how to get it. */
#ifndef SKBTAPE_DOCTOR_H
#define SKBTAPE_DOCTOR_H

#include <stdio.h>

/**
 * doctor_print() - the table, on @f
 * @formats: of perf, as given by --formats; NULL: tracefs
 *
 * Looks only: nothing is changed, no module is loaded.
 * Return: exit status: 0 when everything for profile 'standard' is there, 3 when something is
 * missing.
 */
int doctor_print(FILE *f, const char *formats);

/* doctor_main() - the command `skbtape doctor`. Return: exit status, 2 for wrong usage. */
int doctor_main(int argc, char **argv);

#endif
