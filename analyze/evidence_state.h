/* SPDX-License-Identifier: MIT */
/* evidence_state: how much of the evidence reached the tape, and how long a rule may look at it. */
#ifndef SKBTAPE_EVIDENCE_STATE_H
#define SKBTAPE_EVIDENCE_STATE_H

#include "db.h"

struct evidence_state {
	double events_kept, frames_kept; /* share that was not lost, at least one half */
	bool tape_whole;		 /* neither cut nor damaged */
	long long steps_max;		 /* of a rule, in EVIDENCE_STEP_UNIT */
};

#define EVIDENCE_STEP_UNIT 100000 /* SQLite's virtual machine instructions */

/* evidence_state() - of a database whose tables tape and quality are filled */
void evidence_state(struct db *d, struct evidence_state *out);

#endif
