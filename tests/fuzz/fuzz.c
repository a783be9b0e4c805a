/* SPDX-License-Identifier: MIT */
#include "fuzz.h"
#include "../../schema/tape.h"

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#include <sanitizer/lsan_interface.h>
#endif
#include <sqlite3.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

bool fuzz_cstr(const char *s, size_t size)
{
	size_t n = strnlen(s, size);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < 0x20)
			return false;
	return n < size;
}

bool fuzz_part(struct span *left, struct span *name, struct span *part)
{
	const char *end;

	while (span_line(left, name)) {
		if (!span_starts(*name, "@ "))
			continue;
		name->p += 2;
		name->n -= 2;
		end = left->n ? memmem(left->p, left->n, "\n@ ", 3) : NULL;
		part->p = left->p;
		part->n = end ? (size_t)(end - left->p) : left->n;
		left->p += part->n + (end ? 1 : 0);
		left->n -= part->n + (end ? 1 : 0);
		return true;
	}
	return false;
}

const char *fuzz_file(const void *data, size_t n)
{
	static char path[32];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("fuzz", MFD_CLOEXEC);
		HOLDS(fd >= 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	HOLDS(!ftruncate(fd, 0));
	HOLDS(!n || pwrite(fd, data, n, 0) == (ssize_t)n);
	return path;
}

const char *fuzz_tape(struct span parts)
{
	struct span left = parts, name, part;
	struct tape_make *m;
	char *json = NULL;
	const char *path;
	struct buf tape;

	while (!json && fuzz_part(&left, &name, &part))
		if (span_is(name, "tape.json"))
			json = strndup(part.p, part.n);
	m = tape_make_open(json && *json ? json : NULL);
	tape_make_level(m, -5); /* how well is no matter, how fast is */
	free(json);
	while (fuzz_part(&parts, &name, &part)) {
		char text[TAPE_NAME_MAX + 1];

		if (span_is(name, "-"))
			tape_make_frame(m);
		if (span_is(name, "-") || span_is(name, "tape.json") || name.n > TAPE_NAME_MAX ||
		    !tape_name_ok(name))
			continue;
		span_copy(name, text, sizeof(text));
		tape_make_member(m, text, part.p, part.n);
	}
	tape = tape_make_close(m, true, NULL);
	path = fuzz_file(tape.data, tape.len);
	buf_free(&tape);
	return path;
}

struct span fuzz_slurp(const char *path)
{
	struct buf b = { 0 };
	FILE *f = fopen(path, "rb");
	uint8_t block[4096];
	size_t n;

	if (!f)
		return (struct span){ 0 };
	while ((n = fread(block, 1, sizeof(block), f)))
		HOLDS(!buf_put(&b, block, n));
	fclose(f);
	HOLDS(!buf_reserve(&b, 1)); /* not NULL for an empty file */
	return (struct span){ (char *)b.data, b.len };
}

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
/*
 * Most of an input's time went into SQLite's many small pieces of memory, each of which the
 * sanitizer's allocator makes and checks. While fuzzing, SQLite gets them from lists of
 * free pieces by size, without locks; replay.c leaves it the sanitizer's.
 */
enum { PIECE_MIN = 5, PIECE_MAX = 20, PIECES = 1 << 24 };

/* Called too often for the sanitizers to look at each step of it. */
#define BARE __attribute__((no_sanitize("address", "undefined", "coverage")))

union piece {
	struct {
		size_t n;
		union piece *next;
	} head;
	max_align_t align;
};

static union piece *unused[PIECE_MAX + 1];

BARE static int piece_list(size_t n)
{
	return n <= (size_t)1 << PIECE_MIN ? PIECE_MIN : 64 - __builtin_clzl(n - 1);
}

BARE static void *piece_get(int size)
{
	static uint8_t *from;
	static size_t left;
	size_t n = size > 0 ? (size_t)size : 1;
	int i = piece_list(n);
	union piece *p;

	if (i > PIECE_MAX) {
		p = malloc(sizeof(*p) + n);
		if (p)
			p->head.n = n;
		return p ? p + 1 : NULL;
	}
	p = unused[i];
	n = (size_t)1 << i;
	if (p) {
		unused[i] = p->head.next;
		return p + 1;
	}
	if (left < sizeof(*p) + n) {
		from = mmap(NULL, PIECES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (from == MAP_FAILED)
			return NULL;
		left = PIECES;
		__lsan_register_root_region(from, PIECES); /* there are pointers to the others' memory in it */
	}
	p = (union piece *)from;
	from += sizeof(*p) + n;
	left -= sizeof(*p) + n;
	p->head.n = n;
	return p + 1;
}

BARE static void piece_put(void *v)
{
	union piece *p = (union piece *)v - 1;
	int i = piece_list(p->head.n);

	if (i > PIECE_MAX) {
		free(p);
		return;
	}
	p->head.next = unused[i];
	unused[i] = p;
}

BARE static int piece_size(void *v)
{
	return (int)((union piece *)v - 1)->head.n;
}

BARE static void *piece_more(void *v, int size)
{
	void *to;

	if (size <= piece_size(v))
		return v;
	to = piece_get(size);
	if (to) {
		memcpy(to, v, (size_t)piece_size(v));
		piece_put(v);
	}
	return to;
}

BARE static int piece_round(int size)
{
	int i = piece_list((size_t)size);

	return i > PIECE_MAX ? size : 1 << i;
}

static int piece_init(void *unneeded)
{
	(void)unneeded;
	return SQLITE_OK;
}

static void piece_end(void *unneeded)
{
	(void)unneeded;
}

__attribute__((constructor)) static void pieces_use(void)
{
	static const sqlite3_mem_methods m = { piece_get,   piece_put,	piece_more, piece_size,
					       piece_round, piece_init, piece_end,  NULL };

	HOLDS(sqlite3_config(SQLITE_CONFIG_MALLOC, &m) == SQLITE_OK &&
	      sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0) == SQLITE_OK &&
	      sqlite3_config(SQLITE_CONFIG_SINGLETHREAD) == SQLITE_OK);
}
#endif
