/* SPDX-License-Identifier: MIT */
/*
 * A connection's directions in the kernel.  Results as the public calls of
 * the same name; errors of I/O are latched here.
 */
#ifndef KTLS_KERNEL_PATH_H
#define KTLS_KERNEL_PATH_H

#include <sys/uio.h>

#include "conn.h"

ssize_t ktls__kernel_readv(struct ktls *k, const struct iovec *iov, int iovcnt);
ssize_t ktls__kernel_writev(struct ktls *k, const struct iovec *iov,
			    int iovcnt);

/* *pos is absolute and moves; count ends within the file. */
ssize_t ktls__kernel_sendfile(struct ktls *k, int in_fd, off_t *pos,
			      size_t count);

/* An alert, whatever is latched.  0 or an error. */
int ktls__kernel_alert(struct ktls *k, uint8_t description, int flags);

/* TCP's view of what it was ever given: acknowledged plus queued bytes.
 * 0; -ECONNRESET: the connection is closed; -errno. */
int ktls__kernel_tcp_bytes(int fd, uint64_t *bytes);

/* 0: all that TX accepted has left the TLS queue; -EAGAIN: not yet. */
int ktls__kernel_drained(struct ktls *k);

#endif
