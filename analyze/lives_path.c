/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * Which life an event goes on, or whether it begins one. The kernel traces no
 * birth and not every death of an skb, and its address comes back within
 * microseconds, so the address alone proves nothing. What may continue a life
 * is said by the kernel's call structure:
 *
 *   in a driver's call   between net_dev_start_xmit and net_dev_xmit on one CPU
 *                        the skb is the driver's: what happens to its address
 *                        there is the same packet (veth, loopback, tunnels,
 *                        stacked devices). Certain
 *   across a pair        from a veth's transmit to its peer's receive: the peer
 *                        gets skbs from nowhere else
 *   forwarding           net_dev_queue within the receiving call: same CPU, same
 *                        softirq run, no other packet received since (or only
 *                        those of the same list), another device of the same
 *                        namespace, and the length grown by just a link header.
 *                        Or later, when the next hop has answered: within the
 *                        receiving call of that answer on the outgoing device
 *   up                   a bridge's, tunnel's or VRF's device receives again
 *
 * Anything else that looks like the same address begins a new life, and the old
 * one ends unseen. TCP frees what it has merged or acknowledged without an
 * event and often sends its answer from the same address on the same CPU at
 * once: only the length and the device tell that from forwarding.
 */
#include "lives_int.h"

#include <errno.h>
#include <string.h>

#define ETH_HLEN  14
#define VLAN_HLEN 4
/* Change of length by forwarding other than a link header: tunnels by route, NAT64, options. */
#define GROW_MIN (-40)
#define GROW_MAX 120
/* sizeof(struct sk_buff) of all kernels known, rounded: where an fclone pair's second half is
 * (net/core/skbuff.c). */
#define CLONE_MIN     192
#define CLONE_MAX     320
#define RETRANSMIT_NS 1000000

static uint32_t get_u32(const struct event *ev, enum ev_field f)
{
	uint64_t v;

	return event_u64(ev, f, &v) ? (uint32_t)v : 0;
}

static bool get_addr(const struct event *ev, uint64_t *addr)
{
	return event_u64(ev, F_SKBADDR, addr) && *addr;
}

static void set_protocol(struct life *l, const struct event *ev)
{
	uint64_t v;

	if (l->protocol < 0 && event_u64(ev, F_PROTOCOL, &v))
		l->protocol = (int32_t)(v & 0xffff);
}

/* Whether @l is what the innermost open driver call of this CPU is about. */
static bool in_call(const struct lives_cpu *c, const struct life *l)
{
	return c->nest_n && c->nest[c->nest_n - 1].l == l && l->state == LIFE_DRV;
}

/* Whether devices of these names are the ends of a pair (veth, netkit). */
static enum pairing is_pair(const struct lives *v, uint16_t a, uint16_t b)
{
	struct lives_dev *more = &v->dev_more[a];
	enum pairing found = PAIR_UNKNOWN;
	bool seen = false, alone = false, all = true;

	if (more->peer == b && b)
		return more->pairing;
	for (size_t i = 0; i < host_dev_count(v->host); i++) {
		const struct host_dev *d = host_dev_at(v->host, i), *p;

		if (strcmp(d->name, v->dev[a].name))
			continue;
		seen = true;
		p = d->peer_id ? host_dev_by_id(v->host, d->peer_id) : NULL;
		if (p && !strcmp(p->name, v->dev[b].name))
			found = PAIR_YES;
		else
			all = false;
		alone |= !p && (!strcmp(d->kind, "veth") || !strcmp(d->kind, "netkit"));
	}
	/* a pair whose other end no snapshot shows may end anywhere */
	if (found != PAIR_YES && seen && !alone)
		found = PAIR_NO;
	if (found == PAIR_YES && all)
		found = PAIR_SURE;
	more->peer = b;
	more->pairing = found;
	return found;
}

/* Whether a packet that a driver took comes back on @dev. Return: confidence, 0: no. */
static int crosses(const struct lives *v, const struct life *l, uint16_t dev, uint32_t len,
		   const struct event *ev)
{
	uint64_t gap = ev->ts - l->last_ts;

	if (l->state != LIFE_DRV && l->state != LIFE_SENT)
		return 0;
	if (l->losses != v->losses)
		return 0;
	if (v->dev_more[l->dev].loopback)
		return v->dev_more[dev].loopback && len && l->tx_len == len + ETH_HLEN ? HIGH : 0;
	if (dev == l->dev)
		return 0;
	if (v->dev_more[l->dev].ifb)
		return v->whole ? CERTAIN : gap < GAP_SHORT ? HIGH : MEDIUM;
	switch (is_pair(v, l->dev, dev)) {
	case PAIR_SURE:
		return v->whole && len && l->tx_len == len + ETH_HLEN ? CERTAIN : HIGH;
	case PAIR_YES:
		return HIGH;
	case PAIR_UNKNOWN:
		return gap < GAP_SHORT && len && l->tx_len == len + ETH_HLEN ? MEDIUM : 0;
	case PAIR_NO:
		break;
	}
	return 0;
}

/* Whether the receiving side has @l again, on an upper device. Return: confidence, 0: no. */
static int reenters(const struct lives *v, const struct life *l, uint16_t dev, uint32_t len,
		    const struct event *ev)
{
	const struct lives_cpu *c = &v->cpu[ev->cpu];

	if (l->state != LIFE_RX || dev == l->dev || len > l->l3_len + VLAN_HLEN)
		return 0;
	/* a tunnel's device has no skb that did not come by a lower device */
	if (v->dev_more[dev].tunnel && len < l->l3_len)
		return l->losses != v->losses			     ? MEDIUM
		       : v->whole && !v->dev_more[dev].copies ? CERTAIN
							      : HIGH;
	/* inside the receiving call: bridge, VRF, tunnels without GRO cells */
	if (l->batch == c->batch && lives_same_run(v, l, ev) && lives_same_netns(v, l->dev, dev))
		return lives_at(v, l, ev) ? CERTAIN : HIGH;
	return 0;
}

/* The life that an event of the receiving side goes on; NULL: it begins one. */
static struct life *rx_continues(const struct lives *v, struct life *l, uint16_t dev, uint32_t len,
				 const struct event *ev, int *confidence)
{
	if (!l)
		return NULL;
	if (in_call(&v->cpu[ev->cpu], l))
		*confidence = CERTAIN;
	else
		*confidence = l->state == LIFE_RX ? reenters(v, l, dev, len, ev)
						  : crosses(v, l, dev, len, ev);
	return *confidence ? l : NULL;
}

static void on_receive_side(struct life *l, uint16_t dev)
{
	l->received = true;
	l->forwarded = false;
	l->dev_rx_last = dev;
	if (!l->dev_rx_first)
		l->dev_rx_first = dev;
}

static void on_send_side(struct life *l, uint16_t dev)
{
	if (l->received)
		l->forwarded = true;
	if (dev) {
		l->dev_tx_last = dev;
		if (!l->dev_tx_first)
			l->dev_tx_first = dev;
	}
}

/* When netif_rx() can have stamped its packet at the earliest, where no entry tells. */
static int64_t rx_begin(const struct lives_cpu *c, const struct event *ev)
{
	return c->before_ns > ev->ts_ns - GAP_STAMP ? c->before_ns : ev->ts_ns - GAP_STAMP;
}

/* napi_gro_*_entry, netif_receive_skb_entry, netif_receive_skb_list_entry, netif_rx_entry, netif_rx
 */
int lives_entry(struct lives *v, const struct event *ev, enum stage stage)
{
	struct lives_cpu *c = &v->cpu[ev->cpu];
	uint32_t len = get_u32(ev, F_LEN);
	uint16_t dev = lives_dev(v, ev);
	int confidence = CERTAIN, rc = 0;
	bool again;
	uint64_t addr;
	struct life *l, *on;

	if (!get_addr(ev, &addr))
		return 0;
	l = life_find(v->store, addr);
	if (stage == STAGE_NETIF_RX && l && l->state == LIFE_RXQ && l->dev == dev &&
	    l->cpu == ev->cpu && l->l3_len == len && c->last == NET_ENTRY) {
		/* netif_rx() itself, behind its entry */
		return lives_hop(v, l, ev, stage, CERTAIN);
	}
	on = rx_continues(v, l, dev, len, ev, &confidence);
	again = on && on->state == LIFE_RX; /* keeps the stamp of the first time */
	/* within a call only netif_rx() comes back without having received */
	if (stage != STAGE_NETIF_RX_ENTRY && stage != STAGE_NETIF_RX &&
	    (stage != STAGE_NETIF_RECEIVE_SKB_ENTRY || !again || life_deref(c->received) != on))
		c->rx_open = false;
	if (!on) {
		/* a pair of which nothing is known may have had it longer than believed */
		confidence = l && (l->state == LIFE_DRV || l->state == LIFE_SENT) && dev != l->dev &&
					     l->tx_len == len + ETH_HLEN &&
					     is_pair(v, l->dev, dev) == PAIR_UNKNOWN
				     ? HIGH
				     : CERTAIN;
		rc = lives_birth(v, addr, &on);
		if (rc)
			return rc;
	}
	l = on;
	l->dev = dev;
	rc = lives_hop(v, l, ev, stage, confidence);
	if (rc)
		return rc;
	on_receive_side(l, dev);
	set_protocol(l, ev);
	if (!l->len)
		l->len = len;
	l->l3_len = len;
	l->state = LIFE_RXQ;
	l->entry = (uint8_t)stage;
	l->kept = GRO_UNTOLD;
	l->ready = l->probed = false;
	l->read = 0;
	l->gro = stage == STAGE_NAPI_GRO_RECEIVE_ENTRY || stage == STAGE_NAPI_GRO_FRAGS_ENTRY;
	if (!again) {
		l->stamp_lo_ns = stage == STAGE_NETIF_RX ? rx_begin(c, ev) : ev->ts_ns;
		l->stamp_hi_ns = stage == STAGE_NETIF_RX ? ev->ts_ns : 0;
		if (stage == STAGE_NETIF_RX_ENTRY || stage == STAGE_NETIF_RECEIVE_SKB_ENTRY)
			c->entry = life_ref(l);
	}
	if (l->gro) {
		if (c->gro_n == GRO_NEST_MAX)
			memmove(&c->gro[0], &c->gro[1], (GRO_NEST_MAX - 1) * sizeof(c->gro[0]));
		else
			c->gro_n++;
		c->gro[c->gro_n - 1] = life_ref(l);
	}
	c->last = NET_ENTRY;
	return 0;
}

/* Notes a received packet as one that a tap may have seen. */
static int receive_tie(struct lives *v, const struct life *l, const struct event *ev, uint32_t len)
{
	struct lives_cpu *c = &v->cpu[ev->cpu];
	int group = v->dev_more[l->dev].rx_group;
	/* without its entry: soon before, if entries are recorded at all */
	int64_t i, lo = l->stamp_lo_ns ? l->stamp_lo_ns
				       : ev->ts_ns - (v->has_entries ? GAP_STAMP : GAP_SHORT);

	c->rx_group = -1;
	if (group < 0) {
		v->dev_more[l->dev].rx_bare++;
		return 0;
	}
	i = ties_add(v->ties, group,
		     &(struct tie_event){ l->id, ev->ts_ns, lo,
					  l->stamp_hi_ns ? l->stamp_hi_ns : ev->ts_ns, len,
					  ev->cpu });
	if (i < 0)
		return (int)i;
	c->rx_group = group;
	c->rx_index = i;
	return 0;
}

int lives_receive(struct lives *v, const struct event *ev)
{
	struct lives_cpu *c = &v->cpu[ev->cpu];
	uint32_t len = get_u32(ev, F_LEN);
	uint16_t dev = lives_dev(v, ev);
	int confidence = CERTAIN, rc;
	struct life *l, *on = NULL;
	bool queued, crossed;
	uint64_t addr;

	if (!get_addr(ev, &addr))
		return 0;
	l = life_find(v->store, addr);
	if (l && l->state == LIFE_RXQ) {
		/* the same bytes as handed over; GRO may have merged others into it */
		if (dev == l->dev && (len == l->l3_len || (l->gro && len > l->l3_len))) {
			on = l;
			confidence = lives_confidence(v, l, ev, true);
		}
	} else {
		on = rx_continues(v, l, dev, len, ev, &confidence);
		if (on && on->state != LIFE_RX)
			on->stamp_lo_ns = on->stamp_hi_ns = 0; /* no event showed its entry */
	}
	if (!on) {
		confidence = v->has_entries ? MEDIUM : CERTAIN;
		rc = lives_birth(v, addr, &on);
		if (rc)
			return rc;
		if (v->has_entries)
			on->flags |= FLAG_HEAD_MISSING;
	}
	l = on;
	l->dev = dev;
	queued = l->state == LIFE_RXQ && l->hops;
	crossed = l->cpu != ev->cpu;
	rc = lives_hop(v, l, ev, STAGE_NETIF_RECEIVE_SKB, confidence);
	if (rc)
		return rc;
	on_receive_side(l, dev);
	if (!l->len)
		l->len = len;
	l->l3_len = len;
	l->state = LIFE_RX;
	lives_receiving(v, l, ev, queued, crossed);
	c->split = false;
	return receive_tie(v, l, ev, len);
}

/* Whether this CPU is at the answer of a neighbour on @dev, which sends what waited for it
 * (neigh_update()). */
static bool neighbour_answers(const struct lives_cpu *c, uint16_t dev)
{
	const struct life *r = life_deref(c->received);

	if (!r || r->state != LIFE_RX || r->dev != dev)
		return false;
	/* ARP, or ICMPv6 of the size of an advertisement */
	return r->protocol == 0x0806 ||
	       (r->protocol == 0x86dd && r->l3_len >= 64 && r->l3_len <= 104);
}

/* Whether net_dev_queue on @dev forwards what @l received. Return: confidence, 0: no. */
static int forwards(struct lives *v, struct life *l, uint16_t dev, uint32_t len,
		    const struct event *ev)
{
	const struct lives_cpu *c = &v->cpu[ev->cpu];
	int64_t grow = (int64_t)len - l->l3_len;
	bool header = grow == ETH_HLEN || grow == 0 || grow == ETH_HLEN + VLAN_HLEN;
	bool next = c->last == NET_RECEIVE && c->batch_n == 1;

	if (l->state != LIFE_RX || l->ready || l->probed || l->losses != v->losses ||
	    !lives_same_netns(v, l->dev, dev))
		return 0;
	if (l->batch != c->batch || !lives_same_run(v, l, ev)) {
		if (dev != l->dev && header && event_context(ev) == 2 && neighbour_answers(c, dev))
			return MEDIUM;
		/* it may have waited for something else: a verdict of nfqueue, a decryption */
		l->doubt = header && (dev != l->dev || neighbour_answers(c, dev));
		return 0;
	}
	if (dev != l->dev && header)
		return lives_forwards_surely(v, l, dev, ev) ||
				       (lives_at(v, l, ev) && lives_claim(v, l, false))
			       ? CERTAIN
			       : HIGH;
	if (dev != l->dev)
		return next && grow >= GROW_MIN && grow <= GROW_MAX ? MEDIUM : 0;
	/* out where it came in: only as the very next thing, and where something forwards at all:
	 * TCP does just that with its answers */
	return next && header && v->dev_more[dev].forwards ? MEDIUM : 0;
}

/* Whether what is born at the address of @l by net_dev_queue may be @l nevertheless, after a wait
 * that no event shows (nfqueue, a decryption). Return: confidence that it began here. */
static int begins_here(const struct lives *v, const struct life *l, uint16_t dev, uint32_t len)
{
	int64_t grow = (int64_t)len - l->l3_len;

	if (l->doubt)
		return MEDIUM;
	return l->state == LIFE_RX && !l->ready && !l->probed && v->dev_more[dev].forwards &&
			       (grow == ETH_HLEN || !grow || v->has_nfqueue)
		       ? HIGH
		       : CERTAIN;
}

/* A copy that a bridge or the like sends to one of several ports: the packet that it was made of,
 * or NULL. */
static struct life *copied_from(const struct lives *v, uint16_t dev, uint32_t len,
				const struct event *ev)
{
	const struct lives_cpu *c = &v->cpu[ev->cpu];
	struct life *l;

	if (c->nest_n) {
		l = c->nest[c->nest_n - 1].l;
		return l->tx_len && l->tx_len == len && l->dev != dev ? l : NULL;
	}
	l = life_deref(c->received);
	if (!l || l->state != LIFE_RX || l->batch != c->batch || c->batch_n != 1 ||
	    !lives_same_run(v, l, ev) || l->dev == dev || len != l->l3_len + ETH_HLEN)
		return NULL;
	for (size_t i = 0; i < host_dev_count(v->host); i++) {
		const struct host_dev *d = host_dev_at(v->host, i), *o;
		struct span name = { v->dev[dev].name, strlen(v->dev[dev].name) };

		if (!d->master_ifindex || strcmp(d->name, v->dev[l->dev].name))
			continue;
		o = host_dev_named_in(v->host, d->netns_id, name);
		if (o && o->master_ifindex == d->master_ifindex)
			return l;
	}
	return NULL;
}

/* Remembers a birth on the sending side, for retransmissions to come. */
static void note_sent(struct lives *v, const struct life *l, const struct event *ev)
{
	struct lives_cpu *c = &v->cpu[ev->cpu];
	struct sent *b = &v->before[(l->addr * 0x9e3779b97f4a7c15ULL >> 40) % SENT_BEFORE];
	struct sent *s = &c->sent[c->sent_n++ % SENT_RING];

	*s = (struct sent){
		.addr = l->addr, .ts = ev->ts, .id = l->id, .before = b->addr == l->addr ? b->id : 0
	};
	*b = *s;
}

int lives_queue(struct lives *v, const struct event *ev)
{
	struct lives_cpu *c = &v->cpu[ev->cpu];
	uint32_t len = get_u32(ev, F_LEN);
	uint16_t dev = lives_dev(v, ev);
	struct life *l, *on = NULL, *from, parent = { 0 };
	int confidence = CERTAIN, rc;
	uint64_t addr;

	if (!get_addr(ev, &addr))
		return 0;
	l = life_find(v->store, addr);
	if (l && in_call(c, l)) {
		on = l;
	} else if (l && l->state == LIFE_TXQ && dev != l->dev && c->queue_addr == addr &&
		   c->last == NET_QUEUE) {
		on = l; /* redirected by tc before any queue */
		confidence = HIGH;
	} else if (l && (l->state == LIFE_SENT || l->state == LIFE_DRV) &&
		   v->dev_more[l->dev].ifb && dev != l->dev && l->losses == v->losses) {
		on = l; /* redirected there by tc on its way out (ifb_ri_tasklet()) */
		confidence = v->whole ? CERTAIN : HIGH;
	} else if (l) {
		confidence = forwards(v, l, dev, len, ev);
		on = confidence ? l : NULL;
		if (on)
			c->batch_next += lives_is_next(v, l, ev);
	}
	if (!on) {
		confidence = l ? begins_here(v, l, dev, len) : CERTAIN;
		from = copied_from(v, dev, len, ev);
		if (from && from != l)
			parent = *from; /* a birth may end it */
		rc = lives_birth(v, addr, &on);
		if (rc)
			return rc;
		on->born_tx = true;
		if (parent.id) {
			on->parent_id = parent.id;
			on->link = LINK_CLONE;
			on->received = parent.received;
			on->dev_rx_first = parent.dev_rx_first;
			on->dev_rx_last = parent.dev_rx_last;
			on->born_tx = parent.born_tx;
			confidence = confidence > HIGH ? confidence : HIGH;
		}
		note_sent(v, on, ev);
	}
	l = on;
	l->dev = dev;
	rc = lives_hop(v, l, ev, STAGE_NET_DEV_QUEUE, confidence);
	if (rc)
		return rc;
	on_send_side(l, dev);
	if (!l->len)
		l->len = len;
	l->state = LIFE_TXQ;
	c->queued = life_ref(l);
	c->queue_addr = addr;
	c->queue_dev = dev;
	c->tx_lo_ns = ev->ts_ns;
	c->tx_lo_addr = addr;
	c->last = NET_QUEUE;
	if (c->split && c->nest_n <= c->split_nest)
		c->split = false;
	return 0;
}

int lives_qdisc(struct lives *v, const struct event *ev, enum stage stage)
{
	struct lives_cpu *c = &v->cpu[ev->cpu];
	uint64_t addr;
	struct life *l;
	int rc;

	if (!get_addr(ev, &addr))
		return 0;
	l = life_find(v->store, addr);
	if (stage == STAGE_QDISC_ENQUEUE) {
		/* written after the queue has it: on a lockless one another CPU may already be
		 * further */
		if (c->queue_addr == addr && (!l || l->state > LIFE_QDISC || l->state < LIFE_TXQ))
			return l && l == life_deref(c->queued) &&
					       (l->state == LIFE_DRV || l->state == LIFE_SENT)
				       ? lives_late_hop(v, l, ev, stage, CERTAIN)
				       : 0;
	} else {
		c->tx_lo_ns = ev->ts_ns;
		c->tx_lo_addr = addr;
	}
	if (c->split && c->nest_n <= c->split_nest)
		c->split = false;
	if (l && (l->state == LIFE_TXQ || l->state == LIFE_QDISC)) {
		rc = lives_hop(v, l, ev, stage, lives_confidence(v, l, ev, true));
	} else {
		/* never seen before: a segment that the queue made, or its head was lost */
		rc = lives_birth(v, addr, &l);
		if (rc)
			return rc;
		l->born_tx = true;
		l->flags |= FLAG_HEAD_MISSING;
		rc = lives_hop(v, l, ev, stage, MEDIUM);
	}
	l->state = LIFE_QDISC;
	c->last = stage == STAGE_QDISC_ENQUEUE ? NET_QUEUE : NET_DEQUEUE;
	return rc;
}

/* A life that begins at the driver: a segment of what was split just now, or its head is missing.
 */
static int start_birth(struct lives *v, const struct event *ev, uint64_t addr, uint16_t dev,
		       uint32_t len, struct life **out, int *confidence)
{
	struct lives_cpu *c = &v->cpu[ev->cpu];
	int rc = lives_birth(v, addr, out);
	struct life *l = *out;

	if (rc)
		return rc;
	l->born_tx = true;
	if (c->split && c->split_nest == c->nest_n && c->split_dev == dev &&
	    len <= c->split_parent.len + ETH_HLEN) {
		const struct life *p = &c->split_parent;

		l->parent_id = p->id;
		l->link = LINK_GSO;
		l->born_tx = p->born_tx;
		l->received = p->received;
		l->forwarded = p->forwarded;
		l->dev_rx_first = p->dev_rx_first;
		l->dev_rx_last = p->dev_rx_last;
		l->dev_tx_first = p->dev_tx_first;
		*confidence = c->split_sure ? CERTAIN : HIGH;
	} else {
		if (v->has_queue)
			l->flags |= FLAG_HEAD_MISSING;
		*confidence = v->has_queue ? MEDIUM : CERTAIN;
	}
	return 0;
}

/* Notes a packet that taps have seen just before. @hi_ns: the latest that they can have stamped it.
 */
static int start_tie(struct lives *v, const struct life *l, const struct event *ev, uint64_t addr, uint32_t len,
		     int64_t hi_ns)
{
	const struct lives_cpu *c = &v->cpu[ev->cpu];
	int group = v->dev_more[l->dev].tx_group;
	int64_t lo = ev->ts_ns - GAP_STAMP, reach;

	if (group < 0) {
		v->dev_more[l->dev].tx_bare++;
		return 0;
	}
	/* the same skb's own net_dev_queue or qdisc_dequeue is a bound however slow the CPU was */
	reach = c->queue_addr == addr || c->tx_lo_addr == addr ? GAP_QUEUED : GAP_SHORT;
	if (c->tx_lo_ns > ev->ts_ns - reach && c->tx_lo_ns <= hi_ns)
		lo = c->tx_lo_ns;
	lo = ties_add(v->ties, group,
		      &(struct tie_event){ l->id, ev->ts_ns, lo, hi_ns, len, ev->cpu });
	return lo < 0 ? (int)lo : 0;
}

int lives_start(struct lives *v, const struct event *ev)
{
	struct lives_cpu *c = &v->cpu[ev->cpu];
	uint32_t len = get_u32(ev, F_LEN);
	uint16_t dev = lives_dev(v, ev);
	int confidence, rc = 0;
	uint64_t addr;
	struct life *l;

	if (!get_addr(ev, &addr))
		return 0;
	l = life_find(v->store, addr);
	if (l && (l->state == LIFE_TXQ || l->state == LIFE_QDISC)) {
		confidence = l->dev == dev || !l->dev ? lives_confidence(v, l, ev, true) : MEDIUM;
	} else {
		rc = start_birth(v, ev, addr, dev, len, &l, &confidence);
		if (rc)
			return rc;
	}
	l->dev = dev;
	rc = lives_hop(v, l, ev, STAGE_NET_DEV_START_XMIT, confidence);
	if (rc)
		return rc;
	on_send_side(l, dev);
	set_protocol(l, ev);
	if (!l->len)
		l->len = len;
	l->tx_len = len;
	l->state = LIFE_DRV;
	l->taken = false;
	c->last = NET_START;
	if (l->flags & FLAG_HEAD_MISSING && l->born_tx && !l->link)
		lives_queue_child(v, l, len);
	rc = start_tie(v, l, ev, addr, len, c->tap_ns ? c->tap_ns : ev->ts_ns);
	if (!rc && c->nest_n == NEST_MAX) {
		/* deeper than the kernel allows: ends were lost */
		rc = lives_nest_clear(v, c, 0);
	}
	c->nest[c->nest_n++] = (struct nest){ l, addr, dev };
	life_hold(l);
	return rc;
}

static void xmit_result(struct life *l, const struct event *ev)
{
	uint64_t rc;
	bool known = event_u64(ev, F_RC, &rc);

	if (l->state != LIFE_DRV)
		return; /* it is already elsewhere */
	/* NETDEV_TX_BUSY: the queue gets it back (include/linux/netdevice.h) */
	if (known && (int32_t)rc == 0x10) {
		l->state = LIFE_QDISC;
		return;
	}
	l->state = LIFE_SENT;
	l->taken = !known || !(int32_t)rc;
}

int lives_xmit(struct lives *v, const struct event *ev)
{
	struct lives_cpu *c = &v->cpu[ev->cpu];
	uint32_t len = get_u32(ev, F_LEN);
	uint16_t dev = lives_dev(v, ev);
	int64_t lo = c->tx_lo_ns;
	uint64_t addr;
	struct life *l;
	int i, rc;

	if (!get_addr(ev, &addr))
		return 0;
	c->tx_lo_ns = ev->ts_ns;
	c->last = NET_XMIT;
	for (i = c->nest_n - 1; i >= 0 && (c->nest[i].addr != addr || c->nest[i].dev != dev); i--)
		;
	if (i >= 0) {
		rc = lives_nest_clear(v, c, i + 1);
		l = c->nest[i].l;
		if (!rc)
			rc = lives_late_hop(v, l, ev, STAGE_NET_DEV_XMIT, CERTAIN);
		xmit_result(l, ev);
		return rc ? rc : lives_nest_clear(v, c, i);
	}
	l = life_find(v->store, addr);
	if (v->has_start || !l || (l->state != LIFE_TXQ && l->state != LIFE_QDISC) ||
	    (l->dev && l->dev != dev))
		return 0; /* its begin was lost */
	/* kernels before 3.14: the only sign of the driver */
	l->dev = dev;
	l->state = LIFE_DRV;
	l->tx_len = len;
	rc = lives_hop(v, l, ev, STAGE_NET_DEV_XMIT, lives_confidence(v, l, ev, true));
	xmit_result(l, ev);
	c->tx_lo_ns = lo;
	if (!rc)
		rc = start_tie(v, l, ev, addr, len, ev->ts_ns);
	c->tx_lo_ns = ev->ts_ns;
	return rc;
}

int lives_copy(struct lives *v, const struct event *ev)
{
	uint32_t len = get_u32(ev, F_LEN);
	uint64_t addr;
	struct life *l;
	int rc, confidence;

	if (!get_addr(ev, &addr))
		return 0;
	l = life_find(v->store, addr);
	if (!l || (l->state != LIFE_RX && l->state != LIFE_READ))
		return 0; /* other sockets than the network's copy with it, too */
	/* A datagram is copied once, as a whole, and mostly without this event (udp_recvmsg() of net/ipv4/udp.c, copy_linear_skb()). What comes later
	 * with its address is another socket's skb, netlink's for instance, that was made after it was freed unseen. */
	if (l->udp && (l->state == LIFE_READ || (len + 28 != l->l3_len && len + 48 != l->l3_len)))
		return 0;
	/* more than the packet had: only a TCP segment that others were appended to */
	if (l->l3_len && len > l->l3_len && l->l3_len <= 60)
		return 0;
	confidence = l->l3_len && len + 20 <= l->l3_len ? HIGH : MEDIUM;
	/* its socket may be told after the reader has it */
	rc = lives_aside(v, l, ev, STAGE_SKB_COPY, confidence);
	l->state = LIFE_READ;
	if (confidence > l->read)
		l->read = (uint8_t)confidence;
	return rc;
}

int lives_probe(struct lives *v, const struct event *ev)
{
	uint64_t addr;
	struct life *l;

	if (!get_addr(ev, &addr))
		return 0;
	l = life_find(v->store, addr);
	if (!l || l->state != LIFE_RX)
		return 0;
	l->probed = true;
	return lives_hop(v, l, ev, STAGE_TCP_PROBE,
			 lives_probed_surely(v, l, ev) ? CERTAIN : HIGH);
}

/* Transport protocols; a capture's socket has 0, netlink has its own small numbers. */
static bool is_transport(uint64_t protocol)
{
	return protocol == 6 || protocol == 17 || protocol == 33 || protocol == 132 ||
	       protocol == 136;
}

/* sk_data_ready has no skb: it is about what this CPU receives just now, if that is one packet and
 * no list. */
int lives_ready(struct lives *v, const struct event *ev)
{
	struct lives_cpu *c = &v->cpu[ev->cpu];
	struct life *l = life_deref(c->received);
	uint64_t protocol, family;
	bool sure;
	int rc;

	v->ready_id = 0;
	if (!event_u64(ev, F_PROTOCOL, &protocol) || !is_transport(protocol))
		return 0;
	/* netlink counts its own protocols */
	if (event_u64(ev, F_FAMILY, &family) && family != 2 && family != 10)
		return 0;
	v->has_lite |= protocol == 136;
	sure = l && (l->state == LIFE_RX || l->state == LIFE_READ) && !l->ready &&
	       (protocol == 6 || protocol == 17 || protocol == 136) && lives_announced(v, l, ev);
	if (!sure && (!l || l->state != LIFE_RX || l->ready || l->batch != c->batch ||
		      c->batch_n != 1 || !lives_same_run(v, l, ev)))
		return lives_read_queued(v, NULL, ev);
	l->ready = true;
	v->ready_id = l->id;
	c->last = NET_READY; /* what is received next is no list with this one */
	rc = lives_hop(v, l, ev, STAGE_SK_DATA_READY, sure ? CERTAIN : HIGH);
	return rc ? rc : lives_read_queued(v, l, ev);
}

/*
 * tcp_retransmit_skb comes after the transmission and names the queued skb; what
 * was sent is its clone, the other half of an fclone pair, which lies a fixed
 * distance behind it and is the same for each transmission of that skb.
 */
int lives_retransmit(struct lives *v, const struct event *ev)
{
	const struct lives_cpu *c = &v->cpu[ev->cpu];
	const struct sent *found = NULL;
	unsigned int fits = 0;
	uint64_t queued;
	struct life *l;
	int rc = lives_forward_doubt(v, ev);

	if (rc || !get_addr(ev, &queued))
		return rc;
	for (unsigned int i = 0; i < SENT_RING; i++) {
		const struct sent *s = &c->sent[i];
		uint64_t delta = s->addr - queued;

		if (!s->id || ev->ts - s->ts > RETRANSMIT_NS ||
		    (v->clone_delta ? delta != v->clone_delta
				    : delta < CLONE_MIN || delta > CLONE_MAX))
			continue;
		fits += !found || found->addr != s->addr;
		if (!found || s->ts >= found->ts)
			found = s;
	}
	if (!found || (!v->clone_delta && fits > 1))
		return 0;
	v->clone_delta = found->addr - queued;
	l = life_find(v->store, found->addr);
	if (l && l->id == found->id) {
		l->link = LINK_RETRANSMIT;
		l->parent_id = found->before;
		return 0;
	}
	return life_set_link(v->store, found->id, LINK_RETRANSMIT, found->before);
}
