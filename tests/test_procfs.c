/* SPDX-License-Identifier: MIT */
#include "../analyze/procfs.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Samples as text: 'SOURCE NAME[ dev=DEV][ cpu=N]=VALUE' and a blank line's worth of nothing
 * between. */
struct text_sink {
	struct sample_sink sink;
	size_t n;
	uint64_t samples;
	char text[65536];
};

static void put_text(struct sample_sink *s, const struct sample *x)
{
	struct text_sink *t = (struct text_sink *)s;
	char dev[80] = "", cpu[16] = "";
	int n;

	t->samples++;
	if (x->dev.p)
		snprintf(dev, sizeof(dev), " dev=%.*s", (int)x->dev.n, x->dev.p);
	if (x->cpu >= 0)
		snprintf(cpu, sizeof(cpu), " cpu=%d", x->cpu);
	n = snprintf(t->text + t->n, sizeof(t->text) - t->n, "%s %.*s%s%s=%lld%s%s\n", x->source,
		     (int)x->name.n, x->name.p, dev, cpu, (long long)x->value,
		     x->sparse ? " sparse" : "", x->machine ? " machine" : "");
	if (n > 0 && (size_t)n < sizeof(t->text) - t->n)
		t->n += (size_t)n;
}

static struct text_sink *sink(void)
{
	static struct text_sink t;

	t = (struct text_sink){ .sink = { put_text } };
	return &t;
}

static struct span span(const char *s)
{
	return (struct span){ s, strlen(s) };
}

static void has(const struct text_sink *t, const char *line)
{
	if (!strstr(t->text, line))
		fail_msg("no '%s' in:\n%s", line, t->text);
}

static void test_snmp(void **state)
{
	struct text_sink *t = sink();

	(void)state;
	assert_int_equal(procfs_snmp(span("Ip: Forwarding DefaultTTL InDiscards\nIp: 2 64 7\n"
					  "Tcp: RtoAlgorithm MaxConn\nTcp: 1 -1\n"
					  "Udp: InDatagrams NoPorts InErrors RcvbufErrors\nUdp: 1 "
					  "2 3 18446744073709551615\n"),
				     "snmp", &t->sink),
			 0);
	has(t, "snmp Ip.Forwarding=2\n");
	has(t, "snmp Ip.InDiscards=7\n");
	has(t, "snmp Tcp.MaxConn=-1\n");
	has(t, "snmp Udp.RcvbufErrors=9223372036854775807\n");
	assert_int_equal(t->samples, 9);

	/* a name without value, a pair of lines that does not belong together, half a pair */
	t = sink();
	assert_int_equal(
		procfs_snmp(span("TcpExt: A B C\nTcpExt: 1 x 3\nIpExt: A\nMPTcpExt: 1\nIpExt: A\n"),
			    "netstat", &t->sink),
		3);
	assert_string_equal(t->text, "netstat TcpExt.A=1\nnetstat TcpExt.C=3\n");
}

static void test_pairs(void **state)
{
	struct text_sink *t = sink();

	(void)state;
	assert_int_equal(procfs_pairs(span("Ip6InReceives                   \t42\nUdp6RcvbufErrors "
					   "               \t3\nbroken\n"),
				      "snmp6", &t->sink),
			 1);
	assert_string_equal(t->text, "snmp6 Ip6InReceives=42\nsnmp6 Udp6RcvbufErrors=3\n");
}

static void test_sockstat(void **state)
{
	struct text_sink *t = sink();

	(void)state;
	assert_int_equal(procfs_sockstat(span("sockets: used 123\nTCP: inuse 5 orphan 1 tw 2 alloc "
					      "9 mem 4\nFRAG: inuse 0 memory 11\n"),
					 &t->sink),
			 0);
	has(t, "sockstat sockets.used=123\n");
	has(t, "sockstat TCP.orphan=1\n");
	has(t, "sockstat TCP.mem=4\n");
	has(t, "sockstat FRAG.memory=11\n");
}

static void test_dev(void **state)
{
	struct text_sink *t = sink();

	(void)state;
	assert_int_equal(
		procfs_dev(span("Inter-|   Receive  |  Transmit\n face |bytes packets errs drop "
				"fifo frame compressed multicast|bytes\n"
				"    lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n"
				"eth0:1:100 200 0 0 0 0 0 0 0 0 0 0 0 0 0 0\nno colon here\n"),
			   &t->sink),
		1);
	has(t, "dev rx_packets dev=lo=2\n");
	has(t, "dev rx_dropped dev=lo=4\n");
	has(t, "dev tx_dropped dev=lo=12\n");
	has(t, "dev collisions dev=lo=14\n");
	has(t, "dev rx_bytes dev=eth0:1=100\n");
	assert_null(strstr(t->text, "=6\n"));  /* frame is a sum of fields */
	assert_null(strstr(t->text, "=15\n")); /* and so is carrier */
}

static void test_stat(void **state)
{
	static struct procfs_cpus cpus;
	struct text_sink *t = sink();

	(void)state;
	assert_int_equal(procfs_stat(span("cpu  10 20 30 40 50 60 70 80 90 100\ncpu0 1 2 3 4 5 6 7 "
					  "8 9 10\ncpu3 11 12 13 14 15 16 17 18 19 20\n"
					  "intr 12345 0 1\nctxt 99\n"),
				     &cpus, &t->sink),
			 0);
	assert_int_equal(cpus.n, 2);
	assert_int_equal(cpus.id[1], 3);
	has(t, "stat user cpu=0=1\n");
	has(t, "stat softirq cpu=3=17\n");
	has(t, "stat steal cpu=3=18\n");
	assert_int_equal(t->samples, 16);

	t = sink();
	assert_int_equal(procfs_schedstat(span("version 16\ntimestamp 4295\ncpu1 0 0 5 6 7 8 111 "
					       "222 333\ndomain0 3 1 2\n"),
					  &t->sink),
			 0);
	assert_string_equal(t->text, "schedstat run_time_ns cpu=1=111\nschedstat run_delay_ns "
				     "cpu=1=222\nschedstat timeslices cpu=1=333\n");
}

/* Columns by kernel; CPU 1 is offline. */
static void test_softnet(void **state)
{
	static struct procfs_cpus cpus = { 2, { 0, 2 } };
	struct text_sink *t = sink();

	(void)state;
	/* 15 columns name the CPU */
	assert_int_equal(procfs_softnet(span("0000000d 00000001 00000002 00000000 00000000 "
					     "00000000 00000000 00000000 00000000 00000003 "
					     "00000004 00000009 00000000 00000005 00000004\n"
					     "0000000e 0 0 0 0 0 0 0 0 0 0 0 00000002 0 0\n"),
					NULL, &t->sink),
			 0);
	has(t, "softnet_stat processed cpu=0=13 machine\n");
	has(t, "softnet_stat dropped cpu=0=1 machine\n");
	has(t, "softnet_stat time_squeeze cpu=0=2 machine\n");
	has(t, "softnet_stat received_rps cpu=0=3 machine\n");
	has(t, "softnet_stat flow_limit_count cpu=0=4 machine\n");
	has(t, "softnet_stat backlog_len cpu=0=9 machine\n");
	has(t, "softnet_stat input_qlen cpu=0=5 machine\n");
	has(t, "softnet_stat process_qlen cpu=0=4 machine\n");
	has(t, "softnet_stat processed cpu=2=14 machine\n");
	/* 10 columns do not: the order of the online CPUs does */
	t = sink();
	assert_int_equal(
		procfs_softnet(span("1 0 0 0 0 0 0 0 0 7\n2 0 0 0 0 0 0 0 0 8\n"), &cpus, &t->sink),
		0);
	has(t, "softnet_stat processed cpu=2=2 machine\n");
	has(t, "softnet_stat received_rps cpu=2=8 machine\n");
	assert_null(strstr(t->text, "flow_limit"));
	t = sink();
	assert_int_equal(procfs_softnet(span("1 2\nzz\n"), &cpus, &t->sink), 2);
	assert_int_equal(t->samples, 0);
}

static void test_irqs(void **state)
{
	struct text_sink *t = sink();

	(void)state;
	assert_int_equal(
		procfs_softirqs(span("                    CPU0       CPU2       \n          HI:    "
				     "      0          1\n      NET_RX:         38         4\n"),
				&t->sink),
		0);
	has(t, "softirqs NET_RX cpu=2=4\n");
	t = sink();
	assert_int_equal(procfs_interrupts(
				 span("           CPU0       CPU1       \n"
				      " 24:          1          0  IO-APIC   5-edge      ACPI:Ged\n"
				      " 38:          0       3172 PCI-MSIX-0000:00:03.0   1-edge   "
				      "   virtio2-input.0, other\n"
				      "LOC:      35508      31610   Local timer interrupts\n"
				      "ERR:          0\n"),
				 &t->sink),
			 0);
	has(t, "interrupts 24 ACPI:Ged cpu=0=1 sparse\n");
	has(t, "interrupts 38 virtio2-input.0, other cpu=1=3172 sparse\n");
	has(t, "interrupts LOC cpu=1=31610 sparse\n");
	assert_int_equal(t->samples, 6);
	t = sink();
	assert_int_equal(procfs_interrupts(span("nonsense\n"), &t->sink), 1);
}

static void test_stat_table(void **state)
{
	struct text_sink *t = sink();

	(void)state;
	assert_int_equal(
		procfs_stat_table(
			span("entries  clashres found new invalid ignore delete chainlength insert "
			     "insert_failed drop early_drop icmp_error  expect_new\n"
			     "0000000a  00000001 00000000 00000000 00000010 00000000 00000000 "
			     "00000000 00000000 00000002 00000003 00000000 00000001  00000000\n"
			     "0000000a  00000001 00000000 00000000 00000001 00000000 00000000 "
			     "00000000 00000000 00000002 00000003 00000000 00000001  00000000\n"),
			"conntrack", false, &t->sink),
		0);
	has(t, "conntrack entries=10\n"); /* not summed */
	has(t, "conntrack clash_resolve=2\n");
	has(t, "conntrack invalid=17\n");
	has(t, "conntrack insert_failed=4\n");
	has(t, "conntrack error=2\n");
	t = sink();
	assert_int_equal(procfs_stat_table(span("entries  allocs unresolved_discards "
						"table_fulls\n00000002 00000003 00000001\n"),
					   "arp_cache", true, &t->sink),
			 1);
	has(t, "arp_cache allocs=3 machine\n");
	t = sink();
	assert_int_equal(procfs_stat_table(span("entries allocs\n"), "arp_cache", true, &t->sink),
			 0);
	assert_int_equal(t->samples, 0);
}

static void test_unescape(void **state)
{
	char out[16];
	struct span s = procfs_unescape(span("a\\011b\\134\\0"), out, sizeof(out));

	(void)state;
	assert_int_equal(s.n, 6);
	assert_memory_equal(s.p, "a\tb\\\\0", 6);
	s = procfs_unescape(span("0123456789abcdefghij"), out, sizeof(out));
	assert_int_equal(s.n, 16);
}

static void test_kmsg(void **state)
{
	struct span text =
		span("6,339,5140900,-;NET: Registered PF_INET\n SUBSYSTEM=net\n DEVICE=+eth0\n"
		     "rubbish\n4,340,5140901,c,caller=T1;a\\x0ab \\xc3\\xa4 \\x5c\n30,341,7,-;user "
		     "text\n");
	struct kmsg k;
	char out[64];
	struct span s;

	(void)state;
	assert_int_equal(procfs_kmsg(&text, &k), 1);
	assert_int_equal(k.level, 6);
	assert_int_equal(k.usec, 5140900);
	assert_true(span_is(k.text, "NET: Registered PF_INET"));
	assert_int_equal(procfs_kmsg(&text, &k), -EINVAL);
	assert_int_equal(procfs_kmsg(&text, &k), 1);
	s = procfs_kmsg_text(k.text, out, sizeof(out));
	assert_true(span_is(s, "a\nb \xc3\xa4 \\"));
	assert_int_equal(procfs_kmsg(&text, &k), 1);
	assert_int_equal(k.level, 6); /* facility 3, level 6 */
	assert_int_equal(procfs_kmsg(&text, &k), 0);
}

static uint64_t seed = 88172645463325252ULL;

static uint64_t rnd(void)
{
	/* xorshift (Marsaglia 2003) */
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

/* Whatever stands in a file, a parser ends and stays within it. */
static void test_fuzz(void **state)
{
	static const char *const seeds[] = {
		"Ip: Forwarding InDiscards\nIp: 2 7\nTcp: A B\nTcp: 1 -1\n",
		"sockets: used 123\nTCP: inuse 5 orphan 1 tw 2\n",
		"x\ny\n    lo: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n",
		"cpu0 1 2 3 4 5 6 7 8 9 10\ncpu9999 1 2\ncpu1 0 0 5 6 7 8 111 222 333\n",
		"0000000d 1 2 0 0 0 0 0 0 3 4 9 0 5 4\nffffffffffffffffff 0\n",
		"           CPU0       CPU1       \n 24:          1          0  IO-APIC   5-edge   "
		"   ACPI:Ged\nLOC: 1 2 x\n",
		"entries  allocs\n00000002 00000003\n",
		"6,339,5140900,-;NET\\x0a\n KEY=v\n",
	};
	static struct procfs_cpus cpus;
	static struct text_sink quiet;

	(void)state;
	quiet.sink.put = put_text;
	for (int i = 0; i < 20000; i++) {
		const char *from = seeds[rnd() % ARRAY_SIZE(seeds)];
		size_t n = strlen(from), cut = rnd() % 4 ? n : rnd() % (n + 1);
		char *p = malloc(cut ? cut : 1), out[32];
		struct span text = { p, cut }, rest;
		struct kmsg k;
		int rc;

		assert_non_null(p);
		memcpy(p, from, cut);
		for (size_t m = rnd() % 6; cut && m; m--)
			p[rnd() % cut] =
				(char)(rnd() % 5 ? " \n\t:0123456789abcpuCPU;,\\-"[rnd() % 25]
						 : (int)rnd());
		quiet.n = 0;
		procfs_snmp(text, "snmp", &quiet.sink);
		procfs_pairs(text, "snmp6", &quiet.sink);
		procfs_sockstat(text, &quiet.sink);
		procfs_dev(text, &quiet.sink);
		procfs_stat(text, &cpus, &quiet.sink);
		procfs_softnet(text, &cpus, &quiet.sink);
		procfs_schedstat(text, &quiet.sink);
		procfs_softirqs(text, &quiet.sink);
		procfs_interrupts(text, &quiet.sink);
		procfs_stat_table(text, "conntrack", false, &quiet.sink);
		assert_true(procfs_unescape(text, out, sizeof(out)).n <= sizeof(out));
		for (rest = text; (rc = procfs_kmsg(&rest, &k));)
			assert_true(rc < 0 ||
				    procfs_kmsg_text(k.text, out, sizeof(out)).n <= sizeof(out));
		free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_snmp),	 cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_sockstat), cmocka_unit_test(test_dev),
		cmocka_unit_test(test_stat),	 cmocka_unit_test(test_softnet),
		cmocka_unit_test(test_irqs),	 cmocka_unit_test(test_stat_table),
		cmocka_unit_test(test_unescape), cmocka_unit_test(test_kmsg),
		cmocka_unit_test(test_fuzz),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
