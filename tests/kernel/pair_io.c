/* SPDX-License-Identifier: MIT */
/* See pair.h: bytes and records, sent and expected. */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "aead.h"
#include "pair.h"
#include "suite.h"

/* To the next record.  TLS 1.2 AES-GCM has a nonce of its own that counts. */
static void advance(struct ktls_keys *keys)
{
	keys->seq++;
	if (ktls__suite_find(keys->suite)->explicit_len && ++keys->iv[11] == 0)
		keys->iv[10]++;
}

size_t pair_seal(struct pair *p, uint8_t rec[PAIR_RECORD], uint8_t type,
		 const void *data, size_t len)
{
	int n = ktls__record_seal(rec, &p->out, type, data, len);

	ck_assert_int_gt(n, 0);
	advance(&p->out);
	return (size_t)n;
}

void pair_raw(int fd, const void *bytes, size_t len)
{
	ck_assert_int_eq(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

void pair_craft(struct pair *p, uint8_t type, const void *data, size_t len)
{
	uint8_t rec[PAIR_RECORD];

	pair_raw(p->fd, rec, pair_seal(p, rec, type, data, len));
}

size_t pair_open(struct pair *p, uint8_t *type, void *data)
{
	uint8_t rec[PAIR_RECORD], plain[PAIR_RECORD];
	size_t len;
	int n;

	ck_assert_int_eq(recv(p->fd, rec, 5, MSG_WAITALL), 5);
	len = (size_t)(rec[3] << 8 | rec[4]);
	ck_assert_uint_le(len, sizeof(rec) - 5);
	ck_assert_int_eq(recv(p->fd, rec + 5, len, MSG_WAITALL), (ssize_t)len);
	n = ktls__record_open(plain, type, &p->in, rec, len + 5);
	ck_assert_int_ge(n, 0);
	memcpy(data, plain, (size_t)n);
	advance(&p->in);
	return (size_t)n;
}

void pair_send(int fd, uint8_t type, const void *data, size_t len)
{
	ck_assert_int_eq(ktls_sock_send(fd, type, data, len, 0), (ssize_t)len);
}

void pair_recv_flags(int fd, uint8_t type, const void *data, size_t len,
		     int flags)
{
	static uint8_t buf[1 << 20];
	uint8_t got = 99;
	ssize_t n = ktls_sock_recv(fd, &got, buf, sizeof(buf), &flags);

	ck_assert_int_eq(n, (ssize_t)len);
	ck_assert_uint_eq(got, type);
	if (len)
		ck_assert_mem_eq(buf, data, len);
}

void pair_recv(int fd, uint8_t type, const void *data, size_t len)
{
	pair_recv_flags(fd, type, data, len, 0);
}

void pair_recv_all(int fd, const void *data, size_t len)
{
	static uint8_t buf[1 << 16];
	const uint8_t *expected = data;

	for (size_t at = 0; at < len;) {
		size_t room = len - at < sizeof(buf) ? len - at : sizeof(buf);
		uint8_t type;
		ssize_t n = ktls_sock_recv(fd, &type, buf, room, NULL);

		ck_assert_int_gt(n, 0);
		ck_assert_uint_eq(type, KTLS_RECORD_DATA);
		ck_assert_mem_eq(buf, expected + at, (size_t)n);
		at += (size_t)n;
	}
}

void pair_fails(int fd, int err)
{
	uint8_t buf[64], type;

	ck_assert_int_eq(ktls_sock_recv(fd, &type, buf, sizeof(buf), NULL),
			 err);
}

void pair_nothing(int fd)
{
	uint8_t buf[64], type;
	int flags = MSG_DONTWAIT;

	ck_assert_int_eq(ktls_sock_recv(fd, &type, buf, sizeof(buf), &flags),
			 -EAGAIN);
}

void pair_fin(int fd)
{
	pair_recv(fd, 0, NULL, 0);
}

void pair_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	ck_assert_int_eq(fcntl(fd, F_SETFL, flags | O_NONBLOCK), 0);
}

void pair_buffers(int fd, int len)
{
	ck_assert_int_eq(
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &len, sizeof(len)), 0);
	ck_assert_int_eq(
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &len, sizeof(len)), 0);
}

void pair_fill(void *buf, size_t len)
{
	uint8_t *bytes = buf;

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(i * 7 + (i >> 8) * 13 + (i >> 16));
}

static int do_poll(int fd, int events, int timeout_ms)
{
	struct pollfd p = {.fd = fd, .events = (short)events};

	ck_assert_int_ge(poll(&p, 1, timeout_ms), 0);
	return p.revents;
}

int pair_poll(int fd, int events)
{
	return do_poll(fd, events, 0);
}

int pair_poll_wait(int fd, int events)
{
	return do_poll(fd, events, -1);
}

int pair_so_error(int fd)
{
	int err = -1;
	socklen_t len = sizeof(err);

	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len), 0);
	return err;
}
