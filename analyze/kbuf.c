/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * A sub-buffer page is a u64 time stamp, a commit word (a long: how many bytes of
 * data are used, and two flags), and the data: events of a u32 header each (5 bits
 * type_len, 27 bits time_delta) with their payload. From include/linux/ring_buffer.h
 * (enum ring_buffer_type) and kernel/trace/ring_buffer.c:
 *
 * type_len  what follows the header
 * 0         u32 length, itself included; then the payload
 * 1 to 28   payload of type_len * 4 bytes
 * 29        padding: with time_delta 0 up to the end of the page, else as 0 but nothing to see
 *           (an event that was discarded after another had followed); its delta counts
 * 30        u32: the delta's upper bits (TS_SHIFT 27)
 * 31        u32: upper bits of an absolute stamp, which lacks the top 5 bits (rb_fix_abs_ts())
 *
 * Commit: bit 31 RB_MISSED_EVENTS, bit 30 RB_MISSED_STORED: a long behind the data says how
 * many. The kernel sets the flags in an int, so that a 64-bit commit is sign extended.
 */
#include "kbuf.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#define MISSED_EVENTS (1U << 31)
#define MISSED_STORED (1U << 30)
#define TYPE_PADDING  29
#define TYPE_EXTEND   30
#define TYPE_STAMP    31
#define TS_SHIFT      27
#define DELTA_MASK    ((1U << TS_SHIFT) - 1)
#define ABS_BITS      59
#define ABS_TOP_MASK  (0x1fULL << ABS_BITS)

/* The number behind "word:" in a field line of header_page; -EINVAL without it. */
static int field_number(struct span line, const char *word, uint64_t *v)
{
	struct span part;

	while (span_field(&line, ';', &part)) {
		part = span_trim(part);
		if (span_starts(part, word)) {
			part.p += strlen(word);
			part.n -= strlen(word);
			return span_u64(part, v);
		}
	}
	return -EINVAL;
}

/* The name of a field line: the last word before the first semicolon. */
static struct span field_name(struct span line)
{
	struct span decl = { "", 0 }, word, name = { "", 0 };

	span_field(&line, ';', &decl);
	while (span_word(&decl, &word))
		name = word;
	return name;
}

int kbuf_layout_parse(struct kbuf_layout *l, struct span text, bool big_endian)
{
	struct kbuf_layout x = { .big_endian = big_endian };
	bool stamp = false, commit = false, data = false;
	struct span line;

	while (span_line(&text, &line)) {
		uint64_t offset, size;

		if (!span_starts(span_trim(line), "field:") ||
		    field_number(line, "offset:", &offset) || field_number(line, "size:", &size) ||
		    offset > 64)
			continue;
		if (span_is(field_name(line), "timestamp") && offset == 0 && size == 8) {
			stamp = true;
		} else if (span_is(field_name(line), "commit") && (size == 4 || size == 8)) {
			commit = true;
			x.commit_offset = (uint32_t)offset;
			x.commit_size = (uint32_t)size;
		} else if (span_is(field_name(line), "data")) {
			data = true;
			x.data_offset = (uint32_t)offset;
		}
	}
	if (!stamp || !commit || !data || x.commit_offset < 8 ||
	    x.data_offset < x.commit_offset + x.commit_size)
		return -EINVAL;
	*l = x;
	return 0;
}

static uint32_t get32(const struct kbuf *k, const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return k->l.big_endian ? be32toh(v) : le32toh(v);
}

static uint64_t get64(const struct kbuf *k, const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return k->l.big_endian ? be64toh(v) : le64toh(v);
}

static uint64_t get_long(const struct kbuf *k, const uint8_t *p)
{
	return k->l.commit_size == 8 ? get64(k, p) : get32(k, p);
}

int kbuf_page(struct kbuf *k, const struct kbuf_layout *l, const void *page, size_t n)
{
	const uint8_t *p = page;
	uint32_t commit, used;

	*k = (struct kbuf){ .l = *l, .bad = true };
	if (n < l->data_offset)
		return -EINVAL;
	k->ts = get64(k, p);
	commit = (uint32_t)get_long(k, p + l->commit_offset);
	if (commit & MISSED_EVENTS)
		k->missed = UINT64_MAX;
	used = commit & ~(MISSED_EVENTS | MISSED_STORED);
	if (used > n - l->data_offset)
		return -EINVAL;
	rd_init(&k->r, p + l->data_offset, used);
	if ((commit & MISSED_EVENTS) && (commit & MISSED_STORED) &&
	    n - l->data_offset - used >= l->commit_size) {
		uint64_t missed = get_long(k, p + l->data_offset + used);

		if (missed)
			k->missed = missed;
	}
	k->bad = false;
	return 0;
}

static int broken(struct kbuf *k)
{
	k->bad = true;
	k->r.left = 0;
	return -EINVAL;
}

int kbuf_next(struct kbuf *k, struct kbuf_event *ev)
{
	/* each round takes at least the 4 bytes of a header */
	while (k->r.left) {
		const uint8_t *p = k->r.p;
		uint32_t head, type, delta, len, skip;
		uint64_t ts;

		if (k->r.left < 4)
			return broken(k);
		head = get32(k, p);
		type = k->l.big_endian ? head >> TS_SHIFT : head & 0x1f;
		delta = k->l.big_endian ? head & DELTA_MASK : head >> 5;
		if (type > 0 && type < TYPE_PADDING) {
			len = type * 4;
			if (len > k->r.left - 4)
				return broken(k);
			k->ts += delta;
			k->r.p = p + 4 + len;
			k->r.left -= 4 + len;
			*ev = (struct kbuf_event){ .ts = k->ts, .data = p + 4, .len = len };
			return 1;
		}
		if (type == TYPE_PADDING && !delta) {
			k->r.left = 0;
			return 0;
		}
		if (k->r.left < 8)
			return broken(k);
		len = get32(k, p + 4);
		switch (type) {
		case TYPE_EXTEND:
			k->ts += delta + ((uint64_t)len << TS_SHIFT);
			skip = 8;
			break;
		case TYPE_STAMP:
			ts = (uint64_t)len << TS_SHIFT | delta | (k->ts & ABS_TOP_MASK);
			/* the lower bits have wrapped since the stamp that gave the top ones */
			if ((k->ts & ABS_TOP_MASK) && ts < k->ts)
				ts += 1ULL << ABS_BITS;
			k->ts = ts;
			skip = 8;
			break;
		default: /* 0 and padding: len counts its own word; the kernel's is a multiple of 4
			  */
			if (len < 4 || len > k->r.left - 4)
				return broken(k);
			k->ts += delta;
			skip = 4 + ((len + 3) & ~3U);
			if (skip > k->r.left)
				return broken(k);
			break;
		}
		k->r.p = p + skip;
		k->r.left -= skip;
		if (type == 0) {
			*ev = (struct kbuf_event){ .ts = k->ts, .data = p + 8, .len = len - 4 };
			return 1;
		}
	}
	return 0;
}

void kbuf_kinds(const struct kbuf_layout *l, const uint8_t *data, size_t n, uint64_t page_bytes, uint8_t kinds[KBUF_KINDS_BYTES])
{
	struct kbuf_event ev;
	struct kbuf k;

	for (; page_bytes && n >= page_bytes; data += page_bytes, n -= page_bytes) {
		if (kbuf_page(&k, l, data, page_bytes))
			continue;
		while (kbuf_next(&k, &ev) > 0) {
			unsigned int id = ev.len < 2 ? 0 : l->big_endian ? (unsigned int)ev.data[0] << 8 | ev.data[1] :
									   (unsigned int)ev.data[1] << 8 | ev.data[0];

			kinds[id / 8] |= (uint8_t)(1U << id % 8);
		}
	}
}
