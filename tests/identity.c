/* SPDX-License-Identifier: MIT */
/*
 * identity: holds the ties of captured frames and the outcomes of packets against
 * what the payload says. tests/traffic.c fills each datagram with its sender's
 * pid and a sequence number (every 8 bytes, so that fragments have it, too), and
 * a TCP stream with the number of the word; the analyzer reads neither.
 *
 *   identity PCAPNG DB NETNS [RECEIVED]
 *
 * PCAPNG is what `skbtape export` wrote of a tape recorded with -s 0: the k-th
 * frame in it is frame.no k. A second truth needs no frame: one sender's packets
 * enter the stack in the order of their numbers, and net_dev_queue names its pid.
 * NETNS is what the names of the namespaces begin with whose frames count.
 * RECEIVED has a line "PID SEQ" for each datagram that the receiver got.
 *
 * Prints one line of counts, NAME=NUMBER each:
 *   frames      with an identity
 *   unique, ordered, ambiguous, untied       of these
 *   wrong_unique, wrong_ordered, wrong_ambiguous    tied to a packet with another identity
 *   torn        identities whose frames are tied (not ambiguously) to several packets
 *   packets     of senders, by net_dev_queue
 *   miscounted  senders of whose datagrams not each made the same number of packets; for these only the frames
 *               of a packet are held against each other
 *   delivered, wrong_outcome    datagrams whose end is that in RECEIVED, or is not
 *   reads, wrong_reads          packets that a read is said to have got (high), and those of them out of RECEIVED's order
 */
#include <inttypes.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIE_NONE, TIE_UNIQUE, TIE_ORDERED, TIE_AMBIGUOUS, TIE_COUNT };
static const char *const tie_names[TIE_COUNT] = { "untied", "unique", "ordered", "ambiguous" };

/* What one datagram, fragment or segment is called by its payload. */
struct id {
	uint32_t kind; /* 0: none, 17: datagram, 6: TCP data, 7: TCP without data */
	uint32_t who, seq;
	uint32_t part; /* offset of a fragment; length of no importance */
};

struct frame {
	struct id id;
	int64_t packet;
	int tie;
};

struct packet {
	struct id id; /* by order of sending, or of its first sure frame */
	int outcome;
	bool sent; /* its identity is known by the order of sending */
};

static struct frame *frames;
static size_t frames_n, frames_cap;
static struct packet *packets;
static size_t packets_n;

static void die(const char *what)
{
	fprintf(stderr, "identity: %s\n", what);
	exit(1);
}

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static struct id ip_identity(const uint8_t *p, size_t n);

static struct id ether_identity(const uint8_t *p, size_t n)
{
	size_t at = 12;

	while (n >= at + 2 && (be16(p + at) == 0x8100 || be16(p + at) == 0x88a8))
		at += 4;
	return n > at + 2 ? ip_identity(p + at + 2, n - at - 2) : (struct id){ 0 };
}

static struct id datagram(const uint8_t *p, size_t n, uint32_t part)
{
	return n >= 8 ? (struct id){ 17, le32(p), le32(p + 4), part } : (struct id){ 0 };
}

/* @part: offset in bytes of a fragment that is not the first one, else 0. */
static struct id transport_identity(int proto, const uint8_t *p, size_t n, uint32_t part)
{
	if (part)
		return proto == 17 ? datagram(p, n, part) : (struct id){ 0 };
	if (proto == 17 && n >= 8) {
		if (be16(p + 2) == 4789)
			return n > 16 ? ether_identity(p + 16, n - 16) : (struct id){ 0 };
		return be16(p + 2) >= 9000 && be16(p + 2) < 9100 ? datagram(p + 8, n - 8, 0) : (struct id){ 0 };
	}
	if (proto == 6 && n >= 20) {
		size_t head = (size_t)(p[12] >> 4) * 4;

		/* without data: what the stack itself wrote; NAT changes none of it */
		if (head > n || n - head < 8)
			return (struct id){ 7, be32(p + 4), be32(p + 8), (uint32_t)p[13] << 16 | be16(p + 14) };
		/* a segment may begin anywhere: its place in the stream, by the sequence number, and a word of it */
		return (struct id){ 6, be32(p + 4), le32(p + head), le32(p + head + 4) };
	}
	return (struct id){ 0 };
}

static struct id ip_identity(const uint8_t *p, size_t n)
{
	size_t head, total;

	if (n >= 20 && p[0] >> 4 == 4) {
		head = (size_t)(p[0] & 15) * 4;
		total = be16(p + 2);
		n = total && total < n ? total : n; /* padding is no payload */
		return n > head ? transport_identity(p[9], p + head, n - head, (be16(p + 6) & 0x1fffU) * 8)
				: (struct id){ 0 };
	}
	if (n >= 40 && p[0] >> 4 == 6) {
		total = (size_t)be16(p + 4) + 40;
		n = total > 40 && total < n ? total : n;
		if (p[6] == 44 && n > 48)
			return transport_identity(p[40], p + 48, n - 48, be16(p + 42) & 0xfff8U);
		return transport_identity(p[6], p + 40, n - 40, 0);
	}
	return (struct id){ 0 };
}

/* Enhanced packet blocks of all sections, in order (draft-ietf-opsawg-pcapng). */
static void read_frames(const char *path)
{
	uint16_t linktype[4096];
	size_t ifaces = 0, at = 0, len;
	FILE *f = fopen(path, "rb");
	uint8_t *b;
	long size;

	if (!f || fseek(f, 0, SEEK_END) || (size = ftell(f)) < 0)
		die("cannot read the frames");
	rewind(f);
	b = malloc((size_t)size + 1);
	if (!b || fread(b, 1, (size_t)size, f) != (size_t)size)
		die("cannot read the frames");
	fclose(f);
	for (; at + 12 <= (size_t)size; at += len) {
		uint32_t type = le32(b + at);

		len = le32(b + at + 4);
		if (len < 12 || len % 4 || len > (size_t)size - at)
			die("malformed pcapng");
		if (type == 0x0a0d0d0a)
			ifaces = 0;
		if (type == 1 && ifaces < 4096)
			linktype[ifaces++] = (uint16_t)le32(b + at + 8);
		if (type != 6)
			continue;
		if (frames_n == frames_cap) {
			frames_cap = frames_cap ? frames_cap * 2 : 4096;
			frames = realloc(frames, frames_cap * sizeof(*frames));
			if (!frames)
				die("out of memory");
		}
		frames[frames_n] = (struct frame){ 0 };
		if (len >= 32 && le32(b + at + 8) < ifaces && le32(b + at + 20) <= len - 32)
			frames[frames_n].id = linktype[le32(b + at + 8)] == 1
						      ? ether_identity(b + at + 28, le32(b + at + 20))
						      : ip_identity(b + at + 28, le32(b + at + 20));
		frames_n++;
	}
	free(b);
}

static bool same(const struct id *a, const struct id *b)
{
	return a->kind == b->kind && a->who == b->who && a->seq == b->seq && a->part == b->part;
}

static sqlite3_stmt *ask(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *st;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL))
		die(sqlite3_errmsg(db));
	return st;
}

static void read_ties(sqlite3 *db, const char *netns)
{
	sqlite3_stmt *st = ask(db, "SELECT f.no, f.packet_id, coalesce(f.tie, 0), substr(n.name, 1, length(?1)) = ?1 "
				   "FROM _frame f JOIN netns n ON n.id = f.netns_id");

	sqlite3_bind_text(st, 1, netns, -1, SQLITE_STATIC);

	while (sqlite3_step(st) == SQLITE_ROW) {
		int64_t no = sqlite3_column_int64(st, 0);
		int tie = sqlite3_column_int(st, 2);

		if (no < 1 || (size_t)no > frames_n || tie < 0 || tie >= TIE_COUNT)
			die("the database has a frame that the file has not");
		frames[no - 1].packet = sqlite3_column_int64(st, 1);
		frames[no - 1].tie = tie;
		if (!sqlite3_column_int(st, 3))
			frames[no - 1].id.kind = 0;
	}
	sqlite3_finalize(st);
}

static void read_packets(sqlite3 *db)
{
	sqlite3_stmt *st = ask(db, "SELECT max(id) FROM _packet");

	sqlite3_step(st);
	packets_n = (size_t)sqlite3_column_int64(st, 0) + 1;
	sqlite3_finalize(st);
	packets = calloc(packets_n, sizeof(*packets));
	if (!packets)
		die("out of memory");
	st = ask(db, "SELECT id, outcome FROM _packet");
	while (sqlite3_step(st) == SQLITE_ROW)
		packets[sqlite3_column_int64(st, 0)].outcome = sqlite3_column_int(st, 1);
	sqlite3_finalize(st);
}

/* Highest number of a sender in the frames, plus one. */
static uint32_t sender_count(uint32_t who)
{
	uint32_t n = 0;

	for (size_t i = 0; i < frames_n; i++)
		if (frames[i].id.kind == 17 && frames[i].id.who == who && frames[i].id.seq >= n)
			n = frames[i].id.seq + 1;
	return n;
}

/* Parts of a sender's datagrams: the offsets of its first one's fragments, in order. */
static size_t sender_parts(uint32_t who, uint32_t part[64])
{
	size_t n = 0, k;

	for (size_t i = 0; i < frames_n && n < 64; i++) {
		const struct id *id = &frames[i].id;

		if (id->kind != 17 || id->who != who || id->seq)
			continue;
		for (k = 0; k < n && part[k] < id->part; k++)
			;
		if (k < n && part[k] == id->part)
			continue;
		memmove(part + k + 1, part + k, (n - k) * sizeof(*part));
		part[k] = id->part;
		n++;
	}
	return n;
}

/* Some of a sender's packets are missing: their order proves nothing. */
static void forget(uint32_t who)
{
	for (size_t i = 0; i < packets_n; i++)
		if (packets[i].id.who == who)
			packets[i] = (struct packet){ .outcome = packets[i].outcome };
}

/* Identities by the order in which each sender's packets enter the stack. Return: senders that do not add up. */
static unsigned int order_truth(sqlite3 *db, size_t *sent)
{
	/* the ways of a datagram begin in its sender's call; what is made of it later has another begin */
	sqlite3_stmt *st = ask(db, "SELECT h.packet_id, h.pid FROM _hop h JOIN _stage s ON s.id = h.stage "
				   "WHERE h.seq = 0 AND h.context = 1 AND s.name = 'net_dev_queue' ORDER BY h.pid, h.packet_id");
	uint32_t who = 0, count = 0, part[64];
	unsigned int bad = 0;
	uint64_t k = 0;
	size_t parts = 0;

	*sent = 0;
	for (;;) {
		bool more = sqlite3_step(st) == SQLITE_ROW;
		uint32_t pid = more ? (uint32_t)sqlite3_column_int64(st, 1) : 0;

		if (!more || pid != who) {
			if (parts && k != (uint64_t)count * parts) {
				fprintf(stderr, "identity: sender %u: %" PRIu64 " packets of %u datagrams in %zu parts\n",
					who, k, count, parts);
				bad++;
				forget(who);
			}
			if (!more)
				break;
			who = pid;
			k = 0;
			count = sender_count(who);
			parts = count ? sender_parts(who, part) : 0;
		}
		if (!parts)
			continue;
		packets[sqlite3_column_int64(st, 0)].sent = true;
		packets[sqlite3_column_int64(st, 0)].id =
			(struct id){ 17, who, (uint32_t)(k / parts), part[k % parts] };
		++*sent;
		k++;
	}
	sqlite3_finalize(st);
	return bad;
}

/* A packet without an order takes the identity of its first sure frame. */
static void frame_truth(void)
{
	for (int tie = TIE_UNIQUE; tie <= TIE_ORDERED; tie++)
		for (size_t i = 0; i < frames_n; i++)
			if (frames[i].id.kind && frames[i].tie == tie && !packets[frames[i].packet].id.kind)
				packets[frames[i].packet].id = frames[i].id;
}

static int id_cmp(const void *a, const void *b)
{
	const struct frame *x = a, *y = b;
	int c = memcmp(&x->id, &y->id, sizeof(x->id));

	return c ? c : (x->packet > y->packet) - (x->packet < y->packet);
}

/* Datagrams whose frames are tied for sure to more than one packet. Sorts the frames. */
static size_t torn(void)
{
	size_t n = 0;
	const struct frame *before = NULL;
	bool counted = false;

	qsort(frames, frames_n, sizeof(*frames), id_cmp);
	for (size_t i = 0; i < frames_n; i++) {
		const struct frame *f = &frames[i];

		if (f->id.kind != 17 || (f->tie != TIE_UNIQUE && f->tie != TIE_ORDERED))
			continue;
		if (!before || !same(&before->id, &f->id))
			counted = false;
		else if (before->packet != f->packet && !counted) {
			counted = true;
			n++;
		}
		before = f;
	}
	return n;
}

static int u64_cmp(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* Reads, in order, must be a part of what the receiver got. */
static void reads(sqlite3 *db, const uint64_t *got, size_t n, size_t *all, size_t *wrong)
{
	sqlite3_stmt *st = ask(db, "SELECT h.packet_id FROM _hop h JOIN _stage s ON s.id = h.stage "
				   "WHERE s.name = 'sock_recv_length' AND h.confidence <= 2 ORDER BY h.ts_ns, h.packet_id");
	size_t k = 0;

	while (sqlite3_step(st) == SQLITE_ROW) {
		const struct packet *p = &packets[sqlite3_column_int64(st, 0)];
		uint64_t key = (uint64_t)p->id.who << 32 | p->id.seq;
		size_t at = k;

		if (!p->sent)
			continue;
		++*all;
		while (at < n && got[at] != key)
			at++;
		if (at == n)
			++*wrong;
		else
			k = at + 1;
	}
	sqlite3_finalize(st);
}

static int sent_cmp(const void *a, const void *b)
{
	const struct packet *x = a, *y = b;

	return memcmp(&x->id, &y->id, sizeof(x->id));
}

/* Of a datagram that the receiver got one packet must be 'delivered' (1) and none 'dropped' (4); of another one a
 * packet must be. Orders the packets anew. */
static void outcomes(sqlite3 *db, const char *path, size_t *delivered, size_t *wrong, size_t *read, size_t *wrong_reads)
{
	FILE *f = fopen(path, "r");
	uint64_t *got = NULL;
	size_t n = 0, cap = 0, end;
	unsigned int who, seq;

	if (!f)
		die("cannot read the list of the receiver");
	while (fscanf(f, "%u %u", &who, &seq) == 2) {
		if (n == cap) {
			cap = cap ? cap * 2 : 4096;
			got = realloc(got, cap * sizeof(*got));
			if (!got)
				die("out of memory");
		}
		got[n++] = (uint64_t)who << 32 | seq;
	}
	fclose(f);
	reads(db, got, n, read, wrong_reads);
	if (n)
		qsort(got, n, sizeof(*got), u64_cmp);
	qsort(packets, packets_n, sizeof(*packets), sent_cmp);
	for (size_t i = 0; i < packets_n; i = end) {
		const struct packet *p = &packets[i];
		uint64_t key = (uint64_t)p->id.who << 32 | p->id.seq;
		bool here, one = false, drop = false;

		for (end = i; end < packets_n && packets[end].id.who == p->id.who && packets[end].id.seq == p->id.seq &&
			      packets[end].id.kind == p->id.kind;
		     end++) {
			one |= packets[end].outcome == 1;
			drop |= packets[end].outcome == 4;
		}
		if (!p->sent)
			continue;
		here = n && bsearch(&key, got, n, sizeof(*got), u64_cmp);
		if (here ? one && !drop : drop)
			++*delivered;
		else if (!(*wrong)++)
			fprintf(stderr, "identity: datagram %u %u: outcome %d, %sreceived\n", p->id.who, p->id.seq, p->outcome,
				here ? "" : "not ");
	}
	free(got);
}

int main(int n, char **v)
{
	size_t tied[TIE_COUNT] = { 0 }, wrong[TIE_COUNT] = { 0 }, all = 0, sent, delivered = 0, bad = 0, nread = 0, bad_reads = 0;
	unsigned int miscounted;
	sqlite3 *db;

	if (n != 4 && n != 5) {
		fprintf(stderr, "usage: identity PCAPNG DB NETNS [RECEIVED]\n");
		return 2;
	}
	read_frames(v[1]);
	if (sqlite3_open_v2(v[2], &db, SQLITE_OPEN_READONLY, NULL))
		die(sqlite3_errmsg(db));
	read_ties(db, v[3]);
	read_packets(db);
	miscounted = order_truth(db, &sent);
	frame_truth();
	for (size_t i = 0; i < frames_n; i++) {
		const struct frame *f = &frames[i];

		if (!f->id.kind)
			continue;
		all++;
		tied[f->tie]++;
		if (f->tie == TIE_NONE || same(&f->id, &packets[f->packet].id))
			continue;
		if (!wrong[f->tie]++)
			fprintf(stderr, "identity: frame %zu (%s): %u %u+%u, its packet %" PRId64 " is %u %u+%u\n", i + 1,
				tie_names[f->tie], f->id.who, f->id.seq, f->id.part, f->packet,
				packets[f->packet].id.who, packets[f->packet].id.seq, packets[f->packet].id.part);
	}
	if (n == 5)
		outcomes(db, v[4], &delivered, &bad, &nread, &bad_reads);
	printf("frames=%zu unique=%zu ordered=%zu ambiguous=%zu untied=%zu wrong_unique=%zu wrong_ordered=%zu "
	       "wrong_ambiguous=%zu torn=%zu packets=%zu miscounted=%u delivered=%zu wrong_outcome=%zu reads=%zu wrong_reads=%zu\n",
	       all, tied[1], tied[2], tied[3], tied[0], wrong[1], wrong[2], wrong[3], torn(), sent, miscounted,
	       delivered, bad, nread, bad_reads);
	sqlite3_close(db);
	free(frames);
	free(packets);
	return 0;
}
