/* SPDX-License-Identifier: MIT */
/*
 * A connection by made-up keys, in one thread: ours is opened by
 * ktls_open(), theirs seals and opens its records itself.  No TLS library
 * has part in it.
 */
#ifndef KEYED_H
#define KEYED_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#include "ktls/ktls.h"

#define KEYED_RECORD_MAX (16384 + 256 + 5)
#define KEYED_EVENTS 256

/* For what is no part of a test; Check's own work inside of one only. */
#define keyed_must(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, \
				__LINE__, #condition); \
			abort(); \
		} \
	} while (0)

/* Where it runs. */
enum keyed_world {
	KEYED_HOST,  /* the table of the real kernel, whatever it is */
	KEYED_FIXED, /* the fake kernel, that cannot change keys */
	KEYED_REKEY, /* ... and that can */
	KEYED_WORLDS
};

/* What is given for a direction. */
enum keyed_form {
	KEYED_SECRET, /* TLS 1.3: the traffic secret */
	KEYED_SALT,   /* key, and 4 bytes of iv */
	KEYED_KEY     /* key, and 12 bytes of iv */
};

struct keyed_kind {
	uint16_t suite;
	enum keyed_form form;
};

/* Every suite and form. */
#define KEYED_KINDS 10
extern const struct keyed_kind keyed_kinds[KEYED_KINDS];

struct keyed_event {
	enum ktls_event_type type;
	int dir;
	int value;
	size_t len;
	int out_set; /* *out was this connection already */
};

struct keyed {
	int fd;
	int peer_fd;
	struct keyed_kind kind;
	uint16_t version;
	size_t secret_len;
	uint8_t secret_tx[48];    /* ours; the peer's view of them */
	uint8_t secret_rx[48];
	struct ktls_keys tx;      /* what ours begins with */
	struct ktls_keys rx;
	struct ktls_keys peer_tx; /* what the peer seals with, next */
	struct ktls_keys peer_rx; /* ... and opens */
	uint8_t given_secret[2][48];
	struct ktls_session session;
	struct ktls_opts opts;
	struct ktls *k;
	uint8_t *wire;            /* sealed by the peer, and not yet given */
	size_t wire_len;
	size_t wire_room;
	uint8_t *left;            /* session.ciphertext */
	uint8_t in[2 * KEYED_RECORD_MAX]; /* come to the peer */
	size_t in_len;
	uint64_t nonce;           /* TLS 1.2: of the last record it got */
	struct keyed_event events[KEYED_EVENTS];
	size_t event_count;
};

/* Before all else, once per process. */
void keyed_start(enum keyed_world world);
/* How many of them; KTLS_TEST_WORLD=host: the first one alone, whose kernel
 * has to have TLS then. */
int keyed_worlds(void);
/* Its kernel has TLS; it can change keys. */
int keyed_has_tls(enum keyed_world world);
int keyed_can_rekey(enum keyed_world world);
/* One that has TLS: this host's where that is the only one, else a fake. */
enum keyed_world keyed_kernel(int rekey);

/* Connected, non-blocking sockets and a session that would open; `seed`
 * makes the keys. */
void keyed_make(struct keyed *c, const struct keyed_kind *kind, int server,
		unsigned seed);
/* The numbers of the next records, on both sides. */
void keyed_seq(struct keyed *c, uint64_t tx, uint64_t rx);
void keyed_close(struct keyed *c);
int keyed_is_gcm12(const struct keyed *c);

/* keyed_peer.c: the peer seals a record behind those that wait ... */
void keyed_seal(struct keyed *c, uint8_t type, const void *buf, size_t len);
/* ... with so many bytes of padding; TLS 1.3. */
void keyed_seal_padded(struct keyed *c, uint8_t type, const void *buf,
		       size_t len, size_t pad);
void keyed_bytes(struct keyed *c, const void *buf, size_t len);
/* A KeyUpdate, and the next key behind it. */
void keyed_update(struct keyed *c, int request);
/* The next key alone: of what the peer seals, of what it opens. */
void keyed_next_tx(struct keyed *c);
void keyed_next_rx(struct keyed *c);
/* The first `len` bytes of what waits: become the ciphertext that is left
 * over, or go out; SIZE_MAX: all. */
void keyed_leave(struct keyed *c, size_t len);
/* ... which go on waiting. */
void keyed_copy_left(struct keyed *c, size_t len);
void keyed_send(struct keyed *c, size_t len);

/* The next record of ours: its length; -EAGAIN: not yet whole; 0 and *type
 * 0: FIN; -EBADMSG: it does not open. */
ssize_t keyed_recv(struct keyed *c, uint8_t *type,
		   uint8_t buf[KEYED_RECORD_MAX]);

/* keyed_expect.c, by Check. */
void keyed_open(struct keyed *c);
struct ktls_conn_info keyed_info(struct keyed *c);
void keyed_paths(struct keyed *c, enum ktls_path tx, enum ktls_path rx);
void keyed_reasons(struct keyed *c, enum ktls_reason tx, enum ktls_reason rx);
/* The bytes come out of ktls_read(), by pieces of `piece`. */
void keyed_reads(struct keyed *c, const void *buf, size_t len, size_t piece);
void keyed_reads_text(struct keyed *c, const char *text);
/* ktls_read() gives this in the end, and again. */
void keyed_ends(struct keyed *c, ssize_t result);
/* There is nothing to read now. */
void keyed_waits(struct keyed *c);
/* The next record at the peer, whole. */
void keyed_gets(struct keyed *c, uint8_t type, const void *buf, size_t len);
void keyed_gets_text(struct keyed *c, const char *text);
void keyed_gets_alert(struct keyed *c, uint8_t level, uint8_t number);
/* Nothing has come to the peer. */
void keyed_quiet(struct keyed *c);
/* Records both ways. */
void keyed_alive(struct keyed *c);
void keyed_event(struct keyed *c, size_t i, enum ktls_event_type type,
		 int value);

#endif
