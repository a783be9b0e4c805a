/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * A rule is a small program: expressions load fields into registers, compare
 * them, and act. Each register here holds the name and type of what was loaded
 * (or the bytes of a constant), so that a comparison or an action can be written
 * in the words of nft(8). What a network or transport header is follows from
 * the table's family and from comparisons that came before; those that exist
 * only to make sure of that are taken back when the load they guard comes.
 * An expression that is not understood stands by its name alone.
 */
#include "nft_text.h"
#include "nft_value.h"

#include <inttypes.h>
#include <netinet/in.h> /* before the kernel's headers, which then leave out theirs */
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define REGS	 16  /* of four bytes each */
#define EXPR_MAX 128 /* the kernel's NFT_RULE_MAXEXPRS (nf_tables_api.c) */

struct reg {
	char what[48]; /* "" when it holds a constant or nothing */
	enum nft_type type;
	uint8_t len;   /* bytes loaded */
	uint8_t full;  /* bytes of the whole field; more than len: a prefix was loaded */
	uint8_t slots; /* registers it covers */
	bool used;
	bool masked;
	uint8_t mask[16], xor[16];
	uint8_t value[32]; /* of a constant */
};

struct ctx {
	struct nft_text *out;
	size_t n; /* bytes of text */
	struct reg reg[REGS];
	int l3;			/* 4, 6, 0 not known */
	int l4;			/* IPPROTO_, 0 not known */
	size_t dep_at, dep_end; /* the last comparison that only told a protocol */
	int dep_layer;		/* 3 or 4 */
	bool ok;
};

static void put(struct ctx *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Append a piece, a blank before it. */
static void put(struct ctx *c, const char *fmt, ...)
{
	size_t left = NFT_TEXT_MAX - c->n;
	va_list ap;
	int n;

	if (c->n && left > 1) {
		c->out->text[c->n++] = ' ';
		left--;
	}
	va_start(ap, fmt);
	n = vsnprintf(c->out->text + c->n, left, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= left) {
		memcpy(c->out->text + NFT_TEXT_MAX - 4, "...", 4);
		c->n = NFT_TEXT_MAX - 1;
	} else {
		c->n += (size_t)n;
	}
}

/* Index of a register, -1 for one that is none (NFT_REG_1 to 4 are of 16 bytes, NFT_REG32_ of
 * four). */
static int reg_index(const struct nlattr *a)
{
	int64_t r = nl_be(a, -1);

	if (r >= NFT_REG_1 && r <= NFT_REG_4)
		return (int)(r - NFT_REG_1) * 4;
	if (r >= NFT_REG32_00 && r <= NFT_REG32_15)
		return (int)(r - NFT_REG32_00);
	return -1;
}

static struct reg *reg_get(struct ctx *c, const struct nlattr *a)
{
	int i = reg_index(a);

	return i < 0 ? NULL : &c->reg[i];
}

/* A register gets a new meaning. */
static struct reg *reg_load(struct ctx *c, const struct nlattr *a, enum nft_type type, size_t len)
{
	struct reg *r = reg_get(c, a);

	if (!r)
		return NULL;
	*r = (struct reg){ .type = type,
			   .len = (uint8_t)(len > 16 ? 16 : len),
			   .full = (uint8_t)(len > 16 ? 16 : len),
			   .slots = (uint8_t)(len > 64 ? 16 : (len + 3) / 4) };
	return r;
}

static bool all_zero(struct span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i])
			return false;
	return true;
}

/* The constant in a register, as type @t of @n bytes. */
static void const_text(const struct reg *r, enum nft_type t, size_t n, char out[NFT_VALUE_MAX])
{
	nft_value_text(t,
		       (struct span){ (const char *)r->value,
				      n < sizeof(r->value) ? n : sizeof(r->value) },
		       out);
}

/* What a register holds, for an action that takes it as type @t of @n bytes. */
static void reg_text(const struct reg *r, enum nft_type t, size_t n, char out[2 * NFT_VALUE_MAX])
{
	char v[NFT_VALUE_MAX];

	if (!r || (!r->what[0] && !r->slots)) {
		snprintf(out, 2 * NFT_VALUE_MAX, "?");
	} else if (!r->what[0]) {
		const_text(r, t, n, v);
		snprintf(out, 2 * NFT_VALUE_MAX, "%s", v);
	} else if (r->masked) {
		nft_value_text(r->type, (struct span){ (const char *)r->mask, r->len }, v);
		snprintf(out, 2 * NFT_VALUE_MAX, "%s & %s", r->what, v);
		if (!all_zero((struct span){ (const char *)r->xor, r->len })) {
			size_t at = strlen(out);

			nft_value_text(r->type, (struct span){ (const char *)r->xor, r->len }, v);
			snprintf(out + at, 2 * NFT_VALUE_MAX - at, " ^ %s", v);
		}
	} else {
		snprintf(out, 2 * NFT_VALUE_MAX, "%s", r->what);
	}
}

/* --- loads --- */

/* The comparison just written told only which protocol comes: nft leaves it out, and so do we. */
static void drop_dependency(struct ctx *c, int layer)
{
	if (c->dep_layer == layer && c->dep_end == c->n && c->dep_end > c->dep_at) {
		c->n = c->dep_at;
		c->out->text[c->n] = '\0';
		c->dep_layer = 0;
	}
}

static void expr_payload(struct ctx *c, const struct nlattr *const *tb)
{
	static const char *const base_name[] = { "ll", "nh", "th", "ih" };
	int64_t base = nl_be(tb[NFTA_PAYLOAD_BASE], 0), at = nl_be(tb[NFTA_PAYLOAD_OFFSET], 0),
		len = nl_be(tb[NFTA_PAYLOAD_LEN], 0);
	struct nft_field field = { NULL, V_HEX, (uint8_t)len, false };
	char name[48], text[2 * NFT_VALUE_MAX];
	struct reg *r;

	snprintf(name, sizeof(name), "@%s,%" PRId64 ",%" PRId64,
		 base >= 0 && base < 4 ? base_name[base] : "?", (at & 0xffff) * 8,
		 (len & 0xffff) * 8);
	if (nft_field_header(base, c->l3, c->l4, at, len, &field)) {
		snprintf(name, sizeof(name), "%s", field.name);
		drop_dependency(c, base == NFT_PAYLOAD_NETWORK_HEADER ? 3 : field.of_l4 ? 4 : 0);
	}
	if (tb[NFTA_PAYLOAD_SREG]) {
		reg_text(reg_get(c, tb[NFTA_PAYLOAD_SREG]), field.type, field.len, text);
		put(c, "%s set %s", name, text);
		return;
	}
	r = reg_load(c, tb[NFTA_PAYLOAD_DREG], field.type, (size_t)(len & 0xff));
	if (r) {
		snprintf(r->what, sizeof(r->what), "%s", name);
		r->full = field.len;
	}
}

static void expr_meta(struct ctx *c, const struct nlattr *const *tb)
{
	struct nft_field x = nft_field_meta(nl_be(tb[NFTA_META_KEY], -1));
	char text[2 * NFT_VALUE_MAX];
	struct reg *r;

	if (tb[NFTA_META_SREG]) {
		reg_text(reg_get(c, tb[NFTA_META_SREG]), x.type, x.len, text);
		put(c, "%s set %s", x.name, text);
		return;
	}
	r = reg_load(c, tb[NFTA_META_DREG], x.type, x.len);
	if (r)
		snprintf(r->what, sizeof(r->what), "%s", x.name);
}

static void expr_ct(struct ctx *c, const struct nlattr *const *tb)
{
	struct nft_field x = nft_field_ct(nl_be(tb[NFTA_CT_KEY], -1));
	int64_t dir = nl_be(tb[NFTA_CT_DIRECTION], -1);
	char text[2 * NFT_VALUE_MAX];
	struct reg *r;

	if (tb[NFTA_CT_SREG]) {
		reg_text(reg_get(c, tb[NFTA_CT_SREG]), x.type, x.len, text);
		put(c, "ct %s set %s", x.name, text);
		return;
	}
	r = reg_load(c, tb[NFTA_CT_DREG], x.type, x.len);
	if (r)
		snprintf(r->what, sizeof(r->what), "ct %s%s",
			 dir == 0   ? "original "
			 : dir == 1 ? "reply "
				    : "",
			 x.name);
}

static void expr_fib(struct ctx *c, const struct nlattr *const *tb)
{
	/* flags: saddr, daddr, mark, iif, oif, present (nf_tables.h, NFTA_FIB_F_) */
	static const char *const part[] = { "saddr", "daddr", "mark", "iif", "oif" };
	static const char *const result[] = { "?", "oif", "oifname", "type" };
	uint64_t flags = (uint64_t)nl_be(tb[NFTA_FIB_FLAGS], 0);
	int64_t res = nl_be(tb[NFTA_FIB_RESULT], 0);
	struct reg *r =
		reg_load(c, tb[NFTA_FIB_DREG], res == 2 ? V_IFNAME : V_HOST, res == 2 ? 16 : 4);
	size_t n;

	if (!r)
		return;
	n = (size_t)snprintf(r->what, sizeof(r->what), "fib");
	for (size_t i = 0, k = 0; i < ARRAY_SIZE(part) && n < sizeof(r->what); i++)
		if (flags >> i & 1)
			n += (size_t)snprintf(r->what + n, sizeof(r->what) - n, "%s%s",
					      k++ ? " . " : " ", part[i]);
	if (n < sizeof(r->what))
		snprintf(r->what + n, sizeof(r->what) - n, " %s",
			 result[res >= 0 && res < 4 ? res : 0]);
}

/* Extension headers of IPv6, options of IPv4 and TCP, chunks of SCTP. */
static void exthdr_name(const struct nlattr *const *tb, char *out, size_t size)
{
	static const char *const of[] = { "exthdr", "tcp option", "ip option", "sctp chunk",
					  "dccp option" };
	static const struct {
		uint8_t op, type;
		const char *name;
	} known[] = {
		{ NFT_EXTHDR_OP_IPV6, 0, "hbh" },	  { NFT_EXTHDR_OP_IPV6, 43, "rt" },
		{ NFT_EXTHDR_OP_IPV6, 44, "frag" },	  { NFT_EXTHDR_OP_IPV6, 51, "ah" },
		{ NFT_EXTHDR_OP_IPV6, 60, "dst" },	  { NFT_EXTHDR_OP_IPV6, 135, "mh" },
		{ NFT_EXTHDR_OP_TCPOPT, 2, "maxseg" },	  { NFT_EXTHDR_OP_TCPOPT, 3, "window" },
		{ NFT_EXTHDR_OP_TCPOPT, 4, "sack-perm" }, { NFT_EXTHDR_OP_TCPOPT, 8, "timestamp" },
		{ NFT_EXTHDR_OP_IPV4, 7, "rr" },	  { NFT_EXTHDR_OP_IPV4, 131, "lsrr" },
		{ NFT_EXTHDR_OP_IPV4, 137, "ssrr" },	  { NFT_EXTHDR_OP_IPV4, 148, "ra" },
	};
	int64_t op = nl_be(tb[NFTA_EXTHDR_OP], NFT_EXTHDR_OP_IPV6),
		type = nl_be(tb[NFTA_EXTHDR_TYPE], -1);
	const char *kind = op >= 0 && op < (int64_t)ARRAY_SIZE(of) ? of[op] : "exthdr";

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].op == op && known[i].type == type) {
			snprintf(out, size, "%s %s", kind, known[i].name);
			return;
		}
	snprintf(out, size, "%s %" PRId64, kind, type);
}

static void expr_exthdr(struct ctx *c, const struct nlattr *const *tb)
{
	int64_t at = nl_be(tb[NFTA_EXTHDR_OFFSET], 0), len = nl_be(tb[NFTA_EXTHDR_LEN], 0);
	bool there = nl_be(tb[NFTA_EXTHDR_FLAGS], 0) & NFT_EXTHDR_F_PRESENT;
	bool mss = nl_be(tb[NFTA_EXTHDR_OP], 0) == NFT_EXTHDR_OP_TCPOPT &&
		   nl_be(tb[NFTA_EXTHDR_TYPE], -1) == 2 && at == 2 && len == 2;
	char name[40], text[2 * NFT_VALUE_MAX];
	struct reg *r;

	exthdr_name(tb, name, sizeof(name));
	if (tb[NFTA_EXTHDR_SREG]) {
		reg_text(reg_get(c, tb[NFTA_EXTHDR_SREG]), mss ? V_INT : V_HEX,
			 (size_t)(len & 0xff), text);
		put(c, "%s %s set %s", name, mss ? "size" : "?", text);
		return;
	}
	r = reg_load(c, tb[NFTA_EXTHDR_DREG],
		     there ? V_THERE
		     : mss ? V_INT
			   : V_HEX,
		     (size_t)(there ? 1 : len & 0xff));
	if (!r)
		put(c, "%s", name); /* an option that is taken out */
	else if (there)
		snprintf(r->what, sizeof(r->what), "%s", name);
	else if (mss)
		snprintf(r->what, sizeof(r->what), "%s size", name);
	else
		snprintf(r->what, sizeof(r->what), "%.20s @%u,%u", name,
			 (unsigned)(at & 0xffff) * 8, (unsigned)(len & 0xffff) * 8);
}

/* --- comparisons --- */

/* What a comparison for equality says about the headers that follow. */
static void learn_protocol(struct ctx *c, const struct reg *r, struct span v, size_t at)
{
	uint64_t x = nft_value_be(v);
	int layer = 0;

	if (r->type == V_L4) {
		c->l4 = (int)x;
		layer = 4;
	} else if (r->type == V_L3) {
		c->l3 = x == NFPROTO_IPV4 ? 4 : x == NFPROTO_IPV6 ? 6 : 0;
		layer = 3;
	} else if (r->type == V_ETHER) {
		c->l3 = x == 0x0800 ? 4 : x == 0x86dd ? 6 : 0;
		layer = 3;
	}
	if (layer) {
		c->dep_layer = layer;
		c->dep_at = at;
		c->dep_end = c->n;
	}
}

static struct span data_value(const struct nlattr *a)
{
	const struct nlattr *tb[NFTA_DATA_VALUE + 1];

	return nl_nested(a, tb, ARRAY_SIZE(tb)) ? nl_raw(tb[NFTA_DATA_VALUE]) : (struct span){ 0 };
}

/* A comparison of a field of which only some bits count. */
static void put_masked(struct ctx *c, const struct reg *r, int64_t op, struct span v)
{
	struct span mask = { (const char *)r->mask, r->len };
	int bits = r->type == V_ADDR ? nft_prefix_bits(r->mask, r->len) : -1;
	char a[NFT_VALUE_MAX], m[NFT_VALUE_MAX];

	nft_value_text(r->type, v, a);
	nft_value_text(r->type, mask, m);
	if (bits >= 0)
		put(c, "%s %s%s/%d", r->what, op == NFT_CMP_NEQ ? "!= " : "", a, bits);
	else if (r->type == V_CT_STATE && op == NFT_CMP_NEQ && all_zero(v))
		put(c, "%s %s", r->what, m);
	else
		put(c, r->type == V_TCP_FLAGS ? "%s & (%s) %s %s" : "%s & %s %s %s", r->what, m,
		    op == NFT_CMP_EQ	? "=="
		    : op == NFT_CMP_NEQ ? "!="
					: "?",
		    a);
}

static void expr_cmp(struct ctx *c, const struct nlattr *const *tb)
{
	static const char *const sign[] = { "", "!= ", "< ", "<= ", "> ", ">= " };
	struct reg *r = reg_get(c, tb[NFTA_CMP_SREG]);
	struct span v = data_value(tb[NFTA_CMP_DATA]);
	int64_t op = nl_be(tb[NFTA_CMP_OP], NFT_CMP_EQ);
	size_t at = c->n;
	char text[NFT_VALUE_MAX];

	if (!r || !r->what[0] || op < 0 || op >= (int64_t)ARRAY_SIZE(sign)) {
		put(c, "cmp");
		return;
	}
	r->used = true;
	if (r->masked) {
		put_masked(c, r, op, v);
		return;
	}
	if (r->type == V_ADDR && r->len < r->full && v.n <= r->len) {
		uint8_t whole[16] = { 0 }; /* only the network's bytes were loaded */

		if (v.n)
			memcpy(whole, v.p, v.n);
		nft_value_text(V_ADDR, (struct span){ (const char *)whole, r->full }, text);
		put(c, "%s %s%s/%d", r->what, sign[op], text, r->len * 8);
		return;
	}
	nft_value_text(r->type, v, text);
	put(c, "%s %s%s", r->what, sign[op], text);
	if (op == NFT_CMP_EQ)
		learn_protocol(c, r, v, at);
}

static void expr_bitwise(struct ctx *c, const struct nlattr *const *tb)
{
	struct reg *s = reg_get(c, tb[NFTA_BITWISE_SREG]), *d = reg_get(c, tb[NFTA_BITWISE_DREG]);
	struct span mask = data_value(tb[NFTA_BITWISE_MASK]),
		    xor = data_value(tb[NFTA_BITWISE_XOR]);

	if (!s || !d)
		return;
	*d = *s;
	d->used = false;
	if (nl_be(tb[NFTA_BITWISE_OP], NFT_BITWISE_BOOL) != NFT_BITWISE_BOOL || mask.n > 16 ||
	    xor.n > 16) {
		d->masked = false;
		d->type = V_HEX; /* a shift, or more than a field */
		return;
	}
	d->masked = true;
	memset(d->mask, 0, sizeof(d->mask));
	memset(d->xor, 0, sizeof(d->xor));
	if (mask.n)
		memcpy(d->mask, mask.p, mask.n);
	if (xor.n)
		memcpy(d->xor, xor.p, xor.n);
}

static void expr_range(struct ctx *c, const struct nlattr *const *tb)
{
	struct reg *r = reg_get(c, tb[NFTA_RANGE_SREG]);
	char from[NFT_VALUE_MAX], to[NFT_VALUE_MAX];

	if (!r || !r->what[0]) {
		put(c, "range");
		return;
	}
	r->used = true;
	nft_value_text(r->type, data_value(tb[NFTA_RANGE_FROM_DATA]), from);
	nft_value_text(r->type, data_value(tb[NFTA_RANGE_TO_DATA]), to);
	put(c, "%s %s%s-%s", r->what,
	    nl_be(tb[NFTA_RANGE_OP], NFT_RANGE_EQ) == NFT_RANGE_NEQ ? "!= " : "", from, to);
}

/* Names of all fresh registers from @i on, as a set's key may cover several. */
static void key_text(struct ctx *c, int i, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	while (i < REGS && c->reg[i].what[0] && !c->reg[i].used && n < size) {
		n += (size_t)snprintf(out + n, size - n, "%s%s", n ? " . " : "", c->reg[i].what);
		c->reg[i].used = true;
		i += c->reg[i].slots ? c->reg[i].slots : 1;
	}
}

/* A lookup in a set or map; @dreg: where a map puts what it found, NULL: a set. */
static void put_lookup(struct ctx *c, const struct nlattr *sreg, const struct nlattr *dreg,
		       struct span set, bool invert)
{
	int i = reg_index(sreg), n = (int)(set.n > 64 ? 64 : set.n);
	char key[128];

	if (i >= 0)
		key_text(c, i, key, sizeof(key));
	else
		key[0] = '\0';
	if (!dreg) {
		put(c, "%s %s@%.*s", key, invert ? "!= " : "", n, set.p ? set.p : "");
	} else if (nl_be(dreg, -1) == NFT_REG_VERDICT) {
		put(c, "%s vmap @%.*s", key, n, set.p ? set.p : "");
		snprintf(c->out->verdict, sizeof(c->out->verdict), "vmap");
	} else {
		struct reg *r = reg_load(c, dreg, V_HEX, 4);

		if (r)
			snprintf(r->what, sizeof(r->what), "map @%.*s", n > 40 ? 40 : n,
				 set.p ? set.p : "");
	}
}

/* --- actions --- */

static void set_verdict(struct ctx *c, const char *word, struct span chain)
{
	snprintf(c->out->verdict, sizeof(c->out->verdict), chain.n ? "%s %.*s" : "%s", word,
		 (int)(chain.n > 256 ? 256 : chain.n), chain.p ? chain.p : "");
}

static void put_verdict(struct ctx *c, const struct nlattr *verdict)
{
	const struct nlattr *tb[NFTA_VERDICT_CHAIN + 1];
	struct span chain = { 0 };
	const char *word;

	if (!nl_nested(verdict, tb, ARRAY_SIZE(tb))) {
		c->ok = false;
		return;
	}
	switch ((int32_t)nl_be(tb[NFTA_VERDICT_CODE], NFT_CONTINUE)) {
	case NF_DROP:
		word = "drop";
		break;
	case NF_ACCEPT:
		word = "accept";
		break;
	case NF_STOLEN:
		word = "stolen";
		break;
	case NF_QUEUE:
		word = "queue";
		break;
	case NFT_JUMP:
		word = "jump";
		chain = nl_text(tb[NFTA_VERDICT_CHAIN]);
		break;
	case NFT_GOTO:
		word = "goto";
		chain = nl_text(tb[NFTA_VERDICT_CHAIN]);
		break;
	case NFT_RETURN:
		word = "return";
		break;
	case NFT_BREAK:
		word = "break";
		break;
	default:
		word = "continue";
		break;
	}
	set_verdict(c, word, chain);
	put(c, "%s", c->out->verdict);
	if (chain.n)
		c->out->target = chain;
}

static void expr_immediate(struct ctx *c, const struct nlattr *const *tb)
{
	const struct nlattr *data[NFTA_DATA_VERDICT + 1];
	struct span v;
	struct reg *r;

	if (!nl_nested(tb[NFTA_IMMEDIATE_DATA], data, ARRAY_SIZE(data))) {
		c->ok = false;
		return;
	}
	if (data[NFTA_DATA_VERDICT]) {
		put_verdict(c, data[NFTA_DATA_VERDICT]);
		return;
	}
	v = nl_raw(data[NFTA_DATA_VALUE]);
	r = reg_load(c, tb[NFTA_IMMEDIATE_DREG], V_HEX, v.n);
	if (r && v.n)
		memcpy(r->value, v.p, v.n < sizeof(r->value) ? v.n : sizeof(r->value));
}

static void expr_counter(struct ctx *c, const struct nlattr *const *tb)
{
	put(c, "counter");
	c->out->packets = nl_be(tb[NFTA_COUNTER_PACKETS], 0);
	c->out->bytes = nl_be(tb[NFTA_COUNTER_BYTES], 0);
}

static void expr_limit(struct ctx *c, const struct nlattr *const *tb)
{
	int64_t unit = nl_be(tb[NFTA_LIMIT_UNIT], 1);

	put(c, "limit rate %s%" PRId64 "%s/%s burst %" PRId64,
	    nl_be(tb[NFTA_LIMIT_FLAGS], 0) & NFT_LIMIT_F_INV ? "over " : "",
	    nl_be(tb[NFTA_LIMIT_RATE], 0),
	    nl_be(tb[NFTA_LIMIT_TYPE], 0) == NFT_LIMIT_PKT_BYTES ? " bytes" : "",
	    unit == 1	    ? "second"
	    : unit == 60    ? "minute"
	    : unit == 3600  ? "hour"
	    : unit == 86400 ? "day"
			    : "week",
	    nl_be(tb[NFTA_LIMIT_BURST], 0));
}

static void expr_log(struct ctx *c, const struct nlattr *const *tb)
{
	struct span prefix = nl_text(tb[NFTA_LOG_PREFIX]);

	if (prefix.p)
		put(c, "log prefix \"%.*s\"", (int)(prefix.n > 128 ? 128 : prefix.n), prefix.p);
	else
		put(c, "log");
	if (tb[NFTA_LOG_GROUP])
		put(c, "group %" PRId64, nl_be(tb[NFTA_LOG_GROUP], 0));
}

static void expr_reject(struct ctx *c, const struct nlattr *const *tb)
{
	static const char *const icmpx[] = { "no-route", "port-unreachable", "host-unreachable",
					     "admin-prohibited" };
	int64_t type = nl_be(tb[NFTA_REJECT_TYPE], 0), code = nl_be(tb[NFTA_REJECT_ICMP_CODE], 0);

	set_verdict(c, "reject", (struct span){ 0 });
	if (type == NFT_REJECT_TCP_RST)
		put(c, "reject with tcp reset");
	else if (type == NFT_REJECT_ICMPX_UNREACH && code >= 0 && code < (int64_t)ARRAY_SIZE(icmpx))
		put(c, "reject with icmpx %s", icmpx[code]);
	else
		put(c, "reject with %s code %" PRId64, c->l3 == 6 ? "icmpv6" : "icmp", code);
}

/* Address and port that a translation goes to, from constants in registers. */
static void put_nat(struct ctx *c, const char *word, const struct nlattr *addr,
		    const struct nlattr *addr2, const struct nlattr *port,
		    const struct nlattr *port2, bool ip6)
{
	char a[2 * NFT_VALUE_MAX] = "", b[2 * NFT_VALUE_MAX], p[2 * NFT_VALUE_MAX] = "",
		   q[2 * NFT_VALUE_MAX];
	bool a2 = addr && addr2 && reg_index(addr) != reg_index(addr2);
	bool p2 = port && port2 && reg_index(port) != reg_index(port2);

	set_verdict(c, word, (struct span){ 0 });
	if (addr)
		reg_text(reg_get(c, addr), V_ADDR, ip6 ? 16 : 4, a);
	reg_text(reg_get(c, addr2), V_ADDR, ip6 ? 16 : 4, b);
	if (port)
		reg_text(reg_get(c, port), V_INT, 2, p);
	reg_text(reg_get(c, port2), V_INT, 2, q);
	if (addr || port)
		put(c, "%s to %s%s%s%s%s%s%s", word, a, a2 ? "-" : "", a2 ? b : "", port ? ":" : "",
		    p, p2 ? "-" : "", p2 ? q : "");
	else
		put(c, "%s", word);
}

static void expr_nat(struct ctx *c, const struct nlattr *const *tb)
{
	put_nat(c, nl_be(tb[NFTA_NAT_TYPE], 0) == NFT_NAT_DNAT ? "dnat" : "snat",
		tb[NFTA_NAT_REG_ADDR_MIN], tb[NFTA_NAT_REG_ADDR_MAX], tb[NFTA_NAT_REG_PROTO_MIN],
		tb[NFTA_NAT_REG_PROTO_MAX],
		nl_be(tb[NFTA_NAT_FAMILY], NFPROTO_IPV4) == NFPROTO_IPV6);
}

static void expr_objref(struct ctx *c, const struct nlattr *const *tb)
{
	static const char *const type[] = { "object",  "counter",	 "quota",   "ct helper",
					    "limit",   "ct count",	 "tunnel",  "ct timeout",
					    "secmark", "ct expectation", "synproxy" };
	int64_t t = nl_be(tb[NFTA_OBJREF_IMM_TYPE], 0);
	struct span name = nl_text(tb[NFTA_OBJREF_IMM_NAME]);

	if (name.p)
		put(c, "%s name \"%.*s\"", type[t >= 0 && t < (int64_t)ARRAY_SIZE(type) ? t : 0],
		    (int)(name.n > 64 ? 64 : name.n), name.p);
	else
		put_lookup(c, tb[NFTA_OBJREF_SET_SREG], NULL, nl_text(tb[NFTA_OBJREF_SET_NAME]),
			   false);
}

/* Ports of iptables' tcp and udp matches (struct xt_tcp and xt_udp start with spts[2], dpts[2]). */
static void put_xt_ports(struct ctx *c, const char *proto, struct span info)
{
	for (int i = 0; i < 2; i++) {
		unsigned int lo = nl_get_u16(info, (size_t)i * 4),
			     hi = nl_get_u16(info, (size_t)i * 4 + 2);
		const char *what = i ? "dport" : "sport";

		if (lo == 0 && hi == 65535)
			continue;
		if (lo == hi)
			put(c, "%s %s %u", proto, what, lo);
		else
			put(c, "%s %s %u-%u", proto, what, lo, hi);
	}
}

static void expr_match(struct ctx *c, const struct nlattr *const *tb)
{
	struct span name = nl_text(tb[NFTA_MATCH_NAME]), info = nl_raw(tb[NFTA_MATCH_INFO]);

	if (span_is(name, "tcp") && info.n >= 8)
		put_xt_ports(c, "tcp", info);
	else if (span_is(name, "udp") && info.n >= 8)
		put_xt_ports(c, "udp", info);
	else if (span_is(name, "comment") && info.p)
		put(c, "comment \"%.*s\"", (int)strnlen(info.p, info.n > 256 ? 256 : info.n),
		    info.p);
	else
		put(c, "match %.*s", (int)(name.n > 32 ? 32 : name.n), name.p ? name.p : "");
}

static void expr_target(struct ctx *c, const struct nlattr *const *tb)
{
	/* iptables' targets that end a packet's way through the rules; those without a native
	 * expression */
	static const char *const word[][2] = {
		{ "REJECT", "reject" }, { "DROP", "drop" }, { "MASQUERADE", "masquerade" },
		{ "SNAT", "snat" },	{ "DNAT", "dnat" }, { "REDIRECT", "redirect" },
		{ "NFQUEUE", "queue" }
	};
	struct span name = nl_text(tb[NFTA_TARGET_NAME]);

	put(c, "target %.*s", (int)(name.n > 32 ? 32 : name.n), name.p ? name.p : "");
	for (size_t i = 0; i < ARRAY_SIZE(word); i++)
		if (span_is(name, word[i][0]))
			set_verdict(c, word[i][1], (struct span){ 0 });
}

static void expr_lookup(struct ctx *c, const struct nlattr *const *tb)
{
	put_lookup(c, tb[NFTA_LOOKUP_SREG], tb[NFTA_LOOKUP_DREG], nl_text(tb[NFTA_LOOKUP_SET]),
		   nl_be(tb[NFTA_LOOKUP_FLAGS], 0) & NFT_LOOKUP_F_INV);
}

static void expr_dynset(struct ctx *c, const struct nlattr *const *tb)
{
	struct span set = nl_text(tb[NFTA_DYNSET_SET_NAME]);
	int i = reg_index(tb[NFTA_DYNSET_SREG_KEY]);
	char key[128] = "";

	if (i >= 0)
		key_text(c, i, key, sizeof(key));
	put(c, "%s @%.*s { %s }",
	    nl_be(tb[NFTA_DYNSET_OP], 0) == NFT_DYNSET_OP_DELETE ? "delete" : "update",
	    (int)(set.n > 64 ? 64 : set.n), set.p ? set.p : "", key);
}

static void expr_masq(struct ctx *c, const struct nlattr *const *tb)
{
	put_nat(c, "masquerade", NULL, NULL, tb[NFTA_MASQ_REG_PROTO_MIN],
		tb[NFTA_MASQ_REG_PROTO_MAX], false);
}

static void expr_redir(struct ctx *c, const struct nlattr *const *tb)
{
	put_nat(c, "redirect", NULL, NULL, tb[NFTA_REDIR_REG_PROTO_MIN],
		tb[NFTA_REDIR_REG_PROTO_MAX], false);
}

static void expr_queue(struct ctx *c, const struct nlattr *const *tb)
{
	set_verdict(c, "queue", (struct span){ 0 });
	put(c, "queue num %" PRId64, nl_be(tb[NFTA_QUEUE_NUM], 0));
}

static void expr_connlimit(struct ctx *c, const struct nlattr *const *tb)
{
	put(c, "ct count %s%" PRId64, nl_be(tb[NFTA_CONNLIMIT_FLAGS], 0) & 1 ? "over " : "",
	    nl_be(tb[NFTA_CONNLIMIT_COUNT], 0));
}

static void expr_quota(struct ctx *c, const struct nlattr *const *tb)
{
	put(c, "quota %s%" PRId64 " bytes", nl_be(tb[NFTA_QUOTA_FLAGS], 0) & 1 ? "over " : "",
	    nl_be(tb[NFTA_QUOTA_BYTES], 0));
}

/* Expressions that load something we have no words for: their name is all that is said of it. */
static void expr_loads(struct ctx *c, const struct nlattr *const *tb, const char *name,
		       uint16_t dreg)
{
	struct reg *r = tb[dreg] ? reg_load(c, tb[dreg], V_HEX, 4) : NULL;

	if (r)
		snprintf(r->what, sizeof(r->what), "%s", name);
	else
		put(c, "%s", name);
}

static void expr_byteorder(struct ctx *c, const struct nlattr *const *tb)
{
	const struct reg *s = reg_get(c, tb[NFTA_BYTEORDER_SREG]);
	struct reg *d = reg_get(c, tb[NFTA_BYTEORDER_DREG]);

	if (s && d) {
		*d = *s;
		if (d->type == V_HOST || d->type == V_MARK)
			d->type = V_INT; /* compared in network order from here on */
	}
}

#define TB_MAX 16 /* no expression has more attributes that are read here */

static const struct {
	const char *name;
	void (*read)(struct ctx *c, const struct nlattr *const *tb);
} expr_kind[] = {
	{ "payload", expr_payload }, { "meta", expr_meta },
	{ "ct", expr_ct },	     { "fib", expr_fib },
	{ "cmp", expr_cmp },	     { "bitwise", expr_bitwise },
	{ "range", expr_range },     { "lookup", expr_lookup },
	{ "dynset", expr_dynset },   { "immediate", expr_immediate },
	{ "counter", expr_counter }, { "limit", expr_limit },
	{ "log", expr_log },	     { "reject", expr_reject },
	{ "nat", expr_nat },	     { "masq", expr_masq },
	{ "redir", expr_redir },     { "queue", expr_queue },
	{ "objref", expr_objref },   { "connlimit", expr_connlimit },
	{ "quota", expr_quota },     { "match", expr_match },
	{ "target", expr_target },   { "byteorder", expr_byteorder },
	{ "exthdr", expr_exthdr },
};

/* Other expressions that put something into a register, and the attribute that names it. */
static const struct {
	const char *name;
	uint16_t dreg;
} expr_loader[] = {
	{ "hash", NFTA_HASH_DREG },	{ "numgen", NFTA_NG_DREG }, { "socket", NFTA_SOCKET_DREG },
	{ "rt", NFTA_RT_DREG },		{ "osf", NFTA_OSF_DREG },   { "xfrm", NFTA_XFRM_DREG },
	{ "tunnel", NFTA_TUNNEL_DREG },
};

static void read_expr(struct ctx *c, const struct nlattr *elem)
{
	const struct nlattr *e[NFTA_EXPR_DATA + 1], *tb[TB_MAX];
	struct span name;

	if (!nl_nested(elem, e, ARRAY_SIZE(e)) || !e[NFTA_EXPR_NAME] ||
	    !nl_nested(e[NFTA_EXPR_DATA], tb, TB_MAX)) {
		c->ok = false;
		return;
	}
	name = nl_text(e[NFTA_EXPR_NAME]);
	for (size_t i = 0; i < ARRAY_SIZE(expr_kind); i++)
		if (span_is(name, expr_kind[i].name)) {
			expr_kind[i].read(c, tb);
			return;
		}
	for (size_t i = 0; i < ARRAY_SIZE(expr_loader); i++)
		if (span_is(name, expr_loader[i].name)) {
			expr_loads(c, tb, expr_loader[i].name, expr_loader[i].dreg);
			return;
		}
	put(c, "%.*s", (int)(name.n > 32 ? 32 : name.n), name.p);
}

/* The comment in a rule's user data: type, length, text (libnftnl, udata). */
static void put_comment(struct ctx *c, struct span u)
{
	while (u.n >= 2) {
		size_t type = nl_get_u8(u, 0), n = nl_get_u8(u, 1);

		if (n > u.n - 2)
			return;
		if (type == 0) {
			put(c, "comment \"%.*s\"", (int)strnlen(u.p + 2, n), u.p + 2);
			return;
		}
		u.p += 2 + n;
		u.n -= 2 + n;
	}
}

bool nft_text_rule(const struct nlattr *exprs, const struct nlattr *userdata, int family,
		   struct nft_text *out)
{
	struct ctx c = { .out = out, .ok = true };
	struct span left = nl_raw(exprs);
	const struct nlattr *elem;
	int n = 0;

	out->text[0] = out->verdict[0] = '\0';
	out->target = (struct span){ 0 };
	out->packets = out->bytes = -1;
	c.l3 = family == NFPROTO_IPV4 ? 4 : family == NFPROTO_IPV6 ? 6 : 0;
	while (n++ < EXPR_MAX && (elem = nl_each(&left)))
		if (nl_type(elem) == NFTA_LIST_ELEM)
			read_expr(&c, elem);
	put_comment(&c, nl_raw(userdata));
	return c.ok && left.n < NLA_ALIGNTO;
}
