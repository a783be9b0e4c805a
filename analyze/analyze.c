/* SPDX-License-Identifier: MIT */
#include "analyze.h"
#include "beside.h"
#include "load.h"
#include "only.h"
#include "progress.h"
#include "rules.h"

#include <errno.h>
#include <getopt.h>
#include <pcap/pcap.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>
#include <zstd.h>

void analyze_version(void)
{
	const struct scmp_version *s = seccomp_version();

	printf("skbtape %s (SQLite %s, zstd %s, zlib %s, libseccomp %u.%u.%u, %s)\n", SKBTAPE_VERSION, sqlite3_libversion(),
	       ZSTD_versionString(), zlibVersion(), s->major, s->minor, s->micro, pcap_lib_version());
}

/* TAPE with .db for .skbtape, or with .db behind it. NULL: out of memory. */
static char *default_db(const char *tape)
{
	static const char ext[] = ".skbtape";
	size_t n = strlen(tape), k = sizeof(ext) - 1;
	char *s;

	while (n > 1 && tape[n - 1] == '/') /* of a directory */
		n--;
	if (n > k && !strcmp(tape + n - k, ext))
		n -= k;
	return asprintf(&s, "%.*s.db", (int)n, tape) < 0 ? NULL : s;
}

static int64_t count_of(struct db *d, const char *sql)
{
	sqlite3_stmt *st = db_prepare(d, sql);
	int64_t v = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : 0;

	sqlite3_reset(st);
	return v;
}

static void say_summary(struct db *d, const char *path)
{
	fprintf(stderr, "%s: %lld events, %lld frames, %lld packets, %lld drops, %lld findings\n", path,
		(long long)count_of(d, "SELECT value FROM tape WHERE key = 'events_decoded'"),
		(long long)count_of(d, "SELECT count(*) FROM _frame"),
		(long long)count_of(d, "SELECT count(*) FROM _packet"),
		(long long)count_of(d, "SELECT count(*) FROM packet_drop"),
		(long long)count_of(d, "SELECT count(*) FROM finding"));
}

/* What matches a filter, as a database of its own. Return: as load_tapes(); *@out is closed by the caller. */
static int load_only(char *const *paths, size_t n, const char *path, const char *rules, const char *filter, struct db **out,
		     struct load_result *r, struct err *e)
{
	struct only_result done;
	struct tape *t = NULL;
	struct stat st;
	int rc;

	if (!lstat(path, &st) && !S_ISREG(st.st_mode))
		return err_set(e, -EEXIST, "%s is there and no regular file: name another one for the database", path);
	rc = load_tapes(paths, n, NULL, rules, out, r, e);
	if (rc)
		return rc;
	rc = beside_open(&t, paths, n, e);
	if (!rc)
		rc = only_apply(*out, t, filter, &done, e);
	if (!rc)
		rc = only_write(*out, path, e);
	tape_close(t);
	if (rc)
		db_close(*out);
	return rc;
}

int analyze_main(int argc, char **argv)
{
	static const struct option longs[] = { { "output", required_argument, NULL, 'o' },
					       { "rules", required_argument, NULL, 'r' },
					       { "filter", required_argument, NULL, 'F' },
					       { "quiet", no_argument, NULL, 'q' },
					       { "help", no_argument, NULL, 'h' },
					       { 0 } };
	const char *rules = NULL, *filter = NULL;
	char *path = NULL;
	struct load_result r;
	bool quiet = false;
	struct err e = { "" };
	struct db *d;
	int opt, rc;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "o:qh", longs, NULL)) != -1) {
		switch (opt) {
		case 'o':
			free(path);
			path = strdup(optarg);
			break;
		case 'r':
			rules = optarg;
			break;
		case 'F':
			filter = optarg;
			break;
		case 'q':
			quiet = true;
			progress_off();
			break;
		case 'h':
			puts("usage: skbtape analyze TAPE [PCAP|DIR]... [-o DB] [--rules DIR] [--filter EXPR] [-q]\n\n"
			     "Decode a tape into an SQLite database (default: TAPE with .db for .skbtape).\n"
			     "TAPE may also be a trace.dat of trace-cmd (version 6 or 7), a perf.data or a capture.\n"
			     "Captures behind it are of the same time; their devices and clock are found by the packets.\n"
			     "A directory (or .tar, .tar.gz, .tar.zst) with a copy of /proc and /sys, or a sosreport, is\n"
			     "taken too: one snapshot, or with a later copy behind it what grew between.\n\n"
			     "  -o, --output DB   where the database goes\n"
			     "      --rules DIR   rules of your own, *.sql, besides the built-in ones\n"
			     "      --filter EXPR keep only what belongs to packets that match a pcap-filter(7) expression\n"
			     "  -q, --quiet       no summary on stderr\n"
			     "  -h, --help        this text\n\n"
			     "Examples:\n"
			     "  skbtape analyze x.skbtape\n"
			     "  skbtape analyze x.skbtape -o dns.db --filter 'udp port 53'\n"
			     "  skbtape analyze trace.dat eth0.pcap\n"
			     "  skbtape analyze sosreport-web1/");
			free(path);
			return 0;
		default:
			fprintf(stderr, "skbtape analyze: unknown option or missing value '%s'; see skbtape analyze --help\n",
				argv[optind - 1]);
			free(path);
			return 2;
		}
	}
	if (argc == optind) {
		fputs("skbtape analyze: expected a tape; see skbtape analyze --help\n", stderr);
		free(path);
		return 2;
	}
	if (!path)
		path = default_db(argv[optind]);
	if (!path)
		rc = err_set(&e, -ENOMEM, "out of memory");
	else if (filter)
		rc = load_only(argv + optind, (size_t)(argc - optind), path, rules, filter, &d, &r, &e);
	else
		rc = load_tapes(argv + optind, (size_t)(argc - optind), path, rules, &d, &r, &e);
	if (rc) {
		fprintf(stderr, "skbtape analyze: %s\n", e.text);
		free(path);
		return 1;
	}
	if (!quiet)
		say_summary(d, path);
	if (r.incomplete)
		fprintf(stderr, "skbtape analyze: %s: %s\n", argv[optind], r.why);
	db_close(d);
	free(path);
	return r.incomplete ? 3 : 0;
}

int rules_main(int argc, char **argv)
{
	static const struct option longs[] = { { "rules", required_argument, NULL, 'r' },
					       { "help", no_argument, NULL, 'h' },
					       { 0 } };
	const char *dir = NULL;
	struct buf out = { 0 };
	struct err e = { "" };
	int opt, rc;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (opt == 'r') {
			dir = optarg;
		} else if (opt == 'h') {
			puts("usage: skbtape rules [--rules DIR]\n\n"
			     "List every cause that can be named, how it is found and how that was tested.\n\n"
			     "      --rules DIR  with rules of your own, *.sql\n"
			     "  -h, --help       this text\n\n"
			     "Example:\n"
			     "  skbtape rules --rules ~/rules");
			return 0;
		} else {
			fprintf(stderr, "skbtape rules: unknown option or missing value '%s'; see skbtape rules --help\n",
				argv[optind - 1]);
			return 2;
		}
	}
	if (optind != argc) {
		fprintf(stderr, "skbtape rules: unexpected argument '%s'; see skbtape rules --help\n", argv[optind]);
		return 2;
	}
	rc = rules_list(&out, dir, &e);
	if (rc)
		fprintf(stderr, "skbtape rules: %s\n", e.text);
	else
		fwrite(out.data, 1, out.len, stdout);
	buf_free(&out);
	return rc ? 1 : 0;
}
