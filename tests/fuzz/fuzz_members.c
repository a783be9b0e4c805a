/* SPDX-License-Identifier: MIT */
/*
 * Everything on a tape that is neither trace nor frames, through the readers that
 * write it into the database: tape.json, end.json, quality, clocks, namespaces,
 * snapshots, tasks, kernel log, ring statistics. Whatever it holds, it is data: the
 * readers succeed, and no text breaks a rule of the schema.
 */
#include "fuzz.h"
#include "fuzz_db.h"
#include "../../analyze/facts.h"
#include "../../analyze/ringstats.h"
#include "../../analyze/snapshots.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct clocks *c;
	struct host *h;
	struct tape *t;
	struct db *d;
	struct err e;

	if (tape_open(&t, fuzz_tape((struct span){ (const char *)data, n }), &e))
		return 0;
	d = fuzz_db();
	HOLDS(!clocks_load(&c, t, &e));
	facts_tape_state(t, d);
	HOLDS(!facts_load(t, d, c, &e));
	HOLDS(!host_load(&h, t, d, &e));
	HOLDS(!snapshots_load(t, d, h, c, &e));
	HOLDS(!ringstats_load(t, d, c, &(struct trace_state){ .events = 1000 }, &e));
	HOLDS(!db_error(d, &e));
	host_free(h);
	clocks_free(c);
	tape_close(t);
	return 0;
}
