/* SPDX-License-Identifier: MIT */
#include "tmpfiles.h"
#include "../schema/base.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Read by the signal handler, so fixed memory; a first byte of 0 is a free place. */
static char tmp_path[TMPFILES_MAX][PATH_MAX];

void tmpfiles_add(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(tmp_path); i++) {
		if (!tmp_path[i][0] && strlen(path) < PATH_MAX) {
			strcpy(tmp_path[i], path);
			return;
		}
	}
}

void tmpfiles_done(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(tmp_path); i++)
		if (!strcmp(tmp_path[i], path))
			tmp_path[i][0] = '\0';
}

static void remove_all(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(tmp_path); i++)
		if (tmp_path[i][0])
			unlink(tmp_path[i]);
	for (size_t i = 0; i < ARRAY_SIZE(tmp_path); i++) /* folders, empty by now */
		if (tmp_path[i][0])
			rmdir(tmp_path[i]);
}

static void on_crash(int sig)
{
	static const char msg[] = "skbtape: a bug in this program stopped it; the tape is untouched, nothing "
				  "half-written was left. Please report it together with the tape.\n";

	(void)sig;
	remove_all();
	if (write(STDERR_FILENO, msg, sizeof(msg) - 1) < 0)
		_exit(4);
	_exit(4);
}

static void on_signal(int sig)
{
	remove_all();
	signal(sig, SIG_DFL);
	raise(sig);
}

void tmpfiles_guard(void)
{
	static const int crash[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
	static const int end[] = { SIGINT, SIGTERM, SIGHUP };
	/* a handler needs a stack of its own where the crash was the end of the stack */
	static uint8_t stack[64 * KIB];
	const stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction sa = { .sa_handler = on_crash,
				.sa_flags = sigaltstack(&ss, NULL) ? 0 : SA_ONSTACK };

	for (size_t i = 0; i < ARRAY_SIZE(crash); i++)
		sigaction(crash[i], &sa, NULL);
	sa = (struct sigaction){ .sa_handler = on_signal };
	for (size_t i = 0; i < ARRAY_SIZE(end); i++)
		sigaction(end[i], &sa, NULL);
}
