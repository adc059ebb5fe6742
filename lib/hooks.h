/* SPDX-License-Identifier: MIT */
/* What the hooks in an SSL_CTX share with the rest of the backend. */
#ifndef KTLS_HOOKS_H
#define KTLS_HOOKS_H

#include "backend.h"
#include "tls_library.h"

/* Bytes that TLS has moved through a direction's BIO and beside it. */
uint64_t ktls__flow_moved(const struct ktls__flow *flow, uint64_t counter);

/* The same of TX, by the write BIO that the SSL has now.  Not where there is
 * no trace. */
uint64_t ktls__flow_sent(SSL *ssl);

/* 0: every record of TX has its bytes on the wire, or in a queue that the next
 * write sends; -KTLS_EPENDING: a write is unfinished; -KTLS_ESSL: more was
 * written than was sealed.  Not where there is no trace. */
int ktls__flow_account(SSL *ssl);

/* Is the TLS library in this process the one that we are built for?  OpenSSL
 * and BoringSSL have the same names, and a process that has both gets them
 * from whichever comes first. */
bool ktls__library_is_ours(void);

/* Something of the SSL's is cut: is it a flush, and no data? */
bool ktls__flush_is_cut(struct ssl_st *ssl);

/* The SSL was not counted, and wants nothing to be written now. */
enum ktls__cut ktls__looks_cut(struct ssl_st *ssl);

#endif
