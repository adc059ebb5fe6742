/* SPDX-License-Identifier: MIT */
/* Two ends of one connection in one thread: see duo.h. */
#include "duo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "fake_kernel.h"
#include "sys.h"
#include "tests/tls_calls.h"

static EVP_PKEY *key;
static X509 *cert;

static SSL_CTX *make_ctx(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_method());

	SSL_CTX_set_cipher_list(ctx, "ALL:@SECLEVEL=0");
	SSL_CTX_set_min_proto_version(ctx, TLS1_1_VERSION);
	ck_assert_int_eq(SSL_CTX_use_certificate(ctx, cert), 1);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey(ctx, key), 1);
	return ctx;
}

static void make_cert(void)
{
	key = tls_ec_key("P-256");
	cert = X509_new();
	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_set_pubkey(cert, key);
	ck_assert_int_ne(X509_sign(cert, key, EVP_sha256()), 0);
}

static void make_sockets(struct duo *d)
{
	struct sockaddr_in in = { .sin_family = AF_INET };
	struct sockaddr *addr = (struct sockaddr *)&in;
	socklen_t len = sizeof(in);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(listener, addr, len), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, addr, &len), 0);
	d->peer_fd = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(d->peer_fd, addr, len), 0);
	d->fd = accept(listener, NULL, NULL);
	ck_assert_int_ge(d->fd, 0);
	close(listener);
	fcntl(d->fd, F_SETFL, O_NONBLOCK);
	fcntl(d->peer_fd, F_SETFL, O_NONBLOCK);
}

void duo_open(struct duo *d, int rekey)
{
	struct fake_options options = { .rekey = rekey,
					.tx_list_max = 1 << 20 };

	memset(d, 0, sizeof(*d));
	d->alert = -1;
	fake_kernel_start(&options);
	make_cert();
	d->ctx = make_ctx();
	d->other = make_ctx();
	d->peer_ctx = make_ctx();
	make_sockets(d);
}

static void on_info(const SSL *ssl, int where, int value)
{
	struct duo *d = SSL_get_app_data(ssl);

	if (where == SSL_CB_READ_ALERT)
		d->alert = value & 0xff;
}

static void begin(struct duo *d)
{
	d->peer = SSL_new(d->peer_ctx);
	SSL_set_fd(d->ssl, d->fd);
	SSL_set_fd(d->peer, d->peer_fd);
	SSL_set_accept_state(d->ssl);
	SSL_set_connect_state(d->peer);
	SSL_set_tlsext_host_name(d->peer, "other");
	SSL_set_app_data(d->peer, d);
	SSL_set_info_callback(d->peer, on_info);
}

void duo_ssl(struct duo *d)
{
	d->ssl = SSL_new(d->ctx);
	begin(d);
}

void duo_again(struct duo *d)
{
	fake_kernel_forget(d->fd);
	fake_kernel_forget(d->peer_fd);
	close(d->fd);
	close(d->peer_fd);
	make_sockets(d);
	ck_assert_int_eq(SSL_clear(d->ssl), 1);
	SSL_free(d->peer);
	begin(d);
}

static BIO *memory_bio(void)
{
	BIO *bio = BIO_new(BIO_s_mem());

	BIO_set_mem_eof_return(bio, -1);
	BIO_up_ref(bio);
	return bio;
}

void duo_bios(struct duo *d, int memory)
{
	BIO *ours;
	BIO *theirs;

	if (memory) {
		ours = memory_bio();
		theirs = memory_bio();
		SSL_set_bio(d->ssl, theirs, ours);
		SSL_set_bio(d->peer, ours, theirs);
	} else {
		ck_assert_int_eq(BIO_new_bio_pair(&ours, 0, &theirs, 0), 1);
		SSL_set_bio(d->ssl, ours, ours);
		SSL_set_bio(d->peer, theirs, theirs);
	}
}

void duo_shake(struct duo *d)
{
	int ours = 0;
	int theirs = 0;

	for (int i = 0; i < 1000 && (ours != 1 || theirs != 1); i++) {
		theirs = SSL_do_handshake(d->peer);
		ours = SSL_do_handshake(d->ssl);
	}
	ck_assert_int_eq(ours, 1);
	ck_assert_int_eq(theirs, 1);
}

void duo_ready(struct duo *d)
{
	ck_assert_int_eq(ktls_prepare(d->ctx, 0), 0);
	duo_ssl(d);
	duo_shake(d);
}

void duo_close(struct duo *d, struct ktls *k)
{
	ktls_free(k);
	SSL_free(d->ssl);
	SSL_free(d->peer);
	SSL_CTX_free(d->ctx);
	SSL_CTX_free(d->other);
	SSL_CTX_free(d->peer_ctx);
	X509_free(cert);
	EVP_PKEY_free(key);
	close(d->fd);
	if (d->peer_fd >= 0)
		close(d->peer_fd);
	ktls__sys = &ktls__sys_linux;
}

void duo_to_peer(struct duo *d, const char *text)
{
	char buf[64];
	size_t got = 0;
	int n;

	while (got < strlen(text)) {
		n = SSL_read(d->peer, buf + got, (int)(sizeof(buf) - got));
		if (n > 0)
			got += (size_t)n;
		else
			ck_assert_int_eq(SSL_get_error(d->peer, n),
					 SSL_ERROR_WANT_READ);
	}
	ck_assert_uint_eq(got, strlen(text));
	ck_assert_mem_eq(buf, text, got);
}

void duo_to_us(struct ktls *k, const char *text)
{
	char buf[64];
	size_t got = 0;
	ssize_t n;

	while (got < strlen(text)) {
		n = ktls_read(k, buf + got, sizeof(buf) - got);
		if (n != -EAGAIN)
			ck_assert_int_gt(n, 0);
		got += n > 0 ? (size_t)n : 0;
	}
	ck_assert_uint_eq(got, strlen(text));
	ck_assert_mem_eq(buf, text, got);
}

void duo_alive(struct duo *d, struct ktls *k)
{
	ck_assert_int_eq(SSL_write(d->peer, "ping", 4), 4);
	duo_to_us(k, "ping");
	ck_assert_int_eq(ktls_write(k, "pong", 4, 0), 4);
	duo_to_peer(d, "pong");
	ck_assert_int_eq(ktls_write(k, "again", 5, 0), 5);
	duo_to_peer(d, "again");
	ck_assert_int_eq(SSL_write(d->peer, "more", 4), 4);
	duo_to_us(k, "more");
}

void duo_small(struct duo *d)
{
	int room = 32768;

	setsockopt(d->fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
}

BIO *duo_hold(struct duo *d)
{
	BIO *wbio = SSL_get_wbio(d->peer);

	BIO_up_ref(wbio);
	SSL_set0_wbio(d->peer, BIO_new(BIO_s_mem()));
	return wbio;
}

void duo_release(struct duo *d, BIO *held)
{
	char *data;
	long n = BIO_get_mem_data(SSL_get_wbio(d->peer), &data);

	ck_assert_int_gt(n, 0);
	ck_assert_int_eq(send(d->peer_fd, data, (size_t)n, 0), n);
	SSL_set0_wbio(d->peer, held);
}

void duo_reset(struct duo *d)
{
	struct linger hard = { .l_onoff = 1 };
	struct pollfd p = { .fd = d->fd };

	setsockopt(d->peer_fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(d->peer_fd);
	d->peer_fd = -1;
	while ((p.revents & POLLHUP) == 0)
		poll(&p, 1, -1);
}

#define PERIOD 251

const uint8_t *duo_pattern(size_t at)
{
	static uint8_t pattern[DUO_PIECE + PERIOD];

	if (pattern[1] == 0)
		for (size_t i = 0; i < sizeof(pattern); i++)
			pattern[i] = (uint8_t)(i % PERIOD);
	return pattern + at % PERIOD;
}

ssize_t duo_put(struct duo *d, struct ktls *k, size_t len)
{
	ssize_t n = ktls_write(k, duo_pattern(d->sent), len, 0);

	d->sent += n > 0 ? (size_t)n : 0;
	return n;
}

void duo_fill(struct duo *d, struct ktls *k)
{
	ssize_t n;

	do
		n = duo_put(d, k, 100000);
	while (n > 0);
	ck_assert_int_eq(n, -EAGAIN);
}

size_t duo_drain(struct duo *d)
{
	uint8_t buf[16384];
	size_t before = d->got;
	int n;
	int err;

	fake_kernel_push(d->fd);
	ERR_clear_error();
	while ((n = SSL_read(d->peer, buf, sizeof(buf))) > 0) {
		ck_assert_mem_eq(buf, duo_pattern(d->got), (size_t)n);
		d->got += (size_t)n;
	}
	err = SSL_get_error(d->peer, n);
	if (d->alert < 0)
		ck_assert_int_eq(err, SSL_ERROR_WANT_READ);
	return d->got - before;
}

void duo_alert(struct duo *d, int number)
{
	while (d->alert < 0)
		duo_drain(d);
	ck_assert_int_eq(d->alert, number);
}

ssize_t duo_read(struct ktls *k, void *buf, size_t len)
{
	ssize_t n;

	do
		n = ktls_read(k, buf, len);
	while (n == -EAGAIN);
	return n;
}

struct ktls *duo_choose(struct duo *d, enum ktls_choice tx,
			enum ktls_choice rx)
{
	struct ktls_opts opts = KTLS_OPTS_INIT;
	struct ktls *k;

	opts.tx = tx;
	opts.rx = rx;
	ck_assert_int_eq(ktls_handoff(&k, d->ssl, &opts), 0);
	return k;
}

struct ktls_opts duo_both(void)
{
	struct ktls_opts opts = KTLS_OPTS_INIT;

	opts.tx = KTLS_KERNEL;
	opts.rx = KTLS_KERNEL;
	return opts;
}
