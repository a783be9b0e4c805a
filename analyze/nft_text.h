/* SPDX-License-Identifier: MIT */
/*
 * nft_text: what an nftables rule does, in words, from its list of expressions.
 */
#ifndef SKBTAPE_NFT_TEXT_H
#define SKBTAPE_NFT_TEXT_H

#include "nldump.h"

#define NFT_TEXT_MAX 1024

struct nft_text {
	char text[NFT_TEXT_MAX]; /* ends with '...' where it did not fit */
	char verdict[300];	 /* accept, drop, reject, jump CHAIN, ...; "" none */
	struct span target;	 /* chain that it jumps or goes to, in the dump; p == NULL: none */
	int64_t packets, bytes;	 /* of its counter, -1: it has none */
};

/**
 * nft_text_rule() - read a rule
 * @exprs:    NFTA_RULE_EXPRESSIONS, may be NULL
 * @userdata: NFTA_RULE_USERDATA, may be NULL: the comment
 * @family:   NFPROTO_ of its table
 * Return: whether all of it could be read; @out holds what could.
 */
bool nft_text_rule(const struct nlattr *exprs, const struct nlattr *userdata, int family,
		   struct nft_text *out);

#endif
