/* SPDX-License-Identifier: MIT */
/*
 * TX between two records: what has to go out before data may, and the change
 * of its key, whoever encrypts.
 */
#ifndef KTLS_TURN_H
#define KTLS_TURN_H

#include "conn.h"

/*
 * Before every piece of data, by the writing thread.  0: it may be sent, up
 * to ktls__limit_room() bytes; -EAGAIN, -EINTR, -ENOMEM: something is in the
 * way, and stays so; -KTLS_EKEYLIMIT; a final error, latched.  Waits as the
 * socket does.
 */
int ktls__turn_ready(struct ktls *k);

/* The same without a look at the limit, for an alert. */
int ktls__turn_begin(struct ktls *k);

/* Behind each send that followed one of the two: the kernel is free for
 * others, and what the reading thread could not send meanwhile goes out. */
void ktls__turn_sent(struct ktls *k);

/* Only what is due, and nothing behind it. */
int ktls__turn_flush(struct ktls *k);

/* A KeyUpdate of ours is due before the next data, and asks the peer for one
 * of its own.  From any thread. */
void ktls__turn_order(struct ktls *k, bool ask);

/*
 * The SSL has half a handshake message, and does not write before it has read
 * the rest.  0: try again; -EAGAIN: somebody has to read; -EINTR; or final:
 * the rest will never come.
 */
int ktls__turn_await_input(struct ktls *k);

/* Tell of what was done: the SSL answers a KeyUpdate by itself. */
void ktls__turn_tell(struct ktls *k);

/* Under the lock, never waiting, by the reading thread too: messages of the
 * SSL and an alert, as far as they go.  New keys are the writing thread's. */
void ktls__turn_answer(struct ktls *k);

/* That, and what is sealed already, outside of the lock; nothing where
 * nothing is owed. */
void ktls__turn_push(struct ktls *k);

/* Is there any of that? */
bool ktls__turn_owes(const struct ktls *k);

/* Under the lock, never waiting: after 0 an alert may be sent, no message of
 * ours is half way to a new key. */
int ktls__turn_settle(struct ktls *k);

#endif
