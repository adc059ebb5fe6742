/* SPDX-License-Identifier: MIT */
/* A long life at high speed: what both ends of it know. */
#ifndef KTLS_TEST_SOAK_H
#define KTLS_TEST_SOAK_H

#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>

#include <openssl/ssl.h>

#include "ktls/ktls.h"

/* So many bytes before its end of what it receives, the peer says no more. */
#define SOAK_QUIET ((uint64_t)1024 * 1024)

struct soak {
	enum ktls_choice path;
	const char *suite;
	uint64_t bytes;         /* that we send */
	uint64_t records;       /* under one key; 0: no limit of ours */
	uint64_t seed;
	int threads;            /* 1: a reader and a writer */
	/* Both streams are this file, over and over. */
	int file;
	const uint8_t *data;
	size_t size;
};

/* What the peer has to tell in the end. */
struct soak_account {
	uint64_t got;
	uint64_t sent;
	uint64_t asked;         /* KeyUpdates sent, each asks for one */
	uint64_t updates;       /* and received */
	uint64_t most;          /* records that came under one key */
	int wanting;            /* no KeyUpdate came after our last */
	int closed;             /* 1: close_notify came, and ours went */
	uint8_t sha256[32];
	char fault[80];         /* empty: none */
};

/* An SSL that reads all, writes some, and asks for new keys at random; its
 * own process, with the other end of our connection. */
void soak_peer(const struct soak *s, SSL_CTX *ctx, int fd,
	       struct soak_account *out);

/* What we know in the end. */
struct soak_ours {
	const struct soak *s;
	struct ktls *k;
	uint64_t sent;
	uint64_t got;
	uint64_t most;           /* records under one key, by ktls_info() */
	int writer, reader;      /* how each ended; 0: well */
	int shut, ended;
	int released;            /* all may be sent now */
	sem_t heard_all;         /* the reader has got everything */
	_Atomic uint64_t asked;
};

void soak_ours(struct soak_ours *o, SSL_CTX *ctx, int fd);

uint64_t soak_random(uint64_t *state);
/* Is `buf` what the stream has at `at`? */
int soak_same(const struct soak *s, const uint8_t *buf, size_t len,
	      uint64_t at);

#endif
