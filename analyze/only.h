/* SPDX-License-Identifier: MIT */
/*
 * only: what belongs to the packets that a pcap-filter(7) expression matches, and nothing else.
 */
#ifndef SKBTAPE_ONLY_H
#define SKBTAPE_ONLY_H

#include "db.h"
#include "tape_read.h"

/**
 * only_prepare() - compile an expression
 * @expr: as the user wrote it; kept, so it must stay
 *
 * Names in it (hosts, services) are looked up now, which a confined process cannot do: main() calls it before
 * that. Return: 0; -EINVAL with libpcap's text; -ENOMEM.
 */
int only_prepare(const char *expr, struct err *e);

/* What became of it, for the user. */
struct only_result {
	int64_t frames, packets, flows, drops, findings; /* that match */
	int64_t no_frame; /* packets and drops left out because neither a frame nor a flow tells */
	bool of_flow;	  /* the expression could be decided for a flow without frames */
};

/**
 * only_apply() - let everything that is read from @d see matching packets alone
 * @t:    the tape of @d, NULL: not at hand; then flows decide
 * @expr: compiled here, unless only_prepare() did
 *
 * A frame matches by its bytes. A packet matches by its frames; without one by its flow, where the expression
 * looks at nothing but addresses and ports; and with what it was made of and what was made of it. Drops, hops,
 * findings follow. Tables and views of @d are hidden behind temporary ones of the same names, so all SQL works
 * as before; a row of quality says what was left out. What is of a CPU or of the host stays.
 * Return: 0; -EINVAL (the expression cannot be decided without @t, or asks what no frame holds), -ENOMEM, -EIO.
 */
int only_apply(struct db *d, struct tape *t, const char *expr, struct only_result *r, struct err *e);

/**
 * only_write() - the database as only_apply() shows it, as a file of its own
 * Written under a temporary name and renamed. Return: 0, -EIO.
 */
int only_write(struct db *d, const char *path, struct err *e);

#endif
