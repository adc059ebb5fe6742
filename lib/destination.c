/* SPDX-License-Identifier: MIT */
/* See destination.h. */
#include "destination.h"

static void give_reason(struct ktls__side *side, enum ktls_path path,
			enum ktls_reason reason, int err)
{
	side->path = (uint8_t)path;
	side->reason = (uint8_t)reason;
	side->reason_errno = (uint8_t)(err < 0 && err > -256 ? -err : 0);
}

void ktls__keep_out(struct ktls__side *side, enum ktls_reason reason, int err)
{
	if (side->path == KTLS_PATH_KERNEL)
		give_reason(side, KTLS_PATH_USERSPACE, reason, err);
}

void ktls__keep_both_out(struct ktls *k, enum ktls_reason reason, int err)
{
	ktls__keep_out(&k->tx, reason, err);
	ktls__keep_out(&k->rx, reason, err);
}

void ktls__stay(struct ktls__side *side, enum ktls_reason reason)
{
	if (side->path != KTLS_PATH_LIBRARY)
		give_reason(side, KTLS_PATH_LIBRARY, reason, 0);
}

void ktls__stay_both(struct ktls *k, enum ktls_reason reason)
{
	ktls__stay(&k->tx, reason);
	ktls__stay(&k->rx, reason);
}

bool ktls__to_kernel(const struct ktls__side *side)
{
	return side->path == KTLS_PATH_KERNEL;
}

bool ktls__leaves(const struct ktls__side *side)
{
	return side->path != KTLS_PATH_LIBRARY;
}
