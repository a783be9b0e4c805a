/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * A queue that shapes (tbf) cuts a packet with many segments when it takes it
 * in: the packet is freed there, and its segments come out later, perhaps on
 * another CPU, with addresses that no event has shown. But the queue is one
 * row, so they come out in order, those of the eldest packet first. Segments of
 * one packet have one length, only the last one may be shorter; how many there
 * are follows from the first one's length. What does not fit is left without a
 * parent, and the packet that it was held against is given up. Nothing is kept
 * across a loss of events or a drop in that queue. Queues with an order of their
 * own (cake's flows, netem's delays, taprio's gates) are followed only while
 * they hold the segments of one packet.
 *
 * A router that cuts a packet into fragments sends these first, within the
 * receiving call, and frees the packet behind the last one (ip_do_fragment() in
 * net/ipv4/ip_output.c).
 *
 * A fragment that was received has no end without an event: it is forwarded,
 * dropped, or goes into the datagram (ip_frag_queue(), inet_frag_reasm_finish()
 * in net/ipv4). Where frames show all parts of a datagram that was surely
 * delivered, and each part is one packet which was freed as a part of it, that
 * end is certain.
 */
#include "lives_int.h"

/* Ethernet, IPv4 and TCP with time stamps. Another size of the headers gives the same count but for
 * a packet that is full to the last byte. */
#define HEADERS 66

static struct queue_split *split_at(struct lives *v, unsigned int i)
{
	return &v->queue_split[(v->queue_split_at + i) % QUEUE_SPLITS];
}

/* A queue has freed @l, having cut it. @in_order: what it takes in comes out in that order. */
void lives_queue_split(struct lives *v, const struct life *l, bool in_order)
{
	if (v->queue_split_n == QUEUE_SPLITS) {
		v->queue_split_at = (v->queue_split_at + 1) % QUEUE_SPLITS;
		v->queue_split_n--;
	}
	*split_at(v, v->queue_split_n++) = (struct queue_split){
		.id = l->id,
		.len = l->len,
		.dev = l->dev,
		.dev_rx_first = l->dev_rx_first,
		.dev_rx_last = l->dev_rx_last,
		.dev_tx_first = l->dev_tx_first,
		.born_tx = l->born_tx,
		.received = l->received,
		.forwarded = l->forwarded,
		.in_order = in_order,
	};
}

/* The head of the row is freed; those in the middle wait until they are at the head. */
static void split_done(struct lives *v, struct queue_split *p)
{
	p->id = 0;
	while (v->queue_split_n && !split_at(v, 0)->id) {
		v->queue_split_at = (v->queue_split_at + 1) % QUEUE_SPLITS;
		v->queue_split_n--;
	}
}

/* What is still in the queue of @dev is no longer known. */
void lives_queue_forget(struct lives *v, uint16_t dev)
{
	for (unsigned int i = 0; i < QUEUE_SPLITS; i++)
		if (v->queue_split[i].dev == dev)
			v->queue_split[i].id = 0;
	while (v->queue_split_n && !split_at(v, 0)->id) {
		v->queue_split_at = (v->queue_split_at + 1) % QUEUE_SPLITS;
		v->queue_split_n--;
	}
}

/* Whether a segment of @len bytes can be the next one of @p. */
static bool split_fits(struct queue_split *p, uint32_t len)
{
	if (p->segment)
		return len <= p->segment;
	if (len <= HEADERS || len > p->len)
		return false;
	p->segment = len;
	p->left = 1 + (p->len - len + len - HEADERS - 1) / (len - HEADERS);
	return true;
}

/* Whether the queue of @p holds segments of another packet. */
static bool others_held(struct lives *v, const struct queue_split *p)
{
	for (unsigned int i = 0; i < v->queue_split_n; i++) {
		const struct queue_split *o = split_at(v, i);

		if (o != p && o->id && o->dev == p->dev)
			return true;
	}
	return false;
}

/* @l starts without a begin: the next segment of what its device's queue cut. */
void lives_queue_child(struct lives *v, struct life *l, uint32_t len)
{
	for (unsigned int i = 0; i < v->queue_split_n; i++) {
		struct queue_split *p = split_at(v, i);

		if (!p->id || p->dev != l->dev)
			continue;
		if (!p->in_order && others_held(v, p)) {
			lives_queue_forget(v, p->dev);
			return;
		}
		if (!split_fits(p, len)) {
			p->id = 0;
			continue;
		}
		l->parent_id = p->id;
		l->link = LINK_GSO;
		l->flags &= (uint8_t)~FLAG_HEAD_MISSING;
		l->confidence = HIGH;
		l->born_tx = p->born_tx;
		l->received = p->received;
		l->forwarded = p->forwarded;
		l->dev_rx_first = p->dev_rx_first;
		l->dev_rx_last = p->dev_rx_last;
		l->dev_tx_first = p->dev_tx_first;
		if (!--p->left || len < p->segment)
			split_done(v, p);
		return;
	}
}

/* @l is freed behind its fragments: links those that this CPU has sent since it received @l. */
int lives_fragments(struct lives *v, const struct life *l, const struct event *ev)
{
	const struct lives_cpu *c = &v->cpu[ev->cpu];
	int rc = 0;

	if (l->batch != c->batch || c->batch_n != 1)
		return 0;
	for (unsigned int i = 0; i < SENT_RING && !rc; i++) {
		const struct sent *s = &c->sent[i];
		struct life *f;

		if (!s->id || s->ts < l->last_ts || s->id <= l->id)
			continue;
		f = life_find(v->store, s->addr);
		if (f && f->id == s->id) {
			if (f->link || f->len > l->l3_len + 64)
				continue;
			f->link = LINK_FRAGMENT;
			f->parent_id = l->id;
			f->received = f->forwarded = true;
			f->dev_rx_first = l->dev_rx_first;
			f->dev_rx_last = l->dev_rx_last;
			continue;
		}
		rc = life_set_link(v->store, s->id, LINK_FRAGMENT, l->id);
	}
	return rc;
}

int lives_reassembled(struct lives *v)
{
	static const char set[] =
		"CREATE TEMP TABLE lives_part AS SELECT netns_id, ip_id, frag >> 1 AS at, "
		"frag & 1 AS more, packet_id, max(tie) AS tie FROM _frame "
		"WHERE frag IS NOT NULL AND ip_id IS NOT NULL AND direction = 0 "
		"GROUP BY netns_id, ip_id, frag, packet_id;"
		"CREATE INDEX lives_part_id ON lives_part(netns_id, ip_id);"
		/* as long as an id comes just once: a second datagram has parts of its own */
		"CREATE TEMP TABLE lives_whole AS SELECT netns_id, ip_id FROM lives_part "
		"GROUP BY netns_id, ip_id HAVING count(*) > 1 AND count(packet_id) = count(*) "
		"AND count(DISTINCT packet_id) = count(*) AND count(DISTINCT at) = count(*) "
		"AND min(at) = 0 AND sum(1 - more) = 1 AND max(tie) = 1;"
		"CREATE TEMP TABLE lives_member AS SELECT l.packet_id FROM lives_whole w "
		"JOIN lives_part d ON (d.netns_id, d.ip_id) = (w.netns_id, w.ip_id) "
		"JOIN _packet p ON p.id = d.packet_id AND p.outcome = 1 AND p.confidence = 1 "
		"JOIN lives_part l ON (l.netns_id, l.ip_id) = (w.netns_id, w.ip_id) "
		"AND l.packet_id <> p.id "
		"WHERE NOT EXISTS (SELECT 1 FROM lives_part o JOIN _packet q ON q.id = o.packet_id "
		"WHERE (o.netns_id, o.ip_id) = (w.netns_id, w.ip_id) AND q.id <> p.id "
		"AND (q.link IS NOT 6 OR q.parent_id IS NOT p.id OR q.outcome <> 5));"
		"UPDATE _packet SET confidence = 1 WHERE confidence = 2 AND flags & 19 = 0 "
		"AND id IN (SELECT packet_id FROM lives_member) "
		"AND NOT EXISTS (SELECT 1 FROM _hop h JOIN _stage s ON s.id = h.stage WHERE "
		"h.packet_id = _packet.id AND h.confidence > 1 AND s.name <> 'consume_skb');"
		"DROP TABLE lives_part; DROP TABLE lives_whole; DROP TABLE lives_member;";

	return v->whole && !v->has_nfqueue ? db_exec(v->db, set, NULL) : 0;
}
