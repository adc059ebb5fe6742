/* SPDX-License-Identifier: MIT */
/*
 * Conformance of the connection's calls: one suite over every path that
 * this kernel has, so that all of them give the same bytes and errors.
 *
 *   kernel_conn [--keys] [--library | --userspace]
 *
 * With --keys connections are opened by ktls_open(), without an SSL: the
 * tests that need one are left out, by name.
 * Either leaves out the kernel's paths: --library keeps both directions with
 * the SSL, --userspace one of them at most.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn.h"
#include "rig.h"
#include "tlsstat.h"

static int no_kernel(void)
{
	const char *require = getenv("KTLS_REQUIRE_KERNEL");

	printf("this kernel has no TLS: the other paths only\n");
	return require && strcmp(require, "1") == 0;
}

static SRunner *all_cases(void)
{
	Suite *suite = suite_create("connection");

	suite_add_tcase(suite, conn_read_case());
	suite_add_tcase(suite, conn_record_case());
	suite_add_tcase(suite, conn_fault_case());
	suite_add_tcase(suite, conn_control_case());
	suite_add_tcase(suite, conn_rekey_case());
	suite_add_tcase(suite, conn_auth_case());
	suite_add_tcase(suite, conn_write_case());
	suite_add_tcase(suite, conn_dead_case());
	suite_add_tcase(suite, conn_sendfile_case());
	suite_add_tcase(suite, conn_file_case());
	suite_add_tcase(suite, conn_end_case());
	suite_add_tcase(suite, conn_linger_case());
	suite_add_tcase(suite, conn_linger_ends_case());
	suite_add_tcase(suite, conn_splice_case());
	suite_add_tcase(suite, conn_splice_pipe_case());
	suite_add_tcase(suite, conn_splice_write_case());
	suite_add_tcase(suite, conn_state_case());
	suite_add_tcase(suite, conn_choice_case());
	suite_add_tcase(suite, conn_no_pad_case());
	suite_add_tcase(suite, conn_more_case());
	suite_add_tcase(suite, conn_more_room_case());
	suite_add_tcase(suite, conn_more_ends_case());
	suite_add_tcase(suite, conn_soak_case());
	return srunner_create(suite);
}

static void name_variants(void)
{
	int i;

	for (i = 0; i < rig_variants(); i++)
		printf("variant %d: %s\n", i, rig_variant_name(i));
}

int main(int argc, char **argv)
{
	const int keys = argc > 1 && strcmp(argv[1], "--keys") == 0;
	enum ktls_choice only = rig_argument(argc - keys, argv + keys);
	struct tlsstat was;
	struct tlsstat is;
	SRunner *runner;
	int failed;

	if (keys)
		rig_use_keys();
	if (rig_setup(0) < 0)
		return 1;
	if ((!only || only == KTLS_KERNEL) && !rig_kernel() && no_kernel())
		return 1;
	if (only)
		rig_only(only);
	tlsstat_read(&was);
	runner = all_cases();
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	tlsstat_read(&is);
	if (failed)
		name_variants();
	if (rig_kernel() && (is.tx == was.tx || is.rx == was.rx)) {
		printf("the kernel was never asked to encrypt\n");
		failed++;
	}
	rig_teardown();
	return failed ? 1 : 0;
}
