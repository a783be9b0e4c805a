/* SPDX-License-Identifier: MIT */
/* What the rules find where the kernel names no reason (before 5.17), or not at that place. */
#include "finding_cases.h"

#include <stddef.h>

/* A reason that this kernel knows, so that its silence says something. */
static void knows(const char *reason)
{
	sql("INSERT INTO _drop_reason(value, name) VALUES(900, '%s')", reason);
}

static void udp(void)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	frames(120, 1, 3, "b0", 0, 0);
}

static void csum(void)
{
	udp();
	drops(100, NULL, "udp_recvmsg", "error", 3, "b0", 1);
	drops(4, NULL, "__udp4_lib_rcv", "loss", 3, "b0", 0);
	counter(3, "snmp", "Udp.InCsumErrors", NULL, -1, 100);
}

/* 6.1 knows the reason, but udp_recvmsg() does not give it */
static void csum_late(void)
{
	udp();
	knows("UDP_CSUM");
	drops(100, "NOT_SPECIFIED", "udp_recvmsg", "error", 3, "b0", 1);
	counter(3, "snmp", "Udp.InCsumErrors", NULL, -1, 100);
}

static void other_host(void)
{
	udp();
	sql("UPDATE _frame SET dst_kind = 4");
	/* the sender's side of the flow is the drop's */
	flow(2, 2, "udp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	drops(100, NULL, "ip_rcv_core", "error", 3, "b0", 2);
}

/* frames for this host: then it was something else in the header */
static void other_host_no(void)
{
	udp();
	sql("UPDATE _frame SET dst_kind = 1");
	drops(100, NULL, "ip_rcv_core", "error", 3, "b0", 1);
}

/* for somebody else: no fault */
static void other_host_flood_no(void)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.0.0.77", 9000);
	frames(120, 1, 3, "b0", 0, 0);
	sql("UPDATE _frame SET dst_kind = 4");
	drops(100, NULL, "ip_rcv_core", "error", 3, "b0", 1);
}

static void ip_csum(void)
{
	udp();
	drops(40, NULL, "ip_rcv_core", "error", 3, "b0", 1);
	counter(3, "netstat", "IpExt.InCsumErrors", NULL, -1, 40);
}

static void protocol(void)
{
	flow(1, 3, "253", "10.0.0.1", 0, "10.0.0.2", 0);
	frames(40, 1, 3, "b0", 0, 0);
	drops(40, NULL, "ip_protocol_deliver_rcu", "error", 3, "b0", 1);
	counter(3, "snmp", "Ip.InUnknownProtos", NULL, -1, 40);
}

static void ttl(void)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.9.0.2", 9000);
	frames(40, 1, 3, "b0", 0, 0);
	sql("UPDATE _frame SET ttl = 1, ip_id = no");
	drops(40, NULL, "ip_forward", "loss", 3, "b0", 1);
	counter(3, "snmp", "Ip.InHdrErrors", NULL, -1, 40);
}

static void filter(void)
{
	udp();
	drops(60, NULL, "udp_queue_rcv_one_skb", "loss", 3, "b0", 1);
	counter(3, "snmp", "Udp.InErrors", NULL, -1, 60);
}

static void memory(void)
{
	filter();
	sql("INSERT INTO event_type VALUES(77, 'sock', 'sock_exceed_buf_limit', 60, 6000)");
}

/* a full receive buffer counts as such */
static void filter_no(void)
{
	filter();
	counter(3, "snmp", "Udp.RcvbufErrors", NULL, -1, 60);
}

static void egress(void)
{
	flow(1, 2, "udp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	drops(60, NULL, "__dev_queue_xmit", "loss", 2, NULL, 1);
	sql("INSERT INTO qdisc(netns_id, netns, dev, class, kind, handle, parent, drops_delta) "
	    "VALUES(2, 'a', 'a0', 0, 'clsact', 'ffff:', 'ffff:fff1', 60)");
}

static void egress_no(void)
{
	egress();
	sql("UPDATE qdisc SET kind = 'tbf' WHERE kind = 'clsact'");
}

static void martian(void)
{
	flow(1, 3, "udp", "10.0.0.2", 4000, "10.0.0.2", 9000);
	frames(40, 1, 3, "b0", 0, 0);
	knows("IP_RPFILTER");
	drops(40, "NOT_SPECIFIED", "ip_rcv_finish_core", "loss", 3, "b0", 1);
	counter(0, "rt_cache", "in_martian_src", NULL, -1, 40);
}

static void neigh_queue(void)
{
	flow(1, 2, "udp", "10.0.0.1", 4000, "10.0.0.9", 9000);
	drops(40, NULL, "__neigh_event_send", "loss", 2, NULL, 1);
	counter(0, "arp_cache", "unresolved_discards", NULL, -1, 41);
}

static void fragments(void)
{
	udp();
	knows("IP_RPFILTER");
	drops(30, "NOT_SPECIFIED", "ip_expire", "loss", 3, "b0", 1);
	counter(3, "snmp", "Ip.ReasmTimeout", NULL, -1, 30);
}

static void bound(void)
{
	udp();
	sock(0, 3, "udp", "UNCONN", "127.0.0.1", 9000, 0, 0, 0);
	drops(30, NULL, "__udp4_lib_rcv", "loss", 3, "b0", 1);
	counter(3, "snmp", "Udp.NoPorts", NULL, -1, 30);
}

static void capture(void)
{
	drops(200, NULL, "packet_rcv", "noise", 0, NULL, 0);
}

/* Some counters and the drops of one function: the rest is no further divided. */
static void mixed_no(void)
{
	udp();
	drops(100, NULL, "ip_rcv_core", "noise", 3, "b0", 1);
	counter(3, "netstat", "IpExt.InCsumErrors", NULL, -1, 9);
}

static void backlog(void)
{
	flow(1, 3, "tcp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	frames(120, 1, 3, "b0", 0, 16);
	drops(30, NULL, "tcp_v4_rcv", "loss", 3, "b0", 1);
	counter(3, "netstat", "TcpExt.TCPBacklogDrop", NULL, -1, 30);
}

const struct finding_case kernel_cases[] = {
	{ "csum", csum, "l4-checksum", "critical" },
	{ "csum_late", csum_late, "l4-checksum", "critical" },
	{ "other_host", other_host, "wrong-dest-mac", "critical" },
	{ "other_host_no", other_host_no, "other-drop", NULL },
	{ "other_host_flood_no", other_host_flood_no, "", NULL },
	{ "ip_csum", ip_csum, "ip-header-checksum", "warning" },
	{ "protocol", protocol, "unknown-ip-protocol", "warning" },
	{ "ttl", ttl, "ttl-expired", "warning" },
	{ "filter", filter, "socket-filter-drop", "critical" },
	{ "filter_no", filter_no, "udp-rcvbuf-overflow", NULL },
	{ "memory", memory, "udp-memory-limit", "critical" },
	{ "egress", egress, "tc-egress-drop", "critical" },
	{ "egress_no", egress_no, "qdisc-overflow", NULL },
	{ "martian", martian, "martian-source", "warning" },
	{ "neigh_queue", neigh_queue, "neighbour-queue-full", NULL },
	{ "fragments", fragments, "fragment-lost", "critical" },
	{ "bound", bound, "listener-wrong-address", NULL },
	{ "capture", capture, "capture-overflow", "info" },
	{ "mixed_no", mixed_no, NULL, NULL },
	{ "backlog", backlog, "tcp-backlog-overflow", "warning" },
	{ NULL, NULL, NULL, NULL },
};
