/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * tape_open() goes over the file three times, each time linearly:
 *
 * 1. find: search every trailer (magic, length and tag are 16 fixed bytes) and
 *    keep the frames whose compressed bytes have the checksum that the trailer
 *    gives. First only frames that stand where their trailer says they stand:
 *    a member may itself hold the bytes of a frame (a tape on a tape, a payload
 *    made to look like one), and its offset gives it away. What then lies
 *    between the frames found is searched again for frames that stand elsewhere
 *    (bytes were lost or put in), a shift per gap, as long as that finds more.
 *    Sequence numbers must grow along the file; a copy of a frame has none left.
 * 2. decode: decompress each frame, walk the tar headers, list the members. A
 *    frame counts as a whole or not at all.
 * 3. tape.json, for the version.
 *
 * Bounds: a frame's raw size is at most TAPE_FRAME_RAW_MAX and must be what the
 * trailer and zstd's own header say before memory is taken; the sum over all
 * frames is bounded by the file's size (a compression bomb ends there), and so
 * are the bytes that candidates with wrong checksums may cost.
 *
 * Invariant after tape_open(): t->frames holds the usable frames in file order
 * and every member lies inside its frame's raw bytes. The file may change later,
 * so tape_load() checks the size again.
 */
#include "tape_read.h"
#include "../schema/tape.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#define SCAN_BYTES	(1 * MIB)
#define MEMBERS_MAX	20000000U
#define NAMES_MAX	(1024 * MIB)
#define NAMES_CHUNK	(64 * KIB)
#define JSON_MAX	(1 * MIB)
#define CACHE_SLOTS	6
#define CACHE_BYTES_MAX (512 * MIB)
#define CRC_TIMES	16 /* the file's size: more is not spent on candidates */
#define PASSES_MAX	8 /* of the search in gaps, one finds one shift per gap */
/* Raw bytes that a tape may unfold to: real ones stay below 100 times their size. */
#define RAW_FLOOR (256 * MIB)
#define RAW_RATIO 1000

struct frame {
	uint64_t at; /* where its compressed bytes really start */
	struct tape_trailer tr;
	bool bad; /* only its trailer is of use */
};

struct chunk {
	struct chunk *next;
	size_t used;
	char text[];
};

struct slot {
	uint32_t frame;
	uint64_t used; /* tick of the last use, 0: empty */
	uint8_t *raw;
	size_t len;
};

struct tape {
	int fd;
	char *path;
	struct tape_state st;
	struct frame *frames;
	size_t n_frames, cap_frames;
	struct tape_member *members;
	size_t n_members, cap_members;
	uint32_t *hash; /* index + 1 of a member, 0: free; power of two long */
	size_t hash_size;
	struct chunk *names;
	uint64_t names_bytes;
	uint64_t crc_budget; /* bytes of candidates that may still be read */
	ZSTD_DCtx *zstd;
	struct buf packed;
	struct slot cache[CACHE_SLOTS];
	uint64_t tick;
	bool end_json; /* while decoding: seen, nothing but the end blocks may follow */
	bool end;
	struct buf json;
	sqlite3 *sql;
};

static uint64_t frame_end(const struct frame *f)
{
	return f->at + f->tr.len_bytes + TAPE_TRAILER_BYTES;
}

/* Read @n bytes at @at, all of them. */
static int read_at(const struct tape *t, uint64_t at, void *to, size_t n, struct err *e)
{
	uint8_t *p = to;

	while (n) {
		ssize_t got = pread(t->fd, p, n, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(e, "%s: cannot be read at byte %llu", t->path,
				       (unsigned long long)at);
		if (!got)
			return err_set(e, -EIO, "%s: became shorter while it was read", t->path);
		p += got;
		at += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

/* ---- what a file is that is no tape ---- */

static bool is_text(const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] == 0x7f || (p[i] < 0x20 && !strchr("\t\n\r\f\033", p[i])) || !p[i])
			return false;
	return true;
}

static const char *what_is(const uint8_t *p, size_t n)
{
	static const struct {
		const char *magic;
		uint16_t len, at;
		const char *what;
	} known[] = {
		{ "\x28\xb5\x2f\xfd", 4, 0,
		  "zstd data without one whole frame of a tape (cut too early, or made by another program)" },
		{ "\x17\x08\x44tracing", 10, 0, "a trace.dat of trace-cmd" },
		{ "\x0a\x0d\x0d\x0a", 4, 0, "a pcapng capture" },
		{ "\xd4\xc3\xb2\xa1", 4, 0, "a pcap capture" },
		{ "\xa1\xb2\xc3\xd4", 4, 0, "a pcap capture" },
		{ "\x4d\x3c\xb2\xa1", 4, 0, "a pcap capture" },
		{ "\xa1\xb2\x3c\x4d", 4, 0, "a pcap capture" },
		{ "\x1f\x8b", 2, 0, "a gzip file" },
		{ "\xfd" "7zXZ", 5, 0, "an xz file" },
		{ "BZh", 3, 0, "a bzip2 file" },
		{ "PK\3\4", 4, 0, "a zip file" },
		{ "PERFILE2", 8, 0, "a perf.data file" },
		{ "SQLite format 3", 16, 0, "an SQLite database" },
		{ "\x7f" "ELF", 4, 0, "an ELF file" },
		{ "ustar", 5, 257, "a tar archive that is not compressed" },
	};

	if (!n)
		return "an empty file";
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		size_t at = known[i].at, len = known[i].len;

		if (n >= at + len && !memcmp(p + at, known[i].magic, len))
			return known[i].what;
	}
	return is_text(p, n) ? "a text file" : "a file of unknown kind";
}

static int not_a_tape(const struct tape *t, struct err *e)
{
	uint8_t head[4096];
	size_t n = t->st.bytes < sizeof(head) ? (size_t)t->st.bytes : sizeof(head);
	int rc = read_at(t, 0, head, n, e);

	if (rc)
		return rc;
	return err_set(e, -EINVAL, "%s: not a tape but %s; a tape is what skbtape-record writes",
		       t->path, what_is(head, n));
}

/* ---- 1. frames ---- */

static int crc_matches(const struct tape *t, const struct frame *f, uint8_t *block, struct err *e)
{
	uint64_t at = f->at, left = f->tr.len_bytes;
	uint32_t crc = 0;

	while (left) {
		size_t n = left < SCAN_BYTES ? (size_t)left : SCAN_BYTES;
		int rc = read_at(t, at, block, n, e);

		if (rc)
			return rc;
		crc = tape_crc32c(crc, block, n);
		at += n;
		left -= n;
	}
	return crc == f->tr.crc;
}

static int add_frame(struct tape *t, const struct frame *f, struct err *e)
{
	if (t->n_frames == t->cap_frames) {
		size_t cap = t->cap_frames ? t->cap_frames * 2 : 64;
		struct frame *p = realloc(t->frames, cap * sizeof(*p));

		if (!p)
			return err_set(e, -ENOMEM, "%s: out of memory", t->path);
		t->frames = p;
		t->cap_frames = cap;
	}
	t->frames[t->n_frames++] = *f;
	return 0;
}

/* A stretch of the file to search, and what a frame in it must be like. */
struct gap {
	uint64_t from, to;
	uint64_t seq_min, seq_max;
	uint64_t shift; /* where a frame stands minus where it says it stands, modulo 2^64 */
	bool any_shift; /* not known before the first frame */
};

/* A valid trailer stands at @pos. */
static int take_trailer(struct tape *t, struct gap *g, uint64_t pos, const struct tape_trailer *tr,
			uint8_t *block, struct err *e)
{
	struct frame f = { .tr = *tr };
	int rc;

	if (!tr->len_bytes || tr->len_bytes > pos - g->from || !tr->raw_bytes ||
	    tr->raw_bytes > TAPE_FRAME_RAW_MAX ||
	    tr->len_bytes > ZSTD_COMPRESSBOUND(TAPE_FRAME_RAW_MAX))
		return 0;
	f.at = pos - tr->len_bytes;
	if (!g->any_shift && f.at - tr->offset != g->shift)
		return 0;
	f.bad = tr->seq < g->seq_min || tr->seq > g->seq_max;
	if (!f.bad) {
		if (tr->len_bytes > t->crc_budget)
			return 0;
		t->crc_budget -= tr->len_bytes;
		rc = crc_matches(t, &f, block, e);
		if (rc < 0)
			return rc;
		f.bad = !rc;
	}
	/* the search goes on behind this trailer, from the same place: a wrong one hides no right one */
	if (f.bad)
		return g->any_shift ? 0 : add_frame(t, &f, e);
	g->from = frame_end(&f);
	g->seq_min = tr->seq == UINT64_MAX ? UINT64_MAX : tr->seq + 1;
	g->shift = f.at - tr->offset;
	g->any_shift = false;
	return add_frame(t, &f, e);
}

/* Find the frames of one stretch; @block has room for SCAN_BYTES, @window for that and a trailer. */
static int scan_gap(struct tape *t, struct gap g, uint8_t *block, uint8_t *window, struct err *e)
{
	static const uint8_t mark[16] = { 0x5b, 0x2a, 0x4d, 0x18, TAPE_TRAILER_BYTES - 8, 0, 0, 0,
					  'S',	'K',  'B',  'T',  'A', 'P', 'E', '1' };
	uint64_t pos = g.from; /* of window[0] */
	size_t have = 0;

	while (g.to - pos >= TAPE_TRAILER_BYTES) {
		uint64_t left = g.to - pos - have;
		size_t n = left < SCAN_BYTES ? (size_t)left : SCAN_BYTES;
		const uint8_t *p = window, *end;
		int rc = read_at(t, pos + have, window + have, n, e);

		if (rc)
			return rc;
		have += n;
		end = window + have;
		while ((p = memmem(p, (size_t)(end - p), mark, sizeof(mark)))) {
			uint64_t at = pos + (uint64_t)(p - window);
			struct tape_trailer tr;

			if (end - p < TAPE_TRAILER_BYTES)
				break; /* the next window has all of it */
			if (!tape_trailer_decode(p, (size_t)(end - p), &tr) && at >= g.from) {
				rc = take_trailer(t, &g, at, &tr, block, e);
				if (rc)
					return rc;
			}
			p += sizeof(mark);
		}
		if (have < TAPE_TRAILER_BYTES)
			break;
		/* keep what may be the beginning of a trailer */
		memmove(window, end - (TAPE_TRAILER_BYTES - 1), TAPE_TRAILER_BYTES - 1);
		pos += have - (TAPE_TRAILER_BYTES - 1);
		have = TAPE_TRAILER_BYTES - 1;
		if (!n)
			break;
	}
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct frame *x = a, *y = b;
	uint64_t p = frame_end(x), q = frame_end(y);

	return p < q ? -1 : p > q;
}

/* Search what lies between the frames known so far. */
static int scan_between(struct tape *t, uint8_t *block, uint8_t *window, struct err *e)
{
	size_t n = t->n_frames; /* new ones come behind these */
	struct gap g = { .any_shift = true };

	for (size_t i = 0; i <= n; i++) {
		const struct frame f = i < n ? t->frames[i] :
					       (struct frame){ .at = t->st.bytes,
							       .tr.seq = UINT64_MAX };

		if (f.bad)
			continue;
		g.to = f.at;
		g.seq_max = f.tr.seq - 1;
		if (g.to - g.from > TAPE_TRAILER_BYTES && g.seq_min < f.tr.seq) {
			int rc = scan_gap(t, g, block, window, e);

			if (rc)
				return rc;
		}
		g.from = frame_end(&f);
		g.seq_min = sat_add_u64(f.tr.seq, 1);
	}
	return 0;
}

/* Count what is missing, and forget the frames that are of no use. */
static void settle_frames(struct tape *t)
{
	uint64_t next = 0;
	size_t out = 0;

	for (size_t i = 0; i < t->n_frames; i++) {
		const struct frame *f = &t->frames[i];

		if (f->tr.seq >= next) {
			t->st.frames_gap = sat_add_u64(t->st.frames_gap, f->tr.seq - next);
			next = sat_add_u64(f->tr.seq, 1);
		}
		if (f->bad)
			t->st.frames_bad++;
		else
			t->frames[out++] = *f;
	}
	t->n_frames = out;
}

static int find_frames(struct tape *t, struct err *e)
{
	uint8_t *block = malloc(SCAN_BYTES), *window = malloc(SCAN_BYTES + TAPE_TRAILER_BYTES);
	struct gap all = { .to = t->st.bytes, .seq_max = UINT64_MAX };
	int rc = -ENOMEM;

	t->crc_budget = t->st.bytes * CRC_TIMES;
	if (!block || !window)
		err_set(e, rc, "%s: out of memory", t->path);
	else
		rc = scan_gap(t, all, block, window, e);
	for (int pass = 0; !rc && pass < PASSES_MAX; pass++) {
		size_t n = t->n_frames;

		rc = scan_between(t, block, window, e);
		if (t->n_frames == n)
			break;
		qsort(t->frames, t->n_frames, sizeof(*t->frames), by_place);
	}
	if (!rc)
		settle_frames(t);
	free(window);
	free(block);
	return rc;
}

/* ---- 2. raw bytes and members ---- */

/* Give up cached frames until @need more bytes fit. Return: a free slot. */
static struct slot *free_slot(struct tape *t, uint64_t need)
{
	for (;;) {
		struct slot *empty = NULL, *oldest = NULL;
		uint64_t sum = need;

		for (int i = 0; i < CACHE_SLOTS; i++) {
			struct slot *s = &t->cache[i];

			sum += s->len;
			if (!s->used)
				empty = s;
			else if (!oldest || s->used < oldest->used)
				oldest = s;
		}
		if (empty && (sum <= CACHE_BYTES_MAX || !oldest))
			return empty;
		free(oldest->raw);
		*oldest = (struct slot){ 0 };
	}
}

/*
 * The raw bytes of frame @i. They stay valid until CACHE_SLOTS other frames were
 * asked for. Return: 0, -ENOMEM, -EIO; -EBADMSG when the frame is not what its trailer says.
 */
static int frame_raw(struct tape *t, uint32_t i, const uint8_t **raw, struct err *e)
{
	const struct tape_trailer *tr = &t->frames[i].tr;
	struct slot *s;
	uint8_t *p;
	size_t n;
	int rc;

	for (int k = 0; k < CACHE_SLOTS; k++) {
		s = &t->cache[k];
		if (s->used && s->frame == i) {
			s->used = ++t->tick;
			*raw = s->raw;
			return 0;
		}
	}
	buf_reset(&t->packed);
	if (buf_reserve(&t->packed, tr->len_bytes))
		return err_set(e, -ENOMEM, "%s: out of memory", t->path);
	rc = read_at(t, t->frames[i].at, t->packed.data, tr->len_bytes, e);
	if (rc)
		return rc;
	/* one frame, with size and checksum (RFC 8878, 3.1.1.1.1: bit 2 of the descriptor) */
	if (ZSTD_findFrameCompressedSize(t->packed.data, tr->len_bytes) != tr->len_bytes ||
	    ZSTD_getFrameContentSize(t->packed.data, tr->len_bytes) != tr->raw_bytes ||
	    tr->len_bytes < 6 || !(t->packed.data[4] & 4))
		return err_set(e, -EBADMSG, "%s: frame %llu is not as TAPE.md says", t->path,
			       (unsigned long long)tr->seq);
	s = free_slot(t, tr->raw_bytes);
	p = malloc(tr->raw_bytes);
	if (!p)
		return err_set(e, -ENOMEM, "%s: out of memory", t->path);
	n = ZSTD_decompressDCtx(t->zstd, p, tr->raw_bytes, t->packed.data, tr->len_bytes);
	if (ZSTD_isError(n) || n != tr->raw_bytes) {
		free(p);
		return err_set(e, -EBADMSG, "%s: frame %llu: zstd: %s", t->path,
			       (unsigned long long)tr->seq,
			       ZSTD_isError(n) ? ZSTD_getErrorName(n) : "too short");
	}
	*s = (struct slot){ .frame = i, .used = ++t->tick, .raw = p, .len = n };
	*raw = p;
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
	if (t->hash[slot] || t->end_json || tar->size > TAPE_MEMBER_MAX ||
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
	uint64_t raw_max = t->st.bytes > (UINT64_MAX - RAW_FLOOR) / RAW_RATIO ?
				   UINT64_MAX :
				   RAW_FLOOR + t->st.bytes * RAW_RATIO;

	t->st.bytes_bad = t->st.bytes;
	for (size_t i = 0; i < t->n_frames; i++) {
		const struct tape_trailer *tr = &t->frames[i].tr;
		const uint8_t *raw;
		int rc = -EBADMSG;

		if (!t->end && tr->raw_bytes <= raw_max - t->st.bytes_raw)
			rc = frame_raw(t, (uint32_t)i, &raw, e);
		if (!rc && t->end_json && is_end_blocks(raw, tr->raw_bytes))
			t->end = true;
		else if (!rc && !(rc = walk(t, (uint32_t)i, raw, tr->raw_bytes, false)))
			rc = walk(t, (uint32_t)i, raw, tr->raw_bytes, true);
		if (rc == -ENOMEM)
			return err_set(e, rc, "%s: out of memory", t->path);
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
	t->st.cut = !t->end;
	return 0;
}

/* ---- 3. tape.json ---- */

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

		span_copy((struct span){ s, s ? (size_t)sqlite3_column_bytes(st, 1) : 0 }, out, size);
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
		return err_set(e, -EINVAL,
			       "%s: a tape without its beginning: the first frame, which says what was "
			       "recorded, is missing or damaged",
			       t->path);
	rc = tape_load(t, 0, &t->json, e);
	if (rc)
		return rc;
	if (sqlite3_open_v2(":memory:", &t->sql, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
			    NULL) != SQLITE_OK)
		return err_set(e, -ENOMEM, "%s: out of memory", t->path);
	if (tape_json_int(t, "$.format_version", &version) || version < 1)
		return err_set(e, -EINVAL, "%s: a tape whose tape.json has no format_version",
			       t->path);
	if (version > TAPE_VERSION)
		t->st.newer = (uint64_t)version;
	return 0;
}

/* ---- life cycle and use ---- */

static int open_file(struct tape *t, struct err *e)
{
	struct stat sb;

	/* O_NONBLOCK: a fifo without writer must not hold us */
	t->fd = open(t->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (t->fd < 0)
		return err_sys(e, "%s: cannot be opened", t->path);
	if (fstat(t->fd, &sb))
		return err_sys(e, "%s: cannot be examined", t->path);
	if (!S_ISREG(sb.st_mode))
		return err_set(e, -EINVAL, "%s: not a tape but a %s", t->path,
			       S_ISDIR(sb.st_mode) ? "directory" : "special file");
	t->st.bytes = (uint64_t)sb.st_size;
	return 0;
}

int tape_open(struct tape **out, const char *path, struct err *e)
{
	struct tape *t = calloc(1, sizeof(*t));
	int rc = -ENOMEM;

	if (t) {
		t->fd = -1;
		t->path = strdup(path);
		t->zstd = ZSTD_createDCtx();
	}
	if (!t || !t->path || !t->zstd) {
		err_set(e, rc, "%s: out of memory", path);
		goto fail;
	}
	rc = open_file(t, e);
	if (!rc)
		rc = find_frames(t, e);
	if (!rc && !t->n_frames)
		rc = not_a_tape(t, e);
	/* without the frame of tape.json, frame 0 of the list is another */
	if (!rc && t->frames[0].tr.seq == 0)
		rc = decode_frames(t, e);
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

void tape_close(struct tape *t)
{
	if (!t)
		return;
	if (t->fd >= 0)
		close(t->fd);
	while (t->names) {
		struct chunk *c = t->names;

		t->names = c->next;
		free(c);
	}
	for (int i = 0; i < CACHE_SLOTS; i++)
		free(t->cache[i].raw);
	sqlite3_close(t->sql);
	ZSTD_freeDCtx(t->zstd);
	buf_free(&t->packed);
	buf_free(&t->json);
	free(t->members);
	free(t->hash);
	free(t->frames);
	free(t->path);
	free(t);
}

const struct tape_state *tape_state(const struct tape *t)
{
	return &t->st;
}

const char *tape_path(const struct tape *t)
{
	return t->path;
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

int tape_load(struct tape *t, size_t i, struct buf *out, struct err *e)
{
	const struct tape_member *m = &t->members[i];
	const uint8_t *raw;
	int rc = frame_raw(t, m->frame, &raw, e);

	if (rc == -EBADMSG)
		return err_set(e, -EIO, "%s: changed while it was read", t->path);
	if (rc)
		return rc;
	buf_reset(out);
	/* the raw length is that of the trailer, which the walk was bounded by */
	if (buf_put(out, raw + m->at, m->size))
		return err_set(e, -ENOMEM, "%s: out of memory", t->path);
	return 0;
}
