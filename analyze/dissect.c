/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * One cursor walks inwards: link, tags, network, transport; a known tunnel
 * starts the walk again on its inner packet, at most TUNNELS deep. The cursor
 * knows two ends: what was captured and what the frame had. A header beyond the
 * captured end stops the walk silently, one beyond the frame's own end is a
 * problem.
 *
 * Sources: IEEE 802.1Q, RFC 791, RFC 8200, RFC 9293, RFC 768, RFC 792, RFC 4443,
 * RFC 2784 and 2890 (GRE), RFC 7348 (VXLAN), RFC 8926 (Geneve).
 */
#include "dissect.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define TUNNELS	   3
#define IP6_HEADERS 8 /* extension headers that are followed */

struct cur {
	const uint8_t *p;
	size_t cap;  /* captured bytes left */
	size_t orig; /* bytes left in the frame itself, at least cap */
};

enum step { STEP_OK, STEP_STOP };

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* @n header bytes in place, without moving; NULL where they were not captured. */
static const uint8_t *peek(struct dissect *d, const struct cur *c, size_t n, const char *what)
{
	if (n <= c->cap)
		return c->p;
	if (n > c->orig && !d->problem)
		d->problem = what;
	return NULL;
}

static void skip(struct cur *c, size_t n)
{
	if (n > c->cap) {
		c->p += c->cap;
		c->cap = 0;
	} else {
		c->p += n;
		c->cap -= n;
	}
	c->orig = n > c->orig ? 0 : c->orig - n;
}

/* The packet ends after @n bytes by its own length field; what follows is padding. */
static void limit(struct cur *c, size_t n)
{
	if (n < c->orig)
		c->orig = n;
	if (n < c->cap)
		c->cap = n;
}

static void dissect_l3(struct dissect *d, struct cur c, uint16_t ethertype, int depth);

static void into_tunnel(struct dissect *d, struct cur c, uint16_t ethertype, int depth)
{
	struct dissect_ip outer = d->ip;

	if (depth >= TUNNELS)
		return;
	if (!d->outer.family)
		d->outer = outer;
	dissect_l3(d, c, ethertype, depth + 1);
}

static void into_ethernet(struct dissect *d, struct cur c, int depth)
{
	const uint8_t *p = peek(d, &c, 14, "truncated inner Ethernet header");
	uint16_t type;

	if (!p)
		return;
	type = be16(p + 12);
	skip(&c, 14);
	for (int i = 0; i < 2 && (type == 0x8100 || type == 0x88a8); i++) {
		p = peek(d, &c, 4, "truncated inner VLAN tag");
		if (!p)
			return;
		type = be16(p + 2);
		skip(&c, 4);
	}
	into_tunnel(d, c, type, depth);
}

static void dissect_tcp(struct dissect *d, struct cur c)
{
	const uint8_t *p = peek(d, &c, 20, "truncated TCP header");
	size_t hl;

	if (!p)
		return;
	d->tcp = true;
	d->tcp_seq = be32(p + 4);
	d->tcp_ack = be32(p + 8);
	d->tcp_flags = p[13];
	d->tcp_window = be16(p + 14);
	hl = (size_t)(p[12] >> 4) * 4;
	if (hl < 20 || hl > c.orig) {
		if (!d->problem)
			d->problem = "bad TCP header length";
		return;
	}
	d->payload_bytes = (int64_t)(c.orig - hl);
}

static void dissect_udp(struct dissect *d, struct cur c, int depth)
{
	const uint8_t *p = peek(d, &c, 8, "truncated UDP header");
	uint16_t len, dport;

	if (!p)
		return;
	dport = be16(p + 2);
	len = be16(p + 4);
	if (len && (len < 8 || len > c.orig)) {
		if (!d->problem)
			d->problem = "bad UDP length";
		return;
	}
	/* a GSO super-packet may say 0 or its segment's length: the frame tells more */
	if (len && c.orig <= 65535)
		limit(&c, len);
	d->payload_bytes = (int64_t)c.orig - 8;
	skip(&c, 8);
	if (dport == 4789 || dport == 8472) { /* VXLAN, IANA's port and Linux' first one */
		p = peek(d, &c, 8, NULL);
		if (p && p[0] & 0x08) {
			skip(&c, 8);
			into_ethernet(d, c, depth);
		}
	} else if (dport == 6081) { /* Geneve */
		p = peek(d, &c, 8, NULL);
		if (p && p[0] >> 6 == 0 && be16(p + 2) == 0x6558) {
			skip(&c, 8 + (size_t)(p[0] & 0x3f) * 4);
			into_ethernet(d, c, depth);
		}
	}
}

static void dissect_gre(struct dissect *d, struct cur c, int depth)
{
	const uint8_t *p = peek(d, &c, 4, "truncated GRE header");
	uint16_t flags, type;
	size_t n = 4;

	if (!p)
		return;
	flags = be16(p);
	type = be16(p + 2);
	if (flags & 7 || flags & 0x4000) /* other versions; routing present */
		return;
	n += flags & 0x8000 ? 4 : 0;
	n += flags & 0x2000 ? 4 : 0;
	n += flags & 0x1000 ? 4 : 0;
	skip(&c, n);
	if (type == 0x6558)
		into_ethernet(d, c, depth);
	else
		into_tunnel(d, c, type, depth);
}

static void dissect_l4(struct dissect *d, struct cur c, int depth)
{
	const uint8_t *p;

	if (d->ip.frag > 1) { /* a later fragment: no transport header here */
		d->payload_bytes = (int64_t)c.orig;
		return;
	}
	switch (d->ip.proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		p = peek(d, &c, 4, "truncated transport header");
		if (!p)
			return;
		d->ip.has_ports = true;
		d->ip.sport = be16(p);
		d->ip.dport = be16(p + 2);
		if (d->ip.proto == IPPROTO_TCP)
			dissect_tcp(d, c);
		else if (d->ip.proto == IPPROTO_UDP)
			dissect_udp(d, c, depth);
		break;
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		p = peek(d, &c, 4, "truncated ICMP header");
		if (!p)
			return;
		d->icmp = true;
		d->icmp_type = p[0];
		d->icmp_code = p[1];
		d->payload_bytes = c.orig >= 8 ? (int64_t)c.orig - 8 : 0;
		break;
	case IPPROTO_GRE:
		dissect_gre(d, c, depth);
		break;
	case IPPROTO_IPIP:
		into_tunnel(d, c, 0x0800, depth);
		break;
	case IPPROTO_IPV6:
		into_tunnel(d, c, 0x86dd, depth);
		break;
	default:
		break;
	}
}

static void dissect_ip4(struct dissect *d, struct cur c, int depth)
{
	const uint8_t *p = peek(d, &c, 20, "truncated IPv4 header");
	size_t hl, total, off;

	if (!p)
		return;
	hl = (size_t)(p[0] & 15) * 4;
	total = be16(p + 2);
	if (p[0] >> 4 != 4 || hl < 20) {
		d->problem = d->problem ? d->problem : "bad IPv4 version or header length";
		return;
	}
	/* 0: a super-packet of 64 KiB and more (BIG TCP), the frame tells its length */
	if (!total && c.orig > 65535)
		total = c.orig;
	if (total < hl || total > c.orig) {
		d->problem = d->problem ? d->problem : "bad IPv4 total length";
		total = c.orig;
	}
	limit(&c, total);
	memset(&d->ip, 0, sizeof(d->ip));
	d->ip.family = 4;
	d->ip.ttl = p[8];
	d->ip.proto = p[9];
	d->ip.ip_id = be16(p + 4);
	d->ip.total = (uint32_t)total;
	off = (size_t)(be16(p + 6) & 0x1fff) * 8;
	d->ip.frag = off || be16(p + 6) & 0x2000 ? (int32_t)(off * 2 + (be16(p + 6) & 0x2000 ? 1 : 0)) : -1;
	memcpy(d->ip.src, p + 12, 4);
	memcpy(d->ip.dst, p + 16, 4);
	skip(&c, hl);
	dissect_l4(d, c, depth);
}

/* One IPv6 extension header. Return: STEP_STOP when the walk ends here. */
static enum step ip6_header(struct dissect *d, struct cur *c)
{
	const uint8_t *p;

	switch (d->ip.proto) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
	case 135: /* mobility */
		p = peek(d, c, 8, "truncated IPv6 extension header");
		if (!p)
			return STEP_STOP;
		d->ip.proto = p[0];
		skip(c, 8 + (size_t)p[1] * 8);
		return STEP_OK;
	case IPPROTO_FRAGMENT:
		p = peek(d, c, 8, "truncated IPv6 fragment header");
		if (!p)
			return STEP_STOP;
		d->ip.proto = p[0];
		/* an atomic fragment (RFC 6946) is whole */
		if (be16(p + 2) & 0xfff9)
			d->ip.frag = (int32_t)((be16(p + 2) & 0xfff8) * 2 + (be16(p + 2) & 1));
		skip(c, 8);
		return STEP_OK;
	default:
		return STEP_STOP;
	}
}

static void dissect_ip6(struct dissect *d, struct cur c, int depth)
{
	const uint8_t *p = peek(d, &c, 40, "truncated IPv6 header");
	size_t total;

	if (!p)
		return;
	if (p[0] >> 4 != 6) {
		d->problem = d->problem ? d->problem : "bad IPv6 version";
		return;
	}
	total = (size_t)be16(p + 4) + 40;
	if (total == 40 && c.orig > 40) /* jumbo payload or super-packet */
		total = c.orig;
	if (total > c.orig) {
		d->problem = d->problem ? d->problem : "bad IPv6 payload length";
		total = c.orig;
	}
	limit(&c, total);
	memset(&d->ip, 0, sizeof(d->ip));
	d->ip.family = 6;
	d->ip.ip_id = -1;
	d->ip.frag = -1;
	d->ip.proto = p[6];
	d->ip.ttl = p[7];
	d->ip.total = (uint32_t)total;
	memcpy(d->ip.src, p + 8, 16);
	memcpy(d->ip.dst, p + 24, 16);
	skip(&c, 40);
	for (int i = 0; i < IP6_HEADERS && ip6_header(d, &c) == STEP_OK; i++)
		if (d->ip.frag > 1)
			break;
	dissect_l4(d, c, depth);
}

static void dissect_l3(struct dissect *d, struct cur c, uint16_t ethertype, int depth)
{
	d->payload_bytes = -1;
	if (ethertype == 0x0800)
		dissect_ip4(d, c, depth);
	else if (ethertype == 0x86dd)
		dissect_ip6(d, c, depth);
}

void dissect_frame(struct dissect *d, const uint8_t *p, size_t cap, size_t orig, int linktype)
{
	struct cur c = { p, cap, orig < cap ? cap : orig };
	const uint8_t *h;

	memset(d, 0, sizeof(*d));
	d->l3_offset = -1;
	d->payload_bytes = -1;
	d->ip.frag = -1;
	d->ip.ip_id = -1;
	switch (linktype) {
	case LINK_ETHERNET:
		h = peek(d, &c, 14, "truncated Ethernet header");
		if (!h)
			return;
		d->ethertype = be16(h + 12);
		skip(&c, 14);
		while (d->vlans < 4 && (d->ethertype == 0x8100 || d->ethertype == 0x88a8)) {
			h = peek(d, &c, 4, "truncated VLAN tag");
			if (!h)
				return;
			if (!d->vlans++)
				d->vlan_tci = be16(h);
			d->ethertype = be16(h + 2);
			skip(&c, 4);
		}
		break;
	case LINK_SLL: /* Linux cooked v1: protocol in the last two of 16 bytes */
		h = peek(d, &c, 16, "truncated cooked header");
		if (!h)
			return;
		d->ethertype = be16(h + 14);
		skip(&c, 16);
		break;
	case LINK_RAW:
		h = peek(d, &c, 1, "empty packet");
		if (!h)
			return;
		d->ethertype = h[0] >> 4 == 4 ? 0x0800 : h[0] >> 4 == 6 ? 0x86dd : 0;
		break;
	default:
		return;
	}
	d->l3_offset = (int32_t)(c.p - p);
	d->l3_bytes = (uint32_t)c.orig;
	dissect_l3(d, c, d->ethertype, 0);
}

const char *dissect_proto_known(uint8_t proto)
{
	switch (proto) {
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_IGMP:
		return "igmp";
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_UDPLITE:
		return "udplite";
	case IPPROTO_DCCP:
		return "dccp";
	case IPPROTO_GRE:
		return "gre";
	case IPPROTO_ESP:
		return "esp";
	case IPPROTO_AH:
		return "ah";
	case IPPROTO_ICMPV6:
		return "icmpv6";
	case 89:
		return "ospf";
	case 112:
		return "vrrp";
	case IPPROTO_SCTP:
		return "sctp";
	default:
		return NULL;
	}
}

const char *dissect_proto_name(uint8_t proto, char out[8])
{
	const char *name = dissect_proto_known(proto);

	if (name)
		return name;
	snprintf(out, 8, "%u", proto);
	return out;
}
