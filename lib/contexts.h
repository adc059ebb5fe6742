/* SPDX-License-Identifier: MIT */
/*
 * Keyed AEAD contexts, shared by all connections: a table of 64, for the
 * whole process.
 *
 * A context is about 1 KiB, for each direction, and used only while a record
 * is sealed or opened: ten thousand idle connections would hold 20 MiB of
 * them.  So a connection keeps its key alone, and the context is state of the
 * process on purpose: a cache, that never holds anything which is not also
 * with its owner, and that never grows beyond its 64 slots.  An owner whose
 * slot went to another claims one anew and keys it: 0.2 us.
 *
 * Nothing here waits: a slot is claimed by one compare-and-swap, and where
 * all of them are in use the caller gets a context of its own for the call.
 * After fork() the child has a table of its own; slots that other threads
 * were using at that moment stay in use there, for good.  The library must
 * not be unloaded: it is linked with -z nodelete.
 */
#ifndef KTLS_CONTEXTS_H
#define KTLS_CONTEXTS_H

#include <stdint.h>

#include "cipher.h"
#include "suite.h"

#define KTLS__CONTEXTS 64

/* One direction's key, and where its context was seen last.  A copy of one
 * that is not held is an owner like any other.  All zero: no key. */
struct ktls__owner {
	uint64_t ticket;     /* a slot, its claim, and whether it is held;
			      * 0: none */
	uint8_t key[32];
};

/* A context for as long as it is needed: on the stack. */
struct ktls__lease {
	const struct ktls__cipher *cipher;
	struct ktls__cipher spare; /* while all slots are in use */
};

/* Another key, to seal (enc 1) or to open (enc 0), takes the place of the
 * owner's, which is dropped; a first one, too.  The context is made here, so
 * that it is known to be possible.
 * 0; -ENOMEM, -KTLS_ECRYPTO: the owner is as it was. */
int ktls__contexts_rekey(struct ktls__owner *o, const struct ktls__suite *suite,
			 const uint8_t *key, int enc);

/* The key is over: it is wiped here and in the table.  Holding is over. */
void ktls__contexts_drop(struct ktls__owner *o);

/* The owner's context, keyed, until it is given back.
 * 0; -ENOMEM, -KTLS_ECRYPTO: there is nothing to give back. */
int ktls__contexts_take(struct ktls__owner *o, const struct ktls__suite *suite,
			int enc, struct ktls__lease *lease);
void ktls__contexts_give(struct ktls__owner *o, struct ktls__lease *lease);

/* Keep the slot from here on, for a number of takes that are free then.
 * Where all are in use it is not kept, and each take looks for one.
 * 0; -ENOMEM, -KTLS_ECRYPTO. */
int ktls__contexts_hold(struct ktls__owner *o, const struct ktls__suite *suite,
			int enc);
void ktls__contexts_release(struct ktls__owner *o);

#endif
