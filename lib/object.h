/* SPDX-License-Identifier: MIT */
/* The life of a struct ktls: its parts, made before they are needed and gone
 * as soon as they are not. */
#ifndef KTLS_OBJECT_H
#define KTLS_OBJECT_H

#include "conn.h"

/* With all that either path of ours may need: what fails, fails now.
 * NULL: no memory. */
struct ktls *ktls__object_new(int fd);

/* And what goes with an SSL.  0; -ENOMEM. */
int ktls__object_add_kept(struct ktls *k);
void ktls__object_free_kept(struct ktls *k);

/* What no direction has a use for. */
void ktls__object_trim(struct ktls *k);

/* All of it, and the reference on the SSL. */
void ktls__object_free(struct ktls *k);

#endif
