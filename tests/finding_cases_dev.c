/* SPDX-License-Identifier: MIT */
/* What is found on devices and qdiscs that not every kernel has. */
#include "finding_cases.h"

/* ---- VLAN ---- */

static void vlan(int id, const char *name, int flags)
{
	sql("INSERT INTO netdev(id, netns_id, netns, ifindex, name, kind, flags, link_ifindex) VALUES(%d, 3, 'b', %d, '%s', 'vlan', %d, "
	    "(SELECT ifindex FROM netdev WHERE netns_id = 3 AND name = 'b0'))",
	    id, id, name, flags);
}

static void vlan_down(void)
{
	vlan(70, "b0.7", 0x1002);
	drops(60, "NOT_SPECIFIED", "vlan_do_receive", "loss", 3, "b0", 0);
}

/* which of both is not known */
static void vlan_down_two(void)
{
	vlan(71, "b0.8", 0x1002);
	vlan_down();
}

/* a few on the way while it is set down */
static void vlan_down_no(void)
{
	vlan(70, "b0.7", 0x1002);
	drops(4, "NOT_SPECIFIED", "vlan_do_receive", "loss", 3, "b0", 0);
}

/* ---- netem ---- */

static void netem(int limit, int lost, int most, const char *options)
{
	sql("INSERT INTO qdisc(netns_id, netns, dev, class, kind, handle, parent, limit_packets, drops_delta, packets_delta, "
	    "max_backlog_packets, max_backlog_bytes, options) VALUES(2, 'a', 'a0', 0, 'netem', '8001:', 'root', %d, %d, 900, %d, %d, '%s')",
	    limit, lost, most, most * 100, options);
}

static void netem_loss(void)
{
	netem(1000, 100, 3, "{\"loss\":0.1}");
}

static void netem_model(void)
{
	netem(1000, 20, 3, "{\"loss\":0,\"loss_model\":true}");
}

/* its delay holds more than it takes: that is a full queue */
static void netem_full(void)
{
	netem(10, 300, 10, "{\"delay_ns\":100000000,\"loss\":0}");
}

static void netem_few_no(void)
{
	netem(1000, 9, 3, "{\"loss\":0.01}");
}

/* ---- tunnels ---- */

static void tunnel_nobody(void)
{
	drops(60, "NOT_SPECIFIED", "tunnel4_rcv", "error", 3, "b0", 0);
}

static void tunnel_nobody_no(void)
{
	drops(4, "NOT_SPECIFIED", "gre_rcv", "error", 3, "b0", 0);
}

/* ---- a trace without counters ---- */

static void packets_out(int n)
{
	sql("WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
	    "INSERT INTO _packet(id, first_ns, last_ns, kind, dev_out_id, outcome, cpu_hops, confidence) "
	    "SELECT 100000 + i, %lld, %lld, 2, %lld, 2, 0, 1 FROM n",
	    n, T0, T0 + 1000, (long long)name_id("a0"));
}

static void qdisc_uncounted(void)
{
	packets_out(400);
	drops(120, "QDISC_DROP", "__dev_queue_xmit", "loss", 2, "a0", 0);
}

/* what a transfer loses by design */
static void qdisc_uncounted_no(void)
{
	packets_out(2000);
	drops(20, "QDISC_DROP", "__dev_queue_xmit", "loss", 2, "a0", 0);
}

const struct finding_case dev_cases[] = {
	{ "tunnel_nobody", tunnel_nobody, "unknown-ip-protocol", "critical" },
	{ "tunnel_nobody_no", tunnel_nobody_no, NULL, NULL },
	{ "qdisc_uncounted", qdisc_uncounted, "qdisc-overflow", "critical" },
	{ "qdisc_uncounted_no", qdisc_uncounted_no, NULL, NULL },
	{ "vlan_down", vlan_down, "vlan-mismatch", "critical" },
	{ "vlan_down_two", vlan_down_two, "vlan-mismatch", "critical" },
	{ "vlan_down_no", vlan_down_no, NULL, NULL },
	{ "netem_loss", netem_loss, "tc-egress-drop", "critical" },
	{ "netem_model", netem_model, "tc-egress-drop", "warning" },
	{ "netem_full", netem_full, "qdisc-overflow", "critical" },
	{ "netem_few_no", netem_few_no, NULL, NULL },
	{ NULL, NULL, NULL, NULL },
};
