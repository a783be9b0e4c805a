/* SPDX-License-Identifier: MIT */
/*
 * folder: the files of a copied /proc and /sys, or of a sosreport, in memory: from
 * a directory or from a tar archive. Only what a snapshot can use is read.
 */
#ifndef SKBTAPE_FOLDER_H
#define SKBTAPE_FOLDER_H

#include "tape_frames.h"

#define FOLDER_SOS "sos_commands/networking/"

struct folder_file {
	char *path; /* "proc/net/snmp", "sys/class/net/eth0/mtu", "sos_commands/kernel/sysctl_-a" */
	char *data;
	size_t n;
	size_t order; /* in which they came: of two of one path the first is kept */
};

/* Zero-initialised is empty. Freed by folder_free(). */
struct folder {
	struct folder_file *v; /* sorted by path, no path twice */
	size_t n, cap;
	uint64_t bytes;
	uint64_t cut;	  /* files of which only the begin was taken, and files beyond all limits */
	uint64_t refused; /* files that may not be read, are none, or that a link puts outside of the folder */
	bool broken;	  /* an archive that ends before its end, or is damaged */
};

/**
 * folder_read() - what is below a directory
 * @fd: the directory; links that lead out of it are not followed (openat2(2), RESOLVE_BENEATH)
 * A directory that holds nothing of use but one other directory stands for that one.
 * Return: 0, -EINVAL (nothing of use is in it), -ENOMEM, or the errno of openat2(2).
 */
int folder_read(struct folder *f, int fd, const char *path, struct err *e);

/**
 * folder_unpack() - what is in a tar archive: plain, gzip or zstd
 * Return: 0, -ENOTSUP (no archive, or nothing of use is in it), -ENOMEM, or as tape_file_read().
 */
int folder_unpack(struct folder *f, const struct tape_file *file, struct err *e);
void folder_free(struct folder *f);

/* folder_text() - a file's text. Return: whether there is one. */
bool folder_text(const struct folder *f, const char *path, struct span *text);
/* folder_from() - index of the first file whose path is not before @prefix. */
size_t folder_from(const struct folder *f, const char *prefix);

/* ---- for both readers ---- */

/* folder_wants() - whether a file of that path is of use, and how much of it. Return: 0: no. */
size_t folder_wants(const char *path);
/* folder_put() - a file; its path and bytes are copied. Return: 0, -ENOMEM. */
int folder_put(struct folder *f, const char *path, const void *data, size_t n);
/* folder_sort() - behind the last folder_put(). */
void folder_sort(struct folder *f);

#endif
