/* SPDX-License-Identifier: MIT */
/*
 * kbuf: a checked walk over raw ring-buffer sub-buffer pages (kernel/trace/ring_buffer.c,
 * include/linux/ring_buffer.h). Untrusted input: no length or offset is believed.
 */
#ifndef SKBTAPE_KBUF_H
#define SKBTAPE_KBUF_H

#include "../schema/base.h"

/* The page layout, from ftrace/header_page. */
struct kbuf_layout {
	uint32_t commit_offset; /* 8 */
	uint32_t commit_size;	/* 8 on 64-bit, 4 on 32-bit */
	uint32_t data_offset;	/* 16 or 12 */
	bool big_endian;
};

/* kbuf_layout_parse() - from the text of header_page. Return: 0, -EINVAL. */
int kbuf_layout_parse(struct kbuf_layout *l, struct span header_page, bool big_endian);

struct kbuf {
	struct kbuf_layout l;
	struct rd r;	 /* what is left of the page's data */
	uint64_t ts;	 /* of the last event or of the page */
	uint64_t missed; /* events lost before this page; UINT64_MAX: some, number unknown; 0: none */
	bool bad;	 /* the page claims what it does not hold */
};

struct kbuf_event {
	uint64_t ts;	     /* trace clock, ns */
	const uint8_t *data; /* payload, begins with common_type */
	uint32_t len;	     /* bytes */
};

/* kbuf_page() - start with a page of @n bytes. Return: 0, -EINVAL when the header does not fit (bad is set). */
int kbuf_page(struct kbuf *k, const struct kbuf_layout *l, const void *page, size_t n);
/* kbuf_next() - the next event. Return: 1, 0 at the end of the page, -EINVAL where the rest of the page is no use. */
int kbuf_next(struct kbuf *k, struct kbuf_event *ev);

/* kbuf_kinds() - add the common_type of each event in @n bytes of whole pages to @kinds, a bit each; what cannot be walked is
 * passed over. */
#define KBUF_KINDS_BYTES ((UINT16_MAX + 1) / 8)
void kbuf_kinds(const struct kbuf_layout *l, const uint8_t *data, size_t n, uint64_t page_bytes, uint8_t kinds[KBUF_KINDS_BYTES]);

#endif
