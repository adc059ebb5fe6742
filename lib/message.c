/* SPDX-License-Identifier: MIT */
/* What a handshake message or alert of the peer means: see message.h. */
#include <errno.h>

#include "alert.h"
#include "key_limit.h"
#include "message.h"
#include "output.h"
#include "rekey.h"
#include "turn.h"

/* OpenSSL takes no longer certificate chains unless it is told to. */
#define MESSAGE_MAX ((size_t)128 * 1024)

/* A message of TLS 1.3 that its SSL can make something of. */
static bool can_feed(const struct ktls *k)
{
	return k->ssl != NULL && k->kept->stale.rx.version != 0;
}

static int fault(struct ktls *k, uint8_t alert)
{
	k->control.fault = alert;
	return -KTLS_EPROTOCOL;
}

/* Post-handshake authentication, which is the SSL's alone. */
static bool is_auth(const struct ktls *k, uint8_t msg_type)
{
	if (!k->hs.server)
		return msg_type == KTLS__CERTIFICATE_REQUEST;
	return msg_type == KTLS__CERTIFICATE ||
	       msg_type == KTLS__COMPRESSED_CERTIFICATE ||
	       msg_type == KTLS__CERTIFICATE_VERIFY ||
	       msg_type == KTLS__FINISHED;
}

static int judge_1_3(struct ktls *k, uint8_t msg_type)
{
	if (msg_type == KTLS__KEY_UPDATE)
		return 0;
	if (msg_type == KTLS__NEW_SESSION_TICKET && !k->hs.server)
		return 0;
	if (!is_auth(k, msg_type))
		return -KTLS_EPROTOCOL;
	if (can_feed(k))
		return 0;
	/* RFC 8446 section 4.6.2 has one alert for a CertificateRequest that
	 * nobody is there to answer. */
	k->control.fault = KTLS__UNEXPECTED_MESSAGE;
	return k->hs.server ? -KTLS_EPROTOCOL : -KTLS_EHANDSHAKE;
}

int ktls__message_judge(struct ktls *k, uint8_t msg_type)
{
	if (k->hs.version == KTLS_TLS_1_3)
		return judge_1_3(k, msg_type);
	if (msg_type == (k->hs.server ? KTLS__CLIENT_HELLO :
					KTLS__HELLO_REQUEST))
		return 0;
	return -KTLS_EPROTOCOL;
}

int ktls__message_begin(struct ktls *k, uint8_t msg_type, size_t len)
{
	if (k->hs.version != KTLS_TLS_1_3)
		return msg_type == KTLS__HELLO_REQUEST && len > 0 ?
			       fault(k, KTLS__DECODE_ERROR) : KTLS__SKIP;
	if (msg_type == KTLS__KEY_UPDATE)
		return len == 1 ? KTLS__SKIP : fault(k, KTLS__DECODE_ERROR);
	if (len > MESSAGE_MAX)
		return fault(k, KTLS__ILLEGAL_PARAMETER);
	return can_feed(k) || k->event != NULL ? KTLS__KEEP : KTLS__SKIP;
}

int ktls__message_run(struct ktls *k, uint32_t *run, uint32_t limit)
{
	if (++*run <= limit)
		return 0;
	k->limits_hit++;
	return -KTLS_EFLOOD;
}

int ktls__message_update_run(struct ktls *k)
{
	uint32_t *run = &k->control.key_updates;

	if (*run < k->limits.key_update_run || k->asked == 0)
		return ktls__message_run(k, run, k->limits.key_update_run);
	k->asked--;
	return 0;
}

int ktls__message_rekey(struct ktls *k)
{
	int err = ktls__rekey(k, KTLS_RX);

	k->control.install = err == -ENOMEM;
	return err == -EBUSY ? -KTLS_EKEYUPDATE : err;
}

/* 0: answered, or not to be answered; -KTLS_EKEYUPDATE. */
static int order_answer(struct ktls *k)
{
	if (ktls__may_write(k) < 0)
		return 0;
	if (ktls__key_can_change(k))
		ktls__turn_order(k, false);
	else if ((k->flags & KTLS_LEAVE_UNANSWERED) == 0)
		return -KTLS_EKEYUPDATE;
	return 0;
}

static int key_update(struct ktls *k, bool last)
{
	uint8_t request = k->control.update;
	int err;

	/* RFC 8446 section 5.1: a key change ends a record. */
	if (!last)
		return -KTLS_EPROTOCOL;
	if (request > 1)
		return fault(k, KTLS__ILLEGAL_PARAMETER);
	k->key_updates_received++;
	ktls__tell(k, KTLS_EVENT_KEY_UPDATE_RECEIVED, KTLS_RX, request);
	err = ktls__message_update_run(k);
	if (err == 0 && request == 1)
		err = order_answer(k);
	if (err < 0)
		return err;
	if (k->rx.secret_len == 0 ||
	    (k->rx.path == KTLS_PATH_KERNEL && !k->turn.rekeys))
		return -KTLS_EKEYUPDATE;
	return ktls__message_rekey(k);
}

/* Renegotiation is refused; more is not to be had in TLS 1.2. */
static int refuse(struct ktls *k)
{
	int err = ktls__message_run(k, &k->control.warnings,
				    k->limits.warning_run);

	if (err == 0 && ktls__may_write(k) == 0)
		ktls__alert_say(k, KTLS__NO_RENEGOTIATION);
	return err;
}

/* Its answer to a KeyUpdate is ours to give. */
int ktls__message_said(struct ktls *k)
{
	int err = 0;

	if (k->kept->said.key_update) {
		k->kept->said.key_update = false;
		err = order_answer(k);
	}
	if (k->tx.err < 0 || k->ended)
		ktls__said_wipe(&k->kept->said);
	if (k->kept->said.len > k->kept->said_off)
		atomic_fetch_or(&k->turn.todo, KTLS__SEND_HANDSHAKE);
	/* The peer waits for it, and the application may have nothing to
	 * write. */
	ktls__turn_answer(k);
	return err;
}

int ktls__message_catch_up(struct ktls *k)
{
	struct ktls__stale *stale = &k->kept->stale;
	int err = 0;

	while (err == 0 && stale->rx.version != 0 &&
	       stale->rx_updates < k->key_updates_received)
		err = ktls__backend_follow_rx(k->ssl, k->link, stale,
					      &k->kept->said);
	while (err == 0 && stale->tx.version != 0 &&
	       stale->tx_updates < k->key_updates_sent)
		err = ktls__backend_follow_tx(k->ssl, k->link, stale,
					      &k->kept->said);
	return err;
}

/* Of these only a ticket does not depend on the keys. */
static int tell_ssl(struct ktls *k, const uint8_t *msg, size_t len)
{
	int err = 0;

	if (msg[0] != KTLS__NEW_SESSION_TICKET)
		err = ktls__message_catch_up(k);
	if (err == 0)
		err = ktls__backend_feed(k->ssl, k->link, &k->kept->stale, msg,
					 len, &k->kept->said);
	return err;
}

static int feed_locked(struct ktls *k, const uint8_t *msg, size_t len)
{
	int err = tell_ssl(k, msg, len);
	int err_said = ktls__message_said(k);

	/* With TX on the SSL it has written by itself: if it could. */
	if (err < 0 && k->link->write_err < 0)
		return k->link->write_err;
	(void)ktls__output_flush(k);
	if (err == -KTLS_EHANDSHAKE && k->kept->said.alert > 0)
		k->control.fault = (uint8_t)k->kept->said.alert;
	/* An SSL with a way to the peer has told it itself. */
	if (err == -KTLS_EHANDSHAKE && k->tx.path == KTLS_PATH_LIBRARY)
		k->control.told = true;
	k->kept->said.alert = -1;
	return err < 0 ? err : err_said;
}

/* `msg` NULL: there was no memory to keep it. */
static int feed(struct ktls *k, const uint8_t *msg, size_t len)
{
	const struct ktls__trace *t = ktls__trace_of(k->ssl);
	uint64_t alerts;
	int err;

	if (msg == NULL)
		return -ENOMEM;
	pthread_mutex_lock(&k->lock);
	alerts = t == NULL ? 0 : t->alerts_sent;
	err = feed_locked(k, msg, len);
	if (err == -KTLS_ESSL || err == -KTLS_ECRYPTO)
		k->kept->stale.rx.version = 0;
	alerts = t == NULL ? 0 : t->alerts_sent - alerts;
	pthread_mutex_unlock(&k->lock);
	if (alerts > 0 && k->tx.path == KTLS_PATH_LIBRARY)
		ktls__alert_was_sent(k, (uint8_t)t->alert_sent);
	ktls__turn_tell(k);
	return err;
}

static void tell_ticket(struct ktls *k, const uint8_t *msg, size_t len,
			bool fed)
{
	const struct ktls_event ev = { .size = sizeof(ev),
				       .type = KTLS_EVENT_TICKET,
				       .dir = KTLS_RX,
				       .value = fed,
				       .data = msg,
				       .len = len };

	ktls__tell_event(k, &ev);
}

static int ticket(struct ktls *k, const uint8_t *msg, size_t len)
{
	uint64_t before = k->tickets_fed;
	int err;

	k->tickets++;
	err = ktls__message_run(k, &k->control.tickets, k->limits.ticket_run);
	if (err == 0 && can_feed(k)) {
		err = feed(k, msg, len);
		k->tickets_fed += err == 0;
	}
	tell_ticket(k, msg, len, k->tickets_fed != before);
	/* It is a gift: the connection lives without one. */
	return err == -KTLS_EHANDSHAKE || err == -KTLS_EFLOOD ? err : 0;
}

int ktls__message_end(struct ktls *k, uint8_t msg_type, const uint8_t *msg,
		      size_t len, bool last)
{
	int err;

	if (k->hs.version != KTLS_TLS_1_3)
		return refuse(k);
	if (msg_type == KTLS__KEY_UPDATE)
		return key_update(k, last);
	if (msg_type == KTLS__NEW_SESSION_TICKET && !k->hs.server)
		return ticket(k, msg, len);
	ktls__tell(k, KTLS_EVENT_HANDSHAKE, KTLS_RX, msg_type);
	err = feed(k, msg, len);
	if (err == -ENOMEM || err == -KTLS_ESSL || err == -KTLS_ECRYPTO) {
		k->control.fault = KTLS__INTERNAL_ERROR;
		err = -KTLS_EHANDSHAKE;
	}
	return err;
}

/* RFC 8446 section 6: the level says nothing any more. */
static bool is_warning(const struct ktls *k, uint8_t level,
		       uint8_t description)
{
	if (k->hs.version == KTLS_TLS_1_3)
		return description == KTLS__USER_CANCELED;
	return level == KTLS__ALERT_WARNING;
}

int ktls__message_alert(struct ktls *k, uint8_t level, uint8_t description)
{
	k->alert_received = description;
	k->alerts_received++;
	ktls__tell(k, KTLS_EVENT_ALERT_RECEIVED, KTLS_RX, description);
	if (k->hs.version != KTLS_TLS_1_3 && level != KTLS__ALERT_WARNING &&
	    level != KTLS__ALERT_FATAL)
		return fault(k, KTLS__ILLEGAL_PARAMETER);
	if (description == KTLS__CLOSE_NOTIFY &&
	    (k->hs.version == KTLS_TLS_1_3 || level == KTLS__ALERT_WARNING))
		return 1;
	if (!is_warning(k, level, description))
		return -KTLS_EALERT;
	return ktls__message_run(k, &k->control.warnings,
				 k->limits.warning_run);
}
