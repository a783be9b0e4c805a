/* SPDX-License-Identifier: MIT */
/* finding_cases: what the rules are tried on. */
#ifndef SKBTAPE_FINDING_CASES_H
#define SKBTAPE_FINDING_CASES_H

#include "../analyze/db.h"

struct finding_case {
	const char *name;
	void (*build)(void);
	const char *cause;    /* of the first finding; NULL: nothing above info; "": nothing */
	const char *severity; /* NULL: any above info */
};

/* The last one of each has no name. */
extern const struct finding_case finding_cases[], delay_cases[], net_cases[], tcp_cases[], hint_cases[],
	kernel_cases[], less_cases[], dev_cases[], link_cases[], filter_cases[], sock_cases[];

/* The database that all of these write into. */
extern struct db *db;

#define T0 1700000000000000000LL /* when the evidence begins */
#define MS 1000000LL

/* Builders; a namespace is its number in table netns (2: a, 3: b). */
void sql(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* host() - two namespaces a and b, a veth pair between them, two snapshots */
void host(void);
int64_t name_id(const char *text);
/* flow() - ports of 0: none */
void flow(int id, int ns, const char *proto, const char *src, int sport, const char *dst,
	  int dport);
/* drops() - @n packets freed with @reason (NULL: a kernel without reasons); ns and flow 0, dev
 * NULL: not known */
void drops(int n, const char *reason, const char *function, const char *class, int ns,
	   const char *dev, int flow_id);
/* frames() - @n frames of a flow; flags 0: no TCP */
void frames(int n, int flow_id, int ns, const char *dev, int direction, int flags);
/* counter() - one that grew by @delta; ns 0: of the machine */
void counter(int ns, const char *source, const char *name, const char *dev, int cpu, int64_t delta);
void sysctl(int ns, const char *name, const char *first, const char *last);
void sock(int snap, int ns, const char *proto, const char *state, const char *src, int sport,
	  int rqueue, int wqueue, int drop_count);
void qdisc(const char *kind, const char *handle, const char *parent, int class, int drop_count,
	   int passed, int backlog);
void nft(int id, const char *text, const char *verdict, int delta);
/* wake() - a softirq of @cpu wakes @pid, which runs on @run_cpu after @latency */
void wake(int64_t at, int cpu, int pid, int run_cpu, int64_t latency);
void runs(int64_t from, int64_t to, int cpu, int pid, int state);
/* event() - one that has no table of its own; @fields is JSON */
void event(const char *name, int64_t at, const char *fields);
/* segment() - a TCP frame at device a0 of namespace @ns */
void segment(int flow_id, int ns, int64_t at, int out, int flags, int len, int seq, int ack);
void stage(const char *name);
/* packet(), hop() - a received packet and its stages, at device a0; context 1: task, 2: softirq */
void packet(int id, int flow_id, int64_t first, int64_t last);
/* What analysis sums up from these rows while it writes them: the rules look there first. */
void summed(void);
void hop(int id, int seq, int64_t at, const char *name, int cpu, int context, int pid);

/* Cases that other tests build on. */
void case_udp_rcvbuf(void);
void case_neigh_failed(void);
void case_starved_busy(void);
void case_very_late_softirq(void);
void case_zero_window_brief(void);
void case_nf_frag(void);
void case_backlog(void);
void case_rps_one_cpu(void);

#endif
