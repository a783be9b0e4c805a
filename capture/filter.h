/* SPDX-License-Identifier: MIT */
/*
 * filter: pcap-filter(7) expressions for sockets that see devices of every kind.
 */
#ifndef SKBTAPE_FILTER_H
#define SKBTAPE_FILTER_H

#include "cut.h"
#include "../schema/base.h"

/* How much of a frame filter_match() gets to see at least. */
#define FILTER_LOOK_BYTES 2048

struct filter;

/**
 * filter_open() - compile an expression for Ethernet and for raw IP
 * @text: the expression, NULL or "": everything matches
 *
 * An expression that has no meaning on one of the two (ARP on raw IP) matches nothing there.
 * Freed by filter_close(). Return: 0; -EINVAL with libpcap's text; -ENOMEM.
 */
int filter_open(struct filter **f, const char *text, struct err *e);
void filter_close(struct filter *f);

/* filter_is_partial() - whether it matches nothing on devices without an Ethernet header. */
bool filter_is_partial(const struct filter *f);

/* filter_asks_kernel() - whether it asks for what a frame does not hold: direction, device. */
bool filter_asks_kernel(const struct filter *f);
/**
 * filter_of_flow() - whether it looks at nothing but addresses, protocol and ports
 * Then a header made up for a flow gives the same answer as its frames.
 */
bool filter_of_flow(const struct filter *f);

/**
 * filter_attach() - put the program on a packet socket (SOCK_RAW)
 * @ether_bytes: how much of a matching frame of an Ethernet or loopback device the socket is to get
 * @other_bytes: the same for other devices
 * Return: 0; 1 where the kernel cannot tell: every frame passes, FILTER_LOOK_BYTES of it at least,
 * and the caller asks filter_match(); -errno of SO_ATTACH_FILTER.
 */
int filter_attach(const struct filter *f, int fd, uint32_t ether_bytes, uint32_t other_bytes);
/* filter_attach_none() - let no frame pass any more. Return: 0, -errno. */
int filter_attach_none(int fd);

/**
 * filter_match() - ask the expression itself
 * @frame:     @cap_bytes from the link header on (from the IP header on for LINKTYPE_RAW), VLAN tag
 * in place
 * @len_bytes: original length
 */
bool filter_match(const struct filter *f, enum linktype type, const uint8_t *frame,
		  size_t cap_bytes, size_t len_bytes);

#endif
