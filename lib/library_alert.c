/* SPDX-License-Identifier: MIT */
/*
 * Alerts on the library path.  OpenSSL sends none but its own and
 * close_notify: others are sealed here, in step with the SSL.
 */
#include <errno.h>
#include <sys/socket.h>

#include "aead.h"
#include "control.h"
#include "kernel_path.h"
#include "library_alert.h"
#include "library_path.h"

/* Sealed by us, at the number that the SSL has just spent on a byte that
 * nobody will see. */
static int seal_alert(struct ktls *k, uint8_t description)
{
	uint8_t alert[2] = { ktls__control_level(description), description };
	uint8_t rec[sizeof(alert) + KTLS__RECORD_OVERHEAD];
	enum ktls__step step = KTLS__IN_STEP;
	struct ktls_keys tx = { 0 };
	struct ktls_keys rx = { 0 };
	int n;

	n = ktls__backend_keys(k->ssl, &k->hs, &tx, &rx);
	if (n == 0) {
		(void)ktls__backend_probe_tx(k->ssl, &tx, &step);
		n = step == KTLS__AHEAD ?
			    ktls__record_seal(rec, &tx, KTLS_RECORD_ALERT,
					      alert, sizeof(alert)) :
			    -EOPNOTSUPP;
	}
	ktls_keys_wipe(&tx);
	ktls_keys_wipe(&rx);
	if (n > 0)
		return ktls__link_write(&k->link, rec, (size_t)n);
	/* A number is spent and nothing was sent at it. */
	if (step != KTLS__IN_STEP)
		ktls__latch(k, &k->tx, -KTLS_ESSL);
	return n;
}

/* Under the lock.  What the SSL has queued would go before the probe's byte,
 * and be lost with it. */
static int alert_locked(struct ktls *k, uint8_t description)
{
	int err = ktls__backend_send_owed(k->ssl, &k->link);

	return err < 0 ? err : seal_alert(k, description);
}

int ktls__library_alert(struct ktls *k, uint8_t description)
{
	int err;

	if (k->foreign ||
	    ktls__backend_obstacle(k->ssl, &k->hs) != KTLS_REASON_NONE)
		return -EOPNOTSUPP;
	pthread_mutex_lock(&k->lock);
	err = alert_locked(k, description);
	pthread_mutex_unlock(&k->lock);
	if (err < 0)
		return err;
	k->alert_sent = description;
	(void)ktls__library_flush(k);
	return 0;
}

void ktls__tell_fault(struct ktls *k, int err)
{
	int alert = ktls__control_alert_for(err);

	if (alert < 0)
		return;
	if (k->tx.path == KTLS_PATH_KERNEL)
		(void)ktls__kernel_alert(k, (uint8_t)alert, MSG_DONTWAIT);
	else
		(void)ktls__library_alert(k, (uint8_t)alert);
}
