/* SPDX-License-Identifier: MIT */
/* What the snapshots are made of: pace, text files, raw dumps, ethtool records. Needs no root. */
#include "../capture/ethtool.h"
#include "../capture/netlink.h"
#include "../capture/pace.h"
#include "../capture/snap_files.h"
#include "../capture/snap_host.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define MS 1000000LL

/* --- pace --- */

/* One round in which each source that is due takes its cost. */
static void pace_round(struct pace *p, size_t n, int64_t now, const int64_t *cost)
{
	pace_start(p, n);
	for (size_t i = 0; i < n; i++)
		if (pace_due(&p[i], now)) {
			pace_open(&p[i]);
			pace_add(&p[i], cost[i] / 2);
			pace_open(&p[i]); /* the next namespace */
			pace_add(&p[i], cost[i] - cost[i] / 2);
		}
	pace_settle(p, n, now);
}

static void test_pace_cheap(void **state)
{
	struct pace p[1] = { 0 };
	const int64_t cost[] = { 9 * MS };

	(void)state;
	for (int s = 0; s < 10; s++) {
		pace_round(p, 1, s * NSEC_PER_SEC + (s & 1) * MS, cost);
		assert_true(p[0].read);
		assert_int_equal(p[0].interval_ns, PACE_FIRST_NS);
	}
}

static void test_pace_slow_and_back(void **state)
{
	struct pace p[1] = { 0 };
	int64_t cost[] = { 70 * MS };
	int reads = 0;

	(void)state;
	for (int s = 0; s < 64; s++) {
		pace_round(p, 1, s * NSEC_PER_SEC, cost);
		reads += p[0].read;
	}
	assert_int_equal(p[0].interval_ns, 8 * NSEC_PER_SEC);
	assert_int_equal(reads, 9); /* the first two at once: one alone may be an outlier */
	cost[0] = MS;
	for (int s = 64; s < 128; s++)
		pace_round(p, 1, s * NSEC_PER_SEC, cost);
	assert_int_equal(p[0].interval_ns, PACE_FIRST_NS);
}

static void test_pace_outlier(void **state)
{
	struct pace p[1] = { 0 };
	int64_t cost[] = { MS };

	(void)state;
	for (int s = 0; s < 20; s++) {
		cost[0] = s == 0 || s == 10 ? 40 * MS : MS; /* lost its CPU twice */
		pace_round(p, 1, s * NSEC_PER_SEC, cost);
		assert_int_equal(p[0].interval_ns, PACE_FIRST_NS);
	}
	cost[0] = 900 * MS;
	pace_round(p, 1, 20 * NSEC_PER_SEC, cost);
	assert_true(p[0].interval_ns > PACE_FIRST_NS);
}

static void test_pace_total(void **state)
{
	struct pace p[20] = { 0 };
	int64_t cost[20], total = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cost); i++)
		cost[i] = 8 * MS; /* each fits, all of them do not */
	for (int s = 0; s < 30; s++)
		pace_round(p, ARRAY_SIZE(p), s * NSEC_PER_SEC, cost);
	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		total += pace_ppm(&p[i]);
	assert_true(total <= PACE_TOTAL_PPM);
	assert_true(total > PACE_TOTAL_PPM / 3);
	for (size_t i = 0; i < ARRAY_SIZE(cost); i++)
		cost[i] = 1000 * NSEC_PER_SEC; /* ends all the same */
	pace_round(p, ARRAY_SIZE(p), 1000 * NSEC_PER_SEC, cost);
	assert_int_equal(p[0].interval_ns, PACE_LAST_NS);
}

/* --- text --- */

static struct span text_of(const struct buf *b)
{
	return (struct span){ (const char *)b->data, b->len };
}

static void make_dir(char *dir, size_t size)
{
	snprintf(dir, size, "/tmp/test_snap.%ld", (long)getpid());
	assert_int_equal(mkdir(dir, 0700), 0);
}

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[300];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void remove_file(const char *dir, const char *name)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(remove(path), 0);
}

static void test_files(void **state)
{
	char dir[64];
	struct buf b = { 0 };
	bool cut = true;
	int fd;

	(void)state;
	make_dir(dir, sizeof(dir));
	fd = open(dir, O_RDONLY | O_DIRECTORY);
	write_file(dir, "a", "first\nsecond\nthird\n");
	assert_int_equal(files_read(fd, "a", 1000, &b, &cut), 0);
	assert_false(cut);
	assert_true(span_is(text_of(&b), "first\nsecond\nthird\n"));
	buf_reset(&b);
	assert_int_equal(files_read(fd, "a", 15, &b, &cut), 0);
	assert_true(cut);
	assert_true(span_is(text_of(&b), "first\nsecond\n"));
	assert_int_equal(files_read(fd, "none", 15, &b, &cut), -ENOENT);
	assert_int_equal(files_read(fd, ".", 15, &b, &cut), -EISDIR);
	assert_int_equal(b.len, 13);
	buf_reset(&b);
	write_file(dir, "b", "a\tb\\\nmore");
	assert_int_equal(files_line(fd, "b", &b, '\n'), 0);
	assert_true(span_is(text_of(&b), "a\\011b\\134\n"));
	remove_file(dir, "a");
	remove_file(dir, "b");
	close(fd);
	assert_int_equal(rmdir(dir), 0);
	buf_free(&b);
}

static void test_sysctl(void **state)
{
	static const char *const names[] = { "tcp_fastopen_key", "stable_secret",
					     "base_reachable_time", "rp_filter" };
	char dir[64];
	char sub[80];
	struct buf b = { 0 };

	(void)state;
	make_dir(dir, sizeof(dir));
	snprintf(sub, sizeof(sub), "%s/eth0.5", dir);
	assert_int_equal(mkdir(sub, 0700), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		write_file(sub, names[i], "1\t2\nnext\n");
	assert_int_equal(files_sysctl(dir, INT64_MAX, &b), 0);
	assert_true(span_is(text_of(&b), "eth0/5.rp_filter\t1\\0112\n"));
	/* no time is left: as cut, and nothing is */
	buf_reset(&b);
	assert_int_equal(files_sysctl(dir, 0, &b), -ETIME);
	assert_int_equal(b.len, 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		remove_file(sub, names[i]);
	assert_int_equal(rmdir(sub), 0);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(files_sysctl(dir, INT64_MAX, &b), -ENOENT);
	buf_free(&b);
}

static void test_sockstat(void **state)
{
	const struct span s = SPAN_LIT("sockets: used 3\nTCP: inuse 2 orphan 0 tw 7 alloc 4 mem "
				       "49\nUDP: inuse 1\nFRAG: inuse");

	(void)state;
	assert_int_equal(files_sockstat(s, "TCP:", "inuse"), 2);
	assert_int_equal(files_sockstat(s, "TCP:", "tw"), 7);
	assert_int_equal(files_sockstat(s, "UDP:", "tw"), -1);
	assert_int_equal(files_sockstat(s, "FRAG:", "inuse"), -1);
	assert_int_equal(files_sockstat((struct span){ NULL, 0 }, "TCP:", "tw"), -1);
}

/* --- the machine --- */

static void test_task_stat(void **state)
{
	struct task_stat t = { 0 };
	const struct span good = SPAN_LIT(
		"12 (a) R (x) b) S 1 12 12 0 -1 4 5 6 7 8 9 10 11 12 20 0 1 0 4711 99 100");

	(void)state;
	assert_int_equal(task_stat_parse(good, &t), 0);
	assert_true(span_is(t.comm, "a) R (x) b"));
	assert_true(span_is(t.state, "S"));
	assert_true(span_is(t.start, "4711"));
	assert_int_equal(task_stat_parse(SPAN_LIT("12 (a) S 1 2 3"), &t), -EINVAL);
	assert_int_equal(task_stat_parse(SPAN_LIT(")12 ("), &t), -EINVAL);
	assert_int_equal(task_stat_parse(SPAN_LIT(""), &t), -EINVAL);
}

static void test_cgroup_of(void **state)
{
	(void)state;
	assert_true(span_is(cgroup_of(SPAN_LIT("0::/a:b/c\n")), "/a:b/c"));
	assert_true(span_is(cgroup_of(SPAN_LIT("4:cpuset:/x\n3:cpu,cpuacct:/y\n0::/z\n")), "/y"));
	assert_true(span_is(cgroup_of(SPAN_LIT("3:cpu:/\n0::/z\n")), "/z"));
	assert_true(span_is(cgroup_of(SPAN_LIT("3:cpu:/\n")), "/"));
	assert_int_equal(cgroup_of(SPAN_LIT("nonsense\n:\n")).n, 0);
}

static void test_machine(void **state)
{
	struct buf b = { 0 };
	struct span text, line, f;
	unsigned int own = 0;

	(void)state;
	assert_int_equal(host_tasks(&b), 0);
	text = text_of(&b);
	while (span_line(&text, &line)) {
		struct span all = line;
		uint64_t pid = 0;
		int fields = 0;

		while (fields < 7 && span_field(&all, '\t', &f))
			if (!fields++)
				assert_int_equal(span_u64(f, &pid), 0);
		assert_int_equal(fields, 7);
		assert_int_equal(all.n, 0);
		own += pid == (uint64_t)getpid();
	}
	assert_int_equal(own, 1);
	buf_free(&b);
}

/* --- netlink --- */

static void test_modules(void **state)
{
	const struct span loaded =
		SPAN_LIT("tcp_diag 16384 0 - Live 0x0000000000000000\n"
			 "inet_diag 24576 2 tcp_diag,udp_diag, Live 0x0000000000000000\n"
			 "udp_diag 16384 0 - Loading 0x0000000000000000\n");
	const struct span builtin =
		SPAN_LIT("kernel/net/unix/unix_diag.ko\nkernel/net/x/nf-tables.ko\n");

	(void)state;
	assert_true(netlink_module_here(loaded, builtin, "tcp_diag"));
	assert_true(netlink_module_here(loaded, builtin, "inet_diag"));
	assert_false(netlink_module_here(loaded, builtin, "udp_diag"));
	assert_false(netlink_module_here(loaded, builtin, "diag"));
	assert_true(netlink_module_here(loaded, builtin, "unix_diag"));
	assert_true(netlink_module_here(loaded, builtin, "nf_tables"));
	assert_false(netlink_module_here(loaded, builtin, "nf_table"));
	assert_false(netlink_module_here(loaded, builtin, "diag.ko"));
	assert_false(netlink_module_here((struct span){ NULL, 0 }, (struct span){ NULL, 0 },
					 "tcp_diag"));
}

struct seen {
	int n, lo;
};

static void see(void *ctx, int ifindex, const char *name, unsigned int flags)
{
	struct seen *s = ctx;

	(void)flags;
	s->n++;
	if (!strcmp(name, "lo"))
		s->lo = ifindex;
}

static void test_links_hostile(void **state)
{
	struct {
		struct nlmsghdr h;
		struct ifinfomsg i;
		struct nlattr a;
		char name[20]; /* longer than a device's name, without an end */
	} m = { .h = { .nlmsg_type = RTM_NEWLINK, .nlmsg_len = sizeof(m) },
		.a = { .nla_type = IFLA_IFNAME, .nla_len = sizeof(m.a) + sizeof(m.name) } };
	struct span all = { (const char *)&m, sizeof(m) };
	struct seen s = { 0 };

	(void)state;
	memset(m.name, 'x', sizeof(m.name));
	netlink_each_link(all, see, &s);
	assert_int_equal(s.n, 1);
	m.a.nla_len = 2;
	netlink_each_link(all, see, &s);
	m.a.nla_len = 200;
	netlink_each_link(all, see, &s);
	m.h.nlmsg_len = 0;
	netlink_each_link(all, see, &s);
	m.h.nlmsg_len = UINT32_MAX;
	netlink_each_link(all, see, &s);
	m.h.nlmsg_len = sizeof(m.h) + 3;
	netlink_each_link(all, see, &s);
	for (size_t n = 0; n < sizeof(m); n++)
		netlink_each_link((struct span){ all.p, n }, see, &s);
	assert_int_equal(s.n, 1);
}

static void test_dump(void **state)
{
	struct netlink_access access = { 0 };
	struct netlink_result r = { 0 };
	struct netlink n;
	struct buf b = { 0 };
	struct seen s = { 0 };
	struct nlmsghdr last;

	(void)state;
	netlink_access_init(&access);
	access.lacks[NETLINK_SOCK_TCP] = "tcp_diag";
	netlink_open(&n, &access);
	assert_int_equal(netlink_dump(&n, NETLINK_LINK, &b, &r), 0);
	assert_false(r.cut);
	netlink_each_link(text_of(&b), see, &s);
	assert_int_equal(s.lo, 1);
	assert_int_equal(s.n, r.messages);
	memcpy(&last, b.data + b.len - NLMSG_SPACE(sizeof(int)), sizeof(last));
	assert_int_equal(last.nlmsg_type, NLMSG_DONE);
	buf_reset(&b);
	/* filters and classes find the qdiscs by themselves */
	assert_int_equal(netlink_dump(&n, NETLINK_TCLASS, &b, &r), 0);
	assert_true(n.qdiscs_known);
	assert_int_equal(netlink_dump(&n, NETLINK_TFILTER, &b, &r), 0);
	assert_int_equal(netlink_dump(&n, NETLINK_ADDR, &b, &r), 0);
	/* what is left alone opens no socket */
	assert_int_equal(netlink_dump(&n, NETLINK_SOCK_TCP, &b, &r), -ENOPKG);
	assert_int_equal(n.fd[1], -1);
	netlink_close(&n);
	buf_free(&b);
}

/* --- ethtool --- */

static void test_record(void **state)
{
	struct buf b = { 0 };
	struct rd r;

	(void)state;
	assert_int_equal(ethtool_record(&b, 7, 0x1d, "abcde", 5), 0);
	assert_int_equal(ethtool_record(&b, 8, 0x1b, "", 0), 0);
	rd_init(&r, b.data, b.len);
	assert_int_equal(rd_le32(&r), 20);
	assert_int_equal(rd_le32(&r), 7);
	assert_int_equal(rd_le32(&r), 0x1d);
	assert_memory_equal(rd_bytes(&r, 8), "abcde\0\0", 8);
	assert_int_equal(rd_le32(&r), 12);
	assert_int_equal(rd_le32(&r), 8);
	assert_int_equal(rd_le32(&r), 0x1b);
	assert_int_equal(r.left, 0);
	assert_false(r.bad);
	buf_free(&b);
}

static void read_caps(char *out, size_t size)
{
	struct buf b = { 0 };
	struct span text, line;

	out[0] = '\0';
	assert_int_equal(files_read(AT_FDCWD, "/proc/thread-self/status", 64 * KIB, &b, NULL), 0);
	text = text_of(&b);
	while (span_line(&text, &line))
		if (span_starts(line, "CapEff:"))
			span_copy(line, out, size);
	buf_free(&b);
}

static void test_ethtool(void **state)
{
	struct ethtool *t;
	char before[64], after[64];
	struct buf b = { 0 };
	struct rd r;
	bool features = false;

	(void)state;
	read_caps(before, sizeof(before));
	assert_int_equal(ethtool_open(&t), 0);
	assert_int_equal(ethtool_begin(t, 1, true), 0);
	assert_int_equal(ethtool_device(t, 1, "no-such-device", true, &b), 0);
	assert_int_equal(b.len, 0);
	assert_int_equal(ethtool_device(t, 1, "lo", true, &b), 0);
	assert_int_equal(ethtool_end(t), 0);
	read_caps(after, sizeof(after));
	assert_string_equal(before, after);
	rd_init(&r, b.data, b.len);
	while (r.left) {
		uint32_t total = rd_le32(&r);

		assert_true(total >= 12 && total % 4 == 0);
		assert_int_equal(rd_le32(&r), 1);
		features |= rd_le32(&r) == ETHTOOL_GFEATURES;
		assert_non_null(rd_bytes(&r, total - 12));
	}
	assert_true(features);
	ethtool_close(t);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pace_cheap),   cmocka_unit_test(test_pace_slow_and_back),
		cmocka_unit_test(test_pace_outlier), cmocka_unit_test(test_pace_total),
		cmocka_unit_test(test_files),	     cmocka_unit_test(test_sysctl),
		cmocka_unit_test(test_sockstat),     cmocka_unit_test(test_task_stat),
		cmocka_unit_test(test_cgroup_of),    cmocka_unit_test(test_machine),
		cmocka_unit_test(test_modules),	     cmocka_unit_test(test_links_hostile),
		cmocka_unit_test(test_dump),	     cmocka_unit_test(test_record),
		cmocka_unit_test(test_ethtool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
