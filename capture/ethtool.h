/* SPDX-License-Identifier: MIT */
/* ethtool: what SIOCETHTOOL tells of a device, as the records of TAPE.md, section 6. */
#ifndef SKBTAPE_CAPTURE_ETHTOOL_H
#define SKBTAPE_CAPTURE_ETHTOOL_H

#include "../schema/base.h"

struct ethtool;

/* ethtool_open() - memory only. Return: 0, -ENOMEM. */
int ethtool_open(struct ethtool **t);
void ethtool_close(struct ethtool *t);

/**
 * ethtool_begin() - get ready for the calling thread's network namespace
 * @netns:   its inode number
 * @modules: the kernel can load modules
 * Until ethtool_end() the thread does without the capabilities with which a name that is no
 * device any more would make the kernel look for a module. Only commands that need no
 * privilege are used. Return: 0, -errno (leave it alone then).
 */
int ethtool_begin(struct ethtool *t, uint64_t netns, bool modules);
/* ethtool_end() - close the socket, take the capabilities back. Return: 0, -errno of that. */
int ethtool_end(struct ethtool *t);

/**
 * ethtool_device() - append the records of one device
 * @full: everything, else the driver's statistics only, with their names where these are new
 * What a driver does not have is left out. Return: 0, -ENOMEM.
 */
int ethtool_device(struct ethtool *t, int ifindex, const char *name, bool full, struct buf *out);

/* ethtool_record() - append one record: @n bytes of structure, padded. Return: 0, -ENOMEM,
 * -EOVERFLOW. */
int ethtool_record(struct buf *out, uint32_t ifindex, uint32_t command, const void *data, size_t n);

#endif
