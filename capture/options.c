/* SPDX-License-Identifier: MIT */
#include "options.h"

#include "budget.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define SNAPLEN_MAX    262144 /* as libpcap's MAXIMUM_SNAPLEN */
#define BUFFER_MIN     (64 * KIB)
#define BUFFER_MAX     (4096 * MIB)
#define PERCENT_MAX    1000000
#define SECONDS_MAX    315360000LL /* ten years */
#define SECONDS_DIGITS 9

enum {
	OPT_NETNS = 256,
	OPT_NO_PCAP,
	OPT_BACKEND,
	OPT_FORMATS,
	OPT_MAX_SIZE,
	OPT_MAX_CPU,
	OPT_DOCTOR,
	OPT_HELP,
	OPT_VERSION
};

static const struct option long_options[] = {
	{ "netns", required_argument, NULL, OPT_NETNS },
	{ "no-pcap", no_argument, NULL, OPT_NO_PCAP },
	{ "backend", required_argument, NULL, OPT_BACKEND },
	{ "formats", required_argument, NULL, OPT_FORMATS },
	{ "max-size", required_argument, NULL, OPT_MAX_SIZE },
	{ "max-cpu", required_argument, NULL, OPT_MAX_CPU },
	{ "doctor", no_argument, NULL, OPT_DOCTOR },
	{ "help", no_argument, NULL, OPT_HELP },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

/* Digits with an optional decimal point. @whole: before it; @part: behind it, in units of
 * 10^-SECONDS_DIGITS. */
static int parse_decimal(struct span s, uint64_t *whole, uint64_t *part)
{
	struct span before = { s.p, 0 }, after;
	uint64_t w = 0, p = 0;
	int rc;

	while (before.n < s.n && s.p[before.n] != '.')
		before.n++;
	after = (struct span){ s.p + before.n, s.n - before.n };
	if (after.n)
		after.p++, after.n--;
	if (!before.n && !after.n)
		return -EINVAL;
	rc = before.n ? span_u64(before, &w) : 0;
	if (rc)
		return rc;
	for (size_t i = 0; i < after.n || i < SECONDS_DIGITS; i++) {
		char c = i < after.n ? after.p[i] : '0';

		if (c < '0' || c > '9')
			return -EINVAL;
		if (i < SECONDS_DIGITS)
			p = p * 10 + (uint64_t)(c - '0');
	}
	*whole = w;
	*part = p;
	return 0;
}

int options_size(const char *text, uint64_t *bytes)
{
	static const char units[] = "KMGT";
	struct span s = { text, strlen(text) };
	uint64_t unit = 1, whole, part, x;
	const char *u;
	int rc;

	u = s.n ? memchr(units, s.p[s.n - 1] & ~0x20, sizeof(units) - 1) : NULL;
	if (u) {
		unit = 1ULL << (10 * (u - units + 1));
		s.n--;
	}
	rc = parse_decimal(s, &whole, &part);
	if (rc)
		return rc;
	if (part && unit == 1)
		return -EINVAL;
	if (__builtin_mul_overflow(whole, unit, &x) || x > INT64_MAX / 2)
		return -ERANGE;
	*bytes = x + (uint64_t)((double)part / 1e9 * (double)unit);
	return 0;
}

int options_seconds(const char *text, int64_t *ns)
{
	uint64_t whole, part;
	int rc = parse_decimal((struct span){ text, strlen(text) }, &whole, &part);

	if (rc)
		return rc;
	if (whole > SECONDS_MAX || (!whole && !part))
		return -ERANGE;
	*ns = (int64_t)whole * NSEC_PER_SEC + (int64_t)part;
	return 0;
}

int options_percent(const char *text, double *percent)
{
	uint64_t whole, part;
	int rc = parse_decimal((struct span){ text, strlen(text) }, &whole, &part);

	if (rc)
		return rc;
	if (whole > PERCENT_MAX)
		return -ERANGE;
	*percent = (double)whole + (double)part / 1e9;
	return 0;
}

static int parse_netns(struct record_options *o, const char *arg)
{
	if (!*arg)
		return -EINVAL;
	o->netns = arg;
	o->scope = !strcmp(arg, "all")	  ? NETSET_ALL
		   : !strcmp(arg, "self") ? NETSET_SELF
					  : NETSET_NAME;
	return 0;
}

static int parse_snaplen(struct record_options *o, const char *arg)
{
	uint64_t v;

	if (span_u64((struct span){ arg, strlen(arg) }, &v) || v > SNAPLEN_MAX)
		return -EINVAL;
	o->snaplen = (int)v;
	return 0;
}

static int parse_interface(struct record_options *o, const char *arg)
{
	/* IFNAMSIZ of linux/if.h is 16 with the NUL */
	if (!*arg || strlen(arg) > 15 || o->interface_count == OPTIONS_INTERFACES_MAX)
		return -EINVAL;
	o->interfaces[o->interface_count++] = arg;
	return 0;
}

/* One option with its argument. */
static int parse_option(struct record_options *o, int c, const char *arg, struct err *e)
{
	const char *name, *expected;
	int rc;

	switch (c) {
	case 'o':
		name = "-o", expected = "the name of a file, or - for standard output";
		o->output = arg;
		rc = *arg ? 0 : -EINVAL;
		break;
	case 'd':
		name = "-d", expected = "seconds, more than 0, such as 10 or 0.5";
		rc = options_seconds(arg, &o->duration_ns);
		break;
	case 'i':
		name = "-i",
		expected = "the name of a network device, at most 15 bytes, at most 64 of them";
		rc = parse_interface(o, arg);
		break;
	case 'e':
		name = "-e", expected = "one of drops, path, standard, full";
		rc = trace_profile_parse(arg, &o->profile);
		break;
	case 's':
		name = "-s",
		expected = "bytes of each frame to keep, 1 to 262144, or 0 for whole frames";
		rc = parse_snaplen(o, arg);
		break;
	case 'b':
		name = "-b", expected = "bytes per CPU, 64K to 4G, such as 8M";
		rc = options_size(arg, &o->buffer_bytes);
		if (!rc && (o->buffer_bytes < BUFFER_MIN || o->buffer_bytes > BUFFER_MAX))
			rc = -ERANGE;
		break;
	case OPT_MAX_SIZE:
		name = "--max-size", expected = "bytes, more than 0, such as 500M or 2G";
		rc = options_size(arg, &o->max_bytes);
		if (!rc && !o->max_bytes)
			rc = -ERANGE;
		break;
	case OPT_MAX_CPU:
		name = "--max-cpu",
		expected = "percent of one CPU, such as 20 or 150, or 0 for no limit";
		rc = options_percent(arg, &o->max_cpu);
		break;
	case OPT_NETNS:
		name = "--netns", expected = "all, self, or the name of a network namespace";
		rc = parse_netns(o, arg);
		break;
	case OPT_BACKEND:
		name = "--backend", expected = "one of auto, tracefs, perf";
		rc = backend_parse(arg, &o->backend);
		break;
	case OPT_FORMATS:
		name = "--formats", expected = "a folder with copies of events and boot_id";
		o->formats = arg;
		rc = *arg ? 0 : -EINVAL;
		break;
	case OPT_NO_PCAP:
		o->pcap = false;
		return 0;
	case 'q':
		o->quiet = true;
		return 0;
	case OPT_DOCTOR:
		o->action = OPTIONS_DOCTOR;
		return 0;
	case 'h':
	case OPT_HELP:
		o->action = OPTIONS_HELP;
		return 0;
	default:
		o->action = OPTIONS_VERSION;
		return 0;
	}
	if (rc)
		return err_set(e, -EINVAL, "%s '%s': expected %s", name, arg, expected);
	return 0;
}

/* The words of the filter, a blank between them. */
static int join_filter(struct record_options *o, char **words, int n)
{
	struct buf b = { 0 };
	int rc = 0;

	for (int i = 0; i < n && !rc; i++)
		rc = buf_printf(&b, "%s%s", i ? " " : "", words[i]);
	if (!rc)
		rc = buf_put(&b, "", 1);
	if (rc) {
		buf_free(&b);
		return rc;
	}
	o->filter = (char *)b.data;
	return 0;
}

/* Where "--" stands, or @argc. An option's argument may not be "--": `-o --` is a mistake more
 * often than a name. */
static int find_command(int argc, char **argv)
{
	int i = 1;

	while (i < argc && strcmp(argv[i], "--"))
		i++;
	return i;
}

int options_parse(struct record_options *out, int argc, char **argv, struct err *e)
{
	struct record_options o = {
		.duration_ns = -1,
		.profile = PROFILE_STANDARD,
		.snaplen = -1,
		.max_cpu = budget_default(),
		.pcap = true,
		.scope = NETSET_ALL,
	};
	int end = find_command(argc, argv);
	int c, rc;

	if (end < argc) {
		if (end + 1 == argc)
			return err_set(e, -EINVAL, "--: expected a command behind it");
		o.command = argv + end + 1;
	}
	optind = 0; /* getopt(3), NOTES: begin anew */
	opterr = 0;
	while ((c = getopt_long(end, argv, ":o:d:i:e:s:b:qh", long_options, NULL)) != -1) {
		if (c == ':')
			return err_set(e, -EINVAL, "%s: expected an argument behind it",
				       argv[optind - 1]);
		if (c == '?' && optopt && optopt < OPT_NETNS)
			return err_set(e, -EINVAL, "-%c: no such option", optopt);
		if (c == '?')
			return err_set(e, -EINVAL,
				       "%s: no such option, or an argument that it does not take",
				       argv[optind - 1]);
		rc = parse_option(&o, c, optarg, e);
		if (rc)
			return rc;
	}
	if (o.profile == PROFILE_DROPS)
		o.pcap = false; /* light enough to leave on */
	if (o.formats && o.backend == BACKEND_TRACEFS)
		return err_set(e, -EINVAL, "--formats: only perf takes it, and --backend is tracefs");
	rc = join_filter(&o, argv + optind, end - optind);
	if (rc)
		return err_set(e, rc, "no memory for the filter");
	if (*o.filter && !o.pcap && o.action == OPTIONS_RECORD) {
		options_free(&o);
		return err_set(e, -EINVAL, "a pcap filter, but no frames are recorded with %s",
			       o.profile == PROFILE_DROPS ? "-e drops" : "--no-pcap");
	}
	*out = o;
	return 0;
}

void options_free(struct record_options *o)
{
	free(o->filter);
	o->filter = NULL;
}

void options_help(FILE *f, const char *name)
{
	fprintf(f,
		"Usage: %s [OPTION...] [PCAP-FILTER...] [-- COMMAND [ARG...]]\n"
		"\n"
		"Record what the network stack of this host does: kernel events, frames, counters "
		"and\n"
		"configuration, on one compressed tape. Recording ends after -d seconds, with "
		"COMMAND, with\n"
		"Ctrl-C (SIGINT, SIGTERM, SIGHUP), or at a limit; the tape is complete in each "
		"case.\n"
		"\n"
		"  -o FILE            write to FILE, a regular file, which is replaced; - is "
		"standard output\n"
		"                     (default: skbtape-HOST-UTCTIME.skbtape)\n"
		"  -d SECONDS         stop after so many seconds, 0.5 for instance (default: no "
		"limit)\n"
		"  -e PROFILE         what to record (default: standard)\n"
		"                       drops     lost packets and failed queues; no frames\n"
		"                       path      and every packet's way\n"
		"                       standard  and softirqs, NAPI, interrupts, wakeups, task "
		"switches\n"
		"                       full      and everything useful that this kernel has\n"
		"  -i IFACE           frames of this device only; may be repeated (default: all "
		"devices)\n"
		"  -s SNAPLEN         keep SNAPLEN bytes of each frame, 0: all (default: headers "
		"only)\n"
		"  --netns WHICH      network namespaces: all, self, or a NAME of /run/netns "
		"(default: all)\n"
		"  --no-pcap          record no frames\n"
		"  --backend WHICH    where events come from: tracefs, perf, or auto (default: "
		"tracefs, else perf)\n"
		"  --formats DIR      for perf where tracefs cannot be read: copies of its folder "
		"events and of\n"
		"                     /proc/sys/kernel/random/boot_id, taken since this boot\n"
		"  -b SIZE            trace buffer per CPU (default: 1M to 16M, by free memory)\n"
		"  --max-size SIZE    stop before the tape grows past SIZE\n"
		"  --max-cpu PERCENT  lower the detail, then end, where recording takes more than PERCENT "
		"of one CPU\n"
		"                     over ten seconds; 0: no limit (default: half of all CPUs, at "
		"least 100)\n"
		"  -q                 say nothing but 'recording' and errors\n"
		"  --doctor           show what this host allows to record, and what is missing\n"
		"  -h, --help         show this help\n"
		"  --version          show the version\n"
		"\n"
		"PCAP-FILTER (pcap-filter(7)) chooses frames; events are always recorded for all "
		"packets.\n"
		"SIZE takes K, M, G. Options may stand anywhere before --. COMMAND starts when "
		"everything is\n"
		"armed, and runs on if the recording ends first. A tape holds kernel addresses "
		"and, with -s,\n"
		"payload: it is written with mode 0600.\n"
		"\n"
		"Exit status: 0 done; 1 failed, or ended early by a full disk or a closed pipe "
		"(what was\n"
		"written stays a tape); 2 wrong usage; 3 written, but a source is missing; 4 a bug "
		"in this\n"
		"program.\n",
		name);
}
