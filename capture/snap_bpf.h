/* SPDX-License-Identifier: MIT */
/*
 * snap_bpf: which control groups have BPF programs that may refuse packets. Such a program drops with the same reasons as others do
 * (on the way in with a socket filter's), so only the kernel's own list tells whose drop it was.
 */
#ifndef SKBTAPE_CAPTURE_SNAP_BPF_H
#define SKBTAPE_CAPTURE_SNAP_BPF_H

#include "../schema/base.h"

/**
 * host_cgroup_bpf() - a line for each group of the second hierarchy that has such programs itself, as TAPE.md describes it, appended to @out
 * Return: 0, -ENOENT (no such hierarchy), -E2BIG (cut at a limit), -ENOMEM, -errno.
 */
int host_cgroup_bpf(struct buf *out);

#endif
