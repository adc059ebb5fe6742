/* SPDX-License-Identifier: MIT */
/* Alerts in both directions, and the ends of a stream. */
#include "life.h"

/* No alert answers an alert. */
#define REFUSED_BY(number) \
	{ FAILS(-KTLS_EALERT) }, \
	{ DEAD(-KTLS_EALERT) }, \
	{ NUMBER(alert_received, number) }, \
	{ COUNT(alerts_received, 1) }, \
	{ COUNT(alerts_sent, 0) }, \
	{ EVENT(ALERT_RECEIVED, RX, number) }

static const struct life_case cases[] = {
	{ .name = "their close_notify first", .on = ALL, LIFE_SCRIPT(
		{ SEND("x") },
		{ SEND_ALERT("\x01\0") },
		{ READ("x"), BUFFER(64) },
		{ ENDS },
		{ NUMBER(alert_received, 0) },
		{ COUNT(alerts_received, 1) },
		{ EVENT(ALERT_RECEIVED, RX, 0) },
		{ WRITE("more") },
		{ SENDFILE(20000) },
		{ GETS("more") },
		{ GETS_STREAM(20000, 0) },
		{ SHUTDOWN(0) },
		{ SHUTDOWN(0) },
		{ GETS_ALERT(0) },
		{ EVENT(ALERT_SENT, TX, 0) },
		{ COUNT(alerts_sent, 1) },
		{ WRITE_FAILS(-KTLS_ECLOSED) },
		{ ENDS }) },
	{ .name = "our close_notify first", .on = ALL, LIFE_SCRIPT(
		{ WRITE("y") },
		{ SHUTDOWN(0) },
		{ GETS("y") },
		{ GETS_ALERT(0) },
		{ NUMBER(alert_sent, 0) },
		{ SEND("x") },
		{ READ("x") },
		{ SEND_MUCH(16384), TIMES(3) },
		{ READ_MUCH(49152), BUFFER(65536) },
		{ WRITE_FAILS(-KTLS_ECLOSED) },
		{ ALERT(40, -KTLS_ECLOSED) },
		{ SHUTDOWN(0) },
		{ SEND_ALERT("\x01\0") },
		{ ENDS },
		{ SHUTDOWN(0) }) },
	{ .name = "our close_notify, and a bad record after it", .on = ALL,
	  LIFE_SCRIPT(
		{ SHUTDOWN(0) },
		{ GETS_ALERT(0) },
		{ SEND("x") },
		{ SEND("bad"), BROKEN(BAD_TAG) },
		{ READ("x") },
		{ FAILS(-KTLS_EBADRECORD) },
		{ DEAD(-KTLS_EBADRECORD) }) },
	/* RFC 8446 section 6.1: ignored. */
	{ .name = "data after their close_notify", .on = ALL, LIFE_SCRIPT(
		{ HOLD },
		{ SEND("x") },
		{ SEND_ALERT("\x01\0") },
		{ SEND("never") },
		{ RELEASE },
		{ READ("x"), BUFFER(64) },
		{ ENDS },
		{ WRITE("y") },
		{ GETS("y") }) },
	{ .name = "close_notify by one byte at a time", .on = ALL, LIFE_SCRIPT(
		{ SEND("xy") },
		{ SEND_ALERT("\x01\0") },
		{ READ("xy"), BUFFER(1) },
		{ ENDS }) },
	{ .name = "a fatal alert", .on = ALL, LIFE_SCRIPT(
		{ SEND("x") },
		{ SEND_ALERT("\x02\x28") },
		{ SEND("never") },
		{ READ("x"), BUFFER(64) },
		REFUSED_BY(40)) },
	{ .name = "another fatal alert", .on = ALL, LIFE_SCRIPT(
		{ SEND_ALERT("\x02\x74") },
		REFUSED_BY(116)) },
	{ .name = "a fatal alert of no known number", .on = ALL, LIFE_SCRIPT(
		{ SEND_ALERT("\x02\xc8") },
		REFUSED_BY(200)) },
	/* Section 6: the level says nothing in TLS 1.3. */
	{ .name = "a warning of TLS 1.3", .on = BOTH_1_3, LIFE_SCRIPT(
		{ SEND_ALERT("\x01\x28") },
		OVER(LIFE_RX_BORING, -KTLS_EPROTOCOL, 50),
		REFUSED_BY(40)) },
	{ .name = "a warning of TLS 1.3 of no known number",
	  .on = BOTH_1_3, LIFE_SCRIPT(
		{ SEND_ALERT("\x01\xc8") },
		OVER(LIFE_RX_BORING, -KTLS_EPROTOCOL, 50),
		REFUSED_BY(200)) },
	{ .name = "an alert of TLS 1.3 of no known level", .on = BOTH_1_3,
	  LIFE_SCRIPT(
		{ SEND_ALERT("\x07\x28") },
		OVER(LIFE_RX_BORING, -KTLS_EPROTOCOL, 47),
		REFUSED_BY(40)) },
	{ .name = "a fatal close_notify of TLS 1.3", .on = BOTH_1_3,
	  LIFE_SCRIPT(
		{ SEND_ALERT("\x02\0") },
		{ WHEN(LIFE_RX_BORING), FAILS(-KTLS_EALERT) },
		{ WHEN(LIFE_RX_BORING), STOP },
		{ ENDS },
		{ WRITE("y") },
		{ GETS("y") }) },
	{ .name = "user_canceled of TLS 1.3 at both levels", .on = BOTH_1_3,
	  LIFE_SCRIPT(
		{ SEND_ALERT("\x01\x5a") },
		{ SEND_ALERT("\x02\x5a") },
		{ SEND("x") },
		{ WHEN(LIFE_RX_BORING), FAILS(-KTLS_EALERT) },
		{ WHEN(LIFE_RX_BORING), STOP },
		{ READ("x") },
		{ NUMBER(alert_received, 90) },
		{ COUNT(alerts_received, 2) },
		{ SEND_ALERT("\x01\x5a") },
		{ SEND_ALERT("\x01\0") },
		{ ENDS },
		{ NUMBER(alert_received, 0) }) },
	{ .name = "warnings of TLS 1.2", .on = BOTH_1_2, LIFE_SCRIPT(
		{ SEND_ALERT("\x01\x5a") },
		{ SEND_ALERT("\x01\x70") },
		{ SEND_ALERT("\x01\xc8") },
		{ SEND("x") },
		{ READ("x") },
		{ NUMBER(alert_received, 200) },
		{ COUNT(alerts_received, 3) },
		{ WRITE("y") },
		{ GETS("y") }) },
	{ .name = "user_canceled of TLS 1.2, fatal", .on = BOTH_1_2,
	  LIFE_SCRIPT(
		{ SEND_ALERT("\x02\x5a") },
		REFUSED_BY(90)) },
	{ .name = "an alert of TLS 1.2 of no known level", .on = BOTH_1_2,
	  LIFE_SCRIPT(
		{ SEND_ALERT("\x03\x28") },
		ENDS_WITH(-KTLS_EPROTOCOL, 47)) },
	/* Section 5.1: one alert, and whole, to a record. */
	{ .name = "half an alert", .on = ALL,
	  BORING(0, 50), LIFE_SCRIPT(
		{ SEND_ALERT("\x01") },
		{ SEND_ALERT("\0") },
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "an alert of three bytes", .on = ALL,
	  BORING(0, 50), LIFE_SCRIPT(
		{ SEND_ALERT("\x01\0\0") },
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "two alerts in one record", .on = ALL,
	  BORING(0, 50), LIFE_SCRIPT(
		{ SEND_ALERT("\x01\x5a\x01\0") },
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "two alerts in one record, by a buffer of one byte",
	  .on = ALL,
	  BORING(0, 50), LIFE_SCRIPT(
		{ SEND("x") },
		{ SEND_ALERT("\x01\x5a\x01\0") },
		{ READ("x"), BUFFER(1) },
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "FIN without close_notify", .on = ALL, LIFE_SCRIPT(
		{ SEND("x") },
		{ FIN },
		{ READ("x"), BUFFER(64) },
		{ FAILS(-KTLS_ETRUNCATED) },
		{ WRITE("y") },
		{ GETS("y") },
		{ SHUTDOWN(0) },
		{ GETS_ALERT(0) },
		{ FAILS(-KTLS_ETRUNCATED) }) },
	{ .name = "FIN within a record", .on = ALL, LIFE_SCRIPT(
		{ SEND("x") },
		{ RAW("\x17\x03\x03\0\x30" "begin") },
		{ FIN },
		{ READ("x"), BUFFER(64) },
		{ FAILS(-KTLS_ETRUNCATED) },
		{ WRITE("y") },
		{ GETS("y") }) },
	{ .name = "FIN within a header", .on = ALL, LIFE_SCRIPT(
		{ RAW("\x17\x03") },
		{ FIN },
		{ FAILS(-KTLS_ETRUNCATED) },
		{ WRITE("y") },
		{ GETS("y") }) },
	{ .name = "FIN after close_notify", .on = ALL, LIFE_SCRIPT(
		{ SEND_ALERT("\x01\0") },
		{ FIN },
		{ ENDS },
		{ SHUTDOWN(0) },
		{ GETS_ALERT(0) }) },
	{ .name = "a reset", .on = ALL, LIFE_SCRIPT(
		{ RESET },
		{ FAILS(-ECONNRESET) },
		{ DEAD(-ECONNRESET) }) },
	{ .name = "a fatal alert of ours", .on = ALL, LIFE_SCRIPT(
		{ WRITE("y") },
		{ ALERT(80, 0) },
		{ GETS("y") },
		{ GETS_ALERT(80) },
		{ NUMBER(alert_sent, 80) },
		{ COUNT(alerts_sent, 1) },
		{ EVENT(ALERT_SENT, TX, 80) },
		{ WRITE_FAILS(-KTLS_ECLOSED) },
		{ SENDFILE(10), UNTIL(-KTLS_ECLOSED) },
		{ ALERT(90, -KTLS_ECLOSED) },
		{ SHUTDOWN(-KTLS_ECLOSED) },
		{ WHEN(LIFE_TLS_1_3), UPDATE_KEYS(0, -KTLS_ECLOSED) },
		{ SEND("x") },
		{ READ("x") },
		{ SEND_ALERT("\x01\0") },
		{ ENDS }) },
	{ .name = "warnings of ours", .on = ALL, LIFE_SCRIPT(
		{ ALERT(90, 0) },
		{ GETS_ALERT(90) },
		{ WRITE("y") },
		{ GETS("y") },
		{ ALERT(100, 0) },
		{ GETS_ALERT(100) },
		{ COUNT(alerts_sent, 2) },
		{ NUMBER(alert_sent, 100) },
		{ ALERT(0, 0) },
		{ GETS_ALERT(0) },
		{ WRITE_FAILS(-KTLS_ECLOSED) }) },
};

const struct life_topic life_alerts = LIFE_TOPIC("alerts", cases);
