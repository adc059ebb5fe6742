/* SPDX-License-Identifier: MIT */
#ifndef KTLS_TEST_CONN_LINGER_H
#define KTLS_TEST_CONN_LINGER_H

#include <limits.h>

#include "rig.h"

/* Longer than any test. */
#define CONN_NEVER ((unsigned)INT_MAX)

/* ktls_linger(), waiting in place of -EAGAIN. */
int conn_linger(struct rig *rig, size_t max_bytes, unsigned timeout_ms);

#endif
