/* SPDX-License-Identifier: MIT */
/* Reading through the SSL. */
#ifndef KTLS_LIBRARY_PATH_H
#define KTLS_LIBRARY_PATH_H

#include <sys/uio.h>

#include "conn.h"

/* As ktls_readv(), errors latched. */
ssize_t ktls__library_readv(struct ktls *k, const struct iovec *iov,
			    int iovcnt);

#endif
