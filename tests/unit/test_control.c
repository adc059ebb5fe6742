/* SPDX-License-Identifier: MIT */
/* control.c: alerts and handshake messages as a stream, however cut. */
#include "control.h"

#include <errno.h>
#include <string.h>

#include "control_conn.h"
#include "suite_main.h"

#define TICKET 4, 0, 0, 5, 24, 24, 24, 24, 24
#define KEY_UPDATE 24, 0, 0, 1, 0

static const uint8_t ticket[] = { TICKET };
static const uint8_t key_update[] = { KEY_UPDATE };

/* What comes behind the first `from` bytes of a stream is one record, up to
 * `to`. */
static int take_part(struct ktls *k, const uint8_t *stream, size_t from,
		     size_t to, size_t step)
{
	if (from == to)
		return 0;
	return control_take(k, HANDSHAKE, stream + from, to - from, step);
}

/* Two tickets and a KeyUpdate, in three records cut anywhere, each read in
 * pieces. */
static void cut_twice(const uint8_t *stream, size_t len, size_t first,
		      size_t second)
{
	static const size_t steps[] = { 1, 3, 7, 100 };
	size_t i;

	for (i = 0; i < 4; i++) {
		struct ktls k;

		control_open(&k, KTLS_TLS_1_3, 0);
		ck_assert_int_eq(take_part(&k, stream, 0, first, steps[i]), 0);
		ck_assert_int_eq(take_part(&k, stream, first, second,
					   steps[i]), 0);
		ck_assert_int_eq(take_part(&k, stream, second, len, steps[i]),
				 0);
		ck_assert_uint_eq(k.tickets, 2);
		ck_assert_uint_eq(k.key_updates_received, 1);
		ck_assert_int_eq(ktls__control_data(&k, 1), 0);
		control_followed(&k, 1);
		control_close(&k);
	}
}

START_TEST(any_two_cuts)
{
	static const uint8_t stream[] = { TICKET, TICKET, KEY_UPDATE };
	size_t first;
	size_t second;

	for (first = 0; first <= sizeof(stream); first++)
		for (second = first; second <= sizeof(stream); second++)
			cut_twice(stream, sizeof(stream), first, second);
}
END_TEST

/* Whoever wants the message gets all of it, wherever it was cut. */
START_TEST(event_gets_whole_message)
{
	size_t cut;

	for (cut = 1; cut <= sizeof(ticket); cut++) {
		struct control_events seen = { 0 };
		struct ktls k;

		control_open(&k, KTLS_TLS_1_3, 0);
		control_listen(&k, &seen);
		ck_assert_int_eq(take_part(&k, ticket, 0, cut, 2), 0);
		ck_assert_int_eq(take_part(&k, ticket, cut, sizeof(ticket), 2),
				 0);
		ck_assert_int_eq(seen.n, 1);
		ck_assert_int_eq(seen.last, KTLS_EVENT_TICKET);
		ck_assert_int_eq(seen.value, 0);
		ck_assert_uint_eq(seen.len, sizeof(ticket));
		ck_assert_mem_eq(seen.data, ticket, sizeof(ticket));
		ck_assert_ptr_null(k.control.msg);
		control_close(&k);
	}
}
END_TEST

/* RFC 8446 section 5.1: the new keys begin with a record. */
START_TEST(nothing_behind_a_key_update)
{
	static const uint8_t bytes[] = { TICKET, KEY_UPDATE, TICKET };
	size_t len;
	size_t step;

	for (len = sizeof(bytes) - 8; len <= sizeof(bytes); len++)
		for (step = 1; step <= len; step++) {
			struct ktls k;

			control_open(&k, KTLS_TLS_1_3, 0);
			ck_assert_int_eq(control_take(&k, HANDSHAKE, bytes,
						      len, step),
					 -KTLS_EPROTOCOL);
			ck_assert_uint_eq(k.control.fault, 0);
			control_followed(&k, 0);
			control_close(&k);
		}
}
END_TEST

START_TEST(nothing_inside_a_message)
{
	static const uint8_t close_notify[] = { 1, 0 };
	size_t cut;

	for (cut = 1; cut < sizeof(ticket); cut++) {
		struct ktls k;

		control_open(&k, KTLS_TLS_1_3, 0);
		ck_assert_int_eq(take_part(&k, ticket, 0, cut, 100), 0);
		ck_assert_int_eq(ktls__control_data(&k, 1), -KTLS_EPROTOCOL);
		ck_assert_int_eq(ktls__control_data(&k, 0), -KTLS_EPROTOCOL);
		ck_assert_int_eq(control_take(&k, ALERT, close_notify, 2, 2),
				 -KTLS_EPROTOCOL);
		ck_assert_int_eq(k.alert_received, -1);
		control_close(&k);
	}
}
END_TEST

/* TLS 1.2 has no such rule for alerts. */
START_TEST(alert_inside_a_message_1_2)
{
	static const uint8_t half[] = { 0, 0 };
	static const uint8_t close_notify[] = { 1, 0 };
	struct ktls k;

	control_open(&k, KTLS_TLS_1_2, 0);
	ck_assert_int_eq(control_take(&k, HANDSHAKE, half, 2, 1), 0);
	ck_assert_int_eq(control_take(&k, ALERT, close_notify, 2, 1), 1);
	control_close(&k);
}
END_TEST

/* An alert fills its record, alone, and is in no other. */
START_TEST(alerts_of_wrong_length)
{
	static const uint8_t bytes[] = { 1, 90, 1, 90, 1 };
	static const size_t lens[] = { 1, 3, 4, 5 };
	size_t step;
	int i;

	for (i = 0; i < 4; i++)
		for (step = 1; step <= lens[i]; step++) {
			struct ktls k;

			control_open(&k, KTLS_TLS_1_2, 0);
			ck_assert_int_eq(control_take(&k, ALERT, bytes,
						      lens[i], step),
					 -KTLS_EPROTOCOL);
			ck_assert_int_eq(k.alert_received, -1);
			control_close(&k);
		}
}
END_TEST

/* The caller's buffers cut a record anywhere. */
START_TEST(gathers_from_iov)
{
	uint8_t first[1] = { 2 };
	uint8_t second[10] = { 47, 1, 1 };
	struct iovec iov[] = { { first, 1 }, { second, 10 } };
	struct ktls k;

	control_open(&k, KTLS_TLS_1_3, 0);
	ck_assert_int_eq(ktls__control_take(&k, ALERT, iov, 2, true),
			 -KTLS_EALERT);
	ck_assert_int_eq(k.alert_received, 47);
	control_close(&k);
}
END_TEST

/* The record ends with the last of the buffers, not with the first. */
START_TEST(key_update_over_iov)
{
	uint8_t bytes[sizeof(key_update)];
	size_t cut;

	memcpy(bytes, key_update, sizeof(bytes));
	for (cut = 1; cut < sizeof(bytes); cut++) {
		struct iovec iov[] = { { bytes, cut },
				       { bytes + cut, 100 } };
		struct ktls k;

		control_open(&k, KTLS_TLS_1_3, 1);
		ck_assert_int_eq(ktls__control_take(&k, HANDSHAKE, iov,
						    sizeof(bytes), true), 0);
		control_followed(&k, 1);
		control_close(&k);
	}
}
END_TEST

/* Nor does it end with the first of them. */
START_TEST(nothing_behind_a_key_update_over_iov)
{
	uint8_t update[] = { KEY_UPDATE };
	uint8_t more[] = { TICKET };
	struct iovec iov[] = { { update, sizeof(update) },
			       { more, sizeof(more) } };
	struct ktls k;

	control_open(&k, KTLS_TLS_1_3, 0);
	ck_assert_int_eq(ktls__control_take(&k, HANDSHAKE, iov,
					    sizeof(update) + 1, true),
			 -KTLS_EPROTOCOL);
	control_followed(&k, 0);
	control_close(&k);
}
END_TEST

START_TEST(never_empty_and_no_other_type)
{
	uint8_t one[1] = { 1 };
	struct iovec iov = { one, 1 };
	struct ktls k;

	control_open(&k, _i ? KTLS_TLS_1_3 : KTLS_TLS_1_2, 0);
	ck_assert_int_eq(ktls__control_take(&k, ALERT, &iov, 0, true),
			 -KTLS_EPROTOCOL);
	ck_assert_int_eq(ktls__control_take(&k, HANDSHAKE, &iov, 0, true),
			 -KTLS_EPROTOCOL);
	ck_assert_int_eq(ktls__control_take(&k, KTLS_RECORD_CCS, &iov, 1,
					    true), -KTLS_EPROTOCOL);
	ck_assert_int_eq(ktls__control_take(&k, 99, &iov, 1, true),
			 -KTLS_EPROTOCOL);
	control_close(&k);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("control");
	TCase *tcase = tcase_create("stream");

	tcase_add_test(tcase, any_two_cuts);
	tcase_add_test(tcase, event_gets_whole_message);
	tcase_add_test(tcase, nothing_behind_a_key_update);
	tcase_add_test(tcase, nothing_inside_a_message);
	tcase_add_test(tcase, alert_inside_a_message_1_2);
	tcase_add_test(tcase, alerts_of_wrong_length);
	tcase_add_test(tcase, gathers_from_iov);
	tcase_add_test(tcase, key_update_over_iov);
	tcase_add_test(tcase, nothing_behind_a_key_update_over_iov);
	tcase_add_loop_test(tcase, never_empty_and_no_other_type, 0, 2);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
