/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * The connection is read only by open mode (or by query_only, for a tape that
 * was just loaded), and an authorizer refuses everything that is not reading:
 * so the SQL may come from a ticket without a risk to files.
 *
 * A table on a terminal needs the widest cell of each column before its first
 * line, so rows are kept up to a limit; from there on the widths of the rows
 * kept so far are used and the rest streams through.
 */
#include "report.h"
#include "rep.h"
#include "text.h"
#include "../schema/json.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAX_COLUMNS   200
#define MAX_KEPT_ROWS 5000 /* rows that the widths of a table are taken from */
#define MAX_CELL      120  /* characters of one cell that widen a column */

static const char usage[] =
	"usage: skbtape query DB SQL [--json|--csv]\n"
	"       skbtape query --examples\n"
	"\n"
	"Runs SQL on a database of skbtape analyze (or on a tape) and prints the rows. Read only.\n"
	"\n"
	"  --json      one array with an object per row\n"
	"  --csv       RFC 4180 with Unix line ends, header line first\n"
	"  --examples  useful queries, each with what it tells\n"
	"  -h, --help  this text\n"
	"\n"
	"Examples:\n"
	"  skbtape query x.db 'SELECT * FROM v_finding'\n"
	"  skbtape query --csv x.db \"SELECT * FROM v_drop WHERE class = 'loss'\" >drops.csv\n"
	"\n"
	"Tables and their columns: skbtape query DB \"SELECT sql FROM sqlite_schema\"\n"
	"Several statements may be given; each prints its rows. Views for people: skbtape-db(7).\n";

/* Queries on views and tables that stay as they are (skbtape-db(7)). */
static const struct {
	const char *what, *sql;
} EXAMPLES[] = {
	{ "What is wrong, worst first", "SELECT severity, cause, title, confidence, command FROM v_finding ORDER BY finding_id" },
	{ "What was not seen or is not certain", "SELECT kind, source, count, note FROM quality ORDER BY id" },
	{ "Drops by place and reason",
	  "SELECT class, reason, function, netns, dev, count(*) AS drops FROM v_drop GROUP BY 1, 2, 3, 4, 5 ORDER BY drops DESC LIMIT 20" },
	{ "Whose packets were lost",
	  "SELECT flow, reason, function, count(*) AS drops FROM v_drop WHERE class IN ('loss', 'policy', 'error') "
	  "GROUP BY 1, 2, 3 ORDER BY drops DESC LIMIT 20" },
	{ "Drops over time, in steps of 100 ms",
	  "SELECT at_us / 100000 * 0.1 AS at_s, class, count(*) AS drops FROM v_drop GROUP BY 1, 2 ORDER BY 1, 2" },
	{ "The busiest flows", "SELECT flow, netns, frames, bytes, lasted_us FROM v_flow ORDER BY frames DESC, flow_id LIMIT 20" },
	{ "The slowest packets that arrived",
	  "SELECT packet_id, took_us, kind, flow, cpu_hops FROM v_packet WHERE outcome IN ('delivered', 'transmitted', 'forwarded') "
	  "ORDER BY took_us DESC, packet_id LIMIT 20" },
	{ "Each stage of the slowest of them",
	  "SELECT seq, stage, dev, cpu, context, comm, at_us, after_us FROM v_stage WHERE packet_id = (SELECT packet_id FROM v_packet "
	  "WHERE outcome IN ('delivered', 'transmitted', 'forwarded') ORDER BY took_us DESC, packet_id LIMIT 1) ORDER BY seq" },
	{ "Where time goes, between stages", "SELECT * FROM v_latency WHERE way IS NULL ORDER BY p99_ns DESC LIMIT 20" },
	{ "Where time goes, on whole ways", "SELECT * FROM v_latency WHERE way IS NOT NULL ORDER BY way, p99_ns DESC" },
	{ "Packets that changed the CPU, and what makes them", "SELECT * FROM cpu_hop ORDER BY count DESC LIMIT 20" },
	{ "What became of packets, by kind", "SELECT kind, outcome, confidence, count(*) AS packets FROM v_packet GROUP BY 1, 2, 3 ORDER BY 4 DESC" },
	{ "Softirqs that came late, and what ran instead", "SELECT * FROM softirq_delay ORDER BY latency_ns DESC LIMIT 20" },
	{ "Tasks that waited long for a CPU",
	  "SELECT w.wait_ns, t.comm, w.pid, w.cpu, w.state, o.comm AS other FROM wakeup_delay w LEFT JOIN task t ON t.pid = w.pid "
	  "LEFT JOIN task o ON o.pid = w.other_pid ORDER BY w.wait_ns DESC LIMIT 20" },
	{ "Counters that moved, and how much of it events explain",
	  "SELECT netns, source, name, dev, delta, explained, unexplained, explanation FROM ledger ORDER BY unexplained DESC LIMIT 20" },
	{ "Frames without a packet, by reason", "SELECT * FROM tie_gap ORDER BY count DESC" },
	{ "Sockets with the fullest receive queues",
	  "SELECT netns, proto, src, sport, dst, dport, state, max(rqueue) AS rqueue, rcvbuf_bytes, drops FROM socket "
	  "GROUP BY netns, proto, cookie ORDER BY rqueue DESC LIMIT 20" },
};

static void put_examples(FILE *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(EXAMPLES); i++)
		fprintf(f, "%s/* %s */\n%s;\n", i ? "\n" : "", EXAMPLES[i].what, EXAMPLES[i].sql);
}

enum style {
	STYLE_TABLE,
	STYLE_JSON,
	STYLE_CSV,
};

/* What may be done at all; see sqlite.org/c3ref/c_alter_table.html for the codes. */
static int authorize(void *ctx, int action, const char *a, const char *b, const char *db,
		     const char *view)
{
	static const char *const pragmas[] = { "table_info",   "table_xinfo",	 "table_list",
					       "index_list",   "index_info",	 "index_xinfo",
					       "user_version", "application_id", "compile_options",
					       "page_count",   "page_size",	 "database_list" };

	(void)ctx;
	(void)db;
	(void)view;
	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_READ:
	case SQLITE_RECURSIVE:
		return SQLITE_OK;
	case SQLITE_FUNCTION:
		return b && !sqlite3_stricmp(b, "load_extension") ? SQLITE_DENY : SQLITE_OK;
	case SQLITE_PRAGMA:
		for (size_t i = 0; a && i < ARRAY_SIZE(pragmas); i++)
			if (!sqlite3_stricmp(a, pragmas[i]))
				return SQLITE_OK;
		return SQLITE_DENY;
	default:
		return SQLITE_DENY;
	}
}

static const char *cell_text(sqlite3_stmt *st, int i)
{
	return sqlite3_column_type(st, i) == SQLITE_NULL ? "NULL" : col_text(st, i);
}

static void put_csv_cell(FILE *f, const char *s)
{
	if (!strpbrk(s, ",\"\r\n")) {
		fputs(s, f);
		return;
	}
	putc('"', f);
	for (; *s; s++) {
		if (*s == '"')
			putc('"', f);
		putc(*s, f);
	}
	putc('"', f);
}

static int print_csv(sqlite3_stmt *st, int columns, FILE *f)
{
	int rc;

	for (int i = 0; i < columns; i++) {
		fputs(i ? "," : "", f);
		put_csv_cell(f, sqlite3_column_name(st, i));
	}
	putc('\n', f);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		for (int i = 0; i < columns; i++) {
			fputs(i ? "," : "", f);
			put_csv_cell(f, col_text(st, i)); /* NULL is an empty field */
		}
		putc('\n', f);
	}
	return rc;
}

static void put_json_cell(struct json *j, sqlite3_stmt *st, int i)
{
	const char *key = sqlite3_column_name(st, i);

	switch (sqlite3_column_type(st, i)) {
	case SQLITE_NULL:
		json_null(j, key);
		break;
	case SQLITE_INTEGER:
		json_int(j, key, sqlite3_column_int64(st, i));
		break;
	case SQLITE_FLOAT:
		json_real(j, key, sqlite3_column_double(st, i));
		break;
	default:
		json_text(j, key, col_text(st, i));
	}
}

static int print_json(sqlite3_stmt *st, int columns, FILE *f)
{
	struct json j;
	int rc;

	json_begin(&j, f, true);
	json_open_array(&j, NULL);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		json_open_object(&j, NULL);
		for (int i = 0; i < columns; i++)
			put_json_cell(&j, st, i);
		json_close_object(&j);
	}
	json_close_array(&j);
	json_end(&j);
	return rc;
}

/* Rows kept until the widths are known: cells one behind the other, each ended by a NUL. */
struct table {
	struct buf cells;
	int columns;
	size_t width[MAX_COLUMNS];
	bool number[MAX_COLUMNS]; /* only numbers so far: to the right */
};

static void put_padded(FILE *f, const struct table *t, int i, const char *s, bool last)
{
	size_t n = text_width(s), pad = n < t->width[i] ? t->width[i] - n : 0;

	if (t->number[i])
		for (; pad; pad--)
			putc(' ', f);
	text_term(f, s);
	for (; pad && !last; pad--)
		putc(' ', f);
	fputs(last ? "\n" : "  ", f);
}

static void widen(struct table *t, int i, const char *s)
{
	size_t n = text_width(s);

	n = n > MAX_CELL ? MAX_CELL : n;
	if (n > t->width[i])
		t->width[i] = n;
}

static void put_kept(struct table *t, sqlite3_stmt *st, FILE *f)
{
	const char *p = (const char *)t->cells.data;
	const char *end = p + t->cells.len;

	for (int i = 0; i < t->columns; i++)
		put_padded(f, t, i, sqlite3_column_name(st, i), i + 1 == t->columns);
	for (int i = 0; i < t->columns; i++) {
		for (size_t k = 0; k < t->width[i]; k++)
			putc('-', f);
		fputs(i + 1 == t->columns ? "\n" : "  ", f);
	}
	while (p < end)
		for (int i = 0; i < t->columns; i++) {
			put_padded(f, t, i, p, i + 1 == t->columns);
			p += strlen(p) + 1;
		}
}

static int print_table(sqlite3_stmt *st, int columns, FILE *f)
{
	struct table t = { .columns = columns };
	size_t rows = 0;
	int rc;

	for (int i = 0; i < columns; i++) {
		widen(&t, i, sqlite3_column_name(st, i));
		t.number[i] = true;
	}
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (rows++ == MAX_KEPT_ROWS) {
			put_kept(&t, st, f);
			buf_reset(&t.cells);
		}
		for (int i = 0; i < columns; i++) {
			const char *s = cell_text(st, i);
			int type = sqlite3_column_type(st, i);

			if (rows > MAX_KEPT_ROWS) {
				put_padded(f, &t, i, s, i + 1 == columns);
				continue;
			}
			widen(&t, i, s);
			t.number[i] &= type == SQLITE_INTEGER || type == SQLITE_FLOAT ||
				       type == SQLITE_NULL;
			if (buf_put(&t.cells, s, strlen(s) + 1)) {
				buf_free(&t.cells);
				return SQLITE_NOMEM;
			}
		}
	}
	if (!rows)
		memset(t.number, 0, sizeof(t.number));
	if (rows <= MAX_KEPT_ROWS)
		put_kept(&t, st, f);
	buf_free(&t.cells);
	return rc;
}

static int run_all(struct rep *r, const char *sql, enum style style, FILE *f, struct err *e)
{
	sqlite3 *h = db_handle(r->db);
	bool any = false;

	sqlite3_db_config(h, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
	sqlite3_set_authorizer(h, authorize, NULL);
	while (*sql) {
		sqlite3_stmt *st = NULL;
		int columns, rc;

		rc = sqlite3_prepare_v2(h, sql, -1, &st, &sql);
		if (rc == SQLITE_AUTH)
			return err_set(e, -EINVAL, "%s: only statements that read are run here",
				       sqlite3_errmsg(h));
		if (rc != SQLITE_OK)
			return err_set(e, -EINVAL, "%s", sqlite3_errmsg(h));
		if (!st) /* blanks or a comment */
			continue;
		columns = sqlite3_column_count(st);
		if (columns > MAX_COLUMNS) {
			sqlite3_finalize(st);
			return err_set(e, -EINVAL, "%d columns, at most %d can be printed", columns,
				       MAX_COLUMNS);
		}
		if (any && style == STYLE_TABLE)
			putc('\n', f);
		any = true;
		rc = style == STYLE_JSON  ? print_json(st, columns, f)
		     : style == STYLE_CSV ? print_csv(st, columns, f)
					  : print_table(st, columns, f);
		if (rc != SQLITE_DONE) {
			err_set(e, -EINVAL, "%s",
				rc == SQLITE_NOMEM ? "out of memory" : sqlite3_errmsg(h));
			sqlite3_finalize(st);
			return -EINVAL;
		}
		sqlite3_finalize(st);
	}
	return any ? 0 : err_set(e, -EINVAL, "no statement in the SQL text");
}

int query_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "csv", no_argument, NULL, 'c' },
		{ "examples", no_argument, NULL, 'e' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	enum style style = STYLE_TABLE;
	struct err e = { "" };
	struct rep r;
	int c, rc;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			style = STYLE_JSON;
			break;
		case 'c':
			style = STYLE_CSV;
			break;
		case 'e':
			put_examples(stdout);
			return 0;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fprintf(stderr,
				"skbtape query: unknown option %s; see skbtape query --help\n",
				argv[optind - 1]);
			return 2;
		}
	}
	if (argc - optind != 2) {
		fprintf(stderr,
			"skbtape query: expected DB and SQL (in quotes), got %d arguments; see "
			"skbtape query --help\n",
			argc - optind);
		return 2;
	}
	rc = rep_open(&r, &(struct inputs){ argv + optind, 1 }, &e);
	if (!rc) {
		rc = run_all(&r, argv[optind + 1], style, stdout, &e);
		if (!rc && (fflush(stdout) || ferror(stdout)))
			rc = err_sys(&e, "writing standard output");
		if (!rc && r.from_tape && r.incomplete)
			fprintf(stderr, "skbtape query: %s: incomplete: %s\n", argv[optind], r.why);
		rep_close(&r);
	}
	if (rc)
		fprintf(stderr, "skbtape query: %s\n", e.text);
	return rc ? 1 : r.from_tape && r.incomplete ? 3 : 0;
}
