/* SPDX-License-Identifier: MIT */
/* devwatch: which device of a namespace has a name, and when to ask again. */
#ifndef SKBTAPE_CAPTURE_DEVWATCH_H
#define SKBTAPE_CAPTURE_DEVWATCH_H

#include "netset.h"

/**
 * devwatch_open() - be told when devices of @ns come, go or get another name
 * Moves the calling thread into @ns; netset_leave() brings it back.
 * Return: a descriptor that is readable when there are news, to be closed by the caller; -ESTALE
 * (the namespace is gone), -errno.
 */
int devwatch_open(const struct netset_ns *ns);
/* devwatch_read() - take the news away; what they are does not matter. */
void devwatch_read(int fd);
/* devwatch_ifindex() - the device that has the name now. Return: 0: none. */
int devwatch_ifindex(int fd, const char *name);

#endif
