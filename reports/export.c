/* SPDX-License-Identifier: MIT */
/* export: the tape's frames as one pcapng file, in the order of frame.no. */
#include "rep.h"
#include "report.h"

#include "../analyze/tape_read.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

/* Sections of "pcap/NETNS/SEQ"; "pcap/stats/SEQ" is text. */
static bool is_section(const char *name)
{
	return !strncmp(name, "pcap/", 5) && name[5] >= '0' && name[5] <= '9';
}

/* Concatenated sections are a valid pcapng file. Return: number of sections, or -errno. */
static long write_sections(struct tape *t, FILE *f, const char *path, struct err *e)
{
	struct buf b = { 0 };
	long n = 0;
	int rc = 0;

	for (size_t i = 0; !rc && i < tape_member_count(t); i++) {
		if (!is_section(tape_member(t, i)->name))
			continue;
		rc = tape_load(t, i, &b, e);
		if (!rc && fwrite(b.data, 1, b.len, f) != b.len)
			rc = err_sys(e, "%s", path);
		n++;
	}
	buf_free(&b);
	return rc ? rc : n;
}

static int export_pcapng(struct tape *t, const char *path, struct err *e)
{
	struct out o;
	long n;
	int rc = out_open(&o, path, tape_path(t), e);

	if (rc)
		return rc;
	n = write_sections(t, o.f, path, e);
	if (n > 0)
		return out_commit(&o, e);
	out_abort(&o);
	return n < 0 ? (int)n :
		       err_set(e, -ENODATA,
			       "%s holds no captured frames (recorded with --no-pcap, or without permission)",
			       tape_path(t));
}

int export_main(int argc, char **argv)
{
	static const struct option longs[] = { { "pcapng", required_argument, NULL, 'p' },
					       { "help", no_argument, NULL, 'h' },
					       { 0 } };
	const char *pcapng = NULL;
	struct tape *t = NULL;
	struct err e = { "" };
	int opt, rc;

	opterr = 0;
	while ((opt = getopt_long(argc, argv, "h", longs, NULL)) != -1) {
		if (opt == 'p') {
			pcapng = optarg;
		} else if (opt == 'h') {
			puts("usage: skbtape export TAPE --pcapng OUT\n\n"
			     "Write the captured frames of all namespaces as one pcapng file ('-': stdout).");
			return 0;
		} else {
			fprintf(stderr, "skbtape export: unknown option or missing value '%s'; see skbtape export --help\n",
				argv[optind - 1]);
			return 2;
		}
	}
	if (argc - optind != 1 || !pcapng) {
		fprintf(stderr, "skbtape export: expected a tape and --pcapng OUT; see skbtape export --help\n");
		return 2;
	}
	rc = tape_open(&t, argv[optind], &e);
	if (!rc)
		rc = export_pcapng(t, pcapng, &e);
	if (rc) {
		fprintf(stderr, "skbtape export: %s\n", e.text);
		tape_close(t);
		return 1;
	}
	rc = tape_state(t)->cut || tape_state(t)->frames_bad || tape_state(t)->frames_gap ? 3 : 0;
	if (rc)
		fprintf(stderr, "skbtape export: %s is cut or damaged: only what is readable was written\n", argv[optind]);
	tape_close(t);
	return rc;
}
