/* SPDX-License-Identifier: MIT */
/* identity_frames: what each captured frame is called by its payload (tests/traffic.c writes it there). */
#include "identity_frames.h"

#include <stdio.h>
#include <stdlib.h>

struct frame *frames;
size_t frames_n;
static size_t frames_cap;

void die(const char *what)
{
	fprintf(stderr, "identity: %s\n", what);
	exit(1);
}

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)be16(p) << 16 | be16(p + 2);
}

static uint32_t le32(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static struct id ip_identity(const uint8_t *p, size_t n);

static struct id ether_identity(const uint8_t *p, size_t n)
{
	size_t at = 12;

	while (n >= at + 2 && (be16(p + at) == 0x8100 || be16(p + at) == 0x88a8))
		at += 4;
	return n > at + 2 ? ip_identity(p + at + 2, n - at - 2) : (struct id){ 0 };
}

static struct id datagram(const uint8_t *p, size_t n, uint32_t part)
{
	return n >= 8 ? (struct id){ 17, le32(p), le32(p + 4), part } : (struct id){ 0 };
}

/* @part: offset in bytes of a fragment that is not the first one, else 0. */
static struct id transport_identity(int proto, const uint8_t *p, size_t n, uint32_t part)
{
	if (part)
		return proto == 17 ? datagram(p, n, part) : (struct id){ 0 };
	if (proto == 17 && n >= 8) {
		if (be16(p + 2) == 4789)
			return n > 16 ? ether_identity(p + 16, n - 16) : (struct id){ 0 };
		return be16(p + 2) >= 9000 && be16(p + 2) < 9100 ? datagram(p + 8, n - 8, 0) : (struct id){ 0 };
	}
	if (proto == 6 && n >= 20) {
		size_t head = (size_t)(p[12] >> 4) * 4;

		/* without data: what the stack itself wrote; NAT changes none of it */
		if (head > n || n - head < 8)
			return (struct id){ 7, be32(p + 4), be32(p + 8), (uint32_t)p[13] << 16 | be16(p + 14) };
		/* a segment may begin anywhere: its place in the stream, by the sequence number, and a word of it */
		return (struct id){ 6, be32(p + 4), le32(p + head), le32(p + head + 4) };
	}
	return (struct id){ 0 };
}

static struct id ip_identity(const uint8_t *p, size_t n)
{
	size_t head, total;

	if (n >= 20 && p[0] >> 4 == 4) {
		head = (size_t)(p[0] & 15) * 4;
		total = be16(p + 2);
		n = total && total < n ? total : n; /* padding is no payload */
		return n > head ? transport_identity(p[9], p + head, n - head, (be16(p + 6) & 0x1fffU) * 8)
				: (struct id){ 0 };
	}
	if (n >= 40 && p[0] >> 4 == 6) {
		total = (size_t)be16(p + 4) + 40;
		n = total > 40 && total < n ? total : n;
		if (p[6] == 44 && n > 48)
			return transport_identity(p[40], p + 48, n - 48, be16(p + 42) & 0xfff8U);
		return transport_identity(p[6], p + 40, n - 40, 0);
	}
	return (struct id){ 0 };
}

/* Enhanced packet blocks of all sections, in order (draft-ietf-opsawg-pcapng). */
void identity_frames(const char *path)
{
	uint16_t linktype[4096];
	size_t ifaces = 0, at = 0, len;
	FILE *f = fopen(path, "rb");
	uint8_t *b;
	long size;

	if (!f || fseek(f, 0, SEEK_END) || (size = ftell(f)) < 0)
		die("cannot read the frames");
	rewind(f);
	b = malloc((size_t)size + 1);
	if (!b || fread(b, 1, (size_t)size, f) != (size_t)size)
		die("cannot read the frames");
	fclose(f);
	for (; at + 12 <= (size_t)size; at += len) {
		uint32_t type = le32(b + at);

		len = le32(b + at + 4);
		if (len < 12 || len % 4 || len > (size_t)size - at)
			die("malformed pcapng");
		if (type == 0x0a0d0d0a)
			ifaces = 0;
		if (type == 1 && ifaces < 4096)
			linktype[ifaces++] = (uint16_t)le32(b + at + 8);
		if (type != 6)
			continue;
		if (frames_n == frames_cap) {
			frames_cap = frames_cap ? frames_cap * 2 : 4096;
			frames = realloc(frames, frames_cap * sizeof(*frames));
			if (!frames)
				die("out of memory");
		}
		frames[frames_n] = (struct frame){ 0 };
		if (len >= 32 && le32(b + at + 8) < ifaces && le32(b + at + 20) <= len - 32)
			frames[frames_n].id = linktype[le32(b + at + 8)] == 1
						      ? ether_identity(b + at + 28, le32(b + at + 20))
						      : ip_identity(b + at + 28, le32(b + at + 20));
		frames_n++;
	}
	free(b);
}
