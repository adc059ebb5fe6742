/* SPDX-License-Identifier: MIT */
/* Hand-offs in the middle of something: see cut.h. */
#include "cut.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <check.h>

#include "lib/keylog.h"
#include "lib/suite.h"
#include "tests/tls_calls.h"

#define KEY_UPDATE 24 /* RFC 8446 section 4 */

int cut_key_updates;
size_t cut_room;

static void on_message(int is_write, int version, int type, const void *buf,
		       size_t len, SSL *ssl, void *arg)
{
	const uint8_t *msg = buf;

	(void)version, (void)ssl, (void)arg;
	if (!is_write && type == KTLS_RECORD_HANDSHAKE && len > 0)
		cut_key_updates += msg[0] == KEY_UPDATE;
}

static struct ktls__keylog secret;

static void on_keylog(const SSL *ssl, const char *line)
{
	(void)ssl;
	if (strncmp(line, "CLIENT_TRAFFIC_SECRET_0 ", 24) == 0)
		ck_assert_int_eq(ktls__keylog_parse(&secret, line), 1);
}

void cut_narrow(struct duo *d)
{
	int room = 16384;

	duo_small(d);
	ck_assert_int_eq(setsockopt(d->peer_fd, SOL_SOCKET, SO_RCVBUF, &room,
				    sizeof(room)), 0);
}

void cut_open(struct duo *d, int prepared)
{
	duo_open(d, 1);
	if (prepared)
		ck_assert_int_eq(ktls_prepare(d->ctx, 0), 0);
	duo_ssl(d);
	SSL_set_msg_callback(d->peer, on_message);
	SSL_CTX_set_keylog_callback(d->peer_ctx, on_keylog);
	cut_key_updates = 0;
}

void cut_write(struct duo *d, int prepared, size_t len)
{
	int n;

	cut_open(d, prepared);
	duo_shake(d);
	cut_narrow(d);
	while ((n = SSL_write(d->ssl, duo_pattern(d->sent), (int)len)) > 0)
		d->sent += (size_t)n;
	ck_assert_int_eq(SSL_get_error(d->ssl, n), SSL_ERROR_WANT_WRITE);
}

void cut_go_on(struct duo *d, struct ktls *k, size_t len)
{
	const size_t total = d->sent + len;
	ssize_t n;

	while (d->sent < total) {
		n = duo_put(d, k, total - d->sent);
		if (n != -EAGAIN)
			ck_assert_int_gt(n, 0);
		duo_drain(d);
	}
	while (d->got < total)
		duo_drain(d);
	ck_assert_uint_eq(d->got, total);
	duo_alive(d, k);
}

int cut_handoff(struct duo *d, struct ktls **k, enum ktls_choice path,
		unsigned flags)
{
	struct ktls_opts opts = KTLS_OPTS_INIT;
	int err;

	opts.tx = path;
	opts.rx = path;
	opts.flags = flags | tls_take();
	err = ktls_handoff(k, d->ssl, &opts);
	if (err == 0)
		d->ssl = tls_kept(d->ssl, opts.flags);
	return err;
}

int cut_call(struct duo *d, struct ktls *k, int (*what)(struct ktls *k))
{
	int err;

	while ((err = what(k)) == -EAGAIN)
		duo_drain(d);
	return err;
}

void cut_ends(struct duo *d, struct ktls *k)
{
	d->alert = -1;
	ck_assert_int_eq(cut_call(d, k, ktls_shutdown), 0);
	while ((SSL_get_shutdown(d->peer) & SSL_RECEIVED_SHUTDOWN) == 0)
		duo_drain(d);
	ck_assert_int_eq(d->alert, 0);
	duo_close(d, k);
}

static int bio_fd;

static int bio_read(BIO *bio, char *buf, int len)
{
	ssize_t n = recv(bio_fd, buf, (size_t)len, 0);

	BIO_clear_retry_flags(bio);
	if (n < 0 && errno == EAGAIN)
		BIO_set_retry_read(bio);
	return (int)n;
}

static int bio_write(BIO *bio, const char *buf, int len)
{
	size_t most = (size_t)len < cut_room ? (size_t)len : cut_room;
	ssize_t n = -1;

	BIO_clear_retry_flags(bio);
	errno = EAGAIN;
	if (most > 0)
		n = send(bio_fd, buf, most, MSG_NOSIGNAL);
	if (n < 0 && errno == EAGAIN)
		BIO_set_retry_write(bio);
	cut_room -= n > 0 ? (size_t)n : 0;
	return (int)n;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
	(void)bio, (void)num, (void)ptr;
	return cmd == BIO_CTRL_FLUSH;
}

BIO_METHOD *cut_own_bio(struct duo *d)
{
	BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() |
					  BIO_TYPE_SOURCE_SINK, "own");
	BIO *bio;

	BIO_meth_set_read(method, bio_read);
	BIO_meth_set_write(method, bio_write);
	BIO_meth_set_ctrl(method, bio_ctrl);
	bio = BIO_new(method);
	ck_assert_ptr_nonnull(bio);
	BIO_set_init(bio, 1);
	SSL_set_bio(d->ssl, bio, bio);
	bio_fd = d->fd;
	cut_room = 1 << 20;
	return method;
}

size_t cut_fill(struct duo *d)
{
	static const char junk[4096];
	size_t sum = 0;
	ssize_t n;
	BIO *from = SSL_get_wbio(d->ssl);
	BIO *to = SSL_get_rbio(d->peer);

	while (BIO_number_read(to) < BIO_number_written(from))
		duo_drain(d);
	cut_narrow(d);
	for (size_t len = sizeof(junk); len > 0; len /= 2)
		while ((n = send(d->fd, junk, len, 0)) > 0)
			sum += (size_t)n;
	return sum;
}

void cut_empty(struct duo *d, size_t sum)
{
	char buf[4096];
	ssize_t n;

	while (sum > 0) {
		n = recv(d->peer_fd, buf, sum < sizeof(buf) ? sum :
			 sizeof(buf), 0);
		if (n < 0)
			ck_assert_int_eq(errno, EAGAIN);
		sum -= n > 0 ? (size_t)n : 0;
	}
}

#define PADDED (CUT_RECORD - 5 - TLS_TAG)

void cut_pad(struct duo *d, uint8_t rec[CUT_RECORD])
{
	const uint16_t suite = SSL_CIPHER_get_protocol_id(
			SSL_get_current_cipher(d->peer));
	const struct ktls__suite *known = ktls__suite_find(suite);
	struct ktls_keys keys;
	struct tls_aead aead = { .aad = rec, .aad_len = 5 };
	const uint8_t head[] = { KTLS_RECORD_DATA, 3, 3, 0, CUT_RECORD - 5,
				 KTLS_RECORD_DATA };

	ck_assert_int_eq(ktls_keys_tls13(&keys, suite, secret.secret,
					 secret.len), 0);
	aead.key = keys.key;
	aead.key_len = known->key_len;
	aead.chacha20 = strstr(known->name, "CHACHA20") != NULL;
	aead.nonce = keys.iv;
	memset(rec, 0, CUT_RECORD);
	memcpy(rec, head, sizeof(head));
	ck_assert_int_eq(tls_seal(&aead, rec + 5, PADDED), 1);
}

