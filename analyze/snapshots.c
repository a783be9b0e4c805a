/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * One pass over the names of the tape's members makes a list of those that a
 * source of the table below knows, sorted by snapshot, then by namespace in the
 * order of its first appearance, then by the table's order: times come first,
 * then links, whose names everything else uses. For each source it is known
 * before reading which member is the first and which the last of a namespace, so
 * what only the last one tells is read once.
 *
 * A second pass reads them. Each parser skips what it cannot use and says how
 * much that was; at the end this becomes one quality row per source.
 */
#include "snapshots.h"
#include "counters.h"
#include "ethtool_read.h"
#include "folder_nl.h"
#include "keymap.h"
#include "nl.h"
#include "procfs.h"
#include "snap_texts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#define COUNTER_MAX 1000000
#define NETNS_MAX   100000

enum flag {
	HOST = 1,      /* below snap/SEQ/host */
	NETNS = 2,     /* below snap/SEQ/INODE */
	LAST_ONLY = 4, /* only a namespace's last one is read */
	ONCE = 8,      /* of the whole machine: one per snapshot is enough, wherever it was read */
};

struct snapshots;
struct source;

/* One of the parsers is set; none for times, which the walk reads itself. */
struct source {
	const char *path;
	unsigned int flags;
	uint64_t (*plain)(struct span text, struct sample_sink *sink);
	uint64_t (*named)(struct span text, const char *source, struct sample_sink *sink);
	uint64_t (*made)(struct snap_texts *x, struct span text, const struct snap_at *at);
	uint64_t (*load)(struct snapshots *s, const struct source *src, struct span data,
			 const struct snap_at *at);
	const char *name; /* of the counters' source */
	enum nl_kind kind;
};

/* A namespace that has members; the first one stands for the machine. */
struct place {
	uint64_t inum; /* 0: the machine */
	uint64_t have; /* bits of sources */
	int64_t netns_id;
	const char *name;
	int64_t first_seq;
};

/* A member of a snapshot. */
struct entry {
	uint32_t seq;
	uint32_t place;
	uint32_t member;
	uint8_t source;
	bool first, last;
};

struct snapshots {
	struct tape *tape;
	struct db *d;
	struct host *h;
	const struct clocks *c;
	struct nl_env env;
	struct counters *counters;
	struct nl_link *link;
	struct nl_sock *sock;
	struct nl_nft *nft;
	struct nl_tc *tc;
	struct ethtool_read *ethtool;
	struct snap_texts *texts;
	struct keymap places;
	const struct place *place; /* of the member that is being read */
	uint64_t now;		   /* bits of the sources of that place in that snapshot */
	struct entry *entries;
	size_t n, cap;
	uint64_t bad[64];	    /* by source: records that could not be read */
	int64_t once_seq[64];	    /* by source: last snapshot that was read, plus 1 */
	uint64_t interrupted;	    /* dumps during which the table changed */
	uint64_t timeless, doubles; /* members without a time, members that came twice */
	bool big_endian;
	struct procfs_cpus cpus;
	struct buf buf;
	struct buf made; /* messages made of a text */
};

static bool has(uint64_t bits, const char *path);

static uint64_t load_stat(struct snapshots *s, const struct source *src, struct span data,
			  const struct snap_at *at)
{
	(void)src, (void)at;
	return procfs_stat(data, &s->cpus, counters_sink(s->counters));
}

static uint64_t load_softnet(struct snapshots *s, const struct source *src, struct span data,
			     const struct snap_at *at)
{
	(void)src, (void)at;
	return procfs_softnet(data, &s->cpus, counters_sink(s->counters));
}

static uint64_t load_stat_table(struct snapshots *s, const struct source *src, struct span data,
				const struct snap_at *at)
{
	(void)at;
	return procfs_stat_table(data, src->name, src->flags & ONCE, counters_sink(s->counters));
}

static uint64_t load_dev(struct snapshots *s, const struct source *src, struct span data,
			 const struct snap_at *at)
{
	(void)src;
	/* link dumps say the same and more; rx_dropped means something else there */
	return has(s->place->have, "nl/link") && nl_link_counts(s->link, at->netns_id)
		       ? 0
		       : procfs_dev(data, counters_sink(s->counters));
}

/* Passes on only how many entries the table has. */
struct entries_sink {
	struct sample_sink sink;
	struct counters *counters;
};

static void put_entries(struct sample_sink *s, const struct sample *x)
{
	if (span_is(x->name, "entries"))
		counters_put(((struct entries_sink *)s)->counters, x);
}

static uint64_t load_conntrack(struct snapshots *s, const struct source *src, struct span data,
			       const struct snap_at *at)
{
	struct entries_sink entries = { { put_entries }, s->counters };

	(void)at;
	/* ctnetlink's statistics lack only this number; its module may come during the recording */
	return procfs_stat_table(data, src->name, false,
				 has(s->now, "nl/ctstats") ? &entries.sink
							   : counters_sink(s->counters));
}

static uint64_t load_ethtool(struct snapshots *s, const struct source *src, struct span data,
			     const struct snap_at *at)
{
	(void)src;
	return s->big_endian ? 0 : ethtool_read_load(s->ethtool, data, at);
}

/* A netlink dump; the tape's numbers must have this machine's byte order. */
static uint64_t load_dump(struct snapshots *s, const struct source *src, struct span data,
			  const struct snap_at *at)
{
	struct nl_dump dump;

	if (s->big_endian)
		return 0;
	nl_dump_init(&dump, data);
	if (src->kind <= NL_NEIGH)
		nl_link_load(s->link, src->kind, &dump, at);
	else if (src->kind <= NL_TFILTER)
		nl_tc_load(s->tc, src->kind, &dump, at);
	else if (src->kind <= NL_CTSTATS)
		nl_sock_load(s->sock, src->kind, &dump, at);
	else
		nl_nft_load(s->nft, src->kind, &dump, at);
	s->interrupted += dump.interrupted;
	return dump.bad;
}

/* The sockets of a namespace for which the kernel has no netlink dump, as long as no inet_diag module is loaded. */
static uint64_t load_sockets(struct snapshots *s, const struct source *src, struct span data,
			     const struct snap_at *at)
{
	bool udp = src->kind == NL_SOCK_UDP;
	struct nl_dump dump;
	int64_t bad;

	if (s->big_endian || has(s->now, udp ? "nl/sock-udp" : "nl/sock-tcp"))
		return 0;
	buf_reset(&s->made);
	bad = folder_nl_proc(data, udp, src->path[strlen(src->path) - 1] == '6', &s->made);
	nl_dump_init(&dump, (struct span){ (const char *)s->made.data, s->made.len });
	nl_sock_load(s->sock, src->kind, &dump, at);
	return dump.bad + (bad < 0 ? 1 : (uint64_t)bad);
}

#define DUMP(p, f, k)                                                                              \
	{                                                                                          \
		.path = "nl/" p, .flags = NETNS | (f), .load = load_dump, .kind = (k)              \
	}
#define PROC(p, ...)                                                                               \
	{                                                                                          \
		.path = "proc/" p, __VA_ARGS__                                                     \
	}

static const struct source sources[] = {
	{ .path = "time", .flags = NETNS },
	PROC("stat", .flags = HOST, .load = load_stat), /* before softnet_stat, for its CPUs */
	PROC("softirqs", .flags = HOST, .plain = procfs_softirqs),
	PROC("interrupts", .flags = HOST, .plain = procfs_interrupts),
	PROC("schedstat", .flags = HOST, .plain = procfs_schedstat),
	{ .path = "irq", .flags = HOST | LAST_ONLY, .made = snap_texts_irq },
	{ .path = "cgroup-bpf", .flags = HOST, .made = snap_texts_cgroup_bpf },
	{ .path = "cgroups", .flags = HOST, .made = snap_texts_cgroups },
	DUMP("link", 0, NL_LINK),
	DUMP("addr", LAST_ONLY, NL_ADDR),
	DUMP("route", LAST_ONLY, NL_ROUTE),
	DUMP("rule", LAST_ONLY, NL_RULE),
	DUMP("neigh", 0, NL_NEIGH),
	DUMP("qdisc", 0, NL_QDISC),
	DUMP("tclass", 0, NL_TCLASS),
	DUMP("tfilter", 0, NL_TFILTER),
	DUMP("sock-tcp", 0, NL_SOCK_TCP),
	DUMP("sock-tcp6", 0, NL_SOCK_TCP),
	DUMP("sock-udp", 0, NL_SOCK_UDP),
	DUMP("sock-udp6", 0, NL_SOCK_UDP),
	DUMP("sock-raw", 0, NL_SOCK_RAW),
	DUMP("sock-unix", 0, NL_SOCK_UNIX),
	DUMP("sock-packet", 0, NL_SOCK_PACKET),
	DUMP("conntrack", LAST_ONLY, NL_CONNTRACK),
	DUMP("ctstats", 0, NL_CTSTATS),
	DUMP("nft-chain", 0, NL_NFT_CHAIN),
	DUMP("nft-rule", 0, NL_NFT_RULE),
	PROC("net/snmp", .flags = NETNS, .named = procfs_snmp, .name = "snmp"),
	PROC("net/netstat", .flags = NETNS, .named = procfs_snmp, .name = "netstat"),
	PROC("net/snmp6", .flags = NETNS, .named = procfs_pairs, .name = "snmp6"),
	PROC("net/xfrm_stat", .flags = NETNS, .named = procfs_pairs, .name = "xfrm_stat"),
	PROC("net/sctp/snmp", .flags = NETNS, .named = procfs_pairs, .name = "sctp"),
	PROC("net/sockstat", .flags = NETNS, .plain = procfs_sockstat),
	PROC("net/sockstat6", .flags = NETNS, .plain = procfs_sockstat),
	PROC("net/tcp", .flags = NETNS, .load = load_sockets, .kind = NL_SOCK_TCP),
	PROC("net/tcp6", .flags = NETNS, .load = load_sockets, .kind = NL_SOCK_TCP),
	PROC("net/udp", .flags = NETNS, .load = load_sockets, .kind = NL_SOCK_UDP),
	PROC("net/udp6", .flags = NETNS, .load = load_sockets, .kind = NL_SOCK_UDP),
	PROC("net/dev", .flags = NETNS, .load = load_dev),
	PROC("net/stat/nf_conntrack", .flags = NETNS, .load = load_conntrack, .name = "conntrack"),
	PROC("net/stat/synproxy", .flags = NETNS, .load = load_stat_table, .name = "synproxy"),
	PROC("net/stat/arp_cache", .flags = HOST | NETNS | ONCE, .load = load_stat_table,
	     .name = "arp_cache"),
	PROC("net/stat/ndisc_cache", .flags = HOST | NETNS | ONCE, .load = load_stat_table,
	     .name = "ndisc_cache"),
	PROC("net/stat/rt_cache", .flags = HOST | NETNS | ONCE, .load = load_stat_table,
	     .name = "rt_cache"),
	PROC("net/softnet_stat", .flags = HOST | NETNS | ONCE, .load = load_softnet),
	{ .path = "sysctl", .flags = NETNS, .made = snap_texts_sysctl },
	{ .path = "sysfs", .flags = NETNS | LAST_ONLY, .made = snap_texts_sysfs },
	{ .path = "ethtool", .flags = NETNS, .load = load_ethtool },
	{ .path = "missing", .flags = NETNS, .made = snap_texts_missing },
};

#define SOURCES	    ARRAY_SIZE(sources)
#define SOURCE_TIME 0	/* of a namespace */
#define SNAP_TIME   255 /* of the snapshot, in struct entry */

_Static_assert(SOURCES <= 64, "a bit for each source");

static bool has(uint64_t bits, const char *path)
{
	for (size_t i = 0; i < SOURCES; i++)
		if (!strcmp(sources[i].path, path))
			return bits >> i & 1;
	return false;
}

/* --- the list of members --- */

static int add_entry(struct snapshots *s, const struct entry *e)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 1024;
		struct entry *p = realloc(s->entries, cap * sizeof(*p));

		if (!p)
			return -ENOMEM;
		s->entries = p;
		s->cap = cap;
	}
	s->entries[s->n++] = *e;
	return 0;
}

/* Number of the namespace of that inode number; 0 is the machine. Return: 0, -ENOMEM, -E2BIG. */
static int find_place(struct snapshots *s, uint64_t inum, uint32_t *place)
{
	struct place *p;
	bool fresh;

	p = keymap_get(&s->places, &inum, &fresh);
	if (!p)
		return s->places.nomem ? -ENOMEM : -E2BIG;
	if (fresh)
		p->first_seq = INT64_MAX;
	*place = (uint32_t)(((uint8_t *)p - s->places.items) / s->places.item_bytes);
	return 0;
}

/* snap/SEQ/time, snap/SEQ/host/PATH, snap/SEQ/INODE/PATH. Return: 0, -ENOMEM. */
static int list_member(struct snapshots *s, size_t member)
{
	const char *name = tape_member(s->tape, member)->name;
	struct span rest = { name, strlen(name) }, part, seq_s;
	struct entry e = { .member = (uint32_t)member, .source = SNAP_TIME };
	uint64_t seq, inum = 0;
	unsigned int scope = HOST;
	size_t i;
	int rc;

	if (!span_field(&rest, '/', &part) || !span_is(part, "snap") ||
	    !span_field(&rest, '/', &seq_s) || span_u64(seq_s, &seq) || seq >= UINT32_MAX)
		return 0;
	e.seq = (uint32_t)seq;
	if (span_is(rest, "time"))
		return add_entry(s, &e);
	if (!span_field(&rest, '/', &part))
		return 0;
	if (!span_is(part, "host")) {
		if (span_u64(part, &inum) || !inum)
			return 0;
		scope = NETNS;
	}
	for (i = 0; i < SOURCES; i++)
		if (sources[i].flags & scope && span_is(rest, sources[i].path))
			break;
	if (i == SOURCES)
		return 0;
	e.source = (uint8_t)i;
	rc = find_place(s, inum, &e.place);
	return rc ? (rc == -E2BIG ? 0 : rc) : add_entry(s, &e);
}

/* -1, 0, 1 */
static int order(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int by_source(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;
	int c = order(a->source, b->source);

	if (!c)
		c = order(a->place, b->place);
	if (!c)
		c = order(a->seq, b->seq);
	return c ? c : order(a->member, b->member);
}

static int by_snapshot(const void *pa, const void *pb)
{
	const struct entry *a = pa, *b = pb;
	int c = order(a->seq, b->seq);

	if (!c)
		c = order(b->source == SNAP_TIME, a->source == SNAP_TIME);
	if (!c)
		c = order(a->place, b->place);
	if (!c)
		c = order(a->source, b->source);
	return c ? c : order(a->member, b->member);
}

static bool same_series(const struct entry *a, const struct entry *b)
{
	return a->source == b->source && a->place == b->place;
}

/* First and last member of each source and namespace; a name that came twice counts once. */
static void mark_entries(struct snapshots *s)
{
	size_t n = 0;

	if (!s->n)
		return;
	qsort(s->entries, s->n, sizeof(*s->entries), by_source);
	for (size_t i = 0; i < s->n; i++) {
		if (n && same_series(&s->entries[n - 1], &s->entries[i]) &&
		    s->entries[n - 1].seq == s->entries[i].seq)
			s->doubles++;
		else
			s->entries[n++] = s->entries[i];
	}
	s->n = n;
	for (size_t i = 0; i < n; i++) {
		struct entry *e = &s->entries[i];
		struct place *p = keymap_at(&s->places, e->place);

		e->first = !i || !same_series(e, e - 1);
		e->last = i + 1 == n || !same_series(e, e + 1);
		if (e->source == SNAP_TIME)
			continue;
		p->have |= 1ULL << e->source;
		p->first_seq = e->seq < p->first_seq ? e->seq : p->first_seq;
	}
	qsort(s->entries, n, sizeof(*s->entries), by_snapshot);
}

static int list_members(struct snapshots *s)
{
	uint32_t machine;
	int rc = find_place(s, 0, &machine);

	for (size_t i = 0; !rc && i < tape_member_count(s->tape); i++)
		rc = list_member(s, i);
	if (rc)
		return rc;
	mark_entries(s);
	/* in the order of the tape; a namespace that netns/SEQ did not name gets its number here */
	for (size_t i = 1; i < s->places.count; i++) {
		struct place *p = keymap_at(&s->places, i);
		const struct host_netns *ns = host_netns(s->h, p->inum);

		if (!ns)
			return -ENOMEM;
		p->netns_id = ns->id;
		p->name = ns->name;
	}
	return 0;
}

/* --- reading --- */

static int load_member(struct snapshots *s, size_t member, struct span *data, struct err *e)
{
	int rc = tape_load(s->tape, member, &s->buf, e);

	if (!rc)
		*data = (struct span){ (const char *)s->buf.data, s->buf.len };
	return rc;
}

/* A time member: begin, end, and a snapshot's kind. */
struct times {
	int64_t begin_ns, end_ns; /* CLOCK_REALTIME */
	const char *kind;
};

/* Return: 1, 0 when it says nothing usable, or an error of reading. */
static int read_times(struct snapshots *s, const struct entry *e, struct times *t, struct err *err)
{
	static const char *const kinds[] = { "before", "tick", "after" };
	struct span data, line, begin_s, end_s;
	int64_t begin, end;
	int rc = load_member(s, e->member, &data, err);

	if (rc)
		return rc;
	if (!span_line(&data, &line) || !span_field(&line, '\t', &begin_s) ||
	    !span_field(&line, '\t', &end_s) || span_i64(begin_s, &begin) || span_i64(end_s, &end))
		return 0;
	t->begin_ns = clocks_mono_real(s->c, begin);
	t->end_ns = clocks_mono_real(s->c, end);
	t->kind = "tick";
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (span_is(line, kinds[i]))
			t->kind = kinds[i];
	return 1;
}

/*
 * Times of the snapshot whose entries are [@from, @to): its own, which the recorder writes last, or
 * where the tape ends before that, those of its namespaces.
 */
static int snapshot_times(struct snapshots *s, size_t from, size_t to, struct times *t,
			  struct err *err)
{
	struct times x;
	int found = 0;

	for (size_t i = from; i < to; i++) {
		int rc;

		if (s->entries[i].source != SNAP_TIME && s->entries[i].source != SOURCE_TIME)
			continue;
		rc = read_times(s, &s->entries[i], &x, err);
		if (rc < 0)
			return rc;
		if (rc && s->entries[i].source == SNAP_TIME) {
			*t = x;
			return 1;
		}
		if (rc && (!found || x.begin_ns < t->begin_ns))
			t->begin_ns = x.begin_ns;
		if (rc && (!found || x.end_ns > t->end_ns))
			t->end_ns = x.end_ns;
		found |= rc;
	}
	t->kind = "tick";
	return found;
}

static int read_entry(struct snapshots *s, const struct entry *e, struct snap_at *at,
		      struct err *err)
{
	const struct source *src = &sources[e->source];
	struct sample_sink *sink = counters_sink(s->counters);
	struct span data;
	int rc;

	if ((src->flags & LAST_ONLY && !e->last) ||
	    (src->flags & ONCE && s->once_seq[e->source] == at->seq + 1))
		return 0;
	rc = load_member(s, e->member, &data, err);
	if (rc)
		return rc;
	s->once_seq[e->source] = at->seq + 1;
	at->first = e->first;
	at->last = e->last;
	counters_at(s->counters, at->ns, s->place->netns_id, s->place->first_seq == at->seq);
	s->bad[e->source] += src->plain	  ? src->plain(data, sink)
			     : src->named ? src->named(data, src->name, sink)
			     : src->made  ? src->made(s->texts, data, at)
					  : src->load(s, src, data, at);
	return 0;
}

static int read_snapshot(struct snapshots *s, size_t from, size_t to, sqlite3_stmt *ins,
			 struct err *err)
{
	struct times t = { 0 }, x;
	struct snap_at at = { .seq = s->entries[from].seq };
	int rc = snapshot_times(s, from, to, &t, err);

	if (rc <= 0) {
		s->timeless += to - from;
		return rc;
	}
	db_bind_int(ins, 1, at.seq);
	db_bind_text(ins, 2, t.kind);
	db_bind_int(ins, 3, t.begin_ns);
	db_bind_int(ins, 4, t.end_ns);
	db_run(s->d, ins);
	rc = 0;
	for (size_t i = from; !rc && i < to; i++) {
		const struct entry *e = &s->entries[i];

		if (e->source == SNAP_TIME)
			continue;
		if (i == from || e->place != e[-1].place || e[-1].source == SNAP_TIME) {
			s->place = keymap_at(&s->places, e->place);
			at.netns_id = s->place->netns_id;
			at.netns = s->place->name;
			at.ns = t.begin_ns;
			s->now = 0;
			for (size_t k = i; k < to && s->entries[k].place == e->place; k++)
				s->now |= 1ULL << s->entries[k].source;
		}
		if (e->source == SOURCE_TIME) {
			rc = read_times(s, e, &x, err);
			if (rc > 0)
				at.ns = x.begin_ns;
			rc = rc < 0 ? rc : 0;
		} else {
			rc = read_entry(s, e, &at, err);
		}
	}
	return rc;
}

static int read_snapshots(struct snapshots *s, struct err *err)
{
	sqlite3_stmt *ins = db_prepare(
		s->d, "INSERT INTO snapshot(id, kind, begin_ns, end_ns) VALUES(?, ?, ?, ?)");
	int rc = 0;

	for (size_t from = 0, to; !rc && from < s->n; from = to) {
		for (to = from; to < s->n && s->entries[to].seq == s->entries[from].seq;)
			to++;
		rc = read_snapshot(s, from, to, ins, err);
	}
	return rc;
}

/* Members that are no part of a snapshot: tasks/SEQ and kmsg. */
static int read_others(struct snapshots *s, struct err *err)
{
	uint64_t bad_tasks = 0, bad_kmsg = 0;
	int rc = 0;

	for (size_t i = 0; !rc && i < tape_member_count(s->tape); i++) {
		const char *name = tape_member(s->tape, i)->name;
		bool tasks = !strncmp(name, "tasks/", 6);
		struct span data;

		if (!tasks && strcmp(name, "kmsg"))
			continue;
		rc = load_member(s, i, &data, err);
		if (!rc && tasks)
			bad_tasks += snap_texts_tasks(s->texts, data);
		else if (!rc)
			bad_kmsg += snap_texts_kmsg(s->texts, data);
	}
	if (bad_tasks)
		db_quality(s->d,
			   &(struct quality){ "format", "tasks", -1, NULL, -1, -1,
					      counter_i64(bad_tasks) },
			   "lines that could not be read were skipped");
	if (bad_kmsg)
		db_quality(s->d,
			   &(struct quality){ "format", "kmsg", -1, NULL, -1, -1,
					      counter_i64(bad_kmsg) },
			   "records that could not be read were skipped");
	return rc;
}

/* What could not be used. */
static void put_quality(struct snapshots *s)
{
	for (size_t i = 0; i < SOURCES; i++)
		if (s->bad[i])
			db_quality(s->d,
				   &(struct quality){ "format", sources[i].path, -1, NULL, -1, -1,
						      counter_i64(s->bad[i]) },
				   "records of the snapshots that could not be read were skipped");
	if (s->timeless)
		db_quality(s->d,
			   &(struct quality){ "format", "snap", -1, NULL, -1, -1,
					      counter_i64(s->timeless) },
			   "parts of snapshots without a time were left out");
	if (s->doubles)
		db_quality(s->d,
			   &(struct quality){ "format", "snap", -1, NULL, -1, -1,
					      counter_i64(s->doubles) },
			   "parts of snapshots are on the tape twice; the first of each was used");
	if (s->interrupted)
		db_quality(s->d,
			   &(struct quality){ "note", "nl", -1, NULL, -1, -1,
					      counter_i64(s->interrupted) },
			   "netlink dumps during which the kernel's table changed: entries may be "
			   "missing or twice");
	if (s->big_endian && !tape_state(s->tape)->foreign)
		db_quality(s->d, &(struct quality){ "undecoded", "nl", -1, NULL, -1, -1, -1 },
			   "the tape is of a big-endian host: its netlink dumps and ethtool "
			   "records were not read");
	nl_limit(s->d, "netns", s->places.refused, NETNS_MAX);
}

static int finish(struct snapshots *s)
{
	int rc = nl_link_finish(s->link);

	if (!rc)
		rc = nl_sock_finish(s->sock);
	if (!rc)
		rc = nl_nft_finish(s->nft);
	if (!rc)
		rc = nl_tc_finish(s->tc);
	if (!rc)
		rc = snap_texts_finish(s->texts);
	if (!rc)
		rc = counters_finish(s->counters);
	return rc;
}

/* Whether tape.json says that the host's numbers are big endian. */
static bool tape_big_endian(struct snapshots *s)
{
	static const char key[] = "\"little_endian\"";
	long i = tape_find(s->tape, "tape.json");
	struct span data, rest;
	const char *p;

	if (i < 0 || load_member(s, (size_t)i, &data, NULL) || !data.n)
		return false;
	p = memmem(data.p, data.n, key, sizeof(key) - 1);
	if (!p)
		return false;
	p += sizeof(key) - 1;
	rest = span_trim((struct span){ p, data.n - (size_t)(p - data.p) });
	if (!rest.n || rest.p[0] != ':')
		return false;
	return span_starts(span_trim((struct span){ rest.p + 1, rest.n - 1 }), "false");
}

/* Whether all there is was taken at one point in time, so that totals since the boot are all that is told. */
static bool is_one_point(struct snapshots *s)
{
	int64_t one = 0;

	return !tape_json_int(s->tape, "$.one_point", &one) && one && s->n && s->entries[0].seq == s->entries[s->n - 1].seq;
}

/* Tells it to those who subtract, and to the rules: how long ago the boot was, NULL where that is not known. */
static void count_from_boot(struct snapshots *s)
{
	sqlite3_stmt *st = db_prepare(s->d, "INSERT INTO tape(key, value) VALUES('since_boot_ns', ?)");
	long i = tape_find(s->tape, "clock/000000");
	struct span data, mono;
	int64_t ns = 0;

	s->env.from_boot = true;
	counters_from_boot(s->counters);
	if (i < 0 || load_member(s, (size_t)i, &data, NULL) || !span_field(&data, '\t', &mono) || span_i64(mono, &ns))
		ns = 0;
	db_bind_opt(st, 1, ns, 0);
	db_run(s->d, st);
	db_quality(s->d, &(struct quality){ "note", "snapshots", -1, NULL, -1, -1, -1 },
		   "%s is one point in time: counters are totals since the boot, and nothing tells when they grew; "
		   "a second copy behind the first one gives the difference", tape_state(s->tape)->foreign);
}

static int open_parsers(struct snapshots *s)
{
	int rc = counters_open(&s->counters, s->d, COUNTER_MAX);

	s->env = (struct nl_env){ s->d, s->h, s->counters, false };
	if (!rc)
		rc = nl_link_open(&s->link, &s->env);
	if (!rc)
		rc = nl_sock_open(&s->sock, &s->env);
	if (!rc)
		rc = nl_nft_open(&s->nft, &s->env);
	if (!rc)
		rc = nl_tc_open(&s->tc, &s->env, s->link);
	if (!rc)
		rc = ethtool_read_open(&s->ethtool, &s->env);
	if (!rc)
		rc = snap_texts_open(&s->texts, &s->env, s->c);
	return rc;
}

static void close_all(struct snapshots *s)
{
	counters_free(s->counters);
	nl_link_free(s->link);
	nl_sock_free(s->sock);
	nl_nft_free(s->nft);
	nl_tc_free(s->tc);
	ethtool_read_free(s->ethtool);
	snap_texts_free(s->texts);
	keymap_free(&s->places);
	free(s->entries);
	buf_free(&s->buf);
	buf_free(&s->made);
	free(s);
}

int snapshots_load(struct tape *t, struct db *d, struct host *h, const struct clocks *c,
		   struct err *e)
{
	struct snapshots *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return err_set(e, -ENOMEM, "out of memory");
	s->tape = t;
	s->d = d;
	s->h = h;
	s->c = c;
	keymap_init(&s->places, offsetof(struct place, have), sizeof(struct place), NETNS_MAX);
	rc = open_parsers(s);
	if (!rc)
		s->big_endian = tape_big_endian(s);
	if (!rc)
		rc = list_members(s);
	if (rc)
		rc = err_set(e, rc, "out of memory while reading the snapshots");
	else if (is_one_point(s))
		count_from_boot(s);
	if (!rc)
		rc = read_snapshots(s, e);
	if (!rc)
		rc = read_others(s, e);
	if (!rc && finish(s))
		rc = db_error(d, e)
			     ? -EIO
			     : err_set(e, -ENOMEM, "out of memory while reading the snapshots");
	if (!rc)
		put_quality(s);
	if (!rc)
		rc = db_error(d, e);
	close_all(s);
	return rc;
}
