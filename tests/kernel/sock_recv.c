/* SPDX-License-Identifier: MIT */
/* How records come out: short buffers, scattering, peeking, both ways. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/uio.h>

#include "record.h"
#include "sock_cases.h"

static ssize_t receive(int fd, void *buf, size_t len, int *flags)
{
	uint8_t type = 0;
	ssize_t n = ktls_sock_recv(fd, &type, buf, len, flags);

	if (n > 0)
		ck_assert_uint_eq(type, KTLS_RECORD_DATA);
	return n;
}

static void peek(int fd, const void *data, size_t len)
{
	pair_recv_flags(fd, KTLS_RECORD_DATA, data, len, MSG_PEEK);
}

/* MSG_EOR tells where a record ended. */
START_TEST(short_buffer)
{
	struct pair p;
	char buf[16];
	int flags = 0;

	pair_tls(&p, _i);
	pair_send(p.fd, KTLS_RECORD_DATA, "0123456789abcde", 15);
	ck_assert_int_eq(receive(p.peer, buf, 10, &flags), 10);
	ck_assert_int_eq(flags, 0);
	ck_assert_mem_eq(buf, "0123456789", 10);
	ck_assert_int_eq(receive(p.peer, buf, 10, &flags), 5);
	ck_assert_int_eq(flags, MSG_EOR);
	ck_assert_mem_eq(buf, "abcde", 5);
	pair_nothing(p.peer);
	pair_close(&p);
}
END_TEST

START_TEST(no_room)
{
	struct pair p;
	uint8_t type;

	pair_tls(&p, _i);
	pair_send(p.fd, KTLS_RECORD_ALERT, "\2\50", 2);
	ck_assert_int_eq(ktls_sock_recv(p.peer, &type, &type, 0, NULL),
			 -EINVAL);
	pair_recv(p.peer, KTLS_RECORD_ALERT, "\2\50", 2);
	pair_close(&p);
}
END_TEST

START_TEST(scattered)
{
	static uint8_t data[1024], buf[1024];
	struct iovec iov[1024];
	struct pair p;
	uint8_t type;

	pair_tls(&p, _i);
	pair_fill(data, sizeof(data));
	for (int i = 0; i < 1024; i++) {
		iov[i].iov_base = buf + i;
		iov[i].iov_len = 1;
	}
	pair_send(p.fd, KTLS_RECORD_DATA, data, sizeof(data));
	ck_assert_int_eq(ktls__record_recv(p.peer, &type, iov, 1024, NULL),
			 1024);
	ck_assert_uint_eq(type, KTLS_RECORD_DATA);
	ck_assert_mem_eq(buf, data, sizeof(data));
	pair_close(&p);
}
END_TEST

START_TEST(full_record)
{
	static uint8_t data[PAIR_MAX];
	struct pair p;

	pair_tls(&p, _i);
	pair_fill(data, sizeof(data));
	pair_send(p.fd, KTLS_RECORD_DATA, data, sizeof(data));
	pair_recv(p.peer, KTLS_RECORD_DATA, data, sizeof(data));
	pair_close(&p);
}
END_TEST

/* Data records are joined as far as the buffer goes. */
START_TEST(joined)
{
	struct pair p;
	char buf[9];
	int flags = MSG_WAITALL;

	pair_tls(&p, _i);
	pair_send(p.fd, KTLS_RECORD_DATA, "one", 3);
	pair_send(p.fd, KTLS_RECORD_DATA, "two", 3);
	pair_send(p.fd, KTLS_RECORD_DATA, "three", 5);
	ck_assert_int_eq(receive(p.peer, buf, 9, &flags), 9);
	ck_assert_mem_eq(buf, "onetwothr", 9);
	pair_recv(p.peer, KTLS_RECORD_DATA, "ee", 2);
	pair_close(&p);
}
END_TEST

START_TEST(partial)
{
	struct pair p;
	char buf[20] = "";
	int flags = MSG_WAITALL;

	pair_tls(&p, _i);
	pair_send(p.fd, KTLS_RECORD_DATA, "test_read_partial", 17);
	pair_send(p.fd, KTLS_RECORD_DATA, "xyz", 3);
	ck_assert_int_eq(receive(p.peer, buf, 5, &flags), 5);
	ck_assert_mem_eq(buf, "test_", 5);
	flags = MSG_WAITALL;
	ck_assert_int_eq(receive(p.peer, buf, 15, &flags), 15);
	ck_assert_mem_eq(buf, "read_partialxyz", 15);
	pair_close(&p);
}
END_TEST

START_TEST(nonblocking)
{
	struct pair p;
	char buf[4];

	pair_tls(&p, _i);
	pair_nothing(p.peer);
	pair_nonblock(p.peer);
	ck_assert_int_eq(receive(p.peer, buf, 4, NULL), -EAGAIN);
	pair_send(p.fd, KTLS_RECORD_DATA, "x", 1);
	pair_poll_wait(p.peer, POLLIN);
	ck_assert_int_eq(receive(p.peer, buf, 4, NULL), 1);
	pair_close(&p);
}
END_TEST

START_TEST(peek_one)
{
	struct pair p;

	pair_tls(&p, _i);
	pair_send(p.fd, KTLS_RECORD_DATA, "test_read_peek", 14);
	for (int i = 0; i < 100; i++)
		peek(p.peer, "test_read_peek", 14);
	pair_recv(p.peer, KTLS_RECORD_DATA, "test_read_peek", 14);
	pair_nothing(p.peer);
	pair_close(&p);
}
END_TEST

/* A peek joins records as a read does; its MSG_EOR says nothing: only what
 * an earlier peek has decrypted gets one. */
START_TEST(peek_records)
{
	struct pair p;
	char buf[64];
	int flags;

	pair_tls(&p, _i);
	pair_send(p.fd, KTLS_RECORD_DATA, "first_", 6);
	pair_send(p.fd, KTLS_RECORD_DATA, "second_", 7);
	pair_send(p.fd, KTLS_RECORD_DATA, "third", 5);
	flags = MSG_PEEK | MSG_WAITALL;
	ck_assert_int_eq(receive(p.peer, buf, 10, &flags), 10);
	ck_assert_mem_eq(buf, "first_seco", 10);
	flags = MSG_PEEK | MSG_WAITALL;
	ck_assert_int_eq(receive(p.peer, buf, 18, &flags), 18);
	ck_assert_mem_eq(buf, "first_second_third", 18);
	/* decrypted, but not read: the kernel's number is not ours */
	ck_assert_uint_eq(pair_seq(&p, p.peer, KTLS_RX), 3);
	pair_recv_all(p.peer, "first_second_third", 18);
	pair_nothing(p.peer);
	pair_close(&p);
}
END_TEST

START_TEST(low_water)
{
	const int lowat = 8;
	struct pair p;
	char buf[10];

	pair_tls(&p, _i);
	ck_assert_int_eq(setsockopt(p.peer, SOL_SOCKET, SO_RCVLOWAT, &lowat,
				    sizeof(lowat)),
			 0);
	pair_send(p.fd, KTLS_RECORD_DATA, "01234", 5);
	pair_send(p.fd, KTLS_RECORD_DATA, "56789", 5);
	ck_assert_int_eq(receive(p.peer, buf, 10, NULL), 10);
	ck_assert_mem_eq(buf, "0123456789", 10);
	pair_close(&p);
}
END_TEST

START_TEST(both_ways)
{
	static uint8_t data[5000];
	struct pair p;

	pair_tls(&p, _i);
	pair_fill(data, sizeof(data));
	for (size_t i = 1; i < 50; i++) {
		pair_send(p.fd, KTLS_RECORD_DATA, data, i * 100);
		pair_send(p.peer, KTLS_RECORD_DATA, data + i, 5000 - i * 100);
		pair_recv_all(p.peer, data, i * 100);
		pair_recv_all(p.fd, data + i, 5000 - i * 100);
	}
	ck_assert_uint_eq(pair_seq(&p, p.peer, KTLS_TX), 49);
	ck_assert_uint_eq(pair_seq(&p, p.peer, KTLS_RX), 49);
	pair_close(&p);
}
END_TEST

/* Records of the socket's own small buffers come whole all the same. */
START_TEST(small_buffers)
{
	static uint8_t data[PAIR_MAX];
	struct pair p;

	pair_tls(&p, _i);
	pair_fill(data, sizeof(data));
	pair_buffers(p.peer, 1);
	for (int i = 0; i < 4; i++) {
		pair_send(p.fd, KTLS_RECORD_DATA, data, 1000);
		pair_recv_all(p.peer, data, 1000);
	}
	pair_close(&p);
}
END_TEST

TCase *sock_recv_case(void)
{
	TCase *tcase = tcase_create("recv");

	tcase_set_timeout(tcase, SOCK_LIMIT);
	sock_add(tcase, short_buffer);
	sock_add(tcase, no_room);
	sock_add(tcase, scattered);
	sock_add(tcase, full_record);
	sock_add(tcase, joined);
	sock_add(tcase, partial);
	sock_add(tcase, nonblocking);
	sock_add(tcase, peek_one);
	sock_add(tcase, peek_records);
	sock_add(tcase, low_water);
	sock_add(tcase, both_ways);
	sock_add(tcase, small_buffers);
	return tcase;
}
