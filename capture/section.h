/* SPDX-License-Identifier: MIT */
/*
 * section: the frames of one network namespace, from ring entries (TPACKET_V3) to
 * pcapng sections.
 */
#ifndef SKBTAPE_SECTION_H
#define SKBTAPE_SECTION_H

#include "filter.h"
#include "tape_write.h"

#include <linux/if_packet.h>

/* What holds for all namespaces. */
struct section_options {
	int snaplen;		 /* -1: headers only, 0: whole frames, else bytes */
	struct filter *filter;	 /* asked for each frame where a section is told to */
	const char *filter_text; /* for the interface blocks, NULL: none */
	char *const *interfaces; /* names, NULL terminated; NULL: all devices */
};

struct section;

/**
 * section_open() - start with no section begun
 * @o:    stays the caller's
 * @fd:   packet socket in that namespace, to ask for device names; stays the caller's
 * @inum: the namespace
 * @seq:  number of its next member; stays the caller's
 * @user_filter: whether the filter has to be asked here
 * Freed by section_close(). Return: 0, -ENOMEM.
 */
int section_open(struct section **x, const struct section_options *o, int fd, uint64_t inum,
		 unsigned int *seq, bool user_filter);
void section_close(struct section *x);

/**
 * section_frame() - add a frame of the ring
 * @h: an entry of a block, whole, as the kernel wrote it
 * Return: 1 (written), 0 (left out: device or filter), -ENOMEM.
 */
int section_frame(struct section *x, const struct tpacket3_hdr *h);

/* section_is_due() - whether the section is long or old enough to become a member, or device names
 * too old. */
bool section_is_due(const struct section *x, int64_t now_ns);
/* section_lost() - @n frames were lost before they came here; told in the next statistics block. */
void section_lost(struct section *x, uint64_t n);
/**
 * section_flush() - end the section and put it on the tape
 * Without frames nothing is written; device names are asked for anew in any case.
 * Return: 0, or the tape writer's error.
 */
int section_flush(struct section *x, struct tape_writer *w);

#endif
