/* SPDX-License-Identifier: MIT */
/* What a connection tells of itself. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "conn.h"
#include "diag.h"
#include "sock.h"

int ktls_events(const struct ktls *k)
{
	int events = 0;

	if (k->left > 0 || (!k->eof && k->rx.err == 0))
		events |= POLLIN;
	if (k->queued || (k->want_out && k->tx.err == 0))
		events |= POLLOUT;
	return events;
}

size_t ktls_pending(const struct ktls *k)
{
	struct ktls *shared = (struct ktls *)(uintptr_t)k;
	size_t n = k->left;

	if (k->rx.path == KTLS_PATH_KERNEL)
		return n;
	pthread_mutex_lock(&shared->lock);
	n += ktls__backend_pending(k->ssl);
	pthread_mutex_unlock(&shared->lock);
	return n;
}

int ktls_fd(const struct ktls *k)
{
	return k->fd;
}

static uint64_t records(const struct ktls *k, const struct ktls__side *side,
			int dir)
{
	uint64_t seq;

	if (side->path != KTLS_PATH_KERNEL ||
	    ktls__sock_rec_seq(k->fd, dir, k->hs.row, &seq) < 0)
		return 0;
	return seq - side->seq0;
}

static void tell_side(const struct ktls *k, const struct ktls__side *side,
		      int dir, struct ktls_direction *out)
{
	out->path = side->path;
	out->reason = side->reason;
	out->reason_errno = side->reason_errno;
	out->device = dir == KTLS_TX ? k->tx_device : k->rx_device;
	out->error = side->err;
	out->bytes = side->bytes;
	out->records = records(k, side, dir);
}

static void find_device(struct ktls *k)
{
	if (k->device_known || (k->tx.path != KTLS_PATH_KERNEL &&
				k->rx.path != KTLS_PATH_KERNEL))
		return;
	k->device_known = true;
	(void)ktls__diag(k->fd, &k->tx_device, &k->rx_device);
	if (k->tx.path != KTLS_PATH_KERNEL)
		k->tx_device = KTLS_DEVICE_UNKNOWN;
	if (k->rx.path != KTLS_PATH_KERNEL)
		k->rx_device = KTLS_DEVICE_UNKNOWN;
}

/* The hooks see the alerts of what is still on the SSL. */
static int alert(const struct ktls *k, int kernel, int sent)
{
	const struct ktls__trace *t;

	if (kernel >= 0 || k->ssl == NULL)
		return kernel;
	t = ktls__trace_of(k->ssl);
	if (t == NULL)
		return -1;
	return sent ? t->alert_sent : t->alert_received;
}

static uint64_t tickets(const struct ktls *k)
{
	const struct ktls__trace *t;

	if (k->rx.path == KTLS_PATH_KERNEL)
		return k->tickets;
	t = ktls__trace_of(k->ssl);
	return t == NULL ? 0 : t->tickets;
}

int ktls_info(struct ktls *k, struct ktls_conn_info *out)
{
	struct ktls_conn_info all = { .size = 0 };
	size_t size = out->size < sizeof(all) ? out->size : sizeof(all);

	if (out->size < sizeof(out->size))
		return -EINVAL;
	pthread_mutex_lock(&k->lock);
	find_device(k);
	all.alert_received = alert(k, k->alert_received, 0);
	all.alert_sent = alert(k, k->alert_sent, 1);
	all.tickets = tickets(k);
	pthread_mutex_unlock(&k->lock);
	all.version = k->hs.version;
	all.suite = k->hs.suite;
	all.server = k->hs.server;
	all.ssl_held = k->ssl != NULL;
	tell_side(k, &k->tx, KTLS_TX, &all.tx);
	tell_side(k, &k->rx, KTLS_RX, &all.rx);
	all.size = out->size;
	memcpy(out, &all, size);
	return 0;
}
