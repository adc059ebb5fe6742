/* SPDX-License-Identifier: MIT */
/* Keys of a socket: what the connection layer needs beyond the public calls. */
#ifndef KTLS_SOCK_H
#define KTLS_SOCK_H

#include <stdint.h>

#include "ktls/ktls.h"
#include "suite.h"

/* 1: `dir` has keys in the kernel; 0: it has none (or there is no ULP);
 * -errno of any other refusal of getsockopt(). */
int ktls__sock_has_keys(int fd, int dir);

/* The kernel's rec_seq: number of the next record of `dir`.  0 or -errno,
 * -KTLS_EUNPROVEN if the answer is not this suite's. */
int ktls__sock_rec_seq(int fd, int dir, const struct ktls__suite *suite,
		       uint64_t *seq);

#endif
