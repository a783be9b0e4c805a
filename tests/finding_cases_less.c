/* SPDX-License-Identifier: MIT */
/* What is found where a part of the evidence is missing: no frames, a tape that was cut, no names of functions. */
#include "finding_cases.h"

#include <stdio.h>

/* ---- no names of functions (a tape that was cut before them) ---- */

static void nameless_rcvbuf(void)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	frames(100, 1, 3, "b0", 0, 0);
	drops(80, "SOCKET_RCVBUFF", "?", "loss", 3, "b0", 1);
}

/* no frame and no counter either: only the reason is left */
static void nameless_rcvbuf_alone(void)
{
	drops(80, "SOCKET_RCVBUFF", "?", "loss", 3, "b0", 0);
}

static void nameless_rcvbuf_tcp_no(void)
{
	flow(1, 3, "icmp", "10.0.0.1", 0, "10.0.0.2", 0);
	drops(40, "SOCKET_RCVBUFF", "?", "loss", 3, "b0", 1);
}

static void nameless_tun(void)
{
	drops(60, "FULL_RING", "?", "loss", 3, "tun0", 0);
}

static void nameless_udp_gone(void)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	frames(60, 1, 3, "b0", 0, 0);
	drops(50, "NO_SOCKET", "?", "loss", 3, "b0", 1);
}

/* neither a protocol nor a port */
static void nameless_gone_no(void)
{
	drops(80, "NO_SOCKET", "?", "loss", 3, "b0", 0);
}

/* ---- cut before the last snapshot ---- */

static void forwarding(const char *reason)
{
	sysctl(3, "net.ipv4.ip_forward", "1", NULL);
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.7.0.2", 9000);
	frames(60, 1, 3, "b0", 0, 0);
	drops(50, reason, "ip_error", "policy", 3, "b0", 1);
}

static void cut_forwarding(void)
{
	forwarding("IP_INADDRERRORS");
	sql("UPDATE snapshot SET kind = 'tick' WHERE kind = 'after'");
}

/* the setting of one device */
static void dev_forwarding(void)
{
	forwarding("IP_INADDRERRORS");
	sysctl(3, "net.ipv4.conf.b0.forwarding", "0", NULL);
}

/* a route that says unreachable: no such reason */
static void cut_forwarding_no(void)
{
	forwarding("NOT_SPECIFIED");
	sql("UPDATE snapshot SET kind = 'tick' WHERE kind = 'after'");
}

/* ---- no frames ---- */

/* @before datagrams of 242 bytes are delivered, 50 of @len are dropped, @after are delivered */
static void bare_gone(int before, int len, int after)
{
	for (int i = 0; i < before + after; i++)
		sql("INSERT INTO _packet(id, first_ns, last_ns, kind, netns_in_id, dev_in_id, len_bytes, outcome, cpu_hops, confidence) "
		    "VALUES(%d, %lld, %lld, 1, 3, %lld, 242, 1, 0, 1)",
		    9000 + i, T0 + (i < before ? i - 1000 : 100 * MS + i), T0 + 200 * MS, (long long)name_id("b0"));
	drops(50, "NO_SOCKET", "__udp4_lib_rcv", "loss", 3, "b0", 0);
	sql("UPDATE _packet SET len_bytes = %d WHERE outcome = 4", len);
	counter(3, "snmp", "Udp.NoPorts", NULL, -1, 50);
}

static void bare_udp_gone(void)
{
	bare_gone(20, 242, 0);
}

/* datagrams of that length go on to be delivered: these are others */
static void bare_udp_gone_no(void)
{
	bare_gone(20, 242, 20);
}

static void bare_scan_no(void)
{
	bare_gone(20, 46, 0);
}

/* ten drops of TCP data that a rule counted, and TCP sent them again */
static void bare_loss(int n, int len, int again)
{
	drops(n, "NETFILTER_DROP", "nft_do_chain", "policy", 3, "b0", 0);
	sql("UPDATE _packet SET len_bytes = %d WHERE outcome = 4", len);
	nft(1, "meta l4proto tcp counter drop", "drop", n);
	for (int i = 0; i < again; i++)
		event("tcp_retransmit_skb", T0 + i * MS, "{}");
}

static void bare_tcp_loss(void)
{
	bare_loss(7, 1500, 7);
}

static void bare_small_no(void)
{
	bare_loss(7, 60, 7);
}

static void bare_not_again_no(void)
{
	bare_loss(7, 1500, 2);
}

/* A router's route that refuses: the kernel names no reason then (ip_error()). */
static void refused(bool by_route)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, "198.51.100.7", 9000);
	frames(150, 1, 3, "b0", 0, 0);
	drops(150, "NOT_SPECIFIED", "ip_error", "unknown", 3, "b0", 1);
	sysctl(3, "net.ipv4.ip_forward", "1", NULL);
	sql("INSERT INTO route(netns_id, netns, family, table_no, type, dst) VALUES(3, 'b', 2, 254, 'unicast', '10.0.0.0/24')");
	if (by_route)
		sql("INSERT INTO route(netns_id, netns, family, table_no, type, dst) VALUES(3, 'b', 2, 254, 'prohibit', "
		    "'198.51.100.0/24')");
}

static void route_refuses(void)
{
	refused(true);
}

/* nothing there refuses: it was something else */
static void route_refuses_no(void)
{
	refused(false);
}

const struct finding_case less_cases[] = {
	{ "nameless_rcvbuf", nameless_rcvbuf, "udp-rcvbuf-overflow", "critical" },
	{ "nameless_rcvbuf_alone", nameless_rcvbuf_alone, "udp-rcvbuf-overflow", NULL },
	{ "nameless_rcvbuf_tcp_no", nameless_rcvbuf_tcp_no, NULL, NULL },
	{ "route_refuses", route_refuses, "no-route-forward", "critical" },
	{ "route_refuses_no", route_refuses_no, NULL, NULL },
	{ "nameless_tun", nameless_tun, "tun-ring-full", "critical" },
	{ "nameless_udp_gone", nameless_udp_gone, "udp-no-listener", "warning" },
	{ "nameless_gone_no", nameless_gone_no, NULL, NULL },
	{ "cut_forwarding", cut_forwarding, "forwarding-disabled", "critical" },
	{ "dev_forwarding", dev_forwarding, "forwarding-disabled", "warning" },
	{ "cut_forwarding_no", cut_forwarding_no, NULL, NULL },
	{ "bare_udp_gone", bare_udp_gone, "udp-no-listener", "warning" },
	{ "bare_udp_gone_no", bare_udp_gone_no, NULL, NULL },
	{ "bare_scan_no", bare_scan_no, NULL, NULL },
	{ "bare_tcp_loss", bare_tcp_loss, "netfilter-drop", "warning" },
	{ "bare_small_no", bare_small_no, NULL, NULL },
	{ "bare_not_again_no", bare_not_again_no, NULL, NULL },
	{ NULL, NULL, NULL, NULL },
};
