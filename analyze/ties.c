/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * A frame says when the tap's stamp was taken, never which skb it was. Each
 * event beside a tap gives a bracket that must hold that stamp:
 *
 *   out     between the last thing the CPU did for a transmission and
 *           net_dev_start_xmit (dev_queue_xmit_nit() in net/core/dev.c)
 *   in, A   the stack stamps on entry: between netif_rx_entry,
 *           netif_receive_skb_entry or GRO, and netif_receive_skb. So with
 *           net.core.netdev_tstamp_prequeue and any socket that asked for stamps
 *   in, B   the packet socket stamps (tpacket_rcv()): between netif_receive_skb
 *           and the next thing the CPU does, at most 20 us later (200 us where
 *           the frame itself says so: an interrupt can come between). So without
 *           stamping, and for TCP that never left the host, whose skb carries a
 *           departure time instead
 *
 * Tapes of this recorder tell for each frame which of both it was. Elsewhere
 * it can differ by protocol and change at any time: every five seconds the
 * frames of each protocol class vote, by which bracket holds more of them. A
 * frame that the winner cannot place may use the other one if just one event
 * fits.
 *
 * Matching is done after the trace is read, per device name and direction, with
 * 40 bytes per event: a streaming match would need a window as long as the
 * longest queueing time, and a life cannot wait for its tie. Lengths must agree
 * to the byte, so events are looked up by (length, time). A frame with one
 * event, and that event with one frame, is 'unique'. The others are narrowed
 * down by order: one CPU passes frames to one ring in order, so frames of one
 * stream never pass each other on one CPU; what this leaves one choice, and no
 * other frame wants alone, is 'ordered' (not while events were lost: then the
 * right one may be missing). Across CPUs the ring's order does not follow the
 * stamps strictly; what remains open gets the choice that keeps the order, as
 * 'ambiguous'. Namespaces with a device of the same name compete for the same
 * events.
 */
#include "ties.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#define EVENTS_MAX   (1U << 27) /* per group; more are not noted, and that is said */
#define FRAMES_MAX   (1U << 27)
#define CPUS_MAX     4096
#define CAND_MAX     128 /* candidates of one frame that are kept */
#define SCAN_MAX     65536
#define LATE_NS	     20000
#define LATE_TOLD_NS 200000
#define VOTE_NS	     (5 * NSEC_PER_SEC)
#define VOTES_MAX    500
#define ERROR_MAX_NS 1000000 /* with clocks worse than that, time ties nothing */
#define VLAN_BYTES   4
#define GAP_NS	     1000000 /* to the first event of a CPU whose events began a little later */
#define PASSES_MAX   64

enum { TIE_NONE, TIE_UNIQUE, TIE_ORDERED, TIE_AMBIGUOUS };
enum { CLASS_OTHER, CLASS_TCP, CLASS_UDP, CLASS_COUNT };

/* Compact form of struct tie_event. */
struct event_rec {
	int64_t packet_id;
	int64_t ts_ns;
	uint32_t lo, hi; /* ns before ts_ns */
	uint32_t late;	 /* ns after it */
	uint32_t len;
	uint16_t cpu;
};

struct group {
	char dev[16];
	int direction;
	struct event_rec *v;
	size_t n, cap;
	uint64_t refused; /* beyond EVENTS_MAX */
};

/* What has no counterpart. */
struct report {
	uint64_t frames, outside, lost, unknown; /* frames, and those of them without an event */
	uint64_t events, bare; /* events beside a tap, and those of them without a frame */
};

struct ties {
	struct db *db;
	struct frames *frames;
	int64_t error_ns;
	bool told;	 /* frames say whether they were stamped late */
	int64_t late_ns; /* how much later than its event a late stamp can be */
	struct group *group;
	size_t group_n;
	struct tie *out;
	size_t out_n, out_cap;
	struct report report;
};

/* A frame while its group is matched. */
struct cand {
	struct frame_ref *ref;
	uint32_t at, n;	 /* its candidates in match.list: numbers of events, in order of time */
	uint32_t stream; /* which of the group */
};

/* One group being matched. */
struct match {
	struct ties *t;
	struct group *g;
	const struct ties_seen *seen;
	uint32_t *by_len; /* numbers of events by (length, time) */
	int64_t *min_lo;  /* of this and all later ones of the same length in by_len: smallest lower
			     end */
	uint32_t *owner;  /* of an event: frame + 1, 0 none */
	uint32_t *wanted; /* of an event: by how many frames */
	uint32_t *single; /* of an event: whose only choice it is */
	uint32_t *stream; /* of an event: which stream's frames want it + 1, UINT32_MAX: several */
	struct cand *f;	  /* all frames of all streams, each stream in file order */
	size_t f_n;
	uint32_t *list;
	size_t list_n, list_cap;
	int64_t *last;	/* per CPU: number of the last event taken */
	uint32_t *open; /* of open_events() */
	size_t open_cap;
};

/* Whether any frame is marked as stamped late; where none is, the marks may just not have been
 * made. */
static bool says_late(struct frames *f)
{
	for (size_t i = 0; i < frames_stream_count(f); i++) {
		const struct frame_stream *s = frames_stream_at(f, i);

		for (size_t k = 0; k < s->n && !s->direction; k++)
			if (s->v[k].late_stamp)
				return true;
	}
	return false;
}

int ties_open(struct ties **out, struct db *d, struct frames *f, const struct clocks *c)
{
	struct ties *t = calloc(1, sizeof(*t));
	size_t n = f ? frames_stream_count(f) : 0;

	if (!t)
		return -ENOMEM;
	t->db = d;
	t->frames = f;
	t->error_ns = f ? clocks_error_ns(c) : 0;
	t->told = f && says_late(f);
	t->late_ns = t->told ? LATE_TOLD_NS : LATE_NS;
	t->group = calloc(n + 1, sizeof(*t->group));
	if (!t->group) {
		free(t);
		return -ENOMEM;
	}
	if (t->error_ns > ERROR_MAX_NS) {
		if (t->error_ns == INT64_MAX)
			db_quality(d, &(struct quality){ "note", "clock", -1, NULL, -1, -1, -1 },
				   "the tape has no paired clock readings: frames and packets are not connected");
		else
			db_quality(d, &(struct quality){ "note", "clock", -1, NULL, -1, -1, -1 },
				   "the trace's clock is tied to that of the captured frames no better "
				   "than %" PRId64 " us: frames and packets are not connected",
				   t->error_ns / 1000);
		n = 0;
	}
	for (size_t i = 0; i < n; i++) {
		const struct frame_stream *s = frames_stream_at(f, i);
		struct group *g = &t->group[t->group_n];

		if (ties_group(t, s->dev, s->direction) >= 0)
			continue;
		memcpy(g->dev, s->dev, sizeof(g->dev));
		g->dev[sizeof(g->dev) - 1] = 0;
		g->direction = s->direction;
		t->group_n++;
	}
	*out = t;
	return 0;
}

void ties_close(struct ties *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->group_n; i++)
		free(t->group[i].v);
	free(t->group);
	free(t->out);
	free(t);
}

int ties_group(const struct ties *t, const char *dev, int direction)
{
	for (size_t i = 0; i < t->group_n; i++)
		if (t->group[i].direction == direction &&
		    !strncmp(t->group[i].dev, dev, sizeof(t->group[i].dev)))
			return (int)i;
	return -1;
}

static uint32_t clamp_u32(int64_t v)
{
	return v < 0 ? 0 : v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

int64_t ties_add(struct ties *t, int group, const struct tie_event *e)
{
	struct group *g = &t->group[group];

	if (g->n == g->cap) {
		size_t cap = g->cap ? g->cap * 2 : 1024;
		struct event_rec *v;

		if (g->n >= EVENTS_MAX) {
			g->refused++;
			return (int64_t)g->n; /* no such event: ties_bound() knows */
		}
		v = realloc(g->v, cap * sizeof(*v));
		if (!v)
			return -ENOMEM;
		g->v = v;
		g->cap = cap;
	}
	g->v[g->n] = (struct event_rec){
		.packet_id = e->packet_id,
		.ts_ns = e->ts_ns,
		.lo = clamp_u32(e->ts_ns - e->lo_ns),
		.hi = clamp_u32(e->ts_ns - e->hi_ns),
		.late = clamp_u32(t->late_ns),
		.len = e->len_bytes,
		.cpu = (uint16_t)(e->cpu < 0 || e->cpu >= CPUS_MAX ? CPUS_MAX - 1 : e->cpu),
	};
	return (int64_t)g->n++;
}

void ties_bound(struct ties *t, int group, int64_t i, int64_t ts_ns)
{
	struct group *g = &t->group[group];

	if (i >= 0 && (size_t)i < g->n && ts_ns - g->v[i].ts_ns < g->v[i].late)
		g->v[i].late = clamp_u32(ts_ns - g->v[i].ts_ns);
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
	size_t lo = 0, hi = m->g->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		const struct event_rec *e = &m->g->v[m->by_len[mid]];

		if (e->len < len || (e->len == len && e->ts_ns < ts))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Lengths that events may show for a frame: a VLAN tag stands in the frame, but beside the skb's
 * data or in it. */
static int frame_lens(const struct frame_ref *r, int direction, uint32_t len[2])
{
	uint32_t l = direction ? r->len_bytes : r->l3_bytes;
	int n = 0;

	if (!direction && !l && r->len_bytes > 14)
		l = r->len_bytes - 14 - (r->vlan_tci ? VLAN_BYTES : 0);
	if (!l)
		return 0;
	len[n++] = l;
	if (r->vlan_tci && direction && l > VLAN_BYTES)
		len[n++] = l - VLAN_BYTES;
	else if (r->vlan_tci && !direction && l <= UINT32_MAX - VLAN_BYTES)
		len[n++] = l + VLAN_BYTES;
	return n;
}

/* Events of length @len whose bracket holds @ts, into @out (room for CAND_MAX). Return: how many.
 */
static size_t find_bracket(const struct match *m, uint32_t len, int64_t ts, bool late,
			   uint32_t *out)
{
	int64_t eps = m->t->error_ns;
	size_t i = len_lower(m, len, ts - eps - (late ? m->t->late_ns : 0)), n = 0;

	for (size_t scan = 0; scan < SCAN_MAX && n < CAND_MAX && i < m->g->n; i++, scan++) {
		const struct event_rec *e = &m->g->v[m->by_len[i]];

		if (e->len != len || (late ? e->ts_ns > ts + eps : m->min_lo[i] > ts + eps))
			break;
		if (late ? e->ts_ns + e->late + eps >= ts
			 : e->ts_ns - e->lo - eps <= ts && e->ts_ns - e->hi + eps >= ts)
			out[n++] = m->by_len[i];
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
		       uint32_t out[2 * CAND_MAX])
{
	uint32_t len[2];
	int lens = frame_lens(r, m->g->direction, len);
	size_t n = 0;

	for (int i = 0; i < lens; i++)
		n += find_bracket(m, len[i], r->ts_ns, late, out + n);
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
	uint32_t out[2 * CAND_MAX], votes[CLASS_COUNT] = { 0 }, a[CLASS_COUNT] = { 0 },
				    b[CLASS_COUNT] = { 0 };

	if (m->g->direction || m->t->told)
		return;
	for (size_t i = from; i < to; i++) {
		const struct frame_ref *r = m->f[i].ref;
		int c = frame_class(r);

		if (votes[c]++ >= VOTES_MAX)
			continue;
		a[c] += find_all(m, r, false, out) > 0;
		b[c] += find_all(m, r, true, out) > 0;
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
	f->n = (uint32_t)n;
	if (n)
		memcpy(m->list + m->list_n, v, n * sizeof(*v));
	m->list_n += n;
	for (size_t i = 0; i < n; i++) {
		uint32_t *s = &m->stream[v[i]];

		m->wanted[v[i]]++;
		*s = !*s || *s == f->stream + 1 ? f->stream + 1 : UINT32_MAX;
	}
	return 0;
}

/* Candidates of the frames @from..@to, all of one stream. */
static int candidates(struct match *m, size_t from, size_t to)
{
	uint32_t out[2 * CAND_MAX];
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
			size_t n = find_all(m, f->ref, l, out);

			if (!n && !told && !m->g->direction) {
				n = find_all(m, f->ref, !l, out);
				n = n == 1 ? n : 0;
			}
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
	m->f[i].ref->packet_id = m->g->v[event].packet_id;
	m->f[i].at = event; /* the candidates are no longer needed */
	m->f[i].n = 0;
}

static bool taken(const struct match *m, size_t i)
{
	return m->f[i].ref->tie != TIE_NONE;
}

/* One walk over a stream's frames, leaving out what the order forbids. Return: whether something
 * changed. */
static bool narrow(struct match *m, size_t from, size_t to, bool backward)
{
	bool changed = false;

	for (int c = 0; c < CPUS_MAX; c++)
		m->last[c] = backward ? INT64_MAX : -1;
	for (size_t k = from; k < to; k++) {
		size_t i = backward ? to - 1 - (k - from) : k;
		struct cand *f = &m->f[i];
		uint32_t n = 0, *v = f->n ? m->list + f->at : NULL;

		if (taken(m, i)) {
			m->last[m->g->v[f->at].cpu] = f->at;
			continue;
		}
		for (uint32_t j = 0; j < f->n; j++) {
			int64_t last = m->last[m->g->v[v[j]].cpu];

			if (!m->owner[v[j]] && (backward ? v[j] < last : v[j] > last))
				v[n++] = v[j];
		}
		changed |= n != f->n;
		f->n = n;
	}
	return changed;
}

/* Whether events were lost at that time: that of a frame may be among them. */
static bool in_gap(const struct ties_seen *seen, int64_t ts)
{
	size_t lo = 0, hi = seen->gaps_n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (seen->gaps[mid].to_ns < ts)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < seen->gaps_n && seen->gaps[lo].from_ns <= ts;
}

/* Frames that have one choice left take it, unless it is the only choice of another one, too.
 * Return: whether any did. */
static bool take_single(struct match *m)
{
	bool changed = false;

	memset(m->single, 0, m->g->n * sizeof(*m->single));
	for (size_t i = 0; i < m->f_n; i++)
		if (!taken(m, i) && m->f[i].n == 1)
			m->single[m->list[m->f[i].at]]++;
	for (size_t i = 0; i < m->f_n; i++) {
		uint32_t event;

		if (taken(m, i) || m->f[i].n != 1)
			continue;
		event = m->list[m->f[i].at];
		if (m->owner[event] || m->single[event] != 1)
			continue;
		take(m, i, event,
		     m->wanted[event] == 1		   ? TIE_UNIQUE
		     : in_gap(m->seen, m->f[i].ref->ts_ns) ? TIE_AMBIGUOUS
							   : TIE_ORDERED);
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
		all += taken(m, i) ? 0 : m->f[i].n;
	if (all > m->open_cap) {
		uint32_t *v = realloc(m->open, all * sizeof(*v));

		if (!v)
			return -ENOMEM;
		m->open = v;
		m->open_cap = all;
	}
	for (size_t i = from; i < to; i++)
		for (uint32_t j = 0; !taken(m, i) && j < m->f[i].n; j++)
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
	for (size_t i = from; i < to; i++)
		frames += !taken(m, i) && m->f[i].n;
	in_order = n && frames == n && !in_gap(m->seen, m->f[from].ref->ts_ns);
	for (ssize_t e = 0; e < n && in_order; e++)
		in_order = m->g->v[open[e]].cpu == m->g->v[open[0]].cpu &&
			   m->stream[open[e]] == m->f[from].stream + 1;
	for (size_t i = from; i < to && in_order; i++)
		if (!taken(m, i) && m->f[i].n)
			in_order = wants(m, i, open[k++]);
	k = 0;
	for (size_t i = from; i < to; i++) {
		struct cand *f = &m->f[i];

		if (taken(m, i)) {
			m->last[m->g->v[f->at].cpu] = f->at;
			continue;
		}
		if (in_order && f->n) {
			take(m, i, open[k++], TIE_ORDERED);
			m->last[m->g->v[f->at].cpu] = f->at;
			continue;
		}
		for (uint32_t j = 0; j < f->n; j++) {
			uint32_t e = m->list[f->at + j];

			if (m->owner[e] || e <= m->last[m->g->v[e].cpu])
				continue;
			take(m, i, e, TIE_AMBIGUOUS);
			m->last[m->g->v[e].cpu] = e;
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
		m->last[c] = -1;
	while (from < to && !rc) {
		size_t end = from;
		uint32_t top = 0;

		for (; end < to; end++) {
			const struct cand *f = &m->f[end];

			if (taken(m, end) || !f->n)
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

static int tie_add(struct ties *t, const struct tie *x)
{
	if (t->out_n == t->out_cap) {
		size_t cap = t->out_cap ? t->out_cap * 2 : 1024;
		struct tie *v = realloc(t->out, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		t->out = v;
		t->out_cap = cap;
	}
	t->out[t->out_n++] = *x;
	return 0;
}

/* Memory of a match, and its events in order. */
static int match_init(struct match *m)
{
	size_t n = m->g->n;

	m->by_len = malloc((n + 1) * sizeof(*m->by_len));
	m->min_lo = malloc((n + 1) * sizeof(*m->min_lo));
	m->owner = calloc(n + 1, sizeof(*m->owner));
	m->wanted = calloc(n + 1, sizeof(*m->wanted));
	m->single = calloc(n + 1, sizeof(*m->single));
	m->stream = calloc(n + 1, sizeof(*m->stream));
	m->f = calloc(m->f_n + 1, sizeof(*m->f));
	m->last = malloc(CPUS_MAX * sizeof(*m->last));
	if (!m->by_len || !m->min_lo || !m->owner || !m->wanted || !m->single || !m->stream ||
	    !m->f || !m->last)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		m->by_len[i] = (uint32_t)i;
	qsort_r(m->by_len, n, sizeof(*m->by_len), by_len_cmp, m->g->v);
	for (size_t i = n; i-- > 0;) {
		const struct event_rec *e = &m->g->v[m->by_len[i]];

		m->min_lo[i] = e->ts_ns - e->lo;
		if (i + 1 < n && m->g->v[m->by_len[i + 1]].len == e->len &&
		    m->min_lo[i + 1] < m->min_lo[i])
			m->min_lo[i] = m->min_lo[i + 1];
	}
	return 0;
}

static void match_free(struct match *m)
{
	free(m->by_len);
	free(m->min_lo);
	free(m->owner);
	free(m->wanted);
	free(m->single);
	free(m->stream);
	free(m->f);
	free(m->list);
	free(m->open);
	free(m->last);
}

static bool in_group(const struct group *g, const struct frame_stream *s)
{
	return s->direction == g->direction && !strncmp(s->dev, g->dev, sizeof(g->dev));
}

/* Every stream narrows down and settles; ranges[s]..ranges[s + 1] are its frames. */
static int match_run(struct match *m, const size_t *ranges, size_t streams)
{
	bool changed = true;
	int rc = 0;

	for (int pass = 0; pass < PASSES_MAX && changed; pass++) {
		changed = false;
		for (size_t s = 0; s < streams; s++)
			for (int back = 0; back < 2; back++)
				changed |= narrow(m, ranges[s], ranges[s + 1], back);
		changed |= take_single(m);
	}
	for (size_t s = 0; s < streams && !rc; s++)
		rc = settle_stream(m, ranges[s], ranges[s + 1]);
	return rc;
}

/* Counts what this group leaves over. A stamp may be taken just before the first event that shows
 * its packet. */
static void count_rest(const struct match *m)
{
	const struct ties_seen *seen = m->seen;
	struct report *r = &m->t->report;

	for (size_t i = 0; i < m->f_n; i++) {
		int64_t ts = m->f[i].ref->ts_ns;

		r->frames++;
		if (taken(m, i))
			continue;
		if (ts < seen->first_ns + GAP_NS || ts > seen->last_ns)
			r->outside++;
		else if (in_gap(seen, ts))
			r->lost++;
		else
			r->unknown++;
	}
	r->events += m->g->n;
	for (size_t i = 0; i < m->g->n; i++)
		r->bare += !m->owner[i];
}

static void report_rest(const struct ties *t)
{
	const struct report *r = &t->report;
	uint64_t rest = r->outside + r->lost + r->unknown;

	if (rest)
		db_quality(t->db,
			   &(struct quality){ "note", "ties", -1, NULL, -1, -1, (int64_t)rest },
			   "of %" PRIu64 " captured frames, %" PRIu64
			   " are tied to no packet: %" PRIu64
			   " were captured before or after the events, %" PRIu64
			   " while events were lost, %" PRIu64 " for no reason that is known",
			   r->frames, rest, r->outside, r->lost, r->unknown);
	if (r->bare)
		db_quality(t->db,
			   &(struct quality){ "note", "ties", -1, NULL, -1, -1, (int64_t)r->bare },
			   "of %" PRIu64 " times that a packet passed a capture, %" PRIu64
			   " gave no frame: a capture filter, frames lost, captured later or "
			   "before, or not visible to captures",
			   r->events, r->bare);
}

static int match_group(struct ties *t, struct group *g, const struct ties_seen *seen)
{
	struct match m = { .t = t, .g = g, .seen = seen };
	size_t all = frames_stream_count(t->frames), streams = 0,
	       *ranges = calloc(all + 1, sizeof(*ranges));
	int64_t dev_id = db_name_text(t->db, g->dev);
	int rc;

	for (size_t i = 0; i < all; i++)
		if (in_group(g, frames_stream_at(t->frames, i)))
			m.f_n += frames_stream_at(t->frames, i)->n;
	rc = ranges && m.f_n < FRAMES_MAX ? match_init(&m) : -ENOMEM;
	for (size_t i = 0; i < all && !rc; i++) {
		struct frame_stream *s = frames_stream_at(t->frames, i);
		size_t from = ranges[streams];

		if (!in_group(g, s))
			continue;
		for (size_t k = 0; k < s->n; k++)
			m.f[from + k] = (struct cand){ .ref = &s->v[k], .stream = (uint32_t)i };
		ranges[++streams] = from + s->n;
		rc = candidates(&m, from, from + s->n);
	}
	if (!rc)
		rc = match_run(&m, ranges, streams);
	for (size_t i = 0; i < m.f_n && !rc; i++) {
		const struct frame_ref *r = m.f[i].ref;

		if (!taken(&m, i))
			continue;
		rc = tie_add(t, &(struct tie){ r->packet_id,
					       frames_stream_at(t->frames, m.f[i].stream)->netns_id,
					       dev_id, r->ts_ns, r->flow_id, r->tie,
					       (uint8_t)g->direction });
	}
	if (!rc)
		count_rest(&m);
	match_free(&m);
	free(ranges);
	return rc;
}

static int tie_cmp(const void *a, const void *b)
{
	const struct tie *x = a, *y = b;

	if (x->packet_id != y->packet_id)
		return x->packet_id < y->packet_id ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->ts_ns != y->ts_ns)
		return x->ts_ns < y->ts_ns ? -1 : 1;
	return (y->direction > x->direction) - (y->direction < x->direction);
}

int ties_match(struct ties *t, const struct ties_seen *seen)
{
	int rc = 0;

	for (size_t i = 0; i < t->group_n && !rc; i++) {
		struct group *g = &t->group[i];

		if (g->refused)
			db_quality(t->db,
				   &(struct quality){ "limit", "ties", -1, g->dev, -1, -1,
						      (int64_t)g->refused },
				   "too many packets on this device: the last ones are not "
				   "connected to their frames");
		rc = match_group(t, g, seen);
	}
	if (!rc)
		report_rest(t);
	if (!rc && t->out_n)
		qsort(t->out, t->out_n, sizeof(*t->out), tie_cmp);
	return rc;
}

const struct tie *ties_list(const struct ties *t, size_t *n)
{
	*n = t->out_n;
	return t->out;
}

int ties_write(struct ties *t)
{
	sqlite3_stmt *st = db_prepare(t->db, "UPDATE _packet SET flow_id = coalesce(flow_id, ?2), "
					     "netns_in_id = CASE WHEN ?4 = 0 AND dev_in_id = ?3 "
					     "THEN coalesce(netns_in_id, ?5) ELSE netns_in_id END, "
					     "netns_out_id = CASE WHEN ?4 = 1 AND dev_out_id = ?3 "
					     "THEN coalesce(netns_out_id, ?5) "
					     "ELSE netns_out_id END WHERE id = ?1");
	int rc = 0;

	for (size_t i = 0; i < t->out_n && !rc; i++) {
		const struct tie *x = &t->out[i];

		db_bind_int(st, 1, x->packet_id);
		db_bind_opt(st, 2, x->flow_id, 0);
		db_bind_int(st, 3, x->dev_id);
		db_bind_int(st, 4, x->direction);
		db_bind_int(st, 5, x->netns_id);
		rc = db_run(t->db, st);
	}
	return rc;
}
