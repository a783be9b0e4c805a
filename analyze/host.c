/* SPDX-License-Identifier: MIT */
#include "host.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Namespaces and devices are few (hundreds); pointers stay valid, so both are lists of pointers. */
struct host {
	struct db *d;
	struct host_netns **ns;
	size_t ns_n;
	struct host_dev **dev;
	size_t dev_n, dev_cap;
	sqlite3_stmt *ins_ns;
};

#define HOST_NETNS_MAX 100000
#define HOST_DEV_MAX   1000000

/* A name that an earlier namespace had gets a number: "web#2". */
static void name_make_unique(const struct host *h, struct host_netns *n)
{
	unsigned int same = 1;
	size_t len = strnlen(n->name, sizeof(n->name) - 12);

	for (size_t i = 0; i < h->ns_n; i++)
		same += !strncmp(h->ns[i]->name, n->name, len) &&
			(!h->ns[i]->name[len] || h->ns[i]->name[len] == '#');
	if (same > 1)
		snprintf(n->name + len, sizeof(n->name) - len, "#%u", same);
}

/* Adds a namespace. Grows by one at a time: there are few. */
static struct host_netns *netns_add(struct host *h, uint64_t inum, struct span names, int64_t pid, bool init,
				    bool seen)
{
	struct host_netns **v, *n;
	struct span first, rest = names;

	if (h->ns_n >= HOST_NETNS_MAX)
		return NULL;
	v = realloc(h->ns, (h->ns_n + 1) * sizeof(struct host_netns *));
	if (!v)
		return NULL;
	h->ns = v;
	n = calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	n->inum = inum;
	n->id = (int64_t)h->ns_n + 1;
	if (init)
		snprintf(n->name, sizeof(n->name), "init");
	else if (span_word(&rest, &first))
		span_copy(first, n->name, sizeof(n->name));
	else
		snprintf(n->name, sizeof(n->name), "net:[%" PRIu64 "]", inum & UINT32_MAX);
	name_make_unique(h, n);
	h->ns[h->ns_n++] = n;
	db_bind_int(h->ins_ns, 1, n->id);
	db_bind_int(h->ins_ns, 2, (int64_t)(inum & INT64_MAX));
	db_bind_text(h->ins_ns, 3, n->name);
	db_bind_span(h->ins_ns, 4, names.p ? names : SPAN_LIT(""));
	db_bind_opt(h->ins_ns, 5, pid, 0);
	db_bind_int(h->ins_ns, 6, seen);
	return db_run(h->d, h->ins_ns) ? NULL : n;
}

static struct host_netns *netns_find(const struct host *h, uint64_t inum)
{
	for (size_t i = 0; i < h->ns_n; i++)
		if (h->ns[i]->inum == inum)
			return h->ns[i];
	return NULL;
}

/* One text of netns/SEQ: inode, names, pid, flags. */
static int netns_parse(struct host *h, struct span text)
{
	struct span line, inum_s, names, pid_s, flags = SPAN_LIT(""), word;

	while (span_line(&text, &line)) {
		uint64_t inum, pid = 0;
		bool init = false, seen = true;

		if (!span_field(&line, '\t', &inum_s) || span_u64(inum_s, &inum) ||
		    !span_field(&line, '\t', &names) || !span_field(&line, '\t', &pid_s) ||
		    span_u64(pid_s, &pid) || netns_find(h, inum))
			continue;
		span_field(&line, '\t', &flags);
		while (span_word(&flags, &word)) {
			init = init || span_is(word, "init");
			seen = seen && !span_is(word, "unseen");
		}
		if (!netns_add(h, inum, names, (int64_t)(pid & INT32_MAX), init, seen))
			return -ENOMEM;
	}
	return 0;
}

int host_load(struct host **out, struct tape *t, struct db *d, struct err *e)
{
	struct host *h = calloc(1, sizeof(*h));
	struct buf text = { 0 };
	int rc = 0;

	if (!h)
		return err_set(e, -ENOMEM, "out of memory");
	h->d = d;
	h->ins_ns = db_prepare(d, "INSERT OR IGNORE INTO netns(id, inum, name, names, pid, seen) "
				  "VALUES(?, ?, ?, ?, ?, ?)");
	for (size_t i = 0; !rc && i < tape_member_count(t); i++) {
		if (strncmp(tape_member(t, i)->name, "netns/", 6))
			continue;
		rc = tape_load(t, i, &text, e);
		if (!rc && netns_parse(h, (struct span){ (const char *)text.data, text.len }))
			rc = err_set(e, -ENOMEM, "out of memory while reading %s", tape_member(t, i)->name);
	}
	buf_free(&text);
	if (rc) {
		host_free(h);
		return rc;
	}
	*out = h;
	return 0;
}

void host_free(struct host *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->ns_n; i++)
		free(h->ns[i]);
	for (size_t i = 0; i < h->dev_n; i++)
		free(h->dev[i]);
	free(h->ns);
	free(h->dev);
	free(h);
}

const struct host_netns *host_netns(struct host *h, uint64_t inum)
{
	struct host_netns *n = netns_find(h, inum);

	return n ? n : netns_add(h, inum, (struct span){ 0 }, 0, false, true);
}

const struct host_netns *host_netns_newest(struct host *h, uint64_t inum)
{
	struct host_netns *newest = NULL;

	for (size_t i = 0; i < h->ns_n; i++)
		if ((h->ns[i]->inum & UINT32_MAX) == (inum & UINT32_MAX))
			newest = h->ns[i];
	return newest ? newest : host_netns(h, inum);
}

const struct host_netns *host_netns_by_id(const struct host *h, int64_t id)
{
	return id >= 1 && (uint64_t)id <= h->ns_n ? h->ns[id - 1] : NULL;
}

size_t host_netns_count(const struct host *h)
{
	return h->ns_n;
}

int host_add_dev(struct host *h, struct host_dev *d)
{
	struct host_dev *x = (struct host_dev *)host_dev(h, d->netns_id, d->ifindex);

	if (x) {
		d->id = x->id;
		d->peer_id = x->peer_id;
		*x = *d;
		return 0;
	}
	if (h->dev_n >= HOST_DEV_MAX)
		return -ENOMEM;
	if (h->dev_n == h->dev_cap) {
		size_t cap = h->dev_cap ? h->dev_cap * 2 : 32;
		struct host_dev **v = realloc(h->dev, cap * sizeof(struct host_dev *));

		if (!v)
			return -ENOMEM;
		h->dev = v;
		h->dev_cap = cap;
	}
	x = malloc(sizeof(*x));
	if (!x)
		return -ENOMEM;
	d->id = (int64_t)h->dev_n + 1;
	d->peer_id = 0;
	*x = *d;
	h->dev[h->dev_n++] = x;
	return 0;
}

const struct host_dev *host_dev(const struct host *h, int64_t netns_id, int ifindex)
{
	for (size_t i = 0; i < h->dev_n; i++)
		if (h->dev[i]->netns_id == netns_id && h->dev[i]->ifindex == ifindex)
			return h->dev[i];
	return NULL;
}

const struct host_dev *host_dev_named(const struct host *h, struct span name)
{
	const struct host_dev *found = NULL;

	for (size_t i = 0; i < h->dev_n; i++) {
		if (!span_is(name, h->dev[i]->name))
			continue;
		if (found)
			return NULL;
		found = h->dev[i];
	}
	return found;
}

const struct host_dev *host_dev_named_in(const struct host *h, int64_t netns_id, struct span name)
{
	for (size_t i = 0; i < h->dev_n; i++)
		if (h->dev[i]->netns_id == netns_id && span_is(name, h->dev[i]->name))
			return h->dev[i];
	return NULL;
}

const struct host_dev *host_dev_by_id(const struct host *h, int64_t id)
{
	return id >= 1 && (uint64_t)id <= h->dev_n ? h->dev[id - 1] : NULL;
}

size_t host_dev_count(const struct host *h)
{
	return h->dev_n;
}

const struct host_dev *host_dev_at(const struct host *h, size_t i)
{
	return i < h->dev_n ? h->dev[i] : NULL;
}

void host_link_peer(struct host *h, int64_t id_a, int64_t id_b)
{
	struct host_dev *a = (struct host_dev *)host_dev_by_id(h, id_a);
	struct host_dev *b = (struct host_dev *)host_dev_by_id(h, id_b);

	if (!a || !b)
		return;
	a->peer_id = id_b;
	b->peer_id = id_a;
}
