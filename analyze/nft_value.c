/* SPDX-License-Identifier: MIT */
#include "nft_value.h"

#include <inttypes.h>
#include <netinet/in.h> /* before the kernel's headers, which then leave out theirs */
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>

static const char *l4_name(uint64_t v)
{
	switch (v) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_ICMPV6:
		return "icmpv6";
	case IPPROTO_SCTP:
		return "sctp";
	case IPPROTO_DCCP:
		return "dccp";
	case IPPROTO_GRE:
		return "gre";
	case IPPROTO_ESP:
		return "esp";
	case IPPROTO_AH:
		return "ah";
	case IPPROTO_UDPLITE:
		return "udplite";
	}
	return NULL;
}

static const char *ether_name(uint64_t v)
{
	switch (v) {
	case 0x0800:
		return "ip";
	case 0x86dd:
		return "ip6";
	case 0x0806:
		return "arp";
	case 0x8100:
		return "vlan";
	}
	return NULL;
}

/* Names of set bits, joined by @sep; bits without a name are given as a number. */
static void bits_text(uint64_t v, const char *const *name, size_t names, char sep, char *out, size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < names && n < size; i++)
		if (v >> i & 1 && name[i]) {
			n += (size_t)snprintf(out + n, size - n, "%s%s", n ? (char[2]){ sep, 0 } : "", name[i]);
			v &= ~(1ULL << i);
		}
	if ((v || !n) && n < size)
		snprintf(out + n, size - n, "%s0x%" PRIx64, n ? (char[2]){ sep, 0 } : "", v);
}

uint64_t nft_value_be(struct span s)
{
	uint64_t v = 0;

	for (size_t i = 0; i < s.n && i < 8; i++)
		v = v << 8 | nl_get_u8(s, i);
	return v;
}

static uint64_t value_host(struct span s)
{
	return s.n == 1 ? nl_get_u8(s, 0) : s.n == 2 ? nl_get_u16(s, 0) : s.n == 8 ? nl_get_u64(s, 0) : nl_get_u32(s, 0);
}

static void hex_text(struct span s, char *out, size_t size)
{
	size_t n = (size_t)snprintf(out, size, "0x");

	for (size_t i = 0; i < s.n && n + 3 <= size; i++)
		n += (size_t)snprintf(out + n, size - n, "%02x", nl_get_u8(s, i));
}

void nft_value_text(enum nft_type type, struct span v, char out[NFT_VALUE_MAX])
{
	static const char *const ct[] = { "invalid", "established", "related", "new", NULL, NULL, "untracked" };
	static const char *const tcp[] = { "fin", "syn", "rst", "psh", "ack", "urg", "ecn", "cwr" };
	const char *name = NULL;
	char addr[NL_ADDR_TEXT];
	size_t n;

	switch (type) {
	case V_INT:
		snprintf(out, NFT_VALUE_MAX, "%" PRIu64, nft_value_be(v));
		return;
	case V_HOST:
		snprintf(out, NFT_VALUE_MAX, "%" PRIu64, value_host(v));
		return;
	case V_MARK:
		snprintf(out, NFT_VALUE_MAX, "0x%" PRIx64, value_host(v));
		return;
	case V_ADDR:
		nl_addr_text(v, addr);
		if (!addr[0])
			break;
		snprintf(out, NFT_VALUE_MAX, "%s", addr);
		return;
	case V_MAC:
		nl_mac_text(v, addr);
		snprintf(out, NFT_VALUE_MAX, "%s", addr);
		return;
	case V_IFNAME:
	case V_TEXT:
		n = strnlen(v.p ? v.p : "", v.n);
		/* a comparison without the NUL is one with the beginning only */
		snprintf(out, NFT_VALUE_MAX, "\"%.*s%s\"", (int)(n > 32 ? 32 : n), v.p ? v.p : "", n == v.n ? "*" : "");
		return;
	case V_L4:
		name = l4_name(nft_value_be(v));
		break;
	case V_L3:
		name = nft_value_be(v) == NFPROTO_IPV4 ? "ipv4" : nft_value_be(v) == NFPROTO_IPV6 ? "ipv6" : NULL;
		break;
	case V_ETHER:
		name = ether_name(nft_value_be(v));
		break;
	case V_CT_STATE:
		bits_text(value_host(v), ct, ARRAY_SIZE(ct), ',', out, NFT_VALUE_MAX);
		return;
	case V_TCP_FLAGS:
		bits_text(nft_value_be(v), tcp, ARRAY_SIZE(tcp), '|', out, NFT_VALUE_MAX);
		return;
	case V_HEX:
		break;
	}
	if (name)
		snprintf(out, NFT_VALUE_MAX, "%s", name);
	else if (type == V_L4 || type == V_L3)
		snprintf(out, NFT_VALUE_MAX, "%" PRIu64, nft_value_be(v));
	else
		hex_text(v, out, NFT_VALUE_MAX);
}

int nft_prefix_bits(const uint8_t *mask, size_t n)
{
	size_t bits = 0, i;

	while (bits < n * 8 && mask[bits / 8] >> (7 - bits % 8) & 1)
		bits++;
	for (i = bits; i < n * 8; i++)
		if (mask[i / 8] >> (7 - i % 8) & 1)
			return -1;
	return (int)bits;
}
