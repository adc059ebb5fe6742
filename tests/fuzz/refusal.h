/* SPDX-License-Identifier: MIT */
/* ktls_open() refuses, and the socket is as it was. */
#ifndef REFUSAL_H
#define REFUSAL_H

#include "keyed.h"

/* The error, *out NULL, and no key in the socket. */
void refused(struct keyed *c, int err);

/* The same; it has got no ULP, bytes that had come are still to be read, none
 * has gone out, and plain traffic goes on. */
void refused_untouched(struct keyed *c, int err);

/* No key of either direction is in the kernel. */
void refusal_no_keys(int fd);

/* The socket has the ULP. */
int refusal_has_ulp(int fd);

/* The name of an error, for a message. */
const char *refusal_name(int err);

#endif
