/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * A folder becomes the members of one snapshot. Files of the kernel go into it as they
 * are; what a tape has as made texts or netlink dumps is made of the files and texts that
 * tell the same (folder_text.c, folder_nl.c), so the readers of snapshots do the rest.
 *
 * The time of it is btime of proc/stat plus proc/uptime; btime has whole seconds.
 *
 * A sosreport's namespaces have their commands in folders of their own; the namespace of
 * the host itself has the files, too. Numbers of namespaces are not told: they are made
 * of the names.
 */
#include "folder_nl.h"
#include "folder_text.h"
#include "import.h"
#include "../capture/snap_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACES_MAX 1000
#define SOS_NETNS  FOLDER_SOS "namespaces/"

/* A namespace, and where its commands are. */
struct place {
	uint64_t number;
	struct span name; /* empty: that of the host */
	char commands[256]; /* path of a command's text without the command */
};

struct taker {
	struct import *im;
	const struct folder *f;
	struct place place;
	struct folder_devs devs; /* of the place */
	struct buf buf;
	int64_t bad; /* lines */
};

/* Whatever was made: counts the bad lines. Return: 0, -ENOMEM. */
static int done(struct taker *t, int64_t rc)
{
	t->bad += rc > 0 ? rc : 0;
	return rc < 0 ? -ENOMEM : 0;
}

/* A member of the snapshot, of the place or of the machine. */
static int add(struct taker *t, bool host, const char *path, const void *data, size_t n)
{
	char name[160];

	if (host)
		snprintf(name, sizeof(name), "snap/000000/host/%s", path);
	else
		snprintf(name, sizeof(name), "snap/000000/%llu/%s", (unsigned long long)t->place.number, path);
	return import_add(t->im, name, data, n);
}

/* What is in the buffer, where there is anything. */
static int add_made(struct taker *t, bool host, const char *path)
{
	int rc = t->buf.len ? add(t, host, path, t->buf.data, t->buf.len) : 0;

	buf_reset(&t->buf);
	return rc;
}

static int add_dump(struct taker *t, const char *path)
{
	if (t->buf.len && folder_nl_done(&t->buf))
		return -ENOMEM;
	return add_made(t, false, path);
}

static int add_file(struct taker *t, bool host, const char *path)
{
	struct span text;

	return folder_text(t->f, path, &text) ? add(t, host, path, text.p, text.n) : 0;
}

/* The text of a command in the place. */
static bool command(const struct taker *t, const char *name, struct span *text)
{
	char path[400];

	snprintf(path, sizeof(path), "%s%s", t->place.commands, name);
	return folder_text(t->f, path, text);
}

/* ---- when, and of what ---- */

/* "Tue Nov 25 10:04:24 UTC 2025"; only UTC, other zones' names are not clear. */
static bool read_date(struct span line, int64_t *s)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct span w[6], part[3];
	uint64_t day, year, v[3];
	const char *m;
	int64_t y, mon;

	for (size_t i = 0; i < 6; i++)
		if (!span_word(&line, &w[i]))
			return false;
	if (w[1].n != 3 || !(m = memmem(months, sizeof(months) - 1, w[1].p, 3)) || (m - months) % 3 || span_u64(w[2], &day) ||
	    !day || day > 31 || !span_is(w[4], "UTC") || span_u64(w[5], &year) || year < 1970 || year > 2500)
		return false;
	for (int i = 0; i < 3; i++)
		if (!span_field(&w[3], ':', &part[i]) || span_u64(part[i], &v[i]) || v[i] > 60)
			return false;
	/* days since 1970-01-01, years beginning in March */
	mon = (m - months) / 3 + 1;
	y = (int64_t)year - (mon <= 2);
	*s = y * 365 + y / 4 - y / 100 + y / 400 + (153 * (mon + (mon > 2 ? -3 : 9)) + 2) / 5 + (int64_t)day - 1 - 719468;
	*s = *s * 86400 + (int64_t)(v[0] * 3600 + v[1] * 60 + v[2]);
	return true;
}

/* Seconds of btime in proc/stat, -1: not told. */
static int64_t read_btime(const struct folder *f)
{
	struct span text, line;
	uint64_t v;

	if (!folder_text(f, "proc/stat", &text))
		return -1;
	while (span_line(&text, &line))
		if (span_starts(line, "btime ") && !span_u64((struct span){ line.p + 6, line.n - 6 }, &v) && v <= UINT32_MAX)
			return (int64_t)v;
	return -1;
}

/* "12345.67 45678.90", -1: not told */
static int64_t read_uptime_ns(const struct folder *f)
{
	struct span text, sec, part;
	uint64_t s, c;

	if (!folder_text(f, "proc/uptime", &text) || !span_word(&text, &sec) || !span_field(&sec, '.', &part) ||
	    span_u64(part, &s) || s > UINT32_MAX || sec.n != 2 || span_u64(sec, &c))
		return -1;
	return (int64_t)(s * 100 + c) * 10000000;
}

/* clock/000000 and the snapshot's time. Return: 0, -ENOMEM. */
static int add_times(struct taker *t)
{
	static const char *const dates[] = { "sos_commands/date/date_--utc", "sos_commands/date/date" };
	int64_t btime = read_btime(t->f), mono = read_uptime_ns(t->f), date = -1, real;
	struct span text, first;
	char line[160];
	int n;

	for (size_t i = 0; date < 0 && i < ARRAY_SIZE(dates); i++)
		if (!folder_text(t->f, dates[i], &text) || !span_line(&text, &first) || !read_date(first, &date))
			date = -1;
	real = btime >= 0 && mono >= 0 ? btime * NSEC_PER_SEC + mono : date >= 0 ? date * NSEC_PER_SEC : 0;
	if (mono < 0)
		mono = btime >= 0 && real > btime * NSEC_PER_SEC ? real - btime * NSEC_PER_SEC : 0;
	if (!real && import_quality(t->im, "source-missing", "clock", -1, "%s does not tell when it was taken (proc/uptime with "
				    "proc/stat, or a date in UTC): its times begin at 1970", t->im->what))
		return -ENOMEM;
	n = snprintf(line, sizeof(line), "%lld\t%lld\t%lld\t%lld\t%lld\t%lld\n", (long long)mono, (long long)real, (long long)mono,
		     (long long)mono, (long long)real, (long long)NSEC_PER_SEC);
	if (import_add(t->im, "clock/000000", line, (size_t)n))
		return -ENOMEM;
	n = snprintf(line, sizeof(line), "%lld\t%lld\tbefore\n", (long long)mono, (long long)mono);
	return import_add(t->im, "snap/000000/time", line, (size_t)n);
}

static void copy_line(const struct folder *f, const char *path, char *out, size_t size)
{
	struct span text, line;

	if (!*out && folder_text(f, path, &text) && span_line(&text, &line))
		span_copy(span_trim(line), out, size);
}

static int add_about(struct taker *t)
{
	struct import_about a = { .tool = t->im->what, .long_bytes = 8, .one_point = true };
	struct span text, line, w, before = { 0 };

	copy_line(t->f, "proc/sys/kernel/hostname", a.host, sizeof(a.host));
	copy_line(t->f, "sos_commands/host/hostname", a.host, sizeof(a.host));
	copy_line(t->f, "proc/sys/kernel/osrelease", a.kernel, sizeof(a.kernel));
	/* "Linux version 6.1.0 (...)", "Linux HOST 6.1.0 #1 SMP ... x86_64 GNU/Linux" */
	if (!a.kernel[0] && folder_text(t->f, "proc/version", &text))
		for (int i = 0; i < 3 && span_word(&text, &w); i++)
			if (i == 2)
				span_copy(w, a.kernel, sizeof(a.kernel));
	if (folder_text(t->f, "sos_commands/kernel/uname_-a", &text) && span_line(&text, &line))
		for (int i = 0; span_word(&line, &w); i++, before = w) {
			if (i == 2 && !a.kernel[0])
				span_copy(w, a.kernel, sizeof(a.kernel));
			if (span_is(w, "GNU/Linux"))
				span_copy(before, a.arch, sizeof(a.arch));
		}
	if (folder_text(t->f, "proc/stat", &text))
		while (span_line(&text, &line))
			a.cpus += span_starts(line, "cpu") && line.n > 3 && line.p[3] >= '0' && line.p[3] <= '9';
	return import_about(t->im, &a);
}

/* ---- what it holds ---- */

static int add_machine(struct taker *t)
{
	int rc = 0;

	for (const struct snap_file *s = files_host; !rc && s->path; s++)
		rc = add_file(t, true, s->path);
	if (!rc)
		rc = done(t, folder_irq(t->f, &t->buf));
	return rc ? rc : add_made(t, true, "irq");
}

static int add_net_files(struct taker *t)
{
	char path[80];
	int rc = 0;

	for (const struct snap_file *s = files_netns; !rc && s->path; s++) {
		snprintf(path, sizeof(path), "proc/net/%s", s->path);
		rc = add_file(t, false, path);
	}
	return rc;
}

/* Counters of nstat, where the files are not there. */
static int add_nstat(struct taker *t)
{
	struct buf b[3] = { { 0 } };
	static const char *const names[] = { "proc/net/snmp", "proc/net/netstat", "proc/net/snmp6" };
	struct span text;
	int rc = 0;

	if (!command(t, "nstat_-zas", &text))
		return 0;
	rc = done(t, folder_nstat(text, &b[0], &b[1], &b[2]));
	for (size_t i = 0; !rc && i < ARRAY_SIZE(b); i++)
		rc = b[i].len ? add(t, false, names[i], b[i].data, b[i].len) : 0;
	for (size_t i = 0; i < ARRAY_SIZE(b); i++)
		buf_free(&b[i]);
	return rc;
}

static int add_devices(struct taker *t, bool files)
{
	static const char *const texts[] = { "ip_-s_-d_link", "ip_-d_address", "ip_-d_address_show" };
	struct span text;
	int rc = 0;

	for (size_t i = 0; !rc && !t->devs.n && i < ARRAY_SIZE(texts); i++)
		if (command(t, texts[i], &text))
			rc = done(t, folder_devs_text(&t->devs, text));
	if (!rc && files)
		rc = folder_devs_sys(&t->devs, t->f);
	if (!rc)
		rc = done(t, folder_nl_link(&t->devs, &t->buf));
	if (!rc)
		rc = add_dump(t, "nl/link");
	if (!rc && (command(t, "ip_-o_addr", &text) || command(t, "ip_-d_address", &text) ||
		    command(t, "ip_-d_address_show", &text)))
		rc = done(t, folder_nl_addr(text, &t->buf));
	if (!rc)
		rc = add_dump(t, "nl/addr");
	if (!rc && command(t, "tc_-s_qdisc_show", &text))
		rc = done(t, folder_nl_qdisc(&t->devs, text, &t->buf));
	return rc ? rc : add_dump(t, "nl/qdisc");
}

static int add_ethtool(struct taker *t)
{
	struct span text;
	char name[64];
	int rc = 0;

	for (size_t i = 0; !rc && i < t->devs.n; i++) {
		const struct folder_dev *d = &t->devs.v[i];

		if (d->ifindex <= 0)
			continue;
		snprintf(name, sizeof(name), "ethtool_-S_%s", d->name);
		if (command(t, name, &text))
			rc = done(t, folder_ethtool(text, (uint32_t)d->ifindex, &t->buf));
		snprintf(name, sizeof(name), "ethtool_-g_%s", d->name);
		if (!rc && command(t, name, &text))
			rc = done(t, folder_ring(text, (uint32_t)d->ifindex, &t->buf));
	}
	return rc ? rc : add_made(t, false, "ethtool");
}

/* Sockets: ss tells more than the files do. */
static int add_sockets(struct taker *t, bool files)
{
	static const struct {
		const char *proto, *member, *file, *file6;
	} kinds[] = { { "tcp", "nl/sock-tcp", "proc/net/tcp", "proc/net/tcp6" },
		      { "udp", "nl/sock-udp", "proc/net/udp", "proc/net/udp6" } };
	struct span text;
	bool ss = command(t, "ss_-peaonmi", &text), told = false;
	int rc = 0;

	for (size_t i = 0; !rc && i < ARRAY_SIZE(kinds); i++) {
		if (ss) {
			rc = done(t, folder_nl_ss(text, kinds[i].proto, &t->buf));
		} else if (files) {
			const char *const names[] = { kinds[i].file, kinds[i].file6 };

			for (size_t k = 0; !rc && k < ARRAY_SIZE(names); k++) {
				struct span file;

				if (!folder_text(t->f, names[k], &file))
					continue;
				rc = done(t, folder_nl_proc(file, i == 1, k == 1, &t->buf));
				told = true;
			}
		}
		if (!rc)
			rc = add_dump(t, kinds[i].member);
	}
	if (!rc && !ss && !told)
		rc = import_quality(t->im, "source-missing", "sockets", -1, "no sockets%s%.*s: neither ss -peaonmi nor proc/net/tcp and udp",
				    files ? "" : " of namespace ", files ? 0 : (int)t->place.name.n, t->place.name.p ? t->place.name.p : "");
	else if (!rc && !ss)
		rc = import_quality(t->im, "note", "sockets", -1, "of proc/net: the sizes of buffers and of accept queues are not told "
				    "(ss -peaonmi tells them)");
	return rc;
}

/* Routes, rules and neighbours: ip(8) tells more than the files do. */
static int add_routes(struct taker *t, bool files)
{
	struct span text;
	bool table = files && !command(t, "ip_route_show_table_all", &text);
	int rc = 0;

	if (command(t, "ip_route_show_table_all", &text))
		rc = done(t, folder_nl_route(t->f, &t->devs, text, &t->buf));
	else if (files && folder_text(t->f, "proc/net/route", &text))
		rc = done(t, folder_nl_proc_route(&t->devs, text, &t->buf));
	if (!rc && table && folder_text(t->f, "proc/net/ipv6_route", &text))
		rc = done(t, folder_nl_proc_route6(&t->devs, text, &t->buf));
	if (!rc && table && t->buf.len)
		rc = import_quality(t->im, "note", "routes", -1, "of proc/net: only those of the main table, without preferred sources "
				    "(ip route show table all tells more)");
	if (!rc)
		rc = add_dump(t, "nl/route");
	if (!rc && command(t, "ip_-4_rule_list", &text))
		rc = done(t, folder_nl_rule(t->f, text, false, &t->buf));
	if (!rc && command(t, "ip_-6_rule_list", &text))
		rc = done(t, folder_nl_rule(t->f, text, true, &t->buf));
	if (!rc)
		rc = add_dump(t, "nl/rule");
	if (!rc && command(t, "ip_-s_-s_neigh_show", &text))
		rc = done(t, folder_nl_neigh(&t->devs, text, &t->buf));
	else if (!rc && files && folder_text(t->f, "proc/net/arp", &text))
		rc = done(t, folder_nl_proc_arp(&t->devs, text, &t->buf));
	return rc ? rc : add_dump(t, "nl/neigh");
}

/* Entries of connection tracking, of the namespace whose /proc it is. */
static int add_conntrack(struct taker *t)
{
	struct span text;
	int rc = 0;

	if (folder_text(t->f, "sos_commands/conntrack/conntrack_-L_-o_extended", &text) || folder_text(t->f, "proc/net/nf_conntrack", &text))
		rc = done(t, folder_nl_conntrack(text, &t->buf));
	return rc ? rc : add_dump(t, "nl/conntrack");
}

/* Everything of one namespace; @host: the one whose /proc and /sys it is. */
static int add_place(struct taker *t, bool host)
{
	struct span text = { 0 };
	int rc = 0;

	free(t->devs.v);
	t->devs = (struct folder_devs){ 0 };
	if (host)
		rc = add_net_files(t);
	if (!rc && (!host || !folder_text(t->f, "proc/net/snmp", &text)))
		rc = add_nstat(t);
	if (!rc)
		rc = add_devices(t, host);
	if (!rc)
		rc = add_routes(t, host);
	if (!rc && host)
		rc = add_conntrack(t);
	if (!rc)
		rc = add_ethtool(t);
	if (!rc)
		rc = add_sockets(t, host);
	text = (struct span){ 0 };
	if (!rc && (host ? folder_text(t->f, "sos_commands/kernel/sysctl_-a", &text) : command(t, "sysctl_-a", &text)))
		rc = 0;
	if (!rc)
		rc = done(t, folder_sysctl(host ? t->f : NULL, text, &t->buf));
	if (!rc && !t->buf.len && host)
		rc = import_quality(t->im, "source-missing", "sysctl", -1, "no settings: neither proc/sys/net nor sysctl -a");
	if (!rc)
		rc = add_made(t, false, "sysctl");
	if (!rc && host)
		rc = done(t, folder_sysfs(t->f, &t->buf));
	return rc ? rc : add_made(t, false, "sysfs");
}

/* ---- namespaces ---- */

/* The next namespace of a sosreport at or behind file *@i. */
static bool next_place(const struct folder *f, size_t *i, struct span *name)
{
	for (; *i < f->n; (*i)++) {
		struct span rest = { f->v[*i].path, strlen(f->v[*i].path) };
		struct span last = *name;

		if (!span_starts(rest, SOS_NETNS))
			return false;
		rest = (struct span){ rest.p + sizeof(SOS_NETNS) - 1, rest.n - (sizeof(SOS_NETNS) - 1) };
		if (span_field(&rest, '/', name) && rest.n && name->n && name->n < 64 &&
		    (name->n != last.n || memcmp(name->p, last.p, name->n)))
			return true;
		*name = last;
	}
	return false;
}

/* A number of its own for a namespace, the same in another report: beyond those of the kernel. */
static uint64_t number_of(struct span name)
{
	uint64_t h = 0xcbf29ce484222325;

	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (uint8_t)name.p[i]) * 0x100000001b3;
	return (1ULL << 32) + (h & UINT32_MAX);
}

static int add_places(struct taker *t)
{
	struct place *p = &t->place;
	struct buf list = { 0 };
	struct span name = { 0 };
	size_t i = folder_from(t->f, SOS_NETNS);
	int rc = buf_printf(&list, "1\t\t0\tself init\n");

	*p = (struct place){ .number = 1, .commands = FOLDER_SOS };
	if (!rc)
		rc = add_machine(t);
	if (!rc)
		rc = add_place(t, true);
	for (int n = 0; !rc && n < PLACES_MAX && next_place(t->f, &i, &name); n++) {
		p->number = number_of(name);
		p->name = name;
		snprintf(p->commands, sizeof(p->commands), SOS_NETNS "%.*s/ip_netns_exec_%.*s_", (int)name.n, name.p, (int)name.n, name.p);
		rc = buf_printf(&list, "%llu\t", (unsigned long long)p->number) || buf_put(&list, name.p, name.n) ||
				     buf_printf(&list, "\t0\t\n") ?
			     -ENOMEM :
			     add_place(t, false);
	}
	if (!rc)
		rc = import_add(t->im, "netns/000000", list.data, list.len);
	buf_free(&list);
	return rc ? -ENOMEM : 0;
}

/* ---- all of it ---- */

static int say_limits(struct taker *t)
{
	const char *what = t->im->what;
	int rc = import_quality(t->im, "source-missing", "events", -1,
				"%s has no events: what became of single packets is not in it", what);

	if (!rc)
		rc = import_quality(t->im, "source-missing", "nl", -1, "firewall rules and filters of tc are not read from %s", what);
	if (!rc && t->f->cut)
		rc = import_quality(t->im, "limit", "files", (int64_t)t->f->cut, "files are larger than what is read of them");
	if (!rc && t->f->refused)
		rc = import_quality(t->im, "note", "files", (int64_t)t->f->refused,
				    "files could not be read, or are links out of the folder, and were left out");
	if (!rc && t->bad)
		rc = import_quality(t->im, "format", "files", t->bad, "lines that could not be read were skipped");
	return rc;
}

int folder_import(struct import *im, struct err *e)
{
	struct folder f = { 0 };
	struct taker t = { .im = im, .f = &f };
	struct span text;
	size_t sos;
	int rc = im->file->directory ? folder_read(&f, im->file->fd, im->file->path, e) : folder_unpack(&f, im->file, e);

	if (rc)
		goto out;
	sos = folder_from(&f, "sos_commands/");
	if (sos < f.n && !strncmp(f.v[sos].path, "sos_commands/", 13))
		im->what = "a sosreport";
	rc = add_about(&t);
	if (!rc)
		rc = add_times(&t);
	if (!rc)
		rc = add_places(&t);
	if (!rc && folder_text(&f, "sos_commands/kernel/dmesg", &text)) {
		rc = done(&t, folder_dmesg(text, &t.buf));
		if (!rc && t.buf.len)
			rc = import_add(im, "kmsg", t.buf.data, t.buf.len);
	}
	if (!rc)
		rc = say_limits(&t);
	im->cut = f.broken;
out:
	free(t.devs.v);
	buf_free(&t.buf);
	folder_free(&f);
	return rc;
}
