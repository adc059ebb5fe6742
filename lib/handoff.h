/* SPDX-License-Identifier: MIT */
/* From an SSL to the kernel: the moves of ktls_handoff(), in their order. */
#ifndef KTLS_HANDOFF_H
#define KTLS_HANDOFF_H

#include "conn.h"

/* What the caller asked for. */
struct ktls__order {
	enum ktls_choice tx;
	enum ktls_choice rx;
	unsigned by_operator;  /* mask of what KTLS_PATH says */
	bool no_wait;
	enum ktls__transport transport;
};

/*
 * Move k, whose SSL and descriptor are set, as far as it goes; paths and
 * reasons are set, TX and RX proven.  0; else as ktls_handoff(), and the SSL
 * is as it was.
 */
int ktls__handoff_move(struct ktls *k, const struct ktls__order *order);

#endif
