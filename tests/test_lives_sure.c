/* SPDX-License-Identifier: MIT */
/* What is certain, and what just misses it (analyze/lives_sure.c). */
#include "lives_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define CONFIDENCE "SELECT id, outcome, confidence FROM packet ORDER BY id"

static const char *const reasons[] = { "NOT_DROPPED_YET", "CONSUMED",	   "NOT_SPECIFIED",
				       "NO_SOCKET",	  "TCP_ZEROWINDOW", NULL };

static void ready_of(int family, int protocol)
{
	EVENT(EV_SK_DATA_READY, F_SKADDR, U(0x9000), F_FAMILY, U(family), F_PROTOCOL, U(protocol));
}

static void ready(void)
{
	ready_of(2, 17);
}

/* Out of the backlog. */
static void arrive(const char *dev, uint64_t addr, uint64_t len)
{
	skb(EV_NETIF_RX_ENTRY, dev, addr, len);
	skb(EV_NETIF_RX, dev, addr, len);
	receive(dev, addr, len);
}

static void later(void)
{
	story.now.ts += 50000000;
}

static void poll_end(void)
{
	EVENT(EV_NAPI_POLL, F_NAPI, U(0x7000), F_WORK, U(1), F_BUDGET, U(64));
}

/* ---- held ---- */

/* In a queue, in the driver's hands within its call, in the backlog: however long. */
static void slow_way(void)
{
	pair_devs();
	begin();
	queue("va0", 0x100, 142);
	EVENT(EV_QDISC_ENQUEUE, F_SKBADDR, U(0x100), F_IFINDEX, U(2));
	later();
	EVENT(EV_QDISC_DEQUEUE, F_SKBADDR, U(0x100), F_IFINDEX, U(2), F_PACKETS, U(1));
	later();
	veth("va0", "vb0", 0x100, 142);
	later();
	story.now.cpu = 1;
	softirq_in();
	receive("vb0", 0x100, 128);
	ready();
	softirq_out();
	finish();
}

static void test_held(void **state)
{
	(void)state;
	slow_way();
	expect(CONFIDENCE, "1|delivered|certain\n");
}

/* A free may have been missed. */
static void test_held_not_whole(void **state)
{
	(void)state;
	fake_trace_without(EV_CONSUME_SKB);
	slow_way();
	expect(CONFIDENCE, "1|delivered|high\n");
}

static void test_held_dropped(void **state)
{
	(void)state;
	begin();
	queue("eth0", 0x100, 142);
	later();
	kfree(0x100, "__dev_queue_xmit", NONE);
	/* the receiver's function: not what was in this queue */
	queue("eth0", 0x200, 142);
	kfree(0x200, "udp_destruct_common", NONE);
	finish();
	expect(CONFIDENCE, "1|dropped|certain\n2|unknown|certain\n");
}

static void test_gro_kept(void **state)
{
	(void)state;
	begin();
	softirq_in();
	gro("eth0", 0x100, 128, 2);
	later();
	receive("eth0", 0x100, 128);
	ready();
	finish();
	expect(CONFIDENCE, "1|delivered|certain\n");
}

/* No exit told: it may have been merged and freed. */
static void test_gro_untold(void **state)
{
	(void)state;
	fake_trace_without(EV_NAPI_GRO_RECEIVE_EXIT);
	begin();
	softirq_in();
	skb(EV_NAPI_GRO_RECEIVE_ENTRY, "eth0", 0x100, 128);
	later();
	receive("eth0", 0x100, 128);
	ready();
	finish();
	expect(CONFIDENCE, "1|delivered|high\n");
}

static void ring(void)
{
	begin();
	queue("va0", 0x100, 142);
	start("va0", 0x100, 142);
	xmit("va0", 0x100, 142, 0);
	later();
	story.now.cpu = 1;
	softirq_in();
	gro("vb0", 0x100, 128, 3);
	receive("vb0", 0x100, 128);
	ready();
	finish();
}

static void test_ring(void **state)
{
	(void)state;
	pair_devs();
	ring();
	expect(CONFIDENCE, "1|delivered|certain\n");
}

/* Another device of that name is no end of a pair. */
static void test_ring_of_two_names(void **state)
{
	(void)state;
	pair_devs();
	fake_host_dev(story.host, 3, "va0", "dummy");
	ring();
	expect(CONFIDENCE, "1|delivered|high\n");
}

/* What tc sends through an ifb comes out of it again. */
static void test_ifb(void **state)
{
	(void)state;
	fake_host_dev(story.host, 1, "ifb0", "ifb");
	fake_host_dev(story.host, 1, "eth0", "");
	begin();
	queue("ifb0", 0x100, 142);
	start("ifb0", 0x100, 142);
	xmit("ifb0", 0x100, 142, 0);
	later();
	softirq_in();
	queue("eth0", 0x100, 142);
	start("eth0", 0x100, 142);
	xmit("eth0", 0x100, 142, 0);
	/* another device gives nothing back */
	queue("eth0", 0x200, 142);
	start("eth0", 0x200, 142);
	xmit("eth0", 0x200, 142, 0);
	queue("ifb0", 0x200, 142);
	finish();
	expect(CONFIDENCE, "1|transmitted|certain\n2|transmitted|certain\n3|unknown|certain\n");
}

/* ---- sk_data_ready ---- */

/* The free that comes much later is less sure, and not what the outcome hangs on. */
static void test_ready(void **state)
{
	(void)state;
	begin();
	softirq_in();
	arrive("eth0", 0x100, 128);
	ready();
	later();
	consume(0x100, "skb_defer_free_flush");
	finish();
	expect(CONFIDENCE, "1|delivered|certain\n");
	expect("SELECT stage, confidence FROM hop ORDER BY seq",
	       "netif_rx_entry|certain\nnetif_rx|certain\nnetif_receive_skb|certain\n"
	       "sk_data_ready|certain\nconsume_skb|high\n");
}

/* A segment is acknowledged before its socket is told, or the reader is faster. */
static void test_ready_of_tcp(void **state)
{
	(void)state;
	begin();
	softirq_in();
	arrive("eth0", 0x100, 1500);
	queue("eth0", 0x200, 66);
	start("eth0", 0x200, 66);
	xmit("eth0", 0x200, 66, 0);
	ready_of(2, 6);
	arrive("eth0", 0x300, 1500);
	story.now.cpu = 1;
	story.now.flags = 0;
	story.now.pid = 7;
	copy(0x300, 1448);
	story.now.cpu = 0;
	story.now.flags = EV_FLAG_SOFTIRQ;
	story.now.pid = 100;
	ready_of(2, 6);
	finish();
	expect("SELECT id, outcome, confidence FROM packet WHERE kind = 'rx' ORDER BY id",
	       "1|delivered|certain\n3|delivered|certain\n");
}

/* The second of a list that is handled when its protocol changes: the announcement is of the first
 * one. */
static void test_ready_in_list(void **state)
{
	(void)state;
	begin();
	softirq_in();
	gro("eth0", 0x100, 128, 3);
	gro("eth0", 0x200, 128, 3);
	receive("eth0", 0x100, 128);
	ready(); /* the first since the poll began, and no other yet */
	receive("eth0", 0x200, 128);
	ready();
	poll_end();
	gro("eth0", 0x300, 128, 3);
	receive("eth0", 0x300, 128);
	ready();
	finish();
	expect(CONFIDENCE, "1|delivered|certain\n2|delivered|high\n3|delivered|certain\n");
}

/* Received within the call of another one (a mirror of tc): that one may be announced. */
static void test_ready_nested(void **state)
{
	(void)state;
	begin();
	softirq_in();
	arrive("eth0", 0x100, 128);
	skb(EV_NETIF_RECEIVE_SKB_ENTRY, "eth1", 0x200, 128);
	receive("eth1", 0x200, 128);
	ready();
	poll_end();
	/* the first of a poll is within none; a bridge's own device receives the same one */
	skb(EV_NETIF_RECEIVE_SKB_ENTRY, "p0", 0x300, 128);
	receive("p0", 0x300, 128);
	skb(EV_NETIF_RECEIVE_SKB_ENTRY, "br0", 0x300, 128);
	receive("br0", 0x300, 128);
	ready();
	finish();
	expect(CONFIDENCE, "1|delivered|medium\n2|delivered|high\n3|delivered|certain\n");
}

static void written(uint64_t addr)
{
	skb(EV_NETIF_RECEIVE_SKB_ENTRY, "tun0", addr, 128);
	receive("tun0", addr, 128);
}

/* A task that received may tell a TCP socket of what waited for it; so may what a poll has left. */
static void test_ready_elsewhere(void **state)
{
	(void)state;
	begin();
	written(0x80); /* the recording began within another call, perhaps */
	ready();
	EVENT(EV_SCHED_SWITCH, F_PREV_PID, U(100), F_NEXT_PID, U(100));
	written(0x100);
	ready();
	written(0x200); /* the one before is done */
	ready();
	written(0x300);
	ready_of(2, 6);
	written(0x400);
	EVENT(EV_SCHED_SWITCH, F_PREV_PID, U(100), F_NEXT_PID, U(7));
	softirq_in();
	arrive("eth0", 0x500, 128);
	poll_end();
	ready();
	/* absorbed, or still in its call */
	skb(EV_NETIF_RECEIVE_SKB_ENTRY, "eth0", 0x600, 52);
	receive("eth0", 0x600, 52);
	skb(EV_NETIF_RECEIVE_SKB_ENTRY, "eth1", 0x700, 128);
	receive("eth1", 0x700, 128);
	ready();
	finish();
	expect(CONFIDENCE, "1|delivered|high\n2|delivered|certain\n3|delivered|certain\n"
			   "4|delivered|high\n5|delivered|medium\n6|delivered|high\n"
			   "7|delivered|medium\n8|delivered|high\n");
}

/* Frames of two packets that may as well be the other's: where each was is told only if the name is. */
static void two_at_once(const char *a, const char *b)
{
	fake_frame(story.frames, 1, a, 0, 2000500, 142);
	fake_frame(story.frames, 2, b, 0, 2000500, 142);
	begin();
	for (int i = 0; i < 2; i++) {
		story.now.cpu = i;
		story.now.flags = EV_FLAG_SOFTIRQ;
		story.now.ts = 2000000;
		arrive(i ? b : a, 0x100 + U(i) * 0x100, 128);
		ready();
	}
	finish();
}

static void test_place_doubt(void **state)
{
	(void)state;
	fake_host_dev(story.host, 1, "eth0", "");
	fake_host_dev(story.host, 2, "eth0", "");
	two_at_once("eth0", "eth0");
	expect(CONFIDENCE, "1|delivered|high\n2|delivered|high\n");
}

/* From one container's eth0 to another's: it is dropped where it came to, not where it left. */
static void test_place_last(void **state)
{
	(void)state;
	fake_host_dev(story.host, 1, "eth0", "");
	fake_host_dev(story.host, 2, "eth0", "");
	fake_frame(story.frames, 1, "eth0", 1, 2000500, 142);
	fake_frame(story.frames, 2, "eth0", 0, 2002500, 142);
	begin();
	story.now.ts = 2000000;
	queue("eth0", 0x100, 142);
	veth("eth0", "eth0", 0x100, 142);
	softirq_in();
	receive("eth0", 0x100, 128);
	kfree(0x100, "nft_do_chain", 2);
	finish();
	expect("SELECT netns_id, (SELECT text FROM _name WHERE id = dev_id) FROM _drop", "2|eth0\n");
}

/* What a macvlan takes over was received by the device below: it is dropped behind the upper one,
 * if its tap saw it, and at the lower one, if not. */
static void test_place_upper(void **state)
{
	(void)state;
	fake_host_dev(story.host, 1, "s0", "");
	fake_host_dev(story.host, 2, "m0", "macvlan");
	assert_int_equal(db_exec(story.db,
				 "INSERT INTO netdev(id, netns_id, netns, ifindex, name, kind, "
				 "link_ifindex, link_netns_id) VALUES(1, 1, 'n1', 1, 's0', 'veth', "
				 "NULL, NULL), "
				 "(2, 2, 'n2', 2, 'm0', 'macvlan', 1, 1)",
				 NULL),
			 0);
	fake_frame(story.frames, 1, "s0", 0, 2000500, 142);
	fake_frame(story.frames, 2, "m0", 0, 2000500, 142);
	fake_frame(story.frames, 1, "s0", 0, 9000500, 342);
	begin();
	story.now.ts = 2000000;
	arrive("s0", 0x100, 128);
	kfree(0x100, "nft_do_chain", 2);
	story.now.ts = 9000000;
	arrive("s0", 0x200, 328);
	kfree(0x200, "nft_do_chain", 2);
	finish();
	expect("SELECT netns_id, (SELECT text FROM _name WHERE id = dev_id) FROM _drop",
	       "2|m0\n1|s0\n");
}

static void test_place_sure(void **state)
{
	(void)state;
	fake_host_dev(story.host, 1, "eth0", "");
	fake_host_dev(story.host, 2, "eth1", "");
	two_at_once("eth0", "eth1");
	expect(CONFIDENCE, "1|delivered|certain\n2|delivered|certain\n");
}

/* Netlink counts its own protocols; ARP is for no socket. */
static void test_ready_of_others(void **state)
{
	(void)state;
	begin();
	softirq_in();
	arrive("eth0", 0x100, 128);
	ready_of(16, 6);
	EVENT(EV_NETIF_RX_ENTRY, F_NAME, "eth0", F_SKBADDR, U(0x200), F_LEN, U(28), F_PROTOCOL,
	      U(0x0806));
	receive("eth0", 0x200, 28);
	ready();
	finish();
	expect("SELECT id, outcome, confidence, (SELECT count(*) FROM hop WHERE packet_id = id AND "
	       "stage = 'sk_data_ready') FROM packet ORDER BY id",
	       "1|delivered|medium|0\n2|delivered|high|1\n");
}

static void test_probe(void **state)
{
	(void)state;
	begin();
	softirq_in();
	arrive("eth0", 0x100, 52);
	EVENT(EV_TCP_PROBE, F_SKBADDR, U(0x100));
	arrive("eth0", 0x200, 52);
	softirq_out();
	/* by the owner, who had locked the socket */
	EVENT(EV_TCP_PROBE, F_SKBADDR, U(0x200));
	finish();
	expect(CONFIDENCE, "1|delivered|certain\n2|delivered|high\n");
}

/* ---- ends ---- */

static void test_drop(void **state)
{
	(void)state;
	fake_trace_reasons(reasons);
	begin();
	softirq_in();
	arrive("eth0", 0x100, 128);
	kfree(0x100, "__udp4_lib_rcv", 3);
	/* its own, or that of an answer at its address */
	arrive("eth0", 0x200, 52);
	kfree(0x200, "nf_hook_slow", 2);
	/* another one is in its call */
	receive("eth0", 0x300, 52);
	receive("eth0", 0x400, 52);
	kfree(0x400, "__udp4_lib_rcv", 3);
	finish();
	expect("SELECT h.packet_id, h.confidence FROM hop h WHERE stage = 'kfree_skb' ORDER BY 1",
	       "1|certain\n2|high\n4|high\n");
}

/* Those of a list end in order. */
static void test_drop_list(void **state)
{
	(void)state;
	fake_trace_reasons(reasons);
	begin();
	softirq_in();
	for (uint64_t i = 1; i <= 3; i++)
		gro("eth0", i * 0x100, 128, 3);
	for (uint64_t i = 1; i <= 3; i++)
		receive("eth0", i * 0x100, 128);
	kfree(0x100, "__udp4_lib_rcv", 3);
	kfree(0x200, "__udp4_lib_rcv", 3);
	consume(0x300, "icmp_rcv");
	poll_end();
	for (uint64_t i = 4; i <= 5; i++)
		gro("eth0", i * 0x100, 128, 3);
	for (uint64_t i = 4; i <= 5; i++)
		receive("eth0", i * 0x100, 128);
	kfree(0x500, "__udp4_lib_rcv", 3);
	finish();
	expect(CONFIDENCE, "1|dropped|certain\n2|dropped|certain\n3|consumed|certain\n"
			   "4|delivered|medium\n5|dropped|high\n");
}

/* ---- forwarding ---- */

static void ports(void)
{
	int64_t a = fake_host_dev(story.host, 1, "p0", ""),
		b = fake_host_dev(story.host, 1, "p1", ""),
		c = fake_host_dev(story.host, 1, "p2", "");

	fake_host_dev(story.host, 1, "br0", "bridge");
	fake_host_dev(story.host, 1, "team0", "team");
	fake_host_dev(story.host, 1, "eth0", "");
	fake_host_dev(story.host, 1, "eth1", "");
	fake_host_master(story.host, a, 4);
	fake_host_master(story.host, b, 4);
	fake_host_master(story.host, c, 5);
}

static void test_forward(void **state)
{
	(void)state;
	ports();
	begin();
	softirq_in();
	/* too long for an answer of TCP; short enough */
	arrive("eth0", 0x100, 128);
	queue("eth1", 0x100, 142);
	arrive("eth0", 0x200, 52);
	queue("eth1", 0x200, 66);
	/* a retransmission that was copied */
	arrive("eth0", 0x300, 1500);
	queue("eth1", 0x300, 1514);
	EVENT(EV_TCP_RETRANSMIT_SKB, F_SKBADDR, U(0x9900));
	/* from port to port, and to another one's */
	arrive("p0", 0x400, 52);
	queue("p1", 0x400, 66);
	arrive("p0", 0x500, 52);
	queue("p2", 0x500, 66);
	finish();
	expect("SELECT id, kind, confidence FROM packet ORDER BY id",
	       "1|forward|certain\n2|forward|high\n3|forward|high\n4|forward|certain\n"
	       "5|forward|high\n");
}

/* The same when its row is written already. */
static void test_forward_doubt(void **state)
{
	(void)state;
	ports();
	begin();
	softirq_in();
	arrive("eth0", 0x100, 1500);
	queue("eth1", 0x100, 1514);
	start("eth1", 0x100, 1514);
	xmit("eth1", 0x100, 1514, 0);
	consume(0x100, "some_driver_clean_tx");
	EVENT(EV_TCP_RETRANSMIT_SKB, F_SKBADDR, U(0x9900));
	finish();
	expect(CONFIDENCE, "1|forwarded|high\n");
}

/* Short ones: the frames tell whether TCP can have absorbed them. */
static void test_forward_told(void **state)
{
	struct err e;

	(void)state;
	ports();
	assert_int_equal(
		db_exec(story.db,
			"INSERT INTO flow(id, netns_id, netns, proto, src, dst) VALUES"
			"(1, 1, 'n1', 'tcp', '10.0.0.1', '10.9.0.9'), "
			"(2, 1, 'n1', 'tcp', '10.0.0.1', '10.0.0.2'), "
			"(3, 1, 'n1', 'udp', '10.0.0.1', '10.0.0.2');"
			"INSERT INTO addr(netns_id, netns, dev, family, address, prefix) "
			"VALUES(1, 'n1', 'eth0', 2, '10.0.0.2', 24);",
			&e),
		0);
	for (int i = 0; i < 3; i++)
		fake_frame(story.frames, 1, "eth0", 0, 2000500 + U(i) * 1000000, 66)->flow_id =
			i + 1;
	begin();
	softirq_in();
	for (uint64_t i = 1; i <= 3; i++) {
		story.now.ts = 1000000 + i * 1000000;
		arrive("eth0", i * 0x100, 52);
		queue("eth1", i * 0x100, 66);
	}
	finish();
	expect("SELECT id, kind, confidence, (SELECT confidence FROM hop WHERE packet_id = id AND "
	       "stage = 'net_dev_queue') FROM packet ORDER BY id",
	       "1|forward|certain|certain\n2|forward|high|high\n3|forward|certain|certain\n");
}

/* netfilter has what this host sends, too: an answer of TCP at that address, never one of UDP. */
static void test_drop_told(void **state)
{
	struct err e;

	(void)state;
	fake_trace_reasons(reasons);
	assert_int_equal(db_exec(story.db,
				 "INSERT INTO flow(id, netns_id, netns, proto, src, dst) VALUES"
				 "(1, 1, 'n1', 'tcp', '10.0.0.1', '10.9.0.9'), "
				 "(2, 1, 'n1', 'udp', '10.0.0.1', '10.0.0.2');",
				 &e),
			 0);
	for (int i = 0; i < 2; i++)
		fake_frame(story.frames, 1, "eth0", 0, 2000500 + U(i) * 1000000, 66)->flow_id =
			i + 1;
	begin();
	softirq_in();
	for (uint64_t i = 1; i <= 2; i++) {
		story.now.ts = 1000000 + i * 1000000;
		arrive("eth0", i * 0x100, 52);
		kfree(i * 0x100, "nf_hook_slow", 2);
	}
	finish();
	expect(CONFIDENCE, "1|dropped|high\n2|dropped|certain\n");
}

static void test_forward_list(void **state)
{
	(void)state;
	ports();
	begin();
	softirq_in();
	for (uint64_t i = 1; i <= 4; i++)
		gro("eth0", i * 0x100, 128, 3);
	for (uint64_t i = 1; i <= 4; i++)
		receive("eth0", i * 0x100, 128);
	queue("eth1", 0x100, 142);
	queue("eth1", 0x200, 142);
	/* the third has ended unseen: what it left may have been used by its successor */
	queue("eth1", 0x400, 142);
	finish();
	expect("SELECT id, kind, confidence FROM packet ORDER BY id",
	       "1|forward|certain\n2|forward|certain\n3|rx|medium\n4|forward|high\n");
}

/* ---- TCP without a trace ---- */

/* Two that nothing was seen of any more: the first one's address is used again. */
static void silent(int flow, const char *proto)
{
	char sql[160];
	struct err e;

	fake_trace_reasons(reasons);
	snprintf(sql, sizeof(sql),
		 "INSERT INTO flow(id, netns_id, netns, proto, src, dst) VALUES(%d, 1, 'n1', '%s', "
		 "'10.0.0.1', '10.0.0.2')",
		 flow, proto);
	assert_int_equal(db_exec(story.db, sql, &e), 0);
	fake_frame(story.frames, 1, "eth0", 0, 3000500, 66)->flow_id = flow;
	fake_frame(story.frames, 1, "eth0", 0, 5000500, 66)->flow_id = flow;
	begin();
	consume(0x900, "arp_process");
	softirq_in();
	story.now.ts = 3000000;
	arrive("eth0", 0x100, 52);
	story.now.ts = 5000000;
	arrive("eth0", 0x200, 52);
	softirq_out();
}

static void test_absorbed(void **state)
{
	(void)state;
	silent(1, "tcp");
	queue("eth0", 0x100, 114);
	finish();
	expect(CONFIDENCE, "1|delivered|certain\n2|delivered|medium\n3|unknown|certain\n");
}

static void test_absorbed_by_others(void **state)
{
	(void)state;
	silent(1, "sctp");
	queue("eth0", 0x100, 114);
	finish();
	expect(CONFIDENCE, "1|delivered|medium\n2|delivered|medium\n3|unknown|certain\n");
}

static void test_absorbed_udp(void **state)
{
	(void)state;
	silent(1, "udp");
	queue("eth0", 0x100, 114);
	finish();
	expect(CONFIDENCE, "1|delivered|certain\n2|delivered|medium\n3|unknown|certain\n");
}

/* Fragments vanish in the datagram, which may be dropped. */
static void test_absorbed_fragment(void **state)
{
	(void)state;
	silent(1, "udp");
	assert_int_equal(
		db_exec(story.db,
			"INSERT INTO _name(id, text) VALUES(900, 'x');"
			"INSERT INTO _frame(no, ts_ns, netns_id, dev_id, len_bytes, cap_bytes, "
			"flow_id, frag, member, offset) VALUES(900, 0, 1, 900, 66, 66, 1, 1, 0, 0)",
			NULL),
		0);
	queue("eth0", 0x100, 114);
	finish();
	expect(CONFIDENCE, "1|delivered|medium\n2|delivered|medium\n3|unknown|certain\n");
}

/* A process may have got it, and may send it on. */
static void test_absorbed_nfqueue(void **state)
{
	struct err e;

	(void)state;
	assert_int_equal(db_exec(story.db,
				 "INSERT INTO nft_rule(id, netns_id, netns, family, table_name, "
				 "chain, handle, position, text) VALUES(1, 1, 'n1', 'ip', 't', 'c', "
				 "1, 1, 'queue to 3')",
				 &e),
			 0);
	silent(1, "tcp");
	queue("eth0", 0x100, 114);
	finish();
	expect(CONFIDENCE, "1|delivered|medium\n2|delivered|medium\n3|unknown|high\n");
}

/* It may have waited for a verdict, and goes on now. */
static void test_absorbed_doubt(void **state)
{
	(void)state;
	silent(1, "tcp");
	queue("eth1", 0x100, 66);
	finish();
	expect(CONFIDENCE, "1|delivered|low\n2|delivered|medium\n3|unknown|medium\n");
}

/* The same by the device it came by, where something forwards: that it began here is not proven. */
static void test_absorbed_hairpin(void **state)
{
	(void)state;
	silent(1, "tcp");
	queue("eth0", 0x100, 66);
	finish();
	expect("SELECT id, outcome, confidence FROM packet WHERE id > 1 ORDER BY id",
	       "2|delivered|medium\n3|unknown|high\n");
}

/* Its drop may be among what was lost before its address came back. */
static void test_absorbed_loss(void **state)
{
	(void)state;
	silent(1, "tcp");
	story.now.cpu = 1;
	lose(1000, 1000000);
	story.now.cpu = 0;
	queue("eth0", 0x100, 114);
	finish();
	expect(CONFIDENCE, "1|delivered|medium\n2|delivered|medium\n3|unknown|certain\n");
}

/* Kernels before 5.18 drop without an event. */
static void test_absorbed_untold(void **state)
{
	(void)state;
	silent(1, "tcp");
	assert_int_equal(
		db_exec(story.db, "DELETE FROM _drop_reason WHERE name = 'TCP_ZEROWINDOW'", NULL),
		0);
	queue("eth0", 0x100, 114);
	finish();
	expect(CONFIDENCE, "1|delivered|medium\n2|delivered|medium\n3|unknown|certain\n");
}

/* ---- queues with an order of their own ---- */

static void test_shuffle(void **state)
{
	(void)state;
	begin();
	queue("eth0", 0x100, 2962);
	consume(0x100, "cake_enqueue");
	start("eth0", 0x200, 1514);
	xmit("eth0", 0x200, 1514, 0);
	start("eth0", 0x300, 1514);
	xmit("eth0", 0x300, 1514, 0);
	/* two of them: whose segment it is, is not known */
	queue("eth0", 0x400, 2962);
	consume(0x400, "cake_enqueue");
	queue("eth0", 0x500, 2962);
	consume(0x500, "cake_enqueue");
	start("eth0", 0x600, 1514);
	xmit("eth0", 0x600, 1514, 0);
	finish();
	expect("SELECT id, outcome, link, parent_id, confidence FROM packet ORDER BY id",
	       "1|consumed|-|-|certain\n2|transmitted|gso|1|high\n3|transmitted|gso|1|high\n"
	       "4|consumed|-|-|certain\n5|consumed|-|-|certain\n6|transmitted|-|-|medium\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(test_held),
		T(test_held_not_whole),
		T(test_held_dropped),
		T(test_gro_kept),
		T(test_gro_untold),
		T(test_ring),
		T(test_ring_of_two_names),
		T(test_ifb),
		T(test_ready),
		T(test_ready_of_tcp),
		T(test_ready_in_list),
		T(test_ready_nested),
		T(test_ready_elsewhere),
		T(test_place_doubt),
		T(test_place_last),
		T(test_place_upper),
		T(test_place_sure),
		T(test_ready_of_others),
		T(test_probe),
		T(test_drop),
		T(test_drop_list),
		T(test_forward),
		T(test_forward_doubt),
		T(test_forward_told),
		T(test_drop_told),
		T(test_forward_list),
		T(test_absorbed),
		T(test_absorbed_by_others),
		T(test_absorbed_udp),
		T(test_absorbed_fragment),
		T(test_absorbed_nfqueue),
		T(test_absorbed_doubt),
		T(test_absorbed_hairpin),
		T(test_absorbed_loss),
		T(test_absorbed_untold),
		T(test_shuffle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
