/* SPDX-License-Identifier: MIT */
/* What a handshake message or alert of the peer means after the hand-off, on
 * the kernel and userspace paths. */
#ifndef KTLS_MESSAGE_H
#define KTLS_MESSAGE_H

#include "conn.h"

/* Handshake types, RFC 8446 section 4 and RFC 5246 section 7.4. */
enum {
	KTLS__HELLO_REQUEST = 0,
	KTLS__CLIENT_HELLO = 1,
	KTLS__NEW_SESSION_TICKET = 4,
	KTLS__CERTIFICATE = 11,
	KTLS__CERTIFICATE_REQUEST = 13,
	KTLS__CERTIFICATE_VERIFY = 15,
	KTLS__FINISHED = 20,
	KTLS__KEY_UPDATE = 24,
	KTLS__COMPRESSED_CERTIFICATE = 25
};

/* What to do with a message, known from its head. */
enum ktls__fate {
	KTLS__SKIP,
	KTLS__KEEP  /* collect it for the end */
};

/* By the first byte.  0; -KTLS_EPROTOCOL, -KTLS_EHANDSHAKE: never here. */
int ktls__message_judge(struct ktls *k, uint8_t msg_type);

/* By the whole head.  enum ktls__fate, or an error. */
int ktls__message_begin(struct ktls *k, uint8_t msg_type, size_t len);

/*
 * All of it has come; `msg` is the whole message where it was kept.  `last`:
 * and with it the record ends.  0; errors as ktls_read().
 */
int ktls__message_end(struct ktls *k, uint8_t msg_type, const uint8_t *msg,
		      size_t len, bool last);

/* 0: go on; 1: close_notify; errors as ktls_read(). */
int ktls__message_alert(struct ktls *k, uint8_t level, uint8_t description);

/* One more control record in a row: 0; -KTLS_EFLOOD. */
int ktls__message_run(struct ktls *k, uint32_t *run, uint32_t limit);

/* The same for a KeyUpdate.  As many as we have asked for are no flood: a
 * peer with nothing to write answers each, in a row. */
int ktls__message_update_run(struct ktls *k);

/* The peer has gone on to its next keys: so do we, before anything else is
 * received.  0; -ENOMEM: not yet, call again; other errors are final. */
int ktls__message_rekey(struct ktls *k);

/* Under the lock: the SSL changes the keys that have changed without it.
 * 0, or as ktls__backend_follow_tx(). */
int ktls__message_catch_up(struct ktls *k);

/* Under the lock: the SSL has read, and said something.  What is ours to
 * send is ordered.  0 or an error of ktls_read(). */
int ktls__message_said(struct ktls *k);

#endif
