/* SPDX-License-Identifier: MIT */
/* What each unit test program has in common: one suite, run and counted. */
#ifndef KTLS_TESTS_SUITE_MAIN_H
#define KTLS_TESTS_SUITE_MAIN_H

#include <check.h>
#include <stdlib.h>

/* The exit status of the program: 0 if everything passed. */
static inline int suite_main(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
