/* SPDX-License-Identifier: MIT */
#include "pcap_read.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>

#define SECTION_BYTES (4 * MIB)
#define FILE_MAX      (1024 * MIB) /* the sections are kept in memory */
#define PACKET_MAX    (1 * MIB)
#define PACKETS_MAX   (32 * MIB)

static int open_file(const char *path, pcap_t **out, struct err *e)
{
	char text[PCAP_ERRBUF_SIZE] = "";
	FILE *f = fopen(path, "rbe");
	pcap_t *p;

	if (!f)
		return err_sys(e, "%s: cannot be opened", path);
	if (fseeko(f, 0, SEEK_END) || ftello(f) < 0 || (uint64_t)ftello(f) > FILE_MAX) {
		fclose(f);
		return err_set(e, -EFBIG, "%s: larger than %llu MiB; cut it with editcap(1) or tcpdump -r ... -w", path,
			       FILE_MAX / MIB);
	}
	rewind(f);
	p = pcap_fopen_offline_with_tstamp_precision(f, PCAP_TSTAMP_PRECISION_NANO, text);
	if (!p) {
		fclose(f);
		return err_set(e, -EINVAL, "%s: %s", path, text);
	}
	*out = p;
	return 0;
}

/*
 * What libpcap takes for a packet of no bytes is none: zeros, as a crash of the host leaves them at the end of a file, or the
 * header of another capture that was written behind this one (its magic number stands where a packet has seconds,
 * pcap-savefile(5)).
 */
static const char *no_packet(const struct pcap_pkthdr *h)
{
	uint32_t first = (uint32_t)h->ts.tv_sec;

	if (h->len || h->caplen)
		return NULL;
	return first == 0xa1b2c3d4 || first == 0xa1b23c4d ? "another capture begins there (mergecap joins captures)" :
							    "no packet stands there, but zeros";
}

/* The next packet. Return: 1, 0 at the end. */
static int next_packet(pcap_t *p, struct pcap_pkthdr **h, const u_char **data, struct pcap_marks *m)
{
	int rc = pcap_next_ex(p, h, data);
	const char *why = rc == PCAP_ERROR ? pcap_geterr(p) : rc == 1 ? no_packet(*h) : NULL;

	if (why && m) {
		m->cut = true;
		snprintf(m->why, sizeof(m->why), "%s", why);
	}
	return rc == 1 && !why && (*h)->caplen <= PACKET_MAX;
}

static int64_t stamp_ns(const struct pcap_pkthdr *h)
{
	/* the header's microseconds are nanoseconds, as asked for */
	if (h->ts.tv_sec < 0 || h->ts.tv_sec > INT64_MAX / NSEC_PER_SEC - 1 || h->ts.tv_usec < 0 ||
	    h->ts.tv_usec >= NSEC_PER_SEC)
		return 0;
	return (int64_t)h->ts.tv_sec * NSEC_PER_SEC + h->ts.tv_usec;
}

/* Link header, source address and direction by link type (www.tcpdump.org/linktypes.html). */
static void read_link(int linktype, const struct pcap_pkthdr *h, const u_char *p, struct pcap_mark *m)
{
	uint32_t head = 0;
	size_t src = 0;
	int kind = -1; /* packet type of sockaddr_ll: 4 is outgoing */

	switch (linktype) {
	case DLT_EN10MB:
		head = 14;
		src = 6;
		break;
	case DLT_LINUX_SLL:
		head = 16;
		kind = h->caplen >= 2 ? p[1] : -1;
		break;
	case DLT_LINUX_SLL2:
		head = 20;
		kind = h->caplen >= 11 ? p[10] : -1;
		break;
	default:
		break;
	}
	if (src && h->caplen >= src + 6)
		memcpy(&m->src, p + src, 6);
	m->l3_bytes = h->len > head ? h->len - head : 0;
	m->direction = kind < 0 ? -1 : kind == 4;
}

int pcap_read_marks(const char *path, struct pcap_marks *out, struct err *e)
{
	struct pcap_pkthdr *h;
	const u_char *data;
	pcap_t *p = NULL;
	int rc;

	*out = (struct pcap_marks){ 0 };
	rc = open_file(path, &p, e);
	if (rc)
		return rc;
	out->linktype = pcap_datalink(p);
	while (!rc && next_packet(p, &h, &data, out) > 0) {
		if (out->n == PACKETS_MAX) {
			rc = err_set(e, -EFBIG, "%s: more than %llu packets", path, PACKETS_MAX);
			break;
		}
		if (out->n == out->cap) {
			size_t cap = out->cap ? out->cap * 2 : 1024;
			struct pcap_mark *v = realloc(out->v, cap * sizeof(*v));

			if (!v) {
				rc = err_set(e, -ENOMEM, "%s: out of memory", path);
				break;
			}
			out->v = v;
			out->cap = cap;
		}
		out->v[out->n] = (struct pcap_mark){ .ts_ns = stamp_ns(h), .len_bytes = h->len };
		read_link(out->linktype, h, data, &out->v[out->n++]);
	}
	pcap_close(p);
	return rc;
}

static int put32(struct buf *b, uint32_t v)
{
	uint8_t raw[4] = { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24) };

	return buf_put(b, raw, sizeof(raw));
}

static int pad4(struct buf *b, size_t n)
{
	return buf_put(b, "\0\0\0", -n & 3);
}

/* Section header and the one interface block (draft-ietf-opsawg-pcapng, 4.1 and 4.2). */
static int put_heads(struct buf *b, int linktype, const char *dev)
{
	size_t name = strlen(dev);
	uint32_t len = (uint32_t)(16 + 4 + ((name + 3) & ~3UL) + 8 + 4 + 4);

	return put32(b, 0x0A0D0D0AU) || put32(b, 28) || put32(b, 0x1A2B3C4DU) || put32(b, 1) || put32(b, UINT32_MAX) ||
	       put32(b, UINT32_MAX) || put32(b, 28) || put32(b, 1) || put32(b, len) || put32(b, (uint32_t)linktype) ||
	       put32(b, 0) || put32(b, 2 | (uint32_t)name << 16) || buf_put(b, dev, name) || pad4(b, name) ||
	       put32(b, 9 | 1U << 16) || put32(b, 9) || put32(b, 0) || put32(b, len);
}

static int put_packet(struct buf *b, const struct pcap_pkthdr *h, const u_char *data, int direction)
{
	uint32_t options = direction < 0 ? 0 : 12, len = 32 + ((h->caplen + 3) & ~3U) + options;
	uint64_t ts = (uint64_t)stamp_ns(h);
	int rc = put32(b, 6) || put32(b, len) || put32(b, 0) || put32(b, (uint32_t)(ts >> 32)) || put32(b, (uint32_t)ts) ||
		 put32(b, h->caplen) || put32(b, h->len) || buf_put(b, data, h->caplen) || pad4(b, h->caplen);

	/* epb_flags: 1 inbound, 2 outbound */
	if (!rc && options)
		rc = put32(b, 2 | 4U << 16) || put32(b, direction ? 2 : 1) || put32(b, 0);
	return rc || put32(b, len);
}

int pcap_read_sections(const char *path, const struct pcap_marks *marks, const char *dev,
		       int (*take)(void *ctx, const void *data, size_t n), void *ctx, struct err *e)
{
	struct pcap_pkthdr *h;
	const u_char *data;
	struct buf b = { 0 };
	pcap_t *p = NULL;
	int rc = open_file(path, &p, e);
	/* LINKTYPE_ and DLT_ values of raw IP differ (www.tcpdump.org/linktypes.html) */
	int linktype = marks->linktype == DLT_RAW ? 101 : marks->linktype;

	for (size_t i = 0; !rc && i < marks->n && next_packet(p, &h, &data, NULL) > 0; i++) {
		if ((!b.len && put_heads(&b, linktype, dev)) || put_packet(&b, h, data, marks->v[i].direction))
			rc = err_set(e, -ENOMEM, "%s: out of memory", path);
		if (!rc && b.len >= SECTION_BYTES) {
			rc = take(ctx, b.data, b.len);
			buf_reset(&b);
		}
	}
	if (!rc && b.len)
		rc = take(ctx, b.data, b.len);
	if (p)
		pcap_close(p);
	buf_free(&b);
	return rc;
}
