/* SPDX-License-Identifier: MIT */
/*
 * The other ends of all connections, in a process of their own, whose heap
 * and calls nobody counts.  It does one piece of work after another, told by
 * a socket.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <check.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "costs.h"
#include "tests/tls_calls.h"

#define PIECE ((size_t)1 << 18)
#define MOST 20000

struct order {
	enum costs_work work;
	size_t len;
};

static struct {
	pid_t pid;
	int control;
	int listener;
	SSL_CTX *ctx;
	struct sockaddr_in addr;
} peer;

/* ------------------------------------------------------- in that process */

static struct ktls *conns[MOST];
static size_t n_conns;
static uint8_t bytes[PIECE];

static void must(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	_exit(1);
}

static void connect_one(SSL_CTX *ctx)
{
	struct ktls_opts opts = KTLS_OPTS_INIT;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	SSL *ssl = SSL_new(ctx);

	must(fd >= 0 && n_conns < MOST, "socket");
	must(connect(fd, (struct sockaddr *)&peer.addr,
		     sizeof(peer.addr)) == 0, "connect");
	must(ssl && SSL_set_fd(ssl, fd) == 1 && SSL_connect(ssl) == 1,
	     "SSL_connect");
	opts.tx = KTLS_USERSPACE;
	opts.rx = KTLS_USERSPACE;
	must(ktls_handoff(&conns[n_conns++], ssl, &opts) == 0, "hand-off");
	SSL_free(ssl);
}

static void put(struct ktls *k, size_t len)
{
	while (len > 0) {
		ssize_t n = ktls_write(k, bytes, len < PIECE ? len : PIECE, 0);

		must(n > 0, "ktls_write");
		len -= (size_t)n;
	}
}

static void get(struct ktls *k, size_t len)
{
	while (len > 0) {
		ssize_t n = ktls_read(k, bytes, len < PIECE ? len : PIECE);

		must(n > 0, "ktls_read");
		len -= (size_t)n;
	}
}

static void obey(SSL_CTX *ctx, const struct order *o)
{
	size_t i;

	if (o->work == COSTS_OPEN)
		connect_one(ctx);
	else if (o->work == COSTS_DRAIN)
		get(conns[0], o->len);
	else if (o->work == COSTS_SEND)
		put(conns[0], o->len);
	for (i = 0; o->work == COSTS_ECHO && i < n_conns; i++) {
		put(conns[i], o->len);
		get(conns[i], o->len);
	}
}

static _Noreturn void serve(int control, uint16_t version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct order o;

	must(ctx && SSL_CTX_set_max_proto_version(ctx, version) == 1 &&
	     ktls_prepare(ctx, 0) == 0, "SSL_CTX");
	while (read(control, &o, sizeof(o)) == (ssize_t)sizeof(o)) {
		obey(ctx, &o);
		must(write(control, "", 1) == 1, "control");
	}
	_exit(0);
}

/* --------------------------------------------------------- in this process */

static void make_context(void)
{
	EVP_PKEY *key = tls_ec_key("P-256");
	X509 *cert = X509_new();

	X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
	X509_gmtime_adj(X509_getm_notAfter(cert), 86400);
	X509_set_pubkey(cert, key);
	ck_assert_int_ne(X509_sign(cert, key, EVP_sha256()), 0);
	peer.ctx = SSL_CTX_new(TLS_server_method());
	ck_assert_ptr_nonnull(peer.ctx);
	ck_assert_int_eq(SSL_CTX_use_certificate(peer.ctx, cert), 1);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey(peer.ctx, key), 1);
	SSL_CTX_set_session_cache_mode(peer.ctx, SSL_SESS_CACHE_OFF);
	ck_assert_int_eq(ktls_prepare(peer.ctx, 0), 0);
	X509_free(cert);
	EVP_PKEY_free(key);
}

static void make_listener(void)
{
	socklen_t len = sizeof(peer.addr);

	peer.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	peer.addr.sin_family = AF_INET;
	peer.addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(bind(peer.listener, (void *)&peer.addr, len), 0);
	ck_assert_int_eq(listen(peer.listener, 8), 0);
	ck_assert_int_eq(getsockname(peer.listener, (void *)&peer.addr, &len),
			 0);
}

void costs_peer_start(uint16_t version)
{
	int pair[2];

	make_listener();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	peer.pid = fork();
	ck_assert_int_ge(peer.pid, 0);
	if (peer.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pair[0]);
		close(peer.listener);
		serve(pair[1], version);
	}
	close(pair[1]);
	peer.control = pair[0];
	make_context();
}

void costs_peer_stop(void)
{
	int status;

	close(peer.control);
	close(peer.listener);
	SSL_CTX_free(peer.ctx);
	ck_assert_int_eq(waitpid(peer.pid, &status, 0), peer.pid);
	ck_assert_int_eq(status, 0);
}

void costs_peer_do(enum costs_work work, size_t len)
{
	const struct order o = { work, len };

	ck_assert_int_eq(write(peer.control, &o, sizeof(o)),
			 (ssize_t)sizeof(o));
}

void costs_peer_wait(void)
{
	char c;

	ck_assert_int_eq(read(peer.control, &c, 1), 1);
}

struct ktls *costs_connect(const struct ktls_opts *opts)
{
	SSL *ssl = SSL_new(peer.ctx);
	struct ktls *k;
	int fd;

	costs_peer_do(COSTS_OPEN, 0);
	fd = accept4(peer.listener, NULL, NULL, SOCK_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(SSL_set_fd(ssl, fd), 1);
	ck_assert_int_eq(SSL_accept(ssl), 1);
	ck_assert_int_eq(ktls_handoff(&k, ssl, opts), 0);
	SSL_free(ssl);
	costs_peer_wait();
	return k;
}
