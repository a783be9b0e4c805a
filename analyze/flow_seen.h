/* SPDX-License-Identifier: MIT */
/*
 * flow_seen: what the rules ask of every flow: its frames where most of them were
 * seen (_flow_seen), and the task that read most of its packets (_reader).
 */
#ifndef SKBTAPE_FLOW_SEEN_H
#define SKBTAPE_FLOW_SEEN_H

#include "db.h"

/**
 * flow_seen_build() - fill both tables, which must be empty
 * @d: a database that is still being written, frames and packets in place
 * Return: 0, -ENOMEM, -EIO (database; also in db_error()).
 */
int flow_seen_build(struct db *d);

#endif
