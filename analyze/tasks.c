/* SPDX-License-Identifier: MIT */
#include "tasks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TASK_COMM_LEN 16 /* include/linux/sched.h */
#define TASKS_MAX     (1U << 22) /* the kernel's own limit of pids (PID_MAX_LIMIT) */

struct task_name {
	int32_t pid; /* 0: empty; the idle tasks are not kept */
	char comm[TASK_COMM_LEN];
};

struct tasks {
	struct db *d;
	struct task_name *slot; /* open addressing by pid */
	size_t slots, n;
};

int tasks_open(struct tasks **out, struct db *d)
{
	struct tasks *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->d = d;
	*out = t;
	return 0;
}

void tasks_close(struct tasks *t)
{
	if (!t)
		return;
	free(t->slot);
	free(t);
}

static struct task_name *find(const struct tasks *t, int32_t pid)
{
	size_t i = (uint32_t)pid * 2654435761U & (t->slots - 1);

	while (t->slot[i].pid && t->slot[i].pid != pid)
		i = (i + 1) & (t->slots - 1);
	return &t->slot[i];
}

static int grow(struct tasks *t)
{
	struct tasks old = *t;

	t->slots = old.slots ? old.slots * 2 : 256;
	t->slot = calloc(t->slots, sizeof(*t->slot));
	if (!t->slot) {
		t->slot = old.slot;
		t->slots = old.slots;
		return -ENOMEM;
	}
	for (size_t i = 0; i < old.slots; i++)
		if (old.slot[i].pid)
			*find(t, old.slot[i].pid) = old.slot[i];
	free(old.slot);
	return 0;
}

/* The name a task has when it leaves the CPU is its newest: exec(2) changes it. */
int tasks_event(struct tasks *t, const struct event *ev)
{
	struct task_name *x;
	struct span comm;
	uint64_t pid;

	if (ev->kind != EV_SCHED_SWITCH || !event_u64(ev, F_PREV_PID, &pid) || !pid || pid > INT32_MAX ||
	    !event_text(ev, F_PREV_COMM, &comm) || t->n >= TASKS_MAX)
		return 0;
	if (t->n * 2 >= t->slots && grow(t))
		return -ENOMEM;
	x = find(t, (int32_t)pid);
	t->n += !x->pid;
	x->pid = (int32_t)pid;
	span_copy(comm, x->comm, sizeof(x->comm));
	return 0;
}

static int by_pid(const void *a, const void *b)
{
	const struct task_name *x = a, *y = b;

	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

int tasks_finish(struct tasks *t, struct err *e)
{
	sqlite3_stmt *st = db_prepare(t->d, "INSERT OR IGNORE INTO task(pid, comm) VALUES(?, ?)");

	if (t->slots)
		qsort(t->slot, t->slots, sizeof(*t->slot), by_pid);
	for (size_t i = 0; i < t->slots; i++) {
		if (!t->slot[i].pid)
			continue;
		db_bind_int(st, 1, t->slot[i].pid);
		db_bind_text(st, 2, t->slot[i].comm);
		db_run(t->d, st);
	}
	t->slots = 0; /* sorted: no hash table any more */
	return db_error(t->d, e);
}
