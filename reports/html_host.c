/* SPDX-License-Identifier: MIT */
/* The panels about the host's state: sockets, conntrack, counters, configuration. */
#include "page.h"
#include "svg.h"
#include "words.h"

#include <inttypes.h>
#include <string.h>

#define MAX_SOCKETS 60
#define MAX_LEDGER  140
#define MAX_ROWS    60

static void td_end(struct page *p, const char *addr, int64_t port)
{
	fputs("<td>", p->f);
	if (!*addr)
		fputs("–", p->f);
	else if (!port && (!strcmp(addr, "0.0.0.0") || !strcmp(addr, "::")))
		fputs(_("any"), p->f);
	else if (strchr(addr, ':'))
		page_textf(p, "[%s]:%" PRId64, addr, port);
	else
		page_textf(p, "%s:%" PRId64, addr, port);
	fputs("</td>", p->f);
}

/* A queue beside its limit. */
static void td_fill(struct page *p, sqlite3_stmt *st, int used, int limit, bool bytes)
{
	if (col_null(st, used)) {
		page_td_num_dash(p);
		return;
	}
	fprintf(p->f, "<td class=\"n\" data-v=\"%" PRId64 "\">%s", col_int(st, used),
		bytes ? text_bytes(col_int(st, used)).s : text_count(col_int(st, used)).s);
	if (!col_null(st, limit))
		fprintf(p->f, " <small>%s %s</small>", _("of"),
			bytes ? text_bytes(col_int(st, limit)).s
			      : text_count(col_int(st, limit)).s);
	fputs("</td>", p->f);
}

/* The last snapshot's row of each socket, with its drops at the first one. The rank puts full and
 * dropping ones first. */
static const char sockets_sql[] =
	"WITH last AS (SELECT *, row_number() OVER (PARTITION BY netns_id, proto, coalesce(cookie, "
	"-id) ORDER BY snap_ns DESC, id DESC) AS k, "
	"first_value(drops) OVER (PARTITION BY netns_id, proto, coalesce(cookie, -id) ORDER BY "
	"snap_ns, id) AS drops_first "
	"FROM socket WHERE proto <> 'unix') "
	/* a UDP socket without a peer is in state CLOSE to the kernel */
	"SELECT proto, CASE WHEN proto = 'udp' AND state = 'CLOSE' THEN 'unconnected' ELSE state "
	"END, netns, src, sport, dst, dport, "
	"CASE WHEN state = 'LISTEN' THEN rqueue END AS waiting, CASE WHEN state = 'LISTEN' THEN "
	"wqueue END AS backlog, "
	"CASE WHEN state IS NOT 'LISTEN' THEN coalesce(rmem_bytes, rqueue) END AS rmem, "
	"CASE WHEN state IS NOT 'LISTEN' THEN rcvbuf_bytes END AS rcvbuf, "
	"CASE WHEN state IS NOT 'LISTEN' THEN max(coalesce(wmem_bytes, 0), "
	"coalesce(wmem_queued_bytes, wqueue, 0)) END AS wmem, "
	"CASE WHEN state IS NOT 'LISTEN' THEN sndbuf_bytes END AS sndbuf, drops, drops - "
	"coalesce(drops_first, 0) AS grew, retrans, "
	/* 0 until a round trip was measured */
	"CASE WHEN json_valid(tcp_info) THEN 1000 * nullif(coalesce(json_extract(tcp_info, "
	"'$.rtt_us'), json_extract(tcp_info, '$.rtt')), 0) END, uid, inode, "
	"10.0 * (drops - coalesce(drops_first, 0) > 0) + "
	"CASE WHEN state = 'LISTEN' THEN 1.0 * rqueue / max(wqueue, 1) ELSE max(1.0 * "
	"coalesce(rmem_bytes, rqueue, 0) / max(coalesce(rcvbuf_bytes, 1000000), 1), "
	"1.0 * coalesce(wmem_queued_bytes, wqueue, 0) / max(coalesce(sndbuf_bytes, 1000000), 1)) "
	"END AS rank "
	"FROM last WHERE k = 1 ORDER BY rank DESC, grew DESC, proto IN ('packet', 'raw'), proto, "
	"state, src, sport, dst, dport, id LIMIT 60";

static void write_sockets(struct page *p)
{
	static const struct head heads[] = {
		{ N_("Protocol"), false },     { N_("State"), false },
		{ N_("Namespace"), false },    { N_("Local"), false },
		{ N_("Remote"), false },       { N_("Accept queue"), true },
		{ N_("Receive queue"), true }, { N_("Send queue"), true },
		{ N_("Drops"), true },	       { N_("grew by"), true },
		{ N_("Retransmits"), true },   { N_("RTT"), true },
		{ N_("User id"), true }
	};
	int64_t all = rep_int(p->r,
			      "SELECT count(*) FROM (SELECT 1 FROM socket WHERE proto <> 'unix' "
			      "GROUP BY netns_id, proto, coalesce(cookie, -id))",
			      0);
	int64_t shown = 0;
	sqlite3_stmt *st;

	if (!all) {
		page_none(p, N_("No sockets were recorded."));
		return;
	}
	page_cards(p, "ends", N_("Sockets: dropping and full ones first"), heads, ARRAY_SIZE(heads));
	st = rep_query(p->r, sockets_sql);
	while (rep_row(p->r, &st)) {
		shown++;
		page_row(p);
		for (int i = 0; i < 3; i++)
			page_td(p, col_text(st, i));
		td_end(p, col_text(st, 3), col_int(st, 4));
		td_end(p, col_text(st, 5), col_int(st, 6));
		td_fill(p, st, 7, 8, false);
		td_fill(p, st, 9, 10, true);
		td_fill(p, st, 11, 12, true);
		page_td_num_opt(p, st, 13);
		page_td_num_opt(p, st, 14);
		page_td_num_opt(p, st, 15);
		page_td_dur_opt(p, st, 16);
		if (col_null(st, 17))
			page_td_num_dash(p);
		else
			fprintf(p->f, "<td class=\"n\">%" PRId64 "</td>", col_int(st, 17));
		page_row_end(p);
	}
	page_cards_end(p);
	page_more(p, shown, all, N_("sockets"), "SELECT * FROM socket");
}

void panel_sockets(struct page *p)
{
	write_sockets(p);
	page_h3(p, N_("Waiting for a CPU"));
	panel_wakeups(p);
	page_h3(p, N_("Waiting for a socket's lock"));
	panel_locks(p);
}

static int64_t write_sysctls(struct page *p, const char *caption, const char *where_sql)
{
	static const struct head heads[] = { { N_("Setting"), false },
					     { N_("Namespace"), false },
					     { N_("Value"), false },
					     { N_("At the end"), false } };
	sqlite3_stmt *st = rep_query(p->r, where_sql);
	int64_t n = 0;

	while (rep_row(p->r, &st)) {
		if (!n++)
			page_table(p, caption, heads, ARRAY_SIZE(heads));
		page_row(p);
		fputs("<th scope=\"row\"><code>", p->f);
		page_text(p, col_text(st, 0));
		fputs("</code></th>", p->f);
		page_td(p, col_text(st, 1));
		page_td_code(p, col_text(st, 2));
		if (col_null(st, 3) || !strcmp(col_text(st, 3), col_text(st, 2))) {
			fprintf(p->f, "<td class=\"none\">%s</td>", _("the same"));
		} else {
			fprintf(p->f, "<td><strong class=\"changed\">%s</strong> <code>",
				_("changed to"));
			page_text(p, col_text(st, 3));
			fputs("</code></td>", p->f);
		}
		page_row_end(p);
	}
	if (n)
		page_table_end(p);
	return n;
}

void panel_conntrack(struct page *p)
{
	static const struct head fill_heads[] = { { N_("Namespace"), false },
						  { N_("Most entries"), true },
						  { N_("Limit"), true },
						  { N_("Full"), false },
						  { N_("Share"), true } };
	static const struct head count_heads[] = { { N_("Counter"), false },
						   { N_("Namespace"), false },
						   { N_("Grew by"), true } };
	static const struct head entry_heads[] = {
		{ N_("Namespace"), false }, { N_("Protocol"), false },	     { N_("State"), false },
		{ N_("Entries"), true },    { N_("Without a reply"), true }, { N_("Share"), false }
	};
	int64_t all = rep_int(p->r, "SELECT count(*) FROM conntrack", 0), n = 0;
	sqlite3_stmt *st;
	bool any = false;

	/* the setting is read at the two ends, the counter in each snapshot */
	st = rep_query(
		p->r,
		"SELECT c.netns, max(CAST(c.value AS INTEGER), CAST(coalesce(c.value_end, 0) AS "
		"INTEGER), coalesce((SELECT max(k.value) FROM counter k WHERE k.source = "
		"'conntrack' AND k.name = 'entries' AND k.netns = c.netns), 0)) AS most, "
		"coalesce(m.value_end, m.value) "
		"FROM sysctl c JOIN sysctl m ON m.netns_id = c.netns_id AND m.name = "
		"'net.netfilter.nf_conntrack_max' WHERE c.name = "
		"'net.netfilter.nf_conntrack_count' ORDER BY most DESC, c.netns LIMIT 40");
	for (; rep_row(p->r, &st); any = true) {
		if (!any)
			page_table(p, N_("How full the table is"), fill_heads,
				   ARRAY_SIZE(fill_heads));
		page_row(p);
		page_td_name(p, col_text(st, 0));
		page_td_num(p, col_int(st, 1));
		page_td_num(p, col_int(st, 2));
		page_td_bar(p, col_int(st, 1), col_int(st, 2));
		fprintf(p->f, "<td class=\"n\">%s</td>",
			text_percent(col_int(st, 1), col_int(st, 2)).s);
		page_row_end(p);
	}
	if (any)
		page_table_end(p);
	st = rep_query(p->r,
		       "SELECT name, netns, sum(delta) FROM counter_delta WHERE source = "
		       "'conntrack' AND name <> 'entries' GROUP BY name, netns HAVING sum(delta) "
		       "<> 0 "
		       "ORDER BY name NOT IN ('drop', 'early_drop', 'insert_failed', "
		       "'invalid', 'error', 'clash_resolve'), 3 DESC, 1, 2 LIMIT 40");
	for (; rep_row(p->r, &st); n++) {
		if (!n)
			page_table(p, N_("Counters that moved"), count_heads,
				   ARRAY_SIZE(count_heads));
		page_row(p);
		page_td_name(p, col_text(st, 0));
		page_td(p, col_text(st, 1));
		page_td_num(p, col_int(st, 2));
		page_row_end(p);
	}
	if (n)
		page_table_end(p);
	if (all) {
		page_table(p, N_("Entries in the last snapshot"), entry_heads,
			   ARRAY_SIZE(entry_heads));
		/* IPS_SEEN_REPLY is bit 1, include/uapi/linux/netfilter/nf_conntrack_common.h */
		st = rep_query(p->r,
			       "SELECT netns, proto, state, count(*), sum(status IS NOT NULL AND "
			       "status & 2 = 0) FROM conntrack "
			       "GROUP BY netns, proto, state ORDER BY 4 DESC, 1, 2, 3 LIMIT 60");
		while (rep_row(p->r, &st)) {
			page_row(p);
			for (int i = 0; i < 3; i++)
				page_td(p, col_text(st, i));
			page_td_num(p, col_int(st, 3));
			page_td_num(p, col_int(st, 4));
			page_td_bar(p, col_int(st, 3), all);
			page_row_end(p);
		}
		page_table_end(p);
	}
	n += write_sysctls(p, N_("Limits and timeouts"),
			   "SELECT name, netns, value, value_end FROM sysctl WHERE name GLOB "
			   "'net.netfilter.nf_conntrack_*' AND name NOT IN "
			   "('net.netfilter.nf_conntrack_count') AND (name GLOB '*_max' OR name "
			   "GLOB '*timeout*' OR name GLOB '*buckets' OR "
			   "name GLOB '*liberal' OR name GLOB '*loose') AND netns_id IN (SELECT "
			   "netns_id FROM conntrack UNION SELECT min(netns_id) "
			   "FROM sysctl) ORDER BY netns, name LIMIT 60");
	if (!any && !all && !n)
		page_none(p,
			  N_("Connection tracking was not active, or was not read. Whether it was "
			     "refused stands under “What was not seen”."));
}

void panel_ledger(struct page *p)
{
	static const struct head heads[] = {
		{ N_("Counter"), false },  { N_("Source"), false },	{ N_("Namespace"), false },
		{ N_("Device"), false },   { N_("CPU"), true },		{ N_("Grew by"), true },
		{ N_("Explained"), true }, { N_("Unexplained"), true }, { N_("Share"), false },
		{ N_("By what"), false }
	};
	int64_t all = rep_int(p->r, "SELECT count(*) FROM ledger", 0), shown = 0;
	sqlite3_stmt *st;

	if (!all) {
		page_none(p, N_("No counter moved, or no counters were recorded twice."));
		return;
	}
	page_table(p, N_("Counters that moved: what no event explains first"), heads,
		   ARRAY_SIZE(heads));
	st = rep_query(p->r, "SELECT name, source, netns, dev, cpu, delta, explained, unexplained, "
			     "explanation FROM ledger "
			     "ORDER BY class IN ('normal', 'traffic'), coalesce(unexplained, 0) = 0, explained IS NULL, "
			     "unexplained DESC, delta DESC, id LIMIT 140");
	while (rep_row(p->r, &st)) {
		shown++;
		page_row(p);
		page_td_name(p, col_text(st, 0));
		for (int i = 1; i < 4; i++)
			page_td(p, col_text(st, i));
		page_td_num_opt(p, st, 4);
		page_td_num(p, col_int(st, 5));
		page_td_num_opt(p, st, 6);
		page_td_num_opt(p, st, 7);
		if (col_null(st, 6))
			page_td_dash(p);
		else
			page_td_bar(p, col_int(st, 6), col_int(st, 5));
		fputs("<td class=\"words\">", p->f);
		page_text(p, col_null(st, 8) ? _("no event tells about this counter")
					     : page_note(p, col_text(st, 8)));
		fputs("</td>", p->f);
		page_row_end(p);
	}
	page_table_end(p);
	page_more(p, shown, all, N_("counters"), "SELECT * FROM ledger");
}

/* Settings whose values decide about drops and delays; patterns of GLOB. */
static const char config_sql[] =
	"WITH curated(pattern) AS (VALUES ('net.core.[rw]mem_*'), ('net.core.netdev_max_backlog'), "
	"('net.core.netdev_budget*'), "
	"('net.core.dev_weight*'), ('net.core.somaxconn'), ('net.core.optmem_max'), "
	"('net.core.default_qdisc'), ('net.core.rps_sock_flow_entries'), "
	"('net.core.busy_*'), ('net.core.flow_limit*'), ('net.ipv4.ip_forward'), "
	"('net.ipv6.conf.all.forwarding'), ('net.ipv6.conf.all.disable_ipv6'), "
	"('net.ipv4.ip_local_port_range'), ('net.ipv4.ip_local_reserved_ports'), "
	"('net.ipv4.tcp_[rw]mem'), ('net.ipv4.udp_mem'), ('net.ipv4.tcp_mem'), "
	"('net.ipv4.udp_[rw]mem_min'), ('net.ipv4.tcp_max_syn_backlog'), "
	"('net.ipv4.tcp_syncookies'), ('net.ipv4.tcp_tw_reuse'), "
	"('net.ipv4.tcp_max_tw_buckets'), ('net.ipv4.tcp_fin_timeout'), "
	"('net.ipv4.tcp_congestion_control'), ('net.ipv4.tcp_abort_on_overflow'), "
	"('net.ipv4.tcp_mtu_probing'), ('net.ipv4.tcp_notsent_lowat'), "
	"('net.ipv4.tcp_limit_output_bytes'), ('net.ipv4.tcp_retries*'), "
	"('net.ipv4.tcp_timestamps'), ('net.ipv4.tcp_early_demux'), ('net.ipv4.conf.*.rp_filter'), "
	"('net.ipv4.conf.*.log_martians'), "
	"('net.ipv4.conf.*.route_localnet'), ('net.ipv4.conf.*.arp_ignore'), "
	"('net.ipv4.icmp_ratelimit'), ('net.ipv4.icmp_msgs_per_sec'), "
	"('net.ipv4.ipfrag_*'), ('net.ipv[46].neigh.default.gc_thresh*'), "
	"('net.ipv4.neigh.default.unres_qlen*'), ('net.ipv4.route.max_size'), "
	"('net.ipv4.fib_multipath_hash_policy'), ('net.netfilter.nf_conntrack_max'), "
	"('net.bridge.bridge-nf-call-*')) "
	"SELECT name, netns, value, value_end FROM sysctl s WHERE (value_end IS NOT NULL AND "
	"value_end <> value) "
	"OR (EXISTS (SELECT 1 FROM curated WHERE s.name GLOB pattern) AND "
	/* the first namespace in full, others only where they differ from it */
	"(netns_id = (SELECT min(netns_id) FROM sysctl) OR NOT EXISTS (SELECT 1 FROM sysctl f "
	"WHERE f.netns_id = "
	"(SELECT min(netns_id) FROM sysctl) AND f.name = s.name AND f.value = s.value))) "
	"ORDER BY value_end IS NULL OR value_end = value, netns_id, name LIMIT 160";

static void write_devices(struct page *p)
{
	static const struct head heads[] = { { N_("Namespace"), false },
					     { N_("Device"), false },
					     { N_("Kind"), false },
					     { N_("State"), false },
					     { N_("MTU"), true },
					     { N_("Queue discipline"), false },
					     { N_("Queues rx, tx"), false },
					     { N_("Carrier changes"), true },
					     { N_("Packets in"), true },
					     { N_("Packets out"), true },
					     { N_("Dropped in"), true },
					     { N_("Dropped out"), true } };
	int64_t all = rep_int(p->r, "SELECT count(*) FROM netdev", 0), shown = 0;
	sqlite3_stmt *st;

	if (!all)
		return;
	page_table(p, N_("Devices"), heads, ARRAY_SIZE(heads));
	st = rep_query(p->r, "WITH c AS (SELECT netns, dev, sum(CASE WHEN name = 'rx_packets' THEN "
			     "delta END) AS rp, "
			     "sum(CASE WHEN name = 'tx_packets' THEN delta END) AS tp, sum(CASE "
			     "WHEN name = 'rx_dropped' THEN delta END) AS rd, "
			     "sum(CASE WHEN name = 'tx_dropped' THEN delta END) AS td FROM "
			     "counter_delta WHERE source = 'dev' GROUP BY netns, dev) "
			     "SELECT d.netns, d.name, coalesce(d.kind, CASE WHEN d.name = 'lo' "
			     "THEN 'loopback' ELSE 'hardware' END), d.operstate, d.mtu, "
			     "d.qdisc, d.rx_queues, d.tx_queues, d.carrier_changes, c.rp, c.tp, "
			     "c.rd, c.td FROM netdev d LEFT JOIN c ON c.netns = d.netns "
			     "AND c.dev = d.name ORDER BY coalesce(c.rp, 0) + coalesce(c.tp, 0) "
			     "DESC, d.id LIMIT 60");
	while (rep_row(p->r, &st)) {
		shown++;
		page_row(p);
		for (int i = 0; i < 4; i++)
			page_td(p, col_text(st, i));
		page_td_num_opt(p, st, 4);
		page_td(p, col_text(st, 5));
		fprintf(p->f, "<td>%s, ", col_null(st, 6) ? "?" : text_count(col_int(st, 6)).s);
		fprintf(p->f, "%s</td>", col_null(st, 7) ? "?" : text_count(col_int(st, 7)).s);
		for (int i = 8; i < 13; i++)
			page_td_num_opt(p, st, i);
		page_row_end(p);
	}
	page_table_end(p);
	page_more(p, shown, all, N_("devices"), "SELECT * FROM netdev");
}

static void write_qdiscs(struct page *p)
{
	static const struct head heads[] = {
		{ N_("Namespace"), false },	{ N_("Device"), false }, { N_("Kind"), false },
		{ N_("Handle"), false },	{ N_("Parent"), false }, { N_("Limit"), true },
		{ N_("Rate"), true },		{ N_("Packets"), true }, { N_("Dropped"), true },
		{ N_("Largest backlog"), true }
	};
	int64_t all = rep_int(p->r, "SELECT count(*) FROM qdisc WHERE kind <> 'noqueue'", 0),
		shown = 0;
	sqlite3_stmt *st;

	if (!all)
		return;
	page_table(p, N_("Queueing disciplines and classes; numbers are of the recording"), heads,
		   ARRAY_SIZE(heads));
	st = rep_query(p->r,
		       "SELECT netns, dev, CASE class WHEN 1 THEN kind || ' class' ELSE kind END, "
		       "handle, parent, limit_packets, limit_bytes, rate_bps, "
		       "packets_delta, drops_delta, max_backlog_packets FROM qdisc WHERE kind <> "
		       "'noqueue' ORDER BY drops_delta DESC, max_backlog_packets DESC, "
		       "packets_delta DESC, id LIMIT 60");
	while (rep_row(p->r, &st)) {
		shown++;
		page_row(p);
		for (int i = 0; i < 5; i++)
			page_td(p, col_text(st, i));
		if (col_null(st, 5))
			page_td_bytes_opt(p, st, 6);
		else
			fprintf(p->f, "<td class=\"n\">%s packets</td>",
				text_count(col_int(st, 5)).s);
		if (col_null(st, 7))
			page_td_num_dash(p);
		else
			fprintf(p->f, "<td class=\"n\">%sbit/s</td>", text_short(col_int(st, 7)).s);
		page_td_num(p, col_int(st, 8));
		page_td_num(p, col_int(st, 9));
		page_td_num_opt(p, st, 10);
		page_row_end(p);
	}
	page_table_end(p);
	page_more(p, shown, all, N_("queueing disciplines"), "SELECT * FROM qdisc");
}

static void write_filters(struct page *p)
{
	static const struct head nft_heads[] = {
		{ N_("Namespace"), false }, { N_("Table"), false },   { N_("Chain"), false },
		{ N_("Rule"), false },	    { N_("Verdict"), false }, { N_("Matched"), true }
	};
	static const struct head tc_heads[] = {
		{ N_("Namespace"), false }, { N_("Device"), false },  { N_("At"), false },
		{ N_("Kind"), false },	    { N_("Actions"), false }, { N_("Dropped"), true }
	};
	int64_t all = rep_int(p->r, "SELECT count(*) FROM nft_rule", 0), shown = 0;
	sqlite3_stmt *st;

	if (all) {
		page_table(p, N_("nftables rules: those that matched most first"), nft_heads,
			   ARRAY_SIZE(nft_heads));
		st = rep_query(p->r, "SELECT netns, family || ' ' || table_name, chain, text, "
				     "verdict, packets_delta FROM nft_rule "
				     "ORDER BY coalesce(packets_delta, -1) DESC, verdict NOT IN "
				     "('drop', 'reject'), id LIMIT 60");
		while (rep_row(p->r, &st)) {
			shown++;
			page_row(p);
			for (int i = 0; i < 3; i++)
				page_td(p, col_text(st, i));
			page_td_code(p, col_text(st, 3));
			page_td(p, col_text(st, 4));
			page_td_num_opt(p, st, 5);
			page_row_end(p);
		}
		page_table_end(p);
		page_more(p, shown, all, N_("rules"), "SELECT * FROM nft_rule");
	}
	all = rep_int(p->r, "SELECT count(*) FROM tc_filter", 0);
	if (!all)
		return;
	shown = 0;
	page_table(p, N_("Traffic control filters"), tc_heads, ARRAY_SIZE(tc_heads));
	st = rep_query(p->r, "SELECT netns, dev, parent, kind, actions, drops_delta FROM tc_filter "
			     "ORDER BY drops_delta DESC, netns, dev, parent, pref LIMIT 40");
	while (rep_row(p->r, &st)) {
		shown++;
		page_row(p);
		for (int i = 0; i < 4; i++)
			page_td(p, col_text(st, i));
		page_td_code(p, col_text(st, 4));
		page_td_num(p, col_int(st, 5));
		page_row_end(p);
	}
	page_table_end(p);
	page_more(p, shown, all, N_("filters"), "SELECT * FROM tc_filter");
}

static void write_neighbours(struct page *p)
{
	static const struct head heads[] = { { N_("Namespace"), false }, { N_("Device"), false },
					     { N_("Address"), false },	 { N_("MAC"), false },
					     { N_("State"), false },	 { N_("Seen"), true } };
	sqlite3_stmt *st = rep_query(p->r, "SELECT netns, dev, address, mac, state, snap_ns FROM "
					   "neigh WHERE state IN ('FAILED', 'INCOMPLETE') "
					   "ORDER BY snap_ns, netns, dev, address LIMIT 40");
	bool any = false;

	for (; rep_row(p->r, &st); any = true) {
		if (!any)
			page_table(p, N_("Neighbours without an answer"), heads, ARRAY_SIZE(heads));
		page_row(p);
		for (int i = 0; i < 5; i++)
			page_td(p, col_text(st, i));
		page_td_time(p, col_int(st, 5));
		page_row_end(p);
	}
	if (any)
		page_table_end(p);
}

static void write_features(struct page *p)
{
	static const struct head heads[] = { { N_("Namespace"), false },
					     { N_("Device"), false },
					     { N_("Kind"), false },
					     { N_("Name"), false },
					     { N_("Value"), false } };
	sqlite3_stmt *st =
		rep_query(p->r, "SELECT netns, dev, kind, name, value FROM dev_feature WHERE dev "
				"<> 'lo' AND (kind IN ('ring', 'channel', "
				"'driver') OR name GLOB '*generic-receive*' OR name GLOB "
				"'*large-receive*' OR name GLOB '*generic-segm*' OR "
				"name GLOB '*rx-gro*' OR name GLOB 'rx-checksum*' OR name GLOB "
				"'rx-hash*' OR name GLOB 'tx-checksum-ip*' OR "
				"(kind = 'coalesce' AND name GLOB '*usecs*')) ORDER BY netns, dev, "
				"kind, name LIMIT 120");
	bool any = false;

	for (; rep_row(p->r, &st); any = true) {
		if (!any) {
			page_fold(p, N_("Offloads, rings, channels and coalescing"));
			page_table(p, N_("Offloads, rings, channels and coalescing"), heads,
				   ARRAY_SIZE(heads));
		}
		page_row(p);
		for (int i = 0; i < 4; i++)
			page_td(p, col_text(st, i));
		page_td_code(p, col_text(st, 4));
		page_row_end(p);
	}
	if (!any)
		return;
	page_table_end(p);
	fprintf(p->f,
		"<p class=\"more\">%s <code>skbtape query DB &quot;SELECT * FROM "
		"dev_feature&quot;</code></p></details>\n",
		_("All of them:"));
}

void panel_config(struct page *p)
{
	int64_t n;

	page_h3(p, N_("Settings"));
	n = write_sysctls(
		p,
		N_("Settings that decide about drops and delays; changed ones first, other "
		   "namespaces where they differ"),
		config_sql);
	if (!n)
		page_none(p, N_("No settings were recorded."));
	else
		fprintf(p->f,
			"<p class=\"more\">%s <code>skbtape query DB &quot;SELECT * FROM "
			"sysctl&quot;</code></p>\n",
			_("All settings:"));
	page_h3(p, N_("Devices and queues"));
	write_devices(p);
	write_qdiscs(p);
	write_features(p);
	page_h3(p, N_("Filters and neighbours"));
	write_filters(p);
	write_neighbours(p);
	fprintf(p->f,
		"<p class=\"more\">%s <code>skbtape query DB &quot;SELECT * FROM "
		"route&quot;</code>, "
		"<code>addr</code>, <code>route_rule</code>, <code>neigh</code></p>\n",
		_("Addresses, routes and rules:"));
}
