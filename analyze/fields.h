/* SPDX-License-Identifier: MIT */
/*
 * fields: one event type's format file (format.c) and the fields of its events
 * (fields.c). Inside of the trace module; others include trace.h.
 */
#ifndef SKBTAPE_FIELDS_H
#define SKBTAPE_FIELDS_H

#include "trace.h"

#define FORMAT_TEXT_MAX (64 * KIB) /* the kernel's own are below 5 KiB */

/* How the bytes of a field are found. */
enum field_how {
	FIELD_NONE, /* this event has no such field */
	FIELD_UINT,
	FIELD_INT,
	FIELD_BYTES,	/* an array in place */
	FIELD_DATA_LOC, /* u32: length << 16 | offset in the event */
	FIELD_REL_LOC,	/* u32: length << 16 | offset from behind this field */
	FIELD_REST,	/* up to the end of the event */
};

struct field_ref {
	uint16_t offset;
	uint16_t size;
	uint8_t how; /* enum field_how */
};

/* How it is shown. */
enum field_show {
	SHOW_NUMBER,
	SHOW_TEXT,
	SHOW_HEX,
	SHOW_POINTER, /* of code: its symbol; otherwise not */
	SHOW_IP4,
	SHOW_IP6,
	SHOW_SOCKADDR, /* a struct sockaddr_in or sockaddr_in6 */
	SHOW_NOT,
};

struct field_symbol {
	int64_t value;
	char *name;
};

struct field {
	char name[64];
	struct field_ref ref;
	enum field_show show;
	struct field_symbol *symbols; /* of its __print_symbolic, in the order of the format */
	size_t n_symbols;
};

struct ev_format {
	struct ev_type type; /* first: what a struct ev_type of an event points to */
	bool big_endian;
	uint32_t min_len; /* every fixed field lies before this */
	struct field_ref ref[F_COUNT];
	struct field *fields; /* own ones, in the order of the format */
	size_t n_fields;
};

/**
 * format_parse() - read a format file, untrusted
 * @system: @name: as in the member's name; the text must agree
 * Return: 0, -EINVAL where it cannot be used, -ENOMEM. *f is freed by format_free().
 */
int format_parse(struct ev_format **f, const char *system, const char *name, struct span text,
		 bool big_endian, int long_bytes);
void format_free(struct ev_format *f);

/* trace_format() - the format of that event, NULL: none on the tape. */
const struct ev_format *trace_format(const struct trace *t, const char *system, const char *event);

#endif
