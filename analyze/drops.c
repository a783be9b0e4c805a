/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * A reason's number means something else on every kernel, so names come from the
 * tape's own format of kfree_skb, and the dictionary knows names only. A
 * location is a return address inside the function that freed: there are few
 * of them, so each is looked up once and kept.
 *
 * drop_locations.tsv has a row per function; its column `reason` is '-' for the
 * row that counts where the reason says nothing, or names the reason for which
 * the row replaces what the reason alone would say. A function with '*' at its
 * end stands for all that begin so; the longest match wins, and a full name
 * before any pattern.
 */
#include "drops.h"
#include "embed.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	REASON_NAME,
	REASON_LAYER,
	REASON_CLASS,
	REASON_MEANING,
	REASON_CAUSE,
	REASON_CHECK,
	REASON_COLUMNS = 8
};
enum {
	LOC_FUNCTION,
	LOC_REASON,
	LOC_LAYER,
	LOC_CLASS,
	LOC_PATH,
	LOC_MEANING,
	LOC_CAUSE,
	LOC_CHECK,
	LOC_COLUMNS = 9
};

#define COLUMNS_MAX 9

struct dict_row {
	struct span f[COLUMNS_MAX];
};

struct dict {
	struct dict_row *v;
	size_t n;
};

/* A reason of this kernel. */
struct reason {
	int64_t value;
	char name[64];
	const struct dict_row *row; /* NULL: newer than the dictionary */
};

#define REASONS_MAX 4096
#define SITES_MAX   65536

struct drops {
	struct db *db;
	const struct symbols *symbols;
	struct dict reasons, locations;
	struct reason *reason;
	size_t reason_n;
	struct site **site; /* open addressing by address, a power of two */
	size_t site_n, site_cap;
	struct site scratch; /* for what is beyond SITES_MAX */
	int64_t last_id;
	sqlite3_stmt *ins_drop, *ins_reason, *ins_location, *ins_symbol, *get_symbol;
	int rc;
};

static const char *const path_names[] = { "any", "rx", "late", "tx", "done", "tap", "other" };
static_assert(ARRAY_SIZE(path_names) == PATH_COUNT, "path_names");

/* Functions that consume and are no place of drops, or mean something else there. */
static const struct {
	const char *function;
	enum site_use use;
} uses[] = {
	{ "skb_consume_udp", USE_READ },
	{ "udp_recvmsg", USE_READ },
	{ "udpv6_recvmsg", USE_READ },
	{ "raw_recvmsg", USE_READ },
	{ "rawv6_recvmsg", USE_READ },
	{ "ping_recvmsg", USE_READ },
	{ "packet_recvmsg", USE_READ },
	{ "tcp_recvmsg_locked", USE_READ },
	{ "tcp_recvmsg", USE_READ },
	{ "tcp_read_sock", USE_READ },
	{ "tcp_eat_recv_skb", USE_READ },
	{ "skb_free_datagram", USE_READ },
	{ "skb_free_datagram_locked", USE_READ },
	{ "__skb_free_datagram_locked", USE_READ },
	{ "skb_attempt_defer_free", USE_READ },
	{ "tun_do_read", USE_READ },
	{ "tun_recvmsg", USE_READ },
	{ "tap_do_read", USE_READ },
	{ "skb_defer_free_flush", USE_DEFERRED },
	/* where that is inlined (net/core/dev.c) */
	{ "net_rx_action", USE_DEFERRED },
	{ "napi_threaded_poll", USE_DEFERRED },
	{ "napi_threaded_poll_loop", USE_DEFERRED },
	{ "run_backlog_napi", USE_DEFERRED },
	{ "napi_busy_loop", USE_DEFERRED },
	{ "__napi_busy_loop", USE_DEFERRED },
	{ "net_tx_action", USE_DEFERRED },
	{ "validate_xmit_skb", USE_SPLIT },
	{ "validate_xmit_xfrm", USE_SPLIT },
	{ "tbf_enqueue", USE_QUEUE },
	{ "tbf_segment", USE_QUEUE },
	{ "cake_enqueue", USE_SHUFFLE },
	{ "netem_enqueue", USE_SHUFFLE },
	{ "taprio_enqueue", USE_SHUFFLE },
	{ "taprio_enqueue_segmented", USE_SHUFFLE },
	{ "__ip_finish_output", USE_SPLIT },
	{ "ip_finish_output_gso", USE_SPLIT },
	{ "__ip6_finish_output", USE_SPLIT },
	{ "ip6_finish_output_gso_slowpath_drop", USE_SPLIT },
	{ "xfrm_output", USE_SPLIT },
	{ "xfrm_output_gso", USE_SPLIT },
	{ "ip_do_fragment", USE_FRAGMENT },
	{ "ip6_fragment", USE_FRAGMENT },
	{ "inet_frag_reasm_prepare", USE_REASSEMBLY },
	{ "skb_release_data", USE_MEMBER },
};

/* Drop reasons of Open vSwitch count from 1 within their subsystem (net/openvswitch/drop.h), whose
 * own number moves. */
static const char *const ovs_names[] = {
	"OVS_LAST_ACTION",
	"OVS_ACTION_ERROR",
	"OVS_EXPLICIT",
	"OVS_EXPLICIT_WITH_ERROR",
	"OVS_METER",
	"OVS_RECURSION_LIMIT",
	"OVS_DEFERRED_LIMIT",
	"OVS_FRAG_L2_TOO_LONG",
	"OVS_FRAG_INVALID_PROTO",
	"OVS_CONNTRACK",
	"OVS_IP_TTL",
};

static bool is_none(struct span s)
{
	return !s.n || span_is(s, "-");
}

/* A table with @columns columns; lines that begin with '#' are comments. */
static int dict_parse(struct dict *d, struct span text, size_t columns)
{
	struct span rest = text, line;
	size_t lines = 0;

	while (span_line(&rest, &line))
		lines++;
	d->v = calloc(lines + 1, sizeof(*d->v)); /* one more than rows, for embed_row() to look at */
	if (!d->v)
		return -ENOMEM;
	while (embed_row(&text, d->v[d->n].f, columns))
		d->n++;
	return 0;
}

static const struct dict_row *reason_row(const struct drops *d, struct span name)
{
	for (size_t i = 0; i < d->reasons.n; i++) {
		struct span f = d->reasons.v[i].f[REASON_NAME];

		if (f.n == name.n && !memcmp(f.p, name.p, f.n))
			return &d->reasons.v[i];
	}
	return NULL;
}

static void bind_cell(sqlite3_stmt *st, int i, const struct dict_row *r, int column)
{
	db_bind_span(st, i, r && !is_none(r->f[column]) ? r->f[column] : (struct span){ NULL, 0 });
}

static void reason_add(void *ctx, int64_t value, const char *name)
{
	static const char prefix[] = "SKB_DROP_REASON_";
	struct drops *d = ctx;
	struct reason *r = d->reason;

	if (!strncmp(name, prefix, sizeof(prefix) - 1))
		name += sizeof(prefix) - 1;
	for (size_t i = 0; i < d->reason_n; i++)
		if (d->reason[i].value == value)
			return;
	if (d->rc || d->reason_n >= REASONS_MAX)
		return;
	if (!(d->reason_n & (d->reason_n - 1))) /* full at each power of two */
		r = realloc(d->reason, (d->reason_n ? 2 * d->reason_n : 1) * sizeof(*r));
	if (!r) {
		d->rc = -ENOMEM;
		return;
	}
	d->reason = r;
	r += d->reason_n++;
	*r = (struct reason){ .value = value };
	snprintf(r->name, sizeof(r->name), "%s", name);
	r->row = reason_row(d, (struct span){ r->name, strlen(r->name) });
	db_bind_int(d->ins_reason, 1, value);
	db_bind_text(d->ins_reason, 2, r->name);
	for (int i = REASON_LAYER; i <= REASON_CHECK; i++)
		bind_cell(d->ins_reason, 2 + i, r->row, i);
	d->rc = db_run(d->db, d->ins_reason);
}

static const struct reason *reason_find(const struct drops *d, int64_t value)
{
	for (size_t i = 0; i < d->reason_n; i++)
		if (d->reason[i].value == value)
			return &d->reason[i];
	return NULL;
}

/* How much of @function a row names: all + 1 by its full name, else the letters of its pattern, -1:
 * not at all. */
static long row_match(const struct dict_row *r, struct span function)
{
	struct span f = r->f[LOC_FUNCTION];

	if (f.n && f.p[f.n - 1] == '*')
		return function.n >= f.n - 1 && !memcmp(f.p, function.p, f.n - 1) ? (long)f.n - 1
										  : -1;
	return f.n == function.n && !memcmp(f.p, function.p, f.n) ? (long)f.n + 1 : -1;
}

static void site_judge(const struct drops *d, struct site *s)
{
	struct span function = { s->name.function, strlen(s->name.function) };
	long best = -1;

	s->row = NULL;
	s->path = PATH_ANY;
	s->use = USE_UNKNOWN;
	for (size_t i = 0; i < d->locations.n; i++) {
		const struct dict_row *r = &d->locations.v[i];
		long m = row_match(r, function);

		if (m > best && is_none(r->f[LOC_REASON])) {
			best = m;
			s->row = r;
			s->known = m > (long)function.n;
		}
	}
	for (size_t i = 0; s->row && i < PATH_COUNT; i++)
		if (span_is(s->row->f[LOC_PATH], path_names[i]))
			s->path = (enum site_path)i;
	if (s->path == PATH_RX || s->path == PATH_LATE)
		s->use = USE_STACK;
	for (size_t i = 0; i < ARRAY_SIZE(uses); i++)
		if (span_is(function, uses[i].function))
			s->use = uses[i].use;
}

static size_t site_slot(struct site *const *v, size_t cap, uint64_t addr)
{
	size_t i = (size_t)((addr * 0x9e3779b97f4a7c15ULL) >> 32) & (cap - 1);

	while (v[i] && v[i]->addr != addr)
		i = (i + 1) & (cap - 1);
	return i;
}

static int sites_grow(struct drops *d)
{
	size_t cap = d->site_cap * 2;
	struct site **v = calloc(cap, sizeof(struct site *));

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < d->site_cap; i++)
		if (d->site[i])
			v[site_slot(v, cap, d->site[i]->addr)] = d->site[i];
	free(d->site);
	d->site = v;
	d->site_cap = cap;
	return 0;
}

struct site *drops_site(struct drops *d, uint64_t addr)
{
	size_t i = site_slot(d->site, d->site_cap, addr);
	struct site *s = d->site[i];

	if (s)
		return s;
	if (d->site_n < SITES_MAX) {
		if (d->site_n >= d->site_cap / 2) {
			if (sites_grow(d))
				return NULL;
			i = site_slot(d->site, d->site_cap, addr);
		}
		s = calloc(1, sizeof(*s));
		if (!s)
			return NULL;
		d->site[i] = s;
		d->site_n++;
	} else {
		s = &d->scratch;
		*s = (struct site){ 0 };
	}
	s->addr = addr;
	symbols_find(d->symbols, addr, &s->name);
	site_judge(d, s);
	return s;
}

int drops_open(struct drops **out, struct db *db, const struct trace *t, const struct symbols *s)
{
	struct drops *d = calloc(1, sizeof(*d));
	int rc = -ENOMEM;

	if (!d)
		return -ENOMEM;
	d->db = db;
	d->symbols = s;
	d->site_cap = 512;
	d->site = calloc(d->site_cap, sizeof(struct site *));
	if (!d->site ||
	    dict_parse(&d->reasons, embed_find("analyze/drop_reasons.tsv"), REASON_COLUMNS) ||
	    dict_parse(&d->locations, embed_find("analyze/drop_locations.tsv"), LOC_COLUMNS))
		goto fail;
	d->ins_reason = db_prepare(
		db, "INSERT OR IGNORE INTO _drop_reason(value, name, layer, class, meaning, cause, "
		    "check_text) VALUES(?, ?, ?, ?, ?, ?, ?)");
	d->ins_location = db_prepare(
		db, "INSERT OR IGNORE INTO _drop_location(function, reason, exact, meaning, cause, "
		    "check_text) VALUES(?, ?, ?, ?, ?, ?)");
	d->ins_symbol = db_prepare(
		db, "INSERT OR IGNORE INTO symbol(function, location, module) VALUES(?, ?, ?)");
	d->get_symbol = db_prepare(db, "SELECT id FROM symbol WHERE location = ?");
	d->ins_drop = db_prepare(
		db, "INSERT INTO _drop(id, packet_id, ts_ns, cpu, pid, context, reason, symbol_id, "
		    "protocol, layer, class, netns_id, dev_id, has_socket) "
		    "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	if (t)
		trace_enum(t, "skb", "kfree_skb", "reason", reason_add, d);
	rc = d->rc;
	if (rc)
		goto fail;
	*out = d;
	return 0;
fail:
	drops_close(d);
	return rc;
}

void drops_close(struct drops *d)
{
	if (!d)
		return;
	for (size_t i = 0; d->site && i < d->site_cap; i++)
		free(d->site[i]);
	free(d->site);
	free(d->reasons.v);
	free(d->locations.v);
	free(d->reason);
	free(d);
}

/* The row for this pair of function and reason, or NULL. */
static const struct dict_row *pair_row(const struct drops *d, const struct site *s,
				       const char *reason)
{
	struct span function = { s->name.function, strlen(s->name.function) };

	for (size_t i = 0; i < d->locations.n; i++) {
		const struct dict_row *r = &d->locations.v[i];

		if (span_is(r->f[LOC_REASON], reason) && row_match(r, function) >= 0)
			return r;
	}
	return NULL;
}

void drops_judge(const struct drops *d, const struct site *s, int64_t reason, struct span *layer,
		 struct span *class)
{
	const struct reason *r = reason >= 0 ? reason_find(d, reason) : NULL;
	const struct dict_row *rr = r ? r->row : NULL;
	const struct dict_row *lr = s->row, *pair = r ? pair_row(d, s, r->name) : NULL;
	bool said = rr && !is_none(rr->f[REASON_CLASS]);

	*layer = SPAN_LIT("unknown");
	*class = reason >= 0 && !rr ? SPAN_LIT("loss") : SPAN_LIT("error");
	if (pair)
		lr = pair;
	/* no network packet, or a copy for a capture, whatever the reason says */
	if (lr && (pair || s->path == PATH_OTHER || s->path == PATH_TAP))
		said = false;
	if (lr && !is_none(lr->f[LOC_LAYER]))
		*layer = lr->f[LOC_LAYER];
	if (lr && !is_none(lr->f[LOC_CLASS]))
		*class = lr->f[LOC_CLASS];
	if (said) {
		*class = rr->f[REASON_CLASS];
		if (!is_none(rr->f[REASON_LAYER]))
			*layer = rr->f[REASON_LAYER];
	}
}

/* What the dictionary says of a function: its row, and those for one reason. */
static int site_texts(struct drops *d, const struct site *s)
{
	struct span function = { s->name.function, strlen(s->name.function) };
	int rc = 0;

	for (size_t i = 0; !rc && i < d->locations.n; i++) {
		const struct dict_row *r = &d->locations.v[i];

		if (is_none(r->f[LOC_REASON]) ? r != s->row : row_match(r, function) < 0)
			continue;
		db_bind_span(d->ins_location, 1, function);
		db_bind_span(d->ins_location, 2, r->f[LOC_REASON]);
		db_bind_int(d->ins_location, 3, row_match(r, function) > (long)function.n);
		for (int k = LOC_MEANING; k <= LOC_CHECK; k++)
			bind_cell(d->ins_location, 4 + k - LOC_MEANING, r, k);
		rc = db_run(d->db, d->ins_location);
	}
	return rc;
}

/* Number of the site's row in table symbol. */
static int site_symbol(struct drops *d, struct site *s)
{
	int rc;

	if (s->symbol_id)
		return 0;
	db_bind_text(d->ins_symbol, 1, s->name.function);
	db_bind_text(d->ins_symbol, 2, s->name.location);
	db_bind_text(d->ins_symbol, 3, s->name.module[0] ? s->name.module : NULL);
	rc = db_run(d->db, d->ins_symbol);
	if (!rc)
		rc = site_texts(d, s);
	if (rc)
		return rc;
	db_bind_text(d->get_symbol, 1, s->name.location);
	rc = sqlite3_step(d->get_symbol) == SQLITE_ROW ? 0 : -EIO;
	if (!rc)
		s->symbol_id = sqlite3_column_int64(d->get_symbol, 0);
	sqlite3_reset(d->get_symbol);
	return rc;
}

/* Reasons of Open vSwitch are in no format: known by the place. */
static void reason_ovs(struct drops *d, const struct site *s, int64_t reason)
{
	size_t low = (size_t)(reason & 0xffff);

	if (reason >> 16 <= 0 || !low || low > ARRAY_SIZE(ovs_names) || reason_find(d, reason))
		return;
	if (!strncmp(s->name.function, "ovs_", 4) ||
	    !strcmp(s->name.function, "do_execute_actions"))
		reason_add(d, reason, ovs_names[low - 1]);
}

int drops_add(struct drops *d, const struct drop *x, int64_t *id, bool *noise)
{
	/* the same object as in @x->site, which callers only read */
	struct site *s = drops_site(d, x->site->addr);
	sqlite3_stmt *st = d->ins_drop;
	struct span layer, class;
	int rc = s ? site_symbol(d, s) : -ENOMEM;

	if (rc)
		return rc;
	reason_ovs(d, s, x->reason);
	drops_judge(d, s, x->reason, &layer, &class);
	if (x->completion) {
		layer = SPAN_LIT("device");
		class = SPAN_LIT("noise");
	} else if (!x->packet_id && !x->protocol && span_is(layer, "unknown") &&
		   span_is(class, "error")) {
		class = SPAN_LIT(
			"noise"); /* no event, no protocol, no reason: not of the network */
	}
	db_bind_int(st, 1, ++d->last_id);
	db_bind_opt(st, 2, x->packet_id, 0);
	db_bind_int(st, 3, x->ts_ns);
	db_bind_int(st, 4, x->cpu);
	db_bind_int(st, 5, x->pid);
	db_bind_int(st, 6, x->context);
	db_bind_opt(st, 7, x->reason, -1);
	db_bind_int(st, 8, s->symbol_id);
	db_bind_opt(st, 9, x->protocol, -1);
	db_bind_span(st, 10, layer);
	db_bind_span(st, 11, class);
	db_bind_opt(st, 12, x->netns_id, 0);
	db_bind_opt(st, 13, x->dev_id, 0);
	db_bind_opt(st, 14, x->has_socket, -1);
	rc = db_run(d->db, st);
	if (rc || d->rc)
		return rc ? rc : d->rc;
	*id = d->last_id;
	*noise = span_is(class, "noise");
	return 0;
}
