/* SPDX-License-Identifier: MIT */
/* want: a flow, or a part of one, as a person writes it. */
#ifndef SKBTAPE_WANT_H
#define SKBTAPE_WANT_H

#include "rep.h"

struct want_end {
	char addr[48]; /* as inet_ntop(3) writes it; "" for any */
	int64_t port;  /* -1: any */
};

struct want {
	char proto[16]; /* "" for any */
	struct want_end end[2];
};

/**
 * want_parse() - read "udp 10.0.0.1:53 > 10.0.0.2:4444", "10.0.0.2:5001", "tcp port 80",
 * "[2001:db8::1]:443" ...
 *
 * Words: a protocol; an address; address:port; a number or `port N`; `src`, `dst` and
 * '>' say which end. Without them an end may be either one, and both directions of
 * a conversation are meant in any case.
 * Return: 0, or -EINVAL with the word that was not understood.
 */
int want_parse(struct want *w, const char *text, struct err *e);

/**
 * want_behind() - a flow whose words stand behind the names of files on a command line
 * @n: 1 or more words; becomes the number of files
 * Return: 0, or -EINVAL with what is wrong.
 */
int want_behind(struct want *w, char *const *word, size_t *n, struct err *e);

/* Condition on columns proto, src, sport, dst, dport, with parameters ?1 to ?5 bound by
 * want_bind(). */
#define WANT_SQL                                                                                   \
	"((?1 IS NULL OR proto = ?1) AND (((?2 IS NULL OR src = ?2) AND (?3 IS NULL OR sport = "   \
	"?3) AND (?4 IS NULL OR dst = ?4) "                                                        \
	"AND (?5 IS NULL OR dport = ?5)) OR ((?2 IS NULL OR dst = ?2) AND (?3 IS NULL OR dport = " \
	"?3) AND (?4 IS NULL OR src = ?4) "                                                        \
	"AND (?5 IS NULL OR sport = ?5))))"

void want_bind(const struct want *w, sqlite3_stmt *st);
/* want_print() - the condition with its values in place, for people to run again. */
void want_print(const struct want *w, FILE *f);

#endif
