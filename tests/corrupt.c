/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * corrupt TAPE DIR COUNT packs a tape into some forty frames (DIR/whole.skbtape), damages that
 * COUNT times, the same way in each run, and reads each result. A byte of the damaged file either
 * comes from a place in the whole one or is new, so it is known which frames, trailers included,
 * are left as they were: just their members must be there, byte for byte. What is analyzed behind
 * that depends on nothing but the members, so tests/corrupt.sh runs the program on one damaged tape
 * for each set of frames that were left (DIR/KEY.skbtape, KEY is that set in hexadecimal), or with
 * FULL=1 on each.
 *
 * Prints "NUMBER KIND PLACE BYTES KEY" for each damage. DIR/lose-FRAME.skbtape has one frame that
 * is broken in its middle. Status 1: a reader that lost or invented something; it is said what.
 */
#include "../analyze/tape_read.h"
#include "../schema/tape.h"
#include "tape_make.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FRAMES_MAX  64
#define FRAMES_WANT 40
#define PAGE	    4096

enum kind { FLIP, RUBBISH, ZERO, SWAP, DOUBLE, REMOVE, KINDS };

static const char *const kind_name[KINDS] = {
	"flip", "rubbish", "zero", "swap", "double", "remove"
};

struct frame {
	size_t at, len; /* trailer included */
};

/* Bytes, and where in the whole tape each comes from; -1: nowhere */
struct bytes {
	uint8_t *v;
	int64_t *from;
	size_t n;
};

struct member {
	char *name;
	uint32_t frame;
	struct buf data;
};

static struct frame frames[FRAMES_MAX];
static size_t n_frames;
static struct member *members;
static size_t n_members;

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "corrupt: %s\n", what);
	exit(1);
}

/* xorshift64*, the same on each machine */
static uint64_t state;

static size_t below(size_t n)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return n ? (size_t)((state * 0x2545f4914f6cdd1dULL) >> 11) % n : 0;
}

static struct bytes slurp(const char *path)
{
	struct bytes b = { 0 };
	FILE *f = fopen(path, "rb");
	long n;

	need(f && !fseek(f, 0, SEEK_END) && (n = ftell(f)) > PAGE * 4L && !fseek(f, 0, SEEK_SET),
	     path);
	b.n = (size_t)n;
	b.v = malloc(b.n);
	b.from = calloc(b.n, sizeof(*b.from));
	need(b.v && b.from && fread(b.v, 1, b.n, f) == b.n, path);
	for (size_t i = 0; i < b.n; i++)
		b.from[i] = (int64_t)i;
	fclose(f);
	return b;
}

static void spill(const struct bytes *b, const char *path)
{
	FILE *f = fopen(path, "wb");

	need(f && fwrite(b->v, 1, b->n, f) == b->n && !fclose(f), path);
}

static struct bytes copy_of(const struct bytes *b, size_t room)
{
	struct bytes c = { malloc(b->n + room), calloc(b->n + room, sizeof(*c.from)), b->n };

	need(c.v && c.from, "out of memory");
	memcpy(c.v, b->v, b->n);
	memcpy(c.from, b->from, b->n * sizeof(*c.from));
	return c;
}

static void drop(struct bytes *b)
{
	free(b->v);
	free(b->from);
}

static void set(struct bytes *b, size_t at, uint8_t v)
{
	if (b->v[at] != v)
		b->from[at] = -1;
	b->v[at] = v;
}

static void swap_byte(struct bytes *b, size_t x, size_t y)
{
	uint8_t v = b->v[x];
	int64_t from = b->from[x];

	if (b->v[x] == b->v[y]) /* nothing happens */
		return;
	b->v[x] = b->v[y];
	b->from[x] = b->from[y];
	b->v[y] = v;
	b->from[y] = from;
}

/* One damage, from one byte to one page. @b has room for a page more. */
static enum kind damage(struct bytes *b, size_t *at, size_t *n)
{
	enum kind kind = (enum kind)below(KINDS);
	size_t to;

	*n = 1 + below((size_t)1 << below(13));
	*at = below(b->n - 2 * PAGE);
	switch (kind) {
	case FLIP:
		*n = 1;
		set(b, *at, b->v[*at] ^ (uint8_t)(1U << below(8)));
		break;
	case RUBBISH:
		for (size_t i = 0; i < *n; i++)
			set(b, *at + i, (uint8_t)below(256));
		break;
	case ZERO:
		for (size_t i = 0; i < *n; i++)
			set(b, *at + i, 0);
		break;
	case SWAP:
		to = *at + *n + below(b->n - *at - 2 * *n);
		for (size_t i = 0; i < *n; i++)
			swap_byte(b, *at + i, to + i);
		break;
	case DOUBLE: /* a copy of what stands at @at behind it */
		memmove(b->v + *at + *n, b->v + *at, b->n - *at);
		memmove(b->from + *at + *n, b->from + *at, (b->n - *at) * sizeof(*b->from));
		b->n += *n;
		break;
	case REMOVE:
		memmove(b->v + *at, b->v + *at + *n, b->n - *at - *n);
		memmove(b->from + *at, b->from + *at + *n, (b->n - *at - *n) * sizeof(*b->from));
		b->n -= *n;
		break;
	case KINDS:
		break;
	}
	return kind;
}

static void find_frames(const struct bytes *b)
{
	size_t at = 0;

	for (size_t i = 0; i + TAPE_TRAILER_BYTES <= b->n; i++) {
		struct tape_trailer t;

		if (b->v[i] != 0x5b || tape_trailer_decode(b->v + i, b->n - i, &t) ||
		    t.offset != at || t.offset + t.len_bytes != i)
			continue;
		need(n_frames < FRAMES_MAX, "too many frames");
		at = i + TAPE_TRAILER_BYTES;
		frames[n_frames++] = (struct frame){ t.offset, at - t.offset };
	}
	need(at == b->n, "the tape is not whole");
}

static void read_whole(const char *path)
{
	struct err e = { "" };
	struct tape *t;

	need(!tape_open(&t, path, &e), e.text);
	n_members = tape_member_count(t);
	members = calloc(n_members, sizeof(*members));
	need(members, "out of memory");
	for (size_t i = 0; i < n_members; i++) {
		members[i].name = strdup(tape_member(t, i)->name);
		need(members[i].name && !tape_load(t, i, &members[i].data, &e), e.text);
	}
	tape_close(t);
}

/* The members once more, in frames of about the same size; tape.json has one of its own. */
static void pack(const char *path)
{
	static const uint8_t end[TAPE_END_BLOCKS * TAPE_BLOCK];
	struct tape_make *m = tape_make_open("");
	size_t all = 0, raw = 0;
	struct buf b;

	for (size_t i = 0; i < n_members; i++)
		all += members[i].data.len;
	for (size_t i = 0; i < n_members; i++) {
		tape_make_member(m, members[i].name, members[i].data.data, members[i].data.len);
		raw += members[i].data.len;
		members[i].frame = (uint32_t)n_frames;
		if (!i || raw > all / FRAMES_WANT || i + 1 == n_members) {
			tape_make_frame(m);
			n_frames++;
			raw = 0;
		}
	}
	n_frames = 0;
	tape_make_raw(m, end, sizeof(end));
	b = tape_make_close(m, false, path);
	buf_free(&b);
}

/* The frames that are left as they were. *moved: one of them stands before an earlier one. */
static uint64_t left_of(const struct bytes *b, bool *moved)
{
	size_t last = 0;
	uint64_t left = 0;

	*moved = false;
	for (size_t k = 0; k < n_frames; k++) {
		const struct frame *f = &frames[k];
		bool found = false;

		for (size_t i = 0; !found && i + f->len <= b->n; i++) {
			if (b->from[i] != (int64_t)f->at)
				continue;
			found = true;
			for (size_t j = 0; found && j < f->len; j++)
				found = b->from[i + j] == (int64_t)(f->at + j);
			if (found) {
				*moved |= i < last;
				last = i + f->len;
			}
		}
		left |= (uint64_t)found << k;
	}
	return left;
}

/* Whether the reader gives just the members of the frames in @left. */
static bool reads(const char *path, uint64_t left, bool changed, bool moved)
{
	struct err e = { "" };
	struct buf data = { 0 };
	struct tape *t;
	size_t next = 0;
	int rc = tape_open(&t, path, &e);
	bool good = true;

	if (rc || !(left & 1)) {
		good = rc == -EINVAL && (moved || !(left & 1)) && e.text[0];
		if (!good)
			fprintf(stderr, "corrupt: opened with %d: %s\n", rc, e.text);
		if (!rc)
			tape_close(t);
		return good;
	}
	for (size_t i = 0; good && i < tape_member_count(t); i++) {
		const char *name = tape_member(t, i)->name;
		size_t skipped = next;

		while (next < n_members && !(left >> members[next].frame & 1))
			next++;
		/* a frame that moved may be lost, but nothing else comes in its place */
		while (moved && next < n_members && strcmp(members[next].name, name))
			next++;
		good = next < n_members && !strcmp(members[next].name, name) &&
		       !tape_load(t, i, &data, &e) && data.len == members[next].data.len &&
		       (!data.len || !memcmp(data.data, members[next].data.data, data.len));
		if (!good)
			fprintf(stderr, "corrupt: member %s is none of the %zu from %zu on\n", name,
				n_members, skipped);
		next++;
	}
	while (!moved && good && next < n_members && !(left >> members[next].frame & 1))
		next++;
	if (!moved && good && next < n_members) {
		fprintf(stderr, "corrupt: member %s is not read\n", members[next].name);
		good = false;
	}
	if (good) {
		const struct tape_state *s = tape_state(t);
		bool said =
			s->cut || s->frames_bad || s->frames_gap || s->bytes_bad || s->members_bad;

		if (said != changed) {
			fprintf(stderr, "corrupt: the damage is %ssaid\n", said ? "" : "not ");
			good = false;
		}
	}
	buf_free(&data);
	tape_close(t);
	return good;
}

int main(int argc, char **argv)
{
	char path[512], keep[512];
	struct bytes whole;
	int bad = 0;

	need(argc == 4, "usage: corrupt TAPE DIR COUNT");
	read_whole(argv[1]);
	snprintf(path, sizeof(path), "%s/whole.skbtape", argv[2]);
	pack(path);
	whole = slurp(path);
	find_frames(&whole);
	for (size_t k = 0; k < n_frames; k++) {
		size_t at = frames[k].at + (frames[k].len - TAPE_TRAILER_BYTES) / 2;

		snprintf(path, sizeof(path), "%s/lose-%zu.skbtape", argv[2], k);
		whole.v[at] ^= 0xff;
		spill(&whole, path);
		whole.v[at] ^= 0xff;
	}
	for (long i = 0; i < strtol(argv[3], NULL, 10); i++) {
		struct bytes b = copy_of(&whole, PAGE);
		uint64_t left;
		enum kind kind;
		size_t at, n;
		bool moved, changed;

		state = 0x9e3779b97f4a7c15ULL * (uint64_t)(i + 1);
		for (int k = 0; k < 8; k++)
			below(1);
		kind = damage(&b, &at, &n);
		left = left_of(&b, &moved);
		changed = b.n != whole.n || memcmp(b.v, whole.v, b.n);
		snprintf(path, sizeof(path), "%s/now.skbtape", argv[2]);
		spill(&b, path);
		printf("%ld %s %zu %zu %" PRIx64 "%s\n", i, kind_name[kind], at, n, left,
		       !changed ? "-same"
		       : moved	? "-moved"
				: "");
		fflush(stdout);
		if (!reads(path, left, changed, moved)) {
			fprintf(stderr, "corrupt: damage %ld: %s of %zu bytes at %zu\n", i,
				kind_name[kind], n, at);
			bad = 1;
		}
		if (getenv("FULL"))
			snprintf(keep, sizeof(keep), "%s/%ld.skbtape", argv[2], i);
		else
			snprintf(keep, sizeof(keep), "%s/%" PRIx64 "%s.skbtape", argv[2], left,
				 !changed ? "-same"
				 : moved  ? "-moved"
					  : "");
		need(!rename(path, keep), "rename");
		drop(&b);
	}
	for (size_t i = 0; i < n_members; i++) {
		free(members[i].name);
		buf_free(&members[i].data);
	}
	free(members);
	drop(&whole);
	return bad;
}
