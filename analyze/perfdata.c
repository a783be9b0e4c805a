/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * perf.data (tools/perf/Documentation/perf.data-file-format.txt), as a file or as
 * a pipe wrote it, little endian. Its tracing data holds the event formats in
 * trace-cmd's layout, its samples of tracepoints hold the bytes that the ring buffer of
 * ftrace would hold. Whenever perf looks after a ring buffer it writes what is in there, so
 * that the records of a CPU lie in the file in stretches. They stay there: a member
 * perf/CPU/SEQ, which is what a tape has from perf itself, is a list of such stretches.
 *
 * So the file is walked once when it is opened, a window at a time, and read again when its
 * events are wanted, a member of each CPU at a time. The walk also measures how far behind a
 * younger sample of its CPU one ever comes: this is how long samples must wait for each
 * other, and it is right for any number of ring buffers, where PERF_RECORD_FINISHED_ROUND
 * only gives a bound.
 *
 * What is packed (PERF_RECORD_COMPRESSED) is one stream through the whole file, so it is
 * unpacked in the walk and its samples are kept, at most UNPACKED_MAX bytes.
 */
#include "import.h"
#include "perf_sample.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define UNPACKED_MAX (1024 * MIB)
#define SECTION_MAX  (64 * MIB)
#define WINDOW_BYTES (1 * MIB) /* far above the largest record, 64 KiB */
#define MEMBER_BYTES (1 * MIB)
#define CPU_MAX	     4095
#define NO_CPU	     UINT32_MAX

enum { RECORD_ATTR = 64, RECORD_TRACING = 66, RECORD_AUXTRACE = 71, RECORD_FEATURE = 80, RECORD_COMPRESSED = 81 };
enum { FEAT_TRACING = 1, FEAT_HOST = 3, FEAT_RELEASE = 4, FEAT_VERSION = 5, FEAT_ARCH = 6, FEAT_CPUS = 7, FEAT_CLOCK = 29 };

/* A CPU's next member. */
struct stretch {
	struct import_range *range; /* in the file, or */
	size_t n, cap;
	struct buf bytes; /* unpacked */
	uint64_t len;
	unsigned int seq;
	uint64_t newest; /* time */
};

struct perf {
	struct import *im;
	struct err *e;
	struct import_about about;
	struct perf_layout layout;
	struct stretch *cpu; /* CPU_MAX + 1 of them */
	uint32_t last; /* CPU of the record before; NO_CPU: there was none, or it belongs to no member */
	struct buf window, rest; /* of the file; unpacked bytes not read yet */
	ZSTD_DStream *zstd;
	uint64_t unpacked, lost, lost_samples;
	uint64_t skip; /* bytes of the file behind the last record that are its own */
	int64_t real, mono;
	bool texts;
	bool broken; /* the rest of the file cannot be walked */
};

static int add_attr(struct perf *p, struct rd attr, struct rd ids)
{
	int rc = perf_layout_add(&p->layout, attr, ids);

	p->im->bad += rc == -EINVAL;
	return rc == -EINVAL ? 0 : rc;
}

static void feature_text(struct rd r, char *out, size_t size)
{
	struct rd s = rd_sub(&r, rd_le32(&r));

	if (!s.bad && s.left)
		span_copy((struct span){ (const char *)s.p, strnlen((const char *)s.p, s.left) }, out, size);
}

static int feature(struct perf *p, uint64_t id, struct rd r)
{
	switch (id) {
	case FEAT_TRACING:
		p->texts = true;
		return tracedat_texts(p->im, &p->about, r.p, r.left);
	case FEAT_HOST:
		feature_text(r, p->about.host, sizeof(p->about.host));
		return 0;
	case FEAT_RELEASE:
		feature_text(r, p->about.kernel, sizeof(p->about.kernel));
		return 0;
	case FEAT_VERSION:
		feature_text(r, p->about.tool_version, sizeof(p->about.tool_version));
		return 0;
	case FEAT_ARCH:
		feature_text(r, p->about.arch, sizeof(p->about.arch));
		return 0;
	case FEAT_CPUS:
		p->about.cpus = rd_le32(&r);
		return 0;
	case FEAT_CLOCK:
		rd_le64(&r);
		p->real = (int64_t)(rd_le64(&r) & INT64_MAX);
		p->mono = (int64_t)(rd_le64(&r) & INT64_MAX);
		return 0;
	default:
		return 0;
	}
}

/* ---- members ---- */

static int put_member(struct perf *p, uint32_t cpu)
{
	struct stretch *c = &p->cpu[cpu];
	char name[64];
	int rc;

	if (!c->len)
		return 0;
	snprintf(name, sizeof(name), "perf/%u/%06u", cpu, c->seq++);
	rc = c->n ? import_add_ranges(p->im, name, c->range, c->n) : import_add_whole(p->im, name, &c->bytes);
	c->n = 0;
	c->len = 0;
	return rc;
}

/* A record of @cpu; @at: in the file, UINT64_MAX: it was unpacked. */
static int put_record(struct perf *p, uint32_t cpu, const uint8_t *record, uint16_t size, uint64_t at)
{
	struct stretch *c = &p->cpu[cpu];
	struct import_range *r = c->n ? &c->range[c->n - 1] : NULL;
	int rc = 0;

	if (c->len >= MEMBER_BYTES || (at == UINT64_MAX ? c->n > 0 : c->bytes.len > 0)) {
		rc = put_member(p, cpu);
		r = NULL;
	}
	if (rc)
		return rc;
	if (at == UINT64_MAX) {
		rc = buf_put(&c->bytes, record, size);
		c->len += size;
	} else if (r && p->last == cpu && at - r->at < MEMBER_BYTES) {
		/* with what lies between, which is of no CPU */
		c->len += at + size - r->at - r->n;
		r->n = at + size - r->at;
	} else {
		if (c->n == c->cap) {
			size_t cap = c->cap ? c->cap * 2 : 16;

			r = realloc(c->range, cap * sizeof(*r));
			if (!r)
				return -ENOMEM;
			c->range = r;
			c->cap = cap;
		}
		c->range[c->n++] = (struct import_range){ at, size };
		c->len += size;
	}
	p->last = cpu;
	return rc;
}

static int take_sample(struct perf *p, const struct perf_record *rec, uint64_t at)
{
	struct perf_sample s;
	struct stretch *c;
	int is = perf_sample_parse(&p->layout, rec->body, &s);

	if (!is)
		return 0;
	if (is < 0 || s.cpu > CPU_MAX) {
		p->im->bad++;
		p->last = NO_CPU;
		return 0;
	}
	c = &p->cpu[s.cpu];
	if (s.ts > c->newest)
		c->newest = s.ts;
	else if (c->newest - s.ts > p->layout.wait_ns)
		p->layout.wait_ns = c->newest - s.ts;
	return put_record(p, s.cpu, rec->body.p - 8, rec->size, at);
}

/* It goes where its CPU's samples are; where it does not tell that, with those that it stands between. */
static int take_lost(struct perf *p, const struct perf_record *rec, uint64_t at)
{
	uint32_t cpu = NO_CPU;
	uint64_t n = perf_lost_parse(&p->layout, rec, &cpu);

	if (rec->type == PERF_LOST_SAMPLES) {
		p->lost_samples = sat_add_u64(p->lost_samples, n);
		return 0;
	}
	p->lost = sat_add_u64(p->lost, n);
	if (cpu > CPU_MAX && at == UINT64_MAX)
		cpu = p->last;
	return cpu > CPU_MAX ? 0 : put_record(p, cpu, rec->body.p - 8, rec->size, at);
}

/* ---- records ---- */

static int records(struct perf *p, struct rd *r, uint64_t at);

static int unfold(struct perf *p, struct rd packed)
{
	ZSTD_inBuffer in = { packed.p, packed.left, 0 };
	size_t left = 1;
	struct rd r;
	int rc = 0;

	while (in.pos < in.size && !ZSTD_isError(left) && p->unpacked < UNPACKED_MAX) {
		ZSTD_outBuffer out;
		size_t had = in.pos;

		if (buf_reserve(&p->rest, 256 * KIB))
			return -ENOMEM;
		out = (ZSTD_outBuffer){ p->rest.data + p->rest.len, 256 * KIB, 0 };
		left = ZSTD_decompressStream(p->zstd, &out, &in);
		p->rest.len += out.pos;
		p->unpacked += out.pos;
		if (in.pos == had && !out.pos)
			break;
	}
	p->im->bad += in.pos < in.size;
	rd_init(&r, p->rest.data, p->rest.len);
	p->last = NO_CPU;
	rc = records(p, &r, UINT64_MAX);
	p->last = NO_CPU;
	if (r.left)
		memmove(p->rest.data, r.p, r.left);
	p->rest.len = r.left;
	return rc;
}

/* The bytes behind a record that are its own. @at: where they begin. */
static int take_data(struct perf *p, const struct perf_record *rec, uint64_t at)
{
	struct rd r = rec->body;
	uint64_t n = rec->type == RECORD_TRACING ? rd_le32(&r) : rd_le64(&r);
	struct buf b = { 0 };
	int rc = 0;

	p->last = NO_CPU;
	if (n > p->im->file->bytes - at) {
		p->skip = p->im->file->bytes - at;
		p->im->cut = true;
		return 0;
	}
	p->skip = n;
	if (rec->type == RECORD_AUXTRACE)
		return 0;
	p->skip = (n + 7) & ~7ULL;
	if (p->skip > p->im->file->bytes - at)
		p->skip = n;
	if (n > SECTION_MAX) {
		p->im->bad++;
		return 0;
	}
	rc = import_unpack(p->im, at, n, n, PACK_NONE, &b, p->e);
	if (!rc) {
		struct rd data;

		rd_init(&data, b.data, b.len);
		rc = feature(p, FEAT_TRACING, data);
	}
	buf_free(&b);
	return rc;
}

/*
 * All whole records up to one with data behind it; @r is left behind them. @at: where @r begins in the
 * file, UINT64_MAX: it was unpacked, and holds neither packed records nor such data.
 */
static int records(struct perf *p, struct rd *r, uint64_t at)
{
	const uint8_t *begin = r->p;
	bool inner = at == UINT64_MAX;
	struct perf_record rec;
	int rc = 0, more = 0;

	while (!rc && !p->skip) {
		uint64_t here = inner ? at : at + (uint64_t)(r->p - begin);
		struct rd a;

		more = perf_record_next(r, false, &rec);
		if (more <= 0)
			break;
		a = rec.body;
		switch (rec.type) {
		case PERF_SAMPLE:
			rc = take_sample(p, &rec, here);
			break;
		case PERF_LOST:
		case PERF_LOST_SAMPLES:
			rc = take_lost(p, &rec, here);
			break;
		case RECORD_COMPRESSED:
			rc = inner ? 0 : unfold(p, rec.body);
			break;
		case RECORD_ATTR: {
			struct rd ids = rec.body;
			uint32_t n;

			rd_le32(&a);
			n = rd_le32(&a);
			a = rd_sub(&ids, n);
			rc = add_attr(p, a, ids);
			perf_layout_ready(&p->layout);
			p->last = NO_CPU;
			break;
		}
		case RECORD_FEATURE: {
			uint64_t id = rd_le64(&a);

			rc = feature(p, id, a);
			break;
		}
		case RECORD_TRACING:
		case RECORD_AUXTRACE:
			rc = inner ? 0 : take_data(p, &rec, here + rec.size);
			break;
		}
	}
	if (more < 0) {
		/* where the next one begins is not known */
		p->im->bad++;
		p->broken |= !inner;
		if (inner)
			rd_bytes(r, r->left);
	}
	return rc;
}

/* The records between two places of the file. */
static int walk(struct perf *p, uint64_t at, uint64_t to)
{
	int rc = 0;

	perf_layout_ready(&p->layout);
	while (!rc && at < to) {
		uint64_t n = to - at < WINDOW_BYTES ? to - at : WINDOW_BYTES;
		struct rd r;

		rc = import_unpack(p->im, at, n, n, PACK_NONE, &p->window, p->e);
		if (rc)
			break;
		rd_init(&r, p->window.data, n);
		p->skip = 0;
		rc = records(p, &r, at);
		if (!rc && (p->broken || r.left == n)) {
			p->im->cut = true;
			break;
		}
		at += n - r.left + p->skip;
	}
	for (uint32_t cpu = 0; !rc && cpu <= CPU_MAX; cpu++)
		rc = put_member(p, cpu);
	return rc;
}

/* A section of the file in memory, as much of it as there is. */
static int load_section(struct perf *p, uint64_t at, uint64_t n, struct buf *b, struct rd *r)
{
	uint64_t bytes = p->im->file->bytes;
	int rc = 0;

	if (at > bytes || n > bytes - at) {
		p->im->cut = true;
		n = at > bytes ? 0 : bytes - at;
	}
	if (n > SECTION_MAX) {
		p->im->bad++;
		n = 0;
	}
	buf_reset(b);
	if (n)
		rc = import_unpack(p->im, at, n, n, PACK_NONE, b, p->e);
	rd_init(r, b->data, rc ? 0 : b->len);
	return rc;
}

static int read_attrs(struct perf *p, struct rd r, uint64_t attr_size)
{
	struct buf b = { 0 };
	int rc = 0;

	while (!rc && attr_size >= 64 && attr_size <= r.left) {
		struct rd a = rd_sub(&r, attr_size), tail = a, ids;
		uint64_t at, n;

		rd_bytes(&tail, attr_size - 16);
		at = rd_le64(&tail);
		n = rd_le64(&tail);
		rc = load_section(p, at, n, &b, &ids);
		if (!rc)
			rc = add_attr(p, a, ids);
	}
	buf_free(&b);
	return rc;
}

static bool wanted(int id)
{
	return (id == FEAT_TRACING || (id >= FEAT_HOST && id <= FEAT_CPUS) || id == FEAT_CLOCK);
}

/* @table: at and length of each, in order of their bits in @flags. */
static int read_features(struct perf *p, struct rd table, uint64_t flags)
{
	struct buf b = { 0 };
	int rc = 0;

	for (int i = 0; !rc && i < 64; i++) {
		uint64_t at, n;
		struct rd r;

		if (!(flags >> i & 1))
			continue;
		at = rd_le64(&table);
		n = rd_le64(&table);
		if (table.bad || !wanted(i))
			continue;
		rc = load_section(p, at, n, &b, &r);
		if (!rc)
			rc = feature(p, (uint64_t)i, r);
	}
	buf_free(&b);
	return rc;
}

static int read_file(struct perf *p, struct rd *head)
{
	uint64_t attr_size = rd_le64(head), attrs = rd_le64(head), attrs_n = rd_le64(head), data = rd_le64(head),
		 data_n = rd_le64(head), flags, bytes = p->im->file->bytes;
	bool whole = data_n && data <= bytes && data_n <= bytes - data;
	struct buf b = { 0 };
	struct rd r;
	int rc;

	rd_bytes(head, 16);
	flags = rd_le64(head);
	p->im->cut |= head->bad;
	rc = load_section(p, attrs, attrs_n, &b, &r);
	if (!rc && !head->bad)
		rc = read_attrs(p, r, attr_size);
	/* a recording that was killed has no length of its data yet, and nothing behind it */
	p->im->cut |= !whole;
	if (!rc && whole) {
		uint64_t left = bytes - data - data_n;

		rc = load_section(p, data + data_n, left < 64 * 16 ? left : 64 * 16, &b, &r);
		if (!rc)
			rc = read_features(p, r, flags);
	}
	buf_free(&b);
	if (!rc && data <= bytes)
		rc = walk(p, data, whole ? data + data_n : bytes);
	return rc;
}

static int put_layout(struct perf *p)
{
	struct buf b = { 0 };
	int rc = perf_layout_put(&p->layout, &b);

	if (!rc)
		rc = import_add_whole(p->im, "perf/layout", &b);
	buf_free(&b);
	return rc;
}

static int put_facts(struct perf *p)
{
	/* the same ones, where they came and in the end by their counters (kernel/events/ring_buffer.c, since 6.0) */
	uint64_t lost = p->lost > p->lost_samples ? p->lost : p->lost_samples;
	char line[160];
	int rc = 0;

	if (p->real > 0) {
		snprintf(line, sizeof(line), "%lld\t%lld\t%lld\t0\t0\t2000\n", (long long)p->mono, (long long)p->real,
			 (long long)p->mono);
		strcpy(p->about.clock, "mono");
		rc = import_add(p->im, "clock/000000", line, strlen(line));
	} else {
		strcpy(p->about.clock, "perf");
		rc = import_quality(p->im, "source-missing", "clock", -1,
				    "nothing in the file ties perf's clock to real time (perf record -k mono does): times are those "
				    "of that clock, not dates");
	}
	if (!rc && lost)
		rc = import_quality(p->im, "events-lost", "perf", (int64_t)(lost & INT64_MAX),
				    "perf lost events: its buffers were full");
	if (!rc)
		rc = import_quality(p->im, "source-missing", "kallsyms", -1,
				    "perf.data names no kernel functions: places of drops stay addresses");
	return rc ? rc : import_absent(p->im);
}

int perfdata_import(struct import *im, struct err *e)
{
	struct perf p = { .im = im,
			  .e = e,
			  .about = { .tool = "perf", .backend = "perf", .long_bytes = 8 },
			  .last = NO_CPU,
			  .cpu = calloc(CPU_MAX + 1, sizeof(*p.cpu)),
			  .zstd = ZSTD_createDStream() };
	uint8_t raw[104];
	size_t n = im->file->bytes < sizeof(raw) ? (size_t)im->file->bytes : sizeof(raw);
	struct rd r;
	int rc = p.cpu && p.zstd ? tape_file_read(im->file, 0, raw, n, e) : -ENOMEM;

	if (!rc) {
		rd_init(&r, raw, n);
		rd_bytes(&r, 8);
		if (rd_le64(&r) == 16)
			rc = walk(&p, 16, im->file->bytes);
		else
			rc = read_file(&p, &r);
		im->cut |= r.bad;
	}
	if (!rc && !p.texts)
		rc = err_set(e, -EINVAL, "%s: %s without tracepoints: perf record -e skb:kfree_skb -e 'net:*' makes one", im->file->path,
			     im->what);
	if (!rc)
		rc = put_layout(&p);
	if (!rc)
		rc = put_facts(&p);
	if (!rc)
		rc = import_about(im, &p.about);
	for (uint32_t cpu = 0; p.cpu && cpu <= CPU_MAX; cpu++) {
		free(p.cpu[cpu].range);
		buf_free(&p.cpu[cpu].bytes);
	}
	free(p.cpu);
	ZSTD_freeDStream(p.zstd);
	perf_layout_free(&p.layout);
	buf_free(&p.window);
	buf_free(&p.rest);
	return rc;
}
