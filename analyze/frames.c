/* SPDX-License-Identifier: MIT */
#include "frames.h"
#include "dissect.h"
#include "flow_seen.h"
#include "flows.h"
#include "frame_index.h"
#include "keymap.h"
#include "pcapng.h"
#include "rows.h"
#include "rows_db.h"
#include "spill.h"
#include "thread.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct loader;

struct frames {
	struct frame_stream *stream;
	size_t stream_n, stream_cap;
	uint64_t total;
	struct frames_loss *loss;
	size_t loss_n, loss_cap;
	struct rows *rows, *by_packet, *by_flow;
	struct flow_seen *seen;
	struct loader *loader; /* until frames_end() */
	struct spill *wait;    /* struct frame_row of each frame, until its tie is known */
};

/* What a row of _frame has besides its struct frame_ref. */
struct frame_row {
	const char *problem; /* static text, or NULL */
	int64_t payload_bytes;
	uint64_t offset;
	uint32_t stream, member;
	uint32_t cap_bytes, tcp_seq, tcp_ack;
	int32_t outer_flow_id, l3_offset, ip_id, frag;
	uint16_t tcp_window, vlan;
	uint8_t tcp_flags, ttl, icmp_type, icmp_code, dst_kind;
	int8_t direction;
	bool ip, tcp, icmp, tagged;
};

/* Last line of a ring's statistics. */
struct ring_line {
	uint64_t netns;
	int64_t mono_ns;
};

/* A member to read. */
struct job {
	size_t member;
	int64_t netns_id; /* 0: statistics of the rings */
};

/* A section that is malformed at a byte. */
struct damage {
	size_t member, at, of;
};

/* Reading, in a thread of its own: it touches nothing else than this, the tape and the clocks. */
struct loader {
	struct frames *f;
	struct flows *flows;
	struct tape *t;
	struct tape_reader *reader; /* NULL: by the tape itself, without a thread */
	const struct clocks *c;
	struct db *d;	/* for frames_end() */
	struct host *h; /* for frames_end() */
	struct job *job;
	size_t job_n, job_cap;
	struct damage *damage;
	size_t damage_n, damage_cap;
	size_t last; /* stream of the packet before: most come in runs */
	uint64_t drops;
	pthread_t thread;
	bool threaded;
	int rc;
	struct err e;
};

#define STREAMS_MAX 200000
#define THREAD_MIN  8 /* members that are worth a thread */

static struct frame_stream *stream_get(struct loader *l, int64_t netns_id, const struct pcapng_iface *i, int dir)
{
	struct frames *f = l->f;
	struct frame_stream *s;

	for (size_t k = 0; k <= f->stream_n; k++) {
		size_t at = k ? k - 1 : l->last;

		if (at >= f->stream_n)
			continue;
		s = &f->stream[at];
		if (s->netns_id == netns_id && s->ifindex == i->ifindex && s->direction == dir &&
		    !strcmp(s->dev, i->name)) {
			l->last = at;
			return s;
		}
	}
	if (f->stream_n >= STREAMS_MAX)
		return NULL;
	if (f->stream_n == f->stream_cap) {
		size_t cap = f->stream_cap ? f->stream_cap * 2 : 32;
		struct frame_stream *v = realloc(f->stream, cap * sizeof(*v));

		if (!v)
			return NULL;
		f->stream = v;
		f->stream_cap = cap;
	}
	s = &f->stream[f->stream_n];
	*s = (struct frame_stream){ .netns_id = netns_id, .ifindex = i->ifindex, .direction = dir };
	snprintf(s->dev, sizeof(s->dev), "%s", i->name);
	l->last = f->stream_n++;
	return s;
}

static struct frame_ref *stream_add(struct frame_stream *s)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 256;
		struct frame_ref *v = realloc(s->v, cap * sizeof(*v));

		if (!v)
			return NULL;
		s->v = v;
		s->cap = cap;
	}
	return &s->v[s->n++];
}

static int frame_wait(struct loader *l, const struct pcapng_packet *p, const struct dissect *x, int32_t outer,
		      size_t member)
{
	struct frame_row r = {
		.problem = x->problem,
		.payload_bytes = x->payload_bytes,
		.offset = p->offset,
		.stream = (uint32_t)l->last,
		.member = (uint32_t)member,
		.cap_bytes = p->cap_bytes,
		.outer_flow_id = outer,
		.l3_offset = x->l3_offset,
		.direction = (int8_t)p->direction,
		.dst_kind = (uint8_t)p->dst_kind,
		.tagged = x->vlans,
		.vlan = x->vlan_tci & 0xfff,
		.ip = x->ip.family,
		.ttl = x->ip.ttl,
		.ip_id = x->ip.ip_id,
		.frag = x->ip.frag,
		.tcp = x->tcp,
		.tcp_flags = x->tcp_flags,
		.tcp_seq = x->tcp_seq,
		.tcp_ack = x->tcp_ack,
		.tcp_window = x->tcp_window,
		.icmp = x->icmp,
		.icmp_type = x->icmp_type,
		.icmp_code = x->icmp_code,
	};
	uint64_t at;

	return spill_put(l->f->wait, &r, sizeof(r), &at);
}

static int frame_write(struct rows *r, const struct frame_stream *s, const struct frame_ref *f,
		       const struct frame_row *x)
{
	rows_begin(r, f->no);
	rows_null(r); /* no */
	rows_int(r, f->ts_ns);
	rows_int(r, s->netns_id);
	rows_int(r, s->dev_id);
	rows_opt(r, s->ifindex, 0);
	rows_opt(r, x->direction, -1);
	rows_int(r, f->len_bytes);
	rows_int(r, x->cap_bytes);
	rows_opt(r, x->l3_offset, -1);
	rows_opt(r, f->ethertype, 0);
	rows_opt(r, x->tagged ? x->vlan : -1, -1);
	rows_opt(r, x->ip ? f->ip_proto : -1, -1);
	rows_opt(r, f->flow_id, 0);
	rows_opt(r, x->outer_flow_id, 0);
	rows_opt(r, x->payload_bytes, -1);
	rows_opt(r, x->tcp ? x->tcp_flags : -1, -1);
	rows_opt(r, x->tcp ? (int64_t)x->tcp_seq : -1, -1);
	rows_opt(r, x->tcp ? (int64_t)x->tcp_ack : -1, -1);
	rows_opt(r, x->tcp ? (int64_t)x->tcp_window : -1, -1);
	rows_opt(r, x->ip ? x->ttl : -1, -1);
	rows_opt(r, x->ip ? x->ip_id : -1, -1);
	rows_opt(r, x->ip ? x->frag : -1, -1);
	rows_opt(r, x->icmp ? x->icmp_type : -1, -1);
	rows_opt(r, x->icmp ? x->icmp_code : -1, -1);
	rows_opt(r, x->dst_kind, 0);
	rows_text(r, x->problem);
	rows_opt(r, f->packet_id, 0);
	rows_opt(r, f->packet_id || f->untied ? f->tie : 0, 0);
	rows_opt(r, f->untied, 0);
	rows_int(r, x->member);
	rows_int(r, (int64_t)x->offset);
	return rows_end(r);
}

static uint32_t mix(uint32_t h, const void *data, size_t n)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x01000193U;
	return h;
}

static uint32_t mix_u32(uint32_t h, uint32_t v)
{
	return mix(h, &v, sizeof(v));
}

/*
 * What the innermost headers say that no device on the way changes: not the hop
 * limit, the traffic class or checksums, and nothing of the payload. Two frames
 * of one packet have the same, unless its addresses were translated between.
 */
static uint32_t frame_key(const struct dissect *x)
{
	uint32_t h = 0x811c9dc5U;

	if (!x->ip.family || x->problem)
		return 0;
	h = mix_u32(h, (uint32_t)x->ip.family << 8 | x->ip.proto);
	h = mix(h, x->ip.src, sizeof(x->ip.src));
	h = mix(h, x->ip.dst, sizeof(x->ip.dst));
	h = mix_u32(h, x->ip.has_ports ? (uint32_t)x->ip.sport << 16 | x->ip.dport : 0);
	h = mix_u32(h, (uint32_t)x->ip.frag);
	h = mix_u32(h, (uint32_t)x->ip.ip_id);
	h = mix_u32(h, (uint32_t)x->payload_bytes);
	if (x->tcp) {
		h = mix_u32(h, x->tcp_seq);
		h = mix_u32(h, x->tcp_ack);
		h = mix_u32(h, (uint32_t)x->tcp_window << 8 | x->tcp_flags);
	}
	if (x->icmp)
		h = mix_u32(h, (uint32_t)x->icmp_type << 8 | x->icmp_code);
	return h ? h : 1;
}

static int frame_add(struct loader *l, const struct pcapng_packet *p, int64_t netns_id, size_t member)
{
	struct frame_stream *s = stream_get(l, netns_id, p->iface, p->direction == 1);
	struct frame_ref *r = s ? stream_add(s) : NULL;
	struct dissect x;
	int32_t outer;

	if (!r || l->f->total >= UINT32_MAX)
		return -ENOMEM;
	dissect_frame(&x, p->data, p->cap_bytes, p->orig_bytes, p->iface->linktype);
	*r = (struct frame_ref){
		.ts_ns = p->ts_ns,
		.no = (uint32_t)++l->f->total,
		.len_bytes = p->orig_bytes,
		.l3_bytes = x.l3_offset >= 0 ? x.l3_bytes : 0,
		.ethertype = x.ethertype,
		.vlan_tci = x.vlans ? x.vlan_tci : 0,
		.direction = p->direction == 1,
		.ip_proto = x.ip.family ? x.ip.proto : 0,
		.late_stamp = p->late_stamp,
		.key = frame_key(&x),
	};
	r->flow_id = flows_add(l->flows, netns_id, &x.ip, p->orig_bytes, p->ts_ns);
	outer = flows_add(l->flows, netns_id, &x.outer, p->orig_bytes, p->ts_ns);
	return frame_wait(l, p, &x, outer, member);
}

/* Namespace of "pcap/NETNS/SEQ". Return: NULL for other members ("pcap/stats/SEQ" among them). */
static const struct host_netns *member_netns(struct host *h, const char *name)
{
	struct span s = { name, strlen(name) }, part;
	uint64_t inum;

	if (!span_field(&s, '/', &part) || !span_is(part, "pcap") || !span_field(&s, '/', &part) ||
	    span_u64(part, &inum))
		return NULL;
	return host_netns(h, inum);
}

static int damage_add(struct loader *l, const struct damage *x)
{
	if (l->damage_n == l->damage_cap) {
		size_t cap = l->damage_cap ? l->damage_cap * 2 : 16;
		struct damage *v = realloc(l->damage, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		l->damage = v;
		l->damage_cap = cap;
	}
	l->damage[l->damage_n++] = *x;
	return 0;
}

static int member_load(struct loader *l, const struct buf *b, const struct job *j)
{
	struct pcapng_packet p;
	struct pcapng g;
	int rc, add = 0;

	pcapng_init(&g, b->data, b->len);
	while (!add && (rc = pcapng_next(&g, &p)) > 0) {
		p.ts_ns = clocks_stamp(l->c, p.ts_ns);
		add = frame_add(l, &p, j->netns_id, j->member);
	}
	if (!add && rc == -EINVAL)
		add = damage_add(l, &(struct damage){ j->member, (size_t)(g.r.p - g.base), b->len });
	pcapng_free(&g);
	return add ? add : rc == -ENOMEM ? rc : 0;
}

static int loss_add(struct frames *f, int64_t from_ns, int64_t to_ns)
{
	if (f->loss_n && f->loss[f->loss_n - 1].to_ns == from_ns && from_ns) {
		f->loss[f->loss_n - 1].to_ns = to_ns;
		return 0;
	}
	if (f->loss_n == f->loss_cap) {
		size_t cap = f->loss_cap ? f->loss_cap * 2 : 16;
		struct frames_loss *v = realloc(f->loss, cap * sizeof(*v));

		if (!v)
			return -ENOMEM;
		f->loss = v;
		f->loss_cap = cap;
	}
	f->loss[f->loss_n++] = (struct frames_loss){ from_ns, to_ns };
	return 0;
}

/* Lines of pcap/stats/SEQ: netns, mono_ns, packets, drops, freeze_q, ring_bytes. Adds up the drops; @rings has the
 * line before of each ring. */
static int stats_load(struct frames *f, struct span text, struct keymap *rings, uint64_t *drops)
{
	struct span line, field;
	uint64_t v[4];
	int n, rc = 0;

	while (!rc && span_line(&text, &line)) {
		struct ring_line *r;
		bool fresh;

		for (n = 0; n < 4 && span_field(&line, '\t', &field) && !span_u64(field, &v[n]); n++)
			;
		if (n < 4)
			continue;
		*drops = sat_add_u64(*drops, v[3]);
		r = keymap_get(rings, &(struct ring_line){ .netns = v[0] }, &fresh);
		if (!r)
			continue;
		if (v[3] && v[1] <= INT64_MAX)
			rc = loss_add(f, r->mono_ns, (int64_t)v[1]);
		r->mono_ns = v[1] <= INT64_MAX ? (int64_t)v[1] : r->mono_ns;
	}
	return rc;
}

static void *read_all(void *arg)
{
	struct loader *l = arg;
	struct keymap rings;
	struct buf b = { 0 };

	keymap_init(&rings, offsetof(struct ring_line, mono_ns), sizeof(struct ring_line), STREAMS_MAX);
	for (size_t i = 0; i < l->job_n && !l->rc; i++) {
		const struct job *j = &l->job[i];

		l->rc = l->reader ? tape_reader_load(l->reader, j->member, &b, &l->e) : tape_load(l->t, j->member, &b, &l->e);
		if (l->rc)
			break;
		if (!j->netns_id)
			l->rc = stats_load(l->f, (struct span){ (const char *)b.data, b.len }, &rings, &l->drops);
		else
			l->rc = member_load(l, &b, j);
		if (l->rc)
			err_set(&l->e, l->rc, "reading %s: %s", tape_member(l->t, j->member)->name, strerror(-l->rc));
	}
	keymap_free(&rings);
	buf_free(&b);
	return NULL;
}

static void loader_free(struct loader *l)
{
	if (!l)
		return;
	if (l->threaded)
		pthread_join(l->thread, NULL);
	tape_reader_close(l->reader);
	flows_free(l->flows);
	free(l->job);
	free(l->damage);
	free(l);
}

/* Which members there are, and of which namespaces: only this thread may add one. */
static int jobs_list(struct loader *l)
{
	for (size_t i = 0; i < tape_member_count(l->t); i++) {
		const char *name = tape_member(l->t, i)->name;
		const struct host_netns *ns = member_netns(l->h, name);

		if (!ns && strncmp(name, "pcap/stats/", 11) != 0)
			continue;
		if (l->job_n == l->job_cap) {
			size_t cap = l->job_cap ? l->job_cap * 2 : 64;
			struct job *v = realloc(l->job, cap * sizeof(*v));

			if (!v)
				return -ENOMEM;
			l->job = v;
			l->job_cap = cap;
		}
		l->job[l->job_n++] = (struct job){ i, ns ? ns->id : 0 };
	}
	return 0;
}

/* Of an empty table: these too are written as pages. */
static const char EMPTY_INDEXES[] = "CREATE INDEX _frame_flow ON _frame(flow_id);"
				    "CREATE INDEX _frame_packet ON _frame(packet_id) WHERE packet_id IS NOT NULL;";

int frames_begin(struct frames **out, struct tape *t, struct db *d, struct host *h, const struct clocks *c,
		 struct err *e)
{
	struct frames *f = calloc(1, sizeof(*f));
	struct loader *l = calloc(1, sizeof(*l));

	if (f)
		f->loader = l;
	if (l)
		*l = (struct loader){ .f = f, .t = t, .d = d, .h = h, .c = c };
	if (!f || !l || flows_open(&l->flows) || flow_seen_open(&f->seen) || spill_open(&f->wait, db_file(d)) ||
	    db_exec(d, EMPTY_INDEXES, e) || rows_open(&f->rows, d, "_frame", false) ||
	    rows_open(&f->by_packet, d, "_frame_packet", true) || rows_open(&f->by_flow, d, "_frame_flow", true) || jobs_list(l)) {
		if (!f)
			free(l);
		frames_free(f);
		return err_set(e, -ENOMEM, "out of memory");
	}
	if (l->job_n >= THREAD_MIN)
		l->reader = tape_reader_open(t);
	if (l->reader)
		l->threaded = !thread_start(&l->thread, read_all, l);
	*out = f;
	return 0;
}

int frames_end(struct frames *f, struct err *e)
{
	struct loader *l = f->loader;
	int rc;

	if (l->threaded)
		pthread_join(l->thread, NULL);
	else
		read_all(l);
	l->threaded = false;
	rc = l->rc ? err_set(e, l->rc, "%s", l->e.text) : 0;
	for (size_t i = 0; i < f->stream_n && !rc; i++)
		f->stream[i].dev_id = db_name_text(l->d, f->stream[i].dev);
	for (size_t i = 0; i < l->damage_n && !rc; i++) {
		const struct damage *x = &l->damage[i];

		db_quality(l->d, &(struct quality){ "tape-damaged", tape_member(l->t, x->member)->name, -1, NULL, -1, -1, -1 },
			   "the pcapng section is malformed at byte %zu of %zu; frames behind that are not used", x->at, x->of);
	}
	if (!rc)
		rc = flows_write(l->flows, l->d, l->h, e);
	if (!rc) {
		db_fact_int(l->d, "frames", (int64_t)f->total);
		db_fact_int(l->d, "frames_lost", (int64_t)(l->drops > INT64_MAX ? INT64_MAX : l->drops));
	}
	loader_free(l);
	f->loader = NULL;
	return rc;
}

static int frame_count(struct frames *f, const struct frame_stream *s, const struct frame_ref *ref, const struct frame_row *x)
{
	struct flow_frame seen = { .flow_id = ref->flow_id,
				   .netns_id = s->netns_id,
				   .dev_id = s->dev_id,
				   .direction = x->direction,
				   .len_bytes = ref->len_bytes,
				   .tcp = x->tcp,
				   .tcp_flags = x->tcp_flags,
				   .tcp_window = x->tcp_window,
				   .tie = ref->packet_id ? ref->tie : 0 };

	return ref->flow_id ? flow_seen_frame(f->seen, &seen) : 0;
}

static int indexes_write(struct frames *f, struct db *d, const uint32_t *packet, const uint32_t *flow)
{
	int rc = frame_index_write(f->by_packet, packet, f->total, false);

	if (!rc)
		rc = frame_index_write(f->by_flow, flow, f->total, true);
	return rc == -ENOMEM ? db_failed(d, rc) : rc;
}

int frames_write(struct frames *f, struct db *d)
{
	size_t *at = calloc(f->stream_n + 1, sizeof(*at)); /* of each stream: the next frame */
	uint64_t end = spill_bytes(f->wait);
	uint32_t *packet = calloc(f->total + 1, sizeof(*packet)), *flow = calloc(f->total + 1, sizeof(*flow)); /* by number */
	int rc = at && packet && flow ? 0 : -ENOMEM;

	for (uint64_t i = 0; i < end && !rc; i += sizeof(struct frame_row)) {
		struct frame_stream *s;
		struct frame_ref *ref;
		struct frame_row x;
		const uint8_t *p;

		rc = spill_get(f->wait, i, sizeof(x), &p);
		if (rc)
			break;
		memcpy(&x, p, sizeof(x));
		s = &f->stream[x.stream];
		ref = &s->v[at[x.stream]++];
		packet[ref->no - 1] = ref->packet_id;
		flow[ref->no - 1] = (uint32_t)ref->flow_id;
		rc = frame_write(f->rows, s, ref, &x);
		if (!rc)
			rc = frame_count(f, s, ref, &x);
	}
	free(at);
	for (size_t i = 0; i < f->stream_n; i++) {
		free(f->stream[i].v);
		f->stream[i].v = NULL;
		f->stream[i].n = f->stream[i].cap = 0;
	}
	spill_close(f->wait);
	f->wait = NULL;
	rc = rc ? db_failed(d, rc) : indexes_write(f, d, packet, flow);
	free(packet);
	free(flow);
	return rc;
}

int frames_finish(struct frames *f, struct db *d)
{
	return flow_seen_write(f->seen, d);
}

void frames_free(struct frames *f)
{
	if (!f)
		return;
	loader_free(f->loader);
	for (size_t i = 0; i < f->stream_n; i++)
		free(f->stream[i].v);
	spill_close(f->wait);
	flow_seen_close(f->seen);
	free(f->stream);
	free(f->loss);
	free(f);
}

uint64_t frames_total(const struct frames *f)
{
	return f->total;
}

size_t frames_stream_count(const struct frames *f)
{
	return f->stream_n;
}

struct frame_stream *frames_stream_at(struct frames *f, size_t i)
{
	return i < f->stream_n ? &f->stream[i] : NULL;
}

const struct frames_loss *frames_losses(const struct frames *f, size_t *n)
{
	*n = f->loss_n;
	return f->loss;
}
