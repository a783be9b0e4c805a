/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * Every table and view whose name does not begin with '_' becomes NAME.csv: RFC 4180 with CRLF, a header line,
 * UTF-8. NULL is an empty field, an empty text is "". Rows stand in the order of all columns from the left (of
 * rowid where that is as good), so the same database gives the same bytes. The folder is filled under another
 * name beside its own and renamed at the end.
 */
#include "export.h"
#include "../analyze/progress.h"
#include "../analyze/tmpfiles.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COLUMNS_MAX 200

/* A folder that appears when it is whole. */
struct folder {
	const char *path;
	char tmp[PATH_MAX - NAME_MAX - 2];
	char file[TMPFILES_MAX][NAME_MAX + 1];
	size_t files;
};

static int is_empty(const char *path, struct err *e)
{
	DIR *d = opendir(path);
	const struct dirent *x;
	int rc = 0;

	if (!d)
		return errno == ENOENT ? 0 : err_sys(e, "%s", path);
	while (!rc && (x = readdir(d)))
		if (strcmp(x->d_name, ".") != 0 && strcmp(x->d_name, "..") != 0)
			rc = err_set(e, -ENOTEMPTY, "%s is there and not empty (%s is in it): name a new folder", path, x->d_name);
	closedir(d);
	return rc;
}

static int folder_open(struct folder *d, const char *path, struct err *e)
{
	size_t n = strlen(path);
	int rc = is_empty(path, e);

	if (rc)
		return rc;
	while (n > 1 && path[n - 1] == '/')
		n--;
	*d = (struct folder){ .path = path };
	if (snprintf(d->tmp, sizeof(d->tmp), "%.*s.tmp-%d", (int)n, path, (int)getpid()) >= (int)sizeof(d->tmp))
		return err_set(e, -ENAMETOOLONG, "%s: the name is too long", path);
	tmpfiles_add(d->tmp); /* before it is there: a signal may come right behind mkdir() */
	if (mkdir(d->tmp, 0777)) {
		rc = err_sys(e, "cannot create %s", d->tmp);
		tmpfiles_done(d->tmp);
	}
	return rc;
}

static void file_path(const struct folder *d, size_t i, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%.*s", d->tmp, NAME_MAX, d->file[i]);
}

/* Whole: rename it. Else: remove it. */
static int folder_close(struct folder *d, bool whole, struct err *e)
{
	char path[PATH_MAX];
	int rc = 0;

	if (whole && rename(d->tmp, d->path)) {
		rc = err_sys(e, "cannot rename %s to %s", d->tmp, d->path);
		whole = false;
	}
	for (size_t i = 0; i < d->files; i++) {
		file_path(d, i, path);
		if (!whole)
			unlink(path);
		tmpfiles_done(path);
	}
	if (!whole)
		rmdir(d->tmp);
	tmpfiles_done(d->tmp);
	return rc;
}

static void put_field(FILE *f, const char *s, bool quote)
{
	if (!quote && !strpbrk(s, ",\"\r\n")) {
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

static void put_row(FILE *f, sqlite3_stmt *st, int columns, bool header)
{
	for (int i = 0; i < columns; i++) {
		const char *s = header ? sqlite3_column_name(st, i) : col_opt(st, i);

		if (i)
			putc(',', f);
		if (s)
			put_field(f, s, !*s);
	}
	fputs("\r\n", f);
}

static sqlite3_stmt *prepare(struct rep *r, const char *table, const char *order)
{
	sqlite3_stmt *st = NULL;
	char *sql = sqlite3_mprintf("SELECT * FROM \"%w\" ORDER BY %s", table, order);

	if (sql && sqlite3_prepare_v2(db_handle(r->db), sql, -1, &st, NULL) != SQLITE_OK)
		st = NULL;
	sqlite3_free(sql);
	return st;
}

/* All rows of a table or view in a fixed order. */
static sqlite3_stmt *ordered(struct rep *r, const char *table, bool is_table, struct err *e)
{
	sqlite3_stmt *st = is_table ? prepare(r, table, "rowid") : NULL;
	char order[COLUMNS_MAX * 5] = "1";
	size_t n = 1;
	int columns;

	if (st)
		return st;
	st = prepare(r, table, "1");
	columns = st ? sqlite3_column_count(st) : 0;
	sqlite3_finalize(st);
	for (int i = 2; i <= columns && i <= COLUMNS_MAX; i++)
		n += (size_t)snprintf(order + n, sizeof(order) - n, ", %d", i);
	st = columns ? prepare(r, table, order) : NULL;
	if (!st)
		err_set(e, -EIO, "reading %s: %s", table, sqlite3_errmsg(db_handle(r->db)));
	return st;
}

static int put_table(struct rep *r, struct folder *d, const char *table, bool is_table, struct err *e)
{
	sqlite3_stmt *st = NULL;
	char path[PATH_MAX];
	int fd, rc = 0, step;
	FILE *f = NULL;

	if (d->files + 1 >= TMPFILES_MAX || strlen(table) + 5 > NAME_MAX || strchr(table, '/'))
		return err_set(e, -EINVAL, "table '%s' cannot be a file's name, or there are too many", table);
	snprintf(d->file[d->files], sizeof(d->file[0]), "%s.csv", table);
	file_path(d, d->files++, path);
	tmpfiles_add(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f) {
		rc = err_sys(e, "cannot create %s", path);
		if (fd >= 0)
			close(fd);
		return rc;
	}
	st = ordered(r, table, is_table, e);
	if (!st) {
		fclose(f);
		return -EIO;
	}
	put_row(f, st, sqlite3_column_count(st), true);
	while ((step = sqlite3_step(st)) == SQLITE_ROW)
		put_row(f, st, sqlite3_column_count(st), false);
	if (step != SQLITE_DONE)
		rc = err_set(e, -EIO, "reading %s: %s", table, sqlite3_errmsg(db_handle(r->db)));
	sqlite3_finalize(st);
	if ((ferror(f) | fclose(f)) && !rc)
		rc = err_sys(e, "writing %s", path);
	return rc;
}

int export_csv(struct rep *r, const char *dir, struct err *e)
{
	static const char tables[] =
		"SELECT name, type = 'table' AND NOT EXISTS (SELECT 1 FROM temp.sqlite_schema t WHERE t.name = s.name) "
		"FROM main.sqlite_schema s WHERE type IN ('table', 'view') AND name NOT GLOB '[_]*' "
		"AND name NOT GLOB 'sqlite_*' ORDER BY name";
	struct folder *d = malloc(sizeof(*d));
	int64_t all = rep_int(r, "SELECT count(*) FROM main.sqlite_schema WHERE type IN ('table', 'view') AND "
				 "name NOT GLOB '[_]*'", 0);
	sqlite3_stmt *st;
	int n = 0, rc = d ? folder_open(d, dir, e) : err_set(e, -ENOMEM, "out of memory");

	if (rc) {
		free(d);
		return rc;
	}
	st = rep_query(r, tables);
	while (!rc && rep_row(r, &st)) {
		/* a stranger may have added some of his own */
		if (!db_has_name(col_text(st, 0)))
			continue;
		progress_at("tables", n, all);
		rc = put_table(r, d, col_text(st, 0), col_int(st, 1), e);
		n++;
	}
	rep_done(&st);
	progress_end();
	if (!rc)
		rc = rep_error(r, e);
	if (rc)
		folder_close(d, false, NULL);
	else
		rc = folder_close(d, true, e);
	free(d);
	return rc ? rc : n;
}
