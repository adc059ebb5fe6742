/* SPDX-License-Identifier: MIT */
/*
 * Buffers for records, held only while there is something in them.  An idle
 * connection has none, and ten thousand of them share what the calls in
 * progress need.  What is given back waits for the next taker, of whatever
 * thread: a cache of the process, of a few buffers for each size, that is
 * never more than its users had at once.
 */
#ifndef KTLS_POOL_H
#define KTLS_POOL_H

#include <stddef.h>
#include <stdint.h>

/* One record, 4 and 16 of them, whatever the suite adds. */
#define KTLS__BUFFER_SMALL ((size_t)17 * 1024)
#define KTLS__BUFFER_MIDDLE ((size_t)66 * 1024)
#define KTLS__BUFFER_LARGE ((size_t)264 * 1024)

/* At least `len` bytes; *cap becomes how many.  Over the largest size they
 * are made to measure.  NULL: no memory. */
uint8_t *ktls__pool_take(size_t len, size_t *cap);

/* `cap` as it came; whatever must not be seen was wiped.  NULL is allowed. */
void ktls__pool_give(uint8_t *buf, size_t cap);

#endif
