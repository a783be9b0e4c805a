/* SPDX-License-Identifier: MIT */
/*
 * snap: snapshots of /proc, /sys, netlink and ethtool, of the machine and of
 * every namespace: raw text and raw dumps. Loads no module and creates no table
 * by asking (see the theory of operation in netlink.c).
 */
#ifndef SKBTAPE_SNAP_H
#define SKBTAPE_SNAP_H

#include "netset.h"

enum snap_kind { SNAP_BEFORE, SNAP_TICK, SNAP_AFTER };

struct snap;

/**
 * snap_open() - what can be asked on this host without changing it
 * @full: also what only the 'full' profile records (bounded conntrack entries each second)
 * Opens /dev/kmsg at its end. Return: 0, -ENOMEM. What is missing goes into quality when first asked.
 */
int snap_open(struct snap **s, struct netset *set, struct tape_writer *w, bool full, struct err *e);
/* snap_take() - one round. SNAP_BEFORE also writes tasks/000000; SNAP_AFTER writes tasks/000001 and kmsg.
 * Sources that take more than 1 % of the interval of one second are read less often in SNAP_TICK. Return: 0, or the tape writer's error. */
int snap_take(struct snap *s, enum snap_kind kind);
/* snap_symbols() - kallsyms and modules: soon after the start, so that a killed recording has them;
 * @at_end: again, under names of their own, where modules came or went meanwhile. */
int snap_symbols(struct snap *s, bool at_end);
unsigned int snap_count(const struct snap *s);
void snap_close(struct snap *s);

#endif
