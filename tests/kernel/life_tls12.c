/* SPDX-License-Identifier: MIT */
/* Handshake messages in TLS 1.2: renegotiation, which is refused. */
#include "life.h"

static const struct life_case cases[] = {
	{ .name = "a HelloRequest", .on = CLIENT_1_2, LIFE_SCRIPT(
		{ SEND("a") },
		{ SEND_HS(HS_HELLO_REQUEST) },
		{ SEND("x") },
		{ READ("ax") },
		{ UNLESS(LIFE_RX_BORING), GETS_ALERT(100) },
		{ WRITE("y") },
		{ GETS("y") },
		{ WHEN(LIFE_RX_BORING), STOP },
		{ NUMBER(alert_sent, 100) },
		{ COUNT(alerts_sent, 1) },
		{ EVENT(ALERT_SENT, TX, 100) }) },
	{ .name = "a HelloRequest and no data", .on = CLIENT_1_2, LIFE_SCRIPT(
		{ SEND_HS(HS_HELLO_REQUEST) },
		{ UNLESS(LIFE_RX_BORING), SEES(alerts_sent, 1) },
		{ UNLESS(LIFE_RX_BORING), GETS_ALERT(100) },
		{ SEND("x") },
		{ READ("x") }) },
	{ .name = "a HelloRequest by single bytes", .on = CLIENT_1_2,
	  LIFE_SCRIPT(
		{ SEND_HS(HS_HELLO_REQUEST), IN_PIECES(1) },
		{ SEND("x") },
		{ READ("x"), BUFFER(1) },
		{ UNLESS(LIFE_RX_BORING), GETS_ALERT(100) }) },
	{ .name = "a ClientHello", .on = SERVER_1_2,
	  BORING_1_2(0), LIFE_SCRIPT(
		{ SEND("a") },
		{ SEND_HS(HS_CLIENT_HELLO) },
		{ SEND("x") },
		{ WHEN(LIFE_RX_BORING), READ("a") },
		OVER(LIFE_RX_BORING, -KTLS_EPROTOCOL, 100),
		{ READ("ax") },
		{ GETS_ALERT(100) },
		{ WRITE("y") },
		{ GETS("y") },
		{ COUNT(alerts_sent, 1) }) },
	{ .name = "a ClientHello in pieces", .on = SERVER_1_2,
	  BORING_1_2(0), LIFE_SCRIPT(
		{ SEND_HS(HS_CLIENT_HELLO), IN_PIECES(5) },
		{ SEND("x") },
		OVER(LIFE_RX_BORING, -KTLS_EPROTOCOL, 100),
		{ READ("x"), BUFFER(1) },
		{ GETS_ALERT(100) },
		{ WRITE("y") },
		{ GETS("y") }) },
	{ .name = "renegotiation after our close_notify", .on = CLIENT_1_2,
	  LIFE_SCRIPT(
		{ SHUTDOWN(0) },
		{ GETS_ALERT(0) },
		{ SEND_HS(HS_HELLO_REQUEST) },
		{ SEND("x") },
		{ READ("x") },
		{ COUNT(alerts_sent, 1) }) },
	{ .name = "a HelloRequest for a server", .on = SERVER_1_2,
	  BORING_1_2(50), LIFE_SCRIPT(
		{ SEND_HS(HS_HELLO_REQUEST) },
		{ SEND("never") },
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "a ClientHello for a client", .on = CLIENT_1_2,
	  BORING_1_2(50), LIFE_SCRIPT(
		{ SEND_HS(HS_CLIENT_HELLO) },
		{ SEND("never") },
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "a HelloRequest with something in it", .on = CLIENT_1_2,
	  BORING_1_2(50), LIFE_SCRIPT(
		{ SEND_HS("\0\0\0\x01x") },
		{ SEND("never") },
		OVER(LIFE_RX_LIBRARY, -KTLS_EPROTOCOL, 47),
		ENDS_WITH(-KTLS_EPROTOCOL, 50)) },
	{ .name = "a Finished in TLS 1.2", .on = BOTH_1_2,
	  BORING_1_2(50), LIFE_SCRIPT(
		{ SEND_HS("\x14\0\0\x0c" "abcdefghijkl") },
		{ SEND("never") },
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "a ticket in TLS 1.2", .on = BOTH_1_2,
	  BORING_1_2(50), LIFE_SCRIPT(
		{ SEND_HS(HS_TICKET) },
		{ SEND("never") },
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "a KeyUpdate in TLS 1.2", .on = BOTH_1_2,
	  BORING_1_2(50), LIFE_SCRIPT(
		{ SEND_HS(HS_UPDATE) },
		{ SEND("never") },
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	/* Linux waits for a key there, which TLS 1.2 cannot have. */
	{ .name = "a fragment of TLS 1.2 that begins with 0x18",
	  .on = SERVER_1_2,
	  BORING_1_2(0), LIFE_SCRIPT(
		{ SEND_HS("\x01\0\0\x2b" "\x03\x03" "0123456789012345") },
		{ SEND_HS("\x18" "789012345678901" "\0" "\0\x02" "\xc0\x2b"
			  "\x01\0" "\0\0") },
		{ SEND("x") },
		{ WHEN(LIFE_PAUSES), FAILS(-KTLS_EPROTOCOL) },
		{ WHEN(LIFE_PAUSES), DEAD(-KTLS_EPROTOCOL) },
		{ WHEN(LIFE_PAUSES), GETS_ALERT(100) },
		{ WHEN(LIFE_PAUSES), GETS_ALERT(10) },
		{ WHEN(LIFE_PAUSES), STOP },
		OVER(LIFE_RX_BORING, -KTLS_EPROTOCOL, 100),
		{ READ("x") },
		{ GETS_ALERT(100) }) },
};

const struct life_topic life_tls12 = LIFE_TOPIC("TLS 1.2", cases);
