/* SPDX-License-Identifier: MIT */
/* folder_ct: entries of connection tracking, as proc/net/nf_conntrack and 'conntrack -L' print them. */
#include "folder_nl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <string.h>

struct tuple_text {
	int family;
	uint8_t src[16], dst[16];
	uint16_t sport, dport;
	bool has_src, has_dst, has_sport, has_dport;
};

struct ct_text {
	struct tuple_text dir[2]; /* original, reply */
	uint8_t proto, tcp_state;
	bool has_state, unreplied, assured;
	int64_t timeout, mark, zone;
};

static size_t addr_bytes(int family)
{
	return family == AF_INET ? 4 : 16;
}

static int put_tuple(struct buf *out, uint16_t type, const struct tuple_text *t, uint8_t proto)
{
	bool v4 = t->family == AF_INET;
	uint16_t sport = htons(t->sport), dport = htons(t->dport);
	size_t tuple, in;

	if (folder_nl_nest(out, type, &tuple) || folder_nl_nest(out, CTA_TUPLE_IP, &in) ||
	    folder_nl_attr(out, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, t->src, addr_bytes(t->family)) ||
	    folder_nl_attr(out, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, t->dst, addr_bytes(t->family)))
		return -ENOMEM;
	folder_nl_nest_end(out, in);
	if (folder_nl_nest(out, CTA_TUPLE_PROTO, &in) || folder_nl_attr(out, CTA_PROTO_NUM, &proto, 1) ||
	    (t->has_sport && folder_nl_attr(out, CTA_PROTO_SRC_PORT, &sport, 2)) ||
	    (t->has_dport && folder_nl_attr(out, CTA_PROTO_DST_PORT, &dport, 2)))
		return -ENOMEM;
	folder_nl_nest_end(out, in);
	folder_nl_nest_end(out, tuple);
	return 0;
}

static int put_be32(struct buf *out, uint16_t type, int64_t v)
{
	uint32_t raw = htonl((uint32_t)v);

	return v < 0 ? 0 : folder_nl_attr(out, type, &raw, sizeof(raw));
}

/* Addresses that the reply does not turn round were translated (net/netfilter/nf_nat_core.c). */
static uint32_t status_of(const struct ct_text *c)
{
	const struct tuple_text *o = &c->dir[0], *r = &c->dir[1];
	uint32_t s = IPS_CONFIRMED | (c->unreplied ? 0U : IPS_SEEN_REPLY) | (c->assured ? IPS_ASSURED : 0U);

	if (memcmp(o->src, r->dst, sizeof(o->src)) || (o->has_sport && r->has_dport && o->sport != r->dport))
		s |= IPS_SRC_NAT;
	if (memcmp(o->dst, r->src, sizeof(o->dst)) || (o->has_dport && r->has_sport && o->dport != r->sport))
		s |= IPS_DST_NAT;
	return s;
}

static int put_ct(const struct ct_text *c, struct buf *out)
{
	struct nfgenmsg head = { .nfgen_family = (uint8_t)c->dir[0].family };
	uint16_t zone = htons((uint16_t)c->zone);
	size_t at, info, tcp;

	if (folder_nl_begin(out, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW, &head, sizeof(head), &at) ||
	    put_tuple(out, CTA_TUPLE_ORIG, &c->dir[0], c->proto) || put_tuple(out, CTA_TUPLE_REPLY, &c->dir[1], c->proto) ||
	    put_be32(out, CTA_STATUS, status_of(c)) || put_be32(out, CTA_TIMEOUT, c->timeout) || put_be32(out, CTA_MARK, c->mark) ||
	    (c->zone > 0 && folder_nl_attr(out, CTA_ZONE, &zone, sizeof(zone))))
		return -ENOMEM;
	if (c->has_state) {
		if (folder_nl_nest(out, CTA_PROTOINFO, &info) || folder_nl_nest(out, CTA_PROTOINFO_TCP, &tcp) ||
		    folder_nl_attr(out, CTA_PROTOINFO_TCP_STATE, &c->tcp_state, 1))
			return -ENOMEM;
		folder_nl_nest_end(out, tcp);
		folder_nl_nest_end(out, info);
	}
	folder_nl_end(out, at);
	return 0;
}

static bool read_addr(struct span s, struct tuple_text *t, uint8_t out[16])
{
	char text[INET6_ADDRSTRLEN];
	int family;

	if (s.n >= sizeof(text))
		return false;
	span_copy(s, text, sizeof(text));
	family = strchr(text, ':') ? AF_INET6 : AF_INET;
	if (t->family && t->family != family)
		return false;
	t->family = family;
	return inet_pton(family, text, out) == 1;
}

/* "src=192.0.2.1", of the direction @d, which goes on with the second "src=". Return: false: not understood. */
static bool read_pair(struct span name, struct span value, struct ct_text *c, int *d)
{
	struct tuple_text *t;
	int64_t v = folder_number(value);

	if (span_is(name, "src") && ++*d > 1)
		return false;
	if (*d < 0)
		return !span_is(name, "dst");
	t = &c->dir[*d];
	if (span_is(name, "src"))
		return t->has_src = read_addr(value, t, t->src);
	if (span_is(name, "dst"))
		return t->has_dst = read_addr(value, t, t->dst);
	if (span_is(name, "sport") || span_is(name, "dport")) {
		bool s = span_is(name, "sport");

		if (v < 0 || v > UINT16_MAX)
			return false;
		*(s ? &t->sport : &t->dport) = (uint16_t)v;
		*(s ? &t->has_sport : &t->has_dport) = true;
	} else if (span_is(name, "mark")) {
		c->mark = v;
	} else if (span_is(name, "zone")) {
		c->zone = v <= UINT16_MAX ? v : 0;
	}
	return true;
}

/* "ipv4 2 tcp 6 431999 ESTABLISHED src=... [ASSURED] mark=0 zone=0 use=2"; without -o extended the family is not in front */
static bool read_ct(struct span line, struct ct_text *c)
{
	/* include/uapi/linux/netfilter/nf_conntrack_tcp.h */
	static const char *const state[] = { "NONE", "SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK",
					     "TIME_WAIT", "CLOSE", "SYN_SENT2" };
	struct span w, name;
	int64_t proto;
	int d = -1;

	*c = (struct ct_text){ .timeout = -1, .mark = -1 };
	if (!span_word(&line, &w))
		return false;
	if (span_is(w, "ipv4") || span_is(w, "ipv6"))
		if (!span_word(&line, &w) || !span_word(&line, &w))
			return false;
	if (!span_word(&line, &w) || (proto = folder_number(w)) < 0 || proto > UINT8_MAX)
		return false;
	c->proto = (uint8_t)proto;
	while (span_word(&line, &w)) {
		struct span value = w;

		if (span_is(w, "[UNREPLIED]")) {
			c->unreplied = true;
		} else if (span_is(w, "[ASSURED]")) {
			c->assured = true;
		} else if (memchr(w.p, '=', w.n)) {
			span_field(&value, '=', &name);
			if (!read_pair(name, value, c, &d))
				return false;
		} else if (d < 0 && c->timeout < 0 && folder_number(w) >= 0) {
			c->timeout = folder_number(w);
		} else if (d < 0 && c->proto == IPPROTO_TCP) {
			for (size_t i = 0; i < ARRAY_SIZE(state); i++)
				if (span_is(w, state[i])) {
					c->tcp_state = (uint8_t)i;
					c->has_state = true;
				}
		}
	}
	return d == 1 && c->dir[0].has_src && c->dir[0].has_dst && c->dir[1].has_src && c->dir[1].has_dst &&
	       c->dir[0].family == c->dir[1].family;
}

int64_t folder_nl_conntrack(struct span text, struct buf *out)
{
	struct ct_text c;
	struct span line;
	int64_t bad = 0;

	while (span_line(&text, &line)) {
		/* the last line of conntrack(8) counts the others */
		if (!line.n || span_starts(line, "conntrack v"))
			continue;
		if (!read_ct(line, &c))
			bad++;
		else if (put_ct(&c, out))
			return -ENOMEM;
	}
	return bad;
}
