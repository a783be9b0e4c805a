/* SPDX-License-Identifier: MIT */
#include "snap.h"
#include "../schema/tape.h"
#include "clock.h"
#include "ethtool.h"
#include "netlink.h"
#include "pace.h"
#include "snap_files.h"
#include "snap_bpf.h"
#include "snap_host.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/*
 * Theory of operation
 *
 * A round reads the machine-wide sources and then walks through the namespaces: the thread
 * enters one (setns(2)), reads all that is due there, and goes on. Nothing of a namespace
 * stays open between two rounds: sockets and open files keep a namespace alive.
 *
 * /proc/self/net shows the main thread's namespace, so the files are taken from
 * /proc/self/task/TID/net of this thread (proc_tgid_net_lookup(), fs/proc/proc_net.c);
 * /proc/sys/net follows the current thread by itself (net_ctl_root_lookup(),
 * net/sysctl_net.c); sysfs follows whoever mounted it, see files_sysfs_mount().
 * netlink.c and ethtool.c say why asking changes nothing.
 *
 * Every source has a number, by which its pace is kept (pace.h), and in each namespace what
 * was last said of it, so that "missing" is written when something changes, not each second.
 */

/* Sources that are not rows of a table; those follow from SOURCE_TABLES on. */
enum {
	SOURCE_NETSET,
	SOURCE_CGROUP_WALK,
	SOURCE_CGROUPS,
	SOURCE_ETHTOOL,
	SOURCE_SYSCTL,
	SOURCE_SYSFS,
	SOURCE_IPTABLES,
	SOURCE_ENTER,
	SOURCE_TABLES,
};
static const char *const source_names[] = { "netns",  "cgroup-walk", "cgroups",	 "ethtool",
					    "sysctl", "sysfs",	     "iptables", "netns" };
_Static_assert(ARRAY_SIZE(source_names) == SOURCE_TABLES, "a name for each source");

/*
 * A round that takes longer leaves the other namespaces to the next one: nothing is recorded before
 * the first one is over, and nobody waits long for the last one. What costs several calls for each
 * device (ethtool, sysfs, sysctl) gets, in each namespace, half of what is left of PER_DEVICE_NS:
 * ten thousand devices of one do not take it from all others.
 */
#define TICK_NS		(NSEC_PER_SEC / 4)
#define ROUND_NS	(3 * NSEC_PER_SEC)
#define PER_DEVICE_NS	(2 * NSEC_PER_SEC)
#define TICK_DEVICE_NS	NSEC_PER_SEC
#define DEVICE_LEAST_NS (NSEC_PER_SEC / 20) /* enough for an ordinary namespace */

/* What was last said of a source in a namespace, besides negative errno. */
enum { SAID_FINE = 0, SAID_LEFT_ALONE = 1, SAID_CUT = 2, SAID_CHANGED = 3 };

struct snap {
	struct netset *set;
	struct tape_writer *w;
	bool full;
	unsigned int seq; /* of the next round */
	unsigned int tasks;
	size_t n_host, n_netns, n_sources;
	struct pace *paces;	   /* n_sources */
	int16_t *said[NETSET_MAX]; /* by namespace: n_sources, NULL: not visited yet */
	int16_t *said_host;
	size_t first_ns; /* where the next tick begins */
	struct netlink_access access;
	struct ethtool *ethtool;
	struct cgroups *cgroups;
	int kmsg;
	bool has_symbols;
	uint64_t modules; /* hash of those that were loaded when the symbols were read */
	struct buf text, records, missing; /* used again and again */
};

/* The round, or the part of it in one namespace. */
struct round {
	struct snap *s;
	enum snap_kind kind;
	int64_t begin_ns;
	const struct netset_ns *ns; /* NULL: the machine */
	int16_t *said;
	struct netlink nl;
	int64_t until_ns;	      /* devices are asked until then; */
	bool late;		      /* some were not */
	int64_t tcp, tcp6, time_wait; /* TCP sockets here as sockstat counts them, -1: not read in
					 this round */
};

int snap_open(struct snap **out, struct netset *set, struct tape_writer *w, bool full,
	      struct err *e)
{
	struct snap *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return err_set(e, -ENOMEM, "snapshots: out of memory");
	*s = (struct snap){ .set = set, .w = w, .full = full, .kmsg = -1 };
	while (files_host[s->n_host].path)
		s->n_host++;
	while (files_netns[s->n_netns].path)
		s->n_netns++;
	s->n_sources = SOURCE_TABLES + s->n_host + s->n_netns + NETLINK_KIND_COUNT;
	s->paces = calloc(s->n_sources, sizeof(*s->paces));
	s->said_host = calloc(s->n_sources, sizeof(*s->said_host));
	if (!s->paces || !s->said_host || ethtool_open(&s->ethtool)) {
		snap_close(s);
		return err_set(e, -ENOMEM, "snapshots: out of memory");
	}
	netlink_access_init(&s->access);
	rc = cgroups_open(&s->cgroups);
	if (rc == -ENOMEM) {
		snap_close(s);
		return err_set(e, rc, "snapshots: out of memory");
	}
	if (rc)
		quality_put(w, "source-missing", "cgroups", -1, NULL, -1, -1, -1,
			    "no cgroup hierarchy with the cpu controller is mounted: CPU quotas "
			    "were not read");
	s->kmsg = kmsg_open();
	if (s->kmsg < 0)
		quality_put(w, "source-missing", "kmsg", -1, NULL, -1, -1, -1,
			    "/dev/kmsg: %s: the kernel log was not read", strerror(-s->kmsg));
	*out = s;
	return 0;
}

void snap_close(struct snap *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < NETSET_MAX; i++)
		free(s->said[i]);
	free(s->said_host);
	free(s->paces);
	ethtool_close(s->ethtool);
	cgroups_close(s->cgroups);
	if (s->kmsg >= 0)
		close(s->kmsg);
	buf_free(&s->text);
	buf_free(&s->records);
	buf_free(&s->missing);
	free(s);
}

unsigned int snap_count(const struct snap *s)
{
	return s->seq;
}

static size_t source_host(size_t i)
{
	return SOURCE_TABLES + i;
}

static size_t source_netns(const struct snap *s, size_t i)
{
	return SOURCE_TABLES + s->n_host + i;
}

static size_t source_netlink(const struct snap *s, enum netlink_kind k)
{
	return SOURCE_TABLES + s->n_host + s->n_netns + k;
}

/* A source's name as a member has it, for people. */
static void source_name(const struct snap *s, size_t source, char *out, size_t size)
{
	if (source < SOURCE_TABLES)
		snprintf(out, size, "%s", source_names[source]);
	else if (source < source_netns(s, 0))
		snprintf(out, size, "%s", files_host[source - source_host(0)].path);
	else if (source < source_netlink(s, 0))
		snprintf(out, size, "proc/net/%s", files_netns[source - source_netns(s, 0)].path);
	else
		snprintf(out, size, "nl/%s", netlink_kind_name(source - source_netlink(s, 0)));
}

/* --- what was seen of a source --- */

/**
 * Say what became of a source, when that is not what was said before.
 * @what: SAID_..., or a negative errno
 * Absent files are no news.
 */
static void say(struct round *r, size_t source, int what, const char *note)
{
	struct snap *s = r->s;
	char name[128], ns[32] = "the machine";

	if (what == -ENOENT)
		what = SAID_FINE;
	if (r->said[source] == what)
		return;
	r->said[source] = (int16_t)what;
	if (what == SAID_FINE)
		return;
	source_name(s, source, name, sizeof(name));
	if (r->ns)
		snprintf(ns, sizeof(ns), "namespace %llu", (unsigned long long)r->ns->id);
	if (what == SAID_CUT)
		quality_put(s->w, "limit", name, -1, NULL, r->begin_ns, -1, -1,
			    "in %s it was longer than the recorder takes: its end is missing", ns);
	else if (what == SAID_CHANGED)
		quality_put(s->w, "note", name, -1, NULL, r->begin_ns, -1, -1,
			    "in %s the kernel's table changed while it was read: entries may be "
			    "missing or twice",
			    ns);
	else if (what == -ETIME)
		quality_put(s->w, "slow-source", name, -1, NULL, r->begin_ns, clock_mono_ns(), -1,
			    "in %s reading it took too long: the rest of its devices was left out",
			    ns);
	else if (!r->ns)
		quality_put(
			s->w, what == -EPERM || what == -EACCES ? "permission" : "source-missing",
			name, -1, NULL, r->begin_ns, -1, -1, "%s", note ? note : strerror(-what));
	else {
		const char *code = what < 0 ? strerrorname_np(-what) : "";

		/* without memory for the note the recording goes on without it */
		if (tape_text(&s->missing, (struct span){ name, strlen(name) }, '\t') ||
		    tape_text(&s->missing,
			      (struct span){ code ? code : "", code ? strlen(code) : 0 }, '\t'))
			return;
		if (!note)
			note = strerror(-what);
		tape_text(&s->missing, (struct span){ note, strlen(note) }, '\n');
	}
}

/* Put @b as a member of this round and namespace, unless it is empty. Return: 0, or the writer's
 * error. */
static int put(struct round *r, const struct buf *b, const char *prefix, const char *path)
{
	struct snap *s = r->s;

	if (!b->len)
		return 0;
	if (r->ns)
		return tape_member_put(s->w, b->data, b->len, "snap/%06u/%llu/%s%s", s->seq,
				       (unsigned long long)r->ns->id, prefix, path);
	return tape_member_put(s->w, b->data, b->len, "snap/%06u/host/%s%s", s->seq, prefix, path);
}

/* put() the text, after what the source returned has been said. An error of reading is none of the
 * round. */
static int put_result(struct round *r, size_t source, int rc, const char *prefix, const char *path)
{
	say(r, source, rc == -E2BIG ? SAID_CUT : rc, NULL);
	return !rc || rc == -E2BIG || rc == -ETIME ? put(r, &r->s->text, prefix, path) : 0;
}

/* Whether a source is read in this round: all of them in the first and the last one, without
 * counting their cost. */
static bool due(struct round *r, size_t source, bool in_ticks)
{
	struct pace *p = &r->s->paces[source];

	if (r->kind != SNAP_TICK)
		return true;
	if (!in_ticks || !pace_due(p, r->begin_ns))
		return false;
	pace_open(p);
	return true;
}

/* The start of a reading. */
struct since {
	int64_t wall_ns;
	int64_t cpu_ns;
	long waits;
};

static struct since since_now(void)
{
	struct since t = { .wall_ns = clock_mono_ns() };
	struct timespec cpu;
	struct rusage u;

	if (!clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu))
		t.cpu_ns = cpu.tv_sec * NSEC_PER_SEC + cpu.tv_nsec;
	t.waits = getrusage(RUSAGE_THREAD, &u) ? -1 : u.ru_nvcsw;
	return t;
}

/* A thread that gave up its CPU of its own accord waited for a lock, for which others wait too, and
 * that counts. What it lost to others that ran instead is no cost of the reading. */
static void spent(struct round *r, size_t source, struct since t)
{
	struct since now;

	if (r->kind != SNAP_TICK)
		return;
	now = since_now();
	pace_add(&r->s->paces[source], now.waits == t.waits && now.waits >= 0 ?
					       now.cpu_ns - t.cpu_ns :
					       now.wall_ns - t.wall_ns);
}

static int put_times(struct round *r, int64_t begin_ns, const char *kind)
{
	struct snap *s = r->s;

	buf_reset(&s->text);
	if (buf_printf(&s->text, "%lld\t%lld%s%s\n", (long long)begin_ns,
		       (long long)clock_mono_ns(), kind ? "\t" : "", kind ? kind : ""))
		return 0;
	if (r->ns)
		return put(r, &s->text, "", "time");
	return tape_member_put(s->w, s->text.data, s->text.len, "snap/%06u/time", s->seq);
}

/* --- the machine --- */

static int take_host_file(struct round *r, size_t i)
{
	const struct snap_file *f = &files_host[i];
	const char *below = f->path + strlen("proc");
	char path[200];
	bool cut = false;
	int rc;

	buf_reset(&r->s->text);
	snprintf(path, sizeof(path), f->when & FILE_OF_INIT ? "/proc/1%s" : "/%s",
		 f->when & FILE_OF_INIT ? below : f->path);
	rc = files_read(AT_FDCWD, path, FILES_LIMIT, &r->s->text, &cut);
	return put_result(r, source_host(i), rc ? rc : cut ? -E2BIG : 0, "", f->path);
}

static int take_cgroups(struct round *r)
{
	struct snap *s = r->s;
	struct since t = since_now();
	int rc = 0;

	if (!s->cgroups)
		return 0;
	if (due(r, SOURCE_CGROUP_WALK, true)) {
		rc = cgroups_walk(s->cgroups);
		say(r, SOURCE_CGROUP_WALK, rc == -E2BIG ? SAID_CUT : rc, NULL);
		spent(r, SOURCE_CGROUP_WALK, t);
	}
	if (!due(r, SOURCE_CGROUPS, true))
		return 0;
	t = since_now();
	buf_reset(&s->text);
	rc = put_result(r, SOURCE_CGROUPS, cgroups_read(s->cgroups, &s->text), "", "cgroups");
	spent(r, SOURCE_CGROUPS, t);
	return rc;
}

/* One of the made texts of the machine, in the first and the last round only. */
static int take_host_text(struct round *r, int (*take)(struct buf *out), const char *name)
{
	struct snap *s = r->s;
	int rc;

	buf_reset(&s->text);
	rc = take(&s->text);
	if (rc && rc != -E2BIG) {
		if (rc != -ENOENT)
			quality_put(s->w, "source-missing", name, -1, NULL, r->begin_ns, -1, -1,
				    "%s", strerror(-rc));
		return 0;
	}
	if (rc)
		quality_put(s->w, "limit", name, -1, NULL, r->begin_ns, -1, -1,
			    "longer than the recorder takes: its end is missing");
	if (take == host_tasks)
		return s->text.len ? tape_member_put(s->w, s->text.data, s->text.len, "tasks/%06u",
						     s->tasks++)
				   : 0;
	return put(r, &s->text, "", name);
}

static int take_host(struct round *r)
{
	struct snap *s = r->s;
	int rc = 0;

	for (size_t i = 0; i < s->n_host && !rc; i++)
		if (due(r, source_host(i), files_host[i].when & FILE_TICK)) {
			struct since t = since_now();

			rc = take_host_file(r, i);
			spent(r, source_host(i), t);
		}
	if (!rc)
		rc = take_cgroups(r);
	if (!rc && r->kind != SNAP_TICK)
		rc = take_host_text(r, host_irqs, "irq");
	if (!rc && r->kind != SNAP_TICK)
		rc = take_host_text(r, host_cgroup_bpf, "cgroup-bpf");
	if (!rc && r->kind == SNAP_BEFORE)
		rc = take_host_text(r, host_topology, "topology");
	return rc;
}

static int take_kmsg(struct round *r)
{
	struct snap *s = r->s;
	unsigned int lost = 0;
	int rc;

	if (s->kmsg < 0)
		return 0;
	buf_reset(&s->text);
	rc = kmsg_read(s->kmsg, &s->text, &lost);
	if (lost)
		quality_put(s->w, "limit", "kmsg", -1, NULL, -1, -1, lost,
			    "records of the kernel log were overwritten before they were read");
	if (rc)
		quality_put(s->w, rc == -E2BIG ? "limit" : "source-missing", "kmsg", -1, NULL, -1,
			    -1, -1, "the kernel log was not read to its end: %s", strerror(-rc));
	return s->text.len ? tape_member_put(s->w, s->text.data, s->text.len, "kmsg") : 0;
}

/* --- one namespace --- */

/* Whether sock_diag cannot show the sockets that this text file lists. */
static bool needs_text(const struct snap *s, const char *path)
{
	return s->access.lacks[path[0] == 't' ? NETLINK_SOCK_TCP : NETLINK_SOCK_UDP];
}

static void see_sockstat(struct round *r, const char *path)
{
	const struct span text = { (const char *)r->s->text.data, r->s->text.len };

	if (!strcmp(path, "sockstat")) {
		r->tcp = files_sockstat(text, "TCP:", "inuse");
		r->time_wait = files_sockstat(text, "TCP:", "tw");
	} else if (!strcmp(path, "sockstat6")) {
		r->tcp6 = files_sockstat(text, "TCP6:", "inuse");
	}
}

static int take_files(struct round *r, int net)
{
	struct snap *s = r->s;
	int rc = 0;

	for (size_t i = 0; i < s->n_netns && !rc; i++) {
		const struct snap_file *f = &files_netns[i];
		bool cut = false;
		struct since t;
		int got;

		if (((f->when & FILE_NO_DIAG) && !needs_text(s, f->path)) ||
		    !due(r, source_netns(s, i), f->when & FILE_TICK))
			continue;
		t = since_now();
		buf_reset(&s->text);
		got = files_read(net, f->path, f->when & FILE_COUNTED ? COUNTED_LIMIT : FILES_LIMIT,
				 &s->text, &cut);
		see_sockstat(r, f->path);
		rc = put_result(r, source_netns(s, i),
				got   ? got
				: cut ? -E2BIG
				      : 0,
				"proc/net/", f->path);
		spent(r, source_netns(s, i), t);
	}
	return rc;
}

/*
 * Whether a dump would come back empty. The tables of connections and of TCP sockets are one for
 * all namespaces, so that a dump walks through the whole of them even for none
 * (ctnetlink_dump_table(), inet_diag_dump_icsk()): with many namespaces that is most of a round's
 * time. TCP sockets that wait only for a SYN's last answer have a listener, which counts.
 */
static bool nothing_there(struct round *r, enum netlink_kind k)
{
	struct snap *s = r->s;

	if (k == NETLINK_CONNTRACK) {
		buf_reset(&s->text);
		return !files_line(AT_FDCWD, "/proc/sys/net/netfilter/nf_conntrack_count", &s->text,
				   '\n') &&
		       s->text.len == 2 && s->text.data[0] == '0';
	}
	if (r->kind != SNAP_TICK || r->time_wait)
		return false;
	return (k == NETLINK_SOCK_TCP && !r->tcp) || (k == NETLINK_SOCK_TCP6 && !r->tcp6);
}

static int take_netlink_kind(struct round *r, enum netlink_kind k)
{
	struct snap *s = r->s;
	struct netlink_result res = { 0 };
	char note[128];
	int got;

	if (!s->access.lacks[k] && nothing_there(r, k))
		return 0;
	buf_reset(&s->text);
	got = netlink_dump(&r->nl, k, &s->text, &res);
	if (got == -ENOPKG) {
		snprintf(note, sizeof(note), "left alone: asking could load the module %.*s",
			 (int)strcspn(s->access.lacks[k], " "), s->access.lacks[k]);
		say(r, source_netlink(s, k), SAID_LEFT_ALONE, note);
		return 0;
	}
	say(r, source_netlink(s, k),
	    got		      ? got
	    : res.cut	      ? SAID_CUT
	    : res.interrupted ? SAID_CHANGED
			      : SAID_FINE,
	    NULL);
	return got ? 0 : put(r, &s->text, "nl/", netlink_kind_name(k));
}

/* Until when to read what costs several calls for each device. */
static int64_t devices_until(const struct round *r)
{
	int64_t now = clock_mono_ns();
	int64_t half =
		(r->begin_ns + (r->kind == SNAP_TICK ? TICK_DEVICE_NS : PER_DEVICE_NS) - now) / 2;

	return now + (half > DEVICE_LEAST_NS ? half : DEVICE_LEAST_NS);
}

static void see_device(void *ctx, int ifindex, const char *name, unsigned int flags)
{
	struct round *r = ctx;

	r->late |= clock_mono_ns() > r->until_ns;
	if (r->late)
		return;
	/* in ticks not those that are down: asking wakes a sleeping device (pm_runtime_get_sync()
	 * in __dev_ethtool()) */
	if (r->kind != SNAP_TICK || (flags & IFF_UP))
		ethtool_device(r->s->ethtool, ifindex, name, r->kind != SNAP_TICK, &r->s->records);
}

/* The devices in the link dump that the text buffer holds. */
static int take_ethtool(struct round *r)
{
	struct snap *s = r->s;
	struct since t = since_now();
	int rc;

	if (!due(r, SOURCE_ETHTOOL, true))
		return 0;
	buf_reset(&s->records);
	r->until_ns = devices_until(r);
	r->late = false;
	rc = ethtool_begin(s->ethtool, r->ns->id, s->access.modules);
	if (!rc) {
		netlink_each_link((struct span){ (const char *)s->text.data, s->text.len },
				  see_device, r);
		rc = ethtool_end(s->ethtool);
	}
	say(r, SOURCE_ETHTOOL, !rc && r->late ? -ETIME : rc, NULL);
	rc = put(r, &s->records, "", "ethtool");
	spent(r, SOURCE_ETHTOOL, t);
	return rc;
}

static int take_netlink(struct round *r)
{
	struct snap *s = r->s;
	int rc = 0;

	for (int k = 0; k < NETLINK_KIND_COUNT && !rc; k++) {
		unsigned int when = netlink_kind_when(k);
		struct since t;

		if (!due(r, source_netlink(s, k),
			 (when & NETLINK_TICK) || ((when & NETLINK_TICK_FULL) && s->full)))
			continue;
		t = since_now();
		rc = take_netlink_kind(r, k);
		spent(r, source_netlink(s, k), t);
		if (!rc && k == NETLINK_LINK)
			rc = take_ethtool(r);
	}
	return rc;
}

static int take_sysctl(struct round *r)
{
	buf_reset(&r->s->text);
	return put_result(r, SOURCE_SYSCTL,
			  files_sysctl("/proc/sys/net", devices_until(r), &r->s->text), "",
			  "sysctl");
}

static int take_sysfs(struct round *r)
{
	int dir = files_sysfs_mount(), rc = dir;

	/* the mount that is there shows the namespace of whoever made it, most likely ours */
	if (dir < 0 && r->ns->self)
		dir = open("/sys/class/net", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	buf_reset(&r->s->text);
	if (dir >= 0) {
		rc = files_sysfs(dir, devices_until(r), &r->s->text);
		close(dir);
	}
	return put_result(r, SOURCE_SYSFS, rc, "", "sysfs");
}

/* The tables that exist here in @names of the namespace's proc/net. */
static int take_iptables(struct round *r, int net, int family, const char *names,
			 const char *prefix)
{
	struct snap *s = r->s;
	struct span text, line;
	int rc = 0;

	buf_reset(&s->records);
	if (files_read(net, names, 4 * KIB, &s->records, NULL))
		return 0;
	text = (struct span){ (const char *)s->records.data, s->records.len };
	while (!rc && span_line(&text, &line)) {
		char table[64];
		int got;

		if (line.n >= sizeof(table) || !tape_name_ok(line))
			continue;
		span_copy(line, table, sizeof(table));
		buf_reset(&s->text);
		got = netlink_iptables(family, table, &s->text);
		say(r, SOURCE_IPTABLES, got, NULL);
		if (!got)
			rc = put(r, &s->text, prefix, table);
	}
	return rc;
}

/* What hardly changes, in the first and the last round. */
static int take_settings(struct round *r, int net)
{
	int rc = take_sysctl(r);

	if (!rc)
		rc = take_sysfs(r);
	if (!rc && net >= 0)
		rc = take_iptables(r, net, AF_INET, "ip_tables_names", "nl/ipt-");
	if (!rc && net >= 0)
		rc = take_iptables(r, net, AF_INET6, "ip6_tables_names", "nl/ip6t-");
	return rc;
}

/* All of one namespace that is due. Return: 0, or the writer's error. */
static int take_netns(struct snap *s, enum snap_kind kind, int64_t begin_ns, size_t i)
{
	struct round r = { .s = s,
			   .kind = kind,
			   .begin_ns = begin_ns,
			   .ns = netset_at(s->set, i),
			   .tcp = -1,
			   .tcp6 = -1,
			   .time_wait = -1 };
	int64_t t = clock_mono_ns();
	char path[64];
	int net, rc;

	if (r.ns->gone)
		return 0;
	if (!s->said[i])
		s->said[i] = calloc(s->n_sources, sizeof(*s->said[i]));
	if (!s->said[i])
		return 0; /* out of memory: this round goes on without it */
	r.said = s->said[i];
	buf_reset(&s->missing);
	rc = netset_enter(r.ns);
	say(&r, SOURCE_ENTER, rc, NULL);
	if (rc)
		return put(&r, &s->missing, "", "missing");
	snprintf(path, sizeof(path), "/proc/self/task/%ld/net", (long)syscall(SYS_gettid));
	net = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (net >= 0)
		rc = take_files(&r, net);
	netlink_open(&r.nl, &s->access);
	if (!rc)
		rc = take_netlink(&r);
	netlink_close(&r.nl);
	if (!rc && kind != SNAP_TICK)
		rc = take_settings(&r, net);
	if (net >= 0)
		close(net);
	if (!rc)
		rc = put(&r, &s->missing, "", "missing");
	if (!rc)
		rc = put_times(&r, t, NULL);
	return rc;
}

static int take_all_netns(struct snap *s, enum snap_kind kind, int64_t begin_ns)
{
	size_t n = netset_count(s->set);
	size_t first = kind == SNAP_TICK && s->first_ns < n ? s->first_ns : 0;
	int rc = 0;

	if (n > NETSET_MAX)
		n = NETSET_MAX;
	s->first_ns = 0;
	for (size_t turn = 0; turn < n && !rc; turn++) {
		size_t i = (first + turn) % n;

		if (clock_mono_ns() - begin_ns > (kind == SNAP_TICK ? TICK_NS : ROUND_NS)) {
			s->first_ns = i;
			quality_put(s->w, "slow-source", "snap", -1, NULL, begin_ns,
				    clock_mono_ns(), (int64_t)(n - turn),
				    kind == SNAP_AFTER ? "the last snapshot took too long: the "
							 "remaining namespaces were left out"
						       : "a snapshot took too long: the remaining "
							 "namespaces were left "
							 "to the next one");
			break;
		}
		rc = take_netns(s, kind, begin_ns, i);
	}
	netset_leave(s->set);
	return rc;
}

/* Intervals for the next ticks, and a word on each source that has become slow for the first time.
 */
static void settle(struct snap *s, int64_t begin_ns)
{
	pace_settle(s->paces, s->n_sources, begin_ns);
	for (size_t i = 0; i < s->n_sources; i++) {
		struct pace *p = &s->paces[i];
		char name[128];

		if (p->said || p->interval_ns <= PACE_FIRST_NS)
			continue;
		p->said = true;
		source_name(s, i, name, sizeof(name));
		quality_put(
			s->w, "slow-source", name, -1, NULL, begin_ns, -1, -1,
			"reading it took %lld us: it is read every %lld s instead of every second",
			(long long)p->cost_ns / 1000, (long long)(p->interval_ns / NSEC_PER_SEC));
	}
}

int snap_take(struct snap *s, enum snap_kind kind)
{
	static const char *const names[] = {
		[SNAP_BEFORE] = "before", [SNAP_TICK] = "tick", [SNAP_AFTER] = "after"
	};
	struct round r = {
		.s = s, .kind = kind, .begin_ns = clock_mono_ns(), .said = s->said_host
	};
	struct since since = since_now();
	int rc;

	pace_start(s->paces, s->n_sources);
	if (kind != SNAP_TICK)
		netlink_access_init(&s->access);
	if (due(&r, SOURCE_NETSET, true)) {
		netset_refresh(s->set, s->w);
		spent(&r, SOURCE_NETSET, since);
	}
	rc = take_host(&r);
	if (!rc)
		rc = take_all_netns(s, kind, r.begin_ns);
	if (!rc && kind != SNAP_TICK)
		rc = take_host_text(&r, host_tasks, "tasks");
	if (!rc && kind == SNAP_AFTER)
		rc = take_kmsg(&r);
	if (!rc)
		rc = put_times(&r, r.begin_ns, names[kind]);
	if (kind == SNAP_TICK)
		settle(s, r.begin_ns);
	s->seq++;
	return rc;
}

/* A large file as a member. Its text stays in s->text. */
static int take_large(struct snap *s, const char *path, const char *name)
{
	bool cut = false;
	int rc;

	buf_reset(&s->text);
	rc = files_read(AT_FDCWD, path, TAPE_MEMBER_MAX, &s->text, &cut);
	if (rc) {
		quality_put(s->w, rc == -ENOENT ? "source-missing" : "permission", name, -1, NULL,
			    -1, -1, -1, "%s: %s", path, strerror(-rc));
		return 0;
	}
	if (cut)
		quality_put(s->w, "limit", name, -1, NULL, -1, -1, -1,
			    "longer than a member can be: its end is missing");
	return s->text.len ? tape_member_put(s->w, s->text.data, s->text.len, "%s", name) : 0;
}

/* Which modules are loaded, and where: names and addresses of /proc/modules
 * (kernel/module/procfs.c, m_show()); use counts and states change without moving a symbol. */
static uint64_t modules_hash(struct span text)
{
	uint64_t h = 0xcbf29ce484222325ULL;
	struct span line, field;

	while (span_line(&text, &line)) {
		for (int i = 0; span_field(&line, ' ', &field); i++)
			for (size_t k = 0; (!i || i == 5) && k < field.n; k++)
				h = (h ^ (uint8_t)field.p[k]) * 0x100000001b3ULL;
	}
	return h;
}

static struct span text_span(const struct snap *s)
{
	return (struct span){ (const char *)s->text.data, s->text.len };
}

static bool modules_changed(struct snap *s)
{
	bool cut;

	buf_reset(&s->text);
	return !files_read(AT_FDCWD, "/proc/modules", TAPE_MEMBER_MAX, &s->text, &cut) &&
	       modules_hash(text_span(s)) != s->modules;
}

int snap_symbols(struct snap *s, bool at_end)
{
	const char *suffix = s->has_symbols ? "-end" : "";
	char name[32];
	int rc;

	if (at_end && s->has_symbols && !modules_changed(s))
		return 0;
	snprintf(name, sizeof(name), "kallsyms%s", suffix);
	rc = take_large(s, "/proc/kallsyms", name);
	if (rc)
		return rc;
	s->has_symbols = true;
	/* a kernel without module support has no such file, and nothing is missing */
	if (access("/proc/modules", F_OK))
		return 0;
	snprintf(name, sizeof(name), "modules%s", suffix);
	rc = take_large(s, "/proc/modules", name);
	if (!rc)
		s->modules = modules_hash(text_span(s));
	return rc;
}
