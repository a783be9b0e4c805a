/* SPDX-License-Identifier: MIT */
/* fields: the values of one event's fields, by number for the handlers and all of them as JSON. */
#include "fields.h"
#include "../schema/json.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct ev_format *format_of(const struct event *ev)
{
	return (const struct ev_format *)ev->type;
}

static uint64_t load_uint(const uint8_t *p, size_t size, bool big_endian)
{
	uint16_t v2;
	uint32_t v4;
	uint64_t v8;

	switch (size) {
	case 1:
		return *p;
	case 2:
		memcpy(&v2, p, 2);
		return big_endian ? be16toh(v2) : le16toh(v2);
	case 4:
		memcpy(&v4, p, 4);
		return big_endian ? be32toh(v4) : le32toh(v4);
	default:
		memcpy(&v8, p, 8);
		return big_endian ? be64toh(v8) : le64toh(v8);
	}
}

static uint64_t load_number(const struct event *ev, const struct field_ref *r)
{
	uint64_t v = load_uint(ev->data + r->offset, r->size, format_of(ev)->big_endian);
	unsigned int unused = 64 - 8 * (unsigned int)r->size;

	if (r->how == FIELD_INT)
		v = (uint64_t)((int64_t)(v << unused) >> unused);
	return v;
}

/* The bytes of a field; empty where it points out of the event. */
static struct span load_bytes(const struct event *ev, const struct field_ref *r)
{
	const char *p = (const char *)ev->data;
	uint32_t loc, at;

	switch ((enum field_how)r->how) {
	case FIELD_BYTES:
		return (struct span){ p + r->offset, r->size };
	case FIELD_REST:
		return (struct span){ p + r->offset, ev->len - r->offset };
	case FIELD_DATA_LOC:
	case FIELD_REL_LOC:
		loc = (uint32_t)load_uint(ev->data + r->offset, 4, format_of(ev)->big_endian);
		at = loc & 0xffff;
		if (r->how == FIELD_REL_LOC)
			at += (uint32_t)r->offset + 4;
		if (at <= ev->len && loc >> 16 <= ev->len - at)
			return (struct span){ p + at, loc >> 16 };
		return (struct span){ p, 0 };
	default:
		return (struct span){ p, 0 };
	}
}

static struct span load_text(const struct event *ev, const struct field_ref *r)
{
	struct span s = load_bytes(ev, r);

	s.n = strnlen(s.p, s.n);
	return s;
}

bool event_u64(const struct event *ev, enum ev_field f, uint64_t *v)
{
	const struct field_ref *r;

	if (!ev->type)
		return false;
	r = &format_of(ev)->ref[f];
	if (r->how != FIELD_UINT && r->how != FIELD_INT)
		return false;
	*v = load_number(ev, r);
	return true;
}

bool event_text(const struct event *ev, enum ev_field f, struct span *s)
{
	const struct field_ref *r;

	if (!ev->type)
		return false;
	r = &format_of(ev)->ref[f];
	if (r->how == FIELD_NONE || r->how == FIELD_UINT || r->how == FIELD_INT)
		return false;
	*s = load_text(ev, r);
	return true;
}

int event_context(const struct event *ev)
{
	/* 0x40: NMI (TRACE_FLAG_NMI) */
	if (ev->flags & (EV_FLAG_HARDIRQ | 0x40))
		return 3;
	return ev->flags & EV_FLAG_SOFTIRQ ? 2 : 1;
}

size_t trace_enum(const struct trace *t, const char *system, const char *event, const char *field,
		  void (*fn)(void *ctx, int64_t value, const char *name), void *ctx)
{
	const struct ev_format *f = trace_format(t, system, event);

	for (size_t i = 0; f && i < f->n_fields; i++) {
		const struct field *fd = &f->fields[i];

		if (strcmp(fd->name, field))
			continue;
		for (size_t k = 0; k < fd->n_symbols; k++)
			fn(ctx, fd->symbols[k].value, fd->symbols[k].name);
		return fd->n_symbols;
	}
	return 0;
}

/* ---- JSON ---- */

/* Text that needs an escape: by the writer of documents, so that the rules stand in one place. */
static int put_escaped(struct buf *out, struct span s)
{
	struct json j;
	size_t n = 0;
	char *text = NULL;
	FILE *f = open_memstream(&text, &n);
	int rc = -ENOMEM;

	if (!f)
		return rc;
	json_begin(&j, f, false);
	json_span(&j, NULL, s);
	if (!fclose(f))
		rc = buf_put(out, text, n);
	free(text);
	return rc;
}

static int put_text(struct buf *out, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c < 0x20 || c > 0x7e || c == '"' || c == '\\' || c == '<' || c == '>' ||
		    c == '&')
			return put_escaped(out, s);
	}
	if (buf_put(out, "\"", 1) || buf_put(out, s.p, s.n) || buf_put(out, "\"", 1))
		return -ENOMEM;
	return 0;
}

static int put_number(struct buf *out, uint64_t v, bool negative)
{
	char text[24], *p = text + sizeof(text);

	if (negative)
		v = 0 - v;
	do
		*--p = (char)('0' + v % 10);
	while (v /= 10);
	if (negative)
		*--p = '-';
	return buf_put(out, p, (size_t)(text + sizeof(text) - p));
}

static int put_hex(struct buf *out, struct span s)
{
	static const char digit[] = "0123456789abcdef";
	int rc = buf_reserve(out, 2 * s.n + 2);

	if (rc)
		return rc;
	out->data[out->len++] = '"';
	for (size_t i = 0; i < s.n; i++) {
		out->data[out->len++] = (uint8_t)digit[(uint8_t)s.p[i] >> 4];
		out->data[out->len++] = (uint8_t)digit[(uint8_t)s.p[i] & 15];
	}
	out->data[out->len++] = '"';
	return 0;
}

/* A socket address, Linux's layout and numbers whatever machine this runs on. Return: false for
 * another family. */
static bool sockaddr_text(struct span s, bool big_endian, char *out, size_t size)
{
	uint16_t family = (uint16_t)load_uint((const uint8_t *)s.p, 2, big_endian);
	unsigned int port = (unsigned int)load_uint((const uint8_t *)s.p + 2, 2, true);
	char ip[INET6_ADDRSTRLEN];

	if (family == 2 && inet_ntop(AF_INET, s.p + 4, ip, sizeof(ip))) {
		snprintf(out, size, "%s:%u", ip, port);
		return true;
	}
	if (family == 10 && s.n >= 24 && inet_ntop(AF_INET6, s.p + 8, ip, sizeof(ip))) {
		snprintf(out, size, "[%s]:%u", ip, port);
		return true;
	}
	return false;
}

/* Kernel addresses never leave, also where a format calls them numbers; errors (ERR_PTR()) are
 * none. */
static bool looks_like_address(uint64_t v, const struct field_ref *r)
{
	return r->how == FIELD_UINT && r->size == 8 && v >= 0xffff800000000000ULL &&
	       v < 0xfffffffffffff000ULL;
}

struct shown {
	struct span text;
	char store[160];
};

/* Text of a field that has one. Return: false where it is shown otherwise, or not at all. */
static bool field_text(const struct event *ev, const struct field *fd, const struct symbols *s,
		       struct shown *x)
{
	struct span b = load_bytes(ev, &fd->ref);
	struct symbol_name sym;
	uint64_t v = 0;
	bool ok = true;

	if (fd->ref.how == FIELD_UINT || fd->ref.how == FIELD_INT)
		v = load_number(ev, &fd->ref);
	switch (fd->show) {
	case SHOW_TEXT:
		x->text = load_text(ev, &fd->ref);
		return true;
	case SHOW_IP4:
		inet_ntop(AF_INET, b.p, x->store, sizeof(x->store));
		break;
	case SHOW_IP6:
		inet_ntop(AF_INET6, b.p, x->store, sizeof(x->store));
		break;
	case SHOW_SOCKADDR:
		ok = sockaddr_text(b, format_of(ev)->big_endian, x->store, sizeof(x->store));
		break;
	case SHOW_NUMBER:
		for (size_t i = 0; i < fd->n_symbols; i++)
			if ((uint64_t)fd->symbols[i].value == v) {
				x->text = (struct span){ fd->symbols[i].name,
							 strlen(fd->symbols[i].name) };
				return true;
			}
		if (!looks_like_address(v, &fd->ref))
			return false;
		/* fall through */
	case SHOW_POINTER:
		ok = s && symbols_find(s, v, &sym);
		if (ok)
			strcpy(x->store, sym.location);
		break;
	default:
		return false;
	}
	x->text = (struct span){ x->store, ok ? strlen(x->store) : 0 };
	return ok;
}

int trace_fields_json(const struct trace *t, const struct event *ev, const struct symbols *s,
		      struct buf *out)
{
	const struct ev_format *f = format_of(ev);
	size_t start = out->len;
	int rc = buf_put(out, "{", 1);

	(void)t;
	for (size_t i = 0; !rc && f && i < f->n_fields; i++) {
		const struct field *fd = &f->fields[i];
		struct shown x;
		bool text = field_text(ev, fd, s, &x);
		bool number = !text && fd->show == SHOW_NUMBER;
		uint64_t v = number ? load_number(ev, &fd->ref) : 0;

		if (!text && fd->show != SHOW_HEX && (!number || looks_like_address(v, &fd->ref)))
			continue;
		if (out->len > start + 1)
			rc = buf_put(out, ",", 1);
		if (!rc)
			rc = put_text(out, (struct span){ fd->name, strlen(fd->name) });
		if (!rc)
			rc = buf_put(out, ":", 1);
		if (rc)
			break;
		if (text)
			rc = put_text(out, x.text);
		else if (number)
			rc = put_number(out, v, fd->ref.how == FIELD_INT && (int64_t)v < 0);
		else
			rc = put_hex(out, load_bytes(ev, &fd->ref));
	}
	if (!rc)
		rc = buf_put(out, "}", 1);
	if (rc)
		out->len = start;
	return rc ? -ENOMEM : 0;
}
