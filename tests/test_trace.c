/* SPDX-License-Identifier: MIT */
#include "../analyze/fields.h"
#include "tape_make.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <event-parse.h>

/* libtraceevent 1.7.1 loses a few bytes of a text that it refuses. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libtraceevent";
}
const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
	return "print_suppressions=0";
}

static const char *const kernels[] = { "5.10.0", "6.1.0", "6.12.117", "6.18.44" };

static const char print_format[] =
	"name: print\nID: 5\nformat:\n"
	"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
	"\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
	"\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
	"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
	"\tfield:unsigned long ip;\toffset:8;\tsize:8;\tsigned:0;\n"
	"\tfield:char buf[];\toffset:16;\tsize:0;\tsigned:0;\n\n"
	"print fmt: \"%ps: %s\", (void *)REC->ip, REC->buf\n";

static const char symbols_text[] = "ffffffff81000000 T tcp_v4_rcv\nffffffff81001000 T last\n";

/* ---- real formats ---- */

static struct buf slurp(const char *path)
{
	struct buf b = { 0 };
	uint8_t block[4096];
	size_t n;
	FILE *f = fopen(path, "rb");

	if (!f)
		fail_msg("%s: not found; tests run in the top folder", path);
	while ((n = fread(block, 1, sizeof(block), f)))
		assert_int_equal(buf_put(&b, block, n), 0);
	fclose(f);
	return b;
}

/* A file of formats: before each a line "@ SYSTEM EVENT"; "@ - header_page" is the page's. */
struct formats {
	struct buf text;
	struct span left;
};

static struct formats formats_of(const char *kernel)
{
	struct formats f = { 0 };
	char path[64];

	snprintf(path, sizeof(path), "fixtures/formats/%s.txt", kernel);
	f.text = slurp(path);
	f.left = (struct span){ (char *)f.text.data, f.text.len };
	return f;
}

static bool next_format(struct formats *f, char system[32], char event[64], struct span *text)
{
	struct span line, word;
	const char *end;

	if (!span_line(&f->left, &line))
		return false;
	assert_true(span_word(&line, &word) && span_is(word, "@"));
	assert_true(span_word(&line, &word));
	span_copy(word, system, 32);
	assert_true(span_word(&line, &word));
	span_copy(word, event, 64);
	end = memmem(f->left.p, f->left.n, "\n@ ", 3);
	text->p = f->left.p;
	text->n = end ? (size_t)(end + 1 - f->left.p) : f->left.n;
	f->left.p += text->n;
	f->left.n -= text->n;
	return true;
}

static struct tep_event *tep_of(struct tep_handle *tep, const char *system, struct span text)
{
	struct tep_event *ev = NULL;
	char *copy = strndup(text.p, text.n);

	assert_non_null(copy);
	tep_set_loglevel(TEP_LOG_NONE);
	assert_int_equal(tep_parse_format(tep, &ev, copy, text.n, system), 0);
	free(copy);
	return ev;
}

/* Every field of every event lies where libtraceevent says, and has its value. */
static void offsets(void **state)
{
	static const char *const names[] = { "skbaddr", "len",	   "location", "reason", "protocol",
					     "rx_sk",	"rc",	   "vec",      "work",	 "prev_pid",
					     "pid",	"ifindex", "skaddr" };
	static const enum ev_field numbers[] = { F_SKBADDR,  F_LEN,	 F_LOCATION, F_REASON,
						 F_PROTOCOL, F_RX_SK,	 F_RC,	     F_VEC,
						 F_WORK,     F_PREV_PID, F_PID,	     F_IFINDEX,
						 F_SKADDR };

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kernels); k++) {
		struct formats all = formats_of(kernels[k]);
		struct tep_handle *tep = tep_alloc();
		char system[32], event[64];
		struct span text;
		int handled = 0;

		assert_non_null(tep);
		tep_set_long_size(tep, 8);
		while (next_format(&all, system, event, &text)) {
			uint8_t data[1024];
			struct event ev = { .data = data, .len = sizeof(data) };
			struct tep_event *theirs;
			struct ev_format *ours;
			struct tep_format_field *x;
			size_t i = 0;

			if (!strcmp(system, "-"))
				continue;
			assert_int_equal(format_parse(&ours, system, event, text, false, 8), 0);
			theirs = tep_of(tep, system, text);
			assert_int_equal(ours->type.id, theirs->id);
			assert_true(ours->n_fields == (size_t)theirs->format.nr_fields);
			for (size_t n = 0; n < sizeof(data); n++)
				data[n] = (uint8_t)(n * 37 + 11);
			ev.type = &ours->type;
			for (x = theirs->format.fields; x; x = x->next, i++) {
				const struct field_ref *r = &ours->fields[i].ref;

				assert_string_equal(ours->fields[i].name, x->name);
				assert_int_equal(r->offset, x->offset);
				assert_int_equal(r->size, x->size);
				assert_true((uint32_t)r->offset + r->size <= ours->min_len);
			}
			for (size_t n = 0; n < ARRAY_SIZE(names); n++) {
				unsigned long long expect;
				uint64_t got;

				x = tep_find_field(theirs, names[n]);
				if (!x || x->flags & TEP_FIELD_IS_ARRAY) {
					assert_false(event_u64(&ev, numbers[n], &got));
					continue;
				}
				assert_int_equal(tep_read_number_field(x, data, &expect), 0);
				assert_true(event_u64(&ev, numbers[n], &got));
				if (x->flags & TEP_FIELD_IS_SIGNED && x->size == 4)
					assert_true((int64_t)got == (int32_t)expect);
				else
					assert_true(got == expect);
			}
			handled += ours->type.kind != EV_OTHER;
			format_free(ours);
		}
		assert_true(handled >= 25);
		tep_free(tep);
		buf_free(&all.text);
	}
}

/* ---- tapes with made pages ---- */

struct page {
	struct buf data;
	uint64_t ts, flags, missed;
	uint64_t at; /* of the last event */
};

static void le(struct buf *b, uint64_t v, int n)
{
	uint8_t x[8];

	for (int i = 0; i < n; i++)
		x[i] = (uint8_t)(v >> 8 * i);
	assert_int_equal(buf_put(b, x, (size_t)n), 0);
}

/* Add an event at time @ts (not before the last one). */
static void add(struct page *p, uint64_t ts, const void *payload, size_t n)
{
	uint64_t delta;

	if (!p->data.len && !p->ts)
		p->ts = p->at = ts;
	delta = ts - p->at;
	p->at = ts;
	assert_true(n % 4 == 0 && delta < 1 << 27);
	if (n && n <= 112) {
		le(&p->data, n / 4 | delta << 5, 4);
	} else {
		le(&p->data, delta << 5, 4);
		le(&p->data, n + 4, 4);
	}
	assert_int_equal(buf_put(&p->data, payload, n), 0);
}

static void put_page(struct buf *out, struct page *p)
{
	size_t end = out->len + 4096;

	le(out, p->ts, 8);
	le(out, p->data.len | p->flags, 8);
	buf_put(out, p->data.data, p->data.len);
	if (p->flags & 1U << 30)
		le(out, p->missed, 8);
	assert_true(out->len <= end);
	while (out->len < end)
		le(out, 0, 1);
	buf_free(&p->data);
	*p = (struct page){ 0 };
}

/* Begin of an event's payload. */
static void common(struct buf *b, int id, uint8_t flags, int pid)
{
	buf_reset(b);
	le(b, (uint64_t)id, 2);
	le(b, flags, 1);
	le(b, 0, 1);
	le(b, (uint64_t)pid, 4);
}

/* A mark with a short text. */
static void mark(struct page *p, uint64_t ts, const char *text)
{
	struct buf b = { 0 };

	common(&b, 5, 0, 42);
	le(&b, 0, 8);
	buf_put(&b, text, strlen(text) + 1);
	while (b.len % 4)
		le(&b, 0, 1);
	add(p, ts, b.data, b.len);
	buf_free(&b);
}

struct made {
	struct tape *tape;
	struct clocks *clocks;
	struct trace *trace;
	struct buf bytes;
};

static struct made finish(struct tape_make *m)
{
	const char *path = tape_make_path("e.skbtape");
	struct made x = { 0 };
	struct err e = { 0 };

	x.bytes = tape_make_close(m, true, path);
	assert_int_equal(tape_open(&x.tape, path, &e), 0);
	assert_int_equal(clocks_load(&x.clocks, x.tape, &e), 0);
	assert_int_equal(trace_load(&x.trace, x.tape, x.clocks, &e), 0);
	return x;
}

static void unload(struct made *x)
{
	trace_free(x->trace);
	clocks_free(x->clocks);
	tape_close(x->tape);
	buf_free(&x->bytes);
}

static struct tape_make *start(void)
{
	struct tape_make *m = tape_make_open(NULL);

	tape_make_text(m, "clock/000000", "1000000000\t1700000000000000000\t0\t0\t0\t50\n");
	tape_make_text(m, "ftrace/events/ftrace/print/format", print_format);
	tape_make_frame(m);
	return m;
}

/* The whole stream as text: "CPU TIME TEXT" a line, lost ones as "CPU TIME lost N since TIME". */
static struct buf stream(struct trace *t)
{
	struct buf out = { 0 };
	struct err e = { 0 };
	struct event ev;
	uint64_t last = 0;
	int rc;

	while ((rc = trace_next(t, &ev, &e)) == 1) {
		struct span s;

		assert_true(ev.ts >= last);
		last = ev.ts;
		assert_true(ev.ts_ns == (int64_t)ev.ts + 1699999999000000000);
		if (ev.kind == EV_LOST) {
			assert_null(ev.type);
			assert_false(event_text(&ev, F_BUF, &s));
			buf_printf(&out, "%d %" PRIu64 " lost %" PRId64 " since %" PRId64 "\n",
				   ev.cpu, ev.ts, (int64_t)ev.lost,
				   ev.lost_from_ns - 1699999999000000000);
			continue;
		}
		assert_int_equal(ev.kind, EV_MARK);
		assert_int_equal(ev.pid, 42);
		assert_true(event_text(&ev, F_BUF, &s));
		buf_printf(&out, "%d %" PRIu64 " %.*s\n", ev.cpu, ev.ts, (int)s.n, s.p);
	}
	assert_int_equal(rc, 0);
	assert_int_equal(trace_next(t, &ev, &e), 0);
	buf_put(&out, "", 1);
	return out;
}

static void merges(void **state)
{
	struct tape_make *m = start();
	struct buf c0 = { 0 }, c1 = { 0 }, out;
	struct page p = { 0 };
	struct made x;

	(void)state;
	/* times start where the clock readings do */
	mark(&p, 1000000100, "a");
	mark(&p, 1000000300, "c");
	put_page(&c0, &p);
	mark(&p, 1000000500, "f");
	put_page(&c0, &p);
	mark(&p, 1000000200, "b");
	mark(&p, 1000000300, "d");
	mark(&p, 1000000300, "e");
	put_page(&c1, &p);
	tape_make_member(m, "ftrace/cpu10/000000", c1.data, c1.len);
	tape_make_member(m, "ftrace/cpu9/000000", c0.data, c0.len);
	tape_make_frame(m);
	buf_reset(&c0);
	mark(&p, 1000000600, "g");
	put_page(&c0, &p);
	tape_make_member(m, "ftrace/cpu9/000001", c0.data, c0.len);
	x = finish(m);
	out = stream(x.trace);
	assert_string_equal((char *)out.data, "9 1000000100 a\n10 1000000200 b\n9 1000000300 c\n"
					      "10 1000000300 d\n10 1000000300 e\n9 1000000500 f\n"
					      "9 1000000600 g\n");
	assert_int_equal(trace_state(x.trace)->events, 7);
	assert_int_equal(trace_state(x.trace)->pages, 4);
	assert_int_equal(trace_state(x.trace)->pages_bad, 0);
	assert_int_equal(trace_state(x.trace)->lost_places, 0);
	assert_int_equal(trace_type_count(x.trace), 1);
	assert_int_equal(trace_type(x.trace, 0)->count, 7);
	assert_true(trace_has(x.trace, EV_MARK));
	assert_false(trace_has(x.trace, EV_KFREE_SKB));
	unload(&x);
	buf_free(&out);
	buf_free(&c0);
	buf_free(&c1);
}

/* The recorder turned the marks off; one was on its way. */
static void lowered(void **state)
{
	struct tape_make *m = start();
	struct buf c0 = { 0 }, out;
	struct page p = { 0 };
	struct made x;

	(void)state;
	mark(&p, 1000000100, "a");
	mark(&p, 1000000300, "b"), put_page(&c0, &p);
	tape_make_member(m, "ftrace/cpu0/000000", c0.data, c0.len);
	tape_make_text(m, "detail/000000", "\t\nx\n1000000250\tpath\t7.1\t5\ta:b ftrace:print\n1000000270\tno-pcap\t\t\t\n");
	x = finish(m);
	out = stream(x.trace);
	assert_string_equal((char *)out.data, "0 1000000100 a\n0 1000000300 lost 0 since 1000000250\n");
	assert_false(trace_has(x.trace, EV_MARK));
	assert_int_equal(trace_state(x.trace)->events, 2);
	unload(&x);
	buf_free(&out);
	buf_free(&c0);
}

static void losses(void **state)
{
	struct tape_make *m = start();
	struct buf c = { 0 }, out;
	struct page p = { 0 };
	const struct trace_state *st;
	uint64_t t = 1000000000;
	struct buf odd = { 0 };
	struct made x;

	(void)state;
	/* lost before the first page, a number with the page */
	p.flags = 3U << 30;
	p.missed = 17;
	mark(&p, t + 100, "a");
	mark(&p, t + 200, "b");
	put_page(&c, &p);
	/* an empty page with a mark, then one with a number: unknown in all */
	p.ts = t + 250;
	p.flags = 1U << 31;
	put_page(&c, &p);
	p.flags = 3U << 30;
	p.missed = 5;
	mark(&p, t + 300, "c");
	put_page(&c, &p);
	/* back in time */
	mark(&p, t + 50, "d");
	mark(&p, t + 290, "e");
	mark(&p, t + 400, "f");
	put_page(&c, &p);
	/* an unknown type and one that is too short */
	common(&odd, 77, 0, 1);
	add(&p, t + 450, odd.data, odd.len);
	common(&odd, 5, 0, 1);
	add(&p, t + 460, odd.data, odd.len);
	add(&p, t + 470, odd.data, 4);
	mark(&p, t + 500, "g");
	put_page(&c, &p);
	tape_make_member(m, "ftrace/cpu0/000000", c.data, c.len);
	tape_make_frame(m);
	/* 000001 is missing; half a page at the end of 000002 */
	buf_reset(&c);
	mark(&p, t + 600, "h");
	put_page(&c, &p);
	buf_put(&c, "half", 4);
	tape_make_member(m, "ftrace/cpu0/000002", c.data, c.len);
	/* a page whose second event reaches too far, and lost ones at the very end */
	buf_reset(&c);
	mark(&p, t + 700, "i");
	le(&p.data, 28, 4);
	put_page(&c, &p);
	tape_make_member(m, "ftrace/cpu0/000003", c.data, c.len);
	x = finish(m);
	out = stream(x.trace);
	assert_string_equal((char *)out.data,
			    "0 1000000100 lost 17 since 1000000000\n"
			    "0 1000000100 a\n0 1000000200 b\n"
			    "0 1000000300 lost -1 since 1000000200\n"
			    "0 1000000300 c\n0 1000000300 d\n0 1000000300 e\n0 1000000400 f\n"
			    "0 1000000500 g\n"
			    "0 1000000600 lost -1 since 1000000500\n0 1000000600 h\n"
			    "0 1000000700 lost -1 since 1000000600\n0 1000000700 i\n"
			    "0 1000000700 lost -1 since 1000000700\n");
	st = trace_state(x.trace);
	assert_int_equal(st->lost, 22);
	assert_int_equal(st->lost_places, 6);
	assert_int_equal(st->backwards, 2);
	assert_int_equal(st->undecoded, 3);
	assert_int_equal(st->pages_bad, 2);
	assert_int_equal(st->events, 9);
	unload(&x);
	buf_free(&out);
	buf_free(&c);
	buf_free(&odd);
}

static void no_trace(void **state)
{
	struct made x = finish(tape_make_open("{\"format_version\":1,\"page_bytes\":0,"
					      "\"start_real_ns\":1,\"start_mono_ns\":1}"));
	struct err e = { 0 };
	struct event ev;
	struct tape_make *m;
	struct tape *t;

	(void)state;
	assert_int_equal(trace_next(x.trace, &ev, &e), 0);
	assert_int_equal(trace_type_count(x.trace), 0);
	unload(&x);
	trace_free(NULL);
	/* pages, but no way to read them */
	for (int i = 0; i < 2; i++) {
		struct clocks *c;
		struct trace *tr;
		struct buf tape;

		m = tape_make_open(i ? NULL : "{\"format_version\":1,\"page_bytes\":0}");
		if (i)
			tape_make_text(m, "ftrace/header_page", "nonsense\n");
		tape_make_text(m, "ftrace/cpu0/000000", "x");
		tape = tape_make_close(m, true, tape_make_path("e.skbtape"));
		assert_int_equal(tape_open(&t, tape_make_path("e.skbtape"), &e), 0);
		assert_int_equal(clocks_load(&c, t, &e), 0);
		e.text[0] = '\0';
		assert_int_equal(trace_load(&tr, t, c, &e), -EINVAL);
		assert_true(e.text[0]);
		clocks_free(c);
		tape_close(t);
		buf_free(&tape);
	}
}

/* ---- fields as JSON ---- */

static struct tape_make *start_with(const char *kernel)
{
	struct tape_make *m = start();
	struct formats all = formats_of(kernel);
	char system[32], event[64], name[128];
	struct span text;

	while (next_format(&all, system, event, &text)) {
		if (!strcmp(system, "-"))
			snprintf(name, sizeof(name), "ftrace/%s", event);
		else
			snprintf(name, sizeof(name), "ftrace/events/%s/%s/format", system, event);
		tape_make_member(m, name, text.p, text.n);
	}
	tape_make_frame(m);
	buf_free(&all.text);
	return m;
}

static void json_is(struct made *x, const char *system, const char *event, const struct buf *data,
		    const char *expect)
{
	const struct ev_format *f = trace_format(x->trace, system, event);
	struct event ev = { .data = data->data, .len = (uint32_t)data->len };
	struct symbols *s;
	struct buf out = { 0 };
	struct err e = { 0 };

	assert_non_null(f);
	assert_true(data->len >= f->min_len);
	ev.type = &f->type;
	assert_int_equal(symbols_load(&s, SPAN_LIT(symbols_text), &e), 0);
	buf_put(&out, "x", 1); /* it appends */
	assert_int_equal(trace_fields_json(x->trace, &ev, s, &out), 0);
	buf_put(&out, "", 1);
	assert_string_equal((char *)out.data + 1, expect);
	symbols_free(s);
	buf_free(&out);
}

static void shows_fields(void **state)
{
	static const uint8_t v4[4] = { 192, 0, 2, 1 }, v6[16] = { 0x20, 1, 0xd, 0xb8, [15] = 7 };
	struct made x = finish(start_with("6.18.44"));
	struct buf b = { 0 };

	(void)state;
	common(&b, 0, 0, 1);
	le(&b, 0xffff888001234500, 8);
	le(&b, 0xffffffff81000123, 8);
	le(&b, 0xffff888001230000, 8);
	le(&b, 0x800, 4);
	le(&b, 6, 4);
	json_is(&x, "skb", "kfree_skb", &b,
		"{\"location\":\"tcp_v4_rcv+0x123\",\"protocol\":2048,\"reason\":\"SOCKET_"
		"RCVBUFF\"}");
	b.data[36] = 0xff; /* a reason without a name */
	json_is(&x, "skb", "kfree_skb", &b,
		"{\"location\":\"tcp_v4_rcv+0x123\",\"protocol\":2048,\"reason\":255}");

	common(&b, 0, 0, 1);
	le(&b, 0xffff888001234500, 8);
	le(&b, 2, 4);
	le(&b, 1, 4);
	le(&b, 80, 2);
	le(&b, 12345, 2);
	le(&b, 10, 2);
	le(&b, 6, 2);
	buf_put(&b, v4, 4);
	le(&b, 0, 4);
	buf_put(&b, v6, 16);
	buf_put(&b, v6, 16);
	json_is(&x, "sock", "inet_sock_set_state", &b,
		"{\"oldstate\":\"TCP_SYN_SENT\",\"newstate\":\"TCP_ESTABLISHED\",\"sport\":80,"
		"\"dport\":12345,\"family\":\"AF_INET6\",\"protocol\":\"IPPROTO_TCP\","
		"\"saddr\":\"192.0.2.1\",\"daddr\":\"0.0.0.0\",\"saddr_v6\":\"2001:db8::7\","
		"\"daddr_v6\":\"2001:db8::7\"}");

	/* an address at the very end of the print format */
	common(&b, 0, 0, 1);
	le(&b, (uint32_t)-12, 4);
	le(&b, 5000, 2);
	le(&b, 53, 2);
	le(&b, 2, 2);
	for (int i = 0; i < 2; i++) {
		le(&b, 2, 2);
		buf_put(&b, i ? "\0\x35" : "\x13\x88", 2);
		buf_put(&b, v4, 4);
		le(&b, 0, 8);
		le(&b, 0, 8);
		le(&b, 0, 4);
	}
	json_is(&x, "udp", "udp_fail_queue_rcv_skb", &b,
		"{\"rc\":-12,\"sport\":5000,\"dport\":53,\"family\":\"AF_INET\","
		"\"saddr\":\"192.0.2.1:5000\",\"daddr\":\"192.0.2.1:53\"}");

	common(&b, 0, 0, 1);
	le(&b, 0xffff888001234500, 8);
	le(&b, 0xffff888001234500, 8);
	le(&b, 7, 4);
	le(&b, 1, 4);
	le(&b, 2, 2);
	le(&b, 0x5000, 2); /* port 80 */
	buf_put(&b, v4, 4);
	le(&b, 0, 8);
	le(&b, 0, 8);
	le(&b, 0, 4);
	le(&b, 10, 2);
	le(&b, 0xbb01, 2); /* port 443 */
	le(&b, 0, 4);
	buf_put(&b, v6, 16);
	le(&b, 0, 4);
	json_is(&x, "tcp", "tcp_send_reset", &b,
		"{\"state\":7,\"reason\":\"NO_SOCKET\",\"saddr\":\"192.0.2.1:80\","
		"\"daddr\":\"[2001:db8::7]:443\"}");

	common(&b, 0, 0, 1);
	buf_put(&b, "</script>\"\\\n\x01\xff\0x", 16); /* a task may have any name */
	le(&b, (uint64_t)-3, 4);
	le(&b, 120, 4);
	le(&b, (uint64_t)-1, 8);
	buf_put(&b, "0123456789abcdef", 16);
	le(&b, 5, 4);
	le(&b, 6, 4);
	json_is(&x, "sched", "sched_switch", &b,
		"{\"prev_comm\":\"\\u003c/script\\u003e\\\"\\\\\\n\\u0001\\ufffd\",\"prev_pid\":-3,"
		"\"prev_prio\":120,\"prev_state\":-1,\"next_comm\":\"0123456789abcdef\",\"next_"
		"pid\":5,"
		"\"next_prio\":6}");

	/* a name that lies inside, then one that does not */
	common(&b, 0, 0, 1);
	le(&b, 0xffff888001234500, 8);
	le(&b, 60, 4);
	le(&b, (uint64_t)-2, 4);
	le(&b, 5 << 16 | 28, 4);
	buf_put(&b, "eth0\0\0\0", 8);
	json_is(&x, "net", "net_dev_xmit", &b, "{\"len\":60,\"rc\":-2,\"name\":\"eth0\"}");
	b.data[24] = 33;
	json_is(&x, "net", "net_dev_xmit", &b, "{\"len\":60,\"rc\":-2,\"name\":\"\"}");
	b.data[25] = 0xff;
	json_is(&x, "net", "net_dev_xmit", &b, "{\"len\":60,\"rc\":-2,\"name\":\"\"}");

	/* numbers that are addresses in truth */
	common(&b, 5, 0, 1);
	le(&b, 0xffff888001234500, 8);
	buf_put(&b, "hi\n", 4);
	json_is(&x, "ftrace", "print", &b, "{\"buf\":\"hi\\n\"}");
	unload(&x);
	buf_free(&b);
}

struct pairs {
	size_t n;
	char last[64];
	int64_t socket_filter;
};

static void count_pair(void *ctx, int64_t value, const char *name)
{
	struct pairs *p = ctx;

	p->n++;
	snprintf(p->last, sizeof(p->last), "%s", name);
	if (!strcmp(name, "SOCKET_FILTER"))
		p->socket_filter = value;
}

static void reasons(void **state)
{
	static const int64_t expect[] = { 0, 5, 5, 5 };
	static const size_t least[] = { 0, 60, 80, 120 };

	(void)state;
	for (size_t k = 0; k < ARRAY_SIZE(kernels); k++) {
		struct made x = finish(start_with(kernels[k]));
		struct pairs p = { 0 };
		size_t n = trace_enum(x.trace, "skb", "kfree_skb", "reason", count_pair, &p);

		assert_int_equal(n, p.n);
		assert_true(n >= least[k] && (least[k] || !n));
		assert_int_equal(p.socket_filter, expect[k]);
		if (n)
			assert_string_equal(p.last, "MAX");
		assert_int_equal(trace_enum(x.trace, "skb", "kfree_skb", "none", count_pair, &p),
				 0);
		assert_int_equal(trace_enum(x.trace, "no", "such", "reason", count_pair, &p), 0);
		assert_int_equal(trace_enum(x.trace, "irq", "softirq_entry", "vec", count_pair, &p),
				 10);
		/* names where numbers belong are not taken for numbers */
		assert_int_equal(
			trace_enum(x.trace, "tcp", "tcp_send_reset", "state", count_pair, &p), 0);
		assert_int_equal(trace_state(x.trace)->formats_bad, 0);
		unload(&x);
	}
}

/* ---- pages that kernels made, whole and damaged ---- */

static void real_pages(void **state)
{
	static const struct {
		const char *kernel, *page;
		size_t events;
	} cases[] = {
		{ "5.10.0", "5.10-extends", 224 },
		{ "5.10.0", "5.10-all", 238 },
		{ "6.1.0", "6.1-absolute", 252 },
		{ "6.1.0", "6.1-long", 96 },
		{ "6.12.117", "6.12-extend-absolute", 254 },
		{ "6.12.117", "6.12-long", 100 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct tape_make *m = start_with(cases[i].kernel);
		struct buf page, out = { 0 };
		struct err e = { 0 };
		struct event ev;
		struct made x;
		char path[64];
		size_t n = 0;

		snprintf(path, sizeof(path), "fixtures/pages/%s.page", cases[i].page);
		page = slurp(path);
		tape_make_member(m, "ftrace/cpu0/000000", page.data, page.len);
		x = finish(m);
		while (trace_next(x.trace, &ev, &e) == 1) {
			uint64_t v;

			n++;
			if (event_u64(&ev, F_SKBADDR, &v))
				assert_true(!v || v >> 47 == 0x1ffff); /* a kernel address */
			if (event_u64(&ev, F_VEC, &v))
				assert_true(v < 10);
			buf_reset(&out);
			assert_int_equal(trace_fields_json(x.trace, &ev, NULL, &out), 0);
			assert_null(memmem(out.data, out.len, "18446", 5));
		}
		assert_int_equal(n, cases[i].events);
		assert_int_equal(trace_state(x.trace)->undecoded, 0);
		unload(&x);
		buf_free(&page);
		buf_free(&out);
	}
}

static void damaged_pages(void **state)
{
	struct tape_make *m = start_with("6.1.0");
	struct buf page = slurp("fixtures/pages/6.1-long.page"), out = { 0 };
	struct err e = { 0 };
	struct event ev;
	struct made x;
	uint64_t last = 0;

	(void)state;
	srand(1);
	for (int i = 0; i < 400; i++) {
		uint8_t *copy = malloc(page.len);
		char name[64];

		assert_non_null(copy);
		memcpy(copy, page.data, page.len);
		for (int k = rand() % 200; k >= 0; k--)
			copy[(size_t)rand() % page.len] = (uint8_t)rand();
		snprintf(name, sizeof(name), "ftrace/cpu%d/%06d", i % 3, i / 3);
		tape_make_member(m, name, copy, page.len);
		free(copy);
	}
	x = finish(m);
	while (trace_next(x.trace, &ev, &e) == 1) {
		struct span s;
		uint64_t v;

		assert_true(ev.ts >= last);
		last = ev.ts;
		for (int f = 0; f < F_COUNT; f++) {
			event_u64(&ev, (enum ev_field)f, &v);
			if (event_text(&ev, (enum ev_field)f, &s) && s.n)
				assert_true(s.p >= (const char *)ev.data &&
					    s.p + s.n <= (const char *)ev.data + ev.len);
		}
		buf_reset(&out);
		if (ev.type)
			assert_int_equal(trace_fields_json(x.trace, &ev, NULL, &out), 0);
	}
	assert_true(trace_state(x.trace)->events > 1000);
	unload(&x);
	buf_free(&page);
	buf_free(&out);
}

/* ---- formats that no kernel makes ---- */

static void odd_format(const char *field_lines, const char *print, int expect)
{
	struct buf b = { 0 };
	struct ev_format *f = NULL;

	buf_printf(&b,
		   "name: x\nID: 9\nformat:\n"
		   "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
		   "\tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;\n"
		   "\tfield:unsigned char common_preempt_count;\toffset:3;\tsize:1;\tsigned:0;\n"
		   "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n%s\nprint fmt: %s\n",
		   field_lines, print);
	assert_int_equal(
		format_parse(&f, "s", "x", (struct span){ (char *)b.data, b.len }, false, 8),
		expect);
	if (!expect)
		assert_true(f->min_len >= 8);
	format_free(f);
	buf_free(&b);
}

static void odd_formats(void **state)
{
	struct formats all;
	char system[32], event[64], *deep;
	struct span text;

	(void)state;
	odd_format("\tfield:int a;\toffset:8;\tsize:4;\tsigned:1;\n", "\"%d\", REC->a", 0);
	odd_format("", "\"\"", 0);
	odd_format("\tfield:int a;\toffset:70000;\tsize:4;\tsigned:1;\n", "\"\"", -EINVAL);
	odd_format("\tfield:int a;\toffset:-8;\tsize:4;\tsigned:1;\n", "\"\"", -EINVAL);
	odd_format("\tfield:int a;\toffset:8;\tsize:-4;\tsigned:1;\n", "\"\"", -EINVAL);
	odd_format("\tfield:int a;\toffset:65535;\tsize:65535;\tsigned:1;\n", "\"\"", -EINVAL);
	odd_format("\tfield:__data_loc char[] a;\toffset:8;\tsize:8;\tsigned:0;\n", "\"\"", -EINVAL);
	odd_format("\tfield:struct big a;\toffset:8;\tsize:100;\tsigned:0;\n", "\"\"", 0);
	odd_format("\tfield:int caf\xc3\xa9;\toffset:8;\tsize:4;\tsigned:0;\n", "\"\"", -EINVAL);
	/* what a parser by recursion would not survive */
	deep = malloc(60001);
	assert_non_null(deep);
	memset(deep, '(', 60000);
	deep[60000] = '\0';
	odd_format("", deep, 0);
	memset(deep, '!', 60000);
	odd_format("", deep, 0);
	for (int i = 0; i + 4 <= 60000; i += 4)
		memcpy(deep + i, "1?1:", 4);
	odd_format("", deep, 0);
	free(deep);
	/* real ones with some bytes changed */
	srand(1);
	all = formats_of("6.18.44");
	while (next_format(&all, system, event, &text)) {
		char *copy = malloc(text.n);

		assert_non_null(copy);
		for (int i = 0; i < 15; i++) {
			struct ev_format *f = NULL;
			int rc;

			memcpy(copy, text.p, text.n);
			for (int k = rand() % 6; k >= 0; k--) {
				size_t from = (size_t)rand() % text.n, to = (size_t)rand() % text.n;

				/* one byte, or a piece of the text elsewhere */
				if (k % 2)
					copy[to] = (char)(0x20 + rand() % 95);
				else
					memmove(copy + to, copy + from,
						(size_t)(rand() % 20) %
							(text.n - (to > from ? to : from)));
			}
			rc = format_parse(&f, system, event, (struct span){ copy, text.n }, false, 8);
			assert_true(rc == 0 || rc == -EINVAL);
			format_free(f);
		}
		free(copy);
	}
	buf_free(&all.text);
}

static int clean(void **state)
{
	(void)state;
	tape_make_clean();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offsets),	cmocka_unit_test(merges),     cmocka_unit_test(lowered),
		cmocka_unit_test(losses),	cmocka_unit_test(no_trace),   cmocka_unit_test(shows_fields),
		cmocka_unit_test(reasons),	cmocka_unit_test(real_pages), cmocka_unit_test(damaged_pages),
		cmocka_unit_test(odd_formats),
	};

	return cmocka_run_group_tests(tests, NULL, clean);
}
