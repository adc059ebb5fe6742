/* SPDX-License-Identifier: MIT */
/*
 * The socket layer on a real kernel: what the kernel's own selftests check of
 * kernel TLS, through the library, and each hazard that shows at this layer.
 * Exit status 77 where the kernel has no TLS, unless KTLS_REQUIRE_KERNEL=1
 * makes that a failure.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sock_cases.h"
#include "tlsstat.h"

static Suite *all_cases(void)
{
	Suite *suite = suite_create("kernel_sock");

	suite_add_tcase(suite, sock_setup_case());
	suite_add_tcase(suite, sock_keys_case());
	suite_add_tcase(suite, sock_send_case());
	suite_add_tcase(suite, sock_recv_case());
	suite_add_tcase(suite, sock_control_case());
	suite_add_tcase(suite, sock_empty_case());
	suite_add_tcase(suite, sock_error_case());
	suite_add_tcase(suite, sock_bad_record_case());
	suite_add_tcase(suite, sock_wait_case());
	suite_add_tcase(suite, sock_rekey_case());
	suite_add_tcase(suite, sock_hazard_case());
	return suite;
}

/* The tests are worth nothing if the kernel did not do the work. */
static int kernel_worked(const struct tlsstat *before)
{
	struct tlsstat after;

	tlsstat_read(&after);
	printf("tls_stat: +%ld TX, +%ld RX, +%ld decrypt errors\n",
	       after.tx - before->tx, after.rx - before->rx,
	       after.decrypt_error - before->decrypt_error);
	return after.tx > before->tx && after.rx > before->rx &&
	       after.decrypt_error > before->decrypt_error;
}

int main(void)
{
	struct tlsstat before;
	SRunner *runner;
	int failed, status = pair_setup();

	if (status != 0)
		return status;
	tlsstat_read(&before);
	runner = srunner_create(all_cases());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	if (failed || getenv("CK_RUN_CASE"))
		return failed ? EXIT_FAILURE : EXIT_SUCCESS;
	if (!kernel_worked(&before)) {
		printf("tls_stat does not show the kernel at work\n");
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
