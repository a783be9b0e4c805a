/* SPDX-License-Identifier: MIT */
#include "tape.h"

#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/*
 * Eight bytes at a time, each by a table of its own ("slicing by 8", M. Kounavis and F. Berry, 2005):
 * slice[k][b] is what byte b becomes after k more bytes. The reflected polynomial is 0x82f63b78.
 */
static uint32_t slice[8][256];
static pthread_once_t slice_once = PTHREAD_ONCE_INIT;

static void slice_fill(void)
{
	for (uint32_t b = 0; b < 256; b++) {
		uint32_t v = b;

		for (int bit = 0; bit < 8; bit++)
			v = v >> 1 ^ (v & 1 ? 0x82f63b78 : 0);
		slice[0][b] = v;
	}
	for (int k = 1; k < 8; k++)
		for (int b = 0; b < 256; b++)
			slice[k][b] = slice[k - 1][b] >> 8 ^ slice[0][slice[k - 1][b] & 255];
}

uint32_t tape_crc32c(uint32_t crc, const void *data, size_t n)
{
	const uint8_t *p = data;

	pthread_once(&slice_once, slice_fill);
	crc = ~crc;
	for (; n >= 8; n -= 8, p += 8) {
		uint64_t v;

		memcpy(&v, p, 8);
		v = le64toh(v) ^ crc;
		crc = slice[7][v & 255] ^ slice[6][v >> 8 & 255] ^ slice[5][v >> 16 & 255] ^
		      slice[4][v >> 24 & 255] ^ slice[3][v >> 32 & 255] ^ slice[2][v >> 40 & 255] ^
		      slice[1][v >> 48 & 255] ^ slice[0][v >> 56];
	}
	for (; n; n--)
		crc = crc >> 8 ^ slice[0][(crc ^ *p++) & 255];
	return ~crc;
}

static void put_le(uint8_t *p, uint64_t v, int n)
{
	for (int i = 0; i < n; i++, v >>= 8)
		p[i] = (uint8_t)v;
}

void tape_trailer_encode(uint8_t out[TAPE_TRAILER_BYTES], const struct tape_trailer *t)
{
	put_le(out, TAPE_TRAILER_MAGIC, 4);
	put_le(out + 4, TAPE_TRAILER_BYTES - 8, 4);
	memcpy(out + 8, TAPE_TRAILER_TAG, 8);
	put_le(out + 16, t->seq, 8);
	put_le(out + 24, t->offset, 8);
	put_le(out + 32, t->len_bytes, 8);
	put_le(out + 40, t->raw_bytes, 8);
	put_le(out + 48, t->crc, 4);
	put_le(out + 52, tape_crc32c(0, out, 52), 4);
}

int tape_trailer_decode(const uint8_t *in, size_t n, struct tape_trailer *t)
{
	struct tape_trailer x;
	struct rd r;

	if (n < TAPE_TRAILER_BYTES)
		return -EINVAL;
	rd_init(&r, in, TAPE_TRAILER_BYTES);
	if (rd_le32(&r) != TAPE_TRAILER_MAGIC || rd_le32(&r) != TAPE_TRAILER_BYTES - 8 ||
	    memcmp(rd_bytes(&r, 8), TAPE_TRAILER_TAG, 8))
		return -EINVAL;
	x.seq = rd_le64(&r);
	x.offset = rd_le64(&r);
	x.len_bytes = rd_le64(&r);
	x.raw_bytes = rd_le64(&r);
	x.crc = rd_le32(&r);
	if (rd_le32(&r) != tape_crc32c(0, in, 52))
		return -EINVAL;
	*t = x;
	return 0;
}

bool tape_name_ok(struct span name)
{
	static const char ok[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+@/-";

	if (!name.n || name.n > TAPE_NAME_MAX || name.p[0] == '/' || name.p[name.n - 1] == '/')
		return false;
	for (size_t i = 0; i < name.n; i++) {
		if (!memchr(ok, name.p[i], sizeof(ok) - 1))
			return false;
		/* no empty, "." or ".." component */
		if ((i == 0 || name.p[i - 1] == '/') &&
		    (name.p[i] == '/' || (name.p[i] == '.' && (i + 1 == name.n || name.p[i + 1] == '/')) ||
		     (i + 1 < name.n && name.p[i] == '.' && name.p[i + 1] == '.' &&
		      (i + 2 == name.n || name.p[i + 2] == '/'))))
			return false;
	}
	return true;
}

/* The header checksum: all bytes, its own field taken as blanks. */
static unsigned int tar_sum(const uint8_t h[TAPE_BLOCK])
{
	unsigned int sum = 0;

	for (int i = 0; i < TAPE_BLOCK; i++)
		sum += i >= 148 && i < 156 ? ' ' : h[i];
	return sum;
}

int tape_tar_encode(uint8_t out[TAPE_BLOCK], const char *name, uint64_t size, int64_t mtime)
{
	size_t n = strlen(name);
	char *h = (char *)out;

	if (!tape_name_ok((struct span){ name, n }) || size > TAPE_MEMBER_MAX)
		return -EINVAL;
	if (mtime < 0 || mtime > 077777777777LL)
		mtime = 0;
	memset(h, 0, TAPE_BLOCK);
	memcpy(h, name, n);
	memcpy(h + 100, "0000600", 8);
	memcpy(h + 108, "0000000", 8);
	memcpy(h + 116, "0000000", 8);
	snprintf(h + 124, 12, "%011llo", (unsigned long long)size);
	snprintf(h + 136, 12, "%011llo", (unsigned long long)mtime);
	h[156] = '0';
	memcpy(h + 257, "ustar", 6);
	memcpy(h + 263, "00", 2);
	memcpy(h + 265, "root", 5);
	memcpy(h + 297, "root", 5);
	snprintf(h + 148, 8, "%06o", tar_sum(out));
	h[155] = ' ';
	return 0;
}

static int octal(const uint8_t *p, size_t n, uint64_t *v)
{
	uint64_t x = 0;
	size_t i = 0;

	while (i < n && p[i] == ' ')
		i++;
	if (i == n || p[i] < '0' || p[i] > '7')
		return -EINVAL;
	for (; i < n && p[i] >= '0' && p[i] <= '7'; i++)
		x = x << 3 | (uint64_t)(p[i] - '0'); /* at most 12 digits: no overflow */
	for (; i < n; i++)
		if (p[i] != ' ' && p[i] != '\0')
			return -EINVAL;
	*v = x;
	return 0;
}

int tape_tar_decode(const uint8_t in[TAPE_BLOCK], struct tape_tar *t)
{
	struct tape_tar x = { .end = true };
	uint64_t sum;
	size_t n;

	for (int i = 0; i < TAPE_BLOCK && x.end; i++)
		x.end = in[i] == 0;
	if (x.end) {
		*t = x;
		return 0;
	}
	if (octal(in + 148, 8, &sum) || sum != tar_sum(in) || (in[156] != '0' && in[156] != 0) ||
	    memcmp(in + 257, "ustar", 5) || in[345] || octal(in + 124, 12, &x.size) ||
	    x.size > TAPE_FRAME_RAW_MAX)
		return -EINVAL;
	n = strnlen((const char *)in, TAPE_NAME_MAX);
	if (!tape_name_ok((struct span){ (const char *)in, n }))
		return -EINVAL;
	memcpy(x.name, in, n);
	*t = x;
	return 0;
}
