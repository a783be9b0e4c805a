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
	{ "verdict", "Verdict", NULL, panel_verdict },
	{ "stack", "The stack",
	  "Every packet that was seen, from the NIC to the application and back: how many came by, "
	  "where they were dropped, and how long the way to each place took.",
	  panel_stack },
	{ "timeline", "Timeline", "What happened when.", panel_timeline },
	{ "drops", "Drops by place and reason",
	  "Which function freed packets, why, and whether that is a loss.", panel_drops },
	{ "packets", "Packets",
	  "Chosen packets with every stage that was seen of them: those of the findings, some of "
	  "each kind of drop, the slowest, and typical ones.",
	  panel_packets },
	{ "latency", "Latency per stage",
	  "Time between two stages of one packet, over all packets.", panel_latency },
	{ "cpus", "CPUs",
	  "Where packets changed CPU, what the softirqs cost, and the settings that decide it.",
	  panel_cpus },
	{ "sockets", "Sockets", "Queues and limits at the last snapshot.", panel_sockets },
	{ "conntrack", "Connection tracking", "How full it is, what it refused, and its timeouts.",
	  panel_conntrack },
	{ "ledger", "Counters ledger",
	  "Each counter that moved, and how much of it the recorded events explain.",
	  panel_ledger },
	{ "config", "Configuration that matters", "Settings that decide about what stands above.",
	  panel_config },
	{ "unseen", "What was not seen",
	  "Gaps and limits of this recording. What depends on them is less certain.",
	  panel_unseen },
	{ "recording", "How it was recorded", "Options, amounts and cost of the recording.",
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
	page_textf(p, "skbtape: %s", host[0] ? host : "unknown host");
	if (p->r->start_ns)
		page_textf(p, ", %.19s UTC", text_utc(p->r->start_ns).s);
}

static void write_header(struct page *p)
{
	char host[256], kernel[256];

	rep_fact(p->r, "host", host, sizeof(host));
	rep_fact(p->r, "kernel", kernel, sizeof(kernel));
	fputs("<p class=\"brand\">skbtape <span>network flight record</span></p>\n<h1>", p->f);
	page_text(p, host[0] ? host : "unknown host");
	fputs("</h1>\n<p class=\"facts\">", p->f);
	if (kernel[0]) {
		fputs("<span>Linux ", p->f);
		page_text(p, kernel);
		fputs("</span> ", p->f);
	}
	if (p->r->start_ns)
		fprintf(p->f, "<span>%s</span> ", text_utc(p->r->start_ns).s);
	if (p->r->end_ns > p->r->start_ns)
		fprintf(p->f, "<span>%s long</span>",
			text_duration(ns_diff(p->r->end_ns, p->r->start_ns)).s);
	fputs("</p>", p->f);
	if (p->r->incomplete) {
		fputs("\n<p class=\"cut\"><strong>The tape is incomplete.</strong> ", p->f);
		page_text(p, p->r->why);
		fputs("</p>", p->f);
	}
}

static void write_nav(struct page *p)
{
	fputs("<ol>\n", p->f);
	for (size_t i = 0; i < ARRAY_SIZE(panels); i++)
		fprintf(p->f, "<li><a href=\"#%s\">%s</a></li>\n", panels[i].id, panels[i].title);
	fputs("</ol>", p->f);
}

static void write_main(struct page *p)
{
	for (size_t i = 0; i < ARRAY_SIZE(panels); i++) {
		fprintf(p->f,
			"<section id=\"%s\" aria-labelledby=\"%s-title\">\n<h2 "
			"id=\"%s-title\">%s</h2>\n",
			panels[i].id, panels[i].id, panels[i].id, panels[i].title);
		if (panels[i].lede)
			fprintf(p->f, "<p class=\"lede\">%s</p>\n", panels[i].lede);
		panels[i].write(p);
		fputs("</section>\n", p->f);
	}
}

static void write_footer(struct page *p)
{
	fputs("<p>Written by skbtape " SKBTAPE_VERSION
	      ". This page makes no request to anywhere. Times are UTC, or seconds since "
	      "the start of the recording. Where a command says <code>DB</code>, that is what "
	      "<code>skbtape analyze TAPE</code> writes.</p>",
	      p->f);
}

static void write_data(struct page *p)
{
	struct json j;

	json_begin(&j, p->f, false);
	json_open_object(&j, NULL);
	json_text(&j, "start", p->r->start_ns ? text_utc(p->r->start_ns).s : NULL);
	timeline_json(p->timeline, &j);
	packets_json(p, &j);
	json_close_object(&j);
	json_end(&j);
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
		{ "policy", write_policy }, { "title", write_title }, { "style", write_style },
		{ "header", write_header }, { "nav", write_nav },     { "main", write_main },
		{ "footer", write_footer }, { "data", write_data },   { "script", write_script },
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

	p.timeline = timeline_make(r);
	p.chosen = packets_choose(r);
	while ((mark = strstr(at, "{{")) && (end = strstr(mark, "}}"))) {
		fwrite(at, 1, (size_t)(mark - at), f);
		write_mark(&p, (struct span){ mark + 2, (size_t)(end - mark - 2) });
		at = end + 2;
	}
	fputs(at, f);
	timeline_free(p.timeline);
	packets_free(p.chosen);
}
