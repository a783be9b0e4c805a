/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * Signals are blocked before anything is made and arrive through a signalfd, so
 * there is no moment at which one could end us with a tracing instance left
 * behind; the start looks for them between its steps, and a recording that was
 * stopped while it started still ends as a complete tape.
 *
 * Start: command line, filter, namespaces, output file, tracing instance (off),
 * tape.json, snapshot "before", packet sockets, events; COMMAND is forked, what
 * needs no more rights gives them up (privilege.c), threads start; then
 * `recording` is said and COMMAND runs. Three threads work: trace, sniffer,
 * and the one for snapshots; the main thread reads clocks and waits for a
 * reason to end. End: trace and sniffer stop and drain, snapshot "after",
 * symbols where modules changed, end.json, the instance goes away, summary.
 *
 * Whatever is missing (no tracefs, no packet socket) is said, goes into quality
 * and makes the exit status 3; the rest is recorded all the same. Where the tape
 * could not be written to the end that was asked for (disk full, pipe closed) the
 * status is 1, although what was written is a tape.
 */
#include "record.h"

#include "about.h"
#include "clock.h"
#include "command.h"
#include "doctor.h"
#include "lower.h"
#include "output.h"
#include "privilege.h"
#include "snap.h"

#include <errno.h>
#include <inttypes.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <zstd.h>

#define LOOK_NS	     (250 * 1000000LL) /* how soon a full disk or a closed pipe is noticed */
#define CLOCK_TRIES  32
#define SNIFF_MEMORY (64 * MIB) /* DESIGN: all rings together */
#define SNIFF_LEAST  (4 * MIB)
#define SNIFF_SHARE  32 /* of the available memory */
#define NICE	     5
#define SYMBOLS_FIRST (32 * MIB) /* of --max-size: below that the symbols come last */

enum { EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_PARTIAL, EXIT_BUG };

/* A thread that has to be waited for with an eye on signals. */
struct worker {
	pthread_t thread;
	bool running;
};

struct recorder {
	struct record_options o;
	const char *name; /* of the program, before each message */
	char **argv;

	int signal_fd;
	int set_fd; /* readable when the real time is set, -1: not told */
	struct command_env env;
	struct output out;
	struct netset *set;
	struct source *trace;
	struct sniff *sniff;
	struct snap *snap;
	struct tape_writer *w;
	struct worker trace_worker, sniff_worker, snap_worker;
	int snap_stop_fd;
	unsigned int clock_seq;

	struct command child;
	pid_t command; /* 0: none runs */
	struct lower lower;
	struct about_end end;
	char reason_text[128];
	int64_t armed_ns; /* -d counts from here */
	uint64_t bytes;	  /* of the whole tape */
	bool lacks;	  /* a source is missing: exit status 3 */
	bool failed;
	bool hurry; /* asked a second time to end */
	bool clock_was_set;
};

static void say(const struct recorder *r, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void say(const struct recorder *r, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s: %s\n", r->name, text);
}

/* The first reason stands. */
static void end_because(struct recorder *r, enum end_reason reason, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void end_because(struct recorder *r, enum end_reason reason, const char *fmt, ...)
{
	va_list ap;

	if (r->end.reason != END_NONE)
		return;
	r->end.reason = reason;
	va_start(ap, fmt);
	vsnprintf(r->reason_text, sizeof(r->reason_text), fmt, ap);
	va_end(ap);
}

/* What is missing, for the user, for the tape and for the exit status. */
static void note_lack(struct recorder *r, const char *kind, const char *source, const struct err *e)
{
	r->lacks = true;
	say(r, "%s", e->text);
	quality_put(r->w, kind, source, -1, NULL, -1, -1, -1, "%s", e->text);
}

static void on_crash(int sig)
{
	static const char text[] =
		"skbtape: internal error; the tape is readable up to its last whole frame; "
		"please report this\n";

	(void)sig;
	if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0) {
		/* nobody to tell */
	}
	_exit(EXIT_BUG); /* the guard removes the tracing instance */
}

static int setup_signals(struct recorder *r)
{
	static const int crashes[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
	struct sigaction crash = { .sa_handler = on_crash, .sa_flags = (int)SA_RESETHAND }, hup;
	sigset_t set;

	for (size_t i = 0; i < ARRAY_SIZE(crashes); i++)
		sigaction(crashes[i], &crash, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	/* nohup(1) ignores it, and then it is none of ours */
	if (!sigaction(SIGHUP, NULL, &hup) && hup.sa_handler != SIG_IGN)
		sigaddset(&set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, &set, &r->env.mask);
	r->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return r->signal_fd < 0 ? -errno : 0;
}

/* Take the signals that have come; wait for one, or for the clock to be set, at most @wait_ns. */
static void take_signals(struct recorder *r, int64_t wait_ns)
{
	struct pollfd p[] = { { .fd = r->signal_fd, .events = POLLIN },
			      { .fd = r->set_fd, .events = POLLIN } };
	struct signalfd_siginfo info;

	if (poll(p, wait_ns ? 2 : 1, (int)((wait_ns + 999999) / 1000000)) <= 0)
		return;
	r->clock_was_set |= p[1].revents != 0;
	while (read(r->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGCHLD) {
			if (r->command && command_reap(r->command, &r->end.command_status)) {
				r->command = 0;
				end_because(r, END_COMMAND, "the command ended with status %d",
					    r->end.command_status);
			}
		} else if (r->end.reason == END_NONE) {
			end_because(r, END_SIGNAL, "SIG%s", sigabbrev_np((int)info.ssi_signo));
		} else if (!r->hurry) {
			r->hurry = true;
			say(r, "ending at once: what takes time (last snapshot, kernel symbols) is "
			       "left out");
		}
	}
}

/* A failed or full tape ends the recording. */
static void look_at_tape(struct recorder *r)
{
	int rc = tape_writer_failed(r->w);

	if (rc == -EFBIG)
		end_because(r, END_MAX_SIZE, "the tape reached --max-size %" PRIu64,
			    r->o.max_bytes);
	else if (rc == -ENOSPC || rc == -EDQUOT)
		end_because(r, END_NO_SPACE, "no space left on the disk for the tape");
	else if (rc)
		end_because(r, END_ERROR, "writing the tape: %s", strerror(-rc));
}

static bool ending(struct recorder *r)
{
	take_signals(r, 0);
	look_at_tape(r);
	return r->end.reason != END_NONE;
}

static void put_clock(struct recorder *r)
{
	struct clock_pair p;
	struct buf b = { 0 };
	uint64_t n;

	/* timerfd_create(2): ECANCELED tells that the clock was set since the last time */
	bool set = r->set_fd >= 0 && read(r->set_fd, &n, sizeof(n)) < 0 && errno == ECANCELED;

	clock_pair_read(&p, CLOCK_TRIES);
	p.just_set = set;
	if (!clock_pair_line(&p, &b))
		tape_member_put(r->w, b.data, b.len, "clock/%06u", r->clock_seq++);
	buf_free(&b);
}

static void *trace_thread(void *arg)
{
	struct recorder *r = arg;

	source_run(
		r->trace); /* what stops it early is the tape's error, which look_at_tape() sees */
	return NULL;
}

static void *sniff_thread(void *arg)
{
	struct recorder *r = arg;

	setpriority(PRIO_PROCESS, 0, NICE); /* of this thread alone: setpriority(2), NOTES */
	sniff_run(r->sniff);
	return NULL;
}

static void *snap_thread(void *arg)
{
	struct recorder *r = arg;
	struct pollfd p = { .fd = r->snap_stop_fd, .events = POLLIN };
	int64_t next = clock_mono_ns() + NSEC_PER_SEC;

	setpriority(PRIO_PROCESS, 0, NICE);
	/* a small tape keeps its room for what happens */
	bool symbols = !r->o.max_bytes || r->o.max_bytes >= SYMBOLS_FIRST;

	for (;;) {
		int64_t wait = next - clock_mono_ns();

		if (poll(&p, 1, wait > 0 ? (int)(wait / 1000000) + 1 : 0) > 0 ||
		    snap_take(r->snap, SNAP_TICK))
			return NULL;
		/* a megabyte: behind the first second's events, so that the head of a copy has some,
		 * and early, so that a recorder that is killed leaves names for them */
		if (symbols && snap_symbols(r->snap, false))
			return NULL;
		symbols = false;
		next += NSEC_PER_SEC;
		if (next < clock_mono_ns()) /* the last one took too long: go on from here, do not
					       catch up */
			next = clock_mono_ns() + NSEC_PER_SEC;
	}
}

static int start_worker(struct recorder *r, struct worker *w, void *(*body)(void *))
{
	int rc = pthread_create(&w->thread, NULL, body, r);

	w->running = !rc;
	if (rc) {
		say(r, "cannot start a thread: %s", strerror(rc));
		end_because(r, END_ERROR, "no thread: %s", strerror(rc));
		r->failed = true;
	}
	return -rc;
}

/* Wait for a thread that was asked to end, open to a second signal. */
static void join_worker(struct recorder *r, struct worker *w)
{
	if (!w->running)
		return;
	for (;;) {
		struct timespec ts;
		int64_t until = clock_real_ns() + LOOK_NS;

		ts.tv_sec = until / NSEC_PER_SEC;
		ts.tv_nsec = until % NSEC_PER_SEC;
		if (pthread_timedjoin_np(w->thread, NULL, &ts) != ETIMEDOUT)
			break;
		take_signals(r, 0);
	}
	w->running = false;
}

static uint64_t sniff_memory(void)
{
	uint64_t bytes = trace_memory_available() / SNIFF_SHARE;

	return bytes < SNIFF_LEAST ? SNIFF_LEAST : bytes > SNIFF_MEMORY ? SNIFF_MEMORY : bytes;
}

/* The tape itself: everything that has to stand before a source can be opened. Return: 0, or the
 * exit status. */
static int open_tape(struct recorder *r, struct err *trace_err)
{
	struct buf json = { 0 };
	struct err e = { "" };
	int rc;

	rc = netset_open(&r->set, r->o.scope, r->o.netns, &e);
	if (!rc)
		rc = output_open(&r->out, r->o.output, &e);
	if (rc) {
		say(r, "%s", e.text);
		return EXIT_FAILED;
	}
	source_open(&r->trace, r->o.backend, r->o.profile, r->o.buffer_bytes, r->o.formats, trace_err);
	rc = about_tape(&json, &r->o, r->argv, r->trace, &r->end.start_mono_ns);
	if (rc)
		err_set(&e, rc, "no memory for tape.json");
	else
		rc = tape_writer_open(&r->w, r->out.fd, r->o.max_bytes,
				      (struct span){ (char *)json.data, json.len }, &e);
	buf_free(&json);
	if (rc) {
		say(r, "%s: %s", r->out.name, e.text);
		output_discard(&r->out);
		return EXIT_FAILED;
	}
	return 0;
}

static void open_sniffer(struct recorder *r)
{
	struct sniff_options so = {
		.snaplen = r->o.snaplen,
		.filter = r->o.filter,
		.interfaces = r->o.interface_count ? r->o.interfaces : NULL,
		.memory_bytes = sniff_memory(),
	};
	struct err e = { "" };

	if (r->o.pcap && sniff_open(&r->sniff, &so, r->set, r->w, &e))
		note_lack(r, "source-missing", "pcap", &e);
}

/* All sources, as far as they can be had. */
static void open_sources(struct recorder *r, const struct err *trace_err)
{
	struct err e = { "" };

	put_clock(r);
	if (!r->trace)
		note_lack(r, "source-missing", "ftrace", trace_err);
	else if (r->o.backend == BACKEND_AUTO && source_backend(r->trace) == BACKEND_PERF && !r->o.quiet)
		say(r, "no tracing instance can be made here: events come through perf");
	if (r->trace && r->o.buffer_bytes && source_buffer_bytes(r->trace) < r->o.buffer_bytes)
		quality_put(r->w, "buffer-smaller", "ftrace", -1, NULL, -1, -1,
			    (int64_t)source_buffer_bytes(r->trace),
			    "the kernel had no memory for %" PRIu64 " bytes per CPU",
			    r->o.buffer_bytes);
	if (snap_open(&r->snap, r->set, r->w, r->o.profile == PROFILE_FULL, &e))
		note_lack(r, "source-missing", "snap", &e);
	else if (!ending(r))
		snap_take(r->snap, SNAP_BEFORE);
	if (!ending(r))
		open_sniffer(r);
	if (r->trace && !ending(r) && source_arm(r->trace, r->w, &e) && !ending(r)) {
		note_lack(r, "source-missing", "ftrace", &e);
		source_close(r->trace, NULL);
		r->trace = NULL;
	}
	if ((!r->trace || (r->o.pcap && !r->sniff)) && geteuid() && !ending(r))
		say(r, "run it as root, or once as root: setcap "
		       "cap_dac_override,cap_net_admin,cap_net_raw,cap_sys_admin,"
		       "cap_sys_ptrace,cap_syslog+ep skbtape-record");
}

static void start_threads(struct recorder *r)
{
	if (r->trace)
		start_worker(r, &r->trace_worker, trace_thread);
	if (r->sniff)
		start_worker(r, &r->sniff_worker, sniff_thread);
	if (r->snap)
		start_worker(r, &r->snap_worker, snap_thread);
}

/* @rc of a step of COMMAND's start. */
static void command_failed(struct recorder *r, int rc, const struct err *e)
{
	if (!rc)
		return;
	say(r, "%s", e->text);
	end_because(r, END_ERROR, "%.120s", e->text);
	r->failed = true;
}

/* COMMAND is forked while there are all rights, and runs when everything else does. */
static void prepare_command(struct recorder *r)
{
	struct err e = { "" };

	if (r->o.command && !ending(r))
		command_failed(r, command_prepare(&r->child, r->o.command, &r->env, &e), &e);
}

static void start_command(struct recorder *r, bool go)
{
	struct err e = { "" };

	if (!r->child.pid)
		return;
	command_failed(r, command_start(&r->child, r->o.command[0], go, &e), &e);
	r->command = r->child.pid;
}

static void show_progress(const struct recorder *r, bool last)
{
	struct trace_totals x = { 0 };
	struct sniff_totals y = { 0 };

	if (r->o.quiet || r->o.command || !isatty(STDERR_FILENO))
		return;
	if (r->trace)
		source_totals(r->trace, &x);
	if (r->sniff)
		sniff_totals(r->sniff, &y);
	fprintf(stderr, "\r%6.0f s  %" PRIu64 " events  %" PRIu64 " frames  %.1f MB %s",
		(double)(clock_mono_ns() - r->armed_ns) / 1e9, x.read, y.written,
		(double)tape_writer_bytes(r->w, NULL) / 1e6, last ? "\n" : "");
}

static void end_frames(struct recorder *r)
{
	sniff_stop(r->sniff);
	join_worker(r, &r->sniff_worker);
	sniff_totals(r->sniff, &r->end.frames);
	sniff_close(r->sniff);
	r->sniff = NULL;
}

/* Whether we take more of the CPUs than we may, and what is done about it. */
static void look_at_cost(struct recorder *r)
{
	enum lower_step step = lower_look(&r->lower, r->trace, r->sniff, r->w);

	if (step == LOWER_NONE)
		return;
	if (!r->o.quiet)
		say(r, "more than --max-cpu %g is used: %s", r->o.max_cpu, lower_words(step));
	if (step == LOWER_PCAP)
		end_frames(r);
	if (step == LOWER_END)
		end_because(r, END_MAX_CPU,
			    "%.0f %% of a CPU used, with the least detail and --max-cpu %g",
			    r->lower.used, r->o.max_cpu);
}

/* Until there is a reason to end. */
static void wait_for_end(struct recorder *r)
{
	int64_t second = r->armed_ns + NSEC_PER_SEC;
	int64_t deadline = r->o.duration_ns < 0 ? INT64_MAX : r->armed_ns + r->o.duration_ns;

	while (r->end.reason == END_NONE) {
		int64_t now = clock_mono_ns();
		int64_t wait = LOOK_NS;

		if (now >= deadline) {
			end_because(r, END_DURATION, "-d %g s are over",
				    (double)r->o.duration_ns / 1e9);
			break;
		}
		if (r->clock_was_set) {
			put_clock(r);
			r->clock_was_set = false;
		}
		if (now >= second) {
			put_clock(r);
			show_progress(r, false);
			second += NSEC_PER_SEC * ((now - second) / NSEC_PER_SEC + 1);
		}
		if (second - now < wait)
			wait = second - now;
		if (deadline - now < wait)
			wait = deadline - now;
		take_signals(r, wait);
		look_at_tape(r);
		if (r->end.reason == END_NONE)
			look_at_cost(r);
	}
	show_progress(r, true);
}

/* The closing members. */
static void take_last(struct recorder *r)
{
	int rc = 0;

	if (!r->snap)
		return;
	take_signals(r, 0);
	if (!r->hurry)
		rc = snap_take(r->snap, SNAP_AFTER);
	take_signals(r, 0);
	if (!r->hurry) {
		int rc2 = snap_symbols(r->snap, true);

		rc = rc ? rc : rc2;
	}
	if (!r->lacks && tape_writer_lack(r->w)) {
		r->lacks = true;
		say(r, "%s (skbtape doctor tells how to get it)", tape_writer_lack(r->w));
	}
	if (r->hurry) {
		r->lacks = true;
		quality_put(r->w, "ended-early", "snap", -1, NULL, clock_mono_ns(), -1, -1,
			    "asked twice to end: the last snapshot or the kernel's symbols are "
			    "missing");
	} else if (rc) {
		r->lacks = true;
		say(r, "no room was left for all of the last snapshot and the kernel's symbols");
		quality_put(r->w, about_reason(r->end.reason), "snap", -1, NULL, clock_mono_ns(),
			    -1, -1,
			    "no room for all of the last snapshot and the kernel's symbols");
	}
}

static void stop_threads(struct recorder *r)
{
	uint64_t one = 1;

	if (r->trace_worker.running)
		source_stop(r->trace);
	if (r->sniff_worker.running)
		sniff_stop(r->sniff);
	if (r->snap_worker.running && write(r->snap_stop_fd, &one, sizeof(one)) < 0) {
		/* only when it counts to 2^64 */
	}
	join_worker(r, &r->trace_worker);
	join_worker(r, &r->sniff_worker);
	join_worker(r, &r->snap_worker);
}

/* Last members, totals and end of the tape. */
static void finish_tape(struct recorder *r)
{
	struct buf json = { 0 };
	struct err e = { "" };

	take_last(r);
	put_clock(r);
	lower_finish(&r->lower, r->w);
	look_at_tape(r);
	if (r->trace)
		source_totals(r->trace, &r->end.events);
	if (r->sniff)
		sniff_totals(r->sniff, &r->end.frames);
	if (r->snap)
		r->end.snapshots = snap_count(r->snap);
	r->end.namespaces = netset_count(r->set);
	r->end.end_mono_ns = clock_mono_ns();
	r->end.end_real_ns = clock_real_ns();
	r->end.reason_text = r->reason_text;
	tape_writer_bytes(r->w, &r->end.bytes_raw);
	about_usage(&r->end);
	if (about_end(&json, &r->end))
		say(r, "no memory for end.json");
	if (tape_writer_end(r->w, (struct span){ (char *)json.data, json.len }, &e)) {
		say(r, "%s: %s", r->out.name, e.text);
		r->failed = true;
	} else if (r->end.reason == END_NO_SPACE) {
		say(r, "%s: %s: ended early, with a whole tape", r->out.name, r->reason_text);
		r->failed = true;
	}
	r->bytes = tape_writer_bytes(r->w, NULL);
	tape_writer_close(r->w, (struct span){ NULL, 0 }, NULL);
	r->w = NULL;
	buf_free(&json);
	if (output_close(&r->out, &e)) {
		say(r, "%s: %s", r->out.name, e.text);
		r->failed = true;
	}
}

static void summarize(const struct recorder *r)
{
	const struct about_end *x = &r->end;
	uint64_t lost = x->events.overrun + x->events.commit_overrun + x->events.dropped;

	if (r->o.quiet)
		return;
	fprintf(stderr, "ended      %s (%s)\n", about_reason(x->reason), x->reason_text);
	fprintf(stderr, "time       %.3f s\n", (double)(x->end_mono_ns - x->start_mono_ns) / 1e9);
	if (r->trace)
		fprintf(stderr, "events     %" PRIu64 ", lost %" PRIu64 "%s\n", x->events.read,
			lost,
			lost ? " (a larger -b, or a smaller profile with -e, loses less)" : "");
	else
		fprintf(stderr, "events     none\n");
	if (r->sniff || x->frames.written)
		fprintf(stderr, "frames     %" PRIu64 ", lost %" PRIu64 "%s\n", x->frames.written,
			x->frames.lost, x->frames.lost ? " (a filter, or -i, loses less)" : "");
	else
		fprintf(stderr, "frames     none\n");
	fprintf(stderr, "snapshots  %u of %zu network namespaces\n", x->snapshots, x->namespaces);
	if (r->lower.step != LOWER_NONE)
		fprintf(stderr, "detail     lowered for --max-cpu %g: %s\n", r->o.max_cpu,
			lower_words(r->lower.step));
	fprintf(stderr, "own cost   %.2f s CPU (%.2f user, %.2f system), %.0f MB memory at most\n",
		(double)(x->cpu_user_ns + x->cpu_system_ns) / 1e9, (double)x->cpu_user_ns / 1e9,
		(double)x->cpu_system_ns / 1e9, (double)x->max_rss_bytes / 1e6);
	if (r->command)
		fprintf(stderr, "command    runs on, process %d\n", (int)r->command);
	else if (x->command_status >= 0)
		fprintf(stderr, "command    status %d\n", x->command_status);
	fprintf(stderr, "tape       %s, %" PRIu64 " bytes (%" PRIu64 " uncompressed)\n",
		r->out.name, r->bytes, x->bytes_raw);
	if (!r->out.is_stdout)
		fprintf(stderr, "next       skbtape report %s\n", r->out.name);
}

static int record(struct recorder *r)
{
	struct err trace_err = { "" }, e = { "" };
	int status;

	status = open_tape(r, &trace_err);
	if (status)
		return status;
	open_sources(r, &trace_err);
	prepare_command(r);
	privilege_drop();
	privilege_confine();
	if (!ending(r)) {
		start_threads(r);
		r->armed_ns = clock_mono_ns();
		if (r->end.reason == END_NONE) {
			fputs("recording\n", stderr);
			start_command(r, !ending(r));
		}
		wait_for_end(r);
	} else {
		start_command(r, false);
	}
	stop_threads(r);
	finish_tape(r);
	summarize(r);
	if (source_close(r->trace, &e))
		say(r, "%s", e.text);
	r->trace = NULL;
	return r->failed ? EXIT_FAILED : r->lacks ? EXIT_PARTIAL : EXIT_DONE;
}

/* A timer that is far away; all that it is for is to be cancelled when the real time is set. */
static int watch_clock(void)
{
	struct itimerspec far = { .it_value.tv_sec = INT32_MAX };
	int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);

	if (fd >= 0 && timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &far, NULL)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

static void raise_file_limit(struct recorder *r)
{
	struct rlimit all;

	/* two files for each CPU, two for each namespace */
	if (getrlimit(RLIMIT_NOFILE, &r->env.files))
		return;
	all = r->env.files;
	all.rlim_cur = all.rlim_max;
	setrlimit(RLIMIT_NOFILE, &all);
}

static const char *program_name(const char *argv0)
{
	const char *slash = strrchr(argv0, '/');
	const char *base = slash ? slash + 1 : argv0;

	return strcmp(base, "record") ? base : "skbtape record";
}

int record_main(int argc, char **argv)
{
	struct recorder r = {
		.name = program_name(argv[0]), .argv = argv, .signal_fd = -1, .set_fd = -1, .snap_stop_fd = -1
	};
	struct err e = { "" };
	int status, rc;

	rc = options_parse(&r.o, argc, argv, &e);
	if (!rc && r.o.action == OPTIONS_RECORD && *r.o.filter)
		rc = sniff_check_filter(r.o.filter, &e);
	if (rc) {
		say(&r, "%s (--help shows how it is used)", e.text);
		options_free(&r.o);
		return rc == -ENOMEM ? EXIT_FAILED : EXIT_USAGE;
	}
	if (r.o.action != OPTIONS_RECORD) {
		status = EXIT_DONE;
		if (r.o.action == OPTIONS_HELP)
			options_help(stdout, r.name);
		else if (r.o.action == OPTIONS_VERSION)
			printf("skbtape %s (zstd %s, %s)\n", SKBTAPE_VERSION, ZSTD_versionString(), pcap_lib_version());
		else
			status = doctor_print(stdout, r.o.formats);
		options_free(&r.o);
		return fflush(stdout) || ferror(stdout) ? EXIT_FAILED : status;
	}
	r.end.command_status = -1;
	r.lower.budget.percent = r.o.max_cpu;
	r.lower.profile = r.o.profile;
	r.out.fd = -1;
	r.env.stdout_is_tape = r.o.output && !strcmp(r.o.output, "-");
	raise_file_limit(&r);
	r.set_fd = watch_clock();
	r.snap_stop_fd = eventfd(0, EFD_CLOEXEC);
	if (setup_signals(&r) || r.snap_stop_fd < 0) {
		say(&r, "cannot receive signals: %s", strerror(errno));
		status = EXIT_FAILED;
	} else {
		status = record(&r);
	}
	source_close(r.trace, NULL);
	sniff_close(r.sniff);
	snap_close(r.snap);
	netset_close(r.set);
	options_free(&r.o);
	close(r.signal_fd);
	close(r.set_fd);
	close(r.snap_stop_fd);
	return status;
}
