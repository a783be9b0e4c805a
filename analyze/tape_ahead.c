/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * One thread, one frame at a time, under one lock: the reader says which frame it
 * wants next and goes on with the one it has. What the thread could not unpack the
 * reader unpacks again, for the message; so the result is the same with the thread
 * and without it.
 */
#include "tape_ahead.h"
#include "thread.h"

#include <errno.h>
#include <stdlib.h>

enum state { IDLE, WANTED, BUSY, DONE, FAILED };

struct tape_ahead {
	const struct tape_file *file;
	const struct tape_frames *frames;
	ZSTD_DCtx *zstd;
	struct buf packed, raw;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t change;
	enum state state;
	uint32_t frame;
	bool quit;
};

int tape_unpack(const struct tape_file *file, const struct tape_frame *f, ZSTD_DCtx *zstd, struct buf *packed,
		struct buf *raw, struct err *e)
{
	const struct tape_trailer *tr = &f->tr;
	size_t n;
	int rc;

	buf_reset(packed);
	buf_reset(raw);
	if (buf_reserve(packed, tr->len_bytes))
		return err_set(e, -ENOMEM, "%s: out of memory", file->path);
	rc = tape_file_read(file, f->at, packed->data, tr->len_bytes, e);
	if (rc)
		return rc;
	/* one frame, with size and checksum (RFC 8878, 3.1.1.1.1: bit 2 of the descriptor) */
	if (ZSTD_findFrameCompressedSize(packed->data, tr->len_bytes) != tr->len_bytes ||
	    ZSTD_getFrameContentSize(packed->data, tr->len_bytes) != tr->raw_bytes || tr->len_bytes < 6 ||
	    !(packed->data[4] & 4))
		return err_set(e, -EBADMSG, "%s: frame %llu is not as TAPE.md says", file->path,
			       (unsigned long long)tr->seq);
	if (buf_reserve(raw, tr->raw_bytes))
		return err_set(e, -ENOMEM, "%s: out of memory", file->path);
	n = ZSTD_decompressDCtx(zstd, raw->data, tr->raw_bytes, packed->data, tr->len_bytes);
	if (ZSTD_isError(n) || n != tr->raw_bytes)
		return err_set(e, -EBADMSG, "%s: frame %llu: zstd: %s", file->path, (unsigned long long)tr->seq,
			       ZSTD_isError(n) ? ZSTD_getErrorName(n) : "too short");
	raw->len = n;
	return 0;
}

static void *run(void *arg)
{
	struct tape_ahead *a = arg;

	pthread_mutex_lock(&a->lock);
	while (!a->quit) {
		struct err e;
		int rc;

		if (a->state != WANTED) {
			pthread_cond_wait(&a->change, &a->lock);
			continue;
		}
		a->state = BUSY;
		pthread_mutex_unlock(&a->lock);
		rc = tape_unpack(a->file, &a->frames->v[a->frame], a->zstd, &a->packed, &a->raw, &e);
		pthread_mutex_lock(&a->lock);
		a->state = rc ? FAILED : DONE;
		pthread_cond_broadcast(&a->change);
	}
	pthread_mutex_unlock(&a->lock);
	return NULL;
}

struct tape_ahead *tape_ahead_open(const struct tape_file *file, const struct tape_frames *frames)
{
	struct tape_ahead *a = calloc(1, sizeof(*a));
	int rc;

	if (!a)
		return NULL;
	a->file = file;
	a->frames = frames;
	a->zstd = ZSTD_createDCtx();
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->change, NULL);
	rc = a->zstd ? thread_start(&a->thread, run, a) : -ENOMEM;
	if (rc) {
		ZSTD_freeDCtx(a->zstd);
		free(a);
		return NULL;
	}
	return a;
}

void tape_ahead_close(struct tape_ahead *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	a->quit = true;
	pthread_cond_broadcast(&a->change);
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->thread, NULL);
	pthread_cond_destroy(&a->change);
	pthread_mutex_destroy(&a->lock);
	ZSTD_freeDCtx(a->zstd);
	buf_free(&a->packed);
	buf_free(&a->raw);
	free(a);
}

bool tape_ahead_take(struct tape_ahead *a, uint32_t i, struct buf *raw)
{
	bool done = false;

	if (!a)
		return false;
	pthread_mutex_lock(&a->lock);
	if (a->state != IDLE && a->frame == i) {
		while (a->state == WANTED || a->state == BUSY)
			pthread_cond_wait(&a->change, &a->lock);
		done = a->state == DONE;
		if (done) {
			struct buf mine = a->raw;

			a->raw = *raw;
			*raw = mine;
		}
		a->state = IDLE;
	}
	pthread_mutex_unlock(&a->lock);
	return done;
}

void tape_ahead_want(struct tape_ahead *a, uint32_t now, uint32_t next)
{
	if (!a || next >= a->frames->n)
		return;
	pthread_mutex_lock(&a->lock);
	if (a->state != BUSY && (a->state == IDLE || a->frame <= now)) {
		a->frame = next;
		a->state = WANTED;
		pthread_cond_broadcast(&a->change);
	}
	pthread_mutex_unlock(&a->lock);
}
