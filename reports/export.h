/* SPDX-License-Identifier: MIT */
/* export: the files that the command export writes. Each is the same for the same database and options. */
#ifndef SKBTAPE_EXPORT_H
#define SKBTAPE_EXPORT_H

#include "rep.h"

/**
 * export_pcapng() - the frames, each with a comment that tells what became of it
 * @t:    the tape, where the bytes are
 * @f:    where to
 * @name: of the file, for messages
 * Return: number of frames; -ENODATA where there are none, -EIO ...
 */
int64_t export_pcapng(struct rep *r, struct tape *t, FILE *f, const char *name, struct err *e);
/* export_pcapng_plain() - the recorder's sections as they are, without reading events. Return: as export_pcapng(), sections counted. */
int64_t export_pcapng_plain(struct tape *t, FILE *f, const char *name, struct err *e);

/* Bounds of a trace, ns since 1970. */
struct export_range {
	int64_t from_ns, to_ns;
};

/* export_perfetto() - a trace for ui.perfetto.dev: CPUs, devices, packets, drops, counters, findings. Return: 0, -EIO ... */
int export_perfetto(struct rep *r, const struct export_range *range, FILE *f, struct err *e);

/**
 * export_csv() - a folder with one file for each table and view that is documented
 * @dir: made; may be there, but then empty
 * Return: number of files; -ENOTEMPTY, -EIO ...
 */
int export_csv(struct rep *r, const char *dir, struct err *e);

#endif
