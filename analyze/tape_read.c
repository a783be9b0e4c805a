/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * tape_open() finds the frames (tape_frames.c), decompresses each (tape_ahead.c), walks its tar
 * headers and lists its members. A frame counts as a whole or not at all. Then it
 * reads tape.json, for the version.
 *
 * Bounds: a frame's raw size is at most TAPE_FRAME_RAW_MAX and must be what the
 * trailer and zstd's own header say before memory is taken (decompression in one
 * piece needs no window beside it); the sum over all frames is bounded by the
 * file's size, which ends a compression bomb.
 *
 * Invariant after tape_open(): every member lies inside its frame's raw bytes. The
 * file may change later, so tape_load() checks the frame's size again.
 *
 * A file of another program that import.c can read has no frames: its parts are the
 * members, and so is what tape_add() puts behind those of a tape.
 */
#include "tape_read.h"
#include "import.h"
#include "tape_ahead.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define MEMBERS_MAX	20000000U
#define NAMES_MAX	(1024 * MIB)
#define NAMES_CHUNK	(64 * KIB)
#define JSON_MAX	(1 * MIB)
#define CACHE_SLOTS	6
#define AHEAD_MIN	16 /* frames of a tape that is worth a thread */
#define CACHE_BYTES_MAX (512 * MIB)
/* Raw bytes that a tape may unfold to: real ones stay below 100 times their size. */
#define RAW_FLOOR (256 * MIB)
#define RAW_RATIO 1000
#define FRAME_NONE UINT32_MAX /* of a member that import.c has */

struct chunk {
	struct chunk *next;
	size_t used;
	char text[];
};

struct slot {
	uint32_t frame;
	uint64_t used; /* tick of the last use, 0: empty */
	struct buf raw;
};

/* What loading works with, one of them for each thread. */
struct tape_reader {
	struct tape *tape;
	ZSTD_DCtx *zstd;
	struct buf packed;
	struct slot cache[CACHE_SLOTS];
	uint64_t tick;
	struct tape_ahead *ahead; /* NULL: none */
	bool opening;
};

struct tape {
	struct tape_file file;
	struct tape_frames frames; /* the usable ones */
	struct tape_state st;
	struct tape_member *members;
	size_t n_members, cap_members;
	uint32_t *hash; /* index + 1 of a member, 0: free; power of two long */
	size_t hash_size;
	struct chunk *names;
	uint64_t names_bytes;
	struct tape_reader own; /* of the thread that opened it */
	bool end_json; /* while decoding: seen, nothing but the end blocks may follow */
	bool end;
	struct buf json;
	sqlite3 *sql;
	struct import *import; /* of a foreign file, or what was added to a tape */
};

/* ---- raw bytes and members ---- */

/* A slot for @need bytes; frames are given up as long as all of them would be too much. */
static struct slot *free_slot(struct tape_reader *t, uint64_t need)
{
	for (;;) {
		struct slot *empty = NULL, *oldest = NULL;
		uint64_t sum = need;

		for (int i = 0; i < CACHE_SLOTS; i++) {
			struct slot *s = &t->cache[i];

			sum += s->raw.cap;
			if (!s->used)
				empty = s;
			else if (!oldest || s->used < oldest->used)
				oldest = s;
		}
		if (sum <= CACHE_BYTES_MAX || !oldest) {
			struct slot *s = empty ? empty : oldest;

			s->used = 0;
			return s;
		}
		buf_free(&oldest->raw);
		oldest->used = 0;
	}
}

/*
 * The raw bytes of frame @i. They stay valid until CACHE_SLOTS other frames were
 * asked for. Return: as tape_unpack().
 */
static int frame_raw(struct tape_reader *r, uint32_t i, const uint8_t **raw, struct err *e)
{
	const struct tape_frame *f = &r->tape->frames.v[i];
	struct slot *s;
	int rc;

	for (int k = 0; k < CACHE_SLOTS; k++) {
		s = &r->cache[k];
		if (s->used && s->frame == i) {
			s->used = ++r->tick;
			*raw = s->raw.data;
			return 0;
		}
	}
	s = free_slot(r, f->tr.raw_bytes);
	if (tape_ahead_take(r->ahead, i, &s->raw)) {
		/* where there is nothing else to do, every second frame is done here */
		tape_ahead_want(r->ahead, i, i + (r->opening ? 2 : 1));
	} else {
		tape_ahead_want(r->ahead, i, i + 1);
		rc = tape_unpack(&r->tape->file, f, r->zstd, &r->packed, &s->raw, e);
		if (rc)
			return rc;
	}
	s->frame = i;
	s->used = ++r->tick;
	*raw = s->raw.data;
	return 0;
}

static uint32_t name_hash(const char *name)
{
	uint32_t h = 2166136261U; /* FNV-1a */

	while (*name)
		h = (h ^ (uint8_t)*name++) * 16777619U;
	return h;
}

/* The hash slot of @name, free or taken; the table is never full. */
static size_t hash_slot(const struct tape *t, const char *name)
{
	size_t i = name_hash(name) & (t->hash_size - 1);

	while (t->hash[i] && strcmp(t->members[t->hash[i] - 1].name, name))
		i = (i + 1) & (t->hash_size - 1);
	return i;
}

static int grow_hash(struct tape *t)
{
	uint32_t *old = t->hash;
	size_t size = t->hash_size ? t->hash_size * 2 : 1024;

	t->hash = calloc(size, sizeof(*t->hash));
	if (!t->hash) {
		t->hash = old;
		return -ENOMEM;
	}
	t->hash_size = size;
	for (size_t i = 0; i < t->n_members; i++)
		t->hash[hash_slot(t, t->members[i].name)] = (uint32_t)i + 1;
	free(old);
	return 0;
}

static char *keep_name(struct tape *t, const char *name)
{
	size_t n = strlen(name) + 1;
	struct chunk *c = t->names;
	char *p;

	if (!c || NAMES_CHUNK - c->used < n) {
		c = malloc(sizeof(*c) + NAMES_CHUNK);
		if (!c)
			return NULL;
		c->next = t->names;
		c->used = 0;
		t->names = c;
	}
	p = memcpy(c->text + c->used, name, n);
	c->used += n;
	t->names_bytes += n;
	return p;
}

static int add_member(struct tape *t, uint32_t frame, const struct tape_tar *tar, uint64_t at)
{
	struct tape_member *m;
	size_t slot;

	if ((t->n_members + 1) * 2 > t->hash_size && grow_hash(t))
		return -ENOMEM;
	slot = hash_slot(t, tar->name);
	if (t->hash[slot] || (t->end_json && frame != FRAME_NONE) || tar->size > TAPE_MEMBER_MAX ||
	    t->n_members >= MEMBERS_MAX || t->names_bytes >= NAMES_MAX ||
	    (frame == 0) != !strcmp(tar->name, "tape.json")) {
		t->st.members_bad++;
		return 0;
	}
	if (t->n_members == t->cap_members) {
		size_t cap = t->cap_members ? t->cap_members * 2 : 256;

		m = realloc(t->members, cap * sizeof(*m));
		if (!m)
			return -ENOMEM;
		t->members = m;
		t->cap_members = cap;
	}
	m = &t->members[t->n_members];
	*m = (struct tape_member){ .size = tar->size, .frame = frame, .at = at };
	m->name = keep_name(t, tar->name);
	if (!m->name)
		return -ENOMEM;
	t->hash[slot] = (uint32_t)++t->n_members;
	if (!strcmp(tar->name, "end.json"))
		t->end_json = true;
	return 0;
}

/* Walk the tar headers of a frame; with @add list its members. Return: 0, -ENOMEM, -EBADMSG. */
static int walk(struct tape *t, uint32_t frame, const uint8_t *raw, uint64_t n, bool add)
{
	uint64_t off = 0;

	while (off < n) {
		struct tape_tar tar;
		int rc = 0;

		if (n - off < TAPE_BLOCK || tape_tar_decode(raw + off, &tar) || tar.end)
			return -EBADMSG;
		off += TAPE_BLOCK;
		/* tar.size is bounded, so its padded value does not wrap */
		if (tape_tar_padded(tar.size) > n - off)
			return -EBADMSG;
		if (add)
			rc = add_member(t, frame, &tar, off);
		if (rc)
			return rc;
		off += tape_tar_padded(tar.size);
	}
	return 0;
}

static bool is_end_blocks(const uint8_t *raw, uint64_t n)
{
	if (n != (uint64_t)TAPE_END_BLOCKS * TAPE_BLOCK)
		return false;
	for (uint64_t i = 0; i < n; i++)
		if (raw[i])
			return false;
	return true;
}

static int decode_frames(struct tape *t, struct err *e)
{
	uint64_t raw_max = t->st.bytes > (UINT64_MAX - RAW_FLOOR) / RAW_RATIO
				   ? UINT64_MAX
				   : RAW_FLOOR + t->st.bytes * RAW_RATIO;

	t->st.frames_bad = t->frames.bad;
	t->st.frames_gap = t->frames.gap;
	t->st.bytes_bad = t->st.bytes;
	if (t->frames.n >= AHEAD_MIN)
		t->own.ahead = tape_ahead_open(&t->file, &t->frames);
	t->own.opening = true;
	for (size_t i = 0; i < t->frames.n; i++) {
		const struct tape_trailer *tr = &t->frames.v[i].tr;
		const uint8_t *raw = NULL;
		int rc = -EBADMSG;

		if (!t->end && tr->raw_bytes <= raw_max - t->st.bytes_raw)
			rc = frame_raw(&t->own, (uint32_t)i, &raw, e);
		if (!rc && t->end_json && is_end_blocks(raw, tr->raw_bytes))
			t->end = true;
		else if (!rc && !(rc = walk(t, (uint32_t)i, raw, tr->raw_bytes, false)))
			rc = walk(t, (uint32_t)i, raw, tr->raw_bytes, true);
		if (rc == -ENOMEM)
			return err_set(e, rc, "%s: out of memory", t->file.path);
		if (rc && rc != -EBADMSG)
			return rc;
		if (rc) {
			t->st.frames_bad++;
			continue;
		}
		t->st.frames++;
		t->st.bytes_raw += tr->raw_bytes;
		t->st.bytes_bad -= tr->len_bytes + TAPE_TRAILER_BYTES;
	}
	t->own.opening = false;
	t->st.cut = !t->end;
	return 0;
}

/* ---- tape.json ---- */

static int json_get(const struct tape *t, const char *path, sqlite3_stmt **st)
{
	/* two parameters: the text, and where in it */
	if (sqlite3_prepare_v2(t->sql, "SELECT json_type(?1, ?2), json_extract(?1, ?2)", -1, st,
			       NULL) != SQLITE_OK)
		return -ENOENT;
	sqlite3_bind_text(*st, 1, (const char *)t->json.data, (int)t->json.len, SQLITE_STATIC);
	sqlite3_bind_text(*st, 2, path, -1, SQLITE_STATIC);
	if (sqlite3_step(*st) == SQLITE_ROW && sqlite3_column_type(*st, 0) == SQLITE_TEXT)
		return 0;
	sqlite3_finalize(*st);
	return -ENOENT;
}

int tape_json_int(const struct tape *t, const char *path, int64_t *v)
{
	sqlite3_stmt *st;
	int rc = json_get(t, path, &st);

	if (rc)
		return rc;
	if (sqlite3_column_type(st, 1) == SQLITE_INTEGER)
		*v = sqlite3_column_int64(st, 1);
	else
		rc = -ENOENT;
	sqlite3_finalize(st);
	return rc;
}

int tape_json_text(const struct tape *t, const char *path, char *out, size_t size)
{
	sqlite3_stmt *st;
	int rc = json_get(t, path, &st);

	if (rc)
		return rc;
	if (!strcmp((const char *)sqlite3_column_text(st, 0), "text")) {
		const char *s = (const char *)sqlite3_column_text(st, 1);

		span_copy((struct span){ s, s ? (size_t)sqlite3_column_bytes(st, 1) : 0 }, out,
			  size);
	} else {
		rc = -ENOENT;
	}
	sqlite3_finalize(st);
	return rc;
}

static int read_json(struct tape *t, struct err *e)
{
	int64_t version;
	int rc;

	if (!t->n_members || t->members[0].frame || t->members[0].size > JSON_MAX)
		return err_set(
			e, -EINVAL,
			"%s: a tape without its beginning: the first frame, which says what was "
			"recorded, is missing or damaged",
			t->file.path);
	rc = tape_load(t, 0, &t->json, e);
	if (rc)
		return rc;
	if (sqlite3_open_v2(":memory:", &t->sql, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
			    NULL) != SQLITE_OK)
		return err_set(e, -ENOMEM, "%s: out of memory", t->file.path);
	if (tape_json_int(t, "$.format_version", &version) || version < 1)
		return err_set(e, -EINVAL, "%s: a tape whose tape.json has no format_version",
			       t->file.path);
	if (version > TAPE_VERSION)
		t->st.newer = (uint64_t)version;
	return 0;
}

/* ---- what import.c has ---- */

/* List the parts from @first on. */
static int list_parts(struct tape *t, size_t first, struct err *e)
{
	for (size_t i = first; i < t->import->n; i++) {
		const struct import_part *p = &t->import->part[i];
		struct tape_tar tar = { .size = p->size };
		uint32_t frame = strcmp(p->name, "tape.json") ? FRAME_NONE : 0;

		memcpy(tar.name, p->name, sizeof(tar.name));
		if (add_member(t, frame, &tar, i))
			return err_set(e, -ENOMEM, "%s: out of memory", t->file.path);
	}
	return 0;
}

/* Return: also -ENOTSUP, where the file is of no kind that can be read. */
static int open_foreign(struct tape *t, struct err *e)
{
	int rc = import_open(&t->import, &t->file, e);

	if (rc)
		return rc;
	t->st.foreign = t->import->what;
	t->st.cut = t->import->cut;
	t->st.members_bad = t->import->bad;
	t->st.bytes_raw = t->st.bytes;
	return list_parts(t, 0, e);
}

int tape_add(struct tape *t, const char *name, const void *data, size_t n, struct err *e)
{
	size_t first;

	if (!t->import) {
		t->import = calloc(1, sizeof(*t->import));
		if (!t->import)
			return err_set(e, -ENOMEM, "%s: out of memory", t->file.path);
		t->import->file = &t->file;
	}
	first = t->import->n;
	if (import_add(t->import, name, data, n))
		return err_set(e, -ENOMEM, "%s: out of memory", t->file.path);
	return list_parts(t, first, e);
}

/* ---- life cycle and use ---- */

static int open_file(struct tape *t, struct err *e)
{
	struct stat sb;

	/* O_NONBLOCK: a fifo without writer must not hold us */
	t->file.fd = open(t->file.path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (t->file.fd < 0)
		return err_sys(e, "%s: cannot be opened", t->file.path);
	if (fstat(t->file.fd, &sb))
		return err_sys(e, "%s: cannot be examined", t->file.path);
	t->file.directory = S_ISDIR(sb.st_mode);
	if (!S_ISREG(sb.st_mode) && !t->file.directory)
		return err_set(e, -EINVAL, "%s: not a tape but a special file", t->file.path);
	t->file.bytes = t->st.bytes = t->file.directory ? 0 : (uint64_t)sb.st_size;
	return 0;
}

int tape_open(struct tape **out, const char *path, struct err *e)
{
	struct tape *t = calloc(1, sizeof(*t));
	int rc = -ENOMEM;

	if (t) {
		t->file.fd = -1;
		t->file.path = strdup(path);
		t->own.tape = t;
		t->own.zstd = ZSTD_createDCtx();
	}
	if (!t || !t->file.path || !t->own.zstd) {
		err_set(e, rc, "%s: out of memory", path);
		goto fail;
	}
	rc = open_file(t, e);
	/* no tape begins as one of these does */
	if (!rc)
		rc = open_foreign(t, e);
	if (rc == -ENOTSUP) {
		rc = tape_frames_find(&t->file, &t->frames, e);
		if (!rc && !t->frames.n)
			rc = tape_file_foreign(&t->file, e);
		/* without the frame of tape.json, frame 0 of the list is another */
		else if (!rc && t->frames.v[0].tr.seq == 0)
			rc = decode_frames(t, e);
	}
	if (!rc)
		rc = read_json(t, e);
	if (rc)
		goto fail;
	*out = t;
	return 0;
fail:
	tape_close(t);
	return rc;
}

static void reader_rest(struct tape_reader *r)
{
	tape_ahead_close(r->ahead);
	r->ahead = NULL;
	for (int i = 0; i < CACHE_SLOTS; i++) {
		buf_free(&r->cache[i].raw);
		r->cache[i].used = 0;
	}
	buf_free(&r->packed);
}

void tape_rest(struct tape *t)
{
	reader_rest(&t->own);
}

struct tape_reader *tape_reader_open(struct tape *t)
{
	struct tape_reader *r = t->st.foreign ? NULL : calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->tape = t;
	r->zstd = ZSTD_createDCtx();
	if (!r->zstd) {
		free(r);
		return NULL;
	}
	return r;
}

void tape_reader_close(struct tape_reader *r)
{
	if (!r)
		return;
	reader_rest(r);
	ZSTD_freeDCtx(r->zstd);
	free(r);
}

void tape_close(struct tape *t)
{
	if (!t)
		return;
	if (t->file.fd >= 0)
		close(t->file.fd);
	while (t->names) {
		struct chunk *c = t->names;

		t->names = c->next;
		free(c);
	}
	tape_rest(t);
	sqlite3_close(t->sql);
	import_free(t->import);
	ZSTD_freeDCtx(t->own.zstd);
	buf_free(&t->json);
	free(t->members);
	free(t->hash);
	free(t->frames.v);
	free(t->file.path);
	free(t);
}

const struct tape_state *tape_state(const struct tape *t)
{
	return &t->st;
}

const char *tape_path(const struct tape *t)
{
	return t->file.path;
}

size_t tape_member_count(const struct tape *t)
{
	return t->n_members;
}

const struct tape_member *tape_member(const struct tape *t, size_t i)
{
	return &t->members[i];
}

long tape_find(const struct tape *t, const char *name)
{
	uint32_t i = t->hash_size ? t->hash[hash_slot(t, name)] : 0;

	return i ? (long)i - 1 : -ENOENT;
}

int tape_reader_load(struct tape_reader *r, size_t i, struct buf *out, struct err *e)
{
	struct tape *t = r->tape;
	const struct tape_member *m = &t->members[i];
	const uint8_t *raw;
	int rc;

	if (m->frame == FRAME_NONE || t->st.foreign)
		return import_load(t->import, m->at, out, e);
	rc = frame_raw(r, m->frame, &raw, e);
	if (rc == -EBADMSG)
		return err_set(e, -EIO, "%s: changed while it was read", t->file.path);
	if (rc)
		return rc;
	buf_reset(out);
	/* the raw length is that of the trailer, which the walk was bounded by */
	if (buf_put(out, raw + m->at, m->size))
		return err_set(e, -ENOMEM, "%s: out of memory", t->file.path);
	return 0;
}

int tape_load(struct tape *t, size_t i, struct buf *out, struct err *e)
{
	return tape_reader_load(&t->own, i, out, e);
}
