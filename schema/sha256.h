/* SPDX-License-Identifier: MIT */
/* sha256: FIPS 180-4, for the hashes in the page's Content-Security-Policy and for the identity of a tape. */
#ifndef SKBTAPE_SHA256_H
#define SKBTAPE_SHA256_H

#include "base.h"

#define SHA256_BASE64_SIZE 45
#define SHA256_HEX_SIZE	   65

struct sha256 {
	uint32_t h[8];
	uint64_t bytes; /* so far */
	uint8_t tail[64];
	bool by_cpu; /* with its own instructions */
};

void sha256_init(struct sha256 *x);
void sha256_add(struct sha256 *x, const void *data, size_t n);
/* sha256_end() - the digest; @x is used up. */
void sha256_end(struct sha256 *x, uint8_t out[32]);
/* sha256_hex() - a digest as sha256sum(1) writes it. */
void sha256_hex(const uint8_t sum[32], char out[SHA256_HEX_SIZE]);
/* sha256_file() - the digest of a whole file, as sha256sum(1) writes it. Return: 0, -errno. */
int sha256_file(const char *path, char out[SHA256_HEX_SIZE], struct err *e);
/* sha256_base64() - the digest of @s as RFC 4648 base64, as a CSP source expression wants it. */
void sha256_base64(struct span s, char out[SHA256_BASE64_SIZE]);

#endif
