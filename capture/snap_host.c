/* SPDX-License-Identifier: MIT */
#include "snap_host.h"
#include "snap_files.h"
#include "tape_write.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ENTRIES_MAX  100000 /* threads, interrupts, CPUs */
#define TEXT_MAX     (32 * MIB)
#define CGROUPS_MAX  20000 /* looked at in one walk */
#define QUOTAS_MAX   5000  /* of them with a quota */
#define CGROUP_DEPTH 24
#define KMSG_RECORD  (16 * KIB) /* the kernel's longest is 8 KiB (CONSOLE_EXT_LOG_MAX) */
#define KMSG_MAX     (8 * MIB)

static int put_text(struct buf *out, const char *s, char end)
{
	return tape_text(out, (struct span){ s, strlen(s) }, end);
}

/* A field that is empty where the file cannot be read. Return: 0, -ENOMEM. */
static int put_line_of(int dir, const char *file, struct buf *out, char end)
{
	int rc = files_line(dir, file, out, end);

	if (rc && rc != -ENOMEM && rc != -EOVERFLOW)
		rc = put_text(out, "", end);
	return rc;
}

static bool is_number(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n && !s[n];
}

/* A numbered directory below @dir, or -1. */
static int open_numbered(DIR *dir, const char *name)
{
	return is_number(name) ? openat(dirfd(dir), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
}

static DIR *open_dir(int at, const char *path)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !d)
		close(fd);
	return d;
}

/* Names of the handlers: since Linux 4.9 in sysfs, before that as directories below /proc/irq/N. */
static int put_actions(int irq_dir, const char *irq, struct buf *out)
{
	char path[64];
	const struct dirent *e;
	bool any = false;
	int rc;
	DIR *d;

	if (snprintf(path, sizeof(path), "/sys/kernel/irq/%.16s/actions", irq) > 0) {
		rc = files_line(AT_FDCWD, path, out, '\n');
		if (!rc || rc == -ENOMEM)
			return rc;
	}
	d = open_dir(irq_dir, ".");
	rc = 0;
	while (d && !rc && (e = readdir(d)))
		if (e->d_type == DT_DIR && e->d_name[0] != '.') {
			if (any)
				rc = buf_put(out, ",", 1);
			if (!rc)
				rc = put_text(out, e->d_name, '\n');
			if (!rc)
				out->len--; /* the end of the line comes last */
			any = true;
		}
	if (d)
		closedir(d);
	return rc ? rc : buf_put(out, "\n", 1);
}

int host_irqs(struct buf *out)
{
	DIR *d = open_dir(AT_FDCWD, "/proc/irq");
	const struct dirent *e;
	unsigned int n = 0;
	int rc = 0;

	if (!d)
		return -errno;
	while (!rc && (e = readdir(d))) {
		int irq = open_numbered(d, e->d_name);

		if (irq < 0)
			continue;
		rc = ++n > ENTRIES_MAX ? -E2BIG : put_text(out, e->d_name, '\t');
		if (!rc)
			rc = put_line_of(irq, "smp_affinity_list", out, '\t');
		if (!rc)
			rc = put_line_of(irq, "effective_affinity_list", out, '\t');
		if (!rc)
			rc = put_actions(irq, e->d_name, out);
		close(irq);
	}
	closedir(d);
	return rc;
}

/* The node of a CPU is a link nodeN in its directory. */
static int put_node(int cpu, struct buf *out)
{
	DIR *d = open_dir(cpu, ".");
	const struct dirent *e;
	const char *node = "";
	int rc;

	while (d && !*node && (e = readdir(d)))
		if (!strncmp(e->d_name, "node", 4) && is_number(e->d_name + 4))
			node = e->d_name + 4;
	rc = put_text(out, node, '\t');
	if (d)
		closedir(d);
	return rc;
}

int host_topology(struct buf *out)
{
	DIR *d = open_dir(AT_FDCWD, "/sys/devices/system/cpu");
	const struct dirent *e;
	int rc = 0;

	if (!d)
		return -errno;
	while (!rc && (e = readdir(d))) {
		int cpu;

		if (strncmp(e->d_name, "cpu", 3) || !is_number(e->d_name + 3))
			continue;
		cpu = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (cpu < 0)
			continue;
		rc = put_text(out, e->d_name + 3, '\t');
		if (!rc)
			rc = put_line_of(cpu, "topology/core_id", out, '\t');
		if (!rc)
			rc = put_line_of(cpu, "topology/physical_package_id", out, '\t');
		if (!rc)
			rc = put_node(cpu, out);
		if (!rc)
			rc = put_line_of(cpu, "topology/thread_siblings_list", out, '\n');
		close(cpu);
	}
	closedir(d);
	return rc;
}

/* --- tasks --- */

int task_stat_parse(struct span text, struct task_stat *t)
{
	/* "PID (COMM) STATE ...": COMM may hold anything, ") " too; what follows are numbers
	 * (proc_pid_stat(5)) */
	const char *open = memchr(text.p, '(', text.n);
	const char *close = memrchr(text.p, ')', text.n);
	struct task_stat x;
	struct span rest, word;

	if (!open || !close || close < open)
		return -EINVAL;
	x.comm = (struct span){ open + 1, (size_t)(close - open - 1) };
	rest = (struct span){ close + 1, text.n - (size_t)(close + 1 - text.p) };
	if (!span_word(&rest, &x.state))
		return -EINVAL;
	for (int field = 4; field <= 22; field++)
		if (!span_word(&rest, &word))
			return -EINVAL;
	x.start = word;
	*t = x;
	return 0;
}

static bool has_word(struct span list, const char *word)
{
	struct span w;

	while (span_field(&list, ',', &w))
		if (span_is(w, word))
			return true;
	return false;
}

struct span cgroup_of(struct span text)
{
	struct span line, id, controllers, v1 = SPAN_LIT(""), v2 = SPAN_LIT("");

	while (span_line(&text, &line)) {
		/* "ID:CONTROLLERS:PATH", no controllers in the second version's line (cgroups(7))
		 */
		if (!span_field(&line, ':', &id) || !span_field(&line, ':', &controllers))
			continue;
		if (!controllers.n)
			v2 = line;
		else if (has_word(controllers, "cpu"))
			v1 = line;
	}
	return v1.n > 1 || !v2.n ? v1 : v2;
}

static int put_netns(int dir, struct buf *out)
{
	char link[64];
	ssize_t n = readlinkat(dir, "ns/net", link, sizeof(link));
	struct span s = { link, n > 0 ? (size_t)n : 0 };

	if (span_starts(s, "net:[") && s.p[s.n - 1] == ']')
		s = (struct span){ s.p + 5, s.n - 6 };
	else
		s.n = 0; /* a zombie has none */
	return tape_text(out, s, '\t');
}

/* One thread; nothing where it has gone. Return: 0, -ENOMEM. */
static int put_task(int dir, const char *pid, const char *tgid, struct buf *scratch,
		    struct buf *out)
{
	struct task_stat t;
	struct span text;
	size_t cgroup_at;
	int rc;

	buf_reset(scratch);
	rc = files_read(dir, "stat", 4 * KIB, scratch, NULL);
	if (rc)
		return rc == -ENOMEM ? rc : 0;
	cgroup_at = scratch->len;
	rc = files_read(dir, "cgroup", 16 * KIB, scratch, NULL);
	if (rc == -ENOMEM)
		return rc;
	text = (struct span){ (const char *)scratch->data, cgroup_at };
	while (text.n && text.p[text.n - 1] == '\n')
		text.n--;
	if (task_stat_parse(text, &t))
		return 0;
	rc = put_text(out, pid, '\t');
	if (!rc)
		rc = put_text(out, tgid, '\t');
	if (!rc)
		rc = tape_text(out, t.comm, '\t');
	if (!rc)
		rc = put_netns(dir, out);
	if (!rc)
		rc = tape_text(out,
			       cgroup_of((struct span){ (const char *)scratch->data + cgroup_at,
							scratch->len - cgroup_at }),
			       '\t');
	if (!rc)
		rc = tape_text(out, t.start, '\t');
	if (!rc)
		rc = tape_text(out, t.state, '\n');
	return rc;
}

int host_tasks(struct buf *out)
{
	DIR *procs = open_dir(AT_FDCWD, "/proc"), *threads;
	const struct dirent *p, *t;
	struct buf scratch = { 0 };
	size_t start = out->len;
	unsigned int n = 0;
	int rc = 0;

	if (!procs)
		return -errno;
	while (!rc && (p = readdir(procs))) {
		char path[300];

		if (!is_number(p->d_name) || snprintf(path, sizeof(path), "%s/task", p->d_name) < 0)
			continue;
		threads = open_dir(dirfd(procs), path);
		while (threads && !rc && (t = readdir(threads))) {
			int dir = open_numbered(threads, t->d_name);

			if (dir < 0)
				continue;
			rc = ++n > ENTRIES_MAX || out->len - start > TEXT_MAX
				     ? -E2BIG
				     : put_task(dir, t->d_name, p->d_name, &scratch, out);
			close(dir);
		}
		if (threads)
			closedir(threads);
	}
	closedir(procs);
	buf_free(&scratch);
	return rc;
}

/* --- cgroups --- */

struct quota {
	char *path; /* below the root of its hierarchy, begins with '/' */
	int version;
};

struct cgroups {
	int root[3]; /* by version: directory of the hierarchy that has the cpu controller, -1: none
		      */
	struct quota *quotas;
	size_t n, cap;
};

/* A mount point as /proc/self/mounts writes it: blanks and the like as \ooo (proc_pid_mounts(5)).
 */
static void unescape(struct span s, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n && n + 1 < size; i++) {
		if (s.p[i] == '\\' && i + 3 < s.n && isdigit((unsigned char)s.p[i + 1])) {
			out[n++] = (char)((s.p[i + 1] - '0') << 6 | (s.p[i + 2] - '0') << 3 |
					  (s.p[i + 3] - '0'));
			i += 3;
		} else {
			out[n++] = s.p[i];
		}
	}
	out[n] = '\0';
}

/* Whether the second hierarchy hands the cpu controller out at all. */
static bool v2_has_cpu(int root)
{
	struct buf b = { 0 };
	struct span text, word;
	bool has = false;

	if (!files_line(root, "cgroup.controllers", &b, '\n')) {
		text = (struct span){ (const char *)b.data, b.len - 1 };
		while (span_word(&text, &word))
			has |= span_is(word, "cpu");
	}
	buf_free(&b);
	return has;
}

int cgroup_root(int version)
{
	struct buf mounts = { 0 };
	struct span text, line, dev, where, type, opts;
	int rc = files_read(AT_FDCWD, "/proc/self/mounts", FILES_LIMIT, &mounts, NULL);
	int dir = rc ? rc : -ENOENT;

	text = (struct span){ (const char *)mounts.data, mounts.len };
	while (!rc && dir < 0 && span_line(&text, &line)) {
		char path[4096];

		if (!span_word(&line, &dev) || !span_word(&line, &where) ||
		    !span_word(&line, &type) || !span_word(&line, &opts))
			continue;
		if (version == 2 ? !span_is(type, "cgroup2")
				 : !span_is(type, "cgroup") || !has_word(opts, "cpu"))
			continue;
		unescape(where, path, sizeof(path));
		dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0)
			dir = -errno;
	}
	buf_free(&mounts);
	return dir;
}

int cgroups_open(struct cgroups **out)
{
	struct cgroups *c = calloc(1, sizeof(*c));
	int rc = 0;

	if (!c)
		return -ENOMEM;
	c->root[1] = cgroup_root(1);
	c->root[2] = cgroup_root(2);
	if (c->root[2] >= 0 && !v2_has_cpu(c->root[2])) {
		close(c->root[2]);
		c->root[2] = -1;
	}
	if (c->root[1] == -ENOMEM || c->root[2] == -ENOMEM)
		rc = -ENOMEM;
	else if (c->root[1] < 0 && c->root[2] < 0)
		rc = -ENOENT;
	if (rc) {
		cgroups_close(c);
		return rc;
	}
	*out = c;
	return 0;
}

static void forget_quotas(struct cgroups *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->quotas[i].path);
	c->n = 0;
}

void cgroups_close(struct cgroups *c)
{
	if (!c)
		return;
	forget_quotas(c);
	free(c->quotas);
	for (int v = 1; v <= 2; v++)
		if (c->root[v] >= 0)
			close(c->root[v]);
	free(c);
}

/* Quota and period of a group. Return: 0, -ENOENT (has no quota), -EINVAL. */
static int read_quota(int dir, int version, int64_t *quota_us, int64_t *period_us)
{
	char text[128];
	struct span s, q, p;
	struct buf b = { 0 };
	int rc;

	/* cpu.max is "QUOTA PERIOD", QUOTA "max" where there is none; cpu.cfs_quota_us is -1 then
	 */
	rc = files_line(dir, version == 2 ? "cpu.max" : "cpu.cfs_quota_us", &b, ' ');
	if (!rc && version == 1)
		rc = files_line(dir, "cpu.cfs_period_us", &b, ' ');
	if (!rc) {
		span_copy((struct span){ (const char *)b.data, b.len }, text, sizeof(text));
		s = (struct span){ text, strlen(text) };
		if (!span_word(&s, &q) || !span_word(&s, &p) || span_i64(p, period_us))
			rc = -EINVAL;
		else if (span_is(q, "max") || span_is(q, "-1"))
			rc = -ENOENT;
		else
			rc = span_i64(q, quota_us);
	}
	buf_free(&b);
	return rc;
}

static int add_quota(struct cgroups *c, const char *path, int version)
{
	if (c->n == QUOTAS_MAX)
		return -E2BIG;
	if (c->n == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 64;
		struct quota *q = realloc(c->quotas, cap * sizeof(*q));

		if (!q)
			return -ENOMEM;
		c->quotas = q;
		c->cap = cap;
	}
	c->quotas[c->n] = (struct quota){ strdup(path), version };
	return c->quotas[c->n].path ? (c->n++, 0) : -ENOMEM;
}

/* The group @dir, whose descriptor it closes, and the groups below; w->path has @len bytes. */
static int walk_group(struct cgroup_walk *w, int dir, size_t len, int depth)
{
	const struct dirent *e;
	int rc = ++w->seen > CGROUPS_MAX ? -E2BIG : w->see(w->ctx, dir, len ? w->path : "/");
	DIR *d = rc ? NULL : fdopendir(dir);

	if (!d) {
		close(dir);
		return rc;
	}
	while (!rc && depth < CGROUP_DEPTH && (e = readdir(d))) {
		size_t n = strlen(e->d_name);
		int sub;

		if (e->d_type != DT_DIR || !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || len + n + 2 > CGROUP_PATH)
			continue;
		sub = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (sub < 0)
			continue;
		w->path[len] = '/';
		memcpy(w->path + len + 1, e->d_name, n + 1);
		rc = walk_group(w, sub, len + 1 + n, depth + 1);
	}
	closedir(d);
	return rc;
}

int cgroup_walk(struct cgroup_walk *w, int dir)
{
	return walk_group(w, dir, 0, 0);
}

struct quota_walk {
	struct cgroups *c;
	int version;
};

static int see_quota(void *ctx, int dir, const char *path)
{
	const struct quota_walk *q = ctx;
	int64_t quota, period;

	return read_quota(dir, q->version, &quota, &period) ? 0 : add_quota(q->c, path, q->version);
}

int cgroups_walk(struct cgroups *c)
{
	struct quota_walk q = { .c = c };
	struct cgroup_walk w = { .see = see_quota, .ctx = &q };
	int rc = 0;

	forget_quotas(c);
	for (q.version = 1; q.version <= 2 && !rc; q.version++) {
		/* not dup(): the place in the directory would be shared */
		int dir = c->root[q.version] < 0 ? -1 : openat(c->root[q.version], ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (dir >= 0)
			rc = cgroup_walk(&w, dir);
	}
	return rc;
}

/* cpu.stat is "NAME VALUE" a line in both versions. */
static int put_cpu_stat(int dir, struct buf *scratch, struct buf *out)
{
	struct span text, line, name, value;
	int rc;

	buf_reset(scratch);
	rc = files_read(dir, "cpu.stat", 16 * KIB, scratch, NULL);
	if (rc)
		return rc == -ENOMEM ? rc : 0;
	text = (struct span){ (const char *)scratch->data, scratch->len };
	while (!rc && span_line(&text, &line)) {
		if (!span_word(&line, &name) || !span_word(&line, &value))
			continue;
		rc = buf_put(out, "\t", 1);
		if (!rc)
			rc = tape_text(out, name, '=');
		if (!rc)
			rc = tape_text(out, value, '\n');
		if (!rc)
			out->len--; /* the end of the line comes last */
	}
	return rc;
}

int cgroups_read(const struct cgroups *c, struct buf *out)
{
	struct buf scratch = { 0 };
	int rc = 0;

	for (size_t i = 0; i < c->n && !rc; i++) {
		const struct quota *q = &c->quotas[i];
		int64_t quota, period;
		int dir = openat(c->root[q->version], q->path[1] ? q->path + 1 : ".",
				 O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (dir < 0)
			continue;
		if (!read_quota(dir, q->version, &quota, &period)) {
			rc = put_text(out, q->path, '\t');
			if (!rc)
				rc = buf_printf(out, "%d\t%lld\t%lld", q->version, (long long)quota,
						(long long)period);
			if (!rc)
				rc = put_cpu_stat(dir, &scratch, out);
			if (!rc)
				rc = buf_put(out, "\n", 1);
		}
		close(dir);
	}
	buf_free(&scratch);
	return rc;
}

/* --- kernel log --- */

int kmsg_open(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return -errno;
	if (lseek(fd, 0, SEEK_END) < 0) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

int kmsg_read(int fd, struct buf *out, unsigned int *lost)
{
	size_t start = out->len;
	unsigned int gaps = 0;
	int rc;

	/* one record a read; EPIPE says once that records were overwritten
	 * (Documentation/ABI/testing/dev-kmsg) */
	for (;;) {
		ssize_t n;

		rc = out->len - start > KMSG_MAX || gaps > 1000 ? -E2BIG
								: buf_reserve(out, KMSG_RECORD);
		if (rc)
			break;
		n = read(fd, out->data + out->len, KMSG_RECORD);
		if (n > 0) {
			out->len += (size_t)n;
		} else if (n < 0 && errno == EPIPE) {
			gaps++;
		} else if (n == 0 || errno != EINTR) {
			rc = n == 0 || errno == EAGAIN ? 0 : -errno;
			break;
		}
	}
	*lost = gaps;
	return rc;
}
