/* SPDX-License-Identifier: MIT */
/*
 * Each reason that the kernel or the caller gives for not being in the
 * kernel, made to happen; behind each of them the connection goes on in both
 * directions, nothing lost.
 */
#include <errno.h>
#include <string.h>

#include "duo.h"
#include "fake_kernel.h"
#include "sys.h"
#include "tests/unit/suite_main.h"
#include "uapi.h"

START_TEST(none)
{
	struct ktls_opts opts = duo_both();
	struct duo d;

	duo_open(&d, 0);
	duo_ready(&d);
	duo_expect(&d, &opts, KTLS_REASON_NONE, KTLS_REASON_NONE);
}
END_TEST

START_TEST(policy)
{
	struct ktls_opts opts = duo_both();
	struct duo d;

	duo_open(&d, 1);
	duo_ready(&d);
	opts.tx = _i & 1 ? KTLS_LIBRARY : KTLS_KERNEL;
	opts.rx = _i & 2 ? KTLS_LIBRARY : KTLS_KERNEL;
	duo_expect(&d, &opts, _i & 1 ? KTLS_REASON_POLICY : KTLS_REASON_NONE,
	       _i & 2 ? KTLS_REASON_POLICY : KTLS_REASON_NONE);
}
END_TEST

START_TEST(userspace)
{
	struct ktls_conn_info info = { .size = sizeof(info) };
	struct ktls *k;
	struct duo d;

	duo_open(&d, 1);
	if (_i & 4)
		SSL_CTX_set_max_proto_version(d.ctx, TLS1_2_VERSION);
	duo_ready(&d);
	k = duo_choose(&d, KTLS_USERSPACE, _i & 1 ? KTLS_LIBRARY :
			   _i & 2 ? KTLS_KERNEL : KTLS_USERSPACE);
	duo_paths(k, KTLS_PATH_USERSPACE, _i & 1 ? KTLS_PATH_LIBRARY :
		  _i & 2 ? KTLS_PATH_KERNEL : KTLS_PATH_USERSPACE);
	ktls_info(k, &info);
	ck_assert_int_eq(info.tx.reason, KTLS_REASON_POLICY);
	duo_alive(&d, k);
	duo_close(&d, k);
}
END_TEST

/* Left to itself, RX of TLS 1.3 goes where its keys can be changed. */
START_TEST(no_rekey)
{
	struct duo d;

	duo_open(&d, _i & 1);
	if (_i & 2)
		SSL_CTX_set_max_proto_version(d.ctx, TLS1_2_VERSION);
	duo_ready(&d);
	duo_expect(&d, NULL, KTLS_REASON_NONE,
	       _i == 0 ? KTLS_REASON_NO_REKEY : KTLS_REASON_NONE);
}
END_TEST

START_TEST(no_module)
{
	struct ktls_opts opts = duo_both();
	struct duo d;

	duo_open(&d, 1);
	fake_kernel_refuse(d.fd, FAKE_ULP, ENOENT);
	duo_ready(&d);
	duo_expect(&d, &opts, KTLS_REASON_NO_MODULE, KTLS_REASON_NO_MODULE);
}
END_TEST

START_TEST(attach_refused)
{
	struct ktls_conn_info info = { .size = sizeof(info) };
	struct ktls_opts opts = duo_both();
	struct ktls *k;
	struct duo d;

	duo_open(&d, 1);
	fake_kernel_refuse(d.fd, FAKE_ULP, ENOTCONN);
	duo_ready(&d);
	ck_assert_int_eq(ktls_handoff(&k, d.ssl, &opts), 0);
	duo_reasons(k, KTLS_REASON_ATTACH, KTLS_REASON_ATTACH);
	ktls_info(k, &info);
	ck_assert_int_eq(info.tx.reason_errno, ENOTCONN);
	duo_alive(&d, k);
	duo_close(&d, k);
}
END_TEST

/* The probe has spent a sequence number of the SSL by then. */
START_TEST(install_refused)
{
	struct ktls_opts opts = duo_both();
	int tx = _i & 1;
	int rx = _i & 2;
	struct duo d;

	duo_open(&d, 1);
	if (_i & 4)
		SSL_CTX_set_max_proto_version(d.ctx, TLS1_2_VERSION);
	duo_ready(&d);
	if (tx)
		fake_kernel_refuse(d.fd, KTLS_TX, EINVAL);
	if (rx)
		fake_kernel_refuse(d.fd, KTLS_RX, ENOMEM);
	duo_expect(&d, &opts, tx ? KTLS_REASON_INSTALL : KTLS_REASON_NONE,
	       rx ? KTLS_REASON_INSTALL : KTLS_REASON_NONE);
}
END_TEST

static struct ktls__sys sandbox;
static int sandbox_fd;
static int (*fake_setsockopt)(int fd, int level, int name, const void *val,
			      socklen_t len);

/* Success for every option, and nothing done. */
static int yes_to_all(int fd, int level, int name, const void *val,
		      socklen_t len)
{
	if (fd == sandbox_fd && level == KTLS__SOL_TLS)
		return 0;
	return fake_setsockopt(fd, level, name, val, len);
}

static int no_chacha(int fd, int level, int name, const void *val,
		     socklen_t len)
{
	struct ktls__tls_crypto_info info;

	if (level == KTLS__SOL_TLS && len > sizeof(info)) {
		memcpy(&info, val, sizeof(info));
		if (info.cipher_type == KTLS__TLS_CIPHER_CHACHA20_POLY1305)
			return -EINVAL;
	}
	return fake_setsockopt(fd, level, name, val, len);
}

static void replace_setsockopt(int (*call)(int fd, int level, int name,
					   const void *val, socklen_t len))
{
	sandbox = *ktls__sys;
	fake_setsockopt = sandbox.setsockopt;
	sandbox.setsockopt = call;
	ktls__sys = &sandbox;
}

START_TEST(unproven)
{
	struct ktls_opts opts = duo_both();
	struct duo d;

	duo_open(&d, 1);
	duo_ready(&d);
	/* what the kernel offers is known by now: only this socket lies */
	ck_assert_int_eq(ktls_probe(&(struct ktls_features){
				 .size = sizeof(struct ktls_features) }), 0);
	sandbox_fd = d.fd;
	replace_setsockopt(yes_to_all);
	duo_expect(&d, &opts, KTLS_REASON_UNPROVEN, KTLS_REASON_UNPROVEN);
}
END_TEST

START_TEST(kernel_suite)
{
	struct ktls_opts opts = duo_both();
	struct duo d;

	duo_open(&d, 1);
	replace_setsockopt(no_chacha);
	SSL_CTX_set_ciphersuites(d.ctx, "TLS_CHACHA20_POLY1305_SHA256");
	duo_ready(&d);
	duo_expect(&d, &opts, KTLS_REASON_KERNEL_SUITE,
		   KTLS_REASON_KERNEL_SUITE);
}
END_TEST

/* Linux 6.14 and later would take ours for a rekey. */
START_TEST(already_on)
{
	struct ktls_keys keys = { .version = KTLS_TLS_1_3, .suite = 0x1301 };
	struct ktls_opts opts = duo_both();
	struct ktls *k;
	struct duo d;

	duo_open(&d, 1);
	duo_ready(&d);
	ck_assert_int_eq(ktls_sock_attach(d.fd), 0);
	ck_assert_int_eq(ktls_sock_install(d.fd, KTLS_TX, &keys), 0);
	ck_assert_int_eq(ktls_handoff(&k, d.ssl, &opts), 0);
	duo_reasons(k, KTLS_REASON_ALREADY_ON, KTLS_REASON_ALREADY_ON);
	duo_close(&d, k);
}
END_TEST

int main(void)
{
	Suite *all = suite_create("reasons_kernel");
	TCase *tcase = tcase_create("each");

	tcase_add_test(tcase, none);
	tcase_add_loop_test(tcase, policy, 0, 4);
	tcase_add_loop_test(tcase, userspace, 0, 8);
	tcase_add_loop_test(tcase, no_rekey, 0, 4);
	tcase_add_test(tcase, no_module);
	tcase_add_test(tcase, attach_refused);
	tcase_add_loop_test(tcase, install_refused, 0, 8);
	tcase_add_test(tcase, unproven);
	tcase_add_test(tcase, kernel_suite);
	tcase_add_test(tcase, already_on);
	suite_add_tcase(all, tcase);
	return suite_main(all);
}
