/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * One open life per skb address, in the states of enum life_state. Each event
 * of the merged trace either goes on a life, begins one, or ends one; which of
 * these is decided in lives_path.c (what may continue) and lives_end.c (what a
 * free means). Here are the per-CPU context that those decisions need, the
 * dispatch, and what is done once all events are read.
 *
 * Per CPU: the number of the softirq run, the row of netif_receive_skb events
 * that a list makes, the stack of open driver calls, GRO's entries and held
 * packets, the packet that was segmented last. None of these survives a loss of
 * events on that CPU.
 *
 * A loss on any CPU may have swallowed an end and a birth of any address. Lives
 * that go on across one are marked and never better than 'medium'; what would
 * begin a life anyway does not continue one across a loss. As the merge reports
 * a gap when it is over, packets that lived in it are marked once more at the end.
 *
 * Memory is bounded by the lives that are open, and those by LIVES_MAX: a row
 * is written when its life ends and the driver calls it is in have returned.
 */
#include "lives_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RUN_MAX_NS                                                                                 \
	20000000 /* no receiving call is as long where nothing marks its begin (MAX_SOFTIRQ_TIME   \
		    is 2 ms) */
#define LOSSES_MAX (1U << 20)

/* Devices that take packets out of others: nothing reaches them but through a lower device. */
static const char *const tunnel_kinds[] = {
	"vxlan",     "geneve",	"gre", "gretap", "ip6gre", "ip6gretap", "erspan",
	"ip6erspan", "ipip",	"sit", "ip6tnl", "vti",	   "vti6",	"xfrm",
	"wireguard", "bareudp", "gtp", "ovpn",	 "amt",	   "l2tpeth", "macsec",
};

static bool has(const struct trace *t, enum ev_kind k)
{
	return !t || trace_has(t, k);
}

static bool whole_host(struct db *d)
{
	sqlite3_stmt *st = db_prepare(d, "SELECT count(*) FROM netns WHERE seen = 0");
	bool whole = sqlite3_step(st) == SQLITE_ROW && !sqlite3_column_int64(st, 0);

	sqlite3_reset(st);
	return whole;
}

static bool has_nfqueue(struct db *d)
{
	sqlite3_stmt *st = db_prepare(d, "SELECT 1 FROM nft_rule WHERE text LIKE '%queue%' LIMIT 1");
	bool found = sqlite3_step(st) == SQLITE_ROW;

	sqlite3_reset(st);
	return found;
}

/* Which events would be there if what they tell of happened. */
static void look_for_kinds(struct lives *v, const struct trace *t)
{
	v->has_gro_exit = has(t, EV_NAPI_GRO_RECEIVE_EXIT);
	v->has_xmit = has(t, EV_NET_DEV_XMIT);
	v->has_start = has(t, EV_NET_DEV_START_XMIT);
	v->has_softirq = has(t, EV_SOFTIRQ_ENTRY);
	v->has_queue = has(t, EV_NET_DEV_QUEUE);
	v->has_switch = has(t, EV_SCHED_SWITCH);
	v->has_retransmit = has(t, EV_TCP_RETRANSMIT_SKB);
	v->has_consume = has(t, EV_CONSUME_SKB);
	v->has_entries = has(t, EV_NAPI_GRO_RECEIVE_ENTRY) && has(t, EV_NETIF_RECEIVE_SKB_ENTRY) &&
			 (has(t, EV_NETIF_RX_ENTRY) || has(t, EV_NETIF_RX));
	v->whole = v->has_entries && v->has_queue && v->has_start && v->has_consume &&
		   has(t, EV_NETIF_RECEIVE_SKB) && has(t, EV_KFREE_SKB);
}

int lives_open(struct lives **out, struct db *d, struct host *h, const struct trace *t,
	       const struct symbols *s, struct frames *f, const struct clocks *c, struct err *e)
{
	struct lives *v = calloc(1, sizeof(*v));
	int rc = -ENOMEM;

	if (!v)
		return err_set(e, rc, "out of memory");
	v->db = d;
	v->host = h;
	v->all_netns = whole_host(d);
	v->has_nfqueue = has_nfqueue(d);
	look_for_kinds(v, t);
	v->dev_cap = 64;
	v->dev = calloc(v->dev_cap, sizeof(*v->dev));
	v->dev_more = calloc(v->dev_cap, sizeof(*v->dev_more));
	v->dev_slots = 256;
	v->dev_slot = calloc(v->dev_slots, sizeof(*v->dev_slot));
	v->before = calloc(SENT_BEFORE, sizeof(*v->before));
	if (v->dev_more)
		v->dev_more[0].rx_group = v->dev_more[0].tx_group = -1;
	if (v->dev && v->dev_more && v->dev_slot && v->before)
		rc = life_open(&v->store, d, &v->dev);
	if (!rc)
		rc = drops_open(&v->drops, d, t, s);
	if (!rc)
		rc = ties_open(&v->ties, d, f, c);
	if (!rc)
		rc = lives_read_open(v);
	if (rc) {
		lives_close(v);
		return db_error(d, e) ? rc : err_set(e, rc, "out of memory");
	}
	v->set_doubt = db_prepare(d, "UPDATE _packet SET confidence = max(confidence, 2) WHERE id = ?");
	/* settings of it, and how many of them are on or were changed */
	v->get_forwarding = db_prepare(
		d, "SELECT count(*), count(CASE WHEN value <> '0' OR value_end IS NOT NULL THEN 1 "
		   "END) "
		   "FROM sysctl WHERE netns_id = ?1 AND name IN ('net.ipv4.conf.' || ?2 || "
		   "'.forwarding', 'net.ipv6.conf.' || ?2 || '.forwarding')");
	*out = v;
	return 0;
}

void lives_close(struct lives *v)
{
	if (!v)
		return;
	lives_read_close(v);
	life_close(v->store);
	drops_close(v->drops);
	ties_close(v->ties);
	free(v->dev);
	free(v->dev_more);
	free(v->dev_slot);
	free(v->before);
	free(v->cpu);
	free(v->loss);
	free(v->place);
	free(v->wait);
	free(v->claim);
	free(v);
}

static size_t name_hash(const char *name)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 0x100000001b3ULL;
	return (size_t)(h ^ h >> 32);
}

static size_t dev_slot(const struct lives *v, const char *name)
{
	size_t i = name_hash(name) & (v->dev_slots - 1);

	while (v->dev_slot[i] && strcmp(v->dev[v->dev_slot[i]].name, name))
		i = (i + 1) & (v->dev_slots - 1);
	return i;
}

static bool devs_grow(struct lives *v)
{
	if (v->dev_n + 1 == v->dev_cap) {
		size_t cap = v->dev_cap * 2;
		struct life_dev *d = realloc(v->dev, cap * sizeof(*d));
		struct lives_dev *m;

		if (!d)
			return false;
		v->dev = d;
		m = realloc(v->dev_more, cap * sizeof(*m));
		if (!m)
			return false;
		v->dev_more = m;
		v->dev_cap = cap;
	}
	if (v->dev_n + 1 > v->dev_slots / 2) {
		uint32_t *slot = calloc(v->dev_slots * 2, sizeof(*slot));

		if (!slot)
			return false;
		free(v->dev_slot);
		v->dev_slot = slot;
		v->dev_slots *= 2;
		for (uint32_t i = 1; i <= v->dev_n; i++)
			v->dev_slot[dev_slot(v, v->dev[i].name)] = i;
	}
	return true;
}

static bool is_tunnel_kind(const char *kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(tunnel_kinds); i++)
		if (!strcmp(kind, tunnel_kinds[i]))
			return true;
	return false;
}

/* Whether a packet may be sent back by the device that received it: not where routing is off and no
 * bridge has it. */
static bool dev_forwards(const struct lives *v, const char *name)
{
	sqlite3_stmt *st = v->get_forwarding;
	bool seen = false, off = true;

	for (size_t i = 0; i < host_dev_count(v->host) && off; i++) {
		const struct host_dev *o = host_dev_at(v->host, i);

		if (strcmp(o->name, name))
			continue;
		seen = true;
		db_bind_int(st, 1, o->netns_id);
		db_bind_text(st, 2, name);
		off = !o->master_ifindex && sqlite3_step(st) == SQLITE_ROW &&
		      sqlite3_column_int64(st, 0) > 0 && !sqlite3_column_int64(st, 1);
		sqlite3_reset(st);
	}
	return !seen || !off;
}

/* What is known of all devices of that name; where they differ, nothing is. */
static void dev_describe(struct lives *v, struct life_dev *d, struct lives_dev *m)
{
	struct span name = { d->name, strlen(d->name) };
	const struct host_dev *only = v->all_netns ? host_dev_named(v->host, name) : NULL;
	bool seen = false;

	d->name_id = db_name(v->db, name);
	d->netns_id = only ? only->netns_id : 0;
	m->rx_group = ties_group(v->ties, d->name, 0);
	m->tx_group = ties_group(v->ties, d->name, 1);
	m->loopback = !strcmp(d->name, "lo");
	m->forwards = !m->loopback && dev_forwards(v, d->name);
	for (size_t i = 0; i < host_dev_count(v->host); i++) {
		const struct host_dev *o = host_dev_at(v->host, i);
		bool tunnel = is_tunnel_kind(o->kind), ifb = !strcmp(o->kind, "ifb");
		bool veth = !strcmp(o->kind, "veth") || !strcmp(o->kind, "netkit");

		if (strcmp(o->name, d->name))
			continue;
		m->tunnel = seen ? m->tunnel && tunnel : tunnel;
		m->ifb = seen ? m->ifb && ifb : ifb;
		m->veth |= veth;
		/* over TCP: the stream parser's clones; to each of several devices */
		m->copies |= !strcmp(o->kind, "ovpn") || !strcmp(o->kind, "macsec");
		seen = true;
	}
}

/* Number of the device that an event names, 0: none. */
uint16_t lives_dev(struct lives *v, const struct event *ev)
{
	char name[16];
	struct span s;
	size_t i;

	if (!event_text(ev, F_NAME, &s) || !s.n)
		return 0;
	span_copy(s, name, sizeof(name));
	i = dev_slot(v, name);
	if (v->dev_slot[i])
		return (uint16_t)v->dev_slot[i];
	if (v->dev_n >= DEVS_MAX || !devs_grow(v))
		return 0;
	v->dev_n++;
	v->dev[v->dev_n] = (struct life_dev){ 0 };
	v->dev_more[v->dev_n] = (struct lives_dev){ 0 };
	memcpy(v->dev[v->dev_n].name, name, sizeof(name));
	dev_describe(v, &v->dev[v->dev_n], &v->dev_more[v->dev_n]);
	v->dev_slot[dev_slot(v, name)] = (uint32_t)v->dev_n;
	return (uint16_t)v->dev_n;
}

/* Whether two devices can be in one namespace; true where it is not known. */
bool lives_same_netns(const struct lives *v, uint16_t a, uint16_t b)
{
	struct span name = { v->dev[b].name, strlen(v->dev[b].name) };
	struct lives_dev *m = &v->dev_more[a];
	bool known = false;

	if (!v->all_netns || a == b || !a || !b || m->together == b)
		return true;
	if (m->apart == b)
		return false;
	for (size_t i = 0; i < host_dev_count(v->host); i++) {
		const struct host_dev *o = host_dev_at(v->host, i);

		if (strcmp(o->name, v->dev[a].name))
			continue;
		known = true;
		if (host_dev_named_in(v->host, o->netns_id, name)) {
			m->together = b;
			return true;
		}
	}
	for (size_t i = 0; known && i < host_dev_count(v->host); i++) {
		if (!strcmp(host_dev_at(v->host, i)->name, v->dev[b].name)) {
			m->apart = b;
			return false;
		}
	}
	return true;
}

/* Whether @ev comes from the same call chain that received @l. */
bool lives_same_run(const struct lives *v, const struct life *l, const struct event *ev)
{
	int context = event_context(ev);

	return l->cpu == ev->cpu && l->run == v->cpu[ev->cpu].run && l->pid == ev->pid &&
	       l->context == context &&
	       ((context == 2 && v->has_softirq) || ev->ts - l->last_ts < RUN_MAX_NS);
}

static struct hop make_hop(const struct event *ev, enum stage stage, uint16_t dev, int confidence)
{
	return (struct hop){
		.ts = ev->ts,
		.ts_ns = ev->ts_ns,
		.pid = ev->pid,
		.dev = dev,
		.cpu = (uint16_t)ev->cpu,
		.stage = (uint8_t)stage,
		.context = (uint8_t)event_context(ev),
		.confidence = (uint8_t)confidence,
	};
}

/* One more stage of @l. */
int lives_hop(struct lives *v, struct life *l, const struct event *ev, enum stage stage,
	      int confidence)
{
	struct hop h = make_hop(ev, stage, l->dev, confidence);

	if (l->losses != v->losses) {
		if (l->hops)
			l->flags |= FLAG_LOSS;
		if (l->hops && h.confidence < MEDIUM)
			h.confidence = MEDIUM;
		l->losses = v->losses;
	}
	h.deferred = l->deferred;
	if (!l->hops) {
		l->first_ts = ev->ts;
		l->first_ns = ev->ts_ns;
	}
	l->last_ts = ev->ts;
	l->last_ns = ev->ts_ns;
	l->cpu = h.cpu;
	l->pid = h.pid;
	l->context = h.context;
	life_touch(v->store, l);
	return life_hop(v->store, l, &h);
}

/* One more stage, after what decides the outcome: it has a confidence of its own. */
int lives_aside(struct lives *v, struct life *l, const struct event *ev, enum stage stage,
		int confidence)
{
	uint8_t before = l->confidence;
	int rc = lives_hop(v, l, ev, stage, confidence);

	l->confidence = before;
	return rc;
}

/* A stage that tells of something before where @l is now, perhaps after its end. */
int lives_late_hop(struct lives *v, struct life *l, const struct event *ev, enum stage stage,
		   int confidence)
{
	uint16_t dev = lives_dev(v, ev);
	struct hop h = make_hop(ev, stage, dev ? dev : l->dev, confidence);

	if (l->state == LIFE_DRV) {
		l->last_ts = ev->ts;
		l->last_ns = ev->ts_ns;
	}
	return life_hop(v->store, l, &h);
}

/* A new life at @addr; one that was there has ended. */
int lives_birth(struct lives *v, uint64_t addr, struct life **out)
{
	struct life *l = life_find(v->store, addr);
	int rc = l ? lives_end_inferred(v, l, false) : 0;

	if (rc)
		return rc;
	l = life_oldest(v->store);
	if (l) {
		rc = lives_end_inferred(v, l, false);
		if (rc)
			return rc;
	}
	l = life_new(v->store, addr);
	if (!l)
		return -ENOMEM;
	l->losses = v->losses;
	*out = l;
	return 0;
}

static int cpu_get(struct lives *v, int cpu)
{
	struct lives_cpu *c;

	if (cpu < v->cpu_n)
		return 0;
	c = realloc(v->cpu, ((size_t)cpu + 1) * sizeof(*c));
	if (!c)
		return -ENOMEM;
	v->cpu = c;
	memset(c + v->cpu_n, 0, (size_t)(cpu + 1 - v->cpu_n) * sizeof(*c));
	for (; v->cpu_n <= cpu; v->cpu_n++) {
		c[v->cpu_n].rx_group = -1;
		/* it may be in the middle of receiving */
		c[v->cpu_n].rx_n = c[v->cpu_n].list_n = 1;
	}
	return 0;
}

/* Another run of a softirq, or another task: driver calls and GRO do not go on across it. */
static int new_run(struct lives *v, struct lives_cpu *c)
{
	c->run++;
	c->gro_n = 0;
	c->split = false;
	c->last = NET_NONE;
	lives_calls_over(c);
	return lives_nest_clear(v, c, 0);
}

static int loss_add(struct lives *v, int64_t from_ns, int64_t to_ns)
{
	if (v->loss_n == v->loss_cap) {
		size_t cap = v->loss_cap ? v->loss_cap * 2 : 64;
		struct ties_gap *l;

		if (v->loss_n >= LOSSES_MAX) {
			/* the last one grows; nothing is claimed to be sure that is not */
			if (to_ns > v->loss[v->loss_n - 1].to_ns)
				v->loss[v->loss_n - 1].to_ns = to_ns;
			if (from_ns < v->loss[v->loss_n - 1].from_ns)
				v->loss[v->loss_n - 1].from_ns = from_ns;
			return 0;
		}
		l = realloc(v->loss, cap * sizeof(*l));
		if (!l)
			return -ENOMEM;
		v->loss = l;
		v->loss_cap = cap;
	}
	v->loss[v->loss_n++] = (struct ties_gap){ from_ns, to_ns };
	return 0;
}

static int event_lost(struct lives *v, const struct event *ev)
{
	struct lives_cpu *c = &v->cpu[ev->cpu];
	int rc;

	v->losses++;
	v->queue_split_n = 0;
	c->ready_sk = 0;
	c->entry = c->received = c->consumed = c->forward = c->queued = (struct life_ref){ NULL, 0 };
	c->held_n = 0;
	c->held_more = false;
	c->rx_group = -1;
	c->before_ns = c->tap_ns = 0;
	c->freed = 0;
	c->queue_addr = 0;
	c->batch++;
	rc = new_run(v, c);
	c->rx_n = c->list_n = 1; /* and may be in the middle of receiving */
	return rc ? rc : loss_add(v, ev->lost_from_ns, ev->ts_ns);
}

/* Events that can come between any two others of a call chain. */
static bool is_between(const struct event *ev)
{
	uint64_t protocol;

	switch ((enum ev_kind)ev->kind) {
	case EV_IRQ_HANDLER_ENTRY:
	case EV_IRQ_HANDLER_EXIT:
	/* a packet socket whose block is full wakes its reader before it stamps the next frame
	 * (tpacket_rcv(), packet_current_rx_frame()) */
	case EV_SCHED_WAKING:
	case EV_SCHED_WAKEUP:
		return true;
	case EV_SK_DATA_READY:
		return event_u64(ev, F_PROTOCOL, &protocol) && !protocol;
	default:
		return ev->flags & EV_FLAG_HARDIRQ;
	}
}

/* What the CPU's event before this one still waited for. */
static int settle_before(struct lives *v, struct lives_cpu *c, const struct event *ev)
{
	struct life *l;

	if (is_between(ev))
		return 0;
	if (c->entry.l) {
		l = life_deref(c->entry);
		if (l)
			l->stamp_hi_ns = ev->ts_ns;
		c->entry = (struct life_ref){ NULL, 0 };
	}
	if (c->rx_group >= 0) {
		ties_bound(v->ties, c->rx_group, c->rx_index, ev->ts_ns);
		c->rx_group = -1;
	}
	if (ev->kind != EV_NET_DEV_START_XMIT || c->last == NET_START)
		c->tap_ns = 0;
	if (ev->kind != EV_CONSUME_SKB)
		c->freed = 0;
	return c->consumed.l ? lives_consume_settle(v, c, ev) : 0;
}

int64_t lives_ready_id(const struct lives *v)
{
	return v->ready_id;
}

static int dispatch(struct lives *v, struct lives_cpu *c, const struct event *ev)
{
	switch ((enum ev_kind)ev->kind) {
	case EV_NAPI_GRO_RECEIVE_ENTRY:
		return lives_entry(v, ev, STAGE_NAPI_GRO_RECEIVE_ENTRY);
	case EV_NAPI_GRO_FRAGS_ENTRY:
		return lives_entry(v, ev, STAGE_NAPI_GRO_FRAGS_ENTRY);
	case EV_NETIF_RECEIVE_SKB_ENTRY:
		return lives_entry(v, ev, STAGE_NETIF_RECEIVE_SKB_ENTRY);
	case EV_NETIF_RECEIVE_SKB_LIST_ENTRY:
		return lives_entry(v, ev, STAGE_NETIF_RECEIVE_SKB_LIST_ENTRY);
	case EV_NETIF_RX_ENTRY:
		return lives_entry(v, ev, STAGE_NETIF_RX_ENTRY);
	case EV_NETIF_RX:
		return lives_entry(v, ev, STAGE_NETIF_RX);
	case EV_NAPI_GRO_RECEIVE_EXIT:
	case EV_NAPI_GRO_FRAGS_EXIT:
		return lives_gro_exit(v, ev);
	case EV_NETIF_RECEIVE_SKB:
		return lives_receive(v, ev);
	case EV_NET_DEV_QUEUE:
		return lives_queue(v, ev);
	case EV_QDISC_ENQUEUE:
		return lives_qdisc(v, ev, STAGE_QDISC_ENQUEUE);
	case EV_QDISC_DEQUEUE:
		return lives_qdisc(v, ev, STAGE_QDISC_DEQUEUE);
	case EV_NET_DEV_START_XMIT:
		return lives_start(v, ev);
	case EV_NET_DEV_XMIT:
		return lives_xmit(v, ev);
	case EV_SKB_COPY_DATAGRAM_IOVEC:
		return lives_copy(v, ev);
	case EV_TCP_PROBE:
		return lives_probe(v, ev);
	case EV_SK_DATA_READY:
		return lives_ready(v, ev);
	case EV_SOCK_RECV_LENGTH:
		return lives_read(v, ev);
	case EV_TCP_RETRANSMIT_SKB:
		return lives_retransmit(v, ev);
	case EV_CONSUME_SKB:
		return lives_consume(v, ev);
	case EV_KFREE_SKB:
		return lives_kfree(v, ev);
	case EV_NAPI_POLL:
		lives_calls_over(c);
		return 0;
	case EV_SOFTIRQ_ENTRY:
	case EV_SOFTIRQ_EXIT:
	case EV_SCHED_SWITCH:
		return new_run(v, c);
	default:
		return 0;
	}
}

int lives_event(struct lives *v, const struct event *ev)
{
	struct lives_cpu *c;
	bool between;
	int rc;

	if (ev->cpu < 0 || ev->cpu >= LIVES_CPUS_MAX)
		return 0;
	if (cpu_get(v, ev->cpu))
		return -ENOMEM;
	c = &v->cpu[ev->cpu];
	if (ev->kind == EV_LOST)
		return event_lost(v, ev);
	if (!v->first_ns)
		v->first_ns = ev->ts_ns;
	v->last_ns = ev->ts_ns;
	rc = settle_before(v, c, ev);
	if (!rc && c->ready_sk && ev->kind == EV_SCHED_WAKING)
		rc = lives_read_woken(v, c->ready_sk, ev);
	if (rc)
		return rc;
	lives_read_task(v, ev);
	between = is_between(ev);
	if (!between || ev->kind == EV_SK_DATA_READY)
		c->ready_sk = 0;
	rc = dispatch(v, c, ev);
	if (!between)
		c->before_ns = ev->ts_ns;
	return rc;
}

static int loss_cmp(const void *a, const void *b)
{
	const struct ties_gap *x = a, *y = b;

	return (x->from_ns > y->from_ns) - (x->from_ns < y->from_ns);
}

/* Orders the gaps of all CPUs and merges those that overlap. */
static void merge_losses(struct lives *v)
{
	size_t n = 0;

	if (!v->loss_n)
		return;
	qsort(v->loss, v->loss_n, sizeof(*v->loss), loss_cmp);
	for (size_t i = 1; i < v->loss_n; i++) {
		if (v->loss[i].from_ns > v->loss[n].to_ns)
			v->loss[++n] = v->loss[i];
		else if (v->loss[i].to_ns > v->loss[n].to_ns)
			v->loss[n].to_ns = v->loss[i].to_ns;
	}
	v->loss_n = n + 1;
}

/* The first gap that ends behind @ns (or with it), NULL: none. */
static const struct ties_gap *gap_behind(const struct lives *v, int64_t ns, bool with)
{
	size_t lo = 0, hi = v->loss_n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (v->loss[mid].to_ns > ns || (with && v->loss[mid].to_ns == ns))
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo < v->loss_n ? &v->loss[lo] : NULL;
}

/* Marks packets that lived while events were lost: of merged gaps, the first one that ends behind a
 * packet's begin is the only one to look at. And what the ties tell. */
static void amend(void *ctx, struct packet_row *p, struct hop_row *h, size_t hops)
{
	struct lives *v = ctx;
	const struct ties_gap *g = gap_behind(v, p->first_ns, false);

	if (g && g->from_ns < p->last_ns) {
		p->flags |= FLAG_LOSS;
		p->confidence = p->confidence < MEDIUM ? MEDIUM : p->confidence;
	}
	/* a read, or the news of what is in the queue before, may be among what was lost */
	for (size_t i = 0; i < hops && v->loss_n; i++) {
		if (h[i].stage != STAGE_SOCK_RECV_LENGTH || h[i].confidence >= MEDIUM)
			continue;
		g = gap_behind(v, h[i].ts_ns, true);
		if (g && g->from_ns <= h[i].ts_ns)
			h[i].confidence = MEDIUM;
	}
	ties_apply(v->ties, p);
}

/* First tie of a packet in the sorted list, or NULL. */
const struct tie *lives_first_tie(const struct tie *t, size_t n, int64_t packet_id)
{
	size_t lo = 0, hi = n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (t[mid].packet_id < packet_id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < n && t[lo].packet_id == packet_id ? &t[lo] : NULL;
}

/*
 * Drops in a neighbour's queue whose skb had the address of a packet that was
 * received: it was that one if the ties say that it was not for this host. Else
 * the packet was absorbed and something of this host's own had its address.
 */
static int settle_waits(struct lives *v)
{
	static const char accept[] =
		"DELETE FROM lives_wait WHERE packet_id NOT IN (SELECT p.id FROM _packet p JOIN "
		"flow f ON f.id = p.flow_id "
		"WHERE p.id IN (SELECT packet_id FROM lives_wait) "
		"AND EXISTS (SELECT 1 FROM addr a WHERE a.netns_id = p.netns_in_id) "
		"AND NOT EXISTS (SELECT 1 FROM addr a WHERE a.netns_id = p.netns_in_id AND "
		"a.address = f.dst) "
		"AND f.dst NOT LIKE 'ff%' AND (f.dst LIKE '%:%' OR CAST(f.dst AS INTEGER) < 224));"
		"UPDATE _drop SET packet_id = (SELECT packet_id FROM lives_wait WHERE drop_id = "
		"_drop.id), "
		"(netns_id, dev_id) = (SELECT p.netns_in_id, p.dev_in_id FROM lives_wait w "
		"JOIN _packet p ON p.id = w.packet_id WHERE w.drop_id = _drop.id) "
		"WHERE id IN (SELECT drop_id FROM lives_wait);"
		"INSERT INTO _hop(packet_id, seq, ts_ns, stage, cpu, dev_id, context, pid, "
		"confidence) "
		"SELECT d.packet_id, (SELECT max(seq) + 1 FROM _hop h WHERE h.packet_id = "
		"d.packet_id), d.ts_ns, "
		"(SELECT id FROM _stage WHERE name = 'kfree_skb'), d.cpu, d.dev_id, d.context, "
		"d.pid, 3 "
		"FROM _drop d WHERE d.id IN (SELECT drop_id FROM lives_wait) ORDER BY d.id;"
		"UPDATE _packet SET outcome = 4, flags = flags & ~8, confidence = 3, "
		"(drop_id, last_ns) = (SELECT d.id, d.ts_ns FROM _drop d WHERE d.packet_id = "
		"_packet.id) "
		"WHERE id IN (SELECT packet_id FROM lives_wait);"
		"DROP TABLE lives_wait;";
	sqlite3_stmt *st;
	int rc;

	if (!v->wait_n)
		return 0;
	rc = db_exec(v->db,
		     "CREATE TEMP TABLE lives_wait(drop_id INTEGER PRIMARY KEY, packet_id INTEGER "
		     "UNIQUE)",
		     NULL);
	if (rc)
		return rc;
	st = db_prepare(v->db, "INSERT INTO lives_wait(drop_id, packet_id) VALUES(?, ?)");
	for (size_t i = 0; i < v->wait_n && !rc; i++) {
		db_bind_int(st, 1, v->wait[i].drop_id);
		db_bind_int(st, 2, v->wait[i].packet_id);
		rc = db_run(v->db, st);
	}
	return rc ? rc : db_exec(v->db, accept, NULL);
}

/* What follows from the ties: flows of related packets, */
static const char FOLLOW_FLOW[] =
	/* segments were captured, not what they were cut from */
	"CREATE INDEX lives_gso ON _packet(parent_id, id) WHERE link = 1;"
	"UPDATE _packet SET flow_id = (SELECT c.flow_id FROM _packet c WHERE c.parent_id = "
	"_packet.id AND c.link = 1 "
	"AND c.flow_id IS NOT NULL ORDER BY c.id LIMIT 1) WHERE flow_id IS NULL AND outcome = 5 "
	"AND EXISTS (SELECT 1 FROM _packet c WHERE c.parent_id = _packet.id AND c.link = 1);"
	"DROP INDEX lives_gso;"
	/* captured was what GRO merged them into */
	"UPDATE _packet SET flow_id = (SELECT p.flow_id FROM _packet p WHERE p.id = "
	"_packet.parent_id) "
	"WHERE flow_id IS NULL AND link = 2 AND parent_id IS NOT NULL;";

/* and which silent ends were no delivery, and flows of drops. */
static const char FOLLOW[] =
	/* only these keep what they got without a trace */
	"UPDATE _packet SET outcome = 7 WHERE outcome = 1 AND confidence >= 3 AND flags & 10 "
	"AND (protocol NOT IN (0x0800, 0x86dd) OR flow_id IN (SELECT id FROM flow WHERE proto NOT "
	"IN "
	"('tcp', 'udp', 'udplite', 'sctp', 'dccp'))) "
	"AND NOT EXISTS (SELECT 1 FROM _hop h JOIN _stage s ON s.id = h.stage WHERE h.packet_id = "
	"_packet.id "
	"AND s.name = 'skb_copy_datagram_iovec');"
	"UPDATE _drop SET flow_id = (SELECT flow_id FROM _packet p WHERE p.id = _drop.packet_id) "
	"WHERE packet_id IS NOT NULL;";

/* Packets on devices that were not captured. */
static int count_bare(struct lives *v)
{
	int rc = 0;

	for (size_t i = 1; i <= v->dev_n && !rc; i++) {
		const struct lives_dev *m = &v->dev_more[i];

		rc = ties_bare(v->ties, v->dev[i].name_id, 0, m->rx_bare);
		if (!rc)
			rc = ties_bare(v->ties, v->dev[i].name_id, 1, m->tx_bare);
	}
	return rc;
}

static int settle_all(struct lives *v)
{
	int rc = 0;

	for (int i = 0; i < v->cpu_n && !rc; i++) {
		rc = lives_consume_settle(v, &v->cpu[i], NULL);
		if (!rc)
			rc = lives_nest_clear(v, &v->cpu[i], 0);
	}
	return rc;
}

static int end_all(struct lives *v)
{
	struct life *l;
	int rc = 0;

	while (!rc && (l = life_any(v->store)))
		rc = lives_end_inferred(v, l, true);
	return rc;
}

int lives_lowered(struct lives *v, const struct trace *t)
{
	bool had = v->has_consume;
	int rc;

	look_for_kinds(v, t);
	if (!had || v->has_consume)
		return 0;
	/* what is freed from here on, and used again, is not seen */
	rc = settle_all(v);
	return rc ? rc : end_all(v);
}

int lives_end(struct lives *v)
{
	int rc = settle_all(v);

	if (!rc)
		rc = lives_read_finish(v);
	if (!rc)
		rc = end_all(v);
	merge_losses(v);
	if (!rc)
		rc = ties_match(v->ties,
				&(struct ties_seen){ v->first_ns, v->last_ns, v->loss, v->loss_n });
	return rc ? rc : count_bare(v);
}

int lives_rows(struct lives *v)
{
	return life_rows(v->store, amend, v);
}

static bool any_flow(struct lives *v)
{
	sqlite3_stmt *st = db_prepare(v->db, "SELECT 1 FROM flow LIMIT 1");
	bool any = sqlite3_step(st) == SQLITE_ROW;

	sqlite3_reset(st);
	return any;
}

int lives_finish(struct lives *v)
{
	int rc = lives_place_drops(v);

	if (!rc)
		rc = settle_waits(v);
	if (!rc)
		rc = lives_claims_settle(v);
	if (!rc)
		rc = any_flow(v) ? db_exec(v->db, FOLLOW_FLOW, NULL) : 0;
	if (!rc)
		rc = db_exec(v->db, FOLLOW, NULL);
	if (!rc)
		rc = lives_absorbed(v);
	if (!rc)
		rc = lives_doubt_places(v);
	return rc ? rc : life_finish(v->store);
}
