/* SPDX-License-Identifier: MIT */
/*
 * host: what the recorded host is made of, in memory while a tape is loaded:
 * network namespaces and devices, for everything that has to place a packet.
 */
#ifndef SKBTAPE_HOST_H
#define SKBTAPE_HOST_H

#include "db.h"
#include "tape_read.h"

struct host_netns {
	int64_t id; /* of table netns, from 1 */
	uint64_t inum; /* NETNS of TAPE.md */
	char name[64]; /* unique */
};

struct host_dev {
	int64_t id; /* of table netdev, from 1 */
	int64_t netns_id;
	int ifindex;
	char name[16];
	char kind[16];	 /* "" none */
	int arphrd;	 /* -1 unknown */
	int64_t peer_id; /* veth peer, 0 unknown */
	int master_ifindex;
};

struct host;

/* host_load() - namespaces from netns/SEQ; writes table netns. Devices come later, by host_add_dev(). */
int host_load(struct host **h, struct tape *t, struct db *d, struct err *e);
void host_free(struct host *h);

/* host_netns() - namespace by its number on the tape (NETNS of TAPE.md); one that netns/SEQ does not name is added. NULL: out of
 * memory. */
const struct host_netns *host_netns(struct host *h, uint64_t inum);
/* host_netns_newest() - the last namespace that had this inode number; as host_netns(). */
const struct host_netns *host_netns_newest(struct host *h, uint64_t inum);
const struct host_netns *host_netns_by_id(const struct host *h, int64_t id);
size_t host_netns_count(const struct host *h);

/* host_add_dev() - a device; @d->id and peer_id are filled in. A second call for the same (netns, ifindex) replaces the first. */
int host_add_dev(struct host *h, struct host_dev *d);
/* host_dev() - by namespace and index, NULL: not known. */
const struct host_dev *host_dev(const struct host *h, int64_t netns_id, int ifindex);
/* host_dev_named() - the only device of that name on the host; NULL when there is none or more than one. */
const struct host_dev *host_dev_named(const struct host *h, struct span name);
/* host_dev_named_in() - by namespace and name. */
const struct host_dev *host_dev_named_in(const struct host *h, int64_t netns_id, struct span name);
const struct host_dev *host_dev_by_id(const struct host *h, int64_t id);
size_t host_dev_count(const struct host *h);
const struct host_dev *host_dev_at(const struct host *h, size_t i);
/* host_link_peer() - two devices are the ends of one veth pair */
void host_link_peer(struct host *h, int64_t id_a, int64_t id_b);

#endif
