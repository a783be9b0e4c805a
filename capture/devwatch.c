/* SPDX-License-Identifier: MIT */
#include "devwatch.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

int devwatch_open(const struct netset_ns *ns)
{
	struct sockaddr_nl links = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	int fd, rc = netset_enter(ns);

	if (rc)
		return rc;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&links, sizeof(links))) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

void devwatch_read(int fd)
{
	char news[8192];

	/* ENOBUFS, too, means that there were some */
	while (recv(fd, news, sizeof(news), 0) > 0 || errno == ENOBUFS || errno == EINTR)
		;
}

int devwatch_ifindex(int fd, const char *name)
{
	struct ifreq ifr = { 0 };

	/* any socket will do: it stays in its namespace (sock_do_ioctl() in net/socket.c) */
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	return ioctl(fd, SIOCGIFINDEX, &ifr) ? 0 : ifr.ifr_ifindex;
}
