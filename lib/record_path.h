/* SPDX-License-Identifier: MIT */
/* Reading records with their type: the kernel's, or those that we open. */
#ifndef KTLS_RECORD_PATH_H
#define KTLS_RECORD_PATH_H

#include <sys/uio.h>

#include "conn.h"

/* As ktls_readv(), errors latched and answered. */
ssize_t ktls__record_path_readv(struct ktls *k, const struct iovec *iov,
				int iovcnt);

/*
 * Userspace: deal with the whole records that are here, without the socket;
 * data goes behind what is left over.  Errors are latched and answered.  true:
 * all of it is done, and nothing is half here but a record.
 */
bool ktls__record_path_drain(struct ktls *k);

/* Reading has failed: name, latch and answer it.  Returns its name. */
int ktls__fail_read(struct ktls *k, int err);

/* Until somebody takes it, an error that the kernel found in a record blocks
 * our alert as well. */
void ktls__clear_so_error(const struct ktls *k);

#endif
