/* SPDX-License-Identifier: MIT */
/*
 * nldump: raw netlink dumps as they stand on a tape: messages back to back, one
 * dump behind the other. Nothing in them is trusted: each message and attribute
 * is checked against what is left before libmnl's accessors see it.
 */
#ifndef SKBTAPE_NLDUMP_H
#define SKBTAPE_NLDUMP_H

#include "../schema/json.h"
#include <linux/netlink.h>

struct nl_dump {
	const uint8_t *p; /* aligned to four bytes */
	size_t left;
	uint64_t bad;	  /* messages that could not be read; their finder adds to it */
	bool interrupted; /* NLM_F_DUMP_INTR: the kernel's list changed while it was dumped */
};

struct nl_msg {
	uint16_t type;
	const uint8_t *body; /* behind the netlink header */
	size_t len;
};

/* nl_dump_init() - @data, aligned to four bytes, stays the caller's. */
void nl_dump_init(struct nl_dump *d, struct span data);
/* nl_dump_next() - the next message that is no control message. Return: false at the end, or where
 * no more can be read. */
bool nl_dump_next(struct nl_dump *d, struct nl_msg *m);

/**
 * nl_head() - a message's fixed head
 * @size: of the structure that the protocol puts before the attributes
 * @tb:   filled with the attributes behind it by their type; NULL where there is none
 * @n:    entries of @tb; attributes with a larger type are left out
 * Return: the head, or NULL (and @d->bad counted) where the message is too short
 * or its attributes break their lengths.
 */
const void *nl_head(struct nl_dump *d, const struct nl_msg *m, size_t size,
		    const struct nlattr **tb, size_t n);

/* nl_attrs() - the same for attributes in a piece of memory. Return: whether their lengths hold. */
bool nl_attrs(struct span data, const struct nlattr **tb, size_t n);
/* nl_nested() - for attributes in an attribute; @a may be NULL. */
bool nl_nested(const struct nlattr *a, const struct nlattr **tb, size_t n);
/* nl_each() - walk over attributes one by one: the next one in @left, or NULL. */
const struct nlattr *nl_each(struct span *left);
uint16_t nl_type(const struct nlattr *a);

/* Payloads. Each takes NULL for an attribute that is not there. */
struct span nl_raw(const struct nlattr *a);  /* p == NULL: not there */
struct span nl_text(const struct nlattr *a); /* up to its NUL; p == NULL: not there */
/* nl_int() - an unsigned number of 1, 2, 4 or 8 bytes in the host's order (tapes are little
 * endian), at most INT64_MAX; @none where the attribute is not there or has another length. */
int64_t nl_int(const struct nlattr *a, int64_t none);
int64_t nl_be(const struct nlattr *a, int64_t none); /* the same in network order */
int32_t nl_s32(const struct nlattr *a, int32_t none);

/* nl_get_u16() ... - a number inside a piece of memory; 0 beyond its end. */
uint8_t nl_get_u8(struct span s, size_t at);
uint16_t nl_get_u16(struct span s, size_t at);
uint32_t nl_get_u32(struct span s, size_t at);
uint64_t nl_get_u64(struct span s, size_t at);

#define NL_ADDR_TEXT 64 /* longest text of an address or hardware address, with NUL */

/* nl_addr_text() - IPv4 or IPv6 by its length, "" for any other length. */
void nl_addr_text(struct span a, char out[NL_ADDR_TEXT]);
/* nl_mac_text() - bytes with colons, "" for none */
void nl_mac_text(struct span a, char out[NL_ADDR_TEXT]);

/* A JSON document for a column, written again and again without a new stream for each. */
struct nl_json {
	struct json j;
	FILE *f;
	char *text;
	size_t size;
};

/* nl_json_open() - Return: 0, -ENOMEM. nl_json_close() takes a zeroed one too. */
int nl_json_open(struct nl_json *t);
void nl_json_close(struct nl_json *t);
/* nl_json_begin() - start anew. Return: the writer, for one value. */
struct json *nl_json_begin(struct nl_json *t);
/* nl_json_end() - the text, valid until the next begin; p == NULL where memory ran out. */
struct span nl_json_end(struct nl_json *t);

#endif
