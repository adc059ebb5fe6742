/* SPDX-License-Identifier: MIT */
/* sendfile(2)'s contract: offsets, ends and what is no file. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"
#include "rig.h"

#define SIZE 100000

static int make_file(size_t size)
{
	static uint8_t buf[SIZE];
	int fd = memfd_create("file", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	rig_fill(buf, size, 0);
	ck_assert_int_eq(write(fd, buf, size), (ssize_t)size);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

/* Each call moves *off by what it returns. */
static void send_all(struct rig *rig, int fd, off_t *off, size_t len)
{
	off_t end = *off + (off_t)len;

	while (*off < end) {
		off_t before = *off;
		ssize_t n = ktls_sendfile(rig->k, fd, off,
					  (size_t)(end - before), 0);

		if (n == -EAGAIN) {
			rig_wait(rig);
			n = 0;
		}
		ck_assert_int_ge(n, 0);
		ck_assert_int_eq(*off, before + n);
	}
}

START_TEST(test_offset)
{
	static const size_t sizes[] = { 1, 16384, 16385, 70000 };
	int fd = make_file(SIZE);
	struct rig rig;
	off_t off;
	int i;

	rig_start(&rig, _i);
	for (i = 0; i < 4; i++) {
		off = 1000 + i;
		send_all(&rig, fd, &off, sizes[i]);
		conn_bytes_arrive(&rig, sizes[i], (uint64_t)(1000 + i));
	}
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 0);
	ck_assert_uint_eq(rig_info(&rig).tx.bytes, 1 + 16384 + 16385 + 70000);
	rig_close(&rig);
	close(fd);
}
END_TEST

START_TEST(test_position)
{
	int fd = make_file(SIZE);
	struct rig rig;
	off_t at = 50;

	rig_start(&rig, _i);
	ck_assert_int_eq(lseek(fd, at, SEEK_SET), at);
	while (at < 30050) {
		ssize_t n = ktls_sendfile(rig.k, fd, NULL,
					  (size_t)(30050 - at), 0);

		if (n == -EAGAIN) {
			rig_wait(&rig);
			n = 0;
		}
		ck_assert_int_ge(n, 0);
		at += n;
		ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), at);
	}
	conn_bytes_arrive(&rig, 30000, 50);
	rig_close(&rig);
	close(fd);
}
END_TEST

START_TEST(test_end_of_file)
{
	int fd = make_file(20000);
	struct rig rig;
	off_t off = 20000;
	ssize_t n;

	rig_start(&rig, _i);
	ck_assert_int_eq(ktls_sendfile(rig.k, fd, &off, 10, 0), 0);
	ck_assert_int_eq(off, 20000);
	off = 30000;
	ck_assert_int_eq(ktls_sendfile(rig.k, fd, &off, 10, 0), 0);
	ck_assert_int_eq(off, 30000);
	off = 5;
	ck_assert_int_eq(ktls_sendfile(rig.k, fd, &off, 0, 0), 0);
	ck_assert_int_eq(off, 5);
	ck_assert_int_eq(lseek(fd, 20000, SEEK_SET), 20000);
	ck_assert_int_eq(ktls_sendfile(rig.k, fd, NULL, 10, 0), 0);
	/* more than there is: the rest, and it is not held back */
	off = 100;
	while (off < 20000) {
		n = ktls_sendfile(rig.k, fd, &off, 1 << 20, 0);
		ck_assert_int_gt(n, 0);
	}
	ck_assert_int_eq(off, 20000);
	conn_bytes_arrive(&rig, 19900, 100);
	ck_assert_int_eq(ktls_sendfile(rig.k, fd, &off, SIZE_MAX, 0), 0);
	rig_close(&rig);
	close(fd);
}
END_TEST

START_TEST(test_bad_sources)
{
	int zero = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	int dir = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = make_file(100);
	struct rig rig;
	int pipes[2];
	off_t off = -1;

	rig_start(&rig, _i);
	ck_assert_int_eq(pipe(pipes), 0);
	ck_assert_int_eq(ktls_sendfile(rig.k, fd, &off, 10, 0), -EINVAL);
	ck_assert_int_eq(off, -1);
	off = 0;
	ck_assert_int_eq(ktls_sendfile(rig.k, zero, &off, 9, 0),
			 -KTLS_ENOTFILE);
	ck_assert_int_eq(ktls_sendfile(rig.k, dir, &off, 9, 0), -KTLS_ENOTFILE);
	ck_assert_int_eq(ktls_sendfile(rig.k, pipes[0], NULL, 9, 0),
			 -KTLS_ENOTFILE);
	ck_assert_int_eq(ktls_sendfile(rig.k, rig.peer_fd, NULL, 9, 0),
			 -KTLS_ENOTFILE);
	ck_assert_int_eq(ktls_sendfile(rig.k, -1, NULL, 9, 0), -EBADF);
	ck_assert_int_eq(ktls_sendfile(rig.k, 9999, &off, 9, 0), -EBADF);
	ck_assert_int_eq(off, 0);
	/* not one of them is the connection's end */
	send_all(&rig, fd, &off, 100);
	conn_bytes_arrive(&rig, 100, 0);
	rig_close(&rig);
	close(zero);
	close(dir);
	close(fd);
	close(pipes[0]);
	close(pipes[1]);
}
END_TEST

START_TEST(test_write_only)
{
	char path[] = "/tmp/ktls-conn.XXXXXX";
	struct rig rig;
	off_t off = 0;
	int rw = mkostemp(path, O_CLOEXEC);
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	rig_start(&rig, _i);
	unlink(path);
	ck_assert_int_eq(write(rw, "0123", 4), 4);
	ck_assert_int_eq(ktls_sendfile(rig.k, fd, &off, 4, 0), -EBADF);
	ck_assert_int_eq(ktls_sendfile(rig.k, fd, NULL, 4, 0), -EBADF);
	ck_assert_int_eq(off, 0);
	ck_assert_int_eq(rig_write_all(&rig, "x", 1), 1);
	rig_close(&rig);
	close(rw);
	close(fd);
}
END_TEST

START_TEST(test_in_order)
{
	int fd = make_file(SIZE);
	uint8_t buf[5000];
	struct rig rig;
	off_t off = 5000;

	rig_start(&rig, _i);
	rig_fill(buf, sizeof(buf), 0);
	ck_assert_int_eq(rig_write_all(&rig, buf, 5000), 5000);
	send_all(&rig, fd, &off, 20001);
	rig_fill(buf, sizeof(buf), 25001);
	ck_assert_int_eq(rig_write_all(&rig, buf, 1), 1);
	ck_assert_int_eq(rig_write_all(&rig, buf + 1, 4999), 4999);
	off = 30001;
	send_all(&rig, fd, &off, 1);
	conn_bytes_arrive(&rig, 30002, 0);
	rig_close(&rig);
	close(fd);
}
END_TEST

TCase *conn_sendfile_case(void)
{
	TCase *tcase = tcase_create("sendfile");

	tcase_set_timeout(tcase, CONN_LIMIT);
	conn_add(tcase, test_offset);
	conn_add(tcase, test_position);
	conn_add(tcase, test_end_of_file);
	conn_add(tcase, test_bad_sources);
	conn_add(tcase, test_write_only);
	conn_add(tcase, test_in_order);
	return tcase;
}
