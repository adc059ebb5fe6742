/* SPDX-License-Identifier: MIT */
/* What a caller wants of a connection: struct ktls_opts, read once. */
#ifndef KTLS_OPTIONS_H
#define KTLS_OPTIONS_H

#include "conn.h"

/* Into *opts, complete whatever the caller's version of the struct.  `in` may
 * be NULL.  0; -EINVAL. */
int ktls__options_read(struct ktls_opts *opts, const struct ktls_opts *in);

/* Flags and limits: what of them lasts.  Events are set apart, where they may
 * begin. */
void ktls__options_keep(struct ktls *k, const struct ktls_opts *opts);

#endif
