/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * What a VLAN, macvlan, ipvlan, bond or team device receives was received by a
 * device below it. __netif_receive_skb_core() (net/core/dev.c) then only changes
 * skb->dev and begins another round, which delivers the skb to the taps once more,
 * now on the upper device, but writes no second netif_receive_skb. So the frames
 * of the upper device belong to events of those below; the stamp is that of the
 * first round, or the packet socket's own shortly after it. A bridge, a VRF and
 * most tunnels do receive anew and need none of this.
 *
 * Events name devices without their namespace, so devices are groups by name
 * here, too; what a name can lie above is what any device of that name does.
 */
#include "ties_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BELOW_MAX  16384
#define LOWER_MAX  1024
#define WORK_MAX   (1ULL << 32) /* events looked at for all upper devices */
#define DEPTH_MAX  8		/* MAX_NEST_DEV of include/linux/netdevice.h */
#define VLAN_BYTES 4

/*
 * The devices below those that receive without an event, with the names of both. In which namespace
 * the lower one is can be unknown; of the kinds that containers have any device of that index is
 * meant then, as one too many takes nothing from the right one.
 */
static const char BELOW[] =
	"SELECT u.name, l.name FROM netdev u JOIN netdev l ON l.ifindex = u.link_ifindex "
	"AND l.netns_id = coalesce(u.link_netns_id, u.netns_id) "
	"WHERE u.kind IN ('vlan', 'macvlan', 'macvtap', 'ipvlan', 'ipvtap') "
	"UNION SELECT u.name, l.name FROM netdev u JOIN netdev l ON l.ifindex = u.link_ifindex "
	"AND l.netns_id <> u.netns_id "
	"WHERE u.link_netns_id IS NULL AND (u.kind IN ('macvlan', 'macvtap', 'ipvlan', 'ipvtap') "
	"OR (u.kind = 'vlan' AND NOT EXISTS (SELECT 1 FROM netdev o WHERE o.netns_id = u.netns_id "
	"AND o.ifindex = u.link_ifindex AND o.id <> u.id))) "
	"UNION SELECT u.name, l.name FROM netdev u JOIN netdev l ON l.netns_id = u.netns_id "
	"AND l.master_ifindex = u.ifindex WHERE u.kind IN ('bond', 'team') ORDER BY 1, 2";

struct below {
	char upper[16], lower[16];
	int64_t group; /* of the lower one, -1: not asked yet */
};

/* In order of the upper ones. */
static int below_load(struct ties *t, struct below **out, size_t *n)
{
	sqlite3_stmt *st = db_prepare(t->db, BELOW);
	struct below *v = NULL;
	size_t cap = 0;

	*n = 0;
	while (sqlite3_step(st) == SQLITE_ROW && *n < BELOW_MAX) {
		if (*n == cap) {
			struct below *more = realloc(v, (cap = cap ? cap * 2 : 64) * sizeof(*v));

			if (!more) {
				free(v);
				sqlite3_reset(st);
				return -ENOMEM;
			}
			v = more;
		}
		v[*n] = (struct below){ .group = -1 };
		strncpy(v[*n].upper, (const char *)sqlite3_column_text(st, 0),
			sizeof(v->upper) - 1);
		strncpy(v[*n].lower, (const char *)sqlite3_column_text(st, 1),
			sizeof(v->lower) - 1);
		++*n;
	}
	sqlite3_reset(st);
	*out = v;
	return 0;
}

/* First row whose upper device is not before @dev. */
static size_t below_first(const struct below *b, size_t n, const char *dev)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(b[mid].upper, dev) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* The group of @dev's receiving side, made where there is none. Return: its number, -ENOMEM. */
static int group_get(struct ties *t, const char *dev)
{
	int i = ties_group(t, dev, 0);
	struct group *g;

	if (i >= 0)
		return i;
	if (t->group_n == t->group_cap) {
		g = realloc(t->group, (t->group_cap * 2 + 16) * sizeof(*g));
		if (!g)
			return -ENOMEM;
		t->group = g;
		t->group_cap = t->group_cap * 2 + 16;
	}
	g = &t->group[t->group_n];
	*g = (struct group){ 0 };
	memcpy(g->dev, dev, sizeof(g->dev));
	return (int)t->group_n++;
}

static int lower_add(struct group *g, uint32_t lower)
{
	uint32_t *v = realloc(g->lower, (g->lower_n + 1) * sizeof(*v));

	if (!v)
		return -ENOMEM;
	g->lower = v;
	g->lower[g->lower_n++] = lower;
	return 0;
}

static bool has_lower(struct ties *t, const struct group *g, uint32_t lower)
{
	t->upper_work += g->lower_n;
	for (size_t i = 0; i < g->lower_n; i++)
		if (g->lower[i] == lower)
			return true;
	return false;
}

/* All that @dev lies above, directly or not, becomes the lower devices of group @top. */
static int descend(struct ties *t, size_t top, const char *dev, struct below *b, size_t n,
		   int depth)
{
	int rc = 0;

	for (size_t i = below_first(b, n, dev); i < n && !rc && !strcmp(b[i].upper, dev); i++) {
		if (b[i].group < 0)
			b[i].group = group_get(t, b[i].lower);
		if (b[i].group < 0)
			return (int)b[i].group;
		if ((size_t)b[i].group == top || has_lower(t, &t->group[top], (uint32_t)b[i].group))
			continue;
		if (t->group[top].lower_n == LOWER_MAX || t->upper_work > WORK_MAX)
			return 0;
		rc = lower_add(&t->group[top], (uint32_t)b[i].group);
		if (!rc && depth < DEPTH_MAX)
			rc = descend(t, top, b[i].lower, b, n, depth + 1);
	}
	return rc;
}

/* What is known of the devices of each name. */
static void describe(struct ties *t)
{
	sqlite3_stmt *st = db_prepare(
		t->db,
		"SELECT name, max(kind IN ('vlan', 'macvlan', 'macvtap', 'ipvlan', 'ipvtap', "
		"'bond', 'team')), max(xdp = 2) FROM netdev GROUP BY name");

	while (sqlite3_step(st) == SQLITE_ROW) {
		int i = ties_group(t, (const char *)sqlite3_column_text(st, 0), 0);

		if (i < 0)
			continue;
		t->group[i].upper = sqlite3_column_int(st, 1);
		t->group[i].xdp = sqlite3_column_int(st, 2);
	}
	sqlite3_reset(st);
}

int ties_upper_open(struct ties *t)
{
	size_t n, tops = t->group_n;
	struct below *b;
	int rc = below_load(t, &b, &n);

	if (rc)
		return rc;
	describe(t);
	for (size_t i = 0; i < tops && !rc; i++) {
		char dev[16];

		memcpy(dev, t->group[i].dev, sizeof(dev));
		if (t->group[i].upper)
			rc = descend(t, i, dev, b, n, 0);
	}
	free(b);
	return rc;
}

static int ts_cmp(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* qsort_r() order: by time; what is equal stays as it was. */
static int event_cmp(const void *a, const void *b, void *ctx)
{
	const struct event_rec *v = ctx;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	if (v[x].ts_ns != v[y].ts_ns)
		return v[x].ts_ns < v[y].ts_ns ? -1 : 1;
	return x < y ? -1 : x > y;
}

/* Stamps of all frames of @m's group, in order; NULL: out of memory. */
static int64_t *stamps(const struct match *m)
{
	int64_t *ts = malloc((m->f_n + 1) * sizeof(*ts));
	size_t n = 0;

	for (size_t i = 0; ts && i < frames_stream_count(m->t->frames); i++) {
		const struct frame_stream *s = frames_stream_at(m->t->frames, i);

		for (size_t k = 0; ties_in_group(m->g, s) && k < s->n; k++)
			ts[n++] = s->v[k].ts_ns;
	}
	if (ts)
		qsort(ts, n, sizeof(*ts), ts_cmp);
	return ts;
}

/* Whether any of the ordered stamps lies where one of @e can. */
static bool near_frame(const int64_t *ts, size_t n, const struct event_rec *e, int64_t eps)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (ts[mid] < e->ts_ns - e->lo - eps)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && ts[lo] <= e->ts_ns + e->late + eps;
}

/* Adds those of @v that a frame can be of. Return: 0, -ENOMEM. */
static int take_near(struct match *m, size_t *cap, const struct event_rec *v, size_t n, bool lower,
		     const int64_t *ts)
{
	for (size_t i = 0; i < n; i++) {
		if (lower && !near_frame(ts, m->f_n, &v[i], m->t->error_ns))
			continue;
		if (m->n == *cap) {
			size_t more = *cap * 2 + 1024;
			struct event_rec *x =
				more > UINT32_MAX ? NULL : realloc(m->merged, more * sizeof(*x));

			if (!x)
				return -ENOMEM;
			m->merged = x;
			*cap = more;
		}
		m->merged[m->n] = v[i];
		m->merged[m->n++].lower = lower;
	}
	return 0;
}

/* Brings m->merged in order of time. */
static int merged_sort(struct match *m)
{
	uint32_t *at = malloc((m->n + 1) * sizeof(*at));
	struct event_rec *v = malloc((m->n + 1) * sizeof(*v));

	if (!at || !v) {
		free(at);
		free(v);
		return -ENOMEM;
	}
	for (size_t i = 0; i < m->n; i++)
		at[i] = (uint32_t)i;
	if (m->n)
		qsort_r(at, m->n, sizeof(*at), event_cmp, m->merged);
	for (size_t i = 0; i < m->n; i++)
		v[i] = m->merged[at[i]];
	free(at);
	free(m->merged);
	m->merged = v;
	return 0;
}

int ties_upper_events(struct match *m)
{
	struct group *g = m->g, *all = m->t->group;
	size_t cap = 0;
	int64_t *ts;
	int rc;

	for (size_t i = 0; i < g->lower_n; i++)
		m->t->upper_work += all[g->lower[i]].n;
	if (m->t->upper_work > WORK_MAX) {
		db_quality(m->t->db, &(struct quality){ "limit", "ties", -1, g->dev, -1, -1, -1 },
			   "too many devices above others: what this one received is not connected "
			   "to its packets");
		g->lower_n = 0;
	}
	if (!g->lower_n)
		return 0;
	ts = stamps(m);
	if (!ts)
		return -ENOMEM;
	m->n = 0;
	rc = take_near(m, &cap, g->v, g->n, false, ts);
	for (size_t i = 0; i < g->lower_n && !rc; i++)
		rc = take_near(m, &cap, all[g->lower[i]].v, all[g->lower[i]].n, true, ts);
	free(ts);
	if (!rc)
		rc = merged_sort(m);
	m->v = m->merged;
	return rc;
}

/* The tag may be in the data of what the lower device received, or beside it; two, where VLANs are
 * stacked. */
int ties_upper_lens(uint32_t len, uint32_t out[3])
{
	int n = 0;

	while (n < 3 && len <= UINT32_MAX - 2 * VLAN_BYTES) {
		out[n] = len + (uint32_t)n * VLAN_BYTES;
		n++;
	}
	return n;
}
