/* SPDX-License-Identifier: MIT */
#include "lives_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- receiving ---- */

static void test_gro(void **state)
{
	(void)state;
	begin();
	softirq_in();
	gro("eth0", 0x100, 1500, 2);
	gro("eth0", 0x200, 1500, 1);
	gro("eth0", 0x300, 1500, 1);
	gro("eth0", 0x400, 60, 3);
	receive("eth0", 0x100, 4396);
	receive("eth0", 0x400, 60);
	consume(0x400, "icmp_rcv");
	softirq_out();
	story.now.pid = 7;
	copy(0x100, 4344);
	consume(0x100, "tcp_eat_recv_skb");
	finish();
	expect(PACKETS, "1|rx|-|eth0|delivered|-|-\n"
			"2|rx|-|eth0|merged|gro|1\n"
			"3|rx|-|eth0|merged|gro|1\n"
			"4|rx|-|eth0|consumed|-|-\n");
	expect(STAGES(1),
	       "napi_gro_receive_entry netif_receive_skb skb_copy_datagram_iovec consume_skb\n");
	expect("SELECT len_bytes, flags, protocol, confidence FROM packet WHERE id = 2",
	       "1500|0|2048|certain\n");
}

/* Merged into one of two held packets: which is not known. And a length that GRO cannot have made.
 */
static void test_gro_unsure(void **state)
{
	(void)state;
	begin();
	softirq_in();
	gro("eth0", 0x100, 1500, 2);
	gro("eth0", 0x200, 1500, 2);
	gro("eth0", 0x300, 1500, 1);
	receive("eth0", 0x100, 2948);
	receive("eth0", 0x200, 1400);
	finish();
	expect("SELECT id, outcome, parent_id, flags FROM packet ORDER BY id",
	       "1|delivered|-|2\n2|unknown|-|8\n3|merged|-|0\n4|delivered|-|3\n");
}

static void test_list_and_backlog(void **state)
{
	(void)state;
	begin();
	softirq_in();
	skb(EV_NETIF_RECEIVE_SKB_LIST_ENTRY, "eth0", 0x100, 100);
	skb(EV_NETIF_RECEIVE_SKB_LIST_ENTRY, "eth0", 0x200, 200);
	receive("eth0", 0x100, 100);
	receive("eth0", 0x200, 200);
	kfree(0x100, "__udp4_lib_rcv", NONE);
	kfree(0x200, "__udp4_lib_rcv", NONE);
	/* RPS: the stack has it here, another CPU receives it */
	skb(EV_NETIF_RECEIVE_SKB_ENTRY, "eth0", 0x300, 300);
	softirq_out();
	story.now.cpu = 1;
	softirq_in();
	receive("eth0", 0x300, 300);
	consume(0x300, "arp_process");
	finish();
	expect(PACKETS,
	       "1|rx|-|eth0|dropped|-|-\n2|rx|-|eth0|dropped|-|-\n3|rx|-|eth0|consumed|-|-\n");
	expect("SELECT from_cpu, to_cpu, kind, count FROM cpu_hop", "0|1|rps|1\n");
	expect("SELECT cpu_hops FROM packet", "0\n0\n1\n");
	expect("SELECT packet_id, dev, function, class, layer FROM packet_drop ORDER BY id",
	       "1|eth0|__udp4_lib_rcv|loss|transport\n2|eth0|__udp4_lib_rcv|loss|transport\n");
	expect("SELECT d.id, p.id FROM packet p JOIN packet_drop d ON d.id = p.drop_id ORDER BY 1",
	       "1|1\n2|2\n");
}

/* Nothing but netif_receive_skb is recorded: then nothing is missing, but nothing is proven. */
static void test_no_entries(void **state)
{
	(void)state;
	fake_trace_without(EV_NETIF_RX_ENTRY);
	fake_trace_without(EV_NETIF_RX);
	begin();
	softirq_in();
	receive("eth0", 0x100, 100);
	consume(0x100, NULL);
	receive("eth0", 0x100, 60);
	softirq_out();
	story.now.pid = 9;
	consume(0x100, NULL);
	finish();
	expect("SELECT id, outcome, flags, confidence FROM packet ORDER BY id",
	       "1|consumed|0|high\n2|delivered|0|high\n");
}

/* ---- inside the host ---- */

static void test_veth(void **state)
{
	(void)state;
	pair_devs();
	begin();
	queue("va0", 0x100, 142);
	veth("va0", "vb0", 0x100, 142);
	softirq_in();
	receive("vb0", 0x100, 128);
	EVENT(EV_SK_DATA_READY, F_SKADDR, U(0x8000), F_PROTOCOL, U(0)); /* a capture */
	EVENT(EV_SK_DATA_READY, F_SKADDR, U(0x9000), F_PROTOCOL, U(17));
	softirq_out();
	story.now.ts += 500000;
	story.now.cpu = 1;
	softirq_in();
	consume(0x100, "skb_defer_free_flush");
	finish();
	expect(PACKETS, "1|local|va0|vb0|delivered|-|-\n");
	expect(STAGES(1), "net_dev_queue net_dev_start_xmit netif_rx_entry netif_rx net_dev_xmit "
			  "netif_receive_skb "
			  "sk_data_ready consume_skb\n");
	expect("SELECT netns_out, netns_in, flags, cpu_hops FROM packet", "n1|n2|4|0\n");
	/* the deferred free is no stage that takes time, and the end of the call is none on the way
	 */
	expect("SELECT stage_from, stage_to, max_ns FROM latency ORDER BY 1, 2",
	       "net_dev_queue|net_dev_start_xmit|1000\n"
	       "net_dev_start_xmit|net_dev_xmit|3000\n"
	       "net_dev_start_xmit|netif_rx_entry|1000\n"
	       "netif_receive_skb|sk_data_ready|2000\n"
	       "netif_rx|netif_receive_skb|3000\n"
	       "netif_rx_entry|netif_rx|1000\n");
	expect("SELECT count(*) FROM cpu_hop", "0\n");
}

/* Without netif_rx_entry the packet crosses as surely, and nothing is missing. */
static void test_veth_no_entry(void **state)
{
	(void)state;
	fake_trace_without(EV_NETIF_RX_ENTRY);
	pair_devs();
	begin();
	queue("va0", 0x100, 142);
	start("va0", 0x100, 142);
	skb(EV_NETIF_RX, "vb0", 0x100, 128);
	xmit("va0", 0x100, 142, 0);
	softirq_in();
	receive("vb0", 0x100, 128);
	consume(0x100, NULL);
	softirq_out();
	finish();
	expect(STAGES(1), "net_dev_queue net_dev_start_xmit netif_rx net_dev_xmit netif_receive_skb "
			  "consume_skb\n");
	expect("SELECT DISTINCT confidence FROM hop WHERE stage <> 'consume_skb'", "certain\n");
	expect("SELECT count(*) FROM packet", "1\n");
}

/* veth with NAPI: the peer's poll takes it from a ring, perhaps long after. */
static void test_veth_napi(void **state)
{
	(void)state;
	pair_devs();
	begin();
	queue("va0", 0x100, 142);
	start("va0", 0x100, 142);
	xmit("va0", 0x100, 142, 0);
	story.now.ts += 5000000;
	story.now.cpu = 1;
	softirq_in();
	gro("vb0", 0x100, 128, 3);
	receive("vb0", 0x100, 128);
	finish();
	expect(PACKETS, "1|local|va0|vb0|delivered|-|-\n");
	expect("SELECT flags, confidence FROM packet", "2|medium\n");
}

/* The same without knowing the devices: only soon, and with the right length. */
static void test_veth_unknown(void **state)
{
	(void)state;
	begin();
	queue("x0", 0x100, 142);
	start("x0", 0x100, 142);
	xmit("x0", 0x100, 142, 0);
	story.now.cpu = 1;
	softirq_in();
	gro("y0", 0x100, 128, 3);
	receive("y0", 0x100, 128);
	story.now.cpu = 0;
	story.now.flags = 0;
	queue("x0", 0x200, 142);
	start("x0", 0x200, 142);
	xmit("x0", 0x200, 142, 0);
	story.now.cpu = 1;
	softirq_in();
	gro("eth0", 0x200, 60, 3);
	receive("eth0", 0x200, 60);
	finish();
	expect(PACKETS, "1|local|x0|y0|delivered|-|-\n2|tx|x0|-|transmitted|-|-\n3|rx|-|eth0|"
			"delivered|-|-\n");
}

static void test_loopback(void **state)
{
	(void)state;
	fake_host_dev(story.host, 1, "lo", "");
	fake_host_dev(story.host, 2, "lo", "");
	begin();
	queue("lo", 0x100, 66);
	veth("lo", "lo", 0x100, 66);
	softirq_in();
	receive("lo", 0x100, 52);
	/* TCP has absorbed it and answers from the same address: another packet */
	queue("lo", 0x100, 66);
	veth("lo", "lo", 0x100, 66);
	receive("lo", 0x100, 52);
	softirq_out();
	finish();
	expect(PACKETS, "1|local|lo|lo|delivered|-|-\n2|local|lo|lo|delivered|-|-\n");
	expect("SELECT flags, netns_in FROM packet ORDER BY id", "8|-\n2|-\n");
}

/* The receiver is on another CPU and faster than the driver's return. */
static void test_xmit_late(void **state)
{
	(void)state;
	pair_devs();
	begin();
	queue("va0", 0x100, 142);
	start("va0", 0x100, 142);
	skb(EV_NETIF_RX_ENTRY, "vb0", 0x100, 128);
	skb(EV_NETIF_RX, "vb0", 0x100, 128);
	story.now.cpu = 1;
	softirq_in();
	receive("vb0", 0x100, 128);
	kfree(0x100, "__udp4_lib_rcv", NONE);
	/* the address is used again before the first call returns */
	gro("eth0", 0x100, 52, 3);
	story.now.cpu = 0;
	story.now.flags = 0;
	xmit("va0", 0x100, 142, 0);
	finish();
	expect(PACKETS, "1|local|va0|vb0|dropped|-|-\n2|rx|-|eth0|unknown|-|-\n");
	expect(STAGES(1), "net_dev_queue net_dev_start_xmit netif_rx_entry netif_rx "
			  "netif_receive_skb kfree_skb net_dev_xmit\n");
}

/* ---- going on ---- */

static void router(void)
{
	int64_t a = fake_host_dev(story.host, 1, "va0", "veth"),
		r0 = fake_host_dev(story.host, 2, "vr0", "veth");
	int64_t r1 = fake_host_dev(story.host, 2, "vr1", "veth"),
		b = fake_host_dev(story.host, 3, "vb0", "veth");

	fake_host_pair(story.host, a, r0);
	fake_host_pair(story.host, r1, b);
	fake_host_dev(story.host, 2, "eth0", "");
	fake_host_dev(story.host, 2, "eth1", "");
}

static void test_forward(void **state)
{
	(void)state;
	router();
	begin();
	softirq_in();
	gro("eth0", 0x100, 1500, 3);
	receive("eth0", 0x100, 1500);
	queue("eth1", 0x100, 1514);
	start("eth1", 0x100, 1514);
	xmit("eth1", 0x100, 1514, 0);
	/* a list: received first, forwarded one by one */
	receive("eth0", 0x200, 100);
	receive("eth0", 0x300, 200);
	queue("eth1", 0x200, 114);
	start("eth1", 0x200, 114);
	xmit("eth1", 0x200, 114, 0);
	queue("eth1", 0x300, 214);
	kfree(0x300, "__dev_queue_xmit", NONE);
	softirq_out();
	consume(0x100, "some_driver_clean_tx");
	finish();
	expect(PACKETS, "1|forward|eth1|eth0|forwarded|-|-\n"
			"2|forward|eth1|eth0|forwarded|-|-\n"
			"3|forward|eth1|eth0|dropped|-|-\n");
	expect("SELECT packet_id, netns, dev, layer, class FROM packet_drop",
	       "3|n2|eth1|qdisc|loss\n");
}

/* All of this happens at the address of a packet that was received: none of it is forwarding. */
static void test_not_forward(void **state)
{
	(void)state;
	router();
	begin();
	softirq_in();
	/* an acknowledgement of another length: TCP merged the segment and answers */
	receive("eth0", 0x100, 1500);
	queue("eth1", 0x100, 66);
	/* another namespace */
	receive("va0", 0x200, 52);
	queue("vr1", 0x200, 66);
	/* another packet was received in between */
	receive("eth0", 0x300, 52);
	consume(0x900, "arp_process");
	receive("eth0", 0x400, 60);
	queue("eth1", 0x300, 66);
	/* another softirq run */
	receive("eth0", 0x500, 52);
	softirq_out();
	softirq_in();
	queue("eth1", 0x500, 66);
	/* a process sends */
	receive("eth0", 0x600, 52);
	softirq_out();
	queue("eth1", 0x600, 66);
	finish();
	expect("SELECT count(*), sum(kind = 'rx'), sum(kind = 'tx') FROM packet", "11|6|5\n");
	expect("SELECT count(*) FROM hop JOIN packet p ON p.id = packet_id WHERE p.kind = 'rx' AND "
	       "stage = 'net_dev_queue'",
	       "0\n");
}

/* A - router - B on one host: one packet all the way. */
static void test_forward_local(void **state)
{
	(void)state;
	router();
	begin();
	queue("va0", 0x100, 142);
	veth("va0", "vr0", 0x100, 142);
	softirq_in();
	receive("vr0", 0x100, 128);
	queue("vr1", 0x100, 142);
	veth("vr1", "vb0", 0x100, 142);
	receive("vb0", 0x100, 128);
	kfree(0x100, "nft_do_chain", NONE);
	/* a container's packet that leaves */
	softirq_out();
	queue("va0", 0x200, 142);
	veth("va0", "vr0", 0x200, 142);
	softirq_in();
	receive("vr0", 0x200, 128);
	queue("eth0", 0x200, 142);
	start("eth0", 0x200, 142);
	xmit("eth0", 0x200, 142, 0);
	finish();
	expect(PACKETS, "1|local|va0|vb0|dropped|-|-\n2|forward|eth0|vr0|forwarded|-|-\n");
	expect("SELECT packet_id, netns, dev, layer, class FROM packet_drop",
	       "1|n3|vb0|netfilter|policy\n");
}

/* A router has to find the next hop first: what waited goes out when it answers, or is dropped when
 * it does not. */
static void test_neighbour(void **state)
{
	struct err e;

	(void)state;
	router();
	/* the frames of packets 2 and 4 say where they were for */
	assert_int_equal(db_exec(story.db,
				 "INSERT INTO flow(id, netns_id, netns, proto, src, dst) VALUES"
				 "(1, 2, 'n2', 'udp', '10.0.0.1', '10.9.0.9'), (2, 2, 'n2', 'tcp', "
				 "'10.0.0.1', '10.0.0.2');"
				 "INSERT INTO addr(netns_id, netns, dev, family, address, prefix) "
				 "VALUES(2, 'n2', 'eth0', 2, '10.0.0.2', 24);",
				 &e),
			 0);
	fake_frame(story.frames, 2, "eth0", 0, 3006500, 142)->flow_id = 1;
	fake_frame(story.frames, 2, "eth0", 0, 3009500, 66)->flow_id = 2;
	begin();
	story.now.ts = 3000000;
	softirq_in();
	receive("eth0", 0x100, 128);
	softirq_out();
	softirq_in();
	EVENT(EV_NETIF_RECEIVE_SKB_ENTRY, F_NAME, "eth1", F_SKBADDR, U(0x200), F_LEN, U(28),
	      F_PROTOCOL, U(0x0806));
	receive("eth1", 0x200, 28);
	queue("eth1", 0x100, 142);
	/* two that wait in vain, one of them not a forwarded one: its address came back */
	story.now.ts = 3006000;
	skb(EV_NETIF_RECEIVE_SKB_ENTRY, "eth0", 0x300, 128);
	receive("eth0", 0x300, 128);
	story.now.ts = 3009000;
	skb(EV_NETIF_RECEIVE_SKB_ENTRY, "eth0", 0x400, 52);
	receive("eth0", 0x400, 52);
	softirq_out();
	story.now.ts += 3000000000;
	softirq_in();
	kfree(0x300, "neigh_invalidate", NONE);
	kfree(0x400, "neigh_invalidate", NONE);
	finish();
	expect("SELECT kind, dev_in, dev_out, outcome, confidence, flow_id, drop_id FROM packet "
	       "ORDER BY id",
	       "forward|eth0|eth1|unknown|medium|-|-\n"
	       "rx|eth1|-|unknown|medium|-|-\n"
	       "rx|eth0|-|dropped|medium|1|1\n"
	       "rx|eth0|-|delivered|low|2|-\n");
	expect("SELECT packet_id, netns, dev, flow_id, class FROM packet_drop ORDER BY id",
	       "3|n2|eth0|1|loss\n-|-|-|-|loss\n");
	expect(STAGES(3), "netif_receive_skb_entry netif_receive_skb kfree_skb\n");
}

static void test_bridge(void **state)
{
	int64_t p0 = fake_host_dev(story.host, 1, "p0", ""),
		p1 = fake_host_dev(story.host, 1, "p1", "");
	int64_t p2 = fake_host_dev(story.host, 1, "p2", "");

	(void)state;
	fake_host_dev(story.host, 1, "br0", "bridge");
	fake_host_master(story.host, p0, 9);
	fake_host_master(story.host, p1, 9);
	fake_host_master(story.host, p2, 9);
	begin();
	softirq_in();
	/* to the bridge itself */
	gro("p0", 0x100, 100, 3);
	receive("p0", 0x100, 100);
	skb(EV_NETIF_RECEIVE_SKB_ENTRY, "br0", 0x100, 100);
	receive("br0", 0x100, 100);
	consume(0x100, "icmp_rcv");
	/* flooded: a copy to one port, the packet itself to the other */
	gro("p0", 0x200, 100, 3);
	receive("p0", 0x200, 100);
	queue("p1", 0x300, 114);
	start("p1", 0x300, 114);
	xmit("p1", 0x300, 114, 0);
	queue("p2", 0x200, 114);
	start("p2", 0x200, 114);
	xmit("p2", 0x200, 114, 0);
	finish();
	expect(PACKETS, "1|rx|-|p0|consumed|-|-\n"
			"2|forward|p2|p0|forwarded|-|-\n"
			"3|forward|p1|p0|forwarded|clone|2\n");
	expect(STAGES(1), "napi_gro_receive_entry netif_receive_skb netif_receive_skb_entry "
			  "netif_receive_skb consume_skb\n");
}

static void test_tunnel(void **state)
{
	(void)state;
	fake_host_dev(story.host, 1, "vx0", "vxlan");
	fake_host_dev(story.host, 1, "eth0", "");
	begin();
	queue("vx0", 0x100, 100);
	start("vx0", 0x100, 100);
	queue("eth0", 0x100, 150);
	start("eth0", 0x100, 150);
	xmit("eth0", 0x100, 150, 0);
	xmit("vx0", 0x100, 100, 0);
	softirq_in();
	gro("eth0", 0x200, 136, 3);
	receive("eth0", 0x200, 136);
	receive("eth0", 0x300, 52);
	gro("vx0", 0x200, 86, 3);
	receive("vx0", 0x200, 86);
	finish();
	expect("SELECT id, kind, dev_out, dev_in, outcome FROM packet WHERE id < 3 ORDER BY id",
	       "1|tx|eth0|-|transmitted\n2|rx|-|eth0|delivered\n");
	expect(STAGES(1), "net_dev_queue net_dev_start_xmit net_dev_queue net_dev_start_xmit "
			  "net_dev_xmit net_dev_xmit\n");
	expect(STAGES(2), "napi_gro_receive_entry netif_receive_skb napi_gro_receive_entry "
			  "netif_receive_skb\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(test_gro),	      T(test_gro_unsure),  T(test_list_and_backlog),
		T(test_no_entries),   T(test_veth),	   T(test_veth_napi), T(test_veth_no_entry),
		T(test_veth_unknown), T(test_loopback),	   T(test_xmit_late),
		T(test_forward),      T(test_not_forward), T(test_forward_local),
		T(test_neighbour),    T(test_bridge),	   T(test_tunnel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
