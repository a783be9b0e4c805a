/* SPDX-License-Identifier: MIT */
/*
 * folder_nl: what a folder tells as text, as the netlink messages that tell the same,
 * so that the readers of a tape's dumps read it. What a text does not tell has no
 * attribute.
 *
 * All functions append to @out and return -ENOMEM or the number of lines that could
 * not be read.
 */
#ifndef SKBTAPE_FOLDER_NL_H
#define SKBTAPE_FOLDER_NL_H

#include "folder.h"

/* A device; numbers are -1 where they are not told. */
struct folder_dev {
	char name[16], kind[16], qdisc[16], master[16];
	uint8_t mac[32];
	size_t mac_bytes;
	int64_t ifindex, link, mtu, flags, arphrd, queue_len, operstate, carrier, changes, rx_queues, tx_queues;
	uint64_t stats[32]; /* struct rtnl_link_stats64 */
	size_t n_stats;
};

/* Zero-initialised is empty; @v is the owner's to free(). */
struct folder_devs {
	struct folder_dev *v;
	size_t n;
	uint64_t refused;
};

/* folder_devs_text() - devices of 'ip -d link'; nothing is appended but to @d. */
int64_t folder_devs_text(struct folder_devs *d, struct span text);
/* folder_devs_sys() - devices of sys/class/net, whose numbers go before those of a text. Return: 0, -ENOMEM. */
int folder_devs_sys(struct folder_devs *d, const struct folder *f);
/* folder_devs_index() - ifindex of a device, 0: not known */
uint32_t folder_devs_index(const struct folder_devs *d, struct span name);

int64_t folder_nl_link(const struct folder_devs *d, struct buf *out);
/* folder_nl_addr() - 'ip -o addr' or 'ip -d address' */
int64_t folder_nl_addr(struct span text, struct buf *out);
/* folder_nl_qdisc() - 'tc -s qdisc show' */
int64_t folder_nl_qdisc(const struct folder_devs *d, struct span text, struct buf *out);

/* ---- folder_route.c ---- */

/* folder_nl_route() - 'ip route show table all'; one message for each next hop */
int64_t folder_nl_route(const struct folder *f, const struct folder_devs *d, struct span text, struct buf *out);
/* folder_nl_proc_route() - proc/net/route of a little-endian host: the main table */
int64_t folder_nl_proc_route(const struct folder_devs *d, struct span text, struct buf *out);
/* folder_nl_proc_route6() - proc/net/ipv6_route, which does not tell tables: those of addresses are local, others main */
int64_t folder_nl_proc_route6(const struct folder_devs *d, struct span text, struct buf *out);
/* folder_nl_rule() - 'ip -4 rule list', 'ip -6 rule list' */
int64_t folder_nl_rule(const struct folder *f, struct span text, bool v6, struct buf *out);
/* folder_nl_neigh() - 'ip neigh show', with or without -s */
int64_t folder_nl_neigh(const struct folder_devs *d, struct span text, struct buf *out);
/* folder_nl_proc_arp() - proc/net/arp */
int64_t folder_nl_proc_arp(const struct folder_devs *d, struct span text, struct buf *out);

/* ---- folder_ct.c ---- */

/* folder_nl_conntrack() - proc/net/nf_conntrack, or 'conntrack -L' with or without -o extended */
int64_t folder_nl_conntrack(struct span text, struct buf *out);

/* ---- folder_sock.c ---- */

/* folder_nl_ss() - sockets of @proto ("tcp", "udp") in 'ss -peaonmi' */
int64_t folder_nl_ss(struct span text, const char *proto, struct buf *out);
/* idiag_wqueue of a listener whose backlog is not told; listen(2) takes an int. */
#define FOLDER_NO_BACKLOG UINT32_MAX
/* folder_nl_proc() - proc/net/tcp, tcp6, udp, udp6 of a little-endian host */
int64_t folder_nl_proc(struct span text, bool udp, bool v6, struct buf *out);

/* ---- texts ---- */

/* folder_number() - decimal, or hexadecimal behind 0x. Return: -1: none that an int has. */
int64_t folder_number(struct span s);
/* folder_mac() - "02:fc:00:00:00:01". Return: how many bytes it has. */
size_t folder_mac(struct span s, uint8_t *mac, size_t size);

/* ---- messages ---- */

/* folder_nl_begin() - a message with its fixed part. Return: 0, -ENOMEM; *@at is for folder_nl_end(). */
int folder_nl_begin(struct buf *out, uint16_t type, const void *head, size_t n, size_t *at);
int folder_nl_attr(struct buf *out, uint16_t type, const void *data, size_t n);
int folder_nl_u32(struct buf *out, uint16_t type, int64_t v); /* nothing where @v is negative */
int folder_nl_text(struct buf *out, uint16_t type, const char *s); /* nothing where it is empty */
/* folder_nl_nest() - attributes inside of one; as folder_nl_begin(). */
int folder_nl_nest(struct buf *out, uint16_t type, size_t *at);
void folder_nl_nest_end(struct buf *out, size_t at);
/* folder_nl_end() - the length of what was begun at @at. */
void folder_nl_end(struct buf *out, size_t at);
/* folder_nl_done() - the message that ends a dump. Return: 0, -ENOMEM. */
int folder_nl_done(struct buf *out);

#endif
