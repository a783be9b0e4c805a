/* SPDX-License-Identifier: MIT */
/*
 * tmpfiles: half-written results never stay behind. Files written under a
 * temporary name are registered; a crash or a signal removes them.
 */
#ifndef SKBTAPE_TMPFILES_H
#define SKBTAPE_TMPFILES_H

/* tmpfiles_guard() - from now on a crash says so, removes what is registered and exits with status 4; SIGINT, SIGTERM and
 * SIGHUP remove it and end the process as they do by default. Called once, by main(). */
void tmpfiles_guard(void);
#define TMPFILES_MAX 160

/* tmpfiles_add() - @path (copied) is a temporary file, or a folder of them; at most TMPFILES_MAX at a time, further ones are
 * not guarded. */
void tmpfiles_add(const char *path);
/* tmpfiles_done() - @path was renamed or removed. */
void tmpfiles_done(const char *path);

#endif
