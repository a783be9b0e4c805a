/* SPDX-License-Identifier: MIT */
/* finding_cases: what the rules are tried on. */
#ifndef SKBTAPE_FINDING_CASES_H
#define SKBTAPE_FINDING_CASES_H

#include "../analyze/db.h"

struct finding_case {
	const char *name;
	void (*build)(void);
	const char *cause;    /* of the first finding; NULL: nothing above info */
	const char *severity; /* NULL: any above info */
};

/* The last one has no name. */
extern const struct finding_case finding_cases[];

/* The database that all of these write into. */
extern struct db *db;

void sql(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* host() - two namespaces a and b, a veth pair between them, two snapshots */
void host(void);
/* counter() - one that grew by @delta; ns 0: of the machine */
void counter(int ns, const char *source, const char *name, const char *dev, int cpu, int64_t delta);
/* drops() - @n packets freed with @reason (NULL: a kernel without reasons); ns and flow 0, dev NULL: not known */
void drops(int n, const char *reason, const char *function, const char *class, int ns, const char *dev, int flow_id);

/* Cases that other tests build on. */
void case_udp_rcvbuf(void);
void case_neigh_failed(void);
void case_nf_frag(void);
void case_backlog(void);

#endif
