/* SPDX-License-Identifier: MIT */
/*
 * nl: what the readers of netlink dumps share, and their entry points. Each
 * reader is opened once per tape, gets the dumps of all namespaces in the order
 * of the snapshots, and writes what only the end can tell in its finish.
 */
#ifndef SKBTAPE_NL_H
#define SKBTAPE_NL_H

#include "counters.h"
#include "host.h"
#include "nldump.h"

struct nl_env {
	struct db *d;
	struct host *h;
	struct counters *counters;
	bool from_boot; /* counters_from_boot() */
};

/* Where a dump comes from. */
struct snap_at {
	int64_t seq;
	int64_t ns; /* begin of this namespace's part of the snapshot, CLOCK_REALTIME */
	int64_t netns_id;
	const char *netns;
	bool first, last; /* this namespace's first or last dump of that kind */
};

enum nl_kind {
	NL_LINK,
	NL_ADDR,
	NL_ROUTE,
	NL_RULE,
	NL_NEIGH,
	NL_QDISC,
	NL_TCLASS,
	NL_TFILTER,
	NL_SOCK_TCP,
	NL_SOCK_UDP,
	NL_SOCK_RAW,
	NL_SOCK_UNIX,
	NL_SOCK_PACKET,
	NL_CONNTRACK,
	NL_CTSTATS,
	NL_NFT_CHAIN,
	NL_NFT_RULE,
};

/* nl_dev_text() - name of a device, 'ifN' where no dump named it */
#define NL_DEV_TEXT 24
const char *nl_dev_text(const struct nl_env *env, int64_t netns_id, int ifindex,
			char out[NL_DEV_TEXT]);
/* nl_limit() - a quality row when @refused rows found no room. */
void nl_limit(struct db *d, const char *source, uint64_t refused, size_t max);
/* nl_put() - a counter of a netlink source. */
void nl_put(const struct nl_env *env, const char *source, const char *name, const char *dev,
	    int64_t value);

/* Links, addresses, routes, rules, neighbours: netdev, addr, route, route_rule, neigh; counters
 * 'dev'. */
struct nl_link;
int nl_link_open(struct nl_link **l, const struct nl_env *env);
void nl_link_load(struct nl_link *l, enum nl_kind kind, struct nl_dump *dump,
		  const struct snap_at *at);
int nl_link_finish(struct nl_link *l);
void nl_link_free(struct nl_link *l);
/* nl_link_counts() - whether the dumps of a namespace hold the devices' counters; a text that was made into one may not. */
bool nl_link_counts(const struct nl_link *l, int64_t netns_id);
/* nl_link_queue_len() - tx_queue_len of a device, -1 where not known */
int64_t nl_link_queue_len(const struct nl_link *l, int64_t netns_id, int ifindex);

/* Sockets and connection tracking: socket, conntrack; counters 'conntrack'. */
struct nl_sock;
int nl_sock_open(struct nl_sock **s, const struct nl_env *env);
void nl_sock_load(struct nl_sock *s, enum nl_kind kind, struct nl_dump *dump,
		  const struct snap_at *at);
int nl_sock_finish(struct nl_sock *s);
void nl_sock_free(struct nl_sock *s);

/* nftables: nft_chain, nft_rule; counters 'nft'. */
struct nl_nft;
int nl_nft_open(struct nl_nft **n, const struct nl_env *env);
void nl_nft_load(struct nl_nft *n, enum nl_kind kind, struct nl_dump *dump,
		 const struct snap_at *at);
int nl_nft_finish(struct nl_nft *n);
void nl_nft_free(struct nl_nft *n);

/* Traffic control: qdisc, tc_filter; counters 'qdisc' and 'class'. */
struct nl_tc;
int nl_tc_open(struct nl_tc **t, const struct nl_env *env, const struct nl_link *links);
void nl_tc_load(struct nl_tc *t, enum nl_kind kind, struct nl_dump *dump, const struct snap_at *at);
int nl_tc_finish(struct nl_tc *t);
void nl_tc_free(struct nl_tc *t);

#endif
