/* SPDX-License-Identifier: MIT */
#include "../analyze/tape_read.h"
#include "../schema/tape.h"
#include "tape_make.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static const char *path(void)
{
	return tape_make_path("t.skbtape");
}

/* Bytes that no compressor makes smaller, the same ones each time. */
static void noise(uint8_t *p, size_t n, uint32_t seed)
{
	while (n--) {
		seed = seed * 1664525 + 1013904223;
		*p++ = (uint8_t)(seed >> 24);
	}
}

static struct buf small_tape(bool whole)
{
	struct tape_make *m = tape_make_open(NULL);
	uint8_t data[700];

	tape_make_text(m, "clock/000000", "1\t2\t3\t4\t5\t6\n");
	noise(data, sizeof(data), 1);
	tape_make_member(m, "ftrace/cpu0/000000", data, sizeof(data));
	tape_make_frame(m);
	tape_make_text(m, "snap/000000/host/proc/stat", "cpu 1 2 3\n");
	tape_make_member(m, "empty", NULL, 0);
	tape_make_frame(m);
	return tape_make_close(m, whole, path());
}

/* What a tape's members are, in one text. */
static int list(const char *file, struct buf *names, struct tape_state *st)
{
	struct err e = { 0 };
	struct buf b = { 0 };
	struct tape *t;
	int rc = tape_open(&t, file, &e);

	buf_reset(names);
	if (rc) {
		assert_true(e.text[0]);
		return rc;
	}
	for (size_t i = 0; i < tape_member_count(t); i++) {
		const struct tape_member *m = tape_member(t, i);

		assert_int_equal(tape_load(t, i, &b, &e), 0);
		assert_int_equal(b.len, m->size);
		buf_printf(names, "%s %llu %08x\n", m->name, (unsigned long long)m->size,
			   tape_crc32c(0, b.data, b.len));
		assert_int_equal(tape_find(t, m->name), (long)i);
	}
	*st = *tape_state(t);
	assert_int_equal(st->bytes_bad > st->bytes, 0);
	tape_close(t);
	buf_free(&b);
	return 0;
}

static void reads_whole(void **state)
{
	struct buf tape = small_tape(true), b = { 0 };
	struct err e = { 0 };
	char text[32];
	int64_t v = -1;
	struct tape *t;

	(void)state;
	assert_int_equal(tape_open(&t, path(), &e), 0);
	assert_false(tape_state(t)->cut);
	assert_int_equal(tape_state(t)->frames, 5);
	assert_int_equal(tape_state(t)->bytes_bad, 0);
	assert_int_equal(tape_state(t)->bytes, tape.len);
	assert_int_equal(tape_member_count(t), 6);
	assert_string_equal(tape_member(t, 0)->name, "tape.json");
	assert_int_equal(tape_find(t, "no-such"), -ENOENT);
	assert_int_equal(tape_load(t, (size_t)tape_find(t, "clock/000000"), &b, &e), 0);
	assert_int_equal(b.len, 12);
	assert_memory_equal(b.data, "1\t2\t3\t4\t5\t6\n", 12);
	assert_int_equal(tape_json_int(t, "$.page_bytes", &v), 0);
	assert_int_equal(v, 4096);
	assert_int_equal(tape_json_int(t, "$.little_endian", &v), 0);
	assert_int_equal(v, 1);
	assert_int_equal(tape_json_int(t, "$.host", &v), -ENOENT);
	assert_int_equal(tape_json_int(t, "$.none", &v), -ENOENT);
	assert_int_equal(tape_json_text(t, "$.trace_clock", text, sizeof(text)), 0);
	assert_string_equal(text, "mono");
	assert_int_equal(tape_json_text(t, "$.hz", text, sizeof(text)), -ENOENT);
	assert_string_equal(tape_path(t), path());
	tape_close(t);
	tape_close(NULL);
	buf_free(&tape);
	buf_free(&b);
}

/* Every prefix of a tape is refused or gives a prefix of its members, and says that it is cut. */
static void cut_anywhere(void **state)
{
	struct buf tape = small_tape(true), all = { 0 }, some = { 0 };
	struct tape_state st;
	size_t last = 0;

	(void)state;
	assert_int_equal(list(path(), &all, &st), 0);
	for (size_t n = 0; n < tape.len; n++) {
		int rc;

		assert_int_equal(truncate(path(), 0), 0);
		tape_make_file(path(), tape.data, n);
		rc = list(path(), &some, &st);
		if (rc) {
			assert_int_equal(rc, -EINVAL);
			assert_int_equal(last, 0);
			continue;
		}
		assert_true(st.cut);
		assert_true(some.len >= last && some.len <= all.len);
		assert_memory_equal(some.data, all.data, some.len);
		assert_int_equal(st.frames_bad, 0);
		assert_int_equal(st.frames_gap, 0);
		last = some.len;
	}
	assert_int_equal(last, all.len);
	buf_free(&tape);
	buf_free(&all);
	buf_free(&some);
}

/* Whatever byte is wrong: members of other frames are all there and right, none is wrong. */
static void flip_anywhere(void **state)
{
	struct buf tape = small_tape(true), all = { 0 }, some = { 0 };
	struct tape_state st;

	(void)state;
	assert_int_equal(list(path(), &all, &st), 0);
	for (size_t i = 0; i < tape.len; i++) {
		struct span left, line;
		int rc;

		tape.data[i] ^= (uint8_t)(1 << i % 8);
		tape_make_file(path(), tape.data, tape.len);
		tape.data[i] ^= (uint8_t)(1 << i % 8);
		rc = list(path(), &some, &st);
		if (rc) {
			assert_int_equal(rc, -EINVAL);
			continue;
		}
		assert_true(st.bytes_bad > 0);
		assert_true(st.cut || st.frames_bad + st.frames_gap == 1);
		left = (struct span){ (char *)some.data, some.len };
		while (span_line(&left, &line))
			assert_non_null(memmem(all.data, all.len, line.p, line.n + 1));
		assert_true(some.len >= 60); /* one frame at most is lost */
	}
	buf_free(&tape);
	buf_free(&all);
	buf_free(&some);
}

static struct tape_state state_of(const void *data, size_t n, struct buf *names)
{
	struct tape_state st;

	tape_make_file(path(), data, n);
	assert_int_equal(list(path(), names, &st), 0);
	return st;
}

/* Bytes lost, put in, copied, in front: every whole frame is found again. */
static void shifted(void **state)
{
	struct tape_make *m = tape_make_open(NULL);
	struct buf tape, x = { 0 }, names = { 0 };
	struct tape_state st;
	uint8_t data[3000];
	size_t at[13];

	(void)state;
	at[0] = 0;
	for (int i = 0; i < 10; i++) {
		char name[32];

		noise(data, sizeof(data), (uint32_t)i);
		snprintf(name, sizeof(name), "x/%06d", i);
		tape_make_member(m, name, data, sizeof(data));
		tape_make_frame(m);
	}
	tape = tape_make_close(m, true, NULL);
	/* where the frames start: behind each trailer */
	for (size_t i = 0, n = 0; i + TAPE_TRAILER_BYTES <= tape.len; i++) {
		struct tape_trailer tr;

		if (!tape_trailer_decode(tape.data + i, tape.len - i, &tr))
			at[++n] = i + TAPE_TRAILER_BYTES;
		if (n == 12)
			break;
	}
	/* a hole in frames 3 and 4 */
	buf_put(&x, tape.data, at[3] + 100);
	buf_put(&x, tape.data + at[4] + 100, tape.len - at[4] - 100);
	st = state_of(x.data, x.len, &names);
	assert_int_equal(st.frames, 11);
	assert_false(st.cut);
	assert_int_equal(st.frames_gap, 2);
	assert_null(memmem(names.data, names.len, "x/000002", 8));
	assert_null(memmem(names.data, names.len, "x/000003", 8));
	assert_non_null(memmem(names.data, names.len, "x/000004", 8));
	/* and another in frame 7 of the rest */
	memmove(x.data + x.len - 2000, x.data + x.len - 1800, 1800);
	x.len -= 200;
	st = state_of(x.data, x.len, &names);
	assert_true(st.frames >= 9);
	/* something in front, as a login message */
	buf_reset(&x);
	buf_put(&x, "Welcome\n", 8);
	buf_put(&x, tape.data, tape.len);
	st = state_of(x.data, x.len, &names);
	assert_int_equal(st.frames, 13);
	assert_int_equal(st.bytes_bad, 8);
	assert_false(st.cut);
	/* frames 2 to 5 twice */
	buf_reset(&x);
	buf_put(&x, tape.data, at[6]);
	buf_put(&x, tape.data + at[2], tape.len - at[2]);
	st = state_of(x.data, x.len, &names);
	assert_int_equal(st.frames, 13);
	assert_int_equal(st.bytes_bad, at[6] - at[2]);
	assert_int_equal(st.frames_gap, 0);
	/* two frames change places */
	buf_reset(&x);
	buf_put(&x, tape.data, at[5]);
	buf_put(&x, tape.data + at[6], at[7] - at[6]);
	buf_put(&x, tape.data + at[5], at[6] - at[5]);
	buf_put(&x, tape.data + at[7], tape.len - at[7]);
	st = state_of(x.data, x.len, &names);
	assert_int_equal(st.frames, 12);
	assert_int_equal(st.frames_gap, 1);
	/* without its first frame it is none */
	tape_make_file(path(), tape.data + at[1], tape.len - at[1]);
	assert_int_equal(list(path(), &names, &st), -EINVAL);
	/* a second tape behind it is not read */
	buf_reset(&x);
	buf_put(&x, tape.data, tape.len);
	buf_put(&x, tape.data, tape.len);
	st = state_of(x.data, x.len, &names);
	assert_int_equal(st.frames, 13);
	assert_int_equal(st.bytes_bad, tape.len);
	buf_free(&tape);
	buf_free(&x);
	buf_free(&names);
}

/* A tape as a member of a tape: its frames are bytes, not frames. */
static void tape_on_tape(void **state)
{
	struct buf inner = small_tape(true), outer, names = { 0 };
	struct tape_make *m = tape_make_open(NULL);
	struct tape_state st;
	uint8_t pad[200000];

	(void)state;
	noise(pad, sizeof(pad), 7);
	tape_make_member(m, "pad0", pad, sizeof(pad));
	tape_make_member(m, "inner", inner.data, inner.len);
	noise(pad, sizeof(pad), 8);
	tape_make_member(m, "pad1", pad, 100000);
	outer = tape_make_close(m, true, path());
	/* zstd stored it as it is */
	assert_non_null(memmem(outer.data, outer.len, inner.data, inner.len));
	assert_int_equal(list(path(), &names, &st), 0);
	assert_int_equal(st.bytes_bad, 0);
	assert_int_equal(st.frames, 3);
	assert_null(memmem(names.data, names.len, "clock", 5));
	buf_free(&inner);
	buf_free(&outer);
	buf_free(&names);
}

static void bad_rules(void **state)
{
	struct tape_make *m = tape_make_open(NULL);
	static const uint8_t zero[1024];
	struct buf tape, names = { 0 };
	struct tape_state st;

	(void)state;
	tape_make_text(m, "a", "1");
	tape_make_text(m, "a", "2");	      /* the name again */
	tape_make_text(m, "tape.json", "{}"); /* not the first */
	tape_make_frame(m);
	tape_make_text(m, "b", "1");
	tape_make_raw(m, zero, 512); /* zero blocks in between */
	tape_make_frame(m);
	tape_make_raw(m, zero, 1024); /* the end without end.json */
	tape_make_frame(m);
	tape_make_seq(m, 2); /* again */
	tape_make_text(m, "c", "1");
	tape_make_frame(m);
	tape_make_seq(m, 9); /* 4 to 8 never come */
	tape_make_text(m, "d", "1");
	tape_make_frame(m);
	tape_make_raw(m, "no tar", 6);
	tape_make_frame(m);
	tape_make_text(m, "end.json", "{}");
	tape_make_text(m, "late", "1");
	tape_make_frame(m);
	tape_make_raw(m, zero, 1024);
	tape_make_frame(m);
	tape_make_text(m, "later", "1");
	tape_make_frame(m);
	tape = tape_make_close(m, false, path());
	assert_int_equal(list(path(), &names, &st), 0);
	assert_int_equal(st.members_bad, 3);
	assert_int_equal(st.frames_bad, 5);
	assert_int_equal(st.frames_gap, 5);
	assert_int_equal(st.frames, 5);
	assert_false(st.cut);
	assert_non_null(memmem(names.data, names.len, "\na 1 ", 5));
	assert_non_null(memmem(names.data, names.len, "\nd 1 ", 5));
	assert_null(memmem(names.data, names.len, "late", 4));
	buf_free(&tape);
	buf_free(&names);
}

static void newer_version(void **state)
{
	struct buf names = { 0 }, tape;
	struct tape_state st;

	(void)state;
	tape = tape_make_close(tape_make_open("{\"format_version\":7}"), true, path());
	assert_int_equal(list(path(), &names, &st), 0);
	assert_int_equal(st.newer, 7);
	buf_free(&tape);
	tape = tape_make_close(tape_make_open("{\"format_version\":\"x\"}"), true, path());
	assert_int_equal(list(path(), &names, &st), -EINVAL);
	buf_free(&tape);
	tape = tape_make_close(tape_make_open("[[[[ no json"), true, path());
	assert_int_equal(list(path(), &names, &st), -EINVAL);
	buf_free(&tape);
	buf_free(&names);
}

static void says_what(const void *data, size_t n, const char *expect)
{
	struct err e = { 0 };
	struct tape *t;

	tape_make_file(path(), data, n);
	assert_int_equal(tape_open(&t, path(), &e), -EINVAL);
	if (!strstr(e.text, expect))
		fail_msg("\"%s\" in: %s", expect, e.text);
}

static void foreign(void **state)
{
	uint8_t tar[1024] = { 0 };
	struct err e = { 0 };
	struct tape *t;

	(void)state;
	says_what("", 0, "an empty file");
	says_what("hello\n", 6, "a text file");
	says_what("\xd4\xc3\xb2\xa1\2\0\4\0", 8, "a pcap capture");
	says_what("\x0a\x0d\x0d\x0a\x1c\0\0\0", 8, "a pcapng capture");
	says_what("\x17\x08\x44tracing6\0", 12, "a trace.dat");
	says_what("\x1f\x8b\x08\0", 4, "a gzip file");
	says_what("\x28\xb5\x2f\xfd\x04\0", 6, "zstd data without one whole frame");
	says_what("SQLite format 3\0\x10\0", 18, "an SQLite database");
	says_what("\0\1\2\3", 4, "a file of unknown kind");
	tape_tar_encode(tar, "x", 0, 0);
	says_what(tar, sizeof(tar), "a tar archive");
	assert_int_equal(tape_open(&t, "/tmp", &e), -EINVAL);
	assert_non_null(strstr(e.text, "directory"));
	assert_int_equal(tape_open(&t, "/dev/null", &e), -EINVAL);
	assert_int_equal(tape_open(&t, "/no/such/file", &e), -ENOENT);
	assert_non_null(strstr(e.text, "/no/such/file"));
}

/* A small file that unfolds to much more than its size allows. */
static void bomb(void **state)
{
	struct tape_make *m = tape_make_open(NULL);
	struct buf tape, names = { 0 };
	size_t n = 60 * MIB;
	uint8_t *zero = calloc(1, n);
	struct tape_state st;

	(void)state;
	assert_non_null(zero);
	for (int i = 0; i < 8; i++) {
		char name[32];

		snprintf(name, sizeof(name), "z/%d", i);
		tape_make_member(m, name, zero, n);
		tape_make_frame(m);
	}
	tape = tape_make_close(m, true, path());
	assert_int_equal(list(path(), &names, &st), 0);
	assert_true(st.bytes_raw < 256 * MIB + st.bytes * 1000);
	assert_true(st.frames_bad > 0);
	buf_free(&tape);
	buf_free(&names);
	free(zero);
}

/* More frames than the cache keeps, read in turns. */
static void cache(void **state)
{
	struct tape_make *m = tape_make_open(NULL);
	struct buf tape, b = { 0 };
	struct err e = { 0 };
	struct tape *t;

	(void)state;
	for (int i = 0; i < 20; i++) {
		char name[32];

		snprintf(name, sizeof(name), "m/%02d", i);
		tape_make_text(m, name, name);
		tape_make_frame(m);
	}
	tape = tape_make_close(m, true, path());
	assert_int_equal(tape_open(&t, path(), &e), 0);
	for (uint32_t i = 0; i < 400; i++) {
		size_t k = i * 7919 % tape_member_count(t);

		assert_int_equal(tape_load(t, k, &b, &e), 0);
		if (tape_member(t, k)->name[0] == 'm')
			assert_memory_equal(b.data, tape_member(t, k)->name, b.len);
	}
	/* the file is cut while it is in use */
	assert_int_equal(truncate(path(), 400), 0);
	for (size_t k = 0; k < 10; k++)
		tape_load(t, k, &b, &e);
	assert_int_equal(tape_load(t, (size_t)tape_find(t, "m/15"), &b, &e), -EIO);
	tape_close(t);
	buf_free(&tape);
	buf_free(&b);
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
		cmocka_unit_test(reads_whole),	 cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(flip_anywhere), cmocka_unit_test(shifted),
		cmocka_unit_test(tape_on_tape),	 cmocka_unit_test(bad_rules),
		cmocka_unit_test(newer_version), cmocka_unit_test(foreign),
		cmocka_unit_test(bomb),		 cmocka_unit_test(cache),
	};

	return cmocka_run_group_tests(tests, NULL, clean);
}
