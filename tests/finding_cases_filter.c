/* SPDX-License-Identifier: MIT */
/* Firewalls and connection tracking in other shapes; CPUs that are offline, a smaller budget. */
#include "finding_cases.h"

/* Frames for the packets of a flow that were dropped; @frag 0: no fragments */
static void of_drops(int flow_id, int frag, int flags)
{
	sql("INSERT INTO _frame(no, ts_ns, netns_id, dev_id, direction, len_bytes, cap_bytes, "
	    "flow_id, packet_id, frag, tcp_flags, member, offset) "
	    "SELECT (SELECT coalesce(max(no), 0) FROM _frame) + d.id, d.ts_ns, 3, d.dev_id, 0, "
	    "1500, 64, d.flow_id, d.packet_id, nullif(%d, 0), nullif(%d, 0), 0, 0 "
	    "FROM _drop d WHERE d.flow_id = %d",
	    frag, flags, flow_id);
}

/* ---- fragments ---- */

/* first parts with ports, the others without: a packet filter that nftables does not show */
static void frag_unseen(void)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	flow(2, 3, "udp", "10.0.0.1", 0, "10.0.0.2", 0);
	drops(12, "NETFILTER_DROP", "nf_hook_slow", "policy", 3, "b0", 1);
	drops(24, "NETFILTER_DROP", "nf_hook_slow", "policy", 3, "b0", 2);
	of_drops(1, 1, 0);
	of_drops(2, 2961, 0);
}

/* a rule against the port takes the first parts only */
static void frag_port(void)
{
	flow(1, 3, "udp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	drops(12, "NETFILTER_DROP", "nft_do_chain", "policy", 3, "b0", 1);
	of_drops(1, 1, 0);
	nft(1, "udp dport 9000 counter drop", "drop", 12);
}

/* a rule against the address takes all of them, whole or not */
static void frag_address(void)
{
	flow(2, 3, "udp", "10.0.0.1", 0, "10.0.0.2", 0);
	drops(24, "NETFILTER_DROP", "nf_hook_slow", "policy", 3, "b0", 2);
	of_drops(2, 2961, 0);
	nft(1, "ip saddr 10.0.0.1 counter drop", "drop", 24);
}

/* ---- INVALID without a rule for it ---- */

static void policy(int flags)
{
	flow(1, 3, "tcp", "10.0.0.1", 4000, "10.0.0.2", 9000);
	frames(40, 1, 3, "b0", 0, 16);
	drops(12, "NETFILTER_DROP", "nft_do_chain", "policy", 3, "b0", 1);
	of_drops(1, 0, flags);
	nft(1, "ct state established,related accept", "accept", 28);
	nft(2, "ct state new tcp dport 9000 accept", "accept", 1);
	sql("UPDATE nft_chain SET policy = 'drop'");
	counter(3, "conntrack", "invalid", NULL, -1, 12);
}

static void invalid_policy(void)
{
	policy(16);
}

/* a map by state, which may drop by itself */
static void invalid_vmap(void)
{
	policy(16);
	sql("UPDATE nft_chain SET policy = 'accept'");
	sql("UPDATE nft_rule SET text = 'ct state vmap @__map0', verdict = 'vmap' WHERE id = 1");
}

/* attempts to connect: the policy refuses them, as it is meant to */
static void invalid_policy_syn(void)
{
	policy(2);
}

/* ---- offline CPUs ---- */

static void masks(const char *rps, const char *online)
{
	sql("INSERT INTO tape VALUES('cpus_online', '%s')", online);
	sql("INSERT INTO queue_setting VALUES(3, 'b', 'b0', 'rx-0', 'rps_cpus', '%s')", rps);
	counter(3, "dev", "rx_packets", "b0", -1, 5000);
}

static void rps_offline(void)
{
	masks("00000000,00000003", "0,2-7");
}

static void rps_offline_no(void)
{
	masks("00000000,00000003", "0-3");
}

static void irq_at(const char *cpus)
{
	sql("INSERT INTO tape VALUES('cpus_online', '0-3')");
	sql("INSERT INTO irq_affinity VALUES(31, '%s', '0', 'b0-rx-0')", cpus);
	counter(0, "interrupts", "31 b0-rx-0", NULL, 0, 5000);
}

static void irq_offline(void)
{
	irq_at("6,8-9");
}

/* all possible CPUs are the kernel's own default */
static void irq_offline_no(void)
{
	irq_at("0-63");
}

static void xps(const char *second)
{
	sql("INSERT INTO tape VALUES('cpus_online', '0')");
	sql("INSERT INTO queue_setting VALUES(3, 'b', 'b0', 'tx-0', 'xps_cpus', '1'), "
	    "(3, 'b', 'b0', 'tx-1', 'xps_cpus', '%s')",
	    second);
	counter(3, "dev", "tx_packets", "b0", -1, 5000);
}

static void xps_offline(void)
{
	xps("2");
}

static void xps_offline_no(void)
{
	xps("3");
}

/* ---- a smaller budget ---- */

static void budget_of(const char *n, const char *usecs, const char *weight, int squeezed)
{
	sysctl(1, "net.core.netdev_budget", n, NULL);
	sysctl(1, "net.core.netdev_budget_usecs", usecs, NULL);
	sysctl(1, "net.core.dev_weight", weight, NULL);
	counter(0, "softnet_stat", "time_squeeze", NULL, 0, squeezed);
	counter(0, "softnet_stat", "processed", NULL, 0, 90000);
}

static void budget(const char *n, int squeezed)
{
	budget_of(n, "8000", "64", squeezed);
}

static void budget_short(void)
{
	budget_of("300", "500", "16", 30);
}

static void budget_small(void)
{
	budget("50", 30);
}

static void budget_default_no(void)
{
	budget("300", 30);
}

/* smaller, but never reached */
static void budget_idle_no(void)
{
	budget("50", 3);
}

const struct finding_case filter_cases[] = {
	{ "frag_unseen", frag_unseen, "netfilter-fragment-drop", "warning" },
	{ "frag_port", frag_port, "netfilter-drop", "warning" },
	{ "frag_address", frag_address, "netfilter-drop", NULL },
	{ "invalid_policy", invalid_policy, "conntrack-invalid", "warning" },
	{ "invalid_vmap", invalid_vmap, "conntrack-invalid", "warning" },
	{ "invalid_policy_syn", invalid_policy_syn, "netfilter-drop", NULL },
	{ "rps_offline", rps_offline, "rx-single-cpu", "info" },
	{ "rps_offline_no", rps_offline_no, "", NULL },
	{ "irq_offline", irq_offline, "rx-single-cpu", "info" },
	{ "irq_offline_no", irq_offline_no, "", NULL },
	{ "xps_offline", xps_offline, "xps-slow-queue", "info" },
	{ "xps_offline_no", xps_offline_no, "", NULL },
	{ "budget_short", budget_short, "softirq-budget-exhausted", "info" },
	{ "budget_small", budget_small, "softirq-budget-exhausted", "info" },
	{ "budget_default_no", budget_default_no, "", NULL },
	{ "budget_idle_no", budget_idle_no, "", NULL },
	{ NULL, NULL, NULL, NULL },
};
