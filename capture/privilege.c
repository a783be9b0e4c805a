/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * A recorder starts as root and then reads what strangers send: frames, netlink
 * answers, names. Once everything is armed it gives up what it needs no more.
 *
 * Capabilities belong to a thread (capabilities(7)) and the raw system call is
 * used, so each thread drops its own: the main thread before it starts the
 * others, the compressor for itself. What stays, and why: SYS_ADMIN for setns(2)
 * and the sysfs of a namespace, NET_ADMIN for conntrack and nftables dumps and bpf(2)'s query,
 * NET_RAW for the packet socket of a namespace that appears, SYS_PTRACE for
 * /proc/PID/ns, SYSLOG for kallsyms and the kernel log, DAC_READ_SEARCH for
 * files of others; where the recorder is not root, DAC_OVERRIDE for tracefs.
 *
 * System calls outside of the list answer ENOSYS, as on a kernel that does not
 * have them: every caller has a way to go on, and none ends a recording.
 */
#include "privilege.h"

#include "../schema/base.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* 64-bit sets since 2.6.26 */
static int caps_get(struct __user_cap_data_struct *d)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return (int)syscall(SYS_capget, &h, d);
}

static void caps_set(const struct __user_cap_data_struct *d)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };

	syscall(SYS_capset, &h, d);
}

/* Leaves at most @keep. */
static void caps_keep(uint64_t keep)
{
	struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3];

	if (caps_get(d))
		return;
	/* so that no file's capabilities add to them; needs SETPCAP, which goes last */
	for (unsigned long cap = 0; cap < 64; cap++)
		if (!(keep & 1ULL << cap) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0))
			break;
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (unsigned int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		uint32_t mask = (uint32_t)(keep >> (32 * i));

		d[i].permitted &= mask;
		d[i].effective &= mask;
		d[i].inheritable = 0;
	}
	caps_set(d);
}

/* What the owner of tracefs does not need. */
static uint64_t needs_tracefs(void)
{
	return geteuid() ? 1ULL << CAP_DAC_OVERRIDE : 0;
}

void privilege_drop(void)
{
	caps_keep(needs_tracefs() | 1ULL << CAP_SYS_ADMIN | 1ULL << CAP_NET_ADMIN |
		  1ULL << CAP_NET_RAW | 1ULL << CAP_SYS_PTRACE | 1ULL << CAP_SYSLOG |
		  1ULL << CAP_DAC_READ_SEARCH);
}

void privilege_least(void)
{
	caps_keep(needs_tracefs());
}

static const int ALLOWED[] = {
	/* files that are open, and files to read; flock(2) and rmdir(2) end a tracing instance */
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(pread64),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(pwrite64),
	SCMP_SYS(splice),
	SCMP_SYS(lseek),
	SCMP_SYS(close),
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(stat),
	SCMP_SYS(fstat),
	SCMP_SYS(lstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(statfs),
	SCMP_SYS(fstatfs),
	SCMP_SYS(getdents),
	SCMP_SYS(getdents64),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getcwd),
	SCMP_SYS(fcntl),
	SCMP_SYS(dup),
	SCMP_SYS(flock),
	SCMP_SYS(fsync),
	SCMP_SYS(fdatasync),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fallocate),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	SCMP_SYS(rmdir),
	SCMP_SYS(ioctl),
	SCMP_SYS(pipe2),
	SCMP_SYS(eventfd2),
	/* memory and threads */
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(membarrier),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(get_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(clone),
	SCMP_SYS(clone3),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(wait4),
	SCMP_SYS(waitid),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(getpriority),
	SCMP_SYS(setpriority),
	SCMP_SYS(ioprio_set),
	/* waiting, clocks, who and where we are */
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(select),
	SCMP_SYS(pselect6),
	SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(getcpu),
	SCMP_SYS(getrusage),
	SCMP_SYS(uname),
	SCMP_SYS(sysinfo),
	SCMP_SYS(capget),
	SCMP_SYS(capset), /* can only lower */
	SCMP_SYS(prctl),
	SCMP_SYS(getrandom),
	/* sockets of the kinds below, and the sysfs of another namespace */
	SCMP_SYS(bind),
	SCMP_SYS(getsockname),
	SCMP_SYS(setsockopt),
	SCMP_SYS(getsockopt),
	SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(fsopen),
	SCMP_SYS(fsconfig),
	SCMP_SYS(fsmount),
};

/* Calls that depend on an argument. Return: as seccomp_rule_add(). */
static int filter_arguments(scmp_filter_ctx f)
{
	/* AF_INET for the ioctls of network devices */
	static const unsigned int families[] = { AF_NETLINK, AF_PACKET, AF_INET, AF_INET6 };
	static const int maps[] = { SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(mprotect) };
	static const int kills[] = { SCMP_SYS(kill), SCMP_SYS(tgkill), SCMP_SYS(tkill) };
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		rc |= seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				       SCMP_A0(SCMP_CMP_EQ, families[i]));
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++)
		rc |= seccomp_rule_add(f, SCMP_ACT_ALLOW, maps[i], 1,
				       SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	for (size_t i = 0; i < ARRAY_SIZE(kills); i++)
		rc |= seccomp_rule_add(f, SCMP_ACT_ALLOW, kills[i], 1,
				       SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
	rc |= seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(setns), 1,
			       SCMP_A1(SCMP_CMP_EQ, CLONE_NEWNET));
	/* asking which programs a control group has; neither loading nor attaching one */
	rc |= seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(bpf), 1, SCMP_A0(SCMP_CMP_EQ, BPF_PROG_QUERY));
	/* reading a limit; never setting one */
	rc |= seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, SCMP_A2(SCMP_CMP_EQ, 0));
	return rc;
}

void privilege_confine(void)
{
	scmp_filter_ctx f;
	int rc;

	/* without it only root may do the rest; and nothing may ever add rights */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return;
	f = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	if (!f)
		return;
	rc = seccomp_attr_set(f, SCMP_FLTATR_CTL_TSYNC, 1);
	/* a call that this architecture does not have is no failure: libseccomp leaves it out */
	for (size_t i = 0; !rc && i < ARRAY_SIZE(ALLOWED); i++)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, ALLOWED[i], 0);
	if (!rc)
		rc = filter_arguments(f);
	if (!rc)
		seccomp_load(f);
	seccomp_release(f);
}
