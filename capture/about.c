/* SPDX-License-Identifier: MIT */
#include "about.h"
#include "../schema/json.h"
#include "../schema/tape.h"
#include "clock.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

static const char *const reasons[] = {
	[END_NONE] = "error",	 [END_DURATION] = "duration", [END_COMMAND] = "command",
	[END_SIGNAL] = "signal", [END_MAX_SIZE] = "max-size", [END_NO_SPACE] = "no-space",
	[END_MAX_CPU] = "max-cpu",
	[END_ERROR] = "error",
};

static_assert(ARRAY_SIZE(reasons) == END_COUNT, "one word for each reason");

const char *about_reason(enum end_reason r)
{
	return reasons[r];
}

/* First line of a small file as a member; null where it cannot be read. */
static void put_line(struct json *j, const char *key, const char *path)
{
	FILE *f = fopen(path, "re");
	char line[1024];

	if (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		json_text(j, key, line);
	} else {
		json_null(j, key);
	}
	if (f)
		fclose(f);
}

uint64_t about_capabilities(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[256];
	uint64_t bits = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "CapEff: %" SCNx64, &bits) == 1)
			break;
	if (f)
		fclose(f);
	return bits;
}

/* Words with a blank between them; null for none. */
static void put_words(struct json *j, const char *key, char *const *words)
{
	struct buf b = { 0 };

	for (int i = 0; words && words[i]; i++)
		buf_printf(&b, "%s%s", i ? " " : "", words[i]);
	if (b.len)
		json_span(j, key, (struct span){ (char *)b.data, b.len });
	else
		json_null(j, key);
	buf_free(&b);
}

static void put_options(struct json *j, const struct record_options *o, char *const *argv,
			const struct source *trace)
{
	json_open_object(j, "options");
	json_open_array(j, "argv");
	for (int i = 0; argv[i]; i++)
		json_text(j, NULL, argv[i]);
	json_close_array(j);
	json_text(j, "profile", trace_profile_name(o->profile));
	if (o->duration_ns >= 0)
		json_real(j, "duration_s", (double)o->duration_ns / 1e9);
	else
		json_null(j, "duration_s");
	json_int(j, "snaplen", o->snaplen);
	json_text(j, "netns", o->netns ? o->netns : "all");
	json_open_array(j, "interfaces");
	for (unsigned int i = 0; i < o->interface_count; i++)
		json_text(j, NULL, o->interfaces[i]);
	json_close_array(j);
	json_text(j, "filter", o->filter);
	json_uint(j, "buffer_bytes_per_cpu", trace ? source_buffer_bytes(trace) : 0);
	if (o->max_bytes)
		json_uint(j, "max_size_bytes", o->max_bytes);
	else
		json_null(j, "max_size_bytes");
	if (o->max_cpu > 0)
		json_real(j, "max_cpu_percent", o->max_cpu);
	else
		json_null(j, "max_cpu_percent");
	json_bool(j, "pcap", o->pcap);
	put_words(j, "command", o->command);
	json_close_object(j);
}

/* A document in memory: @data and @size are set by fclose(). */
static FILE *open_text(struct json *j, char **data, size_t *size)
{
	FILE *f = open_memstream(data, size);

	if (f)
		json_begin(j, f, true);
	return f;
}

static int close_text(struct json *j, FILE *f, char **data, const size_t *size, struct buf *b)
{
	int rc;

	json_close_object(j);
	json_end(j);
	rc = fclose(f) ? -ENOMEM : buf_put(b, *data, *size);
	free(*data);
	return rc;
}

int about_tape(struct buf *b, const struct record_options *o, char *const *argv,
	       const struct source *trace, int64_t *start_mono_ns)
{
	char *data = NULL, caps[24];
	struct clock_pair now;
	struct utsname u;
	struct json j;
	size_t size;
	FILE *f = open_text(&j, &data, &size);

	if (!f)
		return -ENOMEM;
	uname(&u);
	clock_pair_read(&now, 32);
	snprintf(caps, sizeof(caps), "%016" PRIx64, about_capabilities());
	json_open_object(&j, NULL);
	json_int(&j, "format_version", TAPE_VERSION);
	json_text(&j, "tool", "skbtape");
	json_text(&j, "tool_version", SKBTAPE_VERSION);
	json_text(&j, "host", u.nodename);
	json_text(&j, "kernel", u.release);
	json_text(&j, "kernel_version", u.version);
	json_text(&j, "arch", u.machine);
	json_uint(&j, "page_bytes", trace ? source_page_bytes(trace) : 0);
	put_line(&j, "cpus_online", "/sys/devices/system/cpu/online");
	put_line(&j, "cpus_possible", "/sys/devices/system/cpu/possible");
	json_uint(&j, "long_bytes", sizeof(long));
	json_bool(&j, "little_endian", __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
	put_line(&j, "boot_id", "/proc/sys/kernel/random/boot_id");
	json_text(&j, "trace_backend", trace ? backend_name(source_backend(trace)) : NULL);
	json_text(&j, "trace_clock", trace ? source_clock_name(trace) : NULL);
	json_int(&j, "start_real_ns", now.real_ns);
	json_int(&j, "start_mono_ns", now.mono_ns);
	json_int(&j, "hz", sysconf(_SC_CLK_TCK));
	put_options(&j, o, argv, trace);
	json_open_object(&j, "privileges");
	json_uint(&j, "uid", getuid());
	json_uint(&j, "euid", geteuid());
	json_text(&j, "capabilities", caps);
	json_close_object(&j);
	json_text(&j, "redaction", "none");
	*start_mono_ns = now.mono_ns;
	return close_text(&j, f, &data, &size, b);
}

int about_end(struct buf *b, const struct about_end *end)
{
	char *data = NULL;
	struct json j;
	size_t size;
	FILE *f = open_text(&j, &data, &size);

	if (!f)
		return -ENOMEM;
	json_open_object(&j, NULL);
	json_text(&j, "reason", about_reason(end->reason));
	json_text(&j, "reason_text", end->reason_text);
	json_int(&j, "end_real_ns", end->end_real_ns);
	json_int(&j, "end_mono_ns", end->end_mono_ns);
	json_open_object(&j, "frames");
	json_uint(&j, "written", end->frames.written);
	json_uint(&j, "lost", end->frames.lost);
	json_uint(&j, "filtered", end->frames.filtered);
	json_close_object(&j);
	json_open_object(&j, "events");
	json_uint(&j, "read", end->events.read);
	json_uint(&j, "overrun", end->events.overrun);
	json_uint(&j, "commit_overrun", end->events.commit_overrun);
	json_uint(&j, "dropped", end->events.dropped);
	json_uint(&j, "pages", end->events.pages);
	json_close_object(&j);
	json_uint(&j, "bytes_raw", end->bytes_raw);
	json_int(&j, "cpu_user_ns", end->cpu_user_ns);
	json_int(&j, "cpu_system_ns", end->cpu_system_ns);
	json_uint(&j, "max_rss_bytes", end->max_rss_bytes);
	json_uint(&j, "snapshots", end->snapshots);
	json_uint(&j, "namespaces", end->namespaces);
	if (end->command_status >= 0)
		json_int(&j, "command_status", end->command_status);
	else
		json_null(&j, "command_status");
	return close_text(&j, f, &data, &size, b);
}

static int64_t timeval_ns(struct timeval tv)
{
	return tv.tv_sec * NSEC_PER_SEC + tv.tv_usec * 1000;
}

void about_usage(struct about_end *end)
{
	struct rusage u;

	if (getrusage(RUSAGE_SELF, &u))
		return;
	end->cpu_user_ns = timeval_ns(u.ru_utime);
	end->cpu_system_ns = timeval_ns(u.ru_stime);
	end->max_rss_bytes = (uint64_t)u.ru_maxrss * KIB;
}
