/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * A tape has millions of packets; a report shows at most MAX_CHOSEN, taken in
 * the order of their worth until the space is used: packets of findings, some of
 * each kind of drop, the slowest, those that changed CPU most, and the median of
 * each kind and outcome as what is typical. Each keeps the reasons why it is here.
 */
#include "packets.h"
#include "svg.h"
#include "words.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_CHOSEN   320
#define MAX_FEATURED 12 /* drawn without scripts */
#define MAX_STAGES   64 /* of one packet */
#define MAX_NAMES    512
#define MAX_SAMPLE   2048
#define KINDS	     4
#define OUTCOMES     7

struct pick {
	int64_t id;
	char why[96];
};

struct chosen {
	size_t n;
	struct pick pick[MAX_CHOSEN];
};

bool packets_chosen(const struct chosen *c, int64_t id)
{
	for (size_t i = 0; c && i < c->n; i++)
		if (c->pick[i].id == id)
			return true;
	return false;
}

static void choose(struct chosen *c, int64_t id, const char *why)
{
	struct pick *k;

	for (size_t i = 0; i < c->n; i++) {
		size_t len = strlen(c->pick[i].why);

		if (c->pick[i].id != id)
			continue;
		if (!strstr(c->pick[i].why, why) && len + strlen(why) + 3 < sizeof(c->pick[i].why))
			snprintf(c->pick[i].why + len, sizeof(c->pick[i].why) - len, ", %s", why);
		return;
	}
	if (c->n == MAX_CHOSEN)
		return;
	k = &c->pick[c->n++];
	k->id = id;
	snprintf(k->why, sizeof(k->why), "%s", why);
}

static void choose_all(struct rep *r, struct chosen *c, const char *sql, const char *why)
{
	sqlite3_stmt *st = rep_query(r, sql);

	while (rep_row(r, &st))
		choose(c, col_int(st, 0), why);
}

/* Packets of one kind and outcome: an even sample, of every stride-th. */
struct sample {
	uint64_t seen, stride;
	size_t n;
	struct timed {
		int64_t ns, id;
	} v[MAX_SAMPLE];
};

static void sample_add(struct sample *s, struct timed t)
{
	if (!s->stride)
		s->stride = 1;
	if (s->seen++ % s->stride)
		return;
	if (s->n == MAX_SAMPLE) { /* keep every second one, this one too */
		for (size_t i = 0; i < MAX_SAMPLE / 2; i++)
			s->v[i] = s->v[2 * i];
		s->n = MAX_SAMPLE / 2;
		s->stride *= 2;
	}
	s->v[s->n++] = t;
}

static int by_time(const void *a, const void *b)
{
	const struct timed *x = a, *y = b;

	return x->ns != y->ns ? (x->ns > y->ns) - (x->ns < y->ns)
			      : (x->id > y->id) - (x->id < y->id);
}

/* The quartiles of each kind and outcome. */
static void choose_typical(struct rep *r, struct chosen *c)
{
	struct sample *all = calloc(KINDS * OUTCOMES, sizeof(*all));
	sqlite3_stmt *st;

	if (!all)
		return;
	/* flags: 2 open at the end, 16 spans a loss of events: how long it took is not known */
	st = rep_query(r,
		       "SELECT kind, outcome, last_ns, first_ns, id FROM _packet WHERE flags & "
		       "18 = 0 AND kind BETWEEN 1 AND 4 AND outcome BETWEEN 1 AND 7 ORDER BY id");
	while (rep_row(r, &st))
		sample_add(
			&all[(col_int(st, 0) - 1) * OUTCOMES + col_int(st, 1) - 1],
			(struct timed){ ns_diff(col_int(st, 2), col_int(st, 3)), col_int(st, 4) });
	for (size_t i = 0; i < KINDS * OUTCOMES; i++) {
		struct sample *s = &all[i];

		qsort(s->v, s->n, sizeof(s->v[0]), by_time);
		for (size_t k = 1; s->n && k <= 3; k++)
			choose(c, s->v[(s->n * k + 3) / 4 - 1].id, _("typical"));
	}
	free(all);
}

struct chosen *packets_choose(struct rep *r)
{
	struct chosen *c = calloc(1, sizeof(*c));
	sqlite3_stmt *st;

	if (!c)
		return NULL;
	st = rep_query(r, "SELECT packet_id, finding_id FROM (SELECT packet_id, finding_id, "
			  "row_number() OVER "
			  "(PARTITION BY finding_id ORDER BY packet_id) AS k FROM finding_packet) "
			  "WHERE k <= 8 "
			  "AND finding_id <= 12 AND packet_id IN (SELECT id FROM _packet) ORDER BY "
			  "finding_id, k");
	while (rep_row(r, &st)) {
		char why[40];

		snprintf(why, sizeof(why), "%.20s %" PRId64, _("finding"), col_int(st, 1));
		choose(c, col_int(st, 0), why);
	}
	st = rep_query(r,
		       "SELECT packet_id, class FROM (SELECT packet_id, class, row_number() OVER "
		       "(PARTITION BY reason, symbol_id ORDER BY id) AS k, count(*) OVER "
		       "(PARTITION BY reason, symbol_id) AS n "
		       "FROM _drop WHERE packet_id IN (SELECT id FROM _packet) AND layer NOT IN "
		       "('unix', 'netlink', 'vsock')) "
		       "WHERE k <= 3 ORDER BY class NOT IN ('loss', 'policy', 'error'), k, n DESC, "
		       "packet_id LIMIT 80");
	while (rep_row(r, &st)) {
		char why[40];

		snprintf(why, sizeof(why), _("drop: %.30s"), words_word(col_text(st, 1)));
		choose(c, col_int(st, 0), why);
	}
	/* of each way, and of each pair of stages */
	choose_all(r, c,
		   "SELECT packet_id FROM latency_slow WHERE rank <= " SLOW_LINKS_TEXT
		   " AND packet_id IN (SELECT id FROM _packet) ORDER BY way IS NULL, rank, way, "
		   "stage_from, stage_to LIMIT 120",
		   _("slowest"));
	choose_all(r, c,
		   "SELECT packet_id FROM socket_lock WHERE packet_id IN (SELECT id FROM _packet) "
		   "ORDER BY ns DESC, packet_id LIMIT 6",
		   _("waited for a socket lock"));
	choose_all(r, c,
		   "SELECT id FROM _packet WHERE cpu_hops > 0 ORDER BY cpu_hops DESC, id LIMIT 8",
		   _("most CPU changes"));
	choose_all(r, c, "SELECT id FROM _packet WHERE link IS NOT NULL ORDER BY link, id LIMIT 8",
		   _("linked to another"));
	choose_typical(r, c);
	return c;
}

void packets_free(struct chosen *c)
{
	free(c);
}

struct stage {
	int64_t ts_ns, cpu, pid;
	char name[48], dev[48], context[12], task[48], confidence[12];
};

/* Read at most MAX_STAGES stages; *@left_out counts the others. */
static size_t read_stages(struct rep *r, int64_t id, struct stage *v, int64_t *left_out)
{
	sqlite3_stmt *st = rep_query(
		r, "SELECT h.ts_ns, h.stage, h.cpu, h.dev, h.context, h.pid, t.comm, h.confidence "
		   "FROM hop h "
		   "LEFT JOIN task t ON t.pid = h.pid WHERE h.packet_id = ? ORDER BY h.seq");
	size_t n = 0;

	*left_out = 0;
	if (st)
		sqlite3_bind_int64(st, 1, id);
	while (rep_row(r, &st)) {
		struct stage *s = &v[n];

		if (n == MAX_STAGES) {
			(*left_out)++;
			continue;
		}
		s->ts_ns = col_int(st, 0);
		snprintf(s->name, sizeof(s->name), "%s", col_text(st, 1));
		s->cpu = col_int(st, 2);
		snprintf(s->dev, sizeof(s->dev), "%s", col_text(st, 3));
		snprintf(s->context, sizeof(s->context), "%s", col_text(st, 4));
		s->pid = col_int(st, 5);
		snprintf(s->task, sizeof(s->task), "%s", col_text(st, 6));
		snprintf(s->confidence, sizeof(s->confidence), "%s", col_text(st, 7));
		n++;
	}
	return n;
}

/* Sorted numbers of the CPUs that the stages ran on. */
static size_t lanes_of(const struct stage *v, size_t n, int64_t *cpu)
{
	size_t lanes = 0;

	for (size_t i = 0; i < n; i++) {
		size_t k = 0;

		while (k < lanes && cpu[k] < v[i].cpu)
			k++;
		if (k < lanes && cpu[k] == v[i].cpu)
			continue;
		memmove(cpu + k + 1, cpu + k, (lanes - k) * sizeof(*cpu));
		cpu[k] = v[i].cpu;
		lanes++;
	}
	return lanes;
}

#define LANE_HEIGHT 30
#define LANE_LEFT   64
#define LANE_WIDTH  900

/* Room between two stages: long waits are longer, but not in proportion, so that the short ones
 * stay apart. */
static double gap_width(int64_t ns)
{
	return 1.4 + log10(1 + (ns > 0 ? (double)ns : 0) / 200);
}

/* The shape tells the context, not the colour alone. */
static void draw_mark(FILE *f, const char *kind, double x, double y)
{
	if (!strcmp(kind, "drop"))
		fprintf(f, "<path class=\"p-drop\" d=\"M%.1f %.1fh8l6 6v8l-6 6h-8l-6-6v-8z\"/>",
			x - 4, y - 10);
	else if (!strcmp(kind, "task"))
		fprintf(f, "<path class=\"p-task\" d=\"M%.1f %.1fh16v16h-16z\"/>", x - 8, y - 8);
	else if (!strcmp(kind, "softirq"))
		fprintf(f,
			"<path class=\"p-soft\" d=\"M%.1f %.1fa8 8 0 0 1 16 0a8 8 0 0 1-16 0z\"/>",
			x - 8, y);
	else
		fprintf(f, "<path class=\"p-hard\" d=\"M%.1f %.1fl11 11l-11 11l-11-11z\"/>", x,
			y - 11);
}

static void draw_lanes(FILE *f, const struct stage *v, size_t n)
{
	int64_t cpu[MAX_STAGES + 1];
	size_t lanes = lanes_of(v, n, cpu), lane = 0;
	double total = 0, x = LANE_LEFT + 14, last_y = 0, scale;
	int height = (int)lanes * LANE_HEIGHT + 22;

	for (size_t i = 1; i < n; i++)
		total += gap_width(ns_diff(v[i].ts_ns, v[i - 1].ts_ns));
	scale = total > 0 ? (LANE_WIDTH - LANE_LEFT - 40) / total : 0;
	scale = scale > 90 ? 90 : scale;
	fprintf(f,
		"<svg class=\"lanes\" role=\"img\" aria-label=\"%s\" viewBox=\"0 0 %d %d\" "
		"width=\"%d\" "
		"height=\"%d\">",
		_("Stages on CPU lanes; the table below names them"), LANE_WIDTH, height,
		LANE_WIDTH, height);
	for (size_t k = 0; k < lanes; k++)
		fprintf(f,
			"<text class=\"t-row\" x=\"0\" y=\"%zu\">CPU %" PRId64
			"</text><path class=\"lane\" d=\"M%d %zuH%d\"/>",
			k * LANE_HEIGHT + 34, cpu[k], LANE_LEFT, k * LANE_HEIGHT + 30, LANE_WIDTH);
	for (size_t i = 0; i < n; i++) {
		double y, from = x;

		for (lane = 0; lane < lanes && cpu[lane] != v[i].cpu;)
			lane++;
		y = (double)lane * LANE_HEIGHT + 30;
		if (i) {
			int64_t gap = ns_diff(v[i].ts_ns, v[i - 1].ts_ns);

			x += scale * gap_width(gap);
			fprintf(f, "<path class=\"way\" d=\"M%.1f %.1fL%.1f %.1f\"/>", from, last_y,
				x, y);
			if (x - from > 58)
				fprintf(f,
					"<text class=\"t-gap\" x=\"%.1f\" y=\"%.1f\" "
					"text-anchor=\"middle\">%s</text>",
					(x + from) / 2, (y < last_y ? y : last_y) - 7,
					text_duration(gap).s);
		}
		last_y = y;
	}
	x = LANE_LEFT + 14;
	for (size_t i = 0; i < n; i++) {
		bool drop = !strcmp(v[i].name, "kfree_skb");

		for (lane = 0; lane < lanes && cpu[lane] != v[i].cpu;)
			lane++;
		if (i)
			x += scale * gap_width(ns_diff(v[i].ts_ns, v[i - 1].ts_ns));
		draw_mark(f, drop ? "drop" : v[i].context, x, (double)(lane * LANE_HEIGHT + 30));
		fprintf(f,
			"<text class=\"t-num\" x=\"%.1f\" y=\"%zu\" "
			"text-anchor=\"middle\">%zu</text>",
			x, lane * LANE_HEIGHT + 34, i + 1);
	}
	fputs("</svg>", f);
}

static void write_stages(struct page *p, int64_t id)
{
	static const struct head heads[] = { { N_("#"), true },
					     { N_("Since start"), true },
					     { N_("After the one before"), true },
					     { N_("Stage"), false },
					     { N_("CPU"), true },
					     { N_("Device"), false },
					     { N_("Context"), false },
					     { N_("Task"), false },
					     { N_("Certainty"), false } };
	struct stage v[MAX_STAGES];
	int64_t left_out;
	size_t n = read_stages(p->r, id, v, &left_out);

	if (!n) {
		page_none(p, N_("No stage of this packet was seen."));
		return;
	}
	fprintf(p->f,
		"<div class=\"scroll plain\" role=\"region\" tabindex=\"0\" aria-label=\"%s\">",
		_("Stages on CPU lanes"));
	draw_lanes(p->f, v, n);
	fputs("</div>", p->f);
	page_cards(
		p, "steps",
		N_("Stages; circles are softirq, squares task, diamonds hardirq, octagons drops"),
		heads, ARRAY_SIZE(heads));
	for (size_t i = 0; i < n; i++) {
		page_row(p);
		page_td_num(p, (int64_t)i + 1);
		page_td_time(p, v[i].ts_ns);
		page_td_dur(p, i ? ns_diff(v[i].ts_ns, v[i - 1].ts_ns) : 0);
		page_td_code(p, v[i].name);
		page_td_num(p, v[i].cpu);
		page_td(p, v[i].dev);
		page_td_word(p, v[i].context);
		fputs("<td>", p->f);
		page_textf(p, "%s%s%" PRId64, v[i].task, v[i].task[0] ? " " : "", v[i].pid);
		fputs("</td>", p->f);
		page_td_word(p, v[i].confidence);
		page_row_end(p);
	}
	page_cards_end(p);
	if (left_out) {
		fputs("<p class=\"more\">", p->f);
		fprintf(p->f, _("%s more stages are left out."), text_count(left_out).s);
		fputs("</p>\n", p->f);
	}
}

enum {
	P_FIRST,
	P_LAST,
	P_KIND,
	P_DEV_IN,
	P_DEV_OUT,
	P_LEN,
	P_OUTCOME,
	P_HOPS,
	P_CONFIDENCE,
	P_PROTO,
	P_SRC,
	P_SPORT,
	P_DST,
	P_DPORT,
	P_REASON,
	P_FUNCTION,
	P_PARENT,
	P_LINK,
};

static sqlite3_stmt *packet_row(struct rep *r, int64_t id)
{
	sqlite3_stmt *st = rep_query(r, "SELECT p.first_ns, p.last_ns, p.kind, p.dev_in, "
					"p.dev_out, p.len_bytes, p.outcome, p.cpu_hops, "
					"p.confidence, f.proto, f.src, f.sport, f.dst, f.dport, "
					"d.reason, d.function, p.parent_id, p.link "
					"FROM packet p LEFT JOIN flow f ON f.id = p.flow_id LEFT "
					"JOIN packet_drop d ON d.id = p.drop_id "
					"WHERE p.id = ?");

	if (st)
		sqlite3_bind_int64(st, 1, id);
	return st;
}

static struct text flow_of(sqlite3_stmt *st)
{
	struct text none = { "" };

	if (col_null(st, P_PROTO))
		return none;
	return text_flow(col_text(st, P_PROTO), col_text(st, P_SRC), col_int_or(st, P_SPORT, -1),
			 col_text(st, P_DST), col_int_or(st, P_DPORT, -1));
}

/* Numbers of its frames, as in the exported pcapng; a tie that is not the only possible one says
 * so. */
static void td_frames(struct page *p, int64_t id)
{
	sqlite3_stmt *st = rep_query(
		p->r, "SELECT no, tie FROM _frame WHERE packet_id = ? ORDER BY no LIMIT 4");
	bool any = false;

	if (st)
		sqlite3_bind_int64(st, 1, id);
	fputs("<td>", p->f);
	for (; rep_row(p->r, &st); any = true)
		fprintf(p->f, "%s%s%" PRId64, any ? ", " : "", col_int(st, 1) == 3 ? "≈" : "",
			col_int(st, 0));
	fputs(any ? "</td>" : "–</td>", p->f);
}

static void write_row(struct page *p, const struct pick *k, sqlite3_stmt *st)
{
	bool local;

	fprintf(p->f,
		"<tr id=\"packet-%" PRId64 "\" data-p=\"%" PRId64
		"\"><th scope=\"row\" class=\"n\" data-v=\"%" PRId64 "\">%" PRId64 "</th>",
		k->id, k->id, k->id, k->id);
	page_td_time(p, col_int(st, P_FIRST));
	page_td_word(p, col_text(st, P_KIND));
	fputs("<td class=\"flowname\">", p->f);
	if (col_null(st, P_PROTO))
		fputs(_("not captured"), p->f);
	else
		page_text(p, flow_of(st).s);
	/* a local packet leaves through one device and comes in by another; others the other way
	 * round */
	local = !strcmp(col_text(st, P_KIND), "local");
	fputs("</td><td class=\"flowname\">", p->f);
	page_textf(p, "%s%s%s", col_text(st, local ? P_DEV_OUT : P_DEV_IN),
		   !col_null(st, P_DEV_IN) && !col_null(st, P_DEV_OUT) ? " → " : "",
		   col_text(st, local ? P_DEV_IN : P_DEV_OUT));
	fputs("</td>", p->f);
	page_td_num_opt(p, st, P_LEN);
	fputs("<td>", p->f);
	page_text(p, words_word(col_text(st, P_OUTCOME)));
	if (!col_null(st, P_REASON) || !col_null(st, P_FUNCTION)) {
		fputs(": <code>", p->f);
		page_textf(p, "%s%s%s", col_text(st, P_REASON), col_null(st, P_REASON) ? "" : " ",
			   col_text(st, P_FUNCTION));
		fputs("</code>", p->f);
	}
	if (!col_null(st, P_PARENT)) {
		fputs(" (", p->f);
		page_textf(p, _("%1$s of packet %2$s"), words_word(col_text(st, P_LINK)),
			   col_text(st, P_PARENT));
		fputs(")", p->f);
	}
	fputs("</td>", p->f);
	page_td_dur(p, ns_diff(col_int(st, P_LAST), col_int(st, P_FIRST)));
	page_td_num(p, col_int(st, P_HOPS));
	td_frames(p, k->id);
	page_td_word(p, col_text(st, P_CONFIDENCE));
	page_td(p, k->why);
	page_row_end(p);
}

/* One packet of each reason to be chosen, before second ones. */
static void write_featured(struct page *p)
{
	const struct chosen *c = p->chosen;
	int shown = 0;

	fputs("<div id=\"packet-view\" class=\"packet-view js\" hidden "
	      "aria-live=\"polite\"></div>\n<div class=\"featured\">\n",
	      p->f);
	for (size_t i = 0; i < c->n && shown < MAX_FEATURED; i++) {
		bool seen = false;
		sqlite3_stmt *st;

		for (size_t k = 0; k < i && !seen; k++)
			seen = !strcmp(c->pick[k].why, c->pick[i].why);
		if (seen)
			continue;
		st = packet_row(p->r, c->pick[i].id);
		while (rep_row(p->r, &st)) {
			fprintf(p->f, "<details><summary>%s %" PRId64 " (", _("Packet"),
				c->pick[i].id);
			page_text(p, c->pick[i].why);
			fputs("): ", p->f);
			page_textf(p, "%s %s", flow_of(st).s, words_word(col_text(st, P_OUTCOME)));
			fputs("</summary>\n", p->f);
			write_stages(p, c->pick[i].id);
			fputs("</details>\n", p->f);
		}
		shown++;
	}
	fputs("</div>\n", p->f);
}

void panel_packets(struct page *p)
{
	static const struct head heads[] = {
		{ N_("Packet"), true },	     { N_("Start"), true },
		{ N_("Way"), false },	     { N_("Flow"), false },
		{ N_("Device"), false },     { N_("Bytes"), true },
		{ N_("Outcome"), false },    { N_("Took"), true },
		{ N_("CPU changes"), true }, { N_("Frames"), false },
		{ N_("Certainty"), false },  { N_("Why it is here"), false }
	};
	int64_t all = rep_int(p->r, "SELECT count(*) FROM _packet", 0);
	const struct chosen *c = p->chosen;

	if (!c || !c->n) {
		page_none(p, N_("No packet was followed: the recording has no packet events."));
		return;
	}
	fprintf(p->f,
		"<form id=\"packet-search\" class=\"search js\" role=\"search\" hidden><label "
		"for=\"packet-words\">%s</label><input id=\"packet-words\" type=\"search\" "
		"autocomplete=\"off\" spellcheck=\"false\"> "
		"<output id=\"packet-count\" for=\"packet-words\"></output></form>\n",
		_("Search by address, port, reason, device, frame or number"));
	fputs("<div id=\"packet-list\" class=\"cards list\">", p->f);
	page_table(p, N_("Chosen packets"), heads, ARRAY_SIZE(heads));
	for (size_t i = 0; i < c->n; i++) {
		sqlite3_stmt *st = packet_row(p->r, c->pick[i].id);

		while (rep_row(p->r, &st))
			write_row(p, &c->pick[i], st);
	}
	page_table_end(p);
	fputs("</div>\n", p->f);
	write_featured(p);
	page_more(p, (int64_t)c->n, all, N_("packets"), "SELECT * FROM packet");
	fprintf(p->f,
		"<p class=\"hint\">%s <code>skbtape why DB --packet N</code> · %s <code>skbtape "
		"why DB "
		"&quot;udp 10.0.0.1:53&quot;</code></p>\n",
		_("Any other packet:"), _("a flow:"));
}

/* Names of stages, devices and tasks once each: the page stays small. */
struct names {
	char v[MAX_NAMES][48];
	int n;
};

static int name_index(struct names *names, const char *s)
{
	for (int i = 0; i < names->n; i++)
		if (!strcmp(names->v[i], s))
			return i;
	if (names->n == MAX_NAMES)
		return 0; /* "": not shown */
	snprintf(names->v[names->n], sizeof(names->v[0]), "%s", s);
	return names->n++;
}

void packets_json(struct page *p, struct json *j)
{
	const struct chosen *c = p->chosen;
	struct names *names = calloc(1, sizeof(*names));

	json_open_array(j, "packets");
	if (names)
		name_index(names, "");
	for (size_t i = 0; c && names && i < c->n; i++) {
		struct stage v[MAX_STAGES];
		int64_t left_out, first = 0;
		size_t n = read_stages(p->r, c->pick[i].id, v, &left_out);

		json_open_object(j, NULL);
		json_int(j, "id", c->pick[i].id);
		json_int(j, "left", left_out);
		json_open_array(j, "s");
		for (size_t k = 0; k < n; k++) {
			if (!k)
				first = v[k].ts_ns;
			json_open_array(j, NULL);
			json_int(j, NULL, ns_diff(v[k].ts_ns, first));
			json_int(j, NULL, name_index(names, v[k].name));
			json_int(j, NULL, v[k].cpu);
			json_int(j, NULL, name_index(names, v[k].dev));
			json_int(j, NULL, name_index(names, v[k].context));
			json_int(j, NULL, v[k].pid);
			json_int(j, NULL, name_index(names, v[k].task));
			json_int(j, NULL, name_index(names, v[k].confidence));
			json_close_array(j);
		}
		json_close_array(j);
		json_close_object(j);
	}
	json_close_array(j);
	json_open_array(j, "names");
	for (int i = 0; names && i < names->n; i++)
		json_text(j, NULL, names->v[i]);
	json_close_array(j);
	free(names);
}
