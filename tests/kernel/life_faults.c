/* SPDX-License-Identifier: MIT */
/*
 * Records that cannot be opened, or may not be there.  What came before them
 * is read first; the peer learns why.  A kernel tells less than RFC 8446 and
 * 5246 would have: it has one error for whatever does not decrypt.
 */
#include "life.h"

static const struct life_case cases[] = {
	{ .name = "a bad tag", .on = ALL, LIFE_SCRIPT(
		{ SEND("good") },
		{ SEND("bad"), BROKEN(BAD_TAG) },
		{ SEND("never") },
		{ READ("good") },
		ENDS_WITH(-KTLS_EBADRECORD, 20)) },
	{ .name = "a bad tag in one large read", .on = ALL, LIFE_SCRIPT(
		{ HOLD },
		{ SEND("good") },
		{ SEND("bad"), BROKEN(BAD_TAG) },
		{ SEND("never") },
		{ RELEASE },
		{ READ("good"), BUFFER(4096) },
		ENDS_WITH(-KTLS_EBADRECORD, 20)) },
	{ .name = "a bad tag in a blocking read", .on = ALL, .blocking = 1,
	  LIFE_SCRIPT(
		{ SEND("good") },
		{ SEND("bad"), BROKEN(BAD_TAG) },
		{ READ("good"), BUFFER(4096) },
		ENDS_WITH(-KTLS_EBADRECORD, 20)) },
	{ .name = "a bad tag first of all", .on = ALL, LIFE_SCRIPT(
		{ WRITE("y") },
		{ SEND(""), BROKEN(BAD_TAG) },
		{ GETS("y") },
		ENDS_WITH(-KTLS_EBADRECORD, 20)) },
	{ .name = "a bad tag on an alert", .on = ALL, LIFE_SCRIPT(
		{ SEND_ALERT("\x01\0"), BROKEN(BAD_TAG) },
		ENDS_WITH(-KTLS_EBADRECORD, 20)) },
	{ .name = "a bad tag on a KeyUpdate", .on = BOTH_1_3, LIFE_SCRIPT(
		{ SEND_HS(HS_UPDATE), BROKEN(BAD_TAG) },
		ENDS_WITH(-KTLS_EBADRECORD, 20)) },
	{ .name = "a bad tag behind many good records", .on = ALL,
	  LIFE_SCRIPT(
		{ SEND_MUCH(16384), TIMES(4) },
		{ SEND_MUCH(100) },
		{ SEND("bad"), BROKEN(BAD_TAG) },
		{ SEND("never"), TIMES(20) },
		{ READ_MUCH(65636), BUFFER(65536) },
		ENDS_WITH(-KTLS_EBADRECORD, 20)) },
	{ .name = "a byte too much in a record", .on = ALL, LIFE_SCRIPT(
		{ SEND("x") },
		{ SEND_MUCH(16385) },
		{ READ("x") },
		ENDS_WITH(-KTLS_EOVERSIZE, 22)) },
	/* No sender may; OpenSSL does not mind. */
	{ .name = "a byte too much, padding counted", .on = BOTH_1_3,
	  LIFE_SCRIPT(
		{ SEND("x") },
		{ SEND("hello"), PADDED(16380) },
		{ READ("x") },
		{ WHEN(LIFE_RX_LIBRARY), UNLESS(LIFE_RX_BORING),
		  READ("hello") },
		{ WHEN(LIFE_RX_LIBRARY), UNLESS(LIFE_RX_BORING), STOP },
		ENDS_WITH(-KTLS_EOVERSIZE, 22)) },
	{ .name = "more padding than any record has", .on = BOTH_1_3,
	  LIFE_SCRIPT(
		{ SEND("x") },
		{ SEND("never"), PADDED(16384 + 256) },
		{ READ("x") },
		ENDS_WITH(-KTLS_EOVERSIZE, 22)) },
	{ .name = "a kilobyte too much in a record", .on = ALL, LIFE_SCRIPT(
		{ SEND_MUCH(16384 + 1024) },
		ENDS_WITH(-KTLS_EOVERSIZE, 22)) },
	{ .name = "a header with a length of 64 KiB", .on = ALL, LIFE_SCRIPT(
		{ SEND("x") },
		{ RAW("\x17\x03\x03\xff\xff" "begin of much") },
		{ READ("x"), BUFFER(64) },
		ENDS_WITH(-KTLS_EOVERSIZE, 22)) },
	{ .name = "a record shorter than its tag", .on = ALL, LIFE_SCRIPT(
		{ SEND("x") },
		{ RAW("\x17\x03\x03\0\x0f" "123456789012345") },
		{ READ("x") },
		ENDS_WITH(-KTLS_EBADRECORD, 20)) },
	{ .name = "a header of another version", .on = ALL, LIFE_SCRIPT(
		{ SEND("x") },
		{ SEND("never"), BROKEN(BAD_VERSION) },
		{ READ("x") },
		OVER(LIFE_RX_LIBRARY, -KTLS_EPROTOCOL, 70),
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "plaintext HTTP", .on = ALL, LIFE_SCRIPT(
		{ RAW("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n") },
		OVER(LIFE_RX_LIBRARY, -KTLS_EPROTOCOL, 70),
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	/* Section 5.4 wants unexpected_message. */
	{ .name = "a record without a type", .on = BOTH_1_3,
	  BORING(-KTLS_EBADRECORD, 51), LIFE_SCRIPT(
		{ SEND(""), BROKEN(ALL_ZERO), PADDED(20) },
		OVER(LIFE_RX_KERNEL, -KTLS_EBADRECORD, 20),
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	/* Section 5: so does an unprotected ChangeCipherSpec. */
	{ .name = "a plaintext ChangeCipherSpec", .on = BOTH_1_3,
	  BORING(-KTLS_EBADRECORD, 20), LIFE_SCRIPT(
		{ SEND("x") },
		{ RAW("\x14\x03\x03\0\x01\x01") },
		{ READ("x"), BUFFER(64) },
		OVER(LIFE_RX_KERNEL, -KTLS_EBADRECORD, 20),
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "a ChangeCipherSpec", .on = ALL, LIFE_SCRIPT(
		{ SEND("x") },
		{ SEND_AS(KTLS_RECORD_CCS, "\x01") },
		{ SEND("never") },
		{ READ("x") },
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "a heartbeat", .on = ALL, LIFE_SCRIPT(
		{ SEND("x") },
		{ SEND_AS(24, "\x01\0\x03" "abc0123456789abcdef") },
		{ SEND("never") },
		{ READ("x") },
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "a record of no known type", .on = ALL, LIFE_SCRIPT(
		{ SEND_AS(99, "what is this") },
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "an empty record of no known type", .on = ALL, LIFE_SCRIPT(
		{ SEND_AS(99, "") },
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	/* Whoever sits on the wire can send that. */
	{ .name = "a plaintext close_notify", .on = BOTH_1_3,
	  BORING(-KTLS_EBADRECORD, 20), LIFE_SCRIPT(
		{ SEND("x") },
		{ RAW("\x15\x03\x03\0\x02\x01\0") },
		{ READ("x"), BUFFER(64) },
		OVER(LIFE_RX_KERNEL, -KTLS_EBADRECORD, 20),
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "a plaintext close_notify in TLS 1.2", .on = BOTH_1_2,
	  LIFE_SCRIPT(
		{ SEND("x") },
		{ RAW("\x15\x03\x03\0\x02\x01\0") },
		{ SEND("never") },
		{ READ("x"), BUFFER(64) },
		ENDS_WITH(-KTLS_EBADRECORD, 20)) },
	{ .name = "a record of TLS 1.3 with the type outside",
	  .on = BOTH_1_3,
	  BORING(0, 50), LIFE_SCRIPT(
		{ SEND("never"), BROKEN(OUTER_TYPE) },
		OVER(LIFE_RX_KERNEL, -KTLS_EBADRECORD, 20),
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
};

const struct life_topic life_faults = LIFE_TOPIC("faults", cases);
