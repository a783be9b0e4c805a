/* SPDX-License-Identifier: MIT */
#include "pcapng_write.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#define BLOCK_SECTION	 0x0a0d0d0au
#define BLOCK_INTERFACE	 1u
#define BLOCK_STATISTICS 5u
#define BLOCK_PACKET	 6u

#define OPT_END	     0
#define OPT_COMMENT  1
#define SHB_USERAPPL 4
#define IF_NAME	     2
#define IF_TSRESOL   9
#define IF_FILTER    11
#define EPB_FLAGS    2
#define ISB_START    2
#define ISB_END	     3
#define ISB_RECEIVED 4
#define ISB_DROPPED  5

#define OPT_TEXT_MAX	  0xf000 /* an option's length has 16 bits */
#define PACKET_HEAD_BYTES 28	 /* before the data */
#define PACKET_TAIL_BYTES 20	 /* flags, late stamp, end of options, length */
#define SECTION_LEN_AT	  16

static size_t padded(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

static uint8_t *put16(uint8_t *p, uint16_t v)
{
	v = htole16(v);
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

static uint8_t *put32(uint8_t *p, uint32_t v)
{
	v = htole32(v);
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

static uint8_t *put64(uint8_t *p, uint64_t v)
{
	v = htole64(v);
	memcpy(p, &v, sizeof(v));
	return p + sizeof(v);
}

/* Time stamps stand as two words, the upper one first (draft, section 4.3). */
static uint8_t *put_time(uint8_t *p, uint64_t ns)
{
	return put32(put32(p, (uint32_t)(ns >> 32)), (uint32_t)ns);
}

static size_t text_len(const char *s)
{
	return s ? strnlen(s, OPT_TEXT_MAX) : 0;
}

/* Room that an option takes; none for an empty text. */
static size_t option_room(size_t n)
{
	return n ? 4 + padded(n) : 0;
}

static uint8_t *put_option(uint8_t *p, uint16_t code, const void *data, size_t n)
{
	if (!n)
		return p;
	p = put16(put16(p, code), (uint16_t)n);
	memcpy(p, data, n);
	memset(p + n, 0, padded(n) - n);
	return p + padded(n);
}

/* Begin a block of @room bytes at most; its length is filled in by block_end(). */
static uint8_t *block_begin(struct buf *b, uint32_t type, size_t room)
{
	if (buf_reserve(b, room))
		return NULL;
	return put32(put32(b->data + b->len, type), 0);
}

static void block_end(struct buf *b, uint8_t *p)
{
	uint8_t *start = b->data + b->len;
	uint32_t len = (uint32_t)(p - start) + 4;

	put32(start + 4, len);
	put32(p, len);
	b->len += len;
}

int pcapng_begin(struct buf *b)
{
	static const char tool[] = "skbtape";
	uint8_t *p = block_begin(b, BLOCK_SECTION, 64);

	if (!p)
		return -ENOMEM;
	p = put32(p, 0x1a2b3c4d);
	p = put16(put16(p, 1), 0);
	p = put64(p, UINT64_MAX); /* length not known yet */
	p = put_option(p, SHB_USERAPPL, tool, sizeof(tool) - 1);
	p = put32(p, OPT_END);
	block_end(b, p);
	return 0;
}

void pcapng_end(struct buf *b)
{
	struct rd head;

	rd_init(&head, b->data, b->len);
	rd_le32(&head);
	put64(b->data + SECTION_LEN_AT, b->len - rd_le32(&head));
}

int pcapng_interface(struct buf *b, const struct pcapng_interface *i)
{
	static const uint8_t nanoseconds = 9;
	size_t name = text_len(i->name), comment = text_len(i->comment),
	       filter = text_len(i->filter);
	uint8_t *p;

	p = block_begin(b, BLOCK_INTERFACE,
			16 + option_room(name) + option_room(comment) + option_room(1) +
				option_room(filter + 1) + 8);
	if (!p)
		return -ENOMEM;
	p = put16(put16(p, i->linktype), 0);
	p = put32(p, i->snaplen);
	p = put_option(p, IF_NAME, i->name, name);
	p = put_option(p, OPT_COMMENT, i->comment, comment);
	p = put_option(p, IF_TSRESOL, &nanoseconds, 1);
	if (filter) {
		p = put16(put16(p, IF_FILTER), (uint16_t)(filter + 1));
		memset(p, 0,
		       padded(filter + 1)); /* first byte 0: what follows is a libpcap expression */
		memcpy(p + 1, i->filter, filter);
		p += padded(filter + 1);
	}
	p = put32(p, OPT_END);
	block_end(b, p);
	return 0;
}

int pcapng_statistics(struct buf *b, const struct pcapng_statistics *s)
{
	size_t comment = text_len(s->comment);
	uint8_t *p = block_begin(b, BLOCK_STATISTICS,
				 28 + 4 * option_room(8) + option_room(comment) + 8);

	if (!p)
		return -ENOMEM;
	p = put32(p, s->interface);
	p = put_time(p, s->end_ns);
	p = put_option(p, OPT_COMMENT, s->comment, comment);
	p = put_time(put16(put16(p, ISB_START), 8), s->start_ns);
	p = put_time(put16(put16(p, ISB_END), 8), s->end_ns);
	p = put64(put16(put16(p, ISB_RECEIVED), 8), s->received);
	if (s->dropped)
		p = put64(put16(put16(p, ISB_DROPPED), 8), *s->dropped);
	p = put32(p, OPT_END);
	block_end(b, p);
	return 0;
}

uint8_t *pcapng_packet_room(struct buf *b, size_t max_bytes)
{
	if (max_bytes > UINT32_MAX / 2 ||
	    buf_reserve(b, PACKET_HEAD_BYTES + padded(max_bytes) + PACKET_TAIL_BYTES))
		return NULL;
	return b->data + b->len + PACKET_HEAD_BYTES;
}

void pcapng_packet_put(struct buf *b, const struct pcapng_packet *k, size_t cap_bytes)
{
	uint8_t *p = put32(put32(b->data + b->len, BLOCK_PACKET), 0);

	p = put32(p, k->interface);
	p = put_time(p, k->ts_ns);
	p = put32(p, (uint32_t)cap_bytes);
	p = put32(p, k->len_bytes);
	memset(p + cap_bytes, 0, padded(cap_bytes) - cap_bytes);
	p += padded(cap_bytes);
	p = put32(put16(put16(p, EPB_FLAGS), 4), k->flags);
	if (k->late_stamp)
		p = put16(put16(p, PCAPNG_OPT_LATE_STAMP), 0);
	p = put32(p, OPT_END);
	block_end(b, p);
}
