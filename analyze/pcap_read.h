/* SPDX-License-Identifier: MIT */
/* pcap_read: capture files (pcap, pcapng) as pcapng sections of a tape; libpcap reads them. */
#ifndef SKBTAPE_PCAP_READ_H
#define SKBTAPE_PCAP_READ_H

#include "../schema/base.h"

/* What is needed of a packet to find its event. */
struct pcap_mark {
	int64_t ts_ns;
	uint64_t src; /* link-layer source address, 0: has none */
	uint32_t len_bytes;
	uint32_t l3_bytes; /* without the link header */
	int8_t direction;  /* 0 in, 1 out, -1 not known */
};

struct pcap_marks {
	struct pcap_mark *v;
	size_t n, cap;
	int linktype;
	bool cut; /* the file ends within a packet, or is damaged there */
	char why[200];
};

/**
 * pcap_read_marks() - the marks of all packets
 * @out: emptied first; @out->v is the caller's to free(), also after a failure
 * Return: 0, -EINVAL (no capture file), -EFBIG, -ENOMEM.
 */
int pcap_read_marks(const char *path, struct pcap_marks *out, struct err *e);

/**
 * pcap_read_sections() - the packets as sections, each a few MiB
 * @dev:   name of the interface; @direction: of each packet by @marks
 * @take:  called with each section; its failure is handed back
 * Return: as pcap_read_marks(), or what @take returned.
 */
int pcap_read_sections(const char *path, const struct pcap_marks *marks, const char *dev,
		       int (*take)(void *ctx, const void *data, size_t n), void *ctx, struct err *e);

#endif
