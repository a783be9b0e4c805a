/* SPDX-License-Identifier: MIT */
#include "found.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct writer {
	struct db *d;
	sqlite3_stmt *put_text, *put_value;
};

static int by_rank(const void *a, const void *b, void *found)
{
	const struct found *x = (const struct found *)found + *(const size_t *)a;
	const struct found *y = (const struct found *)found + *(const size_t *)b;

	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static void bind_row(sqlite3_stmt *st, int i, const struct rule_row *row, const char *name)
{
	sqlite3_value *v = rule_row_get(row, name);

	if (v)
		sqlite3_bind_value(st, i, v);
	else
		sqlite3_bind_null(st, i);
}

/* Columns that are integers in the table: a rule's text there would break the STRICT table. */
static void bind_row_int(sqlite3_stmt *st, int i, const struct rule_row *row, const char *name)
{
	sqlite3_value *v = rule_row_get(row, name);
	int type = v ? sqlite3_value_type(v) : SQLITE_NULL;

	if (type == SQLITE_INTEGER || type == SQLITE_FLOAT)
		db_bind_int(st, i, sqlite3_value_int64(v));
	else
		sqlite3_bind_null(st, i);
}

static void bind_row_text(sqlite3_stmt *st, int i, const struct rule_row *row, const char *name)
{
	sqlite3_value *v = rule_row_get(row, name);

	if (v && sqlite3_value_type(v) == SQLITE_TEXT)
		bind_row(st, i, row, name);
	else
		db_bind_text(st, i, v ? (const char *)sqlite3_value_text(v) : NULL);
}

/* What a report in another language needs: the template and the values that it names. */
static void write_template(struct writer *r, const struct found *f, int64_t id, const char *part,
			   int64_t seq, const char *template, const struct rule_row *more)
{
	struct span text = { template, strlen(template) }, name;
	sqlite3_value *v;

	db_bind_int(r->put_text, 1, id);
	db_bind_text(r->put_text, 2, part);
	db_bind_int(r->put_text, 3, seq);
	db_bind_text(r->put_text, 4, template);
	db_run(r->d, r->put_text);
	while (rule_text_name(&text, &name)) {
		if (!rule_row_find(&f->row, more, name, &v))
			continue;
		db_bind_int(r->put_value, 1, id);
		db_bind_text(r->put_value, 2, part);
		db_bind_int(r->put_value, 3, seq);
		db_bind_span(r->put_value, 4, name);
		if (v && sqlite3_value_type(v) == SQLITE_TEXT)
			db_bind_text(r->put_value, 5, (const char *)sqlite3_value_text(v));
		else if (v)
			sqlite3_bind_value(r->put_value, 5, v);
		else
			sqlite3_bind_null(r->put_value, 5);
		db_run(r->d, r->put_value);
	}
}

static void write_parts(struct writer *r, const struct found *f, int64_t id)
{
	static const char *const part_name[] = { [RULE_EVIDENCE] = "evidence",
						 [RULE_ADVICE] = "advice",
						 [RULE_RULED_OUT] = "ruled_out" };
	static const char *const sql[] = {
		[RULE_EVIDENCE] = "INSERT INTO finding_evidence(finding_id, seq, text, sql) "
				  "VALUES(?, ?, ?, ?)",
		[RULE_ADVICE] = "INSERT INTO finding_advice(finding_id, seq, text, command, undo) "
				"VALUES(?, ?, ?, ?, ?)",
		[RULE_RULED_OUT] =
			"INSERT INTO finding_ruled_out(finding_id, seq, text) VALUES(?, ?, ?)",
	};

	for (size_t kind = 0; kind < ARRAY_SIZE(sql); kind++) {
		sqlite3_stmt *st = db_prepare(r->d, sql[kind]);
		int64_t seq = 0;

		for (size_t i = 0; i < f->parts; i++) {
			const struct part *p = &f->part[i];

			if (p->kind != kind)
				continue;
			db_bind_int(st, 1, id);
			db_bind_int(st, 2, ++seq);
			db_bind_text(st, 3, p->text);
			if (kind == RULE_EVIDENCE)
				db_bind_text(st, 4, p->sql);
			if (kind == RULE_ADVICE) {
				db_bind_text(st, 4, p->command);
				db_bind_text(st, 5, p->undo);
			}
			db_run(r->d, st);
			write_template(r, f, id, part_name[kind], seq, p->template, &p->more);
		}
	}
}

/* Columns of finding behind symptom_of that come from the rule's row as they are. */
static const char *const text_column[] = { "netns",	 "dev",	     "function", "reason",
					   "flow_proto", "flow_src", "flow_dst", "process" };
static const char *const int_column[] = { "flow_id", "flow_sport", "flow_dport", "pid",
					  "cpu",     "from_ns",	   "to_ns",	 "packets",
					  "bytes",   "flows",	   "delay_ns" };

int found_write(struct db *d, const struct found *v, size_t n, struct err *e)
{
	sqlite3_stmt *st = db_prepare(
		d, "INSERT INTO finding(id, rank, rule, cause, severity, confidence, title, "
		   "summary, layer, symptom_of, "
		   "netns, dev, function, reason, flow_proto, flow_src, flow_dst, process, "
		   "flow_id, flow_sport, flow_dport, pid, cpu, from_ns, to_ns, packets, bytes, "
		   "flows, delay_ns) "
		   "VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, "
		   "?16, ?17, ?18, "
		   "?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29)");
	sqlite3_stmt *pk = db_prepare(
		d, "INSERT OR IGNORE INTO finding_packet(finding_id, packet_id) VALUES(?, ?)");
	struct writer w = { .d = d };
	size_t *order = calloc(n + 1, sizeof(*order)), *id = calloc(n + 1, sizeof(*id));
	int rc = order && id ? 0 : -ENOMEM;

	w.put_text = db_prepare(
		d, "INSERT INTO finding_text(finding_id, part, seq, template) VALUES(?, ?, ?, ?)");
	w.put_value = db_prepare(d, "INSERT OR IGNORE INTO finding_value(finding_id, part, seq, "
				    "name, value) VALUES(?, ?, ?, ?, ?)");
	for (size_t i = 0; !rc && i < n; i++)
		order[i] = i;
	if (!rc && n)
		qsort_r(order, n, sizeof(*order), by_rank, (void *)v);
	for (size_t i = 0; !rc && i < n; i++)
		id[order[i]] = i + 1;
	for (size_t i = 0; !rc && i < n; i++) {
		const struct found *f = &v[order[i]];
		const char *own;
		int at = 11;

		db_bind_int(st, 1, (int64_t)i + 1);
		sqlite3_bind_double(st, 2, f->rank);
		db_bind_text(st, 3, f->rule->name);
		db_bind_text(st, 4, f->rule->cause->word);
		db_bind_text(st, 5, f->severity);
		sqlite3_bind_double(st, 6, f->confidence);
		db_bind_text(st, 7, f->title);
		db_bind_text(st, 8, f->summary);
		own = found_text(&f->row, "layer");
		db_bind_text(st, 9, own ? own : f->rule->cause->layer);
		db_bind_opt(st, 10, f->symptom_of == SIZE_MAX ? 0 : (int64_t)id[f->symptom_of], 0);
		for (size_t k = 0; k < ARRAY_SIZE(text_column); k++)
			bind_row_text(st, at++, &f->row, text_column[k]);
		for (size_t k = 0; k < ARRAY_SIZE(int_column); k++)
			bind_row_int(st, at++, &f->row, int_column[k]);
		db_run(d, st);
		write_template(&w, f, (int64_t)i + 1, "title", 0, f->title_template, NULL);
		write_template(&w, f, (int64_t)i + 1, "summary", 0, f->summary_template, NULL);
		write_parts(&w, f, (int64_t)i + 1);
		for (size_t k = 0; k < f->packets; k++) {
			db_bind_int(pk, 1, (int64_t)i + 1);
			db_bind_int(pk, 2, f->packet[k]);
			db_run(d, pk);
		}
		rc = db_error(d, e);
	}
	free(order);
	free(id);
	return rc;
}
