/* SPDX-License-Identifier: MIT */
/*
 * Alerts and handshake messages that arrive on the kernel path, read as a
 * stream: records cut them anywhere, and callers' buffers cut records.
 */
#include <errno.h>

#include "conn.h"
#include "control.h"

#define CLOSE_NOTIFY 0
#define USER_CANCELED 90
#define NO_RENEGOTIATION 100
#define FATAL 2

#define HELLO_REQUEST 0
#define CLIENT_HELLO 1
#define NEW_SESSION_TICKET 4
#define CERTIFICATE_REQUEST 13
#define KEY_UPDATE 24

static int end_alert(struct ktls *k)
{
	uint8_t level = k->control.alert[0];
	uint8_t description = k->control.alert[1];

	k->control.alert_len = 0;
	k->alert_received = description;
	if (description == CLOSE_NOTIFY)
		return 1;
	/* TLS 1.3 has one warning left, RFC 8446 section 6. */
	if (description == USER_CANCELED && level != FATAL)
		return 0;
	if (k->hs.version == KTLS_TLS_1_2 && level != FATAL)
		return 0;
	return -KTLS_EALERT;
}

static int take_alert(struct ktls *k, const uint8_t *p, size_t len)
{
	struct ktls__control *c = &k->control;
	int err = 0;

	for (; len > 0 && err == 0; p++, len--) {
		c->alert[c->alert_len++] = *p;
		if (c->alert_len == sizeof(c->alert))
			err = end_alert(k);
	}
	return err;
}

/* What a message means here is known from its first byte. */
static int judge_1_3(const struct ktls *k, uint8_t msg_type)
{
	if (msg_type == KEY_UPDATE)
		return -KTLS_EKEYUPDATE;
	if (msg_type == NEW_SESSION_TICKET && !k->hs.server)
		return 0;
	if (msg_type == CERTIFICATE_REQUEST && !k->hs.server)
		return -KTLS_EHANDSHAKE;
	return -KTLS_EPROTOCOL;
}

static int judge_1_2(const struct ktls *k, uint8_t msg_type)
{
	if (msg_type == (k->hs.server ? CLIENT_HELLO : HELLO_REQUEST))
		return -KTLS_EHANDSHAKE;
	return -KTLS_EPROTOCOL;
}

static void begin_body(struct ktls *k)
{
	struct ktls__control *c = &k->control;

	c->skip = (size_t)c->head[1] << 16 | (size_t)c->head[2] << 8 |
		  c->head[3];
	c->head_len = 0;
	k->tickets++;
}

static int take_head(struct ktls *k, uint8_t byte)
{
	struct ktls__control *c = &k->control;

	c->head[c->head_len++] = byte;
	if (c->head_len == 1)
		return k->hs.version == KTLS_TLS_1_3 ? judge_1_3(k, byte) :
						       judge_1_2(k, byte);
	if (c->head_len == sizeof(c->head))
		begin_body(k);
	return 0;
}

static int take_handshake(struct ktls *k, const uint8_t *p, size_t len)
{
	struct ktls__control *c = &k->control;
	size_t n;
	int err;

	while (len > 0) {
		if (c->skip > 0) {
			n = c->skip < len ? c->skip : len;
			c->skip -= n;
			p += n;
			len -= n;
			continue;
		}
		err = take_head(k, *p);
		if (err < 0)
			return err;
		p++;
		len--;
	}
	return 0;
}

static int take_piece(struct ktls *k, uint8_t type, const uint8_t *p,
		      size_t len)
{
	if (type == KTLS_RECORD_ALERT)
		return take_alert(k, p, len);
	if (type == KTLS_RECORD_HANDSHAKE)
		return take_handshake(k, p, len);
	return -KTLS_EPROTOCOL;
}

int ktls__control_take(struct ktls *k, uint8_t type, const struct iovec *iov,
		       size_t len)
{
	size_t n;
	int err = 0;

	/* RFC 8446 section 5.1, RFC 5246 section 6.2.1: never empty. */
	if (len == 0)
		return -KTLS_EPROTOCOL;
	for (; len > 0 && err == 0; iov++, len -= n) {
		n = iov->iov_len < len ? iov->iov_len : len;
		err = take_piece(k, type, iov->iov_base, n);
	}
	return err;
}

int ktls__control_idle(const struct ktls *k)
{
	const struct ktls__control *c = &k->control;

	return c->head_len == 0 && c->skip == 0 ? 0 : -KTLS_EPROTOCOL;
}

int ktls__control_alert_for(int err)
{
	switch (err) {
	case -KTLS_EBADRECORD:
		return 20;
	case -KTLS_EOVERSIZE:
		return 22;
	case -KTLS_EPROTOCOL:
		return 10;
	case -KTLS_EHANDSHAKE:
		return 40;
	case -KTLS_EKEYUPDATE:
	case -KTLS_ECMSG:
		return 80;
	default:
		return -1;
	}
}

uint8_t ktls__control_level(uint8_t description)
{
	return description == CLOSE_NOTIFY || description == USER_CANCELED ||
		       description == NO_RENEGOTIATION ? 1 : FATAL;
}
