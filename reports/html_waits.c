/* SPDX-License-Identifier: MIT */
/* Tables of waits and gaps: for a CPU, for a socket's lock; frames and events that are tied to
 * nothing. */
#include "page.h"
#include "packets.h"
#include "words.h"

#include <inttypes.h>
#include <string.h>

void panel_wakeups(struct page *p)
{
	static const struct head heads[] = {
		{ N_("From"), true },	{ N_("Task"), false }, { N_("CPU"), true },
		{ N_("Waited"), true }, { N_("Why"), false },  { N_("What ran instead"), false },
		{ N_("for"), true }
	};
	int64_t all = rep_int(p->r, "SELECT count(*) FROM wakeup_delay", 0), shown = 0;
	sqlite3_stmt *st;

	if (!all) {
		page_none(p,
			  rep_int(p->r, "SELECT EXISTS (SELECT 1 FROM wakeup)", 0)
				  ? N_("No task waited 1 ms or longer for a CPU.")
				  : N_("Nothing is known of waits for a CPU: the recording has no "
				       "events of the scheduler."));
		return;
	}
	page_table(
		p,
		N_("Tasks that waited 1 ms or longer for a CPU: readers of sockets first, then the "
		   "longest waits"),
		heads, ARRAY_SIZE(heads));
	st = rep_query(p->r, "SELECT w.start_ns, t.comm, w.pid, w.cpu, w.wait_ns, w.state, "
			     "o.comm, w.other_pid, w.other_ns FROM wakeup_delay w LEFT JOIN task t "
			     "ON t.pid = w.pid LEFT JOIN task o ON o.pid = w.other_pid ORDER BY "
			     "w.pid IN (SELECT pid FROM _reader) DESC, w.wait_ns DESC, w.start_ns, "
			     "w.pid LIMIT 30");
	while (rep_row(p->r, &st)) {
		shown++;
		page_row(p);
		page_td_time(p, col_int(st, 0));
		page_td_task(p, col_text(st, 1), col_int(st, 2));
		page_td_num(p, col_int(st, 3));
		page_td_dur(p, col_int(st, 4));
		page_td_word(p, col_text(st, 5));
		if (col_null(st, 7))
			page_td(p, _("none, or not known"));
		else
			page_td_task(p, col_text(st, 6), col_int(st, 7));
		page_td_dur_opt(p, st, 8);
		page_row_end(p);
	}
	page_table_end(p);
	page_hint(p,
		  N_("Runnable: it was woken and waited for its turn. Preempted: it was taken off "
		     "the CPU while it could go on; a used-up CPU quota looks so, too."));
	page_more(p, shown, all, N_("waits"), "SELECT * FROM wakeup_delay ORDER BY wait_ns DESC");
}

void panel_locks(struct page *p)
{
	static const struct head heads[] = { { N_("Packet"), true },
					     { N_("From"), true },
					     { N_("Waited"), true },
					     { N_("CPU"), false },
					     { N_("Owner"), false } };
	int64_t all = rep_int(p->r, "SELECT count(*) FROM socket_lock", 0), shown = 0;
	sqlite3_stmt *st;

	if (!all) {
		page_none(p,
			  N_("No packet was seen to wait for a socket's lock; that shows only with "
			     "the profile full, on Linux 6.10 and later."));
		return;
	}
	page_table(p, N_("TCP packets that waited because a process held the socket's lock"), heads,
		   ARRAY_SIZE(heads));
	st = rep_query(p->r,
		       "SELECT s.packet_id, s.start_ns, s.ns, s.from_cpu, s.cpu, t.comm, s.pid "
		       "FROM socket_lock s LEFT JOIN task t ON t.pid = s.pid ORDER BY s.ns "
		       "DESC, s.packet_id LIMIT 20");
	while (rep_row(p->r, &st)) {
		shown++;
		page_row(p);
		page_td_packet(p, col_int(st, 0));
		page_td_time(p, col_int(st, 1));
		page_td_dur(p, col_int(st, 2));
		fprintf(p->f, "<td>%" PRId64 " → %" PRId64 "</td>", col_int(st, 3), col_int(st, 4));
		page_td_task(p, col_text(st, 5), col_int(st, 6));
		page_row_end(p);
	}
	page_table_end(p);
	page_more(p, shown, all, N_("packets"), "SELECT * FROM socket_lock ORDER BY ns DESC");
}

/* Reasons of tie_gap in plain words; some mean different things for frames and for events. */
static const char *gap_text(const char *what, const char *reason)
{
	static const struct {
		const char *what, *reason, *text;
	} texts[] = {
		{ "frame", "events-lost", N_("events were lost at that time") },
		{ "frame", "before-events", N_("captured before the events began") },
		{ "frame", "after-events", N_("captured after the events ended") },
		{ "frame", "clock", N_("no reading of the clocks ties the two") },
		{ "frame", "device-silent", N_("the device had no event in that direction") },
		{ "frame", "upper-device", N_("neither the device nor those below it had one") },
		{ "frame", "no-length", N_("where its network header begins is not known") },
		{ "frame", "no-event", N_("no event of that length at that time") },
		{ "frame", "contested", N_("other frames have the packets that it could be") },
		{ "event", "capture-filter", N_("the capture's filter left them out") },
		{ "event", "not-captured",
		  N_("nothing of that device and direction was captured") },
		{ "event", "frames-lost", N_("the capture lost frames at that time") },
		{ "event", "xdp", N_("generic XDP may have dropped them before the capture") },
		{ "event", "before-frames", N_("seen before the capture began") },
		{ "event", "after-frames", N_("seen after the capture ended") },
		{ "event", "contested", N_("other packets have the frames that it could be") },
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (!strcmp(texts[i].what, what) && !strcmp(texts[i].reason, reason))
			return _(texts[i].text);
	return "";
}

void panel_gaps(struct page *p)
{
	static const struct head heads[] = {
		{ N_("Device"), false }, { N_("Way"), false },	  { N_("What"), false },
		{ N_("Count"), true },	 { N_("Reason"), false }, { N_("What it means"), false }
	};
	int64_t frames = rep_int(p->r, "SELECT count(*) FROM _frame", 0), tied, all, shown = 0;
	sqlite3_stmt *st;

	if (!frames || !rep_int(p->r, "SELECT EXISTS (SELECT 1 FROM _packet)", 0)) {
		page_none(p,
			  N_("Frames and events were not both recorded, so there is nothing to tie "
			     "together."));
		return;
	}
	tied = rep_int(p->r, "SELECT count(*) FROM _frame WHERE packet_id IS NOT NULL", 0);
	fputs("<p>", p->f);
	fprintf(p->f, _("%1$s of %2$s frames (%3$s) are tied to the packet that the events show."),
		text_count(tied).s, text_count(frames).s, text_percent(tied, frames).s);
	fputs("</p>\n", p->f);
	all = rep_int(p->r, "SELECT count(*) FROM tie_gap", 0);
	if (!all)
		return;
	page_table(p,
		   N_("Frames without a packet, and packets that passed a capture without a frame"),
		   heads, ARRAY_SIZE(heads));
	st = rep_query(p->r, "SELECT netns, dev, direction, what, reason, count FROM tie_gap ORDER "
			     "BY count DESC, what, netns, dev, direction, reason LIMIT 40");
	while (rep_row(p->r, &st)) {
		shown++;
		page_row(p);
		page_td_place(p, col_text(st, 0), col_text(st, 1));
		page_td(p, strcmp(col_text(st, 2), "out") ? _("receive") : _("send"));
		page_td(p, strcmp(col_text(st, 3), "frame") ? _("packets without a frame")
							    : _("frames without a packet"));
		page_td_num(p, col_int(st, 5));
		page_td_code(p, col_text(st, 4));
		page_td(p, gap_text(col_text(st, 3), col_text(st, 4)));
		page_row_end(p);
	}
	page_table_end(p);
	page_more(p, shown, all, N_("rows"), "SELECT * FROM tie_gap");
}
