/* SPDX-License-Identifier: MIT */
/* Where a direction goes in a hand-off, as far as is known by now, and why. */
#ifndef KTLS_DESTINATION_H
#define KTLS_DESTINATION_H

#include "conn.h"

/* Not to the kernel.  The first reason stays: the others follow from it. */
void ktls__keep_out(struct ktls__side *side, enum ktls_reason reason, int err);
void ktls__keep_both_out(struct ktls *k, enum ktls_reason reason, int err);

/* Not even away from the SSL, which outweighs the kernel's reasons. */
void ktls__stay(struct ktls__side *side, enum ktls_reason reason);
void ktls__stay_both(struct ktls *k, enum ktls_reason reason);

bool ktls__to_kernel(const struct ktls__side *side);
bool ktls__leaves(const struct ktls__side *side);

#endif
