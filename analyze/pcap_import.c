/* SPDX-License-Identifier: MIT */
/* pcap_import: a capture file alone, as a tape that holds nothing but frames. */
#include "import.h"
#include "pcap_read.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sink {
	struct import *im;
	unsigned int seq;
};

static int take_section(void *ctx, const void *data, size_t n)
{
	struct sink *s = ctx;
	char name[64];

	snprintf(name, sizeof(name), "pcap/1/%06u", s->seq++);
	return import_add(s->im, name, data, n);
}

int pcap_import(struct import *im, struct err *e)
{
	static const char netns[] = "1\tcapture\t0\t\n";
	struct import_about about = { .tool = "a capture program", .long_bytes = 8 };
	const char *base = strrchr(im->file->path, '/');
	struct sink s = { im, 0 };
	struct pcap_marks m;
	struct err why = { "" };
	int rc = pcap_read_marks(im->file->path, &m, &why);

	if (rc)
		err_set(e, rc, "%.300s (%s)", why.text, im->what);

	base = base ? base + 1 : im->file->path;
	if (!rc)
		rc = import_about(im, &about);
	if (!rc)
		rc = import_add(im, "netns/000000", netns, sizeof(netns) - 1);
	if (!rc)
		rc = pcap_read_sections(im->file->path, &m, base, take_section, &s, e);
	if (!rc)
		rc = import_quality(im, "source-missing", "events", -1,
				    "captured frames alone: what became of the packets in this host, and why, is not in them");
	if (!rc && m.cut)
		rc = import_quality(im, "tape-damaged", "frames", -1, "%s is cut or damaged: %s; what stands before that is used", base, m.why);
	if (!rc)
		rc = import_absent(im);
	im->cut = m.cut;
	free(m.v);
	return rc;
}
