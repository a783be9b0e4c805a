/* SPDX-License-Identifier: MIT */
/*
 * snapshots: everything that a tape says about the host's state: counters,
 * settings, devices, sockets, rules, tasks, kernel log.
 */
#ifndef SKBTAPE_SNAPSHOTS_H
#define SKBTAPE_SNAPSHOTS_H

#include "clocks.h"
#include "db.h"
#include "host.h"
#include "tape_read.h"

/**
 * snapshots_load() - read all members of snap/, tasks/ and kmsg
 * @h: gets the devices and which of them are the two ends of a veth pair
 *
 * Records that cannot be read are skipped, and counted in the table quality, one row per source.
 * Return: 0, -ENOMEM, -EIO (tape or database).
 */
int snapshots_load(struct tape *t, struct db *d, struct host *h, const struct clocks *c,
		   struct err *e);

#endif
