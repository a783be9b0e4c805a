/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * What stands in a sample, and where, its event's sample_type says (perf_event_open(2), MMAP layout).
 * All up to PERF_SAMPLE_PERIOD has a fixed place, so that time and CPU are read there at once; only
 * PERF_SAMPLE_READ and PERF_SAMPLE_CALLCHAIN have to be stepped over. Where events differ, the number
 * in front (PERF_SAMPLE_IDENTIFIER) tells whose sample it is.
 */
#include "perf_sample.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ATTRS_MAX  65536
#define IDS_MAX	   (1 * MIB)
#define TRACEPOINT 2	 /* PERF_TYPE_TRACEPOINT */
#define IDS_ALL	   18	 /* bit of sample_id_all in perf_event_attr */
#define NOT_THERE  65536 /* farther than a record reaches */
#define WAIT_NS	   (100 * 1000000ULL)

/* enum perf_event_sample_format */
enum { S_IP = 1, S_TID = 2, S_TIME = 4, S_ADDR = 8, S_READ = 16, S_CHAIN = 32, S_ID = 64, S_CPU = 128, S_PERIOD = 256,
       S_STREAM = 512, S_RAW = 1024, S_IDENTIFIER = 65536 };

static uint32_t get16(const uint8_t *p, bool big_endian)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return big_endian ? be16toh(v) : le16toh(v);
}

static uint32_t get32(const uint8_t *p, bool big_endian)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return big_endian ? be32toh(v) : le32toh(v);
}

static uint64_t get64(const struct perf_layout *l, const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return l->big_endian ? be64toh(v) : le64toh(v);
}

static uint64_t rd64(const struct perf_layout *l, struct rd *r)
{
	const uint8_t *p = rd_bytes(r, 8);

	return p ? get64(l, p) : 0;
}

static uint32_t take(uint32_t *at, uint64_t sample_type, uint64_t bit, uint32_t bytes)
{
	uint32_t here = *at;

	if (!(sample_type & bit))
		return NOT_THERE;
	*at += bytes;
	return here;
}

static int add_attr(struct perf_layout *l, struct perf_attr a)
{
	struct perf_attr *v;
	uint64_t t = a.sample_type;

	if (l->n_attrs == ATTRS_MAX)
		return -EINVAL;
	v = realloc(l->attr, (l->n_attrs + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	l->attr = v;
	a.head = 0;
	take(&a.head, t, S_IDENTIFIER, 8);
	take(&a.head, t, S_IP, 8);
	take(&a.head, t, S_TID, 8);
	a.time_at = take(&a.head, t, S_TIME, 8);
	take(&a.head, t, S_ADDR, 8);
	take(&a.head, t, S_ID, 8);
	take(&a.head, t, S_STREAM, 8);
	a.cpu_at = take(&a.head, t, S_CPU, 8);
	take(&a.head, t, S_PERIOD, 8);
	l->mixed |= l->n_attrs && (v->sample_type != t || v->read_format != a.read_format || v->tracepoint != a.tracepoint);
	v[l->n_attrs++] = a;
	return 0;
}

static int add_id(struct perf_layout *l, uint64_t id, uint64_t attr)
{
	if (l->n_ids == IDS_MAX || attr >= l->n_attrs)
		return -EINVAL;
	/* room doubles: the number is a power of two when it is full */
	if (!(l->n_ids & (l->n_ids - 1))) {
		struct perf_id *v = realloc(l->id, (l->n_ids ? l->n_ids * 2 : 1) * sizeof(*v));

		if (!v)
			return -ENOMEM;
		l->id = v;
	}
	l->unsorted |= l->n_ids && l->id[l->n_ids - 1].id >= id;
	l->id[l->n_ids++] = (struct perf_id){ id, (uint32_t)attr };
	return 0;
}

int perf_layout_tape(struct perf_layout *l, bool big_endian)
{
	l->big_endian = big_endian;
	l->wait_ns = WAIT_NS;
	return add_attr(l, (struct perf_attr){ .sample_type = S_TID | S_TIME | S_CPU | S_RAW, .tracepoint = true });
}

int perf_layout_add(struct perf_layout *l, struct rd r, struct rd ids)
{
	struct perf_attr a = { 0 };
	int rc;

	a.tracepoint = rd_le32(&r) == TRACEPOINT;
	rd_bytes(&r, 20);
	a.sample_type = rd_le64(&r);
	a.read_format = rd_le64(&r);
	a.ids_all = rd_le64(&r) >> IDS_ALL & 1;
	rc = r.bad ? -EINVAL : add_attr(l, a);
	while (!rc && ids.left >= 8)
		rc = add_id(l, rd_le64(&ids), l->n_attrs - 1);
	return rc;
}

int perf_layout_put(const struct perf_layout *l, struct buf *out)
{
	int rc = buf_printf(out, "wait %" PRIu64 "\n", l->wait_ns);

	for (size_t i = 0; !rc && i < l->n_attrs; i++)
		rc = buf_printf(out, "attr %d %" PRIu64 " %" PRIu64 "\n", l->attr[i].tracepoint, l->attr[i].sample_type,
				l->attr[i].read_format);
	for (size_t i = 0; !rc && i < l->n_ids; i++)
		rc = buf_printf(out, "id %" PRIu64 " %" PRIu32 "\n", l->id[i].id, l->id[i].attr);
	return rc;
}

int perf_layout_parse(struct perf_layout *l, struct span text)
{
	struct span line, key, word;
	int rc = 0;

	while (!rc && span_line(&text, &line)) {
		uint64_t v[3] = { 0 };

		span_word(&line, &key);
		for (size_t n = 0; !rc && span_word(&line, &word); n++)
			rc = n == ARRAY_SIZE(v) || span_u64(word, &v[n]) ? -EINVAL : 0;
		if (rc)
			break;
		if (span_is(key, "wait"))
			l->wait_ns = v[0] > INT64_MAX ? INT64_MAX : v[0];
		else if (span_is(key, "attr"))
			rc = add_attr(l, (struct perf_attr){ .tracepoint = v[0], .sample_type = v[1], .read_format = v[2] });
		else if (span_is(key, "id"))
			rc = add_id(l, v[0], v[1]);
	}
	return rc;
}

static int by_id(const void *x, const void *y)
{
	const struct perf_id *a = x, *b = y;

	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return a->attr < b->attr ? -1 : a->attr > b->attr;
}

void perf_layout_ready(struct perf_layout *l)
{
	if (l->unsorted)
		qsort(l->id, l->n_ids, sizeof(*l->id), by_id);
	l->unsorted = false;
}

void perf_layout_free(struct perf_layout *l)
{
	free(l->attr);
	free(l->id);
	*l = (struct perf_layout){ 0 };
}

int perf_record_next(struct rd *r, bool big_endian, struct perf_record *rec)
{
	const uint8_t *p = r->p;
	uint16_t size;

	if (r->left < 8)
		return 0;
	size = (uint16_t)get16(p + 6, big_endian);
	if (size < 8)
		return -EINVAL;
	if (size > r->left)
		return 0;
	rec->type = get32(p, big_endian);
	rec->size = size;
	rec->body = (struct rd){ p + 8, size - 8U, false };
	r->p = p + size;
	r->left -= size;
	return 1;
}

static const struct perf_attr *attr_of(const struct perf_layout *l, uint64_t id)
{
	size_t from = 0, n = l->n_ids;

	while (n) {
		const struct perf_id *mid = &l->id[from + n / 2];

		if (mid->id == id)
			return &l->attr[mid->attr];
		if (mid->id < id) {
			from += n / 2 + 1;
			n -= n / 2 + 1;
		} else {
			n /= 2;
		}
	}
	return l->attr;
}

/* Step over PERF_SAMPLE_READ. */
static void skip_read(const struct perf_layout *l, struct rd *r, uint64_t f)
{
	uint64_t each = 8 + (f & 4 ? 8 : 0) + (f & 16 ? 8 : 0), times = (f & 1 ? 8 : 0) + (f & 2 ? 8 : 0);
	uint64_t n = f & 8 ? rd64(l, r) : 1;

	rd_bytes(r, n > r->left / each ? SIZE_MAX : (size_t)(times + n * each));
}

int perf_sample_parse(const struct perf_layout *l, struct rd r, struct perf_sample *s)
{
	const struct perf_attr *a = l->attr;
	struct perf_sample x = { 0 };
	const uint8_t *p = r.p;
	uint64_t n;

	if (!a)
		return 0;
	if (l->mixed && a->sample_type & S_IDENTIFIER && r.left >= 8)
		a = attr_of(l, get64(l, p));
	if (!a->tracepoint || !(a->sample_type & S_RAW))
		return 0;
	if (r.left < a->head)
		return -EINVAL;
	if (a->time_at != NOT_THERE)
		x.ts = get64(l, p + a->time_at);
	if (a->cpu_at != NOT_THERE)
		x.cpu = get32(p + a->cpu_at, l->big_endian);
	r.p += a->head;
	r.left -= a->head;
	if (a->sample_type & S_READ)
		skip_read(l, &r, a->read_format);
	if (a->sample_type & S_CHAIN) {
		n = rd64(l, &r);
		rd_bytes(&r, n > r.left / 8 ? SIZE_MAX : n * 8);
	}
	if (r.bad || r.left < 4 || x.ts > INT64_MAX)
		return -EINVAL;
	x.len = get32(r.p, l->big_endian);
	x.raw = r.p + 4;
	if (x.len > r.left - 4)
		return -EINVAL;
	*s = x;
	return 1;
}

uint64_t perf_lost_parse(const struct perf_layout *l, const struct perf_record *rec, uint32_t *cpu)
{
	struct rd r = rec->body;
	uint64_t n;

	if (rec->type == PERF_LOST)
		rd_bytes(&r, 8); /* the event's number */
	n = rd64(l, &r);
	if (r.bad)
		return UINT64_MAX;
	/* what is common to all records, CPU and number last (struct sample_id in perf_event_open(2)) */
	if (l->n_attrs && l->attr->ids_all && l->attr->sample_type & S_CPU) {
		uint32_t behind = l->attr->sample_type & S_IDENTIFIER ? 16 : 8;

		if (r.left >= behind)
			*cpu = get32(r.p + r.left - behind, l->big_endian);
	}
	return n;
}
