/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * tracefs is taken where it is mounted, in our mount namespace or in that of
 * pid 1. Where it is not, fsopen(2) and fsmount(2) (Linux 5.2) give a mount that
 * hangs on a descriptor alone; it is used by the path /proc/self/fd/N and ends
 * with us. Before 5.2 a short-lived thread mounts it in a mount namespace of its
 * own and opens it there; the open directory outlives the namespace. debugfs
 * comes last, because naming its "tracing" directory mounts tracefs there for
 * all to see (fs/tracefs: automount).
 *
 * An instance that nobody reads still costs time for every event, so none may
 * stay behind. Its owner holds an exclusive flock(2) on the instance's
 * directory: that lock ends with the process, however it ends, is seen from
 * every PID namespace, and does not mistake another process with a recycled PID
 * for the owner. "skbtape-N" without a lock is therefore stale and is removed.
 * An instance exists for a moment before its owner has locked it, so making one
 * and looking for stale ones both happen under a lock on the directory
 * "instances" itself.
 *
 * Stale ones are removed by the next recorder, but it may never come. So each
 * recorder forks a guard that waits on a pipe for its end and then does the
 * same. The guard has a session of its own and no descriptors but its two, so
 * what kills the recorder's process group or waits for its output to be closed
 * does not meet it.
 */
#include "instance.h"
#include "privilege.h"
#include "clock.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PREFIX	   "skbtape-"
#define NAME_TRIES 10 /* names for one PID: other PID namespaces have one of that number, too */
#define BUSY_NS	   (3 * NSEC_PER_SEC) /* how long a dying owner's files may keep an instance busy */

struct instance {
	struct tracefs_way way;
	struct tracefs_instance *tracefs;
	char name[64];
	int lock_fd; /* its directory, locked */
	int guard_fd;
	pid_t guard;
};

/* First mount of type @type in a mounts file (proc_pid_mounts(5)). */
static int find_mount(const char *mounts, const char *type, char *path, size_t size)
{
	FILE *f = fopen(mounts, "re");
	char *line = NULL;
	size_t cap = 0;
	int rc = -ENOENT;
	ssize_t n;

	if (!f)
		return -errno;
	while (rc && (n = getline(&line, &cap, f)) > 0) {
		struct span text = { line, (size_t)n }, source, dir, fs;

		if (!span_word(&text, &source) || !span_word(&text, &dir) ||
		    !span_word(&text, &fs) || !span_is(fs, type) || dir.n >= size ||
		    memchr(dir.p, '\\', dir.n))
			continue;
		span_copy(dir, path, size);
		rc = 0;
	}
	free(line);
	fclose(f);
	return rc;
}

static bool has_instances(const char *dir)
{
	char path[320];
	struct stat st;

	/* not access(2), which asks for the real user and so forgets capabilities */
	snprintf(path, sizeof(path), "%s/instances", dir);
	return !stat(path, &st);
}

/* Linux 5.2 and later. Return: descriptor of the mount, -errno. */
static int mount_detached(void)
{
	int fs = fsopen("tracefs", FSOPEN_CLOEXEC);
	int fd, rc;

	if (fs < 0)
		return -errno;
	if (fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0)) {
		rc = -errno;
		close(fs);
		return rc;
	}
	fd = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	rc = fd < 0 ? -errno : fd;
	close(fs);
	return rc;
}

static void *mount_in_thread(void *arg)
{
	int *fd = arg;

	/* the mount must not reach the namespace that this one was copied from */
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tracefs", "/sys/kernel/tracing", "tracefs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
		  NULL))
		*fd = -errno;
	else
		*fd = open("/sys/kernel/tracing", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd == -1)
		*fd = -errno;
	return NULL;
}

static int mount_aside(void)
{
	pthread_t thread;
	int fd = -ENOMEM;

	if (!pthread_create(&thread, NULL, mount_in_thread, &fd))
		pthread_join(thread, NULL);
	return fd;
}

bool tracefs_locked_down(void)
{
	FILE *f = fopen("/sys/kernel/security/lockdown", "re");
	char text[128];
	bool yes = f && fgets(text, sizeof(text), f) && strstr(text, "[confidentiality]");

	if (f)
		fclose(f);
	return yes;
}

static int explain(int rc, struct err *e)
{
	if (rc == -EPERM && tracefs_locked_down())
		return err_set(e, rc,
			       "the kernel is locked down (confidentiality), which closes tracefs "
			       "even to root: "
			       "boot with lockdown=integrity or none, kernel_lockdown(7)");
	if (rc == -EPERM || rc == -EACCES)
		return err_set(e, rc,
			       "no permission to use tracefs (%s): run as root, or in a container "
			       "with --privileged",
			       strerror(-rc));
	if (rc == -ENODEV || rc == -ENOENT)
		return err_set(e, rc,
			       "tracefs not found: neither mounted nor known to this kernel "
			       "(CONFIG_FTRACE with event tracing is needed)");
	return err_set(e, rc, "tracefs cannot be reached: %s", strerror(-rc));
}

int tracefs_way_open(struct tracefs_way *out, struct err *e)
{
	static const struct {
		const char *mounts, *root;
	} places[] = { { "/proc/self/mounts", "" }, { "/proc/1/mounts", "/proc/1/root" } };
	struct tracefs_way way = { .mounted = true, .fd = -1 };
	char dir[256];
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(places) && !way.path[0]; i++) {
		if (find_mount(places[i].mounts, "tracefs", dir, sizeof(dir)))
			continue;
		snprintf(way.path, sizeof(way.path), "%s%s", places[i].root, dir);
		if (!has_instances(way.path)) {
			rc = errno == ENOENT ? 0 : -errno;
			way.path[0] = '\0';
		}
	}
	if (!way.path[0]) {
		way.fd = mount_detached();
		if (way.fd < 0 && way.fd != -EPERM)
			way.fd = mount_aside();
		if (way.fd >= 0) {
			way.mounted = false;
			snprintf(way.path, sizeof(way.path), "/proc/self/fd/%d", way.fd);
		} else if (!rc) {
			rc = way.fd;
		}
	}
	if (!way.path[0] && !find_mount("/proc/self/mounts", "debugfs", dir, sizeof(dir))) {
		snprintf(way.path, sizeof(way.path), "%s/tracing", dir);
		if (!has_instances(way.path))
			way.path[0] = '\0';
	}
	if (!way.path[0])
		return explain(rc ? rc : -ENOENT, e);
	if (tracefs_set_tracing_dir(way.path)) {
		tracefs_way_close(&way);
		return err_set(e, -ENOMEM, "libtracefs does not take %s", way.path);
	}
	*out = way;
	return 0;
}

void tracefs_way_close(struct tracefs_way *way)
{
	if (way->fd >= 0)
		close(way->fd);
	way->fd = -1;
}

/* Open and lock @dir below the instances' directory ("": itself). Return: descriptor, -EWOULDBLOCK,
 * -errno. */
static int lock_dir(const struct tracefs_way *way, const char *dir, int how)
{
	char path[512];
	int fd, rc;

	snprintf(path, sizeof(path), "%s/instances/%s", way->path, dir);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (flock(fd, how)) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

static void write_zero(int dir, const char *file)
{
	int fd = openat(dir, file, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, "0", 1) < 0) {
		/* rmdir does it again, and says what is wrong */
	}
	close(fd);
}

/* Events off and away with it, if nobody owns it. Return: 1 removed, 0 owned or gone, -errno. */
static int remove_unowned(const struct tracefs_way *way, const char *name)
{
	int64_t end = clock_mono_ns() + BUSY_NS;
	char path[512];
	int dir = lock_dir(way, name, LOCK_EX | LOCK_NB);
	int rc;

	if (dir == -EWOULDBLOCK || dir == -ENOENT)
		return 0;
	if (dir < 0)
		return dir;
	write_zero(dir, "tracing_on");
	write_zero(dir, "events/enable");
	snprintf(path, sizeof(path), "%s/instances/%s", way->path, name);
	do {
		rc = rmdir(path) ? -errno : 1;
		if (rc == -EBUSY)
			usleep(20000);
	} while (rc == -EBUSY && clock_mono_ns() < end);
	close(dir);
	return rc == -ENOENT ? 0 : rc;
}

/* "skbtape-N" and "skbtape-N.M" */
static bool is_ours(const char *name)
{
	const char *p = name + sizeof(PREFIX) - 1;

	if (strncmp(name, PREFIX, sizeof(PREFIX) - 1) || !isdigit((unsigned char)*p))
		return false;
	while (isdigit((unsigned char)*p))
		p++;
	if (*p == '.' && isdigit((unsigned char)p[1]))
		p += 1 + strspn(p + 1, "0123456789");
	return !*p;
}

/* With the lock on the instances' directory held. */
static int remove_stale(const struct tracefs_way *way, struct err *e)
{
	char path[320];
	struct dirent *d;
	int n = 0, failed = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/instances", way->path);
	dir = opendir(path);
	if (!dir)
		return err_sys(e, "%s", path);
	while ((d = readdir(dir))) {
		int rc = is_ours(d->d_name) ? remove_unowned(way, d->d_name) : 0;

		if (rc < 0)
			failed = err_set(e, rc,
					 "the tracing instance %s of a recorder that is gone "
					 "cannot be removed (%s): "
					 "close what reads it, then rmdir %s/%s",
					 d->d_name, strerror(-rc),
					 way->mounted ? path : "/sys/kernel/tracing/instances",
					 d->d_name);
		else
			n += rc;
	}
	closedir(dir);
	return failed ? failed : n;
}

int instance_remove_stale(const struct tracefs_way *way, struct err *e)
{
	int all = lock_dir(way, "", LOCK_EX);
	int rc;

	if (all < 0)
		return explain(all, e);
	rc = remove_stale(way, e);
	close(all);
	return rc;
}

/* Close all descriptors but two. */
static void close_others(int keep_a, int keep_b)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		int fd = atoi(d->d_name);

		if (d->d_name[0] != '.' && fd != keep_a && fd != keep_b && fd != dirfd(dir))
			close(fd);
	}
	if (dir)
		closedir(dir);
}

/* The guard's life. */
static __attribute__((noreturn)) void guard_run(const struct instance *i, int fd)
{
	sigset_t all;
	int lock;
	char c;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid();
	prctl(PR_SET_NAME, "skbtape-guard");
	privilege_least();
	if (chdir("/")) {
		/* then it stays where it is: a full unmount there has to wait */
	}
	close_others(fd, i->way.fd);
	while (read(fd, &c, 1) < 0 && errno == EINTR)
		;
	lock = lock_dir(&i->way, "", LOCK_EX);
	remove_unowned(&i->way, i->name);
	if (lock >= 0)
		close(lock);
	_exit(0);
}

static int guard_start(struct instance *i, struct err *e)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return err_sys(e, "no pipe to the guard of the tracing instance");
	i->guard = fork();
	if (i->guard < 0) {
		int rc = err_sys(e, "no process for the guard of the tracing instance");

		close(fds[0]);
		close(fds[1]);
		return rc;
	}
	if (!i->guard)
		guard_run(i, fds[0]);
	close(fds[0]);
	i->guard_fd = fds[1];
	return 0;
}

/* With the lock on the instances' directory held. */
static int create(struct instance *i, struct err *e)
{
	for (int try = 0; try < NAME_TRIES; try++) {
		char suffix[16] = "";

		if (try)
			snprintf(suffix, sizeof(suffix), ".%d", try);
		snprintf(i->name, sizeof(i->name), PREFIX "%d%s", (int)getpid(), suffix);
		i->tracefs = tracefs_instance_create(i->name);
		if (!i->tracefs) {
			int rc = errno ? -errno : -EPERM;

			if (rc == -EPERM || rc == -EACCES)
				return explain(rc, e);
			return err_set(e, rc, "cannot make the tracing instance %s: %s", i->name,
				       strerror(-rc));
		}
		if (tracefs_instance_is_new(i->tracefs)) {
			i->lock_fd = lock_dir(&i->way, i->name, LOCK_EX | LOCK_NB);
			if (i->lock_fd >= 0)
				return 0;
			return err_set(e, i->lock_fd, "cannot lock the tracing instance %s: %s",
				       i->name, strerror(-i->lock_fd));
		}
		tracefs_instance_free(i->tracefs);
		i->tracefs = NULL;
	}
	return err_set(e, -EEXIST, "instances " PREFIX "%d to ...%d all exist and are in use",
		       (int)getpid(), NAME_TRIES - 1);
}

int instance_open(struct instance **out, struct err *e)
{
	struct instance *i = calloc(1, sizeof(*i));
	int all, rc;

	if (!i)
		return err_set(e, -ENOMEM, "no memory for a tracing instance");
	i->way.fd = i->lock_fd = i->guard_fd = -1;
	rc = tracefs_way_open(&i->way, e);
	if (rc) {
		free(i);
		return rc;
	}
	all = lock_dir(&i->way, "", LOCK_EX);
	if (all < 0) {
		rc = explain(all, e);
	} else {
		remove_stale(&i->way, NULL);
		rc = create(i, e);
		close(all);
	}
	if (!rc)
		rc = guard_start(i, e);
	if (rc) {
		instance_close(i, NULL);
		return rc;
	}
	*out = i;
	return 0;
}

int instance_close(struct instance *i, struct err *e)
{
	int rc = 0;

	if (!i)
		return 0;
	if (i->lock_fd >= 0)
		close(i->lock_fd);
	if (i->tracefs) {
		rc = remove_unowned(&i->way, i->name);
		if (rc < 0)
			err_set(e, rc,
				"the tracing instance %s stays: %s; its events are off, and the "
				"next recording removes it",
				i->name, strerror(-rc));
		tracefs_instance_free(i->tracefs);
	}
	if (i->guard_fd >= 0) {
		close(i->guard_fd);
		while (waitpid(i->guard, NULL, 0) < 0 && errno == EINTR)
			;
	}
	tracefs_way_close(&i->way);
	free(i);
	return rc < 0 ? rc : 0;
}

struct tracefs_instance *instance_tracefs(const struct instance *i)
{
	return i->tracefs;
}

const struct tracefs_way *instance_way(const struct instance *i)
{
	return &i->way;
}
