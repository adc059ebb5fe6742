/* SPDX-License-Identifier: MIT */
/* sock.c: attach and install against every answer that a kernel can give. */
#include "sock.h"

#include <errno.h>

#include "fake_sys.h"
#include "sample_keys.h"
#include "suite_main.h"
#include "uapi.h"

#define FD FAKE_FD
#define OLD_ENOTSUPP 524

static const struct ktls__tls_crypto_info info_1_3 = {
	KTLS__TLS_1_3_VERSION, KTLS__TLS_CIPHER_AES_GCM_128};

static void finish(void)
{
	ck_assert_uint_eq(fake_left(), 0);
	fake_sys_end();
}

/* What the kernel is given for these keys, and shows. */
static size_t blob_of(uint8_t blob[KTLS_CRYPTO_INFO_MAX],
		      const struct ktls_keys *keys)
{
	int len = ktls_crypto_info(blob, KTLS_CRYPTO_INFO_MAX, keys);

	ck_assert_int_gt(len, 0);
	return (size_t)len;
}

static const struct {
	int kernel;
	int ours;
} attach_errnos[] = {
	{0, 0},
	{-EEXIST, 0},
	{-ENOENT, -ENOENT},
	{-ENOTCONN, -ENOTCONN},
	{-OLD_ENOTSUPP, -EOPNOTSUPP},
	{-EOPNOTSUPP, -EOPNOTSUPP},
	{-ENOPROTOOPT, -ENOPROTOOPT},
	{-EPERM, -EPERM},
	{-ENOMEM, -ENOMEM},
	{-EBADF, -EBADF},
	{-ENOTSOCK, -ENOTSOCK},
};
#define ATTACH_ERRNOS (int)(sizeof(attach_errnos) / sizeof(*attach_errnos))

START_TEST(attach)
{
	const struct fake_log *call;

	fake_sys();
	fake_push(FAKE_SETSOCKOPT, attach_errnos[_i].kernel);
	ck_assert_int_eq(ktls_sock_attach(FD), attach_errnos[_i].ours);
	call = fake_nth(FAKE_SETSOCKOPT, 0);
	ck_assert_int_eq(call->level, KTLS__SOL_TCP);
	ck_assert_int_eq(call->name, KTLS__TCP_ULP);
	ck_assert_uint_eq(call->len, 3);
	ck_assert_mem_eq(call->bytes, "tls", 3);
	finish();
}
END_TEST

static int install(int dir, const struct ktls_keys *keys, int set,
		   const uint8_t *echo, size_t echo_len)
{
	fake_sys();
	fake_push(FAKE_GETSOCKOPT, -EBUSY);
	fake_push(FAKE_SETSOCKOPT, set);
	if (echo)
		fake_push_data(FAKE_GETSOCKOPT, 0, echo, echo_len);
	return ktls_sock_install(FD, dir, keys);
}

START_TEST(install_each_suite)
{
	const struct ktls_keys keys = sample_keys(sample_suites[_i / 2]);
	int dir = _i % 2 ? KTLS_RX : KTLS_TX;
	uint8_t blob[KTLS_CRYPTO_INFO_MAX];
	size_t len = blob_of(blob, &keys);
	const struct fake_log *call;

	ck_assert_int_eq(install(dir, &keys, 0, blob, len), 0);
	ck_assert_uint_eq(fake_n(FAKE_SETSOCKOPT), 1);
	call = fake_nth(FAKE_SETSOCKOPT, 0);
	ck_assert_int_eq(call->level, KTLS__SOL_TLS);
	ck_assert_int_eq(call->name, dir);
	ck_assert_uint_eq(call->len, len);
	ck_assert_mem_eq(call->bytes, blob, len);
	ck_assert_uint_eq(fake_nth(FAKE_GETSOCKOPT, 0)->len, 4);
	for (size_t i = 0; i < 2; i++) {
		call = fake_nth(FAKE_GETSOCKOPT, i);
		ck_assert_int_eq(call->level, KTLS__SOL_TLS);
		ck_assert_int_eq(call->name, dir);
	}
	ck_assert_uint_eq(fake_nth(FAKE_GETSOCKOPT, 1)->len, len);
	finish();
}
END_TEST

static const struct {
	int kernel;
	int ours;
} install_errnos[] = {
	{-ENOPROTOOPT, -ENOPROTOOPT},
	{-EINVAL, -EINVAL},
	{-EBUSY, -EBUSY},
	{-ENOENT, -ENOENT},
	{-ENOMEM, -ENOMEM},
	{-EFAULT, -EFAULT},
	{-EINTR, -EINTR},
	{-OLD_ENOTSUPP, -EOPNOTSUPP},
};
#define INSTALL_ERRNOS (int)(sizeof(install_errnos) / sizeof(*install_errnos))

START_TEST(install_refused)
{
	const struct ktls_keys keys = sample_keys(0x1301);
	int dir = _i % 2 ? KTLS_RX : KTLS_TX;

	ck_assert_int_eq(
		install(dir, &keys, install_errnos[_i / 2].kernel, NULL, 0),
		install_errnos[_i / 2].ours);
	/* Nothing was installed, so nothing needs a proof. */
	ck_assert_uint_eq(fake_n(FAKE_GETSOCKOPT), 1);
	finish();
}
END_TEST

/* One wrong byte anywhere: version, cipher, iv, key, salt or rec_seq. */
START_TEST(echo_differs)
{
	const struct ktls_keys keys = sample_keys(sample_suites[_i]);
	uint8_t blob[KTLS_CRYPTO_INFO_MAX];
	size_t len = blob_of(blob, &keys);

	for (size_t at = 0; at < len; at++) {
		blob[at] ^= 0x10;
		ck_assert_int_eq(install(KTLS_TX, &keys, 0, blob, len),
				 -KTLS_EUNPROVEN);
		blob[at] ^= 0x10;
		finish();
	}
	ck_assert_int_eq(install(KTLS_TX, &keys, 0, blob, len - 1),
			 -KTLS_EUNPROVEN);
	finish();
}
END_TEST

/* Short of a sequence number that is 0: what is missing is not proven. */
START_TEST(echo_short)
{
	struct ktls_keys keys = sample_keys(sample_suites[_i]);
	uint8_t blob[KTLS_CRYPTO_INFO_MAX];
	size_t len;

	keys.seq = 0;
	len = blob_of(blob, &keys);
	ck_assert_int_eq(install(KTLS_TX, &keys, 0, blob, len - 8),
			 -KTLS_EUNPROVEN);
	finish();
}
END_TEST

START_TEST(echo_refused)
{
	static const int errnos[] = {ENOPROTOOPT, EINVAL, EBUSY, EOPNOTSUPP,
				     EFAULT};
	const struct ktls_keys keys = sample_keys(0x1301);

	fake_sys();
	fake_push(FAKE_GETSOCKOPT, -EBUSY);
	fake_push(FAKE_SETSOCKOPT, 0);
	fake_push(FAKE_GETSOCKOPT, -errnos[_i]);
	ck_assert_int_eq(ktls_sock_install(FD, KTLS_TX, &keys),
			 -KTLS_EUNPROVEN);
	finish();
}
END_TEST

/* A second install would be a rekey from Linux 6.14 on. */
START_TEST(keys_are_there)
{
	const struct ktls_keys keys = sample_keys(0x1301);

	fake_sys();
	fake_push_data(FAKE_GETSOCKOPT, 0, &info_1_3, sizeof(info_1_3));
	ck_assert_int_eq(ktls_sock_install(FD, _i, &keys), -EBUSY);
	ck_assert_uint_eq(fake_n(FAKE_SETSOCKOPT), 0);
	finish();
}
END_TEST

static const struct {
	int kernel;
	int ours;
} vacant_errnos[] = {
	{-EOPNOTSUPP, -ENOPROTOOPT},  /* no ULP, IPv4 */
	{-ENOPROTOOPT, -ENOPROTOOPT}, /* no ULP, IPv6; TLS_RX before 5.11 */
	{-EBADF, -EBADF},
	{-ENOTSOCK, -ENOTSOCK},
	{-EINVAL, -EINVAL},
};
#define VACANT_ERRNOS (int)(sizeof(vacant_errnos) / sizeof(*vacant_errnos))

START_TEST(not_asked_to_install)
{
	const struct ktls_keys keys = sample_keys(0x1301);

	fake_sys();
	fake_push(FAKE_GETSOCKOPT, vacant_errnos[_i].kernel);
	ck_assert_int_eq(ktls_sock_install(FD, KTLS_RX, &keys),
			 vacant_errnos[_i].ours);
	ck_assert_uint_eq(fake_n(FAKE_SETSOCKOPT), 0);
	finish();
}
END_TEST

/* A sandbox that says yes to everything. */
START_TEST(nonsense_answers)
{
	const struct ktls_keys keys = sample_keys(0x1301);
	static const uint8_t zeros[8];

	for (size_t len = 0; len <= sizeof(zeros); len += 4) {
		fake_sys();
		fake_push_data(FAKE_GETSOCKOPT, 0, zeros, len);
		ck_assert_int_eq(ktls_sock_install(FD, KTLS_TX, &keys),
				 -KTLS_EUNPROVEN);
		ck_assert_uint_eq(fake_n(FAKE_SETSOCKOPT), 0);
		finish();
	}
}
END_TEST

START_TEST(arguments)
{
	struct ktls_keys keys = sample_keys(0x1301);

	fake_sys();
	ck_assert_int_eq(ktls_sock_install(FD, 0, &keys), -EINVAL);
	ck_assert_int_eq(ktls_sock_install(FD, KTLS_TX | KTLS_RX, &keys),
			 -EINVAL);
	keys.version = 0x0302;
	ck_assert_int_eq(ktls_sock_install(FD, KTLS_TX, &keys), -KTLS_EVERSION);
	keys.version = KTLS_TLS_1_2;
	ck_assert_int_eq(ktls_sock_install(FD, KTLS_TX, &keys), -KTLS_ESUITE);
	keys.version = KTLS_TLS_1_3;
	keys.suite = 0x1304;
	ck_assert_int_eq(ktls_sock_install(FD, KTLS_TX, &keys), -KTLS_ESUITE);
	ck_assert_uint_eq(fake_n(FAKE_GETSOCKOPT), 0);
	ck_assert_uint_eq(fake_n(FAKE_SETSOCKOPT), 0);
	finish();
}
END_TEST

START_TEST(has_keys)
{
	static const struct {
		int kernel;
		int ours;
	} cases[] = {{-EBUSY, 0},
		     {-EOPNOTSUPP, 0},
		     {-ENOPROTOOPT, 0},
		     {-EBADF, -EBADF},
		     {-ENOTSOCK, -ENOTSOCK}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		fake_sys();
		fake_push(FAKE_GETSOCKOPT, cases[i].kernel);
		ck_assert_int_eq(ktls__sock_has_keys(FD, KTLS_TX),
				 cases[i].ours);
		finish();
	}
	fake_sys();
	fake_push_data(FAKE_GETSOCKOPT, 0, &info_1_3, sizeof(info_1_3));
	ck_assert_int_eq(ktls__sock_has_keys(FD, KTLS_RX), 1);
	ck_assert_int_eq(fake_nth(FAKE_GETSOCKOPT, 0)->name, KTLS__TLS_RX);
	finish();
}
END_TEST

static int rec_seq(const struct ktls__suite *suite, const uint8_t *blob,
		   size_t len, uint64_t *seq)
{
	int err;

	fake_sys();
	fake_push_data(FAKE_GETSOCKOPT, 0, blob, len);
	err = ktls__sock_rec_seq(FD, KTLS_TX, suite, seq);
	ck_assert_uint_eq(fake_nth(FAKE_GETSOCKOPT, 0)->len, suite->info_len);
	finish();
	return err;
}

START_TEST(sequence)
{
	const struct ktls__suite *suite = ktls__suite_find(sample_suites[_i]);
	const struct ktls_keys keys = sample_keys(sample_suites[_i]);
	uint8_t blob[KTLS_CRYPTO_INFO_MAX];
	size_t len = blob_of(blob, &keys);
	uint64_t seq = 0;

	ck_assert_int_eq(rec_seq(suite, blob, len, &seq), 0);
	ck_assert_uint_eq(seq, keys.seq);
	for (size_t at = 0; at < 4; at++) {
		blob[at] ^= 1;
		ck_assert_int_eq(rec_seq(suite, blob, len, &seq),
				 -KTLS_EUNPROVEN);
		blob[at] ^= 1;
	}
	ck_assert_int_eq(rec_seq(suite, blob, len - 8, &seq), -KTLS_EUNPROVEN);
	fake_sys();
	fake_push(FAKE_GETSOCKOPT, -EBUSY);
	ck_assert_int_eq(ktls__sock_rec_seq(FD, KTLS_TX, suite, &seq), -EBUSY);
	finish();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sock");
	TCase *tcase = tcase_create("sock");

	tcase_add_loop_test(tcase, attach, 0, ATTACH_ERRNOS);
	tcase_add_loop_test(tcase, install_each_suite, 0, 2 * SAMPLE_SUITES);
	tcase_add_loop_test(tcase, install_refused, 0, 2 * INSTALL_ERRNOS);
	tcase_add_loop_test(tcase, echo_differs, 0, SAMPLE_SUITES);
	tcase_add_loop_test(tcase, echo_short, 0, SAMPLE_SUITES);
	tcase_add_loop_test(tcase, echo_refused, 0, 5);
	tcase_add_loop_test(tcase, keys_are_there, KTLS_TX, KTLS_RX + 1);
	tcase_add_loop_test(tcase, not_asked_to_install, 0, VACANT_ERRNOS);
	tcase_add_test(tcase, nonsense_answers);
	tcase_add_test(tcase, arguments);
	tcase_add_test(tcase, has_keys);
	tcase_add_loop_test(tcase, sequence, 0, SAMPLE_SUITES);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
