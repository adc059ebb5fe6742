/* SPDX-License-Identifier: MIT */
/* What this kernel does, one lazily cached answer at a time. */
#ifndef KTLS_PROBE_H
#define KTLS_PROBE_H

#include <stdbool.h>

#include "suite.h"

/* 0: TCP_ULP "tls" is there; -errno why not (-ENOENT). Cached but for
 * transient errors. */
int ktls__probe_ulp(void);

/* Is it known already that there is none?  Nobody is asked. */
bool ktls__probe_lacks_ulp(void);

/* 1: the kernel takes this suite's cipher and version in `dir`; 0: it does
 * not; -errno: could not be tried (no loopback pair), so unknown. */
int ktls__probe_suite(const struct ktls__suite *suite, int dir);

/* 1: TLS 1.3 keys can be replaced; 0: no; -errno: unknown. */
int ktls__probe_rekey(void);

#endif
