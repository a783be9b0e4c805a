/* SPDX-License-Identifier: MIT */
#include "detail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	enum detail_level level;
	const char *lacks;
} steps[] = {
	{ "path", DETAIL_NO_SCHED, "task switches, wakeups, softirqs, interrupts and NAPI polls are not recorded" },
	{ "no-pcap", DETAIL_NO_PCAP, "frames are not recorded" },
	{ "drops", DETAIL_DROPS, "packets are not recorded but where they are dropped" },
};

/* A number as it stands, "?" for anything else. */
static void number_copy(struct span s, char *out, size_t size)
{
	bool ok = s.n && s.n < size;

	for (size_t i = 0; i < s.n && ok; i++)
		ok = (s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '.';
	span_copy(ok ? s : (struct span)SPAN_LIT("?"), out, size);
}

/* One line: mono_ns, step, percent used, percent allowed, events. */
static int line_add(struct detail *x, const struct clocks *c, struct span line)
{
	struct detail_step s = { .level = DETAIL_DROPS };
	struct span at, name, used = { 0 }, limit = { 0 }, events = { 0 };
	size_t i;

	if (!span_field(&line, '\t', &at) || span_i64(at, &s.mono_ns) || s.mono_ns < 0 ||
	    !span_field(&line, '\t', &name) || !name.n)
		return 0;
	span_field(&line, '\t', &used);
	span_field(&line, '\t', &limit);
	span_field(&line, '\t', &events);
	/* a step that a newer recorder takes: then nothing is sure to be there */
	for (i = 0; i < ARRAY_SIZE(steps); i++)
		if (span_is(name, steps[i].name))
			s.level = steps[i].level;
	/* each member repeats the lines of those before it */
	for (i = 0; i < x->n; i++)
		if (x->step[i].mono_ns == s.mono_ns && x->step[i].level == s.level)
			return 0;
	if (x->n == DETAIL_MAX)
		return 0;
	s.at_ns = clocks_mono_real(c, s.mono_ns);
	number_copy(used, s.used, sizeof(s.used));
	number_copy(limit, s.limit, sizeof(s.limit));
	s.events = strndup(events.p ? events.p : "", events.n);
	if (!s.events)
		return -ENOMEM;
	for (i = x->n++; i && x->step[i - 1].mono_ns > s.mono_ns; i--)
		x->step[i] = x->step[i - 1];
	x->step[i] = s;
	return 0;
}

int detail_load(struct detail *x, struct tape *t, const struct clocks *c, struct err *e)
{
	struct buf b = { 0 };
	int rc = 0;

	*x = (struct detail){ 0 };
	for (size_t i = 0; i < tape_member_count(t) && !rc; i++) {
		struct span text, line;

		if (strncmp(tape_member(t, i)->name, "detail/", 7))
			continue;
		rc = tape_load(t, i, &b, e);
		text = (struct span){ (const char *)b.data, b.len };
		while (!rc && span_line(&text, &line))
			if (line_add(x, c, line))
				rc = err_set(e, -ENOMEM, "out of memory");
	}
	buf_free(&b);
	if (rc)
		detail_free(x);
	return rc;
}

void detail_free(struct detail *x)
{
	for (size_t i = 0; i < x->n; i++)
		free(x->step[i].events);
	*x = (struct detail){ 0 };
}

bool detail_off(const struct detail_step *s, const char *system, const char *event)
{
	struct span list = { s->events, strlen(s->events) }, word, of;

	while (span_word(&list, &word))
		if (span_field(&word, ':', &of) && span_is(of, system) && span_is(word, event))
			return true;
	return false;
}

const char *detail_name(enum detail_level level)
{
	return steps[level - DETAIL_NO_SCHED].name;
}

const char *detail_lacks(enum detail_level level)
{
	return steps[level - DETAIL_NO_SCHED].lacks;
}
