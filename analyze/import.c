/* SPDX-License-Identifier: MIT */
#include "import.h"
#include "../schema/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define PARTS_MAX  4000000U
#define RANGES_MAX (16 * MIB) /* 256 MiB of them */
#define FOLDER	   "a copy of /proc and /sys"

static const struct {
	const char *magic;
	size_t len;
	const char *what;
	int (*import)(struct import *im, struct err *e);
} KINDS[] = {
	{ "\x17\x08\x44tracing", 10, "a trace.dat of trace-cmd", tracedat_import },
	{ "PERFILE2", 8, "a perf.data file", perfdata_import },
	{ "\x0a\x0d\x0d\x0a", 4, "a pcapng capture", pcap_import },
	{ "\xd4\xc3\xb2\xa1", 4, "a pcap capture", pcap_import },
	{ "\xa1\xb2\xc3\xd4", 4, "a pcap capture", pcap_import },
	{ "\x4d\x3c\xb2\xa1", 4, "a pcap capture", pcap_import },
	{ "\xa1\xb2\x3c\x4d", 4, "a pcap capture", pcap_import },
	{ "\x1f\x8b", 2, FOLDER, folder_import },
	{ "\x28\xb5\x2f\xfd", 4, FOLDER, folder_import },
};

static struct import_part *new_part(struct import *im, const char *name)
{
	struct import_part *p;

	if (im->n == im->cap) {
		size_t cap = im->cap ? im->cap * 2 : 256;

		p = realloc(im->part, cap * sizeof(*p));
		if (!p)
			return NULL;
		im->part = p;
		im->cap = cap;
	}
	p = &im->part[im->n];
	*p = (struct import_part){ 0 };
	snprintf(p->name, sizeof(p->name), "%s", name);
	return p;
}

static bool takes(struct import *im, const char *name, uint64_t size)
{
	if (size <= TAPE_MEMBER_MAX && im->n < PARTS_MAX && strlen(name) <= TAPE_NAME_MAX &&
	    tape_name_ok((struct span){ name, strlen(name) }))
		return true;
	im->bad++;
	return false;
}

int import_add_whole(struct import *im, const char *name, struct buf *b)
{
	struct import_part *p;

	if (!takes(im, name, b->len))
		return 0;
	p = new_part(im, name);
	if (!p || buf_reserve(b, 1)) /* no bytes are bytes in memory, too */
		return -ENOMEM;
	p->data = b->data;
	p->size = b->len;
	*b = (struct buf){ 0 };
	im->n++;
	return 0;
}

int import_add(struct import *im, const char *name, const void *data, size_t n)
{
	struct buf b = { 0 };
	int rc = buf_reserve(&b, n + 1) || buf_put(&b, data, n) ? -ENOMEM : import_add_whole(im, name, &b);

	buf_free(&b);
	return rc;
}

int import_add_ranges(struct import *im, const char *name, const struct import_range *v, size_t n)
{
	struct import_part *p;
	uint64_t size = 0;

	for (size_t i = 0; i < n; i++)
		size = sat_add_u64(size, v[i].n);
	if (!takes(im, name, size))
		return 0;
	if (n > RANGES_MAX - im->n_ranges) {
		im->bad++;
		return 0;
	}
	if (n > im->cap_ranges - im->n_ranges) {
		size_t cap = im->cap_ranges * 2 > im->n_ranges + n ? im->cap_ranges * 2 : im->n_ranges + n;
		struct import_range *r = realloc(im->range, cap * sizeof(*r));

		if (!r)
			return -ENOMEM;
		im->range = r;
		im->cap_ranges = cap;
	}
	p = new_part(im, name);
	if (!p)
		return -ENOMEM;
	p->size = size;
	p->at = im->n_ranges;
	p->n_ranges = n;
	memcpy(im->range + im->n_ranges, v, n * sizeof(*v));
	im->n_ranges += n;
	im->n++;
	return 0;
}

int import_add_range(struct import *im, const char *name, uint64_t size, uint64_t at, uint64_t packed,
		     enum import_packing packing)
{
	struct import_part *p;

	if (!takes(im, name, size) || packed > TAPE_MEMBER_MAX)
		return 0;
	p = new_part(im, name);
	if (!p)
		return -ENOMEM;
	p->size = size;
	p->at = at;
	p->packed = packed;
	p->packing = packing;
	im->n++;
	return 0;
}

static bool unpack(enum import_packing packing, uint8_t *to, uint64_t size, const uint8_t *from, uint64_t packed)
{
	uLongf n = size;

	if (packing == PACK_ZSTD)
		return ZSTD_decompress(to, size, from, packed) == size;
	return uncompress(to, &n, from, packed) == Z_OK && n == size;
}

int import_unpack(const struct import *im, uint64_t at, uint64_t packed, uint64_t size, enum import_packing packing,
		  struct buf *out, struct err *e)
{
	struct buf raw = { 0 };
	int rc;

	if (at > im->file->bytes || packed > im->file->bytes - at || size > TAPE_MEMBER_MAX ||
	    (packing == PACK_NONE && packed != size))
		return -EBADMSG;
	buf_reset(out);
	if (buf_reserve(out, size + 1) || (packing != PACK_NONE && buf_reserve(&raw, packed + 1))) {
		buf_free(&raw);
		return err_set(e, -ENOMEM, "%s: out of memory", im->file->path);
	}
	if (packing == PACK_NONE) {
		rc = tape_file_read(im->file, at, out->data, size, e);
	} else {
		rc = tape_file_read(im->file, at, raw.data, packed, e);
		if (!rc && !unpack(packing, out->data, size, raw.data, packed))
			rc = -EBADMSG;
	}
	buf_free(&raw);
	if (!rc)
		out->len = size;
	return rc;
}

static int load_ranges(const struct import *im, const struct import_part *p, struct buf *out, struct err *e)
{
	int rc = 0;

	buf_reset(out);
	if (buf_reserve(out, p->size + 1))
		return err_set(e, -ENOMEM, "%s: out of memory", im->file->path);
	for (size_t i = 0; !rc && i < p->n_ranges; i++) {
		const struct import_range *r = &im->range[p->at + i];

		rc = tape_file_read(im->file, r->at, out->data + out->len, r->n, e);
		out->len += r->n;
	}
	return rc;
}

int import_load(const struct import *im, size_t i, struct buf *out, struct err *e)
{
	const struct import_part *p = &im->part[i];
	int rc;

	if (p->n_ranges)
		return load_ranges(im, p, out, e);
	if (!p->data) {
		rc = import_unpack(im, p->at, p->packed, p->size, p->packing, out, e);
		/* damaged inside: no bytes, which the reader of the member sees as a gap */
		if (rc == -EBADMSG) {
			buf_reset(out);
			rc = 0;
		}
		return rc;
	}
	buf_reset(out);
	return buf_put(out, p->data, p->size) ? err_set(e, -ENOMEM, "%s: out of memory", im->file->path) : 0;
}

/* ---- what every kind of file needs ---- */

int import_quality_row(struct buf *b, const char *kind, const char *source, int64_t count, const char *fmt, va_list ap)
{
	char note[600], number[24] = "";

	vsnprintf(note, sizeof(note), fmt, ap);
	for (char *p = note; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	if (count >= 0)
		snprintf(number, sizeof(number), "%lld", (long long)count);
	return buf_printf(b, "%s\t%s\t\t\t\t\t%s\t%s\n", kind, source, number, note);
}

int import_quality(struct import *im, const char *kind, const char *source, int64_t count, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = import_quality_row(&im->quality, kind, source, count, fmt, ap);
	va_end(ap);
	return rc;
}

int import_absent(struct import *im)
{
	static const char *const absent[][2] = {
		{ "snapshots", "no counters, settings, sockets or queues: what is found by these is not found here" },
		{ "namespaces", "no list of network namespaces: devices are told apart by name alone" },
	};
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(absent); i++)
		rc = import_quality(im, "source-missing", absent[i][0], -1, "%s has %s", im->what, absent[i][1]);
	return rc;
}

int import_format(struct import *im, struct span system, struct span text)
{
	char name[TAPE_NAME_MAX + 2];
	struct span rest = text, line;

	while (span_line(&rest, &line)) {
		if (!span_starts(line, "name: "))
			continue;
		line.p += 6;
		line.n -= 6;
		if (memchr(line.p, '/', line.n) || memchr(system.p, '/', system.n))
			break;
		if (snprintf(name, sizeof(name), "ftrace/events/%.*s/%.*s/format", (int)(system.n > 99 ? 99 : system.n),
			     system.p, (int)(line.n > 99 ? 99 : line.n), line.p) >= (int)sizeof(name))
			break;
		return import_add(im, name, text.p, text.n);
	}
	im->bad++;
	return 0;
}

static void text_or_null(struct json *j, const char *key, const char *s)
{
	json_text(j, key, *s ? s : NULL);
}

int import_about(struct import *im, const struct import_about *a)
{
	char *text = NULL, cpus[32];
	size_t n = 0;
	FILE *f = open_memstream(&text, &n);
	struct json j;
	int rc;

	if (!f)
		return -ENOMEM;
	json_begin(&j, f, true);
	json_open_object(&j, NULL);
	json_int(&j, "format_version", TAPE_VERSION);
	json_text(&j, "tool", a->tool);
	text_or_null(&j, "tool_version", a->tool_version);
	json_text(&j, "import", im->what);
	text_or_null(&j, "host", a->host);
	text_or_null(&j, "kernel", a->kernel);
	text_or_null(&j, "arch", a->arch);
	json_uint(&j, "page_bytes", a->page_bytes);
	snprintf(cpus, sizeof(cpus), "0-%llu", (unsigned long long)(a->cpus - 1));
	text_or_null(&j, "cpus_online", a->cpus ? cpus : "");
	json_int(&j, "long_bytes", a->long_bytes);
	json_bool(&j, "little_endian", !a->big_endian);
	if (a->backend)
		json_text(&j, "trace_backend", a->backend);
	text_or_null(&j, "trace_clock", a->clock);
	if (a->one_point)
		json_bool(&j, "one_point", true);
	if (a->tsc_mult) {
		json_uint(&j, "tsc_mult", a->tsc_mult);
		json_uint(&j, "tsc_shift", a->tsc_shift);
		json_uint(&j, "tsc_offset", a->tsc_offset);
	}
	json_text(&j, "redaction", "none");
	json_close_object(&j);
	json_end(&j);
	if (fclose(f)) {
		free(text);
		return -ENOMEM;
	}
	rc = import_add(im, "tape.json", text, n);
	free(text);
	return rc;
}

/* tape.json stands before all others, wherever its facts were in the file. */
static void about_first(struct import *im)
{
	for (size_t i = 1; i < im->n; i++) {
		struct import_part p = im->part[i];

		if (strcmp(p.name, "tape.json"))
			continue;
		im->part[i] = im->part[0];
		im->part[0] = p;
		return;
	}
}

/* The mark of tar (POSIX, ustar) stands behind the first name. */
#define TAR_AT 257

bool import_is_folder(const char *path)
{
	struct stat st;
	uint8_t head[TAR_AT + 5] = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	bool yes = fd >= 0 && !fstat(fd, &st) && S_ISDIR(st.st_mode);

	if (fd >= 0 && !yes && pread(fd, head, sizeof(head), 0) > 0)
		for (size_t i = 0; !yes && i < ARRAY_SIZE(KINDS); i++)
			yes = KINDS[i].import == folder_import && !memcmp(head, KINDS[i].magic, KINDS[i].len);
	if (fd >= 0)
		close(fd);
	return yes || !memcmp(head + TAR_AT, "ustar", 5);
}

int import_open(struct import **out, const struct tape_file *f, struct err *e)
{
	uint8_t head[16] = { 0 };
	struct import *im;
	int rc = tape_file_read(f, 0, head, f->bytes < sizeof(head) ? f->bytes : sizeof(head), e);
	bool folder = f->directory;
	size_t kind = 0;

	if (rc)
		return rc;
	while (!folder && kind < ARRAY_SIZE(KINDS) && memcmp(head, KINDS[kind].magic, KINDS[kind].len))
		kind++;
	if (kind == ARRAY_SIZE(KINDS)) {
		folder = f->bytes >= TAR_AT + 5;
		rc = folder ? tape_file_read(f, TAR_AT, head, 5, e) : 0;
		if (rc)
			return rc;
		if (!folder || memcmp(head, "ustar", 5))
			return -ENOTSUP;
	}
	im = calloc(1, sizeof(*im));
	if (!im)
		return err_set(e, -ENOMEM, "%s: out of memory", f->path);
	im->file = f;
	im->what = folder ? FOLDER : KINDS[kind].what;
	rc = folder ? folder_import(im, e) : KINDS[kind].import(im, e);
	if (!rc && im->quality.len)
		rc = import_add(im, "quality/000000", im->quality.data, im->quality.len);
	if (rc) {
		import_free(im);
		return rc == -ENOMEM ? err_set(e, rc, "%s: out of memory", f->path) : rc;
	}
	about_first(im);
	*out = im;
	return 0;
}

void import_free(struct import *im)
{
	if (!im)
		return;
	for (size_t i = 0; i < im->n; i++)
		free(im->part[i].data);
	free(im->part);
	free(im->range);
	buf_free(&im->quality);
	free(im);
}
