/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * A new database is written under a temporary name beside its final one, in one
 * transaction with journal and synchronous off: either it becomes whole and is
 * renamed, or db_close() removes it, so speed costs no safety. Statements are
 * prepared once and owned by the handle. The first SQLite error is kept, so that
 * loops over rows need not look at each step; whoever ends a stage asks
 * db_error().
 */
#include "db.h"
#include "embed.h"
#include "rows_db.h"
#include "spill.h"
#include "tmpfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LENGTH_MAX (128 * 1024 * 1024) /* bytes of a text: more than a member's */
#define SQL_MAX	   1000000
#define STEP_UNIT  1000000   /* virtual machine instructions */
#define STEPS_MIN  30000LL   /* units that a command may take, */
#define STEP_BYTES 10000	  /* and one more for so many bytes of the database */

/* Interned texts, so that SQLite is asked only for new ones: open addressing over a hash. */
struct name_slot {
	uint64_t hash;
	int64_t id; /* 0: empty */
	uint32_t at, len; /* in names */
};

struct db {
	sqlite3 *h;
	char *path; /* final name, NULL: none */
	char *tmp;  /* temporary name while not committed */
	bool writing;
	int fd; /* of a new one, -1: not open */
	struct rows_set *rows;
	sqlite3_stmt **st;
	size_t st_n, st_cap;
	struct err first; /* first error */
	int failed;
	struct buf names;
	struct name_slot *slot;
	size_t slots, used;
	sqlite3_stmt *ins_name, *ins_fact, *ins_quality;
	long long steps, steps_max; /* units of STEP_UNIT; of a database that was opened */
};

static void db_fail(struct db *d, const char *what)
{
	if (!d->failed)
		d->failed = err_set(&d->first, -EIO, "database%s%s: %s: %s", d->path ? " " : "",
				    d->path ? d->path : "", what, sqlite3_errmsg(d->h));
}

int db_error(struct db *d, struct err *e)
{
	return d->failed ? err_set(e, d->failed, "%s", d->first.text) : 0;
}

int db_exec(struct db *d, const char *sql, struct err *e)
{
	char *msg = NULL;

	if (sqlite3_exec(d->h, sql, NULL, NULL, &msg) != SQLITE_OK) {
		int rc = err_set(e, -EIO, "database: %s", msg ? msg : sqlite3_errmsg(d->h));

		sqlite3_free(msg);
		return rc;
	}
	return 0;
}

/* One that another statement may still read from would keep its lock. */
static void statements_reset(struct db *d)
{
	for (size_t i = 0; i < d->st_n; i++)
		if (sqlite3_stmt_busy(d->st[i]))
			sqlite3_reset(d->st[i]);
}

int db_let_go(struct db *d)
{
	statements_reset(d);
	if (!d->failed && sqlite3_exec(d->h, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
		db_fail(d, "writing what was read");
	return d->failed;
}

int db_go_on(struct db *d)
{
	if (!d->failed && sqlite3_exec(d->h, "BEGIN", NULL, NULL, NULL) != SQLITE_OK)
		db_fail(d, "going on");
	return d->failed;
}

struct rows_set **db_rows(struct db *d)
{
	return &d->rows;
}

const char *db_file(const struct db *d)
{
	return d->tmp;
}

int db_fd(const struct db *d)
{
	return d->fd;
}

int db_failed(struct db *d, int rc)
{
	if (!d->failed)
		d->failed = err_set(&d->first, rc, "database%s%s: %s", d->path ? " " : "", d->path ? d->path : "",
				    strerror(-rc));
	return d->failed;
}

static void db_remove_tmp(struct db *d)
{
	if (d->tmp) {
		unlink(d->tmp);
		tmpfiles_done(d->tmp);
	}
	free(d->tmp);
	d->tmp = NULL;
}

static int db_schema(struct db *d, struct err *e)
{
	char pragma[128];
	int rc;

	snprintf(pragma, sizeof(pragma), "PRAGMA application_id = %d; PRAGMA user_version = %d;",
		 DB_APPLICATION_ID, DB_USER_VERSION);
	rc = db_exec(d, pragma, e);
	for (size_t i = 0; !rc && embed_at(i); i++)
		if (!strncmp(embed_at(i)->name, "schema/", 7))
			rc = db_exec(d, (const char *)embed_at(i)->data, e);
	return rc;
}

/* How far what comes from a stranger may go; all far above what we need. */
static void limit(sqlite3 *h)
{
	sqlite3_limit(h, SQLITE_LIMIT_LENGTH, LENGTH_MAX);
	sqlite3_limit(h, SQLITE_LIMIT_SQL_LENGTH, SQL_MAX);
	sqlite3_limit(h, SQLITE_LIMIT_EXPR_DEPTH, 200);
	sqlite3_limit(h, SQLITE_LIMIT_TRIGGER_DEPTH, 4);
	sqlite3_limit(h, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000);
	sqlite3_limit(h, SQLITE_LIMIT_WORKER_THREADS, 0);
}

int db_create(struct db **out, const char *path, struct err *e)
{
	struct db *d = calloc(1, sizeof(*d));
	struct stat st;
	char pragma[64];
	int rc;

	if (!d)
		return err_set(e, -ENOMEM, "out of memory");
	d->fd = -1;
	if (path) {
		size_t n = strlen(path) + 32;

		/* a rename would replace what is no file: a device, a link */
		if (!lstat(path, &st) && !S_ISREG(st.st_mode)) {
			rc = err_set(e, -EEXIST, "%s is there and no regular file: name another one for the database", path);
			goto fail;
		}
		d->path = strdup(path);
		d->tmp = malloc(n);
		if (!d->path || !d->tmp) {
			rc = err_set(e, -ENOMEM, "out of memory");
			goto fail;
		}
		snprintf(d->tmp, n, "%s.tmp-%d", path, (int)getpid());
		if (unlink(d->tmp) && errno != ENOENT) {
			rc = err_sys(e, "%s", d->tmp);
			goto fail;
		}
		tmpfiles_add(d->tmp);
		d->fd = open(d->tmp, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
		if (d->fd < 0) {
			rc = err_sys(e, "cannot create %s", path);
			goto fail;
		}
	} else {
		char name[PATH_MAX];

		d->fd = spill_make(NULL, name);
		if (d->fd < 0) {
			rc = err_set(e, d->fd, "cannot create a temporary database: %s", strerror(-d->fd));
			goto fail;
		}
		d->tmp = strdup(name);
		if (!d->tmp) {
			unlink(name);
			rc = err_set(e, -ENOMEM, "out of memory");
			goto fail;
		}
	}
	if (sqlite3_open_v2(d->tmp, &d->h,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
				    SQLITE_OPEN_NOFOLLOW,
			    NULL) != SQLITE_OK) {
		rc = err_set(e, -EIO, "cannot create %s: %s", path ? path : "a temporary database",
			     sqlite3_errmsg(d->h));
		goto fail;
	}
	if (!path)
		db_remove_tmp(d); /* it has no name, and goes with its last descriptor */
	d->writing = true;
	limit(d->h);
	snprintf(pragma, sizeof(pragma), "PRAGMA page_size = %d;", DB_PAGE_BYTES);
	rc = db_exec(d, pragma, e);
	if (!rc)
		rc = db_exec(d,
		     "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
		     "PRAGMA cache_size = -65536; PRAGMA temp_store = MEMORY;"
		     "PRAGMA foreign_keys = OFF; BEGIN;",
		     e);
	if (!rc)
		rc = db_schema(d, e);
	if (rc)
		goto fail;
	d->ins_name = db_prepare(d, "INSERT INTO _name(id, text) VALUES(?, ?)");
	d->ins_fact = db_prepare(d, "INSERT INTO tape(key, value) VALUES(?, ?) "
				    "ON CONFLICT(key) DO UPDATE SET value = excluded.value");
	d->ins_quality = db_prepare(d, "INSERT INTO quality(kind, source, cpu, dev, from_ns, to_ns, count, note) "
				       "VALUES(?, ?, ?, ?, ?, ?, ?, ?)");
	*out = d;
	return 0;
fail:
	db_close(d);
	return rc;
}

int db_commit(struct db *d, struct err *e)
{
	int rc = db_error(d, e);

	if (!rc)
		rc = db_exec(d, "COMMIT", e);
	if (rc)
		return rc;
	d->writing = false;
	if (d->tmp && rename(d->tmp, d->path))
		return err_sys(e, "cannot rename %s to %s", d->tmp, d->path);
	if (d->tmp)
		tmpfiles_done(d->tmp);
	free(d->tmp);
	d->tmp = NULL;
	return db_exec(d, "PRAGMA query_only = ON", e);
}

/* As www.sqlite.org/security.html advises for a file of a stranger, before anything of it is read. */
static int distrust(struct db *d)
{
	static const char pragmas[] = "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA query_only = ON;";

	limit(d->h);
	sqlite3_db_config(d->h, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(d->h, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(d->h, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(d->h, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
	return sqlite3_exec(d->h, pragmas, NULL, NULL, NULL);
}

/* More than all that is ever asked of a database of that size: then something in it leads us on. */
static int steps_over(void *ctx)
{
	struct db *d = ctx;

	return ++d->steps > d->steps_max;
}

/*
 * Views are programs that run with our rights, so those of our names, and our tables, have to be as this
 * program makes them.
 * Return: 0, -EINVAL with the message.
 */
static int schema_is_ours(struct db *d, struct err *e)
{
	static const char mine[] = "SELECT name, type, sql FROM sqlite_schema WHERE type IN ('table', 'view') ORDER BY name";
	static const char its[] = "SELECT count(*) FROM sqlite_schema WHERE name = ?1 AND type = ?2 AND sql IS ?3";
	struct db own = { 0 };
	sqlite3_stmt *a = NULL, *b = NULL;
	int rc = -ENOMEM;

	if (sqlite3_open_v2(":memory:", &own.h, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
			    NULL) == SQLITE_OK)
		rc = db_schema(&own, e);
	if (!rc && (sqlite3_prepare_v2(own.h, mine, -1, &a, NULL) != SQLITE_OK ||
		    sqlite3_prepare_v2(d->h, its, -1, &b, NULL) != SQLITE_OK))
		rc = err_set(e, -EINVAL, "%s: not a readable SQLite database: %s", d->path, sqlite3_errmsg(d->h));
	while (!rc && sqlite3_step(a) == SQLITE_ROW) {
		for (int i = 0; i < 3; i++)
			sqlite3_bind_value(b, i + 1, sqlite3_column_value(a, i));
		if (sqlite3_step(b) != SQLITE_ROW || sqlite3_column_int(b, 0) != 1)
			rc = err_set(e, -EINVAL, "%s: its %s %s is not as this program makes it: analyze the tape again",
				     d->path, sqlite3_column_text(a, 1), sqlite3_column_text(a, 0));
		sqlite3_reset(b);
	}
	sqlite3_finalize(a);
	sqlite3_finalize(b);
	sqlite3_close(own.h);
	return rc == -ENOMEM ? err_set(e, rc, "out of memory") : rc;
}

bool db_has_name(const char *name)
{
	char table[128], view[128];
	int n = snprintf(table, sizeof(table), "CREATE TABLE %s (", name);

	snprintf(view, sizeof(view), "CREATE VIEW %s AS", name);
	for (size_t i = 0; n < (int)sizeof(table) && embed_at(i); i++)
		if (!strncmp(embed_at(i)->name, "schema/", 7) &&
		    (strstr((const char *)embed_at(i)->data, table) || strstr((const char *)embed_at(i)->data, view)))
			return true;
	return false;
}

int db_open(struct db **out, const char *path, struct err *e)
{
	struct db *d = calloc(1, sizeof(*d));
	sqlite3_stmt *st = NULL;
	int rc = 0, app = 0, version = 0;
	struct stat file;

	if (!d)
		return err_set(e, -ENOMEM, "out of memory");
	d->fd = -1;
	d->path = strdup(path);
	if (!d->path || access(path, R_OK) || stat(path, &file)) {
		rc = d->path ? err_sys(e, "%s", path) : err_set(e, -ENOMEM, "out of memory");
		goto fail;
	}
	if (sqlite3_open_v2(path, &d->h, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK ||
	    distrust(d) != SQLITE_OK ||
	    sqlite3_prepare_v2(d->h, "SELECT (SELECT application_id FROM pragma_application_id), "
				     "(SELECT user_version FROM pragma_user_version)",
			       -1, &st, NULL) != SQLITE_OK ||
	    sqlite3_step(st) != SQLITE_ROW) {
		rc = err_set(e, -EINVAL, "%s: not a readable SQLite database: %s", path, sqlite3_errmsg(d->h));
		goto fail;
	}
	app = sqlite3_column_int(st, 0);
	version = sqlite3_column_int(st, 1);
	if (app != DB_APPLICATION_ID)
		rc = err_set(e, -EINVAL,
			     "%s: an SQLite database, but not one of skbtape's (application_id is 0x%x, expected 0x%x)",
			     path, (unsigned int)app, DB_APPLICATION_ID);
	else if (version != DB_USER_VERSION)
		rc = err_set(e, -EINVAL,
			     "%s: database version %d, this program reads %d: analyze the tape again", path,
			     version, DB_USER_VERSION);
	if (!rc)
		rc = schema_is_ours(d, e);
	if (!rc) {
		d->steps_max = STEPS_MIN + file.st_size / STEP_BYTES;
		sqlite3_progress_handler(d->h, STEP_UNIT, steps_over, d);
	}
fail:
	sqlite3_finalize(st);
	if (rc) {
		db_close(d);
		return rc;
	}
	*out = d;
	return 0;
}

void db_close(struct db *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->st_n; i++)
		sqlite3_finalize(d->st[i]);
	free(d->st);
	rows_set_free(d->rows);
	sqlite3_close(d->h);
	if (d->fd >= 0)
		close(d->fd);
	db_remove_tmp(d);
	buf_free(&d->names);
	free(d->slot);
	free(d->path);
	free(d);
}

sqlite3 *db_handle(struct db *d)
{
	return d->h;
}

sqlite3_stmt *db_prepare(struct db *d, const char *sql)
{
	sqlite3_stmt *st = NULL;

	if (sqlite3_prepare_v3(d->h, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL) != SQLITE_OK) {
		fprintf(stderr, "skbtape: a bug in this program, please report it: %s in: %s\n",
			sqlite3_errmsg(d->h), sql);
		abort();
	}
	if (d->st_n == d->st_cap) {
		size_t cap = d->st_cap ? d->st_cap * 2 : 64;
		sqlite3_stmt **p = realloc(d->st, cap * sizeof(*p));

		if (!p) {
			fprintf(stderr, "skbtape: out of memory\n");
			abort();
		}
		d->st = p;
		d->st_cap = cap;
	}
	d->st[d->st_n++] = st;
	return st;
}

int db_prepare_made(struct db *d, struct buf *sql, int rc, const char *file, struct span entry, sqlite3_stmt **st,
		    struct err *e)
{
	if (rc || buf_put(sql, "", 1))
		rc = err_set(e, -ENOMEM, "%s: out of memory", file);
	else if (sqlite3_prepare_v2(d->h, (const char *)sql->data, -1, st, NULL) != SQLITE_OK)
		rc = err_set(e, -EIO, "%s: %.*s: %s", file, (int)entry.n, entry.p, sqlite3_errmsg(d->h));
	buf_free(sql);
	return rc;
}

int db_run(struct db *d, sqlite3_stmt *st)
{
	int rc = sqlite3_step(st);

	if (rc != SQLITE_DONE && rc != SQLITE_ROW)
		db_fail(d, "writing a row");
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return d->failed;
}

/* Whether @s is UTF-8 without a NUL: SQLite takes anything, its readers do not. */
static bool text_ok(struct span s)
{
	for (size_t i = 0, n; i < s.n; i += n) {
		n = utf8_length(s.p + i, s.n - i);
		if (!n || !s.p[i])
			return false;
	}
	return true;
}

void db_text_fix(struct span s, char *out)
{
	if (text_ok(s))
		memcpy(out, s.p, s.n);
	else
		for (size_t i = 0; i < s.n; i++)
			out[i] = (unsigned char)s.p[i] < 0x80 && s.p[i] ? s.p[i] : '?';
}

void db_bind_span(sqlite3_stmt *st, int i, struct span s)
{
	char *fixed;

	if (!s.p) {
		sqlite3_bind_null(st, i);
		return;
	}
	if (text_ok(s)) {
		sqlite3_bind_text64(st, i, s.p, s.n, SQLITE_TRANSIENT, SQLITE_UTF8);
		return;
	}
	/* a byte that is no text becomes '?' */
	fixed = malloc(s.n + 1);
	if (!fixed) {
		sqlite3_bind_null(st, i);
		return;
	}
	for (size_t k = 0; k < s.n; k++)
		fixed[k] = (unsigned char)s.p[k] < 0x80 && s.p[k] ? s.p[k] : '?';
	sqlite3_bind_text64(st, i, fixed, s.n, free, SQLITE_UTF8);
}

void db_bind_text(sqlite3_stmt *st, int i, const char *s)
{
	db_bind_span(st, i, (struct span){ s, s ? strlen(s) : 0 });
}

void db_bind_int(sqlite3_stmt *st, int i, int64_t v)
{
	sqlite3_bind_int64(st, i, v);
}

void db_bind_opt(sqlite3_stmt *st, int i, int64_t v, int64_t null_value)
{
	if (v == null_value)
		sqlite3_bind_null(st, i);
	else
		sqlite3_bind_int64(st, i, v);
}

/* FNV-1a, 64 bit */
static uint64_t hash_span(struct span s)
{
	uint64_t h = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (uint8_t)s.p[i]) * 0x100000001b3ULL;
	return h;
}

static int names_grow(struct db *d)
{
	size_t slots = d->slots ? d->slots * 2 : 1024;
	struct name_slot *slot = calloc(slots, sizeof(*slot));

	/* so that there is a place for an empty text */
	if (!slot || buf_reserve(&d->names, 1)) {
		free(slot);
		return -ENOMEM;
	}
	for (size_t i = 0; i < d->slots; i++) {
		size_t k = d->slot[i].hash & (slots - 1);

		if (!d->slot[i].id)
			continue;
		while (slot[k].id)
			k = (k + 1) & (slots - 1);
		slot[k] = d->slot[i];
	}
	free(d->slot);
	d->slot = slot;
	d->slots = slots;
	return 0;
}

int64_t db_name(struct db *d, struct span s)
{
	/* what is stored is what db_bind_span() makes of it: two spellings of rubbish may become one */
	char fixed[256];
	uint64_t hash;
	size_t k;

	if (s.n > sizeof(fixed) - 1)
		s.n = sizeof(fixed) - 1;
	if (!text_ok(s)) {
		for (size_t i = 0; i < s.n; i++)
			fixed[i] = (unsigned char)s.p[i] < 0x80 && s.p[i] ? s.p[i] : '?';
		s.p = fixed;
	}
	hash = hash_span(s);
	if (d->used * 4 >= d->slots * 3 && names_grow(d))
		goto nomem;
	for (k = hash & (d->slots - 1); d->slot[k].id; k = (k + 1) & (d->slots - 1))
		if (d->slot[k].hash == hash && d->slot[k].len == s.n &&
		    !memcmp(d->names.data + d->slot[k].at, s.p, s.n))
			return d->slot[k].id;
	if (d->names.len > UINT32_MAX - 256 || buf_put(&d->names, s.p, s.n))
		goto nomem;
	d->used++;
	d->slot[k] = (struct name_slot){ .hash = hash,
					 .id = (int64_t)d->used,
					 .at = (uint32_t)(d->names.len - s.n),
					 .len = (uint32_t)s.n };
	db_bind_int(d->ins_name, 1, d->slot[k].id);
	db_bind_span(d->ins_name, 2, s);
	db_run(d, d->ins_name);
	return d->slot[k].id;
nomem:
	if (!d->failed)
		d->failed = err_set(&d->first, -ENOMEM, "out of memory");
	return 0;
}

int64_t db_name_text(struct db *d, const char *s)
{
	return db_name(d, (struct span){ s, strlen(s) });
}

void db_fact(struct db *d, const char *key, const char *value)
{
	db_bind_text(d->ins_fact, 1, key);
	db_bind_text(d->ins_fact, 2, value);
	db_run(d, d->ins_fact);
}

void db_fact_int(struct db *d, const char *key, int64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRId64, value);
	db_fact(d, key, text);
}

void db_quality(struct db *d, const struct quality *q, const char *note_fmt, ...)
{
	char note[1024];
	va_list ap;

	va_start(ap, note_fmt);
	vsnprintf(note, sizeof(note), note_fmt, ap);
	va_end(ap);
	db_bind_text(d->ins_quality, 1, q->kind);
	db_bind_text(d->ins_quality, 2, q->source);
	db_bind_opt(d->ins_quality, 3, q->cpu, -1);
	db_bind_text(d->ins_quality, 4, q->dev);
	db_bind_opt(d->ins_quality, 5, q->from_ns, -1);
	db_bind_opt(d->ins_quality, 6, q->to_ns, -1);
	db_bind_opt(d->ins_quality, 7, q->count, -1);
	db_bind_text(d->ins_quality, 8, note);
	db_run(d, d->ins_quality);
}
