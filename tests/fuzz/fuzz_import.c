/* SPDX-License-Identifier: MIT */
/* A trace.dat or perf.data: taken apart, every member loaded, every event read. */
#include "fuzz.h"
#include "../../analyze/trace.h"

#include <errno.h>
#include <string.h>

/* All events of a tape; the merge must be ordered. */
static void read_events(struct tape *t)
{
	struct err e = { "" };
	struct clocks *c = NULL;
	struct trace *tr = NULL;
	struct event ev;
	uint64_t last = 0;

	HOLDS(!clocks_load(&c, t, &e));
	if (trace_load(&tr, t, c, &e)) {
		HOLDS(e.text[0]);
	} else {
		while (trace_next(tr, &ev, &e) > 0) {
			HOLDS(ev.kind == EV_LOST || ev.ts >= last);
			last = ev.kind == EV_LOST ? last : ev.ts;
		}
	}
	trace_free(tr);
	clocks_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct err e = { "" };
	struct buf b = { 0 };
	struct tape *t;
	int rc = tape_open(&t, fuzz_file(data, n), &e);

	if (rc) {
		HOLDS(rc == -EINVAL && e.text[0]);
		return 0;
	}
	if (tape_state(t)->foreign) {
		HOLDS(!strcmp(tape_member(t, 0)->name, "tape.json"));
		for (size_t i = 0; i < tape_member_count(t); i++) {
			HOLDS(!tape_load(t, i, &b, &e));
			/* what is damaged inside loads as nothing */
			HOLDS(b.len == tape_member(t, i)->size || !b.len);
		}
		read_events(t);
	}
	tape_close(t);
	buf_free(&b);
	return 0;
}
