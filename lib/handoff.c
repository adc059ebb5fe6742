/* SPDX-License-Identifier: MIT */
/*
 * The order of a hand-off.  Everything that can fail is tried before the
 * setsockopt() that gives TX its key; what fails behind it leaves a
 * direction on the SSL and nothing lost.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "aead.h"
#include "handoff.h"
#include "kernel_path.h"
#include "key_limit.h"
#include "probe.h"
#include "sock.h"
#include "wipe.h"

struct keys {
	struct ktls_keys tx;
	struct ktls_keys rx;
};

static void give_reason(struct ktls__side *side, enum ktls_path path,
			enum ktls_reason reason, int err)
{
	side->path = path;
	side->reason = reason;
	side->reason_errno = err < 0 && err > -KTLS_EVERSION ? -err : 0;
}

/* Not in the kernel.  The first reason stays: the others follow from it. */
static void keep_out(struct ktls__side *side, enum ktls_reason reason, int err)
{
	if (side->path == KTLS_PATH_KERNEL)
		give_reason(side, KTLS_PATH_USERSPACE, reason, err);
}

static void keep_both_out(struct ktls *k, enum ktls_reason reason, int err)
{
	keep_out(&k->tx, reason, err);
	keep_out(&k->rx, reason, err);
}

/* Not even away from the SSL, which outweighs the kernel's reasons. */
static void stay(struct ktls__side *side, enum ktls_reason reason)
{
	if (side->path != KTLS_PATH_LIBRARY)
		give_reason(side, KTLS_PATH_LIBRARY, reason, 0);
}

static void stay_both(struct ktls *k, enum ktls_reason reason)
{
	stay(&k->tx, reason);
	stay(&k->rx, reason);
}

/* To where it wants to go, as far as is known by now. */
static bool to_kernel(const struct ktls__side *side)
{
	return side->path == KTLS_PATH_KERNEL;
}

static bool any_to_kernel(const struct ktls *k)
{
	return to_kernel(&k->tx) || to_kernel(&k->rx);
}

static bool leaves(const struct ktls__side *side)
{
	return side->path != KTLS_PATH_LIBRARY;
}

static bool any_leaves(const struct ktls *k)
{
	return leaves(&k->tx) || leaves(&k->rx);
}

static void choose(struct ktls__side *side, enum ktls_choice choice)
{
	side->path = KTLS_PATH_KERNEL;
	if (choice == KTLS_USERSPACE)
		keep_out(side, KTLS_REASON_POLICY, 0);
	if (choice == KTLS_LIBRARY)
		stay(side, KTLS_REASON_POLICY);
}

/* What is known without a look at the socket. */
static void check_ssl(struct ktls *k, const struct ktls__order *order)
{
	enum ktls_reason reason = ktls__backend_obstacle(k->ssl, &k->hs);

	choose(&k->tx, order->tx);
	choose(&k->rx, order->rx);
	k->foreign = order->transport == KTLS__TRANSPORT_FOREIGN;
	if (k->foreign)
		stay_both(k, KTLS_REASON_TRANSPORT);
	if (ktls__backend_ktls_on(k->ssl)) {
		k->foreign = true;
		stay_both(k, KTLS_REASON_ALREADY_ON);
	}
	if (reason != KTLS_REASON_NONE)
		stay_both(k, reason);
	else if (!ktls__backend_is_counted(k->ssl))
		stay_both(k, KTLS_REASON_SEQUENCE);
}

static void check_kernel(struct ktls *k, const struct ktls__order *order)
{
	/* -errno: could not be tried here, so try the real thing. */
	if (to_kernel(&k->tx) && ktls__probe_suite(k->hs.row, KTLS_TX) == 0)
		keep_out(&k->tx, KTLS_REASON_KERNEL_SUITE, 0);
	if (to_kernel(&k->rx) && ktls__probe_suite(k->hs.row, KTLS_RX) == 0)
		keep_out(&k->rx, KTLS_REASON_KERNEL_SUITE, 0);
	if (any_to_kernel(k) && k->hs.version == KTLS_TLS_1_3)
		k->turn.rekeys = ktls__probe_rekey() == 1;
	if (order->rx == KTLS_AUTO && k->hs.version == KTLS_TLS_1_3 &&
	    !k->turn.rekeys)
		keep_out(&k->rx, KTLS_REASON_NO_REKEY, 0);
}

/* Linux 6.14 takes second keys for a rekey, so this look is the only
 * protection from keys that somebody else has installed. */
static void check_keys(struct ktls *k)
{
	int tx = ktls__sock_has_keys(k->fd, KTLS_TX);
	int rx = ktls__sock_has_keys(k->fd, KTLS_RX);

	if (tx > 0 || rx > 0) {
		k->foreign = true;
		stay_both(k, KTLS_REASON_ALREADY_ON);
	} else if (tx == -KTLS_EUNPROVEN || rx == -KTLS_EUNPROVEN) {
		keep_both_out(k, KTLS_REASON_UNPROVEN, 0);
	} else if (tx < 0 || rx < 0) {
		keep_both_out(k, KTLS_REASON_ATTACH, tx < 0 ? tx : rx);
	}
}

/* Before anything is moved: no refusal here costs the SSL a record. */
static void attach(struct ktls *k)
{
	int err = ktls__probe_ulp();

	if (err != -ENOENT)
		err = ktls_sock_attach(k->fd);
	if (err == -ENOENT)
		keep_both_out(k, KTLS_REASON_NO_MODULE, err);
	else if (err < 0)
		keep_both_out(k, KTLS_REASON_ATTACH, err);
	else
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
	stay_both(k, KTLS_REASON_SEQUENCE);
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
		stay_both(k, KTLS_REASON_SEQUENCE);
		return 0;
	}
	if (!waits)
		return err < 0 ? failed(k, err) : 0;
	if (!order->no_wait && may_return(k))
		return err;
	stay(&k->tx, KTLS_REASON_PENDING_WRITE);
	if (first)
		stay_both(k, KTLS_REASON_PENDING_WRITE);
	return 0;
}

static int drain(struct ktls *k, const struct ktls__order *order)
{
	int err = ktls__backend_drain(k->ssl, order->transport, k->fd,
				      order->no_wait ? MSG_DONTWAIT : 0,
				      &k->leftover);

	k->left = ktls__leftover_len(&k->leftover);
	k->eof = err == 1;
	switch (err) {
	case 0:
	case 1:
		return 0;
	case -EAGAIN:
	case -EINTR:
		if (!order->no_wait && may_return(k))
			return err;
		stay(&k->rx, KTLS_REASON_PARTIAL_RECORD);
		return 0;
	case -ENOMEM:
		if (may_return(k))
			return err;
		stay(&k->rx, KTLS_REASON_NO_MEMORY);
		return 0;
	case -ERANGE:
		stay(&k->rx, KTLS_REASON_SEQUENCE);
		return 0;
	default:
		return failed(k, err);
	}
}

/* Both directions at a record boundary, nothing owed, nothing inside. */
static int settle(struct ktls *k, const struct ktls__order *order)
{
	int err = flush(k, order, true);

	if (err < 0 || !leaves(&k->rx))
		return err;
	err = drain(k, order);
	/* Reading can have queued an answer. */
	if (err == 0 && leaves(&k->tx))
		err = flush(k, order, false);
	return err;
}

/* The SSL is one record ahead of its peer, by a byte that was never sent:
 * an empty record in its place, when the SSL writes next. */
static void resync(struct ktls *k, const struct ktls_keys *tx)
{
	uint8_t rec[KTLS__RECORD_OVERHEAD];
	int n = ktls__record_seal(rec, tx, KTLS_RECORD_DATA,
				  (const uint8_t *)"", 0);

	if (n > 0)
		ktls__link_hold_resync(&k->link, rec, (size_t)n);
	else
		ktls__latch(k, &k->tx, n);
}

static void install_kernel(struct ktls *k, struct ktls__side *side, int dir,
			   const struct ktls_keys *keys)
{
	int err = ktls_sock_install(k->fd, dir, keys);

	if (err == -KTLS_EUNPROVEN)
		keep_out(side, KTLS_REASON_UNPROVEN, 0);
	else if (err < 0)
		keep_out(side, KTLS_REASON_INSTALL, err);
	/* A kernel that has taken them all the same would seal a second time,
	 * under the nonces of the first. */
	if (err == -KTLS_EUNPROVEN && ktls__sock_has_keys(k->fd, dir) > 0)
		ktls__latch_both(k, err);
}

static void install_userspace(struct ktls *k, struct ktls__side *side,
			      const struct ktls_keys *keys)
{
	int err = side == &k->tx ? ktls__sealer_key(&k->sealer, keys) :
				   ktls__inbox_key(&k->inbox, keys);

	if (err < 0)
		stay(side, KTLS_REASON_NO_MEMORY);
}

static void install_one(struct ktls *k, struct ktls__side *side, int dir,
			const struct ktls_keys *keys)
{
	if (to_kernel(side))
		install_kernel(k, side, dir, keys);
	if (side->path == KTLS_PATH_USERSPACE)
		install_userspace(k, side, keys);
	side->seq0 = keys->seq;
	side->seq = keys->seq;
}

static void install_tx(struct ktls *k, struct ktls_keys *tx)
{
	enum ktls_reason reason;
	enum ktls__step step;
	int err;

	if (to_kernel(&k->tx)) {
		err = ktls__kernel_tcp_bytes(k->fd, &k->tcp_base);
		if (err < 0)
			keep_out(&k->tx, KTLS_REASON_INSTALL, err);
	}
	reason = ktls__backend_probe_tx(k->ssl, tx, &step);
	if (reason != KTLS_REASON_NONE)
		stay(&k->tx, reason);
	else
		install_one(k, &k->tx, KTLS_TX, tx);
	if (!leaves(&k->tx) && step == KTLS__AHEAD)
		resync(k, tx);
	/* To seal at a number that is only guessed could repeat a nonce. */
	if (step == KTLS__LOST)
		ktls__latch(k, &k->tx, -KTLS_ESSL);
}

/* What the SSL still understands, and what its keys become. */
static void remember(struct ktls *k, const struct keys *keys)
{
	const struct ktls__trace *t = ktls__trace_of(k->ssl);

	if (leaves(&k->rx))
		k->stale.rx = keys->rx;
	if (leaves(&k->tx)) {
		k->stale.tx = keys->tx;
		k->stale.tx.seq++; /* the probe */
	}
	if (k->hs.version != KTLS_TLS_1_3 || t == NULL)
		return;
	memcpy(k->tx.secret, t->tx.secret, sizeof(k->tx.secret));
	k->tx.secret_len = t->tx.secret_len;
	memcpy(k->rx.secret, t->rx.secret, sizeof(k->rx.secret));
	k->rx.secret_len = t->rx.secret_len;
	memcpy(k->stale.tx_secret, t->tx.secret, sizeof(k->tx.secret));
	memcpy(k->stale.rx_secret, t->rx.secret, sizeof(k->rx.secret));
	k->stale.secret_len = t->tx.secret_len;
}

/* TX first: while it is refused, the socket is plain in both directions. */
static void install(struct ktls *k)
{
	struct keys keys = { .tx = { .version = 0 } };

	if (ktls__backend_keys(k->ssl, &k->hs, &keys.tx, &keys.rx) < 0)
		stay_both(k, KTLS_REASON_NO_SECRETS);
	if (leaves(&k->tx))
		install_tx(k, &keys.tx);
	if (leaves(&k->rx))
		install_one(k, &k->rx, KTLS_RX, &keys.rx);
	remember(k, &keys);
	ktls__wipe(&keys, sizeof(keys));
}

/* Nothing here can fail. */
static void adopt(struct ktls *k)
{
	struct ktls__trace *t = ktls__trace_of(k->ssl);

	k->link.no_output = leaves(&k->tx);
	k->link.no_input = leaves(&k->rx);
	if (t != NULL)
		ktls__trace_restart(t, k->fd);
	ktls__limit_init(k);
	ktls__backend_enter_library(k->ssl, k->foreign);
	if (!k->foreign) {
		k->closing_bio = ktls__backend_closing_bio(k->ssl);
		ktls__backend_adopt(k->ssl, k->bio);
	}
}

/* Nobody else will move what memory BIOs hold. */
static int take_memory(struct ktls *k)
{
	int err;

	if (k->tx.reason == KTLS_REASON_ALREADY_ON)
		return -EBUSY;
	err = ktls__backend_take_memory(k->ssl, &k->link);
	k->queued = k->link.queue_len > 0;
	return err < 0 ? failed(k, err) : 0;
}

int ktls__handoff_move(struct ktls *k, const struct ktls__order *order)
{
	int err = 0;

	check_ssl(k, order);
	if (any_to_kernel(k))
		attach(k);
	else if (!k->foreign)
		check_keys(k);
	if (any_to_kernel(k))
		check_kernel(k, order);
	if (any_leaves(k))
		err = settle(k, order);
	if (err == 0 && order->transport == KTLS__TRANSPORT_MEMORY)
		err = take_memory(k);
	if (err < 0)
		return err;
	if (any_leaves(k))
		install(k);
	adopt(k);
	return 0;
}
