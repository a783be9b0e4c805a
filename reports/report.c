/* SPDX-License-Identifier: MIT */
#include "report.h"
#include "formats.h"
#include "lang.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
	"usage: skbtape report TAPE|DB [-o FILE] [--format html|md|json] [--lang en|zh]\n"
	"\n"
	"Writes what a tape tells: the root causes with their proof, then everything behind them.\n"
	"Instead of TAPE all that analyze takes: trace.dat, perf.data, PCAP, DIR, several where it takes several.\n"
	"\n"
	"  -o FILE            where to; '-' is standard output\n"
	"  -f, --format FMT   html: one file that opens anywhere (default; to TAPE.html)\n"
	"                     md:   a summary to paste into a ticket (to standard output)\n"
	"                     json: for programs (to standard output)\n"
	"  -l, --lang LANG    en: English (default), zh: Chinese; names of members in json stay English\n"
	"      --filter EXPR  only of packets that match a pcap-filter(7) expression\n"
	"      --tape FILE    the tape of a database, for --filter (default: where it was)\n"
	"  -h, --help         this text\n"
	"\n"
	"Examples:\n"
	"  skbtape report x.skbtape\n"
	"  skbtape report x.db --format md --filter 'host 10.0.0.1 and udp port 53'\n"
	"\n"
	"Exit status: 0 done, 1 failed, 2 wrong usage, 3 done, but the tape is cut, damaged or "
	"lacks a source.\n";

struct format {
	const char *name;
	void (*write)(struct rep *r, FILE *f);
};

static const struct format formats[] = {
	{ "html", html_write },
	{ "md", markdown_write },
	{ "json", json_report_write },
};

/* x.skbtape and x.db become x.html, anything else gets .html behind it. */
static char *default_name(const char *input)
{
	static const char *const ends[] = { ".skbtape", ".db" };
	size_t n = strlen(input);
	char *name;

	while (n > 1 && input[n - 1] == '/') /* of a directory */
		n--;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		size_t len = strlen(ends[i]);

		if (n > len && input[n - len - 1] != '/' && !strcmp(input + n - len, ends[i])) {
			n -= len;
			break;
		}
	}
	name = malloc(n + sizeof(".html"));
	if (name) {
		memcpy(name, input, n);
		memcpy(name + n, ".html", sizeof(".html"));
	}
	return name;
}

static int write_report(const struct inputs *in, const char *filter, const char *tape, const char *path,
			const struct format *format, bool *incomplete, struct err *e)
{
	struct rep r;
	struct out o = { 0 };
	int rc = rep_open(&r, in, e);

	if (rc)
		return rc;
	if (filter)
		rc = rep_only(&r, tape, filter, "report", e);
	if (rc)
		goto cleanup;
	rc = out_open(&o, path, in->path[0], e);
	if (rc)
		goto cleanup;
	format->write(&r, o.f);
	rc = rep_error(&r, e);
	if (rc)
		out_abort(&o);
	else
		rc = out_commit(&o, e);
	if (!rc && r.incomplete) {
		*incomplete = true;
		fprintf(stderr, "skbtape report: %s: incomplete: %s\n", in->path[0], r.why);
	}
cleanup:
	rep_close(&r);
	return rc;
}

int report_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "format", required_argument, NULL, 'f' },
		{ "lang", required_argument, NULL, 'l' },
		{ "filter", required_argument, NULL, 'F' },
		{ "tape", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	const struct format *format = &formats[0];
	const char *path = NULL, *filter = NULL, *tape = NULL;
	char *made = NULL;
	bool incomplete = false;
	struct err e = { "" };
	struct inputs in;
	int c, rc;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":o:f:l:h", options, NULL)) != -1) {
		switch (c) {
		case 'o':
			path = optarg;
			break;
		case 'f':
			format = NULL;
			for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
				if (!strcmp(formats[i].name, optarg))
					format = &formats[i];
			if (!format) {
				fprintf(stderr,
					"skbtape report: --format %s: expected html, md or json\n",
					optarg);
				return 2;
			}
			break;
		case 'l':
			rc = lang_set(optarg, &e);
			if (rc) {
				fprintf(stderr, "skbtape report: %s\n", e.text);
				return rc == -EINVAL ? 2 : 1;
			}
			break;
		case 'F':
			filter = optarg;
			break;
		case 't':
			tape = optarg;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fprintf(stderr, "skbtape report: %s %s; see skbtape report --help\n",
				c == ':' ? "a value is missing behind" : "unknown option",
				argv[optind - 1]);
			return 2;
		}
	}
	in = (struct inputs){ argv + optind, (size_t)(argc - optind) };
	if (!in.n) {
		fputs("skbtape report: expected a TAPE or DB; see skbtape report --help\n", stderr);
		return 2;
	}
	if (!path && format == &formats[0]) {
		made = default_name(argv[optind]);
		if (!made) {
			fprintf(stderr, "skbtape report: out of memory\n");
			return 1;
		}
		path = made;
	}
	rc = write_report(&in, filter, tape, path, format, &incomplete, &e);
	if (rc)
		fprintf(stderr, "skbtape report: %s\n", e.text);
	else if (made)
		fprintf(stderr, "skbtape report: wrote %s\n", made);
	free(made);
	lang_free();
	return rc ? 1 : incomplete ? 3 : 0;
}
