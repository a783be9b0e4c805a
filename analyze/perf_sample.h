/* SPDX-License-Identifier: MIT */
/*
 * perf_sample: records of perf's ring buffers, as perf_event_open(2) lays them out. One reader for a
 * perf.data file and for what the recorder took from perf itself. Untrusted input.
 */
#ifndef SKBTAPE_PERF_SAMPLE_H
#define SKBTAPE_PERF_SAMPLE_H

#include "../schema/base.h"

/* enum perf_event_type, include/uapi/linux/perf_event.h */
enum { PERF_LOST = 2, PERF_SAMPLE = 9, PERF_LOST_SAMPLES = 13 };

/* How the samples of one event are laid out. */
struct perf_attr {
	uint64_t sample_type, read_format;
	bool tracepoint;  /* its raw bytes are what ftrace would record */
	bool ids_all;	  /* other records end with whose they are */
	uint32_t head;	  /* bytes in front of what has no fixed length */
	uint32_t time_at; /* in the head; past it: not there */
	uint32_t cpu_at;
};

struct perf_id {
	uint64_t id;
	uint32_t attr;
};

/* Zeroed: of no event. */
struct perf_layout {
	struct perf_attr *attr;
	size_t n_attrs;
	struct perf_id *id;
	size_t n_ids;
	bool unsorted; /* the ids */
	bool mixed;    /* not all events are alike: a sample tells whose it is */
	bool big_endian;
	uint64_t wait_ns; /* a sample comes at most so much later than a younger one of its CPU */
};

/* perf_layout_tape() - of the tape's members perf/CPU/SEQ (schema/TAPE.md, 7). Return: 0, -ENOMEM. */
int perf_layout_tape(struct perf_layout *l, bool big_endian);
/**
 * perf_layout_add() - one more kind of event
 * @attr: struct perf_event_attr, the 48 bytes from its beginning on
 * @ids: u64 numbers that its samples bear
 * Return: 0, -EINVAL (too short, or too many), -ENOMEM.
 */
int perf_layout_add(struct perf_layout *l, struct rd attr, struct rd ids);
/* perf_layout_put(), perf_layout_parse() - as text, for a member. Return: 0, -ENOMEM; -EINVAL: no such text. */
int perf_layout_put(const struct perf_layout *l, struct buf *out);
int perf_layout_parse(struct perf_layout *l, struct span text);
/* perf_layout_ready() - nothing is added until samples were read. */
void perf_layout_ready(struct perf_layout *l);
void perf_layout_free(struct perf_layout *l);

struct perf_record {
	uint32_t type;
	uint16_t size;	/* of all of it */
	struct rd body; /* behind the header */
};

/* perf_record_next() - Return: 1, 0 where no whole one is left, -EINVAL where its size cannot be. */
int perf_record_next(struct rd *r, bool big_endian, struct perf_record *rec);

struct perf_sample {
	uint64_t ts;
	uint32_t cpu, len;
	const uint8_t *raw; /* in the record */
};

/* perf_sample_parse() - Return: 1, 0: of no tracepoint, -EINVAL: it claims what is not there. */
int perf_sample_parse(const struct perf_layout *l, struct rd body, struct perf_sample *s);

/**
 * perf_lost_parse() - how many events a PERF_RECORD_LOST or PERF_RECORD_LOST_SAMPLES tells of
 * @cpu: on which CPU, where it tells that, else as it was
 * Return: UINT64_MAX where it is too short.
 */
uint64_t perf_lost_parse(const struct perf_layout *l, const struct perf_record *rec, uint32_t *cpu);

#endif
