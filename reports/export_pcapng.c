/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * The tape's sections are pcapng already, and are copied block by block. What is added: a comment on each packet
 * block (opt_comment, draft-ietf-opsawg-pcapng section 3.5), which Wireshark shows above the frame and finds with
 * the display filter frame.comment; and a description of each device with the name of its namespace. A packet
 * block is written where table frame has a row for its place on the tape, so a filtered database gives a filtered
 * file. Section lengths are set to "not known", as blocks grow.
 *
 * Blocks of a section that was written with the other byte order (no recorder does) get no comments.
 */
#include "export.h"
#include "text.h"
#include "../analyze/pcapng.h"
#include "../analyze/progress.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define BLOCK_SECTION	0x0a0d0d0aU
#define BLOCK_INTERFACE 1U
#define BLOCK_PACKET	6U
#define BYTE_ORDER_MAGIC	0x1a2b3c4dU
#define OPT_COMMENT	1
#define IF_DESCRIPTION	3
#define PACKET_HEAD	28  /* bytes of a packet block before the frame */
#define INTERFACE_HEAD	16  /* ... of an interface block before its options */
#define TEXT_MAX	4000
#define STAGES_MAX	24  /* of a packet, in its comment */

struct writer {
	struct rep *r;
	struct tape *t;
	FILE *f;
	const char *name;
	sqlite3_stmt *packet, *hop, *untied, *netdev;
	char netns[64]; /* of the member, as its path on the tape has it */
	bool foreign;	/* the section has the other byte order */
	int64_t frames;
};

/* Text that is built up; what does not fit is left out. */
struct words {
	char s[TEXT_MAX];
	size_t n;
};

static void say(struct words *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct words *w, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(w->s + w->n, sizeof(w->s) - w->n, fmt, ap);
	va_end(ap);
	if (n > 0)
		w->n = w->n + (size_t)n < sizeof(w->s) ? w->n + (size_t)n : sizeof(w->s) - 1;
}

/* Names of a tape may hold anything: control characters become '?'. */
static void say_name(struct words *w, const char *s)
{
	for (; *s && w->n < sizeof(w->s) - 1; s++)
		w->s[w->n++] = (unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s;
	w->s[w->n] = '\0';
}

static bool first_row(sqlite3_stmt *st, int64_t id)
{
	sqlite3_reset(st);
	sqlite3_bind_int64(st, 1, id);
	return sqlite3_step(st) == SQLITE_ROW;
}

static void say_way(struct words *w, sqlite3_stmt *st)
{
	/* a local packet leaves through one device and comes in by another, others the other way round */
	int a = !strcmp(col_text(st, 1), "local") ? 3 : 2, b = 5 - a;

	say(w, ": %s", col_text(st, 1));
	for (int i = 0; i < 2; i++) {
		int c = i ? b : a;

		if (col_null(st, c))
			continue;
		say(w, i && !col_null(st, a) ? " to " : ", ");
		say_name(w, col_text(st, c));
		if (!col_null(st, c + 2)) {
			say(w, " in ");
			say_name(w, col_text(st, c + 2));
		}
	}
}

static void say_stages(struct writer *x, struct words *w, int64_t id)
{
	int64_t last = 0, cpu = -1, n = 0;

	sqlite3_reset(x->hop);
	sqlite3_bind_int64(x->hop, 1, id);
	while (sqlite3_step(x->hop) == SQLITE_ROW) {
		int64_t ts = col_int(x->hop, 0);

		if (n++ == STAGES_MAX) {
			say(w, " ...");
			break;
		}
		say(w, n == 1 ? "; stages: " : ", ");
		if (n > 1)
			say(w, "+%s ", text_duration(ns_diff(ts, last)).s);
		say_name(w, col_text(x->hop, 1));
		if (cpu != col_int(x->hop, 2))
			say(w, " CPU %" PRId64, col_int(x->hop, 2));
		last = ts;
		cpu = col_int(x->hop, 2);
	}
}

/* What became of frame @no of packet @id (0: of none). */
static void say_frame(struct writer *x, struct words *w, int64_t no, int64_t id, const char *tie)
{
	sqlite3_stmt *p = x->packet;

	w->n = 0;
	w->s[0] = '\0';
	say(w, "skbtape: frame %" PRId64 ", ", no);
	if (!id || !first_row(p, id)) {
		const char *why = first_row(x->untied, no) ? col_text(x->untied, 0) : "";

		say(w, "tied to no packet%s%s", *why ? ": " : "", why);
		return;
	}
	say(w, "packet %" PRId64, id);
	say_way(w, p);
	say(w, ", %s after %s", col_text(p, 6), text_duration(ns_diff(col_int(p, 8), col_int(p, 7))).s);
	if (!col_null(p, 12)) {
		say(w, "; dropped: ");
		say_name(w, col_null(p, 11) ? "no reason given" : col_text(p, 11));
		say(w, " in ");
		say_name(w, col_text(p, 12));
		say(w, " (%s, layer %s)", col_text(p, 13), col_text(p, 14));
	}
	if (!col_null(p, 10))
		say(w, "; %s of packet %" PRId64, col_null(p, 9) ? "made" : col_text(p, 9), col_int(p, 10));
	say(w, "; tie: %s; certainty: %s", *tie ? tie : "none", col_text(p, 15));
	say_stages(x, w, id);
}

static int put(struct writer *x, const void *data, size_t n, struct err *e)
{
	return fwrite(data, 1, n, x->f) == n ? 0 : err_sys(e, "writing %s", x->name);
}

static size_t padded(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

static uint32_t le32_at(const uint8_t *p)
{
	struct rd r;

	rd_init(&r, p, 4);
	return rd_le32(&r);
}

/* How many of the @n bytes of options are whole ones, without their end. */
static size_t whole_options(const uint8_t *p, size_t n)
{
	size_t at = 0;

	while (at + 4 <= n) {
		uint32_t head = le32_at(p + at);
		size_t all = 4 + padded(head >> 16);

		if (!(head & 0xffff) || all > n - at)
			break;
		at += all;
	}
	return at;
}

/* A block with one more option, put before those it has: @head bytes stand before the options. */
static int put_with_option(struct writer *x, const uint8_t *block, uint32_t len, size_t head, uint16_t code,
			   const struct words *w, struct err *e)
{
	static const uint8_t zeros[4];
	size_t old = whole_options(block + head, len - 4 - head);
	uint32_t full = htole32((uint32_t)(head + 4 + padded(w->n) + old + 4 + 4));
	uint16_t option[2] = { htole16(code), htole16((uint16_t)w->n) };
	int rc = put(x, block, 4, e);

	rc = rc ? rc : put(x, &full, 4, e);
	rc = rc ? rc : put(x, block + 8, head - 8, e);
	rc = rc ? rc : put(x, option, 4, e);
	rc = rc ? rc : put(x, w->s, w->n, e);
	rc = rc ? rc : put(x, zeros, padded(w->n) - w->n, e);
	rc = rc ? rc : put(x, block + head, old, e);
	rc = rc ? rc : put(x, zeros, 4, e); /* end of options */
	return rc ? rc : put(x, &full, 4, e);
}

/* The namespace's name for "pcap/INODE/SEQ"; a name that was used twice has its number in table netns. */
static void member_netns(struct writer *x, const char *member)
{
	sqlite3_stmt *st = rep_query(x->r, "SELECT name FROM netns WHERE inum & 4294967295 = CAST(? AS INTEGER) "
					   "ORDER BY inum DESC LIMIT 1");
	char inum[24];

	snprintf(inum, sizeof(inum), "%.*s", (int)strcspn(member + 5, "/"), member + 5);
	x->netns[0] = '\0';
	if (st)
		sqlite3_bind_text(st, 1, inum, -1, SQLITE_STATIC);
	while (rep_row(x->r, &st))
		snprintf(x->netns, sizeof(x->netns), "%s", col_text(st, 0));
}

static int put_interface(struct writer *x, const struct pcapng *g, const uint8_t *block, uint32_t len, struct err *e)
{
	const struct pcapng_iface *i = &g->iface[g->iface_n - 1];
	struct words w = { .n = 0 };

	say_name(&w, i->name);
	say(&w, " in netns ");
	say_name(&w, *x->netns ? x->netns : "of no known name");
	sqlite3_reset(x->netdev);
	sqlite3_bind_text(x->netdev, 1, x->netns, -1, SQLITE_STATIC);
	sqlite3_bind_int(x->netdev, 2, i->ifindex);
	sqlite3_bind_text(x->netdev, 3, i->name, -1, SQLITE_STATIC);
	if (sqlite3_step(x->netdev) == SQLITE_ROW && !col_null(x->netdev, 0)) {
		say(&w, " (");
		say_name(&w, col_text(x->netdev, 0));
		say(&w, ")");
	}
	return put_with_option(x, block, len, INTERFACE_HEAD, IF_DESCRIPTION, &w, e);
}

/* Blocks between two packets, or behind the last one: all but packets. */
static int put_others(struct writer *x, const struct pcapng *g, const uint8_t *base, size_t from, size_t to, size_t *iface,
		      struct err *e)
{
	int rc = 0;

	while (!rc && from + 12 <= to) {
		uint32_t type = le32_at(base + from), len = le32_at(base + from + 4);

		if (type == BLOCK_SECTION)
			x->foreign = le32_at(base + from + 8) != BYTE_ORDER_MAGIC;
		if (x->foreign) {
			type = be32toh(htole32(type));
			len = be32toh(htole32(len));
		}
		if (len < 12 || len > to - from)
			return 0;
		if (x->foreign) {
			rc = put(x, base + from, len, e);
		} else if (type == BLOCK_SECTION && len >= 28) {
			static const uint8_t unknown[8] = { 255, 255, 255, 255, 255, 255, 255, 255 };

			*iface = 0;
			rc = put(x, base + from, 16, e);
			rc = rc ? rc : put(x, unknown, 8, e);
			rc = rc ? rc : put(x, base + from + 24, len - 24, e);
		} else if (type == BLOCK_INTERFACE && len >= INTERFACE_HEAD + 4 && *iface < g->iface_n) {
			struct pcapng one = { .iface = g->iface, .iface_n = ++*iface };

			rc = put_interface(x, &one, base + from, len, e);
		} else if (type != BLOCK_PACKET) {
			rc = put(x, base + from, len, e);
		}
		from += len;
	}
	return rc;
}

static int put_packet(struct writer *x, const struct pcapng_packet *p, const uint8_t *block, sqlite3_stmt *row, struct err *e)
{
	uint32_t len = le32_at(block + 4);
	size_t head = PACKET_HEAD + padded(p->cap_bytes);
	struct words w;

	x->frames++;
	if (x->foreign || len < head + 4)
		return put(x, block, x->foreign ? be32toh(htole32(len)) : len, e);
	say_frame(x, &w, col_int(row, 0), col_int_or(row, 2, 0), col_text(row, 3));
	return put_with_option(x, block, len, head, OPT_COMMENT, &w, e);
}

/* One section: @row stands on its first frame, behind its last one afterwards. A section of which no frame stays
 * is left out. */
static int put_member(struct writer *x, int64_t member, sqlite3_stmt **row, struct err *e)
{
	struct buf b = { 0 };
	struct pcapng_packet p;
	struct pcapng g;
	size_t at = 0, iface = 0;
	int rc;

	if (member < 0 || (uint64_t)member >= tape_member_count(x->t))
		return err_set(e, -EINVAL, "%s: no member %" PRId64 ", of which the database has frames: not its tape",
			       tape_path(x->t), member);
	rc = tape_load(x->t, (size_t)member, &b, e);
	if (rc)
		return rc;
	member_netns(x, tape_member(x->t, (size_t)member)->name);
	pcapng_init(&g, b.data, b.len);
	while (!rc && pcapng_next(&g, &p) > 0) {
		rc = put_others(x, &g, b.data, at, p.offset, &iface, e);
		at = (size_t)(g.r.p - g.base);
		if (rc || !*row || col_int(*row, 1) != member || col_int(*row, 4) != (int64_t)p.offset)
			continue;
		rc = put_packet(x, &p, b.data + p.offset, *row, e);
		if (!rc)
			rep_row(x->r, row);
	}
	if (!rc)
		rc = put_others(x, &g, b.data, at, (size_t)(g.r.p - g.base), &iface, e);
	while (!rc && *row && col_int(*row, 1) == member) /* rows that the tape does not bear out */
		rep_row(x->r, row);
	pcapng_free(&g);
	buf_free(&b);
	return rc;
}

int64_t export_pcapng(struct rep *r, struct tape *t, FILE *f, const char *name, struct err *e)
{
	struct writer x = { .r = r, .t = t, .f = f, .name = name };
	int64_t all = rep_int(r, "SELECT count(*) FROM _frame", 0);
	sqlite3_stmt *row;
	int rc = 0;

	x.packet = rep_query(r, "SELECT p.id, p.kind, p.dev_in, p.dev_out, p.netns_in, p.netns_out, p.outcome, p.first_ns, "
				"p.last_ns, p.link, p.parent_id, d.reason, d.location, d.class, d.layer, p.confidence "
				"FROM packet p LEFT JOIN packet_drop d ON d.id = p.drop_id WHERE p.id = ?");
	x.hop = rep_query(r, "SELECT h.ts_ns, s.name, h.cpu FROM _hop h JOIN _stage s ON s.id = h.stage WHERE h.packet_id = ? "
			     "ORDER BY h.seq");
	x.untied = rep_query(r, "SELECT untied FROM frame WHERE no = ?");
	x.netdev = rep_query(r, "SELECT kind FROM netdev WHERE netns = ? AND ifindex = ? AND name = ?");
	row = rep_query(r, "SELECT no, member, packet_id, CASE tie WHEN 1 THEN 'unique' WHEN 2 THEN 'ordered' WHEN 3 THEN "
			   "'ambiguous' END, offset FROM _frame ORDER BY no");
	rep_row(r, &row);
	while (!rc && row && !r->rc) {
		progress_at("frames", x.frames, all);
		rc = put_member(&x, col_int(row, 1), &row, e);
	}
	rep_done(&row);
	rep_done(&x.packet);
	rep_done(&x.hop);
	rep_done(&x.untied);
	rep_done(&x.netdev);
	progress_end();
	if (!rc)
		rc = rep_error(r, e);
	if (!rc && !x.frames)
		rc = err_set(e, -ENODATA, "%s holds no captured frames%s", tape_path(t),
			     all ? "" : " that match, or none at all (--no-pcap, or no permission)");
	return rc ? rc : x.frames;
}

int64_t export_pcapng_plain(struct tape *t, FILE *f, const char *name, struct err *e)
{
	struct buf b = { 0 };
	int64_t n = 0;
	int rc = 0;

	for (size_t i = 0; !rc && i < tape_member_count(t); i++) {
		const char *member = tape_member(t, i)->name;

		/* "pcap/INODE/SEQ"; "pcap/stats/SEQ" is text */
		if (strncmp(member, "pcap/", 5) != 0 || member[5] < '0' || member[5] > '9')
			continue;
		rc = tape_load(t, i, &b, e);
		if (!rc && fwrite(b.data, 1, b.len, f) != b.len)
			rc = err_sys(e, "writing %s", name);
		n++;
	}
	buf_free(&b);
	if (!rc && !n)
		rc = err_set(e, -ENODATA, "%s holds no captured frames (recorded with --no-pcap, or without permission)",
			     tape_path(t));
	return rc ? rc : n;
}
