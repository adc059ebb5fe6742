/* SPDX-License-Identifier: MIT */
/* Attaching the ULP: where it goes, where not, and what it changes alone. */
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "diag.h"
#include "sock.h"
#include "sock_cases.h"
#include "uapi.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

START_TEST(attach_twice)
{
	struct pair p;

	pair_tcp(&p, 0);
	ck_assert_int_eq(ktls_sock_attach(p.fd), 0);
	ck_assert_int_eq(ktls_sock_attach(p.fd), 0);
	pair_close(&p);
}
END_TEST

/* Not connected, bound, listening: the socket stays what it was. */
START_TEST(not_connected)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(ktls_sock_attach(fd), -ENOTCONN);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	ck_assert_int_eq(ktls_sock_attach(fd), -ENOTCONN);
	ck_assert_int_eq(listen(fd, 1), 0);
	ck_assert_int_eq(ktls_sock_attach(fd), -ENOTCONN);
	ck_assert_int_eq(pair_so_error(fd), 0);
	close(fd);
}
END_TEST

START_TEST(connection_is_over)
{
	struct pair p;

	pair_tcp(&p, 0);
	shutdown(p.fd, SHUT_WR);
	pair_poll_wait(p.peer, POLLIN);
	ck_assert_int_eq(ktls_sock_attach(p.peer), -ENOTCONN);
	shutdown(p.peer, SHUT_WR);
	pair_poll_wait(p.fd, POLLIN);
	ck_assert_int_eq(ktls_sock_attach(p.fd), -ENOTCONN);
	pair_close(&p);
}
END_TEST

START_TEST(not_tcp)
{
	int err, fds[2];
	int mptcp = socket(AF_INET, SOCK_STREAM, IPPROTO_MPTCP);

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	ck_assert_int_eq(ktls_sock_attach(fds[0]), -EOPNOTSUPP);
	ck_assert_int_eq(close(fds[0]), 0);
	ck_assert_int_eq(ktls_sock_attach(fds[0]), -EBADF);
	close(fds[1]);
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(ktls_sock_attach(fds[0]), -ENOTSOCK);
	close(fds[0]);
	close(fds[1]);
	if (mptcp < 0)
		return;
	err = ktls_sock_attach(mptcp);
	ck_assert(err == -ENOPROTOOPT || err == -EOPNOTSUPP);
	close(mptcp);
}
END_TEST

/* Without keys it is plain TCP. */
START_TEST(no_keys_is_tcp)
{
	struct pair p;
	char buf[8];

	pair_attached(&p, _i);
	ck_assert_int_eq(ktls__sock_has_keys(p.fd, KTLS_TX), 0);
	ck_assert_int_eq(ktls__sock_has_keys(p.fd, KTLS_RX), 0);
	pair_raw(p.fd, "plain", 5);
	ck_assert_int_eq(recv(p.peer, buf, sizeof(buf), 0), 5);
	ck_assert_mem_eq(buf, "plain", 5);
	pair_close(&p);
}
END_TEST

/* What the ULP takes away: the socket cannot be used for another peer. */
START_TEST(no_reuse)
{
	struct sockaddr none = {.sa_family = AF_UNSPEC};
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);
	struct pair p;

	pair_tls(&p, _i);
	ck_assert_int_eq(listen(p.fd, 1), -1);
	ck_assert_int_eq(errno, EINVAL);
	ck_assert_int_eq(getpeername(p.fd, (struct sockaddr *)&addr, &len), 0);
	ck_assert_int_eq(connect(p.fd, (struct sockaddr *)&addr, len), -1);
	ck_assert_int_eq(errno, EISCONN);
	ck_assert_int_eq(connect(p.fd, &none, sizeof(none)), -1);
	ck_assert_int_eq(errno, EOPNOTSUPP);
	pair_send(p.fd, KTLS_RECORD_DATA, "still", 5);
	pair_recv(p.peer, KTLS_RECORD_DATA, "still", 5);
	pair_close(&p);
}
END_TEST

START_TEST(over_ipv6)
{
	struct pair p;

	pair_tcp6(&p, _i);
	ck_assert_int_eq(ktls__sock_has_keys(p.fd, KTLS_TX), 0);
	ck_assert_int_eq(ktls_sock_install(p.fd, KTLS_TX, &p.out),
			 -ENOPROTOOPT);
	ck_assert_int_eq(ktls_sock_attach(p.fd), 0);
	ck_assert_int_eq(ktls_sock_attach(p.peer), 0);
	pair_install(p.fd, KTLS_TX, &p.out);
	pair_install(p.peer, KTLS_RX, &p.out);
	pair_send(p.fd, KTLS_RECORD_DATA, "six", 3);
	pair_recv(p.peer, KTLS_RECORD_DATA, "six", 3);
	pair_close(&p);
}
END_TEST

static void expect_device(int fd, enum ktls_device tx, enum ktls_device rx)
{
	enum ktls_device got_tx, got_rx;

	ck_assert_int_eq(ktls__diag(fd, &got_tx, &got_rx), 0);
	ck_assert_int_eq(got_tx, tx);
	ck_assert_int_eq(got_rx, rx);
}

/* Needs CAP_NET_ADMIN before Linux 6.15; the lab has it. */
START_TEST(device)
{
	enum ktls_device tx, rx;
	struct pair p;

	if (_i)
		pair_tcp6(&p, 0);
	else
		pair_tcp(&p, 0);
	ck_assert_int_eq(ktls__diag(p.fd, &tx, &rx), -ENOENT);
	ck_assert_int_eq(ktls_sock_attach(p.fd), 0);
	if (geteuid() == 0) {
		expect_device(p.fd, KTLS_DEVICE_UNKNOWN, KTLS_DEVICE_UNKNOWN);
		pair_install(p.fd, KTLS_TX, &p.out);
		expect_device(p.fd, KTLS_DEVICE_SOFTWARE, KTLS_DEVICE_UNKNOWN);
		pair_install(p.fd, KTLS_RX, &p.in);
		expect_device(p.fd, KTLS_DEVICE_SOFTWARE, KTLS_DEVICE_SOFTWARE);
	}
	pair_close(&p);
}
END_TEST

TCase *sock_setup_case(void)
{
	TCase *tcase = tcase_create("setup");

	tcase_set_timeout(tcase, SOCK_LIMIT);
	tcase_add_test(tcase, attach_twice);
	tcase_add_test(tcase, not_connected);
	tcase_add_test(tcase, connection_is_over);
	tcase_add_test(tcase, not_tcp);
	sock_add(tcase, no_keys_is_tcp);
	sock_add(tcase, no_reuse);
	sock_add(tcase, over_ipv6);
	tcase_add_loop_test(tcase, device, 0, 2);
	return tcase;
}
