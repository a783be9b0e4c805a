/* SPDX-License-Identifier: MIT */
#include "pcapng.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SHB 0x0A0D0D0AU
#define BLOCK_IDB 1U
#define BLOCK_EPB 6U
#define BYTE_ORDER_MAGIC 0x1A2B3C4DU
#define OPTION_LATE_STAMP 0x8001 /* of our own, see TAPE.md */

static uint16_t get16(const struct pcapng *g, struct rd *r)
{
	uint16_t v = rd_le16(r);

	return g->big_endian ? __builtin_bswap16(v) : v;
}

static uint32_t get32(const struct pcapng *g, struct rd *r)
{
	uint32_t v = rd_le32(r);

	return g->big_endian ? __builtin_bswap32(v) : v;
}

void pcapng_init(struct pcapng *g, const void *data, size_t n)
{
	*g = (struct pcapng){ .base = data };
	rd_init(&g->r, data, n);
}

void pcapng_free(struct pcapng *g)
{
	free(g->iface);
	*g = (struct pcapng){ 0 };
}

/* The next option of @r. Return: false at the end of options. */
static bool option_next(const struct pcapng *g, struct rd *r, uint16_t *code, struct rd *value)
{
	uint16_t len;

	if (r->left < 4)
		return false;
	*code = get16(g, r);
	len = get16(g, r);
	if (!*code)
		return false;
	*value = rd_sub(r, len);
	rd_bytes(r, r->left < ((4U - (len & 3U)) & 3U) ? r->left : ((4U - (len & 3U)) & 3U));
	return !value->bad;
}

/* The recorder's own comment on an interface: "ifindex=N netns=INODE arphrd=N". */
static void iface_comment(struct pcapng_iface *f, struct rd v)
{
	struct span text = { (const char *)v.p, v.left }, word;
	uint64_t n;

	while (span_word(&text, &word)) {
		struct span num = word;

		if (span_starts(word, "ifindex=")) {
			num.p += 8, num.n -= 8;
			if (!span_u64(num, &n) && n <= INT32_MAX)
				f->ifindex = (int)n;
		} else if (span_starts(word, "arphrd=")) {
			num.p += 7, num.n -= 7;
			if (!span_u64(num, &n) && n <= UINT16_MAX)
				f->arphrd = (int)n;
		}
	}
}

/* if_tsresol: a power of ten, or of two with the top bit set. 0: no such clock. */
static uint64_t tsresol_units(uint8_t v)
{
	uint64_t u = 1;

	if (v & 0x80)
		return (v & 0x7f) < 64 ? 1ULL << (v & 0x7f) : 0;
	for (int i = 0; i < v; i++)
		if (__builtin_mul_overflow(u, 10ULL, &u))
			return 0;
	return u;
}

static int block_idb(struct pcapng *g, struct rd r)
{
	struct pcapng_iface f = { .arphrd = -1, .units = 1000000 };
	struct rd v;
	uint16_t code;

	f.linktype = get16(g, &r);
	get16(g, &r);
	get32(g, &r);
	if (r.bad || g->iface_n >= PCAPNG_IFACES_MAX)
		return -EINVAL;
	while (option_next(g, &r, &code, &v)) {
		if (code == 2)
			span_copy((struct span){ (const char *)v.p, v.left }, f.name, sizeof(f.name));
		else if (code == 1)
			iface_comment(&f, v);
		else if (code == 9)
			f.units = tsresol_units(rd_u8(&v));
	}
	if (!f.units)
		return -EINVAL;
	if (g->iface_n == g->iface_cap) {
		size_t cap = g->iface_cap ? g->iface_cap * 2 : 16;
		struct pcapng_iface *p = realloc(g->iface, cap * sizeof(*p));

		if (!p)
			return -ENOMEM;
		g->iface = p;
		g->iface_cap = cap;
	}
	g->iface[g->iface_n++] = f;
	return 0;
}

static int block_epb(struct pcapng *g, struct rd r, struct pcapng_packet *p)
{
	uint32_t id = get32(g, &r), hi = get32(g, &r), lo = get32(g, &r), flags = 0;
	uint64_t ts = (uint64_t)hi << 32 | lo;
	struct rd v;
	uint16_t code;

	p->cap_bytes = get32(g, &r);
	p->orig_bytes = get32(g, &r);
	p->data = rd_bytes(&r, p->cap_bytes);
	if (r.bad || id >= g->iface_n)
		return -EINVAL;
	rd_bytes(&r, r.left < (-p->cap_bytes & 3U) ? r.left : (-p->cap_bytes & 3U));
	p->late_stamp = false;
	while (option_next(g, &r, &code, &v)) {
		if (code == 2)
			flags = get32(g, &v);
		p->late_stamp = p->late_stamp || code == OPTION_LATE_STAMP;
	}
	p->iface = &g->iface[id];
	/* seconds and the rest apart: ts * 1e9 would overflow */
	ts = ts / p->iface->units * 1000000000ULL +
	     (uint64_t)((unsigned __int128)(ts % p->iface->units) * 1000000000ULL / p->iface->units);
	if (ts > INT64_MAX)
		return -EINVAL;
	p->ts_ns = (int64_t)ts;
	p->direction = (flags & 3) == 1 ? 0 : (flags & 3) == 2 ? 1 : -1;
	p->dst_kind = flags >> 2 & 7;
	return 1;
}

int pcapng_next(struct pcapng *g, struct pcapng_packet *p)
{
	while (g->r.left >= 12) {
		struct rd head = g->r, body;
		size_t offset = (size_t)(g->r.p - g->base);
		uint32_t type = rd_le32(&head), len = rd_le32(&head), magic;
		int rc = 0;

		if (type == BLOCK_SHB) {
			magic = rd_le32(&head);
			if (magic != BYTE_ORDER_MAGIC && magic != __builtin_bswap32(BYTE_ORDER_MAGIC))
				return -EINVAL;
			g->big_endian = magic != BYTE_ORDER_MAGIC;
			g->in_section = true;
			g->iface_n = 0;
		} else if (!g->in_section) {
			return -EINVAL;
		}
		if (g->big_endian) {
			type = __builtin_bswap32(type);
			len = __builtin_bswap32(len);
		}
		if (len < 12 || len & 3 || len > g->r.left)
			return -EINVAL;
		body = rd_sub(&g->r, len);
		rd_bytes(&body, 8);
		body.left -= 4; /* the length again, at its end */
		if (type == BLOCK_IDB)
			rc = block_idb(g, body);
		else if (type == BLOCK_EPB)
			rc = block_epb(g, body, p);
		if (rc > 0)
			p->offset = offset;
		if (rc)
			return rc;
	}
	return g->r.left ? -EINVAL : 0;
}
