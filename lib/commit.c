/* SPDX-License-Identifier: MIT */
/* See commit.h. */
#include "commit.h"

#include "destination.h"
#include "kernel_path.h"
#include "sock.h"

void ktls__commit_base(struct ktls *k)
{
	uint64_t base = 0;
	int err;

	if (!ktls__to_kernel(&k->tx))
		return;
	err = ktls__kernel_tcp_bytes(k->fd, &base);
	k->tcp_base = base;
	if (err < 0)
		ktls__keep_out(&k->tx, KTLS_REASON_INSTALL, err);
}

void ktls__commit_kernel(struct ktls *k, int dir, const struct ktls_keys *keys)
{
	struct ktls__side *side = dir == KTLS_TX ? &k->tx : &k->rx;
	int err = ktls_sock_install(k->fd, dir, keys);

	if (err == -KTLS_EUNPROVEN)
		ktls__keep_out(side, KTLS_REASON_UNPROVEN, 0);
	else if (err < 0)
		ktls__keep_out(side, KTLS_REASON_INSTALL, err);
	else if (side == &k->rx)
		k->link->rx_taken = &k->rx_taken;
	/* A kernel that has taken them all the same would seal a second time,
	 * under the nonces of the first. */
	if (err == -KTLS_EUNPROVEN && ktls__sock_has_keys(k->fd, dir) > 0)
		ktls__latch_both(k, err);
}

void ktls__commit_no_pad(struct ktls *k)
{
	if (ktls__to_kernel(&k->rx) && k->hs.version == KTLS_TLS_1_3 &&
	    (k->flags & KTLS_EXPECT_NO_PAD) != 0)
		ktls__no_pad_begin(k->fd, &k->no_pad);
}
