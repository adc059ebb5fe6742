/* SPDX-License-Identifier: MIT */
/* link.c: order of bytes, the queue, the resync record, and errors kept. */
#include "link.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "fake_sys.h"
#include "suite_main.h"

#define FD FAKE_FD

static struct ktls__link fresh(void)
{
	struct ktls__link link;

	fake_sys();
	ktls__link_init(&link, FD);
	return link;
}

static void done(struct ktls__link *link)
{
	ktls__link_wipe(link);
	ck_assert_uint_eq(fake_left(), 0);
	fake_sys_end();
}

static void expect_sent(size_t n, const char *bytes, size_t len)
{
	const struct fake_log *call = fake_nth(FAKE_SENDMSG, n);

	ck_assert_ptr_nonnull(call);
	ck_assert_uint_eq(call->len, len);
	ck_assert_mem_eq(call->bytes, bytes, len);
	ck_assert_int_eq(call->flags & (MSG_DONTWAIT | MSG_NOSIGNAL),
			 MSG_DONTWAIT | MSG_NOSIGNAL);
}

START_TEST(sends_at_once)
{
	struct ktls__link link = fresh();

	fake_push(FAKE_SENDMSG, 3);
	ck_assert_int_eq(ktls__link_write(&link, "abc", 3), 0);
	expect_sent(0, "abc", 3);
	ck_assert_int_eq(ktls__link_flush(&link), 0);
	ck_assert_uint_eq(fake_n(FAKE_SENDMSG), 1);
	done(&link);
}
END_TEST

/* What the socket does not take comes out later, once and in order. */
START_TEST(queues_the_rest)
{
	struct ktls__link link = fresh();

	fake_push(FAKE_SENDMSG, 1);
	ck_assert_int_eq(ktls__link_write(&link, "abc", 3), 0);
	fake_push(FAKE_SENDMSG, -EAGAIN);
	ck_assert_int_eq(ktls__link_write(&link, "def", 3), 0);
	expect_sent(1, "bc", 2);
	fake_push(FAKE_SENDMSG, 2);
	fake_push(FAKE_SENDMSG, -EAGAIN);
	ck_assert_int_eq(ktls__link_flush(&link), -EAGAIN);
	expect_sent(2, "bcdef", 5);
	fake_push(FAKE_SENDMSG, 3);
	ck_assert_int_eq(ktls__link_flush(&link), 0);
	expect_sent(4, "def", 3);
	done(&link);
}
END_TEST

START_TEST(eintr_is_tried_again)
{
	struct ktls__link link = fresh();
	char buf[4];

	fake_push(FAKE_SENDMSG, -EINTR);
	fake_push(FAKE_SENDMSG, 1);
	ck_assert_int_eq(ktls__link_write(&link, "a", 1), 0);
	fake_push(FAKE_RECVMSG, -EINTR);
	fake_push_record(-1, "z", 1, 0);
	ck_assert_int_eq(ktls__link_read(&link, buf, 4), 1);
	done(&link);
}
END_TEST

/* The resync record goes with the next output and not before. */
START_TEST(holds_resync_back)
{
	struct ktls__link link = fresh();

	ktls__link_hold_resync(&link, (const uint8_t *)"RR", 2);
	ck_assert_int_eq(ktls__link_flush(&link), 0);
	ck_assert_uint_eq(fake_n(FAKE_SENDMSG), 0);
	fake_push(FAKE_SENDMSG, 2);
	fake_push(FAKE_SENDMSG, 3);
	ck_assert_int_eq(ktls__link_write(&link, "abc", 3), 0);
	expect_sent(0, "RR", 2);
	ck_assert_int_ne(fake_nth(FAKE_SENDMSG, 0)->flags & MSG_MORE, 0);
	expect_sent(1, "abc", 3);
	fake_push(FAKE_SENDMSG, 1);
	ck_assert_int_eq(ktls__link_write(&link, "d", 1), 0);
	expect_sent(2, "d", 1);
	done(&link);
}
END_TEST

START_TEST(resync_waits_in_the_queue)
{
	struct ktls__link link = fresh();

	ktls__link_hold_resync(&link, (const uint8_t *)"RR", 2);
	fake_push(FAKE_SENDMSG, 1);
	fake_push(FAKE_SENDMSG, -EAGAIN);
	ck_assert_int_eq(ktls__link_write(&link, "abc", 3), 0);
	fake_push(FAKE_SENDMSG, 4);
	ck_assert_int_eq(ktls__link_flush(&link), 0);
	expect_sent(2, "Rabc", 4);
	done(&link);
}
END_TEST

START_TEST(errors_stay)
{
	struct ktls__link link = fresh();
	char buf[4];

	fake_push(FAKE_SENDMSG, -EPIPE);
	ck_assert_int_eq(ktls__link_write(&link, "abc", 3), -EPIPE);
	ck_assert_int_eq(ktls__link_write(&link, "abc", 3), -EPIPE);
	ck_assert_int_eq(ktls__link_flush(&link), -EPIPE);
	fake_push(FAKE_RECVMSG, -ECONNRESET);
	ck_assert_int_eq(ktls__link_read(&link, buf, 4), -ECONNRESET);
	ck_assert_int_eq(ktls__link_read(&link, buf, 4), -ECONNRESET);
	ck_assert_uint_eq(fake_n(FAKE_RECVMSG), 1);
	done(&link);
}
END_TEST

START_TEST(reads_and_ends)
{
	struct ktls__link link = fresh();
	char buf[8];

	fake_push_record(-1, "xyz", 3, 0);
	ck_assert_int_eq(ktls__link_read(&link, buf, 8), 3);
	ck_assert_mem_eq(buf, "xyz", 3);
	fake_push(FAKE_RECVMSG, -EAGAIN);
	ck_assert_int_eq(ktls__link_read(&link, buf, 8), -EAGAIN);
	ck_assert(!link.eof);
	fake_push(FAKE_RECVMSG, 0);
	ck_assert_int_eq(ktls__link_read(&link, buf, 8), 0);
	ck_assert(link.eof);
	done(&link);
}
END_TEST

/* A direction that has left the SSL: nothing of its own meets the socket,
 * and what it writes is kept, in order. */
START_TEST(closed_directions)
{
	struct ktls__link link = fresh();
	char buf[8];

	link.no_input = true;
	link.no_output = true;
	ck_assert_int_eq(ktls__link_read(&link, buf, 8), -EAGAIN);
	ck_assert_int_eq(ktls__link_speak(&link, "", 0), 0);
	ck_assert_ptr_null(link.spoken);
	ck_assert_int_eq(ktls__link_speak(&link, "abc", 3), 0);
	ck_assert_int_eq(ktls__link_speak(&link, "de", 2), 0);
	ck_assert_uint_eq(link.spoken_len, 5);
	ck_assert_mem_eq(link.spoken, "abcde", 5);
	ck_assert_uint_eq(fake_n(FAKE_SENDMSG), 0);
	ck_assert_uint_eq(fake_n(FAKE_RECVMSG), 0);
	done(&link);
}
END_TEST

START_TEST(an_open_direction_speaks_out)
{
	struct ktls__link link = fresh();

	fake_push(FAKE_SENDMSG, 1);
	ck_assert_int_eq(ktls__link_speak(&link, "abc", 3), 0);
	expect_sent(0, "abc", 3);
	ck_assert_uint_eq(link.spoken_len, 0);
	ck_assert_uint_eq(link.queue_len, 2);
	fake_push(FAKE_SENDMSG, -EPIPE);
	ck_assert_int_eq(ktls__link_speak(&link, "abc", 3), -EPIPE);
	done(&link);
}
END_TEST

/* What others have sealed goes to the socket when TX has left the SSL. */
START_TEST(writes_beside_the_ssl)
{
	struct ktls__link link = fresh();

	link.no_output = true;
	ck_assert_int_eq(ktls__link_speak(&link, "ssl", 3), 0);
	fake_push(FAKE_SENDMSG, 1);
	ck_assert_int_eq(ktls__link_write(&link, "abc", 3), 0);
	expect_sent(0, "abc", 3);
	ck_assert_int_eq(ktls__link_enqueue(&link, "de", 2), 0);
	fake_push(FAKE_SENDMSG, 4);
	ck_assert_int_eq(ktls__link_flush(&link), 0);
	expect_sent(1, "bcde", 4);
	ck_assert_uint_eq(link.spoken_len, 3);
	ck_assert_mem_eq(link.spoken, "ssl", 3);
	done(&link);
}
END_TEST

/* What is forgotten is not left behind; the rest moves up. */
START_TEST(forgets_what_was_spoken)
{
	static const uint8_t zeros[3];
	struct ktls__link link = fresh();

	link.no_output = true;
	ck_assert_int_eq(ktls__link_speak(&link, "abcde", 5), 0);
	ktls__link_forget(&link, 3);
	ck_assert_uint_eq(link.spoken_len, 2);
	ck_assert_mem_eq(link.spoken, "de", 2);
	ck_assert_mem_eq(link.spoken + 2, zeros, 3);
	ktls__link_forget(&link, 0);
	ck_assert_uint_eq(link.spoken_len, 2);
	ktls__link_forget(&link, 2);
	ck_assert_ptr_null(link.spoken);
	ck_assert_uint_eq(link.spoken_cap, 0);
	done(&link);
}
END_TEST

/* A large answer: the buffer grows and keeps its order. */
START_TEST(collects_much)
{
	struct ktls__link link = fresh();
	uint8_t buf[1000];

	link.no_output = true;
	for (int i = 0; i < 100; i++) {
		memset(buf, i, sizeof(buf));
		ck_assert_int_eq(ktls__link_speak(&link, buf, sizeof(buf)), 0);
	}
	ck_assert_uint_eq(link.spoken_len, 100 * sizeof(buf));
	for (int i = 0; i < 100; i++) {
		memset(buf, i, sizeof(buf));
		ck_assert_mem_eq(link.spoken, buf, sizeof(buf));
		ktls__link_forget(&link, sizeof(buf));
	}
	ck_assert_ptr_null(link.spoken);
	done(&link);
}
END_TEST

/* Before the socket, in order, whatever the SSL's bites; gone when read. */
START_TEST(feeds_first)
{
	struct ktls__link link = fresh();
	char buf[8];

	ck_assert_int_eq(ktls__link_feed(&link, "", 0), 0);
	ck_assert_ptr_null(link.head);
	ck_assert_int_eq(ktls__link_feed(&link, "abcd", 4), 0);
	ck_assert_int_eq(ktls__link_read(&link, buf, 3), 3);
	ck_assert_mem_eq(buf, "abc", 3);
	ck_assert_int_eq(ktls__link_feed(&link, "ef", 2), 0);
	ck_assert_int_eq(ktls__link_read(&link, buf, 8), 3);
	ck_assert_mem_eq(buf, "def", 3);
	ck_assert_ptr_null(link.head);
	ck_assert_uint_eq(link.head_len, 0);
	fake_push_record(-1, "xyz", 3, 0);
	ck_assert_int_eq(ktls__link_read(&link, buf, 8), 3);
	ck_assert_mem_eq(buf, "xyz", 3);
	done(&link);
}
END_TEST

START_TEST(feeds_what_has_no_input)
{
	struct ktls__link link = fresh();
	char buf[8];

	link.no_input = true;
	link.read_err = -ECONNRESET;
	ck_assert_int_eq(ktls__link_feed(&link, "ab", 2), 0);
	ck_assert_int_eq(ktls__link_read(&link, buf, 8), 2);
	ck_assert_mem_eq(buf, "ab", 2);
	ck_assert_int_eq(ktls__link_read(&link, buf, 8), -EAGAIN);
	ck_assert_int_eq(ktls__link_feed(&link, "cd", 2), 0);
	done(&link);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("link");
	TCase *tcase = tcase_create("bytes");

	tcase_add_test(tcase, sends_at_once);
	tcase_add_test(tcase, queues_the_rest);
	tcase_add_test(tcase, eintr_is_tried_again);
	tcase_add_test(tcase, holds_resync_back);
	tcase_add_test(tcase, resync_waits_in_the_queue);
	tcase_add_test(tcase, errors_stay);
	tcase_add_test(tcase, reads_and_ends);
	tcase_add_test(tcase, closed_directions);
	tcase_add_test(tcase, an_open_direction_speaks_out);
	tcase_add_test(tcase, writes_beside_the_ssl);
	tcase_add_test(tcase, forgets_what_was_spoken);
	tcase_add_test(tcase, collects_much);
	tcase_add_test(tcase, feeds_first);
	tcase_add_test(tcase, feeds_what_has_no_input);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
