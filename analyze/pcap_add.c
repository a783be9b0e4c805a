/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * A capture file tells neither its namespace, nor (often) its device and directions,
 * nor how its clock, real time, relates to the trace's. All three are found from the
 * events that stand beside the taps: net_dev_start_xmit has the length with link
 * header, netif_receive_skb that without, and both follow the packet's stamp at once.
 *
 * The offset: for lengths that are rare in both, all differences stamp minus event; the
 * true one occurs again and again, the others are scattered. So: the densest COARSE_NS,
 * in it the densest FINE_NS, of these the median. It is believed only where it explains
 * MATCHES_MIN pairs and clearly more than any other place does. Its error is the width in which
 * nine of ten of the pairs near it lie.
 *
 * The device: the one whose events are nearest to the stamps in both directions together
 * (see find_dev()); a veth's peer sees the same lengths, too. With it, the offset is taken again,
 * from the events that stand closest to a stamp. The direction of a packet is that of its
 * nearest event, and by majority that of all packets of the same source address.
 * Where fewer than half of the packets have an event, or two devices fit alike, neither is
 * claimed.
 */
#include "pcap_add.h"
#include "import.h"
#include "pcap_read.h"
#include "trace.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COARSE_NS   1000000
#define FINE_NS	    2000
#define LINK_NS	    500 /* no link is crossed faster, its two taps included */
#define NEAR_NS	    200000 /* how far an event may be from its packet */
#define PAIRS_MAX   2000000
#define EVENTS_MAX  (16 * MIB)
#define DEVS_MAX    256
#define MATCHES_MIN 12
#define GOOD_NS	    100000 /* a clock that is tied better than this needs no packets */
#define SRC_MAX	    64
#define PCAPS_MAX   64

struct tap {
	int64_t ts_ns;
	uint32_t len;
	uint16_t dev;
	uint8_t direction;
};

struct adder {
	struct tape *tape;
	struct tap *tap; /* by direction, length, then time */
	size_t n, cap;
	char dev[DEVS_MAX][16];
	size_t devs;
	struct pcap_marks *marks; /* of each file */
	size_t files;
	int64_t offset, error; /* what to add to an event's time */
	bool tied;
	bool by_packets; /* the offset is theirs */
	struct buf quality, netns;
};

static int dev_number(struct adder *a, struct span name)
{
	for (size_t i = 0; i < a->devs; i++)
		if (span_is(name, a->dev[i]))
			return (int)i;
	if (a->devs == DEVS_MAX || name.n >= sizeof(a->dev[0]))
		return -1;
	span_copy(name, a->dev[a->devs], sizeof(a->dev[0]));
	return (int)a->devs++;
}

static int add_tap(struct adder *a, const struct event *ev)
{
	bool out = ev->kind == EV_NET_DEV_START_XMIT;
	struct span name;
	uint64_t len;
	int dev;

	if ((!out && ev->kind != EV_NETIF_RECEIVE_SKB) || !event_u64(ev, F_LEN, &len) || len > UINT32_MAX ||
	    !event_text(ev, F_NAME, &name) || a->n == EVENTS_MAX)
		return 0;
	dev = dev_number(a, name);
	if (dev < 0)
		return 0;
	if (a->n == a->cap) {
		size_t cap = a->cap ? a->cap * 2 : 1024;
		struct tap *v = realloc(a->tap, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		a->tap = v;
		a->cap = cap;
	}
	a->tap[a->n++] = (struct tap){ ev->ts_ns, (uint32_t)len, (uint16_t)dev, out };
	return 0;
}

static int by_tap(const void *x, const void *y)
{
	const struct tap *a = x, *b = y;

	if (a->direction != b->direction)
		return a->direction < b->direction ? -1 : 1;
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return a->ts_ns < b->ts_ns ? -1 : a->ts_ns > b->ts_ns;
}

static int read_taps(struct adder *a, struct err *e)
{
	struct clocks *c = NULL;
	struct trace *tr = NULL;
	struct event ev;
	int rc = clocks_load(&c, a->tape, e);

	if (!rc)
		rc = trace_load(&tr, a->tape, c, e);
	while (!rc && (rc = trace_next(tr, &ev, e)) > 0)
		rc = add_tap(a, &ev);
	if (!rc) {
		a->error = clocks_error_ns(c);
		a->tied = a->error <= GOOD_NS;
		if (a->n)
			qsort(a->tap, a->n, sizeof(*a->tap), by_tap);
	}
	trace_free(tr);
	clocks_free(c);
	return rc;
}

/* First tap of that direction and length that is not before @ts. */
static size_t find_tap(const struct adder *a, int direction, uint32_t len, int64_t ts)
{
	struct tap key = { ts, len, 0, (uint8_t)direction };
	size_t lo = 0, hi = a->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (by_tap(&a->tap[mid], &key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool same_length(const struct adder *a, size_t i, int direction, uint32_t len)
{
	return i < a->n && a->tap[i].direction == direction && a->tap[i].len == len;
}

/* ---- the offset ---- */

static int by_i64(const void *x, const void *y)
{
	const int64_t *a = x, *b = y;

	return *a < *b ? -1 : *a > *b;
}

/* Start of the densest @width of the sorted [from, to). */
static size_t densest(const int64_t *v, size_t from, size_t to, int64_t width, size_t *count)
{
	size_t best = from;

	*count = 0;
	for (size_t i = from, k = from; i < to; i++) {
		while (k < to && v[k] - v[i] <= width)
			k++;
		if (k - i > *count) {
			*count = k - i;
			best = i;
		}
	}
	return best;
}

/* All differences of packets and events whose length is among the rarest. Return: how many. */
static size_t differences(const struct adder *a, int64_t *v)
{
	size_t n = 0;

	/* rarest first: each round allows lengths that are four times as frequent */
	for (size_t limit = 4; limit <= 4096 && n < 4096; limit *= 4) {
		n = 0;
		for (size_t f = 0; f < a->files; f++) {
			for (size_t i = 0; i < a->marks[f].n; i++) {
				const struct pcap_mark *m = &a->marks[f].v[i];

				for (int dir = 0; dir < 2; dir++) {
					uint32_t len = dir ? m->len_bytes : m->l3_bytes;
					size_t k = find_tap(a, dir, len, INT64_MIN), end = k;

					while (end - k <= limit && same_length(a, end, dir, len))
						end++;
					for (; end - k <= limit && k < end && n < PAIRS_MAX; k++)
						v[n++] = m->ts_ns - a->tap[k].ts_ns;
				}
			}
		}
	}
	return n;
}

/* Find a->offset. Return: 0 (a->tied says whether), -ENOMEM. */
static int find_offset(struct adder *a)
{
	int64_t *v = calloc(PAIRS_MAX, sizeof(*v)), lo, hi;
	size_t n, at, end, count, other = 0, near, fine;

	if (!v)
		return -ENOMEM;
	n = differences(a, v);
	if (n) {
		qsort(v, n, sizeof(*v), by_i64);
		/* clocks that are roughly tied already leave only what is near */
		lo = a->error == INT64_MAX ? INT64_MIN : -a->error;
		hi = a->error == INT64_MAX ? INT64_MAX : a->error;
		at = 0;
		while (at < n && v[at] < lo)
			at++;
		end = at;
		while (end < n && v[end] <= hi)
			end++;
		at = densest(v, at, end, COARSE_NS, &count);
		for (size_t i = 0, k = 0; i < n; i++) {
			while (k < n && v[k] - v[i] <= COARSE_NS)
				k++;
			if (count && llabs(v[i] - v[at]) > 2 * COARSE_NS && k - i > other)
				other = k - i;
		}
		near = densest(v, at, at + count, FINE_NS, &fine);
		if (count >= MATCHES_MIN && count >= other * 3 / 2 && fine >= MATCHES_MIN / 2) {
			size_t tail = count / 20;

			a->offset = v[near + fine / 2];
			a->error = v[at + count - 1 - tail] - v[at + tail];
			a->error = a->error < FINE_NS ? FINE_NS : a->error;
			a->tied = true;
		}
	}
	free(v);
	return 0;
}

static int say(struct adder *a, const char *kind, const char *source, int64_t count, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
static int say(struct adder *a, const char *kind, const char *source, int64_t count, const char *fmt, ...)
{
	va_list ap;
	int rc;

	va_start(ap, fmt);
	rc = import_quality_row(&a->quality, kind, source, count, fmt, ap);
	va_end(ap);
	return rc;
}

/* ---- devices and directions ---- */

/* The tap that most closely follows a packet, of device @dev or (-1) of each one. Return: -1: none. */
static long nearest(const struct adder *a, const struct pcap_mark *m, int dev, int dir, int64_t *distance)
{
	uint32_t len = dir ? m->len_bytes : m->l3_bytes;
	int64_t at = m->ts_ns - a->offset;
	size_t i = find_tap(a, dir, len, at - NEAR_NS);
	long best = -1;

	for (size_t tries = 0; tries < 64 && same_length(a, i, dir, len) && a->tap[i].ts_ns - at <= NEAR_NS; i++, tries++) {
		int64_t d = llabs(a->tap[i].ts_ns - at);

		if ((dev < 0 || a->tap[i].dev == dev) && (best < 0 || d < *distance)) {
			best = (long)i;
			*distance = d;
		}
	}
	return best;
}

/* How the events of one device lie behind the packets of one file. */
struct fit {
	size_t hits; /* packets that have an event */
	size_t n[2];
	int64_t middle[2]; /* median distance from packet to event, by direction */
	int64_t noise;	   /* how much these may be wrong together */
	int64_t behind;	   /* median of received less that of sent; INT64_MAX: only one is known */
};

/* Distances to the nearest event of @dev, by direction; @v has room for two of each packet. */
static void fit_dev(const struct adder *a, const struct pcap_marks *m, int dev, int64_t *v, struct fit *f)
{
	int64_t *of[2] = { v, v + m->n };

	*f = (struct fit){ .behind = INT64_MAX };
	for (size_t i = 0; i < m->n; i++) {
		int64_t d[2] = { INT64_MAX, INT64_MAX };
		long k[2];
		int dir;

		for (dir = 0; dir < 2; dir++)
			k[dir] = nearest(a, &m->v[i], dev, dir, &d[dir]);
		if (k[0] < 0 && k[1] < 0)
			continue;
		f->hits++;
		dir = d[1] < d[0];
		if (m->v[i].direction < 0 || m->v[i].direction == dir)
			of[dir][f->n[dir]++] = a->tap[k[dir]].ts_ns - (m->v[i].ts_ns - a->offset);
	}
	for (int dir = 0; dir < 2; dir++) {
		if (!f->n[dir])
			continue;
		qsort(of[dir], f->n[dir], sizeof(int64_t), by_i64);
		f->middle[dir] = of[dir][f->n[dir] / 2];
		/* three standard errors of a median, by the quartiles */
		f->noise += (int64_t)(3 * (double)(of[dir][f->n[dir] * 3 / 4] - of[dir][f->n[dir] / 4]) /
				      sqrt((double)f->n[dir]));
	}
	if (f->n[0] >= MATCHES_MIN && f->n[1] >= MATCHES_MIN)
		f->behind = f->middle[0] - f->middle[1];
}

/* Whether packets go the same way by the events of both devices, as they do on a device and what lies above it. */
static bool same_way(const struct adder *a, const struct pcap_marks *m, int one, int two)
{
	size_t same = 0, other = 0;

	for (size_t i = 0; i < m->n; i++) {
		int64_t d[4] = { INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX };

		nearest(a, &m->v[i], one, 0, &d[0]);
		nearest(a, &m->v[i], one, 1, &d[1]);
		nearest(a, &m->v[i], two, 0, &d[2]);
		nearest(a, &m->v[i], two, 1, &d[3]);
		if (d[0] == d[1] || d[2] == d[3])
			continue;
		if ((d[1] < d[0]) == (d[3] < d[2]))
			same++;
		else
			other++;
	}
	return same * 4 > other;
}

/*
 * Device of a file; -1: none is proven. Where two devices have events for its packets
 * and these go opposite ways, they are the ends of one link. At an end, a stamp is followed by
 * the own event in both directions. By the other end's events, what was sent is received
 * after a longer time, and what was received was sent before its stamp: so received less sent is
 * larger there by twice the time on the link, whatever the clocks' offset.
 */
static int find_dev(const struct adder *a, const struct pcap_marks *m, int64_t *v, size_t *share)
{
	struct fit best = { 0 }, second = { 0 }, f;
	int dev = -1, next = -1;

	for (size_t i = 0; i < a->devs; i++) {
		fit_dev(a, m, (int)i, v, &f);
		if (!f.hits || f.hits * 2 < m->n)
			continue;
		if (dev < 0 || f.behind < best.behind) {
			second = best;
			next = dev;
			best = f;
			dev = (int)i;
		} else if (next < 0 || f.behind < second.behind) {
			second = f;
			next = (int)i;
		}
	}
	if (next >= 0 && (second.behind == INT64_MAX || second.behind - best.behind < LINK_NS + best.noise + second.noise ||
			  same_way(a, m, dev, next)))
		return -1;
	*share = best.hits;
	return dev;
}

/* With the devices known: stamps of sent packets stand just before their events, so these give the offset. */
static int refine_offset(struct adder *a, const int *dev)
{
	size_t n = 0, total = 0, tail;
	int64_t *v;

	for (size_t f = 0; f < a->files; f++)
		total += dev[f] < 0 ? 0 : a->marks[f].n;
	v = calloc(total + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	for (size_t f = 0; f < a->files; f++) {
		for (size_t i = 0; dev[f] >= 0 && i < a->marks[f].n; i++) {
			const struct pcap_mark *m = &a->marks[f].v[i];
			int64_t d;
			long k = nearest(a, m, dev[f], 1, &d);

			if (k >= 0)
				v[n++] = m->ts_ns - a->tap[k].ts_ns;
		}
	}
	if (n >= MATCHES_MIN) {
		tail = n / 20;
		qsort(v, n, sizeof(*v), by_i64);
		a->offset = v[n / 2];
		a->error = v[n - 1 - tail] - v[tail];
		a->error = a->error < FINE_NS ? FINE_NS : a->error;
	}
	free(v);
	return 0;
}

static int find_devs(struct adder *a, int *dev, size_t *share)
{
	for (size_t i = 0; i < a->files; i++) {
		int64_t *v;

		dev[i] = -1;
		if (!a->tied)
			continue;
		v = calloc(2 * a->marks[i].n + 1, sizeof(*v));
		if (!v)
			return -ENOMEM;
		dev[i] = find_dev(a, &a->marks[i], v, &share[i]);
		free(v);
	}
	return a->by_packets ? refine_offset(a, dev) : 0;
}

struct votes {
	uint64_t src;
	size_t n[2];
};

static struct votes *votes_of(struct votes *v, size_t *n, uint64_t src)
{
	for (size_t i = 0; i < *n; i++)
		if (v[i].src == src)
			return &v[i];
	if (*n == SRC_MAX || !src)
		return NULL;
	v[*n] = (struct votes){ .src = src };
	return &v[(*n)++];
}

static void find_directions(const struct adder *a, struct pcap_marks *m, int dev)
{
	struct votes v[SRC_MAX], *x;
	size_t n = 0;

	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < m->n; i++) {
			struct pcap_mark *p = &m->v[i];
			int64_t in = INT64_MAX, out = INT64_MAX;

			if (p->direction >= 0)
				continue;
			nearest(a, p, dev, 0, &in);
			nearest(a, p, dev, 1, &out);
			x = votes_of(v, &n, p->src);
			if (!round && x && in != out)
				x->n[out < in]++;
			else if (round && x && x->n[0] != x->n[1])
				p->direction = x->n[1] > x->n[0];
			else if (round && in != out)
				p->direction = out < in;
		}
	}
}

/* ---- members ---- */

static int put_clock(struct adder *a, struct err *e)
{
	char line[160];
	int rc;

	if (a->tied && !a->by_packets)
		return 0;
	if (!a->tied || a->offset <= 0)
		return !a->n ? 0 : say(a, "note", "clock", -1,
				       "the captures and the trace do not show one distance of their clocks: no packet is tied to a "
				       "frame");
	snprintf(line, sizeof(line), "0\t%" PRId64 "\t0\t0\t0\t%" PRId64 "\n", a->offset, 2 * a->error);
	rc = tape_add(a->tape, "clock/packets", line, strlen(line), e);
	return rc ? rc : say(a, "note", "clock", -1,
			     "the distance of the trace clock from real time was found from the packets themselves: nine of ten "
			     "agree within %.1f us",
			     (double)a->error / 1000);
}

struct sink {
	struct adder *a;
	size_t file;
	unsigned int seq;
	struct err *e;
};

static int take_section(void *ctx, const void *data, size_t n)
{
	struct sink *s = ctx;
	char name[64];

	snprintf(name, sizeof(name), "pcap/%zu/%06u", s->file + 1, s->seq++);
	return tape_add(s->a->tape, name, data, n, s->e);
}

static int add_file(struct adder *a, size_t i, const char *path, int d, size_t share, struct err *e)
{
	struct pcap_marks *m = &a->marks[i];
	const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
	struct sink s = { a, i, 0, e };
	char dev[16];
	int rc;

	snprintf(dev, sizeof(dev), "%s", d < 0 ? base : a->dev[d]);
	if (d >= 0) {
		find_directions(a, m, d);
		rc = say(a, "note", "frames", (int64_t)share,
			 "%s: frames of device %s, by lengths and times of %zu of its %zu packets", base, dev, share, m->n);
	} else {
		rc = say(a, "note", "frames", -1, "%s: which device its frames passed is not known", base);
	}
	if (!rc && m->cut)
		rc = say(a, "tape-damaged", "frames", -1, "%s is cut or damaged: %s; what stands before that is used", base, m->why);
	if (!rc) {
		char text[200];

		snprintf(text, sizeof(text), "%s", base);
		for (char *p = text; *p; p++)
			if ((unsigned char)*p <= 0x20 || *p == 0x7f || *p == '\\')
				*p = '_';
		rc = buf_printf(&a->netns, "%zu\t%s\t0\t\n", i + 1, text);
	}
	return rc ? rc : pcap_read_sections(path, m, dev, take_section, &s, e);
}

int pcap_add(struct tape *t, char *const *paths, size_t n, struct err *e)
{
	struct adder a = { .tape = t, .files = n, .error = INT64_MAX };
	int dev[PCAPS_MAX], rc = 0;
	size_t share[PCAPS_MAX] = { 0 };
	bool known;

	if (!n)
		return 0;
	if (n > PCAPS_MAX)
		return err_set(e, -EINVAL, "%zu captures; %d can be read beside a trace", n, PCAPS_MAX);
	a.marks = calloc(n, sizeof(*a.marks));
	if (!a.marks)
		return err_set(e, -ENOMEM, "out of memory");
	for (size_t i = 0; !rc && i < n; i++)
		rc = pcap_read_marks(paths[i], &a.marks[i], e);
	if (!rc)
		rc = read_taps(&a, e);
	/* the file's own data counts for times; the packets then tell devices only */
	known = a.error != INT64_MAX;
	if (!rc && a.n && !a.tied) {
		rc = find_offset(&a);
		a.by_packets = a.tied && !known;
	}
	if (!rc)
		rc = find_devs(&a, dev, share);
	if (!rc && !known)
		rc = put_clock(&a, e);
	for (size_t i = 0; !rc && i < n; i++)
		rc = add_file(&a, i, paths[i], dev[i], share[i], e);
	if (rc == -ENOMEM)
		err_set(e, rc, "out of memory");
	if (!rc)
		rc = tape_add(t, "quality/pcap", a.quality.data, a.quality.len, e);
	if (!rc)
		rc = tape_add(t, "netns/pcap", a.netns.data, a.netns.len, e);
	for (size_t i = 0; i < n; i++)
		free(a.marks[i].v);
	free(a.marks);
	free(a.tap);
	buf_free(&a.quality);
	buf_free(&a.netns);
	return rc;
}
