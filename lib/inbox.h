/* SPDX-License-Identifier: MIT */
/*
 * Records off a socket, opened in userspace: what recvmsg() is to a socket
 * with TLS_RX, on a plain one.
 */
#ifndef KTLS_INBOX_H
#define KTLS_INBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "ktls/ktls.h"
#include "opener.h"

/* All zero: no key yet. */
struct ktls__inbox {
	struct ktls__opener opener;
	uint8_t *buf;        /* off the wire; the pool's when it is empty */
	size_t cap;
	size_t off;          /* the next record begins here */
	size_t len;          /* bytes in buf, from its beginning */
	size_t want;         /* what cap should be: recent receives say so */
	bool filled;         /* the last receive has filled its buffer */
	uint8_t type;        /* of the record that is half delivered */
	uint8_t *plain;      /* its rest, inside buf, maybe no byte of an empty
			      * record; NULL: there is none */
	size_t plain_len;
	bool eof;            /* the peer's FIN */
	int err;             /* final, repeated */
};

/* Begin with keys, or go on under the next ones from the next record on.
 * 0; -KTLS_ESUITE, -KTLS_ECRYPTO, -ENOMEM: it is as it was. */
int ktls__inbox_key(struct ktls__inbox *in, const struct ktls_keys *keys);
void ktls__inbox_wipe(struct ktls__inbox *in);

/*
 * As ktls__record_recv() on a socket with TLS_RX; blocks as fd does, or not
 * with MSG_DONTWAIT, the only flag there is, and only while nothing could be
 * delivered.  Data records are joined as far as they are here and iov has
 * room, up to an empty one: each of these ends a call, so that they can be
 * counted.  Another record is delivered alone, in pieces where iov is short
 * (MSG_EOR in *flags: its end).  No record behind one that is not data is
 * opened before the next call.
 * Errors of what came, final: -KTLS_EBADRECORD, -KTLS_EOVERSIZE,
 * -KTLS_EPROTOCOL (a header that is not one, TLS 1.3: a ChangeCipherSpec),
 * -KTLS_ECRYPTO; -errno of the socket, not repeated here, of which -EAGAIN,
 * -EINTR and -ENOMEM lose nothing.  Good records before a bad one are
 * delivered first.  -EINVAL: no room, or another flag.
 */
ssize_t ktls__inbox_recv(struct ktls__inbox *in, int fd, uint8_t *type,
			 const struct iovec *iov, int iovcnt, int *flags);

/* What was received before, to come first: only into an empty one.  0;
 * -ENOMEM. */
int ktls__inbox_feed(struct ktls__inbox *in, const void *buf, size_t len);

/* The rest of half a record, and no byte behind it, as far as fd has it; never
 * waits.  0: no half record is here; -EAGAIN: one is, also before the peer's
 * FIN; -errno of the socket. */
int ktls__inbox_complete(struct ktls__inbox *in, int fd);

/* Would a call return something without the socket, be it an empty record or
 * an error not yet told? */
bool ktls__inbox_ready(const struct ktls__inbox *in);

/* How many bytes: of whole records that are not opened yet, their length on
 * the wire.  0 only where it would not. */
size_t ktls__inbox_pending(const struct ktls__inbox *in);

/* Nothing of what came is wanted any more: wipe and free it. */
void ktls__inbox_discard(struct ktls__inbox *in);

#endif
