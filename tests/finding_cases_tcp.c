/* SPDX-License-Identifier: MIT */
/* Cases of TCP, readers and receive work, each with a near miss. */
#include "finding_cases.h"

#include <stdio.h>

static void two_ways(const char *a, int aport, const char *b, int bport)
{
	flow(1, 2, "tcp", a, aport, b, bport);
	flow(2, 2, "tcp", b, bport, a, aport);
	sql("UPDATE flow SET reverse_id = 3 - id WHERE id < 3");
}

/* A packet that is first seen at net_dev_queue in @context and has a frame. */
static void sent(int id, int flow_id, int64_t at, int context, int pid, int len, int seq, int ack)
{
	stage("net_dev_queue");
	packet(id, flow_id, at, at + 5000);
	hop(id, 0, at, "net_dev_queue", 0, context, pid);
	segment(flow_id, 2, at, 1, 24, len, seq, ack);
	sql("UPDATE _frame SET packet_id = %d WHERE no = (SELECT max(no) FROM _frame)", id);
}

/* Requests of 100 bytes that a softirq (2) or the application (1) sends after a pause. */
static void cork(int context)
{
	event("net_dev_queue", T0, "{}");
	two_ways("10.0.0.1", 4000, "10.0.0.2", 80);
	for (int i = 0; i < 10; i++) {
		int64_t at = T0 + i * 250 * MS;

		sent(6000 + i, 1, at, context, 0, 100, 1 + i * 100, 1 + i * 50);
		segment(2, 2, at + 100000, 0, 24, 50, 1 + i * 50, 101 + i * 100);
	}
}

static void corked(void)
{
	cork(2);
}

/* the application sends when it has something to say */
static void corked_no(void)
{
	cork(1);
}

/* what comes late had been refused by the sender's own queue */
static void corked_refused_no(void)
{
	cork(2);
	qdisc("tbf", "8001:", "root", 0, 4, 4000, 1);
}

/* A server that sleeps @gap while a request lies in its socket, then answers. */
static void blocked(int n, int64_t gap, int listens)
{
	event("sched_switch", T0, "{}");
	stage("sk_data_ready");
	flow(1, 3, "tcp", "10.0.0.1", 4000, "10.0.0.2", 80);
	flow(2, 3, "tcp", "10.0.0.2", 80, "10.0.0.1", 4000);
	sql("UPDATE flow SET reverse_id = 3 - id WHERE id < 3");
	for (int i = 0; i < n; i++) {
		int64_t at = T0 + i * (gap + 400 * MS);

		packet(6000 + i, 1, at + 10 * MS, at + gap + 20 * MS);
		hop(6000 + i, 0, at + 10 * MS, "netif_receive_skb", 0, 2, 0);
		hop(6000 + i, 1, at + 10 * MS + 2000, "sk_data_ready", 0, 2, 0);
		hop(6000 + i, 2, at + gap + 20 * MS, "skb_copy_datagram_iovec", 0, 1, 4242);
		segment(1, 3, at + 10 * MS, 0, 24, 100, 1 + i * 100, 1);
		segment(2, 3, at + gap + 21 * MS, 1, 24, 50, 1 + i * 50, 101);
		runs(at, at + 9 * MS, 0, 4242, 1);
		wake(at + gap + 19 * MS, 0, 4242, 0, 5000);
		runs(at + gap + 19 * MS + 5000, at + gap + 22 * MS, 0, 4242, 1);
	}
	if (listens)
		sock(0, 3, "tcp", "LISTEN", "10.0.0.2", 80, 0, 128, 0);
}

static void reader_away(void)
{
	blocked(5, 300 * MS, 1);
}

/* one second that one client waited for is no outage, three are */
static void reader_away_once(void)
{
	blocked(1, 1200 * MS, 1);
}

static void reader_away_long(void)
{
	blocked(3, 1200 * MS, 1);
}

/* a few milliseconds are work, not a block */
static void reader_away_no(void)
{
	blocked(5, 40 * MS, 1);
}

/* a client that looks at its answers when it likes */
static void reader_client_no(void)
{
	blocked(5, 300 * MS, 0);
}

/* A writer that waits for acknowledgements, its buffer full at the snapshot. */
static void sndbuf(int cwnd, int context)
{
	event("net_dev_queue", T0, "{}");
	two_ways("10.0.0.1", 4000, "10.0.0.2", 80);
	for (int i = 0; i < 40; i++) {
		int64_t at = T0 + i * 25 * MS;

		sent(6000 + i, 1, at, context, 4242, 1000, 1 + i * 1000, 1);
		segment(2, 2, at + 24900000, 0, 16, 0, 1, 1001 + i * 1000);
	}
	sock(1, 2, "tcp", "ESTABLISHED", "10.0.0.1", 4000, 0, 20000, 0);
	sql("UPDATE socket SET dst = '10.0.0.2', dport = 80, sndbuf_bytes = 40000, "
	    "wmem_queued_bytes = 39000, tcp_info = "
	    "'{\"unacked\":15,\"snd_cwnd\":%d,\"snd_mss\":1448,\"notsent_bytes\":0,"
	    "\"snd_wnd\":900000}'",
	    cwnd);
	sysctl(2, "net.ipv4.tcp_wmem", "4096\t16384\t4194304", NULL);
}

static void sndbuf_small(void)
{
	sndbuf(100, 1);
}

/* no larger one is allowed */
static void sndbuf_limit(void)
{
	sndbuf(100, 1);
	sql("UPDATE socket SET sndbuf_bytes = 65536, wmem_queued_bytes = 65000");
	sql("UPDATE sysctl SET value = '4096\t16384\t65536' WHERE name = 'net.ipv4.tcp_wmem'");
}

/* not even what any kernel sets */
static void sndbuf_lowered(void)
{
	sndbuf(100, 1);
	sql("UPDATE sysctl SET value = '4096\t16384\t40000' WHERE name = 'net.ipv4.tcp_wmem'");
}

/* the congestion window is used up: it is the path */
static void sndbuf_cwnd_no(void)
{
	sndbuf(15, 1);
}

/* A window that closes @n times for @gap. */
static void windows(int n, int64_t gap)
{
	two_ways("10.0.0.1", 4000, "10.0.0.2", 80);
	for (int i = 0; i < n; i++) {
		int64_t at = T0 + i * 2 * gap;

		segment(2, 2, at, 0, 16, 0, 1, 1);
		segment(2, 2, at + gap, 0, 16, 0, 1, 1);
		segment(2, 2, at + 2 * gap - 1, 0, 16, 0, 1, 1);
		sql("UPDATE _frame SET tcp_window = 0 WHERE no = (SELECT max(no) - 2 FROM _frame)");
		sql("UPDATE _frame SET tcp_window = 500 WHERE no > (SELECT max(no) - 2 FROM "
		    "_frame)");
	}
}

/* a reader that is only slower than the sender */
static void windows_slow_no(void)
{
	windows(30, 50 * MS);
}

static void windows_closed(void)
{
	windows(2, 400 * MS);
}

/* CPU 0 receives for @share of each of three seconds, for @flows flows; CPU 1 runs @other. */
static void one_cpu(int64_t share, int64_t other, int flows)
{
	event("softirq_entry", T0, "{}");
	event("sched_switch", T0, "{}");
	for (int i = 0; i < flows; i++)
		flow(10 + i, 3, "udp", "10.0.0.1", 4000 + i, "10.0.0.2", 9000 + i);
	for (int c = 0; c < 2; c++)
		sql("INSERT INTO _counter VALUES(%lld, NULL, %lld, %lld, NULL, %d, 5)", T0,
		    (long long)name_id("softnet_stat"), (long long)name_id("processed"), c);
	sql("INSERT INTO task VALUES(22, 22, 'ksoftirqd/0', 1, '/')");
	for (int s = 0; s < 3; s++) {
		int64_t at = T0 + s * 1000 * MS;

		for (int i = 0; i < 10; i++)
			sql("INSERT INTO softirq VALUES(%lld, %lld, 1000, 0, 3, 22)",
			    (long long)(at + i * 100 * MS),
			    (long long)(at + i * 100 * MS + share / 10));
		runs(at, at + 990 * MS, 0, 22, 0);
		runs(at, at + other, 1, 23, 0);
	}
	for (int i = 0; i < 200; i++) {
		int id = 6000 + i;

		packet(id, 10 + i % flows, T0 + i * 10 * MS, T0 + i * 10 * MS + 1500000);
		hop(id, 0, T0 + i * 10 * MS, "netif_rx", 0, 1, 20);
		hop(id, 1, T0 + i * 10 * MS + 1500000, "netif_receive_skb", 0, 2, 22);
	}
}

static void one_cpu_hot(void)
{
	one_cpu(800 * MS, 100 * MS, 6);
	sql("INSERT INTO queue_setting VALUES(2, 'a', 'a0', 'rx-0', 'rps_cpus', '0')");
}

/* the others are busy, too */
static void one_cpu_busy_no(void)
{
	one_cpu(800 * MS, 900 * MS, 6);
}

/* one flow cannot be spread */
static void one_cpu_flow_no(void)
{
	one_cpu(800 * MS, 100 * MS, 1);
}

/* RPS moves 300 packets to CPU 1, which is busy for @busy of each second. */
static void rps_to(int64_t busy, int64_t wait)
{
	event("sched_switch", T0, "{}");
	event("netif_receive_skb", T0, "{}");
	sql("INSERT INTO queue_setting VALUES(3, 'b', 'a0', 'rx-0', 'rps_cpus', '2')");
	for (int c = 0; c < 2; c++)
		sql("INSERT INTO _counter VALUES(%lld, NULL, %lld, %lld, NULL, %d, 5)", T0,
		    (long long)name_id("softnet_stat"), (long long)name_id("processed"), c);
	for (int i = 0; i < 300; i++) {
		int64_t at = T0 + i * 10 * MS;

		packet(6000 + i, 0, at, at + wait);
		hop(6000 + i, 0, at, "netif_rx", 0, 1, 20);
		hop(6000 + i, 1, at + wait, "netif_receive_skb", 1, 2, 22);
		/* tasks in turn */
		for (int k = 0; k < 2; k++)
			runs(at + k * 5 * MS, at + k * 5 * MS + busy / 200, 1, 50 + k, 0);
	}
	runs(T0, T0 + 300 * MS, 0, 20, 1);
}

static void rps_hot(void)
{
	rps_to(990 * MS, 1500000);
}

/* it has time, and takes them at once */
static void rps_hot_no(void)
{
	rps_to(300 * MS, 20000);
}

/* Two transmit queues, one shaped; packets wait in it. */
static void txqs(int free_backlog)
{
	sql("INSERT INTO qdisc(netns_id, netns, dev, class, kind, handle, parent, rate_bps, "
	    "drops_delta, packets_delta, max_backlog_packets) VALUES"
	    "(2, 'a', 'a0', 0, 'mq', '100:', 'root', NULL, 0, 400, 0),"
	    "(2, 'a', 'a0', 0, 'pfifo', '8001:', '100:1', NULL, 0, 200, %d),"
	    "(2, 'a', 'a0', 0, 'tbf', '8002:', '100:2', 1000000, 0, 100, 80)",
	    free_backlog);
	sql("INSERT INTO queue_setting VALUES(2, 'a', 'a0', 'tx-1', 'xps_cpus', '2')");
	stage("net_dev_queue");
	stage("net_dev_start_xmit");
	for (int i = 0; i < 60; i++) {
		int64_t at = T0 + i * 10 * MS;

		packet(6000 + i, 0, at, at + 30 * MS);
		sql("UPDATE _packet SET netns_out_id = 2 WHERE id = %d", 6000 + i);
		hop(6000 + i, 0, at, "net_dev_queue", 1, 1, 20);
		hop(6000 + i, 1, at + 30 * MS, "net_dev_start_xmit", 1, 2, 0);
	}
}

static void txq_slow(void)
{
	txqs(0);
}

/* all of them stand: the device is slow */
static void txq_all_no(void)
{
	txqs(60);
}

/* Two segments that NET_RX needs @gap for, and a counter of collapsed ones. */
static void collapse(int64_t gap, int collapsed)
{
	event("softirq_entry", T0, "{}");
	flow(1, 3, "tcp", "10.0.0.1", 4000, "10.0.0.2", 80);
	for (int i = 0; i < 3; i++) {
		int64_t at = T0 + i * 300 * MS;

		packet(6000 + i, 1, at + 1000, at + gap);
		hop(6000 + i, 0, at + 1000, "netif_receive_skb", 0, 2, 0);
		sql("INSERT INTO softirq VALUES(%lld, %lld, 900, 0, 3, 0)", (long long)at,
		    (long long)(at + gap));
	}
	counter(3, "netstat", "TcpExt.TCPRcvCollapsed", NULL, -1, collapsed);
}

static void collapse_long(void)
{
	collapse(12 * MS, 8000);
}

/* a small queue is collapsed in no time */
static void collapse_short_no(void)
{
	collapse(200000, 8000);
}

/* a long run of NET_RX that collapsed nothing */
static void collapse_none_no(void)
{
	collapse(12 * MS, 20);
}

static void accept_near(void)
{
	sock(1, 3, "tcp", "LISTEN", "10.0.0.2", 80, 100, 128, 0);
	sysctl(3, "net.core.somaxconn", "128", NULL);
}

static void accept_near_no(void)
{
	sock(1, 3, "tcp", "LISTEN", "10.0.0.2", 80, 60, 128, 0);
}

static void udp_near(void)
{
	sock(1, 3, "udp", "CLOSE", "10.0.0.2", 9000, 190000, 0, 0);
}

static void udp_near_no(void)
{
	sock(1, 3, "udp", "CLOSE", "10.0.0.2", 9000, 90000, 0, 0);
	sql("UPDATE socket SET rmem_bytes = 90000");
}

static void memory(const char *proto, const char *name, int pages)
{
	char text[40];

	snprintf(text, sizeof(text), "net.ipv4.%s_mem", proto);
	sysctl(1, text, "100\t200\t400", NULL);
	sql("INSERT INTO _counter VALUES(%lld, NULL, %lld, %lld, NULL, NULL, %d)", T0,
	    (long long)name_id("sockstat"), (long long)name_id(name), pages);
}

static void tcp_mem_near(void)
{
	memory("tcp", "TCP.mem", 320);
}

static void tcp_mem_near_no(void)
{
	memory("tcp", "TCP.mem", 190);
}

/* half of the limit, but memory pressure begins there */
static void tcp_mem_pressure(void)
{
	memory("tcp", "TCP.mem", 210);
}

static void udp_mem_near(void)
{
	memory("udp", "UDP.mem", 320);
}

static void udp_mem_near_no(void)
{
	memory("udp", "UDP.mem", 210);
}

static void ports(int n)
{
	sysctl(2, "net.ipv4.ip_local_port_range", "40000\t40099", NULL);
	for (int i = 0; i < n; i++)
		sock(1, 2, "tcp", "ESTABLISHED", "10.0.0.1", 40000 + i, 0, 0, 0);
	sql("UPDATE socket SET dst = '10.0.0.9', dport = 80");
}

static void ports_near(void)
{
	ports(85);
}

static void ports_near_no(void)
{
	ports(60);
}

static void rfs(const char *entries)
{
	sysctl(1, "net.core.rps_sock_flow_entries", entries, NULL);
	sql("INSERT INTO queue_setting VALUES(3, 'b', 'b0', 'rx-0', 'rps_cpus', '3'), "
	    "(3, 'b', 'b0', 'rx-0', 'rps_flow_cnt', '4096')");
	counter(3, "dev", "rx_packets", "b0", -1, 5000);
}

static void rfs_half(void)
{
	rfs("0");
}

static void rfs_half_no(void)
{
	rfs("32768");
}

static void input_queue(int n)
{
	sysctl(1, "net.core.netdev_max_backlog", "1000", NULL);
	sql("INSERT INTO _counter VALUES(%lld, NULL, %lld, %lld, NULL, 1, %d)", T0,
	    (long long)name_id("softnet_stat"), (long long)name_id("input_qlen"), n);
}

static void input_queue_near(void)
{
	input_queue(700);
}

static void input_queue_near_no(void)
{
	input_queue(300);
}

/* kernels that have no reason of its own for old pure ACKs */
static void paws_bare_no(void)
{
	flow(1, 3, "tcp", "10.0.0.1", 4000, "10.0.0.2", 80);
	drops(20, "TCP_RFC7323_PAWS", "tcp_validate_incoming", "protocol", 3, "b0", 1);
	frames(20, 1, 3, "b0", 0, 16);
	sql("UPDATE _frame SET payload_bytes = 0, packet_id = (SELECT min(id) FROM _packet) + no - 1");
}

const struct finding_case tcp_cases[] = {
	{ "paws_bare_no", paws_bare_no, NULL, NULL },
	{ "corked", corked, "tcp-cork-delay", "warning" },
	{ "corked_no", corked_no, NULL, NULL },
	{ "corked_refused_no", corked_refused_no, NULL, NULL },
	{ "reader_away", reader_away, "reader-blocked", "warning" },
	{ "reader_away_once", reader_away_once, "reader-blocked", "warning" },
	{ "reader_away_long", reader_away_long, "reader-blocked", "critical" },
	{ "reader_away_no", reader_away_no, NULL, NULL },
	{ "reader_client_no", reader_client_no, NULL, NULL },
	{ "sndbuf_limit", sndbuf_limit, "tcp-sndbuf-full", "info" },
	{ "sndbuf_lowered", sndbuf_lowered, "tcp-sndbuf-full", "warning" },
	{ "sndbuf_small", sndbuf_small, "tcp-sndbuf-full", "warning" },
	{ "sndbuf_cwnd_no", sndbuf_cwnd_no, NULL, NULL },
	{ "windows_closed", windows_closed, "tcp-zero-window", "warning" },
	{ "windows_slow_no", windows_slow_no, NULL, NULL },
	{ "one_cpu_hot", one_cpu_hot, "rx-single-cpu", "warning" },
	{ "one_cpu_busy_no", one_cpu_busy_no, "", NULL },
	{ "one_cpu_flow_no", one_cpu_flow_no, "", NULL },
	{ "rps_hot", rps_hot, "rps-hot-cpu", "warning" },
	{ "rps_hot_no", rps_hot_no, NULL, NULL },
	{ "txq_slow", txq_slow, "xps-slow-queue", "warning" },
	{ "txq_all_no", txq_all_no, NULL, NULL },
	{ "collapse_long", collapse_long, "tcp-collapse-stall", "warning" },
	{ "collapse_short_no", collapse_short_no, NULL, NULL },
	{ "collapse_none_no", collapse_none_no, NULL, NULL },
	{ "accept_near", accept_near, "tcp-accept-queue-overflow", "info" },
	{ "accept_near_no", accept_near_no, "", NULL },
	{ "udp_near", udp_near, "udp-rcvbuf-overflow", "info" },
	{ "udp_near_no", udp_near_no, "", NULL },
	{ "tcp_mem_near", tcp_mem_near, "tcp-memory-limit", "info" },
	{ "tcp_mem_near_no", tcp_mem_near_no, "", NULL },
	{ "tcp_mem_pressure", tcp_mem_pressure, "tcp-memory-limit", "info" },
	{ "udp_mem_near", udp_mem_near, "udp-memory-limit", "info" },
	{ "udp_mem_near_no", udp_mem_near_no, "", NULL },
	{ "ports_near", ports_near, "ephemeral-ports-exhausted", "info" },
	{ "ports_near_no", ports_near_no, "", NULL },
	{ "rfs_half", rfs_half, "rps-bouncing", "info" },
	{ "rfs_half_no", rfs_half_no, "", NULL },
	{ "input_queue_near", input_queue_near, "backlog-overflow", "info" },
	{ "input_queue_near_no", input_queue_near_no, "", NULL },
	{ NULL, NULL, NULL, NULL },
};
