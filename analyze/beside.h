/* SPDX-License-Identifier: MIT */
/*
 * beside: what commands take: a tape or another file, and behind it captures of the
 * same time, or a later copy of the same host's /proc and /sys.
 */
#ifndef SKBTAPE_BESIDE_H
#define SKBTAPE_BESIDE_H

#include "tape_read.h"

/**
 * beside_open() - open a tape with what stands beside it
 * @paths: the first is opened as it is; the packets of captures go behind its members (pcap_add()), a directory or
 *         archive becomes its second snapshot
 * @n:     1 or more
 * Return: 0, freed by tape_close(); -EINVAL (the message says what does not fit), -ENOMEM, or as tape_open().
 */
int beside_open(struct tape **t, char *const *paths, size_t n, struct err *e);

#endif
