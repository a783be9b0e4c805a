/* SPDX-License-Identifier: MIT */
/*
 * cut: where the headers of a frame end, so that a recording holds no payload.
 */
#ifndef SKBTAPE_CUT_H
#define SKBTAPE_CUT_H

#include <stddef.h>
#include <stdint.h>

/* Link types of pcapng (the LINKTYPE_ registry of tcpdump.org) that the recorder writes. */
enum linktype { LINKTYPE_ETHERNET = 1, LINKTYPE_RAW = 101, LINKTYPE_LINUX_SLL = 113 };

/* No frame's headers are followed further than this; what the kernel has to copy of a frame. */
#define CUT_HEADERS_MAX 256

/**
 * cut_headers() - how much of a frame is headers
 * @frame: @cap bytes from the wire, untrusted
 *
 * Link header, tags, IP with options and extension headers, the transport header; of
 * known tunnels those of the inner packet too, of ICMP errors those of the quoted one.
 * Of a protocol that is not known nothing is kept, and of a fragment that is not the
 * first only the IP header.
 * Return: bytes to keep, at most @cap.
 */
size_t cut_headers(const uint8_t *frame, size_t cap, enum linktype type);

#endif
