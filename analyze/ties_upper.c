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

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define GROUPS_MAX 65536
#define DEPTH_MAX  8 /* MAX_NEST_DEV of include/linux/netdevice.h */
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
};

static int below_load(struct ties *t, struct below **out, size_t *n)
{
	sqlite3_stmt *st = db_prepare(t->db, BELOW);
	struct below *v = NULL;
	size_t cap = 0;

	*n = 0;
	while (sqlite3_step(st) == SQLITE_ROW && *n < GROUPS_MAX) {
		if (*n == cap) {
			struct below *more = realloc(v, (cap = cap ? cap * 2 : 64) * sizeof(*v));

			if (!more) {
				free(v);
				sqlite3_reset(st);
				return -ENOMEM;
			}
			v = more;
		}
		memset(&v[*n], 0, sizeof(*v));
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

/* The group of @dev's receiving side, made where there is none. Return: its number, -ENOMEM. */
static int group_get(struct ties *t, const char *dev)
{
	int i = ties_group(t, dev, 0);
	struct group *g;

	if (i >= 0)
		return i;
	g = realloc(t->group, (t->group_n + 2) * sizeof(*g));
	if (!g)
		return -ENOMEM;
	t->group = g;
	g[t->group_n] = (struct group){ 0 };
	memcpy(g[t->group_n].dev, dev, sizeof(g->dev));
	return (int)t->group_n++;
}

static int lower_add(struct group *g, uint32_t lower)
{
	uint32_t *v;

	for (size_t i = 0; i < g->lower_n; i++)
		if (g->lower[i] == lower)
			return 0;
	v = realloc(g->lower, (g->lower_n + 1) * sizeof(*v));
	if (!v)
		return -ENOMEM;
	g->lower = v;
	g->lower[g->lower_n++] = lower;
	return 0;
}

/* All that @dev lies above, directly or not, becomes the lower devices of group @top. */
static int descend(struct ties *t, size_t top, const char *dev, const struct below *b, size_t n,
		   int depth)
{
	int rc = 0;

	for (size_t i = 0; i < n && !rc; i++) {
		int k;

		if (strcmp(b[i].upper, dev) || !strcmp(b[i].lower, t->group[top].dev))
			continue;
		k = group_get(t, b[i].lower);
		rc = k < 0 ? k : lower_add(&t->group[top], (uint32_t)k);
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

int ties_upper_events(struct match *m)
{
	struct group *g = m->g, *all = m->t->group;
	size_t total = g->n, *at;

	if (!g->lower_n)
		return 0;
	for (size_t i = 0; i < g->lower_n; i++)
		total += all[g->lower[i]].n;
	if (total >= UINT32_MAX)
		return -ENOMEM;
	at = calloc(g->lower_n + 1, sizeof(*at));
	m->merged = malloc((total + 1) * sizeof(*m->merged));
	if (!at || !m->merged) {
		free(at);
		return -ENOMEM;
	}
	/* each is in order of time; the first ones win where times are equal */
	for (size_t k = 0; k < total; k++) {
		const struct event_rec *best = at[g->lower_n] < g->n ? &g->v[at[g->lower_n]] : NULL;
		size_t from = g->lower_n;

		for (size_t i = 0; i < g->lower_n; i++) {
			const struct group *l = &all[g->lower[i]];

			if (at[i] < l->n && (!best || l->v[at[i]].ts_ns < best->ts_ns)) {
				best = &l->v[at[i]];
				from = i;
			}
		}
		assert(best);
		m->merged[k] = *best;
		m->merged[k].lower = from < g->lower_n;
		at[from]++;
	}
	free(at);
	m->v = m->merged;
	m->n = total;
	return 0;
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
