/* SPDX-License-Identifier: MIT */
/* pcapng sections, and the headers in each frame by each link type. */
#include "fuzz.h"
#include "../../analyze/dissect.h"
#include "../../analyze/pcapng.h"

#include <string.h>

static void check_ip(const struct dissect_ip *ip)
{
	HOLDS(ip->family == 0 || ip->family == 4 || ip->family == 6);
	HOLDS(ip->family || !ip->has_ports);
	HOLDS(ip->frag >= -1 && ip->frag <= 65535 * 2 + 1);
	HOLDS(ip->ip_id >= -1);
}

static void dissect(const uint8_t *p, size_t cap, size_t orig, int linktype)
{
	uint8_t *copy = malloc(cap ? cap : 1); /* so that a byte too far is seen */
	struct dissect d;
	char name[8];

	HOLDS(copy);
	if (cap)
		memcpy(copy, p, cap);
	dissect_frame(&d, copy, cap, orig, linktype);
	check_ip(&d.ip);
	check_ip(&d.outer);
	HOLDS(d.l3_offset >= -1 && (d.l3_offset < 0 || (size_t)d.l3_offset <= cap));
	HOLDS(d.l3_offset < 0 || d.l3_bytes <= (orig < cap ? cap : orig));
	HOLDS(d.payload_bytes >= -1);
	HOLDS(!(d.tcp && d.icmp) && (d.ip.family || (!d.tcp && !d.icmp)));
	HOLDS(fuzz_cstr(dissect_proto_name(d.ip.proto, name), sizeof(name)));
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const int links[] = { LINK_ETHERNET, LINK_RAW, LINK_SLL, 0 };
	struct pcapng_packet p;
	struct pcapng g;
	size_t last = 0;
	uint64_t packets = 0;
	int rc;

	pcapng_init(&g, data, n);
	while ((rc = pcapng_next(&g, &p)) > 0) {
		HOLDS(p.iface && memchr(p.iface->name, 0, sizeof(p.iface->name)));
		HOLDS(fuzz_inside(p.data, p.cap_bytes, data, n));
		HOLDS(p.direction >= -1 && p.direction <= 1);
		HOLDS(p.offset < n && (!packets || p.offset > last));
		last = p.offset;
		packets++;
		dissect(p.data, p.cap_bytes, p.orig_bytes, p.iface->linktype);
		for (size_t i = 0; i < ARRAY_SIZE(links); i++)
			dissect(p.data, p.cap_bytes, p.orig_bytes, links[i]);
	}
	HOLDS(packets * 28 <= n);
	pcapng_free(&g);
	/* also as a frame alone */
	if (n && n < 2048)
		dissect(data + 1, n - 1, n - 1 + (data[0] & 0x3f), links[data[0] >> 6]);
	return 0;
}
