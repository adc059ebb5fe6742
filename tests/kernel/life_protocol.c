/* SPDX-License-Identifier: MIT */
/*
 * Handshake messages that no peer may send, each with the alert that RFC 8446
 * asks for.
 */
#include "life.h"

static const struct life_case cases[] = {
	/* Section 5.1: a key change ends a record. */
	{ .name = "a KeyUpdate and more in one record", .on = BOTH_1_3,
	  LIFE_SCRIPT(
		{ SEND_HS(HS_UPDATE HS_UPDATE) },
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "a KeyUpdate and a byte in one record", .on = BOTH_1_3,
	  LIFE_SCRIPT(
		{ SEND_HS(HS_UPDATE "\x18") },
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "a KeyUpdate and a ticket in one record", .on = CLIENT_1_3,
	  LIFE_SCRIPT(
		{ SEND("x") },
		{ SEND_HS(HS_UPDATE HS_TICKET) },
		{ READ("x") },
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	/* Nothing may come between the fragments of a message. */
	{ .name = "data within a KeyUpdate", .on = BOTH_1_3, LIFE_SCRIPT(
		{ SEND("x") },
		{ SEND_HS("\x18\0\0") },
		{ SEND("never") },
		{ READ("x") },
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "data within a ticket", .on = CLIENT_1_3, LIFE_SCRIPT(
		{ SEND_HS("\x04\0\0\x1b\0\0") },
		{ SEND("never") },
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "data within the head of a ticket", .on = CLIENT_1_3,
	  LIFE_SCRIPT(
		{ SEND_HS("\x04\0") },
		{ SEND("never") },
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "data within a ticket, in one large read",
	  .on = CLIENT_1_3, LIFE_SCRIPT(
		{ HOLD },
		{ SEND("x") },
		{ SEND_HS("\x04\0\0\x1b\0\0") },
		{ SEND("never") },
		{ RELEASE },
		{ READ("x"), BUFFER(64) },
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "a message of no type", .on = BOTH_1_3, LIFE_SCRIPT(
		{ SEND_HS("\x63\0\0\x01x") },
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "a Finished", .on = BOTH_1_3, LIFE_SCRIPT(
		{ SEND_HS("\x14\0\0\x04" "abcd") },
		OVER(LIFE_FED | LIFE_SERVER, -KTLS_EHANDSHAKE, 10),
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "a ClientHello in TLS 1.3", .on = SERVER_1_3, LIFE_SCRIPT(
		{ SEND_HS(HS_CLIENT_HELLO) },
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "a HelloRequest in TLS 1.3", .on = CLIENT_1_3, LIFE_SCRIPT(
		{ SEND_HS(HS_HELLO_REQUEST) },
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "a ticket for a server", .on = SERVER_1_3, LIFE_SCRIPT(
		{ SEND_HS(HS_TICKET) },
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "a CertificateRequest for a server", .on = SERVER_1_3,
	  LIFE_SCRIPT(
		{ SEND_HS(HS_CERT_REQUEST) },
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	/* Section 4.6.3: illegal_parameter; section 6: decode_error. */
	{ .name = "a KeyUpdate that asks for 2", .on = BOTH_1_3,
	  BORING(0, 50), LIFE_SCRIPT(
		{ SEND_HS("\x18\0\0\x01\x02") },
		ENDS_WITH(-KTLS_EPROTOCOL, 47)) },
	{ .name = "a KeyUpdate of two bytes", .on = BOTH_1_3,
	  BORING(0, 50), LIFE_SCRIPT(
		{ SEND_HS("\x18\0\0\x02\0\0") },
		OVER(LIFE_RX_LIBRARY, -KTLS_EPROTOCOL, 47),
		ENDS_WITH(-KTLS_EPROTOCOL, 50)) },
	{ .name = "a KeyUpdate of no bytes", .on = BOTH_1_3, LIFE_SCRIPT(
		{ SEND_HS("\x18\0\0\0") },
		ENDS_WITH(-KTLS_EPROTOCOL, 50)) },
	{ .name = "a ticket that is longer than it says", .on = CLIENT_1_3,
	  LIFE_SCRIPT(
		{ SEND_HS("\x04\0\0\x1a" "\0\0\x0e\x10" "\x01\x02\x03\x04"
			  "\x02\0\0" "\0\x0c" "ticket-bytes" "\0\0") },
		OVER(LIFE_RX_LIBRARY, -KTLS_EPROTOCOL, 50),
		OVER(LIFE_FED, -KTLS_EHANDSHAKE, 50),
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "a ticket that is shorter than it says", .on = CLIENT_1_3,
	  LIFE_SCRIPT(
		{ SEND_HS("\x04\0\0\x1c" "\0\0\x0e\x10" "\x01\x02\x03\x04"
			  "\x02\0\0" "\0\x0c" "ticket-bytes" "\0\0") },
		{ SEND("never") },
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "a ticket of 16 MiB, by its head", .on = CLIENT_1_3,
	  LIFE_SCRIPT(
		{ SEND_HS("\x04\xff\xff\xff" "begin") },
		ENDS_WITH(-KTLS_EPROTOCOL, 47)) },
	{ .name = "a KeyUpdate of 16 MiB, by its head", .on = BOTH_1_3,
	  LIFE_SCRIPT(
		{ SEND_HS("\x18\xff\xff\xff" "begin") },
		OVER(LIFE_RX_LIBRARY, -KTLS_EPROTOCOL, 47),
		ENDS_WITH(-KTLS_EPROTOCOL, 50)) },
	/* Section 5.4: records with nothing in them are for data.  An SSL
	 * looks the other way in TLS 1.2. */
	{ .name = "an empty handshake record", .on = ALL,
	  BORING_1_2(0), LIFE_SCRIPT(
		{ SEND("x") },
		{ SEND_HS("") },
		{ SEND("y") },
		{ READ("x") },
		OVER(LIFE_RX_BORING | LIFE_TLS_1_2 | LIFE_SERVER,
		     -KTLS_EPROTOCOL, 100),
		{ WHEN(LIFE_RX_BORING), READ("y") },
		{ WHEN(LIFE_RX_BORING), STOP },
		{ WHEN(LIFE_RX_LIBRARY | LIFE_TLS_1_2), READ("y") },
		{ WHEN(LIFE_RX_LIBRARY | LIFE_TLS_1_2), STOP },
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "an empty alert", .on = ALL,
	  BORING(0, 50), LIFE_SCRIPT(
		{ SEND_ALERT("") },
		{ SEND("never") },
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "half a message, and FIN", .on = BOTH_1_3, LIFE_SCRIPT(
		{ SEND_HS("\x18\0\0") },
		{ FIN },
		{ FAILS(-KTLS_ETRUNCATED) }) },
};

const struct life_topic life_protocol = LIFE_TOPIC("protocol", cases);
