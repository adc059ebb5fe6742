/* SPDX-License-Identifier: MIT */
/* Parts of the suite that runs over every path of a connection. */
#ifndef KTLS_TEST_CONN_H
#define KTLS_TEST_CONN_H

#include <check.h>
#include <stdint.h>
#include <stdio.h>

#include "rig.h"

TCase *conn_read_case(void);
TCase *conn_record_case(void);
TCase *conn_fault_case(void);
TCase *conn_control_case(void);
TCase *conn_rekey_case(void);
TCase *conn_auth_case(void);
TCase *conn_write_case(void);
TCase *conn_dead_case(void);
TCase *conn_sendfile_case(void);
TCase *conn_file_case(void);
TCase *conn_end_case(void);
TCase *conn_linger_case(void);
TCase *conn_linger_ends_case(void);
TCase *conn_splice_case(void);
TCase *conn_splice_pipe_case(void);
TCase *conn_splice_write_case(void);
TCase *conn_state_case(void);
TCase *conn_choice_case(void);
TCase *conn_no_pad_case(void);
TCase *conn_more_case(void);
TCase *conn_more_room_case(void);
TCase *conn_more_ends_case(void);
TCase *conn_soak_case(void);

/* conn_expect.c */
/* We read this text. */
void conn_expect_data(struct rig *rig, const char *text);
/* Reading has this error, and keeps it. */
void conn_expect_error(struct rig *rig, int err);
/* The peer gets this alert, and we say so. */
void conn_expect_alert(struct rig *rig, uint8_t level, uint8_t description);
/* The peer gets bytes of rig_fill(), in however many records, without another
 * call of ours. */
void conn_bytes_arrive(struct rig *rig, size_t len, uint64_t at);
/* The same with a text. */
void conn_arrives(struct rig *rig, const char *text);
/* We write it, too. */
void conn_expect_sent(struct rig *rig, const char *text);

/* A NewSessionTicket of RFC 8446 section 4.6.1. */
#define CONN_TICKET_LEN (4 + 27)
extern const uint8_t conn_ticket[CONN_TICKET_LEN];

/* Seconds that only a hang takes. */
#define CONN_LIMIT 60

/* A test that runs over every variant of rig.h; `_i` is the variant. */
#define conn_add(tcase, test) \
	tcase_add_loop_test(tcase, test, 0, rig_variants())

/* The same for what needs an SSL: left out where none is handed off. */
#define conn_add_ssl(tcase, test) \
	do { \
		if (rig_keys()) \
			printf("left out, without an SSL: %s\n", #test); \
		else \
			conn_add(tcase, test); \
	} while (0)

#endif
