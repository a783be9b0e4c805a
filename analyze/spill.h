/* SPDX-License-Identifier: MIT */
/*
 * spill: bytes that wait for their turn. What does not fit into a little memory
 * goes to an unnamed file, so that waiting costs disk and not memory.
 */
#ifndef SKBTAPE_SPILL_H
#define SKBTAPE_SPILL_H

#include "../schema/base.h"
#include <limits.h>

#define SPILL_PIECE_MAX (64 * KIB) /* one piece has at most as many bytes */

struct spill;

/**
 * spill_open() - an empty one
 * @beside: path beside which the file is made, when it is needed; NULL: in the folder for temporary files
 * Return: 0, -ENOMEM. Freed by spill_close().
 */
int spill_open(struct spill **s, const char *beside);
void spill_close(struct spill *s);

/* spill_put() - add @n bytes, at most SPILL_PIECE_MAX; *at is their place. Return: 0, -ENOMEM, -EIO and the like. */
int spill_put(struct spill *s, const void *p, size_t n, uint64_t *at);
/* spill_get() - the @n bytes at @at, valid until the next call. Return: 0, -ENOMEM, -EIO. Cheap where places grow, or nearly so. */
int spill_get(struct spill *s, uint64_t at, size_t n, const uint8_t **p);
/* spill_patch() - write over the @n bytes at @at. Return: 0, -EIO and the like. */
int spill_patch(struct spill *s, uint64_t at, const void *p, size_t n);
/* spill_bytes() - how many there are, and so the place behind the last one. */
uint64_t spill_bytes(const struct spill *s);

/* spill_make() - a new file beside @beside (as in spill_open()), for reading and writing; its name goes to @path. Return: the
 * descriptor, or a negative errno. */
int spill_make(const char *beside, char path[PATH_MAX]);
/* spill_write() - all @n bytes at the place @at of a file. Return: 0, -EIO and the like. */
int spill_write(int fd, const void *p, size_t n, uint64_t at);

#endif
