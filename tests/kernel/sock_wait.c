/* SPDX-License-Identifier: MIT */
/* poll(), blocking calls, threads and processes over one socket. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sock_cases.h"

#define DATA KTLS_RECORD_DATA

START_TEST(poll_record)
{
	struct pair p;

	pair_tls(&p, _i);
	ck_assert_int_eq(pair_poll(p.peer, POLLIN), 0);
	ck_assert_int_eq(pair_poll(p.peer, POLLOUT), POLLOUT);
	pair_send(p.fd, DATA, "x", 1);
	ck_assert_int_eq(pair_poll_wait(p.peer, POLLIN), POLLIN);
	pair_recv(p.peer, DATA, "x", 1);
	ck_assert_int_eq(pair_poll(p.peer, POLLIN), 0);
	pair_close(&p);
}
END_TEST

/* What a short read left over is readable without any new byte. */
START_TEST(poll_rest)
{
	struct pair p;
	uint8_t type;
	char buf[4];

	pair_tls(&p, _i);
	pair_send(p.fd, DATA, "0123456789", 10);
	pair_send(p.fd, KTLS_RECORD_ALERT, "\1\0", 2);
	ck_assert_int_eq(ktls_sock_recv(p.peer, &type, buf, 4, NULL), 4);
	ck_assert_int_eq(pair_poll(p.peer, POLLIN), POLLIN);
	pair_recv(p.peer, DATA, "456789", 6);
	ck_assert_int_eq(pair_poll_wait(p.peer, POLLIN), POLLIN);
	pair_recv(p.peer, KTLS_RECORD_ALERT, "\1\0", 2);
	ck_assert_int_eq(pair_poll(p.peer, POLLIN), 0);
	pair_close(&p);
}
END_TEST

/* Half a record may wake a poll (before Linux 6.6) but gives nothing. */
START_TEST(partial_record)
{
	uint8_t rec[PAIR_RECORD];
	struct pair p;
	size_t len;

	pair_crafted(&p, _i);
	len = pair_seal(&p, rec, DATA, "partial", 7);
	for (size_t i = 0; i + 1 < len; i++) {
		pair_raw(p.fd, rec + i, 1);
		pair_nothing(p.peer);
	}
	pair_raw(p.fd, rec + len - 1, 1);
	ck_assert_int_eq(pair_poll_wait(p.peer, POLLIN), POLLIN);
	pair_recv(p.peer, DATA, "partial", 7);
	pair_close(&p);
}
END_TEST

/* Edge-triggered: the last byte of a record is the edge. */
START_TEST(epoll_record)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLET};
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	uint8_t rec[PAIR_RECORD];
	struct pair p;
	size_t len;

	pair_crafted(&p, _i);
	ck_assert_int_eq(epoll_ctl(epoll, EPOLL_CTL_ADD, p.peer, &event), 0);
	len = pair_seal(&p, rec, DATA, "partial", 7);
	pair_raw(p.fd, rec, 6);
	while (epoll_wait(epoll, &event, 1, 0) > 0)
		pair_nothing(p.peer);
	pair_raw(p.fd, rec + 6, len - 6);
	ck_assert_int_eq(epoll_wait(epoll, &event, 1, -1), 1);
	pair_recv(p.peer, DATA, "partial", 7);
	pair_nothing(p.peer);
	close(epoll);
	pair_close(&p);
}
END_TEST

START_TEST(receive_timeout)
{
	const struct timeval limit = {.tv_usec = 10000};
	struct pair p;

	pair_tls(&p, _i);
	ck_assert_int_eq(setsockopt(p.peer, SOL_SOCKET, SO_RCVTIMEO, &limit,
				    sizeof(limit)),
			 0);
	pair_fails(p.peer, -EAGAIN);
	pair_send(p.fd, DATA, "x", 1);
	pair_recv(p.peer, DATA, "x", 1);
	pair_close(&p);
}
END_TEST

#define STREAM (1 << 20)
static uint8_t stream[STREAM];

static void *send_stream(void *arg)
{
	const int *fd = arg;
	ssize_t n = ktls_sock_send(*fd, DATA, stream, sizeof(stream), 0);

	return n == STREAM ? arg : NULL;
}

/* A blocking sender with hardly any buffer, and a slow reader. */
START_TEST(blocking)
{
	static uint8_t buf[1000];
	pthread_t thread;
	struct pair p;
	size_t got = 0;
	void *done;

	pair_tls(&p, _i);
	pair_fill(stream, sizeof(stream));
	pair_buffers(p.fd, 100);
	ck_assert_int_eq(pthread_create(&thread, NULL, send_stream, &p.fd), 0);
	while (got < sizeof(stream)) {
		uint8_t type;
		ssize_t n =
			ktls_sock_recv(p.peer, &type, buf, sizeof(buf), NULL);

		ck_assert_int_gt(n, 0);
		ck_assert_mem_eq(buf, stream + got, (size_t)n);
		got += (size_t)n;
	}
	ck_assert_int_eq(pthread_join(thread, &done), 0);
	ck_assert_ptr_nonnull(done);
	pair_close(&p);
}
END_TEST

#define WRITERS 4
#define MESSAGES 50
#define MESSAGE 1000

/* Each message is one writer's byte throughout. */
static void write_messages(int fd, int writer)
{
	uint8_t message[MESSAGE];

	memset(message, writer, sizeof(message));
	for (int i = 0; i < MESSAGES; i++)
		if (ktls_sock_send(fd, DATA, message, MESSAGE, 0) != MESSAGE)
			_exit(1);
	_exit(0);
}

/* The kernel keeps the records of several processes whole. */
START_TEST(processes)
{
	uint8_t buf[MESSAGE], expected[MESSAGE];
	int seen[WRITERS] = {0};
	struct pair p;

	pair_tls(&p, _i);
	for (int w = 0; w < WRITERS; w++)
		if (fork() == 0)
			write_messages(p.fd, w);
	for (int i = 0; i < WRITERS * MESSAGES; i++) {
		int flags = MSG_WAITALL;
		uint8_t type;

		ck_assert_int_eq(
			ktls_sock_recv(p.peer, &type, buf, MESSAGE, &flags),
			MESSAGE);
		ck_assert_uint_lt(buf[0], WRITERS);
		memset(expected, buf[0], MESSAGE);
		ck_assert_mem_eq(buf, expected, MESSAGE);
		seen[buf[0]]++;
	}
	for (int w = 0; w < WRITERS; w++) {
		int status = -1;

		ck_assert_int_eq(seen[w], MESSAGES);
		ck_assert_int_gt(wait(&status), 0);
		ck_assert_int_eq(status, 0);
	}
	ck_assert_uint_eq(pair_seq(&p, p.fd, KTLS_TX), WRITERS * MESSAGES);
	pair_close(&p);
}
END_TEST

TCase *sock_wait_case(void)
{
	TCase *tcase = tcase_create("wait");

	tcase_set_timeout(tcase, SOCK_LIMIT);
	sock_add(tcase, poll_record);
	sock_add(tcase, poll_rest);
	sock_add(tcase, partial_record);
	sock_add(tcase, epoll_record);
	sock_add(tcase, receive_timeout);
	sock_add(tcase, blocking);
	sock_add(tcase, processes);
	return tcase;
}
