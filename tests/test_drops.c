/* SPDX-License-Identifier: MIT */
#include "../analyze/drops.h"
#include "../analyze/embed.h"
#include "lives_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const char *const reasons[] = { "NOT_DROPPED_YET",
				       "CONSUMED",
				       "NOT_SPECIFIED",
				       "NO_SOCKET",
				       "SOCKET_RCVBUFF",
				       "QUEUE_PURGE",
				       "SKB_DROP_REASON_OTHERHOST",
				       "FROM_THE_FUTURE",
				       NULL };

static struct db *db;
static struct drops *drops;

static int setup(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(db_create(&db, NULL, &e), 0);
	fake_trace_reasons(reasons);
	assert_int_equal(drops_open(&drops, db, (const struct trace *)&db, NULL), 0);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	drops_close(drops);
	db_close(db);
	fake_reset();
	return 0;
}

static void judge(const char *function, int64_t reason, const char *layer, const char *class)
{
	const struct site *s = drops_site(drops, fake_symbol(function));
	char text[64], l[32], c[32];
	struct span sl, sc;

	assert_non_null(s);
	drops_judge(drops, s, reason, &sl, &sc);
	span_copy(sl, l, sizeof(l));
	span_copy(sc, c, sizeof(c));
	snprintf(text, sizeof(text), "%s %s", layer, class);
	if (strcmp(l, layer) || strcmp(c, class))
		fail_msg("%s, reason %d: %s %s, expected %s", function, (int)reason, l, c, text);
}

static void test_judge(void **state)
{
	(void)state;
	/* the reason goes first */
	judge("ip_rcv_core", 6, "ip", "noise");
	judge("tcp_v4_rcv", 3, "transport", "loss");
	judge("udp_queue_rcv_one_skb", 4, "socket", "loss");
	/* a pair that means something else */
	judge("ping_rcv", 3, "ip", "noise");
	judge("tcp_v4_rcv", 2, "transport", "protocol");
	/* where it says nothing, the place */
	judge("ip6_mc_input", 2, "ip", "noise");
	judge("neigh_invalidate", 2, "neighbour", "loss");
	judge("tcp_v4_rcv", -1, "transport", "loss");
	judge("kfree_skb_list", -1, "qdisc", "loss");
	/* a reason without a layer of its own */
	judge("sk_stream_kill_queues", 5, "socket", "teardown");
	judge("udp_destruct_common", 5, "transport", "teardown");
	/* no network packet, whatever the reason */
	judge("unix_stream_connect", 2, "unix", "noise");
	judge("netlink_attachskb", 4, "netlink", "noise");
	judge("virtio_transport_recv_pkt", -1, "vsock", "noise");
	judge("tpacket_rcv", 4, "capture", "noise");
	/* patterns: the longest */
	judge("ip6_frag_next", 2, "ip", "loss");
	judge("udp_some_new_function", 2, "transport", "loss");
	/* nothing known */
	judge("some_driver_poll", 2, "unknown", "error");
	judge("some_driver_poll", -1, "unknown", "error");
	judge("some_driver_poll", 7, "unknown", "loss");
	judge("ip6_mc_input", 7, "ip", "noise");
	judge("some_driver_poll", 99, "unknown", "loss");
}

static void test_sites(void **state)
{
	const struct site *s;

	(void)state;
	s = drops_site(drops, fake_symbol("validate_xmit_skb"));
	assert_int_equal(s->use, USE_SPLIT);
	assert_true(s->known);
	assert_ptr_equal(s, drops_site(drops, fake_symbol("validate_xmit_skb")));
	assert_int_equal(drops_site(drops, fake_symbol("skb_defer_free_flush"))->use, USE_DEFERRED);
	assert_int_equal(drops_site(drops, fake_symbol("skb_consume_udp"))->use, USE_READ);
	assert_int_equal(drops_site(drops, fake_symbol("icmp_rcv"))->use, USE_STACK);
	assert_int_equal(drops_site(drops, fake_symbol("packet_rcv"))->path, PATH_TAP);
	assert_int_equal(drops_site(drops, fake_symbol("packet_snd"))->path, PATH_ANY);
	assert_int_equal(drops_site(drops, fake_symbol("udp_destruct_common"))->path, PATH_LATE);
	assert_int_equal(drops_site(drops, fake_symbol("net_tx_action"))->path, PATH_DONE);
	s = drops_site(drops, fake_symbol("veth_some"));
	assert_non_null(s->row);
	assert_false(s->known);
	/* more places than anyone has */
	for (uint64_t i = 0; i < 70000; i++)
		assert_non_null(drops_site(drops, 0x1000 + i * 16));
	assert_string_equal(drops_site(drops, 0x5)->name.function, "?");
}

static int64_t count(const char *sql)
{
	sqlite3_stmt *st;
	int64_t n;

	assert_int_equal(sqlite3_prepare_v2(db_handle(db), sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return n;
}

static void test_rows(void **state)
{
	struct drop d = { .ts_ns = 5,
			  .reason = 3,
			  .protocol = 0x800,
			  .cpu = 1,
			  .pid = 2,
			  .context = 2,
			  .has_socket = 0 };
	int64_t id = 0;
	bool noise;

	(void)state;
	d.site = drops_site(drops, fake_symbol("__udp4_lib_rcv"));
	assert_int_equal(drops_add(drops, &d, &id, &noise), 0);
	assert_int_equal(id, 1);
	assert_false(noise);
	assert_int_equal(drops_add(drops, &d, &id, &noise), 0);
	d.site = drops_site(drops, fake_symbol("ovs_dp_process_packet"));
	d.reason = 3 << 16 | 5;
	assert_int_equal(drops_add(drops, &d, &id, &noise), 0);
	d.site = drops_site(drops, 0x1); /* no symbol */
	d.reason = -1;
	d.protocol = 0;
	assert_int_equal(drops_add(drops, &d, &id, &noise), 0);
	assert_int_equal(id, 4);
	assert_true(noise); /* as nothing is known of it */
	assert_int_equal(count("SELECT count(*) FROM symbol"), 3);
	assert_int_equal(count("SELECT count(*) FROM packet_drop WHERE reason = 'NO_SOCKET' AND "
			       "function = '__udp4_lib_rcv'"),
			 2);
	assert_int_equal(count("SELECT count(*) FROM packet_drop WHERE reason = 'OVS_METER' AND "
			       "class = 'policy'"),
			 1);
	assert_int_equal(count("SELECT count(*) FROM packet_drop WHERE reason IS NULL AND class = "
			       "'noise' AND location = '0x?'"),
			 1);
	/* the format's names, with what the dictionary knows of them */
	assert_int_equal(count("SELECT count(*) FROM _drop_reason WHERE name = 'OTHERHOST' AND "
			       "class = 'noise' AND value = 6"),
			 1);
	assert_int_equal(count("SELECT count(*) FROM _drop_reason WHERE name = 'FROM_THE_FUTURE' "
			       "AND class IS NULL"),
			 1);
	assert_int_equal(count("SELECT count(*) FROM _drop_reason WHERE name = 'NO_SOCKET' AND "
			       "check_text IS NOT NULL"),
			 1);
}

/* Every row of the dictionary has its columns, a known class and a known path. */
static void test_dictionary(void **state)
{
	static const char *const files[] = { "analyze/drop_reasons.tsv",
					     "analyze/drop_locations.tsv" };
	static const char classes[] = " loss policy error protocol noise teardown - ";
	static const char paths[] = " any rx late tx done tap other ";

	(void)state;
	for (size_t f = 0; f < 2; f++) {
		struct span text = embed_find(files[f]), line, field;

		while (span_line(&text, &line)) {
			char word[80], want[82];
			int n = 0;

			if (!line.n || line.p[0] == '#')
				continue;
			while (span_field(&line, '\t', &field)) {
				n++;
				assert_true(field.n > 0);
				span_copy(field, word, sizeof(word));
				snprintf(want, sizeof(want), " %s ", word);
				if (n == (f ? 4 : 3))
					assert_non_null(strstr(classes, want));
				if (f && n == 5)
					assert_non_null(strstr(paths, want));
			}
			assert_int_equal(n, f ? 9 : 8);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_judge, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sites, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dictionary, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
