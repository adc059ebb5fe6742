/* SPDX-License-Identifier: MIT */
/*
 * A peer with records of its own making: it has the secrets of both
 * directions, follows their KeyUpdates, and keeps what it is sent, each
 * message with the generation of the key that sealed it.
 */
#ifndef KTLS_TEST_LIFE_PEER_H
#define KTLS_TEST_LIFE_PEER_H

#include "life.h"
#include "rig.h"

/* Room for a record that is longer than TLS allows. */
#define LIFE_WIRE_MAX (5 + 16384 + 2048)

struct life_way {
	struct ktls_keys keys;
	uint8_t secret[48];
	size_t secret_len;    /* 0: TLS 1.2 */
	unsigned generation;
};

/* A handshake message, or the text of another record. */
struct life_item {
	uint8_t type;
	unsigned generation;
	uint8_t *bytes;
	size_t len;
	size_t off;           /* of data: compared already */
};

struct life_buffer {
	uint8_t *bytes;
	size_t len;
	size_t room;
};

struct life_peer {
	int fd;               /* -1: closed */
	struct life_way tx;
	struct life_way rx;
	int holds;
	struct life_buffer held;
	struct life_buffer wire; /* not yet opened */
	struct life_buffer hs;   /* half a handshake message */
	struct life_item *items;
	size_t count;
	size_t next;             /* the first that nobody has looked at */
	uint64_t most;           /* records under one key of ours */
	int ended;               /* FIN, or reset, of ours */
	char problem[160];       /* why it cannot go on; or empty */
};

/* life_record.c */
struct life_record {
	uint8_t type;
	const void *bytes;
	size_t len;
	size_t pad;
	enum life_fault fault;
};
/* Returns the record's length; the sequence number moves on. */
size_t life_seal(uint8_t out[LIFE_WIRE_MAX], struct ktls_keys *keys,
		 const struct life_record *record);
/* Returns the text's length, -1: not authentic. */
ssize_t life_open(uint8_t *out, uint8_t *type, struct ktls_keys *keys,
		  const uint8_t *record, size_t len);

/* life_peer.c */
void life_peer_start(struct life_peer *peer, struct rig *rig);
void life_peer_free(struct life_peer *peer);
void life_peer_send(struct life_peer *peer, const void *wire, size_t len);
void life_peer_seal(struct life_peer *peer, const struct life_record *record);
void life_peer_rekey(struct life_way *way);
void life_peer_release(struct life_peer *peer);
/* All that has come by now. */
void life_peer_pump(struct life_peer *peer);
/* The next that nobody has looked at, after waiting; NULL: none comes. */
struct life_item *life_peer_next(struct life_peer *peer);
/* Until FIN or reset. */
void life_peer_rest(struct life_peer *peer);

#endif
