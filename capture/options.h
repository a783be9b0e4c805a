/* SPDX-License-Identifier: MIT */
/* options: the command line of `skbtape record` and `skbtape-record`. */
#ifndef SKBTAPE_OPTIONS_H
#define SKBTAPE_OPTIONS_H

#include "netset.h"
#include "source.h"

#include <stdio.h>

#define OPTIONS_INTERFACES_MAX 64

enum options_action { OPTIONS_RECORD, OPTIONS_DOCTOR, OPTIONS_HELP, OPTIONS_VERSION };

struct record_options {
	enum options_action action;
	const char *output;  /* NULL: a name from host and time; "-": standard output */
	int64_t duration_ns; /* -1: no limit */
	enum trace_profile profile;
	enum backend backend;
	const char *formats; /* of perf, a folder; NULL: tracefs */
	int snaplen; /* -1: headers only, 0: whole frames, else bytes */
	bool pcap;
	enum netset_scope scope;
	const char *netns;     /* as given; NULL: "all" */
	uint64_t buffer_bytes; /* per CPU, 0: chosen */
	uint64_t max_bytes;    /* 0: no limit */
	double max_cpu;	       /* percent of one CPU, 0: no limit */
	bool quiet;
	char *filter; /* pcap-filter(7), "": none; freed by options_free() */
	const char *interfaces[OPTIONS_INTERFACES_MAX + 1]; /* NULL terminated */
	unsigned int interface_count;
	char **command; /* NULL: none; else NULL terminated, inside argv */
};

/**
 * options_parse() - read a command line
 * @argv: argv[0] is not looked at; options may stand anywhere before "--". Reordered
 *
 * Return: 0; -EINVAL for wrong usage: the message names the option, the value and what is expected;
 * -ENOMEM.
 */
int options_parse(struct record_options *o, int argc, char **argv, struct err *e);
void options_free(struct record_options *o);

/* options_help() - the help text; @name: the command as the user calls it. */
void options_help(FILE *f, const char *name);

/* options_size() - "10", "64K", "1.5M", "2G" in bytes. Return: 0, -EINVAL, -ERANGE. */
int options_size(const char *text, uint64_t *bytes);
/* options_percent() - "5", "12.5", "200"; 0 is one. Return: 0, -EINVAL, -ERANGE. */
int options_percent(const char *text, double *percent);
/* options_seconds() - "10", "0.5" in ns, more than 0 and at most ten years. Return: 0, -EINVAL,
 * -ERANGE. */
int options_seconds(const char *text, int64_t *ns);

#endif
