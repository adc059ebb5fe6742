/* SPDX-License-Identifier: MIT */
/* Connections of keys alone: how they end, and what cannot be followed. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "none.h"

enum {
	FATAL = 2,
	WARNING = 1,
	BAD_RECORD_MAC = 20,
	RECORD_OVERFLOW = 22,
	UNEXPECTED_MESSAGE = 10,
	INTERNAL_ERROR = 80,
	USER_CANCELED = 90,
	NO_RENEGOTIATION = 100
};

static void alert_received(const struct cell *c)
{
	const uint8_t alert[] = { FATAL, INTERNAL_ERROR };
	struct ktls_conn_info info = { .size = sizeof(info) };
	struct ends e;
	char byte;

	ends_open(&e, c, KTLS_TX | KTLS_RX);
	peer_send(&e, KTLS_RECORD_ALERT, alert, 2);
	expect_int(ktls_read(e.k, &byte, 1), -KTLS_EALERT);
	expect_int(ktls_read(e.k, &byte, 1), -KTLS_EALERT);
	expect_int(ktls_write(e.k, "x", 1, 0), -KTLS_EALERT);
	expect_int(ktls_info(e.k, &info), 0);
	expect_int(info.alert_received, INTERNAL_ERROR);
	ends_close(&e);
}

static void alert_sent(const struct cell *c)
{
	struct ends e;

	ends_open(&e, c, KTLS_TX | KTLS_RX);
	expect_int(ktls_alert(e.k, USER_CANCELED), 0);
	peer_expect_alert(&e, WARNING, USER_CANCELED);
	expect_int(ktls_alert(e.k, INTERNAL_ERROR), 0);
	peer_expect_alert(&e, FATAL, INTERNAL_ERROR);
	expect_int(ktls_write(e.k, "x", 1, 0), -KTLS_ECLOSED);
	ends_close(&e);
}

/* Each side ends for itself. */
static void close_notify(const struct cell *c)
{
	const uint8_t alert[] = { WARNING, 0 };
	struct ends e;
	char byte;

	ends_open(&e, c, KTLS_TX | KTLS_RX);
	peer_send(&e, KTLS_RECORD_DATA, "x", 1);
	peer_send(&e, KTLS_RECORD_ALERT, alert, 2);
	expect_int(ktls_read(e.k, &byte, 1), 1);
	expect_int(ktls_read(e.k, &byte, 1), 0);
	expect_int(ktls_read(e.k, &byte, 1), 0);
	write_all(e.k, "still", 5);
	peer_expect(&e, KTLS_RECORD_DATA, "still", 5);
	expect_int(ktls_shutdown(e.k), 0);
	peer_expect_alert(&e, WARNING, 0);
	expect_int(ktls_write(e.k, "x", 1, 0), -KTLS_ECLOSED);
	ends_close(&e);
}

static void truncated(const struct cell *c)
{
	struct ends e;
	char byte;

	ends_open(&e, c, KTLS_TX | KTLS_RX);
	peer_send(&e, KTLS_RECORD_DATA, "x", 1);
	expect_int(shutdown(e.peer, SHUT_WR), 0);
	expect_int(ktls_read(e.k, &byte, 1), 1);
	expect_int(ktls_read(e.k, &byte, 1), -KTLS_ETRUNCATED);
	write_all(e.k, "still", 5);
	peer_expect(&e, KTLS_RECORD_DATA, "still", 5);
	ends_close(&e);
}

/* `len` bytes of a record follow that nobody has sealed. */
static void bad_record(const struct cell *c, uint16_t len, int err,
		       uint8_t alert)
{
	uint8_t record[5 + 64] = { KTLS_RECORD_DATA, 3, 3, (uint8_t)(len >> 8),
				   (uint8_t)len };
	struct ends e;
	char byte;

	ends_open(&e, c, KTLS_RX);
	expect_int(send(e.peer, record, sizeof(record), MSG_NOSIGNAL),
		   sizeof(record));
	expect_int(ktls_read(e.k, &byte, 1), err);
	expect_int(ktls_write(e.k, "x", 1, 0), err);
	peer_expect_alert(&e, FATAL, alert);
	ends_close(&e);
}

static void not_authentic(const struct cell *c)
{
	bad_record(c, 64, -KTLS_EBADRECORD, BAD_RECORD_MAC);
}

static void too_long(const struct cell *c)
{
	bad_record(c, 0x7fff, -KTLS_EOVERSIZE, RECORD_OVERFLOW);
}

/* The next key comes out of a secret, and there is none: nor is there a hash
 * to derive it with. */
static void key_update(const struct cell *c)
{
	const uint8_t update[] = { 24, 0, 0, 1, 0 };
	struct ends e;
	char byte;

	if (c->version != KTLS_TLS_1_3)
		return;
	ends_open(&e, c, KTLS_TX | KTLS_RX);
	peer_send(&e, KTLS_RECORD_DATA, "x", 1);
	peer_send(&e, KTLS_RECORD_HANDSHAKE, update, sizeof(update));
	expect_int(ktls_read(e.k, &byte, 1), 1);
	expect_int(ktls_read(e.k, &byte, 1), -KTLS_EKEYUPDATE);
	expect_int(ktls_write(e.k, "x", 1, 0), -KTLS_EKEYUPDATE);
	peer_expect_alert(&e, FATAL, INTERNAL_ERROR);
	ends_close(&e);
}

static void own_key_update(const struct cell *c)
{
	const bool is_1_3 = c->version == KTLS_TLS_1_3;
	struct ends e;

	ends_open(&e, c, KTLS_TX | KTLS_RX);
	expect_int(ktls_update_keys(e.k, 0),
		   is_1_3 ? -KTLS_EKEYUPDATE : -EOPNOTSUPP);
	expect_int(ktls_post_handshake(e.k), -EOPNOTSUPP);
	write_all(e.k, "same key", 8);
	peer_expect(&e, KTLS_RECORD_DATA, "same key", 8);
	ends_close(&e);
}

/* There is no other key: writing ends, but for its last words. */
static void key_limit(const struct cell *c)
{
	struct ktls_opts opts = KTLS_OPTS_INIT;
	struct ktls_session session;
	struct ends e;

	ends_tcp(&e, c);
	session = session_of(&e, c, false);
	opts.key_records = e.out.seq + 3;
	if (expect_int(ktls_open(&e.k, e.fd, &session, &opts), 0)) {
		write_all(e.k, "a", 1);
		write_all(e.k, "b", 1);
		expect_int(ktls_write(e.k, "c", 1, 0), -KTLS_EKEYLIMIT);
		expect_int(ktls_shutdown(e.k), 0);
	}
	ends_close(&e);
}

/* Messages that an SSL would answer. */
static void client_is_asked(const struct cell *c)
{
	const uint8_t hello_request[] = { 0, 0, 0, 0 };
	const uint8_t certificate_request[] = { 13, 0, 0, 3, 0, 0, 0 };
	const uint8_t ticket[] = { 4, 0, 0, 2, 0, 0 };
	struct ends e;
	char byte;

	if (c->server)
		return;
	ends_open(&e, c, KTLS_TX | KTLS_RX);
	if (c->version == KTLS_TLS_1_2) {
		peer_send(&e, KTLS_RECORD_HANDSHAKE, hello_request, 4);
		peer_send(&e, KTLS_RECORD_DATA, "x", 1);
		expect_int(ktls_read(e.k, &byte, 1), 1);
		peer_expect_alert(&e, WARNING, NO_RENEGOTIATION);
	} else {
		peer_send(&e, KTLS_RECORD_HANDSHAKE, ticket, sizeof(ticket));
		peer_send(&e, KTLS_RECORD_DATA, "x", 1);
		expect_int(ktls_read(e.k, &byte, 1), 1);
		peer_send(&e, KTLS_RECORD_HANDSHAKE, certificate_request,
			  sizeof(certificate_request));
		expect_int(ktls_read(e.k, &byte, 1), -KTLS_EHANDSHAKE);
		peer_expect_alert(&e, FATAL, UNEXPECTED_MESSAGE);
	}
	ends_close(&e);
}

const struct test end_tests[] = {
	{ "alerts received", alert_received },
	{ "alerts sent", alert_sent },
	{ "close_notify", close_notify },
	{ "truncation", truncated },
	{ "a record that is not authentic", not_authentic },
	{ "a record that is too long", too_long },
	{ "a KeyUpdate that cannot be followed", key_update },
	{ "a KeyUpdate of our own", own_key_update },
	{ "the limit of a key", key_limit },
	{ "what only an SSL could answer", client_is_asked },
	{ NULL, NULL },
};
