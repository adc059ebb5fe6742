/* SPDX-License-Identifier: MIT */
/* What a connection tells of itself. */
#include <errno.h>
#include <poll.h>
#include <string.h>

#include "cipher.h"
#include "conn.h"
#include "diag.h"
#include "linger.h"
#include "sock.h"
#include "turn.h"

int ktls_events(const struct ktls *k)
{
	int events = 0;

	if (k->lingers)
		return ktls__linger_events(k);
	if (k->left || k->untold || (!k->eof && k->rx.err == 0))
		events |= POLLIN;
	if (ktls__turn_owes(k) || (k->want_out && k->tx.err == 0))
		events |= POLLOUT;
	return events;
}

size_t ktls_pending(const struct ktls *k)
{
	struct ktls *shared = (struct ktls *)(uintptr_t)k;
	size_t n = ktls__leftover_len(&k->leftover) + k->control.install;

	/* An end, not a byte; but no event will tell of it. */
	if (n == 0 && k->untold)
		return 1;
	if (k->rx.path == KTLS_PATH_KERNEL)
		return n;
	/* Behind an end nothing is read. */
	if (k->rx.path == KTLS_PATH_USERSPACE)
		return k->eof || k->rx.err < 0 ?
			       n : n + ktls__inbox_pending(&k->engine->inbox);
	pthread_mutex_lock(&shared->lock);
	n += ktls__backend_pending(k->ssl);
	n += k->link->head_len - k->link->head_off;
	pthread_mutex_unlock(&shared->lock);
	return n;
}

int ktls_fd(const struct ktls *k)
{
	return k->fd;
}

static uint64_t next_seq(const struct ktls *k, const struct ktls__side *side,
			 int dir)
{
	uint64_t seq = side->seq0;

	if (side->path == KTLS_PATH_KERNEL)
		(void)ktls__sock_rec_seq(k->fd, dir, k->hs.row, &seq);
	else if (side->path == KTLS_PATH_USERSPACE)
		seq = dir == KTLS_TX ? k->engine->sealer.seq :
				       k->engine->rx_seq;
	return seq;
}

static const char *provider(const struct ktls *k,
			    const struct ktls__side *side)
{
	switch (side->path) {
	case KTLS_PATH_KERNEL:
		return "kernel";
	case KTLS_PATH_USERSPACE:
		return ktls__cipher_provider(k->hs.row);
	default:
		return "SSL";
	}
}

static void tell_side(const struct ktls *k, const struct ktls__side *side,
		      int dir, struct ktls_direction *out)
{
	uint64_t seq;

	out->path = (enum ktls_path)side->path;
	out->reason = (enum ktls_reason)side->reason;
	out->reason_errno = side->reason_errno;
	out->device = (enum ktls_device)(dir == KTLS_TX ? k->tx_device :
							  k->rx_device);
	out->provider = provider(k, side);
	out->expect_no_pad = dir == KTLS_RX &&
			     ktls__no_pad_in_force(&k->no_pad);
	out->error = side->err;
	out->bytes = side->bytes;
	seq = next_seq(k, side, dir);
	/* The reading thread may be between two keys. */
	out->key_records = seq > side->seq0 ? seq - side->seq0 : 0;
	out->records = side->before + out->key_records;
}

static void find_device(struct ktls *k)
{
	enum ktls_device tx = KTLS_DEVICE_UNKNOWN;
	enum ktls_device rx = KTLS_DEVICE_UNKNOWN;

	if (k->device_known || (k->tx.path != KTLS_PATH_KERNEL &&
				k->rx.path != KTLS_PATH_KERNEL))
		return;
	k->device_known = true;
	(void)ktls__diag(k->fd, &tx, &rx);
	if (k->tx.path == KTLS_PATH_KERNEL)
		k->tx_device = (uint8_t)tx;
	if (k->rx.path == KTLS_PATH_KERNEL)
		k->rx_device = (uint8_t)rx;
}

static void tell_counts(const struct ktls *k, struct ktls_conn_info *out)
{
	const struct ktls__trace *t =
		k->ssl == NULL ? NULL : ktls__trace_of(k->ssl);

	out->alert_received = k->alert_received;
	out->alert_sent = k->alert_sent;
	out->alerts_received = k->alerts_received;
	out->alerts_sent = k->alerts_sent;
	out->tickets = k->tickets;
	out->tickets_fed = k->tickets_fed;
	out->key_updates_received = k->key_updates_received;
	out->key_updates_sent = k->key_updates_sent;
	if (k->tx.path == KTLS_PATH_LIBRARY && t != NULL)
		out->key_updates_sent +=
			ktls__backend_key_updates_sent(k->ssl);
	out->limits_hit = k->limits_hit;
}

int ktls_info(struct ktls *k, struct ktls_conn_info *out)
{
	struct ktls_conn_info all = { .size = 0 };
	size_t size = out->size < sizeof(all) ? out->size : sizeof(all);

	if (out->size < sizeof(out->size))
		return -EINVAL;
	pthread_mutex_lock(&k->lock);
	find_device(k);
	tell_counts(k, &all);
	tell_side(k, &k->tx, KTLS_TX, &all.tx);
	tell_side(k, &k->rx, KTLS_RX, &all.rx);
	pthread_mutex_unlock(&k->lock);
	all.version = k->hs.version;
	all.suite = k->hs.suite;
	all.server = k->hs.server;
	all.ssl_held = k->ssl != NULL;
	all.size = out->size;
	memcpy(out, &all, size);
	return 0;
}
