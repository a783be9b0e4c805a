/* SPDX-License-Identifier: MIT */
#include "../analyze/life.h"
#include "../analyze/ties.h"
#include "lives_fake.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { UNIQUE = 1, ORDERED, AMBIGUOUS };

static struct db *db;
static struct frames *frames;
static struct ties *ties;
static const struct ties_gap gap = { FAKE_EPOCH + 50000000, FAKE_EPOCH + 50001000 };
static const struct ties_seen seen = { FAKE_EPOCH - 2000000, FAKE_EPOCH + 100000000000, &gap, 1 };

static int setup(void **state)
{
	(void)state;
	assert_int_equal(db_create(&db, NULL, NULL), 0);
	frames = fake_frames();
	ties = NULL;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	ties_close(ties);
	db_close(db);
	fake_reset();
	return 0;
}

static void begin(void)
{
	assert_int_equal(ties_open(&ties, db, frames, NULL), 0);
}

static int64_t event(const char *dev, int direction, int64_t packet, int64_t lo, int64_t hi,
		     int64_t ts, uint32_t len, int cpu)
{
	int64_t i = ties_add(ties, ties_group(ties, dev, direction),
			     &(struct tie_event){ packet, FAKE_EPOCH + ts, FAKE_EPOCH + lo,
						  FAKE_EPOCH + hi, len, cpu });

	assert_true(i >= 0);
	return i;
}

static void expect(const struct frame_ref *r, int64_t packet, int kind)
{
	if (r->packet_id != packet || r->tie != kind)
		fail_msg("frame %u: packet %d tie %d, expected %d and %d", r->no, (int)r->packet_id,
			 r->tie, (int)packet, kind);
}

static void test_out(void **state)
{
	struct frame_ref *a, *b, *c, *d, *e;
	sqlite3_stmt *st;

	(void)state;
	a = fake_frame(frames, 1, "eth0", 1, 1500, 100);
	b = fake_frame(frames, 1, "eth0", 1, 3500, 200);
	c = fake_frame(frames, 1, "eth0", 1, 3600, 100);     /* another length */
	e = fake_frame(frames, 1, "eth0", 1, 11500, 104);    /* tagged: the skb's data has no tag */
	d = fake_frame(frames, 1, "eth0", 1, 49990000, 100); /* no event: it would follow soon */
	e->vlan_tci = 5;
	begin();
	assert_int_equal(ties_group(ties, "eth0", 0), -1);
	assert_int_equal(ties_group(ties, "eth1", 1), -1);
	event("eth0", 1, 10, 1000, 2000, 2100, 100, 0);
	event("eth0", 1, 11, 3000, 4000, 4000, 200, 0);
	event("eth0", 1, 12, 5000, 6000, 6000, 100, 0); /* not captured */
	event("eth0", 1, 13, 11000, 12000, 12000, 100, 0);
	assert_int_equal(ties_match(ties, &seen), 0);
	expect(a, 10, UNIQUE);
	expect(b, 11, UNIQUE);
	expect(c, 0, 0);
	expect(d, 0, 0);
	expect(e, 13, UNIQUE);
	assert_int_equal(
		sqlite3_prepare_v2(db_handle(db),
				   "SELECT group_concat(count || ' ' || note, ';') FROM quality",
				   -1, &st, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(st, 0),
			    "2 of 5 captured frames, 2 are tied to no packet: 1 while events were "
			    "lost, 1 with no event of their length at their time;1 of 4 times that "
			    "a packet passed a capture, 1 gave no frame: 1 for no reason that is "
			    "known");
	sqlite3_finalize(st);
}

/* Stamped on entry, or by the packet socket: by class of protocol, and it may change. */
static void test_hypotheses(void **state)
{
	struct frame_ref *f[40];
	size_t n;

	(void)state;
	for (int i = 0; i < 40; i++) {
		int64_t t = 1000000 + i * 500000000LL; /* 20 s */
		bool tcp = i & 1, late = tcp || i >= 20;

		f[i] = fake_frame(frames, 1, "eth0", 0, (uint64_t)(t + (late ? 2500 : 500)), 114);
		f[i]->ip_proto = tcp ? 6 : 17;
	}
	begin();
	for (int i = 0; i < 40; i++) {
		int64_t t = 1000000 + i * 500000000LL;
		int64_t e = event("eth0", 0, i + 1, t, t + 1000, t + 2000, 100, 0);

		ties_bound(ties, ties_group(ties, "eth0", 0), e, FAKE_EPOCH + t + 4000);
		/* one of the same length just after it: only the bound keeps them apart */
		event("eth0", 0, 1000 + i, t + 5000, t + 6000, t + 7000, 100, 0);
	}
	assert_int_equal(ties_match(ties, &seen), 0);
	for (int i = 0; i < 40; i++)
		expect(f[i], i + 1, UNIQUE);
	ties_list(ties, &n);
	assert_int_equal(n, 40);
}

/* Frames that say whether they were stamped late need no vote, and an interrupt may come between.
 */
static void test_told(void **state)
{
	struct frame_ref *f[4];

	(void)state;
	for (int i = 0; i < 3; i++)
		f[i] = fake_frame(frames, 1, "eth0", 0, (uint64_t)(1000000 + i * 100000 + 500),
				  114);
	f[3] = fake_frame(frames, 1, "eth0", 0, 1300000 + 52000, 114);
	f[3]->late_stamp = true;
	begin();
	for (int i = 0; i < 4; i++) {
		int64_t t = 1000000 + i * 100000;
		int64_t e = event("eth0", 0, i + 1, t, t + 1000, t + 2000, 100, 0);

		ties_bound(ties, ties_group(ties, "eth0", 0), e,
			   FAKE_EPOCH + t + (i == 3 ? 60000 : 4000));
	}
	assert_int_equal(ties_match(ties, &seen), 0);
	for (int i = 0; i < 4; i++)
		expect(f[i], i + 1, UNIQUE);
}

/* Same length, same CPU, all brackets alike: their order tells. */
static void test_order(void **state)
{
	struct frame_ref *f[64];

	(void)state;
	for (int i = 0; i < 64; i++)
		f[i] = fake_frame(frames, 1, "eth0", 0, 10000, 1514);
	begin();
	for (int i = 0; i < 64; i++)
		event("eth0", 0, i + 1, 9000, 11000, 12000 + i * 100, 1500, 0);
	assert_int_equal(ties_match(ties, &seen), 0);
	for (int i = 0; i < 64; i++)
		expect(f[i], i + 1, ORDERED);
}

/* A frame that was not captured: which one is not known, the order still holds. */
static void test_order_lossy(void **state)
{
	struct frame_ref *f[10];

	(void)state;
	for (int i = 0; i < 10; i++)
		f[i] = fake_frame(frames, 1, "eth0", 0, 10000, 1514);
	begin();
	for (int i = 0; i < 11; i++)
		event("eth0", 0, i + 1, 9000, 11000, 12000 + i * 100, 1500, 0);
	assert_int_equal(ties_match(ties, &seen), 0);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(f[i]->tie, AMBIGUOUS);
		assert_true(!i || f[i]->packet_id > f[i - 1]->packet_id);
	}
}

/* One clear frame narrows its neighbours down. */
static void test_narrow(void **state)
{
	struct frame_ref *a, *b, *c;

	(void)state;
	a = fake_frame(frames, 1, "eth0", 1, 1500, 100);
	b = fake_frame(frames, 1, "eth0", 1, 2500, 100);
	c = fake_frame(frames, 1, "eth0", 1, 3500, 100);
	begin();
	event("eth0", 1, 1, 1000, 2600, 2600, 100, 0);
	event("eth0", 1, 2, 2400, 3600, 3600, 100, 0);
	event("eth0", 1, 3, 3400, 4000, 4000, 100, 0);
	assert_int_equal(ties_match(ties, &seen), 0);
	expect(a, 1, ORDERED);
	expect(b, 2, ORDERED);
	expect(c, 3, UNIQUE);
}

/* Two CPUs at once: in the order of the ring, but not sure. */
static void test_cpus(void **state)
{
	struct frame_ref *a, *b;

	(void)state;
	a = fake_frame(frames, 1, "eth0", 1, 1500, 100);
	b = fake_frame(frames, 1, "eth0", 1, 1600, 100);
	begin();
	event("eth0", 1, 1, 1000, 2000, 2000, 100, 0);
	event("eth0", 1, 2, 1000, 2100, 2100, 100, 1);
	assert_int_equal(ties_match(ties, &seen), 0);
	expect(a, 1, AMBIGUOUS);
	expect(b, 2, AMBIGUOUS);
}

/* Two namespaces with a device of that name. */
static void test_names(void **state)
{
	struct frame_ref *a, *b, *c, *d;
	const struct tie *t;
	size_t n;

	(void)state;
	a = fake_frame(frames, 1, "eth0", 1, 1500, 100);
	b = fake_frame(frames, 2, "eth0", 1, 5500, 100);
	c = fake_frame(frames, 1, "eth0", 1, 9500, 100);
	d = fake_frame(frames, 2, "eth0", 1, 9600, 100);
	begin();
	event("eth0", 1, 1, 1000, 2000, 2000, 100, 0);
	event("eth0", 1, 2, 5000, 6000, 6000, 100, 0);
	event("eth0", 1, 3, 9000, 10000, 10000, 100, 0);
	event("eth0", 1, 4, 9100, 10100, 10100, 100, 0);
	assert_int_equal(ties_match(ties, &seen), 0);
	expect(a, 1, UNIQUE);
	expect(b, 2, UNIQUE);
	assert_int_equal(c->tie, AMBIGUOUS);
	assert_int_equal(d->tie, AMBIGUOUS);
	t = ties_list(ties, &n);
	assert_int_equal(n, 4);
	assert_int_equal(t[0].netns_id, 1);
	assert_int_equal(t[1].netns_id, 2);
}

/* The clocks agree within some error: brackets grow by it; with a large one nothing is tied. */
static void test_clock_error(void **state)
{
	struct frame_ref *a;

	(void)state;
	a = fake_frame(frames, 1, "eth0", 1, 900, 100);
	fake_clocks_error(200);
	begin();
	event("eth0", 1, 1, 1000, 2000, 2000, 100, 0);
	assert_int_equal(ties_match(ties, &seen), 0);
	expect(a, 1, UNIQUE);
	ties_close(ties);
	fake_clocks_error(INT64_MAX);
	begin();
	assert_int_equal(ties_group(ties, "eth0", 1), -1);
	assert_int_equal(ties_match(ties, &seen), 0);
}

static void exec(const char *sql)
{
	struct err e = { "" };

	if (db_exec(db, sql, &e))
		fail_msg("%s", e.text);
}

static void test_apply(void **state)
{
	struct packet_row p = { .id = 7 }, other = { .id = 5 }, last = { .id = 9 };

	(void)state;
	fake_frame(frames, 1, "va0", 1, 1500, 100);
	fake_frame(frames, 2, "vb0", 0, 3500, 100);
	begin();
	event("va0", 1, 7, 1000, 2000, 2000, 100, 0);
	event("vb0", 0, 7, 3000, 4000, 4000, 86, 0);
	p.dev_in_id = (int32_t)db_name_text(db, "vb0");
	p.dev_out_id = (int32_t)db_name_text(db, "va0");
	assert_int_equal(ties_match(ties, &seen), 0);
	ties_apply(ties, &other);
	ties_apply(ties, &p);
	ties_apply(ties, &last);
	assert_int_equal(p.flow_id, 1);
	assert_int_equal(p.netns_in_id, 2);
	assert_int_equal(p.netns_out_id, 1);
	assert_int_equal(other.flow_id + other.netns_in_id + last.flow_id + last.netns_out_id, 0);
}

/*
 * Many packets on two CPUs, some not captured, some without an event and nothing
 * told of it, stamps out of order as the ring gives them: what is called ordered is
 * right, and unique can be wrong only where nothing shows it: the frame's own
 * event is missing, and so is the frame of the event that it has.
 */
static void truth_round(unsigned int seed, size_t *sure, size_t *all, size_t *undecidable)
{
	enum { N = 4000 };
	static struct frame_ref *f[N];
	static int64_t truth[N + 1], when[N];
	static bool captured[N + 1], told[N + 1];
	static int cpu[N];
	int64_t t = 1000000;
	size_t n = 0;

	/* what happens: packet i is sent at when[i] on cpu[i] */
	for (int i = 0; i < N; i++) {
		t += 200 + rand_r(&seed) % 3000;
		when[i] = t;
		cpu[i] = rand_r(&seed) % 2;
	}
	for (int i = 0; i < N; i++) {
		captured[i + 1] = rand_r(&seed) % 50 != 0;
		if (!captured[i + 1])
			continue;
		truth[n] = i + 1;
		f[n++] = fake_frame(frames, 1, "eth0", 1,
				    (uint64_t)(when[i] - 500 - rand_r(&seed) % 900), 1514);
	}
	begin();
	for (int i = 0; i < N; i++) {
		told[i + 1] = rand_r(&seed) % 100 != 0;
		if (told[i + 1])
			event("eth0", 1, i + 1, when[i] - 1500, when[i] - 300, when[i], 1514,
			      cpu[i]);
	}
	assert_int_equal(ties_match(ties, &seen), 0);
	for (size_t i = 0; i < n; i++) {
		const struct frame_ref *r = f[i];

		*sure += r->tie == UNIQUE || r->tie == ORDERED;
		if ((r->tie != UNIQUE && r->tie != ORDERED) || r->packet_id == truth[i])
			continue;
		if (r->tie != UNIQUE || told[truth[i]] || captured[r->packet_id])
			fail_msg("frame of %d is said to be of %d, tie %d", (int)truth[i],
				 (int)r->packet_id, r->tie);
		++*undecidable;
	}
	*all += n;
}

static void test_truth(void **state)
{
	size_t sure = 0, all = 0, undecidable = 0;

	for (unsigned int seed = 1; seed <= 20; seed++) {
		teardown(state);
		setup(state);
		truth_round(seed, &sure, &all, &undecidable);
	}
	print_message("%zu frames, %zu sure, %zu wrong where nothing shows it\n", all, sure,
		      undecidable);
	assert_true(sure > all / 3);
}

/* What a VLAN device receives has no event of its own, and so has what lies above that; the tag is
 * beside the data or in it. */
static void test_upper(void **state)
{
	struct frame_ref *low[3], *up[3], *top, *other;

	(void)state;
	exec("INSERT INTO netns(id, inum, name, names, seen) VALUES(1, 1, 'a', 'a', 1), (2, 2, "
	     "'b', 'b', 1)");
	exec("INSERT INTO netdev(id, netns_id, netns, ifindex, name, kind, link_ifindex, "
	     "master_ifindex) VALUES(1, 1, 'a', 2, 'eth0', NULL, NULL, 5), (2, 1, 'a', 3, "
	     "'bond0.100', 'vlan', 5, NULL), (3, 1, 'a', 5, 'bond0', 'bond', NULL, NULL), "
	     "(4, 2, 'b', 9, 'mv', 'macvlan', 3, NULL), (5, 1, 'a', 7, 'br0', 'bridge', NULL, "
	     "NULL)");
	for (int i = 0; i < 3; i++) {
		uint64_t t = 1000000 + (uint64_t)i * 100000;

		low[i] = fake_frame(frames, 1, "eth0", 0, t, 118);
		low[i]->l3_bytes = 100;
		low[i]->vlan_tci = 100;
		up[i] = fake_frame(frames, 1, "bond0.100", 0, t + (i == 2 ? 3000 : 0), 114);
		up[i]->late_stamp = i == 2;
	}
	low[2]->ts_ns += 2500;
	low[2]->late_stamp = true;
	top = fake_frame(frames, 2, "mv", 0, 1000000, 114);    /* below it: VLAN, bond, eth0 */
	other = fake_frame(frames, 1, "br0", 0, 1000000, 114); /* a bridge has its own events */
	begin();
	for (int i = 0; i < 3; i++) {
		int64_t t = 1000000 + i * 100000;
		int64_t e =
			event("eth0", 0, i + 1, t - 500, t + 500, t + 2000, i == 1 ? 104 : 100, 0);

		ties_bound(ties, ties_group(ties, "eth0", 0), e, FAKE_EPOCH + t + 4000);
	}
	event("eth0", 0, 9, 1400000, 1401000, 1402000, 100, 0); /* not of the VLAN */
	assert_int_equal(ties_match(ties, &seen), 0);
	for (int i = 0; i < 3; i++) {
		expect(low[i], i + 1, UNIQUE);
		expect(up[i], i + 1, UNIQUE);
	}
	expect(top, 1, UNIQUE);
	expect(other, 0, 0);
	assert_int_equal(other->untied, WHY_DEVICE_SILENT);
}

/* Packets pass two taps. Two at once at the first one, on two CPUs; the second one tells which is
 * which by what they carry, unless what is carried changes between the taps. */
static void carry(bool translated)
{
	struct frame_ref *f[2];
	int64_t t = 1000000;

	for (uint32_t i = 0; i < 100; i++) {
		fake_frame(frames, 1, "va", 1, (uint64_t)t + i * 10000, 114)->key = 1000 + i;
		fake_frame(frames, 2, "vb", 0, (uint64_t)t + i * 10000 + 3000, 114)->key =
			translated ? 5000 + i : 1000 + i;
	}
	t += 2000000;
	for (uint32_t i = 0; i < 2; i++) {
		f[i] = fake_frame(frames, 1, "va", 1, (uint64_t)t + i, 114);
		f[i]->key = 2000 + i;
		fake_frame(frames, 2, "vb", 0, (uint64_t)t + 10000 + i * 10000, 114)->key =
			2001 - i;
	}
	begin();
	for (int i = 0; i < 100; i++) {
		event("va", 1, i + 1, t - 2000000 + i * 10000 - 500, t - 2000000 + i * 10000 + 500,
		      t - 2000000 + i * 10000 + 600, 114, 0);
		event("vb", 0, i + 1, t - 2000000 + i * 10000 + 2500,
		      t - 2000000 + i * 10000 + 3500, t - 2000000 + i * 10000 + 3600, 100, 0);
	}
	event("va", 1, 201, t - 500, t + 500, t + 600, 114, 0);
	event("va", 1, 202, t - 500, t + 500, t + 610, 114, 1);
	for (int i = 0; i < 2; i++)
		event("vb", 0, 201 + i, t + i * 10000 + 9500, t + i * 10000 + 10500,
		      t + i * 10000 + 10600, 100, i);
	assert_int_equal(ties_match(ties, &seen), 0);
	if (translated) {
		assert_int_equal(f[0]->tie, AMBIGUOUS);
		assert_int_equal(f[1]->tie, AMBIGUOUS);
		return;
	}
	expect(f[0], 202, ORDERED);
	expect(f[1], 201, ORDERED);
}

static void test_carry(void **state)
{
	(void)state;
	carry(false);
}

static void test_translated(void **state)
{
	(void)state;
	carry(true);
}

/* One tie among many contradicts the other frame of its packet: both are put in doubt. */
static void test_contradiction(void **state)
{
	struct frame_ref *out[1000], *in[1000];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		uint64_t t = 1000000 + (uint64_t)i * 10000;

		out[i] = fake_frame(frames, 1, "va", 1, t, 114);
		in[i] = fake_frame(frames, 2, "vb", 0, t + 3000, 114);
		out[i]->key = in[i]->key = 1000 + (uint32_t)i;
	}
	in[500]->key = 77;
	begin();
	for (int i = 0; i < 1000; i++) {
		int64_t t = 1000000 + i * 10000;

		event("va", 1, i + 1, t - 500, t + 500, t + 600, 114, 0);
		event("vb", 0, i + 1, t + 2500, t + 3500, t + 3600, 100, 0);
	}
	assert_int_equal(ties_match(ties, &seen), 0);
	for (int i = 0; i < 1000; i++) {
		expect(out[i], i + 1, i == 500 ? AMBIGUOUS : UNIQUE);
		expect(in[i], i + 1, i == 500 ? AMBIGUOUS : UNIQUE);
	}
}

static void expect_gaps(const char *want)
{
	sqlite3_stmt *st;

	assert_int_equal(
		sqlite3_prepare_v2(
			db_handle(db),
			"SELECT group_concat(x, '; ') FROM (SELECT coalesce(netns || ' ', "
			"'') || dev || ' ' || direction || ' ' || what || ' ' || reason || ' ' "
			"|| count AS x FROM tie_gap ORDER BY x)",
			-1, &st, NULL),
		SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	assert_string_equal((const char *)sqlite3_column_text(st, 0), want);
	sqlite3_finalize(st);
}

static void test_reasons(void **state)
{
	struct frame_ref *first, *last, *short_one, *busy[2];

	(void)state;
	exec("INSERT INTO netns(id, inum, name, names, seen) VALUES(1, 1, 'a', 'a', 1)");
	exec("INSERT INTO netdev(id, netns_id, netns, ifindex, name, kind, xdp) VALUES(1, 1, 'a', "
	     "3, "
	     "'v5', 'vlan', NULL), (2, 1, 'a', 2, 'eth0', NULL, 2)");
	first = fake_frame(frames, 1, "eth0", 1, 0, 100);
	first->ts_ns = seen.first_ns;
	busy[0] = fake_frame(frames, 1, "eth0", 1, 1000000, 100);
	busy[1] = fake_frame(frames, 1, "eth0", 1, 1000100, 100);
	fake_frame(frames, 1, "eth0", 1, 3000000, 100);
	fake_frame(frames, 1, "eth0", 1, 50000500, 100);
	last = fake_frame(frames, 1, "eth0", 1, 0, 100);
	last->ts_ns = seen.last_ns + 1;
	fake_frame(frames, 1, "eth1", 1, 3000000, 100);
	fake_frame(frames, 1, "v5", 0, 3000000, 100);
	fake_frame(frames, 1, "eth0", 0, 2000000, 100);
	short_one = fake_frame(frames, 1, "eth0", 0, 3000000, 14);
	short_one->l3_bytes = 0;
	fake_frames_loss(7000000, 8000000);
	begin();
	event("eth0", 0, 4, 2000000, 2001000, 2001000, 86, 0);
	event("eth0", 0, 5, 6000000, 6001000, 6001000, 86, 0);
	event("eth0", 1, 1, 999000, 1001000, 1001000, 100, 0);
	event("eth0", 1, 2, 6000000, 6001000, 6001000, 100, 0);
	event("eth0", 1, 3, 7000000, 7001000, 7001000, 100, 0);
	assert_int_equal(ties_bare(ties, db_name_text(db, "eth2"), 0, 5), 0);
	assert_int_equal(ties_match(ties, &seen), 0);
	assert_int_equal(busy[0]->tie, AMBIGUOUS);
	assert_int_equal(busy[1]->untied, WHY_CONTESTED);
	expect_gaps("a eth0 in frame no-length 1; a eth0 out frame after-events 1; "
		    "a eth0 out frame before-events 1; a eth0 out frame contested 1; "
		    "a eth0 out frame events-lost 1; a eth0 out frame no-event 1; "
		    "a eth1 out frame device-silent 1; a v5 in frame upper-device 1; "
		    "eth0 in event xdp 1; eth0 out event frames-lost 1; eth0 out event unknown 1; "
		    "eth2 in event not-captured 5");
}

/* Under a capture filter what has no frame is explained, and what has one where events were lost is
 * not sure. */
static void test_filter(void **state)
{
	struct frame_ref *a, *b;

	(void)state;
	exec("INSERT INTO tape(key, value) VALUES('options.filter', 'udp')");
	a = fake_frame(frames, 1, "eth0", 1, 1000000, 100);
	b = fake_frame(frames, 1, "eth0", 1, 50000500, 100);
	fake_frame(frames, 1, "eth0", 1, 90000000, 100)->tie = 0;
	begin();
	event("eth0", 1, 1, 999000, 1001000, 1001000, 100, 0);
	event("eth0", 1, 2, 6000000, 6001000, 6001000, 100, 0);
	event("eth0", 1, 3, 49999000, 50001000, 50001000, 100, 0);
	event("eth0", 1, 4, 89999000, 90001000, 90001000, 100, 0);
	assert_int_equal(ties_match(ties, &seen), 0);
	expect(a, 1, UNIQUE);
	expect(b, 3, AMBIGUOUS);
	expect_gaps("eth0 out event capture-filter 1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(test_out),	     T(test_hypotheses), T(test_told),		T(test_order),
		T(test_order_lossy), T(test_narrow),	 T(test_cpus),		T(test_names),
		T(test_clock_error), T(test_apply),	 T(test_truth),		T(test_upper),
		T(test_carry),	     T(test_translated), T(test_contradiction), T(test_reasons),
		T(test_filter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
