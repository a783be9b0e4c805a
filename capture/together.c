/* SPDX-License-Identifier: MIT */
#include "together.h"

#include <pthread.h>
#include <stdatomic.h>

#define FEW	    4 /* not worth a thread */
#define THREADS_MAX 16

struct work {
	void (*one)(void *ctx, size_t i);
	void *ctx;
	size_t n;
	_Atomic size_t next;
};

static void *work_on(void *arg)
{
	struct work *w = arg;
	size_t i;

	while ((i = atomic_fetch_add(&w->next, 1)) < w->n)
		w->one(w->ctx, i);
	return NULL;
}

void together(void (*one)(void *ctx, size_t i), void *ctx, size_t n)
{
	struct work w = { .one = one, .ctx = ctx, .n = n };
	pthread_t thread[THREADS_MAX];
	size_t threads = 0;

	while (n > FEW && threads < THREADS_MAX && threads < n - 1 &&
	       !pthread_create(&thread[threads], NULL, work_on, &w))
		threads++;
	work_on(&w);
	while (threads > 0)
		pthread_join(thread[--threads], NULL);
}
