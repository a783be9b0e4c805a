/* SPDX-License-Identifier: MIT */
/*
 * ledger: which counters moved, and how much of that the events explain
 * (analyze/ledger.tsv says which events account for which counter). Also builds
 * the working tables that the rules read: _moved, _drop_group, _drop_target,
 * _flow_seen, _reader.
 */
#ifndef SKBTAPE_LEDGER_H
#define SKBTAPE_LEDGER_H

#include "db.h"

/**
 * ledger_build() - fill the table ledger and the working tables
 * @d: a database that is still being written, evidence and packets in place; an earlier ledger is
 * replaced Return: 0, -ENOMEM, -EIO (database).
 */
int ledger_build(struct db *d, struct err *e);

#endif
