/* SPDX-License-Identifier: MIT */
/* profile: which events each profile records, as data. */
#ifndef SKBTAPE_PROFILE_H
#define SKBTAPE_PROFILE_H

#include "trace.h"

/* One event that a profile wants. */
struct profile_event {
	const char *system, *name;
	enum trace_profile from; /* the smallest profile that has it */
	bool core;		 /* its absence costs answers that the profile is there to give */
	const char *filter;	 /* in the grammar of Documentation/trace/events.rst; NULL: none */
	const char *unless; /* not wanted where this event of the same system exists; NULL: always
			       wanted */
};

/* profile_events() - all of them, in the order in which they are armed; @n gets their number, at
 * most PROFILE_EVENTS_MAX. */
const struct profile_event *profile_events(size_t *n);

#define PROFILE_EVENTS_MAX 128

/* profile_event_here() - whether this kernel has the event; @dir: tracefs, or a copy of what it
 * says. */
bool profile_event_here(const char *dir, const struct profile_event *ev);
/* profile_event_wanted() - whether profile @p records it where it exists. */
bool profile_event_wanted(const char *dir, const struct profile_event *ev, enum trace_profile p);

/**
 * profile_arm() - call @arm for each event of profile @p that is in @dir; note the others in
 * quality
 * @arm: 0, or -errno; what is no failure of the tape is noted, and the next event's turn comes
 * Return: 0; -ENOENT where none was armed; the tape writer's error.
 */
int profile_arm(enum trace_profile p, const char *dir, struct tape_writer *w,
		int (*arm)(void *ctx, const struct profile_event *ev), void *ctx, struct err *e);

#endif
