/* SPDX-License-Identifier: MIT */
/* Connections that break off, and what can still be said on a broken one. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sock_cases.h"

#define DATA KTLS_RECORD_DATA

static void reset(struct pair *p)
{
	const struct linger at_once = {1, 0};

	ck_assert_int_eq(setsockopt(p->fd, SOL_SOCKET, SO_LINGER, &at_once,
				    sizeof(at_once)),
			 0);
	close(p->fd);
	p->fd = -1;
	pair_poll_wait(p->peer, 0);
}

/* The first `part` bytes of a record of 50. */
static void send_part(struct pair *p, size_t part)
{
	static uint8_t data[50], rec[PAIR_RECORD];

	pair_seal(p, rec, DATA, data, sizeof(data));
	pair_raw(p->fd, rec, part);
}

/* In the header or behind it: what is whole comes out, then a FIN like any
 * other, with bytes left over that nobody can read. */
START_TEST(fin_in_record)
{
	static const size_t parts[] = {1, 4, 5, 6, 60};

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		struct pair p;
		int left = 0;

		pair_crafted(&p, _i);
		pair_craft(&p, DATA, "whole", 5);
		send_part(&p, parts[i]);
		shutdown(p.fd, SHUT_WR);
		pair_recv(p.peer, DATA, "whole", 5);
		pair_fin(p.peer);
		ck_assert_int_eq(ioctl(p.peer, FIONREAD, &left), 0);
		ck_assert_int_gt(left, 0);
		ck_assert_int_eq(pair_so_error(p.peer), 0);
		pair_close(&p);
	}
}
END_TEST

START_TEST(reset_in_record)
{
	struct pair p;

	pair_crafted(&p, _i);
	pair_craft(&p, DATA, "whole", 5);
	pair_poll_wait(p.peer, POLLIN);
	pair_recv(p.peer, DATA, "whole", 5);
	send_part(&p, 40);
	reset(&p);
	pair_fails(p.peer, -ECONNRESET);
	pair_close(&p);
}
END_TEST

/* Read first, then ask: SO_ERROR, the alert, and no read between them. */
START_TEST(alert_after_bad_record)
{
	uint8_t rec[PAIR_RECORD], data[PAIR_RECORD], type;
	struct pair p;
	size_t len;

	pair_crafted(&p, _i);
	pair_send(p.peer, DATA, "before", 6);
	len = pair_seal(&p, rec, DATA, "x", 1);
	rec[len - 1] ^= 1;
	pair_raw(p.fd, rec, len);
	pair_fails(p.peer, -EBADMSG);
	ck_assert_int_eq(
		ktls_sock_send(p.peer, KTLS_RECORD_ALERT, "\2\24", 2, 0),
		-EBADMSG);
	pair_fails(p.peer, -EBADMSG);
	ck_assert_int_eq(pair_so_error(p.peer), EBADMSG);
	pair_send(p.peer, KTLS_RECORD_ALERT, "\2\24", 2);
	ck_assert_uint_eq(pair_open(&p, &type, data), 6);
	ck_assert_uint_eq(type, DATA);
	ck_assert_uint_eq(pair_open(&p, &type, data), 2);
	ck_assert_uint_eq(type, KTLS_RECORD_ALERT);
	ck_assert_mem_eq(data, "\2\24", 2);
	pair_close(&p);
}
END_TEST

/* An error is latched by whichever read decrypts the record: sends may fail
 * before the reader has come that far. */
START_TEST(sender_learns_first)
{
	uint8_t rec[PAIR_RECORD];
	struct pair p;
	size_t len;

	pair_crafted(&p, _i);
	len = pair_seal(&p, rec, DATA, "good", 4);
	len += pair_seal(&p, rec + len, DATA, "x", 1);
	rec[len - 1] ^= 1;
	pair_raw(p.fd, rec, len);
	pair_recv_flags(p.peer, DATA, "good", 4, MSG_PEEK);
	ck_assert_int_eq(ktls_sock_send(p.peer, DATA, "y", 1, 0), -EBADMSG);
	pair_recv(p.peer, DATA, "good", 4);
	pair_fails(p.peer, -EBADMSG);
	pair_close(&p);
}
END_TEST

/* A send that meets a framing error says what a read would say, and leaves
 * it to the read. */
START_TEST(send_before_read)
{
	struct pair p;
	uint8_t header[105] = {DATA, 3, 1, 0, 100};

	pair_crafted(&p, _i);
	pair_raw(p.fd, header, sizeof(header));
	pair_poll_wait(p.peer, 0);
	ck_assert_int_eq(ktls_sock_send(p.peer, DATA, "y", 1, 0), -EPROTO);
	ck_assert_int_eq(ktls_sock_send(p.peer, DATA, "y", 1, 0), -EPROTO);
	pair_fails(p.peer, -EPROTO);
	pair_close(&p);
}
END_TEST

/* The first send meets the reset, and says so. */
START_TEST(send_after_reset)
{
	struct pair p;
	ssize_t n;

	pair_tls(&p, _i);
	reset(&p);
	n = ktls_sock_send(p.peer, DATA, "x", 1, 0);
	ck_assert(n == -ECONNRESET || n == -EPIPE);
	pair_close(&p);
}
END_TEST

START_TEST(bad_buffer)
{
	void *nowhere = (void *)8;
	struct pair p;
	uint8_t type;

	pair_tls(&p, _i);
	ck_assert_int_eq(ktls_sock_send(p.fd, DATA, nowhere, 10, 0), -EFAULT);
	pair_send(p.fd, DATA, "x", 1);
	ck_assert_int_eq(ktls_sock_recv(p.peer, &type, nowhere, 10, NULL),
			 -EFAULT);
	pair_close(&p);
}
END_TEST

TCase *sock_error_case(void)
{
	TCase *tcase = tcase_create("error");

	tcase_set_timeout(tcase, SOCK_LIMIT);
	sock_add(tcase, fin_in_record);
	sock_add(tcase, reset_in_record);
	sock_add(tcase, alert_after_bad_record);
	sock_add(tcase, sender_learns_first);
	sock_add(tcase, send_before_read);
	sock_add(tcase, send_after_reset);
	sock_add(tcase, bad_buffer);
	return tcase;
}
