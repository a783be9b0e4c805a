/* SPDX-License-Identifier: MIT */
/* Netlink dumps: their walk, and what damage to them does to their readers. */
#include "../analyze/ethtool_read.h"
#include "../analyze/nl.h"
#include "snap_load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Messages made of 16-bit and 32-bit numbers, aligned as a tape's buffer is. */
static void test_walk(void **state)
{
	_Alignas(4) uint8_t data[] = {
		20, 0, 0, 0, 16, 0, 0,	  0, 0, 0, 0, 0, 0, 0, 0, 0,
		1,  2, 3, 4, /* a message */
		20, 0, 0, 0, 3,	 0, 0,	  0, 0, 0, 0, 0, 0, 0, 0, 0,
		0,  0, 0, 0, /* NLMSG_DONE: another dump follows */
		16, 0, 0, 0, 17, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* empty, NLM_F_DUMP_INTR */
		18, 0, 0, 0, 18, 0, 0,	  0, 0, 0, 0, 0, 0, 0, 0, 0,
		7,  8, 0, 0,					     /* padded */
		99, 0, 0, 0, 19, 0, 0,	  0, 0, 0, 0, 0, 0, 0, 0, 0, /* longer than what is left */
	};
	struct nl_dump d;
	struct nl_msg m;

	(void)state;
	nl_dump_init(&d, (struct span){ (const char *)data, sizeof(data) });
	assert_true(nl_dump_next(&d, &m));
	assert_int_equal(m.type, 16);
	assert_int_equal(m.len, 4);
	assert_int_equal(m.body[3], 4);
	assert_false(d.interrupted);
	assert_true(nl_dump_next(&d, &m));
	assert_int_equal(m.type, 17);
	assert_int_equal(m.len, 0);
	assert_true(d.interrupted);
	assert_true(nl_dump_next(&d, &m));
	assert_int_equal(m.type, 18);
	assert_int_equal(m.len, 2);
	assert_int_equal(d.bad, 0);
	assert_false(nl_dump_next(&d, &m));
	assert_int_equal(d.bad, 1);
	assert_false(nl_dump_next(&d, &m));
	assert_int_equal(d.bad, 1);
	nl_dump_init(&d, (struct span){ 0 });
	assert_false(nl_dump_next(&d, &m));
	assert_int_equal(d.bad, 0);
}

static void test_attrs(void **state)
{
	_Alignas(4) uint8_t data[] = {
		5,  0, 1,  0,	 0xff, 0,    0,	   0, /* u8 */
		8,  0, 2,  0x80, 1,    2,    3,	   4, /* u32, with the flag for nested */
		12, 0, 3,  0,	 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* u64 */
		8,  0, 4,  0,	 'a',  'b',  0,	   'c',				 /* text */
		8,  0, 77, 0,	 0,    0,    0,	   0,				 /* unknown */
		7,  0, 5,  0,	 1,    2,    3,	   0, /* three bytes are no number */
	};
	static const size_t whole[] = { 0, 5, 8, 16, 28, 51 }, cut[] = { 4, 12, 15, 20, 27, 50 };
	const struct nlattr *tb[6];
	struct span s = { (const char *)data, sizeof(data) };

	(void)state;
	assert_true(nl_attrs(s, tb, 6));
	assert_null(tb[0]);
	assert_int_equal(nl_int(tb[1], -1), 255);
	assert_int_equal(nl_int(tb[2], -1), 0x04030201);
	assert_int_equal(nl_be(tb[2], -1), 0x01020304);
	assert_int_equal(nl_s32(tb[2], -1), 0x04030201);
	assert_int_equal(nl_int(tb[3], -1), INT64_MAX);
	assert_true(span_is(nl_text(tb[4]), "ab"));
	assert_int_equal(nl_int(tb[5], -1), -1);
	assert_int_equal(nl_int(tb[0], -1), -1);
	assert_null(nl_text(tb[0]).p);
	assert_true(nl_nested(NULL, tb, 6));
	assert_null(tb[1]);
	/* cut behind an attribute, with or without its padding; cut inside of one */
	for (size_t i = 0; i < ARRAY_SIZE(whole); i++) {
		s.n = whole[i];
		assert_true(nl_attrs(s, tb, 6));
		s.n = cut[i];
		assert_false(nl_attrs(s, tb, 6));
	}
	data[0] = 3; /* shorter than its own head */
	s.n = sizeof(data);
	assert_false(nl_attrs(s, tb, 6));
	assert_int_equal(nl_get_u32((struct span){ "ab", 2 }, 0), 0);
	assert_int_equal(nl_get_u16((struct span){ "ab", 2 }, 1), 0);
	assert_int_equal(nl_get_u64((struct span){ "abcdefgh", 8 }, SIZE_MAX), 0);
}

static void test_json(void **state)
{
	struct nl_json j;

	(void)state;
	assert_int_equal(nl_json_open(&j), 0);
	for (int i = 0; i < 3; i++) {
		struct span s;

		/* a shorter text after a longer one */
		json_text(nl_json_begin(&j), NULL, i == 1 ? "x" : "longer than that");
		s = nl_json_end(&j);
		assert_true(span_is(s, i == 1 ? "\"x\"" : "\"longer than that\""));
	}
	nl_json_close(&j);
}

static const struct {
	const char *file;
	enum nl_kind kind;
} dumps[] = {
	{ "a/link.1", NL_LINK },	   { "b/link.1", NL_LINK },
	{ "a/addr.1", NL_ADDR },	   { "a/route.1", NL_ROUTE },
	{ "a/rule.1", NL_RULE },	   { "a/neigh.1", NL_NEIGH },
	{ "a/qdisc.1", NL_QDISC },	   { "vm1/qdisc.1", NL_QDISC },
	{ "b/tclass.1", NL_TCLASS },	   { "vm1/tclass.1", NL_TCLASS },
	{ "b/tfilter.1", NL_TFILTER },	   { "vm2/tfilter.1", NL_TFILTER },
	{ "a/sock-tcp.1", NL_SOCK_TCP },   { "b/sock-udp.1", NL_SOCK_UDP },
	{ "b/sock-unix.1", NL_SOCK_UNIX }, { "b/sock-packet.1", NL_SOCK_PACKET },
	{ "b/conntrack.1", NL_CONNTRACK }, { "b/ctstats.1", NL_CTSTATS },
	{ "b/nft-chain.1", NL_NFT_CHAIN }, { "b/nft-rule.1", NL_NFT_RULE },
};

struct parsers {
	struct nl_env env;
	struct nl_link *link;
	struct nl_sock *sock;
	struct nl_nft *nft;
	struct nl_tc *tc;
	struct ethtool_read *ethtool;
};

static void parsers_open(struct parsers *p, struct loaded *x)
{
	p->env = (struct nl_env){ .d = x->d, .h = x->h };
	assert_int_equal(counters_open(&p->env.counters, x->d, 20000), 0);
	assert_int_equal(nl_link_open(&p->link, &p->env), 0);
	assert_int_equal(nl_sock_open(&p->sock, &p->env), 0);
	assert_int_equal(nl_nft_open(&p->nft, &p->env), 0);
	assert_int_equal(nl_tc_open(&p->tc, &p->env, p->link), 0);
	assert_int_equal(ethtool_read_open(&p->ethtool, &p->env), 0);
}

static void parsers_close(struct parsers *p)
{
	assert_int_equal(nl_link_finish(p->link), 0);
	assert_int_equal(nl_sock_finish(p->sock), 0);
	assert_int_equal(nl_nft_finish(p->nft), 0);
	assert_int_equal(nl_tc_finish(p->tc), 0);
	assert_int_equal(counters_finish(p->env.counters), 0);
	nl_link_free(p->link);
	nl_sock_free(p->sock);
	nl_nft_free(p->nft);
	nl_tc_free(p->tc);
	ethtool_read_free(p->ethtool);
	counters_free(p->env.counters);
}

static uint64_t parse(struct parsers *p, enum nl_kind kind, struct span data,
		      const struct snap_at *at)
{
	struct nl_dump dump;

	nl_dump_init(&dump, data);
	if (kind <= NL_NEIGH)
		nl_link_load(p->link, kind, &dump, at);
	else if (kind <= NL_TFILTER)
		nl_tc_load(p->tc, kind, &dump, at);
	else if (kind <= NL_CTSTATS)
		nl_sock_load(p->sock, kind, &dump, at);
	else
		nl_nft_load(p->nft, kind, &dump, at);
	return dump.bad;
}

/* A copy of its own size, so that reading beyond it is seen, with some bytes changed. */
static struct span damaged(const struct buf *b, size_t changes)
{
	size_t n = snap_rnd() % 3 ? b->len : snap_rnd() % (b->len + 1);
	uint8_t *p = malloc(n ? n : 1);

	assert_non_null(p);
	memcpy(p, b->data, n);
	while (n && changes--) {
		size_t at = snap_rnd() % n;

		/* lengths and types are small numbers: so are half of the changes */
		p[at] = (uint8_t)(snap_rnd() % 2 ? snap_rnd() % 24 : snap_rnd());
	}
	return (struct span){ (const char *)p, n };
}

static void test_damage(void **state)
{
	struct snap_at at = { .netns_id = 1, .netns = "x", .first = true };
	struct tape_make *m = tape_make_open(NULL);
	struct buf file[ARRAY_SIZE(dumps)], eth = snap_file(SNAP_DATA "/vm2/ethtool.0");
	struct parsers p;
	uint64_t bad = 0;
	struct loaded x;

	(void)state;
	tape_make_text(m, "netns/000000", "101\tx\t11\t\n");
	x = snap_load(m, true);
	parsers_open(&p, &x);
	for (size_t i = 0; i < ARRAY_SIZE(dumps); i++) {
		char path[128];

		snprintf(path, sizeof(path), SNAP_DATA "/%s", dumps[i].file);
		file[i] = snap_file(path);
		/* whole dumps are read without complaint; cut ones end in silence or with one */
		assert_int_equal(parse(&p, dumps[i].kind,
				       (struct span){ (const char *)file[i].data, file[i].len },
				       &at),
				 0);
	}
	for (int round = 0; round < 400; round++) {
		struct span s;

		at.seq++;
		at.ns = SNAP_EPOCH + at.seq;
		at.first = false;
		at.last = snap_rnd() % 2;
		counters_at(p.env.counters, at.ns, 1, false);
		for (size_t i = 0; i < ARRAY_SIZE(dumps); i++) {
			s = damaged(&file[i], snap_rnd() % 12);
			/* now and then as another kind than it is */
			bad += parse(
				&p,
				dumps[snap_rnd() % 16 ? i : snap_rnd() % ARRAY_SIZE(dumps)].kind, s,
				&at);
			free((void *)s.p);
		}
		s = damaged(&eth, snap_rnd() % 12);
		bad += ethtool_read_load(p.ethtool, s, &at);
		free((void *)s.p);
	}
	assert_true(bad > 1000);
	parsers_close(&p);
	for (size_t i = 0; i < ARRAY_SIZE(dumps); i++)
		buf_free(&file[i]);
	buf_free(&eth);
	assert_int_equal(db_error(x.d, NULL), 0);
	/* what came out is text and JSON that SQLite can read */
	check(x.d,
	      "SELECT (SELECT count(*) FROM qdisc WHERE options IS NOT NULL AND NOT "
	      "json_valid(options)), "
	      "(SELECT count(*) FROM tc_filter WHERE actions IS NOT NULL AND NOT "
	      "json_valid(actions)), "
	      "(SELECT count(*) FROM socket WHERE tcp_info IS NOT NULL AND NOT "
	      "json_valid(tcp_info))",
	      "0|0|0");
	snap_unload(&x);
}

/* Random bytes everywhere: whole tapes. */
static void test_noise(void **state)
{
	static const char *const members[] = {
		"time",
		"101/time",
		"101/nl/link",
		"101/nl/nft-rule",
		"101/nl/qdisc",
		"101/ethtool",
		"101/sysctl",
		"101/sysfs",
		"101/missing",
		"host/irq",
		"host/cgroups",
		"host/cgroup-bpf",
		"host/proc/stat",
		"101/nl/route",
		"101/nl/conntrack",
		"101/nl/sock-tcp",
		"101/proc/net/snmp",
		"host/proc/interrupts",
	};

	(void)state;
	for (int round = 0; round < 10; round++) {
		struct tape_make *m = tape_make_open(NULL);
		struct loaded x;

		for (int seq = 0; seq < 3; seq++)
			for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
				uint8_t noise[600];
				char name[100];
				size_t n = snap_rnd() % sizeof(noise);

				for (size_t k = 0; k < n; k++)
					noise[k] =
						(uint8_t)(snap_rnd() % 3 ? "\t\n 0123456789=/\\"
										   [snap_rnd() % 16]
									 : (int)snap_rnd());
				snprintf(name, sizeof(name), "snap/00000%d/%s", seq, members[i]);
				if (i < 2 && snap_rnd() % 2)
					tape_make_text(m, name, "2000000000\t2200000000\ttick\n");
				else
					tape_make_member(m, name, noise, n);
			}
		x = snap_load(m, round % 2);
		snap_unload(&x);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk),  cmocka_unit_test(test_attrs),
		cmocka_unit_test(test_json),  cmocka_unit_test(test_damage),
		cmocka_unit_test(test_noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
