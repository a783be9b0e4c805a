/* SPDX-License-Identifier: MIT */
/*
 * A whole tape. The first byte of the input tells what the rest is: 'R' the file
 * itself; 'Z' the compressed bytes of its second frame, whose trailer is made to fit
 * (the two bytes behind the 'Z' are its raw length); 'T' the tar bytes of that
 * frame; else parts that become members.
 */
#include "fuzz.h"
#include "../../analyze/tape_read.h"
#include "../../schema/tape.h"

#include <string.h>

/* A first frame, then @data under a trailer that says that it is a frame. */
static const char *tape_of_frame(const uint8_t *data, size_t n, uint64_t raw)
{
	struct buf tape = tape_make_close(tape_make_open(NULL), false, NULL);
	struct tape_trailer tr = { 1, tape.len, n, raw, tape_crc32c(0, data, n) };
	uint8_t trailer[TAPE_TRAILER_BYTES];
	const char *path;

	tape_trailer_encode(trailer, &tr);
	HOLDS(!buf_put(&tape, data, n) && !buf_put(&tape, trailer, sizeof(trailer)));
	path = fuzz_file(tape.data, tape.len);
	buf_free(&tape);
	return path;
}

static const char *tape_of_tar(const uint8_t *data, size_t n)
{
	struct tape_make *m = tape_make_open(NULL);
	struct buf tape;
	const char *path;

	tape_make_raw(m, data, n);
	tape = tape_make_close(m, true, NULL);
	path = fuzz_file(tape.data, tape.len);
	buf_free(&tape);
	return path;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf b = { 0 };
	struct err e = { "" };
	const struct tape_state *s;
	const char *path;
	struct tape *t;
	int64_t v;
	char text[8];

	if (!n)
		return 0;
	if (data[0] == 'R')
		path = fuzz_file(data + 1, n - 1);
	else if (data[0] == 'Z' && n > 3)
		path = tape_of_frame(data + 3, n - 3,
				     (uint64_t)(data[1] | data[2] << 8) * TAPE_BLOCK);
	else if (data[0] == 'T')
		path = tape_of_tar(data + 1, n - 1);
	else
		path = fuzz_tape((struct span){ (const char *)data, n });
	if (tape_open(&t, path, &e)) {
		HOLDS(e.text[0]);
		return 0;
	}
	s = tape_state(t);
	/* the file of another program has no frames */
	HOLDS((s->frames >= 1 || s->foreign) && s->bytes_bad <= s->bytes);
	for (size_t i = 0; i < tape_member_count(t); i++) {
		const struct tape_member *m = tape_member(t, i);
		long found = tape_find(t, m->name);

		HOLDS(tape_name_ok((struct span){ m->name, strlen(m->name) }));
		HOLDS((m->frame < s->frames || s->foreign) && m->size <= TAPE_MEMBER_MAX);
		HOLDS(found >= 0 && (size_t)found <= i &&
		      !strcmp(tape_member(t, (size_t)found)->name, m->name));
		HOLDS(!tape_load(t, i, &b, &e) && b.len == m->size);
	}
	if (!tape_json_text(t, "$.kernel", text, sizeof(text)))
		HOLDS(memchr(text, 0, sizeof(text)));
	tape_json_int(t, "$.page_bytes", &v);
	buf_free(&b);
	tape_close(t);
	return 0;
}
