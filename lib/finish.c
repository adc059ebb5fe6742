/* SPDX-License-Identifier: MIT */
/* The public alert and shutdown, and how a dead connection is found. */
#include <errno.h>
#include <sys/socket.h>

#include "conn.h"
#include "control.h"
#include "kernel_path.h"
#include "library_alert.h"
#include "library_path.h"
#include "sys.h"

#define CLOSE_NOTIFY 0
#define FATAL 2

/* The alert is sealed by then, and goes out with whatever call comes next. */
static int library_alert(struct ktls *k, uint8_t description)
{
	int err = ktls__library_settle(k);

	if (err == 0)
		err = ktls__library_alert(k, description);
	if (err == 0)
		(void)ktls__library_settle(k);
	return err == -EOPNOTSUPP ? err : ktls__latch(k, &k->tx, err);
}

int ktls_alert(struct ktls *k, uint8_t description)
{
	int err = ktls__may_write(k);

	if (description == CLOSE_NOTIFY)
		return ktls_shutdown(k);
	if (err < 0)
		return err;
	if (k->tx.path == KTLS_PATH_KERNEL) {
		err = ktls__kernel_alert(k, description, 0);
		k->want_out = err == -EAGAIN;
		ktls__latch(k, &k->tx, err);
	} else {
		err = library_alert(k, description);
	}
	if (err == 0 && ktls__control_level(description) == FATAL)
		ktls__latch(k, &k->tx, -KTLS_ECLOSED);
	return err;
}

static int kernel_notify(struct ktls *k)
{
	int err = ktls__kernel_alert(k, CLOSE_NOTIFY, 0);

	if (err == 0)
		k->shut = KTLS__NOTIFIED;
	return err;
}

static int kernel_shutdown(struct ktls *k)
{
	int err = 0;

	if (k->shut == KTLS__OPEN)
		err = kernel_notify(k);
	if (err == 0)
		err = ktls__kernel_drained(k);
	k->want_out = err == -EAGAIN;
	return ktls__latch(k, &k->tx, err);
}

int ktls_shutdown(struct ktls *k)
{
	int err;

	if (k->shut == KTLS__SHUT)
		return 0;
	if (k->tx.err < 0) {
		if (k->queued && ktls__library_settle(k) == -EAGAIN)
			return -EAGAIN;
		return k->tx.err;
	}
	if (k->tx.path == KTLS_PATH_KERNEL) {
		err = kernel_shutdown(k);
	} else {
		k->shut = KTLS__NOTIFIED;
		err = ktls__library_shutdown(k);
	}
	if (err == 0)
		k->shut = KTLS__SHUT;
	return err;
}

static int named(int so_error)
{
	switch (so_error) {
	case EBADMSG:
		return -KTLS_EBADRECORD;
	case EMSGSIZE:
		return -KTLS_EOVERSIZE;
	case EINVAL:
		return -KTLS_EPROTOCOL;
	default:
		return -so_error;
	}
}

/* Reading would meet it behind the data that came before it; only after an
 * error in a record does nothing come any more. */
static void keep(struct ktls *k, int err)
{
	if (ktls__control_alert_for(err) >= 0) {
		ktls__latch_both(k, err);
		ktls__tell_fault(k, err);
	} else {
		k->rx.taken = err;
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
		keep(k, named(so_error));
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
