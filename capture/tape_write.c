/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * Producers append tar members to the open frame, a plain buffer, under one
 * lock. A frame that is full or a second old moves into a queue of two; the
 * compressor thread takes it, compresses it in one call and hands frame and
 * trailer to one write(). So at most four frames exist (open, two waiting, one
 * in work); with all of them full producers wait, and the kernel's own buffers
 * in front of them overflow and count that.
 *
 * A size limit has to be kept without knowing what members will compress to.
 * The bound of zstd (a little over the raw size) is taken for everything that
 * is not written yet. While even that fits, members are simply taken. Else the
 * open frame is closed early and waited for, which turns bounds into real
 * sizes and mostly makes room again; a member is refused only once nothing is
 * pending any more. A large one (the kernel's symbols compress to a fifth) is
 * weighed then by compressing it once on trial.
 *
 * A disk that fills up is met before it is full: when little more than the room
 * for the closing members is left, that rest becomes the limit. So the tape gets
 * its end and its symbols, and the host keeps some room.
 *
 * Invariants: frames are numbered and written in the order in which they were
 * closed; @bytes counts whole frames with their trailers only; after the first
 * write error nothing is written, except the end after ENOSPC on a file that
 * could be cut back.
 */
#include "tape_write.h"
#include "privilege.h"
#include "../schema/tape.h"
#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <zstd.h>

#define QUEUE_MAX     2
#define LEVEL	      1 /* the fastest: a recorder's CPU time is taken from the host's work */
#define KEEP_BYTES    (16 * MIB) /* larger buffers go back to the C library after use */
#define RESERVE_BYTES (8 * MIB)
#define END_BYTES     (8 * KIB)	 /* end.json, end blocks and their trailers */
#define WEIGH_BYTES   (64 * KIB) /* smaller members are not worth a trial */
#define NICE	      5

#define QUALITY_KEYS 512
#define QUALITY_MAX  100

/* How often one (kind, source, cpu, dev) was written. */
struct quality_key {
	uint64_t hash;
	unsigned int count;
};

struct tape_writer {
	int fd;
	bool regular;
	off_t base;		/* where the tape begins in a regular file */
	uint64_t reserve_bytes; /* what is kept for the closing members */
	uint64_t space_bytes;	/* room on the disk that makes it the limit; 0: not known */

	pthread_mutex_t lock;
	pthread_cond_t work; /* for the compressor: a frame waits, or the open one got a deadline,
				or the end */
	pthread_cond_t room; /* for producers: a frame was written, or writing failed */
	pthread_t thread;
	struct buf open;
	int64_t open_ns; /* when the open frame got its first member */
	struct buf queue[QUEUE_MAX];
	unsigned int queued;
	struct buf spare[QUEUE_MAX];
	uint64_t pending_raw; /* tar bytes that wait or are in work; not those of the open frame */
	bool closing;
	bool ended; /* the thread has gone */

	ZSTD_CCtx *zstd;
	struct buf out; /* the compressor's */
	uint64_t seq;

	/* set under the lock (the sizes: by the thread that writes), read by anyone */
	_Atomic int failed;	    /* first error of writing */
	_Atomic uint64_t max_bytes; /* 0: no limit (yet) */
	_Atomic bool full;	    /* the limit was reached */
	_Atomic bool no_space;	    /* the limit is the disk's */
	_Atomic uint64_t bytes, bytes_raw;

	pthread_mutex_t quality_lock;
	struct quality_key quality[QUALITY_KEYS];
	unsigned int quality_keys, quality_seq;
	char lack[1200]; /* first missing source, "" none; under the quality lock */
};

static int put_all(int fd, const uint8_t *p, size_t n)
{
	while (n) {
		ssize_t done = write(fd, p, n);

		if (done > 0) {
			p += done;
			n -= (size_t)done;
		} else if (done < 0 && errno == EAGAIN) {
			/* a pipe that someone else set to O_NONBLOCK */
			struct pollfd pfd = { .fd = fd, .events = POLLOUT };

			poll(&pfd, 1, -1);
		} else if (done == 0 || errno != EINTR) {
			/* the limit of setrlimit(2) is a kind of quota; EFBIG is what --max-size
			 * says */
			return !done ? -EIO : errno == EFBIG ? -EDQUOT : -errno;
		}
	}
	return 0;
}

/* Back to the end of the last whole frame. What cannot be cut stays: readers skip a torn frame. */
static void cut_back(struct tape_writer *w)
{
	off_t end = w->base + (off_t)w->bytes;

	if (w->regular && !ftruncate(w->fd, end))
		lseek(w->fd, end, SEEK_SET);
}

/* Room for ordinary users on the file system of a regular file, statvfs(3). Return: false: not
 * known. */
static bool disk_space(const struct tape_writer *w, uint64_t *bytes)
{
	struct statvfs v;

	if (!w->regular || fstatvfs(w->fd, &v))
		return false;
	*bytes = (uint64_t)v.f_bavail * v.f_frsize;
	return true;
}

/* Make what is left on the disk the limit, when it is hardly more than what the closing members
 * need. */
static void look_at_disk(struct tape_writer *w)
{
	uint64_t left;

	if (!w->space_bytes || w->no_space || !disk_space(w, &left) || left >= w->space_bytes)
		return;
	if (w->max_bytes && w->max_bytes - w->bytes <= left)
		return;
	w->reserve_bytes = w->space_bytes;
	w->no_space = true;
	w->max_bytes = w->bytes + left;
}

/* Compress @raw and append it with its trailer. By one thread at a time. */
static int write_frame(struct tape_writer *w, const struct buf *raw)
{
	struct tape_trailer t = { .seq = w->seq, .offset = w->bytes, .raw_bytes = raw->len };
	size_t n;
	int rc;

	buf_reset(&w->out);
	rc = buf_reserve(&w->out, ZSTD_compressBound(raw->len) + TAPE_TRAILER_BYTES);
	if (rc)
		return rc;
	n = ZSTD_compress2(w->zstd, w->out.data, w->out.cap, raw->data, raw->len);
	if (ZSTD_isError(n))
		return -ENOMEM; /* with room for the bound nothing else can fail */
	t.len_bytes = n;
	t.crc = tape_crc32c(0, w->out.data, n);
	tape_trailer_encode(w->out.data + n, &t);
	rc = put_all(w->fd, w->out.data, n + TAPE_TRAILER_BYTES);
	if (rc) {
		cut_back(w);
		return rc;
	}
	w->seq++;
	w->bytes += n + TAPE_TRAILER_BYTES;
	if (w->out.cap > KEEP_BYTES)
		buf_free(&w->out);
	return 0;
}

/* Move the open frame into the queue, where there is room. Under the lock. */
static bool close_frame(struct tape_writer *w)
{
	if (!w->open.len || w->queued == QUEUE_MAX)
		return false;
	w->pending_raw += w->open.len;
	w->queue[w->queued++] = w->open;
	w->open = (struct buf){ 0 };
	for (int i = 0; i < QUEUE_MAX && !w->open.data; i++) {
		w->open = w->spare[i];
		w->spare[i] = (struct buf){ 0 };
	}
	pthread_cond_signal(&w->work);
	return true;
}

/* Give a written frame's memory back. Under the lock. */
static void recycle(struct tape_writer *w, struct buf *b)
{
	buf_reset(b);
	for (int i = 0; i < QUEUE_MAX && b->data && b->cap <= KEEP_BYTES; i++) {
		if (!w->spare[i].data) {
			w->spare[i] = *b;
			*b = (struct buf){ 0 };
		}
	}
	buf_free(b);
}

/* Wait for work: until a frame waits, or the open one is due, or the end. Under the lock. */
static void wait_work(struct tape_writer *w)
{
	struct timespec ts;
	int64_t due;

	if (!w->open.len) {
		pthread_cond_wait(&w->work, &w->lock);
		return;
	}
	due = w->open_ns + TAPE_FRAME_NS;
	if (w->closing || clock_mono_ns() >= due) {
		close_frame(w);
		return;
	}
	ts.tv_sec = due / NSEC_PER_SEC;
	ts.tv_nsec = due % NSEC_PER_SEC;
	pthread_cond_timedwait(&w->work, &w->lock, &ts);
}

static void *compressor(void *arg)
{
	struct tape_writer *w = arg;

	privilege_least();
	/* on Linux both calls mean the calling thread: setpriority(2), NOTES; ioprio_set(2) */
	setpriority(PRIO_PROCESS, 0, NICE);
	syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0));

	pthread_mutex_lock(&w->lock);
	while (w->queued || w->open.len || !w->closing) {
		struct buf raw;
		int rc = w->failed;

		if (!w->queued) {
			wait_work(w);
			continue;
		}
		raw = w->queue[0];
		w->queue[0] = w->queue[1];
		w->queue[1] = (struct buf){ 0 };
		w->queued--;
		if (!rc) {
			pthread_mutex_unlock(&w->lock);
			rc = write_frame(w, &raw);
			pthread_mutex_lock(&w->lock);
		}
		if (rc && !w->failed)
			w->failed = rc;
		if (!rc)
			look_at_disk(w);
		w->pending_raw -= raw.len;
		recycle(w, &raw);
		pthread_cond_broadcast(&w->room);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* Append one member to @raw, all or nothing. */
static int put_tar(struct buf *raw, const char *name, const void *data, size_t n)
{
	uint64_t padded = tape_tar_padded(n);
	uint8_t head[TAPE_BLOCK];
	int rc;

	rc = tape_tar_encode(head, name, n, clock_real_ns() / NSEC_PER_SEC);
	if (!rc)
		rc = buf_reserve(raw, TAPE_BLOCK + padded);
	if (rc)
		return rc;
	buf_put(raw, head, TAPE_BLOCK);
	buf_put(raw, data, n);
	memset(raw->data + raw->len, 0, padded - n);
	raw->len += padded - n;
	return 0;
}

/* Up to where the tape may grow by a member of that name. */
static uint64_t limit_of(const struct tape_writer *w, const char *name)
{
	static const struct {
		const char *prefix;
		unsigned int halves; /* of the reserve that it may not touch */
	} kinds[] = {
		{ "ftrace/cpu", 2 }, { "pcap/", 2 },	{ "kallsyms", 0 },
		{ "modules", 0 },    { "quality/", 0 },	{ "detail/", 0 },
	};
	uint64_t half = w->reserve_bytes / 2;
	uint64_t keep = half;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strncmp(name, kinds[i].prefix, strlen(kinds[i].prefix)))
			keep = half * kinds[i].halves;
	if (keep < END_BYTES)
		keep = END_BYTES;
	return w->max_bytes > keep ? w->max_bytes - keep : 0;
}

static bool is_bulk(const char *name)
{
	return !strncmp(name, "ftrace/cpu", 10) || !strncmp(name, "pcap/", 5);
}

/* What a frame of @raw tar bytes takes at most. */
static uint64_t frame_bound(uint64_t raw)
{
	return raw ? ZSTD_compressBound(raw) + TAPE_TRAILER_BYTES : 0;
}

/* What a member takes in a frame of its own, by trial. */
static uint64_t weigh(const void *data, size_t n)
{
	size_t cap = ZSTD_compressBound(n), len;
	void *out = malloc(cap);

	if (!out)
		return UINT64_MAX;
	len = ZSTD_compress(out, cap, data, n, LEVEL);
	free(out);
	/* the header, and that a frame with it may compress a little worse */
	return ZSTD_isError(len) ? UINT64_MAX
				 : len + len / 64 + 2 * TAPE_BLOCK + TAPE_TRAILER_BYTES;
}

static int limit_error(const struct tape_writer *w)
{
	return w->no_space ? -ENOSPC : -EFBIG;
}

/* Make room under the limit for a member. Under the lock. Return: 0, limit_error(), or the error of
 * writing. */
static int admit(struct tape_writer *w, const char *name, const void *data, size_t n)
{
	uint64_t limit = limit_of(w, name);
	uint64_t raw = TAPE_BLOCK + tape_tar_padded(n);

	if (w->full && is_bulk(name))
		return limit_error(w);
	for (;;) {
		/* two waiting frames are bounded together: their overheads are less than the
		 * header's slack */
		uint64_t pending =
			frame_bound(w->open.len + raw) + frame_bound(w->pending_raw) + 1024;

		if (w->failed)
			return w->failed;
		if (pending <= limit && w->bytes <= limit - pending)
			return 0;
		if (!w->open.len && !w->pending_raw)
			break;
		close_frame(w);
		pthread_cond_wait(&w->room, &w->lock);
	}
	if (raw > WEIGH_BYTES) {
		uint64_t size = weigh(data, n);

		if (size <= limit && w->bytes <= limit - size)
			return 0;
	}
	w->full = true;
	return limit_error(w);
}

static int put_member(struct tape_writer *w, const char *name, const void *data, size_t n)
{
	int rc = 0;

	if (!tape_name_ok((struct span){ name, strlen(name) }) || n > TAPE_MEMBER_MAX)
		return -EINVAL;
	pthread_mutex_lock(&w->lock);
	if (w->no_space)
		w->full = true; /* whatever comes: the recording has to end now */
	if (w->max_bytes)
		rc = admit(w, name, data, n);
	while (!rc && !w->failed && w->open.len >= TAPE_FRAME_RAW_TARGET && !close_frame(w))
		pthread_cond_wait(&w->room, &w->lock);
	if (!rc)
		rc = w->failed;
	if (!rc) {
		bool first = !w->open.len;

		rc = put_tar(&w->open, name, data, n);
		if (!rc)
			w->bytes_raw += TAPE_BLOCK + tape_tar_padded(n);
		if (!rc && first) {
			w->open_ns = clock_mono_ns();
			pthread_cond_signal(&w->work);
		}
		if (w->open.len >= TAPE_FRAME_RAW_TARGET)
			close_frame(w);
	}
	pthread_mutex_unlock(&w->lock);
	return rc;
}

int tape_member_put(struct tape_writer *w, const void *data, size_t n, const char *name, ...)
{
	char text[TAPE_NAME_MAX + 2];
	va_list ap;

	va_start(ap, name);
	vsnprintf(text, sizeof(text), name,
		  ap); /* a longer one stays too long by one, and is refused */
	va_end(ap);
	return put_member(w, text, data, n);
}

int tape_writer_failed(const struct tape_writer *w)
{
	int rc = w->failed;

	return !rc && w->full ? limit_error(w) : rc;
}

uint64_t tape_writer_bytes(const struct tape_writer *w, uint64_t *raw)
{
	if (raw)
		*raw = w->bytes_raw;
	return w->bytes;
}

static void writer_free(struct tape_writer *w)
{
	if (!w)
		return;
	ZSTD_freeCCtx(w->zstd);
	buf_free(&w->open);
	buf_free(&w->out);
	for (int i = 0; i < QUEUE_MAX; i++) {
		buf_free(&w->queue[i]);
		buf_free(&w->spare[i]);
	}
	pthread_cond_destroy(&w->work);
	pthread_cond_destroy(&w->room);
	pthread_mutex_destroy(&w->lock);
	pthread_mutex_destroy(&w->quality_lock);
	free(w);
}

/* Whether a frame that failed to be written can be cut off, and where the tape begins. */
static void look_at_file(struct tape_writer *w)
{
	struct stat st;
	int flags = fcntl(w->fd, F_GETFL);

	if (fstat(w->fd, &st) || !S_ISREG(st.st_mode) || flags < 0)
		return;
	w->base = flags & O_APPEND ? st.st_size : lseek(w->fd, 0, SEEK_CUR);
	w->regular = w->base >= 0;
	if (disk_space(w, &w->space_bytes))
		w->space_bytes =
			w->space_bytes / 2 < RESERVE_BYTES ? w->space_bytes / 2 : RESERVE_BYTES;
}

/* The words behind a first error of writing. */
static int explain(const struct tape_writer *w, int rc, bool ended, struct err *e)
{
	const char *rest =
		!w->bytes ? "nothing was recorded"
		: ended	  ? "the recording stopped there; what was written is a whole tape"
			  : "the recording stopped there; what was written stays a readable tape";

	if (rc == -ENOSPC || rc == -EDQUOT)
		return err_set(e, rc,
			       "no space left where the tape is written (%s) after %llu bytes: %s",
			       strerror(-rc), (unsigned long long)w->bytes, rest);
	if (rc == -EPIPE)
		return err_set(e, rc, "the reader of the tape went away after %llu bytes: %s",
			       (unsigned long long)w->bytes, rest);
	return err_set(e, rc, "cannot write the tape after %llu bytes (%s): %s",
		       (unsigned long long)w->bytes, strerror(-rc), rest);
}

int tape_writer_open(struct tape_writer **out, int fd, uint64_t max_bytes, struct span json,
		     struct err *e)
{
	struct tape_writer *w = calloc(1, sizeof(*w));
	struct buf raw = { 0 };
	pthread_condattr_t attr;
	int rc;

	if (!w)
		return err_set(e, -ENOMEM, "no memory for the tape's writer");
	w->fd = fd;
	w->max_bytes = max_bytes;
	w->reserve_bytes = max_bytes / 2 < RESERVE_BYTES ? max_bytes / 2 : RESERVE_BYTES;
	pthread_mutex_init(&w->lock, NULL);
	pthread_mutex_init(&w->quality_lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->work, &attr);
	pthread_cond_init(&w->room, &attr);
	pthread_condattr_destroy(&attr);
	look_at_file(w);

	rc = -ENOMEM;
	w->zstd = ZSTD_createCCtx();
	if (!w->zstd ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, LEVEL)) ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_checksumFlag, 1))) {
		err_set(e, rc, "no memory to compress the tape");
		goto fail;
	}
	rc = put_tar(&raw, "tape.json", json.p, json.n);
	if (!rc)
		rc = write_frame(w, &raw);
	buf_free(&raw);
	if (rc) {
		explain(w, rc, false, e);
		goto fail;
	}
	rc = -pthread_create(&w->thread, NULL, compressor, w);
	if (rc) {
		err_set(e, rc, "cannot start the tape's thread: %s", strerror(-rc));
		goto fail;
	}
	*out = w;
	return 0;
fail:
	writer_free(w);
	return rc;
}

/* The members that make a tape whole: end.json behind what is in @last, then the end blocks. */
static int write_end(struct tape_writer *w, struct span end_json)
{
	static const uint8_t zero[TAPE_BLOCK * TAPE_END_BLOCKS];
	struct buf raw = { 0 };
	int rc;

	rc = put_tar(&raw, "end.json", end_json.p, end_json.n);
	if (!rc)
		rc = write_frame(w, &raw);
	buf_reset(&raw);
	if (!rc)
		rc = buf_put(&raw, zero, sizeof(zero));
	if (!rc)
		rc = write_frame(w, &raw);
	buf_free(&raw);
	return rc;
}

int tape_writer_end(struct tape_writer *w, struct span end_json, struct err *e)
{
	int rc;

	pthread_mutex_lock(&w->lock);
	w->closing = true;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	w->ended = true;

	rc = w->failed;
	if (!rc) {
		rc = write_end(w, end_json);
		if (rc)
			explain(w, rc, false, e);
	} else {
		bool retry = w->regular && (rc == -ENOSPC || rc == -EDQUOT);

		explain(w, rc, retry && !write_end(w, end_json), e);
	}
	return rc;
}

int tape_writer_close(struct tape_writer *w, struct span end_json, struct err *e)
{
	int rc = 0;

	if (!w->ended)
		rc = tape_writer_end(w, end_json, e);
	writer_free(w);
	return rc;
}

static uint64_t hash_text(uint64_t h, const char *s)
{
	/* FNV-1a, the end of each text included */
	do
		h = (h ^ (uint8_t)*s) * 0x100000001b3ULL;
	while (*s++);
	return h;
}

/* Count a line of that key, and get the line's number. Return: how many there were, 1 for the
 * first. */
static unsigned int quality_count(struct tape_writer *w, const char *kind, const char *source,
				  int cpu, const char *dev, unsigned int *seq)
{
	uint64_t hash = hash_text(0xcbf29ce484222325ULL + (unsigned int)cpu, kind);
	unsigned int i, n;

	hash = hash_text(hash_text(hash, source), dev ? dev : "");
	pthread_mutex_lock(&w->quality_lock);
	for (i = 0; i < w->quality_keys && w->quality[i].hash != hash; i++)
		;
	if (i == w->quality_keys && i < QUALITY_KEYS)
		w->quality[w->quality_keys++].hash = hash;
	if (i == QUALITY_KEYS)
		i--; /* the table is full: all further ones count as one */
	n = ++w->quality[i].count;
	if (n <= QUALITY_MAX + 1)
		*seq = w->quality_seq++;
	pthread_mutex_unlock(&w->quality_lock);
	return n;
}

/* A number's field, empty for none. */
static void put_number(struct buf *b, int64_t v)
{
	if (v >= 0)
		buf_printf(b, "%lld", (long long)v);
	buf_put(b, "\t", 1);
}

static void put_field(struct buf *b, const char *s, char end)
{
	tape_text(b, (struct span){ s ? s : "", s ? strlen(s) : 0 }, end);
}

const char *tape_writer_lack(const struct tape_writer *w)
{
	return w->lack[0] ? w->lack : NULL;
}

static void note_lack(struct tape_writer *w, const char *source, const char *text)
{
	pthread_mutex_lock(&w->quality_lock);
	if (!w->lack[0])
		snprintf(w->lack, sizeof(w->lack), "%s: %s", source, text);
	pthread_mutex_unlock(&w->quality_lock);
}

void quality_put(struct tape_writer *w, const char *kind, const char *source, int cpu,
		 const char *dev, int64_t from_ns, int64_t to_ns, int64_t count, const char *note,
		 ...)
{
	char text[1024];
	struct buf b = { 0 };
	unsigned int seq = 0, n;
	va_list ap;

	n = quality_count(w, kind, source ? source : "", cpu, dev, &seq);
	if (n > QUALITY_MAX + 1)
		return;
	va_start(ap, note);
	vsnprintf(text, sizeof(text), note ? note : "", ap);
	va_end(ap);
	if (!strcmp(kind, "permission") || !strcmp(kind, "source-missing"))
		note_lack(w, source ? source : "", text);
	if (n > QUALITY_MAX)
		snprintf(text, sizeof(text), "and more of these, which are not written");
	put_field(&b, kind, '\t');
	put_field(&b, source, '\t');
	put_number(&b, cpu);
	put_field(&b, dev, '\t');
	put_number(&b, from_ns);
	put_number(&b, to_ns);
	put_number(&b, count);
	put_field(&b, text, '\n');
	if (b.data)
		tape_member_put(w, b.data, b.len, "quality/%06u", seq);
	buf_free(&b);
}
