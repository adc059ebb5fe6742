/* SPDX-License-Identifier: MIT */
/* Empty records, alone and among others: never the end of the stream. */
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "sock_cases.h"

#define DATA KTLS_RECORD_DATA
#define HANDSHAKE KTLS_RECORD_HANDSHAKE

struct piece {
	uint8_t type; /* 0: no more */
	const char *text;
};

/* What is sent, and what one call after another gives. */
static const struct {
	struct piece sent[4];
	struct piece got[4];
} mixes[] = {
	{{{DATA, ""}, {DATA, "x"}}, {{DATA, "x"}}},
	{{{DATA, "x"}, {DATA, ""}, {DATA, "y"}}, {{DATA, "xy"}}},
	{{{DATA, ""}, {DATA, ""}, {DATA, "x"}}, {{DATA, "x"}}},
	{{{DATA, ""}, {HANDSHAKE, "c"}}, {{DATA, ""}, {HANDSHAKE, "c"}}},
	{{{DATA, "x"}, {DATA, ""}, {HANDSHAKE, "c"}},
	 {{DATA, "x"}, {HANDSHAKE, "c"}}},
	{{{HANDSHAKE, "c"}, {DATA, ""}, {DATA, "x"}},
	 {{HANDSHAKE, "c"}, {DATA, "x"}}},
	{{{HANDSHAKE, ""}, {DATA, "x"}}, {{HANDSHAKE, ""}, {DATA, "x"}}},
	{{{HANDSHAKE, ""}, {HANDSHAKE, ""}},
	 {{HANDSHAKE, ""}, {HANDSHAKE, ""}}},
};
#define MIXES (int)(sizeof(mixes) / sizeof(*mixes))

/* All in one segment, so that all of it is there at the first call. */
static void craft_all(struct pair *p, const struct piece *sent)
{
	static uint8_t wire[4 * PAIR_RECORD];
	size_t len = 0;

	for (; sent->type; sent++)
		len += pair_seal(p, wire + len, sent->type, sent->text,
				 strlen(sent->text));
	pair_raw(p->fd, wire, len);
}

static void expect_all(int fd, const struct piece *got)
{
	for (; got->type; got++)
		pair_recv(fd, got->type, got->text, strlen(got->text));
}

START_TEST(mix)
{
	const struct piece *got = mixes[_i % MIXES].got;
	struct pair p;

	pair_crafted(&p, _i / MIXES);
	craft_all(&p, mixes[_i % MIXES].sent);
	expect_all(p.peer, got);
	pair_nothing(p.peer);
	pair_close(&p);
}
END_TEST

/* A peek sees what a read sees, and changes nothing. */
START_TEST(peeked)
{
	const struct piece *got = mixes[_i % MIXES].got;
	struct pair p;

	pair_crafted(&p, _i / MIXES);
	craft_all(&p, mixes[_i % MIXES].sent);
	if (got->text[0]) {
		pair_recv_flags(p.peer, got->type, got->text, strlen(got->text),
				MSG_PEEK);
		expect_all(p.peer, got);
		pair_nothing(p.peer);
	}
	pair_close(&p);
}
END_TEST

/* Alone, one is swallowed: it counts, but gives no byte and no end. */
START_TEST(alone)
{
	static const struct piece sent[] = {{DATA, ""}, {0, NULL}};
	struct pair p;

	pair_crafted(&p, _i);
	for (uint64_t i = 1; i <= 20; i++) {
		craft_all(&p, sent);
		pair_poll_wait(p.peer, POLLIN);
		pair_nothing(p.peer);
		ck_assert_uint_eq(pair_seq(&p, p.peer, KTLS_RX), i);
	}
	pair_craft(&p, DATA, "x", 1);
	pair_recv(p.peer, DATA, "x", 1);
	pair_close(&p);
}
END_TEST

/* With a type it is a record, without one the FIN behind it. */
START_TEST(then_fin)
{
	static const struct piece sent[] = {{DATA, ""}, {0, NULL}};
	struct pair p;

	pair_crafted(&p, _i);
	craft_all(&p, sent);
	shutdown(p.fd, SHUT_WR);
	/* the FIN has come when poll() says so */
	ck_assert_int_ne(pair_poll_wait(p.peer, POLLRDHUP), 0);
	pair_recv(p.peer, DATA, "", 0);
	pair_fin(p.peer);
	pair_close(&p);
}
END_TEST

TCase *sock_empty_case(void)
{
	TCase *tcase = tcase_create("empty");

	tcase_set_timeout(tcase, SOCK_LIMIT);
	tcase_add_loop_test(tcase, mix, 0, MIXES * pair_suites);
	tcase_add_loop_test(tcase, peeked, 0, MIXES * pair_suites);
	sock_add(tcase, alone);
	sock_add(tcase, then_fin);
	return tcase;
}
