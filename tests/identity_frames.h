/* SPDX-License-Identifier: MIT */
/* identity_frames: frames of a pcapng by their payload; see tests/identity.c. */
#ifndef IDENTITY_FRAMES_H
#define IDENTITY_FRAMES_H

#include <stddef.h>
#include <stdint.h>

/* What one datagram, fragment or segment is called by its payload. */
struct id {
	uint32_t kind; /* 0: none, 17: datagram, 6: TCP data, 7: TCP without data */
	uint32_t who, seq;
	uint32_t part; /* offset of a fragment; of TCP a word of the data */
};

struct frame {
	struct id id;
	int64_t packet; /* by the database, 0: none */
	int tie;
	int64_t place; /* namespace and device, by the database */
};

/* The k-th frame of the file is frames[k - 1]. */
extern struct frame *frames;
extern size_t frames_n;

/* Reads all frames of the pcapng @path. Ends the program when it cannot. */
void identity_frames(const char *path);

/* Ends the program with status 1. */
_Noreturn void die(const char *what);

#endif
