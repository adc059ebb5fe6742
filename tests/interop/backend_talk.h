/* SPDX-License-Identifier: MIT */
/* What two backend_peers say to each other: backend_talk.c. */
#ifndef KTLS_TEST_BACKEND_TALK_H
#define KTLS_TEST_BACKEND_TALK_H

#include <stdbool.h>

#include <ktls/ktls.h>

struct talk {
	struct ktls *k;
	int fd, file;
	bool client;
	bool updates;      /* a KeyUpdate in the middle of each message */
	int reused;
	unsigned sent;     /* messages */
	const char *doing; /* where it went wrong */
	const char *end;   /* how it ended */
};

/* All of them: 0, or a negative error as libktls has them. */

/* Messages of all lengths by turns, and the file; -EBADMSG: another hash. */
int talk_much(struct talk *t);
int talk_little(struct talk *t);

/* close_notify of the client's, then of the server's. */
int talk_end(struct talk *t);

/* A message each way, then FIN: reading has to tell that it is too early. */
int talk_cut(struct talk *t);

#endif
