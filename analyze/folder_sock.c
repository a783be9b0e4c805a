/* SPDX-License-Identifier: MIT */
/* folder_sock: sockets, as ss(8) prints them and as proc/net/tcp and the like do. */
#include "folder_nl.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

struct sock_text {
	struct inet_diag_msg head;
	uint32_t mem[SK_MEMINFO_VARS];
	bool has_mem;
};

static int put_sock(const struct sock_text *s, struct buf *out)
{
	size_t at;

	if (folder_nl_begin(out, SOCK_DIAG_BY_FAMILY, &s->head, sizeof(s->head), &at) ||
	    (s->has_mem && folder_nl_attr(out, INET_DIAG_SKMEMINFO, s->mem, sizeof(s->mem))))
		return -ENOMEM;
	folder_nl_end(out, at);
	return 0;
}

static uint32_t u32_of(struct span s)
{
	uint64_t v;

	return span_u64(s, &v) || v > UINT32_MAX ? 0 : (uint32_t)v;
}

/* ---- ss ---- */

/* Numbers of include/net/tcp_states.h; 0: none of them. */
static uint8_t read_state(struct span s)
{
	static const char *const text[] = { "",	       "ESTAB",	 "SYN-SENT",   "SYN-RECV", "FIN-WAIT-1", "FIN-WAIT-2",
					    "TIME-WAIT", "UNCONN", "CLOSE-WAIT", "LAST-ACK", "LISTEN",	   "CLOSING" };

	for (uint8_t i = 1; i < ARRAY_SIZE(text); i++)
		if (span_is(s, text[i]))
			return i;
	return 0;
}

/* "192.0.2.1:80", "[fe80::1]%eth0:546", "127.0.0.53%lo:53", "*:22", "[::]:*" */
static bool read_end(struct span s, uint8_t *family, uint32_t addr[4], uint16_t *port)
{
	const char *colon = s.n ? memrchr(s.p, ':', s.n) : NULL, *percent;
	char text[INET6_ADDRSTRLEN];
	uint64_t v = 0;
	struct span a, p;

	if (!colon)
		return false;
	a = (struct span){ s.p, (size_t)(colon - s.p) };
	p = (struct span){ colon + 1, s.n - a.n - 1 };
	if (!span_is(p, "*") && (span_u64(p, &v) || v > UINT16_MAX))
		return false;
	*port = htons((uint16_t)v);
	percent = a.n ? memchr(a.p, '%', a.n) : NULL;
	if (percent)
		a.n = (size_t)(percent - a.p);
	memset(addr, 0, 16);
	if (span_is(a, "*")) { /* any address of both families */
		*family = *family ? *family : AF_INET6;
		return true;
	}
	if (a.n > 2 && a.p[0] == '[' && a.p[a.n - 1] == ']')
		a = (struct span){ a.p + 1, a.n - 2 };
	if (a.n >= sizeof(text))
		return false;
	span_copy(a, text, sizeof(text));
	if (*family && *family != (strchr(text, ':') ? AF_INET6 : AF_INET))
		return false;
	*family = strchr(text, ':') ? AF_INET6 : AF_INET;
	return inet_pton(*family, text, addr) == 1;
}

/* "skmem:(r0,rb131072,t0,tb16384,f0,w0,o0,bl0,d0)" (SK_MEMINFO_ in the order of include/uapi/linux/sock_diag.h) */
static void read_skmem(struct sock_text *s, struct span w)
{
	static const struct {
		const char *name;
		int which;
	} parts[] = {
		{ "rb", SK_MEMINFO_RCVBUF },	    { "r", SK_MEMINFO_RMEM_ALLOC }, { "tb", SK_MEMINFO_SNDBUF },
		{ "t", SK_MEMINFO_WMEM_ALLOC },	    { "f", SK_MEMINFO_FWD_ALLOC },  { "w", SK_MEMINFO_WMEM_QUEUED },
		{ "o", SK_MEMINFO_OPTMEM },	    { "bl", SK_MEMINFO_BACKLOG },   { "d", SK_MEMINFO_DROPS },
	};
	struct span part;

	w = (struct span){ w.p + 7, w.n - 7 };
	if (w.n && w.p[w.n - 1] == ')')
		w.n--;
	while (span_field(&w, ',', &part))
		for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
			size_t n = strlen(parts[i].name);

			if (span_starts(part, parts[i].name) && part.n > n && part.p[n] >= '0' && part.p[n] <= '9') {
				s->mem[parts[i].which] = u32_of((struct span){ part.p + n, part.n - n });
				s->has_mem = true;
			}
		}
}

/* "timer:(keepalive,30sec,0)" */
static void read_timer(struct sock_text *s, struct span w)
{
	static const char *const names[] = { "off", "on", "keepalive", "timewait", "persist" };
	struct span name, when;

	w = (struct span){ w.p + 7, w.n - 7 };
	if (w.n && w.p[w.n - 1] == ')')
		w.n--;
	if (!span_field(&w, ',', &name) || !span_field(&w, ',', &when))
		return;
	for (uint8_t i = 0; i < ARRAY_SIZE(names); i++)
		if (span_is(name, names[i]))
			s->head.idiag_timer = i;
	s->head.idiag_retrans = (uint8_t)u32_of(w);
}

/* What ss says behind the addresses. */
static void read_rest(struct sock_text *s, struct span line)
{
	struct span w;
	uint64_t v;

	while (span_word(&line, &w)) {
		if (span_starts(w, "skmem:("))
			read_skmem(s, w);
		else if (span_starts(w, "timer:("))
			read_timer(s, w);
		else if (span_starts(w, "uid:"))
			s->head.idiag_uid = u32_of((struct span){ w.p + 4, w.n - 4 });
		else if (span_starts(w, "ino:"))
			s->head.idiag_inode = u32_of((struct span){ w.p + 4, w.n - 4 });
		else if (span_starts(w, "sk:") && !span_hex((struct span){ w.p + 3, w.n - 3 }, &v))
			memcpy(s->head.id.idiag_cookie, (uint32_t[2]){ (uint32_t)v, (uint32_t)(v >> 32) }, 8);
	}
}

/* "tcp   LISTEN 0      128          0.0.0.0:22         0.0.0.0:*     users:(...) ino:1 sk:2" */
static bool read_ss(struct sock_text *s, struct span line)
{
	struct span state, rq, wq, src, dst;
	uint8_t family = 0;

	*s = (struct sock_text){ 0 };
	if (!span_word(&line, &state) || !span_word(&line, &rq) || !span_word(&line, &wq) || !span_word(&line, &src) ||
	    !span_word(&line, &dst))
		return false;
	s->head.idiag_state = read_state(state);
	s->head.idiag_rqueue = u32_of(rq);
	s->head.idiag_wqueue = u32_of(wq);
	if (!s->head.idiag_state || !read_end(src, &family, s->head.id.idiag_src, &s->head.id.idiag_sport) ||
	    !read_end(dst, &family, s->head.id.idiag_dst, &s->head.id.idiag_dport))
		return false;
	s->head.idiag_family = family;
	read_rest(s, line);
	return true;
}

int64_t folder_nl_ss(struct span text, const char *proto, struct buf *out)
{
	struct span line, netid;
	struct sock_text s;
	bool open = false;
	int64_t bad = 0;
	int rc = 0;

	while (!rc && span_line(&text, &line)) {
		if (line.n && (line.p[0] == ' ' || line.p[0] == '\t')) { /* goes on, older versions of ss */
			if (open)
				read_rest(&s, line);
			continue;
		}
		if (open)
			rc = put_sock(&s, out);
		open = span_word(&line, &netid) && span_is(netid, proto);
		if (open && !read_ss(&s, line)) {
			open = false;
			bad++;
		}
	}
	if (!rc && open)
		rc = put_sock(&s, out);
	return rc ? rc : bad;
}

/* ---- proc/net ---- */

/* "0100007F:0016": words of 32 bits as the kernel's machine has them, here little endian */
static bool read_hex_end(struct span s, bool v6, uint32_t addr[4], uint16_t *port)
{
	size_t words = v6 ? 4 : 1;
	struct span hex;
	uint64_t v;

	memset(addr, 0, 16);
	if (!span_field(&s, ':', &hex) || hex.n != words * 8 || span_hex(s, &v) || v > UINT16_MAX)
		return false;
	*port = htons((uint16_t)v);
	for (size_t i = 0; i < words; i++) {
		uint8_t b[4];

		if (span_hex((struct span){ hex.p + i * 8, 8 }, &v))
			return false;
		for (int k = 0; k < 4; k++)
			b[k] = (uint8_t)(v >> 8 * k);
		memcpy(&addr[i], b, 4);
	}
	return true;
}

/* A pair of hexadecimal numbers with a colon between. */
static bool read_pair(struct span w, uint64_t *a, uint64_t *b)
{
	struct span first;

	return span_field(&w, ':', &first) && !span_hex(first, a) && !span_hex(w, b) && *a <= UINT32_MAX && *b <= UINT32_MAX;
}

/* net/ipv4/tcp_ipv4.c, get_tcp4_sock(); net/ipv4/udp.c, udp4_format_sock() */
static bool read_proc(struct sock_text *s, struct span line, bool udp, bool v6)
{
	struct span w[13];
	uint64_t state, wq, rq, timer, when, retrans;
	size_t n = 0;

	*s = (struct sock_text){ 0 };
	while (n < ARRAY_SIZE(w) && span_word(&line, &w[n]))
		n++;
	if (n < 10 || !read_hex_end(w[1], v6, s->head.id.idiag_src, &s->head.id.idiag_sport) ||
	    !read_hex_end(w[2], v6, s->head.id.idiag_dst, &s->head.id.idiag_dport) || span_hex(w[3], &state) || state > 13 ||
	    !read_pair(w[4], &wq, &rq) || !read_pair(w[5], &timer, &when) || span_hex(w[6], &retrans))
		return false;
	s->head.idiag_family = v6 ? AF_INET6 : AF_INET;
	s->head.idiag_state = (uint8_t)state;
	/* of a listener the kernel prints how many wait, not how many may */
	s->head.idiag_wqueue = !udp && state == TCP_LISTEN ? FOLDER_NO_BACKLOG : (uint32_t)wq;
	s->head.idiag_rqueue = (uint32_t)rq;
	s->head.idiag_timer = udp || timer > 4 ? 0 : (uint8_t)timer;
	s->head.idiag_retrans = (uint8_t)retrans;
	s->head.idiag_uid = u32_of(w[7]);
	s->head.idiag_inode = u32_of(w[9]);
	/* tells it from others; the address that stands there, too, stays out */
	s->head.id.idiag_cookie[0] = s->head.idiag_inode;
	if (udp && n > 12) {
		s->mem[SK_MEMINFO_RMEM_ALLOC] = (uint32_t)rq;
		s->mem[SK_MEMINFO_DROPS] = u32_of(w[12]);
		s->has_mem = true;
	}
	return true;
}

int64_t folder_nl_proc(struct span text, bool udp, bool v6, struct buf *out)
{
	struct sock_text s;
	struct span line;
	int64_t bad = 0;
	int rc = 0;

	span_line(&text, &line); /* the heading */
	while (!rc && span_line(&text, &line)) {
		if (read_proc(&s, line, udp, v6))
			rc = put_sock(&s, out);
		else
			bad++;
	}
	return rc ? rc : bad;
}
