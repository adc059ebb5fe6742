/* SPDX-License-Identifier: MIT */
/*
 * Handshake messages for an SSL that records no longer reach, and from it:
 * see backend_feed.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "aead.h"
#include "backend.h"
#include "backend_feed.h"
#include "errors_ssl.h"
#include "record.h"
#include "schedule.h"
#include "tls_library.h"
#include "wipe.h"

#define HEADER_LEN 5
#define MSG_HEADER_LEN 4

void ktls__said_init(struct ktls__said *said)
{
	memset(said, 0, sizeof(*said));
	said->alert = -1;
}

void ktls__said_wipe(struct ktls__said *said)
{
	ktls__wipe(said->bytes, said->cap);
	free(said->bytes);
	ktls__said_init(said);
}

/* Room for `len` bytes more.  Not with realloc(), which would leave a copy
 * behind. */
static int reserve(struct ktls__said *said, size_t len)
{
	size_t cap = said->cap == 0 ? 1024 : said->cap;
	uint8_t *p;

	while (cap < said->len + len)
		cap *= 2;
	if (cap == said->cap)
		return 0;
	p = malloc(cap);
	if (p == NULL)
		return -ENOMEM;
	if (said->len > 0)
		memcpy(p, said->bytes, said->len);
	ktls__wipe(said->bytes, said->cap);
	free(said->bytes);
	said->bytes = p;
	said->cap = cap;
	return 0;
}

/* Length of the message that begins at `off`; 0: it is not whole. */
static size_t message_at(const struct ktls__said *said, size_t off)
{
	const uint8_t *p = said->bytes + off;
	size_t len;

	if (said->len - off < MSG_HEADER_LEN)
		return 0;
	len = MSG_HEADER_LEN +
	      ((size_t)p[1] << 16 | (size_t)p[2] << 8 | (size_t)p[3]);
	return len <= said->len - off ? len : 0;
}

/* Where the last message begins, if it is not whole, or ends. */
static size_t boundary(const struct ktls__said *said)
{
	size_t off = 0;
	size_t len;

	while ((len = message_at(said, off)) > 0)
		off += len;
	return off;
}

static int next_generation(struct ktls_keys *keys, uint8_t *secret,
			   size_t secret_len, uint64_t *updates)
{
	struct ktls_keys next;
	int err = ktls__keys_next(&next, keys->suite, secret, secret_len);

	if (err < 0)
		return err;
	*keys = next;
	ktls_keys_wipe(&next);
	++*updates;
	return 0;
}

static int next_tx(struct ktls__stale *stale)
{
	return next_generation(&stale->tx, stale->tx_secret, stale->secret_len,
			       &stale->tx_updates);
}

/* `len` bytes of handshake messages stand behind those in *said. */
static int take_handshake(struct ktls__stale *stale, struct ktls__said *said,
			  size_t len)
{
	size_t off = boundary(said);
	size_t msg;

	if (said->len == 0)
		said->updates = stale->tx_updates;
	said->len += len;
	while ((msg = message_at(said, off)) > 0) {
		if (said->bytes[off] != SSL3_MT_KEY_UPDATE) {
			off += msg;
			continue;
		}
		/* RFC 8446 section 5.1: nothing shares a record with it. */
		if (off + msg != said->len)
			return -KTLS_ESSL;
		ktls__wipe(said->bytes + off, msg);
		said->len = off;
		said->key_update = true;
		return next_tx(stale);
	}
	return 0;
}

static int take_alert(struct ktls__said *said, size_t len)
{
	uint8_t *alert = said->bytes + said->len;

	if (len == 2 && alert[1] == SSL_AD_NO_RENEGOTIATION)
		said->warnings++;
	else if (len == 2)
		said->alert = alert[1];
	ktls__wipe(alert, len);
	return len == 2 ? 0 : -KTLS_ESSL;
}

/* One record, of `rec_len` bytes, at the front of what was spoken. */
static int hear_record(struct ktls__link *link, struct ktls__stale *stale,
		       struct ktls__said *said, size_t rec_len)
{
	int err = reserve(said, rec_len);
	uint8_t type = 0;
	int n;

	if (err < 0)
		return err;
	n = ktls__record_open(said->bytes + said->len, &type, &stale->tx,
			      link->spoken, rec_len);
	if (n < 0)
		return n == -ENOMEM || n == -KTLS_ECRYPTO ? n : -KTLS_ESSL;
	stale->tx.seq++;
	ktls__link_forget(link, rec_len);
	if (type == KTLS_RECORD_HANDSHAKE)
		return take_handshake(stale, said, (size_t)n);
	if (type == KTLS_RECORD_ALERT)
		return take_alert(said, (size_t)n);
	ktls__wipe(said->bytes + said->len, (size_t)n);
	return -KTLS_ESSL;
}

/* The buffer of OpenSSL's handshake cuts records in two. */
static size_t whole_record(const struct ktls__link *link)
{
	size_t len;

	if (link->spoken_len < HEADER_LEN)
		return 0;
	len = HEADER_LEN +
	      ((size_t)link->spoken[3] << 8 | (size_t)link->spoken[4]);
	return len <= link->spoken_len ? len : 0;
}

int ktls__backend_hear(struct ktls__link *link, struct ktls__stale *stale,
		       struct ktls__said *said)
{
	size_t len;
	int err = 0;

	while (err == 0 && (len = whole_record(link)) > 0)
		err = hear_record(link, stale, said, len);
	return err;
}

/* The trace counts what the SSL's BIO moves for the hand-off, which is over;
 * at the first record on another BIO it would attach the ULP, too. */
static void pause_trace(SSL *ssl, bool paused)
{
	struct ktls__trace *t = ktls__trace_of(ssl);

	if (t == NULL)
		return;
	t->rx.paused = paused;
	t->tx.paused = paused;
}

/* Until the SSL wants more: 0. */
static int read_messages(SSL *ssl)
{
	uint8_t byte;
	size_t n;
	int ret;
	int err;

	ktls__ssl_forget_errors();
	errno = 0;
	ret = ktls__ssl_read(ssl, &byte, sizeof(byte), &n);
	if (ret == 1) {
		ktls__wipe(&byte, sizeof(byte));
		return -KTLS_ESSL;
	}
	err = ktls__ssl_error(ssl, ret);
	if (err == -EAGAIN)
		return 0;
	return err == 0 ? -KTLS_ESSL : err;
}

/* Without AUTO_RETRY SSL_read() stops behind the first of two messages. */
static int read_all(SSL *ssl)
{
	uint64_t mode = (uint64_t)SSL_get_mode(ssl);
	int err;

	SSL_set_mode(ssl, SSL_MODE_AUTO_RETRY);
	pause_trace(ssl, true);
	err = read_messages(ssl);
	pause_trace(ssl, false);
	if ((mode & SSL_MODE_AUTO_RETRY) == 0)
		SSL_clear_mode(ssl, SSL_MODE_AUTO_RETRY);
	return err;
}

/* Bytes of the records in `out`, or an error; keys->seq moves. */
static ssize_t seal_message(uint8_t *out, struct ktls_keys *keys,
			    const uint8_t *msg, size_t len)
{
	uint8_t *end = out;
	size_t part;
	int n;

	while (len > 0) {
		part = len < KTLS__RECORD_PLAIN_MAX ? len :
						      KTLS__RECORD_PLAIN_MAX;
		n = ktls__record_seal(end, keys, KTLS_RECORD_HANDSHAKE, msg,
				      part);
		if (n < 0)
			return n == -ENOMEM ? n : -KTLS_ECRYPTO;
		keys->seq++;
		end += n;
		msg += part;
		len -= part;
	}
	return end - out;
}

/* All of it before the SSL sees any: there is no way back. */
static int feed_link(struct ktls__link *link, struct ktls_keys *keys,
		     const uint8_t *msg, size_t len)
{
	size_t room = len + (len / KTLS__RECORD_PLAIN_MAX + 1) *
				    KTLS__RECORD_OVERHEAD;
	uint8_t *sealed = malloc(room);
	ssize_t n;
	int err;

	if (sealed == NULL)
		return -ENOMEM;
	n = seal_message(sealed, keys, msg, len);
	err = n < 0 ? (int)n : ktls__link_feed(link, sealed, (size_t)n);
	ktls__wipe(sealed, room);
	free(sealed);
	return err;
}

/* What the SSL does not like in a message it says in an alert; a record that
 * it could not open is our own fault. */
static int refusal(int err, const struct ktls__said *said)
{
	if (err == -KTLS_EPROTOCOL || err == -KTLS_EOVERSIZE)
		return -KTLS_EHANDSHAKE;
	if (err != -KTLS_EBADRECORD && said->alert >= 0)
		return -KTLS_EHANDSHAKE;
	return -KTLS_ESSL;
}

int ktls__backend_feed(SSL *ssl, struct ktls__link *link,
		       struct ktls__stale *stale, const uint8_t *msg,
		       size_t len, struct ktls__said *said)
{
	struct ktls_keys rx = stale->rx;
	int heard;
	int err = feed_link(link, &rx, msg, len);

	if (err == 0) {
		stale->rx.seq = rx.seq;
		err = read_all(ssl);
		heard = ktls__backend_hear(link, stale, said);
		if (err < 0)
			err = refusal(err, said);
		else if (heard < 0 || link->head_len > 0)
			err = heard == -KTLS_ECRYPTO ? heard : -KTLS_ESSL;
	}
	ktls_keys_wipe(&rx);
	return err;
}

/* A zero-length write says one queue at a time, either a KeyUpdate or
 * tickets, hence until nothing moves any more. */
static int say_all(SSL *ssl)
{
	uint64_t before;
	size_t n;
	int ret;
	int err;

	do {
		before = BIO_number_written(SSL_get_wbio(ssl));
		ktls__ssl_forget_errors();
		errno = 0;
		ret = SSL_do_handshake(ssl);
		if (ret == 1)
			ret = ktls__ssl_write(ssl, "", 0, &n);
		if (ret != 1) {
			err = ktls__ssl_error(ssl, ret);
			return err == 0 ? -KTLS_ESSL : err;
		}
	} while (BIO_number_written(SSL_get_wbio(ssl)) != before);
	return 0;
}

static int say(SSL *ssl)
{
	int err;

	pause_trace(ssl, true);
	err = say_all(ssl);
	pause_trace(ssl, false);
	/* An errno is the socket's; what else went wrong is OpenSSL's. */
	return err > -KTLS_EVERSION ? err : -KTLS_ESSL;
}

int ktls__backend_follow_tx(SSL *ssl, struct ktls__link *link,
			    struct ktls__stale *stale, struct ktls__said *said)
{
	bool answers = said->key_update;
	int err;

	ktls__ssl_forget_errors();
	if (SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1) {
		ktls__ssl_forget_errors();
		return -EAGAIN;
	}
	err = ktls__backend_speak(ssl, link, stale, said);
	/* Its KeyUpdate was ours before. */
	said->key_update = answers;
	return err;
}

int ktls__backend_follow_rx(SSL *ssl, struct ktls__link *link,
			    struct ktls__stale *stale, struct ktls__said *said)
{
	static const uint8_t msg[] = { SSL3_MT_KEY_UPDATE, 0, 0, 1, 0 };
	int err = ktls__backend_feed(ssl, link, stale, msg, sizeof(msg), said);

	if (err == 0)
		err = next_generation(&stale->rx, stale->rx_secret,
				      stale->secret_len, &stale->rx_updates);
	return err == -KTLS_EHANDSHAKE ? -KTLS_ESSL : err;
}

int ktls__backend_speak(SSL *ssl, struct ktls__link *link,
			struct ktls__stale *stale, struct ktls__said *said)
{
	bool no_input;
	int heard;
	int err;

	if (link == NULL)
		return say(ssl);
	no_input = link->no_input;
	/* What comes is for the reader: here it would be lost on us. */
	link->no_input = true;
	err = say(ssl);
	link->no_input = no_input;
	heard = ktls__backend_hear(link, stale, said);
	if (err == 0 || err == -EAGAIN || err == -ENOMEM)
		return err == 0 ? heard : err;
	return link->write_err < 0 ? link->write_err : -KTLS_ESSL;
}
