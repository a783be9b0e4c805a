/* SPDX-License-Identifier: MIT */
/* words: texts of the database in the reader's language. */
#ifndef SKBTAPE_WORDS_H
#define SKBTAPE_WORDS_H

#include "lang.h"
#include "rep.h"

/**
 * words_finding() - a text of a finding
 * @part: title, summary, evidence, advice, ruled_out
 * @seq:  0 for title and summary
 * @en:   what the analysis wrote, which stands where there is no translation
 * @out:  its old content goes
 * Return: @en, or @out's content.
 */
const char *words_finding(struct rep *r, int64_t id, const char *part, int64_t seq, const char *en,
			  struct buf *out);

/*
 * words_word() - a word that the analysis uses for a kind of something: loss,
 * delivered, softirq; other texts stay as they are, also where a catalog has them.
 */
const char *words_word(const char *en);

#endif
