/* SPDX-License-Identifier: MIT */
#include "output.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define NAME_TRIES 10 /* recordings that start in one second */

static int open_stdout(struct output *o, struct err *e)
{
	if (isatty(STDOUT_FILENO))
		return err_set(e, -EINVAL,
			       "-o -: standard output is a terminal; redirect it, or name a file");
	/* a copy: what closes it later does not close standard output itself */
	o->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (o->fd < 0)
		return err_sys(e, "-o -: standard output");
	o->is_stdout = true;
	snprintf(o->name, sizeof(o->name), "(standard output)");
	return 0;
}

/* Keep other recorders away. Return: false when one writes it; a file system without locks has none
 * to tell. */
static bool lock_file(int fd)
{
	return !flock(fd, LOCK_EX | LOCK_NB) || errno != EWOULDBLOCK;
}

/* skbtape-HOST-UTCTIME.skbtape */
static int open_default(struct output *o, struct err *e)
{
	char host[64], stamp[32];
	struct utsname u;
	struct tm tm;
	time_t now = time(NULL);
	size_t n;

	uname(&u);
	n = strcspn(u.nodename, ".");
	snprintf(host, sizeof(host), "%.*s", (int)(n < sizeof(host) ? n : sizeof(host) - 1),
		 u.nodename);
	for (char *p = host; *p; p++)
		if (!isalnum((unsigned char)*p) && *p != '-' && *p != '_')
			*p = '_';
	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	for (int try = 1; try <= NAME_TRIES; try++) {
		char suffix[16] = "";

		if (try > 1)
			snprintf(suffix, sizeof(suffix), "-%d", try);
		snprintf(o->name, sizeof(o->name), "skbtape-%s-%s%s.skbtape", host, stamp, suffix);
		o->fd = open(o->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (o->fd >= 0 || errno != EEXIST)
			break;
	}
	if (o->fd < 0)
		return err_sys(e,
			       "cannot create %s in the current directory (-o names another place)",
			       o->name);
	o->created = true;
	lock_file(o->fd);
	return 0;
}

static int open_named(struct output *o, const char *name, struct err *e)
{
	struct stat st;

	snprintf(o->name, sizeof(o->name), "%s", name);
	o->fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (o->fd >= 0) {
		o->created = true;
		lock_file(o->fd);
		return 0;
	}
	if (errno != EEXIST)
		return err_sys(e, "cannot create %s", name);
	/* not emptied before it is known to be a plain file that nobody else writes; a fifo must
	 * not block */
	o->fd = open(name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (o->fd < 0 && errno == ELOOP)
		return err_set(e, -ELOOP, "%s is a symbolic link, which is not followed", name);
	if (o->fd < 0 && errno != ENXIO) /* a fifo without a reader */
		return err_sys(e, "cannot write %s", name);
	if (o->fd < 0 || fstat(o->fd, &st) || !S_ISREG(st.st_mode))
		return err_set(e, -EINVAL, "%s is no regular file; -o - writes to standard output",
			       name);
	if (!lock_file(o->fd))
		return err_set(e, -EBUSY, "%s is being written by another recorder", name);
	if (ftruncate(o->fd, 0))
		return err_sys(e, "cannot empty %s", name);
	fchmod(o->fd, 0600); /* a tape holds kernel addresses and frames; where we do not own the
				file, it stays as it is */
	return 0;
}

int output_open(struct output *out, const char *name, struct err *e)
{
	struct output o = { .fd = -1 };
	int rc;

	rc = !name		  ? open_default(&o, e)
	     : !strcmp(name, "-") ? open_stdout(&o, e)
				  : open_named(&o, name, e);
	if (rc) {
		if (o.fd >= 0)
			close(o.fd);
		return rc;
	}
	*out = o;
	return 0;
}

int output_close(struct output *o, struct err *e)
{
	int fd = o->fd;

	if (fd < 0)
		return 0;
	o->fd = -1;
	return close(fd) ? err_sys(e, "closing the tape") : 0;
}

void output_discard(struct output *o)
{
	if (o->fd >= 0)
		close(o->fd);
	if (o->created)
		unlink(o->name);
	o->fd = -1;
}
