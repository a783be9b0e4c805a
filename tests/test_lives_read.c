/* SPDX-License-Identifier: MIT */
/* Reads from sockets, and what packets are cut into. */
#include "lives_story.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define SK 0x9000

/* ---- readers ---- */

/* The news that a datagram is in the queue, on this CPU. */
static void news(void)
{
	EVENT(EV_SK_DATA_READY, F_SKADDR, U(SK), F_PROTOCOL, U(17));
}

static void arrive(uint64_t addr, uint64_t payload)
{
	softirq_in();
	skb(EV_NETIF_RECEIVE_SKB_ENTRY, "eth0", addr, payload + 28);
	receive("eth0", addr, payload + 28);
}

static void datagram(uint64_t addr, uint64_t payload)
{
	arrive(addr, payload);
	news();
}

static void waking(void)
{
	EVENT(EV_SCHED_WAKING, F_PID, U(77), F_TARGET_CPU, U(0));
}

static void read_by(int pid, int ret)
{
	softirq_out();
	story.now.pid = pid;
	EVENT(EV_SOCK_RECV_LENGTH, F_SK, U(SK), F_PROTOCOL, U(17), F_RET, U((int64_t)ret));
	story.now.pid = 100;
}

static void read_sock(int ret)
{
	read_by(77, ret);
}

/* The reader leaves its CPU with that state: 1 sleeps, 0x100 was preempted. */
static void switch_off(uint64_t state)
{
	softirq_out();
	story.now.pid = 77;
	EVENT(EV_SCHED_SWITCH, F_PREV_PID, U(77), F_PREV_STATE, state, F_NEXT_PID, U(0));
	story.now.pid = 100;
}

static void on_cpu(int cpu)
{
	story.now.cpu = cpu;
}

#define READS                                                                                      \
	"SELECT packet_id, pid, context, confidence FROM hop WHERE stage = 'sock_recv_length' "    \
	"ORDER BY packet_id"
#define SURE                                                                                       \
	"SELECT packet_id, confidence FROM hop WHERE stage = 'sock_recv_length' ORDER BY "         \
	"packet_id"

/* A woken reader had an empty queue; reads then come in order, also when what was read is freed
 * before. */
static void test_read_order(void **state)
{
	(void)state;
	begin();
	switch_off(1);
	datagram(0x100, 200);
	waking();
	softirq_out();
	datagram(0x200, 200);
	read_sock(200);
	consume(0x200, "skb_consume_udp");
	read_sock(200);
	datagram(0x200, 200);
	read_sock(200);
	read_sock(-EAGAIN);
	datagram(0x100, 300);
	read_sock(300);
	finish();
	expect(READS, "1|77|task|high\n2|77|task|high\n3|77|task|high\n4|77|task|high\n");
	expect("SELECT id, outcome, confidence FROM packet ORDER BY id",
	       "1|delivered|high\n2|delivered|high\n3|delivered|high\n4|delivered|high\n");
	expect("SELECT last_ns >= (SELECT max(ts_ns) FROM hop WHERE packet_id = p.id) FROM packet "
	       "p",
	       "1\n1\n1\n1\n");
}

/* What was in the queue before is not known: only one that is alone in it is taken. */
static void test_read_unsure(void **state)
{
	(void)state;
	begin();
	datagram(0x100, 200);
	softirq_out();
	datagram(0x200, 200);
	read_sock(200);
	read_sock(200);
	read_sock(200); /* more than ever came */
	finish();
	expect(READS, "2|77|task|medium\n");
}

/* A task that is woken although it runs, or was preempted, looked at the queue after it said that
 * it sleeps. */
static void woken_awake(void)
{
	datagram(0x100, 200);
	softirq_out();
	datagram(0x200, 200);
	waking();
	read_sock(200);
	finish();
	expect(READS, "");
}

static void test_woken_running(void **state)
{
	(void)state;
	begin();
	switch_off(1);
	read_sock(-EAGAIN); /* it runs; of that switch there was no event */
	story.now.ts += 1000000;
	datagram(0x300, 300);
	story.now.ts += 1000000;
	read_sock(-EAGAIN); /* and the row is not what was thought */
	woken_awake();
}

static void test_woken_preempted(void **state)
{
	(void)state;
	begin();
	switch_off(0x100);
	woken_awake();
}

static void test_woken_twice(void **state)
{
	(void)state;
	begin();
	switch_off(1);
	EVENT(EV_SCHED_WAKING, F_PID, U(77), F_TARGET_CPU, U(0)); /* a signal */
	woken_awake();
}

/* Who slept all the time sleeps, unless it was too short. */
static void test_woken_unseen(void **state)
{
	(void)state;
	begin();
	softirq_in();
	story.now.ts += 20000000;
	datagram(0x100, 200);
	waking();
	read_sock(200);
	finish();
	expect(SURE, "1|high\n");
}

static void test_woken_unseen_short(void **state)
{
	(void)state;
	begin();
	softirq_in();
	datagram(0x100, 200);
	waking();
	read_sock(200);
	finish();
	expect(SURE, "1|medium\n");
}

/* The idle task does not hide that another one ran. */
static void test_woken_idle(void **state)
{
	(void)state;
	begin();
	story.now.pid = 4096;
	softirq_in();
	story.now.pid = 0;
	softirq_in();
	story.now.pid = 100;
	story.now.ts += 20000000;
	datagram(0x100, 200);
	softirq_out();
	datagram(0x200, 200);
	EVENT(EV_SCHED_WAKING, F_PID, U(4096), F_TARGET_CPU, U(0));
	read_by(4096, 200);
	finish();
	expect(READS, "");
}

/* An interrupt right behind the news wakes another one. */
static void test_woken_interrupt(void **state)
{
	(void)state;
	begin();
	switch_off(1);
	datagram(0x100, 200);
	story.now.flags |= EV_FLAG_HARDIRQ;
	waking();
	story.now.flags &= (uint8_t)~EV_FLAG_HARDIRQ;
	read_sock(200);
	finish();
	expect(SURE, "1|medium\n");
}

/* The reader, on another CPU, has a datagram before its news: these say nothing of the next one. */
static void test_read_early(void **state)
{
	(void)state;
	begin();
	read_sock(-EAGAIN);
	on_cpu(1);
	arrive(0x100, 200);
	on_cpu(0);
	read_sock(200);
	on_cpu(1);
	news();
	story.now.ts += 1000000;
	datagram(0x200, 200);
	softirq_out();
	datagram(0x300, 200);
	on_cpu(0);
	read_sock(200);
	read_sock(200);
	finish();
	expect(SURE, "2|high\n3|high\n");
}

/* What was read had no news at all: the next ones are taken for its news, until one of them wakes
 * the reader. */
static void test_read_without_news(void **state)
{
	(void)state;
	begin();
	read_sock(-EAGAIN);
	read_sock(200);
	switch_off(1);
	on_cpu(1);
	datagram(0x100, 200);
	waking();
	on_cpu(0);
	read_sock(200);
	switch_off(1);
	story.now.ts += 20000000;
	on_cpu(1);
	datagram(0x200, 200);
	waking();
	on_cpu(0);
	read_sock(200);
	finish();
	expect(SURE, "2|high\n");
}

/* News of two CPUs at once: either datagram may be the first one. The next one is sure again. */
static void test_read_swapped(void **state)
{
	(void)state;
	begin();
	read_sock(-EAGAIN);
	datagram(0x100, 200);
	on_cpu(1);
	datagram(0x200, 200);
	story.now.ts += 1000000;
	softirq_out();
	datagram(0x300, 200);
	for (int i = 0; i < 3; i++)
		read_sock(200);
	/* as long as two CPUs feed the queue in turn, nothing in it is sure */
	story.now.ts += 20000000;
	datagram(0x400, 200);
	read_sock(200);
	finish();
	expect(SURE, "3|medium\n4|high\n");
}

/* Two that read at once return in any order. */
static void test_read_shared(void **state)
{
	(void)state;
	begin();
	read_sock(-EAGAIN);
	datagram(0x100, 200);
	read_by(77, 200);
	datagram(0x200, 200);
	softirq_out();
	datagram(0x300, 200);
	read_by(78, 200);
	read_by(78, 200);
	story.now.ts += 2000000000;
	datagram(0x400, 200);
	read_by(78, 200);
	finish();
	expect(SURE, "1|high\n2|medium\n3|medium\n4|high\n");
}

/* Events of another CPU were lost while this one read: that is told when it is over. */
static void test_read_in_gap(void **state)
{
	(void)state;
	begin();
	read_sock(-EAGAIN);
	datagram(0x100, 200);
	read_sock(200);
	story.now.ts += 1000000;
	datagram(0x200, 200);
	read_sock(200);
	on_cpu(1);
	lose(500000, 1000);
	finish();
	expect(SURE, "1|high\n2|medium\n");
}

/* A datagram that was dropped when it was to be read, one whose news was lost, a reader's small
 * buffer. */
static void test_read_gaps(void **state)
{
	(void)state;
	begin();
	switch_off(1);
	datagram(0x100, 200);
	waking();
	softirq_out();
	kfree(0x100, "udp_recvmsg", NONE);
	datagram(0x200, 300);
	softirq_out();
	datagram(0x300, 400);
	read_sock(400);
	datagram(0x400, 500);
	read_sock(100);
	story.now.cpu = 1;
	lose(0, 1000);
	story.now.cpu = 0;
	read_sock(500);
	finish();
	expect("SELECT packet_id, confidence FROM hop WHERE stage = 'sock_recv_length' ORDER BY "
	       "packet_id",
	       "3|medium\n4|medium\n");
}

/* ---- ends ---- */

static void test_noise(void **state)
{
	static const char *const reasons[] = { "A", "B", "NO_SOCKET", NULL };

	(void)state;
	fake_trace_reasons(reasons);
	begin();
	softirq_in();
	receive("eth0", 0x100, 84);
	kfree(0x100, "ping_rcv", 2);
	receive("eth0", 0x200, 84);
	kfree(0x200, "__udp4_lib_rcv", 2);
	finish();
	expect("SELECT p.id, p.outcome, p.drop_id, d.class FROM packet p JOIN packet_drop d ON "
	       "d.packet_id = p.id "
	       "ORDER BY 1",
	       "1|consumed|-|noise\n2|dropped|2|loss\n");
}

/* TCP answers at once from the address of what it has absorbed; that is no forwarding where none is
 * on. */
static void test_answer(void **state)
{
	struct err e;

	(void)state;
	fake_host_dev(story.host, 1, "eth0", "");
	fake_host_dev(story.host, 2, "eth1", "");
	assert_int_equal(db_exec(story.db,
				 "INSERT INTO sysctl VALUES(1, 'n1', "
				 "'net.ipv4.conf.eth0.forwarding', '0', NULL);"
				 "INSERT INTO sysctl VALUES(2, 'n2', "
				 "'net.ipv4.conf.eth1.forwarding', '1', NULL);",
				 &e),
			 0);
	begin();
	softirq_in();
	receive("eth0", 0x100, 52);
	queue("eth0", 0x100, 66);
	receive("eth1", 0x200, 52);
	queue("eth1", 0x200, 66);
	finish();
	expect("SELECT id, kind FROM packet ORDER BY id", "1|rx\n2|tx\n3|forward\n");
}

/* ---- parts ---- */

static void out(uint64_t addr, uint64_t len)
{
	EVENT(EV_QDISC_DEQUEUE, F_SKBADDR, addr, F_IFINDEX, U(2), F_PACKETS, U(1));
	start("eth0", addr, len);
	xmit("eth0", addr, len, 0);
}

static void cut(uint64_t addr, uint64_t len)
{
	queue("eth0", addr, len);
	consume(addr, "tbf_enqueue");
}

/* Two packets that a queue cut, and a small one between them that it did not. */
static void test_queue_split(void **state)
{
	(void)state;
	begin();
	cut(0x100, 66 + 2 * 1448 + 500);
	queue("eth0", 0x900, 66);
	EVENT(EV_QDISC_ENQUEUE, F_SKBADDR, U(0x900), F_IFINDEX, U(2));
	cut(0x100, 66 + 2 * 1448);
	out(0x200, 1514);
	out(0x300, 1514);
	out(0x400, 566);
	out(0x900, 66);
	out(0x500, 1514);
	out(0x600, 1514);
	out(0x700, 1514); /* of no one */
	finish();
	expect("SELECT len_bytes, link, parent_id, flags & 1 FROM packet ORDER BY id",
	       "3462|-|-|0\n66|-|-|0\n2962|-|-|0\n"
	       "1514|gso|1|0\n1514|gso|1|0\n566|gso|1|0\n1514|gso|3|0\n1514|gso|3|0\n1514|-|-|1\n");
}

/* A drop in that queue may be one of the segments. */
static void test_queue_drop(void **state)
{
	(void)state;
	begin();
	queue("eth0", 0x100, 66 + 3 * 1448);
	consume(0x100, "tbf_enqueue");
	kfree(0x777, "__dev_queue_xmit", NONE);
	out(0x200, 1514);
	finish();
	expect("SELECT len_bytes, link FROM packet ORDER BY id", "4410|-\n1514|-\n");
}

static void test_fragments(void **state)
{
	(void)state;
	begin();
	softirq_in();
	receive("eth0", 0x100, 1500);
	queue("eth1", 0x200, 1014);
	start("eth1", 0x200, 1014);
	xmit("eth1", 0x200, 1014, 0);
	consume(0x200, "some_driver_clean_tx");
	queue("eth1", 0x300, 534);
	consume(0x100, "ip_do_fragment");
	/* put together again elsewhere: the last one has it all */
	receive("eth2", 0x400, 1000);
	receive("eth2", 0x500, 520);
	consume(0x400, "inet_frag_reasm_prepare");
	finish();
	expect("SELECT id, outcome, link, parent_id FROM packet ORDER BY id",
	       "1|consumed|-|-\n2|transmitted|fragment|1\n3|unknown|fragment|1\n"
	       "4|consumed|reassembly|5\n5|delivered|-|-\n");
}

/* Of three fragments the middle one hangs on the last one, and is freed right behind it. */
static void test_fragment_list(void **state)
{
	(void)state;
	begin();
	softirq_in();
	receive("eth0", 0x100, 1500);
	receive("eth0", 0x200, 1500);
	receive("eth0", 0x300, 520);
	consume(0x100, "inet_frag_reasm_prepare");
	softirq_out();
	story.now.ts += 20000000;
	story.now.pid = 7;
	consume(0x300, "skb_consume_udp");
	consume(0x200, "skb_release_data");
	/* behind something else: of which packet it was a part is not known */
	softirq_in();
	receive("eth0", 0x400, 1500);
	softirq_out();
	consume(0x900, "arp_process");
	consume(0x400, "skb_release_data");
	finish();
	expect("SELECT id, outcome, link, parent_id, confidence FROM packet ORDER BY id",
	       "1|consumed|reassembly|3|medium\n2|consumed|reassembly|3|medium\n"
	       "3|delivered|-|-|medium\n4|consumed|-|-|medium\n");
	expect("SELECT packet_id, confidence FROM hop WHERE stage = 'consume_skb' ORDER BY 1",
	       "1|high\n2|high\n3|high\n4|high\n");
}

/* Which parts are sure: @frames says what the frames showed. */
static void whole(const char *frames, const char *want)
{
	struct err e;

	begin();
	softirq_in();
	for (uint64_t addr = 0x100; addr <= 0x300; addr += 0x100)
		skb(EV_NETIF_RX_ENTRY, "eth0", addr, addr < 0x300 ? 1500 : 520);
	for (uint64_t addr = 0x100; addr <= 0x300; addr += 0x100)
		receive("eth0", addr, addr < 0x300 ? 1500 : 520);
	consume(0x100, "inet_frag_reasm_prepare");
	news();
	story.now.ts += 5000;
	consume(0x300, "skb_consume_udp");
	consume(0x200, "skb_release_data");
	finish();
	assert_int_equal(db_exec(story.db, "UPDATE _packet SET confidence = 1 WHERE id = 3;", &e),
			 0);
	assert_int_equal(db_exec(story.db, frames, &e), 0);
	assert_int_equal(lives_reassembled(story.lives), 0);
	expect("SELECT outcome, link, parent_id, confidence FROM packet ORDER BY id", want);
}

#define FRAME(no, id, frag, packet, tie)                                                           \
	"INSERT INTO _frame(no, ts_ns, netns_id, dev_id, direction, len_bytes, cap_bytes, ip_id, " \
	"frag, packet_id, tie, member, offset) VALUES(" #no ", 1, 1, 1, 0, 1514, 60, " #id         \
	", " #frag ", " #packet ", " #tie ", 1, 0);"
#define PARTS FRAME(1, 7, 1, 1, 1) FRAME(2, 7, 2961, 2, 1)

static void test_whole(void **state)
{
	(void)state;
	whole(PARTS FRAME(3, 7, 5920, 3, 1) FRAME(4, 8, 1, 9, 1),
	      "consumed|reassembly|3|certain\nconsumed|reassembly|3|certain\n"
	      "delivered|-|-|certain\n");
}

#define NOT_WHOLE "consumed|reassembly|3|high\nconsumed|reassembly|3|high\ndelivered|-|-|certain\n"

static void test_whole_part_missing(void **state)
{
	(void)state;
	whole(PARTS, NOT_WHOLE);
}

static void test_whole_other_id(void **state)
{
	(void)state;
	whole(PARTS FRAME(3, 8, 5920, 3, 1), NOT_WHOLE);
}

static void test_whole_unsure(void **state)
{
	(void)state;
	whole(PARTS FRAME(3, 7, 5920, 3, 3), NOT_WHOLE);
}

static void test_whole_twice(void **state)
{
	(void)state;
	whole(PARTS FRAME(3, 7, 5920, 3, 1) FRAME(4, 7, 1, 9, 1), NOT_WHOLE);
}

/* What only looks into the queue takes nothing out of it; errors have a queue of their own. */
static void test_peek(void **state)
{
	(void)state;
	begin();
	switch_off(1);
	datagram(0x100, 200);
	waking();
	softirq_out();
	datagram(0x200, 200);
	softirq_out();
	story.now.pid = 77;
	EVENT(EV_SOCK_RECV_LENGTH, F_SK, U(SK), F_PROTOCOL, U(17), F_RET, U(200), F_FLAGS, U(0x42));
	EVENT(EV_SOCK_RECV_LENGTH, F_SK, U(SK), F_PROTOCOL, U(17), F_RET, U((int64_t)-EAGAIN),
	      F_FLAGS, U(0x2040));
	story.now.pid = 100;
	read_sock(200);
	story.now.ts += 1000000;
	read_sock(200);
	finish();
	expect(READS, "1|77|task|high\n2|77|task|high\n");
	expect("SELECT max(ts_ns) - min(ts_ns) FROM hop WHERE stage = 'sock_recv_length'",
	       "1002000\n");
}

/* ---- flows that events tell ---- */

/* udp_fail_queue_rcv_skb as the database has it, now. */
static void udp_fail(const char *fields)
{
	static const char type[] = "INSERT OR IGNORE INTO event_type VALUES(1, 'udp', "
				   "'udp_fail_queue_rcv_skb', 1, 1);";
	char sql[400];
	struct err e;

	assert_int_equal(db_exec(story.db, type, &e), 0);
	snprintf(sql, sizeof(sql),
		 "INSERT INTO _event(ts_ns, cpu, pid, flags, type_id, fields) "
		 "VALUES(%lld, %d, %d, 16, 1, '%s');",
		 FAKE_EPOCH + (long long)story.now.ts, story.now.cpu, story.now.pid, fields);
	assert_int_equal(db_exec(story.db, sql, &e), 0);
}

#define FAIL4                                                                                      \
	"{\"rc\":-12,\"sport\":5000,\"dport\":53,\"saddr\":\"192.0.2.1:5000\",\"daddr\":"          \
	"\"192.0.2.2:53\"}"
#define FAIL6                                                                                      \
	"{\"rc\":-12,\"sport\":53,\"dport\":5000,\"saddr\":\"[2001:db8::2]:53\",\"daddr\":"        \
	"\"[2001:db8::1]:5000\"}"

static void told(const char *want)
{
	finish();
	assert_int_equal(lives_told(story.lives), 0);
	expect("SELECT d.id, w.proto, w.src, w.sport, w.dst, w.dport, w.frames, p.flow_id = w.id "
	       "FROM "
	       "_drop d JOIN flow w ON w.id = d.flow_id LEFT JOIN _packet p ON p.id = d.packet_id "
	       "ORDER BY d.id",
	       want);
}

static void test_told(void **state)
{
	(void)state;
	begin();
	arrive(0x100, 200);
	udp_fail(FAIL4);
	kfree(0x100, "udp_queue_rcv_one_skb", NONE);
	arrive(0x200, 200);
	udp_fail(FAIL6);
	kfree(0x200, "udpv6_queue_rcv_one_skb", NONE);
	arrive(0x300, 200);
	udp_fail(FAIL4);
	kfree(0x300, "udp_queue_rcv_one_skb", NONE);
	told("1|udp|192.0.2.1|5000|192.0.2.2|53|0|1\n"
	     "2|udp|2001:db8::2|53|2001:db8::1|5000|0|1\n"
	     "3|udp|192.0.2.1|5000|192.0.2.2|53|0|1\n");
	expect("SELECT count(*), count(reverse_id) FROM flow", "2|0\n");
}

/* Another function's drop, another CPU's, two events before one drop, addresses that are none. */
static void test_told_nothing(void **state)
{
	(void)state;
	begin();
	arrive(0x100, 200);
	udp_fail(FAIL4);
	kfree(0x100, "nft_do_chain", NONE);
	arrive(0x200, 200);
	udp_fail(FAIL4);
	on_cpu(1);
	kfree(0x200, "udp_queue_rcv_one_skb", NONE);
	on_cpu(0);
	story.now.ts += 2000000;
	udp_fail(FAIL4);
	udp_fail(FAIL6);
	kfree(0x300, "udp_queue_rcv_one_skb", NONE);
	udp_fail("{\"rc\":-12,\"lport\":53}");
	kfree(0x400, "udp_queue_rcv_one_skb", NONE);
	told("");
}

/* An event that was lost may be the drop. */
static void test_told_lossy(void **state)
{
	(void)state;
	begin();
	udp_fail(FAIL4);
	on_cpu(1);
	lose(0, 1000);
	on_cpu(0);
	kfree(0x100, "udp_queue_rcv_one_skb", NONE);
	told("");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(test_read_order),
		T(test_read_unsure),
		T(test_read_gaps),
		T(test_noise),
		T(test_answer),
		T(test_queue_split),
		T(test_queue_drop),
		T(test_fragments),
		T(test_fragment_list),
		T(test_peek),
		T(test_woken_running),
		T(test_woken_preempted),
		T(test_woken_twice),
		T(test_woken_unseen),
		T(test_woken_unseen_short),
		T(test_woken_interrupt),
		T(test_woken_idle),
		T(test_read_swapped),
		T(test_told),
		T(test_told_nothing),
		T(test_told_lossy),
		T(test_read_early),
		T(test_read_without_news),
		T(test_read_shared),
		T(test_read_in_gap),
		T(test_whole),
		T(test_whole_part_missing),
		T(test_whole_other_id),
		T(test_whole_unsure),
		T(test_whole_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
