/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * One flow's story is told from what the database holds of it: frames, packets,
 * drops, findings, sockets, conntrack entries. Each list is bounded and says
 * what it left out; at the end stands the SQL to go on with.
 */
#include "report.h"
#include "lang.h"
#include "rep.h"
#include "text.h"
#include "want.h"
#include "words.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#define MAX_FLOWS  8
#define MAX_STAGES 40

static const char usage[] =
	"usage: skbtape why TAPE|DB FLOW\n"
	"       skbtape why TAPE|DB --packet N\n"
	"       skbtape why TAPE|DB --frame N\n"
	"\n"
	"Tells what became of one flow, one packet or one captured frame, in plain text.\n"
	"\n"
	"FLOW is a flow or a part of one; both directions are meant:\n"
	"  \"udp 10.0.0.1:53 > 10.0.0.2:4444\"   \"10.0.0.2:5001\"   \"tcp port 80\"   "
	"\"[2001:db8::1]:443\"\n"
	"\n"
	"Instead of TAPE all that analyze takes, before FLOW: trace.dat eth0.pcap udp port 53\n"
	"\n"
	"  --packet N  the packet with that id (of the report, or of table packet)\n"
	"  --frame N   the captured frame with that number (as in the exported pcapng)\n"
	"  -l, --lang LANG  en: English (default), zh: Chinese\n"
	"  --filter X  only of packets that match a pcap-filter(7) expression\n"
	"  --tape FILE the tape of a database, for --filter (default: where it was)\n"
	"  -h, --help  this text\n"
	"\n"
	"Examples:\n"
	"  skbtape why x.skbtape udp 10.0.0.1:53\n"
	"  skbtape why x.db --frame 17\n"
	"  skbtape why x.db --filter 'tcp[tcpflags] & tcp-syn != 0' tcp port 443\n";

/* @s and blanks up to @width columns */
static void put_padded(FILE *f, const char *s, size_t width)
{
	size_t used = text_width(s);

	text_term(f, s);
	fprintf(f, "%*s", (int)(used < width ? width - used : 0), "");
}

/* The flows meant, as a condition on a column. */
#define FLOWS "(SELECT id FROM flow WHERE " WANT_SQL ")"
/* Those of them that were counted when the tape was read, and the rest. */
#define MANY "_flow_many WHERE flow_id IN " FLOWS
#define FEW  "(SELECT id FROM flow WHERE " WANT_SQL " AND id NOT IN (SELECT flow_id FROM _flow_many))"
#define HOW_MANY \
	"SELECT (SELECT coalesce(sum(packets), 0) FROM " MANY ") + (SELECT count(*) FROM _packet WHERE flow_id IN " FEW ")"

static sqlite3_stmt *ask(struct rep *r, const struct want *w, const char *sql)
{
	sqlite3_stmt *st = rep_query(r, sql);

	want_bind(w, st);
	return st;
}

static int64_t ask_int(struct rep *r, const struct want *w, const char *sql)
{
	sqlite3_stmt *st = ask(r, w, sql);
	int64_t v = 0;

	if (rep_row(r, &st)) {
		v = col_int(st, 0);
		rep_done(&st);
	}
	return v;
}

static sqlite3_stmt *ask_id(struct rep *r, const char *sql, int64_t id)
{
	sqlite3_stmt *st = rep_query(r, sql);

	if (st)
		sqlite3_bind_int64(st, 1, id);
	return st;
}

static void put_flow(FILE *f, sqlite3_stmt *st, int first)
{
	text_term(f, text_flow(col_text(st, first), col_text(st, first + 1),
			       col_int_or(st, first + 2, -1), col_text(st, first + 3),
			       col_int_or(st, first + 4, -1))
			     .s);
}

static void put_since(FILE *f, const struct rep *r, int64_t ns)
{
	fputs(r->start_ns ? text_since(ns_diff(ns, r->start_ns)).s : text_utc(ns).s, f);
}

static void more(FILE *f, int64_t shown, int64_t all, const char *what)
{
	if (all > shown)
		fprintf(f, _("  ... and %s more %s\n"), text_count(all - shown).s, _(what));
}

static int64_t put_flows(struct rep *r, const struct want *w, FILE *f)
{
	int64_t all = ask_int(r, w, "SELECT count(*) FROM flow WHERE " WANT_SQL), shown = 0;
	sqlite3_stmt *st =
		ask(r, w,
		    "SELECT proto, src, sport, dst, dport, netns, frames, bytes, first_ns, last_ns "
		    "FROM flow WHERE " WANT_SQL " ORDER BY frames DESC, id LIMIT 8");

	fprintf(f, _("FLOWS: %s\n"), text_count(all).s);
	while (rep_row(r, &st)) {
		shown++;
		fputs("  ", f);
		put_flow(f, st, 0);
		if (!col_null(st, 5)) {
			fputs(_("  in "), f);
			text_term(f, col_text(st, 5));
		}
		fprintf(f, _(": %s frames,"), text_count(col_int(st, 6)).s);
		fprintf(f, " %s", text_bytes(col_int(st, 7)).s);
		if (!col_null(st, 8) && !col_null(st, 9)) {
			fputs(", ", f);
			put_since(f, r, col_int(st, 8));
			fputs(_(" to "), f);
			put_since(f, r, col_int(st, 9));
		}
		putc('\n', f);
	}
	more(f, shown, all, N_("flows"));
	return all;
}

static int64_t put_packets(struct rep *r, const struct want *w, FILE *f)
{
	int64_t all = ask_int(r, w, HOW_MANY);
	sqlite3_stmt *st;

	fprintf(f, _("\nPACKETS: %s were followed\n"), text_count(all).s);
	st = ask(r, w,
		 "SELECT kind, outcome, max(m) AS n, min(CASE WHEN k >= (m + 1) / 2 THEN took END), "
		 "min(CASE WHEN k >= (m * 99 + 99) / 100 THEN took END), max(took) FROM ("
		 "SELECT kind, outcome, took, sum(n) OVER (PARTITION BY kind, outcome) AS m, sum(n) OVER (PARTITION BY kind, outcome "
		 "ORDER BY took ROWS UNBOUNDED PRECEDING) AS k FROM ("
		 "SELECT kind, outcome, ns AS took, count AS n FROM _flow_took WHERE flow_id IN (SELECT flow_id FROM " MANY ") UNION ALL "
		 "SELECT kind, outcome, last_ns - first_ns, 1 FROM packet WHERE flow_id IN " FEW ")) "
		 "GROUP BY kind, outcome ORDER BY n DESC, kind, outcome LIMIT 16");
	while (rep_row(r, &st)) {
		fprintf(f, "  %10s  ", text_count(col_int(st, 2)).s);
		put_padded(f, words_word(col_text(st, 0)), 9);
		put_padded(f, words_word(col_text(st, 1)), 12);
		fprintf(f, _(" took p50 %s,"), text_duration(col_int(st, 3)).s);
		fprintf(f, _(" p99 %s,"), text_duration(col_int(st, 4)).s);
		fprintf(f, _(" at most %s\n"), text_duration(col_int(st, 5)).s);
	}
	return all;
}

static int64_t put_drops(struct rep *r, const struct want *w, FILE *f)
{
	int64_t all = ask_int(r, w, "SELECT count(*) FROM packet_drop WHERE flow_id IN " FLOWS),
		kinds = 0;
	sqlite3_stmt *st;

	if (!all) {
		fputs(_("\nDROPS: none was seen\n"), f);
		return 0;
	}
	fprintf(f, _("\nDROPS: %s\n"), text_count(all).s);
	st = ask(r, w,
		 "SELECT count(*) AS n, class, reason, function, layer, dev, netns, min(ts_ns), "
		 "max(ts_ns), "
		 "(SELECT meaning FROM _drop_reason d WHERE d.name = reason) FROM packet_drop "
		 "WHERE flow_id IN " FLOWS
		 " GROUP BY class, reason, function, layer, dev, netns ORDER BY class NOT IN "
		 "('loss', 'policy', 'error'), n DESC, 2, 3, 4, 5, 6, 7");
	while (rep_row(r, &st)) {
		if (kinds++ >= 10)
			continue;
		fprintf(f, "  %10s  ", text_count(col_int(st, 0)).s);
		text_term(f, words_word(col_text(st, 1)));
		fputs(": ", f);
		text_term(f, col_null(st, 2) ? _("no reason") : col_text(st, 2));
		fputs(_(" in "), f);
		text_term(f, col_text(st, 3));
		fputs(_(" (layer "), f);
		text_term(f, col_text(st, 4));
		for (int i = 5; i < 7; i++) {
			fputs(*col_text(st, i) ? ", " : "", f);
			text_term(f, col_text(st, i));
		}
		fputs("), ", f);
		put_since(f, r, col_int(st, 7));
		fputs(_(" to "), f);
		put_since(f, r, col_int(st, 8));
		putc('\n', f);
		if (!col_null(st, 9)) {
			fputs("              ", f);
			text_term(f, _(col_text(st, 9)));
			putc('\n', f);
		}
	}
	more(f, 10, kinds, N_("kinds of drops"));
	return all;
}

static int64_t put_finding_rows(struct rep *r, sqlite3_stmt *st, FILE *f)
{
	struct buf words = { 0 };
	int64_t n = 0;

	while (rep_row(r, &st)) {
		if (!n++)
			fputs(_("\nFINDINGS that touch it\n"), f);
		fprintf(f, "  %" PRId64 ". %s: ", col_int(st, 0), words_word(col_text(st, 1)));
		text_term(f, words_finding(r, col_int(st, 0), "title", 0, col_text(st, 2), &words));
		fprintf(f, _(" (confidence %.0f %%)\n"), 100 * sqlite3_column_double(st, 3));
		fputs("     ", f);
		text_term(f,
			  words_finding(r, col_int(st, 0), "summary", 0, col_text(st, 4), &words));
		putc('\n', f);
	}
	buf_free(&words);
	return n;
}

static int64_t put_findings(struct rep *r, const struct want *w, FILE *f)
{
	/* by its own flow (which no frame need show), or by packets of the flow that prove it */
	return put_finding_rows(
		r,
		ask(r, w,
		    "SELECT id, severity, title, confidence, summary FROM finding WHERE flow_id "
		    "IN " FLOWS " OR id IN (SELECT id FROM (SELECT id, coalesce(flow_proto, ?1) AS "
				"proto, flow_src AS src, flow_sport AS sport, "
		    "flow_dst AS dst, flow_dport AS dport FROM finding WHERE flow_src IS NOT NULL "
		    "OR flow_dst IS NOT NULL OR "
		    "flow_dport IS NOT NULL) WHERE (?1 IS NULL OR proto = ?1) AND "
		    "((coalesce(src = ?2, 1) AND coalesce(sport = ?3, 1) AND coalesce(dst = ?4, 1) "
		    "AND coalesce(dport = ?5, 1)) OR "
		    "(coalesce(dst = ?2, 1) AND coalesce(dport = ?3, 1) AND coalesce(src = ?4, 1) "
		    "AND coalesce(sport = ?5, 1)))) "
		    "OR id IN (SELECT finding_id FROM finding_packet WHERE packet_id IN (SELECT id "
		    "FROM _packet WHERE flow_id IN " FLOWS ")) ORDER BY id LIMIT 8"),
		f);
}

static void put_stage_heads(FILE *f)
{
	static const struct {
		const char *text;
		size_t width;
	} heads[] = {
		{ N_("TIME"), 17 },   { N_("AFTER"), 11 },  { N_("STAGE"), 27 }, { N_("CPU"), 5 },
		{ N_("DEVICE"), 17 }, { N_("CONTEXT"), 9 }, { N_("TASK"), 25 },
	};

	fputs("    ", f);
	for (size_t i = 0; i < ARRAY_SIZE(heads); i++)
		put_padded(f, _(heads[i].text), heads[i].width);
	fprintf(f, "%s\n", _("CERTAINTY"));
}

static void put_stages(struct rep *r, int64_t id, FILE *f)
{
	sqlite3_stmt *st = ask_id(r,
				  "SELECT h.ts_ns, h.stage, h.cpu, h.dev, h.context, h.pid, "
				  /* not by a join: SQLite would make the whole view first */
				  "t.comm, h.confidence, "
				  "(SELECT m.kind FROM v_cpu_hop m WHERE m.packet_id = h.packet_id AND m.seq = h.seq), "
				  "(SELECT m.from_cpu FROM v_cpu_hop m WHERE m.packet_id = h.packet_id AND m.seq = h.seq) "
				  "FROM hop h LEFT JOIN task t ON t.pid = h.pid WHERE h.packet_id = ? ORDER BY h.seq",
				  id);
	int64_t n = 0, last = 0, cpu = -1;

	while (rep_row(r, &st)) {
		int64_t ts = col_int(st, 0);

		if (n++ >= MAX_STAGES)
			continue;
		if (n == 1)
			put_stage_heads(f);
		fputs("    ", f);
		fprintf(f, "%-16s ",
			r->start_ns ? text_since(ns_diff(ts, r->start_ns)).s : text_utc(ts).s);
		/* a two-byte µ is one column */
		fprintf(f, "%-*s ",
			n > 1 && strstr(text_duration(ns_diff(ts, last)).s, "µ") ? 11 : 10,
			n > 1 ? text_duration(ns_diff(ts, last)).s : "");
		fprintf(f, "%-26s %2" PRId64 "%s  ", col_text(st, 1), col_int(st, 2),
			cpu >= 0 && cpu != col_int(st, 2) ? "*" : " ");
		put_padded(f, col_text(st, 3), 17);
		put_padded(f, words_word(col_text(st, 4)), 9);
		text_term(f, col_text(st, 6));
		fprintf(f, "%s%-*" PRId64 " %s", *col_text(st, 6) ? "/" : "",
			(int)(text_width(col_text(st, 6)) < 23 ? 23 - text_width(col_text(st, 6))
							       : 1),
			col_int(st, 5), words_word(col_text(st, 7)));
		if (!col_null(st, 8))
			fprintf(f, "%s %" PRId64 ": %s", _(", from CPU"), col_int(st, 9),
				words_word(col_text(st, 8)));
		putc('\n', f);
		last = ts;
		cpu = col_int(st, 2);
	}
	if (!n)
		fputs(_("    no stage was seen\n"), f);
	more(f, MAX_STAGES, n, N_("stages"));
}

/* A line about a packet: id, way, device, length, outcome. Return: whether it is there. */
static bool put_packet_line(struct rep *r, int64_t id, FILE *f)
{
	sqlite3_stmt *st = ask_id(r,
				  "SELECT p.kind, p.dev_in, p.dev_out, p.len_bytes, p.outcome, "
				  "d.reason, d.function, p.first_ns, p.last_ns, "
				  "p.confidence, p.cpu_hops, p.link, p.parent_id FROM packet p "
				  "LEFT JOIN packet_drop d ON d.id = p.drop_id "
				  "WHERE p.id = ?",
				  id);
	bool found = false;

	while (rep_row(r, &st)) {
		/* a local packet leaves through one device and comes in by another; others the
		 * other way round */
		int first = !strcmp(col_text(st, 0), "local") ? 2 : 1;

		found = true;
		fprintf(f, "%s%" PRId64 ": %s, ", _("  packet "), id, words_word(col_text(st, 0)));
		text_term(f, col_text(st, first));
		if (*col_text(st, 1) && *col_text(st, 2))
			fputs(_(" to "), f);
		text_term(f, col_text(st, 3 - first));
		if (!col_null(st, 3))
			fprintf(f, _(", %s bytes"), text_count(col_int(st, 3)).s);
		fprintf(f, ", %s", words_word(col_text(st, 4)));
		if (!col_null(st, 6)) {
			fputs(" (", f);
			text_term(f, col_text(st, 5));
			fputs(_(" in "), f);
			text_term(f, col_text(st, 6));
			putc(')', f);
		}
		fprintf(f, _(" after %s,"), text_duration(ns_diff(col_int(st, 8), col_int(st, 7))).s);
		fprintf(f, _(" %s CPU change%s, certainty: %s\n"), text_count(col_int(st, 10)).s,
			lang_is_english() && col_int(st, 10) != 1 ? "s" : "",
			words_word(col_text(st, 9)));
		if (!col_null(st, 12))
			fprintf(f, "  %s %" PRId64 " (%s)\n", _("made from packet"),
				col_int(st, 12), words_word(col_text(st, 11)));
	}
	return found;
}

static void put_examples(struct rep *r, const struct want *w, FILE *f)
{
	static const struct {
		const char *title, *sql;
	} kinds[] = {
		{ N_("EXAMPLE: dropped"), "SELECT min(packet_id) FROM packet_drop WHERE class IN "
				      "('loss', 'policy', 'error') AND flow_id IN " FLOWS },
		{ N_("EXAMPLE: the slowest that arrived"),
		  "SELECT id FROM _packet WHERE id IN (SELECT slow_id FROM " MANY " UNION ALL SELECT id FROM _packet WHERE "
		  "outcome IN (1, 2, 3) AND flags & 22 = 0 AND flow_id IN " FEW ") ORDER BY last_ns - first_ns DESC, id LIMIT 1" },
		{ N_("EXAMPLE: a typical one that arrived"),
		  /* of the largest flow, where there is one with many */
		  "SELECT coalesce((SELECT typical_id FROM " MANY " ORDER BY packets DESC, flow_id LIMIT 1), "
		  "(SELECT id FROM (SELECT id, row_number() OVER (ORDER BY last_ns - first_ns, id) "
		  "AS k, count(*) OVER () AS n FROM _packet WHERE "
		  "outcome IN (1, 2, 3) AND flags & 22 = 0 AND flow_id IN " FEW ") WHERE k = (n + 1) / 2))" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		int64_t id = ask_int(r, w, kinds[i].sql);

		if (!id)
			continue;
		fprintf(f, "\n%s\n", _(kinds[i].title));
		put_packet_line(r, id, f);
		put_stages(r, id, f);
	}
}

static int64_t put_sockets(struct rep *r, const struct want *w, FILE *f)
{
	/* a listener has no remote end: it matches by its own port */
	sqlite3_stmt *st = ask(r, w,
			       "SELECT proto, src, sport, dst, dport, state, netns, rqueue, "
			       "rcvbuf_bytes, wqueue, sndbuf_bytes, drops FROM socket "
			       "WHERE id IN (SELECT max(id) FROM socket GROUP BY netns_id, proto, "
			       "coalesce(cookie, -id)) AND proto IN ('tcp', 'udp') AND (" WANT_SQL
			       " OR ((?1 IS NULL OR proto = ?1) AND (state = 'LISTEN' OR "
			       "coalesce(dport, 0) = 0) AND (sport = ?3 OR sport = ?5) AND "
			       "(src IN ('0.0.0.0', '::') OR src = ?2 OR src = ?4))) ORDER BY "
			       "coalesce(drops, 0) DESC, rqueue DESC, id LIMIT 6");
	int64_t n = 0;

	while (rep_row(r, &st)) {
		if (!n++)
			fputs(_("\nSOCKETS at the last snapshot\n"), f);
		fputs("  ", f);
		put_flow(f, st, 0);
		fprintf(f, _(" %s in "), col_text(st, 5));
		text_term(f, col_text(st, 6));
		if (!strcmp(col_text(st, 5), "LISTEN")) {
			fprintf(f, _(": %s wait for accept()"), text_count(col_int(st, 7)).s);
			fprintf(f, _(" of at most %s"), text_count(col_int(st, 9)).s);
		} else {
			fprintf(f, _(": receive queue %s"), text_bytes(col_int(st, 7)).s);
			fprintf(f, _(" of %s,"), text_bytes(col_int(st, 8)).s);
			fprintf(f, _(" send queue %s"), text_bytes(col_int(st, 9)).s);
			fprintf(f, _(" of %s"), text_bytes(col_int(st, 10)).s);
		}
		fprintf(f, _(", %s drops\n"), text_count(col_int(st, 11)).s);
	}
	return n;
}

static int64_t put_conntrack(struct rep *r, const struct want *w, FILE *f)
{
	sqlite3_stmt *st = ask(
		r, w,
		"SELECT proto, src, sport, dst, dport, reply_src, reply_sport, reply_dst, "
		"reply_dport, state, netns, timeout_s, "
		"status FROM conntrack WHERE " WANT_SQL
		" OR (reply_src IN (?2, ?4) AND (?1 IS NULL OR proto = ?1) AND "
		"(reply_sport IN (?3, ?5) OR (?3 IS NULL AND ?5 IS NULL))) ORDER BY id LIMIT 6");
	int64_t n = 0;

	while (rep_row(r, &st)) {
		if (!n++)
			fputs(_("\nCONNTRACK at the last snapshot\n"), f);
		fputs("  ", f);
		put_flow(f, st, 0);
		fputs(_(", replies "), f);
		text_term(f, text_flow(col_text(st, 0), col_text(st, 5), col_int_or(st, 6, -1),
				       col_text(st, 7), col_int_or(st, 8, -1))
				     .s);
		/* IPS_SEEN_REPLY is bit 1, include/uapi/linux/netfilter/nf_conntrack_common.h */
		fprintf(f, _(" %s%s in "), col_text(st, 9),
			!col_null(st, 12) && !(col_int(st, 12) & 2) ? _(" (no reply yet)") : "");
		text_term(f, col_text(st, 10));
		putc('\n', f);
	}
	return n;
}

static void put_certainty(struct rep *r, const struct want *w, FILE *f)
{
	sqlite3_stmt *st = ask(r, w,
			       "SELECT sum(u), sum(o), sum(a), sum(n) FROM (SELECT frames_unique AS u, frames_ordered AS o, "
			       "frames_ambiguous AS a, frames_none AS n FROM " MANY " UNION ALL "
			       "SELECT sum(tie = 1), sum(tie = 2), sum(tie = 3), sum(tie IS NULL) FROM _frame WHERE flow_id IN " FEW ")");
	int64_t lost = rep_fact_int(r, "events_lost", -1);

	fputs(_("\nHOW SURE\n"), f);
	while (rep_row(r, &st)) {
		fprintf(f, _("  frames tied to a packet: %s without doubt,"),
			text_count(col_int(st, 0)).s);
		fprintf(f, _(" %s by order,"), text_count(col_int(st, 1)).s);
		fprintf(f, _(" %s ambiguously;"), text_count(col_int(st, 2)).s);
		fprintf(f, _(" %s tied to none\n"), text_count(col_int(st, 3)).s);
	}
	st = ask(r, w,
		 "WITH m AS (SELECT total(certain) AS c, total(high) AS h, total(medium) AS i, total(low) AS l FROM " MANY ") "
		 "SELECT confidence, CAST(sum(n) AS INTEGER) FROM (SELECT 'certain' AS confidence, c AS n FROM m UNION ALL SELECT 'high', h FROM m "
		 "UNION ALL SELECT 'medium', i FROM m UNION ALL SELECT 'low', l FROM m UNION ALL SELECT confidence, count(*) FROM packet "
		 "WHERE flow_id IN " FEW " GROUP BY confidence) GROUP BY confidence HAVING sum(n) > 0 ORDER BY 2 DESC, 1");
	for (bool first = true; rep_row(r, &st); first = false)
		fprintf(f, "%s%s %s", first ? _("  packets: ") : ", ", text_count(col_int(st, 1)).s,
			words_word(col_text(st, 0)));
	if (lost < 0)
		fputs(_("\n  how many events were lost is not known\n"), f);
	else
		fprintf(f, _("\n  events lost in the whole recording: %s\n"), text_count(lost).s);
}

static void put_sql(const struct want *w, FILE *f)
{
	static const char *const tables[] = { "packet", "packet_drop", "frame" };

	fputs(_("\nSQL to go on with\n"), f);
	fputs("  SELECT * FROM flow WHERE ", f);
	want_print(w, f);
	putc('\n', f);
	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		fprintf(f, "  SELECT * FROM %s WHERE flow_id IN (SELECT id FROM flow WHERE ",
			tables[i]);
		want_print(w, f);
		fputs(")\n", f);
	}
}

/* The answer in one sentence: did this host lose any of it? */
static void put_story(struct rep *r, const struct want *w, FILE *f)
{
	int64_t all = ask_int(r, w, HOW_MANY);
	int64_t lost = ask_int(r, w,
			       "SELECT count(*) FROM packet_drop WHERE class IN ('loss', 'policy', "
			       "'error') AND flow_id IN " FLOWS);
	sqlite3_stmt *st;

	if (!all && !lost) {
		fputs(_("\nIts packets were captured, but no event tells what became of them.\n"), f);
		return;
	}
	if (!lost) {
		fprintf(f,
			_("\nThis host was not seen to drop any of the %s packets that could be "
			"followed.\n"),
			text_count(all).s);
		return;
	}
	fprintf(f, _("\nThis host dropped %s of %s packets"), text_count(lost).s,
		text_count(all > lost ? all : lost).s);
	st = ask(r, w,
		 "SELECT count(*) AS n, reason, function FROM packet_drop WHERE class IN ('loss', "
		 "'policy', 'error') AND flow_id IN " FLOWS
		 " GROUP BY reason, function ORDER BY n DESC, reason, function LIMIT 1");
	while (rep_row(r, &st)) {
		if (col_int(st, 0) == lost)
			fputs(lost == 1 ? _(", in ") : _(", all in "), f);
		else
			fprintf(f, _(", %s of them in "), text_count(col_int(st, 0)).s);
		text_term(f, col_text(st, 2));
		if (!col_null(st, 1)) {
			fputs(_(", reason "), f);
			text_term(f, col_text(st, 1));
		}
	}
	fputs(".\n", f);
}

/* Return: 0; -ENOENT where nothing at all is known of it. */
static int why_flow(struct rep *r, const struct want *w, FILE *f, struct err *e)
{
	int64_t known = put_flows(r, w, f);

	if (known) {
		put_story(r, w, f);
		put_packets(r, w, f);
		put_drops(r, w, f);
	} else {
		fputs(_("  no captured frame is of it: what is known without frames follows\n"), f);
	}
	known += put_findings(r, w, f);
	known += put_sockets(r, w, f);
	known += put_conntrack(r, w, f);
	if (known) {
		put_examples(r, w, f);
		put_certainty(r, w, f);
		put_sql(w, f);
		return 0;
	}
	return err_set(e, -ENOENT,
		       "nothing on the tape matches; the flows there are: skbtape query DB "
		       "\"SELECT * FROM flow ORDER BY frames DESC LIMIT 20\"");
}

static void put_frame_line(struct rep *r, sqlite3_stmt *st, FILE *f)
{
	fprintf(f, "%s%" PRId64 ": ", _("  frame "), col_int(st, 0));
	put_since(f, r, col_int(st, 1));
	fputs(_(" on "), f);
	text_term(f, col_text(st, 2));
	fputs(_(" in "), f);
	text_term(f, col_text(st, 3));
	fprintf(f, _(", direction %s, %s bytes"), words_word(col_null(st, 4) ? "unknown" : col_text(st, 4)),
		text_count(col_int(st, 5)).s);
	if (!col_null(st, 6))
		fprintf(f, _(", tied: %s"), words_word(col_text(st, 6)));
	putc('\n', f);
}

static void put_flow_of(struct rep *r, const char *sql, int64_t id, FILE *f)
{
	sqlite3_stmt *st = ask_id(r, sql, id);
	bool any = false;

	for (; rep_row(r, &st); any = true) {
		fputs(_("  flow: "), f);
		put_flow(f, st, 0);
		putc('\n', f);
	}
	if (!any)
		fputs(_("  flow: not known\n"), f);
}

static int why_packet(struct rep *r, int64_t id, FILE *f, struct err *e)
{
	sqlite3_stmt *st;
	int64_t n = 0;

	fputs(_("PACKET\n"), f);
	if (!put_packet_line(r, id, f))
		return err_set(e, -ENOENT, "no packet %" PRId64 "; the ids are 1 to %" PRId64, id,
			       rep_int(r, "SELECT max(id) FROM _packet", 0));
	put_flow_of(r,
		    "SELECT proto, src, sport, dst, dport FROM flow WHERE id = (SELECT flow_id "
		    "FROM _packet WHERE id = ?)",
		    id, f);
	st = ask_id(r,
		    "SELECT d.reason, m.meaning, m.check_text, d.location FROM packet_drop d LEFT "
		    "JOIN _drop_reason m ON m.name = d.reason "
		    "WHERE d.packet_id = ? ORDER BY d.id LIMIT 3",
		    id);
	while (rep_row(r, &st)) {
		fputs(_("  dropped at "), f);
		text_term(f, col_text(st, 3));
		fputs(": ", f);
		text_term(f, col_null(st, 1) ? col_text(st, 0) : _(col_text(st, 1)));
		putc('\n', f);
		if (!col_null(st, 2)) {
			fputs(_("  look at: "), f);
			text_term(f, _(col_text(st, 2)));
			putc('\n', f);
		}
	}
	fputs(_("\nSTAGES (* the CPU changed)\n"), f);
	put_stages(r, id, f);
	st = ask_id(r,
		    "SELECT no, ts_ns, dev, netns, direction, len_bytes, tie FROM frame WHERE "
		    "packet_id = ? ORDER BY no LIMIT 8",
		    id);
	for (; rep_row(r, &st); n++) {
		if (!n)
			fputs(_("\nFRAMES\n"), f);
		put_frame_line(r, st, f);
	}
	if (!n)
		fputs(_("\nFRAMES: none is tied to it\n"), f);
	st = ask_id(r, "SELECT id FROM _packet WHERE parent_id = ? ORDER BY id LIMIT 8", id);
	for (n = 0; rep_row(r, &st); n++) {
		if (!n)
			fputs(_("\nMADE FROM IT\n"), f);
		put_packet_line(r, col_int(st, 0), f);
	}
	put_finding_rows(r,
			 ask_id(r,
				"SELECT id, severity, title, confidence, summary FROM finding "
				"WHERE id IN (SELECT finding_id FROM finding_packet "
				"WHERE packet_id = ?) ORDER BY id LIMIT 8",
				id),
			 f);
	fputs(_("\nSQL to go on with\n"), f);
	fprintf(f,
		"  SELECT * FROM packet WHERE id = %" PRId64
		"\n  SELECT * FROM hop WHERE packet_id = %" PRId64 " ORDER BY seq\n",
		id, id);
	return 0;
}

/* Reasons of frame.untied that more can be said about. */
#define UNTIED(reason) "SELECT untied IS '" reason "' FROM frame WHERE no = ?"
static const struct {
	const char *sql, *text;
} untied_text[] = {
	{ UNTIED("events-lost"), N_("events were lost at that time, its own may be among them") },
	{ UNTIED("clock"), N_("the clocks of frames and events are not tied") },
	{ UNTIED("device-silent"), N_("the tape has no event of that device and direction at all") },
	{ UNTIED("upper-device"),
	  N_("its device receives what one below it received, of which the tape has no event") },
	{ UNTIED("no-length"), N_("its network header is not known, so no length can be compared") },
	{ UNTIED("contested"), N_("other frames have all events that it could be") },
};

/* A frame without a packet: what speaks for which explanation. */
static void put_untied(struct rep *r, int64_t no, FILE *f)
{
	struct buf words = { 0 };
	sqlite3_stmt *st;
	bool any = false;

	fputs(_("\nPACKET: tied to none\n"), f);
	if (!rep_int(r, "SELECT count(*) FROM _packet", 0)) {
		fputs(_("  no packet events are on the tape (the profile or the permissions allowed "
		      "none)\n"), f);
		return;
	}
	st = ask_id(r,
		    "SELECT note FROM quality WHERE kind = 'events-lost' AND from_ns IS NOT NULL "
		    "AND to_ns IS NOT NULL AND "
		    "(SELECT ts_ns FROM _frame WHERE no = ?1) BETWEEN from_ns AND to_ns ORDER BY "
		    "id LIMIT 3",
		    no);
	for (; rep_row(r, &st); any = true) {
		fputs(_("  events were lost at that time: "), f);
		text_term(f, lang_note(col_text(st, 0), &words));
		putc('\n', f);
	}
	buf_free(&words);
	if (rep_int_of(r,
		       "SELECT ts_ns < (SELECT min(first_ns) FROM _packet) OR ts_ns > (SELECT "
		       "max(last_ns) FROM _packet) FROM _frame WHERE no = ?",
		       no, 0)) {
		fputs(_("  it was captured before the first or after the last event\n"), f);
		any = true;
	}
	if (rep_int_of(r, "SELECT direction IS NULL FROM _frame WHERE no = ?", no, 0)) {
		fputs(_("  its direction is not known, so no event can be matched\n"), f);
		any = true;
	}
	if (any)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(untied_text) && !any; i++) {
		if (!rep_int_of(r, untied_text[i].sql, no, 0))
			continue;
		fprintf(f, "  %s\n", _(untied_text[i].text));
		any = true;
	}
	if (!any)
		fputs(_("  no event of that length was seen on that device at that time: it was sent "
		      "past the traced functions, changed on its way, "
		      "or its event was lost unseen\n"), f);
}

static int why_frame(struct rep *r, int64_t no, FILE *f, struct err *e)
{
	sqlite3_stmt *st = ask_id(r,
				  "SELECT no, ts_ns, dev, netns, direction, len_bytes, tie, "
				  "packet_id, cap_bytes, ethertype, vlan, ttl, payload_bytes, "
				  "problem, tcp_flags FROM frame WHERE no = ?",
				  no);
	int64_t packet = -1;
	bool found = false;

	while (rep_row(r, &st)) {
		found = true;
		fputs(_("FRAME\n"), f);
		put_frame_line(r, st, f);
		fprintf(f, "  at %s, %" PRId64 " bytes of it on the tape",
			text_utc(col_int(st, 1)).s, col_int(st, 8));
		if (!col_null(st, 9))
			fprintf(f, _(", ethertype 0x%04x"), (unsigned int)col_int(st, 9));
		if (!col_null(st, 10))
			fprintf(f, ", VLAN %" PRId64, col_int(st, 10));
		if (!col_null(st, 11))
			fprintf(f, ", TTL %" PRId64, col_int(st, 11));
		if (!col_null(st, 12))
			fprintf(f, ", payload %" PRId64 " bytes", col_int(st, 12));
		if (!col_null(st, 14))
			fprintf(f, _(", TCP flags 0x%02x"), (unsigned int)col_int(st, 14));
		putc('\n', f);
		if (!col_null(st, 13)) {
			fputs(_("  malformed: "), f);
			text_term(f, col_text(st, 13));
			putc('\n', f);
		}
		packet = col_int_or(st, 7, -1);
	}
	if (!found)
		return err_set(e, -ENOENT, "no frame %" PRId64 "; the numbers are 1 to %" PRId64,
			       no, rep_int(r, "SELECT max(no) FROM _frame", 0));
	if (packet < 0) {
		put_flow_of(r,
			    "SELECT proto, src, sport, dst, dport FROM flow WHERE id = (SELECT "
			    "flow_id FROM _frame WHERE no = ?)",
			    no, f);
		put_untied(r, no, f);
		return 0;
	}
	putc('\n', f);
	return why_packet(r, packet, f, e);
}

enum ask_what {
	ASK_FLOW,
	ASK_PACKET,
	ASK_FRAME,
};

static int run(const struct inputs *in, const char *filter, const char *tape, enum ask_what what, const struct want *w,
	       int64_t number, bool *incomplete, struct err *e)
{
	struct rep r;
	int rc = rep_open(&r, in, e);

	if (rc)
		return rc;
	if (filter)
		rc = rep_only(&r, tape, filter, "why", e);
	if (rc)
		goto out;
	if (what == ASK_PACKET)
		rc = why_packet(&r, number, stdout, e);
	else if (what == ASK_FRAME)
		rc = why_frame(&r, number, stdout, e);
	else
		rc = why_flow(&r, w, stdout, e);
	if (rep_error(&r, NULL))
		rc = rep_error(&r, e);
	if (!rc && (fflush(stdout) || ferror(stdout)))
		rc = err_sys(e, "writing standard output");
	if (!rc && r.incomplete) {
		*incomplete = true;
		fprintf(stderr, "skbtape why: %s: incomplete: %s\n", in->path[0], r.why);
	}
out:
	rep_close(&r);
	return rc;
}

int why_main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "lang", required_argument, NULL, 'l' },
		{ "packet", required_argument, NULL, 'p' },
		{ "frame", required_argument, NULL, 'f' },
		{ "filter", required_argument, NULL, 'F' },
		{ "tape", required_argument, NULL, 't' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	enum ask_what what = ASK_FLOW;
	const char *filter = NULL, *tape = NULL;
	struct want want = { 0 };
	bool incomplete = false;
	struct err e = { "" };
	int64_t number = 0;
	struct inputs in;
	int c, rc;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":hl:", options, NULL)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			return 0;
		}
		if (c == 'l') {
			rc = lang_set(optarg, &e);
			if (rc) {
				fprintf(stderr, "skbtape why: %s\n", e.text);
				return rc == -EINVAL ? 2 : 1;
			}
			continue;
		}
		if (c == 'F') {
			filter = optarg;
			continue;
		}
		if (c == 't') {
			tape = optarg;
			continue;
		}
		if (c != 'p' && c != 'f') {
			fprintf(stderr, "skbtape why: %s %s; see skbtape why --help\n",
				c == ':' ? "a value is missing behind" : "unknown option",
				argv[optind - 1]);
			return 2;
		}
		what = c == 'p' ? ASK_PACKET : ASK_FRAME;
		if (span_i64((struct span){ optarg, strlen(optarg) }, &number) || number < 1) {
			fprintf(stderr, "skbtape why: --%s %s: expected a number from 1\n",
				c == 'p' ? "packet" : "frame", optarg);
			return 2;
		}
	}
	in = (struct inputs){ argv + optind, (size_t)(argc - optind) };
	if (!in.n || (what == ASK_FLOW && in.n == 1)) {
		fputs("skbtape why: expected TAPE|DB and one of FLOW, --packet N, --frame N; see "
		      "skbtape why --help\n",
		      stderr);
		return 2;
	}
	if (what == ASK_FLOW && want_behind(&want, in.path, &in.n, &e)) {
		fprintf(stderr, "skbtape why: %s\n", e.text);
		return 2;
	}
	rc = run(&in, filter, tape, what, &want, number, &incomplete, &e);
	if (rc)
		fprintf(stderr, "skbtape why: %s\n", e.text);
	lang_free();
	return rc ? 1 : incomplete ? 3 : 0;
}
