/* SPDX-License-Identifier: MIT */
#include "sha256.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>
#endif

/* FIPS 180-4, 4.2.2 */
static const uint32_t K[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4,
	0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe,
	0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f,
	0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7,
	0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc,
	0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116,
	0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
	0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
	0xc67178f2,
};

static uint32_t ror(uint32_t v, int n)
{
	return v >> n | v << (32 - n);
}

/* FIPS 180-4, 6.2.2: one block of 64 bytes. */
static void block_plain(uint32_t h[8], const uint8_t *p)
{
	uint32_t w[64], a[8];

	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 |
		       (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
	for (int i = 16; i < 64; i++) {
		uint32_t s0 = ror(w[i - 15], 7) ^ ror(w[i - 15], 18) ^ w[i - 15] >> 3;
		uint32_t s1 = ror(w[i - 2], 17) ^ ror(w[i - 2], 19) ^ w[i - 2] >> 10;

		w[i] = w[i - 16] + s0 + w[i - 7] + s1;
	}
	memcpy(a, h, sizeof(a));
	for (int i = 0; i < 64; i++) {
		uint32_t s1 = ror(a[4], 6) ^ ror(a[4], 11) ^ ror(a[4], 25);
		uint32_t t1 = a[7] + s1 + ((a[4] & a[5]) ^ (~a[4] & a[6])) + K[i] + w[i];
		uint32_t s0 = ror(a[0], 2) ^ ror(a[0], 13) ^ ror(a[0], 22);
		uint32_t t2 = s0 + ((a[0] & a[1]) ^ (a[0] & a[2]) ^ (a[1] & a[2]));

		memmove(a + 1, a, 7 * sizeof(a[0]));
		a[4] += t1;
		a[0] = t1 + t2;
	}
	for (int i = 0; i < 8; i++)
		h[i] += a[i];
}

static void blocks_plain(uint32_t h[8], const uint8_t *p, size_t n)
{
	for (; n; n--, p += 64)
		block_plain(h, p);
}

#ifdef __x86_64__
/* What an instruction takes and gives: ABEF and CDGH, A and C on top (Intel SDM, SHA256RNDS2). */
__attribute__((target("sha,sse4.1"))) static void blocks_by_cpu(uint32_t h[8], const uint8_t *p, size_t n)
{
	const __m128i big = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
	__m128i abef = _mm_set_epi32((int)h[0], (int)h[1], (int)h[4], (int)h[5]);
	__m128i cdgh = _mm_set_epi32((int)h[2], (int)h[3], (int)h[6], (int)h[7]);
	uint32_t out[8];

	for (; n; n--, p += 64) {
		const __m128i abef_before = abef, cdgh_before = cdgh;
		__m128i w[4];

#pragma GCC unroll 16
		for (int i = 0; i < 16; i++) {
			__m128i *now = &w[i & 3], wk;

			if (i < 4) {
				*now = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(p + 16 * i)), big);
			} else {
				const __m128i last = w[(i + 3) & 3];

				*now = _mm_sha256msg1_epu32(*now, w[(i + 1) & 3]);
				*now = _mm_add_epi32(*now, _mm_alignr_epi8(last, w[(i + 2) & 3], 4));
				*now = _mm_sha256msg2_epu32(*now, last);
			}
			wk = _mm_add_epi32(*now, _mm_loadu_si128((const __m128i *)(const void *)(K + 4 * i)));
			cdgh = _mm_sha256rnds2_epu32(cdgh, abef, wk);
			abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(wk, 0x0e));
		}
		abef = _mm_add_epi32(abef, abef_before);
		cdgh = _mm_add_epi32(cdgh, cdgh_before);
	}
	_mm_storeu_si128((__m128i *)(void *)out, abef);
	_mm_storeu_si128((__m128i *)(void *)(out + 4), cdgh);
	h[0] = out[3], h[1] = out[2], h[4] = out[1], h[5] = out[0];
	h[2] = out[7], h[3] = out[6], h[6] = out[5], h[7] = out[4];
}

/* CPUID leaf 7, EBX bit 29: SHA; leaf 1, ECX bit 19: SSE4.1. */
static bool cpu_has_sha(void)
{
	unsigned int a, b, c, d;

	return __get_cpuid(1, &a, &b, &c, &d) && c >> 19 & 1 && __get_cpuid_count(7, 0, &a, &b, &c, &d) && b >> 29 & 1;
}
#endif

static void blocks(struct sha256 *x, const uint8_t *p, size_t n)
{
#ifdef __x86_64__
	if (x->by_cpu) {
		blocks_by_cpu(x->h, p, n);
		return;
	}
#endif
	blocks_plain(x->h, p, n);
}

void sha256_init(struct sha256 *x)
{
	*x = (struct sha256){ .h = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f,
				     0x9b05688c, 0x1f83d9ab, 0x5be0cd19 } };
#ifdef __x86_64__
	x->by_cpu = cpu_has_sha();
#endif
}

void sha256_add(struct sha256 *x, const void *data, size_t n)
{
	const uint8_t *p = data;
	size_t used = x->bytes % 64;

	x->bytes += n;
	if (used) {
		size_t more = n < 64 - used ? n : 64 - used;

		memcpy(x->tail + used, p, more);
		if (used + more < 64)
			return;
		blocks(x, x->tail, 1);
		p += more;
		n -= more;
	}
	blocks(x, p, n / 64);
	if (n % 64)
		memcpy(x->tail, p + n / 64 * 64, n % 64);
}

void sha256_end(struct sha256 *x, uint8_t out[32])
{
	uint64_t bits = x->bytes * 8;
	size_t used = x->bytes % 64;

	x->tail[used++] = 0x80;
	memset(x->tail + used, 0, 64 - used);
	if (used > 56) {
		blocks(x, x->tail, 1);
		memset(x->tail, 0, 64);
	}
	for (int i = 0; i < 8; i++)
		x->tail[63 - i] = (uint8_t)(bits >> 8 * i);
	blocks(x, x->tail, 1);
	for (int i = 0; i < 32; i++)
		out[i] = (uint8_t)(x->h[i / 4] >> (24 - 8 * (i % 4)));
}

void sha256_hex(const uint8_t sum[32], char out[SHA256_HEX_SIZE])
{
	static const char digit[] = "0123456789abcdef";

	for (int i = 0; i < 32; i++) {
		out[2 * i] = digit[sum[i] >> 4];
		out[2 * i + 1] = digit[sum[i] & 15];
	}
	out[SHA256_HEX_SIZE - 1] = '\0';
}

int sha256_file(const char *path, char out[SHA256_HEX_SIZE], struct err *e)
{
	static uint8_t part[64 * KIB];
	uint8_t sum[32];
	struct sha256 x;
	ssize_t n;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "%s", path);
	sha256_init(&x);
	while ((n = read(fd, part, sizeof(part))) > 0)
		sha256_add(&x, part, (size_t)n);
	if (n < 0) {
		int rc = err_sys(e, "%s", path);

		close(fd);
		return rc;
	}
	close(fd);
	sha256_end(&x, sum);
	sha256_hex(sum, out);
	return 0;
}

void sha256_base64(struct span s, char out[SHA256_BASE64_SIZE])
{
	static const char digit[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t sum[33] = { 0 };
	struct sha256 x;

	sha256_init(&x);
	sha256_add(&x, s.p, s.n);
	sha256_end(&x, sum);
	for (int i = 0; i < 11; i++) {
		uint32_t v =
			(uint32_t)sum[3 * i] << 16 | (uint32_t)sum[3 * i + 1] << 8 | sum[3 * i + 2];

		for (int c = 0; c < 4; c++)
			out[4 * i + c] = digit[v >> (18 - 6 * c) & 63];
	}
	out[43] = '='; /* 32 bytes are one short of 11 groups */
	out[44] = '\0';
}
