/* SPDX-License-Identifier: MIT */
/* record: one recording from the command line to the exit status; `skbtape record` and
 * skbtape-record. */
#ifndef SKBTAPE_RECORD_H
#define SKBTAPE_RECORD_H

/**
 * record_main() - record as the command line says
 * @argv: argv[0] is "record" when called by skbtape, else the program's own name
 * Return: exit status: 0 done; 1 failed, or the tape could not be written to its end (disk full); 2
 * wrong usage; 3 written, but a source is missing.
 */
int record_main(int argc, char **argv);

#endif
