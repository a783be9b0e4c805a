/* SPDX-License-Identifier: MIT */
/* timeline: what happened when, in buckets that an eye can tell apart. */
#ifndef SKBTAPE_TIMELINE_H
#define SKBTAPE_TIMELINE_H

#include "hops.h"
#include "rep.h"
#include "../schema/json.h"

#define MAX_BUCKETS  300
#define MAX_TRACKS   72
#define MAX_REASONS  6
#define MAX_CPUS     16
#define MAX_COUNTERS 8
#define MAX_BANDS    8

enum pane {
	PANE_PACKETS,
	PANE_DROPS,
	PANE_REASONS,
	PANE_DELAYS,
	PANE_SOFTIRQ,
	PANE_EVENTS,
	PANE_COUNTERS,
	PANE_COUNT,
};

enum shape {
	SHAPE_STACK,  /* bars upon each other */
	SHAPE_LINES,  /* steps on a logarithmic scale of time */
	SHAPE_STRIPS, /* a row per track, darker is more */
};

struct pane_info {
	const char *title;
	enum shape shape;
};

extern const struct pane_info timeline_panes[PANE_COUNT];

enum unit {
	UNIT_COUNT,
	UNIT_NS,
};

struct track {
	char name[128]; /* may be text of the tape */
	enum pane pane;
	enum unit unit;
	const char *css; /* fill class */
	int64_t sum, max;
	int64_t v[MAX_BUCKETS];
};

/* A span of time with a label: a finding, or a gap in what was seen. */
struct band {
	char label[160];
	char severity[16];	/* "" for a gap */
	int64_t id;		/* of the finding, 0 for a gap */
	int64_t from_ns, to_ns; /* since the start */
};

struct timeline {
	int64_t start_ns, bucket_ns;
	int n;
	struct track *track;
	int tracks;
	struct band band[2 * MAX_BANDS];
	int bands;
	int64_t cpus; /* with softirqs; more than MAX_CPUS are not drawn */
	int64_t counters_left_out;
};

/* timeline_make() - count everything into buckets. Return: NULL when the time of the recording is
 * not known, or out of memory. */
struct timeline *timeline_make(struct rep *r, const struct hops *hops);
void timeline_free(struct timeline *t);
/* timeline_json() - the member "timeline" for the page's script; null without one. */
void timeline_json(const struct timeline *t, struct json *j);

#endif
