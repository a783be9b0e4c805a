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
 */
#include "page.h"
#include "svg.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum place {
	RX_NIC,
	RX_IRQ,
	RX_NAPI,
	RX_GRO,
	RX_CORE,
	RX_TAP,
	RX_TC,
	RX_FILTER,
	RX_IP,
	RX_TRANSPORT,
	RX_SOCKET,
	RX_READER,
	TX_WRITE,
	TX_TRANSPORT,
	TX_IP,
	TX_FILTER,
	TX_NEIGH,
	TX_QDISC,
	TX_TAP,
	TX_DRIVER,
	TX_NIC,
	PLACE_COUNT,
};

#define RX_PLACES TX_WRITE
#define TX_PLACES (PLACE_COUNT - RX_PLACES)

static const struct {
	const char *name;
	const char *what;      /* for the table */
	const char *stages[3]; /* hops that mean a packet came here */
	const char *unit;
} info[] = {
	[RX_NIC] = { "NIC", "frames by the device's own counters", { NULL }, "frames" },
	[RX_IRQ] = { "IRQ", "hardware interrupts", { NULL }, "interrupts" },
	[RX_NAPI] = { "NAPI · XDP", "NET_RX softirq and driver poll", { NULL }, "polled" },
	[RX_GRO] = { "GRO",
		     "merging of segments",
		     { "napi_gro_receive_entry", "napi_gro_frags_entry" },
		     "packets" },
	[RX_CORE] = { "Core",
		      "netif_receive_skb and the CPU backlog",
		      { "netif_receive_skb" },
		      "packets" },
	[RX_TAP] = { "Taps", "where a pcap sees it", { NULL }, "frames" },
	[RX_TC] = { "tc ingress", "traffic control", { NULL }, NULL },
	[RX_FILTER] = { "netfilter", "nftables, iptables, conntrack, BPF", { NULL }, NULL },
	[RX_IP] = { "IP · route", "headers, routing, fragments", { "ip_rcv" }, "packets" },
	[RX_TRANSPORT] = { "TCP · UDP",
			   "transport",
			   { "tcp_v4_rcv", "udp_rcv", "tcp_probe" },
			   "packets" },
	[RX_SOCKET] = { "Socket",
			"receive queue, waiting for the reader",
			{ "sk_data_ready", "sock_data_ready" },
			"queued" },
	[RX_READER] = { "Reader",
			"recv() of the application",
			{ "skb_copy_datagram_iovec", "sock_recv_length" },
			"read" },
	[TX_WRITE] = { "Writer", "send() of the application", { "sock_send_length" }, "written" },
	[TX_TRANSPORT] = { "TCP · UDP", "transport", { "tcp_sendmsg_locked" }, "packets" },
	[TX_IP] = { "IP · route", "routing, fragments", { NULL }, NULL },
	[TX_FILTER] = { "netfilter", "nftables, iptables, conntrack, BPF", { NULL }, NULL },
	[TX_NEIGH] = { "Neighbour", "ARP and neighbour discovery", { NULL }, NULL },
	[TX_QDISC] = { "tc · qdisc", "queueing before the device", { "net_dev_queue" }, "packets" },
	[TX_TAP] = { "Taps", "where a pcap sees it", { NULL }, "frames" },
	[TX_DRIVER] = { "Driver", "ndo_start_xmit", { "net_dev_start_xmit" }, "packets" },
	[TX_NIC] = { "NIC", "frames by the device's own counters", { NULL }, "frames" },
};

_Static_assert(ARRAY_SIZE(info) == PLACE_COUNT, "one entry per place");

/* Where a delay to a place is taken from, besides the place's own stages. */
static const struct {
	enum place place;
	const char *stage;
} delay_to[] = {
	{ RX_NAPI, "softirq_entry" },	{ RX_SOCKET, "sched_waking" },
	{ RX_SOCKET, "sk_data_ready" }, { TX_QDISC, "qdisc_dequeue" },
	{ TX_QDISC, "qdisc_enqueue" },	{ TX_NIC, "net_dev_xmit" },
};

struct box {
	int64_t packets; /* -1: nothing tells */
	int64_t harmful, other;
	int64_t p50_ns, p99_ns, count; /* count 0: no delay known */
	char from[48];		       /* stage that the delay is from */
	int64_t finding;	       /* best one here, 0: none */
	char severity[16];
	int findings;
};

struct stack {
	struct box box[PLACE_COUNT];
	int64_t unplaced;
	int64_t forwarded;
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

static void read_hops(struct rep *r, struct stack *s)
{
	sqlite3_stmt *st = rep_query(
		r,
		"SELECT g.name, h.n FROM (SELECT stage, count(*) AS n FROM _hop GROUP BY stage) h "
		"JOIN _stage g ON g.id = h.stage");

	while (rep_row(r, &st))
		for (int p = 0; p < PLACE_COUNT; p++)
			for (int i = 0; i < 3 && info[p].stages[i]; i++)
				if (!strcmp(info[p].stages[i], col_text(st, 0)))
					s->box[p].packets =
						(s->box[p].packets < 0 ? 0 : s->box[p].packets) +
						col_int(st, 1);
}

/* 0 of an event says nothing: it may not have been recorded. 0 of a counter does. */
static void set_count(struct rep *r, struct box *b, int64_t least, const char *sql)
{
	int64_t n = rep_int(r, sql, -1);

	if (n >= least)
		b->packets = n;
}

static void read_counts(struct rep *r, struct stack *s)
{
	/* hardware has no kind; a host may have none */
	set_count(r, &s->box[RX_NIC], 0,
		  "SELECT sum(delta) FROM counter_delta c WHERE source = 'dev' AND name = "
		  "'rx_packets' AND EXISTS "
		  "(SELECT 1 FROM netdev d WHERE d.netns = c.netns AND d.name = c.dev AND d.kind "
		  "IS NULL AND d.name <> 'lo')");
	set_count(r, &s->box[TX_NIC], 0,
		  "SELECT sum(delta) FROM counter_delta c WHERE source = 'dev' AND name = "
		  "'tx_packets' AND EXISTS "
		  "(SELECT 1 FROM netdev d WHERE d.netns = c.netns AND d.name = c.dev AND d.kind "
		  "IS NULL AND d.name <> 'lo')");
	set_count(r, &s->box[RX_IRQ], 1, "SELECT count(*) FROM irq");
	set_count(r, &s->box[RX_NAPI], 1, "SELECT sum(work) FROM napi_poll");
	set_count(r, &s->box[RX_TAP], 1, "SELECT count(*) FROM _frame WHERE direction = 0");
	set_count(r, &s->box[TX_TAP], 1, "SELECT count(*) FROM _frame WHERE direction = 1");
	s->forwarded = rep_int(r, "SELECT count(*) FROM _packet WHERE kind = 3", 0);
}

static void read_drops(struct rep *r, struct stack *s)
{
	sqlite3_stmt *st = rep_query(r, "SELECT x.layer, p.kind, x.class IN ('loss', 'policy', "
					"'error'), count(*) FROM _drop x "
					"LEFT JOIN _packet p ON p.id = x.packet_id WHERE x.layer "
					"NOT IN ('unix', 'netlink', 'vsock') "
					"GROUP BY 1, 2, 3");

	while (rep_row(r, &st)) {
		int p = place_of(col_text(st, 0), col_int(st, 1) == 2);

		if (p < 0)
			s->unplaced += col_int(st, 3);
		else if (col_int(st, 2))
			s->box[p].harmful += col_int(st, 3);
		else
			s->box[p].other += col_int(st, 3);
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
static void read_delays(struct rep *r, struct stack *s)
{
	sqlite3_stmt *st = rep_query(
		r, "SELECT stage_from, stage_to, count, p50_ns, p99_ns FROM latency ORDER BY 1, 2");

	while (rep_row(r, &st)) {
		for (int p = 0; p < PLACE_COUNT; p++)
			for (int i = 0; i < 3 && info[p].stages[i]; i++)
				if (!strcmp(info[p].stages[i], col_text(st, 1)))
					take_delay(&s->box[p], st);
		for (size_t i = 0; i < ARRAY_SIZE(delay_to); i++)
			if (!strcmp(delay_to[i].stage, col_text(st, 1)))
				take_delay(&s->box[delay_to[i].place], st);
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

static void read_findings(struct rep *r, struct stack *s)
{
	sqlite3_stmt *st = rep_query(r, "SELECT id, layer, cause, severity FROM finding WHERE "
					"severity <> 'info' ORDER BY id");

	while (rep_row(r, &st)) {
		int p = place_of(col_text(st, 1), is_sending(col_text(st, 2)));

		if (p < 0)
			continue;
		if (!s->box[p].findings++) {
			s->box[p].finding = col_int(st, 0);
			snprintf(s->box[p].severity, sizeof(s->box[p].severity), "%s",
				 col_text(st, 3));
		}
	}
}

static void read_stack(struct rep *r, struct stack *s)
{
	*s = (struct stack){ 0 };
	for (int p = 0; p < PLACE_COUNT; p++)
		s->box[p].packets = -1;
	read_hops(r, s);
	read_counts(r, s);
	read_drops(r, s);
	read_delays(r, s);
	read_findings(r, s);
}

static const char *box_class(const struct box *b)
{
	return b->finding
		       ? !strcmp(b->severity, "critical") ? "box box-critical" : "box box-warning"
	       : b->harmful ? "box box-drops"
			    : "box";
}

/* A box's outline, and hatching where packets were lost: a mark that needs no colour. */
static void draw_outline(FILE *f, const struct box *b, double x, double y, double w, double h,
			 const char *id)
{
	fprintf(f,
		"<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
		"rx=\"6\"/>",
		box_class(b), x, y, w, h);
	if (b->harmful)
		fprintf(f,
			"<rect class=\"box-hatch\" fill=\"url(#%s)\" x=\"%.1f\" y=\"%.1f\" "
			"width=\"%.1f\" height=\"5\"/>",
			id, x + 1, y + h - 6, w - 2);
}

/* Why a place has no number. */
static const char *unseen(enum place p)
{
	return p == RX_NIC || p == TX_NIC ? "no hardware" : "no event";
}

static void draw_wide_box(FILE *f, enum place p, const struct box *b, double x, double y, double w)
{
	double at = y + 34;

	draw_outline(f, b, x, y, w, 112, "hurt-w");
	fprintf(f, "<text class=\"b-name\" x=\"%.1f\" y=\"%.1f\">%s</text>", x + 8, y + 18,
		info[p].name);
	if (b->finding) {
		svg_icon_at(f, b->severity, x + w - 20, y - 9, 18);
		fprintf(f, "<text class=\"b-find\" x=\"%.1f\" y=\"%.1f\">%" PRId64 "</text>",
			x + w - 24, y + 4, b->finding);
	}
	if (b->packets >= 0)
		fprintf(f,
			"<text class=\"b-num\" x=\"%.1f\" y=\"%.1f\">%s</text><text "
			"class=\"b-unit\" x=\"%.1f\" y=\"%.1f\">%s</text>",
			x + 8, at + 2, text_short(b->packets).s, x + 8, at + 14,
			info[p].unit ? info[p].unit : "");
	else
		fprintf(f, "<text class=\"b-unit\" x=\"%.1f\" y=\"%.1f\">%s</text>", x + 8, at + 2,
			unseen(p));
	at += 32;
	if (b->count) {
		fprintf(f, "<text class=\"b-unit\" x=\"%.1f\" y=\"%.1f\">p50 %s</text>", x + 8, at,
			text_duration(b->p50_ns).s);
		fprintf(f, "<text class=\"b-unit\" x=\"%.1f\" y=\"%.1f\">p99 %s</text>", x + 8,
			at + 12, text_duration(b->p99_ns).s);
	}
	if (b->harmful)
		fprintf(f, "<text class=\"b-drop\" x=\"%.1f\" y=\"%.1f\">%s drop%s</text>", x + 8,
			y + 101, text_short(b->harmful).s, b->harmful == 1 ? "" : "s");
	else if (b->other)
		fprintf(f, "<text class=\"b-unit\" x=\"%.1f\" y=\"%.1f\">%s harmless</text>", x + 8,
			y + 101, text_short(b->other).s);
}

#define WIDE	1120.0
#define WIDE_H	330
#define NARROW	344.0
#define ROW_H	46.0
#define ROW_GAP 10.0

static void draw_hatch(FILE *f, const char *id)
{
	fprintf(f,
		"<defs><pattern id=\"%s\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" "
		"patternTransform=\"rotate(45)\">"
		"<path class=\"hatch-hurt\" d=\"M0 0v6\"/></pattern></defs>",
		id);
}

static void draw_wide(const struct stack *s, FILE *f)
{
	double rx_w = (WIDE - 4 - (RX_PLACES - 1) * 10) / RX_PLACES,
	       tx_w = (WIDE - 4 - (TX_PLACES - 1) * 10) / TX_PLACES;
	double rx_y = 30, tx_y = 206, x, rx_ip = 0, tx_ip = 0;

	fprintf(f,
		"<svg class=\"stack wide\" role=\"img\" aria-label=\"The network stack as a "
		"picture; the table below holds the same "
		"numbers\" viewBox=\"0 0 %.0f %d\" width=\"%.0f\" height=\"%d\">",
		WIDE, WIDE_H, WIDE, WIDE_H);
	draw_hatch(f, "hurt-w");
	fputs("<text class=\"b-lane\" x=\"2\" y=\"16\">Receive: from the wire to the application "
	      "→</text>",
	      f);
	fprintf(f,
		"<text class=\"b-lane\" x=\"%.0f\" y=\"192\" text-anchor=\"end\">← Send: from the "
		"application to the wire</text>",
		WIDE - 30);
	for (int p = 0; p < RX_PLACES; p++) {
		x = 2 + p * (rx_w + 10);
		if (p == RX_IP)
			rx_ip = x + rx_w / 2;
		if (p)
			fprintf(f, "<path class=\"flow\" d=\"M%.1f %.1fh5l-3-3m3 3l-3 3\"/>", x - 8,
				rx_y + 56);
		draw_wide_box(f, (enum place)p, &s->box[p], x, rx_y, rx_w);
	}
	for (int i = 0; i < TX_PLACES; i++) {
		enum place p = (enum place)(RX_PLACES + i);

		x = WIDE - 2 - tx_w - i * (tx_w + 10);
		if (p == TX_IP)
			tx_ip = x + tx_w / 2;
		if (i)
			fprintf(f, "<path class=\"flow\" d=\"M%.1f %.1fh-5l3-3m-3 3l3 3\"/>",
				x + tx_w + 8, tx_y + 56);
		draw_wide_box(f, p, &s->box[p], x, tx_y, tx_w);
	}
	fprintf(f, "<path class=\"flow\" d=\"M%.1f %.1fV%.1fl-3-3m3 3l3-3\"/>", WIDE - 14,
		rx_y + 114, tx_y - 3);
	if (s->forwarded) {
		double mid = (rx_y + 112 + tx_y) / 2;

		fprintf(f,
			"<path class=\"flow dash\" d=\"M%.1f %.1fV%.1fH%.1fV%.1fl-3-3m3 3l3-3\"/>",
			rx_ip, rx_y + 114, mid, tx_ip, tx_y - 3);
		fprintf(f,
			"<text class=\"b-unit\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s "
			"forwarded</text>",
			(rx_ip < tx_ip ? rx_ip : tx_ip) - 8, mid + 4, text_short(s->forwarded).s);
	}
	fputs("</svg>\n", f);
}

static void draw_row(FILE *f, enum place p, const struct box *b, double y)
{
	draw_outline(f, b, 1, y, NARROW - 2, ROW_H, "hurt-n");
	fprintf(f, "<text class=\"b-name\" x=\"12\" y=\"%.0f\">%s</text>", y + 18, info[p].name);
	if (b->finding) {
		svg_icon_at(f, b->severity, 118, y + 5, 17);
		fprintf(f, "<text class=\"b-unit\" x=\"139\" y=\"%.0f\">finding %" PRId64 "</text>",
			y + 18, b->finding);
	}
	if (b->packets >= 0)
		fprintf(f,
			"<text class=\"b-num\" text-anchor=\"end\" x=\"%.0f\" y=\"%.0f\">%s <tspan "
			"class=\"b-unit\">%s</tspan></text>",
			NARROW - 12, y + 18, text_short(b->packets).s,
			info[p].unit ? info[p].unit : "");
	else
		fprintf(f,
			"<text class=\"b-unit\" text-anchor=\"end\" x=\"%.0f\" "
			"y=\"%.0f\">%s</text>",
			NARROW - 12, y + 18, unseen(p));
	if (b->count) {
		fprintf(f, "<text class=\"b-unit\" x=\"12\" y=\"%.0f\">p50 %s", y + 35,
			text_duration(b->p50_ns).s);
		fprintf(f, " · p99 %s</text>", text_duration(b->p99_ns).s);
	}
	if (b->harmful)
		fprintf(f,
			"<text class=\"b-drop\" text-anchor=\"end\" x=\"%.0f\" y=\"%.0f\">%s "
			"drop%s</text>",
			NARROW - 12, y + 35, text_short(b->harmful).s, b->harmful == 1 ? "" : "s");
	else if (b->other)
		fprintf(f,
			"<text class=\"b-unit\" text-anchor=\"end\" x=\"%.0f\" y=\"%.0f\">%s "
			"harmless drops</text>",
			NARROW - 12, y + 35, text_short(b->other).s);
}

/* The same for a phone: one place below the other. */
static void draw_narrow(const struct stack *s, FILE *f)
{
	double height = 2 * 30 + PLACE_COUNT * (ROW_H + ROW_GAP) + 20, y = 24;

	fprintf(f,
		"<svg class=\"stack narrow\" role=\"img\" aria-label=\"The network stack as a "
		"picture; the table below holds the same "
		"numbers\" viewBox=\"0 0 %.0f %.0f\">",
		NARROW, height);
	draw_hatch(f, "hurt-n");
	fputs("<text class=\"b-lane\" x=\"1\" y=\"14\">Receive ↓</text>", f);
	for (int p = 0; p < PLACE_COUNT; p++) {
		if (p == RX_PLACES) {
			fprintf(f, "<text class=\"b-lane\" x=\"1\" y=\"%.0f\">Send ↓</text>",
				y + 20);
			y += 30;
		} else if (p) {
			fprintf(f, "<path class=\"flow\" d=\"M26 %.0fv6l-3-3m3 3l3-3\"/>",
				y - ROW_GAP + 1);
		}
		draw_row(f, (enum place)p, &s->box[p], y);
		y += ROW_H + ROW_GAP;
	}
	fputs("</svg>\n", f);
}

static void write_table(struct page *p, const struct stack *s)
{
	static const struct head heads[] = { { "Place", false },
					     { "Way", false },
					     { "What it is", false },
					     { "Seen", true },
					     { "Drops: loss, policy, error", true },
					     { "Other drops", true },
					     { "Delay from", false },
					     { "p50", true },
					     { "p99", true },
					     { "Finding", true } };

	fputs("<details><summary>The stack as a table</summary>\n", p->f);
	page_table(p, "The stack in numbers", heads, ARRAY_SIZE(heads));
	for (int i = 0; i < PLACE_COUNT; i++) {
		const struct box *b = &s->box[i];

		page_row(p);
		page_td_name(p, info[i].name);
		page_td(p, i < RX_PLACES ? "receive" : "send");
		page_td(p, info[i].what);
		if (b->packets >= 0)
			page_td_num(p, b->packets);
		else
			fprintf(p->f, "<td class=\"n none\">%s</td>", unseen((enum place)i));
		page_td_num(p, b->harmful);
		page_td_num(p, b->other);
		page_td_code(p, b->from);
		if (b->count) {
			page_td_dur(p, b->p50_ns);
			page_td_dur(p, b->p99_ns);
		} else {
			page_td_num_dash(p);
			page_td_num_dash(p);
		}
		if (b->finding)
			fprintf(p->f,
				"<td class=\"n\"><a href=\"#finding-%" PRId64 "\">%" PRId64
				"</a>%s</td>",
				b->finding, b->finding, b->findings > 1 ? " and more" : "");
		else
			page_td_num_dash(p);
		page_row_end(p);
	}
	page_table_end(p);
	fputs("</details>\n", p->f);
}

void panel_stack(struct page *p)
{
	struct stack s;

	read_stack(p->r, &s);
	fputs("<div class=\"scroll plain wide\" role=\"region\" tabindex=\"0\" aria-label=\"The "
	      "stack as a picture\">",
	      p->f);
	draw_wide(&s, p->f);
	fputs("</div>\n", p->f);
	draw_narrow(&s, p->f);
	fputs("<p class=\"hint\">All namespaces together. A hatched foot marks drops of class "
	      "loss, policy or error, an icon the place of a finding with its number. "
	      "Delays are from the stage before that was seen most often.</p>\n",
	      p->f);
	if (s.unplaced)
		fprintf(p->f,
			"<p class=\"more\">%s drops belong to no place of the picture; the table "
			"of drops has them.</p>\n",
			text_count(s.unplaced).s);
	write_table(p, &s);
}
