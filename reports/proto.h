/* SPDX-License-Identifier: MIT */
/* proto: the protocol buffers wire format (protobuf.dev/programming-guides/encoding), writing only. */
#ifndef SKBTAPE_PROTO_H
#define SKBTAPE_PROTO_H

#include "../schema/base.h"

/* A message that is being built. Memory that runs out is noted in @bad, and nothing is written from then on. */
struct proto {
	struct buf b;
	bool bad;
};

void proto_uint(struct proto *p, uint32_t field, uint64_t v); /* int32 and int64 that are not negative, too */
void proto_int(struct proto *p, uint32_t field, int64_t v);   /* int64: a negative one takes ten bytes */
void proto_fixed64(struct proto *p, uint32_t field, uint64_t v);
void proto_double(struct proto *p, uint32_t field, double v);
void proto_bytes(struct proto *p, uint32_t field, const void *data, size_t n);
void proto_text(struct proto *p, uint32_t field, const char *s);
/* proto_message() - a message as a field; @m is empty afterwards. */
void proto_message(struct proto *p, uint32_t field, struct proto *m);
void proto_free(struct proto *p);

#endif
