/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * One thread decodes, one reads; batches go round between them. A batch holds the
 * bytes of its events, too, so nothing in it points into what the decoder goes on
 * with. Batches are filled and emptied in turn, so two counts under one lock say
 * whose each is; a side waits only where it has caught up with the other one.
 */
#include "trace_ahead.h"
#include "thread.h"

#include <errno.h>
#include <stdlib.h>

#define BATCHES	     3
#define BATCH_EVENTS 8192
#define BATCH_BYTES  (1 * MIB) /* then it is full, too */

struct batch {
	struct event ev[BATCH_EVENTS];
	size_t at[BATCH_EVENTS]; /* of the event's data in bytes */
	size_t n;
	struct buf bytes;
	int end; /* what next() returned behind the last event; 1: there are more */
};

struct trace_ahead {
	int (*next)(struct trace *t, struct event *ev, struct err *e);
	struct trace *t;
	struct batch *batch; /* BATCHES of them */
	size_t used;	     /* of the batch that is read */
	struct err error;
	pthread_t thread;
	bool joined;
	pthread_mutex_t lock;
	pthread_cond_t change;
	uint64_t filled, emptied; /* batches */
	bool quit;
};

static void fill(struct trace_ahead *a, struct batch *b)
{
	b->n = 0;
	b->end = 1;
	buf_reset(&b->bytes);
	while (b->n < BATCH_EVENTS && b->bytes.len < BATCH_BYTES) {
		struct event *ev = &b->ev[b->n];

		b->end = a->next(a->t, ev, &a->error);
		if (b->end <= 0)
			return;
		b->at[b->n++] = b->bytes.len;
		/* one byte at least: there is something to point at */
		if (buf_reserve(&b->bytes, ev->len + 1ULL) || (ev->len && buf_put(&b->bytes, ev->data, ev->len))) {
			b->n--;
			b->end = err_set(&a->error, -ENOMEM, "trace: out of memory");
			return;
		}
	}
}

static void *run(void *arg)
{
	struct trace_ahead *a = arg;
	int end = 1;

	while (end > 0) {
		struct batch *b = &a->batch[a->filled % BATCHES];
		bool quit;

		pthread_mutex_lock(&a->lock);
		while (a->filled - a->emptied == BATCHES && !a->quit)
			pthread_cond_wait(&a->change, &a->lock);
		quit = a->quit;
		pthread_mutex_unlock(&a->lock);
		if (quit)
			break;
		fill(a, b);
		end = b->end;
		pthread_mutex_lock(&a->lock);
		a->filled++;
		pthread_cond_signal(&a->change);
		pthread_mutex_unlock(&a->lock);
	}
	return NULL;
}

struct trace_ahead *trace_ahead_open(int (*next)(struct trace *t, struct event *ev, struct err *e), struct trace *t)
{
	struct trace_ahead *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->next = next;
	a->t = t;
	a->batch = calloc(BATCHES, sizeof(*a->batch));
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->change, NULL);
	if (!a->batch || thread_start(&a->thread, run, a)) {
		a->joined = true;
		trace_ahead_close(a);
		return NULL;
	}
	return a;
}

static void join(struct trace_ahead *a)
{
	if (!a->joined)
		pthread_join(a->thread, NULL);
	a->joined = true;
}

/* The reader is through with its batch. */
static void turn(struct trace_ahead *a)
{
	pthread_mutex_lock(&a->lock);
	a->emptied++;
	pthread_cond_signal(&a->change);
	pthread_mutex_unlock(&a->lock);
	a->used = 0;
}

static void wait_filled(struct trace_ahead *a)
{
	pthread_mutex_lock(&a->lock);
	while (a->filled == a->emptied)
		pthread_cond_wait(&a->change, &a->lock);
	pthread_mutex_unlock(&a->lock);
}

int trace_ahead_next(struct trace_ahead *a, struct event *ev, struct err *e)
{
	struct batch *b = &a->batch[a->emptied % BATCHES];

	if (a->used && a->used == b->n && b->end > 0) {
		turn(a);
		b = &a->batch[a->emptied % BATCHES];
	}
	if (!a->used)
		wait_filled(a);
	if (a->used == b->n) {
		/* only the last one can be empty */
		join(a);
		if (b->end < 0)
			*e = a->error;
		return b->end;
	}
	*ev = b->ev[a->used];
	ev->data = b->bytes.data + b->at[a->used];
	a->used++;
	return 1;
}

void trace_ahead_close(struct trace_ahead *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	a->quit = true;
	pthread_cond_signal(&a->change);
	pthread_mutex_unlock(&a->lock);
	join(a);
	for (size_t i = 0; a->batch && i < BATCHES; i++)
		buf_free(&a->batch[i].bytes);
	free(a->batch);
	pthread_cond_destroy(&a->change);
	pthread_mutex_destroy(&a->lock);
	free(a);
}
