/* SPDX-License-Identifier: MIT */
#include "want.h"
#include "text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

static bool is_proto(const char *word)
{
	static const char *const names[] = { "tcp",	"udp",	"icmp", "icmpv6", "sctp",
					     "udplite", "dccp", "gre",	"esp",	  "ah",
					     "igmp",	"ipip", "ospf", "vrrp" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcasecmp(names[i], word))
			return true;
	return false;
}

static bool parse_port(const char *s, int64_t *port)
{
	uint64_t v;

	if (span_u64((struct span){ s, strlen(s) }, &v) || v > 65535)
		return false;
	*port = (int64_t)v;
	return true;
}

/* The form that the database has: one address has many spellings. */
static bool parse_addr(const char *s, char out[48])
{
	uint8_t raw[16];

	for (int i = 0; i < 2; i++) {
		int family = i ? AF_INET6 : AF_INET;

		if (inet_pton(family, s, raw) == 1)
			return inet_ntop(family, raw, out, 48) != NULL;
	}
	return false;
}

/* address, address:port, [address]:port, *:port or a port alone */
static bool parse_end(char *word, struct want_end *end)
{
	struct want_end got = { .port = -1 };
	char *colon = strrchr(word, ':'), *bracket = strrchr(word, ']');

	if (parse_port(word, &got.port) || parse_addr(word, got.addr)) {
		*end = got;
		return true;
	}
	if (word[0] == '[' && bracket) {
		*bracket = '\0';
		if (!parse_addr(word + 1, got.addr) ||
		    (bracket[1] && (bracket[1] != ':' || !parse_port(bracket + 2, &got.port))))
			return false;
		*end = got;
		return true;
	}
	if (!colon || !parse_port(colon + 1, &got.port))
		return false;
	*colon = '\0';
	if (*word && strcmp(word, "*") && !parse_addr(word, got.addr))
		return false;
	*end = got;
	return true;
}

/* Put what one word said into an end that has room for it. */
static bool merge(struct want_end *to, const struct want_end *from)
{
	if ((from->addr[0] && to->addr[0]) || (from->port >= 0 && to->port >= 0))
		return false;
	if (from->addr[0])
		memcpy(to->addr, from->addr, sizeof(to->addr));
	if (from->port >= 0)
		to->port = from->port;
	return true;
}

int want_parse(struct want *w, const char *text, struct err *e)
{
	struct want got = { .end = { { .port = -1 }, { .port = -1 } } };
	struct span rest = { text, strlen(text) }, word;
	int side = 0;
	bool any = false;

	while (span_word(&rest, &word)) {
		struct want_end end = { .port = -1 };
		char s[96], *p = s;

		span_copy(word, s, sizeof(s));
		if (!strcmp(s, ">") || !strcmp(s, "->") || !strcasecmp(s, "dst") ||
		    !strcasecmp(s, "to")) {
			side = 1;
			continue;
		}
		if (!strcasecmp(s, "src") || !strcasecmp(s, "from")) {
			side = 0;
			continue;
		}
		if (!strcasecmp(s, "and") || !strcasecmp(s, "port") || !strcasecmp(s, "host"))
			continue;
		if (is_proto(s)) {
			for (size_t i = 0; s[i]; i++)
				got.proto[i] = (char)tolower((unsigned char)s[i]);
			any = true;
			continue;
		}
		/* "a>b" without blanks */
		if ((p = strchr(s, '>')) && p[1]) {
			*p = '\0';
			if (!parse_end(s, &end) || !merge(&got.end[0], &end))
				return err_set(e, -EINVAL, "flow: '%.*s' is no address or port",
					       (int)word.n, word.p);
			side = 1;
			p++;
			end = (struct want_end){ .port = -1 };
		} else {
			p = s;
		}
		if (!parse_end(p, &end))
			return err_set(e, -EINVAL,
				       "flow: '%.*s' is no protocol, address or port; write it "
				       "like \"udp 10.0.0.1:53 > 10.0.0.2:4444\" "
				       "or a part of that",
				       (int)(word.n > 80 ? 80 : word.n), word.p);
		if (!merge(&got.end[side], &end) && !merge(&got.end[!side], &end))
			return err_set(e, -EINVAL, "flow: '%.*s' is one address or port too many",
				       (int)(word.n > 80 ? 80 : word.n), word.p);
		any = true;
	}
	if (!any)
		return err_set(e, -EINVAL, "flow: nothing to look for in '%.80s'", text);
	*w = got;
	return 0;
}

/* Words as one text; the shell may have cut them apart. */
static void join(char *out, size_t size, char *const *word, size_t words)
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < words && n < size; i++)
		n += (size_t)snprintf(out + n, size - n, "%s%s", i ? " " : "", word[i]);
}

int want_behind(struct want *w, char *const *word, size_t *n, struct err *e)
{
	char text[512];

	for (size_t files = 1; files < *n; files++) {
		join(text, sizeof(text), word + files, *n - files);
		if (!want_parse(w, text, e)) {
			*n = files;
			return 0;
		}
		if (access(word[files], F_OK))
			return -EINVAL;
	}
	return err_set(e, -EINVAL, "expected a flow, --packet N or --frame N behind %s; see skbtape why --help", word[*n - 1]);
}

void want_bind(const struct want *w, sqlite3_stmt *st)
{
	if (!st)
		return;
	if (w->proto[0])
		sqlite3_bind_text(st, 1, w->proto, -1, SQLITE_STATIC);
	for (int i = 0; i < 2; i++) {
		if (w->end[i].addr[0])
			sqlite3_bind_text(st, 2 + 2 * i, w->end[i].addr, -1, SQLITE_STATIC);
		if (w->end[i].port >= 0)
			sqlite3_bind_int64(st, 3 + 2 * i, w->end[i].port);
	}
}

static void print_way(const struct want *w, FILE *f, const char *const col[4])
{
	const char *and = "";

	putc('(', f);
	for (int i = 0; i < 2; i++) {
		if (w->end[i].addr[0]) {
			fprintf(f, "%s%s = '%s'", and, col[2 * i], w->end[i].addr);
			and = " AND ";
		}
		if (w->end[i].port >= 0) {
			fprintf(f, "%s%s = %" PRId64, and, col[2 * i + 1], w->end[i].port);
			and = " AND ";
		}
	}
	fputs(*and? ")" : "1)", f);
}

void want_print(const struct want *w, FILE *f)
{
	static const char *const there[] = { "src", "sport", "dst", "dport" }, *const back[] = {
		"dst", "dport", "src", "sport"
	};

	if (w->proto[0])
		fprintf(f, "proto = '%s' AND ", w->proto);
	putc('(', f);
	print_way(w, f, there);
	fputs(" OR ", f);
	print_way(w, f, back);
	putc(')', f);
}
