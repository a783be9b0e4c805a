/* SPDX-License-Identifier: MIT */
#include "tape.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#ifdef __x86_64__
/* The instruction for just this polynomial. */
__attribute__((target("sse4.2"))) static uint32_t crc_by_cpu(uint32_t crc, const uint8_t *p, size_t n)
{
	uint64_t c = crc, v;

	for (; n >= 8; p += 8, n -= 8) {
		memcpy(&v, p, 8);
		c = __builtin_ia32_crc32di(c, v);
	}
	while (n--)
		c = __builtin_ia32_crc32qi((uint32_t)c, *p++);
	return (uint32_t)c;
}
#endif

static uint32_t crc_by_table(uint32_t crc, const uint8_t *p, size_t n)
{
	/* four bits at a time: reflected polynomial 0x82f63b78, a table of 16 */
	static const uint32_t t[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3,
		0x61c69362, 0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};

	while (n--) {
		crc ^= *p++;
		crc = crc >> 4 ^ t[crc & 15];
		crc = crc >> 4 ^ t[crc & 15];
	}
	return crc;
}

uint32_t tape_crc32c(uint32_t crc, const void *data, size_t n)
{
#ifdef __x86_64__
	if (__builtin_cpu_supports("sse4.2"))
		return ~crc_by_cpu(~crc, data, n);
#endif
	return ~crc_by_table(~crc, data, n);
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

int tape_text(struct buf *b, struct span field, char end)
{
	int rc = buf_reserve(b, field.n * 4 + 1);

	if (rc)
		return rc;
	for (size_t i = 0; i < field.n; i++) {
		uint8_t c = (uint8_t)field.p[i];
		uint8_t octal[4] = { '\\', '0' + (c >> 6), '0' + (c >> 3 & 7), '0' + (c & 7) };

		if (c < 0x20 || c == 0x7f || c == '\\')
			buf_put(b, octal, sizeof(octal));
		else
			buf_put(b, &c, 1);
	}
	return buf_put(b, &end, 1);
}
