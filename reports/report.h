/* SPDX-License-Identifier: MIT */
/*
 * report: the commands that tell people what a tape holds: report, why, query,
 * info and export. Each takes its own arguments (argv[0] is the command's name) and
 * gives the program's exit status: 0 done, 1 failed, 2 wrong usage, 3 done, but
 * the tape is cut, damaged or lacks a source.
 */
#ifndef SKBTAPE_REPORT_H
#define SKBTAPE_REPORT_H

int report_main(int argc, char **argv);
int why_main(int argc, char **argv);
int query_main(int argc, char **argv);
int info_main(int argc, char **argv);
int export_main(int argc, char **argv);

#endif
