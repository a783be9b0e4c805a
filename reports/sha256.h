/* SPDX-License-Identifier: MIT */
/* sha256: FIPS 180-4, for the hashes in the page's Content-Security-Policy. */
#ifndef SKBTAPE_REPORT_SHA256_H
#define SKBTAPE_REPORT_SHA256_H

#include "../schema/base.h"

#define SHA256_BASE64_SIZE 45 /* 44 characters and a NUL */

/* sha256_base64() - the digest of @s as RFC 4648 base64, as a CSP source expression wants it. */
void sha256_base64(struct span s, char out[SHA256_BASE64_SIZE]);

#endif
