/* SPDX-License-Identifier: MIT */
/*
 * folder_route: routes, policy rules and neighbours, as ip(8) prints them and as proc/net/route,
 * ipv6_route and arp do. Names of tables are read by etc/iproute2/rt_tables; a line whose table, address
 * or kind is not understood is counted, never guessed.
 */
#include "folder_nl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/if_arp.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

/* include/uapi/linux/route.h, ipv6_route.h */
#define ROUTE_REJECT  0x0200U
#define ROUTE_ANYCAST 0x00100000U
#define ROUTE_LOCAL   0x80000000U

struct name_number {
	const char *name;
	uint8_t number;
};

static const struct name_number types[] = {
	{ "unicast", RTN_UNICAST },	{ "local", RTN_LOCAL },		{ "broadcast", RTN_BROADCAST },
	{ "anycast", RTN_ANYCAST },	{ "multicast", RTN_MULTICAST }, { "blackhole", RTN_BLACKHOLE },
	{ "unreachable", RTN_UNREACHABLE }, { "prohibit", RTN_PROHIBIT }, { "throw", RTN_THROW },
};
static const struct name_number scopes[] = {
	{ "global", RT_SCOPE_UNIVERSE }, { "site", RT_SCOPE_SITE },	  { "link", RT_SCOPE_LINK },
	{ "host", RT_SCOPE_HOST },	 { "nowhere", RT_SCOPE_NOWHERE },
};
/* etc/iproute2/rt_protos */
static const struct name_number protocols[] = {
	{ "redirect", RTPROT_REDIRECT }, { "kernel", RTPROT_KERNEL }, { "boot", RTPROT_BOOT },	{ "static", RTPROT_STATIC },
	{ "gated", RTPROT_GATED },	 { "ra", RTPROT_RA },	      { "mrt", RTPROT_MRT },	{ "zebra", RTPROT_ZEBRA },
	{ "bird", RTPROT_BIRD },	 { "dnrouted", RTPROT_DNROUTED }, { "xorp", RTPROT_XORP }, { "ntk", RTPROT_NTK },
	{ "dhcp", RTPROT_DHCP },	 { "keepalived", 18 },	      { "babel", RTPROT_BABEL }, { "bgp", 186 },
	{ "isis", 187 },		 { "ospf", 188 },	      { "rip", 189 },		{ "eigrp", 192 },
};
static const struct name_number states[] = {
	{ "INCOMPLETE", NUD_INCOMPLETE }, { "REACHABLE", NUD_REACHABLE }, { "STALE", NUD_STALE },
	{ "DELAY", NUD_DELAY },		  { "PROBE", NUD_PROBE },	  { "FAILED", NUD_FAILED },
	{ "NOARP", NUD_NOARP },		  { "PERMANENT", NUD_PERMANENT }, { "NONE", NUD_NONE },
};

/* Return: the number of a name, or that stands there; -1: neither. */
static int64_t lookup(const struct name_number *v, size_t n, struct span name)
{
	uint64_t number;

	for (size_t i = 0; i < n; i++)
		if (span_is(name, v[i].name))
			return v[i].number;
	return !span_u64(name, &number) && number <= UINT8_MAX ? (int64_t)number : -1;
}

/* A routing table; one of its own name stands in rt_tables. Return: -1: not known. */
static int64_t table_of(const struct folder *f, struct span name)
{
	static const char *const files[] = { "etc/iproute2/rt_tables", "usr/share/iproute2/rt_tables" };
	struct span text, line, word;
	uint64_t number;

	if (!span_u64(name, &number))
		return number <= UINT32_MAX ? (int64_t)number : -1;
	if (span_is(name, "local"))
		return RT_TABLE_LOCAL;
	if (span_is(name, "main"))
		return RT_TABLE_MAIN;
	if (span_is(name, "default"))
		return RT_TABLE_DEFAULT;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		if (!folder_text(f, files[i], &text))
			continue;
		while (span_line(&text, &line))
			if (span_word(&line, &word) && !span_u64(word, &number) && number <= UINT32_MAX && span_word(&line, &word) &&
			    word.n == name.n && !memcmp(word.p, name.p, name.n))
				return (int64_t)number;
	}
	return -1;
}

struct prefix {
	int family; /* AF_UNSPEC: 'default', 'all' */
	uint8_t bytes[16], bits;
};

static size_t addr_bytes(int family)
{
	return family == AF_INET ? 4 : 16;
}

/* "192.0.2.0/24", "2001:db8::1", "default", "all" */
static bool read_prefix(struct span s, struct prefix *p)
{
	char text[INET6_ADDRSTRLEN];
	struct span addr;
	uint64_t bits;

	*p = (struct prefix){ .family = AF_UNSPEC };
	if (span_is(s, "default") || span_is(s, "all"))
		return true;
	if (!span_field(&s, '/', &addr) || addr.n >= sizeof(text))
		return false;
	span_copy(addr, text, sizeof(text));
	p->family = memchr(text, ':', strlen(text)) ? AF_INET6 : AF_INET;
	if (inet_pton(p->family, text, p->bytes) != 1)
		return false;
	p->bits = (uint8_t)(addr_bytes(p->family) * 8);
	if (s.n && (span_u64(s, &bits) || bits > p->bits))
		return false;
	if (s.n)
		p->bits = (uint8_t)bits;
	return true;
}

/* ---- routes ---- */

struct hop {
	struct prefix via;
	bool has_via;
	uint32_t dev;
};

struct route_text {
	struct rtmsg head;
	struct prefix dst, src;
	bool has_src, v6; /* told by a word that only routes of IPv6 have */
	struct hop hop;
	int64_t table, metric, mtu;
};

static int put_gateway(const struct hop *h, int family, struct buf *out)
{
	uint8_t via[18];
	uint16_t other = (uint16_t)h->via.family;

	if (!h->has_via)
		return 0;
	if (h->via.family == family)
		return folder_nl_attr(out, RTA_GATEWAY, h->via.bytes, addr_bytes(family));
	/* struct rtvia: a next hop of the other family */
	memcpy(via, &other, 2);
	memcpy(via + 2, h->via.bytes, addr_bytes(h->via.family));
	return folder_nl_attr(out, RTA_VIA, via, 2 + addr_bytes(h->via.family));
}

/* One message a next hop: that is what the table of routes has. */
static int put_route(const struct route_text *r, const struct hop *h, struct buf *out)
{
	struct rtmsg head = r->head;
	size_t at, in;
	int rc;

	head.rtm_family = (uint8_t)(r->dst.family ? r->dst.family : r->has_src ? r->src.family : r->v6 ? AF_INET6 :
				    h->has_via ? h->via.family : AF_INET);
	head.rtm_dst_len = r->dst.bits;
	rc = folder_nl_begin(out, RTM_NEWROUTE, &head, sizeof(head), &at) || folder_nl_u32(out, RTA_TABLE, r->table) ||
	     (r->dst.family && folder_nl_attr(out, RTA_DST, r->dst.bytes, addr_bytes(r->dst.family))) ||
	     (r->has_src && r->src.family == head.rtm_family &&
	      folder_nl_attr(out, RTA_PREFSRC, r->src.bytes, addr_bytes(r->src.family))) ||
	     put_gateway(h, head.rtm_family, out) || (h->dev && folder_nl_u32(out, RTA_OIF, h->dev)) ||
	     folder_nl_u32(out, RTA_PRIORITY, r->metric);
	if (!rc && r->mtu > 0) {
		rc = folder_nl_nest(out, RTA_METRICS, &in) || folder_nl_u32(out, RTAX_MTU, r->mtu);
		if (!rc)
			folder_nl_nest_end(out, in);
	}
	if (!rc)
		folder_nl_end(out, at);
	return rc ? -ENOMEM : 0;
}

/* Behind a destination or "nexthop": "via 192.0.2.1 dev eth0 ...". Return: false: not understood. */
static bool read_words(const struct folder *f, const struct folder_devs *d, struct span line, struct route_text *r, struct hop *h)
{
	struct span w, v;
	int64_t n;

	while (span_word(&line, &w)) {
		/* words that stand alone */
		if (span_is(w, "onlink") || span_is(w, "linkdown") || span_is(w, "dead") || span_is(w, "pervasive") ||
		    span_is(w, "offload") || span_is(w, "trap") || span_is(w, "notify") || span_is(w, "rt_trap") ||
		    span_is(w, "rt_offload") || span_is(w, "rt_offload_failed") || span_is(w, "unresolved"))
			continue;
		if (!span_word(&line, &v))
			break;
		if (span_is(w, "via")) {
			if ((span_is(v, "inet6") || span_is(v, "inet")) && !span_word(&line, &v))
				return false;
			if (!read_prefix(v, &h->via) || !h->via.family)
				return false;
			h->has_via = true;
		} else if (span_is(w, "dev")) {
			h->dev = folder_devs_index(d, v);
		} else if (span_is(w, "table")) {
			r->table = table_of(f, v);
			if (r->table < 0)
				return false;
		} else if (span_is(w, "proto")) {
			n = lookup(protocols, ARRAY_SIZE(protocols), v);
			r->head.rtm_protocol = (uint8_t)(n < 0 ? RTPROT_UNSPEC : n);
		} else if (span_is(w, "scope")) {
			n = lookup(scopes, ARRAY_SIZE(scopes), v);
			r->head.rtm_scope = (uint8_t)(n < 0 ? RT_SCOPE_UNIVERSE : n);
		} else if (span_is(w, "src")) {
			r->has_src = read_prefix(v, &r->src) && r->src.family;
		} else if (span_is(w, "metric")) {
			r->metric = folder_number(v);
		} else if (span_is(w, "mtu")) {
			if (span_is(v, "lock") && !span_word(&line, &v))
				break;
			r->mtu = folder_number(v);
		} else if (span_is(w, "pref")) {
			r->v6 = true;
		}
	}
	return true;
}

int64_t folder_nl_route(const struct folder *f, const struct folder_devs *d, struct span text, struct buf *out)
{
	struct route_text r = { .table = -1 };
	bool hops = false; /* the next hops of r follow */
	struct span line, w;
	int64_t bad = 0, type;

	while (span_line(&text, &line)) {
		bool more = line.n && (line.p[0] == ' ' || line.p[0] == '\t');
		struct hop h = { .dev = 0 };

		if (!span_word(&line, &w))
			continue;
		if (more && span_is(w, "nexthop")) {
			if (!hops || !read_words(f, d, line, &r, &h)) {
				bad++;
				continue;
			}
			if (put_route(&r, &h, out))
				return -ENOMEM;
			continue;
		}
		if (more) /* caches, and what -s adds */
			continue;
		/* print_route() of ip leaves out what is as usual: protocol boot, scope global, table main */
		r = (struct route_text){ .head = { .rtm_type = RTN_UNICAST, .rtm_protocol = RTPROT_BOOT }, .table = RT_TABLE_MAIN,
					 .metric = -1, .mtu = -1 };
		type = w.n && w.p[0] >= 'a' && w.p[0] <= 'z' && !memchr(w.p, ':', w.n) ? lookup(types, ARRAY_SIZE(types), w) : -1;
		if (type >= 0)
			r.head.rtm_type = (uint8_t)type;
		hops = (type < 0 || span_word(&line, &w)) && read_prefix(w, &r.dst) && read_words(f, d, line, &r, &r.hop);
		bad += !hops;
		/* without a device or gateway the next hops follow; what is rejected has neither */
		if (hops && (r.hop.dev || r.hop.has_via || r.head.rtm_type != RTN_UNICAST) && put_route(&r, &r.hop, out))
			return -ENOMEM;
	}
	return bad;
}

/* "C0000200", the bytes as a little-endian host has them in a word (net/ipv4/fib_trie.c, fib_route_seq_show()) */
static bool hex_word(struct span s, uint32_t *v)
{
	uint64_t n;

	if (s.n != 8 || span_hex(s, &n))
		return false;
	*v = (uint32_t)n;
	return true;
}

int64_t folder_nl_proc_route(const struct folder_devs *d, struct span text, struct buf *out)
{
	struct span line, w[8];
	int64_t bad = 0;

	span_line(&text, &line); /* its heading */
	while (span_line(&text, &line)) {
		struct route_text r = { .head = { .rtm_type = RTN_UNICAST }, .table = RT_TABLE_MAIN, .metric = -1, .mtu = -1 };
		uint32_t dst, via, mask;
		uint64_t flags;
		size_t n = 0;

		while (n < ARRAY_SIZE(w) && span_word(&line, &w[n]))
			n++;
		if (n < ARRAY_SIZE(w) || !hex_word(w[1], &dst) || !hex_word(w[2], &via) || !hex_word(w[7], &mask) || span_hex(w[3], &flags)) {
			bad++;
			continue;
		}
		r.dst.family = AF_INET;
		r.dst.bits = (uint8_t)__builtin_popcount(mask);
		memcpy(r.dst.bytes, &dst, 4);
		if (!r.dst.bits)
			r.dst.family = AF_UNSPEC;
		r.metric = folder_number(w[6]);
		r.hop = (struct hop){ .dev = folder_devs_index(d, w[0]), .has_via = via, .via.family = AF_INET };
		memcpy(r.hop.via.bytes, &via, 4);
		if (flags & ROUTE_REJECT)
			r.head.rtm_type = RTN_UNREACHABLE;
		if (put_route(&r, &r.hop, out))
			return -ENOMEM;
	}
	return bad;
}

/* 32 hexadecimal digits */
static bool hex_addr(struct span s, uint8_t bytes[16])
{
	uint64_t v;

	for (size_t i = 0; i < 16; i++, bytes++) {
		if (s.n != 32 || span_hex((struct span){ s.p + 2 * i, 2 }, &v))
			return false;
		*bytes = (uint8_t)v;
	}
	return true;
}

/* DST PLEN SRC PLEN VIA METRIC REFCNT USE FLAGS DEV, all hexadecimal (net/ipv6/route.c, ipv6_route_seq_show()) */
int64_t folder_nl_proc_route6(const struct folder_devs *d, struct span text, struct buf *out)
{
	static const uint8_t any[16];
	struct span line, w[10];
	int64_t bad = 0;

	while (span_line(&text, &line)) {
		struct route_text r = { .head = { .rtm_type = RTN_UNICAST }, .table = RT_TABLE_MAIN, .mtu = -1, .v6 = true };
		uint64_t bits, flags, metric;
		size_t n = 0;

		while (n < ARRAY_SIZE(w) && span_word(&line, &w[n]))
			n++;
		if (n < ARRAY_SIZE(w) || !hex_addr(w[0], r.dst.bytes) || span_hex(w[1], &bits) || bits > 128 ||
		    !hex_addr(w[4], r.hop.via.bytes) || span_hex(w[5], &metric) || span_hex(w[8], &flags)) {
			bad++;
			continue;
		}
		if (metric == UINT32_MAX) /* the end of the table, fib6_null_entry */
			continue;
		r.dst.family = bits ? AF_INET6 : AF_UNSPEC;
		r.dst.bits = (uint8_t)bits;
		r.metric = metric <= INT32_MAX ? (int64_t)metric : -1;
		r.hop.via.family = AF_INET6;
		r.hop.has_via = memcmp(r.hop.via.bytes, any, 16) != 0;
		r.hop.dev = folder_devs_index(d, w[9]);
		if (flags & ROUTE_REJECT)
			r.head.rtm_type = RTN_UNREACHABLE;
		else if (flags & ROUTE_ANYCAST)
			r.head.rtm_type = RTN_ANYCAST;
		else if (flags & ROUTE_LOCAL)
			r.head.rtm_type = RTN_LOCAL;
		else if (bits && r.dst.bytes[0] == 0xff)
			r.head.rtm_type = RTN_MULTICAST;
		if (r.head.rtm_type != RTN_UNICAST && r.head.rtm_type != RTN_UNREACHABLE)
			r.table = RT_TABLE_LOCAL;
		if (put_route(&r, &r.hop, out))
			return -ENOMEM;
	}
	return bad;
}

/* ---- policy rules ---- */

struct rule_text {
	struct fib_rule_hdr head;
	struct prefix src, dst;
	struct span iif, oif;
	int64_t priority, table, mark;
};

static int put_rule(const struct rule_text *r, struct buf *out)
{
	char iif[16] = "", oif[16] = "";
	size_t at;

	span_copy(r->iif, iif, sizeof(iif));
	span_copy(r->oif, oif, sizeof(oif));
	if (folder_nl_begin(out, RTM_NEWRULE, &r->head, sizeof(r->head), &at) || folder_nl_u32(out, FRA_PRIORITY, r->priority) ||
	    folder_nl_u32(out, FRA_TABLE, r->table) || folder_nl_u32(out, FRA_FWMARK, r->mark) || folder_nl_text(out, FRA_IIFNAME, iif) ||
	    folder_nl_text(out, FRA_OIFNAME, oif) ||
	    (r->src.family && folder_nl_attr(out, FRA_SRC, r->src.bytes, addr_bytes(r->src.family))) ||
	    (r->dst.family && folder_nl_attr(out, FRA_DST, r->dst.bytes, addr_bytes(r->dst.family))))
		return -ENOMEM;
	folder_nl_end(out, at);
	return 0;
}

/* "32765:	from 192.0.2.0/24 to all iif eth0 fwmark 0x1/0xff lookup 100"; "not", what the table has no column for, is not read. */
static bool read_rule(const struct folder *f, struct span line, struct rule_text *r)
{
	static const struct name_number actions[] = { { "unreachable", FR_ACT_UNREACHABLE },
						      { "prohibit", FR_ACT_PROHIBIT },
						      { "blackhole", FR_ACT_BLACKHOLE },
						      { "nop", FR_ACT_NOP } };
	struct span w, v, mark;
	int64_t action;

	if (!span_field(&line, ':', &w) || (r->priority = folder_number(w)) < 0)
		return false;
	while (span_word(&line, &w)) {
		action = w.n && w.p[0] >= 'a' ? lookup(actions, ARRAY_SIZE(actions), w) : -1;
		if (action >= 0) {
			r->head.action = (uint8_t)action;
			continue;
		}
		if (span_is(w, "not") || !span_word(&line, &v))
			return false;
		if (span_is(w, "from") || span_is(w, "to")) {
			struct prefix *p = span_is(w, "from") ? &r->src : &r->dst;

			if (!read_prefix(v, p) || (p->family && p->family != r->head.family))
				return false;
		} else if (span_is(w, "iif")) {
			r->iif = v;
		} else if (span_is(w, "oif")) {
			r->oif = v;
		} else if (span_is(w, "fwmark")) {
			r->mark = span_field(&v, '/', &mark) ? folder_number(mark) : -1;
		} else if (span_is(w, "lookup")) {
			r->table = table_of(f, v);
			r->head.action = FR_ACT_TO_TBL;
			if (r->table < 0)
				return false;
		} else if (span_is(w, "goto")) {
			r->head.action = FR_ACT_GOTO;
		}
	}
	r->head.src_len = r->src.bits;
	r->head.dst_len = r->dst.bits;
	return r->head.action;
}

int64_t folder_nl_rule(const struct folder *f, struct span text, bool v6, struct buf *out)
{
	struct span line;
	int64_t bad = 0;

	while (span_line(&text, &line)) {
		struct rule_text r = { .head.family = v6 ? AF_INET6 : AF_INET, .table = -1, .mark = -1 };

		if (!line.n)
			continue;
		if (!read_rule(f, line, &r))
			bad++;
		else if (put_rule(&r, out))
			return -ENOMEM;
	}
	return bad;
}

/* ---- neighbours ---- */

struct neigh_text {
	struct prefix addr;
	uint8_t mac[32];
	size_t mac_bytes;
	uint32_t dev;
	uint16_t state;
};

static int put_neigh(const struct neigh_text *x, struct buf *out)
{
	struct ndmsg head = { .ndm_family = (uint8_t)x->addr.family, .ndm_ifindex = (int)x->dev, .ndm_state = x->state };
	size_t at;

	if (folder_nl_begin(out, RTM_NEWNEIGH, &head, sizeof(head), &at) ||
	    folder_nl_attr(out, NDA_DST, x->addr.bytes, addr_bytes(x->addr.family)) ||
	    (x->mac_bytes && folder_nl_attr(out, NDA_LLADDR, x->mac, x->mac_bytes)))
		return -ENOMEM;
	folder_nl_end(out, at);
	return 0;
}

/* "192.0.2.1 dev eth0 lladdr 02:00:00:00:00:01 used 3/0/3 probes 1 REACHABLE" */
int64_t folder_nl_neigh(const struct folder_devs *d, struct span text, struct buf *out)
{
	struct span line, w, v;
	int64_t bad = 0, state;

	while (span_line(&text, &line)) {
		struct neigh_text x = { .dev = 0 };
		bool told = false;

		if (!span_word(&line, &w))
			continue;
		if (!read_prefix(w, &x.addr) || !x.addr.family) {
			bad++;
			continue;
		}
		while (span_word(&line, &w)) {
			state = w.p[0] >= 'A' && w.p[0] <= 'Z' ? lookup(states, ARRAY_SIZE(states), w) : -1;
			if (state >= 0) {
				x.state = (uint16_t)state;
				told = true;
			} else if (span_is(w, "dev") && span_word(&line, &v)) {
				x.dev = folder_devs_index(d, v);
			} else if (span_is(w, "lladdr") && span_word(&line, &v)) {
				x.mac_bytes = folder_mac(v, x.mac, sizeof(x.mac));
			}
		}
		if (!x.dev || !told)
			bad++;
		else if (put_neigh(&x, out))
			return -ENOMEM;
	}
	return bad;
}

/* "192.0.2.1  0x1  0x2  02:00:00:00:00:01  *  eth0": of what is valid it does not tell the state (net/ipv4/arp.c) */
int64_t folder_nl_proc_arp(const struct folder_devs *d, struct span text, struct buf *out)
{
	struct span line, w[6];
	int64_t bad = 0;

	span_line(&text, &line); /* its heading */
	while (span_line(&text, &line)) {
		struct neigh_text x = { .state = NUD_NONE };
		int64_t flags;
		size_t n = 0;

		while (n < ARRAY_SIZE(w) && span_word(&line, &w[n]))
			n++;
		if (n < ARRAY_SIZE(w) || !read_prefix(w[0], &x.addr) || x.addr.family != AF_INET || (flags = folder_number(w[2])) < 0 ||
		    !(x.dev = folder_devs_index(d, w[5]))) {
			bad++;
			continue;
		}
		if (flags & 0x4) /* ATF_PERM */
			x.state = NUD_PERMANENT;
		if (flags & 0x2) /* ATF_COM */
			x.mac_bytes = folder_mac(w[3], x.mac, sizeof(x.mac));
		if (put_neigh(&x, out))
			return -ENOMEM;
	}
	return bad;
}
