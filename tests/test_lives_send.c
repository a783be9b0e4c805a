/* SPDX-License-Identifier: MIT */
#include "lives_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* ---- sending ---- */

static void test_qdisc(void **state)
{
	(void)state;
	begin();
	queue("eth0", 0x100, 114);
	EVENT(EV_QDISC_ENQUEUE, F_SKBADDR, U(0x100), F_IFINDEX, U(2));
	queue("eth0", 0x200, 114);
	EVENT(EV_QDISC_ENQUEUE, F_SKBADDR, U(0x200), F_IFINDEX, U(2));
	story.now.cpu = 1;
	story.now.ts += 3000000;
	EVENT(EV_QDISC_DEQUEUE, F_SKBADDR, U(0x100), F_IFINDEX, U(2), F_PACKETS, U(2));
	start("eth0", 0x100, 114);
	xmit("eth0", 0x100, 114, 0x10);
	EVENT(EV_QDISC_DEQUEUE, F_SKBADDR, U(0x100), F_IFINDEX, U(2), F_PACKETS, U(1));
	start("eth0", 0x100, 114);
	xmit("eth0", 0x100, 114, 0);
	start("eth0", 0x200, 114);
	xmit("eth0", 0x200, 114, 0);
	EVENT(EV_QDISC_DEQUEUE, F_SKBADDR, U(0), F_IFINDEX, U(2), F_PACKETS, U(0));
	story.now.cpu = 0;
	consume(0x100, "some_driver_clean_tx");
	kfree(0x200, "some_driver_clean_tx", NONE);
	finish();
	expect(PACKETS, "1|tx|eth0|-|transmitted|-|-\n2|tx|eth0|-|transmitted|-|-\n");
	expect(STAGES(1), "net_dev_queue qdisc_enqueue qdisc_dequeue net_dev_start_xmit "
			  "net_dev_xmit qdisc_dequeue "
			  "net_dev_start_xmit net_dev_xmit consume_skb\n");
	/* a driver that frees what it has sent with the wrong helper has dropped nothing */
	expect("SELECT packet_id, class, layer FROM packet_drop", "2|noise|device\n");
	expect("SELECT drop_id FROM packet", "-\n-\n");
	expect("SELECT from_cpu, to_cpu, kind, count FROM cpu_hop ORDER BY kind", "1|0|completion|2\n0|1|qdisc|2\n");
}

/* An enqueue that is written when another CPU has already sent the packet. */
static void test_qdisc_lockless(void **state)
{
	(void)state;
	begin();
	queue("eth0", 0x100, 114);
	story.now.cpu = 1;
	EVENT(EV_QDISC_DEQUEUE, F_SKBADDR, U(0x100), F_IFINDEX, U(2), F_PACKETS, U(1));
	start("eth0", 0x100, 114);
	story.now.cpu = 0;
	EVENT(EV_QDISC_ENQUEUE, F_SKBADDR, U(0x100), F_IFINDEX, U(2));
	story.now.cpu = 1;
	xmit("eth0", 0x100, 114, 0);
	consume(0x100, "some_driver_clean_tx");
	story.now.cpu = 0;
	EVENT(EV_QDISC_ENQUEUE, F_SKBADDR, U(0x100), F_IFINDEX, U(2));
	finish();
	expect(PACKETS, "1|tx|eth0|-|transmitted|-|-\n");
}

/* A queue that segments and then drops some of what it made: no event showed these, but it is one
 * call. */
static void test_qdisc_drops(void **state)
{
	static const char *const reasons[] = { "NOT_DROPPED_YET", "CONSUMED",  "NOT_SPECIFIED",
					       "QDISC_DROP",	  "TC_EGRESS", NULL };

	(void)state;
	fake_trace_reasons(reasons);
	fake_host_dev(story.host, 1, "eth0", "");
	begin();
	queue("eth0", 0x100, 4410);
	consume(0x100, "tbf_enqueue");
	kfree(0x200, "__dev_queue_xmit", 3);
	kfree(0x300, "__dev_queue_xmit", 3);
	/* dropped before any device event: by whom, but not where */
	kfree(0x400, "__dev_queue_xmit", 4);
	finish();
	expect("SELECT packet_id, reason, dev, netns, layer, class FROM packet_drop ORDER BY id",
	       "-|QDISC_DROP|eth0|n1|qdisc|loss\n-|QDISC_DROP|eth0|n1|qdisc|loss\n-|TC_EGRESS|-|-|"
	       "tc|policy\n");
}

static void segments(const char *tap)
{
	for (uint64_t i = 0; i < 3; i++) {
		if (tap)
			consume(0xf00, *tap ? tap : NULL);
		start("va0", 0x200 + i * 0x100, 1514);
		skb(EV_NETIF_RX_ENTRY, "vb0", 0x200 + i * 0x100, 1500);
		skb(EV_NETIF_RX, "vb0", 0x200 + i * 0x100, 1500);
		xmit("va0", 0x200 + i * 0x100, 1514, 0);
	}
}

static void test_gso(void **state)
{
	(void)state;
	pair_devs();
	begin();
	/* an address that was a received packet's before */
	softirq_in();
	receive("vb0", 0x300, 52);
	softirq_out();
	queue("va0", 0x100, 4410);
	consume(0x100, "validate_xmit_skb");
	segments("tpacket_rcv");
	queue("va0", 0x500, 142);
	start("va0", 0x500, 142);
	xmit("va0", 0x500, 142, 0);
	start("va0", 0x600, 142);
	xmit("va0", 0x600, 142, 0);
	finish();
	expect(PACKETS, "1|rx|-|vb0|delivered|-|-\n"
			"2|tx|va0|-|consumed|-|-\n"
			"3|local|va0|vb0|unknown|gso|2\n"
			"4|local|va0|vb0|unknown|gso|2\n"
			"5|local|va0|vb0|unknown|gso|2\n"
			"6|tx|va0|-|transmitted|-|-\n"
			"7|tx|va0|-|transmitted|-|-\n");
	/* the last one has no parent and no beginning */
	expect("SELECT flags FROM packet WHERE id > 5", "2\n3\n");
}

/* The same on a kernel whose consume_skb does not say where: clones of taps at the addresses of old
 * packets. */
static void test_gso_no_location(void **state)
{
	(void)state;
	pair_devs();
	begin();
	softirq_in();
	receive("vb0", 0xf00, 52);
	softirq_out();
	queue("va0", 0x100, 4410);
	consume(0x100, NULL);
	segments("");
	finish();
	expect(PACKETS, "1|rx|-|vb0|delivered|-|-\n"
			"2|tx|va0|-|consumed|-|-\n"
			"3|local|va0|vb0|unknown|gso|2\n"
			"4|local|va0|vb0|unknown|gso|2\n"
			"5|local|va0|vb0|unknown|gso|2\n");
	expect("SELECT count(*) FROM hop WHERE stage = 'consume_skb'", "1\n");
}

/* tcp_retransmit_skb names the queued skb; its clone lies a fixed distance behind. */
static void test_retransmit(void **state)
{
	(void)state;
	begin();
	for (int i = 0; i < 3; i++) {
		queue("eth0", 0x10e0, 1514);
		start("eth0", 0x10e0, 1514);
		xmit("eth0", 0x10e0, 1514, 0);
		if (i)
			EVENT(EV_TCP_RETRANSMIT_SKB, F_SKBADDR, U(0x1000));
		consume(0x10e0, "some_driver_clean_tx");
		if (!i)
			EVENT(EV_TCP_RETRANSMIT_SKB, F_SKBADDR, U(0x5000));
	}
	finish();
	expect(PACKETS, "1|tx|eth0|-|transmitted|-|-\n"
			"2|tx|eth0|-|transmitted|retransmit|1\n"
			"3|tx|eth0|-|transmitted|retransmit|2\n");
}

/* ---- addresses that come back ---- */

static void test_foreign(void **state)
{
	(void)state;
	begin();
	softirq_in();
	/* freed at the old address: a netlink message, a tap's clone, what a process failed to
	 * send, an unseen skb */
	receive("eth0", 0x100, 52);
	receive("eth0", 0x200, 52);
	receive("eth0", 0x300, 52);
	softirq_out();
	kfree(0x100, "netlink_unicast", NONE);
	consume(0x200, "tpacket_rcv");
	kfree(0x300, "nft_do_chain", NONE);
	kfree(0x400, "neigh_invalidate", NONE);
	/* tcpdump alone wanted it */
	softirq_in();
	receive("eth0", 0x500, 60);
	consume(0x500, "tpacket_rcv");
	/* the reader closes, much later */
	receive("eth0", 0x600, 128);
	softirq_out();
	story.now.ts += 900000000;
	kfree(0x600, "udp_destruct_common", NONE);
	/* an end without a beginning is no packet */
	consume(0x700, "icmp_rcv");
	copy(0x700, 100);
	finish();
	expect("SELECT id, outcome, flags FROM packet ORDER BY id",
	       "1|delivered|9\n2|delivered|9\n3|delivered|9\n4|consumed|1\n5|dropped|1\n");
	expect("SELECT id, packet_id, dev, class FROM packet_drop ORDER BY id",
	       "2|-|-|policy\n3|-|-|loss\n4|5|eth0|teardown\n");
	expect("SELECT id, packet_id, layer FROM _drop WHERE id = 1", "1|-|netlink\n");
}

/* ---- losses ---- */

static void test_loss(void **state)
{
	(void)state;
	pair_devs();
	begin();
	/* in the queue while events are lost on another CPU */
	queue("eth0", 0x100, 114);
	story.now.cpu = 1;
	lose(0, 100000);
	story.now.cpu = 0;
	start("eth0", 0x100, 114);
	xmit("eth0", 0x100, 114, 0);
	consume(0x100, "some_driver_clean_tx");
	/* the driver's return is lost: nothing may be added to the call any more */
	queue("va0", 0x200, 114);
	start("va0", 0x200, 114);
	lose(0, 100000);
	queue("va0", 0x300, 114);
	skb(EV_NETIF_RX_ENTRY, "vb0", 0x200, 100);
	xmit("va0", 0x200, 114, 0);
	/* not forwarded across a gap */
	softirq_in();
	receive("eth0", 0x400, 100);
	story.now.cpu = 1;
	lose(0, 100000);
	story.now.cpu = 0;
	queue("eth1", 0x400, 114);
	/* the gap is reported when it is over: this one lived and died in it */
	queue("eth1", 0x500, 114);
	start("eth1", 0x500, 114);
	xmit("eth1", 0x500, 114, 0);
	consume(0x500, "some_driver_clean_tx");
	story.now.cpu = 1;
	lose(3000, 10);
	finish();
	expect("SELECT id, kind, outcome, flags, confidence FROM packet ORDER BY id",
	       "1|tx|transmitted|16|medium\n"
	       "2|tx|unknown|24|medium\n"
	       "3|tx|unknown|18|medium\n"
	       "4|rx|unknown|18|medium\n"
	       "5|rx|delivered|25|medium\n"
	       "6|tx|unknown|18|medium\n"
	       "7|tx|transmitted|16|medium\n");
	expect("SELECT count(*) FROM hop WHERE confidence = 'medium'", "2\n");
}

/* ---- bounds ---- */

/* Calls that never return, GRO without exits, an address used a thousand times. */
static void test_bounds(void **state)
{
	(void)state;
	begin();
	for (uint64_t i = 0; i < 100; i++) {
		queue("eth0", 0x1000 + i * 0x100, 100);
		start("eth0", 0x1000 + i * 0x100, 100);
		skb(EV_NAPI_GRO_RECEIVE_ENTRY, "eth1", 0x100000 + i * 0x100, 100);
	}
	for (uint64_t i = 0; i < 5000; i++) {
		EVENT(EV_QDISC_DEQUEUE, F_SKBADDR, U(0x90000), F_IFINDEX, U(2), F_PACKETS, U(1));
		start("eth0", 0x90000, 100);
		xmit("eth0", 0x90000, 100, 0x10);
	}
	story.now.cpu = 4095;
	receive("a name that is much longer than a device's can be", 0x500, 100);
	story.now.cpu = 4096;
	receive("eth0", 0x600, 100);
	finish();
	expect("SELECT count(*) FROM packet", "202\n");
	expect("SELECT max(seq) < 1100 FROM hop", "1\n");
	expect("SELECT dev FROM hop WHERE cpu = 4095", "a name that is \n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(test_qdisc),		 T(test_qdisc_lockless), T(test_qdisc_drops), T(test_gso),
		T(test_gso_no_location), T(test_retransmit),	 T(test_foreign),     T(test_loss),
		T(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
