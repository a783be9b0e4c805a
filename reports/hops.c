/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * A tape has millions of hops, so they are walked once, for all that the report
 * counts of them. Hops stand in order of their packets, so the two tables are
 * read side by side. The same stage mostly happens at the same device: the row
 * of a stage's last hop is kept, and looked up only where the place changes.
 */
#include "hops.h"
#include "stack.h"

#include <stdlib.h>

/* Devices whose name stands in one namespace only, by the name's id. */
struct only {
	int64_t dev_id, netns_id;
};

struct onlys {
	size_t n, room;
	struct only *v;
};

static void read_onlys(struct rep *r, struct onlys *o)
{
	sqlite3_stmt *st = rep_query(r, "SELECT n.id, min(d.netns_id) FROM netdev d JOIN _name n "
					"ON n.text = d.name GROUP BY n.id HAVING count(*) = 1 "
					"ORDER BY n.id");

	while (rep_row(r, &st)) {
		if (o->n == o->room) {
			struct only *v = reallocarray(o->v, o->room * 2 + 64, sizeof(*v));

			if (!v)
				continue;
			o->v = v;
			o->room = o->room * 2 + 64;
		}
		o->v[o->n++] = (struct only){ col_int(st, 0), col_int(st, 1) };
	}
}

static int by_dev(const void *a, const void *b)
{
	int64_t x = ((const struct only *)a)->dev_id, y = ((const struct only *)b)->dev_id;

	return (x > y) - (x < y);
}

static int64_t only_netns(const struct onlys *o, int64_t dev_id)
{
	struct only key = { dev_id, 0 };
	const struct only *found = o->n ? bsearch(&key, o->v, o->n, sizeof(*o->v), by_dev) : NULL;

	return found ? found->netns_id : 0;
}

/* The packet that hops are compared with; ids are from 1, 0 is NULL. */
struct ends {
	int64_t id, netns_in, netns_out, dev_in, dev_out;
};

static bool next_packet(struct rep *r, sqlite3_stmt **st, struct ends *p)
{
	if (!rep_row(r, st))
		return false;
	*p = (struct ends){ col_int(*st, 0), col_int(*st, 1), col_int(*st, 2), col_int(*st, 3),
			    col_int(*st, 4) };
	return true;
}

/*
 * Where a stage was: its device is the one that the packet came in or went out by, and so its
 * namespace; devices in between are in a namespace that only their name tells, where one has it.
 */
static int64_t hop_netns(const struct ends *p, int64_t dev_id, const struct onlys *o)
{
	bool was_in = dev_id == p->dev_in, was_out = dev_id == p->dev_out;
	int64_t netns = 0;

	if (!dev_id || p->netns_in == p->netns_out)
		netns = p->netns_in ? p->netns_in : p->netns_out;
	else if (was_in != was_out)
		netns = was_in ? p->netns_in : p->netns_out;
	return netns ? netns : only_netns(o, dev_id);
}

#define STAGES 63 /* ids of the table _stage; a database that is not ours may have others */

/* The row that a stage was counted in last. */
struct last {
	int64_t netns_id, dev_id, index; /* index -1: none */
};

static void count(struct hops *h, struct last *last, int64_t netns_id, int64_t dev_id,
		  int64_t stage)
{
	if (last->index >= 0 && last->netns_id == netns_id && last->dev_id == dev_id)
		tally_again(&h->at, last->index);
	else
		*last = (struct last){ netns_id, dev_id,
				       tally_add(&h->at, (int64_t[]){ netns_id, dev_id, stage },
						 0) };
}

/* Bits of the stages that are counted, and of those at which a task copies data. */
static void read_stages(struct rep *r, uint64_t *counted, uint64_t *copies)
{
	sqlite3_stmt *st = rep_query(r, "SELECT id, name IN ('skb_copy_datagram_iovec', "
					"'sock_recv_length'), name FROM _stage WHERE id < 63");

	while (rep_row(r, &st)) {
		uint64_t bit = col_int(st, 0) < 0 ? 0 : (uint64_t)1 << col_int(st, 0);

		*counted |= stack_counts(col_text(st, 2)) ? bit : 0;
		*copies |= col_int(st, 1) ? bit : 0;
	}
}

void hops_read(struct hops *h, struct rep *r)
{
	uint64_t counted = 0, copies = 0;
	struct last last[STAGES];
	struct onlys only = { 0 };
	struct ends end = { 0 };
	sqlite3_stmt *hop, *packet;
	bool more;

	tally_init(&h->at);
	tally_init(&h->reader);
	for (size_t i = 0; i < STAGES; i++)
		last[i].index = -1;
	read_onlys(r, &only);
	read_stages(r, &counted, &copies);
	packet = rep_query(r, "SELECT id, netns_in_id, netns_out_id, dev_in_id, dev_out_id FROM "
			      "_packet ORDER BY id");
	/* the cheapest filter: more than half of the hops are of other stages */
	hop = rep_query(r, "SELECT packet_id, stage, dev_id, context, pid FROM _hop WHERE (?1 >> "
			   "stage) & 1 ORDER BY packet_id, seq");
	if (hop)
		sqlite3_bind_int64(hop, 1, (int64_t)(counted | copies));
	more = next_packet(r, &packet, &end);
	while (rep_row(r, &hop)) {
		int64_t id = col_int(hop, 0), stage = col_int(hop, 1), dev_id = col_int(hop, 2);

		if (stage < 0 || stage >= STAGES)
			continue;
		if (copies >> stage & 1 && col_int(hop, 3) == 1)
			tally_add(&h->reader, (int64_t[]){ col_int(hop, 4), 0, 0 }, 0);
		while (more && end.id < id)
			more = next_packet(r, &packet, &end);
		if (more && end.id == id)
			count(h, &last[stage], hop_netns(&end, dev_id, &only), dev_id, stage);
	}
	rep_done(&packet);
	free(only.v);
}

void hops_free(struct hops *h)
{
	tally_free(&h->at);
	tally_free(&h->reader);
}
