/* SPDX-License-Identifier: MIT */
#include "nft_value.h"
#include "dissect.h"

#include <inttypes.h>
#include <netinet/in.h> /* before the kernel's headers, which then leave out theirs */
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

static const char *l4_name(uint64_t v)
{
	return v <= UINT8_MAX ? dissect_proto_known((uint8_t)v) : NULL;
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
static void bits_text(uint64_t v, const char *const *name, size_t names, char sep, char *out,
		      size_t size)
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < names && n < size; i++)
		if (v >> i & 1 && name[i]) {
			n += (size_t)snprintf(out + n, size - n, "%s%s",
					      n ? (char[2]){ sep, 0 } : "", name[i]);
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
	return s.n == 1	  ? nl_get_u8(s, 0)
	       : s.n == 2 ? nl_get_u16(s, 0)
	       : s.n == 8 ? nl_get_u64(s, 0)
			  : nl_get_u32(s, 0);
}

static void hex_text(struct span s, char *out, size_t size)
{
	size_t n = (size_t)snprintf(out, size, "0x");

	for (size_t i = 0; i < s.n && n + 3 <= size; i++)
		n += (size_t)snprintf(out + n, size - n, "%02x", nl_get_u8(s, i));
}

void nft_value_text(enum nft_type type, struct span v, char out[NFT_VALUE_MAX])
{
	static const char *const ct[] = { "invalid", "established", "related",	"new",
					  NULL,	     NULL,	    "untracked" };
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
		snprintf(out, NFT_VALUE_MAX, "\"%.*s%s\"", (int)(n > 32 ? 32 : n), v.p ? v.p : "",
			 n == v.n ? "*" : "");
		return;
	case V_L4:
		name = l4_name(nft_value_be(v));
		break;
	case V_L3:
		name = nft_value_be(v) == NFPROTO_IPV4	 ? "ipv4"
		       : nft_value_be(v) == NFPROTO_IPV6 ? "ipv6"
							 : NULL;
		break;
	case V_ETHER:
		name = ether_name(nft_value_be(v));
		break;
	case V_THERE:
		name = nft_value_be(v) ? "exists" : "missing";
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

/* Fields of headers (RFC 791, 8200, 9293, 768); l3 and l4 0: whatever they are. */
static const struct {
	uint8_t base, l3, l4, at, len;
	const char *name;
	enum nft_type type;
} header_field[] = {
	{ NFT_PAYLOAD_LL_HEADER, 0, 0, 0, 6, "ether daddr", V_MAC },
	{ NFT_PAYLOAD_LL_HEADER, 0, 0, 6, 6, "ether saddr", V_MAC },
	{ NFT_PAYLOAD_LL_HEADER, 0, 0, 12, 2, "ether type", V_ETHER },
	{ NFT_PAYLOAD_NETWORK_HEADER, 4, 0, 1, 1, "ip tos", V_HEX },
	{ NFT_PAYLOAD_NETWORK_HEADER, 4, 0, 2, 2, "ip length", V_INT },
	{ NFT_PAYLOAD_NETWORK_HEADER, 4, 0, 4, 2, "ip id", V_INT },
	{ NFT_PAYLOAD_NETWORK_HEADER, 4, 0, 6, 2, "ip frag-off", V_HEX },
	{ NFT_PAYLOAD_NETWORK_HEADER, 4, 0, 8, 1, "ip ttl", V_INT },
	{ NFT_PAYLOAD_NETWORK_HEADER, 4, 0, 9, 1, "ip protocol", V_L4 },
	{ NFT_PAYLOAD_NETWORK_HEADER, 4, 0, 12, 4, "ip saddr", V_ADDR },
	{ NFT_PAYLOAD_NETWORK_HEADER, 4, 0, 16, 4, "ip daddr", V_ADDR },
	{ NFT_PAYLOAD_NETWORK_HEADER, 6, 0, 4, 2, "ip6 length", V_INT },
	{ NFT_PAYLOAD_NETWORK_HEADER, 6, 0, 6, 1, "ip6 nexthdr", V_L4 },
	{ NFT_PAYLOAD_NETWORK_HEADER, 6, 0, 7, 1, "ip6 hoplimit", V_INT },
	{ NFT_PAYLOAD_NETWORK_HEADER, 6, 0, 8, 16, "ip6 saddr", V_ADDR },
	{ NFT_PAYLOAD_NETWORK_HEADER, 6, 0, 24, 16, "ip6 daddr", V_ADDR },
	{ NFT_PAYLOAD_TRANSPORT_HEADER, 0, IPPROTO_TCP, 0, 2, "tcp sport", V_INT },
	{ NFT_PAYLOAD_TRANSPORT_HEADER, 0, IPPROTO_TCP, 2, 2, "tcp dport", V_INT },
	{ NFT_PAYLOAD_TRANSPORT_HEADER, 0, IPPROTO_TCP, 13, 1, "tcp flags", V_TCP_FLAGS },
	{ NFT_PAYLOAD_TRANSPORT_HEADER, 0, IPPROTO_UDP, 0, 2, "udp sport", V_INT },
	{ NFT_PAYLOAD_TRANSPORT_HEADER, 0, IPPROTO_UDP, 2, 2, "udp dport", V_INT },
	{ NFT_PAYLOAD_TRANSPORT_HEADER, 0, IPPROTO_UDP, 4, 2, "udp length", V_INT },
	{ NFT_PAYLOAD_TRANSPORT_HEADER, 0, IPPROTO_ICMP, 0, 1, "icmp type", V_INT },
	{ NFT_PAYLOAD_TRANSPORT_HEADER, 0, IPPROTO_ICMP, 1, 1, "icmp code", V_INT },
	{ NFT_PAYLOAD_TRANSPORT_HEADER, 0, IPPROTO_ICMPV6, 0, 1, "icmpv6 type", V_INT },
	{ NFT_PAYLOAD_TRANSPORT_HEADER, 0, IPPROTO_ICMPV6, 1, 1, "icmpv6 code", V_INT },
	{ NFT_PAYLOAD_TRANSPORT_HEADER, 0, 0, 0, 2, "th sport", V_INT },
	{ NFT_PAYLOAD_TRANSPORT_HEADER, 0, 0, 2, 2, "th dport", V_INT },
};

bool nft_field_header(int64_t base, int l3, int l4, int64_t at, int64_t len, struct nft_field *f)
{
	for (size_t i = 0; i < ARRAY_SIZE(header_field); i++) {
		if (base != header_field[i].base || at != header_field[i].at ||
		    len > header_field[i].len || (header_field[i].l3 && header_field[i].l3 != l3) ||
		    (header_field[i].l4 && header_field[i].l4 != l4) ||
		    (len < header_field[i].len && header_field[i].type != V_ADDR))
			continue;
		*f = (struct nft_field){ header_field[i].name, header_field[i].type,
					 header_field[i].len, header_field[i].l4 != 0 };
		return true;
	}
	return false;
}

struct nft_field nft_field_meta(int64_t k)
{
	static const struct nft_field key[] = {
		[NFT_META_LEN] = { "meta length", V_HOST, 4, false },
		[NFT_META_PROTOCOL] = { "meta protocol", V_ETHER, 2, false },
		[NFT_META_PRIORITY] = { "meta priority", V_MARK, 4, false },
		[NFT_META_MARK] = { "meta mark", V_MARK, 4, false },
		[NFT_META_IIF] = { "iif", V_HOST, 4, false },
		[NFT_META_OIF] = { "oif", V_HOST, 4, false },
		[NFT_META_IIFNAME] = { "iifname", V_IFNAME, 16, false },
		[NFT_META_OIFNAME] = { "oifname", V_IFNAME, 16, false },
		[NFT_META_IFTYPE] = { "meta iiftype", V_HOST, 2, false },
		[NFT_META_OIFTYPE] = { "meta oiftype", V_HOST, 2, false },
		[NFT_META_SKUID] = { "meta skuid", V_HOST, 4, false },
		[NFT_META_SKGID] = { "meta skgid", V_HOST, 4, false },
		[NFT_META_NFTRACE] = { "meta nftrace", V_HOST, 1, false },
		[NFT_META_NFPROTO] = { "meta nfproto", V_L3, 1, false },
		[NFT_META_L4PROTO] = { "meta l4proto", V_L4, 1, false },
		[NFT_META_BRI_IIFNAME] = { "meta ibrname", V_IFNAME, 16, false },
		[NFT_META_BRI_OIFNAME] = { "meta obrname", V_IFNAME, 16, false },
		[NFT_META_PKTTYPE] = { "meta pkttype", V_HOST, 1, false },
		[NFT_META_CPU] = { "meta cpu", V_HOST, 4, false },
		[NFT_META_IIFGROUP] = { "meta iifgroup", V_HOST, 4, false },
		[NFT_META_OIFGROUP] = { "meta oifgroup", V_HOST, 4, false },
		[NFT_META_CGROUP] = { "meta cgroup", V_HOST, 4, false },
		[NFT_META_PRANDOM] = { "meta random", V_HOST, 4, false },
		[NFT_META_IIFKIND] = { "meta iifkind", V_IFNAME, 16, false },
		[NFT_META_OIFKIND] = { "meta oifkind", V_IFNAME, 16, false },
	};

	return k >= 0 && k < (int64_t)ARRAY_SIZE(key) && key[k].name
		       ? key[k]
		       : (struct nft_field){ "meta", V_HEX, 4, false };
}

struct nft_field nft_field_ct(int64_t k)
{
	static const struct nft_field key[] = {
		[NFT_CT_STATE] = { "state", V_CT_STATE, 4, false },
		[NFT_CT_DIRECTION] = { "direction", V_HOST, 1, false },
		[NFT_CT_STATUS] = { "status", V_MARK, 4, false },
		[NFT_CT_MARK] = { "mark", V_MARK, 4, false },
		[NFT_CT_EXPIRATION] = { "expiration", V_HOST, 4, false },
		[NFT_CT_HELPER] = { "helper", V_TEXT, 16, false },
		[NFT_CT_L3PROTOCOL] = { "l3proto", V_L3, 1, false },
		[NFT_CT_SRC] = { "saddr", V_ADDR, 16, false },
		[NFT_CT_DST] = { "daddr", V_ADDR, 16, false },
		[NFT_CT_PROTOCOL] = { "protocol", V_L4, 1, false },
		[NFT_CT_PROTO_SRC] = { "proto-src", V_INT, 2, false },
		[NFT_CT_PROTO_DST] = { "proto-dst", V_INT, 2, false },
		[NFT_CT_PKTS] = { "packets", V_HOST, 8, false },
		[NFT_CT_BYTES] = { "bytes", V_HOST, 8, false },
		[NFT_CT_AVGPKT] = { "avgpkt", V_HOST, 8, false },
		[NFT_CT_ZONE] = { "zone", V_HOST, 2, false },
		[NFT_CT_SRC_IP] = { "ip saddr", V_ADDR, 4, false },
		[NFT_CT_DST_IP] = { "ip daddr", V_ADDR, 4, false },
		[NFT_CT_SRC_IP6] = { "ip6 saddr", V_ADDR, 16, false },
		[NFT_CT_DST_IP6] = { "ip6 daddr", V_ADDR, 16, false },
	};

	return k >= 0 && k < (int64_t)ARRAY_SIZE(key) && key[k].name
		       ? key[k]
		       : (struct nft_field){ "?", V_HEX, 4, false };
}
