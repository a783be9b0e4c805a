/* SPDX-License-Identifier: MIT */
/* tape_ahead: a thread that decompresses the frame that will be asked for next. */
#ifndef SKBTAPE_TAPE_AHEAD_H
#define SKBTAPE_TAPE_AHEAD_H

#include "tape_frames.h"

#include <zstd.h>

/**
 * tape_unpack() - the raw bytes of a frame
 * @zstd: @packed: to work with
 * Return: 0; -ENOMEM; -EIO and the like; -EBADMSG when the frame is not what its trailer says.
 */
int tape_unpack(const struct tape_file *file, const struct tape_frame *f, ZSTD_DCtx *zstd, struct buf *packed,
		struct buf *raw, struct err *e);

struct tape_ahead;

/* tape_ahead_open() - for @frames, which do not change any more. Return: NULL where there is no thread to be had. */
struct tape_ahead *tape_ahead_open(const struct tape_file *file, const struct tape_frames *frames);
void tape_ahead_close(struct tape_ahead *a);

/* tape_ahead_take() - frame @i, if the thread has it or is at it: swapped for *raw, whose memory the thread goes on with.
 * Return: whether it was. */
bool tape_ahead_take(struct tape_ahead *a, uint32_t i, struct buf *raw);
/* tape_ahead_want() - frame @next is wanted soon; one behind @now that the thread has already, or is at, comes first. */
void tape_ahead_want(struct tape_ahead *a, uint32_t now, uint32_t next);

#endif
