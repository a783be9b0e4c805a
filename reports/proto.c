/* SPDX-License-Identifier: MIT */
#include "proto.h"

#include <endian.h>
#include <string.h>

enum wire { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2 };

static void put(struct proto *p, const void *data, size_t n)
{
	if (!p->bad && buf_put(&p->b, data, n))
		p->bad = true;
}

static void put_varint(struct proto *p, uint64_t v)
{
	uint8_t out[10];
	size_t n = 0;

	for (; v >= 0x80; v >>= 7)
		out[n++] = (uint8_t)(v | 0x80);
	out[n++] = (uint8_t)v;
	put(p, out, n);
}

static void put_tag(struct proto *p, uint32_t field, enum wire wire)
{
	put_varint(p, (uint64_t)field << 3 | wire);
}

void proto_uint(struct proto *p, uint32_t field, uint64_t v)
{
	put_tag(p, field, WIRE_VARINT);
	put_varint(p, v);
}

void proto_int(struct proto *p, uint32_t field, int64_t v)
{
	proto_uint(p, field, (uint64_t)v);
}

void proto_fixed64(struct proto *p, uint32_t field, uint64_t v)
{
	put_tag(p, field, WIRE_FIXED64);
	v = htole64(v);
	put(p, &v, sizeof(v));
}

void proto_double(struct proto *p, uint32_t field, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof(bits));
	proto_fixed64(p, field, bits);
}

void proto_bytes(struct proto *p, uint32_t field, const void *data, size_t n)
{
	put_tag(p, field, WIRE_BYTES);
	put_varint(p, n);
	put(p, data, n);
}

void proto_text(struct proto *p, uint32_t field, const char *s)
{
	proto_bytes(p, field, s, strlen(s));
}

void proto_message(struct proto *p, uint32_t field, struct proto *m)
{
	proto_bytes(p, field, m->b.data, m->b.len);
	p->bad = p->bad || m->bad;
	buf_reset(&m->b);
}

void proto_free(struct proto *p)
{
	buf_free(&p->b);
}
