/* SPDX-License-Identifier: MIT */
/*
 * confine: what reads a stranger's tape can do nothing but read it and write the
 * result. Linux only lets a process give up rights, so there is no way back.
 */
#ifndef SKBTAPE_CONFINE_H
#define SKBTAPE_CONFINE_H

#include "../schema/base.h"

/**
 * confine_start() - give up what a command that reads tapes and databases does not need
 * @argc: @argv: the command and its arguments as main() got them behind the program's name;
 *               only files that are named there can be read, only folders of results written
 *
 * Called once, behind tmpfiles_guard(): a forbidden system call ends the process as a crash does.
 * What this kernel does not have is left out silently. In a build with sanitizers nothing is done.
 * Return: 0, -ENOMEM.
 */
int confine_start(int argc, char **argv);
/* confine_allow() - before confine_start(): @path may be read, too. At most two. */
void confine_allow(const char *path);

#endif
