/* SPDX-License-Identifier: MIT */
/*
 * A peer that is gone: errors that last, and no signal.  SIGPIPE has its
 * default disposition in these tests: one would end the process.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "conn.h"
#include "rig.h"

static int one_page(void)
{
	int fd = memfd_create("page", MFD_CLOEXEC);
	char page[4096] = "page";

	ck_assert_int_eq(write(fd, page, sizeof(page)), sizeof(page));
	return fd;
}

static void until_dead(struct rig *rig)
{
	struct pollfd pfd = { rig->fd, 0, 0 };

	signal(SIGPIPE, SIG_DFL);
	rig_reset(rig);
	ck_assert_int_eq(poll(&pfd, 1, -1), 1);
	ck_assert_int_ne(pfd.revents & (POLLERR | POLLHUP), 0);
}

/* A shutdown that failed may have closed our side for good, too. */
static int is_dead(ssize_t err)
{
	return err == -ECONNRESET || err == -EPIPE || err == -KTLS_ECLOSED;
}

/* Success is never reported again, whichever call is made. */
static void stays_dead(struct rig *rig)
{
	int file = one_page();
	char buf[4] = "abc";
	off_t off = 0;
	int i;

	for (i = 0; i < 3; i++) {
		ck_assert(is_dead(ktls_write(rig->k, buf, 3, 0)));
		ck_assert(is_dead(ktls_sendfile(rig->k, file, &off, 4096, 0)));
		ck_assert_int_eq(off, 0);
		ck_assert(is_dead(ktls_sendfile(rig->k, file, NULL, 1, 0)));
		ck_assert(is_dead(ktls_alert(rig->k, 90)));
		ck_assert(is_dead(ktls_error(rig->k)));
		ck_assert(is_dead(ktls_shutdown(rig->k)));
	}
	ck_assert_int_ne(rig_info(rig).tx.error, 0);
	close(file);
}

START_TEST(test_seen_by_read)
{
	char buf[4];
	struct rig rig;

	rig_start(&rig, _i);
	until_dead(&rig);
	ck_assert(is_dead(ktls_read(rig.k, buf, 4)));
	ck_assert(is_dead(ktls_read(rig.k, buf, 4)));
	stays_dead(&rig);
	rig_close(&rig);
}
END_TEST

START_TEST(test_seen_by_write)
{
	struct rig rig;

	rig_start(&rig, _i);
	until_dead(&rig);
	ck_assert(is_dead(ktls_write(rig.k, "abc", 3, 0)));
	stays_dead(&rig);
	rig_close(&rig);
}
END_TEST

START_TEST(test_seen_by_sendfile)
{
	int file = one_page();
	off_t off = 0;
	struct rig rig;

	rig_start(&rig, _i);
	until_dead(&rig);
	ck_assert(is_dead(ktls_sendfile(rig.k, file, &off, 4096, 0)));
	ck_assert_int_eq(off, 0);
	stays_dead(&rig);
	rig_close(&rig);
	close(file);
}
END_TEST

START_TEST(test_seen_by_alert)
{
	struct rig rig;

	rig_start(&rig, _i);
	until_dead(&rig);
	ck_assert(is_dead(ktls_alert(rig.k, 90)));
	stays_dead(&rig);
	rig_close(&rig);
}
END_TEST

START_TEST(test_seen_by_shutdown)
{
	struct rig rig;

	rig_start(&rig, _i);
	until_dead(&rig);
	ck_assert(is_dead(ktls_shutdown(rig.k)));
	stays_dead(&rig);
	rig_close(&rig);
}
END_TEST

START_TEST(test_seen_by_error)
{
	struct rig rig;

	rig_start(&rig, _i);
	ck_assert_int_eq(ktls_error(rig.k), 0);
	until_dead(&rig);
	ck_assert(is_dead(ktls_error(rig.k)));
	stays_dead(&rig);
	rig_close(&rig);
}
END_TEST

/* The reset comes while a writer waits for room. */
START_TEST(test_reset_when_full)
{
	static uint8_t buf[65536];
	int size = 8192;
	struct rig rig;
	ssize_t n = 0;

	rig_start(&rig, _i);
	if (rig.config.nonblock) {
		setsockopt(rig.fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		while (n >= 0)
			n = ktls_write(rig.k, buf, sizeof(buf), 0);
		ck_assert_int_eq(n, -EAGAIN);
		until_dead(&rig);
		ck_assert(is_dead(rig_write(&rig, buf, sizeof(buf))));
		stays_dead(&rig);
	}
	rig_close(&rig);
}
END_TEST

/* What came before a reset is not asked for; its error must not be lost. */
START_TEST(test_data_then_reset)
{
	char buf[8];
	struct rig rig;
	ssize_t n;

	rig_start(&rig, _i);
	rig_send(&rig, KTLS_RECORD_DATA, "data", 4);
	until_dead(&rig);
	n = ktls_read(rig.k, buf, 8);
	if (n > 0)
		n = ktls_read(rig.k, buf, 8);
	ck_assert(is_dead(n));
	stays_dead(&rig);
	rig_close(&rig);
}
END_TEST

TCase *conn_dead_case(void)
{
	TCase *tcase = tcase_create("dead peer");

	tcase_set_timeout(tcase, CONN_LIMIT);
	conn_add(tcase, test_seen_by_read);
	conn_add(tcase, test_seen_by_write);
	conn_add(tcase, test_seen_by_sendfile);
	conn_add(tcase, test_seen_by_alert);
	conn_add(tcase, test_seen_by_shutdown);
	conn_add(tcase, test_seen_by_error);
	conn_add(tcase, test_reset_when_full);
	conn_add(tcase, test_data_then_reset);
	return tcase;
}
