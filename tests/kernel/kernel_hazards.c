/* SPDX-License-Identifier: MIT */
/*
 * What real kernels do that nobody expects, one test for each: success on a
 * dead connection, framing errors that a look at SO_ERROR destroys, sendfile
 * that stalls, a half-close that comes before the keys.  The socket layer's
 * part of them is in kernel_sock.
 *
 *   kernel_hazards [--library | --userspace]
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"
#include "rig.h"

#define MUCH (1024 * 1024)

static int make_file(size_t size)
{
	uint8_t *buf = malloc(size);
	int fd = memfd_create("file", MFD_CLOEXEC);

	rig_fill(buf, size, 0);
	ck_assert_int_eq(write(fd, buf, size), (ssize_t)size);
	free(buf);
	return fd;
}

static void reset_and_wait(struct rig *rig)
{
	struct pollfd pfd = { rig->fd, 0, 0 };

	signal(SIGPIPE, SIG_DFL);
	rig_reset(rig);
	ck_assert_int_eq(poll(&pfd, 1, -1), 1);
}

/* A1: the kernel would report success for each of these, for ever. */
static void nothing_succeeds(struct rig *rig)
{
	static uint8_t buf[100000];
	int file = make_file(100000);
	off_t off = 0;
	int i;

	for (i = 0; i < 5; i++) {
		ck_assert_int_lt(ktls_write(rig->k, buf, 1, 0), 0);
		ck_assert_int_lt(ktls_write(rig->k, buf, sizeof(buf), 0), 0);
		ck_assert_int_lt(
			ktls_sendfile(rig->k, file, &off, 100000, 0), 0);
		ck_assert_int_lt(ktls_alert(rig->k, 90), 0);
		ck_assert_int_lt(ktls_shutdown(rig->k), 0);
	}
	ck_assert_int_eq(off, 0);
	ck_assert_uint_eq(rig_info(rig).tx.bytes, 0);
	close(file);
}

START_TEST(test_a1_consumed_by_read)
{
	char byte;
	struct rig rig;

	rig_start(&rig, _i);
	reset_and_wait(&rig);
	ck_assert_int_eq(rig_read(&rig, &byte, 1), -ECONNRESET);
	nothing_succeeds(&rig);
	rig_close(&rig);
}
END_TEST

START_TEST(test_a1_consumed_by_error)
{
	struct rig rig;

	rig_start(&rig, _i);
	reset_and_wait(&rig);
	ck_assert_int_lt(ktls_error(rig.k), 0);
	nothing_succeeds(&rig);
	rig_close(&rig);
}
END_TEST

START_TEST(test_a1_consumed_by_write)
{
	struct rig rig;

	rig_start(&rig, _i);
	reset_and_wait(&rig);
	ck_assert_int_lt(ktls_write(rig.k, "x", 1, 0), 0);
	nothing_succeeds(&rig);
	rig_close(&rig);
}
END_TEST

/* The application took SO_ERROR, against the rules: ktls_error() helps. */
START_TEST(test_a1_stolen)
{
	socklen_t len = sizeof(int);
	struct rig rig;
	int err = 0;

	rig_start(&rig, _i);
	reset_and_wait(&rig);
	ck_assert_int_eq(getsockopt(rig.fd, SOL_SOCKET, SO_ERROR, &err, &len),
			 0);
	ck_assert_int_ne(err, 0);
	ck_assert_int_lt(ktls_error(rig.k), 0);
	nothing_succeeds(&rig);
	rig_close(&rig);
}
END_TEST

/* A2: whoever looks first, the error of the record is not lost. */
static void framing(int i, const uint8_t *bad, size_t len, int err, int look)
{
	struct pollfd pfd;
	struct rig rig;
	char buf[64];

	rig_start(&rig, i);
	rig_send_bytes(&rig, bad, len);
	pfd = (struct pollfd){ rig.fd, POLLIN, 0 };
	ck_assert_int_eq(poll(&pfd, 1, -1), 1);
	if (look)
		(void)ktls_error(rig.k);
	ck_assert_int_eq(rig_read(&rig, buf, sizeof(buf)), err);
	ck_assert_int_eq(rig_read(&rig, buf, sizeof(buf)), err);
	ck_assert_int_eq(ktls_error(rig.k), err);
	rig_close(&rig);
}

START_TEST(test_a2_framing)
{
	uint8_t bad[200] = { 23, 3, 3, 0xff, 0xff };
	int look;

	for (look = 0; look < 2; look++) {
		bad[2] = 3;
		bad[3] = 0xff;
		framing(_i, bad, sizeof(bad), -KTLS_EOVERSIZE, look);
		bad[2] = 2;
		bad[3] = 0;
		bad[4] = 60;
		framing(_i, bad, sizeof(bad), -KTLS_EPROTOCOL, look);
		bad[2] = 3;
		bad[4] = 3;
		framing(_i, bad, sizeof(bad), -KTLS_EBADRECORD, look);
	}
}
END_TEST

/* A3: with as little room as this sendfile(2) stops on Linux 6.1. */
static void sendfile_with(int i, int sndbuf)
{
	int file = make_file(MUCH);
	struct rig_reader reader;
	struct rig rig;
	off_t off = 0;

	rig_start(&rig, i);
	setsockopt(rig.fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof(sndbuf));
	rig_reader_start(&reader, &rig, MUCH);
	while (off < MUCH) {
		ssize_t n = ktls_sendfile(rig.k, file, &off, MUCH, 0);

		if (n == -EAGAIN)
			rig_wait(&rig);
		else
			ck_assert_int_gt(n, 0);
	}
	ck_assert_int_eq(rig_shutdown(&rig), 0);
	rig_reader_join(&reader);
	ck_assert_uint_eq(reader.len, MUCH);
	ck_assert(rig_same(reader.data, MUCH, 0));
	rig_reader_free(&reader);
	rig_close(&rig);
	close(file);
}

START_TEST(test_a3_small_room)
{
	sendfile_with(_i, 2048);
	sendfile_with(_i, 4096);
	sendfile_with(_i, 16384);
}
END_TEST

/* A4: keys under a reader's feet have brought kernels down, so no test may
 * try; that it is forbidden must stand where callers read. */
static char *read_header(void)
{
	static char text[65536];
	char path[1024];
	char *name;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "%s", __FILE__);
	name = strstr(path, "tests/kernel/");
	ck_assert_ptr_nonnull(name);
	strcpy(name, "include/ktls/ktls.h");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	ck_assert_int_gt(n, 0);
	return text;
}

START_TEST(test_a4_contract)
{
	const char *text = read_header();

	if (!text) {
		printf("A4: the header is not where it was built: skipped\n");
		return;
	}
	ck_assert_ptr_nonnull(strstr(text, "while no thread reads from fd"));
	ck_assert_ptr_nonnull(strstr(text, "no other thread using ssl or its"));
}
END_TEST

/* A socket that is half-closed takes no ULP any more. */
static void half_closed_path(const struct ktls_direction *is,
			     enum ktls_choice choice, unsigned prepare)
{
	if (choice == KTLS_LIBRARY) {
		ck_assert_int_eq(is->path, KTLS_PATH_LIBRARY);
		return;
	}
	if (choice == KTLS_KERNEL && prepare) {
		ck_assert_int_eq(is->reason, KTLS_REASON_ATTACH);
		ck_assert_int_eq(is->reason_errno, ENOTCONN);
		choice = KTLS_USERSPACE;
	}
	ck_assert_int_eq(is->path, choice == KTLS_KERNEL ?
					   KTLS_PATH_KERNEL :
					   KTLS_PATH_USERSPACE);
}

/* A6: request and FIN are there before anybody has handed anything off. */
static void half_closed(int i, unsigned prepare)
{
	struct rig_config config = rig_variant(i);
	struct ktls_opts opts = KTLS_OPTS_INIT;
	struct pollfd pfd = { .events = POLLRDHUP };
	struct ktls_conn_info info;
	struct rig rig;
	char buf[16];

	config.prepare = prepare;
	rig_open(&rig, &config);
	ck_assert_int_eq(SSL_write(rig.peer, "request", 7), 7);
	ck_assert_int_eq(shutdown(rig.peer_fd, SHUT_WR), 0);
	pfd.fd = rig.fd;
	ck_assert_int_eq(poll(&pfd, 1, -1), 1);
	opts.tx = config.tx;
	opts.rx = config.rx;
	ck_assert_int_eq(ktls_handoff(&rig.k, rig.ssl, &opts), 0);
	info = rig_info(&rig);
	half_closed_path(&info.tx, config.tx, prepare);
	half_closed_path(&info.rx, config.rx, prepare);
	ck_assert_int_eq(rig_read_all(&rig, buf, 7), 7);
	ck_assert_mem_eq(buf, "request", 7);
	ck_assert_int_eq(rig_read(&rig, buf, 7), -KTLS_ETRUNCATED);
	ck_assert_int_eq(rig_write_all(&rig, "response", 8), 8);
	ck_assert_int_eq(rig_shutdown(&rig), 0);
	ck_assert_int_eq(SSL_read(rig.peer, buf, sizeof(buf)), 8);
	ck_assert_mem_eq(buf, "response", 8);
	ck_assert_int_eq(SSL_read(rig.peer, buf, sizeof(buf)), 0);
	ck_assert_int_eq(SSL_get_shutdown(rig.peer), SSL_RECEIVED_SHUTDOWN);
	rig_close(&rig);
}

START_TEST(test_a6_attached_early)
{
	half_closed(_i, 0);
}
END_TEST

START_TEST(test_a6_attached_late)
{
	half_closed(_i, KTLS_ATTACH_LATE);
}
END_TEST

static SRunner *all_cases(void)
{
	Suite *suite = suite_create("hazards");
	TCase *tcase = tcase_create("connection");

	tcase_set_timeout(tcase, CONN_LIMIT);
	conn_add(tcase, test_a1_consumed_by_read);
	conn_add(tcase, test_a1_consumed_by_error);
	conn_add(tcase, test_a1_consumed_by_write);
	conn_add(tcase, test_a1_stolen);
	conn_add(tcase, test_a2_framing);
	conn_add(tcase, test_a3_small_room);
	tcase_add_test(tcase, test_a4_contract);
	conn_add(tcase, test_a6_attached_early);
	conn_add(tcase, test_a6_attached_late);
	suite_add_tcase(suite, tcase);
	return srunner_create(suite);
}

int main(int argc, char **argv)
{
	enum ktls_choice only = rig_argument(argc, argv);
	const char *require = getenv("KTLS_REQUIRE_KERNEL");
	SRunner *runner;
	int failed;

	if (rig_setup(0) < 0)
		return 1;
	if (only) {
		rig_only(only);
	} else if (!rig_kernel()) {
		printf("this kernel has no TLS: the other paths only\n");
		if (require && strcmp(require, "1") == 0)
			return 1;
	}
	runner = all_cases();
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	rig_teardown();
	return failed ? 1 : 0;
}
