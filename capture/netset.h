/* SPDX-License-Identifier: MIT */
/*
 * netset: the network namespaces of this host, found without changing anything:
 * names in /run/netns, the namespaces of all processes, ours and that of pid 1.
 * Shared by the sniffer and the snapshots; each keeps what it does in one.
 */
#ifndef SKBTAPE_NETSET_H
#define SKBTAPE_NETSET_H

#include "tape_write.h"

/* Entries of the set, those that are gone included; and how many namespaces are recorded at a time.
 * Further ones are named in netns/SEQ with the flag 'unseen'. */
#define NETSET_MAX	1024
#define NETSET_LIVE_MAX 256

enum netset_scope { NETSET_ALL, NETSET_SELF, NETSET_NAME };

struct netset;

/* One namespace. Never freed before netset_close(); @fd stays open, which keeps the namespace alive
 * until then, except that one which only we hold any more (no process in it, mounted nowhere) is
 * let go: once two refreshes in a row did not find it, gone is set and fd closed. A namespace that
 * comes back, or another one that got the same number, is a new entry. Only netset.c uses fd; pid
 * and names belong to the thread that refreshes. */
struct netset_ns {
	uint64_t inum; /* of /proc/PID/ns/net; the kernel gives the number of a gone one to a new one */
	uint64_t id;   /* names it on the tape: inum, plus 2^32 for each earlier one of that number */
	int fd;
	_Atomic bool gone;
	bool self;	 /* the recorder's own */
	bool init;	 /* that of pid 1 */
	int pid;	 /* one that is in it, 0: none (named only) */
	char names[256]; /* of /run/netns, separated by blanks; "" none */
};

/**
 * netset_open() - find the namespaces
 * @name: for NETSET_NAME: a name in /run/netns, or a path, or a pid
 * Without CAP_SYS_ADMIN only our own namespace can be entered: the set then has no other.
 * Return: 0; -ENOENT (no such namespace, the message names it), -EPERM, -ENOMEM.
 */
int netset_open(struct netset **s, enum netset_scope scope, const char *name, struct err *e);
void netset_close(struct netset *s);

/**
 * netset_refresh() - look again; new namespaces are appended
 * Writes netns/SEQ to @w when the set changed (and on the first call).
 * Only one thread may call it (the snapshot thread); others may read the set meanwhile. Costs one
 * readlink() per process, so the caller paces it.
 * Return: number of new namespaces, or -ENOMEM.
 */
int netset_refresh(struct netset *s, struct tape_writer *w);

/* netset_count()/netset_at() - from any thread; indexes and the pointers stay valid. */
size_t netset_count(const struct netset *s);
struct netset_ns *netset_at(const struct netset *s, size_t i);

/* netset_enter() - move the calling thread into @ns. Return: 0, -ESTALE (it is gone), -errno of
 * setns. */
int netset_enter(const struct netset_ns *ns);
/* netset_leave() - move the calling thread back into the recorder's own namespace. Return: as
 * netset_enter(). */
int netset_leave(const struct netset *s);

#endif
