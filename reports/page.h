/* SPDX-License-Identifier: MIT */
/*
 * page: the HTML report while it is written, and the pieces its panels are made
 * of. Text of the tape reaches the page only through page_text() and the cells
 * below, which escape it; everything else is text of ours.
 */
#ifndef SKBTAPE_PAGE_H
#define SKBTAPE_PAGE_H

#include "hops.h"
#include "rep.h"
#include "lang.h"
#include "text.h"
#include "../schema/json.h"

struct timeline;
struct chosen;

struct page {
	struct rep *r;
	struct buf words; /* a text while it is made, see page_finding() */
	FILE *f;
	struct hops hops;
	struct timeline *timeline; /* NULL: the recording's time is not known */
	struct chosen *chosen;
	int64_t range_ns;  /* end of the scale in the table being written */
	size_t text_bytes; /* text of the tape written so far */
};

/* A column's heading; numbers stand to the right. */
#define HEAD_RANGE 2 /* cells hold svg_range() to page.range_ns */
struct head {
	const char *text;
	int number;
};

/* Text of ours, marked with N_(), is given in English and translated here, but by page_text(). */
void page_text(struct page *p, const char *s);
/* page_textf() - page_text() of a printf */
void page_textf(struct page *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* page_hint() - a paragraph about what stands beside it */
void page_hint(struct page *p, const char *text);
void page_h3(struct page *p, const char *text);
/* page_fold() - begin what is folded on the screen; the caller ends it with </details>. */
void page_fold(struct page *p, const char *summary);
/* page_finding() - a text of a finding, see words_finding(); lives to the next call. */
const char *page_finding(struct page *p, int64_t id, const char *part, int64_t seq, const char *en);
/* page_note() - a finished sentence of the database, see lang_note(); lives to the next call. */
const char *page_note(struct page *p, const char *en);
/* page_td_word() - a cell with a word of the analysis, translated */
void page_td_word(struct page *p, const char *word);

/* page_table() - a table in a box that scrolls by itself; closed by page_table_end(). */
void page_table(struct page *p, const char *caption, const struct head *heads, size_t n);
void page_table_end(struct page *p);
/* page_cards() - a table that a phone shows as cards, laid out by the class @kind of page.css; closed by page_cards_end(). */
void page_cards(struct page *p, const char *kind, const char *caption, const struct head *heads, size_t n);
void page_cards_end(struct page *p);
/* Between page_row() and the next one stand as many cells as the table has heads. */
void page_row(struct page *p);
void page_row_end(struct page *p);
void page_td(struct page *p, const char *s);	  /* "" becomes a dash */
void page_td_name(struct page *p, const char *s); /* the row's heading */
void page_td_code(struct page *p, const char *s);
void page_td_num(struct page *p, int64_t n);
void page_td_num_opt(struct page *p, sqlite3_stmt *st, int i);
void page_td_dur(struct page *p, int64_t ns);
void page_td_dur_opt(struct page *p, sqlite3_stmt *st, int i);
void page_td_bytes_opt(struct page *p, sqlite3_stmt *st, int i);
void page_td_time(struct page *p, int64_t ns); /* since the start, UTC as its title */
/* page_td_task() - a task by its name (may be "") and number */
void page_td_task(struct page *p, const char *comm, int64_t pid);
/* page_td_place() - a device in its namespace; both may be "" */
void page_td_place(struct page *p, const char *netns, const char *dev);
/* page_td_packet() - a packet's number, a link where the page has the packet; 0: none */
void page_td_packet(struct page *p, int64_t id);
void page_td_dash(struct page *p);
void page_td_num_dash(struct page *p);

/* page_more() - what a bounded list left out, and how to get it; nothing where @shown is all. */
void page_more(struct page *p, int64_t shown, int64_t total, const char *what, const char *sql);
/* page_none() - a paragraph where a panel has nothing to show */
void page_none(struct page *p, const char *text);
/* page_sql() - SQL behind a fold, with a button that copies it */
void page_sql(struct page *p, const char *label, const char *sql);
/* page_command() - a command with a button that copies it */
void page_command(struct page *p, const char *command);
/* page_severity() - icon (its shape tells, not its colour alone) and word */
void page_severity(struct page *p, const char *severity);
/* page_class() - a drop's class as a tag */
void page_td_class(struct page *p, const char *drop_class);
/* page_td_bar() - a bar of @part in @whole */
void page_td_bar(struct page *p, int64_t part, int64_t whole);

/* The panels, in the report's order. */
void panel_verdict(struct page *p);
void panel_stack(struct page *p);
void panel_timeline(struct page *p);
void panel_drops(struct page *p);
void panel_packets(struct page *p);
void panel_latency(struct page *p);
void panel_cpus(struct page *p);
void panel_softirqs(struct page *p); /* part of the one before */
void panel_sockets(struct page *p);
/* parts of panels, below a heading of the caller */
void panel_wakeups(struct page *p);
void panel_locks(struct page *p);
void panel_gaps(struct page *p);
void panel_conntrack(struct page *p);
void panel_ledger(struct page *p);
void panel_config(struct page *p);
void panel_unseen(struct page *p);
void panel_recording(struct page *p);

#endif
