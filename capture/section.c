/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * A section is begun by the first frame that is kept. A device gets its interface block before its
 * first frame in each section, and its name is asked for anew then, because devices are renamed and
 * ifindexes are used again. The frame is copied once, from the ring to its place behind the
 * section, with the VLAN tag put in on the way; there it is matched and cut, and only then does it
 * become a packet block.
 *
 * Of link headers only Ethernet's is written. Other devices' IP packets are written from
 * their IP header on (LINKTYPE_RAW), whatever else they carry behind a "cooked" header made
 * from the socket address (LINKTYPE_LINUX_SLL), on an interface block of its own.
 */
#include "section.h"

#include "clock.h"
#include "pcapng_write.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#ifndef TP_STATUS_GSO_TCP
#define TP_STATUS_GSO_TCP (1 << 8) /* in newer linux/if_packet.h */
#endif

#define SECTION_BYTES (512 * KIB)
#define SECTION_NS    NSEC_PER_SEC
#define KEEP_BYTES    (64 * KIB) /* memory that a quiet section may keep */
#define DEVICES_MAX   32768	 /* in the table, then it starts anew */
#define VLAN_BYTES    4
#define COOKED_BYTES  16 /* LINKTYPE_LINUX_SLL */
#define NO_BLOCK      UINT32_MAX

/* What is known of one device; slot of a hash table by ifindex. */
struct device {
	int ifindex; /* 0: free slot */
	uint16_t hatype;
	bool named;
	bool keep;	   /* one of the interfaces wanted */
	uint32_t section;  /* that of block[] */
	uint32_t block[2]; /* its interface blocks, for plain and for cooked frames, or NO_BLOCK */
	char name[IFNAMSIZ];
};

struct section {
	const struct section_options *o;
	int fd;
	uint64_t inum;
	unsigned int *seq;
	bool user_filter;

	struct device *devices;
	size_t devices_cap, devices_n;
	struct device *last; /* most frames come from the device of the one before */

	struct buf b;	  /* empty: not begun */
	uint32_t no;	  /* number of this section, counted from 1 */
	int64_t begin_ns; /* CLOCK_MONOTONIC; while not begun: when the last one ended */
	uint64_t begin_real_ns;
	uint64_t *received; /* frames of each of its interface blocks */
	size_t received_cap;
	uint32_t interfaces; /* how many blocks */
	uint64_t lost;	     /* since the last section */
};

int section_open(struct section **out, const struct section_options *o, int fd, uint64_t inum,
		 unsigned int *seq, bool user_filter)
{
	struct section *x = calloc(1, sizeof(*x));

	if (!x)
		return -ENOMEM;
	x->o = o;
	x->fd = fd;
	x->inum = inum;
	x->seq = seq;
	x->user_filter = user_filter;
	x->no = 1;
	*out = x;
	return 0;
}

void section_close(struct section *x)
{
	if (!x)
		return;
	free(x->devices);
	free(x->received);
	buf_free(&x->b);
	free(x);
}

bool section_is_due(const struct section *x, int64_t now_ns)
{
	return x->b.len >= SECTION_BYTES || now_ns - x->begin_ns >= SECTION_NS;
}

void section_lost(struct section *x, uint64_t n)
{
	x->lost += n;
}

int section_flush(struct section *x, struct tape_writer *w)
{
	uint64_t now;
	char comment[96];
	uint32_t i;
	int rc = 0;

	x->no++;
	x->begin_ns = clock_mono_ns();
	if (!x->b.len)
		return 0;
	now = (uint64_t)clock_real_ns();
	snprintf(comment, sizeof(comment),
		 "ifdrop: of the ring of netns %" PRIu64 ", all its devices", x->inum);
	/* without memory for a statistics block the frames still count */
	for (i = 0; !rc && i < x->interfaces; i++) {
		struct pcapng_statistics st = { .interface = i,
						.start_ns = x->begin_real_ns,
						.end_ns = now,
						.received = x->received[i] };

		if (!i) {
			st.dropped = &x->lost;
			st.comment = comment;
		}
		rc = pcapng_statistics(&x->b, &st);
	}
	pcapng_end(&x->b);
	rc = tape_member_put(w, x->b.data, x->b.len, "pcap/%" PRIu64 "/%06u", x->inum, (*x->seq)++);
	x->lost = 0;
	x->interfaces = 0;
	/* a quiet namespace holds no memory for its next burst */
	if (x->b.len < x->b.cap / 4 && x->b.cap > KEEP_BYTES)
		buf_free(&x->b);
	else
		buf_reset(&x->b);
	return rc;
}

static bool wanted(const struct section_options *o, const char *name)
{
	char *const *p;

	if (!o->interfaces)
		return true;
	for (p = o->interfaces; *p; p++)
		if (!strcmp(*p, name))
			return true;
	return false;
}

static struct device *device_slot(struct device *v, size_t cap, int ifindex)
{
	size_t i = (uint32_t)ifindex * 2654435761u & (cap - 1);

	while (v[i].ifindex && v[i].ifindex != ifindex)
		i = (i + 1) & (cap - 1);
	return &v[i];
}

static int devices_grow(struct section *x)
{
	size_t i, cap = x->devices_cap ? x->devices_cap * 2 : 16;
	struct device *v = calloc(cap, sizeof(*v));

	if (!v)
		return -ENOMEM;
	for (i = 0; i < x->devices_cap; i++)
		if (x->devices[i].ifindex)
			*device_slot(v, cap, x->devices[i].ifindex) = x->devices[i];
	free(x->devices);
	x->devices = v;
	x->devices_cap = cap;
	return 0;
}

/* The device of a frame, its name as of this section. Return: NULL without memory. */
static struct device *device_get(struct section *x, int ifindex, uint16_t hatype)
{
	struct device *d = x->last;
	struct ifreq ifr;

	if (d && d->ifindex == ifindex && d->section == x->no && d->hatype == hatype)
		return d;
	if (x->devices_n == DEVICES_MAX) { /* those of this section get a second interface block */
		memset(x->devices, 0, x->devices_cap * sizeof(*x->devices));
		x->devices_n = 0;
	}
	if (x->devices_n * 2 >= x->devices_cap && devices_grow(x))
		return NULL;
	d = device_slot(x->devices, x->devices_cap, ifindex);
	x->last = d;
	if (d->ifindex && d->section == x->no && d->hatype == hatype)
		return d;
	if (!d->ifindex)
		x->devices_n++;
	if (d->hatype != hatype) /* another device by now */
		d->named = false;
	d->ifindex = ifindex;
	d->hatype = hatype;
	d->section = x->no;
	d->block[0] = d->block[1] = NO_BLOCK;
	/* the packet socket will do: it stays in its namespace (sock_do_ioctl in net/socket.c) */
	memset(&ifr, 0, sizeof(ifr));
	ifr.ifr_ifindex = ifindex;
	if (!ioctl(x->fd, SIOCGIFNAME, &ifr)) {
		memcpy(d->name, ifr.ifr_name, sizeof(d->name));
		d->name[sizeof(d->name) - 1] = '\0';
		d->named = true;
	} else if (!d->named) {
		snprintf(d->name, sizeof(d->name), "if%d", ifindex);
	}
	d->keep = wanted(x->o, d->name);
	return d;
}

/* Number of the interface block of a device for frames of @type. Return: 0, -ENOMEM. */
static int interface_get(struct section *x, struct device *d, enum linktype type, uint32_t *number)
{
	uint32_t *block = &d->block[type == LINKTYPE_LINUX_SLL];
	struct pcapng_interface i = { .name = d->name,
				      .filter = x->o->filter_text,
				      .linktype = type,
				      .snaplen = x->o->snaplen > 0 ? (uint32_t)x->o->snaplen : 0 };
	char comment[96];
	int rc;

	if (*block != NO_BLOCK) {
		*number = *block;
		return 0;
	}
	if (x->interfaces == x->received_cap) {
		size_t cap = x->received_cap ? x->received_cap * 2 : 8;
		uint64_t *v = realloc(x->received, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		x->received = v;
		x->received_cap = cap;
	}
	if (!x->b.len) {
		rc = pcapng_begin(&x->b);
		if (rc)
			return rc;
		x->begin_ns = clock_mono_ns();
		x->begin_real_ns = (uint64_t)clock_real_ns();
	}
	snprintf(comment, sizeof(comment), "ifindex=%d netns=%" PRIu64 " arphrd=%u", d->ifindex,
		 x->inum, d->hatype);
	i.comment = comment;
	rc = pcapng_interface(&x->b, &i);
	if (rc)
		return rc;
	x->received[x->interfaces] = 0;
	*number = *block = x->interfaces++;
	return 0;
}

static bool is_ether(uint16_t hatype)
{
	return hatype == ARPHRD_ETHER || hatype == ARPHRD_LOOPBACK;
}

static uint32_t packet_flags(uint8_t pkttype, uint32_t status)
{
	uint32_t flags = 0;

	switch (pkttype) {
	case PACKET_OUTGOING:
		flags = PCAPNG_OUT;
		break;
	case PACKET_BROADCAST:
		flags = PCAPNG_IN | PCAPNG_BROADCAST;
		break;
	case PACKET_MULTICAST:
		flags = PCAPNG_IN | PCAPNG_MULTICAST;
		break;
	case PACKET_OTHERHOST:
		flags = PCAPNG_IN | PCAPNG_PROMISCUOUS;
		break;
	case PACKET_HOST:
		flags = PCAPNG_IN | PCAPNG_UNICAST;
		break;
	default: /* netlink monitors */
		break;
	}
	if (status & TP_STATUS_CSUMNOTREADY)
		flags |= PCAPNG_SUM_NOT_READY;
	if (status & TP_STATUS_CSUM_VALID)
		flags |= PCAPNG_SUM_VALID;
	if (status & TP_STATUS_GSO_TCP)
		flags |= PCAPNG_SEGMENTS;
	return flags;
}

/* A frame as it goes into the file: what stands before and in it, and from where. */
struct layout {
	enum linktype type;
	const uint8_t *data;
	size_t cap_bytes; /* of data */
	uint32_t len_bytes;
	size_t head_bytes; /* of data, before what is put in */
	size_t put_bytes;
	uint8_t put[COOKED_BYTES];
};

static void layout_frame(struct layout *l, const struct tpacket3_hdr *h,
			 const struct sockaddr_ll *from)
{
	size_t link;

	l->type = LINKTYPE_ETHERNET;
	l->data = (const uint8_t *)h + h->tp_mac;
	l->cap_bytes = h->tp_snaplen;
	l->len_bytes = h->tp_len;
	l->head_bytes = l->put_bytes = 0;
	if (is_ether(from->sll_hatype)) {
		if ((h->tp_status & TP_STATUS_VLAN_VALID) && l->cap_bytes >= 2 * ETH_ALEN) {
			uint16_t tpid =
				h->tp_status & TP_STATUS_VLAN_TPID_VALID ? h->hv1.tp_vlan_tpid : 0;
			uint16_t tag[2] = { htons(tpid ? tpid : ETH_P_8021Q),
					    htons((uint16_t)h->hv1.tp_vlan_tci) };

			memcpy(l->put, tag, sizeof(tag));
			l->put_bytes = VLAN_BYTES;
			l->head_bytes = 2 * ETH_ALEN;
			l->len_bytes += VLAN_BYTES;
		}
		return;
	}
	/* no other link header is known to all readers: leave it out */
	link = h->tp_net > h->tp_mac ? (size_t)(h->tp_net - h->tp_mac) : 0;
	if (link > l->cap_bytes)
		link = l->cap_bytes;
	l->data += link;
	l->cap_bytes -= link;
	l->len_bytes = l->len_bytes > link ? l->len_bytes - (uint32_t)link : 0;
	l->type = LINKTYPE_RAW;
	if (ntohs(from->sll_protocol) != ETH_P_IP && ntohs(from->sll_protocol) != ETH_P_IPV6) {
		uint16_t head[3] = { htons(from->sll_pkttype), htons(from->sll_hatype),
				     htons(from->sll_halen) };

		l->type = LINKTYPE_LINUX_SLL;
		memcpy(l->put, head, sizeof(head));
		memcpy(l->put + 6, from->sll_addr, 8);
		memcpy(l->put + 14, &from->sll_protocol, 2);
		l->put_bytes = COOKED_BYTES;
		l->len_bytes += COOKED_BYTES;
	}
}

int section_frame(struct section *x, const struct tpacket3_hdr *h)
{
	const struct sockaddr_ll *from =
		(const void *)((const uint8_t *)h + TPACKET_ALIGN(sizeof(struct tpacket3_hdr)));
	struct device *d = device_get(x, from->sll_ifindex, from->sll_hatype);
	struct pcapng_packet k;
	struct layout l;
	uint8_t *to;
	size_t cap;
	int rc;

	if (!d)
		return -ENOMEM;
	if (!d->keep)
		return 0;
	layout_frame(&l, h, from);
	rc = interface_get(x, d, l.type, &k.interface);
	if (rc)
		return rc;
	cap = l.put_bytes + l.cap_bytes;
	to = pcapng_packet_room(&x->b, cap);
	if (!to)
		return -ENOMEM;
	memcpy(to, l.data, l.head_bytes);
	memcpy(to + l.head_bytes, l.put, l.put_bytes);
	memcpy(to + l.head_bytes + l.put_bytes, l.data + l.head_bytes, l.cap_bytes - l.head_bytes);
	if (x->user_filter) {
		/* the cooked header is ours, the expression speaks of what follows */
		size_t skip = l.type == LINKTYPE_LINUX_SLL ? COOKED_BYTES : 0;

		if (!filter_match(x->o->filter, l.type, to + skip, cap - skip, l.len_bytes - skip))
			return 0;
	}
	if (x->o->snaplen < 0)
		cap = cut_headers(to, cap, l.type);
	else if (x->o->snaplen && cap > (size_t)x->o->snaplen)
		cap = (size_t)x->o->snaplen;
	k.flags = packet_flags(from->sll_pkttype, h->tp_status);
	k.len_bytes = l.len_bytes;
	k.ts_ns = (uint64_t)h->tp_sec * NSEC_PER_SEC + h->tp_nsec;
	k.late_stamp = !(h->tp_status & TP_STATUS_TS_SOFTWARE);
	pcapng_packet_put(&x->b, &k, cap);
	x->received[k.interface]++;
	return 1;
}
