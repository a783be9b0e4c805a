/* SPDX-License-Identifier: MIT */
/*
 * A tape of the input's members through all stages, rules included. The part named
 * "@ formats KERNEL" adds the format files of fixtures/formats, "@ capture" is a capture file
 * that was given with the tape.
 */
#include "fuzz.h"
#include "../../analyze/fields.h"
#include "../../analyze/findings.h"
#include "../../analyze/ledger.h"
#include "../../analyze/load.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* The parts of a formats file as members ftrace/..., made once. */
static struct span formats(struct span kernel)
{
	static const char *const known[] = { "5.10.0", "6.1.0", "6.12.117", "6.18.44" };
	static struct buf made[ARRAY_SIZE(known)];
	struct span all, left, name, text, system, event;
	char path[64], head[128];
	struct buf *out = NULL;
	const char *print;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (span_is(kernel, known[i])) {
			out = &made[i];
			snprintf(path, sizeof(path), "fixtures/formats/%s.txt", known[i]);
		}
	}
	if (!out)
		return (struct span){ 0 };
	if (out->len)
		return (struct span){ (char *)out->data, out->len };
	all = left = fuzz_slurp(path);
	while (fuzz_part(&left, &name, &text)) {
		HOLDS(span_word(&name, &system) && span_word(&name, &event));
		if (span_is(system, "-"))
			snprintf(head, sizeof(head), "\n@ ftrace/%.*s\n", (int)event.n, event.p);
		else
			snprintf(head, sizeof(head), "\n@ ftrace/events/%.*s/%.*s/format\n",
				 (int)system.n, system.p, (int)event.n, event.p);
		/* how an event is printed tells only the drop reasons here, and is most of the work */
		print = memmem(text.p, text.n, "\nprint fmt: ", 12);
		if (print && !span_is(event, "kfree_skb"))
			text.n = (size_t)(print - text.p) + 12;
		HOLDS(!buf_put(out, head, strlen(head)) && !buf_put(out, text.p, text.n) &&
		      (!print || span_is(event, "kfree_skb") || !buf_put(out, "\"\"\n", 3)));
	}
	free((char *)all.p);
	return (struct span){ (char *)out->data, out->len };
}

/* A file in memory, the same each time. */
static char *capture_file(struct span text)
{
	static char path[32];
	static int fd = -1;

	if (fd < 0) {
		fd = memfd_create("capture", MFD_CLOEXEC);
		HOLDS(fd >= 0);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	HOLDS(!ftruncate(fd, 0));
	HOLDS(!text.n || pwrite(fd, text.p, text.n, 0) == (ssize_t)text.n);
	return path;
}

static bool with_rules = true;

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
/*
 * Most of an input's time would go into what SQLite needs to understand the rules and
 * libtraceevent to understand the formats, whatever there is for them. While fuzzing (the
 * linker's --wrap) one input in 64 gets the rules, and a format that was read before is
 * not read again: nothing but its event's being off is written later.
 */
int __real_findings_run(struct db *d, const char *rules_dir, struct err *e);
int __real_ledger_build(struct db *d, struct err *e);
int __real_format_parse(struct ev_format **f, const char *system, const char *name, struct span text,
			bool big_endian, int long_bytes);
void __real_format_free(struct ev_format *f);
int __wrap_findings_run(struct db *d, const char *rules_dir, struct err *e);
int __wrap_ledger_build(struct db *d, struct err *e);
int __wrap_format_parse(struct ev_format **f, const char *system, const char *name, struct span text,
			bool big_endian, int long_bytes);
void __wrap_format_free(struct ev_format *f);

int __wrap_findings_run(struct db *d, const char *rules_dir, struct err *e)
{
	return with_rules ? __real_findings_run(d, rules_dir, e) : 0;
}

int __wrap_ledger_build(struct db *d, struct err *e)
{
	return with_rules ? __real_ledger_build(d, e) : 0;
}

#define PARSED 1024

static struct parsed {
	struct ev_format *f;
	struct span text;
	bool big_endian;
	int long_bytes;
} parsed[PARSED];

static size_t parsed_n;

static bool known(const struct parsed *p, const char *system, const char *name, struct span text,
		  bool big_endian, int long_bytes)
{
	return p->text.n == text.n && p->big_endian == big_endian && p->long_bytes == long_bytes &&
	       !strcmp(p->f->type.name, name) && !strcmp(p->f->type.system, system) &&
	       !memcmp(p->text.p, text.p, text.n);
}

int __wrap_format_parse(struct ev_format **f, const char *system, const char *name, struct span text,
			bool big_endian, int long_bytes)
{
	char *copy;
	int rc;

	for (size_t i = 0; i < parsed_n; i++) {
		if (known(&parsed[i], system, name, text, big_endian, long_bytes)) {
			*f = parsed[i].f;
			(*f)->type.off = 0;
			return 0;
		}
	}
	rc = __real_format_parse(f, system, name, text, big_endian, long_bytes);
	if (rc || parsed_n == PARSED)
		return rc;
	copy = malloc(text.n);
	HOLDS(copy);
	memcpy(copy, text.p, text.n);
	parsed[parsed_n++] = (struct parsed){ *f, { copy, text.n }, big_endian, long_bytes };
	return 0;
}

void __wrap_format_free(struct ev_format *f)
{
	for (size_t i = 0; f && i < parsed_n; i++)
		if (parsed[i].f == f)
			return;
	__real_format_free(f);
}
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span left = { (const char *)data, n }, name, part;
	struct buf parts = { 0 };
	struct load_result r;
	struct db *d;
	struct err e = { "" };
	char *path[2] = { NULL, NULL };
	unsigned int sum = 0;
	int rc;

	for (size_t i = 0; i < n; i++)
		sum = sum * 31 + data[i];
	with_rules = sum % 64 == 0;
	if (n)
		HOLDS(!buf_put(&parts, data, n));
	while (fuzz_part(&left, &name, &part)) {
		if (span_is(name, "capture") && !path[1])
			path[1] = capture_file(part);
	}
	left = (struct span){ (const char *)data, n };
	while (fuzz_part(&left, &name, &part)) {
		if (span_starts(name, "formats ")) {
			part = formats((struct span){ name.p + 8, name.n - 8 });
			HOLDS(!part.n || !buf_put(&parts, part.p, part.n));
			break;
		}
	}
	path[0] = (char *)fuzz_tape((struct span){ (char *)parts.data, parts.len });
	rc = load_tapes(path, path[1] ? 2 : 1, NULL, NULL, &d, &r, &e);
	if (rc) {
		/* a first frame, a header_page or a capture that is no use is refused; nothing else may fail */
		if (rc != -EINVAL)
			fprintf(stderr, "%s\n", e.text);
		HOLDS(rc == -EINVAL && e.text[0]);
	} else {
		db_close(d);
	}
	buf_free(&parts);
	return 0;
}
