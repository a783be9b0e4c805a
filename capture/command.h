/* SPDX-License-Identifier: MIT */
/* command: the COMMAND that a recording accompanies. */
#ifndef SKBTAPE_COMMAND_H
#define SKBTAPE_COMMAND_H

#include "../schema/base.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/types.h>

/* What a child gets back that the recorder changed for itself. */
struct command_env {
	sigset_t mask;
	struct rlimit files;
	bool stdout_is_tape; /* then its output goes to standard error */
};

/* A child that waits for the word to run its program. */
struct command {
	pid_t pid;
	int go, report; /* our ends of its pipes */
};

/**
 * command_prepare() - fork, in our process group, with the rights that we have now
 * Return: 0, or a negative errno with the message.
 */
int command_prepare(struct command *c, char *const *argv, const struct command_env *env, struct err *e);

/**
 * command_start() - let it exec
 * @go: false: it ends instead, without a word
 * Return: 0; -ENOENT, -EACCES ... when it could not be started, with the message.
 */
int command_start(struct command *c, const char *name, bool go, struct err *e);

/* command_reap() - whether it has ended; @status: as a shell's $?: its exit status, or 128 and the
 * signal. */
bool command_reap(pid_t pid, int *status);

#endif
