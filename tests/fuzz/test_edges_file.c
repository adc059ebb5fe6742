/* SPDX-License-Identifier: MIT */
/* Files at their edges: a read that fails as a socket would, another file
 * than the one that was begun, and what KTLS_MORE has left on the socket. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "duo.h"
#include "sys.h"
#include "tests/unit/suite_main.h"

static const enum ktls_choice sealed[] = { KTLS_USERSPACE, KTLS_LIBRARY };

static struct ktls *begin(struct duo *d, enum ktls_choice tx)
{
	duo_open(d, 1);
	duo_ready(d);
	duo_small(d);
	return duo_choose(d, tx, KTLS_KERNEL);
}

static int cork(const struct duo *d)
{
	int on = -1;
	socklen_t len = sizeof(on);

	ck_assert_int_eq(getsockopt(d->fd, IPPROTO_TCP, TCP_CORK, &on, &len),
			 0);
	return on;
}

static void set_cork(const struct duo *d)
{
	int on = 1;

	ck_assert_int_eq(setsockopt(d->fd, IPPROTO_TCP, TCP_CORK, &on,
				    sizeof(on)), 0);
}

static int hello_file(void)
{
	int fd = memfd_create("edges", 0);

	ck_assert_int_eq(write(fd, "hello", 5), 5);
	return fd;
}

/* Ours goes with us; the application's own (1) is none of our business. */
START_TEST(cork_goes_with_us)
{
	int fd = hello_file();
	off_t off = 0;
	struct ktls *k;
	struct duo d;

	duo_open(&d, 1);
	duo_ready(&d);
	if (_i)
		set_cork(&d);
	k = duo_choose(&d, KTLS_KERNEL, KTLS_KERNEL);
	ck_assert_int_eq(ktls_sendfile(k, fd, &off, 5, KTLS_MORE), 5);
	ck_assert_int_eq(cork(&d), 1);
	ktls_free(k);
	ck_assert_int_eq(cork(&d), _i);
	close(fd);
	duo_close(&d, NULL);
}
END_TEST

static int read_err;

static ssize_t fail_pread(int fd, void *buf, size_t len, off_t off)
{
	(void)fd;
	(void)buf;
	(void)len;
	(void)off;
	return read_err;
}

static ssize_t fail_preadv(int fd, const struct iovec *iov, int iovcnt,
			   off_t off)
{
	(void)fd;
	(void)iov;
	(void)iovcnt;
	(void)off;
	return read_err;
}

static const int socket_errors[] = { -ENOTCONN, -EPERM, -ECONNRESET, -EPIPE };

START_TEST(read_fails_as_a_socket_would)
{
	static struct ktls__sys table;
	const struct ktls__sys *before;
	struct duo d;
	struct ktls *k = begin(&d, sealed[_i & 1]);
	int fd = hello_file();
	off_t off = 0;

	read_err = socket_errors[_i / 2];
	before = ktls__sys;
	table = *before;
	table.pread = fail_pread;
	table.preadv = fail_preadv;
	ktls__sys = &table;
	ck_assert_int_eq(ktls_sendfile(k, fd, &off, 5, 0), -EIO);
	ck_assert_int_eq(off, 0);
	ktls__sys = before;
	ck_assert_int_eq(ktls_error(k), 0);
	duo_alive(&d, k);
	ck_assert_int_eq(ktls_sendfile(k, fd, &off, 5, 0), 5);
	duo_to_peer(&d, "hello");
	close(fd);
	duo_close(&d, k);
}
END_TEST

/* Behind a short write: the byte that is due, and others behind it. */
static int file_of(uint8_t first)
{
	int fd = memfd_create("edges", 0);

	ck_assert_int_eq(write(fd, &first, 1), 1);
	return fd;
}

static ssize_t send_until_room(struct duo *d, struct ktls *k, int fd)
{
	off_t off = 0;
	ssize_t n;

	while ((n = ktls_sendfile(k, fd, &off, 1, 0)) == -EAGAIN)
		duo_drain(d);
	ck_assert_int_eq(off, n > 0);
	return n;
}

START_TEST(owed_byte_of_another)
{
	struct duo d;
	struct ktls *k = begin(&d, sealed[_i]);
	int wrong, right;

	duo_fill(&d, k);
	wrong = file_of((uint8_t)~*duo_pattern(d.sent));
	right = file_of(*duo_pattern(d.sent));
	ck_assert_int_eq(send_until_room(&d, k, wrong), -KTLS_ERETRY);
	while (d.got < d.sent + 1)
		duo_drain(&d);
	ck_assert_int_eq(send_until_room(&d, k, wrong), -KTLS_ERETRY);
	ck_assert_int_eq(send_until_room(&d, k, right), 1);
	d.sent++;
	ck_assert_uint_eq(duo_drain(&d), 0);
	ck_assert_uint_eq(d.got, d.sent);
	duo_alive(&d, k);
	close(wrong);
	close(right);
	duo_close(&d, k);
}
END_TEST

int main(void)
{
	Suite *all = suite_create("edges_file");
	TCase *tcase = tcase_create("each");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, cork_goes_with_us, 0, 2);
	tcase_add_loop_test(tcase, read_fails_as_a_socket_would, 0, 8);
	tcase_add_loop_test(tcase, owed_byte_of_another, 0, 2);
	suite_add_tcase(all, tcase);
	return suite_main(all);
}
