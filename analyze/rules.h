/* SPDX-License-Identifier: MIT */
/*
 * rules: rule files, each of which names one root cause and how it is found.
 * docs/RULES.md is the manual of their format, rule_text that of their texts.
 */
#ifndef SKBTAPE_RULES_H
#define SKBTAPE_RULES_H

#include "../schema/base.h"
#include "detail.h"

/* A word of the vocabulary, analyze/causes.tsv. */
struct rule_cause {
	char *word;    /* udp-rcvbuf-overflow */
	char *layer;   /* socket */
	char *kind;    /* loss, policy, error, delay, refusal, info */
	char *meaning; /* a sentence */
};

/* How far a rule was tried; it caps the confidence of its findings. */
enum rule_tested {
	RULE_UNTESTED,
	RULE_TESTED_REPLAY, /* on evidence as the kernel gives it, put into a database */
	RULE_TESTED_LIVE,   /* on a recording of the real fault */
	RULE_TESTED_COUNT
};

/* Kinds of evidence a rule rests on; what was lost of them lowers its confidence. */
#define RULE_USES_EVENTS   0x01u
#define RULE_USES_FRAMES   0x02u
#define RULE_USES_COUNTERS 0x04u
#define RULE_USES_CONFIG   0x08u
#define RULE_USES_SOCKETS  0x10u
#define RULE_USES_SCHED	   0x20u

enum rule_item_kind {
	RULE_EVIDENCE,
	RULE_ADVICE,
	RULE_RULED_OUT,
	RULE_PACKETS,
};

/* One section behind the main query. */
struct rule_item {
	enum rule_item_kind kind;
	bool optional; /* evidence: left out where its query gives nothing, NULL or 0 */
	char *text;    /* template, "" for RULE_PACKETS */
	char *sql; /* template; evidence, packets, and the condition of advice and ruled-out; NULL:
		      none */
	char *command; /* template, advice only, may be NULL */
	char *undo;
};

struct rule {
	char *name;    /* file name */
	bool embedded; /* else the user's */
	char *problem; /* NULL: usable; else why not, and nothing below is to be used */
	const struct rule_cause *cause;
	char *severity; /* critical, warning, info: where the query does not say */
	char *title;	/* template */
	char *summary;	/* template */
	char *how;
	char *needs; /* NULL: nothing */
	enum detail_level partial; /* up to that one what is there is enough: it concludes nothing from what is not */
	char *symptom_of;
	bool last; /* runs when the others have, and sees what they found in table _claim */
	enum rule_tested tested;
	unsigned int uses;
	double confidence; /* where the query does not say */
	char *sql;	   /* main query */
	struct rule_item *item;
	size_t items;
};

struct rules;

/**
 * rules_load() - the embedded rules, and those of a folder
 * @dir: folder whose *.sql files are rules too; one that has the name of an embedded rule replaces
 * it. NULL: none
 *
 * Return: 0, also where single files are no good (their problem says why);
 * -ENOMEM; the errno of opening @dir.
 */
int rules_load(struct rules **r, const char *dir, struct err *e);
void rules_free(struct rules *r);

size_t rules_count(const struct rules *r);
/* rules_at() - the @i-th rule, sorted by file name. */
const struct rule *rules_at(const struct rules *r, size_t i);
/* rules_cause() - the @i-th word of the vocabulary. Return: NULL behind the last. */
const struct rule_cause *rules_cause(const struct rules *r, size_t i);

/**
 * rules_list() - every cause that can be named and how it is found, in plain text, sorted by cause
 * @out: appended to
 * Return: as rules_load().
 */
int rules_list(struct buf *out, const char *dir, struct err *e);

#endif
