/* SPDX-License-Identifier: MIT */
/* analyze: the commands analyze and rules. Each returns the exit status. */
#ifndef SKBTAPE_ANALYZE_H
#define SKBTAPE_ANALYZE_H

int analyze_main(int argc, char **argv);
int rules_main(int argc, char **argv);
/* analyze_version() - the versions of skbtape and its libraries, on stdout. */
void analyze_version(void);

#endif
