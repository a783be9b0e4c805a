/* SPDX-License-Identifier: MIT */
/*
 * frame_index: indexes of _frame, written when all rows are known: sorting
 * numbers takes a fraction of the time of CREATE INDEX.
 */
#ifndef SKBTAPE_FRAME_INDEX_H
#define SKBTAPE_FRAME_INDEX_H

#include "rows.h"

/**
 * frame_index_write() - an index of one column
 * @r: opened as keyed, with the index's name
 * @key: the column's value by frame number - 1; 0: NULL
 * @nulls: frames without a value are in it
 * Return: 0, -ENOMEM, or as db_run().
 */
int frame_index_write(struct rows *r, const uint32_t *key, size_t n, bool nulls);

#endif
