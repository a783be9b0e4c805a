/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * Each step leaves a recording that an option could have asked for, so that
 * whoever reads it knows what it can tell: -e path, --no-pcap, -e drops. The
 * order is that of cost against worth: task switches and softirqs are the most
 * events and the least of the answers, frames are bytes twice copied, drops are
 * what the recording is for. One step at a time: the time used before it no longer
 * counts.
 *
 * A step's time is taken before anything is turned off: from then on an event
 * that is not there tells nothing.
 */
#include "lower.h"

#include "clock.h"

#include <assert.h>
#include <inttypes.h>
#include <time.h>

static const char *const names[] = {
	[LOWER_NONE] = "",	   [LOWER_PATH] = "path", [LOWER_PCAP] = "no-pcap",
	[LOWER_DROPS] = "drops", [LOWER_END] = "end",
};
static_assert(ARRAY_SIZE(names) == LOWER_END + 1, "one name for each step");

const char *lower_words(enum lower_step step)
{
	static const char *const words[] = {
		[LOWER_NONE] = "",
		[LOWER_PATH] = "events as with -e path from here on",
		[LOWER_PCAP] = "no frames from here on",
		[LOWER_DROPS] = "events as with -e drops from here on",
		[LOWER_END] = "nothing is left to leave out, the recording ends",
	};

	static_assert(ARRAY_SIZE(words) == LOWER_END + 1, "words for each step");
	return words[step];
}

static void put_lines(struct lower *l, struct tape_writer *w)
{
	if (l->lines.len)
		tape_member_put(w, l->lines.data, l->lines.len, "detail/%06u", l->seq++);
}

/* One line of detail/SEQ. */
static void note(struct lower *l, int64_t at_ns, const struct buf *off)
{
	buf_printf(&l->lines, "%" PRId64 "\t%s\t%.1f\t%g\t%.*s\n", at_ns, names[l->step], l->used,
		   l->budget.percent, (int)off->len, off->len ? (const char *)off->data : "");
}

/* Turn off what the step leaves out. Return: false: nothing of it was on. */
static bool take(struct lower *l, struct source *t, bool frames, enum lower_step step,
		 struct buf *off)
{
	enum trace_profile to = step == LOWER_PATH ? PROFILE_PATH : PROFILE_DROPS;

	if (step == LOWER_END)
		return true;
	if (step == LOWER_PCAP)
		return frames;
	if (!t || l->profile <= to)
		return false;
	l->profile = to;
	return source_lower(t, to, off);
}

enum lower_step lower_look(struct lower *l, struct source *t, bool frames, struct tape_writer *w)
{
	struct timespec cpu;
	struct buf off = { 0 };
	int64_t now = clock_mono_ns();
	enum lower_step step = l->step;

	if (step == LOWER_END || clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu) ||
	    !budget_over(&l->budget, now, cpu.tv_sec * NSEC_PER_SEC + cpu.tv_nsec, &l->used))
		return LOWER_NONE;
	do
		step++;
	while (!take(l, t, frames, step, &off));
	l->step = step;
	note(l, now, &off);
	buf_free(&off);
	put_lines(l, w);
	budget_again(&l->budget);
	return step;
}

void lower_finish(struct lower *l, struct tape_writer *w)
{
	put_lines(l, w);
	buf_free(&l->lines);
}
