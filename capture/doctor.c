/* SPDX-License-Identifier: MIT */
#include "doctor.h"

#include "about.h"
#include "budget.h"
#include "clock.h"
#include "instance.h"
#include "netlink.h"
#include "perf.h"
#include "profile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

/* What is missing is collected here and said once more at the end. */
struct doctor {
	FILE *f;
	const char *formats; /* of perf; NULL: tracefs */
	struct buf advice;   /* one line each */
	unsigned int missing;
};

static void row(struct doctor *d, const char *what, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void row(struct doctor *d, const char *what, const char *fmt, ...)
{
	va_list ap;

	fprintf(d->f, "%-13s ", what);
	va_start(ap, fmt);
	vfprintf(d->f, fmt, ap);
	va_end(ap);
	putc('\n', d->f);
}

/* Something that profile 'standard' wants is not there: how to get it. */
static void lack(struct doctor *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void lack(struct doctor *d, const char *fmt, ...)
{
	char text[600];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	buf_printf(&d->advice, "  - %s\n", text);
	d->missing++;
}

/* First line of a file. Return: false where it cannot be read. */
static bool first_line(const char *path, char *line, size_t size)
{
	FILE *f = fopen(path, "re");
	bool ok = f && fgets(line, (int)size, f);

	if (f)
		fclose(f);
	if (ok)
		line[strcspn(line, "\n")] = '\0';
	return ok;
}

static void check_kernel(struct doctor *d)
{
	char line[128] = "unknown";
	struct utsname u;

	uname(&u);
	first_line("/sys/devices/system/cpu/online", line, sizeof(line));
	row(d, "kernel", "%s %s, CPUs %s", u.release, u.machine, line);
	if (first_line("/sys/kernel/security/lockdown", line, sizeof(line)))
		row(d, "lockdown", "%s%s", line,
		    tracefs_locked_down() ? " (tracefs is closed)" : "");
	else
		row(d, "lockdown", "none");
}

static void check_capabilities(struct doctor *d)
{
	static const struct {
		int bit;
		const char *name, *container, *what;
	} wanted[] = {
		{ CAP_SYS_ADMIN, "cap_sys_admin", "SYS_ADMIN", "mounting tracefs, entering network namespaces" },
		{ CAP_DAC_OVERRIDE, "cap_dac_override", "DAC_OVERRIDE", "the files of tracefs" },
		{ CAP_NET_RAW, "cap_net_raw", "NET_RAW", "frames" },
		{ CAP_NET_ADMIN, "cap_net_admin", "NET_ADMIN", "conntrack, nftables, socket details" },
		{ CAP_SYS_PTRACE, "cap_sys_ptrace", "SYS_PTRACE", "namespaces of other users' processes" },
		{ CAP_SYSLOG, "cap_syslog", "SYSLOG", "kernel symbols, the kernel log" },
	};
	uint64_t have = about_capabilities();
	struct buf lacking = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
		if (have >> wanted[i].bit & 1)
			continue;
		buf_printf(&lacking, "%s%s", lacking.len ? ", " : "", wanted[i].name);
		if (geteuid())
			lack(d, "%s for %s: run as root, or setcap %s+ep skbtape-record", wanted[i].name,
			     wanted[i].what, wanted[i].name);
		else
			lack(d, "%s for %s: this root does not have it; a container gets it by --cap-add %s",
			     wanted[i].name, wanted[i].what, wanted[i].container);
	}
	if (lacking.len)
		row(d, "privileges", "user %d, lacks %.*s", (int)geteuid(), (int)lacking.len,
		    (char *)lacking.data);
	else
		row(d, "privileges", "user %d, all that are needed", (int)geteuid());
	buf_free(&lacking);
}

/* Which events each profile finds. */
static void check_events(struct doctor *d, const struct tracefs_way *way)
{
	const struct profile_event *ev;
	size_t n;

	ev = profile_events(&n);
	for (int p = 0; p < PROFILE_COUNT; p++) {
		struct buf absent = { 0 };
		unsigned int wanted = 0, here = 0;

		for (size_t i = 0; i < n; i++) {
			if (!profile_event_wanted(way->path, &ev[i], (enum trace_profile)p))
				continue;
			wanted++;
			if (profile_event_here(way->path, &ev[i])) {
				here++;
				continue;
			}
			if ((int)ev[i].from == p)
				buf_printf(&absent, "%s%s:%s",
					   absent.len ? " " : "; not here: ", ev[i].system,
					   ev[i].name);
			if ((int)ev[i].from == p && ev[i].core && p <= PROFILE_STANDARD)
				lack(d, "event %s:%s: this kernel does not have it", ev[i].system,
				     ev[i].name);
		}
		row(d, p ? "" : "events", "%-9s %u of %u%.*s",
		    trace_profile_name((enum trace_profile)p), here, wanted, (int)absent.len,
		    (char *)absent.data);
		buf_free(&absent);
	}
}

/* Which source of events --backend auto takes, and why. */
static void check_backend(struct doctor *d, bool instances)
{
	struct err call = { "" }, formats = { "" };
	bool permitted = !perf_permitted(&call), perf = permitted && !perf_allowed(d->formats, &formats);

	row(d, "backend", "%s",
	    instances ? "tracefs: an instance can be made" :
	    perf      ? "perf: no tracing instance, but perf_event_open is allowed" :
			"none: neither tracefs nor perf");
	if (perf)
		row(d, "perf", "allowed%s%s", d->formats ? ", formats from " : "", d->formats ? d->formats : "");
	else if (permitted)
		row(d, "perf", "perf_event_open is allowed, but: %s", formats.text);
	else
		row(d, "perf", "no: %s", call.text);
	if (instances)
		return;
	if (perf)
		lack(d, "a tracing instance: perf records the same events meanwhile");
	else if (permitted)
		lack(d, "or, for perf, formats of events: %s", d->formats ? formats.text :
		     "on the host, as root: mkdir DIR && cp -r /sys/kernel/tracing/events /proc/sys/kernel/random/boot_id DIR; "
		     "then --formats DIR");
	else
		lack(d, "or, for perf: %s", call.text);
}

static void check_tracefs(struct doctor *d)
{
	struct tracefs_way way;
	struct err e = { "" };
	char path[512], line[256];
	bool instances;

	if (tracefs_way_open(&way, &e)) {
		row(d, "tracefs", "no: %s", e.text);
		lack(d, "%s", e.text);
		check_backend(d, false);
		return;
	}
	snprintf(path, sizeof(path), "%s/instances", way.path);
	instances = !faccessat(AT_FDCWD, path, W_OK, AT_EACCESS);
	if (!instances) {
		row(d, "tracefs", "no: instances cannot be made (%s)", strerror(errno));
		lack(d, "tracing instances: run as root");
	} else {
		row(d, "tracefs", "%s%s",
		    way.mounted ? "mounted at " : "not mounted; reached by a private mount",
		    way.mounted ? way.path : "");
	}
	snprintf(path, sizeof(path), "%s/trace_clock", way.path);
	if (first_line(path, line, sizeof(line))) {
		row(d, "trace clocks", "%s", line);
		if (!strstr(line, "mono") && !strstr(line, "boot"))
			lack(d, "trace clock mono or boot: Linux 4.2 or later");
	}
	check_events(d, &way);
	tracefs_way_close(&way);
	check_backend(d, instances);
}

static void check_frames(struct doctor *d)
{
	/* asking for a packet socket would load its module where it is one */
	if (access("/proc/net/packet", F_OK)) {
		row(d, "frames", "no: packet sockets are not loaded");
		lack(d, "frames: modprobe af_packet");
	} else if (!(about_capabilities() >> CAP_NET_RAW & 1)) {
		row(d, "frames", "no: cap_net_raw is missing");
	} else {
		row(d, "frames", "packet sockets");
	}
}

static void check_namespaces(struct doctor *d)
{
	struct netset *set;
	struct err e = { "" };
	size_t n;

	if (netset_open(&set, NETSET_ALL, NULL, &e)) {
		row(d, "namespaces", "no: %s", e.text);
		lack(d, "network namespaces: %s", e.text);
		return;
	}
	n = netset_count(set);
	row(d, "namespaces", "%zu network namespace%s can be recorded", n, n == 1 ? "" : "s");
	netset_close(set);
}

static void check_kinds(struct doctor *d)
{
	struct netlink_access *a = calloc(1, sizeof(*a));
	struct buf lacking = { 0 };

	if (!a)
		return;
	netlink_access_init(a);
	for (int k = 0; k < NETLINK_KIND_COUNT; k++)
		if (a->lacks[k])
			buf_printf(&lacking, "%s%s (%s)", lacking.len ? ", " : "",
				   netlink_kind_name((enum netlink_kind)k), a->lacks[k]);
	if (lacking.len)
		row(d, "dumps", "all but those whose module is not loaded, and stays so: %.*s",
		    (int)lacking.len, (char *)lacking.data);
	else
		row(d, "dumps",
		    "sockets, routes, qdiscs, conntrack, nftables: nothing would have to be "
		    "loaded");
	row(d, "conntrack", "%s",
	    access("/proc/sys/net/netfilter/nf_conntrack_count", F_OK) ? "not active" : "active");
	buf_free(&lacking);
	free(a);
}

static void check_symbols(struct doctor *d)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	char line[256], restrict_text[32] = "?";
	bool real = false;

	/* hidden addresses read as zeros: lib/vsprintf.c, restricted_pointer() */
	for (int i = 0; f && i < 1000 && !real && fgets(line, sizeof(line), f); i++)
		real = strtoull(line, NULL, 16) > 0xfffff;
	first_line("/proc/sys/kernel/kptr_restrict", restrict_text, sizeof(restrict_text));
	if (!f) {
		row(d, "symbols", "no: /proc/kallsyms: %s", strerror(errno));
		lack(d, "names of kernel functions: run as root, on a kernel with CONFIG_KALLSYMS");
	} else if (!real) {
		row(d, "symbols", "no: addresses are hidden, kernel.kptr_restrict is %s",
		    restrict_text);
		/* 2 hides them from root, too: Documentation/admin-guide/sysctl/kernel.rst */
		if (!strcmp(restrict_text, "2"))
			lack(d, "names of kernel functions: for the time of the recording, "
				"sysctl kernel.kptr_restrict=1 (now 2)");
		else
			lack(d, "names of kernel functions: cap_syslog, or run as root");
	} else {
		row(d, "symbols", "readable, kernel.kptr_restrict is %s", restrict_text);
	}
	if (f)
		fclose(f);
}

static void check_memory(struct doctor *d)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t each = trace_buffer_choose();

	row(d, "memory", "%llu MiB available; trace buffers %.1f MiB per CPU, %.1f MiB in all",
	    trace_memory_available() / MIB, (double)each / MIB,
	    (double)each / MIB * (double)(cpus > 0 ? cpus : 1));
	row(d, "CPU", "%ld online; a recording lowers its detail above %.0f %% of one CPU (--max-cpu)",
	    cpus, budget_default());
}

static void check_clocks(struct doctor *d)
{
	struct clock_pair p;

	clock_pair_read(&p, 32);
	row(d, "clocks", "read together within %" PRId64 " ns", p.window_ns);
}

int doctor_print(FILE *f, const char *formats)
{
	struct doctor d = { .f = f, .formats = formats };

	check_kernel(&d);
	check_capabilities(&d);
	check_tracefs(&d);
	check_clocks(&d);
	check_frames(&d);
	check_namespaces(&d);
	check_kinds(&d);
	check_symbols(&d);
	check_memory(&d);
	if (d.missing)
		fprintf(f, "\nMissing for profile 'standard' (the rest would be recorded):\n%.*s",
			(int)d.advice.len, (char *)d.advice.data);
	else
		fprintf(f, "\nEverything for profile 'standard' is there.\n");
	buf_free(&d.advice);
	return d.missing ? 3 : 0;
}

int doctor_main(int argc, char **argv)
{
	if (argc > 1) {
		bool help = !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h");

		fprintf(help ? stdout : stderr,
			"Usage: skbtape doctor\nShow what this host allows to record, "
			"what is missing, and how to get it.\n"
			"Exit status: 0 all is there for profile 'standard'; 3 something is "
			"missing.\n");
		return help ? 0 : 2;
	}
	return doctor_print(stdout, NULL);
}
