/* SPDX-License-Identifier: MIT */
/*
 * base: error text, growing buffers, checked readers of untrusted bytes and
 * text. Depends on the C library alone; the recorder and the analyzer share it.
 *
 * Conventions of the whole tree: a function that can fail returns 0 (or a
 * count) on success and a negative errno on failure, leaves its outputs
 * untouched on failure, and puts what went wrong into a caller-owned
 * struct err. Only a program's main() prints it.
 */
#ifndef SKBTAPE_BASE_H
#define SKBTAPE_BASE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define NSEC_PER_SEC  1000000000LL
#define KIB           1024ULL
#define MIB           (1024ULL * 1024)
/* A table of fixed size that each run makes: small while fuzzing, where a run is short and the table should get full. */
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#define BUILT_SIZE(usual, fuzzing) (fuzzing)
#else
#define BUILT_SIZE(usual, fuzzing) (usual)
#endif

/* What went wrong, in words for the user: object, what was found, what was
 * expected, what to do. */
struct err {
	char text[512];
};

/**
 * err_set() - note an error
 * @e:    where to, may be NULL
 * @code: negative errno to hand back
 * @fmt:  printf format of the message; no newline at its end
 *
 * A message that is already there is replaced.
 * Return: @code, so that callers can write `return err_set(e, -EINVAL, ...)`.
 */
int err_set(struct err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* err_sys() - err_set() with -errno and strerror(errno) behind the message. */
int err_sys(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A growing byte buffer. Zero-initialised is empty. Freed by buf_free(). */
struct buf {
	uint8_t *data;
	size_t len; /* bytes used */
	size_t cap; /* bytes allocated */
};

/**
 * buf_reserve() - make room for @more bytes behind the present end
 * Return: 0, -ENOMEM, or -EOVERFLOW when the sizes do not add up.
 */
int buf_reserve(struct buf *b, size_t more);
/* buf_put() - append @n bytes. Return: as buf_reserve(). */
int buf_put(struct buf *b, const void *data, size_t n);
/* buf_printf() - append formatted text (no NUL is counted). Return: as buf_reserve(). */
int buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* buf_reset() - forget the contents, keep the memory. */
void buf_reset(struct buf *b);
/* buf_free() - give the memory back; the buffer is empty and usable again. */
void buf_free(struct buf *b);

/*
 * Checked reader over untrusted bytes. Every getter past the end returns 0 (or
 * NULL), sets @bad and leaves nothing more to read, so a parser may read a
 * whole structure and look at @bad once.
 */
struct rd {
	const uint8_t *p;
	size_t left;
	bool bad;
};

void rd_init(struct rd *r, const void *data, size_t n);
uint8_t rd_u8(struct rd *r);
uint16_t rd_le16(struct rd *r);
uint32_t rd_le32(struct rd *r);
uint64_t rd_le64(struct rd *r);
uint16_t rd_be16(struct rd *r);
uint32_t rd_be32(struct rd *r);
/* rd_bytes() - @n bytes in place, or NULL with @bad set. */
const uint8_t *rd_bytes(struct rd *r, size_t n);
/* rd_sub() - a reader over the next @n bytes; empty and bad when there are fewer. */
struct rd rd_sub(struct rd *r, size_t n);

/* A piece of text that is not NUL terminated and not to be trusted. */
struct span {
	const char *p;
	size_t n;
};

#define SPAN_LIT(s) ((struct span){ (s), sizeof(s) - 1 })

/* span_line() - cut the next line (without its newline) off @text. Return: false at the end. */
bool span_line(struct span *text, struct span *line);
/* span_word() - cut the next word (separated by blanks and tabs) off @line. */
bool span_word(struct span *line, struct span *word);
/* span_field() - cut the text before the next @sep off @line; the last field ends with the line.
 * Return: false when @line is exhausted. */
bool span_field(struct span *line, char sep, struct span *field);
/* span_trim() - without blanks and tabs at both ends. */
struct span span_trim(struct span s);
bool span_is(struct span s, const char *text);
bool span_starts(struct span s, const char *prefix);
/* span_u64()/span_hex()/span_i64() - the whole span as a number.
 * Return: 0, -EINVAL (no number, or something behind it), -ERANGE. */
int span_u64(struct span s, uint64_t *v);
int span_hex(struct span s, uint64_t *v);
int span_i64(struct span s, int64_t *v);
/* span_copy() - NUL terminated copy into @out of @size bytes, cut where it does not fit. */
void span_copy(struct span s, char *out, size_t size);

/* utf8_length() - bytes of the well-formed UTF-8 sequence (RFC 3629) at the start of @left bytes at @p, 0 where there is none. */
size_t utf8_length(const void *p, size_t left);

/* sat_add_u64() - sum, or UINT64_MAX where it does not fit. */
static inline uint64_t sat_add_u64(uint64_t a, uint64_t b)
{
	uint64_t s;

	return __builtin_add_overflow(a, b, &s) ? UINT64_MAX : s;
}

#endif
