/* SPDX-License-Identifier: MIT */
/* What becomes records, and when: sizes, gathering, MSG_MORE, the flush. */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "record.h"
#include "sock_cases.h"

START_TEST(one_message)
{
	struct pair p;

	pair_tls(&p, _i);
	pair_send(p.fd, KTLS_RECORD_DATA, "test_sendmsg", 12);
	pair_recv(p.peer, KTLS_RECORD_DATA, "test_sendmsg", 12);
	pair_send(p.peer, KTLS_RECORD_DATA, "answer", 6);
	pair_recv(p.fd, KTLS_RECORD_DATA, "answer", 6);
	ck_assert_uint_eq(pair_seq(&p, p.fd, KTLS_TX), 1);
	ck_assert_uint_eq(pair_seq(&p, p.fd, KTLS_RX), 1);
	pair_close(&p);
}
END_TEST

/* More than 16384 bytes are several records, each full but the last. */
START_TEST(each_size)
{
	static const size_t sizes[] = {1,     2,     100,   4096, 16383,
				       16384, 16385, 32768, 40000};
	static uint8_t data[40000];
	uint64_t records = 0;
	struct pair p;

	pair_tls(&p, _i);
	pair_fill(data, sizeof(data));
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		pair_send(p.fd, KTLS_RECORD_DATA, data, sizes[i]);
		pair_recv_all(p.peer, data, sizes[i]);
		records += (sizes[i] + PAIR_MAX - 1) / PAIR_MAX;
		ck_assert_uint_eq(pair_seq(&p, p.fd, KTLS_TX), records);
		ck_assert_uint_eq(pair_seq(&p, p.peer, KTLS_RX), records);
	}
	pair_close(&p);
}
END_TEST

START_TEST(large)
{
	static uint8_t data[128 * PAIR_MAX];
	struct pair p;
	size_t sent = 0, got = 0;
	static uint8_t buf[1 << 16];

	pair_tls(&p, _i);
	pair_fill(data, sizeof(data));
	while (got < sizeof(data)) {
		ssize_t n = ktls_sock_send(p.fd, KTLS_RECORD_DATA, data + sent,
					   sizeof(data) - sent, MSG_DONTWAIT);
		int flags = MSG_DONTWAIT;
		uint8_t type;

		if (n > 0)
			sent += (size_t)n;
		n = ktls_sock_recv(p.peer, &type, buf, sizeof(buf), &flags);
		if (n == -EAGAIN)
			continue;
		ck_assert_int_gt(n, 0);
		ck_assert_mem_eq(buf, data + got, (size_t)n);
		got += (size_t)n;
	}
	ck_assert_uint_eq(sent, sizeof(data));
	pair_close(&p);
}
END_TEST

/* However many pieces, one message is one record. */
START_TEST(gathered)
{
	static uint8_t data[1024];
	struct iovec iov[1024];
	struct pair p;

	pair_tls(&p, _i);
	pair_fill(data, sizeof(data));
	for (int n = 1; n <= 1024; n *= 2) {
		uint64_t before = pair_seq(&p, p.fd, KTLS_TX);

		for (int i = 0; i < n; i++) {
			iov[i].iov_base = data + i;
			iov[i].iov_len = 1;
		}
		ck_assert_int_eq(
			ktls__record_send(p.fd, KTLS_RECORD_DATA, iov, n, 0),
			n);
		pair_recv(p.peer, KTLS_RECORD_DATA, data, (size_t)n);
		ck_assert_uint_eq(pair_seq(&p, p.fd, KTLS_TX), before + 1);
	}
	pair_close(&p);
}
END_TEST

static void send_more(int fd, const char *text)
{
	ck_assert_int_eq(ktls_sock_send(fd, KTLS_RECORD_DATA, text,
					strlen(text), MSG_MORE),
			 (ssize_t)strlen(text));
}

START_TEST(more_joins)
{
	struct pair p;

	pair_tls(&p, _i);
	send_more(p.fd, "one ");
	send_more(p.fd, "two ");
	pair_nothing(p.peer);
	ck_assert_uint_eq(pair_seq(&p, p.fd, KTLS_TX), 0);
	pair_send(p.fd, KTLS_RECORD_DATA, "three", 5);
	pair_recv(p.peer, KTLS_RECORD_DATA, "one two three", 13);
	ck_assert_uint_eq(pair_seq(&p, p.fd, KTLS_TX), 1);
	pair_close(&p);
}
END_TEST

/* Another type closes the open record. */
START_TEST(more_then_type)
{
	struct pair p;

	pair_tls(&p, _i);
	send_more(p.fd, "open");
	pair_send(p.fd, KTLS_RECORD_ALERT, "\1\0", 2);
	pair_recv(p.peer, KTLS_RECORD_DATA, "open", 4);
	pair_recv(p.peer, KTLS_RECORD_ALERT, "\1\0", 2);
	pair_close(&p);
}
END_TEST

START_TEST(more_with_type)
{
	struct pair p;

	pair_tls(&p, _i);
	ck_assert_int_eq(
		ktls_sock_send(p.fd, KTLS_RECORD_HANDSHAKE, "x", 1, MSG_MORE),
		-EINVAL);
	pair_nothing(p.peer);
	pair_close(&p);
}
END_TEST

/* A length of 0 closes what is open, once, and else sends nothing. */
START_TEST(flush)
{
	struct pair p;

	pair_tls(&p, _i);
	pair_send(p.fd, KTLS_RECORD_DATA, "", 0);
	pair_send(p.fd, KTLS_RECORD_ALERT, "", 0);
	ck_assert_uint_eq(pair_seq(&p, p.fd, KTLS_TX), 0);
	send_more(p.fd, "open");
	pair_nothing(p.peer);
	pair_send(p.fd, KTLS_RECORD_DATA, "", 0);
	pair_recv(p.peer, KTLS_RECORD_DATA, "open", 4);
	ck_assert_int_eq(ktls__record_flush(p.fd, MSG_DONTWAIT), 0);
	pair_nothing(p.peer);
	ck_assert_uint_eq(pair_seq(&p, p.fd, KTLS_TX), 1);
	pair_close(&p);
}
END_TEST

/* A full record stays open as well. */
START_TEST(flush_full)
{
	static uint8_t data[PAIR_MAX];
	struct pair p;

	pair_tls(&p, _i);
	pair_fill(data, sizeof(data));
	ck_assert_int_eq(ktls_sock_send(p.fd, KTLS_RECORD_DATA, data,
					sizeof(data), MSG_MORE),
			 (ssize_t)sizeof(data));
	pair_nothing(p.peer);
	ck_assert_int_eq(ktls__record_flush(p.fd, 0), 0);
	pair_recv(p.peer, KTLS_RECORD_DATA, data, sizeof(data));
	ck_assert_uint_eq(pair_seq(&p, p.fd, KTLS_TX), 1);
	pair_close(&p);
}
END_TEST

/* An open record dies with its socket: whoever uses MSG_MORE flushes. */
START_TEST(more_unsent)
{
	struct pair p;

	pair_tls(&p, _i);
	send_more(p.fd, "lost");
	close(p.fd);
	pair_fin(p.peer);
	close(p.peer);
}
END_TEST

START_TEST(types)
{
	struct pair p;

	pair_tls(&p, _i);
	for (int type = KTLS_RECORD_CCS; type <= KTLS_RECORD_DATA; type++) {
		pair_send(p.fd, (uint8_t)type, "ab", 2);
		pair_recv(p.peer, (uint8_t)type, "ab", 2);
	}
	pair_close(&p);
}
END_TEST

START_TEST(long_control)
{
	static uint8_t data[40000];
	static const size_t parts[] = {PAIR_MAX, PAIR_MAX, 40000 % PAIR_MAX};
	struct pair p;
	size_t at = 0;

	pair_tls(&p, _i);
	pair_fill(data, sizeof(data));
	pair_send(p.fd, KTLS_RECORD_HANDSHAKE, data, sizeof(data));
	for (int i = 0; i < 3; at += parts[i++])
		pair_recv(p.peer, KTLS_RECORD_HANDSHAKE, data + at, parts[i]);
	pair_close(&p);
}
END_TEST

/* What the kernel took is sent, what it did not take can be sent again. */
START_TEST(short_counts)
{
	static uint8_t data[1 << 18];
	struct pair p;
	size_t sent = 0, got = 0;
	static uint8_t buf[2000];
	int full = 0;

	pair_tls(&p, _i);
	pair_fill(data, sizeof(data));
	pair_buffers(p.fd, 100);
	pair_nonblock(p.fd);
	while (got < sizeof(data)) {
		ssize_t n = ktls_sock_send(p.fd, KTLS_RECORD_DATA, data + sent,
					   sizeof(data) - sent, 0);
		uint8_t type;

		full += n == -EAGAIN;
		if (n > 0)
			sent += (size_t)n;
		else
			ck_assert(n == -EAGAIN || sent == sizeof(data));
		n = ktls_sock_recv(p.peer, &type, buf, sizeof(buf), NULL);
		ck_assert_int_gt(n, 0);
		ck_assert_mem_eq(buf, data + got, (size_t)n);
		got += (size_t)n;
	}
	ck_assert_int_gt(full, 0);
	pair_close(&p);
}
END_TEST

TCase *sock_send_case(void)
{
	TCase *tcase = tcase_create("send");

	tcase_set_timeout(tcase, SOCK_LIMIT);
	sock_add(tcase, one_message);
	sock_add(tcase, each_size);
	sock_add(tcase, large);
	sock_add(tcase, gathered);
	sock_add(tcase, more_joins);
	sock_add(tcase, more_then_type);
	sock_add(tcase, more_with_type);
	sock_add(tcase, flush);
	sock_add(tcase, flush_full);
	sock_add(tcase, more_unsent);
	sock_add(tcase, types);
	sock_add(tcase, long_control);
	sock_add(tcase, short_counts);
	return tcase;
}
