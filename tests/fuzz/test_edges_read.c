/* SPDX-License-Identifier: MIT */
/*
 * Reading at its edges: what ends a connection, what comes before the end,
 * and what the peer is told of it.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "duo.h"
#include "sys.h"
#include "tests/unit/suite_main.h"

static enum ktls_choice nth_path(int i)
{
	static const enum ktls_choice paths[] = { KTLS_KERNEL, KTLS_USERSPACE,
						  KTLS_LIBRARY };

	return paths[i % 3];
}

static void expect_read(struct ktls *k, ssize_t want)
{
	char buf[64];

	ck_assert_int_eq(duo_read(k, buf, sizeof(buf)), want);
	ck_assert_int_eq(duo_read(k, buf, sizeof(buf)), want);
}

static void expect_alert_sent(struct ktls *k, int number)
{
	struct ktls_conn_info info = { .size = sizeof(info) };

	ck_assert_int_eq(ktls_info(k, &info), 0);
	ck_assert_int_eq(info.alert_sent, number);
}

/* ktls_error() takes the error off the socket; the data are still there. */
START_TEST(data_before_reset)
{
	enum ktls_choice path = nth_path(_i);
	struct ktls *k;
	struct duo d;

	duo_open(&d, 1);
	duo_ready(&d);
	k = duo_choose(&d, path, path);
	ck_assert_int_eq(SSL_write(d.peer, "last words", 10), 10);
	duo_reset(&d);
	ck_assert_int_eq(ktls_error(k), -ECONNRESET);
	ck_assert_int_eq(ktls_write(k, "x", 1, 0), -ECONNRESET);
	duo_to_us(k, "last words");
	expect_read(k, -ECONNRESET);
	ck_assert_int_eq(ktls_error(k), -ECONNRESET);
	duo_close(&d, k);
}
END_TEST

/* The peer asks for new keys, which TX in such a kernel cannot have: the end,
 * unless the application bears with it. */
START_TEST(key_update_unanswered)
{
	struct ktls_opts opts = duo_both();
	struct ktls *k;
	struct duo d;
	BIO *held;

	duo_open(&d, 0);
	duo_ready(&d);
	opts.rx = _i & 2 ? KTLS_USERSPACE : KTLS_LIBRARY;
	opts.flags = _i & 1 ? KTLS_LEAVE_UNANSWERED : 0;
	ck_assert_int_eq(ktls_handoff(&k, d.ssl, &opts), 0);
	held = duo_hold(&d);
	ck_assert_int_eq(SSL_key_update(d.peer, SSL_KEY_UPDATE_REQUESTED), 1);
	ck_assert_int_eq(SSL_write(d.peer, "hi", 2), 2);
	ck_assert_int_eq(SSL_shutdown(d.peer), 0);
	duo_release(&d, held);
	if (_i & 1) {
		duo_to_us(k, "hi");
		expect_read(k, 0);
		ck_assert_int_eq(ktls_write(k, "bye", 3, 0), 3);
		duo_to_peer(&d, "bye");
	} else {
		expect_read(k, -KTLS_EKEYUPDATE);
		duo_alert(&d, 80);
		expect_alert_sent(k, 80);
		ck_assert_int_eq(ktls_write(k, "x", 1, 0), -KTLS_EKEYUPDATE);
	}
	duo_close(&d, k);
}
END_TEST

/* And with a TX that can, the next write begins with our own. */
START_TEST(key_update_answered)
{
	struct ktls_conn_info info = { .size = sizeof(info) };
	struct ktls *k;
	struct duo d;

	duo_open(&d, 1);
	duo_ready(&d);
	k = duo_choose(&d, nth_path(_i), nth_path(_i / 3));
	ck_assert_int_eq(SSL_key_update(d.peer, SSL_KEY_UPDATE_REQUESTED), 1);
	ck_assert_int_eq(SSL_write(d.peer, "hi", 2), 2);
	duo_to_us(k, "hi");
	ck_assert_int_eq(ktls_write(k, "bye", 3, 0), 3);
	duo_to_peer(&d, "bye");
	ck_assert_int_eq(ktls_info(k, &info), 0);
	ck_assert_uint_eq(info.key_updates_received, 1);
	ck_assert_uint_eq(info.key_updates_sent, 1);
	duo_alive(&d, k);
	duo_close(&d, k);
}
END_TEST

START_TEST(forged_record)
{
	static const uint8_t forged[40] = { 23, 3, 3, 0, 35 };
	struct ktls *k;
	struct duo d;

	duo_open(&d, 1);
	duo_ready(&d);
	k = duo_choose(&d, nth_path(_i), nth_path(_i / 3));
	duo_alive(&d, k);
	ck_assert_int_eq(send(d.peer_fd, forged, sizeof(forged), 0),
			 sizeof(forged));
	expect_read(k, -KTLS_EBADRECORD);
	duo_alert(&d, 20);
	expect_alert_sent(k, 20);
	ck_assert_int_eq(ktls_write(k, "x", 1, 0), -KTLS_EBADRECORD);
	duo_close(&d, k);
}
END_TEST

static struct ktls__sys full;
static int full_fd;
static ssize_t (*fake_sendmsg)(int fd, const struct msghdr *msg, int flags);

static ssize_t no_room(int fd, const struct msghdr *msg, int flags)
{
	return fd == full_fd ? -EAGAIN : fake_sendmsg(fd, msg, flags);
}

/* No room at all, until full_fd is another one. */
static void make_full(struct duo *d)
{
	full = *ktls__sys;
	fake_sendmsg = full.sendmsg;
	full.sendmsg = no_room;
	full_fd = d->fd;
	ktls__sys = &full;
}

/* One fatal alert that reading calls for, behind a full queue. */
START_TEST(fatal_alert_waits)
{
	static const uint8_t forged[40] = { 23, 3, 3, 0, 35 };
	struct ktls *k;
	struct duo d;
	char buf[8];

	duo_open(&d, 1);
	duo_ready(&d);
	k = duo_choose(&d, KTLS_LIBRARY,
		       _i & 2 ? KTLS_LIBRARY : KTLS_KERNEL);
	make_full(&d);
	ck_assert_int_eq(duo_put(&d, k, 5), 4);
	ck_assert_int_eq(send(d.peer_fd, forged, sizeof(forged), 0),
			 sizeof(forged));
	ck_assert_int_eq(duo_read(k, buf, sizeof(buf)), -KTLS_EBADRECORD);
	ck_assert_int_ne(ktls_events(k) & POLLOUT, 0);
	ck_assert_int_eq(ktls_shutdown(k), -EAGAIN);
	ck_assert_int_eq(ktls_write(k, "x", 1, 0), -KTLS_EBADRECORD);
	ck_assert_int_ne(ktls_events(k) & POLLOUT, 0);
	full_fd = -1;
	if (_i & 1)
		ck_assert_int_eq(ktls_shutdown(k), -KTLS_EBADRECORD);
	else
		ck_assert_int_eq(ktls_write(k, "x", 1, 0), -KTLS_EBADRECORD);
	ck_assert_int_eq(ktls_events(k), 0);
	duo_alert(&d, 20);
	ck_assert_uint_eq(d.got, 5);
	duo_close(&d, k);
}
END_TEST

/* TLS 1.2: a ClientHello or, we being the client, a HelloRequest. */
START_TEST(renegotiation)
{
	struct ktls *k;
	struct duo d;
	char buf[8];

	duo_open(&d, 1);
	SSL_CTX_set_max_proto_version(d.ctx, TLS1_2_VERSION);
	ck_assert_int_eq(ktls_prepare(d.ctx, 0), 0);
	duo_ssl(&d);
	if (_i & 1) {
		SSL_set_connect_state(d.ssl);
		SSL_set_accept_state(d.peer);
	}
	duo_shake(&d);
	k = duo_choose(&d, _i & 2 ? KTLS_LIBRARY : KTLS_KERNEL, KTLS_LIBRARY);
	duo_alive(&d, k);
	ck_assert_int_eq(SSL_renegotiate(d.peer), 1);
	(void)SSL_do_handshake(d.peer);
	while (d.alert < 0) {
		ck_assert_int_eq(ktls_read(k, buf, sizeof(buf)), -EAGAIN);
		duo_drain(&d);
	}
	ck_assert_int_eq(d.alert, 100);
	expect_alert_sent(k, 100);
	duo_close(&d, k);
}
END_TEST

/* Only close_notify ends a stream, whatever the application has allowed. */
START_TEST(foreign_bare_eof)
{
	struct ktls *k;
	struct duo d;

	duo_open(&d, 1);
	SSL_CTX_set_options(d.ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
	ck_assert_int_eq(ktls_prepare(d.ctx, 0), 0);
	duo_ssl(&d);
	duo_bios(&d, 0);
	duo_shake(&d);
	k = duo_choose(&d, KTLS_AUTO, KTLS_AUTO);
	duo_alive(&d, k);
	BIO_shutdown_wr(SSL_get_wbio(d.peer));
	expect_read(k, -KTLS_ETRUNCATED);
	duo_close(&d, k);
}
END_TEST

int main(void)
{
	Suite *all = suite_create("edges_read");
	TCase *tcase = tcase_create("each");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, data_before_reset, 0, 3);
	tcase_add_loop_test(tcase, key_update_unanswered, 0, 4);
	tcase_add_loop_test(tcase, key_update_answered, 0, 9);
	tcase_add_loop_test(tcase, forged_record, 0, 9);
	tcase_add_loop_test(tcase, fatal_alert_waits, 0, 4);
	tcase_add_loop_test(tcase, renegotiation, 0, 4);
	tcase_add_test(tcase, foreign_bare_eof);
	suite_add_tcase(all, tcase);
	return suite_main(all);
}
