/* SPDX-License-Identifier: MIT */
/*
 * Control records without end, up to each limit and one beyond.  Inside an
 * SSL with data behind them, empty records and warnings are not seen from
 * here; OpenSSL has limits of its own for these: 32 and 5.
 */
#include "life.h"

#define FLOOD \
	{ FAILS(-KTLS_EFLOOD) }, \
	{ DEAD(-KTLS_EFLOOD) }, \
	{ GETS_ALERT(10) }, \
	{ COUNT(limits_hit, 1) }

static const struct life_case cases[] = {
	{ .name = "as many KeyUpdates as allowed", .on = BOTH_1_3,
	  .key_update_run = 4, LIFE_SCRIPT(
		{ UPDATE(0), TIMES(4) },
		{ SEND("x") },
		CANNOT_FOLLOW,
		{ READ("x") },
		{ UPDATE(1), TIMES(4) },
		{ SEND("y") },
		CANNOT_ANSWER,
		{ READ("y") },
		/* OpenSSL answers while it reads, all but the last. */
		{ WHEN(LIFE_TX_LIBRARY | LIFE_RX_LIBRARY),
		  UNLESS(LIFE_RX_BORING), GETS_HS(HS_UPDATE), TIMES(3) },
		{ COUNT(limits_hit, 0) }) },
	{ .name = "one KeyUpdate too many", .on = BOTH_1_3,
	  .key_update_run = 4, LIFE_SCRIPT(
		{ UPDATE(0), TIMES(5) },
		{ SEND("never") },
		CANNOT_FOLLOW,
		FLOOD,
		{ COUNT(key_updates_received, 5) }) },
	{ .name = "data between KeyUpdates", .on = BOTH_1_3,
	  .key_update_run = 4, LIFE_SCRIPT(
		{ UPDATE(0), TIMES(3) },
		{ SEND("a") },
		CANNOT_FOLLOW,
		{ READ("a") },
		{ UPDATE(0), TIMES(4) },
		{ SEND("b") },
		{ UPDATE(0), TIMES(4) },
		{ SEND("c") },
		{ READ("bc") },
		{ UPDATE(0), TIMES(5) },
		FLOOD) },
	{ .name = "an empty record is no data between KeyUpdates",
	  .on = BOTH_1_3, .key_update_run = 4, LIFE_SCRIPT(
		{ UPDATE(0), TIMES(3) },
		CANNOT_FOLLOW,
		{ SEND("") },
		{ UPDATE(0), TIMES(2) },
		FLOOD) },
	{ .name = "the default for KeyUpdates", .on = BOTH_1_3, LIFE_SCRIPT(
		{ UPDATE(0), TIMES(KTLS_CONTROL_RUN) },
		{ SEND("x") },
		CANNOT_FOLLOW,
		{ READ("x") },
		{ UPDATE(0), TIMES(KTLS_CONTROL_RUN + 1) },
		FLOOD) },
	{ .name = "a thousand KeyUpdates", .on = BOTH_1_3, LIFE_SCRIPT(
		{ HOLD },
		{ UPDATE(1), TIMES(1000) },
		{ RELEASE },
		CANNOT_ANSWER,
		{ FAILS(-KTLS_EFLOOD) },
		{ DEAD(-KTLS_EFLOOD) },
		{ WHEN(LIFE_TX_LIBRARY | LIFE_RX_LIBRARY),
		  UNLESS(LIFE_RX_BORING), GETS_HS(HS_UPDATE),
		  TIMES(KTLS_CONTROL_RUN + 1) },
		/* BoringSSL's one answer goes out with the alert */
		{ WHEN(LIFE_TX_LIBRARY | LIFE_RX_BORING),
		  GETS_HS(HS_UPDATE) },
		{ GETS_ALERT(10) },
		{ COUNT(key_updates_received, KTLS_CONTROL_RUN + 1) }) },
	{ .name = "as many tickets as allowed", .on = CLIENT_1_3,
	  .ticket_run = 3, LIFE_SCRIPT(
		{ SEND_HS(HS_TICKET), TIMES(3) },
		{ SEND("x") },
		{ READ("x") },
		{ SEND_HS(HS_TICKET HS_TICKET) },
		{ SEND_HS(HS_TICKET) },
		{ SEND("y") },
		{ READ("y") },
		{ COUNT(tickets, 6) }) },
	{ .name = "one ticket too many", .on = CLIENT_1_3, .ticket_run = 3,
	  LIFE_SCRIPT(
		{ SEND("x") },
		{ SEND_HS(HS_TICKET), TIMES(4) },
		{ SEND("never") },
		{ READ("x") },
		FLOOD,
		{ COUNT(tickets, 4) }) },
	{ .name = "one ticket too many in one record", .on = CLIENT_1_3,
	  .ticket_run = 3, LIFE_SCRIPT(
		{ SEND_HS(HS_TICKET HS_TICKET HS_TICKET HS_TICKET HS_TICKET) },
		{ SEND("never") },
		FLOOD) },
	{ .name = "one ticket too many for the SSL", .on = CLIENT_1_3,
	  .ticket_run = 3, .flags = KTLS_KEEP_SSL, LIFE_SCRIPT(
		{ SEND_HS(HS_TICKET), TIMES(4) },
		{ SEND("never") },
		FLOOD,
		{ UNLESS(LIFE_RX_LIBRARY), COUNT(tickets_fed, 3) }) },
	{ .name = "a thousand tickets", .on = CLIENT_1_3, LIFE_SCRIPT(
		{ HOLD },
		{ SEND_HS(HS_TICKET), TIMES(1000) },
		{ RELEASE },
		FLOOD) },
	{ .name = "as many of each as allowed", .on = CLIENT_1_3,
	  .ticket_run = 3, .key_update_run = 4, .warning_run = 2, LIFE_SCRIPT(
		{ SEND_ALERT("\x01\x5a"), TIMES(2) },
		{ SEND_HS(HS_TICKET), TIMES(3) },
		{ UPDATE(0), TIMES(4) },
		{ SEND("x") },
		CANNOT_FOLLOW,
		{ READ("x") },
		{ COUNT(limits_hit, 0) }) },
	{ .name = "as many warnings as allowed", .on = ALL, .warning_run = 3,
	  LIFE_SCRIPT(
		{ SEND_ALERT("\x01\x5a"), TIMES(3) },
		{ SEND("x") },
		{ READ("x") },
		{ SEND_ALERT("\x01\x5a"), TIMES(3) },
		{ SEND("y") },
		{ READ("y") },
		{ COUNT(alerts_received, 6) }) },
	{ .name = "one warning too many", .on = ALL, .warning_run = 3,
	  LIFE_SCRIPT(
		{ SEND_ALERT("\x01\x5a"), TIMES(4) },
		{ UNLESS(LIFE_RX_LIBRARY), SEND("never") },
		FLOOD) },
	{ .name = "a thousand warnings", .on = ALL, LIFE_SCRIPT(
		{ HOLD },
		{ SEND_ALERT("\x01\x5a"), TIMES(1000) },
		{ RELEASE },
		FLOOD) },
	{ .name = "as many HelloRequests as allowed", .on = CLIENT_1_2,
	  .warning_run = 3, LIFE_SCRIPT(
		{ SEND_HS(HS_HELLO_REQUEST), TIMES(3) },
		{ SEND("x") },
		{ READ("x") },
		{ UNLESS(LIFE_RX_BORING), GETS_ALERT(100) },
		{ UNLESS(LIFE_RX_BORING), GETS_ALERT(100) },
		{ UNLESS(LIFE_RX_BORING), GETS_ALERT(100) }) },
	{ .name = "one HelloRequest too many", .on = CLIENT_1_2,
	  .warning_run = 3, LIFE_SCRIPT(
		{ SEND_HS(HS_HELLO_REQUEST), TIMES(4) },
		{ SEND("never") },
		{ FAILS(-KTLS_EFLOOD) },
		{ DEAD(-KTLS_EFLOOD) },
		{ UNLESS(LIFE_RX_BORING), GETS_ALERT(100) },
		{ UNLESS(LIFE_RX_BORING), GETS_ALERT(100) },
		{ UNLESS(LIFE_RX_BORING), GETS_ALERT(100) },
		{ WHEN(LIFE_RX_LIBRARY), UNLESS(LIFE_RX_BORING),
		  GETS_ALERT(100) },
		{ GETS_ALERT(10) }) },
	/* The kernel swallows them, without a word. */
	{ .name = "as many empty records as allowed", .on = ALL,
	  .empty_run = 3, LIFE_SCRIPT(
		{ SEND(""), TIMES(3) },
		{ SEND("x") },
		{ READ("x") },
		{ SEND(""), TIMES(3) },
		{ SEND("y") },
		{ READ("y") }) },
	{ .name = "one empty record too many", .on = ALL, .empty_run = 3,
	  LIFE_SCRIPT(
		{ WHEN(LIFE_RX_KERNEL), STOP },
		{ WHEN(LIFE_RX_LIBRARY), STOP },
		{ SEND(""), TIMES(4) },
		{ SEND("never") },
		FLOOD) },
	{ .name = "a thousand empty records", .on = ALL, LIFE_SCRIPT(
		{ HOLD },
		{ SEND(""), TIMES(1000) },
		{ SEND("x") },
		{ RELEASE },
		{ WHEN(LIFE_RX_KERNEL), READ("x") },
		{ WHEN(LIFE_RX_KERNEL), STOP },
		FLOOD) },
};

const struct life_topic life_floods = LIFE_TOPIC("floods", cases);
