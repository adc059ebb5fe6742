/* SPDX-License-Identifier: MIT */
/* control.c: alerts and handshake messages as a stream, however cut. */
#include "control.h"

#include <errno.h>
#include <string.h>

#include "conn.h"
#include "suite_main.h"

#define ALERT KTLS_RECORD_ALERT
#define HANDSHAKE KTLS_RECORD_HANDSHAKE

static struct ktls conn(uint16_t version, int server)
{
	struct ktls k;

	memset(&k, 0, sizeof(k));
	k.hs.version = version;
	k.hs.server = server;
	k.alert_received = -1;
	return k;
}

/* One record, delivered in pieces of `step` bytes. */
static int take(struct ktls *k, uint8_t type, const void *data, size_t len,
		size_t step)
{
	const uint8_t *p = data;
	struct iovec iov;
	size_t n;
	int err = 0;

	for (; len > 0 && err == 0; p += n, len -= n) {
		n = step < len ? step : len;
		iov.iov_base = (void *)(uintptr_t)p;
		iov.iov_len = n;
		err = ktls__control_take(k, type, &iov, n);
	}
	return err;
}

struct alert_case {
	uint16_t version;
	uint8_t level;
	uint8_t description;
	int result;
};

static const struct alert_case alerts[] = {
	{ KTLS_TLS_1_3, 1, 0, 1 },
	{ KTLS_TLS_1_3, 2, 0, 1 },
	{ KTLS_TLS_1_2, 1, 0, 1 },
	{ KTLS_TLS_1_3, 1, 90, 0 },
	{ KTLS_TLS_1_3, 2, 90, -KTLS_EALERT },
	{ KTLS_TLS_1_3, 1, 100, -KTLS_EALERT },
	{ KTLS_TLS_1_3, 2, 20, -KTLS_EALERT },
	{ KTLS_TLS_1_2, 1, 90, 0 },
	{ KTLS_TLS_1_2, 1, 100, 0 },
	{ KTLS_TLS_1_2, 2, 40, -KTLS_EALERT },
};

START_TEST(alert_by_version)
{
	const struct alert_case *c = &alerts[_i];
	uint8_t bytes[2] = { c->level, c->description };
	size_t step;

	for (step = 1; step <= 2; step++) {
		struct ktls k = conn(c->version, 0);

		ck_assert_int_eq(take(&k, ALERT, bytes, 2, step), c->result);
		ck_assert_int_eq(k.alert_received, c->description);
	}
}
END_TEST

static const uint8_t ticket[] = { 4, 0, 0, 5, 24, 24, 24, 24, 24 };

/* Two tickets in one record, and one over several: skipped and counted. */
START_TEST(tickets_are_skipped)
{
	struct ktls k = conn(KTLS_TLS_1_3, 0);
	uint8_t two[2 * sizeof(ticket)];
	size_t step;

	memcpy(two, ticket, sizeof(ticket));
	memcpy(two + sizeof(ticket), ticket, sizeof(ticket));
	for (step = 1; step <= sizeof(two); step++) {
		k.tickets = 0;
		ck_assert_int_eq(take(&k, HANDSHAKE, two, sizeof(two), step),
				 0);
		ck_assert_uint_eq(k.tickets, 2);
		ck_assert_int_eq(ktls__control_idle(&k), 0);
	}
}
END_TEST

START_TEST(half_a_message_is_not_idle)
{
	size_t cut;

	for (cut = 1; cut < sizeof(ticket); cut++) {
		struct ktls k = conn(KTLS_TLS_1_3, 0);

		ck_assert_int_eq(take(&k, HANDSHAKE, ticket, cut, 100), 0);
		ck_assert_int_eq(ktls__control_idle(&k), -KTLS_EPROTOCOL);
	}
}
END_TEST

struct message_case {
	uint16_t version;
	int server;
	uint8_t msg_type;
	int result;
};

static const struct message_case messages[] = {
	{ KTLS_TLS_1_3, 0, 24, -KTLS_EKEYUPDATE },
	{ KTLS_TLS_1_3, 1, 24, -KTLS_EKEYUPDATE },
	{ KTLS_TLS_1_3, 0, 13, -KTLS_EHANDSHAKE },
	{ KTLS_TLS_1_3, 1, 13, -KTLS_EPROTOCOL },
	{ KTLS_TLS_1_3, 1, 4, -KTLS_EPROTOCOL },
	{ KTLS_TLS_1_3, 0, 0, -KTLS_EPROTOCOL },
	{ KTLS_TLS_1_2, 0, 0, -KTLS_EHANDSHAKE },
	{ KTLS_TLS_1_2, 1, 1, -KTLS_EHANDSHAKE },
	{ KTLS_TLS_1_2, 0, 1, -KTLS_EPROTOCOL },
	{ KTLS_TLS_1_2, 1, 0, -KTLS_EPROTOCOL },
	{ KTLS_TLS_1_2, 0, 4, -KTLS_EPROTOCOL },
};

START_TEST(message_by_role)
{
	const struct message_case *c = &messages[_i];
	struct ktls k = conn(c->version, c->server);
	uint8_t bytes[5] = { c->msg_type, 0, 0, 1, 0 };

	ck_assert_int_eq(take(&k, HANDSHAKE, bytes, sizeof(bytes), 100),
			 c->result);
}
END_TEST

/* A KeyUpdate behind a ticket, in the same record. */
START_TEST(coalesced_key_update)
{
	struct ktls k = conn(KTLS_TLS_1_3, 0);
	uint8_t bytes[sizeof(ticket) + 5] = { 0 };

	memcpy(bytes, ticket, sizeof(ticket));
	bytes[sizeof(ticket)] = 24;
	ck_assert_int_eq(take(&k, HANDSHAKE, bytes, sizeof(bytes), 100),
			 -KTLS_EKEYUPDATE);
}
END_TEST

/* The caller's buffers cut a record anywhere. */
START_TEST(gathers_from_iov)
{
	struct ktls k = conn(KTLS_TLS_1_3, 0);
	uint8_t first[1] = { 2 };
	uint8_t second[10] = { 47, 1, 1 };
	struct iovec iov[] = { { first, 1 }, { second, 10 } };

	ck_assert_int_eq(ktls__control_take(&k, ALERT, iov, 2), -KTLS_EALERT);
	ck_assert_int_eq(k.alert_received, 47);
}
END_TEST

START_TEST(never_empty_and_no_other_type)
{
	struct ktls k = conn(KTLS_TLS_1_2, 0);
	uint8_t one[1] = { 1 };
	struct iovec iov = { one, 1 };

	ck_assert_int_eq(ktls__control_take(&k, ALERT, &iov, 0),
			 -KTLS_EPROTOCOL);
	ck_assert_int_eq(ktls__control_take(&k, HANDSHAKE, &iov, 0),
			 -KTLS_EPROTOCOL);
	ck_assert_int_eq(ktls__control_take(&k, KTLS_RECORD_CCS, &iov, 1),
			 -KTLS_EPROTOCOL);
	ck_assert_int_eq(ktls__control_take(&k, 99, &iov, 1), -KTLS_EPROTOCOL);
}
END_TEST

START_TEST(alert_for_failure)
{
	ck_assert_int_eq(ktls__control_alert_for(-KTLS_EBADRECORD), 20);
	ck_assert_int_eq(ktls__control_alert_for(-KTLS_EOVERSIZE), 22);
	ck_assert_int_eq(ktls__control_alert_for(-KTLS_EPROTOCOL), 10);
	ck_assert_int_eq(ktls__control_alert_for(-KTLS_EALERT), -1);
	ck_assert_int_eq(ktls__control_alert_for(-KTLS_ETRUNCATED), -1);
	ck_assert_int_eq(ktls__control_alert_for(-ECONNRESET), -1);
	ck_assert_uint_eq(ktls__control_level(0), 1);
	ck_assert_uint_eq(ktls__control_level(90), 1);
	ck_assert_uint_eq(ktls__control_level(100), 1);
	ck_assert_uint_eq(ktls__control_level(20), 2);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
	Suite *suite = suite_create("control");
	TCase *tcase = tcase_create("messages");

	tcase_add_loop_test(tcase, alert_by_version, 0, COUNT(alerts));
	tcase_add_test(tcase, tickets_are_skipped);
	tcase_add_test(tcase, half_a_message_is_not_idle);
	tcase_add_loop_test(tcase, message_by_role, 0, COUNT(messages));
	tcase_add_test(tcase, coalesced_key_update);
	tcase_add_test(tcase, gathers_from_iov);
	tcase_add_test(tcase, never_empty_and_no_other_type);
	tcase_add_test(tcase, alert_for_failure);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
