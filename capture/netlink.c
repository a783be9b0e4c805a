/* SPDX-License-Identifier: MIT */
#include "netlink.h"
#include "snap_files.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/inet_diag.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <linux/packet_diag.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* after netinet/in.h, whose types they would define again */
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

/*
 * Theory of operation
 *
 * A dump is one request and the datagrams that follow up to NLMSG_DONE; each datagram
 * holds whole messages and is copied as it is. Nothing is decoded here, except that
 * devices and qdiscs are looked up, because classes and filters are dumped per device.
 *
 * Asking must not change the host. The kernel loads modules on demand (request_module())
 * where, in the sources of 3.10 to 6.18:
 *  - a netlink socket of an unknown protocol is opened: netlink_create(), net/netlink/af_netlink.c.
 *    rtnetlink and sock_diag are never modules (net/core/Makefile); nfnetlink can be one.
 *  - sock_diag is asked about a family or protocol without handler: __sock_diag_cmd() in
 *    net/core/sock_diag.c, inet_diag_lock_handler() in net/ipv4/inet_diag.c. The handlers are
 *    in tcp_diag (which needs inet_diag), udp_diag, raw_diag, unix_diag, af_packet_diag.
 *  - nfnetlink gets a message for a subsystem that is not there: nfnetlink_rcv_msg() in
 *    net/netfilter/nfnetlink.c.
 *  - getsockopt() names an iptables table that is not there: xt_request_find_table_lock() in
 *    net/netfilter/x_tables.c; since 3.x it also creates the table in a namespace that has
 *    none of that name. A table that exists is found before either happens.
 * So each kind names the modules that must be in the kernel already, loaded or built in. A
 * kernel without module support loads nothing: there /proc/modules and the settings of
 * module loading do not exist, and everything may be asked. rtnetlink dumps load nothing
 * (rtnetlink_rcv_msg(), tc_dump_qdisc(), tc_dump_tclass(), tc_dump_tfilter(): only requests
 * that add something do), nor do the dumps of nf_tables and ctnetlink: ctnetlink_start() and
 * ctnetlink_dump_table() register no hook (nf_ct_netns_get() is called by rules only), so
 * connection tracking stays off in a namespace where it is off. No request here resets a counter.
 */

#define CHUNK	    (128 * KIB) /* room for one datagram; dumps come in up to 32 KiB (netlink_dump()) */
#define TIMEOUT_S   2
#define BATCH_MAX   1000000 /* datagrams of one dump; the byte limits end it long before */
#define QDISC_MAX   8192
#define TABLE_MAX   (32 * MIB)
#define TABLE_TRIES 3

enum { PROTO_ROUTE, PROTO_DIAG, PROTO_NF, PROTO_COUNT };

/* clang-format off */
static const struct kind {
	const char *name;
	uint8_t proto;
	uint8_t when;
	uint8_t body;	     /* bytes behind the message header, zero where fill_request() says nothing */
	uint16_t type;
	uint32_t limit;	     /* bytes */
	uint32_t messages;   /* at most this many, 0: any number */
	const char *modules; /* that must be there, separated by blanks; what they depend on is then there too */
} kinds[] = {
#define RT(n, t, s, l, w) { n, PROTO_ROUTE, w, sizeof(s), t, l, 0, NULL }
#define DIAG(n, s, l, w, m) { n, PROTO_DIAG, w, sizeof(s), SOCK_DIAG_BY_FAMILY, l, 200000, m }
#define NF(n, sub, msg, l, max, w, m) \
	{ n, PROTO_NF, w, sizeof(struct nfgenmsg), (sub) << 8 | (msg), l, max, m }
#define NFT(n, msg, w) NF(n, NFNL_SUBSYS_NFTABLES, msg, 16 * MIB, 0, w, "nf_tables")
#define CT	       "nf_conntrack_netlink"
	[NETLINK_LINK] = RT("link", RTM_GETLINK, struct ifinfomsg, 16 * MIB, NETLINK_TICK),
	[NETLINK_ADDR] = RT("addr", RTM_GETADDR, struct ifaddrmsg, 8 * MIB, 0),
	[NETLINK_ROUTES] = RT("route", RTM_GETROUTE, struct rtmsg, 8 * MIB, 0),
	[NETLINK_RULE] = RT("rule", RTM_GETRULE, struct rtmsg, 4 * MIB, 0),
	[NETLINK_NEIGH] = RT("neigh", RTM_GETNEIGH, struct ndmsg, 4 * MIB, NETLINK_TICK),
	[NETLINK_NEIGHTBL] = RT("neightbl", RTM_GETNEIGHTBL, struct ndtmsg, 512 * KIB, NETLINK_TICK),
	[NETLINK_NEXTHOP] = RT("nexthop", RTM_GETNEXTHOP, uint64_t /* struct nhmsg */, 4 * MIB, 0),
	[NETLINK_QDISC] = RT("qdisc", RTM_GETQDISC, struct tcmsg, 8 * MIB, NETLINK_TICK),
	[NETLINK_TCLASS] = RT("tclass", RTM_GETTCLASS, struct tcmsg, 8 * MIB, NETLINK_TICK),
	[NETLINK_TFILTER] = RT("tfilter", RTM_GETTFILTER, struct tcmsg, 8 * MIB, NETLINK_TICK),
	[NETLINK_SOCK_TCP] = DIAG("sock-tcp", struct inet_diag_req_v2, 32 * MIB, NETLINK_TICK, "tcp_diag"),
	[NETLINK_SOCK_TCP6] = DIAG("sock-tcp6", struct inet_diag_req_v2, 32 * MIB, NETLINK_TICK, "tcp_diag"),
	[NETLINK_SOCK_UDP] = DIAG("sock-udp", struct inet_diag_req_v2, 16 * MIB, NETLINK_TICK, "udp_diag"),
	[NETLINK_SOCK_UDP6] = DIAG("sock-udp6", struct inet_diag_req_v2, 16 * MIB, NETLINK_TICK, "udp_diag"),
	[NETLINK_SOCK_RAW] = DIAG("sock-raw", struct inet_diag_req_v2, 4 * MIB, 0, "raw_diag"),
	[NETLINK_SOCK_UNIX] = DIAG("sock-unix", struct unix_diag_req, 8 * MIB, 0, "unix_diag"),
	[NETLINK_SOCK_PACKET] = DIAG("sock-packet", struct packet_diag_req, 4 * MIB, NETLINK_TICK, "af_packet_diag"),
	[NETLINK_CONNTRACK] = NF("conntrack", NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET, 4 * MIB, 20000,
				 NETLINK_TICK_FULL, CT),
	[NETLINK_CTSTATS] = NF("ctstats", NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET_STATS_CPU, 1 * MIB, 0,
			       NETLINK_TICK, CT),
	[NETLINK_NFT_TABLE] = NFT("nft-table", NFT_MSG_GETTABLE, 0),
	[NETLINK_NFT_CHAIN] = NFT("nft-chain", NFT_MSG_GETCHAIN, 0),
	[NETLINK_NFT_RULE] = NFT("nft-rule", NFT_MSG_GETRULE, NETLINK_TICK),
	[NETLINK_NFT_SET] = NFT("nft-set", NFT_MSG_GETSET, 0),
	[NETLINK_NFT_GEN] = NFT("nft-gen", NFT_MSG_GETGEN, NETLINK_TICK),
#undef RT
#undef DIAG
#undef NF
#undef NFT
#undef CT
};
/* clang-format on */
_Static_assert(ARRAY_SIZE(kinds) == NETLINK_KIND_COUNT, "a row for each kind");

const char *netlink_kind_name(enum netlink_kind k)
{
	return kinds[k].name;
}

unsigned int netlink_kind_when(enum netlink_kind k)
{
	return kinds[k].when;
}

/* --- what may be asked --- */

bool netlink_module_here(struct span loaded, struct span builtin, const char *name)
{
	struct span line, word, live;
	size_t n = strlen(name);

	/* "NAME SIZE USERS BY STATE ADDRESS": one that is just coming or going does not count */
	while (span_line(&loaded, &line)) {
		if (!span_word(&line, &word) || !span_is(word, name))
			continue;
		for (int field = 1; field <= 4; field++)
			if (!span_word(&line, &live))
				live = (struct span){ "", 0 };
		return span_is(live, "Live");
	}
	/* "kernel/net/ipv4/NAME.ko"; the file may have '-' where the name has '_' */
	while (span_line(&builtin, &line)) {
		const char *slash = line.n ? memrchr(line.p, '/', line.n) : NULL;
		size_t at = slash ? (size_t)(slash - line.p) + 1 : 0, i = 0;

		while (i < n && at + i < line.n &&
		       (line.p[at + i] == '-' ? '_' : line.p[at + i]) == name[i])
			i++;
		if (i == n && line.n - at >= n + 3 && !memcmp(line.p + at + n, ".ko", 3))
			return true;
	}
	return false;
}

static bool absent(const char *path)
{
	return access(path, F_OK) < 0 && errno == ENOENT;
}

/* The first of the modules @list that is not in the kernel, by its name in @list. */
static const char *first_missing(const char *list, struct span loaded, struct span builtin)
{
	char name[64];

	for (const char *p = list; *p; p += strspn(p, " ")) {
		size_t n = strcspn(p, " ");

		span_copy((struct span){ p, n }, name, sizeof(name));
		if (!netlink_module_here(loaded, builtin, name))
			return p;
		p += n;
	}
	return NULL;
}

void netlink_access_init(struct netlink_access *a)
{
	struct buf loaded = { 0 }, builtin = { 0 };
	struct utsname u;
	char path[200];

	memset(a, 0, sizeof(*a));
	if (absent("/proc/modules") && absent("/proc/sys/kernel/modprobe") &&
	    absent("/proc/sys/kernel/modules_disabled"))
		return;
	a->modules = true;
	/* what cannot be read counts as not there: then less is asked */
	files_read(AT_FDCWD, "/proc/modules", FILES_LIMIT, &loaded, NULL);
	if (!uname(&u) && snprintf(path, sizeof(path), "/lib/modules/%s/modules.builtin",
				   u.release) < (int)sizeof(path))
		files_read(AT_FDCWD, path, FILES_LIMIT, &builtin, NULL);
	for (int k = 0; k < NETLINK_KIND_COUNT; k++)
		if (kinds[k].modules)
			a->lacks[k] = first_missing(
				kinds[k].modules,
				(struct span){ (const char *)loaded.data, loaded.len },
				(struct span){ (const char *)builtin.data, builtin.len });
	buf_free(&loaded);
	buf_free(&builtin);
}

/* --- sockets --- */

void netlink_open(struct netlink *n, const struct netlink_access *a)
{
	*n = (struct netlink){ .access = a, .fd = { -1, -1, -1 } };
}

static void close_socket(struct netlink *n, int proto)
{
	if (n->fd[proto] >= 0)
		close(n->fd[proto]);
	n->fd[proto] = -1;
}

void netlink_close(struct netlink *n)
{
	for (int p = 0; p < PROTO_COUNT; p++)
		close_socket(n, p);
	buf_free(&n->qdiscs);
}

static int open_socket(struct netlink *n, int proto)
{
	static const int protocols[] = { NETLINK_ROUTE, NETLINK_SOCK_DIAG, NETLINK_NETFILTER };
	const struct timeval timeout = { .tv_sec = TIMEOUT_S };
	int fd;

	if (n->fd[proto] >= 0)
		return n->fd[proto];
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocols[proto]);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	n->fd[proto] = fd;
	return fd;
}

/* --- one dump --- */

/* A request: header, the kind's body, and an attribute or two. */
struct request {
	struct nlmsghdr h;
	union {
		uint8_t bytes[80];
		struct tcmsg tc;
		struct inet_diag_req_v2 inet;
		struct unix_diag_req un;
		struct packet_diag_req packet;
		struct nfgenmsg nf;
	};
};

static void put_attr(struct request *q, uint16_t type)
{
	const struct nlattr a = { .nla_len = NLA_HDRLEN, .nla_type = type };

	memcpy((uint8_t *)q + q->h.nlmsg_len, &a, sizeof(a));
	q->h.nlmsg_len += NLA_HDRLEN;
}

static void fill_request(struct request *q, enum netlink_kind k)
{
	memset(q, 0, sizeof(*q));
	q->h.nlmsg_len = NLMSG_LENGTH(kinds[k].body);
	q->h.nlmsg_type = kinds[k].type;
	q->h.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	switch (k) {
	case NETLINK_QDISC:
		/* default qdiscs of classes too; older kernels ignore it */
		put_attr(q, TCA_DUMP_INVISIBLE);
		break;
	case NETLINK_SOCK_TCP:
	case NETLINK_SOCK_TCP6:
	case NETLINK_SOCK_UDP:
	case NETLINK_SOCK_UDP6:
	case NETLINK_SOCK_RAW:
		q->inet.sdiag_family =
			k == NETLINK_SOCK_TCP6 || k == NETLINK_SOCK_UDP6 ? AF_INET6 : AF_INET;
		q->inet.sdiag_protocol = k == NETLINK_SOCK_RAW ? IPPROTO_RAW
					 : k == NETLINK_SOCK_TCP || k == NETLINK_SOCK_TCP6
						 ? IPPROTO_TCP
						 : IPPROTO_UDP;
		q->inet.idiag_states = UINT32_MAX;
		q->inet.idiag_ext = 1 << (INET_DIAG_MEMINFO - 1) | 1 << (INET_DIAG_INFO - 1) |
				    1 << (INET_DIAG_VEGASINFO - 1) | 1 << (INET_DIAG_CONG - 1) |
				    1 << (INET_DIAG_SKMEMINFO - 1);
		break;
	case NETLINK_SOCK_UNIX:
		q->un.sdiag_family = AF_UNIX;
		q->un.udiag_states = UINT32_MAX;
		q->un.udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER | UDIAG_SHOW_ICONS |
				   UDIAG_SHOW_RQLEN | UDIAG_SHOW_MEMINFO;
		break;
	case NETLINK_SOCK_PACKET:
		q->packet.sdiag_family = AF_PACKET;
		q->packet.pdiag_show = PACKET_SHOW_INFO | PACKET_SHOW_MCLIST |
				       PACKET_SHOW_RING_CFG | PACKET_SHOW_FANOUT |
				       PACKET_SHOW_MEMINFO;
		break;
	case NETLINK_NFT_GEN:
		q->h.nlmsg_flags = NLM_F_REQUEST;
		break;
	default:
		break;
	}
}

/* Calls @fn for each whole message of @data. Return: false where a length is wrong, or when @fn
 * said so. */
static bool each_message(const uint8_t *data, size_t len,
			 bool (*fn)(void *ctx, const struct nlmsghdr *h, const uint8_t *body,
				    size_t n),
			 void *ctx)
{
	struct nlmsghdr h;

	for (size_t at = 0; len - at >= sizeof(h);) {
		size_t step;

		memcpy(&h, data + at, sizeof(h));
		if (h.nlmsg_len < sizeof(h) || h.nlmsg_len > len - at)
			return false;
		if (!fn(ctx, &h, data + at + NLMSG_HDRLEN, h.nlmsg_len - NLMSG_HDRLEN))
			return false;
		step = NLMSG_ALIGN((size_t)h.nlmsg_len);
		at += step < len - at ? step : len - at;
	}
	return true;
}

/* Where a dump stands. */
struct progress {
	uint32_t seq;
	bool single; /* one answer, no NLMSG_DONE */
	bool done;
	int rc;
	struct netlink_result r;
};

static bool see_message(void *ctx, const struct nlmsghdr *h, const uint8_t *body, size_t n)
{
	struct progress *p = ctx;
	int error;

	if (h->nlmsg_seq != p->seq)
		return true;
	if (h->nlmsg_flags & NLM_F_DUMP_INTR)
		p->r.interrupted = true;
	if (h->nlmsg_type == NLMSG_ERROR) {
		p->done = true;
		p->rc = -EPROTO;
		if (n >= sizeof(error)) {
			memcpy(&error, body, sizeof(error));
			p->rc = error < 0 && error >= -4095 ? error : -EPROTO;
		}
	} else if (h->nlmsg_type == NLMSG_DONE) {
		p->done = true;
		/* a dump that failed half-way says so here */
		if (n >= sizeof(error)) {
			memcpy(&error, body, sizeof(error));
			if (error < 0 && error >= -4095)
				p->rc = error;
		}
	} else {
		p->r.messages++;
		p->done |= p->single;
	}
	return true;
}

/* Send @q and append what comes. The socket is closed where answers may still be under way. */
static int run_request(struct netlink *n, enum netlink_kind k, struct request *q, struct buf *out,
		       struct netlink_result *r)
{
	const struct kind *kind = &kinds[k];
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK }, from;
	struct progress p = { .seq = ++n->seq,
			      .single = !(q->h.nlmsg_flags & NLM_F_DUMP),
			      .r = *r };
	size_t start = out->len;
	int fd = open_socket(n, kind->proto), rc = 0;
	ssize_t got;

	if (fd < 0)
		return fd;
	q->h.nlmsg_seq = p.seq;
	do
		got = sendto(fd, q, q->h.nlmsg_len, 0, (struct sockaddr *)&kernel, sizeof(kernel));
	while (got < 0 && errno == EINTR);
	if (got < 0)
		rc = -errno;
	for (unsigned int turn = 0; !rc && !p.done && !p.r.cut; turn++) {
		struct iovec iov;
		struct msghdr m = { .msg_name = &from,
				    .msg_namelen = sizeof(from),
				    .msg_iov = &iov,
				    .msg_iovlen = 1 };

		rc = buf_reserve(out, CHUNK);
		if (rc)
			break;
		iov = (struct iovec){ out->data + out->len, CHUNK };
		got = recvmsg(fd, &m, 0);
		if (got < 0 && errno == EINTR && turn < BATCH_MAX)
			continue;
		if (got <= 0 || turn >= BATCH_MAX) {
			rc = got < 0 && errno != EAGAIN ? -errno : -ETIMEDOUT;
			break;
		}
		if (from.nl_pid)
			continue; /* not from the kernel */
		if (m.msg_flags & MSG_TRUNC) {
			p.r.cut = true;
			break;
		}
		each_message(out->data + out->len, (size_t)got, see_message, &p);
		out->len += (size_t)got;
		p.r.cut = !p.done && (out->len - start >= kind->limit ||
				      (kind->messages && p.r.messages >= kind->messages));
	}
	if (!rc)
		rc = p.rc;
	if (!p.done)
		close_socket(n, kind->proto);
	if (rc) {
		out->len = start;
		return rc;
	}
	*r = p.r;
	return 0;
}

/* --- classes and filters --- */

/* A qdisc, as far as it tells what else to ask of its device. */
struct netlink_qdisc {
	int ifindex;
	uint32_t handle;
	char kind[16];
};

/* Calls for attribute @type in @attrs of @n bytes. Return: its payload, or NULL. */
static const uint8_t *find_attr(const uint8_t *attrs, size_t n, uint16_t type, size_t *len)
{
	struct nlattr a;

	while (n >= sizeof(a)) {
		size_t step;

		memcpy(&a, attrs, sizeof(a));
		if (a.nla_len < sizeof(a) || a.nla_len > n)
			break;
		if ((a.nla_type & NLA_TYPE_MASK) == type) {
			*len = a.nla_len - sizeof(a);
			return attrs + sizeof(a);
		}
		step = NLA_ALIGN((size_t)a.nla_len);
		if (step > n)
			break;
		attrs += step;
		n -= step;
	}
	return NULL;
}

static void copy_name(const uint8_t *p, size_t len, char *out, size_t size)
{
	span_copy((struct span){ (const char *)p, p ? strnlen((const char *)p, len) : 0 }, out,
		  size);
}

static bool keep_qdisc(void *ctx, const struct nlmsghdr *h, const uint8_t *body, size_t n)
{
	struct netlink *nl = ctx;
	struct netlink_qdisc q = { 0 };
	struct tcmsg tc;
	const uint8_t *kind;
	size_t len = 0;

	if (h->nlmsg_type != RTM_NEWQDISC || n < sizeof(tc))
		return true;
	memcpy(&tc, body, sizeof(tc));
	kind = find_attr(body + NLMSG_ALIGN(sizeof(tc)), n - NLMSG_ALIGN(sizeof(tc)), TCA_KIND,
			 &len);
	q.ifindex = tc.tcm_ifindex;
	q.handle = tc.tcm_handle;
	copy_name(kind, len, q.kind, sizeof(q.kind));
	return nl->qdiscs.len / sizeof(q) < QDISC_MAX && !buf_put(&nl->qdiscs, &q, sizeof(q));
}

static bool in_list(const char *const *list, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i], word))
			return true;
	return false;
}

/* Whether the classes of a qdisc say more than the qdisc itself; those of mq are its queues'
 * qdiscs. */
static bool wants_classes(const struct netlink_qdisc *q)
{
	static const char *const plain[] = {
		"noqueue", "pfifo_fast", "pfifo", "bfifo", "pfifo_head_drop", "fq",	"fq_codel",
		"codel",   "fq_pie",	 "pie",	  "mq",	   "ingress",	      "clsact", "cake",
		"sfq",	   "blackhole",	 "plug",  "gred",  "choke",	      "hhf",
	};

	return !in_list(plain, ARRAY_SIZE(plain), q->kind);
}

/* Parents to ask for filters of a qdisc; 0: none. */
static void filter_parents(const struct netlink_qdisc *q, uint32_t parents[2])
{
	static const char *const without[] = {
		"noqueue",   "pfifo_fast", "pfifo",  "bfifo",  "pfifo_head_drop", "fq",	 "codel",
		"pie",	     "mq",	   "mqprio", "tbf",    "netem",		  "red", "gred",
		"blackhole", "plug",	   "hhf",    "taprio",
	};

	parents[0] = parents[1] = 0;
	if (!strcmp(q->kind, "ingress") || !strcmp(q->kind, "clsact"))
		parents[0] = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS);
	else if (!in_list(without, ARRAY_SIZE(without), q->kind))
		parents[0] = q->handle;
	if (!strcmp(q->kind, "clsact"))
		parents[1] = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS);
}

/* Whether an entry before the @i-th has the same device and wants classes too: its dump holds both.
 */
static bool device_seen(const struct netlink_qdisc *q, size_t i)
{
	/* a device's qdiscs stand together */
	for (size_t j = i; j-- > 0 && q[j].ifindex == q[i].ifindex;)
		if (wants_classes(&q[j]))
			return true;
	return false;
}

static int dump_qdiscs(struct netlink *n, struct buf *out, struct netlink_result *r)
{
	size_t start = out->len;
	struct request q;
	int rc;

	fill_request(&q, NETLINK_QDISC);
	rc = run_request(n, NETLINK_QDISC, &q, out, r);
	if (rc)
		return rc;
	buf_reset(&n->qdiscs);
	each_message(out->data + start, out->len - start, keep_qdisc, n);
	n->qdiscs_known = true;
	return 0;
}

/* One dump per device (classes) or per parent (filters). */
static int dump_traffic_control(struct netlink *n, enum netlink_kind k, struct buf *out,
				struct netlink_result *r)
{
	const struct netlink_qdisc *qdiscs;
	size_t start = out->len;
	struct request q;
	int rc = 0;

	if (!n->qdiscs_known) {
		struct netlink_result ignored = { 0 };

		rc = dump_qdiscs(n, out, &ignored);
		out->len = start;
		if (rc)
			return rc;
	}
	qdiscs = (const struct netlink_qdisc *)n->qdiscs.data;
	for (size_t i = 0; i < n->qdiscs.len / sizeof(*qdiscs) && !r->cut; i++) {
		uint32_t parents[2] = { 0, 0 };

		if (k == NETLINK_TFILTER)
			filter_parents(&qdiscs[i], parents);
		else if (wants_classes(&qdiscs[i]) && !device_seen(qdiscs, i))
			parents[0] = 1; /* not used: classes of all qdiscs of the device */
		for (int p = 0; p < 2 && parents[p] && !r->cut; p++) {
			fill_request(&q, k);
			q.tc.tcm_ifindex = qdiscs[i].ifindex;
			q.tc.tcm_parent = k == NETLINK_TFILTER ? parents[p] : 0;
			rc = run_request(n, k, &q, out, r);
			/* the device or the qdisc may be gone by now, some kinds have no filters */
			if (rc == -ENOMEM || rc == -ETIMEDOUT)
				return rc;
			r->cut |= out->len - start >= kinds[k].limit;
		}
	}
	return 0;
}

int netlink_dump(struct netlink *n, enum netlink_kind k, struct buf *out, struct netlink_result *r)
{
	struct netlink_result x = { 0 };
	size_t start = out->len;
	struct request q;
	int rc;

	if (n->access->lacks[k])
		return -ENOPKG;
	if (k == NETLINK_QDISC) {
		rc = dump_qdiscs(n, out, &x);
	} else if (k == NETLINK_TCLASS || k == NETLINK_TFILTER) {
		rc = dump_traffic_control(n, k, out, &x);
	} else {
		fill_request(&q, k);
		rc = run_request(n, k, &q, out, &x);
		if (!rc && k == NETLINK_SOCK_RAW && !x.cut) {
			/* both families in one member; without IPv6 the second one is refused */
			fill_request(&q, k);
			q.inet.sdiag_family = AF_INET6;
			run_request(n, k, &q, out, &x);
		} else if (!rc && k == NETLINK_CTSTATS && !x.cut) {
			/* entries and maximum, one message; since Linux 3.19, so its lack is no
			 * error */
			fill_request(&q, k);
			q.h.nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS;
			q.h.nlmsg_flags = NLM_F_REQUEST;
			run_request(n, k, &q, out, &x);
		}
	}
	if (rc) {
		out->len = start;
		return rc;
	}
	*r = x;
	return 0;
}

struct link_ctx {
	void (*fn)(void *ctx, int ifindex, const char *name, unsigned int flags);
	void *ctx;
};

static bool see_link(void *ctx, const struct nlmsghdr *h, const uint8_t *body, size_t n)
{
	const struct link_ctx *l = ctx;
	struct ifinfomsg i;
	char name[16]; /* IFNAMSIZ */
	const uint8_t *p;
	size_t len = 0;

	if (h->nlmsg_type != RTM_NEWLINK || n < sizeof(i))
		return true;
	memcpy(&i, body, sizeof(i));
	p = find_attr(body + sizeof(i), n - sizeof(i), IFLA_IFNAME, &len);
	copy_name(p, len, name, sizeof(name));
	if (name[0])
		l->fn(l->ctx, i.ifi_index, name, i.ifi_flags);
	return true;
}

void netlink_each_link(struct span dump,
		       void (*fn)(void *ctx, int ifindex, const char *name, unsigned int flags),
		       void *ctx)
{
	struct link_ctx l = { fn, ctx };

	each_message((const uint8_t *)dump.p, dump.n, see_link, &l);
}

/* --- legacy iptables --- */

int netlink_iptables(int family, const char *table, struct buf *out)
{
	/* both families have the same numbers and layouts here
	 * (linux/netfilter_ipv[46]/ip*_tables.h) */
	const int level = family == AF_INET6 ? IPPROTO_IPV6 : IPPROTO_IP;
	const size_t head = offsetof(struct ipt_get_entries, entrytable);
	size_t start = out->len;
	int fd, rc = -EAGAIN;

	_Static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo), "layout");
	_Static_assert(IPT_SO_GET_INFO == IP6T_SO_GET_INFO &&
			       IPT_SO_GET_ENTRIES == IP6T_SO_GET_ENTRIES,
		       "same numbers");
	if (strlen(table) >= XT_TABLE_MAXNAMELEN)
		return -EINVAL;
	fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* a table that is replaced between the two calls has another size: EAGAIN */
	for (int i = 0; rc == -EAGAIN && i < TABLE_TRIES; i++) {
		struct ipt_getinfo info = { 0 };
		struct ipt_get_entries e = { 0 };
		socklen_t len = sizeof(info);

		out->len = start;
		strcpy(info.name, table);
		if (getsockopt(fd, level, IPT_SO_GET_INFO, &info, &len) < 0) {
			rc = -errno;
			break;
		}
		if (info.size > TABLE_MAX) {
			rc = -E2BIG;
			break;
		}
		strcpy(e.name, table);
		e.size = info.size;
		rc = buf_reserve(out, sizeof(info) + head + info.size);
		if (rc)
			break;
		memcpy(out->data + start, &info, sizeof(info));
		memcpy(out->data + start + sizeof(info), &e, head);
		len = (socklen_t)(head + info.size);
		rc = getsockopt(fd, level, IPT_SO_GET_ENTRIES, out->data + start + sizeof(info),
				&len) < 0
			     ? -errno
			     : 0;
		if (!rc)
			out->len = start + sizeof(info) + head + info.size;
	}
	close(fd);
	return rc;
}
