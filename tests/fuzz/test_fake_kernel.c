/* SPDX-License-Identifier: MIT */
/*
 * The fake kernel by itself: what the real one was measured to answer.  Run
 * through the table, below the library, but for keys and cmsgs.
 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_kernel.h"
#include "ktls/ktls.h"
#include "lib/aead.h"
#include "lib/loopback.h"
#include "lib/sys.h"

#ifndef TCP_ULP
#define TCP_ULP 31
#endif
#define SOL_TLS 282

static int pair[2];
static struct ktls_keys keys;

static void setup(void)
{
	const struct fake_options options = { 0, 0, 20000 };

	fake_kernel_start(&options);
	ck_assert_int_eq(ktls__loopback_pair(pair), 0);
	memset(&keys, 0, sizeof(keys));
	keys.version = KTLS_TLS_1_3;
	keys.suite = 0x1301;
	memset(keys.key, 7, 16);
	memset(keys.iv, 9, 12);
	keys.seq = 5;
}

static void teardown(void)
{
	ktls__loopback_close(pair);
}

static int attach(int fd)
{
	return ktls__sys->setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", 4);
}

static int install(int fd, int dir)
{
	uint8_t blob[KTLS_CRYPTO_INFO_MAX];
	int len = ktls_crypto_info(blob, sizeof(blob), &keys);

	ck_assert_int_eq(len, 40);
	return ktls__sys->setsockopt(fd, SOL_TLS, dir, blob, (socklen_t)len);
}

/* pair[0] sends to pair[1] through TLS. */
static void both(void)
{
	ck_assert_int_eq(attach(pair[0]), 0);
	ck_assert_int_eq(attach(pair[1]), 0);
	ck_assert_int_eq(install(pair[0], KTLS_TX), 0);
	ck_assert_int_eq(install(pair[1], KTLS_RX), 0);
}

static ssize_t send_type(int fd, int type, const void *buf, size_t len,
			 int flags)
{
	struct iovec iov = { (void *)(uintptr_t)buf, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	_Alignas(struct cmsghdr) char control[KTLS_CMSG_SPACE];

	if (type)
		ktls_cmsg_set(&msg, control, (uint8_t)type);
	return ktls__sys->sendmsg(fd, &msg, flags | MSG_NOSIGNAL);
}

/* type NULL: no control buffer. */
static ssize_t recv_type(int fd, int *type, void *buf, size_t len, int *flags)
{
	struct iovec iov = { buf, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	_Alignas(struct cmsghdr) char control[KTLS_CMSG_SPACE];
	ssize_t n;

	if (type) {
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
	}
	n = ktls__sys->recvmsg(fd, &msg, *flags | MSG_DONTWAIT);
	if (type && n >= 0)
		*type = ktls_cmsg_get(&msg);
	*flags = msg.msg_flags;
	return n;
}

static ssize_t receive(int fd, int *type, void *buf, size_t len)
{
	int flags = 0;

	return recv_type(fd, type, buf, len, &flags);
}

static int ulp_len(int fd)
{
	char name[64];
	socklen_t len = sizeof(name);

	ck_assert_int_eq(ktls__sys->getsockopt(fd, IPPROTO_TCP, TCP_ULP, name,
					       &len), 0);
	ck_assert(len == 0 || strcmp(name, "tls") == 0);
	return (int)len;
}

START_TEST(test_options)
{
	uint8_t blob[56];
	socklen_t len = 40;
	int fd = ktls__sys->socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(attach(fd), -ENOTCONN);
	ktls__sys->close(fd);
	ck_assert_int_eq(ulp_len(pair[0]), 0);
	ck_assert_int_eq(install(pair[0], KTLS_TX), -ENOPROTOOPT);
	ck_assert_int_eq(ktls__sys->getsockopt(pair[0], SOL_TLS, 1, blob, &len),
			 -EOPNOTSUPP);
	ck_assert_int_eq(attach(pair[0]), 0);
	ck_assert_int_eq(attach(pair[0]), -EEXIST);
	ck_assert_int_eq(ulp_len(pair[0]), 16);
	ck_assert_int_eq(ulp_len(pair[1]), 0);
	ck_assert_int_eq(ktls__sys->getsockopt(pair[0], SOL_TLS, 1, blob, &len),
			 -EBUSY);
	memset(blob, 0, sizeof(blob));
	ck_assert_int_eq(ktls__sys->setsockopt(pair[0], SOL_TLS, 1, blob, 40),
			 -EINVAL);
	ck_assert_int_eq(install(pair[0], KTLS_TX), 0);
	ck_assert_int_eq(install(pair[0], KTLS_TX), -EBUSY);
	len = 41;
	ck_assert_int_eq(ktls__sys->getsockopt(pair[0], SOL_TLS, 1, blob, &len),
			 -EINVAL);
	keys.version = KTLS_TLS_1_2;
	keys.suite = 0xc02b;
	ck_assert_int_eq(install(pair[0], KTLS_RX), -EINVAL);
}
END_TEST

START_TEST(test_echo_counts)
{
	uint8_t blob[40];
	socklen_t len = 40;

	both();
	ck_assert_int_eq(send_type(pair[0], 0, "abc", 3, 0), 3);
	ck_assert_int_eq(send_type(pair[0], 0, "d", 1, MSG_MORE), 1);
	ck_assert_int_eq(ktls__sys->getsockopt(pair[0], SOL_TLS, 1, blob, &len),
			 0);
	ck_assert_int_eq(blob[39], 6);
	ck_assert_mem_eq(blob + 12, keys.key, 16);
}
END_TEST

START_TEST(test_refusal)
{
	fake_kernel_refuse(pair[0], KTLS_TX, EINVAL);
	fake_kernel_refuse(pair[1], FAKE_ULP, ENOENT);
	ck_assert_int_eq(attach(pair[0]), 0);
	ck_assert_int_eq(install(pair[0], KTLS_TX), -EINVAL);
	ck_assert_int_eq(install(pair[0], KTLS_RX), 0);
	ck_assert_int_eq(attach(pair[1]), -ENOENT);
}
END_TEST

START_TEST(test_joined_and_apart)
{
	char buf[100];
	int flags = 0;
	int type;

	both();
	send_type(pair[0], 0, "one", 3, 0);
	send_type(pair[0], 0, "two", 3, MSG_MORE);
	send_type(pair[0], 22, "hello", 5, 0);
	send_type(pair[0], 0, "end", 3, 0);
	ck_assert_int_eq(receive(pair[1], &type, buf, 2), 2);
	ck_assert_int_eq(receive(pair[1], &type, buf, 100), 4);
	ck_assert_int_eq(type, 23);
	ck_assert_mem_eq(buf, "etwo", 4);
	ck_assert_int_eq(receive(pair[1], NULL, buf, 100), -EIO);
	flags = MSG_PEEK;
	ck_assert_int_eq(recv_type(pair[1], &type, buf, 3, &flags), 3);
	flags = 0;
	ck_assert_int_eq(recv_type(pair[1], &type, buf, 3, &flags), 3);
	ck_assert_int_eq(flags & MSG_EOR, 0);
	ck_assert_int_eq(type, 22);
	flags = 0;
	ck_assert_int_eq(recv_type(pair[1], &type, buf, 100, &flags), 2);
	ck_assert_int_eq(flags & MSG_EOR, MSG_EOR);
	ck_assert_int_eq(receive(pair[1], &type, buf, 100), 3);
	ck_assert_mem_eq(buf, "end", 3);
	ck_assert_int_eq(receive(pair[1], &type, buf, 100), -EAGAIN);
	shutdown(pair[0], SHUT_WR);
	ck_assert_int_eq(receive(pair[1], &type, buf, 100), 0);
	ck_assert_int_eq(type, 0);
}
END_TEST

START_TEST(test_flush)
{
	char buf[100];
	int type;

	both();
	send_type(pair[0], 0, "one", 3, MSG_MORE);
	ck_assert_int_eq(send_type(pair[0], 0, "", 0, 0), 0);
	ck_assert_int_eq(receive(pair[1], &type, buf, 100), -EAGAIN);
	ck_assert_int_eq(send_type(pair[0], 23, "", 0, 0), 0);
	ck_assert_int_eq(receive(pair[1], &type, buf, 100), 3);
	ck_assert_int_eq(send_type(pair[0], 23, "x", 1, MSG_MORE), -EINVAL);
	ck_assert_int_eq(send_type(pair[0], 0, "x", 1, MSG_OOB), -EOPNOTSUPP);
}
END_TEST

/* An empty record of data is no end; alone it is nothing at all. */
START_TEST(test_empty_record)
{
	uint8_t rec[64];
	char buf[10];
	int type;
	int n;

	ck_assert_int_eq(attach(pair[1]), 0);
	ck_assert_int_eq(install(pair[1], KTLS_RX), 0);
	n = ktls__record_seal(rec, &keys, 23, rec, 0);
	ck_assert_int_eq(write(pair[0], rec, (size_t)n), n);
	ck_assert_int_eq(receive(pair[1], &type, buf, 10), -EAGAIN);
	keys.seq++;
	n = ktls__record_seal(rec, &keys, 23, rec, 0);
	ck_assert_int_eq(write(pair[0], rec, (size_t)n), n);
	shutdown(pair[0], SHUT_WR);
	ck_assert_int_eq(receive(pair[1], &type, buf, 10), 0);
	ck_assert_int_eq(type, 23);
	ck_assert_int_eq(receive(pair[1], &type, buf, 10), 0);
	ck_assert_int_eq(type, 0);
}
END_TEST

START_TEST(test_bad_record)
{
	uint8_t rec[64];
	int err = 0;
	socklen_t len = sizeof(err);
	char buf[10];
	int type;
	int n;

	both();
	ck_assert_int_eq(install(pair[1], KTLS_TX), 0);
	n = ktls__record_seal(rec, &keys, 23, (const uint8_t *)"x", 1);
	rec[n - 1] ^= 1;
	ck_assert_int_eq(write(pair[0], rec, (size_t)n), n);
	ck_assert_int_eq(receive(pair[1], &type, buf, 10), -EBADMSG);
	ck_assert_int_eq(send_type(pair[1], 21, "\2\24", 2, 0), -EBADMSG);
	ck_assert_int_eq(receive(pair[1], &type, buf, 10), -EBADMSG);
	ck_assert_int_eq(ktls__sys->getsockopt(pair[1], SOL_SOCKET, SO_ERROR,
					       &err, &len), 0);
	ck_assert_int_eq(err, EBADMSG);
	ck_assert_int_eq(send_type(pair[1], 21, "\2\24", 2, 0), 2);
}
END_TEST

/* Lost framing is told once; then there is silence. */
START_TEST(test_lost_framing)
{
	const uint8_t header[5] = { 23, 3, 3, 0x50, 0 };
	char buf[10];
	int type;

	both();
	ck_assert_int_eq(write(pair[0], header, 5), 5);
	ck_assert_int_eq(receive(pair[1], &type, buf, 10), -EMSGSIZE);
	ck_assert_int_eq(receive(pair[1], &type, buf, 10), -EAGAIN);
}
END_TEST

START_TEST(test_poll)
{
	struct pollfd p = { pair[1], POLLIN, 0 };
	uint8_t rec[64];
	char buf[10];
	int type;
	int n;

	both();
	n = ktls__record_seal(rec, &keys, 23, (const uint8_t *)"xy", 2);
	ck_assert_int_eq(write(pair[0], rec, 9), 9);
	ck_assert_int_eq(ktls__sys->poll(&p, 1, 0), 0);
	ck_assert_int_eq(write(pair[0], rec + 9, (size_t)n - 9), n - 9);
	ck_assert_int_eq(ktls__sys->poll(&p, 1, -1), 1);
	ck_assert_int_eq(receive(pair[1], &type, buf, 1), 1);
	ck_assert_int_eq(ktls__sys->poll(&p, 1, 0), 1);
	ck_assert_int_eq(receive(pair[1], &type, buf, 1), 1);
	ck_assert_int_eq(ktls__sys->poll(&p, 1, 0), 0);
}
END_TEST

/* Sends are committed though TCP is full, then wait; nothing is lost. */
START_TEST(test_queue)
{
	static char out[16384], in[40000];
	size_t sent = 0, got = 0;
	int small = 4096;
	int type;
	ssize_t n;

	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small));
	setsockopt(pair[1], SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	both();
	while ((n = send_type(pair[0], 0, out, sizeof(out), 0)) > 0)
		sent += (size_t)n;
	ck_assert_int_eq(n, -EAGAIN);
	ck_assert_uint_gt(fake_kernel_push(pair[0]), 0);
	while (got < sent) {
		n = receive(pair[1], &type, in, sizeof(in));
		if (n > 0)
			got += (size_t)n;
		else
			ck_assert_int_eq(n, -EAGAIN);
		fake_kernel_push(pair[0]);
	}
	ck_assert_uint_eq(got, sent);
	ck_assert_uint_eq(fake_kernel_push(pair[0]), 0);
	ck_assert_int_eq(receive(pair[1], &type, in, 10), -EAGAIN);
}
END_TEST

START_TEST(test_sendfile)
{
	char name[] = "/tmp/fake-kernel-XXXXXX";
	int file = mkstemp(name);
	static char buf[70000];
	off_t off = 1000;
	size_t got = 0;
	ssize_t n;
	int type;

	unlink(name);
	ck_assert_int_eq(write(file, buf, 50000), 50000);
	both();
	ck_assert_int_eq(ktls__sys->sendfile(pair[0], file, &off, 90000),
			 49000);
	ck_assert_int_eq(off, 50000);
	while (got < 49000) {
		n = receive(pair[1], &type, buf, sizeof(buf));
		ck_assert_int_gt(n, 0);
		got += (size_t)n;
	}
	ck_assert_uint_eq(got, 49000);
	close(file);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fake kernel");
	TCase *c = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, test_options);
	tcase_add_test(c, test_echo_counts);
	tcase_add_test(c, test_refusal);
	tcase_add_test(c, test_joined_and_apart);
	tcase_add_test(c, test_flush);
	tcase_add_test(c, test_empty_record);
	tcase_add_test(c, test_bad_record);
	tcase_add_test(c, test_lost_framing);
	tcase_add_test(c, test_poll);
	tcase_add_test(c, test_queue);
	tcase_add_test(c, test_sendfile);
	suite_add_tcase(suite, c);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
