/* SPDX-License-Identifier: MIT */
/*
 * fuzz: what the fuzz targets share. Each target is a file fuzz_NAME.c that
 * reads one input with one parser and asserts what must hold afterwards. With
 * clang it is linked with libFuzzer, otherwise with replay.c, which reads the
 * files it is given.
 */
#ifndef SKBTAPE_TESTS_FUZZ_H
#define SKBTAPE_TESTS_FUZZ_H

#include "../../schema/base.h"
#include "../tape_make.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* Not assert(): a finding is one in each build, and says where. */
#define HOLDS(x)                                                                                   \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #x);     \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* fuzz_inside() - whether a piece lies in the whole; one without bytes lies everywhere. */
static inline bool fuzz_inside(const void *piece, size_t n, const void *whole, size_t size)
{
	uintptr_t p = (uintptr_t)piece, w = (uintptr_t)whole;

	return !n || (p >= w && p - w <= size && n <= size - (p - w));
}

/* fuzz_cstr() - whether a NUL ends the text in @size bytes, and nothing unprintable is in it. */
bool fuzz_cstr(const char *s, size_t size);

/* fuzz_part() - inputs of several parts: each begins with a line "@ NAME" and ends before the next
 * such line. The newline before "@ " is no part of it. Return: false at the end. */
bool fuzz_part(struct span *left, struct span *name, struct span *part);

/**
 * fuzz_tape() - a whole tape whose members are the parts
 * The part tape.json gets the first frame; the name "-" begins a new frame; what no
 * tape_make_member() takes is left out.
 * Return: path of a file in memory, the same each time.
 */
const char *fuzz_tape(struct span parts);
/* fuzz_file() - the same with these bytes. */
const char *fuzz_file(const void *data, size_t n);
/* fuzz_slurp() - a whole file; p == NULL where it cannot be read. The caller's to free. */
struct span fuzz_slurp(const char *path);

#endif
