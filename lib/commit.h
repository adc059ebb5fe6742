/* SPDX-License-Identifier: MIT */
/* Keys into the kernel: from here on there is no way back. */
#ifndef KTLS_COMMIT_H
#define KTLS_COMMIT_H

#include "conn.h"

/* Before TX's: what TCP has counted so far.  Where it cannot say, TX is kept
 * out of the kernel. */
void ktls__commit_base(struct ktls *k);

/*
 * Give the direction its keys.  A refusal keeps it out, with the reason; a
 * kernel that took them and cannot prove it ends both directions, with
 * -KTLS_EUNPROVEN.
 */
void ktls__commit_kernel(struct ktls *k, int dir, const struct ktls_keys *keys);

/* Behind RX's: KTLS_EXPECT_NO_PAD. */
void ktls__commit_no_pad(struct ktls *k);

#endif
