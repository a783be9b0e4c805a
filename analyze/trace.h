/* SPDX-License-Identifier: MIT */
/*
 * trace: the tape's events, decoded by the tape's own formats and merged over
 * all CPUs into one stream ordered by time (equal times: by CPU number, then by
 * order in the buffer).
 */
#ifndef SKBTAPE_TRACE_H
#define SKBTAPE_TRACE_H

#include "clocks.h"
#include "symbols.h"

/* Events that the analyzer handles by name. EV_OTHER are those without a handler. */
enum ev_kind {
	EV_OTHER,
	EV_LOST, /* no event: the buffer of that CPU lost some here, see struct event */
	EV_MARK, /* ftrace:print */
	EV_KFREE_SKB,
	EV_CONSUME_SKB,
	EV_SKB_COPY_DATAGRAM_IOVEC,
	EV_NETIF_RX_ENTRY, /* and netif_rx_ni_entry */
	EV_NETIF_RX,
	EV_NETIF_RX_EXIT, /* and netif_rx_ni_exit */
	EV_NETIF_RECEIVE_SKB_ENTRY,
	EV_NETIF_RECEIVE_SKB_LIST_ENTRY,
	EV_NETIF_RECEIVE_SKB,
	EV_NAPI_GRO_RECEIVE_ENTRY,
	EV_NAPI_GRO_FRAGS_ENTRY,
	EV_NAPI_GRO_RECEIVE_EXIT,
	EV_NAPI_GRO_FRAGS_EXIT,
	EV_NET_DEV_QUEUE,
	EV_NET_DEV_START_XMIT,
	EV_NET_DEV_XMIT,
	EV_NAPI_POLL,
	EV_QDISC_ENQUEUE,
	EV_QDISC_DEQUEUE,
	EV_SOFTIRQ_RAISE,
	EV_SOFTIRQ_ENTRY,
	EV_SOFTIRQ_EXIT,
	EV_IRQ_HANDLER_ENTRY,
	EV_IRQ_HANDLER_EXIT,
	EV_SCHED_SWITCH,
	EV_SCHED_WAKING,
	EV_SCHED_WAKEUP,
	EV_TCP_PROBE,
	EV_SK_DATA_READY,
	EV_SOCK_RECV_LENGTH,
	EV_SOCK_SEND_LENGTH,
	EV_TCP_RETRANSMIT_SKB,
	EV_TCP_SENDMSG_LOCKED,
	EV_COUNT
};

/* Fields that handlers ask for by number; where a kernel has no such field, event_u64() says so. */
enum ev_field {
	F_SKBADDR,
	F_LEN,
	F_DATA_LEN,
	F_NAME, /* device or handler name: text */
	F_LOCATION,
	F_REASON,
	F_PROTOCOL,
	F_RX_SK,
	F_RC,
	F_RET,
	F_VEC,
	F_NAPI,
	F_DEV_NAME, /* text */
	F_WORK,
	F_BUDGET,
	F_IRQ,
	F_PREV_COMM, /* text */
	F_PREV_PID,
	F_PREV_STATE,
	F_NEXT_COMM, /* text */
	F_NEXT_PID,
	F_COMM, /* text */
	F_PID,
	F_TARGET_CPU,
	F_IFINDEX,
	F_PACKETS,
	F_QUEUE_MAPPING,
	F_GSO_SIZE,
	F_GSO_SEGS,
	F_NETWORK_OFFSET,
	F_VLAN_TAGGED,
	F_VLAN_TCI,
	F_SKADDR,
	F_SK,
	F_SKB_ADDR, /* tcp_sendmsg_locked */
	F_FAMILY,
	F_FLAGS,
	F_BUF,	    /* text of a mark */
	F_COUNT
};

/* common_flags (include/linux/trace_events.h) */
#define EV_FLAG_HARDIRQ 0x08
#define EV_FLAG_SOFTIRQ 0x10

struct ev_type;

struct event {
	uint64_t ts;   /* trace clock, ns */
	int64_t ts_ns; /* CLOCK_REALTIME, ns */
	int cpu;
	int pid;
	uint8_t flags; /* common_flags */
	uint8_t kind;  /* enum ev_kind */
	const struct ev_type *type; /* NULL for EV_LOST */
	const uint8_t *data;	    /* payload from common_type on; valid until the next trace_next() */
	uint32_t len;
	int64_t lost_from_ns; /* EV_LOST: time of the CPU's event before the gap, or the start of the recording; ts_ns is that of the one behind it */
	uint64_t lost;	      /* EV_LOST: how many, UINT64_MAX: unknown */
	bool lowered;	      /* EV_LOST: none; the recorder turned kinds of events off here, trace_has() tells which. On each CPU */
};

/* event_u64() - a numeric field (sign extended where the format says signed). Return: false: no such field here. */
bool event_u64(const struct event *ev, enum ev_field f, uint64_t *v);
/* event_text() - a text field, up to its NUL. Return: false: no such field. */
bool event_text(const struct event *ev, enum ev_field f, struct span *s);
/* event_context() - 1 task, 2 softirq, 3 hardirq (or NMI). */
int event_context(const struct event *ev);

struct ev_type {
	int id;
	char system[32];
	char name[64];
	enum ev_kind kind;
	bool off; /* from here on, its absence means nothing */
	uint64_t count; /* decoded so far */
	uint64_t bytes;
};

struct trace;

/* What the walk could not use. */
struct trace_state {
	uint64_t pages;
	uint64_t pages_bad;   /* rest of the page skipped */
	uint64_t events;      /* decoded */
	uint64_t undecoded;   /* no format with that id, or shorter than its format */
	uint64_t formats_bad; /* format files that could not be used */
	uint64_t lost;	      /* by the pages' own marks */
	uint64_t lost_places; /* marks, those without a number too, and gaps in the tape itself */
	uint64_t backwards;   /* events earlier than the one before them on their CPU */
};

/**
 * trace_load() - formats, symbols' needs and page cursors of a tape
 * Return: 0 (a tape without trace gives a stream without events), -EINVAL (header_page unusable), -ENOMEM.
 */
int trace_load(struct trace **t, struct tape *tape, const struct clocks *c, struct err *e);
void trace_free(struct trace *t);

/* trace_next() - the next event. Return: 1, 0 at the end, -ENOMEM or -EIO. */
int trace_next(struct trace *t, struct event *ev, struct err *e);

const struct trace_state *trace_state(const struct trace *t);
size_t trace_type_count(const struct trace *t);
const struct ev_type *trace_type(const struct trace *t, size_t i);
/* trace_has() - whether the tape has a format for that kind and it was not turned off meanwhile, i.e. its absence in the stream
 * means something. */
bool trace_has(const struct trace *t, enum ev_kind k);

/* trace_enum() - name of @value by the __print_symbolic of a field of an event's format ("skb", "kfree_skb", "reason").
 * Calls @fn for every pair. Return: number of pairs, 0 where there is none. */
size_t trace_enum(const struct trace *t, const char *system, const char *event, const char *field,
		  void (*fn)(void *ctx, int64_t value, const char *name), void *ctx);

/**
 * trace_fields_json() - all own fields of an event (not the common ones) as one JSON object
 * Pointers to code become symbols, other pointers are left out; addresses and ports become text as in the format's print.
 * Return: 0, -ENOMEM.
 */
int trace_fields_json(const struct trace *t, const struct event *ev, const struct symbols *s, struct buf *out);

#endif
