/* SPDX-License-Identifier: MIT */
/* Where a direction goes in a hand-off, as far as is known by now, and why. */
#ifndef KTLS_DESTINATION_H
#define KTLS_DESTINATION_H

#include "conn.h"

/* What the caller wants, or the operator where `by_operator` (a mask of
 * directions) says so. */
void ktls__choose(struct ktls *k, enum ktls_choice tx, enum ktls_choice rx,
		  unsigned by_operator);

/* Give the socket its ULP: true; false: neither goes to the kernel. */
bool ktls__attach(struct ktls *k);

/* Linux 6.14 takes second keys for a rekey, so this look is the only
 * protection from keys that somebody else has installed.  true: there are
 * such; a socket that cannot say is kept out of the kernel. */
bool ktls__has_keys(struct ktls *k);

/*
 * Keep out of the kernel what it does not take.  `careful`: RX of TLS 1.3,
 * too, where its keys could not be changed, and userspace could.
 */
void ktls__check_kernel(struct ktls *k, bool careful);

/* Not to the kernel.  The first reason stays: the others follow from it. */
void ktls__keep_out(struct ktls__side *side, enum ktls_reason reason, int err);
void ktls__keep_both_out(struct ktls *k, enum ktls_reason reason, int err);

/* Not even away from the SSL, which outweighs the kernel's reasons. */
void ktls__stay(struct ktls__side *side, enum ktls_reason reason);
void ktls__stay_both(struct ktls *k, enum ktls_reason reason);

bool ktls__to_kernel(const struct ktls__side *side);
bool ktls__leaves(const struct ktls__side *side);

#endif
