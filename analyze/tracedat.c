/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * trace.dat, versions 6 and 7 (trace-cmd.dat.v6(5), trace-cmd.dat.v7(5)). Both hold
 * the texts of tracefs and, per CPU, ring-buffer pages as the kernel gave them: the
 * same that a tape has. Version 6 has its texts one behind the other from the
 * beginning, then options, then a table of the CPUs' pages. Version 7 has sections
 * that options point to; sections and pages may be packed, the pages in chunks of
 * whole pages. Each chunk becomes a member ftrace/cpuN/SEQ, and so does each
 * RANGE_BYTES of pages that are not packed: they stay in the file until read.
 *
 * A file may hold several buffers (instances). Two of them may hold the same event, and nothing tells; so the one with
 * most bytes is read, those others that have no kind of event in common with what is read already, and quality names the rest.
 *
 * Bounds: each table's entries are bounded before memory is taken, options sections
 * (which form a list) are followed OPTION_LISTS times at most.
 */
#include "import.h"
#include "kbuf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX       TAPE_MEMBER_MAX /* of the texts of a version 6, and of one section */
#define RANGE_BYTES    (4 * MIB)
#define PAGE_BYTES_MAX (16 * MIB)
#define OPTION_LISTS   64
#define CPUS_MAX       4096
#define BUFFERS_MAX    1024
#define STATS_MAX      (1 * MIB)

/* Options and sections that are read (trace-cmd.dat.v7(5)). */
enum {
	OPT_DONE = 0,
	OPT_DATE = 1,
	OPT_CPUSTAT = 2,
	OPT_BUFFER = 3,
	OPT_TRACECLOCK = 4,
	OPT_UNAME = 5,
	OPT_OFFSET = 7,
	OPT_CPUCOUNT = 8,
	OPT_VERSION = 9,
	OPT_TIME_SHIFT = 12,
	OPT_TSC2NSEC = 14,
	OPT_HEADER_INFO = 16,
	OPT_KALLSYMS = 19,
	OPT_PRINTK = 20,
	OPT_CMDLINES = 21,
};

/* Pages of one CPU. */
struct cpu_range {
	uint32_t cpu;
	uint64_t at, size;
};

/* One buffer: the top one, whose name is empty, or an instance's. */
struct buffer {
	char name[64], clock[32];
	uint64_t at; /* version 6: of its table; version 7: of its section */
	uint64_t page_bytes;
	uint64_t bytes;
	struct cpu_range *cpu;
	size_t n;
	bool packed;
};

struct dat {
	struct import *im;
	bool big;
	int version;
	enum import_packing packing;
	struct import_about about;
	struct buffer *buffer;
	size_t n_buffers;
	uint64_t sections[OPT_CMDLINES + 1]; /* where they are, 0: nowhere */
	struct kbuf_layout layout;
	struct buf stats;
	uint64_t stat_cpus;
	int64_t date_ns, offset_ns;
	bool dated, shifted, kallsyms;
};

static uint16_t r16(const struct dat *d, struct rd *r)
{
	return d->big ? rd_be16(r) : rd_le16(r);
}

static uint32_t r32(const struct dat *d, struct rd *r)
{
	return d->big ? rd_be32(r) : rd_le32(r);
}

static uint64_t r64(const struct dat *d, struct rd *r)
{
	uint64_t v = rd_le64(r);

	return d->big ? __builtin_bswap64(v) : v;
}

/* A NUL-terminated text in place. */
static struct span rtext(struct rd *r)
{
	const uint8_t *end = r->left ? memchr(r->p, 0, r->left) : NULL;
	struct span s = { "", 0 };

	if (!end) {
		r->bad = true;
		r->left = 0;
		return s;
	}
	s = (struct span){ (const char *)r->p, (size_t)(end - r->p) };
	rd_bytes(r, s.n + 1);
	return s;
}

static struct span rsized(struct rd *r, uint64_t n)
{
	const uint8_t *p = n <= r->left ? rd_bytes(r, n) : NULL;

	if (!p) {
		r->bad = true;
		r->left = 0;
		return (struct span){ "", 0 };
	}
	return (struct span){ (const char *)p, n };
}

/* The part of an option's text before its NUL. */
static struct span option_text(struct rd v)
{
	struct span s = { (const char *)v.p, v.left };

	if (s.n)
		s.n = strnlen(s.p, s.n);
	return s;
}

/* ---- texts of tracefs ---- */

static int put_header(struct dat *d, struct rd *r)
{
	static const char *const names[] = { "header_page", "header_event" };
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(names); i++) {
		struct kbuf_layout l;
		char name[64];
		struct span s;

		if (!span_is(rtext(r), names[i]))
			return -EBADMSG;
		s = rsized(r, r64(d, r));
		if (r->bad)
			return -EBADMSG;
		snprintf(name, sizeof(name), "ftrace/%s", names[i]);
		/* the kernel's long; that in the file's head is the user space's */
		if (!i && !kbuf_layout_parse(&l, s, d->big)) {
			d->about.long_bytes = (int)l.commit_size;
			d->layout = l;
		}
		rc = import_add(d->im, name, s.p, s.n);
	}
	return rc;
}

static int put_formats(struct dat *d, struct rd *r, struct span system)
{
	uint32_t n = r32(d, r);
	int rc = 0;

	for (uint32_t i = 0; !rc && i < n && !r->bad; i++) {
		struct span text = rsized(r, r64(d, r));

		if (!r->bad)
			rc = import_format(d->im, system, text);
	}
	return rc ? rc : r->bad ? -EBADMSG : 0;
}

static int put_systems(struct dat *d, struct rd *r)
{
	uint32_t n = r32(d, r);
	int rc = 0;

	for (uint32_t i = 0; !rc && i < n && !r->bad; i++)
		rc = put_formats(d, r, rtext(r));
	return rc ? rc : r->bad ? -EBADMSG : 0;
}

static int put_text(struct dat *d, struct rd *r, const char *name, bool wide)
{
	struct span s = rsized(r, wide ? r64(d, r) : r32(d, r));

	if (r->bad)
		return -EBADMSG;
	if (!strcmp(name, "kallsyms"))
		d->kallsyms = s.n > 0;
	return s.n ? import_add(d->im, name, s.p, s.n) : 0;
}

/* The text with number @id, as sections of version 7 are numbered. */
static int put_section(struct dat *d, struct rd *r, int id)
{
	switch (id) {
	case OPT_HEADER_INFO:
		return put_header(d, r);
	case OPT_HEADER_INFO + 1:
		return put_formats(d, r, SPAN_LIT("ftrace"));
	case OPT_HEADER_INFO + 2:
		return put_systems(d, r);
	case OPT_KALLSYMS:
		return put_text(d, r, "kallsyms", false);
	case OPT_PRINTK:
		return put_text(d, r, "ftrace/printk_formats", false);
	default:
		return put_text(d, r, "ftrace/saved_cmdlines", true);
	}
}

/* ---- options ---- */

/* "SYSTEM HOST RELEASE MACHINE" */
static void read_uname(struct dat *d, struct span s)
{
	struct span w;

	if (!span_word(&s, &w) || !span_word(&s, &w))
		return;
	span_copy(w, d->about.host, sizeof(d->about.host));
	if (span_word(&s, &w))
		span_copy(w, d->about.kernel, sizeof(d->about.kernel));
	while (span_word(&s, &w))
		span_copy(w, d->about.arch, sizeof(d->about.arch));
}

/* Of "[local] global mono" the one in brackets. */
static void read_clock(struct span s, char *out, size_t size)
{
	struct span w;

	s.n = memchr(s.p, '\n', s.n) ? (size_t)((const char *)memchr(s.p, '\n', s.n) - s.p) : s.n;
	if (!memchr(s.p, '[', s.n)) {
		span_copy(span_trim(s), out, size);
		return;
	}
	while (span_word(&s, &w))
		if (w.n > 2 && w.p[0] == '[' && w.p[w.n - 1] == ']')
			span_copy((struct span){ w.p + 1, w.n - 2 }, out, size);
}

/* A number as strtoll() reads it. */
static bool read_number(struct span s, int64_t *v)
{
	char text[32], *end;
	long long x;

	span_copy(s, text, sizeof(text));
	errno = 0;
	x = strtoll(text, &end, 0);
	if (end == text || errno)
		return false;
	*v = x;
	return true;
}

/* "CPU: N" and the lines of per_cpu/cpuN/stats: as in ftrace/stats/SEQ. */
static int read_stats(struct dat *d, struct span s)
{
	struct span rest = s, line;
	uint64_t cpu;

	while (span_line(&rest, &line)) {
		if (!span_starts(line, "CPU:"))
			continue;
		line.p += 4;
		line.n -= 4;
		if (span_u64(span_trim(line), &cpu) || cpu >= CPUS_MAX || d->stats.len > STATS_MAX)
			return 0;
		d->stat_cpus++;
		return buf_printf(&d->stats, "cpu%u 0\n%.*s\n", (unsigned int)cpu,
				  (int)(rest.n > 4096 ? 4096 : rest.n), rest.p);
	}
	return 0;
}

static struct buffer *new_buffer(struct dat *d)
{
	struct buffer *b;

	if (d->n_buffers >= BUFFERS_MAX)
		return NULL;
	b = realloc(d->buffer, (d->n_buffers + 1) * sizeof(*b));
	if (!b)
		return NULL;
	d->buffer = b;
	b = &d->buffer[d->n_buffers++];
	*b = (struct buffer){ .page_bytes = d->about.page_bytes };
	return b;
}

static int add_cpu(struct dat *d, struct buffer *b, uint32_t cpu, uint64_t at, uint64_t size)
{
	struct cpu_range *c;

	if (!size)
		return 0;
	if (cpu >= CPUS_MAX || b->n >= CPUS_MAX) {
		d->im->bad++;
		return 0;
	}
	c = realloc(b->cpu, (b->n + 1) * sizeof(*c));
	if (!c)
		return -ENOMEM;
	b->cpu = c;
	b->cpu[b->n++] = (struct cpu_range){ cpu, at, size };
	b->bytes = sat_add_u64(b->bytes, size);
	return 0;
}

static int read_buffer(struct dat *d, struct rd v)
{
	struct buffer *b = new_buffer(d);
	uint32_t n;
	int rc = 0;

	if (!b)
		return d->n_buffers >= BUFFERS_MAX ? 0 : -ENOMEM;
	b->at = r64(d, &v);
	span_copy(rtext(&v), b->name, sizeof(b->name));
	if (d->version < 7)
		return 0;
	read_clock(rtext(&v), b->clock, sizeof(b->clock));
	b->page_bytes = r32(d, &v);
	n = r32(d, &v);
	for (uint32_t i = 0; !rc && i < n && !v.bad; i++) {
		uint32_t cpu = r32(d, &v);
		uint64_t at = r64(d, &v), size = r64(d, &v);

		if (!v.bad)
			rc = add_cpu(d, b, cpu, at, size);
	}
	d->im->bad += v.bad;
	return rc;
}

static int read_option(struct dat *d, uint16_t id, struct rd v)
{
	struct span s = option_text(v);

	switch (id) {
	case OPT_DATE: /* microseconds to add */
		if (read_number(s, &d->date_ns) && !__builtin_mul_overflow(d->date_ns, 1000, &d->date_ns))
			d->dated = true;
		return 0;
	case OPT_OFFSET:
		read_number(s, &d->offset_ns);
		return 0;
	case OPT_CPUSTAT:
		return read_stats(d, s);
	case OPT_BUFFER:
		return read_buffer(d, v);
	case OPT_TRACECLOCK:
		read_clock(s, d->about.clock, sizeof(d->about.clock));
		return 0;
	case OPT_UNAME:
		read_uname(d, s);
		return 0;
	case OPT_CPUCOUNT:
		d->about.cpus = r32(d, &v);
		return 0;
	case OPT_VERSION:
		span_copy(s, d->about.tool_version, sizeof(d->about.tool_version));
		return 0;
	case OPT_TIME_SHIFT:
		d->shifted = true;
		return 0;
	case OPT_TSC2NSEC:
		d->about.tsc_mult = r32(d, &v);
		d->about.tsc_shift = r32(d, &v);
		d->about.tsc_offset = r64(d, &v);
		return 0;
	default:
		if (d->version >= 7 && id >= OPT_HEADER_INFO && id <= OPT_CMDLINES)
			d->sections[id] = r64(d, &v);
		return 0;
	}
}

/* All options of one list. @next: offset of the next list, 0: none. */
static int read_options(struct dat *d, struct rd *r, uint64_t *next)
{
	int rc = 0;

	*next = 0;
	while (!rc && r->left >= 2) {
		uint16_t id = r16(d, r);
		struct rd v;

		if (id == OPT_DONE && d->version < 7)
			return 0;
		v = rd_sub(r, r32(d, r));
		if (r->bad)
			break;
		if (id == OPT_DONE) {
			*next = r64(d, &v);
			return 0;
		}
		rc = read_option(d, id, v);
	}
	if (!rc)
		d->im->bad++;
	return rc;
}

/* ---- version 7 ---- */

struct section {
	uint16_t id;
	bool packed;
	uint64_t at, size; /* of what is behind its header */
};

static int section_head(struct dat *d, uint64_t at, struct section *s, struct err *e)
{
	uint8_t raw[16];
	struct rd r;
	int rc;

	if (at > d->im->file->bytes || d->im->file->bytes - at < sizeof(raw)) {
		d->im->cut = true;
		return -EBADMSG;
	}
	rc = tape_file_read(d->im->file, at, raw, sizeof(raw), e);
	if (rc)
		return rc;
	rd_init(&r, raw, sizeof(raw));
	s->id = r16(d, &r);
	s->packed = r16(d, &r) & 1;
	r32(d, &r);
	s->size = r64(d, &r);
	s->at = at + sizeof(raw);
	return 0;
}

/* A section's bytes. Return: 0, -EBADMSG where they are no use, others. */
static int section_load(struct dat *d, uint64_t at, uint16_t id, struct buf *b, struct err *e)
{
	struct section s = { 0 };
	uint8_t raw[8];
	struct rd r;
	uint32_t packed, size;
	int rc = section_head(d, at, &s, e);

	if (rc)
		return rc;
	if (s.id != id || s.size > TEXT_MAX)
		return -EBADMSG;
	if (s.size > d->im->file->bytes - s.at) {
		d->im->cut = true;
		return -EBADMSG;
	}
	if (!s.packed)
		return import_unpack(d->im, s.at, s.size, s.size, PACK_NONE, b, e);
	if (s.size < sizeof(raw) || d->packing == PACK_NONE)
		return -EBADMSG;
	rc = tape_file_read(d->im->file, s.at, raw, sizeof(raw), e);
	if (rc)
		return rc;
	rd_init(&r, raw, sizeof(raw));
	packed = r32(d, &r);
	size = r32(d, &r);
	if (packed > s.size - sizeof(raw) || size > TEXT_MAX)
		return -EBADMSG;
	return import_unpack(d->im, s.at + sizeof(raw), packed, size, d->packing, b, e);
}

static int read_version7(struct dat *d, struct rd *head, struct err *e)
{
	struct span packing = rtext(head);
	uint64_t at, next;
	struct buf b = { 0 };
	struct rd r;
	int rc = 0;

	rtext(head); /* version of the packing library */
	at = r64(d, head);
	if (head->bad)
		return err_set(e, -EINVAL, "%s: %s whose head is cut", d->im->file->path, d->im->what);
	if (span_is(packing, "zstd"))
		d->packing = PACK_ZSTD;
	else if (span_is(packing, "zlib"))
		d->packing = PACK_ZLIB;
	else if (!span_is(packing, "none"))
		return err_set(e, -EINVAL, "%s: %s packed with '%.*s'; zstd, zlib and none can be read",
			       d->im->file->path, d->im->what, (int)(packing.n > 32 ? 32 : packing.n), packing.p);
	for (int i = 0; !rc && at && i < OPTION_LISTS; i++, at = next) {
		next = 0;
		rc = section_load(d, at, OPT_DONE, &b, e);
		rd_init(&r, b.data, rc ? 0 : b.len);
		if (!rc)
			rc = read_options(d, &r, &next);
	}
	for (int id = OPT_HEADER_INFO; (!rc || rc == -EBADMSG) && id <= OPT_CMDLINES; id++) {
		d->im->bad += rc == -EBADMSG;
		rc = d->sections[id] ? section_load(d, d->sections[id], (uint16_t)id, &b, e) : -ENOENT;
		if (rc == -ENOENT) {
			rc = 0;
			continue;
		}
		rd_init(&r, b.data, rc ? 0 : b.len);
		if (!rc)
			rc = put_section(d, &r, id);
	}
	d->im->bad += rc == -EBADMSG;
	buf_free(&b);
	return rc == -EBADMSG ? 0 : rc;
}

/* ---- version 6 ---- */

/* What stands behind the number of CPUs, and at the place that a BUFFER option names. */
static int read_table(struct dat *d, struct rd *r, struct buffer *b)
{
	uint64_t cpus = d->about.cpus, next;
	struct span what = rsized(r, 10);
	int rc = 0;

	if (!r->bad && !memcmp(what.p, "options  ", 10)) {
		uint64_t before = d->about.cpus;

		rc = read_options(d, r, &next);
		what = rsized(r, 10);
		cpus = d->about.cpus;
		d->about.cpus = before > cpus ? before : cpus;
	}
	if (rc || r->bad || memcmp(what.p, "flyrecord", 10))
		return rc ? rc : -EBADMSG;
	if (!b)
		b = new_buffer(d);
	if (!b)
		return -ENOMEM;
	for (uint64_t i = 0; !rc && i < cpus && i < CPUS_MAX && !r->bad; i++) {
		uint64_t at = r64(d, r), size = r64(d, r);

		if (!r->bad)
			rc = add_cpu(d, b, (uint32_t)i, at, size);
	}
	return rc ? rc : r->bad ? -EBADMSG : 0;
}

static int read_version6(struct dat *d, struct rd *r, const struct buf *all)
{
	size_t instances;
	int rc = 0;

	for (int id = OPT_HEADER_INFO; !rc && id <= OPT_CMDLINES; id++)
		rc = put_section(d, r, id);
	if (!rc) {
		d->about.cpus = r32(d, r);
		rc = read_table(d, r, NULL);
	}
	instances = rc ? 0 : d->n_buffers;
	for (size_t i = 0; i < instances; i++) {
		struct rd at;

		if (!d->buffer[i].at || d->buffer[i].at >= all->len)
			continue;
		rd_init(&at, all->data + d->buffer[i].at, all->len - d->buffer[i].at);
		rc = read_table(d, &at, &d->buffer[i]);
		if (rc == -EBADMSG)
			d->im->bad++;
		else if (rc)
			return rc;
		rc = 0;
	}
	if (rc == -EBADMSG) {
		/* the texts end where the file does, or are damaged */
		d->im->cut |= all->len == d->im->file->bytes;
		d->im->bad++;
		rc = 0;
	}
	return rc;
}

/* ---- pages ---- */

/* The member of a chunk; @nth buffer that is read. */
static void name_piece(char name[64], uint32_t cpu, unsigned int nth, unsigned int seq)
{
	if (nth)
		snprintf(name, 64, "ftrace/cpu%u.%u/%06u", cpu, nth, seq);
	else
		snprintf(name, 64, "ftrace/cpu%u/%06u", cpu, seq);
}

static int put_range(struct dat *d, const struct cpu_range *c, uint64_t page, unsigned int nth)
{
	uint64_t left = c->size, at = c->at, step = RANGE_BYTES / page * page, have;
	char name[64];
	int rc = 0;

	have = at < d->im->file->bytes ? d->im->file->bytes - at : 0;
	if (left > have) {
		d->im->cut = true;
		left = have / page * page;
	}
	for (unsigned int seq = 0; !rc && left; seq++) {
		uint64_t n = left < step || !step ? left : step;

		if (n > TAPE_MEMBER_MAX)
			n = TAPE_MEMBER_MAX / page * page;
		name_piece(name, c->cpu, nth, seq);
		rc = import_add_range(d->im, name, n, at, n, PACK_NONE);
		at += n;
		left -= n;
	}
	return rc;
}

static int put_chunks(struct dat *d, const struct cpu_range *c, unsigned int nth, struct err *e)
{
	uint64_t at = c->at, bytes = d->im->file->bytes, size_max, end;
	uint32_t n, seq;
	uint8_t raw[8];
	struct rd r;
	char name[64];
	int rc;

	/* the size does not count the number of chunks in front (trace-cmd 3.1, lib/trace-cmd/trace-output.c) */
	size_max = sat_add_u64(c->size, 4);
	if (at > bytes || size_max > bytes - at)
		d->im->cut = true;
	if (at > bytes || bytes - at < 4)
		return 0;
	end = size_max > bytes - at ? bytes : at + size_max;
	rc = tape_file_read(d->im->file, at, raw, 4, e);
	if (rc)
		return rc;
	rd_init(&r, raw, 4);
	n = r32(d, &r);
	at += 4;
	for (seq = 0; !rc && seq < n; seq++) {
		uint32_t packed, size;

		if (end - at < sizeof(raw))
			break;
		rc = tape_file_read(d->im->file, at, raw, sizeof(raw), e);
		if (rc)
			return rc;
		rd_init(&r, raw, sizeof(raw));
		packed = r32(d, &r);
		size = r32(d, &r);
		at += sizeof(raw);
		if (packed > end - at)
			break;
		name_piece(name, c->cpu, nth, seq);
		rc = import_add_range(d->im, name, size, at, packed, d->packing);
		at += packed;
	}
	if (!rc && seq < n && !d->im->cut)
		d->im->bad++;
	return rc;
}

/* The buffer that is read first; NULL: none has pages. */
static struct buffer *largest_buffer(const struct dat *d)
{
	struct buffer *best = NULL;

	for (size_t i = 0; i < d->n_buffers; i++)
		if (d->buffer[i].bytes && (!best || d->buffer[i].bytes > best->bytes))
			best = &d->buffer[i];
	return best;
}

/* The pages of one buffer. Return: 0, -EBADMSG: its section is no use; others. */
static int put_buffer(struct dat *d, struct buffer *b, unsigned int nth, struct err *e)
{
	struct section s = { 0 };
	int rc = 0;

	if (d->version >= 7) {
		rc = section_head(d, b->at, &s, e);
		b->packed = s.packed && d->packing != PACK_NONE;
	}
	for (size_t i = 0; !rc && i < b->n; i++)
		rc = b->packed ? put_chunks(d, &b->cpu[i], nth, e) : put_range(d, &b->cpu[i], b->page_bytes, nth);
	return rc;
}

/* Which kinds of events the parts from @first on hold. Return: 0, -ENOMEM, others. */
static int kinds_of(const struct dat *d, size_t first, uint64_t page, uint8_t kinds[KBUF_KINDS_BYTES], struct err *e)
{
	struct buf b = { 0 };
	int rc = 0;

	memset(kinds, 0, KBUF_KINDS_BYTES);
	for (size_t i = first; !rc && i < d->im->n; i++) {
		rc = import_load(d->im, i, &b, e);
		if (!rc)
			kbuf_kinds(&d->layout, b.data, b.len, page, kinds);
	}
	buf_free(&b);
	return rc;
}

/* The other buffers, as far as they can hold no event twice. *@used counts those that are read. */
static int put_others(struct dat *d, const struct buffer *best, size_t first, unsigned int *used, struct err *e)
{
	uint8_t *kinds = calloc(2, KBUF_KINDS_BYTES), *more = kinds + KBUF_KINDS_BYTES;
	uint64_t looked = 0; /* at so many bytes: no two buffers share any */
	int rc = kinds ? 0 : -ENOMEM;

	for (size_t i = 0; i < d->n_buffers && !rc; i++) {
		struct buffer *b = &d->buffer[i];
		size_t before = d->im->n;
		bool twice;

		if (b == best || !b->bytes)
			continue;
		if (!looked)
			rc = kinds_of(d, first, best->page_bytes, kinds, e);
		looked = sat_add_u64(looked, b->bytes);
		twice = b->page_bytes != best->page_bytes || strcmp(b->clock, best->clock) || looked > d->im->file->bytes;
		rc = rc || twice ? rc : put_buffer(d, b, *used, e);
		if (!rc && !twice)
			rc = kinds_of(d, before, b->page_bytes, more, e);
		for (size_t k = 0; k < KBUF_KINDS_BYTES && !rc; k++)
			twice |= kinds[k] & more[k];
		if (rc == -EBADMSG || (!rc && twice)) {
			d->im->n = before; /* parts of the file own nothing */
			rc = import_quality(d->im, "note", "ring buffer", -1,
					    "the buffer '%s' (%llu bytes in the file) is not used: it may hold events of '%s' again, "
					    "which holds most",
					    b->name, (unsigned long long)b->bytes, best->name);
			continue;
		}
		for (size_t k = 0; k < KBUF_KINDS_BYTES && !rc; k++)
			kinds[k] |= more[k];
		*used += !rc;
	}
	free(kinds);
	return rc;
}

static int put_pages(struct dat *d, struct err *e)
{
	struct buffer *b = largest_buffer(d);
	size_t first = d->im->n;
	unsigned int used = 1;
	int rc;

	if (!b)
		return 0;
	if (b->clock[0])
		memcpy(d->about.clock, b->clock, sizeof(b->clock));
	if (b->page_bytes < 64 || b->page_bytes > PAGE_BYTES_MAX)
		return err_set(e, -EINVAL, "%s: %s with ring-buffer pages of %llu bytes", d->im->file->path, d->im->what,
			       (unsigned long long)b->page_bytes);
	d->about.page_bytes = b->page_bytes;
	rc = put_buffer(d, b, 0, e);
	if (!rc)
		rc = put_others(d, b, first, &used, e);
	/* statistics are those of the top buffer alone */
	if (!rc && !b->name[0] && used == 1 && d->stats.len)
		rc = import_add(d->im, "ftrace/stats/000000", d->stats.data, d->stats.len);
	return rc == -EBADMSG ? 0 : rc;
}

/* ---- clocks ---- */

static int put_clock(struct dat *d)
{
	const char *clock = d->about.clock;
	int64_t real = 0;
	char line[200];
	int rc;

	if (!*clock)
		strcpy(d->about.clock, "local"); /* the kernel's first choice, and trace-cmd's */
	if (!strcmp(clock, "local") &&
	    (rc = import_quality(d->im, "note", "clock", -1,
				 "the trace clock 'local' is each CPU's own: the order of events of different CPUs, and "
				 "times between them, are not certain")))
		return rc;
	if ((!strcmp(clock, "counter") || !strcmp(clock, "uptime") ||
	     (!d->about.tsc_mult && (!strcmp(clock, "x86-tsc") || !strcmp(clock, "tsc2nsec")))) &&
	    (rc = import_quality(d->im, "note", "clock", -1,
				 "the trace clock '%s' does not count nanoseconds: every time and delay here is wrong by "
				 "that measure, only their order is right",
				 clock)))
		return rc;
	if (d->shifted && (rc = import_quality(d->im, "note", "clock", -1,
					       "the file tells its clock's distance from another machine's (TIME_SHIFT); "
					       "times here are this machine's own")))
		return rc;
	if (d->dated && !__builtin_add_overflow(d->date_ns, d->offset_ns, &real) && real > 0) {
		snprintf(line, sizeof(line), "0\t%lld\t0\t0\t0\t1000000\n", (long long)real);
		rc = import_add(d->im, "clock/000000", line, strlen(line));
		return rc ? rc : import_quality(d->im, "note", "clock", -1,
						"real time is what trace-cmd wrote down once (--date), in microseconds: right "
						"to about a millisecond");
	}
	return import_quality(d->im, "source-missing", "clock", -1,
			      "nothing in the file ties the trace clock '%s' to real time: times are those of that clock, "
			      "not dates",
			      d->about.clock);
}

static int read_head(struct dat *d, struct rd *r, struct err *e)
{
	struct span version;
	uint64_t n;

	rd_bytes(r, 10);
	version = rtext(r);
	d->big = rd_u8(r) == 1;
	d->about.long_bytes = rd_u8(r);
	d->about.page_bytes = r32(d, r);
	d->about.big_endian = d->big;
	if (r->bad)
		return err_set(e, -EINVAL, "%s: %s that is cut in its head", d->im->file->path, d->im->what);
	if (span_u64(version, &n) || n < 6 || n > 7)
		return err_set(e, -EINVAL, "%s: %s of version '%.*s'; 6 and 7 can be read", d->im->file->path,
			       d->im->what, (int)(version.n > 16 ? 16 : version.n), version.p);
	d->version = (int)n;
	return 0;
}

int tracedat_texts(struct import *im, struct import_about *a, const void *data, size_t n)
{
	struct dat d = { .im = im, .about = *a };
	struct rd r;
	int rc = 0;

	rd_init(&r, data, n);
	rd_bytes(&r, 10);
	rtext(&r);
	if (rd_u8(&r) == 1 || r.bad) { /* samples of the other byte order are not read */
		im->bad++;
		return 0;
	}
	rd_bytes(&r, 5);
	for (int id = OPT_HEADER_INFO; !rc && id <= OPT_PRINTK; id++)
		rc = put_section(&d, &r, id);
	im->bad += rc == -EBADMSG;
	a->long_bytes = d.about.long_bytes;
	return rc == -EBADMSG ? 0 : rc;
}

/**
 * tracedat_import() - take a trace.dat apart
 * Return: 0, -EINVAL, -ENOMEM, or as tape_file_read().
 */
int tracedat_import(struct import *im, struct err *e)
{
	struct dat d = { .im = im, .about = { .tool = "trace-cmd" } };
	uint64_t n = im->file->bytes < TEXT_MAX ? im->file->bytes : TEXT_MAX;
	struct buf b = { 0 };
	struct rd r;
	int rc = import_unpack(im, 0, n, n, PACK_NONE, &b, e);

	/* a version 6 is read from here; a version 7 has its sections anywhere */
	rd_init(&r, b.data, rc ? 0 : b.len);
	if (!rc)
		rc = read_head(&d, &r, e);
	if (!rc)
		rc = d.version == 7 ? read_version7(&d, &r, e) : read_version6(&d, &r, &b);
	if (!rc)
		rc = put_pages(&d, e);
	if (!rc)
		rc = put_clock(&d);
	if (!rc && !d.kallsyms)
		rc = import_quality(im, "source-missing", "kallsyms", -1,
				    "the file names no kernel functions (kallsyms): places of drops stay addresses");
	if (!rc)
		rc = import_absent(im);
	if (!rc)
		rc = import_about(im, &d.about);
	for (size_t i = 0; i < d.n_buffers; i++)
		free(d.buffer[i].cpu);
	free(d.buffer);
	buf_free(&d.stats);
	buf_free(&b);
	return rc;
}
