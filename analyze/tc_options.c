/* SPDX-License-Identifier: MIT */
#include "tc_options.h"
#include "counters.h"

#include <linux/pkt_sched.h>

#define PSCHED_SHIFT 6	/* a scheduler tick is 64 ns (include/net/pkt_sched.h) */
#define TB_MAX	     24 /* attributes that are read here have smaller types */

/* A number of an options or statistics structure. */
struct member {
	const char *name;
	uint16_t at;
	uint8_t bytes;
};

static void put_members(struct json *j, struct span s, const struct member *m, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (m[i].at + (size_t)m[i].bytes > s.n)
			continue; /* an older kernel's structure is shorter */
		json_uint(j, m[i].name,
			  m[i].bytes == 8   ? nl_get_u64(s, m[i].at)
			  : m[i].bytes == 4 ? nl_get_u32(s, m[i].at)
					    : nl_get_u8(s, m[i].at));
	}
}

/* Attributes that hold one number each. */
struct attr_name {
	const char *name;
	uint16_t type;
};

static void put_attrs(struct json *j, const struct nlattr *const *tb, const struct attr_name *a,
		      size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (tb[a[i].type])
			json_int(j, a[i].name, nl_int(tb[a[i].type], 0));
}

/* Statistics of the kind go into an object of their own. */
static void put_stats(struct json *j, const struct nlattr *xstats, const struct member *m, size_t n)
{
	if (!xstats)
		return;
	json_open_object(j, "stats");
	put_members(j, nl_raw(xstats), m, n);
	json_close_object(j);
}

/* Bytes per second of a struct tc_ratespec at @at, or of the 64-bit attribute that replaces it. */
static uint64_t rate_bytes(struct span s, size_t at, const struct nlattr *rate64)
{
	return rate64 ? (uint64_t)nl_int(rate64, 0)
		      : nl_get_u32(s, at + offsetof(struct tc_ratespec, rate));
}

static int64_t bits(uint64_t bytes)
{
	return bytes > INT64_MAX / 8 ? INT64_MAX : (int64_t)(bytes * 8);
}

/* Bytes that pass in a time of scheduler ticks. */
static int64_t burst_bytes(uint64_t rate, uint32_t ticks)
{
	double b = (double)rate * (double)((uint64_t)ticks << PSCHED_SHIFT) / 1e9;

	return b < 1e15 ? (int64_t)(b + 0.5) : -1;
}

static void opt_tbf(const struct nlattr *const *tb, struct tc_limits *lim, struct json *j)
{
	struct span s = nl_raw(tb[TCA_TBF_PARMS]);
	uint64_t rate = rate_bytes(s, offsetof(struct tc_tbf_qopt, rate), tb[TCA_TBF_RATE64]);
	uint64_t peak = rate_bytes(s, offsetof(struct tc_tbf_qopt, peakrate), tb[TCA_TBF_PRATE64]);

	lim->limit_bytes = nl_get_u32(s, offsetof(struct tc_tbf_qopt, limit));
	lim->rate_bps = bits(rate);
	lim->burst_bytes = burst_bytes(rate, nl_get_u32(s, offsetof(struct tc_tbf_qopt, buffer)));
	if (peak)
		json_int(j, "peakrate_bps", bits(peak));
}

static void opt_htb_class(const struct nlattr *const *tb, struct tc_limits *lim, struct json *j)
{
	struct span s = nl_raw(tb[TCA_HTB_PARMS]);
	uint64_t rate = rate_bytes(s, offsetof(struct tc_htb_opt, rate), tb[TCA_HTB_RATE64]);
	uint64_t ceil = rate_bytes(s, offsetof(struct tc_htb_opt, ceil), tb[TCA_HTB_CEIL64]);

	lim->rate_bps = bits(rate);
	lim->burst_bytes = burst_bytes(rate, nl_get_u32(s, offsetof(struct tc_htb_opt, buffer)));
	json_int(j, "ceil_bps", bits(ceil));
	json_int(j, "cburst_bytes",
		 burst_bytes(ceil, nl_get_u32(s, offsetof(struct tc_htb_opt, cbuffer))));
	json_uint(j, "quantum", nl_get_u32(s, offsetof(struct tc_htb_opt, quantum)));
	json_uint(j, "level", nl_get_u32(s, offsetof(struct tc_htb_opt, level)));
	json_uint(j, "prio", nl_get_u32(s, offsetof(struct tc_htb_opt, prio)));
}

static void opt_htb(const struct nlattr *const *tb, struct json *j)
{
	static const struct member glob[] = { { "default", 8, 4 }, { "direct_packets", 16, 4 } };

	put_members(j, nl_raw(tb[TCA_HTB_INIT]), glob, ARRAY_SIZE(glob));
	if (tb[TCA_HTB_DIRECT_QLEN])
		json_int(j, "direct_qlen", nl_int(tb[TCA_HTB_DIRECT_QLEN], 0));
}

static void opt_hfsc_class(const struct nlattr *const *tb, struct tc_limits *lim, struct json *j)
{
	/* struct tc_service_curve: m1, d, m2; the last is the long-term rate */
	lim->rate_bps = bits(nl_get_u32(nl_raw(tb[TCA_HFSC_FSC]), 8));
	json_int(j, "realtime_bps", bits(nl_get_u32(nl_raw(tb[TCA_HFSC_RSC]), 8)));
	json_int(j, "upper_bps", bits(nl_get_u32(nl_raw(tb[TCA_HFSC_USC]), 8)));
}

static void opt_netem(struct span s, const struct nlattr *const *tb, struct tc_limits *lim,
		      struct json *j)
{
	int64_t latency_ns = (int64_t)nl_get_u32(s, offsetof(struct tc_netem_qopt, latency))
			     << PSCHED_SHIFT;
	int64_t jitter_ns = (int64_t)nl_get_u32(s, offsetof(struct tc_netem_qopt, jitter))
			    << PSCHED_SHIFT;
	struct span rate = nl_raw(tb[TCA_NETEM_RATE]);
	int64_t bytes;

	lim->limit_packets = nl_get_u32(s, offsetof(struct tc_netem_qopt, limit));
	json_int(j, "delay_ns", nl_int(tb[TCA_NETEM_LATENCY64], latency_ns));
	json_int(j, "jitter_ns", nl_int(tb[TCA_NETEM_JITTER64], jitter_ns));
	/* a probability of 1 is UINT32_MAX */
	json_real(j, "loss",
		  nl_get_u32(s, offsetof(struct tc_netem_qopt, loss)) / (double)UINT32_MAX);
	json_real(j, "duplicate",
		  nl_get_u32(s, offsetof(struct tc_netem_qopt, duplicate)) / (double)UINT32_MAX);
	json_real(j, "reorder", nl_get_u32(nl_raw(tb[TCA_NETEM_REORDER]), 0) / (double)UINT32_MAX);
	json_real(j, "corrupt", nl_get_u32(nl_raw(tb[TCA_NETEM_CORRUPT]), 0) / (double)UINT32_MAX);
	if (tb[TCA_NETEM_LOSS])
		json_bool(j, "loss_model", true); /* a Markov model instead of independent loss */
	bytes = nl_int(tb[TCA_NETEM_RATE64], nl_get_u32(rate, 0));
	if (bytes > 0)
		lim->rate_bps = bits((uint64_t)bytes);
}

static void opt_fq_codel(const struct nlattr *const *tb, struct tc_limits *lim, struct json *j)
{
	static const struct attr_name names[] = {
		{ "flows", TCA_FQ_CODEL_FLOWS },
		{ "quantum", TCA_FQ_CODEL_QUANTUM },
		{ "target_us", TCA_FQ_CODEL_TARGET },
		{ "interval_us", TCA_FQ_CODEL_INTERVAL },
		{ "ce_threshold_us", TCA_FQ_CODEL_CE_THRESHOLD },
		{ "memory_limit", TCA_FQ_CODEL_MEMORY_LIMIT },
		{ "drop_batch", TCA_FQ_CODEL_DROP_BATCH_SIZE },
		{ "ecn", TCA_FQ_CODEL_ECN },
	};

	lim->limit_packets = nl_int(tb[TCA_FQ_CODEL_LIMIT], -1);
	put_attrs(j, tb, names, ARRAY_SIZE(names));
}

static void opt_fq(const struct nlattr *const *tb, struct tc_limits *lim, struct json *j)
{
	static const struct attr_name names[] = {
		{ "flow_limit", TCA_FQ_FLOW_PLIMIT },
		{ "quantum", TCA_FQ_QUANTUM },
		{ "initial_quantum", TCA_FQ_INITIAL_QUANTUM },
		{ "maxrate", TCA_FQ_FLOW_MAX_RATE },
		{ "low_rate_threshold", TCA_FQ_LOW_RATE_THRESHOLD },
		{ "refill_delay_us", TCA_FQ_FLOW_REFILL_DELAY },
		{ "timer_slack_ns", TCA_FQ_TIMER_SLACK },
		{ "horizon_us", TCA_FQ_HORIZON },
		{ "horizon_drop", TCA_FQ_HORIZON_DROP },
		{ "ce_threshold_us", TCA_FQ_CE_THRESHOLD },
	};

	lim->limit_packets = nl_int(tb[TCA_FQ_PLIMIT], -1);
	put_attrs(j, tb, names, ARRAY_SIZE(names));
}

static void opt_cake(const struct nlattr *const *tb, const struct nlattr *app,
		     struct tc_limits *lim, struct json *j)
{
	static const struct attr_name names[] = {
		{ "rtt_us", TCA_CAKE_RTT },	     { "target_us", TCA_CAKE_TARGET },
		{ "overhead", TCA_CAKE_OVERHEAD },   { "diffserv", TCA_CAKE_DIFFSERV_MODE },
		{ "flow_mode", TCA_CAKE_FLOW_MODE }, { "nat", TCA_CAKE_NAT },
		{ "ingress", TCA_CAKE_INGRESS },     { "split_gso", TCA_CAKE_SPLIT_GSO },
	};
	const struct nlattr *st[TB_MAX];
	int64_t rate = nl_int(tb[TCA_CAKE_BASE_RATE64], 0);

	if (rate > 0)
		lim->rate_bps = bits((uint64_t)rate);
	put_attrs(j, tb, names, ARRAY_SIZE(names));
	if (!app || !nl_nested(app, st, ARRAY_SIZE(st)))
		return;
	lim->limit_bytes = nl_int(st[TCA_CAKE_STATS_MEMORY_LIMIT], -1);
	json_open_object(j, "stats");
	json_int(j, "capacity_bps",
		 bits((uint64_t)nl_int(st[TCA_CAKE_STATS_CAPACITY_ESTIMATE64], 0)));
	json_int(j, "memory_used", nl_int(st[TCA_CAKE_STATS_MEMORY_USED], 0));
	json_close_object(j);
}

static void opt_codel(const struct nlattr *const *tb, struct tc_limits *lim, struct json *j)
{
	static const struct attr_name names[] = { { "target_us", TCA_CODEL_TARGET },
						  { "interval_us", TCA_CODEL_INTERVAL },
						  { "ecn", TCA_CODEL_ECN } };

	lim->limit_packets = nl_int(tb[TCA_CODEL_LIMIT], -1);
	put_attrs(j, tb, names, ARRAY_SIZE(names));
}

static void opt_red(const struct nlattr *const *tb, struct tc_limits *lim, struct json *j)
{
	static const struct member parms[] = { { "min_bytes", 4, 4 },
					       { "max_bytes", 8, 4 },
					       { "flags", 15, 1 } };
	struct span s = nl_raw(tb[TCA_RED_PARMS]);

	lim->limit_bytes = nl_get_u32(s, 0);
	put_members(j, s, parms, ARRAY_SIZE(parms));
}

/* Kinds whose options are a plain structure. Return: whether @kind is one. */
static bool opt_plain(struct span kind, struct span s, struct tc_limits *lim, struct json *j)
{
	static const struct member sfq[] = {
		{ "quantum", 0, 4 }, { "perturb_s", 4, 4 }, { "divisor", 12, 4 }, { "flows", 16, 4 }
	};
	static const struct member bands[] = { { "bands", 0, 4 } };
	static const struct member mqprio[] = { { "num_tc", 0, 1 } };

	if (span_is(kind, "pfifo") || span_is(kind, "pfifo_head_drop")) {
		if (s.n >= 4)
			lim->limit_packets = nl_get_u32(s, 0);
	} else if (span_is(kind, "bfifo")) {
		if (s.n >= 4)
			lim->limit_bytes = nl_get_u32(s, 0);
	} else if (span_is(kind, "pfifo_fast") || span_is(kind, "prio")) {
		put_members(j, s, bands, ARRAY_SIZE(bands));
	} else if (span_is(kind, "sfq")) {
		if (s.n >= 12)
			lim->limit_packets = nl_get_u32(s, 8);
		put_members(j, s, sfq, ARRAY_SIZE(sfq));
	} else if (span_is(kind, "mqprio")) {
		put_members(j, s, mqprio, ARRAY_SIZE(mqprio));
	} else {
		return span_is(kind, "mq") || span_is(kind, "noqueue") ||
		       span_is(kind, "ingress") || span_is(kind, "clsact");
	}
	return true;
}

/* Statistics of the kinds that have their own (include/uapi/linux/pkt_sched.h, struct tc_*_xstats,
 * tc_fq_qd_stats). */
static void opt_xstats(struct span kind, bool class, const struct nlattr *x, struct json *j)
{
	static const struct member fq_codel[] = {
		{ "maxpacket", 4, 4 },	      { "drop_overlimit", 8, 4 },
		{ "ecn_mark", 12, 4 },	      { "new_flow_count", 16, 4 },
		{ "new_flows_len", 20, 4 },   { "old_flows_len", 24, 4 },
		{ "ce_mark", 28, 4 },	      { "memory_usage", 32, 4 },
		{ "drop_overmemory", 36, 4 },
	};
	static const struct member fq[] = {
		{ "gc_flows", 0, 8 },	      { "highprio_packets", 8, 8 },
		{ "throttled", 24, 8 },	      { "flows_plimit", 32, 8 },
		{ "pkts_too_long", 40, 8 },   { "allocation_errors", 48, 8 },
		{ "flows", 64, 4 },	      { "inactive_flows", 68, 4 },
		{ "throttled_flows", 72, 4 }, { "unthrottle_latency_ns", 76, 4 },
		{ "ce_mark", 80, 8 },	      { "horizon_drops", 88, 8 },
		{ "horizon_caps", 96, 8 },
	};
	static const struct member red[] = {
		{ "early", 0, 4 }, { "pdrop", 4, 4 }, { "other", 8, 4 }, { "marked", 12, 4 }
	};
	static const struct member htb[] = { { "lends", 0, 4 },
					     { "borrows", 4, 4 },
					     { "giants", 8, 4 } };
	static const struct member codel[] = { { "maxpacket", 0, 4 },
					       { "ldelay_us", 12, 4 },
					       { "drop_overlimit", 20, 4 },
					       { "ecn_mark", 24, 4 },
					       { "dropping", 28, 4 } };

	if (span_is(kind, "fq_codel") && nl_get_u32(nl_raw(x), 0) == TCA_FQ_CODEL_XSTATS_QDISC)
		put_stats(j, x, fq_codel, ARRAY_SIZE(fq_codel));
	else if (span_is(kind, "fq"))
		put_stats(j, x, fq, ARRAY_SIZE(fq));
	else if (span_is(kind, "red"))
		put_stats(j, x, red, ARRAY_SIZE(red));
	else if (span_is(kind, "htb") && class)
		put_stats(j, x, htb, ARRAY_SIZE(htb));
	else if (span_is(kind, "codel"))
		put_stats(j, x, codel, ARRAY_SIZE(codel));
}

bool tc_options(struct span kind, bool class, const struct nlattr *opt, const struct nlattr *xstats,
		struct tc_limits *lim, struct json *j)
{
	const struct nlattr *tb[TB_MAX];
	struct span s = nl_raw(opt), attrs = s;
	bool netem = span_is(kind, "netem");

	*lim = (struct tc_limits){ -1, -1, -1, -1 };
	if (opt && !opt_plain(kind, s, lim, j)) {
		if (netem) { /* attributes stand behind a structure */
			size_t n = NLA_ALIGN(sizeof(struct tc_netem_qopt));

			attrs = s.n >= n ? (struct span){ s.p + n, s.n - n }
					 : (struct span){ s.p, 0 };
		}
		if (!nl_attrs(attrs, tb, ARRAY_SIZE(tb)))
			return false;
		if (netem)
			opt_netem(s, tb, lim, j);
		else if (span_is(kind, "tbf"))
			opt_tbf(tb, lim, j);
		else if (span_is(kind, "htb") && class)
			opt_htb_class(tb, lim, j);
		else if (span_is(kind, "htb"))
			opt_htb(tb, j);
		else if (span_is(kind, "hfsc") && class)
			opt_hfsc_class(tb, lim, j);
		else if (span_is(kind, "fq_codel"))
			opt_fq_codel(tb, lim, j);
		else if (span_is(kind, "fq"))
			opt_fq(tb, lim, j);
		else if (span_is(kind, "cake"))
			opt_cake(tb, xstats, lim, j);
		else if (span_is(kind, "codel"))
			opt_codel(tb, lim, j);
		else if (span_is(kind, "red"))
			opt_red(tb, lim, j);
		else if (span_is(kind, "pie"))
			lim->limit_packets = nl_int(tb[TCA_PIE_LIMIT], -1);
	}
	if (xstats)
		opt_xstats(kind, class, xstats, j);
	return true;
}
