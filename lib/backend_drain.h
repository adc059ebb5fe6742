/* SPDX-License-Identifier: MIT */
/* What the drains of both TLS libraries share. */
#ifndef KTLS_BACKEND_DRAIN_H
#define KTLS_BACKEND_DRAIN_H

#include "backend.h"
#include "tls_library.h"

/* SSL_read() until the SSL wants more: -EAGAIN, and *spare is there for what
 * comes next.  1: close_notify; -ENOMEM; why it failed. */
int ktls__drain_inside(SSL *ssl, struct ktls__leftover *list,
		       struct ktls__chunk **spare);

#endif
