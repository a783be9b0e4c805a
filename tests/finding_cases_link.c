/* SPDX-License-Identifier: MIT */
/* Devices, bridges, routes and control groups: what the rules say of them, and where they must be silent. */
#include "finding_cases.h"

#include <stddef.h>

/* ---- devices ---- */

/* the other end was down all the time: what is sent ends where the device has no queue */
static void peer_never_up(void)
{
	sql("UPDATE netdev SET flags = 4098, carrier = 0 WHERE name = 'b0'");
	sql("UPDATE netdev SET flags = 4099, carrier = 0 WHERE name = 'a0'");
	drops(60, "QDISC_DROP", "__dev_queue_xmit", "loss", 2, "a0", 0);
	counter(2, "dev", "tx_dropped", "a0", -1, 60);
}

/* no event of it, as on kernels whose noqueue tells none */
static void peer_never_up_counted(void)
{
	sql("UPDATE netdev SET flags = 4098, carrier = 0 WHERE name = 'b0'");
	sql("UPDATE netdev SET flags = 4099, carrier = 0 WHERE name = 'a0'");
	counter(2, "dev", "tx_dropped", "a0", -1, 60);
}

/* nothing was sent there */
static void peer_never_up_no(void)
{
	sql("UPDATE netdev SET flags = 4098, carrier = 0 WHERE name = 'b0'");
	sql("UPDATE netdev SET flags = 4099, carrier = 0 WHERE name = 'a0'");
}

/* a bridge with the ports q0, whose other end is b0, and q1 in a namespace c */
static void bridge(void)
{
	sql("INSERT INTO netns VALUES(4, 400, 'c', 'c', 40, 1)");
	sql("INSERT INTO netdev(id, netns_id, netns, ifindex, name, kind, mtu, flags, carrier, master_ifindex, peer_id) VALUES"
	    "(90, 4, 'c', 9, 'br', 'bridge', 4000, 4099, 1, NULL, NULL), (91, 4, 'c', 10, 'q0', 'veth', 1500, 4099, 1, 9, NULL), "
	    "(92, 4, 'c', 11, 'q1', 'veth', 4000, 4099, 1, 9, NULL)");
	sql("UPDATE netdev SET peer_id = 91 WHERE name = 'b0'");
	sql("UPDATE netdev SET peer_id = (SELECT id FROM netdev WHERE name = 'b0') WHERE id = 91");
}

static void bridge_small_port(void)
{
	bridge();
	flow(1, 4, "udp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	drops(60, "NOT_SPECIFIED", "br_nf_dev_queue_xmit", "loss", 4, "q1", 1);
	sql("UPDATE _packet SET len_bytes = 3042");
}

/* small packets that a bridge's firewall drops there */
static void bridge_small_port_no(void)
{
	bridge_small_port();
	sql("UPDATE _packet SET len_bytes = 542");
}

/* a device on a bridge is switched off: what is for it is flooded to the other ports */
static void flooded(void)
{
	bridge();
	sql("UPDATE netdev SET flags = 4098, carrier = 0 WHERE name = 'b0'");
	counter(3, "dev", "carrier_down_count", "b0", -1, 1);
	counter(3, "dev", "carrier_changes", "b0", -1, 1);
	flow(1, 2, "udp", "10.0.0.9", 4000, "10.0.0.2", 9000);
	drops(60, "OTHERHOST", "ip_rcv_core", "noise", 2, "a0", 1);
}

/* flooding of frames for others is ordinary, though some device changed its carrier */
static void flooded_no(void)
{
	bridge();
	counter(3, "dev", "carrier_down_count", "b0", -1, 1);
	counter(3, "dev", "carrier_changes", "b0", -1, 2);
	flow(1, 2, "udp", "10.0.0.9", 4000, "10.0.0.77", 9000);
	drops(60, "OTHERHOST", "ip_rcv_core", "noise", 2, "a0", 1);
}

/* an option in an IPv6 extension header, not a protocol above Ethernet */
static void option_unknown(void)
{
	flow(1, 3, "udp", "fd00::1", 4000, "fd00::2", 9000);
	drops(60, "UNHANDLED_PROTO", "ip6_tlvopt_unknown", "loss", 3, "b0", 1);
	frames(60, 1, 3, "b0", 0, 0);
	sql("UPDATE _frame SET ethertype = 34525, dst_kind = 1, packet_id = (SELECT d.packet_id FROM _drop d WHERE d.id = _frame.no)");
}

/* its own end is switched off: what it sends by that way finds no route */
static void own_link_down(void)
{
	counter(2, "dev", "carrier_down_count", "a0", -1, 1);
	counter(2, "dev", "carrier_changes", "a0", -1, 2);
	counter(2, "snmp", "Ip.OutNoRoutes", NULL, -1, 60);
	flow(1, 2, "udp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	frames(20, 1, 2, "a0", 1, 0);
	for (int i = 0; i < 60; i++)
		event("fib_table_lookup", T0 + i * MS, "{\"tb_id\":254,\"err\":-11,\"iif\":1,\"proto\":17,\"src\":\"0.0.0.0\",\"dst\":\"10.0.0.2\",\"sport\":0,\"dport\":0}");
}

/* where it never sent by that device */
static void own_link_down_other(void)
{
	own_link_down();
	sql("UPDATE _frame SET dev_id = %lld", (long long)name_id("lo"));
}

/* two macvlans of one device have one address; @seen: by a third */
static void macvlans(int seen)
{
	sql("INSERT INTO netdev(id, netns_id, netns, ifindex, name, kind, mac, mtu, flags, carrier, link_ifindex) VALUES"
	    "(80, 2, 'a', 8, 'm1', 'macvlan', '02:00:00:00:00:81', 1500, 4099, 1, 3), (81, 3, 'b', 9, 'm2', 'macvlan', '02:00:00:00:00:82', 1500, 4099, 1, 3)");
	sql("INSERT INTO addr VALUES(2, 'a', 'm1', 2, '10.5.0.2', 24, 0, 0), (3, 'b', 'm2', 2, '10.5.0.2', 24, 0, 0)");
	for (int i = 0; i < seen; i++)
		sql("INSERT INTO neigh(snap_ns, netns_id, netns, dev, address, family, mac, state) VALUES(%lld, 1, 'init', 'e0', '10.5.0.2', 2, '02:00:00:00:00:8%d', 'REACHABLE')",
		    T0 + i, i + 1);
}

static void twice_macvlan(void)
{
	macvlans(2);
}

/* it may be another device of the same number */
static void twice_macvlan_no(void)
{
	macvlans(1);
}

/* ---- routes ---- */

/* @n answers to 10.9.0.1 have no route; @answered: one left before */
static void answers(int n, int answered)
{
	flow(1, 3, "udp", "10.9.0.1", 4000, "10.0.0.2", 9000);
	flow(2, 3, "udp", "10.0.0.2", 9000, "10.9.0.1", 4000);
	sql("UPDATE flow SET reverse_id = 3 - id WHERE id < 3");
	frames(n, 1, 3, "b0", 0, 0);
	if (answered)
		frames(1, 2, 3, "b0", 1, 0);
	for (int i = 0; i < n; i++)
		event("fib_table_lookup", T0 + i * MS,
		      "{\"tb_id\":254,\"err\":-11,\"iif\":1,\"proto\":17,\"src\":\"10.0.0.2\",\"dst\":\"10.9.0.1\",\"sport\":9000,\"dport\":4000}");
	counter(3, "snmp", "Ip.OutNoRoutes", NULL, -1, n);
}

static void no_way_back(void)
{
	answers(60, 0);
}

/* the route went away in the middle: this host's own sending fails */
static void no_way_any_more(void)
{
	answers(60, 1);
}

static void no_way_back6(void)
{
	counter(3, "snmp6", "Ip6OutNoRoutes", NULL, -1, 12);
	counter(3, "netstat", "TcpExt.ListenDrops", NULL, -1, 12);
}

/* on at the start and at the end */
static void forwarding_for_a_while(void)
{
	sysctl(3, "net.ipv4.ip_forward", "1", NULL);
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.9.0.2", 9000);
	drops(60, "IP_INADDRERRORS", "ip_error", "loss", 3, "b0", 1);
}

/* ---- multicast that nobody waits for ---- */

static void multicast(int n, const char *group)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, group, 9000);
	drops(n, "NOT_SPECIFIED", "ip_rcv_finish_core", "loss", 3, "b0", 1);
}

static void multicast_stream(void)
{
	multicast(200, "239.7.7.7");
}

static void multicast_link_no(void)
{
	multicast(200, "224.0.0.251");
}

static void multicast_few_no(void)
{
	multicast(60, "239.7.7.7");
}

/* somebody else on this host takes it: a bridge floods it to all */
static void multicast_elsewhere_no(void)
{
	multicast(200, "239.7.7.7");
	sock(0, 2, "udp", NULL, "0.0.0.0", 9000, 0, 0, 0);
}

/* ---- neighbours ---- */

/* drops without a place: the one neighbour that became known then */
static void queue_unplaced(void)
{
	drops(60, "NEIGH_QUEUEFULL", "__neigh_event_send", "loss", 0, NULL, 0);
	sql("INSERT INTO neigh(snap_ns, netns_id, netns, dev, address, family, mac, state) VALUES(%lld, 2, 'a', 'a0', '10.0.0.50', 2, '02:00:00:00:00:50', 'REACHABLE')",
	    T0);
	event("neigh_update", T0 + 60 * MS,
	      "{\"family\":2,\"dev\":\"a0\",\"nud_state\":\"incomplete\",\"primary_key4\":\"10.0.0.50\",\"new_state\":\"reachable\"}");
}

/* IPv6 counts what finds no neighbour entry as if it had no route */
static void table_full6(void)
{
	drops(60, "NEIGH_CREATEFAIL", "ip6_finish_output2", "loss", 0, NULL, 0);
	counter(0, "ndisc_cache", "table_fulls", NULL, -1, 60);
	counter(2, "snmp6", "Ip6OutNoRoutes", NULL, -1, 60);
	sql("INSERT INTO addr VALUES(2, 'a', 'a0', 10, 'fd00::1', 64, 0, 0)");
}

static void icmp_checksum(void)
{
	flow(1, 3, "icmp", "10.0.0.1", 0, "10.0.0.2", 0);
	drops(60, "ICMP_CSUM", "icmp_rcv", "error", 3, "b0", 1);
	counter(3, "snmp", "Icmp.InCsumErrors", NULL, -1, 60);
}

/* ---- control groups ---- */

static void group_in(const char *path, const char *of_task)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	drops(60, "SOCKET_FILTER", "udp_queue_rcv_one_skb", "policy", 3, "b0", 1);
	sql("INSERT INTO cgroup_program VALUES('%s', '7', NULL)", path);
	sql("UPDATE task SET cgroup = '%s' WHERE pid = 4242", of_task);
}

static void group_ingress(void)
{
	group_in("/machine/b", "/machine/b/app");
}

static void group_ingress_root(void)
{
	group_in("/", "/machine/b/app");
}

/* another group's, whose name only begins so: then it is a socket's own filter */
static void group_ingress_other(void)
{
	group_in("/machine/b", "/machine/bb");
}

/* drops of which no event tells where: the namespace that did not send what it had to send */
static void group_egress_unplaced(void)
{
	drops(60, "BPF_CGROUP_EGRESS", "ip_finish_output", "policy", 0, NULL, 0);
	counter(2, "snmp", "Ip.OutRequests", NULL, -1, 500);
	counter(2, "snmp", "Ip.OutTransmits", NULL, -1, 500);
	counter(3, "snmp", "Ip.OutRequests", NULL, -1, 300);
	counter(3, "snmp", "Ip.OutTransmits", NULL, -1, 240);
}

const struct finding_case link_cases[] = {
	{ "peer_never_up", peer_never_up, "peer-device-down", "critical" },
	{ "peer_never_up_counted", peer_never_up_counted, "peer-device-down", "critical" },
	{ "peer_never_up_no", peer_never_up_no, NULL, NULL },
	{ "bridge_small_port", bridge_small_port, "l2-mtu-mismatch", "critical" },
	{ "bridge_small_port_no", bridge_small_port_no, "other-drop", "info" },
	{ "flooded", flooded, "link-down", "critical" },
	{ "flooded_no", flooded_no, NULL, NULL },
	{ "own_link_down", own_link_down, "link-down", "critical" },
	{ "own_link_down_other", own_link_down_other, "no-route-output", "critical" },
	{ "twice_macvlan", twice_macvlan, "duplicate-address", "warning" },
	{ "twice_macvlan_no", twice_macvlan_no, NULL, NULL },
	{ "option_unknown", option_unknown, "ip-header-malformed", "critical" },
	{ "no_way_back", no_way_back, "no-return-route", "critical" },
	{ "no_way_any_more", no_way_any_more, "no-route-output", "critical" },
	{ "no_way_back6", no_way_back6, "no-return-route", "critical" },
	{ "forwarding_for_a_while", forwarding_for_a_while, "forwarding-disabled", "critical" },
	{ "multicast_stream", multicast_stream, "multicast-not-joined", "info" },
	{ "multicast_link_no", multicast_link_no, "other-drop", "info" },
	{ "multicast_few_no", multicast_few_no, "other-drop", "info" },
	{ "multicast_elsewhere_no", multicast_elsewhere_no, "other-drop", "info" },
	{ "queue_unplaced", queue_unplaced, "neighbour-queue-full", "warning" },
	{ "table_full6", table_full6, "neighbour-table-full", "critical" },
	{ "icmp_checksum", icmp_checksum, "l4-checksum", "critical" },
	{ "group_ingress", group_ingress, "cgroup-bpf-drop", "critical" },
	{ "group_ingress_root", group_ingress_root, "cgroup-bpf-drop", "critical" },
	{ "group_ingress_other", group_ingress_other, "socket-filter-drop", "critical" },
	{ "group_egress_unplaced", group_egress_unplaced, "cgroup-bpf-drop", "critical" },
	{ NULL, NULL, NULL, NULL },
};
