/* SPDX-License-Identifier: MIT */
#include "lives_story.h"
#include "../analyze/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct story story;

int setup(void **state)
{
	struct err e;

	(void)state;
	memset(&story, 0, sizeof(story));
	story.now = (struct fake_now){ .ts = 1000000, .pid = 100 };
	story.host = fake_host();
	story.frames = fake_frames();
	assert_int_equal(db_create(&story.db, NULL, &e), 0);
	for (int i = 1; i <= 4; i++) {
		char sql[128];

		snprintf(sql, sizeof(sql),
			 "INSERT INTO netns(id, inum, name, names, seen) VALUES(%d, %d, 'n%d', "
			 "'n%d', 1)",
			 i, 4000 + i, i, i);
		assert_int_equal(db_exec(story.db, sql, &e), 0);
	}
	return 0;
}

int teardown(void **state)
{
	(void)state;
	lives_close(story.lives);
	spans_close(story.spans);
	db_close(story.db);
	fake_reset();
	return 0;
}

/* After devices and frames are told. */
void begin(void)
{
	struct err e = { "" };

	assert_int_equal(lives_open(&story.lives, story.db, story.host,
				    (const struct trace *)&story, NULL, story.frames, NULL, &e),
			 0);
	assert_int_equal(spans_open(&story.spans, story.db, (const struct trace *)&story, &e), 0);
}

void finish(void)
{
	assert_int_equal(spans_finish(story.spans), 0);
	assert_int_equal(lives_end(story.lives), 0);
	assert_int_equal(rows_pause(story.db), 0);
	assert_int_equal(lives_rows(story.lives), 0);
	assert_int_equal(rows_finish(story.db), 0);
	assert_int_equal(lives_finish(story.lives), 0);
	assert_int_equal(db_error(story.db, NULL), 0);
}

void send_event(const struct event *ev)
{
	assert_int_equal(lives_event(story.lives, ev), 0);
	assert_int_equal(spans_event(story.spans, ev), 0);
	story.now.ts += 1000;
}

void skb(enum ev_kind kind, const char *dev, uint64_t addr, uint64_t len)
{
	EVENT(kind, F_NAME, dev, F_SKBADDR, addr, F_LEN, len, F_PROTOCOL, U(0x0800));
}

void queue(const char *dev, uint64_t addr, uint64_t len)
{
	EVENT(EV_NET_DEV_QUEUE, F_NAME, dev, F_SKBADDR, addr, F_LEN, len);
}

void start(const char *dev, uint64_t addr, uint64_t len)
{
	skb(EV_NET_DEV_START_XMIT, dev, addr, len);
}

void xmit(const char *dev, uint64_t addr, uint64_t len, int rc)
{
	EVENT(EV_NET_DEV_XMIT, F_NAME, dev, F_SKBADDR, addr, F_LEN, len, F_RC, U((int64_t)rc));
}

void receive(const char *dev, uint64_t addr, uint64_t len)
{
	EVENT(EV_NETIF_RECEIVE_SKB, F_NAME, dev, F_SKBADDR, addr, F_LEN, len);
}

void consume(uint64_t addr, const char *function)
{
	if (function)
		EVENT(EV_CONSUME_SKB, F_SKBADDR, addr, F_LOCATION, fake_symbol(function));
	else
		EVENT(EV_CONSUME_SKB, F_SKBADDR, addr);
}

/* @reason: NONE for kernels without */
void kfree(uint64_t addr, const char *function, uint64_t reason)
{
	if (reason == NONE)
		EVENT(EV_KFREE_SKB, F_SKBADDR, addr, F_LOCATION, fake_symbol(function), F_PROTOCOL,
		      U(0x0800));
	else
		EVENT(EV_KFREE_SKB, F_SKBADDR, addr, F_LOCATION, fake_symbol(function), F_PROTOCOL,
		      U(0x0800), F_REASON, reason);
}

void copy(uint64_t addr, uint64_t len)
{
	EVENT(EV_SKB_COPY_DATAGRAM_IOVEC, F_SKBADDR, addr, F_LEN, len);
}

void softirq_in(void)
{
	EVENT(EV_SOFTIRQ_ENTRY, F_VEC, U(3));
	story.now.flags = EV_FLAG_SOFTIRQ;
}

void softirq_out(void)
{
	EVENT(EV_SOFTIRQ_EXIT, F_VEC, U(3));
	story.now.flags = 0;
}

void gro(const char *dev, uint64_t addr, uint64_t len, int ret)
{
	skb(EV_NAPI_GRO_RECEIVE_ENTRY, dev, addr, len);
	EVENT(EV_NAPI_GRO_RECEIVE_EXIT, F_RET, U(ret));
}

/* From the sender's stack over a veth pair without NAPI into the peer's backlog. */
void veth(const char *from, const char *to, uint64_t addr, uint64_t len)
{
	start(from, addr, len);
	skb(EV_NETIF_RX_ENTRY, to, addr, len - 14);
	skb(EV_NETIF_RX, to, addr, len - 14);
	xmit(from, addr, len, 0);
}

/* Events of the last @before_ns and the next @for_ns are lost on this CPU. */
void lose(uint64_t before_ns, uint64_t for_ns)
{
	struct event ev = { .kind = EV_LOST,
			    .cpu = story.now.cpu,
			    .ts = story.now.ts + for_ns,
			    .ts_ns = FAKE_EPOCH + (int64_t)(story.now.ts + for_ns),

			    .lost_from_ns = FAKE_EPOCH + (int64_t)(story.now.ts - before_ns),
			    .lost = 10 };

	send_event(&ev);
	story.now.ts += for_ns;
}

/* Rows of @sql, columns divided by '|', rows by newline. */
void expect(const char *sql, const char *want)
{
	struct buf b = { 0 };
	sqlite3_stmt *st;

	assert_int_equal(sqlite3_prepare_v2(db_handle(story.db), sql, -1, &st, NULL), SQLITE_OK);
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

void pair_devs(void)
{
	int64_t a = fake_host_dev(story.host, 1, "va0", "veth"),
		b = fake_host_dev(story.host, 2, "vb0", "veth");

	fake_host_pair(story.host, a, b);
}
