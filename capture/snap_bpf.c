/* SPDX-License-Identifier: MIT */
#include "snap_bpf.h"
#include "snap_host.h"
#include "tape_write.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GROUPS_MAX  20000 /* looked at */
#define LINES_MAX   5000
#define GROUP_DEPTH 24
#define GROUP_PATH  1024
#define IDS_MAX	    16

struct walk {
	struct buf *out;
	unsigned int seen, lines;
};

/* The programs of one kind that are attached to the group @dir itself. Return: how many, 0 also where nobody may ask. */
static unsigned int attached(int dir, enum bpf_attach_type type, uint32_t ids[IDS_MAX])
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.query.target_fd = (uint32_t)dir;
	attr.query.attach_type = type;
	attr.query.prog_ids = (uint64_t)(uintptr_t)ids;
	attr.query.prog_cnt = IDS_MAX;
	/* ENOSPC: there are more, the first ones are told (__cgroup_bpf_query(), kernel/bpf/cgroup.c) */
	if (syscall(SYS_bpf, BPF_PROG_QUERY, &attr, sizeof(attr)) && errno != ENOSPC)
		return 0;
	return attr.query.prog_cnt < IDS_MAX ? attr.query.prog_cnt : IDS_MAX;
}

static int put_ids(struct buf *out, const uint32_t *ids, unsigned int n, char end)
{
	int rc = 0;

	for (unsigned int i = 0; i < n && !rc; i++)
		rc = buf_printf(out, "%s%u", i ? "," : "", ids[i]);
	return rc ? rc : buf_put(out, &end, 1);
}

static int put_group(struct walk *w, int dir, const char *path)
{
	uint32_t in[IDS_MAX], eg[IDS_MAX];
	unsigned int n_in = attached(dir, BPF_CGROUP_INET_INGRESS, in), n_eg = attached(dir, BPF_CGROUP_INET_EGRESS, eg);
	int rc;

	if (!n_in && !n_eg)
		return 0;
	if (++w->lines > LINES_MAX)
		return -E2BIG;
	rc = tape_text(w->out, (struct span){ path, strlen(path) }, '\t');
	if (!rc)
		rc = put_ids(w->out, in, n_in, '\t');
	return rc ? rc : put_ids(w->out, eg, n_eg, '\n');
}

/* The group @dir, whose descriptor it closes, and the groups below. */
static int walk_group(struct walk *w, int dir, char path[GROUP_PATH], size_t len, int depth)
{
	const struct dirent *e;
	int rc = ++w->seen > GROUPS_MAX ? -E2BIG : put_group(w, dir, len ? path : "/");
	DIR *d = rc ? NULL : fdopendir(dir);

	if (!d) {
		close(dir);
		return rc;
	}
	while (!rc && depth < GROUP_DEPTH && (e = readdir(d))) {
		size_t n = strlen(e->d_name);
		int sub;

		if (e->d_type != DT_DIR || !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..") || len + n + 2 > GROUP_PATH)
			continue;
		sub = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (sub < 0)
			continue;
		path[len] = '/';
		memcpy(path + len + 1, e->d_name, n + 1);
		rc = walk_group(w, sub, path, len + 1 + n, depth + 1);
		path[len] = '\0';
	}
	closedir(d);
	return rc;
}

int host_cgroup_bpf(struct buf *out)
{
	char path[GROUP_PATH] = "";
	struct walk w = { .out = out };
	int root = cgroup_root(2);

	return root < 0 ? root : walk_group(&w, root, path, 0, 0);
}
