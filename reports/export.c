/* SPDX-License-Identifier: MIT */
/* export: the command: its options, its input, and where each kind of file goes. */
#include "export.h"
#include "report.h"
#include "../analyze/beside.h"

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: skbtape export TAPE|DB --pcapng OUT | --perfetto OUT | --csv DIR\n"
	"                      [--filter EXPR] [--tape FILE] [--from S] [--to S] [--no-comments]\n"
	"\n"
	"Writes what a tape holds for other programs. OUT '-' is standard output. Instead of TAPE all that\n"
	"analyze takes: trace.dat, perf.data, PCAP, DIR, several where it takes several.\n"
	"\n"
	"  --pcapng OUT    the captured frames of all namespaces, for Wireshark and tcpdump; each frame's\n"
	"                  comment says which packet it is, its way, its delays, where and why it was dropped\n"
	"  --perfetto OUT  a trace for https://ui.perfetto.dev: what CPUs ran, packets' stages on devices,\n"
	"                  drops, counters, findings\n"
	"  --csv DIR       a new folder with one CSV file for each table and view\n"
	"  --filter EXPR   only what belongs to packets that match a pcap-filter(7) expression\n"
	"  --tape FILE     the tape of a database, where the frames' bytes are (default: where it was)\n"
	"  --from S        with --perfetto: from that many seconds after the start on\n"
	"  --to S          with --perfetto: until then\n"
	"  --no-comments   with --pcapng of a tape: frames as they were recorded; faster\n"
	"  -h, --help      this text\n"
	"\n"
	"Examples:\n"
	"  skbtape export x.skbtape --pcapng x.pcapng\n"
	"  skbtape export x.db --pcapng dns.pcapng --filter 'udp port 53'\n"
	"  skbtape export x.skbtape --perfetto x.pftrace --from 1.5 --to 2\n"
	"  skbtape export x.db --csv tables\n"
	"\n"
	"Exit status: 0 done, 1 failed, 2 wrong usage, 3 done, but the tape is cut, damaged or lacks a source.\n";

enum what { NOTHING, PCAPNG, PERFETTO, CSV };

struct job {
	enum what what;
	struct inputs in;
	const char *output, *filter, *tape;
	double from_s, to_s; /* -1: not given */
	bool plain;
};

static struct export_range range_of(struct rep *r, const struct job *j)
{
	struct export_range x = { rep_int(r, "SELECT min(v) FROM (SELECT min(first_ns) AS v FROM _packet UNION ALL SELECT "
					     "CAST(value AS INTEGER) FROM tape WHERE key = 'start_ns')", 0),
				  rep_int(r, "SELECT max(v) FROM (SELECT max(last_ns) AS v FROM _packet UNION ALL SELECT "
					     "CAST(value AS INTEGER) FROM tape WHERE key = 'end_ns')", INT64_MAX) };
	int64_t start = r->start_ns ? r->start_ns : x.from_ns, at;

	if (j->from_s >= 0 && !__builtin_add_overflow(start, (int64_t)(j->from_s * 1e9), &at) && at > x.from_ns)
		x.from_ns = at;
	if (j->to_s >= 0 && !__builtin_add_overflow(start, (int64_t)(j->to_s * 1e9), &at) && at < x.to_ns)
		x.to_ns = at;
	return x;
}

static int write_file(struct rep *r, const struct job *j, struct err *e)
{
	struct export_range range = range_of(r, j);
	struct tape *t = NULL;
	struct out o;
	int64_t rc = j->what == PCAPNG ? rep_tape(r, j->tape, &t, e) : 0;

	if (rc)
		return (int)rc;
	rc = out_open(&o, j->output, t ? tape_path(t) : j->in.path[0], e);
	if (!rc) {
		rc = t ? export_pcapng(r, t, o.f, j->output, e) : export_perfetto(r, &range, o.f, e);
		if (rc < 0)
			out_abort(&o);
		else
			rc = out_commit(&o, e);
	}
	tape_close(t);
	return (int)rc;
}

static int run_plain(const struct job *j, bool *incomplete, struct err *e)
{
	struct tape *t;
	struct out o;
	int64_t rc = beside_open(&t, j->in.path, j->in.n, e);

	if (rc)
		return (int)rc;
	rc = out_open(&o, j->output, j->in.path[0], e);
	if (!rc) {
		rc = export_pcapng_plain(t, o.f, j->output, e);
		if (rc < 0)
			out_abort(&o);
		else
			rc = out_commit(&o, e);
	}
	*incomplete = tape_state(t)->cut || tape_state(t)->frames_bad || tape_state(t)->frames_gap;
	if (!rc && *incomplete)
		fprintf(stderr, "skbtape export: %s is cut or damaged: only what is readable was written\n", j->in.path[0]);
	tape_close(t);
	return (int)rc;
}

static int run(const struct job *j, bool *incomplete, struct err *e)
{
	struct rep r;
	int rc;

	if (j->plain)
		return run_plain(j, incomplete, e);
	rc = rep_open(&r, &j->in, e);
	if (rc)
		return rc;
	if (j->filter)
		rc = rep_only(&r, j->tape, j->filter, "export", e);
	if (!rc)
		rc = j->what == CSV ? export_csv(&r, j->output, e) : write_file(&r, j, e);
	rc = rc > 0 ? 0 : rc;
	if (!rc && r.incomplete) {
		*incomplete = true;
		fprintf(stderr, "skbtape export: %s: incomplete: %s\n", j->in.path[0], r.why);
	}
	rep_close(&r);
	return rc;
}

/* Seconds from 0 on. */
static bool seconds(const char *s, double *v)
{
	char *end;

	*v = strtod(s, &end);
	return end != s && !*end && isfinite(*v) && *v >= 0 && *v < 9e9;
}

/* Return: 0, or 2 behind a message. */
static int options(struct job *j, int argc, char **argv, bool *help)
{
	static const struct option longs[] = { { "pcapng", required_argument, NULL, 'p' },
					       { "perfetto", required_argument, NULL, 'P' },
					       { "csv", required_argument, NULL, 'c' },
					       { "filter", required_argument, NULL, 'F' },
					       { "tape", required_argument, NULL, 't' },
					       { "from", required_argument, NULL, 'a' },
					       { "to", required_argument, NULL, 'b' },
					       { "no-comments", no_argument, NULL, 'n' },
					       { "help", no_argument, NULL, 'h' },
					       { 0 } };
	int c, outputs = 0;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		double *s = c == 'a' ? &j->from_s : &j->to_s;

		switch (c) {
		case 'p':
		case 'P':
		case 'c':
			j->what = c == 'p' ? PCAPNG : c == 'P' ? PERFETTO : CSV;
			j->output = optarg;
			outputs++;
			break;
		case 'F':
			j->filter = optarg;
			break;
		case 't':
			j->tape = optarg;
			break;
		case 'a':
		case 'b':
			if (seconds(optarg, s))
				break;
			fprintf(stderr, "skbtape export: --%s %s: expected seconds after the start, 1.5 for instance\n",
				c == 'a' ? "from" : "to", optarg);
			return 2;
		case 'n':
			j->plain = true;
			break;
		case 'h':
			*help = true;
			return 0;
		default:
			fprintf(stderr, "skbtape export: unknown option or missing value '%s'; see skbtape export --help\n",
				argv[optind - 1]);
			return 2;
		}
	}
	if (argc == optind || outputs != 1) {
		fprintf(stderr, "skbtape export: expected TAPE|DB and one of --pcapng, --perfetto, --csv; see skbtape export --help\n");
		return 2;
	}
	j->in = (struct inputs){ argv + optind, (size_t)(argc - optind) };
	if ((j->from_s >= 0 || j->to_s >= 0) && j->what != PERFETTO) {
		fprintf(stderr, "skbtape export: --from and --to are for --perfetto; see skbtape export --help\n");
		return 2;
	}
	if (j->plain && (j->what != PCAPNG || j->filter)) {
		fprintf(stderr, "skbtape export: --no-comments is for --pcapng without --filter; see skbtape export --help\n");
		return 2;
	}
	return 0;
}

int export_main(int argc, char **argv)
{
	struct job j = { .from_s = -1, .to_s = -1 };
	bool help = false, incomplete = false;
	struct err e = { "" };
	int rc = options(&j, argc, argv, &help);

	if (help)
		fputs(usage, stdout);
	if (rc || help)
		return rc;
	rc = run(&j, &incomplete, &e);
	if (rc)
		fprintf(stderr, "skbtape export: %s\n", e.text);
	return rc ? 1 : incomplete ? 3 : 0;
}
