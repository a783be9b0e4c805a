/* SPDX-License-Identifier: MIT */
#include "formats.h"
#include "words.h"
#include "../schema/json.h"

#include <string.h>

#define SCHEMA_VERSION 1

/* Facts of the table tape whose values are numbers; all others stay text, whatever they look like.
 */
static bool is_number_key(const char *key)
{
	static const char *const ends[] = { "_ns", "_bytes", "_us" };
	static const char *const starts[] = { "events_",	"frames",	"bytes",
					      "snapshots",	"namespaces",	"packets",
					      "end.events",	"end.frames",	"tape_bytes",
					      "tape_raw_bytes", "tape_members", "clock_pairs" };
	size_t n = strlen(key);

	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (n > strlen(ends[i]) && !strcmp(key + n - strlen(ends[i]), ends[i]))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
		if (!strncmp(key, starts[i], strlen(starts[i])))
			return true;
	return false;
}

static void put_int(struct json *j, const char *key, sqlite3_stmt *st, int i)
{
	if (col_null(st, i))
		json_null(j, key);
	else
		json_int(j, key, col_int(st, i));
}

static void put_text(struct json *j, const char *key, sqlite3_stmt *st, int i)
{
	json_text(j, key, col_opt(st, i));
}

static void put_tape(struct rep *r, struct json *j)
{
	sqlite3_stmt *st =
		rep_query(r, "SELECT key, value FROM tape WHERE key <> 'tape_path' ORDER BY key");

	json_open_object(j, "tape");
	while (rep_row(r, &st)) {
		const char *value = col_opt(st, 1);
		int64_t v;

		if (value && is_number_key(col_text(st, 0)) &&
		    !span_i64((struct span){ value, strlen(value) }, &v))
			json_int(j, col_text(st, 0), v);
		else
			json_text(j, col_text(st, 0), value);
	}
	json_close_object(j);
}

static void put_quality(struct rep *r, struct json *j)
{
	sqlite3_stmt *st = rep_query(r, "SELECT kind, source, cpu, dev, from_ns, to_ns, count, "
					"note FROM quality ORDER BY id");

	json_open_array(j, "quality");
	while (rep_row(r, &st)) {
		json_open_object(j, NULL);
		put_text(j, "kind", st, 0);
		put_text(j, "source", st, 1);
		put_int(j, "cpu", st, 2);
		put_text(j, "dev", st, 3);
		put_int(j, "from_ns", st, 4);
		put_int(j, "to_ns", st, 5);
		put_int(j, "count", st, 6);
		put_text(j, "note", st, 7);
		json_close_object(j);
	}
	json_close_array(j);
}

static sqlite3_stmt *of_finding(struct rep *r, const char *sql, int64_t id)
{
	sqlite3_stmt *st = rep_query(r, sql);

	if (st)
		sqlite3_bind_int64(st, 1, id);
	return st;
}

static void put_words(struct rep *r, struct json *j, const char *key, int64_t id, const char *part,
		      sqlite3_stmt *st, int seq, int text)
{
	struct buf words = { 0 };

	json_text(j, key,
		  words_finding(r, id, part, seq < 0 ? 0 : col_int(st, seq), col_text(st, text), &words));
	buf_free(&words);
}

static void put_proof(struct rep *r, struct json *j, int64_t id)
{
	sqlite3_stmt *st;

	json_open_array(j, "evidence");
	st = of_finding(
		r, "SELECT text, sql, seq FROM finding_evidence WHERE finding_id = ? ORDER BY seq", id);
	while (rep_row(r, &st)) {
		json_open_object(j, NULL);
		put_words(r, j, "text", id, "evidence", st, 2, 0);
		put_text(j, "sql", st, 1);
		json_close_object(j);
	}
	json_close_array(j);
	json_open_array(j, "advice");
	st = of_finding(
		r,
		"SELECT text, command, undo, seq FROM finding_advice WHERE finding_id = ? ORDER BY seq",
		id);
	while (rep_row(r, &st)) {
		json_open_object(j, NULL);
		put_words(r, j, "text", id, "advice", st, 3, 0);
		put_text(j, "command", st, 1);
		put_text(j, "undo", st, 2);
		json_close_object(j);
	}
	json_close_array(j);
	json_open_array(j, "ruled_out");
	st = of_finding(r, "SELECT text, seq FROM finding_ruled_out WHERE finding_id = ? ORDER BY seq",
			id);
	while (rep_row(r, &st))
		put_words(r, j, NULL, id, "ruled_out", st, 1, 0);
	json_close_array(j);
}

static void put_findings(struct rep *r, struct json *j)
{
	sqlite3_stmt *st = rep_query(
		r, "SELECT id, cause, severity, confidence, title, summary, layer, netns, dev, "
		   "function, reason, flow_proto, flow_src, flow_sport, flow_dst, flow_dport, "
		   "process, "
		   "cpu, packets, flows, delay_ns, bytes, pid, from_ns, to_ns, symptom_of, rule "
		   "FROM finding ORDER BY id");

	json_open_array(j, "findings");
	while (rep_row(r, &st)) {
		json_open_object(j, NULL);
		put_text(j, "cause", st, 1);
		put_text(j, "severity", st, 2);
		json_real(j, "confidence", sqlite3_column_double(st, 3));
		put_words(r, j, "title", col_int(st, 0), "title", st, -1, 4);
		put_words(r, j, "summary", col_int(st, 0), "summary", st, -1, 5);
		put_text(j, "layer", st, 6);
		json_open_object(j, "where");
		put_text(j, "netns", st, 7);
		put_text(j, "dev", st, 8);
		put_text(j, "function", st, 9);
		put_text(j, "reason", st, 10);
		if (col_null(st, 11) && col_null(st, 12) && col_null(st, 13) && col_null(st, 14) &&
		    col_null(st, 15)) {
			json_null(j, "flow");
		} else {
			json_open_object(j, "flow");
			put_text(j, "proto", st, 11);
			put_text(j, "src", st, 12);
			put_int(j, "sport", st, 13);
			put_text(j, "dst", st, 14);
			put_int(j, "dport", st, 15);
			json_close_object(j);
		}
		put_text(j, "process", st, 16);
		put_int(j, "cpu", st, 17);
		put_int(j, "pid", st, 22);
		json_close_object(j);
		json_open_object(j, "impact");
		put_int(j, "packets", st, 18);
		put_int(j, "flows", st, 19);
		put_int(j, "delay_ns", st, 20);
		put_int(j, "bytes", st, 21);
		json_close_object(j);
		put_proof(r, j, col_int(st, 0));
		put_int(j, "from_ns", st, 23);
		put_int(j, "to_ns", st, 24);
		put_int(j, "symptom_of", st, 25);
		put_text(j, "rule", st, 26);
		json_close_object(j);
	}
	json_close_array(j);
}

static void put_drops(struct rep *r, struct json *j)
{
	sqlite3_stmt *st = rep_query(
		r, "SELECT reason, function, layer, class, count(*), netns, dev FROM packet_drop "
		   "GROUP BY reason, function, layer, class, netns, dev "
		   "ORDER BY 5 DESC, 1, 2, 3, 4, 6, 7");

	json_open_array(j, "drops");
	while (rep_row(r, &st)) {
		json_open_object(j, NULL);
		put_text(j, "reason", st, 0);
		put_text(j, "function", st, 1);
		put_text(j, "layer", st, 2);
		put_text(j, "class", st, 3);
		put_int(j, "count", st, 4);
		put_text(j, "netns", st, 5);
		put_text(j, "dev", st, 6);
		json_close_object(j);
	}
	json_close_array(j);
}

void json_report_write(struct rep *r, FILE *f)
{
	struct json j;
	sqlite3_stmt *st;

	json_begin(&j, f, true);
	json_open_object(&j, NULL);
	json_int(&j, "schema_version", SCHEMA_VERSION);
	put_tape(r, &j);
	put_quality(r, &j);
	put_findings(r, &j);
	put_drops(r, &j);
	json_open_array(&j, "latency");
	st = rep_query(r, "SELECT stage_from, stage_to, p50_ns, p99_ns, max_ns, count, p90_ns FROM "
			  "latency ORDER BY 1, 2");
	while (rep_row(r, &st)) {
		json_open_object(&j, NULL);
		put_text(&j, "stage_from", st, 0);
		put_text(&j, "stage_to", st, 1);
		put_int(&j, "p50_ns", st, 2);
		put_int(&j, "p90_ns", st, 6);
		put_int(&j, "p99_ns", st, 3);
		put_int(&j, "max_ns", st, 4);
		put_int(&j, "count", st, 5);
		json_close_object(&j);
	}
	json_close_array(&j);
	json_open_array(&j, "cpu_hops");
	st = rep_query(
		r, "SELECT from_cpu, to_cpu, kind, sum(count) FROM cpu_hop GROUP BY from_cpu, to_cpu, "
		   "kind ORDER BY 4 DESC, 1, 2, 3");
	while (rep_row(r, &st)) {
		json_open_object(&j, NULL);
		put_int(&j, "from", st, 0);
		put_int(&j, "to", st, 1);
		put_text(&j, "kind", st, 2);
		put_int(&j, "count", st, 3);
		json_close_object(&j);
	}
	json_close_array(&j);
	json_close_object(&j);
	json_end(&j);
}
