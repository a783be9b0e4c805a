/* SPDX-License-Identifier: MIT */
/*
 * import: files of other programs as members of a tape. Such a file is taken
 * apart once, into the members that a tape would have (schema/TAPE.md); what is
 * large stays in the file until it is loaded. Everything behind tape_open() reads
 * members and does not know the difference.
 */
#ifndef SKBTAPE_IMPORT_H
#define SKBTAPE_IMPORT_H

#include "../schema/base.h"
#include "tape_frames.h"

enum import_packing { PACK_NONE, PACK_ZSTD, PACK_ZLIB };

/* Bytes of the file. */
struct import_range {
	uint64_t at, n;
};

/* Where a member's bytes are. */
struct import_part {
	char name[TAPE_NAME_MAX + 1];
	uint64_t size; /* bytes, unpacked */
	uint8_t *data; /* in memory, else NULL: in the file */
	uint64_t at, packed;
	enum import_packing packing;
	size_t n_ranges; /* not 0: one behind the other, the first one is number @at */
};

struct import {
	const struct tape_file *file;
	const char *what; /* "a trace.dat of trace-cmd", for messages */
	struct import_part *part; /* the first one is tape.json */
	size_t n, cap;
	struct import_range *range; /* of all parts */
	size_t n_ranges, cap_ranges;
	bool cut;     /* the file ends before what it announces */
	uint64_t bad; /* pieces that could not be used */
	struct buf quality; /* becomes quality/000000 */
};

/**
 * import_open() - take a foreign file, or a directory, apart
 * @out: freed by import_free(); uses @f as long as it lives
 * Return: 0; -ENOTSUP where the file is of no kind that can be read; -EINVAL where it is of such
 * a kind but of no use (the message says why); -ENOMEM; or as tape_file_read().
 */
int import_open(struct import **out, const struct tape_file *f, struct err *e);
void import_free(struct import *im);
/* import_is_folder() - whether a path is a directory, or begins as an archive does */
bool import_is_folder(const char *path);

/* import_load() - bytes of a part. Return: 0, -ENOMEM, -EIO. */
int import_load(const struct import *im, size_t i, struct buf *out, struct err *e);

/* ---- for what reads a kind of file ---- */

/* import_add() - a member of bytes in memory, copied. A name that no member may have is counted and
 * left out. Return: 0, -ENOMEM. */
int import_add(struct import *im, const char *name, const void *data, size_t n);
/* import_add_range() - a member that lies in the file. Return: as import_add(). */
int import_add_range(struct import *im, const char *name, uint64_t size, uint64_t at, uint64_t packed,
		     enum import_packing packing);
/* import_add_ranges() - a member that lies in the file in pieces. Return: as import_add(). */
int import_add_ranges(struct import *im, const char *name, const struct import_range *v, size_t n);
/* import_add_whole() - a member of @b, which is taken and empty then. Return: as import_add(). */
int import_add_whole(struct import *im, const char *name, struct buf *b);
/* import_unpack() - @packed bytes at @at of the file, @size when unpacked. Return: 0, -ENOMEM, or -EBADMSG
 * where they are not that. */
int import_unpack(const struct import *im, uint64_t at, uint64_t packed, uint64_t size, enum import_packing packing,
		  struct buf *out, struct err *e);
/* import_quality_row() - a row of a tape's member quality into @b: @kind and @source as in table quality, @count
 * -1: none. Return: 0, -ENOMEM. */
int import_quality_row(struct buf *b, const char *kind, const char *source, int64_t count, const char *fmt, va_list ap);
/* import_quality() - say what the file does not tell; kind and source as in table quality. Return: 0, -ENOMEM. */
int import_quality(struct import *im, const char *kind, const char *source, int64_t count, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* import_absent() - what no foreign file of events has: frames, snapshots, counters. Return: 0, -ENOMEM. */
int import_absent(struct import *im);
/* import_format() - a format file as a member; its name stands in it. Return: 0, -ENOMEM. */
int import_format(struct import *im, struct span system, struct span text);

/* A recording as its file describes it; becomes tape.json. Texts may be empty, numbers 0. */
struct import_about {
	const char *tool, *backend; /* as trace_backend of tape.json; NULL: tracefs */
	char host[65], kernel[130], arch[65], clock[32], tool_version[65];
	uint64_t cpus, page_bytes;
	int long_bytes;
	bool big_endian;
	bool one_point; /* no recording, but how a host was at one point in time */
	uint64_t tsc_mult, tsc_shift, tsc_offset; /* from cycles to ns */
};

/* import_about() - add tape.json. Return: 0, -ENOMEM. */
int import_about(struct import *im, const struct import_about *a);

/* Each kind of file: take it apart. Return: 0, -EINVAL, -ENOMEM, or as tape_file_read(). */
int tracedat_import(struct import *im, struct err *e);
int pcap_import(struct import *im, struct err *e);
int folder_import(struct import *im, struct err *e); /* also an archive; -ENOTSUP where it is another one */
int perfdata_import(struct import *im, struct err *e);
/* tracedat_texts() - the texts of tracefs as perf.data has them: the beginning of a version 6. Return: 0, -ENOMEM. */
int tracedat_texts(struct import *im, struct import_about *a, const void *data, size_t n);

#endif
