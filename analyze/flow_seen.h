/* SPDX-License-Identifier: MIT */
/*
 * flow_seen: what the rules ask of every flow, counted while its rows are written:
 * its frames where most of them were seen (_flow_seen), how they are tied where there
 * are many (_flow_many), and the task that read most of its packets (_reader).
 */
#ifndef SKBTAPE_FLOW_SEEN_H
#define SKBTAPE_FLOW_SEEN_H

#include "db.h"

struct flow_seen;

/* flow_seen_open() - Return: 0, -ENOMEM. Freed by flow_seen_close(). */
int flow_seen_open(struct flow_seen **s);
void flow_seen_close(struct flow_seen *s);

/* Of a frame with a flow. */
struct flow_frame {
	int64_t flow_id, netns_id, dev_id;
	int direction; /* -1: not known */
	uint32_t len_bytes;
	bool tcp;
	uint8_t tcp_flags;
	uint16_t tcp_window;
	uint8_t tie; /* as in _frame, 0: to no packet */
};

/* flow_seen_frame() - count a frame. Return: 0, -ENOMEM. */
int flow_seen_frame(struct flow_seen *s, const struct flow_frame *f);
/* flow_seen_write() - _flow_seen, and frames in _flow_many. Return: as db_run(). */
int flow_seen_write(struct flow_seen *s, struct db *d);

/* flow_seen_read() - task @pid took data of a packet out of its socket; packets come in order. @flow_id: of the packet so far, 0: none.
 * Return: 0, -ENOMEM. */
int flow_seen_read(struct flow_seen *s, int64_t packet_id, int64_t flow_id, int32_t pid);
/* flow_seen_readers() - _reader without the names of the tasks, once the packets have their flows for good. Return: as db_run(). */
int flow_seen_readers(struct flow_seen *s, struct db *d);

#endif
