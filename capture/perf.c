/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * Each CPU that is online has one ring (perf_event_open(2), MMAP layout). It belongs
 * to a dummy event, which leads a group; the tracepoints join the group and send
 * their samples into the leader's ring, so that switching the leader on begins
 * all of a CPU's events at once. A sample holds the thread, the time
 * (CLOCK_MONOTONIC, by use_clockid), the CPU and the raw bytes that ftrace would have recorded,
 * with the same format (include/trace/perf.h). Records are copied to the tape as they stand in the
 * ring, whole ones, in members of at most 256 KiB.
 *
 * The kernel wakes us when a quarter of a ring is full; else each
 * ring is looked at every 100 ms. A full ring drops the newest events; the next
 * record that finds room is preceded by PERF_RECORD_LOST with their number. At the
 * very end none may follow, and a few samples were seen to reach no ring without any record
 * (Linux 6.18, some of 10,000, PERF_FORMAT_LOST 0): the events are switched off first, and then
 * their own counts say how many there were. What neither reached the ring nor was reported is
 * "dropped events" of the last statistics.
 *
 * Everything is opened before rights are given up; a CPU that comes online later is
 * noted, not recorded. When we end, however that happens, so do the events.
 */
#include "perf.h"
#include "about.h"
#include "clock.h"
#include "cpus.h"
#include "instance.h"
#include "profile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_LEAST   (64 * KIB)
#define CHUNK_BYTES    (256 * KIB) /* more than the longest record, whose length has 16 bits */
#define CHUNKS_A_ROUND 64	   /* per CPU: the others want their turn */
#define WAIT_MS	       100
#define TAIL_ROUNDS    100
#define FORMAT_MAX     (64 * KIB)
#define NICE	       5
#define SAMPLE_TYPE    (PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU | PERF_SAMPLE_RAW)

/* The ring of a CPU. */
struct ring {
	int cpu;
	int leader; /* the dummy event */
	struct perf_event_mmap_page *page;
	uint64_t bytes; /* of its data */
	int *fds;	/* tracepoints, fd_count of them */
	size_t fd_count;
	unsigned int seq; /* of perf/CPU/SEQ */
	uint64_t taken;	  /* samples that went to the tape */
	uint64_t lost;	  /* by PERF_RECORD_LOST */
	uint64_t unseen;  /* counted, but neither taken nor lost */
};

struct perf {
	enum trace_profile profile;
	struct tracefs_way way; /* path empty: formats come from a folder */
	char dir[512];		/* above "events" */
	struct tape_writer *w;
	struct ring *rings;
	int ring_count;
	struct pollfd *polls; /* of the rings, and of stop_fd */
	uint8_t *chunk;
	int stop_fd;
	unsigned int stats_seq;
	const struct profile_event *armed[PROFILE_EVENTS_MAX]; /* of fds in each ring */
	char online[CPUS_TEXT];

	pthread_mutex_t lock; /* of the totals */
	struct trace_totals totals;
};

static int event_open(struct perf_event_attr *a, int cpu, int group)
{
	a->size = sizeof(*a);
	a->use_clockid = 1;
	a->clockid = CLOCK_MONOTONIC;
	a->watermark = 1;
	a->sample_type = SAMPLE_TYPE;
	return (int)syscall(SYS_perf_event_open, a, -1, cpu, group, PERF_FLAG_FD_CLOEXEC);
}

static int tracepoint_open(uint64_t id, int cpu, int group)
{
	struct perf_event_attr a = { .type = PERF_TYPE_TRACEPOINT,
				     .config = id,
				     .sample_period = 1 };

	return event_open(&a, cpu, group);
}

/* ---- formats ---- */

/* The whole of a text of tracefs, which says 0 as its size. Return: 0, -errno. */
static int read_whole(const char *path, struct buf *b)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 1;
	int rc = 0;

	if (fd < 0)
		return -errno;
	while (!rc && n > 0 && b->len < FORMAT_MAX) {
		rc = buf_reserve(b, 4096);
		n = rc ? 0 : read(fd, b->data + b->len, 4096);
		if (n < 0)
			rc = -errno;
		else
			b->len += (size_t)n;
	}
	close(fd);
	return rc ? rc : b->len < FORMAT_MAX ? 0 : -EFBIG;
}

/* An event's format, and its number in it. */
static int read_format(const struct perf *p, const struct profile_event *ev, struct buf *b,
		       uint64_t *id)
{
	struct span text, line, key;
	char path[700];
	int rc;

	snprintf(path, sizeof(path), "%s/events/%s/%s/format", p->dir, ev->system, ev->name);
	rc = read_whole(path, b);
	if (rc)
		return rc;
	text = (struct span){ (const char *)b->data, b->len };
	while (span_line(&text, &line))
		if (span_field(&line, ':', &key) && span_is(key, "ID"))
			return span_u64(span_trim(line), id) ? -EINVAL : 0;
	return -EINVAL;
}

/* Formats that were taken on another boot may give an event's number to another one. */
static int check_boot(const char *formats, struct err *e)
{
	struct buf then = { 0 }, now = { 0 };
	char path[600];
	int rc;

	snprintf(path, sizeof(path), "%s/boot_id", formats);
	rc = read_whole(path, &then);
	if (rc)
		rc = err_set(e, rc,
			     "--formats %s: %s: %s; on the host, as root: mkdir %s && cp -r "
			     "/sys/kernel/tracing/events /proc/sys/kernel/random/boot_id %s",
			     formats, path, strerror(-rc), formats, formats);
	else if (read_whole("/proc/sys/kernel/random/boot_id", &now) || now.len != then.len ||
		 memcmp(now.data, then.data, now.len))
		rc = err_set(e, -ESTALE,
			     "--formats %s: taken on another boot or host, where events can have "
			     "other numbers; take them anew",
			     formats);
	buf_free(&then);
	buf_free(&now);
	return rc;
}

static int find_formats(struct perf *p, const char *formats, struct err *e)
{
	struct err why = { "" };
	int rc;

	if (formats) {
		if (strlen(formats) >= sizeof(p->dir))
			return err_set(e, -ENAMETOOLONG, "--formats: the name is too long");
		strcpy(p->dir, formats);
		return check_boot(formats, e);
	}
	rc = tracefs_way_open(&p->way, &why);
	if (rc)
		return err_set(e, rc,
			       "perf needs the numbers and formats of events: tracefs that can be "
			       "read, or --formats DIR with a copy (%.300s)",
			       why.text);
	strcpy(p->dir, p->way.path);
	return 0;
}

static bool has_capability(int bit)
{
	return about_capabilities() >> bit & 1;
}

static int paranoid(void)
{
	FILE *f = fopen("/proc/sys/kernel/perf_event_paranoid", "re");
	char line[16] = "";

	if (f && !fgets(line, sizeof(line), f))
		line[0] = '\0';
	if (f)
		fclose(f);
	return atoi(line);
}

/* The system call failed with @error: of what, as far as that can be seen from here. */
static int refused(struct err *e, int error)
{
	bool admin = has_capability(CAP_SYS_ADMIN);

	if (error != EACCES && error != EPERM)
		return err_set(e, -error, "perf_event_open does not take tracepoints here: %s", strerror(error));
	if (!admin && !has_capability(CAP_PERFMON))
		return err_set(e, -error,
			       "perf_event_open is not allowed (%s): CAP_PERFMON is missing (before Linux 5.8 CAP_SYS_ADMIN); in a "
			       "container --cap-add PERFMON and a seccomp profile that lets perf_event_open through",
			       strerror(error));
	/* a patch of Debian and Ubuntu: above 2 only CAP_SYS_ADMIN does, until it learned of CAP_PERFMON (seen with 5.10) */
	if (!admin && paranoid() > 2)
		return err_set(e, -error,
			       "perf_event_open is not allowed (%s) although CAP_PERFMON is there: kernel.perf_event_paranoid is %d, "
			       "above 2 some kernels ask for CAP_SYS_ADMIN: on the host, sysctl kernel.perf_event_paranoid=2",
			       strerror(error), paranoid());
	return err_set(e, -error,
		       "perf_event_open is not allowed (%s) although %s is there: a seccomp profile (in a container: one that "
		       "lets perf_event_open through), a security module, or a user namespace",
		       strerror(error), admin ? "CAP_SYS_ADMIN" : "CAP_PERFMON");
}

int perf_permitted(struct err *e)
{
	struct perf_event_attr a = { .type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_DUMMY, .disabled = 1 };
	char online[CPUS_TEXT];
	int fd;

	/* raw samples of tracepoints ask for more than a counter does: perf_trace_event_perm(), kernel/trace/trace_event_perf.c */
	if (paranoid() > -1 && !has_capability(CAP_PERFMON) && !has_capability(CAP_SYS_ADMIN))
		return refused(e, EACCES);
	cpus_online(online);
	fd = event_open(&a, atoi(online), -1);
	if (fd < 0)
		return refused(e, errno);
	close(fd);
	return 0;
}

/* One tracepoint for a moment: whether that is allowed at all. */
static int try_tracepoint(const struct perf *p, struct err *e)
{
	const struct profile_event *ev;
	char online[CPUS_TEXT];
	struct buf b = { 0 };
	int rc = -ENOENT, fd;
	uint64_t id = 0;
	size_t n;

	ev = profile_events(&n);
	for (size_t i = 0; i < n && rc == -ENOENT; i++) {
		b.len = 0;
		rc = read_format(p, &ev[i], &b, &id);
	}
	buf_free(&b);
	if (rc == -EINVAL && !p->way.path[0])
		return err_set(e, rc,
			       "--formats %s: its files hold no format of an event: they were copied by a cp that takes files of "
			       "tracefs for links to each other (busybox's); copy them with GNU's cp -r, or one by one",
			       p->dir);
	if (rc)
		return err_set(
			e, rc,
			"perf needs the numbers and formats of events, but those below "
			"%s/events cannot be read (%s): as root once mount -o "
			"remount,mode=755 /sys/kernel/tracing, or give a copy with --formats",
			p->dir, strerror(-rc));
	cpus_online(online);
	fd = tracepoint_open(id, atoi(online), -1);
	if (fd >= 0) {
		close(fd);
		return 0;
	}
	return refused(e, errno);
}

/* ---- rings ---- */

static int ring_open(struct ring *r, uint64_t want, struct err *e)
{
	struct perf_event_attr a = { .type = PERF_TYPE_SOFTWARE,
				     .config = PERF_COUNT_SW_DUMMY,
				     .disabled = 1 };
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), bytes = page;
	int rc = 0;

	while (bytes < want)
		bytes *= 2;
	/* without CAP_IPC_LOCK, kernel.perf_event_mlock_kb and RLIMIT_MEMLOCK bound the rings */
	for (; bytes >= BUFFER_LEAST; bytes /= 2) {
		void *at;

		a.wakeup_watermark = (uint32_t)(bytes / 4);
		r->leader = event_open(&a, r->cpu, -1);
		if (r->leader < 0)
			return err_sys(e, "perf_event_open on CPU %d", r->cpu);
		at = mmap(NULL, page + bytes, PROT_READ | PROT_WRITE, MAP_SHARED, r->leader, 0);
		if (at != MAP_FAILED) {
			r->page = at;
			r->bytes = bytes;
			return 0;
		}
		rc = -errno;
		close(r->leader);
		r->leader = -1;
	}
	return err_set(e, rc,
		       "no memory for perf's ring of CPU %d (%s): kernel.perf_event_mlock_kb and "
		       "ulimit -l bound it without CAP_IPC_LOCK",
		       r->cpu, strerror(-rc));
}

static int open_rings(struct perf *p, uint64_t want, struct err *e)
{
	int cpus = cpus_possible(), rc = 0;

	p->rings = calloc((size_t)cpus, sizeof(*p->rings));
	p->polls = calloc((size_t)cpus + 1, sizeof(*p->polls));
	p->chunk = malloc(CHUNK_BYTES);
	if (!p->rings || !p->polls || !p->chunk)
		return err_set(e, -ENOMEM, "no memory for the rings of %d CPUs", cpus);
	cpus_online(p->online);
	for (int i = 0; i < cpus && !rc; i++) {
		struct ring *r = &p->rings[p->ring_count];

		if (!cpus_in_list(p->online, i))
			continue;
		*r = (struct ring){ .cpu = i, .leader = -1 };
		p->polls[p->ring_count++].events = POLLIN;
		r->fds = calloc(PROFILE_EVENTS_MAX, sizeof(*r->fds));
		rc = r->fds ? ring_open(r, want, e) : -ENOMEM;
		p->polls[p->ring_count - 1].fd = r->leader;
	}
	p->polls[p->ring_count] = (struct pollfd){ .fd = p->stop_fd, .events = POLLIN };
	return rc;
}

int perf_open(struct perf **out, enum trace_profile profile, uint64_t buffer_bytes,
	      const char *formats, struct err *e)
{
	struct perf *p = calloc(1, sizeof(*p));
	int rc;

	if (!p)
		return err_set(e, -ENOMEM, "no memory for perf");
	p->profile = profile;
	p->way.fd = -1;
	pthread_mutex_init(&p->lock, NULL);
	p->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	rc = p->stop_fd < 0 ? err_sys(e, "eventfd") : find_formats(p, formats, e);
	if (!rc)
		rc = try_tracepoint(p, e);
	if (!rc)
		rc = open_rings(p, buffer_bytes ? buffer_bytes : trace_buffer_choose(), e);
	if (rc) {
		perf_close(p);
		return rc;
	}
	*out = p;
	return 0;
}

uint64_t perf_buffer_bytes(const struct perf *p)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < p->ring_count; i++)
		if (p->rings[i].bytes < least)
			least = p->rings[i].bytes;
	return least;
}

int perf_allowed(const char *formats, struct err *e)
{
	struct perf p = { .way.fd = -1 };
	int rc = find_formats(&p, formats, e);

	if (!rc)
		rc = try_tracepoint(&p, e);
	tracefs_way_close(&p.way);
	return rc;
}

/* ---- arming ---- */

/* Open an event on each CPU; none of it stays where one of them fails. */
static int join_groups(struct perf *p, uint64_t id, const char *filter, bool *filtered)
{
	int rc = 0;

	*filtered = filter != NULL;
	for (int i = 0; i < p->ring_count && !rc; i++) {
		struct ring *r = &p->rings[i];
		int fd = tracepoint_open(id, r->cpu, r->leader);

		if (fd < 0) {
			rc = -errno;
			break;
		}
		r->fds[r->fd_count++] = fd;
		if (ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, r->leader))
			rc = -errno;
		/* where a kernel has other fields, all of its events are taken */
		else if (*filtered && ioctl(fd, PERF_EVENT_IOC_SET_FILTER, filter))
			*filtered = false;
	}
	return rc;
}

static int arm_next(void *ctx, const struct profile_event *ev)
{
	size_t had = ((struct perf *)ctx)->rings[0].fd_count;
	struct perf *p = ctx;
	struct buf b = { 0 };
	bool filtered = false;
	uint64_t id;
	int rc = read_format(p, ev, &b, &id);

	if (!rc)
		rc = join_groups(p, id, ev->filter, &filtered);
	for (int i = 0; rc && i < p->ring_count; i++)
		if (p->rings[i].fd_count > had)
			close(p->rings[i].fds[--p->rings[i].fd_count]);
	if (!rc)
		rc = tape_member_put(p->w, b.data, b.len, "ftrace/events/%s/%s/format", ev->system,
				     ev->name);
	if (p->ring_count && p->rings[0].fd_count > had)
		p->armed[had] = ev;
	if (!rc && filtered)
		rc = tape_member_put(p->w, ev->filter, strlen(ev->filter), "ftrace/filter/%s/%s",
				     ev->system, ev->name);
	buf_free(&b);
	return rc;
}

size_t perf_lower(struct perf *p, enum trace_profile to, struct buf *off)
{
	size_t n = 0;

	for (size_t k = 0; p->ring_count && k < p->rings[0].fd_count; k++) {
		const struct profile_event *ev = p->armed[k];

		if (ev->from <= to)
			continue;
		for (int i = 0; i < p->ring_count; i++)
			ioctl(p->rings[i].fds[k], PERF_EVENT_IOC_DISABLE, 0);
		buf_printf(off, "%s%s:%s", n ? " " : "", ev->system, ev->name);
		n++;
	}
	return n;
}

/* In the words of tracefs' statistics, so that one reader serves both. */
static int put_stats(struct perf *p)
{
	struct trace_totals sum = { 0 };
	struct buf b = { 0 };
	int rc;

	for (int i = 0; i < p->ring_count; i++) {
		const struct ring *r = &p->rings[i];

		buf_printf(&b,
			   "cpu%d %" PRId64 "\noverrun: %" PRIu64 "\ndropped events: %" PRIu64
			   "\nread events: %" PRIu64 "\n",
			   r->cpu, clock_mono_ns(), r->lost, r->unseen, r->taken);
		sum.read += r->taken;
		sum.overrun += r->lost;
		sum.dropped += r->unseen;
	}
	pthread_mutex_lock(&p->lock);
	p->totals = sum;
	pthread_mutex_unlock(&p->lock);
	rc = tape_member_put(p->w, b.data, b.len, "perf/stats/%06u", p->stats_seq++);
	buf_free(&b);
	return rc;
}

int perf_arm(struct perf *p, struct tape_writer *w, struct err *e)
{
	int rc;

	p->w = w;
	rc = put_stats(p);
	if (rc)
		return err_set(e, rc, "cannot write to the tape: %s", strerror(-rc));
	rc = profile_arm(p->profile, p->dir, w, arm_next, p, e);
	for (int i = 0; i < p->ring_count && !rc; i++)
		if (ioctl(p->rings[i].leader, PERF_EVENT_IOC_ENABLE, 0))
			rc = err_sys(e, "cannot switch perf's events of CPU %d on",
				     p->rings[i].cpu);
	return rc;
}

/* ---- draining ---- */

/* Records of the chunk that are whole; counts what they are. Return: their bytes. */
static size_t whole_records(struct ring *r, const uint8_t *chunk, size_t n)
{
	size_t at = 0;

	while (n - at >= sizeof(struct perf_event_header)) {
		struct perf_event_header h;
		uint64_t lost;

		memcpy(&h, chunk + at, sizeof(h));
		if (h.size < sizeof(h) || h.size > n - at)
			break;
		if (h.type == PERF_RECORD_SAMPLE) {
			r->taken++;
		} else if (h.type == PERF_RECORD_LOST && h.size >= sizeof(h) + 16) {
			memcpy(&lost, chunk + at + sizeof(h) + 8, sizeof(lost)); /* behind its id */
			r->lost += lost;
		}
		at += h.size;
	}
	return at;
}

/* One chunk of a ring to the tape. @taken: its bytes. Return: 0, or the tape writer's error. */
static int drain_chunk(struct perf *p, struct ring *r, size_t *taken)
{
	uint64_t head = __atomic_load_n(&r->page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = r->page->data_tail, at = tail & (r->bytes - 1);
	const uint8_t *data = (const uint8_t *)r->page + sysconf(_SC_PAGESIZE);
	size_t n = head - tail < CHUNK_BYTES ? (size_t)(head - tail) : CHUNK_BYTES, first;
	int rc;

	first = n < r->bytes - at ? n : (size_t)(r->bytes - at);
	memcpy(p->chunk, data + at, first);
	memcpy(p->chunk + first, data, n - first);
	*taken = whole_records(r, p->chunk, n);
	if (!*taken)
		return 0;
	__atomic_store_n(&r->page->data_tail, tail + *taken, __ATOMIC_RELEASE);
	rc = tape_member_put(p->w, p->chunk, *taken, "perf/%d/%06u", r->cpu, r->seq);
	if (rc)
		quality_put(p->w, "pages-lost", "ftrace", r->cpu, NULL, clock_mono_ns(), -1, -1,
			    "records that were read but found no place on the tape");
	else
		r->seq++;
	return rc;
}

/* All rings once. @most: bytes that the fullest one gave. */
static int drain(struct perf *p, size_t *most)
{
	*most = 0;
	for (int i = 0; i < p->ring_count; i++) {
		size_t all = 0, taken = 1;

		for (int round = 0; round < CHUNKS_A_ROUND && taken; round++) {
			int rc = drain_chunk(p, &p->rings[i], &taken);

			if (rc)
				return rc;
			all += taken;
		}
		if (all > *most)
			*most = all;
	}
	return 0;
}

static void look_for_cpus(struct perf *p)
{
	char online[CPUS_TEXT];
	int cpus = cpus_possible();

	cpus_online(online);
	if (!strcmp(online, p->online))
		return;
	for (int i = 0; i < cpus; i++)
		if (cpus_in_list(online, i) && !cpus_in_list(p->online, i))
			quality_put(p->w, "cpu-unreadable", "ftrace", i, NULL, clock_mono_ns(), -1,
				    -1, "came online after the start, which perf does not record");
	strcpy(p->online, online);
}

static void switch_off(struct perf *p)
{
	for (int i = 0; i < p->ring_count; i++) {
		ioctl(p->rings[i].leader, PERF_EVENT_IOC_DISABLE, 0);
		/* the members of the group that are off count on no more, too */
		for (size_t k = 0; k < p->rings[i].fd_count; k++)
			ioctl(p->rings[i].fds[k], PERF_EVENT_IOC_DISABLE, 0);
	}
}

/* What the events' own counts say beyond the records. */
static void count_unseen(struct perf *p)
{
	for (int i = 0; i < p->ring_count; i++) {
		struct ring *r = &p->rings[i];
		uint64_t sum = 0, count;

		for (size_t k = 0; k < r->fd_count; k++)
			if (read(r->fds[k], &count, sizeof(count)) == sizeof(count))
				sum += count;
		if (sum > r->taken + r->lost)
			r->unseen = sum - r->taken - r->lost;
	}
}

static int put_last(struct perf *p)
{
	static const char *const files[] = { "printk_formats", "saved_cmdlines" };
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(files) && !rc; i++) {
		struct buf b = { 0 };
		char path[600];

		snprintf(path, sizeof(path), "%s/%s", p->dir, files[i]);
		if (!read_whole(path, &b))
			rc = tape_member_put(p->w, b.data, b.len, "ftrace/%s", files[i]);
		buf_free(&b);
	}
	return rc;
}

int perf_run(struct perf *p)
{
	int64_t second = clock_mono_ns() + NSEC_PER_SEC;
	struct pollfd *stop = &p->polls[p->ring_count];
	size_t most;
	int rc = 0, rc2;

	setpriority(PRIO_PROCESS, 0, NICE); /* of this thread alone: setpriority(2), NOTES */
	while (!rc && !stop->revents) {
		poll(p->polls, (nfds_t)p->ring_count + 1, WAIT_MS);
		rc = drain(p, &most);
		if (!rc && clock_mono_ns() >= second) {
			second += NSEC_PER_SEC;
			look_for_cpus(p);
			rc = put_stats(p);
		}
	}
	switch_off(p);
	/* twice nothing: an event that another CPU had begun may still become visible */
	for (int nothing = 0, i = 0; !rc && nothing < 2 && i < TAIL_ROUNDS; i++) {
		rc = drain(p, &most);
		nothing = most ? 0 : nothing + 1;
		usleep(1000);
	}
	count_unseen(p);
	rc2 = put_stats(p);
	rc = rc ? rc : rc2;
	rc2 = put_last(p);
	return rc ? rc : rc2;
}

void perf_stop(struct perf *p)
{
	uint64_t one = 1;

	if (write(p->stop_fd, &one, sizeof(one)) < 0) {
		/* only when it counts to 2^64: it was asked before */
	}
}

void perf_totals(const struct perf *p, struct trace_totals *x)
{
	pthread_mutex_t *lock = (pthread_mutex_t *)&p->lock;

	pthread_mutex_lock(lock);
	*x = p->totals;
	pthread_mutex_unlock(lock);
}

void perf_close(struct perf *p)
{
	if (!p)
		return;
	for (int i = 0; i < p->ring_count; i++) {
		struct ring *r = &p->rings[i];

		for (size_t k = 0; k < r->fd_count; k++)
			close(r->fds[k]);
		if (r->page)
			munmap(r->page, (size_t)sysconf(_SC_PAGESIZE) + r->bytes);
		if (r->leader >= 0)
			close(r->leader);
		free(r->fds);
	}
	if (p->stop_fd >= 0)
		close(p->stop_fd);
	tracefs_way_close(&p->way);
	free(p->rings);
	free(p->polls);
	free(p->chunk);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
