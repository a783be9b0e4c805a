/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * perf.data (tools/perf/Documentation/perf.data-file-format.txt), as a file or as
 * a pipe wrote it, little endian. Its tracing data holds the event formats in
 * trace-cmd's layout, its samples of tracepoints hold the bytes that the ring buffer of
 * ftrace would hold. So the samples are sorted by CPU and time and written into
 * ring-buffer pages of our own (kbuf.c has their layout), which become members.
 *
 * Bounds: samples are copied, at most RAW_MAX bytes in all; what is packed
 * (PERF_RECORD_COMPRESSED) unfolds to no more than that either.
 */
#include "import.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define FILE_MAX    (1024 * MIB)
#define RAW_MAX	    (1024 * MIB)
#define ATTRS_MAX   65536
#define IDS_MAX	    (1 * MIB)
#define PAGE_BYTES  (128 * KIB)
#define CHUNK_BYTES (4 * MIB)
#define CPU_MAX	    4095
#define DELTA_BITS  27

enum { RECORD_LOST = 2, RECORD_SAMPLE = 9, RECORD_LOST_SAMPLES = 13, RECORD_ATTR = 64, RECORD_TRACING = 66,
       RECORD_AUXTRACE = 71, RECORD_FEATURE = 80, RECORD_COMPRESSED = 81 };
enum { FEAT_TRACING = 1, FEAT_HOST = 3, FEAT_RELEASE = 4, FEAT_VERSION = 5, FEAT_ARCH = 6, FEAT_CPUS = 7, FEAT_CLOCK = 29 };
/* enum perf_event_sample_format, include/uapi/linux/perf_event.h */
enum { S_IP = 1, S_TID = 2, S_TIME = 4, S_ADDR = 8, S_READ = 16, S_CHAIN = 32, S_ID = 64, S_CPU = 128, S_PERIOD = 256,
       S_STREAM = 512, S_RAW = 1024, S_IDENTIFIER = 65536 };

struct attr {
	uint32_t type;
	uint64_t sample_type, read_format;
};

struct id {
	uint64_t id;
	size_t attr;
};

struct sample {
	uint64_t ts, at; /* of its bytes in raw */
	uint32_t cpu, len;
};

struct perf {
	struct import *im;
	struct import_about about;
	struct attr *attr;
	size_t n_attrs;
	struct id *id;
	size_t n_ids;
	struct sample *sample;
	size_t n, cap;
	struct buf raw, rest; /* samples; unpacked bytes not read yet */
	ZSTD_DStream *zstd;
	uint64_t unpacked, lost;
	int64_t real, mono;
	bool texts;
};

static int add_attr(struct perf *p, struct rd r, struct rd ids)
{
	struct attr a = { 0 }, *v;
	struct id *x;

	a.type = rd_le32(&r);
	rd_bytes(&r, 20);
	a.sample_type = rd_le64(&r);
	a.read_format = rd_le64(&r);
	if (r.bad || p->n_attrs == ATTRS_MAX) {
		p->im->bad++;
		return 0;
	}
	v = realloc(p->attr, (p->n_attrs + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	p->attr = v;
	p->attr[p->n_attrs++] = a;
	if (ids.left / 8 > IDS_MAX - p->n_ids) {
		p->im->bad++;
		return 0;
	}
	x = realloc(p->id, (p->n_ids + ids.left / 8 + 1) * sizeof(*x));
	if (!x)
		return -ENOMEM;
	p->id = x;
	while (ids.left >= 8)
		p->id[p->n_ids++] = (struct id){ rd_le64(&ids), p->n_attrs - 1 };
	return 0;
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

/* Step over PERF_SAMPLE_READ. */
static void skip_read(struct rd *r, uint64_t f)
{
	uint64_t each = 8 + (f & 4 ? 8 : 0) + (f & 16 ? 8 : 0), times = (f & 1 ? 8 : 0) + (f & 2 ? 8 : 0);
	uint64_t n = f & 8 ? rd_le64(r) : 1;

	rd_bytes(r, n > r->left / each ? SIZE_MAX : (size_t)(times + n * each));
}

static int take_sample(struct perf *p, struct rd r)
{
	const struct attr *a = p->attr;
	struct sample s = { 0 };
	uint64_t n, t;
	const uint8_t *raw;

	if (!a)
		return 0;
	t = a->sample_type;
	if (t & S_IDENTIFIER) {
		struct rd peek = r;
		uint64_t id = rd_le64(&peek);

		for (size_t i = 0; i < p->n_ids; i++)
			if (p->id[i].id == id)
				a = &p->attr[p->id[i].attr];
		t = a->sample_type;
		rd_bytes(&r, 8);
	}
	if (a->type != 2 || !(t & S_RAW)) /* PERF_TYPE_TRACEPOINT */
		return 0;
	rd_bytes(&r, (t & S_IP ? 8 : 0) + (t & S_TID ? 8 : 0));
	s.ts = t & S_TIME ? rd_le64(&r) : 0;
	rd_bytes(&r, (t & S_ADDR ? 8 : 0) + (t & S_ID ? 8 : 0) + (t & S_STREAM ? 8 : 0));
	s.cpu = t & S_CPU ? rd_le32(&r) : 0;
	rd_bytes(&r, (t & S_CPU ? 4 : 0) + (t & S_PERIOD ? 8 : 0));
	if (t & S_READ)
		skip_read(&r, a->read_format);
	if (t & S_CHAIN) {
		n = rd_le64(&r);
		rd_bytes(&r, n > r.left / 8 ? SIZE_MAX : n * 8);
	}
	s.len = rd_le32(&r);
	raw = rd_bytes(&r, s.len);
	if (!raw || r.bad || s.len < 8 || s.len > 65535 || s.cpu > CPU_MAX || s.ts > INT64_MAX || p->raw.len > RAW_MAX) {
		p->im->bad++;
		return 0;
	}
	if (p->n == p->cap) {
		size_t cap = p->cap ? p->cap * 2 : 4096;
		struct sample *v = realloc(p->sample, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		p->sample = v;
		p->cap = cap;
	}
	s.at = p->raw.len;
	if (buf_put(&p->raw, raw, s.len))
		return -ENOMEM;
	p->sample[p->n++] = s;
	return 0;
}

static int records(struct perf *p, struct rd *r, bool inner);

static int unfold(struct perf *p, struct rd packed)
{
	ZSTD_inBuffer in = { packed.p, packed.left, 0 };
	size_t left = 1;
	struct rd r;
	int rc = 0;

	while (in.pos < in.size && !ZSTD_isError(left) && p->unpacked < RAW_MAX) {
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
	rc = records(p, &r, true);
	if (r.left)
		memmove(p->rest.data, r.p, r.left);
	p->rest.len = r.left;
	return rc;
}

/* All whole records; @r is left at the first that is not. @inner: of a packed record, which holds no packed ones. */
static int records(struct perf *p, struct rd *r, bool inner)
{
	int rc = 0;

	while (!rc && r->left >= 8) {
		struct rd head = *r, body;
		uint32_t type = rd_le32(&head);
		uint16_t size;

		rd_le16(&head);
		size = rd_le16(&head);
		if (size < 8 || size > r->left) {
			p->im->bad += size < 8;
			break;
		}
		body = rd_sub(r, size);
		rd_bytes(&body, 8);
		if (type == RECORD_SAMPLE) {
			rc = take_sample(p, body);
		} else if (type == RECORD_LOST || type == RECORD_LOST_SAMPLES) {
			rd_bytes(&body, type == RECORD_LOST ? 8 : 0);
			p->lost = sat_add_u64(p->lost, rd_le64(&body));
		} else if (type == RECORD_COMPRESSED && !inner) {
			rc = unfold(p, body);
		} else if (type == RECORD_ATTR) {
			struct rd a = body;
			uint32_t n;

			rd_le32(&a);
			n = rd_le32(&a);
			a = rd_sub(&body, n);
			rc = add_attr(p, a, body);
		} else if (type == RECORD_FEATURE) {
			uint64_t id = rd_le64(&body);

			rc = feature(p, id, body);
		} else if (type == RECORD_TRACING || type == RECORD_AUXTRACE) {
			uint64_t n = type == RECORD_TRACING ? rd_le32(&body) : rd_le64(&body);
			struct rd data = rd_sub(r, n > r->left ? SIZE_MAX : (size_t)n);

			if (type == RECORD_TRACING && !data.bad) {
				rc = feature(p, FEAT_TRACING, data);
				rd_bytes(r, -n & 7);
			}
		}
	}
	return rc;
}

static struct rd place(struct perf *p, const struct buf *b, uint64_t at, uint64_t n)
{
	struct rd r;

	if (at > b->len || n > b->len - at) {
		p->im->cut = true;
		n = at > b->len ? 0 : b->len - at;
		at = at > b->len ? 0 : at;
	}
	rd_init(&r, b->data + at, (size_t)n);
	return r;
}

static int read_file(struct perf *p, const struct buf *b, struct rd *head)
{
	uint64_t attr_size = rd_le64(head), attrs = rd_le64(head), attrs_n = rd_le64(head), data = rd_le64(head),
		 data_n = rd_le64(head), flags;
	struct rd r = place(p, b, attrs, attrs_n), table;
	int rc = 0;

	rd_bytes(head, 16);
	flags = rd_le64(head);
	while (!rc && !head->bad && attr_size >= 64 && attr_size <= r.left) {
		struct rd a = rd_sub(&r, attr_size), tail = a;
		uint64_t at, n;

		rd_bytes(&tail, attr_size - 16);
		at = rd_le64(&tail);
		n = rd_le64(&tail);
		rc = add_attr(p, a, place(p, b, at, n));
	}
	/* a recording that was killed has no length of its data yet */
	p->im->cut |= !data_n;
	rd_init(&table, b->data, 0);
	if (data_n && data <= b->len && data_n <= b->len - data)
		rd_init(&table, b->data + data + data_n, b->len - data - data_n);
	for (int i = 0; !rc && i < 64; i++) {
		uint64_t at, n;

		if (!(flags >> i & 1))
			continue;
		at = rd_le64(&table);
		n = rd_le64(&table);
		if (!table.bad)
			rc = feature(p, (uint64_t)i, place(p, b, at, n));
	}
	r = place(p, b, data, data_n ? data_n : data < b->len ? b->len - data : 0);
	if (!rc)
		rc = records(p, &r, false);
	p->im->cut |= r.left > 0;
	return rc;
}

/* ---- pages ---- */

static int by_cpu_and_time(const void *x, const void *y)
{
	const struct sample *a = x, *b = y;

	if (a->cpu != b->cpu)
		return a->cpu < b->cpu ? -1 : 1;
	if (a->ts != b->ts)
		return a->ts < b->ts ? -1 : 1;
	return a->at < b->at ? -1 : a->at > b->at;
}

static void put_le(uint8_t *to, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)(v >> 8 * i);
}

/* One page from sample @i on, of one CPU. Return: the sample behind it. */
static size_t fill_page(const struct perf *p, size_t i, uint8_t page[PAGE_BYTES])
{
	size_t head = 8 + (size_t)p->about.long_bytes, at = head;
	uint64_t ts = p->sample[i].ts;
	uint32_t cpu = p->sample[i].cpu;

	memset(page, 0, PAGE_BYTES);
	put_le(page, ts, 8);
	for (; i < p->n && p->sample[i].cpu == cpu; i++) {
		const struct sample *s = &p->sample[i];
		uint32_t len = (s->len + 3) & ~3U;
		uint64_t delta = s->ts - ts;

		if (at + 16 + len > PAGE_BYTES || delta >> DELTA_BITS > UINT32_MAX)
			break;
		if (delta >> DELTA_BITS) {
			put_le(page + at, 30 | (delta & ((1U << DELTA_BITS) - 1)) << 5, 4);
			put_le(page + at + 4, delta >> DELTA_BITS, 4);
			at += 8;
			delta = 0;
		}
		put_le(page + at, delta << 5, 4);
		put_le(page + at + 4, len + 4, 4);
		memcpy(page + at + 8, p->raw.data + s->at, s->len);
		at += 8 + len;
		ts = s->ts;
	}
	put_le(page + 8, at - head, 4);
	return i;
}

static int put_pages(struct perf *p)
{
	uint8_t *page = malloc(PAGE_BYTES);
	struct buf b = { 0 };
	unsigned int seq = 0;
	int rc = page ? 0 : -ENOMEM;

	if (p->n)
		qsort(p->sample, p->n, sizeof(*p->sample), by_cpu_and_time);
	for (size_t i = 0; !rc && i < p->n;) {
		uint32_t cpu = p->sample[i].cpu;
		char name[64];

		i = fill_page(p, i, page);
		rc = buf_put(&b, page, PAGE_BYTES);
		if (rc || (i < p->n && p->sample[i].cpu == cpu && b.len < CHUNK_BYTES))
			continue;
		snprintf(name, sizeof(name), "ftrace/cpu%u/%06u", cpu, seq);
		rc = import_add(p->im, name, b.data, b.len);
		buf_reset(&b);
		seq = i < p->n && p->sample[i].cpu == cpu ? seq + 1 : 0;
	}
	buf_free(&b);
	free(page);
	return rc;
}

static int put_facts(struct perf *p)
{
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
	if (!rc && p->lost)
		rc = import_quality(p->im, "events-lost", "perf", (int64_t)(p->lost & INT64_MAX),
				    "perf lost events: its buffers were full");
	if (!rc)
		rc = import_quality(p->im, "source-missing", "kallsyms", -1,
				    "perf.data names no kernel functions: places of drops stay addresses");
	return rc ? rc : import_absent(p->im);
}

int perfdata_import(struct import *im, struct err *e)
{
	struct perf p = { .im = im, .about = { .tool = "perf", .long_bytes = 8 }, .zstd = ZSTD_createDStream() };
	struct buf b = { 0 };
	struct rd r = { 0 };
	int rc = im->file->bytes > FILE_MAX ? err_set(e, -EINVAL, "%s: %s larger than %llu MiB", im->file->path, im->what,
						      FILE_MAX / MIB) :
					      buf_reserve(&b, im->file->bytes + 1);

	if (!p.zstd)
		rc = -ENOMEM;
	if (!rc)
		rc = tape_file_read(im->file, 0, b.data, im->file->bytes, e);
	if (!rc) {
		b.len = im->file->bytes;
		rd_init(&r, b.data, b.len);
		rd_bytes(&r, 8);
		rc = rd_le64(&r) == 16 ? records(&p, &r, false) : read_file(&p, &b, &r);
		im->cut |= r.bad;
	}
	if (!rc && !p.texts)
		rc = err_set(e, -EINVAL, "%s: %s without tracepoints: perf record -e skb:kfree_skb -e 'net:*' makes one", im->file->path,
			     im->what);
	p.about.page_bytes = PAGE_BYTES;
	if (!rc)
		rc = put_pages(&p);
	if (!rc)
		rc = put_facts(&p);
	if (!rc)
		rc = import_about(im, &p.about);
	ZSTD_freeDStream(p.zstd);
	free(p.attr);
	free(p.id);
	free(p.sample);
	buf_free(&p.raw);
	buf_free(&p.rest);
	buf_free(&b);
	return rc;
}
