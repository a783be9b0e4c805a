/* SPDX-License-Identifier: MIT */
/*
 * confine_try ACTION FILE COMMAND [ARGUMENT]...: what a confined command can do. Confines itself as
 * skbtape does for that command line, then does one thing, with FILE where it needs one. Prints
 * "done" or the errno's name. No sanitizer: these need what is forbidden.
 */
#include "../analyze/confine.h"
#include "../analyze/tmpfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void *nothing(void *arg)
{
	return arg;
}

static long act(const char *what, const char *file)
{
	char *const args[] = { (char *)"true", NULL };
	struct rlimit r = { 0, 0 };
	long rc;

	if (!strcmp(what, "nothing"))
		return 0;
	if (!strcmp(what, "read"))
		return open(file, O_RDONLY | O_CLOEXEC);
	if (!strcmp(what, "write"))
		return open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (!strcmp(what, "remove"))
		return unlink(file);
	if (!strcmp(what, "socket"))
		return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (!strcmp(what, "unix"))
		return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (!strcmp(what, "exec"))
		return execv("/bin/true", args);
	if (!strcmp(what, "fork")) {
		rc = fork();
		if (!rc)
			_exit(0);
		return rc < 0 || waitpid((pid_t)rc, NULL, 0) < 0 ? -1 : 0;
	}
	if (!strcmp(what, "thread")) {
		pthread_t t;

		errno = pthread_create(&t, NULL, nothing, NULL);
		return errno || pthread_join(t, NULL) ? -1 : 0;
	}
	if (!strcmp(what, "ptrace"))
		return ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	if (!strcmp(what, "mount"))
		return mount("none", "/nowhere", "tmpfs", 0, NULL);
	if (!strcmp(what, "kill"))
		return kill(getppid(), 0);
	if (!strcmp(what, "code"))
		return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
			       ? -1
			       : 0;
	if (!strcmp(what, "limit"))
		return setrlimit(RLIMIT_CORE, &r);
	if (!strcmp(what, "crash"))
		abort();
	fprintf(stderr, "confine_try: no action '%s'\n", what);
	exit(2);
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "usage: confine_try ACTION FILE COMMAND [ARGUMENT]...\n");
		return 2;
	}
	tmpfiles_guard();
	if (confine_start(argc - 3, argv + 3))
		return 1;
	errno = 0;
	puts(act(argv[1], argv[2]) >= 0 ? "done" : strerrorname_np(errno));
	return 0;
}
