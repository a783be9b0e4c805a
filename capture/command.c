/* SPDX-License-Identifier: MIT */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child: exec, or say through the pipe why not. */
static __attribute__((noreturn)) void run(char *const *argv, const struct command_env *env,
					  int report)
{
	int code;

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

int command_start(char *const *argv, const struct command_env *env, pid_t *out, struct err *e)
{
	int fds[2], code = 0;
	ssize_t n;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC))
		return err_sys(e, "cannot start '%s'", argv[0]);
	pid = fork();
	if (pid < 0) {
		int rc = err_sys(e, "cannot start '%s'", argv[0]);

		close(fds[0]);
		close(fds[1]);
		return rc;
	}
	if (!pid)
		run(argv, env, fds[1]);
	close(fds[1]);
	do
		n = read(fds[0], &code, sizeof(code));
	while (n < 0 && errno == EINTR);
	close(fds[0]);
	if (n > 0) {
		waitpid(pid, NULL, 0);
		return err_set(e, -code, "cannot start '%s': %s", argv[0], strerror(code));
	}
	*out = pid;
	return 0;
}

bool command_reap(pid_t pid, int *status)
{
	int s;

	if (waitpid(pid, &s, WNOHANG) != pid)
		return false;
	*status = WIFSIGNALED(s) ? 128 + WTERMSIG(s) : WEXITSTATUS(s);
	return true;
}
