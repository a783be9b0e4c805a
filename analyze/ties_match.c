/* SPDX-License-Identifier: MIT */
/* ties_match: the frames and events of one device and direction; the theory stands in ties.c. */
#include "ties_int.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define FRAMES_MAX (1U << 27)
#define CAND_MAX   128 /* candidates of one frame that are kept */
#define SCAN_MAX   65536
#define VOTE_NS	   (5 * NSEC_PER_SEC)
#define VOTES_MAX  500
#define VLAN_BYTES 4
#define LENS_MAX   3
#define PASSES_MAX 64
#define EARLY_NS   100000 /* from a stamp to its event, mostly less than a tenth of it */

static_assert(LENS_MAX * CAND_MAX < 1 << 12, "struct cand counts them in 12 bits");

enum { CLASS_OTHER, CLASS_TCP, CLASS_UDP, CLASS_COUNT };

/* Only none, one and several matter. */
static void count_up(uint8_t *n)
{
	*n += *n < UINT8_MAX;
}

/* qsort_r() order: by length, then in order of the trace. */
static int by_len_cmp(const void *a, const void *b, void *ctx)
{
	const struct event_rec *v = ctx;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	if (v[x].len != v[y].len)
		return v[x].len < v[y].len ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* First place in by_len with this length and a time >= @ts. */
static size_t len_lower(const struct match *m, uint32_t len, int64_t ts)
{
	size_t lo = 0, hi = m->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct event_rec *e = &m->v[m->by_len[mid]];

		if (e->len < len || (e->len == len && e->ts_ns < ts))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Lengths that events may show for a frame: a VLAN tag stands in the frame, but beside the skb's
 * data or in it. */
static int frame_lens(const struct group *g, const struct frame_ref *r, uint32_t len[LENS_MAX])
{
	int direction = g->direction;
	uint32_t l = direction ? r->len_bytes : r->l3_bytes;
	int n = 0;

	if (!direction && !l && r->len_bytes > 14)
		l = r->len_bytes - 14 - (r->vlan_tci ? VLAN_BYTES : 0);
	if (!l)
		return 0;
	if (g->lower_n)
		return ties_upper_lens(l, len);
	len[n++] = l;
	if (r->vlan_tci && direction && l > VLAN_BYTES)
		len[n++] = l - VLAN_BYTES;
	else if (r->vlan_tci && !direction && l <= UINT32_MAX - VLAN_BYTES)
		len[n++] = l + VLAN_BYTES;
	return n;
}

/* Events of length @len whose bracket holds @ts, into @out (room for CAND_MAX). @more: where not
 * NULL, those without room count as wanted, and it is set. Return: how many. */
static size_t find_bracket(const struct match *m, uint32_t len, int64_t ts, bool late,
			   uint32_t *out, bool *more)
{
	int64_t eps = m->t->error_ns;
	size_t i = len_lower(m, len, ts - eps - (late ? m->t->late_ns : 0)), n = 0, scan = 0;

	for (; i < m->n && m->v[m->by_len[i]].len == len; i++, scan++) {
		const struct event_rec *e = &m->v[m->by_len[i]];

		if (late ? e->ts_ns > ts + eps : m->min_lo[i] > ts + eps)
			break;
		if (scan == SCAN_MAX || (n == CAND_MAX && !more)) {
			if (more)
				*more = true;
			break;
		}
		if (!(late ? e->ts_ns + e->late + eps >= ts
			   : e->ts_ns - e->lo - eps <= ts && e->ts_ns - e->hi + eps >= ts))
			continue;
		if (n < CAND_MAX) {
			out[n++] = m->by_len[i];
			continue;
		}
		*more = true;
		count_up(&m->wanted[m->by_len[i]]);
	}
	return n;
}

static int u32_cmp(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* All candidates of a frame in order of the trace. */
static size_t find_all(const struct match *m, const struct frame_ref *r, bool late,
		       uint32_t out[LENS_MAX * CAND_MAX], bool *more)
{
	uint32_t len[LENS_MAX];
	int lens = frame_lens(m->g, r, len);
	size_t n = 0;

	for (int i = 0; i < lens; i++)
		n += find_bracket(m, len[i], r->ts_ns, late, out + n, more);
	if (lens > 1)
		qsort(out, n, sizeof(*out), u32_cmp);
	return n;
}

static int frame_class(const struct frame_ref *r)
{
	return r->ip_proto == 6 ? CLASS_TCP : r->ip_proto == 17 ? CLASS_UDP : CLASS_OTHER;
}

/* Lets frames @from..@to of one stream vote. @late: the present choice of each class. */
static void vote(const struct match *m, size_t from, size_t to, bool late[CLASS_COUNT])
{
	uint32_t out[LENS_MAX * CAND_MAX], votes[CLASS_COUNT] = { 0 }, a[CLASS_COUNT] = { 0 },
					   b[CLASS_COUNT] = { 0 };

	if (m->g->direction || m->t->told)
		return;
	for (size_t i = from; i < to; i++) {
		const struct frame_ref *r = m->f[i].ref;
		int c = frame_class(r);

		if (votes[c]++ >= VOTES_MAX)
			continue;
		a[c] += find_all(m, r, false, out, NULL) > 0;
		b[c] += find_all(m, r, true, out, NULL) > 0;
	}
	for (int c = 0; c < CLASS_COUNT; c++)
		if (a[c] != b[c])
			late[c] = b[c] > a[c];
}

static int list_add(struct match *m, struct cand *f, const uint32_t *v, size_t n)
{
	if (m->list_n + n > m->list_cap) {
		size_t cap = (m->list_n + n) * 2 + 1024;
		uint32_t *l = cap > UINT32_MAX ? NULL : realloc(m->list, cap * sizeof(*l));

		if (!l)
			return -ENOMEM;
		m->list = l;
		m->list_cap = cap;
	}
	f->at = (uint32_t)m->list_n;
	f->n = f->all = (uint32_t)n & 0xfff;
	if (n)
		memcpy(m->list + m->list_n, v, n * sizeof(*v));
	m->list_n += n;
	for (size_t i = 0; i < n; i++) {
		uint32_t *s = &m->stream[v[i]];

		count_up(&m->wanted[v[i]]);
		*s = !*s || *s == f->stream + 1 ? f->stream + 1 : UINT32_MAX;
	}
	return 0;
}

/* Candidates of the frames @from..@to, all of one stream. */
static int candidates(struct match *m, size_t from, size_t to)
{
	uint32_t out[LENS_MAX * CAND_MAX];
	bool late[CLASS_COUNT] = { 0 };
	int rc = 0;

	while (from < to && !rc) {
		size_t end = from + 1;

		/* records stand in the ring's order, which swaps stamps by microseconds only */
		while (end < to && m->f[end].ref->ts_ns - m->f[from].ref->ts_ns < VOTE_NS)
			end++;
		vote(m, from, end, late);
		for (size_t i = from; i < end && !rc; i++) {
			struct cand *f = &m->f[i];
			bool told = m->t->told && !m->g->direction;
			bool l = told ? f->ref->late_stamp : late[frame_class(f->ref)];
			bool cut = false;
			size_t n = find_all(m, f->ref, l, out, &cut);

			if (!n && !told && !m->g->direction) {
				n = find_all(m, f->ref, !l, out, &cut);
				n = n == 1 ? n : 0;
			}
			f->cut = cut;
			rc = list_add(m, f, out, n);
		}
		from = end;
	}
	return rc;
}

static void take(struct match *m, size_t i, uint32_t event, uint8_t kind)
{
	m->owner[event] = (uint32_t)i + 1;
	m->f[i].ref->tie = kind;
	m->f[i].ref->packet_id = m->v[event].packet_id;
	m->f[i].event = event;
	m->f[i].n = 0;
}

bool ties_taken(const struct match *m, size_t i)
{
	return m->f[i].ref->tie != TIE_NONE;
}

void ties_match_leave(struct match *m, struct cand *f, uint32_t k)
{
	uint32_t *v = m->list + f->at, e = v[k];

	f->n--;
	memmove(v + k, v + k + 1, (f->n - k) * sizeof(*v));
	v[f->n] = e;
}

/* One walk over a stream's frames, leaving out what the order forbids. Return: whether something
 * changed. */
static bool narrow(struct match *m, size_t from, size_t to, bool backward)
{
	bool changed = false;

	for (int c = 0; c < CPUS_MAX; c++)
		m->t->last[c] = backward ? INT64_MAX : -1;
	for (size_t k = from; k < to; k++) {
		size_t i = backward ? to - 1 - (k - from) : k;
		struct cand *f = &m->f[i];

		if (ties_taken(m, i)) {
			m->t->last[m->v[f->event].cpu] = f->event;
			continue;
		}
		for (uint32_t j = f->n; j-- > 0;) {
			uint32_t e = m->list[f->at + j];
			int64_t last = m->t->last[m->v[e].cpu];

			if (!m->owner[e] && (backward ? e < last : e > last))
				continue;
			ties_match_leave(m, f, j);
			changed = true;
		}
	}
	return changed;
}

bool ties_in_gap(const struct ties_gap *gaps, size_t n, int64_t from, int64_t to)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (gaps[mid].to_ns < from)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && gaps[lo].from_ns <= to;
}

bool ties_maybe_lost(const struct match *m, const struct frame_ref *r)
{
	int64_t late = r->direction || (m->t->told && !r->late_stamp) ? 0 : m->t->late_ns;

	/* the event stands behind the stamp, or before it where that is late */
	return ties_in_gap(m->seen->gaps, m->seen->gaps_n, r->ts_ns - late, r->ts_ns + EARLY_NS);
}

/* How sure the only choice of a frame is. Where events were lost its own may be among them, and if
 * frames are missing, too, nothing shows that this one belongs to another. */
static uint8_t kind_of(const struct match *m, const struct cand *f, uint32_t event)
{
	bool alone = m->wanted[event] == 1;

	if (f->cut || ((!alone || m->t->lossy) && ties_maybe_lost(m, f->ref)))
		return TIE_AMBIGUOUS;
	return alone ? TIE_UNIQUE : TIE_ORDERED;
}

/* Frames that have one choice left take it, unless it is the only choice of another one, too.
 * Return: whether any did. */
static bool take_single(struct match *m)
{
	bool changed = false;

	memset(m->single, 0, m->n * sizeof(*m->single));
	for (size_t i = 0; i < m->f_n; i++)
		if (!ties_taken(m, i) && m->f[i].n == 1)
			count_up(&m->single[m->list[m->f[i].at]]);
	for (size_t i = 0; i < m->f_n; i++) {
		uint32_t event;

		if (ties_taken(m, i) || m->f[i].n != 1)
			continue;
		event = m->list[m->f[i].at];
		if (m->owner[event] || m->single[event] != 1)
			continue;
		take(m, i, event, kind_of(m, &m->f[i], event));
		changed = true;
	}
	return changed;
}

/* The open events that frames @from..@to still want, in order, into m->open. Return: how many, or
 * -ENOMEM. */
static ssize_t open_events(struct match *m, size_t from, size_t to)
{
	size_t n = 0, all = 0, out = 0;

	for (size_t i = from; i < to; i++)
		all += ties_taken(m, i) ? 0 : m->f[i].n;
	if (all > m->open_cap) {
		uint32_t *v = realloc(m->open, all * sizeof(*v));

		if (!v)
			return -ENOMEM;
		m->open = v;
		m->open_cap = all;
	}
	for (size_t i = from; i < to; i++)
		for (uint32_t j = 0; !ties_taken(m, i) && j < m->f[i].n; j++)
			if (!m->owner[m->list[m->f[i].at + j]])
				m->open[n++] = m->list[m->f[i].at + j];
	if (n)
		qsort(m->open, n, sizeof(*m->open), u32_cmp);
	for (size_t i = 0; i < n; i++)
		if (!out || m->open[out - 1] != m->open[i])
			m->open[out++] = m->open[i];
	return (ssize_t)out;
}

static bool wants(const struct match *m, size_t i, uint32_t event)
{
	return bsearch(&event, m->list + m->f[i].at, m->f[i].n, sizeof(uint32_t), u32_cmp) != NULL;
}

/*
 * Frames @from..@to of one stream whose choices hang together. As many events as
 * frames, all on one CPU, and of this stream alone: the k-th is the k-th.
 * Otherwise each frame takes the first event that keeps the order, as a guess.
 */
static int settle(struct match *m, size_t from, size_t to)
{
	ssize_t n = open_events(m, from, to), frames = 0, k = 0;
	const uint32_t *open = m->open;
	bool in_order;

	if (n < 0)
		return (int)n;
	in_order = true;
	for (size_t i = from; i < to; i++) {
		if (ties_taken(m, i) || !m->f[i].n)
			continue;
		frames++;
		in_order = in_order && !m->f[i].cut && !ties_maybe_lost(m, m->f[i].ref);
	}
	in_order = in_order && n && frames == n;
	for (ssize_t e = 0; e < n && in_order; e++)
		in_order = m->v[open[e]].cpu == m->v[open[0]].cpu &&
			   m->stream[open[e]] == m->f[from].stream + 1;
	for (size_t i = from; i < to && in_order; i++)
		if (!ties_taken(m, i) && m->f[i].n)
			in_order = wants(m, i, open[k++]);
	k = 0;
	for (size_t i = from; i < to; i++) {
		struct cand *f = &m->f[i];

		if (ties_taken(m, i)) {
			m->t->last[m->v[f->event].cpu] = f->event;
			continue;
		}
		if (in_order && f->n) {
			take(m, i, open[k++], TIE_ORDERED);
			m->t->last[m->v[f->event].cpu] = f->event;
			continue;
		}
		for (uint32_t j = 0; j < f->n; j++) {
			uint32_t e = m->list[f->at + j];

			if (m->owner[e] || e <= m->t->last[m->v[e].cpu])
				continue;
			take(m, i, e, TIE_AMBIGUOUS);
			m->t->last[m->v[e].cpu] = e;
			break;
		}
	}
	return 0;
}

/* What order alone did not decide, run by run of frames that compete for the same events. */
static int settle_stream(struct match *m, size_t from, size_t to)
{
	int rc = 0;

	for (int c = 0; c < CPUS_MAX; c++)
		m->t->last[c] = -1;
	while (from < to && !rc) {
		size_t end = from;
		uint32_t top = 0;

		for (; end < to; end++) {
			const struct cand *f = &m->f[end];

			if (ties_taken(m, end) || !f->n)
				continue;
			if (top && m->list[f->at] > top)
				break;
			if (m->list[f->at + f->n - 1] > top)
				top = m->list[f->at + f->n - 1];
		}
		rc = settle(m, from, end);
		from = end;
	}
	return rc;
}

/* Memory of a match, and its events in order. */
static int match_init(struct match *m)
{
	size_t n = m->n;

	m->by_len = malloc((n + 1) * sizeof(*m->by_len));
	m->min_lo = malloc((n + 1) * sizeof(*m->min_lo));
	m->owner = calloc(n + 1, sizeof(*m->owner));
	m->wanted = calloc(n + 1, sizeof(*m->wanted));
	m->single = calloc(n + 1, sizeof(*m->single));
	m->stream = calloc(n + 1, sizeof(*m->stream));
	m->f = calloc(m->f_n + 1, sizeof(*m->f));
	if (!m->by_len || !m->min_lo || !m->owner || !m->wanted || !m->single || !m->stream ||
	    !m->f)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		m->by_len[i] = (uint32_t)i;
	qsort_r(m->by_len, n, sizeof(*m->by_len), by_len_cmp, m->v);
	for (size_t i = n; i-- > 0;) {
		const struct event_rec *e = &m->v[m->by_len[i]];

		m->min_lo[i] = e->ts_ns - e->lo;
		if (i + 1 < n && m->v[m->by_len[i + 1]].len == e->len &&
		    m->min_lo[i + 1] < m->min_lo[i])
			m->min_lo[i] = m->min_lo[i + 1];
	}
	return 0;
}

bool ties_in_group(const struct group *g, const struct frame_stream *s)
{
	return s->direction == g->direction && !strncmp(s->dev, g->dev, sizeof(g->dev));
}

int ties_match_open(struct match *m, struct ties *t, struct group *g, const struct ties_seen *seen)
{
	size_t all = frames_stream_count(t->frames);
	int rc;

	*m = (struct match){ .t = t, .g = g, .seen = seen, .v = g->v, .n = g->n, .f_n = g->frames };
	m->range = calloc(all + 1, sizeof(*m->range));
	if (!m->range || m->f_n >= FRAMES_MAX)
		return -ENOMEM;
	rc = ties_upper_events(m);
	if (!rc)
		rc = match_init(m);
	for (size_t i = 0; i < all && !rc; i++) {
		struct frame_stream *s = frames_stream_at(t->frames, i);
		size_t from = m->range[m->streams];

		if (!ties_in_group(g, s))
			continue;
		for (size_t k = 0; k < s->n; k++)
			m->f[from + k] = (struct cand){ .ref = &s->v[k], .stream = (uint32_t)i };
		m->range[++m->streams] = from + s->n;
		rc = candidates(m, from, from + s->n);
	}
	free(m->by_len);
	free(m->min_lo);
	m->by_len = NULL;
	m->min_lo = NULL;
	return rc;
}

void ties_match_close(struct match *m)
{
	free(m->range);
	free(m->merged);
	free(m->by_len);
	free(m->min_lo);
	free(m->owner);
	free(m->wanted);
	free(m->single);
	free(m->stream);
	free(m->f);
	free(m->list);
	free(m->open);
	*m = (struct match){ 0 };
}

/* Every stream narrows down until nothing changes. Return: whether any frame was tied. */
bool ties_match_run(struct match *m)
{
	bool changed = true, any = false;

	for (int pass = 0; pass < PASSES_MAX && changed; pass++) {
		changed = false;
		for (size_t s = 0; s < m->streams; s++)
			for (int back = 0; back < 2; back++)
				changed |= narrow(m, m->range[s], m->range[s + 1], back);
		if (take_single(m))
			changed = any = true;
	}
	return any;
}

int ties_match_settle(struct match *m)
{
	int rc = 0;

	for (size_t s = 0; s < m->streams && !rc; s++)
		rc = settle_stream(m, m->range[s], m->range[s + 1]);
	return rc;
}

/* Whether it has no event although none is known to be lost, and others have those that it could
 * be. */
static bool contested(const struct match *m, const struct cand *f)
{
	return f->ref->tie == TIE_NONE && f->all && f->ref->ts_ns >= m->seen->first_ns + GAP_NS &&
	       f->ref->ts_ns <= m->seen->last_ns && !ties_maybe_lost(m, f->ref);
}

/*
 * Where no event is lost each frame has one. A frame whose candidates all went to
 * others shows that one is missing after all, without a word of the kernel: those
 * others, and those whose candidates they took in turn, may be shifted by one.
 */
int ties_match_doubt(struct match *m)
{
	uint32_t *stack = NULL;
	size_t n = 0;

	for (size_t i = 0; i < m->f_n; i++) {
		if (!contested(m, &m->f[i]) || m->f[i].doubt)
			continue;
		if (!stack)
			stack = malloc(m->f_n * sizeof(*stack)); /* each frame is put there once */
		if (!stack)
			return -ENOMEM;
		m->f[i].doubt = true;
		stack[n++] = (uint32_t)i;
		while (n) {
			const struct cand *f = &m->f[stack[--n]];

			for (uint32_t k = 0; k < f->all; k++) {
				uint32_t o = m->owner[m->list[f->at + k]];

				if (!o || m->f[o - 1].doubt || m->f[o - 1].ref->tie == TIE_UNIQUE)
					continue;
				m->f[o - 1].doubt = true;
				m->f[o - 1].ref->tie = TIE_AMBIGUOUS;
				stack[n++] = o - 1;
			}
		}
	}
	free(stack);
	return 0;
}
