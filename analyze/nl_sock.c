/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * Sockets are followed by their cookie. A row is written when a socket is first
 * seen, when one of the numbers that tell its load differs from its row before,
 * and in the namespace's last dump. So that a busy host's changes do not push
 * out how it ended, ticks may use half of the rows only.
 */
#include "folder_nl.h"
#include "keymap.h"
#include "nl.h"

#include <linux/inet_diag.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/packet_diag.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#define SOCK_MAX     500000 /* sockets that are followed */
#define SOCK_ROW_MAX 200000
#define CT_ROW_MAX   200000
#define NONE	     (-1)

/* What is followed of a socket; the key stands first. */
struct sock_seen {
	int64_t netns_id;
	uint64_t kind_ports;
	uint64_t cookie;
	int64_t rqueue, wqueue, drops, rmem, state;
};

/* A socket's row. */
struct sock_row {
	enum nl_kind kind;
	int family;
	int64_t state; /* TCP_ number, NONE */
	char src[NL_ADDR_TEXT + 64], dst[NL_ADDR_TEXT];
	int64_t sport, dport, ifindex, inode, cookie, uid, rqueue, wqueue, timer, retrans;
	struct span meminfo; /* u32 by SK_MEMINFO_ */
	struct span info;    /* struct tcp_info */
	struct span cong;
};

struct nl_sock {
	const struct nl_env *env;
	struct keymap socks;
	struct nl_json json;
	uint64_t rows, refused, ct_rows, ct_refused;
	sqlite3_stmt *ins_sock, *ins_ct;
};

int nl_sock_open(struct nl_sock **out, const struct nl_env *env)
{
	struct nl_sock *s = calloc(1, sizeof(*s));

	if (!s || nl_json_open(&s->json)) {
		free(s);
		return -ENOMEM;
	}
	s->env = env;
	keymap_init(&s->socks, offsetof(struct sock_seen, rqueue), sizeof(struct sock_seen),
		    SOCK_MAX);
	s->ins_sock = db_prepare(env->d,
				 "INSERT INTO socket(snap_id, snap_ns, netns_id, netns, proto, "
				 "family, state, src, sport, dst, dport, "
				 "ifindex, inode, cookie, uid, rqueue, wqueue, timer, retrans, "
				 "rmem_bytes, rcvbuf_bytes, wmem_bytes, "
				 "sndbuf_bytes, wmem_queued_bytes, backlog_bytes, drops, tcp_info) "
				 "VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
				 "?, ?, ?, ?, ?, ?, ?, ?)");
	s->ins_ct = db_prepare(
		env->d,
		"INSERT INTO conntrack(snap_ns, netns_id, netns, proto, src, sport, dst, dport, "
		"reply_src, reply_sport, reply_dst, reply_dport, state, status, timeout_s, mark, "
		"zone) "
		"VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	*out = s;
	return 0;
}

void nl_sock_free(struct nl_sock *s)
{
	if (!s)
		return;
	keymap_free(&s->socks);
	nl_json_close(&s->json);
	free(s);
}

static const char *sock_proto(enum nl_kind kind)
{
	switch (kind) {
	case NL_SOCK_TCP:
		return "tcp";
	case NL_SOCK_UDP:
		return "udp";
	case NL_SOCK_RAW:
		return "raw";
	case NL_SOCK_UNIX:
		return "unix";
	default:
		return "packet";
	}
}

static const char *sock_state(int64_t state)
{
	/* include/net/tcp_states.h; other protocols use the same numbers */
	static const char *const text[] = { NULL,	  "ESTABLISHED",   "SYN_SENT",	"SYN_RECV",
					    "FIN_WAIT1",  "FIN_WAIT2",	   "TIME_WAIT", "CLOSE",
					    "CLOSE_WAIT", "LAST_ACK",	   "LISTEN",	"CLOSING",
					    "SYN_RECV",	  "BOUND_INACTIVE" };

	return state > 0 && state < (int64_t)ARRAY_SIZE(text) ? text[state] : NULL;
}

/* struct tcp_info (include/uapi/linux/tcp.h): it only ever grows at its end, so offsets are for all
 * kernels. */
static const struct {
	const char *name;
	uint8_t at, bytes;
} tcp_info_field[] = {
	{ "ca_state", 1, 1 },
	{ "retransmits", 2, 1 },
	{ "probes", 3, 1 },
	{ "backoff", 4, 1 },
	{ "options", 5, 1 },
	{ "rto", 8, 4 },
	{ "ato", 12, 4 },
	{ "snd_mss", 16, 4 },
	{ "rcv_mss", 20, 4 },
	{ "unacked", 24, 4 },
	{ "sacked", 28, 4 },
	{ "lost", 32, 4 },
	{ "retrans", 36, 4 },
	{ "last_data_sent", 44, 4 },
	{ "last_ack_sent", 48, 4 },
	{ "last_data_recv", 52, 4 },
	{ "last_ack_recv", 56, 4 },
	{ "pmtu", 60, 4 },
	{ "rcv_ssthresh", 64, 4 },
	{ "rtt_us", 68, 4 },
	{ "rttvar", 72, 4 },
	{ "snd_ssthresh", 76, 4 },
	{ "snd_cwnd", 80, 4 },
	{ "advmss", 84, 4 },
	{ "reordering", 88, 4 },
	{ "rcv_rtt", 92, 4 },
	{ "rcv_space", 96, 4 },
	{ "total_retrans", 100, 4 },
	{ "pacing_rate", 104, 8 },
	{ "max_pacing_rate", 112, 8 },
	{ "bytes_acked", 120, 8 },
	{ "bytes_received", 128, 8 },
	{ "segs_out", 136, 4 },
	{ "segs_in", 140, 4 },
	{ "notsent_bytes", 144, 4 },
	{ "min_rtt", 148, 4 },
	{ "data_segs_in", 152, 4 },
	{ "data_segs_out", 156, 4 },
	{ "delivery_rate", 160, 8 },
	{ "busy_time", 168, 8 },
	{ "rwnd_limited", 176, 8 },
	{ "sndbuf_limited", 184, 8 },
	{ "delivered", 192, 4 },
	{ "delivered_ce", 196, 4 },
	{ "bytes_sent", 200, 8 },
	{ "bytes_retrans", 208, 8 },
	{ "dsack_dups", 216, 4 },
	{ "reord_seen", 220, 4 },
	{ "rcv_ooopack", 224, 4 },
	{ "snd_wnd", 228, 4 },
	{ "rcv_wnd", 232, 4 },
	{ "rehash", 236, 4 },
	{ "total_rto", 240, 2 },
	{ "total_rto_recoveries", 242, 2 },
	{ "total_rto_time", 244, 4 },
};

static struct span tcp_info_json(struct nl_sock *s, const struct sock_row *r)
{
	struct json *j = nl_json_begin(&s->json);

	json_open_object(j, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(tcp_info_field); i++) {
		size_t at = tcp_info_field[i].at, n = tcp_info_field[i].bytes;

		if (at + n > r->info.n)
			break;
		json_uint(j, tcp_info_field[i].name,
			  n == 1   ? nl_get_u8(r->info, at)
			  : n == 2 ? nl_get_u16(r->info, at)
			  : n == 4 ? nl_get_u32(r->info, at)
				   : nl_get_u64(r->info, at));
	}
	if (r->info.n > 6) {
		json_uint(j, "snd_wscale", nl_get_u8(r->info, 6) & 0xf);
		json_uint(j, "rcv_wscale", nl_get_u8(r->info, 6) >> 4);
	}
	if (r->cong.p)
		json_span(j, "congestion", r->cong);
	json_close_object(j);
	return nl_json_end(&s->json);
}

/*
 * A number of the socket's memory information, NONE where it has none. No socket has a receive buffer of
 * 0 bytes (SOCK_MIN_RCVBUF): then it was made of /proc/net/udp, which tells two of the numbers.
 */
static int64_t meminfo(const struct sock_row *r, unsigned int which)
{
	if (which != SK_MEMINFO_RMEM_ALLOC && which != SK_MEMINFO_DROPS && (SK_MEMINFO_RCVBUF + 1) * 4 <= r->meminfo.n &&
	    !nl_get_u32(r->meminfo, SK_MEMINFO_RCVBUF * 4))
		return NONE;
	return (which + 1) * 4 <= r->meminfo.n ? (int64_t)nl_get_u32(r->meminfo, which * 4) : NONE;
}

/* Whether this socket gets a row now. */
static bool sock_due(struct nl_sock *s, const struct sock_row *r, const struct snap_at *at)
{
	struct sock_seen key = { .netns_id = at->netns_id,
				 .kind_ports = (uint64_t)r->kind << 32 |
					       (uint64_t)(r->sport & 0xffff) << 16 |
					       (uint64_t)(r->dport & 0xffff),
				 .cookie = (uint64_t)r->cookie };
	struct sock_seen *k, now = key;
	bool fresh, same;

	now.rqueue = r->rqueue;
	now.wqueue = r->wqueue;
	now.drops = meminfo(r, SK_MEMINFO_DROPS);
	now.rmem = meminfo(r, SK_MEMINFO_RMEM_ALLOC);
	now.state = r->state;
	k = keymap_get(&s->socks, &key, &fresh);
	same = k && !fresh && !memcmp(k, &now, sizeof(now));
	if (k)
		*k = now;
	if (same && !at->last)
		return false;
	if (s->rows >= (at->first || at->last ? SOCK_ROW_MAX : SOCK_ROW_MAX / 2)) {
		s->refused++;
		return false;
	}
	s->rows++;
	return true;
}

static void put_sock(struct nl_sock *s, const struct sock_row *r, const struct snap_at *at)
{
	sqlite3_stmt *st = s->ins_sock;

	if (!sock_due(s, r, at))
		return;
	db_bind_int(st, 1, at->seq);
	db_bind_int(st, 2, at->ns);
	db_bind_int(st, 3, at->netns_id);
	db_bind_text(st, 4, at->netns);
	db_bind_text(st, 5, sock_proto(r->kind));
	db_bind_int(st, 6, r->family);
	db_bind_text(st, 7, sock_state(r->state));
	db_bind_text(st, 8, r->src[0] ? r->src : NULL);
	db_bind_opt(st, 9, r->sport, NONE);
	db_bind_text(st, 10, r->dst[0] ? r->dst : NULL);
	db_bind_opt(st, 11, r->dport, NONE);
	db_bind_opt(st, 12, r->ifindex, 0);
	db_bind_int(st, 13, r->inode);
	db_bind_int(st, 14, r->cookie);
	db_bind_opt(st, 15, r->uid, NONE);
	db_bind_opt(st, 16, r->rqueue, NONE);
	db_bind_opt(st, 17, r->wqueue, NONE);
	db_bind_opt(st, 18, r->timer, NONE);
	db_bind_opt(st, 19, r->retrans, NONE);
	db_bind_opt(st, 20, meminfo(r, SK_MEMINFO_RMEM_ALLOC), NONE);
	db_bind_opt(st, 21, meminfo(r, SK_MEMINFO_RCVBUF), NONE);
	db_bind_opt(st, 22, meminfo(r, SK_MEMINFO_WMEM_ALLOC), NONE);
	db_bind_opt(st, 23, meminfo(r, SK_MEMINFO_SNDBUF), NONE);
	db_bind_opt(st, 24, meminfo(r, SK_MEMINFO_WMEM_QUEUED), NONE);
	db_bind_opt(st, 25, meminfo(r, SK_MEMINFO_BACKLOG), NONE);
	db_bind_opt(st, 26, meminfo(r, SK_MEMINFO_DROPS), NONE);
	db_bind_span(st, 27, r->info.p ? tcp_info_json(s, r) : (struct span){ 0 });
	db_run(s->env->d, st);
}

static int64_t cookie64(const uint32_t cookie[2])
{
	return (int64_t)(cookie[0] | (uint64_t)cookie[1] << 32);
}

static void load_inet(struct nl_sock *s, enum nl_kind kind, struct nl_dump *dump,
		      const struct nl_msg *m, const struct snap_at *at)
{
	const struct nlattr *tb[INET_DIAG_SKMEMINFO + 1];
	const struct inet_diag_msg *d = nl_head(dump, m, sizeof(*d), tb, ARRAY_SIZE(tb));
	struct sock_row r = { .kind = kind };
	size_t n;

	if (!d)
		return;
	if (d->idiag_family != AF_INET && d->idiag_family != AF_INET6) {
		dump->bad++;
		return;
	}
	n = d->idiag_family == AF_INET ? 4 : 16;
	nl_addr_text((struct span){ (const char *)d->id.idiag_src, n }, r.src);
	nl_addr_text((struct span){ (const char *)d->id.idiag_dst, n }, r.dst);
	r.family = d->idiag_family;
	r.state = d->idiag_state;
	r.sport = ntohs(d->id.idiag_sport);
	r.dport = ntohs(d->id.idiag_dport);
	r.ifindex = d->id.idiag_if;
	r.inode = d->idiag_inode;
	r.cookie = cookie64(d->id.idiag_cookie);
	r.uid = d->idiag_uid;
	r.rqueue = d->idiag_rqueue;
	r.wqueue = d->idiag_wqueue == FOLDER_NO_BACKLOG ? NONE : (int64_t)d->idiag_wqueue;
	r.timer = d->idiag_timer;
	r.retrans = d->idiag_retrans;
	r.meminfo = nl_raw(tb[INET_DIAG_SKMEMINFO]);
	if (kind == NL_SOCK_TCP) {
		r.info = nl_raw(tb[INET_DIAG_INFO]);
		r.cong = nl_text(tb[INET_DIAG_CONG]);
	}
	put_sock(s, &r, at);
}

static void load_unix(struct nl_sock *s, struct nl_dump *dump, const struct nl_msg *m,
		      const struct snap_at *at)
{
	const struct nlattr *tb[UNIX_DIAG_UID + 1];
	const struct unix_diag_msg *d = nl_head(dump, m, sizeof(*d), tb, ARRAY_SIZE(tb));
	struct sock_row r = {
		.kind = NL_SOCK_UNIX, .sport = NONE, .dport = NONE, .timer = NONE, .retrans = NONE
	};
	struct span name, queue;

	if (!d)
		return;
	name = nl_raw(tb[UNIX_DIAG_NAME]);
	queue = nl_raw(tb[UNIX_DIAG_RQLEN]);
	span_copy(name, r.src, sizeof(r.src));
	if (name.n && !r.src[0])
		r.src[0] = '@'; /* an abstract name starts with a NUL (unix(7)) */
	r.family = d->udiag_family;
	r.state = d->udiag_state;
	r.inode = d->udiag_ino;
	r.cookie = cookie64(d->udiag_cookie);
	r.uid = nl_int(tb[UNIX_DIAG_UID], NONE);
	r.rqueue = queue.n >= 8 ? (int64_t)nl_get_u32(queue, 0) : NONE;
	r.wqueue = queue.n >= 8 ? (int64_t)nl_get_u32(queue, 4) : NONE;
	r.meminfo = nl_raw(tb[UNIX_DIAG_MEMINFO]);
	put_sock(s, &r, at);
}

static void load_packet(struct nl_sock *s, struct nl_dump *dump, const struct nl_msg *m,
			const struct snap_at *at)
{
	const struct nlattr *tb[PACKET_DIAG_MEMINFO + 1];
	const struct packet_diag_msg *d = nl_head(dump, m, sizeof(*d), tb, ARRAY_SIZE(tb));
	struct sock_row r = {
		.kind = NL_SOCK_PACKET, .sport = NONE, .dport = NONE, .timer = NONE, .retrans = NONE
	};

	if (!d)
		return;
	r.family = d->pdiag_family;
	r.state = NONE;
	r.ifindex = (int32_t)nl_get_u32(nl_raw(tb[PACKET_DIAG_INFO]), 0);
	r.inode = d->pdiag_ino;
	r.cookie = cookie64(d->pdiag_cookie);
	r.uid = nl_int(tb[PACKET_DIAG_UID], NONE);
	r.meminfo = nl_raw(tb[PACKET_DIAG_MEMINFO]);
	r.rqueue = meminfo(&r, SK_MEMINFO_RMEM_ALLOC);
	r.wqueue = meminfo(&r, SK_MEMINFO_WMEM_ALLOC);
	put_sock(s, &r, at);
}

/* One direction of a connection. */
struct tuple {
	char src[NL_ADDR_TEXT], dst[NL_ADDR_TEXT];
	int64_t proto, sport, dport, zone;
};

static bool load_tuple(const struct nlattr *a, struct tuple *t)
{
	const struct nlattr *tb[CTA_TUPLE_ZONE + 1], *ip[CTA_IP_V6_DST + 1],
		*proto[CTA_PROTO_DST_PORT + 1];

	*t = (struct tuple){ .proto = NONE };
	if (!a || !nl_nested(a, tb, ARRAY_SIZE(tb)) ||
	    !nl_nested(tb[CTA_TUPLE_IP], ip, ARRAY_SIZE(ip)) ||
	    !nl_nested(tb[CTA_TUPLE_PROTO], proto, ARRAY_SIZE(proto)))
		return false;
	nl_addr_text(nl_raw(ip[CTA_IP_V4_SRC] ? ip[CTA_IP_V4_SRC] : ip[CTA_IP_V6_SRC]), t->src);
	nl_addr_text(nl_raw(ip[CTA_IP_V4_DST] ? ip[CTA_IP_V4_DST] : ip[CTA_IP_V6_DST]), t->dst);
	t->proto = nl_int(proto[CTA_PROTO_NUM], NONE);
	t->sport = nl_be(proto[CTA_PROTO_SRC_PORT], NONE);
	t->dport = nl_be(proto[CTA_PROTO_DST_PORT], NONE);
	t->zone = nl_be(tb[CTA_TUPLE_ZONE], NONE);
	return t->src[0] && t->dst[0] && t->proto != NONE;
}

static const char *proto_text(int64_t proto, char out[24])
{
	static const struct {
		int64_t no;
		const char *name;
	} known[] = {
		{ IPPROTO_TCP, "tcp" },		{ IPPROTO_UDP, "udp" },
		{ IPPROTO_ICMP, "icmp" },	{ IPPROTO_ICMPV6, "icmpv6" },
		{ IPPROTO_SCTP, "sctp" },	{ IPPROTO_DCCP, "dccp" },
		{ IPPROTO_GRE, "gre" },		{ IPPROTO_ESP, "esp" },
		{ IPPROTO_UDPLITE, "udplite" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].no == proto)
			return known[i].name;
	snprintf(out, 24, "%lld", (long long)proto);
	return out;
}

/* State of a TCP connection; NULL for other protocols. */
static const char *ct_state(const struct nlattr *info)
{
	/* include/uapi/linux/netfilter/nf_conntrack_tcp.h */
	static const char *const text[] = { "NONE",	"SYN_SENT",   "SYN_RECV", "ESTABLISHED",
					    "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT",
					    "CLOSE",	"SYN_SENT2" };
	const struct nlattr *tb[CTA_PROTOINFO_TCP + 1], *tcp[CTA_PROTOINFO_TCP_STATE + 1];
	int64_t v;

	if (!nl_nested(info, tb, ARRAY_SIZE(tb)) ||
	    !nl_nested(tb[CTA_PROTOINFO_TCP], tcp, ARRAY_SIZE(tcp)))
		return NULL;
	v = nl_int(tcp[CTA_PROTOINFO_TCP_STATE], NONE);
	return v >= 0 && v < (int64_t)ARRAY_SIZE(text) ? text[v] : NULL;
}

static void load_conntrack(struct nl_sock *s, struct nl_dump *dump, const struct nl_msg *m,
			   const struct snap_at *at)
{
	const struct nlattr *tb[CTA_ZONE + 1];
	sqlite3_stmt *st = s->ins_ct;
	struct tuple orig, reply;
	char proto[24];
	int64_t zone;

	if (!nl_head(dump, m, sizeof(struct nfgenmsg), tb, ARRAY_SIZE(tb)))
		return;
	if (!load_tuple(tb[CTA_TUPLE_ORIG], &orig)) {
		dump->bad++;
		return;
	}
	if (s->ct_rows++ >= CT_ROW_MAX) {
		s->ct_refused++;
		return;
	}
	if (!load_tuple(tb[CTA_TUPLE_REPLY], &reply))
		reply = (struct tuple){ .sport = NONE, .dport = NONE };
	zone = nl_be(tb[CTA_ZONE], orig.zone);
	db_bind_int(st, 1, at->ns);
	db_bind_int(st, 2, at->netns_id);
	db_bind_text(st, 3, at->netns);
	db_bind_text(st, 4, proto_text(orig.proto, proto));
	db_bind_text(st, 5, orig.src);
	db_bind_opt(st, 6, orig.sport, NONE);
	db_bind_text(st, 7, orig.dst);
	db_bind_opt(st, 8, orig.dport, NONE);
	db_bind_text(st, 9, reply.src[0] ? reply.src : NULL);
	db_bind_opt(st, 10, reply.sport, NONE);
	db_bind_text(st, 11, reply.dst[0] ? reply.dst : NULL);
	db_bind_opt(st, 12, reply.dport, NONE);
	db_bind_text(st, 13, ct_state(tb[CTA_PROTOINFO]));
	db_bind_opt(st, 14, nl_be(tb[CTA_STATUS], NONE), NONE);
	db_bind_opt(st, 15, nl_be(tb[CTA_TIMEOUT], NONE), NONE);
	db_bind_opt(st, 16, nl_be(tb[CTA_MARK], NONE), NONE);
	db_bind_opt(st, 17, zone, NONE);
	db_run(s->env->d, st);
}

/* Counters of connection tracking: a message per CPU, and one for the table. */
static void load_ctstats(struct nl_sock *s, struct nl_dump *dump)
{
	/* enum ctattr_stats_cpu; NULL: no longer used by the kernel */
	static const char *const name[CTA_STATS_CHAIN_TOOLONG + 1] = {
		[CTA_STATS_FOUND] = "found",
		[CTA_STATS_INVALID] = "invalid",
		[CTA_STATS_INSERT] = "insert",
		[CTA_STATS_INSERT_FAILED] = "insert_failed",
		[CTA_STATS_DROP] = "drop",
		[CTA_STATS_EARLY_DROP] = "early_drop",
		[CTA_STATS_ERROR] = "error",
		[CTA_STATS_SEARCH_RESTART] = "search_restart",
		[CTA_STATS_CLASH_RESOLVE] = "clash_resolve",
		[CTA_STATS_CHAIN_TOOLONG] = "chain_toolong",
	};
	struct sample x = { .source = "conntrack", .cpu = -1 };
	uint64_t sum[ARRAY_SIZE(name)] = { 0 };
	bool told[ARRAY_SIZE(name)] = { 0 };
	struct nl_msg m;

	while (nl_dump_next(dump, &m)) {
		const struct nlattr *tb[ARRAY_SIZE(name)];

		if (!nl_head(dump, &m, sizeof(struct nfgenmsg), tb, ARRAY_SIZE(tb)))
			continue;
		if (m.type == (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS_CPU)) {
			for (size_t i = 0; i < ARRAY_SIZE(name); i++) {
				sum[i] = sat_add_u64(sum[i], (uint64_t)nl_be(tb[i], 0));
				told[i] |= tb[i] != NULL;
			}
		} else if (m.type == (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS)) {
			x.name = SPAN_LIT("entries");
			x.value = nl_be(tb[CTA_STATS_GLOBAL_ENTRIES], 0);
			counters_put(s->env->counters, &x);
		} else {
			dump->bad++;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(name); i++) {
		if (!name[i] || !told[i])
			continue;
		x.name = (struct span){ name[i], strlen(name[i]) };
		x.value = counter_i64(sum[i]);
		counters_put(s->env->counters, &x);
	}
}

void nl_sock_load(struct nl_sock *s, enum nl_kind kind, struct nl_dump *dump,
		  const struct snap_at *at)
{
	struct nl_msg m;

	if (kind == NL_CTSTATS) {
		load_ctstats(s, dump);
		return;
	}
	while (nl_dump_next(dump, &m)) {
		if (kind == NL_CONNTRACK &&
		    m.type == (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW))
			load_conntrack(s, dump, &m, at);
		else if (kind == NL_CONNTRACK || m.type != SOCK_DIAG_BY_FAMILY)
			dump->bad++;
		else if (kind == NL_SOCK_UNIX)
			load_unix(s, dump, &m, at);
		else if (kind == NL_SOCK_PACKET)
			load_packet(s, dump, &m, at);
		else
			load_inet(s, kind, dump, &m, at);
	}
}

int nl_sock_finish(struct nl_sock *s)
{
	if (s->socks.nomem)
		return -ENOMEM;
	nl_limit(s->env->d, "socket", s->refused, SOCK_ROW_MAX);
	nl_limit(s->env->d, "conntrack", s->ct_refused, CT_ROW_MAX);
	return 0;
}
