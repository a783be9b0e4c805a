/* SPDX-License-Identifier: MIT */
/*
 * sniff: frames of every namespace, one unbound, non-promiscuous AF_PACKET ring
 * (TPACKET_V3) each, written as pcapng sections.
 */
#ifndef SKBTAPE_SNIFF_H
#define SKBTAPE_SNIFF_H

#include "netset.h"

struct sniff_options {
	int snaplen;		       /* -1: headers only, 0: whole frames, else bytes */
	const char *filter;	       /* pcap-filter(7), NULL or "": none */
	const char *const *interfaces; /* names, NULL terminated; NULL: all devices */
	uint64_t memory_bytes;	       /* for all rings together, at most 64 MiB */
};

struct sniff_totals {
	uint64_t written;  /* frames on the tape */
	uint64_t lost;	   /* tp_drops of all rings */
	uint64_t filtered; /* taken from a ring and left out (interfaces) */
};

struct sniff;

/**
 * sniff_open() - check the filter and open a ring in each namespace of @set
 * Namespaces where none can be opened are noted in quality.
 * Return: 0; -EINVAL (the filter does not compile: libpcap's text); -EPERM (no namespace at all
 * could be opened).
 */
int sniff_open(struct sniff **s, const struct sniff_options *o, struct netset *set,
	       struct tape_writer *w, struct err *e);
/* sniff_run() - the thread's body: drain until sniff_stop(), then take what the rings still hold.
 * Opens rings in namespaces that appear in @set meanwhile. Return: 0, or the tape writer's error.
 */
int sniff_run(struct sniff *s);
/* sniff_stop() - ask sniff_run() to end. Async-signal-safe. */
void sniff_stop(struct sniff *s);
void sniff_totals(const struct sniff *s, struct sniff_totals *t);
void sniff_close(struct sniff *s);

/* sniff_check_filter() - whether @filter compiles. Return: 0, -EINVAL with libpcap's text. */
int sniff_check_filter(const char *filter, struct err *e);

#endif
