/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * A format file (kernel/trace/trace_events.c, f_show()) has two parts. Its fields
 * are read by libtraceevent, after each line was checked to be one that a kernel
 * writes; what is needed of it is copied into a struct ev_format, so that decoding
 * an event is an array look-up and a load, and the library never sees an event.
 * Its print format is C source. The library takes that apart by recursion and
 * without care for text that is no C (seen with 1.7.1: some one in a thousand
 * altered ones ends it), and most of it is not needed here; so it never gets it.
 * Two things are read from it in one pass each: which argument stands behind each
 * conversion, that is, which field is an address and of what kind, and the pairs
 * of each __print_symbolic.
 *
 * Invariant: each field in place lies within [0, min_len), and trace.c hands out
 * only events of at least min_len bytes.
 */
#include "fields.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <event-parse.h>

#define FIELDS_MAX  128
#define SYMBOLS_MAX 4096
#define NESTING_MAX 64 /* of casts and parentheses around a field */

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
	[F_FAMILY] = "family",
	[F_FLAGS] = "flags",
	[F_BUF] = "buf",
};
static_assert(ARRAY_SIZE(field_names) == F_COUNT, "a name for each field");

/* ---- the text ---- */

/* What a format file consists of. */
struct format_text {
	struct span fields; /* everything before the print format */
	struct span format; /* the text between its first quotes */
	struct span args;   /* what stands behind these */
	int n_fields;	    /* lines */
};

static bool is_one_of(struct span s, const char *chars)
{
	for (size_t i = 0; i < s.n; i++)
		if (!memchr(chars, s.p[i], strlen(chars)))
			return false;
	return s.n > 0;
}

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"

/* "\tWORD:NUMBER", a part of a field line. */
static bool number_part(struct span *line, const char *word)
{
	struct span part;
	uint64_t v;

	if (!span_field(line, ';', &part))
		return false;
	part = span_trim(part);
	if (!span_starts(part, word))
		return false;
	part.p += strlen(word);
	part.n -= strlen(word);
	return !span_u64(part, &v) && v <= UINT16_MAX;
}

/* "\tfield:DECLARATION;\toffset:N;\tsize:N;\tsigned:N;" */
static bool field_line_ok(struct span line)
{
	struct span decl, rest;
	const char *open;

	if (!span_field(&line, ';', &decl) || !number_part(&line, "offset:") ||
	    !number_part(&line, "size:"))
		return false;
	rest = span_trim(line);
	if (rest.n && (!number_part(&line, "signed:") || span_trim(line).n))
		return false;
	decl.p += strlen("field:");
	decl.n -= strlen("field:");
	/* a type, a name, and at most one pair of brackets: behind the name, or, of
	 * a dynamic array, behind the type */
	if (!is_one_of(decl, LETTERS " *[]()-+/.&") || decl.n > 200)
		return false;
	open = memchr(decl.p, '[', decl.n);
	if (open) {
		struct span in = { open + 1, (size_t)(decl.p + decl.n - open - 1) };
		const char *close = memchr(in.p, ']', in.n);

		if (!close || memchr(open + 1, '[', in.n))
			return false;
		in.n = (size_t)(close - in.p);
		rest = (struct span){ close + 1, (size_t)(decl.p + decl.n - close - 1) };
		if ((in.n && !is_one_of(in, LETTERS " ()*+-/")) ||
		    (rest.n && !is_one_of(rest, LETTERS " ")))
			return false;
		decl.n = (size_t)(open - decl.p);
	}
	return is_one_of(decl, LETTERS " *");
}

/* Take the text apart. Return: 0, -EINVAL where no kernel writes such a text. */
static int split_text(struct span text, struct format_text *x)
{
	static const char print[] = "print fmt:";
	struct span all = text, line;
	const char *quote;

	if (text.n > FORMAT_TEXT_MAX)
		return -EINVAL;
	for (size_t i = 0; i < text.n; i++)
		if ((text.p[i] < 0x20 || text.p[i] > 0x7e) && text.p[i] != '\n' &&
		    text.p[i] != '\t')
			return -EINVAL;
	*x = (struct format_text){ 0 };
	for (;;) {
		struct span before = text;

		if (!span_line(&text, &line) || span_starts(line, print)) {
			x->fields = (struct span){ all.p, all.n - before.n };
			x->args = before;
			break;
		}
		line = span_trim(line);
		if (span_starts(line, "field:")) {
			if (!field_line_ok(line) || ++x->n_fields > FIELDS_MAX)
				return -EINVAL;
		} else if (span_starts(line, "name: ") || span_starts(line, "ID: ")) {
			if (!is_one_of(line, LETTERS ": "))
				return -EINVAL;
		} else if (line.n && !span_is(line, "format:")) {
			return -EINVAL;
		}
	}
	/* the format's own text, then the arguments */
	quote = memchr(x->args.p, '"', x->args.n);
	if (!quote) {
		x->args.n = 0;
		return 0;
	}
	x->args.n -= (size_t)(quote + 1 - x->args.p);
	x->args.p = quote + 1;
	while (x->args.n && x->args.p[x->args.n - 1] == '\n')
		x->args.n--;
	x->format = x->args;
	for (size_t i = 0; i < x->args.n && x->args.p[i] != '"'; i++) {
		i += x->args.p[i] == '\\';
		x->format.n = i + 1 < x->args.n ? i + 1 : x->args.n;
	}
	if (x->args.n && x->args.p[0] == '"')
		x->format.n = 0;
	x->args.p += x->format.n;
	x->args.n -= x->format.n;
	if (x->args.n) {
		x->args.p++;
		x->args.n--;
	}
	return 0;
}

/* ---- the print format ---- */

/*
 * Length of the piece of C at the beginning of @s: up to a @stop character outside
 * of quotes, parentheses and braces, or all of it.
 */
static size_t piece_len(struct span s, const char *stop)
{
	size_t depth = 0;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '"') {
			for (i++; i < s.n && s.p[i] != '"'; i++)
				i += s.p[i] == '\\';
			continue;
		}
		if (!depth && strchr(stop, c))
			return i;
		if (c == '(' || c == '{' || c == '[')
			depth++;
		else if ((c == ')' || c == '}' || c == ']') && depth)
			depth--;
	}
	return s.n;
}

static struct span skip(struct span s, size_t n)
{
	return n < s.n ? (struct span){ s.p + n, s.n - n } : (struct span){ s.p + s.n, 0 };
}

static struct field *find_field(struct ev_format *f, struct span name)
{
	for (size_t i = 0; i < f->n_fields; i++)
		if (span_is(name, f->fields[i].name))
			return &f->fields[i];
	return NULL;
}

/* The field that an argument is, casts and parentheses aside; NULL for any other expression. */
static struct field *arg_field(struct ev_format *f, struct span arg)
{
	static const char rec[] = "REC->";

	arg = span_trim(arg);
	for (int i = 0; i < NESTING_MAX && arg.n && arg.p[0] == '('; i++) {
		struct span in = skip(arg, 1), after;

		in.n = piece_len(in, ")");
		after = span_trim(skip(arg, in.n + 2));
		if (after.n && !is_one_of(in, LETTERS " *"))
			return NULL;
		arg = after.n ? after : span_trim(in);
	}
	return span_starts(arg, rec) ? find_field(f, skip(arg, strlen(rec))) : NULL;
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

/* Go along the conversions and their arguments. */
static void read_conversions(struct ev_format *f, struct span format, struct span args)
{
	args = skip(args, piece_len(args, ","));
	while (format.n) {
		struct field *fd;
		const char *p = memchr(format.p, '%', format.n);
		int n = 1;

		if (!p)
			return;
		format = skip(format, (size_t)(p + 1 - format.p));
		if (format.n && format.p[0] == '%') {
			format = skip(format, 1);
			continue;
		}
		for (; format.n && strchr("0123456789-+ #.*hlLzjt", format.p[0]);
		     format = skip(format, 1))
			n += format.p[0] == '*'; /* takes an argument of its own */
		for (fd = NULL; n && args.n; n--) {
			args = skip(args, 1); /* the comma */
			fd = n == 1 ? arg_field(f, (struct span){ args.p, piece_len(args, ",") })
				    : NULL;
			args = skip(args, piece_len(args, ","));
		}
		if (fd && format.n && format.p[0] == 'p') {
			char ext[3] = "";

			span_copy(skip(format, 1), ext, sizeof(ext));
			show_as(fd, ext);
		}
	}
}

static int add_symbol(struct field *fd, size_t *cap, int64_t value, struct span name)
{
	struct field_symbol *s;

	if (fd->n_symbols == *cap) {
		size_t more = *cap ? *cap * 2 : 16;

		s = realloc(fd->symbols, more * sizeof(*s));
		if (!s)
			return -ENOMEM;
		fd->symbols = s;
		*cap = more;
	}
	s = &fd->symbols[fd->n_symbols];
	s->value = value;
	s->name = strndup(name.p, name.n);
	if (!s->name)
		return -ENOMEM;
	fd->n_symbols++;
	return 0;
}

/* A number as C writes it. */
static bool c_number(struct span s, int64_t *v)
{
	uint64_t x;

	s = span_trim(s);
	while (s.n > 1 && strchr("uUlL", s.p[s.n - 1]))
		s.n--;
	if (!span_i64(s, v))
		return true;
	if (!span_starts(s, "0x") || span_hex(s, &x))
		return false;
	*v = (int64_t)x;
	return true;
}

/* The pairs "{ 2, "NAME" }, ..." of one __print_symbolic. Some kernels leave names of enums where
 * numbers belong: those pairs are of no use. */
static int read_pairs(struct field *fd, struct span s)
{
	size_t cap = 0;
	int rc = 0;

	while (s.n && !rc && fd->n_symbols < SYMBOLS_MAX) {
		struct span pair = skip(s, 1), value, name;
		int64_t v;

		s = skip(s, 1 + piece_len(skip(s, 1), ","));
		pair.n = s.n ? (size_t)(s.p - pair.p) : pair.n;
		pair = span_trim(pair);
		if (pair.n < 2 || pair.p[0] != '{' || pair.p[pair.n - 1] != '}')
			continue;
		pair = (struct span){ pair.p + 1, pair.n - 2 };
		value = (struct span){ pair.p, piece_len(pair, ",") };
		name = span_trim(skip(pair, value.n + 1));
		if (name.n >= 2 && name.p[0] == '"' && name.p[name.n - 1] == '"' &&
		    c_number(value, &v))
			rc = add_symbol(fd, &cap, v, (struct span){ name.p + 1, name.n - 2 });
	}
	return rc;
}

/* Find each __print_symbolic; the first one of a field counts. */
static int read_symbols(struct ev_format *f, struct span args)
{
	static const char call[] = "__print_symbolic(";
	int rc = 0;

	while (args.n && !rc) {
		const char *p = memmem(args.p, args.n, call, strlen(call));
		struct span in;
		struct field *fd;
		size_t n;

		if (!p)
			break;
		args = skip(args, (size_t)(p - args.p) + strlen(call));
		in = (struct span){ args.p, piece_len(args, ")") };
		n = piece_len(in, ",");
		fd = arg_field(f, (struct span){ in.p, n });
		if (fd && !fd->symbols)
			rc = read_pairs(fd, skip(in, n));
		args = skip(args, in.n);
	}
	return rc;
}

/* ---- the fields ---- */

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

static int copy_fields(struct ev_format *f, struct tep_event *ev, const struct format_text *text)
{
	const struct tep_format_field *x;
	int n = ev->format.nr_fields;

	/* the library gives what it has read before a line that it did not understand */
	if (n < 0 || n > FIELDS_MAX || n + ev->format.nr_common != text->n_fields)
		return -EINVAL;
	f->fields = calloc((size_t)n + 1, sizeof(*f->fields));
	if (!f->fields)
		return -ENOMEM;
	f->min_len = 8;
	for (x = ev->format.fields; x && f->n_fields < (size_t)n; x = x->next) {
		struct field *fd = &f->fields[f->n_fields];

		if (!x->name || !x->type || !is_identifier(x->name) ||
		    find_field(f, (struct span){ x->name, strlen(x->name) }))
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
	read_conversions(f, text->format, text->args);
	return read_symbols(f, text->args);
}

/* Let the library read the fields. */
static struct tep_event *parse_fields(struct tep_handle *tep, const struct format_text *text,
				      const char *system, bool big_endian, int long_bytes)
{
	static const char no_print[] = "\nprint fmt: \"\"\n";
	struct tep_event *ev = NULL;
	struct buf b = { 0 };

	tep_set_loglevel(TEP_LOG_NONE);
	tep_set_long_size(tep, long_bytes);
	tep_set_file_bigendian(tep, big_endian ? TEP_BIG_ENDIAN : TEP_LITTLE_ENDIAN);
	/* with the NUL behind it, which its length leaves out */
	if (buf_put(&b, text->fields.p, text->fields.n) ||
	    buf_put(&b, no_print, sizeof(no_print)) ||
	    tep_parse_format(tep, &ev, (char *)b.data, b.len - 1, system))
		ev = NULL;
	buf_free(&b);
	return ev;
}

int format_parse(struct ev_format **out, const char *system, const char *name, struct span text,
		 bool big_endian, int long_bytes)
{
	struct tep_handle *tep = NULL;
	struct tep_event *ev;
	struct ev_format *f = NULL;
	struct format_text parts;
	int rc = split_text(text, &parts);

	if (rc || strlen(system) >= sizeof(f->type.system) || strlen(name) >= sizeof(f->type.name))
		return -EINVAL;
	tep = tep_alloc();
	f = calloc(1, sizeof(*f));
	rc = -ENOMEM;
	if (!tep || !f)
		goto cleanup;
	ev = parse_fields(tep, &parts, system, big_endian, long_bytes);
	rc = -EINVAL;
	if (!ev || !ev->name || strcmp(ev->name, name) || ev->id < 1 || ev->id > UINT16_MAX ||
	    !common_ok(ev))
		goto cleanup;
	f->type.id = ev->id;
	strcpy(f->type.system, system);
	strcpy(f->type.name, name);
	f->big_endian = big_endian;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].system, system) && !strcmp(kinds[i].name, name))
			f->type.kind = kinds[i].kind;
	rc = copy_fields(f, ev, &parts);
	if (rc)
		goto cleanup;
	*out = f;
	f = NULL;
cleanup:
	format_free(f);
	tep_free(tep);
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
