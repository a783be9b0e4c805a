/* SPDX-License-Identifier: MIT */
/* dissect and pcapng: crafted frames, and rubbish under the sanitizers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "../analyze/dissect.h"
#include "../analyze/pcapng.h"

static const uint8_t eth_ip4[] = {
	2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00, /* Ethernet */
	0x45, 0, 0, 0x2c, 0x12, 0x34, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, /* IPv4, 44 bytes, UDP */
	0x13, 0x88, 0, 53, 0, 24, 0, 0, /* UDP 5000 -> 53, 24 bytes */
};

static void udp_with_cut_payload(void **state)
{
	struct dissect d;

	(void)state;
	dissect_frame(&d, eth_ip4, sizeof(eth_ip4), 60, LINK_ETHERNET);
	assert_null(d.problem);
	assert_int_equal(d.l3_offset, 14);
	assert_int_equal(d.l3_bytes, 46);
	assert_int_equal(d.ethertype, 0x0800);
	assert_int_equal(d.ip.family, 4);
	assert_int_equal(d.ip.proto, 17);
	assert_int_equal(d.ip.ttl, 64);
	assert_int_equal(d.ip.ip_id, 0x1234);
	assert_int_equal(d.ip.total, 44);
	assert_true(d.ip.has_ports);
	assert_int_equal(d.ip.sport, 5000);
	assert_int_equal(d.ip.dport, 53);
	assert_int_equal(d.payload_bytes, 16); /* by the lengths in the headers: 2 bytes are padding */
	assert_int_equal(d.ip.frag, -1);
	assert_int_equal(d.outer.family, 0);
}

static void vlan_tags(void **state)
{
	uint8_t f[sizeof(eth_ip4) + 8];
	struct dissect d;

	(void)state;
	memcpy(f, eth_ip4, 12);
	memcpy(f + 12, "\x88\xa8\x20\x64\x81\x00\x00\x05", 8);
	memcpy(f + 20, eth_ip4 + 12, sizeof(eth_ip4) - 12);
	dissect_frame(&d, f, sizeof(f), 68, LINK_ETHERNET);
	assert_int_equal(d.vlans, 2);
	assert_int_equal(d.vlan_tci & 0xfff, 100);
	assert_int_equal(d.l3_offset, 22);
	assert_int_equal(d.ip.dport, 53);
}

static void cut_is_no_problem_but_short_is(void **state)
{
	struct dissect d;

	(void)state;
	dissect_frame(&d, eth_ip4, 30, 60, LINK_ETHERNET); /* captured only 30 of 60 */
	assert_null(d.problem);
	assert_int_equal(d.ip.family, 0);
	dissect_frame(&d, eth_ip4, 30, 30, LINK_ETHERNET); /* the frame has only 30 */
	assert_string_equal(d.problem, "truncated IPv4 header");
	dissect_frame(&d, eth_ip4, sizeof(eth_ip4), sizeof(eth_ip4), LINK_ETHERNET);
	assert_string_equal(d.problem, "bad IPv4 total length");
}

static void fragments(void **state)
{
	uint8_t f[sizeof(eth_ip4)];
	struct dissect d;

	(void)state;
	memcpy(f, eth_ip4, sizeof(f));
	f[20] = 0x20; /* more fragments, offset 0: ports are here */
	dissect_frame(&d, f, sizeof(f), 60, LINK_ETHERNET);
	assert_int_equal(d.ip.frag, 1);
	assert_true(d.ip.has_ports);
	f[20] = 0x00;
	f[21] = 0xb9; /* offset 185 * 8, the last one: what follows is no header */
	dissect_frame(&d, f, sizeof(f), 60, LINK_ETHERNET);
	assert_int_equal(d.ip.frag, 1480 * 2);
	assert_false(d.ip.has_ports);
	assert_int_equal(d.payload_bytes, 24);
}

static void vxlan_inner_flow(void **state)
{
	uint8_t f[14 + 20 + 8 + 8 + sizeof(eth_ip4)] = { 0 };
	struct dissect d;

	(void)state;
	memcpy(f, eth_ip4, 42);
	f[17] = (uint8_t)(sizeof(f) - 14);
	f[36] = 4789 >> 8;
	f[37] = 4789 & 255;
	f[39] = (uint8_t)(sizeof(f) - 34);
	f[42] = 8;
	f[48] = 7;
	memcpy(f + 50, eth_ip4, sizeof(eth_ip4));
	dissect_frame(&d, f, sizeof(f), sizeof(f) + 16, LINK_ETHERNET);
	assert_int_equal(d.outer.family, 4);
	assert_int_equal(d.outer.dport, 4789);
	assert_int_equal(d.ip.dport, 53);
	assert_int_equal(d.l3_offset, 14);
}

static void tcp_over_ip6_with_extension(void **state)
{
	uint8_t f[40 + 8 + 20] = { 0x60, 0, 0, 0, 0, 28, 0 /* hop-by-hop */, 63 };
	struct dissect d;

	(void)state;
	f[8] = 0xfd;
	f[24] = 0xfd;
	f[39] = 1;
	f[40] = 6;
	f[48 + 1] = 80;
	f[48 + 3] = 81;
	memcpy(f + 52, "\1\2\3\4\5\6\7\x8\x50\x12\x01\x00", 12);
	dissect_frame(&d, f, sizeof(f), sizeof(f), LINK_RAW);
	assert_null(d.problem);
	assert_int_equal(d.ip.family, 6);
	assert_int_equal(d.ip.proto, 6);
	assert_true(d.tcp);
	assert_int_equal(d.tcp_seq, 0x01020304);
	assert_int_equal(d.tcp_ack, 0x05060708);
	assert_int_equal(d.tcp_flags, 0x12);
	assert_int_equal(d.tcp_window, 256);
	assert_int_equal(d.payload_bytes, 0);
}

/* Any bytes: nothing beyond the buffer is read (the sanitizer watches), and what is claimed holds. */
static void rubbish(void **state)
{
	struct dissect d;

	(void)state;
	srand(1);
	for (int i = 0; i < 300000; i++) {
		size_t n = (size_t)rand() % 160, orig = n + (rand() % 3 ? 0 : (size_t)rand() % 3000);
		uint8_t *p = malloc(n ? n : 1);
		static const int links[] = { LINK_ETHERNET, LINK_RAW, LINK_SLL, 999 };

		for (size_t k = 0; k < n; k++)
			p[k] = (uint8_t)rand();
		if (n > 40 && i % 2) { /* a right start gets deeper */
			memcpy(p, eth_ip4, 14);
			p[14] = (uint8_t)(0x45 + rand() % 3);
			p[23] = (uint8_t[]){ 4, 6, 17, 41, 47, 1 }[rand() % 6];
		}
		dissect_frame(&d, p, n, orig, links[rand() % 4]);
		assert_true(d.l3_offset < 0 || (size_t)d.l3_offset <= n);
		assert_true(d.payload_bytes <= (int64_t)orig);
		free(p);
	}
}

static void put32(struct buf *b, uint32_t v)
{
	buf_put(b, &v, 4);
}

/* Section, interface with nanoseconds, one packet. */
static void make_section(struct buf *b)
{
	static const uint8_t name[] = { 2, 0, 4, 0, 'e', 't', 'h', '0', 9, 0, 1, 0, 9, 0, 0, 0, 1, 0, 21, 0 };

	put32(b, 0x0A0D0D0A), put32(b, 28), put32(b, 0x1A2B3C4D), put32(b, 1), put32(b, ~0U), put32(b, ~0U), put32(b, 28);
	put32(b, 1), put32(b, 16 + 20 + 24 + 4 + 4), put32(b, 1), put32(b, 0);
	buf_put(b, name, sizeof(name));
	buf_put(b, "ifindex=7 arphrd=1 xx\0\0\0", 24);
	put32(b, 0), put32(b, 16 + 20 + 24 + 4 + 4);
	put32(b, 6), put32(b, 32 + 44 + 12), put32(b, 0), put32(b, 0x18A00000), put32(b, 1234), put32(b, 42), put32(b, 60);
	buf_put(b, eth_ip4, 42);
	buf_put(b, "\0", 2);
	put32(b, 2 | 4 << 16), put32(b, 2 | 1 << 2), put32(b, 0), put32(b, 32 + 44 + 12);
}

static void pcapng_walk(void **state)
{
	struct buf b = { 0 };
	struct pcapng_packet p;
	struct pcapng g;

	(void)state;
	make_section(&b);
	make_section(&b);
	pcapng_init(&g, b.data, b.len);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pcapng_next(&g, &p), 1);
		assert_string_equal(p.iface->name, "eth0");
		assert_int_equal(p.iface->ifindex, 7);
		assert_int_equal(p.iface->arphrd, 1);
		assert_true(p.ts_ns == (int64_t)(0x18A00000ULL << 32) + 1234);
		assert_int_equal(p.direction, 1);
		assert_int_equal(p.dst_kind, 1);
		assert_int_equal(p.orig_bytes, 60);
		assert_int_equal(p.cap_bytes, 42);
		assert_memory_equal(p.data, eth_ip4, 42);
	}
	assert_int_equal(pcapng_next(&g, &p), 0);
	pcapng_free(&g);
	/* every cut and every changed byte: an end or an error, never a read beyond */
	for (size_t n = 0; n < b.len; n++) {
		uint8_t *copy = malloc(b.len);
		int rc;

		memcpy(copy, b.data, b.len);
		copy[n] ^= 0xff;
		pcapng_init(&g, copy, n % 2 ? n : b.len);
		while ((rc = pcapng_next(&g, &p)) > 0)
			assert_true(p.cap_bytes <= b.len);
		pcapng_free(&g);
		free(copy);
	}
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(udp_with_cut_payload),
		cmocka_unit_test(vlan_tags),
		cmocka_unit_test(cut_is_no_problem_but_short_is),
		cmocka_unit_test(fragments),
		cmocka_unit_test(vxlan_inner_flow),
		cmocka_unit_test(tcp_over_ip6_with_extension),
		cmocka_unit_test(rubbish),
		cmocka_unit_test(pcapng_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
