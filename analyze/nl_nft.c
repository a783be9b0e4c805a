/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * A chain or rule gets its row when it is first seen; what may still change (a
 * rule's place, counter and hook, a chain's policy) is kept by its handle and
 * written at the end. So a rule that is deleted during the recording keeps its
 * row and its last numbers. nft gives a changed rule a new handle, so its text
 * never changes.
 *
 * The hook of a rule is that of its base chain. Chains that are only jumped to
 * get the hooks of all chains that jump to them, as a set of bits, until nothing
 * changes; a rule has a hook where that set has one member.
 */
#include "keymap.h"
#include "nft_text.h"
#include "nl.h"

#include <netinet/in.h> /* before the kernel's headers, which then leave out theirs */
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>

#define CHAIN_MAX 50000
#define RULE_MAX  100000
#define JUMP_MAX  200000

struct chain {
	int64_t netns_id;
	int64_t family;
	uint64_t table, name; /* hashes of the names */
	int64_t row;	      /* of nft_chain */
	int64_t base;	      /* hook number + 1, 0: no base chain */
	uint32_t hooks;	      /* bits of hook numbers that lead here */
	int64_t policy;	      /* NF_DROP, NF_ACCEPT, -1 none */
	int64_t seq;	      /* last snapshot that had rules of it, plus 1 */
	int64_t rules;	      /* how many of them came so far */
};

struct rule {
	int64_t netns_id;
	int64_t family;
	uint64_t table;
	int64_t handle;
	int64_t row; /* of nft_rule */
	uint64_t chain;
	int64_t position;
	int64_t first_packets, first_bytes, packets, bytes; /* -1: no counter */
};

/* A rule of the chain @from leads to the chain @to. */
struct jump {
	int64_t netns_id;
	int64_t family;
	uint64_t table, from, to;
};

struct nl_nft {
	const struct nl_env *env;
	struct keymap chains, rules, jumps;
	struct nft_text text;
	sqlite3_stmt *ins_chain, *upd_chain, *ins_rule, *upd_rule;
};

#define CHAIN_KEY_BYTES offsetof(struct chain, row)
#define RULE_KEY_BYTES	offsetof(struct rule, row)

int nl_nft_open(struct nl_nft **out, const struct nl_env *env)
{
	struct nl_nft *n = calloc(1, sizeof(*n));

	if (!n)
		return -ENOMEM;
	n->env = env;
	keymap_init(&n->chains, CHAIN_KEY_BYTES, sizeof(struct chain), CHAIN_MAX);
	keymap_init(&n->rules, RULE_KEY_BYTES, sizeof(struct rule), RULE_MAX);
	keymap_init(&n->jumps, sizeof(struct jump), sizeof(struct jump), JUMP_MAX);
	n->ins_chain = db_prepare(
		env->d,
		"INSERT INTO nft_chain(netns_id, netns, family, table_name, chain, type, hook, "
		"priority, policy, dev) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	n->upd_chain = db_prepare(env->d, "UPDATE nft_chain SET policy = ? WHERE rowid = ?");
	n->ins_rule = db_prepare(env->d, "INSERT INTO nft_rule(netns_id, netns, family, "
					 "table_name, chain, handle, position, "
					 "text, verdict) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)");
	n->upd_rule = db_prepare(
		env->d, "UPDATE nft_rule SET position = ?, hook = ?, packets = ?, bytes = ?, "
			"packets_delta = ?, bytes_delta = ? WHERE id = ?");
	*out = n;
	return 0;
}

void nl_nft_free(struct nl_nft *n)
{
	if (!n)
		return;
	keymap_free(&n->chains);
	keymap_free(&n->rules);
	keymap_free(&n->jumps);
	free(n);
}

static const char *family_name(int family)
{
	switch (family) {
	case NFPROTO_INET:
		return "inet";
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_ARP:
		return "arp";
	case NFPROTO_NETDEV:
		return "netdev";
	case NFPROTO_BRIDGE:
		return "bridge";
	}
	return "unknown";
}

static const char *hook_name(int family, int64_t hook)
{
	static const char *const inet[] = { "prerouting", "input",	 "forward",
					    "output",	  "postrouting", "ingress" };
	static const char *const netdev[] = { "ingress", "egress" };
	static const char *const arp[] = { "input", "output", "forward" };

	if (hook < 0)
		return NULL;
	if (family == NFPROTO_NETDEV)
		return hook < 2 ? netdev[hook] : NULL;
	if (family == NFPROTO_ARP)
		return hook < 3 ? arp[hook] : NULL;
	return hook < 6 ? inet[hook] : NULL;
}

/* A device of a base chain: the one it names, or the first of several. */
static struct span hook_dev(const struct nlattr *const *hook)
{
	struct span devs = nl_raw(hook[NFTA_HOOK_DEVS]);
	const struct nlattr *first = nl_each(&devs);

	return nl_text(hook[NFTA_HOOK_DEV] ? hook[NFTA_HOOK_DEV] : first);
}

static const char *policy_name(int64_t policy)
{
	return policy == NF_ACCEPT ? "accept" : policy == NF_DROP ? "drop" : NULL;
}

static void load_chain(struct nl_nft *n, struct nl_dump *dump, const struct nl_msg *m,
		       const struct snap_at *at)
{
	const struct nlattr *tb[NFTA_CHAIN_TYPE + 1], *hook[NFTA_HOOK_DEVS + 1];
	const struct nfgenmsg *g = nl_head(dump, m, sizeof(*g), tb, ARRAY_SIZE(tb));
	struct span table, name;
	struct chain key = { .netns_id = at->netns_id }, *k;
	int64_t hooknum, policy;
	sqlite3_stmt *st = n->ins_chain;
	bool fresh;

	if (!g)
		return;
	table = nl_text(tb[NFTA_CHAIN_TABLE]);
	name = nl_text(tb[NFTA_CHAIN_NAME]);
	if (!table.n || !name.n || !nl_nested(tb[NFTA_CHAIN_HOOK], hook, ARRAY_SIZE(hook))) {
		dump->bad++;
		return;
	}
	key.family = g->nfgen_family;
	key.table = keymap_text(table);
	key.name = keymap_text(name);
	k = keymap_get(&n->chains, &key, &fresh);
	if (!k)
		return;
	hooknum = tb[NFTA_CHAIN_HOOK] ? nl_be(hook[NFTA_HOOK_HOOKNUM], -1) : -1;
	policy = nl_be(tb[NFTA_CHAIN_POLICY], -1);
	k->base = hooknum >= 0 && hooknum < 32 ? hooknum + 1 : 0;
	if (k->row) {
		if (policy != k->policy) {
			db_bind_text(n->upd_chain, 1, policy_name(policy));
			db_bind_int(n->upd_chain, 2, k->row);
			db_run(n->env->d, n->upd_chain);
			k->policy = policy;
		}
		return;
	}
	k->policy =
		policy; /* the first dump of this chain; a rule of it may have been seen before */
	db_bind_int(st, 1, at->netns_id);
	db_bind_text(st, 2, at->netns);
	db_bind_text(st, 3, family_name(g->nfgen_family));
	db_bind_span(st, 4, table);
	db_bind_span(st, 5, name);
	db_bind_span(st, 6, nl_text(tb[NFTA_CHAIN_TYPE]));
	db_bind_text(st, 7, hook_name(g->nfgen_family, hooknum));
	if (tb[NFTA_CHAIN_HOOK])
		db_bind_int(st, 8, (int32_t)nl_be(hook[NFTA_HOOK_PRIORITY], 0));
	db_bind_text(st, 9, policy_name(policy));
	db_bind_span(st, 10, hook_dev(hook));
	db_run(n->env->d, st);
	k->row = sqlite3_last_insert_rowid(db_handle(n->env->d));
}

/* The number of this rule in its chain in this snapshot, from 1. */
static int64_t rule_position(struct nl_nft *n, const struct rule *r, const struct snap_at *at)
{
	struct chain key = { .netns_id = r->netns_id,
			     .family = r->family,
			     .table = r->table,
			     .name = r->chain },
		     *k;
	bool fresh;

	k = keymap_get(&n->chains, &key,
		       &fresh); /* a rule whose chain's dump is missing makes one without a row */
	if (!k)
		return 1;
	if (k->seq != at->seq + 1) {
		k->seq = at->seq + 1;
		k->rules = 0;
	}
	return ++k->rules;
}

static void rule_row(struct nl_nft *n, struct rule *r, struct span table, struct span chain,
		     const struct snap_at *at)
{
	sqlite3_stmt *st = n->ins_rule;

	db_bind_int(st, 1, at->netns_id);
	db_bind_text(st, 2, at->netns);
	db_bind_text(st, 3, family_name((int)r->family));
	db_bind_span(st, 4, table);
	db_bind_span(st, 5, chain);
	db_bind_int(st, 6, r->handle);
	db_bind_int(st, 7, r->position);
	db_bind_text(st, 8, n->text.text);
	db_bind_text(st, 9, n->text.verdict[0] ? n->text.verdict : NULL);
	db_run(n->env->d, st);
	r->row = sqlite3_last_insert_rowid(db_handle(n->env->d));
}

/* The rule's counter over time. */
static void rule_counter(struct nl_nft *n, const struct rule *r, struct span table,
			 struct span chain)
{
	char dev[256];

	if (r->packets < 0)
		return;
	snprintf(dev, sizeof(dev), "%s %.*s %.*s %lld", family_name((int)r->family),
		 (int)(table.n > 64 ? 64 : table.n), table.p, (int)(chain.n > 128 ? 128 : chain.n),
		 chain.p, (long long)r->handle);
	nl_put(n->env, "nft", "packets", dev, r->packets);
	nl_put(n->env, "nft", "bytes", dev, r->bytes);
}

static void load_rule(struct nl_nft *n, struct nl_dump *dump, const struct nl_msg *m,
		      const struct snap_at *at)
{
	const struct nlattr *tb[NFTA_RULE_USERDATA + 1];
	const struct nfgenmsg *g = nl_head(dump, m, sizeof(*g), tb, ARRAY_SIZE(tb));
	struct rule key = { .netns_id = at->netns_id }, *k;
	struct span table, chain;
	bool fresh;

	if (!g)
		return;
	table = nl_text(tb[NFTA_RULE_TABLE]);
	chain = nl_text(tb[NFTA_RULE_CHAIN]);
	key.handle = nl_be(tb[NFTA_RULE_HANDLE], -1);
	if (!table.n || !chain.n || key.handle < 0 ||
	    !nft_text_rule(tb[NFTA_RULE_EXPRESSIONS], tb[NFTA_RULE_USERDATA], g->nfgen_family,
			   &n->text)) {
		dump->bad++;
		return;
	}
	key.family = g->nfgen_family;
	key.table = keymap_text(table);
	k = keymap_get(&n->rules, &key, &fresh);
	if (!k)
		return;
	k->chain = keymap_text(chain);
	k->position = rule_position(n, k, at);
	k->packets = n->text.packets;
	k->bytes = n->text.bytes;
	if (fresh) {
		/* a rule that appears while its namespace's rules are watched has counted nothing
		 * before */
		k->first_packets = at->first ? k->packets : 0;
		k->first_bytes = at->first ? k->bytes : 0;
		rule_row(n, k, table, chain, at);
	}
	if (n->text.target.p) {
		struct jump j = { k->netns_id, k->family, k->table, k->chain,
				  keymap_text(n->text.target) };

		keymap_get(&n->jumps, &j, &fresh);
	}
	rule_counter(n, k, table, chain);
}

void nl_nft_load(struct nl_nft *n, enum nl_kind kind, struct nl_dump *dump,
		 const struct snap_at *at)
{
	struct nl_msg m;

	while (nl_dump_next(dump, &m)) {
		if (kind == NL_NFT_CHAIN &&
		    m.type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWCHAIN))
			load_chain(n, dump, &m, at);
		else if (kind == NL_NFT_RULE &&
			 m.type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWRULE))
			load_rule(n, dump, &m, at);
		else
			dump->bad++;
	}
}

static struct chain *jump_end(const struct nl_nft *n, const struct jump *j, uint64_t name)
{
	struct chain key = {
		.netns_id = j->netns_id, .family = j->family, .table = j->table, .name = name
	};

	return keymap_find(&n->chains, &key);
}

/* Hooks of chains that are jumped to. The kernel allows 16 jumps in a row (NFT_JUMP_STACK_SIZE). */
static void spread_hooks(struct nl_nft *n)
{
	bool again = true;

	for (size_t i = 0; i < n->chains.count; i++) {
		struct chain *k = keymap_at(&n->chains, i);

		k->hooks = k->base ? 1U << (k->base - 1) : 0;
	}
	for (int depth = 0; again && depth < 16; depth++) {
		again = false;
		for (size_t i = 0; i < n->jumps.count; i++) {
			const struct jump *j = keymap_at(&n->jumps, i);
			struct chain *from = jump_end(n, j, j->from), *to = jump_end(n, j, j->to);

			if (from && to && !to->base && from->hooks & ~to->hooks) {
				to->hooks |= from->hooks;
				again = true;
			}
		}
	}
}

static const char *rule_hook(const struct nl_nft *n, const struct rule *r)
{
	struct chain key = {
		.netns_id = r->netns_id, .family = r->family, .table = r->table, .name = r->chain
	};
	const struct chain *k = keymap_find(&n->chains, &key);

	if (!k || !k->hooks || k->hooks & (k->hooks - 1))
		return NULL;
	return hook_name((int)r->family, __builtin_ctz(k->hooks));
}

int nl_nft_finish(struct nl_nft *n)
{
	if (n->chains.nomem || n->rules.nomem || n->jumps.nomem)
		return -ENOMEM;
	spread_hooks(n);
	for (size_t i = 0; i < n->rules.count; i++) {
		const struct rule *r = keymap_at(&n->rules, i);
		sqlite3_stmt *st = n->upd_rule;

		db_bind_int(st, 1, r->position);
		db_bind_text(st, 2, rule_hook(n, r));
		if (r->packets >= 0) {
			db_bind_int(st, 3, r->packets);
			db_bind_int(st, 4, r->bytes);
			db_bind_int(st, 5,
				    r->packets - (r->first_packets > 0 ? r->first_packets : 0));
			db_bind_int(st, 6, r->bytes - (r->first_bytes > 0 ? r->first_bytes : 0));
		}
		db_bind_int(st, 7, r->row);
		db_run(n->env->d, st);
	}
	nl_limit(n->env->d, "nl/nft-rule", n->rules.refused, RULE_MAX);
	nl_limit(n->env->d, "nl/nft-chain", n->chains.refused, CHAIN_MAX);
	return 0;
}
