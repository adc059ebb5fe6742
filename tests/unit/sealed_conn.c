/* SPDX-License-Identifier: MIT */
/* A connection that is written to: see sealed_conn.h. */
#include "sealed_conn.h"

#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "aead.h"
#include "fake_sys.h"
#include "opener.h"
#include "record.h"

struct sealed_socket sealed_socket;

static struct ktls__sys table;
static struct ktls__opener peer;
static uint8_t wire[1 << 20];
static size_t opened; /* bytes of it */

static ssize_t take(int fd, const struct msghdr *msg, int flags)
{
	size_t n = msg->msg_iov->iov_len;

	(void)flags;
	ck_assert_int_eq(fd, FAKE_FD);
	ck_assert_uint_eq(msg->msg_iovlen, 1);
	if (sealed_socket.send_err < 0)
		return sealed_socket.send_err;
	if (sealed_socket.room == 0)
		return -EAGAIN;
	if (n > sealed_socket.room)
		n = sealed_socket.room;
	ck_assert_uint_le(n, sizeof(wire) - sealed_socket.sent);
	memcpy(wire + sealed_socket.sent, msg->msg_iov->iov_base, n);
	sealed_socket.sent += n;
	sealed_socket.room -= n;
	return (ssize_t)n;
}

static ssize_t read_file(int fd, const struct iovec *iov, int iovcnt, off_t off)
{
	return sealed_socket.read_err < 0 ?
		       sealed_socket.read_err :
		       ktls__sys_linux.preadv(fd, iov, iovcnt, off);
}

static int wait_for_it(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	(void)timeout_ms;
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(fds->fd, FAKE_FD);
	sealed_socket.polls++;
	return sealed_socket.poll;
}

static int is_nonblocking(int fd)
{
	ck_assert_int_eq(fd, FAKE_FD);
	return sealed_socket.nonblocking;
}

/* There is no option that is set. */
static int get_option(int fd, int level, int name, void *val, socklen_t *len)
{
	(void)level;
	(void)name;
	ck_assert_int_eq(fd, FAKE_FD);
	memset(val, 0, *len);
	return 0;
}

void sealed_open(struct ktls *k)
{
	struct ktls_keys keys;

	control_open(k, KTLS_TLS_1_3, 1);
	ck_assert_int_eq(ktls_keys_tls13(&keys, k->hs.suite, k->tx.secret,
					 k->tx.secret_len), 0);
	memset(&peer, 0, sizeof(peer));
	ck_assert_int_eq(ktls__opener_key(&peer, &keys), 0);
	opened = 0;
	sealed_socket = (struct sealed_socket){ .room = sizeof(wire),
						.nonblocking = 1 };
	table = *ktls__sys;
	table.sendmsg = take;
	table.preadv = read_file;
	table.poll = wait_for_it;
	table.nonblocking = is_nonblocking;
	table.getsockopt = get_option;
	ktls__sys = &table;
}

void sealed_close(struct ktls *k)
{
	ktls__opener_wipe(&peer);
	control_close(k);
}

static size_t open_record(size_t rec_len, uint8_t letter)
{
	static uint8_t text[KTLS__RECORD_PLAIN_MAX + 1];
	uint8_t type;
	int n = ktls__opener_open(&peer, text, &type, wire + opened, rec_len);

	ck_assert_int_gt(n, 0);
	ck_assert_uint_eq(type, KTLS_RECORD_DATA);
	for (int i = 0; i < n; i++)
		ck_assert_uint_eq(text[i], letter);
	opened += rec_len;
	return (size_t)n;
}

size_t sealed_arrived(uint8_t letter)
{
	size_t got = 0;
	size_t rec_len;
	int body;

	while (sealed_socket.sent - opened >= KTLS__HEADER_LEN) {
		body = ktls__aead_body(peer.suite, wire + opened);
		ck_assert_int_gt(body, 0);
		rec_len = KTLS__HEADER_LEN + (size_t)body;
		if (rec_len > sealed_socket.sent - opened)
			break;
		got += open_record(rec_len, letter);
	}
	return got;
}

int sealed_file(uint8_t letter, size_t len)
{
	static uint8_t text[1 << 16];
	int fd = memfd_create("sealed", 0);

	memset(text, letter, sizeof(text));
	for (size_t n; len > 0; len -= n) {
		n = len < sizeof(text) ? len : sizeof(text);
		ck_assert_int_eq(write(fd, text, n), (ssize_t)n);
	}
	return fd;
}
