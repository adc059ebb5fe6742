/* SPDX-License-Identifier: MIT */
/* KTLS_PATH against what the program asks for, which is a variant's paths. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conn.h"
#include "rig.h"
#include "tests/tls_calls.h"

/* Also where the variants do without it: an operator can bring it back. */
static int has_kernel;

/* The hand-off of an operator who has set it. */
static int hand_off(struct rig *rig, const char *path)
{
	struct ktls_opts opts = KTLS_OPTS_INIT;
	int err;

	opts.flags = tls_take();
	opts.tx = rig->config.tx;
	opts.rx = rig->config.rx;
	ck_assert_int_eq(setenv("KTLS_PATH", path, 1), 0);
	err = rig_take_over(rig, &opts);
	ck_assert_int_eq(unsetenv("KTLS_PATH"), 0);
	if (err < 0)
		return err;
	tls_let_go(rig->ssl, opts.flags);
	rig->ssl = NULL;
	return 0;
}

static struct ktls_conn_info start(struct rig *rig, int i, const char *path)
{
	struct rig_config config = rig_variant(i);

	rig_open(rig, &config);
	ck_assert_int_eq(hand_off(rig, path), 0);
	return rig_info(rig);
}

static void finish(struct rig *rig)
{
	rig_send(rig, KTLS_RECORD_DATA, "theirs", 6);
	conn_expect_data(rig, "theirs");
	conn_expect_sent(rig, "ours");
	rig_close(rig);
}

static void expect_environment(const struct ktls_direction *dir,
			       enum ktls_path path)
{
	ck_assert_int_eq(dir->path, path);
	ck_assert_int_eq(dir->reason, KTLS_REASON_ENVIRONMENT);
	ck_assert_int_eq(dir->reason_errno, 0);
}

/* As if nobody had set anything. */
static void expect_asked(const struct ktls_direction *dir,
			 enum ktls_choice choice)
{
	ck_assert_int_ne(dir->reason, KTLS_REASON_ENVIRONMENT);
	if (choice == KTLS_KERNEL && has_kernel) {
		ck_assert_int_eq(dir->path, KTLS_PATH_KERNEL);
		ck_assert_int_eq(dir->reason, KTLS_REASON_NONE);
	} else if (choice != KTLS_KERNEL) {
		ck_assert_int_eq(dir->path, choice == KTLS_LIBRARY ?
					    KTLS_PATH_LIBRARY :
					    KTLS_PATH_USERSPACE);
		ck_assert_int_eq(dir->reason, KTLS_REASON_POLICY);
	}
}

START_TEST(test_both)
{
	/* which is not there without an SSL */
	const enum ktls_path library = rig_keys() ? KTLS_PATH_USERSPACE :
						    KTLS_PATH_LIBRARY;
	struct ktls_conn_info info;
	struct rig rig;

	info = start(&rig, _i, "userspace");
	expect_environment(&info.tx, KTLS_PATH_USERSPACE);
	expect_environment(&info.rx, KTLS_PATH_USERSPACE);
	finish(&rig);
	info = start(&rig, _i, "library");
	expect_environment(&info.tx, library);
	expect_environment(&info.rx, library);
	finish(&rig);
	info = start(&rig, _i, "rx=library,tx=userspace");
	expect_environment(&info.tx, KTLS_PATH_USERSPACE);
	expect_environment(&info.rx, library);
	finish(&rig);
}
END_TEST

START_TEST(test_one)
{
	struct ktls_conn_info info;
	struct rig rig;

	info = start(&rig, _i, "tx=userspace");
	expect_environment(&info.tx, KTLS_PATH_USERSPACE);
	expect_asked(&info.rx, rig.config.rx);
	finish(&rig);
	info = start(&rig, _i, "rx=userspace");
	expect_asked(&info.tx, rig.config.tx);
	expect_environment(&info.rx, KTLS_PATH_USERSPACE);
	finish(&rig);
}
END_TEST

/* Into the kernel, which nobody had asked for. */
START_TEST(test_kernel)
{
	struct ktls_conn_info info;
	struct rig rig;

	info = start(&rig, _i, "kernel");
	expect_asked(&info.tx, KTLS_KERNEL);
	expect_asked(&info.rx, KTLS_KERNEL);
	finish(&rig);
}
END_TEST

START_TEST(test_auto)
{
	struct ktls_conn_info info;
	struct rig rig;

	info = start(&rig, _i, "auto");
	expect_asked(&info.tx, KTLS_KERNEL);
	if (rig.config.version == KTLS_TLS_1_2 || rig_rekey()) {
		expect_asked(&info.rx, KTLS_KERNEL);
	} else {
		ck_assert_int_eq(info.rx.path, KTLS_PATH_USERSPACE);
		ck_assert_int_eq(info.rx.reason,
				 has_kernel ? KTLS_REASON_NO_REKEY :
						KTLS_REASON_NO_MODULE);
	}
	finish(&rig);
}
END_TEST

/* Nothing has happened to the SSL, and the next hand-off is as ever. */
START_TEST(test_wrong)
{
	struct rig_config config = rig_variant(_i);
	struct ktls_conn_info info;
	struct rig rig;

	rig_open(&rig, &config);
	ck_assert_int_eq(hand_off(&rig, "tx=kernels"), -EINVAL);
	ck_assert_ptr_null(rig.k);
	ck_assert_int_eq(hand_off(&rig, ""), 0);
	info = rig_info(&rig);
	expect_asked(&info.tx, config.tx);
	expect_asked(&info.rx, config.rx);
	finish(&rig);
}
END_TEST

TCase *conn_choice_case(void)
{
	struct ktls_features features = { .size = sizeof(features) };
	TCase *tcase = tcase_create("choice");

	has_kernel = ktls_probe(&features) == 0 && features.ulp == 0;
	tcase_set_timeout(tcase, CONN_LIMIT);
	conn_add(tcase, test_both);
	conn_add(tcase, test_one);
	conn_add(tcase, test_kernel);
	conn_add(tcase, test_auto);
	conn_add(tcase, test_wrong);
	return tcase;
}
