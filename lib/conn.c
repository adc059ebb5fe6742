/* SPDX-License-Identifier: MIT */
/* Errors that last: how a connection remembers that it is over. */
#include <errno.h>

#include "conn.h"

bool ktls__is_final(int err)
{
	return err < 0 && err != -EAGAIN && err != -EINTR;
}

static void latch_one(struct ktls__side *side, int err)
{
	int none = 0;

	atomic_compare_exchange_strong(&side->err, &none, err);
}

/* A FIN ends only what the peer sends; and what it sent before a reset of
 * ours can still be read.  All else that reading finds ends both. */
static bool ends_both(const struct ktls *k, const struct ktls__side *side,
		      int err)
{
	return side == &k->rx && err != -KTLS_ETRUNCATED;
}

int ktls__latch(struct ktls *k, struct ktls__side *side, int err)
{
	if (!ktls__is_final(err))
		return err;
	latch_one(side, err);
	if (ends_both(k, side, err))
		latch_one(&k->tx, err);
	return err;
}

int ktls__latch_both(struct ktls *k, int err)
{
	if (ktls__is_final(err)) {
		latch_one(&k->tx, err);
		latch_one(&k->rx, err);
	}
	return err;
}

int ktls__may_write(const struct ktls *k)
{
	return k->shut != KTLS__OPEN ? -KTLS_ECLOSED : k->tx.err;
}

bool ktls__is_file_error(int err)
{
	switch (err) {
	case -EINVAL:
	case -EIO:
	case -EBADF:
	case -EACCES:
	case -EISDIR:
	case -ESTALE:
	case -EOVERFLOW:
	case -ENODATA:
		return true;
	default:
		return false;
	}
}
