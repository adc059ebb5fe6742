/* SPDX-License-Identifier: MIT */
/*
 * The order of a hand-off.  Everything that can fail is tried before the
 * setsockopt() that gives TX its key; what fails behind it leaves a
 * direction on the SSL and nothing lost.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "destination.h"
#include "handoff.h"
#include "install.h"
#include "key_limit.h"
#include "probe.h"

static bool any_to_kernel(const struct ktls *k)
{
	return ktls__to_kernel(&k->tx) || ktls__to_kernel(&k->rx);
}

static bool any_leaves(const struct ktls *k)
{
	return ktls__leaves(&k->tx) || ktls__leaves(&k->rx);
}

/* What is known without a look at the socket. */
static void check_ssl(struct ktls *k, const struct ktls__order *order)
{
	enum ktls_reason reason = ktls__backend_obstacle(k->ssl, &k->hs);

	ktls__choose(k, order->tx, order->rx, order->by_operator);
	k->foreign = order->transport == KTLS__TRANSPORT_FOREIGN;
	if (k->foreign)
		ktls__stay_both(k, KTLS_REASON_TRANSPORT);
	if (ktls__backend_ktls_on(k->ssl)) {
		k->foreign = true;
		ktls__stay_both(k, KTLS_REASON_ALREADY_ON);
	}
	if (reason != KTLS_REASON_NONE)
		ktls__stay_both(k, reason);
	else if (!ktls__backend_is_counted(k->ssl))
		ktls__stay_both(k, KTLS_REASON_SEQUENCE);
}

static void check_keys(struct ktls *k)
{
	if (!ktls__has_keys(k))
		return;
	k->foreign = true;
	ktls__stay_both(k, KTLS_REASON_ALREADY_ON);
}

/* Before anything is moved: no refusal here costs the SSL a record. */
static void attach(struct ktls *k)
{
	if (ktls__attach(k))
		check_keys(k);
}

/* The SSL is as it was when nothing has been read out of it. */
static bool may_return(const struct ktls *k)
{
	return k->leftover.head == NULL && !k->eof;
}

/* A dead connection: with data still to deliver it is reported after it. */
static int failed(struct ktls *k, int err)
{
	if (may_return(k))
		return err;
	ktls__stay_both(k, KTLS_REASON_SEQUENCE);
	ktls__latch_both(k, ktls__is_final(err) ? err : -KTLS_ESSL);
	return 0;
}

/* 0: go on; else the result of the hand-off.  Reading with a write half done
 * would be the end of the SSL, so the first flush speaks for both. */
static int flush(struct ktls *k, const struct ktls__order *order, bool first)
{
	int err = ktls__backend_flush(k->ssl, order->transport, k->fd);
	bool waits = err == -EAGAIN || err == -EINTR || err == -KTLS_EPENDING;

	if (err == -KTLS_ESSL) {
		ktls__stay_both(k, KTLS_REASON_SEQUENCE);
		return 0;
	}
	if (!waits)
		return err < 0 ? failed(k, err) : 0;
	if (!order->no_wait && may_return(k))
		return err;
	ktls__stay(&k->tx, KTLS_REASON_PENDING_WRITE);
	if (first)
		ktls__stay_both(k, KTLS_REASON_PENDING_WRITE);
	return 0;
}

static int drain(struct ktls *k, const struct ktls__order *order)
{
	int err = ktls__backend_drain(k->ssl, order->transport, k->fd,
				      order->no_wait ? MSG_DONTWAIT : 0,
				      &k->leftover);

	k->left = k->leftover.head != NULL;
	k->eof = err == 1;
	switch (err) {
	case 0:
	case 1:
		return 0;
	case -EAGAIN:
	case -EINTR:
		if (!order->no_wait && may_return(k))
			return err;
		ktls__stay(&k->rx, KTLS_REASON_PARTIAL_RECORD);
		return 0;
	case -ENOMEM:
		if (may_return(k))
			return err;
		ktls__stay(&k->rx, KTLS_REASON_NO_MEMORY);
		return 0;
	case -ERANGE:
		ktls__stay(&k->rx, KTLS_REASON_SEQUENCE);
		return 0;
	default:
		return failed(k, err);
	}
}

/* Both directions at a record boundary, nothing owed, nothing inside. */
static int settle(struct ktls *k, const struct ktls__order *order)
{
	int err = flush(k, order, true);

	if (err < 0 || !ktls__leaves(&k->rx))
		return err;
	err = drain(k, order);
	/* Reading can have queued an answer. */
	if (err == 0 && ktls__leaves(&k->tx))
		err = flush(k, order, false);
	return err;
}

/* Nothing here can fail. */
static void adopt(struct ktls *k)
{
	struct ktls__trace *t = ktls__trace_of(k->ssl);

	k->link->no_output = ktls__leaves(&k->tx);
	k->link->no_input = ktls__leaves(&k->rx);
	if (t != NULL)
		ktls__trace_restart(t, k->fd);
	ktls__limit_init(k);
	if (!ktls__leaves(&k->tx))
		k->kept->cut = ktls__backend_is_cut(k->ssl);
	ktls__backend_enter_library(k->ssl, k->foreign);
	if (!k->foreign) {
		k->kept->closing_bio = ktls__backend_closing_bio(k->ssl);
		ktls__backend_adopt(k->ssl, k->kept->bio);
	}
}

/* Nobody else will move what memory BIOs hold. */
static int take_memory(struct ktls *k)
{
	int err;

	if (k->tx.reason == KTLS_REASON_ALREADY_ON)
		return -EBUSY;
	err = ktls__backend_take_memory(k->ssl, k->link);
	k->queued = k->link->queue_len > 0;
	return err < 0 ? failed(k, err) : 0;
}

int ktls__handoff_move(struct ktls *k, const struct ktls__order *order)
{
	int err = 0;

	check_ssl(k, order);
	if (any_to_kernel(k))
		attach(k);
	else if (!k->foreign && !ktls__probe_lacks_ulp())
		check_keys(k);
	if (any_to_kernel(k))
		ktls__check_kernel(k, order->rx == KTLS_AUTO);
	if (any_leaves(k))
		err = settle(k, order);
	if (err == 0 && order->transport == KTLS__TRANSPORT_MEMORY)
		err = take_memory(k);
	if (err < 0)
		return err;
	if (any_leaves(k))
		ktls__install(k);
	adopt(k);
	return 0;
}
