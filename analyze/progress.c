/* SPDX-License-Identifier: MIT */
#include "progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define EVERY_NS (NSEC_PER_SEC / 10)

static struct {
	enum { NOT_ASKED, ON, OFF } state;
	bool shown;
	int64_t begin_ns, last_ns;
} line;

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

void progress_off(void)
{
	progress_end();
	line.state = OFF;
}

void progress_at(const char *what, int64_t done, int64_t all)
{
	int64_t now;

	if (line.state == NOT_ASKED) {
		line.state = isatty(STDERR_FILENO) ? ON : OFF;
		line.begin_ns = line.last_ns = line.state == ON ? now_ns() : 0;
	}
	if (line.state == OFF)
		return;
	now = now_ns();
	if (now - line.last_ns < EVERY_NS)
		return;
	line.last_ns = now;
	line.shown = true;
	fprintf(stderr, "\r\033[K%s", what);
	if (all > 0)
		fprintf(stderr, " %d %%", (int)((double)(done < all ? done : all) / (double)all * 100));
	fprintf(stderr, ", %.1f s", (double)(now - line.begin_ns) / 1e9);
	fflush(stderr);
}

void progress_end(void)
{
	if (line.shown)
		fputs("\r\033[K", stderr);
	line.shown = false;
}
