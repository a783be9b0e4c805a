/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * sock_recv_length tells that a process got a datagram from a socket, but not
 * which skb it was. sk_data_ready tells the socket of what this CPU receives.
 * A UDP socket's queue is one row, so the k-th read gets the k-th datagram; all
 * that must be known is that nothing else is in the queue.
 *
 * It is empty when a read returns -EAGAIN. And it was empty when the news of a
 * datagram wakes a reader who sleeps: __skb_wait_for_more_packets() sets the
 * task's state first and looks at the queue then, so a task that is 'woken' may
 * just as well run and have more than one. Only one whose own sched_switch was
 * the last that was seen of it sleeps (it looked, and was not woken since), or
 * one that did nothing at all since the recording began.
 *
 * The news comes after the datagram is in the queue, so a reader on another CPU
 * may have it before: such a read waits for its news, which comes from another
 * CPU than the reader's. As long as the row is not known such a read looks like
 * one of something older; so the first proof soon after reads is only a
 * candidate, and the next one that finds the row as it should be confirms it. From then on
 * reads are 'high'. Before, and after any doubt, only a datagram that is alone
 * in the row is taken, as 'medium'. The number of bytes must agree: each read
 * checks the order. Datagrams that two CPUs queue at the same time may stand in
 * the queue the other way round than their news, and what two tasks read at the
 * same time the other way round than their returns. A read that only looks
 * (MSG_PEEK) takes nothing.
 *
 * A datagram may be freed, and its address used again, before the read returns:
 * its row waits for that (life_hold()).
 */
#include "lives_int.h"

#include <errno.h>
#include <stdlib.h>

#define SOCKS	 BUILT_SIZE(4096, 64) /* sockets with datagrams; a power of two. The eldest of a slot gives way */
#define NODES	 BUILT_SIZE(65536, 512) /* datagrams in all rows */
#define LOOK_MAX 16    /* how far a read may be behind the row */
/* MSG_PEEK, MSG_ERRQUEUE (include/linux/socket.h) */
#define READ_PEEK     0x2
#define READ_ERRORS   0x2000
#define TASKS	      BUILT_SIZE(4096, 64) /* a power of two */
#define EARLY_MAX     64    /* reads that wait for their news */
#define MIXED_NS      10000000 /* so long after two CPUs fed a queue in turn, its order is only likely that of the news */
#define NEAR_NS	      20000 /* between the queue and the news of it on one CPU another may do both */
#define SHARED_NS     1000000000 /* two tasks that read within that time share the socket */
#define LATE_NS	      10000000	 /* no news come as late after what they tell of */
#define UNSEEN_NS     10000000	 /* what runs does something within that time that is recorded */
#define INTERRUPTIBLE 1		 /* TASK_INTERRUPTIBLE (include/linux/sched.h) */

struct node {
	struct life *l; /* held; NULL: a datagram of which nothing is known */
	uint64_t ts;
	uint32_t next; /* 0: the last one */
	uint16_t cpu;
	bool swapped; /* it and a neighbour may stand the other way round */
};

struct sock {
	uint64_t addr; /* 0: free */
	uint32_t head, tail, n, losses;
	uint32_t early;	    /* datagrams that were read before their news, with the row known */
	uint64_t early_ts;  /* of the last of these */
	uint64_t news_ts;   /* of the last news, and where it came from */
	uint64_t mixed_ts;  /* of the last news that came from another CPU than the one before, soon after it; 0: never */
	uint64_t read_ts;   /* of the last read */
	uint64_t shared_ts; /* when another task than before has read, 0: never */
	int reader;	    /* that task, 0: nothing was read yet */
	uint16_t news_cpu, reader_cpu;
	uint8_t row;	 /* enum row: whether the row is what is in the queue */
	bool skipped;	 /* the last news were of what was read before */
	bool woken_late; /* and woke the reader, who has read nothing since */
};

enum row { ROW_UNKNOWN, ROW_LIKELY, ROW_KNOWN };

struct task {
	int pid;
	uint32_t losses;
	bool sleeps; /* it went to sleep, and nothing was seen of it since */
};

struct lives_read {
	struct sock sock[SOCKS];
	struct node node[NODES]; /* 0 is not used */
	struct task task[TASKS];
	uint32_t free;
};

static void nodes_reset(struct lives_read *r)
{
	for (uint32_t i = 1; i < NODES; i++)
		r->node[i].next = i + 1 < NODES ? i + 1 : 0;
	r->free = 1;
}

int lives_read_open(struct lives *v)
{
	v->read = calloc(1, sizeof(*v->read));
	if (!v->read)
		return -ENOMEM;
	nodes_reset(v->read);
	return 0;
}

void lives_read_close(struct lives *v)
{
	free(v->read);
}

/* Takes the first datagram off; the caller releases it. */
static struct life *row_pop(struct lives_read *r, struct sock *s)
{
	uint32_t i = s->head;
	struct life *l = r->node[i].l;

	s->head = r->node[i].next;
	s->n--;
	r->node[i] = (struct node){ .next = r->free };
	r->free = i;
	return l;
}

/* Gives up the first datagrams until @keep are left. */
static int row_drop(struct lives *v, struct sock *s, uint32_t keep)
{
	int rc = 0;

	while (s->n > keep && !rc) {
		struct life *l = row_pop(v->read, s);

		rc = l ? life_release(v->store, l) : 0;
	}
	return rc;
}

/* The socket at @addr; one whose place it needs is given up, and what was known before events were
 * lost. */
static int sock_get(struct lives *v, uint64_t addr, struct sock **out)
{
	struct sock *s = &v->read->sock[(addr * 0x9e3779b97f4a7c15ULL >> 40) & (SOCKS - 1)];
	int rc = 0;

	if (s->addr != addr || s->losses != v->losses) {
		rc = row_drop(v, s, 0);
		*s = (struct sock){ .addr = addr, .losses = v->losses };
	}
	*out = s;
	return rc;
}

static bool is_udp(const struct event *ev)
{
	uint64_t protocol;

	return event_u64(ev, F_PROTOCOL, &protocol) && (protocol == 17 || protocol == 136);
}

static void task_set(struct lives *v, int pid, bool sleeps)
{
	if (pid) /* the idle task reads nothing; a place without a task was never used */
		v->read->task[(uint32_t)pid & (TASKS - 1)] =
			(struct task){ pid, v->losses, sleeps };
}

/* Whether a task surely sleeps; so does one that did nothing at all since the recording began. */
static bool task_sleeps(const struct lives *v, int pid, const struct event *ev)
{
	const struct task *t = &v->read->task[(uint32_t)pid & (TASKS - 1)];

	if (!t->pid)
		return v->has_switch && !v->losses && ev->ts_ns - v->first_ns > UNSEEN_NS;
	return t->pid == pid && t->sleeps && t->losses == v->losses;
}

/* Any event: which tasks sleep. A switch to a task may be missing, but not what it does then. */
void lives_read_task(struct lives *v, const struct event *ev)
{
	uint64_t pid, state;

	task_set(v, ev->pid, false);
	if (ev->kind == EV_SCHED_WAKING && event_u64(ev, F_PID, &pid))
		task_set(v, (int)pid, false);
	if (ev->kind != EV_SCHED_SWITCH)
		return;
	if (event_u64(ev, F_NEXT_PID, &pid))
		task_set(v, (int)pid, false);
	if (event_u64(ev, F_PREV_PID, &pid) && event_u64(ev, F_PREV_STATE, &state))
		task_set(v, (int)pid, state & INTERRUPTIBLE);
}

/* The queue was seen to be as the row is now. @as_told: and the row was so by itself. */
static void row_proof(struct sock *s, const struct event *ev, bool as_told)
{
	/* without reads before it no news are late */
	bool quiet = !s->reader || ev->ts - s->read_ts > LATE_NS;

	s->row = as_told && (s->row != ROW_UNKNOWN || quiet) ? ROW_KNOWN : ROW_LIKELY;
}

static void row_doubt(struct sock *s)
{
	s->row = ROW_UNKNOWN;
	s->early = 0;
}

/* Whether this news is of a datagram that was read before. */
static bool news_late(struct sock *s, const struct event *ev)
{
	if (s->early && ev->ts - s->early_ts > GAP_QUEUED)
		row_doubt(s); /* what was read had no news, or it was lost */
	if (!s->early || ev->cpu == s->reader_cpu)
		return false;
	s->early--;
	return true;
}

/* sk_data_ready: a datagram is in the socket's queue. @l: which, NULL: not known. */
int lives_read_queued(struct lives *v, struct life *l, const struct event *ev)
{
	struct lives_read *r = v->read;
	bool swapped, late;
	struct sock *s;
	uint64_t addr;
	uint32_t i;
	int rc;

	if (!is_udp(ev) || !event_u64(ev, F_SKADDR, &addr) || !addr)
		return 0;
	rc = sock_get(v, addr, &s);
	if (rc)
		return rc;
	if (l)
		l->udp = true;
	swapped = s->news_ts && s->news_cpu != ev->cpu && ev->ts - s->news_ts < NEAR_NS;
	if (s->news_ts && s->news_cpu != ev->cpu && ev->ts - s->news_ts < MIXED_NS)
		s->mixed_ts = ev->ts;
	s->news_ts = ev->ts;
	s->news_cpu = (uint16_t)ev->cpu;
	late = news_late(s, ev);
	if (swapped && s->n)
		r->node[s->tail].swapped = true;
	v->cpu[ev->cpu].ready_sk = addr;
	s->skipped = late;
	if (late)
		return 0;
	if (!r->free) {
		row_doubt(s);
		return row_drop(v, s, 0);
	}
	i = r->free;
	r->free = r->node[i].next;
	r->node[i] = (struct node){ .l = l, .ts = ev->ts, .swapped = swapped };
	if (s->n)
		r->node[s->tail].next = i;
	else
		s->head = i;
	s->tail = i;
	s->n++;
	if (l)
		life_hold(l);
	return 0;
}

/* sched_waking right behind the news of a datagram that was put into the queue of @sk: if its
 * reader slept it was the only one. */
int lives_read_woken(struct lives *v, uint64_t sk, const struct event *ev)
{
	struct sock *s;
	uint64_t pid;
	int rc;

	/* an interrupt may wake anyone */
	if (ev->flags & EV_FLAG_HARDIRQ || !event_u64(ev, F_PID, &pid) ||
	    !task_sleeps(v, (int)pid, ev))
		return 0;
	rc = sock_get(v, sk, &s);
	if (rc || (s->reader && s->reader != (int)pid))
		return rc;
	s->woken_late = s->skipped;
	if (!s->n || s->early || s->skipped)
		return 0;
	row_proof(s, ev, s->n == 1);
	return row_drop(v, s, 1);
}

/* Bytes of a datagram behind its headers, UINT32_MAX: not known. */
static uint32_t payload(const struct life *l)
{
	uint32_t headers = l->protocol == 0x86dd ? 48 : 28;

	return l->l3_len >= headers ? l->l3_len - headers : UINT32_MAX;
}

/* Whether a read of @len bytes can have got all of @l. */
static bool fits(const struct life *l, uint32_t len)
{
	return l->grown ? len > payload(l) : len == payload(l);
}

/* The row's first datagrams that no reader can get: dropped when it was to be read, or by its
 * close. */
static int row_clean(struct lives *v, struct sock *s)
{
	int rc = 0;

	while (s->n && !rc) {
		const struct life *l = v->read->node[s->head].l;

		if (!l || l->state != LIFE_DEAD || l->outcome != OUTCOME_DROPPED)
			break;
		rc = row_drop(v, s, s->n - 1);
	}
	return rc;
}

/* Looks for the only one of the next datagrams that has @len bytes. Return: how many stand before
 * it, -1: none. */
static int row_search(const struct lives_read *r, const struct sock *s, uint32_t len)
{
	uint32_t i = s->head;
	int found = -1;

	for (int k = 0; k < LOOK_MAX && (uint32_t)k < s->n; k++, i = r->node[i].next) {
		if (!r->node[i].l || !fits(r->node[i].l, len))
			continue;
		if (found >= 0)
			return -1;
		found = k;
	}
	return found;
}

/* @l was read. That it was this one says nothing about the rest of its way. */
static int read_hop(struct lives *v, struct life *l, const struct event *ev, int confidence)
{
	uint8_t before = l->confidence;
	int rc;

	if (l->state == LIFE_RX || l->state == LIFE_READ) {
		rc = lives_hop(v, l, ev, STAGE_SOCK_RECV_LENGTH, confidence);
		l->state = LIFE_READ;
	} else {
		rc = lives_late_hop(v, l, ev, STAGE_SOCK_RECV_LENGTH, confidence);
		if (ev->ts_ns > l->last_ns)
			l->last_ns = ev->ts_ns;
	}
	l->confidence = before;
	return rc ? rc : life_release(v->store, l);
}

/* A read that found the queue empty. News that came just now may be of what was queued since; what
 * is older in the row is not in the queue. */
static int read_empty(struct lives *v, struct sock *s, const struct event *ev)
{
	uint32_t old = 0;
	int rc;

	for (uint32_t i = s->head; old < s->n && ev->ts - v->read->node[i].ts >= NEAR_NS; old++)
		i = v->read->node[i].next;
	if (s->early && (old || ev->ts - s->early_ts > GAP_QUEUED))
		row_doubt(s);
	rc = old ? row_drop(v, s, s->n - old) : 0;
	if (s->n) {
		if (old)
			row_doubt(s);
	} else if (!s->early) {
		row_proof(s, ev, !old);
	}
	return rc;
}

/* Notes who reads. Return: whether returns of reads come in the order of the reads. */
static bool read_by(struct sock *s, const struct event *ev)
{
	if (s->reader && s->reader != ev->pid)
		s->shared_ts = ev->ts;
	s->reader = ev->pid;
	s->read_ts = ev->ts;
	s->reader_cpu = (uint16_t)ev->cpu;
	return !s->shared_ts || ev->ts - s->shared_ts > SHARED_NS;
}

/* A read of something that has no news yet. One that was woken by the news that an earlier read
 * waited for got what that news is about: there is no news for the earlier one. */
static void read_early(struct sock *s, const struct event *ev)
{
	if (s->row == ROW_KNOWN && s->early < EARLY_MAX && !s->woken_late) {
		s->early++;
		s->early_ts = ev->ts;
	} else {
		row_doubt(s);
	}
	s->woken_late = false;
}

/* sock_recv_length */
int lives_read(struct lives *v, const struct event *ev)
{
	uint64_t addr, u, flags;
	struct sock *s;
	struct life *l;
	bool known, alone;
	int32_t len;
	int rc, k;

	if (!is_udp(ev) || !event_u64(ev, F_SK, &addr) || !addr || !event_u64(ev, F_RET, &u))
		return 0;
	/* the datagram stays; and that is another queue */
	if (event_u64(ev, F_FLAGS, &flags) && flags & (READ_PEEK | READ_ERRORS))
		return 0;
	len = (int32_t)u;
	if (len < 0 && len != -EAGAIN)
		return 0;
	rc = sock_get(v, addr, &s);
	if (!rc)
		rc = row_clean(v, s);
	if (rc)
		return rc;
	if (len < 0)
		return read_empty(v, s, ev);
	alone = read_by(s, ev);
	if (!s->n) {
		read_early(s, ev);
		return 0;
	}
	s->woken_late = false;
	known = s->row == ROW_KNOWN;
	k = row_search(v->read, s, (uint32_t)len);
	l = v->read->node[s->head].l;
	if (l && !fits(l, (uint32_t)len)) {
		row_doubt(s);
		if (k > 0) {
			/* those before it have been read without an event, or never came */
			rc = row_drop(v, s, s->n - (uint32_t)k);
			known = false;
			l = v->read->node[s->head].l;
		} else {
			known = false;
			l = (uint32_t)len < payload(l) ? l : NULL; /* cut to the reader's buffer */
		}
		if (rc)
			return rc;
	}
	if (!l || (!known && s->n > 1 && k <= 0))
		return row_drop(v, s, s->n - 1);
	if (v->read->node[s->head].swapped)
		return row_drop(v, s, s->n - 1); /* this one, or its neighbour */
	known &= alone;
	known &= !s->mixed_ts || ev->ts - s->mixed_ts >= MIXED_NS;
	return read_hop(v, row_pop(v->read, s), ev, known ? HIGH : MEDIUM);
}

/* No more reads come. */
int lives_read_finish(struct lives *v)
{
	int rc = 0;

	for (size_t i = 0; i < SOCKS && !rc; i++)
		rc = row_drop(v, &v->read->sock[i], 0);
	return rc;
}
