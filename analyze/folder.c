/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * What a snapshot can use is known by name (WANTED, TREES, and the recorder's own
 * lists), so a directory is not searched but asked: each file is opened by its path
 * from the root, with RESOLVE_BENEATH, so that no link leads out; below a tree only
 * real directories are entered and only regular files read. The list that comes of it
 * is what folder_tar.c makes of an archive, too.
 *
 * /proc/net is a link to self/net; a copy may have kept it so, or under a number.
 */
#include "folder.h"
#include "../capture/snap_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LINE_BYTES  (4 * KIB) /* of a file that holds one value */
#define TOTAL_BYTES (256 * MIB)
#define FILES_MAX   300000
#define PATH_BYTES  1024
#define TRIES_MAX   10000

static const char *const WANTED[] = {
	"proc/uptime",
	"proc/sys/kernel/hostname",
	"proc/sys/kernel/osrelease",
	"sos_commands/kernel/sysctl_-a",
	"sos_commands/kernel/uname_-a",
	"sos_commands/kernel/dmesg",
	"sos_commands/host/hostname",
	"sos_commands/date/date_--utc",
	"sos_commands/date/date",
	"sos_commands/conntrack/conntrack_-L_-o_extended",
	"etc/iproute2/rt_tables",
	"usr/share/iproute2/rt_tables",
};

/* Of proc/net beside those of a tape, which has the kernel's own dumps. */
static const char *const WANTED_NET[] = { "route", "ipv6_route", "arp", "nf_conntrack" };

static const struct tree {
	const char *path;
	int depth;
} TREES[] = { { "proc/sys/net/", 8 }, { "proc/irq/", 2 }, { "sys/class/net/", 5 }, { FOLDER_SOS, 3 } };

/* ---- the list ---- */

static bool begins(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

/* What is read of a device. */
static bool of_device(const char *path)
{
	static const char *const more[] = { "ifindex", "mtu", "address", "flags", "type" };
	const char *rest = strchr(path, '/');

	if (!rest)
		return false;
	rest++;
	for (size_t i = 0; i < ARRAY_SIZE(more); i++)
		if (!strcmp(rest, more[i]))
			return true;
	return begins(rest, "statistics/") || files_sysfs_wanted(rest);
}

size_t folder_wants(const char *path)
{
	if (begins(path, "sys/class/net/"))
		return of_device(path + 14) ? LINE_BYTES : 0;
	if (begins(path, "proc/sys/net/"))
		return files_sysctl_wanted(strrchr(path, '/') + 1) ? LINE_BYTES : 0;
	for (size_t i = 0; i < ARRAY_SIZE(WANTED); i++)
		if (!strcmp(path, WANTED[i]))
			return FILES_LIMIT;
	for (size_t i = 0; i < ARRAY_SIZE(TREES); i++)
		if (begins(path, TREES[i].path))
			return begins(path, "proc/") ? LINE_BYTES : FILES_LIMIT;
	for (size_t i = 0; begins(path, "proc/net/") && i < ARRAY_SIZE(WANTED_NET); i++)
		if (!strcmp(path + 9, WANTED_NET[i]))
			return FILES_LIMIT;
	for (const struct snap_file *s = files_host; s->path; s++)
		if (!strcmp(path, s->path))
			return FILES_LIMIT;
	for (const struct snap_file *s = files_netns; begins(path, "proc/net/") && s->path; s++)
		if (!strcmp(path + 9, s->path))
			return FILES_LIMIT;
	return 0;
}

int folder_put(struct folder *f, const char *path, const void *data, size_t n)
{
	struct folder_file x = { .n = n, .order = f->n };

	if (f->n >= FILES_MAX || f->bytes + n > TOTAL_BYTES) {
		f->cut++;
		return 0;
	}
	if (f->n == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 1024;
		struct folder_file *v = realloc(f->v, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		f->v = v;
		f->cap = cap;
	}
	x.path = strdup(path);
	x.data = malloc(n ? n : 1);
	if (!x.path || !x.data) {
		free(x.path);
		free(x.data);
		return -ENOMEM;
	}
	if (n)
		memcpy(x.data, data, n);
	f->v[f->n++] = x;
	f->bytes += n;
	return 0;
}

static int by_path(const void *pa, const void *pb)
{
	const struct folder_file *a = pa, *b = pb;
	int c = strcmp(a->path, b->path);

	return c ? c : a->order < b->order ? -1 : a->order > b->order;
}

void folder_sort(struct folder *f)
{
	size_t n = 0;

	if (f->n)
		qsort(f->v, f->n, sizeof(*f->v), by_path);
	for (size_t i = 0; i < f->n; i++) {
		if (n && !strcmp(f->v[n - 1].path, f->v[i].path)) {
			free(f->v[i].path);
			free(f->v[i].data);
		} else {
			f->v[n++] = f->v[i];
		}
	}
	f->n = n;
}

void folder_free(struct folder *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->v[i].path);
		free(f->v[i].data);
	}
	free(f->v);
	*f = (struct folder){ 0 };
}

size_t folder_from(const struct folder *f, const char *prefix)
{
	size_t lo = 0, hi = f->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(f->v[mid].path, prefix) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool folder_text(const struct folder *f, const char *path, struct span *text)
{
	size_t i = folder_from(f, path);

	if (i == f->n || strcmp(f->v[i].path, path))
		return false;
	*text = (struct span){ f->v[i].data, f->v[i].n };
	return true;
}

/* ---- a directory ---- */

struct reader {
	struct folder *f;
	int root;
	const char *skip; /* what paths begin with that the directory itself stands for, "proc/" */
	struct buf buf;
};

static int open_beneath(int root, const char *path, uint64_t flags)
{
	struct open_how how = { .flags = O_RDONLY | O_CLOEXEC | (flags & O_PATH ? flags : flags | O_NOCTTY | O_NONBLOCK),
				.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };
	long fd;
	int tries = 0;

	/* where something is renamed or mounted anywhere meanwhile, a ".." in a link cannot be trusted and is to be tried again */
	do
		fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
	while (fd < 0 && errno == EAGAIN && ++tries < TRIES_MAX);
	return fd < 0 ? -errno : (int)fd;
}

/* Whether there is such a file or directory. */
static bool has(int root, const char *path)
{
	int fd = open_beneath(root, path, O_PATH);

	if (fd < 0)
		return false;
	close(fd);
	return true;
}

/* What a file holds, at most @limit bytes, as @path. Closes @fd. Return: 0, -ENOMEM. */
static int take(struct reader *r, int fd, const char *path, size_t limit)
{
	struct stat st;
	ssize_t n = 0;
	int rc = fstat(fd, &st) || !S_ISREG(st.st_mode) ? -EINVAL : 0;

	buf_reset(&r->buf);
	while (!rc && r->buf.len <= limit) {
		rc = buf_reserve(&r->buf, 64 * KIB);
		if (rc)
			break;
		n = read(fd, r->buf.data + r->buf.len, 64 * KIB);
		if (n <= 0)
			break;
		r->buf.len += (size_t)n;
	}
	close(fd);
	if (rc == -ENOMEM)
		return rc;
	if (rc || n < 0) {
		r->f->refused++;
		return 0;
	}
	if (r->buf.len > limit) {
		const uint8_t *nl = memrchr(r->buf.data, '\n', limit);

		r->buf.len = nl ? (size_t)(nl - r->buf.data) + 1 : 0;
		r->f->cut++;
	}
	return folder_put(r->f, path, r->buf.data, r->buf.len);
}

/* A file that stands in the directory as @place. Return: 1, 0 where it does not, -ENOMEM. */
static int take_file(struct reader *r, const char *place, const char *path)
{
	size_t skip = strlen(r->skip);
	int fd, rc;

	if (!begins(place, r->skip))
		return 0;
	fd = open_beneath(r->root, place + skip, 0);
	if (fd < 0) {
		r->f->refused += fd != -ENOENT && fd != -ENOTDIR;
		return 0;
	}
	rc = take(r, fd, path, folder_wants(path));
	return rc ? rc : 1;
}

static int take_net(struct reader *r, const char *name)
{
	static const char *const places[] = { "proc/net", "proc/self/net", "proc/1/net" };
	char place[128], path[128];
	int rc = 0;

	snprintf(path, sizeof(path), "proc/net/%s", name);
	for (size_t i = 0; !rc && i < ARRAY_SIZE(places); i++) {
		snprintf(place, sizeof(place), "%s/%s", places[i], name);
		rc = take_file(r, place, path);
	}
	return rc < 0 ? rc : 0;
}

/* Everything below an open directory, which is closed. @path, of @len bytes in PATH_BYTES, ends with a slash. */
static int take_below(struct reader *r, int dir, char *path, size_t len, int depth)
{
	DIR *d = fdopendir(dir);
	const struct dirent *x;
	int rc = 0;

	if (!d) {
		close(dir);
		return 0;
	}
	while (!rc && r->f->n < FILES_MAX && (x = readdir(d))) {
		struct stat st;
		int fd;

		if (!strcmp(x->d_name, ".") || !strcmp(x->d_name, "..") || len + strlen(x->d_name) + 2 > PATH_BYTES ||
		    fstatat(dir, x->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		strcpy(path + len, x->d_name);
		if (S_ISDIR(st.st_mode) && depth > 0) {
			fd = openat(dir, x->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
			/* the action of an interrupt is the name of a directory */
			if (begins(path, "proc/irq/"))
				rc = folder_put(r->f, path, "", 0);
			strcat(path, "/");
			if (!rc && fd >= 0)
				rc = take_below(r, fd, path, strlen(path), depth - 1);
		} else if (S_ISREG(st.st_mode) && folder_wants(path)) {
			fd = openat(dir, x->d_name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
			if (fd >= 0)
				rc = take(r, fd, path, folder_wants(path));
			else
				r->f->refused++;
		}
	}
	closedir(d);
	return rc;
}

static int take_tree(struct reader *r, const char *tree, int depth)
{
	char path[PATH_BYTES];
	int fd;

	if (!begins(tree, r->skip) || strlen(tree) >= sizeof(path))
		return 0;
	fd = open_beneath(r->root, tree + strlen(r->skip), O_DIRECTORY);
	if (fd < 0)
		return 0;
	strcpy(path, tree);
	return take_below(r, fd, path, strlen(path), depth);
}

/* Devices are links into the device tree, and so is what their device/ shows. */
static int take_devices(struct reader *r, const struct tree *t)
{
	int fd = begins(t->path, r->skip) ? open_beneath(r->root, t->path + strlen(r->skip), O_DIRECTORY) : -1;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *x;
	char path[PATH_BYTES];
	int rc = 0;

	if (fd >= 0 && !d)
		close(fd);
	while (d && rc >= 0 && (x = readdir(d))) {
		if (x->d_name[0] == '.' || strlen(x->d_name) > 64)
			continue;
		snprintf(path, sizeof(path), "%s%s/", t->path, x->d_name);
		rc = take_tree(r, path, t->depth - 1);
		snprintf(path, sizeof(path), "%s%s/device/numa_node", t->path, x->d_name);
		if (!rc)
			rc = take_file(r, path, path);
	}
	if (d)
		closedir(d);
	return rc < 0 ? rc : 0;
}

static int take_all(struct reader *r)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < ARRAY_SIZE(WANTED); i++)
		rc = take_file(r, WANTED[i], WANTED[i]);
	for (const struct snap_file *s = files_host; rc >= 0 && s->path; s++)
		rc = begins(s->path, "proc/net/") ? take_net(r, s->path + 9) : take_file(r, s->path, s->path);
	for (const struct snap_file *s = files_netns; rc >= 0 && s->path; s++)
		rc = take_net(r, s->path);
	for (size_t i = 0; rc >= 0 && i < ARRAY_SIZE(WANTED_NET); i++)
		rc = take_net(r, WANTED_NET[i]);
	for (size_t i = 0; rc >= 0 && i < ARRAY_SIZE(TREES); i++)
		rc = begins(TREES[i].path, "sys/") ? take_devices(r, &TREES[i]) : take_tree(r, TREES[i].path, TREES[i].depth);
	return rc < 0 ? rc : 0;
}

/* What a directory stands for; NULL: nothing of use. */
static const char *stands_for(int root)
{
	if (has(root, "proc") || has(root, "sos_commands"))
		return "";
	if (has(root, "net/snmp") || has(root, "net/dev") || has(root, "sys/net"))
		return "proc/";
	return has(root, "snmp") && has(root, "dev") ? "proc/net/" : NULL;
}

/* The only directory in @root, or -ENOENT. */
static int only_directory(int root)
{
	int fd = open_beneath(root, ".", O_DIRECTORY), found = -ENOENT;
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *x;

	if (fd >= 0 && !d)
		close(fd);
	while (d && (x = readdir(d))) {
		int sub = x->d_name[0] == '.' ? -1 : openat(root, x->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (sub < 0)
			continue;
		if (found >= 0) { /* a second one */
			close(sub);
			close(found);
			found = -ENOENT;
			break;
		}
		found = sub;
	}
	if (d)
		closedir(d);
	return found;
}

int folder_read(struct folder *f, int fd, const char *path, struct err *e)
{
	struct reader r = { .f = f, .root = fd };
	int rc = open_beneath(fd, ".", O_DIRECTORY), sub = -1;

	if (rc < 0)
		return err_set(e, rc, "%s: a directory can only be read with openat2(2), Linux 5.6: %s", path, strerror(-rc));
	close(rc);
	r.skip = stands_for(fd);
	if (!r.skip && (sub = only_directory(fd)) >= 0) {
		r.root = sub;
		r.skip = stands_for(sub);
	}
	rc = r.skip ? take_all(&r) : -EINVAL;
	if (sub >= 0)
		close(sub);
	buf_free(&r.buf);
	folder_sort(f);
	if (rc == -ENOMEM)
		return err_set(e, rc, "%s: out of memory", path);
	if (rc || !f->n)
		return err_set(e, -EINVAL, "%s: a directory with neither proc/ nor sos_commands/ in it; what can be read is a copy "
			       "of /proc and /sys, an unpacked sosreport, or a file that skbtape, trace-cmd, perf or tcpdump wrote", path);
	return 0;
}
