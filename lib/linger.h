/* SPDX-License-Identifier: MIT */
#ifndef KTLS_LINGER_H
#define KTLS_LINGER_H

#include "conn.h"

/* ktls_events() from the first ktls_linger() on. */
int ktls__linger_events(const struct ktls *k);

#endif
