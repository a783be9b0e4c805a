/* SPDX-License-Identifier: MIT */
#include "facts.h"
#include "detail.h"
#include "../schema/sha256.h"
#include "thread.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Every scalar of a JSON member as a row: nested keys with a dot, @prefix before them. SQLite's own parser reads it. */
static int json_facts(struct tape *t, struct db *d, const char *member, const char *prefix, struct err *e)
{
	long i = tape_find(t, member);
	struct buf b = { 0 };
	sqlite3_stmt *ok, *st;
	int rc;

	if (i < 0)
		return 0;
	rc = tape_load(t, (size_t)i, &b, e);
	if (rc)
		goto out;
	ok = db_prepare(d, "SELECT json_valid(?)");
	db_bind_span(ok, 1, (struct span){ (const char *)b.data, b.len });
	if (sqlite3_step(ok) != SQLITE_ROW || !sqlite3_column_int(ok, 0)) {
		db_quality(d, &(struct quality){ "tape-damaged", member, -1, NULL, -1, -1, -1 },
			   "%s is not valid JSON; what it says is not known", member);
		sqlite3_reset(ok);
		goto out;
	}
	sqlite3_reset(ok);
	st = db_prepare(d, "INSERT OR REPLACE INTO tape(key, value) "
			   "SELECT ?2 || substr(replace(fullkey, '\"', ''), 3), "
			   "CASE type WHEN 'true' THEN '1' WHEN 'false' THEN '0' ELSE CAST(atom AS TEXT) END "
			   "FROM json_tree(?1) WHERE type NOT IN ('object', 'array') AND length(fullkey) < 200 "
			   "ORDER BY id LIMIT 2000");
	db_bind_span(st, 1, (struct span){ (const char *)b.data, b.len });
	db_bind_text(st, 2, prefix);
	db_run(d, st);
	rc = db_error(d, e);
out:
	buf_free(&b);
	return rc;
}

/* One line of quality/SEQ: kind, source, cpu, dev, from_mono_ns, to_mono_ns, count, note. */
static void quality_line(struct db *d, const struct clocks *c, struct span line)
{
	struct span f[8] = { { 0 } };
	char kind[32], source[160], dev[32], note[700];
	struct quality q = { .cpu = -1, .from_ns = -1, .to_ns = -1, .count = -1 };
	int64_t v;

	for (size_t i = 0; i < ARRAY_SIZE(f); i++)
		span_field(&line, '\t', &f[i]);
	span_copy(f[0], kind, sizeof(kind));
	span_copy(f[1], source, sizeof(source));
	span_copy(f[3], dev, sizeof(dev));
	span_copy(f[7], note, sizeof(note));
	if (!kind[0])
		return;
	q.kind = kind;
	q.source = source;
	q.dev = dev[0] ? dev : NULL;
	if (!span_i64(f[2], &v) && v >= 0 && v < INT32_MAX)
		q.cpu = (int)v;
	if (!span_i64(f[4], &v) && v >= 0)
		q.from_ns = clocks_mono_real(c, v);
	if (!span_i64(f[5], &v) && v >= 0)
		q.to_ns = clocks_mono_real(c, v);
	if (!span_i64(f[6], &v) && v >= 0)
		q.count = v;
	db_quality(d, &q, "%s", note);
}

#define QUALITY_LINES_MAX 20000

static int quality_load(struct tape *t, struct db *d, const struct clocks *c, struct err *e)
{
	struct buf b = { 0 };
	size_t lines = 0;
	int rc = 0;

	for (size_t i = 0; !rc && i < tape_member_count(t) && lines < QUALITY_LINES_MAX; i++) {
		struct span text, line;

		if (strncmp(tape_member(t, i)->name, "quality/", 8))
			continue;
		rc = tape_load(t, i, &b, e);
		text = (struct span){ (const char *)b.data, b.len };
		while (!rc && lines < QUALITY_LINES_MAX && span_line(&text, &line)) {
			quality_line(d, c, line);
			lines++;
		}
	}
	buf_free(&b);
	return rc ? rc : db_error(d, e);
}

/* What the recorder turned off to cost less. */
static int detail_rows(struct tape *t, struct db *d, const struct clocks *c, struct err *e)
{
	struct detail x;
	int rc = detail_load(&x, t, c, e);

	for (size_t i = 0; !rc && i < x.n; i++) {
		const struct detail_step *s = &x.step[i];

		db_quality(d,
			   &(struct quality){ "detail-lowered", detail_name(s->level), -1, NULL, s->at_ns, -1, -1 },
			   "recording used %s %% of a CPU, %s %% were allowed (--max-cpu): from here on %s, and nothing is "
			   "concluded from their absence",
			   s->used, s->limit, detail_lacks(s->level));
	}
	if (!rc)
		detail_free(&x);
	return rc;
}

/* When the recording ended, on the timeline. */
static void end_time(struct db *d, const struct clocks *c)
{
	sqlite3_stmt *st = db_prepare(d, "SELECT CAST(value AS INTEGER) FROM tape WHERE key = 'end.end_real_ns' AND value IS NOT NULL");
	bool known = sqlite3_step(st) == SQLITE_ROW;
	int64_t ns = known ? sqlite3_column_int64(st, 0) : 0;

	sqlite3_reset(st);
	if (known)
		db_fact_int(d, "end_ns", clocks_stamp(c, ns));
}

int facts_load(struct tape *t, struct db *d, const struct clocks *c, struct err *e)
{
	int rc = json_facts(t, d, "tape.json", "", e);

	if (!rc)
		rc = json_facts(t, d, "end.json", "end.", e);
	if (!rc)
		rc = quality_load(t, d, c, e);
	if (!rc)
		rc = detail_rows(t, d, c, e);
	if (rc)
		return rc;
	rc = db_exec(d,
		     "INSERT OR REPLACE INTO tape(key, value) SELECT 'start_ns', value FROM tape WHERE key = 'start_real_ns';",
		     e);
	end_time(d, c);
	db_fact_int(d, "clock_pairs", (int64_t)clocks_count(c));
	db_fact(d, "clock_error_ns", NULL);
	if (clocks_error_ns(c) != INT64_MAX)
		db_fact_int(d, "clock_error_ns", clocks_error_ns(c));
	for (size_t i = 0; i < 100; i++) {
		int64_t at, step;

		if (!clocks_step(c, i, &at, &step))
			break;
		db_quality(d, &(struct quality){ "clock-step", "CLOCK_REALTIME", -1, NULL,
						 clocks_mono_real(c, at), clocks_mono_real(c, at), -1 },
			   "the host's real time was set by %+.6f s here; all times are told by the clock as it was "
			   "before",
			   (double)step / 1e9);
	}
	return rc;
}

/* Members of kinds that TAPE.md does not name: of a newer recorder. */
static void unknown_members(const struct tape *t, struct db *d)
{
	static const char *const known[] = {
		"tape.json",	"end.json", "quality", "clock",	  "ftrace",	 "perf",  "pcap",  "netns", "snap",
		"kallsyms-end", "kallsyms", "modules", "modules-end", "tasks", "kmsg", "detail",
	};
	const char *first = NULL;
	int64_t n = 0;

	for (size_t i = 0; i < tape_member_count(t); i++) {
		const char *name = tape_member(t, i)->name;
		size_t k, len = strcspn(name, "/");

		for (k = 0; k < ARRAY_SIZE(known); k++)
			if (span_is((struct span){ name, len }, known[k]))
				break;
		if (k < ARRAY_SIZE(known))
			continue;
		first = first ? first : name;
		n++;
	}
	if (n)
		db_quality(d, &(struct quality){ "format", "tape", -1, NULL, -1, -1, n },
			   "members of a kind that this program does not know, the first is %s; they are not used", first);
}

static void foreign_state(const struct tape_state *s, struct db *d)
{
	if (s->cut)
		db_quality(d, &(struct quality){ "tape-cut", "tape", -1, NULL, -1, -1, -1 },
			   "%s that ends before what it announces: what is there is used", s->foreign);
	if (s->members_bad)
		db_quality(d, &(struct quality){ "tape-damaged", "tape", -1, NULL, -1, -1, (int64_t)s->members_bad },
			   "parts of %s are damaged or not understood, and are not used", s->foreign);
}

struct facts_hash {
	pthread_t thread;
	bool threaded;
	const char *path;
	char hash[SHA256_HEX_SIZE];
	int rc;
};

static void *hash_run(void *arg)
{
	struct facts_hash *h = arg;

	h->rc = sha256_file(h->path, h->hash, NULL);
	return NULL;
}

struct facts_hash *facts_hash_begin(const char *path)
{
	struct facts_hash *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->path = path;
	h->threaded = !thread_start(&h->thread, hash_run, h);
	return h;
}

void facts_hash_end(struct facts_hash *h, struct db *d)
{
	if (!h)
		return;
	if (h->threaded)
		pthread_join(h->thread, NULL);
	else
		hash_run(h);
	if (d)
		db_fact(d, "tape_sha256", h->rc ? NULL : h->hash);
	free(h);
}

void facts_tape_state(struct tape *t, struct db *d)
{
	const struct tape_state *s = tape_state(t);

	db_fact(d, "tape_path", tape_path(t));
	db_fact(d, "tape_sha256", NULL); /* facts_hash_end() has it */
	db_fact_int(d, "tape_bytes", (int64_t)s->bytes);
	db_fact_int(d, "tape_raw_bytes", (int64_t)s->bytes_raw);
	db_fact_int(d, "tape_zstd_frames", s->frames);
	db_fact_int(d, "tape_members", (int64_t)tape_member_count(t));
	db_fact_int(d, "tape_whole", !s->cut && !s->frames_bad && !s->frames_gap && !s->bytes_bad);
	if (s->foreign) {
		foreign_state(s, d);
		return;
	}
	if (s->cut)
		db_quality(d, &(struct quality){ "tape-cut", "tape", -1, NULL, -1, -1, -1 },
			   "the tape has no end: the recorder was killed, the disk was full, or the copy is not whole. "
			   "Everything up to its last whole frame is used%s",
			   tape_find(t, "kallsyms") < 0 ? "; kernel functions cannot be named, because it ended "
							  "before their table was written" : "");
	if (s->frames_bad || s->frames_gap)
		db_quality(d, &(struct quality){ "tape-damaged", "tape", -1, NULL, -1, -1,
						 (int64_t)(s->frames_bad + s->frames_gap) },
			   "%" PRIu32 " frame(s) are damaged, %" PRIu64 " missing; what they held is not used",
			   s->frames_bad, s->frames_gap);
	else if (s->bytes_bad && !s->cut)
		db_quality(d, &(struct quality){ "tape-damaged", "tape", -1, NULL, -1, -1, (int64_t)s->bytes_bad },
			   "%" PRIu64 " bytes belong to no frame and are not used", s->bytes_bad);
	if (s->members_bad)
		db_quality(d, &(struct quality){ "tape-damaged", "tape", -1, NULL, -1, -1, (int64_t)s->members_bad },
			   "members break the rules of the format and are not used");
	unknown_members(t, d);
	if (s->newer)
		db_quality(d, &(struct quality){ "format", "tape.json", -1, NULL, -1, -1, -1 },
			   "the tape's format version %" PRIu64 " is newer than this program; what it knows is used",
			   s->newer);
}
