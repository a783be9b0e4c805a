/* SPDX-License-Identifier: MIT */
#include "ethtool.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/*
 * Theory of operation
 *
 * SIOCETHTOOL names a device by its name. When there is none, dev_load() in
 * net/core/dev_ioctl.c asks for the module "netdev-NAME", but only on behalf of a thread
 * with CAP_NET_ADMIN, and for NAME itself with CAP_SYS_MODULE. A device can go between
 * the dump that named it and the call, so on kernels with modules these two are taken out
 * of the thread's effective set meanwhile (they stay permitted). The commands used here
 * are open to everyone (the list in __dev_ethtool(), net/ethtool/ioctl.c); a kernel that
 * asks for the privilege refuses, and the record is left out.
 *
 * The kernel writes as many strings and values as the driver has at that moment, whatever
 * the caller made room for. Drivers change that number (with the number of queues), so the
 * room is a mapping of its own with an inaccessible page behind it: too much ends in
 * EFAULT there, not in somebody else's memory.
 */

#define STRINGS_MAX 16384U
#define ROOM	    (STRINGS_MAX * ETH_GSTRING_LEN + 64 * KIB)
#define GUARD	    (64 * KIB) /* at least a page on every architecture */
#define OWN_CAPS    (1U << CAP_NET_ADMIN | 1U << CAP_SYS_MODULE)

#define KNOWN_SLOTS 16384U /* power of two */

/* A device whose statistics' names are on the tape. */
struct known {
	uint64_t netns; /* 0: free */
	uint32_t ifindex, count;
};

struct ethtool {
	uint64_t netns;
	struct known *known; /* hash table of KNOWN_SLOTS */
	uint32_t n_known;
	uint8_t *room; /* ROOM bytes, page aligned */
	int fd;
	bool lowered;
	struct __user_cap_data_struct
		caps[_LINUX_CAPABILITY_U32S_3]; /* of the thread, to take back */
};

int ethtool_open(struct ethtool **out)
{
	struct ethtool *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->fd = -1;
	t->known = calloc(KNOWN_SLOTS, sizeof(*t->known));
	t->room = mmap(NULL, ROOM + GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!t->known || t->room == MAP_FAILED ||
	    mprotect(t->room, ROOM, PROT_READ | PROT_WRITE) < 0) {
		ethtool_close(t);
		return -ENOMEM;
	}
	*out = t;
	return 0;
}

void ethtool_close(struct ethtool *t)
{
	if (!t)
		return;
	if (t->room != MAP_FAILED)
		munmap(t->room, ROOM + GUARD);
	free(t->known);
	free(t);
}

/* capset(2) changes the calling thread alone; its header is the same for both calls. */
static int caps_call(long number, struct __user_cap_data_struct *caps)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return syscall(number, &h, caps) < 0 ? -errno : 0;
}

int ethtool_begin(struct ethtool *t, uint64_t netns, bool modules)
{
	struct __user_cap_data_struct less[_LINUX_CAPABILITY_U32S_3];
	int rc;

	t->netns = netns;
	t->lowered = false;
	if (modules) {
		rc = caps_call(SYS_capget, t->caps);
		if (rc)
			return rc;
		if (t->caps[0].effective & OWN_CAPS) {
			memcpy(less, t->caps, sizeof(less));
			less[0].effective &= ~OWN_CAPS;
			rc = caps_call(SYS_capset, less);
			if (rc)
				return rc;
			t->lowered = true;
		}
	}
	t->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (t->fd < 0) {
		rc = -errno;
		ethtool_end(t);
		return rc;
	}
	return 0;
}

int ethtool_end(struct ethtool *t)
{
	int rc = t->lowered ? caps_call(SYS_capset, t->caps) : 0;

	t->lowered = false;
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
	return rc;
}

int ethtool_record(struct buf *out, uint32_t ifindex, uint32_t command, const void *data, size_t n)
{
	static const uint8_t zero[4];
	uint32_t head[3] = { 0, htole32(ifindex), htole32(command) };
	size_t start = out->len, total = sizeof(head) + (n + 3) / 4 * 4;
	int rc;

	if (total > UINT32_MAX)
		return -EOVERFLOW;
	head[0] = htole32((uint32_t)total);
	rc = buf_put(out, head, sizeof(head));
	if (!rc)
		rc = buf_put(out, data, n);
	if (!rc)
		rc = buf_put(out, zero, total - sizeof(head) - n);
	if (rc)
		out->len = start;
	return rc;
}

/* The device that is being asked. */
struct device {
	struct ethtool *t;
	struct ifreq ifr;
	uint32_t ifindex;
	struct buf *out;
	int rc; /* -ENOMEM: the rest is not asked */
};

/* Ask with what stands in the room. Return: whether it was answered. */
static bool ask(struct device *d)
{
	d->ifr.ifr_data = (char *)d->t->room;
	return !d->rc && ioctl(d->t->fd, SIOCETHTOOL, &d->ifr) == 0;
}

static void keep(struct device *d, uint32_t command, size_t n)
{
	d->rc = ethtool_record(d->out, d->ifindex, command, d->t->room, n);
}

/* A structure of fixed size that has the command as its first member. */
static void ask_fixed(struct device *d, uint32_t command, size_t n)
{
	memset(d->t->room, 0, n);
	memcpy(d->t->room, &command, sizeof(command));
	if (ask(d))
		keep(d, command, n);
}

/* How many strings of a set the driver has, 0: none or too many. */
static uint32_t count_strings(struct device *d, uint32_t set)
{
	struct {
		struct ethtool_sset_info info;
		uint32_t count;
	} q = { .info = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << set } };

	memcpy(d->t->room, &q, sizeof(q));
	if (!ask(d))
		return 0;
	memcpy(&q, d->t->room, sizeof(q));
	return q.info.sset_mask && q.count <= STRINGS_MAX ? q.count : 0;
}

static bool ask_strings(struct device *d, uint32_t set, uint32_t count)
{
	const struct ethtool_gstrings q = { .cmd = ETHTOOL_GSTRINGS,
					    .string_set = set,
					    .len = count };
	struct ethtool_gstrings a;

	memset(d->t->room, 0, sizeof(q) + (size_t)count * ETH_GSTRING_LEN);
	memcpy(d->t->room, &q, sizeof(q));
	if (!ask(d))
		return false;
	memcpy(&a, d->t->room, sizeof(a));
	if (a.len > STRINGS_MAX)
		return false;
	keep(d, ETHTOOL_GSTRINGS, sizeof(a) + (size_t)a.len * ETH_GSTRING_LEN);
	return !d->rc;
}

/* Whether the names of @count statistics of this device are on the tape; from now on they are. */
static bool names_known(struct ethtool *t, uint32_t ifindex, uint32_t count)
{
	uint64_t h = (t->netns << 20 ^ ifindex) * 0x9e3779b97f4a7c15ULL >> 32;
	struct known *k;
	bool same;

	while (k = &t->known[h++ & (KNOWN_SLOTS - 1)],
	       k->netns && (k->netns != t->netns || k->ifindex != ifindex))
		;
	if (!k->netns && t->n_known >= KNOWN_SLOTS * 3 / 4)
		return false; /* too many devices: their names go with every reading */
	t->n_known += !k->netns;
	same = k->netns && k->count == count;
	*k = (struct known){ t->netns, ifindex, count };
	return same;
}

static void ask_stats(struct device *d, bool full)
{
	uint32_t count = count_strings(d, ETH_SS_STATS);
	struct ethtool_stats q = { .cmd = ETHTOOL_GSTATS, .n_stats = count };
	bool known;

	if (!count)
		return;
	/* the names are many times longer than the values, and stay the same while their number
	 * does */
	known = names_known(d->t, d->ifindex, count);
	if ((full || !known) && !ask_strings(d, ETH_SS_STATS, count))
		return;
	memset(d->t->room, 0, sizeof(q) + (size_t)count * sizeof(uint64_t));
	memcpy(d->t->room, &q, sizeof(q));
	if (!ask(d))
		return;
	memcpy(&q, d->t->room, sizeof(q));
	if (q.n_stats <= STRINGS_MAX)
		keep(d, ETHTOOL_GSTATS, sizeof(q) + (size_t)q.n_stats * sizeof(uint64_t));
}

static void ask_features(struct device *d)
{
	uint32_t count = count_strings(d, ETH_SS_FEATURES);
	struct ethtool_gfeatures q = { .cmd = ETHTOOL_GFEATURES, .size = (count + 31) / 32 };
	size_t n = sizeof(q) + (size_t)q.size * sizeof(struct ethtool_get_features_block);

	if (!count || !ask_strings(d, ETH_SS_FEATURES, count))
		return;
	memset(d->t->room, 0, n);
	memcpy(d->t->room, &q, sizeof(q));
	if (ask(d))
		keep(d, ETHTOOL_GFEATURES, n);
}

/* The first call tells how long the link mode masks are, as a negative number (linux/ethtool.h). */
static void ask_link(struct device *d)
{
	struct ethtool_link_settings q = { .cmd = ETHTOOL_GLINKSETTINGS };
	size_t masks;

	memcpy(d->t->room, &q, sizeof(q));
	if (ask(d)) {
		memcpy(&q, d->t->room, sizeof(q));
		if (q.link_mode_masks_nwords < 0) {
			q = (struct ethtool_link_settings){
				.cmd = ETHTOOL_GLINKSETTINGS,
				.link_mode_masks_nwords = (__s8)-q.link_mode_masks_nwords
			};
			masks = (size_t)q.link_mode_masks_nwords * 3 * sizeof(uint32_t);
			memset(d->t->room, 0, sizeof(q) + masks);
			memcpy(d->t->room, &q, sizeof(q));
			if (ask(d))
				keep(d, ETHTOOL_GLINKSETTINGS, sizeof(q) + masks);
		}
		return;
	}
	ask_fixed(d, ETHTOOL_GSET, sizeof(struct ethtool_cmd));
}

int ethtool_device(struct ethtool *t, int ifindex, const char *name, bool full, struct buf *out)
{
	struct device d = { .t = t, .ifindex = (uint32_t)ifindex, .out = out };

	span_copy((struct span){ name, strlen(name) }, d.ifr.ifr_name, sizeof(d.ifr.ifr_name));
	if (full) {
		ask_fixed(&d, ETHTOOL_GDRVINFO, sizeof(struct ethtool_drvinfo));
		ask_link(&d);
		ask_fixed(&d, ETHTOOL_GRINGPARAM, sizeof(struct ethtool_ringparam));
		ask_fixed(&d, ETHTOOL_GCHANNELS, sizeof(struct ethtool_channels));
		ask_fixed(&d, ETHTOOL_GCOALESCE, sizeof(struct ethtool_coalesce));
		ask_fixed(&d, ETHTOOL_GPAUSEPARAM, sizeof(struct ethtool_pauseparam));
		/* with size 0 only the size of the table comes back */
		ask_fixed(&d, ETHTOOL_GRXFHINDIR, sizeof(struct ethtool_rxfh_indir));
		ask_features(&d);
	}
	ask_stats(&d, full);
	return d.rc;
}
