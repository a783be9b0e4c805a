/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * MONOTONIC and BOOTTIME run at the rate of REALTIME (all are slewed together,
 * kernel/time/timekeeping.c), so REALTIME minus one of them is constant until
 * REALTIME is set; against MONOTONIC also until the machine sleeps. Each pairing
 * gives that offset with an error of half its window. A pairing that differs from
 * the best one of the current stretch by more than both errors and STEP_NS starts
 * a new stretch; the change is taken to have happened in the middle between the
 * two pairings, or SET_NS before the second where that was read because the clock
 * had been set. The offset of a stretch is the mean over its narrow pairings.
 *
 * The timeline of the database is REALTIME as it ran at the begin: later steps
 * are taken out, so that no time goes backwards and distances are right.
 */
#include "clocks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STEP_NS	   1000
#define SET_NS	   200000 /* from the step until the recorder reads the clocks */
#define EDGE_NS	   (10 * NSEC_PER_SEC) /* frames before the first reading and after the last one */
#define SLACK_NS   20000000 /* a busy recorder may read them later */
#define NARROW_NS  100	       /* windows this close to the best one are as good as it */
#define TIME_MAX   (1LL << 61) /* what no clock of these ever shows: 73 years */
#define WINDOW_MAX NSEC_PER_SEC
#define PAIRS_MAX  (16 * MIB)

enum { MONO, BOOT, CLOCKS };

struct pair {
	int64_t clock[CLOCKS];
	int64_t real;
	int64_t window;
	bool just_set;
};

struct stretch {
	int64_t from;	/* of its clock; INT64_MIN for the first */
	int64_t lo, hi; /* it began between these */
	int64_t offset; /* of REALTIME */
	int64_t line;	/* of the timeline: without the steps of REALTIME */
	size_t first; /* pair */
};

struct series {
	struct stretch *v;
	size_t n, cap;
};

struct step {
	int64_t mono, size;
	size_t first; /* pair behind it */
};

struct clocks {
	struct pair *pairs;
	size_t n, cap;
	struct series series[CLOCKS];
	struct step *steps;
	size_t n_steps;
	int trace;	  /* which of them is the trace clock */
	int64_t fallback; /* offset where there is no pairing */
	int64_t error;
};

static int64_t offset_of(const struct pair *p, int clock)
{
	return p->real - p->clock[clock];
}

/* A line of clock/SEQ: mono, real, boot, mono_raw, tai, window. */
static bool parse_pair(struct span line, struct pair *p)
{
	struct span f;
	int64_t v[6];

	for (int i = 0; i < 6; i++) {

		if (!span_field(&line, '\t', &f) || span_i64(f, &v[i]) || v[i] < 0 ||
		    v[i] > TIME_MAX)
			return false;
	}
	if (v[5] > WINDOW_MAX)
		return false;
	*p = (struct pair){ .clock = { v[0], v[2] }, .real = v[1], .window = v[5] };
	p->just_set = span_field(&line, '\t', &f) && span_is(f, "1");
	return true;
}

static int add_pair(struct clocks *c, const struct pair *p)
{
	if (c->n == PAIRS_MAX)
		return 0;
	if (c->n == c->cap) {
		size_t cap = c->cap ? c->cap * 2 : 256;
		struct pair *x = realloc(c->pairs, cap * sizeof(*x));

		if (!x)
			return -ENOMEM;
		c->pairs = x;
		c->cap = cap;
	}
	c->pairs[c->n++] = *p;
	return 0;
}

static int by_mono(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	if (x->clock[MONO] != y->clock[MONO])
		return x->clock[MONO] < y->clock[MONO] ? -1 : 1;
	return x->window < y->window ? -1 : x->window > y->window;
}

/* Whether two offsets differ by more than their pairings can be wrong. */
static bool differs(const struct pair *a, const struct pair *b, int clock)
{
	int64_t d = offset_of(a, clock) - offset_of(b, clock);

	return llabs(d) > STEP_NS + (a->window + b->window) / 2;
}

static int64_t middle(int64_t a, int64_t b)
{
	return a + (b - a) / 2;
}

/* A stretch of @clock from pair @i on. */
static int add_stretch(struct series *s, const struct clocks *c, int clock, size_t i)
{
	struct stretch x = { .from = INT64_MIN, .lo = INT64_MIN, .hi = INT64_MIN, .first = i };

	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 4;
		struct stretch *v = realloc(s->v, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		s->v = v;
		s->cap = cap;
	}
	if (i) {
		const struct pair *p = &c->pairs[i];
		int64_t before = p[-1].clock[clock], after = p->clock[clock];

		x.lo = p->just_set && after - before > SLACK_NS ? after - SLACK_NS : before;
		x.hi = after;
		x.from = p->just_set && after - before > SET_NS ? after - SET_NS : middle(before, after);
	}
	s->v[s->n++] = x;
	return 0;
}

static bool narrow(const struct pair *p, const struct pair *best)
{
	return p->window <= best->window + NARROW_NS;
}

/* The largest of what can be wrong with the pairs in use. */
struct worst {
	int64_t window, residual;
};

/* Mean offset of the narrow pairs among [first, end). */
static int64_t mean_offset(const struct clocks *c, int clock, size_t first, size_t end,
			   struct worst *w)
{
	const struct pair *best = &c->pairs[first];
	int64_t sum = 0, n = 0, mean;

	for (size_t i = first; i < end; i++)
		if (c->pairs[i].window < best->window)
			best = &c->pairs[i];
	/* differences from the best are small; the offsets themselves are not */
	for (size_t i = first; i < end; i++)
		if (narrow(&c->pairs[i], best)) {
			sum += offset_of(&c->pairs[i], clock) - offset_of(best, clock);
			n++;
		}
	mean = offset_of(best, clock) + sum / n;
	for (size_t i = first; i < end; i++) {
		const struct pair *p = &c->pairs[i];
		int64_t d = llabs(offset_of(p, clock) - mean);

		if (!narrow(p, best))
			continue;
		if (d > w->residual)
			w->residual = d;
		if (p->window > w->window)
			w->window = p->window;
	}
	return mean;
}

static int cut_stretches(struct clocks *c, int clock, struct worst *w)
{
	struct series *s = &c->series[clock];
	const struct pair *best = c->pairs;

	for (size_t i = 0; i < c->n; i++) {
		const struct pair *p = &c->pairs[i];

		if (i && !differs(p, best, clock)) {
			if (p->window < best->window)
				best = p;
			continue;
		}
		if (add_stretch(s, c, clock, i))
			return -ENOMEM;
		best = p;
	}
	for (size_t k = 0; k < s->n; k++)
		s->v[k].offset = mean_offset(c, clock, s->v[k].first,
					     k + 1 < s->n ? s->v[k + 1].first : c->n, w);
	return 0;
}

/* REALTIME was set where its distance from BOOTTIME changes, which sleep leaves alone. */
static int find_steps(struct clocks *c)
{
	const struct series *s = &c->series[BOOT];

	if (s->n < 2)
		return 0;
	c->steps = calloc(s->n - 1, sizeof(*c->steps));
	if (!c->steps)
		return -ENOMEM;
	for (size_t k = 1; k < s->n; k++) {
		const struct pair *p = &c->pairs[s->v[k].first];

		c->steps[c->n_steps++] = (struct step){
			.mono = p->just_set ? p->clock[MONO] - SET_NS
					    : middle(p[-1].clock[MONO], p->clock[MONO]),
			.size = s->v[k].offset - s->v[k - 1].offset,
			.first = s->v[k].first,
		};
	}
	return 0;
}

static void draw_line(struct clocks *c)
{
	for (int i = 0; i < CLOCKS; i++) {
		struct series *s = &c->series[i];

		for (size_t k = 0; k < s->n; k++) {
			s->v[k].line = s->v[k].offset;
			for (size_t j = 0; j < c->n_steps && c->steps[j].first <= s->v[k].first; j++)
				s->v[k].line -= c->steps[j].size;
		}
	}
}

static int read_pairs(struct clocks *c, struct tape *t, struct err *e)
{
	struct buf b = { 0 };
	int rc = 0;

	for (size_t i = 0; !rc && i < tape_member_count(t); i++) {
		struct span text, line;
		struct pair p;

		if (strncmp(tape_member(t, i)->name, "clock/", 6))
			continue;
		rc = tape_load(t, i, &b, e);
		text = (struct span){ (const char *)b.data, rc ? 0 : b.len };
		while (!rc && span_line(&text, &line))
			if (parse_pair(line, &p))
				rc = add_pair(c, &p);
	}
	buf_free(&b);
	return rc;
}

static void read_json(struct clocks *c, const struct tape *t)
{
	int64_t real, mono;
	char name[16];

	if (!tape_json_text(t, "$.trace_clock", name, sizeof(name)) && !strcmp(name, "boot"))
		c->trace = BOOT;
	if (!tape_json_int(t, "$.start_real_ns", &real) && real >= 0 && real <= TIME_MAX &&
	    !tape_json_int(t, "$.start_mono_ns", &mono) && mono >= 0 && mono <= TIME_MAX)
		c->fallback = real - mono;
}

int clocks_load(struct clocks **out, struct tape *t, struct err *e)
{
	struct clocks *c = calloc(1, sizeof(*c));
	struct worst w = { 0 };
	int rc = -ENOMEM;

	if (!c)
		return err_set(e, rc, "clocks: out of memory");
	read_json(c, t);
	rc = read_pairs(c, t, e);
	if (!rc && c->n) {
		qsort(c->pairs, c->n, sizeof(*c->pairs), by_mono);
		rc = cut_stretches(c, MONO, &w);
		if (!rc)
			rc = cut_stretches(c, BOOT, &w);
		if (!rc)
			rc = find_steps(c);
		if (!rc)
			draw_line(c);
	}
	if (rc) {
		clocks_free(c);
		return rc == -ENOMEM ? err_set(e, rc, "clocks: out of memory") : rc;
	}
	c->error = c->n ? (w.window + 1) / 2 + w.residual : INT64_MAX;
	*out = c;
	return 0;
}

void clocks_free(struct clocks *c)
{
	if (!c)
		return;
	for (int i = 0; i < CLOCKS; i++)
		free(c->series[i].v);
	free(c->steps);
	free(c->pairs);
	free(c);
}

static int64_t to_line(const struct clocks *c, int clock, int64_t ns)
{
	const struct series *s = &c->series[clock];
	size_t lo = 0, hi = s->n;

	/* keeps the sum below from overflowing, whatever the tape says */
	if (ns > TIME_MAX)
		ns = TIME_MAX;
	if (ns < -TIME_MAX)
		ns = -TIME_MAX;
	if (!s->n)
		return ns + c->fallback;
	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;

		if (s->v[mid].from <= ns)
			lo = mid;
		else
			hi = mid;
	}
	return ns + s->v[lo].line;
}

int64_t clocks_mono_real(const struct clocks *c, int64_t mono_ns)
{
	return to_line(c, MONO, mono_ns);
}

int64_t clocks_trace_real(const struct clocks *c, uint64_t trace_ns)
{
	return to_line(c, c->trace, trace_ns > TIME_MAX ? TIME_MAX : (int64_t)trace_ns);
}

int64_t clocks_stamp(const struct clocks *c, int64_t real_ns)
{
	const struct series *s = &c->series[MONO];
	int64_t best = real_ns;
	bool found = false;

	if (s->n < 2 || real_ns > TIME_MAX || real_ns < -TIME_MAX)
		return real_ns;
	for (size_t k = 0; k < s->n; k++) {
		int64_t mono = real_ns - s->v[k].offset;
		bool last = k + 1 == s->n;

		if (mono < (k ? s->v[k].lo : c->pairs[0].clock[MONO] - EDGE_NS) ||
		    mono > (last ? c->pairs[c->n - 1].clock[MONO] + EDGE_NS : s->v[k + 1].hi))
			continue;
		/* of a step smaller than what is not known: where it most likely was */
		if (!found || (mono >= s->v[k].from && (last || mono < s->v[k + 1].from)))
			best = to_line(c, MONO, mono);
		found = true;
	}
	return best;
}

int64_t clocks_error_ns(const struct clocks *c)
{
	return c->error;
}

bool clocks_step(const struct clocks *c, size_t i, int64_t *mono_ns, int64_t *step_ns)
{
	if (i >= c->n_steps)
		return false;
	*mono_ns = c->steps[i].mono;
	*step_ns = c->steps[i].size;
	return true;
}

size_t clocks_count(const struct clocks *c)
{
	return c->n;
}
