/* SPDX-License-Identifier: MIT */
/*
 * Writing where records are sealed in this process: by the sealer of the
 * userspace path, or by the SSL.  Results as the public calls of the same
 * name; errors of I/O are latched here.
 */
#ifndef KTLS_SEALED_PATH_H
#define KTLS_SEALED_PATH_H

#include <sys/uio.h>

#include "conn.h"

ssize_t ktls__sealed_writev(struct ktls *k, const struct iovec *iov,
			    int iovcnt);
ssize_t ktls__sealed_sendfile(struct ktls *k, int in_fd, off_t *pos,
			      size_t count);

/* Wait, as a write would, until the queue is empty. */
int ktls__sealed_settle(struct ktls *k);

/* Give the socket what it did not take before, as far as it goes now; TCP
 * may wait for more. */
int ktls__sealed_flush(struct ktls *k, bool more);

#endif
