/* SPDX-License-Identifier: MIT */
/*
 * The fake kernel's second keys, as Linux 6.14 and later were measured: what
 * is sealed under which, and how RX waits between two.
 */
#include <check.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "fake_kernel.h"
#include "ktls/ktls.h"
#include "lib/loopback.h"
#include "lib/sys.h"
#include "tests/unit/suite_main.h"

#ifndef TCP_ULP
#define TCP_ULP 31
#endif
#define SOL_TLS 282

static const uint8_t key_update[5] = { 24, 0, 0, 1, 0 };
static int pair[2];

static int install(int fd, int dir, uint8_t generation, uint16_t suite)
{
	struct ktls_keys keys = { .version = KTLS_TLS_1_3, .suite = suite };
	uint8_t blob[KTLS_CRYPTO_INFO_MAX];
	int len;

	if (suite >= 0xc000)
		keys.version = KTLS_TLS_1_2;
	memset(keys.key, generation, sizeof(keys.key));
	len = ktls_crypto_info(blob, sizeof(blob), &keys);
	ck_assert_int_gt(len, 0);
	return ktls__sys->setsockopt(fd, SOL_TLS, dir, blob, (socklen_t)len);
}

/* pair[0] sends to pair[1]. */
static void begin(int rekey, uint16_t suite)
{
	const struct fake_options options = { 0, rekey, 1 << 20 };

	fake_kernel_start(&options);
	ck_assert_int_eq(ktls__loopback_pair(pair), 0);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(ktls__sys->setsockopt(pair[i], IPPROTO_TCP,
						       TCP_ULP, "tls", 3), 0);
	ck_assert_int_eq(install(pair[0], KTLS_TX, 1, suite), 0);
	ck_assert_int_eq(install(pair[1], KTLS_RX, 1, suite), 0);
}

static void end(void)
{
	ktls__loopback_close(pair);
	ktls__sys = &ktls__sys_linux;
}

static void put(uint8_t type, const void *buf, size_t len)
{
	struct iovec iov = { (void *)(uintptr_t)buf, len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	_Alignas(struct cmsghdr) char control[KTLS_CMSG_SPACE];

	ktls_cmsg_set(&msg, control, type);
	ck_assert_int_eq(ktls__sys->sendmsg(pair[0], &msg, MSG_NOSIGNAL),
			 (int)len);
}

static int get(void *buf, size_t len)
{
	uint8_t type;

	return (int)ktls_sock_recv(pair[1], &type, buf, len,
				   &(int){ MSG_DONTWAIT });
}

static int polled(void)
{
	struct pollfd p = { .fd = pair[1], .events = POLLIN };

	ck_assert_int_ge(ktls__sys->poll(&p, 1, 0), 0);
	return p.revents & POLLIN;
}

START_TEST(refused_before)
{
	begin(_i == 1, _i == 1 ? 0xc02b : 0x1301);
	ck_assert_int_eq(install(pair[0], KTLS_TX, 2, 0x1301), -EBUSY);
	ck_assert_int_eq(install(pair[1], KTLS_RX, 2, 0x1301), -EBUSY);
	put(23, "old", 3);
	ck_assert_int_eq(get((char[8]){ 0 }, 8), 3);
	ck_assert_uint_eq(fake_kernel_stats().rekeyed, 0);
	end();
}
END_TEST

/* Reading stops at the KeyUpdate, poll() says nothing, and the new key sets
 * both going again. */
START_TEST(waits_for_its_key)
{
	char buf[16];

	begin(1, 0x1301);
	put(22, key_update, sizeof(key_update));
	ck_assert_int_eq(install(pair[0], KTLS_TX, 2, 0x1301), 0);
	put(23, "new", 3);
	ck_assert_int_ne(polled(), 0);
	ck_assert_int_eq(get(buf, sizeof(buf)), 5);
	ck_assert_mem_eq(buf, key_update, 5);
	ck_assert_int_eq(get(buf, sizeof(buf)), -EKEYEXPIRED);
	ck_assert_int_eq(polled(), 0);
	ck_assert_int_eq(install(pair[1], KTLS_RX, 2, 0x1302), -EINVAL);
	ck_assert_int_eq(get(buf, sizeof(buf)), -EKEYEXPIRED);
	ck_assert_int_eq(install(pair[1], KTLS_RX, 2, 0x1301), 0);
	ck_assert_int_ne(polled(), 0);
	ck_assert_int_eq(get(buf, sizeof(buf)), 3);
	ck_assert_mem_eq(buf, "new", 3);
	ck_assert_uint_eq(fake_kernel_stats().rekeyed, 2);
	end();
}
END_TEST

/* A read over data has opened the KeyUpdate behind it: poll() is silent,
 * recvmsg() has it. */
START_TEST(silent_backlog)
{
	char buf[16];

	begin(1, 0x1301);
	put(23, "data", 4);
	put(22, key_update, sizeof(key_update));
	ck_assert_int_eq(get(buf, sizeof(buf)), 4);
	ck_assert_int_eq(polled(), 0);
	if (_i)
		shutdown(pair[0], SHUT_WR);
	if (_i)
		ck_assert_int_ne(polled(), 0);
	ck_assert_int_eq(get(buf, sizeof(buf)), 5);
	ck_assert_int_eq(get(buf, sizeof(buf)), -EKEYEXPIRED);
	end();
}
END_TEST

/* What MSG_MORE left open goes out under the key of its end. */
START_TEST(open_record)
{
	struct iovec iov = { (void *)(uintptr_t)"half", 4 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	char buf[16];

	begin(1, 0x1301);
	ck_assert_int_eq(ktls__sys->sendmsg(pair[0], &msg, MSG_MORE), 4);
	ck_assert_int_eq(install(pair[0], KTLS_TX, 2, 0x1301), 0);
	put(23, "x", 1);
	ck_assert_int_eq(get(buf, sizeof(buf)), -EBADMSG);
	end();
}
END_TEST

int main(void)
{
	Suite *all = suite_create("fake_rekey");
	TCase *tcase = tcase_create("each");

	tcase_add_loop_test(tcase, refused_before, 0, 2);
	tcase_add_test(tcase, waits_for_its_key);
	tcase_add_loop_test(tcase, silent_backlog, 0, 2);
	tcase_add_test(tcase, open_record);
	suite_add_tcase(all, tcase);
	return suite_main(all);
}
