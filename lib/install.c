/* SPDX-License-Identifier: MIT */
/* The commit point of a hand-off: see install.h. */
#include <string.h>

#include "aead.h"
#include "commit.h"
#include "destination.h"
#include "install.h"
#include "record.h"
#include "wipe.h"

struct keys {
	struct ktls_keys tx;
	struct ktls_keys rx;
};

/* The SSL is one record ahead of its peer, by a byte that was never sent:
 * an empty record in its place, when the SSL writes next. */
static void resync(struct ktls *k, const struct ktls_keys *tx)
{
	uint8_t rec[KTLS__RECORD_OVERHEAD];
	int n = ktls__record_seal(rec, tx, KTLS_RECORD_DATA,
				  (const uint8_t *)"", 0);

	if (n > 0)
		ktls__link_hold_resync(k->link, rec, (size_t)n);
	else
		ktls__latch(k, &k->tx, n);
}

static void install_userspace(struct ktls *k, struct ktls__side *side,
			      const struct ktls_keys *keys)
{
	int err = side == &k->tx ? ktls__sealer_key(&k->engine->sealer, keys) :
				   ktls__inbox_key(&k->engine->inbox, keys);

	if (err < 0)
		ktls__stay(side, KTLS_REASON_NO_MEMORY);
}

static void install_one(struct ktls *k, struct ktls__side *side, int dir,
			const struct ktls_keys *keys)
{
	if (ktls__to_kernel(side))
		ktls__commit_kernel(k, dir, keys);
	if (side->path == KTLS_PATH_USERSPACE)
		install_userspace(k, side, keys);
	side->seq0 = keys->seq;
	if (side == &k->rx && side->path == KTLS_PATH_USERSPACE)
		k->engine->rx_seq = keys->seq;
}

static void install_tx(struct ktls *k, struct ktls_keys *tx)
{
	enum ktls_reason reason;
	enum ktls__step step;

	ktls__commit_base(k);
	reason = ktls__backend_probe_tx(k->ssl, tx, &step);
	if (reason != KTLS_REASON_NONE)
		ktls__stay(&k->tx, reason);
	else
		install_one(k, &k->tx, KTLS_TX, tx);
	if (!ktls__leaves(&k->tx) && step == KTLS__AHEAD)
		resync(k, tx);
	/* To seal at a number that is only guessed could repeat a nonce. */
	if (step == KTLS__LOST)
		ktls__latch(k, &k->tx, -KTLS_ESSL);
}

/* What the SSL still understands, and what its keys become. */
static void remember(struct ktls *k, const struct keys *keys)
{
	const struct ktls__trace *t = ktls__trace_of(k->ssl);

	if (ktls__leaves(&k->rx))
		k->kept->stale.rx = keys->rx;
	if (ktls__leaves(&k->tx)) {
		k->kept->stale.tx = keys->tx;
		k->kept->stale.tx.seq++; /* the probe */
	}
	if (k->hs.version != KTLS_TLS_1_3 || t == NULL)
		return;
	memcpy(k->tx.secret, t->tx.secret, sizeof(k->tx.secret));
	k->tx.secret_len = (uint8_t)t->tx.secret_len;
	memcpy(k->rx.secret, t->rx.secret, sizeof(k->rx.secret));
	k->rx.secret_len = (uint8_t)t->rx.secret_len;
	memcpy(k->kept->stale.tx_secret, t->tx.secret, sizeof(k->tx.secret));
	memcpy(k->kept->stale.rx_secret, t->rx.secret, sizeof(k->rx.secret));
	k->kept->stale.secret_len = t->tx.secret_len;
}

/* TX first: while it is refused, the socket is plain in both directions. */
void ktls__install(struct ktls *k)
{
	struct keys keys = { .tx = { .version = 0 } };

	if (ktls__backend_keys(k->ssl, &k->hs, &keys.tx, &keys.rx) < 0)
		ktls__stay_both(k, KTLS_REASON_NO_SECRETS);
	if (ktls__leaves(&k->tx))
		install_tx(k, &keys.tx);
	if (ktls__leaves(&k->rx))
		install_one(k, &k->rx, KTLS_RX, &keys.rx);
	ktls__commit_no_pad(k);
	remember(k, &keys);
	ktls__wipe(&keys, sizeof(keys));
}
