/* SPDX-License-Identifier: MIT */
/* The public alert and shutdown, and how a dead connection is found. */
#include <errno.h>
#include <sys/socket.h>

#include "alert.h"
#include "conn.h"
#include "kernel_path.h"
#include "record.h"
#include "record_path.h"
#include "sealed_path.h"
#include "sys.h"
#include "turn.h"

/* Once it is sealed it goes out with whatever call comes next. */
static int sealed_alert(struct ktls *k, uint8_t description)
{
	int err = ktls__sealed_settle(k);

	if (err == 0)
		err = ktls__alert_put(k, description);
	if (err == -EOPNOTSUPP)
		return err;
	if (err == 0) {
		err = ktls__sealed_settle(k);
		if (!ktls__is_final(err))
			err = 0;
		/* It is done, and nobody comes back for it. */
		ktls__wants(k, KTLS__CALL_WAITS, false);
	}
	return ktls__latch(k, &k->tx, err);
}

static int kernel_alert(struct ktls *k, uint8_t description)
{
	int err = ktls__kernel_alert(k, description);

	ktls__wants(k, KTLS__CALL_WAITS, err == -EAGAIN);
	return err;
}

int ktls_alert(struct ktls *k, uint8_t description)
{
	int err = ktls__may_write(k);

	if (description == KTLS__CLOSE_NOTIFY)
		return ktls_shutdown(k);
	if (err == 0)
		err = ktls__refuse_cut(k);
	if (err < 0)
		return err;
	if (k->tx.path == KTLS_PATH_KERNEL)
		err = kernel_alert(k, description);
	else
		err = sealed_alert(k, description);
	if (err == 0 && ktls__alert_level(description) == KTLS__ALERT_FATAL)
		ktls__latch(k, &k->tx, -KTLS_ECLOSED);
	return err;
}

static int kernel_shutdown(struct ktls *k)
{
	int err = 0;

	if (k->shut == KTLS__OPEN) {
		err = kernel_alert(k, KTLS__CLOSE_NOTIFY);
		k->notified = err == 0;
		if (err == 0)
			k->shut = KTLS__NOTIFIED;
	}
	if (err == 0)
		err = ktls__latch(k, &k->tx, ktls__kernel_drained(k));
	k->want_out = err == -EAGAIN ? KTLS__CALL_WAITS : 0;
	return err;
}

static int notify_once(struct ktls *k)
{
	struct ktls__sigpipe hold;
	int err;

	pthread_mutex_lock(&k->lock);
	if (k->foreign)
		ktls__sys->sigpipe_hold(&hold);
	err = ktls__backend_close_notify(k->ssl, k->foreign ? NULL : k->link);
	if (err == 0)
		ktls__output_end(k, KTLS__CLOSE_NOTIFY);
	if (k->foreign)
		(void)ktls__sys->sigpipe_release(&hold);
	pthread_mutex_unlock(&k->lock);
	ktls__turn_tell(k);
	return err;
}

static int library_notify(struct ktls *k)
{
	int err;

	do {
		err = notify_once(k);
		if (err != -EAGAIN || k->foreign)
			break;
		err = ktls__turn_await_input(k);
	} while (err == 0);
	return err;
}

static int sealed_notify(struct ktls *k)
{
	int err;

	if (k->tx.path != KTLS_PATH_LIBRARY)
		return ktls__alert_put(k, KTLS__CLOSE_NOTIFY);
	err = library_notify(k);
	if (err == 0)
		ktls__alert_was_sent(k, KTLS__CLOSE_NOTIFY);
	return err;
}

static int sealed_shutdown(struct ktls *k)
{
	int err = 0;

	if (!k->notified) {
		err = ktls__turn_flush(k);
		if (err == 0)
			err = sealed_notify(k);
		k->notified = err == 0;
		k->want_out = err == -EAGAIN && (k->foreign || k->queued) ?
				      KTLS__CALL_WAITS : 0;
	}
	if (err == 0) {
		k->owed = false;
		err = ktls__sealed_settle(k);
	}
	return ktls__latch(k, &k->tx, err);
}

/* The last alert of a connection that has failed.  0; -EAGAIN; -EINTR. */
static int settle_rest(struct ktls *k)
{
	int err = 0;

	while (err == 0 && ktls__turn_owes(k)) {
		ktls__turn_push(k);
		if (ktls__turn_owes(k))
			err = ktls__link_wait(k->fd, POLLOUT);
	}
	return err == -EAGAIN || err == -EINTR ? err : 0;
}

int ktls_shutdown(struct ktls *k)
{
	int err;

	if (k->shut == KTLS__SHUT)
		return 0;
	if (k->tx.err < 0) {
		err = settle_rest(k);
		return err < 0 ? err : k->tx.err;
	}
	err = ktls__refuse_cut(k);
	if (err < 0)
		return err;
	if (k->tx.path == KTLS_PATH_KERNEL) {
		err = kernel_shutdown(k);
	} else if (k->foreign && k->kept->refused > 0) {
		/* The write that has begun may go on, but nobody will. */
		err = k->lingers ? -KTLS_EPENDING : -EAGAIN;
	} else {
		k->shut = KTLS__NOTIFIED;
		err = sealed_shutdown(k);
	}
	if (err == 0)
		k->shut = KTLS__SHUT;
	return err;
}

/* Reading would meet it behind the data that came before it; only after an
 * error in a record does nothing come any more. */
static void keep(struct ktls *k, int err)
{
	if (ktls__alert_for(err) >= 0) {
		ktls__latch_both(k, err);
		ktls__alert_fault(k, err);
	} else {
		k->rx_taken = err;
		ktls__latch(k, &k->tx, err);
	}
}

/* What waits in the socket, for good: this call takes it. */
static void fetch_so_error(struct ktls *k)
{
	int so_error = 0;
	socklen_t len = sizeof(so_error);

	if (ktls__sys->getsockopt(k->fd, SOL_SOCKET, SO_ERROR, &so_error,
				  &len) == 0 &&
	    so_error != 0)
		keep(k, ktls__name_latched(-so_error));
}

int ktls_error(struct ktls *k)
{
	struct pollfd p = { .fd = k->fd, .events = POLLIN | POLLOUT };
	uint64_t unused;

	if (k->tx.err == 0 && k->fd >= 0 && ktls__sys->poll(&p, 1, 0) > 0) {
		if ((p.revents & POLLERR) != 0)
			fetch_so_error(k);
		/* No error left, yet closed: somebody took it. */
		if ((p.revents & POLLHUP) != 0 &&
		    ktls__kernel_tcp_bytes(k->fd, &unused) == -ECONNRESET)
			ktls__latch(k, &k->tx, -EPIPE);
	}
	return k->tx.err < 0 ? k->tx.err : k->rx.err;
}
