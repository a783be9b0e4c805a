/* SPDX-License-Identifier: MIT */
/* of_tape: which tape a database on the command line was made of, asked before this process is confined. */
#ifndef SKBTAPE_OF_TAPE_H
#define SKBTAPE_OF_TAPE_H

/**
 * of_tape_find() - let the tape of a database be read, too
 * @argc: @argv: the command and its arguments
 *
 * For commands that want a frame's bytes (export --pcapng, --filter) of a database and were not told --tape.
 * The path in table `tape`, and that name beside the database, are handed to confine_allow(). Where it cannot be
 * told nothing is allowed, and the command will say so.
 */
void of_tape_find(int argc, char **argv);

#endif
