/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * Our instance has a ring buffer per CPU. trace_arm() enables the profile's
 * events with tracing off and then turns it on, so that all begin at once. The
 * drain takes whole sub-buffer pages from per_cpu/cpuN/trace_pipe_raw by
 * non-blocking read(2), which also hands out the committed part of the page
 * that is being written (splice(2) does not), up to that page; what one round
 * took from a CPU goes to the tape in members of at most 256 KiB. Rounds come 5 to
 * 500 ms apart: less often while the buffers stay nearly empty, more often when
 * they fill. Each one takes a CPU from whatever would run there, and has it
 * woken and interrupted, so few long rounds cost the host less than many short ones.
 *
 * The buffers overwrite their oldest page when full, because then the next page
 * read says how many events are missing (kernel/trace/ring_buffer.c,
 * RB_MISSED_STORED); without overwriting, loss is counted in "dropped events"
 * alone. Both are in the statistics that are polled once a second.
 *
 * The end: tracing off, then the rest of all buffers, then the last statistics.
 * After that "read events" of the statistics is the number of events on the
 * tape, and "entries" is 0.
 */
#include "clock.h"
#include "cpus.h"
#include "instance.h"
#include "profile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUFFER_MIN     (1 * MIB)  /* per CPU, chosen */
#define BUFFER_MAX     (32 * MIB) /* per CPU, chosen */
#define BUFFER_LEAST   (64 * KIB) /* per CPU, when the kernel has no more */
#define BUFFER_SHARE   64	  /* of the available memory, all CPUs together get 1/64 */
#define CHUNK_BYTES    (256 * KIB)
#define CHUNKS_A_ROUND 64 /* per CPU: the others want their turn */
#define WAIT_MIN_NS    (5 * 1000000LL)
#define WAIT_MAX_NS    (500 * 1000000LL)
#define RATE	       64 /* bytes per us and CPU that the longest wait must bear: a busy CPU's maximum */
#define TAIL_WAIT_US   1000
#define NICE	       5

struct cpu {
	int raw_fd, stats_fd; /* -1: not open (yet) */
	bool bad;	      /* cannot be read, noted */
	unsigned int seq;     /* of ftrace/cpuN/SEQ */
};

struct armed {
	const struct profile_event *ev;
	int64_t id; /* as in its format, -1: not armed */
};

struct trace {
	struct instance *inst;
	struct tracefs_instance *fs;
	enum trace_profile profile;
	const char *clock;
	uint32_t page_bytes;
	uint32_t commit_offset, commit_bytes, data_bytes; /* of a page */
	uint64_t buffer_bytes;

	struct tape_writer *w;
	struct armed armed[PROFILE_EVENTS_MAX];
	size_t armed_count;
	struct cpu *cpus;
	int cpu_count; /* possible ones */
	char online[CPUS_TEXT];
	uint8_t *chunk;
	int on_fd, marker_fd, stop_fd;
	unsigned int stats_seq;

	pthread_mutex_t lock; /* of the totals */
	struct trace_totals totals;
};

uint64_t trace_memory_available(void)
{
	FILE *f = fopen("/proc/meminfo", "re");
	char line[256];
	uint64_t kb = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "MemAvailable: %" SCNu64, &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb * KIB;
}

uint64_t trace_buffer_choose(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	uint64_t bytes = trace_memory_available() / BUFFER_SHARE / (uint64_t)(cpus > 0 ? cpus : 1);

	return bytes < BUFFER_MIN ? BUFFER_MIN : bytes > BUFFER_MAX ? BUFFER_MAX : bytes;
}

static int set_clock(struct trace *t, struct err *e)
{
	static const char *const clocks[] = { "mono", "boot" };
	char *text = tracefs_instance_file_read(t->fs, "trace_clock", NULL);

	if (!text)
		return err_sys(e, "cannot read the trace clocks");
	for (size_t i = 0; i < ARRAY_SIZE(clocks) && !t->clock; i++) {
		struct span line = { text, strcspn(text, "\n") }, word;

		while (!t->clock && span_word(&line, &word)) {
			if (word.n && word.p[0] == '[')
				word.p++, word.n -= 2; /* the present one stands in brackets */
			if (span_is(word, clocks[i]) &&
			    tracefs_instance_file_write(t->fs, "trace_clock", clocks[i]) >= 0)
				t->clock = clocks[i];
		}
	}
	free(text);
	if (!t->clock)
		return err_set(e, -ENOTSUP,
			       "this kernel has neither of the trace clocks 'mono' and 'boot' "
			       "(Linux 4.2 has)");
	return 0;
}

/* The layout of a page from events/header_page: how much of it is used, and how much it can hold.
 */
static int read_page_layout(struct trace *t, struct err *e)
{
	char *text = tracefs_instance_file_read(NULL, "events/header_page", NULL);
	const char *commit = text ? strstr(text, "local_t commit;") : NULL;
	const char *data = text ? strstr(text, "char data;") : NULL;
	unsigned int at = 0;
	bool ok = commit && data &&
		  sscanf(commit, "local_t commit;\toffset:%u;\tsize:%u;", &t->commit_offset,
			 &t->commit_bytes) == 2 &&
		  sscanf(data, "char data;\toffset:%u;\tsize:%u;", &at, &t->data_bytes) == 2;

	free(text);
	if (!ok || at > 64 || t->commit_offset + t->commit_bytes > at || t->data_bytes < 64 ||
	    t->data_bytes > 64 * MIB || (t->commit_bytes != 4 && t->commit_bytes != 8))
		return err_set(e, -EINVAL,
			       "events/header_page in tracefs does not describe a page");
	t->page_bytes = at + t->data_bytes;
	return 0;
}

static int set_buffer(struct trace *t, uint64_t want, struct err *e)
{
	uint64_t bytes = want ? want : trace_buffer_choose();

	for (; bytes >= BUFFER_LEAST; bytes /= 2) {
		if (!tracefs_instance_set_buffer_size(t->fs, bytes / KIB, -1)) {
			t->buffer_bytes = bytes / KIB * KIB;
			return 0;
		}
	}
	return err_set(e, -ENOMEM,
		       "the kernel has no memory for trace buffers, not even %llu KiB per CPU",
		       BUFFER_LEAST / KIB);
}

static int open_cpus(struct trace *t, struct err *e)
{
	t->cpu_count = cpus_possible();
	t->cpus = calloc((size_t)t->cpu_count, sizeof(*t->cpus));
	t->chunk = malloc(CHUNK_BYTES > t->page_bytes ? CHUNK_BYTES : t->page_bytes);
	if (!t->cpus || !t->chunk)
		return err_set(e, -ENOMEM, "no memory for the trace of %d CPUs", t->cpu_count);
	for (int i = 0; i < t->cpu_count; i++)
		t->cpus[i].raw_fd = t->cpus[i].stats_fd = -1;
	return 0;
}

int trace_open(struct trace **out, enum trace_profile p, uint64_t buffer_bytes, struct err *e)
{
	static const char *const options[] = { "overwrite",	   "record-cmd",
					       "norecord-tgid",	   "nostacktrace",
					       "nouserstacktrace", "nopause-on-trace" };
	struct trace *t = calloc(1, sizeof(*t));
	int rc;

	if (!t)
		return err_set(e, -ENOMEM, "no memory for the trace");
	t->profile = p;
	t->on_fd = t->marker_fd = t->stop_fd = -1;
	pthread_mutex_init(&t->lock, NULL);
	rc = instance_open(&t->inst, e);
	if (rc)
		goto fail;
	t->fs = instance_tracefs(t->inst);
	tracefs_trace_off(t->fs);
	/* a new instance takes over options of the top one; those that this kernel does not have
	 * are off anyway */
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		tracefs_instance_file_write(t->fs, "trace_options", options[i]);
	rc = set_clock(t, e);
	if (!rc)
		rc = read_page_layout(t, e);
	if (!rc)
		rc = set_buffer(t, buffer_bytes, e);
	if (!rc)
		rc = open_cpus(t, e);
	if (rc)
		goto fail;
	t->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	t->on_fd = tracefs_instance_file_open(t->fs, "tracing_on", O_WRONLY | O_CLOEXEC);
	t->marker_fd = tracefs_instance_file_open(t->fs, "trace_marker", O_WRONLY | O_CLOEXEC);
	if (t->stop_fd < 0 || t->on_fd < 0) {
		rc = err_sys(e, "cannot open the controls of the tracing instance");
		goto fail;
	}
	*out = t;
	return 0;
fail:
	trace_close(t, NULL);
	return rc;
}

const char *trace_clock_name(const struct trace *t)
{
	return t->clock;
}

uint32_t trace_page_bytes(const struct trace *t)
{
	return t->page_bytes;
}

uint64_t trace_buffer_bytes(const struct trace *t)
{
	return t->buffer_bytes;
}

/* A file of tracefs' top directory as a member. */
static int put_file(struct trace *t, const char *file, const char *member)
{
	int n = 0, rc = 0;
	char *text = tracefs_instance_file_read(NULL, file, &n);

	if (!text)
		return -ENOENT;
	rc = tape_member_put(t->w, text, (size_t)n, "%s", member);
	free(text);
	return rc;
}

static int64_t event_id(const struct trace *t, const struct profile_event *ev)
{
	char file[128];
	long long id;

	snprintf(file, sizeof(file), "events/%s/%s/id", ev->system, ev->name);
	return tracefs_instance_file_read_number(t->fs, file, &id) ? -1 : id;
}

static int put_format(struct trace *t, const char *system, const char *name)
{
	char file[128], member[160];

	snprintf(file, sizeof(file), "events/%s/%s/format", system, name);
	snprintf(member, sizeof(member), "ftrace/%s", file);
	return put_file(t, file, member);
}

/* Filter, format and switch of one event. Return: 0, -errno of the tape or of the switch. */
static int arm_event(struct trace *t, struct armed *a)
{
	const struct profile_event *ev = a->ev;
	char file[128];
	int rc;

	a->id = event_id(t, ev);
	rc = put_format(t, ev->system, ev->name);
	if (rc)
		return rc;
	snprintf(file, sizeof(file), "events/%s/%s/filter", ev->system, ev->name);
	/* where a kernel has other fields, all of its events are taken */
	if (ev->filter && tracefs_instance_file_write(t->fs, file, ev->filter) >= 0) {
		rc = tape_member_put(t->w, ev->filter, strlen(ev->filter), "ftrace/filter/%s/%s",
				     ev->system, ev->name);
		if (rc)
			return rc;
	}
	snprintf(file, sizeof(file), "events/%s/%s/enable", ev->system, ev->name);
	return tracefs_instance_file_write(t->fs, file, "1") < 0 ? -EIO : 0;
}

static int arm_next(void *ctx, const struct profile_event *ev)
{
	struct trace *t = ctx;
	struct armed *a = &t->armed[t->armed_count];
	int rc;

	a->ev = ev;
	rc = arm_event(t, a);
	if (!rc)
		t->armed_count++;
	return rc;
}

/* Open the files of CPUs that are online now and were not before. */
static void look_for_cpus(struct trace *t)
{
	char online[CPUS_TEXT], file[64];

	cpus_online(online);
	if (!strcmp(online, t->online))
		return;
	strcpy(t->online, online);
	for (int i = 0; i < t->cpu_count; i++) {
		struct cpu *c = &t->cpus[i];

		if (c->raw_fd >= 0 || c->bad || !cpus_in_list(online, i))
			continue;
		snprintf(file, sizeof(file), "per_cpu/cpu%d/trace_pipe_raw", i);
		c->raw_fd =
			tracefs_instance_file_open(t->fs, file, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		snprintf(file, sizeof(file), "per_cpu/cpu%d/stats", i);
		c->stats_fd = tracefs_instance_file_open(t->fs, file, O_RDONLY | O_CLOEXEC);
		if (c->raw_fd < 0) {
			c->bad = true;
			quality_put(t->w, "cpu-unreadable", "ftrace", i, NULL, clock_mono_ns(), -1,
				    -1, "its trace buffer cannot be opened: %s", strerror(errno));
		}
	}
}

/* Add one CPU's statistics to @sum. */
static void sum_stats(struct trace_totals *sum, struct span text)
{
	struct span line, name;
	uint64_t v;

	while (span_line(&text, &line)) {
		if (!span_field(&line, ':', &name) || span_u64(span_trim(line), &v))
			continue;
		if (span_is(name, "read events"))
			sum->read += v;
		else if (span_is(name, "overrun"))
			sum->overrun += v;
		else if (span_is(name, "commit overrun"))
			sum->commit_overrun += v;
		else if (span_is(name, "dropped events"))
			sum->dropped += v;
	}
}

static int put_stats(struct trace *t)
{
	struct trace_totals sum = { 0 };
	struct buf b = { 0 };
	char text[1024];
	int rc;

	for (int i = 0; i < t->cpu_count; i++) {
		int64_t now = clock_mono_ns();
		ssize_t n = t->cpus[i].stats_fd < 0
				    ? -1
				    : pread(t->cpus[i].stats_fd, text, sizeof(text), 0);

		if (n <= 0)
			continue;
		buf_printf(&b, "cpu%d %" PRId64 "\n", i, now);
		buf_put(&b, text, (size_t)n);
		sum_stats(&sum, (struct span){ text, (size_t)n });
	}
	pthread_mutex_lock(&t->lock);
	sum.pages = t->totals.pages;
	t->totals = sum;
	pthread_mutex_unlock(&t->lock);
	rc = tape_member_put(t->w, b.data, b.len, "ftrace/stats/%06u", t->stats_seq++);
	buf_free(&b);
	return rc;
}

/* A mark in the trace itself that ties its clock to the others. */
static void put_anchor(struct trace *t)
{
	struct clock_pair p;
	char text[128];
	int n;

	if (t->marker_fd < 0)
		return;
	clock_pair_read(&p, 4);
	n = snprintf(text, sizeof(text), "skbtape anchor real=%" PRId64 " mono=%" PRId64 "\n",
		     p.real_ns, p.mono_ns);
	if (write(t->marker_fd, text, (size_t)n) != n) {
		/* EBADF while tracing is off; an anchor is a second opinion, clock/SEQ is the first
		 */
	}
}

int trace_arm(struct trace *t, struct tape_writer *w, struct err *e)
{
	int rc;

	t->w = w;
	look_for_cpus(t);
	rc = put_file(t, "events/header_page", "ftrace/header_page");
	if (!rc)
		rc = put_file(t, "events/header_event", "ftrace/header_event");
	if (!rc)
		rc = put_format(t, "ftrace", "print");
	if (!rc)
		rc = put_stats(t);
	if (rc)
		return err_set(e, rc, "cannot write the trace's layout to the tape: %s",
			       strerror(-rc));
	rc = profile_arm(t->profile, instance_way(t->inst)->path, w, arm_next, t, e);
	if (rc)
		return rc;
	if (tracefs_trace_on_fd(t->on_fd))
		return err_sys(e, "cannot turn tracing on in the tracing instance");
	put_anchor(t);
	return 0;
}

/* Whether a page was still being filled: full ones lack at most the room of one event. */
static bool page_is_last(const struct trace *t, const uint8_t *page)
{
	uint64_t commit = 0;
	uint32_t low;

	if (t->commit_bytes == 8) {
		memcpy(&commit, page + t->commit_offset, 8);
	} else {
		memcpy(&low, page + t->commit_offset, 4);
		commit = low;
	}
	/* above are RB_MISSED_EVENTS and RB_MISSED_STORED, kernel/trace/ring_buffer.c */
	return (commit & 0x3fffffff) < t->data_bytes / 4 * 3;
}

/*
 * Fill the chunk from a CPU.
 * @begin: of a round, where the rest of a page may come that was read half-way in the last one
 * @last:  set where nothing but what came meanwhile is left
 * Return: pages.
 */
static uint32_t fill_chunk(struct trace *t, int i, bool begin, bool all, bool *last)
{
	uint32_t max = CHUNK_BYTES > t->page_bytes ? CHUNK_BYTES / t->page_bytes : 1;
	struct cpu *c = &t->cpus[i];
	uint32_t n = 0;

	*last = false;
	while (n < max && !*last) {
		uint8_t *page = t->chunk + (size_t)n * t->page_bytes;
		ssize_t got = read(c->raw_fd, page, t->page_bytes);

		if (got == (ssize_t)t->page_bytes) {
			*last = !all && !(begin && n == 0) && page_is_last(t, page);
			n++;
		} else if (got == 0 || (got < 0 && errno == EAGAIN)) {
			/* 0: an event came just behind the look for one, tracing_buffers_read() in
			 * kernel/trace/trace.c */
			*last = true;
		} else if (got > 0 || errno != EINTR) {
			quality_put(t->w, "cpu-unreadable", "ftrace", i, NULL, clock_mono_ns(), -1,
				    -1, "reading its trace buffer gave %s",
				    got < 0 ? strerror(errno) : "less than a page");
			close(c->raw_fd);
			c->raw_fd = -1;
			c->bad = *last = true;
		}
	}
	return n;
}

/*
 * Read what a CPU has. A page that is not full is the one being written, and the round ends there
 * (but for the tail, @all): going on would fetch, page by page, the few events that came since,
 * many of them made by this reading itself.
 * @taken: bytes. Return: 0, or the tape writer's error.
 */
static int drain_cpu(struct trace *t, int i, bool all, uint64_t *taken)
{
	struct cpu *c = &t->cpus[i];
	bool last = false;

	*taken = 0;
	for (int round = 0; round < CHUNKS_A_ROUND && !last; round++) {
		uint32_t n = fill_chunk(t, i, round == 0, all, &last);
		int rc;

		if (!n)
			break;
		rc = tape_member_put(t->w, t->chunk, (size_t)n * t->page_bytes, "ftrace/cpu%d/%06u",
				     i, c->seq);
		if (rc) {
			quality_put(t->w, "pages-lost", "ftrace", i, NULL, clock_mono_ns(), -1, n,
				    "pages that were read but found no place on the tape");
			return rc;
		}
		c->seq++;
		*taken += (uint64_t)n * t->page_bytes;
		pthread_mutex_lock(&t->lock);
		t->totals.pages += n;
		pthread_mutex_unlock(&t->lock);
	}
	return 0;
}

/* All CPUs once. @most: bytes that the fullest one gave. */
static int drain(struct trace *t, bool all, uint64_t *most)
{
	*most = 0;
	for (int i = 0; i < t->cpu_count; i++) {
		uint64_t taken;
		int rc;

		if (t->cpus[i].raw_fd < 0)
			continue;
		rc = drain_cpu(t, i, all, &taken);
		if (rc)
			return rc;
		if (taken > *most)
			*most = taken;
	}
	return 0;
}

/* How long to wait after a round that took @most bytes from the fullest CPU. */
static int64_t next_wait(const struct trace *t, int64_t wait, uint64_t most)
{
	int64_t max = (int64_t)(t->buffer_bytes / RATE * 1000);

	if (max > WAIT_MAX_NS)
		max = WAIT_MAX_NS;
	if (most > t->buffer_bytes / 4)
		wait /= 2;
	else if (most < t->buffer_bytes / 16)
		wait += wait / 4;
	if (wait > max)
		wait = max;
	return wait < WAIT_MIN_NS ? WAIT_MIN_NS : wait;
}

static bool stop_asked(const struct trace *t, int64_t wait_ns)
{
	struct pollfd p = { .fd = t->stop_fd, .events = POLLIN };

	return poll(&p, 1, (int)(wait_ns / 1000000)) > 0;
}

/* What is known only at the end. */
static int put_last(struct trace *t)
{
	int rc = 0, rc2;

	for (size_t i = 0; i < t->armed_count && !rc; i++) {
		const struct profile_event *ev = t->armed[i].ev;

		/* a module that came back has its events under new numbers */
		if (event_id(t, ev) != t->armed[i].id)
			rc = put_format(t, ev->system, ev->name);
	}
	/* both belong to the machine: instances do not have them */
	rc2 = put_file(t, "printk_formats", "ftrace/printk_formats");
	rc = rc ? rc : rc2;
	rc2 = put_file(t, "saved_cmdlines", "ftrace/saved_cmdlines");
	rc = rc ? rc : rc2;
	return rc == -ENOENT ? 0 : rc;
}

int trace_run(struct trace *t)
{
	int64_t wait = WAIT_MIN_NS, second = clock_mono_ns() + NSEC_PER_SEC;
	uint64_t most;
	int rc = 0, rc2;

	setpriority(PRIO_PROCESS, 0, NICE); /* of this thread alone: setpriority(2), NOTES */
	while (!rc && !stop_asked(t, wait)) {
		rc = drain(t, false, &most);
		wait = next_wait(t, wait, most);
		if (!rc && clock_mono_ns() >= second) {
			second += NSEC_PER_SEC;
			put_anchor(t);
			look_for_cpus(t);
			rc = put_stats(t);
		}
	}
	put_anchor(t);
	tracefs_trace_off_fd(t->on_fd);
	/* twice nothing: an event that another CPU had begun may still become visible */
	for (int nothing = 0; !rc && nothing < 2;) {
		rc = drain(t, true, &most);
		nothing = most ? 0 : nothing + 1;
		usleep(TAIL_WAIT_US);
	}
	rc2 = put_stats(t);
	rc = rc ? rc : rc2;
	rc2 = put_last(t);
	return rc ? rc : rc2;
}

void trace_stop(struct trace *t)
{
	uint64_t one = 1;

	if (write(t->stop_fd, &one, sizeof(one)) < 0) {
		/* only when it counts to 2^64: it was asked before */
	}
}

size_t trace_lower(struct trace *t, enum trace_profile p, struct buf *off)
{
	char file[128];
	size_t n = 0;

	for (size_t i = 0; i < t->armed_count; i++) {
		const struct profile_event *ev = t->armed[i].ev;

		if (ev->from <= p)
			continue;
		snprintf(file, sizeof(file), "events/%s/%s/enable", ev->system, ev->name);
		tracefs_instance_file_write(t->fs, file, "0");
		buf_printf(off, "%s%s:%s", n ? " " : "", ev->system, ev->name);
		n++;
	}
	return n;
}

void trace_totals(const struct trace *t, struct trace_totals *x)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)&t->lock;

	pthread_mutex_lock(lock);
	*x = t->totals;
	pthread_mutex_unlock(lock);
}

int trace_close(struct trace *t, struct err *e)
{
	int rc;

	if (!t)
		return 0;
	for (int i = 0; t->cpus && i < t->cpu_count; i++) {
		if (t->cpus[i].raw_fd >= 0)
			close(t->cpus[i].raw_fd);
		if (t->cpus[i].stats_fd >= 0)
			close(t->cpus[i].stats_fd);
	}
	if (t->on_fd >= 0)
		close(t->on_fd);
	if (t->marker_fd >= 0)
		close(t->marker_fd);
	if (t->stop_fd >= 0)
		close(t->stop_fd);
	rc = instance_close(t->inst, e);
	free(t->cpus);
	free(t->chunk);
	pthread_mutex_destroy(&t->lock);
	free(t);
	return rc;
}

int trace_remove_stale(struct err *e)
{
	struct tracefs_way way;
	int rc = tracefs_way_open(&way, e);

	if (rc)
		return rc;
	rc = instance_remove_stale(&way, e);
	tracefs_way_close(&way);
	return rc;
}
