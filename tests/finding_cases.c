/* SPDX-License-Identifier: MIT */
/* For each rule a small database with the evidence of its fault, and near misses. */
#include "finding_cases.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- cases: a name ending in _no must find nothing above info ---- */

void case_udp_rcvbuf(void)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	frames(100, 1, 3, "b0", 0, 0);
	drops(80, "SOCKET_RCVBUFF", "udp_queue_rcv_one_skb", "loss", 3, "b0", 1);
	counter(3, "snmp", "Udp.RcvbufErrors", NULL, -1, 80);
	sock(0, 3, "udp", "CLOSE", "10.0.0.2", 9000, 0, 0, 0);
	sock(1, 3, "udp", "CLOSE", "10.0.0.2", 9000, 200000, 0, 80);
	sysctl(3, "net.core.rmem_max", "212992", NULL);
	sysctl(3, "net.core.rmem_default", "212992", NULL);
	for (int i = 0; i < 20; i++) {
		sql("INSERT INTO _packet(id, first_ns, last_ns, kind, flow_id, outcome, cpu_hops, "
		    "confidence) VALUES(%d, %lld, %lld, 1, 1, 1, 0, 1)",
		    5000 + i, T0, T0 + 1);
		sql("INSERT INTO _hop VALUES(%d, 0, %lld, 1, 0, NULL, 2, 0, 1), (%d, 1, %lld, 2, "
		    "0, NULL, 1, 4242, 1)",
		    5000 + i, T0, 5000 + i, T0 + 20000000);
	}
}

/* a kernel without drop reasons, no frames, drops without a place */
static void udp_rcvbuf_old(void)
{
	drops(30, NULL, "__udp_queue_rcv_skb", "loss", 0, NULL, 0);
	counter(3, "snmp", "Udp.RcvbufErrors", NULL, -1, 30);
}

/* no trace at all */
static void udp_rcvbuf_counter(void)
{
	counter(3, "snmp", "Udp.RcvbufErrors", NULL, -1, 30);
	sock(0, 3, "udp", "CLOSE", "10.0.0.2", 9000, 0, 0, 5);
	sock(1, 3, "udp", "CLOSE", "10.0.0.2", 9000, 200000, 0, 35);
}

static void udp_rcvbuf_no(void)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	drops(2, "SOCKET_RCVBUFF", "udp_queue_rcv_one_skb", "loss", 3, "b0", 1);
	counter(3, "snmp", "Udp.RcvbufErrors", NULL, -1, 2);
}

static void udp_mem(void)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	drops(30, "PROTO_MEM", "__udp_enqueue_schedule_skb", "loss", 3, "b0", 1);
	sysctl(3, "net.ipv4.udp_mem", "10 20 30", NULL);
}

static void udp_gone(void)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	frames(60, 1, 3, "b0", 0, 0);
	drops(50, "NO_SOCKET", "__udp4_lib_rcv", "loss", 3, "b0", 1);
	for (int i = 0; i < 40; i++) {
		flow(100 + i, 3, "udp", "10.0.0.1", 4000, "10.0.0.2", 20000 + i);
		drops(1, "NO_SOCKET", "__udp4_lib_rcv", "loss", 3, "b0", 100 + i);
	}
	counter(3, "snmp", "Udp.NoPorts", NULL, -1, 90);
	sock(0, 3, "udp", "CLOSE", "0.0.0.0", 9000, 0, 0, 0);
}

/* a scan: one datagram to each of many ports */
static void udp_gone_no(void)
{
	for (int i = 0; i < 60; i++) {
		flow(100 + i, 3, "udp", "10.0.0.1", 4000, "10.0.0.2", 20000 + i);
		drops(i % 4 + 1, "NO_SOCKET", "__udp4_lib_rcv", "loss", 3, "b0", 100 + i);
	}
	counter(3, "snmp", "Udp.NoPorts", NULL, -1, 150);
}

static void wrong_address(void)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	drops(20, "NO_SOCKET", "__udp4_lib_rcv", "loss", 3, "b0", 1);
	sock(1, 3, "udp", "CLOSE", "127.0.0.1", 9000, 0, 0, 0);
}

static void tcp_gone(void)
{
	for (int i = 0; i < 8; i++) {
		flow(1 + i, 3, "tcp", "10.0.0.1", 4000 + i, "10.0.0.2", 8000);
		frames(1, 1 + i, 3, "b0", 0, 2);
		drops(1, "NO_SOCKET", "tcp_v4_rcv", "loss", 3, "b0", 1 + i);
	}
}

/* a scan, and segments that came after a close */
static void tcp_gone_no(void)
{
	for (int i = 0; i < 40; i++) {
		flow(1 + i, 3, "tcp", "10.0.0.1", 4000, "10.0.0.2", 8000 + i);
		frames(1, 1 + i, 3, "b0", 0, 2);
		drops(1, "NO_SOCKET", "tcp_v4_rcv", "loss", 3, "b0", 1 + i);
	}
	flow(90, 3, "tcp", "10.0.0.1", 4000, "10.0.0.2", 7000);
	frames(10, 90, 3, "b0", 0, 16);
	drops(9, "NO_SOCKET", "tcp_v4_rcv", "loss", 3, "b0", 90);
}

static void nf_rule(void)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	frames(200, 1, 3, "b0", 0, 0);
	drops(200, "NETFILTER_DROP", "nft_do_chain", "policy", 3, "b0", 1);
	nft(1, "udp dport 9000 counter packets 200 bytes 1 drop", "drop", 200);
	nft(2, "udp dport 90 counter packets 5 bytes 1 drop", "drop", 5);
}

/* few attempts, but a socket listens on that port */
static void nf_listener(void)
{
	flow(1, 3, "tcp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	frames(6, 1, 3, "b0", 0, 2);
	drops(6, "NETFILTER_DROP", "nft_do_chain", "policy", 3, "b0", 1);
	sock(1, 3, "tcp", "LISTEN", "0.0.0.0", 9000, 0, 128, 0);
}

/* part of a flow */
static void nf_random(void)
{
	flow(1, 3, "tcp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	frames(100, 1, 3, "b0", 0, 16);
	drops(5, "NETFILTER_DROP", "nft_do_chain", "policy", 3, "b0", 1);
	nft(1, "tcp dport 9000 numgen random mod 100 < 5 counter drop", "drop", 5);
}

/* a firewall that refuses strangers */
static void nf_no(void)
{
	for (int i = 0; i < 30; i++) {
		flow(1 + i, 3, "tcp", "10.0.0.1", 4000, "10.0.0.2", 8000 + i);
		frames(3, 1 + i, 3, "b0", 0, 2);
		drops(3, "NETFILTER_DROP", "nft_do_chain", "policy", 3, "b0", 1 + i);
	}
	nft(1, "tcp dport 8000-9000 counter drop", "drop", 90);
}

static void nf_reject(void)
{
	flow(1, 3, "tcp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	frames(12, 1, 3, "b0", 0, 2);
	drops(12, "NETFILTER_DROP", "nft_do_chain", "policy", 3, "b0", 1);
	nft(1, "tcp dport 9000 counter reject with tcp reset", "reject with tcp reset", 12);
}

static void nf_invalid(void)
{
	flow(1, 3, "tcp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	frames(40, 1, 3, "b0", 0, 16);
	drops(12, "NETFILTER_DROP", "nft_do_chain", "policy", 3, "b0", 1);
	nft(1, "ct state invalid counter drop", "drop", 12);
	nft(2, "udp dport 53 counter drop", "drop", 12);
	counter(3, "conntrack", "invalid", NULL, -1, 12);
	sysctl(3, "net.netfilter.nf_conntrack_tcp_loose", "0", NULL);
	sysctl(3, "net.netfilter.nf_conntrack_tcp_be_liberal", "0", NULL);
}

void case_nf_frag(void)
{
	flow(1, 3, "udp", "10.0.0.1", 0, "10.0.0.2", 0);
	drops(12, "NETFILTER_DROP", "nft_do_chain", "policy", 3, "b0", 1);
	nft(1, "ip frag-off & 8191 != 0 counter drop", "drop", 12);
	counter(3, "snmp", "Ip.ReasmTimeout", NULL, -1, 12);
	drops(12, "FRAG_REASM_TIMEOUT", "inet_frag_rbtree_purge", "loss", 3, "b0", 1);
}

static void ct_full(void)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	frames(90, 1, 3, "b0", 0, 0);
	drops(80, "NETFILTER_DROP", "nf_hook_slow", "policy", 3, "b0", 1);
	sql("INSERT INTO symbol(function, location) VALUES('nft_do_chain', 'nft_do_chain+0x1')");
	nft(2, "udp dport 53 counter drop", "drop", 0);
	counter(3, "conntrack", "drop", NULL, -1, 80);
	counter(3, "conntrack", "early_drop", NULL, -1, 4);
	sysctl(1, "net.netfilter.nf_conntrack_max", "65536", "100");
	sql("INSERT INTO kmsg VALUES(%lld, 4, 'nf_conntrack: nf_conntrack: table full, dropping "
	    "packet')",
	    T0);
}

static void ct_time_wait(void)
{
	ct_full();
	sysctl(3, "net.netfilter.nf_conntrack_tcp_timeout_time_wait", "120", NULL);
	for (int i = 0; i < 50; i++)
		sql("INSERT INTO conntrack(snap_ns, netns_id, netns, proto, src, sport, dst, "
		    "dport, state, status) "
		    "VALUES(%lld, 3, 'b', 'tcp', '10.0.0.1', %d, '10.0.0.2', 80, '%s', 14)",
		    T0, 1000 + i, i < 40 ? "TIME_WAIT" : "ESTABLISHED");
}

static void ct_race(void)
{
	drops(6, "NETFILTER_DROP", "nf_hook_slow", "policy", 3, "b0", 0);
	counter(3, "conntrack", "drop", NULL, -1, 6);
	counter(3, "conntrack", "insert_failed", NULL, -1, 6);
}

static void ct_no(void)
{
	counter(3, "conntrack", "drop", NULL, -1, 2);
	counter(3, "conntrack", "insert_failed", NULL, -1, 2);
	counter(3, "conntrack", "invalid", NULL, -1, 50);
	drops(2, "NETFILTER_DROP", "nf_hook_slow", "policy", 3, "b0", 0);
}

static void qdisc_over(void)
{
	qdisc("tbf", "10:", "root", 0, 500, 1500, 6);
	drops(500, "QDISC_DROP", "__dev_queue_xmit", "loss", 2, "a0", 0);
}

/* no events; and what a transfer loses by design */
static void qdisc_no(void)
{
	qdisc("pfifo", "10:", "root", 0, 20, 100000, 900);
	drops(20, "QDISC_DROP", "__dev_queue_xmit", "loss", 2, "a0", 0);
}

static void netem_no(void)
{
	qdisc("netem", "10:", "root", 0, 500, 1500, 6);
}

static void qdisc_class(void)
{
	qdisc("htb", "1:", "root", 0, 300, 3000, 6);
	qdisc("htb", "1:10", "1:", 1, 300, 1000, 6);
	qdisc("htb", "1:20", "1:", 1, 0, 2000, 0);
}

static void qdisc_burst(void)
{
	qdisc("tbf", "10:", "root", 0, 50, 500, 0);
	sql("UPDATE qdisc SET burst_bytes = 1000, max_backlog_bytes = 0");
}

void case_backlog(void)
{
	drops(300, "CPU_BACKLOG", "enqueue_to_backlog", "loss", 3, "b0", 0);
	counter(0, "softnet_stat", "dropped", NULL, 1, 300);
	sysctl(1, "net.core.netdev_max_backlog", "1000", NULL);
}

static void backlog_no(void)
{
	drops(2, "CPU_BACKLOG", "enqueue_to_backlog", "loss", 3, "b0", 0);
	counter(0, "softnet_stat", "dropped", NULL, 1, 2);
	counter(0, "softnet_stat", "processed", NULL, 1, 200000);
}

static void accept_full(void)
{
	counter(3, "netstat", "TcpExt.ListenOverflows", NULL, -1, 12);
	counter(3, "netstat", "TcpExt.ListenDrops", NULL, -1, 12);
	sock(0, 3, "tcp", "LISTEN", "10.0.0.2", 8000, 0, 2, 0);
	sock(1, 3, "tcp", "LISTEN", "10.0.0.2", 8000, 3, 2, 0);
	sock(1, 3, "tcp", "LISTEN", "10.0.0.2", 22, 0, 128, 0);
	flow(1, 3, "tcp", "10.0.0.1", 4000, "10.0.0.2", 8000);
	frames(3, 1, 3, "b0", 0, 2);
	sysctl(3, "net.core.somaxconn", "4096", NULL);
}

static void accept_no(void)
{
	counter(3, "netstat", "TcpExt.ListenOverflows", NULL, -1, 2);
	counter(3, "netstat", "TcpExt.ListenDrops", NULL, -1, 2);
	sock(1, 3, "tcp", "LISTEN", "10.0.0.2", 8000, 2, 2, 0);
}

static void syn_queue(void)
{
	counter(3, "netstat", "TcpExt.TCPReqQFullDrop", NULL, -1, 40);
	counter(3, "netstat", "TcpExt.ListenDrops", NULL, -1, 40);
	sysctl(3, "net.ipv4.tcp_syncookies", "0", NULL);
	sysctl(3, "net.ipv4.tcp_max_syn_backlog", "128", NULL);
}

/* tcp_max_syn_backlog: ListenDrops alone */
static void syn_backlog(void)
{
	counter(3, "netstat", "TcpExt.ListenDrops", NULL, -1, 40);
	sysctl(3, "net.ipv4.tcp_syncookies", "0", NULL);
	sysctl(3, "net.ipv4.tcp_max_syn_backlog", "4", NULL);
	for (int i = 0; i < 3; i++)
		sock(1, 3, "tcp", "SYN_RECV", "10.0.0.2", 8000, 0, 0, i);
}

/* cookies help: nobody is refused */
static void syn_queue_no(void)
{
	counter(3, "netstat", "TcpExt.TCPReqQFullDoCookies", NULL, -1, 40);
}

static void rp_filter(void)
{
	flow(1, 3, "udp", "192.0.2.9", 4000, "10.0.0.2", 9000);
	frames(200, 1, 3, "b0", 0, 0);
	drops(200, "IP_RPFILTER", "ip_rcv_finish_core", "policy", 3, "b0", 1);
	counter(3, "netstat", "TcpExt.IPReversePathFilter", NULL, -1, 200);
	sysctl(3, "net.ipv4.conf.all.rp_filter", "0", NULL);
	sysctl(3, "net.ipv4.conf.b0.rp_filter", "1", NULL);
}

static void rp_filter_no(void)
{
	drops(3, "IP_RPFILTER", "ip_rcv_finish_core", "policy", 3, "b0", 0);
	counter(3, "netstat", "TcpExt.IPReversePathFilter", NULL, -1, 3);
}

static void no_route_fwd(void)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, "198.51.100.7", 9000);
	frames(150, 1, 3, "b0", 0, 0);
	drops(150, "IP_INNOROUTES", "ip_error", "loss", 3, "b0", 1);
	counter(3, "netstat", "IpExt.InNoRoutes", NULL, -1, 150);
	sysctl(3, "net.ipv4.ip_forward", "1", NULL);
}

static void no_route_no(void)
{
	drops(40, "IP_INNOROUTES", "ip6_pkt_discard", "loss", 3, "b0", 0);
	drops(40, "NOT_SPECIFIED", "ip6_mc_input", "noise", 3, "b0", 0);
	counter(3, "snmp6", "Ip6InNoRoutes", NULL, -1, 40);
	counter(3, "snmp6", "Ip6OutNoRoutes", NULL, -1, 40);
}

static void fwd_off(void)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.9.0.2", 9000);
	frames(230, 1, 3, "b0", 0, 0);
	drops(200, "IP_INADDRERRORS", "ip_error", "loss", 3, "b0", 1);
	counter(3, "snmp", "Ip.InAddrErrors", NULL, -1, 200);
	sysctl(3, "net.ipv4.ip_forward", "1", "0");
}

/* stray packets at a host that never forwards: one leg */
static void fwd_off_no(void)
{
	flow(1, 2, "udp", "10.0.0.1", 4000, "10.9.0.2", 9000);
	drops(20, "IP_INADDRERRORS", "ip_error", "loss", 2, "a0", 1);
	sysctl(2, "net.ipv4.ip_forward", "0", NULL);
}

static void no_route_out(void)
{
	counter(2, "snmp", "Ip.OutNoRoutes", NULL, -1, 200);
	sql("INSERT INTO route(netns_id, netns, family, table_no, type, dst, dev) VALUES(2, 'a', "
	    "2, 254, 'unicast', '10.0.0.0/24', 'a0')");
}

static void no_route_back(void)
{
	counter(3, "snmp", "Ip.OutNoRoutes", NULL, -1, 12);
	counter(3, "netstat", "TcpExt.ListenDrops", NULL, -1, 12);
}

static void checksum(void)
{
	flow(1, 3, "udp", "10.0.0.1", 900, "10.0.0.2", 9000);
	flow(2, 3, "tcp", "10.0.0.1", 901, "10.0.0.2", 9001);
	drops(100, "UDP_CSUM", "udp_recvmsg", "error", 0, NULL, 1);
	drops(40, "TCP_CSUM", "tcp_v4_rcv", "error", 3, "b0", 2);
	counter(3, "snmp", "Udp.InCsumErrors", NULL, -1, 100);
	counter(3, "snmp", "Tcp.InCsumErrors", NULL, -1, 40);
}

static void frag_lost(void)
{
	flow(1, 3, "udp", "10.0.0.1", 900, "10.0.0.2", 9000);
	drops(30, "FRAG_REASM_TIMEOUT", "inet_frag_rbtree_purge", "loss", 0, NULL, 1);
	counter(3, "snmp", "Ip.ReasmTimeout", NULL, -1, 30);
	counter(3, "snmp", "Ip.ReasmFails", NULL, -1, 30);
	sysctl(3, "net.ipv4.ipfrag_time", "30", NULL);
}

static void frag_mem(void)
{
	drops(30, "NOT_SPECIFIED", "ip_defrag", "loss", 3, "b0", 0);
	counter(3, "snmp", "Ip.ReasmFails", NULL, -1, 30);
	sysctl(3, "net.ipv4.ipfrag_high_thresh", "4194304", NULL);
}

static void neigh(const char *address, const char *state)
{
	sql("INSERT INTO neigh VALUES(%lld, 2, 'a', 'a0', 2, '%s', NULL, '%s')", T0 + 1000, address,
	    state);
}

void case_neigh_failed(void)
{
	drops(90, "NEIGH_FAILED", "neigh_invalidate", "loss", 0, NULL, 0);
	drops(60, "NEIGH_QUEUEFULL", "__neigh_event_send", "loss", 0, NULL, 0);
	neigh("10.0.0.77", "FAILED");
	counter(0, "arp_cache", "res_failed", NULL, -1, 3);
}

/* a scan of the network by this host */
static void neigh_failed_no(void)
{
	char address[32];

	for (int i = 0; i < 20; i++) {
		snprintf(address, sizeof(address), "10.0.0.%d", 100 + i);
		neigh(address, "FAILED");
	}
	drops(50, "NEIGH_FAILED", "neigh_invalidate", "loss", 0, NULL, 0);
}

static void neigh_table(void)
{
	drops(9, "NEIGH_CREATEFAIL", "ip_finish_output2", "loss", 0, NULL, 0);
	counter(0, "arp_cache", "table_fulls", NULL, -1, 9);
	sysctl(1, "net.ipv4.neigh.default.gc_thresh3", "1024", NULL);
}

static void wrong_mac(void)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	frames(200, 1, 3, "b0", 0, 0);
	sql("UPDATE _frame SET dst_kind = 4");
	drops(200, "OTHERHOST", "ip_rcv_core", "noise", 3, "b0", 1);
	sql("INSERT INTO neigh VALUES(%lld, 2, 'a', 'a0', 2, '10.0.0.2', '02:00:00:00:00:77', "
	    "'PERMANENT')",
	    T0);
}

/* flooding for somebody else */
static void wrong_mac_no(void)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.0.0.77", 9000);
	frames(200, 1, 3, "b0", 0, 0);
	drops(200, "OTHERHOST", "ip_rcv_core", "noise", 3, "b0", 1);
	drops(20, "UNHANDLED_PROTO", "__netif_receive_skb_core", "noise", 3, "b0", 0);
}

static void vlan(void)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	drops(20, "OTHERHOST", "ip_rcv_core", "noise", 3, "b0", 1);
	frames(20, 1, 3, "b0", 0, 0);
	sql("UPDATE _frame SET vlan = 42, packet_id = (SELECT max(id) FROM _packet) - no + 1");
}

static void tun(void)
{
	sql("INSERT INTO netdev(id, netns_id, netns, ifindex, name, kind, mtu, flags, "
	    "tx_queue_len) VALUES(9, 3, 'b', 9, 'vpn0', 'tun', 1500, 4305, 50)");
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.8.0.9", 9000);
	frames(240, 1, 3, "b0", 0, 0);
	drops(150, "FULL_RING", "tun_net_xmit", "loss", 3, "vpn0", 1);
	counter(3, "dev", "tx_dropped", "vpn0", -1, 150);
}

static void tun_no(void)
{
	drops(4, "FULL_RING", "tun_net_xmit", "loss", 3, "vpn0", 0);
}

static void xdp(void)
{
	drops(150, "NOT_SPECIFIED", "do_xdp_generic", "policy", 3, "b0", 0);
}

static void tc_in(void)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	frames(100, 1, 3, "b0", 0, 0);
	drops(100, "TC_INGRESS", "__netif_receive_skb_core", "policy", 3, "b0", 1);
	sql("INSERT INTO qdisc(netns_id, netns, dev, class, kind, handle, parent, drops_delta) "
	    "VALUES(3, 'b', 'b0', 0, 'clsact', 'ffff:', 'clsact', 100)");
	sql("INSERT INTO tc_filter VALUES(3, 'b', 'b0', 'ingress', 'bpf', 49152, 3, '[]', 0)");
}

static void tc_out(void)
{
	drops(100, "TC_EGRESS", "__dev_queue_xmit", "policy", 0, NULL, 0);
	sql("INSERT INTO qdisc(netns_id, netns, dev, class, kind, handle, parent, drops_delta) "
	    "VALUES(2, 'a', 'a0', 0, 'clsact', 'ffff:', 'clsact', 100)");
}

static void capture_own(void)
{
	sql("INSERT INTO quality(kind, source, cpu, count, note) VALUES('events-lost', 'ring "
	    "buffer', 0, 5000, 'x')");
	counter(3, "snmp", "Udp.NoPorts", NULL, -1, 1);
}

static void capture_other(void)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	drops(12, "PACKET_SOCK_ERROR", "packet_rcv", "noise", 3, "b0", 1);
}

/* A receiver that closes its window at 10 ms and opens it @ms later. */
static void window(int ms)
{
	static const int zero[] = { 0, 1, 1, 0, 0 };
	int at[] = { 0, 10, 15, 10 + ms, 20 + ms };

	flow(1, 2, "tcp", "10.0.0.1", 4000, "10.0.0.2", 8000);
	flow(2, 3, "tcp", "10.0.0.2", 8000, "10.0.0.1", 4000);
	flow(3, 3, "tcp", "10.0.0.1", 4000, "10.0.0.2", 8000);
	sql("UPDATE flow SET reverse_id = 3 WHERE id = 2");
	for (size_t i = 0; i < 5; i++)
		sql("INSERT INTO _frame(no, ts_ns, netns_id, dev_id, direction, len_bytes, "
		    "cap_bytes, flow_id, tcp_flags, tcp_window, member, offset) "
		    "VALUES(%zu, %lld, 3, %" PRId64 ", 1, 66, 66, 2, 16, %d, 0, 0)",
		    i + 1, T0 + at[i] * 1000000LL, name_id("b0"), zero[i] ? 0 : 500);
	counter(3, "netstat", "TcpExt.TCPToZeroWindowAdv", NULL, -1, 1);
}

static void zero_window(void)
{
	window(2500);
}

/* as harmful as fifteen lost packets */
static void zero_window_warning(void)
{
	window(1500);
}

void case_zero_window_brief(void)
{
	window(220);
}

static void zero_window_no(void)
{
	window(40);
}

static void zero_window_probe(void)
{
	counter(2, "netstat", "TcpExt.TCPFromZeroWindowAdv", NULL, -1, 1);
	sql("INSERT INTO socket(snap_id, snap_ns, netns_id, netns, proto, family, state, src, "
	    "sport, dst, dport, wqueue, timer) "
	    "VALUES(1, %lld, 2, 'a', 'tcp', 2, 'ESTABLISHED', '10.0.0.1', 4000, '10.0.0.2', 8000, "
	    "90000, 4)",
	    T0);
}

static void ttl_frames(int packets, int rounds, int first_ttl)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, "198.51.100.7", 9000);
	for (int p = 0; p < packets; p++)
		for (int i = 0; i < rounds; i++)
			sql("INSERT INTO _frame(no, ts_ns, netns_id, dev_id, direction, len_bytes, "
			    "cap_bytes, flow_id, ttl, ip_id, member, offset) "
			    "VALUES(%d, %lld, 3, %" PRId64 ", 0, 200, 64, 1, %d, %d, 0, 0)",
			    p * rounds + i + 1, T0 + p * 1000000LL + i * 1000, name_id("b0"),
			    first_ttl - 2 * i, p + 1);
	drops(packets, "IP_INHDR", "ip_forward", "error", 3, "b0", 1);
	counter(3, "snmp", "Ip.InHdrErrors", NULL, -1, packets);
}

static void loop(void)
{
	ttl_frames(5, 32, 63);
}

static void ttl(void)
{
	ttl_frames(20, 1, 1);
}

/* mtr: to one port with one TTL after the other */
static void ttl_probes(void)
{
	ttl_frames(20, 1, 1);
	sql("UPDATE _frame SET ttl = 2 WHERE no > 10");
}

static void ttl_no(void)
{
	ttl_frames(6, 1, 1);
}

static void martian(void)
{
	flow(1, 3, "udp", "10.0.0.2", 4000, "10.0.0.2", 9000);
	drops(20, "IP_LOCAL_SOURCE", "ip_rcv_finish_core", "policy", 3, "b0", 1);
	sysctl(3, "net.ipv4.conf.all.log_martians", "0", NULL);
}

/* a DNAT to loopback: the frame's source is an ordinary one */
static void martian_no(void)
{
	flow(1, 3, "tcp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	drops(20, "IP_LOCALNET", "ip_rcv_finish_core", "policy", 3, "b0", 1);
}

static void multicast(void)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, "239.1.2.3", 9000);
	drops(20, "NOT_SPECIFIED", "ip_rcv_finish_core", "loss", 3, "b0", 1);
	sock(1, 3, "udp", "CLOSE", "0.0.0.0", 9000, 0, 0, 0);
}

/* nobody here waits for it */
static void multicast_no(void)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, "239.1.2.3", 9000);
	drops(200, "NOT_SPECIFIED", "ip_rcv_finish_core", "loss", 3, "b0", 1);
	sock(1, 3, "udp", "CLOSE", "0.0.0.0", 9001, 0, 0, 0);
}

static void vni(void)
{
	drops(20, "VXLAN_VNI_NOT_FOUND", "vxlan_rcv", "loss", 3, "b0", 0);
}

static void carrier(void)
{
	counter(3, "dev", "carrier_down_count", "b0", -1, 1);
	counter(3, "dev", "carrier_changes", "b0", -1, 2);
	counter(3, "dev", "tx_dropped", "b0", -1, 60);
	drops(60, "NEIGH_QUEUEFULL", "__neigh_event_send", "loss", 3, "b0", 0);
}

/* both ends of a link, drops of which no event tells where: the end that sends most */
static void carrier_unplaced(void)
{
	counter(2, "dev", "carrier_changes", "a0", -1, 2);
	counter(3, "dev", "carrier_changes", "b0", -1, 2);
	counter(2, "dev", "tx_packets", "a0", -1, 10);
	counter(3, "dev", "tx_packets", "b0", -1, 500);
	drops(30, "NEIGH_QUEUEFULL", "__neigh_event_send", "loss", 0, NULL, 0);
}

/* a device that comes and goes without harm */
static void carrier_no(void)
{
	counter(3, "dev", "carrier_down_count", "b0", -1, 1);
	counter(3, "dev", "carrier_changes", "b0", -1, 2);
}

static void peer_down(void)
{
	sql("UPDATE netdev SET flags = 4098 WHERE name = 'b0'");
	drops(60, "NOT_SPECIFIED", "__dev_forward_skb2", "loss", 2, "a0", 0);
}

static void mtu(void)
{
	sql("UPDATE netdev SET mtu = 1000 WHERE name = 'b0'");
	drops(60, "NOT_SPECIFIED", "__dev_forward_skb2", "loss", 2, "a0", 0);
	sql("UPDATE _packet SET len_bytes = 1400");
}

static void simple(const char *reason, const char *function, int n)
{
	flow(1, 3, "tcp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	drops(n, reason, function, "policy", 3, "b0", 1);
}

static void sk_filter(void)
{
	simple("SOCKET_FILTER", "udp_queue_rcv_one_skb", 20);
}

static void sk_filter_no(void)
{
	simple("SOCKET_FILTER", "packet_rcv", 200);
}

static void cgroup(void)
{
	simple("BPF_CGROUP_EGRESS", "ip_finish_output", 20);
}

static void xfrm(void)
{
	simple("XFRM_POLICY", "ip_protocol_deliver_rcu", 20);
}

static void noproto(void)
{
	simple("IP_NOPROTO", "ip_protocol_deliver_rcu", 20);
}

static void ip_csum(void)
{
	simple("IP_CSUM", "ip_rcv_core", 20);
	counter(3, "netstat", "IpExt.InCsumErrors", NULL, -1, 20);
}

static void v6_off(void)
{
	flow(1, 3, "udp", "2001:db8::1", 4000, "2001:db8::2", 9000);
	drops(20, "IPV6DISABLED", "ip6_rcv_core", "policy", 3, "b0", 1);
}

static void v6_off_no(void)
{
	flow(1, 3, "icmpv6", "fe80::1", 0, "ff02::1", 0);
	drops(20, "IPV6DISABLED", "ip6_rcv_core", "policy", 3, "b0", 1);
}

static void tcp_mem(void)
{
	simple("PROTO_MEM", "tcp_data_queue", 20);
	sysctl(1, "net.ipv4.tcp_mem", "10\t20\t30", NULL);
	sql("INSERT INTO _counter VALUES(%lld, 3, %" PRId64 ", %" PRId64 ", NULL, NULL, 31)", T0,
	    name_id("sockstat"), name_id("TCP.mem"));
}

/* one socket's limit */
static void tcp_mem_no(void)
{
	simple("PROTO_MEM", "tcp_data_queue", 20);
	sysctl(1, "net.ipv4.tcp_mem", "10000\t20000\t30000", NULL);
	sql("INSERT INTO _counter VALUES(%lld, 3, %" PRId64 ", %" PRId64 ", NULL, NULL, 31)", T0,
	    name_id("sockstat"), name_id("TCP.mem"));
}

static void tcp_auth(void)
{
	simple("TCP_MD5NOTFOUND", "tcp_v4_rcv", 6);
}

static void tcp_backlog(void)
{
	simple("SOCKET_BACKLOG", "tcp_add_backlog", 20);
}

static void paws(void)
{
	simple("TCP_RFC7323_PAWS", "tcp_validate_incoming", 20);
	sysctl(3, "net.ipv4.tcp_timestamps", "1", NULL);
}

static void paws_no(void)
{
	simple("TCP_RFC7323_PAWS_ACK", "tcp_validate_incoming", 200);
}

static void prune(void)
{
	simple("TCP_OFO_QUEUE_PRUNE", "tcp_prune_ofo_queue", 20);
}

static void nic_missed(void)
{
	counter(1, "dev", "rx_missed_errors", "eth0", -1, 900);
	counter(1, "dev", "rx_packets", "eth0", -1, 100000);
	sql("INSERT INTO dev_feature VALUES(1, 'init', 'eth0', 'ring', 'rx', '512'), "
	    "(1, 'init', 'eth0', 'ring', 'rx_max', '4096')");
}

static void nic_missed_no(void)
{
	counter(1, "dev", "rx_missed_errors", "eth0", -1, 6);
	counter(1, "dev", "rx_packets", "eth0", -1, 100000000);
}

static void nic_crc(void)
{
	counter(1, "dev", "rx_crc_errors", "eth0", -1, 90);
}

static void nic_allowance(void)
{
	counter(1, "ethtool", "bw_in_allowance_exceeded", "eth0", -1, 90);
}

/* what every healthy host shows */
static void healthy_no(void)
{
	simple("QUEUE_PURGE", "sk_stream_kill_queues", 50);
	drops(50, "TCP_OLD_DATA", "tcp_data_queue", "protocol", 3, "b0", 1);
	drops(50, "NOT_SPECIFIED", "ip6_mc_input", "noise", 3, "b0", 0);
	drops(9, "NO_SOCKET", "ping_rcv", "noise", 3, "b0", 0);
	drops(30, "TCP_RESET", "tcp_rcv_state_process", "protocol", 3, "b0", 1);
	counter(3, "snmp", "Tcp.OutRsts", NULL, -1, 30);
	counter(3, "snmp", "Tcp.RetransSegs", NULL, -1, 3);
	counter(3, "snmp", "Udp.IgnoredMulti", NULL, -1, 30);
	sock(0, 3, "tcp", "LISTEN", "0.0.0.0", 9000, 0, 128, 0);
	sock(1, 3, "tcp", "LISTEN", "0.0.0.0", 9000, 0, 128, 0);
}

const struct finding_case finding_cases[] = {
	{ "udp_rcvbuf", case_udp_rcvbuf, "udp-rcvbuf-overflow", "critical" },
	{ "udp_rcvbuf_old", udp_rcvbuf_old, "udp-rcvbuf-overflow", "critical" },
	{ "udp_rcvbuf_counter", udp_rcvbuf_counter, "udp-rcvbuf-overflow", "critical" },
	{ "udp_rcvbuf_no", udp_rcvbuf_no, NULL, NULL },
	{ "udp_mem", udp_mem, "udp-memory-limit", "critical" },
	{ "udp_gone", udp_gone, "udp-no-listener", "critical" },
	{ "udp_gone_no", udp_gone_no, NULL, NULL },
	{ "wrong_address", wrong_address, "listener-wrong-address", "warning" },
	{ "tcp_gone", tcp_gone, "tcp-no-listener", "warning" },
	{ "tcp_gone_no", tcp_gone_no, NULL, NULL },
	{ "nf_rule", nf_rule, "netfilter-drop", "critical" },
	{ "nf_listener", nf_listener, "netfilter-drop", "warning" },
	{ "nf_random", nf_random, "netfilter-drop", "warning" },
	{ "nf_no", nf_no, NULL, NULL },
	{ "nf_reject", nf_reject, "netfilter-reject", "warning" },
	{ "nf_invalid", nf_invalid, "conntrack-invalid", "warning" },
	{ "nf_frag", case_nf_frag, "netfilter-fragment-drop", "warning" },
	{ "ct_full", ct_full, "conntrack-full", "critical" },
	{ "ct_time_wait", ct_time_wait, "conntrack-time-wait", "critical" },
	{ "ct_race", ct_race, "conntrack-insert-failed", "warning" },
	{ "ct_no", ct_no, NULL, NULL },
	{ "qdisc_over", qdisc_over, "qdisc-overflow", "critical" },
	{ "qdisc_no", qdisc_no, NULL, NULL },
	{ "netem_no", netem_no, NULL, NULL },
	{ "qdisc_class", qdisc_class, "qdisc-class-overflow", "critical" },
	{ "qdisc_burst", qdisc_burst, "qdisc-burst-below-mtu", "critical" },
	{ "backlog", case_backlog, "backlog-overflow", "critical" },
	{ "backlog_no", backlog_no, NULL, NULL },
	{ "accept_full", accept_full, "tcp-accept-queue-overflow", "critical" },
	{ "accept_no", accept_no, NULL, NULL },
	{ "syn_queue", syn_queue, "tcp-syn-queue-overflow", "critical" },
	{ "syn_backlog", syn_backlog, "tcp-syn-queue-overflow", "critical" },
	{ "syn_queue_no", syn_queue_no, NULL, NULL },
	{ "rp_filter", rp_filter, "rp-filter", "critical" },
	{ "rp_filter_no", rp_filter_no, NULL, NULL },
	{ "no_route_fwd", no_route_fwd, "no-route-forward", "critical" },
	{ "no_route_no", no_route_no, NULL, NULL },
	{ "fwd_off", fwd_off, "forwarding-disabled", "critical" },
	{ "fwd_off_no", fwd_off_no, NULL, NULL },
	{ "no_route_out", no_route_out, "no-route-output", "critical" },
	{ "no_route_back", no_route_back, "no-return-route", "critical" },
	{ "checksum", checksum, "l4-checksum", "critical" },
	{ "frag_lost", frag_lost, "fragment-lost", "critical" },
	{ "frag_mem", frag_mem, "fragment-memory-limit", "warning" },
	{ "neigh_failed", case_neigh_failed, "neighbour-failed", "critical" },
	{ "neigh_failed_no", neigh_failed_no, NULL, NULL },
	{ "neigh_table", neigh_table, "neighbour-table-full", NULL },
	{ "wrong_mac", wrong_mac, "wrong-dest-mac", "critical" },
	{ "wrong_mac_no", wrong_mac_no, NULL, NULL },
	{ "vlan", vlan, "vlan-mismatch", "warning" },
	{ "tun", tun, "tun-ring-full", "critical" },
	{ "tun_no", tun_no, NULL, NULL },
	{ "xdp", xdp, "xdp-drop", NULL },
	{ "tc_in", tc_in, "tc-ingress-drop", NULL },
	{ "tc_out", tc_out, "tc-egress-drop", NULL },
	{ "capture_own", capture_own, "capture-overflow", "info" },
	{ "capture_other", capture_other, "capture-overflow", "info" },
	{ "zero_window", zero_window, "tcp-zero-window", "critical" },
	{ "zero_window_warning", zero_window_warning, "tcp-zero-window", "warning" },
	{ "zero_window_probe", zero_window_probe, "tcp-zero-window", "warning" },
	{ "zero_window_brief", case_zero_window_brief, "tcp-zero-window", "warning" },
	{ "zero_window_no", zero_window_no, NULL, NULL },
	{ "loop", loop, "routing-loop", "warning" },
	{ "ttl", ttl, "ttl-expired", "warning" },
	{ "ttl_probes", ttl_probes, "ttl-expired", "info" },
	{ "ttl_no", ttl_no, NULL, NULL },
	{ "martian", martian, "martian-source", "warning" },
	{ "martian_no", martian_no, NULL, NULL },
	{ "multicast", multicast, "multicast-not-joined", "warning" },
	{ "multicast_no", multicast_no, NULL, NULL },
	{ "vni", vni, "vxlan-vni-unknown", "warning" },
	{ "carrier", carrier, "link-down", "critical" },
	{ "carrier_unplaced", carrier_unplaced, "link-down", "warning" },
	{ "carrier_no", carrier_no, NULL, NULL },
	{ "peer_down", peer_down, "peer-device-down", "critical" },
	{ "mtu", mtu, "l2-mtu-mismatch", "critical" },
	{ "sk_filter", sk_filter, "socket-filter-drop", "warning" },
	{ "sk_filter_no", sk_filter_no, NULL, NULL },
	{ "cgroup", cgroup, "cgroup-bpf-drop", "warning" },
	{ "xfrm", xfrm, "ipsec-policy-drop", "warning" },
	{ "noproto", noproto, "unknown-ip-protocol", "warning" },
	{ "ip_csum", ip_csum, "ip-header-checksum", "warning" },
	{ "v6_off", v6_off, "ipv6-disabled", "warning" },
	{ "v6_off_no", v6_off_no, NULL, NULL },
	{ "tcp_mem", tcp_mem, "tcp-memory-limit", NULL },
	{ "tcp_mem_no", tcp_mem_no, NULL, NULL },
	{ "tcp_auth", tcp_auth, "tcp-auth-mismatch", "warning" },
	{ "tcp_backlog", tcp_backlog, "tcp-backlog-overflow", "warning" },
	{ "paws", paws, "tcp-paws", "warning" },
	{ "paws_no", paws_no, NULL, NULL },
	{ "prune", prune, "tcp-rcvbuf-pruned", "warning" },
	{ "nic_missed", nic_missed, "nic-rx-missed", NULL },
	{ "nic_missed_no", nic_missed_no, NULL, NULL },
	{ "nic_crc", nic_crc, "nic-rx-errors", NULL },
	{ "nic_allowance", nic_allowance, "nic-allowance-exceeded", NULL },
	{ "healthy_no", healthy_no, NULL, NULL },
	{ NULL, NULL, NULL, NULL },
};
