/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * The last pieces stand in a buffer; when the next one has no room there it goes to
 * the file, which is made then, so no piece is in both. Reading goes through windows: window k of the file holds the bytes
 * from k * BLOCK on and those of the next block too, so a piece that begins in
 * block k lies in its window as a whole. A reader that goes forward, with a few
 * looks back, reads each block once or twice.
 */
#include "spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAIL_BYTES BUILT_SIZE(MIB, 2 * SPILL_PIECE_MAX)
#define BLOCK	   SPILL_PIECE_MAX
#define WINDOWS	   16

struct window {
	uint64_t block; /* UINT64_MAX: none */
	size_t n;
	uint8_t *data; /* 2 * BLOCK */
};

struct spill {
	char *beside;
	int fd; /* -1: none yet */
	uint64_t tail_at;
	size_t tail_n;
	uint8_t *tail; /* TAIL_BYTES */
	struct window window[WINDOWS];
};

int spill_open(struct spill **out, const char *beside)
{
	struct spill *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->fd = -1;
	for (int i = 0; i < WINDOWS; i++)
		s->window[i].block = UINT64_MAX;
	s->tail = malloc(TAIL_BYTES);
	if (beside)
		s->beside = strdup(beside);
	if (!s->tail || (beside && !s->beside)) {
		spill_close(s);
		return -ENOMEM;
	}
	*out = s;
	return 0;
}

void spill_close(struct spill *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	for (int i = 0; i < WINDOWS; i++)
		free(s->window[i].data);
	free(s->tail);
	free(s->beside);
	free(s);
}

/* The folder for temporary files, the one that SQLite takes too. */
static const char *spill_folder(void)
{
	const char *const dirs[] = {
		getenv("SQLITE_TMPDIR"), getenv("TMPDIR"), "/var/tmp", "/usr/tmp", "/tmp"
	};
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (dirs[i] && !stat(dirs[i], &st) && S_ISDIR(st.st_mode) &&
		    !access(dirs[i], W_OK | X_OK))
			return dirs[i];
	return ".";
}

int spill_make(const char *beside, char path[PATH_MAX])
{
	int n = beside ? snprintf(path, PATH_MAX, "%s-XXXXXX", beside)
		       : snprintf(path, PATH_MAX, "%s/skbtape-XXXXXX", spill_folder());
	int fd;

	if (n < 0 || n >= PATH_MAX)
		return -ENAMETOOLONG;
	fd = mkostemp(path, O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int spill_write(int fd, const void *data, size_t n, uint64_t at)
{
	const uint8_t *p = data;

	while (n) {
		ssize_t k = pwrite(fd, p, n, (off_t)at);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return k ? -errno : -EIO;
		p += k;
		n -= (size_t)k;
		at += (uint64_t)k;
	}
	return 0;
}

static int read_all(int fd, uint8_t *p, size_t n, uint64_t at)
{
	while (n) {
		ssize_t k = pread(fd, p, n, (off_t)at);

		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return k ? -errno : -EIO;
		p += k;
		n -= (size_t)k;
		at += (uint64_t)k;
	}
	return 0;
}

static int tail_write(struct spill *s)
{
	int rc;

	if (s->fd < 0) {
		char path[PATH_MAX];
		int fd = spill_make(s->beside, path);

		if (fd < 0)
			return fd;
		unlink(path);
		s->fd = fd;
	}
	rc = spill_write(s->fd, s->tail, s->tail_n, s->tail_at);
	if (rc)
		return rc;
	s->tail_at += s->tail_n;
	s->tail_n = 0;
	return 0;
}

int spill_put(struct spill *s, const void *p, size_t n, uint64_t *at)
{
	int rc;

	if (n > TAIL_BYTES - s->tail_n) {
		rc = tail_write(s);
		if (rc)
			return rc;
	}
	*at = s->tail_at + s->tail_n;
	memcpy(s->tail + s->tail_n, p, n);
	s->tail_n += n;
	return 0;
}

int spill_patch(struct spill *s, uint64_t at, const void *p, size_t n)
{
	if (at >= s->tail_at) {
		memcpy(s->tail + (at - s->tail_at), p, n);
		return 0;
	}
	for (int i = 0; i < WINDOWS; i++)
		s->window[i].block = UINT64_MAX;
	return spill_write(s->fd, p, n, at);
}

uint64_t spill_bytes(const struct spill *s)
{
	return s->tail_at + s->tail_n;
}

/* The window of the file that begins with @block. */
static int window_load(struct spill *s, uint64_t block, struct window **out)
{
	struct window *w = &s->window[block % WINDOWS];
	uint64_t left = s->tail_at - block * BLOCK;
	size_t n = left < 2 * BLOCK ? (size_t)left : 2 * BLOCK;
	int rc;

	*out = w;
	/* one that was read while the file was shorter is read again */
	if (w->block == block && w->n == n)
		return 0;
	if (!w->data)
		w->data = malloc(2 * BLOCK);
	if (!w->data)
		return -ENOMEM;
	w->block = UINT64_MAX;
	rc = read_all(s->fd, w->data, n, block * BLOCK);
	if (rc)
		return rc;
	w->block = block;
	w->n = n;
	return 0;
}

int spill_get(struct spill *s, uint64_t at, size_t n, const uint8_t **p)
{
	struct window *w;
	int rc;

	if (n > SPILL_PIECE_MAX || at > spill_bytes(s) || n > spill_bytes(s) - at)
		return -EINVAL;
	if (at >= s->tail_at) {
		*p = s->tail + (at - s->tail_at);
		return 0;
	}
	rc = window_load(s, at / BLOCK, &w);
	if (rc)
		return rc;
	*p = w->data + at % BLOCK;
	return 0;
}
