/* SPDX-License-Identifier: MIT */
/* beside: what a command names behind the first tape or file: captures, or a later copy of the same host's /proc and /sys. */
#ifndef SKBTAPE_BESIDE_H
#define SKBTAPE_BESIDE_H

#include "tape_read.h"

/**
 * beside_add() - put files behind a tape's members
 * Captures go through pcap_add(); a directory or archive becomes the second snapshot of a first one.
 * Return: 0, -EINVAL (the message says what does not fit), -ENOMEM, or as tape_open().
 */
int beside_add(struct tape *t, char *const *paths, size_t n, struct err *e);

#endif
