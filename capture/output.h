/* SPDX-License-Identifier: MIT */
/* output: the file that a tape is written to. */
#ifndef SKBTAPE_OUTPUT_H
#define SKBTAPE_OUTPUT_H

#include "../schema/base.h"

struct output {
	int fd; /* -1: not open */
	bool is_stdout;
	bool created;	 /* did not exist before */
	char name[4096]; /* for messages */
};

/**
 * output_open() - open the file for a tape, mode 0600
 * @name: NULL: skbtape-HOST-UTCTIME.skbtape in the current directory, which must not exist;
 *        "-": standard output, which must not be a terminal; else a regular file, which is emptied
 * if it exists. Symbolic links are not followed, other kinds of files are refused.
 *
 * Return: 0; -EEXIST, -EINVAL, -EBUSY (another recorder is writing it), the errno of open; with the
 * message.
 */
int output_open(struct output *o, const char *name, struct err *e);
/* output_close() - Return: 0, or the errno of close (a network file system tells late), with the
 * message. */
int output_close(struct output *o, struct err *e);
/* output_discard() - close it, and remove it if output_open() created it. */
void output_discard(struct output *o);

#endif
