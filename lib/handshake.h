/* SPDX-License-Identifier: MIT */
/* What a finished handshake yields: all that a hand-off needs to know. */
#ifndef KTLS_HANDSHAKE_H
#define KTLS_HANDSHAKE_H

#include <stdint.h>

#include "ktls/ktls.h"
#include "suite.h"

struct ktls__handshake {
	int server;
	uint16_t version;
	uint16_t suite;                  /* IANA, also of unknown suites */
	const struct ktls__suite *row;   /* NULL: not ours */
};

#endif
