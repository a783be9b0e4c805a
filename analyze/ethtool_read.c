/* SPDX-License-Identifier: MIT */
#include "ethtool_read.h"
#include "keymap.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_BYTES 12	 /* length, ifindex, command */
#define STAT_MAX   20000 /* counters of one device; the largest drivers have a few thousand */
#define DEVICE_MAX 100000
#define ARENA_MAX  (64 * MIB)

/* A device's names of one string set. The recorder writes them when they are new; they hold until
 * others come. */
struct names {
	int64_t netns_id;
	uint32_t ifindex;
	uint32_t set;
	size_t at, n; /* in the arena: offset, and number of names of ETH_GSTRING_LEN bytes */
};

struct ethtool_read {
	const struct nl_env *env;
	sqlite3_stmt *ins;
	struct keymap names;
	struct buf arena;
};

int ethtool_read_open(struct ethtool_read **out, const struct nl_env *env)
{
	struct ethtool_read *x = calloc(1, sizeof(*x));

	if (!x)
		return -ENOMEM;
	x->env = env;
	keymap_init(&x->names, offsetof(struct names, at), sizeof(struct names), DEVICE_MAX);
	x->ins = db_prepare(
		env->d,
		"INSERT OR REPLACE INTO dev_feature(netns_id, netns, dev, kind, name, value) "
		"VALUES(?, ?, ?, ?, ?, ?)");
	*out = x;
	return 0;
}

void ethtool_read_free(struct ethtool_read *x)
{
	if (!x)
		return;
	keymap_free(&x->names);
	buf_free(&x->arena);
	free(x);
}

/* Where a record comes from. */
struct origin {
	const struct snap_at *at;
	uint32_t ifindex;
	const char *dev;
};

static void put_row(struct ethtool_read *x, const struct origin *o, const char *kind,
		    struct span name, const char *value)
{
	db_bind_int(x->ins, 1, o->at->netns_id);
	db_bind_text(x->ins, 2, o->at->netns);
	db_bind_text(x->ins, 3, o->dev);
	db_bind_text(x->ins, 4, kind);
	db_bind_span(x->ins, 5, name);
	db_bind_text(x->ins, 6, value);
	db_run(x->env->d, x->ins);
}

/* A structure of u32: its members from the second on (the first is the command). */
static void put_numbers(struct ethtool_read *x, const struct origin *o, const char *kind,
			const char *const *name, size_t n, struct span data)
{
	char value[24];

	for (size_t i = 0; i < n && (i + 2) * 4 <= data.n; i++) {
		if (!name[i])
			continue;
		snprintf(value, sizeof(value), "%u", nl_get_u32(data, (i + 1) * 4));
		put_row(x, o, kind, (struct span){ name[i], strlen(name[i]) }, value);
	}
}

static const struct names *names_of(const struct ethtool_read *x, const struct origin *o,
				    uint32_t set)
{
	struct names key = { .netns_id = o->at->netns_id, .ifindex = o->ifindex, .set = set };

	return keymap_find(&x->names, &key);
}

/* The @i-th name, without what pads it; empty where there is none. */
static struct span name_at(const struct ethtool_read *x, const struct names *n, size_t i)
{
	const char *p;

	if (i >= n->n)
		return (struct span){ 0 };
	p = (const char *)x->arena.data + n->at + i * ETH_GSTRING_LEN;
	return span_trim((struct span){ p, strnlen(p, ETH_GSTRING_LEN) });
}

/* struct ethtool_gstrings: cmd, string_set, len, names */
static bool load_strings(struct ethtool_read *x, const struct origin *o, struct span data)
{
	uint64_t bytes = (uint64_t)nl_get_u32(data, 8) * ETH_GSTRING_LEN;
	struct names key = { .netns_id = o->at->netns_id,
			     .ifindex = o->ifindex,
			     .set = nl_get_u32(data, 4) },
		     *n;
	bool fresh;

	if (data.n < 12 || bytes > data.n - 12)
		return false;
	if (key.set != ETH_SS_STATS && key.set != ETH_SS_FEATURES)
		return true;
	n = keymap_get(&x->names, &key, &fresh);
	if (!n)
		return false;
	if (n->n * ETH_GSTRING_LEN == bytes &&
	    (!bytes || !memcmp(x->arena.data + n->at, data.p + 12, (size_t)bytes)))
		return true;
	if (x->arena.len + bytes > ARENA_MAX || buf_put(&x->arena, data.p + 12, (size_t)bytes))
		return false;
	n->at = x->arena.len - (size_t)bytes;
	n->n = (size_t)bytes / ETH_GSTRING_LEN;
	return true;
}

/* struct ethtool_stats: cmd, n_stats, values of 64 bits */
static bool load_stats(struct ethtool_read *x, const struct origin *o, struct span data)
{
	const struct names *names = names_of(x, o, ETH_SS_STATS);
	uint64_t n = nl_get_u32(data, 4);

	if (data.n < 8 || n * 8 > data.n - 8 || !names)
		return false;
	for (size_t i = 0; i < n && i < STAT_MAX; i++) {
		struct span name = name_at(x, names, i);

		if (name.n)
			counters_put(x->env->counters,
				     &(struct sample){
					     .source = "ethtool",
					     .name = name,
					     .dev = { o->dev, strlen(o->dev) },
					     .cpu = -1,
					     .value = counter_i64(nl_get_u64(data, 8 + i * 8)) });
	}
	return true;
}

/* struct ethtool_gfeatures: cmd, size, then blocks of available, requested, active, never_changed
 * for 32 features each */
static bool load_features(struct ethtool_read *x, const struct origin *o, struct span data)
{
	const struct names *names = names_of(x, o, ETH_SS_FEATURES);
	uint64_t blocks = nl_get_u32(data, 4);

	if (data.n < 8 || blocks * 16 > data.n - 8 || !names)
		return false;
	for (size_t i = 0; i < blocks * 32; i++) {
		struct span name = name_at(x, names, i);
		size_t block = 8 + i / 32 * 16;
		uint32_t bit = 1U << i % 32;
		bool fixed = nl_get_u32(data, block + 12) & bit || !(nl_get_u32(data, block) & bit);
		bool on = nl_get_u32(data, block + 8) & bit;

		if (name.n)
			put_row(x, o, "feature", name,
				on ? (fixed ? "on fixed" : "on") : (fixed ? "off fixed" : "off"));
	}
	return true;
}

/* struct ethtool_drvinfo: cmd, then texts of 32 bytes */
static void load_driver(struct ethtool_read *x, const struct origin *o, struct span data)
{
	static const char *const name[] = { "driver", "version", "firmware", "bus" };
	char value[33];

	for (size_t i = 0; i < ARRAY_SIZE(name) && 4 + (i + 1) * 32 <= data.n; i++) {
		span_copy((struct span){ data.p + 4 + i * 32, 32 }, value, sizeof(value));
		if (value[0])
			put_row(x, o, "driver", (struct span){ name[i], strlen(name[i]) }, value);
	}
}

static bool load_record(struct ethtool_read *x, uint32_t ifindex, uint32_t cmd, struct span data,
			const struct snap_at *at)
{
	static const char *const ring[] = { "rx_max", "rx_mini_max", "rx_jumbo_max", "tx_max",
					    "rx",     "rx_mini",     "rx_jumbo",     "tx" };
	static const char *const channel[] = { "rx_max", "tx_max", "other_max", "combined_max",
					       "rx",	 "tx",	   "other",	"combined" };
	static const char *const coalesce[] = {
		"rx_usecs",	     "rx_frames",   "rx_usecs_irq", "rx_frames_irq",
		"tx_usecs",	     "tx_frames",   "tx_usecs_irq", "tx_frames_irq",
		"stats_block_usecs", "adaptive_rx", "adaptive_tx",
	};
	char dev[NL_DEV_TEXT];
	struct origin from = { at, ifindex, nl_dev_text(x->env, at->netns_id, (int)ifindex, dev) },
		      *o = &from;

	if (cmd == ETHTOOL_GSTRINGS)
		return load_strings(x, o, data);
	if (cmd == ETHTOOL_GSTATS)
		return load_stats(x, o, data);
	if (!at->last)
		return true; /* settings are wanted once */
	switch (cmd) {
	case ETHTOOL_GFEATURES:
		return load_features(x, o, data);
	case ETHTOOL_GDRVINFO:
		load_driver(x, o, data);
		break;
	case ETHTOOL_GRINGPARAM:
		put_numbers(x, o, "ring", ring, ARRAY_SIZE(ring), data);
		break;
	case ETHTOOL_GCHANNELS:
		put_numbers(x, o, "channel", channel, ARRAY_SIZE(channel), data);
		break;
	case ETHTOOL_GCOALESCE:
		put_numbers(x, o, "coalesce", coalesce, ARRAY_SIZE(coalesce), data);
		break;
	}
	return true;
}

uint64_t ethtool_read_load(struct ethtool_read *x, struct span data, const struct snap_at *at)
{
	uint64_t bad = 0;
	struct rd r;

	rd_init(&r, data.p, data.n);
	while (r.left) {
		uint32_t len = rd_le32(&r), ifindex = rd_le32(&r), cmd = rd_le32(&r);
		const uint8_t *p = len >= HEAD_BYTES ? rd_bytes(&r, len - HEAD_BYTES) : NULL;

		if (!p)
			return bad + 1; /* where the next one starts is not known */
		bad += !load_record(x, ifindex, cmd,
				    (struct span){ (const char *)p, len - HEAD_BYTES }, at);
	}
	return bad;
}
