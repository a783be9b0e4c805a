/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * Every trailer in the file is searched (magic, length and tag are 16 fixed bytes),
 * and frames are kept whose compressed bytes have the checksum that the trailer
 * gives. First only frames that stand where their trailer says they stand: a
 * member may itself hold the bytes of a frame (a tape on a tape, a payload made to
 * look like one), and its offset gives it away. What then lies between the frames
 * found is searched again for frames that stand elsewhere (bytes were lost or put
 * in), one shift per gap, as long as that finds more. Sequence numbers must grow
 * along the file, so that of a frame and its copy one is taken.
 *
 * Bounds: each pass is linear, there are at most PASSES_MAX + 1, and the bytes of
 * candidates that are read for their checksum are limited to CRC_TIMES the file.
 */
#include "tape_frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

#define SCAN_BYTES BUILT_SIZE(MIB, 4 * KIB)
#define CRC_TIMES  16
#define PASSES_MAX 8

struct search {
	const struct tape_file *file;
	struct tape_frames *out;
	uint64_t crc_budget; /* bytes of candidates that may still be read */
	uint8_t *block;	     /* SCAN_BYTES */
	uint8_t *window;     /* SCAN_BYTES and a trailer */
};

static uint64_t frame_end(const struct tape_frame *f)
{
	return f->at + f->tr.len_bytes + TAPE_TRAILER_BYTES;
}

int tape_file_read(const struct tape_file *f, uint64_t at, void *to, size_t n, struct err *e)
{
	uint8_t *p = to;

	while (n) {
		ssize_t got = pread(f->fd, p, n, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(e, "%s: cannot be read at byte %llu", f->path,
				       (unsigned long long)at);
		if (!got)
			return err_set(e, -EIO, "%s: became shorter while it was read", f->path);
		p += got;
		at += (uint64_t)got;
		n -= (size_t)got;
	}
	return 0;
}

static int crc_matches(const struct search *s, const struct tape_frame *f, struct err *e)
{
	uint64_t at = f->at, left = f->tr.len_bytes;
	uint32_t crc = 0;

	while (left) {
		size_t n = left < SCAN_BYTES ? (size_t)left : SCAN_BYTES;
		int rc = tape_file_read(s->file, at, s->block, n, e);

		if (rc)
			return rc;
		crc = tape_crc32c(crc, s->block, n);
		at += n;
		left -= n;
	}
	return crc == f->tr.crc;
}

static int add_frame(struct search *s, const struct tape_frame *f, struct err *e)
{
	struct tape_frames *o = s->out;

	if (o->n == o->cap) {
		size_t cap = o->cap ? o->cap * 2 : 64;
		struct tape_frame *p = realloc(o->v, cap * sizeof(*p));

		if (!p)
			return err_set(e, -ENOMEM, "%s: out of memory", s->file->path);
		o->v = p;
		o->cap = cap;
	}
	o->v[o->n++] = *f;
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
static int take_trailer(struct search *s, struct gap *g, uint64_t pos,
			const struct tape_trailer *tr, struct err *e)
{
	struct tape_frame f = { .tr = *tr };
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
		if (tr->len_bytes > s->crc_budget)
			return 0;
		s->crc_budget -= tr->len_bytes;
		rc = crc_matches(s, &f, e);
		if (rc < 0)
			return rc;
		f.bad = !rc;
	}
	/* the search goes on from the same place: a wrong trailer hides no right one */
	if (f.bad)
		return g->any_shift ? 0 : add_frame(s, &f, e);
	g->from = frame_end(&f);
	g->seq_min = tr->seq == UINT64_MAX ? UINT64_MAX : tr->seq + 1;
	g->shift = f.at - tr->offset;
	g->any_shift = false;
	return add_frame(s, &f, e);
}

/* Find the frames of one stretch. */
static int scan_gap(struct search *s, struct gap g, struct err *e)
{
	static const char mark[] = "\x5b\x2a\x4d\x18\x30\0\0\0" TAPE_TRAILER_TAG;
	uint8_t *window = s->window;
	uint64_t pos = g.from; /* of window[0] */
	size_t have = 0;

	while (g.to - pos >= TAPE_TRAILER_BYTES) {
		uint64_t left = g.to - pos - have;
		size_t n = left < SCAN_BYTES ? (size_t)left : SCAN_BYTES;
		const uint8_t *p = window, *end;
		int rc = tape_file_read(s->file, pos + have, window + have, n, e);

		if (rc)
			return rc;
		have += n;
		end = window + have;
		while ((p = memmem(p, (size_t)(end - p), mark, sizeof(mark) - 1))) {
			uint64_t at = pos + (uint64_t)(p - window);
			struct tape_trailer tr;

			if (end - p < TAPE_TRAILER_BYTES)
				break; /* the next window has all of it */
			if (!tape_trailer_decode(p, (size_t)(end - p), &tr) && at >= g.from) {
				rc = take_trailer(s, &g, at, &tr, e);
				if (rc)
					return rc;
			}
			p += sizeof(mark) - 1;
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
	const struct tape_frame *x = a, *y = b;
	uint64_t p = frame_end(x), q = frame_end(y);

	return p < q ? -1 : p > q;
}

/* Search what lies between the frames known so far. */
static int scan_between(struct search *s, struct err *e)
{
	size_t n = s->out->n; /* new ones come behind these */
	struct gap g = { .any_shift = true };

	for (size_t i = 0; i <= n; i++) {
		const struct tape_frame f =
			i < n ? s->out->v[i]
			      : (struct tape_frame){ .at = s->file->bytes, .tr.seq = UINT64_MAX };

		if (f.bad)
			continue;
		g.to = f.at;
		g.seq_max = f.tr.seq - 1;
		if (g.to - g.from > TAPE_TRAILER_BYTES && g.seq_min < f.tr.seq) {
			int rc = scan_gap(s, g, e);

			if (rc)
				return rc;
		}
		g.from = frame_end(&f);
		g.seq_min = sat_add_u64(f.tr.seq, 1);
	}
	return 0;
}

/* Count what is missing, and forget the frames that are of no use. */
static void settle(struct tape_frames *o)
{
	uint64_t next = 0;
	size_t kept = 0;

	for (size_t i = 0; i < o->n; i++) {
		const struct tape_frame *f = &o->v[i];

		if (f->tr.seq >= next) {
			o->gap = sat_add_u64(o->gap, f->tr.seq - next);
			next = sat_add_u64(f->tr.seq, 1);
		}
		if (f->bad)
			o->bad++;
		else
			o->v[kept++] = *f;
	}
	o->n = kept;
}

int tape_frames_find(const struct tape_file *f, struct tape_frames *out, struct err *e)
{
	struct search s = { .file = f, .out = out, .crc_budget = f->bytes * CRC_TIMES };
	struct gap all = { .to = f->bytes, .seq_max = UINT64_MAX };
	int rc = -ENOMEM;

	*out = (struct tape_frames){ 0 };
	s.block = malloc(SCAN_BYTES);
	s.window = malloc(SCAN_BYTES + TAPE_TRAILER_BYTES);
	if (!s.block || !s.window)
		err_set(e, rc, "%s: out of memory", f->path);
	else
		rc = scan_gap(&s, all, e);
	for (int pass = 0; !rc && pass < PASSES_MAX; pass++) {
		size_t n = out->n;

		rc = scan_between(&s, e);
		if (out->n == n)
			break;
		qsort(out->v, out->n, sizeof(*out->v), by_place);
	}
	if (!rc)
		settle(out);
	free(s.window);
	free(s.block);
	return rc;
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
		  "zstd data without one whole frame of a tape (cut too early, or made by another "
		  "program)" },
		{ "\x17\x08\x44tracing", 10, 0, "a trace.dat of trace-cmd" },
		{ "\x0a\x0d\x0d\x0a", 4, 0, "a pcapng capture" },
		{ "\xd4\xc3\xb2\xa1", 4, 0, "a pcap capture" },
		{ "\xa1\xb2\xc3\xd4", 4, 0, "a pcap capture" },
		{ "\x4d\x3c\xb2\xa1", 4, 0, "a pcap capture" },
		{ "\xa1\xb2\x3c\x4d", 4, 0, "a pcap capture" },
		{ "\x1f\x8b", 2, 0, "a gzip file" },
		{ "\3757zXZ", 5, 0, "an xz file" },
		{ "BZh", 3, 0, "a bzip2 file" },
		{ "PK\3\4", 4, 0, "a zip file" },
		{ "PERFILE2", 8, 0, "a perf.data file" },
		{ "SQLite format 3", 16, 0, "an SQLite database" },
		{ "\177ELF", 4, 0, "an ELF file" },
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

int tape_file_foreign(const struct tape_file *f, struct err *e)
{
	static const struct {
		const char *magic;
		size_t n;
		const char *by;
	} packed[] = { { "\3757zXZ", 5, "xz -d" }, { "BZh", 3, "bzip2 -d" }, { "\x1f\x8b", 2, "gzip -d" }, { "PK\3\4", 4, "unzip" } };
	uint8_t head[4096];
	size_t n = f->bytes < sizeof(head) ? (size_t)f->bytes : sizeof(head);
	int rc = tape_file_read(f, 0, head, n, e);

	if (rc)
		return rc;
	for (size_t i = 0; i < ARRAY_SIZE(packed); i++)
		if (n > packed[i].n && !memcmp(head, packed[i].magic, packed[i].n))
			return err_set(e, -EINVAL, "%s: %s: unpack it first (%s; an archive: tar -xf) and name what comes of it", f->path,
				       what_is(head, n), packed[i].by);
	return err_set(e, -EINVAL, "%s: not a tape but %s; a tape is what skbtape-record writes",
		       f->path, what_is(head, n));
}
