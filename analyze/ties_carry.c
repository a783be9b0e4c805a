/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * A packet that passes several taps is one life and so one packet_id; its frames
 * have the same innermost headers at each of them (frame_ref.key), but for
 * address translation. So a frame cannot be of a packet whose sure frame at
 * another tap carries something else. This is used only in groups where all sure
 * frames of packets with several ones agree, SAMPLE of them at least: where
 * addresses are translated, or a program rewrites packets, they do not.
 * It leaves out candidates and never picks one: of equal headers nothing follows.
 *
 * Where only a few disagree, it is the ties that are wrong there: an event that
 * was lost unnoticed gives such. These become 'ambiguous'.
 */
#include "ties_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE	 64
#define ROUNDS	 8
#define FEW	 500 /* one in that many is no translation */
#define CONFLICT 1
#define IDS_MAX	 (1LL << 32)

/* What the sure frames of a packet carry. */
struct carried {
	uint32_t key; /* 0: nothing known, CONFLICT: they differ */
	uint32_t n;   /* of how many taps */
};

static bool sure(const struct frame_ref *r)
{
	return (r->tie == TIE_UNIQUE || r->tie == TIE_ORDERED) && r->key > CONFLICT;
}

/* Highest number of a packet among the ties, plus one. */
static int64_t ids(const struct ties *t)
{
	int64_t n = 1;

	for (size_t g = 0; g < t->group_n; g++)
		for (size_t i = 0; i < t->match[g].n; i++)
			if (t->match[g].v[i].packet_id >= n)
				n = t->match[g].v[i].packet_id + 1;
	return n;
}

/* What the sure frames of each packet carry. */
static void collect(struct ties *t, struct carried *c, size_t n)
{
	memset(c, 0, n * sizeof(*c));
	for (size_t g = 0; g < t->group_n; g++) {
		for (size_t i = 0; i < t->match[g].f_n; i++) {
			const struct frame_ref *r = t->match[g].f[i].ref;
			struct carried *x = &c[sure(r) ? r->packet_id : 0];

			if (!sure(r))
				continue;
			if (!x->n)
				x->key = r->key;
			else if (x->key != r->key)
				x->key = CONFLICT;
			x->n++;
		}
	}
}

/* Frames of @m whose packets have other sure ones that agree, and that do not. */
static void agreement(const struct match *m, const struct carried *c, size_t *yes, size_t *no)
{
	*yes = *no = 0;
	for (size_t i = 0; i < m->f_n; i++) {
		const struct frame_ref *r = m->f[i].ref;

		if (!sure(r) || c[r->packet_id].n < 2)
			continue;
		if (c[r->packet_id].key == CONFLICT)
			++*no;
		else
			++*yes;
	}
}

/* Leaves out what frames of @m cannot be. Return: whether there was any. */
static bool leave_out(struct match *m, const struct carried *c)
{
	bool changed = false;

	for (size_t i = 0; i < m->f_n; i++) {
		struct cand *f = &m->f[i];

		if (ties_taken(m, i) || f->n < 2 || f->ref->key <= CONFLICT)
			continue;
		for (uint32_t k = f->n; k-- > 0;) {
			uint32_t key = c[m->v[m->list[f->at + k]].packet_id].key;

			if (key <= CONFLICT || key == f->ref->key)
				continue;
			ties_match_leave(m, f, k);
			changed = true;
		}
	}
	return changed;
}

static bool anything_open(const struct ties *t)
{
	for (size_t g = 0; g < t->group_n; g++)
		for (size_t i = 0; i < t->match[g].f_n; i++)
			if (!ties_taken(&t->match[g], i) && t->match[g].f[i].n)
				return true;
	return false;
}

int ties_carry(struct ties *t)
{
	int64_t n = anything_open(t) ? ids(t) : 0;
	struct carried *c;
	bool changed = true;

	if (!n || n > IDS_MAX)
		return 0;
	c = malloc((size_t)n * sizeof(*c));
	if (!c)
		return -ENOMEM;
	for (int round = 0; round < ROUNDS && changed; round++) {
		changed = false;
		collect(t, c, (size_t)n);
		for (size_t g = 0; g < t->group_n; g++) {
			struct match *m = &t->match[g];
			size_t yes, no;

			agreement(m, c, &yes, &no);
			if (yes >= SAMPLE && !no && leave_out(m, c))
				changed |= ties_match_run(m);
		}
	}
	free(c);
	return 0;
}

int ties_carry_check(struct ties *t)
{
	int64_t n = ids(t);
	struct carried *c = n > IDS_MAX ? NULL : malloc((size_t)n * sizeof(*c));

	if (n > IDS_MAX)
		return 0;
	if (!c)
		return -ENOMEM;
	collect(t, c, (size_t)n);
	for (size_t g = 0; g < t->group_n; g++) {
		struct match *m = &t->match[g];
		size_t yes, no;

		agreement(m, c, &yes, &no);
		if (!no || no > yes / FEW)
			continue;
		for (size_t i = 0; i < m->f_n; i++)
			if (sure(m->f[i].ref) && c[m->f[i].ref->packet_id].key == CONFLICT)
				m->f[i].ref->tie = TIE_AMBIGUOUS;
	}
	free(c);
	return 0;
}
