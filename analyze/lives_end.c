/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * A free names an address and, on newer kernels, the function that freed. That
 * it ends the life which we hold for this address is true only if the life can
 * have come to that function: TCP, GRO and deferred frees end many skbs without
 * an event, and the slab gives the address to the next allocation at once, to a
 * netlink message or to a clone for a packet socket just as well. So each place
 * has a part of the way where it belongs (enum site_path), and a free that does
 * not fit says only that the old life must have ended before.
 */
#include "lives_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Takes back open driver calls of a CPU above @down_to. */
int lives_nest_clear(struct lives *v, struct lives_cpu *c, int down_to)
{
	int rc = 0;

	while (c->nest_n > down_to && !rc)
		rc = life_release(v->store, c->nest[--c->nest_n].l);
	if (c->split && c->nest_n < c->split_nest)
		c->split = false;
	return rc;
}

static enum outcome sent_outcome(const struct life *l)
{
	return l->forwarded ? OUTCOME_FORWARDED : OUTCOME_TRANSMITTED;
}

/* The end of a life that no event shows: its address is used again, or the recording ends. */
int lives_end_inferred(struct lives *v, struct life *l, bool at_end)
{
	int confidence = CERTAIN;

	l->flags |= at_end ? FLAG_OPEN_AT_END : FLAG_END_INFERRED;
	switch ((enum life_state)l->state) {
	case LIFE_RXQ:
		if (l->gro && !v->has_gro_exit && !at_end) {
			l->outcome = OUTCOME_MERGED;
			confidence = MEDIUM;
		}
		break;
	case LIFE_RX:
		/* TCP absorbs without an event; so do readers on the CPU that allocated */
		l->outcome = OUTCOME_DELIVERED;
		if (!l->ready && !l->probed)
			confidence = l->doubt ? LOW : MEDIUM;
		break;
	case LIFE_READ:
		l->outcome = OUTCOME_DELIVERED;
		if (!l->ready && !l->probed)
			confidence = l->read;
		break;
	case LIFE_DRV:
		if (!v->has_xmit) {
			l->outcome = sent_outcome(l);
			confidence = MEDIUM;
		}
		break;
	case LIFE_SENT:
		if (l->taken)
			l->outcome = sent_outcome(l);
		/* what leaves its ring, its peer receives or drops */
		if (v->dev_more[l->dev].veth)
			confidence = MEDIUM;
		break;
	case LIFE_TXQ:
	case LIFE_QDISC:
	case LIFE_DEAD:
		break;
	}
	if (l->losses != v->losses) {
		/* an event may have shown it */
		l->flags |= FLAG_LOSS;
		if (confidence < MEDIUM)
			confidence = MEDIUM;
	}
	if (confidence > l->confidence)
		l->confidence = (uint8_t)confidence;
	return life_end(v->store, l);
}

/* Ends @l with event @ev as its last stage. */
static int end_with(struct lives *v, struct life *l, const struct event *ev, enum stage stage,
		    enum outcome outcome, int confidence)
{
	int rc = lives_hop(v, l, ev, stage, confidence);

	l->outcome = outcome;
	return rc ? rc : life_end(v->store, l);
}

/* As end_with(), where the outcome was decided before: only the free is as sure as @confidence. */
static int end_decided(struct lives *v, struct life *l, const struct event *ev, enum stage stage,
		       enum outcome outcome, int confidence)
{
	int rc = lives_aside(v, l, ev, stage, confidence);

	l->outcome = outcome;
	return rc ? rc : life_end(v->store, l);
}

/* As end_with() for a free that comes later than the end it tells of. @decided: outcome, too. */
static int end_deferred(struct lives *v, struct life *l, const struct event *ev,
			enum outcome outcome, bool decided)
{
	l->flags |= FLAG_END_BOUND;
	l->deferred = true;
	return decided ? end_decided(v, l, ev, STAGE_CONSUME_SKB, outcome, HIGH)
		       : end_with(v, l, ev, STAGE_CONSUME_SKB, outcome, HIGH);
}

/* GRO's verdict on the skb of the entry before it on this CPU; enum gro_result in
 * include/linux/netdevice.h. */
int lives_gro_exit(struct lives *v, const struct event *ev)
{
	struct lives_cpu *c = &v->cpu[ev->cpu];
	struct life *l, *into = NULL;
	uint64_t ret;
	int n = 0;

	if (!c->gro_n)
		return 0;
	l = life_deref(c->gro[--c->gro_n]);
	if (!l || l->state != LIFE_RXQ || !event_u64(ev, F_RET, &ret))
		return 0;
	/* packets that are no longer held leave the list */
	for (int i = 0; i < c->held_n; i++) {
		const struct life *h = life_deref(c->held[i]);

		if (h && h->state == LIFE_RXQ)
			c->held[n++] = c->held[i];
	}
	c->held_n = n;
	if (!n)
		c->held_more = false;
	switch ((int32_t)ret) {
	case 0: /* GRO_MERGED */
	case 1: /* GRO_MERGED_FREE */
		for (int i = n = 0; i < c->held_n; i++) {
			struct life *h = life_deref(c->held[i]);

			if (h->dev == l->dev && h != l) {
				into = h;
				n++;
			}
		}
		/* with one packet held for this device there is no choice */
		if (n == 1 && !c->held_more && !l->link) {
			l->parent_id = into->id;
			l->link = LINK_GRO;
		}
		l->outcome = OUTCOME_MERGED;
		l->last_ts = ev->ts;
		l->last_ns = ev->ts_ns;
		return life_end(v->store, l);
	case 2: /* GRO_HELD */
		l->kept = GRO_HELD;
		if (c->held_n < HELD_MAX)
			c->held[c->held_n++] = life_ref(l);
		else
			c->held_more = true;
		return 0;
	case 3: /* GRO_NORMAL */
		l->kept = GRO_PASSED;
		return 0;
	default: /* GRO_DROP and GRO_CONSUMED, whose numbers differ between kernels */
		l->outcome = OUTCOME_CONSUMED;
		l->flags |= FLAG_END_INFERRED;
		return life_end(v->store, l);
	}
}

/* Segments of @l start on this CPU next. @sure: it was cut. */
static void split_open(struct lives_cpu *c, const struct life *l, bool sure)
{
	c->split = true;
	c->split_sure = sure;
	c->split_nest = c->nest_n;
	c->split_dev = l->dev;
	c->split_parent = *l;
}

/* consume_skb of a life on the receiving side. */
static int consume_received(struct lives *v, struct life *l, const struct event *ev,
			    const struct site *s)
{
	bool same = lives_same_run(v, l, ev), task = event_context(ev) == 1;
	bool decided = l->ready || l->probed, at = lives_at(v, l, ev);
	uint64_t gap = ev->ts - l->last_ts;
	int confidence = lives_confidence(v, l, ev, s != NULL);
	enum outcome read = l->state == LIFE_READ ? OUTCOME_DELIVERED : OUTCOME_CONSUMED;
	struct life *last;
	int rc;

	if (!decided && l->read > confidence)
		confidence = l->read;
	if (!s) {
		/* kernels before 6.4 do not tell where: in the receiving call a protocol is done,
		 * in a task a reader; in another softirq run it is what 5.19 and later free after
		 * the read */
		if (!same && event_context(ev) == 2)
			return end_deferred(v, l, ev, OUTCOME_DELIVERED, decided);
		if (!same)
			read = OUTCOME_DELIVERED;
		if (at && v->cpu[ev->cpu].before == NET_RECEIVE)
			confidence = CERTAIN;
		if (decided && read == OUTCOME_DELIVERED)
			return end_decided(v, l, ev, STAGE_CONSUME_SKB, read, confidence);
		return end_with(v, l, ev, STAGE_CONSUME_SKB, read, confidence);
	}
	/* done by a function where only what was received comes */
	if (at && s->known && (s->path == PATH_RX || s->path == PATH_LATE))
		confidence = CERTAIN;
	switch (s->use) {
	case USE_READ:
		return decided ? end_decided(v, l, ev, STAGE_CONSUME_SKB, OUTCOME_DELIVERED,
					     confidence)
			       : end_with(v, l, ev, STAGE_CONSUME_SKB, OUTCOME_DELIVERED,
					  confidence);
	case USE_DEFERRED:
		return end_deferred(v, l, ev, OUTCOME_DELIVERED, decided);
	case USE_SPLIT:
	case USE_QUEUE:
	case USE_SHUFFLE:
		if (!same)
			break;
		split_open(&v->cpu[ev->cpu], l, false);
		return end_with(v, l, ev, STAGE_CONSUME_SKB, OUTCOME_CONSUMED, confidence);
	case USE_FRAGMENT:
		if (!same)
			break;
		rc = lives_fragments(v, l, ev);
		return rc ? rc
			  : end_with(v, l, ev, STAGE_CONSUME_SKB, OUTCOME_CONSUMED, confidence);
	case USE_REASSEMBLY:
		last = life_deref(v->cpu[ev->cpu].received);
		if (last && last != l && last->state == LIFE_RX && lives_same_run(v, last, ev)) {
			l->parent_id = last->id;
			l->link = LINK_REASSEMBLY;
			last->grown = true;
		}
		return end_with(v, l, ev, STAGE_CONSUME_SKB, OUTCOME_CONSUMED, confidence);
	case USE_MEMBER: /* a fragment neither first nor last (inet_frag_reasm_finish()) */
		if (v->cpu[ev->cpu].freed) {
			l->parent_id = v->cpu[ev->cpu].freed;
			l->link = LINK_REASSEMBLY;
		}
		return end_with(v, l, ev, STAGE_CONSUME_SKB, OUTCOME_CONSUMED, HIGH);
	case USE_STACK:
		if (same || s->path == PATH_LATE || (l->state == LIFE_READ && gap < GAP_SHORT))
			return end_with(v, l, ev, STAGE_CONSUME_SKB, read, confidence);
		break;
	case USE_UNKNOWN:
		if (same || (gap < GAP_SHORT && (!task || l->cpu == ev->cpu)))
			return end_with(v, l, ev, STAGE_CONSUME_SKB,
					task && !same ? OUTCOME_DELIVERED : read,
					same ? confidence : MEDIUM);
		l->doubt = true; /* who had it there? */
		break;
	}
	return lives_end_inferred(v, l, false);
}

/* consume_skb of a life on the sending side. */
static int consume_sent(struct lives *v, struct life *l, const struct event *ev,
			const struct site *s)
{
	struct lives_cpu *c = &v->cpu[ev->cpu];
	int confidence = lives_confidence(v, l, ev, false);
	bool decided = l->state == LIFE_SENT && l->taken && !v->dev_more[l->dev].veth;
	/* a driver may be done before its call returns; whether that was well is not known yet */
	enum outcome sent = l->state == LIFE_DRV || l->taken ? sent_outcome(l) : OUTCOME_UNKNOWN;

	if (l->state == LIFE_TXQ || l->state == LIFE_QDISC) {
		if (s && (s->use == USE_READ || s->use == USE_STACK || s->use == USE_DEFERRED ||
			  s->use == USE_MEMBER))
			return lives_end_inferred(v, l, false);
		if (s && (s->use == USE_QUEUE || s->use == USE_SHUFFLE))
			lives_queue_split(v, l, s->use == USE_QUEUE);
		else
			split_open(c, l, s && s->use == USE_SPLIT);
		c->tx_lo_ns = ev->ts_ns;
		c->last = NET_SPLIT;
		return end_with(v, l, ev, STAGE_CONSUME_SKB, OUTCOME_CONSUMED, confidence);
	}
	if (s && (s->use == USE_STACK || s->use == USE_MEMBER))
		return lives_end_inferred(v, l, false);
	if (s && s->use == USE_DEFERRED)
		return end_deferred(v, l, ev, sent, decided);
	if (decided)
		return end_decided(v, l, ev, STAGE_CONSUME_SKB, sent, confidence);
	/* within the driver's call */
	if (c->nest_n && c->nest[c->nest_n - 1].l == l && v->whole)
		confidence = CERTAIN;
	return end_with(v, l, ev, STAGE_CONSUME_SKB, sent, confidence);
}

static int consume_life(struct lives *v, struct life *l, const struct event *ev,
			const struct site *s)
{
	if (l->state == LIFE_RX || l->state == LIFE_READ) {
		struct lives_cpu *c = &v->cpu[ev->cpu];
		bool next = lives_is_next(v, l, ev);
		int64_t grown = l->grown ? l->id : 0;
		int rc = consume_received(v, l, ev, s);

		c->batch_next += next;
		if (grown)
			c->freed = grown;
		return rc;
	}
	if (l->state == LIFE_RXQ) /* a member of a merged packet's list, or the backlog */
		return end_with(v, l, ev, STAGE_CONSUME_SKB, OUTCOME_CONSUMED,
				lives_confidence(v, l, ev, false));
	return consume_sent(v, l, ev, s);
}

/* The clone for packet sockets, freed just before net_dev_start_xmit; or a received packet that
 * only they took. */
static int consume_tap(struct lives *v, struct life *l, const struct event *ev)
{
	struct lives_cpu *c = &v->cpu[ev->cpu];

	if (l && l->state == LIFE_RX && l->batch == c->batch && c->last == NET_RECEIVE &&
	    lives_same_run(v, l, ev))
		return end_with(v, l, ev, STAGE_CONSUME_SKB, OUTCOME_CONSUMED,
				lives_at(v, l, ev) ? CERTAIN : HIGH);
	c->tap_ns = ev->ts_ns;
	return l ? lives_end_inferred(v, l, false) : 0;
}

int lives_consume(struct lives *v, const struct event *ev)
{
	struct lives_cpu *c = &v->cpu[ev->cpu];
	const struct site *s = NULL;
	uint64_t addr, location;
	struct life *l;

	if (!event_u64(ev, F_SKBADDR, &addr) || !addr)
		return 0;
	l = life_find(v->store, addr);
	if (event_u64(ev, F_LOCATION, &location)) {
		v->has_location = true;
		s = drops_site(v->drops, location);
		if (!s)
			return -ENOMEM;
		if (s->path == PATH_TAP)
			return consume_tap(v, l, ev);
		if (s->path == PATH_OTHER) /* perhaps in an interrupt of whatever this CPU does */
			return l ? lives_end_inferred(v, l, false) : 0;
	} else if (c->last == NET_QUEUE || c->last == NET_DEQUEUE || c->last == NET_SPLIT ||
		   c->last == NET_XMIT) {
		/* a transmission is under way: this may be the clone of the taps */
		if (!l) {
			c->tap_ns = ev->ts_ns;
			return 0;
		}
		if (l->state != LIFE_TXQ && l->state != LIFE_QDISC) {
			c->consumed = life_ref(l);
			c->consumed_ev = *ev;
			return 0;
		}
	}
	c->before = c->last;
	c->last = NET_FREE;
	if (!l)
		return 0;
	return consume_life(v, l, ev, s);
}

/* Decides what a consume_skb without location was, now that the CPU's next event is known. */
int lives_consume_settle(struct lives *v, struct lives_cpu *c, const struct event *next)
{
	struct life *l = life_deref(c->consumed);
	uint64_t addr;

	c->consumed = (struct life_ref){ NULL, 0 };
	if (!l || l->state == LIFE_DEAD || l->last_ts > c->consumed_ev.ts)
		return 0;
	if (next && next->kind == EV_NET_DEV_START_XMIT && event_u64(next, F_SKBADDR, &addr) &&
	    addr != l->addr) {
		c->tap_ns = c->consumed_ev.ts_ns;
		return lives_end_inferred(v, l, false);
	}
	c->before = NET_NONE;
	return consume_life(v, l, &c->consumed_ev, NULL);
}

/* Whether @d, in the receiving call of @l, is where only what was received comes. netfilter has
 * what this host sends, too: then the frames have to tell. */
static bool received_there(struct lives *v, const struct life *l, const struct drop *d)
{
	struct span layer, class;

	if (!d->site->known || (d->site->path != PATH_RX && d->site->path != PATH_LATE))
		return false;
	drops_judge(v->drops, d->site, d->reason, &layer, &class);
	return !span_is(layer, "netfilter") || lives_claim(v, l, true);
}

/* Whether the kfree_skb @d can be the end of @l. Return: confidence, 0: it cannot. */
static int drop_fits(struct lives *v, const struct life *l, const struct event *ev,
		     const struct drop *d)
{
	const struct lives_cpu *c = &v->cpu[ev->cpu];
	const struct site *s = d->site;
	bool now = lives_same_run(v, l, ev) && l->batch == c->batch;
	uint64_t gap = ev->ts - l->last_ts;
	int confidence = lives_confidence(v, l, ev, s->row != NULL);

	if (s->path == PATH_OTHER || s->path == PATH_TAP)
		return 0;
	switch ((enum life_state)l->state) {
	case LIFE_RXQ:
		return s->path == PATH_TX || s->path == PATH_DONE ? 0 : confidence;
	case LIFE_RX:
	case LIFE_READ:
		if (lives_at(v, l, ev) && received_there(v, l, d))
			return CERTAIN;
		if (s->path == PATH_LATE)
			return confidence;
		if (s->path == PATH_DONE)
			return 0;
		if (now)
			return confidence;
		/* an unknown place: soon after, in the same kind of context */
		return s->path == PATH_ANY && gap < GAP_SHORT && l->context == event_context(ev) &&
				       l->cpu == ev->cpu
			       ? MEDIUM
			       : 0;
	case LIFE_TXQ:
	case LIFE_QDISC:
		return s->path == PATH_LATE ? 0 : confidence;
	case LIFE_DRV:
	case LIFE_SENT:
		/* the receiving side of a pair counts as where the packet is */
		if (s->path != PATH_LATE && v->whole && c->nest_n && c->nest[c->nest_n - 1].l == l)
			return CERTAIN;
		return s->path == PATH_LATE ? 0 : confidence;
	case LIFE_DEAD:
		break;
	}
	return 0;
}

/* Whether a queue refuses within net_dev_queue's call: the packet itself, or what it was segmented
 * into. */
static bool refused(const struct lives *v, const struct event *ev, const struct drop *d)
{
	const struct lives_cpu *c = &v->cpu[ev->cpu];
	struct span layer, class;

	if (d->site->path != PATH_TX || (c->last != NET_QUEUE && c->last != NET_SPLIT))
		return false;
	drops_judge(v->drops, d->site, d->reason, &layer, &class);
	return span_is(layer, "qdisc"); /* tc egress drops before net_dev_queue */
}

static bool has_upper(struct lives *v)
{
	if (v->has_upper)
		return v->has_upper > 0;
	v->has_upper = -1;
	for (size_t i = 0; i < host_dev_count(v->host); i++)
		if (lives_height(host_dev_at(v->host, i)->kind))
			v->has_upper = 1;
	return v->has_upper > 0;
}

/* Remembers a drop for the ties to place. */
static int place_add(struct lives *v, int64_t drop_id, const struct drop *d, bool received)
{
	received = received && has_upper(v);
	if (!d->packet_id || !d->dev_id || (d->netns_id && !received))
		return 0;
	if (v->place_n == v->place_cap) {
		size_t cap = v->place_cap ? v->place_cap * 2 : 256;
		struct place *p = realloc(v->place, cap * sizeof(*p));

		if (!p)
			return -ENOMEM;
		v->place = p;
		v->place_cap = cap;
	}
	v->place[v->place_n++] =
		(struct place){ drop_id, d->packet_id, d->dev_id, d->netns_id, received };
	return 0;
}

/* Remembers a drop in the neighbour's queue, where a received packet can have waited, or one of
 * this host. */
static int wait_add(struct lives *v, int64_t drop_id, const struct drop *d, const struct life *l)
{
	struct span layer, class;

	if (l->state != LIFE_RX || l->ready)
		return 0;
	drops_judge(v->drops, d->site, d->reason, &layer, &class);
	if (!span_is(layer, "neighbour"))
		return 0;
	if (v->wait_n == v->wait_cap) {
		size_t cap = v->wait_cap ? v->wait_cap * 2 : 256;
		struct wait *w = realloc(v->wait, cap * sizeof(*w));

		if (!w)
			return -ENOMEM;
		v->wait = w;
		v->wait_cap = cap;
	}
	v->wait[v->wait_n++] = (struct wait){ drop_id, l->id };
	return 0;
}

int lives_kfree(struct lives *v, const struct event *ev)
{
	struct lives_cpu *c = &v->cpu[ev->cpu];
	struct drop d = { .ts_ns = ev->ts_ns,
			  .cpu = ev->cpu,
			  .pid = ev->pid,
			  .context = event_context(ev),
			  .reason = -1,
			  .protocol = -1,
			  .has_socket = -1 };
	uint64_t addr, location = 0, u;
	int confidence = 0, rc;
	struct life *l;
	bool same_call, noise = false;
	uint16_t dev;
	int64_t id;

	if (!event_u64(ev, F_SKBADDR, &addr))
		return 0;
	event_u64(ev, F_LOCATION, &location);
	d.site = drops_site(v->drops, location);
	if (!d.site)
		return -ENOMEM;
	if (event_u64(ev, F_REASON, &u))
		d.reason = (int64_t)(u & UINT32_MAX);
	if (event_u64(ev, F_PROTOCOL, &u))
		d.protocol = (int32_t)(u & 0xffff);
	if (event_u64(ev, F_RX_SK, &u))
		d.has_socket = u != 0;
	l = addr ? life_find(v->store, addr) : NULL;
	if (l)
		confidence = drop_fits(v, l, ev, &d);
	same_call = refused(v, ev, &d);
	dev = confidence ? l->dev : same_call ? c->queue_dev : 0;
	d.dev_id = dev ? v->dev[dev].name_id : 0;
	d.netns_id = dev ? v->dev[dev].netns_id : 0;
	if (confidence) {
		d.packet_id = l->id;
		/* drivers that free what they have sent by kfree_skb; a function that the
		 * dictionary knows drops */
		d.completion = l->state == LIFE_SENT && l->taken &&
			       (!d.site->known || d.site->path == PATH_DONE);
	}
	if (d.site->path == PATH_TAP)
		c->tap_ns = ev->ts_ns; /* kernels before 4.18 free the taps' clones so */
	else if (!same_call)
		c->last = NET_FREE;
	if (same_call)
		lives_queue_forget(v, c->queue_dev); /* perhaps one of the segments */
	rc = drops_add(v->drops, &d, &id, &noise);
	if (!rc)
		rc = place_add(v, id, &d, confidence && l->state == LIFE_RX);
	if (rc || !l)
		return rc;
	if (!confidence) {
		rc = wait_add(v, id, &d, l);
		l->doubt = d.site->path != PATH_OTHER && d.site->path != PATH_TAP;
		return rc ? rc : lives_end_inferred(v, l, false);
	}
	c->batch_next += lives_is_next(v, l, ev);
	if (d.completion)
		return end_decided(v, l, ev, STAGE_KFREE_SKB, sent_outcome(l), confidence);
	if (!noise)
		l->drop_id = id;
	return end_with(v, l, ev, STAGE_KFREE_SKB, noise ? OUTCOME_CONSUMED : OUTCOME_DROPPED,
			confidence);
}
