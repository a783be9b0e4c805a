/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * A trace is a sequence of TracePacket messages, each a field 1 of the whole (protos/perfetto/trace/trace.proto,
 * perfetto.dev/docs/reference/synthetic-track-event). All are of one sequence, number 1, whose incremental state
 * is cleared by the first packet alone; from then on each packet may bring interned texts, which later ones
 * name by number: names of events, names and texts of arguments. Names that occur once are not interned.
 *
 * Times are of the clock BOOTTIME by default, to which the first packet ties REALTIME one to one: so the viewer
 * can show the wall clock.
 */
#include "track.h"
#include "proto.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Field numbers of protos/perfetto/trace: trace.proto, trace_packet.proto, clock_snapshot.proto, interned_data.proto,
 * track_event/{track_descriptor,counter_descriptor,track_event,debug_annotation}.proto */
enum {
	TRACE_PACKET = 1,
	PACKET_CLOCKS = 6,
	PACKET_TIMESTAMP = 8,
	PACKET_SEQUENCE = 10,
	PACKET_EVENT = 11,
	PACKET_INTERNED = 12,
	PACKET_FLAGS = 13,
	PACKET_TRACK = 60,
	CLOCKS_CLOCK = 1,
	CLOCK_ID = 1,
	CLOCK_TIMESTAMP = 2,
	TRACK_UUID = 1,
	TRACK_NAME = 2,
	TRACK_PARENT = 5,
	TRACK_COUNTER = 8,
	TRACK_ORDERING = 11,
	TRACK_RANK = 12,
	COUNTER_UNIT_NAME = 6,
	EVENT_ANNOTATION = 4,
	EVENT_TYPE = 9,
	EVENT_NAME_IID = 10,
	EVENT_TRACK = 11,
	EVENT_NAME = 23,
	EVENT_DOUBLE = 44,
	EVENT_FLOW = 47,
	ARG_NAME_IID = 1,
	ARG_INT = 4,
	ARG_DOUBLE = 5,
	ARG_TEXT_IID = 17,
	INTERNED_EVENT_NAME = 2,
	INTERNED_ARG_NAME = 3,
	INTERNED_TEXT = 29,
	INTERN_IID = 1,
	INTERN_TEXT = 2,
};

enum { FLAG_CLEARED = 1, FLAG_NEEDED = 2 };
enum { TYPE_BEGIN = 1, TYPE_END = 2, TYPE_INSTANT = 3, TYPE_COUNTER = 4 };
enum { CLOCK_BOOT = 6, CLOCK_REAL = 1 }; /* builtin_clock.proto */
enum { ORDER_EXPLICIT = 3 };		 /* ChildTracksOrdering */

/* Texts of one kind and their numbers, from 1. */
struct texts {
	char **v;
	size_t n;
	uint32_t *slot; /* number, 0: free; open addressing */
	size_t slots;	/* a power of two */
};

enum kind { EVENT_NAMES, ARG_NAMES, TEXTS, KINDS };

struct tracks {
	FILE *f;
	int rc;
	bool begun;
	uint64_t last_track;
	int64_t ts_ns;
	struct texts texts[KINDS];
	struct proto out, packet, interned, event, part;
};

static uint32_t hash(const char *s)
{
	uint32_t h = 2166136261U; /* FNV-1a */

	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * 16777619U;
	return h;
}

static int texts_grow(struct texts *x)
{
	size_t slots = x->slots ? x->slots * 2 : 64;
	uint32_t *slot = calloc(slots, sizeof(*slot));
	char **v = realloc(x->v, slots / 2 * sizeof(*v));

	if (v)
		x->v = v;
	if (!v || !slot) {
		free(slot);
		return -ENOMEM;
	}
	free(x->slot);
	x->slot = slot;
	x->slots = slots;
	for (size_t i = 0; i < x->n; i++) {
		size_t at = hash(v[i]) & (slots - 1);

		while (slot[at])
			at = (at + 1) & (slots - 1);
		slot[at] = (uint32_t)i + 1;
	}
	return 0;
}

/* Number of a text, told to the reader when it is new. Return: 0 without memory. */
static uint64_t intern(struct tracks *t, enum kind kind, const char *s)
{
	static const uint32_t field[KINDS] = { INTERNED_EVENT_NAME, INTERNED_ARG_NAME, INTERNED_TEXT };
	struct texts *x = &t->texts[kind];
	size_t at;

	if (x->n * 2 >= x->slots && texts_grow(x)) {
		t->rc = t->rc ? t->rc : -ENOMEM;
		return 0;
	}
	for (at = hash(s) & (x->slots - 1); x->slot[at]; at = (at + 1) & (x->slots - 1))
		if (!strcmp(x->v[x->slot[at] - 1], s))
			return x->slot[at];
	x->v[x->n] = strdup(s);
	if (!x->v[x->n]) {
		t->rc = t->rc ? t->rc : -ENOMEM;
		return 0;
	}
	x->slot[at] = (uint32_t)++x->n;
	proto_uint(&t->part, INTERN_IID, x->n);
	proto_text(&t->part, INTERN_TEXT, s);
	proto_message(&t->interned, field[kind], &t->part);
	return x->n;
}

/* The packet that was built goes out. */
static void send(struct tracks *t)
{
	proto_uint(&t->packet, PACKET_SEQUENCE, 1);
	if (t->interned.b.len)
		proto_message(&t->packet, PACKET_INTERNED, &t->interned);
	proto_uint(&t->packet, PACKET_FLAGS, t->begun ? FLAG_NEEDED : FLAG_CLEARED);
	t->begun = true;
	proto_message(&t->out, TRACE_PACKET, &t->packet);
	if (t->out.bad && !t->rc)
		t->rc = -ENOMEM;
	if (!t->rc && fwrite(t->out.b.data, 1, t->out.b.len, t->f) != t->out.b.len)
		t->rc = -EIO;
	buf_reset(&t->out.b);
}

int tracks_open(struct tracks **out, FILE *f, int64_t start_ns)
{
	static const int clocks[] = { CLOCK_BOOT, CLOCK_REAL };
	struct tracks *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->f = f;
	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		proto_uint(&t->part, CLOCK_ID, (uint64_t)clocks[i]);
		proto_uint(&t->part, CLOCK_TIMESTAMP, start_ns > 0 ? (uint64_t)start_ns : 0);
		proto_message(&t->event, CLOCKS_CLOCK, &t->part);
	}
	proto_message(&t->packet, PACKET_CLOCKS, &t->event);
	send(t);
	*out = t;
	return 0;
}

int tracks_close(struct tracks *t)
{
	struct proto *const all[] = { &t->out, &t->packet, &t->interned, &t->event, &t->part };
	int rc = t->rc;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		proto_free(all[i]);
	for (size_t k = 0; k < KINDS; k++) {
		for (size_t i = 0; i < t->texts[k].n; i++)
			free(t->texts[k].v[i]);
		free(t->texts[k].v);
		free(t->texts[k].slot);
	}
	free(t);
	return rc;
}

uint64_t track_add(struct tracks *t, uint64_t parent, const char *name, int rank, const char *unit)
{
	uint64_t uuid = ++t->last_track;

	proto_uint(&t->event, TRACK_UUID, uuid);
	proto_text(&t->event, TRACK_NAME, name);
	if (parent)
		proto_uint(&t->event, TRACK_PARENT, parent);
	if (unit) {
		proto_text(&t->part, COUNTER_UNIT_NAME, unit);
		proto_message(&t->event, TRACK_COUNTER, &t->part);
	}
	proto_uint(&t->event, TRACK_ORDERING, ORDER_EXPLICIT);
	proto_uint(&t->event, TRACK_RANK, (uint64_t)rank);
	proto_message(&t->packet, PACKET_TRACK, &t->event);
	send(t);
	return uuid;
}

static void begin(struct tracks *t, uint64_t track, int64_t ts_ns, int type)
{
	t->ts_ns = ts_ns > 0 ? ts_ns : 0;
	proto_uint(&t->event, EVENT_TYPE, (uint64_t)type);
	proto_uint(&t->event, EVENT_TRACK, track);
}

void track_slice(struct tracks *t, uint64_t track, int64_t ts_ns, const char *name)
{
	begin(t, track, ts_ns, TYPE_BEGIN);
	proto_uint(&t->event, EVENT_NAME_IID, intern(t, EVENT_NAMES, name));
}

void track_instant(struct tracks *t, uint64_t track, int64_t ts_ns, const char *name)
{
	begin(t, track, ts_ns, TYPE_INSTANT);
	proto_uint(&t->event, EVENT_NAME_IID, intern(t, EVENT_NAMES, name));
}

void track_slice_no(struct tracks *t, uint64_t track, int64_t ts_ns, const char *name, int64_t no)
{
	char text[128];

	begin(t, track, ts_ns, TYPE_BEGIN);
	snprintf(text, sizeof(text), "%s %" PRId64, name, no);
	proto_text(&t->event, EVENT_NAME, text);
}

void track_int(struct tracks *t, const char *key, int64_t v)
{
	uint64_t iid = intern(t, ARG_NAMES, key);

	proto_uint(&t->part, ARG_NAME_IID, iid);
	proto_int(&t->part, ARG_INT, v);
	proto_message(&t->event, EVENT_ANNOTATION, &t->part);
}

void track_real(struct tracks *t, const char *key, double v)
{
	uint64_t iid = intern(t, ARG_NAMES, key);

	proto_uint(&t->part, ARG_NAME_IID, iid);
	proto_double(&t->part, ARG_DOUBLE, v);
	proto_message(&t->event, EVENT_ANNOTATION, &t->part);
}

void track_text(struct tracks *t, const char *key, const char *v)
{
	uint64_t iid = intern(t, ARG_NAMES, key), text = intern(t, TEXTS, v);

	proto_uint(&t->part, ARG_NAME_IID, iid);
	proto_uint(&t->part, ARG_TEXT_IID, text);
	proto_message(&t->event, EVENT_ANNOTATION, &t->part);
}

void track_flow(struct tracks *t, uint64_t id)
{
	proto_fixed64(&t->event, EVENT_FLOW, id);
}

void track_event_end(struct tracks *t)
{
	proto_uint(&t->packet, PACKET_TIMESTAMP, (uint64_t)t->ts_ns);
	proto_message(&t->packet, PACKET_EVENT, &t->event);
	send(t);
}

void track_slice_end(struct tracks *t, uint64_t track, int64_t ts_ns)
{
	begin(t, track, ts_ns, TYPE_END);
	track_event_end(t);
}

void track_counter(struct tracks *t, uint64_t track, int64_t ts_ns, double v)
{
	begin(t, track, ts_ns, TYPE_COUNTER);
	proto_double(&t->event, EVENT_DOUBLE, v);
	track_event_end(t);
}
