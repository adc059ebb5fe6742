/* SPDX-License-Identifier: MIT */
/*
 * A connection's directions on the SSL.  Results as the public calls of the
 * same name; errors of I/O are latched here.
 */
#ifndef KTLS_LIBRARY_PATH_H
#define KTLS_LIBRARY_PATH_H

#include <sys/uio.h>

#include "conn.h"

ssize_t ktls__library_readv(struct ktls *k, const struct iovec *iov,
			    int iovcnt);
ssize_t ktls__library_writev(struct ktls *k, const struct iovec *iov,
			     int iovcnt);
ssize_t ktls__library_sendfile(struct ktls *k, int in_fd, off_t *pos,
			       size_t count);

/* Wait, as a write would, until the queue is empty. */
int ktls__library_settle(struct ktls *k);

/* close_notify, and all before it, given to the socket. */
int ktls__library_shutdown(struct ktls *k);

/* Give the socket what it did not take before, as far as it goes now. */
int ktls__library_flush(struct ktls *k);

#endif
