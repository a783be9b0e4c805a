/* SPDX-License-Identifier: MIT */
/* thread: threads that leave signals to the main thread. */
#ifndef SKBTAPE_THREAD_H
#define SKBTAPE_THREAD_H

#include "../schema/base.h"
#include <pthread.h>
#include <signal.h>

/* thread_start() - as pthread_create(3). Signals go to others, but for those that a mistake makes: these end all. */
static inline int thread_start(pthread_t *t, void *(*run)(void *), void *arg)
{
	static const int own[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGSYS };
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		sigdelset(&all, own[i]);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	rc = pthread_create(t, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc;
}

#endif
