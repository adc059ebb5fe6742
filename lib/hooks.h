/* SPDX-License-Identifier: MIT */
/* What the hooks in an SSL_CTX share with the rest of the backend. */
#ifndef KTLS_HOOKS_H
#define KTLS_HOOKS_H

#include <openssl/ssl.h>

#include "backend.h"

/* Bytes that TLS has moved through a direction's BIO and beside it. */
uint64_t ktls__flow_moved(const struct ktls__flow *flow, uint64_t counter);

#endif
