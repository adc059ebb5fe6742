/* SPDX-License-Identifier: MIT */
/*
 * One contract of sendfile on every path: a file that changes while it is
 * sent, KTLS_MORE, no room, and a peer that goes away.  Where this kernel has
 * no TLS, the stand-in of tests/fuzz serves the kernel's path.  (Offsets, the
 * end of the file and what is no file: tests/kernel/conn_sendfile.c; large
 * files through small buffers: conn_file.c; a reset before: conn_dead.c.)
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reads.h"
#include "sendfile_rig.h"
#include "tests/fuzz/fake_kernel.h"

#define LIMIT 60
#define MUCH (4 << 20)

static const struct {
	off_t size;
	off_t off;
	size_t count;
	int at;      /* this read of the file finds... */
	off_t to;    /* ... this size */
	size_t least;
	size_t most;
} changes[] = {
	/* shorter: before where we are, in the middle, by one byte */
	{ 100000, 0, 100000, 1, 0, 0, 0 },
	{ 100000, 50000, 50000, 1, 10, 0, 0 },
	{ 100000, 0, 100000, 1, 40000, 40000, 40000 },
	{ 100000, 0, 100000, 1, 16384, 16384, 16384 },
	{ 100000, 0, 100000, 1, 99999, 99999, 99999 },
	{ 100000, 0, 16384, 1, 1, 1, 1 },
	{ 100000, 10, 100, 1, 11, 1, 1 },
	/* a later read: as many bytes as were there in between */
	{ 100000, 0, 100000, 2, 16385, 16385, 100000 },
	{ 100000, 0, 100000, 2, 0, 16384, 100000 },
	/* longer: what was asked for is sent, and not more */
	{ 1000, 0, 50000, 1, 60000, 1000, 50000 },
	{ 40000, 0, 40000, 1, 60000, 40000, 40000 },
	{ 20000, 19999, 2, 1, 30000, 1, 2 }
};
#define CHANGES ((int)(sizeof(changes) / sizeof(changes[0])))

START_TEST(test_changes)
{
	struct rig rig;
	size_t n;
	int i;

	sendfile_start(&rig, _i);
	for (i = 0; i < CHANGES; i++) {
		int fd = sendfile_make_file(changes[i].size);
		off_t off = changes[i].off;

		sendfile_change(changes[i].at, fd, changes[i].to);
		n = sendfile_send_all(&rig, fd, &off, changes[i].count, 0);
		sendfile_change(0, -1, 0);
		ck_assert_msg(n >= changes[i].least && n <= changes[i].most,
			      "change %d: %zu bytes", i, n);
		sendfile_arrives(&rig, n, (uint64_t)changes[i].off);
		ck_assert_int_eq(ktls_events(rig.k), POLLIN);
		close(fd);
	}
	sendfile_stop(&rig);
}
END_TEST

static void then_sendfile(struct rig *rig, int fd)
{
	off_t off = 30000;

	ck_assert_int_eq(ktls_sendfile(rig->k, fd, &off, 1, 0), 1);
	sendfile_arrives(rig, 30001, 0);
}

static void then_end_of_file(struct rig *rig, int fd)
{
	off_t off = 40000;

	ck_assert_int_eq(ktls_sendfile(rig->k, fd, &off, 1, 0), 0);
	sendfile_arrives(rig, 30000, 0);
}

static void then_nothing(struct rig *rig, int fd)
{
	(void)fd;
	ck_assert_int_eq(ktls_write(rig->k, "", 0, 0), 0);
	sendfile_arrives(rig, 30000, 0);
}

static void then_alert(struct rig *rig, int fd)
{
	(void)fd;
	ck_assert_int_eq(rig_alert(rig, 90), 0);
	sendfile_arrives(rig, 30000, 0);
}

static void then_shutdown(struct rig *rig, int fd)
{
	(void)fd;
	ck_assert_int_eq(rig_shutdown(rig), 0);
	sendfile_arrives(rig, 30000, 0);
	ck_assert_int_eq(SSL_get_shutdown(rig->peer), SSL_RECEIVED_SHUTDOWN);
}

static void (*const thens[])(struct rig *rig, int fd) = {
	then_sendfile, then_end_of_file, then_nothing, then_alert,
	then_shutdown
};

static void send_more(struct rig *rig, int fd, off_t *off, size_t len)
{
	ck_assert_uint_eq(sendfile_send_all(rig, fd, off, len, KTLS_MORE),
			  len);
}

/* Bytes that wait for more count, in order, and come with what follows. */
START_TEST(test_more)
{
	int fd = sendfile_make_file(40000);
	struct rig rig;
	size_t i;

	for (i = 0; i < sizeof(thens) / sizeof(thens[0]); i++) {
		off_t off = 0;

		sendfile_start(&rig, _i);
		send_more(&rig, fd, &off, 1);
		send_more(&rig, fd, &off, 16383);
		send_more(&rig, fd, &off, 13616);
		ck_assert_uint_eq(rig_info(&rig).tx.bytes, 30000);
		ck_assert_int_eq(ktls_events(rig.k), POLLIN);
		thens[i](&rig, fd);
		sendfile_stop(&rig);
	}
	close(fd);
}
END_TEST

/* No room and nobody reads.  Of what is sealed here one byte more than was
 * counted may come: see ktls_write(). */
static void no_room(struct rig *rig, int fd, int flags)
{
	struct pollfd p = { .fd = rig->peer_fd, .events = POLLIN };
	off_t off = 0;
	size_t got = 0;
	ssize_t n;

	sendfile_small_buffer(rig, 4096);
	do {
		off_t before = off;

		n = ktls_sendfile(rig->k, fd, &off, MUCH, flags);
		ck_assert_int_eq(off, before + (n > 0 ? n : 0));
	} while (n > 0);
	ck_assert_int_eq(n, -EAGAIN);
	ck_assert_int_gt(off, 0);
	ck_assert_int_lt(off, MUCH);
	ck_assert_int_eq(ktls_events(rig->k), POLLIN | POLLOUT);
	ck_assert_uint_eq(rig_info(rig).tx.bytes, (uint64_t)off);
	/* What is sealed here waits for the next call, as its caller does. */
	while ((got += sendfile_drain(rig, got)) < (size_t)off &&
	       rig->tx_kernel)
		poll(&p, 1, 10);
	ck_assert_uint_le(got, (size_t)off + !rig->tx_kernel);
	while (off < MUCH) {
		n = ktls_sendfile(rig->k, fd, &off, MUCH, flags);
		ck_assert(n > 0 || n == -EAGAIN);
		got += sendfile_drain(rig, got);
	}
	ck_assert_int_eq(rig_shutdown(rig), 0);
	while ((got += sendfile_drain(rig, got)) < MUCH)
		poll(&p, 1, 10);
	ck_assert_uint_eq(got, MUCH);
}

START_TEST(test_no_room)
{
	int fd = sendfile_make_file(MUCH);
	struct rig rig;

	sendfile_start(&rig, _i);
	if (rig.config.nonblock)
		no_room(&rig, fd, 0);
	sendfile_stop(&rig);
	close(fd);
}
END_TEST

START_TEST(test_no_room_more)
{
	int fd = sendfile_make_file(MUCH);
	struct rig rig;

	sendfile_start(&rig, _i);
	if (rig.config.nonblock)
		no_room(&rig, fd, KTLS_MORE);
	sendfile_stop(&rig);
	close(fd);
}
END_TEST

/* Some of it, and then a reset. */
static void *read_some(void *arg)
{
	struct rig *rig = arg;
	static uint8_t buf[16384];
	size_t got = 0;
	int n = 1;

	while (n > 0 && got < MUCH / 8) {
		n = SSL_read(rig->peer, buf, sizeof(buf));
		if (n > 0 && !rig_same(buf, (size_t)n, got))
			break;
		got += n > 0 ? (size_t)n : 0;
	}
	rig_reset(rig);
	return got >= MUCH / 8 ? rig : NULL;
}

static int is_dead(ssize_t n)
{
	return n == -ECONNRESET || n == -EPIPE;
}

/* SIGPIPE would end the process. */
START_TEST(test_reset_in_the_middle)
{
	int fd = sendfile_make_file(MUCH);
	pthread_t thread;
	struct rig rig;
	ssize_t n = 0;
	off_t off = 0;
	void *right;
	int i;

	signal(SIGPIPE, SIG_DFL);
	sendfile_start(&rig, _i);
	sendfile_small_buffer(&rig, 16384);
	fcntl(rig.peer_fd, F_SETFL, O_RDWR);
	pthread_create(&thread, NULL, read_some, &rig);
	while (n >= 0) {
		off_t before = off;

		n = ktls_sendfile(rig.k, fd, &off, 100000, 0);
		ck_assert_int_eq(off, before + (n > 0 ? n : 0));
		if (n == -EAGAIN) {
			rig_wait(&rig);
			n = 0;
		}
		/* what finds room differs: as long as it takes */
		if (off == MUCH)
			off = 0;
	}
	ck_assert(is_dead(n));
	pthread_join(thread, &right);
	ck_assert_ptr_eq(right, &rig);
	for (i = 0; i < 3; i++) {
		off_t before = off;

		ck_assert(is_dead(ktls_sendfile(rig.k, fd, &off, 1, 0)));
		ck_assert(is_dead(ktls_sendfile(rig.k, fd, NULL, 1, 0)));
		ck_assert(is_dead(ktls_sendfile(rig.k, fd, &off, 1, 1)));
		ck_assert_int_eq(off, before);
	}
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 0);
	sendfile_stop(&rig);
	close(fd);
}
END_TEST

static Suite *sendfile_suite(void)
{
	Suite *suite = suite_create("sendfile");
	TCase *tcase = tcase_create("contract");

	tcase_set_timeout(tcase, LIMIT);
	tcase_add_loop_test(tcase, test_changes, 0, sendfile_variants());
	tcase_add_loop_test(tcase, test_more, 0, sendfile_variants());
	tcase_add_loop_test(tcase, test_no_room, 0, sendfile_variants());
	tcase_add_loop_test(tcase, test_no_room_more, 0,
			    sendfile_variants());
	tcase_add_loop_test(tcase, test_reset_in_the_middle, 0,
			    sendfile_variants());
	suite_add_tcase(suite, tcase);
	return suite;
}

static int has_tls(void)
{
	const struct fake_options real = { 1, 1, 0 };
	struct ktls_features features = { .size = sizeof(features) };
	pid_t pid = fork();
	int status = 1;

	/* A probe is kept: in a process of its own. */
	if (pid == 0) {
		fake_kernel_start(&real);
		_exit(ktls_probe(&features) || features.ulp);
	}
	waitpid(pid, &status, 0);
	return status == 0;
}

int main(void)
{
	struct fake_options options = { has_tls(), 1, 40000 };
	SRunner *runner;
	int failed;

	printf("kernel TLS: %s\n", options.real ? "this kernel" : "a stand-in");
	fflush(stdout);
	fake_kernel_start(&options);
	if (rig_setup(0) < 0 || !rig_kernel())
		return 1;
	reads_watch();
	runner = srunner_create(sendfile_suite());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	rig_teardown();
	return failed ? 1 : 0;
}
