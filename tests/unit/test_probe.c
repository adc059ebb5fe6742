/* SPDX-License-Identifier: MIT */
/* probe.c: every kernel that differs, over a fake one; what is kept. */
#include "probe.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

#include "fake_kernel.h"
#include "suite_main.h"
#include "uapi.h"

#define ALL_CIPHERS 7U

/* Answers are kept for the life of the process: every test is one. */
static struct fake_kernel *const kernel = &fake_kernel_state;

static struct ktls_features probe(int expected)
{
	struct ktls_features f;

	memset(&f, 0x55, sizeof(f));
	f.size = sizeof(f);
	ck_assert_int_eq(ktls_probe(&f), expected);
	ck_assert_int_eq(kernel->n_open, 0);
	return f;
}

static void expect_nothing(int ulp)
{
	struct ktls_features f = probe(0);

	ck_assert_int_eq(f.ulp, ulp);
	ck_assert_uint_eq(f.tx_1_2 | f.rx_1_2 | f.tx_1_3 | f.rx_1_3, 0);
	ck_assert_int_eq(
		f.rekey | f.zerocopy_ro | f.expect_no_pad | f.max_payload, 0);
	ck_assert_int_eq(ktls__probe_ulp(), ulp);
	ck_assert_int_eq(ktls__probe_rekey(), 0);
	ck_assert_int_eq(ktls__probe_suite(ktls__suite_at(0), KTLS_TX), 0);
}

START_TEST(everything)
{
	struct ktls_features f;

	fake_kernel();
	f = probe(0);
	ck_assert_uint_eq(f.size, sizeof(f));
	ck_assert_int_eq(f.ulp, 0);
	ck_assert_uint_eq(f.tx_1_2, ALL_CIPHERS);
	ck_assert_uint_eq(f.rx_1_2, ALL_CIPHERS);
	ck_assert_uint_eq(f.tx_1_3, ALL_CIPHERS);
	ck_assert_uint_eq(f.rx_1_3, ALL_CIPHERS);
	ck_assert_int_eq(f.rekey, 1);
	ck_assert_int_eq(f.zerocopy_ro, 1);
	ck_assert_int_eq(f.expect_no_pad, 1);
	ck_assert_int_eq(f.max_payload, 1);
}
END_TEST

START_TEST(asked_once)
{
	int n;

	fake_kernel();
	probe(0);
	n = kernel->n_sockets;
	probe(0);
	ck_assert_int_eq(ktls__probe_rekey(), 1);
	ck_assert_int_eq(ktls__probe_suite(ktls__suite_at(0), KTLS_RX), 1);
	ck_assert_int_eq(kernel->n_sockets, n);
}
END_TEST

/* One suite asked for is one suite tried. */
START_TEST(lazy)
{
	const struct ktls__suite *suite = ktls__suite_find(0xc030);

	fake_kernel();
	ck_assert_int_eq(ktls__probe_suite(suite, KTLS_TX), 1);
	ck_assert_int_eq(ktls__probe_suite(suite, KTLS_RX), 1);
	/* another suite, the same cipher and version */
	ck_assert_int_eq(ktls__probe_suite(ktls__suite_find(0xc02c), KTLS_TX),
			 1);
	ck_assert_int_eq(kernel->n_installs, 2);
}
END_TEST

/* Each cipher and version alone, TX with and without RX. */
START_TEST(one_suite)
{
	const int version = _i & 1, with_rx = _i >> 1 & 1;
	const unsigned bit = 1U << (_i >> 2);
	const unsigned rx = with_rx ? bit : 0;
	struct ktls_features f;

	fake_kernel();
	memset(kernel->tx, 0, sizeof(kernel->tx));
	memset(kernel->rx, 0, sizeof(kernel->rx));
	kernel->tx[version] = bit;
	kernel->rx[version] = rx;
	f = probe(0);
	ck_assert_uint_eq(f.tx_1_2, version ? 0 : bit);
	ck_assert_uint_eq(f.tx_1_3, version ? bit : 0);
	ck_assert_uint_eq(f.rx_1_2, version ? 0 : rx);
	ck_assert_uint_eq(f.rx_1_3, version ? rx : 0);
	ck_assert_int_eq(f.rekey, version && with_rx);
}
END_TEST

START_TEST(no_rekey)
{
	fake_kernel();
	kernel->rekey = 0;
	ck_assert_int_eq(ktls__probe_rekey(), 0);
	ck_assert_int_eq(probe(0).zerocopy_ro, 1);
}
END_TEST

START_TEST(options)
{
	struct ktls_features f;

	fake_kernel();
	kernel->options = 1U << _i;
	f = probe(0);
	ck_assert_int_eq(f.zerocopy_ro, _i == KTLS__TLS_TX_ZEROCOPY_RO);
	ck_assert_int_eq(f.expect_no_pad, _i == KTLS__TLS_RX_EXPECT_NO_PAD);
	ck_assert_int_eq(f.max_payload, _i == KTLS__TLS_TX_MAX_PAYLOAD_LEN);
	ck_assert_int_eq(f.rekey, 1);
}
END_TEST

START_TEST(forgetful)
{
	struct ktls_features f;

	fake_kernel();
	kernel->forgets_options = 1;
	f = probe(0);
	ck_assert_int_eq(f.zerocopy_ro | f.expect_no_pad | f.max_payload, 0);
	ck_assert_int_eq(f.rekey, 1);
}
END_TEST

/* A missing module is found without any connection, and is kept. */
START_TEST(no_module)
{
	fake_kernel();
	kernel->ulp_unconnected = -ENOENT;
	kernel->connect_err = -ECONNREFUSED;
	expect_nothing(-ENOENT);
	kernel->ulp_unconnected = -ENOTCONN;
	expect_nothing(-ENOENT);
	ck_assert_int_eq(kernel->n_sockets, 1);
}
END_TEST

/* Linux before 5.5 says 524 in place of ENOTCONN, before 4.16 nothing. */
START_TEST(old_linux)
{
	fake_kernel();
	kernel->ulp_unconnected = _i ? -524 : 0;
	ck_assert_int_eq(ktls__probe_ulp(), 0);
	ck_assert_uint_eq(probe(0).tx_1_3, ALL_CIPHERS);
}
END_TEST

START_TEST(gullible_sandbox)
{
	fake_kernel_gullible();
	expect_nothing(-EOPNOTSUPP);
}
END_TEST

/* ... and one that has at least heard of ENOTCONN. */
START_TEST(no_echo)
{
	struct ktls_features f;

	fake_kernel();
	kernel->no_echo = 1;
	f = probe(0);
	ck_assert_int_eq(f.ulp, 0);
	ck_assert_uint_eq(f.tx_1_2 | f.rx_1_2 | f.tx_1_3 | f.rx_1_3, 0);
	ck_assert_int_eq(f.rekey, 0);
}
END_TEST

/* The echo alone is not enough: what leaves the socket is looked at. */
START_TEST(no_encryption)
{
	fake_kernel();
	kernel->no_encryption = _i;
	ck_assert_int_eq(ktls__probe_suite(ktls__suite_at(0), KTLS_TX), 0);
	ck_assert_uint_eq(probe(0).tx_1_2, 0);
}
END_TEST

/* What says nothing about TLS is an error, and not kept. */
START_TEST(transient)
{
	static const int errnos[] = {EMFILE, ENFILE, ENOMEM, ENOBUFS, EACCES};
	const struct ktls__suite *suite = ktls__suite_at(0);
	int err = -errnos[_i];

	fake_kernel();
	kernel->socket_err = err;
	probe(err);
	ck_assert_int_eq(ktls__probe_ulp(), err);
	ck_assert_int_eq(ktls__probe_suite(suite, KTLS_TX), err);
	ck_assert_int_eq(ktls__probe_rekey(), err);
	kernel->socket_err = 0;
	kernel->connect_err = err;
	probe(err);
	ck_assert_int_eq(ktls__probe_suite(suite, KTLS_TX), err);
	kernel->connect_err = 0;
	ck_assert_int_eq(probe(0).rekey, 1);
}
END_TEST

START_TEST(transient_install)
{
	const struct ktls__suite *suite = ktls__suite_at(0);

	fake_kernel();
	kernel->tx[1] = 0;
	kernel->install_err = -ENOMEM;
	ck_assert_int_eq(ktls__probe_suite(suite, KTLS_TX), -ENOMEM);
	kernel->install_err = -ENOENT;
	ck_assert_int_eq(ktls__probe_suite(suite, KTLS_TX), 0);
	kernel->tx[1] = ALL_CIPHERS;
	ck_assert_int_eq(ktls__probe_suite(suite, KTLS_TX), 0);
	ck_assert_int_eq(kernel->n_open, 0);
}
END_TEST

START_TEST(transient_ulp)
{
	fake_kernel();
	kernel->ulp_unconnected = -ENOMEM;
	ck_assert_int_eq(ktls__probe_ulp(), -ENOMEM);
	kernel->ulp_unconnected = -ENOTCONN;
	ck_assert_int_eq(ktls__probe_ulp(), 0);
}
END_TEST

/* Members that the caller does not know, or only half, are not written. */
START_TEST(sizes)
{
	struct ktls_features f;
	size_t at = (size_t)_i;

	fake_kernel();
	memset(&f, 0x55, sizeof(f));
	f.size = at;
	ck_assert_int_eq(ktls_probe(&f), at < sizeof(size_t) ? -EINVAL : 0);
	ck_assert_uint_eq(f.size, at);
	for (size_t i = sizeof(size_t); i < sizeof(f); i++) {
		uint8_t byte = ((uint8_t *)&f)[i];

		if (i >= at / 4 * 4)
			ck_assert_uint_eq(byte, 0x55);
		else
			ck_assert_uint_ne(byte, 0x55);
	}
}
END_TEST

static void *probe_all(void *arg)
{
	struct ktls_features *f = arg;

	f->size = sizeof(*f);
	return ktls_probe(f) == 0 ? arg : NULL;
}

/* The real kernel, whatever it has: threads agree.  For TSan, too. */
START_TEST(threads_agree)
{
	struct ktls_features found[4];
	pthread_t threads[4];

	memset(found, 0, sizeof(found));
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, probe_all, &found[i]),
			0);
	for (int i = 0; i < 4; i++) {
		void *done;

		ck_assert_int_eq(pthread_join(threads[i], &done), 0);
		ck_assert_ptr_nonnull(done);
		ck_assert_mem_eq(&found[i], &found[0], sizeof(found[0]));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("probe");
	TCase *tcase = tcase_create("probe");

	tcase_add_test(tcase, everything);
	tcase_add_test(tcase, asked_once);
	tcase_add_test(tcase, lazy);
	tcase_add_loop_test(tcase, one_suite, 0, 12);
	tcase_add_test(tcase, no_rekey);
	tcase_add_loop_test(tcase, options, 3, 6);
	tcase_add_test(tcase, no_module);
	tcase_add_loop_test(tcase, old_linux, 0, 2);
	tcase_add_test(tcase, gullible_sandbox);
	tcase_add_test(tcase, no_echo);
	tcase_add_loop_test(tcase, no_encryption, 1, 3);
	tcase_add_test(tcase, forgetful);
	tcase_add_loop_test(tcase, transient, 0, 5);
	tcase_add_test(tcase, transient_install);
	tcase_add_test(tcase, transient_ulp);
	tcase_add_loop_test(tcase, sizes, 0,
			    (int)sizeof(struct ktls_features) + 5);
	tcase_add_test(tcase, threads_agree);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
