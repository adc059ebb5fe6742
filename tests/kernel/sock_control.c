/* SPDX-License-Identifier: MIT */
/* Records that are not data: never joined, never lost, never mistaken. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sock_cases.h"
#include "uapi.h"

#define HANDSHAKE KTLS_RECORD_HANDSHAKE

/* A reader that asks for no type gets nothing, and loses nothing. */
START_TEST(untyped_reader)
{
	struct pair p;
	char buf[16];

	pair_tls(&p, _i);
	pair_send(p.fd, HANDSHAKE, "test_message", 12);
	pair_poll_wait(p.peer, POLLIN);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(recv(p.peer, buf, sizeof(buf), 0), -1);
		ck_assert_int_eq(errno, EIO);
	}
	ck_assert_int_eq(pair_so_error(p.peer), 0);
	pair_recv_flags(p.peer, HANDSHAKE, "test_message", 12, MSG_PEEK);
	pair_recv(p.peer, HANDSHAKE, "test_message", 12);
	pair_nothing(p.peer);
	pair_close(&p);
}
END_TEST

START_TEST(short_buffer)
{
	struct pair p;
	uint8_t type;
	char buf[16];
	int flags = 0;

	pair_tls(&p, _i);
	pair_send(p.fd, HANDSHAKE, "0123456789", 10);
	ck_assert_int_eq(ktls_sock_recv(p.peer, &type, buf, 4, &flags), 4);
	ck_assert_uint_eq(type, HANDSHAKE);
	ck_assert_int_eq(flags, 0);
	ck_assert_int_eq(ktls_sock_recv(p.peer, &type, buf, 16, &flags), 6);
	ck_assert_uint_eq(type, HANDSHAKE);
	ck_assert_int_eq(flags, MSG_EOR);
	ck_assert_mem_eq(buf, "456789", 6);
	pair_close(&p);
}
END_TEST

/* Two of one type are two. */
START_TEST(not_merged)
{
	struct pair p;

	pair_tls(&p, _i);
	pair_send(p.fd, HANDSHAKE, "one", 3);
	pair_send(p.fd, HANDSHAKE, "two", 3);
	pair_recv_flags(p.peer, HANDSHAKE, "one", 3, MSG_PEEK);
	pair_recv(p.peer, HANDSHAKE, "one", 3);
	pair_recv(p.peer, HANDSHAKE, "two", 3);
	pair_nothing(p.peer);
	pair_close(&p);
}
END_TEST

START_TEST(between_data)
{
	struct pair p;

	pair_tls(&p, _i);
	pair_send(p.fd, KTLS_RECORD_DATA, "before", 6);
	pair_send(p.fd, HANDSHAKE, "control", 7);
	pair_send(p.fd, KTLS_RECORD_DATA, "after", 5);
	pair_recv_flags(p.peer, KTLS_RECORD_DATA, "before", 6, MSG_PEEK);
	pair_recv_flags(p.peer, KTLS_RECORD_DATA, "before", 6, MSG_WAITALL);
	pair_recv_flags(p.peer, HANDSHAKE, "control", 7, MSG_PEEK);
	pair_recv_flags(p.peer, HANDSHAKE, "control", 7, MSG_WAITALL);
	pair_recv(p.peer, KTLS_RECORD_DATA, "after", 5);
	pair_close(&p);
}
END_TEST

START_TEST(full_length)
{
	static uint8_t data[PAIR_MAX];
	struct pair p;

	pair_tls(&p, _i);
	pair_fill(data, sizeof(data));
	pair_send(p.fd, HANDSHAKE, data, sizeof(data));
	pair_recv(p.peer, HANDSHAKE, data, sizeof(data));
	pair_close(&p);
}
END_TEST

/* An end is an alert and then a FIN; a half-closed side still reads. */
START_TEST(end_of_stream)
{
	struct pair p;

	pair_tls(&p, _i);
	pair_send(p.fd, KTLS_RECORD_DATA, "last", 4);
	pair_send(p.fd, KTLS_RECORD_ALERT, "\1\0", 2);
	ck_assert_int_eq(shutdown(p.fd, SHUT_WR), 0);
	pair_recv(p.peer, KTLS_RECORD_DATA, "last", 4);
	pair_recv(p.peer, KTLS_RECORD_ALERT, "\1\0", 2);
	pair_fin(p.peer);
	pair_fin(p.peer);
	pair_send(p.peer, KTLS_RECORD_DATA, "answer", 6);
	pair_recv(p.fd, KTLS_RECORD_DATA, "answer", 6);
	pair_close(&p);
}
END_TEST

/* Unread data at the end of the socket does no harm. */
START_TEST(unread_at_close)
{
	struct pair p;

	pair_tls(&p, _i);
	pair_send(p.fd, KTLS_RECORD_DATA, "unread", 6);
	pair_send(p.peer, KTLS_RECORD_DATA, "unread", 6);
	ck_assert_int_eq(shutdown(p.fd, SHUT_RDWR), 0);
	pair_close(&p);
}
END_TEST

static ssize_t send_control(int fd, void *control, size_t len, int flags)
{
	struct iovec iov = {control, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = len};
	ssize_t n = sendmsg(fd, &msg, flags | MSG_NOSIGNAL);

	return n < 0 ? -errno : n;
}

/* What the kernel refuses, it refuses whole. */
START_TEST(kernel_sendmsg)
{
	static const int refused[] = {MSG_OOB, MSG_ZEROCOPY};
	union {
		struct cmsghdr head;
		uint8_t bytes[KTLS_CMSG_SPACE];
	} control;
	struct msghdr msg = {0};
	struct pair p;

	pair_tls(&p, _i);
	for (size_t i = 0; i < 2; i++)
		ck_assert_int_eq(send_control(p.fd, &control, 0, refused[i]),
				 -EOPNOTSUPP);
	ktls_cmsg_set(&msg, &control, HANDSHAKE);
	ck_assert_int_eq(
		send_control(p.fd, &control, sizeof(control), MSG_MORE),
		-EINVAL);
	control.head.cmsg_type = 99;
	ck_assert_int_eq(send_control(p.fd, &control, sizeof(control), 0),
			 -EINVAL);
	ck_assert_uint_eq(pair_seq(&p, p.fd, KTLS_TX), 0);
	pair_nothing(p.peer);
	pair_close(&p);
}
END_TEST

/* Our own recvmsg(), with the public half of the work. */
START_TEST(own_recvmsg)
{
	struct pair p;
	union {
		struct cmsghdr head;
		uint8_t bytes[KTLS_CMSG_SPACE];
	} control;
	char buf[8];
	struct iovec iov = {buf, sizeof(buf)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = &control,
			     .msg_controllen = sizeof(control)};

	pair_tls(&p, _i);
	pair_send(p.fd, HANDSHAKE, "own", 3);
	ck_assert_int_eq(recvmsg(p.peer, &msg, 0), 3);
	ck_assert_int_eq(ktls_cmsg_get(&msg), HANDSHAKE);
	/* data is given out all the same, only without its type */
	pair_send(p.fd, KTLS_RECORD_DATA, "own", 3);
	msg.msg_controllen = 8;
	ck_assert_int_eq(recvmsg(p.peer, &msg, 0), 3);
	ck_assert_int_eq(ktls_cmsg_get(&msg), -KTLS_ECMSG);
	pair_close(&p);
}
END_TEST

TCase *sock_control_case(void)
{
	TCase *tcase = tcase_create("control");

	tcase_set_timeout(tcase, SOCK_LIMIT);
	sock_add(tcase, untyped_reader);
	sock_add(tcase, short_buffer);
	sock_add(tcase, not_merged);
	sock_add(tcase, between_data);
	sock_add(tcase, full_length);
	sock_add(tcase, end_of_stream);
	sock_add(tcase, unread_at_close);
	sock_add(tcase, kernel_sendmsg);
	sock_add(tcase, own_recvmsg);
	return tcase;
}
