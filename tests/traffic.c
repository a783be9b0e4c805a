/* SPDX-License-Identifier: MIT */
/*
 * traffic: small senders and receivers with exact counts, for the demo, the
 * live tests and the fixtures. Every datagram is filled with the sender's pid and
 * a sequence number, a stream with the numbers of its words; the analyzer never
 * looks at them, tests/identity.c does.
 *
 *   traffic send ADDR PORT COUNT SIZE PPS    UDP datagrams (PPS 0: as fast as it goes); prints "sent N"
 *   traffic say ADDR PORT COUNT SIZE PPS     as send; then prints "began PID PORT SEQ NS" of all datagrams (CLOCK_REALTIME)
 *   traffic flood ADDR PORT SECONDS SIZE     UDP as fast as it goes; prints "sent N"
 *   traffic list ADDR PORT RCVBUF USEC       as slow; prints "ready", then "PID SEQ NS" of all datagrams: when it had them
 *   traffic sink ADDR PORT IDLE_MS           read UDP until IDLE_MS pass without any; prints "ready", "received N"
 *   traffic hold ADDR PORT RCVBUF            bind, never read until SIGTERM, then count what was queued; prints "ready", "queued N"
 *   traffic slow ADDR PORT RCVBUF USEC       as sink, but USEC pass after each datagram, until SIGTERM
 *   traffic serve ADDR PORT                  TCP and UDP echo until SIGTERM; prints "ready"
 *   traffic ask ADDR PORT COUNT SIZE PPS     TCP: COUNT requests of SIZE bytes and their echoes; prints "answered N"
 *   traffic dial ADDR PORT COUNT SIZE        TCP: COUNT connections, in each a request and its echo; prints "answered N"
 *   traffic tun NETNS DEV NETNS2 DEV2        makes two tun devices, hands each one's packets to the other until SIGTERM; prints "ready"
 *   traffic ping ADDR 0 COUNT                ICMP echo by a raw socket, one after the other; prints "answered N"
 *   traffic bulk ADDR PORT BYTES             TCP: send BYTES (the echo is read and thrown away); prints "sent N"
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t stop;

static void on_term(int sig)
{
	(void)sig;
	stop = 1;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void sleep_until(int64_t t)
{
	struct timespec ts = { t / 1000000000LL, t % 1000000000LL };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR && !stop)
		;
}

static socklen_t address(char **v, struct sockaddr_storage *a)
{
	struct sockaddr_in *a4 = (void *)a;
	struct sockaddr_in6 *a6 = (void *)a;

	memset(a, 0, sizeof(*a));
	if (inet_pton(AF_INET, v[2], &a4->sin_addr) == 1) {
		a4->sin_family = AF_INET;
		a4->sin_port = htons((uint16_t)atoi(v[3]));
		return sizeof(*a4);
	}
	if (inet_pton(AF_INET6, v[2], &a6->sin6_addr) == 1) {
		a6->sin6_family = AF_INET6;
		a6->sin6_port = htons((uint16_t)atoi(v[3]));
		return sizeof(*a6);
	}
	fprintf(stderr, "traffic: no address: %s\n", v[2]);
	exit(2);
}

static char payload[65536], out[32768 + 8];

/* Again every 8 bytes: a fragment begins at one of them, too. */
static void stamp(uint32_t seq, size_t size)
{
	uint32_t who = (uint32_t)getpid();

	for (size_t i = 0; i < sizeof(payload) && (i < size || !i); i += 8) {
		memcpy(payload + i, &who, 4);
		memcpy(payload + i + 4, &seq, 4);
	}
}

/* @began: when each datagram's call began, NULL: not wanted. */
static void udp_send(int s, const struct sockaddr_storage *a, socklen_t n, long count, size_t size, long pps, int64_t until,
		     struct timespec *began)
{
	int64_t t = now_ns();
	long sent = 0;

	/* not connected: errors of earlier datagrams (ICMP) must not stop later ones */
	for (long i = 0; !stop && (until ? now_ns() < until : i < count); i++) {
		stamp((uint32_t)i, size);
		if (began)
			clock_gettime(CLOCK_REALTIME, &began[i]);
		if (sendto(s, payload, size, 0, (const void *)a, n) == (ssize_t)size)
			sent++;
		else if (errno == ENOBUFS || errno == EAGAIN)
			usleep(100);
		if (pps)
			sleep_until(t + (i + 1) * 1000000000LL / pps);
	}
	printf("sent %ld\n", sent);
}

static void udp_say(int s, const struct sockaddr_storage *a, socklen_t n, long count, char **v)
{
	struct timespec *began = count > 0 ? calloc((size_t)count, sizeof(*began)) : NULL;

	if (!began)
		die("calloc");
	memset(began, 1, (size_t)count * sizeof(*began)); /* no page fault between two datagrams */
	memset(began, 0, (size_t)count * sizeof(*began));
	udp_send(s, a, n, count, (size_t)atol(v[5]), atol(v[6]), 0, began);
	setvbuf(stdout, NULL, _IOFBF, 0);
	for (long i = 0; i < count && began[i].tv_sec; i++)
		printf("began %d %s %ld %lld\n", (int)getpid(), v[3], i, began[i].tv_sec * 1000000000LL + began[i].tv_nsec);
	free(began);
}

static void udp_receive(int s, int idle_ms, long usec)
{
	struct pollfd p = { .fd = s, .events = POLLIN };
	long got = 0;

	printf("ready\n");
	while (!stop) {
		int n = poll(&p, 1, got && idle_ms ? idle_ms : 100);

		if (!n && got && idle_ms)
			break;
		while (!stop && n > 0 && recv(s, payload, sizeof(payload), MSG_DONTWAIT) >= 0) {
			got++;
			if (usec)
				usleep((useconds_t)usec);
		}
	}
	while (recv(s, payload, sizeof(payload), MSG_DONTWAIT) >= 0)
		got++;
	printf("received %ld\n", got);
}

static void udp_list(int s, useconds_t usec)
{
	struct pollfd p = { .fd = s, .events = POLLIN };
	size_t n = 0, cap = 1 << 20;
	struct {
		uint32_t who, seq;
		int64_t ns;
	} *got = malloc(cap * sizeof(*got));

	if (!got)
		die("malloc");
	printf("ready\n");
	/* what is queued when it is told to stop counts as well: it is read then */
	while (!stop || recv(s, payload, sizeof(payload), MSG_DONTWAIT | MSG_PEEK) >= 0) {
		if (!stop && poll(&p, 1, 100) <= 0)
			continue;
		if (recv(s, payload, sizeof(payload), MSG_DONTWAIT) < 8)
			continue;
		if (n < cap) {
			struct timespec t;

			clock_gettime(CLOCK_REALTIME, &t);
			memcpy(&got[n], payload, 8);
			got[n++].ns = t.tv_sec * 1000000000LL + t.tv_nsec;
		}
		if (usec && !stop)
			usleep(usec);
	}
	setvbuf(stdout, NULL, _IOFBF, 0);
	for (size_t i = 0; i < n; i++)
		printf("%u %u %lld\n", got[i].who, got[i].seq, (long long)got[i].ns);
	free(got);
}

static void udp_hold(int s)
{
	long got = 0;

	printf("ready\n");
	while (!stop)
		pause();
	while (recv(s, payload, sizeof(payload), MSG_DONTWAIT) >= 0)
		got++;
	printf("queued %ld\n", got);
}

static void serve(int listener, int udp)
{
	struct pollfd p[64] = { { .fd = listener, .events = POLLIN }, { .fd = udp, .events = POLLIN } };
	int n = 2;

	printf("ready\n");
	while (!stop) {
		if (poll(p, (nfds_t)n, 200) <= 0)
			continue;
		for (int i = n - 1; i > 1; i--) {
			ssize_t got = p[i].revents ? recv(p[i].fd, payload, sizeof(payload), 0) : 1;

			if (got > 0 && p[i].revents)
				got = send(p[i].fd, payload, (size_t)got, MSG_NOSIGNAL);
			if (got <= 0) {
				close(p[i].fd);
				p[i] = p[--n];
			}
		}
		if (p[1].revents) {
			struct sockaddr_storage from;
			socklen_t len = sizeof(from);
			ssize_t got = recvfrom(udp, payload, sizeof(payload), 0, (void *)&from, &len);

			if (got >= 0 && sendto(udp, payload, (size_t)got, 0, (void *)&from, len) < 0)
				continue;
		}
		if (p[0].revents && n < 64) {
			int c = accept(listener, NULL, NULL);

			if (c >= 0)
				p[n++] = (struct pollfd){ .fd = c, .events = POLLIN };
		}
	}
}

static void tcp_ask(int s, long count, size_t size, long pps)
{
	int64_t t = now_ns();
	long answered = 0, one = 1;

	setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(int));
	for (long i = 0; i < count && !stop; i++) {
		size_t got = 0;

		stamp((uint32_t)i, size);
		if (send(s, payload, size, MSG_NOSIGNAL) != (ssize_t)size)
			die("send");
		while (got < size) {
			ssize_t r = recv(s, payload, size - got, 0);

			if (r <= 0)
				die("recv");
			got += (size_t)r;
		}
		answered++;
		if (pps)
			sleep_until(t + (i + 1) * 1000000000LL / pps);
	}
	printf("answered %ld\n", answered);
}

static void tcp_dial(const struct sockaddr_storage *a, socklen_t n, long count, size_t size)
{
	long answered = 0;

	for (long i = 0; i < count && !stop; i++) {
		int s = socket(a->ss_family, SOCK_STREAM, 0);
		size_t at = 0;

		if (s < 0 || connect(s, (const void *)a, n))
			die("connect");
		stamp((uint32_t)i, size);
		if (send(s, payload, size, MSG_NOSIGNAL) != (ssize_t)size)
			die("send");
		while (at < size) {
			ssize_t r = recv(s, payload, size - at, 0);

			if (r <= 0)
				die("recv");
			at += (size_t)r;
		}
		close(s);
		answered++;
	}
	printf("answered %ld\n", answered);
}

/* A tun device in a namespace of ip-netns(8). */
static int tun_open(const char *netns, const char *dev)
{
	struct ifreq r = { .ifr_flags = IFF_TUN | IFF_NO_PI };
	char path[300];
	int ns, fd;

	snprintf(path, sizeof(path), "/run/netns/%s", netns);
	ns = open(path, O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWNET))
		die(path);
	close(ns);
	snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", dev);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &r))
		die("/dev/net/tun");
	return fd;
}

static void tun_forward(char **v)
{
	struct pollfd p[2] = { { .fd = tun_open(v[2], v[3]), .events = POLLIN }, { .fd = tun_open(v[4], v[5]), .events = POLLIN } };

	printf("ready\n");
	while (!stop) {
		if (poll(p, 2, 200) <= 0)
			continue;
		for (int i = 0; i < 2; i++) {
			ssize_t got = p[i].revents ? read(p[i].fd, payload, sizeof(payload)) : 0;

			if (got > 0 && write(p[!i].fd, payload, (size_t)got) != got)
				fprintf(stderr, "traffic: a packet was not taken: %s\n", strerror(errno));
		}
	}
}

/* RFC 1071 */
static uint16_t checksum(const void *data, size_t n)
{
	uint32_t sum = 0;
	uint16_t word;

	for (size_t i = 0; i + 1 < n; i += 2) {
		memcpy(&word, (const char *)data + i, 2);
		sum += word;
	}
	sum = (sum >> 16) + (sum & 0xffff);
	return (uint16_t) ~(sum + (sum >> 16));
}

static void ping(const struct sockaddr_storage *a, socklen_t n, long count)
{
	int s = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	struct pollfd p = { .fd = s, .events = POLLIN };
	long answered = 0;

	if (s < 0)
		die("socket");
	for (long i = 0; i < count && !stop; i++) {
		struct icmphdr h = { .type = ICMP_ECHO };
		bool done = false;

		stamp((uint32_t)i, 56);
		h.un.echo.id = (uint16_t)getpid();
		h.un.echo.sequence = htons((uint16_t)i);
		memcpy(payload, &h, sizeof(h));
		h.checksum = checksum(payload, 64);
		memcpy(payload, &h, sizeof(h));
		if (sendto(s, payload, 64, 0, (const void *)a, n) != 64)
			die("sendto");
		while (!done && poll(&p, 1, 500) > 0) {
			ssize_t got = recv(s, payload, sizeof(payload), 0);

			/* behind the IP header */
			if (got < 28)
				continue;
			memcpy(&h, payload + 20, sizeof(h));
			done = h.type == ICMP_ECHOREPLY && h.un.echo.id == (uint16_t)getpid();
		}
		answered += done;
	}
	printf("answered %ld\n", answered);
}

static void tcp_bulk(int s, int64_t bytes)
{
	int64_t left = bytes, back = bytes, at = bytes, word;

	while (back > 0 && !stop) {
		struct pollfd p = { .fd = s, .events = (short)(POLLIN | (left > 0 ? POLLOUT : 0)) };

		if (poll(&p, 1, 1000) <= 0)
			continue;
		if (p.revents & POLLIN) {
			ssize_t r = recv(s, payload, sizeof(payload), 0);

			if (r <= 0)
				die("recv");
			back -= r;
		}
		if (left > 0 && p.revents & POLLOUT) {
			ssize_t r;

			word = (bytes - left) / 8;
			for (size_t i = 0; at != left && i < 32768 + 8; i += 8, word++)
				memcpy(out + i, &word, 8);
			at = left;
			r = send(s, out + (bytes - left) % 8, left < 32768 ? (size_t)left : 32768,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

			if (r < 0 && errno != EAGAIN)
				die("send");
			left -= r > 0 ? r : 0;
		}
	}
	printf("sent %lld\n", (long long)(bytes - left));
}

int main(int n, char **v)
{
	struct sigaction sa = { .sa_handler = on_term };
	struct sockaddr_storage a;
	socklen_t len;
	int s, one = 1, buf;
	const char *what = n > 3 ? v[1] : "";

	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGINT, &sa, NULL);
	if (n < 4) {
		fprintf(stderr, "usage: traffic send|say|flood|sink|hold|slow|list|serve|ping|ask|dial|bulk|tun ADDR PORT ...\n");
		return 2;
	}
	if (!strcmp(what, "tun") && n == 6) {
		tun_forward(v);
		return 0;
	}
	len = address(v, &a);
	s = socket(a.ss_family, !strcmp(what, "ask") || !strcmp(what, "bulk") ? SOCK_STREAM : SOCK_DGRAM, 0);
	if (s < 0)
		die("socket");
	if (!strcmp(what, "send") && n == 7) {
		udp_send(s, &a, len, atol(v[4]), (size_t)atol(v[5]), atol(v[6]), 0, NULL);
	} else if (!strcmp(what, "say") && n == 7) {
		udp_say(s, &a, len, atol(v[4]), v);
	} else if (!strcmp(what, "flood") && n == 6) {
		udp_send(s, &a, len, 0, (size_t)atol(v[5]), 0, now_ns() + (int64_t)(atof(v[4]) * 1e9), NULL);
	} else if ((!strcmp(what, "sink") && n == 5) || (!strcmp(what, "hold") && n == 5) ||
		   ((!strcmp(what, "slow") || !strcmp(what, "list")) && n == 6)) {
		buf = *what == 's' && what[1] == 'i' ? 4 << 20 : atoi(v[4]);
		setsockopt(s, SOL_SOCKET, SO_RCVBUF, &buf, sizeof(buf));
		if (bind(s, (void *)&a, len))
			die("bind");
		if (*what == 'h')
			udp_hold(s);
		else if (*what == 'l')
			udp_list(s, (useconds_t)atol(v[5]));
		else
			udp_receive(s, what[1] == 'i' ? atoi(v[4]) : 0, what[1] == 'l' ? atol(v[5]) : 0);
	} else if (!strcmp(what, "dial") && n == 6) {
		tcp_dial(&a, len, atol(v[4]), (size_t)atol(v[5]));
	} else if (!strcmp(what, "ping") && n == 5) {
		ping(&a, len, atol(v[4]));
	} else if (!strcmp(what, "serve")) {
		int l = socket(a.ss_family, SOCK_STREAM, 0);

		setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (bind(s, (void *)&a, len) || bind(l, (void *)&a, len) || listen(l, 64))
			die("bind");
		serve(l, s);
	} else if ((!strcmp(what, "ask") && n == 7) || (!strcmp(what, "bulk") && n == 5)) {
		if (connect(s, (void *)&a, len))
			die("connect");
		if (*what == 'a')
			tcp_ask(s, atol(v[4]), (size_t)atol(v[5]), atol(v[6]));
		else
			tcp_bulk(s, atoll(v[4]));
	} else {
		fprintf(stderr, "traffic: wrong arguments for '%s'; see the head of its source\n", what);
		return 2;
	}
	return 0;
}
