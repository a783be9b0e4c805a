/* SPDX-License-Identifier: MIT */
/* Times and changes of CPU of packets, from the events to the tables. */
#include "lives_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static void sql(const char *text)
{
	struct err e = { "" };

	assert_int_equal(db_exec(story.db, text, &e), 0);
}

static void setting(const char *queue, const char *name, const char *value)
{
	char *text = sqlite3_mprintf("INSERT INTO queue_setting(netns_id, netns, dev, queue, name, "
				     "value) VALUES(1, 'n1', 'eth0', %Q, %Q, %Q)",
				     queue, name, value);

	sql(text);
	sqlite3_free(text);
}

/* A TCP segment that another CPU's softirq takes in, read on @cpu. */
static void rps_packet(int cpu)
{
	story.now.cpu = 0;
	softirq_in();
	skb(EV_NETIF_RECEIVE_SKB_ENTRY, "eth0", 0x300, 300);
	softirq_out();
	story.now.cpu = 1;
	softirq_in();
	receive("eth0", 0x300, 300);
	EVENT(EV_SK_DATA_READY, F_SKADDR, U(0x9000), F_PROTOCOL, U(6));
	softirq_out();
	story.now.cpu = cpu;
	copy(0x300, 200);
}

#define CPU_HOPS                                                                                   \
	"SELECT from_cpu, to_cpu, kind, netns, dev, count, max_ns, setting FROM cpu_hop ORDER BY " \
	"kind"

static void test_rps_unknown(void **state)
{
	(void)state;
	fake_host_dev(story.host, 1, "eth0", "");
	begin();
	rps_packet(1);
	finish();
	expect(CPU_HOPS, "0|1|rps|n1|eth0|1|3000|-\n");
}

static void test_rps(void **state)
{
	(void)state;
	fake_host_dev(story.host, 1, "eth0", "");
	setting("rx-0", "rps_cpus", "00000000,00000002");
	setting("rx-1", "rps_cpus", "00000000,00000000");
	setting("rx-2", "rps_cpus", "00000000,00000000");
	setting("rx-0", "rps_flow_cnt", "256"); /* without the table of sockets RFS is off */
	begin();
	rps_packet(0);
	finish();
	expect(CPU_HOPS, "0|1|rps|n1|eth0|1|3000|rps_cpus 00000000,00000002 (rx-0)\n"
			 "1|0|wakeup|n1|eth0|1|2000|-\n");
	expect("SELECT packet_id, from_cpu, to_cpu, kind, delay_ns FROM v_cpu_hop ORDER BY seq",
	       "1|0|1|rps|3000\n1|1|0|wakeup|2000\n");
	expect("SELECT cpu_hops FROM packet", "2\n");
}

/* RFS takes it where its reader is; the same move to another CPU than the reader's is RPS's. */
static void test_rfs(void **state)
{
	(void)state;
	fake_host_dev(story.host, 1, "eth0", "");
	setting("rx-0", "rps_cpus", "3");
	setting("rx-1", "rps_cpus", "3");
	setting("rx-0", "rps_flow_cnt", "256");
	sql("INSERT INTO sysctl VALUES(1, 'n1', 'net.core.rps_sock_flow_entries', '1024', NULL)");
	begin();
	rps_packet(1);
	consume(0x300, "skb_free_datagram");
	rps_packet(0);
	finish();
	expect(CPU_HOPS,
	       "0|1|rfs|n1|eth0|1|3000|rps_flow_cnt 256 (rx-0), net.core.rps_sock_flow_entries "
	       "1024\n"
	       "0|1|rps|n1|eth0|1|3000|rps_cpus 3 (2 queues)\n"
	       "1|0|wakeup|n1|eth0|1|2000|-\n");
}

/* Without RPS it can only have been RFS, wherever the reader went. */
static void test_rfs_alone(void **state)
{
	(void)state;
	fake_host_dev(story.host, 1, "eth0", "");
	setting("rx-0", "rps_cpus", "0");
	setting("rx-0", "rps_flow_cnt", "256");
	sql("INSERT INTO sysctl VALUES(1, 'n1', 'net.core.rps_sock_flow_entries', '1024', NULL)");
	begin();
	rps_packet(0);
	finish();
	expect(CPU_HOPS,
	       "0|1|rfs|n1|eth0|1|3000|rps_flow_cnt 256 (rx-0), net.core.rps_sock_flow_entries "
	       "1024\n"
	       "1|0|wakeup|n1|eth0|1|2000|-\n");
}

/* Nothing is set that could have moved it so. */
static void test_no_rps(void **state)
{
	(void)state;
	fake_host_dev(story.host, 1, "eth0", "");
	setting("rx-0", "rps_cpus", "00000000,00000000");
	setting("rx-0", "rps_flow_cnt", "0");
	begin();
	rps_packet(1);
	finish();
	expect(CPU_HOPS, "0|1|other|n1|eth0|1|3000|-\n");
}

/* Two namespaces have that name: whose setting it is, is not known. */
static void test_two_devices(void **state)
{
	(void)state;
	fake_host_dev(story.host, 1, "eth0", "");
	fake_host_dev(story.host, 2, "eth0", "");
	setting("rx-0", "rps_cpus", "2");
	sql("INSERT INTO queue_setting VALUES(2, 'n2', 'eth0', 'rx-0', 'rps_cpus', '0')");
	begin();
	rps_packet(1);
	finish();
	expect(CPU_HOPS, "0|1|rps|-|eth0|1|3000|-\n");
}

/* One of them has RFS: that it was RFS is not sure. */
static void test_two_devices_rfs(void **state)
{
	(void)state;
	fake_host_dev(story.host, 1, "eth0", "");
	fake_host_dev(story.host, 2, "eth0", "");
	setting("rx-0", "rps_flow_cnt", "256");
	sql("INSERT INTO sysctl VALUES(1, 'n1', 'net.core.rps_sock_flow_entries', '1024', NULL);"
	    "INSERT INTO queue_setting VALUES(2, 'n2', 'eth0', 'rx-0', 'rps_flow_cnt', '0')");
	begin();
	rps_packet(1);
	finish();
	expect(CPU_HOPS, "0|1|rps|-|eth0|1|3000|-\n");
}

static void test_completion(void **state)
{
	(void)state;
	sql("UPDATE netns SET name = 'init' WHERE id = 1");
	fake_host_dev(story.host, 1, "eth0", "");
	sql("INSERT INTO irq_affinity VALUES(40, '1', '1', 'eth0-tx-0'), (41, '0', '0', "
	    "'eth01-tx-0')");
	begin();
	queue("eth0", 0x100, 142);
	start("eth0", 0x100, 142);
	xmit("eth0", 0x100, 142, 0);
	story.now.cpu = 1;
	softirq_in();
	consume(0x100, "napi_consume_skb");
	finish();
	expect(CPU_HOPS, "0|1|completion|init|eth0|1|2000|irq 40 (eth0-tx-0) on CPU 1\n");
	expect("SELECT way, stage_from, stage_to, count, max_ns FROM latency_total ORDER BY way",
	       "tx-driver|net_dev_start_xmit|consume_skb|1|3000\n"
	       "tx-queue|net_dev_queue|net_dev_start_xmit|1|1000\n"
	       "tx-total|net_dev_queue|consume_skb|1|4000\n");
}

static void test_receive_ways(void **state)
{
	(void)state;
	begin();
	rps_packet(1);
	finish();
	expect("SELECT way, stage_from, stage_to, count, max_ns FROM latency_total ORDER BY way",
	       "rx-driver|netif_receive_skb_entry|netif_receive_skb|1|3000\n"
	       "rx-socket|sk_data_ready|skb_copy_datagram_iovec|1|2000\n"
	       "rx-stack|netif_receive_skb|sk_data_ready|1|1000\n"
	       "rx-total|netif_receive_skb_entry|skb_copy_datagram_iovec|1|6000\n");
	expect("SELECT way, rank, ns, packet_id, pid, cpu FROM latency_slow WHERE way = 'rx-total'",
	       "rx-total|1|6000|1|-|1\n");
}

/* On old kernels there is no sk_data_ready: a part is missing, the others stand. */
static void test_old_kernel(void **state)
{
	(void)state;
	fake_trace_without(EV_SK_DATA_READY);
	begin();
	softirq_in();
	skb(EV_NETIF_RX_ENTRY, "eth0", 0x300, 300);
	receive("eth0", 0x300, 300);
	softirq_out();
	copy(0x300, 200);
	finish();
	expect("SELECT way, max_ns FROM latency_total ORDER BY way",
	       "rx-driver|1000\nrx-total|3000\n");
}

/* Through a router: from the first sign to the last driver. Over a veth pair no driver completes.
 */
static void test_forward(void **state)
{
	(void)state;
	pair_devs();
	begin();
	softirq_in();
	skb(EV_NETIF_RECEIVE_SKB_ENTRY, "eth0", 0x100, 128);
	receive("eth0", 0x100, 128);
	queue("eth1", 0x100, 142);
	start("eth1", 0x100, 142);
	xmit("eth1", 0x100, 142, 0);
	softirq_out();
	consume(0x100, "napi_consume_skb");
	queue("va0", 0x200, 142);
	veth("va0", "vb0", 0x200, 142);
	softirq_in();
	receive("vb0", 0x200, 128);
	consume(0x200, "icmp_rcv");
	finish();
	expect("SELECT way, stage_from, stage_to, max_ns FROM latency_total ORDER BY way, max_ns",
	       "forward-total|netif_receive_skb_entry|net_dev_start_xmit|3000\n"
	       "rx-driver|netif_receive_skb_entry|netif_receive_skb|1000\n"
	       "rx-driver|netif_rx_entry|netif_receive_skb|4000\n"
	       "tx-driver|net_dev_start_xmit|consume_skb|3000\n"
	       "tx-queue|net_dev_queue|net_dev_start_xmit|1000\n"
	       "tx-total|net_dev_queue|consume_skb|4000\n");
}

static void test_parts(void **state)
{
	(void)state;
	sql("INSERT INTO flow(id, proto, src, dst) VALUES(1, 'udp', 'a', 'b'), (2, 'udp', 'c', "
	    "'d')");
	fake_host_dev(story.host, 2, "eth0", "");
	fake_host_dev(story.host, 2, "eth1", "");
	fake_frame(story.frames, 2, "eth0", 0, 1001500, 142)->flow_id = 2;
	begin();
	for (int i = 0; i < 3; i++) {
		const char *dev = i < 2 ? "eth0" : "eth1";

		story.now.cpu = i % 2;
		softirq_in();
		receive(dev, 0x100 * (uint64_t)(i + 1), 128);
		kfree(0x100 * (uint64_t)(i + 1), "__udp4_lib_rcv", NONE);
		softirq_out();
	}
	finish();
	expect("SELECT part, netns, dev, cpu, flow_id, count, max_ns FROM latency_part WHERE "
	       "stage_from = 'netif_receive_skb' ORDER BY part, dev, cpu",
	       "cpu|-|-|0|-|2|1000\ncpu|-|-|1|-|1|1000\n"
	       "device|n2|eth0|-|-|2|1000\ndevice|n2|eth1|-|-|1|1000\n"
	       "flow|-|-|-|2|1|1000\n");
	expect("SELECT count FROM latency WHERE stage_from = 'netif_receive_skb'", "3\n");
}

static void test_slowest(void **state)
{
	(void)state;
	begin();
	softirq_in();
	for (int i = 1; i <= 12; i++) {
		receive("eth0", 0x100, 128);
		story.now.ts += 1000 * (uint64_t)(i > 10 ? 10 : i);
		kfree(0x100, "__udp4_lib_rcv", NONE);
	}
	finish();
	/* of equals the first ones */
	expect("SELECT rank, ns, packet_id FROM latency_slow WHERE way IS NULL AND rank IN (1, 2, "
	       "3, 4, 10) ORDER BY rank",
	       "1|11000|10\n2|11000|11\n3|11000|12\n4|10000|9\n10|4000|3\n");
	expect("SELECT count(*) FROM latency_slow", "10\n");
	/* four steps per power of two */
	expect("SELECT way IS NULL, from_ns, to_ns, count FROM latency_hist WHERE from_ns >= 7168 "
	       "ORDER BY from_ns",
	       "1|7168|8192|1\n1|8192|10240|2\n1|10240|12288|3\n");
	expect("SELECT sum(count) FROM latency_hist", "12\n");
}

static void test_socket_lock(void **state)
{
	(void)state;
	begin();
	softirq_in();
	receive("eth0", 0x100, 128);
	receive("eth0", 0x200, 128);
	EVENT(EV_TCP_PROBE, F_SKBADDR, U(0x200)); /* the socket was free */
	softirq_out();
	story.now.pid = 77;
	EVENT(EV_TCP_PROBE, F_SKBADDR, U(0x100)); /* its owner works it off */
	finish();
	expect("SELECT packet_id, ns, from_cpu, cpu, pid FROM socket_lock", "1|4000|0|0|77\n");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_rps_unknown),	 T(test_rps),	      T(test_rfs),
		T(test_rfs_alone),	 T(test_no_rps),      T(test_two_devices),
		T(test_two_devices_rfs), T(test_completion),  T(test_receive_ways),
		T(test_old_kernel),	 T(test_forward),     T(test_parts),
		T(test_slowest),	 T(test_socket_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
