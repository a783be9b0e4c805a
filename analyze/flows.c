/* SPDX-License-Identifier: MIT */
#include "flows.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct flow_key {
	uint8_t src[16], dst[16];
	uint32_t netns_id;
	int32_t sport, dport; /* -1: none */
	uint8_t family, proto;
	uint8_t pad[2]; /* zero: keys are compared as bytes */
};

struct flow_row {
	struct flow_key k;
	int64_t first_ns, last_ns;
	uint64_t frames, bytes;
};

struct flows {
	struct flow_row *row; /* id - 1 */
	size_t n, cap;
	uint32_t *slot; /* ids, 0: empty; open addressing */
	size_t slots;
};

#define FLOWS_MAX (1U << 28)

int flows_open(struct flows **out)
{
	struct flows *f = calloc(1, sizeof(*f));

	if (!f)
		return -ENOMEM;
	*out = f;
	return 0;
}

void flows_free(struct flows *f)
{
	if (!f)
		return;
	free(f->row);
	free(f->slot);
	free(f);
}

static uint64_t key_hash(const struct flow_key *k)
{
	const uint8_t *p = (const uint8_t *)k;
	uint64_t h = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < sizeof(*k); i++)
		h = (h ^ p[i]) * 0x100000001b3ULL;
	return h ^ h >> 29;
}

/* Slot of @k: where it is, or where it would go. */
static size_t find(const struct flows *f, const struct flow_key *k)
{
	size_t i = key_hash(k) & (f->slots - 1);

	while (f->slot[i] && memcmp(&f->row[f->slot[i] - 1].k, k, sizeof(*k)))
		i = (i + 1) & (f->slots - 1);
	return i;
}

static int grow(struct flows *f)
{
	size_t slots = f->slots ? f->slots * 2 : 1024;
	uint32_t *slot;

	if (f->n == f->cap) {
		size_t cap = f->cap ? f->cap * 2 : 512;
		struct flow_row *row = realloc(f->row, cap * sizeof(*row));

		if (!row)
			return -ENOMEM;
		f->row = row;
		f->cap = cap;
	}
	if (f->n * 2 < f->slots)
		return 0;
	slot = calloc(slots, sizeof(*slot));
	if (!slot)
		return -ENOMEM;
	free(f->slot);
	f->slot = slot;
	f->slots = slots;
	for (size_t i = 0; i < f->n; i++)
		f->slot[find(f, &f->row[i].k)] = (uint32_t)i + 1;
	return 0;
}

int32_t flows_add(struct flows *f, int64_t netns_id, const struct dissect_ip *ip, uint32_t len_bytes,
		  int64_t ts_ns)
{
	struct flow_key k = { .netns_id = (uint32_t)netns_id, .family = ip->family, .proto = ip->proto };
	struct flow_row *r;
	size_t i;

	if (!ip->family || f->n >= FLOWS_MAX || grow(f))
		return 0;
	memcpy(k.src, ip->src, sizeof(k.src));
	memcpy(k.dst, ip->dst, sizeof(k.dst));
	k.sport = ip->has_ports ? ip->sport : -1;
	k.dport = ip->has_ports ? ip->dport : -1;
	i = find(f, &k);
	if (!f->slot[i]) {
		f->row[f->n] = (struct flow_row){ .k = k, .first_ns = ts_ns, .last_ns = ts_ns };
		f->slot[i] = (uint32_t)++f->n;
	}
	r = &f->row[f->slot[i] - 1];
	r->first_ns = ts_ns < r->first_ns ? ts_ns : r->first_ns;
	r->last_ns = ts_ns > r->last_ns ? ts_ns : r->last_ns;
	r->frames++;
	r->bytes += len_bytes;
	return (int32_t)f->slot[i];
}

static uint32_t reverse_of(const struct flows *f, const struct flow_key *k)
{
	struct flow_key r = *k;

	memcpy(r.src, k->dst, sizeof(r.src));
	memcpy(r.dst, k->src, sizeof(r.dst));
	r.sport = k->dport;
	r.dport = k->sport;
	return f->slot[find(f, &r)];
}

int flows_write(struct flows *f, struct db *d, const struct host *h, struct err *e)
{
	sqlite3_stmt *st = db_prepare(d, "INSERT INTO flow(id, netns_id, netns, proto, src, sport, dst, dport, "
					 "reverse_id, frames, bytes, first_ns, last_ns) "
					 "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");

	for (size_t i = 0; i < f->n; i++) {
		const struct flow_row *r = &f->row[i];
		const struct host_netns *ns = host_netns_by_id(h, r->k.netns_id);
		int af = r->k.family == 4 ? AF_INET : AF_INET6;
		char num[8], src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];

		inet_ntop(af, r->k.src, src, sizeof(src));
		inet_ntop(af, r->k.dst, dst, sizeof(dst));
		db_bind_int(st, 1, (int64_t)i + 1);
		db_bind_opt(st, 2, r->k.netns_id, 0);
		db_bind_text(st, 3, ns ? ns->name : NULL);
		db_bind_text(st, 4, dissect_proto_name(r->k.proto, num));
		db_bind_text(st, 5, src);
		db_bind_opt(st, 6, r->k.sport, -1);
		db_bind_text(st, 7, dst);
		db_bind_opt(st, 8, r->k.dport, -1);
		db_bind_opt(st, 9, reverse_of(f, &r->k), 0);
		db_bind_int(st, 10, (int64_t)r->frames);
		db_bind_int(st, 11, (int64_t)r->bytes);
		db_bind_int(st, 12, r->first_ns);
		db_bind_int(st, 13, r->last_ns);
		db_run(d, st);
	}
	return db_error(d, e);
}
