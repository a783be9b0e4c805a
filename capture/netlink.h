/* SPDX-License-Identifier: MIT */
/*
 * netlink: raw dumps over plain rtnetlink, sock_diag and nfnetlink sockets, and
 * the tables of legacy iptables. Nothing is asked that would make the kernel load
 * a module or create a table, see the theory of operation in netlink.c.
 */
#ifndef SKBTAPE_CAPTURE_NETLINK_H
#define SKBTAPE_CAPTURE_NETLINK_H

#include "../schema/base.h"

/* One kind is one member nl/NAME; netlink_kind_name() has the names. */
enum netlink_kind {
	NETLINK_LINK,
	NETLINK_ADDR,
	NETLINK_ROUTES,
	NETLINK_RULE,
	NETLINK_NEIGH,
	NETLINK_NEIGHTBL,
	NETLINK_NEXTHOP,
	NETLINK_QDISC,
	NETLINK_TCLASS,
	NETLINK_TFILTER,
	NETLINK_SOCK_TCP,
	NETLINK_SOCK_TCP6,
	NETLINK_SOCK_UDP,
	NETLINK_SOCK_UDP6,
	NETLINK_SOCK_RAW,
	NETLINK_SOCK_UNIX,
	NETLINK_SOCK_PACKET,
	NETLINK_CONNTRACK,
	NETLINK_CTSTATS,
	NETLINK_NFT_TABLE,
	NETLINK_NFT_CHAIN,
	NETLINK_NFT_RULE,
	NETLINK_NFT_SET,
	NETLINK_NFT_GEN,
	NETLINK_KIND_COUNT,
};

enum netlink_when {
	NETLINK_TICK = 1,      /* also between the first and the last snapshot */
	NETLINK_TICK_FULL = 2, /* ... in the full profile */
};

const char *netlink_kind_name(enum netlink_kind k);
unsigned int netlink_kind_when(enum netlink_kind k);

/* What this kernel can be asked without loading anything. */
struct netlink_access {
	const char
		*lacks[NETLINK_KIND_COUNT]; /* module that a kind would load, NULL: may be asked */
	bool modules;			    /* the kernel can load modules at all */
};

/* netlink_access_init() - look at /proc/modules and modules.builtin, once for all namespaces */
void netlink_access_init(struct netlink_access *a);

/**
 * netlink_module_here() - whether a module's code is in the kernel
 * @loaded:  text of /proc/modules
 * @builtin: text of modules.builtin
 */
bool netlink_module_here(struct span loaded, struct span builtin, const char *name);

/* A few sockets in the calling thread's network namespace. Zeroed by netlink_open(). */
struct netlink {
	const struct netlink_access *access;
	int fd[3]; /* by protocol, -1: not open */
	uint32_t seq;
	struct buf qdiscs; /* struct netlink_qdisc, of the last qdisc dump */
	bool qdiscs_known;
};

/* netlink_open() - sockets are opened when first needed, in the namespace that the thread is in
 * then */
void netlink_open(struct netlink *n, const struct netlink_access *a);
/* netlink_close() - at the latest before the thread leaves the namespace. */
void netlink_close(struct netlink *n);

struct netlink_result {
	bool cut;	  /* a limit was reached: whole messages up to there, no NLMSG_DONE */
	bool interrupted; /* the kernel's table changed meanwhile (NLM_F_DUMP_INTR) */
	unsigned int messages;
};

/**
 * netlink_dump() - append a dump, messages as received
 * @r: set on success
 * Return: 0; -ENOPKG (left alone, see access->lacks); the kernel's error; -ETIMEDOUT; -ENOMEM.
 * @out is as before on failure.
 */
int netlink_dump(struct netlink *n, enum netlink_kind k, struct buf *out, struct netlink_result *r);

/**
 * netlink_iptables() - a table of legacy iptables: struct ipt_getinfo, then struct ipt_get_entries
 * @family: AF_INET or AF_INET6
 * @table:  a name from this namespace's ip_tables_names or ip6_tables_names, which lists what
 * exists Return: 0, -errno.
 */
int netlink_iptables(int family, const char *table, struct buf *out);

/* netlink_each_link() - index, name and IFF_ flags of each device in a link dump; stops where the
 * dump makes no sense. */
void netlink_each_link(struct span dump,
		       void (*fn)(void *ctx, int ifindex, const char *name, unsigned int flags),
		       void *ctx);

#endif
