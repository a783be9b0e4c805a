/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * Qdiscs and classes are kept in memory from their first sight to the end,
 * found again by device, handle, parent and kind: one that was replaced is
 * another one. Their rows are written at the end, with the last numbers, the
 * largest backlog and what changed since they were first seen. Classes that are
 * hash buckets of flows (fq_codel, sfq, fq, cake) are left out: nobody set them up, and
 * they come and go with each flow.
 *
 * A filter's row is written at its first sight and updated when the numbers of
 * its actions change.
 */
#include "keymap.h"
#include "nl.h"
#include "tc_options.h"

#include <arpa/inet.h>
#include <linux/gen_stats.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_bpf.h>
#include <linux/tc_act/tc_mirred.h>
#include <stdio.h>

#define QDISC_MAX  30000
#define FILTER_MAX 100000
#define ACT_MAX	   32 /* TCA_ACT_MAX_PRIO */

struct tc_numbers {
	uint64_t bytes, packets;
	uint32_t drops, overlimits, requeues, backlog_bytes, backlog_packets;
};

struct qdisc {
	int64_t netns_id;
	uint64_t kind_key;
	int32_t ifindex;
	uint32_t handle;
	uint32_t parent;
	uint32_t class;
	char dev[NL_DEV_TEXT];
	char kind[16];
	struct tc_numbers first, last;
	uint32_t max_packets, max_bytes; /* backlog */
	struct tc_limits lim;
	char options[1000]; /* JSON; "" none, or too long */
};

struct filter {
	int64_t netns_id;
	int32_t ifindex;
	uint32_t parent;
	uint32_t info; /* preference and protocol */
	uint32_t handle;
	int64_t chain;
	int64_t row; /* of tc_filter */
	uint64_t first_drops, drops, packets;
};

#define QDISC_KEY_BYTES	 offsetof(struct qdisc, dev)
#define FILTER_KEY_BYTES offsetof(struct filter, row)

struct nl_tc {
	const struct nl_env *env;
	const struct nl_link *links;
	struct keymap qdiscs, filters;
	struct nl_json json;
	sqlite3_stmt *ins_qdisc, *ins_filter, *upd_filter;
};

int nl_tc_open(struct nl_tc **out, const struct nl_env *env, const struct nl_link *links)
{
	struct nl_tc *t = calloc(1, sizeof(*t));

	if (!t || nl_json_open(&t->json)) {
		free(t);
		return -ENOMEM;
	}
	t->env = env;
	t->links = links;
	keymap_init(&t->qdiscs, QDISC_KEY_BYTES, sizeof(struct qdisc), QDISC_MAX);
	keymap_init(&t->filters, FILTER_KEY_BYTES, sizeof(struct filter), FILTER_MAX);
	t->ins_qdisc = db_prepare(
		env->d,
		"INSERT INTO qdisc(netns_id, netns, dev, class, kind, handle, parent, "
		"limit_packets, "
		"limit_bytes, rate_bps, burst_bytes, bytes, packets, drops, overlimits, requeues, "
		"backlog_bytes, backlog_packets, drops_delta, packets_delta, max_backlog_packets, "
		"max_backlog_bytes, options) "
		"VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	t->ins_filter = db_prepare(env->d, "INSERT INTO tc_filter(netns_id, netns, dev, parent, "
					   "kind, pref, protocol, actions) "
					   "VALUES(?, ?, ?, ?, ?, ?, ?, ?)");
	t->upd_filter = db_prepare(
		env->d, "UPDATE tc_filter SET actions = ?, drops_delta = ? WHERE rowid = ?");
	*out = t;
	return 0;
}

void nl_tc_free(struct nl_tc *t)
{
	if (!t)
		return;
	keymap_free(&t->qdiscs);
	keymap_free(&t->filters);
	nl_json_close(&t->json);
	free(t);
}

/* A handle as tc(8) prints it: '8001:' or '1:10'. */
static void handle_text(uint32_t h, char out[24])
{
	if (!TC_H_MIN(h))
		snprintf(out, 24, "%x:", TC_H_MAJ(h) >> 16);
	else if (!TC_H_MAJ(h))
		snprintf(out, 24, ":%x", TC_H_MIN(h));
	else
		snprintf(out, 24, "%x:%x", TC_H_MAJ(h) >> 16, TC_H_MIN(h));
}

static void qdisc_parent_text(const struct qdisc *q, char out[24])
{
	if (q->parent == TC_H_ROOT)
		snprintf(out, 24, "root");
	else if (q->parent == TC_H_INGRESS) /* TC_H_CLSACT is the same number */
		snprintf(out, 24, "%s", strcmp(q->kind, "clsact") ? "ingress" : "clsact");
	else
		handle_text(q->parent, out);
}

static void filter_parent_text(uint32_t parent, char out[24])
{
	if (TC_H_MAJ(parent) == TC_H_MAJ(TC_H_CLSACT) &&
	    (!TC_H_MIN(parent) || TC_H_MIN(parent) == TC_H_MIN_INGRESS))
		snprintf(out, 24, "ingress");
	else if (TC_H_MAJ(parent) == TC_H_MAJ(TC_H_CLSACT) && TC_H_MIN(parent) == TC_H_MIN_EGRESS)
		snprintf(out, 24, "egress");
	else
		handle_text(parent, out);
}

/* TCA_STATS2 or TCA_ACT_STATS: gen_stats.h. */
static bool load_numbers(const struct nlattr *stats, struct tc_numbers *n,
			 const struct nlattr **app)
{
	const struct nlattr *tb[TCA_STATS_PKT64 + 1];
	struct span basic, queue;

	if (!nl_nested(stats, tb, ARRAY_SIZE(tb)))
		return false;
	basic = nl_raw(tb[TCA_STATS_BASIC]);
	queue = nl_raw(tb[TCA_STATS_QUEUE]);
	*n = (struct tc_numbers){
		.bytes = nl_get_u64(basic, 0),
		.packets = nl_get_u32(basic, 8),
		.backlog_packets = nl_get_u32(queue, offsetof(struct gnet_stats_queue, qlen)),
		.backlog_bytes = nl_get_u32(queue, offsetof(struct gnet_stats_queue, backlog)),
		.drops = nl_get_u32(queue, offsetof(struct gnet_stats_queue, drops)),
		.requeues = nl_get_u32(queue, offsetof(struct gnet_stats_queue, requeues)),
		.overlimits = nl_get_u32(queue, offsetof(struct gnet_stats_queue, overlimits)),
	};
	if (tb[TCA_STATS_PKT64])
		n->packets = (uint64_t)nl_int(tb[TCA_STATS_PKT64], 0);
	if (app)
		*app = tb[TCA_STATS_APP];
	return true;
}

static void put_numbers(const struct nl_tc *t, const struct qdisc *q)
{
	const char *source = q->class ? "class" : "qdisc";
	char handle[24], dev[NL_DEV_TEXT + 56];
	int n;

	if (!strcmp(q->kind, "noqueue"))
		return; /* it has no queue to count */
	handle_text(q->handle, handle);
	n = snprintf(dev, sizeof(dev), "%s %s", q->dev, handle);
	if (!q->handle &&
	    q->parent != TC_H_ROOT) { /* default qdiscs below mq all have the handle 0: */
		handle_text(q->parent, handle);
		snprintf(dev + n, sizeof(dev) - (size_t)n, " %s", handle);
	}
	nl_put(t->env, source, "bytes", dev, counter_i64(q->last.bytes));
	nl_put(t->env, source, "packets", dev, counter_i64(q->last.packets));
	nl_put(t->env, source, "drops", dev, q->last.drops);
	nl_put(t->env, source, "overlimits", dev, q->last.overlimits);
	nl_put(t->env, source, "requeues", dev, q->last.requeues);
	nl_put(t->env, source, "backlog_bytes", dev, q->last.backlog_bytes);
	nl_put(t->env, source, "backlog_packets", dev, q->last.backlog_packets);
}

/* Options and statistics of the kind, as the last dump has them. */
static bool load_options(struct nl_tc *t, struct qdisc *q, struct span kind,
			 const struct nlattr *opt, const struct nlattr *xstats)
{
	struct json *j = nl_json_begin(&t->json);
	struct span text;
	bool ok;

	json_open_object(j, NULL);
	ok = tc_options(kind, q->class, opt, xstats, &q->lim, j);
	json_close_object(j);
	text = nl_json_end(&t->json);
	if (!text.p || text.n <= 2 || text.n >= sizeof(q->options))
		text.n = 0;
	span_copy(text, q->options, sizeof(q->options));
	if (span_is(kind, "pfifo_fast")) /* each of its bands holds tx_queue_len (sch_generic.c,
					    pfifo_fast_init()) */
		q->lim.limit_packets = nl_link_queue_len(t->links, q->netns_id, q->ifindex);
	return ok;
}

static bool is_flow_kind(struct span kind)
{
	return span_is(kind, "fq_codel") || span_is(kind, "sfq") || span_is(kind, "fq") ||
	       span_is(kind, "cake") || span_is(kind, "fq_pie");
}

static void load_qdisc(struct nl_tc *t, bool class, struct nl_dump *dump, const struct nl_msg *m,
		       const struct snap_at *at)
{
	const struct nlattr *tb[TCA_STATS2 + 1], *app = NULL;
	const struct tcmsg *tcm = nl_head(dump, m, sizeof(*tcm), tb, ARRAY_SIZE(tb));
	struct qdisc key = { .netns_id = at->netns_id }, *q;
	struct tc_numbers now = { 0 };
	struct span kind;
	bool fresh;

	if (!tcm)
		return;
	kind = nl_text(tb[TCA_KIND]);
	if (!kind.n || !load_numbers(tb[TCA_STATS2], &now, &app)) {
		dump->bad++;
		return;
	}
	if (class && is_flow_kind(kind))
		return;
	key.kind_key = keymap_text(kind);
	key.ifindex = tcm->tcm_ifindex;
	key.handle = tcm->tcm_handle;
	key.parent = tcm->tcm_parent;
	key.class = class;
	q = keymap_get(&t->qdiscs, &key, &fresh);
	if (!q)
		return;
	if (fresh)
		q->first = t->env->from_boot ? (struct tc_numbers){ 0 } : now;
	q->last = now;
	q->max_packets =
		now.backlog_packets > q->max_packets ? now.backlog_packets : q->max_packets;
	q->max_bytes = now.backlog_bytes > q->max_bytes ? now.backlog_bytes : q->max_bytes;
	span_copy(kind, q->kind, sizeof(q->kind));
	nl_dev_text(t->env, at->netns_id, tcm->tcm_ifindex, q->dev);
	if (!load_options(t, q, kind, tb[TCA_OPTIONS], tb[TCA_XSTATS] ? tb[TCA_XSTATS] : app))
		dump->bad++;
	put_numbers(t, q);
}

/* Which attribute of a filter's options holds its actions, and which an old-style policer. */
static const struct {
	const char *kind;
	uint16_t act, police;
} filter_kind[] = {
	{ "u32", TCA_U32_ACT, TCA_U32_POLICE },
	{ "flower", TCA_FLOWER_ACT, 0 },
	{ "matchall", TCA_MATCHALL_ACT, 0 },
	{ "bpf", TCA_BPF_ACT, TCA_BPF_POLICE },
	{ "basic", TCA_BASIC_ACT, TCA_BASIC_POLICE },
	{ "fw", TCA_FW_ACT, TCA_FW_POLICE },
	{ "route", TCA_ROUTE4_ACT, TCA_ROUTE4_POLICE },
	{ "flow", TCA_FLOW_ACT, TCA_FLOW_POLICE },
	{ "cgroup", TCA_CGROUP_ACT, TCA_CGROUP_POLICE },
};

static const char *action_text(int32_t action, char out[24])
{
	static const char *const text[] = { "pass",   "reclassify", "drop",	"pipe", "stolen",
					    "queued", "repeat",	    "redirect", "trap" };

	if (action == TC_ACT_UNSPEC)
		return "continue";
	if (action >= 0 && action < (int32_t)ARRAY_SIZE(text))
		return text[action];
	if (TC_ACT_EXT_CMP(action, TC_ACT_GOTO_CHAIN))
		snprintf(out, 24, "goto chain %u", (uint32_t)action & TC_ACT_EXT_VAL_MASK);
	else if (TC_ACT_EXT_CMP(action, TC_ACT_JUMP))
		snprintf(out, 24, "jump %u", (uint32_t)action & TC_ACT_EXT_VAL_MASK);
	else
		snprintf(out, 24, "%d", action);
	return out;
}

/* The structure that all actions have, with the policer's own order of its members. */
static struct span action_parms(struct span kind, const struct nlattr *options, size_t *action_at)
{
	/* most have TCA_x_TM before TCA_x_PARMS, these do not (include/uapi/linux/tc_act/) */
	static const char *const first[] = { "police", "nat", "csum", "connmark", "ct", "ctinfo" };
	const struct nlattr *tb[8];
	size_t type = 2;

	*action_at = 8; /* tc_gen: index, capab, action */
	if (!nl_nested(options, tb, ARRAY_SIZE(tb)))
		return (struct span){ 0 };
	for (size_t i = 0; i < ARRAY_SIZE(first); i++)
		if (span_is(kind, first[i]))
			type = 1;
	if (span_is(kind, "police"))
		*action_at = offsetof(struct tc_police, action);
	return nl_raw(tb[type]);
}

static const char *mirred_text(uint32_t eaction)
{
	static const char *const text[] = { "?", "egress redirect", "egress mirror",
					    "ingress redirect", "ingress mirror" };

	return text[eaction < ARRAY_SIZE(text) ? eaction : 0];
}

/* One action, and what it did, into the array; adds to the filter's sums. */
static void put_action(struct nl_tc *t, struct json *j, struct span kind, struct span parms,
		       size_t action_at, const struct tc_numbers *n, const struct snap_at *at)
{
	char text[24], dev[NL_DEV_TEXT];

	json_open_object(j, NULL);
	json_span(j, "kind", kind);
	if (parms.p)
		json_text(j, "action", action_text((int32_t)nl_get_u32(parms, action_at), text));
	if (span_is(kind, "mirred") && parms.n >= sizeof(struct tc_mirred)) {
		json_text(j, "mirred",
			  mirred_text(nl_get_u32(parms, offsetof(struct tc_mirred, eaction))));
		json_text(j, "to",
			  nl_dev_text(t->env, at->netns_id,
				      (int)nl_get_u32(parms, offsetof(struct tc_mirred, ifindex)),
				      dev));
	}
	json_uint(j, "packets", n->packets);
	json_uint(j, "bytes", n->bytes);
	json_uint(j, "drops", n->drops);
	json_close_object(j);
}

/* All actions of a filter as a JSON array; @sum gets their numbers. */
static bool load_actions(struct nl_tc *t, struct json *j, const struct nlattr *acts,
			 struct tc_numbers *sum, const struct snap_at *at)
{
	struct span left = nl_raw(acts);
	const struct nlattr *a;
	int n = 0;

	while (n++ < ACT_MAX && (a = nl_each(&left))) {
		const struct nlattr *tb[TCA_ACT_STATS + 1];
		struct tc_numbers x = { 0 };
		struct span kind, parms;
		size_t action_at;

		if (!nl_nested(a, tb, ARRAY_SIZE(tb)) || !load_numbers(tb[TCA_ACT_STATS], &x, NULL))
			return false;
		kind = nl_text(tb[TCA_ACT_KIND]);
		parms = action_parms(kind, tb[TCA_ACT_OPTIONS], &action_at);
		put_action(t, j, kind.p ? kind : SPAN_LIT("?"), parms, action_at, &x, at);
		sum->packets = sat_add_u64(sum->packets, x.packets);
		sum->drops += x.drops;
	}
	return true;
}

/* What stands in a filter's options, as a JSON array. */
static bool load_filter_actions(struct nl_tc *t, struct span kind, const struct nlattr *const *tb,
				struct tc_numbers *sum, struct span *text, const struct snap_at *at)
{
	const struct nlattr *opt[TCA_FLOWER_ACT + 16];
	struct json *j = nl_json_begin(&t->json);
	bool ok = nl_nested(tb[TCA_OPTIONS], opt, ARRAY_SIZE(opt));

	json_open_array(j, NULL);
	for (size_t i = 0; ok && i < ARRAY_SIZE(filter_kind); i++) {
		if (!span_is(kind, filter_kind[i].kind))
			continue;
		if (opt[filter_kind[i].act])
			ok = load_actions(t, j, opt[filter_kind[i].act], sum, at);
		if (ok && filter_kind[i].police && opt[filter_kind[i].police]) {
			const struct nlattr *police[2];

			/* its statistics stand beside the options (cls_api.c,
			 * tcf_exts_dump_stats()) */
			ok = nl_nested(opt[filter_kind[i].police], police, ARRAY_SIZE(police)) &&
			     load_numbers(tb[TCA_STATS2], sum, NULL);
			put_action(t, j, SPAN_LIT("police"), nl_raw(police[TCA_POLICE_TBF]),
				   offsetof(struct tc_police, action), sum, at);
		}
	}
	if (ok && span_is(kind, "bpf") && nl_int(opt[TCA_BPF_FLAGS], 0) & TCA_BPF_FLAG_ACT_DIRECT) {
		json_open_object(
			j, NULL); /* the program decides itself; the kernel counts nothing for it */
		json_text(j, "kind", "bpf");
		json_text(j, "action", "direct-action");
		if (opt[TCA_BPF_NAME])
			json_span(j, "name", nl_text(opt[TCA_BPF_NAME]));
		json_close_object(j);
	}
	json_close_array(j);
	*text = nl_json_end(&t->json);
	return ok;
}

static void filter_row(struct nl_tc *t, struct filter *f, struct span kind, struct span actions,
		       const struct snap_at *at)
{
	sqlite3_stmt *st = t->ins_filter;
	char dev[NL_DEV_TEXT], parent[24];

	if ((uint32_t)f->ifindex == TCM_IFINDEX_MAGIC_BLOCK) {
		snprintf(dev, sizeof(dev), "block %u", f->parent); /* shared between devices */
		snprintf(parent, sizeof(parent), "block");
	} else {
		nl_dev_text(t->env, at->netns_id, f->ifindex, dev);
		filter_parent_text(f->parent, parent);
	}
	db_bind_int(st, 1, at->netns_id);
	db_bind_text(st, 2, at->netns);
	db_bind_text(st, 3, dev);
	db_bind_text(st, 4, parent);
	db_bind_span(st, 5, kind);
	db_bind_int(st, 6, f->info >> 16);
	db_bind_int(st, 7, ntohs((uint16_t)f->info));
	db_bind_span(st, 8, actions);
	db_run(t->env->d, st);
	f->row = sqlite3_last_insert_rowid(db_handle(t->env->d));
}

static void load_filter(struct nl_tc *t, struct nl_dump *dump, const struct nl_msg *m,
			const struct snap_at *at)
{
	const struct nlattr *tb[TCA_CHAIN + 1];
	const struct tcmsg *tcm = nl_head(dump, m, sizeof(*tcm), tb, ARRAY_SIZE(tb));
	struct filter key = { .netns_id = at->netns_id }, *f;
	struct span kind, actions = { 0 };
	struct tc_numbers sum = { 0 };
	bool fresh;

	if (!tcm || !tcm->tcm_handle)
		return; /* the head of a chain of filters, which holds nothing itself */
	kind = nl_text(tb[TCA_KIND]);
	if (span_is(kind, "u32") && !TC_U32_NODE(tcm->tcm_handle))
		return; /* a hash table of u32 */
	if (!kind.n || !load_filter_actions(t, kind, tb, &sum, &actions, at)) {
		dump->bad++;
		return;
	}
	key.ifindex = tcm->tcm_ifindex;
	key.parent = tcm->tcm_parent;
	key.info = tcm->tcm_info;
	key.handle = tcm->tcm_handle;
	key.chain = nl_int(tb[TCA_CHAIN], 0);
	f = keymap_get(&t->filters, &key, &fresh);
	if (!f)
		return;
	if (fresh) {
		f->first_drops = sum.drops;
		filter_row(t, f, kind, actions, at);
	} else if (f->drops != sum.drops || f->packets != sum.packets) {
		db_bind_span(t->upd_filter, 1, actions);
		db_bind_int(t->upd_filter, 2,
			    sum.drops > f->first_drops ? (int64_t)(sum.drops - f->first_drops) : 0);
		db_bind_int(t->upd_filter, 3, f->row);
		db_run(t->env->d, t->upd_filter);
	}
	f->drops = sum.drops;
	f->packets = sum.packets;
}

void nl_tc_load(struct nl_tc *t, enum nl_kind kind, struct nl_dump *dump, const struct snap_at *at)
{
	struct nl_msg m;

	while (nl_dump_next(dump, &m)) {
		if (kind == NL_QDISC && m.type == RTM_NEWQDISC)
			load_qdisc(t, false, dump, &m, at);
		else if (kind == NL_TCLASS && m.type == RTM_NEWTCLASS)
			load_qdisc(t, true, dump, &m, at);
		else if (kind == NL_TFILTER && m.type == RTM_NEWTFILTER)
			load_filter(t, dump, &m, at);
		else
			dump->bad++;
	}
}

/* What was added since the first sight; a counter that was reset counts from there. */
static int64_t grown(uint64_t first, uint64_t last)
{
	return counter_i64(last >= first ? last - first : last);
}

static void qdisc_row(struct nl_tc *t, const struct qdisc *q)
{
	const struct host_netns *ns = host_netns_by_id(t->env->h, q->netns_id);
	sqlite3_stmt *st = t->ins_qdisc;
	char handle[24], parent[24];

	handle_text(q->handle, handle);
	qdisc_parent_text(q, parent);
	db_bind_int(st, 1, q->netns_id);
	db_bind_text(st, 2, ns ? ns->name : "?");
	db_bind_text(st, 3, q->dev);
	db_bind_int(st, 4, q->class);
	db_bind_text(st, 5, q->kind);
	db_bind_text(st, 6, handle);
	db_bind_text(st, 7, parent);
	db_bind_opt(st, 8, q->lim.limit_packets, -1);
	db_bind_opt(st, 9, q->lim.limit_bytes, -1);
	db_bind_opt(st, 10, q->lim.rate_bps, -1);
	db_bind_opt(st, 11, q->lim.burst_bytes, -1);
	db_bind_int(st, 12, counter_i64(q->last.bytes));
	db_bind_int(st, 13, counter_i64(q->last.packets));
	db_bind_int(st, 14, q->last.drops);
	db_bind_int(st, 15, q->last.overlimits);
	db_bind_int(st, 16, q->last.requeues);
	db_bind_int(st, 17, q->last.backlog_bytes);
	db_bind_int(st, 18, q->last.backlog_packets);
	db_bind_int(st, 19, grown(q->first.drops, q->last.drops));
	db_bind_int(st, 20, grown(q->first.packets, q->last.packets));
	db_bind_int(st, 21, q->max_packets);
	db_bind_int(st, 22, q->max_bytes);
	db_bind_text(st, 23, q->options[0] ? q->options : NULL);
	db_run(t->env->d, st);
}

int nl_tc_finish(struct nl_tc *t)
{
	if (t->qdiscs.nomem || t->filters.nomem)
		return -ENOMEM;
	for (size_t i = 0; i < t->qdiscs.count; i++)
		qdisc_row(t, keymap_at(&t->qdiscs, i));
	nl_limit(t->env->d, "nl/qdisc", t->qdiscs.refused, QDISC_MAX);
	nl_limit(t->env->d, "nl/tfilter", t->filters.refused, FILTER_MAX);
	return 0;
}
