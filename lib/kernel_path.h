/* SPDX-License-Identifier: MIT */
/*
 * Writing through kernel TLS.  Results as the public calls of the same name;
 * errors of I/O are latched here.
 */
#ifndef KTLS_KERNEL_PATH_H
#define KTLS_KERNEL_PATH_H

#include <sys/uio.h>

#include "conn.h"
#include "sys.h"

ssize_t ktls__kernel_writev(struct ktls *k, const struct iovec *iov,
			    int iovcnt);

/* *pos is absolute and moves; count ends within the file. */
ssize_t ktls__kernel_sendfile(struct ktls *k, int in_fd, off_t *pos,
			      size_t count);

/* close_notify, or another alert, as a blocking or non-blocking write.
 * 0 or an error, latched. */
int ktls__kernel_alert(struct ktls *k, uint8_t description);

/* Name and latch an error of writing; where the kernel's RX has told it, the
 * peer is told too. */
int ktls__kernel_fail_write(struct ktls *k, int err);

/* Nothing more follows: send what KTLS_MORE has held back. */
void ktls__kernel_release(struct ktls *k);

/* Send what a short call has left open or corked. */
void ktls__kernel_push(struct ktls *k);

/* Of a call that takes no MSG_NOSIGNAL: on a dead connection its count looks
 * like success, and the signal is the only word of it. */
bool ktls__kernel_was_in_vain(struct ktls *k, struct ktls__sigpipe *hold);

/* TCP's view of what it was ever given: acknowledged plus queued bytes.
 * 0; -ECONNRESET: the connection is closed; -errno. */
int ktls__kernel_tcp_bytes(int fd, uint64_t *bytes);

/* 0: all that TX accepted has left the TLS queue; -EAGAIN: not yet. */
int ktls__kernel_drained(struct ktls *k);

#endif
