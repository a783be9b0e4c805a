/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * Each CPU (of each buffer of a trace.dat) has a cursor over its members ftrace/cpuN/SEQ in order of SEQ, over
 * the pages in them and the events in these, and stands at its next event (its
 * head). The cursors form a heap by (time, CPU); trace_next() hands out the head
 * of the first one and lets it move on only when it is called again, so that an
 * event's bytes stay valid meanwhile.
 *
 * Time never goes back on a CPU: an event that is earlier than the one before
 * it gets that one's time, and is counted. So the merged stream is ordered.
 *
 * Loss: what the pages' own marks say, a number missing in SEQ, a page whose rest
 * cannot be walked. Each makes one EV_LOST in front of that CPU's next event; a
 * number is given where all of it is known.
 */
#include "trace.h"
#include "fields.h"
#include "detail.h"
#include "kbuf.h"
#include "perfring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CPU_MAX	       4095
#define FORMATS_MAX    4096
#define PAGE_BYTES_MAX (16 * MIB)
/* Chunks in memory at one time, one per CPU: far above what a recorder's frames hold. */
#define CHUNKS_MAX (4096 * MIB)

/* A member with pages. */
struct piece {
	uint32_t cpu;
	uint32_t buffer; /* of a trace.dat with several of them: ftrace/cpuN.BUFFER/SEQ; 0: the first, or the only one */
	uint64_t seq;
	size_t member;
};

struct cursor {
	int cpu;
	const struct piece *piece, *end; /* what is still to be read */
	uint64_t seq;			 /* that should come next */
	struct buf chunk;
	size_t page_at; /* next page in chunk */
	struct kbuf k;
	struct perfring ring; /* where perf recorded */
	struct kbuf_event head;
	struct ev_format *format; /* of the head, NULL: no head any more */
	uint64_t ts;		  /* of the head, or of the last event */
	uint64_t last_ts;	  /* of the last event handed out */
	bool any;		  /* one was */
	uint64_t lost;		  /* to be said in front of the head, UINT64_MAX: unknown */
};

struct trace {
	struct tape *tape;
	const struct clocks *clocks;
	struct kbuf_layout layout;
	size_t page_bytes;
	bool perf; /* recorded by perf */
	struct perf_layout records; /* then */
	int64_t start_ns;
	struct ev_format **formats;
	size_t n_formats;
	struct ev_format **by_id; /* UINT16_MAX + 1 of them */
	struct piece *pieces;
	size_t n_pieces;
	struct cursor *cursors;
	size_t n_cursors;
	struct cursor **heap;
	size_t n_heap;
	bool taken; /* the head of heap[0] was handed out */
	uint64_t chunk_bytes;
	uint64_t tsc_mult, tsc_shift, tsc_offset; /* of a clock that counts cycles; tsc_mult 0: it counts ns */
	struct detail detail;
	size_t lowered; /* steps of it that are behind */
	size_t told;	/* cursors that were told of the present one */
	struct trace_state st;
};

/* ---- formats ---- */

/* The parts of ftrace/events/SYSTEM/EVENT/format. */
static bool split_format_name(const char *name, char system[32], char event[64])
{
	static const char head[] = "ftrace/events/", tail[] = "/format";
	struct span s = { name, strlen(name) }, part;

	if (!span_starts(s, head) || s.n <= strlen(head) + strlen(tail) ||
	    strcmp(name + s.n - strlen(tail), tail))
		return false;
	s.p += strlen(head);
	s.n -= strlen(head) + strlen(tail);
	if (!span_field(&s, '/', &part) || part.n >= 32 || !s.n || s.n >= 64 ||
	    memchr(s.p, '/', s.n))
		return false;
	span_copy(part, system, 32);
	span_copy(s, event, 64);
	return true;
}

static int load_formats(struct trace *t, bool big_endian, int long_bytes, struct err *e)
{
	struct buf b = { 0 };
	int rc = 0;

	t->formats = calloc(FORMATS_MAX, sizeof(struct ev_format *));
	t->by_id = calloc(UINT16_MAX + 1, sizeof(struct ev_format *));
	if (!t->formats || !t->by_id)
		return -ENOMEM;
	for (size_t i = 0; i < tape_member_count(t->tape) && !rc; i++) {
		const struct tape_member *m = tape_member(t->tape, i);
		struct ev_format *f = NULL;
		char system[32], event[64];

		if (!split_format_name(m->name, system, event))
			continue;
		if (t->n_formats == FORMATS_MAX || m->size > FORMAT_TEXT_MAX) {
			t->st.formats_bad++;
			continue;
		}
		rc = tape_load(t->tape, i, &b, e);
		if (!rc)
			rc = format_parse(&f, system, event,
					  (struct span){ (const char *)b.data, b.len }, big_endian,
					  long_bytes);
		if (!rc && !t->by_id[f->type.id]) {
			t->by_id[f->type.id] = f;
			t->formats[t->n_formats++] = f;
			continue;
		}
		format_free(f);
		if (!rc || rc == -EINVAL) {
			t->st.formats_bad++;
			rc = 0;
		}
	}
	buf_free(&b);
	return rc;
}

/* ---- cursors ---- */

static bool parse_piece(const char *name, bool perf, struct piece *p)
{
	const char *head = perf ? "perf/" : "ftrace/cpu";
	struct span s = { name, strlen(name) }, dir, cpu;
	uint64_t n, buffer = 0;

	if (!span_starts(s, head))
		return false;
	s.p += strlen(head);
	s.n -= strlen(head);
	if (!span_field(&s, '/', &dir) || !span_field(&dir, '.', &cpu) || span_u64(cpu, &n) || n > CPU_MAX || s.n < 6 ||
	    (dir.n && (perf || span_u64(dir, &buffer) || !buffer || buffer > UINT32_MAX)) || span_u64(s, &p->seq))
		return false;
	p->cpu = (uint32_t)n;
	p->buffer = (uint32_t)buffer;
	return true;
}

static bool same_stream(const struct piece *a, const struct piece *b)
{
	return a->cpu == b->cpu && a->buffer == b->buffer;
}

static int by_cpu_and_seq(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;

	if (x->cpu != y->cpu)
		return x->cpu < y->cpu ? -1 : 1;
	if (x->buffer != y->buffer)
		return x->buffer < y->buffer ? -1 : 1;
	if (x->seq != y->seq)
		return x->seq < y->seq ? -1 : 1;
	return x->member < y->member ? -1 : 1;
}

static int find_pieces(struct trace *t)
{
	size_t cap = 0;

	for (size_t i = 0; i < tape_member_count(t->tape); i++) {
		struct piece p = { .member = i };

		if (!parse_piece(tape_member(t->tape, i)->name, t->perf, &p))
			continue;
		if (t->n_pieces == cap) {
			struct piece *x;

			cap = cap ? cap * 2 : 256;
			x = realloc(t->pieces, cap * sizeof(*x));
			if (!x)
				return -ENOMEM;
			t->pieces = x;
		}
		t->pieces[t->n_pieces++] = p;
	}
	if (t->n_pieces)
		qsort(t->pieces, t->n_pieces, sizeof(*t->pieces), by_cpu_and_seq);
	return 0;
}

static int make_cursors(struct trace *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_pieces; i++)
		n += !i || !same_stream(&t->pieces[i], &t->pieces[i - 1]);
	t->cursors = calloc(n + 1, sizeof(*t->cursors));
	t->heap = calloc(n + 1, sizeof(struct cursor *));
	if (!t->cursors || !t->heap)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_pieces; i++) {
		if (!i || !same_stream(&t->pieces[i], &t->pieces[i - 1]))
			t->cursors[t->n_cursors++] = (struct cursor){
				.cpu = (int)t->pieces[i].cpu,
				.piece = &t->pieces[i],
			};
		t->cursors[t->n_cursors - 1].end = &t->pieces[i + 1];
	}
	return 0;
}

/* Note a gap in front of the cursor's next event. */
static void note_lost(struct trace *t, struct cursor *c, uint64_t count)
{
	t->st.lost_places++;
	if (count != UINT64_MAX)
		t->st.lost = sat_add_u64(t->st.lost, count);
	c->lost = sat_add_u64(c->lost, count);
}

/* The loaded member's records to those that wait. */
static int add_records(struct trace *t, struct cursor *c)
{
	bool bad;
	int rc = perfring_add(&c->ring, &t->records, &c->chunk, &bad);

	if (bad) {
		t->st.pages_bad++;
		note_lost(t, c, UINT64_MAX);
	}
	return rc;
}

/* Load the next member. Return: 1, 0 when there is none, -ENOMEM, -EIO. */
static int next_chunk(struct trace *t, struct cursor *c, struct err *e)
{
	uint64_t size;
	int rc;

	t->chunk_bytes -= c->chunk.cap + perfring_bytes(&c->ring);
	if (c->piece == c->end) {
		buf_free(&c->chunk);
		return 0;
	}
	if (c->piece->seq != c->seq)
		note_lost(t, c, UINT64_MAX);
	c->seq = c->piece->seq + 1;
	size = tape_member(t->tape, c->piece->member)->size;
	c->page_at = 0;
	buf_reset(&c->chunk);
	if (size > CHUNKS_MAX - t->chunk_bytes) {
		note_lost(t, c, UINT64_MAX);
		rc = 0;
	} else {
		rc = tape_load(t->tape, c->piece->member, &c->chunk, e);
		if (!rc && t->perf)
			rc = add_records(t, c);
	}
	t->chunk_bytes += c->chunk.cap + perfring_bytes(&c->ring);
	c->piece++;
	return rc ? rc : 1;
}

/* Start with the cursor's next page. Return: as next_chunk(). */
static int next_page(struct trace *t, struct cursor *c, struct err *e)
{
	size_t left = c->chunk.len - c->page_at;

	while (left < t->page_bytes) {
		int rc;

		if (left) {
			t->st.pages_bad++;
			note_lost(t, c, UINT64_MAX);
		}
		rc = next_chunk(t, c, e);
		if (rc <= 0)
			return rc;
		left = c->chunk.len;
	}
	t->st.pages++;
	if (kbuf_page(&c->k, &t->layout, c->chunk.data + c->page_at, t->page_bytes)) {
		t->st.pages_bad++;
		note_lost(t, c, UINT64_MAX);
	} else if (c->k.missed) {
		note_lost(t, c, c->k.missed);
	}
	c->page_at += t->page_bytes;
	return 1;
}

/* The next event of perf's records. Return: as advance(). */
static int next_record(struct trace *t, struct cursor *c, struct err *e)
{
	for (;;) {
		uint64_t lost;
		int rc = perfring_next(&c->ring, &t->records, c->piece == c->end, &c->head, &lost);

		if (rc && lost)
			note_lost(t, c, lost);
		if (!rc && c->piece == c->end && c->ring.lost) {
			note_lost(t, c, c->ring.lost);
			c->ring.lost = 0;
		}
		if (rc || c->piece == c->end)
			return rc;
		rc = next_chunk(t, c, e);
		if (rc < 0)
			return rc;
	}
}

/* As the kernel's perf_event_mmap_page tells it, and trace-cmd's TSC2NSEC after that. */
static uint64_t cycles_ns(const struct trace *t, uint64_t cycles)
{
	return t->tsc_offset + (uint64_t)(((unsigned __int128)cycles * t->tsc_mult) >> t->tsc_shift);
}

/* Put the cursor at its next event. Return: 1, 0 at its end, -ENOMEM, -EIO. */
static int advance(struct trace *t, struct cursor *c, struct err *e)
{
	for (;;) {
		struct ev_format *f;
		int rc = t->perf ? next_record(t, c, e) : kbuf_next(&c->k, &c->head);

		if (t->perf && rc <= 0) {
			c->format = NULL;
			return rc;
		}
		if (rc < 0) {
			t->st.pages_bad++;
			note_lost(t, c, UINT64_MAX);
		}
		if (rc <= 0) {
			rc = next_page(t, c, e);
			if (rc > 0)
				continue;
			c->format = NULL;
			return rc;
		}
		f = NULL;
		if (c->head.len >= 8) {
			uint16_t id = t->layout.big_endian
					      ? (uint16_t)(c->head.data[0] << 8 | c->head.data[1])
					      : (uint16_t)(c->head.data[1] << 8 | c->head.data[0]);
			f = t->by_id[id];
		}
		if (!f || c->head.len < f->min_len) {
			t->st.undecoded++;
			continue;
		}
		if (t->tsc_mult)
			c->head.ts = cycles_ns(t, c->head.ts);
		if (c->head.ts < c->ts)
			t->st.backwards++;
		else
			c->ts = c->head.ts;
		c->format = f;
		return 1;
	}
}

/* ---- the merge ---- */

static bool earlier(const struct cursor *a, const struct cursor *b)
{
	/* the cursors of one CPU stand in order of its buffers */
	return a->ts != b->ts ? a->ts < b->ts : a->cpu != b->cpu ? a->cpu < b->cpu : a < b;
}

static void sift_down(struct trace *t, size_t i)
{
	struct cursor *c = t->heap[i];

	for (;;) {
		size_t kid = 2 * i + 1;

		if (kid >= t->n_heap)
			break;
		if (kid + 1 < t->n_heap && earlier(t->heap[kid + 1], t->heap[kid]))
			kid++;
		if (!earlier(t->heap[kid], c))
			break;
		t->heap[i] = t->heap[kid];
		i = kid;
	}
	t->heap[i] = c;
}

static int fill_heap(struct trace *t, struct err *e)
{
	for (size_t i = 0; i < t->n_cursors; i++) {
		int rc = advance(t, &t->cursors[i], e);

		if (rc < 0)
			return rc;
		if (rc || t->cursors[i].lost)
			t->heap[t->n_heap++] = &t->cursors[i];
	}
	for (size_t i = t->n_heap / 2; i-- > 0;)
		sift_down(t, i);
	return 0;
}

static void hand_out_lost(const struct trace *t, struct cursor *c, struct event *ev)
{
	int64_t ts_ns = clocks_trace_real(t->clocks, c->ts);
	int64_t from = c->any ? clocks_trace_real(t->clocks, c->last_ts) : t->start_ns;

	*ev = (struct event){
		.ts = c->ts,
		.ts_ns = ts_ns,
		.cpu = c->cpu,
		.kind = EV_LOST,
		.lost_from_ns = from < ts_ns ? from : ts_ns,
		.lost = c->lost,
	};
	c->lost = 0;
}

/*
 * The recorder turned events off before the next event: say so once for each CPU, as a loss of none,
 * so that nothing goes on across it.
 * Return: whether @ev is that.
 */
static bool hand_out_lowered(struct trace *t, const struct cursor *next, struct event *ev)
{
	int64_t ts_ns = clocks_trace_real(t->clocks, next->ts);
	const struct detail_step *s;

	while (t->lowered < t->detail.n) {
		s = &t->detail.step[t->lowered];
		if (s->at_ns > ts_ns)
			return false;
		if (!t->told)
			for (size_t i = 0; i < t->n_formats; i++)
				t->formats[i]->type.off |= detail_off(
					s, t->formats[i]->type.system, t->formats[i]->type.name);
		if (*s->events && t->told < t->n_cursors) {
			*ev = (struct event){
				.ts = next->ts,
				.ts_ns = ts_ns,
				.cpu = t->cursors[t->told++].cpu,
				.kind = EV_LOST,
				.lost_from_ns = s->at_ns,
				.lowered = true,
			};
			return true;
		}
		t->told = 0;
		t->lowered++;
	}
	return false;
}

static int32_t load_pid(const struct trace *t, const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return (int32_t)(t->layout.big_endian ? be32toh(v) : le32toh(v));
}

int trace_next(struct trace *t, struct event *ev, struct err *e)
{
	struct cursor *c;

again:
	if (t->taken) {
		int rc;

		c = t->heap[0];
		t->taken = false;
		rc = advance(t, c, e);
		if (rc < 0)
			return rc;
		if (!rc && !c->lost)
			t->heap[0] = t->heap[--t->n_heap];
		if (t->n_heap)
			sift_down(t, 0);
	}
	if (!t->n_heap)
		return 0;
	c = t->heap[0];
	if (c->lost) {
		hand_out_lost(t, c, ev);
		if (!c->format) {
			/* lost at the end: nothing comes behind */
			t->heap[0] = t->heap[--t->n_heap];
			if (t->n_heap)
				sift_down(t, 0);
		}
		return 1;
	}
	if (hand_out_lowered(t, c, ev))
		return 1;
	*ev = (struct event){
		.ts = c->ts,
		.ts_ns = clocks_trace_real(t->clocks, c->ts),
		.cpu = c->cpu,
		.pid = load_pid(t, c->head.data + 4),
		.flags = c->head.data[2],
		.kind = (uint8_t)c->format->type.kind,
		.type = &c->format->type,
		.data = c->head.data,
		.len = c->head.len,
	};
	c->format->type.count++;
	c->format->type.bytes += c->head.len;
	c->last_ts = c->ts;
	c->any = true;
	t->st.events++;
	t->taken = true;
	if (c->format->type.off)
		goto again; /* one that came until all CPUs had heard of it */
	return 1;
}

/* ---- life cycle and use ---- */

static int load_layout(struct trace *t, bool big_endian, int long_bytes, struct err *e)
{
	long i = tape_find(t->tape, "ftrace/header_page");
	struct buf b = { 0 };
	int64_t page = 0;
	int rc = 0;

	/* what every kernel has, for a tape that lost the frame with header_page */
	t->layout = (struct kbuf_layout){
		.commit_offset = 8,
		.commit_size = (uint32_t)long_bytes,
		.data_offset = 8 + (uint32_t)long_bytes,
		.big_endian = big_endian,
	};
	if (i >= 0) {
		rc = tape_load(t->tape, (size_t)i, &b, e);
		if (!rc && kbuf_layout_parse(&t->layout, (struct span){ (char *)b.data, b.len },
					     big_endian))
			rc = err_set(e, -EINVAL,
				     "%s: ftrace/header_page does not describe a ring-buffer page",
				     tape_path(t->tape));
		buf_free(&b);
	}
	if (rc)
		return rc;
	tape_json_int(t->tape, "$.page_bytes", &page);
	if (page < (int64_t)t->layout.data_offset + 8 || page > (int64_t)PAGE_BYTES_MAX)
		return err_set(e, -EINVAL, "%s: tape.json gives %lld as page_bytes of its trace",
			       tape_path(t->tape), (long long)page);
	t->page_bytes = (size_t)page;
	return 0;
}

/* What perf's records look like: those of the recorder always the same, those of a perf.data as import.c found. */
static int load_records(struct trace *t, bool big_endian, struct err *e)
{
	long i = tape_state(t->tape)->foreign ? tape_find(t->tape, "perf/layout") : -ENOENT;
	struct buf b = { 0 };
	int rc;

	if (i < 0)
		return perf_layout_tape(&t->records, big_endian);
	rc = tape_load(t->tape, (size_t)i, &b, e);
	if (!rc)
		rc = perf_layout_parse(&t->records, (struct span){ (const char *)b.data, b.len });
	perf_layout_ready(&t->records);
	buf_free(&b);
	return rc;
}

int trace_load(struct trace **out, struct tape *tape, const struct clocks *c, struct err *e)
{
	struct trace *t = calloc(1, sizeof(*t));
	int64_t little = 1, long_bytes = 8, mult, shift, offset;
	char backend[16];
	int rc = -ENOMEM;

	if (!t)
		return err_set(e, rc, "trace: out of memory");
	t->tape = tape;
	t->clocks = c;
	tape_json_int(tape, "$.little_endian", &little);
	tape_json_int(tape, "$.long_bytes", &long_bytes);
	if (long_bytes != 4)
		long_bytes = 8;
	if (tape_json_int(tape, "$.start_real_ns", &t->start_ns))
		t->start_ns = INT64_MAX;
	if (!tape_json_int(tape, "$.tsc_mult", &mult) && mult > 0 && mult <= UINT32_MAX &&
	    !tape_json_int(tape, "$.tsc_shift", &shift) && shift >= 0 && shift < 64 &&
	    !tape_json_int(tape, "$.tsc_offset", &offset)) {
		t->tsc_mult = (uint64_t)mult;
		t->tsc_shift = (uint64_t)shift;
		t->tsc_offset = (uint64_t)offset;
	}
	t->layout.big_endian = !little;
	t->perf = !tape_json_text(tape, "$.trace_backend", backend, sizeof(backend)) && !strcmp(backend, "perf");
	rc = detail_load(&t->detail, tape, c, e);
	if (!rc)
		rc = load_formats(t, !little, (int)long_bytes, e);
	if (!rc)
		rc = find_pieces(t);
	if (!rc && t->perf)
		rc = load_records(t, !little, e);
	if (!rc && t->n_pieces && !t->perf)
		rc = load_layout(t, !little, (int)long_bytes, e);
	if (!rc)
		rc = make_cursors(t);
	if (!rc)
		rc = fill_heap(t, e);
	if (rc) {
		trace_free(t);
		return rc == -ENOMEM ? err_set(e, rc, "trace: out of memory") : rc;
	}
	*out = t;
	return 0;
}

void trace_free(struct trace *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_cursors; i++) {
		buf_free(&t->cursors[i].chunk);
		perfring_free(&t->cursors[i].ring);
	}
	for (size_t i = 0; i < t->n_formats; i++)
		format_free(t->formats[i]);
	detail_free(&t->detail);
	perf_layout_free(&t->records);
	free(t->heap);
	free(t->cursors);
	free(t->pieces);
	free(t->by_id);
	free(t->formats);
	free(t);
}

const struct trace_state *trace_state(const struct trace *t)
{
	return &t->st;
}

size_t trace_type_count(const struct trace *t)
{
	return t->n_formats;
}

const struct ev_type *trace_type(const struct trace *t, size_t i)
{
	return &t->formats[i]->type;
}

bool trace_has(const struct trace *t, enum ev_kind k)
{
	for (size_t i = 0; i < t->n_formats; i++)
		if (t->formats[i]->type.kind == k && !t->formats[i]->type.off)
			return true;
	return false;
}

const struct ev_format *trace_format(const struct trace *t, const char *system, const char *event)
{
	for (size_t i = 0; i < t->n_formats; i++)
		if (!strcmp(t->formats[i]->type.system, system) &&
		    !strcmp(t->formats[i]->type.name, event))
			return t->formats[i];
	return NULL;
}
