/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * An unbound packet socket sees Ethernet frames and bare IP packets alike, but a socket has
 * one classic BPF program, and libpcap compiles for one link type. So two programs are
 * compiled and joined behind a test of the device's ARPHRD type, which the kernel offers to
 * filters as an ancillary load (SKF_AD_HATYPE, Documentation/networking/filter.rst):
 *
 *	ld hatype; ether or loopback? -> program for Ethernet, else program for raw IP
 *
 * Jumps inside each program are relative, so only the join needs a far jump (BPF_JA).
 * The accepting returns are patched to the number of bytes that the socket is to get.
 * On devices that are not Ethernet the socket's data begin with whatever link header there
 * is; the program for raw IP loads relative to the network header (SKF_NET_OFF) instead.
 *
 * The kernel takes VLAN tags out of the frame before packet sockets see it, so what
 * tests a tag in the frame can only be decided on the frame with the tag put back: such
 * expressions are applied in user space, as are those that would exceed the kernel's limit.
 */
#include "filter.h"

#include <ctype.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_arp.h>
#ifdef __GLIBC__
#include <nss.h>
#endif
#include <pcap/pcap.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SNAPLEN_MAX 262144 /* as libpcap; replaced in filter_attach() */
#define JOIN_INSNS  6	   /* instructions of the join itself */

_Static_assert(sizeof(struct bpf_insn) == sizeof(struct sock_filter), "one layout (net/bpf.h)");

enum { ON_ETHER, ON_RAW, ON_COUNT };

struct filter {
	struct bpf_program on[ON_COUNT]; /* no instructions: nothing matches */
	bool all;			 /* no expression: everything matches */
	bool in_kernel;
	bool metadata; /* tests what filter_match() does not know */
};

/* Whether @word stands in @text as a word of its own, not escaped (pcap-filter(7): "\vlan" is a
 * name). */
static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);
	const char *p;

	for (p = strstr(text, word); p; p = strstr(p + 1, word)) {
		if (p > text && (isalnum((unsigned char)p[-1]) || strchr("_-.\\", p[-1])))
			continue;
		if (!isalnum((unsigned char)p[n]) && (!p[n] || !strchr("_-.", p[n])))
			return true;
	}
	return false;
}

static bool tests_value(const struct bpf_program *prog, unsigned int value)
{
	unsigned int i;

	for (i = 0; i < prog->bf_len; i++)
		if (BPF_CLASS(prog->bf_insns[i].code) == BPF_JMP && prog->bf_insns[i].k == value)
			return true;
	return false;
}

/* Whether a program loads what only the kernel has (SKF_AD_OFF: direction, device). */
static bool tests_metadata(const struct bpf_program *prog)
{
	unsigned int i;

	for (i = 0; i < prog->bf_len; i++)
		if (BPF_CLASS(prog->bf_insns[i].code) == BPF_LD &&
		    BPF_MODE(prog->bf_insns[i].code) == BPF_ABS && (int32_t)prog->bf_insns[i].k < 0)
			return true;
	return false;
}

/* Whether the expression looks at a VLAN tag in the frame. */
static bool tests_tag(const struct filter *f, const char *text)
{
	const struct bpf_program *prog = &f->on[ON_ETHER];

	if (has_word(text, "vlan"))
		return true;
	if (!has_word(text, "ether") && !has_word(text, "link"))
		return false;
	return tests_value(prog, 0x8100) || tests_value(prog, 0x88a8) || tests_value(prog, 0x9100);
}

/*
 * Names in an expression are looked up by the C library. A static program must not load the host's
 * name service plugins for that (they belong to another C library): only what is built in.
 */
static void keep_lookups_built_in(void)
{
#ifdef __GLIBC__
	__nss_configure_lookup("hosts", "files dns");
	__nss_configure_lookup("networks", "files");
	__nss_configure_lookup("protocols", "files");
	__nss_configure_lookup("services", "files");
	__nss_configure_lookup("ethers", "files");
#endif
}

/* Return: 0, 1 (valid, but can match nothing on this link type), -EINVAL with the text. */
static int compile(struct bpf_program *prog, int dlt, const char *text, struct err *e)
{
	pcap_t *p = pcap_open_dead(dlt, SNAPLEN_MAX);
	int rc = 0;

	if (!p)
		return err_set(e, -ENOMEM, "no memory to compile the filter");
	if (pcap_compile(p, prog, text, 1, PCAP_NETMASK_UNKNOWN)) {
		const char *why = pcap_geterr(p);

		rc = strstr(why, "rejects all packets") ? 1 : -EINVAL;
		err_set(e, rc, "filter '%s': %s (see pcap-filter(7))", text, why);
		memset(prog, 0, sizeof(*prog));
	}
	pcap_close(p);
	return rc;
}

int filter_open(struct filter **out, const char *text, struct err *e)
{
	struct filter *f = calloc(1, sizeof(*f));
	struct err other;
	int ether, raw;

	if (!f)
		return err_set(e, -ENOMEM, "no memory for the filter");
	f->in_kernel = true;
	f->all = !text || !text[strspn(text, " \t\n")];
	if (f->all) {
		*out = f;
		return 0;
	}
	keep_lookups_built_in();
	ether = compile(&f->on[ON_ETHER], DLT_EN10MB, text, e);
	if (ether == -ENOMEM)
		goto fail;
	raw = compile(&f->on[ON_RAW], DLT_RAW, text, ether ? &other : e);
	/* wrong on Ethernet: the user's mistake, unless raw IP knows better */
	if (ether && raw) {
		ether = -EINVAL;
		goto fail;
	}
	f->in_kernel =
		!tests_tag(f, text) &&
		JOIN_INSNS + f->on[ON_ETHER].bf_len + f->on[ON_RAW].bf_len + 2 <= BPF_MAXINSNS;
	f->metadata = tests_metadata(&f->on[ON_ETHER]) || tests_metadata(&f->on[ON_RAW]);
	if (f->metadata && !f->in_kernel) {
		ether = err_set(e, -EINVAL,
				"filter '%s': direction and ifindex cannot be asked together with "
				"VLAN tags; give "
				"one of them here and the other when reading",
				text);
		goto fail;
	}
	*out = f;
	return 0;
fail:
	filter_close(f);
	return ether;
}

void filter_close(struct filter *f)
{
	int i;

	if (!f)
		return;
	for (i = 0; i < ON_COUNT; i++)
		pcap_freecode(&f->on[i]);
	free(f);
}

bool filter_is_partial(const struct filter *f)
{
	return !f->all && !f->on[ON_RAW].bf_len;
}

bool filter_asks_kernel(const struct filter *f)
{
	return f->metadata;
}

/*
 * A load of libpcap's code (gencode.c) that reads of an Ethernet frame only type, protocol, addresses
 * and ports. Offset 20 is IPv6's next header, or IPv4's fragment word, of which only "a later
 * fragment" is asked.
 */
static bool load_of_flow(const struct bpf_insn *i, const struct bpf_insn *next)
{
	unsigned int size = BPF_SIZE(i->code), mode = BPF_MODE(i->code), k = i->k;

	if (BPF_CLASS(i->code) == BPF_LDX)
		return (mode == BPF_MSH && k == 14) || mode == BPF_IMM || mode == BPF_MEM;
	if (mode == BPF_IMM || mode == BPF_MEM)
		return true;
	if (mode == BPF_IND)
		return size == BPF_H && (k == 14 || k == 16);
	if (mode != BPF_ABS)
		return false;
	if (size == BPF_H)
		return k == 12 || k == 54 || k == 56 ||
		       (k == 20 && next && next->code == (BPF_JMP | BPF_JSET | BPF_K) &&
			next->k == 0x1fff);
	if (size == BPF_B) /* "ip[6] = 0x40" loads offset 20, too */
		return (k == 20 || k == 23 || k == 54) && next &&
		       next->code == (BPF_JMP | BPF_JEQ | BPF_K) &&
		       (k != 20 || (next->k != 0x20 && next->k != 0x40));
	return k >= 22 && k <= 50; /* words of the addresses, from 26 on for IPv4 */
}

bool filter_of_flow(const struct filter *f)
{
	const struct bpf_program *prog = &f->on[ON_ETHER];

	/* frames with a VLAN tag, a label or PPPoE have their headers elsewhere */
	if (f->all)
		return true;
	if (!prog->bf_len || tests_value(prog, 0x8100) || tests_value(prog, 0x88a8) ||
	    tests_value(prog, 0x9100) || tests_value(prog, 0x8847) || tests_value(prog, 0x8864))
		return false;
	for (unsigned int i = 0; i < prog->bf_len; i++) {
		unsigned int class = BPF_CLASS(prog->bf_insns[i].code);

		if ((class == BPF_LD || class == BPF_LDX) &&
		    !load_of_flow(&prog->bf_insns[i],
				  i + 1 < prog->bf_len ? &prog->bf_insns[i + 1] : NULL))
			return false;
	}
	return true;
}

/* Copy one program, its accepting returns set to @bytes; loads from the network header where
 * @from_network. */
static size_t join(const struct filter *f, int on, struct sock_filter *to, uint32_t bytes,
		   bool from_network)
{
	const struct bpf_program *prog = &f->on[on];
	unsigned int i, n = prog->bf_len;

	if (!n) {
		to[0] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, f->all ? bytes : 0);
		return 1;
	}
	memcpy(to, prog->bf_insns, n * sizeof(*to));
	for (i = 0; i < n; i++) {
		unsigned int class = BPF_CLASS(to[i].code), mode = BPF_MODE(to[i].code);

		if (class == BPF_RET && to[i].k)
			to[i].k = bytes;
		/* negative offsets are the kernel's own already */
		if (from_network && (int32_t)to[i].k >= 0 &&
		    ((class == BPF_LD && (mode == BPF_ABS || mode == BPF_IND)) ||
		     (class == BPF_LDX && mode == BPF_MSH)))
			to[i].k += (uint32_t)SKF_NET_OFF;
	}
	return n;
}

static int attach(int fd, struct sock_filter *insns, size_t n)
{
	struct sock_fprog prog = { .len = (unsigned short)n, .filter = insns };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) ? -errno : 0;
}

static int attach_joined(const struct filter *f, int fd, uint32_t ether_bytes, uint32_t other_bytes)
{
	size_t max = JOIN_INSNS + f->on[ON_ETHER].bf_len + f->on[ON_RAW].bf_len + 2, ether;
	struct sock_filter *insns = calloc(max, sizeof(*insns)), *p;
	int rc;

	if (!insns)
		return -ENOMEM;
	/* programs may expect an accumulator of 0, so it is cleared before each */
	insns[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						(uint32_t)(SKF_AD_OFF + SKF_AD_HATYPE));
	insns[1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARPHRD_ETHER, 2, 0);
	insns[2] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARPHRD_LOOPBACK, 1, 0);
	insns[4] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, 0);
	ether = join(f, ON_ETHER, insns + 5, ether_bytes, false);
	insns[3] = (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)ether + 1);
	p = insns + 5 + ether;
	*p++ = (struct sock_filter)BPF_STMT(BPF_LD | BPF_IMM, 0);
	p += join(f, ON_RAW, p, other_bytes, true);
	rc = attach(fd, insns, (size_t)(p - insns));
	free(insns);
	return rc;
}

int filter_attach(const struct filter *f, int fd, uint32_t ether_bytes, uint32_t other_bytes)
{
	static const struct filter everything = { .all = true };
	int rc = 0;

	/* may fail for a long program: its size counts against net.core.optmem_max */
	if (f->in_kernel)
		rc = attach_joined(f, fd, ether_bytes, other_bytes);
	if (f->in_kernel && (!rc || f->metadata))
		return rc;
	if (!f->all) {
		ether_bytes = ether_bytes > FILTER_LOOK_BYTES ? ether_bytes : FILTER_LOOK_BYTES;
		other_bytes = other_bytes > FILTER_LOOK_BYTES ? other_bytes : FILTER_LOOK_BYTES;
	}
	rc = attach_joined(&everything, fd, ether_bytes, other_bytes);
	return rc ? rc : !f->all;
}

int filter_attach_none(int fd)
{
	struct sock_filter none[] = { BPF_STMT(BPF_RET | BPF_K, 0) };

	return attach(fd, none, ARRAY_SIZE(none));
}

bool filter_match(const struct filter *f, enum linktype type, const uint8_t *frame,
		  size_t cap_bytes, size_t len_bytes)
{
	const struct bpf_program *prog = &f->on[type == LINKTYPE_ETHERNET ? ON_ETHER : ON_RAW];
	struct pcap_pkthdr head = { .caplen = (bpf_u_int32)cap_bytes,
				    .len = (bpf_u_int32)len_bytes };

	if (f->all)
		return true;
	return prog->bf_len && pcap_offline_filter(prog, &head, frame) != 0;
}
