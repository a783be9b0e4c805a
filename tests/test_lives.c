/* SPDX-License-Identifier: MIT */
#include "../analyze/lives.h"
#include "../analyze/spans.h"
#include "lives_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* One trace being told: each call below is an event, a microsecond after the one before. */
static struct {
	struct db *db;
	struct host *host;
	struct frames *frames;
	struct lives *lives;
	struct spans *spans;
	struct fake_now now;
} t;

#define NONE ((uint64_t)-1)

static int setup(void **state)
{
	struct err e;

	(void)state;
	memset(&t, 0, sizeof(t));
	t.now = (struct fake_now){ .ts = 1000000, .pid = 100 };
	t.host = fake_host();
	t.frames = fake_frames();
	assert_int_equal(db_create(&t.db, NULL, &e), 0);
	for (int i = 1; i <= 4; i++) {
		char sql[128];

		snprintf(sql, sizeof(sql), "INSERT INTO netns(id, inum, name, names, seen) VALUES(%d, %d, 'n%d', 'n%d', 1)",
			 i, 4000 + i, i, i);
		assert_int_equal(db_exec(t.db, sql, &e), 0);
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	lives_close(t.lives);
	spans_close(t.spans);
	db_close(t.db);
	fake_reset();
	return 0;
}

/* After devices and frames are told. */
static void begin(void)
{
	struct err e = { "" };

	assert_int_equal(lives_open(&t.lives, t.db, t.host, (const struct trace *)&t, NULL, t.frames, NULL, &e), 0);
	assert_int_equal(spans_open(&t.spans, t.db, (const struct trace *)&t, &e), 0);
}

static void finish(void)
{
	assert_int_equal(spans_finish(t.spans), 0);
	assert_int_equal(lives_finish(t.lives), 0);
	assert_int_equal(db_error(t.db, NULL), 0);
}

static void send_event(const struct event *ev)
{
	assert_int_equal(lives_event(t.lives, ev), 0);
	assert_int_equal(spans_event(t.spans, ev), 0);
	t.now.ts += 1000;
}

#define EVENT(kind, ...)                                                                  \
	do {                                                                              \
		struct fake_fields room_;                                                 \
		struct event ev_ = fake_event(&t.now, kind, &room_, __VA_ARGS__, F_COUNT); \
		send_event(&ev_);                                                         \
	} while (0)

#define U(x) ((uint64_t)(x))

static void skb(enum ev_kind kind, const char *dev, uint64_t addr, uint64_t len)
{
	EVENT(kind, F_NAME, dev, F_SKBADDR, addr, F_LEN, len, F_PROTOCOL, U(0x0800));
}

static void queue(const char *dev, uint64_t addr, uint64_t len)
{
	EVENT(EV_NET_DEV_QUEUE, F_NAME, dev, F_SKBADDR, addr, F_LEN, len);
}

static void start(const char *dev, uint64_t addr, uint64_t len)
{
	skb(EV_NET_DEV_START_XMIT, dev, addr, len);
}

static void xmit(const char *dev, uint64_t addr, uint64_t len, int rc)
{
	EVENT(EV_NET_DEV_XMIT, F_NAME, dev, F_SKBADDR, addr, F_LEN, len, F_RC, U((int64_t)rc));
}

static void receive(const char *dev, uint64_t addr, uint64_t len)
{
	EVENT(EV_NETIF_RECEIVE_SKB, F_NAME, dev, F_SKBADDR, addr, F_LEN, len);
}

static void consume(uint64_t addr, const char *function)
{
	if (function)
		EVENT(EV_CONSUME_SKB, F_SKBADDR, addr, F_LOCATION, fake_symbol(function));
	else
		EVENT(EV_CONSUME_SKB, F_SKBADDR, addr);
}

/* @reason: NONE for kernels without */
static void kfree(uint64_t addr, const char *function, uint64_t reason)
{
	if (reason == NONE)
		EVENT(EV_KFREE_SKB, F_SKBADDR, addr, F_LOCATION, fake_symbol(function), F_PROTOCOL, U(0x0800));
	else
		EVENT(EV_KFREE_SKB, F_SKBADDR, addr, F_LOCATION, fake_symbol(function), F_PROTOCOL, U(0x0800), F_REASON,
		      reason);
}

static void copy(uint64_t addr, uint64_t len)
{
	EVENT(EV_SKB_COPY_DATAGRAM_IOVEC, F_SKBADDR, addr, F_LEN, len);
}

static void softirq_in(void)
{
	EVENT(EV_SOFTIRQ_ENTRY, F_VEC, U(3));
	t.now.flags = EV_FLAG_SOFTIRQ;
}

static void softirq_out(void)
{
	EVENT(EV_SOFTIRQ_EXIT, F_VEC, U(3));
	t.now.flags = 0;
}

static void gro(const char *dev, uint64_t addr, uint64_t len, int ret)
{
	skb(EV_NAPI_GRO_RECEIVE_ENTRY, dev, addr, len);
	EVENT(EV_NAPI_GRO_RECEIVE_EXIT, F_RET, U(ret));
}

/* From the sender's stack over a veth pair without NAPI into the peer's backlog. */
static void veth(const char *from, const char *to, uint64_t addr, uint64_t len)
{
	start(from, addr, len);
	skb(EV_NETIF_RX_ENTRY, to, addr, len - 14);
	skb(EV_NETIF_RX, to, addr, len - 14);
	xmit(from, addr, len, 0);
}

/* Events of the last @before_ns and the next @for_ns are lost on this CPU. */
static void lose(uint64_t before_ns, uint64_t for_ns)
{
	struct event ev = { .kind = EV_LOST, .cpu = t.now.cpu, .ts = t.now.ts + for_ns,
			    .ts_ns = FAKE_EPOCH + (int64_t)(t.now.ts + for_ns),
			    
			    .lost_from_ns = FAKE_EPOCH + (int64_t)(t.now.ts - before_ns), .lost = 10 };

	send_event(&ev);
	t.now.ts += for_ns;
}

/* Rows of @sql, columns divided by '|', rows by newline. */
static void expect(const char *sql, const char *want)
{
	struct buf b = { 0 };
	sqlite3_stmt *st;

	assert_int_equal(sqlite3_prepare_v2(db_handle(t.db), sql, -1, &st, NULL), SQLITE_OK);
	while (sqlite3_step(st) == SQLITE_ROW) {
		for (int i = 0; i < sqlite3_column_count(st); i++) {
			const char *s = (const char *)sqlite3_column_text(st, i);

			buf_printf(&b, "%s%s", i ? "|" : "", s ? s : "-");
		}
		buf_printf(&b, "\n");
	}
	sqlite3_finalize(st);
	buf_put(&b, "", 1);
	assert_string_equal((const char *)b.data, want);
	buf_free(&b);
}

#define PACKETS "SELECT id, kind, dev_out, dev_in, outcome, link, parent_id FROM packet ORDER BY id"
#define STAGES(n)                                                                                          \
	"SELECT group_concat(stage, ' ') FROM (SELECT stage FROM hop WHERE packet_id = " #n " ORDER BY seq)"

static void pair_devs(void)
{
	int64_t a = fake_host_dev(t.host, 1, "va0", "veth"), b = fake_host_dev(t.host, 2, "vb0", "veth");

	fake_host_pair(t.host, a, b);
}

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
	t.now.pid = 7;
	copy(0x100, 4344);
	consume(0x100, "tcp_eat_recv_skb");
	finish();
	expect(PACKETS, "1|rx|-|eth0|delivered|-|-\n"
			"2|rx|-|eth0|merged|gro|1\n"
			"3|rx|-|eth0|merged|gro|1\n"
			"4|rx|-|eth0|consumed|-|-\n");
	expect(STAGES(1), "napi_gro_receive_entry netif_receive_skb skb_copy_datagram_iovec consume_skb\n");
	expect("SELECT len_bytes, flags, protocol, confidence FROM packet WHERE id = 2", "1500|0|2048|certain\n");
}

/* Merged into one of two held packets: which is not known. And a length that GRO cannot have made. */
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
	t.now.cpu = 1;
	softirq_in();
	receive("eth0", 0x300, 300);
	consume(0x300, "arp_process");
	finish();
	expect(PACKETS, "1|rx|-|eth0|dropped|-|-\n2|rx|-|eth0|dropped|-|-\n3|rx|-|eth0|consumed|-|-\n");
	expect("SELECT * FROM cpu_hop", "0|1|rps|1\n");
	expect("SELECT cpu_hops FROM packet", "0\n0\n1\n");
	expect("SELECT packet_id, dev, function, class, layer FROM packet_drop ORDER BY id",
	       "1|eth0|__udp4_lib_rcv|loss|transport\n2|eth0|__udp4_lib_rcv|loss|transport\n");
	expect("SELECT d.id, p.id FROM packet p JOIN packet_drop d ON d.id = p.drop_id ORDER BY 1", "1|1\n2|2\n");
}

/* Nothing but netif_receive_skb is recorded: then nothing is missing. */
static void test_no_entries(void **state)
{
	(void)state;
	fake_trace_without(EV_NETIF_RX_ENTRY);
	begin();
	softirq_in();
	receive("eth0", 0x100, 100);
	consume(0x100, NULL);
	receive("eth0", 0x100, 60);
	softirq_out();
	t.now.pid = 9;
	consume(0x100, NULL);
	finish();
	expect("SELECT id, outcome, flags, confidence FROM packet ORDER BY id", "1|consumed|0|certain\n2|delivered|0|certain\n");
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
	t.now.ts += 500000;
	t.now.cpu = 1;
	softirq_in();
	consume(0x100, "skb_defer_free_flush");
	finish();
	expect(PACKETS, "1|local|va0|vb0|delivered|-|-\n");
	expect(STAGES(1), "net_dev_queue net_dev_start_xmit netif_rx_entry netif_rx net_dev_xmit netif_receive_skb "
			  "sk_data_ready consume_skb\n");
	expect("SELECT netns_out, netns_in, flags, cpu_hops FROM packet", "n1|n2|4|0\n");
	/* the deferred free is no stage that takes time, and the end of the call is none on the way */
	expect("SELECT stage_from, stage_to, max_ns FROM latency ORDER BY 1, 2",
	       "net_dev_queue|net_dev_start_xmit|1000\n"
	       "net_dev_start_xmit|net_dev_xmit|3000\n"
	       "net_dev_start_xmit|netif_rx_entry|1000\n"
	       "netif_receive_skb|sk_data_ready|2000\n"
	       "netif_rx|netif_receive_skb|3000\n"
	       "netif_rx_entry|netif_rx|1000\n");
	expect("SELECT count(*) FROM cpu_hop", "0\n");
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
	t.now.ts += 5000000;
	t.now.cpu = 1;
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
	t.now.cpu = 1;
	softirq_in();
	gro("y0", 0x100, 128, 3);
	receive("y0", 0x100, 128);
	t.now.cpu = 0;
	t.now.flags = 0;
	queue("x0", 0x200, 142);
	start("x0", 0x200, 142);
	xmit("x0", 0x200, 142, 0);
	t.now.cpu = 1;
	softirq_in();
	gro("eth0", 0x200, 60, 3);
	receive("eth0", 0x200, 60);
	finish();
	expect(PACKETS, "1|local|x0|y0|delivered|-|-\n2|tx|x0|-|transmitted|-|-\n3|rx|-|eth0|delivered|-|-\n");
}

static void test_loopback(void **state)
{
	(void)state;
	fake_host_dev(t.host, 1, "lo", "");
	fake_host_dev(t.host, 2, "lo", "");
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
	t.now.cpu = 1;
	softirq_in();
	receive("vb0", 0x100, 128);
	kfree(0x100, "__udp4_lib_rcv", NONE);
	/* the address is used again before the first call returns */
	gro("eth0", 0x100, 52, 3);
	t.now.cpu = 0;
	t.now.flags = 0;
	xmit("va0", 0x100, 142, 0);
	finish();
	expect(PACKETS, "1|local|va0|vb0|dropped|-|-\n2|rx|-|eth0|unknown|-|-\n");
	expect(STAGES(1), "net_dev_queue net_dev_start_xmit netif_rx_entry netif_rx netif_receive_skb kfree_skb net_dev_xmit\n");
}

/* ---- going on ---- */

static void router(void)
{
	int64_t a = fake_host_dev(t.host, 1, "va0", "veth"), r0 = fake_host_dev(t.host, 2, "vr0", "veth");
	int64_t r1 = fake_host_dev(t.host, 2, "vr1", "veth"), b = fake_host_dev(t.host, 3, "vb0", "veth");

	fake_host_pair(t.host, a, r0);
	fake_host_pair(t.host, r1, b);
	fake_host_dev(t.host, 2, "eth0", "");
	fake_host_dev(t.host, 2, "eth1", "");
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
	expect("SELECT packet_id, netns, dev, layer, class FROM packet_drop", "3|n2|eth1|qdisc|loss\n");
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
	expect("SELECT count(*) FROM hop JOIN packet p ON p.id = packet_id WHERE p.kind = 'rx' AND stage = 'net_dev_queue'",
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
	expect("SELECT packet_id, netns, dev, layer, class FROM packet_drop", "1|n3|vb0|netfilter|policy\n");
}

/* A router has to find the next hop first: what waited goes out when it answers, or is dropped when it does not. */
static void test_neighbour(void **state)
{
	struct err e;

	(void)state;
	router();
	/* the frames of packets 2 and 4 say where they were for */
	assert_int_equal(db_exec(t.db, "INSERT INTO flow(id, netns_id, netns, proto, src, dst) VALUES"
				       "(1, 2, 'n2', 'udp', '10.0.0.1', '10.9.0.9'), (2, 2, 'n2', 'tcp', '10.0.0.1', '10.0.0.2');"
				       "INSERT INTO addr(netns_id, netns, dev, family, address, prefix) "
				       "VALUES(2, 'n2', 'eth0', 2, '10.0.0.2', 24);", &e), 0);
	fake_frame(t.frames, 2, "eth0", 0, 3006500, 142)->flow_id = 1;
	fake_frame(t.frames, 2, "eth0", 0, 3009500, 66)->flow_id = 2;
	begin();
	t.now.ts = 3000000;
	softirq_in();
	receive("eth0", 0x100, 128);
	softirq_out();
	softirq_in();
	EVENT(EV_NETIF_RECEIVE_SKB_ENTRY, F_NAME, "eth1", F_SKBADDR, U(0x200), F_LEN, U(28), F_PROTOCOL, U(0x0806));
	receive("eth1", 0x200, 28);
	queue("eth1", 0x100, 142);
	/* two that wait in vain, one of them not a forwarded one: its address came back */
	t.now.ts = 3006000;
	skb(EV_NETIF_RECEIVE_SKB_ENTRY, "eth0", 0x300, 128);
	receive("eth0", 0x300, 128);
	t.now.ts = 3009000;
	skb(EV_NETIF_RECEIVE_SKB_ENTRY, "eth0", 0x400, 52);
	receive("eth0", 0x400, 52);
	softirq_out();
	t.now.ts += 3000000000;
	softirq_in();
	kfree(0x300, "neigh_invalidate", NONE);
	kfree(0x400, "neigh_invalidate", NONE);
	finish();
	expect("SELECT kind, dev_in, dev_out, outcome, confidence, flow_id, drop_id FROM packet ORDER BY id",
	       "forward|eth0|eth1|unknown|medium|-|-\n"
	       "rx|eth1|-|unknown|medium|-|-\n"
	       "rx|eth0|-|dropped|medium|1|1\n"
	       "rx|eth0|-|delivered|medium|2|-\n");
	expect("SELECT packet_id, netns, dev, flow_id, class FROM packet_drop ORDER BY id", "3|n2|eth0|1|loss\n-|-|-|-|loss\n");
	expect(STAGES(3), "netif_receive_skb_entry netif_receive_skb kfree_skb\n");
}

static void test_bridge(void **state)
{
	int64_t p0 = fake_host_dev(t.host, 1, "p0", ""), p1 = fake_host_dev(t.host, 1, "p1", "");
	int64_t p2 = fake_host_dev(t.host, 1, "p2", "");

	(void)state;
	fake_host_dev(t.host, 1, "br0", "bridge");
	fake_host_master(t.host, p0, 9);
	fake_host_master(t.host, p1, 9);
	fake_host_master(t.host, p2, 9);
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
	expect(STAGES(1), "napi_gro_receive_entry netif_receive_skb netif_receive_skb_entry netif_receive_skb consume_skb\n");
}

static void test_tunnel(void **state)
{
	(void)state;
	fake_host_dev(t.host, 1, "vx0", "vxlan");
	fake_host_dev(t.host, 1, "eth0", "");
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
	expect(STAGES(1), "net_dev_queue net_dev_start_xmit net_dev_queue net_dev_start_xmit net_dev_xmit net_dev_xmit\n");
	expect(STAGES(2), "napi_gro_receive_entry netif_receive_skb napi_gro_receive_entry netif_receive_skb\n");
}

/* ---- sending ---- */

static void test_qdisc(void **state)
{
	(void)state;
	begin();
	queue("eth0", 0x100, 114);
	EVENT(EV_QDISC_ENQUEUE, F_SKBADDR, U(0x100), F_IFINDEX, U(2));
	queue("eth0", 0x200, 114);
	EVENT(EV_QDISC_ENQUEUE, F_SKBADDR, U(0x200), F_IFINDEX, U(2));
	t.now.cpu = 1;
	t.now.ts += 3000000;
	EVENT(EV_QDISC_DEQUEUE, F_SKBADDR, U(0x100), F_IFINDEX, U(2), F_PACKETS, U(2));
	start("eth0", 0x100, 114);
	xmit("eth0", 0x100, 114, 0x10);
	EVENT(EV_QDISC_DEQUEUE, F_SKBADDR, U(0x100), F_IFINDEX, U(2), F_PACKETS, U(1));
	start("eth0", 0x100, 114);
	xmit("eth0", 0x100, 114, 0);
	start("eth0", 0x200, 114);
	xmit("eth0", 0x200, 114, 0);
	EVENT(EV_QDISC_DEQUEUE, F_SKBADDR, U(0), F_IFINDEX, U(2), F_PACKETS, U(0));
	t.now.cpu = 0;
	consume(0x100, "some_driver_clean_tx");
	kfree(0x200, "some_driver_clean_tx", NONE);
	finish();
	expect(PACKETS, "1|tx|eth0|-|transmitted|-|-\n2|tx|eth0|-|transmitted|-|-\n");
	expect(STAGES(1), "net_dev_queue qdisc_enqueue qdisc_dequeue net_dev_start_xmit net_dev_xmit qdisc_dequeue "
			  "net_dev_start_xmit net_dev_xmit consume_skb\n");
	/* a driver that frees what it has sent with the wrong helper has dropped nothing */
	expect("SELECT packet_id, class, layer FROM packet_drop", "2|noise|device\n");
	expect("SELECT drop_id FROM packet", "-\n-\n");
	expect("SELECT * FROM cpu_hop ORDER BY kind", "1|0|completion|2\n0|1|qdisc|2\n");
}

/* An enqueue that is written when another CPU has already sent the packet. */
static void test_qdisc_lockless(void **state)
{
	(void)state;
	begin();
	queue("eth0", 0x100, 114);
	t.now.cpu = 1;
	EVENT(EV_QDISC_DEQUEUE, F_SKBADDR, U(0x100), F_IFINDEX, U(2), F_PACKETS, U(1));
	start("eth0", 0x100, 114);
	t.now.cpu = 0;
	EVENT(EV_QDISC_ENQUEUE, F_SKBADDR, U(0x100), F_IFINDEX, U(2));
	t.now.cpu = 1;
	xmit("eth0", 0x100, 114, 0);
	consume(0x100, "some_driver_clean_tx");
	t.now.cpu = 0;
	EVENT(EV_QDISC_ENQUEUE, F_SKBADDR, U(0x100), F_IFINDEX, U(2));
	finish();
	expect(PACKETS, "1|tx|eth0|-|transmitted|-|-\n");
}

/* A queue that segments and then drops some of what it made: no event showed these, but it is one call. */
static void test_qdisc_drops(void **state)
{
	static const char *const reasons[] = { "NOT_DROPPED_YET", "CONSUMED", "NOT_SPECIFIED", "QDISC_DROP", "TC_EGRESS", NULL };

	(void)state;
	fake_trace_reasons(reasons);
	fake_host_dev(t.host, 1, "eth0", "");
	begin();
	queue("eth0", 0x100, 4410);
	consume(0x100, "tbf_enqueue");
	kfree(0x200, "__dev_queue_xmit", 3);
	kfree(0x300, "__dev_queue_xmit", 3);
	/* dropped before any device event: by whom, but not where */
	kfree(0x400, "__dev_queue_xmit", 4);
	finish();
	expect("SELECT packet_id, reason, dev, netns, layer, class FROM packet_drop ORDER BY id",
	       "-|QDISC_DROP|eth0|n1|qdisc|loss\n-|QDISC_DROP|eth0|n1|qdisc|loss\n-|TC_EGRESS|-|-|tc|policy\n");
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

/* The same on a kernel whose consume_skb does not say where: clones of taps at the addresses of old packets. */
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
	/* freed at the old address: a netlink message, a tap's clone, what a process failed to send, an unseen skb */
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
	t.now.ts += 900000000;
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
	t.now.cpu = 1;
	lose(0, 100000);
	t.now.cpu = 0;
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
	t.now.cpu = 1;
	lose(0, 100000);
	t.now.cpu = 0;
	queue("eth1", 0x400, 114);
	/* the gap is reported when it is over: this one lived and died in it */
	queue("eth1", 0x500, 114);
	start("eth1", 0x500, 114);
	xmit("eth1", 0x500, 114, 0);
	consume(0x500, "some_driver_clean_tx");
	t.now.cpu = 1;
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
	t.now.cpu = 4095;
	receive("a name that is much longer than a device's can be", 0x500, 100);
	t.now.cpu = 4096;
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
		T(test_gro),	       T(test_gro_unsure), T(test_list_and_backlog), T(test_no_entries),
		T(test_veth),	       T(test_veth_napi),  T(test_veth_unknown),     T(test_loopback),
		T(test_xmit_late),     T(test_forward),	   T(test_not_forward),	     T(test_forward_local),
		T(test_neighbour),     T(test_bridge),	   T(test_tunnel),	   T(test_qdisc),	     T(test_qdisc_lockless),
		T(test_gso),	       T(test_gso_no_location), T(test_retransmit),  T(test_foreign),
		T(test_loss),	       T(test_bounds),	   T(test_qdisc_drops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
