/* SPDX-License-Identifier: MIT */
/*
 * Whose turn is it to end what was cut before the hand-off?  A write is the
 * application's to repeat, also where the SSL does not say that it waits;
 * what was no write ends by itself.  Nothing else gets the write's place.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cut.h"
#include "tests/tls_calls.h"
#include "tests/unit/suite_main.h"

/* One record, of which BoringSSL knows for sure how far it is. */
#define SHORT 16000
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

static ssize_t send_file(struct ktls *k, size_t len, int given)
{
	char name[] = "/tmp/cut.XXXXXX";
	int fd = mkstemp(name);
	off_t off = 7;
	ssize_t n;

	ck_assert_int_ge(fd, 0);
	unlink(name);
	ck_assert_int_eq(ftruncate(fd, (off_t)len + off), 0);
	ck_assert_int_eq(lseek(fd, off, SEEK_SET), off);
	n = ktls_sendfile(k, fd, given ? &off : NULL, len, 0);
	ck_assert_int_eq(off, 7);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 7);
	close(fd);
	return n;
}

static ssize_t send_pipe(struct ktls *k, size_t len)
{
	static const char zeros[40000];
	int left;
	int p[2];
	ssize_t n;

	ck_assert_int_eq(pipe2(p, O_NONBLOCK), 0);
	ck_assert_int_eq(write(p[1], zeros, len), (ssize_t)len);
	n = ktls_splice_write(k, p[0], len);
	ck_assert_int_eq(ioctl(p[0], FIONREAD, &left), 0);
	ck_assert_int_eq(left, (int)len);
	close(p[0]);
	close(p[1]);
	return n;
}

static int all_of_a_file(struct ktls *k)
{
	return (int)send_file(k, SHORT, 1);
}

static int more_of_a_file(struct ktls *k)
{
	return (int)send_file(k, 40000, 0);
}

static int less_of_a_file(struct ktls *k)
{
	return (int)send_file(k, 100, 1);
}

static int all_of_a_pipe(struct ktls *k)
{
	return (int)send_pipe(k, SHORT);
}

static int less_of_a_pipe(struct ktls *k)
{
	return (int)send_pipe(k, 100);
}

/* What writes besides ktls_write(). */
static int (*const calls[])(struct ktls *k) = {
	all_of_a_file, more_of_a_file, less_of_a_file, all_of_a_pipe,
	less_of_a_pipe, ktls_post_handshake, new_keys, cancel, ktls_shutdown
};
#define CALLS ((int)(sizeof(calls) / sizeof(calls[0])))

static void hand_over(struct duo *d, struct ktls **k)
{
	ck_assert_int_eq(cut_handoff(d, k, KTLS_AUTO,
				     KTLS_NO_WAIT | KTLS_KEEP_SSL), 0);
	duo_paths(*k, KTLS_PATH_LIBRARY, KTLS_PATH_LIBRARY);
}

static void read_nothing(struct duo *d)
{
	char byte;
	int n = SSL_read(d->ssl, &byte, 1);

	ck_assert_int_eq(SSL_get_error(d->ssl, n), SSL_ERROR_WANT_READ);
	ck_assert(!SSL_want_write(d->ssl));
}

/* _i: the call; prepared or not; the SSL says that it waits or does not. */
START_TEST(nothing_but_the_write)
{
	const int prepared = _i / CALLS % 2;
	const int reads = _i / CALLS / 2;
	struct ktls *k;
	struct duo d;

	cut_write(&d, prepared, SHORT);
	if (reads)
		read_nothing(&d);
	hand_over(&d, &k);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(calls[_i % CALLS](k), -KTLS_EPENDING);
	duo_drain(&d);
	ck_assert_int_eq(calls[_i % CALLS](k), -KTLS_EPENDING);
	cut_go_on(&d, k, SHORT);
	cut_ends(&d, k);
}
END_TEST

/* Of some records: BoringSSL may forget where it was, and then nothing more is
 * written, rather than the wrong bytes.  _i: the call, and none. */
START_TEST(many_records_behind_a_read)
{
	struct ktls *k;
	struct duo d;
	int err = -KTLS_EPENDING;

	cut_write(&d, 0, TOTAL);
	read_nothing(&d);
	hand_over(&d, &k);
	if (_i < CALLS)
		err = calls[_i](k);
	if (err == -KTLS_ESSL && !tls_has(TLS_REFERENCES)) {
		ck_assert_int_eq(ktls_write(k, duo_pattern(0), TOTAL, 0), err);
		duo_close(&d, k);
		return;
	}
	ck_assert_int_eq(err, -KTLS_EPENDING);
	cut_go_on(&d, k, TOTAL);
	cut_ends(&d, k);
}
END_TEST

/* Half a record is inside: OpenSSL does not tell then. */
START_TEST(behind_half_a_record)
{
	struct ktls *k;
	struct duo d;
	char *rec;
	BIO *held;
	int err;

	cut_write(&d, 0, SHORT);
	held = duo_hold(&d);
	ck_assert_int_eq(SSL_write(d.peer, "half", 4), 4);
	ck_assert_int_gt(BIO_get_mem_data(SSL_get_wbio(d.peer), &rec), 7);
	ck_assert_int_eq(send(d.peer_fd, rec, (size_t)_i, 0), _i);
	SSL_set0_wbio(d.peer, held);
	read_nothing(&d);
	hand_over(&d, &k);
	err = all_of_a_file(k);
	if (err != -KTLS_ESSL)
		ck_assert_int_eq(err, -KTLS_EPENDING);
	ck_assert_int_eq(ktls_shutdown(k), err);
	duo_close(&d, k);
}
END_TEST

/* Nothing was written: nobody waits. */
START_TEST(no_doubt_without_a_write)
{
	struct ktls *k;
	struct duo d;

	cut_open(&d, 0);
	duo_shake(&d);
	if (_i)
		read_nothing(&d);
	hand_over(&d, &k);
	ck_assert_int_eq(cut_call(&d, k, ktls_post_handshake), 0);
	ck_assert_int_eq(cut_call(&d, k, new_keys), 0);
	duo_alive(&d, k);
	cut_ends(&d, k);
}
END_TEST

/* A ticket or a KeyUpdate (_i & 2) that a full socket has cut. */
static int flush_cut(struct duo *d, int kind, size_t *junk)
{
	int ret;

	cut_open(d, kind & 1);
	duo_shake(d);
	(void)tls_flush(d->ssl);
	duo_drain(d);
	*junk = cut_fill(d);
	if (kind & 2)
		ck_assert_int_eq(SSL_key_update(d->ssl,
					SSL_KEY_UPDATE_NOT_REQUESTED), 1);
	else if (tls_lacks(TLS_TICKETS_LATER, "a ticket that is cut"))
		return 0;
	else
		ck_assert_int_eq(tls_new_ticket(d->ssl), 1);
	ret = tls_flush(d->ssl);
	ck_assert_int_eq(SSL_get_error(d->ssl, ret), SSL_ERROR_WANT_WRITE);
	return 1;
}

static void flushed(struct duo *d, struct ktls *k, int kind,
		    int (*call)(struct ktls *k))
{
	int err = cut_call(d, k, call);

	if (err == -EOPNOTSUPP)
		ck_assert(call == cancel);
	else
		ck_assert_int_eq(err, 0);
	if (call != ktls_shutdown)
		duo_alive(d, k);
	cut_ends(d, k);
	ck_assert_int_eq(cut_key_updates, kind / 2 + (call == new_keys));
}

/* _i: the kind; then the call. */
START_TEST(a_flush_ends_by_itself)
{
	static int (*const ending[])(struct ktls *k) = {
		ktls_post_handshake, new_keys, cancel, ktls_shutdown
	};
	const int kind = _i % 4;
	struct ktls *k;
	struct duo d;
	size_t junk;
	int err;

	if (!flush_cut(&d, kind, &junk)) {
		duo_close(&d, NULL);
		return;
	}
	if (kind & 1) {
		err = cut_handoff(&d, &k, KTLS_AUTO, KTLS_KEEP_SSL);
		ck_assert_int_eq(err, -EAGAIN);
	}
	hand_over(&d, &k);
	cut_empty(&d, junk);
	flushed(&d, k, kind, ending[_i / 4]);
}
END_TEST

/* Data, and even less than the flush, follow it.  _i: the kind. */
START_TEST(a_flush_is_no_write)
{
	struct ktls *k;
	struct duo d;
	size_t junk;

	if (!flush_cut(&d, _i, &junk)) {
		duo_close(&d, NULL);
		return;
	}
	hand_over(&d, &k);
	cut_empty(&d, junk);
	while (ktls_write(k, "o", 1, 0) != 1)
		;
	duo_to_peer(&d, "o");
	duo_alive(&d, k);
	cut_ends(&d, k);
}
END_TEST

/* _i: bytes of a KeyUpdate that a BIO has taken. */
START_TEST(half_a_flush)
{
	BIO_METHOD *method;
	struct ktls *k;
	struct duo d;
	int ret;

	cut_open(&d, _i % 2);
	method = cut_own_bio(&d);
	duo_shake(&d);
	(void)tls_flush(d.ssl);
	cut_room = (size_t)_i / 2;
	ck_assert_int_eq(SSL_key_update(d.ssl, SSL_KEY_UPDATE_NOT_REQUESTED),
			 1);
	ret = tls_flush(d.ssl);
	ck_assert_int_eq(SSL_get_error(d.ssl, ret), SSL_ERROR_WANT_WRITE);
	hand_over(&d, &k);
	ck_assert_int_eq(ktls_write(k, "oh", 2, 0), -EAGAIN);
	cut_room = 1 << 20;
	ck_assert_int_eq(ktls_write(k, "oh", 2, 0), 2);
	duo_to_peer(&d, "oh");
	ck_assert_int_eq(cut_key_updates, 1);
	cut_ends(&d, k);
	BIO_meth_free(method);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("cut, and by whom");
	TCase *tcase = tcase_create("doubt");

	tcase_add_loop_test(tcase, nothing_but_the_write, 0, 4 * CALLS);
	tcase_add_loop_test(tcase, many_records_behind_a_read, 0, CALLS + 1);
	tcase_add_loop_test(tcase, behind_half_a_record, 3, 8);
	tcase_add_loop_test(tcase, no_doubt_without_a_write, 0, 2);
	tcase_add_loop_test(tcase, a_flush_ends_by_itself, 0, 16);
	tcase_add_loop_test(tcase, a_flush_is_no_write, 0, 4);
	tcase_add_loop_test(tcase, half_a_flush, 0, 10);
	suite_add_tcase(s, tcase);
	return s;
}

int main(void)
{
	return suite_main(suite());
}
