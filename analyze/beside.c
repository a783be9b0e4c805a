/* SPDX-License-Identifier: MIT */
#include "beside.h"
#include "import.h"
#include "pcap_add.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOOT_NS (2 * NSEC_PER_SEC) /* two readings of one boot's time differ by their rounding to seconds */

/* Whether it is a copy of /proc and /sys: taken at one point in time. */
static bool is_point(struct tape *t)
{
	int64_t one = 0;

	return !tape_json_int(t, "$.one_point", &one) && one;
}

/* When it was taken, and when the host was booted. Return: 0, -EINVAL (it does not tell), or as tape_load(). */
static int point_times(struct tape *t, int64_t *mono, int64_t *boot, struct err *e)
{
	long i = tape_find(t, "clock/000000");
	struct buf b = { 0 };
	struct span text, m, r;
	int64_t real;
	int rc = i < 0 ? -EINVAL : tape_load(t, (size_t)i, &b, e);

	text = (struct span){ (const char *)b.data, b.len };
	if (!rc && (!span_field(&text, '\t', &m) || !span_field(&text, '\t', &r) || span_i64(m, mono) || span_i64(r, &real) || *mono <= 0))
		rc = -EINVAL;
	else if (!rc)
		*boot = real - *mono;
	buf_free(&b);
	return rc == -EINVAL ? err_set(e, rc, "%s does not tell when it was taken (proc/uptime and proc/stat): two copies cannot be "
					      "compared", tape_path(t)) : rc;
}

/* What the later copy lacks and the first one did not. */
static int add_quality(struct tape *t, struct tape *later, struct err *e)
{
	long i = tape_find(t, "quality/000000"), k = tape_find(later, "quality/000000");
	struct buf a = { 0 }, b = { 0 }, more = { 0 };
	struct span text, line;
	int rc = k < 0 ? 0 : tape_load(later, (size_t)k, &b, e);

	if (!rc && i >= 0)
		rc = tape_load(t, (size_t)i, &a, e);
	text = (struct span){ (const char *)b.data, b.len };
	while (!rc && span_line(&text, &line))
		if (!a.len || !memmem(a.data, a.len, line.p, line.n))
			rc = buf_put(&more, line.p, line.n) || buf_put(&more, "\n", 1) ? err_set(e, -ENOMEM, "out of memory") : 0;
	if (!rc && more.len)
		rc = tape_add(t, "quality/000001", more.data, more.len, e);
	buf_free(&a);
	buf_free(&b);
	buf_free(&more);
	return rc;
}

/* A member of the later copy: snap/000000/X becomes snap/000001/X. */
static int add_member(struct tape *t, struct tape *later, size_t i, struct buf *b, struct err *e)
{
	static const char *const numbered[] = { "snap/", "clock/", "netns/" };
	const char *name = tape_member(later, i)->name;
	char to[512];
	int rc;

	for (size_t k = 0; k < ARRAY_SIZE(numbered); k++) {
		size_t n = strlen(numbered[k]);

		if (strncmp(name, numbered[k], n) || strncmp(name + n, "000000", 6))
			continue;
		snprintf(to, sizeof(to), "%s000001%s", numbered[k], name + n + 6);
		rc = tape_load(later, i, b, e);
		if (!rc && !strcmp(to, "snap/000001/time") && b->len > 7) { /* "...before\n" */
			b->len -= 7;
			rc = buf_printf(b, "after\n");
		}
		return rc ? rc : tape_add(t, to, b->data, b->len, e);
	}
	return 0;
}

static int add_later(struct tape *t, const char *path, struct err *e)
{
	int64_t mono, boot, later_mono, later_boot;
	struct tape *later = NULL;
	struct buf b = { 0 };
	int rc = tape_open(&later, path, e);

	if (rc)
		return rc;
	if (!is_point(later))
		rc = err_set(e, -EINVAL, "%s: not a capture, and no copy of /proc and /sys", path);
	else if (!is_point(t))
		rc = err_set(e, -EINVAL, "%s: a copy of /proc and /sys goes only behind an earlier one, or alone", path);
	if (!rc)
		rc = point_times(t, &mono, &boot, e);
	if (!rc)
		rc = point_times(later, &later_mono, &later_boot, e);
	if (!rc && llabs(boot - later_boot) > BOOT_NS)
		rc = err_set(e, -EINVAL, "%s is of another boot than %s, or its clock was set between: counters begin anew with each boot",
			     path, tape_path(t));
	if (!rc && later_mono <= mono)
		rc = err_set(e, -EINVAL, "%s was not taken after %s: name the earlier one first", path, tape_path(t));
	for (size_t i = 0; !rc && i < tape_member_count(later); i++)
		rc = add_member(t, later, i, &b, e);
	if (!rc)
		rc = add_quality(t, later, e);
	buf_free(&b);
	tape_close(later);
	return rc;
}

static int add_all(struct tape *t, char *const *paths, size_t n, struct err *e)
{
	char **pcap = calloc(n + 1, sizeof(*pcap));
	const char *later = NULL;
	size_t pcaps = 0;
	int rc = 0;

	if (!pcap)
		return err_set(e, -ENOMEM, "out of memory");
	for (size_t i = 0; !rc && i < n; i++) {
		if (!import_is_folder(paths[i]))
			pcap[pcaps++] = paths[i];
		else if (later)
			rc = err_set(e, -EINVAL, "%s: a third copy of /proc and /sys; two can be compared", paths[i]);
		else
			later = paths[i];
	}
	if (!rc && later)
		rc = add_later(t, later, e);
	if (!rc)
		rc = pcap_add(t, pcap, pcaps, e);
	free(pcap);
	return rc;
}

int beside_open(struct tape **out, char *const *paths, size_t n, struct err *e)
{
	struct tape *t = NULL;
	int rc = tape_open(&t, paths[0], e);

	if (!rc && n > 1)
		rc = add_all(t, paths + 1, n - 1, e);
	if (rc)
		tape_close(t);
	else
		*out = t;
	return rc;
}
