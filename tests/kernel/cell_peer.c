/* SPDX-License-Identifier: MIT */
/*
 * A cell's way up to the hand-off: the stock peer, the TCP connection, the
 * handshake and what goes through the SSL before it is given away.
 */
#include "cell.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tests/tls_calls.h"

static char port_text[32]; /* an argument of the peer's command line */

static void stock_version(struct cell *cell, struct stock *peer)
{
	int psk = cell->sc->flags & CELL_PSK;

	if (cell->version == KTLS_TLS_1_3) {
		stock_arg(peer, "-tls1_3");
		stock_opt(peer, "-ciphersuites", cell->aead->suite_1_3);
	} else {
		stock_arg(peer, "-tls1_2");
		stock_opt(peer, "-cipher", psk ? cell->aead->psk_1_2 :
						 cell->aead->suite_1_2);
	}
	if (psk) {
		stock_opt(peer, "-psk", "30313233343536373839616263646566");
		stock_opt(peer, "-psk_identity", "user");
	}
}

static void start_client(struct cell *cell)
{
	struct stock *peer = &cell->peer;
	unsigned flags = cell->sc->flags;

	stock_init(peer, "s_client");
	stock_opt(peer, "-connect", port_text);
	stock_version(cell, peer);
	/* quiet takes no commands, and prints what it received only */
	if (!(flags & CELL_KEYUPDATE))
		stock_arg(peer, "-quiet");
	if (flags & CELL_CLIENT_CERT)
		stock_opt(peer, "-cert", cell->files->cert);
	if (flags & CELL_SNI)
		stock_opt(peer, "-servername", "other.test");
	if (flags & (CELL_RESUME | CELL_FREED | CELL_EARLY))
		stock_opt(peer, cell->first ? "-sess_out" : "-sess_in",
			  cell->files->sess);
	if (flags & CELL_EARLY && !cell->first)
		stock_opt(peer, "-early_data", cell->files->early);
	cell_want(cell, stock_start(peer, flags & CELL_KEYUPDATE) == 0);
}

/* One server serves the connection before and the one tested. */
static int start_server(struct cell *cell)
{
	struct stock *peer = &cell->peer;
	unsigned flags = cell->sc->flags;

	stock_init(peer, "s_server");
	stock_opt(peer, "-accept", "127.0.0.1:0");
	stock_opt(peer, "-cert", cell->files->cert);
	stock_version(cell, peer);
	if (flags & CELL_HELLO_RETRY)
		stock_opt(peer, "-groups", "P-384");
	if (flags & CELL_CLIENT_CERT)
		stock_opt(peer, "-Verify", "1");
	if (flags & CELL_EARLY)
		stock_arg(peer, "-early_data");
	if (flags & CELL_NO_TICKETS)
		stock_opt(peer, "-num_tickets", "0");
	if (flags & CELL_RENEGOTIATE)
		stock_arg(peer, "-client_renegotiation");
	cell_want(cell, stock_start(peer, flags & CELL_KEYUPDATE) == 0);
	return stock_port(peer);
}

static struct sockaddr_in loopback(int port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };

	addr.sin_port = htons((uint16_t)port);
	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return addr;
}

void cell_listen(struct cell *cell)
{
	struct sockaddr_in addr = loopback(0);
	socklen_t len = sizeof(addr);

	cell->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cell_want(cell, bind(cell->listener, (void *)&addr, len) == 0);
	cell_want(cell, listen(cell->listener, 4) == 0);
	cell_want(cell, getsockname(cell->listener, (void *)&addr, &len) == 0);
	cell->port = ntohs(addr.sin_port);
	snprintf(port_text, sizeof(port_text), "127.0.0.1:%d", cell->port);
}

void cell_sockets(struct cell *cell, int port)
{
	struct sockaddr_in addr = loopback(port);
	unsigned flags = cell->sc->flags;

	if (port == 0) {
		cell->fd = accept4(cell->listener, NULL, NULL, SOCK_CLOEXEC);
		cell_want(cell, cell->fd >= 0);
	} else {
		cell->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		cell_want(cell, connect(cell->fd, (void *)&addr,
					sizeof(addr)) == 0);
	}
	if (flags & CELL_NONBLOCK)
		fcntl(cell->fd, F_SETFL, O_RDWR | O_NONBLOCK);
	if (flags & CELL_ATTACHED && !cell->only)
		cell_want(cell, ktls_sock_attach(cell->fd) == 0);
	cell->ssl = SSL_new(cell->ctx);
	SSL_set_app_data(cell->ssl, cell);
	if (flags & CELL_READ_AHEAD)
		SSL_set_read_ahead(cell->ssl, 1);
	if (flags & CELL_KTLS_AGAIN)
		tls_set_ktls_option_of(cell->ssl);
	if (flags & CELL_MEMORY)
		SSL_set_bio(cell->ssl, BIO_new(BIO_s_mem()),
			    BIO_new(BIO_s_mem()));
	else
		cell_want(cell, SSL_set_fd(cell->ssl, cell->fd) == 1);
	if (cell->server)
		SSL_set_accept_state(cell->ssl);
	else
		SSL_set_connect_state(cell->ssl);
}

void cell_connect(struct cell *cell)
{
	if (cell->server) {
		if (cell->listener < 0)
			cell_listen(cell);
		start_client(cell);
		cell_sockets(cell, 0);
	} else {
		if (cell->port == 0)
			cell->port = start_server(cell);
		cell_want(cell, cell->port > 0);
		cell_sockets(cell, cell->port);
	}
	if (!cell->server && cell->session)
		cell_want(cell, SSL_set_session(cell->ssl, cell->session) == 1);
}

static void flush_memory(struct cell *cell)
{
	char *out;
	long len = BIO_get_mem_data(SSL_get_wbio(cell->ssl), &out);

	if (len <= 0)
		return;
	cell_want(cell, send(cell->fd, out, (size_t)len, MSG_NOSIGNAL) == len);
	cell_want(cell, BIO_reset(SSL_get_wbio(cell->ssl)) == 1);
}

static void fill_memory(struct cell *cell)
{
	char in[4096];
	ssize_t n = recv(cell->fd, in, sizeof(in), 0);

	cell_want(cell, n > 0);
	cell_want(cell, BIO_write(SSL_get_rbio(cell->ssl), in, (int)n) == n);
}

/* After a call of the SSL that returned `ret`: 1 if it is to be repeated. */
static int again(struct cell *cell, int ret)
{
	int err = SSL_get_error(cell->ssl, ret);
	struct pollfd pfd = { cell->fd, POLLIN, 0 };

	if (cell->sc->flags & CELL_MEMORY)
		flush_memory(cell);
	if (ret > 0)
		return 0;
	cell_want(cell, err == SSL_ERROR_WANT_READ ||
				err == SSL_ERROR_WANT_WRITE);
	if (cell->sc->flags & CELL_MEMORY) {
		fill_memory(cell);
		return 1;
	}
	if (err == SSL_ERROR_WANT_WRITE)
		pfd.events = POLLOUT;
	poll(&pfd, 1, -1);
	return 1;
}

static void early_server(struct cell *cell)
{
	char got[256];
	size_t have = 0;
	size_t n;
	int ret;

	do {
		ret = tls_read_early(cell->ssl, got + have,
				     sizeof(got) - have, &n);
		have += n;
	} while (again(cell, ret) || n > 0);
	cell_want(cell, have == strlen(cell_early_data));
	cell_want(cell, memcmp(got, cell_early_data, have) == 0);
}

static void early_client(struct cell *cell)
{
	while (again(cell, tls_write_early(cell->ssl, cell_early_data,
					   strlen(cell_early_data))))
		continue;
}

void cell_handshake(struct cell *cell)
{
	int early = cell->sc->flags & CELL_EARLY && !cell->first;

	if (early && cell->server)
		early_server(cell);
	else if (early)
		early_client(cell);
	while (again(cell, SSL_do_handshake(cell->ssl)))
		continue;
	if (!early)
		return;
	cell_want(cell, tls_early_accepted(cell->ssl));
	if (!cell->server)
		cell_want(cell, stock_expect(&cell->peer, cell_early_data,
					     strlen(cell_early_data)) == 0);
}

void cell_ssl_put(struct cell *cell, const void *buf, size_t len)
{
	while (again(cell, SSL_write(cell->ssl, buf, (int)len)))
		continue;
}

void cell_ssl_get(struct cell *cell, void *buf, size_t len)
{
	char *at = buf;

	while (len > 0) {
		int n = SSL_read(cell->ssl, at, (int)len);

		if (again(cell, n))
			continue;
		at += n;
		len -= (size_t)n;
	}
}
