/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * The places that a packet passes are two rows of boxes. What is known of each
 * comes from different tables: packets from hops at the tracepoints that stand
 * for the place, frames, interrupts and polls; drops by the layer that the
 * dictionaries gave them; delays from the latency of the stage pair that ends
 * there. A place without a tracepoint shows no number of packets: it is not
 * guessed from its neighbours.
 *
 * The same is counted for the busiest namespaces and devices, each row once for
 * every part of the host that it belongs to. What names no namespace counts for
 * the whole host only.
 */
#include "stack.h"
#include "tally.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const struct place_info stack_places[PLACE_COUNT] = {
	[RX_NIC] = { N_("NIC"), N_("frames by the device's own counters"), { NULL }, N_("frames") },
	[RX_IRQ] = { N_("IRQ"), N_("hardware interrupts"), { NULL }, N_("interrupts") },
	[RX_NAPI] = { N_("NAPI · XDP"),
		      N_("NET_RX softirq and driver poll"),
		      { NULL },
		      N_("polled") },
	[RX_GRO] = { N_("GRO"),
		     N_("merging of segments"),
		     { "napi_gro_receive_entry", "napi_gro_frags_entry" },
		     N_("packets") },
	[RX_CORE] = { N_("Core"),
		      N_("netif_receive_skb and the CPU backlog"),
		      { "netif_receive_skb" },
		      N_("packets") },
	[RX_TAP] = { N_("Taps"), N_("where a pcap sees it"), { NULL }, N_("frames") },
	[RX_TC] = { N_("tc ingress"), N_("traffic control"), { NULL }, NULL },
	[RX_FILTER] = { N_("netfilter"), N_("nftables, iptables, conntrack, BPF"), { NULL }, NULL },
	[RX_IP] = { N_("IP · route"),
		    N_("headers, routing, fragments"),
		    { "ip_rcv" },
		    N_("packets") },
	[RX_TRANSPORT] = { N_("TCP · UDP"),
			   N_("transport"),
			   { "tcp_v4_rcv", "udp_rcv", "tcp_probe" },
			   N_("packets") },
	[RX_SOCKET] = { N_("Socket"),
			N_("receive queue, waiting for the reader"),
			{ "sk_data_ready", "sock_data_ready" },
			N_("queued") },
	[RX_READER] = { N_("Reader"),
			N_("recv() of the application"),
			{ "skb_copy_datagram_iovec", "sock_recv_length" },
			N_("read") },
	[TX_WRITE] = { N_("Writer"),
		       N_("send() of the application"),
		       { "sock_send_length" },
		       N_("written") },
	[TX_TRANSPORT] = { N_("TCP · UDP"),
			   N_("transport"),
			   { "tcp_sendmsg_locked" },
			   N_("packets") },
	[TX_IP] = { N_("IP · route"), N_("routing, fragments"), { NULL }, NULL },
	[TX_FILTER] = { N_("netfilter"), N_("nftables, iptables, conntrack, BPF"), { NULL }, NULL },
	[TX_NEIGH] = { N_("Neighbour"), N_("ARP and neighbour discovery"), { NULL }, NULL },
	[TX_QDISC] = { N_("tc · qdisc"),
		       N_("queueing before the device"),
		       { "net_dev_queue" },
		       N_("packets") },
	[TX_TAP] = { N_("Taps"), N_("where a pcap sees it"), { NULL }, N_("frames") },
	[TX_DRIVER] = { N_("Driver"),
			N_("ndo_start_xmit"),
			{ "net_dev_start_xmit" },
			N_("packets") },
	[TX_NIC] = { N_("NIC"), N_("frames by the device's own counters"), { NULL }, N_("frames") },
};

/* Where a delay to a place is taken from, besides the place's own stages. */
static const struct {
	enum place place;
	const char *stage;
} delay_to[] = {
	{ RX_NAPI, "softirq_entry" },	{ RX_SOCKET, "sched_waking" },
	{ RX_SOCKET, "sk_data_ready" }, { TX_QDISC, "qdisc_dequeue" },
	{ TX_QDISC, "qdisc_enqueue" },	{ TX_NIC, "net_dev_xmit" },
};

static bool has(const char *text, const char *part)
{
	return strstr(text, part) != NULL;
}

/* The box of a layer's name, as causes.tsv and the dictionaries of drops use them; -1: none. */
static int place_of(const char *layer, bool tx)
{
	char l[48];
	size_t n = 0;

	for (; layer[n] && n + 1 < sizeof(l); n++)
		l[n] = (char)tolower((unsigned char)layer[n]);
	l[n] = '\0';
	if (has(l, "qdisc"))
		return TX_QDISC;
	if (has(l, "neigh") || !strcmp(l, "arp") || has(l, "ipv6 nd"))
		return TX_NEIGH;
	if (has(l, "device tx") || has(l, "tx completion"))
		return TX_DRIVER;
	if (!strcmp(l, "tc"))
		return tx ? TX_QDISC : RX_TC;
	if (has(l, "xdp"))
		return RX_NAPI;
	if (has(l, "gro"))
		return RX_GRO;
	if (!strcmp(l, "nic"))
		return tx ? TX_NIC : RX_NIC;
	if (has(l, "capture"))
		return tx ? TX_TAP : RX_TAP;
	if (has(l, "softnet") || has(l, "link") || has(l, "l2") || has(l, "bridge") ||
	    has(l, "demux"))
		return tx ? TX_DRIVER : RX_CORE;
	if (has(l, "device") || has(l, "veth") || has(l, "tun/tap") || has(l, "vlan"))
		return tx ? TX_DRIVER : RX_CORE;
	if (has(l, "netfilter") || has(l, "conntrack") || has(l, "bpf") || has(l, "lsm"))
		return tx ? TX_FILTER : RX_FILTER;
	if (has(l, "tcp") || has(l, "udp") || has(l, "transport") || has(l, "l4 demux"))
		return tx ? TX_TRANSPORT : RX_TRANSPORT;
	if (has(l, "application"))
		return tx ? TX_WRITE : RX_READER;
	if (has(l, "socket") || has(l, "raw") || has(l, "memory"))
		return tx ? TX_WRITE : RX_SOCKET;
	if (!strncmp(l, "ip", 2) || has(l, "route") || has(l, "fragment") || has(l, "icmp") ||
	    has(l, "forward") || has(l, "l3") || has(l, "xfrm") || has(l, "tunnel") ||
	    has(l, "vxlan") || has(l, "igmp"))
		return tx ? TX_IP : RX_IP;
	return -1;
}

/* A part of the host: a namespace, and a device of it where @dev_id is not 0. */
struct scope {
	int64_t netns_id, dev_id;
	struct stack *stack;
};

struct scopes {
	size_t n;
	struct scope v[1 + MAX_SCOPES];
};

static bool covers(const struct scope *s, int64_t netns_id, int64_t dev_id)
{
	return !s->netns_id || (s->netns_id == netns_id && (!s->dev_id || s->dev_id == dev_id));
}

/* Add to every part of the host that the ids, 0 where not known, belong to. */
static void add_packets(struct scopes *sc, int64_t netns_id, int64_t dev_id, enum place p,
			int64_t n)
{
	for (size_t i = 0; i < sc->n; i++) {
		struct box *b = &sc->v[i].stack->box[p];

		if (covers(&sc->v[i], netns_id, dev_id))
			b->packets = (b->packets < 0 ? 0 : b->packets) + n;
	}
}

bool stack_counts(const char *stage)
{
	for (int p = 0; p < PLACE_COUNT; p++)
		for (int i = 0; i < 3 && stack_places[p].stages[i]; i++)
			if (!strcmp(stack_places[p].stages[i], stage))
				return true;
	return false;
}

#define MAX_STAGE_IDS 63 /* as hops_read() counts */

/* The places of each stage's name; 0 ends a list, so places stand there from 1. */
static void read_stage_places(struct rep *r, unsigned char of[MAX_STAGE_IDS][3])
{
	sqlite3_stmt *st = rep_query(r, "SELECT id, name FROM _stage");

	while (rep_row(r, &st)) {
		int64_t id = col_int(st, 0);
		int n = 0;

		for (int p = 0; id >= 0 && id < MAX_STAGE_IDS && p < PLACE_COUNT; p++)
			for (int i = 0; i < 3 && stack_places[p].stages[i]; i++)
				if (!strcmp(stack_places[p].stages[i], col_text(st, 1)) && n < 2)
					of[id][n++] = (unsigned char)(p + 1);
	}
}

static void read_hops(struct rep *r, struct scopes *sc, const struct hops *hops)
{
	unsigned char places[MAX_STAGE_IDS][3] = { 0 };

	read_stage_places(r, places);
	for (size_t i = 0; i < tally_count(&hops->at); i++) {
		const struct tally_row *t = tally_at(&hops->at, i);

		if (t->key[2] < 0 || t->key[2] >= MAX_STAGE_IDS)
			continue;
		for (const unsigned char *p = places[t->key[2]]; *p; p++)
			add_packets(sc, t->key[0], t->key[1], (enum place)(*p - 1), t->rows);
	}
}

/* Hardware's own counters are the NIC's; a host may have none, and then 0 says so. */
static void read_nic(struct rep *r, struct scopes *sc, enum place p, const char *name)
{
	sqlite3_stmt *st = rep_query(
		r, "SELECT d.netns_id, n.id, (SELECT sum(c.delta) FROM counter_delta c WHERE "
		   "c.source = 'dev' AND c.name = ? AND c.netns = d.netns AND c.dev = d.name) "
		   "FROM netdev d JOIN _name n ON n.text = d.name "
		   "WHERE d.kind IS NULL AND d.name <> 'lo'");

	if (st)
		sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	while (rep_row(r, &st))
		if (!col_null(st, 2))
			add_packets(sc, col_int(st, 0), col_int(st, 1), p, col_int(st, 2));
}

static void read_counts(struct rep *r, struct scopes *sc, const struct tally *frames)
{
	struct box *host = sc->v[0].stack->box;
	/* 0 of an event says nothing: it may not have been recorded */
	int64_t irqs = rep_int(r, "SELECT count(*) FROM irq", 0);
	sqlite3_stmt *st;

	if (irqs)
		host[RX_IRQ].packets = irqs;
	read_nic(r, sc, RX_NIC, "rx_packets");
	read_nic(r, sc, TX_NIC, "tx_packets");
	/* polls name a device, not its namespace */
	st = rep_query(r,
		       "SELECT CASE WHEN count(*) = 1 THEN min(d.netns_id) END, n.id, p.work FROM "
		       "(SELECT dev, sum(work) AS work FROM napi_cpu GROUP BY dev) p "
		       "LEFT JOIN _name n ON n.text = p.dev LEFT JOIN netdev d ON d.name = p.dev "
		       "GROUP BY p.dev ORDER BY p.dev");
	while (rep_row(r, &st))
		if (!col_null(st, 2))
			add_packets(sc, col_int(st, 0), col_int(st, 1), RX_NAPI, col_int(st, 2));
	/* keys as in stacks_read() */
	for (size_t i = 0; i < tally_count(frames); i++) {
		const struct tally_row *t = tally_at(frames, i);

		if (t->key[2])
			add_packets(sc, t->key[0], t->key[1], t->key[2] == 2 ? TX_TAP : RX_TAP,
				    t->rows);
	}
	sc->v[0].stack->forwarded = rep_int(r, "SELECT count(*) FROM _packet WHERE kind = 3", 0);
}

static void read_drops(struct rep *r, struct scopes *sc)
{
	sqlite3_stmt *st = rep_query(r, "SELECT x.layer, p.kind, x.class IN ('loss', 'policy', "
					"'error'), count(*), x.netns_id, x.dev_id FROM _drop x "
					"LEFT JOIN _packet p ON p.id = x.packet_id WHERE x.layer "
					"NOT IN ('unix', 'netlink', 'vsock', 'bluetooth') "
					"GROUP BY 1, 2, 3, 5, 6");

	while (rep_row(r, &st)) {
		int p = place_of(col_text(st, 0), col_int(st, 1) == 2);

		for (size_t i = 0; i < sc->n; i++) {
			struct stack *s = sc->v[i].stack;

			if (!covers(&sc->v[i], col_int(st, 4), col_int(st, 5)))
				continue;
			if (p < 0)
				s->unplaced += col_int(st, 3);
			else if (col_int(st, 2))
				s->box[p].harmful += col_int(st, 3);
			else
				s->box[p].other += col_int(st, 3);
			s->drops += col_int(st, 2) ? col_int(st, 3) : 0;
		}
	}
}

static void take_delay(struct box *b, sqlite3_stmt *st)
{
	if (col_int(st, 2) <= b->count)
		return;
	snprintf(b->from, sizeof(b->from), "%s", col_text(st, 0));
	b->count = col_int(st, 2);
	b->p50_ns = col_int(st, 3);
	b->p99_ns = col_int(st, 4);
}

/* Of several pairs that end at a place the one with the most packets counts. */
static void take_delays(struct rep *r, struct stack *s, sqlite3_stmt *st)
{
	while (rep_row(r, &st)) {
		for (int p = 0; p < PLACE_COUNT; p++)
			for (int i = 0; i < 3 && stack_places[p].stages[i]; i++)
				if (!strcmp(stack_places[p].stages[i], col_text(st, 1)))
					take_delay(&s->box[p], st);
		for (size_t i = 0; i < ARRAY_SIZE(delay_to); i++)
			if (!strcmp(delay_to[i].stage, col_text(st, 1)))
				take_delay(&s->box[delay_to[i].place], st);
	}
}

/* A device's own are those of the pairs whose later stage was on it. */
static void read_delays(struct rep *r, struct scopes *sc)
{
	take_delays(r, sc->v[0].stack,
		    rep_query(r, "SELECT stage_from, stage_to, count, p50_ns, p99_ns FROM latency "
				 "ORDER BY 1, 2"));
	for (size_t i = 1; i < sc->n; i++) {
		struct stack *s = sc->v[i].stack;
		sqlite3_stmt *st;

		if (!s->dev[0])
			continue;
		st = rep_query(r,
			       "SELECT stage_from, stage_to, count, p50_ns, p99_ns FROM "
			       "latency_part WHERE part = 'device' AND netns = ? AND dev = ? ORDER "
			       "BY 1, 2");
		if (st) {
			sqlite3_bind_text(st, 1, s->netns, -1, SQLITE_STATIC);
			sqlite3_bind_text(st, 2, s->dev, -1, SQLITE_STATIC);
		}
		take_delays(r, s, st);
	}
}

/* Causes that are about sending, by a part of their name. */
static bool is_sending(const char *cause)
{
	static const char *const parts[] = { "output",	     "egress",	  "sndbuf", "tx-", "xps",
					     "port-exhaust", "ephemeral", "cwnd",   "send" };

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (has(cause, parts[i]))
			return true;
	return false;
}

static void read_findings(struct rep *r, struct scopes *sc)
{
	sqlite3_stmt *st = rep_query(
		r,
		"SELECT f.id, f.layer, f.cause, f.severity, (SELECT min(n.id) FROM netns n WHERE "
		"n.name = f.netns), (SELECT n.id FROM _name n WHERE n.text = f.dev) FROM finding f "
		"WHERE f.severity <> 'info' ORDER BY f.id");

	while (rep_row(r, &st)) {
		int p = place_of(col_text(st, 1), is_sending(col_text(st, 2)));

		for (size_t i = 0; p >= 0 && i < sc->n; i++) {
			struct box *b = &sc->v[i].stack->box[p];

			if (!covers(&sc->v[i], col_int(st, 4), col_int(st, 5)) || b->findings++)
				continue;
			b->finding = col_int(st, 0);
			snprintf(b->severity, sizeof(b->severity), "%s", col_text(st, 3));
		}
	}
}

static void scope_add(struct stacks *s, struct scopes *sc, int64_t netns_id, int64_t dev_id,
		      const char *netns, const char *dev)
{
	struct stack *k;

	if (s->n == ARRAY_SIZE(s->v)) {
		s->left_out++;
		return;
	}
	k = &s->v[s->n++];
	for (int p = 0; p < PLACE_COUNT; p++)
		k->box[p].packets = -1;
	snprintf(k->netns, sizeof(k->netns), "%s", netns);
	snprintf(k->dev, sizeof(k->dev), "%s", dev);
	sc->v[sc->n++] = (struct scope){ netns_id, dev_id, k };
}

/* Namespaces and devices by the frames and drops that they had; one alone is the whole host. */
static void scopes_choose(struct rep *r, struct stacks *s, struct scopes *sc,
			  const struct tally *frames)
{
	struct buf json = { 0 };
	sqlite3_stmt *st = rep_query(
		r,
		"WITH u AS (SELECT nullif(json_extract(value, '$[0]'), 0) AS netns_id, "
		"nullif(json_extract(value, '$[1]'), 0) AS dev_id, json_extract(value, '$[3]') AS "
		"n FROM json_each(?1) UNION ALL SELECT netns_id, dev_id, count(*) FROM _drop WHERE "
		"netns_id IS NOT NULL GROUP "
		"BY 1, 2), "
		"a AS (SELECT netns_id, NULL AS dev_id, sum(n) AS n FROM u GROUP BY 1 UNION ALL "
		"SELECT netns_id, dev_id, sum(n) FROM u WHERE dev_id IS NOT NULL GROUP BY 1, 2), "
		"t AS (SELECT netns_id, sum(n) AS n FROM u GROUP BY 1) "
		"SELECT a.netns_id, a.dev_id, n.name, d.text FROM a JOIN t ON t.netns_id = "
		"a.netns_id "
		"JOIN netns n ON n.id = a.netns_id LEFT JOIN _name d ON d.id = a.dev_id "
		"ORDER BY t.n DESC, a.netns_id, a.dev_id IS NOT NULL, a.n DESC, a.dev_id");

	tally_json(frames, &json);
	if (st)
		sqlite3_bind_text(st, 1, (const char *)json.data, (int)json.len, SQLITE_STATIC);
	scope_add(s, sc, 0, 0, "", "");
	while (rep_row(r, &st))
		scope_add(s, sc, col_int(st, 0), col_int(st, 1), col_text(st, 2), col_text(st, 3));
	buf_free(&json);
	if (s->n <= 3 && s->n > 1 && !s->v[1].dev[0] && (s->n == 2 || s->v[2].dev[0])) {
		s->n = 1;
		sc->n = 1;
	}
}

struct stacks *stacks_read(struct rep *r, const struct hops *hops)
{
	struct stacks *s = calloc(1, sizeof(*s));
	struct scopes sc = { 0 };
	struct tally frames;

	if (!s)
		return NULL;
	/* direction: 0 not known, 1 in, 2 out */
	tally_read(&frames, r,
		   "SELECT netns_id, dev_id, coalesce(direction + 1, 0), 0 FROM _frame");
	scopes_choose(r, s, &sc, &frames);
	read_hops(r, &sc, hops);
	read_counts(r, &sc, &frames);
	for (size_t i = 0; i < tally_count(&frames); i++)
		s->no_direction += tally_at(&frames, i)->key[2] ? 0 : tally_at(&frames, i)->rows;
	s->uncounted = frames.left_out + hops->at.left_out;
	tally_free(&frames);
	read_drops(r, &sc);
	read_delays(r, &sc);
	read_findings(r, &sc);
	for (size_t i = 0; i < s->n; i++)
		for (int p = 0; p < PLACE_COUNT; p++)
			if (s->v[i].box[p].packets > s->v[i].packets)
				s->v[i].packets = s->v[i].box[p].packets;
	return s;
}
