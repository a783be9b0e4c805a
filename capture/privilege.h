/* SPDX-License-Identifier: MIT */
/* privilege: what a running recorder may still do. */
#ifndef SKBTAPE_PRIVILEGE_H
#define SKBTAPE_PRIVILEGE_H

/*
 * privilege_drop() - the calling thread, and those that it starts, keep only the capabilities that
 * snapshots and the end of a recording need; they cannot be had again. COMMAND must have been forked before.
 */
void privilege_drop(void);

/* privilege_least() - the calling thread, or process, gives up all of them but what tracefs takes: it computes, writes to
 * open files, or waits to remove a tracing instance. */
void privilege_least(void);

/*
 * privilege_confine() - all threads: no program is started, no module, mount point, clock, file or
 * socket beyond those of a recorder is touched from here on (seccomp(2)). Where the kernel refuses the filter
 * nothing happens.
 */
void privilege_confine(void);

#endif
