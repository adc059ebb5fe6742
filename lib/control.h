/* SPDX-License-Identifier: MIT */
/* Alerts and handshake messages that arrive on the kernel path. */
#ifndef KTLS_CONTROL_H
#define KTLS_CONTROL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct ktls;

/*
 * Takes (a piece of) a record that is not data: the first `len` bytes of
 * iov.  0: read on; 1: close_notify; -KTLS_EALERT, -KTLS_EPROTOCOL,
 * -KTLS_EKEYUPDATE, -KTLS_EHANDSHAKE: the end.
 */
int ktls__control_take(struct ktls *k, uint8_t type, const struct iovec *iov,
		       size_t len);

/* Is data allowed now?  0; -KTLS_EPROTOCOL: in the middle of a message. */
int ktls__control_idle(const struct ktls *k);

/* The fatal alert for a local failure (RFC 8446 section 6.2); -1: none. */
int ktls__control_alert_for(int err);

/* 1: warning, 2: fatal. */
uint8_t ktls__control_level(uint8_t description);

#endif
