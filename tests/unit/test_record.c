/* SPDX-License-Identifier: MIT */
/* record.c: types both ways, and every errno of sendmsg() and recvmsg(). */
#include "record.h"

#include <errno.h>
#include <string.h>

#include "fake_sys.h"
#include "suite_main.h"
#include "uapi.h"

#define FD FAKE_FD

static const struct ktls__tls_crypto_info keys_there = {
	KTLS__TLS_1_3_VERSION, KTLS__TLS_CIPHER_AES_GCM_128};

static void finish(void)
{
	ck_assert_uint_eq(fake_left(), 0);
	fake_sys_end();
}

static void with_keys(void)
{
	fake_sys();
	fake_push_data(FAKE_GETSOCKOPT, 0, &keys_there, sizeof(keys_there));
}

/* Data goes without a type, all else with it; no call raises SIGPIPE. */
START_TEST(send_type)
{
	const struct fake_log *call;

	with_keys();
	fake_push(FAKE_SENDMSG, 2);
	ck_assert_int_eq(ktls_sock_send(FD, (uint8_t)_i, "ab", 2, 0), 2);
	call = fake_nth(FAKE_GETSOCKOPT, 0);
	ck_assert_int_eq(call->level, KTLS__SOL_TLS);
	ck_assert_int_eq(call->name, KTLS__TLS_TX);
	ck_assert_uint_eq(call->len, 4);
	call = fake_nth(FAKE_SENDMSG, 0);
	ck_assert_int_eq(call->type, _i == KTLS_RECORD_DATA ? -1 : _i);
	ck_assert_int_eq(call->flags, MSG_NOSIGNAL);
	ck_assert_uint_eq(call->len, 2);
	ck_assert_mem_eq(call->bytes, "ab", 2);
	finish();
}
END_TEST

START_TEST(send_flags)
{
	with_keys();
	fake_push(FAKE_SENDMSG, 1);
	ck_assert_int_eq(ktls_sock_send(FD, KTLS_RECORD_DATA, "a", 1,
					MSG_DONTWAIT | MSG_MORE),
			 1);
	ck_assert_int_eq(fake_nth(FAKE_SENDMSG, 0)->flags,
			 MSG_DONTWAIT | MSG_MORE | MSG_NOSIGNAL);
	finish();
}
END_TEST

/* Nothing leaves, whatever the type, while TX is not proven. */
START_TEST(send_unproven)
{
	static const struct {
		int kernel;
		int ours;
	} cases[] = {{-EBUSY, -KTLS_EUNPROVEN},
		     {-EOPNOTSUPP, -KTLS_EUNPROVEN},
		     {-ENOPROTOOPT, -KTLS_EUNPROVEN},
		     {-EBADF, -EBADF},
		     {-ENOTSOCK, -ENOTSOCK}};
	static const uint8_t types[] = {KTLS_RECORD_ALERT, KTLS_RECORD_DATA};

	for (size_t i = 0; i < 10; i++) {
		fake_sys();
		fake_push(FAKE_GETSOCKOPT, cases[i / 2].kernel);
		ck_assert_int_eq(
			ktls_sock_send(FD, types[i % 2], "a", i & 1, 0),
			cases[i / 2].ours);
		ck_assert_uint_eq(fake_n(FAKE_SENDMSG), 0);
		finish();
	}
}
END_TEST

/* A sandbox whose getsockopt() says yes and stores nothing of TLS. */
START_TEST(send_nonsense_proof)
{
	static const uint8_t zeros[4];

	fake_sys();
	fake_push_data(FAKE_GETSOCKOPT, 0, zeros, sizeof(zeros));
	ck_assert_int_eq(ktls_sock_send(FD, KTLS_RECORD_DATA, "a", 1, 0),
			 -KTLS_EUNPROVEN);
	fake_push_data(FAKE_GETSOCKOPT, 0, &keys_there, 2);
	ck_assert_int_eq(ktls_sock_send(FD, KTLS_RECORD_DATA, "a", 1, 0),
			 -KTLS_EUNPROVEN);
	ck_assert_uint_eq(fake_n(FAKE_SENDMSG), 0);
	finish();
}
END_TEST

START_TEST(send_arguments)
{
	static const uint8_t types[] = {0, 19, 24, 255};
	static const int flags[] = {MSG_OOB, MSG_EOR, MSG_ZEROCOPY,
				    MSG_DONTROUTE};

	fake_sys();
	for (size_t i = 0; i < sizeof(types); i++)
		ck_assert_int_eq(ktls_sock_send(FD, types[i], "a", 1, 0),
				 -EINVAL);
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		ck_assert_int_eq(
			ktls_sock_send(FD, KTLS_RECORD_DATA, "a", 1, flags[i]),
			-EINVAL);
	ck_assert_int_eq(
		ktls_sock_send(FD, KTLS_RECORD_ALERT, "a", 1, MSG_MORE),
		-EINVAL);
	ck_assert_uint_eq(fake_n(FAKE_GETSOCKOPT), 0);
	ck_assert_uint_eq(fake_n(FAKE_SENDMSG), 0);
	finish();
}
END_TEST

/* Only a type with it makes a zero-length sendmsg() close a record. */
START_TEST(send_nothing)
{
	const struct fake_log *call;

	with_keys();
	fake_push(FAKE_SENDMSG, 0);
	ck_assert_int_eq(ktls_sock_send(FD, (uint8_t)_i, NULL, 0, MSG_DONTWAIT),
			 0);
	call = fake_nth(FAKE_SENDMSG, 0);
	ck_assert_int_eq(call->type, KTLS_RECORD_DATA);
	ck_assert_uint_eq(call->len, 0);
	ck_assert_int_eq(call->flags, MSG_DONTWAIT | MSG_NOSIGNAL);
	finish();
}
END_TEST

START_TEST(send_nothing_more)
{
	with_keys();
	ck_assert_int_eq(
		ktls_sock_send(FD, KTLS_RECORD_DATA, NULL, 0, MSG_MORE), 0);
	ck_assert_uint_eq(fake_n(FAKE_SENDMSG), 0);
	finish();
}
END_TEST

static const struct {
	int kernel;
	int ours;
} send_errnos[] = {
	{EAGAIN, EAGAIN},	{EINTR, EINTR},
	{ENOMEM, ENOMEM},	{EFAULT, EFAULT},
	{EPIPE, EPIPE},		{ECONNRESET, ECONNRESET},
	{EACCES, EACCES},	{EBADMSG, EBADMSG},
	{EMSGSIZE, EMSGSIZE},	{EOPNOTSUPP, EOPNOTSUPP},
	{ETIMEDOUT, ETIMEDOUT}, {EINVAL, EPROTO},
};
#define SEND_ERRNOS (int)(sizeof(send_errnos) / sizeof(*send_errnos))

START_TEST(send_errno)
{
	const int expected = -send_errnos[_i].ours;

	with_keys();
	fake_push(FAKE_SENDMSG, -send_errnos[_i].kernel);
	ck_assert_int_eq(ktls_sock_send(FD, KTLS_RECORD_ALERT, "a", 1, 0),
			 expected);
	fake_push(FAKE_SENDMSG, -send_errnos[_i].kernel);
	ck_assert_int_eq(ktls__record_flush(FD, 0), expected);
	finish();
}
END_TEST

START_TEST(send_gathers)
{
	char one[] = "one", two[] = "two";
	const struct iovec iov[] = {{one, 3}, {NULL, 0}, {two, 3}};

	fake_sys();
	fake_push(FAKE_SENDMSG, 6);
	ck_assert_int_eq(
		ktls__record_send(FD, KTLS_RECORD_HANDSHAKE, iov, 3, 0), 6);
	ck_assert_mem_eq(fake_nth(FAKE_SENDMSG, 0)->bytes, "onetwo", 6);
	/* its caller has proven TX */
	ck_assert_uint_eq(fake_n(FAKE_GETSOCKOPT), 0);
	finish();
}
END_TEST

START_TEST(recv_type)
{
	uint8_t type = 0;
	char buf[8] = "";
	int flags = MSG_DONTWAIT;

	fake_sys();
	fake_push_record(_i, "ab", 2, MSG_EOR | 0x40000000);
	ck_assert_int_eq(ktls_sock_recv(FD, &type, buf, sizeof(buf), &flags),
			 2);
	ck_assert_int_eq(type, _i);
	ck_assert_mem_eq(buf, "ab", 2);
	ck_assert_int_eq(flags, MSG_EOR);
	ck_assert_int_eq(fake_nth(FAKE_RECVMSG, 0)->flags, MSG_DONTWAIT);
	/* and the result of one call may stand in the next one's flags */
	fake_push_record(_i, "c", 1, 0);
	ck_assert_int_eq(ktls_sock_recv(FD, &type, buf, sizeof(buf), &flags),
			 1);
	ck_assert_int_eq(fake_nth(FAKE_RECVMSG, 1)->flags, 0);
	ck_assert_int_eq(flags, 0);
	finish();
}
END_TEST

/* An empty record is one; no type and no bytes is a FIN. */
START_TEST(recv_empty)
{
	uint8_t type = 99;
	char buf[8];

	fake_sys();
	fake_push_record(KTLS_RECORD_DATA, "", 0, MSG_EOR);
	ck_assert_int_eq(ktls_sock_recv(FD, &type, buf, sizeof(buf), NULL), 0);
	ck_assert_uint_eq(type, KTLS_RECORD_DATA);
	fake_push_record(-1, "", 0, 0);
	ck_assert_int_eq(ktls_sock_recv(FD, &type, buf, sizeof(buf), NULL), 0);
	ck_assert_uint_eq(type, 0);
	finish();
}
END_TEST

START_TEST(recv_untyped)
{
	uint8_t type = 99;
	char buf[8];

	fake_sys();
	fake_push_record(-1, "ab", 2, 0);
	ck_assert_int_eq(ktls_sock_recv(FD, &type, buf, sizeof(buf), NULL),
			 -KTLS_ECMSG);
	fake_push_record(KTLS_RECORD_DATA, "ab", 2, MSG_CTRUNC | MSG_EOR);
	ck_assert_int_eq(ktls_sock_recv(FD, &type, buf, sizeof(buf), NULL),
			 -KTLS_ECMSG);
	fake_push_record(-1, "", 0, MSG_CTRUNC);
	ck_assert_int_eq(ktls_sock_recv(FD, &type, buf, sizeof(buf), NULL),
			 -KTLS_ECMSG);
	ck_assert_uint_eq(type, 0);
	finish();
}
END_TEST

START_TEST(recv_arguments)
{
	static const int bad[] = {MSG_OOB, MSG_TRUNC, MSG_ERRQUEUE};
	uint8_t type;
	char buf[8];

	fake_sys();
	ck_assert_int_eq(ktls_sock_recv(FD, &type, buf, 0, NULL), -EINVAL);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		int flags = bad[i];

		ck_assert_int_eq(ktls_sock_recv(FD, &type, buf, 8, &flags),
				 -EINVAL);
	}
	ck_assert_uint_eq(fake_n(FAKE_RECVMSG), 0);
	fake_push(FAKE_RECVMSG, -EAGAIN);
	for (int flags = MSG_PEEK | MSG_WAITALL; flags; flags = 0)
		ck_assert_int_eq(ktls_sock_recv(FD, &type, buf, 8, &flags),
				 -EAGAIN);
	ck_assert_int_eq(fake_nth(FAKE_RECVMSG, 0)->flags,
			 MSG_PEEK | MSG_WAITALL);
	finish();
}
END_TEST

static const struct {
	int kernel;
	int ours;
} recv_errnos[] = {
	{EIO, EIO},	      {EBADMSG, EBADMSG},
	{EMSGSIZE, EMSGSIZE}, {EINVAL, EPROTO},
	{EAGAIN, EAGAIN},     {EKEYEXPIRED, EKEYEXPIRED},
	{ENOMEM, ENOMEM},     {EFAULT, EFAULT},
	{EINTR, EINTR},	      {ECONNRESET, ECONNRESET},
	{ENOTCONN, ENOTCONN}, {ETIMEDOUT, ETIMEDOUT},
};
#define RECV_ERRNOS (int)(sizeof(recv_errnos) / sizeof(*recv_errnos))

START_TEST(recv_errno)
{
	uint8_t type = 99;
	char buf[8];
	int flags = MSG_DONTWAIT;

	fake_sys();
	fake_push(FAKE_RECVMSG, -recv_errnos[_i].kernel);
	ck_assert_int_eq(ktls_sock_recv(FD, &type, buf, sizeof(buf), &flags),
			 -recv_errnos[_i].ours);
	ck_assert_uint_eq(type, 0);
	ck_assert_int_eq(flags, MSG_DONTWAIT);
	finish();
}
END_TEST

START_TEST(recv_scatters)
{
	char one[3], two[8];
	const struct iovec iov[] = {{one, 3}, {two, 8}};
	uint8_t type;

	fake_sys();
	fake_push_record(KTLS_RECORD_DATA, "abcdef", 6, 0);
	ck_assert_int_eq(ktls__record_recv(FD, &type, iov, 2, NULL), 6);
	ck_assert_mem_eq(one, "abc", 3);
	ck_assert_mem_eq(two, "def", 3);
	ck_assert_uint_eq(fake_nth(FAKE_RECVMSG, 0)->len, 11);
	finish();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("record");
	TCase *tcase = tcase_create("record");

	tcase_add_loop_test(tcase, send_type, 20, 24);
	tcase_add_test(tcase, send_flags);
	tcase_add_test(tcase, send_unproven);
	tcase_add_test(tcase, send_nonsense_proof);
	tcase_add_test(tcase, send_arguments);
	tcase_add_loop_test(tcase, send_nothing, 20, 24);
	tcase_add_test(tcase, send_nothing_more);
	tcase_add_loop_test(tcase, send_errno, 0, SEND_ERRNOS);
	tcase_add_test(tcase, send_gathers);
	tcase_add_loop_test(tcase, recv_type, 20, 24);
	tcase_add_test(tcase, recv_empty);
	tcase_add_test(tcase, recv_untyped);
	tcase_add_test(tcase, recv_arguments);
	tcase_add_loop_test(tcase, recv_errno, 0, RECV_ERRNOS);
	tcase_add_test(tcase, recv_scatters);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
