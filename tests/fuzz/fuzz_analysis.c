/* SPDX-License-Identifier: MIT */
/*
 * A tape of the input's members through all stages, rules included. The part named
 * "@ formats KERNEL" adds the format files of fixtures/formats.
 */
#include "fuzz.h"
#include "../../analyze/findings.h"
#include "../../analyze/ledger.h"
#include "../../analyze/load.h"

#include <errno.h>
#include <string.h>

/* The parts of a formats file become members ftrace/... */
static void add_formats(struct buf *out, struct span kernel)
{
	static const char *const known[] = { "5.10.0", "6.1.0", "6.12.117", "6.18.44" };
	char path[64] = "", head[128];
	const char *print;
	struct span all, left, name, text, system, event;

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (span_is(kernel, known[i]))
			snprintf(path, sizeof(path), "fixtures/formats/%s.txt", known[i]);
	if (!*path)
		return;
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
}

static bool with_rules = true;

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
/*
 * Nine tenths of an input's time are what SQLite needs to understand the rules, whatever there
 * is for them: while fuzzing, one input in sixteen gets them (the linker's --wrap).
 */
int __real_findings_run(struct db *d, const char *rules_dir, struct err *e);
int __real_ledger_build(struct db *d, struct err *e);
int __wrap_findings_run(struct db *d, const char *rules_dir, struct err *e);
int __wrap_ledger_build(struct db *d, struct err *e);

int __wrap_findings_run(struct db *d, const char *rules_dir, struct err *e)
{
	return with_rules ? __real_findings_run(d, rules_dir, e) : 0;
}

int __wrap_ledger_build(struct db *d, struct err *e)
{
	return with_rules ? __real_ledger_build(d, e) : 0;
}
#endif

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct span left = { (const char *)data, n }, name, part;
	struct buf parts = { 0 };
	struct load_result r;
	struct db *d;
	struct err e = { "" };
	const char *path;
	unsigned int sum = 0;
	int rc;

	for (size_t i = 0; i < n; i++)
		sum = sum * 31 + data[i];
	with_rules = sum % 16 == 0;
	if (n)
		HOLDS(!buf_put(&parts, data, n));
	while (fuzz_part(&left, &name, &part)) {
		if (span_starts(name, "formats ")) {
			add_formats(&parts, (struct span){ name.p + 8, name.n - 8 });
			break;
		}
	}
	path = fuzz_tape((struct span){ (char *)parts.data, parts.len });
	rc = load_tapes((char *[]){ (char *)path }, 1, NULL, NULL, &d, &r, &e);
	if (rc) {
		/* a first frame or a header_page that is no use is refused; nothing else may fail
		 */
		if (rc != -EINVAL)
			fprintf(stderr, "%s\n", e.text);
		HOLDS(rc == -EINVAL && e.text[0]);
	} else {
		db_close(d);
	}
	buf_free(&parts);
	return 0;
}
