/* SPDX-License-Identifier: MIT */
/*
 * instance: the way to tracefs, and a tracing instance of our own in it that
 * goes away whatever happens to us.
 */
#ifndef SKBTAPE_INSTANCE_H
#define SKBTAPE_INSTANCE_H

#include "../schema/base.h"
#include <tracefs.h>

/* How tracefs is reached. */
struct tracefs_way {
	char path[288];
	bool mounted; /* it stood there already */
	int fd;	      /* else of a mount that only this descriptor holds; -1: none */
};

/**
 * tracefs_way_open() - find tracefs and point libtracefs at it
 *
 * Nothing is mounted where another process could see it.
 * Return: 0; -EPERM, -ENOENT ...: the message says what is missing and how to get it.
 */
int tracefs_way_open(struct tracefs_way *way, struct err *e);
/* tracefs_way_close() - libtracefs has to be left alone from here on. */
void tracefs_way_close(struct tracefs_way *way);

/* tracefs_locked_down() - whether kernel_lockdown(7) forbids tracing. */
bool tracefs_locked_down(void);

struct instance;

/**
 * instance_open() - remove what dead recorders left, make skbtape-PID, and watch over it
 *
 * Call it before any thread is started: it forks the guard.
 * Return: as tracefs_way_open(); -EEXIST, -ENOMEM.
 */
int instance_open(struct instance **i, struct err *e);
/* instance_close() - remove it; all files in it must be closed. Return: 0, or -EBUSY with the
 * message. */
int instance_close(struct instance *i, struct err *e);

struct tracefs_instance *instance_tracefs(const struct instance *i);
const struct tracefs_way *instance_way(const struct instance *i);

/**
 * instance_remove_stale() - remove the instances of recorders that are gone
 * Return: number removed; -EBUSY when one could not be removed, with its name in the message.
 */
int instance_remove_stale(const struct tracefs_way *way, struct err *e);

#endif
