/* SPDX-License-Identifier: MIT */
/* The TLS library's errors in our own terms. */
#ifndef KTLS_ERRORS_SSL_H
#define KTLS_ERRORS_SSL_H

struct ssl_st;

/*
 * Why the SSL call that just failed with `ret` did so.
 * 0: the peer's close_notify; -EAGAIN; -KTLS_ETRUNCATED; -KTLS_EALERT;
 * -KTLS_EBADRECORD; -KTLS_EOVERSIZE; -KTLS_EPROTOCOL; -errno of a BIO that
 * left one; -KTLS_ESSL.  Clears the thread's error queue.
 */
int ktls__ssl_error(struct ssl_st *ssl, int ret);

/* Before a call whose errors matter: the thread's error queue is empty. */
void ktls__ssl_forget_errors(void);

#endif
