/* SPDX-License-Identifier: MIT */
/* A writer that waits for room, and other calls of ours meanwhile: what
 * ktls_events() asks for, on every path. */
#include <errno.h>
#include <poll.h>

#include "duo.h"
#include "tests/unit/suite_main.h"

static const enum ktls_choice paths[] = { KTLS_KERNEL, KTLS_USERSPACE,
					  KTLS_LIBRARY };

static struct ktls *begin(struct duo *d, int i)
{
	struct ktls *k;

	duo_open(d, 1);
	duo_ready(d);
	duo_small(d);
	k = duo_choose(d, paths[i / 2], KTLS_KERNEL);
	duo_fill(d, k);
	ck_assert_int_ne(ktls_events(k) & POLLOUT, 0);
	return k;
}

static int call(struct ktls *k, int i)
{
	return i & 1 ? ktls_alert(k, 90) : ktls_update_keys(k, 0);
}

/* Until it has done what it is to do. */
static void call_until_room(struct duo *d, struct ktls *k, int i)
{
	int err;

	while ((err = call(k, i)) == -EAGAIN) {
		ck_assert_int_ne(ktls_events(k) & POLLOUT, 0);
		duo_drain(d);
	}
	ck_assert_int_eq(err, 0);
}

/* The rest of the data is the application's, which waits with it. */
START_TEST(calls_keep_pollout)
{
	struct duo d;
	struct ktls *k = begin(&d, _i);

	call_until_room(&d, k, _i);
	ck_assert_int_ne(ktls_events(k) & POLLOUT, 0);
	while (duo_put(&d, k, 1) == -EAGAIN)
		duo_drain(&d);
	ck_assert_int_eq(ktls_events(k) & POLLOUT, 0);
	while (d.got < d.sent)
		duo_drain(&d);
	duo_close(&d, k);
}
END_TEST

START_TEST(nothing_waits_behind_shutdown)
{
	struct duo d;
	struct ktls *k = begin(&d, _i);
	int err;

	if (_i & 1)
		call_until_room(&d, k, 0);
	while ((err = ktls_shutdown(k)) == -EAGAIN)
		duo_drain(&d);
	ck_assert_int_eq(err, 0);
	ck_assert_int_eq(ktls_events(k) & POLLOUT, 0);
	duo_alert(&d, 0);
	duo_close(&d, k);
}
END_TEST

int main(void)
{
	Suite *all = suite_create("edges_waits");
	TCase *tcase = tcase_create("each");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, calls_keep_pollout, 0, 6);
	tcase_add_loop_test(tcase, nothing_waits_behind_shutdown, 0, 6);
	suite_add_tcase(all, tcase);
	return suite_main(all);
}
