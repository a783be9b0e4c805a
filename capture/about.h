/* SPDX-License-Identifier: MIT */
/* about: what a tape says of its recording: tape.json and end.json (schema/TAPE.md, 3 and 4). */
#ifndef SKBTAPE_ABOUT_H
#define SKBTAPE_ABOUT_H

#include "options.h"
#include "sniff.h"

/* Why a recording ended. */
enum end_reason {
	END_NONE,
	END_DURATION,
	END_COMMAND,
	END_SIGNAL,
	END_MAX_SIZE,
	END_NO_SPACE,
	END_MAX_CPU,
	END_ERROR,
	END_COUNT
};

/* about_reason() - its word in end.json. */
const char *about_reason(enum end_reason r);

/* What end.json and the summary say. */
struct about_end {
	enum end_reason reason;
	const char *reason_text;
	int64_t start_mono_ns, end_mono_ns, end_real_ns;
	struct sniff_totals frames;
	struct trace_totals events;
	uint64_t bytes_raw;
	int64_t cpu_user_ns, cpu_system_ns;
	uint64_t max_rss_bytes;
	unsigned int snapshots;
	size_t namespaces;
	int command_status; /* as a shell's $?, -1: no command, or it runs on */
};

/**
 * about_tape() - text of tape.json
 * @trace: NULL: no events
 * @argv:  as the recorder was called
 * @start_mono_ns: out, the time that is written as the start
 * Return: 0, -ENOMEM.
 */
int about_tape(struct buf *b, const struct record_options *o, char *const *argv,
	       const struct source *trace, int64_t *start_mono_ns);
/* about_end() - text of end.json. Return: 0, -ENOMEM. */
int about_end(struct buf *b, const struct about_end *end);
/* about_usage() - our own CPU time and memory into @end. */
void about_usage(struct about_end *end);

/* about_capabilities() - our effective capabilities, capabilities(7), as bits. */
uint64_t about_capabilities(void);

#endif
