/* SPDX-License-Identifier: MIT */
/* ties_int: what ties.c, ties_match.c and ties_rest.c share. */
#ifndef SKBTAPE_TIES_INT_H
#define SKBTAPE_TIES_INT_H

#include "ties.h"

#define CPUS_MAX 4096
#define GAP_NS	 1000000 /* to the first event of a CPU whose events began a little later */

enum { TIE_NONE, TIE_UNIQUE, TIE_ORDERED, TIE_AMBIGUOUS };
/* Compact form of struct tie_event. */
struct event_rec {
	int64_t packet_id;
	int64_t ts_ns;
	uint32_t lo, hi; /* ns before ts_ns */
	uint32_t late;	 /* ns after it */
	uint32_t len;
	uint16_t cpu;
};

struct group {
	char dev[16];
	int direction;
	struct event_rec *v;
	size_t n, cap;
	uint64_t refused; /* beyond EVENTS_MAX */
};

/* What has no counterpart. */
struct report {
	uint64_t frames, outside, lost, unknown; /* frames, and those of them without an event */
	uint64_t events, bare; /* events beside a tap, and those of them without a frame */
};

struct ties {
	struct db *db;
	struct frames *frames;
	int64_t error_ns;
	bool told;	 /* frames say whether they were stamped late */
	int64_t late_ns; /* how much later than its event a late stamp can be */
	struct group *group;
	size_t group_n;
	struct tie *out;
	size_t out_n, out_cap;
	struct report report;
};

/* A frame while its group is matched. */
struct cand {
	struct frame_ref *ref;
	uint32_t at, n;	 /* its candidates in match.list: numbers of events, in order of time */
	uint32_t stream; /* which of the group */
};

/* One group being matched. */
struct match {
	struct ties *t;
	struct group *g;
	const struct ties_seen *seen;
	uint32_t *by_len; /* numbers of events by (length, time) */
	int64_t *min_lo;  /* of this and all later ones of the same length in by_len: smallest lower
			     end */
	uint32_t *owner;  /* of an event: frame + 1, 0 none */
	uint32_t *wanted; /* of an event: by how many frames */
	uint32_t *single; /* of an event: whose only choice it is */
	uint32_t *stream; /* of an event: which stream's frames want it + 1, UINT32_MAX: several */
	struct cand *f;	  /* all frames of all streams, each stream in file order */
	size_t f_n;
	uint32_t *list;
	size_t list_n, list_cap;
	int64_t *last;	/* per CPU: number of the last event taken */
	uint32_t *open; /* of open_events() */
	size_t open_cap;
};

/* ties_match.c: one group's frames and events. ties_match_init() sets out the memory, then each
 * stream adds its candidates, then ties_match_run() decides. Return: 0, -ENOMEM. */
int ties_match_init(struct match *m);
int ties_match_add(struct match *m, size_t from, size_t to);
int ties_match_run(struct match *m, const size_t *ranges, size_t streams);
void ties_match_free(struct match *m);
bool ties_taken(const struct match *m, size_t i);
bool ties_in_gap(const struct ties_seen *seen, int64_t ts);

/* ties_rest.c: what has no counterpart */
void ties_rest_count(const struct match *m);
void ties_rest_say(const struct ties *t);

#endif
