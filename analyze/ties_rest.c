/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * Every frame without an event and every event without a frame gets a reason: the
 * first that applies, the ones that explain it alone before the general ones.
 * Frames: events were lost then; before or after all events; nothing known of the
 * device; no event could be it; others have those that could.
 * Events: the ring lost frames then; before or after all frames; others have the
 * frames that could be it; a capture filter; generic XDP, which stands between the
 * event and the taps (__netif_receive_skb_core()). Packets sent with PACKET_QDISC_BYPASS or by
 * pktgen pass neither event nor tap (__dev_direct_xmit() in net/core/dev.c) and are missing in
 * both.
 */
#include "ties_int.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SMALL_SHARE 1000 /* one in that many is not worth a word */

enum { OF_FRAMES, OF_EVENTS };

static const struct {
	const char *name;
	const char *text;
} why[] = {
	[WHY_NONE] = { "", "" },
	[WHY_EVENTS_LOST] = { "events-lost", "while events were lost" },
	[WHY_BEFORE_EVENTS] = { "before-events", "before the events" },
	[WHY_AFTER_EVENTS] = { "after-events", "after the events" },
	[WHY_CLOCK] = { "clock", "for want of clock readings" },
	[WHY_DEVICE_SILENT] = { "device-silent", "on devices without any such event" },
	[WHY_UPPER_DEVICE] = { "upper-device",
			       "received by devices above others that have no events" },
	[WHY_NO_LENGTH] = { "no-length", "with no known network header" },
	[WHY_NO_EVENT] = { "no-event", "with no event of their length at their time" },
	[WHY_CONTESTED] = { "contested", "where others have what they could be" },
	[WHY_FILTER] = { "capture-filter", "under a capture filter" },
	[WHY_NOT_CAPTURED] = { "not-captured", "on devices that were not captured" },
	[WHY_FRAMES_LOST] = { "frames-lost", "while the capture lost frames" },
	[WHY_XDP] = { "xdp", "where a generic XDP program may have dropped them" },
	[WHY_BEFORE_FRAMES] = { "before-frames", "before the frames" },
	[WHY_AFTER_FRAMES] = { "after-frames", "after the frames" },
	[WHY_UNKNOWN] = { "unknown", "for no reason that is known" },
};
static_assert(ARRAY_SIZE(why) == WHY_COUNT, "each reason has its words");

const char *ties_why_name(enum ties_why w)
{
	return why[w].name;
}

static int gap_cmp(const void *a, const void *b)
{
	const struct ties_gap *x = a, *y = b;

	if (x->from_ns != y->from_ns)
		return x->from_ns < y->from_ns ? -1 : 1;
	return (x->to_ns > y->to_ns) - (x->to_ns < y->to_ns);
}

/* Times in which a ring overran, on the events' timeline, in order and disjoint. */
static int dropped_load(struct ties *t, const struct clocks *c)
{
	size_t n, out = 0;
	const struct frames_loss *l = frames_losses(t->frames, &n);

	if (!n)
		return 0;
	t->dropped = calloc(n, sizeof(*t->dropped));
	if (!t->dropped)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		t->dropped[i] = (struct ties_gap){
			l[i].from_ns ? clocks_mono_real(c, l[i].from_ns) : 0,
			clocks_mono_real(c, l[i].to_ns),
		};
	qsort(t->dropped, n, sizeof(*t->dropped), gap_cmp);
	for (size_t i = 1; i < n; i++) {
		if (t->dropped[i].from_ns > t->dropped[out].to_ns)
			t->dropped[++out] = t->dropped[i];
		else if (t->dropped[i].to_ns > t->dropped[out].to_ns)
			t->dropped[out].to_ns = t->dropped[i].to_ns;
	}
	t->dropped_n = out + 1;
	return 0;
}

int ties_rest_open(struct ties *t, const struct clocks *c)
{
	sqlite3_stmt *st =
		db_prepare(t->db, "INSERT OR IGNORE INTO _tie_why(id, name) VALUES(?, ?)");
	int rc = 0;

	for (int i = WHY_NONE + 1; i < WHY_COUNT; i++) {
		db_bind_int(st, 1, i);
		db_bind_text(st, 2, why[i].name);
		db_run(t->db, st);
	}
	st = db_prepare(t->db,
			"SELECT (SELECT value FROM tape WHERE key = 'options.filter'), "
			"(SELECT CAST(value AS INTEGER) FROM tape WHERE key = 'frames_lost')");
	if (sqlite3_step(st) == SQLITE_ROW) {
		const char *filter = (const char *)sqlite3_column_text(st, 0);

		t->filtered = filter && *filter;
		t->lossy = t->filtered || sqlite3_column_int64(st, 1) > 0;
	}
	sqlite3_reset(st);
	t->ins_gap =
		db_prepare(t->db, "INSERT INTO _tie_gap(netns_id, dev_id, direction, what, reason, "
				  "count) VALUES(?, ?, ?, ?, ?, ?)");
	t->first_frame_ns = INT64_MAX;
	for (size_t i = 0; t->frames && i < frames_stream_count(t->frames); i++) {
		const struct frame_stream *s = frames_stream_at(t->frames, i);

		if (!s->n)
			continue;
		if (s->v[0].ts_ns < t->first_frame_ns)
			t->first_frame_ns = s->v[0].ts_ns;
		if (s->v[s->n - 1].ts_ns > t->last_frame_ns)
			t->last_frame_ns = s->v[s->n - 1].ts_ns;
	}
	if (t->frames)
		rc = dropped_load(t, c);
	return rc;
}

static int gap_write(struct ties *t, int64_t netns_id, int64_t dev_id, int direction, int what,
		     const uint64_t count[WHY_COUNT])
{
	int rc = 0;

	for (int i = WHY_NONE + 1; i < WHY_COUNT && !rc; i++) {
		if (!count[i])
			continue;
		db_bind_opt(t->ins_gap, 1, netns_id, 0);
		db_bind_int(t->ins_gap, 2, dev_id);
		db_bind_int(t->ins_gap, 3, direction);
		db_bind_int(t->ins_gap, 4, what);
		db_bind_int(t->ins_gap, 5, i);
		db_bind_int(t->ins_gap, 6, (int64_t)count[i]);
		rc = db_run(t->db, t->ins_gap);
		t->sum[what][i] += count[i];
	}
	return rc;
}

static enum ties_why why_frame(const struct match *m, const struct cand *f)
{
	const struct ties_seen *seen = m->seen;
	const struct frame_ref *r = f->ref;

	if (!seen->last_ns)
		return WHY_DEVICE_SILENT; /* nothing has: no packet events were recorded */
	/* a stamp may be taken just before the first event that shows its packet */
	if (r->ts_ns < seen->first_ns + GAP_NS)
		return WHY_BEFORE_EVENTS;
	if (r->ts_ns > seen->last_ns)
		return WHY_AFTER_EVENTS;
	if (ties_maybe_lost(m, r))
		return WHY_EVENTS_LOST;
	if (!m->n)
		return m->g->upper ? WHY_UPPER_DEVICE : WHY_DEVICE_SILENT;
	if (f->all)
		return WHY_CONTESTED;
	return !m->g->direction && !r->l3_bytes && r->len_bytes <= 14 ? WHY_NO_LENGTH
								      : WHY_NO_EVENT;
}

static enum ties_why why_event(const struct match *m, size_t i)
{
	const struct ties *t = m->t;
	int64_t ts = m->v[i].ts_ns;

	if (ties_in_gap(t->dropped, t->dropped_n, ts, ts))
		return WHY_FRAMES_LOST;
	if (ts < t->first_frame_ns)
		return WHY_BEFORE_FRAMES;
	if (ts > t->last_frame_ns)
		return WHY_AFTER_FRAMES;
	if (m->wanted[i])
		return WHY_CONTESTED;
	if (t->filtered)
		return WHY_FILTER;
	return m->g->xdp ? WHY_XDP : WHY_UNKNOWN;
}

int ties_rest_count(struct match *m)
{
	struct ties *t = m->t;
	int64_t dev_id = db_name_text(t->db, m->g->dev);
	uint64_t count[WHY_COUNT];
	int rc = 0;

	for (size_t s = 0; s < m->streams && !rc; s++) {
		memset(count, 0, sizeof(count));
		for (size_t i = m->range[s]; i < m->range[s + 1]; i++) {
			struct cand *f = &m->f[i];

			if (ties_taken(m, i))
				continue;
			f->ref->untied = (uint8_t)why_frame(m, f);
			count[f->ref->untied]++;
		}
		if (m->range[s] < m->range[s + 1])
			rc = gap_write(
				t, frames_stream_at(t->frames, m->f[m->range[s]].stream)->netns_id,
				dev_id, m->g->direction, OF_FRAMES, count);
	}
	memset(count, 0, sizeof(count));
	for (size_t i = 0; i < m->n; i++) {
		t->all[OF_EVENTS] += !m->v[i].lower;
		if (!m->owner[i] && !m->v[i].lower)
			count[why_event(m, i)]++;
	}
	t->all[OF_FRAMES] += m->f_n;
	return rc ? rc : gap_write(t, 0, dev_id, m->g->direction, OF_EVENTS, count);
}

int ties_rest_clock(struct ties *t)
{
	int rc = 0;

	for (size_t i = 0; t->frames && i < frames_stream_count(t->frames) && !rc; i++) {
		const struct frame_stream *s = frames_stream_at(t->frames, i);
		uint64_t count[WHY_COUNT] = { [WHY_CLOCK] = s->n };

		for (size_t k = 0; k < s->n; k++)
			s->v[k].untied = WHY_CLOCK;
		rc = gap_write(t, s->netns_id, db_name_text(t->db, s->dev), s->direction, OF_FRAMES,
			       count);
	}
	return rc;
}

int ties_bare(struct ties *t, int64_t dev_id, int direction, uint64_t n)
{
	uint64_t count[WHY_COUNT] = { [WHY_NOT_CAPTURED] = n };

	return t->group ? gap_write(t, 0, dev_id, direction, OF_EVENTS, count) : 0;
}

/* "3 while events were lost, 1 ..." of those that happened. Return: their sum. */
static uint64_t list_sums(const uint64_t sum[WHY_COUNT], char *out, size_t room)
{
	uint64_t n = 0;
	size_t at = 0;

	*out = 0;
	for (int i = WHY_NONE + 1; i < WHY_COUNT; i++) {
		int k;

		if (!sum[i] || i == WHY_NOT_CAPTURED)
			continue;
		k = snprintf(out + at, room - at, "%s%" PRIu64 " %s", n ? ", " : "", sum[i],
			     why[i].text);
		at += k > 0 && (size_t)k < room - at ? (size_t)k : 0;
		n += sum[i];
	}
	return n;
}

void ties_rest_say(struct ties *t)
{
	char text[1024];
	uint64_t n = list_sums(t->sum[OF_FRAMES], text, sizeof(text));

	if (n)
		db_quality(t->db, &(struct quality){ "note", "ties", -1, NULL, -1, -1, (int64_t)n },
			   "of %" PRIu64 " captured frames, %" PRIu64 " are tied to no packet: %s",
			   t->all[OF_FRAMES], n, text);
	n = list_sums(t->sum[OF_EVENTS], text, sizeof(text));
	if (n > t->all[OF_EVENTS] / SMALL_SHARE)
		db_quality(t->db, &(struct quality){ "note", "ties", -1, NULL, -1, -1, (int64_t)n },
			   "of %" PRIu64 " times that a packet passed a capture, %" PRIu64
			   " gave no frame: %s",
			   t->all[OF_EVENTS], n, text);
}
