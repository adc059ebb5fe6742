/* SPDX-License-Identifier: MIT */
/* See fake_wire.h. */
#include "fake_wire.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RESULTS 16
#define RECORD_MAX (16384 + 256 + 5)

static struct {
	uint8_t *bytes;
	size_t len;
	size_t at;
	struct {
		size_t at;
		int result;
	} results[RESULTS];
	size_t n_results;
	size_t next_result;
	size_t most;
	size_t calls;
	size_t room;
	int flags;
	uint32_t seed;
} wire;

uint32_t fake_wire_random(void)
{
	wire.seed = wire.seed * 1664525u + 1013904223u;
	return wire.seed >> 8;
}

/* How many bytes come with this call; or its error. */
static ssize_t piece(size_t room)
{
	size_t end = wire.len;
	size_t n;

	if (wire.most == 0 && fake_wire_random() % 8 == 0)
		return fake_wire_random() % 2 ? -EAGAIN : -EINTR;
	if (wire.next_result < wire.n_results) {
		end = wire.results[wire.next_result].at;
		if (wire.at == end) {
			int result = wire.results[wire.next_result].result;

			wire.next_result += result != 0;
			return result;
		}
	}
	n = wire.most ? wire.most : 1 + fake_wire_random() % 20000;
	if (n > end - wire.at)
		n = end - wire.at;
	if (n > room)
		n = room;
	return n ? (ssize_t)n : -EAGAIN;
}

static ssize_t wire_recvmsg(int fd, struct msghdr *msg, int flags)
{
	ssize_t n;

	ck_assert_int_eq(fd, FAKE_FD);
	ck_assert_uint_eq(msg->msg_iovlen, 1);
	ck_assert_uint_gt(msg->msg_iov->iov_len, 0);
	wire.calls++;
	wire.flags = flags;
	wire.room = msg->msg_iov->iov_len;
	n = piece(wire.room);
	if (n > 0) {
		memcpy(msg->msg_iov->iov_base, wire.bytes + wire.at, (size_t)n);
		wire.at += (size_t)n;
	}
	return n;
}

void fake_wire(void)
{
	static struct ktls__sys table;

	memset(&wire, 0, sizeof(wire));
	wire.most = SIZE_MAX;
	wire.seed = 1;
	table = ktls__sys_linux;
	table.recvmsg = wire_recvmsg;
	ktls__sys = &table;
}

void fake_wire_end(void)
{
	free(wire.bytes);
	wire.bytes = NULL;
	ktls__sys = &ktls__sys_linux;
}

void fake_wire_put(const void *bytes, size_t len)
{
	wire.bytes = realloc(wire.bytes, wire.len + len);
	ck_assert_ptr_nonnull(wire.bytes);
	memcpy(wire.bytes + wire.len, bytes, len);
	wire.len += len;
}

void fake_wire_seal(struct ktls__sealer *s, uint8_t type, const void *bytes,
		    size_t len)
{
	uint8_t rec[RECORD_MAX];
	int n = ktls__sealer_seal(s, rec, type, bytes, len);

	ck_assert_int_gt(n, 0);
	fake_wire_put(rec, (size_t)n);
}

/* An inner plaintext whose own type byte is 0: padding begins behind what
 * comes as payload. */
void fake_wire_seal_padded(struct ktls__sealer *s, uint8_t type,
			   const void *bytes, size_t len, size_t padding)
{
	uint8_t inner[RECORD_MAX] = {0};

	if (padding == 0) {
		fake_wire_seal(s, type, bytes, len);
		return;
	}
	memcpy(inner, bytes, len);
	inner[len] = type;
	fake_wire_seal(s, 0, inner, len + padding);
}

uint8_t *fake_wire_bytes(void)
{
	return wire.bytes;
}

size_t fake_wire_len(void)
{
	return wire.len;
}

void fake_wire_result(size_t at, int result)
{
	ck_assert_uint_lt(wire.n_results, RESULTS);
	wire.results[wire.n_results].at = at;
	wire.results[wire.n_results++].result = result;
}

void fake_wire_pieces(size_t most)
{
	wire.most = most;
}

void fake_wire_rewind(void)
{
	wire.at = 0;
	wire.next_result = 0;
	wire.calls = 0;
}

size_t fake_wire_calls(void)
{
	return wire.calls;
}

size_t fake_wire_room(void)
{
	return wire.room;
}

int fake_wire_flags(void)
{
	return wire.flags;
}
