/* SPDX-License-Identifier: MIT */
#include "nldump.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdlib.h>
#include <string.h>

void nl_dump_init(struct nl_dump *d, struct span data)
{
	assert((uintptr_t)data.p % NLMSG_ALIGNTO == 0);
	*d = (struct nl_dump){ .p = (const uint8_t *)data.p, .left = data.n };
}

/* The message at the front, its length checked; NULL at the end or where that length is impossible.
 */
static const struct nlmsghdr *dump_cut(struct nl_dump *d)
{
	const struct nlmsghdr *h = (const struct nlmsghdr *)(const void *)d->p;
	size_t step;

	if (!d->left)
		return NULL;
	if (d->left < sizeof(*h) || h->nlmsg_len < sizeof(*h) || h->nlmsg_len > d->left) {
		d->bad++;
		d->left = 0; /* where the next one starts is not known */
		return NULL;
	}
	step = NLMSG_ALIGN((size_t)h->nlmsg_len);
	if (step > d->left)
		step = d->left;
	d->p += step;
	d->left -= step;
	return h;
}

bool nl_dump_next(struct nl_dump *d, struct nl_msg *m)
{
	const struct nlmsghdr *h;

	while ((h = dump_cut(d))) {
		if (h->nlmsg_flags & NLM_F_DUMP_INTR)
			d->interrupted = true;
		if (h->nlmsg_type < NLMSG_MIN_TYPE)
			continue; /* NLMSG_DONE and NLMSG_ERROR too: another dump may follow */
		m->type = h->nlmsg_type;
		m->body = mnl_nlmsg_get_payload(h);
		m->len = mnl_nlmsg_get_payload_len(h);
		return true;
	}
	return false;
}

const struct nlattr *nl_each(struct span *left)
{
	const struct nlattr *a = (const struct nlattr *)(const void *)left->p;
	size_t step;

	if (left->n < sizeof(*a) || a->nla_len < sizeof(*a) || a->nla_len > left->n)
		return NULL;
	step = NLA_ALIGN((size_t)a->nla_len);
	if (step > left->n)
		step = left->n;
	left->p += step;
	left->n -= step;
	return a;
}

uint16_t nl_type(const struct nlattr *a)
{
	return mnl_attr_get_type(a);
}

bool nl_attrs(struct span data, const struct nlattr **tb, size_t n)
{
	const struct nlattr *a;

	memset(tb, 0, n * sizeof(*tb));
	while ((a = nl_each(&data)))
		if (nl_type(a) < n)
			tb[nl_type(a)] = a;
	return data.n < NLA_ALIGNTO; /* only padding may be left */
}

bool nl_nested(const struct nlattr *a, const struct nlattr **tb, size_t n)
{
	return nl_attrs(nl_raw(a), tb, n);
}

const void *nl_head(struct nl_dump *d, const struct nl_msg *m, size_t size,
		    const struct nlattr **tb, size_t n)
{
	size_t at = NLMSG_ALIGN(size);
	struct span attrs = { (const char *)m->body + at, m->len > at ? m->len - at : 0 };

	if (m->len < size || !nl_attrs(attrs, tb, n)) {
		d->bad++;
		return NULL;
	}
	return m->body;
}

struct span nl_raw(const struct nlattr *a)
{
	return a ? (struct span){ mnl_attr_get_payload(a), mnl_attr_get_payload_len(a) }
		 : (struct span){ 0 };
}

struct span nl_text(const struct nlattr *a)
{
	struct span s = nl_raw(a);

	if (s.p)
		s.n = strnlen(s.p, s.n);
	return s;
}

uint8_t nl_get_u8(struct span s, size_t at)
{
	return at < s.n ? (uint8_t)s.p[at] : 0;
}

uint16_t nl_get_u16(struct span s, size_t at)
{
	uint16_t v = 0;

	if (s.n >= sizeof(v) && at <= s.n - sizeof(v))
		memcpy(&v, s.p + at, sizeof(v));
	return v;
}

uint32_t nl_get_u32(struct span s, size_t at)
{
	uint32_t v = 0;

	if (s.n >= sizeof(v) && at <= s.n - sizeof(v))
		memcpy(&v, s.p + at, sizeof(v));
	return v;
}

uint64_t nl_get_u64(struct span s, size_t at)
{
	uint64_t v = 0;

	if (s.n >= sizeof(v) && at <= s.n - sizeof(v))
		memcpy(&v, s.p + at, sizeof(v));
	return v;
}

int64_t nl_int(const struct nlattr *a, int64_t none)
{
	struct span s = nl_raw(a);
	uint64_t v;

	switch (s.n) {
	case 1:
		return nl_get_u8(s, 0);
	case 2:
		return nl_get_u16(s, 0);
	case 4:
		return nl_get_u32(s, 0);
	case 8:
		v = nl_get_u64(s, 0);
		return v > INT64_MAX ? INT64_MAX : (int64_t)v;
	}
	return none;
}

int64_t nl_be(const struct nlattr *a, int64_t none)
{
	struct span s = nl_raw(a);
	uint64_t v = 0;

	if (s.n != 1 && s.n != 2 && s.n != 4 && s.n != 8)
		return none;
	for (size_t i = 0; i < s.n; i++)
		v = v << 8 | nl_get_u8(s, i);
	return v > INT64_MAX ? INT64_MAX : (int64_t)v;
}

int32_t nl_s32(const struct nlattr *a, int32_t none)
{
	struct span s = nl_raw(a);

	return s.n == 4 ? (int32_t)nl_get_u32(s, 0) : none;
}

void nl_addr_text(struct span a, char out[NL_ADDR_TEXT])
{
	int family = a.n == 4 ? AF_INET : AF_INET6;

	if ((a.n != 4 && a.n != 16) || !inet_ntop(family, a.p, out, NL_ADDR_TEXT))
		out[0] = '\0';
}

void nl_mac_text(struct span a, char out[NL_ADDR_TEXT])
{
	size_t n = a.n <= NL_ADDR_TEXT / 3 ? a.n : NL_ADDR_TEXT / 3;

	out[0] = '\0';
	for (size_t i = 0; i < n; i++)
		snprintf(out + 3 * i, NL_ADDR_TEXT - 3 * i, "%02x%s", nl_get_u8(a, i),
			 i + 1 < n ? ":" : "");
}

int nl_json_open(struct nl_json *t)
{
	t->f = open_memstream(&t->text, &t->size);
	return t->f ? 0 : -ENOMEM;
}

void nl_json_close(struct nl_json *t)
{
	if (t->f)
		fclose(t->f);
	free(t->text);
	*t = (struct nl_json){ 0 };
}

struct json *nl_json_begin(struct nl_json *t)
{
	rewind(t->f);
	json_begin(&t->j, t->f, false);
	return &t->j;
}

struct span nl_json_end(struct nl_json *t)
{
	off_t n = ftello(t->f);

	return n < 0 || fflush(t->f) ? (struct span){ 0 } : (struct span){ t->text, (size_t)n };
}
