/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * Which files a confined process may read is settled before it reads any, but the path of the tape stands in the
 * database. A database may be a stranger's, so it is not opened here: a child does, confined to the command line as
 * the command itself will be, and hands back a path through a pipe. All it can gain by lying is that the command
 * tries to read another file as a tape, and its hash is compared first.
 */
#include "of_tape.h"
#include "confine.h"
#include "db.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* The argument that is a database, by its header string (fileformat2.html, 1.3.1); NULL: none, or it is not needed. */
static const char *find_db(int argc, char **argv)
{
	static const char magic[16] = "SQLite format 3";
	const char *db = NULL;
	bool bytes = false;
	char head[16];
	FILE *f;

	for (int i = 1; i < argc; i++) {
		struct stat st;

		if (!strncmp(argv[i], "--tape", 6))
			return NULL;
		bytes = bytes || !strncmp(argv[i], "--pcap", 6) || !strncmp(argv[i], "--fi", 4);
		if (db || argv[i][0] == '-' || stat(argv[i], &st) || !S_ISREG(st.st_mode))
			continue;
		f = fopen(argv[i], "re");
		if (f && fread(head, 1, sizeof(head), f) == sizeof(head) && !memcmp(head, magic, sizeof(magic)))
			db = argv[i];
		if (f)
			fclose(f);
	}
	return bytes ? db : NULL;
}

/* In the child: write the path. */
static void ask_db(int argc, char **argv, const char *path, int to)
{
	sqlite3_stmt *st = NULL;
	struct db *d;

	if (confine_start(argc, argv) || db_open(&d, path, NULL))
		return;
	if (!sqlite3_prepare_v2(db_handle(d), "SELECT value FROM tape WHERE key = 'tape_path'", -1, &st, NULL) &&
	    sqlite3_step(st) == SQLITE_ROW) {
		const char *s = (const char *)sqlite3_column_text(st, 0);

		if (s && strlen(s) < PATH_MAX && write(to, s, strlen(s)) < 0)
			_exit(1);
	}
}

void of_tape_find(int argc, char **argv)
{
	const char *db = find_db(argc, argv), *slash;
	char path[PATH_MAX], beside[PATH_MAX];
	size_t n = 0;
	ssize_t got;
	int fd[2];
	pid_t pid;

	if (!db || pipe(fd))
		return;
	pid = fork();
	if (!pid) {
		close(fd[0]);
		ask_db(argc, argv, db, fd[1]);
		_exit(0);
	}
	close(fd[1]);
	while (pid > 0 && n < sizeof(path) - 1 && (got = read(fd[0], path + n, sizeof(path) - 1 - n)) > 0)
		n += (size_t)got;
	close(fd[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	path[n] = '\0';
	if (!n || strlen(path) != n)
		return;
	confine_allow(path);
	slash = strrchr(db, '/');
	if (snprintf(beside, sizeof(beside), "%.*s%s", slash ? (int)(slash + 1 - db) : 0, db,
		     strrchr(path, '/') ? strrchr(path, '/') + 1 : path) < (int)sizeof(beside))
		confine_allow(beside);
}
