/* SPDX-License-Identifier: MIT */
/*
 * Reading through the SSL.  It never blocks: waiting is done here, outside
 * the lock, so that one thread may wait to read while another writes.
 */
#include <errno.h>

#include "alert.h"
#include "library_path.h"
#include "message.h"
#include "output.h"
#include "sys.h"
#include "turn.h"

/* What the hooks have seen since the hand-off, besides data. */
struct seen {
	uint64_t tickets;
	uint64_t key_updates;
	uint64_t requests;
	uint64_t warnings;
	uint64_t alerts_received;
	uint64_t alerts_sent;
	int alert_received;
	int alert_sent;
};

/* Under the lock. */
static struct seen look(const struct ktls *k)
{
	const struct ktls__trace *t = ktls__trace_of(k->ssl);
	struct seen s = { 0 };

	if (t != NULL) {
		s.tickets = t->tickets;
		s.key_updates = t->key_updates_received;
		s.requests = t->updates_requested;
		s.warnings = t->warnings;
		s.alerts_received = t->alerts_received;
		s.alerts_sent = t->alerts_sent;
		s.alert_received = t->alert_received;
		s.alert_sent = t->alert_sent;
	}
	return s;
}

static int run(struct ktls *k, uint32_t *in_a_row, uint64_t more,
	       uint32_t limit)
{
	int err = 0;

	while (more-- > 0 && err == 0)
		err = ktls__message_run(k, in_a_row, limit);
	return err;
}

/* 0; -KTLS_EFLOOD.  Empty records the SSL counts itself. */
static int check_runs(struct ktls *k, const struct seen *before,
		      const struct seen *now, ssize_t n)
{
	struct ktls__control *c = &k->control;
	uint64_t updates = now->key_updates - before->key_updates;
	int err;

	if (n > 0) {
		c->tickets = c->key_updates = c->warnings = 0;
		return 0;
	}
	err = run(k, &c->tickets, now->tickets - before->tickets,
		  k->limits.ticket_run);
	while (err == 0 && updates-- > 0)
		err = ktls__message_update_run(k);
	if (err == 0)
		err = run(k, &c->warnings, now->warnings - before->warnings,
			  k->limits.warning_run);
	return err;
}

static void tell_alerts(struct ktls *k, const struct seen *before,
			const struct seen *now)
{
	uint64_t n = now->alerts_received - before->alerts_received;

	k->alerts_received += n;
	if (n > 0)
		k->alert_received = (int16_t)now->alert_received;
	for (; n > 0; n--)
		ktls__tell(k, KTLS_EVENT_ALERT_RECEIVED, KTLS_RX,
			   now->alert_received);
	if (now->alerts_sent > before->alerts_sent && !k->ended &&
	    k->tx.path == KTLS_PATH_LIBRARY)
		ktls__alert_was_sent(k, (uint8_t)now->alert_sent);
}

static void tell_seen(struct ktls *k, const struct seen *before,
		      const struct seen *now)
{
	uint64_t n;

	tell_alerts(k, before, now);
	n = now->tickets - before->tickets;
	k->tickets += n;
	k->tickets_fed += n;
	for (; n > 0; n--)
		ktls__tell(k, KTLS_EVENT_TICKET, KTLS_RX, 1);
	n = now->key_updates - before->key_updates;
	k->key_updates_received += n;
	for (; n > 0; n--)
		ktls__tell(k, KTLS_EVENT_KEY_UPDATE_RECEIVED, KTLS_RX,
			   now->requests > before->requests);
}

/* With TX elsewhere, what reading makes the SSL say is ours to send. */
static int pass_on(struct ktls *k)
{
	int err = 0;

	if (k->tx.path == KTLS_PATH_LIBRARY)
		return 0;
	if (ktls__backend_owes_key_update(k->ssl))
		err = ktls__backend_speak(k->ssl, k->link, &k->kept->stale,
					  &k->kept->said);
	if (err == 0 || err == -EAGAIN)
		err = ktls__backend_hear(k->link, &k->kept->stale,
					 &k->kept->said);
	return err == 0 ? ktls__message_said(k) : err;
}

/* Under the lock: the SSL's answer; *aside is what it did besides. */
static ssize_t read_locked(struct ktls *k, void *buf, size_t len, int *aside)
{
	ssize_t n;

	(void)ktls__output_flush(k);
	/* Where it cannot now it will the next time. */
	if (k->tx.path != KTLS_PATH_LIBRARY)
		(void)ktls__message_catch_up(k);
	n = ktls__backend_read(k->ssl, k->foreign ? NULL : k->link, buf, len);
	(void)ktls__output_flush(k);
	*aside = pass_on(k);
	return n;
}

/* An alert that the SSL has said, to a peer that it no longer reaches. */
static void pass_alert_on(struct ktls *k)
{
	unsigned more;
	int alert;

	pthread_mutex_lock(&k->lock);
	alert = k->kept->said.alert;
	more = k->kept->said.warnings;
	k->kept->said.alert = -1;
	k->kept->said.warnings = 0;
	pthread_mutex_unlock(&k->lock);
	/* Each request to renegotiate gets its refusal. */
	for (; more > 0 && ktls__may_write(k) == 0; more--)
		ktls__alert_say(k, KTLS__NO_RENEGOTIATION);
	if (alert >= 0 && !k->control.told && k->shut == KTLS__OPEN &&
	    k->tx.err == 0) {
		k->control.told = true;
		ktls__alert_say(k, (uint8_t)alert);
	}
}

/* What was found aside from the data is told when the data have ended. */
static int end_of_data(struct ktls *k, int err)
{
	bool dead = k->tx.err < 0;

	if ((err == -EAGAIN || err == -KTLS_ETRUNCATED) && k->rx_taken < 0) {
		err = k->rx_taken;
		ktls__latch(k, &k->rx, err);
		if (!dead)
			ktls__alert_fault(k, err);
	}
	return ktls__latch(k, &k->rx, err);
}

static ssize_t read_once(struct ktls *k, void *buf, size_t len, bool *moved)
{
	struct ktls__sigpipe hold;
	struct seen before;
	struct seen now;
	int aside;
	ssize_t n;

	pthread_mutex_lock(&k->lock);
	if (k->foreign)
		ktls__sys->sigpipe_hold(&hold);
	before = look(k);
	k->link->dry = false;
	n = read_locked(k, buf, len, &aside);
	now = look(k);
	if (k->foreign)
		(void)ktls__sys->sigpipe_release(&hold);
	pthread_mutex_unlock(&k->lock);
	/* The SSL stops behind each message, also where more of them are
	 * inside. */
	*moved = !k->foreign && !k->link->dry;
	tell_seen(k, &before, &now);
	/* OpenSSL has limits of its own. */
	k->limits_hit += n == -KTLS_EFLOOD;
	if (aside == 0 && n != -KTLS_EFLOOD)
		aside = check_runs(k, &before, &now, n);
	if (ktls__is_final(aside))
		k->rx_taken = aside;
	pass_alert_on(k);
	ktls__turn_tell(k);
	return n;
}

static ssize_t judge(struct ktls *k, ssize_t n)
{
	if (n < 0)
		return end_of_data(k, (int)n);
	k->eof = n == 0;
	k->rx.bytes += (uint64_t)n;
	return n;
}

ssize_t ktls__library_readv(struct ktls *k, const struct iovec *iov, int iovcnt)
{
	bool moved = false;
	ssize_t n;
	int err;

	while (iovcnt > 1 && iov->iov_len == 0)
		iov++, iovcnt--;
	for (;;) {
		n = read_once(k, iov->iov_base, iov->iov_len, &moved);
		if (n == -EAGAIN && moved && k->rx_taken == 0)
			continue;
		if (n != -EAGAIN || k->foreign || k->rx_taken < 0)
			return judge(k, n);
		err = ktls__link_wait(k->fd, ktls__turn_owes(k) ?
						     POLLIN | POLLOUT : POLLIN);
		if (err < 0)
			return ktls__latch(k, &k->rx, err);
		ktls__turn_push(k);
	}
}
