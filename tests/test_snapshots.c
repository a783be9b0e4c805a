/* SPDX-License-Identifier: MIT */
/*
 * The snapshots of a tape: recorded dumps are put on a tape with texts made here,
 * read, and compared with what ip, ss, tc, nft and conntrack said of them.
 */
#include "snap_load.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <cmocka.h>

static const char *const places[] = { "a", "b", "c", "vm1", "vm2" };

/* All fixtures as members: place i is namespace 101 + i. */
static void put_fixtures(struct tape_make *m)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		struct dirent **list;
		char path[512], name[400];
		int n;

		snprintf(path, sizeof(path), SNAP_DATA "/%s", places[i]);
		n = scandir(path, &list, NULL, alphasort);
		assert_true(n > 0);
		for (int k = 0; k < n; k++) {
			char *file = list[k]->d_name, *dot = strrchr(file, '.');

			if (file[0] != '.' && dot) {
				struct buf b;

				snprintf(path, sizeof(path), SNAP_DATA "/%s/%s", places[i], file);
				b = snap_file(path);
				*dot = '\0';
				snprintf(name, sizeof(name), "snap/00000%s/%zu/%s%s", dot + 1,
					 101 + i, strcmp(file, "ethtool") ? "nl/" : "", file);
				tape_make_member(m, name, b.data, b.len);
				buf_free(&b);
			}
			free(list[k]);
		}
		free(list);
		for (int seq = 0; seq < 2; seq++) {
			char text[64];

			snprintf(name, sizeof(name), "snap/00000%d/%zu/time", seq, 101 + i);
			snprintf(text, sizeof(text), "%d0000000%zu\t%d0000000%zu\n", 20 + seq * 30,
				 i, 21 + seq * 30, i);
			tape_make_text(m, name, text);
		}
	}
}

static const char netns_text[] =
	"101\ta\t11\t\n102\tb\t12\t\n103\tc\t13\t\n104\tvm1\t14\t\n105\tvm2\t15\t\n";

static struct loaded *fixtures;

static int load_fixtures(void **state)
{
	struct tape_make *m = tape_make_open(NULL);
	static struct loaded x;

	(void)state;
	tape_make_text(m, "netns/000000", netns_text);
	put_fixtures(m);
	tape_make_text(m, "snap/000000/time", "2000000000\t2100000000\tbefore\n");
	tape_make_text(m, "snap/000001/time", "5000000000\t5100000000\tafter\n");
	x = snap_load(m, true);
	fixtures = &x;
	return 0;
}

static int unload_fixtures(void **state)
{
	(void)state;
	snap_unload(fixtures);
	return 0;
}

static void test_no_complaint(void **state)
{
	(void)state;
	check(fixtures->d, "SELECT * FROM quality", "");
	check(fixtures->d, "SELECT id, kind, begin_ns, end_ns FROM snapshot",
	      "0|before|1700000001000000000|1700000001100000000\n1|after|1700000004000000000|"
	      "1700000004100000000");
}

static void test_links(void **state)
{
	struct db *d = fixtures->d;
	const struct host_dev *a, *b;

	(void)state;
	check(d,
	      "SELECT n.netns, n.ifindex, n.name, n.kind, n.mac, n.mtu, n.operstate, n.carrier, "
	      "n.master_ifindex, n.link_ifindex, p.netns, p.name, "
	      "n.qdisc, n.tx_queue_len FROM netdev n LEFT JOIN netdev p ON p.id = n.peer_id WHERE "
	      "n.netns IN ('a', 'b', 'c') AND n.ifindex > 1 ORDER BY n.netns, n.ifindex",
	      "a|2|v0|veth|12:34:ab:d6:51:fa|1500|UP|1|-|2|b|v0|tbf|1000\n"
	      "b|2|v0|veth|de:33:8a:6f:59:85|1500|UP|1|-|2|a|v0|noqueue|1000\n"
	      "b|3|v1|veth|86:a1:7d:8b:dc:b9|1500|UP|1|-|2|c|v1|htb|1000\n"
	      "b|4|br0|bridge|5e:54:7a:a7:7e:c6|1500|DOWN|0|-|-|-|-|noqueue|1000\n"
	      "b|5|d0|tun|5e:54:7a:a7:7e:c6|1500|DOWN|0|4|-|-|-|pfifo_fast|1000\n"
	      "b|6|vx0|vxlan|1a:17:66:a1:e3:ca|1500|DOWN|1|-|-|-|-|noop|1000\n"
	      "c|2|v1|veth|96:bd:40:a1:f2:7d|1500|UP|1|-|3|b|v1|noqueue|1000");
	check(d,
	      "SELECT name, link_netns_id = (SELECT id FROM netns WHERE name = 'b') FROM netdev "
	      "WHERE netns = 'a' AND kind = 'veth'",
	      "v0|1");
	a = host_dev_named_in(fixtures->h, 1, SPAN_LIT("v0"));
	b = host_dev_named_in(fixtures->h, 2, SPAN_LIT("v0"));
	assert_non_null(a);
	assert_non_null(b);
	assert_int_equal(a->peer_id, b->id);
	assert_int_equal(b->peer_id, a->id);
	check(d,
	      "SELECT name, first_value, last_value FROM counter_delta WHERE source = 'dev' AND "
	      "netns = 'a' AND dev = 'v0' "
	      "AND name IN ('rx_packets', 'tx_packets', 'tx_dropped', 'carrier', "
	      "'carrier_changes', 'rx_otherhost_dropped') ORDER BY name",
	      "carrier|1|1\ncarrier_changes|2|2\nrx_otherhost_dropped|0|0\nrx_packets|36|82\ntx_"
	      "dropped|0|0\ntx_packets|270|1333");
}

static void test_routes(void **state)
{
	struct db *d = fixtures->d;

	(void)state;
	check(d,
	      "SELECT type, dst, src, gateway, dev, metric, protocol, scope, mtu FROM route WHERE "
	      "netns = 'a' AND family = 2 AND table_no = 254 ORDER BY id",
	      "unicast|default|-|10.9.0.2|v0|-|3|0|-\n"
	      "unicast|10.9.0.0/24|10.9.0.1|-|v0|-|2|253|-\n"
	      "blackhole|10.77.0.0/16|-|-|-|-|3|0|-\n"
	      "unreachable|10.78.0.0/16|-|-|-|9|3|0|-\n"
	      "unicast|10.79.0.0/16|-|10.9.0.2|v0|-|3|0|-\n"
	      "unicast|10.79.0.0/16|-|10.9.0.3|v0|-|3|0|-\n"
	      "unicast|10.80.0.0/16|10.9.0.1|10.9.0.2|v0|-|3|0|1300");
	check(d,
	      "SELECT dst, type, dev FROM route WHERE netns = 'a' AND family = 10 AND dst LIKE "
	      "'fd00:%' ORDER BY id",
	      "fd00:9::/64|unicast|v0\nfd00:9::1/128|local|v0");
	check(d,
	      "SELECT priority, table_no, action, src, dst, iif, oif, fwmark FROM route_rule WHERE "
	      "netns = 'a' AND family = 2 ORDER BY priority",
	      "0|255|1|-|-|-|-|-\n1000|77|1|10.9.0.0/24|10.1.0.0/"
	      "16|-|-|7\n1001|0|6|-|-|v0|v0|-\n32766|254|1|-|-|-|-|-\n32767|253|1|-|-|-|-|-");
	check(d,
	      "SELECT dev, family, address, prefix, scope FROM addr WHERE netns = 'a' AND address "
	      "NOT LIKE 'fe80%' ORDER BY family, dev",
	      "lo|2|127.0.0.1|8|254\nv0|2|10.9.0.1|24|0\nlo|10|::1|128|254\nv0|10|fd00:9::1|64|0");
}

static void test_neighbours(void **state)
{
	struct db *d = fixtures->d;

	(void)state;
	check(d,
	      "SELECT snap_ns > 1700000002000000000, state, mac FROM neigh WHERE netns = 'a' AND "
	      "address = '10.9.0.4' ORDER BY snap_ns",
	      "0|INCOMPLETE|-\n1|FAILED|-");
	/* unchanged: one row */
	check(d, "SELECT state, mac FROM neigh WHERE netns = 'a' AND address = '10.9.0.2'",
	      "REACHABLE|de:33:8a:6f:59:85");
}

static void test_sockets(void **state)
{
	struct db *d = fixtures->d;

	(void)state;
	check(d,
	      "SELECT snap_id, proto, family, state, src, sport, dst, dport, rqueue, wqueue, "
	      "timer, rmem_bytes, rcvbuf_bytes, sndbuf_bytes, drops "
	      "FROM socket WHERE netns = 'b' ORDER BY proto, state, snap_id",
	      "0|packet|17|-|-|-|-|-|213418|0|-|213418|212992|212992|166\n"
	      "1|packet|17|-|-|-|-|-|213418|0|-|213418|212992|212992|1315\n"
	      "1|tcp|2|ESTABLISHED|10.9.0.2|80|10.9.0.1|36782|106480|0|0|118128|131072|69120|0\n"
	      "1|tcp|2|LISTEN|10.9.0.2|80|0.0.0.0|0|1|5|0|0|131072|16384|0\n"
	      "0|udp|2|CLOSE|0.0.0.0|5001|0.0.0.0|0|7680|0|0|7680|8192|212992|21\n"
	      "1|udp|2|CLOSE|0.0.0.0|5001|0.0.0.0|0|7680|0|0|7680|8192|212992|149\n"
	      "1|unix|1|LISTEN|@nlt-abstract|-|-|-|0|3|-|0|212992|212992|0");
	check(d,
	      "SELECT tcp_info ->> 'rtt_us', tcp_info ->> 'snd_cwnd', tcp_info ->> 'snd_wnd', "
	      "tcp_info ->> 'snd_mss', tcp_info ->> 'min_rtt', "
	      "tcp_info ->> 'congestion', tcp_info ->> 'total_rto_time' FROM socket WHERE netns = "
	      "'a' AND snap_id = 0 AND dport = 8080",
	      "104|10|65160|1448|104|bbr|0");
}

static void test_conntrack(void **state)
{
	struct db *d = fixtures->d;

	(void)state;
	check(d,
	      "SELECT proto, src, sport, dst, dport, reply_src, reply_sport, reply_dst, "
	      "reply_dport, state, status, timeout_s, mark, zone FROM conntrack WHERE sport = "
	      "35014 OR proto = '2'",
	      "2|0.0.0.0|-|224.0.0.22|-|224.0.0.22|-|0.0.0.0|-|-|392|574|0|-\n"
	      "tcp|10.9.0.1|35014|10.9.0.2|8080|10.9.1.2|80|10.9.1.1|35014|ESTABLISHED|446|431996|"
	      "0|-");
	check(d,
	      "SELECT count(*), sum(first_value), sum(last_value) FROM counter_delta WHERE source "
	      "= 'conntrack' AND netns = 'b'",
	      "11|6|6");
}

static void test_nft(void **state)
{
	struct db *d = fixtures->d;

	(void)state;
	check(d,
	      "SELECT family, table_name, chain, hook, handle, position, text, verdict, packets, "
	      "packets_delta FROM nft_rule ORDER BY id",
	      "inet|f|sub|input|9|1|udp dport 6100 counter drop comment \"sub drop\"|drop|147|119\n"
	      "inet|f|sub|input|10|2|return|return|-|-\n"
	      "inet|f|sub2|-|11|1|tcp dport 6101 counter accept|accept|0|0\n" /* two hooks lead here
									       */
	      "inet|f|input|input|12|1|ct state established,related counter accept|accept|60|46\n"
	      "inet|f|input|input|13|2|ct state invalid counter drop|drop|0|0\n"
	      "inet|f|input|input|14|3|iifname \"v0\" udp dport 7001 counter drop|drop|153|124\n"
	      "inet|f|input|input|16|4|iifname \"v*\" ip saddr 10.9.0.0/24 tcp dport @__set0 "
	      "counter reject with tcp reset|reject|0|0\n"
	      "inet|f|input|input|17|5|ip saddr 10.9.0.0/22 ip daddr != 10.9.0.9 udp sport >= 100 "
	      "udp sport <= 200 counter|-|0|0\n"
	      "inet|f|input|input|18|6|ip6 saddr fd00:9::/64 icmpv6 type 128 limit rate 5/second "
	      "burst 7 counter accept|accept|0|0\n"
	      "inet|f|input|input|19|7|udp dport @badports counter log prefix \"bad: \" "
	      "drop|drop|152|123\n"
	      "inet|f|input|input|20|8|meta nfproto ipv4 ip saddr . udp dport @pairs counter "
	      "drop|drop|151|122\n"
	      "inet|f|input|input|21|9|udp dport vmap @verd|vmap|-|-\n"
	      "inet|f|input|input|22|10|meta mark & 0xff == 0x7 ct mark set meta mark "
	      "counter|-|0|0\n"
	      "inet|f|input|input|23|11|tcp flags & (fin|syn|rst|ack) == syn counter name "
	      "\"hits\"|-|-|-\n"
	      "inet|f|input|input|24|12|ip frag-off & 0x1fff != 0x0000 counter drop|drop|0|0\n"
	      "inet|f|input|input|25|13|udp dport 6200 counter reject with icmpx "
	      "port-unreachable|reject|141|113\n"
	      "inet|f|input|input|26|14|meta l4proto udp counter jump sub|jump sub|438|354\n"
	      "inet|f|input|input|27|15|ip ttl < 3 counter goto sub2|goto sub2|0|0\n"
	      "inet|f|forw|forward|28|1|counter jump sub2|jump sub2|78|44\n"
	      "inet|f|forw|forward|29|2|ct state established,related,new counter "
	      "accept|accept|78|44\n"
	      "ip|n|post|postrouting|3|1|oifname \"v1\" counter masquerade|masquerade|2|0\n"
	      "ip|n|pre|prerouting|4|1|tcp dport 8080 counter dnat to 10.9.1.2:80|dnat|1|0\n"
	      "ip|n|pre|prerouting|5|2|tcp dport 8081 counter redirect to :81|redirect|0|0\n"
	      "netdev|nd|ing|ingress|2|1|ip daddr 10.9.0.250 counter drop|drop|0|0");
	check(d,
	      "SELECT family, table_name, chain, type, hook, priority, policy, dev FROM nft_chain",
	      "inet|f|sub|-|-|-|-|-\ninet|f|sub2|-|-|-|-|-\ninet|f|input|filter|input|0|accept|-"
	      "\ninet|f|forw|filter|forward|10|drop|-\n"
	      "ip|n|post|nat|postrouting|100|accept|-\nip|n|pre|nat|prerouting|-100|accept|-"
	      "\nnetdev|nd|ing|filter|ingress|0|accept|v0");
	check(d,
	      "SELECT name, first_value, last_value FROM counter_delta WHERE source = 'nft' AND "
	      "dev = 'inet f input 14'",
	      "packets|29|153\nbytes|6612|34884");
}

static void test_tc(void **state)
{
	struct db *d = fixtures->d;

	(void)state;
	check(d,
	      "SELECT dev, class, kind, handle, parent, limit_packets, limit_bytes, rate_bps, "
	      "burst_bytes, packets, drops, overlimits, "
	      "backlog_packets, drops_delta, packets_delta, max_backlog_packets FROM qdisc WHERE "
	      "netns = 'a' AND kind <> 'noqueue' ORDER BY id",
	      "v0|0|tbf|1:|root|-|30720|1000000|10240|1350|424|4145|93|363|1080|94\n"
	      "v0|0|bfifo|0:|1:1|-|30720|-|-|1350|424|0|93|363|1080|94\n"
	      "v0|1|tbf|1:1|1:|-|-|-|-|0|0|0|0|0|0|0");
	check(d,
	      "SELECT kind, handle, parent, rate_bps, packets, options ->> 'ceil_bps', options ->> "
	      "'prio', options ->> '$.stats.lends' "
	      "FROM qdisc WHERE netns = 'b' AND class = 1 ORDER BY handle",
	      "htb|1:1|root|10000000|76|20000000|0|0\nhtb|1:10|1:1|5000000|66|8000000|1|66\nhtb|1:"
	      "20|1:1|2000000|10|2000000|0|10");
	check(d,
	      "SELECT dev, kind, handle, parent, limit_packets, limit_bytes, rate_bps, options "
	      "FROM qdisc WHERE netns = 'vm1' AND class = 0 "
	      "AND kind IN ('fq_codel', 'netem', 'red', 'sfq', 'cake', 'prio', 'tbf') ORDER BY "
	      "handle",
	      "if2|fq_codel|1:|root|500|-|-|{\"flows\":64,\"quantum\":1514,\"target_us\":2999,"
	      "\"interval_us\":99999,\"memory_limit\":1048576,"
	      "\"drop_batch\":64,\"ecn\":1,\"stats\":{\"maxpacket\":0,\"drop_overlimit\":0,\"ecn_"
	      "mark\":0,\"new_flow_count\":0,\"new_flows_len\":0,"
	      "\"old_flows_len\":0,\"ce_mark\":0,\"memory_usage\":0,\"drop_overmemory\":0}}\n"
	      "if4|netem|2:|root|123|-|5000000|{\"delay_ns\":5000000,\"jitter_ns\":1000000,"
	      "\"loss\":0.01,\"duplicate\":0,\"reorder\":0,\"corrupt\":0}\n"
	      "if6|red|41:|4:1|-|60000|-|{\"min_bytes\":10000,\"max_bytes\":30000,\"flags\":0,"
	      "\"stats\":{\"early\":0,\"pdrop\":0,\"other\":0,\"marked\":0}}\n"
	      "if6|sfq|42:|4:2|99|-|-|{\"quantum\":1514,\"perturb_s\":10,\"divisor\":1024,"
	      "\"flows\":99}\n"
	      "if6|prio|4:|root|-|-|-|{\"bands\":3}\n"
	      "if7|cake|5:|root|-|4194304|20000000|{\"rtt_us\":100000,\"target_us\":5000,"
	      "\"overhead\":0,\"diffserv\":0,\"flow_mode\":7,\"nat\":0,"
	      "\"ingress\":0,\"split_gso\":1,\"stats\":{\"capacity_bps\":20000000,\"memory_used\":"
	      "896}}\n"
	      "if9|tbf|7:|root|-|100102400|40000000000|-");
	check(d,
	      "SELECT limit_packets, options ->> 'flow_limit', options ->> '$.stats.horizon_drops' "
	      "FROM qdisc WHERE netns = 'vm1' AND kind = 'fq'",
	      "777|33|0");
}

static void test_filters(void **state)
{
	struct db *d = fixtures->d;

	(void)state;
	check(d,
	      "SELECT netns, dev, parent, kind, pref, protocol, actions, drops_delta FROM "
	      "tc_filter ORDER BY netns, parent DESC, pref",
	      "b|v0|egress|u32|40|2048|[{\"kind\":\"mirred\",\"action\":\"stolen\",\"mirred\":"
	      "\"egress redirect\",\"to\":\"d0\",\"packets\":0,\"bytes\":0,\"drops\":0}]|0\n"
	      "b|v1|1:|u32|5|2048|[]|0\n"
	      "vm2|b1|ingress|matchall|5|2048|[{\"kind\":\"gact\",\"action\":\"goto chain "
	      "3\",\"packets\":0,\"bytes\":0,\"drops\":0}]|0\n"
	      "vm2|b0|ingress|u32|10|2048|[{\"kind\":\"gact\",\"action\":\"drop\",\"packets\":114,"
	      "\"bytes\":11286,\"drops\":114}]|88\n"
	      "vm2|b0|ingress|flower|20|2048|[{\"kind\":\"gact\",\"action\":\"pass\",\"packets\":"
	      "114,\"bytes\":11286,\"drops\":0}]|0\n"
	      "vm2|b0|ingress|flower|25|2048|[{\"kind\":\"police\",\"action\":\"drop\",\"packets\":"
	      "114,\"bytes\":11286,\"drops\":48}]|48\n"
	      "vm2|b0|ingress|matchall|30|3|[{\"kind\":\"mirred\",\"action\":\"pipe\",\"mirred\":"
	      "\"egress mirror\",\"to\":\"b1\",\"packets\":2,\"bytes\":84,\"drops\":0}]|0\n"
	      "vm2|b0|egress|u32|40|2048|[{\"kind\":\"police\",\"action\":\"drop\",\"packets\":0,"
	      "\"bytes\":0,\"drops\":0}]|0");
}

static void test_ethtool(void **state)
{
	struct db *d = fixtures->d;

	(void)state;
	check(d,
	      "SELECT kind, name, value FROM dev_feature WHERE netns = 'vm2' AND dev = 'b0' AND "
	      "(kind <> 'feature' OR name IN "
	      "('rx-gro', 'tx-checksum-ip-generic', 'netns-local', 'loopback')) ORDER BY 1, 2",
	      "");
	check(d,
	      "SELECT name, first_value, last_value FROM counter_delta WHERE source = 'ethtool' "
	      "AND netns = 'vm2' AND dev = 'b0' ORDER BY name",
	      "peer_ifindex|2|2\nrx_queue_0_drops|0|0\nrx_queue_0_xdp_bytes|0|0\nrx_queue_0_xdp_"
	      "drops|0|0\nrx_queue_0_xdp_packets|0|0\n"
	      "rx_queue_0_xdp_redirect|0|0\nrx_queue_0_xdp_tx|0|0\nrx_queue_0_xdp_tx_errors|0|"
	      "0\ntx_queue_0_xdp_xmit|0|0\n"
	      "tx_queue_0_xdp_xmit_errors|0|0");
}

/* --- texts, and what only made dumps show --- */

static void test_texts(void **state)
{
	struct tape_make *m = tape_make_open(NULL);
	struct loaded x;

	(void)state;
	tape_make_text(m, "netns/000000", "101\ta\t11\tself init\n102\tb\t12\t\n");
	tape_make_text(
		m, "tasks/000000",
		"1\t1\tinit\t101\t/init.scope\t5\tS\n7\t1\told\\011name\t\t/\t6\tR\nx\ty\tz\n");
	tape_make_text(m, "tasks/000001", "7\t1\tnew\t999\t\t6\tR\n");
	tape_make_text(m, "kmsg",
		       "4,1,1500000,-;nf_conntrack: table full, dropping packet\\x0aline two\n "
		       "KEY=value\nbad\n");
	/* times stand behind what they belong to, as the recorder writes them */
	tape_make_text(m, "snap/000000/host/irq", "24\t0-1\t0\tACPI:Ged\n25\t0-3\t\t\nx\n");
	tape_make_text(
		m, "snap/000000/host/cgroups",
		"/a "
		"b\\011c\t2\t20000\t100000\tusage_usec=1\tnr_periods=3\tnr_throttled=2\tthrottled_"
		"usec=5\n/v1\t1\t-1\t100000\tthrottled_time=77\n/bad\t3\t1\t1\n");
	tape_make_text(m, "snap/000000/host/cgroup-bpf", "/a\t7,8\t\n/b\\040c\t\t9\nx\n");
	tape_make_text(m, "snap/000001/host/cgroup-bpf", "/a\t\t5\n");
	tape_make_text(m, "snap/000000/host/proc/net/softnet_stat",
		       "1 2 3 0 0 0 0 0 0 0 0\n4 5 6 0 0 0 0 0 0 0 0\n");
	tape_make_text(m, "snap/000000/host/proc/stat",
		       "cpu0 1 2 3 4 5 6 7 8\ncpu2 1 2 3 4 5 6 7 8\n");
	tape_make_text(m, "snap/000000/101/sysctl",
		       "ipv4.ip_forward\t0\nipv4.conf.eth0/5.rp_filter\t1\nipv4.same\t3\n\tx\n");
	tape_make_text(m, "snap/000000/101/missing",
		       "nl/conntrack\t\tleft alone\nethtool\tEPERM\tOperation not "
		       "permitted\nnl/rule\tEIO\tbroken\n");
	tape_make_text(m, "snap/000000/101/proc/net/stat/rt_cache",
		       "entries in_hit\n00000005 00000001\n00000005 00000002\n");
	tape_make_text(m, "snap/000000/102/proc/net/stat/rt_cache",
		       "entries in_hit\n00000009 00000009\n");
	tape_make_text(m, "snap/000000/101/proc/net/stat/nf_conntrack",
		       "entries found drop\n00000003 00000001 00000007\n");
	tape_make_text(m, "snap/000000/101/time", "2000000000\t2100000000\n");
	tape_make_text(m, "snap/000000/time", "2000000000\t2200000000\tbefore\n");
	tape_make_frame(m);
	tape_make_text(m, "snap/000001/101/sysctl",
		       "ipv4.ip_forward\t1\nipv4.same\t3\nipv4.late\t9\n");
	tape_make_text(m, "snap/000001/101/sysfs",
		       "eth0/queues/rx-0/rps_cpus\t3\neth0/queues/tx-0/byte_queue_limits/"
		       "limit\t10\neth0/operstate\tup\nbroken\n");
	tape_make_text(m, "snap/000001/101/missing", "nl/conntrack\t\tleft alone\n");
	tape_make_text(m, "snap/000001/101/proc/net/dev",
		       "h\nh\nlo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n");
	tape_make_text(m, "snap/000001/101/time", "3000000000\t3100000000\n");
	tape_make_text(m, "snap/1/101/time",
		       "9000000000\t9100000000\n"); /* the same, spelled otherwise */
	tape_make_text(m, "snap/000002/101/proc/net/snmp", "Ip: A\nIp: 1\n"); /* no time at all */
	x = snap_load(m, false);
	check(x.d,
	      "SELECT t.pid, t.tgid, t.comm, n.inum, t.cgroup FROM task t LEFT JOIN netns n ON "
	      "n.id = t.netns_id ORDER BY t.pid",
	      "1|1|init|101|/init.scope\n7|1|new|999|-");
	check(x.d, "SELECT ts_ns, level, text FROM kmsg",
	      "1700000000500000000|4|nf_conntrack: table full, dropping packet\nline two");
	check(x.d, "SELECT * FROM irq_affinity", "24|0-1|0|ACPI:Ged\n25|0-3|-|-");
	check(x.d, "SELECT * FROM cgroup_quota",
	      "1700000001000000000|/a "
	      "b\tc|2|20000|100000|3|2|5000\n1700000001000000000|/v1|1|-1|100000|-|-|77");
	check(x.d, "SELECT * FROM cgroup_program ORDER BY path", "/a|7,8|5\n/b c|-|9");
	check(x.d, "SELECT name, value, value_end FROM sysctl ORDER BY name",
	      "net.ipv4.conf.eth0/"
	      "5.rp_filter|1|-\nnet.ipv4.ip_forward|0|1\nnet.ipv4.late|9|-\nnet.ipv4.same|3|-");
	check(x.d, "SELECT dev, queue, name, value FROM queue_setting ORDER BY name",
	      "eth0|tx-0|byte_queue_limits/limit|10\neth0||operstate|up\neth0|rx-0|rps_cpus|3");
	check(x.d,
	      "SELECT cpu, last_value FROM counter_delta WHERE source = 'softnet_stat' AND name = "
	      "'dropped' ORDER BY cpu",
	      "0|2\n2|5");
	check(x.d, "SELECT netns, name, last_value FROM counter_delta WHERE source = 'rt_cache'",
	      "-|entries|5\n-|in_hit|3");
	check(x.d, "SELECT netns, name, last_value FROM counter_delta WHERE source = 'conntrack'",
	      "init|entries|3\ninit|found|1\ninit|drop|7");
	check(x.d, "SELECT name, snap_ns FROM counter WHERE source = 'dev' AND name = 'rx_dropped'",
	      "rx_dropped|1700000002000000000");
	/* the second snapshot has no time of its own: its namespace's is taken */
	check(x.d, "SELECT * FROM snapshot",
	      "0|before|1700000001000000000|1700000001200000000\n1|tick|1700000002000000000|"
	      "1700000002100000000");
	check(x.d, "SELECT kind, source, count, note FROM quality ORDER BY kind, source",
	      "format|cgroup-bpf|1|records of the snapshots that could not be read were skipped\n"
	      "format|cgroups|1|records of the snapshots that could not be read were skipped\n"
	      "format|irq|1|records of the snapshots that could not be read were skipped\n"
	      "format|kmsg|1|records that could not be read were skipped\n"
	      "format|snap|1|parts of snapshots without a time were left out\n"
	      "format|snap|1|parts of snapshots are on the tape twice; the first of each was used\n"
	      "format|sysctl|1|records of the snapshots that could not be read were skipped\n"
	      "format|sysfs|1|records of the snapshots that could not be read were skipped\n"
	      "format|tasks|1|lines that could not be read were skipped\n"
	      "note|nl/conntrack|2|left alone\n"
	      "permission|ethtool|1|EPERM: Operation not permitted\n"
	      "source-missing|nl/rule|1|EIO: broken");
	snap_unload(&x);
}

/* A dump of links, as the kernel would write it. */
struct dump {
	_Alignas(8) uint8_t data[4096];
	size_t n;
};

static struct nlmsghdr *begin(struct dump *u, uint16_t type, const void *head, size_t size)
{
	struct nlmsghdr *h = (struct nlmsghdr *)(void *)(u->data + u->n);

	memset(h, 0, sizeof(*h) + NLMSG_ALIGN(size));
	h->nlmsg_type = type;
	h->nlmsg_len = (uint32_t)(NLMSG_HDRLEN + NLMSG_ALIGN(size));
	memcpy(h + 1, head, size);
	return h;
}

static void attr(struct nlmsghdr *h, uint16_t type, const void *v, size_t n)
{
	struct nlattr a = { .nla_type = type, .nla_len = (uint16_t)(NLA_HDRLEN + n) };
	uint8_t *p = (uint8_t *)h + h->nlmsg_len;

	memset(p, 0, NLA_ALIGN(NLA_HDRLEN + n));
	memcpy(p, &a, sizeof(a));
	memcpy(p + NLA_HDRLEN, v, n);
	h->nlmsg_len += (uint32_t)NLA_ALIGN(NLA_HDRLEN + n);
}

static void attr_u32(struct nlmsghdr *h, uint16_t type, uint32_t v)
{
	attr(h, type, &v, sizeof(v));
}

static void end(struct dump *u, struct nlmsghdr *h)
{
	u->n += h->nlmsg_len;
	assert_true(u->n <= sizeof(u->data));
}

/* A veth: IFLA_ADDRESS 1, IFNAME 3, LINK 5, LINKINFO 18 with KIND 1, LINK_NETNSID 37. */
static void put_veth(struct dump *u, int ifindex, const char *name, uint8_t mac, uint32_t link,
		     int nsid)
{
	struct {
		uint8_t family, pad;
		uint16_t type;
		int32_t index;
		uint32_t flags, change;
	} ifi = { .type = 1, .index = ifindex, .flags = 1 };
	uint8_t addr[6] = { 2, 0, 0, 0, 0, mac };
	uint8_t info[12] = { 9, 0, 1, 0, 'v', 'e', 't', 'h', 0 };
	struct nlmsghdr *h = begin(u, 16, &ifi, sizeof(ifi));

	attr(h, 1, addr, 6);
	attr(h, 3, name, strlen(name) + 1);
	attr_u32(h, 5, link);
	attr(h, 18, info, sizeof(info));
	if (nsid >= 0)
		attr_u32(h, 37, (uint32_t)nsid);
	end(u, h);
}

/* A neighbour entry: NDA_DST 1, NDA_LLADDR 2. */
static void put_neigh(struct dump *u, int ifindex, uint8_t host, uint8_t mac)
{
	struct {
		uint8_t family, pad1;
		uint16_t pad2;
		int32_t index;
		uint16_t state;
		uint8_t flags, type;
	} nd = { .family = 2, .index = ifindex, .state = 2 };
	uint8_t addr[6] = { 2, 0, 0, 0, 0, mac }, ip[4] = { 10, 0, 0, host };
	struct nlmsghdr *h = begin(u, 28, &nd, sizeof(nd));

	attr(h, 1, ip, 4);
	attr(h, 2, addr, 6);
	end(u, h);
}

/* Pairs whose indexes all look the same. */
static void test_peers(void **state)
{
	struct tape_make *m = tape_make_open(NULL);
	struct dump u = { .n = 0 };
	struct loaded x;

	(void)state;
	/* 201/2 - 202/2, known by a neighbour entry; then 203/2 - 204/2 is what is left; 201/3 -
	 * 202/3 follow from the numbers of the namespaces, though 203/3 - 204/3 look the same;
	 * 205/2 has its peer beside it; 206/2 points to nobody */
	for (int i = 0; i < 4; i++) {
		char name[64];

		u.n = 0;
		put_veth(&u, 2, "x", (uint8_t)(10 + i), 2, 0);
		put_veth(&u, 3, "y", (uint8_t)(20 + i), 3, 0);
		snprintf(name, sizeof(name), "snap/000000/%d/nl/link", 201 + i);
		tape_make_member(m, name, u.data, u.n);
	}
	u.n = 0;
	put_neigh(&u, 2, 2, 11);
	tape_make_member(m, "snap/000000/201/nl/neigh", u.data, u.n);
	u.n = 0;
	put_veth(&u, 2, "p", 30, 3, -1);
	put_veth(&u, 3, "q", 31, 2, -1);
	tape_make_member(m, "snap/000000/205/nl/link", u.data, u.n);
	u.n = 0;
	put_veth(&u, 2, "lonely", 32, 77, 0);
	tape_make_member(m, "snap/000000/206/nl/link", u.data, u.n);
	tape_make_text(m, "snap/000000/time", "2000000000\t2200000000\tbefore\n");
	x = snap_load(m, true);
	check(x.d,
	      "SELECT n.netns, n.name, p.netns, p.name, (SELECT name FROM netns WHERE id = "
	      "n.link_netns_id) FROM netdev n LEFT JOIN netdev p "
	      "ON p.id = n.peer_id ORDER BY n.id",
	      "net:[201]|x|net:[202]|x|net:[202]\nnet:[201]|y|net:[202]|y|net:[202]\nnet:[202]|x|"
	      "net:[201]|x|net:[201]\n"
	      "net:[202]|y|net:[201]|y|net:[201]\nnet:[203]|x|net:[204]|x|net:[204]\nnet:[203]|y|"
	      "net:[204]|y|net:[204]\n"
	      "net:[204]|x|net:[203]|x|net:[203]\nnet:[204]|y|net:[203]|y|net:[203]\nnet:[205]|p|"
	      "net:[205]|q|-\nnet:[205]|q|net:[205]|p|-\n"
	      "net:[206]|lonely|-|-|-");
	snap_unload(&x);
}

/* Two pairs that nothing tells apart stay unjoined: no answer is better than a wrong one. */
static void test_peers_unknown(void **state)
{
	struct tape_make *m = tape_make_open(NULL);
	struct dump u = { .n = 0 };
	struct loaded x;

	(void)state;
	for (int i = 0; i < 4; i++) {
		char name[64];

		u.n = 0;
		put_veth(&u, 2, "x", (uint8_t)(10 + i), 2, 0);
		snprintf(name, sizeof(name), "snap/000000/%d/nl/link", 201 + i);
		tape_make_member(m, name, u.data, u.n);
	}
	tape_make_text(m, "snap/000000/time", "2000000000\t2200000000\tbefore\n");
	x = snap_load(m, true);
	check(x.d, "SELECT count(*), count(peer_id) FROM netdev", "4|0");
	snap_unload(&x);
}

/* Statistics of a CPU as ctnetlink gives them from when its module is loaded, behind the first
 * snapshot. */
static void test_conntrack_late(void **state)
{
	struct tape_make *m = tape_make_open(NULL);
	uint8_t head[4] = { 0 }, drop[4] = { 0, 0, 0, 12 }; /* struct nfgenmsg; big endian */
	struct dump u = { .n = 0 };
	struct nlmsghdr *h = begin(&u, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS_CPU,
				   head, sizeof(head));
	struct loaded x;

	(void)state;
	attr(h, CTA_STATS_DROP, drop, sizeof(drop));
	end(&u, h);
	tape_make_text(m, "snap/000000/101/proc/net/stat/nf_conntrack",
		       "entries clashres drop\n00000003 00000002 00000007\n");
	tape_make_text(m, "snap/000000/time", "2000000000\t2200000000\tbefore\n");
	tape_make_frame(m);
	tape_make_text(m, "snap/000001/101/proc/net/stat/nf_conntrack",
		       "entries clashres drop\n00000005 00000002 0000000c\n");
	tape_make_member(m, "snap/000001/101/nl/ctstats", u.data, u.n);
	tape_make_text(m, "snap/000001/time", "3000000000\t3200000000\tafter\n");
	x = snap_load(m, true);
	check(x.d,
	      "SELECT name, first_value, last_value FROM counter_delta WHERE source = 'conntrack'",
	      "entries|3|5\nclash_resolve|2|2\ndrop|7|12");
	snap_unload(&x);
}

/* Sockets of /proc/net in the snapshots that have no dump of them: how many wait at a listener, not
 * its backlog; no address of the kernel's. */
static void test_sockets_without_diag(void **state)
{
	static const char tcp[] =
		"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
		"   0: 0100007F:1538 00000000:0000 0A 00000000:00000003 00:00000000 00000000  1000        0 4711 1 "
		"ffff888012345678 100 0 0 10 0\n"
		"   1: rubbish\n";
	struct tape_make *m = tape_make_open(NULL);
	struct loaded x;

	(void)state;
	tape_make_text(m, "snap/000000/101/proc/net/tcp", tcp);
	tape_make_text(m, "snap/000000/time", "2000000000\t2200000000\tbefore\n");
	tape_make_frame(m);
	tape_make_text(m, "snap/000001/101/proc/net/tcp", tcp);
	tape_make_text(m, "snap/000001/101/nl/sock-tcp", "");
	tape_make_text(m, "snap/000001/time", "3000000000\t3200000000\tafter\n");
	x = snap_load(m, true);
	check(x.d, "SELECT state, src, sport, rqueue, wqueue, uid, inode, cookie FROM socket",
	      "LISTEN|127.0.0.1|5432|3|-|1000|4711|4711");
	snap_unload(&x);
}

static void test_big_endian(void **state)
{
	struct tape_make *m = tape_make_open("{\"format_version\":1,\"little_endian\": false}");
	struct buf b = snap_file(SNAP_DATA "/b/link.1");
	struct loaded x;

	(void)state;
	tape_make_member(m, "snap/000000/101/nl/link", b.data, b.len);
	tape_make_text(m, "snap/000000/101/proc/net/snmp", "Ip: A\nIp: 1\n");
	tape_make_text(m, "snap/000000/time", "2000000000\t2200000000\tbefore\n");
	buf_free(&b);
	x = snap_load(m, true);
	check(x.d, "SELECT kind, source FROM quality", "undecoded|nl");
	check(x.d, "SELECT count(*) FROM netdev", "0");
	check(x.d, "SELECT name, last_value FROM counter_delta", "Ip.A|1");
	snap_unload(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_complaint),  cmocka_unit_test(test_links),
		cmocka_unit_test(test_routes),	      cmocka_unit_test(test_neighbours),
		cmocka_unit_test(test_sockets),	      cmocka_unit_test(test_conntrack),
		cmocka_unit_test(test_nft),	      cmocka_unit_test(test_tc),
		cmocka_unit_test(test_filters),	      cmocka_unit_test(test_ethtool),
		cmocka_unit_test(test_texts),	      cmocka_unit_test(test_peers),
		cmocka_unit_test(test_peers_unknown), cmocka_unit_test(test_conntrack_late),
		cmocka_unit_test(test_sockets_without_diag),
		cmocka_unit_test(test_big_endian),
	};

	return cmocka_run_group_tests(tests, load_fixtures, unload_fixtures);
}
