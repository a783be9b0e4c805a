/* SPDX-License-Identifier: MIT */
/* facts: tape.json, end.json and the recorder's own quality lines, into the tables tape and quality. */
#ifndef SKBTAPE_FACTS_H
#define SKBTAPE_FACTS_H

#include "clocks.h"
#include "db.h"

/* facts_load() - all of them. Return: 0, -ENOMEM, -EIO (database). JSON that cannot be read goes into quality. */
int facts_load(struct tape *t, struct db *d, const struct clocks *c, struct err *e);
/* facts_tape_state() - how whole the tape is, into tape and quality. */
void facts_tape_state(struct tape *t, struct db *d);

struct facts_hash;

/* facts_hash_begin() - the file's SHA-256, in a thread of its own. facts_hash_end() - wait for it, and put it into tape; @d: NULL: not. */
struct facts_hash *facts_hash_begin(const char *path);
void facts_hash_end(struct facts_hash *h, struct db *d);

#endif
