/* SPDX-License-Identifier: MIT */
/*
 * What a real kernel does against all expectation, one test each, so that a
 * kernel that changes its mind is noticed.  Not here: a TLS_RX install while
 * another thread sits in recv(), which panics Linux 6.1.176, and sendfile()
 * that stalls, which only the connection layer calls.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sock_cases.h"

#define DATA KTLS_RECORD_DATA
#define ALERT KTLS_RECORD_ALERT

/* A dead connection takes every byte and says thanks. */
START_TEST(success_on_the_dead)
{
	struct pair p;
	uint64_t seq;

	pair_tls(&p, _i);
	ck_assert_int_eq(shutdown(p.fd, SHUT_WR), 0);
	seq = pair_seq(&p, p.fd, KTLS_TX);
	pair_send(p.fd, DATA, "nowhere", 7);
	pair_send(p.fd, ALERT, "\1\0", 2);
	ck_assert_uint_gt(pair_seq(&p, p.fd, KTLS_TX), seq);
	pair_fin(p.peer);
	pair_close(&p);
}
END_TEST

/* ... also when a reset was told once. */
START_TEST(success_after_reset)
{
	const struct linger at_once = {1, 0};
	struct pair p;

	pair_tls(&p, _i);
	setsockopt(p.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(p.fd);
	pair_poll_wait(p.peer, 0);
	pair_fails(p.peer, -ECONNRESET);
	pair_send(p.peer, DATA, "nowhere", 7);
	ck_assert_int_ne(pair_poll(p.peer, 0) & POLLHUP, 0);
	close(p.peer);
}
END_TEST

/* Who asks SO_ERROR before reading has eaten the error for good. */
START_TEST(so_error_destroys)
{
	uint8_t header[105] = {DATA, 3, 1, 0, 100};
	struct pair p;

	pair_crafted(&p, _i);
	pair_raw(p.fd, header, sizeof(header));
	pair_poll_wait(p.peer, 0);
	ck_assert_int_eq(pair_so_error(p.peer), EINVAL);
	pair_nothing(p.peer);
	pair_close(&p);
}
END_TEST

static ssize_t raw_alert(int fd)
{
	char alert[] = "\1\0";
	struct iovec iov = {alert, 2};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	union {
		struct cmsghdr align;
		uint8_t bytes[KTLS_CMSG_SPACE];
	} control;

	ktls_cmsg_set(&msg, &control, ALERT);
	return sendmsg(fd, &msg, MSG_NOSIGNAL);
}

/* Without TX keys a record type is ignored: the bytes leave in plaintext,
 * unless they go through the library. */
START_TEST(plaintext_alert)
{
	struct pair p;
	char buf[8];

	pair_tcp(&p, _i % pair_suites);
	if (_i / pair_suites >= 1)
		ck_assert_int_eq(ktls_sock_attach(p.fd), 0);
	if (_i / pair_suites >= 2)
		pair_install(p.fd, KTLS_RX, &p.in);
	ck_assert_int_eq(ktls_sock_send(p.fd, ALERT, "\1\0", 2, 0),
			 -KTLS_EUNPROVEN);
	ck_assert_int_eq(ktls_sock_send(p.fd, DATA, "secret", 6, 0),
			 -KTLS_EUNPROVEN);
	ck_assert_int_eq(recv(p.peer, buf, sizeof(buf), MSG_DONTWAIT), -1);
	ck_assert_int_eq(raw_alert(p.fd), 2);
	ck_assert_int_eq(recv(p.peer, buf, sizeof(buf), 0), 2);
	ck_assert_mem_eq(buf, "\1\0", 2);
	pair_close(&p);
}
END_TEST

/* Bytes that came without keys are no data, whatever they say. */
START_TEST(plaintext_data)
{
	struct pair p;

	pair_attached(&p, _i);
	pair_raw(p.fd, "not a record", 12);
	pair_poll_wait(p.peer, POLLIN);
	pair_fails(p.peer, -KTLS_ECMSG);
	pair_close(&p);
}
END_TEST

/* A peer that sends and half-closes at once: too late for the ULP, but not
 * for the keys where the ULP was there before. */
START_TEST(half_closed_peer)
{
	uint8_t buf[PAIR_RECORD], type;
	const int early = _i / pair_suites;
	struct ktls_keys first;
	struct pair p;

	pair_tcp(&p, _i % pair_suites);
	first = p.out;
	if (early)
		ck_assert_int_eq(ktls_sock_attach(p.peer), 0);
	pair_craft(&p, DATA, "request", 7);
	shutdown(p.fd, SHUT_WR);
	ck_assert_int_ne(pair_poll_wait(p.peer, POLLRDHUP) & POLLRDHUP, 0);
	ck_assert_int_eq(ktls_sock_attach(p.peer), early ? 0 : -ENOTCONN);
	if (early) {
		pair_install(p.peer, KTLS_TX, &p.in);
		pair_install(p.peer, KTLS_RX, &first);
		pair_recv(p.peer, DATA, "request", 7);
		pair_fin(p.peer);
		pair_send(p.peer, DATA, "response", 8);
		ck_assert_uint_eq(pair_open(&p, &type, buf), 8);
		ck_assert_mem_eq(buf, "response", 8);
	}
	pair_close(&p);
}
END_TEST

TCase *sock_hazard_case(void)
{
	TCase *tcase = tcase_create("hazard");

	tcase_set_timeout(tcase, SOCK_LIMIT);
	sock_add(tcase, success_on_the_dead);
	sock_add(tcase, success_after_reset);
	sock_add(tcase, so_error_destroys);
	tcase_add_loop_test(tcase, plaintext_alert, 0, 3 * pair_suites);
	sock_add(tcase, plaintext_data);
	tcase_add_loop_test(tcase, half_closed_peer, 0, 2 * pair_suites);
	return tcase;
}
