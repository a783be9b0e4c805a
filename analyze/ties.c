/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * A frame says when the tap's stamp was taken, never which skb it was. Each
 * event beside a tap gives a bracket that must hold that stamp:
 *
 *   out     between the last thing the CPU did for a transmission and
 *           net_dev_start_xmit (dev_queue_xmit_nit() in net/core/dev.c)
 *   in, A   the stack stamps on entry: between netif_rx_entry,
 *           netif_receive_skb_entry or GRO, and netif_receive_skb. So with
 *           net.core.netdev_tstamp_prequeue and any socket that asked for stamps
 *   in, B   the packet socket stamps (tpacket_rcv()): between netif_receive_skb
 *           and the next thing the CPU does, at most 20 us later (500 us where
 *           the frame itself says so: an interrupt can come between). So without
 *           stamping, and for TCP that never left the host, whose skb carries a
 *           departure time instead
 *
 * Tapes of this recorder tell for each frame which of both it was. Elsewhere
 * it can differ by protocol and change at any time: every five seconds the
 * frames of each protocol class vote, by which bracket holds more of them. A
 * frame that the winner cannot place may use the other one if just one event
 * fits.
 *
 * Matching is done after the trace is read, per device name and direction, with
 * 32 bytes per event: a streaming match would need a window as long as the
 * longest queueing time, and a life cannot wait for its tie. Lengths must agree
 * to the byte, so events are looked up by (length, time). A frame with one
 * event, and that event with one frame, is 'unique'. The others are narrowed
 * down by order: one CPU passes frames to one ring in order, so frames of one
 * stream never pass each other on one CPU; and by what the other frames of the
 * packets in question carry (ties_carry.c). What this leaves one choice, and no
 * other frame wants alone, is 'ordered' (not while events were lost: then the
 * right one may be missing). Across CPUs the ring's order does not follow the
 * stamps strictly; what remains open gets the choice that keeps the order, as
 * 'ambiguous'. Namespaces with a device of the same name compete for the same
 * events; devices above others have the events of those (ties_upper.c).
 *
 * Both rest on each frame's event being there. A frame left without although its
 * events were there to have shows that one is missing unnoticed: the 'ordered'
 * ones around it become 'ambiguous'. 'unique' can still be wrong where the event of
 * a frame and the frame of another event, within its bracket and of its length,
 * are missing both; where events were lost and not every frame was captured that
 * is to be expected, and nothing is sure.
 */
#include "life.h"
#include "ties_int.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX   (1U << 27) /* per group; more are not noted, and that is said */
#define LATE_NS	     20000
#define LATE_TOLD_NS 500000
#define ERROR_MAX_NS 1000000 /* with clocks worse than that, time ties nothing */

/* Whether any frame is marked as stamped late; where none is, the marks may just not have
 * been made. */
static bool says_late(struct frames *f)
{
	for (size_t i = 0; i < frames_stream_count(f); i++) {
		const struct frame_stream *s = frames_stream_at(f, i);

		for (size_t k = 0; k < s->n && !s->direction; k++)
			if (s->v[k].late_stamp)
				return true;
	}
	return false;
}

/* Groups of all devices and directions of which frames were captured. */
static int groups_open(struct ties *t)
{
	size_t n = frames_stream_count(t->frames);

	t->group_cap = n + 1;
	t->group = calloc(t->group_cap, sizeof(*t->group));
	if (!t->group)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		const struct frame_stream *s = frames_stream_at(t->frames, i);
		int k = ties_group(t, s->dev, s->direction);
		struct group *g = &t->group[k >= 0 ? (size_t)k : t->group_n];

		g->frames += s->n;
		if (k >= 0)
			continue;
		memcpy(g->dev, s->dev, sizeof(g->dev));
		g->dev[sizeof(g->dev) - 1] = 0;
		g->direction = s->direction;
		t->group_n++;
	}
	return ties_upper_open(t);
}

/* With clocks that are not tied time ties nothing. */
static void say_clock(struct ties *t)
{
	if (t->error_ns == INT64_MAX)
		db_quality(t->db, &(struct quality){ "note", "clock", -1, NULL, -1, -1, -1 },
			   "the tape has no paired clock readings: frames and packets are not "
			   "connected");
	else
		db_quality(t->db, &(struct quality){ "note", "clock", -1, NULL, -1, -1, -1 },
			   "the trace's clock is tied to that of the captured frames no better "
			   "than %" PRId64 " us: frames and packets are not connected",
			   t->error_ns / 1000);
}

int ties_open(struct ties **out, struct db *d, struct frames *f, const struct clocks *c)
{
	struct ties *t = calloc(1, sizeof(*t));
	int rc;

	if (!t)
		return -ENOMEM;
	t->db = d;
	t->frames = f;
	t->error_ns = f ? clocks_error_ns(c) : 0;
	t->told = f && says_late(f);
	t->late_ns = t->told ? LATE_TOLD_NS : LATE_NS;
	rc = ties_rest_open(t, c);
	if (!rc && t->error_ns > ERROR_MAX_NS) {
		if (f && frames_stream_count(f))
			say_clock(t);
	} else if (!rc && f) {
		rc = groups_open(t);
	}
	if (rc) {
		ties_close(t);
		return rc;
	}
	*out = t;
	return 0;
}

void ties_close(struct ties *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->group_n; i++) {
		if (t->match)
			ties_match_close(&t->match[i]);
		free(t->group[i].v);
		free(t->group[i].lower);
	}
	free(t->match);
	free(t->last);
	free(t->group);
	free(t->dropped);
	free(t->out);
	free(t);
}

int ties_group(const struct ties *t, const char *dev, int direction)
{
	for (size_t i = 0; i < t->group_n; i++)
		if (t->group[i].direction == direction &&
		    !strncmp(t->group[i].dev, dev, sizeof(t->group[i].dev)))
			return (int)i;
	return -1;
}

static uint32_t clamp_u32(int64_t v)
{
	return v < 0 ? 0 : v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

int64_t ties_add(struct ties *t, int group, const struct tie_event *e)
{
	struct group *g = &t->group[group];

	if (g->n >= EVENTS_MAX || e->packet_id > UINT32_MAX) {
		g->refused++;
		return (int64_t)g->n; /* no such event: ties_bound() knows */
	}
	if (g->n == g->cap) {
		size_t cap = g->cap ? g->cap * 2 : 1024;
		struct event_rec *v;

		v = realloc(g->v, cap * sizeof(*v));
		if (!v)
			return -ENOMEM;
		g->v = v;
		g->cap = cap;
	}
	g->v[g->n] = (struct event_rec){
		.packet_id = (uint32_t)e->packet_id,
		.ts_ns = e->ts_ns,
		.lo = clamp_u32(e->ts_ns - e->lo_ns),
		.hi = clamp_u32(e->ts_ns - e->hi_ns),
		.late = clamp_u32(t->late_ns),
		.len = e->len_bytes,
		.cpu = (uint16_t)(e->cpu < 0 || e->cpu >= CPUS_MAX ? CPUS_MAX - 1 : e->cpu),
	};
	return (int64_t)g->n++;
}

void ties_bound(struct ties *t, int group, int64_t i, int64_t ts_ns)
{
	struct group *g = &t->group[group];

	if (i >= 0 && (size_t)i < g->n && ts_ns - g->v[i].ts_ns < g->v[i].late)
		g->v[i].late = clamp_u32(ts_ns - g->v[i].ts_ns);
}

static int tie_add(struct ties *t, const struct tie *x)
{
	if (t->out_n == t->out_cap) {
		size_t cap = t->out_cap ? t->out_cap * 2 : 1024;
		struct tie *v = realloc(t->out, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		t->out = v;
		t->out_cap = cap;
	}
	t->out[t->out_n++] = *x;
	return 0;
}
/* The result of a group. */
static int match_list(struct match *m)
{
	struct ties *t = m->t;
	int64_t dev_id = db_name_text(t->db, m->g->dev);
	int rc = 0;

	for (size_t i = 0; i < m->f_n && !rc; i++) {
		const struct frame_ref *r = m->f[i].ref;

		if (ties_taken(m, i))
			rc = tie_add(t, &(struct tie){ .packet_id = r->packet_id,
						       .netns_id = (int32_t)frames_stream_at(t->frames, m->f[i].stream)->netns_id,
						       .dev_id = (int32_t)dev_id,
						       .ts_ns = r->ts_ns,
						       .flow_id = r->flow_id,
						       .kind = r->tie,
						       .direction = (uint8_t)m->g->direction });
	}
	return rc;
}

static int tie_cmp(const void *a, const void *b)
{
	const struct tie *x = a, *y = b;

	if (x->packet_id != y->packet_id)
		return x->packet_id < y->packet_id ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->ts_ns != y->ts_ns)
		return x->ts_ns < y->ts_ns ? -1 : 1;
	return (y->direction > x->direction) - (y->direction < x->direction);
}

int ties_match(struct ties *t, const struct ties_seen *seen)
{
	int rc = 0;

	if (!t->group)
		return ties_rest_clock(t);
	t->match = calloc(t->group_n + 1, sizeof(*t->match));
	t->last = malloc(CPUS_MAX * sizeof(*t->last));
	if (!t->match || !t->last)
		return -ENOMEM;
	for (size_t i = 0; i < t->group_n && !rc; i++) {
		struct group *g = &t->group[i];

		if (g->refused)
			db_quality(t->db,
				   &(struct quality){ "limit", "ties", -1, g->dev, -1, -1,
						      (int64_t)g->refused },
				   "too many packets on this device: the last ones are not "
				   "connected to their frames");
		if (!g->frames)
			continue;
		rc = ties_match_open(&t->match[i], t, g, seen);
		if (!rc)
			ties_match_run(&t->match[i]);
	}
	if (!rc)
		rc = ties_carry(t);
	for (size_t i = 0; i < t->group_n && !rc; i++)
		if (t->match[i].f)
			rc = ties_match_settle(&t->match[i]);
	for (size_t i = 0; i < t->group_n && !rc; i++)
		if (t->match[i].f)
			rc = ties_match_doubt(&t->match[i]);
	if (!rc)
		rc = ties_carry_check(t);
	for (size_t i = 0; i < t->group_n && !rc; i++) {
		if (!t->match[i].f)
			continue;
		rc = match_list(&t->match[i]);
		if (!rc)
			rc = ties_rest_count(&t->match[i]);
		ties_match_close(&t->match[i]);
	}
	for (size_t i = 0; i < t->group_n; i++) {
		free(t->group[i].v);
		t->group[i].v = NULL;
		t->group[i].n = t->group[i].cap = 0;
	}
	if (!rc)
		ties_rest_say(t);
	if (!rc && t->out_n)
		qsort(t->out, t->out_n, sizeof(*t->out), tie_cmp);
	return rc;
}

const struct tie *ties_list(const struct ties *t, size_t *n)
{
	*n = t->out_n;
	return t->out;
}

void ties_apply(struct ties *t, struct packet_row *p)
{
	for (; t->applied < t->out_n && t->out[t->applied].packet_id <= p->id; t->applied++) {
		const struct tie *x = &t->out[t->applied];

		if (x->packet_id < p->id)
			continue;
		if (!p->flow_id)
			p->flow_id = x->flow_id;
		if (!x->direction && p->dev_in_id == x->dev_id && !p->netns_in_id)
			p->netns_in_id = (int32_t)x->netns_id;
		if (x->direction && p->dev_out_id == x->dev_id && !p->netns_out_id)
			p->netns_out_id = (int32_t)x->netns_id;
	}
}
