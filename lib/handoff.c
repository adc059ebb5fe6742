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
#include "probe.h"
#include "sock.h"
#include "wipe.h"

struct keys {
	struct ktls_keys tx;
	struct ktls_keys rx;
};

/* The first reason stays: the others follow from it. */
static void stay(struct ktls__side *side, enum ktls_reason reason, int err)
{
	if (side->reason != KTLS_REASON_NONE)
		return;
	side->reason = reason;
	side->reason_errno = err < 0 && err > -KTLS_EVERSION ? -err : 0;
}

static void stay_both(struct ktls *k, enum ktls_reason reason, int err)
{
	stay(&k->tx, reason, err);
	stay(&k->rx, reason, err);
}

static bool wants(const struct ktls__side *side)
{
	return side->reason == KTLS_REASON_NONE;
}

static bool wants_any(const struct ktls *k)
{
	return wants(&k->tx) || wants(&k->rx);
}

/* What is known without a look at the socket. */
static void check_ssl(struct ktls *k, const struct ktls__order *order)
{
	enum ktls_reason reason = ktls__backend_obstacle(k->ssl, &k->hs);

	if (order->tx == KTLS_LIBRARY)
		stay(&k->tx, KTLS_REASON_POLICY, 0);
	if (order->rx == KTLS_LIBRARY)
		stay(&k->rx, KTLS_REASON_POLICY, 0);
	k->foreign = order->transport == KTLS__TRANSPORT_FOREIGN;
	if (k->foreign)
		stay_both(k, KTLS_REASON_TRANSPORT, 0);
	if (ktls__backend_ktls_on(k->ssl)) {
		k->foreign = true;
		stay_both(k, KTLS_REASON_ALREADY_ON, 0);
	}
	if (reason != KTLS_REASON_NONE)
		stay_both(k, reason, 0);
	else if (!ktls__backend_is_counted(k->ssl))
		stay_both(k, KTLS_REASON_SEQUENCE, 0);
}

static void check_kernel(struct ktls *k, const struct ktls__order *order)
{
	/* -errno: could not be tried here, so try the real thing. */
	if (wants(&k->tx) && ktls__probe_suite(k->hs.row, KTLS_TX) == 0)
		stay(&k->tx, KTLS_REASON_KERNEL_SUITE, 0);
	if (wants(&k->rx) && ktls__probe_suite(k->hs.row, KTLS_RX) == 0)
		stay(&k->rx, KTLS_REASON_KERNEL_SUITE, 0);
	if (wants(&k->rx) && order->rx == KTLS_AUTO &&
	    k->hs.version == KTLS_TLS_1_3 && ktls__probe_rekey() != 1)
		stay(&k->rx, KTLS_REASON_NO_REKEY, 0);
}

/* Linux 6.14 takes second keys for a rekey, so this look is the only
 * protection from keys that somebody else has installed. */
static void check_keys(struct ktls *k)
{
	int tx = ktls__sock_has_keys(k->fd, KTLS_TX);
	int rx = ktls__sock_has_keys(k->fd, KTLS_RX);

	if (tx > 0 || rx > 0) {
		k->foreign = true;
		stay_both(k, KTLS_REASON_ALREADY_ON, 0);
	} else if (tx == -KTLS_EUNPROVEN || rx == -KTLS_EUNPROVEN) {
		stay_both(k, KTLS_REASON_UNPROVEN, 0);
	} else if (tx < 0 || rx < 0) {
		stay_both(k, KTLS_REASON_ATTACH, tx < 0 ? tx : rx);
	}
}

/* Before anything is moved: no refusal here costs the SSL a record. */
static void attach(struct ktls *k)
{
	int err = ktls__probe_ulp();

	if (err != -ENOENT)
		err = ktls_sock_attach(k->fd);
	if (err == -ENOENT)
		stay_both(k, KTLS_REASON_NO_MODULE, err);
	else if (err < 0)
		stay_both(k, KTLS_REASON_ATTACH, err);
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
	stay_both(k, KTLS_REASON_SEQUENCE, 0);
	ktls__latch_both(k, err);
	return 0;
}

/* 0: go on; else the result of the hand-off.  Reading with a write half done
 * would be the end of the SSL, so the first flush speaks for both. */
static int flush(struct ktls *k, const struct ktls__order *order, bool first)
{
	int err = ktls__backend_flush(k->ssl, order->transport, k->fd);
	bool waits = err == -EAGAIN || err == -EINTR || err == -KTLS_EPENDING;

	if (err == -KTLS_ESSL) {
		stay_both(k, KTLS_REASON_SEQUENCE, 0);
		return 0;
	}
	if (!waits)
		return err < 0 ? failed(k, err) : 0;
	if (!order->no_wait && may_return(k))
		return err;
	stay(&k->tx, KTLS_REASON_PENDING_WRITE, 0);
	if (first)
		stay_both(k, KTLS_REASON_PENDING_WRITE, 0);
	return 0;
}

static size_t count_left(const struct ktls *k)
{
	const struct ktls__chunk *c;
	size_t n = 0;

	for (c = k->leftover.head; c != NULL; c = c->next)
		n += c->len;
	return n;
}

static int drain(struct ktls *k, const struct ktls__order *order)
{
	int err = ktls__backend_drain(k->ssl, order->transport, k->fd,
				      order->no_wait ? MSG_DONTWAIT : 0,
				      &k->leftover);

	k->left = count_left(k);
	k->eof = err == 1;
	switch (err) {
	case 0:
	case 1:
		return 0;
	case -EAGAIN:
	case -EINTR:
		if (!order->no_wait && may_return(k))
			return err;
		stay(&k->rx, KTLS_REASON_PARTIAL_RECORD, 0);
		return 0;
	case -ENOMEM:
		if (may_return(k))
			return err;
		stay(&k->rx, KTLS_REASON_NO_MEMORY, 0);
		return 0;
	case -ERANGE:
		stay(&k->rx, KTLS_REASON_SEQUENCE, 0);
		return 0;
	default:
		return failed(k, err);
	}
}

/* Both directions at a record boundary, nothing owed, nothing inside. */
static int settle(struct ktls *k, const struct ktls__order *order)
{
	int err = flush(k, order, true);

	if (err < 0 || !wants(&k->rx))
		return err;
	err = drain(k, order);
	/* Reading can have queued an answer. */
	if (err == 0 && wants(&k->tx))
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

static void install_one(struct ktls *k, struct ktls__side *side, int dir,
			const struct ktls_keys *keys)
{
	int err = ktls_sock_install(k->fd, dir, keys);

	if (err == -KTLS_EUNPROVEN)
		stay(side, KTLS_REASON_UNPROVEN, 0);
	else if (err < 0)
		stay(side, KTLS_REASON_INSTALL, err);
	side->seq0 = keys->seq;
}

static void install_tx(struct ktls *k, struct ktls_keys *tx)
{
	enum ktls__step step;
	int err = ktls__kernel_tcp_bytes(k->fd, &k->tcp_base);

	if (err < 0) {
		stay(&k->tx, KTLS_REASON_INSTALL, err);
		return;
	}
	stay(&k->tx, ktls__backend_probe_tx(k->ssl, tx, &step), 0);
	if (wants(&k->tx))
		install_one(k, &k->tx, KTLS_TX, tx);
	if (!wants(&k->tx) && step == KTLS__AHEAD)
		resync(k, tx);
	/* To seal at a number that is only guessed could repeat a nonce. */
	if (step == KTLS__LOST)
		ktls__latch(k, &k->tx, -KTLS_ESSL);
}

/* TX first: while it is refused, the socket is plain in both directions. */
static void install(struct ktls *k)
{
	struct keys keys = { .tx = { .version = 0 } };

	if (ktls__backend_keys(k->ssl, &k->hs, &keys.tx, &keys.rx) < 0)
		stay_both(k, KTLS_REASON_NO_SECRETS, 0);
	if (wants(&k->tx))
		install_tx(k, &keys.tx);
	if (wants(&k->rx))
		install_one(k, &k->rx, KTLS_RX, &keys.rx);
	ktls__wipe(&keys, sizeof(keys));
}

static enum ktls_path path_of(const struct ktls__side *side)
{
	return wants(side) ? KTLS_PATH_KERNEL : KTLS_PATH_LIBRARY;
}

/* Nothing here can fail. */
static void adopt(struct ktls *k)
{
	struct ktls__trace *t = ktls__trace_of(k->ssl);

	k->tx.path = path_of(&k->tx);
	k->rx.path = path_of(&k->rx);
	k->link.no_output = k->tx.path == KTLS_PATH_KERNEL;
	k->link.no_input = k->rx.path == KTLS_PATH_KERNEL;
	if (t != NULL) {
		t->alert_received = -1;
		t->alert_sent = -1;
		t->key_update_sent = false;
		t->tickets = 0;
	}
	ktls__backend_enter_library(k->ssl);
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
	if (wants_any(k))
		attach(k);
	if (wants_any(k))
		check_kernel(k, order);
	if (wants_any(k))
		err = settle(k, order);
	if (err == 0 && order->transport == KTLS__TRANSPORT_MEMORY)
		err = take_memory(k);
	if (err < 0)
		return err;
	if (wants_any(k))
		install(k);
	adopt(k);
	return 0;
}
