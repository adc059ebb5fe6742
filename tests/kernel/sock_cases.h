/* SPDX-License-Identifier: MIT */
/* The parts of kernel_sock: what the socket layer makes of a real kernel. */
#ifndef KTLS_TEST_SOCK_CASES_H
#define KTLS_TEST_SOCK_CASES_H

#include <check.h>

#include "pair.h"

TCase *sock_setup_case(void);
TCase *sock_keys_case(void);
TCase *sock_send_case(void);
TCase *sock_recv_case(void);
TCase *sock_control_case(void);
TCase *sock_empty_case(void);
TCase *sock_error_case(void);
TCase *sock_bad_record_case(void);
TCase *sock_wait_case(void);
TCase *sock_rekey_case(void);
TCase *sock_hazard_case(void);

/* Seconds that only a hang takes. */
#define SOCK_LIMIT 60

/* A test that runs over every suite; `_i` is the suite. */
#define sock_add(tcase, test) tcase_add_loop_test(tcase, test, 0, pair_suites)

#endif
