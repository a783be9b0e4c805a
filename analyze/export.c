/* SPDX-License-Identifier: MIT */
/* export: the tape's frames as one pcapng file, in the order of frame.no. */
#include "analyze.h"
#include "tape_read.h"
#include "tmpfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

static int export_pcapng(struct tape *t, const char *out, struct err *e)
{
	bool to_stdout = !strcmp(out, "-");
	char tmp[PATH_MAX];
	FILE *f = stdout;
	long n;

	if (!to_stdout) {
		int fd;

		if (snprintf(tmp, sizeof(tmp), "%s.tmp-%d", out, (int)getpid()) >= (int)sizeof(tmp))
			return err_set(e, -ENAMETOOLONG, "%s: name too long", out);
		fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		f = fd < 0 ? NULL : fdopen(fd, "w");
		if (!f)
			return err_sys(e, "cannot create %s", tmp);
		tmpfiles_add(tmp);
	}
	n = write_sections(t, f, out, e);
	if (fflush(f) && n >= 0)
		n = err_sys(e, "%s", out);
	if (!to_stdout) {
		fclose(f);
		if (n > 0 && rename(tmp, out))
			n = err_sys(e, "cannot rename %s to %s", tmp, out);
		if (n <= 0)
			unlink(tmp);
		tmpfiles_done(tmp);
	}
	if (!n)
		return err_set(e, -ENODATA, "%s holds no captured frames (recorded with --no-pcap, or without permission)",
			       tape_path(t));
	return n < 0 ? (int)n : 0;
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
