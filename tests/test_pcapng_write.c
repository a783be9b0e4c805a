/* SPDX-License-Identifier: MIT */
#include "../capture/pcapng_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>

/* One block, as a reader sees it. */
struct block {
	uint32_t type;
	struct rd body;
};

static struct block next_block(struct rd *r)
{
	struct block b;
	uint32_t len;
	struct rd tail;

	assert_true(r->left >= 12);
	b.type = rd_le32(r);
	len = rd_le32(r);
	assert_true(len >= 12 && len % 4 == 0);
	b.body = rd_sub(r, len - 12);
	tail = rd_sub(r, 4);
	assert_int_equal(rd_le32(&tail), len);
	assert_false(r->bad);
	return b;
}

/* The value of an option, and how long it is; fails the test when it is not there. */
static const uint8_t *option(struct rd r, uint16_t want, size_t *len)
{
	while (r.left) {
		uint16_t code = rd_le16(&r), n = rd_le16(&r);
		const uint8_t *p = rd_bytes(&r, n);

		rd_bytes(&r, (4 - n % 4) % 4);
		assert_false(r.bad);
		if (code == want) {
			*len = n;
			return p;
		}
		if (!code)
			break;
	}
	*len = SIZE_MAX;
	return NULL;
}

static void build(struct buf *b, size_t packets)
{
	struct pcapng_interface i = {
		.name = "eth0", .comment = "ifindex=2", .filter = "udp", .linktype = 1
	};
	uint64_t drops = 7;
	struct pcapng_statistics st = { .interface = 0,
					.start_ns = 5,
					.end_ns = 0x123456789abcdef0,
					.received = packets,
					.dropped = &drops,
					.comment = "why" };
	size_t k;

	assert_int_equal(pcapng_begin(b), 0);
	assert_int_equal(pcapng_interface(b, &i), 0);
	for (k = 0; k < packets; k++) {
		struct pcapng_packet p = { .flags = PCAPNG_OUT,
					   .len_bytes = 1500 + (uint32_t)k,
					   .ts_ns = 1700000000123456789ULL + k,
					   .late_stamp = k % 2 };
		uint8_t *data = pcapng_packet_room(b, 100);

		assert_non_null(data);
		memset(data, (int)k, 100);
		/* room that is not used is as if it had not been asked for */
		data = pcapng_packet_room(b, 64);
		memset(data, 0xa0 + (int)k, 64);
		pcapng_packet_put(b, &p, 20 + k);
	}
	assert_int_equal(pcapng_statistics(b, &st), 0);
	pcapng_end(b);
}

static void test_blocks(void **state)
{
	struct buf b = { 0 };
	struct block k;
	struct rd r;
	const uint8_t *v;
	size_t n, i;

	(void)state;
	build(&b, 5);
	rd_init(&r, b.data, b.len);
	k = next_block(&r);
	assert_int_equal(k.type, 0x0a0d0d0a);
	assert_int_equal(rd_le32(&k.body), 0x1a2b3c4d);
	assert_int_equal(rd_le16(&k.body), 1);
	assert_int_equal(rd_le16(&k.body), 0);
	assert_int_equal(rd_le64(&k.body), r.left);
	k = next_block(&r);
	assert_int_equal(k.type, 1);
	assert_int_equal(rd_le16(&k.body), 1);
	rd_le16(&k.body);
	assert_int_equal(rd_le32(&k.body), 0);
	v = option(k.body, 2, &n);
	assert_int_equal(n, 4);
	assert_memory_equal(v, "eth0", 4);
	v = option(k.body, 9, &n);
	assert_int_equal(n, 1);
	assert_int_equal(*v, 9);
	v = option(k.body, 11, &n);
	assert_int_equal(n, 4);
	assert_memory_equal(v, "\0udp", 4);
	v = option(k.body, 1, &n);
	assert_int_equal(n, 9);
	for (i = 0; i < 5; i++) {
		uint64_t ts;

		k = next_block(&r);
		assert_int_equal(k.type, 6);
		assert_int_equal(rd_le32(&k.body), 0);
		ts = (uint64_t)rd_le32(&k.body) << 32;
		ts |= rd_le32(&k.body);
		assert_true(ts == 1700000000123456789ULL + i);
		assert_int_equal(rd_le32(&k.body), 20 + i);
		assert_int_equal(rd_le32(&k.body), 1500 + i);
		v = rd_bytes(&k.body, 20 + i);
		assert_int_equal(v[0], 0xa0 + i);
		assert_int_equal(v[19 + i], 0xa0 + i);
		v = rd_bytes(&k.body, (4 - i % 4) % 4);
		for (n = 0; n < (4 - i % 4) % 4; n++)
			assert_int_equal(v[n], 0); /* nothing of the memory behind the cut */
		v = option(k.body, 2, &n);
		assert_int_equal(n, 4);
		assert_int_equal(v[0], PCAPNG_OUT);
		option(k.body, PCAPNG_OPT_LATE_STAMP, &n);
		assert_true(n == (i % 2 ? 0 : SIZE_MAX));
	}
	k = next_block(&r);
	assert_int_equal(k.type, 5);
	assert_int_equal(rd_le32(&k.body), 0);
	assert_int_equal(rd_le32(&k.body), 0x12345678);
	assert_int_equal(rd_le32(&k.body), 0x9abcdef0);
	v = option(k.body, 5, &n);
	assert_int_equal(n, 8);
	assert_int_equal(v[0], 7);
	v = option(k.body, 4, &n);
	assert_int_equal(v[0], 5);
	assert_int_equal(r.left, 0);
	buf_free(&b);
}

/* libpcap reads two sections, one behind the other. */
static void test_libpcap(void **state)
{
	struct buf b = { 0 }, two = { 0 };
	char text[PCAP_ERRBUF_SIZE];
	struct pcap_pkthdr *h;
	const uint8_t *data;
	int i, rc;
	FILE *f;
	pcap_t *p;

	(void)state;
	build(&b, 3);
	assert_int_equal(buf_put(&two, b.data, b.len), 0);
	assert_int_equal(buf_put(&two, b.data, b.len), 0);
	f = fmemopen(two.data, two.len, "r");
	assert_non_null(f);
	p = pcap_fopen_offline_with_tstamp_precision(f, PCAP_TSTAMP_PRECISION_NANO, text);
	assert_non_null(p);
	assert_int_equal(pcap_datalink(p), DLT_EN10MB);
	for (i = 0; (rc = pcap_next_ex(p, &h, &data)) == 1; i++) {
		assert_int_equal(h->caplen, 20 + i % 3);
		assert_int_equal(h->len, 1500 + i % 3);
		assert_int_equal(h->ts.tv_sec, 1700000000);
		assert_int_equal(h->ts.tv_usec, 123456789 + i % 3);
	}
	assert_int_equal(rc, PCAP_ERROR_BREAK); /* end of file, nothing wrong */
	assert_int_equal(i, 6);
	pcap_close(p);
	buf_free(&b);
	buf_free(&two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocks),
		cmocka_unit_test(test_libpcap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
