/* SPDX-License-Identifier: MIT */
#include "counters.h"
#include "keymap.h"

#include <errno.h>

/* A counter. All key fields, in eight-byte units, before first. */
struct counter {
	int64_t netns_id; /* 0: the machine */
	int32_t source_id;
	int32_t name_id;
	int32_t dev_id; /* 0: none */
	int32_t cpu;	/* -1: none */
	int64_t first;
	int64_t last;
	int64_t seen_ns;    /* of the last reading */
	int64_t written_ns; /* of the last row */
};

#define COUNTER_KEY_BYTES offsetof(struct counter, first)

struct counters {
	struct sample_sink sink; /* first: counters_sink() hands it out */
	struct db *d;
	struct keymap map;
	int64_t snap_ns;
	int64_t netns_id;
	bool first, from_boot;
	struct {
		const char *text; /* the constant's address is its name */
		int64_t id;
	} source[32];
	size_t sources;
	sqlite3_stmt *ins, *ins_delta;
};

static void sink_put(struct sample_sink *s, const struct sample *x)
{
	counters_put((struct counters *)s, x);
}

int counters_open(struct counters **out, struct db *d, size_t max)
{
	struct counters *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	c->sink.put = sink_put;
	c->d = d;
	keymap_init(&c->map, COUNTER_KEY_BYTES, sizeof(struct counter), max);
	c->ins = db_prepare(
		d,
		"INSERT INTO _counter(snap_ns, netns_id, source_id, name_id, dev_id, cpu, value) "
		"VALUES(?, ?, ?, ?, ?, ?, ?)");
	c->ins_delta = db_prepare(
		d, "INSERT INTO _counter_delta(netns_id, source_id, name_id, dev_id, cpu, "
		   "first_value, last_value) VALUES(?, ?, ?, ?, ?, ?, ?)");
	*out = c;
	return 0;
}

void counters_free(struct counters *c)
{
	if (!c)
		return;
	keymap_free(&c->map);
	free(c);
}

void counters_at(struct counters *c, int64_t snap_ns, int64_t netns_id, bool first)
{
	c->snap_ns = snap_ns;
	c->netns_id = netns_id;
	c->first = first;
}

void counters_from_boot(struct counters *c)
{
	c->from_boot = true;
}

struct sample_sink *counters_sink(struct counters *c)
{
	return &c->sink;
}

size_t counters_count(const struct counters *c)
{
	return c->map.count;
}

static int64_t source_id(struct counters *c, const char *text)
{
	int64_t id;

	for (size_t i = 0; i < c->sources; i++)
		if (c->source[i].text == text)
			return c->source[i].id;
	id = db_name_text(c->d, text);
	if (c->sources < ARRAY_SIZE(c->source)) {
		c->source[c->sources].text = text;
		c->source[c->sources++].id = id;
	}
	return id;
}

static void bind_key(sqlite3_stmt *st, int i, const struct counter *k)
{
	db_bind_opt(st, i, k->netns_id, 0);
	db_bind_int(st, i + 1, k->source_id);
	db_bind_int(st, i + 2, k->name_id);
	db_bind_opt(st, i + 3, k->dev_id, 0);
	db_bind_opt(st, i + 4, k->cpu, -1);
}

static void write_row(struct counters *c, struct counter *k)
{
	db_bind_int(c->ins, 1, k->seen_ns);
	bind_key(c->ins, 2, k);
	db_bind_int(c->ins, 7, k->last);
	db_run(c->d, c->ins);
	k->written_ns = k->seen_ns;
}

void counters_put(struct counters *c, const struct sample *x)
{
	struct counter key = {
		.netns_id = x->machine ? 0 : c->netns_id,
		.source_id = (int32_t)source_id(c, x->source),
		.cpu = x->cpu < 0 ? -1 : x->cpu,
	};
	struct counter *k;
	bool fresh;

	key.name_id = (int32_t)db_name(c->d, x->name);
	if (x->dev.p)
		key.dev_id = (int32_t)db_name(c->d, x->dev);
	if (x->sparse && !x->value && !keymap_find(&c->map, &key))
		return;
	k = keymap_get(&c->map, &key, &fresh);
	if (!k)
		return;
	if (fresh)
		k->first = c->from_boot || (x->sparse && !c->first) ? 0 : x->value;
	else if (k->last == x->value || c->snap_ns < k->seen_ns) {
		/* a snapshot that is older than the one before it adds nothing */
		if (c->snap_ns > k->seen_ns)
			k->seen_ns = c->snap_ns;
		return;
	}
	k->last = x->value;
	k->seen_ns = c->snap_ns;
	write_row(c, k);
}

int counters_finish(struct counters *c)
{
	for (size_t i = 0; i < c->map.count; i++) {
		struct counter *k = keymap_at(&c->map, i);

		if (k->seen_ns != k->written_ns)
			write_row(c, k);
		bind_key(c->ins_delta, 1, k);
		db_bind_int(c->ins_delta, 6, k->first);
		db_bind_int(c->ins_delta, 7, k->last);
		db_run(c->d, c->ins_delta);
	}
	if (c->map.refused)
		db_quality(c->d, &(struct quality){ "limit", "counter", -1, NULL, -1, -1, -1 },
			   "more than %zu counters: further ones are left out", c->map.max);
	if (c->map.nomem)
		return -ENOMEM;
	return db_error(c->d, NULL);
}
