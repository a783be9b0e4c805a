/* SPDX-License-Identifier: MIT */
/* Texts of /proc: the first byte of the input picks the parser ('a' ...), the rest is the file. */
#include "fuzz.h"
#include "../../analyze/procfs.h"

#include <string.h>

struct checked_sink {
	struct sample_sink sink;
	uint64_t count;
};

static void put(struct sample_sink *s, const struct sample *x)
{
	HOLDS(x->source && *x->source);
	HOLDS(x->name.p && x->name.n);
	HOLDS(x->cpu >= -1 && x->cpu < PROCFS_CPU_MAX);
	/* the bytes can be read */
	HOLDS(!x->name.n || memchr(x->name.p, x->name.p[x->name.n - 1], x->name.n));
	HOLDS(!x->dev.p || !x->dev.n || memchr(x->dev.p, x->dev.p[x->dev.n - 1], x->dev.n));
	((struct checked_sink *)s)->count++;
}

static void read_kmsg(struct span text)
{
	struct span whole = text;
	struct kmsg k;
	char out[64];
	int rc;

	while ((rc = procfs_kmsg(&text, &k)) != 0) {
		struct span made;

		if (rc < 0)
			continue;
		HOLDS(k.level >= 0 && k.level <= 7 &&
		      fuzz_inside(k.text.p, k.text.n, whole.p, whole.n));
		made = procfs_kmsg_text(k.text, out, sizeof(out));
		HOLDS(made.n <= sizeof(out));
		made = procfs_unescape(k.text, out, sizeof(out));
		HOLDS(made.n <= sizeof(out));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct checked_sink c = { { put }, 0 };
	struct sample_sink *s = &c.sink;
	static struct procfs_cpus cpus;
	struct span text = { (const char *)data + 1, n - 1 }, first, rest;

	if (!n)
		return 0;
	cpus.n = 0;
	switch (data[0]) {
	case 'a':
		procfs_snmp(text, "snmp", s);
		break;
	case 'b':
		procfs_pairs(text, "snmp6", s);
		break;
	case 'c':
		procfs_sockstat(text, s);
		break;
	case 'd':
		procfs_dev(text, s);
		break;
	case 'e':
		procfs_stat(text, &cpus, s);
		HOLDS(cpus.n <= PROCFS_CPU_MAX);
		break;
	case 'f':
		procfs_schedstat(text, s);
		break;
	case 'g': /* /proc/stat, an empty line, softnet_stat */
		first = rest = text;
		while (span_line(&rest, &first) && first.n)
			;
		procfs_stat((struct span){ text.p, text.n - rest.n }, &cpus, s);
		procfs_softnet(rest, &cpus, s);
		break;
	case 'h':
		procfs_softirqs(text, s);
		break;
	case 'i':
		procfs_interrupts(text, s);
		break;
	case 'j':
		procfs_stat_table(text, "conntrack", false, s);
		procfs_stat_table(text, "rt_cache", true, s);
		break;
	default:
		read_kmsg(text);
	}
	return 0;
}
