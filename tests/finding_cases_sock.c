/* SPDX-License-Identifier: MIT */
/* Cases of sockets as live incidents showed them, each with a near miss. */
#include "finding_cases.h"

#include <stdio.h>

/* Segments refused for their timestamps, and what the receiver acknowledged @later. */
static void old_stamps(int acked, int64_t later)
{
	flow(1, 3, "tcp", "10.0.0.1", 4000, "10.0.0.2", 80);
	flow(2, 3, "tcp", "10.0.0.2", 80, "10.0.0.1", 4000);
	sql("UPDATE flow SET reverse_id = 3 - id WHERE id < 3");
	segment(2, 3, T0 - 10 * MS, 1, 16, 0, 1, 1);
	drops(20, "TCP_RFC7323_PAWS", "tcp_validate_incoming", "protocol", 3, "b0", 1);
	for (int i = 0; i < 20; i++) {
		segment(1, 3, T0 + i * MS, 0, 24, 100, 1 + i * 100, 1);
		sql("UPDATE _frame SET packet_id = (SELECT min(packet_id) + %d FROM _drop) "
		    "WHERE no = (SELECT max(no) FROM _frame)",
		    i);
	}
	segment(2, 3, T0 + later, 1, 16, 0, 1, acked);
	sysctl(3, "net.ipv4.tcp_timestamps", "1", NULL);
}

/* the peer's clock jumped: nothing of it is ever acknowledged */
static void stamps_back(void)
{
	old_stamps(1, 30 * MS);
}

/* only after a timeout */
static void stamps_late(void)
{
	old_stamps(2001, 900 * MS);
}

/* late copies of what was retransmitted meanwhile */
static void stamps_reordered_no(void)
{
	old_stamps(2001, 30 * MS);
}

/* @n connections to a host elsewhere whose SYN was sent three times; @answers of them got an
 * answer. */
static void unanswered(int n, int answers, const char *dst)
{
	char fields[200];

	stage("net_dev_queue");
	for (int i = 0; i < n; i++) {
		snprintf(fields, sizeof(fields),
			 "{\"family\":\"AF_INET\",\"saddr\":\"10.0.0.1\",\"daddr\":\"%s\","
			 "\"sport\":%d,\"dport\":443}",
			 dst, 4000 + i);
		flow(10 + i, 2, "tcp", "10.0.0.1", 4000 + i, dst, 443);
		frames(3, 10 + i, 2, "a0", 1, 2);
		for (int k = 0; k < 2; k++)
			event("tcp_retransmit_skb", T0 + (1 + i + 10 * k) * 100 * MS, fields);
		if (i >= answers)
			continue;
		flow(50 + i, 2, "tcp", dst, 443, "10.0.0.1", 4000 + i);
		sql("UPDATE flow SET reverse_id = %d WHERE id = %d", 50 + i, 10 + i);
	}
}

static void syns_lost(void)
{
	unanswered(8, 0, "198.51.100.7");
}

/* a few that tried twice */
static void syns_few_no(void)
{
	unanswered(4, 0, "198.51.100.7");
}

/* all were answered in the end, and fewer than 20 retransmissions are no loss to speak of */
static void syns_answered_no(void)
{
	unanswered(8, 8, "198.51.100.7");
}

/* a peer on this host: what is lost on the way is a drop here */
static void syns_local_no(void)
{
	unanswered(8, 0, "10.0.0.2");
}

/* UDP sockets on @n of 16 local ports, @inuse at once by sockstat */
static void udp_ports(int n, int inuse)
{
	for (int i = 0; i < n; i++)
		sock(1, 2, "udp", "CLOSE", "10.0.0.1", 50000 + i, 0, 0, 0);
	sql("UPDATE socket SET cookie = id, dst = '10.0.0.2', dport = 53");
	sysctl(2, "net.ipv4.ip_local_port_range", "32768\t60999", "50000\t50015");
	sql("INSERT INTO _counter(snap_ns, netns_id, source_id, name_id, value) "
	    "VALUES(%lld, 2, %lld, %lld, %d)",
	    T0 + 1000 * MS, (long long)name_id("sockstat"), (long long)name_id("UDP.inuse"), inuse);
}

static void udp_ports_all(void)
{
	udp_ports(16, 17);
}

/* one is left */
static void udp_ports_one_left_no(void)
{
	udp_ports(15, 17);
}

/* one after the other */
static void udp_ports_in_turn_no(void)
{
	udp_ports(16, 5);
}

/* Refused connections of IPv6 to a port that is open on all addresses of IPv4. */
static void one_family(int served)
{
	for (int i = 0; i < 8; i++) {
		flow(1 + i, 3, "tcp", "fd00::1", 4000 + i, "fd00::2", 8000);
		frames(1, 1 + i, 3, "b0", 0, 2);
		drops(1, "NO_SOCKET", "tcp_v6_rcv", "loss", 3, "b0", 1 + i);
	}
	for (int i = 0; i < served; i++) {
		flow(20 + i, 3, "tcp", "10.0.0.1", 5000 + i, "10.0.0.2", 8000);
		flow(40 + i, 3, "tcp", "10.0.0.2", 8000, "10.0.0.1", 5000 + i);
		sql("UPDATE flow SET reverse_id = %d WHERE id = %d", 40 + i, 20 + i);
		frames(1, 40 + i, 3, "b0", 1, 18);
	}
	sock(1, 3, "tcp", "LISTEN", "0.0.0.0", 8000, 0, 128, 0);
}

static void v4_only(void)
{
	one_family(0);
}

/* their clients fall back to IPv4 */
static void v4_falls_back(void)
{
	one_family(8);
}

const struct finding_case sock_cases[] = {
	{ "stamps_back", stamps_back, "tcp-paws", "warning" },
	{ "stamps_late", stamps_late, "tcp-paws", "warning" },
	{ "stamps_reordered_no", stamps_reordered_no, NULL, NULL },
	{ "syns_lost", syns_lost, "tcp-loss-off-host", "warning" },
	{ "syns_few_no", syns_few_no, NULL, NULL },
	{ "syns_answered_no", syns_answered_no, NULL, NULL },
	{ "syns_local_no", syns_local_no, NULL, NULL },
	{ "udp_ports_all", udp_ports_all, "ephemeral-ports-exhausted", "warning" },
	{ "udp_ports_one_left_no", udp_ports_one_left_no, NULL, NULL },
	{ "udp_ports_in_turn_no", udp_ports_in_turn_no, NULL, NULL },
	{ "v4_only", v4_only, "listener-wrong-address", "warning" },
	{ "v4_falls_back", v4_falls_back, "listener-wrong-address", "info" },
	{ NULL, NULL, NULL, NULL },
};
