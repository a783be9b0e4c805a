/* SPDX-License-Identifier: MIT */
/* together: many calls that wait in the kernel, at one time. */
#ifndef SKBTAPE_CAPTURE_TOGETHER_H
#define SKBTAPE_CAPTURE_TOGETHER_H

#include <stddef.h>

/**
 * together() - call @one for each number from 0 to @n - 1, by several threads where there are many
 * @one: does nothing that two threads may not do for different numbers
 * Returns when all are done; where no thread can be had the caller's does all of it.
 */
void together(void (*one)(void *ctx, size_t i), void *ctx, size_t n);

#endif
