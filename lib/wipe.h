/* SPDX-License-Identifier: MIT */
#ifndef KTLS_WIPE_H
#define KTLS_WIPE_H

#include <stddef.h>

/* Zeros that no compiler drops.  NULL with length 0 is fine. */
void ktls__wipe(void *p, size_t len);

#endif
