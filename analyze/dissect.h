/* SPDX-License-Identifier: MIT */
/*
 * dissect: protocol headers of a captured frame, bounds-checked. A header that
 * the capture cut off is simply not known; one that the frame itself is too
 * short for is a problem and named.
 */
#ifndef SKBTAPE_DISSECT_H
#define SKBTAPE_DISSECT_H

#include "../schema/base.h"

/* pcapng link types (LINKTYPE_, www.tcpdump.org/linktypes.html) */
#define LINK_ETHERNET 1
#define LINK_RAW      101
#define LINK_SLL      113

/* One IP packet's addresses and, where known, its transport's ports. */
struct dissect_ip {
	uint8_t family; /* 4, 6; 0: none */
	uint8_t proto;	/* IPPROTO_, behind IPv6 extension headers */
	uint8_t ttl;	/* or hop limit */
	bool has_ports;
	uint8_t src[16], dst[16]; /* IPv4 in the first four bytes */
	uint16_t sport, dport;
	int32_t frag;	    /* -1: no fragment, else offset in bytes * 2 + more-fragments */
	int32_t ip_id;	    /* -1: none */
	uint32_t total;	    /* bytes from this IP header to the end of the packet, by its length field */
};

struct dissect {
	int32_t l3_offset;  /* of the outer network header, -1: no network header known */
	uint32_t l3_bytes;  /* original bytes from there on */
	uint16_t ethertype; /* outer, behind VLAN tags; 0 unknown */
	uint16_t vlan_tci;  /* outermost tag */
	uint8_t vlans;	    /* tags in the frame */
	struct dissect_ip ip;	 /* innermost packet */
	struct dissect_ip outer; /* family 0: no tunnel */
	bool tcp;
	uint8_t tcp_flags;
	uint32_t tcp_seq, tcp_ack;
	uint16_t tcp_window;
	bool icmp;
	uint8_t icmp_type, icmp_code;
	int64_t payload_bytes; /* behind the innermost transport header, -1: unknown */
	const char *problem;   /* NULL: well formed as far as seen */
};

/* dissect_frame() - @cap bytes at @p of a frame of @orig bytes. Never fails; what is not known stays at its "none" value. */
void dissect_frame(struct dissect *d, const uint8_t *p, size_t cap, size_t orig, int linktype);

/* dissect_proto_known() - "tcp", "udp", ... or NULL for a protocol without a name here. */
const char *dissect_proto_known(uint8_t proto);
/* dissect_proto_name() - "tcp", "udp", ... or the number as text in @out. */
const char *dissect_proto_name(uint8_t proto, char out[8]);

#endif
