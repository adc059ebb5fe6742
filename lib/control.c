/* SPDX-License-Identifier: MIT */
/*
 * Alerts and handshake messages, read as a stream: records cut messages
 * anywhere, and callers' buffers cut records.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "alert.h"
#include "control.h"
#include "message.h"
#include "wipe.h"

/* Records in a row that are not data, or pieces of them: the longest message
 * in pieces of 32 bytes. */
#define RECORD_RUN 4096

static void drop_message(struct ktls__control *c)
{
	if (c->msg != NULL)
		ktls__wipe(c->msg, c->msg_len);
	free(c->msg);
	c->msg = NULL;
	c->msg_len = 0;
	c->head_len = 0;
}

void ktls__control_wipe(struct ktls *k)
{
	drop_message(&k->control);
}

/* RFC 8446 section 5.1: an alert fills its record, alone. */
static int take_alert(struct ktls *k, const uint8_t *p, size_t len)
{
	struct ktls__control *c = &k->control;

	if (len > sizeof(c->alert) - c->alert_len)
		return -KTLS_EPROTOCOL;
	memcpy(c->alert + c->alert_len, p, len);
	c->alert_len = (uint8_t)(c->alert_len + len);
	return 0;
}

static int end_alert(struct ktls *k)
{
	struct ktls__control *c = &k->control;
	size_t len = c->alert_len;

	c->alert_len = 0;
	if (len != sizeof(c->alert))
		return -KTLS_EPROTOCOL;
	return ktls__message_alert(k, c->alert[0], c->alert[1]);
}

static uint32_t body_len(const struct ktls__control *c)
{
	return (uint32_t)c->head[1] << 16 | (uint32_t)c->head[2] << 8 |
	       c->head[3];
}

static int begin_body(struct ktls *k)
{
	struct ktls__control *c = &k->control;
	int fate = ktls__message_begin(k, c->head[0], body_len(c));

	if (fate < 0)
		return fate;
	c->left = body_len(c);
	if (fate != KTLS__KEEP)
		return 0;
	c->msg = malloc(sizeof(c->head) + c->left);
	if (c->msg == NULL)
		return 0;
	memcpy(c->msg, c->head, sizeof(c->head));
	c->msg_len = sizeof(c->head);
	return 0;
}

static int take_head(struct ktls *k, uint8_t byte)
{
	struct ktls__control *c = &k->control;

	c->head[c->head_len++] = byte;
	if (c->head_len == 1)
		return ktls__message_judge(k, byte);
	return c->head_len == sizeof(c->head) ? begin_body(k) : 0;
}

/* Some of the body; bytes taken. */
static size_t take_body(struct ktls__control *c, const uint8_t *p, size_t len)
{
	size_t n = c->left < len ? c->left : len;

	if (n > 0)
		c->update = p[0];
	if (c->msg != NULL && n > 0) {
		memcpy(c->msg + c->msg_len, p, n);
		c->msg_len += (uint32_t)n;
	}
	c->left -= (uint32_t)n;
	return n;
}

static int end_message(struct ktls *k, bool last)
{
	struct ktls__control *c = &k->control;
	int err = ktls__message_end(k, c->head[0], c->msg, c->msg_len, last);

	drop_message(c);
	return err;
}

static int take_handshake(struct ktls *k, const uint8_t *p, size_t len,
			  bool end)
{
	struct ktls__control *c = &k->control;
	size_t n;
	int err = 0;

	while (len > 0 && err == 0) {
		if (c->head_len < sizeof(c->head)) {
			err = take_head(k, *p);
			n = 1;
		} else {
			n = take_body(c, p, len);
		}
		p += n;
		len -= n;
		if (err == 0 && c->head_len == sizeof(c->head) && c->left == 0)
			err = end_message(k, end && len == 0);
	}
	return err;
}

static int take_piece(struct ktls *k, uint8_t type, const uint8_t *p,
		      size_t len, bool end)
{
	if (type == KTLS_RECORD_ALERT)
		return take_alert(k, p, len);
	if (type == KTLS_RECORD_HANDSHAKE)
		return take_handshake(k, p, len, end);
	return -KTLS_EPROTOCOL;
}

int ktls__control_take(struct ktls *k, uint8_t type, const struct iovec *iov,
		       size_t len, bool end)
{
	size_t n;
	int err = 0;

	/* RFC 8446 section 5.1, RFC 5246 section 6.2.1: never empty. */
	if (len == 0)
		return -KTLS_EPROTOCOL;
	/* RFC 8446 section 5.1: nothing inside a handshake message. */
	if (type != KTLS_RECORD_HANDSHAKE && k->control.head_len > 0 &&
	    k->hs.version == KTLS_TLS_1_3)
		return -KTLS_EPROTOCOL;
	err = ktls__message_run(k, &k->control.records, RECORD_RUN);
	for (; len > 0 && err == 0; iov++, len -= n) {
		n = iov->iov_len < len ? iov->iov_len : len;
		err = take_piece(k, type, iov->iov_base, n, end && n == len);
	}
	if (err == 0 && end && type == KTLS_RECORD_ALERT)
		err = end_alert(k);
	return err;
}

int ktls__control_data(struct ktls *k, size_t len)
{
	struct ktls__control *c = &k->control;

	if (c->head_len > 0)
		return -KTLS_EPROTOCOL;
	if (len == 0)
		return ktls__message_run(k, &c->empties, k->limits.empty_run);
	c->records = 0;
	c->key_updates = 0;
	c->tickets = 0;
	c->warnings = 0;
	c->empties = 0;
	return 0;
}
