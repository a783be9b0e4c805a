/* SPDX-License-Identifier: MIT */
/*
 * tape_write: members in, zstd frames out. Any thread may add members; one
 * thread of its own compresses and writes. See schema/TAPE.md, section 1.
 */
#ifndef SKBTAPE_TAPE_WRITE_H
#define SKBTAPE_TAPE_WRITE_H

#include "../schema/tape.h"

struct tape_writer;

/**
 * tape_writer_open() - start a tape
 * @fd:        where to, regular file or pipe; stays the caller's; written in order. Only after a
 * failed write is a regular file cut back to the end of its last whole frame
 * @max_bytes: size that the file shall not pass, 0: no limit; see tape_member_put()
 * @json:      text of tape.json, written as the first frame before this returns
 *
 * Return: 0, or the errno of write, -ENOMEM.
 */
int tape_writer_open(struct tape_writer **w, int fd, uint64_t max_bytes, struct span json,
		     struct err *e);

/**
 * tape_member_put() - add a whole member
 * @name: printf format of its name, see TAPE.md
 *
 * The bytes are copied. Waits while the compressor is behind by more than two frames; callers are
 * the recorder's own threads, the kernel's buffers overflow meanwhile and count it.
 *
 * A limited tape keeps room for what makes it readable. Of the reserve, 8 MiB or half of max_bytes
 * if that is less, events and frames (ftrace/cpuN, pcap) get nothing, snapshots, statistics and the
 * like half, the kernel's symbols all. From the first member on that does not fit the tape counts
 * as full: events and frames are refused, smaller members of the other kinds still go in where they
 * fit. end.json always does. In a regular file without that limit the disk becomes one when 8 MiB,
 * or half of what it had at the start, are left on it.
 *
 * Return: 0; -EFBIG for a member that does not fit, -ENOSPC where the disk is the limit; -ENOSPC,
 * -EPIPE, -EIO ... once writing has failed; -EINVAL for a bad name or more than TAPE_MEMBER_MAX
 * bytes; -ENOMEM.
 */
int tape_member_put(struct tape_writer *w, const void *data, size_t n, const char *name, ...)
	__attribute__((format(printf, 4, 5)));

/* tape_writer_failed() - 0, or the first -errno of writing; -EFBIG or -ENOSPC when the limit was
 * reached. Cheap; any thread. */
int tape_writer_failed(const struct tape_writer *w);
/* tape_writer_bytes() - bytes of whole frames written so far; @raw NULL, or set to the tar bytes
 * taken so far. */
uint64_t tape_writer_bytes(const struct tape_writer *w, uint64_t *raw);

/**
 * tape_writer_end() - last members, end.json and the end blocks; no member is taken after that
 * @end_json: text of end.json
 *
 * Where the disk was full, cutting the torn frame off may have made room: the end is tried once
 * more. After any other write error nothing more is written: the tape stays cut, and whole up to
 * there.
 *
 * Return: 0 (also when the limit was reached), or the first error of writing; its message says how
 * the tape ends.
 */
int tape_writer_end(struct tape_writer *w, struct span end_json, struct err *e);
/* tape_writer_close() - tape_writer_end(), unless it was called, and free the writer. Return: as
 * tape_writer_end(). */
int tape_writer_close(struct tape_writer *w, struct span end_json, struct err *e);

/* tape_writer_lack() - the first source that a quality line of the kinds "permission" and "source-missing" named, with its note,
 * NULL: none. For the summary and the exit status, once no other thread adds any. */
const char *tape_writer_lack(const struct tape_writer *w);

/**
 * quality_put() - one line of quality/SEQ, written at once as a member of its own
 * @from_ns, @to_ns, @count: CLOCK_MONOTONIC, -1: none; @cpu -1, @dev NULL: none
 * The same (kind, source, cpu, dev) is written at most 100 times, then once more to say so.
 */
void quality_put(struct tape_writer *w, const char *kind, const char *source, int cpu,
		 const char *dev, int64_t from_ns, int64_t to_ns, int64_t count, const char *note,
		 ...) __attribute__((format(printf, 9, 10)));

#endif
