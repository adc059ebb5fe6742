/* SPDX-License-Identifier: MIT */
/* See destination.h. */
#include "destination.h"

#include <errno.h>

#include "probe.h"
#include "sock.h"

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

static void choose(struct ktls__side *side, enum ktls_choice choice,
		   unsigned by_operator)
{
	enum ktls_reason reason = by_operator ? KTLS_REASON_ENVIRONMENT :
						KTLS_REASON_POLICY;

	side->path = KTLS_PATH_KERNEL;
	if (choice == KTLS_USERSPACE)
		ktls__keep_out(side, reason, 0);
	if (choice == KTLS_LIBRARY)
		ktls__stay(side, reason);
}

void ktls__choose(struct ktls *k, enum ktls_choice tx, enum ktls_choice rx,
		  unsigned by_operator)
{
	choose(&k->tx, tx, by_operator & KTLS_TX);
	choose(&k->rx, rx, by_operator & KTLS_RX);
}

bool ktls__attach(struct ktls *k)
{
	int err = ktls__probe_ulp();

	if (err != -ENOENT)
		err = ktls_sock_attach(k->fd);
	if (err == -ENOENT)
		ktls__keep_both_out(k, KTLS_REASON_NO_MODULE, err);
	else if (err < 0)
		ktls__keep_both_out(k, KTLS_REASON_ATTACH, err);
	return err == 0;
}

bool ktls__has_keys(struct ktls *k)
{
	int tx = ktls__sock_has_keys(k->fd, KTLS_TX);
	int rx = ktls__sock_has_keys(k->fd, KTLS_RX);

	if (tx > 0 || rx > 0)
		return true;
	if (tx == -KTLS_EUNPROVEN || rx == -KTLS_EUNPROVEN)
		ktls__keep_both_out(k, KTLS_REASON_UNPROVEN, 0);
	else if (tx < 0 || rx < 0)
		ktls__keep_both_out(k, KTLS_REASON_ATTACH, tx < 0 ? tx : rx);
	return false;
}

static void check_suite(const struct ktls *k, struct ktls__side *side, int dir)
{
	/* -errno: could not be tried here, so try the real thing. */
	if (ktls__to_kernel(side) && ktls__probe_suite(k->hs.row, dir) == 0)
		ktls__keep_out(side, KTLS_REASON_KERNEL_SUITE, 0);
}

void ktls__check_kernel(struct ktls *k, bool careful)
{
	check_suite(k, &k->tx, KTLS_TX);
	check_suite(k, &k->rx, KTLS_RX);
	if (k->hs.version != KTLS_TLS_1_3)
		return;
	if (ktls__to_kernel(&k->tx) || ktls__to_kernel(&k->rx))
		k->turn.rekeys = ktls__probe_rekey() == 1;
	if (careful && !k->turn.rekeys)
		ktls__keep_out(&k->rx, KTLS_REASON_NO_REKEY, 0);
}
