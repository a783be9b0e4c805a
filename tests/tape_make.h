/* SPDX-License-Identifier: MIT */
/*
 * tape_make: small tapes for tests, written with the codec of schema/tape.h and
 * nothing of the recorder, so that a reader is tested against the format and a
 * test can write what no recorder would. Everything that fails ends the test.
 */
#ifndef SKBTAPE_TESTS_TAPE_MAKE_H
#define SKBTAPE_TESTS_TAPE_MAKE_H

#include "../schema/base.h"

struct tape_make;

/**
 * tape_make_open() - start a tape in memory
 * @json: text of tape.json, which gets a frame of its own; NULL: a usual one (mono clock,
 *        4096-byte pages, little endian, 8-byte longs); "": no such frame at all
 */
struct tape_make *tape_make_open(const char *json);
/* tape_make_member() - add a member to the frame that is open. */
void tape_make_member(struct tape_make *m, const char *name, const void *data, size_t n);
void tape_make_text(struct tape_make *m, const char *name, const char *text);
/* tape_make_raw() - add bytes as they are to the frame that is open. */
void tape_make_raw(struct tape_make *m, const void *data, size_t n);
/* tape_make_frame() - close the frame; nothing where it is empty. */
void tape_make_frame(struct tape_make *m);
/* tape_make_level() - zstd's level for the frames that follow */
void tape_make_level(struct tape_make *m, int level);
/* tape_make_seq() - sequence number of the next frame */
void tape_make_seq(struct tape_make *m, uint64_t seq);
/**
 * tape_make_close() - end the tape
 * @whole: with end.json and the end blocks
 * @path:  where to write it, NULL: nowhere
 * Return: its bytes, the caller's to buf_free().
 */
struct buf tape_make_close(struct tape_make *m, bool whole, const char *path);

/* tape_make_file() - write bytes to a file. */
void tape_make_file(const char *path, const void *data, size_t n);
/* tape_make_path() - a path in a fresh temporary directory, "DIR/@name"; static text. The directory
 * goes with tape_make_clean(). */
const char *tape_make_path(const char *name);
void tape_make_clean(void);

#endif
