/* SPDX-License-Identifier: MIT */
/* sys.c: a small file as a whole. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "suite_main.h"
#include "sys.h"

static const struct ktls__sys *const sys = &ktls__sys_linux;

/* Whole, cut at len, and not there. */
START_TEST(whole)
{
	char path[] = "/tmp/ktls-sys-file.XXXXXX";
	int fd = mkstemp(path);
	char buf[16];

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "0123456789", 10), 10);
	memset(buf, '.', sizeof(buf));
	ck_assert_int_eq(sys->read_file(path, buf, 16), 10);
	ck_assert_mem_eq(buf, "0123456789......", 16);
	memset(buf, '.', sizeof(buf));
	ck_assert_int_eq(sys->read_file(path, buf, 4), 4);
	ck_assert_mem_eq(buf, "0123....", 8);
	close(fd);
	unlink(path);
	ck_assert_int_eq(sys->read_file(path, buf, 4), -ENOENT);
	ck_assert_int_eq(sys->read_file("/", buf, 4), -EISDIR);
	/* nothing is left open */
	ck_assert_int_eq(open("/", O_RDONLY | O_CLOEXEC), fd);
	close(fd);
}
END_TEST

/* One read() of such a file gives a page at most, and len ends in the second.
 */
START_TEST(in_parts)
{
	static char buf[16384];

	memset(buf, 1, sizeof(buf));
	ck_assert_int_eq(
		sys->read_file("/proc/self/smaps", buf, 6000), 6000);
	ck_assert_ptr_null(memchr(buf, 1, 6000));
	for (size_t i = 6000; i < sizeof(buf); i++)
		ck_assert_int_eq(buf[i], 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sys_file");
	TCase *tcase = tcase_create("sys_file");

	tcase_add_test(tcase, whole);
	tcase_add_test(tcase, in_parts);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
