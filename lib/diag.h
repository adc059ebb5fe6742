/* SPDX-License-Identifier: MIT */
/* Whether software or the NIC encrypts: inet_diag's INET_ULP_INFO_TLS. */
#ifndef KTLS_DIAG_H
#define KTLS_DIAG_H

#include "ktls/ktls.h"

/* 0, and both set; else -errno (-ENOENT: the kernel told nothing, as to an
 * unprivileged process before 6.15), and both UNKNOWN. */
int ktls__diag(int fd, enum ktls_device *tx, enum ktls_device *rx);

#endif
