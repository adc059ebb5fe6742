/* SPDX-License-Identifier: MIT */
/* The number of records that one key of ours seals. */
#include "life.h"

#define NO_KEYS (-KTLS_EKEYLIMIT)

/* Writing ends before the limit does, and all but data still goes. */
#define REFUSED(call) \
	{ call, UNTIL(NO_KEYS) }, \
	{ GETS_STREAM(0, 8) }, \
	{ WRITE_FAILS(NO_KEYS) }, \
	{ SENDFILE(10), UNTIL(NO_KEYS) }, \
	{ WRITEV(10, 5), UNTIL(NO_KEYS) }, \
	{ EVENT(KEY_LIMIT, TX, NO_KEYS) }, \
	{ COUNT(limits_hit, 1) }, \
	{ COUNT(key_updates_sent, 0) }, \
	{ SEND("x") }, \
	{ READ("x") }, \
	{ SHUTDOWN(0) }, \
	{ GETS_ALERT(0) }, \
	{ SEND("y") }, \
	{ READ("y") }

/* The same where only this kernel is to blame. */
#define REFUSED_IF_FIXED(call) \
	{ WHEN(LIFE_TX_FIXED), call, UNTIL(NO_KEYS) }, \
	{ WHEN(LIFE_TX_FIXED), GETS_STREAM(0, 8) }, \
	{ WHEN(LIFE_TX_FIXED), WRITE_FAILS(NO_KEYS) }, \
	{ WHEN(LIFE_TX_FIXED), EVENT(KEY_LIMIT, TX, NO_KEYS) }, \
	{ WHEN(LIFE_TX_FIXED), SHUTDOWN(0) }, \
	{ WHEN(LIFE_TX_FIXED), GETS_ALERT(0) }, \
	{ WHEN(LIFE_TX_FIXED), STOP }

static const struct life_case cases[] = {
	/* 7 of them and a KeyUpdate to each key */
	{ .name = "the limit in many writes", .on = BOTH_1_3,
	  .key_records = 8, LIFE_SCRIPT(
		REFUSED_IF_FIXED(WRITES(3000, 100)),
		{ WRITES(3000, 100) },
		{ GETS_STREAM(0, 8) },
		{ COUNT(key_updates_sent, 4) },
		{ COUNT(limits_hit, 4) },
		{ COUNT(tx.bytes, 3000) },
		{ EVENT(KEY_LIMIT, TX, 0) },
		{ EVENT(KEY_UPDATE_SENT, TX, 0) },
		{ EVENT(KEY_LIMIT, TX, 0) },
		{ SEND("x") },
		{ READ("x") },
		{ SHUTDOWN(0) },
		{ GETS_ALERT(0), KEY(4) }) },
	{ .name = "the limit in many writes, blocking", .on = BOTH_1_3,
	  .key_records = 8, .blocking = 1, LIFE_SCRIPT(
		REFUSED_IF_FIXED(WRITES(3000, 100)),
		{ WRITES(3000, 100) },
		{ GETS_STREAM(0, 8) },
		{ COUNT(key_updates_sent, 4) }) },
	{ .name = "the limit in one long write", .on = BOTH_1_3,
	  .key_records = 8, LIFE_SCRIPT(
		REFUSED_IF_FIXED(WRITES(400000, 400000)),
		{ WRITES(400000, 400000) },
		{ GETS_STREAM(0, 8) },
		{ COUNT(tx.bytes, 400000) }) },
	{ .name = "the limit in one long sendfile", .on = BOTH_1_3,
	  .key_records = 8, LIFE_SCRIPT(
		REFUSED_IF_FIXED(SENDFILE(400000)),
		{ SENDFILE(400000) },
		{ GETS_STREAM(0, 8) },
		{ COUNT(tx.bytes, 400000) },
		{ SEND("x") },
		{ READ("x") }) },
	{ .name = "the limit in one long writev", .on = BOTH_1_3,
	  .key_records = 8, LIFE_SCRIPT(
		REFUSED_IF_FIXED(WRITEV(400000, 9999)),
		{ WRITEV(400000, 9999) },
		{ GETS_STREAM(0, 8) }) },
	{ .name = "the limit in small pieces of writev", .on = BOTH_1_3,
	  .key_records = 8, LIFE_SCRIPT(
		REFUSED_IF_FIXED(WRITEV(200000, 700)),
		{ WRITEV(200000, 700) },
		{ GETS_STREAM(0, 8) }) },
	{ .name = "the limit in every way at once", .on = BOTH_1_3,
	  .key_records = 8, LIFE_SCRIPT(
		{ WHEN(LIFE_TX_FIXED), STOP },
		{ WRITES(500, 100) },
		{ SENDFILE(100000) },
		{ WRITEV(70000, 20000) },
		{ WRITES(500, 100) },
		{ SENDFILE(3) },
		{ ALERT(90, 0) },
		{ WRITES(500, 100) },
		{ GETS_STREAM(171003, 8) },
		{ GETS_ALERT(90) },
		{ GETS_STREAM(0, 8) }) },
	{ .name = "the least limit", .on = BOTH_1_3, .key_records = 2,
	  LIFE_SCRIPT(
		{ WHEN(LIFE_TX_FIXED), STOP },
		{ WRITES(1000, 100) },
		{ GETS_STREAM(0, 2) },
		{ SENDFILE(50000) },
		{ GETS_STREAM(0, 2) }) },
	{ .name = "a limit that is asked for, too", .on = BOTH_1_3,
	  .key_records = 8, LIFE_SCRIPT(
		{ WHEN(LIFE_TX_FIXED), STOP },
		{ WHEN(LIFE_RX_FIXED), STOP },
		{ WRITES(700, 100) },
		{ UPDATE(1) },
		{ SEND("x") },
		{ READ("x") },
		{ WRITES(700, 100) },
		{ GETS_STREAM(0, 8) },
		{ COUNT(key_updates_sent, 1) },
		{ WRITES(100, 100) },
		{ GETS_STREAM(0, 8) },
		{ COUNT(key_updates_sent, 2) }) },
	{ .name = "a limit that ktls_update_keys puts off", .on = BOTH_1_3,
	  .key_records = 8, LIFE_SCRIPT(
		{ WHEN(LIFE_TX_FIXED), STOP },
		{ WRITES(500, 100) },
		{ UPDATE_KEYS(0, 0) },
		{ WRITES(500, 100) },
		{ UPDATE_KEYS(0, 0) },
		{ WRITES(500, 100) },
		{ GETS_STREAM(0, 8) },
		{ COUNT(key_updates_sent, 2) },
		{ COUNT(limits_hit, 0) }) },
	/* The key is the SSL's, and it has sealed some. */
	{ .name = "a limit half used up by the SSL", .on = BOTH_1_3,
	  .key_records = 8, .before = 5, LIFE_SCRIPT(
		REFUSED_IF_FIXED(WRITES(3000, 100)),
		{ WRITES(3000, 100) },
		{ GETS_STREAM(0, 8) }) },
	{ .name = "a limit of TLS 1.2 half used up by the SSL",
	  .on = BOTH_1_2, .key_records = 8, .before = 4, LIFE_SCRIPT(
		{ WRITES(3000, 100), UNTIL(NO_KEYS) },
		{ GETS_STREAM(0, 8) },
		{ SHUTDOWN(0) },
		{ GETS_ALERT(0) }) },
	{ .name = "the limit of TLS 1.2 in many writes", .on = BOTH_1_2,
	  .key_records = 8, LIFE_SCRIPT(
		REFUSED(WRITES(3000, 100))) },
	{ .name = "the limit of TLS 1.2 in one long write",
	  .on = BOTH_1_2, .key_records = 8, LIFE_SCRIPT(
		REFUSED(WRITES(400000, 400000))) },
	{ .name = "the limit of TLS 1.2 in one long sendfile",
	  .on = BOTH_1_2, .key_records = 8, LIFE_SCRIPT(
		REFUSED(SENDFILE(400000))) },
	{ .name = "the limit of TLS 1.2 in one long writev",
	  .on = BOTH_1_2, .key_records = 8, LIFE_SCRIPT(
		REFUSED(WRITEV(400000, 9999))) },
	{ .name = "the limit of TLS 1.2, and an alert", .on = BOTH_1_2,
	  .key_records = 8, LIFE_SCRIPT(
		{ WRITES(3000, 100), UNTIL(NO_KEYS) },
		{ GETS_STREAM(0, 8) },
		{ ALERT(80, 0) },
		{ GETS_ALERT(80) },
		{ WRITE_FAILS(-KTLS_ECLOSED) }) },
	{ .name = "the limit of TLS 1.2 exceeded", .on = BOTH_1_2,
	  .key_records = 8, .flags = KTLS_EXCEED_KEY_LIMIT, LIFE_SCRIPT(
		{ WRITES(3000, 100) },
		{ SENDFILE(300000) },
		{ WRITEV(300000, 9999) },
		{ GETS_STREAM(603000, 0) },
		{ COUNT(limits_hit, 1) },
		{ EVENT(KEY_LIMIT, TX, 1) },
		{ SHUTDOWN(0) },
		{ GETS_ALERT(0) }) },
	{ .name = "the limit exceeded only where there is no way",
	  .on = BOTH_1_3, .key_records = 8, .flags = KTLS_EXCEED_KEY_LIMIT,
	  LIFE_SCRIPT(
		{ WRITES(3000, 100) },
		{ SENDFILE(300000) },
		{ WHEN(LIFE_TX_FIXED), GETS_STREAM(303000, 0), KEY(0) },
		{ WHEN(LIFE_TX_FIXED), COUNT(limits_hit, 1) },
		{ WHEN(LIFE_TX_FIXED), EVENT(KEY_LIMIT, TX, 1) },
		{ UNLESS(LIFE_TX_FIXED), GETS_STREAM(303000, 8) },
		{ UNLESS(LIFE_TX_FIXED), EVENT(KEY_LIMIT, TX, 0) }) },
	{ .name = "no limit that anybody could reach", .on = ALL, LIFE_SCRIPT(
		{ WRITES(3000, 10) },
		{ SENDFILE(1000000) },
		{ GETS_STREAM(1003000, 0), KEY(0) },
		{ COUNT(limits_hit, 0) },
		{ COUNT(key_updates_sent, 0) }) },
};

const struct life_topic life_limits = LIFE_TOPIC("key limit", cases);
