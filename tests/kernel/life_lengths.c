/* SPDX-License-Identifier: MIT */
/*
 * Records of every length that TLS has, received and sent: by one after
 * another or several at a time, in pieces that end anywhere, into buffers of
 * every kind; padded, too.  The stream is a pattern whose period no length
 * divides, so that nothing may be lost, doubled or moved.
 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "life_run.h"
#include "suite.h"

#define PERIOD 65521
#define ROOM_MAX 262144
#define GROUP_MAX 7
#define PLAIN_MAX 16384
#define WIRE_MAX (5 + PLAIN_MAX + 256)

/* How records come: so many at a time, in pieces of so many bytes, read into
 * so much room.  They take turns. */
static const struct {
	size_t records;
	size_t piece;
	size_t room;
} arrangements[] = {
	{ 1, SIZE_MAX, PLAIN_MAX },
	{ GROUP_MAX, SIZE_MAX, ROOM_MAX },
	{ 3, 1460, 65536 },
	{ 5, PLAIN_MAX, 1000 },
	{ 2, 65536, PLAIN_MAX - 1 },
	{ 4, 4097, 100000 },
	{ 6, 21000, 40000 }
};
#define ARRANGEMENTS (sizeof(arrangements) / sizeof(arrangements[0]))

static const uint8_t *pattern(size_t at)
{
	static uint8_t bytes[PERIOD + ROOM_MAX];
	size_t i;

	if (bytes[1] == 0) {
		rig_fill(bytes, PERIOD, 0);
		for (i = PERIOD; i < sizeof(bytes); i++)
			bytes[i] = bytes[i - PERIOD];
	}
	return bytes + at % PERIOD;
}

static size_t padding(const struct life_step *s, size_t len)
{
	const size_t most = PLAIN_MAX - len;
	const size_t some = len * 37 % 256;

	if (s->value == LIFE_PAD_ALL)
		return most;
	if (s->value == LIFE_PAD_SOME)
		return some < most ? some : most;
	return 0;
}

/* The next records, one behind the other. */
static size_t seal_group(struct life *l, const struct life_step *s,
			 uint8_t *out, size_t *len, size_t records)
{
	size_t at = 0;

	for (; records > 0 && *len <= s->len; records--, *len += s->piece) {
		const struct life_record record = {
			.type = KTLS_RECORD_DATA, .bytes = pattern(l->sent),
			.len = *len, .pad = padding(s, *len)
		};
		uint8_t wire[LIFE_WIRE_MAX];
		size_t n = life_seal(wire, &l->peer.tx.keys, &record);

		memcpy(out + at, wire, n);
		at += n;
		l->sent += *len;
	}
	return at;
}

/* All that is there. */
static void read_some(struct life *l, size_t room)
{
	static uint8_t buf[ROOM_MAX];
	ssize_t n;

	while ((n = ktls_read(l->rig.k, buf, room)) > 0) {
		if ((size_t)n > l->sent - l->read)
			life_fail(l, "%zu bytes too much are read",
				  (size_t)n - (l->sent - l->read));
		if (memcmp(buf, pattern(l->read), (size_t)n) != 0)
			life_fail(l, "other bytes are read near %zu", l->read);
		l->read += (size_t)n;
	}
	life_result(l, "ktls_read()", n, -EAGAIN);
	life_result(l, "ktls_pending()", (ssize_t)ktls_pending(l->rig.k), 0);
}

static size_t send_some(struct life *l, const uint8_t *at, size_t len)
{
	ssize_t n = send(l->rig.peer_fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	ck_assert(n > 0 || errno == EAGAIN);
	return n > 0 ? (size_t)n : 0;
}

static void exchange(struct life *l, const uint8_t *wire, size_t len,
		     size_t i)
{
	size_t done = 0;

	while (done < len || l->read < l->sent) {
		const size_t rest = len - done;
		const size_t piece = arrangements[i].piece;

		if (rest > 0)
			done += send_some(l, wire + done,
					  rest < piece ? rest : piece);
		else
			life_wait(l);
		read_some(l, arrangements[i].room);
	}
}

/* Each run begins with another arrangement. */
void life_lengths_in(struct life *l, const struct life_step *s)
{
	static uint8_t wire[GROUP_MAX * WIRE_MAX];
	const uint64_t had = life_info(l).rx.records;
	const uint64_t seq = l->peer.tx.keys.seq;
	size_t i = l->run->turn;
	size_t len = s->from;
	size_t n;

	for (; len <= s->len; i++) {
		n = seal_group(l, s, wire, &len,
			       arrangements[i % ARRANGEMENTS].records);
		exchange(l, wire, n, i % ARRANGEMENTS);
	}
	if (l->env & LIFE_RX_USERSPACE)
		life_result(l, "the count of records",
			    (ssize_t)(life_info(l).rx.records - had),
			    (ssize_t)(l->peer.tx.keys.seq - seq));
}

static void take(struct life *l, uint8_t *to, size_t len)
{
	ssize_t n = recv(l->rig.peer_fd, to, len, MSG_WAITALL);

	if (n != (ssize_t)len)
		life_fail(l, "the peer gets %zd of %zu bytes", n, len);
}

/* TLS 1.2 AES-GCM: counted up from wherever it began. */
static void expect_nonce(struct life *l, const uint8_t *wire, uint64_t *last)
{
	uint64_t nonce = 0;
	int i;

	for (i = 0; i < 8; i++)
		nonce = nonce << 8 | wire[5 + i];
	if (*last != 0 && nonce != *last + 1)
		life_fail(l, "the nonce is %016llx after %016llx",
			  (unsigned long long)nonce,
			  (unsigned long long)*last);
	*last = nonce;
}

static void expect_header(struct life *l, const uint8_t *wire, size_t body)
{
	const uint8_t due[5] = { KTLS_RECORD_DATA, 3, 3, (uint8_t)(body >> 8),
				 (uint8_t)body };

	if (memcmp(wire, due, sizeof(due)) != 0)
		life_fail(l, "the header is %02x %02x %02x %02x %02x, not of "
			  "%zu bytes", wire[0], wire[1], wire[2], wire[3],
			  wire[4], body);
}

/* One record of ours, with the sequence number that is due. */
static void open_one(struct life *l, size_t len, uint64_t *nonce)
{
	const struct ktls__suite *suite =
		ktls__suite_find(l->peer.rx.keys.suite);
	const size_t body = len + suite->overhead - 5;
	uint8_t wire[WIRE_MAX];
	uint8_t text[WIRE_MAX];
	uint8_t type;
	ssize_t n;

	take(l, wire, 5);
	expect_header(l, wire, body);
	take(l, wire + 5, body);
	if (suite->explicit_len > 0)
		expect_nonce(l, wire, nonce);
	n = life_open(text, &type, &l->peer.rx.keys, wire, 5 + body);
	life_result(l, "life_open()", n, (ssize_t)len);
	life_result(l, "the type", type, KTLS_RECORD_DATA);
	if (memcmp(text, pattern(l->got), len) != 0)
		life_fail(l, "the peer gets other bytes near %zu", l->got);
	l->got += len;
}

static ssize_t send_file(struct life *l, int file, size_t len)
{
	off_t off = (off_t)(l->written % PERIOD);
	const off_t begun = off;
	ssize_t n = ktls_sendfile(l->rig.k, file, &off, len, 0);

	life_result(l, "the offset", off - begun, n > 0 ? n : 0);
	return n;
}

void life_lengths_out(struct life *l, const struct life_step *s)
{
	int file = -1;
	uint64_t nonce = 0;
	size_t len;
	ssize_t n;

	if (s->value == LIFE_FROM_FILE) {
		file = memfd_create("file", MFD_CLOEXEC);
		ck_assert_int_eq(write(file, pattern(0), PERIOD + PLAIN_MAX),
				 PERIOD + PLAIN_MAX);
	}
	for (len = s->from; len <= s->len; len += s->piece) {
		n = file >= 0 ? send_file(l, file, len) :
				ktls_write(l->rig.k, pattern(l->written), len,
					   0);
		life_result(l, "the call", n, (ssize_t)len);
		l->written += len;
		open_one(l, len, &nonce);
	}
	if (file >= 0)
		close(file);
}

/* All of them where each record is ours to get right; elsewhere what is near
 * the ends, and enough between.  Under a sanitizer it takes too long. */
#define EVERY .only = LIFE_TX_USERSPACE | LIFE_RX_USERSPACE
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define EACH 3
#else
#define EACH 1
#endif
#define SOME_IN(way) \
	{ LENGTHS_IN(0, 130, 1), way }, \
	{ LENGTHS_IN(131, 16000, 499), way }, \
	{ LENGTHS_IN(16350, 16384, 1), way }
#define SOME_OUT(way) \
	{ LENGTHS_OUT(1, 130, 1), way }, \
	{ LENGTHS_OUT(131, 16000, 499), way }, \
	{ LENGTHS_OUT(16350, 16384, 1), way }

static const struct life_case cases[] = {
	{ .name = "every length, AES-128", .on = SERVER_1_3 | LIFE_TLS_1_2,
	  .aead = LIFE_AES_128, EVERY, LIFE_SCRIPT(
		{ LENGTHS_IN(0, 16384, EACH) },
		{ LENGTHS_OUT(1, 16384, EACH) }) },
	{ .name = "every length, AES-256", .on = CLIENT_1_3 | LIFE_TLS_1_2,
	  .aead = LIFE_AES_256, EVERY, LIFE_SCRIPT(
		{ LENGTHS_IN(0, 16384, EACH) },
		{ LENGTHS_OUT(1, 16384, EACH) }) },
	{ .name = "every length, ChaCha20", .on = SERVER_1_3 | LIFE_TLS_1_2,
	  .aead = LIFE_CHACHA20, EVERY, LIFE_SCRIPT(
		{ LENGTHS_IN(0, 16384, EACH) },
		{ LENGTHS_OUT(1, 16384, EACH) }) },
	{ .name = "many lengths", .on = ALL, LIFE_SCRIPT(
		SOME_IN(IN_A_WAY(PLAINLY)),
		SOME_OUT(IN_A_WAY(PLAINLY)),
		{ SEND_ALERT("\x01\0") },
		{ ENDS }) },
	{ .name = "many lengths out of a file", .on = ALL,
	  .only = LIFE_TX_USERSPACE, LIFE_SCRIPT(
		SOME_OUT(IN_A_WAY(FROM_FILE))) },
	{ .name = "many lengths with 0 to 255 bytes of padding",
	  .on = BOTH_1_3, LIFE_SCRIPT(
		SOME_IN(IN_A_WAY(PAD_SOME)),
		{ SEND_ALERT("\x01\0"), PADDED(255) },
		{ ENDS }) },
	{ .name = "many lengths with as much padding as fits",
	  .on = BOTH_1_3, LIFE_SCRIPT(
		{ LENGTHS_IN(0, 16384, 251), IN_A_WAY(PAD_ALL) },
		{ LENGTHS_IN(16350, 16384, 1), IN_A_WAY(PAD_ALL) },
		{ SEND_ALERT("\x01\0"), PADDED(16382) },
		{ ENDS }) },
};

const struct life_topic life_lengths = LIFE_TOPIC("lengths", cases);
