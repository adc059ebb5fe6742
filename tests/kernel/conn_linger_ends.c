/* SPDX-License-Identifier: MIT */
/* Where lingering ends without the peer: bytes, time, a reset. */
#include <errno.h>
#include <poll.h>

#include "conn.h"
#include "conn_linger.h"
#include "lib/sys.h"

/* As many bytes as are allowed, and then one too many. */
START_TEST(test_bound)
{
	struct rig rig;

	rig_start(&rig, _i);
	rig_send(&rig, KTLS_RECORD_DATA, "0123456789", 10);
	ck_assert_int_eq(conn_linger(&rig, 9, CONN_NEVER), -ENOBUFS);
	ck_assert_int_eq(conn_linger(&rig, 9, CONN_NEVER), -ENOBUFS);
	rig_close(&rig);
	rig_start(&rig, _i);
	rig_send(&rig, KTLS_RECORD_DATA, "0123456789", 10);
	rig_fin(&rig);
	/* a record's overhead is on the socket, too */
	ck_assert_int_eq(conn_linger(&rig, rig.rx_kernel ? 10 : 10 + 29,
				     CONN_NEVER), 0);
	rig_close(&rig);
	rig_start(&rig, _i);
	rig_fin(&rig);
	ck_assert_int_eq(conn_linger(&rig, 0, CONN_NEVER), 0);
	rig_close(&rig);
}
END_TEST

static int64_t clock_ms;

static int64_t told_time(void)
{
	return clock_ms;
}

/* Nothing ever happens: a wait takes all of its time. */
static int told_poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	int ready = ktls__sys_linux.poll(fds, n, 0);

	if (ready == 0 && timeout_ms > 0)
		clock_ms += timeout_ms;
	return ready;
}

static struct ktls__sys tell_time(void)
{
	struct ktls__sys table = ktls__sys_linux;

	clock_ms = 1000000;
	table.now_ms = told_time;
	table.poll = told_poll;
	return table;
}

static void await_fin(struct rig *rig)
{
	struct pollfd pfd = { rig->fd, POLLRDHUP, 0 };

	rig_fin(rig);
	ck_assert_int_eq(poll(&pfd, 1, -1), 1);
}

START_TEST(test_deadline)
{
	struct ktls__sys table = tell_time();
	struct rig rig;

	rig_start(&rig, _i);
	ktls__sys = &table;
	if (rig.config.nonblock) {
		ck_assert_int_eq(ktls_linger(rig.k, 99, 500), -EAGAIN);
		ck_assert_int_eq(ktls_linger_timeout(rig.k), 500);
		ck_assert_int_eq(ktls_events(rig.k), POLLIN);
		clock_ms += 499;
		ck_assert_int_eq(ktls_linger(rig.k, 99, 500), -EAGAIN);
		ck_assert_int_eq(ktls_linger_timeout(rig.k), 1);
		clock_ms += 1;
	}
	ck_assert_int_eq(ktls_linger(rig.k, 99, 500), -ETIMEDOUT);
	ck_assert_int_eq(clock_ms, 1000500);
	ck_assert_int_eq(ktls_linger_timeout(rig.k), 0);
	ck_assert_int_eq(ktls_linger(rig.k, 99, 500), -ETIMEDOUT);
	/* later than never */
	await_fin(&rig);
	ck_assert_int_eq(ktls_linger(rig.k, 99, 500), 0);
	ktls__sys = &ktls__sys_linux;
	rig_close(&rig);
}
END_TEST

/* It makes poll(2) say POLLIN in a kernel that opens only whole records. */
START_TEST(test_half_record)
{
	struct ktls__sys table = tell_time();
	struct pollfd pfd;
	struct rig rig;

	rig_start(&rig, _i);
	ktls__sys = &table;
	rig_send_bytes(&rig, "\x17\x03\x03\x01\x00half", 9);
	if (rig.config.nonblock) {
		pfd = (struct pollfd){ rig.fd, POLLIN, 0 };
		poll(&pfd, 1, rig.rx_kernel ? 0 : -1);
		while (ktls_linger(rig.k, 9, 500) == -EAGAIN &&
		       rig.rx_kernel && (ktls_events(rig.k) & POLLIN) != 0)
			continue;
		pfd.events = (short)ktls_events(rig.k);
		ck_assert_int_eq(poll(&pfd, 1, 0), 0);
		clock_ms += 500;
	}
	ck_assert_int_eq(ktls_linger(rig.k, 9, 500), -ETIMEDOUT);
	await_fin(&rig);
	ck_assert_int_eq(ktls_linger(rig.k, 9, 500), 0);
	ktls__sys = &ktls__sys_linux;
	rig_close(&rig);
}
END_TEST

START_TEST(test_reset)
{
	struct pollfd pfd;
	struct rig rig;

	rig_start(&rig, _i);
	rig_reset(&rig);
	pfd = (struct pollfd){ rig.fd, 0, 0 };
	ck_assert_int_eq(poll(&pfd, 1, -1), 1);
	ck_assert_int_eq(conn_linger(&rig, 100, CONN_NEVER), 0);
	rig_close(&rig);
}
END_TEST

TCase *conn_linger_ends_case(void)
{
	TCase *tcase = tcase_create("linger, ends");

	tcase_set_timeout(tcase, CONN_LIMIT);
	conn_add(tcase, test_bound);
	conn_add(tcase, test_deadline);
	conn_add(tcase, test_half_record);
	conn_add(tcase, test_reset);
	return tcase;
}
