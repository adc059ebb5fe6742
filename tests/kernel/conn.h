/* SPDX-License-Identifier: MIT */
/* Parts of the suite that runs over every path of a connection. */
#ifndef KTLS_TEST_CONN_H
#define KTLS_TEST_CONN_H

#include <check.h>

TCase *conn_read_case(void);
TCase *conn_record_case(void);
TCase *conn_control_case(void);
TCase *conn_write_case(void);
TCase *conn_dead_case(void);
TCase *conn_sendfile_case(void);
TCase *conn_file_case(void);
TCase *conn_end_case(void);
TCase *conn_state_case(void);
TCase *conn_soak_case(void);

/* Seconds that only a hang takes. */
#define CONN_LIMIT 60

/* A test that runs over every variant of rig.h; `_i` is the variant. */
#define conn_add(tcase, test) \
	tcase_add_loop_test(tcase, test, 0, rig_variants())

#endif
