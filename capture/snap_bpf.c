/* SPDX-License-Identifier: MIT */
#include "snap_bpf.h"
#include "snap_host.h"
#include "tape_write.h"

#include <errno.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LINES_MAX 5000
#define IDS_MAX	  16

struct lines {
	struct buf *out;
	unsigned int n;
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

static int put_group(void *ctx, int dir, const char *path)
{
	struct lines *l = ctx;
	uint32_t in[IDS_MAX], eg[IDS_MAX];
	unsigned int n_in = attached(dir, BPF_CGROUP_INET_INGRESS, in), n_eg = attached(dir, BPF_CGROUP_INET_EGRESS, eg);
	int rc;

	if (!n_in && !n_eg)
		return 0;
	if (++l->n > LINES_MAX)
		return -E2BIG;
	rc = tape_text(l->out, (struct span){ path, strlen(path) }, '\t');
	if (!rc)
		rc = put_ids(l->out, in, n_in, '\t');
	return rc ? rc : put_ids(l->out, eg, n_eg, '\n');
}

int host_cgroup_bpf(struct buf *out)
{
	struct lines l = { .out = out };
	struct cgroup_walk w = { .see = put_group, .ctx = &l };
	int root = cgroup_root(2);

	return root < 0 ? root : cgroup_walk(&w, root);
}
