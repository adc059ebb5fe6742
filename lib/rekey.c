/* SPDX-License-Identifier: MIT */
/* The next generation of a direction's keys: see rekey.h. */
#include <string.h>

#include "rekey.h"
#include "schedule.h"
#include "sock.h"
#include "wipe.h"

/* *seq: where the old key has ended. */
static int replace(struct ktls *k, int dir, const struct ktls_keys *keys,
		   uint64_t *seq)
{
	const struct ktls__side *side = dir == KTLS_TX ? &k->tx : &k->rx;
	int err;

	if (side->path == KTLS_PATH_KERNEL) {
		err = ktls__sock_rec_seq(k->fd, dir, k->hs.row, seq);
		return err < 0 ? err : ktls__sock_rekey(k->fd, dir, keys);
	}
	if (dir == KTLS_TX) {
		*seq = k->engine->sealer.seq;
		return ktls__sealer_key(&k->engine->sealer, keys);
	}
	*seq = k->engine->inbox.opener.seq;
	return ktls__inbox_key(&k->engine->inbox, keys);
}

int ktls__rekey(struct ktls *k, int dir)
{
	struct ktls__side *side = dir == KTLS_TX ? &k->tx : &k->rx;
	uint8_t secret[KTLS__SECRET_MAX];
	struct ktls_keys keys;
	uint64_t seq = 0;
	int err;

	memcpy(secret, side->secret, sizeof(secret));
	err = ktls__keys_next(&keys, k->hs.suite, secret, side->secret_len);
	if (err == 0)
		err = replace(k, dir, &keys, &seq);
	if (err == 0) {
		memcpy(side->secret, secret, sizeof(secret));
		side->before += seq - side->seq0;
		side->seq0 = 0;
		if (dir == KTLS_RX && k->engine != NULL)
			k->engine->rx_seq = 0;
	}
	ktls_keys_wipe(&keys);
	ktls__wipe(secret, sizeof(secret));
	return err;
}
