/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * page.html has marks in double braces; what stands between them is copied, and
 * each mark names what is written in its place. The panels come from one table.
 *
 * The page holds text that an attacker chose. Three things keep it inert: every
 * text is escaped where it is written (text.h), the policy allows only the one
 * style and the one script whose hashes are computed here (so even markup that
 * got through could not run), and the script itself writes textContent only.
 *
 * Nothing of the time or the place of writing enters: the same database gives
 * the same bytes.
 */
#include "formats.h"
#include "page.h"
#include "packets.h"
#include "../schema/sha256.h"
#include "timeline.h"
#include "../analyze/embed.h"

#include <string.h>

struct panel {
	const char *id;
	const char *title;
	const char *lede; /* what it answers */
	void (*write)(struct page *p);
};

static const struct panel panels[] = {
	{ "verdict", N_("Verdict"), NULL, panel_verdict },
	{ "stack", N_("The stack"),
	  N_("Every packet that was seen, from the NIC to the application and back: how many came "
	     "by, "
	     "where they were dropped, and how long the way to each place took."),
	  panel_stack },
	{ "timeline", N_("Timeline"), N_("What happened when."), panel_timeline },
	{ "drops", N_("Drops by place and reason"),
	  N_("Which function freed packets, why, and whether that is a loss."), panel_drops },
	{ "packets", N_("Packets"),
	  N_("Chosen packets with every stage that was seen of them: those of the findings, some "
	     "of "
	     "each kind of drop, the slowest, and typical ones."),
	  panel_packets },
	{ "latency", N_("Latency per stage"),
	  N_("How long packets took: whole ways, and between two stages, over all packets and "
	     "where."),
	  panel_latency },
	{ "cpus", N_("CPUs"),
	  N_("Where packets changed CPU, what the softirqs cost, and the settings that decide it."),
	  panel_cpus },
	{ "sockets", N_("Sockets"),
	  N_("Queues and limits at the last snapshot, and what readers and packets waited for."),
	  panel_sockets },
	{ "conntrack", N_("Connection tracking"),
	  N_("How full it is, what it refused, and its timeouts."), panel_conntrack },
	{ "ledger", N_("Counters ledger"),
	  N_("Each counter that moved, and how much of it the recorded events explain."),
	  panel_ledger },
	{ "config", N_("Configuration that matters"),
	  N_("Settings that decide about what stands above."), panel_config },
	{ "unseen", N_("What was not seen"),
	  N_("Gaps and limits of this recording. What depends on them is less certain."),
	  panel_unseen },
	{ "recording", N_("How it was recorded"), N_("Options, amounts and cost of the recording."),
	  panel_recording },
};

static void write_policy(struct page *p)
{
	char style[SHA256_BASE64_SIZE], script[SHA256_BASE64_SIZE];

	sha256_base64(embed_find("reports/page.css"), style);
	sha256_base64(embed_find("reports/page.js"), script);
	fprintf(p->f,
		"default-src 'none'; style-src 'sha256-%s'; script-src 'sha256-%s'; img-src data:; "
		"base-uri 'none'; form-action 'none'",
		style, script);
}

static void write_title(struct page *p)
{
	char host[256];

	rep_fact(p->r, "host", host, sizeof(host));
	page_textf(p, "skbtape: %s", host[0] ? host : _("unknown host"));
	if (rep_dated(p->r))
		page_textf(p, ", %.19s UTC", text_utc(p->r->start_ns).s);
}

static void write_length(struct page *p)
{
	fputs("<span>", p->f);
	fprintf(p->f, _("%s long"), text_duration(ns_diff(p->r->end_ns, p->r->start_ns)).s);
	fputs("</span>", p->f);
}

static void write_header(struct page *p)
{
	char host[256], kernel[256];

	rep_fact(p->r, "host", host, sizeof(host));
	rep_fact(p->r, "kernel", kernel, sizeof(kernel));
	fprintf(p->f, "<p class=\"brand\">skbtape <span>%s</span></p>\n<h1>",
		_("network flight record"));
	page_text(p, host[0] ? host : _("unknown host"));
	fputs("</h1>\n<p class=\"facts\">", p->f);
	if (kernel[0]) {
		fputs("<span>Linux ", p->f);
		page_text(p, kernel);
		fputs("</span> ", p->f);
	}
	if (rep_dated(p->r))
		fprintf(p->f, "<span>%s</span> ", text_utc(p->r->start_ns).s);
	if (p->r->end_ns > p->r->start_ns)
		write_length(p);
	fputs("</p>", p->f);
	if (p->r->incomplete) {
		fprintf(p->f, "\n<p class=\"cut\"><strong>%s</strong> ",
			_("The tape is incomplete."));
		page_text(p, page_note(p, p->r->why));
		fputs("</p>", p->f);
	}
}

static void write_nav(struct page *p)
{
	fputs("<ol>\n", p->f);
	for (size_t i = 0; i < ARRAY_SIZE(panels); i++)
		fprintf(p->f, "<li><a href=\"#%s\">%s</a></li>\n", panels[i].id,
			_(panels[i].title));
	fputs("</ol>", p->f);
}

static void write_main(struct page *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(panels); i++) {
		fprintf(p->f,
			"<section id=\"%s\" aria-labelledby=\"%s-title\">\n<h2 "
			"id=\"%s-title\">%s</h2>\n",
			panels[i].id, panels[i].id, panels[i].id, _(panels[i].title));
		if (panels[i].lede)
			fprintf(p->f, "<p class=\"lede\">%s</p>\n", _(panels[i].lede));
		panels[i].write(p);
		fputs("</section>\n", p->f);
	}
}

static void write_footer(struct page *p)
{
	fputs("<p>", p->f);
	fprintf(p->f,
		_("Written by skbtape %s. This page makes no request to anywhere. Times are UTC, "
		  "or seconds "
		  "since the start of the recording. Where a command says <code>DB</code>, that is "
		  "what "
		  "<code>skbtape analyze TAPE</code> writes."),
		SKBTAPE_VERSION);
	fprintf(p->f, " %s</p>",
		_("Long texts are cut in tables, where … stands: the database has them in full."));
}

/* What the script says: each T("...") of page.js, checked by tests/test_lang.c. */
static const char *const script_words[] = {
	N_("Copy"),
	N_("Selected"),
	N_("Copied"),
	N_("start"),
	N_("to"),
	N_("nothing"),
	N_("Point at a time in the picture, or use the arrow keys."),
	N_("Stages on CPU lanes; the table below names them"),
	N_("Stages; circles are softirq, squares task, diamonds hardirq, octagons drops"),
	N_("Since its start"),
	N_("After the one before"),
	N_("Stage"),
	N_("Device"),
	N_("Context"),
	N_("Task"),
	N_("Certainty"),
	N_("Stages on CPU lanes"),
	N_("Packet"),
	N_("No stage of this packet was seen."),
	N_("Stages"),
	N_("%s more stages are left out."),
	N_("Show packet"),
	N_("packets: %s"),
	N_("task"),
	N_("softirq"),
	N_("hardirq"),
	N_("certain"),
	N_("high"),
	N_("medium"),
	N_("low"),
};

static void write_script_words(struct json *j)
{
	json_open_object(j, "words");
	for (size_t i = 0; i < ARRAY_SIZE(script_words); i++)
		if (lang_find(script_words[i]))
			json_text(j, script_words[i], lang_text(script_words[i]));
	json_close_object(j);
}

static void write_data(struct page *p)
{
	struct json j;

	json_begin(&j, p->f, false);
	json_open_object(&j, NULL);
	json_text(&j, "start", rep_dated(p->r) ? text_utc(p->r->start_ns).s : NULL);
	write_script_words(&j);
	timeline_json(p->timeline, &j);
	packets_json(p, &j);
	json_close_object(&j);
	json_end(&j);
}

static void write_lang(struct page *p)
{
	fputs(lang_tag(), p->f);
}

static void write_skip(struct page *p)
{
	fputs(_("Skip to the verdict"), p->f);
}

static void write_sections(struct page *p)
{
	fputs(_("Sections of the report"), p->f);
}

static void write_embedded(struct page *p, const char *name)
{
	struct span s = embed_find(name);

	fwrite(s.p, 1, s.n, p->f);
}

static void write_style(struct page *p)
{
	write_embedded(p, "reports/page.css");
}

static void write_script(struct page *p)
{
	write_embedded(p, "reports/page.js");
}

static void write_mark(struct page *p, struct span mark)
{
	static const struct {
		const char *name;
		void (*write)(struct page *p);
	} marks[] = {
		{ "lang", write_lang },		{ "skip", write_skip },
		{ "sections", write_sections }, { "policy", write_policy },
		{ "title", write_title },	{ "style", write_style },
		{ "header", write_header },	{ "nav", write_nav },
		{ "main", write_main },		{ "footer", write_footer },
		{ "data", write_data },		{ "script", write_script },
	};

	for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
		if (span_is(mark, marks[i].name))
			marks[i].write(p);
}

void html_write(struct rep *r, FILE *f)
{
	struct span page = embed_find("reports/page.html");
	struct page p = { .r = r, .f = f };
	const char *at = page.p, *mark, *end;

	hops_read(&p.hops, r);
	p.timeline = timeline_make(r, &p.hops);
	p.chosen = packets_choose(r);
	while ((mark = strstr(at, "{{")) && (end = strstr(mark, "}}"))) {
		fwrite(at, 1, (size_t)(mark - at), f);
		write_mark(&p, (struct span){ mark + 2, (size_t)(end - mark - 2) });
		at = end + 2;
	}
	fputs(at, f);
	hops_free(&p.hops);
	timeline_free(p.timeline);
	packets_free(p.chosen);
	buf_free(&p.words);
}
