/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * An archive is read once, from its begin, in pieces; only files that folder_wants() are
 * kept. Links are not followed but seen through by name: devices stand below
 * sys/devices/.../net/NAME/, which is what sys/class/net/NAME links to, and the files of
 * proc/net below proc/self/net or that of a process.
 *
 * What an archive may unfold to is bounded by its size, as for tapes.
 */
#include "folder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#define BLOCK	   512
#define IN_BYTES   (256 * KIB)
#define RAW_FLOOR  (256 * MIB)
#define RAW_RATIO  1000
#define NAME_BYTES 1024 /* a longer one is none of ours */

enum packing { PLAIN, GZIP, ZSTD };

struct source {
	const struct tape_file *file;
	enum packing packing;
	uint64_t at, raw; /* bytes read of the file, and unpacked */
	uint8_t *in;
	size_t in_n, in_at;
	z_stream z;
	ZSTD_DCtx *zstd;
	bool end, broken;
};

static int fill(struct source *s, struct err *e)
{
	uint64_t left = s->file->bytes - s->at;
	int rc;

	s->in_n = left < IN_BYTES ? (size_t)left : IN_BYTES;
	s->in_at = 0;
	rc = s->in_n ? tape_file_read(s->file, s->at, s->in, s->in_n, e) : 0;
	s->at += s->in_n;
	return rc;
}

/* One step of unpacking. Return: bytes put into @to, or -EBADMSG. */
static int64_t unpack(struct source *s, uint8_t *to, size_t n)
{
	ZSTD_inBuffer in = { s->in, s->in_n, s->in_at };
	ZSTD_outBuffer out = { to, n, 0 };
	int rc;

	if (s->packing == PLAIN) {
		size_t k = s->in_n - s->in_at < n ? s->in_n - s->in_at : n;

		memcpy(to, s->in + s->in_at, k);
		s->in_at += k;
		return (int64_t)k;
	}
	if (s->packing == ZSTD) {
		if (ZSTD_isError(ZSTD_decompressStream(s->zstd, &out, &in)))
			return -EBADMSG;
		s->in_at = in.pos;
		return (int64_t)out.pos;
	}
	s->z.next_in = s->in + s->in_at;
	s->z.avail_in = (uInt)(s->in_n - s->in_at);
	s->z.next_out = to;
	s->z.avail_out = (uInt)n;
	rc = inflate(&s->z, Z_NO_FLUSH);
	s->in_at = s->in_n - s->z.avail_in;
	if (rc == Z_STREAM_END) /* several may follow each other (RFC 1952, 2.2) */
		rc = inflateReset(&s->z);
	return rc == Z_OK || rc == Z_BUF_ERROR ? (int64_t)(n - s->z.avail_out) : -EBADMSG;
}

/* The next @n bytes, at most 64 KiB, into @to. Return: 0, also at the end (then @s->end), or an error of reading. */
static int pull(struct source *s, uint8_t *to, size_t n, struct err *e)
{
	size_t have = 0;

	while (have < n && !s->end) {
		bool dry = s->in_at == s->in_n;
		int64_t got;
		int rc = dry ? fill(s, e) : 0;

		if (rc)
			return rc;
		got = unpack(s, to + have, n - have);
		if (got < 0 || s->raw > RAW_FLOOR + s->file->bytes * RAW_RATIO)
			s->broken = s->end = true;
		else if (!got && !s->in_n)
			s->end = true;
		have += got > 0 ? (size_t)got : 0;
		s->raw += got > 0 ? (uint64_t)got : 0;
	}
	return 0;
}

static int skip(struct source *s, uint64_t n, struct err *e)
{
	uint8_t junk[16 * KIB];
	int rc = 0;

	for (; !rc && n && !s->end; n -= n < sizeof(junk) ? n : sizeof(junk))
		rc = pull(s, junk, n < sizeof(junk) ? (size_t)n : sizeof(junk), e);
	return rc;
}

/* ---- headers (POSIX ustar; tar(5)) ---- */

struct header {
	char name[NAME_BYTES];
	uint64_t size;
	char type;
};

static bool octal(const uint8_t *p, size_t n, uint64_t *v)
{
	size_t i = 0;

	*v = 0;
	while (i < n && p[i] == ' ')
		i++;
	for (; i < n && p[i] >= '0' && p[i] <= '7'; i++)
		*v = *v << 3 | (uint64_t)(p[i] - '0');
	return i == n || !p[i] || p[i] == ' ';
}

static bool read_header(const uint8_t b[BLOCK], struct header *h)
{
	uint64_t sum = 8 * ' ', told; /* the sum's own place counts as blanks */
	int prefix = b[257] == 'u' && b[345] ? (int)strnlen((const char *)b + 345, 155) : 0;

	for (size_t i = 0; i < BLOCK; i++)
		sum += i < 148 || i >= 156 ? b[i] : 0;
	if (!octal(b + 148, 8, &told) || told != sum || !octal(b + 124, 12, &h->size))
		return false;
	h->type = b[156] ? (char)b[156] : '0';
	/* GNU's old format keeps times where the prefix is */
	if (b[262] != '\0' || b[263] != '0')
		prefix = 0;
	snprintf(h->name, sizeof(h->name), "%.*s%s%.100s", prefix, (const char *)b + 345, prefix ? "/" : "", (const char *)b);
	return true;
}

/* The path= of a pax header: "LENGTH KEY=VALUE\n" again and again. */
static void pax_path(struct span text, char *name)
{
	struct span line, length;

	while (span_line(&text, &line))
		if (span_field(&line, ' ', &length) && span_starts(line, "path="))
			span_copy((struct span){ line.p + 5, line.n - 5 }, name, NAME_BYTES);
}

/* ---- names ---- */

static bool digits(struct span s)
{
	uint64_t v;

	return !span_u64(s, &v);
}

/* What a member stands for ("host-2025/proc/self/net/snmp": "proc/net/snmp"). Return: false: nothing of ours. */
static bool place_of(const char *name, char *out)
{
	struct span rest = { name, strlen(name) }, part = { 0 };
	const char *net;
	int depth = 0;

	while (rest.n) {
		struct span here = rest;

		if (!span_field(&rest, '/', &part) || depth > 2)
			return false;
		if (span_is(part, "proc") || span_is(part, "sys") || span_is(part, "sos_commands")) {
			span_copy(here, out, NAME_BYTES);
			break;
		}
		depth += part.n && !span_is(part, ".");
	}
	if (!rest.n)
		return false;
	if (strstr(out, "/../"))
		return false;
	if (span_is(part, "proc") && span_field(&rest, '/', &part) &&
	    (span_is(part, "self") || span_is(part, "thread-self") || digits(part)) && span_starts(rest, "net/"))
		snprintf(out, NAME_BYTES, "proc/%.*s", (int)rest.n, rest.p);
	net = !strncmp(out, "sys/devices/", 12) ? strstr(out, "/net/") : NULL;
	if (net) {
		memmove(out + 14, net + 5, strlen(net + 5) + 1);
		memcpy(out, "sys/class/net/", 14);
	}
	return true;
}

/* ---- the archive ---- */

static int keep(struct folder *f, struct source *s, const char *path, uint64_t size, struct buf *buf, struct err *e)
{
	size_t limit = folder_wants(path), n = size < limit ? (size_t)size : limit;
	int rc = 0;

	buf_reset(buf);
	if (buf_reserve(buf, n + 1))
		return -ENOMEM;
	while (!rc && buf->len < n && !s->end) {
		size_t k = n - buf->len < 64 * KIB ? n - buf->len : 64 * KIB;

		rc = pull(s, buf->data + buf->len, k, e);
		buf->len += k;
	}
	if (rc || s->end)
		return rc;
	if (size > limit) {
		const uint8_t *nl = memrchr(buf->data, '\n', n);

		buf->len = nl ? (size_t)(nl - buf->data) + 1 : 0;
		f->cut++;
		rc = skip(s, size - n, e);
	}
	return rc ? rc : folder_put(f, path, buf->data, buf->len);
}

/* One member behind its header; *@name is what an earlier one said of its name. */
static int member(struct folder *f, struct source *s, struct header *h, char *name, struct buf *buf, struct err *e)
{
	uint64_t padded = (h->size + BLOCK - 1) / BLOCK * BLOCK;
	char path[NAME_BYTES];
	int rc = 0;

	if ((h->type == 'L' || h->type == 'x') && h->size < 64 * KIB) {
		buf_reset(buf);
		if (buf_reserve(buf, padded + 1))
			return -ENOMEM;
		rc = pull(s, buf->data, padded, e);
		if (rc || s->end)
			return rc;
		if (h->type == 'L')
			span_copy((struct span){ (const char *)buf->data, strnlen((const char *)buf->data, h->size) }, name, NAME_BYTES);
		else
			pax_path((struct span){ (const char *)buf->data, h->size }, name);
		return 0;
	}
	if (*name)
		memcpy(h->name, name, NAME_BYTES);
	*name = '\0';
	if (h->type == '5' && place_of(h->name, path) && !strncmp(path, "proc/irq/", 9)) {
		/* the action of an interrupt is the name of a directory */
		path[strlen(path) - (path[strlen(path) - 1] == '/')] = '\0';
		return folder_put(f, path, "", 0);
	}
	if (h->type != '0' || !place_of(h->name, path) || !folder_wants(path))
		return h->type == '5' ? 0 : skip(s, padded, e);
	rc = keep(f, s, path, h->size, buf, e);
	return rc ? rc : skip(s, padded - h->size, e);
}

static int walk(struct folder *f, struct source *s, struct err *e)
{
	char name[NAME_BYTES] = "";
	struct buf buf = { 0 };
	uint8_t block[BLOCK];
	struct header h;
	bool any = false;
	int rc = 0;

	while (!rc) {
		static const uint8_t zero[BLOCK];

		rc = pull(s, block, sizeof(block), e);
		if (rc || s->end || !memcmp(block, zero, BLOCK))
			break;
		if (!read_header(block, &h)) {
			s->broken = any;
			break;
		}
		if (!any && !strcmp(h.name, "tape.json")) /* a tape of our own, which is a tar, too */
			break;
		any = true;
		rc = member(f, s, &h, name, &buf, e);
	}
	/* the two zero blocks at the end never came */
	s->broken = s->broken || (any && s->end);
	buf_free(&buf);
	return rc ? rc : any ? 0 : -ENOTSUP;
}

int folder_unpack(struct folder *f, const struct tape_file *file, struct err *e)
{
	struct source s = { .file = file };
	uint8_t head[4] = { 0 };
	int rc = tape_file_read(file, 0, head, sizeof(head), e);

	if (rc)
		return rc;
	s.packing = head[0] == 0x1f && head[1] == 0x8b ? GZIP : !memcmp(head, "\x28\xb5\x2f\xfd", 4) ? ZSTD : PLAIN;
	s.in = malloc(IN_BYTES);
	s.zstd = s.packing == ZSTD ? ZSTD_createDCtx() : NULL;
	/* 16: a gzip header stands in front (zlib.h) */
	if (!s.in || (s.packing == ZSTD && !s.zstd) || (s.packing == GZIP && inflateInit2(&s.z, 15 + 16) != Z_OK))
		rc = -ENOMEM;
	else
		rc = walk(f, &s, e);
	if (s.packing == GZIP)
		inflateEnd(&s.z);
	ZSTD_freeDCtx(s.zstd);
	free(s.in);
	folder_sort(f);
	f->broken = s.broken;
	return rc ? rc : f->n ? 0 : -ENOTSUP;
}
