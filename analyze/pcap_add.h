/* SPDX-License-Identifier: MIT */
/* pcap_add: capture files beside a tape or a trace. */
#ifndef SKBTAPE_PCAP_ADD_H
#define SKBTAPE_PCAP_ADD_H

#include "tape_read.h"

/**
 * pcap_add() - put the packets of capture files behind a tape's members
 * Where the clock of the tape's events is not tied to real time, the packets tie it (see pcap_add.c).
 * Return: 0, -EINVAL (no capture file), -EFBIG, -ENOMEM.
 */
int pcap_add(struct tape *t, char *const *paths, size_t n, struct err *e);

#endif
