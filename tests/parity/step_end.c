/* SPDX-License-Identifier: MIT */
/* Control records of ours, and the ways to end. */
#include <errno.h>
#include <limits.h>
#include <poll.h>

#include "parity.h"

#define LINGER_BYTES (1 << 20)
#define LINGER_MS 10000

/* Again after -EAGAIN and the like. */
static int until(struct parity_conn *c, const char *name, int events,
		 int (*call)(struct parity_conn *c,
			     const struct parity_step *s),
		 const struct parity_step *s)
{
	int err;

	for (;;) {
		err = call(c, s);
		if (err == -EINTR && c->script->disturb)
			continue;
		if (err != -EAGAIN)
			return err;
		if (parity_wait(c, name, events))
			return err;
	}
}

/* All that was taken goes before it. */
static void flushed(struct parity_conn *c)
{
	c->due = c->counted;
	parity_moved(c);
}

static int update(struct parity_conn *c, const struct parity_step *s)
{
	/* The peer's answer would end reading there. */
	int cannot = !parity_options.rekey && c->paths.rx == KTLS_KERNEL;

	return ktls_update_keys(c->k, cannot ? 0 : s->flags);
}

static int can_update(const struct parity_conn *c)
{
	return c->paths.tx != KTLS_KERNEL || parity_options.rekey;
}

int parity_update(struct parity_conn *c, const struct parity_step *s)
{
	int err;

	if (c->tx_end) {
		err = update(c, s);
		/* Where there is none, that may be said first. */
		if (c->script->version == KTLS_TLS_1_2 && err == -EOPNOTSUPP)
			return 0;
		if (!can_update(c) && err == -KTLS_EKEYUPDATE) {
			c->results[c->at] = PARITY_ANY;
			return 0;
		}
		return parity_refused(c, "update_keys", err);
	}
	if (c->script->version == KTLS_TLS_1_2)
		return parity_expect(c, "update_keys", update(c, s),
				     -EOPNOTSUPP);
	if (!can_update(c)) {
		err = parity_expect(c, "update_keys", update(c, s),
				    -KTLS_EKEYUPDATE);
		c->results[c->at] = PARITY_ANY;
		return err;
	}
	err = until(c, "update_keys", POLLIN | POLLOUT, update, s);
	if (parity_is_early(c, err))
		return 0;
	if (parity_expect(c, "update_keys", err, 0))
		return -1;
	c->updates++;
	c->asked = 0;
	flushed(c);
	return 0;
}

static int alert(struct parity_conn *c, const struct parity_step *s)
{
	return ktls_alert(c->k, (uint8_t)s->flags);
}

int parity_alert(struct parity_conn *c, const struct parity_step *s)
{
	int err;

	if (c->tx_end)
		return parity_refused(c, "alert", alert(c, s));
	err = until(c, "alert", POLLIN | POLLOUT, alert, s);
	if (parity_is_early(c, err))
		return 0;
	if (parity_expect(c, "alert", err, 0))
		return -1;
	c->alerts++;
	flushed(c);
	return 0;
}

/* An alert that is sealed goes out with any later call. */
int parity_push(struct parity_conn *c)
{
	while (c->script->nonblock && (ktls_events(c->k) & POLLOUT)) {
		(void)ktls_write(c->k, "", 0, 0);
		if ((ktls_events(c->k) & POLLOUT) &&
		    parity_wait(c, "a last alert", 0))
			return -1;
	}
	return 0;
}

int parity_fatal(struct parity_conn *c, const struct parity_step *s)
{
	if (c->tx_end)
		return parity_refused(c, "alert", alert(c, s));
	if (parity_alert(c, s))
		return -1;
	if (c->tx_end)
		return 0;
	c->tx_end = -KTLS_ECLOSED;
	return parity_push(c) || parity_ends(c, 0) ? -1 : 0;
}

static int shut(struct parity_conn *c, const struct parity_step *s)
{
	(void)s;
	return ktls_shutdown(c->k);
}

int parity_shutdown(struct parity_conn *c, const struct parity_step *s)
{
	int err = until(c, "shutdown", POLLIN | POLLOUT, shut, s);

	c->tried_shut = 1;
	if (c->tx_end == 0 && parity_is_early(c, err))
		return 0;
	if (c->tx_end && !c->shut)
		return parity_refused(c, "shutdown", err);
	if (parity_expect(c, "shutdown", err, 0))
		return -1;
	if (c->shut)
		return 0;
	c->shut = 1;
	c->alerts++;
	c->tx_end = -KTLS_ECLOSED;
	flushed(c);
	return parity_ends(c, 1);
}

static int linger(struct parity_conn *c, const struct parity_step *s)
{
	(void)s;
	return ktls_linger(c->k, LINGER_BYTES, LINGER_MS);
}

static int peer_ends(struct parity_conn *c)
{
	if (c->peer.gone || c->peer.fin_sent)
		return 0;
	c->rx_has_end = 1;
	return parity_peer_fin(c);
}

/* No deadline runs out: the peer closes before it on a blocking descriptor,
 * and on the other after a look at what it got. */
int parity_linger(struct parity_conn *c, const struct parity_step *s)
{
	int notify = c->tx_end == 0;
	int err;

	if (!c->script->nonblock && peer_ends(c))
		return -1;
	err = linger(c, s);
	/* What waited for more is lost with a connection that failed. */
	if (notify)
		flushed(c);
	c->lingered = 1;
	c->tx_end = -KTLS_ECLOSED;
	while (err == -EAGAIN || (err == -EINTR && c->script->disturb)) {
		if (err == -EAGAIN && parity_wait(c, "linger", 0))
			return -1;
		/* the last alert may still be in our queue */
		if ((c->peer.closed || c->peer.fin || c->peer.blind ||
		     !notify) && peer_ends(c))
			return -1;
		err = linger(c, s);
	}
	if (parity_expect(c, "linger", err, 0))
		return -1;
	return c->rx_end == PARITY_DEAD ? 0 : parity_ends(c, notify);
}

int parity_error(struct parity_conn *c, const struct parity_step *s)
{
	int err = ktls_error(c->k);

	(void)s;
	c->results[c->at] = PARITY_ANY;
	if (c->tx_end == PARITY_DEAD)
		return parity_refused(c, "error", err);
	/* What comes behind unread data may be known, or not. */
	if (err == 0 || err == c->tx_end ||
	    (c->rx_has_end && err == c->rx_end) ||
	    (c->peer.gone && parity_is_dead(err)))
		return 0;
	return parity_fail(c, "error gives %d (%s)", err, ktls_strerror(err));
}
