/* SPDX-License-Identifier: MIT */
/* ties_rest: frames without an event, and events without a frame. */
#include "ties_int.h"

#include <inttypes.h>

/* Counts what this group leaves over. A stamp may be taken just before the first event that shows
 * its packet. */
void ties_rest_count(const struct match *m)
{
	const struct ties_seen *seen = m->seen;
	struct report *r = &m->t->report;

	for (size_t i = 0; i < m->f_n; i++) {
		int64_t ts = m->f[i].ref->ts_ns;

		r->frames++;
		if (ties_taken(m, i))
			continue;
		if (ts < seen->first_ns + GAP_NS || ts > seen->last_ns)
			r->outside++;
		else if (ties_in_gap(seen, ts))
			r->lost++;
		else
			r->unknown++;
	}
	r->events += m->g->n;
	for (size_t i = 0; i < m->g->n; i++)
		r->bare += !m->owner[i];
}

void ties_rest_say(const struct ties *t)
{
	const struct report *r = &t->report;
	uint64_t rest = r->outside + r->lost + r->unknown;

	if (rest)
		db_quality(t->db,
			   &(struct quality){ "note", "ties", -1, NULL, -1, -1, (int64_t)rest },
			   "of %" PRIu64 " captured frames, %" PRIu64
			   " are tied to no packet: %" PRIu64
			   " were captured before or after the events, %" PRIu64
			   " while events were lost, %" PRIu64 " for no reason that is known",
			   r->frames, rest, r->outside, r->lost, r->unknown);
	if (r->bare)
		db_quality(t->db,
			   &(struct quality){ "note", "ties", -1, NULL, -1, -1, (int64_t)r->bare },
			   "of %" PRIu64 " times that a packet passed a capture, %" PRIu64
			   " gave no frame: a capture filter, frames lost, captured later or "
			   "before, or not visible to captures",
			   r->events, r->bare);
}
