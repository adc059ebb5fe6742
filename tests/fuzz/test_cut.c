/* SPDX-License-Identifier: MIT */
/*
 * Hand-offs in the middle of something: a write of the application's, a
 * flush of ours, an answer that is queued, a record that says nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "cut.h"
#include "tests/tls_calls.h"
#include "tests/unit/suite_main.h"

#define TOTAL 200000
#define USER_CANCELED 90

static int new_keys(struct ktls *k)
{
	return ktls_update_keys(k, 0);
}

static int cancel(struct ktls *k)
{
	return ktls_alert(k, USER_CANCELED);
}

/* What writes besides ktls_write(). */
static int (*const calls[])(struct ktls *k) = {
	ktls_post_handshake, new_keys, cancel, ktls_shutdown
};
#define CALLS ((int)(sizeof(calls) / sizeof(calls[0])))

static struct ktls *cut(struct duo *d, int prepared)
{
	struct ktls *k;

	cut_write(d, prepared, TOTAL);
	ck_assert_int_eq(cut_handoff(d, &k, KTLS_AUTO,
				     KTLS_NO_WAIT | KTLS_KEEP_SSL), 0);
	duo_paths(k, KTLS_PATH_LIBRARY, KTLS_PATH_LIBRARY);
	return k;
}

START_TEST(waits_for_the_write)
{
	const int prepared = _i / CALLS;
	struct ktls *k;
	struct duo d;

	k = cut(&d, prepared);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(calls[_i % CALLS](k), -KTLS_EPENDING);
	/* nor does room change that */
	duo_drain(&d);
	ck_assert_int_eq(calls[_i % CALLS](k), -KTLS_EPENDING);
	cut_go_on(&d, k, TOTAL);
	ck_assert_int_eq(cut_call(&d, k, ktls_post_handshake), 0);
	ck_assert_int_eq(cut_call(&d, k, new_keys), 0);
	/* the hooks of ktls_prepare() have the key for it */
	ck_assert_int_eq(cut_call(&d, k, cancel), prepared ? 0 : -EOPNOTSUPP);
	duo_alive(&d, k);
	ck_assert_int_eq(cut_key_updates, 1);
	ck_assert_int_eq(d.alert, prepared ? USER_CANCELED : -1);
	cut_ends(&d, k);
}
END_TEST

/* What was cut had more, and nobody knows where the SSL stands behind that. */
START_TEST(not_less)
{
	struct ktls *k;
	struct duo d;

	k = cut(&d, _i);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(ktls_write(k, duo_pattern(0), 100, 0),
				 -KTLS_ESSL);
	duo_close(&d, k);
}
END_TEST

/* Of two pieces the SSL would get the first, which is too short. */
START_TEST(not_in_pieces)
{
	struct iovec iov[] = {
		{ (void *)(uintptr_t)duo_pattern(0), 100 },
		{ (void *)(uintptr_t)duo_pattern(100), TOTAL - 100 },
	};
	struct ktls *k;
	struct duo d;

	k = cut(&d, _i);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(ktls_writev(k, iov, 2, 0), -KTLS_ERETRY);
	duo_drain(&d);
	ck_assert_int_eq(ktls_writev(k, iov, 2, 0), -KTLS_ERETRY);
	cut_go_on(&d, k, TOTAL);
	cut_ends(&d, k);
}
END_TEST

/* _i: bytes of the write that the BIO takes. */
START_TEST(refused_by_a_bio)
{
	BIO_METHOD *method;
	struct ktls *k;
	struct duo d;

	cut_open(&d, 1);
	method = cut_own_bio(&d);
	duo_shake(&d);
	ck_assert_int_eq(cut_handoff(&d, &k, KTLS_AUTO, 0), 0);
	duo_alive(&d, k);
	cut_room = (size_t)_i;
	ck_assert_int_eq(ktls_write(k, "hello", 5, 0), -EAGAIN);
	ck_assert_int_eq(ktls_post_handshake(k), -EAGAIN);
	cut_room = 1 << 20;
	ck_assert_int_eq(ktls_post_handshake(k), -EAGAIN);
	ck_assert_int_eq(ktls_shutdown(k), -EAGAIN);
	ck_assert_int_eq(ktls_write(k, "hello", 5, 0), 5);
	duo_to_peer(&d, "hello");
	ck_assert_int_eq(ktls_post_handshake(k), 0);
	duo_alive(&d, k);
	cut_room = 0;
	ck_assert_int_eq(ktls_shutdown(k), -EAGAIN);
	cut_room = 1 << 20;
	cut_ends(&d, k);
	BIO_meth_free(method);
}
END_TEST

static int any_cert(int ok, X509_STORE_CTX *store)
{
	(void)ok, (void)store;
	return 1;
}

/* Each ticket holds the client's certificate, and is more than a record. */
START_TEST(tickets_of_many_records)
{
	struct ktls *k;
	struct duo d;

	cut_open(&d, 1);
	SSL_set_verify(d.ssl, SSL_VERIFY_PEER, any_cert);
	ck_assert_int_eq(SSL_set_session_id_context(d.ssl,
				(const uint8_t *)"cut", 3), 1);
	SSL_set_max_send_fragment(d.ssl, 512);
	duo_shake(&d);
	ck_assert(tls_has_peer_cert(d.ssl));
	ck_assert_int_eq(cut_handoff(&d, &k, (enum ktls_choice)_i, 0), 0);
	duo_paths(k, KTLS_PATH_KERNEL, KTLS_PATH_KERNEL);
	duo_alive(&d, k);
	cut_ends(&d, k);
}
END_TEST

/* Where the tickets were not sent with the handshake: the flush is cut. */
static struct ktls *flush_cut(struct duo *d, size_t *junk)
{
	struct ktls *k;
	int err;

	cut_open(d, 1);
	duo_shake(d);
	*junk = cut_fill(d);
	err = cut_handoff(d, &k, KTLS_AUTO, 0);
	if (err == 0)
		return k;
	ck_assert_int_eq(err, -EAGAIN);
	ck_assert_int_eq(cut_handoff(d, &k, KTLS_AUTO, KTLS_NO_WAIT), 0);
	duo_paths(k, KTLS_PATH_LIBRARY, KTLS_PATH_LIBRARY);
	return k;
}

START_TEST(shutdown_behind_a_flush)
{
	struct ktls *k;
	struct duo d;
	size_t junk;

	k = flush_cut(&d, &junk);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(ktls_shutdown(k), -EAGAIN);
	cut_empty(&d, junk);
	cut_ends(&d, k);
}
END_TEST

START_TEST(update_behind_a_flush)
{
	struct ktls *k;
	struct duo d;
	size_t junk;

	k = flush_cut(&d, &junk);
	ck_assert_int_eq(SSL_key_update(d.peer, SSL_KEY_UPDATE_REQUESTED), 1);
	ck_assert_int_eq(SSL_write(d.peer, "ping", 4), 4);
	duo_to_us(k, "ping");
	/* taken, or not yet */
	if (cancel(k) == -EAGAIN) {
		cut_empty(&d, junk);
		ck_assert_int_eq(cut_call(&d, k, cancel), 0);
	} else {
		cut_empty(&d, junk);
	}
	duo_alive(&d, k);
	ck_assert_int_eq(cut_key_updates, 1);
	ck_assert_int_eq(d.alert, USER_CANCELED);
	cut_ends(&d, k);
}
END_TEST

/* _i: the SSL has its answer to the peer's new keys queued, or none. */
START_TEST(asks_behind_an_answer)
{
	struct ktls_conn_info info = { .size = sizeof(info) };
	struct ktls *k;
	struct duo d;
	char buf[8];

	cut_open(&d, 1);
	duo_shake(&d);
	if (_i) {
		ck_assert_int_eq(SSL_key_update(d.peer,
						SSL_KEY_UPDATE_REQUESTED), 1);
		ck_assert_int_eq(SSL_write(d.peer, "x", 1), 1);
		while (SSL_read(d.ssl, buf, sizeof(buf)) != 1)
			;
	}
	ck_assert_int_eq(cut_handoff(&d, &k, KTLS_LIBRARY, 0), 0);
	ck_assert_int_eq(ktls_update_keys(k, KTLS_UPDATE_REQUESTED), 0);
	duo_alive(&d, k);
	ck_assert_int_eq(cut_key_updates, 1 + _i);
	ck_assert_int_eq(ktls_info(k, &info), 0);
	ck_assert_uint_eq(info.key_updates_received, 1);
	cut_ends(&d, k);
}
END_TEST

/* _i: bytes of it that are inside the SSL, on a socket that blocks or not. */
START_TEST(nothing_but_padding)
{
	const int inside = _i / 2;
	const int on = 1;
	uint8_t rec[CUT_RECORD];
	char buf[8];
	struct ktls *k;
	struct duo d;
	BIO *held;

	cut_open(&d, 1);
	duo_shake(&d);
	cut_pad(&d, rec);
	/* a part of a record waits for nothing */
	ck_assert_int_eq(setsockopt(d.peer_fd, IPPROTO_TCP, TCP_NODELAY, &on,
				    sizeof(on)), 0);
	/* so that the peer counts it, too */
	held = duo_hold(&d);
	ck_assert_int_eq(SSL_write(d.peer, "x", 1), 1);
	SSL_set0_wbio(d.peer, held);
	ck_assert_int_eq(tls_flush(d.ssl), 1);
	ck_assert_int_eq(send(d.peer_fd, rec, (size_t)inside, 0), inside);
	ck_assert_int_lt(SSL_read(d.ssl, buf, sizeof(buf)), 0);
	if (inside > 0 && inside < CUT_RECORD)
		ck_assert_int_eq(cut_handoff(&d, &k, KTLS_USERSPACE, 0),
				 -EAGAIN);
	ck_assert_int_eq(send(d.peer_fd, rec + inside,
			      CUT_RECORD - (size_t)inside, 0),
			 CUT_RECORD - inside);
	if (_i % 2)
		ck_assert_int_eq(fcntl(d.fd, F_SETFL, 0), 0);
	ck_assert_int_eq(cut_handoff(&d, &k, KTLS_USERSPACE, 0), 0);
	duo_alive(&d, k);
	cut_ends(&d, k);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("cut");
	TCase *tcase = tcase_create("in the middle");

	tcase_add_loop_test(tcase, waits_for_the_write, 0, 2 * CALLS);
	tcase_add_loop_test(tcase, not_less, 0, 2);
	tcase_add_loop_test(tcase, not_in_pieces, 0, 2);
	tcase_add_loop_test(tcase, refused_by_a_bio, 0, 4);
	tcase_add_loop_test(tcase, tickets_of_many_records, KTLS_AUTO,
			    KTLS_KERNEL + 1);
	tcase_add_test(tcase, shutdown_behind_a_flush);
	tcase_add_test(tcase, update_behind_a_flush);
	tcase_add_loop_test(tcase, asks_behind_an_answer, 0, 2);
	tcase_add_loop_test(tcase, nothing_but_padding, 0,
			    2 * (CUT_RECORD + 1));
	suite_add_tcase(s, tcase);
	return s;
}

int main(void)
{
	return suite_main(suite());
}
