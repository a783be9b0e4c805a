/* SPDX-License-Identifier: MIT */
/*
 * identity: holds what a database says of packets against what really happened. tests/traffic.c fills each datagram with
 * its sender's pid and a sequence number (every 8 bytes, so that fragments have it, too), and a TCP stream with the
 * number of the word; the analyzer reads neither.
 *
 *   identity PCAPNG DB NETNS [TRUTH]
 *
 * PCAPNG is what `skbtape export` wrote of a tape recorded with -s 0: the k-th frame in it is frame.no k.
 * NETNS is what the names of the namespaces begin with whose frames and packets count.
 * TRUTH has the lines that senders and receivers wrote, in any order:
 *   began PID PORT SEQ NS    `traffic say`: the call that sends this datagram began then (CLOCK_REALTIME)
 *   PID SEQ NS               `traffic list`: the receiver got it, and had it then
 *   port PORT LAYER...       what goes to this port and is not received was dropped, in one of these layers
 *   cut                      a program reads the datagrams from one device and writes them to another: two skbs each
 * The order in which one sender's datagrams are sent is that in which the stack has them, at each stage of their path, so
 * a packet that entered the stack between the begin of two calls is the first one's: that needs no frame, and holds
 * whatever else was lost.
 *
 * Claims are held against the truth where it tells: of a packet with an identity its outcome, the layer of its drop, its
 * frames (ambiguous ties claim nothing) and its stages: the place among the same sender's datagrams at that stage, not
 * before its sender's call, a read between the receiver's last one and this one. A claim is as sure as the packet, a stage
 * as the stage says; an ordered tie is no more than 'high'.
 *
 * Prints one line of counts, NAME=NUMBER each:
 *   frames      with an identity
 *   unique, ordered, ambiguous, untied       of these
 *   wrong_unique, wrong_ordered, wrong_ambiguous    tied to a packet with another identity
 *   torn        identities whose frames are tied (not ambiguously) to several packets
 *   packets     of senders, by the times of their calls
 *   all, certain, high, medium, low, complete    packets of the namespaces; complete: outcome known, head not missing
 *   began, nowhere, several    datagrams sent; those of which no packet was made, or more than its parts
 *   outcomes, wrong_outcome    datagrams whose end is judged, and those where the database says another
 *   wrong_layer                packets that were dropped, but said to be elsewhere
 *   stages, wrong_stages       of packets of senders
 *   reads, wrong_reads         of these, reads; wrong ones that are told as 'high' or better (all count among the claims)
 *   claims, wrong_claims, sure_claims, wrong_sure    all claims, and those that are 'certain'
 */
#include "identity_frames.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TIE_NONE, TIE_UNIQUE, TIE_ORDERED, TIE_AMBIGUOUS, TIE_COUNT };
static const char *const tie_names[TIE_COUNT] = { "untied", "unique", "ordered", "ambiguous" };
enum { DELIVERED = 1, DROPPED = 4, UNKNOWN = 7 }; /* _packet.outcome */
enum { CERTAIN = 1, HIGH = 2 }; /* confidence */

struct packet {
	struct id id; /* by its sender's calls, or of its first sure frame */
	int64_t parent;
	int outcome, confidence, drop;
	bool sent; /* its identity is known by its sender's calls */
};

struct call {
	uint32_t who, port, seq;
	int64_t ns;
	uint32_t packets; /* that were made in it */
	bool got; /* the receiver has it */
};

/* A datagram that a receiver has. */
struct got {
	uint64_t key; /* who << 32 | seq */
	int64_t before_ns, ns; /* when its receiver had the one before, and this one */
};

/* Layers of drops, by port. */
struct end {
	uint32_t port;
	char layers[100];
};

/* A stage of a packet of a sender. */
struct stage {
	int64_t ns;
	uint32_t who, seq;
	int stage, dev, confidence;
};

static struct packet *packets;
static size_t packets_n;
static struct call *calls;
static size_t calls_n, calls_cap;
static struct got *got;
static size_t got_n, got_cap;
static struct end ends[32];
static size_t ends_n;
static bool cut;
static struct {
	size_t claims, wrong, sure, wrong_sure;
} claims;

/* Room for one more element of a table. */
static void *grow(void *table, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return table;
	*cap = *cap ? *cap * 2 : 4096;
	table = realloc(table, *cap * size);
	if (!table)
		die("out of memory");
	return table;
}

/* Return: whether it is the first wrong one, which is worth a line. */
static bool claim(int confidence, bool right)
{
	claims.claims++;
	claims.sure += confidence <= CERTAIN;
	claims.wrong += !right;
	claims.wrong_sure += !right && confidence <= CERTAIN;
	return !right && (claims.wrong == 1 || (confidence <= CERTAIN && claims.wrong_sure == 1));
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

static int call_cmp(const void *a, const void *b)
{
	const struct call *x = a, *y = b;

	return x->who != y->who ? (x->who > y->who) - (x->who < y->who) : (x->seq > y->seq) - (x->seq < y->seq);
}

static int got_cmp(const void *a, const void *b)
{
	const struct got *x = a, *y = b;

	return (x->key > y->key) - (x->key < y->key);
}

static const struct got *got_find(uint32_t who, uint32_t seq)
{
	struct got key = { .key = (uint64_t)who << 32 | seq };

	return got_n ? bsearch(&key, got, got_n, sizeof(*got), got_cmp) : NULL;
}

static struct call *call_find(uint32_t who, uint32_t seq)
{
	struct call key = { .who = who, .seq = seq };

	return calls_n ? bsearch(&key, calls, calls_n, sizeof(*calls), call_cmp) : NULL;
}

/* The last call of @who that began until @ns, NULL: none. */
static struct call *call_at(uint32_t who, int64_t ns)
{
	size_t lo = 0, hi = calls_n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (calls[mid].who < who || (calls[mid].who == who && calls[mid].ns <= ns))
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && calls[lo - 1].who == who ? &calls[lo - 1] : NULL;
}

static void read_truth(const char *path)
{
	char line[256];
	FILE *f = fopen(path, "r");
	unsigned int a, b, c;
	int64_t ns;
	int at;

	if (!f)
		die("cannot read what was sent and received");
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "began %u %u %u %" SCNd64, &a, &b, &c, &ns) == 4) {
			calls = grow(calls, calls_n, &calls_cap, sizeof(*calls));
			calls[calls_n++] = (struct call){ .who = a, .port = b, .seq = c, .ns = ns };
		} else if (sscanf(line, "%u %u %" SCNd64, &a, &b, &ns) == 3) {
			got = grow(got, got_n, &got_cap, sizeof(*got));
			/* behind another receiver's last one nothing is known of the one before */
			got[got_n] = (struct got){ (uint64_t)a << 32 | b, got_n && got[got_n - 1].ns <= ns ? got[got_n - 1].ns : 0, ns };
			got_n++;
		} else if (sscanf(line, "port %u %n", &a, &at) == 1 && ends_n < sizeof(ends) / sizeof(*ends)) {
			ends[ends_n].port = a;
			/* blanks around each, to be found as a word */
			snprintf(ends[ends_n].layers, sizeof(ends->layers), " %.*s ", (int)strcspn(line + at, "\n"), line + at);
			ends_n++;
		} else if (!strcmp(line, "cut\n")) {
			cut = true;
		}
	}
	fclose(f);
	if (calls_n)
		qsort(calls, calls_n, sizeof(*calls), call_cmp);
	if (got_n)
		qsort(got, got_n, sizeof(*got), got_cmp);
	for (size_t i = 0; i < calls_n; i++)
		calls[i].got = got_find(calls[i].who, calls[i].seq);
}

static void read_ties(sqlite3 *db, const char *netns)
{
	sqlite3_stmt *st = ask(db, "SELECT f.no, f.packet_id, coalesce(f.tie, 0), substr(n.name, 1, length(?1)) = ?1, f.netns_id << 24 | f.dev_id "
				   "FROM _frame f JOIN netns n ON n.id = f.netns_id");

	sqlite3_bind_text(st, 1, netns, -1, SQLITE_STATIC);
	while (sqlite3_step(st) == SQLITE_ROW) {
		int64_t no = sqlite3_column_int64(st, 0);
		int tie = sqlite3_column_int(st, 2);

		if (no < 1 || (size_t)no > frames_n || tie < 0 || tie >= TIE_COUNT)
			die("the database has a frame that the file has not");
		frames[no - 1].packet = sqlite3_column_int64(st, 1);
		frames[no - 1].tie = tie;
		frames[no - 1].place = sqlite3_column_int64(st, 4);
		if (!sqlite3_column_int(st, 3))
			frames[no - 1].id.kind = 0;
	}
	sqlite3_finalize(st);
}

/* @counts: all packets of the namespaces, complete ones, then by confidence. */
static void read_packets(sqlite3 *db, const char *netns, size_t counts[6])
{
	sqlite3_stmt *st = ask(db, "SELECT coalesce(max(id), 0) FROM _packet");

	sqlite3_step(st);
	packets_n = (size_t)sqlite3_column_int64(st, 0) + 1;
	sqlite3_finalize(st);
	packets = calloc(packets_n, sizeof(*packets));
	if (!packets)
		die("out of memory");
	st = ask(db, "SELECT p.id, p.outcome, p.confidence, coalesce(p.drop_id, 0), coalesce(p.parent_id, 0), p.flags & 1, "
		     "substr(i.name, 1, length(?1)) = ?1 OR substr(o.name, 1, length(?1)) = ?1 "
		     "FROM _packet p LEFT JOIN netns i ON i.id = p.netns_in_id LEFT JOIN netns o ON o.id = p.netns_out_id");
	sqlite3_bind_text(st, 1, netns, -1, SQLITE_STATIC);
	while (sqlite3_step(st) == SQLITE_ROW) {
		struct packet *p = &packets[sqlite3_column_int64(st, 0)];

		p->outcome = sqlite3_column_int(st, 1);
		p->confidence = sqlite3_column_int(st, 2);
		p->drop = sqlite3_column_int(st, 3);
		p->parent = sqlite3_column_int64(st, 4);
		if (p->confidence < 1 || p->confidence > 4)
			die("the database has a confidence that is none");
		if (!sqlite3_column_int(st, 6))
			continue;
		counts[0]++;
		counts[1] += p->outcome != UNKNOWN && !sqlite3_column_int(st, 5);
		counts[1 + p->confidence]++;
	}
	sqlite3_finalize(st);
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
	if (!n) { /* its first one left no frame: whole ones, as far as is known */
		part[0] = 0;
		n = 1;
	}
	return n;
}

/* Identities by the times of the senders' calls. Return: packets that have one. */
static size_t call_truth(sqlite3 *db)
{
	/* the ways of a datagram begin in its sender's call; what is made of it later has another begin */
	sqlite3_stmt *st = ask(db, "SELECT h.packet_id, h.pid, h.ts_ns FROM _hop h JOIN _stage s ON s.id = h.stage "
				   "WHERE h.seq = 0 AND h.context = 1 AND s.name = 'net_dev_queue' ORDER BY h.pid, h.packet_id");
	uint32_t who = 0, part[64];
	size_t parts = 0, n = 0;

	while (sqlite3_step(st) == SQLITE_ROW) {
		uint32_t pid = (uint32_t)sqlite3_column_int64(st, 1);
		struct packet *p = &packets[sqlite3_column_int64(st, 0)];
		struct call *c = call_at(pid, sqlite3_column_int64(st, 2));

		if (!c)
			continue;
		if (pid != who)
			parts = sender_parts(pid, part);
		who = pid;
		/* a call makes no more packets than parts; one of several could be any when another was not seen */
		if (c->packets < parts) {
			p->id = (struct id){ 17, who, c->seq, part[c->packets] };
			p->sent = true;
			n++;
		}
		c->packets++;
	}
	sqlite3_finalize(st);
	if (n)
		for (size_t i = 1; i < packets_n; i++) {
			const struct call *c = packets[i].sent ? call_find(packets[i].id.who, packets[i].id.seq) : NULL;

			if (c && packets[i].id.who != who)
				parts = sender_parts(packets[i].id.who, part);
			if (c)
				who = packets[i].id.who;
			if (c && c->packets < parts)
				packets[i].sent = false, packets[i].id.kind = 0, n--;
		}
	return n;
}

/* A packet without a call takes the identity of its first sure frame. */
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

	if (!c && cut)
		c = (x->place > y->place) - (x->place < y->place);
	return c ? c : (x->packet > y->packet) - (x->packet < y->packet);
}

/* Datagrams whose frames are tied for sure to more than one packet. Sorts the frames. */
static size_t torn(void)
{
	size_t n = 0;
	const struct frame *before = NULL;
	bool counted = false;

	if (frames_n)
		qsort(frames, frames_n, sizeof(*frames), id_cmp);
	for (size_t i = 0; i < frames_n; i++) {
		const struct frame *f = &frames[i];

		if (f->id.kind != 17 || (f->tie != TIE_UNIQUE && f->tie != TIE_ORDERED))
			continue;
		if (!before || !same(&before->id, &f->id) || (cut && before->place != f->place)) {
			counted = false;
		} else if (before->packet != f->packet && !counted) {
			if (!n++)
				fprintf(stderr, "identity: datagram %u %u+%u: frames of packets %" PRId64 " and %" PRId64 "\n",
					f->id.who, f->id.seq, f->id.part, before->packet, f->packet);
			counted = true;
		}
		before = f;
	}
	return n;
}

static int stage_cmp(const void *a, const void *b)
{
	const struct stage *x = a, *y = b;

	if (x->stage != y->stage)
		return (x->stage > y->stage) - (x->stage < y->stage);
	if (x->dev != y->dev)
		return (x->dev > y->dev) - (x->dev < y->dev);
	if (x->who != y->who)
		return (x->who > y->who) - (x->who < y->who);
	if (x->ns != y->ns)
		return (x->ns > y->ns) - (x->ns < y->ns);
	return (x->seq > y->seq) - (x->seq < y->seq);
}

/* Marks (confidence 0) what is outside a longest run of @s whose numbers never fall: patience sorting. */
static size_t out_of_order(struct stage *s, size_t n)
{
	size_t *top = malloc((n + 1) * sizeof(*top)), *before = malloc((n + 1) * sizeof(*before)), piles = 0, at;
	char *in = calloc(n + 1, 1);
	size_t wrong = 0;

	if (!top || !before || !in)
		die("out of memory");
	for (size_t i = 0; i < n; i++) {
		size_t lo = 0, hi = piles;

		while (lo < hi) {
			size_t mid = lo + (hi - lo) / 2;

			if (s[top[mid]].seq <= s[i].seq)
				lo = mid + 1;
			else
				hi = mid;
		}
		before[i] = lo ? top[lo - 1] : n;
		top[lo] = i;
		piles += lo == piles;
	}
	for (at = piles ? top[piles - 1] : n; at < n; at = before[at])
		in[at] = 1;
	for (size_t i = 0; i < n; i++) {
		if (claim(s[i].confidence, in[i]))
			fprintf(stderr, "identity: datagram %u %u: at stage %d of device %d at %" PRId64 " out of its order\n",
				s[i].who, s[i].seq, s[i].stage, s[i].dev, s[i].ns);
		wrong += !in[i];
	}
	free(top);
	free(before);
	free(in);
	return wrong;
}

/* Stages of the senders' packets; memory is freed in any order, so kfree_skb and consume_skb prove nothing. */
static void stages(sqlite3 *db, size_t *all, size_t *wrong, size_t *reads, size_t *wrong_reads)
{
	sqlite3_stmt *st = ask(db, "SELECT h.packet_id, h.stage, coalesce(h.dev_id, 0), h.confidence, h.ts_ns, s.name = 'sock_recv_length' "
				   "FROM _hop h JOIN _stage s ON s.id = h.stage WHERE s.name NOT IN ('kfree_skb', 'consume_skb')");
	struct stage *s = NULL;
	size_t n = 0, cap = 0, end;

	while (sqlite3_step(st) == SQLITE_ROW) {
		const struct packet *p = &packets[sqlite3_column_int64(st, 0)];
		struct stage x = { sqlite3_column_int64(st, 4), p->id.who, p->id.seq, sqlite3_column_int(st, 1),
				   sqlite3_column_int(st, 2), sqlite3_column_int(st, 3) };
		const struct call *c = p->id.kind == 17 ? call_find(x.who, x.seq) : NULL;

		if (!c)
			continue;
		++*all;
		if (x.ns < c->ns) {
			if (claim(x.confidence, false))
				fprintf(stderr, "identity: datagram %u %u: at stage %d before it was sent\n", x.who, x.seq, x.stage);
			++*wrong;
			continue;
		}
		if (sqlite3_column_int(st, 5)) {
			const struct got *g = got_find(x.who, x.seq);
			bool right = g && g->before_ns < x.ns && x.ns <= g->ns;

			if (claim(x.confidence, right))
				fprintf(stderr, "identity: datagram %u %u: not read at %" PRId64 "\n", x.who, x.seq, x.ns);
			++*reads;
			*wrong_reads += !right && x.confidence <= HIGH;
			*wrong += !right;
			continue;
		}
		s = grow(s, n, &cap, sizeof(*s));
		s[n++] = x;
	}
	sqlite3_finalize(st);
	if (n)
		qsort(s, n, sizeof(*s), stage_cmp);
	for (size_t i = 0; i < n; i = end) {
		for (end = i + 1;
		     end < n && s[end].stage == s[i].stage && s[end].dev == s[i].dev && s[end].who == s[i].who; end++)
			;
		*wrong += out_of_order(s + i, end - i);
	}
	free(s);
}

/* Whether a drop is where the datagrams of @port are dropped. */
static bool right_layer(sqlite3_stmt *st, int drop, uint32_t port)
{
	char word[64];
	bool right = false;

	sqlite3_reset(st);
	sqlite3_bind_int(st, 1, drop);
	if (sqlite3_step(st) != SQLITE_ROW)
		return false;
	snprintf(word, sizeof(word), " %s ", (const char *)sqlite3_column_text(st, 0));
	for (size_t i = 0; i < ends_n; i++)
		right |= ends[i].port == port && strstr(ends[i].layers, word);
	return right;
}

static int packet_cmp(const void *a, const void *b)
{
	const struct packet *x = a, *y = b;

	return memcmp(&x->id, &y->id, sizeof(x->id));
}

struct verdict {
	size_t judged, wrong, wrong_layer, nowhere, several;
};

/*
 * Of a datagram that the receiver got one packet must be 'delivered' and none 'dropped'; of another one none delivered,
 * and what is dropped must be where its port says; 'unknown' claims nothing. Orders the packets anew.
 */
static struct verdict outcomes(sqlite3 *db, bool lossless)
{
	sqlite3_stmt *layer = ask(db, "SELECT layer FROM _drop WHERE id = ?");
	struct verdict v = { 0 };
	size_t end;

	for (size_t i = 0; i < calls_n; i++)
		calls[i].packets = 0;
	qsort(packets, packets_n, sizeof(*packets), packet_cmp);
	for (size_t i = 0; i < packets_n; i = end) {
		const struct packet *p = &packets[i];
		struct call *c = p->id.kind == 17 ? call_find(p->id.who, p->id.seq) : NULL;
		bool one = false, drop = false, known = true, bad;
		size_t roots[64] = { 0 }, parts = 0;

		for (end = i; end < packets_n && packets[end].id.who == p->id.who && packets[end].id.seq == p->id.seq &&
			      packets[end].id.kind == p->id.kind;
		     end++) {
			one |= packets[end].outcome == DELIVERED;
			drop |= packets[end].outcome == DROPPED;
			known &= packets[end].outcome != UNKNOWN;
		}
		for (size_t k = i; c && k < end; k++) {
			const struct packet *x = &packets[k];

			if (k == i || x->id.part != x[-1].id.part)
				parts++;
			roots[parts < 64 ? parts - 1 : 63] += !x->parent;
			c->packets++;
			if (x->outcome == UNKNOWN)
				continue;
			bad = c->got ? x->outcome == DROPPED || (!one && known && lossless) : x->outcome != DROPPED;
			/* what a datagram became has an end of its own: a fragment's is its whole's; and what was lost with the
			 * rest of a way was not said to be its end */
			if (!c->got && x->outcome != DELIVERED && (x->parent || end - i > 1 || cut || !lossless))
				bad = false;
			if (claim(x->confidence, !bad))
				fprintf(stderr, "identity: datagram %u %u to port %u: outcome %d, %sreceived\n", x->id.who, x->id.seq,
					c->port, x->outcome, c->got ? "" : "not ");
			if (x->outcome != DROPPED || bad)
				continue;
			bad = !right_layer(layer, x->drop, c->port);
			if (claim(x->confidence, !bad))
				fprintf(stderr, "identity: datagram %u %u to port %u: dropped elsewhere\n", x->id.who, x->id.seq, c->port);
			v.wrong_layer += bad;
		}
		if (!c)
			continue;
		for (size_t k = 0; k < 64; k++)
			if (roots[k] > (cut ? 2 : 1)) {
				v.several++;
				break;
			}
		v.judged++;
		if (c->got ? (one || !known) && !drop : !one && (drop || !known || !lossless))
			continue;
		if (!v.wrong++)
			fprintf(stderr, "identity: outcome of datagram %u %u to port %u: %s, %sreceived\n", c->who, c->seq, c->port,
				one ? "delivered" : drop ? "dropped" : "another", c->got ? "" : "not ");
	}
	sqlite3_finalize(layer);
	for (size_t i = 0; i < calls_n; i++)
		if (!calls[i].packets && !v.nowhere++)
			fprintf(stderr, "identity: datagram %u %u to port %u: in no packet\n", calls[i].who, calls[i].seq, calls[i].port);
	return v;
}

int main(int n, char **v)
{
	size_t tied[TIE_COUNT] = { 0 }, wrong[TIE_COUNT] = { 0 }, all = 0, sent, nread = 0, bad_reads = 0, nstage = 0, bad_stages = 0,
	       counts[6] = { 0 };
	struct verdict end = { 0 };
	sqlite3_stmt *st;
	sqlite3 *db;
	bool lossless;

	if (n != 4 && n != 5) {
		fprintf(stderr, "usage: identity PCAPNG DB NETNS [TRUTH]\n");
		return 2;
	}
	identity_frames(v[1]);
	if (n == 5)
		read_truth(v[4]);
	if (sqlite3_open_v2(v[2], &db, SQLITE_OPEN_READONLY, NULL))
		die(sqlite3_errmsg(db));
	st = ask(db, "SELECT sum(CAST(value AS INTEGER)) FROM tape WHERE key IN ('events_lost', 'frames_lost')");
	lossless = sqlite3_step(st) == SQLITE_ROW && !sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	read_ties(db, v[3]);
	read_packets(db, v[3], counts);
	sent = call_truth(db);
	frame_truth();
	for (size_t i = 0; i < frames_n; i++) {
		const struct frame *f = &frames[i];
		const struct packet *p = &packets[f->tie && f->packet > 0 && (size_t)f->packet < packets_n ? f->packet : 0];
		bool right = same(&f->id, &p->id);

		if (!f->id.kind)
			continue;
		all++;
		tied[f->tie]++;
		if (f->tie == TIE_UNIQUE || f->tie == TIE_ORDERED)
			claim(f->tie == TIE_ORDERED && p->confidence < HIGH ? HIGH : p->confidence, right);
		if (f->tie == TIE_NONE || right)
			continue;
		if (!wrong[f->tie]++)
			fprintf(stderr, "identity: frame %zu (%s): %u %u+%u, its packet %" PRId64 " is %u %u+%u\n", i + 1,
				tie_names[f->tie], f->id.who, f->id.seq, f->id.part, f->packet, p->id.who, p->id.seq, p->id.part);
	}
	if (n == 5) {
		stages(db, &nstage, &bad_stages, &nread, &bad_reads);
		end = outcomes(db, lossless);
	}
	printf("frames=%zu unique=%zu ordered=%zu ambiguous=%zu untied=%zu wrong_unique=%zu wrong_ordered=%zu wrong_ambiguous=%zu "
	       "torn=%zu packets=%zu all=%zu complete=%zu certain=%zu high=%zu medium=%zu low=%zu began=%zu nowhere=%zu several=%zu "
	       "outcomes=%zu wrong_outcome=%zu wrong_layer=%zu stages=%zu wrong_stages=%zu reads=%zu wrong_reads=%zu "
	       "claims=%zu wrong_claims=%zu sure_claims=%zu wrong_sure=%zu\n",
	       all, tied[1], tied[2], tied[3], tied[0], wrong[1], wrong[2], wrong[3], torn(), sent, counts[0], counts[1], counts[2],
	       counts[3], counts[4], counts[5], calls_n, end.nowhere, end.several, end.judged, end.wrong, end.wrong_layer, nstage,
	       bad_stages, nread, bad_reads, claims.claims, claims.wrong, claims.sure, claims.wrong_sure);
	sqlite3_close(db);
	free(frames);
	free(packets);
	free(calls);
	free(got);
	return 0;
}
