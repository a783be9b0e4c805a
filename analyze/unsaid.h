/* SPDX-License-Identifier: MIT */
/*
 * unsaid: what packets were dropped for where the kernel knows no such reason: those before 5.17
 * know none, later ones had few at first (analyze/drop_proofs.tsv says what proves which).
 */
#ifndef SKBTAPE_UNSAID_H
#define SKBTAPE_UNSAID_H

#include "db.h"

/**
 * unsaid_prove() - fill the columns why and why_by of _drop_group for drops without a reason
 * @d: a database with _moved and _drop_group, drops placed in their namespaces
 *
 * What is not proven stays as it is.
 * Return: 0, -ENOMEM, -EIO (database).
 */
int unsaid_prove(struct db *d, struct err *e);

#endif
