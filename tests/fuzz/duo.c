/* SPDX-License-Identifier: MIT */
/* Two ends of one connection in one thread: see duo.h. */
#include "duo.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <check.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "fake_kernel.h"
#include "sys.h"

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
	key = EVP_EC_gen("P-256");
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
	fake_kernel_start(&options);
	make_cert();
	d->ctx = make_ctx();
	d->other = make_ctx();
	d->peer_ctx = make_ctx();
	make_sockets(d);
}

void duo_ssl(struct duo *d)
{
	d->ssl = SSL_new(d->ctx);
	d->peer = SSL_new(d->peer_ctx);
	SSL_set_fd(d->ssl, d->fd);
	SSL_set_fd(d->peer, d->peer_fd);
	SSL_set_accept_state(d->ssl);
	SSL_set_connect_state(d->peer);
	SSL_set_tlsext_host_name(d->peer, "other");
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

/* Two records each way. */
void duo_alive(struct duo *d, struct ktls *k)
{
	ck_assert_int_eq(SSL_write(d->peer, "ping", 4), 4);
	duo_to_us(k, "ping");
	ck_assert_int_eq(ktls_write(k, "pong", 4), 4);
	duo_to_peer(d, "pong");
	ck_assert_int_eq(ktls_write(k, "again", 5), 5);
	duo_to_peer(d, "again");
	ck_assert_int_eq(SSL_write(d->peer, "more", 4), 4);
	duo_to_us(k, "more");
}

struct ktls_opts duo_both(void)
{
	struct ktls_opts opts = KTLS_OPTS_INIT;

	opts.tx = KTLS_KERNEL;
	opts.rx = KTLS_KERNEL;
	return opts;
}

void duo_reasons(struct ktls *k, enum ktls_reason tx,
			   enum ktls_reason rx)
{
	struct ktls_info info = { .size = sizeof(info) };

	ck_assert_int_eq(ktls_info(k, &info), 0);
	ck_assert_str_eq(ktls_reason_name(info.tx.reason),
			 ktls_reason_name(tx));
	ck_assert_str_eq(ktls_reason_name(info.rx.reason),
			 ktls_reason_name(rx));
	ck_assert_int_eq(info.tx.path, tx == KTLS_REASON_NONE ?
				 KTLS_PATH_KERNEL : KTLS_PATH_LIBRARY);
	ck_assert_int_eq(info.rx.path, rx == KTLS_REASON_NONE ?
				 KTLS_PATH_KERNEL : KTLS_PATH_LIBRARY);
	ck_assert_int_eq(info.ssl_held, tx != KTLS_REASON_NONE ||
						rx != KTLS_REASON_NONE);
}

/* Hand off, free the SSL at once, look at the reasons, and go on. */
void duo_expect(struct duo *d, const struct ktls_opts *opts,
		   enum ktls_reason tx, enum ktls_reason rx)
{
	struct ktls *k;

	ck_assert_int_eq(ktls_handoff(&k, d->ssl, opts), 0);
	SSL_free(d->ssl);
	d->ssl = NULL;
	duo_reasons(k, tx, rx);
	duo_alive(d, k);
	duo_close(d, k);
}
