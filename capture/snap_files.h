/* SPDX-License-Identifier: MIT */
/*
 * snap_files: text of /proc and /sys as the kernel gives it. All functions
 * append to a buffer of the caller; files that are not there are no error.
 */
#ifndef SKBTAPE_CAPTURE_SNAP_FILES_H
#define SKBTAPE_CAPTURE_SNAP_FILES_H

#include "../schema/base.h"

#define FILES_LIMIT   (8 * MIB) /* a longer file is cut at a line */
#define COUNTED_LIMIT (128 * KIB)

enum file_when {
	FILE_TICK = 1,	  /* also in the snapshots between the first and the last */
	FILE_NO_DIAG = 2, /* only where sock_diag cannot be asked */
	FILE_OF_INIT = 4, /* from the namespace of pid 1 */
	/* the kernel counts its lines from the first one for each page (igmp6_mc_get_idx(),
	 * net/ipv6/mcast.c): with many devices only its start is read */
	FILE_COUNTED = 8,
};

/* A file that becomes a member. */
struct snap_file {
	const char *path; /* below the root, or below the namespace's proc/net */
	unsigned int when;
};

/* Machine-wide files, and those of one namespace; NULL paths end them. */
extern const struct snap_file files_host[];
extern const struct snap_file files_netns[];

/**
 * files_read() - append the whole text of a file
 * @dirfd: where a relative @path starts, or AT_FDCWD
 * @limit: bytes to take at most; what is longer is cut behind its last whole line
 * @cut:   set to whether that happened, may be NULL
 * Return: 0, or -errno of openat and read, -ENOMEM; the buffer is as before then.
 */
int files_read(int dirfd, const char *path, size_t limit, struct buf *out, bool *cut);

/* files_line() - append the first line of a file as a field, escaped, with @end behind it.
 * Return: as files_read(). */
int files_line(int dirfd, const char *path, struct buf *out, char end);

/**
 * files_sockstat() - a number of sockstat or sockstat6
 * @text: the file
 * @line: how its line begins, "TCP:"
 * @name: the word before the number, "inuse"
 * Return: it, or -1 where the text does not have it.
 */
int64_t files_sockstat(struct span text, const char *line, const char *name);

/* files_sysctl_wanted() - whether a setting is recorded: secrets are not, by the last part of their name. */
bool files_sysctl_wanted(const char *name);
/* files_sysfs_wanted() - whether a file below a device of /sys/class/net is recorded: "carrier", "queues/rx-0/rps_cpus". */
bool files_sysfs_wanted(const char *path);

/**
 * files_sysctl() - the readable settings of the calling thread's network namespace, of so many devices
 * @path: "/proc/sys/net"
 * @until_ns: CLOCK_MONOTONIC, when to leave the rest
 * Keys and other secrets are left out. Return: 0, -E2BIG (cut at a limit), -ETIME (cut at @until_ns),
 * -errno.
 */
int files_sysctl(const char *path, int64_t until_ns, struct buf *out);

/**
 * files_sysfs_mount() - the calling thread's network namespace as sysfs shows it
 * sysfs shows the devices of the namespace that mounted it (fs/sysfs/mount.c), so this makes a
 * mount of its own that is attached nowhere and ends with its descriptor. Return: a descriptor of
 * its class/net, or -errno.
 */
int files_sysfs_mount(void);

/* files_sysfs() - devices and queues below @classnet. Return: as files_sysctl(). */
int files_sysfs(int classnet, int64_t until_ns, struct buf *out);

#endif
