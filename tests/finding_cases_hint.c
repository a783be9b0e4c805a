/* SPDX-License-Identifier: MIT */
/* Hints: what is set wrong or runs short and has not hurt yet, each with a near miss. */
#include "finding_cases.h"

#include <stdio.h>

/* A counter's value at the first snapshot; ns 0: of the machine. */
static void level(int ns, const char *source, const char *name, int value)
{
	sql("INSERT INTO _counter VALUES(%lld, nullif(%d, 0), %lld, %lld, NULL, NULL, %d)", T0, ns,
	    (long long)name_id(source), (long long)name_id(name), value);
}

/* ---- connection tracking ---- */

/* @n entries of which @established are such connections, silent for @silent seconds */
static void tracked(int n, int established, int silent)
{
	sysctl(1, "net.netfilter.nf_conntrack_max", "1000", NULL);
	sysctl(3, "net.netfilter.nf_conntrack_max", "1000", NULL);
	sysctl(3, "net.netfilter.nf_conntrack_tcp_timeout_established", "432000", NULL);
	sysctl(3, "net.ipv4.tcp_keepalive_time", "7200", NULL);
	level(3, "conntrack", "entries", n);
	for (int i = 0; i < n; i++)
		sql("INSERT INTO conntrack(snap_ns, netns_id, netns, proto, src, sport, dst, "
		    "dport, state, status, timeout_s) VALUES(%lld, 3, 'b', 'tcp', '10.0.0.1', %d, "
		    "'10.0.0.2', 80, '%s', 14, %d)",
		    T0, 1000 + i, i < established ? "ESTABLISHED" : "TIME_WAIT",
		    i < established ? 432000 - silent : 60);
}

static void table_near(void)
{
	tracked(800, 50, 7200);
}

static void table_near_idle(void)
{
	tracked(800, 700, 7200);
}

static void table_near_no(void)
{
	tracked(600, 550, 7200);
}

static void hashed(const char *buckets)
{
	sysctl(1, "net.netfilter.nf_conntrack_max", "262144", NULL);
	sysctl(1, "net.netfilter.nf_conntrack_buckets", buckets, NULL);
	level(2, "conntrack", "entries", 15000);
	level(3, "conntrack", "entries", 30000);
}

static void buckets_few(void)
{
	hashed("8192");
}

/* the ratio that kernels before 5.15 had by default */
static void buckets_few_no(void)
{
	hashed("16384");
}

/* ---- reverse path filter ---- */

/* the flow's frames from 10.9.0.1 arrive on b1, those to it leave by @out */
static void asymmetric(const char *mode, const char *out)
{
	sysctl(3, "net.ipv4.conf.all.rp_filter", "0", NULL);
	sysctl(3, "net.ipv4.conf.b0.rp_filter", mode, NULL);
	sysctl(3, "net.ipv4.conf.b1.rp_filter", mode, NULL);
	flow(1, 3, "tcp", "10.0.0.2", 4000, "10.9.0.1", 80);
	flow(2, 3, "tcp", "10.9.0.1", 80, "10.0.0.2", 4000);
	frames(4, 1, 3, out, 1, 2);
	frames(3, 2, 3, "b1", 0, 18);
	sql("UPDATE _frame SET ethertype = 2048");
	counter(3, "netstat", "TcpExt.IPReversePathFilter", NULL, -1, 3);
}

static void asymmetric_few(void)
{
	asymmetric("1", "b0");
}

static void asymmetric_loose_no(void)
{
	asymmetric("2", "b0");
}

/* what the filter dropped was something else */
static void asymmetric_same_no(void)
{
	asymmetric("1", "b1");
}

/* ---- steering ---- */

/* /proc/stat: CPU 0 with @soft of 100 parts in softirqs, CPU 1 with @idle idle */
static void load(int soft, int idle)
{
	counter(0, "stat", "softirq", NULL, 0, soft);
	counter(0, "stat", "idle", NULL, 0, 100 - soft);
	counter(0, "stat", "idle", NULL, 1, idle);
	counter(0, "stat", "user", NULL, 1, 100 - idle);
}

static void irqs(const char *second)
{
	counter(0, "interrupts", "41 b1-TxRx-0", NULL, 0, 20000);
	counter(0, "interrupts", second, NULL, 0, 20000);
	counter(0, "interrupts", "43 b1", NULL, 0, 1);
	sql("INSERT INTO irq_affinity VALUES(41, '0', '0', 'b1-TxRx-0'), (42, '0-1', '0', "
	    "'b1-TxRx-1')");
}

static void irqs_one_cpu(void)
{
	load(60, 90);
	irqs("42 b1-TxRx-1");
}

static void irqs_little_load_no(void)
{
	load(5, 90);
	irqs("42 b1-TxRx-1");
}

/* a card with one queue */
static void irqs_other_card_no(void)
{
	load(60, 90);
	irqs("42 b11-TxRx-1");
}

/* cards whose interrupts are not named after the device */
static void irqs_named(const char *driver, const char *first, const char *second)
{
	load(60, 90);
	counter(0, "interrupts", first, NULL, 0, 20000);
	counter(0, "interrupts", second, NULL, 0, 20000);
	sql("INSERT INTO dev_feature VALUES(3, 'b', 'b1', 'driver', 'driver', '%s'), (3, 'b', 'b1', 'driver', 'bus', '0000:5e:00.0')", driver);
}

static void irqs_virtio(void)
{
	irqs_named("virtio_net", "41 virtio0-input.0", "42 virtio0-input.1");
}

static void irqs_mlx5(void)
{
	irqs_named("mlx5_core", "41 mlx5_comp0@pci:0000:5e:00.0", "42 mlx5_comp1@pci:0000:5e:00.0");
}

/* another card's */
static void irqs_mlx5_no(void)
{
	irqs_named("mlx5_core", "41 mlx5_comp0@pci:0000:5e:00.1", "42 mlx5_comp1@pci:0000:5e:00.1");
}

/* two cards: whose they are is not known */
static void irqs_virtio_no(void)
{
	irqs_virtio();
	sql("INSERT INTO dev_feature VALUES(2, 'a', 'a0', 'driver', 'driver', 'virtio_net')");
}

/* the console's, not the card's */
static void irqs_console_no(void)
{
	irqs_named("virtio_net", "41 virtio4-input", "42 virtio5-input");
}

/* a sender whose buffer was the limit for @ms of 4 s */
static void buffered(int sndbuf, int ms)
{
	sysctl(2, "net.ipv4.tcp_wmem", "4096 16384 4194304", NULL);
	sysctl(2, "net.core.wmem_max", "212992", NULL);
	for (int snap = 0; snap < 2; snap++)
		sql("INSERT INTO socket(snap_id, snap_ns, netns_id, netns, proto, family, state, src, sport, dst, dport, cookie, sndbuf_bytes, tcp_info) "
		    "VALUES(%d, %lld, 2, 'a', 'tcp', 2, 'ESTABLISHED', '10.0.0.1', 4000, '10.9.0.2', 8000, 7, %d, '{\"busy_time\":%d,\"sndbuf_limited\":%d}')",
		    snap, T0 + snap * 4000 * MS, sndbuf, 100000 + snap * 4000000, 5000 + snap * ms * 1000);
}

static void sndbuf_max(void)
{
	buffered(4194304, 2500);
}

static void sndbuf_fixed(void)
{
	buffered(425984, 2500);
}

static void sndbuf_growing_no(void)
{
	buffered(4194304, 300);
}

static void steered(const char *mask)
{
	load(60, 90);
	sql("INSERT INTO queue_setting VALUES(3, 'b', 'b1', 'rx-0', 'rps_cpus', '%s')", mask);
	counter(3, "dev", "rx_packets", "b1", -1, 50000);
}

/* names with dots, which separate the parts of a sysctl's name */
static void rp_filter_vlan(void)
{
	flow(1, 3, "udp", "192.0.2.9", 4000, "10.0.0.2", 9000);
	frames(20, 1, 3, "b0.7", 0, 0);
	drops(20, "IP_RPFILTER", "ip_rcv_finish_core", "policy", 3, "b0.7", 1);
	sysctl(3, "net.ipv4.conf.all.rp_filter", "0", NULL);
	sysctl(3, "net.ipv4.conf.b0/7.rp_filter", "1", NULL);
}

static void neigh_queue_vlan(void)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.0.0.7", 9000);
	drops(60, "NEIGH_QUEUEFULL", "__neigh_event_send", "loss", 3, "b0", 1);
	sql("INSERT INTO neigh VALUES(%lld, 3, 'b', 'b0.7', 2, '10.0.0.7', '02:00:00:00:00:07', "
	    "'REACHABLE')",
	    T0 + 1000);
	sysctl(3, "net.ipv4.neigh.b0/7.unres_qlen_bytes", "20000", NULL);
}

/* a listener whose backlog is all that the system allows */
static void accept_limit(void)
{
	counter(3, "netstat", "TcpExt.ListenOverflows", NULL, -1, 12);
	counter(3, "netstat", "TcpExt.ListenDrops", NULL, -1, 12);
	sock(1, 3, "tcp", "LISTEN", "10.0.0.2", 8000, 129, 128, 0);
	flow(1, 3, "tcp", "10.0.0.1", 4000, "10.0.0.2", 8000);
	frames(3, 1, 3, "b0", 0, 2);
	sysctl(3, "net.core.somaxconn", "128", NULL);
}

void case_rps_one_cpu(void)
{
	steered("00000000,00000001");
}

static void rps_two_cpus_no(void)
{
	steered("00000000,00000003");
}

/* CPUs 0 and 1 send by b1, whose queue 0 is bound to @first and queue 1 to @second */
static void bound(const char *first, const char *second)
{
	sql("INSERT INTO queue_setting VALUES(3, 'b', 'b1', 'tx-0', 'xps_cpus', '%s'), (3, 'b', "
	    "'b1', 'tx-1', 'xps_cpus', '%s')",
	    first, second);
	stage("net_dev_start_xmit");
	for (int i = 0; i < 2400; i++)
		sql("INSERT INTO _hop SELECT %d, 0, %lld, id, %d, %lld, 1, 0, 1 FROM _stage WHERE "
		    "name = 'net_dev_start_xmit'",
		    10000 + i, T0 + i * MS / 4, i % 2, (long long)name_id("b1"));
	sql("INSERT INTO event_type SELECT coalesce(max(id), 0) + 1, 'net', 'net_dev_start_xmit', "
	    "2400, 1 FROM event_type");
}

static void xps_one_queue(void)
{
	bound("00000000,00000003", "00000000,00000000");
}

static void xps_apart_no(void)
{
	bound("1", "2");
}

static void xps_off_no(void)
{
	bound("0", "0");
}

/* ---- sockets ---- */

/* 212000 bytes in use at a snapshot */
static void asked(const char *most, int rcvbuf)
{
	sysctl(1, "net.core.rmem_max", most, NULL);
	sock(1, 3, "udp", "CLOSE", "10.0.0.2", 9000, 190000, 0, 0);
	sql("UPDATE socket SET rcvbuf_bytes = %d", rcvbuf);
}

static void rcvbuf_cut(void)
{
	asked("180000", 360000);
}

/* a buffer of its own choice */
static void rcvbuf_cut_no(void)
{
	asked("212992", 360000);
}

static void accept_cut(void)
{
	sysctl(3, "net.core.somaxconn", "128", NULL);
	sock(1, 3, "tcp", "LISTEN", "10.0.0.2", 80, 70, 128, 0);
}

static void accept_cut_no(void)
{
	sysctl(3, "net.core.somaxconn", "4096", NULL);
	sock(1, 3, "tcp", "LISTEN", "10.0.0.2", 80, 70, 128, 0);
}

static void rfs_queue_half(void)
{
	sysctl(1, "net.core.rps_sock_flow_entries", "32768", NULL);
	sql("INSERT INTO queue_setting VALUES(3, 'b', 'b0', 'rx-0', 'rps_cpus', '3'), "
	    "(3, 'b', 'b0', 'rx-0', 'rps_flow_cnt', '0')");
	counter(3, "dev", "rx_packets", "b0", -1, 5000);
}

/* without RPS */
static void rfs_queue_half_no(void)
{
	rfs_queue_half();
	sql("UPDATE queue_setting SET value = '0' WHERE name = 'rps_cpus'");
}

const struct finding_case hint_cases[] = {
	{ "table_near", table_near, "conntrack-full", "info" },
	{ "table_near_idle", table_near_idle, "conntrack-full", "info" },
	{ "table_near_no", table_near_no, "", NULL },
	{ "buckets_few", buckets_few, "conntrack-insert-failed", "info" },
	{ "buckets_few_no", buckets_few_no, "", NULL },
	{ "asymmetric_few", asymmetric_few, "rp-filter", "info" },
	{ "asymmetric_loose_no", asymmetric_loose_no, "", NULL },
	{ "asymmetric_same_no", asymmetric_same_no, "", NULL },
	{ "irqs_one_cpu", irqs_one_cpu, "rx-single-cpu", "info" },
	{ "irqs_little_load_no", irqs_little_load_no, "", NULL },
	{ "irqs_other_card_no", irqs_other_card_no, "", NULL },
	{ "irqs_virtio", irqs_virtio, "rx-single-cpu", "info" },
	{ "irqs_virtio_no", irqs_virtio_no, "", NULL },
	{ "irqs_console_no", irqs_console_no, "", NULL },
	{ "irqs_mlx5", irqs_mlx5, "rx-single-cpu", "info" },
	{ "irqs_mlx5_no", irqs_mlx5_no, "", NULL },
	{ "sndbuf_max", sndbuf_max, "tcp-sndbuf-full", "info" },
	{ "sndbuf_fixed", sndbuf_fixed, "tcp-sndbuf-full", "info" },
	{ "sndbuf_growing_no", sndbuf_growing_no, "", NULL },
	{ "rp_filter_vlan", rp_filter_vlan, "rp-filter", "critical" },
	{ "neigh_queue_vlan", neigh_queue_vlan, "neighbour-queue-full", "warning" },
	{ "accept_limit", accept_limit, "tcp-accept-queue-overflow", NULL },
	{ "rps_one_cpu", case_rps_one_cpu, "rps-hot-cpu", "info" },
	{ "rps_two_cpus_no", rps_two_cpus_no, "", NULL },
	{ "xps_one_queue", xps_one_queue, "xps-slow-queue", "info" },
	{ "xps_apart_no", xps_apart_no, "", NULL },
	{ "xps_off_no", xps_off_no, "", NULL },
	{ "rcvbuf_cut", rcvbuf_cut, "udp-rcvbuf-overflow", "info" },
	{ "rcvbuf_cut_no", rcvbuf_cut_no, "", NULL },
	{ "accept_cut", accept_cut, "tcp-accept-queue-overflow", "info" },
	{ "accept_cut_no", accept_cut_no, "", NULL },
	{ "rfs_queue_half", rfs_queue_half, "rps-bouncing", "info" },
	{ "rfs_queue_half_no", rfs_queue_half_no, "", NULL },
	{ NULL, NULL, NULL, NULL },
};
