/* SPDX-License-Identifier: MIT */
/* A connection of two ends, each driven in its own way. */
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "conn.h"
#include "race.h"

int complain(const char *what, int err)
{
	fprintf(stderr, "bench: %s: %s\n", what, ktls_strerror(err));
	return -1;
}

int end_handoff(struct end *e)
{
	struct ktls_conn_info info = { .size = sizeof(info) };
	struct ktls_opts opts = KTLS_OPTS_INIT;
	int err;

	opts.tx = KTLS_USERSPACE;
	opts.rx = KTLS_USERSPACE;
	err = ktls_handoff(&e->k, e->ssl, &opts);
	SSL_free(e->ssl);
	e->ssl = NULL;
	if (err < 0)
		return complain("ktls_handoff", err);
	err = ktls_info(e->k, &info);
	if (err < 0 || info.tx.path != KTLS_PATH_USERSPACE ||
	    info.rx.path != KTLS_PATH_USERSPACE)
		return complain("not on the userspace path", err);
	e->provider = info.tx.provider;
	return 0;
}

static SSL *ssl_on(SSL_CTX *ctx, int fd)
{
	SSL *ssl = ctx ? SSL_new(ctx) : NULL;

	if (ssl && SSL_set_fd(ssl, fd) == 1)
		return ssl;
	SSL_free(ssl);
	complain("SSL_new", -KTLS_ESSL);
	return NULL;
}

/* The two ends take turns, so neither may block meanwhile. */
static int shake(struct conn *c, SSL_CTX *server, SSL_CTX *client,
		 double *server_cpu)
{
	double began = cpu_now();

	c->server.ssl = ssl_on(server, c->server.fd);
	if (server_cpu)
		*server_cpu += cpu_now() - began - cpu_overhead();
	c->client.ssl = ssl_on(client, c->client.fd);
	if (!c->server.ssl || !c->client.ssl)
		return -1;
	SSL_set_accept_state(c->server.ssl);
	SSL_set_connect_state(c->client.ssl);
	tcp_blocking(c->server.fd, 0);
	tcp_blocking(c->client.fd, 0);
	if (tls_handshake(c->server.ssl, c->client.ssl, server_cpu) < 0)
		return -1;
	tcp_blocking(c->server.fd, 1);
	tcp_blocking(c->client.fd, 1);
	return 0;
}

static int connect_tcp(struct conn *c)
{
	int fd[2];

	*c = (struct conn){ .server.fd = -1, .client.fd = -1 };
	if (tcp_pair(fd) < 0)
		return -1;
	c->server.fd = fd[0];
	c->client.fd = fd[1];
	return 0;
}

int conn_shake(struct conn *c, SSL_CTX *server, SSL_CTX *client,
	       double *server_cpu)
{
	if (connect_tcp(c) == 0 && shake(c, server, client, server_cpu) == 0)
		return 0;
	conn_close(c);
	return -1;
}

static int secure(struct conn *c, const struct suite *s, enum drive server,
		  enum drive client)
{
	SSL_CTX *ours = tls_context(1, server, s);
	SSL_CTX *theirs = tls_context(0, client, s);
	int err = shake(c, ours, theirs, NULL);

	SSL_CTX_free(ours);
	SSL_CTX_free(theirs);
	if (err == 0 && server == DRIVE_KTLS)
		err = end_handoff(&c->server);
	if (err == 0 && client == DRIVE_KTLS)
		err = end_handoff(&c->client);
	return err;
}

int conn_open(struct conn *c, const struct suite *s, enum drive server,
	      enum drive client)
{
	if (connect_tcp(c) == 0 &&
	    (server == DRIVE_TCP || secure(c, s, server, client) == 0))
		return 0;
	conn_close(c);
	return -1;
}

void end_close(struct end *e)
{
	ktls_free(e->k);
	SSL_free(e->ssl);
	tcp_drop(e->fd);
	*e = (struct end){ .fd = -1 };
}

void conn_close(struct conn *c)
{
	end_close(&c->client);
	end_close(&c->server);
}

void conn_abort(struct conn *c)
{
	shutdown(c->server.fd, SHUT_RDWR);
	shutdown(c->client.fd, SHUT_RDWR);
}

static ssize_t write_some(struct end *e, const void *buf, size_t len)
{
	ssize_t n;

	if (e->k)
		return ktls_write(e->k, buf, len, 0);
	if (e->ssl) {
		n = SSL_write(e->ssl, buf, (int)len);
		return n > 0 ? n : -KTLS_ESSL;
	}
	n = send(e->fd, buf, len, MSG_NOSIGNAL);
	return n < 0 ? -errno : n;
}

static ssize_t read_some(struct end *e, void *buf, size_t len)
{
	ssize_t n;

	if (e->k)
		return ktls_read(e->k, buf, len);
	if (e->ssl) {
		n = SSL_read(e->ssl, buf, (int)len);
		return n > 0 ? n : -KTLS_ESSL;
	}
	n = recv(e->fd, buf, len, 0);
	return n < 0 ? -errno : n;
}

int end_write(struct end *e, const void *buf, size_t len)
{
	const char *at = buf;
	ssize_t n;

	while (len > 0) {
		n = write_some(e, at, len);
		if (n < 0)
			return complain("write", (int)n);
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int end_read(struct end *e, void *buf, size_t len)
{
	char *at = buf;
	ssize_t n;

	while (len > 0) {
		n = read_some(e, at, len);
		if (n <= 0)
			return complain("read", n ? (int)n : -ECONNRESET);
		at += n;
		len -= (size_t)n;
	}
	return 0;
}
