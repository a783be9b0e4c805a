/* SPDX-License-Identifier: MIT */
#include "folder_nl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/gen_stats.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVS_MAX 8192

/* ---- messages ---- */

static int pad(struct buf *out)
{
	static const uint8_t zero[NLMSG_ALIGNTO];

	return buf_put(out, zero, NLMSG_ALIGN(out->len) - out->len) ? -ENOMEM : 0;
}

int folder_nl_begin(struct buf *out, uint16_t type, const void *head, size_t n, size_t *at)
{
	struct nlmsghdr h = { .nlmsg_type = type, .nlmsg_flags = NLM_F_MULTI };

	*at = out->len;
	return buf_put(out, &h, sizeof(h)) || buf_put(out, head, n) || pad(out) ? -ENOMEM : 0;
}

int folder_nl_attr(struct buf *out, uint16_t type, const void *data, size_t n)
{
	struct nlattr a = { .nla_len = (uint16_t)(NLA_HDRLEN + n), .nla_type = type };

	return buf_put(out, &a, sizeof(a)) || buf_put(out, data, n) || pad(out) ? -ENOMEM : 0;
}

int folder_nl_u32(struct buf *out, uint16_t type, int64_t v)
{
	uint32_t u = (uint32_t)v;

	return v < 0 ? 0 : folder_nl_attr(out, type, &u, sizeof(u));
}

int folder_nl_text(struct buf *out, uint16_t type, const char *s)
{
	return *s ? folder_nl_attr(out, type, s, strlen(s) + 1) : 0;
}

void folder_nl_end(struct buf *out, size_t at)
{
	uint32_t n = (uint32_t)(out->len - at);

	memcpy(out->data + at + offsetof(struct nlmsghdr, nlmsg_len), &n, sizeof(n));
}

int folder_nl_done(struct buf *out)
{
	int32_t zero = 0;
	size_t at;
	int rc = folder_nl_begin(out, NLMSG_DONE, &zero, sizeof(zero), &at);

	if (!rc)
		folder_nl_end(out, at);
	return rc;
}

int folder_nl_nest(struct buf *out, uint16_t type, size_t *at)
{
	*at = out->len;
	return folder_nl_attr(out, type, "", 0);
}

void folder_nl_nest_end(struct buf *out, size_t at)
{
	uint16_t n = (uint16_t)(out->len - at);

	memcpy(out->data + at, &n, sizeof(n));
}

/* ---- devices ---- */

static struct folder_dev *get_dev(struct folder_devs *d, struct span name, bool *nomem)
{
	struct folder_dev *v;

	for (size_t i = 0; i < d->n; i++)
		if (span_is(name, d->v[i].name))
			return &d->v[i];
	if (d->n == DEVS_MAX || !name.n || name.n >= sizeof(v->name)) {
		d->refused++;
		return NULL;
	}
	if (!(d->n & (d->n - 1))) { /* full at each power of two */
		v = realloc(d->v, (d->n ? d->n * 2 : 1) * sizeof(*v));
		if (!v) {
			*nomem = true;
			return NULL;
		}
		d->v = v;
	}
	v = &d->v[d->n++];
	memset(v, 0, sizeof(*v));
	span_copy(name, v->name, sizeof(v->name));
	v->ifindex = v->link = v->mtu = v->flags = v->arphrd = v->queue_len = v->operstate = v->carrier = v->changes = -1;
	v->rx_queues = v->tx_queues = -1;
	return v;
}

uint32_t folder_devs_index(const struct folder_devs *d, struct span name)
{
	for (size_t i = 0; i < d->n; i++)
		if (span_is(name, d->v[i].name))
			return d->v[i].ifindex > 0 ? (uint32_t)d->v[i].ifindex : 0;
	return 0;
}

int64_t folder_number(struct span s)
{
	uint64_t v;

	if (span_starts(s, "0x"))
		return !span_hex((struct span){ s.p + 2, s.n - 2 }, &v) && v <= INT32_MAX ? (int64_t)v : -1;
	return !span_u64(s, &v) && v <= INT32_MAX ? (int64_t)v : -1;
}

size_t folder_mac(struct span s, uint8_t *mac, size_t size)
{
	struct span part;
	uint64_t byte;
	size_t n = 0;

	while (n < size && span_field(&s, ':', &part) && part.n == 2 && !span_hex(part, &byte))
		mac[n++] = (uint8_t)byte;
	return n;
}

/* RFC 2863, 3.1.14: the number is the place; sysfs writes them small */
static int64_t read_operstate(struct span s)
{
	static const char *const text[] = { "unknown", "notpresent", "down", "lowerlayerdown", "testing", "dormant", "up" };

	for (size_t i = 0; i < ARRAY_SIZE(text); i++)
		if (s.n == strlen(text[i]) && !strncasecmp(s.p, text[i], s.n))
			return (int64_t)i;
	return -1;
}

/* "<BROADCAST,UP,LOWER_UP>" */
static void read_flags(struct folder_dev *v, struct span s)
{
	static const struct {
		const char *name;
		uint32_t bit;
	} known[] = {
		{ "UP", IFF_UP },	      { "BROADCAST", IFF_BROADCAST }, { "LOOPBACK", IFF_LOOPBACK },
		{ "NOARP", IFF_NOARP },	      { "PROMISC", IFF_PROMISC },     { "POINTOPOINT", IFF_POINTOPOINT },
		{ "MASTER", IFF_MASTER },     { "SLAVE", IFF_SLAVE },	      { "ALLMULTI", IFF_ALLMULTI },
		{ "LOWER_UP", 1U << 16 },     { "DORMANT", 1U << 17 },	      { "MULTICAST", IFF_MULTICAST },
	};
	struct span word;

	v->flags = 0;
	s = (struct span){ s.p + 1, s.n - 2 };
	while (span_field(&s, ',', &word)) {
		for (size_t i = 0; i < ARRAY_SIZE(known); i++)
			if (span_is(word, known[i].name))
				v->flags |= known[i].bit;
		if (span_is(word, "NO-CARRIER"))
			v->carrier = 0;
		else if (span_is(word, "LOWER_UP"))
			v->carrier = 1;
	}
}

/* "4: eth0@if5: <UP> mtu 1400 qdisc noqueue master br0 state UP ... qlen 1000" */
static struct folder_dev *read_head(struct folder_devs *d, struct span line, bool *nomem)
{
	struct span word, name, at;
	struct folder_dev *v;
	int64_t index;

	if (!span_field(&line, ':', &word) || (index = folder_number(word)) <= 0 || !span_word(&line, &word) || word.n < 2 ||
	    word.p[word.n - 1] != ':')
		return NULL;
	word.n--;
	span_field(&word, '@', &name);
	v = get_dev(d, name, nomem);
	if (!v)
		return NULL;
	v->ifindex = index;
	if (span_starts(word, "if"))
		v->link = folder_number((struct span){ word.p + 2, word.n - 2 });
	while (span_word(&line, &word)) {
		if (word.n > 2 && word.p[0] == '<')
			read_flags(v, word);
		else if (!span_word(&line, &at))
			break;
		else if (span_is(word, "mtu"))
			v->mtu = folder_number(at);
		else if (span_is(word, "qdisc"))
			span_copy(at, v->qdisc, sizeof(v->qdisc));
		else if (span_is(word, "master"))
			span_copy(at, v->master, sizeof(v->master));
		else if (span_is(word, "state"))
			v->operstate = read_operstate(at);
		else if (span_is(word, "qlen"))
			v->queue_len = folder_number(at);
	}
	return v;
}

/* A line behind the first: the address, or what kind of device it is. */
static void read_more(struct folder_dev *v, struct span line)
{
	static const struct {
		const char *name;
		uint16_t arphrd;
	} types[] = {
		{ "link/ether", ARPHRD_ETHER },	    { "link/loopback", ARPHRD_LOOPBACK }, { "link/none", ARPHRD_NONE },
		{ "link/ipip", ARPHRD_TUNNEL },	    { "link/sit", ARPHRD_SIT },		  { "link/gre", ARPHRD_IPGRE },
		{ "link/infiniband", ARPHRD_INFINIBAND }, { "link/ppp", ARPHRD_PPP },	  { "link/tunnel6", ARPHRD_TUNNEL6 },
	};
	struct span first, word, value;

	if (!span_word(&line, &first))
		return;
	if (span_starts(first, "link/")) {
		for (size_t i = 0; i < ARRAY_SIZE(types); i++)
			if (span_is(first, types[i].name))
				v->arphrd = types[i].arphrd;
		if (span_word(&line, &word))
			v->mac_bytes = folder_mac(word, v->mac, sizeof(v->mac));
	} else if (!v->kind[0] && first.n < sizeof(v->kind) && first.p[0] >= 'a' && first.p[0] <= 'z' &&
		   !memmem(first.p, first.n, "_slave", 6) && memmem(line.p, line.n, "addrgenmode", 11) &&
		   !span_is(first, "addrgenmode")) {
		span_copy(first, v->kind, sizeof(v->kind));
	}
	while (span_word(&line, &word)) {
		int64_t *to = span_is(word, "numrxqueues") ? &v->rx_queues :
			      span_is(word, "numtxqueues") ? &v->tx_queues :
							     NULL;

		if (to && span_word(&line, &value))
			*to = folder_number(value);
	}
}

int64_t folder_devs_text(struct folder_devs *d, struct span text)
{
	struct folder_dev *v = NULL;
	bool nomem = false;
	struct span line;
	int64_t bad = 0;

	while (!nomem && span_line(&text, &line)) {
		if (line.n && line.p[0] >= '0' && line.p[0] <= '9') {
			v = read_head(d, line, &nomem);
			bad += !v;
		} else if (v) {
			read_more(v, line);
		}
	}
	return nomem ? -ENOMEM : bad;
}

/* struct rtnl_link_stats64 in order, by the names of statistics/ (net/core/net-sysfs.c) */
static const char *const STATS[] = {
	"rx_packets",	   "tx_packets",	"rx_bytes",	    "tx_bytes",		  "rx_errors",	     "tx_errors",
	"rx_dropped",	   "tx_dropped",	"multicast",	    "collisions",	  "rx_length_errors", "rx_over_errors",
	"rx_crc_errors",   "rx_frame_errors",	"rx_fifo_errors",   "rx_missed_errors",	  "tx_aborted_errors", "tx_carrier_errors",
	"tx_fifo_errors",  "tx_heartbeat_errors", "tx_window_errors", "rx_compressed",	  "tx_compressed",   "rx_nohandler",
};

static bool sys_text(const struct folder *f, const struct folder_dev *v, const char *name, struct span *out)
{
	struct span text, line;
	char path[128];

	snprintf(path, sizeof(path), "sys/class/net/%s/%s", v->name, name);
	if (!folder_text(f, path, &text) || !span_line(&text, &line))
		return false;
	*out = span_trim(line);
	return true;
}

static void read_sys(struct folder_dev *v, const struct folder *f)
{
	const struct {
		const char *name;
		int64_t *to;
	} numbers[] = {
		{ "ifindex", &v->ifindex }, { "mtu", &v->mtu },		  { "flags", &v->flags },
		{ "type", &v->arphrd },	    { "carrier", &v->carrier },	  { "carrier_changes", &v->changes },
		{ "tx_queue_len", &v->queue_len },
	};
	struct span s;
	char name[48];

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (sys_text(f, v, numbers[i].name, &s) && folder_number(s) >= 0)
			*numbers[i].to = folder_number(s);
	if (sys_text(f, v, "address", &s))
		v->mac_bytes = folder_mac(s, v->mac, sizeof(v->mac));
	if (sys_text(f, v, "operstate", &s))
		v->operstate = read_operstate(s);
	/* the first that is missing ends them: an order is all that the structure has */
	for (size_t i = 0; i < ARRAY_SIZE(STATS); i++, v->n_stats = i) {
		snprintf(name, sizeof(name), "statistics/%s", STATS[i]);
		if (!sys_text(f, v, name, &s) || span_u64(s, &v->stats[i]))
			break;
	}
}

int folder_devs_sys(struct folder_devs *d, const struct folder *f)
{
	static const char below[] = "sys/class/net/";
	struct span last = { 0 };
	bool nomem = false;

	for (size_t i = folder_from(f, below); !nomem && i < f->n; i++) {
		struct span rest = { f->v[i].path, strlen(f->v[i].path) }, name;
		struct folder_dev *v;

		if (!span_starts(rest, below))
			break;
		rest = (struct span){ rest.p + sizeof(below) - 1, rest.n - sizeof(below) + 1 };
		if (!span_field(&rest, '/', &name) || !rest.n || (name.n == last.n && !memcmp(name.p, last.p, name.n)))
			continue;
		last = name;
		v = get_dev(d, name, &nomem);
		if (v)
			read_sys(v, f);
	}
	return nomem ? -ENOMEM : 0;
}

int64_t folder_nl_link(const struct folder_devs *d, struct buf *out)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < d->n; i++) {
		const struct folder_dev *v = &d->v[i];
		struct ifinfomsg head = { .ifi_index = (int)v->ifindex,
					  .ifi_type = (uint16_t)(v->arphrd < 0 ? ARPHRD_VOID : v->arphrd),
					  .ifi_flags = v->flags < 0 ? 0 : (uint32_t)v->flags };
		uint32_t master = folder_devs_index(d, (struct span){ v->master, strlen(v->master) });
		uint8_t state = (uint8_t)v->operstate, carrier = (uint8_t)v->carrier;
		size_t at, in;

		if (v->ifindex <= 0)
			continue;
		rc = folder_nl_begin(out, RTM_NEWLINK, &head, sizeof(head), &at) ||
		     folder_nl_text(out, IFLA_IFNAME, v->name) || folder_nl_text(out, IFLA_QDISC, v->qdisc) ||
		     folder_nl_u32(out, IFLA_MTU, v->mtu) || folder_nl_u32(out, IFLA_TXQLEN, v->queue_len) ||
		     folder_nl_u32(out, IFLA_NUM_RX_QUEUES, v->rx_queues) ||
		     folder_nl_u32(out, IFLA_NUM_TX_QUEUES, v->tx_queues) ||
		     folder_nl_u32(out, IFLA_CARRIER_CHANGES, v->changes) || folder_nl_u32(out, IFLA_LINK, v->link) ||
		     folder_nl_u32(out, IFLA_MASTER, master ? (int64_t)master : -1) ||
		     (v->mac_bytes && folder_nl_attr(out, IFLA_ADDRESS, v->mac, v->mac_bytes)) ||
		     (v->operstate >= 0 && folder_nl_attr(out, IFLA_OPERSTATE, &state, 1)) ||
		     (v->carrier >= 0 && folder_nl_attr(out, IFLA_CARRIER, &carrier, 1)) ||
		     (v->n_stats && folder_nl_attr(out, IFLA_STATS64, v->stats, v->n_stats * 8));
		if (!rc && v->kind[0]) {
			rc = folder_nl_nest(out, IFLA_LINKINFO, &in) || folder_nl_text(out, IFLA_INFO_KIND, v->kind);
			if (!rc)
				folder_nl_nest_end(out, in);
		}
		if (!rc)
			folder_nl_end(out, at);
	}
	return rc ? -ENOMEM : 0;
}

/* ---- addresses and queueing disciplines ---- */

/* "inet 192.0.2.1/24 brd 192.0.2.255 scope global eth0". Return: 0, 1 (no address), -ENOMEM. */
static int put_addr(uint32_t index, struct span line, struct buf *out)
{
	static const struct {
		const char *name;
		uint8_t scope;
	} scopes[] = { { "global", RT_SCOPE_UNIVERSE }, { "site", RT_SCOPE_SITE }, { "link", RT_SCOPE_LINK }, { "host", RT_SCOPE_HOST } };
	struct ifaddrmsg head = { .ifa_index = index };
	struct span word, addr, prefix, value;
	char text[INET6_ADDRSTRLEN];
	uint8_t bytes[16];
	int64_t bits;
	size_t at;

	if (!index || !span_word(&line, &word))
		return 1;
	head.ifa_family = span_is(word, "inet") ? AF_INET : AF_INET6;
	if (!span_word(&line, &prefix) || !span_field(&prefix, '/', &addr) || addr.n >= sizeof(text))
		return 1;
	bits = folder_number(prefix);
	head.ifa_prefixlen = (uint8_t)(bits >= 0 && bits <= 128 ? bits : head.ifa_family == AF_INET ? 32 : 128);
	span_copy(addr, text, sizeof(text));
	if (inet_pton(head.ifa_family, text, bytes) != 1)
		return 1;
	while (span_word(&line, &word))
		if (span_is(word, "scope") && span_word(&line, &value))
			for (size_t i = 0; i < ARRAY_SIZE(scopes); i++)
				if (span_is(value, scopes[i].name))
					head.ifa_scope = scopes[i].scope;
	if (folder_nl_begin(out, RTM_NEWADDR, &head, sizeof(head), &at) ||
	    folder_nl_attr(out, IFA_LOCAL, bytes, head.ifa_family == AF_INET ? 4 : 16))
		return -ENOMEM;
	folder_nl_end(out, at);
	return 0;
}

int64_t folder_nl_addr(struct span text, struct buf *out)
{
	int64_t bad = 0, index = 0;
	struct span line, word;
	int rc = 0;

	while (rc >= 0 && span_line(&text, &line)) {
		/* "2: eth0    inet ..." of -o, else "2: eth0: <UP> ..." and the addresses below it */
		if (line.n && line.p[0] >= '0' && line.p[0] <= '9') {
			index = span_field(&line, ':', &word) ? folder_number(word) : 0;
			span_word(&line, &word);
		}
		line = span_trim(line);
		rc = span_starts(line, "inet") && index > 0 ? put_addr((uint32_t)index, line, out) : 0;
		bad += rc > 0;
	}
	return rc < 0 ? rc : bad;
}

/* "8001:", "1:10", ":1", "root", "ingress" */
static uint32_t read_handle(struct span s)
{
	uint64_t major = 0, minor = 0;
	struct span part;

	if (span_is(s, "root"))
		return TC_H_ROOT;
	if (span_is(s, "ingress") || span_is(s, "clsact"))
		return TC_H_INGRESS;
	if (span_field(&s, ':', &part) && part.n)
		span_hex(part, &major);
	if (s.n)
		span_hex(s, &minor);
	return (uint32_t)(major << 16 | (minor & 0xffff));
}

/* The number behind a word: "(dropped 3, overlimits 0 requeues 0)". */
static uint64_t behind(struct span line, const char *name)
{
	uint64_t v = 0;
	struct span w;

	while (span_word(&line, &w)) {
		size_t skip = w.n && w.p[0] == '(';

		if (!span_is((struct span){ w.p + skip, w.n - skip }, name) || !span_word(&line, &w))
			continue;
		while (w.n && (w.p[w.n - 1] < '0' || w.p[w.n - 1] > '9'))
			w.n--;
		return span_u64(w, &v) ? 0 : v;
	}
	return 0;
}

/* "512b", "12Kb", "1Mb": print_size() of tc, rounded */
static uint64_t read_size(struct span w)
{
	uint64_t unit = 1, v;

	if (w.n && w.p[w.n - 1] == 'b')
		w.n--;
	if (w.n && (w.p[w.n - 1] == 'K' || w.p[w.n - 1] == 'M')) {
		unit = w.p[w.n - 1] == 'K' ? KIB : MIB;
		w.n--;
	} else if (w.n && w.p[w.n - 1] == 'p') {
		w.n--;
	}
	return span_u64(w, &v) || v > UINT32_MAX ? 0 : v * unit;
}

struct qdisc_text {
	struct tcmsg head;
	char kind[16];
	struct span sent, backlog;
};

static int put_qdisc(const struct qdisc_text *q, struct buf *out)
{
	struct gnet_stats_queue queue = { .drops = (uint32_t)behind(q->sent, "dropped"),
					  .overlimits = (uint32_t)behind(q->sent, "overlimits"),
					  .requeues = (uint32_t)behind(q->sent, "requeues") };
	uint64_t packets = 0, bytes = behind(q->sent, "Sent");
	uint8_t basic[sizeof(struct gnet_stats_basic)] = { 0 };
	struct span rest = q->sent, w, before = { 0 };
	size_t at, in;

	while (span_word(&rest, &w) && !span_is(w, "pkt"))
		before = w;
	span_u64(before, &packets);
	memcpy(basic, &bytes, sizeof(bytes));
	memcpy(basic + sizeof(bytes), &(uint32_t){ (uint32_t)packets }, 4);
	rest = q->backlog;
	if (span_word(&rest, &w) && span_word(&rest, &w))
		queue.backlog = (uint32_t)read_size(w);
	if (span_word(&rest, &w))
		queue.qlen = (uint32_t)read_size(w);
	if (folder_nl_begin(out, RTM_NEWQDISC, &q->head, sizeof(q->head), &at) || folder_nl_text(out, TCA_KIND, q->kind) ||
	    folder_nl_nest(out, TCA_STATS2, &in) || folder_nl_attr(out, TCA_STATS_BASIC, basic, sizeof(basic)) ||
	    folder_nl_attr(out, TCA_STATS_PKT64, &packets, sizeof(packets)) ||
	    folder_nl_attr(out, TCA_STATS_QUEUE, &queue, sizeof(queue)))
		return -ENOMEM;
	folder_nl_nest_end(out, in);
	folder_nl_end(out, at);
	return 0;
}

/* "qdisc fq_codel 0: dev eth0 parent :1 limit 10240p", then " Sent ..." and " backlog ..." */
static bool read_qdisc(const struct folder_devs *d, struct span line, struct qdisc_text *q)
{
	struct span w, kind, handle, name;

	*q = (struct qdisc_text){ .head.tcm_parent = TC_H_ROOT };
	if (!span_word(&line, &w) || !span_word(&line, &kind) || kind.n >= sizeof(q->kind) || !span_word(&line, &handle) ||
	    !span_word(&line, &w) || !span_is(w, "dev") || !span_word(&line, &name))
		return false;
	span_copy(kind, q->kind, sizeof(q->kind));
	q->head.tcm_handle = read_handle(handle);
	q->head.tcm_ifindex = (int)folder_devs_index(d, name);
	if (span_word(&line, &w))
		q->head.tcm_parent = span_is(w, "parent") && span_word(&line, &w) ? read_handle(w) : read_handle(w);
	return q->head.tcm_ifindex;
}

int64_t folder_nl_qdisc(const struct folder_devs *d, struct span text, struct buf *out)
{
	struct qdisc_text q;
	bool open = false;
	int64_t bad = 0;
	struct span line;

	while (span_line(&text, &line)) {
		struct span s = span_trim(line);

		if (span_starts(line, "qdisc ")) {
			open = read_qdisc(d, line, &q);
			bad += !open;
		} else if (span_starts(s, "Sent ")) {
			q.sent = s;
		} else if (open && span_starts(s, "backlog ") && q.sent.n) {
			q.backlog = s;
			open = false;
			if (put_qdisc(&q, out))
				return -ENOMEM;
		}
	}
	return bad;
}
