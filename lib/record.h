/* SPDX-License-Identifier: MIT */
/* Records with their type, through ancillary data, scattered or gathered. */
#ifndef KTLS_RECORD_H
#define KTLS_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "ktls/ktls.h"

/* The most plaintext that one record holds (RFC 8446 section 5.1). */
#define KTLS__RECORD_PLAIN_MAX 16384

/* As ktls_sock_send(), without its look whether TX has keys: only for a
 * caller that has proven it.  A data record that needs no cmsg gets none. */
ssize_t ktls__record_send(int fd, uint8_t type, const struct iovec *iov,
			  int iovcnt, int flags);

/* As ktls_sock_recv(). */
ssize_t ktls__record_recv(int fd, uint8_t *type, const struct iovec *iov,
			  int iovcnt, int *flags);

/* Close a record that MSG_MORE left open: a zero-length data record, which
 * adds none (Linux 5.1 to 7.2, software).  0 or -errno; -EAGAIN means
 * sealed and queued, not to be repeated. */
int ktls__record_flush(int fd, int flags);

/* The kernel's names for what a record can have wrong, in ours. */
int ktls__name_error(int err);

/* The same of what was latched in the socket, where EINVAL is one of them. */
int ktls__name_latched(int err);

/* Is it about a record that was received? */
bool ktls__is_record_error(int err);

/*
 * An error of sending, where RX is in the kernel (else `taken` is NULL): what
 * that finds wrong with a record it tells whoever asks first, some of it once.
 * 0: `err` is none of those; else its name, which is now in *taken for the
 * reader, and the socket is free for what has to be sent yet.
 */
int ktls__record_fault(int fd, _Atomic int *taken, int err);

#endif
