/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * A cursor walks over the frame. Everything before @pos is header and is kept, and
 * nothing at or behind @end is ever looked at: @end starts at the captured length and
 * only shrinks, with each length field of an IP or UDP header, so that padding is no
 * header either. A step consumes one header and names the next one; it ends the walk
 * when it meets a protocol it does not know, because what stands there may be payload.
 * A header that is cut off by @end is kept as far as it goes: those bytes are header.
 *
 * Where the bytes say nothing certain of what follows (a UDP port is no proof of a
 * tunnel, an MPLS label none of IP) the next header has to prove itself by its fixed
 * bits, and nothing is kept if it fails.
 */
#include "cut.h"

#include <stdbool.h>

#define STEPS_MAX 24 /* headers in one frame; more is no frame of this world */

enum step { STEP_END, STEP_ETHER, STEP_TYPE, STEP_IP, STEP_PROTO };

struct cursor {
	const uint8_t *frame;
	size_t pos, end;
	unsigned int type;  /* STEP_TYPE: ethertype of what stands at pos */
	unsigned int proto; /* STEP_PROTO: IP protocol of what stands at pos */
	int version;	    /* STEP_IP: version that must stand there, 0: either */
	bool guess;	    /* STEP_IP: nothing but its first four bits says that it is IP */
	bool v6;	    /* the IP header before was version 6 */
	bool quoted;	    /* inside the packet that an ICMP error quotes */
};

static bool has(const struct cursor *c, size_t n)
{
	return c->end - c->pos >= n;
}

static const uint8_t *at(const struct cursor *c)
{
	return c->frame + c->pos;
}

static unsigned int be16(const uint8_t *p)
{
	return (unsigned int)p[0] << 8 | p[1];
}

/* Keep @n bytes, or what there is of them. Return: whether all were there. */
static bool take(struct cursor *c, size_t n)
{
	if (!has(c, n)) {
		c->pos = c->end;
		return false;
	}
	c->pos += n;
	return true;
}

/* The last header of a frame: @n bytes, then nothing. */
static enum step last(struct cursor *c, size_t n)
{
	take(c, n);
	return STEP_END;
}

/* A header says that no more than @n bytes belong to it, counted from @pos. */
static void bound(struct cursor *c, size_t n)
{
	if (has(c, n))
		c->end = c->pos + n;
}

static enum step expect_type(struct cursor *c, unsigned int type)
{
	c->type = type;
	return STEP_TYPE;
}

static enum step expect_ip(struct cursor *c, int version, bool guess)
{
	c->version = version;
	c->guess = guess;
	return STEP_IP;
}

/* IEEE 802.2 LLC, behind a length instead of an ethertype. */
static enum step step_llc(struct cursor *c, unsigned int len)
{
	const uint8_t *p;

	bound(c, len);
	if (!has(c, 3))
		return last(c, 3);
	p = at(c);
	if (p[0] == 0x42 && p[1] == 0x42 && p[2] == 0x03) /* spanning tree: control data only */
		return last(c, 3 + 36);
	if (p[0] != 0xaa || p[1] != 0xaa || p[2] != 0x03)
		return last(c, 3);
	if (!take(c, 8)) /* SNAP */
		return STEP_END;
	if (p[3] || p[4] || p[5]) /* no ethertype but a vendor's own numbers */
		return STEP_END;
	return expect_type(c, be16(p + 6));
}

static enum step step_ether(struct cursor *c)
{
	const uint8_t *p = at(c);
	unsigned int type;

	if (!take(c, 14))
		return STEP_END;
	type = be16(p + 12);
	return type < 0x600 ? step_llc(c, type) : expect_type(c, type);
}

static enum step step_mpls(struct cursor *c)
{
	const uint8_t *p;
	int i;

	for (i = 0; i < 8; i++) {
		p = at(c);
		if (!take(c, 4))
			return STEP_END;
		if (p[2] & 1) /* bottom of stack, RFC 3032 2.1 */
			return expect_ip(c, 0, true);
	}
	return STEP_END;
}

static enum step step_pppoe(struct cursor *c)
{
	const uint8_t *p = at(c);
	unsigned int proto;

	if (!has(c, 6))
		return last(c, 6);
	take(c, 6);
	bound(c, be16(p + 4));
	if (!take(c, 2))
		return STEP_END;
	proto = be16(p + 6);
	if (proto == 0x0021)
		return expect_ip(c, 4, false);
	return proto == 0x0057 ? expect_ip(c, 6, false) : STEP_END;
}

/* ARP and RARP (RFC 826): addresses only, so all of it, but not the padding behind it. */
static enum step step_arp(struct cursor *c)
{
	const uint8_t *p = at(c);

	if (!has(c, 8) || p[4] > 32 || p[5] > 16)
		return last(c, 8);
	return last(c, 8 + 2 * ((size_t)p[4] + p[5]));
}

static enum step step_type(struct cursor *c)
{
	const uint8_t *p = at(c);

	switch (c->type) {
	case 0x0800:
		return expect_ip(c, 4, false);
	case 0x86dd:
		return expect_ip(c, 6, false);
	case 0x8100: /* 802.1Q, 802.1ad and the numbers used before it */
	case 0x88a8:
	case 0x9100:
	case 0x9200:
		if (!take(c, 4))
			return STEP_END;
		return be16(p + 2) < 0x600 ? step_llc(c, be16(p + 2)) : expect_type(c, be16(p + 2));
	case 0x0806:
	case 0x8035:
		return step_arp(c);
	case 0x8847:
	case 0x8848:
		return step_mpls(c);
	case 0x8863: /* PPPoE discovery; its tags hold names and cookies */
		return last(c, 6);
	case 0x8864:
		return step_pppoe(c);
	case 0x88e5: /* MACsec SecTAG, with the 8-byte SCI where bit SC says so */
		return last(c, has(c, 1) && (p[0] & 0x20) ? 14 : 6);
	case 0x888e: /* EAPOL: version, type, length */
		return last(c, 4);
	case 0x6558: /* Ethernet in GRE or GENEVE */
		return STEP_ETHER;
	default:
		return STEP_END;
	}
}

/* The sum over a right IPv4 header is 0xffff (RFC 1071). */
static bool ipv4_sum_ok(const uint8_t *p, size_t n)
{
	uint32_t sum = 0;
	size_t i;

	for (i = 0; i + 1 < n; i += 2)
		sum += be16(p + i);
	sum = (sum & 0xffff) + (sum >> 16);
	return ((sum & 0xffff) + (sum >> 16)) == 0xffff;
}

static enum step step_ipv4(struct cursor *c)
{
	const uint8_t *p = at(c);
	size_t len;
	unsigned int total;

	if (!has(c, 20))
		return c->guess ? STEP_END : last(c, 20);
	len = (size_t)(p[0] & 15) * 4;
	if (c->guess && (len < 20 || !has(c, len) || !ipv4_sum_ok(p, len)))
		return STEP_END;
	if (len < 20)
		return last(c, 20);
	total = be16(p + 2); /* 0 in segments too big for 16 bits (BIG TCP) */
	if (total >= len)
		bound(c, total);
	if (!take(c, len))
		return STEP_END;
	if (be16(p + 6) & 0x1fff) /* not the first fragment */
		return STEP_END;
	c->proto = p[9];
	c->v6 = false;
	return STEP_PROTO;
}

static enum step step_ipv6(struct cursor *c)
{
	const uint8_t *p = at(c);
	unsigned int len;

	if (!has(c, 40))
		return c->guess ? STEP_END : last(c, 40);
	len = be16(p + 4); /* 0 in jumbograms */
	if (len)
		bound(c, 40 + (size_t)len);
	take(c, 40);
	c->proto = p[6];
	c->v6 = true;
	return STEP_PROTO;
}

static enum step step_ip(struct cursor *c)
{
	int version;

	if (!has(c, 1))
		return STEP_END;
	version = *at(c) >> 4;
	if (c->version && version != c->version)
		return STEP_END;
	if (version == 4)
		return step_ipv4(c);
	return version == 6 ? step_ipv6(c) : STEP_END;
}

static enum step step_tcp(struct cursor *c)
{
	size_t len = has(c, 13) ? (size_t)(at(c)[12] >> 4) * 4 : 20;

	return last(c, len < 20 ? 20 : len);
}

/* RFC 7348, and the group policy extension that Linux speaks: flag I set, reserved bits clear. */
static enum step step_vxlan(struct cursor *c)
{
	const uint8_t *p = at(c);

	if (!has(c, 8) || (p[0] & ~0x80) != 0x08 || p[7])
		return STEP_END;
	if (!(p[0] & 0x80) && (p[1] || p[2] || p[3]))
		return STEP_END;
	take(c, 8);
	return STEP_ETHER;
}

/* RFC 8926, 3.4: version 0, reserved bits clear, and a payload that is IP or Ethernet. */
static enum step step_geneve(struct cursor *c)
{
	const uint8_t *p = at(c);
	unsigned int type;

	if (!has(c, 8) || p[0] >> 6 || (p[1] & 0x3f) || p[7])
		return STEP_END;
	type = be16(p + 2);
	if (type != 0x6558 && type != 0x0800 && type != 0x86dd)
		return STEP_END;
	if (!take(c, 8 + (size_t)(p[0] & 0x3f) * 4))
		return STEP_END;
	return expect_type(c, type);
}

static enum step step_udp(struct cursor *c)
{
	const uint8_t *p = at(c);

	if (!has(c, 8))
		return last(c, 8);
	if (be16(p + 4) >= 8)
		bound(c, be16(p + 4));
	take(c, 8);
	if (c->quoted)
		return STEP_END;
	switch (be16(p + 2)) {
	case 4789: /* IANA */
	case 8472: /* what Linux used before, still its default */
		return step_vxlan(c);
	case 6081:
		return step_geneve(c);
	default:
		return STEP_END;
	}
}

/* RFC 2784 and 2890; version 1 is PPTP's (RFC 2637, 4.1), which carries PPP. */
static enum step step_gre(struct cursor *c)
{
	const uint8_t *p = at(c);
	unsigned int flags;
	size_t len = 4;

	if (!has(c, 4))
		return last(c, 4);
	flags = be16(p);
	len += (flags & 0xc000 ? 4 : 0) + (flags & 0x2000 ? 4 : 0) + (flags & 0x1000 ? 4 : 0);
	if ((flags & 7) == 1)
		return last(c, len + (flags & 0x0080 ? 4 : 0));
	if (!take(c, len) || (flags & 0x4007)) /* source routing, unknown version */
		return STEP_END;
	return expect_type(c, be16(p + 2));
}

static enum step step_icmp(struct cursor *c)
{
	const uint8_t *p = at(c);

	if (!take(c, 8) || c->quoted)
		return STEP_END;
	switch (p[0]) {
	case 3:	 /* unreachable */
	case 4:	 /* source quench */
	case 5:	 /* redirect */
	case 11: /* time exceeded */
	case 12: /* parameter problem */
		c->quoted = true;
		return expect_ip(c, 4, false);
	default:
		return STEP_END;
	}
}

static enum step step_icmp6(struct cursor *c)
{
	const uint8_t *p = at(c);

	if (!has(c, 8))
		return last(c, 8);
	switch (p[0]) {
	case 1: /* errors, RFC 4443 */
	case 2:
	case 3:
	case 4:
		take(c, 8);
		if (c->quoted)
			return STEP_END;
		c->quoted = true;
		return expect_ip(c, 6, false);
	case 130: /* multicast listener: with the group's address */
	case 131:
	case 132:
		return last(c, 24);
	case 134: /* router advertisement, without its options */
		return last(c, 16);
	case 135: /* neighbour solicitation and advertisement: with the target */
	case 136:
		return last(c, 24);
	case 137: /* redirect: target and destination */
		return last(c, 40);
	default:
		return last(c, 8);
	}
}

/* An IPv6 extension header of the common form (RFC 6564): next header, length in units of 8. */
static enum step step_extension(struct cursor *c)
{
	const uint8_t *p = at(c);

	if (!c->v6)
		return STEP_END;
	if (!has(c, 8))
		return last(c, 8);
	if (!take(c, ((size_t)p[1] + 1) * 8))
		return STEP_END;
	c->proto = p[0];
	return STEP_PROTO;
}

static enum step step_fragment(struct cursor *c)
{
	const uint8_t *p = at(c);

	if (!c->v6 || !take(c, 8))
		return STEP_END;
	if (be16(p + 2) & 0xfff8)
		return STEP_END;
	c->proto = p[0];
	return STEP_PROTO;
}

static enum step step_ah(struct cursor *c)
{
	const uint8_t *p = at(c);

	if (!has(c, 12))
		return last(c, 12);
	if (!take(c, ((size_t)p[1] + 2) * 4)) /* RFC 4302, 2.2 */
		return STEP_END;
	c->proto = p[0];
	return STEP_PROTO;
}

static enum step step_proto(struct cursor *c)
{
	switch (c->proto) {
	case 0:	  /* hop-by-hop options */
	case 43:  /* routing */
	case 60:  /* destination options */
	case 135: /* mobility */
	case 139: /* HIP */
	case 140: /* shim6 */
		return step_extension(c);
	case 44:
		return step_fragment(c);
	case 51:
		return step_ah(c);
	case 1:
		return step_icmp(c);
	case 58:
		return step_icmp6(c);
	case 6:
		return step_tcp(c);
	case 17:
		return step_udp(c);
	case 4:
		return expect_ip(c, 4, false);
	case 41:
		return expect_ip(c, 6, false);
	case 47:
		return step_gre(c);
	case 137:
		return step_mpls(c);
	case 2:	  /* IGMP: type, time, checksum, group */
	case 50:  /* ESP: SPI, sequence */
	case 112: /* VRRP, whose authentication data stand behind the addresses */
	case 136: /* UDP-Lite */
		return last(c, 8);
	case 33: /* DCCP, RFC 4340 5.1: data offset in words, type and sequence */
		return last(c, has(c, 5) && at(c)[4] > 3 ? (size_t)at(c)[4] * 4 : 12);
	case 89: /* OSPF up to its authentication, which can be a password */
		return last(c, 16);
	case 103: /* PIM */
	case 108: /* IPComp */
	case 115: /* L2TPv3: session */
		return last(c, 4);
	case 132: /* SCTP's common header */
		return last(c, 12);
	default:
		return STEP_END;
	}
}

size_t cut_headers(const uint8_t *frame, size_t cap, enum linktype type)
{
	struct cursor c = { .frame = frame, .end = cap };
	enum step step = STEP_END;
	int i;

	switch (type) {
	case LINKTYPE_ETHERNET:
		step = STEP_ETHER;
		break;
	case LINKTYPE_RAW:
		step = expect_ip(&c, 0, false);
		break;
	case LINKTYPE_LINUX_SLL:
		if (take(&c, 16))
			step = expect_type(&c, be16(frame + 14));
		break;
	}
	for (i = 0; step != STEP_END && i < STEPS_MAX; i++) {
		switch (step) {
		case STEP_ETHER:
			step = step_ether(&c);
			break;
		case STEP_TYPE:
			step = step_type(&c);
			break;
		case STEP_IP:
			step = step_ip(&c);
			break;
		case STEP_PROTO:
			step = step_proto(&c);
			break;
		case STEP_END:
			break;
		}
	}
	return c.pos;
}
