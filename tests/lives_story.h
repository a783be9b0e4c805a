/* SPDX-License-Identifier: MIT */
/* lives_story: tells a trace event by event, each a microsecond after the one before, and looks at
 * what became of it. */
#ifndef SKBTAPE_LIVES_STORY_H
#define SKBTAPE_LIVES_STORY_H

#include "../analyze/lives.h"
#include "../analyze/spans.h"
#include "lives_fake.h"

struct story {
	struct db *db;
	struct host *host;
	struct frames *frames;
	struct lives *lives;
	struct spans *spans;
	struct fake_now now;
};

extern struct story story;

#define U(x) ((uint64_t)(x))
#define NONE ((uint64_t)-1) /* kfree(): a kernel without reasons */

#define EVENT(kind, ...)                                                                           \
	do {                                                                                       \
		struct fake_fields room_;                                                          \
		struct event ev_ = fake_event(&story.now, kind, &room_, __VA_ARGS__, F_COUNT);     \
		send_event(&ev_);                                                                  \
	} while (0)

#define PACKETS "SELECT id, kind, dev_out, dev_in, outcome, link, parent_id FROM packet ORDER BY id"
#define STAGES(n)                                                                                  \
	"SELECT group_concat(stage, ' ') FROM (SELECT stage FROM hop WHERE packet_id = " #n        \
	" ORDER BY seq)"

int setup(void **state);
int teardown(void **state);
/* After devices and frames are told. */
void begin(void);
void finish(void);
void send_event(const struct event *ev);
void skb(enum ev_kind kind, const char *dev, uint64_t addr, uint64_t len);
void queue(const char *dev, uint64_t addr, uint64_t len);
void start(const char *dev, uint64_t addr, uint64_t len);
void xmit(const char *dev, uint64_t addr, uint64_t len, int rc);
void receive(const char *dev, uint64_t addr, uint64_t len);
void consume(uint64_t addr, const char *function);
/* @reason: NONE for kernels without */
void kfree(uint64_t addr, const char *function, uint64_t reason);
void copy(uint64_t addr, uint64_t len);
void softirq_in(void);
void softirq_out(void);
void gro(const char *dev, uint64_t addr, uint64_t len, int ret);
/* From the sender's stack over a veth pair without NAPI into the peer's backlog. */
void veth(const char *from, const char *to, uint64_t addr, uint64_t len);
/* Events of the last @before_ns and the next @for_ns are lost on this CPU. */
void lose(uint64_t before_ns, uint64_t for_ns);
/* Rows of @sql, columns divided by '|', rows by newline. */
void expect(const char *sql, const char *want);
void pair_devs(void);

#endif
