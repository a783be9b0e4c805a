/* SPDX-License-Identifier: MIT */
/* ties_int: what the files of ties share. */
#ifndef SKBTAPE_TIES_INT_H
#define SKBTAPE_TIES_INT_H

#include "ties.h"

#define CPUS_MAX 4096
#define GAP_NS	 1000000 /* to the first event of a CPU whose events began a little later */

enum { TIE_NONE, TIE_UNIQUE, TIE_ORDERED, TIE_AMBIGUOUS };

/* Compact form of struct tie_event. */
struct event_rec {
	int64_t ts_ns;
	uint32_t packet_id;
	uint32_t lo, hi; /* ns before ts_ns */
	uint32_t late;	 /* ns after it */
	uint32_t len;
	uint16_t cpu;
	bool lower; /* of a device below this one */
};

struct group {
	char dev[16];
	int direction;
	struct event_rec *v;
	size_t n, cap;
	uint64_t refused; /* beyond EVENTS_MAX */
	size_t frames;	  /* of all its streams */
	bool xdp;	  /* a device of that name has a generic XDP program */
	bool upper;	  /* of a kind that receives without events of its own */
	uint32_t *lower;  /* groups of the devices below it */
	size_t lower_n;
};

/* A frame while its group is matched. */
struct cand {
	struct frame_ref *ref;
	uint32_t at;	 /* its candidates in match.list: numbers of events, in order of time */
	uint32_t event;	 /* its own, once it is tied */
	uint32_t stream; /* which of the frames' streams */
	uint32_t n : 12;	 /* how many candidates it has */
	uint32_t all : 12; /* behind these n up to all those that were left out */
	uint32_t cut : 1;	 /* it has more candidates than are kept: it is never sure */
	uint32_t doubt : 1; /* an event is missing among those that it and its neighbours wanted */
};

/* One group being matched. */
struct match {
	struct ties *t;
	struct group *g;
	const struct ties_seen *seen;
	struct event_rec *v; /* the group's events, or where it lies above others theirs, too */
	size_t n;
	struct event_rec *merged; /* owned, NULL: v is the group's */
	uint32_t *by_len;	  /* numbers of events by (length, time) */
	int64_t *min_lo;  /* of this and all later ones of the same length in by_len: smallest lower
			     end */
	uint32_t *owner;  /* of an event: frame + 1, 0 none */
	uint8_t *wanted; /* of an event: by how many frames, at most UINT8_MAX */
	uint8_t *single; /* of an event: of how many frames it is the only choice, at most UINT8_MAX */
	uint32_t *stream; /* of an event: which stream's frames want it + 1, UINT32_MAX: several */
	struct cand *f;	  /* all frames of all streams, each stream in file order */
	size_t f_n;
	size_t *range; /* ranges[s] .. ranges[s + 1]: frames of stream s of this group */
	size_t streams;
	uint32_t *list;
	size_t list_n, list_cap;
	uint32_t *open; /* of open_events() */
	size_t open_cap;
	bool faithful; /* frames here carry what the same packets' frames elsewhere do */
};

struct ties {
	struct db *db;
	struct frames *frames;
	int64_t error_ns;
	bool told;	 /* frames say whether they were stamped late */
	int64_t late_ns; /* how much later than its event a late stamp can be */
	bool filtered;	 /* a capture filter was in force */
	bool lossy;	 /* not every packet's frame is there: a filter, or the ring overran */
	struct ties_gap *dropped; /* times in which a ring lost frames, in order, disjoint */
	size_t dropped_n;
	int64_t first_frame_ns, last_frame_ns;
	struct group *group;
	size_t group_n, group_cap;
	struct match *match; /* of each group, while they are matched */
	int64_t *last;	     /* per CPU: number of the last event taken, in a walk */
	struct tie *out;
	size_t out_n, out_cap;
	size_t applied; /* the first so many */
	uint64_t upper_work; /* events looked at for devices above others */
	sqlite3_stmt *ins_gap;
	uint64_t sum[2][WHY_COUNT]; /* frames without an event, events without a frame */
	uint64_t all[2];	    /* frames, events */
};

/* ties_match.c: one group's frames and events. ties_match_open() finds the candidates,
 * ties_match_run() takes what is sure, ties_match_settle() the rest. Return: 0, -ENOMEM. */
int ties_match_open(struct match *m, struct ties *t, struct group *g, const struct ties_seen *seen);
bool ties_match_run(struct match *m);
int ties_match_settle(struct match *m);
/* ties_match_leave() - leave out candidate @k of the @n that @f has left, the others stay in order.
 */
void ties_match_leave(struct match *m, struct cand *f, uint32_t k);
int ties_match_doubt(struct match *m);
void ties_match_close(struct match *m);
bool ties_taken(const struct match *m, size_t i);
bool ties_in_group(const struct group *g, const struct frame_stream *s);
/* ties_in_gap() - whether any of the ordered, disjoint @gaps touches @from..@to. */
bool ties_in_gap(const struct ties_gap *gaps, size_t n, int64_t from, int64_t to);
/* ties_maybe_lost() - whether the event of a frame can be among those that were lost. */
bool ties_maybe_lost(const struct match *m, const struct frame_ref *r);

/* ties_upper.c: devices that receive what one below them received, without an event.
 * ties_upper_open() adds the groups of devices below those captured and fills in
 * group.lower. Return: 0, -ENOMEM. */
int ties_upper_open(struct ties *t);
/* ties_upper_events() - the events of @m's group and those below that its frames can be of. Return:
 * 0, -ENOMEM. */
int ties_upper_events(struct match *m);
/* ties_upper_lens() - all lengths that events below may show for a frame of @len from the network
 * header on. Return: how many, at most 3. */
int ties_upper_lens(uint32_t len, uint32_t out[3]);

/* ties_carry.c: what the frames of one packet carry is the same at each tap. ties_carry() leaves
 * out candidates that another frame of their packet contradicts, as long as that decides anything;
 * ties_carry_check() makes contradictions among the sure ones ambiguous. Return: 0, -ENOMEM. */
int ties_carry(struct ties *t);
int ties_carry_check(struct ties *t);

/* ties_rest.c: what has no counterpart, and why */
int ties_rest_open(struct ties *t, const struct clocks *c);
int ties_rest_count(struct match *m);
int ties_rest_clock(struct ties *t);
void ties_rest_say(struct ties *t);

#endif
