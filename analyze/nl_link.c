/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * Devices are kept in memory until the end, because a row shows a device as the
 * last dump that has it does, and because both ends of a veth pair must be known
 * to join them. A dump says of a veth only the index of its peer and whether
 * that is in another namespace (by a number that only the kernel can resolve).
 * A pair is made where one candidate is left after, in this order: the indexes
 * of both ends name each other, what the number of the other namespace already
 * turned out to be, which end's hardware address a neighbour entry of the other
 * end shows, whose counters mirror each other. Each pair found can decide
 * others, so this is repeated until nothing changes.
 */
#include "keymap.h"
#include "nl.h"

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/socket.h>

#define LINK_MAX  100000 /* devices */
#define NEIGH_MAX 200000 /* entries that are followed; also rows */
#define ROUTE_MAX 200000 /* rows */
#define NO_NSID	  INT32_MIN

/* A device. The key stands first. */
struct link {
	int64_t netns_id;
	int64_t ifindex;
	int64_t id; /* of table netdev */
	char name[IFNAMSIZ];
	char kind[16];
	char mac[NL_ADDR_TEXT];
	char qdisc[IFNAMSIZ];
	const char *operstate; /* NULL: not told */
	int64_t arphrd, mtu, flags, carrier, carrier_changes, master, link, tx_queues, rx_queues,
		queue_len, gso_max, xdp;
	uint64_t mac_key;
	int32_t nsid; /* IFLA_LINK_NETNSID */
	uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes;
	bool counted;
	size_t peer; /* index of the peer plus 1, 0: none */
	int64_t peer_id;
};

/* The last state of a neighbour entry. */
struct neigh {
	int64_t netns_id;
	int32_t ifindex;
	int32_t family;
	uint8_t addr[16];
	int64_t state; /* NUD_ bits + 1, 0: none yet */
	uint64_t mac;  /* mac_key(), 0: none */
};

/* A hardware address that a neighbour entry shows behind a device. */
struct seen_mac {
	int64_t netns_id;
	int64_t ifindex;
	uint64_t mac;
};

/* What a namespace's number for another one turned out to be. */
struct nsid {
	int64_t netns_id;
	int64_t nsid;
	int64_t other_id;
};

struct nl_link {
	const struct nl_env *env;
	struct keymap links, neighs, macs, nsids;
	uint64_t routes, neigh_rows, refused;
	sqlite3_stmt *ins_dev, *ins_addr, *ins_route, *ins_rule, *ins_neigh;
};

int nl_link_open(struct nl_link **out, const struct nl_env *env)
{
	struct nl_link *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->env = env;
	keymap_init(&l->links, offsetof(struct link, id), sizeof(struct link), LINK_MAX);
	keymap_init(&l->neighs, offsetof(struct neigh, state), sizeof(struct neigh), NEIGH_MAX);
	keymap_init(&l->macs, sizeof(struct seen_mac), sizeof(struct seen_mac), NEIGH_MAX);
	keymap_init(&l->nsids, offsetof(struct nsid, other_id), sizeof(struct nsid), LINK_MAX);
	l->ins_dev = db_prepare(env->d, "INSERT INTO netdev(id, netns_id, netns, ifindex, name, "
					"kind, arphrd, mac, mtu, flags, operstate, carrier, "
					"carrier_changes, master_ifindex, link_ifindex, "
					"link_netns_id, peer_id, qdisc, tx_queues, rx_queues, "
					"tx_queue_len, gso_max_bytes, xdp) VALUES(?, ?, ?, ?, ?, "
					"?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	l->ins_addr = db_prepare(
		env->d,
		"INSERT INTO addr(netns_id, netns, dev, family, address, prefix, scope, flags) "
		"VALUES(?, ?, ?, ?, ?, ?, ?, ?)");
	l->ins_route = db_prepare(
		env->d,
		"INSERT INTO route(netns_id, netns, family, table_no, type, dst, src, gateway, "
		"dev, "
		"metric, protocol, scope, mtu) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	l->ins_rule =
		db_prepare(env->d, "INSERT INTO route_rule(netns_id, netns, family, priority, "
				   "table_no, action, src, dst, "
				   "iif, oif, fwmark) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	l->ins_neigh = db_prepare(
		env->d,
		"INSERT INTO neigh(snap_ns, netns_id, netns, dev, family, address, mac, state) "
		"VALUES(?, ?, ?, ?, ?, ?, ?, ?)");
	*out = l;
	return 0;
}

void nl_link_free(struct nl_link *l)
{
	if (!l)
		return;
	keymap_free(&l->links);
	keymap_free(&l->neighs);
	keymap_free(&l->macs);
	keymap_free(&l->nsids);
	free(l);
}

const char *nl_dev_text(const struct nl_env *env, int64_t netns_id, int ifindex,
			char out[NL_DEV_TEXT])
{
	const struct host_dev *dev = host_dev(env->h, netns_id, ifindex);

	if (dev)
		snprintf(out, NL_DEV_TEXT, "%s", dev->name);
	else
		snprintf(out, NL_DEV_TEXT, "if%d", ifindex);
	return out;
}

void nl_limit(struct db *d, const char *source, uint64_t refused, size_t max)
{
	if (refused)
		db_quality(d,
			   &(struct quality){ "limit", source, -1, NULL, -1, -1,
					      counter_i64(refused) },
			   "more than %zu of these: further ones are left out of the database",
			   max);
}

void nl_put(const struct nl_env *env, const char *source, const char *name, const char *dev,
	    int64_t value)
{
	counters_put(env->counters, &(struct sample){ .source = source,
						      .name = { name, strlen(name) },
						      .dev = { dev, strlen(dev) },
						      .cpu = -1,
						      .value = value });
}

int64_t nl_link_queue_len(const struct nl_link *l, int64_t netns_id, int ifindex)
{
	struct link key = { .netns_id = netns_id, .ifindex = ifindex };
	const struct link *k = keymap_find(&l->links, &key);

	return k ? k->queue_len : -1;
}

bool nl_link_counts(const struct nl_link *l, int64_t netns_id)
{
	for (size_t i = 0; i < l->links.count; i++) {
		const struct link *k = keymap_at(&l->links, i);

		if (k->netns_id == netns_id && k->counted)
			return true;
	}
	return false;
}

/* A hardware address of up to eight bytes as a number, 0 for none. */
static uint64_t mac_key(struct span mac)
{
	uint64_t v = 0;

	for (size_t i = 0; i < mac.n && i < 8; i++)
		v = v << 8 | nl_get_u8(mac, i);
	return v;
}

/* struct rtnl_link_stats64 in order (include/uapi/linux/if_link.h); older kernels have fewer */
static const char *const stats64[] = {
	"rx_packets",
	"tx_packets",
	"rx_bytes",
	"tx_bytes",
	"rx_errors",
	"tx_errors",
	"rx_dropped",
	"tx_dropped",
	"multicast",
	"collisions",
	"rx_length_errors",
	"rx_over_errors",
	"rx_crc_errors",
	"rx_frame_errors",
	"rx_fifo_errors",
	"rx_missed_errors",
	"tx_aborted_errors",
	"tx_carrier_errors",
	"tx_fifo_errors",
	"tx_heartbeat_errors",
	"tx_window_errors",
	"rx_compressed",
	"tx_compressed",
	"rx_nohandler",
	"rx_otherhost_dropped",
};

static void link_stats(const struct nl_link *l, struct link *k, const struct nlattr *const *tb)
{
	static const struct {
		uint16_t type;
		const char *name;
	} own[] = {
		{ IFLA_CARRIER, "carrier" },
		{ IFLA_CARRIER_CHANGES, "carrier_changes" },
		{ IFLA_CARRIER_UP_COUNT, "carrier_up_count" },
		{ IFLA_CARRIER_DOWN_COUNT, "carrier_down_count" },
	};
	struct span s = nl_raw(tb[IFLA_STATS64]);

	for (size_t i = 0; i < ARRAY_SIZE(stats64) && (i + 1) * 8 <= s.n; i++)
		nl_put(l->env, "dev", stats64[i], k->name, counter_i64(nl_get_u64(s, i * 8)));
	k->counted = k->counted || s.n;
	k->rx_packets = nl_get_u64(s, 0);
	k->tx_packets = nl_get_u64(s, 8);
	k->rx_bytes = nl_get_u64(s, 16);
	k->tx_bytes = nl_get_u64(s, 24);
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (tb[own[i].type])
			nl_put(l->env, "dev", own[i].name, k->name, nl_int(tb[own[i].type], 0));
}

static const char *operstate_text(int64_t v)
{
	static const char *const text[] = {
		"UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING", "DORMANT", "UP"
	}; /* RFC 2863, 3.1.14, as ip(8) prints them */

	return v >= 0 && v < (int64_t)ARRAY_SIZE(text) ? text[v] : NULL;
}

static void load_link(struct nl_link *l, struct nl_dump *dump, const struct nl_msg *m,
		      const struct snap_at *at)
{
	const struct nlattr *tb[IFLA_MAX + 1], *info[IFLA_INFO_KIND + 1],
		*xdp[IFLA_XDP_ATTACHED + 1];
	const struct ifinfomsg *ifi = nl_head(dump, m, sizeof(*ifi), tb, ARRAY_SIZE(tb));
	struct link key = { .netns_id = at->netns_id }, *k;
	struct host_dev dev = { .netns_id = at->netns_id };
	struct span name, mac;
	bool fresh;

	if (!ifi || ifi->ifi_family != AF_UNSPEC)
		return;
	name = nl_text(tb[IFLA_IFNAME]);
	if (ifi->ifi_index <= 0 || !name.n || name.n >= sizeof(k->name) ||
	    !nl_nested(tb[IFLA_LINKINFO], info, ARRAY_SIZE(info)) ||
	    !nl_nested(tb[IFLA_XDP], xdp, ARRAY_SIZE(xdp))) {
		dump->bad++;
		return;
	}
	key.ifindex = ifi->ifi_index;
	k = keymap_get(&l->links, &key, &fresh);
	if (!k)
		return;
	mac = nl_raw(tb[IFLA_ADDRESS]);
	span_copy(name, k->name, sizeof(k->name));
	span_copy(nl_text(info[IFLA_INFO_KIND]), k->kind, sizeof(k->kind));
	span_copy(nl_text(tb[IFLA_QDISC]), k->qdisc, sizeof(k->qdisc));
	nl_mac_text(mac, k->mac);
	k->mac_key = mac_key(mac);
	k->operstate = operstate_text(nl_int(tb[IFLA_OPERSTATE], -1));
	k->arphrd = ifi->ifi_type;
	k->flags = ifi->ifi_flags;
	k->mtu = nl_int(tb[IFLA_MTU], -1);
	k->carrier = nl_int(tb[IFLA_CARRIER], -1);
	k->carrier_changes = nl_int(tb[IFLA_CARRIER_CHANGES], -1);
	k->master = nl_int(tb[IFLA_MASTER], 0);
	k->link = nl_int(tb[IFLA_LINK], 0);
	k->nsid = nl_s32(tb[IFLA_LINK_NETNSID], NO_NSID);
	k->tx_queues = nl_int(tb[IFLA_NUM_TX_QUEUES], -1);
	k->rx_queues = nl_int(tb[IFLA_NUM_RX_QUEUES], -1);
	k->queue_len = nl_int(tb[IFLA_TXQLEN], -1);
	k->gso_max = nl_int(tb[IFLA_GSO_MAX_SIZE], -1);
	k->xdp = nl_int(xdp[IFLA_XDP_ATTACHED], 0);
	link_stats(l, k, tb);

	dev.ifindex = ifi->ifi_index;
	dev.arphrd = ifi->ifi_type;
	dev.master_ifindex = (int)k->master;
	memcpy(dev.name, k->name, sizeof(dev.name));
	memcpy(dev.kind, k->kind, sizeof(dev.kind));
	if (host_add_dev(l->env->h, &dev))
		l->links.nomem = true;
	k->id = dev.id;
}

static void load_addr(struct nl_link *l, struct nl_dump *dump, const struct nl_msg *m,
		      const struct snap_at *at)
{
	const struct nlattr *tb[IFA_FLAGS + 1];
	const struct ifaddrmsg *ifa = nl_head(dump, m, sizeof(*ifa), tb, ARRAY_SIZE(tb));
	char text[NL_ADDR_TEXT], dev[NL_DEV_TEXT];

	if (!ifa || (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6))
		return;
	nl_addr_text(nl_raw(tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS]), text);
	if (!text[0]) {
		dump->bad++;
		return;
	}
	db_bind_int(l->ins_addr, 1, at->netns_id);
	db_bind_text(l->ins_addr, 2, at->netns);
	db_bind_text(l->ins_addr, 3, nl_dev_text(l->env, at->netns_id, (int)ifa->ifa_index, dev));
	db_bind_int(l->ins_addr, 4, ifa->ifa_family);
	db_bind_text(l->ins_addr, 5, text);
	db_bind_int(l->ins_addr, 6, ifa->ifa_prefixlen);
	db_bind_int(l->ins_addr, 7, ifa->ifa_scope);
	db_bind_int(l->ins_addr, 8, nl_int(tb[IFA_FLAGS], ifa->ifa_flags));
	db_run(l->env->d, l->ins_addr);
}

/* 'PREFIX/LEN' in @out; the zero address where there is none but a length, 'default' for no length.
 */
static const char *prefix_text(int family, const struct nlattr *a, unsigned int len,
			       char out[NL_ADDR_TEXT + 4])
{
	static const uint8_t zero[16];
	struct span s = nl_raw(a);
	char addr[NL_ADDR_TEXT];

	if (!s.p) {
		if (!len)
			return "default";
		s = (struct span){ (const char *)zero, family == AF_INET ? 4 : 16 };
	}
	nl_addr_text(s, addr);
	snprintf(out, NL_ADDR_TEXT + 4, "%s/%u", addr, len);
	return out;
}

/* A gateway: RTA_GATEWAY, or RTA_VIA of another family (struct rtvia: family, then the address). ""
 * for none. */
static void gateway_text(const struct nlattr *const *tb, char out[NL_ADDR_TEXT])
{
	struct span via = nl_raw(tb[RTA_VIA]);

	if (!tb[RTA_GATEWAY] && via.n > 2)
		nl_addr_text((struct span){ via.p + 2, via.n - 2 }, out);
	else
		nl_addr_text(nl_raw(tb[RTA_GATEWAY]), out);
}

static const char *route_type(unsigned int type)
{
	static const char *const text[] = { "unspec",	"unicast",   "local",	  "broadcast",
					    "anycast",	"multicast", "blackhole", "unreachable",
					    "prohibit", "throw",     "nat",	  "xresolve" };

	return type < ARRAY_SIZE(text) ? text[type] : "unknown";
}

/* A route's row with one next hop. */
static void route_row(struct nl_link *l, const struct rtmsg *rt, const struct nlattr *const *tb,
		      int64_t oif, const char *gateway, const struct snap_at *at)
{
	const struct nlattr *metrics[RTAX_MTU + 1];
	char dst[NL_ADDR_TEXT + 4], src[NL_ADDR_TEXT], dev[NL_DEV_TEXT];
	sqlite3_stmt *st = l->ins_route;

	if (l->routes++ >= ROUTE_MAX) {
		l->refused++;
		return;
	}
	if (!nl_nested(tb[RTA_METRICS], metrics, ARRAY_SIZE(metrics)))
		memset(metrics, 0, sizeof(metrics));
	nl_addr_text(nl_raw(tb[RTA_PREFSRC]), src);
	db_bind_int(st, 1, at->netns_id);
	db_bind_text(st, 2, at->netns);
	db_bind_int(st, 3, rt->rtm_family);
	db_bind_int(st, 4, nl_int(tb[RTA_TABLE], rt->rtm_table));
	db_bind_text(st, 5, route_type(rt->rtm_type));
	db_bind_text(st, 6, prefix_text(rt->rtm_family, tb[RTA_DST], rt->rtm_dst_len, dst));
	db_bind_text(st, 7, src[0] ? src : NULL);
	db_bind_text(st, 8, gateway[0] ? gateway : NULL);
	db_bind_text(st, 9, oif > 0 ? nl_dev_text(l->env, at->netns_id, (int)oif, dev) : NULL);
	db_bind_opt(st, 10, nl_int(tb[RTA_PRIORITY], -1), -1);
	db_bind_int(st, 11, rt->rtm_protocol);
	db_bind_int(st, 12, rt->rtm_scope);
	db_bind_opt(st, 13, nl_int(metrics[RTAX_MTU], -1), -1);
	db_run(l->env->d, st);
}

static void load_route(struct nl_link *l, struct nl_dump *dump, const struct nl_msg *m,
		       const struct snap_at *at)
{
	const struct nlattr *tb[RTA_MAX + 1];
	const struct rtmsg *rt = nl_head(dump, m, sizeof(*rt), tb, ARRAY_SIZE(tb));
	char gateway[NL_ADDR_TEXT];
	struct span hops;

	if (!rt || (rt->rtm_family != AF_INET && rt->rtm_family != AF_INET6) ||
	    rt->rtm_flags & RTM_F_CLONED)
		return;
	hops = nl_raw(tb[RTA_MULTIPATH]);
	if (!hops.p) {
		gateway_text(tb, gateway);
		route_row(l, rt, tb, nl_int(tb[RTA_OIF], 0), gateway, at);
		return;
	}
	/* struct rtnexthop: len, flags, hops, ifindex, then attributes */
	while (hops.n >= sizeof(struct rtnexthop)) {
		const struct nlattr *nh[RTA_VIA + 1];
		size_t len = nl_get_u16(hops, 0), step = NLMSG_ALIGN(len);

		if (len < sizeof(struct rtnexthop) || len > hops.n ||
		    !nl_attrs((struct span){ hops.p + sizeof(struct rtnexthop),
					     len - sizeof(struct rtnexthop) },
			      nh, ARRAY_SIZE(nh))) {
			dump->bad++;
			return;
		}
		gateway_text(nh, gateway);
		route_row(l, rt, tb, (int32_t)nl_get_u32(hops, 4), gateway, at);
		step = step < hops.n ? step : hops.n;
		hops.p += step;
		hops.n -= step;
	}
}

static void load_rule(struct nl_link *l, struct nl_dump *dump, const struct nl_msg *m,
		      const struct snap_at *at)
{
	const struct nlattr *tb[FRA_OIFNAME + 1];
	const struct fib_rule_hdr *r = nl_head(dump, m, sizeof(*r), tb, ARRAY_SIZE(tb));
	char src[NL_ADDR_TEXT + 4], dst[NL_ADDR_TEXT + 4];
	sqlite3_stmt *st = l->ins_rule;

	if (!r || (r->family != AF_INET && r->family != AF_INET6))
		return;
	db_bind_int(st, 1, at->netns_id);
	db_bind_text(st, 2, at->netns);
	db_bind_int(st, 3, r->family);
	db_bind_int(st, 4, nl_int(tb[FRA_PRIORITY], 0));
	db_bind_int(st, 5, nl_int(tb[FRA_TABLE], r->table));
	db_bind_int(st, 6, r->action);
	db_bind_text(st, 7,
		     r->src_len ? prefix_text(r->family, tb[FRA_SRC], r->src_len, src) : NULL);
	db_bind_text(st, 8,
		     r->dst_len ? prefix_text(r->family, tb[FRA_DST], r->dst_len, dst) : NULL);
	db_bind_span(st, 9, nl_text(tb[FRA_IIFNAME]));
	db_bind_span(st, 10, nl_text(tb[FRA_OIFNAME]));
	db_bind_opt(st, 11, nl_int(tb[FRA_FWMARK], -1), -1);
	db_run(l->env->d, st);
}

static const char *neigh_state(unsigned int state)
{
	switch (state) {
	case NUD_INCOMPLETE:
		return "INCOMPLETE";
	case NUD_REACHABLE:
		return "REACHABLE";
	case NUD_STALE:
		return "STALE";
	case NUD_DELAY:
		return "DELAY";
	case NUD_PROBE:
		return "PROBE";
	case NUD_FAILED:
		return "FAILED";
	case NUD_NOARP:
		return "NOARP";
	case NUD_PERMANENT:
		return "PERMANENT";
	}
	return "NONE";
}

static void load_neigh(struct nl_link *l, struct nl_dump *dump, const struct nl_msg *m,
		       const struct snap_at *at)
{
	const struct nlattr *tb[NDA_LLADDR + 1];
	const struct ndmsg *nd = nl_head(dump, m, sizeof(*nd), tb, ARRAY_SIZE(tb));
	struct neigh key = { .netns_id = at->netns_id }, *k;
	char text[NL_ADDR_TEXT], mac[NL_ADDR_TEXT], dev[NL_DEV_TEXT];
	struct span dst, ll;
	uint64_t ll_key = 0;
	bool fresh;

	if (!nd || (nd->ndm_family != AF_INET && nd->ndm_family != AF_INET6))
		return;
	dst = nl_raw(tb[NDA_DST]);
	ll = nl_raw(tb[NDA_LLADDR]);
	nl_addr_text(dst, text);
	if (!text[0]) {
		dump->bad++;
		return;
	}
	if (ll.n == 6) {
		struct seen_mac sm = { at->netns_id, nd->ndm_ifindex, mac_key(ll) };

		ll_key = sm.mac;
		keymap_get(&l->macs, &sm, &fresh);
	}
	key.ifindex = nd->ndm_ifindex;
	key.family = nd->ndm_family;
	memcpy(key.addr, dst.p, dst.n);
	k = keymap_get(&l->neighs, &key, &fresh);
	if (!k || (k->state == nd->ndm_state + 1 && k->mac == ll_key))
		return;
	k->state = nd->ndm_state + 1;
	k->mac = ll_key;
	if (l->neigh_rows++ >= NEIGH_MAX) {
		l->neighs.refused++;
		return;
	}
	nl_mac_text(ll, mac);
	db_bind_int(l->ins_neigh, 1, at->ns);
	db_bind_int(l->ins_neigh, 2, at->netns_id);
	db_bind_text(l->ins_neigh, 3, at->netns);
	db_bind_text(l->ins_neigh, 4, nl_dev_text(l->env, at->netns_id, nd->ndm_ifindex, dev));
	db_bind_int(l->ins_neigh, 5, nd->ndm_family);
	db_bind_text(l->ins_neigh, 6, text);
	db_bind_text(l->ins_neigh, 7, mac[0] ? mac : NULL);
	db_bind_text(l->ins_neigh, 8, neigh_state(nd->ndm_state));
	db_run(l->env->d, l->ins_neigh);
}

void nl_link_load(struct nl_link *l, enum nl_kind kind, struct nl_dump *dump,
		  const struct snap_at *at)
{
	struct nl_msg m;

	while (nl_dump_next(dump, &m)) {
		if (kind == NL_LINK && m.type == RTM_NEWLINK)
			load_link(l, dump, &m, at);
		else if (kind == NL_ADDR && m.type == RTM_NEWADDR)
			load_addr(l, dump, &m, at);
		else if (kind == NL_ROUTE && m.type == RTM_NEWROUTE)
			load_route(l, dump, &m, at);
		else if (kind == NL_RULE && m.type == RTM_NEWRULE)
			load_rule(l, dump, &m, at);
		else if (kind == NL_NEIGH && m.type == RTM_NEWNEIGH)
			load_neigh(l, dump, &m, at);
		else
			dump->bad++;
	}
}

/* Whether what is known of namespace numbers allows that @b is where @a's peer is. */
static bool nsid_fits(const struct nl_link *l, const struct link *a, const struct link *b)
{
	struct nsid key = { .netns_id = a->netns_id, .nsid = a->nsid };
	const struct nsid *k;

	if (a->nsid == NO_NSID)
		return a->netns_id == b->netns_id;
	if (a->netns_id == b->netns_id)
		return false;
	k = keymap_find(&l->nsids, &key);
	return !k || k->other_id == b->netns_id;
}

static bool sees_mac(const struct nl_link *l, const struct link *a, const struct link *b)
{
	struct seen_mac key = { a->netns_id, a->ifindex, b->mac_key };

	return b->mac_key && keymap_find(&l->macs, &key);
}

/* How well @b fits as @a's peer: 0 not at all, 1 by the indexes, 2 by mirrored counters, 3 by a
 * neighbour entry. */
static int peer_fit(const struct nl_link *l, const struct link *a, const struct link *b)
{
	if (a == b || b->peer || strcmp(b->kind, "veth") || b->ifindex != a->link ||
	    b->link != a->ifindex || !nsid_fits(l, a, b) || !nsid_fits(l, b, a))
		return 0;
	if (sees_mac(l, a, b) || sees_mac(l, b, a))
		return 3;
	if (a->tx_packets + a->rx_packets && a->tx_packets == b->rx_packets &&
	    a->rx_packets == b->tx_packets && a->tx_bytes == b->rx_bytes &&
	    a->rx_bytes == b->tx_bytes)
		return 2;
	return 1;
}

static void learn_nsid(struct nl_link *l, const struct link *a, const struct link *b)
{
	struct nsid key = { .netns_id = a->netns_id, .nsid = a->nsid }, *k;
	bool fresh;

	if (a->nsid == NO_NSID)
		return;
	k = keymap_get(&l->nsids, &key, &fresh);
	if (k && fresh)
		k->other_id = b->netns_id;
}

/* Find the peer of the @i-th device, with at least that much evidence. Return: whether it was
 * found. */
static bool find_peer(struct nl_link *l, size_t i, const uint32_t *head, const uint32_t *next,
		      size_t heads, int least)
{
	struct link *a = keymap_at(&l->links, i), *b;
	size_t best = 0, same = 0;
	int fit = 0;

	for (uint32_t k = head[(size_t)a->link & (heads - 1)]; k; k = next[k - 1]) {
		int f = peer_fit(l, a, keymap_at(&l->links, k - 1));

		if (f > fit) {
			fit = f;
			best = k;
			same = 1;
		} else if (f && f == fit) {
			same++;
		}
	}
	if (same != 1 || fit < least)
		return false;
	b = keymap_at(&l->links, best - 1);
	a->peer = best;
	b->peer = i + 1;
	a->peer_id = b->id;
	b->peer_id = a->id;
	learn_nsid(l, a, b);
	learn_nsid(l, b, a);
	host_link_peer(l->env->h, a->id, b->id);
	return true;
}

/* Join veth pairs, best evidence first; what is found excludes other candidates. */
static int join_peers(struct nl_link *l)
{
	size_t heads = 1024, n = l->links.count;
	uint32_t *head = calloc(heads, sizeof(*head)), *next = calloc(n + 1, sizeof(*next));
	int rc = head && next ? 0 : -ENOMEM;

	for (size_t i = n; !rc && i > 0; i--) { /* backwards, so that each list is in order */
		const struct link *k = keymap_at(&l->links, i - 1);
		size_t h = (size_t)k->ifindex & (heads - 1);

		if (strcmp(k->kind, "veth"))
			continue;
		next[i - 1] = head[h];
		head[h] = (uint32_t)i;
	}
	for (int least = 3; !rc && least > 0; least--) {
		bool again;

		do {
			again = false;
			for (size_t i = 0; i < n; i++) {
				const struct link *k = keymap_at(&l->links, i);

				if (!k->peer && k->link > 0 && !strcmp(k->kind, "veth"))
					again |= find_peer(l, i, head, next, heads, least);
			}
		} while (again);
	}
	free(head);
	free(next);
	return rc;
}

static void link_row(struct nl_link *l, const struct link *k)
{
	const struct host_netns *ns = host_netns_by_id(l->env->h, k->netns_id);
	const struct link *peer = k->peer ? keymap_at(&l->links, k->peer - 1) : NULL;
	sqlite3_stmt *st = l->ins_dev;

	db_bind_int(st, 1, k->id);
	db_bind_int(st, 2, k->netns_id);
	db_bind_text(st, 3, ns ? ns->name : "?");
	db_bind_int(st, 4, k->ifindex);
	db_bind_text(st, 5, k->name);
	db_bind_text(st, 6, k->kind[0] ? k->kind : NULL);
	db_bind_int(st, 7, k->arphrd);
	db_bind_text(st, 8, k->mac[0] ? k->mac : NULL);
	db_bind_opt(st, 9, k->mtu, -1);
	db_bind_int(st, 10, k->flags);
	db_bind_text(st, 11, k->operstate);
	db_bind_opt(st, 12, k->carrier, -1);
	db_bind_opt(st, 13, k->carrier_changes, -1);
	db_bind_opt(st, 14, k->master, 0);
	db_bind_opt(st, 15, k->link, 0);
	db_bind_opt(st, 16, peer && peer->netns_id != k->netns_id ? peer->netns_id : 0, 0);
	db_bind_opt(st, 17, k->peer_id, 0);
	db_bind_text(st, 18, k->qdisc[0] ? k->qdisc : NULL);
	db_bind_opt(st, 19, k->tx_queues, -1);
	db_bind_opt(st, 20, k->rx_queues, -1);
	db_bind_opt(st, 21, k->queue_len, -1);
	db_bind_opt(st, 22, k->gso_max, -1);
	db_bind_opt(st, 23, k->xdp, 0);
	db_run(l->env->d, st);
}

int nl_link_finish(struct nl_link *l)
{
	int rc = join_peers(l);

	if (rc || l->links.nomem || l->neighs.nomem || l->macs.nomem || l->nsids.nomem)
		return -ENOMEM;
	for (size_t i = 0; i < l->links.count; i++)
		link_row(l, keymap_at(&l->links, i));
	nl_limit(l->env->d, "nl/link", l->links.refused, LINK_MAX);
	nl_limit(l->env->d, "nl/route", l->refused, ROUTE_MAX);
	nl_limit(l->env->d, "nl/neigh", l->neighs.refused, NEIGH_MAX);
	return 0;
}
