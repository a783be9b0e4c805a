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

#endif
