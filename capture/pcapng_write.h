/* SPDX-License-Identifier: MIT */
/*
 * pcapng_write: the blocks of a pcapng section (draft-ietf-opsawg-pcapng), little
 * endian, one behind the other in a buffer. The buffer holds one section and begins with it.
 */
#ifndef SKBTAPE_PCAPNG_WRITE_H
#define SKBTAPE_PCAPNG_WRITE_H

#include "../schema/base.h"

/* Option of an enhanced packet block without a value, from the range for local use: the kernel had
 * no time stamp for this frame yet and took one while it copied the frame into the ring, which on
 * the way in is behind netif_receive_skb (net/packet/af_packet.c, tpacket_rcv). */
#define PCAPNG_OPT_LATE_STAMP 0x8001

/* epb_flags, draft section 4.3.1 */
#define PCAPNG_IN	     0x001u
#define PCAPNG_OUT	     0x002u
#define PCAPNG_UNICAST	     0x004u
#define PCAPNG_MULTICAST     0x008u
#define PCAPNG_BROADCAST     0x00cu
#define PCAPNG_PROMISCUOUS   0x010u /* to another host's address */
#define PCAPNG_SUM_NOT_READY 0x200u /* the checksum is left to the device */
#define PCAPNG_SUM_VALID     0x400u
#define PCAPNG_SEGMENTS	     0x800u /* several TCP segments in one */

struct pcapng_interface {
	const char *name;
	const char *comment; /* NULL: none */
	const char *filter;  /* pcap-filter(7) text, NULL or "": none */
	uint16_t linktype;
	uint32_t snaplen; /* 0: no limit */
};

struct pcapng_packet {
	uint32_t interface; /* number of its interface block in the section */
	uint32_t flags;	    /* PCAPNG_... */
	uint32_t len_bytes; /* original length */
	uint64_t ts_ns;	    /* since 1970 */
	bool late_stamp;
};

struct pcapng_statistics {
	uint32_t interface;
	uint64_t start_ns, end_ns; /* of the section, since 1970 */
	uint64_t received;	   /* its frames in the section */
	const uint64_t *dropped;   /* NULL: not said */
	const char *comment;	   /* NULL: none */
};

/* pcapng_begin() - the section header, into the empty @b. Return: 0, -ENOMEM. */
int pcapng_begin(struct buf *b);
/* pcapng_end() - note the section's length in its header. */
void pcapng_end(struct buf *b);

/* pcapng_interface() - an interface block; the first one of a section has number 0. Return: 0,
 * -ENOMEM. */
int pcapng_interface(struct buf *b, const struct pcapng_interface *i);
/* pcapng_statistics() - an interface statistics block. Return: 0, -ENOMEM. */
int pcapng_statistics(struct buf *b, const struct pcapng_statistics *s);

/**
 * pcapng_packet_room() - where the data of the next packet go
 * @max_bytes: as many as there may be
 * The packet exists when pcapng_packet_put() is called; until then @b is as before.
 * Return: the place, or NULL where there is no memory.
 */
uint8_t *pcapng_packet_room(struct buf *b, size_t max_bytes);
/* pcapng_packet_put() - make a packet of the first @cap_bytes bytes there; at most max_bytes. */
void pcapng_packet_put(struct buf *b, const struct pcapng_packet *p, size_t cap_bytes);

#endif
