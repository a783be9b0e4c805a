/* SPDX-License-Identifier: MIT */
#include "snap_files.h"
#include "clock.h"
#include "../schema/tape.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define READ_CHUNK   (64 * KIB)
#define LINE_MAX_LEN (4 * KIB) /* one value of sysctl or sysfs */
#define DEPTH_MAX    8
#define ENTRIES_MAX  200000
#define DIRS_MAX     512 /* in one directory: net.ipv4.conf and the like have one for each device, with dozens of files */
#define TEXT_MAX     (32 * MIB)

/*
 * softnet_stat and rt_cache are machine-wide wherever they are read; arp_cache and
 * ndisc_cache exist in the first namespace only (neigh_table_init_proc() uses init_net).
 */
const struct snap_file files_host[] = {
	{ "proc/interrupts", FILE_TICK },
	{ "proc/softirqs", FILE_TICK },
	{ "proc/stat", FILE_TICK },
	{ "proc/schedstat", FILE_TICK },
	{ "proc/net/softnet_stat", FILE_TICK | FILE_OF_INIT },
	{ "proc/net/stat/rt_cache", FILE_TICK | FILE_OF_INIT },
	{ "proc/net/stat/arp_cache", FILE_TICK | FILE_OF_INIT },
	{ "proc/net/stat/ndisc_cache", FILE_TICK | FILE_OF_INIT },
	{ "proc/pressure/cpu", FILE_TICK },
	{ "proc/pressure/irq", FILE_TICK },
	{ "proc/pressure/memory", FILE_TICK },
	{ "proc/loadavg", FILE_TICK },
	{ "proc/meminfo", 0 },
	{ "proc/net/protocols", FILE_OF_INIT },
	{ "proc/cmdline", 0 },
	{ "proc/version", 0 },
	{ "sys/devices/system/cpu/online", 0 },
	{ "sys/devices/system/cpu/possible", 0 },
	{ "sys/devices/system/clocksource/clocksource0/current_clocksource", 0 },
	{ NULL, 0 },
};

const struct snap_file files_netns[] = {
	{ "snmp", FILE_TICK },
	{ "netstat", FILE_TICK },
	{ "snmp6", FILE_TICK },
	{ "dev", FILE_TICK },
	{ "sockstat", FILE_TICK },
	{ "sockstat6", FILE_TICK },
	{ "stat/nf_conntrack", FILE_TICK },
	{ "netfilter/nfnetlink_queue", FILE_TICK },
	{ "sctp/snmp", FILE_TICK },
	{ "xfrm_stat", FILE_TICK },
	{ "tcp", FILE_TICK | FILE_NO_DIAG },
	{ "tcp6", FILE_TICK | FILE_NO_DIAG },
	{ "udp", FILE_TICK | FILE_NO_DIAG },
	{ "udp6", FILE_TICK | FILE_NO_DIAG },
	{ "raw", 0 },
	{ "raw6", 0 },
	{ "packet", 0 },
	{ "ptype", 0 },
	{ "netlink", 0 },
	{ "dev_mcast", 0 },
	{ "igmp", FILE_COUNTED },
	{ "igmp6", FILE_COUNTED },
	{ "mcfilter", FILE_COUNTED },
	{ "mcfilter6", FILE_COUNTED },
	{ "if_inet6", 0 },
	{ "rt6_stats", 0 },
	{ "psched", 0 },
	{ "ip_tables_names", 0 },
	{ "ip6_tables_names", 0 },
	{ "arp_tables_names", 0 },
	{ "netfilter/nf_log", 0 },
	{ "stat/synproxy", 0 },
	{ "vlan/config", 0 },
	{ NULL, 0 },
};

int files_read(int dirfd, const char *path, size_t limit, struct buf *out, bool *cut)
{
	size_t start = out->len;
	bool over = false;
	ssize_t n;
	int fd, rc;

	fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	for (;;) {
		rc = buf_reserve(out, READ_CHUNK);
		if (rc)
			break;
		n = read(fd, out->data + out->len, READ_CHUNK);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			rc = n ? -errno : 0;
			break;
		}
		out->len += (size_t)n;
		if (out->len - start > limit) {
			const uint8_t *nl = memrchr(out->data + start, '\n', limit);

			out->len = nl ? (size_t)(nl - out->data) + 1 : start + limit;
			over = true;
			break;
		}
	}
	close(fd);
	if (rc) {
		out->len = start;
		return rc;
	}
	if (cut)
		*cut = over;
	return 0;
}

int files_line(int dirfd, const char *path, struct buf *out, char end)
{
	char text[LINE_MAX_LEN];
	const char *nl;
	ssize_t n;
	int fd, rc;

	fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	do
		n = read(fd, text, sizeof(text));
	while (n < 0 && errno == EINTR);
	rc = n < 0 ? -errno : 0;
	close(fd);
	if (rc)
		return rc;
	nl = memchr(text, '\n', (size_t)n);
	return tape_text(out, (struct span){ text, nl ? (size_t)(nl - text) : (size_t)n }, end);
}

int64_t files_sockstat(struct span text, const char *line, const char *name)
{
	struct span l, word;
	int64_t v;

	while (span_line(&text, &l)) {
		if (!span_word(&l, &word) || !span_is(word, line))
			continue;
		while (span_word(&l, &word))
			if (span_is(word, name))
				return span_word(&l, &word) && !span_i64(word, &v) ? v : -1;
	}
	return -1;
}

/* Bounds of a walk over a directory tree. */
struct walk {
	struct buf *out;
	size_t start;
	int64_t until_ns;
	unsigned int entries;
	bool cut; /* something was left out */
	int rc;	  /* 0, -E2BIG, -ETIME, -ENOMEM: ends the walk */
};

static bool walk_on(struct walk *w)
{
	if (!w->rc && (++w->entries > ENTRIES_MAX || w->out->len - w->start > TEXT_MAX))
		w->rc = -E2BIG;
	if (!w->rc && clock_mono_ns() > w->until_ns)
		w->rc = -ETIME;
	return !w->rc;
}

/* One line "NAME VALUE", or nothing where the file cannot be read. */
static void walk_value(struct walk *w, int dir, const char *file, const char *name)
{
	size_t start = w->out->len;
	int rc = tape_text(w->out, (struct span){ name, strlen(name) }, '\t');

	if (!rc)
		rc = files_line(dir, file, w->out, '\n');
	if (rc)
		w->out->len = start;
	if (rc == -ENOMEM)
		w->rc = rc;
}

static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n >= m && !strcmp(name + n - m, end);
}

/*
 * Left out: secrets (tcp_fastopen_key, netdev_rss_key, stable_secret and what may come after), and
 * two old names whose reading the kernel logs a warning about (ndisc_ifinfo_sysctl_change(),
 * net/ipv6/ndisc.c); the same values stand in base_reachable_time_ms and retrans_time_ms.
 */
bool files_sysctl_wanted(const char *name)
{
	return !ends_with(name, "secret") && !ends_with(name, "_key") &&
	       strcmp(name, "base_reachable_time") && strcmp(name, "retrans_time");
}

static DIR *open_dir(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !d)
		close(fd);
	return d;
}

static bool is_dots(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/* Whether one more directory is entered; those that are not of one device always. */
static bool sysctl_enter(struct walk *w, const char *name, unsigned int n)
{
	if (n <= DIRS_MAX || !strcmp(name, "all") || !strcmp(name, "default"))
		return true;
	w->cut = true;
	return false;
}

static void sysctl_walk(struct walk *w, DIR *d, char *name, size_t len, size_t size, int depth)
{
	const struct dirent *e;
	unsigned int dirs = 0;

	while (!w->rc && (e = readdir(d))) {
		size_t n = strlen(e->d_name);
		struct stat st;
		bool is_dir = e->d_type == DT_DIR;
		DIR *sub;

		if (is_dots(e->d_name) || len + n + 2 > size || !walk_on(w))
			continue;
		/* as sysctl(8) does: the separator is a dot, a dot in a name a slash */
		if (len)
			name[len] = '.';
		for (size_t i = 0, at = len + !!len; i <= n; i++)
			name[at + i] = e->d_name[i] == '.' ? '/' : e->d_name[i];
		if (e->d_type == DT_UNKNOWN)
			is_dir = !fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) &&
				 S_ISDIR(st.st_mode);
		if (!is_dir) {
			if (files_sysctl_wanted(e->d_name))
				walk_value(w, dirfd(d), e->d_name, name);
		} else if (depth < DEPTH_MAX && sysctl_enter(w, e->d_name, ++dirs) &&
			   (sub = open_dir(dirfd(d), e->d_name))) {
			sysctl_walk(w, sub, name, len + !!len + n, size, depth + 1);
			closedir(sub);
		}
	}
}

int files_sysctl(const char *path, int64_t until_ns, struct buf *out)
{
	struct walk w = { .out = out, .start = out->len, .until_ns = until_ns };
	char name[512] = "";
	DIR *d = open_dir(AT_FDCWD, path);

	if (!d)
		return -errno;
	sysctl_walk(&w, d, name, 0, sizeof(name), 0);
	closedir(d);
	return w.rc || !w.cut ? w.rc : -E2BIG;
}

int files_sysfs_mount(void)
{
	int fs = -1, mnt = -1, dir = -1, rc = 0;

	/* fsopen(2) and fsmount(2), Linux 5.2; by number, the C library may be older */
	fs = (int)syscall(SYS_fsopen, "sysfs", FSOPEN_CLOEXEC);
	if (fs < 0)
		return -errno;
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		rc = -errno;
	if (!rc) {
		mnt = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC,
				   MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
					   MOUNT_ATTR_NOEXEC);
		if (mnt < 0)
			rc = -errno;
	}
	if (!rc) {
		dir = openat(mnt, "class/net", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dir < 0)
			rc = -errno;
	}
	if (mnt >= 0)
		close(mnt);
	close(fs);
	return rc ? rc : dir;
}

static const char *const dev_files[] = {
	"carrier",	"carrier_changes",  "carrier_up_count",	 "carrier_down_count",
	"operstate",	"threaded",	    "gro_flush_timeout", "napi_defer_hard_irqs",
	"tx_queue_len", "device/numa_node",
};
static const char *const rx_files[] = { "rps_cpus", "rps_flow_cnt" };
static const char *const tx_files[] = {
	"xps_cpus",
	"xps_rxqs",
	"tx_timeout",
	"tx_maxrate",
	"byte_queue_limits/limit",
	"byte_queue_limits/limit_max",
	"byte_queue_limits/inflight",
	"byte_queue_limits/stall_cnt",
};

static bool is_one_of(const char *name, const char *const *files, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(name, files[i]))
			return true;
	return false;
}

bool files_sysfs_wanted(const char *path)
{
	const char *file = !strncmp(path, "queues/", 7) ? strchr(path + 7, '/') : NULL;

	if (!file)
		return is_one_of(path, dev_files, ARRAY_SIZE(dev_files));
	return path[7] == 'r' ? is_one_of(file + 1, rx_files, ARRAY_SIZE(rx_files))
			      : is_one_of(file + 1, tx_files, ARRAY_SIZE(tx_files));
}

static void sysfs_files(struct walk *w, int dir, const char *prefix, const char *const *files,
			size_t n)
{
	char name[512];

	for (size_t i = 0; i < n; i++)
		if (snprintf(name, sizeof(name), "%s/%s", prefix, files[i]) < (int)sizeof(name))
			walk_value(w, dir, files[i], name);
}

static void sysfs_queues(struct walk *w, int dev, const char *name)
{
	DIR *d = open_dir(dev, "queues");
	const struct dirent *e;

	while (d && !w->rc && (e = readdir(d))) {
		bool rx = !strncmp(e->d_name, "rx-", 3);
		char prefix[300];
		int q;

		if ((!rx && strncmp(e->d_name, "tx-", 3)) || !walk_on(w) ||
		    snprintf(prefix, sizeof(prefix), "%s/queues/%s", name, e->d_name) >=
			    (int)sizeof(prefix))
			continue;
		q = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (q < 0)
			continue;
		if (rx)
			sysfs_files(w, q, prefix, rx_files, ARRAY_SIZE(rx_files));
		else
			sysfs_files(w, q, prefix, tx_files, ARRAY_SIZE(tx_files));
		close(q);
	}
	if (d)
		closedir(d);
}

int files_sysfs(int classnet, int64_t until_ns, struct buf *out)
{
	struct walk w = { .out = out, .start = out->len, .until_ns = until_ns };
	DIR *d = open_dir(classnet, ".");
	const struct dirent *e;

	if (!d)
		return -errno;
	while (!w.rc && (e = readdir(d))) {
		int dev;

		if (is_dots(e->d_name) || !walk_on(&w))
			continue;
		/* a link into the device tree; bonding_masters is a file */
		dev = openat(classnet, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (dev < 0)
			continue;
		sysfs_files(&w, dev, e->d_name, dev_files, ARRAY_SIZE(dev_files));
		sysfs_queues(&w, dev, e->d_name);
		close(dev);
	}
	closedir(d);
	return w.rc;
}
