/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * When a hop is certain. An address proves nothing by itself, and neither does a
 * short time; what proves is where the kernel lets go of an skb.
 *
 * Held. Between two of its functions the stack keeps an skb in a queue, and all
 * ways out of that queue are traced: from net_dev_queue on in a qdisc (dequeued
 * to net_dev_start_xmit, or freed by kfree_skb or consume_skb: net/core/dev.c,
 * net/sched), from netif_rx or *_entry on in a backlog (process_backlog(),
 * enqueue_to_backlog(), flush_backlog()), from napi_gro_receive on in GRO once
 * its exit has told that it is kept (net/core/gro.c), in a veth's ring and an
 * ifb's list (veth_xdp_rcv(), ifb_ri_tasklet()). As long as it is there its
 * memory cannot be another packet, so the next event at its address is about it,
 * however much later. A pair's or ifb's packet is asked for where it comes out.
 *
 * In its receiving call. From netif_receive_skb on the stack may let go of it
 * without an event: TCP does, when it has merged or acknowledged it. But what a
 * function of the receiving path does to that address, on the same CPU, before
 * anything else is received there, it does to that packet: after a silent end
 * only what this host sends itself can have got the memory, and that does not
 * come to these functions. A list is received as a whole and then handled in
 * order; its next packet is the one that follows the last one whose way was
 * seen to go on or to end. Where what this host sends comes as well, it is certain
 * only if a frame tells that TCP cannot have had it (struct claim).
 *
 * Alone. sk_data_ready names no skb. In softirq context a TCP or UDP socket is
 * told by nothing but the receiving call of a packet (timers and tasklets run in
 * softirqs of their own). Packets out of the backlog are received one by one
 * (process_backlog()), so it is the last one received there; one that came by a
 * list is meant only when it was the first since the poll began and no other was
 * received since; one by netif_receive_skb() may have been handed over within
 * the call of another one (tc's mirred), unless it is the first or that one is
 * done. A task that receives (a tun's writer) may tell a TCP socket of what had
 * to wait while it was locked (release_sock()); UDP has no such row. Whoever queued
 * a datagram announces it himself, even if he finds those of other CPUs beside
 * it (udp_prod_queue of 6.18): the first announcement is his own. A packet of
 * which only a clone was queued (raw sockets, multicast) ends with an event.
 *
 * None of this holds when events are missing: not recorded, not enabled, lost.
 */
#include "lives_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* An answer of TCP without data is not longer: IPv6 and 60 bytes of TCP header. */
#define ANSWER_MAX 100
#define CLAIMS_MAX (4U << 20)
#define VERDICTS   4096

/* Whether every way out of where @l is would have shown itself. */
bool lives_held(const struct lives *v, const struct life *l)
{
	if (!v->whole || l->losses != v->losses)
		return false;
	switch ((enum life_state)l->state) {
	case LIFE_RXQ:
		return !l->gro || l->kept;
	case LIFE_TXQ:
	case LIFE_QDISC:
		return true;
	case LIFE_RX:
	case LIFE_READ:
	case LIFE_DRV:
	case LIFE_SENT:
	case LIFE_DEAD:
		break;
	}
	return false;
}

/* Confidence that an event at its address goes on @l. @verified: length or place agree, too. */
int lives_confidence(const struct lives *v, const struct life *l, const struct event *ev,
		     bool verified)
{
	if (lives_held(v, l))
		return CERTAIN;
	return verified || ev->ts < l->last_ts || ev->ts - l->last_ts < GAP_SHORT ? HIGH : MEDIUM;
}

/* Whether @l is in the list that this CPU is receiving, in whatever context. */
static bool in_calls(const struct lives *v, const struct life *l, const struct event *ev)
{
	const struct lives_cpu *c = &v->cpu[ev->cpu];

	return v->whole && v->has_softirq && c->rx_open && l->losses == v->losses &&
	       l->rx_cpu == ev->cpu && l->run == c->run && l->batch == c->batch;
}

/* The same in a softirq. */
static bool in_list(const struct lives *v, const struct life *l, const struct event *ev)
{
	return event_context(ev) == 2 && in_calls(v, l, ev);
}

/* Whether this CPU is in the receiving call of @l. */
bool lives_at(const struct lives *v, const struct life *l, const struct event *ev)
{
	return in_list(v, l, ev) && l->batch_pos == v->cpu[ev->cpu].batch_next;
}

/* tcp_probe names its skb, and none comes there that was not received: whether it is about @l.
 * Those before it in the list are done then. */
bool lives_probed_surely(struct lives *v, const struct life *l, const struct event *ev)
{
	if (!in_list(v, l, ev) || l->batch_pos < v->cpu[ev->cpu].batch_next)
		return false;
	v->cpu[ev->cpu].batch_next = l->batch_pos;
	return true;
}

/* Whether @l is the next one of its list: when it goes on or ends, the one behind it is. */
bool lives_is_next(const struct lives *v, const struct life *l, const struct event *ev)
{
	const struct lives_cpu *c = &v->cpu[ev->cpu];

	return l->rx_cpu == ev->cpu && l->run == c->run && l->batch == c->batch &&
	       l->batch_pos == c->batch_next;
}

/* Whether the receiving call of @l, which begins now, is neither one of a list nor within another
 * one. @queued: it was handed over before. @crossed: on another CPU. */
static bool begins_alone(struct lives_cpu *c, const struct life *l, bool queued, bool crossed)
{
	const struct life *before;

	switch (queued ? l->entry : STAGE_NONE) {
	case STAGE_NETIF_RX_ENTRY:
	case STAGE_NETIF_RX:
		return true;
	case STAGE_NETIF_RECEIVE_SKB_ENTRY:
		/* RPS queues it; on an upper device it still is the same packet */
		if (crossed)
			return true;
		before = life_deref(c->received);
		if (before == l)
			return l->alone;
		/* what was seen to end, or was announced, does not go on to a call of another one
		 */
		return !c->rx_n ||
		       (c->received.l && (!before || before->state == LIFE_DEAD || before->ready));
	case STAGE_NETIF_RECEIVE_SKB_LIST_ENTRY:
		return crossed || !c->list_n++;
	case STAGE_NAPI_GRO_RECEIVE_ENTRY:
	case STAGE_NAPI_GRO_FRAGS_ENTRY:
		/* held ones may be polled elsewhere the next time */
		return (crossed && l->kept == GRO_PASSED) || !c->list_n++;
	default:
		return false;
	}
}

/* netif_receive_skb of @l: @queued, @crossed as above. Before its hop. */
void lives_receiving(struct lives *v, struct life *l, const struct event *ev, bool queued,
		     bool crossed)
{
	struct lives_cpu *c = &v->cpu[ev->cpu];

	l->alone = begins_alone(c, l, queued, crossed);
	c->rx_n++;
	c->rx_open = true;
	if (c->last != NET_RECEIVE || l->alone) {
		c->batch++;
		c->batch_n = c->batch_next = 0;
	}
	l->run = c->run;
	l->rx_cpu = (uint16_t)ev->cpu;
	l->batch = c->batch;
	l->batch_pos = c->batch_n++;
	c->received = life_ref(l);
	c->last = NET_RECEIVE;
}

/* The receiving calls on this CPU are over: a poll has ended, or a softirq. */
void lives_calls_over(struct lives_cpu *c)
{
	c->rx_open = false;
	c->rx_n = c->list_n = 0;
}

/* Whether sk_data_ready can only be about @l, which this CPU received last. */
bool lives_announced(const struct lives *v, const struct life *l, const struct event *ev)
{
	uint64_t family, protocol;
	bool task = event_context(ev) == 1 && v->has_switch && !v->has_nfqueue &&
		    l->pid == ev->pid && l->context == 1 && event_u64(ev, F_PROTOCOL, &protocol) &&
		    (protocol == 17 || protocol == 136) && in_calls(v, l, ev);

	return l->alone && v->cpu[ev->cpu].batch_n == 1 && (task || lives_at(v, l, ev)) &&
	       event_u64(ev, F_FAMILY, &family) && (family == 2 || family == 10) &&
	       /* IP, or behind a tag or a session's header; never ARP */
	       (l->protocol == 0x0800 || l->protocol == 0x86dd || l->protocol == 0x8100 ||
		l->protocol == 0x88a8 || l->protocol == 0x8864);
}

static bool is_bridge(const struct lives *v, const struct host_dev *port)
{
	const struct host_dev *m = port->master_ifindex
					   ? host_dev(v->host, port->netns_id, port->master_ifindex)
					   : NULL;

	return m && !strcmp(m->kind, "bridge");
}

/* Whether two devices are ports of one bridge, wherever devices of these names are. */
static bool same_bridge(const struct lives *v, uint16_t a, uint16_t b)
{
	struct span name = { v->dev[b].name, strlen(v->dev[b].name) };
	struct lives_dev *m = &v->dev_more[a];
	bool same = false;

	if (!v->all_netns || !a || !b)
		return false;
	if (m->bridged == b || m->unbridged == b)
		return m->bridged == b;
	for (size_t i = 0; i < host_dev_count(v->host); i++) {
		const struct host_dev *d = host_dev_at(v->host, i), *o;

		if (strcmp(d->name, v->dev[a].name))
			continue;
		o = host_dev_named_in(v->host, d->netns_id, name);
		same = o && is_bridge(v, d) && d->master_ifindex == o->master_ifindex;
		if (!same)
			break;
	}
	*(same ? &m->bridged : &m->unbridged) = b;
	return same;
}

/*
 * Whether net_dev_queue of @l's address on another device, its length grown by
 * just a link header, forwards it. A port of a bridge delivers nothing but by
 * the bridge's own device. Elsewhere TCP may have absorbed it and answer from
 * the same memory; then its answer is short, or a retransmission that could not
 * use its clone (pskb_copy() in __tcp_transmit_skb()), which tcp_retransmit_skb
 * tells right after: see lives_forward_doubt().
 */
bool lives_forwards_surely(struct lives *v, struct life *l, uint16_t dev, const struct event *ev)
{
	if (!lives_at(v, l, ev))
		return false;
	if (same_bridge(v, l->dev, dev))
		return true;
	if (!v->has_retransmit || l->l3_len <= ANSWER_MAX || !v->dev_more[l->dev].forwards)
		return false;
	v->cpu[ev->cpu].forward = life_ref(l);
	return true;
}

/* tcp_retransmit_skb: what was taken for forwarded just now may be what it sent. */
int lives_forward_doubt(struct lives *v, const struct event *ev)
{
	struct lives_cpu *c = &v->cpu[ev->cpu];
	struct life *l = life_deref(c->forward);
	int64_t id = c->forward.id;

	c->forward = (struct life_ref){ NULL, 0 };
	if (!id)
		return 0;
	if (l) {
		l->confidence = l->confidence < HIGH ? HIGH : l->confidence;
		return 0;
	}
	return life_set_doubt(v->store, id);
}

/* Remembers that the next hop of @l is certain if its frame says so. Return: false: no room. */
bool lives_claim(struct lives *v, const struct life *l, bool drop)
{
	if (v->claim_n == v->claim_cap) {
		size_t cap = v->claim_cap ? v->claim_cap * 2 : 256;
		struct claim *c;

		if (cap > CLAIMS_MAX)
			return false;
		c = realloc(v->claim, cap * sizeof(*c));
		if (!c)
			return false;
		v->claim = c;
		v->claim_cap = cap;
	}
	v->claim[v->claim_n++] = (struct claim){ l->id, v->dev[l->dev].name_id, l->hops, drop };
	return true;
}

/* A flow's answer, kept for its next packet. */
struct verdict {
	int64_t netns_id;
	int32_t flow_id; /* 0: free */
	bool drop, holds;
};

/*
 * What TCP may have absorbed may have given its memory to an answer, which left
 * or was dropped then. Not a packet of another protocol; nor, where it came out
 * by another device, one that is for another host: the answer to what is taken
 * from its way (REDIRECT) goes back where it came from.
 */
static bool claim_holds(sqlite3_stmt *st, struct verdict *cache, const struct claim *c,
			const struct tie *t)
{
	struct verdict *e = &cache[((uint32_t)t->flow_id * 2 + c->drop) % VERDICTS];

	if (e->flow_id == t->flow_id && e->netns_id == t->netns_id && e->drop == c->drop)
		return e->holds;
	db_bind_int(st, 1, t->flow_id);
	db_bind_int(st, 2, t->netns_id);
	db_bind_int(st, 3, c->drop);
	*e = (struct verdict){ t->netns_id, t->flow_id, c->drop,
			       sqlite3_step(st) == SQLITE_ROW && sqlite3_column_int(st, 0) };
	sqlite3_reset(st);
	return e->holds;
}

/* Takes back what no frame has confirmed. */
int lives_claims_settle(struct lives *v)
{
	static const char ask[] =
		"SELECT proto IN ('udp', 'icmp', 'icmpv6') OR (?3 = 0 AND proto = 'tcp' "
		"AND EXISTS (SELECT 1 FROM addr a WHERE a.netns_id = ?2) "
		"AND NOT EXISTS (SELECT 1 FROM addr a WHERE a.netns_id = ?2 AND a.address = dst)) "
		"FROM flow WHERE id = ?1";
	static const char hop[] = "UPDATE _hop SET confidence = max(confidence, 2) WHERE packet_id "
				  "= ?1 AND seq = ?2";
	sqlite3_stmt *get, *set;
	struct verdict *cache = calloc(VERDICTS, sizeof(*cache));
	size_t n;
	const struct tie *all = ties_list(v->ties, &n), *t;
	int rc = cache ? 0 : -ENOMEM;

	if (!v->claim_n || rc) {
		free(cache);
		return rc;
	}
	get = db_prepare(v->db, ask);
	set = db_prepare(v->db, hop);

	for (size_t i = 0; i < v->claim_n && !rc; i++) {
		const struct claim *c = &v->claim[i];

		t = lives_first_tie(all, n, c->packet_id);
		while (t && t < all + n && t->packet_id == c->packet_id &&
		       (t->dev_id != c->dev_id || t->direction || t->kind > 2 || !t->flow_id))
			t++;
		if (t && t < all + n && t->packet_id == c->packet_id &&
		    claim_holds(get, cache, c, t))
			continue;
		db_bind_int(set, 1, c->packet_id);
		db_bind_int(set, 2, c->seq);
		rc = db_run(v->db, set);
		if (rc)
			break;
		db_bind_int(v->set_doubt, 1, c->packet_id);
		rc = db_run(v->db, v->set_doubt);
	}
	free(cache);
	return rc;
}

/* Where devices share a name the frames tell the namespace: not for sure where a tie is ambiguous.
 */
int lives_doubt_places(struct lives *v)
{
	const struct tie *t;
	size_t n;
	int rc = 0;

	t = ties_list(v->ties, &n);
	for (size_t i = 0; i < n && !rc; i++) {
		size_t dev = 1;

		if (t[i].kind != 3)
			continue;
		while (dev <= v->dev_n && v->dev[dev].name_id != t[i].dev_id)
			dev++;
		if (dev <= v->dev_n && v->dev[dev].netns_id)
			continue;
		db_bind_int(v->set_doubt, 1, t[i].packet_id);
		rc = db_run(v->db, v->set_doubt);
	}
	return rc;
}

int lives_height(const char *kind)
{
	static const struct {
		const char *kind;
		int height;
	} known[] = { { "bond", 1 },	{ "team", 1 },	  { "vlan", 2 },  { "macvlan", 3 },
		      { "macvtap", 3 }, { "ipvlan", 3 }, { "ipvtap", 3 } };

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(kind, known[i].kind))
			return known[i].height;
	return 0;
}

/*
 * Where drops were, by the ties of their packets. On devices whose name does not tell the
 * namespace: by the last tie on such a device, as the packet may have left by a namesake of the one
 * at which it was dropped. And what was received goes on to a device above without an event
 * (ties_upper.c): the taps of that one tell.
 */
int lives_place_drops(struct lives *v)
{
	sqlite3_stmt *st =
		db_prepare(v->db, "UPDATE _drop SET netns_id = ?, dev_id = ? WHERE id = ?");
	sqlite3_stmt *kind = db_prepare(
		v->db, "SELECT kind FROM netdev WHERE netns_id = ?1 AND kind IS NOT NULL "
		       "AND name = (SELECT text FROM _name WHERE id = ?2)");
	size_t n;
	const struct tie *all = ties_list(v->ties, &n);
	int rc = 0;

	for (size_t i = 0; i < v->place_n && !rc; i++) {
		const struct place *p = &v->place[i];
		const struct tie *t = lives_first_tie(all, n, p->packet_id), *last = NULL;
		int height = 0;

		for (; t && t < all + n && t->packet_id == p->packet_id; t++) {
			int h = 0;

			if (t->dev_id == p->dev_id) {
				if (!p->netns_id && !height && (!last || t->ts_ns > last->ts_ns))
					last = t;
				continue;
			}
			if (!p->received || t->direction || t->kind > 2)
				continue;
			db_bind_int(kind, 1, t->netns_id);
			db_bind_int(kind, 2, t->dev_id);
			if (sqlite3_step(kind) == SQLITE_ROW)
				h = lives_height((const char *)sqlite3_column_text(kind, 0));
			sqlite3_reset(kind);
			if (h > height) { /* the uppermost tells */
				height = h;
				last = t;
			}
		}
		if (!last)
			continue;
		db_bind_int(st, 1, last->netns_id);
		db_bind_int(st, 2, last->dev_id);
		db_bind_int(st, 3, p->drop_id);
		rc = db_run(v->db, st);
	}
	return rc;
}

/*
 * TCP that ended without a drop was absorbed: it lets go of what it has taken
 * without an event, or a reader's free tells; whatever else ends a TCP segment
 * has one (since 5.18, when tcp_drop() became traced: TCP_ZEROWINDOW is among
 * the reasons). UDP so was read, except for fragments, which vanish in the
 * datagram. Frames tell which it is, unless their tie is ambiguous. Needs the
 * events up to when its address was used again: not where some were lost later.
 * A process that gets packets by nfqueue may send them on changed.
 */
int lives_absorbed(struct lives *v)
{
	static const char set[] =
		"UPDATE _packet SET confidence = 1 WHERE outcome = 1 AND confidence IN (2, 3) "
		"AND flags & 19 = 0 AND protocol IN (0x0800, 0x86dd) AND last_ns > ?1 "
		"AND flow_id IN (SELECT id FROM flow WHERE proto = 'tcp' OR (proto = 'udp' AND "
		"(src, dst) NOT IN (SELECT DISTINCT w.src, w.dst FROM _frame f JOIN flow w ON "
		"w.id = f.flow_id WHERE f.frag IS NOT NULL))) "
		"AND id NOT IN (SELECT packet_id FROM lives_unsure) "
		"AND NOT EXISTS (SELECT 1 FROM _hop h WHERE h.packet_id = _packet.id AND "
		"h.confidence > 1 AND h.stage NOT IN (?2, ?3, ?4) "
		"AND NOT (h.stage = ?5 AND h.confidence = 2))";
	const struct tie *t;
	sqlite3_stmt *st;
	size_t n;
	int rc;

	if (!v->whole || !v->has_location || v->has_nfqueue)
		return 0;
	st = db_prepare(v->db, "SELECT 1 FROM _drop_reason WHERE name = 'TCP_ZEROWINDOW' AND "
			       "EXISTS (SELECT 1 FROM flow)");
	rc = sqlite3_step(st);
	sqlite3_reset(st);
	if (rc != SQLITE_ROW)
		return 0;
	rc = db_exec(v->db, "CREATE TEMP TABLE lives_unsure(packet_id INTEGER PRIMARY KEY)", NULL);
	if (rc)
		return rc;
	st = db_prepare(v->db, "INSERT OR IGNORE INTO lives_unsure(packet_id) VALUES(?)");
	t = ties_list(v->ties, &n);
	for (size_t i = 0; i < n && !rc; i++) {
		/* the best one of each packet stands first */
		if (t[i].kind != 3 || (i && t[i - 1].packet_id == t[i].packet_id))
			continue;
		db_bind_int(st, 1, t[i].packet_id);
		rc = db_run(v->db, st);
	}
	if (rc)
		return rc;
	st = db_prepare(v->db, set);
	/* in order, none overlaps another */
	db_bind_int(st, 1, v->loss_n ? v->loss[v->loss_n - 1].to_ns : INT64_MIN);
	db_bind_int(st, 2, STAGE_SK_DATA_READY);
	db_bind_int(st, 3, STAGE_SKB_COPY);
	db_bind_int(st, 4, STAGE_TCP_PROBE);
	db_bind_int(st, 5, STAGE_CONSUME_SKB);
	return db_run(v->db, st);
}
