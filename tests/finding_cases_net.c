/* SPDX-License-Identifier: MIT */
/* Cases of the link, bridge, IP, neighbour, netfilter and tunnel layers, each with a near miss. */
#include "finding_cases.h"

#include <stdio.h>

#define MS 1000000LL

/* A frame of device @dev in namespace @ns; flow, outer and packet 0: none. */
static void frame_at(int64_t at, int ns, const char *dev, int direction, int flow_id, int outer,
		     int packet, int ethertype, int dst_kind, int tcp_flags)
{
	sql("INSERT INTO _frame(no, ts_ns, netns_id, dev_id, direction, len_bytes, cap_bytes, "
	    "flow_id, outer_flow_id, packet_id, ethertype, dst_kind, tcp_flags, member, offset) "
	    "VALUES((SELECT coalesce(max(no), 0) + 1 FROM _frame), %lld, %d, %lld, %d, 100, 64, "
	    "nullif(%d, 0), nullif(%d, 0), nullif(%d, 0), %d, %d, nullif(%d, 0), 0, 0)",
	    (long long)at, ns, (long long)name_id(dev), direction, flow_id, outer, packet,
	    ethertype, dst_kind, tcp_flags);
}

/* The packets of drops() have the numbers 1, 2, ... */
static void frames_of_drops(int n, int flow_id, int outer, const char *dev, int dst_kind)
{
	for (int i = 0; i < n; i++)
		frame_at(T0 + i * MS, 3, dev, 0, flow_id, outer, i + 1, 2048, dst_kind, 0);
}

/* A packet with the stages @one at @at and @two @wait later, at device @dev in namespace b. */
static void way(int id, int64_t at, const char *dev, const char *one, const char *two, int64_t wait)
{
	sql("INSERT OR IGNORE INTO _stage(name) VALUES('%s'), ('%s')", one, two);
	sql("INSERT INTO _packet(id, first_ns, last_ns, kind, netns_in_id, outcome, cpu_hops, "
	    "confidence) VALUES(%d, %lld, %lld, 1, 3, 5, 0, 1)",
	    id, (long long)at, (long long)(at + wait));
	sql("INSERT INTO _hop SELECT %d, 0, %lld, id, 0, %lld, 2, 0, 1 FROM _stage WHERE name = "
	    "'%s'",
	    id, (long long)at, (long long)name_id(dev), one);
	sql("INSERT INTO _hop SELECT %d, 1, %lld, id, 0, %lld, 2, 0, 1 FROM _stage WHERE name = "
	    "'%s'",
	    id, (long long)(at + wait), (long long)name_id(dev), two);
}

/* ---- link ---- */

/* a capture runs, so the tap takes the frames and nothing is dropped */
static void foreign(int kind, const char *second)
{
	for (int i = 0; i < 20; i++) {
		way(900 + i, T0 + i * MS, "b0", "netif_receive_skb", second, 500);
		frame_at(T0 + i * MS, 3, "b0", 0, 0, 0, 900 + i, 0x8847, kind, 0);
	}
}

static void ethertype(void)
{
	foreign(1, "consume_skb");
}

static void ethertype_drop(void)
{
	drops(20, "UNHANDLED_PROTO", "__netif_receive_skb_core", "noise", 3, "b0", 0);
	for (int i = 0; i < 20; i++)
		frame_at(T0 + i * MS, 3, "b0", 0, 0, 0, i + 1, 0x86dd, 1, 0);
}

/* to a multicast address, as LLDP is */
static void ethertype_no(void)
{
	foreign(2, "consume_skb");
}

/* somebody's packet socket takes them */
static void ethertype_taken_no(void)
{
	foreign(1, "sk_data_ready");
}

static void bridge(void)
{
	sql("INSERT INTO netdev(id, netns_id, netns, ifindex, name, kind, arphrd, mac, mtu, flags, "
	    "operstate, carrier) VALUES(9, 3, 'b', 9, 'br0', 'bridge', 1, '02:00:00:00:00:09', "
	    "1500, 4099, 'UP', 1)");
	sql("UPDATE netdev SET master_ifindex = 9 WHERE name IN ('b0', 'b1')");
	flow(1, 3, "udp", "10.0.0.9", 4000, "10.0.0.7", 9000);
}

static void bridge_stp(void)
{
	bridge();
	drops(60, "BRIDGE_INGRESS_STP_STATE", "br_handle_frame", "policy", 3, "b1", 1);
	frames_of_drops(60, 1, 0, "b1", 4);
}

/* a spare port of a spanning tree hears broadcasts */
static void bridge_stp_no(void)
{
	bridge();
	drops(60, "BRIDGE_INGRESS_STP_STATE", "br_handle_frame", "policy", 3, "b1", 1);
	frames_of_drops(60, 1, 0, "b1", 3);
}

static void bridge_isolated(void)
{
	bridge();
	sql("UPDATE flow SET dst = '10.0.0.1' WHERE id = 1");
	drops(20, "NOT_SPECIFIED", "br_handle_frame_finish", "policy", 3, "b1", 1);
	frames_of_drops(20, 1, 0, "b1", 4);
}

/* the destination lies behind the port that the frames came from */
static void bridge_same_port_no(void)
{
	bridge();
	sql("UPDATE flow SET dst = '10.0.0.1' WHERE id = 1");
	drops(60, "NOT_SPECIFIED", "br_handle_frame_finish", "policy", 3, "b0", 1);
	frames_of_drops(60, 1, 0, "b0", 4);
}

/* ---- IP ---- */

static void header(void)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	drops(12, "PKT_TOO_SMALL", "ip_rcv_core", "error", 3, "b0", 1);
	drops(12, "IP_INHDR", "ip_rcv_finish_core", "error", 3, "b0", 1);
	counter(3, "snmp", "Ip.InHdrErrors", NULL, -1, 12);
	counter(3, "netstat", "IpExt.InTruncatedPkts", NULL, -1, 12);
}

/* a kernel without reasons */
static void header_old(void)
{
	drops(30, NULL, "ip_rcv_core", "error", 3, "b0", 0);
	counter(3, "snmp", "Ip.InHdrErrors", NULL, -1, 30);
}

/* the tape was cut before the symbols were written */
static void header_nameless(void)
{
	drops(30, "IP_INHDR", "?", "error", 3, "b0", 0);
	counter(3, "snmp", "Ip.InHdrErrors", NULL, -1, 30);
}

/* expired TTLs have the same reason */
static void header_no(void)
{
	drops(30, "IP_INHDR", "ip_forward", "error", 3, "b0", 0);
	drops(2, "IP_INHDR", "ip_rcv_core", "error", 3, "b0", 0);
	counter(3, "snmp", "Ip.InHdrErrors", NULL, -1, 32);
}

static void header_nameless_no(void)
{
	drops(30, "IP_INHDR", "?", "error", 3, "b0", 0);
	counter(3, "snmp", "Icmp.OutTimeExcds", NULL, -1, 6);
}

static void fwd_off_nameless(void)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.9.0.2", 9000);
	drops(30, "IP_INADDRERRORS", "?", "loss", 3, "b0", 1);
	sysctl(3, "net.ipv4.ip_forward", "1", "0");
}

/* ---- neighbours ---- */

static void twice_dad(void)
{
	sql("INSERT INTO addr VALUES(3, 'b', 'b0', 10, 'fd00::2', 64, 0, 200)"); /* 0xc8 */
	sql("INSERT INTO kmsg VALUES(%lld, 6, 'IPv6: b0: IPv6 duplicate address fd00::2 used by "
	    "02:00:00:00:00:77 detected!')",
	    T0);
}

static void neigh_mac(int at_ms, int mac)
{
	sql("INSERT INTO neigh VALUES(%lld, 3, 'b', 'b0', 2, '10.0.0.9', '02:00:00:00:00:%02d', "
	    "'STALE')",
	    T0 + at_ms * MS, mac);
}

static void twice_neigh(void)
{
	neigh_mac(0, 1);
	neigh_mac(1000, 2);
	neigh_mac(2000, 1);
}

/* an address that moved, once */
static void twice_no(void)
{
	neigh_mac(0, 1);
	neigh_mac(1000, 2);
	sql("INSERT INTO addr VALUES(2, 'a', 'a0', 2, '10.0.0.2', 24, 0, 0)"); /* no bridge */
}

static void twice_bridge(void)
{
	bridge();
	sql("INSERT INTO netdev(id, netns_id, netns, ifindex, name, kind, arphrd, mac, mtu, flags, "
	    "carrier, peer_id) VALUES(10, 1, 'init', 5, 'i0', 'veth', 1, '02:00:00:00:00:10', "
	    "1500, 4099, 1, 3)");
	sql("INSERT INTO addr VALUES(1, 'init', 'i0', 2, '10.0.0.1', 24, 0, 0)");
}

/* ---- answers from elsewhere ---- */

static void mismatch(int refused)
{
	sql("INSERT INTO addr VALUES(3, 'b', 'lo', 2, '10.9.0.1', 32, 0, 0)");
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.9.0.1", 53);
	flow(2, 3, "udp", "10.0.0.2", 53, "10.0.0.1", 4000);
	flow(3, 2, "udp", "10.0.0.2", 53, "10.0.0.1", 4000);
	flow(4, 2, "udp", "10.0.0.1", 4000, "10.9.0.1", 53);
	sql("UPDATE flow SET frames = 20");
	if (refused)
		drops(20, "NO_SOCKET", "__udp4_lib_rcv", "loss", 2, "a0", 3);
}

static void source(void)
{
	mismatch(1);
}

/* a client that takes answers from anywhere */
static void source_no(void)
{
	mismatch(0);
}

/* ---- tunnels ---- */

static void tunnel(const char *dev)
{
	sql("UPDATE netdev SET kind = 'vxlan' WHERE name = 'b1'");
	flow(1, 3, "udp", "10.77.0.2", 4000, "10.77.0.1", 9000);
	flow(2, 3, "udp", "10.0.0.1", 40000, "10.0.0.2", 4789);
	drops(30, "UDP_CSUM", "udp_queue_rcv_one_skb", "error", 3, dev, 1);
	counter(3, "snmp", "Udp.InCsumErrors", NULL, -1, 30);
	frames_of_drops(30, 1, 2, "b0", 1);
}

static void tunnel_outer(void)
{
	tunnel("b0");
}

/* the inner packet's checksum is wrong */
static void tunnel_inner(void)
{
	tunnel("b1");
	sql("INSERT INTO dev_feature VALUES(3, 'b', 'b1', 'feature', 'rx-checksum', 'on')");
}

/* ---- netfilter ---- */

static void entry(const char *reply_src, int sport)
{
	sql("INSERT INTO conntrack(snap_ns, netns_id, netns, proto, src, sport, dst, dport, "
	    "reply_src, reply_sport, reply_dst, reply_dport, state) VALUES(%lld, 3, 'b', 'tcp', "
	    "'10.0.0.1', %d, '10.9.0.9', 80, '%s', 8080, '10.0.0.1', %d, 'ESTABLISHED')",
	    T0, sport, reply_src, sport);
}

static void escape(int resets)
{
	entry("10.8.0.2", 4000);
	flow(1, 3, "tcp", "10.8.0.2", 8080, "10.0.0.1", 4000);
	flow(2, 3, "tcp", "10.0.0.1", 4000, "10.8.0.2", 8080);
	sql("UPDATE flow SET reverse_id = 3 - id");
	for (int i = 0; i < 5; i++)
		frame_at(T0 + i * MS, 3, "b0", 1, 1, 0, 0, 2048, 1, 16);
	for (int i = 0; i < resets; i++)
		frame_at(T0 + 10 * MS, 3, "b0", 0, 2, 0, 0, 2048, 1, 4);
	counter(3, "conntrack", "invalid", NULL, -1, 5);
}

static void nat_escape(void)
{
	escape(3);
	sysctl(3, "net.netfilter.nf_conntrack_tcp_be_liberal", "0", NULL);
}

/* a tap before the translation */
static void nat_escape_no(void)
{
	escape(0);
}

/* Connections that are silent for @idle_ms, then lose what they send. */
static void idle(int idle_ms)
{
	sysctl(3, "net.netfilter.nf_conntrack_tcp_timeout_established", "3", NULL);
	for (int c = 0; c < 4; c++) {
		int f = 10 + c * 2;

		flow(f, 3, "tcp", "10.0.0.1", 4000 + c, "10.9.0.2", 80);
		flow(f + 1, 3, "tcp", "10.9.0.2", 80, "10.0.0.1", 4000 + c);
		sql("UPDATE flow SET reverse_id = CASE id WHEN %d THEN %d ELSE %d END, last_ns = "
		    "%lld WHERE id IN (%d, %d)",
		    f, f + 1, f, T0 + (idle_ms + 10) * MS, f, f + 1);
		frame_at(T0, 3, "b0", 0, f, 0, 0, 2048, 1, 16);
		frame_at(T0 + MS, 3, "b1", 0, f + 1, 0, 0, 2048, 1, 16);
		drops(2, "NETFILTER_DROP", "nft_do_chain", "policy", 3, "b0", f);
		frame_at(T0 + idle_ms * MS, 3, "b0", 0, f, 0, c * 2 + 1, 2048, 1, 16);
		frame_at(T0 + (idle_ms + 5) * MS, 3, "b0", 0, f, 0, c * 2 + 2, 2048, 1, 16);
	}
	nft(1, "ct state invalid counter drop", "drop", 8);
	counter(3, "conntrack", "invalid", NULL, -1, 8);
}

static void idle_expired(void)
{
	idle(4500);
}

/* as silent, but not as long as the table keeps them: INVALID for another reason */
static void idle_short(void)
{
	idle(2500);
}

static void slow(int rules, int64_t wait)
{
	for (int i = 0; i < rules; i++)
		sql("INSERT INTO nft_rule VALUES(%d, 3, 'b', 'inet', 'fw', 'input', 'input', %d, "
		    "%d, 'ip saddr 10.1.0.%d drop', 'drop', NULL, NULL, NULL, NULL)",
		    i + 1, i + 1, i + 1, i % 250);
	for (int i = 0; i < 200; i++)
		way(900 + i, T0 + i * MS, "b0", "netif_receive_skb", "sk_data_ready", wait);
}

static void ruleset(void)
{
	slow(2500, 80000);
}

/* as many rules, but the packets do not wait for them */
static void ruleset_quick_no(void)
{
	slow(2500, 4000);
}

/* slow for another reason */
static void ruleset_few_no(void)
{
	slow(20, 80000);
}

/* ---- IPv6, and what has no drop event ---- */

/* Frames of flow 1 that come in at b0, each with a TTL that is @step lower. */
static void ttls(int first, int step, int n, int ip_id)
{
	for (int i = 0; i < n; i++) {
		frame_at(T0 + i * MS, 3, "b0", 0, 1, 0, 0, ip_id ? 2048 : 0x86dd, 4, 0);
		sql("UPDATE _frame SET ttl = %d, ip_id = nullif(%d, 0) WHERE no = (SELECT max(no) "
		    "FROM _frame)",
		    first - i * step, ip_id);
	}
}

static void loop6(void)
{
	flow(1, 3, "udp", "2001:db8::1", 4000, "2001:db8:9::1", 9000);
	drops(20, "IP_INHDR", "ip6_forward", "loss", 3, "b0", 1);
	ttls(63, 2, 30, 0);
}

/* one sender with all hop limits, as mtr does it */
static void loop6_no(void)
{
	flow(1, 3, "udp", "2001:db8::1", 4000, "2001:db8:9::1", 9000);
	drops(20, "IP_INHDR", "ip6_forward", "loss", 3, "b0", 1);
	ttls(30, 1, 30, 0);
}

static void loop_own(int back)
{
	flow(1, 3, "udp", "10.0.0.2", 4000, "192.0.2.9", 9000);
	drops(20, "IP_LOCAL_SOURCE", "ip_rcv_finish_core", "policy", 3, "b0", 1);
	ttls(back, 0, 20, 7);
	frame_at(T0, 3, "b0", 1, 1, 0, 0, 2048, 4, 0);
	sql("UPDATE _frame SET ttl = 64 WHERE direction = 1");
}

static void loop_to_sender(void)
{
	loop_own(63);
}

/* another host has the same address, or the link layer loops */
static void loop_to_sender_no(void)
{
	loop_own(64);
}

static void fwd6(const char *forwarding, const char *now)
{
	flow(1, 3, "udp", "2001:db8::1", 4000, "2001:db8:9::1", 9000);
	frames(60, 1, 3, "b0", 0, 0);
	drops(60, "IP_INADDRERRORS", "ip6_forward", "loss", 3, "b0", 1);
	counter(3, "snmp6", "Ip6InAddrErrors", NULL, -1, 60);
	sysctl(3, "net.ipv4.ip_forward", "0", NULL);
	sysctl(3, "net.ipv6.conf.all.forwarding", forwarding, now);
}

static void fwd6_off(void)
{
	fwd6("1", "0");
}

/* forwarding is on: the destination is one that may not be forwarded to */
static void fwd6_on_no(void)
{
	fwd6("1", NULL);
}

static void frag6_mem(void)
{
	drops(30, "NOT_SPECIFIED", "ipv6_frag_rcv", "error", 3, "b0", 0);
	counter(3, "snmp6", "Ip6ReasmFails", NULL, -1, 30);
	sysctl(3, "net.ipv6.ip6frag_high_thresh", "4194304", NULL);
}

/* malformed fragments: nothing failed for the sake of memory */
static void frag6_no(void)
{
	drops(30, "NOT_SPECIFIED", "ipv6_frag_rcv", "error", 3, "b0", 0);
	counter(3, "snmp6", "Ip6InHdrErrors", NULL, -1, 30);
}

static void neigh6(int n)
{
	drops(n, "NOT_SPECIFIED", "neigh_invalidate", "loss", 2, "a0", 0);
	sql("UPDATE _drop SET protocol = 34525");
	sql("INSERT INTO neigh VALUES(%lld, 2, 'a', 'a0', 10, '2001:db8::77', NULL, 'FAILED')",
	    T0 + 1000);
}

static void neigh6_failed(void)
{
	neigh6(60);
}

static void neigh6_few(void)
{
	neigh6(3);
}

static void neigh_queue(void)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.0.0.7", 9000);
	drops(60, "NEIGH_QUEUEFULL", "__neigh_event_send", "loss", 3, "b0", 1);
	sql("INSERT INTO neigh VALUES(%lld, 3, 'b', 'b1', 2, '10.0.0.7', '02:00:00:00:00:07', "
	    "'REACHABLE')",
	    T0 + 1000);
	sysctl(3, "net.ipv4.neigh.b1.unres_qlen_bytes", "20000", NULL);
}

/* A router's way out loses its link; @after: what becomes of the packets then. */
static void link_out(const char *after, const char *function, int before)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.9.0.7", 9000);
	frames(60 + before, 1, 3, "b0", 0, 0);
	if (before)
		frames(before, 1, 3, "b1", 1, 0);
	drops(60, after, function, "loss", 3, "b0", 1);
	counter(3, "dev", "carrier_down_count", "b1", -1, 1);
	sysctl(3, "net.ipv4.ip_forward", "1", NULL);
}

static void link_out_neigh(void)
{
	link_out("NEIGH_FAILED", "neigh_invalidate", 0);
	sql("INSERT INTO neigh VALUES(%lld, 3, 'b', 'b1', 2, '10.9.0.7', NULL, 'FAILED')",
	    T0 + 1000);
}

static void link_out_route(void)
{
	link_out("IP_INNOROUTES", "ip_error", 40);
}

/* nothing of it had ever left by that device */
static void link_out_route_no(void)
{
	link_out("IP_INNOROUTES", "ip_error", 0);
}

/* Two findings of one program would be two causes. */
static void xdp_native(void)
{
	drops(60, "NOT_SPECIFIED", "veth_xdp_rcv_skb", "policy", 0, NULL, 0);
	counter(3, "ethtool", "rx_queue_0_xdp_drops", "b0", -1, 60);
}

static void xfrm_out(void)
{
	counter(2, "xfrm_stat", "XfrmOutPolBlock", NULL, -1, 60);
}

static void xfrm_out_few(void)
{
	counter(2, "xfrm_stat", "XfrmOutPolBlock", NULL, -1, 3);
}

static void route6(int with_four)
{
	sql("INSERT INTO addr VALUES(2, 'a', 'a0', 10, '2001:db8::1', 64, 0, 0)");
	sql("INSERT INTO route(netns_id, netns, family, table_no, type, dst, dev) VALUES(2, 'a', "
	    "%d, 254, 'unicast', '%s', 'a0')",
	    with_four ? 2 : 10, with_four ? "default" : "2001:db8::/64");
	counter(2, "snmp6", "Ip6OutNoRoutes", NULL, -1, 60);
}

static void route6_none(void)
{
	route6(0);
}

/* what programs try first where IPv4 is the way out */
static void route6_tried_no(void)
{
	route6(1);
}

/* The sender's process is in a, its socket in b, whose rule counted the drops. */
static void nf_thread(void)
{
	drops(60, "NETFILTER_DROP", "nft_do_chain", "policy", 0, NULL, 0);
	sql("INSERT INTO task VALUES(77, 77, 'agent', 2, '/')");
	sql("UPDATE _drop SET context = 1, pid = 77");
	nft(1, "udp dport 9000 counter drop", "drop", 60);
}

/* ---- without frames ---- */

/* no frames: the rule names the port of a service */
static void nft_blind_port(int port)
{
	char rule[64];

	drops(6, "NETFILTER_DROP", "nft_do_chain", "policy", 3, "b0", 0);
	snprintf(rule, sizeof(rule), "tcp dport %d counter drop", port);
	nft(1, rule, "drop", 6);
	sock(0, 3, "tcp", "LISTEN", "0.0.0.0", 5432, 0, 128, 0);
}

static void nft_blind(void)
{
	nft_blind_port(5432);
}

/* of a port that nobody serves */
static void nft_blind_no(void)
{
	nft_blind_port(54);
}

/* no frames: only the neighbour entry at the other end tells that they are meant for this host */
static void wrong_mac_blind(void)
{
	drops(20, "OTHERHOST", "ip_rcv_core", "noise", 3, "b0", 0);
	sql("INSERT INTO neigh VALUES(%lld, 2, 'a', 'a0', 2, '10.0.0.2', '02:de:ad:00:00:03', "
	    "'PERMANENT')",
	    T0);
}

/* the entry is right: they are somebody else's */
static void wrong_mac_blind_no(void)
{
	drops(20, "OTHERHOST", "ip_rcv_core", "noise", 3, "b0", 0);
	sql("INSERT INTO neigh VALUES(%lld, 2, 'a', 'a0', 2, '10.0.0.2', '02:00:00:00:00:0b', "
	    "'REACHABLE')",
	    T0);
}

/* ---- what no rule names ---- */

static void reason_known(int n)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	drops(n, "TC_CHAIN_NOTFOUND", "tcf_classify", "error", 3, "b0", 1);
	sql("UPDATE _drop SET layer = 'tc'");
	sql("UPDATE _drop_reason SET layer = 'tc', class = 'error', meaning = 'a chain is gone'");
}

static void unruled(void)
{
	reason_known(20);
}

static void unruled_few_no(void)
{
	reason_known(6);
}

/* something else of that layer is found there */
static void unruled_claimed_no(void)
{
	reason_known(20);
	drops(60, "TC_INGRESS", "__netif_receive_skb_core", "policy", 3, "b0", 1);
	sql("UPDATE _drop SET layer = 'tc'");
}

/* newer than the dictionary: whether it is a loss is not known */
static void unruled_new_no(void)
{
	drops(200, "OF_TOMORROW", "ip_rcv_core", "loss", 3, "b0", 0);
}

static void place_known(const char *layer)
{
	drops(60, NULL, "nfqnl_enqueue_packet", "loss", 3, "b0", 0);
	sql("UPDATE _drop SET layer = '%s'", layer);
	sql("INSERT INTO _drop_location(function, reason, exact, meaning) "
	    "VALUES('nfqnl_enqueue_packet', "
	    "'-', 1, 'a queue without reader')");
}

static void unruled_place(void)
{
	place_known("netfilter");
}

/* in TCP many a function frees what is no loss */
static void unruled_place_tcp_no(void)
{
	place_known("transport");
}

static void unruled_teardown_no(void)
{
	drops(200, "QUEUE_PURGE", "sk_stream_kill_queues", "teardown", 3, NULL, 0);
	sql("UPDATE _drop_reason SET class = 'teardown', layer = 'socket'");
}

const struct finding_case net_cases[] = {
	{ "nft_blind", nft_blind, "netfilter-drop", "warning" },
	{ "nft_blind_no", nft_blind_no, NULL, NULL },
	{ "wrong_mac_blind", wrong_mac_blind, "wrong-dest-mac", "critical" },
	{ "wrong_mac_blind_no", wrong_mac_blind_no, NULL, NULL },
	{ "unruled", unruled, "other-drop", "warning" },
	{ "unruled_few_no", unruled_few_no, "", NULL },
	{ "unruled_claimed_no", unruled_claimed_no, "tc-ingress-drop", NULL },
	{ "unruled_new_no", unruled_new_no, NULL, NULL },
	{ "unruled_place", unruled_place, "other-drop", "warning" },
	{ "unruled_place_tcp_no", unruled_place_tcp_no, NULL, NULL },
	{ "unruled_teardown_no", unruled_teardown_no, "", NULL },
	{ "loop6", loop6, "routing-loop", "critical" },
	{ "loop6_no", loop6_no, NULL, NULL },
	{ "loop_to_sender", loop_to_sender, "routing-loop", "critical" },
	{ "loop_to_sender_no", loop_to_sender_no, "martian-source", "warning" },
	{ "fwd6_off", fwd6_off, "forwarding-disabled", "critical" },
	{ "fwd6_on_no", fwd6_on_no, NULL, NULL },
	{ "frag6_mem", frag6_mem, "fragment-memory-limit", "warning" },
	{ "frag6_no", frag6_no, NULL, NULL },
	{ "neigh6_failed", neigh6_failed, "neighbour-failed", "critical" },
	{ "neigh6_few", neigh6_few, NULL, NULL },
	{ "neigh_queue", neigh_queue, "neighbour-queue-full", "warning" },
	{ "link_out_neigh", link_out_neigh, "link-down", "critical" },
	{ "link_out_route", link_out_route, "link-down", "critical" },
	{ "link_out_route_no", link_out_route_no, "no-route-forward", NULL },
	{ "xdp_native", xdp_native, "xdp-drop", "critical" },
	{ "xfrm_out", xfrm_out, "ipsec-policy-drop", "critical" },
	{ "xfrm_out_few", xfrm_out_few, NULL, NULL },
	{ "route6_none", route6_none, "no-route-output", "critical" },
	{ "route6_tried_no", route6_tried_no, NULL, NULL },
	{ "nf_thread", nf_thread, "netfilter-drop", "warning" },
	{ "ethertype", ethertype, "unhandled-ethertype", "warning" },
	{ "ethertype_drop", ethertype_drop, "unhandled-ethertype", "warning" },
	{ "ethertype_no", ethertype_no, NULL, NULL },
	{ "ethertype_taken_no", ethertype_taken_no, NULL, NULL },
	{ "bridge_stp", bridge_stp, "bridge-port-blocked", "critical" },
	{ "bridge_stp_no", bridge_stp_no, NULL, NULL },
	{ "bridge_isolated", bridge_isolated, "bridge-port-blocked", "warning" },
	{ "bridge_same_port_no", bridge_same_port_no, NULL, NULL },
	{ "header", header, "ip-header-malformed", "warning" },
	{ "header_old", header_old, "ip-header-malformed", "warning" },
	{ "header_nameless", header_nameless, "ip-header-malformed", "warning" },
	{ "header_no", header_no, NULL, NULL },
	{ "header_nameless_no", header_nameless_no, NULL, NULL },
	{ "fwd_off_nameless", fwd_off_nameless, "forwarding-disabled", "critical" },
	{ "twice_dad", twice_dad, "duplicate-address", "warning" },
	{ "twice_neigh", twice_neigh, "duplicate-address", "warning" },
	{ "twice_bridge", twice_bridge, "duplicate-address", "warning" },
	{ "twice_no", twice_no, NULL, NULL },
	{ "source", source, "reply-source-mismatch", "critical" },
	{ "source_no", source_no, NULL, NULL },
	{ "tunnel_outer", tunnel_outer, "tunnel-checksum", "warning" },
	{ "tunnel_inner", tunnel_inner, "l4-checksum", NULL },
	{ "nat_escape", nat_escape, "conntrack-invalid-nat-escape", "warning" },
	{ "nat_escape_no", nat_escape_no, NULL, NULL },
	{ "idle_expired", idle_expired, "conntrack-idle-expired", "warning" },
	{ "idle_short", idle_short, "conntrack-invalid", "warning" },
	{ "ruleset", ruleset, "ruleset-slow", NULL },
	{ "ruleset_quick_no", ruleset_quick_no, NULL, NULL },
	{ "ruleset_few_no", ruleset_few_no, NULL, NULL },
	{ NULL, NULL, NULL, NULL },
};
