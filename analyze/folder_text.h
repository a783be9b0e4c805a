/* SPDX-License-Identifier: MIT */
/*
 * folder_text: texts of a folder in the form that a tape has them (schema/TAPE.md, 2
 * and 6). All functions append to @out and return -ENOMEM or the number of lines that
 * could not be read.
 */
#ifndef SKBTAPE_FOLDER_TEXT_H
#define SKBTAPE_FOLDER_TEXT_H

#include "folder.h"

/* folder_sysctl() - proc/sys/net, and what @text ('sysctl -a') has beyond it where @f is not NULL */
int64_t folder_sysctl(const struct folder *f, struct span text, struct buf *out);
/* folder_sysfs() - queues and states of sys/class/net */
int64_t folder_sysfs(const struct folder *f, struct buf *out);
/* folder_irq() - proc/irq */
int64_t folder_irq(const struct folder *f, struct buf *out);
/* folder_nstat() - 'nstat -zas': IPv4's counters as /proc/net/snmp and netstat, IPv6's as snmp6 */
int64_t folder_nstat(struct span text, struct buf *snmp, struct buf *netstat, struct buf *snmp6);
/* folder_ethtool() - 'ethtool -S' of a device */
int64_t folder_ethtool(struct span text, uint32_t ifindex, struct buf *out);
/* folder_ring() - 'ethtool -g' of a device */
int64_t folder_ring(struct span text, uint32_t ifindex, struct buf *out);
/* folder_dmesg() - 'dmesg' as records of /dev/kmsg */
int64_t folder_dmesg(struct span text, struct buf *out);

#endif
