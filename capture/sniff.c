/* SPDX-License-Identifier: MIT */
/*
 * Theory of operation
 *
 * One packet socket per network namespace, bound to no device, sees every frame of every device
 * there, incoming and outgoing, and says of each: device, direction, VLAN tag, length, nanoseconds.
 * Where only some devices are wanted (-i), each of them has a socket that is bound to it, for a
 * socket costs every frame that passes it, wanted or not (of one that is sent the kernel makes a
 * clone, dev_queue_xmit_nit()). Devices come, go and are renamed, so each namespace is watched
 * then: rtnetlink tells when to look again which device has the name, rtnetlink(7).
 * Frames come through a ring of blocks that the kernel fills and we give back (TPACKET_V3,
 * Documentation/networking/packet_mmap.rst): it hands a block over when it is full or
 * BLOCK_TIMEOUT_MS old. One thread drains all rings.
 *
 * The socket starts with protocol 0, which receives nothing, and gets its protocol by bind() once
 * filter and ring stand: nothing unfiltered ever enters. SO_TIMESTAMPNS makes the kernel stamp
 * frames early (netstamp_needed_key; in netif_rx and before RPS, not where the ring is filled); a
 * frame that had no stamp by then gets a late one and says so (PCAPNG_OPT_LATE_STAMP).
 *
 * Memory: each ring is allocated when it is opened and counts against memory_bytes. The first one
 * of the set (our own, or the one asked for) and the initial namespace get a quarter each, at most
 * PRIMARY_RING_MAX. A quarter is kept for the smallest possible rings of namespaces still to come
 * (as many as may live at a time, if they fit). What is left is shared out evenly among those that
 * are known, at most OTHER_RING_MAX each. With 64 MiB and headers only that makes 16 MiB for the
 * first one, 4 MiB for each of three more, 1.6 MiB for a dozen, and at least 64 KiB for the 256th.
 * When a namespace ends, its ring is given back.
 *
 * Losses: the kernel counts a frame that found no room (tp_drops); the counts are read every
 * second.
 *
 * A ring costs a wait for an RCU grace period when it is made, and two when its socket is closed
 * (packet_set_ring(), packet_release(), net/packet/af_packet.c): those of many go on together.
 *
 * The end: a filter that lets nothing pass fixes the last frame, then the blocks that are
 * partly filled run into their timeout and are drained too.
 */
#include "sniff.h"

#include "clock.h"
#include "cut.h"
#include "devwatch.h"
#include "section.h"
#include "together.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BLOCK_TIMEOUT_MS 60
/* the second run of the timer after its first frame retires a block at the latest; and slack */
#define DRAIN_NS      ((2 * BLOCK_TIMEOUT_MS + 20) * 1000000LL)
#define DRAIN_MAX_NS  (DRAIN_NS + 100 * 1000000LL)
#define POLL_MS	      200 /* how soon a new namespace is seen */
#define DRAIN_POLL_MS 10

#define TICK_NS NSEC_PER_SEC

#define BLOCK_MIN	 (32 * KIB)
#define BLOCK_WHOLE	 (256 * KIB) /* for whole frames: a GSO frame and more */
#define BLOCK_OVERHEAD	 512	     /* block header, frame header, address, link header */
#define RING_BLOCKS_MIN	 2
#define PRIMARY_RING_MAX (16 * MIB)
#define OTHER_RING_MAX	 (4 * MIB)
#define MEMORY_MAX	 (64 * MIB)
#define LINK_HEADER_ROOM 64 /* of devices that are not Ethernet; it is left out of the file */

enum ring_state { RING_NONE, RING_OPEN, RING_CLOSING, RING_CLOSED };

struct ring {
	struct netset_ns *ns;
	const char *dev; /* the only one that it is for, NULL: all */
	enum ring_state state;
	int64_t close_at_ns; /* RING_CLOSING */
	int fd;
	uint8_t *map;
	int ifindex, rc; /* while it is being opened */
	uint64_t bytes;	 /* that it may have */
	size_t block_bytes, blocks, next;
	bool new; /* no line in pcap/stats yet */
	int64_t stats_ns;
	struct section *section;
};

/* A namespace, and what tells of its devices where only some are wanted. */
struct space {
	struct netset_ns *ns;
	int watch_fd; /* -1: none */
	bool look;    /* a device may have come, or have another name */
};

/* Inode numbers come back; the numbering of their members goes on. */
struct series {
	uint64_t inum;
	unsigned int seq;
};

struct sniff {
	struct netset *set;
	struct tape_writer *w;
	struct section_options sections; /* what it points to is ours */
	char *filter_text;
	char **interfaces;
	uint64_t memory_left, memory_bytes;
	size_t block_bytes;    /* of small rings */
	uint32_t kernel_bytes; /* that the kernel copies of a frame */
	int stop_fd;

	struct space spaces[NETSET_MAX]; /* by index in the set */
	struct ring **rings;		 /* of each space as many as there are interfaces, or one */
	struct series series[NETSET_MAX];
	size_t spaces_n, rings_n, rings_each, series_n;
	struct pollfd *polls; /* stop_fd, the watches, then the open rings */
	size_t polls_n, watches_n;
	uint16_t watched[NETSET_MAX]; /* the spaces of the watches in polls */

	struct buf stats;
	unsigned int stats_seq;
	bool said_memory;
	int failed; /* of the tape */
	_Atomic uint64_t written, lost, filtered;
};

static struct tpacket_block_desc *ring_block(const struct ring *r)
{
	return (void *)(r->map + r->next * r->block_bytes);
}

/* Put the section on the tape. */
static void flush(struct sniff *s, struct ring *r)
{
	int rc = section_flush(r->section, s->w);

	if (rc && !s->failed)
		s->failed = rc;
}

/* All frames of a block that is ours. */
static void block_take(struct sniff *s, struct ring *r, const struct tpacket_block_desc *b,
		       int64_t now)
{
	uint32_t i, n = b->hdr.bh1.num_pkts;
	size_t at = b->hdr.bh1.offset_to_first_pkt;
	uint64_t written = 0, filtered = 0, lost = 0;

	for (i = 0; i < n; i++) {
		const struct tpacket3_hdr *h = (const void *)((const uint8_t *)b + at);
		int rc;

		/* the kernel wrote it; a mistake of ours must not lead out of the block */
		if (at + TPACKET3_HDRLEN > r->block_bytes ||
		    at + h->tp_mac + (size_t)h->tp_snaplen > r->block_bytes)
			break;
		rc = section_frame(r->section, h);
		written += rc > 0;
		filtered += !rc;
		lost += rc < 0;
		if (i % 64 == 63 && section_is_due(r->section, now))
			flush(s, r);
		at += h->tp_next_offset;
	}
	lost += n - i;
	if (lost)
		section_lost(r->section, lost);
	s->written += written;
	s->filtered += filtered;
	s->lost += lost;
	if (lost && !s->said_memory) {
		s->said_memory = true;
		quality_put(s->w, "frames-lost", "pcap", -1, NULL, -1, -1, -1,
			    "frames were lost because the recorder had no memory for them; the number "
			    "is in end.json");
	}
}

/* Take what the kernel has handed over, at most the ring once. */
static void ring_drain(struct sniff *s, struct ring *r, int64_t now)
{
	size_t i;

	for (i = 0; i < r->blocks && !s->failed; i++) {
		struct tpacket_block_desc *b = ring_block(r);

		if (!(__atomic_load_n(&b->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
			break;
		block_take(s, r, b, now);
		__atomic_store_n(&b->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
		r->next = (r->next + 1) % r->blocks;
	}
}

/* Whether the block that the kernel fills holds frames. Only a hint. */
static bool ring_has_rest(const struct ring *r)
{
	return __atomic_load_n(&ring_block(r)->hdr.bh1.num_pkts, __ATOMIC_RELAXED) != 0;
}

/* Read and clear the kernel's counters; a line of pcap/stats where there is something to say. */
static void ring_stats(struct sniff *s, struct ring *r, bool always)
{
	struct tpacket_stats_v3 st;
	socklen_t n = sizeof(st);
	int64_t now = clock_mono_ns(), from = r->stats_ns;

	if (getsockopt(r->fd, SOL_PACKET, PACKET_STATISTICS, &st, &n))
		return;
	r->stats_ns = now;
	if (st.tp_drops) {
		section_lost(r->section, st.tp_drops);
		s->lost += st.tp_drops;
		quality_put(
			s->w, "frames-lost", "pcap", -1, NULL, from, now, st.tp_drops,
			"netns %" PRIu64 ": its ring of %zu KiB was full (%u of %u frames lost)",
			r->ns->id, r->blocks * r->block_bytes / 1024, st.tp_drops, st.tp_packets);
	}
	if (!st.tp_packets && !always && !r->new)
		return;
	r->new = false;
	if (buf_printf(&s->stats, "%" PRIu64 "\t%" PRId64 "\t%u\t%u\t%u\t%zu\n", r->ns->id, now,
		       st.tp_packets, st.tp_drops, st.tp_freeze_q_cnt, r->blocks * r->block_bytes))
		s->failed = -ENOMEM;
}

static void stats_flush(struct sniff *s)
{
	int rc;

	if (!s->stats.len)
		return;
	rc = tape_member_put(s->w, s->stats.data, s->stats.len, "pcap/stats/%06u", s->stats_seq++);
	if (rc && !s->failed)
		s->failed = rc;
	buf_reset(&s->stats);
}

/* ---- rings ---- */

static uint64_t ring_min(const struct sniff *s)
{
	return s->block_bytes * RING_BLOCKS_MIN;
}

/* How large the next ring may be, see above. @pending: rings that are to be opened now, this one
 * included. */
static uint64_t ring_share(const struct sniff *s, const struct ring *r, size_t live, size_t pending)
{
	uint64_t keep = live < NETSET_LIVE_MAX ? (NETSET_LIVE_MAX - live) * ring_min(s) : 0, free,
		 share;

	if (!r->dev && (r == s->rings[0] || r->ns->init)) {
		share = s->memory_bytes / 4;
		if (share > PRIMARY_RING_MAX)
			share = PRIMARY_RING_MAX;
	} else {
		uint64_t most = r->dev ? PRIMARY_RING_MAX : OTHER_RING_MAX;

		if (keep > s->memory_bytes / 4)
			keep = s->memory_bytes / 4;
		free = s->memory_left > keep ? s->memory_left - keep : 0;
		share = free /
			(pending + pending / 3 + 4); /* some is left for those that come later */
		if (share > most)
			share = most;
	}
	if (share < ring_min(s))
		share = ring_min(s);
	return share <= s->memory_left ? share : s->memory_left;
}

/* Give its socket a ring of so many bytes or, where the kernel has no memory, of fewer. */
static int ring_map(const struct sniff *s, struct ring *r)
{
	uint64_t bytes = r->bytes;

	for (;;) {
		size_t block = s->block_bytes;
		struct tpacket_req3 req;

		if (bytes < ring_min(s))
			return -ENOBUFS;
		/* larger blocks wake us less often; a ring should still have many */
		while (block < BLOCK_WHOLE && bytes / block >= 32)
			block *= 2;
		memset(&req, 0, sizeof(req));
		req.tp_block_size = (unsigned int)block;
		req.tp_block_nr = (unsigned int)(bytes / block);
		req.tp_frame_size = req.tp_block_size;
		req.tp_frame_nr = req.tp_block_nr;
		req.tp_retire_blk_tov = BLOCK_TIMEOUT_MS;
		if (setsockopt(r->fd, SOL_PACKET, PACKET_RX_RING, &req, sizeof(req))) {
			if (errno != ENOMEM)
				return -errno;
			bytes /= 2;
			continue;
		}
		r->block_bytes = block;
		r->blocks = req.tp_block_nr;
		r->map = mmap(NULL, r->block_bytes * r->blocks, PROT_READ | PROT_WRITE, MAP_SHARED,
			      r->fd, 0);
		return r->map == MAP_FAILED ? -errno : 0;
	}
}

static unsigned int *series_get(struct sniff *s, uint64_t inum)
{
	size_t i;

	for (i = 0; i < s->series_n; i++)
		if (s->series[i].inum == inum)
			return &s->series[i].seq;
	s->series[s->series_n].inum = inum; /* no more of them than rings */
	return &s->series[s->series_n++].seq;
}

/* From now on frames of @ifindex, 0: of all devices. Return: 0, -errno. */
static int ring_bind(struct ring *r, int ifindex)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET,
				  .sll_protocol = htons(ETH_P_ALL),
				  .sll_ifindex = ifindex };

	return bind(r->fd, (struct sockaddr *)&to, sizeof(to)) ? -errno : 0;
}

static void ring_undo(struct ring *r)
{
	if (r->map != MAP_FAILED)
		munmap(r->map, r->blocks * r->block_bytes);
	r->map = MAP_FAILED;
	section_close(r->section);
	r->section = NULL;
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -1;
}

/* Socket and filter in the calling thread's namespace. Return: 0, -errno. */
static int ring_socket(struct sniff *s, struct ring *r)
{
	int version = TPACKET_V3, stamps = SOF_TIMESTAMPING_SOFTWARE, one = 1, rc;

	r->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (r->fd < 0 ||
	    setsockopt(r->fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) ||
	    setsockopt(r->fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one)))
		return -errno;
	/* some 5.x kernels use a stamp that is there only when asked; others always do */
	setsockopt(r->fd, SOL_PACKET, PACKET_TIMESTAMP, &stamps, sizeof(stamps));
	rc = filter_attach(s->sections.filter, r->fd, s->kernel_bytes,
			   s->kernel_bytes + LINK_HEADER_ROOM);
	if (rc < 0)
		return rc;
	return section_open(&r->section, &s->sections, r->fd, r->ns->id,
			    series_get(s, r->ns->id), rc);
}

/* The first half of opening a ring: what needs its namespace, where the thread is moved to and has
 * to be brought back from, and its share of the memory. */
static void ring_begin(struct sniff *s, struct ring *r, int ifindex, size_t live, size_t pending)
{
	r->ifindex = ifindex;
	r->bytes = ring_share(s, r, live, pending);
	s->memory_left -= r->bytes;
	r->map = MAP_FAILED;
	r->rc = netset_enter(r->ns);
	if (!r->rc)
		r->rc = ring_socket(s, r);
}

struct opening {
	const struct sniff *s;
	struct ring **ring;
};

/* The second half, which waits: the ring itself. Several threads, each for one ring. */
static void ring_make(void *ctx, size_t i)
{
	const struct opening *o = ctx;
	struct ring *r = o->ring[i];

	if (!r->rc)
		r->rc = ring_map(o->s, r);
	if (!r->rc)
		r->rc = ring_bind(r, r->ifindex);
}

/* What became of it. Return: 0, -errno. */
static int ring_opened(struct sniff *s, struct ring *r)
{
	s->memory_left += r->bytes;
	if (r->rc)
		ring_undo(r);
	if (r->rc == -ENODEV && r->dev) /* it went just now */
		return 0;
	if (r->rc) {
		r->state = RING_CLOSED;
		if (r->rc == -ESTALE)
			return r->rc;
		quality_put(s->w, r->rc == -EPERM || r->rc == -EACCES ? "permission" : "limit", "pcap",
			    -1, NULL, -1, -1, -1,
			    "netns %" PRIu64 ": no frames recorded, its ring could not be opened: %s",
			    r->ns->id, strerror(-r->rc));
		return r->rc;
	}
	s->memory_left -= r->blocks * r->block_bytes;
	r->stats_ns = clock_mono_ns();
	r->new = true;
	r->state = RING_OPEN;
	return 0;
}

static bool ring_live(const struct ring *r)
{
	return r->state == RING_OPEN || r->state == RING_CLOSING;
}

static void ring_close(struct sniff *s, struct ring *r)
{
	if (ring_live(r)) {
		ring_undo(r);
		s->memory_left += r->blocks * r->block_bytes;
	}
	r->state = RING_CLOSED;
}

/* By several threads. */
static void ring_end(void *ctx, size_t i)
{
	const struct sniff *s = ctx;

	if (ring_live(s->rings[i]))
		ring_undo(s->rings[i]);
	free(s->rings[i]);
}

/* The last of a ring: what is in it, its counts, its section. */
static void ring_finish(struct sniff *s, struct ring *r)
{
	ring_drain(s, r, clock_mono_ns());
	ring_stats(s, r, true);
	flush(s, r);
}

/* Anew after a ring or a watch came or went. */
static int polls_build(struct sniff *s)
{
	struct pollfd *v = realloc(s->polls, (1 + s->spaces_n + s->rings_n) * sizeof(*v));
	size_t i;

	if (!v)
		return -ENOMEM;
	s->polls = v;
	v[0] = (struct pollfd){ .fd = s->stop_fd, .events = POLLIN };
	s->watches_n = 0;
	for (i = 0; i < s->spaces_n; i++) {
		if (s->spaces[i].watch_fd < 0)
			continue;
		s->watched[s->watches_n++] = (uint16_t)i;
		v[s->watches_n] =
			(struct pollfd){ .fd = s->spaces[i].watch_fd, .events = POLLIN };
	}
	s->polls_n = 1 + s->watches_n;
	for (i = 0; i < s->rings_n; i++)
		if (ring_live(s->rings[i]))
			v[s->polls_n++] =
				(struct pollfd){ .fd = s->rings[i]->fd, .events = POLLIN };
	return 0;
}

static void space_unwatch(struct space *x)
{
	if (x->watch_fd >= 0)
		close(x->watch_fd);
	x->watch_fd = -1;
}

/* Which of the watched namespaces have news. */
static void watches_read(struct sniff *s)
{
	for (size_t i = 0; i < s->watches_n; i++) {
		struct space *x = &s->spaces[s->watched[i]];

		if (!s->polls[1 + i].revents)
			continue;
		x->look = true;
		devwatch_read(x->watch_fd);
	}
}

/* Have the ring of a device follow its name. */
static void ring_follow(struct ring *r, int ifindex)
{
	struct sockaddr_ll now;
	socklen_t n = sizeof(now);

	/* a device that went has left -1 there, packet_notifier() in net/packet/af_packet.c */
	if (!ifindex || getsockname(r->fd, (struct sockaddr *)&now, &n) || now.sll_ifindex == ifindex)
		return;
	if (ring_bind(r, ifindex)) {
		/* it is gone again, of which there will be news */
	}
}

/* The next namespace of the set, with its rings still to be opened. */
static int space_add(struct sniff *s, int *last)
{
	struct space *x = &s->spaces[s->spaces_n];
	struct ring **v =
		realloc(s->rings, (s->rings_n + s->rings_each) * sizeof(*s->rings));
	int rc;

	if (!v)
		return -ENOMEM;
	s->rings = v;
	*x = (struct space){ .ns = netset_at(s->set, s->spaces_n), .watch_fd = -1, .look = true };
	for (size_t k = 0; k < s->rings_each; k++) {
		struct ring *r = calloc(1, sizeof(*r));

		if (!r)
			return -ENOMEM;
		r->ns = x->ns;
		r->fd = -1;
		r->dev = s->interfaces ? s->interfaces[k] : NULL;
		s->rings[s->rings_n++] = r;
	}
	s->spaces_n++;
	if (s->interfaces)
		x->watch_fd = devwatch_open(x->ns);
	rc = s->interfaces && x->watch_fd < 0 ? x->watch_fd : 0;
	if (rc && rc != -ESTALE)
		quality_put(s->w, "limit", "pcap", -1, NULL, -1, -1, -1,
			    "netns %" PRIu64 ": no frames recorded, its devices are not told: %s",
			    x->ns->id, strerror(-rc));
	if (rc && last)
		*last = rc;
	return 0;
}

/* Open the rings that are wanted and not there yet, and have the others follow their devices. */
static int rings_look(struct sniff *s, size_t live, int *last, bool *changed, bool *moved)
{
	int *wanted = calloc(s->rings_n ? s->rings_n : 1, sizeof(*wanted));
	struct opening o = { s, calloc(s->rings_n ? s->rings_n : 1, sizeof(struct ring *)) };
	size_t i, pending = 0, n = 0;

	if (!wanted || !o.ring) {
		free(wanted);
		free(o.ring);
		return -ENOMEM;
	}
	for (i = 0; i < s->rings_n; i++) {
		struct space *x = &s->spaces[i / s->rings_each];
		struct ring *r = s->rings[i];
		int ifindex = x->look && r->dev && x->watch_fd >= 0 ? devwatch_ifindex(x->watch_fd, r->dev) : 0;

		if (r->state == RING_OPEN && r->dev)
			ring_follow(r, ifindex);
		else if (r->state == RING_NONE && x->look && (ifindex || !r->dev))
			wanted[i] = 1 + ifindex, pending++;
	}
	for (i = 0; i < s->rings_n; i++) {
		if (!wanted[i])
			continue;
		ring_begin(s, s->rings[i], wanted[i] - 1, ++live, pending--);
		o.ring[n++] = s->rings[i];
		*moved |= !s->rings[i]->ns->self;
	}
	together(ring_make, &o, n);
	for (i = 0; i < n; i++) {
		int rc = ring_opened(s, o.ring[i]);

		if (rc && last)
			*last = rc;
	}
	*changed |= n > 0;
	for (i = 0; i < s->spaces_n; i++)
		s->spaces[i].look = false;
	free(wanted);
	free(o.ring);
	return 0;
}

/**
 * rings_update() - rings for new namespaces and devices, an end for those of namespaces that are gone
 * @last: what the last ring that could not be opened said, may be NULL
 */
static int rings_update(struct sniff *s, int *last)
{
	bool changed = !s->polls, moved = false, look = false;
	size_t i, n = netset_count(s->set), live = 0;
	int64_t now = clock_mono_ns();
	int rc = 0;

	for (i = 0; i < s->rings_n; i++) {
		struct ring *r = s->rings[i];

		live += ring_live(r);
		if (r->state == RING_OPEN && r->ns->gone) {
			filter_attach_none(r->fd);
			r->state = RING_CLOSING;
			r->close_at_ns = now + DRAIN_NS;
		} else if (r->state == RING_NONE && r->ns->gone) {
			r->state = RING_CLOSED;
		} else if (r->state == RING_CLOSING && now >= r->close_at_ns) {
			ring_finish(s, r);
			ring_close(s, r);
			changed = true;
		}
	}
	while (s->spaces_n < n && !rc) {
		moved |= s->interfaces && !netset_at(s->set, s->spaces_n)->self;
		rc = space_add(s, last);
		changed = true;
	}
	for (i = 0; i < s->spaces_n; i++) {
		struct space *x = &s->spaces[i];

		if (x->ns->gone && x->watch_fd >= 0) {
			space_unwatch(x);
			changed = true;
		}
		look |= x->look;
	}
	if (look && !rc)
		rc = rings_look(s, live, last, &changed, &moved);
	if (moved && netset_leave(s->set))
		return -EPERM;
	return changed && !rc ? polls_build(s) : rc;
}

/* ---- life ---- */

/* How much the kernel copies of a frame, and blocks that hold that. */
static void plan_sizes(struct sniff *s)
{
	int snaplen = s->sections.snaplen;
	uint64_t bytes = snaplen > 0 ? (uint64_t)snaplen : CUT_HEADERS_MAX;

	if (!snaplen || bytes > BLOCK_WHOLE)
		bytes = BLOCK_WHOLE;
	if (bytes < 2 * ETH_ALEN) /* enough to put a tag back */
		bytes = 2 * ETH_ALEN;
	s->block_bytes = BLOCK_MIN;
	while (s->block_bytes < bytes + BLOCK_OVERHEAD && s->block_bytes < BLOCK_WHOLE)
		s->block_bytes *= 2;
	if (bytes > s->block_bytes - BLOCK_OVERHEAD)
		bytes = s->block_bytes - BLOCK_OVERHEAD;
	s->kernel_bytes = (uint32_t)bytes;
}

static int copy_interfaces(struct sniff *s, const char *const *names)
{
	size_t n = 0, i;

	while (names && names[n])
		n++;
	if (!n)
		return 0;
	s->interfaces = calloc(n + 1, sizeof(*s->interfaces));
	for (i = 0; s->interfaces && i < n; i++) {
		size_t k = 0;

		/* a device that is named twice has one ring all the same */
		while (k < s->rings_each && strcmp(s->interfaces[k], names[i]))
			k++;
		if (k < s->rings_each)
			continue;
		s->interfaces[k] = strdup(names[i]);
		if (!s->interfaces[k])
			return -ENOMEM;
		s->rings_each++;
	}
	return s->interfaces ? 0 : -ENOMEM;
}

/* A packet socket would make the kernel load its module: only where it is there already. */
static bool have_packet_sockets(void)
{
	return !access("/proc/net/packet", F_OK) || access("/proc/net/dev", F_OK);
}

int sniff_open(struct sniff **out, const struct sniff_options *o, struct netset *set,
	       struct tape_writer *w, struct err *e)
{
	struct sniff *s;
	size_t i, open = 0;
	int rc, last = 0;

	if (!have_packet_sockets())
		return err_set(e, -EAFNOSUPPORT,
			       "this kernel has no packet sockets loaded (af_packet), and the recorder loads no "
			       "module; modprobe af_packet, or use --no-pcap");
	s = calloc(1, sizeof(*s));
	if (!s)
		return err_set(e, -ENOMEM, "no memory for the frames");
	s->set = set;
	s->w = w;
	s->sections.snaplen = o->snaplen;
	s->memory_bytes = o->memory_bytes < MEMORY_MAX ? o->memory_bytes : MEMORY_MAX;
	s->memory_left = s->memory_bytes;
	plan_sizes(s);
	s->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->stop_fd < 0) {
		rc = err_sys(e, "eventfd");
		goto fail;
	}
	rc = filter_open(&s->sections.filter, o->filter, e);
	if (rc)
		goto fail;
	if (o->filter && o->filter[0]) {
		s->filter_text = strdup(o->filter);
		if (!s->filter_text)
			goto no_memory;
		s->sections.filter_text = s->filter_text;
	}
	if (copy_interfaces(s, o->interfaces))
		goto no_memory;
	s->sections.interfaces = s->interfaces;
	if (!s->rings_each)
		s->rings_each = 1;
	rc = rings_update(s, &last);
	if (rc) {
		err_set(e, rc, "the rings for frames: %s", strerror(-rc));
		goto fail;
	}
	for (i = 0; i < s->rings_n; i++)
		open += ring_live(s->rings[i]);
	if (!open && (last || !s->interfaces)) {
		rc = last == -EACCES ? -EPERM : last ? last : -ENOENT;
		err_set(e, rc,
			"no packet socket could be opened in any network namespace: %s (it needs CAP_NET_RAW, and "
			"CAP_SYS_ADMIN for namespaces other than its own; run as root, or use --no-pcap)",
			strerror(-rc));
		goto fail;
	}
	if (filter_is_partial(s->sections.filter))
		quality_put(w, "filter", "pcap", -1, NULL, -1, -1, -1,
			    "the filter '%s' has no meaning on devices without an Ethernet header: of those no "
			    "frame was recorded",
			    o->filter);
	*out = s;
	return 0;
no_memory:
	rc = err_set(e, -ENOMEM, "no memory for the frames");
fail:
	sniff_close(s);
	return rc;
}

/* Errors that a device left on a socket would make poll() return at once for ever. */
static void clear_errors(struct sniff *s)
{
	size_t i;
	int code;

	for (i = 1; i < s->polls_n; i++) {
		socklen_t n = sizeof(code);

		if (s->polls[i].revents & POLLERR)
			getsockopt(s->polls[i].fd, SOL_SOCKET, SO_ERROR, &code, &n);
	}
}

static void drain_all(struct sniff *s)
{
	int64_t now = clock_mono_ns();
	size_t i;

	for (i = 0; i < s->rings_n && !s->failed; i++) {
		struct ring *r = s->rings[i];

		if (!ring_live(r))
			continue;
		ring_drain(s, r, now);
		if (section_is_due(r->section, now))
			flush(s, r);
	}
}

static void tick(struct sniff *s)
{
	size_t i;

	for (i = 0; i < s->rings_n; i++)
		if (ring_live(s->rings[i]))
			ring_stats(s, s->rings[i], false);
	stats_flush(s);
}

/* After the stop: no new frames, then what the kernel still holds. */
static void finish(struct sniff *s)
{
	int64_t begin = clock_mono_ns(), past;
	struct timespec pause = { .tv_nsec = DRAIN_POLL_MS * 1000000L };
	size_t i;
	bool rest;

	for (i = 0; i < s->rings_n; i++)
		if (ring_live(s->rings[i]))
			filter_attach_none(s->rings[i]->fd);
	do {
		nanosleep(&pause, NULL);
		drain_all(s);
		past = clock_mono_ns() - begin;
		rest = false;
		for (i = 0; i < s->rings_n; i++)
			rest |= ring_live(s->rings[i]) && ring_has_rest(s->rings[i]);
	} while (!s->failed && (past < DRAIN_NS || (rest && past < DRAIN_MAX_NS)));
	for (i = 0; i < s->rings_n && !s->failed; i++)
		if (ring_live(s->rings[i]))
			ring_finish(s, s->rings[i]);
	stats_flush(s);
}

int sniff_run(struct sniff *s)
{
	int64_t tick_ns = clock_mono_ns() + TICK_NS;
	int rc;

	while (!s->failed) {
		if (poll(s->polls, s->polls_n, POLL_MS) < 0 && errno != EINTR)
			return -errno;
		clear_errors(s);
		watches_read(s);
		drain_all(s);
		if (s->polls[0].revents & POLLIN)
			break;
		if (clock_mono_ns() >= tick_ns) {
			tick(s);
			tick_ns += TICK_NS;
		}
		rc = rings_update(s, NULL);
		if (rc)
			return rc;
	}
	if (!s->failed)
		finish(s);
	return s->failed;
}

void sniff_stop(struct sniff *s)
{
	static const uint64_t one = 1;
	int saved = errno;
	ssize_t n = write(s->stop_fd, &one, sizeof(one));

	(void)n; /* full: it was asked before */
	errno = saved;
}

void sniff_totals(const struct sniff *s, struct sniff_totals *t)
{
	t->written = s->written;
	t->lost = s->lost;
	t->filtered = s->filtered;
}

void sniff_close(struct sniff *s)
{
	size_t i;

	if (!s)
		return;
	together(ring_end, s, s->rings_n);
	free(s->rings);
	for (i = 0; i < s->spaces_n; i++)
		space_unwatch(&s->spaces[i]);
	for (i = 0; s->interfaces && s->interfaces[i]; i++)
		free(s->interfaces[i]);
	free(s->interfaces);
	free(s->filter_text);
	filter_close(s->sections.filter);
	free(s->polls);
	buf_free(&s->stats);
	if (s->stop_fd >= 0)
		close(s->stop_fd);
	free(s);
}

int sniff_check_filter(const char *filter, struct err *e)
{
	struct filter *f;
	int rc = filter_open(&f, filter, e);

	if (!rc)
		filter_close(f);
	return rc;
}
