/* SPDX-License-Identifier: MIT */
/*
 * snap_host: what belongs to the machine and not to a namespace: interrupts,
 * CPU topology, cgroups with a CPU quota, tasks, the kernel log.
 */
#ifndef SKBTAPE_CAPTURE_SNAP_HOST_H
#define SKBTAPE_CAPTURE_SNAP_HOST_H

#include "../schema/base.h"

/* Texts as TAPE.md describes them, appended to @out. Return: 0, -E2BIG (cut at a limit), -errno. */
int host_irqs(struct buf *out);
int host_topology(struct buf *out);
int host_tasks(struct buf *out);

/* cgroup_root() - the directory of the hierarchy of @version 2, or of the one of version 1 that has the cpu controller. Return: a descriptor, -ENOENT,
 * -ENOMEM, -errno. */
int cgroup_root(int version);

#define CGROUP_PATH 1024

/* A walk over a hierarchy. @see is given each group's directory and its path in the hierarchy; what it returns but 0 ends the walk. */
struct cgroup_walk {
	int (*see)(void *ctx, int dir, const char *path);
	void *ctx;
	unsigned int seen; /* groups looked at, over all hierarchies that this walks */
	char path[CGROUP_PATH];
};

/* cgroup_walk() - the group @dir, whose descriptor it closes, and those below. Return: 0, -E2BIG (more groups than are looked at), what @see
 * returned. */
int cgroup_walk(struct cgroup_walk *w, int dir);

/* The cgroups that have a CPU quota, of both versions. */
struct cgroups;

/* cgroups_open() - find the hierarchies in /proc/self/mounts. Return: 0, -ENOENT (none has the cpu
 * controller), -ENOMEM. */
int cgroups_open(struct cgroups **c);
void cgroups_close(struct cgroups *c);
/* cgroups_walk() - look for groups with a quota again. Return: 0, -E2BIG (more groups than are
 * looked at), -ENOMEM. */
int cgroups_walk(struct cgroups *c);
/* cgroups_read() - a line for each group that the last walk found and that is still there. Return:
 * 0, -ENOMEM. */
int cgroups_read(const struct cgroups *c, struct buf *out);

/* kmsg_open() - /dev/kmsg at its end. Return: a descriptor, -errno. */
int kmsg_open(void);
/**
 * kmsg_read() - append the records that came since
 * @lost: set to the number of times that records were overwritten before they were read
 * Return: 0, -E2BIG (there are more), -ENOMEM, -errno of read.
 */
int kmsg_read(int fd, struct buf *out, unsigned int *lost);

/* cgroup_of() - the path that tasks/SEQ names, from the text of a /proc/PID/cgroup. */
struct span cgroup_of(struct span text);

/* One thread from the text of its stat file. Return: 0, -EINVAL. */
struct task_stat {
	struct span comm, state, start;
};
int task_stat_parse(struct span text, struct task_stat *t);

#endif
