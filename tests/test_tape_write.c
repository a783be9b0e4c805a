/* SPDX-License-Identifier: MIT */
/* The writer of tapes: what it writes is read back frame by frame by schema/tape.h, and once by
 * tar. */
#include "../capture/clock.h"
#include "../capture/tape_write.h"
#include "../schema/tape.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <cmocka.h>

#define JSON SPAN_LIT("{\"format_version\":1}")
#define END  SPAN_LIT("{\"reason\":\"signal\"}")

/* What a walk over a tape's frames found. */
struct seen {
	unsigned int frames, members, bulk;
	uint64_t raw_max;
	bool end_json, end_blocks;
	char first[TAPE_NAME_MAX + 1];
	char last[TAPE_NAME_MAX + 1];
	struct buf text; /* of the members named quality/... */
};

static int temp_file(char path[64])
{
	int fd;

	snprintf(path, 64, "/tmp/test_tape_write.%d", (int)getpid());
	fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	return fd;
}

static void load(const char *path, struct buf *b)
{
	FILE *f = fopen(path, "r");
	uint8_t part[4096];
	size_t n;

	assert_non_null(f);
	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		assert_int_equal(buf_put(b, part, n), 0);
	fclose(f);
}

static void walk_members(struct seen *s, const uint8_t *p, size_t n)
{
	size_t at = 0;

	while (at < n) {
		struct tape_tar t;

		assert_true(n - at >= TAPE_BLOCK);
		assert_int_equal(tape_tar_decode(p + at, &t), 0);
		if (t.end) {
			assert_int_equal(n, TAPE_END_BLOCKS * TAPE_BLOCK);
			assert_true(s->end_json);
			s->end_blocks = true;
			return;
		}
		at += TAPE_BLOCK;
		assert_true(tape_tar_padded(t.size) <= n - at);
		if (!s->members++)
			strcpy(s->first, t.name);
		strcpy(s->last, t.name);
		s->bulk += !strncmp(t.name, "ftrace/cpu", 10);
		if (!strncmp(t.name, "quality/", 8))
			assert_int_equal(buf_put(&s->text, p + at, t.size), 0);
		s->end_json = !strcmp(t.name, "end.json");
		at += tape_tar_padded(t.size);
	}
	assert_int_equal(at, n);
}

/* Every frame with its trailer, nothing between or behind them. */
static struct seen walk(const char *path)
{
	struct seen s = { 0 };
	struct buf tape = { 0 };
	size_t at = 0;

	load(path, &tape);
	while (at < tape.len) {
		size_t len = ZSTD_findFrameCompressedSize(tape.data + at, tape.len - at);
		struct tape_trailer t;
		uint8_t *raw;

		assert_false(ZSTD_isError(len));
		assert_int_equal(tape_trailer_decode(tape.data + at + len, tape.len - at - len, &t),
				 0);
		assert_int_equal(t.seq, s.frames);
		assert_int_equal(t.offset, at);
		assert_int_equal(t.len_bytes, len);
		assert_int_equal(t.crc, tape_crc32c(0, tape.data + at, len));
		assert_int_equal(ZSTD_getFrameContentSize(tape.data + at, len), t.raw_bytes);
		assert_true(tape.data[at + 4] & 4); /* RFC 8878, 3.1.1.1.1: Content_Checksum_flag */
		raw = malloc(t.raw_bytes);
		assert_non_null(raw);
		assert_int_equal(ZSTD_decompress(raw, t.raw_bytes, tape.data + at, len),
				 t.raw_bytes);
		walk_members(&s, raw, t.raw_bytes);
		free(raw);
		if (!s.frames++)
			assert_int_equal(s.members, 1);
		if (t.raw_bytes > s.raw_max)
			s.raw_max = t.raw_bytes;
		at += len + TAPE_TRAILER_BYTES;
	}
	buf_free(&tape);
	return s;
}

static struct seen walk_and_remove(const char *path, int fd)
{
	struct seen s = walk(path);

	close(fd);
	unlink(path);
	return s;
}

static void fill_random(uint8_t *p, size_t n, uint32_t x)
{
	for (size_t i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = (uint8_t)(x >> 24);
	}
}

static void test_small(void **state)
{
	struct tape_writer *w;
	struct err e = { "" };
	char path[64], cmd[256], line[256];
	struct seen s;
	int fd = temp_file(path), n = 0;
	FILE *tar;

	(void)state;
	assert_int_equal(tape_writer_open(&w, fd, 0, JSON, &e), 0);
	s = walk(path); /* on disk before open returned */
	assert_int_equal(s.frames, 1);
	assert_string_equal(s.first, "tape.json");
	assert_int_equal(tape_member_put(w, "abc", 3, "clock/%06d", 0), 0);
	assert_int_equal(tape_member_put(w, NULL, 0, "kmsg"), 0);
	assert_int_equal(tape_member_put(w, "x", 1, "../evil"), -EINVAL);
	assert_int_equal(tape_member_put(w, "x", 1, "a b"), -EINVAL);
	assert_int_equal(tape_member_put(w, "x", 1, "%0101d", 0), -EINVAL);
	assert_int_equal(tape_member_put(w, "x", 1, "%0100d", 0), 0);
	assert_int_equal(tape_member_put(w, "x", TAPE_MEMBER_MAX + 1, "big"), -EINVAL);
	assert_int_equal(tape_writer_failed(w), 0);
	assert_int_equal(tape_writer_close(w, END, &e), 0);

	snprintf(cmd, sizeof(cmd), "tar --zstd -tf %s 2>&1", path);
	tar = popen(cmd, "r");
	assert_non_null(tar);
	while (fgets(line, sizeof(line), tar))
		n++;
	assert_int_equal(pclose(tar), 0);
	assert_int_equal(n, 5);

	s = walk_and_remove(path, fd);
	assert_int_equal(s.frames, 4);
	assert_int_equal(s.members, 5);
	assert_true(s.end_blocks);
}

/* A frame is written when it is a second old, without another member. */
static void test_second(void **state)
{
	struct tape_writer *w;
	char path[64];
	int fd = temp_file(path);
	uint64_t before;
	int64_t end = clock_mono_ns() + 3 * NSEC_PER_SEC;

	(void)state;
	assert_int_equal(tape_writer_open(&w, fd, 0, JSON, NULL), 0);
	before = tape_writer_bytes(w, NULL);
	assert_int_equal(tape_member_put(w, "abc", 3, "clock/000000"), 0);
	usleep(300000);
	assert_int_equal(tape_writer_bytes(w, NULL), before);
	while (tape_writer_bytes(w, NULL) == before && clock_mono_ns() < end)
		usleep(50000);
	assert_int_equal(walk(path).members, 2);
	assert_int_equal(tape_writer_close(w, END, NULL), 0);
	assert_true(walk_and_remove(path, fd).end_blocks);
}

struct producer {
	struct tape_writer *w;
	int id;
};

static void *produce(void *arg)
{
	struct producer *p = arg;
	uint8_t *data = malloc(256 * KIB);

	fill_random(data, 256 * KIB, (uint32_t)p->id);
	for (int i = 0; i < 100; i++)
		tape_member_put(p->w, data, 1000 + 2500 * (size_t)i, "ftrace/cpu%d/%06d", p->id, i);
	free(data);
	return NULL;
}

static void test_threads(void **state)
{
	struct tape_writer *w;
	struct producer p[4];
	pthread_t t[4];
	char path[64];
	int fd = temp_file(path);
	struct seen s;

	(void)state;
	assert_int_equal(tape_writer_open(&w, fd, 0, JSON, NULL), 0);
	for (int i = 0; i < 4; i++) {
		p[i] = (struct producer){ w, i };
		assert_int_equal(pthread_create(&t[i], NULL, produce, &p[i]), 0);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(tape_writer_close(w, END, NULL), 0);
	s = walk_and_remove(path, fd);
	assert_int_equal(s.bulk, 400);
	assert_true(s.frames > 10);
	assert_true(s.raw_max < TAPE_FRAME_RAW_TARGET + 256 * KIB);
	assert_true(s.end_blocks);
}

/* Incompressible events up to a limit, then the members that make the tape useful. */
static struct seen limited(uint64_t max, size_t chunk, uint64_t *size)
{
	static uint8_t data[4 * MIB];
	struct tape_writer *w;
	struct stat st;
	char path[64];
	int fd = temp_file(path), rc = 0, i;

	fill_random(data, sizeof(data), 7);
	assert_int_equal(tape_writer_open(&w, fd, max, JSON, NULL), 0);
	for (i = 0; i < 100000 && !rc; i++)
		rc = tape_member_put(w, data + i % 512, chunk, "ftrace/cpu0/%06d", i);
	assert_int_equal(rc, -EFBIG);
	assert_int_equal(tape_writer_failed(w), -EFBIG);
	assert_int_equal(tape_member_put(w, data, 1, "ftrace/cpu1/000000"), -EFBIG);
	if (max >= 4 * MIB) {
		assert_int_equal(tape_member_put(w, data, max / 16, "snap/000001/host/proc/stat"),
				 0);
		memset(data, 'a',
		       sizeof(data)); /* larger than all that is left, but not when compressed */
		fill_random(data, max / 16, 9);
		assert_int_equal(tape_member_put(w, data, sizeof(data), "kallsyms"), 0);
	}
	assert_int_equal(tape_writer_close(w, END, NULL), 0);
	assert_int_equal(fstat(fd, &st), 0);
	*size = (uint64_t)st.st_size;
	return walk_and_remove(path, fd);
}

static void test_limit(void **state)
{
	static const uint64_t max[] = { 1, 10000, 100000, MIB, 4 * MIB, 20 * MIB };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(max); i++) {
		uint64_t size;
		struct seen s = limited(max[i], 20000, &size);

		assert_true(s.end_blocks);
		assert_true(size <= (max[i] > 10000 ? max[i] : 10000));
		if (max[i] >= MIB) /* what was promised is used */
			assert_true(size > max[i] / 3);
	}
}

static void test_full_device(void **state)
{
	struct tape_writer *w;
	struct err e = { "" };
	int fd = open("/dev/full", O_WRONLY);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(tape_writer_open(&w, fd, 0, JSON, &e), -ENOSPC);
	assert_non_null(strstr(e.text, "nothing was recorded"));
	close(fd);
}

static void test_pipe(void **state)
{
	static uint8_t data[MIB];
	struct tape_writer *w;
	struct err e = { "" };
	int p[2], rc = 0;

	(void)state;
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(p), 0);
	assert_int_equal(tape_writer_open(&w, p[1], 0, JSON, &e), 0);
	close(p[0]);
	for (int i = 0; i < 100 && !rc; i++)
		rc = tape_member_put(w, data, sizeof(data), "ftrace/cpu0/%06d", i);
	assert_int_equal(rc, -EPIPE);
	assert_int_equal(tape_writer_failed(w), -EPIPE);
	assert_int_equal(tape_writer_close(w, END, &e), -EPIPE);
	assert_non_null(strstr(e.text, "went away"));
	close(p[1]);
}

/* A file that cannot grow: the torn frame is cut off, and there the tape ends as it should. */
static void test_no_space(void **state)
{
	static uint8_t data[MIB];
	struct rlimit old, small = { MIB * 3, RLIM_INFINITY };
	struct tape_writer *w;
	struct err e = { "" };
	char path[64];
	int fd = temp_file(path), rc = 0;
	struct seen s;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	fill_random(data, sizeof(data), 3);
	getrlimit(RLIMIT_FSIZE, &old);
	small.rlim_max = old.rlim_max;
	assert_int_equal(write(fd, "before", 6), 6); /* a tape need not begin where its file does */
	assert_int_equal(tape_writer_open(&w, fd, 0, JSON, &e), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (int i = 0; i < 100 && !rc; i++)
		rc = tape_member_put(w, data, sizeof(data), "ftrace/cpu0/%06d", i);
	assert_int_equal(rc, -EDQUOT);
	assert_int_equal(tape_writer_close(w, END, &e), -EDQUOT);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_non_null(strstr(e.text, "whole tape"));

	{
		struct buf b = { 0 };
		FILE *f;

		load(path, &b);
		assert_memory_equal(b.data, "before", 6);
		f = fopen(path, "w");
		assert_non_null(f);
		assert_int_equal(fwrite(b.data + 6, 1, b.len - 6, f), b.len - 6);
		fclose(f);
		buf_free(&b);
	}
	s = walk_and_remove(path, fd);
	assert_true(s.end_blocks);
}

static void test_quality(void **state)
{
	struct tape_writer *w;
	char path[64];
	int fd = temp_file(path);
	struct seen s;
	static const char begin[] = "event-missing\tftrace\t\t\t\t\t3\ta\\011b\\134c\\012d\n"
				    "k\ts\t1\teth0\t5\t6\t\tn\n";
	unsigned int lines = 0;

	(void)state;
	assert_int_equal(tape_writer_open(&w, fd, 0, JSON, NULL), 0);
	quality_put(w, "event-missing", "ftrace", -1, NULL, -1, -1, 3, "a\tb\\c\n%s", "d");
	for (int i = 0; i < 150; i++)
		quality_put(w, "k", "s", 1, "eth0", 5, 6, -1, "n");
	quality_put(w, "k", "s", 2, "eth0", 5, 6, -1, "n");
	assert_int_equal(tape_writer_close(w, END, NULL), 0);
	s = walk_and_remove(path, fd);
	buf_put(&s.text, "", 1);
	for (uint8_t *p = s.text.data; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 1 + 101 + 1);
	assert_memory_equal(s.text.data, begin, sizeof(begin) - 1);
	assert_non_null(strstr((char *)s.text.data, "and more of these"));
	buf_free(&s.text);
}

static void test_clock(void **state)
{
	struct clock_pair p;
	struct buf b = { 0 };
	unsigned int tabs = 0;

	(void)state;
	clock_pair_read(&p, 32);
	assert_true(p.window_ns >= 0 && p.window_ns < NSEC_PER_SEC);
	assert_true(p.boot_ns >= p.mono_ns - p.window_ns);
	assert_true(clock_mono_ns() >= p.mono_ns);
	assert_int_equal(clock_pair_line(&p, &b), 0);
	for (size_t i = 0; i < b.len; i++)
		tabs += b.data[i] == '\t';
	assert_int_equal(tabs, 6);
	assert_int_equal(b.data[b.len - 1], '\n');
	buf_free(&b);
}

/* The check value of RFC 3720, B.4's polynomial, and that it can be taken in pieces. */
static void test_crc(void **state)
{
	uint8_t data[100];
	uint32_t slow = ~0u;

	(void)state;
	assert_int_equal(tape_crc32c(0, "123456789", 9), 0xe3069283);
	for (size_t i = 0; i < sizeof(data); i++) {
		data[i] = (uint8_t)(i * 37 + 11);
		slow ^= data[i];
		for (int bit = 0; bit < 8; bit++)
			slow = slow >> 1 ^ (slow & 1 ? 0x82f63b78 : 0);
		assert_int_equal(tape_crc32c(0, data, i + 1), ~slow);
		assert_int_equal(tape_crc32c(tape_crc32c(0, data, i / 3), data + i / 3, i + 1 - i / 3), ~slow);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_crc),	    cmocka_unit_test(test_small),	    cmocka_unit_test(test_second),
		cmocka_unit_test(test_threads),	    cmocka_unit_test(test_limit),
		cmocka_unit_test(test_full_device), cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_no_space),    cmocka_unit_test(test_quality),
		cmocka_unit_test(test_clock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
