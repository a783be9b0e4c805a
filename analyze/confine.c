/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * Three fences, each on its own harmless where the kernel lacks it:
 *
 * Landlock (Linux 5.13, Documentation/userspace-api/landlock.rst) is given the files
 * that the command line names (and the tape of a database, of_tape.c), to read; the folder of the result and the one that
 * SQLite puts its unnamed files in, to write; and what the C library reads. Which
 * arguments are results is told by the options alone (-o and those of export);
 * where none is given, analyze and report write beside their input.
 *
 * seccomp (seccomp(2)) has three answers: what reading, writing and computing need is
 * allowed; what only an attacker would call is trapped, and ends as a crash with
 * status 4; anything else does not exist (ENOSYS), so that a C library newer than
 * this list falls back to what it used before.
 *
 * Limits: no core file (it would hold the tape), not more memory than the machine
 * has, so that a tape that wants more gives an error instead of the OOM killer.
 */
#include "confine.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CONFINE_SKIP 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) ||                         \
	__has_feature(thread_sanitizer)
#define CONFINE_SKIP 1
#endif
#endif
#ifndef CONFINE_SKIP
#define CONFINE_SKIP 0
#endif

/* include/uapi/linux/landlock.h of later kernels */
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13) /* ABI 2 */
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14) /* ABI 3 */
#endif

#define FS_ABI1	 ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)
#define FS_READ	 (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_WRITE (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)
/* of a folder: make, fill, rename inside it, remove */
#define FS_RESULT                                                                                  \
	(FS_WRITE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |                   \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE)
/* of the folder that a folder of results goes into */
#define FS_FOLDER (LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_READ_DIR)
/* what may be asked for a file; the others are for folders (landlock(7)) */
#define FS_OF_FILE (LANDLOCK_ACCESS_FS_READ_FILE | FS_WRITE)

#define ADDRESS_SPACE_MIN (4096ULL * MIB)
#define FILES_MAX	  256

/* Options whose value is a result; getopt_long(3) takes any clear beginning of these. */
static const char *const RESULTS[] = { "output", "pcapng", "perfetto", "csv" };

/* What the C library may want at any time. */
static const char *const SYSTEM[] = {
	"/dev/null",	   "/dev/urandom",	"/etc/localtime",	   "/usr/share/zoneinfo",
	"/usr/lib/locale", "/usr/share/locale", "/sys/devices/system/cpu", "/proc/self",
};

/* confine_allow() */
static char also[2][PATH_MAX];

struct fence {
	int ruleset; /* landlock, -1: none */
	uint64_t handled;
};

static void fence_allow(struct fence *f, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr rule = { .parent_fd = open(path, O_PATH | O_CLOEXEC) };
	struct stat st;

	if (rule.parent_fd < 0)
		return;
	if (!fstat(rule.parent_fd, &st)) {
		rule.allowed_access =
			access & f->handled & (S_ISDIR(st.st_mode) ? UINT64_MAX : FS_OF_FILE);
		/* refused for pipes and the like, which landlock leaves alone */
		if (rule.allowed_access)
			syscall(SYS_landlock_add_rule, f->ruleset, LANDLOCK_RULE_PATH_BENEATH,
				&rule, 0);
	}
	close(rule.parent_fd);
}

/* A result may be there already: a device, a folder of them, or a file that is replaced. */
static void fence_result(struct fence *f, const char *path, bool is_folder)
{
	uint64_t access = FS_RESULT | (is_folder ? FS_FOLDER : 0);
	char copy[PATH_MAX], *folder;

	if (strlen(path) >= sizeof(copy) || !strcmp(path, "-"))
		return;
	fence_allow(f, path, FS_RESULT | LANDLOCK_ACCESS_FS_READ_DIR);
	strcpy(copy, path);
	folder = dirname(copy);
	if (strcmp(folder, "/dev")) /* /dev/stdout is written, never replaced */
		fence_allow(f, folder, access);
}

/* The folder of an input, where the result goes when none is named. */
static void fence_beside(struct fence *f, const char *path)
{
	char copy[PATH_MAX];

	if (strlen(path) >= sizeof(copy))
		return;
	strcpy(copy, path);
	fence_allow(f, dirname(copy), FS_RESULT);
}

/* A file that an argument names, and what SQLite looks for beside it. */
static void fence_input(struct fence *f, const char *path)
{
	static const char *const beside[] = { "", "-wal", "-shm", "-journal" };
	char name[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(beside); i++)
		if (snprintf(name, sizeof(name), "%s%s", path, beside[i]) < (int)sizeof(name))
			fence_allow(f, name, FS_READ);
}

/* The folder in which SQLite makes unnamed files (www.sqlite.org/tempfiles.html, 5). */
static void fence_temporary(struct fence *f)
{
	const char *const dirs[] = {
		getenv("SQLITE_TMPDIR"), getenv("TMPDIR"), "/var/tmp", "/usr/tmp", "/tmp", "."
	};
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		if (!dirs[i] || stat(dirs[i], &st) || !S_ISDIR(st.st_mode) ||
		    access(dirs[i], W_OK | X_OK))
			continue;
		fence_allow(f, dirs[i], FS_RESULT);
		return;
	}
}

/* Whether @arg is an option for a result; then *value is what stands behind it in the same
 * argument, or NULL. */
static bool is_result(const char *arg, const char **value)
{
	const char *eq;

	*value = NULL;
	if (arg[0] != '-' || !arg[1])
		return false;
	if (arg[1] != '-') {
		const char *o = strchr(arg, 'o');

		if (o && o[1])
			*value = o + 1;
		return o;
	}
	arg += 2;
	eq = strchr(arg, '=');
	if (eq)
		*value = eq + 1;
	for (size_t i = 0; *arg && i < ARRAY_SIZE(RESULTS); i++)
		if (!strncmp(arg, RESULTS[i], eq ? (size_t)(eq - arg) : strlen(arg)))
			return true;
	return false;
}

static void fence_arguments(struct fence *f, int argc, char **argv)
{
	bool writes = !strcmp(argv[0], "analyze") || !strcmp(argv[0], "report");
	bool has_result = false;
	const char *value;

	for (int i = 1; i < argc; i++) {
		if (is_result(argv[i], &value)) {
			bool folder = !strcmp(argv[0], "export") && !strncmp(argv[i], "--c", 3);

			value = value ? value : i + 1 < argc ? argv[++i] : NULL;
			if (value)
				fence_result(f, value, folder);
			has_result = true;
		} else if (value) {
			fence_input(f, value);
		} else {
			fence_input(f, argv[i]);
		}
	}
	for (int i = 1; writes && !has_result && i < argc; i++)
		if (argv[i][0] != '-' && !access(argv[i], F_OK))
			fence_beside(f, argv[i]);
}

static void confine_files(int argc, char **argv)
{
	struct landlock_ruleset_attr attr = { 0 };
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	struct fence f;

	if (abi < 1)
		return;
	f.handled = FS_ABI1 | (abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0) |
		    (abi >= 3 ? LANDLOCK_ACCESS_FS_TRUNCATE : 0);
	attr.handled_access_fs = f.handled;
	f.ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);
	if (f.ruleset < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(SYSTEM); i++)
		fence_allow(&f, SYSTEM[i], FS_READ);
	fence_allow(&f, "/dev/null", FS_WRITE);
	fence_temporary(&f);
	fence_arguments(&f, argc, argv);
	for (size_t i = 0; i < ARRAY_SIZE(also); i++)
		if (also[i][0])
			fence_allow(&f, also[i], LANDLOCK_ACCESS_FS_READ_FILE);
	syscall(SYS_landlock_restrict_self, f.ruleset, 0);
	close(f.ruleset);
}

static const int ALLOWED[] = {
	/* files */
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(pread64),
	SCMP_SYS(pwrite64),
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(openat2),
	SCMP_SYS(close),
	SCMP_SYS(close_range),
	SCMP_SYS(lseek),
	SCMP_SYS(_llseek),
	SCMP_SYS(stat),
	SCMP_SYS(fstat),
	SCMP_SYS(lstat),
	SCMP_SYS(stat64),
	SCMP_SYS(fstat64),
	SCMP_SYS(lstat64),
	SCMP_SYS(newfstatat),
	SCMP_SYS(fstatat64),
	SCMP_SYS(statx),
	SCMP_SYS(statfs),
	SCMP_SYS(fstatfs),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getdents),
	SCMP_SYS(getdents64),
	SCMP_SYS(getcwd),
	SCMP_SYS(fcntl),
	SCMP_SYS(fcntl64),
	SCMP_SYS(dup),
	SCMP_SYS(dup2),
	SCMP_SYS(dup3),
	SCMP_SYS(ftruncate),
	SCMP_SYS(ftruncate64),
	SCMP_SYS(fallocate),
	SCMP_SYS(fsync),
	SCMP_SYS(fdatasync),
	SCMP_SYS(fadvise64),
	SCMP_SYS(fchmod),
	SCMP_SYS(fchown),
	SCMP_SYS(umask),
	SCMP_SYS(flock),
	SCMP_SYS(rename),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	SCMP_SYS(mkdir),
	SCMP_SYS(rmdir),
	SCMP_SYS(mkdirat),
	SCMP_SYS(utimensat),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(select),
	SCMP_SYS(pselect6),
	/* memory; making it executable is trapped below */
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(membarrier),
	/* time, signals, about itself */
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_gettime64),
	SCMP_SYS(clock_getres),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(clock_nanosleep_time64),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getppid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(getuid32),
	SCMP_SYS(geteuid32),
	SCMP_SYS(getgid32),
	SCMP_SYS(getegid32),
	SCMP_SYS(getrandom),
	SCMP_SYS(getrusage),
	SCMP_SYS(getrlimit),
	SCMP_SYS(ugetrlimit),
	SCMP_SYS(sysinfo),
	SCMP_SYS(uname),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(sched_yield),
	SCMP_SYS(futex),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

/* Nothing in this program calls these. */
static const int TRAPPED[] = {
	/* network */
	SCMP_SYS(socket),
	SCMP_SYS(socketpair),
	SCMP_SYS(connect),
	SCMP_SYS(bind),
	SCMP_SYS(listen),
	SCMP_SYS(accept),
	SCMP_SYS(accept4),
	SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),
	SCMP_SYS(sendmmsg),
	SCMP_SYS(socketcall),
	SCMP_SYS(io_uring_setup),
	/* other programs and processes */
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(fork),
	SCMP_SYS(vfork),
	SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(pidfd_open),
	SCMP_SYS(pidfd_getfd),
	SCMP_SYS(pidfd_send_signal),
	/* the system */
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(pivot_root),
	SCMP_SYS(chroot),
	SCMP_SYS(fsopen),
	SCMP_SYS(fsmount),
	SCMP_SYS(move_mount),
	SCMP_SYS(open_tree),
	SCMP_SYS(unshare),
	SCMP_SYS(setns),
	SCMP_SYS(bpf),
	SCMP_SYS(perf_event_open),
	SCMP_SYS(userfaultfd),
	SCMP_SYS(keyctl),
	SCMP_SYS(add_key),
	SCMP_SYS(request_key),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(delete_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(kexec_file_load),
	SCMP_SYS(reboot),
	SCMP_SYS(swapon),
	SCMP_SYS(swapoff),
	SCMP_SYS(acct),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(mknod),
	SCMP_SYS(mknodat),
	SCMP_SYS(symlink),
	SCMP_SYS(symlinkat),
	SCMP_SYS(link),
	SCMP_SYS(linkat),
	SCMP_SYS(chmod),
	SCMP_SYS(fchmodat),
	SCMP_SYS(chown),
	SCMP_SYS(fchownat),
	SCMP_SYS(lchown),
	SCMP_SYS(setuid),
	SCMP_SYS(setgid),
	SCMP_SYS(setgroups),
	SCMP_SYS(setresuid),
	SCMP_SYS(setresgid),
	SCMP_SYS(capset),
	SCMP_SYS(settimeofday),
	SCMP_SYS(clock_settime),
	SCMP_SYS(adjtimex),
	SCMP_SYS(sethostname),
	SCMP_SYS(setdomainname),
	SCMP_SYS(personality),
};

/* Calls that depend on an argument. Return: as seccomp_rule_add(). */
static int filter_arguments(scmp_filter_ctx f)
{
	static const int maps[] = { SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(mprotect),
				    SCMP_SYS(pkey_mprotect) };
	static const int kills[] = { SCMP_SYS(kill), SCMP_SYS(tgkill), SCMP_SYS(tkill) };
	/* what isatty(3) and the width of a table ask */
	static const unsigned long ioctls[] = { TCGETS, TIOCGWINSZ, FIONREAD };
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		rc |= seccomp_rule_add(f, SCMP_ACT_ALLOW, maps[i], 1,
				       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
		rc |= seccomp_rule_add(f, SCMP_ACT_TRAP, maps[i], 1,
				       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC));
	}
	for (size_t i = 0; i < ARRAY_SIZE(kills); i++) {
		rc |= seccomp_rule_add(f, SCMP_ACT_ALLOW, kills[i], 1,
				       SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
		rc |= seccomp_rule_add(f, SCMP_ACT_TRAP, kills[i], 1,
				       SCMP_A0(SCMP_CMP_NE, (scmp_datum_t)getpid()));
	}
	for (size_t i = 0; i < ARRAY_SIZE(ioctls); i++)
		rc |= seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				       SCMP_A1(SCMP_CMP_EQ, ioctls[i]));
	/* a thread, which shares all of this; the flags are the first argument but on s390. clone3(2) has them in memory
	 * where no filter looks: it does not exist, and the C library takes clone(2) */
	rc |= seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
			       SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	rc |= seccomp_rule_add(f, SCMP_ACT_TRAP, SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
	/* reading a limit; never setting one */
	rc |= seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, SCMP_A2(SCMP_CMP_EQ, 0));
	return rc;
}

static int confine_calls(void)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	struct sigaction sa;
	int rc = 0;

	if (!f)
		return -ENOMEM;
	/* the same end as an assertion's */
	if (!sigaction(SIGABRT, NULL, &sa))
		sigaction(SIGSYS, &sa, NULL);
	/* a call that this architecture does not have is no failure: libseccomp leaves it out */
	for (size_t i = 0; !rc && i < ARRAY_SIZE(ALLOWED); i++)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, ALLOWED[i], 0);
	for (size_t i = 0; !rc && i < ARRAY_SIZE(TRAPPED); i++)
		rc = seccomp_rule_add(f, SCMP_ACT_TRAP, TRAPPED[i], 0);
	if (!rc)
		rc = filter_arguments(f);
	if (!rc)
		seccomp_load(f); /* refused where the kernel has none */
	seccomp_release(f);
	return rc == -ENOMEM ? rc : 0;
}

static void lower(int what, uint64_t to)
{
	struct rlimit r;

	if (getrlimit((__rlimit_resource_t)what, &r) ||
	    (r.rlim_cur != RLIM_INFINITY && r.rlim_cur <= to))
		return;
	r.rlim_cur = to;
	if (r.rlim_max == RLIM_INFINITY || r.rlim_max > to)
		r.rlim_max = to;
	setrlimit((__rlimit_resource_t)what, &r);
}

static void confine_limits(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
	uint64_t memory = pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : 0;

	lower(RLIMIT_CORE, 0);
	lower(RLIMIT_NOFILE, FILES_MAX);
	lower(RLIMIT_AS, memory > ADDRESS_SPACE_MIN ? memory : ADDRESS_SPACE_MIN);
}

void confine_allow(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(also); i++) {
		if (!also[i][0] && strlen(path) < PATH_MAX) {
			strcpy(also[i], path);
			return;
		}
	}
}

int confine_start(int argc, char **argv)
{
	if (CONFINE_SKIP)
		return 0;
	confine_limits();
	/* without it only root may do the rest; and nothing may ever add rights */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return 0;
	confine_files(argc, argv);
	return confine_calls();
}
