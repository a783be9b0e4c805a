/* SPDX-License-Identifier: MIT */
/* Cases of delays and refusals that no drop event shows, each with a near miss. */
#include "finding_cases.h"

#include <stdio.h>

/* A packet of @flow_id with two stages, @wait apart. */
static void way(int id, int flow_id, int64_t at, const char *one, int cpu1, const char *two,
		int cpu2, int64_t wait)
{
	sql("INSERT INTO _stage(name) SELECT value FROM json_each('[\"%s\", \"%s\"]') WHERE value "
	    "NOT IN (SELECT name FROM _stage)",
	    one, two);
	sql("INSERT INTO _packet(id, first_ns, last_ns, kind, flow_id, netns_out_id, outcome, "
	    "cpu_hops, confidence) VALUES(%d, %lld, %lld, 2, nullif(%d, 0), 2, 2, 0, 1)",
	    id, (long long)at, (long long)(at + wait), flow_id);
	sql("INSERT INTO _hop SELECT %d, 0, %lld, id, %d, %lld, 2, 0, 1 FROM _stage WHERE name = "
	    "'%s'",
	    id, (long long)at, cpu1, (long long)name_id("a0"), one);
	sql("INSERT INTO _hop SELECT %d, 1, %lld, id, %d, %lld, 2, 0, 1 FROM _stage WHERE name = "
	    "'%s'",
	    id, (long long)(at + wait), cpu2, (long long)name_id("a0"), two);
}

static void two_ways(int ns, const char *a, int aport, const char *b, int bport)
{
	flow(1, ns, "tcp", a, aport, b, bport);
	flow(2, ns, "tcp", b, bport, a, aport);
	sql("UPDATE flow SET reverse_id = 3 - id WHERE id < 3");
}

static void no_port(int n)
{
	for (int i = 0; i < n; i++)
		event("inet_sock_set_state", T0 + 10 * MS * i,
		      "{\"oldstate\":\"TCP_SYN_SENT\",\"newstate\":\"TCP_CLOSE\",\"sport\":0,"
		      "\"dport\":80,\"family\":\"AF_INET\",\"saddr\":\"10.0.0.1\","
		      "\"daddr\":\"10.0.0.9\"}");
	sysctl(2, "net.ipv4.ip_local_port_range", "32768\t32800", NULL);
	sysctl(2, "net.ipv4.tcp_tw_reuse", "2", NULL);
}

static void held(const char *state, int n)
{
	for (int i = 0; i < n; i++) {
		sock(0, 2, "tcp", state, "10.0.0.1", 32768 + i, 0, 0, 0);
		sql("UPDATE socket SET dst = '10.0.0.9', dport = 80 WHERE sport >= 32768");
	}
}

static void ports_held(void)
{
	no_port(5);
	held("ESTABLISHED", 30);
}

static void ports_tw(void)
{
	no_port(5);
	held("TIME_WAIT", 30);
}

/* a refused connection has a source port */
static void ports_no(void)
{
	for (int i = 0; i < 9; i++)
		event("inet_sock_set_state", T0 + 10 * MS * i,
		      "{\"oldstate\":\"TCP_SYN_SENT\",\"newstate\":\"TCP_CLOSE\",\"sport\":32770,"
		      "\"dport\":80,\"family\":\"AF_INET\",\"saddr\":\"10.0.0.1\","
		      "\"daddr\":\"10.0.0.9\"}");
	no_port(2);
	held("TIME_WAIT", 30);
}

static void queue(int late)
{
	qdisc("tbf", "10:", "root", 0, 0, 100, 50);
	for (int i = 0; i < 100; i++)
		way(6000 + i, 0, T0 + 20 * MS * i, "net_dev_queue", 0, "net_dev_start_xmit", 0,
		    i < late ? 120 * MS : 10000);
}

static void standing(void)
{
	queue(90);
}

/* a burst that drains */
static void standing_no(void)
{
	queue(40);
}

static void mtu_hole(void)
{
	flow(1, 3, "tcp", "10.0.1.1", 4000, "10.0.2.2", 80);
	drops(7, "PKT_TOO_BIG", "ip_forward", "loss", 3, "b0", 1);
	sql("UPDATE _drop SET ts_ns = ts_ns + id * %lld", 200 * MS);
	counter(3, "snmp", "Ip.FragFails", NULL, -1, 7);
	counter(3, "snmp", "Icmp.OutDestUnreachs", NULL, -1, 7);
	nft(1, "icmp type 3 counter drop", "drop", 7);
}

/* the sender is on this host */
static void mtu_hole_own(void)
{
	mtu_hole();
	sql("INSERT INTO addr VALUES(2, 'a', 'a0', 2, '10.0.1.1', 24, 0, 0)");
	sysctl(2, "net.ipv4.tcp_mtu_probing", "0", NULL);
}

/* a window of packets until the sender learns */
static void mtu_hole_no(void)
{
	flow(1, 3, "tcp", "10.0.1.1", 4000, "10.0.2.2", 80);
	drops(10, "PKT_TOO_BIG", "ip_forward", "loss", 3, "b0", 1);
	counter(3, "snmp", "Ip.FragFails", NULL, -1, 10);
}

/* A reader that its quota stops @n times for @gap, the last time for @last. */
static void quota(int n, int64_t gap, int64_t last)
{
	long long total = (n - 1) * (long long)gap + last;

	event("sched_switch", T0, "{}");
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	for (int i = 0; i < n; i++) {
		int64_t at = T0 + i * 100 * MS;

		way(6000 + i, 1, at, "netif_receive_skb", 0, "sk_data_ready", 0, 2000);
		wake(at + 4000, 0, 4242, 0, 5000);
		runs(at + 9000, at + 5 * MS, 0, 4242, 256);
		if (i == n - 1)
			gap = last;
		runs(at + 5 * MS + gap, at + 5 * MS + gap + 9000, 0, 4242, 1);
	}
	sql("INSERT INTO cgroup_quota VALUES(%lld, '/box', 2, 10000, 100000, 5, 0, 0), (%lld, "
	    "'/box', 2, 10000, 100000, 50, %d, %lld)",
	    T0, T0 + 5000 * MS, n, total);
	sql("UPDATE task SET cgroup = '/box'");
}

static void starved(void)
{
	quota(10, 80 * MS, 80 * MS);
	drops(60, "SOCKET_RCVBUFF", "udp_queue_rcv_one_skb", "loss", 3, "b0", 1);
	counter(3, "snmp", "Udp.RcvbufErrors", NULL, -1, 60);
}

/* a second each time behind others' work, and nothing is lost: no more than a warning */
void case_starved_busy(void)
{
	event("sched_switch", T0, "{}");
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	for (int i = 0; i < 6; i++) {
		int64_t at = T0 + i * 2000 * MS;

		way(6000 + i, 1, at, "netif_receive_skb", 0, "sk_data_ready", 0, 2000);
		wake(at + 4000, 0, 4242, 0, 5000);
		runs(at + 9000, at + 5 * MS, 0, 4242, 256);
		runs(at + 1505 * MS, at + 1510 * MS, 0, 4242, 1);
	}
	sock(1, 3, "udp", "CLOSE", "10.0.0.2", 9000, 2000, 0, 0);
}

/* once for a second, and two in all: that is critical, less is not */
static void starved_once(void)
{
	quota(10, 80 * MS, 1100 * MS);
	sock(1, 3, "udp", "CLOSE", "10.0.0.2", 9000, 2000, 0, 0);
}

static void starved_long(void)
{
	quota(12, 90 * MS, 1100 * MS);
	sock(1, 3, "udp", "CLOSE", "10.0.0.2", 9000, 2000, 0, 0);
}

/* it waits a little for its turn, and nothing is lost */
static void starved_no(void)
{
	quota(10, 4 * MS, 4 * MS);
	sock(1, 3, "udp", "CLOSE", "10.0.0.2", 9000, 2000, 0, 0);
}

static void softirq(int n, int64_t late)
{
	for (int i = 0; i < n; i++) {
		int64_t at = T0 + i * 200 * MS;

		sql("INSERT INTO softirq VALUES(%lld, %lld, %lld, 1, 3, 4242)",
		    (long long)(at + late), (long long)(at + late + 10000), (long long)late);
		runs(at - 100 * MS, at + late, 1, 4242, 0);
	}
}

static void late_softirq(void)
{
	softirq(12, 6 * MS);
}

/* late by 30 ms, which is critical */
void case_very_late_softirq(void)
{
	softirq(60, 30 * MS);
}

static void late_softirq_no(void)
{
	softirq(3, 4 * MS);
}

/* ksoftirqd waits, as on a busy host: tasks in turn, and NET_RX is not late */
static void late_softirq_busy_no(void)
{
	sql("INSERT INTO task VALUES(22, 22, 'ksoftirqd/1', 1, '/')");
	counter(0, "softnet_stat", "time_squeeze", NULL, 1, 300);
	for (int i = 0; i < 20; i++) {
		wake(T0 + i * 100 * MS, 0, 22, 1, 40 * MS);
		for (int k = 0; k < 10; k++)
			runs(T0 + i * 100 * MS + k * 4 * MS, T0 + i * 100 * MS + (k + 1) * 4 * MS,
			     1, 4242 + k, 256);
	}
}

static void squeeze(void)
{
	softirq(12, 10000);
	counter(0, "softnet_stat", "time_squeeze", NULL, 1, 300);
	sysctl(1, "net.core.netdev_budget", "300", NULL);
	sysctl(1, "net.core.netdev_budget_usecs", "2000", NULL);
}

/* now and then */
static void squeeze_no(void)
{
	counter(0, "softnet_stat", "time_squeeze", NULL, 1, 90);
}

static void rps(int reader_cpu)
{
	sql("INSERT INTO queue_setting VALUES(2, 'a', 'a0', 'rx-0', 'rps_cpus', '2')");
	for (int i = 0; i < 600; i++) {
		int64_t at = T0 + i * MS;

		way(6000 + i, 0, at, "netif_rx", 0, "netif_receive_skb", 1, 45000);
		sql("INSERT INTO _stage(name) SELECT 'sk_data_ready' WHERE NOT EXISTS (SELECT 1 "
		    "FROM _stage WHERE name = 'sk_data_ready')");
		sql("INSERT INTO _hop SELECT %d, 2, %lld, id, 1, NULL, 2, 0, 1 FROM _stage WHERE "
		    "name = 'sk_data_ready'",
		    6000 + i, (long long)(at + 50000));
		wake(at + 52000, 1, 4242, reader_cpu, 9000);
	}
	for (int i = 0; i < 50; i++)
		way(8000 + i, 0, T0 + i * MS, "netif_rx", 0, "netif_receive_skb", 0, 3000);
}

static void rps_away(void)
{
	rps(0);
}

/* it sends them where the reader is */
static void rps_no(void)
{
	rps(1);
}

/* no frames: the ICMP error for each of them was dropped @before it, on the same CPU */
static void mtu_blind(int64_t before)
{
	drops(4, "PKT_TOO_BIG", "ip_forward", "loss", 3, "b0", 0);
	drops(4, "NETFILTER_DROP", "nft_do_chain", "policy", 3, NULL, 0);
	sql("UPDATE _drop SET cpu = 1, packet_id = NULL, ts_ns = %lld + (SELECT count(*) FROM "
	    "_drop o WHERE o.id < "
	    "_drop.id AND o.reason = _drop.reason) * %lld",
	    T0, 300 * MS);
	sql("UPDATE _drop SET ts_ns = ts_ns - %lld WHERE reason = (SELECT value FROM _drop_reason "
	    "WHERE "
	    "name = 'NETFILTER_DROP')",
	    (long long)before);
}

static void mtu_hole_blind(void)
{
	mtu_blind(2000);
}

/* what was dropped long before them is something else */
static void mtu_hole_blind_no(void)
{
	mtu_blind(5 * MS);
}

static void accept_late(int waiting)
{
	for (int i = 0; i < 4; i++) {
		int f = 10 + 2 * i;

		flow(f, 3, "tcp", "10.0.0.1", 5000 + i, "10.0.0.2", 80);
		flow(f + 1, 3, "tcp", "10.0.0.2", 80, "10.0.0.1", 5000 + i);
		sql("UPDATE flow SET reverse_id = CASE id WHEN %d THEN %d ELSE %d END WHERE id IN "
		    "(%d, %d)",
		    f, f + 1, f, f, f + 1);
		segment(f + 1, 3, T0 + 500 * MS, 1, 18, 0, 0, 1);
		segment(f, 3, T0 + 501 * MS, 0, 24, 50, 1, 1);
		segment(f + 1, 3, T0 + 2000 * MS, 1, 24, 50, 1, 51);
	}
	sock(0, 3, "tcp", "LISTEN", "0.0.0.0", 80, 0, 128, 0);
	sock(1, 3, "tcp", "LISTEN", "0.0.0.0", 80, waiting, 128, 0);
}

static void accepts_late(void)
{
	accept_late(4);
}

/* they were accepted; the answer takes its time */
static void accepts_late_no(void)
{
	accept_late(0);
}

/* no frames: sockets of established connections at a snapshot, which have an inode once they are
 * accepted */
static void accept_blind(int inode)
{
	for (int i = 0; i < 4; i++) {
		char fields[300];

		snprintf(fields, sizeof(fields),
			 "{\"oldstate\":\"TCP_SYN_RECV\",\"newstate\":\"TCP_ESTABLISHED\","
			 "\"sport\":80,\"dport\":%d,\"saddr\":\"10.0.0.2\","
			 "\"daddr\":\"10.0.0.1\"}",
			 5000 + i);
		event("inet_sock_set_state", T0, fields);
		sql("INSERT INTO socket(snap_id, snap_ns, netns_id, netns, proto, family, state, "
		    "src, sport, dst, dport, inode) VALUES(0, %lld, 3, 'b', 'tcp', 2, "
		    "'ESTABLISHED', '10.0.0.2', 80, '10.0.0.1', %d, %d)",
		    T0 + 900 * MS, 5000 + i, inode);
	}
	sock(0, 3, "tcp", "LISTEN", "0.0.0.0", 80, 4, 128, 0);
}

static void accepts_late_blind(void)
{
	accept_blind(0);
}

/* somebody has them already */
static void accepts_late_blind_no(void)
{
	accept_blind(77);
}

static void nagle(int n, int ack_len)
{
	two_ways(2, "10.0.0.1", 4000, "10.0.0.2", 80);
	for (int i = 0; i < n; i++) {
		int64_t at = T0 + i * 60 * MS;

		segment(1, 2, at, 1, 24, 8, 1 + i * 108, 1);
		segment(2, 2, at + 41 * MS, 0, 16, ack_len, 1, 9 + i * 108);
		segment(1, 2, at + 41 * MS + 50000, 1, 24, 100, 9 + i * 108, 1);
		segment(2, 2, at + 41 * MS + 90000, 0, 24, 20, 1, 109 + i * 108);
	}
	counter(3, "netstat", "TcpExt.DelayedACKs", NULL, -1, n);
}

static void nagle_acks(void)
{
	nagle(20, 0);
}

/* requests and answers: what ends the pause carries data */
static void nagle_no(void)
{
	nagle(20, 30);
}

static void path_loss(int n, const char *dst)
{
	char fields[300];

	flow(1, 2, "tcp", "10.0.0.1", 4000, dst, 443);
	for (int i = 0; i < 500; i++)
		segment(1, 2, T0 + i * MS, 1, 24, 1000, 1 + i * 1000, 1);
	snprintf(fields, sizeof(fields),
		 "{\"sport\":4000,\"dport\":443,\"family\":\"AF_INET\",\"saddr\":\"10.0.0.1\","
		 "\"daddr\":\"%s\",\"daddr_v6\":\"::ffff:%s\"}",
		 dst, dst);
	for (int i = 0; i < n; i++)
		event("tcp_retransmit_skb", T0 + i * 10 * MS, fields);
	counter(2, "snmp", "Tcp.RetransSegs", NULL, -1, n);
}

static void path_lost(void)
{
	path_loss(30, "192.0.2.7");
}

/* the device is one that a process carries on */
static void path_lost_tun(void)
{
	sql("UPDATE netdev SET kind = 'tun' WHERE name = 'a0'");
	path_loss(30, "192.0.2.7");
}

static void path_lost_no(void)
{
	path_loss(4, "192.0.2.7");
}

/* the other end is on this host: no claim about a path beyond it */
static void path_lost_local_no(void)
{
	path_loss(30, "10.0.0.2");
}

static void watchdog(void)
{
	event("net_dev_xmit_timeout", T0 + 5 * MS, "{\"name\":\"b1\",\"queue_index\":0}");
}

static void udp_sndbuf(int errors)
{
	counter(2, "snmp", "Udp.SndbufErrors", NULL, -1, errors);
	drops(10, "QDISC_DROP", "__dev_queue_xmit", "noise", 2, "a0", 0);
	sql("UPDATE _drop SET context = 1");
	sock(1, 2, "udp", "CLOSE", "10.0.0.1", 6000, 0, 0, 0);
	sql("UPDATE socket SET wmem_bytes = 210000, sndbuf_bytes = 212992");
}

static void udp_snd_full(void)
{
	udp_sndbuf(60);
	sysctl(1, "net.core.wmem_max", "212992", NULL);
}

/* what is lost on the way out is counted here, too */
static void udp_snd_full_no(void)
{
	udp_sndbuf(15);
}

static void reordered(void)
{
	counter(2, "netstat", "TcpExt.TCPSACKReorder", NULL, -1, 40);
	counter(2, "netstat", "TcpExt.TCPDSACKRecv", NULL, -1, 40);
	counter(2, "snmp", "Tcp.RetransSegs", NULL, -1, 60);
	counter(2, "snmp", "Tcp.OutSegs", NULL, -1, 4000);
}

/* The same in a transfer a hundred times as large. */
static void reordered_little(void)
{
	counter(2, "netstat", "TcpExt.TCPSACKReorder", NULL, -1, 40);
	counter(2, "netstat", "TcpExt.TCPDSACKRecv", NULL, -1, 40);
	counter(2, "snmp", "Tcp.RetransSegs", NULL, -1, 60);
	counter(2, "snmp", "Tcp.OutSegs", NULL, -1, 400000);
}

static void reordered_no(void)
{
	counter(2, "netstat", "TcpExt.TCPSACKReorder", NULL, -1, 400);
	counter(2, "netstat", "TcpExt.TCPDSACKRecv", NULL, -1, 4);
}

/* Twelve connections leave by NAT; @step 1: on ports without a gap. */
static void nat(int step)
{
	for (int i = 0; i < 12; i++)
		sql("INSERT INTO conntrack(snap_ns, netns_id, netns, proto, src, sport, dst, "
		    "dport, "
		    "reply_src, reply_sport, reply_dst, reply_dport) VALUES(%lld, 3, 'b', 'udp', "
		    "'10.0.1.%d', %d, '10.0.2.2', 53, '10.0.2.2', 53, '10.0.2.1', %d)",
		    T0, i + 1, 3000 + i * 7, 40000 + i * step);
	counter(3, "conntrack", "insert_failed", NULL, -1, 30);
	counter(3, "conntrack", "drop", NULL, -1, 30);
	flow(1, 3, "udp", "10.0.1.9", 4000, "10.0.2.2", 53);
	drops(30, "NETFILTER_DROP", "nf_hook_slow", "policy", 3, "b0", 1);
}

static void nat_full(void)
{
	nat(1);
}

/* there are free ports: two packets raced */
static void nat_race(void)
{
	nat(3);
}

static void unread(int resets)
{
	for (int i = 0; i < 16; i++) {
		int f = 10 + 2 * i;

		flow(f, 3, "tcp", "10.0.0.1", 5000 + i, "10.0.0.2", 80);
		flow(f + 1, 3, "tcp", "10.0.0.2", 80, "10.0.0.1", 5000 + i);
		sql("UPDATE flow SET reverse_id = %d WHERE id = %d", f + 1, f);
		sql("UPDATE flow SET reverse_id = %d WHERE id = %d", f, f + 1);
		segment(f + 1, 3, T0 + i * MS, 1, 18, 0, 0, 1);
		segment(f, 3, T0 + i * MS + 1, 0, 24, 50, 1, 1);
		segment(f + 1, 3, T0 + i * MS + 2, 1, i < resets ? 20 : 17, 0, 1, 51);
	}
	counter(3, "netstat", "TcpExt.TCPAbortOnClose", NULL, -1, resets);
}

static void close_unread(void)
{
	unread(14);
}

static void close_unread_no(void)
{
	unread(6);
}

const struct finding_case delay_cases[] = {
	{ "ports_held", ports_held, "ephemeral-ports-exhausted", "critical" },
	{ "ports_tw", ports_tw, "ephemeral-ports-time-wait", "critical" },
	{ "ports_no", ports_no, NULL, NULL },
	{ "standing", standing, "qdisc-standing-queue", "warning" },
	{ "standing_no", standing_no, NULL, NULL },
	{ "mtu_hole_blind", mtu_hole_blind, "mtu-blackhole", "critical" },
	{ "mtu_hole_blind_no", mtu_hole_blind_no, NULL, NULL },
	{ "mtu_hole", mtu_hole, "mtu-blackhole", "critical" },
	{ "mtu_hole_own", mtu_hole_own, "mtu-blackhole", "critical" },
	{ "mtu_hole_no", mtu_hole_no, NULL, NULL },
	{ "starved", starved, "reader-starved", "critical" },
	{ "starved_busy", case_starved_busy, "reader-starved", "warning" },
	{ "starved_once", starved_once, "reader-starved", "warning" },
	{ "starved_long", starved_long, "reader-starved", "critical" },
	{ "starved_no", starved_no, NULL, NULL },
	{ "late_softirq", late_softirq, "softirq-delayed", "warning" },
	{ "very_late_softirq", case_very_late_softirq, "softirq-delayed", "critical" },
	{ "late_softirq_no", late_softirq_no, NULL, NULL },
	{ "late_softirq_busy_no", late_softirq_busy_no, NULL, NULL },
	{ "squeeze", squeeze, "softirq-budget-exhausted", "info" },
	{ "squeeze_no", squeeze_no, NULL, NULL },
	{ "rps_away", rps_away, "rps-bouncing", "warning" },
	{ "rps_no", rps_no, NULL, NULL },
	{ "accepts_late", accepts_late, "tcp-accept-delayed", "warning" },
	{ "accepts_late_blind", accepts_late_blind, "tcp-accept-delayed", "warning" },
	{ "accepts_late_blind_no", accepts_late_blind_no, NULL, NULL },
	{ "accepts_late_no", accepts_late_no, NULL, NULL },
	{ "nagle_acks", nagle_acks, "tcp-nagle-delayed-ack", "warning" },
	{ "nagle_no", nagle_no, NULL, NULL },
	{ "path_lost", path_lost, "tcp-loss-off-host", "warning" },
	{ "path_lost_tun", path_lost_tun, "tcp-loss-off-host", "warning" },
	{ "path_lost_no", path_lost_no, NULL, NULL },
	{ "path_lost_local_no", path_lost_local_no, NULL, NULL },
	{ "watchdog", watchdog, "tx-queue-stopped", "critical" },
	{ "udp_snd_full", udp_snd_full, "udp-sndbuf-full", "warning" },
	{ "udp_snd_full_no", udp_snd_full_no, NULL, NULL },
	{ "reordered", reordered, "tcp-reordering", "warning" },
	{ "reordered_little", reordered_little, "tcp-reordering", "info" },
	{ "reordered_no", reordered_no, NULL, NULL },
	{ "nat_full", nat_full, "snat-ports-exhausted", "critical" },
	{ "nat_race", nat_race, "conntrack-insert-failed", "warning" },
	{ "close_unread", close_unread, "tcp-close-unread", "warning" },
	{ "close_unread_no", close_unread_no, NULL, NULL },
	{ NULL, NULL, NULL, NULL },
};
