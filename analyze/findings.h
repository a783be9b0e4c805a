/* SPDX-License-Identifier: MIT */
/*
 * findings: run the rules over the evidence, rank what they find, tell symptoms
 * from causes. Fills finding, finding_evidence, finding_advice,
 * finding_ruled_out and finding_packet; needs ledger_build() before.
 */
#ifndef SKBTAPE_FINDINGS_H
#define SKBTAPE_FINDINGS_H

#include "db.h"

/**
 * findings_run() - all rules, embedded ones and those of a folder
 * @d:         a database that is still being written; earlier findings are replaced
 * @rules_dir: more rules, NULL: none
 *
 * A rule that fails becomes a row of quality (rule-failed) and stops nothing.
 * Return: 0, -ENOMEM, -EIO (database), or the errno of opening @rules_dir.
 */
int findings_run(struct db *d, const char *rules_dir, struct err *e);

#endif
