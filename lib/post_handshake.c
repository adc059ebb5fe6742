/* SPDX-License-Identifier: MIT */
/* What the application has to say after the handshake besides data: new keys,
 * and messages of the SSL that was kept. */
#include <errno.h>

#include "conn.h"
#include "kernel_path.h"
#include "key_limit.h"
#include "message.h"
#include "output.h"
#include "record.h"
#include "sealed_path.h"
#include "turn.h"

static int note_room(struct ktls *k, int err)
{
	ktls__wants(k, KTLS__CALL_WAITS, err == -EAGAIN && !k->waits_for_input);
	return err;
}

static int flush(struct ktls *k)
{
	int err = ktls__turn_flush(k);

	if (ktls__is_record_error(err))
		return ktls__kernel_fail_write(k, err);
	if (err == 0 && k->tx.path == KTLS_PATH_KERNEL)
		ktls__kernel_release(k);
	if (err == 0 && k->tx.path != KTLS_PATH_KERNEL)
		return ktls__latch(k, &k->tx, ktls__sealed_settle(k));
	return note_room(k, err);
}

int ktls_update_keys(struct ktls *k, unsigned flags)
{
	const bool asks = (flags & KTLS_UPDATE_REQUESTED) != 0;
	int err = ktls__may_write(k);

	if ((flags & ~(unsigned)KTLS_UPDATE_REQUESTED) != 0)
		return -EINVAL;
	if (k->hs.version != KTLS_TLS_1_3)
		return -EOPNOTSUPP;
	if (err < 0)
		return err;
	if (!ktls__key_can_change(k))
		return -KTLS_EKEYUPDATE;
	err = ktls__refuse_cut(k);
	if (err < 0)
		return err;
	/* The rest of one that got -EAGAIN is not another, unless it asks for
	 * more. */
	if (!k->turn.updating || (asks && !k->turn.asking))
		ktls__turn_order(k, asks);
	k->turn.asking = asks || (k->turn.updating && k->turn.asking);
	err = flush(k);
	k->turn.updating = err == -EAGAIN || err == -EINTR || err == -ENOMEM;
	return err;
}

/* Under the lock. */
static int speak(struct ktls *k)
{
	int err_said;
	int err = -EAGAIN;

	if (!k->foreign || k->kept->refused == 0)
		err = ktls__backend_speak(k->ssl, k->foreign ? NULL : k->link,
					  &k->kept->stale, &k->kept->said);
	err_said = ktls__message_said(k);
	/* In the middle of something it waits for the peer. */
	k->waits_for_input = err == -EAGAIN && !k->foreign;
	return err < 0 ? err : err_said;
}

int ktls_post_handshake(struct ktls *k)
{
	int err = ktls__may_write(k);

	if (k->hs.version != KTLS_TLS_1_3 || k->ssl == NULL)
		return -EOPNOTSUPP;
	if (err < 0)
		return err;
	err = ktls__refuse_cut(k);
	if (err < 0)
		return err;
	pthread_mutex_lock(&k->lock);
	err = speak(k);
	pthread_mutex_unlock(&k->lock);
	ktls__turn_tell(k);
	return err < 0 ? note_room(k, err) : flush(k);
}
