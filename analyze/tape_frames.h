/* SPDX-License-Identifier: MIT */
/* tape_frames: where the frames of a tape are. Inside of tape_read; others include that. */
#ifndef SKBTAPE_TAPE_FRAMES_H
#define SKBTAPE_TAPE_FRAMES_H

#include "../schema/tape.h"

/* The file that a tape is read from. */
struct tape_file {
	int fd;
	char *path;
	uint64_t bytes; /* its length when it was opened */
	bool directory;
};

struct tape_frame {
	uint64_t at; /* where its compressed bytes really start */
	struct tape_trailer tr;
	bool bad; /* while searching: only its trailer is of use */
};

struct tape_frames {
	struct tape_frame *v; /* in file order, sequence numbers growing */
	size_t n, cap;
	uint32_t bad; /* whole by their trailer, but damaged */
	uint64_t gap; /* sequence numbers that never came */
};

/* tape_file_read() - @n bytes at @at, all of them. Return: 0, -EIO, or the errno of pread(2). */
int tape_file_read(const struct tape_file *f, uint64_t at, void *to, size_t n, struct err *e);

/**
 * tape_frames_find() - find the frames whose trailer and compressed bytes are whole
 * @out: emptied first; @out->v is the caller's to free(), also after a failure
 * Return: 0 (also where there are none), -ENOMEM, or as tape_file_read().
 */
int tape_frames_find(const struct tape_file *f, struct tape_frames *out, struct err *e);

/* tape_file_foreign() - say what a file without any frame is. Return: -EINVAL, or as
 * tape_file_read(). */
int tape_file_foreign(const struct tape_file *f, struct err *e);

#endif
