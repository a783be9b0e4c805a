/* SPDX-License-Identifier: MIT */
/*
 * procfs: the kernel's text files that hold counters. Each parser takes a whole
 * file, puts every number it understands into a sink, skips what it does not,
 * and returns how many lines it had to skip.
 */
#ifndef SKBTAPE_PROCFS_H
#define SKBTAPE_PROCFS_H

#include "counters.h"

#define PROCFS_CPU_MAX                                                                             \
	8192 /* NR_CPUS of the largest distribution kernels (arch/x86/Kconfig, MAXSMP) */

/* Online CPUs in the order of the files that have a row for each of them. */
struct procfs_cpus {
	size_t n; /* 0: not known */
	int16_t id[PROCFS_CPU_MAX];
};

/* procfs_snmp() - /proc/net/snmp and netstat: a line of names, a line of values. Names become
 * 'Udp.RcvbufErrors'. */
uint64_t procfs_snmp(struct span text, const char *source, struct sample_sink *s);
/* procfs_pairs() - a name and a number per line: /proc/net/snmp6, xfrm_stat. */
uint64_t procfs_pairs(struct span text, const char *source, struct sample_sink *s);
/* procfs_sockstat() - /proc/net/sockstat and sockstat6: 'TCP: inuse 5 orphan 0' becomes TCP.inuse,
 * TCP.orphan. */
uint64_t procfs_sockstat(struct span text, struct sample_sink *s);
/* procfs_dev() - /proc/net/dev, by the names of IFLA_STATS64 as far as they are the same numbers.
 */
uint64_t procfs_dev(struct span text, struct sample_sink *s);
/* procfs_stat() - /proc/stat: user ... steal per CPU in ticks; fills @cpus with the online ones. */
uint64_t procfs_stat(struct span text, struct procfs_cpus *cpus, struct sample_sink *s);
/* procfs_schedstat() - run_time_ns, run_delay_ns, timeslices per CPU. */
uint64_t procfs_schedstat(struct span text, struct sample_sink *s);
/* procfs_softnet() - softnet_stat; @cpus tells the CPUs of kernels that do not print them. */
uint64_t procfs_softnet(struct span text, const struct procfs_cpus *cpus, struct sample_sink *s);
/* procfs_softirqs() - NET_RX, NET_TX, ... per CPU. */
uint64_t procfs_softirqs(struct span text, struct sample_sink *s);
/* procfs_interrupts() - per CPU; names are 'NUMBER ACTIONS' (38 virtio2-input.0) or the
 * architecture's (LOC, RES). Sparse. */
uint64_t procfs_interrupts(struct span text, struct sample_sink *s);
/**
 * procfs_stat_table() - /proc/net/stat/NAME: a line of names, a line of hexadecimal numbers per
 * CPU; the sum goes into the sink
 * @source:  'conntrack' (names become those of ctnetlink), 'arp_cache', 'rt_cache', ...
 * @machine: the file shows the whole machine in whichever namespace it is read
 */
uint64_t procfs_stat_table(struct span text, const char *source, bool machine,
			   struct sample_sink *s);

/* procfs_unescape() - \ooo of the texts that skbtape makes (schema/TAPE.md, 2) back to bytes, in
 * @out; cut where they do not fit. */
struct span procfs_unescape(struct span in, char *out, size_t size);

/* One record of /dev/kmsg. */
struct kmsg {
	int level;	  /* 0 emerg ... 7 debug */
	uint64_t usec;	  /* local clock, about MONOTONIC */
	struct span text; /* as read: bytes below 0x20 and the backslash are \xNN */
};

/* procfs_kmsg() - the next record (Documentation/ABI/testing/dev-kmsg). Return: 1, 0 at the end,
 * -EINVAL for a line that is none. */
int procfs_kmsg(struct span *text, struct kmsg *k);
/* procfs_kmsg_text() - \xNN back to bytes */
struct span procfs_kmsg_text(struct span in, char *out, size_t size);

#endif
