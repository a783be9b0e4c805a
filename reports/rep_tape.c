/* SPDX-License-Identifier: MIT */
/* rep_tape: from a database back to its tape, where the bytes of frames are. */
#include "rep.h"
#include "../analyze/beside.h"
#include "../schema/sha256.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

/* Open @path where it is the tape that the database was made of. */
static int open_same(const char *path, const char *want, struct tape **t, struct err *e)
{
	char have[SHA256_HEX_SIZE];
	int rc = sha256_file(path, have, e);

	if (rc)
		return rc;
	if (strcmp(have, want) != 0)
		return err_set(e, -EINVAL,
			       "%s is not the tape that the database was made of: its SHA-256 is %.12s..., expected "
			       "%.12s...",
			       path, have, want);
	return tape_open(t, path, e);
}

int rep_tape(struct rep *r, const char *given, struct tape **t, struct err *e)
{
	char want[SHA256_HEX_SIZE + 1], path[PATH_MAX], beside[PATH_MAX];
	const char *input = r->in.path[0], *slash, *name;
	struct err first;
	int rc;

	if (r->from_tape)
		return beside_open(t, r->in.path, r->in.n, e);
	rep_fact(r, "tape_sha256", want, sizeof(want));
	rep_fact(r, "tape_path", path, sizeof(path));
	if (!*want)
		return err_set(e, -EINVAL, "%s does not say which tape it was made of: analyze the tape again", input);
	if (rep_fact_int(r, "beside", 0))
		return err_set(e, -EINVAL, "%s was made of %s and of files beside it: name these files in place of the database", input,
			       *path ? path : "a tape");
	if (given)
		return open_same(given, want, t, e);
	if (!*path)
		return err_set(e, -ENOENT, "%s does not say where its tape is: name it with --tape", input);
	rc = open_same(path, want, t, &first);
	if (!rc)
		return 0;
	slash = strrchr(path, '/');
	name = slash ? slash + 1 : path;
	slash = strrchr(input, '/');
	if (snprintf(beside, sizeof(beside), "%.*s%s", slash ? (int)(slash + 1 - input) : 0, input, name) <
		    (int)sizeof(beside) &&
	    !open_same(beside, want, t, NULL))
		return 0;
	return err_set(e, rc, "%s; name the tape with --tape FILE", first.text);
}

int rep_only(struct rep *r, const char *given, const char *expr, const char *command, struct err *e)
{
	struct only_result done = { 0 };
	struct tape *t = NULL;
	struct err why;
	int rc = rep_tape(r, given, &t, &why);

	if (rc && (given || r->from_tape))
		return err_set(e, rc, "%s", why.text);
	if (rc)
		fprintf(stderr, "skbtape %s: without the tape, flows decide what matches the filter: %s\n", command,
			why.text);
	rc = only_apply(r->db, t, expr, &done, e);
	tape_close(t);
	if (rc)
		return rc;
	fprintf(stderr,
		"skbtape %s: filter: %" PRId64 " frames, %" PRId64 " packets, %" PRId64 " flows, %" PRId64 " drops, %" PRId64
		" findings match\n",
		command, done.frames, done.packets, done.flows, done.drops, done.findings);
	if (done.no_frame)
		fprintf(stderr,
			"skbtape %s: filter: %" PRId64 " packets and drops are left out, as neither a frame nor a flow tells whose "
			"they are\n",
			command, done.no_frame);
	return 0;
}
