/* SPDX-License-Identifier: MIT */
/* skbtape: the command table. */
#include "analyze.h"
#include "confine.h"
#include "of_tape.h"
#include "only.h"
#include "tmpfiles.h"

#include "../schema/base.h"

#include "../capture/doctor.h"
#include "../capture/record.h"
#include "../reports/report.h"

#include <signal.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>

struct command {
	const char *name;
	const char *args;
	const char *what;
	int (*run)(int argc, char **argv); /* argv[0] is the command; returns the exit status */
	bool guarded;			   /* reads hostile input: confined, a crash is told apart, half-written files are removed */
};

static const struct command COMMANDS[] = {
	{ "record", "[OPTION]... [FILTER...] [-- COMMAND]", "record this host onto a tape", record_main, false },
	{ "doctor", "", "what this host allows, what would be missing, how to get it", doctor_main, false },
	{ "info", "TAPE", "what is on a tape, how complete it is", info_main, true },
	{ "analyze", "TAPE [PCAP|DIR]... [-o DB] [--filter EXPR]", "tape to SQLite database", analyze_main, true },
	{ "report", "TAPE|DB [-o FILE] [--format html|md|json]", "findings and what proves them", report_main, true },
	{ "why", "TAPE|DB FLOW|--packet N|--frame N", "one flow's or packet's story", why_main, true },
	{ "query", "DB SQL|--examples", "rows as a table, JSON or CSV", query_main, true },
	{ "rules", "", "every cause that can be named and how it is found", rules_main, true },
	{ "export", "TAPE|DB --pcapng OUT|--perfetto OUT|--csv DIR", "for Wireshark, ui.perfetto.dev, spreadsheets", export_main, true },
};

static void usage(FILE *f)
{
	fputs("usage: skbtape COMMAND [ARGUMENT]...\n\n", f);
	for (size_t i = 0; i < ARRAY_SIZE(COMMANDS); i++)
		fprintf(f, "  %-8s %-48s %s\n", COMMANDS[i].name, COMMANDS[i].args, COMMANDS[i].what);
	fputs("\nskbtape COMMAND --help tells more; skbtape --version.\n"
	      "Exit status: 0 done; 1 failed; 2 wrong usage; 3 result written, but the tape is cut, damaged or lacks a\n"
	      "source; 4 a bug in skbtape.\n",
	      f);
}

/* What must be done before the process is confined. Return: 0 or an exit status. */
static int prepare(int argc, char **argv)
{
	struct err e = { "" };

	for (int i = 1; i < argc; i++) {
		/* getopt_long(3) takes any clear beginning of it; --f alone never is */
		size_t n = strcspn(argv[i], "=");
		const char *expr = n < 4 || n > 8 || strncmp(argv[i], "--filter", n) ? NULL :
				   argv[i][n]					     ? argv[i] + n + 1 :
										       argv[i + 1];

		if (!expr || !only_prepare(expr, &e))
			continue;
		fprintf(stderr, "skbtape %s: %s\n", argv[0], e.text);
		return 2;
	}
	of_tape_find(argc, argv);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		usage(stderr);
		return 2;
	}
	/* large arrays go back to the system when they are freed, whatever came before */
	mallopt(M_MMAP_THRESHOLD, MIB);
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
		usage(stdout);
		return 0;
	}
	if (!strcmp(argv[1], "--version")) {
		analyze_version();
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(COMMANDS); i++) {
		if (strcmp(argv[1], COMMANDS[i].name))
			continue;
		if (COMMANDS[i].guarded) {
			int rc = prepare(argc - 1, argv + 1);

			if (rc)
				return rc;
			tmpfiles_guard();
			if (confine_start(argc - 1, argv + 1)) {
				fputs("skbtape: out of memory\n", stderr);
				return 1;
			}
		}
		return COMMANDS[i].run(argc - 1, argv + 1);
	}
	fprintf(stderr, "skbtape: no command '%s'; skbtape --help lists them\n", argv[1]);
	return 2;
}
