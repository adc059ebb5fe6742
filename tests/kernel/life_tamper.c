/* SPDX-License-Identifier: MIT */
/*
 * One record that was changed on its way: each bit of its header, a bit of
 * each other byte, each byte of its end missing.  What was sent before it is
 * read; then the connection is over, and the peer learns why.
 */
#include <check.h>
#include <string.h>

#include "life_run.h"
#include "suite.h"

#define HEADER 5
#define HEADER_BITS (8 * HEADER)
#define PLAIN_MAX 16384
#define UNEXPECTED_MESSAGE 10
#define BAD_RECORD_MAC 20
#define RECORD_OVERFLOW 22
#define DECODE_ERROR 50
#define PROTOCOL_VERSION 70

static size_t body_of(const uint8_t *wire)
{
	return (size_t)(wire[3] << 8 | wire[4]);
}

static void set_body(uint8_t *wire, size_t body)
{
	wire[3] = (uint8_t)(body >> 8);
	wire[4] = (uint8_t)body;
}

/* The longest that a header may tell of. */
static size_t most_of(const struct life *l)
{
	const struct ktls__suite *suite =
		ktls__suite_find(l->peer.tx.keys.suite);

	if (l->env & LIFE_RX_BORING)
		return PLAIN_MAX + 320;
	if (l->env & LIFE_TLS_1_2 && l->env & LIFE_RX_LIBRARY)
		return PLAIN_MAX + 2048;
	if (l->env & LIFE_TLS_1_2 || l->env & LIFE_RX_KERNEL)
		return PLAIN_MAX + suite->overhead - HEADER;
	return PLAIN_MAX + 256;
}

static void is_due(struct life *l, int err, int alert)
{
	l->due = err;
	l->due_alert = alert;
}

/* RFC 8446 section 5.2 has the version ignored, and authenticated; here a
 * header with another one ends what cannot go on anyway. */
static void version_is_due(struct life *l, const uint8_t *wire)
{
	if (!(l->env & LIFE_RX_LIBRARY))
		is_due(l, -KTLS_EPROTOCOL, UNEXPECTED_MESSAGE);
	else if (wire[1] != 3 || l->env & (LIFE_TLS_1_2 | LIFE_RX_BORING))
		is_due(l, -KTLS_EPROTOCOL, PROTOCOL_VERSION);
	else
		is_due(l, -KTLS_EPROTOCOL, DECODE_ERROR);
}

/* What a header that no tag has vouched for gives. */
static void header_is_due(struct life *l, const uint8_t *wire)
{
	const int foreign = wire[0] != KTLS_RECORD_DATA &&
			    l->env & LIFE_TLS_1_3 &&
			    !(l->env & LIFE_RX_BORING);

	if (wire[1] != 3 || wire[2] != 3)
		version_is_due(l, wire);
	else if (foreign && !(l->env & LIFE_RX_KERNEL))
		is_due(l, -KTLS_EPROTOCOL, UNEXPECTED_MESSAGE);
	else if (body_of(wire) > most_of(l))
		is_due(l, -KTLS_EOVERSIZE, RECORD_OVERFLOW);
	/* Linux authenticates the type that there has to be outside, whatever
	 * is there; the one inside counts. */
	else if (foreign)
		is_due(l, 0, 0);
	else
		is_due(l, -KTLS_EBADRECORD, BAD_RECORD_MAC);
}

/* The length that goes out: a header that promises more gets it. */
static size_t flip(struct life *l, uint8_t *wire, size_t len)
{
	const unsigned i = l->round;
	size_t at = i < HEADER_BITS ? i / 8 : HEADER + i - HEADER_BITS;

	/* Records of some suites are shorter: another bit of the header's
	 * neighbours. */
	while (at >= len)
		at -= len - HEADER;
	wire[at] ^= (uint8_t)(1 << (i < HEADER_BITS ? i % 8 : (i + 3) % 8));
	if (body_of(wire) > len - HEADER && body_of(wire) <= most_of(l))
		return HEADER + body_of(wire);
	return len;
}

/* Linux looks at no header before the nonce behind it is there. */
static size_t cut(struct life *l, uint8_t *wire, size_t len)
{
	const struct ktls__suite *suite =
		ktls__suite_find(l->peer.tx.keys.suite);
	const size_t body = l->round % (len - HEADER);

	set_body(wire, body);
	if (l->env & LIFE_RX_KERNEL && body < suite->explicit_len)
		return HEADER + (size_t)suite->explicit_len;
	return HEADER + body;
}

void life_tampers(struct life *l, const struct life_step *s)
{
	static uint8_t wire[HEADER + 65535];
	const struct life_record record = {
		.type = KTLS_RECORD_DATA, .bytes = s->bytes, .len = s->len
	};
	uint8_t sealed[LIFE_WIRE_MAX];
	size_t len = life_seal(sealed, &l->peer.tx.keys, &record);

	memset(wire, 0x5a, sizeof(wire));
	memcpy(wire, sealed, len);
	len = s->value == LIFE_CUT ? cut(l, wire, len) : flip(l, wire, len);
	header_is_due(l, wire);
	l->tampered = s;
	life_peer_send(&l->peer, wire, len);
}

void life_refuses(struct life *l, const struct life_step *s)
{
	const struct life_step due = {
		.op = s->op, .result = l->due, .value = l->due_alert
	};

	if (l->due == 0) {
		life_read(l, l->tampered);
		return;
	}
	life_fails(l, &due);
	life_dead(l, &due);
	life_gets_alert(l, &due);
	if (!life_is_alert(l, life_info(l).alert_sent, l->due_alert))
		life_result(l, "alert_sent", life_info(l).alert_sent,
			    l->due_alert);
}

/* Header, 8 bytes of nonce, text, inner type and tag: at most 39 bytes. */
#define FLIPS (HEADER_BITS + 8 + 10 + 16)
#define CUTS (1 + 10 + 16)

static const struct life_case cases[] = {
	{ .name = "a bit flipped, AES-128", .on = SERVER_1_3 | LIFE_TLS_1_2,
	  .aead = LIFE_AES_128, .rounds = FLIPS, LIFE_SCRIPT(
		{ SEND("good") },
		{ READ("good") },
		{ TAMPER(FLIP, "0123456789") },
		{ REFUSES }) },
	{ .name = "a bit flipped, AES-256", .on = CLIENT_1_3 | LIFE_TLS_1_2,
	  .aead = LIFE_AES_256, .rounds = FLIPS, LIFE_SCRIPT(
		{ HOLD },
		{ SEND("good") },
		{ TAMPER(FLIP, "0123456789") },
		{ RELEASE },
		{ READ("good") },
		{ REFUSES }) },
	{ .name = "a bit flipped, ChaCha20", .on = SERVER_1_3 | LIFE_TLS_1_2,
	  .aead = LIFE_CHACHA20, .rounds = FLIPS, LIFE_SCRIPT(
		{ SEND("good") },
		{ SEND("") },
		{ TAMPER(FLIP, "0123456789") },
		{ READ("good"), BUFFER(1) },
		{ REFUSES }) },
	{ .name = "bytes missing, AES", .on = SERVER_1_3 | LIFE_TLS_1_2,
	  .aead = LIFE_AES_128, .rounds = CUTS + 8, LIFE_SCRIPT(
		{ SEND("good") },
		{ TAMPER(CUT, "0123456789") },
		{ READ("good") },
		{ REFUSES }) },
	{ .name = "bytes missing, ChaCha20", .on = CLIENT_1_3 | LIFE_TLS_1_2,
	  .aead = LIFE_CHACHA20, .rounds = CUTS, LIFE_SCRIPT(
		{ SEND("good") },
		{ TAMPER(CUT, "0123456789") },
		{ READ("good") },
		{ REFUSES }) },
	/* The header says enough. */
	{ .name = "a header of a byte too much", .on = BOTH_1_3, LIFE_SCRIPT(
		{ SEND("x") },
		{ RAW("\x17\x03\x03\x41\x01") },
		{ READ("x") },
		/* BoringSSL waits for the rest of up to 16704 bytes */
		{ WHEN(LIFE_RX_BORING), STOP },
		ENDS_WITH(-KTLS_EOVERSIZE, 22)) },
	{ .name = "a header of a byte too much in TLS 1.2", .on = BOTH_1_2,
	  LIFE_SCRIPT(
		{ SEND("x") },
		{ RAW("\x17\x03\x03\x48\x01" "a nonce.") },
		{ READ("x") },
		ENDS_WITH(-KTLS_EOVERSIZE, 22)) },
	/* 2^14 + 256 of ciphertext; OpenSSL does not mind the padding. */
	{ .name = "as much as a header may tell of", .on = BOTH_1_3,
	  LIFE_SCRIPT(
		{ SEND("hello"), PADDED(16384 + 256 - 16 - 6) },
		{ WHEN(LIFE_RX_LIBRARY), UNLESS(LIFE_RX_BORING),
		  READ("hello") },
		{ WHEN(LIFE_RX_LIBRARY), UNLESS(LIFE_RX_BORING), STOP },
		ENDS_WITH(-KTLS_EOVERSIZE, 22)) },
	{ .name = "nothing but a zero", .on = BOTH_1_3,
	  BORING(-KTLS_EBADRECORD, 51), LIFE_SCRIPT(
		{ SEND("x") },
		{ SEND(""), BROKEN(ALL_ZERO) },
		{ READ("x") },
		OVER(LIFE_RX_KERNEL, -KTLS_EBADRECORD, 20),
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "nothing but zeros, as many as fit", .on = BOTH_1_3,
	  BORING(-KTLS_EBADRECORD, 51), LIFE_SCRIPT(
		{ SEND("x") },
		{ SEND(""), BROKEN(ALL_ZERO), PADDED(16384) },
		{ SEND("never") },
		{ READ("x"), BUFFER(65536) },
		OVER(LIFE_RX_KERNEL, -KTLS_EBADRECORD, 20),
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "an alert that is all padding", .on = BOTH_1_3,
	  BORING(0, 50), LIFE_SCRIPT(
		{ SEND_ALERT(""), PADDED(300) },
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "a padded record of no known type", .on = BOTH_1_3,
	  LIFE_SCRIPT(
		{ SEND_AS(99, "what is this"), PADDED(255) },
		ENDS_WITH(-KTLS_EPROTOCOL, 10)) },
	{ .name = "a bad tag on a padded record", .on = BOTH_1_3, LIFE_SCRIPT(
		{ SEND("good"), PADDED(255) },
		{ SEND("bad"), PADDED(16380), BROKEN(BAD_TAG) },
		{ READ("good"), BUFFER(65536) },
		ENDS_WITH(-KTLS_EBADRECORD, 20)) },
};

const struct life_topic life_tamper = LIFE_TOPIC("tamper", cases);
