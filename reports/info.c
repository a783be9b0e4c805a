/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * info describes a tape without analyzing it: the index of its members, its two
 * JSON members and the list of namespaces. JSON is read by SQLite's json_tree()
 * in a private in-memory database, which bounds depth and size by itself.
 */
#include "report.h"
#include "rep.h"
#include "text.h"
#include "../analyze/tape_read.h"
#include "../schema/json.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAX_KINDS 32
#define MAX_NETNS 64

static const char usage[] = "usage: skbtape info TAPE [--json]\n"
			    "\n"
			    "Says what is on a tape (or a trace.dat) and how complete it is, without analyzing it.\n"
			    "\n"
			    "  --json      one JSON document\n"
			    "  -h, --help  this text\n"
			    "\n"
			    "Exit status: 0 whole, 1 failed, 2 wrong usage, 3 cut or damaged.\n";

/* Members of one kind: the first part of their names. */
struct kind {
	char name[24];
	uint64_t members, bytes;
};

struct info {
	struct tape *tape;
	sqlite3 *json; /* table fact(doc, path, type, value) */
	struct kind kind[MAX_KINDS];
	size_t kinds;
	uint64_t snapshots, quality_lines;
	struct buf netns; /* the last netns/SEQ member */
	uint64_t namespaces;
};

static int json_open(sqlite3 **h, struct err *e)
{
	if (sqlite3_open(":memory:", h) == SQLITE_OK &&
	    sqlite3_exec(*h, "CREATE TABLE fact(doc TEXT, path TEXT, type TEXT, value TEXT)", NULL,
			 NULL, NULL) == SQLITE_OK)
		return 0;
	return err_set(e, -ENOMEM, "out of memory");
}

/* Put the values of a JSON member into the table fact. A member that is no JSON gives none. */
static int json_add(struct info *in, const char *name, struct err *e)
{
	static const char sql[] = "INSERT INTO fact SELECT ?1, substr(replace(fullkey, '\"', ''), "
				  "3), type, atom FROM json_tree(?2) "
				  "WHERE type NOT IN ('object', 'array')";
	struct buf b = { 0 };
	sqlite3_stmt *st = NULL;
	long i = tape_find(in->tape, name);
	int rc;

	if (i < 0)
		return 0;
	rc = tape_load(in->tape, (size_t)i, &b, e);
	if (rc)
		goto cleanup;
	if (sqlite3_prepare_v2(in->json, sql, -1, &st, NULL) != SQLITE_OK) {
		rc = err_set(e, -EIO, "reading %s: %s", name, sqlite3_errmsg(in->json));
		goto cleanup;
	}
	sqlite3_bind_text(st, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_text64(st, 2, (const char *)b.data, b.len, SQLITE_STATIC, SQLITE_UTF8);
	sqlite3_step(st);
cleanup:
	sqlite3_finalize(st);
	buf_free(&b);
	return rc;
}

static bool json_get(const struct info *in, const char *doc, const char *path, char *out,
		     size_t size)
{
	sqlite3_stmt *st = NULL;
	bool found = false;

	out[0] = '\0';
	if (sqlite3_prepare_v2(
		    in->json,
		    "SELECT value FROM fact WHERE doc = ? AND path = ? AND value IS NOT NULL", -1,
		    &st, NULL) != SQLITE_OK)
		return false;
	sqlite3_bind_text(st, 1, doc, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, path, -1, SQLITE_STATIC);
	if (sqlite3_step(st) == SQLITE_ROW) {
		snprintf(out, size, "%s", col_text(st, 0));
		found = true;
	}
	sqlite3_finalize(st);
	return found;
}

static bool json_get_int(const struct info *in, const char *doc, const char *path, int64_t *v)
{
	char text[32];

	return json_get(in, doc, path, text, sizeof(text)) &&
	       !span_i64((struct span){ text, strlen(text) }, v);
}

static void count_member(struct info *in, const struct tape_member *m)
{
	size_t n = strcspn(m->name, "/"), i;

	if (n >= sizeof(in->kind[0].name))
		n = sizeof(in->kind[0].name) - 1;
	for (i = 0; i < in->kinds; i++)
		if (strlen(in->kind[i].name) == n && !memcmp(in->kind[i].name, m->name, n))
			break;
	if (i == MAX_KINDS) /* the last one takes what no tape of ours has */
		i--;
	if (i == in->kinds) {
		memcpy(in->kind[i].name, m->name, n);
		in->kinds++;
	}
	in->kind[i].members++;
	in->kind[i].bytes = sat_add_u64(in->kind[i].bytes, m->size);
}

static int count_lines(struct tape *t, size_t i, uint64_t *lines, struct err *e)
{
	struct buf b = { 0 };
	int rc = tape_load(t, i, &b, e);

	for (size_t k = 0; !rc && k < b.len; k++)
		*lines += b.data[k] == '\n';
	buf_free(&b);
	return rc;
}

static int gather(struct info *in, struct err *e)
{
	long netns = -1;
	int rc = json_open(&in->json, e);

	if (!rc)
		rc = json_add(in, "tape.json", e);
	if (!rc)
		rc = json_add(in, "end.json", e);
	for (size_t i = 0; !rc && i < tape_member_count(in->tape); i++) {
		const struct tape_member *m = tape_member(in->tape, i);
		const char *slash = strchr(m->name, '/');

		count_member(in, m);
		if (!strncmp(m->name, "netns/", 6))
			netns = (long)i;
		else if (!strncmp(m->name, "quality/", 8))
			rc = count_lines(in->tape, i, &in->quality_lines, e);
		else if (!strncmp(m->name, "snap/", 5) && (slash = strchr(slash + 1, '/')) &&
			 !strcmp(slash, "/time"))
			in->snapshots++;
	}
	if (!rc && netns >= 0) {
		rc = tape_load(in->tape, (size_t)netns, &in->netns, e);
		for (size_t k = 0; !rc && k < in->netns.len; k++)
			in->namespaces += in->netns.data[k] == '\n';
	}
	return rc;
}

static bool is_whole(const struct tape_state *s)
{
	return !s->cut && !s->frames_bad && !s->frames_gap && !s->bytes_bad && !s->members_bad;
}

/* Where the recording ended: by end.json, else 0. */
static int64_t duration_ns(const struct info *in)
{
	int64_t from, to;

	if (!json_get_int(in, "tape.json", "start_mono_ns", &from) ||
	    !json_get_int(in, "end.json", "end_mono_ns", &to) ||
	    __builtin_sub_overflow(to, from, &to) || to < 0)
		return 0;
	return to;
}

static void line(FILE *f, const char *label, const char *value)
{
	if (!*value)
		return;
	fprintf(f, "%-14s", label);
	text_term(f, value);
	putc('\n', f);
}

static void fact_line(const struct info *in, FILE *f, const char *label, const char *doc,
		      const char *path)
{
	char text[1024];

	if (json_get(in, doc, path, text, sizeof(text)))
		line(f, label, text);
}

static void count_line(const struct info *in, FILE *f, const char *label, const char *doc,
		       const char *kept, const char *const *lost, size_t losses)
{
	int64_t n, v, sum = 0;

	if (!json_get_int(in, doc, kept, &n))
		return;
	for (size_t i = 0; i < losses; i++)
		if (json_get_int(in, doc, lost[i], &v) && v > 0)
			sum = (int64_t)sat_add_u64((uint64_t)sum, (uint64_t)v);
	fprintf(f, "%-14s%s", label, text_count(n).s);
	fprintf(f, ", %s lost\n", text_count(sum).s);
}

/* The words of the recorder's command line. */
static void command_line(const struct info *in, FILE *f)
{
	char text[256], path[48];

	for (int i = 0; i < 64; i++) {
		snprintf(path, sizeof(path), "options.argv[%d]", i);
		if (!json_get(in, "tape.json", path, text, sizeof(text))) {
			fputs(i ? "\n" : "", f);
			return;
		}
		fputs(i ? " " : "command       ", f);
		text_term(f, text);
	}
	fputs(" ...\n", f);
}

static void snaplen_line(const struct info *in, FILE *f)
{
	int64_t n;

	if (!json_get_int(in, "tape.json", "options.snaplen", &n))
		return;
	if (n > 0)
		fprintf(f, "frames hold   at most %s\n", text_bytes(n).s);
	else
		fprintf(f, "frames hold   %s\n", n ? "headers only" : "everything");
}

static void print_state(const struct tape_state *s, FILE *f)
{
	if (s->foreign) {
		fprintf(f, "kind          %s\n", s->foreign);
		fprintf(f, "complete      %s\n", s->cut ? "no: the file ends before what it announces" :
					       s->members_bad ? "no: parts of it are damaged or not understood" : "yes");
		return;
	}
	if (is_whole(s))
		fputs("complete      yes: end marker found, every checksum right\n", f);
	if (s->cut)
		fputs("complete      no: the tape is cut (no end marker): the last moments are "
		      "missing\n",
		      f);
	if (s->frames_bad)
		fprintf(f, "damaged       %s frames have wrong checksums and were left out\n",
			text_count(s->frames_bad).s);
	if (s->frames_gap)
		fprintf(f, "damaged       %s frames are missing in the sequence\n",
			text_count((int64_t)(s->frames_gap & INT64_MAX)).s);
	if (s->bytes_bad)
		fprintf(f, "unusable      %s of the file belong to no usable frame\n",
			text_bytes((int64_t)(s->bytes_bad & INT64_MAX)).s);
	if (s->members_bad)
		fprintf(f, "damaged       %s members break a rule of the format\n",
			text_count((int64_t)(s->members_bad & INT64_MAX)).s);
	if (s->newer)
		fprintf(f,
			"newer         written in format version %" PRIu64
			": some of it may not be understood here\n",
			s->newer);
}

static void print_netns(const struct info *in, FILE *f)
{
	struct span text = { (const char *)in->netns.data, in->netns.len }, row;
	int shown = 0;

	fprintf(f, "namespaces    %s\n", text_count((int64_t)in->namespaces).s);
	while (span_line(&text, &row) && shown++ < MAX_NETNS) {
		struct span inode = { "", 0 }, names = { "", 0 }, pid = { "", 0 },
			    flags = { "", 0 };
		char a[24], b[256];

		span_field(&row, '\t', &inode);
		span_field(&row, '\t', &names);
		span_field(&row, '\t', &pid);
		span_field(&row, '\t', &flags);
		span_copy(inode, a, sizeof(a));
		span_copy(names.n ? names : flags, b, sizeof(b));
		fputs("              net:[", f);
		text_term(f, a);
		fputs("] ", f);
		text_term(f, b);
		putc('\n', f);
	}
	if (in->namespaces > MAX_NETNS)
		fprintf(f, "              and %s more\n",
			text_count((int64_t)in->namespaces - MAX_NETNS).s);
}

static void print_text(const struct info *in, const char *path, FILE *f)
{
	static const char *const event_loss[] = { "events.overrun", "events.commit_overrun",
						  "events.dropped" };
	static const char *const frame_loss[] = { "frames.lost" };
	const struct tape_state *s = tape_state(in->tape);
	int64_t ns;

	line(f, "tape", path);
	print_state(s, f);
	fact_line(in, f, "host", "tape.json", "host");
	fact_line(in, f, "kernel", "tape.json", "kernel");
	fact_line(in, f, "architecture", "tape.json", "arch");
	fact_line(in, f, "CPUs online", "tape.json", "cpus_online");
	if (json_get_int(in, "tape.json", "start_real_ns", &ns))
		line(f, "start", text_utc(ns).s);
	if (json_get_int(in, "end.json", "end_real_ns", &ns))
		line(f, "end", text_utc(ns).s);
	if (duration_ns(in))
		line(f, "duration", text_duration(duration_ns(in)).s);
	fact_line(in, f, "ended by", "end.json", "reason_text");
	fact_line(in, f, "tool version", "tape.json", "tool_version");
	command_line(in, f);
	fact_line(in, f, "profile", "tape.json", "options.profile");
	fact_line(in, f, "netns option", "tape.json", "options.netns");
	fact_line(in, f, "pcap filter", "tape.json", "options.filter");
	snaplen_line(in, f);
	fact_line(in, f, "trace clock", "tape.json", "trace_clock");
	fact_line(in, f, "redaction", "tape.json", "redaction");
	count_line(in, f, "events", "end.json", "events.read", event_loss, ARRAY_SIZE(event_loss));
	count_line(in, f, "frames", "end.json", "frames.written", frame_loss,
		   ARRAY_SIZE(frame_loss));
	fprintf(f, "snapshots     %s\n", text_count((int64_t)in->snapshots).s);
	print_netns(in, f);
	if (in->quality_lines)
		fprintf(f,
			"notes         %s of what the recorder could not see (skbtape report shows "
			"them)\n",
			text_count((int64_t)in->quality_lines).s);
	fprintf(f, "size          %s", text_bytes((int64_t)s->bytes).s);
	if (s->foreign)
		putc('\n', f);
	else
		fprintf(f, " (%s unpacked, %s frames of the tape)\n", text_bytes((int64_t)s->bytes_raw).s,
		text_count(s->frames).s);
	fputs("\nMEMBERS       COUNT      BYTES\n", f);
	for (size_t i = 0; i < in->kinds; i++) {
		fprintf(f, "%-12.12s ",
			in->kind[i].name); /* tape_read.h takes only [A-Za-z0-9._+@/-] */
		fprintf(f, "%6s %10s\n", text_count((int64_t)in->kind[i].members).s,
			text_bytes((int64_t)in->kind[i].bytes).s);
	}
}

static void json_fact(const struct info *in, struct json *j, const char *key, const char *doc,
		      const char *path, bool number)
{
	char text[1024];
	int64_t v;

	if (number && json_get_int(in, doc, path, &v))
		json_int(j, key, v);
	else if (!number && json_get(in, doc, path, text, sizeof(text)))
		json_text(j, key, text);
	else
		json_null(j, key);
}

static void print_json_netns(const struct info *in, struct json *j)
{
	struct span text = { (const char *)in->netns.data, in->netns.len }, row;

	json_open_array(j, "namespaces");
	while (span_line(&text, &row)) {
		struct span field = { "", 0 };
		uint64_t inode = 0;

		span_field(&row, '\t', &field);
		json_open_object(j, NULL);
		if (span_u64(field, &inode))
			json_null(j, "inode");
		else
			json_uint(j, "inode", inode);
		field = (struct span){ "", 0 };
		span_field(&row, '\t', &field);
		json_span(j, "names", field);
		json_close_object(j);
	}
	json_close_array(j);
}

static void print_json(const struct info *in, FILE *f)
{
	static const struct {
		const char *key, *doc, *path;
		bool number;
	} facts[] = {
		{ "host", "tape.json", "host", false },
		{ "kernel", "tape.json", "kernel", false },
		{ "kernel_version", "tape.json", "kernel_version", false },
		{ "arch", "tape.json", "arch", false },
		{ "boot_id", "tape.json", "boot_id", false },
		{ "format_version", "tape.json", "format_version", true },
		{ "tool_version", "tape.json", "tool_version", false },
		{ "start_ns", "tape.json", "start_real_ns", true },
		{ "end_ns", "end.json", "end_real_ns", true },
		{ "end_reason", "end.json", "reason", false },
		{ "end_text", "end.json", "reason_text", false },
		{ "profile", "tape.json", "options.profile", false },
		{ "netns", "tape.json", "options.netns", false },
		{ "filter", "tape.json", "options.filter", false },
		{ "snaplen", "tape.json", "options.snaplen", true },
		{ "trace_clock", "tape.json", "trace_clock", false },
		{ "redaction", "tape.json", "redaction", false },
		{ "events_recorded", "end.json", "events.read", true },
		{ "events_overrun", "end.json", "events.overrun", true },
		{ "events_dropped", "end.json", "events.dropped", true },
		{ "frames", "end.json", "frames.written", true },
		{ "frames_lost", "end.json", "frames.lost", true },
	};
	const struct tape_state *s = tape_state(in->tape);
	struct json j;

	json_begin(&j, f, true);
	json_open_object(&j, NULL);
	json_int(&j, "schema_version", 1);
	for (size_t i = 0; i < ARRAY_SIZE(facts); i++)
		json_fact(in, &j, facts[i].key, facts[i].doc, facts[i].path, facts[i].number);
	if (duration_ns(in))
		json_int(&j, "duration_ns", duration_ns(in));
	else
		json_null(&j, "duration_ns");
	json_uint(&j, "snapshots", in->snapshots);
	json_uint(&j, "quality_notes", in->quality_lines);
	print_json_netns(in, &j);
	json_open_object(&j, "state");
	json_bool(&j, "complete", is_whole(s));
	json_bool(&j, "cut", s->cut);
	json_uint(&j, "frames", s->frames);
	json_uint(&j, "frames_bad", s->frames_bad);
	json_uint(&j, "frames_gap", s->frames_gap);
	json_uint(&j, "bytes", s->bytes);
	json_uint(&j, "bytes_bad", s->bytes_bad);
	json_uint(&j, "bytes_raw", s->bytes_raw);
	json_uint(&j, "members_bad", s->members_bad);
	json_close_object(&j);
	json_open_array(&j, "members");
	for (size_t i = 0; i < in->kinds; i++) {
		json_open_object(&j, NULL);
		json_text(&j, "kind", in->kind[i].name);
		json_uint(&j, "count", in->kind[i].members);
		json_uint(&j, "bytes", in->kind[i].bytes);
		json_close_object(&j);
	}
	json_close_array(&j);
	json_close_object(&j);
	json_end(&j);
}

int info_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct info in = { 0 };
	struct err e = { "" };
	bool json = false, whole = true;
	int c, rc;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return 0;
		}
		if (c != 'j') {
			fprintf(stderr,
				"skbtape info: unknown option %s; see skbtape info --help\n",
				argv[optind - 1]);
			return 2;
		}
		json = true;
	}
	if (argc - optind != 1) {
		fprintf(stderr,
			"skbtape info: expected one TAPE, got %d arguments; see skbtape info "
			"--help\n",
			argc - optind);
		return 2;
	}
	rc = tape_open(&in.tape, argv[optind], &e);
	if (!rc)
		rc = gather(&in, &e);
	if (!rc) {
		if (json)
			print_json(&in, stdout);
		else
			print_text(&in, argv[optind], stdout);
		if (fflush(stdout) || ferror(stdout))
			rc = err_sys(&e, "writing standard output");
		whole = is_whole(tape_state(in.tape));
	}
	if (rc)
		fprintf(stderr, "skbtape info: %s\n", e.text);
	sqlite3_close(in.json);
	buf_free(&in.netns);
	if (in.tape)
		tape_close(in.tape);
	return rc ? 1 : whole ? 0 : 3;
}
