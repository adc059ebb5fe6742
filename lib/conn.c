/* SPDX-License-Identifier: MIT */
/* What a connection tells, and the errors that it remembers. */
#include <errno.h>

#include "conn.h"
#include "sys.h"

/* Memory may be there the next time, a limit leaves the last alerts. */
bool ktls__is_final(int err)
{
	return err < 0 && err != -EAGAIN && err != -EINTR && err != -ENOMEM &&
	       err != -KTLS_EKEYLIMIT;
}

/* A call of ours may be in the middle of watching for its own SIGPIPE. */
void ktls__tell_event(struct ktls *k, const struct ktls_event *ev)
{
	struct ktls__sigpipe hold;

	if (k->event == NULL)
		return;
	ktls__sys->sigpipe_hold(&hold);
	k->event(k, ev, k->event_arg);
	(void)ktls__sys->sigpipe_release(&hold);
}

void ktls__tell(struct ktls *k, enum ktls_event_type type, int dir, int value)
{
	const struct ktls_event ev = {
		.size = sizeof(ev), .type = type, .dir = dir, .value = value
	};

	ktls__tell_event(k, &ev);
}

static void latch_one(struct ktls *k, struct ktls__side *side, int err)
{
	int none = 0;

	if (atomic_compare_exchange_strong(&side->err, &none, err))
		ktls__tell(k, KTLS_EVENT_ERROR,
			   side == &k->tx ? KTLS_TX : KTLS_RX, err);
}

/* A FIN ends only what the peer sends; and what it sent before a reset of
 * ours can still be read.  All else that reading finds ends both. */
static bool ends_both(const struct ktls *k, const struct ktls__side *side,
		      int err)
{
	return side == &k->rx && err != -KTLS_ETRUNCATED;
}

int ktls__latch(struct ktls *k, struct ktls__side *side, int err)
{
	if (!ktls__is_final(err))
		return err;
	/* The socket tells it once: reading would find an end. */
	if (err == -ECONNRESET && side == &k->tx && k->rx_taken == 0)
		k->rx_taken = err;
	latch_one(k, side, err);
	if (ends_both(k, side, err))
		latch_one(k, &k->tx, err);
	return err;
}

int ktls__latch_both(struct ktls *k, int err)
{
	if (ktls__is_final(err)) {
		latch_one(k, &k->tx, err);
		latch_one(k, &k->rx, err);
	}
	return err;
}

bool ktls__is_cut(const struct ktls *k)
{
	return k->kept != NULL && k->kept->cut == KTLS__CUT;
}

bool ktls__may_be_cut(const struct ktls *k)
{
	return k->kept != NULL && k->kept->cut != KTLS__NOT_CUT;
}

int ktls__refuse_cut_locked(struct ktls *k)
{
	struct ktls__sigpipe hold;
	int err;

	if (!ktls__may_be_cut(k))
		return 0;
	if (ktls__is_cut(k))
		return -KTLS_EPENDING;
	if (k->foreign)
		ktls__sys->sigpipe_hold(&hold);
	err = ktls__backend_end_doubt(k->ssl, k->foreign ? NULL : k->link);
	if (k->foreign)
		(void)ktls__sys->sigpipe_release(&hold);
	k->queued = k->queued || k->link->queue_len > 0;
	if (err == 0)
		k->kept->cut = KTLS__NOT_CUT;
	else if (ktls__is_final(err))
		k->kept->cut = KTLS__CUT;
	return err;
}

int ktls__refuse_cut(struct ktls *k)
{
	int err;

	if (!ktls__may_be_cut(k))
		return 0;
	pthread_mutex_lock(&k->lock);
	err = ktls__refuse_cut_locked(k);
	pthread_mutex_unlock(&k->lock);
	return err == -KTLS_EPENDING ? err : ktls__latch(k, &k->tx, err);
}

void ktls__wants(struct ktls *k, enum ktls__waits who, bool waits)
{
	if (waits)
		atomic_fetch_or(&k->want_out, (uint8_t)who);
	else
		atomic_fetch_and(&k->want_out, (uint8_t)~who);
}

int ktls__may_write(const struct ktls *k)
{
	return k->shut != KTLS__OPEN ? -KTLS_ECLOSED : k->tx.err;
}

bool ktls__is_file_error(int err)
{
	switch (err) {
	case -EINVAL:
	case -EIO:
	case -EBADF:
	case -EACCES:
	case -EISDIR:
	case -ESTALE:
	case -EOVERFLOW:
	case -ENODATA:
		return true;
	default:
		return false;
	}
}
