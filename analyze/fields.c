/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * libtraceevent reads the format file; what is needed of it is copied into a
 * struct ev_format, so that decoding an event is an array look-up and a load, and
 * the library never sees an event. Before it gets the text, the text is checked
 * to be short and printable, and its print format to be no deeper than any real
 * one, because the library parses it by recursion; a deeper one is taken away,
 * which costs names of values and nothing else.
 *
 * Invariant: each field in place lies within [0, min_len), and trace.c hands out
 * only events of at least min_len bytes, so the getters need no check there.
 */
#include "fields.h"
#include "../schema/json.h"

#include <arpa/inet.h>
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <event-parse.h>

#define FIELDS_MAX	128
#define SYMBOLS_MAX	4096
#define PRINT_DEPTH_MAX 32
#define PRINT_OPS_MAX	512

static const struct {
	const char *system, *name;
	enum ev_kind kind;
} kinds[] = {
	{ "ftrace", "print", EV_MARK },
	{ "skb", "kfree_skb", EV_KFREE_SKB },
	{ "skb", "consume_skb", EV_CONSUME_SKB },
	{ "skb", "skb_copy_datagram_iovec", EV_SKB_COPY_DATAGRAM_IOVEC },
	{ "net", "netif_rx_entry", EV_NETIF_RX_ENTRY },
	{ "net", "netif_rx_ni_entry", EV_NETIF_RX_ENTRY },
	{ "net", "netif_rx", EV_NETIF_RX },
	{ "net", "netif_rx_exit", EV_NETIF_RX_EXIT },
	{ "net", "netif_rx_ni_exit", EV_NETIF_RX_EXIT },
	{ "net", "netif_receive_skb_entry", EV_NETIF_RECEIVE_SKB_ENTRY },
	{ "net", "netif_receive_skb_list_entry", EV_NETIF_RECEIVE_SKB_LIST_ENTRY },
	{ "net", "netif_receive_skb", EV_NETIF_RECEIVE_SKB },
	{ "net", "napi_gro_receive_entry", EV_NAPI_GRO_RECEIVE_ENTRY },
	{ "net", "napi_gro_frags_entry", EV_NAPI_GRO_FRAGS_ENTRY },
	{ "net", "napi_gro_receive_exit", EV_NAPI_GRO_RECEIVE_EXIT },
	{ "net", "napi_gro_frags_exit", EV_NAPI_GRO_FRAGS_EXIT },
	{ "net", "net_dev_queue", EV_NET_DEV_QUEUE },
	{ "net", "net_dev_start_xmit", EV_NET_DEV_START_XMIT },
	{ "net", "net_dev_xmit", EV_NET_DEV_XMIT },
	{ "napi", "napi_poll", EV_NAPI_POLL },
	{ "qdisc", "qdisc_enqueue", EV_QDISC_ENQUEUE },
	{ "qdisc", "qdisc_dequeue", EV_QDISC_DEQUEUE },
	{ "irq", "softirq_raise", EV_SOFTIRQ_RAISE },
	{ "irq", "softirq_entry", EV_SOFTIRQ_ENTRY },
	{ "irq", "softirq_exit", EV_SOFTIRQ_EXIT },
	{ "irq", "irq_handler_entry", EV_IRQ_HANDLER_ENTRY },
	{ "irq", "irq_handler_exit", EV_IRQ_HANDLER_EXIT },
	{ "sched", "sched_switch", EV_SCHED_SWITCH },
	{ "sched", "sched_waking", EV_SCHED_WAKING },
	{ "sched", "sched_wakeup", EV_SCHED_WAKEUP },
	{ "tcp", "tcp_probe", EV_TCP_PROBE },
	{ "sock", "sk_data_ready", EV_SK_DATA_READY },
	{ "sock", "sock_recv_length", EV_SOCK_RECV_LENGTH },
	{ "sock", "sock_send_length", EV_SOCK_SEND_LENGTH },
	{ "tcp", "tcp_retransmit_skb", EV_TCP_RETRANSMIT_SKB },
	{ "tcp", "tcp_sendmsg_locked", EV_TCP_SENDMSG_LOCKED },
};

static const char *const field_names[] = {
	[F_SKBADDR] = "skbaddr",
	[F_LEN] = "len",
	[F_DATA_LEN] = "data_len",
	[F_NAME] = "name",
	[F_LOCATION] = "location",
	[F_REASON] = "reason",
	[F_PROTOCOL] = "protocol",
	[F_RX_SK] = "rx_sk",
	[F_RC] = "rc",
	[F_RET] = "ret",
	[F_VEC] = "vec",
	[F_NAPI] = "napi",
	[F_DEV_NAME] = "dev_name",
	[F_WORK] = "work",
	[F_BUDGET] = "budget",
	[F_IRQ] = "irq",
	[F_PREV_COMM] = "prev_comm",
	[F_PREV_PID] = "prev_pid",
	[F_PREV_STATE] = "prev_state",
	[F_NEXT_COMM] = "next_comm",
	[F_NEXT_PID] = "next_pid",
	[F_COMM] = "comm",
	[F_PID] = "pid",
	[F_TARGET_CPU] = "target_cpu",
	[F_IFINDEX] = "ifindex",
	[F_PACKETS] = "packets",
	[F_QUEUE_MAPPING] = "queue_mapping",
	[F_GSO_SIZE] = "gso_size",
	[F_GSO_SEGS] = "gso_segs",
	[F_NETWORK_OFFSET] = "network_offset",
	[F_VLAN_TAGGED] = "vlan_tagged",
	[F_VLAN_TCI] = "vlan_tci",
	[F_SKADDR] = "skaddr",
	[F_SK] = "sk",
	[F_SKB_ADDR] = "skb_addr",
	[F_BUF] = "buf",
};
static_assert(ARRAY_SIZE(field_names) == F_COUNT, "a name for each field");

/* ---- the format file ---- */

/*
 * The text as libtraceevent gets it. Return: 0, -EINVAL, -ENOMEM.
 */
static int prepare_text(struct span text, struct buf *out)
{
	const char *print = memmem(text.p, text.n, "\nprint fmt:", 11);
	size_t at = print ? (size_t)(print - text.p) : text.n, depth = 0, deepest = 0, ops = 0;
	bool quoted = false;

	if (!text.n || text.n > FORMAT_TEXT_MAX)
		return -EINVAL;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if ((c < 0x20 || c > 0x7e) && c != '\n' && c != '\t')
			return -EINVAL;
		if (i < at)
			continue;
		if (c == '"' && text.p[i - 1] != '\\')
			quoted = !quoted;
		else if (!quoted && (c == '(' || c == '{' || c == '['))
			depth++;
		else if (!quoted && (c == ')' || c == '}' || c == ']'))
			depth -= depth > 0;
		else if (!quoted && strchr("!~?:+*/%&|^<>=-", c))
			ops++;
		if (depth > deepest)
			deepest = depth;
	}
	if (deepest > PRINT_DEPTH_MAX || ops > PRINT_OPS_MAX || quoted)
		print = NULL;
	if (print ? buf_put(out, text.p, text.n) :
		    buf_put(out, text.p, at) || buf_put(out, "\nprint fmt: \"\"\n", 15))
		return -ENOMEM;
	/* the library may look one byte ahead */
	return buf_put(out, "", 1) ? -ENOMEM : 0;
}

static bool is_identifier(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");

	return n && !s[n] && n < sizeof(((struct field *)0)->name);
}

/* Where a field is. Return: false where that is nowhere. */
static bool place_field(const struct tep_format_field *f, struct field_ref *r)
{
	struct field_ref x = { .how = FIELD_BYTES };

	if (f->offset < 0 || f->size < 0 || f->offset > UINT16_MAX || f->size > UINT16_MAX ||
	    f->offset + f->size > UINT16_MAX)
		return false;
	x.offset = (uint16_t)f->offset;
	x.size = (uint16_t)f->size;
	if (f->flags & TEP_FIELD_IS_DYNAMIC) {
		if (f->size != 4)
			return false;
		x.how = f->flags & TEP_FIELD_IS_RELATIVE ? FIELD_REL_LOC : FIELD_DATA_LOC;
	} else if (f->size == 0) {
		x.how = FIELD_REST;
	} else if (!(f->flags & TEP_FIELD_IS_ARRAY) &&
		   (f->size == 1 || f->size == 2 || f->size == 4 || f->size == 8)) {
		x.how = f->flags & TEP_FIELD_IS_SIGNED ? FIELD_INT : FIELD_UINT;
	}
	*r = x;
	return true;
}

static enum field_show default_show(const struct tep_format_field *f, const struct field_ref *r)
{
	bool dynamic = r->how == FIELD_DATA_LOC || r->how == FIELD_REL_LOC;

	if (f->flags & TEP_FIELD_IS_STRING)
		return SHOW_TEXT;
	if (f->flags & TEP_FIELD_IS_POINTER)
		return SHOW_POINTER;
	if (r->how == FIELD_UINT || r->how == FIELD_INT)
		return SHOW_NUMBER;
	if (r->how == FIELD_REST)
		return strstr(f->type, "char") ? SHOW_TEXT : SHOW_NOT;
	/* arrays of longs and whole structures may hold addresses */
	if (!(f->flags & TEP_FIELD_IS_ARRAY) && !dynamic)
		return SHOW_NOT;
	return f->elementsize == 1 || strstr(f->type, "u8") ? SHOW_HEX : SHOW_NOT;
}

static struct field *find_field(struct ev_format *f, const char *name)
{
	for (size_t i = 0; i < f->n_fields; i++)
		if (!strcmp(f->fields[i].name, name))
			return &f->fields[i];
	return NULL;
}

/* The field that an argument of the print format is, casts aside. */
static struct field *arg_field(struct ev_format *f, const struct tep_print_arg *arg)
{
	for (int i = 0; arg && i < PRINT_DEPTH_MAX; i++) {
		if (arg->type == TEP_PRINT_FIELD)
			return arg->field.name ? find_field(f, arg->field.name) : NULL;
		if (arg->type != TEP_PRINT_TYPE)
			return NULL;
		arg = arg->typecast.item;
	}
	return NULL;
}

/* %p with its extension (Documentation/core-api/printk-formats.rst): what that makes of a field. */
static void show_as(struct field *fd, const char *ext)
{
	bool bytes = fd->ref.how == FIELD_BYTES;

	if (ext[0] == 'I' || ext[0] == 'i') {
		if (ext[1] == '4' && bytes && fd->ref.size == 4)
			fd->show = SHOW_IP4;
		else if (ext[1] == '6' && bytes && fd->ref.size == 16)
			fd->show = SHOW_IP6;
		else if (ext[1] == 'S' && bytes && fd->ref.size >= 16)
			fd->show = SHOW_SOCKADDR;
	} else if (!bytes && fd->show == SHOW_NUMBER) {
		fd->show = SHOW_POINTER;
	}
}

/* Go along the print format's conversions and its arguments. */
static void read_conversions(struct ev_format *f, const struct tep_print_fmt *print)
{
	const struct tep_print_arg *arg = print->args;

	for (const char *p = print->format; p && arg && (p = strchr(p, '%'));) {
		struct field *fd;

		p++;
		if (*p == '%') {
			p++;
			continue;
		}
		for (; *p && strchr("0123456789-+ #.*hlLzjt", *p); p++)
			if (*p == '*')
				arg = arg ? arg->next : NULL;
		fd = arg ? arg_field(f, arg) : NULL;
		if (fd && *p == 'p')
			show_as(fd, p + 1);
		arg = arg ? arg->next : NULL;
	}
}

static int copy_symbols(struct field *fd, const struct tep_print_flag_sym *s)
{
	size_t n = 0;

	if (fd->symbols)
		return 0;
	for (const struct tep_print_flag_sym *x = s; x && n < SYMBOLS_MAX; x = x->next)
		n++;
	fd->symbols = calloc(n ? n : 1, sizeof(*fd->symbols));
	if (!fd->symbols)
		return -ENOMEM;
	for (; s && n; s = s->next, n--) {
		struct field_symbol *to = &fd->symbols[fd->n_symbols];
		char *end;

		/* some kernels leave names of enums where numbers belong */
		errno = 0;
		to->value = s->value ? strtoll(s->value, &end, 0) : 0;
		if (!s->value || !s->str || end == s->value || *end || errno)
			continue;
		to->name = strdup(s->str);
		if (!to->name)
			return -ENOMEM;
		fd->n_symbols++;
	}
	return 0;
}

/* Find each __print_symbolic below @arg. */
static int read_symbols(struct ev_format *f, const struct tep_print_arg *arg, int depth)
{
	int rc = 0;

	for (; arg && depth < PRINT_DEPTH_MAX && !rc; arg = arg->next) {
		if (arg->type == TEP_PRINT_SYMBOL) {
			struct field *fd = arg_field(f, arg->symbol.field);

			if (fd)
				rc = copy_symbols(fd, arg->symbol.symbols);
		} else if (arg->type == TEP_PRINT_TYPE) {
			rc = read_symbols(f, arg->typecast.item, depth + 1);
		} else if (arg->type == TEP_PRINT_OP) {
			rc = read_symbols(f, arg->op.left, depth + 1);
			if (!rc)
				rc = read_symbols(f, arg->op.right, depth + 1);
		}
	}
	return rc;
}

/* Where the print format was of no use: the usual names of addresses. */
static void guess_addresses(struct field *fd)
{
	static const char *const words[] = { "addr", "src", "dst", "gw", "key" };

	if (fd->show != SHOW_HEX || fd->ref.how != FIELD_BYTES)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!strstr(fd->name, words[i]))
			continue;
		if (fd->ref.size == 4)
			fd->show = SHOW_IP4;
		else if (fd->ref.size == 16)
			fd->show = SHOW_IP6;
		else if (fd->ref.size == 28)
			fd->show = SHOW_SOCKADDR;
	}
}

/* The beginning of every event (struct trace_entry, include/linux/trace_events.h). */
static bool common_ok(struct tep_event *ev)
{
	static const struct {
		const char *name;
		int offset, size;
	} want[] = {
		{ "common_type", 0, 2 },
		{ "common_flags", 2, 1 },
		{ "common_preempt_count", 3, 1 },
		{ "common_pid", 4, 4 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		struct tep_format_field *c = tep_find_common_field(ev, want[i].name);

		if (!c || c->offset != want[i].offset || c->size != want[i].size)
			return false;
	}
	return true;
}

/* The library gives what it has read before the first line that it did not understand. */
static bool all_read(const struct tep_event *ev, struct span text)
{
	struct span line;
	int n = 0;

	while (span_line(&text, &line) && !span_starts(line, "print fmt:"))
		n += span_starts(span_trim(line), "field:");
	return n == ev->format.nr_common + ev->format.nr_fields;
}

static int copy_fields(struct ev_format *f, struct tep_event *ev)
{
	const struct tep_format_field *x;
	bool printed = ev->print_fmt.args && !(ev->flags & (int)TEP_EVENT_FL_FAILED);

	if (ev->format.nr_fields < 0 || ev->format.nr_fields > FIELDS_MAX)
		return -EINVAL;
	f->fields = calloc((size_t)ev->format.nr_fields + 1, sizeof(*f->fields));
	if (!f->fields)
		return -ENOMEM;
	f->min_len = 8;
	for (x = ev->format.fields; x && f->n_fields < FIELDS_MAX; x = x->next) {
		struct field *fd = &f->fields[f->n_fields];

		if (f->n_fields == (size_t)ev->format.nr_fields)
			return -EINVAL;
		if (!x->name || !x->type || !is_identifier(x->name) || find_field(f, x->name))
			continue;
		if (!place_field(x, &fd->ref))
			return -EINVAL;
		strcpy(fd->name, x->name);
		fd->show = default_show(x, &fd->ref);
		if ((uint32_t)fd->ref.offset + fd->ref.size > f->min_len)
			f->min_len = (uint32_t)fd->ref.offset + fd->ref.size;
		for (size_t i = 0; i < F_COUNT; i++)
			if (!strcmp(field_names[i], x->name))
				f->ref[i] = fd->ref;
		f->n_fields++;
	}
	if (printed)
		read_conversions(f, &ev->print_fmt);
	else
		for (size_t i = 0; i < f->n_fields; i++)
			guess_addresses(&f->fields[i]);
	return printed ? read_symbols(f, ev->print_fmt.args, 0) : 0;
}

int format_parse(struct ev_format **out, const char *system, const char *name, struct span text,
		 bool big_endian, int long_bytes)
{
	struct tep_handle *tep = NULL;
	struct tep_event *ev = NULL;
	struct ev_format *f = NULL;
	struct buf b = { 0 };
	int rc = -EINVAL;

	if (strlen(system) >= sizeof(f->type.system) || strlen(name) >= sizeof(f->type.name))
		return rc;
	rc = prepare_text(text, &b);
	if (rc)
		goto cleanup;
	rc = -ENOMEM;
	tep = tep_alloc();
	f = calloc(1, sizeof(*f));
	if (!tep || !f)
		goto cleanup;
	tep_set_loglevel(TEP_LOG_NONE);
	tep_set_long_size(tep, long_bytes);
	tep_set_file_bigendian(tep, big_endian ? TEP_BIG_ENDIAN : TEP_LITTLE_ENDIAN);
	rc = -EINVAL;
	if (tep_parse_format(tep, &ev, (char *)b.data, b.len - 1, system) || !ev || !ev->name ||
	    strcmp(ev->name, name) || ev->id < 1 || ev->id > UINT16_MAX || !common_ok(ev) ||
	    !all_read(ev, text))
		goto cleanup;
	f->type.id = ev->id;
	strcpy(f->type.system, system);
	strcpy(f->type.name, name);
	f->big_endian = big_endian;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].system, system) && !strcmp(kinds[i].name, name))
			f->type.kind = kinds[i].kind;
	rc = copy_fields(f, ev);
	if (rc)
		goto cleanup;
	*out = f;
	f = NULL;
cleanup:
	format_free(f);
	tep_free(tep);
	buf_free(&b);
	return rc;
}

void format_free(struct ev_format *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->n_fields; i++) {
		struct field *fd = &f->fields[i];

		for (size_t k = 0; k < fd->n_symbols; k++)
			free(fd->symbols[k].name);
		free(fd->symbols);
	}
	free(f->fields);
	free(f);
}

/* ---- an event's fields ---- */

static const struct ev_format *format_of(const struct event *ev)
{
	return (const struct ev_format *)ev->type;
}

static uint64_t load_uint(const uint8_t *p, size_t size, bool big_endian)
{
	uint16_t v2;
	uint32_t v4;
	uint64_t v8;

	switch (size) {
	case 1:
		return *p;
	case 2:
		memcpy(&v2, p, 2);
		return big_endian ? be16toh(v2) : le16toh(v2);
	case 4:
		memcpy(&v4, p, 4);
		return big_endian ? be32toh(v4) : le32toh(v4);
	default:
		memcpy(&v8, p, 8);
		return big_endian ? be64toh(v8) : le64toh(v8);
	}
}

static uint64_t load_number(const struct event *ev, const struct field_ref *r)
{
	uint64_t v = load_uint(ev->data + r->offset, r->size, format_of(ev)->big_endian);
	unsigned int unused = 64 - 8 * (unsigned int)r->size;

	if (r->how == FIELD_INT)
		v = (uint64_t)((int64_t)(v << unused) >> unused);
	return v;
}

/* The bytes of a field; empty where it points out of the event. */
static struct span load_bytes(const struct event *ev, const struct field_ref *r)
{
	const char *p = (const char *)ev->data;
	uint32_t loc, at;

	switch ((enum field_how)r->how) {
	case FIELD_BYTES:
		return (struct span){ p + r->offset, r->size };
	case FIELD_REST:
		return (struct span){ p + r->offset, ev->len - r->offset };
	case FIELD_DATA_LOC:
	case FIELD_REL_LOC:
		loc = (uint32_t)load_uint(ev->data + r->offset, 4, format_of(ev)->big_endian);
		at = loc & 0xffff;
		if (r->how == FIELD_REL_LOC)
			at += (uint32_t)r->offset + 4;
		if (at <= ev->len && loc >> 16 <= ev->len - at)
			return (struct span){ p + at, loc >> 16 };
		return (struct span){ p, 0 };
	default:
		return (struct span){ p, 0 };
	}
}

static struct span load_text(const struct event *ev, const struct field_ref *r)
{
	struct span s = load_bytes(ev, r);

	s.n = strnlen(s.p, s.n);
	return s;
}

bool event_u64(const struct event *ev, enum ev_field f, uint64_t *v)
{
	const struct field_ref *r;

	if (!ev->type)
		return false;
	r = &format_of(ev)->ref[f];
	if (r->how != FIELD_UINT && r->how != FIELD_INT)
		return false;
	*v = load_number(ev, r);
	return true;
}

bool event_text(const struct event *ev, enum ev_field f, struct span *s)
{
	const struct field_ref *r;

	if (!ev->type)
		return false;
	r = &format_of(ev)->ref[f];
	if (r->how == FIELD_NONE || r->how == FIELD_UINT || r->how == FIELD_INT)
		return false;
	*s = load_text(ev, r);
	return true;
}

int event_context(const struct event *ev)
{
	/* 0x40: NMI (TRACE_FLAG_NMI) */
	if (ev->flags & (EV_FLAG_HARDIRQ | 0x40))
		return 3;
	return ev->flags & EV_FLAG_SOFTIRQ ? 2 : 1;
}

size_t trace_enum(const struct trace *t, const char *system, const char *event, const char *field,
		  void (*fn)(void *ctx, int64_t value, const char *name), void *ctx)
{
	const struct ev_format *f = trace_format(t, system, event);

	for (size_t i = 0; f && i < f->n_fields; i++) {
		const struct field *fd = &f->fields[i];

		if (strcmp(fd->name, field))
			continue;
		for (size_t k = 0; k < fd->n_symbols; k++)
			fn(ctx, fd->symbols[k].value, fd->symbols[k].name);
		return fd->n_symbols;
	}
	return 0;
}

/* ---- JSON ---- */

/* Text that needs an escape: by the writer of documents, so that the rules stand in one place. */
static int put_escaped(struct buf *out, struct span s)
{
	struct json j;
	size_t n = 0;
	char *text = NULL;
	FILE *f = open_memstream(&text, &n);
	int rc = -ENOMEM;

	if (!f)
		return rc;
	json_begin(&j, f, false);
	json_span(&j, NULL, s);
	if (!fclose(f))
		rc = buf_put(out, text, n);
	free(text);
	return rc;
}

static int put_text(struct buf *out, struct span s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c < 0x20 || c > 0x7e || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&')
			return put_escaped(out, s);
	}
	if (buf_put(out, "\"", 1) || buf_put(out, s.p, s.n) || buf_put(out, "\"", 1))
		return -ENOMEM;
	return 0;
}

static int put_number(struct buf *out, uint64_t v, bool negative)
{
	char text[24], *p = text + sizeof(text);

	if (negative)
		v = 0 - v;
	do
		*--p = (char)('0' + v % 10);
	while (v /= 10);
	if (negative)
		*--p = '-';
	return buf_put(out, p, (size_t)(text + sizeof(text) - p));
}

static int put_hex(struct buf *out, struct span s)
{
	static const char digit[] = "0123456789abcdef";
	int rc = buf_reserve(out, 2 * s.n + 2);

	if (rc)
		return rc;
	out->data[out->len++] = '"';
	for (size_t i = 0; i < s.n; i++) {
		out->data[out->len++] = (uint8_t)digit[(uint8_t)s.p[i] >> 4];
		out->data[out->len++] = (uint8_t)digit[(uint8_t)s.p[i] & 15];
	}
	out->data[out->len++] = '"';
	return 0;
}

/* A socket address, Linux's layout and numbers whatever machine this runs on. Return: false for another family. */
static bool sockaddr_text(struct span s, bool big_endian, char *out, size_t size)
{
	uint16_t family = (uint16_t)load_uint((const uint8_t *)s.p, 2, big_endian);
	unsigned int port = (unsigned int)load_uint((const uint8_t *)s.p + 2, 2, true);
	char ip[INET6_ADDRSTRLEN];

	if (family == 2 && inet_ntop(AF_INET, s.p + 4, ip, sizeof(ip))) {
		snprintf(out, size, "%s:%u", ip, port);
		return true;
	}
	if (family == 10 && s.n >= 24 && inet_ntop(AF_INET6, s.p + 8, ip, sizeof(ip))) {
		snprintf(out, size, "[%s]:%u", ip, port);
		return true;
	}
	return false;
}

/* Kernel addresses never leave, also where a format calls them numbers; errors (ERR_PTR()) are none. */
static bool looks_like_address(uint64_t v, const struct field_ref *r)
{
	return r->how == FIELD_UINT && r->size == 8 && v >= 0xffff800000000000ULL &&
	       v < 0xfffffffffffff000ULL;
}

struct shown {
	struct span text;
	char store[160];
};

/* Text of a field that has one. Return: false where it is shown otherwise, or not at all. */
static bool field_text(const struct event *ev, const struct field *fd, const struct symbols *s,
		       struct shown *x)
{
	struct span b = load_bytes(ev, &fd->ref);
	struct symbol_name sym;
	uint64_t v = 0;
	bool ok = true;

	if (fd->ref.how == FIELD_UINT || fd->ref.how == FIELD_INT)
		v = load_number(ev, &fd->ref);
	switch (fd->show) {
	case SHOW_TEXT:
		x->text = load_text(ev, &fd->ref);
		return true;
	case SHOW_IP4:
		inet_ntop(AF_INET, b.p, x->store, sizeof(x->store));
		break;
	case SHOW_IP6:
		inet_ntop(AF_INET6, b.p, x->store, sizeof(x->store));
		break;
	case SHOW_SOCKADDR:
		ok = sockaddr_text(b, format_of(ev)->big_endian, x->store, sizeof(x->store));
		break;
	case SHOW_NUMBER:
		for (size_t i = 0; i < fd->n_symbols; i++)
			if ((uint64_t)fd->symbols[i].value == v) {
				x->text = (struct span){ fd->symbols[i].name,
							 strlen(fd->symbols[i].name) };
				return true;
			}
		if (!looks_like_address(v, &fd->ref))
			return false;
		/* fall through */
	case SHOW_POINTER:
		ok = s && symbols_find(s, v, &sym);
		if (ok)
			strcpy(x->store, sym.location);
		break;
	default:
		return false;
	}
	x->text = (struct span){ x->store, ok ? strlen(x->store) : 0 };
	return ok;
}

int trace_fields_json(const struct trace *t, const struct event *ev, const struct symbols *s,
		      struct buf *out)
{
	const struct ev_format *f = format_of(ev);
	size_t start = out->len;
	int rc = buf_put(out, "{", 1);

	(void)t;
	for (size_t i = 0; !rc && f && i < f->n_fields; i++) {
		const struct field *fd = &f->fields[i];
		struct shown x;
		bool text = field_text(ev, fd, s, &x);
		bool number = !text && fd->show == SHOW_NUMBER;
		uint64_t v = number ? load_number(ev, &fd->ref) : 0;

		if (!text && fd->show != SHOW_HEX && (!number || looks_like_address(v, &fd->ref)))
			continue;
		if (out->len > start + 1)
			rc = buf_put(out, ",", 1);
		if (!rc)
			rc = put_text(out, (struct span){ fd->name, strlen(fd->name) });
		if (!rc)
			rc = buf_put(out, ":", 1);
		if (rc)
			break;
		if (text)
			rc = put_text(out, x.text);
		else if (number)
			rc = put_number(out, v, fd->ref.how == FIELD_INT && (int64_t)v < 0);
		else
			rc = put_hex(out, load_bytes(ev, &fd->ref));
	}
	if (!rc)
		rc = buf_put(out, "}", 1);
	if (rc)
		out->len = start;
	return rc ? -ENOMEM : 0;
}
