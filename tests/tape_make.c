/* SPDX-License-Identifier: MIT */
#include "tape_make.h"
#include "../schema/tape.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

struct tape_make {
	struct buf tape;
	struct buf raw; /* the frame that is open */
	uint64_t seq;
	ZSTD_CCtx *zstd;
};

static const char usual_json[] =
	"{\"format_version\":1,\"tool\":\"skbtape\",\"tool_version\":\"0\",\"host\":\"testhost\","
	"\"kernel\":\"6.18.0\",\"kernel_version\":\"#1\",\"arch\":\"x86_64\",\"page_bytes\":4096,"
	"\"cpus_online\":\"0-1\",\"cpus_possible\":2,\"long_bytes\":8,\"little_endian\":true,"
	"\"boot_id\":\"0\",\"trace_clock\":\"mono\",\"start_real_ns\":1700000000000000000,"
	"\"start_mono_ns\":1000000000,\"hz\":1000,\"redaction\":\"none\"}";

static void need(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "tape_make: %s failed\n", what);
	abort();
}

struct tape_make *tape_make_open(const char *json)
{
	struct tape_make *m = calloc(1, sizeof(*m));

	need(m, "calloc");
	m->zstd = ZSTD_createCCtx();
	need(m->zstd, "zstd");
	ZSTD_CCtx_setParameter(m->zstd, ZSTD_c_checksumFlag, 1);
	if (!json || *json) {
		tape_make_text(m, "tape.json", json ? json : usual_json);
		tape_make_frame(m);
	}
	return m;
}

void tape_make_raw(struct tape_make *m, const void *data, size_t n)
{
	need(!buf_put(&m->raw, data, n), "buf_put");
}

void tape_make_member(struct tape_make *m, const char *name, const void *data, size_t n)
{
	static const uint8_t zero[TAPE_BLOCK];
	uint8_t head[TAPE_BLOCK];

	need(!tape_tar_encode(head, name, n, 1700000000), name);
	tape_make_raw(m, head, sizeof(head));
	tape_make_raw(m, data, n);
	tape_make_raw(m, zero, tape_tar_padded(n) - n);
}

void tape_make_text(struct tape_make *m, const char *name, const char *text)
{
	tape_make_member(m, name, text, strlen(text));
}

void tape_make_level(struct tape_make *m, int level)
{
	need(!ZSTD_isError(ZSTD_CCtx_setParameter(m->zstd, ZSTD_c_compressionLevel, level)), "zstd");
}

void tape_make_seq(struct tape_make *m, uint64_t seq)
{
	m->seq = seq;
}

void tape_make_frame(struct tape_make *m)
{
	struct tape_trailer tr = { .seq = m->seq, .offset = m->tape.len, .raw_bytes = m->raw.len };
	uint8_t trailer[TAPE_TRAILER_BYTES];
	size_t n;

	if (!m->raw.len)
		return;
	m->seq++;
	need(!buf_reserve(&m->tape, ZSTD_compressBound(m->raw.len)), "buf_reserve");
	n = ZSTD_compress2(m->zstd, m->tape.data + m->tape.len, m->tape.cap - m->tape.len,
			   m->raw.data, m->raw.len);
	need(!ZSTD_isError(n), "compress");
	tr.len_bytes = n;
	tr.crc = tape_crc32c(0, m->tape.data + m->tape.len, n);
	m->tape.len += n;
	tape_trailer_encode(trailer, &tr);
	need(!buf_put(&m->tape, trailer, sizeof(trailer)), "buf_put");
	buf_reset(&m->raw);
}

struct buf tape_make_close(struct tape_make *m, bool whole, const char *path)
{
	static const uint8_t end[TAPE_END_BLOCKS * TAPE_BLOCK];
	struct buf tape;

	if (whole) {
		tape_make_text(m, "end.json", "{\"reason\":\"duration\"}");
		tape_make_frame(m);
		tape_make_raw(m, end, sizeof(end));
	}
	tape_make_frame(m);
	tape = m->tape;
	if (path)
		tape_make_file(path, tape.data, tape.len);
	buf_free(&m->raw);
	ZSTD_freeCCtx(m->zstd);
	free(m);
	return tape;
}

void tape_make_file(const char *path, const void *data, size_t n)
{
	FILE *f = fopen(path, "wb");

	need(f && (!n || fwrite(data, 1, n, f) == n) && !fclose(f), path);
}

static char dir[64];

const char *tape_make_path(const char *name)
{
	static char path[160];

	if (!dir[0]) {
		snprintf(dir, sizeof(dir), "/tmp/skbtape-test-%d", (int)getpid());
		need(!mkdir(dir, 0700), dir);
	}
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

void tape_make_clean(void)
{
	char cmd[96];

	if (!dir[0])
		return;
	snprintf(cmd, sizeof(cmd), "rm -r '%s'", dir);
	need(!system(cmd), cmd);
	dir[0] = '\0';
}
