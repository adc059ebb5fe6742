/* SPDX-License-Identifier: MIT */
/* How many records a key of TX has sealed, and how many it may. */
#ifndef KTLS_KEY_LIMIT_H
#define KTLS_KEY_LIMIT_H

#include "conn.h"

/* A record has it, and none can follow: that is no limit to exceed. */
#define KTLS__LAST_NUMBER (UINT64_MAX - 1)

/* Can TX change its key at all? */
bool ktls__key_can_change(const struct ktls *k);

/* At the hand-off, with TX's path known. */
void ktls__limit_init(struct ktls *k);

/* A key that has sealed so many records is in force.  Under the lock. */
void ktls__limit_restart(struct ktls *k, uint64_t sealed);

/* The kernel has taken `bytes` of data, in full records but the last. */
void ktls__limit_sealed(struct ktls *k, size_t bytes);

/* Records sealed under the present key; in the kernel an estimate that is
 * set right every now and then.  Under the lock. */
uint64_t ktls__limit_count(struct ktls *k);

/* Bytes of data that may follow, as it was when ktls__turn_ready() said so;
 * SIZE_MAX: any number. */
size_t ktls__limit_room(const struct ktls *k);
void ktls__limit_set_room(struct ktls *k);

#endif
