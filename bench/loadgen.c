/* SPDX-License-Identifier: MIT */
/*
 * loadgen: the workloads of capture.sh.
 *   loadgen udpsink  ADDR PORT SECS   count datagrams
 *   loadgen udpflood ADDR PORT SECS   send 64-byte datagrams as fast as it goes
 *   loadgen tcpsink  ADDR PORT SECS   take one connection and read
 *   loadgen tcpflood ADDR PORT SECS   write into one connection
 *   loadgen crrserve ADDR PORT SECS   accept, read 64 bytes, answer 64, close
 *   loadgen crr      ADDR PORT SECS   connect, send 64 bytes, read 64, close, again and again
 * Each prints its number a second (datagrams, bytes, connections), over the span in which there
 * were any, and how many there were.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH	 64
#define DATAGRAM 64
#define PIECE	 65536

struct load {
	struct sockaddr_in to;
	double secs, begin, first, last;
	unsigned long n;
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void count(struct load *l, long n)
{
	if (n <= 0)
		return;
	l->last = now();
	if (!l->n)
		l->first = l->last;
	l->n += (unsigned long)n;
}

static int goes_on(const struct load *l)
{
	return now() - l->begin < l->secs;
}

static void stop(const char *what)
{
	perror(what);
	exit(1);
}

static int open_socket(const struct load *l, int type, int serve)
{
	struct timeval tv = { 0, 200000 };
	int s = socket(AF_INET, type, 0), one = 1, big = 4 << 20;

	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	if (type == SOCK_DGRAM)
		setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof(big));
	if (serve ? bind(s, (const struct sockaddr *)&l->to, sizeof(l->to))
		  : connect(s, (const struct sockaddr *)&l->to, sizeof(l->to)))
		stop("bind or connect");
	if (serve && type == SOCK_STREAM && listen(s, 1024))
		stop("listen");
	return s;
}

static void udp(struct load *l, int serve)
{
	static char buf[BATCH][2048];
	static struct mmsghdr m[BATCH];
	struct iovec v[BATCH];
	int s = open_socket(l, SOCK_DGRAM, serve);

	for (int i = 0; i < BATCH; i++) {
		v[i] = (struct iovec){ buf[i], serve ? sizeof(buf[i]) : DATAGRAM };
		m[i].msg_hdr.msg_iov = &v[i];
		m[i].msg_hdr.msg_iovlen = 1;
	}
	while (goes_on(l))
		count(l, serve ? recvmmsg(s, m, BATCH, MSG_WAITFORONE, NULL)
			       : sendmmsg(s, m, BATCH, 0));
}

static void tcp(struct load *l, int serve)
{
	static char buf[PIECE];
	int s = open_socket(l, SOCK_STREAM, serve), c = serve ? -1 : s;

	while (goes_on(l)) {
		if (c < 0)
			c = accept(s, NULL, NULL);
		else
			count(l, serve ? read(c, buf, sizeof(buf))
				       : send(c, buf, sizeof(buf), MSG_NOSIGNAL));
	}
}

static void connections(struct load *l, int serve)
{
	struct linger reset = { 1, 0 }; /* so that no port stays in TIME_WAIT and runs stay alike */
	int s = serve ? open_socket(l, SOCK_STREAM, 1) : -1;
	char buf[64] = "";

	while (goes_on(l)) {
		int c = serve ? accept(s, NULL, NULL) : open_socket(l, SOCK_STREAM, 0), done;

		if (c < 0)
			continue;
		if (serve) {
			done = read(c, buf, 64) == 64 && write(c, buf, 64) == 64;
			while (read(c, buf, 64) > 0)
				; /* the client closes first */
		} else {
			setsockopt(c, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
			done = write(c, buf, 64) == 64 && read(c, buf, 64) == 64;
		}
		close(c);
		count(l, done);
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(struct load *, int);
		int serve;
	} modes[] = { { "udpsink", udp, 1 },	      { "udpflood", udp, 0 },
		      { "tcpsink", tcp, 1 },	      { "tcpflood", tcp, 0 },
		      { "crrserve", connections, 1 }, { "crr", connections, 0 } };
	struct load l = { .to.sin_family = AF_INET };

	if (argc == 5 && inet_pton(AF_INET, argv[2], &l.to.sin_addr) == 1) {
		l.to.sin_port = htons((uint16_t)atoi(argv[3]));
		l.secs = atof(argv[4]);
		l.begin = now();
		for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
			if (strcmp(argv[1], modes[i].name))
				continue;
			modes[i].run(&l, modes[i].serve);
			printf("%.0f %lu\n",
			       l.last > l.first ? (double)l.n / (l.last - l.first) : 0, l.n);
			return 0;
		}
	}
	fprintf(stderr, "usage: loadgen MODE ADDR PORT SECS\n");
	return 2;
}
