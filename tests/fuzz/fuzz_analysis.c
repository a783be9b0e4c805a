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

/* Formats of one kernel. */
struct kernel {
	const char *release;
	struct format {
		struct span member; /* with its name, as a part */
		int id; /* -1: goes onto each tape */
	} *v;
	size_t n;
};

/* What the format file of @event says its number is; -1 where the analysis asks for such events by name: whether a kernel
 * has them is told by their formats. */
static int number_of(struct span system, struct span event, struct span text)
{
	char sys[32], name[64];
	struct ev_format *f;
	int id = -1;

	span_copy(system, sys, sizeof(sys));
	span_copy(event, name, sizeof(name));
	if (!format_parse(&f, sys, name, text, false, 8) && f->type.kind == EV_OTHER)
		id = f->type.id;
	format_free(f);
	return id;
}

static void formats_read(struct kernel *k)
{
	struct span all, left, name, text, system, event;
	struct buf b = { 0 };
	char head[128];

	snprintf(head, sizeof(head), "fixtures/formats/%s.txt", k->release);
	all = left = fuzz_slurp(head);
	while (fuzz_part(&left, &name, &text)) {
		struct format *f;
		const char *print;
		int id = -1;

		HOLDS(span_word(&name, &system) && span_word(&name, &event));
		if (span_is(system, "-"))
			snprintf(head, sizeof(head), "\n@ ftrace/%.*s\n", (int)event.n, event.p);
		else
			snprintf(head, sizeof(head), "\n@ ftrace/events/%.*s/%.*s/format\n",
				 (int)system.n, system.p, (int)event.n, event.p);
		if (!span_is(system, "-"))
			id = number_of(system, event, text);
		/* how an event is printed tells only the drop reasons here, and is most of the work */
		print = memmem(text.p, text.n, "\nprint fmt: ", 12);
		if (print && !span_is(event, "kfree_skb"))
			text.n = (size_t)(print - text.p) + 12;
		HOLDS(!buf_put(&b, head, strlen(head)) && !buf_put(&b, text.p, text.n) &&
		      (!print || span_is(event, "kfree_skb") || !buf_put(&b, "\"\"\n", 3)));
		k->v = realloc(k->v, (k->n + 1) * sizeof(*k->v));
		HOLDS(k->v);
		f = &k->v[k->n++];
		*f = (struct format){ { (char *)b.data, b.len }, id };
		b = (struct buf){ 0 }; /* kept for good */
	}
	free((char *)all.p);
}

/* Adds the formats of a kernel that an input can have events of. */
static void formats(struct span release, const uint8_t *data, size_t n, struct buf *out)
{
	static struct kernel known[] = { { .release = "5.10.0" }, { .release = "6.1.0" }, { .release = "6.12.117" }, { .release = "6.18.44" } };
	static uint8_t has[UINT16_MAX + 1];

	memset(has, 0, sizeof(has));
	for (size_t i = 0; i + 1 < n; i++) /* pages stand anywhere, and in either byte order */
		has[data[i] | data[i + 1] << 8] = has[data[i + 1] | data[i] << 8] = 1;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (!span_is(release, known[i].release))
			continue;
		if (!known[i].n)
			formats_read(&known[i]);
		for (size_t k = 0; k < known[i].n; k++) {
			const struct format *f = &known[i].v[k];

			if (f->id < 0 || has[f->id & UINT16_MAX])
				HOLDS(!buf_put(out, f->member.p, f->member.n));
		}
	}
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
 * Most of an input's time would go into what SQLite needs to understand the schema, our
 * statements and the rules, and libtraceevent to understand the formats, whatever there is for
 * them. While fuzzing (the linker's --wrap) one input in 64 gets all of it, rules included. The
 * others share a database, which is emptied between them, and its statements; they do without the
 * indexes, which only the rules and reports need. A format that was read before is not read again:
 * nothing but its event's being off is written later.
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

/* ---- one database for many inputs ---- */

#define INPUTS	   256 /* with one database: texts that were given numbers stay in it */
#define TABLES_MAX 256
#define KEPT	   1024 /* a power of two */

int __real_db_create(struct db **out, const char *path, struct err *e);
void __real_db_close(struct db *d);
int __real_db_commit(struct db *d, struct err *e);
int __real_db_exec(struct db *d, const char *sql, struct err *e);
sqlite3_stmt *__real_db_prepare(struct db *d, const char *sql);
int __wrap_db_create(struct db **out, const char *path, struct err *e);
void __wrap_db_close(struct db *d);
int __wrap_db_commit(struct db *d, struct err *e);
int __wrap_db_exec(struct db *d, const char *sql, struct err *e);
sqlite3_stmt *__wrap_db_prepare(struct db *d, const char *sql);

static struct db *shared;
static bool done; /* the input that used it came to its end */

static struct kept {
	sqlite3_stmt *st;
	int input; /* that has it */
} kept[KEPT];

static size_t kept_n;
static int input;

/* What an input left; the database knows by heart what is in _name. */
static void empty(void)
{
	static sqlite3_stmt *any[TABLES_MAX], *st[TABLES_MAX], *temp;
	static size_t n;
	char sql[256];

	for (size_t i = 0; i < KEPT; i++)
		if (kept[i].st)
			sqlite3_reset(kept[i].st);
	if (!input) {
		sqlite3_stmt *list = __real_db_prepare(shared, "SELECT printf('SELECT 1 FROM main.\"%w\" LIMIT 1', name), "
							       "printf('DELETE FROM main.\"%w\"', name) FROM sqlite_schema "
							       "WHERE type = 'table' AND name <> '_name' ORDER BY name");

		for (n = 0; sqlite3_step(list) == SQLITE_ROW; n++) {
			HOLDS(n < TABLES_MAX);
			any[n] = __real_db_prepare(shared, (const char *)sqlite3_column_text(list, 0));
			st[n] = __real_db_prepare(shared, (const char *)sqlite3_column_text(list, 1));
		}
		sqlite3_reset(list);
		temp = __real_db_prepare(shared, "SELECT name FROM sqlite_temp_schema WHERE type = 'table' LIMIT 1");
	}
	for (size_t i = 0; i < n; i++) {
		bool full = sqlite3_step(any[i]) == SQLITE_ROW;

		sqlite3_reset(any[i]);
		HOLDS(!full || !db_run(shared, st[i]));
	}
	while (sqlite3_step(temp) == SQLITE_ROW) {
		snprintf(sql, sizeof(sql), "DROP TABLE temp.%s", (const char *)sqlite3_column_text(temp, 0));
		sqlite3_reset(temp);
		HOLDS(!__real_db_exec(shared, sql, NULL));
	}
	sqlite3_reset(temp);
}

int __wrap_db_create(struct db **out, const char *path, struct err *e)
{
	if (with_rules)
		return __real_db_create(out, path, e);
	if (shared && (!done || ++input == INPUTS)) {
		__real_db_close(shared);
		shared = NULL;
	}
	if (!shared) {
		HOLDS(!__real_db_create(&shared, path, e));
		memset(kept, 0, sizeof(kept));
		kept_n = 0;
		input = 0;
	}
	empty();
	done = false;
	*out = shared;
	return 0;
}

int __wrap_db_commit(struct db *d, struct err *e)
{
	int rc = d == shared ? db_error(d, e) : __real_db_commit(d, e);

	done = d == shared && !rc;
	return rc;
}

void __wrap_db_close(struct db *d)
{
	if (d != shared)
		__real_db_close(d);
}

int __wrap_db_exec(struct db *d, const char *sql, struct err *e)
{
	/* those of frames are there since the first input, those behind the last stage are not used */
	if (d == shared && ((input && !strncmp(sql, "CREATE INDEX _frame_", 20)) || !strncmp(sql, "CREATE INDEX _packet_flow", 25)))
		return 0;
	return __real_db_exec(d, sql, e);
}

sqlite3_stmt *__wrap_db_prepare(struct db *d, const char *sql)
{
	uint32_t h = 0;
	size_t i;

	if (d != shared)
		return __real_db_prepare(d, sql);
	for (const char *p = sql; *p; p++)
		h = h * 31 + (unsigned char)*p;
	for (i = h % KEPT; kept[i].st; i = (i + 1) % KEPT) {
		if (kept[i].input != input && !strcmp(sqlite3_sql(kept[i].st), sql)) {
			kept[i].input = input;
			sqlite3_reset(kept[i].st);
			sqlite3_clear_bindings(kept[i].st);
			return kept[i].st;
		}
	}
	HOLDS(++kept_n < KEPT);
	kept[i] = (struct kept){ __real_db_prepare(d, sql), input };
	return kept[i].st;
}

/* ---- formats ---- */

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
			formats((struct span){ name.p + 8, name.n - 8 }, data, n, &parts);
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
