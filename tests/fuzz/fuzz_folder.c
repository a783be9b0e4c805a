/* SPDX-License-Identifier: MIT */
/*
 * Files of a copied /proc and /sys or of a sosreport: the input's parts, named by their paths
 * ("@ proc/net/tcp", "@ sos_commands/networking/ss_-peaonmi"; one that ends with a slash is a directory),
 * become a tar archive, which is taken apart into the members of a snapshot, and these are read into
 * the database as those of a tape are.
 */
#include "fuzz.h"
#include "fuzz_db.h"
#include "../../analyze/facts.h"
#include "../../analyze/snapshots.h"
#include "../../schema/tape.h"

#include <errno.h>
#include <string.h>

/* One member. A name that no tape may have is put into the header as it is (its first 100 bytes; POSIX ustar). */
static void put(struct buf *b, struct span name, struct span text)
{
	static const uint8_t zero[TAPE_BLOCK];
	uint8_t head[TAPE_BLOCK];
	bool dir = name.n && name.p[name.n - 1] == '/';
	size_t n = dir ? 0 : text.n;
	unsigned int sum = 8 * ' ';

	HOLDS(!tape_tar_encode(head, "x", n, 0));
	memset(head, 0, 100);
	memcpy(head, name.p, name.n < 100 ? name.n : 100);
	head[156] = dir ? '5' : '0';
	for (size_t i = 0; i < sizeof(head); i++)
		sum += i < 148 || i >= 156 ? head[i] : 0;
	snprintf((char *)head + 148, 8, "%06o", sum);
	HOLDS(!buf_put(b, head, sizeof(head)) && !buf_put(b, text.p, n) &&
	      !buf_put(b, zero, -n % TAPE_BLOCK));
}

/* What is taken apart can be read into a database, whatever it says. */
static void load(struct tape *t)
{
	struct db *d = fuzz_db();
	struct clocks *c;
	struct host *h;
	struct err e;

	HOLDS(!clocks_load(&c, t, &e));
	facts_tape_state(t, d);
	HOLDS(!facts_load(t, d, c, &e));
	HOLDS(!host_load(&h, t, d, &e));
	HOLDS(!snapshots_load(t, d, h, c, &e));
	HOLDS(!db_error(d, &e));
	host_free(h);
	clocks_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const uint8_t end[TAPE_END_BLOCKS * TAPE_BLOCK];
	struct span left = { (const char *)data, n }, name, part;
	struct buf tar = { 0 }, b = { 0 };
	struct err e = { "" };
	struct tape *t;
	int rc;

	while (fuzz_part(&left, &name, &part))
		put(&tar, name, part);
	HOLDS(!buf_put(&tar, end, sizeof(end)));
	rc = tape_open(&t, fuzz_file(tar.data, tar.len), &e);
	buf_free(&tar);
	if (rc) { /* nothing of use in it */
		HOLDS(rc == -EINVAL && e.text[0]);
		return 0;
	}
	if (tape_state(t)->foreign) {
		HOLDS(!strcmp(tape_member(t, 0)->name, "tape.json") && !tape_state(t)->cut);
		for (size_t i = 0; i < tape_member_count(t); i++)
			HOLDS(!tape_load(t, i, &b, &e) && b.len == tape_member(t, i)->size);
		load(t);
	}
	tape_close(t);
	buf_free(&b);
	return 0;
}
