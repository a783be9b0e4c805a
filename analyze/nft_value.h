/* SPDX-License-Identifier: MIT */
/* nft_value: the fields that nftables can load, and their bytes as text of their type. */
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
	V_THERE, /* whether a header or option is there */
};

#define NFT_VALUE_MAX 96

/* nft_value_text() - @v as a value of that type */
void nft_value_text(enum nft_type type, struct span v, char out[NFT_VALUE_MAX]);
/* nft_value_be() - up to eight bytes as a number in network order */
uint64_t nft_value_be(struct span v);
/* nft_prefix_bits() - leading ones of a mask that is a prefix, -1 where it is none */
int nft_prefix_bits(const uint8_t *mask, size_t n);

struct nft_field {
	const char *name;
	enum nft_type type;
	uint8_t len; /* bytes */
	bool of_l4;  /* of one transport protocol's header */
};

/**
 * nft_field_header() - a field of a packet's headers
 * @base: NFT_PAYLOAD_
 * @l3:   4, 6, 0: not known; @l4: IPPROTO_, 0: not known
 * @at:   offset and @len: bytes that are loaded; of an address they may be its first ones
 * Return: whether it is a known one.
 */
bool nft_field_header(int64_t base, int l3, int l4, int64_t at, int64_t len, struct nft_field *f);
/* nft_field_meta() - by NFT_META_ key; nft_field_ct() - by NFT_CT_ key. Without a name of its own:
 * "meta", "?". */
struct nft_field nft_field_meta(int64_t key);
struct nft_field nft_field_ct(int64_t key);

#endif
