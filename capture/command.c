/* SPDX-License-Identifier: MIT */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child: exec, or say through the pipe why not. */
static __attribute__((noreturn)) void run(char *const *argv, const struct command_env *env, int go,
					  int report)
{
	int code;
	char c;

	while ((code = (int)read(go, &c, 1)) < 0 && errno == EINTR)
		;
	if (code != 1)
		_exit(127);
	/* ignored signals would stay ignored over exec (execve(2)), so would the mask */
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	sigprocmask(SIG_SETMASK, &env->mask, NULL);
	setrlimit(RLIMIT_NOFILE, &env->files);
	if (env->stdout_is_tape)
		dup2(STDERR_FILENO, STDOUT_FILENO);
	execvp(argv[0], argv);
	code = errno;
	if (write(report, &code, sizeof(code)) < 0) {
		/* the exit status says it as well as it can */
	}
	_exit(127);
}

static void close_pair(const int *fds)
{
	close(fds[0]);
	close(fds[1]);
}

int command_prepare(struct command *c, char *const *argv, const struct command_env *env, struct err *e)
{
	int go[2], report[2], rc;
	pid_t pid;

	if (pipe2(go, O_CLOEXEC))
		return err_sys(e, "cannot start '%s'", argv[0]);
	if (pipe2(report, O_CLOEXEC)) {
		rc = err_sys(e, "cannot start '%s'", argv[0]);
		close_pair(go);
		return rc;
	}
	pid = fork();
	if (pid < 0) {
		rc = err_sys(e, "cannot start '%s'", argv[0]);
		close_pair(go);
		close_pair(report);
		return rc;
	}
	if (!pid) {
		close(go[1]);
		run(argv, env, go[0], report[1]);
	}
	close(go[0]);
	close(report[1]);
	*c = (struct command){ .pid = pid, .go = go[1], .report = report[0] };
	return 0;
}

int command_start(struct command *c, const char *name, bool go, struct err *e)
{
	int code = 0, rc = 0;
	ssize_t n = 0;

	if (go && write(c->go, "", 1) != 1)
		rc = err_sys(e, "cannot start '%s'", name);
	close(c->go);
	while (go && !rc && (n = read(c->report, &code, sizeof(code))) < 0 && errno == EINTR)
		;
	close(c->report);
	if (n > 0)
		rc = err_set(e, -code, "cannot start '%s': %s", name, strerror(code));
	if (rc || !go) {
		waitpid(c->pid, NULL, 0);
		c->pid = 0;
	}
	return rc;
}

bool command_reap(pid_t pid, int *status)
{
	int s;

	if (waitpid(pid, &s, WNOHANG) != pid)
		return false;
	*status = WIFSIGNALED(s) ? 128 + WTERMSIG(s) : WEXITSTATUS(s);
	return true;
}
