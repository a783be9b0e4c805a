/* SPDX-License-Identifier: MIT */
/*
 * moves: changes of CPU between two stages of a packet: table cpu_hop, what moved the packet, and the setting that made it so.
 */
#ifndef SKBTAPE_MOVES_H
#define SKBTAPE_MOVES_H

#include "delays.h"

/* The numbers are those of _cpu_hop.kind. */
enum move_kind {
	MOVE_OTHER,
	MOVE_RPS,
	MOVE_RFS,
	MOVE_QDISC,
	MOVE_COMPLETION,
	MOVE_WAKEUP,
	MOVE_MIGRATION,
	MOVE_KINDS
};

struct moves;

/* moves_open() - Return: 0, -ENOMEM. Freed by moves_close(). */
int moves_open(struct moves **m, struct db *db);
void moves_close(struct moves *m);

/* moves_kind() - what moved a packet, as far as two stages of it tell. */
enum move_kind moves_kind(const struct hop *a, const struct hop *b);

/* A device as events name it; netns_id 0: not known. */
struct move_dev {
	int64_t name_id, netns_id;
	int8_t rps, rfs; /* 1 on, 0 off, -1 not known */
};

/* moves_settings() - fills rps and rfs from the snapshots. */
void moves_settings(struct moves *m, struct move_dev *d);

/* moves_add() - a move of a packet. @read_on: CPU on which it was read, -1: not known. *kind: what
 * moved it, as far as all of it tells. Return: 0, -ENOMEM. */
int moves_add(struct moves *m, const struct delays_move *x, const struct move_dev *d, int read_on,
	      enum move_kind *kind);

/* moves_finish() - write cpu_hop. @devs: by their numbers. Return: as db_run(). */
int moves_finish(struct moves *m, const struct move_dev *devs, size_t dev_n);

#endif
