/* SPDX-License-Identifier: MIT */
/*
 * What may leave the host: each frame is built of headers and a secret behind them; what is
 * kept must be the headers, all of them, and nothing of the secret.
 */
#include "../capture/cut.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#define SECRET "PASS hunter2-hunter2-hunter2-hunter2-hunter2-hunter2-hunter2-hunter2\r\n"

/* A frame while it is built. */
struct frame {
	uint8_t b[2048];
	size_t n;
	size_t ip[8]; /* where IP headers begin, to set their lengths at the end */
	size_t ips;
};

static void put(struct frame *f, const void *data, size_t n)
{
	memcpy(f->b + f->n, data, n);
	f->n += n;
}

#define PUT(f, ...)                                                                                \
	do {                                                                                       \
		const uint8_t bytes_[] = { __VA_ARGS__ };                                          \
		put(f, bytes_, sizeof(bytes_));                                                    \
	} while (0)

static void zeros(struct frame *f, size_t n)
{
	memset(f->b + f->n, 0, n);
	f->n += n;
}

static void ether(struct frame *f, uint16_t type)
{
	PUT(f, 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, (uint8_t)(type >> 8), (uint8_t)type);
}

/* @words of options behind the 20 bytes */
static void ipv4(struct frame *f, uint8_t proto, uint16_t fragment, uint8_t words)
{
	f->ip[f->ips++] = f->n;
	PUT(f, (uint8_t)(0x45 + words), 0, 0, 0, 0, 1, (uint8_t)(fragment >> 8), (uint8_t)fragment,
	    64, proto, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2);
	zeros(f, words * 4u);
}

static void ipv6(struct frame *f, uint8_t next)
{
	f->ip[f->ips++] = f->n;
	PUT(f, 0x60, 0, 0, 0, 0, 0, next, 64);
	zeros(f, 32);
}

static void tcp(struct frame *f, uint8_t words)
{
	PUT(f, 0x30, 0x39, 0, 80, 0, 0, 0, 1, 0, 0, 0, 2, (uint8_t)((5 + words) << 4), 0x18, 1, 0,
	    0, 0, 0, 0);
	zeros(f, words * 4u);
}

static void udp(struct frame *f, uint16_t port)
{
	PUT(f, 0x30, 0x39, (uint8_t)(port >> 8), (uint8_t)port, 0, 0, 0, 0);
}

/* Lengths and header checksums of all IP headers, as if the frame ended here. */
static void seal(struct frame *f)
{
	size_t i, k;

	for (i = 0; i < f->ips; i++) {
		uint8_t *p = f->b + f->ip[i];
		size_t len = f->n - f->ip[i];
		uint32_t sum = 0;

		if (p[0] >> 4 == 6) {
			len -= 40;
			p[4] = (uint8_t)(len >> 8);
			p[5] = (uint8_t)len;
			continue;
		}
		p[2] = (uint8_t)(len >> 8);
		p[3] = (uint8_t)len;
		p[10] = p[11] = 0;
		for (k = 0; k < (p[0] & 15u) * 4; k += 2)
			sum += (uint32_t)(p[k] << 8 | p[k + 1]);
		while (sum >> 16)
			sum = (sum & 0xffff) + (sum >> 16);
		p[10] = (uint8_t)(~sum >> 8);
		p[11] = (uint8_t)~sum;
	}
}

/* Put the secret behind what there is: just that must be kept, at each captured length. */
static void expect_kept(struct frame *f, enum linktype type)
{
	size_t headers = f->n, cap;

	put(f, SECRET, sizeof(SECRET) - 1);
	seal(f);
	assert_int_equal(cut_headers(f->b, f->n, type), headers);
	for (cap = 0; cap < f->n; cap++) {
		/* a block of its own, so that reading past it is seen */
		uint8_t *copy = malloc(cap ? cap : 1);
		size_t kept;

		memcpy(copy, f->b, cap);
		kept = cut_headers(copy, cap, type);
		assert_true(kept <= cap && kept <= headers);
		if (type == LINKTYPE_ETHERNET && f->b[12] == 8 &&
		    f->b[23] == 6) /* no guess on the way */
			assert_int_equal(kept, cap < headers ? cap : headers);
		free(copy);
	}
	memset(f, 0, sizeof(*f));
}

static void test_plain(void **state)
{
	struct frame f = { 0 };
	uint8_t words;

	(void)state;
	for (words = 0; words <= 10; words++) {
		ether(&f, 0x0800);
		ipv4(&f, 6, 0x4000, 0);
		tcp(&f, words);
		expect_kept(&f, LINKTYPE_ETHERNET);

		ether(&f, 0x0800);
		ipv4(&f, 6, 0, words);
		tcp(&f, 3);
		expect_kept(&f, LINKTYPE_ETHERNET);

		ether(&f, 0x86dd);
		ipv6(&f, 6);
		tcp(&f, words);
		expect_kept(&f, LINKTYPE_ETHERNET);
	}
	ether(&f, 0x0800);
	ipv4(&f, 17, 0, 0);
	udp(&f, 53);
	expect_kept(&f, LINKTYPE_ETHERNET);

	ipv4(&f, 17, 0, 0);
	udp(&f, 53);
	expect_kept(&f, LINKTYPE_RAW);

	ipv6(&f, 17);
	udp(&f, 53);
	expect_kept(&f, LINKTYPE_RAW);

	ether(&f, 0x0800);
	ipv4(&f, 132, 0, 0);
	zeros(&f, 12);
	expect_kept(&f, LINKTYPE_ETHERNET);

	ether(&f, 0x0800);
	ipv4(&f, 33, 0, 0); /* DCCP, 16 bytes */
	PUT(&f, 1, 2, 3, 4, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
	expect_kept(&f, LINKTYPE_ETHERNET);

	ether(&f, 0x0800);
	ipv4(&f, 50, 0, 0);
	zeros(&f, 8);
	expect_kept(&f, LINKTYPE_ETHERNET);

	ether(&f, 0x0800);
	ipv4(&f, 51, 0, 0); /* AH, then TCP */
	PUT(&f, 6, 4, 0, 0);
	zeros(&f, 20);
	tcp(&f, 0);
	expect_kept(&f, LINKTYPE_ETHERNET);

	ether(&f, 0x0800);
	ipv4(&f, 89, 0, 0); /* OSPF: a password begins at byte 16 */
	zeros(&f, 16);
	expect_kept(&f, LINKTYPE_ETHERNET);
}

static void test_unknown(void **state)
{
	struct frame f = { 0 };

	(void)state;
	ether(&f, 0x88b5);
	expect_kept(&f, LINKTYPE_ETHERNET);
	ether(&f, 0x0800);
	ipv4(&f, 253, 0, 0);
	expect_kept(&f, LINKTYPE_ETHERNET);
	ether(&f, 0x0800); /* IPv4 by its type, by nothing else: the secret stands in its place */
	expect_kept(&f, LINKTYPE_ETHERNET);
	ether(&f, 0x86dd);
	ipv6(&f, 59);
	expect_kept(&f, LINKTYPE_ETHERNET);
	expect_kept(&f, LINKTYPE_RAW);
	ether(&f, 0x8902);
	expect_kept(&f, LINKTYPE_ETHERNET);
	PUT(&f, 0, 4, 0x03, 0x38, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16); /* netlink monitor */
	expect_kept(&f, LINKTYPE_LINUX_SLL);
}

static void test_link(void **state)
{
	struct frame f = { 0 };

	(void)state;
	ether(&f, 0x8100);
	PUT(&f, 0, 5, 0x08, 0x00);
	ipv4(&f, 17, 0, 0);
	udp(&f, 53);
	expect_kept(&f, LINKTYPE_ETHERNET);

	ether(&f, 0x88a8); /* QinQ */
	PUT(&f, 0, 5, 0x81, 0x00, 0, 6, 0x86, 0xdd);
	ipv6(&f, 6);
	tcp(&f, 2);
	expect_kept(&f, LINKTYPE_ETHERNET);

	ether(&f, 0x0806); /* ARP, then padding that may hold anything */
	PUT(&f, 0, 1, 8, 0, 6, 4, 0, 1);
	zeros(&f, 20);
	expect_kept(&f, LINKTYPE_ETHERNET);

	ether(&f, 0x8847); /* MPLS, two labels */
	PUT(&f, 0, 1, 0, 64, 0, 2, 1, 64);
	ipv4(&f, 6, 0, 0);
	tcp(&f, 0);
	expect_kept(&f, LINKTYPE_ETHERNET);

	ether(&f, 0x8847); /* text below it whose first bits look like IPv4 */
	PUT(&f, 0, 2, 1, 64);
	put(&f, "EHLO mail.example.org\r\nAUTH PLAIN AGh1bnRlcjI=\r\n", 46);
	assert_int_equal(cut_headers(f.b, f.n, LINKTYPE_ETHERNET), 18);
	memset(&f, 0, sizeof(f));

	ether(&f, 0x8864); /* PPPoE session */
	PUT(&f, 0x11, 0, 0, 1, 0x02, 0, 0, 0x21);
	ipv4(&f, 17, 0, 0);
	udp(&f, 53);
	expect_kept(&f, LINKTYPE_ETHERNET);

	ether(&f, 0x0060); /* 802.3: SNAP */
	PUT(&f, 0xaa, 0xaa, 0x03, 0, 0, 0, 0x08, 0);
	ipv4(&f, 17, 0, 0);
	udp(&f, 53);
	expect_kept(&f, LINKTYPE_ETHERNET);

	ether(&f, 0x0060); /* 802.3: any LLC */
	PUT(&f, 0xfe, 0xfe, 0x03);
	expect_kept(&f, LINKTYPE_ETHERNET);

	ether(&f, 0x0026); /* a BPDU and padding */
	PUT(&f, 0x42, 0x42, 0x03);
	zeros(&f, 35);
	expect_kept(&f, LINKTYPE_ETHERNET);

	PUT(&f, 0, 0, 0, 32, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 0x08,
	    0x06); /* cooked ARP of InfiniBand */
	PUT(&f, 0, 32, 8, 0, 20, 4, 0, 1);
	zeros(&f, 48);
	expect_kept(&f, LINKTYPE_LINUX_SLL);
}

static void test_fragments(void **state)
{
	struct frame f = { 0 };

	(void)state;
	ether(&f, 0x0800);
	ipv4(&f, 17, 0x2000, 0); /* the first one */
	udp(&f, 53);
	expect_kept(&f, LINKTYPE_ETHERNET);
	ether(&f, 0x0800);
	ipv4(&f, 17, 0x00b9, 0);
	expect_kept(&f, LINKTYPE_ETHERNET);
	ether(&f, 0x86dd);
	ipv6(&f, 44);
	PUT(&f, 17, 0, 0, 1, 0, 0, 0, 1);
	udp(&f, 53);
	expect_kept(&f, LINKTYPE_ETHERNET);
	ether(&f, 0x86dd);
	ipv6(&f, 44);
	PUT(&f, 17, 0, 5, 0xc8, 0, 0, 0, 1);
	expect_kept(&f, LINKTYPE_ETHERNET);
}

static void test_extensions(void **state)
{
	struct frame f = { 0 };

	(void)state;
	ether(&f, 0x86dd);
	ipv6(&f, 0);
	PUT(&f, 43, 0, 5, 2, 0, 0, 1, 0);
	PUT(&f, 60, 2, 4, 0);
	zeros(&f, 20);
	PUT(&f, 6, 0, 1, 4, 0, 0, 0, 0);
	tcp(&f, 5);
	expect_kept(&f, LINKTYPE_ETHERNET);
}

static void test_icmp(void **state)
{
	static const uint8_t errors[] = { 3, 4, 5, 11, 12 };
	struct frame f = { 0 };
	size_t i;

	(void)state;
	ether(&f, 0x0800);
	ipv4(&f, 1, 0, 0); /* echo: what follows is the sender's */
	PUT(&f, 8, 0, 0, 0, 0, 1, 0, 1);
	expect_kept(&f, LINKTYPE_ETHERNET);
	for (i = 0; i < sizeof(errors); i++) {
		ether(&f, 0x0800);
		ipv4(&f, 1, 0, 0);
		PUT(&f, errors[i], 0, 0, 0, 0, 0, 0, 0);
		ipv4(&f, 17, 0, 0);
		udp(&f, 4789); /* no tunnel is followed in here */
		expect_kept(&f, LINKTYPE_ETHERNET);
	}
	ether(&f, 0x0800);
	ipv4(&f, 1, 0, 0); /* an error about an echo */
	PUT(&f, 3, 1, 0, 0, 0, 0, 0, 0);
	ipv4(&f, 1, 0, 0);
	PUT(&f, 8, 0, 0, 0, 0, 1, 0, 1);
	expect_kept(&f, LINKTYPE_ETHERNET);
	ether(&f, 0x86dd);
	ipv6(&f, 58);
	PUT(&f, 2, 0, 0, 0, 0, 0, 5, 0);
	ipv6(&f, 6);
	tcp(&f, 0);
	expect_kept(&f, LINKTYPE_ETHERNET);
	ether(&f, 0x86dd);
	ipv6(&f, 58); /* neighbour solicitation with its target */
	PUT(&f, 135, 0, 0, 0, 0, 0, 0, 0);
	zeros(&f, 16);
	expect_kept(&f, LINKTYPE_ETHERNET);
	ether(&f, 0x0800);
	ipv4(&f, 2, 0, 6); /* IGMP */
	zeros(&f, 8);
	expect_kept(&f, LINKTYPE_ETHERNET);
}

static void test_tunnels(void **state)
{
	static const uint16_t ports[] = { 4789, 8472 };
	struct frame f = { 0 };
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		ether(&f, 0x0800);
		ipv4(&f, 17, 0, 0);
		udp(&f, ports[i]);
		PUT(&f, 8, 0, 0, 0, 0, 0, 42, 0);
		ether(&f, 0x0800);
		ipv4(&f, 6, 0, 0);
		tcp(&f, 3);
		expect_kept(&f, LINKTYPE_ETHERNET);

		ether(&f, 0x0800); /* something else on that port */
		ipv4(&f, 17, 0, 0);
		udp(&f, ports[i]);
		expect_kept(&f, LINKTYPE_ETHERNET);
	}
	ether(&f, 0x0800);
	ipv4(&f, 17, 0, 0);
	udp(&f, 6081);
	PUT(&f, 2, 0, 0x65, 0x58, 0, 0, 42, 0);
	zeros(&f, 8);
	ether(&f, 0x86dd);
	ipv6(&f, 17);
	udp(&f, 53);
	expect_kept(&f, LINKTYPE_ETHERNET);
	ether(&f, 0x0800);
	ipv4(&f, 17, 0, 0);
	udp(&f, 6081);
	expect_kept(&f, LINKTYPE_ETHERNET);

	ether(&f, 0x0800);
	ipv4(&f, 47, 0, 0); /* GRE with key and sequence */
	PUT(&f, 0x30, 0, 0x08, 0, 0, 0, 0, 1, 0, 0, 0, 2);
	ipv4(&f, 6, 0, 0);
	tcp(&f, 0);
	expect_kept(&f, LINKTYPE_ETHERNET);
	ether(&f, 0x0800);
	ipv4(&f, 47, 0, 0); /* Ethernet in GRE */
	PUT(&f, 0, 0, 0x65, 0x58);
	ether(&f, 0x0800);
	ipv4(&f, 17, 0, 0);
	udp(&f, 53);
	expect_kept(&f, LINKTYPE_ETHERNET);
	ether(&f, 0x0800);
	ipv4(&f, 47, 0, 0); /* PPTP */
	PUT(&f, 0x30, 0x81, 0x88, 0x0b, 0, 9, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3);
	expect_kept(&f, LINKTYPE_ETHERNET);

	ether(&f, 0x0800); /* IPIP, 6in4 in it */
	ipv4(&f, 4, 0, 0);
	ipv4(&f, 41, 0, 0);
	ipv6(&f, 6);
	tcp(&f, 0);
	expect_kept(&f, LINKTYPE_ETHERNET);
}

/* Lengths in headers end earlier than the frame: what is behind is padding or worse. */
static void test_lengths(void **state)
{
	struct frame f = { 0 };

	(void)state;
	ether(&f, 0x0800);
	ipv4(&f, 6, 0, 0);
	tcp(&f, 0);
	seal(&f);
	f.b[14 + 20 + 12] = 0xf0; /* TCP claims 60 bytes of header, IP has 40 in all */
	put(&f, SECRET, sizeof(SECRET) - 1);
	assert_int_equal(cut_headers(f.b, f.n, LINKTYPE_ETHERNET), 14 + 40);
	memset(&f, 0, sizeof(f));

	ether(&f, 0x86dd);
	ipv6(&f, 60);
	PUT(&f, 6, 0, 1, 4, 0, 0, 0, 0);
	seal(&f);
	f.b[14 + 40 + 1] = 200; /* destination options far beyond the packet */
	put(&f, SECRET, sizeof(SECRET) - 1);
	assert_int_equal(cut_headers(f.b, f.n, LINKTYPE_ETHERNET), 14 + 48);
}

/* Any bytes: no crash, no endless loop, never more than there is. */
static void test_random(void **state)
{
	static const enum linktype types[] = { LINKTYPE_ETHERNET, LINKTYPE_RAW,
					       LINKTYPE_LINUX_SLL };
	static const uint8_t common[] = { 0x45, 0x60, 0x08, 0x00, 0x81, 0x86, 0xdd, 0x88,
					  0x47, 0x64, 0x65, 0x58, 6,	17,   41,   4,
					  44,	43,   47,   58,	  1,	0x12 };
	uint64_t x = 88172645463325252ULL;
	size_t round, i;

	(void)state;
	for (round = 0; round < 300000; round++) {
		size_t n = round % 300, kept;
		uint8_t *p = malloc(n ? n : 1);

		for (i = 0; i < n; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			p[i] = (x >> 40) % 4 ? common[(x >> 20) % sizeof(common)] : (uint8_t)x;
		}
		if (n > 14 && round % 2) {
			p[12] = 0x08;
			p[13] = 0x00;
			p[14] = 0x45;
		}
		kept = cut_headers(p, n, types[round % 3]);
		assert_true(kept <= n);
		free(p);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),	   cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_link),	   cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_extensions), cmocka_unit_test(test_icmp),
		cmocka_unit_test(test_tunnels),	   cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
