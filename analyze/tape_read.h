/* SPDX-License-Identifier: MIT */
/*
 * tape_read: a tape's members, found once, read as often as wanted. Everything
 * on a tape is untrusted; what cannot be used is counted in struct tape_state.
 */
#ifndef SKBTAPE_TAPE_READ_H
#define SKBTAPE_TAPE_READ_H

#include "../schema/base.h"

struct tape;

/* One member, in the order of the tape. */
struct tape_member {
	char *name;
	uint64_t size;	/* bytes */
	uint32_t frame; /* index of its frame */
	uint64_t at;	/* offset of its bytes in the raw frame */
};

/* How whole the tape is. */
struct tape_state {
	bool cut;	      /* no end.json, or no end blocks */
	uint32_t frames;      /* usable frames */
	uint32_t frames_bad;  /* whole by their trailer, but damaged */
	uint64_t frames_gap;  /* sequence numbers that never came */
	uint64_t bytes;	      /* of the file */
	uint64_t bytes_bad;   /* that belong to no usable frame */
	uint64_t bytes_raw;   /* tar bytes of the usable frames */
	uint64_t members_bad; /* members of usable frames that break a rule of TAPE.md; not listed */
	uint64_t newer;	      /* format_version when it is newer than ours, else 0 */
	const char *foreign;  /* what the file is instead of a tape ("a trace.dat of trace-cmd"), NULL: a tape */
};

/**
 * tape_open() - index a tape, or a file of another program that import.h can read
 * @path: regular file
 * @t:    the tape; freed by tape_close()
 *
 * Return: 0; -EINVAL when it is no tape or not even its first frame is whole (the
 * message says what the file is instead: empty, pcap, trace.dat, gzip, text ...);
 * -ENOMEM; or the errno of open and read.
 */
int tape_open(struct tape **t, const char *path, struct err *e);
void tape_close(struct tape *t);

const struct tape_state *tape_state(const struct tape *t);
const char *tape_path(const struct tape *t);
size_t tape_member_count(const struct tape *t);
/* tape_member() - the @i-th member, i < tape_member_count(). */
const struct tape_member *tape_member(const struct tape *t, size_t i);

/**
 * tape_find() - first member of that name
 * Return: its index, or -ENOENT.
 */
long tape_find(const struct tape *t, const char *name);

/**
 * tape_load() - bytes of member @i
 * @out: emptied first; the caller's
 * Return: 0, -ENOMEM, -EIO (the file changed under us).
 *
 * A few frames are kept decompressed, so reading members of one frame one
 * after the other costs one decompression.
 */
int tape_load(struct tape *t, size_t i, struct buf *out, struct err *e);

struct tape_reader;

/* tape_reader_open() - for another thread to load members with; the tape must outlive it, and not be added to meanwhile.
 * Return: NULL: out of memory, or the file is one of another program, which only the tape's own thread can read. */
struct tape_reader *tape_reader_open(struct tape *t);
void tape_reader_close(struct tape_reader *r);
/* tape_reader_load() - as tape_load(). */
int tape_reader_load(struct tape_reader *r, size_t i, struct buf *out, struct err *e);

/* tape_rest() - nothing is loaded for a while: gives back the memory of what was decompressed. */
void tape_rest(struct tape *t);

/**
 * tape_add() - a member of the caller's bytes behind all others; the file stays as it is
 * A name that is there already, or that no member may have, is counted in members_bad and left out.
 * Return: 0, -ENOMEM.
 */
int tape_add(struct tape *t, const char *name, const void *data, size_t n, struct err *e);

/**
 * tape_json_int() - a number or a truth value of tape.json
 * @path: SQLite's JSON path, "$.page_bytes"
 * Return: 0, or -ENOENT where there is none of that type.
 */
int tape_json_int(const struct tape *t, const char *path, int64_t *v);
/* tape_json_text() - a text of tape.json, cut where it does not fit. Return: as tape_json_int(). */
int tape_json_text(const struct tape *t, const char *path, char *out, size_t size);

#endif
