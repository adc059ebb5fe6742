/* SPDX-License-Identifier: MIT */
/* message.c, alert.c: what the peer's messages and alerts mean. */
#include "message.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "alert.h"
#include "control.h"
#include "control_conn.h"
#include "fake_sys.h"
#include "suite_main.h"

struct alert_case {
	uint16_t version;
	uint8_t level;
	uint8_t description;
	int result;
	uint8_t fault;
};

static const struct alert_case alerts[] = {
	{ KTLS_TLS_1_3, 1, 0, 1, 0 },
	{ KTLS_TLS_1_3, 2, 0, 1, 0 },
	{ KTLS_TLS_1_2, 1, 0, 1, 0 },
	{ KTLS_TLS_1_2, 2, 0, -KTLS_EALERT, 0 },
	{ KTLS_TLS_1_3, 1, 90, 0, 0 },
	{ KTLS_TLS_1_3, 2, 90, 0, 0 },
	{ KTLS_TLS_1_3, 1, 100, -KTLS_EALERT, 0 },
	{ KTLS_TLS_1_3, 2, 20, -KTLS_EALERT, 0 },
	{ KTLS_TLS_1_3, 0, 20, -KTLS_EALERT, 0 },
	{ KTLS_TLS_1_2, 1, 90, 0, 0 },
	{ KTLS_TLS_1_2, 1, 100, 0, 0 },
	{ KTLS_TLS_1_2, 2, 40, -KTLS_EALERT, 0 },
	{ KTLS_TLS_1_2, 0, 40, -KTLS_EPROTOCOL, 47 },
	{ KTLS_TLS_1_2, 3, 0, -KTLS_EPROTOCOL, 47 },
};

START_TEST(alert_by_version)
{
	const struct alert_case *c = &alerts[_i];
	uint8_t bytes[2] = { c->level, c->description };
	size_t step;

	for (step = 1; step <= 2; step++) {
		struct ktls k;

		control_open(&k, c->version, 0);
		ck_assert_int_eq(control_take(&k, ALERT, bytes, 2, step),
				 c->result);
		ck_assert_int_eq(k.alert_received, c->description);
		ck_assert_uint_eq(k.alerts_received, 1);
		ck_assert_uint_eq(k.control.fault, c->fault);
		control_close(&k);
	}
}
END_TEST

struct message_case {
	uint16_t version;
	int server;
	uint8_t head[5];
	size_t len;
	int result;
	uint8_t fault;
};

/* Without an SSL.  What is wrong is known from the head at the latest. */
static const struct message_case messages[] = {
	{ KTLS_TLS_1_3, 0, { 24, 0, 0, 1, 0 }, 5, 0, 0 },
	{ KTLS_TLS_1_3, 1, { 24, 0, 0, 1, 1 }, 5, 0, 0 },
	{ KTLS_TLS_1_3, 1, { 24, 0, 0, 1, 2 }, 5, -KTLS_EPROTOCOL, 47 },
	{ KTLS_TLS_1_3, 1, { 24, 0, 0, 0 }, 4, -KTLS_EPROTOCOL, 50 },
	{ KTLS_TLS_1_3, 0, { 24, 0, 0, 2 }, 4, -KTLS_EPROTOCOL, 50 },
	{ KTLS_TLS_1_3, 0, { 24, 1, 0, 1 }, 4, -KTLS_EPROTOCOL, 50 },
	{ KTLS_TLS_1_3, 0, { 13 }, 1, -KTLS_EHANDSHAKE, 10 },
	{ KTLS_TLS_1_3, 1, { 13 }, 1, -KTLS_EPROTOCOL, 0 },
	{ KTLS_TLS_1_3, 1, { 11 }, 1, -KTLS_EPROTOCOL, 10 },
	{ KTLS_TLS_1_3, 1, { 4 }, 1, -KTLS_EPROTOCOL, 0 },
	{ KTLS_TLS_1_3, 0, { 0 }, 1, -KTLS_EPROTOCOL, 0 },
	{ KTLS_TLS_1_3, 1, { 1 }, 1, -KTLS_EPROTOCOL, 0 },
	{ KTLS_TLS_1_3, 0, { 4, 2, 0, 0 }, 4, 0, 0 },
	{ KTLS_TLS_1_3, 0, { 4, 2, 0, 1 }, 4, -KTLS_EPROTOCOL, 47 },
	{ KTLS_TLS_1_2, 0, { 0, 0, 0, 1 }, 4, -KTLS_EPROTOCOL, 50 },
	{ KTLS_TLS_1_2, 0, { 1 }, 1, -KTLS_EPROTOCOL, 0 },
	{ KTLS_TLS_1_2, 1, { 0 }, 1, -KTLS_EPROTOCOL, 0 },
	{ KTLS_TLS_1_2, 0, { 4 }, 1, -KTLS_EPROTOCOL, 0 },
	{ KTLS_TLS_1_2, 0, { 24 }, 1, -KTLS_EPROTOCOL, 0 },
};

START_TEST(message_by_role)
{
	const struct message_case *c = &messages[_i];
	struct ktls k;

	control_open(&k, c->version, c->server);
	ck_assert_int_eq(control_take(&k, HANDSHAKE, c->head, c->len, 1),
			 c->result);
	ck_assert_uint_eq(k.control.fault, c->fault);
	control_close(&k);
}
END_TEST

/* Never where only the event wants it: 128 KiB are kept, one more is not. */
START_TEST(longest_message)
{
	static uint8_t body[128 * 1024];
	uint8_t head[] = { 4, 2, 0, 0 };
	struct control_events seen = { 0 };
	struct ktls k;

	control_open(&k, KTLS_TLS_1_3, 0);
	control_listen(&k, &seen);
	ck_assert_int_eq(control_take(&k, HANDSHAKE, head, 4, 4), 0);
	ck_assert_int_eq(control_take(&k, HANDSHAKE, body, sizeof(body),
				      16384), 0);
	ck_assert_int_eq(seen.n, 1);
	ck_assert_uint_eq(seen.len, sizeof(body) + 4);
	ck_assert_uint_eq(k.tickets, 1);
	control_close(&k);
}
END_TEST

static const uint8_t asks[] = { 24, 0, 0, 1, 1 };
static const uint8_t asks_not[] = { 24, 0, 0, 1, 0 };

#define take(k, type, bytes) control_take(k, type, bytes, sizeof(bytes), 100)

START_TEST(answer_is_ordered)
{
	struct ktls k;

	control_open(&k, KTLS_TLS_1_3, 1);
	ck_assert_int_eq(take(&k, HANDSHAKE, asks_not), 0);
	ck_assert_uint_eq(k.turn.todo, 0);
	ck_assert_int_eq(take(&k, HANDSHAKE, asks), 0);
	ck_assert_uint_eq(k.turn.todo, KTLS__SEND_UPDATE);
	control_followed(&k, 2);
	control_close(&k);
}
END_TEST

START_TEST(no_answer_after_the_end)
{
	struct ktls k;

	control_open(&k, KTLS_TLS_1_3, 1);
	k.shut = KTLS__NOTIFIED;
	ck_assert_int_eq(take(&k, HANDSHAKE, asks), 0);
	ck_assert_uint_eq(k.turn.todo, 0);
	control_followed(&k, 1);
	control_close(&k);
}
END_TEST

/* TX in a kernel that cannot change keys. */
START_TEST(no_answer_from_the_kernel)
{
	struct ktls k;

	control_open(&k, KTLS_TLS_1_3, 1);
	k.tx.path = KTLS_PATH_KERNEL;
	ck_assert_int_eq(take(&k, HANDSHAKE, asks_not), 0);
	ck_assert_int_eq(take(&k, HANDSHAKE, asks), -KTLS_EKEYUPDATE);
	control_followed(&k, 1);
	control_close(&k);
	control_open(&k, KTLS_TLS_1_3, 1);
	k.tx.path = KTLS_PATH_KERNEL;
	k.flags = KTLS_LEAVE_UNANSWERED;
	ck_assert_int_eq(take(&k, HANDSHAKE, asks), 0);
	ck_assert_uint_eq(k.turn.todo, 0);
	control_followed(&k, 1);
	control_close(&k);
}
END_TEST

START_TEST(kernel_cannot_follow)
{
	struct ktls k;

	control_open(&k, KTLS_TLS_1_3, 1);
	k.rx.path = KTLS_PATH_KERNEL;
	ck_assert_int_eq(take(&k, HANDSHAKE, asks_not), -KTLS_EKEYUPDATE);
	ck_assert_uint_eq(k.key_updates_received, 1);
	control_close(&k);
}
END_TEST

/* no_renegotiation, sealed and sent, as long as we may write. */
START_TEST(renegotiation_is_declined)
{
	static const uint8_t hello_request[] = { 0, 0, 0, 0 };
	const long record = 2 + 5 + 8 + 16;
	struct ktls k;

	control_open(&k, KTLS_TLS_1_2, 0);
	fake_push(FAKE_SENDMSG, record);
	ck_assert_int_eq(take(&k, HANDSHAKE, hello_request), 0);
	ck_assert_uint_eq(fake_n(FAKE_SENDMSG), 1);
	ck_assert_uint_eq(fake_nth(FAKE_SENDMSG, 0)->len, (size_t)record);
	ck_assert_uint_eq(fake_nth(FAKE_SENDMSG, 0)->bytes[0], ALERT);
	ck_assert_int_eq(k.alert_sent, 100);
	ck_assert_uint_eq(k.alerts_sent, 1);
	k.shut = KTLS__NOTIFIED;
	ck_assert_int_eq(take(&k, HANDSHAKE, hello_request), 0);
	ck_assert_uint_eq(k.alerts_sent, 1);
	control_close(&k);
}
END_TEST

struct run_case {
	uint16_t version;
	uint8_t type; /* KTLS_RECORD_DATA: an empty record */
	uint8_t bytes[9];
	size_t len;
};

static const struct run_case runs[] = {
	{ KTLS_TLS_1_3, HANDSHAKE, { 24, 0, 0, 1, 0 }, 5 },
	{ KTLS_TLS_1_3, HANDSHAKE, { 4, 0, 0, 5, 1, 2, 3, 4, 5 }, 9 },
	{ KTLS_TLS_1_3, ALERT, { 1, 90 }, 2 },
	{ KTLS_TLS_1_2, ALERT, { 1, 112 }, 2 },
	{ KTLS_TLS_1_2, HANDSHAKE, { 0, 0, 0, 0 }, 4 },
	{ KTLS_TLS_1_3, KTLS_RECORD_DATA, { 0 }, 0 },
};

static int once(struct ktls *k, const struct run_case *c)
{
	return c->type == KTLS_RECORD_DATA ?
		       ktls__control_data(k, 0) :
		       control_take(k, c->type, c->bytes, c->len, 100);
}

/* Data between make all the difference. */
START_TEST(control_records_in_a_row)
{
	struct ktls k;
	int i;

	control_open(&k, runs[_i].version, 0);
	k.shut = KTLS__NOTIFIED; /* nothing is answered */
	for (i = 0; i < 10; i++) {
		if (i % CONTROL_RUN == 0)
			ck_assert_int_eq(ktls__control_data(&k, 1), 0);
		ck_assert_int_eq(once(&k, &runs[_i]), 0);
	}
	ck_assert_int_eq(ktls__control_data(&k, 1), 0);
	for (i = 0; i < CONTROL_RUN; i++)
		ck_assert_int_eq(once(&k, &runs[_i]), 0);
	ck_assert_uint_eq(k.limits_hit, 0);
	ck_assert_int_eq(once(&k, &runs[_i]), -KTLS_EFLOOD);
	ck_assert_uint_eq(k.limits_hit, 1);
	control_close(&k);
}
END_TEST

static void raise_sigpipe(struct ktls *k, const struct ktls_event *ev,
			  void *arg)
{
	(void)k, (void)ev, (void)arg;
	raise(SIGPIPE);
}

/* Who watches for a SIGPIPE of its own must not see the application's. */
START_TEST(sigpipe_of_the_callback)
{
	struct ktls__sigpipe hold;
	struct ktls k;

	control_open(&k, KTLS_TLS_1_3, 1);
	k.event = raise_sigpipe;
	ktls__sys = &ktls__sys_linux;
	ktls__sys->sigpipe_hold(&hold);
	ktls__tell(&k, KTLS_EVENT_ERROR, KTLS_TX, -EPIPE);
	ck_assert_int_eq(ktls__sys->sigpipe_release(&hold), 0);
	control_close(&k);
}
END_TEST

START_TEST(alert_for_failure)
{
	ck_assert_int_eq(ktls__alert_for(-KTLS_EBADRECORD), 20);
	ck_assert_int_eq(ktls__alert_for(-KTLS_EOVERSIZE), 22);
	ck_assert_int_eq(ktls__alert_for(-KTLS_EPROTOCOL), 10);
	ck_assert_int_eq(ktls__alert_for(-KTLS_EFLOOD), 10);
	ck_assert_int_eq(ktls__alert_for(-KTLS_EHANDSHAKE), 40);
	ck_assert_int_eq(ktls__alert_for(-KTLS_EKEYUPDATE), 80);
	ck_assert_int_eq(ktls__alert_for(-KTLS_ECMSG), 80);
	ck_assert_int_eq(ktls__alert_for(-KTLS_EALERT), -1);
	ck_assert_int_eq(ktls__alert_for(-KTLS_ETRUNCATED), -1);
	ck_assert_int_eq(ktls__alert_for(-ECONNRESET), -1);
	ck_assert_uint_eq(ktls__alert_level(0), 1);
	ck_assert_uint_eq(ktls__alert_level(90), 1);
	ck_assert_uint_eq(ktls__alert_level(100), 1);
	ck_assert_uint_eq(ktls__alert_level(20), 2);
}
END_TEST

#define COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

int main(void)
{
	Suite *suite = suite_create("messages");
	TCase *tcase = tcase_create("meaning");

	tcase_add_loop_test(tcase, alert_by_version, 0, COUNT(alerts));
	tcase_add_loop_test(tcase, message_by_role, 0, COUNT(messages));
	tcase_add_test(tcase, longest_message);
	tcase_add_test(tcase, answer_is_ordered);
	tcase_add_test(tcase, no_answer_after_the_end);
	tcase_add_test(tcase, no_answer_from_the_kernel);
	tcase_add_test(tcase, kernel_cannot_follow);
	tcase_add_test(tcase, renegotiation_is_declined);
	tcase_add_loop_test(tcase, control_records_in_a_row, 0, COUNT(runs));
	tcase_add_test(tcase, alert_for_failure);
	tcase_add_test(tcase, sigpipe_of_the_callback);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
