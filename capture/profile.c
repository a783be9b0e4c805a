/* SPDX-License-Identifier: MIT */
/*
 * What decides the cost of a recording is how many events a packet makes (0.2
 * to 0.35 us each), so events come in four steps. Packet events have no
 * filters: whatever a filter leaves out, a later question asks for. The filters
 * below drop only what carries no answer: softirqs raised for others than the
 * network (their entries and exits stay, they show what ran instead), a dequeue
 * that found nothing and is not being stopped by the driver, XDP batches in
 * which everything went well, routes that were found.
 */
#include "profile.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define XDP_FAILED "drops > 0 || err != 0"
/* of a miss in the table local the lookup goes on (fib_lookup(), include/net/ip_fib.h) */
#define ROUTE_FAILED "err != 0 && tb_id != 255"
#define EVENT(sys, ev, step, ...)                                                                  \
	{                                                                                          \
		.system = (sys), .name = (ev), .from = (step), ##__VA_ARGS__                       \
	}

static const struct profile_event events[] = {
	EVENT("skb", "kfree_skb", PROFILE_DROPS, .core = true),
	EVENT("sock", "sock_rcvqueue_full", PROFILE_DROPS, .core = true),
	EVENT("sock", "sock_exceed_buf_limit", PROFILE_DROPS, .core = true),
	EVENT("udp", "udp_fail_queue_rcv_skb", PROFILE_DROPS, .core = true),
	EVENT("sock", "inet_sock_set_state", PROFILE_DROPS),
	EVENT("sock", "inet_sk_error_report", PROFILE_DROPS),
	EVENT("tcp", "tcp_retransmit_skb", PROFILE_DROPS, .core = true),
	EVENT("tcp", "tcp_retransmit_synack", PROFILE_DROPS),
	EVENT("tcp", "tcp_send_reset", PROFILE_DROPS),
	EVENT("tcp", "tcp_receive_reset", PROFILE_DROPS),
	EVENT("tcp", "tcp_bad_csum", PROFILE_DROPS),
	EVENT("net", "net_dev_xmit_timeout", PROFILE_DROPS),
	EVENT("napi", "dql_stall_detected", PROFILE_DROPS),
	EVENT("neigh", "neigh_event_send_dead", PROFILE_DROPS),
	EVENT("qdisc", "qdisc_drop", PROFILE_DROPS),
	EVENT("qdisc", "qdisc_reset", PROFILE_DROPS),
	EVENT("xdp", "xdp_exception", PROFILE_DROPS),
	EVENT("xdp", "xdp_redirect_err", PROFILE_DROPS),
	EVENT("xdp", "xdp_redirect_map_err", PROFILE_DROPS),
	EVENT("xdp", "xdp_bulk_tx", PROFILE_DROPS, .filter = XDP_FAILED),
	EVENT("xdp", "xdp_devmap_xmit", PROFILE_DROPS, .filter = XDP_FAILED),
	EVENT("xdp", "xdp_cpumap_enqueue", PROFILE_DROPS, .filter = "drops > 0"),
	EVENT("xdp", "xdp_cpumap_kthread", PROFILE_DROPS, .filter = "drops > 0"),

	EVENT("net", "netif_receive_skb", PROFILE_PATH, .core = true),
	EVENT("net", "netif_receive_skb_entry", PROFILE_PATH),
	EVENT("net", "netif_receive_skb_list_entry", PROFILE_PATH),
	EVENT("net", "netif_rx", PROFILE_PATH, .core = true),
	EVENT("net", "napi_gro_receive_entry", PROFILE_PATH, .core = true),
	EVENT("net", "napi_gro_receive_exit", PROFILE_PATH),
	EVENT("net", "napi_gro_frags_entry", PROFILE_PATH),
	EVENT("net", "napi_gro_frags_exit", PROFILE_PATH),
	EVENT("net", "net_dev_queue", PROFILE_PATH, .core = true),
	EVENT("net", "net_dev_start_xmit", PROFILE_PATH, .core = true),
	EVENT("net", "net_dev_xmit", PROFILE_PATH, .core = true),
	EVENT("skb", "consume_skb", PROFILE_PATH, .core = true),
	EVENT("skb", "skb_copy_datagram_iovec", PROFILE_PATH, .core = true),
	EVENT("qdisc", "qdisc_enqueue", PROFILE_PATH),
	EVENT("qdisc", "qdisc_dequeue", PROFILE_PATH, .filter = "packets != 0 || txq_state != 0"),

	EVENT("napi", "napi_poll", PROFILE_STANDARD, .core = true),
	EVENT("irq", "softirq_raise", PROFILE_STANDARD, .core = true,
	      .filter = "vec == 2 || vec == 3"),
	EVENT("irq", "softirq_entry", PROFILE_STANDARD, .core = true),
	EVENT("irq", "softirq_exit", PROFILE_STANDARD, .core = true),
	EVENT("irq", "irq_handler_entry", PROFILE_STANDARD, .core = true),
	EVENT("irq", "irq_handler_exit", PROFILE_STANDARD, .core = true),
	EVENT("sched", "sched_switch", PROFILE_STANDARD, .core = true),
	EVENT("sched", "sched_waking", PROFILE_STANDARD, .core = true),
	EVENT("sched", "sched_wakeup", PROFILE_STANDARD, .core = true, .unless = "sched_waking"),
	EVENT("sock", "sk_data_ready", PROFILE_STANDARD),
	EVENT("sock", "sock_recv_length", PROFILE_STANDARD),

	/* rare ones that name what no packet event does */
	EVENT("fib", "fib_table_lookup", PROFILE_STANDARD, .filter = ROUTE_FAILED),
	EVENT("icmp", "icmp_send", PROFILE_STANDARD),
	EVENT("neigh", "neigh_update", PROFILE_STANDARD),

	/* what netif_rx and net_dev_queue say, too, or what no answer needs */
	EVENT("net", "netif_rx_entry", PROFILE_FULL),
	EVENT("net", "netif_rx_ni_entry", PROFILE_FULL),
	EVENT("sock", "sock_send_length", PROFILE_FULL),
	EVENT("net", "netif_rx_exit", PROFILE_FULL),
	EVENT("net", "netif_rx_ni_exit", PROFILE_FULL),
	EVENT("net", "netif_receive_skb_exit", PROFILE_FULL),
	EVENT("net", "netif_receive_skb_list_exit", PROFILE_FULL),
	EVENT("tcp", "tcp_probe", PROFILE_FULL),
	EVENT("tcp", "tcp_sendmsg_locked", PROFILE_FULL),
	EVENT("tcp", "tcp_rcv_space_adjust", PROFILE_FULL),
	EVENT("tcp", "tcp_rcvbuf_grow", PROFILE_FULL),
	EVENT("tcp", "tcp_cong_state_set", PROFILE_FULL),
	EVENT("tcp", "tcp_destroy_sock", PROFILE_FULL),
	EVENT("fib6", "fib6_table_lookup", PROFILE_FULL),
	EVENT("neigh", "neigh_create", PROFILE_FULL),
	EVENT("neigh", "neigh_update_done", PROFILE_FULL),
	EVENT("neigh", "neigh_timer_handler", PROFILE_FULL),
	EVENT("neigh", "neigh_event_send_done", PROFILE_FULL),
	EVENT("neigh", "neigh_cleanup_and_release", PROFILE_FULL),
	EVENT("qdisc", "qdisc_create", PROFILE_FULL),
	EVENT("qdisc", "qdisc_destroy", PROFILE_FULL),
	EVENT("xdp", "xdp_redirect", PROFILE_FULL),
	EVENT("xdp", "xdp_redirect_map", PROFILE_FULL),
	EVENT("csd", "csd_queue_cpu", PROFILE_FULL),
	EVENT("csd", "csd_function_entry", PROFILE_FULL),
	EVENT("csd", "csd_function_exit", PROFILE_FULL),
	EVENT("ipi", "ipi_send_cpu", PROFILE_FULL),
	EVENT("ipi", "ipi_raise", PROFILE_FULL, .unless = "ipi_send_cpu"),
	EVENT("irq_vectors", "call_function_single_entry", PROFILE_FULL),
	EVENT("irq_vectors", "call_function_single_exit", PROFILE_FULL),
	EVENT("sched", "sched_process_fork", PROFILE_FULL),
	EVENT("sched", "sched_process_exec", PROFILE_FULL),
	EVENT("sched", "sched_process_exit", PROFILE_FULL),
};

static_assert(ARRAY_SIZE(events) <= PROFILE_EVENTS_MAX, "one slot for each event");

const struct profile_event *profile_events(size_t *n)
{
	*n = ARRAY_SIZE(events);
	return events;
}

static const char *const names[] = {
	[PROFILE_DROPS] = "drops",
	[PROFILE_PATH] = "path",
	[PROFILE_STANDARD] = "standard",
	[PROFILE_FULL] = "full",
};

static_assert(ARRAY_SIZE(names) == PROFILE_COUNT, "one name for each profile");

int trace_profile_parse(const char *name, enum trace_profile *p)
{
	for (unsigned int i = 0; i < PROFILE_COUNT; i++) {
		if (!strcmp(name, names[i])) {
			*p = (enum trace_profile)i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *trace_profile_name(enum trace_profile p)
{
	return names[p];
}

/* not tracefs_event_file_exists(): libtracefs 1.6.4 looks where tracefs is mounted, not where it
 * was told */
static bool event_here(const char *dir, const char *system, const char *name)
{
	char path[512];
	struct stat st;

	/* nor access(2), which asks for the real user and so forgets capabilities */
	snprintf(path, sizeof(path), "%s/events/%s/%s", dir, system, name);
	return !stat(path, &st);
}

bool profile_event_here(const char *dir, const struct profile_event *ev)
{
	return event_here(dir, ev->system, ev->name);
}

bool profile_event_wanted(const char *dir, const struct profile_event *ev, enum trace_profile p)
{
	return ev->from <= p && !(ev->unless && event_here(dir, ev->system, ev->unless));
}

int profile_arm(enum trace_profile p, const char *dir, struct tape_writer *w,
		int (*arm)(void *ctx, const struct profile_event *ev), void *ctx, struct err *e)
{
	struct buf absent = { 0 };
	int64_t count = 0, armed = 0;
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(events) && !rc; i++) {
		const struct profile_event *ev = &events[i];

		if (!profile_event_wanted(dir, ev, p))
			continue;
		if (profile_event_here(dir, ev)) {
			rc = arm(ctx, ev);
			armed += !rc;
			if (rc && !tape_writer_failed(w)) {
				quality_put(w, "event-missing", "ftrace", -1, NULL, -1, -1, -1,
					    "%s:%s exists but cannot be enabled", ev->system,
					    ev->name);
				rc = 0;
			}
		} else if (ev->core) {
			quality_put(w, "event-missing", "ftrace", -1, NULL, -1, -1, -1,
				    "%s:%s does not exist on this kernel", ev->system, ev->name);
		} else {
			buf_printf(&absent, "%s%s:%s", absent.len ? " " : "", ev->system, ev->name);
			count++;
		}
	}
	if (absent.len)
		quality_put(w, "event-absent", "ftrace", -1, NULL, -1, -1, count,
			    "not on this kernel: %.*s", (int)absent.len, (char *)absent.data);
	buf_free(&absent);
	if (rc)
		return err_set(e, rc, "cannot write the event formats to the tape");
	if (!armed)
		return err_set(e, -ENOENT, "this kernel has none of the events of profile '%s'",
			       trace_profile_name(p));
	return 0;
}
