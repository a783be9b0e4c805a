/* SPDX-License-Identifier: MIT */
/*
 * tape: names and codec of what a tape is made of, one for writer and reader.
 * The format itself is described in schema/TAPE.md.
 */
#ifndef SKBTAPE_TAPE_H
#define SKBTAPE_TAPE_H

#include "base.h"

#define TAPE_VERSION	      1
#define TAPE_BLOCK	      512 /* tar's unit */
#define TAPE_END_BLOCKS	      2	  /* zero blocks at the end of a whole tape */
#define TAPE_NAME_MAX	      100 /* longest member name, without the NUL */
#define TAPE_FRAME_RAW_TARGET (4 * MIB)	  /* a frame closes when it holds this much */
#define TAPE_FRAME_RAW_MAX    (128 * MIB) /* no reader takes a larger frame */
#define TAPE_MEMBER_MAX	      (64 * MIB)  /* no writer makes a larger member */
#define TAPE_FRAME_NS	      NSEC_PER_SEC /* ... or when it is this old */

#define TAPE_ZSTD_MAGIC	    0xFD2FB528U /* RFC 8878, 3.1.1 */
#define TAPE_TRAILER_MAGIC  0x184D2A5BU /* RFC 8878, 3.1.2: a skippable frame */
#define TAPE_TRAILER_TAG    "SKBTAPE1"	/* first bytes of its payload */
#define TAPE_TRAILER_BYTES  56		/* whole skippable frame, its 8-byte header included */

/* What stands behind each frame. All offsets are from the first byte of the tape. */
struct tape_trailer {
	uint64_t seq;	     /* 0 for the frame that holds tape.json, then one more each */
	uint64_t offset;     /* where the frame starts */
	uint64_t len_bytes;  /* compressed length of the frame */
	uint64_t raw_bytes;  /* length of the tar bytes in it */
	uint32_t crc;	     /* crc32c of the compressed bytes of the frame */
};

/* tape_crc32c() - CRC-32C (RFC 3720, B.4) of @n bytes; @crc is 0 or the value so far. */
uint32_t tape_crc32c(uint32_t crc, const void *data, size_t n);

/* tape_trailer_encode() - write the skippable frame, TAPE_TRAILER_BYTES long. */
void tape_trailer_encode(uint8_t out[TAPE_TRAILER_BYTES], const struct tape_trailer *t);

/**
 * tape_trailer_decode() - read a skippable frame back
 * @in: @n bytes of a tape, untrusted
 * Return: 0, or -EINVAL where no whole trailer with a right checksum of its own starts at @in.
 */
int tape_trailer_decode(const uint8_t *in, size_t n, struct tape_trailer *t);

/**
 * tape_tar_encode() - make a member's ustar header (POSIX.1-1988, ustar Interchange Format)
 * @name:  at most TAPE_NAME_MAX bytes of [A-Za-z0-9._+@/-], no leading '/'
 * @size:  bytes that follow, before padding
 * @mtime: seconds since 1970
 * Return: 0, -EINVAL for a bad name or size.
 */
int tape_tar_encode(uint8_t out[TAPE_BLOCK], const char *name, uint64_t size, int64_t mtime);

/* tape_name_ok() - whether @name may name a member */
bool tape_name_ok(struct span name);

/* What a tar header says. */
struct tape_tar {
	char name[TAPE_NAME_MAX + 1];
	uint64_t size;
	bool end; /* a zero block */
};

/**
 * tape_tar_decode() - read a tar header, untrusted
 * Return: 0; -EINVAL when checksum, type, name or size are not what TAPE.md allows.
 */
int tape_tar_decode(const uint8_t in[TAPE_BLOCK], struct tape_tar *t);

/* tape_tar_padded() - @size rounded up to whole blocks. */
static inline uint64_t tape_tar_padded(uint64_t size)
{
	return (size + TAPE_BLOCK - 1) / TAPE_BLOCK * TAPE_BLOCK;
}

/* tape_text() - append a field of a made text to @b, escaped as TAPE.md says, and @end ('\t' or
 * '\n') behind it. Return: as buf_reserve(). */
int tape_text(struct buf *b, struct span field, char end);

#endif
