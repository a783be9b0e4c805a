/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * sock_recv_length tells that a process got a datagram from a socket, but not
 * which skb it was. sk_data_ready tells the socket of what this CPU receives.
 * A UDP socket's queue is one row, so the k-th read gets the k-th datagram; all
 * that must be known is that nothing else is in the queue. It is empty when a
 * read returns -EAGAIN, and it was empty when the news of a datagram wakes a
 * reader. From then on reads are 'high'. Before, and after any doubt, only a
 * datagram that is alone in the row is taken, as 'medium'. The number of bytes
 * must agree: each read checks the order. Datagrams that two CPUs queue at the
 * same time may stand in the queue the other way round than their news. A read that only looks
 * (MSG_PEEK) takes nothing.
 *
 * A datagram may be freed, and its address used again, before the read returns:
 * its row waits for that (life_hold()).
 */
#include "lives_int.h"

#include <errno.h>
#include <stdlib.h>

#define SOCKS	 4096  /* sockets with datagrams; a power of two. The eldest of a slot gives way */
#define NODES	 65536 /* datagrams in all rows */
#define LOOK_MAX 16    /* how far a read may be behind the row */
/* MSG_PEEK, MSG_ERRQUEUE (include/linux/socket.h) */
#define READ_PEEK   0x2
#define READ_ERRORS 0x2000
#define NEAR_NS	 20000 /* between the queue and the news of it on one CPU another may do both */

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
	bool known; /* the row is what is in the queue */
};

struct lives_read {
	struct sock sock[SOCKS];
	struct node node[NODES]; /* 0 is not used */
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

/* sk_data_ready: a datagram is in the socket's queue. @l: which, NULL: not known. */
int lives_read_queued(struct lives *v, struct life *l, const struct event *ev)
{
	struct lives_read *r = v->read;
	struct sock *s;
	uint64_t addr;
	uint32_t i;
	int rc;

	if (!is_udp(ev) || !event_u64(ev, F_SKADDR, &addr) || !addr)
		return 0;
	rc = sock_get(v, addr, &s);
	if (rc)
		return rc;
	v->cpu[ev->cpu].ready_sk = addr;
	if (l)
		l->udp = true;
	if (!r->free) {
		s->known = false;
		return row_drop(v, s, 0);
	}
	i = r->free;
	r->free = r->node[i].next;
	r->node[i] = (struct node){ .l = l, .ts = ev->ts, .cpu = (uint16_t)ev->cpu };
	if (s->n) {
		struct node *t = &r->node[s->tail];

		t->next = i;
		if (t->cpu != ev->cpu && ev->ts - t->ts < NEAR_NS)
			t->swapped = r->node[i].swapped = true;
	} else {
		s->head = i;
	}
	s->tail = i;
	s->n++;
	if (l)
		life_hold(l);
	return 0;
}

/* The datagram that was just put into the queue of @sk woke a reader: it was the only one. */
int lives_read_woken(struct lives *v, uint64_t sk)
{
	struct sock *s;
	int rc = sock_get(v, sk, &s);

	if (rc || !s->n)
		return rc;
	s->known = true;
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

/* sock_recv_length */
int lives_read(struct lives *v, const struct event *ev)
{
	uint64_t addr, u, flags;
	struct sock *s;
	struct life *l;
	int32_t len;
	bool known;
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
	if (len < 0) {
		/* the queue is empty; the news of a datagram may be on its way on another CPU */
		s->known = s->n <= 1;
		return s->n > 1 ? row_drop(v, s, 0) : 0;
	}
	if (!s->n) {
		s->known = false;
		return 0;
	}
	known = s->known;
	k = row_search(v->read, s, (uint32_t)len);
	l = v->read->node[s->head].l;
	if (l && !fits(l, (uint32_t)len)) {
		s->known = false;
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
	known &= !v->read->node[s->head].swapped;
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
