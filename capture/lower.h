/* SPDX-License-Identifier: MIT */
/* lower: a recording that takes more CPU time than it may goes on with less detail, step by step. */
#ifndef SKBTAPE_LOWER_H
#define SKBTAPE_LOWER_H

#include "budget.h"
#include "source.h"

enum lower_step {
	LOWER_NONE,
	LOWER_PATH,  /* events as with -e path */
	LOWER_PCAP,  /* no frames, as with --no-pcap; the caller ends them */
	LOWER_DROPS, /* events as with -e drops */
	LOWER_END,   /* nothing is left to leave out: the caller ends the recording */
};

struct lower {
	struct budget budget;
	enum trace_profile profile; /* in force */
	double used;		    /* percent of one CPU, when the last step was taken */
	enum lower_step step;	    /* the last one */
	struct buf lines;	    /* of detail/SEQ */
	unsigned int seq;
};

/**
 * lower_look() - take the next step where more was used than @l->budget allows; some times a second
 * @t:	    NULL: no events are recorded
 * @frames: whether frames are
 *
 * What was turned off, when and why goes to the tape (schema/TAPE.md, detail/SEQ).
 * Return: the step that was taken now.
 */
enum lower_step lower_look(struct lower *l, struct source *t, bool frames, struct tape_writer *w);
/* lower_words() - what @step means to a user. */
const char *lower_words(enum lower_step step);
/* lower_finish() - the list once more, so that no damage of one place hides it; frees it. */
void lower_finish(struct lower *l, struct tape_writer *w);

#endif
