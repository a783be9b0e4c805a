/* SPDX-License-Identifier: MIT */
#include "rep.h"
#include "text.h"
#include "../analyze/load.h"
#include "../analyze/tmpfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* SQLite's header string, fileformat2.html section 1.3.1; its NUL counts. */
static const char sqlite_magic[16] = "SQLite format 3";

static int is_database(const char *path, bool *yes, struct err *e)
{
	char head[sizeof(sqlite_magic)];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return err_sys(e, "%s", path);
	n = read(fd, head, sizeof(head));
	if (n < 0 && errno == EISDIR)
		n = 0;
	if (n < 0) {
		int rc = err_sys(e, "%s", path);

		close(fd);
		return rc;
	}
	close(fd);
	*yes = n == (ssize_t)sizeof(head) && !memcmp(head, sqlite_magic, sizeof(head));
	return 0;
}

/* From the database in both cases: a tape and what was made of it must give the same report. */
static void note_incomplete(struct rep *r)
{
	sqlite3_stmt *st = rep_query(
		r, "SELECT CASE WHEN kind GLOB 'tape-*' THEN note ELSE source || ': ' || note END "
		   "FROM quality "
		   "WHERE kind IN ('tape-cut', 'tape-damaged', 'permission') OR (kind = 'source-missing' "
		   "AND NOT EXISTS (SELECT 1 FROM tape WHERE key = 'import')) "
		   "ORDER BY kind NOT IN ('tape-cut', 'tape-damaged'), id LIMIT 1");

	while (rep_row(r, &st)) {
		r->incomplete = true;
		snprintf(r->why, sizeof(r->why), "%s", col_text(st, 0));
	}
}

int rep_open(struct rep *r, const struct inputs *in, struct err *e)
{
	const char *path = in->path[0];
	struct load_result load = { 0 };
	bool database = false;
	int rc;

	*r = (struct rep){ .in = *in };
	rc = is_database(path, &database, e);
	if (rc)
		return rc;
	if (database && in->n > 1)
		rc = err_set(e, -EINVAL, "%s: nothing is read beside the database %s: analyze both together", in->path[1], path);
	else if (database)
		rc = db_open(&r->db, path, e);
	else
		rc = load_tapes(in->path, in->n, NULL, NULL, &r->db, &load, e);
	if (rc)
		return rc;
	r->from_tape = !database;
	note_incomplete(r);
	if (load.incomplete && !r->incomplete) {
		r->incomplete = true;
		snprintf(r->why, sizeof(r->why), "%s", load.why);
	}
	r->start_ns = rep_fact_int(r, "start_ns", 0);
	/* of a tape that was cut before its first event: no time that is known */
	r->end_ns = rep_fact_int(r, "end_ns", r->start_ns);
	rc = rep_error(r, e);
	if (rc)
		rep_close(r);
	return rc;
}

void rep_close(struct rep *r)
{
	db_close(r->db);
	r->db = NULL;
}

int rep_error(const struct rep *r, struct err *e)
{
	return r->rc ? err_set(e, r->rc, "%s", r->err.text) : 0;
}

static void fail(struct rep *r)
{
	if (!r->rc)
		r->rc = err_set(&r->err, -EIO, "reading the database: %s",
				sqlite3_errmsg(db_handle(r->db)));
}

sqlite3_stmt *rep_query(struct rep *r, const char *sql)
{
	sqlite3_stmt *st = NULL;

	if (r->rc)
		return NULL;
	if (sqlite3_prepare_v2(db_handle(r->db), sql, -1, &st, NULL) != SQLITE_OK) {
		fail(r);
		return NULL;
	}
	return st;
}

bool rep_row(struct rep *r, sqlite3_stmt **st)
{
	int rc;

	if (!*st)
		return false;
	rc = r->rc ? SQLITE_DONE : sqlite3_step(*st);
	if (rc == SQLITE_ROW)
		return true;
	if (rc != SQLITE_DONE)
		fail(r);
	rep_done(st);
	return false;
}

void rep_done(sqlite3_stmt **st)
{
	sqlite3_finalize(*st);
	*st = NULL;
}

int64_t rep_int_of(struct rep *r, const char *sql, int64_t arg, int64_t dflt)
{
	sqlite3_stmt *st = rep_query(r, sql);
	int64_t v = dflt;

	if (st && sqlite3_bind_parameter_count(st))
		sqlite3_bind_int64(st, 1, arg);
	if (rep_row(r, &st)) {
		v = col_int_or(st, 0, dflt);
		rep_done(&st);
	}
	return v;
}

int64_t rep_int(struct rep *r, const char *sql, int64_t dflt)
{
	return rep_int_of(r, sql, 0, dflt);
}

void rep_fact(struct rep *r, const char *key, char *out, size_t size)
{
	sqlite3_stmt *st = rep_query(r, "SELECT value FROM tape WHERE key = ?");

	out[0] = '\0';
	if (st)
		sqlite3_bind_text(st, 1, key, -1, SQLITE_STATIC);
	while (rep_row(r, &st))
		snprintf(out, size, "%s", col_text(st, 0));
}

int64_t rep_fact_int(struct rep *r, const char *key, int64_t dflt)
{
	char text[32];
	int64_t v;

	rep_fact(r, key, text, sizeof(text));
	return span_i64((struct span){ text, strlen(text) }, &v) ? dflt : v;
}

const char *col_opt(sqlite3_stmt *st, int i)
{
	return (const char *)sqlite3_column_text(st, i);
}

const char *col_text(sqlite3_stmt *st, int i)
{
	const char *s = col_opt(st, i);

	return s ? s : "";
}

int64_t col_int(sqlite3_stmt *st, int i)
{
	return sqlite3_column_int64(st, i);
}

bool col_null(sqlite3_stmt *st, int i)
{
	return sqlite3_column_type(st, i) == SQLITE_NULL;
}

int64_t col_int_or(sqlite3_stmt *st, int i, int64_t dflt)
{
	return col_null(st, i) ? dflt : col_int(st, i);
}

int64_t rep_unnamed_drops(struct rep *r)
{
	int64_t n = rep_int(r, "SELECT count(*) FROM packet_drop WHERE class IN ('loss', 'policy', 'error')", 0);

	return (r->incomplete || rep_basis(r) == BASIS_EVENTS) && n >= REP_DROPS_FEW ? n : 0;
}

enum rep_basis rep_basis(struct rep *r)
{
	bool frames = rep_int(r, "SELECT EXISTS (SELECT 1 FROM _frame)", 0);
	bool grown = rep_int(r, "SELECT count(*) > 1 FROM snapshot", 0);

	/* of a trace of kfree_skb alone nothing but the drops is known */
	if (rep_int(r, "SELECT EXISTS (SELECT 1 FROM _packet) OR EXISTS (SELECT 1 FROM _drop)", 1))
		return grown ? BASIS_RECORDING : BASIS_EVENTS;
	if (grown)
		return rep_events(r) || frames ? BASIS_RECORDING : BASIS_COUNTERS;
	if (rep_int(r, "SELECT count(*) FROM tape WHERE key = 'since_boot_ns'", 0))
		return BASIS_POINT;
	return frames ? BASIS_FRAMES : BASIS_NOTHING;
}

bool rep_events(struct rep *r)
{
	return rep_int(r, "SELECT EXISTS (SELECT 1 FROM event_type)", 0);
}

bool rep_sees_drops(struct rep *r)
{
	return rep_int(r, "SELECT EXISTS (SELECT 1 FROM event_type WHERE name = 'kfree_skb')", 0);
}

double rep_lost_percent(struct rep *r)
{
	double lost = (double)rep_fact_int(r, "events_lost", 0), read = (double)rep_fact_int(r, "events_decoded", 0);
	double share = lost > 0 && read >= 0 ? 100 * lost / (lost + read) : 0;

	return share >= REP_LOST_MUCH ? share : 0;
}

/* The temporary file stands beside the final one, so that rename() is atomic. */
static int open_tmp(struct out *o, struct err *e)
{
	size_t n = strlen(o->path) + 32;
	int fd = -1;

	o->tmp = malloc(n);
	if (!o->tmp)
		return err_set(e, -ENOMEM, "out of memory");
	for (int i = 0; fd < 0 && i < 100; i++) {
		snprintf(o->tmp, n, "%s.tmp-%d-%d", o->path, (int)getpid(), i);
		fd = open(o->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	if (fd < 0) {
		int rc = err_sys(e, "cannot create %s", o->path);

		free(o->tmp);
		o->tmp = NULL;
		return rc;
	}
	tmpfiles_add(o->tmp);
	o->f = fdopen(fd, "w");
	if (!o->f) {
		close(fd);
		return err_set(e, -ENOMEM, "out of memory");
	}
	return 0;
}

int out_open(struct out *o, const char *path, const char *input, struct err *e)
{
	struct stat st, in;
	int rc;

	*o = (struct out){ 0 };
	if (!path || !strcmp(path, "-")) {
		o->f = stdout;
		return 0;
	}
	o->path = strdup(path);
	if (!o->path)
		return err_set(e, -ENOMEM, "out of memory");
	if (!stat(path, &st)) {
		if (input && !stat(input, &in) && in.st_dev == st.st_dev &&
		    in.st_ino == st.st_ino) {
			out_abort(o);
			return err_set(e, -EINVAL,
				       "%s is what is being read: give another name with -o", path);
		}
		/* never rename over a device, a pipe, or a link such as /dev/stdout */
		if (!S_ISREG(st.st_mode) || (!lstat(path, &st) && S_ISLNK(st.st_mode))) {
			o->f = fopen(path, "we");
			rc = o->f ? 0 : err_sys(e, "%s", path);
			if (rc)
				out_abort(o);
			return rc;
		}
	}
	rc = open_tmp(o, e);
	if (rc)
		out_abort(o);
	return rc;
}

int out_commit(struct out *o, struct err *e)
{
	const char *name = o->path ? o->path : "standard output";
	int rc = 0;

	if (ferror(o->f) || fflush(o->f))
		rc = err_sys(e, "writing %s", name);
	if (o->f != stdout && fclose(o->f) && !rc)
		rc = err_sys(e, "writing %s", name);
	o->f = NULL;
	if (!rc && o->tmp) {
		if (rename(o->tmp, o->path)) {
			rc = err_sys(e, "cannot rename %s to %s", o->tmp, o->path);
		} else {
			tmpfiles_done(o->tmp);
			free(o->tmp);
			o->tmp = NULL;
		}
	}
	out_abort(o);
	return rc;
}

void out_abort(struct out *o)
{
	if (o->f && o->f != stdout)
		fclose(o->f);
	if (o->tmp) {
		unlink(o->tmp);
		tmpfiles_done(o->tmp);
	}
	free(o->tmp);
	free(o->path);
	*o = (struct out){ 0 };
}
