/* SPDX-License-Identifier: MIT */
/* nft_value: the bytes that nftables compares and stores, as text of their type. */
#ifndef SKBTAPE_NFT_VALUE_H
#define SKBTAPE_NFT_VALUE_H

#include "nldump.h"

enum nft_type {
	V_HEX,	/* bytes of unknown meaning */
	V_INT,	/* a number in network order */
	V_HOST, /* a number in the host's order */
	V_MARK, /* the same, in hexadecimal */
	V_ADDR, /* IPv4 or IPv6, by its length */
	V_MAC,
	V_IFNAME,
	V_L4, /* IPPROTO_ */
	V_L3, /* NFPROTO_ */
	V_ETHER,
	V_CT_STATE,
	V_TCP_FLAGS,
	V_TEXT,
};

#define NFT_VALUE_MAX 96

/* nft_value_text() - @v as a value of that type */
void nft_value_text(enum nft_type type, struct span v, char out[NFT_VALUE_MAX]);
/* nft_value_be() - up to eight bytes as a number in network order */
uint64_t nft_value_be(struct span v);
/* nft_prefix_bits() - leading ones of a mask that is a prefix, -1 where it is none */
int nft_prefix_bits(const uint8_t *mask, size_t n);

#endif
