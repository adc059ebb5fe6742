/* SPDX-License-Identifier: MIT */
/*
 * Alerts of our own.  OpenSSL sends none but its own and close_notify: on the
 * library path others are sealed here, in step with the SSL.
 */
#include <errno.h>
#include <sys/socket.h>

#include "aead.h"
#include "alert.h"
#include "turn.h"

int ktls__alert_for(int err)
{
	switch (err) {
	case -KTLS_EBADRECORD:
		return KTLS__BAD_RECORD_MAC;
	case -KTLS_EOVERSIZE:
		return KTLS__RECORD_OVERFLOW;
	case -KTLS_EPROTOCOL:
	case -KTLS_EFLOOD:
		return KTLS__UNEXPECTED_MESSAGE;
	case -KTLS_EHANDSHAKE:
		return KTLS__HANDSHAKE_FAILURE;
	case -KTLS_EKEYUPDATE:
	case -KTLS_ECMSG:
	case -KTLS_ECRYPTO:
		return KTLS__INTERNAL_ERROR;
	default:
		return -1;
	}
}

/* Sealed by us, at the number that the SSL has just spent on a byte that
 * nobody will see. */
static int seal_in_step(struct ktls *k, const uint8_t alert[2])
{
	uint8_t rec[2 + KTLS__RECORD_OVERHEAD];
	enum ktls__step step = KTLS__IN_STEP;
	struct ktls_keys tx = { 0 };
	struct ktls_keys rx = { 0 };
	int n;

	n = ktls__backend_keys(k->ssl, &k->hs, &tx, &rx);
	if (n == 0) {
		(void)ktls__backend_probe_tx(k->ssl, &tx, &step);
		n = step == KTLS__AHEAD ?
			    ktls__record_seal(rec, &tx, KTLS_RECORD_ALERT,
					      alert, 2) :
			    -EOPNOTSUPP;
	}
	ktls_keys_wipe(&tx);
	ktls_keys_wipe(&rx);
	if (n > 0)
		return ktls__link_write(k->link, rec, (size_t)n);
	/* A number is spent and nothing was sent at it. */
	return step != KTLS__IN_STEP ? -KTLS_ESSL : n;
}

/* What the SSL has queued would go before the probe's byte, and be lost with
 * it. */
static int put_library(struct ktls *k, const uint8_t alert[2])
{
	int err;

	if (k->foreign ||
	    ktls__backend_obstacle(k->ssl, &k->hs) != KTLS_REASON_NONE)
		return -EOPNOTSUPP;
	err = ktls__refuse_cut_locked(k);
	if (err == 0)
		err = ktls__backend_send_owed(k->ssl, k->link);
	else if (err == -KTLS_EPENDING)
		err = -EAGAIN;
	if (err == 0)
		err = seal_in_step(k, alert);
	if (err == 0)
		(void)ktls__output_flush(k);
	return err;
}

static int put_locked(struct ktls *k, const uint8_t alert[2])
{
	int err = k->ended ? -KTLS_ECLOSED : ktls__turn_settle(k);

	if (err == 0 && k->tx.path == KTLS_PATH_LIBRARY)
		err = put_library(k, alert);
	else if (err == 0)
		err = (int)ktls__output_record(k, KTLS_RECORD_ALERT, alert, 2);
	if (err < 0)
		return err;
	ktls__output_end(k, alert[1]);
	return 0;
}

/* Under the lock.  The fatal one of two is the one that counts. */
static void put_off(struct ktls *k, uint8_t description)
{
	if (k->tx.path == KTLS_PATH_LIBRARY)
		return;
	if ((k->turn.todo & KTLS__SEND_ALERT) != 0 &&
	    ktls__alert_level(k->turn.alert) == KTLS__ALERT_FATAL)
		return;
	k->turn.alert = description;
	atomic_fetch_or(&k->turn.todo, KTLS__SEND_ALERT);
}

static int put(struct ktls *k, uint8_t description, bool may_wait)
{
	const uint8_t alert[2] = { ktls__alert_level(description),
				   description };
	int err;

	pthread_mutex_lock(&k->lock);
	err = put_locked(k, alert);
	if (may_wait && err < 0 && !ktls__is_final(err))
		put_off(k, description);
	pthread_mutex_unlock(&k->lock);
	/* An SSL sends before it what it owes. */
	if (k->tx.path == KTLS_PATH_LIBRARY)
		ktls__turn_tell(k);
	if (err == 0)
		ktls__alert_was_sent(k, description);
	return err;
}

int ktls__alert_put(struct ktls *k, uint8_t description)
{
	return put(k, description, false);
}

void ktls__alert_say(struct ktls *k, uint8_t description)
{
	int err = put(k, description, true);

	/* What the kernel tells once only is not to be lost here. */
	if (err != -KTLS_ECLOSED && err != -EOPNOTSUPP)
		ktls__latch(k, &k->tx, err);
}

void ktls__alert_fault(struct ktls *k, int err)
{
	int alert = ktls__alert_for(err);

	if (alert < 0 || k->shut != KTLS__OPEN ||
	    atomic_exchange(&k->control.told, true))
		return;
	if (k->control.fault > 0)
		alert = k->control.fault;
	ktls__alert_say(k, (uint8_t)alert);
}
