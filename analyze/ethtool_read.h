/* SPDX-License-Identifier: MIT */
/*
 * ethtool_read: the binary ethtool records of a snapshot (schema/TAPE.md, 6):
 * counters by the driver's names, and features, ring sizes, channels, coalescing,
 * driver as rows of dev_feature.
 */
#ifndef SKBTAPE_ETHTOOL_READ_H
#define SKBTAPE_ETHTOOL_READ_H

#include "nl.h"

struct ethtool_read;

/* ethtool_read_open() - Return: 0, -ENOMEM. Freed by ethtool_read_free(). */
int ethtool_read_open(struct ethtool_read **x, const struct nl_env *env);
void ethtool_read_free(struct ethtool_read *x);

/**
 * ethtool_read_load() - the records of one namespace in one snapshot
 * Rows of dev_feature are written when @at says that it is the last one.
 * Return: records that could not be read.
 */
uint64_t ethtool_read_load(struct ethtool_read *x, struct span data, const struct snap_at *at);

#endif
