/* SPDX-License-Identifier: MIT */
#include "verdict.h"
#include "lang.h"
#include "text.h"

static bool has_counters(struct rep *r)
{
	return rep_int(r, "SELECT count(*) > 1 FROM snapshot", 0);
}

enum verdict verdict_of(struct rep *r)
{
	switch (rep_basis(r)) {
	case BASIS_NOTHING:
		return VERDICT_NOTHING;
	case BASIS_COUNTERS:
		return VERDICT_COUNTERS;
	case BASIS_POINT:
		return VERDICT_POINT;
	case BASIS_FRAMES:
		return VERDICT_FRAMES;
	case BASIS_RECORDING:
	case BASIS_EVENTS:
		break;
	}
	if (rep_unnamed_drops(r))
		return VERDICT_UNNAMED;
	if (rep_lost_percent(r) > 0)
		return VERDICT_LOST;
	return has_counters(r) && rep_sees_drops(r) ? VERDICT_GOOD : VERDICT_BLIND;
}

const char *verdict_head(enum verdict v)
{
	switch (v) {
	case VERDICT_NOTHING:
		return _("Nothing can be said.");
	case VERDICT_COUNTERS:
		return _("Counters alone.");
	case VERDICT_POINT:
		return _("One point in time.");
	case VERDICT_FRAMES:
		return _("Captured frames alone.");
	case VERDICT_UNNAMED:
		return _("No cause could be named.");
	case VERDICT_LOST:
	case VERDICT_BLIND:
		return _("Nothing wrong was seen, but not everything was.");
	case VERDICT_GOOD:
		break;
	}
	return _("Nothing wrong was seen.");
}

/* A count with its noun, in the struct text @t; a macro, so that the compiler sees the formats. */
#define MANY(t, n, one, more) (snprintf((t).s, sizeof((t).s), lang_many(n, one, more), text_count(n).s), (t).s)

/* What was there to be looked at, by its numbers. */
static void put_seen(struct rep *r, FILE *f)
{
	int64_t packets = rep_int(r, "SELECT count(*) FROM _packet", 0), frames = rep_int(r, "SELECT count(*) FROM _frame", 0);
	int64_t drops = rep_int(r, "SELECT count(*) FROM packet_drop", 0), snapshots = rep_int(r, "SELECT count(*) FROM snapshot", 0);
	struct text a, b, c;

	fprintf(f, _("Looked at %1$s, %2$s and %3$s in %4$s."), MANY(a, packets, N_("%s packet"), N_("%s packets")),
		MANY(b, drops, N_("%s drop"), N_("%s drops")), MANY(c, frames, N_("%s frame"), N_("%s frames")),
		text_duration(ns_diff(r->end_ns, r->start_ns)).s);
	putc(' ', f);
	if (has_counters(r))
		fprintf(f, _("Counters, queues, sockets and settings are of %s."), MANY(a, snapshots, N_("%s snapshot"), N_("%s snapshots")));
	else
		fputs(_("No counters, queues, sockets or settings were recorded: what shows only there could not be seen."), f);
	if (!rep_events(r))
		fprintf(f, " %s", _("No trace event was recorded: what packets met inside the host could not be seen."));
	else if (!rep_sees_drops(r))
		fprintf(f, " %s", _("Drops (skb:kfree_skb) were not recorded: none could be seen."));
}

void verdict_put(enum verdict v, struct rep *r, FILE *f)
{
	switch (v) {
	case VERDICT_NOTHING:
		fputs(_("The recording holds no packet events and fewer than two snapshots: there is nothing to judge by."), f);
		break;
	case VERDICT_COUNTERS:
		fputs(_("Nothing wrong was seen in how they grew, and in the queues, sockets and settings of the snapshots. No event and no "
			"frame was recorded: what becomes of packets could not be seen."),
		      f);
		break;
	case VERDICT_POINT:
		fputs(_("Counters are totals since the boot. They tell what has happened at some time, not what goes wrong now; a second "
			"copy, made later and named behind this one, tells what grew between."),
		      f);
		break;
	case VERDICT_FRAMES:
		fprintf(f,
			_("%1$s frames of %2$s flows. What became of them inside the host, and why, is not in a capture: record with skbtape, "
			  "or name a trace of the same time before the capture."),
			text_count(rep_int(r, "SELECT count(*) FROM _frame", 0)).s,
			text_count(rep_int(r, "SELECT count(*) FROM flow WHERE frames > 0", 0)).s);
		break;
	case VERDICT_UNNAMED:
		fprintf(f, _("%s packets were dropped (loss, policy or error), but the evidence is not enough to say why."),
			text_count(rep_unnamed_drops(r)).s);
		break;
	case VERDICT_LOST:
		fprintf(f, _("The recording lost %.0f %% of the events: what happened then may be missing."), rep_lost_percent(r));
		putc(' ', f);
		put_seen(r, f);
		break;
	case VERDICT_BLIND:
	case VERDICT_GOOD:
		put_seen(r, f);
		break;
	}
}
