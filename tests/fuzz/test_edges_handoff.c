/* SPDX-License-Identifier: MIT */
/*
 * Hand-offs at their edges: an SSL that was used before, on other BIOs, in
 * the middle of a write, or whose peer is gone.
 */
#include <errno.h>
#include <poll.h>

#include "duo.h"
#include "sys.h"
#include "tests/unit/suite_main.h"

/* Counted from new: other sockets, other keys. */
START_TEST(used_again)
{
	struct ktls_opts opts = duo_both();
	struct duo d;

	duo_open(&d, 1);
	if (_i)
		SSL_CTX_set_max_proto_version(d.ctx, TLS1_2_VERSION);
	duo_ready(&d);
	ck_assert_int_eq(SSL_write(d.ssl, "once", 4), 4);
	duo_to_peer(&d, "once");
	ck_assert_int_eq(SSL_shutdown(d.ssl), 0);
	ck_assert_int_eq(SSL_shutdown(d.peer), 0);
	duo_again(&d);
	duo_shake(&d);
	duo_expect(&d, &opts, KTLS_REASON_NONE, KTLS_REASON_NONE);
}
END_TEST

/* The handshake went over other BIOs: its records prove nothing here. */
START_TEST(other_bios)
{
	struct ktls_opts opts = duo_both();
	struct duo d;

	duo_open(&d, 1);
	if (_i)
		SSL_CTX_set_max_proto_version(d.ctx, TLS1_2_VERSION);
	ck_assert_int_eq(ktls_prepare(d.ctx, 0), 0);
	duo_ssl(&d);
	duo_bios(&d, 1);
	duo_shake(&d);
	duo_drain(&d);
	SSL_set_fd(d.ssl, d.fd);
	SSL_set_fd(d.peer, d.peer_fd);
	duo_expect(&d, &opts, KTLS_REASON_SEQUENCE, KTLS_REASON_SEQUENCE);
}
END_TEST

/* The answer to a KeyUpdate cannot be sent any more, and what came with it
 * has been taken out of the SSL. */
START_TEST(leftovers_of_the_dead)
{
	struct ktls_opts opts = duo_both();
	struct ktls *k;
	struct duo d;
	char buf[8];
	ssize_t err;

	duo_open(&d, 1);
	ck_assert_int_eq(ktls_prepare(d.ctx, 0), 0);
	ck_assert_int_eq(ktls_sock_attach(d.fd), 0);
	duo_ssl(&d);
	duo_bios(&d, 1);
	duo_shake(&d);
	duo_drain(&d);
	ck_assert_int_eq(SSL_key_update(d.peer, SSL_KEY_UPDATE_REQUESTED), 1);
	ck_assert_int_eq(SSL_write(d.peer, "request", 7), 7);
	duo_reset(&d);
	opts.fd = d.fd;
	ck_assert_int_eq(ktls_handoff(&k, d.ssl, &opts), 0);
	ck_assert_uint_eq(ktls_pending(k), 7);
	duo_to_us(k, "request");
	err = ktls_read(k, buf, sizeof(buf));
	ck_assert_msg(err == -ECONNRESET || err == -EPIPE, "%d", (int)err);
	ck_assert_int_eq(ktls_read(k, buf, sizeof(buf)), err);
	ck_assert_int_lt(ktls_write(k, "x", 1, 0), 0);
	duo_close(&d, k);
}
END_TEST

/* Fill the socket until an SSL_write() stays unfinished. */
static void fill_ssl(struct duo *d)
{
	size_t n;

	SSL_set_mode(d->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE);
	while (SSL_write_ex(d->ssl, duo_pattern(d->sent), DUO_PIECE, &n) == 1)
		d->sent += n;
	ck_assert_int_eq(SSL_get_error(d->ssl, 0), SSL_ERROR_WANT_WRITE);
}

/* Reading the SSL empty with a write half done would be its end, also where
 * TX stays with it anyway.  All else that writes comes behind that write: it
 * would wait for it, and it for them, or spoil it. */
START_TEST(unfinished_write)
{
	struct ktls_opts opts = duo_both();
	struct ktls *k;
	struct duo d;
	struct iovec parts[2];
	size_t stop;

	duo_open(&d, 1);
	duo_ready(&d);
	duo_small(&d);
	fill_ssl(&d);
	ck_assert_int_eq(SSL_key_update(d.peer, SSL_KEY_UPDATE_REQUESTED), 1);
	ck_assert_int_eq(SSL_write(d.peer, "hi", 2), 2);
	opts.tx = KTLS_LIBRARY;
	opts.flags = KTLS_NO_WAIT;
	ck_assert_int_eq(ktls_handoff(&k, d.ssl, &opts), 0);
	duo_reasons(k, KTLS_REASON_POLICY, KTLS_REASON_PENDING_WRITE);
	parts[0].iov_base = (void *)(uintptr_t)duo_pattern(d.sent);
	parts[0].iov_len = 1;
	parts[1].iov_base = (void *)(uintptr_t)duo_pattern(d.sent + 1);
	parts[1].iov_len = DUO_PIECE - 1;
	ck_assert_int_eq(ktls_update_keys(k, 0), -KTLS_EPENDING);
	ck_assert_int_eq(ktls_post_handshake(k), -KTLS_EPENDING);
	ck_assert_int_eq(ktls_alert(k, 90), -KTLS_EPENDING);
	ck_assert_int_eq(ktls_shutdown(k), -KTLS_EPENDING);
	ck_assert_int_eq(ktls_writev(k, parts, 2, 0), -KTLS_ERETRY);
	duo_to_us(k, "hi");
	for (stop = d.sent + DUO_PIECE; d.sent < stop; duo_drain(&d))
		if (duo_put(&d, k, stop - d.sent) < 0)
			ck_assert_int_ne(ktls_events(k) & POLLOUT, 0);
	while (d.got < d.sent)
		duo_drain(&d);
	ck_assert_uint_eq(d.got, d.sent);
	duo_alive(&d, k);
	duo_close(&d, k);
}
END_TEST

START_TEST(padding)
{
	struct ktls_opts opts = duo_both();
	struct duo d;

	duo_open(&d, 1);
	SSL_CTX_set_block_padding(d.ctx, 512);
	duo_ready(&d);
	if (_i)
		opts.rx = KTLS_LIBRARY;
	duo_expect(&d, &opts, KTLS_REASON_PADDING,
		   _i ? KTLS_REASON_POLICY : KTLS_REASON_NONE);
}
END_TEST

static struct ktls__sys once;
static int refusals;
static ssize_t (*fake_sendmsg)(int fd, const struct msghdr *msg, int flags);

static ssize_t refuse_once(int fd, const struct msghdr *msg, int flags)
{
	return refusals-- > 0 ? -EAGAIN : fake_sendmsg(fd, msg, flags);
}

/* -EAGAIN has to name its event also when the room came before it returned.
 * What the SSL had written into its memory BIO waits in the queue. */
START_TEST(room_came_meanwhile)
{
	struct ktls_opts opts = KTLS_OPTS_INIT;
	struct ktls *k;
	struct duo d;

	duo_open(&d, 1);
	duo_ready(&d);
	SSL_set_bio(d.ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
	ck_assert_int_eq(SSL_write(d.ssl, "first", 5), 5);
	opts.fd = d.fd;
	ck_assert_int_eq(ktls_handoff(&k, d.ssl, &opts), 0);
	duo_reasons(k, KTLS_REASON_SEQUENCE, KTLS_REASON_SEQUENCE);
	once = *ktls__sys;
	fake_sendmsg = once.sendmsg;
	once.sendmsg = refuse_once;
	refusals = 1;
	ktls__sys = &once;
	ck_assert_int_eq(ktls_write(k, "second", 6, 0), -EAGAIN);
	ck_assert_int_ne(ktls_events(k) & POLLOUT, 0);
	duo_to_peer(&d, "first");
	ck_assert_int_eq(ktls_write(k, "second", 6, 0), 6);
	duo_to_peer(&d, "second");
	ck_assert_int_eq(ktls_events(k) & POLLOUT, 0);
	duo_alive(&d, k);
	duo_close(&d, k);
}
END_TEST

int main(void)
{
	Suite *all = suite_create("edges_handoff");
	TCase *tcase = tcase_create("each");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, used_again, 0, 2);
	tcase_add_loop_test(tcase, other_bios, 0, 2);
	tcase_add_test(tcase, leftovers_of_the_dead);
	tcase_add_test(tcase, unfinished_write);
	tcase_add_loop_test(tcase, padding, 0, 2);
	tcase_add_test(tcase, room_came_meanwhile);
	suite_add_tcase(all, tcase);
	return suite_main(all);
}
