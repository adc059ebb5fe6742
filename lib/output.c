/* SPDX-License-Identifier: MIT */
/* Control records of ours: see output.h. */
#include <errno.h>
#include <sys/socket.h>

#include "output.h"
#include "record.h"
#include "sock.h"

uint8_t ktls__alert_level(uint8_t description)
{
	return description == KTLS__CLOSE_NOTIFY ||
			       description == KTLS__USER_CANCELED ||
			       description == KTLS__NO_RENEGOTIATION ?
		       KTLS__ALERT_WARNING : KTLS__ALERT_FATAL;
}

void ktls__alert_was_sent(struct ktls *k, uint8_t description)
{
	k->alert_sent = description;
	k->alerts_sent++;
	ktls__tell(k, KTLS_EVENT_ALERT_SENT, KTLS_TX, description);
}

int ktls__output_flush(struct ktls *k)
{
	int err = k->foreign || k->link == NULL ? 0 :
						  ktls__link_flush(k->link);

	k->queued = err == -EAGAIN;
	return err;
}

void ktls__output_end(struct ktls *k, uint8_t description)
{
	if (description != KTLS__CLOSE_NOTIFY &&
	    ktls__alert_level(description) != KTLS__ALERT_FATAL)
		return;
	k->ended = true;
	if (k->link != NULL)
		k->link->muted = k->tx.path == KTLS_PATH_LIBRARY;
	atomic_fetch_and(&k->turn.todo, ~(unsigned)(KTLS__SEND_ALERT |
						    KTLS__SEND_HANDSHAKE));
}

void ktls__output_count(struct ktls *k, size_t len)
{
	k->tcp_base += len;
	k->turn.sealed++;
}

/* The kernel makes everybody wait for a sender that waits for room. */
static ssize_t to_kernel(struct ktls *k, uint8_t type, const uint8_t *p,
			 size_t len)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)p,
			     .iov_len = len };
	int fault = 0;
	ssize_t n;

	if (k->turn.sending)
		return -EAGAIN;
	n = ktls__record_send(k->fd, type, &iov, 1, MSG_DONTWAIT);
	if (n > 0)
		ktls__output_count(k, (size_t)n);
	/* Nobody may make the peer wait for it. */
	if (n > 0 && (atomic_fetch_and(&k->held, (uint8_t)~KTLS__CORKED) &
		      KTLS__CORKED) != 0)
		ktls__sock_uncork(k->fd);
	if (n < 0 && k->rx.path == KTLS_PATH_KERNEL)
		fault = ktls__record_fault(k->fd, &k->rx_taken, (int)n);
	return fault < 0 ? fault : n;
}

/* Sealed is sent: what the socket does not take waits in the queue. */
static ssize_t to_queue(struct ktls *k, uint8_t type, const uint8_t *p,
			size_t len)
{
	uint8_t *out = ktls__link_reserve(k->link,
					  len + k->hs.row->overhead);
	int n;

	if (out == NULL)
		return -ENOMEM;
	n = ktls__sealer_seal(&k->engine->sealer, out, type, p, len);
	if (n < 0) {
		ktls__link_park(k->link);
		return n;
	}
	ktls__link_add(k->link, (size_t)n);
	/* A link that fails here fails the next time too. */
	(void)ktls__output_flush(k);
	return (ssize_t)len;
}

ssize_t ktls__output_record(struct ktls *k, uint8_t type, const uint8_t *p,
			    size_t len)
{
	if (len > KTLS__RECORD_PLAIN_MAX)
		len = KTLS__RECORD_PLAIN_MAX;
	return k->tx.path == KTLS_PATH_KERNEL ? to_kernel(k, type, p, len)
					      : to_queue(k, type, p, len);
}
