/* SPDX-License-Identifier: MIT */
/*
 * Netlink dumps and ethtool records with the readers that turn them into rows. The
 * input is parts named as in a snapshot ("@ link", "@ nft-rule", "@ ethtool"), read twice
 * in two namespaces, as first and as last.
 */
#include "fuzz.h"
#include "fuzz_db.h"
#include "../../analyze/ethtool_read.h"
#include "../../analyze/nl.h"

#include <string.h>

static const struct {
	const char *name;
	enum nl_kind kind;
} KINDS[] = {
	{ "link", NL_LINK },
	{ "addr", NL_ADDR },
	{ "route", NL_ROUTE },
	{ "rule", NL_RULE },
	{ "neigh", NL_NEIGH },
	{ "qdisc", NL_QDISC },
	{ "tclass", NL_TCLASS },
	{ "tfilter", NL_TFILTER },
	{ "sock-tcp", NL_SOCK_TCP },
	{ "sock-udp", NL_SOCK_UDP },
	{ "sock-raw", NL_SOCK_RAW },
	{ "sock-unix", NL_SOCK_UNIX },
	{ "sock-packet", NL_SOCK_PACKET },
	{ "conntrack", NL_CONNTRACK },
	{ "ctstats", NL_CTSTATS },
	{ "nft-chain", NL_NFT_CHAIN },
	{ "nft-rule", NL_NFT_RULE },
};

struct readers {
	struct nl_link *link;
	struct nl_sock *sock;
	struct nl_nft *nft;
	struct nl_tc *tc;
	struct ethtool_read *ethtool;
};

static void load(struct readers *r, struct span name, struct span data, const struct snap_at *at)
{
	struct nl_dump dump;

	if (span_is(name, "ethtool")) {
		ethtool_read_load(r->ethtool, data, at);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(KINDS); i++) {
		enum nl_kind kind = KINDS[i].kind;

		if (!span_is(name, KINDS[i].name))
			continue;
		nl_dump_init(&dump, data);
		if (kind <= NL_NEIGH)
			nl_link_load(r->link, kind, &dump, at);
		else if (kind <= NL_TFILTER)
			nl_tc_load(r->tc, kind, &dump, at);
		else if (kind <= NL_CTSTATS)
			nl_sock_load(r->sock, kind, &dump, at);
		else
			nl_nft_load(r->nft, kind, &dump, at);
		HOLDS(dump.left <= data.n);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span left = { (const char *)data, n }, name, part;
	struct readers r = { 0 };
	static struct tape *t; /* an empty one */
	struct nl_env env = { 0 };
	struct err e;

	if (!t)
		HOLDS(!tape_open(&t, fuzz_tape((struct span){ 0 }), &e));
	env.d = fuzz_db();
	HOLDS(!host_load(&env.h, t, env.d, &e) &&
	      !counters_open(&env.counters, env.d, 10000));
	HOLDS(!nl_link_open(&r.link, &env) && !nl_sock_open(&r.sock, &env) &&
	      !nl_nft_open(&r.nft, &env) && !nl_tc_open(&r.tc, &env, r.link) &&
	      !ethtool_read_open(&r.ethtool, &env));
	for (int parts = 0; parts < 32 && fuzz_part(&left, &name, &part); parts++) {
		uint8_t *copy = malloc(part.n ? part.n : 1); /* aligned, and of its exact size */

		HOLDS(copy);
		memcpy(copy, part.p, part.n);
		for (int i = 0; i < 4; i++) {
			const struct host_netns *ns = host_netns(env.h, (uint64_t)(100 + i / 2));
			struct snap_at at = {
				.seq = i % 2, .ns = 1000 + i % 2, .first = !(i % 2), .last = i % 2
			};

			HOLDS(ns);
			at.netns_id = ns->id;
			at.netns = ns->name;
			counters_at(env.counters, at.ns, at.netns_id, at.first);
			load(&r, name, (struct span){ (char *)copy, part.n }, &at);
		}
		free(copy);
	}
	HOLDS(!nl_link_finish(r.link) && !nl_sock_finish(r.sock) && !nl_nft_finish(r.nft) &&
	      !nl_tc_finish(r.tc) && !counters_finish(env.counters));
	HOLDS(!db_error(env.d, &e));
	ethtool_read_free(r.ethtool);
	nl_tc_free(r.tc);
	nl_nft_free(r.nft);
	nl_sock_free(r.sock);
	nl_link_free(r.link);
	counters_free(env.counters);
	host_free(env.h);
	return 0;
}
