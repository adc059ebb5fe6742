/* SPDX-License-Identifier: MIT */
/* Keys of a socket: what the connection layer needs beyond the public calls. */
#ifndef KTLS_SOCK_H
#define KTLS_SOCK_H

#include <stdbool.h>
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

/* Other keys in place of those of `dir`, proven as ktls_sock_install() does:
 * for TLS 1.3, Linux 6.14.  0; -EBUSY: this kernel cannot; -ENOMEM and other
 * errors of setsockopt(): the old keys are still there; -KTLS_EUNPROVEN. */
int ktls__sock_rekey(int fd, int dir, const struct ktls_keys *keys);

/* Give RX the keys that it has: it pauses behind any handshake record that
 * begins like a KeyUpdate, also where it was none.  0 or -errno. */
int ktls__sock_resume(int fd, const struct ktls__suite *suite);

/* Make TCP send what it holds back for more. */
void ktls__sock_push(int fd);

/* TCP_CORK.  true: it was off, and is on now. */
bool ktls__sock_cork(int fd);
void ktls__sock_uncork(int fd);

#endif
