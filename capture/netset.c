/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * A namespace is known by the inode number of its nsfs file. Looking means: the links
 * /proc/PID/ns/net of all processes (readlink gives "net:[INUM]" without opening anything), the
 * names in /run/netns (bind mounts, or symlinks into /proc), and all other mounts of nsfs files
 * (Docker keeps some namespaces alive that way with no process in them). Only what was
 * not known before is opened.
 *
 * The descriptor of an entry keeps its namespace alive, so an inode number cannot be reused
 * while an entry of that number is live. When two rounds in a row found no process and no mount,
 * the entry is let go. Other threads may be about to enter it: its lock makes
 * "still there?" and setns() one step.
 */
#include "netset.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/* include/linux/proc_ns.h, include/uapi/linux/nsfs.h: PROC_PID_INIT_INO; fs/proc/generic.c: PROC_DYNAMIC_FIRST */
#define PID_INIT_INUM 0xEFFFFFFCU
#define INUM_DYNAMIC  0xF0000000U
#define NAMES_DIR  "/run/netns"
#define FOUND_MAX  4096 /* namespaces in one round of looking */
#define MISSED_MAX 2	/* rounds without a trace until an entry is let go */

struct slot {
	struct netset_ns ns;
	pthread_mutex_t lock; /* fd and gone */
	const struct netset *set;
	int missed; /* rounds that did not find it */
};

_Static_assert(offsetof(struct slot, ns) == 0, "netset_enter() finds the slot by its namespace");

/* What one round of looking found. */
struct found {
	uint64_t inum;
	int slot; /* index of its entry, -1: none */
	int pid;
	char names[256];
};

struct netset {
	struct slot *_Atomic slots[NETSET_MAX];
	_Atomic size_t count;
	enum netset_scope scope;
	dev_t nsfs; /* device of nsfs files */
	uint64_t self_inum, init_inum;
	int self_fd;
	bool can_enter;

	struct found *found;
	size_t found_n, found_cap, found_last;
	unsigned int left_out; /* beyond FOUND_MAX */

	unsigned int seq;
	struct buf text, key, last_key; /* of netns/SEQ; the key is the text without pids */
	size_t reported;		/* entries that netset_refresh() has told of */
	bool said_permission, said_limit, said_hidden;
	unsigned int hidden; /* processes whose namespace may not be looked at, in the last round */
};

static uint64_t inum_of(const char *path)
{
	struct stat st;

	return stat(path, &st) ? 0 : (uint64_t)st.st_ino;
}

/* The namespace of pid 1, which may be hidden from us; kernel threads (they have no exe) live in
 * the first one. In a container pid 1 is any process: there the number itself may tell. Linux 6.18 and later give
 * the first namespaces fixed numbers below all others (include/uapi/linux/nsfs.h); before it the lowest was
 * taken at boot, and is never free again. */
static uint64_t inum_of_init(void)
{
	uint64_t inum = inum_of("/proc/1/ns/net");
	char exe[1];

	if (inum_of("/proc/self/ns/pid") != PID_INIT_INUM)
		return inum <= INUM_DYNAMIC ? inum : 0;
	if (!inum && readlink("/proc/2/exe", exe, sizeof(exe)) < 0 && errno == ENOENT)
		inum = inum_of("/proc/2/ns/net");
	return inum;
}

/* "net:[4026531840]" -> its number, 0 for anything else */
static uint64_t inum_parse(struct span s)
{
	uint64_t inum;

	if (!span_starts(s, "net:[") || s.p[s.n - 1] != ']')
		return 0;
	s.p += 5;
	s.n -= 6;
	return span_u64(s, &inum) ? 0 : inum;
}

/* Open a namespace file. Return: descriptor, or -errno; -EINVAL where it is no network namespace.
 */
static int open_ns(const char *path, uint64_t *inum)
{
	struct statfs fs;
	struct stat st;
	int fd, type;

	/* a device or a FIFO in our way is not to be opened */
	if (stat(path, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstatfs(fd, &fs) || (uint32_t)fs.f_type != NSFS_MAGIC || fstat(fd, &st))
		goto bad;
	type = ioctl(fd, NS_GET_NSTYPE); /* 4.11; before, setns() will tell */
	if (type >= 0 && type != CLONE_NEWNET)
		goto bad;
	*inum = st.st_ino;
	return fd;
bad:
	close(fd);
	return -EINVAL;
}

static size_t live_count(const struct netset *s)
{
	size_t i, n = 0;

	for (i = 0; i < s->count; i++)
		n += !s->slots[i]->ns.gone;
	return n;
}

/* Make an entry that owns @fd. Return: its index, -ENOSPC, -ENOMEM (@fd is then still the
 * caller's). */
static int append(struct netset *s, uint64_t inum, int fd)
{
	size_t i = s->count;
	struct slot *x;

	if (i == NETSET_MAX || live_count(s) >= NETSET_LIVE_MAX)
		return -ENOSPC;
	x = calloc(1, sizeof(*x));
	if (!x)
		return -ENOMEM;
	pthread_mutex_init(&x->lock, NULL);
	x->set = s;
	x->ns.inum = inum;
	x->ns.id = inum;
	for (size_t k = 0; k < i; k++) /* numbers of namespaces have 32 bits: fs/nsfs.c, ns_common.inum */
		x->ns.id += (uint64_t)(s->slots[k]->ns.inum == inum) << 32;
	x->ns.fd = fd;
	x->ns.self = inum == s->self_inum;
	x->ns.init = inum == s->init_inum;
	s->slots[i] = x;
	s->count = i + 1; /* readers see the entry before the count */
	return (int)i;
}

static int live_slot(const struct netset *s, uint64_t inum)
{
	size_t i;

	for (i = 0; i < s->count; i++)
		if (s->slots[i]->ns.inum == inum && !s->slots[i]->ns.gone)
			return (int)i;
	return -1;
}

static struct found *find(struct netset *s, uint64_t inum)
{
	size_t i;

	/* most processes share a namespace with the process before */
	if (s->found_last < s->found_n && s->found[s->found_last].inum == inum)
		return &s->found[s->found_last];
	for (i = 0; i < s->found_n; i++) {
		if (s->found[i].inum == inum) {
			s->found_last = i;
			return &s->found[i];
		}
	}
	return NULL;
}

/*
 * A namespace was seen at @path: note it, and open it if it is new and the scope has room for it.
 * Return: where it is noted, NULL for one that does not matter (or -ENOMEM in @rc).
 */
static struct found *note(struct netset *s, uint64_t inum, const char *path, int *rc)
{
	struct found *f = find(s, inum);
	uint64_t opened;
	int slot, fd;

	if (f)
		return f;
	slot = live_slot(s, inum);
	if (slot < 0 && s->scope != NETSET_ALL)
		return NULL;
	if (slot < 0 && s->can_enter) {
		fd = open_ns(path, &opened);
		if (fd < 0) /* it ended meanwhile, or is none */
			return NULL;
		/* the path may lead to another one by now: the next round finds that */
		slot = opened == inum ? append(s, inum, fd) : -ESTALE;
		if (slot < 0)
			close(fd);
		if (slot == -ENOMEM)
			*rc = slot;
		if (slot == -ENOMEM || slot == -ESTALE)
			return NULL;
	}
	if (s->found_n == FOUND_MAX) {
		s->left_out++;
		return NULL;
	}
	if (s->found_n == s->found_cap) {
		size_t cap = s->found_cap ? 2 * s->found_cap : 64;

		f = realloc(s->found, cap * sizeof(*f));
		if (!f) {
			*rc = -ENOMEM;
			return NULL;
		}
		s->found = f;
		s->found_cap = cap;
	}
	s->found_last = s->found_n++;
	f = &s->found[s->found_last];
	*f = (struct found){ .inum = inum, .slot = slot < 0 ? -1 : slot };
	return f;
}

/* One more name; blanks separate names, so there are none inside one. */
static void add_name(struct found *f, const char *name)
{
	size_t n = strlen(f->names);
	char *p;

	if (n + strlen(name) + 2 > sizeof(f->names))
		return;
	if (n)
		f->names[n++] = ' ';
	strcpy(f->names + n, name);
	for (p = f->names + n; *p; p++)
		if (*p == ' ' || *p == '\t' || *p == '\n')
			*p = '?';
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int look_names(struct netset *s)
{
	struct dirent **names = NULL;
	int i, n = scandir(NAMES_DIR, &names, NULL, by_name), rc = 0;

	for (i = 0; i < n; i++) {
		char path[sizeof(NAMES_DIR) + 1 + sizeof(names[i]->d_name)];
		struct found *f;
		struct stat st;

		snprintf(path, sizeof(path), NAMES_DIR "/%s", names[i]->d_name);
		if (!stat(path, &st) && st.st_dev == s->nsfs) {
			f = note(s, st.st_ino, path, &rc);
			if (f)
				add_name(f, names[i]->d_name);
		}
		free(names[i]);
	}
	free(names);
	return rc;
}

/* In place: \040 and the like, as proc(5) writes mount points. */
static void unescape_octal(char *text)
{
	char *to = text;

	for (; *text; text++, to++) {
		*to = *text;
		if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] >= '0' &&
		    text[2] <= '7' && text[3] >= '0' && text[3] <= '7') {
			*to = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 | (text[3] - '0'));
			text += 3;
		}
	}
	*to = '\0';
}

static int look_mounts(struct netset *s)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL, path[4096];
	size_t cap = 0;
	ssize_t n;
	int rc = 0;

	if (!f)
		return 0;
	while (!rc && (n = getline(&line, &cap, f)) > 0) {
		/* proc(5): id, parent, device, root within its file system, mount point */
		struct span text = { line, (size_t)n }, word = { NULL, 0 };
		uint64_t inum;
		int i;

		for (i = 0; i < 4 && span_word(&text, &word); i++)
			;
		inum = inum_parse(word);
		if (i < 4 || !inum || !span_word(&text, &word) || word.n >= sizeof(path))
			continue;
		span_copy(word, path, sizeof(path));
		unescape_octal(path);
		note(s, inum, path, &rc);
	}
	free(line);
	fclose(f);
	return rc;
}

static int look_processes(struct netset *s)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	int rc = 0;

	s->hidden = 0;
	if (!d)
		return 0;
	while (!rc && (e = readdir(d))) {
		struct span name = { e->d_name, strlen(e->d_name) };
		char path[64], link[64];
		struct found *f;
		uint64_t pid, inum;
		ssize_t n;

		if (span_u64(name, &pid) || pid > INT32_MAX)
			continue;
		snprintf(path, sizeof(path), "/proc/%" PRIu64 "/ns/net", pid);
		n = readlink(path, link, sizeof(link));
		s->hidden += n < 0 && errno == EACCES; /* proc(5): a ptrace access check */
		inum = n > 0 ? inum_parse((struct span){ link, (size_t)n }) : 0;
		if (!inum)
			continue;
		f = note(s, inum, path, &rc);
		if (f && !f->pid)
			f->pid = (int)pid;
	}
	closedir(d);
	return rc;
}

static int look_self(struct netset *s)
{
	int rc = 0;
	struct found *f = note(s, s->self_inum, "/proc/self/ns/net", &rc);

	if (f)
		f->pid = getpid();
	return rc;
}

/* Only we hold it any more. */
static void let_go(struct slot *x)
{
	pthread_mutex_lock(&x->lock);
	x->ns.gone = true;
	close(x->ns.fd);
	x->ns.fd = -1;
	pthread_mutex_unlock(&x->lock);
}

/* One round. Return: 0, -ENOMEM (what was found until then counts, and nothing is let go). */
static int look(struct netset *s)
{
	size_t i;
	int rc;

	s->found_n = s->found_last = s->left_out = 0;
	rc = look_names(s);
	if (!rc && s->scope == NETSET_SELF)
		rc = look_self(s);
	if (!rc && s->scope != NETSET_SELF)
		rc = look_mounts(s);
	if (!rc && s->scope != NETSET_SELF)
		rc = look_processes(s);
	for (i = 0; i < s->count; i++)
		s->slots[i]->missed++;
	for (i = 0; i < s->found_n; i++) {
		struct found *f = &s->found[i];
		struct slot *x;

		if (f->slot < 0)
			continue;
		x = s->slots[f->slot];
		x->missed = 0;
		x->ns.pid = f->pid;
		memcpy(x->ns.names, f->names, sizeof(x->ns.names));
	}
	for (i = 0; !rc && !s->left_out && i < s->count; i++) {
		struct slot *x = s->slots[i];

		if (!x->ns.gone && !x->ns.self && x->missed >= MISSED_MAX)
			let_go(x);
	}
	return rc;
}

/* NETSET_NAME: what the user asked for. */
static int add_named(struct netset *s, const char *name, struct err *e)
{
	char path[4096];
	uint64_t inum, pid;
	int fd, slot;

	if (strchr(name, '/'))
		snprintf(path, sizeof(path), "%s", name);
	else
		snprintf(path, sizeof(path), NAMES_DIR "/%s", name);
	fd = open_ns(path, &inum);
	if (fd == -ENOENT && !span_u64((struct span){ name, strlen(name) }, &pid)) {
		snprintf(path, sizeof(path), "/proc/%" PRIu64 "/ns/net", pid);
		fd = open_ns(path, &inum);
	}
	if (fd == -EACCES || fd == -EPERM)
		return err_set(e, -EPERM, "%s: no permission to open it; run as root", path);
	if (fd == -EINVAL)
		return err_set(e, -ENOENT, "%s is no network namespace", path);
	if (fd < 0)
		return err_set(e, -ENOENT,
			       "no network namespace '%s': expected a name in " NAMES_DIR
			       " (ip netns list), a path, or a process id",
			       name);
	if (inum != s->self_inum && !s->can_enter) {
		close(fd);
		return err_set(e, -EPERM,
			       "%s: entering a network namespace needs CAP_SYS_ADMIN; run as root",
			       path);
	}
	slot = append(s, inum, fd);
	if (slot < 0) {
		close(fd);
		return err_set(e, slot, "no memory for the network namespaces");
	}
	return 0;
}

int netset_open(struct netset **out, enum netset_scope scope, const char *name, struct err *e)
{
	struct netset *s = calloc(1, sizeof(*s));
	struct stat st;
	int rc, fd;

	if (!s)
		return err_set(e, -ENOMEM, "no memory for the network namespaces");
	s->scope = scope;
	s->self_fd = open_ns("/proc/self/ns/net", &s->self_inum);
	if (s->self_fd < 0 || fstat(s->self_fd, &st)) {
		rc = err_set(e, s->self_fd < 0 ? s->self_fd : -errno,
			     "/proc/self/ns/net cannot be opened: is /proc mounted?");
		goto fail;
	}
	s->nsfs = st.st_dev;
	s->init_inum = inum_of_init();
	/* a move to where we are changes nothing and asks for the permission that any other would
	 * need */
	s->can_enter = !setns(s->self_fd, CLONE_NEWNET);
	if (scope == NETSET_NAME) {
		rc = add_named(s, name, e);
		if (rc)
			goto fail;
	} else {
		fd = fcntl(s->self_fd, F_DUPFD_CLOEXEC, 0);
		rc = fd < 0 ? -errno : append(s, s->self_inum, fd);
		if (rc < 0) {
			if (fd >= 0)
				close(fd);
			err_set(e, rc, "no room for the network namespaces: %s", strerror(-rc));
			goto fail;
		}
	}
	rc = look(s);
	if (rc) {
		err_set(e, rc, "no memory for the network namespaces");
		goto fail;
	}
	*out = s;
	return 0;
fail:
	netset_close(s);
	return rc;
}

void netset_close(struct netset *s)
{
	size_t i;

	if (!s)
		return;
	for (i = 0; i < s->count; i++) {
		struct slot *x = s->slots[i];

		if (x->ns.fd >= 0)
			close(x->ns.fd);
		pthread_mutex_destroy(&x->lock);
		free(x);
	}
	if (s->self_fd >= 0)
		close(s->self_fd);
	buf_free(&s->text);
	buf_free(&s->key);
	buf_free(&s->last_key);
	free(s->found);
	free(s);
}

/* One line of netns/SEQ into text and, without its pid, into key. */
static int put_line(struct netset *s, uint64_t inum, const char *names, int pid, bool unseen)
{
	char flags[32];
	int rc;

	snprintf(flags, sizeof(flags), "%s%s%s", inum == s->self_inum ? " self" : "",
		 inum == s->init_inum ? " init" : "", unseen ? " unseen" : "");
	rc = buf_printf(&s->text, "%" PRIu64 "\t", inum);
	if (!rc)
		rc = tape_text(&s->text, (struct span){ names, strlen(names) }, '\t');
	if (!rc)
		rc = buf_printf(&s->text, "%d\t%s\n", pid, flags[0] ? flags + 1 : "");
	if (!rc)
		rc = buf_printf(&s->key, "%" PRIu64 " %s%s\n", inum, names, flags);
	return rc;
}

static int write_set(struct netset *s, struct tape_writer *w)
{
	size_t i;
	int rc = 0;

	buf_reset(&s->text);
	buf_reset(&s->key);
	for (i = 0; !rc && i < s->count; i++) {
		const struct netset_ns *ns = &s->slots[i]->ns;

		if (!ns->gone)
			rc = put_line(s, ns->id, ns->names, ns->pid, false);
	}
	for (i = 0; !rc && i < s->found_n; i++)
		if (s->found[i].slot < 0)
			rc = put_line(s, s->found[i].inum, s->found[i].names, s->found[i].pid,
				      true);
	if (rc)
		return rc;
	if (s->seq && s->key.len == s->last_key.len &&
	    (!s->key.len || !memcmp(s->key.data, s->last_key.data, s->key.len)))
		return 0;
	/* a failure of the tape is seen by tape_writer_failed() */
	tape_member_put(w, s->text.data, s->text.len, "netns/%06u", s->seq++);
	buf_reset(&s->last_key);
	return buf_put(&s->last_key, s->key.data, s->key.len);
}

static void say(struct netset *s, struct tape_writer *w)
{
	size_t i, unseen = s->left_out;

	for (i = 0; i < s->found_n; i++)
		unseen += s->found[i].slot < 0;
	if (s->scope == NETSET_ALL && !s->can_enter && !s->said_permission) {
		s->said_permission = true;
		quality_put(
			w, "permission", "netns", -1, NULL, -1, -1, -1,
			"without CAP_SYS_ADMIN no other network namespace can be entered: only the "
			"recorder's own was recorded");
	}
	if (s->scope == NETSET_ALL && s->hidden && !s->said_hidden) {
		s->said_hidden = true;
		quality_put(w, "note", "netns", -1, NULL, -1, -1, (int64_t)s->hidden,
			    "processes whose network namespace may not be looked at (that takes CAP_SYS_PTRACE): a "
			    "namespace without a name in which there are only such processes is not recorded");
	}
	if (s->can_enter && unseen && !s->said_limit) {
		s->said_limit = true;
		quality_put(w, "limit", "netns", -1, NULL, -1, -1, (int64_t)unseen,
			    "more than %d network namespaces at a time (or %d in all): those with "
			    "the flag "
			    "'unseen' in netns/ were not recorded",
			    NETSET_LIVE_MAX, NETSET_MAX);
	}
}

int netset_refresh(struct netset *s, struct tape_writer *w)
{
	size_t new;
	int rc;

	rc = look(s);
	if (!rc)
		rc = write_set(s, w);
	say(s, w);
	new = s->count - s->reported;
	s->reported = s->count;
	return rc ? rc : (int)new;
}

size_t netset_count(const struct netset *s)
{
	return s->count;
}

struct netset_ns *netset_at(const struct netset *s, size_t i)
{
	return i < s->count ? &s->slots[i]->ns : NULL;
}

int netset_enter(const struct netset_ns *ns)
{
	struct slot *x = (struct slot *)ns; /* its first member */
	int rc;

	/* without the permission nothing has moved any thread away from here */
	if (x->ns.self && !x->set->can_enter)
		return 0;
	pthread_mutex_lock(&x->lock);
	if (x->ns.gone)
		rc = -ESTALE;
	else
		rc = setns(x->ns.fd, CLONE_NEWNET) ? -errno : 0;
	pthread_mutex_unlock(&x->lock);
	return rc;
}

int netset_leave(const struct netset *s)
{
	if (!s->can_enter)
		return 0;
	return setns(s->self_fd, CLONE_NEWNET) ? -errno : 0;
}
