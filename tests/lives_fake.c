/* SPDX-License-Identifier: MIT */
#include "lives_fake.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVS	64
#define SYMBOLS 1024

struct host {
	struct host_dev dev[DEVS];
	size_t n;
};

struct frames {
	struct frame_stream s[32];
	size_t n;
	uint32_t no;
	struct frames_loss loss;
};

static bool denied[EV_COUNT];
static const char *const *reasons;
static char symbol[SYMBOLS][128];
static size_t symbol_n;
static struct host *the_host;
static struct frames *the_frames;
static int64_t clocks_error;

static bool is_text(enum ev_field f)
{
	return f == F_NAME || f == F_DEV_NAME || f == F_PREV_COMM || f == F_NEXT_COMM ||
	       f == F_COMM || f == F_BUF;
}

struct event fake_event(const struct fake_now *now, enum ev_kind kind, struct fake_fields *room,
			...)
{
	struct event ev = { .ts = now->ts,
			    .ts_ns = FAKE_EPOCH + (int64_t)now->ts,
			    .cpu = now->cpu,
			    .pid = now->pid,
			    .flags = now->flags,
			    .kind = (uint8_t)kind,
			    .data = (const uint8_t *)room,
			    .len = sizeof(*room) };
	va_list ap;
	int f;

	*room = (struct fake_fields){ 0 };
	va_start(ap, room);
	while ((f = va_arg(ap, int)) != F_COUNT) {
		room->has[f] = true;
		if (is_text((enum ev_field)f))
			room->text[f] = va_arg(ap, const char *);
		else
			room->num[f] = va_arg(ap, uint64_t);
	}
	va_end(ap);
	return ev;
}

bool event_u64(const struct event *ev, enum ev_field f, uint64_t *v)
{
	const struct fake_fields *d = (const void *)ev->data;

	if (!d || !d->has[f] || is_text(f))
		return false;
	*v = d->num[f];
	return true;
}

bool event_text(const struct event *ev, enum ev_field f, struct span *s)
{
	const struct fake_fields *d = (const void *)ev->data;

	if (!d || !d->has[f] || !is_text(f))
		return false;
	*s = (struct span){ d->text[f], strlen(d->text[f]) };
	return true;
}

int event_context(const struct event *ev)
{
	return ev->flags & EV_FLAG_HARDIRQ ? 3 : ev->flags & EV_FLAG_SOFTIRQ ? 2 : 1;
}

bool trace_has(const struct trace *t, enum ev_kind k)
{
	(void)t;
	return !denied[k];
}

void fake_trace_without(enum ev_kind kind)
{
	denied[kind] = true;
}

void fake_trace_reasons(const char *const *names)
{
	reasons = names;
}

size_t trace_enum(const struct trace *t, const char *system, const char *event, const char *field,
		  void (*fn)(void *ctx, int64_t value, const char *name), void *ctx)
{
	size_t n = 0;

	(void)t;
	if (strcmp(system, "skb") || strcmp(event, "kfree_skb") || strcmp(field, "reason"))
		return 0;
	for (; reasons && reasons[n]; n++)
		fn(ctx, (int64_t)n, reasons[n]);
	return n;
}

uint64_t fake_symbol(const char *function)
{
	size_t i;

	for (i = 0; i < symbol_n; i++)
		if (!strcmp(symbol[i], function))
			break;
	if (i == symbol_n) {
		assert(symbol_n < SYMBOLS);
		snprintf(symbol[symbol_n++], sizeof(symbol[0]), "%s", function);
	}
	return 0xffffffff81000000ULL + i * 0x1000 + 0x10;
}

void symbols_base(char *name)
{
	(void)name;
}

bool symbols_find(const struct symbols *s, uint64_t addr, struct symbol_name *out)
{
	size_t i = (size_t)(addr - 0xffffffff81000000ULL) / 0x1000;

	(void)s;
	memset(out, 0, sizeof(*out));
	if (addr < 0xffffffff81000000ULL || i >= symbol_n) {
		strcpy(out->function, "?");
		strcpy(out->location, "0x?");
		return false;
	}
	snprintf(out->function, sizeof(out->function), "%s", symbol[i]);
	snprintf(out->location, sizeof(out->location), "%s+0x10", symbol[i]);
	return true;
}

struct host *fake_host(void)
{
	the_host = calloc(1, sizeof(*the_host));
	assert(the_host);
	return the_host;
}

int64_t fake_host_dev(struct host *h, int64_t netns_id, const char *name, const char *kind)
{
	struct host_dev *d = &h->dev[h->n];

	assert(h->n < DEVS);
	d->id = (int64_t)++h->n;
	d->netns_id = netns_id;
	d->ifindex = (int)h->n;
	snprintf(d->name, sizeof(d->name), "%s", name);
	snprintf(d->kind, sizeof(d->kind), "%s", kind);
	return d->id;
}

void fake_host_pair(struct host *h, int64_t a, int64_t b)
{
	h->dev[a - 1].peer_id = b;
	h->dev[b - 1].peer_id = a;
}

void fake_host_master(struct host *h, int64_t id, int master_ifindex)
{
	h->dev[id - 1].master_ifindex = master_ifindex;
}

size_t host_dev_count(const struct host *h)
{
	return h->n;
}

const struct host_dev *host_dev_at(const struct host *h, size_t i)
{
	return &h->dev[i];
}

const struct host_dev *host_dev(const struct host *h, int64_t netns_id, int ifindex)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->dev[i].netns_id == netns_id && h->dev[i].ifindex == ifindex)
			return &h->dev[i];
	return NULL;
}

const struct host_dev *host_dev_by_id(const struct host *h, int64_t id)
{
	return id > 0 && (size_t)id <= h->n ? &h->dev[id - 1] : NULL;
}

const struct host_dev *host_dev_named(const struct host *h, struct span name)
{
	const struct host_dev *found = NULL;

	for (size_t i = 0; i < h->n; i++) {
		if (!span_is(name, h->dev[i].name))
			continue;
		if (found)
			return NULL;
		found = &h->dev[i];
	}
	return found;
}

const struct host_dev *host_dev_named_in(const struct host *h, int64_t netns_id, struct span name)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->dev[i].netns_id == netns_id && span_is(name, h->dev[i].name))
			return &h->dev[i];
	return NULL;
}

struct frames *fake_frames(void)
{
	the_frames = calloc(1, sizeof(*the_frames));
	assert(the_frames);
	return the_frames;
}

struct frame_ref *fake_frame(struct frames *f, int64_t netns_id, const char *dev, int direction,
			     uint64_t ts, uint32_t len)
{
	struct frame_stream *s = f->s;
	struct frame_ref *r;

	while (s < f->s + f->n &&
	       (s->netns_id != netns_id || s->direction != direction || strcmp(s->dev, dev)))
		s++;
	if (s == f->s + f->n) {
		assert(f->n < 32);
		f->n++;
		s->netns_id = netns_id;
		s->direction = direction;
		snprintf(s->dev, sizeof(s->dev), "%s", dev);
		s->cap = 4096;
		s->v = calloc(s->cap, sizeof(*s->v));
		assert(s->v);
	}
	assert(s->n < s->cap);
	r = &s->v[s->n++];
	*r = (struct frame_ref){ .ts_ns = FAKE_EPOCH + (int64_t)ts,
				 .no = ++f->no,
				 .len_bytes = len,
				 .l3_bytes = len - 14,
				 .flow_id = (int32_t)f->no,
				 .ethertype = 0x0800,
				 .direction = (uint8_t)direction,
				 .ip_proto = 17 };
	return r;
}

size_t frames_stream_count(const struct frames *f)
{
	return f->n;
}

struct frame_stream *frames_stream_at(struct frames *f, size_t i)
{
	return &f->s[i];
}

const struct frames_loss *frames_losses(const struct frames *f, size_t *n)
{
	*n = f->loss.to_ns ? 1 : 0;
	return &f->loss;
}

void fake_frames_loss(int64_t from_ns, int64_t to_ns)
{
	the_frames->loss = (struct frames_loss){ from_ns, to_ns };
}

int64_t clocks_mono_real(const struct clocks *c, int64_t mono_ns)
{
	(void)c;
	return mono_ns + FAKE_EPOCH;
}

int64_t clocks_error_ns(const struct clocks *c)
{
	(void)c;
	return clocks_error;
}

void fake_clocks_error(int64_t ns)
{
	clocks_error = ns;
}

void fake_reset(void)
{
	memset(denied, 0, sizeof(denied));
	reasons = NULL;
	symbol_n = 0;
	clocks_error = 0;
	free(the_host);
	the_host = NULL;
	for (size_t i = 0; the_frames && i < the_frames->n; i++)
		free(the_frames->s[i].v);
	free(the_frames);
	the_frames = NULL;
}
