/* SPDX-License-Identifier: MIT */
/* Writing where records are sealed here: who waits, how often, and for what;
 * what a file does to it; and the buffers between. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "pool.h"
#include "sealed_conn.h"
#include "sealer.h"
#include "suite_main.h"
#include "sys.h"

#define LETTER 'q'
#define OTHER 'z'
#define RECORD ((size_t)16384)
#define LITTLE 1000

static struct ktls k;
static uint8_t text[1 << 18];

static void setup(void)
{
	memset(text, LETTER, sizeof(text));
	sealed_open(&k);
}

static void teardown(void)
{
	sealed_close(&k);
}

/* The last byte of `len` is owed. */
static void write_short(size_t len)
{
	sealed_socket.room = LITTLE;
	ck_assert_int_eq(ktls_write(&k, text, len, 0), (ssize_t)len - 1);
	ck_assert_uint_eq(sealed_socket.room, 0);
}

static void make_room(void)
{
	sealed_socket.room = sizeof(text);
}

/* By a signal, or because SO_SNDTIMEO is over: once is enough. */
static const int call_back[] = { -EINTR, 0 };

START_TEST(called_back_waits_once)
{
	const size_t batch = 4 * RECORD;

	k.batch = 4;
	sealed_socket.room = LITTLE;
	sealed_socket.nonblocking = 0;
	sealed_socket.poll = call_back[_i];
	ck_assert_int_eq(ktls_write(&k, text, 2 * batch, 0),
			 (ssize_t)batch - 1);
	ck_assert_uint_eq(sealed_socket.polls, 1);
	/* And what is asked again waits once again. */
	ck_assert_int_eq(ktls_write(&k, text, 100, 0),
			 _i ? -EAGAIN : -EINTR);
	ck_assert_uint_eq(sealed_socket.polls, 2);
	make_room();
	ck_assert_int_eq(ktls_write(&k, text, 100, 0), 100);
	ck_assert_uint_eq(sealed_socket.polls, 2);
	ck_assert_uint_eq(sealed_arrived(LETTER), batch + 99);
}
END_TEST

/* The application waits with the rest of its data: what other calls do with
 * the room that there is does not change that. */
static int update_keys(void)
{
	return ktls_update_keys(&k, 0);
}

static int warn(void)
{
	return ktls_alert(&k, 90);
}

static int (*const others[])(void) = { update_keys, warn };

START_TEST(others_keep_pollout)
{
	write_short(5000);
	ck_assert_int_ne(ktls_events(&k) & POLLOUT, 0);
	make_room();
	ck_assert_int_eq(others[_i](), 0);
	ck_assert(!k.queued);
	ck_assert_int_ne(ktls_events(&k) & POLLOUT, 0);
	ck_assert_int_eq(ktls_write(&k, text, 100, 0), 100);
	ck_assert_int_eq(ktls_events(&k) & POLLOUT, 0);
}
END_TEST

/* What they themselves wait for is over when they are. */
START_TEST(others_take_theirs_back)
{
	write_short(5000);
	ck_assert_int_eq(others[_i](), -EAGAIN);
	make_room();
	ck_assert_int_eq(ktls_write(&k, text, 100, 0), 100);
	ck_assert_int_ne(ktls_events(&k) & POLLOUT, 0);
	ck_assert_int_eq(others[_i](), 0);
	ck_assert_int_eq(ktls_events(&k) & POLLOUT, 0);
}
END_TEST

/* An alert that is sealed and has no room goes out with the next call, and
 * then nothing waits for it any more. */
START_TEST(queued_alert_takes_its_own_back)
{
	sealed_socket.room = 0;
	ck_assert_int_eq(warn(), 0);
	ck_assert_int_ne(ktls_events(&k) & POLLOUT, 0);
	make_room();
	ck_assert_int_eq(ktls_write(&k, text, 100, 0), 100);
	ck_assert(!k.queued);
	ck_assert_int_eq(ktls_events(&k) & POLLOUT, 0);
}
END_TEST

START_TEST(shutdown_ends_all_waiting)
{
	write_short(5000);
	if (_i)
		ck_assert_int_eq(ktls_shutdown(&k), -EAGAIN);
	ck_assert_int_ne(ktls_events(&k) & POLLOUT, 0);
	make_room();
	ck_assert_int_eq(ktls_shutdown(&k), 0);
	ck_assert_int_eq(ktls_events(&k) & POLLOUT, 0);
}
END_TEST

/* Errors that a socket would have: from a file they are the file's. */
static const int file_errors[] = { -ENOTCONN, -EPERM, -ECONNRESET, -EPIPE };

START_TEST(file_errors_are_no_end)
{
	int fd = sealed_file(LETTER, 5000);
	off_t pos = 0;

	sealed_socket.read_err = file_errors[_i];
	ck_assert_int_eq(ktls_sendfile(&k, fd, &pos, 5000, 0), -EIO);
	ck_assert_int_eq(pos, 0);
	ck_assert_int_eq(k.tx.err, 0);
	ck_assert_int_eq(k.rx.err, 0);
	sealed_socket.read_err = 0;
	ck_assert_int_eq(ktls_write(&k, text, 100, 0), 100);
	ck_assert_int_eq(ktls_sendfile(&k, fd, &pos, 5000, 0), 5000);
	ck_assert_uint_eq(sealed_arrived(LETTER), 5100);
	close(fd);
}
END_TEST

/* Another byte than the one that is sealed: nothing of the file is sent. */
START_TEST(file_goes_on_wrongly)
{
	int fd = sealed_file(OTHER, 5000);
	off_t pos = 0;
	size_t sent;

	write_short(5000);
	make_room();
	ck_assert_int_eq(ktls_sendfile(&k, fd, &pos, 5000, 0), -KTLS_ERETRY);
	ck_assert_uint_eq(sealed_arrived(LETTER), 5000);
	sent = sealed_socket.sent;
	ck_assert_int_eq(ktls_sendfile(&k, fd, &pos, 5000, 0), -KTLS_ERETRY);
	ck_assert_uint_eq(sealed_socket.sent, sent);
	ck_assert_int_eq(pos, 0);
	ck_assert_int_eq(k.tx.err, 0);
	ck_assert_int_eq(ktls_write(&k, text, 1, 0), 1);
	ck_assert_uint_eq(sealed_socket.sent, sent);
	ck_assert_int_eq(ktls_sendfile(&k, fd, &pos, 5000, 0), 5000);
	ck_assert_uint_eq(sealed_arrived(OTHER), 5000);
	close(fd);
}
END_TEST

START_TEST(file_goes_on)
{
	int fd = sealed_file(LETTER, 5000);
	off_t pos = 1000;

	write_short(5000);
	make_room();
	ck_assert_int_eq(ktls_sendfile(&k, fd, &pos, 4000, 0), 4000);
	ck_assert_int_eq(pos, 5000);
	ck_assert_uint_eq(sealed_arrived(LETTER), 5000 + 3999);
	close(fd);
}
END_TEST

static struct ktls__sealer peer;
static int came;

/* One record, and then the end that follows once a reset was told. */
static ssize_t receive(int fd, struct msghdr *msg, int flags)
{
	int n;

	(void)fd;
	(void)flags;
	if (came++)
		return 0;
	n = ktls__sealer_seal(&peer, msg->msg_iov->iov_base, KTLS_RECORD_DATA,
			      text, 100);
	ck_assert_int_gt(n, 100);
	return n;
}

START_TEST(reset_is_told_behind_the_data)
{
	static struct ktls__sys table;
	struct ktls_keys keys;
	uint8_t buf[1000];

	table = *ktls__sys;
	table.recvmsg = receive;
	ktls__sys = &table;
	ck_assert_int_eq(ktls_keys_tls13(&keys, k.hs.suite, k.rx.secret,
					 k.rx.secret_len), 0);
	ck_assert_int_eq(ktls__sealer_key(&peer, &keys), 0);
	sealed_socket.send_err = -ECONNRESET;
	ck_assert_int_eq(ktls_write(&k, text, 100, 0), -ECONNRESET);
	ck_assert_int_eq(ktls_read(&k, buf, sizeof(buf)), 100);
	ck_assert_mem_eq(buf, text, 100);
	ck_assert_int_eq(ktls_read(&k, buf, sizeof(buf)), -ECONNRESET);
	ck_assert_int_eq(ktls_read(&k, buf, sizeof(buf)), -ECONNRESET);
	ktls__sealer_wipe(&peer);
}
END_TEST

/* What was reserved and not filled is there for the next taker. */
START_TEST(adopting_gives_back_what_is_empty)
{
	struct ktls__link *link = k.link;
	uint8_t *reserved = ktls__link_reserve(link, 100);
	uint8_t *draft, *again;
	size_t cap;

	ck_assert_ptr_nonnull(reserved);
	draft = ktls__pool_take(4 * RECORD, &cap);
	ck_assert_ptr_nonnull(draft);
	ck_assert_int_eq(ktls__link_adopt(link, draft, cap, 10), 0);
	ck_assert_ptr_eq(link->queue, draft);
	again = ktls__pool_take(100, &cap);
	ck_assert_ptr_eq(again, reserved);
	ktls__pool_give(again, cap);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("batch");
	TCase *tc = tcase_create("batch");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, called_back_waits_once, 0, 2);
	tcase_add_loop_test(tc, others_keep_pollout, 0, 2);
	tcase_add_loop_test(tc, others_take_theirs_back, 0, 2);
	tcase_add_test(tc, queued_alert_takes_its_own_back);
	tcase_add_loop_test(tc, shutdown_ends_all_waiting, 0, 2);
	tcase_add_loop_test(tc, file_errors_are_no_end, 0, 4);
	tcase_add_test(tc, file_goes_on_wrongly);
	tcase_add_test(tc, file_goes_on);
	tcase_add_test(tc, reset_is_told_behind_the_data);
	tcase_add_test(tc, adopting_gives_back_what_is_empty);
	suite_add_tcase(suite, tc);
	return suite_main(suite);
}
