/* SPDX-License-Identifier: MIT */
#include "fuzz.h"
#include "../../schema/tape.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

bool fuzz_cstr(const char *s, size_t size)
{
	size_t n = strnlen(s, size);

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] < 0x20)
			return false;
	return n < size;
}

bool fuzz_part(struct span *left, struct span *name, struct span *part)
{
	const char *end;

	while (span_line(left, name)) {
		if (!span_starts(*name, "@ "))
			continue;
		name->p += 2;
		name->n -= 2;
		end = left->n ? memmem(left->p, left->n, "\n@ ", 3) : NULL;
		part->p = left->p;
		part->n = end ? (size_t)(end - left->p) : left->n;
		left->p += part->n + (end ? 1 : 0);
		left->n -= part->n + (end ? 1 : 0);
		return true;
	}
	return false;
}

const char *fuzz_file(const void *data, size_t n)
{
	static char path[32];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("fuzz", MFD_CLOEXEC);
		HOLDS(fd >= 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	HOLDS(!ftruncate(fd, 0));
	HOLDS(!n || pwrite(fd, data, n, 0) == (ssize_t)n);
	return path;
}

const char *fuzz_tape(struct span parts)
{
	struct span left = parts, name, part;
	struct tape_make *m;
	char *json = NULL;
	const char *path;
	struct buf tape;

	while (!json && fuzz_part(&left, &name, &part))
		if (span_is(name, "tape.json"))
			json = strndup(part.p, part.n);
	m = tape_make_open(json && *json ? json : NULL);
	free(json);
	while (fuzz_part(&parts, &name, &part)) {
		char text[TAPE_NAME_MAX + 1];

		if (span_is(name, "-"))
			tape_make_frame(m);
		if (span_is(name, "-") || span_is(name, "tape.json") || name.n > TAPE_NAME_MAX ||
		    !tape_name_ok(name))
			continue;
		span_copy(name, text, sizeof(text));
		tape_make_member(m, text, part.p, part.n);
	}
	tape = tape_make_close(m, true, NULL);
	path = fuzz_file(tape.data, tape.len);
	buf_free(&tape);
	return path;
}

struct span fuzz_slurp(const char *path)
{
	struct buf b = { 0 };
	FILE *f = fopen(path, "rb");
	uint8_t block[4096];
	size_t n;

	if (!f)
		return (struct span){ 0 };
	while ((n = fread(block, 1, sizeof(block), f)))
		HOLDS(!buf_put(&b, block, n));
	fclose(f);
	HOLDS(!buf_reserve(&b, 1)); /* not NULL for an empty file */
	return (struct span){ (char *)b.data, b.len };
}
