/* SPDX-License-Identifier: MIT */
/*
 * pcapng: a checked walk over the pcapng sections of a tape
 * (draft-ietf-opsawg-pcapng; what a recorder writes is in schema/TAPE.md, 5).
 */
#ifndef SKBTAPE_PCAPNG_H
#define SKBTAPE_PCAPNG_H

#include "../schema/base.h"

#define PCAPNG_IFACES_MAX 16384 /* interface blocks of one section */

struct pcapng_iface {
	char name[16];	/* device, cut to the kernel's IFNAMSIZ */
	int ifindex;	/* 0: not told */
	int arphrd;	/* -1: not told */
	int linktype;
	uint64_t units; /* ticks per second of its time stamps */
};

struct pcapng_packet {
	const struct pcapng_iface *iface; /* valid until the next pcapng_next() */
	int64_t ts_ns;
	int direction;	      /* 0 in, 1 out, -1 not told */
	int dst_kind;	      /* epb_flags reception type, 0 not told */
	bool late_stamp;      /* stamped while it was copied into the ring, behind netif_receive_skb (TAPE.md, 5) */
	uint32_t orig_bytes;
	uint32_t cap_bytes;
	const uint8_t *data;
	size_t offset; /* of the block in the member */
};

struct pcapng {
	const uint8_t *base;
	struct rd r;
	bool big_endian, in_section;
	struct pcapng_iface *iface;
	size_t iface_n, iface_cap;
};

/* pcapng_init() - walk @n bytes at @data, which stay the caller's. */
void pcapng_init(struct pcapng *g, const void *data, size_t n);
/* pcapng_next() - the next packet. Return: 1, 0 at the end, -EINVAL where the rest is no use, -ENOMEM. */
int pcapng_next(struct pcapng *g, struct pcapng_packet *p);
void pcapng_free(struct pcapng *g);

#endif
