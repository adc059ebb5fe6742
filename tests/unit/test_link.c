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

/* A direction that is in the kernel has nothing to do with this link. */
START_TEST(closed_directions)
{
	struct ktls__link link = fresh();
	char buf[8];

	link.no_input = true;
	link.no_output = true;
	ck_assert_int_eq(ktls__link_read(&link, buf, 8), -EAGAIN);
	ck_assert_int_eq(ktls__link_write(&link, "abc", 3), 0);
	ck_assert_uint_eq(fake_n(FAKE_SENDMSG), 0);
	ck_assert_uint_eq(fake_n(FAKE_RECVMSG), 0);
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
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
