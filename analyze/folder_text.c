/* SPDX-License-Identifier: MIT */
#include "folder_text.h"
#include "../capture/snap_files.h"
#include "../schema/tape.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <stdio.h>
#include <string.h>

#define STAT_MAX 20000 /* counters of one device */

static struct span text_of(const char *s)
{
	return (struct span){ s, strlen(s) };
}

static int put_pair(struct buf *out, struct span name, struct span value)
{
	return tape_text(out, name, '\t') || tape_text(out, value, '\n') ? -ENOMEM : 0;
}

/* ---- settings ---- */

static const char SYSCTL[] = "proc/sys/net/";

/* The path of a setting of 'sysctl -a': a dot separates, a dot in a name is a slash. */
static bool sysctl_path(struct span name, char *path, size_t size)
{
	size_t n = sizeof(SYSCTL) - 1;

	if (n + name.n >= size)
		return false;
	memcpy(path, SYSCTL, n);
	for (size_t i = 0; i < name.n; i++)
		path[n + i] = name.p[i] == '.' ? '/' : name.p[i] == '/' ? '.' : name.p[i];
	path[n + name.n] = '\0';
	return true;
}

static int sysctl_files(const struct folder *f, struct buf *out)
{
	char name[512];
	int rc = 0;

	for (size_t i = folder_from(f, SYSCTL); !rc && i < f->n; i++) {
		struct span path = text_of(f->v[i].path), value = { f->v[i].data, f->v[i].n }, line;
		size_t n;

		if (!span_starts(path, SYSCTL))
			break;
		n = path.n - (sizeof(SYSCTL) - 1);
		if (n >= sizeof(name) || !span_line(&value, &line))
			continue;
		for (size_t k = 0; k < n; k++) {
			char c = path.p[sizeof(SYSCTL) - 1 + k];

			name[k] = c == '/' ? '.' : c == '.' ? '/' : c;
		}
		rc = put_pair(out, (struct span){ name, n }, line);
	}
	return rc;
}

int64_t folder_sysctl(const struct folder *f, struct span text, struct buf *out)
{
	int rc = f ? sysctl_files(f, out) : 0;
	char path[512];
	struct span line, name, known;

	while (!rc && span_line(&text, &line)) {
		const char *eq = line.n ? memmem(line.p, line.n, " = ", 3) : NULL;

		if (!eq || !span_starts(line, "net."))
			continue;
		name = (struct span){ line.p + 4, (size_t)(eq - line.p) - 4 };
		if (eq < line.p + 4 || !sysctl_path(name, path, sizeof(path)) ||
		    !files_sysctl_wanted(strrchr(path, '/') + 1) || (f && folder_text(f, path, &known)))
			continue;
		rc = put_pair(out, name, (struct span){ eq + 3, line.n - (size_t)(eq + 3 - line.p) });
	}
	return rc;
}

int64_t folder_sysfs(const struct folder *f, struct buf *out)
{
	static const char below[] = "sys/class/net/";
	int rc = 0;

	for (size_t i = folder_from(f, below); !rc && i < f->n; i++) {
		struct span path = text_of(f->v[i].path), value = { f->v[i].data, f->v[i].n }, line;
		const char *file;

		if (!span_starts(path, below))
			break;
		path = (struct span){ path.p + sizeof(below) - 1, path.n - (sizeof(below) - 1) };
		file = strchr(path.p, '/');
		if (file && files_sysfs_wanted(file + 1) && span_line(&value, &line))
			rc = put_pair(out, path, line);
	}
	return rc;
}

/* The first line of a file of an interrupt. */
static struct span irq_file(const struct folder *f, uint64_t irq, const char *name)
{
	struct span text, line = { 0 };
	char path[80];

	snprintf(path, sizeof(path), "proc/irq/%llu/%s", (unsigned long long)irq, name);
	if (folder_text(f, path, &text))
		span_line(&text, &line);
	return line.p ? line : SPAN_LIT("");
}

/* Its actions are its directories, which the folder keeps as paths without bytes. */
static int irq_actions(const struct folder *f, uint64_t irq, struct buf *out)
{
	char below[64];
	size_t n = 0;
	int rc = 0;

	snprintf(below, sizeof(below), "proc/irq/%llu/", (unsigned long long)irq);
	for (size_t i = folder_from(f, below); !rc && i < f->n && !strncmp(f->v[i].path, below, strlen(below)); i++) {
		const char *name = f->v[i].path + strlen(below);

		if (f->v[i].n || strchr(name, '/'))
			continue;
		rc = n++ ? buf_put(out, ",", 1) : 0;
		if (!rc)
			rc = tape_text(out, text_of(name), '\n');
		if (!rc)
			out->len--; /* the line goes on */
	}
	return rc || buf_put(out, "\n", 1) ? -ENOMEM : 0;
}

int64_t folder_irq(const struct folder *f, struct buf *out)
{
	static const char below[] = "proc/irq/";
	uint64_t irq, last = UINT64_MAX;
	int rc = 0;

	for (size_t i = folder_from(f, below); !rc && i < f->n; i++) {
		struct span path = text_of(f->v[i].path), number, list;

		if (!span_starts(path, below))
			break;
		path = (struct span){ path.p + sizeof(below) - 1, path.n - (sizeof(below) - 1) };
		if (!span_field(&path, '/', &number) || span_u64(number, &irq) || irq == last)
			continue;
		last = irq;
		list = irq_file(f, irq, "smp_affinity_list");
		if (!list.n)
			continue;
		rc = buf_printf(out, "%llu\t", (unsigned long long)irq) || tape_text(out, list, '\t') ||
		     tape_text(out, irq_file(f, irq, "effective_affinity_list"), '\t') || irq_actions(f, irq, out);
	}
	return rc ? -ENOMEM : 0;
}

/* ---- counters ---- */

int64_t folder_nstat(struct span text, struct buf *snmp, struct buf *netstat, struct buf *snmp6)
{
	/* the protocols of /proc/net/snmp and netstat, which nstat writes in front of the name; longer ones first */
	static const char *const protocols[] = { "IcmpMsg", "Icmp", "IpExt", "Ip", "TcpExt", "Tcp", "UdpLite", "Udp", "MPTcpExt" };
	struct span line, name, value;
	int64_t bad = 0;
	int rc = 0;

	while (!rc && span_line(&text, &line)) {
		size_t n = 0;

		if (!line.n || line.p[0] == '#')
			continue;
		if (!span_word(&line, &name) || !span_word(&line, &value)) {
			bad++;
			continue;
		}
		for (size_t i = 0; !n && i < ARRAY_SIZE(protocols); i++)
			if (span_starts(name, protocols[i]) && name.n > strlen(protocols[i]))
				n = strlen(protocols[i]);
		if (n && name.p[n] == '6')
			rc = buf_printf(snmp6, "%.*s %.*s\n", (int)name.n, name.p, (int)value.n, value.p);
		else if (n)
			rc = buf_printf(memmem(name.p, n, "Ext", 3) ? netstat : snmp, "%.*s: %.*s\n%.*s: %.*s\n", (int)n, name.p,
					(int)(name.n - n), name.p + n, (int)n, name.p, (int)value.n, value.p);
	}
	return rc ? -ENOMEM : bad;
}

/* ---- ethtool ---- */

static int put_le(struct buf *out, uint64_t v, int bytes)
{
	uint8_t b[8];

	for (int i = 0; i < bytes; i++)
		b[i] = (uint8_t)(v >> 8 * i);
	return buf_put(out, b, (size_t)bytes);
}

static int put_record(struct buf *out, uint32_t ifindex, uint32_t cmd, const struct buf *data)
{
	return put_le(out, 12 + data->len, 4) || put_le(out, ifindex, 4) || put_le(out, cmd, 4) ||
			       buf_put(out, data->data, data->len) ?
		       -ENOMEM :
		       0;
}

/* "     rx_packets: 123" */
static bool read_stat(struct span line, struct span *name, uint64_t *v)
{
	const char *colon = line.p && line.n ? memrchr(line.p, ':', line.n) : NULL;

	if (!colon)
		return false;
	*name = span_trim((struct span){ line.p, (size_t)(colon - line.p) });
	return name->n && !span_u64(span_trim((struct span){ colon + 1, line.n - (size_t)(colon + 1 - line.p) }), v);
}

int64_t folder_ethtool(struct span text, uint32_t ifindex, struct buf *out)
{
	struct buf names = { 0 }, values = { 0 };
	struct span line, name;
	uint32_t n = 0;
	int64_t bad = 0;
	uint64_t v;
	int rc;

	/* struct ethtool_gstrings and ethtool_stats; the numbers of both are known at the end */
	rc = put_le(&names, ETHTOOL_GSTRINGS, 4) || put_le(&names, ETH_SS_STATS, 4) || put_le(&names, 0, 4) ||
	     put_le(&values, ETHTOOL_GSTATS, 4) || put_le(&values, 0, 4);
	while (!rc && n < STAT_MAX && span_line(&text, &line)) {
		char padded[ETH_GSTRING_LEN] = "";

		if (!read_stat(line, &name, &v)) {
			bad += line.n && !span_is(span_trim(line), "NIC statistics:") && !span_is(line, "no stats available");
			continue;
		}
		memcpy(padded, name.p, name.n < sizeof(padded) ? name.n : sizeof(padded));
		rc = buf_put(&names, padded, sizeof(padded)) || put_le(&values, v, 8);
		n++;
	}
	if (!rc && n) {
		for (int i = 0; i < 4; i++)
			names.data[8 + i] = values.data[4 + i] = (uint8_t)(n >> 8 * i);
		rc = put_record(out, ifindex, ETHTOOL_GSTRINGS, &names) || put_record(out, ifindex, ETHTOOL_GSTATS, &values);
	}
	buf_free(&names);
	buf_free(&values);
	return rc ? -ENOMEM : bad;
}

int64_t folder_ring(struct span text, uint32_t ifindex, struct buf *out)
{
	static const char *const names[] = { "RX", "RX Mini", "RX Jumbo", "TX" };
	uint64_t v[8] = { 0 }; /* struct ethtool_ringparam: maxima, then what is set */
	struct buf data = { 0 };
	bool now = false, any = false;
	struct span line, name;
	uint64_t x;
	int rc;

	while (span_line(&text, &line)) {
		if (span_starts(line, "Current"))
			now = true;
		if (!span_field(&line, ':', &name))
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			struct span value = line, w;

			if (span_is(span_trim(name), names[i]) && span_word(&value, &w) && !span_u64(w, &x) && x <= UINT32_MAX) {
				v[i + (now ? 4 : 0)] = x;
				any = true;
			}
		}
	}
	if (!any)
		return 0;
	rc = put_le(&data, ETHTOOL_GRINGPARAM, 4);
	for (size_t i = 0; !rc && i < ARRAY_SIZE(v); i++)
		rc = put_le(&data, v[i], 4);
	if (!rc)
		rc = put_record(out, ifindex, ETHTOOL_GRINGPARAM, &data);
	buf_free(&data);
	return rc ? -ENOMEM : 0;
}

/* ---- the kernel log ---- */

/* "[   12.345678] text" becomes "6,0,12345678,-;text"; the level is not told, most lines are 6 (info). */
int64_t folder_dmesg(struct span text, struct buf *out)
{
	struct span line, sec, rest;
	uint64_t s, us, n = 0;
	int64_t bad = 0;
	int rc = 0;

	while (!rc && span_line(&text, &line)) {
		if (!line.n)
			continue;
		rest = (struct span){ line.p + 1, line.n - 1 };
		if (line.p[0] != '[' || !span_field(&rest, '.', &sec) || span_u64(span_trim(sec), &s) || s > UINT32_MAX ||
		    rest.n < 8 || rest.p[6] != ']' || span_u64((struct span){ rest.p, 6 }, &us)) {
			bad++;
			continue;
		}
		rc = buf_printf(out, "6,%llu,%llu,-;", (unsigned long long)n++, (unsigned long long)(s * 1000000 + us));
		for (size_t i = 8; !rc && i < rest.n; i++)
			rc = rest.p[i] == '\\' ? buf_put(out, "\\x5c", 4) : buf_put(out, rest.p + i, 1);
		if (!rc)
			rc = buf_put(out, "\n", 1);
	}
	return rc ? -ENOMEM : bad;
}
