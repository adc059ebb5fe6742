/* SPDX-License-Identifier: MIT */
/* Alerts and handshake messages off the records of the kernel and userspace
 * paths. */
#ifndef KTLS_CONTROL_H
#define KTLS_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct ktls;

/*
 * Takes (a piece of) a record that is not data: the first `len` bytes of
 * iov; `end`: the record ends with them.  0: read on; 1: close_notify; errors
 * as ktls_read(), the alert for -KTLS_EPROTOCOL in k->control.fault or 0.
 */
int ktls__control_take(struct ktls *k, uint8_t type, const struct iovec *iov,
		       size_t len, bool end);

/* Data has come, `len` bytes.  0; -KTLS_EPROTOCOL: in the middle of a
 * message; -KTLS_EFLOOD: one empty record too many. */
int ktls__control_data(struct ktls *k, size_t len);

void ktls__control_wipe(struct ktls *k);

#endif
