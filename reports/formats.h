/* SPDX-License-Identifier: MIT */
/* formats: the documents that the command report writes. */
#ifndef SKBTAPE_FORMATS_H
#define SKBTAPE_FORMATS_H

#include "rep.h"

/* Each writes its whole document to @f. Errors of reading are left in @r, errors of writing in @f.
 */
void html_write(struct rep *r, FILE *f);
void markdown_write(struct rep *r, FILE *f);
void json_report_write(struct rep *r, FILE *f);

#endif
